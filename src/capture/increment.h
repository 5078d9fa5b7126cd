/* Snapshots that a signal asks for: which tables, in which order, and what is told about it.
 *
 * What all sources share of it; a source gives what only it can know by leat_increment_calls.
 * Tables are read by the engine's driver beside the stream (engine/ask.c), one after the other:
 * this is the source's side of it. With signal.data.collection (and not read.only) rows of that
 * table stand around each chunk, as Debezium's do (watermark.h).
 *
 * What is asked for and how far it is stands in the position, in Debezium's fields
 * (incremental_snapshot_*), so either can take over from the other. The ledger knows more exactly
 * how far it is, and is what a restart goes on from. Failing here never stops the stream: a table
 * that cannot be read is told and left out. A blocking snapshot reads whole tables while the stream
 * waits; it begins again if it is interrupted. By the task's thread. */
#ifndef LEAT_CAPTURE_INCREMENT_H
#define LEAT_CAPTURE_INCREMENT_H

#include <stdatomic.h>

#include "base/json.h"
#include "capture/javakeys.h"
#include "capture/notify.h"
#include "capture/signal.h"

enum {
    LEAT_INCREMENT_KEYS = 32,   /* columns of a key */
    LEAT_INCREMENT_CLOSED = 16, /* windows whose last rows are remembered */
};

/* A table that waits, or the first: that is read. In the queue's arena. */
typedef struct leat_wanted {
    const char *name;      /* "schema.table" */
    const char *filter;    /* NULL: all rows */
    const char *surrogate; /* column to read by; NULL: its key */
    const char *id;        /* of the signal */
    const char *asked;     /* where and as which: no other has the same; NULL: Debezium asked */
    bool ready;            /* of a new table: it is published */
    struct leat_wanted *next;
} leat_wanted;

/* The first of them, as it is given to be read. Heap. */
typedef struct leat_asked {
    leat_arena a;
    leat_snap_table table; /* rows and priv are for the source to fill, with what follows */
    const char *missing;   /* why there is no such table to capture; NULL: there is one */
    const char *order;     /* that bounds of its rows have (leat_bound_write); NULL: it has no
                              columns that it could be read by */
    leat_java_type *types; /* of those columns: */
    uint16_t n;
    struct leat_asked *next;
} leat_asked;

/* A signal that waits for the end of a transaction. */
typedef struct leat_signal_waiting {
    const leat_signal *signal;
    struct leat_signal_waiting *next;
} leat_signal_waiting;

/* A blocking snapshot that is wanted. In the queue's arena. */
typedef struct leat_increment_block {
    const char *signal; /* as JSON */
    struct leat_increment_block *next;
} leat_increment_block;

/* What a source does for it; arg: as leat_increment_new was given it. */
typedef struct leat_increment_calls {
    /* Names ("schema.table") of the captured tables, in a. */
    leat_rc (*captured)(void *arg, leat_arena *a, const char ***names, size_t *n, leat_err *e);
    /* Looks the table up and fills x, all in its arena: what is missing, or order, types, n, and
     * table.rows and .priv. RETRY and FATAL go to the task, other failures are told and the table
     * is left out. */
    leat_rc (*look)(void *arg, const leat_wanted *w, leat_asked *x, leat_err *e);
    /* The present place as a position, in text. */
    leat_position (*position)(void *arg, leat_buf *text);
    /* Appends it as a short text. */
    void (*place)(void *arg, leat_buf *out);
    /* All that was read is safe, in a read. */
    void (*safe)(void *arg, leat_batch *b);
    /* The source block of rows that go out at the present place, in a. */
    const leat_value *(*origin)(void *arg, leat_arena *a);
    /* A blocking snapshot: AGAIN: b is full; OK: it is done. Begins it at the first call; on
     * failure, and at block_end, what it holds is let go. */
    leat_rc (*block_read)(void *arg, const leat_signal *signal, leat_batch *b, leat_err *e);
    void (*block_end)(void *arg);
    /* Whether the row that closed a chunk's window is to be looked for: its id; NULL: no. */
    const char *(*window)(const leat_view *view);
    const char *not_sent; /* why such rows may not come with the stream */
} leat_increment_calls;

typedef struct leat_increment {
    const leat_capture_conf *conf;
    const leat_increment_calls *calls;
    void *arg;
    leat_notify *notify; /* borrowed; NULL: nothing is told */

    leat_arena queue; /* of the tables and of the signals' ids */
    leat_wanted *first, **tail;
    bool paused;
    unsigned asks; /* numbers them */

    leat_arena signals; /* of those that wait */
    leat_signal_waiting *waiting, **waiting_tail;

    leat_asked *ask;  /* the first table; NULL: not looked up yet */
    leat_asked *left; /* those before, which may still be read */
    int64_t retry_us; /* looking it up failed: again then; 0: it did not */
    leat_arena keys;  /* of: */
    uint16_t nkeys;
    const leat_java_key *maximum, *sent; /* nkeys each; NULL: not known yet, none yet */

    atomic_bool no_writes; /* the signal table cannot be written to: done without, until a snapshot
                              is asked for when none runs. Readers too */
    char closed[LEAT_INCREMENT_CLOSED][40]; /* ids of windows whose last row came with the stream */
    unsigned nclosed;

    /* Blocking snapshots. */
    leat_increment_block *block;     /* the first is being read; NULL: none */
    const leat_signal *block_signal; /* it, once its reading began; in: */
    leat_arena block_arena;
} leat_increment;

/* Heap; all that is given outlives it. offset: to go on from, absent at a first start. */
leat_increment *leat_increment_new(const leat_capture_conf *c, const leat_increment_calls *calls,
                                   void *arg, leat_notify *notify, leat_str offset);
void leat_increment_free(leat_increment *inc);

/* Takes a signal for the next end of a transaction. It is copied. */
leat_rc leat_increment_signal(leat_increment *inc, leat_str json, leat_err *e);
/* A row was put into the signal table: its three columns; absent ones are NULL. */
void leat_increment_row(leat_increment *inc, leat_str id, leat_str type, leat_str data);

/* Does what the signals ask for that have come, at the end of a transaction: the position that is
 * told next holds it. */
leat_rc leat_increment_signals(leat_increment *inc, leat_batch *b, leat_err *e);
/* Between transactions: does what is due. *waits: a blocking snapshot is read, and the stream must
 * not be. */
leat_rc leat_increment_turn(leat_increment *inc, leat_batch *b, bool *waits, leat_err *e);
/* A new table is wanted, with an id of its own; b says so. */
leat_wanted *leat_increment_want(leat_increment *inc, leat_batch *b, const char *name);
bool leat_wanted_new(const leat_wanted *w);
/* Something is to be done soon: the stream must not wait for long. */
bool leat_increment_busy(const leat_increment *inc);
/* A snapshot is wanted or under way (and not paused). */
bool leat_increment_runs(const leat_increment *inc);
/* Rows of the signal table are to be written around chunks. */
bool leat_increment_windows(const leat_increment *inc);
/* Tells about the incremental snapshot; members but id and aggregate are the caller's. */
void leat_increment_tell(leat_increment *inc, leat_batch *b, leat_notice notice, bool tables);

/* ---- increment_ask.c ---- */

/* Looks the first table up, so that it can be asked for; those that cannot be read are told in b
 * and taken out, not more in a turn than the stream can wait for. b NULL: does nothing where that
 * would be so. */
leat_rc leat_increment_ask(leat_increment *inc, leat_batch *b, leat_err *e);
/* The first table is another one now. */
void leat_increment_let_go(leat_increment *inc);
/* All that are not asked for. */
void leat_increment_asks_free(leat_increment *inc);
/* As leat_source_chunks says. */
const leat_snap_table *leat_increment_asked(leat_increment *inc, const leat_snap_table *held,
                                            bool *rests);
leat_rc leat_increment_told(leat_increment *inc, leat_batch *b, const leat_chunk_told *told,
                            leat_err *e);
leat_rc leat_increment_over(leat_increment *inc, leat_batch *b, const leat_chunk_told *told,
                            const leat_err *why, leat_err *e);

/* ---- increment_keep.c ---- */

/* Appends the fields to an offset (an object that is not closed yet), if there is anything. */
void leat_increment_write(const leat_increment *inc, leat_jw *w);
void leat_increment_recall(leat_increment *inc, leat_str offset);

/* ---- increment_block.c ---- */

/* Notes the signal: the stream waits from now on. */
void leat_increment_block_begin(leat_increment *inc, const leat_signal *signal);
/* Gives up the one that is read and those that wait, and tells it. */
void leat_increment_block_stop(leat_increment *inc, leat_batch *b, const leat_signal *signal);
/* Reads on; inc->block is the next one, or NULL, when it is done. */
leat_rc leat_increment_block_turn(leat_increment *inc, leat_batch *b, leat_err *e);
/* Whether a blocking snapshot wants the table, and which of its rows: filter, NULL: all. */
leat_rc leat_increment_block_wants(const leat_signal *signal, const char *name, bool *wanted,
                                   const char **filter, leat_err *e);
/* The statement that a filter of a blocking snapshot is: itself, if it is a whole SELECT; else with
 * the table (quoted) before it, in a. NULL: the table's all. */
const char *leat_increment_block_statement(const char *quoted, const char *filter, leat_arena *a);

#endif
