/* Which servers' transactions count: gtid.source.includes and gtid.source.excludes.
 *
 * Regular expressions for UUIDs, compiled once a source. Run by the task's thread. */
#include "config/regex.h"
#include "source/mysql/my.h"

struct leat_my_gtid_rules {
    const leat_regex **v;
    size_t n;
    bool include; /* those that fit count; else they do not */
};

leat_rc leat_my_gtid_rules_new(const leat_my_conf *c, leat_arena *a, leat_my_gtid_rules **out,
                               leat_err *e)
{
    const leat_opt_list *list = c->gtid_include.n ? &c->gtid_include : &c->gtid_exclude;
    *out = NULL;
    if (list->n == 0) return LEAT_OK;
    leat_my_gtid_rules *g = LEAT_NEW(a, leat_my_gtid_rules, 1);
    g->v = LEAT_NEW(a, const leat_regex *, list->n);
    g->include = list == &c->gtid_include;
    for (size_t i = 0; i < list->n; i++) {
        leat_regex_problem p;
        g->v[g->n] = leat_regex_new(a, leat_str_of(list->v[i]), &p);
        if (!g->v[g->n++])
            return leat_fail(e, LEAT_CONF, "config.invalid",
                             g->include ? "gtid.source.includes" : "gtid.source.excludes",
                             "\"%s\" is no regular expression: %s", list->v[i], p.msg);
    }
    *out = g;
    return LEAT_OK;
}

/* For leat_gtid_set_filter too. */
bool leat_my_gtid_counts(void *ctx, const char *uuid)
{
    const leat_my_gtid_rules *g = ctx;
    if (!g) return true;
    for (size_t i = 0; i < g->n; i++) {
        bool hit = false;
        if (leat_regex_match(g->v[i], leat_str_of(uuid), &hit, NULL) == LEAT_OK && hit)
            return g->include;
    }
    return !g->include;
}
