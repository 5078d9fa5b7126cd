/* The doctor's steps about names in options that nothing in the database has.
 *
 * Lists of schemas, tables and columns are regular expressions, so one that fits nothing is no
 * error; mostly it is a typing error all the same, and what it was to mask is then shown. Each is
 * named with the option and the name that is nearest. What stands in statements the server reads
 * itself, without running them. Run by any thread. */
#include "base/near.h"
#include "capture/patterns.h"
#include "source/postgres/check.h"

enum { NAMED = 10 }; /* warnings told one by one */

/* What patterns are matched against: n names, of "table"s or what else they are. */
typedef struct names {
    const char *what;
    const char **v;
    size_t n;
} names;

typedef struct look {
    leat_pg_exam *x;
    names schemas, tables, columns, types;
    names others; /* views and their like: "view public.v" */
    unsigned found;
} look;

/* ---- what there is ---- */

static void add(names *to, const char *name)
{
    if (to->n == 0 || strcmp(to->v[to->n - 1], name) != 0) to->v[to->n++] = name;
}

/* One column of a result, as names in their order; a name follows itself only once. */
static bool ask(leat_pg_exam *x, const char *sql, const char *param, int col, names *out)
{
    const char *params[] = {param};
    PGresult *res = leat_pg_ask(x, "names", sql, param != NULL, params);
    if (!res) return false;
    out->v = LEAT_NEW(x->a, const char *, PQntuples(res));
    out->n = 0;
    for (int i = 0; i < PQntuples(res); i++)
        add(out, leat_arena_strdup(x->a, PQgetvalue(res, i, col)));
    PQclear(res);
    return true;
}

/* OIDs of the captured tables, as an array's text. */
static const char *captured(leat_pg_exam *x)
{
    leat_buf text = {0};
    leat_buf_u8(&text, '{');
    for (size_t i = 0; i < x->tables.ncaptured; i++)
        leat_buf_printf(&text, "%s%u", i ? "," : "", x->tables.captured[i]->oid);
    leat_buf_u8(&text, '}');
    return leat_pg_taken(x, &text);
}

#define COLUMNS                                                                                    \
    " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"             \
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"                                    \
    " JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"                                             \
    " WHERE a.attnum > 0 AND NOT a.attisdropped AND c.oid = ANY ($1::oid[])"

static bool gather(look *l)
{
    leat_pg_exam *x = l->x;
    l->schemas.what = "schema";
    l->tables = (names){"table", LEAT_NEW(x->a, const char *, x->tables.nall), 0};
    l->columns.what = "column of a captured table";
    l->types.what = "type of a captured table's column";
    l->others.what = "";
    for (size_t i = 0; i < x->tables.nall; i++)
        add(&l->tables,
            leat_arena_printf(x->a, "%s.%s", x->tables.all[i].schema, x->tables.all[i].name));
    const char *oids = captured(x);
    return ask(x, "SELECT nspname FROM pg_catalog.pg_namespace", NULL, 0, &l->schemas) &&
           ask(x, "SELECT n.nspname || '.' || c.relname || '.' || a.attname" COLUMNS, oids, 0,
               &l->columns) &&
           ask(x,
               "SELECT DISTINCT n.nspname || '.' || c.relname || '.' || t.typname" COLUMNS
               " ORDER BY 1",
               oids, 0, &l->types) &&
           ask(x,
               "SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'"
               " WHEN 'f' THEN 'foreign table' ELSE 'unlogged table' END || ' ' || n.nspname ||"
               " '.' || c.relname FROM pg_catalog.pg_class c"
               " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
               " WHERE c.relkind IN ('v', 'm', 'f') OR (c.relkind = 'r' AND c.relpersistence = 'u')",
               NULL, 0, &l->others);
}

/* ---- telling ---- */

static void tell(look *l, const char *detail, const char *advice)
{
    if (l->found++ < NAMED)
        leat_pg_tell(l->x, "names", LEAT_STEP_WARN, "postgres.unknown_name", detail, advice);
}

/* A pattern without its backslashes: what it was probably meant to be. */
static leat_str meant(leat_arena *a, const char *pattern)
{
    char *z = leat_arena_strdup(a, pattern);
    size_t n = 0;
    for (const char *p = pattern; *p; p++)
        if (*p != '\\') z[n++] = *p;
    return (leat_str){z, n};
}

static const char *nearest(leat_str name, const names *in)
{
    const char *found = NULL;
    unsigned best = leat_near_limit(name);
    for (size_t i = 0; i < in->n; i++) {
        unsigned d = leat_near(name, leat_str_of(in->v[i]));
        if (d >= best) continue;
        best = d;
        found = in->v[i];
    }
    return found;
}

/* The view, or the like, that a pattern for tables fits; NULL: none. */
static const char *other(const look *l, const leat_regex *pattern)
{
    for (size_t i = 0; i < l->others.n; i++) {
        bool hit = false;
        const char *name = l->others.v[i];
        for (const char *p = name; (p = strchr(p, ' ')) && !hit;)
            if (leat_regex_match(pattern, leat_str_of(++p), &hit, NULL) != LEAT_OK) return NULL;
        if (hit) return name;
    }
    return NULL;
}

static bool fits(const leat_regex *pattern, const names *in)
{
    bool hit = false;
    for (size_t i = 0; i < in->n && !hit; i++)
        if (leat_regex_match(pattern, leat_str_of(in->v[i]), &hit, NULL) != LEAT_OK) return true;
    return hit;
}

static void tell_pattern(look *l, const char *option, const char *pattern, const leat_regex *r,
                         const names *in)
{
    leat_arena *a = l->x->a;
    const char *is = in == &l->tables ? other(l, r) : NULL;
    if (is) {
        tell(l, leat_arena_printf(a, "%s: \"%s\" fits no table, but the %s", option, pattern, is),
             "its changes are not in the log: name the tables instead");
        return;
    }
    const char *near = nearest(meant(a, pattern), in);
    tell(l,
         leat_arena_printf(a, "%s: \"%s\" fits no %s%s%s%s", option, pattern, in->what,
                           near ? "; did you mean " : "", near ? near : "", near ? "?" : ""),
         "it has no effect as long as there is none");
}

static void list(look *l, const char *option, const leat_opt_list *patterns, const names *in)
{
    leat_regex_problem ignored;
    for (size_t i = 0; i < patterns->n; i++) {
        const leat_regex *r = leat_regex_new(l->x->a, leat_str_of(patterns->v[i]), &ignored);
        if (r && !fits(r, in)) tell_pattern(l, option, patterns->v[i], r, in);
    }
}

/* Names of tables, not patterns. */
static void exact(look *l, const char *option, const char *name, const char *advice)
{
    for (size_t i = 0; i < l->tables.n; i++)
        if (strcmp(l->tables.v[i], name) == 0) return;
    const char *near = nearest(leat_str_of(name), &l->tables);
    tell(l,
         leat_arena_printf(l->x->a, "%s: there is no table \"%s\"%s%s%s", option, name,
                           near ? "; did you mean " : "", near ? near : "", near ? "?" : ""),
         advice);
}

/* ---- the options ---- */

/* column.mask... and its like: each a list. Its name may hold a salt: the row's is shown. */
static void many(look *l, const char *option, const leat_opt_many *all)
{
    for (size_t i = 0; i < all->n; i++) {
        leat_opt_list patterns = leat_opt_list_of(all->v[i].value, l->x->a);
        list(l, strchr(option, '*') ? option : all->v[i].name, &patterns, &l->columns);
    }
}

static void columns(look *l, const leat_capture_conf *c)
{
    leat_opt_list keys;
    list(l, "column.include.list", &c->column_include, &l->columns);
    list(l, "column.exclude.list", &c->column_exclude, &l->columns);
    many(l, "column.truncate.to", &c->truncate);
    many(l, "column.mask.with", &c->mask);
    many(l, "column.mask.hash.*.with.salt.*", &c->hash);
    list(l, "column.propagate.source.type", &c->propagate_columns, &l->columns);
    list(l, "datatype.propagate.source.type", &c->propagate_types, &l->types);
    if (leat_keys_texts(l->x->a, c, &keys, NULL) == LEAT_OK)
        list(l, "message.key.columns", &keys, &l->columns);
}

static void tables(look *l, const leat_pg_conf *conf)
{
    const leat_capture_conf *c = &conf->capture;
    list(l, "schema.include.list", &c->schema_include, &l->schemas);
    list(l, "schema.exclude.list", &c->schema_exclude, &l->schemas);
    list(l, "table.include.list", &c->table_include, &l->tables);
    list(l, "table.exclude.list", &c->table_exclude, &l->tables);
    list(l, "snapshot.include.collection.list", &c->snapshot_include, &l->tables);
    for (size_t i = 0; i < conf->capture.overrides.n; i++)
        exact(l, "snapshot.select.statement.overrides", conf->capture.overrides.v[i],
              "it has no effect as long as there is none");
    for (size_t i = 0; i < c->signal_tables.n; i++)
        exact(l, "signal.data.collection", c->signal_tables.v[i],
              "as long as there is none no signals come from it, and incremental snapshots go on "
              "without Debezium's watermarks, with a warning");
    for (size_t i = 0; i < conf->identities.n; i++) {
        const char *rule = conf->identities.v[i], *colon = strrchr(rule, ':');
        leat_str one = leat_str_trim((leat_str){rule, colon ? (size_t)(colon - rule) : 0});
        const char *pattern = leat_arena_str(l->x->a, one).s;
        leat_opt_list patterns = {&pattern, 1};
        list(l, "replica.identity.autoset.values", &patterns, &l->tables);
    }
}

/* Several statements at once are not looked at: the server would read the first alone. */
static void statement(leat_pg_exam *x, const char *option, const char *sql, leat_step_state bad)
{
    leat_err e;
    leat_str text = leat_str_trim(leat_str_of(sql));
    while (text.len && text.s[text.len - 1] == ';')
        text = leat_str_trim((leat_str){text.s, text.len - 1});
    if (text.len == 0 || memchr(text.s, ';', text.len)) return;
    const char *one = leat_arena_str(x->a, text).s;
    if (leat_pg_try(&x->sql, leat_arena_printf(x->a, "read %s", option), one, &e) == LEAT_OK) {
        leat_pg_tell(x, option, LEAT_STEP_OK, NULL, "the server can read the statement", NULL);
        return;
    }
    leat_pg_tell(x, option, bad, leat_arena_strdup(x->a, e.code), leat_arena_strdup(x->a, e.msg),
                 NULL);
}

static void statements(leat_pg_exam *x)
{
    const leat_pg_conf *c = x->conf;
    for (size_t i = 0; i < c->capture.override_texts.n; i++)
        statement(x, c->capture.override_texts.v[i].name, c->capture.override_texts.v[i].value,
                  LEAT_STEP_FAILED);
    if (c->capture.heartbeat_query)
        statement(x, "heartbeat.action.query", c->capture.heartbeat_query, LEAT_STEP_WARN);
}

static void unlogged(leat_pg_exam *x)
{
    leat_pg_tables t;
    leat_pg_findings f = {0};
    leat_err e;
    if (leat_pg_rules_unlogged(&x->rules, &x->sql, x->a, &t, &e) != LEAT_OK) {
        leat_pg_tell_err(x, "unlogged tables", &e);
        return;
    }
    for (size_t i = 0; i < t.ncaptured; i++) {
        leat_pg_find(&f, t.captured[i]);
        leat_pg_put_logged(&f.sql, t.captured[i], true);
        leat_pg_put_logged(&f.undo, t.captured[i], false);
    }
    if (f.n)
        leat_pg_tell_findings(x, "unlogged tables", LEAT_STEP_WARN, "postgres.unlogged",
                              "the lists take them, and their changes are in no log",
                              "they are not captured: leave them out of the lists, or run the "
                              "statements as the tables' owner (each writes its table anew)",
                              &f);
}

void leat_pg_check_names(leat_pg_exam *x)
{
    look l = {.x = x};
    if (!gather(&l)) return;
    tables(&l, x->conf);
    if (x->tables.ncaptured) columns(&l, &x->conf->capture);
    if (l.found > NAMED)
        leat_pg_tell(x, "names", LEAT_STEP_WARN, "postgres.unknown_name",
                     leat_arena_printf(x->a, "and %u more", l.found - NAMED), NULL);
    if (l.found == 0)
        leat_pg_tell(x, "names", LEAT_STEP_OK, NULL, "all that the options name is there", NULL);
    unlogged(x);
    statements(x);
}
