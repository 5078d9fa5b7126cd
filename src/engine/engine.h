/* What runs a source connector: open, snapshot, read, append, commit, acknowledge; again after
 * errors.
 *
 * The engine owns the order of things on which "nothing is lost" stands: dead letters durable, then
 * events and position durable in the stream, then the source is acknowledged; the ledger balanced
 * at each safe place. It knows no system and no file: source, stream, store, page and clock are
 * given, so the simulator runs the same code in a world of its own.
 *
 * A connector is one task, or several that read its parts, each with a batch, a back-off and a
 * state of its own, and a thread if there are several. The connector has FAILED when a task has;
 * the others go on, as in Kafka Connect, unless the stream itself is in doubt (FATAL).
 *
 * leat_engine_run is called by one thread; stop, pause, between and status by any. */
#ifndef LEAT_ENGINE_ENGINE_H
#define LEAT_ENGINE_ENGINE_H

#include "base/json.h"
#include "engine/retry.h"
#include "source/source.h"
#include "stream/page.h"
#include "stream/stream.h"
#include "stream/tables.h"
#include "transform/transform.h"

typedef struct leat_engine_conf {
    const leat_source *source;
    const void *conf;      /* parsed, of source->options */
    const char *connector; /* name */
    const char *folder;    /* its own; NULL: it has none */
    const char *run_id;    /* UUID of this run */
    leat_stream *stream;   /* open; the engine does not close it */
    leat_dead_store *dead;
    leat_schema_store *schemas; /* what tables looked like, for a connector of one task; or NULL */
    leat_page *page;            /* may be NULL */
    leat_tables *tables;        /* the ledger table by table; may be NULL */
    bool once;                  /* end when the source's end, noted at the start, is passed */
    unsigned tasks;             /* as leat_source.tasks said; 0: 1 */
    /* Several tasks on the caller's thread, for tests: which of n that could go on takes the next
     * turn. NULL: each has a thread of its own. */
    unsigned (*pick)(unsigned n);
    uint32_t batch_events;  /* 0: 4096 */
    int idle_ms;            /* longest read when nothing has come for a while; 0: as always */
    size_t batch_bytes;     /* 0: follows from memory, at most 1 MiB */
    size_t memory;          /* limits.memory; 0: 64 MiB */
    size_t max_event_bytes; /* 0: none */
    int64_t rate_events, rate_bytes, cpu_percent; /* limits.*; 0: none */
    size_t stream_bytes; /* what the stream holds beside frames, at most: on its way to Kafka */
    leat_retry retry;    /* errors.retry.*; zeroed: for the defaults, but limit */
    const leat_transforms *transforms; /* of what is read, before it is appended; NULL: none */
    bool tolerate;      /* errors.tolerance=all: what they cannot take goes to the dead letters */
    int64_t stalled_us; /* stalled.after.ms; 0: no task is called STALLED for making no progress */
} leat_engine_conf;

typedef struct leat_engine leat_engine;

/* conf is copied, what it points at outlives the engine. Heap; never NULL. */
leat_engine *leat_engine_new(const leat_engine_conf *conf);
void leat_engine_free(leat_engine *g);

/* Runs until stopped (OK), the end of `once` (OK), or an error that waiting does not mend (CONF,
 * FATAL, or RETRY past its limit). Everything read is committed and acknowledged before OK. */
leat_rc leat_engine_run(leat_engine *g, leat_err *e);

void leat_engine_stop(leat_engine *g);
void leat_engine_pause(leat_engine *g, bool paused);

/* Runs fn on the engine's thread while no task has its source open: the running attempts are ended
 * in order and everything read is durable; fn may change the stream (positions). Then the tasks
 * open again, at once where they waited for their next attempt; a paused engine stays paused. Waits
 * until it is done. What fn returns is returned; a FATAL of fn, such as a sync that failed, ends
 * the engine too. An error of its own when what was read could not be made durable: fn was not
 * called. RETRY "engine.ended" if the engine ended first. Any thread but the engine's. */
leat_rc leat_engine_between(leat_engine *g, leat_rc (*fn)(void *arg, leat_stream *s, leat_err *e),
                            void *arg, leat_err *e);

/* What a connector holds at most for events, if max.event.bytes is kept: of each task two batches
 * (one that was filled a little beyond) and a giant in its driver and its batch, and in the stream
 * three frames and a giant in two of them; where the stream is Kafka, what is on its way and a
 * giant three times. 0: no bound. */
size_t leat_engine_bound(const leat_engine *g);

/* The durable positions, copied to a. Any thread. */
void leat_engine_positions(leat_engine *g, leat_arena *a, leat_position **pos, size_t *n);

typedef struct leat_task_status {
    leat_run_state state;
    leat_err error;      /* the last one; rc OK: none since it ran well */
    int64_t since_us;    /* of state */
    int64_t retry_at_us; /* RETRYING: next attempt; else 0 */
    unsigned attempts;   /* since the last success */
    const char *waits;   /* what it waits for, for a person; static; NULL: nothing */
    leat_stage stage;    /* STALLED: what holds it */
    leat_gauges gauges;
    unsigned snapshot_done, snapshot_of; /* tables */
    char snapshot_table[128];
    char snapshot[16]; /* "none", "running", "done" */
} leat_task_status;

typedef struct leat_engine_status {
    leat_task_status all; /* state: the one that matters most of the tasks', with that task's error
                             and times; sums of gauges and snapshots */
    unsigned tasks;
    char position[8192]; /* last durable one of the first partition: JSON, cut if longer */
    leat_counts totals;
    uint64_t events; /* visible in the stream, since ever */
} leat_engine_status;
void leat_engine_status_get(leat_engine *g, leat_engine_status *out);
/* Of one task, from 0. */
void leat_engine_task_status(leat_engine *g, unsigned task, leat_task_status *out);

/* Looks whether the tasks go on; about once a second, by one thread that is not theirs. */
void leat_engine_watch(leat_engine *g);

/* Adds how far the snapshots' tables are to an open object (engine/progress.h). Any thread. */
void leat_engine_snapshot_write(leat_engine *g, leat_jw *w);

#endif
