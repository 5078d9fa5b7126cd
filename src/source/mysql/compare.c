/* The source's tables for `leat verify` (capture/compare.h), with views as snapshots take them
 * (reader_view.c), but of all tables and without a lock. */
#include "system/mysql/compare.h"
#include "source/mysql/reader_part.h"

static const char begins[] = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";

static leat_rc take_view(leat_my *c, leat_arena *a, leat_view *out, leat_err *e)
{
    leat_my_viewed v = {.mariadb = c->mariadb, .exact = c->mariadb}, before = {0};
    LEAT_TRY(leat_my_server_name(c, a, &v.server, e));
    LEAT_TRY(leat_my_view_gtids(c, a, &v, e));
    if (c->mariadb) LEAT_TRY(leat_my_view_log_end(c, a, &before, e));
    LEAT_TRY(leat_my_exec(c, "take a view", begins, e));
    LEAT_TRY(c->mariadb ? leat_my_view_place(c, a, &v, e) : leat_my_view_log_end(c, a, &v, e));
    if (c->mariadb && leat_my_place_cmp(v.file.s, v.pos, before.file.s, before.pos) < 0)
        v.gtids = (leat_str){0}; /* some of them may be written and not visible yet */
    return leat_my_view_new(&v, a, out, e);
}

leat_rc leat_my_source_compare(const void *conf, const char *app, leat_compare_side **out,
                               leat_err *e)
{
    (void)app;
    leat_my_target target = leat_my_conf_target(conf);
    return leat_my_compare_open(&target, take_view, out, e);
}
