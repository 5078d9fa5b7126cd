/* Snapshots that a signal asks for: which tables, in which order, and what is told about it.
 *
 * Tables are read by the engine's driver beside the stream (engine/ask.c), one after the other:
 * this is the source's side of it. With signal.data.collection (and not read.only) rows of that
 * table stand around each chunk, as Debezium's do (watermark.h).
 *
 * What is asked for and how far it is stands in the position, in Debezium's fields
 * (incremental_snapshot_*), so either can take over from the other. The ledger knows more exactly
 * how far it is, and is what a restart goes on from. Failing here never stops the stream: a table
 * that cannot be read is told and left out. A blocking snapshot reads whole tables while the stream
 * waits; it begins again if it is interrupted. By the task's thread. */
#ifndef LEAT_SOURCE_POSTGRES_INCREMENTAL_H
#define LEAT_SOURCE_POSTGRES_INCREMENTAL_H

#include "capture/javakeys.h"
#include "capture/notify.h"
#include "capture/signal.h"
#include "source/postgres/pg.h"
#include "source/postgres/reader.h"

enum {
    LEAT_PG_KEYS = 32,   /* columns of a key */
    LEAT_PG_CLOSED = 16, /* windows whose last rows are remembered */
};

/* A table that waits, or the first: that is read. In the queue's arena. */
typedef struct leat_pg_wanted {
    const char *name;      /* "schema.table" */
    const char *filter;    /* NULL: all rows */
    const char *surrogate; /* column to read by; NULL: its key */
    const char *id;        /* of the signal */
    const char *asked;     /* where and as which: no other has the same; NULL: Debezium asked */
    bool ready;            /* of a new table: it is published */
    struct leat_pg_wanted *next;
} leat_pg_wanted;

/* The first of them, as it is given to be read. Heap. */
typedef struct leat_pg_ask {
    leat_arena a;
    leat_snap_table table;
    leat_pg_snap snap;
    const leat_pg_identity *by; /* the columns that it is read by */
    leat_java_type *types;      /* of each */
    struct leat_pg_ask *next;
} leat_pg_ask;

/* A signal that waits for the end of a transaction. */
typedef struct leat_pg_signal {
    const leat_signal *signal;
    struct leat_pg_signal *next;
} leat_pg_signal;

/* A blocking snapshot that is wanted. In the queue's arena. */
typedef struct leat_pg_block {
    const char *signal; /* as JSON */
    struct leat_pg_block *next;
} leat_pg_block;

typedef struct leat_pg_increment {
    leat_arena queue; /* of the tables and of the signals' ids */
    leat_pg_wanted *first;
    bool paused;
    unsigned asks; /* numbers them */

    leat_arena signals; /* of those that wait */
    leat_pg_signal *waiting, **waiting_tail;

    leat_pg_ask *ask;  /* the first table; NULL: not looked up yet */
    leat_pg_ask *left; /* those before, which may still be read */
    int64_t retry_us;  /* looking it up failed: again then; 0: it did not */
    leat_arena keys;   /* of: */
    uint16_t nkeys;
    const leat_java_key *maximum, *sent; /* nkeys each; NULL: not known yet, none yet */

    atomic_bool no_writes; /* the signal table cannot be written to: done without. Readers too */
    char closed[LEAT_PG_CLOSED][40]; /* ids of windows whose last row came with the stream */
    unsigned nclosed;

    /* Blocking snapshots. */
    leat_pg_block *block; /* the first is being read; NULL: none */
    leat_arena plan_arena;
    leat_plan plan;
    leat_chunk *reading; /* NULL: the plan is not made yet */
} leat_pg_increment;

/* Heap. pos: the offset to go on from, absent at a first start. */
leat_pg_increment *leat_pg_increment_new(leat_pg_source *s, leat_str offset);
void leat_pg_increment_free(leat_pg_increment *inc);

/* Takes a signal for the next end of a transaction. It is copied. */
leat_rc leat_pg_increment_signal(leat_pg_source *s, leat_str json, leat_err *e);
/* A row was put into the signal table. */
void leat_pg_increment_row(leat_pg_source *s, const leat_pgoutput_tuple *row);

/* Does what the signals ask for that have come, at the end of a transaction: the position that is
 * told next holds it. */
leat_rc leat_pg_increment_signals(leat_pg_source *s, leat_batch *b, leat_err *e);
/* Between transactions: does what is due. *waits: a blocking snapshot is read, and the stream must
 * not be. */
leat_rc leat_pg_increment_turn(leat_pg_source *s, leat_batch *b, bool *waits, leat_err *e);
/* A new table is wanted, with an id of its own; b says so. */
const leat_pg_wanted *leat_pg_increment_want(leat_pg_source *s, leat_batch *b, const char *name);
bool leat_pg_wanted_new(const leat_pg_wanted *w);
/* Something is to be done soon: the stream must not wait for long. */
bool leat_pg_increment_busy(const leat_pg_increment *inc);
/* A snapshot is wanted or under way (and not paused). */
bool leat_pg_increment_runs(const leat_pg_increment *inc);

/* ---- incremental_ask.c ---- */

/* Looks the first table up, so that it can be asked for; those that cannot be read are told in b
 * and taken out. b NULL: does nothing where that would be so. */
leat_rc leat_pg_ask_first(leat_pg_source *s, leat_batch *b, leat_err *e);
/* The first table is another one now. */
void leat_pg_ask_let_go(leat_pg_increment *inc);
/* All that are not asked for. */
void leat_pg_asks_free(leat_pg_increment *inc);

/* ---- incremental_keep.c ---- */

/* Appends the fields to an offset (an object that is not closed yet), if there is anything. */
void leat_pg_increment_write(const leat_pg_increment *inc, leat_jw *w);
void leat_pg_increment_recall(leat_pg_increment *inc, leat_str offset);

/* ---- blocking.c ---- */

/* Notes the signal: the stream waits from now on. */
void leat_pg_block_begin(leat_pg_source *s, const leat_signal *signal);
/* Reads on; inc->block is the next one, or NULL, when it is done. */
leat_rc leat_pg_block_turn(leat_pg_source *s, leat_batch *b, leat_err *e);

/* Tells about the incremental snapshot; members but id and aggregate are the caller's. */
void leat_pg_increment_tell(leat_pg_source *s, leat_batch *b, leat_notice notice, bool tables);

#endif
