/* What a snapshot has that the stream has not, or the other way round: told by name when it begins,
 * since nobody would notice. Run by the task's thread. */
#include "base/log.h"
#include "capture/snapshots.h"
#include "source/postgres/pg.h"
#include "source/postgres/publication.h"

/* Foreign tables that the filters let in: their changes are in another server's log. */
static leat_rc tell_foreign(leat_pg_source *s, leat_err *e)
{
    static const char sql[] =
        "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'f'"
        " ORDER BY 1, 2";
    PGresult *res;
    int n = 0, first = -1;
    LEAT_TRY(leat_pg_query(&s->sql, "look for foreign tables", sql, 0, NULL, &res, e));
    leat_rc rc = LEAT_OK;
    for (int i = 0; rc == LEAT_OK && i < PQntuples(res); i++) {
        bool in;
        rc = leat_pg_rules_table(&s->rules, PQgetvalue(res, i, 0), PQgetvalue(res, i, 1), &in, e);
        if (rc != LEAT_OK || !in) continue;
        if (n++ == 0) first = i;
    }
    if (first >= 0)
        leat_log(LEAT_WARN, "postgres.foreign_tables",
                 "tables=%d first=\"%s.%s\" are foreign tables, whose changes are in another "
                 "server's log: they are not captured",
                 n, PQgetvalue(res, first, 0), PQgetvalue(res, first, 1));
    PQclear(res);
    return rc;
}

/* Tables of which the stream has some rows, and the snapshot all. */
static leat_rc tell_partial(leat_pg_source *s, leat_err *e)
{
    leat_arena a = {0};
    const leat_pg_partial *v;
    size_t n;
    leat_rc rc = leat_pg_publications_partial(&s->sql, &s->conf->publications, &a, &v, &n, e);
    for (size_t i = 0; rc == LEAT_OK && i < n; i++) {
        bool in;
        rc = leat_pg_rules_table(&s->rules, v[i].schema, v[i].name, &in, e);
        if (rc != LEAT_OK || !in ||
            leat_snapshot_override(&s->conf->capture, v[i].schema, v[i].name))
            continue;
        leat_log(LEAT_WARN, "postgres.publication_rows",
                 "table=\"%s.%s\" is sent with the rows %s only, and is read with all of them, as "
                 "by Debezium: leat check says how to leave them out",
                 v[i].schema, v[i].name, v[i].condition);
    }
    leat_arena_free(&a);
    return rc;
}

void leat_pg_tell_hidden(const leat_pg_relation *t)
{
    if (!t->hides) return;
    leat_log(LEAT_WARN, "postgres.row_security",
             "table=\"%s.%s\" has row-level security, which may hide rows from this user: those "
             "are not read, and the stream has their changes all the same. ALTER ROLE ... "
             "BYPASSRLS shows them",
             t->schema, t->name);
}

static void tell_overrides(const leat_pg_source *s, const leat_pg_relation *const *captured,
                           size_t n)
{
    leat_arena a = {0};
    const char **names = LEAT_NEW(&a, const char *, n);
    for (size_t i = 0; i < n; i++)
        names[i] = leat_arena_printf(&a, "%s.%s", captured[i]->schema, captured[i]->name);
    leat_snapshot_tell_overrides(&s->conf->capture, names, n);
    leat_arena_free(&a);
}

leat_rc leat_pg_plan_tell(leat_pg_source *s, const leat_pg_relation *const *captured, size_t n,
                          leat_err *e)
{
    tell_overrides(s, captured, n);
    LEAT_TRY(leat_pg_source_sql(s, e));
    for (size_t i = 0; i < n; i++) leat_pg_tell_hidden(captured[i]);
    LEAT_TRY(tell_foreign(s, e));
    return tell_partial(s, e);
}
