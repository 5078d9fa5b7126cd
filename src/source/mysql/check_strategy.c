/* The doctor for strategies that do not read the log: by query, by write operation, by a function
 * of the user's own.
 *
 * Which tables are looked at is what the form's lists say; without any, all. Whether something may
 * be done to a table is asked by EXPLAIN, which takes the rights of the statement and does nothing.
 * Each call has a session of its own. Run by any thread. */
#include <strings.h>

#include "source/mysql/check.h"
#include "system/system.h"

enum { TRIED = 200 };

static void query(leat_my_exam *x)
{
    leat_err e;
    if (leat_rc_failed(leat_my_check_tables(x, &e))) leat_my_step_err(x, "tables", &e);
}

static void custom(leat_my_exam *x)
{
    leat_my_step(x,
                 &(leat_step){.name = "function",
                              .state = LEAT_STEP_SKIPPED,
                              .detail = "what the function does and needs is known to it alone"});
}

/* ---- by write operation ---- */

static bool is_on(const char *value)
{
    return value && (strcasecmp(value, "ON") == 0 || strcmp(value, "1") == 0);
}

static bool writable(leat_my_exam *x)
{
    if (!is_on(leat_my_variable(x, "read_only"))) {
        leat_my_step_ok(x, "primary", "the server takes writes (read_only=OFF)");
        return true;
    }
    leat_my_step(x,
                 &(leat_step){.name = "primary",
                              .state = LEAT_STEP_FAILED,
                              .code = "mysql.read_only",
                              .detail = "the server is read-only (read_only=ON), as replicas are",
                              .advice = "point database.hostname at the primary"});
    return false;
}

/* "`db`.`name`" */
static const char *quoted(leat_my_exam *x, const leat_my_relation *t)
{
    leat_buf text = {0};
    leat_my_put_table(&text, leat_str_of(t->db), leat_str_of(t->name));
    const char *z = leat_arena_str(x->a, leat_buf_str(&text)).s;
    leat_buf_free(&text);
    return z;
}

/* A right, and a statement that takes it and does nothing, which is explained. */
static bool may(leat_my_exam *x, const char *statement)
{
    leat_my_result r;
    leat_err e;
    leat_rc rc = leat_my_query(&x->sql, "try a right",
                               leat_arena_printf(x->a, "EXPLAIN %s", statement), &r, &e);
    leat_my_result_free(&r);
    return rc == LEAT_OK;
}

/* What the user may not do to the table, separated by commas; "": nothing. */
static const char *lacking(leat_my_exam *x, const char *table, const char *column)
{
    const char *const tries[][2] = {
        {"INSERT", leat_arena_printf(x->a, "INSERT INTO %s (%s) VALUES (NULL)", table, column)},
        {"UPDATE", leat_arena_printf(x->a, "UPDATE %s SET %s = NULL WHERE 1 = 0", table, column)},
        {"DELETE", leat_arena_printf(x->a, "DELETE FROM %s WHERE 1 = 0", table)},
    };
    const char *out = "";
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
        if (!may(x, tries[i][1]))
            out = leat_arena_printf(x->a, "%s%s%s", out, *out ? ", " : "", tries[i][0]);
    return out;
}

static leat_rc try_table(leat_my_exam *x, const leat_my_relation *t, leat_my_lacking *l,
                         leat_err *e)
{
    const leat_my_table *def;
    leat_buf column = {0};
    LEAT_TRY(leat_my_table_read(&x->sql, t->db, t->name, x->a, &def, e));
    if (!def || def->ncols == 0) return LEAT_OK;
    leat_my_put_name(&column, leat_str_of(def->cols[0].name));
    const char *first = leat_arena_str(x->a, leat_buf_str(&column)).s;
    leat_buf_free(&column);
    const char *rights = lacking(x, quoted(x, t), first);
    if (*rights) leat_my_lack(x, l, t, rights);
    return LEAT_OK;
}

static leat_rc try_tables(leat_my_exam *x, leat_my_lacking *l, size_t *tried, leat_err *e)
{
    leat_my_relation *all;
    const leat_filter *filter;
    size_t n;
    LEAT_TRY(leat_filter_new(x->a, &x->conf->capture, &filter, e));
    LEAT_TRY(leat_my_relations(&x->sql, x->a, &all, &n, e));
    for (size_t i = 0; i < n && *tried < TRIED; i++) {
        bool in;
        LEAT_TRY(leat_my_check_captured(x->conf, filter, &all[i], &in, e));
        if (!in) continue;
        ++*tried;
        LEAT_TRY(try_table(x, &all[i], l, e));
    }
    return LEAT_OK;
}

static leat_rc tables(leat_my_exam *x, leat_err *e)
{
    leat_my_lacking l = {0};
    size_t tried = 0;
    leat_rc rc = try_tables(x, &l, &tried, e);
    bool some = leat_my_tell_lacking(x, &l, "write");
    if (rc == LEAT_OK && !some)
        leat_my_step_ok(x, "write",
                        leat_arena_printf(x->a, "%zu tables, each can be written to", tried));
    return rc;
}

static void write_rights(leat_my_exam *x)
{
    leat_err e;
    if (writable(x) && leat_rc_failed(tables(x, &e))) leat_my_step_err(x, "write", &e);
}

/* ---- the strategies ---- */

static leat_rc try_it(const leat_trial *t, leat_checker *c, void (*steps)(leat_my_exam *x))
{
    leat_my_exam x = {.conf = t->conf, .c = c, .a = t->a};
    if (leat_my_reach(&x)) {
        leat_my_step_ok(
            &x, "version",
            leat_arena_printf(t->a, "%s %s", x.sql.mariadb ? "MariaDB" : "MySQL", x.sql.told));
        steps(&x);
    }
    leat_my_close(&x.sql);
    return LEAT_OK;
}

leat_rc leat_my_check_query(const leat_trial *t, leat_checker *c, leat_err *e)
{
    (void)e;
    return try_it(t, c, query);
}

leat_rc leat_my_check_custom(const leat_trial *t, leat_checker *c, leat_err *e)
{
    (void)e;
    return try_it(t, c, custom);
}

leat_rc leat_my_check_write(const leat_trial *t, leat_checker *c, leat_err *e)
{
    (void)e;
    return try_it(t, c, write_rights);
}
