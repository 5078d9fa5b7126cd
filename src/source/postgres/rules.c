/* What is captured, by this connector's configuration: filters, keys, columns, messages.
 *
 * A thin layer over capture/: it compiles the options once and asks them about PostgreSQL's tables
 * and the prefixes of its logical messages. Results are kept by the callers, a table version or a
 * plan at a time. Any thread that owns the rules. */
#include "source/postgres/rules.h"

#include "capture/snapshots.h"

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

static leat_rc take(const leat_pg_rules *rules, const leat_pg_relation *all, leat_arena *a,
                    leat_pg_tables *out, leat_err *e)
{
    out->all = all;
    out->captured = LEAT_NEW(a, const leat_pg_relation *, out->nall);
    for (size_t i = 0; i < out->nall; i++) {
        bool in;
        LEAT_TRY(leat_pg_rules_table(rules, all[i].schema, all[i].name, &in, e));
        if (in) out->captured[out->ncaptured++] = &all[i];
    }
    return LEAT_OK;
}

leat_rc leat_pg_rules_tables(const leat_pg_rules *rules, leat_pg *c, leat_arena *a,
                             leat_pg_tables *out, leat_err *e)
{
    leat_pg_relation *all;
    *out = (leat_pg_tables){0};
    LEAT_TRY(leat_pg_relations(c, a, &all, &out->nall, e));
    return take(rules, all, a, out, e);
}

leat_rc leat_pg_rules_unlogged(const leat_pg_rules *rules, leat_pg *c, leat_arena *a,
                               leat_pg_tables *out, leat_err *e)
{
    leat_pg_relation *all;
    *out = (leat_pg_tables){0};
    LEAT_TRY(leat_pg_unlogged(c, a, &all, &out->nall, e));
    return take(rules, all, a, out, e);
}

leat_rc leat_pg_rules_snapshot(const leat_pg_rules *rules, const leat_pg_relation **tables,
                               size_t *n, leat_arena *a, leat_err *e)
{
    leat_snapshot_table *v = LEAT_NEW(a, leat_snapshot_table, *n);
    for (size_t i = 0; i < *n; i++)
        v[i] =
            (leat_snapshot_table){tables[i]->schema, tables[i]->name, tables[i]->rows, tables[i]};
    LEAT_TRY(leat_snapshot_tables(&rules->conf->capture, rules->filter, v, n, e));
    for (size_t i = 0; i < *n; i++) tables[i] = v[i].priv;
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
