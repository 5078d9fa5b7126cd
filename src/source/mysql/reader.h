/* Tables read beside the stream: leat_source_chunks of MySQL and MariaDB. */
#ifndef LEAT_SOURCE_MYSQL_READER_H
#define LEAT_SOURCE_MYSQL_READER_H

#include <stdatomic.h>

#include "capture/snapshots.h"
#include "source/mysql/my.h"

/* leat_snap_table.priv: what a reader must know of its table. In the plan's arena. */
typedef struct leat_my_snap {
    const char *db, *name;
    const char *quoted;   /* `db`.`name` */
    const char *override; /* statement that reads it; NULL: all of its rows */
    const char *doing;    /* with its rows, for errors */
    bool plain;           /* its engine has no transactions: rows are seen as they are written */
    /* Of an ad hoc snapshot: */
    const char *const *by; /* nby columns that it is read by; NULL: its key */
    uint16_t nby;
    bool windows;           /* rows of the signal table are to stand around each chunk ... */
    atomic_bool *no_writes; /* ... unless it was found since that this does not work */
    bool ends;              /* no table follows */
} leat_my_snap;

extern const leat_source_chunks leat_my_chunks;

/* ---- incremental.c: snapshots by signal ---- */
extern const leat_increment_calls leat_my_increment_calls;
/* Rows were put into the signal table: all of the event but the first so many. */
leat_rc leat_my_signal_rows(leat_my_source *s, const leat_my_rel *r, const leat_binlog_rows *rows,
                            uint64_t skip, leat_err *e);
/* CONF "signal.condition": what stands behind WHERE is no expression by itself. filter: or NULL. */
leat_rc leat_my_condition_check(const char *table, const char *filter, leat_err *e);

/* ---- plain.c: all tables under one view, on the task's thread ---- */
/* Takes a view for the plan's chunks (leat_my_plain_put). place: the stream is to begin where it
 * was taken, which becomes s->at: that wants a lock for a moment. */
leat_rc leat_my_plain_begin(leat_my_source *s, const leat_plan *plan, bool place, leat_err *e);
/* Puts a table into the plan. */
void leat_my_plain_put(leat_plan *plan, const leat_my_relation *r, const char *override);
/* Ends it, done or not. */
void leat_my_plain_end(leat_my_source *s);
/* As leat_source says: lets go of a view that has rested for too long. */
leat_rc leat_my_beat_source(leat_task *t, leat_err *e);
leat_rc leat_my_read_chunk(leat_task *t, leat_chunk *chunk, leat_batch *b, leat_err *e);
/* As leat_increment_calls says. */
leat_rc leat_my_block_read(void *arg, const leat_signal *signal, leat_batch *b, leat_err *e);
void leat_my_block_end(void *arg);

/* ---- snapshot.c ---- */
/* Tables of that engine have views. */
bool leat_my_has_transactions(const char *engine);
/* As leat_source says. */
leat_rc leat_my_plan_source(leat_task *t, leat_plan *plan, leat_err *e);
/* The captured tables that are there, of which n; in a. */
leat_rc leat_my_captured(leat_my_source *s, leat_arena *a, leat_snapshot_table **out, size_t *n,
                         leat_err *e);
/* What a reader must know of the table, in a; override: the statement that reads it, or NULL. */
leat_my_snap *leat_my_snap_of(const leat_my_relation *r, const char *override, leat_arena *a);
/* For notifications: those that are read (n), and all that are captured; in a. */
const char *leat_my_snap_names(const leat_my_source *s, const leat_snapshot_table *v, size_t n,
                               bool signals, bool hashed, leat_arena *a);
bool leat_my_again_source(leat_task *t, bool first);
/* As leat_source_chunks says, on the task's thread. */
leat_rc leat_my_hurry(leat_task *t, const leat_view *view, leat_err *e);
void leat_my_tell(leat_task *t, leat_batch *b, leat_snap_news news, const leat_snap_table *table,
                  uint64_t rows);

#endif
