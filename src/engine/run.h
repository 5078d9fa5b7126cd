/* Inside of the engine: shared by engine.c, between.c, pump.c, snapshot.c and stall.c only. */
#ifndef LEAT_ENGINE_RUN_H
#define LEAT_ENGINE_RUN_H

#include <pthread.h>

#include "base/buf.h"
#include "engine/engine.h"

typedef struct leat_between leat_between;

struct leat_engine {
    leat_engine_conf conf;
    leat_task task;
    leat_batch batch;
    atomic_bool stop, pause;
    bool source_open;         /* between open and close of the source */
    bool progressed;          /* something became durable since the last open */
    int64_t gauged_us;        /* last look at the gauges */
    int64_t first_pending_us; /* when the oldest uncommitted batch was appended; 0: none */
    leat_arena arena;         /* of one attempt: from open to close */
    leat_buf end;             /* once: the source's end at the first open; empty: none */
    leat_buf acked;           /* last position acknowledged to the source, as text */
    leat_counts tail;         /* counted behind the last safe place */
    pthread_mutex_t lock;     /* guards what follows */
    leat_engine_status status;
    bool ended;
    leat_between *between, **between_tail; /* requests that wait, the oldest first */
    pthread_cond_t answered;               /* one of them was */
    atomic_bool wanted;                    /* there are some: the attempt should end */
    leat_arena durable_arena;              /* of the durable positions: */
    leat_position *durable;
    size_t ndurable;
};

/* The attempt should end: stop was said, or somebody waits for the exclusive section. */
static inline bool leat_run_leave(leat_engine *g)
{
    return atomic_load(&g->stop) || atomic_load(&g->wanted);
}

void leat_run_state_set(leat_engine *g, leat_run_state state);

/* Appends the batch: dead letters first, then ledger, then stream. progress: for the stream. */
leat_rc leat_run_append(leat_engine *g, leat_str progress, leat_err *e);
/* Makes it durable, then acknowledges what became so. */
leat_rc leat_run_commit(leat_engine *g, leat_err *e);

/* No source is open: forgets what was appended of unfinished transactions, makes the rest durable.
 */
leat_rc leat_run_settle(leat_engine *g, leat_err *e);
/* Mirrors what stands at the mark for status and page. */
void leat_run_progress(leat_engine *g);

/* No source is open: answers the requests for the exclusive section. An error ends the attempt that
 * would follow; its request was answered with it. */
leat_rc leat_run_between(leat_engine *g, leat_err *e);
/* The engine ends: requests that wait, and all later ones, are refused. */
void leat_run_ended(leat_engine *g);
/* Something that needs room, such as an append; progress is passed through. */
typedef leat_rc leat_run_call(leat_engine *g, leat_str progress, leat_err *e);
/* Calls it until there is room, STALLED meanwhile. RETRY with what was in the way when the attempt
 * should end; errors of beat end it too. */
leat_rc leat_run_when_room(leat_engine *g, leat_run_call *call, leat_str progress, leat_err *e);

/* At most once a second: the source's gauges into status and page. */
void leat_run_gauge(leat_engine *g);
/* The status shows this error. */
void leat_run_error(leat_engine *g, const leat_err *err);
/* It runs well again: the last error is forgotten. */
void leat_run_healthy(leat_engine *g);

/* All rows of the source's plan; OK also when there is nothing to do. stream_after: streaming
 * follows; it does not when the snapshot was left on the way. */
leat_rc leat_run_snapshot(leat_engine *g, bool *stream_after, leat_err *e);
/* Keeps the source alive until the pause is over or the attempt should end; then is in state again.
 */
leat_rc leat_run_paused(leat_engine *g, leat_run_state state, leat_err *e);
/* Streams until the attempt should end (OK), the end of the source or of `once` (PENDING), or
 * error.
 */
leat_rc leat_run_pump(leat_engine *g, leat_err *e);

#endif
