/* The readers of a snapshot beside the stream: threads that do jobs for a task.
 *
 * A task hands out jobs (reading.h's fields up to `state` are set before) and looks at them again
 * and again; a reader takes the oldest that waits, makes the source's calls and leaves what it read
 * in the job. Without threads, for tests, leat_readers_step makes one call of one reader.
 *
 * Everything in a reading behind `state` is guarded by the readers' lock while it is WAITS or RUNS;
 * before and after, it is the task's. */
#ifndef LEAT_ENGINE_READERS_H
#define LEAT_ENGINE_READERS_H

#include <pthread.h>
#include <stdatomic.h>

#include "capture/window.h"
#include "source/source.h"

typedef enum leat_reading_state {
    LEAT_READING_WAITS,
    LEAT_READING_RUNS,
    LEAT_READING_OVER
} leat_reading_state;

/* Rows that were read and not appended. */
typedef struct leat_held {
    leat_batch b;
    struct leat_held *next;
} leat_held;

typedef struct leat_reading {
    leat_job job;
    leat_window *window; /* READ, KEYS */
    leat_arena arena;    /* range, bounds, view */
    leat_range range;
    uint64_t bytes;    /* CUT: of a chunk */
    unsigned most;     /* CUT: bounds */
    size_t bound;      /* READ, KEYS: bytes held at most; 0: any number */
    bool still;        /* its rows are taken while it is read: at the bound it waits */
    bool judged;       /* by the task: the window has seen its view ... */
    bool behind;       /* ... and that was behind the stream */
    bool spoiled;      /* by the task: its window was */
    uint64_t out_rows; /* that went out */

    leat_reading_state state;
    bool drop;  /* set by the task: the result is not wanted */
    bool halve; /* it held more than its bound, or changed too much */
    leat_rc rc; /* OVER: OK, PENDING (the table is gone) or an error, err */
    leat_err err;
    leat_view view; /* text absent: not taken yet */
    leat_str *bounds;
    unsigned nbounds;
    leat_held *held, **held_tail;
    size_t held_bytes;
    uint64_t rows; /* read */
    struct leat_reading *next, *next_waiting;
} leat_reading;

typedef struct leat_readers leat_readers;

/* n readers of the task; threads: each has one of its own, started with its first job. batch_*: the
 * limits of what is handed over at once. Heap; never NULL. */
leat_readers *leat_readers_new(leat_task *task, unsigned n, bool threads, uint32_t batch_events,
                               size_t batch_bytes);
/* Ends them: waits for calls under way, closes the connections. Readings stay. */
void leat_readers_stop(leat_readers *rs);
void leat_readers_free(leat_readers *rs);
unsigned leat_readers_count(const leat_readers *rs);

/* The reading is the caller's again when it is OVER. RETRY: there is no thread to be had. */
leat_rc leat_readers_give(leat_readers *rs, leat_reading *g, leat_err *e);
/* Its state now; *view: it has one. */
leat_reading_state leat_readers_look(leat_readers *rs, leat_reading *g, bool *view);
/* It is not wanted any more; it is OVER soon. */
void leat_readers_drop(leat_readers *rs, leat_reading *g);
/* It holds a batch. */
bool leat_reading_has_rows(leat_readers *rs, leat_reading *g);
/* The oldest of its batches that are held; NULL: none now. Given back with put_back. */
leat_held *leat_readers_take(leat_readers *rs, leat_reading *g);
void leat_readers_put_back(leat_readers *rs, leat_held *h);
/* One call of one reader, if it has something to do. */
void leat_readers_step(leat_readers *rs, unsigned reader);
/* Bytes of rows: those held of all readings, those being read, and batches kept for the next. */
size_t leat_readers_held(leat_readers *rs);

leat_reading *leat_reading_new(const leat_job *job);
void leat_reading_free(leat_readers *rs, leat_reading *g);

#endif
