/* Tables read beside the stream: leat_source_chunks of PostgreSQL. */
#ifndef LEAT_SOURCE_POSTGRES_READER_H
#define LEAT_SOURCE_POSTGRES_READER_H

#include <stdatomic.h>

#include "source/postgres/pg.h"

/* How it goes with the condition of an ad hoc snapshot. By all readers. */
typedef struct leat_pg_condition {
    atomic_bool by_key; /* looking for its rows took long: the table is cut by its key alone */
    atomic_uint late;   /* parts in a row that could not be read in time */
} leat_pg_condition;

/* leat_snap_table.priv: what a reader must know of its table. In the plan's arena. */
typedef struct leat_pg_snap {
    const char *schema, *name;
    const char *quoted;   /* "schema"."name" */
    const char *override; /* statement that reads it; NULL: all of its rows */
    const char *doing;    /* with its rows, for errors */
    bool only;            /* without the rows of tables that inherit from it */
    /* Of an ad hoc snapshot: */
    const char *const *by; /* nby columns that it is read by */
    uint16_t nby;
    bool windows;                 /* rows of the signal table are to stand around each chunk ... */
    atomic_bool *no_writes;       /* ... unless it was found since that this does not work */
    bool ends;                    /* no table follows */
    leat_pg_condition *condition; /* NULL: there is none */
} leat_pg_snap;

/* The tables that a snapshot beside the stream reads, into the plan; plan->beside stays false where
 * it cannot be. */
leat_rc leat_pg_plan_beside(leat_pg_source *s, leat_plan *plan, leat_err *e);

/* beside.c: as leat_source_chunks says, on the task's thread. */
leat_rc leat_pg_hurry(leat_task *t, const leat_view *view, leat_err *e);
/* Closes its session when nobody has hurried for a while, or now. */
void leat_pg_hurry_rest(leat_pg_source *s, int64_t now);
void leat_pg_hurry_end(leat_pg_source *s);
void leat_pg_tell_beside(leat_task *t, leat_batch *b, leat_snap_news news,
                         const leat_snap_table *table, uint64_t rows);

extern const leat_source_chunks leat_pg_chunks;

#endif
