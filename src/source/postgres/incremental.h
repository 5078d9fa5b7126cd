/* Snapshots that a signal asks for, beside the stream: chunk after chunk of a table, in the order
 * of its key.
 *
 * A chunk is read under a view of its own while the stream goes on. Its rows are held until the
 * stream has passed the view's end; a row whose key a change has that the view does not surely
 * contain is let go, for the change is newer. With signal.data.collection (and not read.only) a row
 * of that table opens and another one closes the chunk's window, as Debezium's do, and the rows are
 * given out where the second one comes; without it where the server's log is passed.
 *
 * What is asked for and how far it is stands in the position, in Debezium's fields
 * (incremental_snapshot_*), so it goes on after a restart, and either can take over from the other.
 * Failing here never stops the stream: a table that cannot be read is told and left out. A blocking
 * snapshot reads whole tables while the stream waits; it begins again if it is interrupted. By the
 * task's thread. */
#ifndef LEAT_SOURCE_POSTGRES_INCREMENTAL_H
#define LEAT_SOURCE_POSTGRES_INCREMENTAL_H

#include "capture/javakeys.h"
#include "capture/notify.h"
#include "capture/signal.h"
#include "source/postgres/pg.h"

enum {
    LEAT_PG_RECENT = 8192, /* transactions read last that are remembered; a power of two */
    LEAT_PG_KEYS = 32,     /* columns of a key */
};

/* A table that waits, or the first: that is read. In the queue's arena. */
typedef struct leat_pg_wanted {
    const char *name;      /* "schema.table" */
    const char *filter;    /* NULL: all rows */
    const char *surrogate; /* column to read by; NULL: its key */
    const char *id;        /* of the signal */
    struct leat_pg_wanted *next;
} leat_pg_wanted;

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

/* What the chunk is at. */
typedef enum leat_pg_step {
    LEAT_PG_STEP_NONE,
    LEAT_PG_STEP_OPEN,    /* the window's row is written */
    LEAT_PG_STEP_VIEW,    /* a view is taken */
    LEAT_PG_STEP_MAXIMUM, /* the last key of the table is asked for */
    LEAT_PG_STEP_ROWS,    /* the rows are */
    LEAT_PG_STEP_CLOSE,   /* the window's last row is written */
    LEAT_PG_STEP_END,     /* where the log ends behind that is asked for */
    LEAT_PG_STEP_HELD,    /* the rows wait for the stream */
    LEAT_PG_STEP_FLUSH,   /* and the server is made to write its log on */
} leat_pg_step;

typedef struct leat_pg_held {
    const leat_value *cells; /* NULL: the row goes to the dead letters ... */
    leat_str text;           /* ... as this, ... */
    const leat_err *why;     /* ... for this */
    uint64_t hash;           /* of its key */
    uint32_t next;           /* in its bucket, from 1; 0: none */
    bool gone;               /* a change has its key */
} leat_pg_held;

/* A key of a change that was read since before the view was taken. */
typedef struct leat_pg_noted {
    uint64_t tx, hash;
    const leat_value *key; /* its cells; NULL: all keys (TRUNCATE) */
    bool torn;             /* the change did not have all of the row */
    struct leat_pg_noted *next;
} leat_pg_noted;

typedef struct leat_pg_increment {
    leat_arena queue; /* of the tables and of the signals' ids */
    leat_pg_wanted *first;
    bool paused;

    leat_arena signals; /* of those that wait */
    leat_pg_signal *waiting, **waiting_tail;

    /* The first table, once its reading has begun: rel is there. */
    leat_arena described, keys; /* of table; of maximum and sent */
    leat_pg_rel *rel;
    const leat_pg_table *table;
    uint16_t by[LEAT_PG_KEYS]; /* columns that it is read by: of the wire */
    uint16_t nby;
    const leat_java_key *maximum, *sent; /* nby each; NULL: not known yet, none yet */
    bool keyed;                          /* the rows have keys of their own to be found by */
    bool changed;                        /* the stream described the table anew */
    uint64_t rows;                       /* read of it */

    /* The chunk. */
    leat_pg_step step;
    leat_pg sql;
    char chunk[40];      /* its id */
    char opened[40];     /* when, as text */
    leat_arena arena;    /* of the rows and of what was noted */
    uint64_t seen;       /* of recent, when the view was asked for */
    uint64_t xmin, xmax; /* of the view */
    uint64_t *running;   /* in between: not in the view */
    size_t nrunning;
    leat_pg_held *held;
    uint32_t nheld, *buckets, nbuckets;
    leat_pg_noted *noted;
    uint32_t nnoted;
    const leat_java_key *end; /* last key of it */
    uint64_t limit;           /* rows of the next one */
    uint64_t end_lsn;         /* the stream must have passed it */
    bool windowed;            /* a row of the signal table closes it */
    bool no_writes;           /* the signal table cannot be written to: done without */
    bool torn;   /* a change that replaces a row of it lacks values: it is read again */
    bool asking; /* sql has a statement under way */
    int64_t since_us, asked_us, retry_us;

    /* Blocking snapshots. */
    leat_pg_block *block; /* the first is being read; NULL: none */
    leat_arena plan_arena;
    leat_plan plan;
    leat_chunk *reading; /* NULL: the plan is not made yet */

    uint64_t recent[LEAT_PG_RECENT]; /* ids of the transactions read last */
    uint64_t nrecent;
} leat_pg_increment;

/* Heap. pos: the offset to go on from, absent at a first start. */
leat_pg_increment *leat_pg_increment_new(leat_pg_source *s, leat_str offset);
void leat_pg_increment_free(leat_pg_increment *inc);

/* Takes a signal for the next end of a transaction. It is copied. */
leat_rc leat_pg_increment_signal(leat_pg_source *s, leat_str json, leat_err *e);
/* A row was put into the signal table. */
void leat_pg_increment_row(leat_pg_source *s, leat_batch *b, const leat_pgoutput_tuple *row,
                           uint64_t lsn);

/* Does what the signals ask for that have come, at the end of a transaction: the position that is
 * told next holds it. */
leat_rc leat_pg_increment_signals(leat_pg_source *s, leat_batch *b, leat_err *e);
/* Between transactions: does what is due, without waiting. *waits: a blocking snapshot is read, and
 * the stream must not be. */
leat_rc leat_pg_increment_turn(leat_pg_source *s, leat_batch *b, bool *waits, leat_err *e);
/* A transaction has ended that was read now. */
void leat_pg_increment_commit(leat_pg_increment *inc, uint64_t tx);
/* Something is to be done soon: the stream must not wait for long. */
bool leat_pg_increment_busy(const leat_pg_increment *inc);
/* A snapshot is wanted or under way (and not paused). */
bool leat_pg_increment_runs(const leat_pg_increment *inc);

/* ---- incremental_held.c ---- */

/* Changes of this table matter to rows that are held or read. */
bool leat_pg_increment_watches(const leat_pg_increment *inc, const leat_pg_rel *r);
/* A change of the table that is read; before and after as for the event. Both NULL: of all rows, or
 * of keys that are not known. */
void leat_pg_increment_note(leat_pg_source *s, const leat_pg_rel *r, const leat_value *before,
                            const leat_value *after);
/* Rows that came from the server become held ones, but those that a noted change has. */
leat_rc leat_pg_increment_hold(leat_pg_source *s, const PGresult *res, leat_err *e);
/* Gives the held rows out at lsn, or forgets them if they must be read again. */
void leat_pg_increment_release(leat_pg_source *s, leat_batch *b, uint64_t lsn);
/* Forgets the rows; they are read again. */
void leat_pg_increment_drop(leat_pg_increment *inc);
/* A transaction is surely in the view. */
bool leat_pg_increment_sees(const leat_pg_source *s, uint64_t tx);

/* ---- incremental_read.c ---- */

/* Goes on with the chunk as far as that goes without waiting. */
leat_rc leat_pg_increment_step(leat_pg_source *s, leat_batch *b, leat_err *e);
/* The table's turn is over. status: SUCCEEDED, EMPTY ... */
void leat_pg_increment_next(leat_pg_source *s, leat_batch *b, const char *status);
/* How Debezium keeps the i-th column that the table is read by. */
leat_java_type leat_pg_increment_key_type(const leat_pg_increment *inc, uint16_t i);
/* What is done about the chunk is undone, and its session closed. */
void leat_pg_increment_abandon(leat_pg_increment *inc);

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
