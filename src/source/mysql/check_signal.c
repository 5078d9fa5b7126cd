/* leat check: the table of signals. Nothing is written: the server is asked how it would do it,
 * which needs the same rights. Run by any thread. */
#include "source/mysql/check.h"

/* The signal table as SQL has it, in x->a; NULL: the option names none. */
static const char *quoted_table(leat_my_exam *x)
{
    leat_str name = leat_str_of(x->conf->capture.signal_tables.v[0]);
    leat_str first = leat_str_cut(&name, '.');
    leat_buf text = {0};
    leat_my_put_table(&text, first, name);
    const char *out = leat_arena_str(x->a, leat_buf_str(&text)).s;
    leat_buf_free(&text);
    return name.s ? out : NULL;
}

static void missing(leat_my_exam *x, const char *table, const leat_err *why)
{
    leat_my_step(x, &(leat_step){.name = "signal table",
                                 .state = LEAT_STEP_FAILED,
                                 .code = "signal.table",
                                 .detail = leat_arena_strdup(x->a, why->msg),
                                 .advice = "it needs three columns: id, type and data",
                                 .sql = leat_arena_printf(
                                     x->a,
                                     "CREATE TABLE %s (id varchar(42) PRIMARY KEY, type "
                                     "varchar(32) NOT NULL, data text);",
                                     table),
                                 .undo = leat_arena_printf(x->a, "DROP TABLE %s;", table)});
}

/* Signals are read without it; watermarks are not written. */
static void no_right(leat_my_exam *x, const char *table, const char *right, const leat_err *why)
{
    const char *user = leat_my_exam_account(x);
    leat_my_step(
        x, &(leat_step){
               .name = "signal table",
               .state = LEAT_STEP_WARN,
               .code = "mysql.privilege",
               .detail = leat_arena_strdup(x->a, why->msg),
               .advice = "incremental snapshots go on without Debezium's watermarks; run the "
                         "statement as an administrator, or set read.only=true",
               .sql = leat_arena_printf(x->a, "GRANT %s ON %s TO %s;", right, table, user),
               .undo = leat_arena_printf(x->a, "REVOKE %s ON %s FROM %s;", right, table, user)});
}

static bool tried(leat_my_exam *x, const char *table, const char *right, const char *sql)
{
    leat_my_result r = {0};
    leat_err e;
    leat_rc rc = leat_my_query(&x->sql, "look at the signal table", sql, &r, &e);
    leat_my_result_free(&r);
    if (rc == LEAT_OK) return true;
    if (strcmp(e.code, "mysql.privilege") == 0)
        no_right(x, table, right, &e);
    else
        missing(x, table, &e);
    return false;
}

void leat_my_check_signals(leat_my_exam *x)
{
    const leat_capture_conf *c = &x->conf->capture;
    if (c->signal_tables.n == 0) return;
    const char *table = quoted_table(x);
    if (!table) {
        leat_my_step(x, &(leat_step){.name = "signal table",
                                     .state = LEAT_STEP_FAILED,
                                     .code = "signal.table",
                                     .detail = c->signal_tables.v[0],
                                     .advice = "expected database.table"});
        return;
    }
    bool good =
        c->read_only
            ? tried(x, table, "SELECT", leat_arena_printf(x->a, "SELECT 1 FROM %s LIMIT 0", table))
            : tried(x, table, "INSERT",
                    leat_arena_printf(x->a, "EXPLAIN INSERT INTO %s VALUES ('', '', '')", table));
    if (good && !c->read_only && c->watermarks == LEAT_WATERMARKS_DELETE)
        good = tried(x, table, "DELETE",
                     leat_arena_printf(x->a, "EXPLAIN DELETE FROM %s WHERE id = ''", table));
    if (good)
        leat_my_step_ok(x, "signal table",
                        c->read_only ? "there, and only read" : "there, and may be written to");
}
