/* What a chunk's rows show: a snapshot of the server's, and the place in its log behind all that
 * can be in it. Pure but for the statement, which the reader runs. */
#ifndef LEAT_SOURCE_POSTGRES_VIEW_H
#define LEAT_SOURCE_POSTGRES_VIEW_H

#include "base/err.h"
#include "capture/chunk.h"

typedef struct leat_pg_view {
    uint64_t xmin, xmax; /* transactions below xmin have ended, those from xmax on have not begun */
    const uint64_t *running; /* n of them in between, sorted */
    size_t n;
    uint64_t start; /* of a standby: what it had replayed before the view was taken; 0: unknown */
    uint64_t end;   /* the log behind this place is of nothing that is in the view */
    bool standby;   /* there the server does not tell who is running */
    char chunk[40]; /* id of the window that was written for Debezium's sake; "": none */
} leat_pg_view;

/* A SELECT without FROM, to be the first of a REPEATABLE READ transaction, whose row
 * leat_pg_view_new takes: the snapshot is taken before the end of the log is looked up. */
extern const char leat_pg_view_sql[];
enum { LEAT_PG_VIEW_COLS = 4 };

/* From that row. FATAL "postgres.protocol" when it is none. start: as in leat_pg_view. */
leat_rc leat_pg_view_new(const leat_str cols[LEAT_PG_VIEW_COLS], uint64_t start, leat_arena *a,
                         leat_view *out, leat_err *e);
/* As leat_source_chunks says; without a start. */
leat_rc leat_pg_view_read(leat_str text, leat_arena *a, leat_view *out, leat_err *e);
bool leat_pg_view_contains(const leat_view *view, uint64_t tx);
leat_cover leat_pg_view_covers(const leat_view *view, leat_position pos);
bool leat_pg_view_passed(const leat_view *view, leat_position pos);

#endif
