/* The doctor for strategies that do not read the log: by query, by notification channel, by write
 * operation, by a function of the user's own.
 *
 * Which tables are looked at is what the form's lists say; without any, all. Each call has a
 * session of its own; nothing on the server is changed. Run by any thread. */
#include "source/postgres/check.h"
#include "source/postgres/pg.h"
#include "system/system.h"

enum { RIGHTS = 3 };

static const char *const rights[RIGHTS] = {"INSERT", "UPDATE", "DELETE"};

/* A standby, where something has to be made or written; true: it is none. */
static bool primary(leat_pg_exam *x, const char *what)
{
    leat_err e;
    if (leat_pg_standby_is(&x->sql, &x->standby, &e) != LEAT_OK) {
        leat_pg_tell_err(x, "primary", &e);
        return false;
    }
    if (!x->standby) return true;
    leat_pg_tell(x, "primary", LEAT_STEP_FAILED, "postgres.standby",
                 leat_arena_printf(x->a, "the server is a standby, where %s", what),
                 "point database.hostname at the primary");
    return false;
}

static void query(leat_pg_exam *x)
{
    if (leat_pg_check_captured(x)) leat_pg_check_select(x);
}

static void notify(leat_pg_exam *x)
{
    leat_err e;
    if (!primary(x, "nobody can LISTEN")) return;
    if (leat_pg_exec(&x->sql, "listen", "LISTEN leat_check; UNLISTEN leat_check", &e) == LEAT_OK)
        leat_pg_tell(x, "listen", LEAT_STEP_OK, NULL, "the session may LISTEN", NULL);
    else
        leat_pg_tell_err(x, "listen", &e);
    query(x);
}

static void custom(leat_pg_exam *x)
{
    leat_pg_tell(x, "function", LEAT_STEP_SKIPPED, NULL,
                 "what the function does and needs is known to it alone", NULL);
}

/* ---- by write operation ---- */

static const char *oids_of(const leat_pg_exam *x)
{
    leat_buf text = {0};
    leat_buf_u8(&text, '{');
    for (size_t i = 0; i < x->tables.ncaptured; i++)
        leat_buf_printf(&text, "%s%u", i ? "," : "", (unsigned)x->tables.captured[i]->oid);
    leat_buf_u8(&text, '}');
    const char *out = leat_arena_str(x->a, leat_buf_str(&text)).s;
    leat_buf_free(&text);
    return out;
}

/* "INSERT, DELETE" of a bit for each of rights. */
static const char *words_of(unsigned bits, leat_arena *a)
{
    const char *out = "";
    for (unsigned i = 0; i < RIGHTS; i++)
        if (bits & 1u << i) out = leat_arena_printf(a, "%s%s%s", out, *out ? ", " : "", rights[i]);
    return out;
}

/* res: by table, in the order of x->tables.captured, whether each right is there. */
static void tell_rights(leat_pg_exam *x, const PGresult *res)
{
    leat_pg_findings f = {0};
    const char *said = "";
    for (int row = 0; row < PQntuples(res); row++) {
        const leat_pg_relation *t = x->tables.captured[leat_pg_cell_i64(res, row, 0, 1) - 1];
        bool schema = !t->can_use && strcmp(said, t->schema) != 0;
        unsigned lacking = 0;
        for (unsigned i = 0; i < RIGHTS; i++)
            if (!leat_pg_cell_bool(res, row, (int)i + 1)) lacking |= 1u << i;
        if (!lacking && t->can_use) continue;
        leat_pg_find(&f, t);
        const char *what = words_of(lacking, x->a);
        leat_pg_put_right(x, &f.sql, true, what, t, schema);
        leat_pg_put_right(x, &f.undo, false, what, t, schema);
        if (schema) said = t->schema;
    }
    if (f.n == 0)
        leat_pg_tell(x, "write", LEAT_STEP_OK, NULL, "every table can be written to", NULL);
    else
        leat_pg_tell_findings(x, "write", LEAT_STEP_FAILED, "postgres.privilege",
                              "the user may not write to",
                              "run the statements as the tables' owner", &f);
}

/* A role or database whose transactions are read-only unless they say otherwise. */
static void read_only(leat_pg_exam *x)
{
    PGresult *res = leat_pg_ask(x, "read only",
                                "SELECT setting = 'on', source = 'user' FROM pg_catalog.pg_settings"
                                " WHERE name = 'default_transaction_read_only'",
                                0, NULL);
    if (!res) return;
    bool on = leat_pg_cell_bool(res, 0, 0), own = leat_pg_cell_bool(res, 0, 1);
    const char *user = leat_pg_quoted(x, x->conf->target.user);
    PQclear(res);
    if (!on) return;
    leat_check_step(
        x->c,
        &(leat_step){.name = "read only",
                     .state = LEAT_STEP_FAILED,
                     .code = "postgres.read_only",
                     .detail = "default_transaction_read_only is on for this user",
                     .advice = "run the statement as a superuser",
                     .sql = leat_arena_printf(
                         x->a, "ALTER ROLE %s SET default_transaction_read_only = 'off';", user),
                     .undo = leat_arena_printf(x->a, "ALTER ROLE %s %s;", user,
                                               own ? "SET default_transaction_read_only = 'on'"
                                                   : "RESET default_transaction_read_only")});
}

static void write_rights(leat_pg_exam *x)
{
    if (!primary(x, "nothing can be written")) return;
    read_only(x);
    if (!leat_pg_check_captured(x)) return;
    PGresult *res = leat_pg_ask(x, "write",
                                "SELECT o.i, pg_catalog.has_table_privilege(o.oid, 'INSERT'),"
                                " pg_catalog.has_table_privilege(o.oid, 'UPDATE'),"
                                " pg_catalog.has_table_privilege(o.oid, 'DELETE')"
                                " FROM pg_catalog.unnest($1::oid[]) WITH ORDINALITY o(oid, i)"
                                " JOIN pg_catalog.pg_class c ON c.oid = o.oid ORDER BY o.i",
                                1, (const char *const[]){oids_of(x)});
    if (!res) return;
    tell_rights(x, res);
    PQclear(res);
}

/* ---- the strategies ---- */

static leat_rc try_it(const leat_trial *t, leat_checker *c, void (*steps)(leat_pg_exam *x))
{
    leat_pg_exam x = {.conf = t->conf, .c = c, .a = t->a, .writes = steps == write_rights};
    if (leat_pg_reach(&x)) {
        x.cloud = leat_pg_cloud_look(&x);
        steps(&x);
    }
    leat_pg_close(&x.sql);
    return LEAT_OK;
}

leat_rc leat_pg_check_query(const leat_trial *t, leat_checker *c, leat_err *e)
{
    (void)e;
    return try_it(t, c, query);
}

leat_rc leat_pg_check_notify(const leat_trial *t, leat_checker *c, leat_err *e)
{
    (void)e;
    return try_it(t, c, notify);
}

leat_rc leat_pg_check_custom(const leat_trial *t, leat_checker *c, leat_err *e)
{
    (void)e;
    return try_it(t, c, custom);
}

leat_rc leat_pg_check_write(const leat_trial *t, leat_checker *c, leat_err *e)
{
    (void)e;
    return try_it(t, c, write_rights);
}
