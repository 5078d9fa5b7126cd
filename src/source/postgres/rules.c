/* What is captured, by this connector's configuration: filters, keys, columns, messages.
 *
 * A thin layer over capture/: it compiles the options once and asks them about PostgreSQL's tables
 * and the prefixes of its logical messages. Results are kept by the callers, a table version or a
 * plan at a time. Any thread that owns the rules. */
#include "source/postgres/rules.h"

#include <stdlib.h>

static leat_rc compile(const leat_opt_list *list, const char *option, leat_arena *a,
                       const leat_regex ***out, size_t *n, leat_err *e)
{
    const leat_regex **v = LEAT_NEW(a, const leat_regex *, list->n);
    for (size_t i = 0; i < list->n; i++) {
        leat_regex_problem p;
        v[i] = leat_regex_new(a, leat_str_of(list->v[i]), &p);
        if (!v[i])
            return leat_fail(e, LEAT_CONF, "config.invalid", option,
                             "\"%s\" is no regular expression: %s", list->v[i], p.msg);
    }
    *out = v;
    *n = list->n;
    return LEAT_OK;
}

leat_rc leat_pg_rules_new(const leat_pg_conf *conf, leat_arena *a, leat_pg_rules *out, leat_err *e)
{
    *out = (leat_pg_rules){.conf = conf, .skipped = leat_capture_skipped(&conf->capture)};
    LEAT_TRY(leat_filter_new(a, &conf->capture, &out->filter, e));
    LEAT_TRY(leat_keys_new(a, &conf->capture, &out->keys, e));
    LEAT_TRY(leat_columns_new(a, &conf->capture, &out->columns, e));
    LEAT_TRY(compile(&conf->prefix_include, "message.prefix.include.list", a, &out->include,
                     &out->ninclude, e));
    return compile(&conf->prefix_exclude, "message.prefix.exclude.list", a, &out->exclude,
                   &out->nexclude, e);
}

leat_rc leat_pg_rules_table(const leat_pg_rules *rules, const char *schema, const char *table,
                            bool *in, leat_err *e)
{
    *in = !rules->conf->capture.ignore_builtin ||
          !leat_str_ieq(leat_str_of(table), LEAT_STR("spatial_ref_sys"));
    return *in ? leat_filter_table(rules->filter, schema, table, in, e) : LEAT_OK;
}

leat_rc leat_pg_rules_tables(const leat_pg_rules *rules, leat_pg *c, leat_arena *a,
                             leat_pg_tables *out, leat_err *e)
{
    leat_pg_relation *all;
    *out = (leat_pg_tables){0};
    LEAT_TRY(leat_pg_relations(c, a, &all, &out->nall, e));
    out->all = all;
    out->captured = LEAT_NEW(a, const leat_pg_relation *, out->nall);
    for (size_t i = 0; i < out->nall; i++) {
        bool in;
        LEAT_TRY(leat_pg_rules_table(rules, all[i].schema, all[i].name, &in, e));
        if (in) out->captured[out->ncaptured++] = &all[i];
    }
    return LEAT_OK;
}

/* Moves the tables that fit the pattern to *to, in order. */
static leat_rc take_fitting(const leat_regex *pattern, const leat_pg_relation **tables, size_t n,
                            leat_arena *a, const leat_pg_relation **to, size_t *nto, leat_err *e)
{
    for (size_t i = 0; i < n; i++) {
        if (!tables[i]) continue;
        bool hit;
        const char *name = leat_arena_printf(a, "%s.%s", tables[i]->schema, tables[i]->name);
        LEAT_TRY(leat_regex_match(pattern, leat_str_of(name), &hit, e));
        if (!hit) continue;
        to[(*nto)++] = tables[i];
        tables[i] = NULL;
    }
    return LEAT_OK;
}

static int by_few(const void *x, const void *y)
{
    const leat_pg_relation *a = *(const leat_pg_relation *const *)x;
    const leat_pg_relation *b = *(const leat_pg_relation *const *)y;
    if (a->rows != b->rows) return a->rows > b->rows ? 1 : -1;
    return (a > b) - (a < b); /* one array, in the order of names */
}

static int by_many(const void *x, const void *y)
{
    return by_few(y, x);
}

leat_rc leat_pg_rules_snapshot(const leat_pg_rules *rules, const leat_pg_relation **tables,
                               size_t *n, leat_arena *a, leat_err *e)
{
    const leat_opt_list *patterns = &rules->conf->capture.table_include;
    const leat_pg_relation **sorted = LEAT_NEW(a, const leat_pg_relation *, *n);
    const leat_regex **v;
    size_t k = 0, nv, wanted = 0;
    for (size_t i = 0; i < *n; i++) {
        bool in;
        LEAT_TRY(leat_filter_snapshot(rules->filter, tables[i]->schema, tables[i]->name, &in, e));
        if (in) tables[wanted++] = tables[i];
    }
    LEAT_TRY(compile(patterns, "table.include.list", a, &v, &nv, e));
    for (size_t i = 0; i < nv; i++) LEAT_TRY(take_fitting(v[i], tables, wanted, a, sorted, &k, e));
    for (size_t i = 0; i < wanted; i++)
        if (tables[i]) sorted[k++] = tables[i];
    if (k) memcpy(tables, sorted, k * sizeof *tables);
    *n = k;
    if (rules->conf->order == LEAT_PG_ORDER_FEW) qsort(tables, k, sizeof *tables, by_few);
    if (rules->conf->order == LEAT_PG_ORDER_MANY) qsort(tables, k, sizeof *tables, by_many);
    return LEAT_OK;
}

static leat_rc fits_any(const leat_regex *const *v, size_t n, leat_str text, bool *hit, leat_err *e)
{
    *hit = false;
    for (size_t i = 0; i < n && !*hit; i++) LEAT_TRY(leat_regex_match(v[i], text, hit, e));
    return LEAT_OK;
}

leat_rc leat_pg_rules_prefix(const leat_pg_rules *rules, leat_str prefix, bool *in, leat_err *e)
{
    bool hit;
    *in = true;
    if (rules->ninclude) LEAT_TRY(fits_any(rules->include, rules->ninclude, prefix, in, e));
    if (!*in || !rules->nexclude) return LEAT_OK;
    LEAT_TRY(fits_any(rules->exclude, rules->nexclude, prefix, &hit, e));
    *in = !hit;
    return LEAT_OK;
}
