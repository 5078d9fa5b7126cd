/* leat check: which tables are captured, whether they can be read, which of them have no key or no
 * transactions. Run by any thread. */
#include "source/mysql/check.h"
#include "source/mysql/reader.h"

enum { TRIED = 200, NAMED = 5 };

leat_rc leat_my_check_captured(const leat_my_conf *c, const leat_filter *f,
                               const leat_my_relation *t, bool *in, leat_err *e)
{
    *in = !leat_my_is_builtin(t->db) || !c->capture.ignore_builtin;
    return *in ? leat_filter_table(f, t->db, t->name, in, e) : LEAT_OK;
}

/* The description of a table can be read with any right on it; its rows with one. */
static leat_rc readable(leat_my_exam *x, const leat_my_relation *t, leat_my_lacking *l, leat_err *e)
{
    leat_err err;
    leat_buf sql = {0};
    leat_buf_str_z(&sql, "SELECT * FROM ");
    leat_my_put_table(&sql, leat_str_of(t->db), leat_str_of(t->name));
    leat_buf_str_z(&sql, " LIMIT 0");
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_my_exec(&x->sql, "read a table", sql.p, &err);
    leat_buf_free(&sql);
    if (rc == LEAT_OK) return LEAT_OK;
    if (strcmp(err.code, "mysql.privilege") == 0) {
        leat_my_lack(x, l, t, "SELECT");
        return LEAT_OK;
    }
    if (e) *e = err;
    return rc;
}

/* Tables that a step tells of: the first by name. */
typedef struct some {
    size_t n;
    const char *names;
} some;

static void note(leat_my_exam *x, some *s, const leat_my_relation *t)
{
    if (s->n++ < NAMED)
        s->names = leat_arena_printf(x->a, "%s%s%s.%s", s->n > 1 ? s->names : "",
                                     s->n > 1 ? ", " : "", t->db, t->name);
}

static void warn(leat_my_exam *x, const some *s, const leat_step *step)
{
    leat_step told = *step;
    if (s->n == 0) return;
    told.state = LEAT_STEP_WARN;
    told.detail = leat_arena_printf(x->a, "%zu captured tables %s: %s%s", s->n, step->detail,
                                    s->names, s->n > NAMED ? "..." : "");
    leat_my_step(x, &told);
}

static void tell(leat_my_exam *x, size_t found, size_t n, const some *keyless, const some *plain)
{
    if (found == 0)
        leat_my_step(
            x,
            &(leat_step){.name = "tables",
                         .state = LEAT_STEP_WARN,
                         .code = "mysql.no_tables",
                         .detail = leat_arena_printf(
                             x->a, "none of the %zu tables that database.user sees is captured", n),
                         .advice = "see database.include.list and table.include.list; tables "
                                   "without SELECT are not seen"});
    else
        leat_my_step_ok(x, "tables", leat_arena_printf(x->a, "%zu of %zu are captured", found, n));
    warn(x, keyless,
         &(leat_step){.name = "keys",
                      .code = "mysql.no_key",
                      .detail = "have no primary key",
                      .advice = "their records have no key, unless a unique key of NOT NULL "
                                "columns or message.key.columns gives one"});
    warn(x, plain,
         &(leat_step){.name = "engine",
                      .code = "mysql.no_transactions",
                      .detail = "have an engine without transactions",
                      .advice =
                          "their rows cannot be read from one view: a snapshot locks such a "
                          "table against writers until it is read, and nothing that was written "
                          "to it is ever rolled back; ALTER TABLE ... ENGINE=InnoDB, where "
                          "that is possible"});
}

leat_rc leat_my_check_tables(leat_my_exam *x, leat_err *e)
{
    leat_my_relation *all;
    leat_my_lacking lacking = {0};
    const leat_filter *filter;
    size_t n, found = 0;
    some keyless = {0}, plain = {0};
    LEAT_TRY(leat_filter_new(x->a, &x->conf->capture, &filter, e));
    LEAT_TRY(leat_my_relations(&x->sql, x->a, &all, &n, e));
    for (size_t i = 0; i < n; i++) {
        bool in;
        leat_rc rc = leat_my_check_captured(x->conf, filter, &all[i], &in, e);
        if (rc == LEAT_OK && in && ++found <= TRIED) rc = readable(x, &all[i], &lacking, e);
        if (rc != LEAT_OK) {
            leat_my_tell_lacking(x, &lacking, "select");
            return rc;
        }
        if (in && !all[i].keyed) note(x, &keyless, &all[i]);
        if (in && !leat_my_has_transactions(all[i].engine)) note(x, &plain, &all[i]);
    }
    leat_my_tell_lacking(x, &lacking, "select");
    tell(x, found, n, &keyless, &plain);
    return LEAT_OK;
}
