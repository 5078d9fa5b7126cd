/* Tables read beside the stream: leat_source_chunks of PostgreSQL. */
#ifndef LEAT_SOURCE_POSTGRES_READER_H
#define LEAT_SOURCE_POSTGRES_READER_H

#include <stdatomic.h>

#include "source/postgres/pg.h"

/* leat_snap_table.priv: what a reader must know of its table. In the plan's arena. */
typedef struct leat_pg_snap {
    const char *schema, *name;
    const char *quoted;   /* "schema"."name" */
    const char *override; /* statement that reads it; NULL: all of its rows */
    bool only;            /* without the rows of tables that inherit from it */
    /* Of an ad hoc snapshot: */
    const char *const *by; /* nby columns that it is read by */
    uint16_t nby;
    bool windows;           /* rows of the signal table are to stand around each chunk ... */
    atomic_bool *no_writes; /* ... unless it was found since that this does not work */
    bool ends;              /* no table follows */
} leat_pg_snap;

/* The tables that a snapshot beside the stream reads, into the plan; plan->beside stays false where
 * it cannot be. */
leat_rc leat_pg_plan_beside(leat_pg_source *s, leat_plan *plan, leat_err *e);

/* beside.c: as leat_source_chunks says, on the task's thread. */
leat_rc leat_pg_hurry(leat_task *t, const leat_view *view, leat_err *e);
void leat_pg_tell_beside(leat_task *t, leat_batch *b, leat_snap_news news,
                         const leat_snap_table *table, uint64_t rows);
/* incremental_ask.c: the same. */
const leat_snap_table *leat_pg_asked(leat_task *t, const leat_snap_table *held, bool *rests);
leat_rc leat_pg_told(leat_task *t, leat_batch *b, const leat_chunk_told *told, leat_err *e);
leat_rc leat_pg_over(leat_task *t, leat_batch *b, const leat_chunk_told *told, const leat_err *why,
                     leat_err *e);
void leat_pg_hurry_end(leat_pg_source *s);

extern const leat_source_chunks leat_pg_chunks;

#endif
