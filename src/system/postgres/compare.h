/* PostgreSQL as a side of `leat verify` (capture/compare.h): the server computes the sums. */
#ifndef LEAT_SYSTEM_POSTGRES_COMPARE_H
#define LEAT_SYSTEM_POSTGRES_COMPARE_H

#include "capture/compare.h"
#include "system/postgres/conn.h"

/* How a view is taken; see leat_compare_side.begin. */
typedef struct leat_pg_compare_view {
    const char *sql; /* a SELECT, the first of the transaction, of ncols columns */
    int ncols;       /* the first one is the snapshot, XMIN:XMAX:XID,... */
    leat_rc (*make)(const leat_str *cols, leat_arena *a, leat_view *out, leat_err *e);
} leat_pg_compare_view;

/* target is copied, its texts are borrowed; view NULL: none can be taken. */
leat_rc leat_pg_compare_open(const leat_pg_target *target, const char *app,
                             const leat_pg_compare_view *view, leat_compare_side **out,
                             leat_err *e);

#endif
