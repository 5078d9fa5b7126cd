/* Debezium's include and exclude lists over names of schemas, tables and columns. Nothing is
 * cached: who asks keeps the answer with the table. Pure; any thread. */
#include "capture/filter.h"

#include "capture/patterns.h"

/* The two lists of a kind; at most one has patterns. */
typedef struct lists {
    leat_patterns in, out;
} lists;

struct leat_filter {
    lists schemas, tables, columns;
    leat_patterns snapshot;
};

static leat_rc lists_new(leat_arena *a, const char *in_option, const leat_opt_list *in,
                         const char *out_option, const leat_opt_list *out, lists *l, leat_err *e)
{
    if (in->n > 0 && out->n > 0)
        return leat_fail(e, LEAT_CONF, "config.invalid", out_option,
                         "cannot be set together with %s; take one of them out", in_option);
    LEAT_TRY(leat_patterns_new(a, in_option, in, &l->in, e));
    return leat_patterns_new(a, out_option, out, &l->out, e);
}

leat_rc leat_filter_new(leat_arena *a, const leat_capture_conf *c, const leat_filter **out,
                        leat_err *e)
{
    leat_filter *f = LEAT_NEW(a, leat_filter, 1);
    LEAT_TRY(lists_new(a, "schema.include.list", &c->schema_include, "schema.exclude.list",
                       &c->schema_exclude, &f->schemas, e));
    LEAT_TRY(lists_new(a, "table.include.list", &c->table_include, "table.exclude.list",
                       &c->table_exclude, &f->tables, e));
    LEAT_TRY(lists_new(a, "column.include.list", &c->column_include, "column.exclude.list",
                       &c->column_exclude, &f->columns, e));
    LEAT_TRY(leat_patterns_new(a, "snapshot.include.collection.list", &c->snapshot_include,
                               &f->snapshot, e));
    *out = f;
    return LEAT_OK;
}

static leat_rc ask(const lists *l, const char *schema, const char *table, const char *column,
                   bool *in, leat_err *e)
{
    *in = true;
    if (l->in.n == 0 && l->out.n == 0) return LEAT_OK;
    leat_full_name name;
    leat_str text = leat_full_name_make(&name, schema, table, column);
    leat_rc rc = leat_patterns_match(l->in.n > 0 ? &l->in : &l->out, text, in, e);
    leat_full_name_free(&name);
    if (l->in.n == 0) *in = !*in;
    return rc;
}

leat_rc leat_filter_schema(const leat_filter *f, const char *schema, bool *in, leat_err *e)
{
    return ask(&f->schemas, schema, NULL, NULL, in, e);
}

leat_rc leat_filter_table(const leat_filter *f, const char *schema, const char *table, bool *in,
                          leat_err *e)
{
    LEAT_TRY(leat_filter_schema(f, schema, in, e));
    return *in ? ask(&f->tables, schema, table, NULL, in, e) : LEAT_OK;
}

leat_rc leat_filter_column(const leat_filter *f, const char *schema, const char *table,
                           const char *column, bool *in, leat_err *e)
{
    return ask(&f->columns, schema, table, column, in, e);
}

leat_rc leat_filter_snapshot(const leat_filter *f, const char *schema, const char *table, bool *in,
                             leat_err *e)
{
    lists only = {.in = f->snapshot};
    return ask(&only, schema, table, NULL, in, e);
}
