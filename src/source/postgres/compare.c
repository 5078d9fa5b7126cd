/* The source's tables for `leat verify` (capture/compare.h), with views as snapshots take them. */
#include "system/postgres/compare.h"
#include "source/postgres/pg.h"
#include "source/postgres/view.h"

static leat_rc make(const leat_str *cols, leat_arena *a, leat_view *out, leat_err *e)
{
    return leat_pg_view_new(cols, 0, a, out, e);
}

leat_rc leat_pg_source_compare(const void *conf, const char *app, leat_compare_side **out,
                               leat_err *e)
{
    static leat_pg_compare_view view = {.ncols = LEAT_PG_VIEW_COLS, .make = make};
    view.sql = leat_pg_view_sql;
    return leat_pg_compare_open(&((const leat_pg_conf *)conf)->target, app, &view, out, e);
}
