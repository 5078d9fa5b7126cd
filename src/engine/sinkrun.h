/* What runs a sink connector: read its topics' streams, write, flush, remember the cursor.
 *
 * The cursor is stored after the target says "durable" and the dead letters are, so a crash repeats
 * and never skips (engine/feed.h; of embedded streams inputs.h says where). A sink with `reached`
 * stores it itself, together with the events, before: then nothing is repeated either, and the file
 * only follows. The file is also what keeps retention from unlinking what this sink still needs.
 * run is called by one thread; stop, finish, pause, between and status by any. */
#ifndef LEAT_ENGINE_SINKRUN_H
#define LEAT_ENGINE_SINKRUN_H

#include "engine/engine.h"
#include "engine/inputs.h"
#include "engine/parking.h"
#include "sink/sink.h"
#include "stream/tables.h"

typedef struct leat_sinkrun_conf {
    const leat_sink *sink;
    const void *conf; /* parsed, of sink->options */
    const char *connector, *data;
    const char *const *topics; /* NULL-ended names; those not there yet are waited for */
    const leat_regex *pattern; /* instead of them: whatever topics fit it; NULL: the names */
    leat_feed *feed; /* what is read; NULL: the embedded streams of data that have these topics */
    const leat_transforms *transforms; /* ... of what these hold; NULL: none */
    leat_dead_store *dead;
    leat_page *page;     /* may be NULL */
    leat_tables *tables; /* the ledger topic by topic; may be NULL */
    leat_parking_conf parking;
    /* The sink has paused: why, for a person. Called by the sink's thread; NULL: it goes on. */
    void (*paused)(void *arg, const char *why);
    void *paused_arg;
    bool tolerate;      /* errors.tolerance=all */
    leat_retry retry;   /* as of leat_engine_conf */
    int64_t stalled_us; /* the same */
} leat_sinkrun_conf;

typedef struct leat_sinkrun leat_sinkrun;

leat_sinkrun *leat_sinkrun_new(const leat_sinkrun_conf *conf);
void leat_sinkrun_free(leat_sinkrun *k);
/* Until stopped (OK), finished (OK), or an error that waiting does not mend. */
leat_rc leat_sinkrun_run(leat_sinkrun *k, leat_err *e);
void leat_sinkrun_stop(leat_sinkrun *k);
/* End once everything that is in the streams now has been delivered. */
void leat_sinkrun_finish(leat_sinkrun *k);
/* While it is paused, sink and inputs are closed. */
void leat_sinkrun_pause(leat_sinkrun *k, bool paused);
/* Runs fn on the sink's thread while its inputs are closed (so the cursors may be changed), and
 * waits for it: what fn returns is returned. RETRY "engine.ended" if the sink ended first. Any
 * thread but the sink's, one at a time. */
leat_rc leat_sinkrun_between(leat_sinkrun *k, leat_rc (*fn)(void *arg, leat_err *e), void *arg,
                             leat_err *e);
/* As leat_engine_watch. */
void leat_sinkrun_watch(leat_sinkrun *k);
void leat_sinkrun_status(leat_sinkrun *k, leat_run_state *state, leat_err *err,
                         leat_sink_counts *counts);

#endif
