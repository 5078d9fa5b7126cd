/* Inside of the engine: shared by its parts engine.c, task.c, pump.c, append.c, snapshot.c,
 * between.c, reshape.c, watch.c, and by nobody else. */
#ifndef LEAT_ENGINE_RUN_H
#define LEAT_ENGINE_RUN_H

#include "base/buf.h"
#include "engine/appender.h"
#include "engine/budget.h"
#include "engine/engine.h"
#include "engine/progress.h"
#include "engine/stall.h"
#include "transform/transform.h"

typedef struct leat_between leat_between;
typedef struct leat_signal_job leat_signal_job;
typedef struct leat_beside leat_beside;

/* Where a task is between two turns. */
typedef enum leat_run_phase {
    LEAT_PHASE_OPEN,     /* settles what it left, opens its source */
    LEAT_PHASE_SNAPSHOT, /* reads chunk after chunk */
    LEAT_PHASE_STREAM,   /* reads the stream of changes */
    LEAT_PHASE_CLOSED,   /* its source is closed; what it left open is taken back */
    LEAT_PHASE_BACK_OFF, /* waits for its next attempt */
    LEAT_PHASE_PARKED,   /* leaves the stream to somebody else */
    LEAT_PHASE_OVER,
} leat_run_phase;

/* How far a task's snapshot is. */
typedef struct leat_run_snap {
    const char *state; /* "none", "running", "done"; static */
    unsigned done, of; /* chunks */
    uint64_t rows;
} leat_run_snap;

/* A partition that the task's own batches carried, and what was acknowledged of it. */
typedef struct leat_run_part {
    leat_buf partition, offset;
    bool due; /* offset is durable and not acknowledged yet */
} leat_run_part;

/* A running task. By its own thread, but where something else is said. */
typedef struct leat_run {
    leat_engine *g;
    leat_task task;
    leat_batch batch;
    _Atomic leat_run_phase phase; /* whoever runs the engine takes it out of PARKED */
    leat_rc result;               /* of the last attempt, from CLOSED on; PENDING: it is over ... */
    leat_err err;                 /* ... and its error */
    leat_retry retry;
    uint64_t queued;     /* events of it that the page counts as waiting */
    bool full;           /* the batch waits to be appended ... */
    bool lettered;       /* ... its dead letters are stored */
    bool commit_due;     /* what was appended is worth a sync */
    bool under_way;      /* the last commit has begun, and something of this task is not done */
    bool past_end;       /* `once` has what it wanted */
    bool progressed;     /* something became durable since the last open */
    bool open_tail;      /* what it appended ends behind its last safe place */
    bool planned;        /* in an attempt of this run */
    bool skip_stream;    /* nothing follows the snapshot */
    bool with_progress;  /* the batch that waits says how far the snapshot is ... */
    bool bulk;           /* ... or holds its rows: more are at hand */
    leat_rc read_rc;     /* of the read that filled the batch */
    int64_t wake_us;     /* after a turn that said AGAIN: when the next is worth it */
    int64_t retry_us;    /* BACK_OFF, or stalled: when to try again; else 0 */
    int64_t stall_us;    /* the pause before that; 0: not stalled */
    int64_t room_us;     /* the pause until the stream may take the batch; 0: it is not full */
    int64_t beat_us;     /* last time the source was called */
    int64_t came_us;     /* ... and gave events, or was read first */
    int64_t tended_us;   /* ... and the stream looked after, while nothing was read */
    int64_t winding_us;  /* since when the end of the attempt waits for a commit; 0: it does not */
    _Atomic size_t held; /* bytes of its batch and its arena */
    _Atomic size_t beside_held; /* of what its readers have read, and of notes */
    int64_t gauged_us;          /* last look at the gauges ... */
    int64_t looked_us;          /* ... and at what the process holds */
    int64_t first_pending_us;   /* when the oldest uncommitted batch was appended; 0: none */
    uint64_t appended,
        seen;         /* the appender's counts: of its last append, of the commit looked at */
    leat_counts tail; /* counted behind the last safe place ... */
    leat_tallies tail_tables;   /* ... and the same table by table */
    leat_counts reached_counts; /* of the batch that waits: what it adds to the totals ... */
    bool reaches;               /* ... if it has a safe place */
    leat_arena arena;           /* of one attempt: from open to close */
    leat_str stored;            /* the stream's progress at its beginning */
    leat_buf end;               /* once: the source's end at the first open; empty: none */
    leat_run_part *parts;
    unsigned nparts, parts_cap;
    leat_plan plan; /* SNAPSHOT: ... */
    leat_chunk *chunk;
    const leat_chunk *said; /* for people, last */
    bool chunk_done;
    uint64_t chunk_before;         /* rows of the snapshot when it began */
    leat_run_snap snap, snap_next; /* as appended (by whoever has the appender), to be appended */
    leat_buf progress;             /* of the batch that waits */
    leat_beside *beside;           /* STREAM: a snapshot beside it, or ad hoc; NULL: none */
    leat_buf tables, tables_next;  /* its ledger, as snap and snap_next; empty: none */
    leat_buf reached_partition, reached; /* its last safe place that is appended; empty: none */
    leat_task_status status;             /* under the engine's lock ... */
    leat_progress tables_shown;          /* ... and this: how far each table is ... */
    leat_stall stall;                    /* ... and this: whether it goes on */
    _Atomic uint64_t turns;              /* taken */
    _Atomic leat_stage stage;            /* what it called last, for who watches it */
    int64_t shown_us;                    /* when that was put last */
    leat_transform_run *transforms;      /* NULL: there are none */
    pthread_t thread;                    /* if there are several */
} leat_run;

struct leat_engine {
    leat_engine_conf conf;
    atomic_bool stop, pause;
    atomic_bool broken; /* FATAL: all tasks end */
    leat_appender appender;
    leat_budget budget;
    _Atomic size_t driver_held; /* as the sources' gauges said last */
    leat_run *runs;
    unsigned n;
    pthread_mutex_t lock; /* guards what follows */
    leat_engine_status status;
    leat_err error;           /* of the first task that failed for good */
    leat_arena durable_arena; /* of the durable positions: */
    leat_position *durable;
    size_t ndurable;
    bool ended;
    leat_between *between, **between_tail; /* requests that wait, the oldest first */
    pthread_cond_t answered;               /* one of them was */
    atomic_bool wanted;                    /* there are some: the attempts should end */
    leat_signal_job *signals;              /* the oldest first */
    uint64_t signal_tickets;               /* given so far */
    atomic_bool signalled;                 /* there may be signals that are not done */
};

/* The attempt should end: stop was said, or somebody waits for the exclusive section. */
static inline bool leat_run_leave(leat_engine *g)
{
    return atomic_load(&g->stop) || atomic_load(&g->wanted) || atomic_load(&g->broken);
}

/* The task calls something that may block: what. */
static inline void leat_run_at(leat_run *r, leat_stage stage)
{
    atomic_store_explicit(&r->stage, stage, memory_order_relaxed);
}
/* ... which is the stream, or what it is kept on. */
static inline void leat_run_at_stream(leat_run *r, leat_stage embedded)
{
    leat_run_at(r, r->g->conf.stream_bytes ? LEAT_STAGE_KAFKA : embedded);
}

/* ---- engine.c: what everybody may see ---- */

void leat_run_state_set(leat_run *r, leat_run_state state);
/* A task as it is shown: STALLED, with why, where it hangs. The lock is held. */
void leat_run_shown(const leat_run *r, leat_task_status *out);
/* All tasks as one, to the page. The lock is held. */
void leat_run_show(leat_engine *g);
/* It reads: rows or the stream. */
void leat_run_going(leat_run *r);
/* The task's last error; NULL: it runs well again. */
void leat_run_error(leat_run *r, const leat_err *err);
/* What the task waits for, for a person; NULL: nothing. */
void leat_run_waits(leat_run *r, const char *what);
/* How far its snapshot is; table may be NULL. */
void leat_run_snapshot_note(leat_run *r, const char *state, const char *table, unsigned done,
                            unsigned of);
/* How far each table is, now and then; n of them, the i-th by `say`. now_on: at once. */
void leat_run_tables_note(leat_run *r, size_t n, bool now_on,
                          void (*say)(leat_run *r, size_t i, leat_progress_say *out));
/* Mirrors what stands at the mark for status and page. The appender is taken, or no task runs. */
void leat_run_progress(leat_engine *g);
/* What was committed before is known. */
bool leat_run_known(const leat_stream *stream);
/* Bytes held now, and most so far, into the page. The appender is taken, or no task runs. */
void leat_run_memory(leat_engine *g);
/* At most once a second: the source's gauges into status and page. */
void leat_run_gauge(leat_run *r);

/* ---- task.c ---- */

/* One turn of a task; it blocks nowhere but in the source. OK: take the next at once. AGAIN: at
 * wake_us, or when the appender was given back. PENDING: it is parked or over. */
leat_rc leat_run_turn(leat_run *r);
/* No source is open, no other task runs: forgets what was appended of unfinished transactions,
 * makes the rest durable. */
leat_rc leat_run_settle(leat_engine *g, leat_err *e);
/* What follows after an attempt that ended with rc. */
void leat_run_after(leat_run *r, leat_rc rc, const leat_err *err);

/* ---- append.c ---- */

/* The batch was read: counts it, and from now on it waits for the appender. progress: it is part of
 * the snapshot, and snap_next holds once it is appended. */
leat_rc leat_run_offer(leat_run *r, bool progress, leat_err *e);
/* Appends what waits (dead letters first), commits what is worth it, acknowledges what became
 * durable. AGAIN: later, something is in the way; the source is kept alive. PENDING: the attempt is
 * over (result OK), what waits was let go. */
leat_rc leat_run_flush(leat_run *r, leat_err *e);
/* What other tasks' commits made durable of this one; acknowledges it. */
leat_rc leat_run_notice(leat_run *r, leat_err *e);
/* The task's batches carry positions of this partition: it is told when they are durable. */
void leat_run_own(leat_run *r, leat_str partition);
/* Something of the task is appended and not durable. */
static inline bool leat_run_pending(const leat_run *r)
{
    return r->first_pending_us != 0;
}

/* ---- reshape.c ---- */

/* The batch that was read goes through the transforms, which there are. Its events and safe place
 * are new; CONF: a transform could not take one. */
leat_rc leat_run_reshape(leat_run *r, leat_err *e);

/* ---- pump.c, snapshot.c: one step. OK, AGAIN as of a turn; PENDING: the attempt is over, with
 * result PENDING if there is nothing more to do ---- */

leat_rc leat_run_stream(leat_run *r, leat_err *e);
/* Takes snap from r->stored. The appender is taken. */
void leat_run_recall(leat_run *r);
/* Of all tasks, from the stream, while none is open: what one of them appends says how far the
 * others are, too, whether they have opened or not. */
void leat_run_recall_all(leat_engine *g);
/* The snapshots' progress with snap_next of this task, in r->progress. The appender is taken. */
leat_str leat_run_progress_text(leat_run *r);
/* It was appended: snap is what snap_next was. The appender is taken. */
void leat_run_progress_appended(leat_run *r);
/* Asks the source what to read; the task's phase follows from that. */
leat_rc leat_run_plan(leat_run *r, leat_err *e);
leat_rc leat_run_chunk(leat_run *r, leat_err *e);
/* Before the attempt ends, or a pause: all that was appended is durable then. AGAIN as of a turn.
 */
leat_rc leat_run_wind_up(leat_run *r, leat_err *e);
/* The stream's housekeeping, when no other task is at it. */
leat_rc leat_run_tend(leat_run *r, leat_err *e);
/* The same, now and then: for who calls it again and again and does nothing else. */
leat_rc leat_run_tend_idle(leat_run *r, leat_err *e);
/* Its limits hold the task: told in its status; it asks again in *left_us. */
bool leat_run_held_back(leat_run *r, int64_t *left_us);
/* The engine is paused, or was until now: true as long as it is; what is appended is durable. */
leat_rc leat_run_paused(leat_run *r, bool *paused, leat_err *e);
/* Nothing is taken from the source: the next turn in us at the latest, and every second a beat. */
leat_rc leat_run_idle(leat_run *r, int64_t us, leat_err *e);

/* ---- signals.c; all but free by the task's thread ---- */

/* Gives the source the signals that wait. */
void leat_run_signals(leat_run *r);
/* A batch with a safe place was appended, which was read after they had been given. */
void leat_run_signals_placed(leat_run *r);
/* A commit was seen. */
void leat_run_signals_durable(leat_run *r);
/* The source is opened: it knows none that are not done. */
void leat_run_signals_again(leat_run *r);
void leat_signals_free(leat_engine *g);

/* ---- between.c ---- */

/* All tasks are parked or over: answers the requests for the exclusive section. An error is that of
 * the attempts that would follow; its request was answered with it. */
leat_rc leat_run_between(leat_engine *g, leat_err *e);
/* The engine ends: requests that wait, and all later ones, are refused. */
void leat_run_ended(leat_engine *g);

#endif
