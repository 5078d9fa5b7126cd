/* leat check: what a snapshot locks, and whether database.user may.
 *
 *     snapshot.streaming=after   MySQL: all tables, by RELOAD or by LOCK TABLES of each database
 *     beside                     a table without a key, one whose engine has no transactions, and
 *                                all of them on a MySQL without GTIDs: LOCK TABLES
 *
 * By SHOW GRANTS: nothing is locked to find out. Rights that come by a role are not seen, so what
 * is missing is a warning. Run by any thread. */
#include <strings.h>

#include "source/mysql/check.h"
#include "source/mysql/reader.h"

static const char *const all_tables[] = {"ALL PRIVILEGES", "RELOAD", "FLUSH_TABLES", NULL};
static const char *const lock_tables[] = {"ALL PRIVILEGES", "LOCK TABLES", NULL};

static bool may_lock(leat_my_exam *x, leat_str grants, const char *db)
{
    leat_buf scope = {0};
    leat_buf_str_z(&scope, " ON ");
    leat_my_put_name(&scope, leat_str_of(db));
    leat_buf_str_z(&scope, ".* ");
    const char *own = leat_arena_str(x->a, leat_buf_str(&scope)).s;
    leat_buf_free(&scope);
    return leat_my_granted(grants, " ON *.* ", lock_tables) ||
           leat_my_granted(grants, own, lock_tables);
}

static void lacks(leat_my_exam *x, const char *db, const char *table, const char *why)
{
    leat_buf name = {0};
    leat_my_put_name(&name, leat_str_of(db));
    const char *quoted = leat_arena_str(x->a, leat_buf_str(&name)).s;
    leat_buf_free(&name);
    const char *account = leat_my_exam_account(x);
    leat_my_step(
        x, &(leat_step){
               .name = "snapshot lock",
               .state = LEAT_STEP_WARN,
               .code = "mysql.lock_privilege",
               .detail = leat_arena_printf(x->a,
                                           "a snapshot locks %s.%s for a moment, as %s, and "
                                           "database.user lacks LOCK TABLES there",
                                           db, table, why),
               .advice = "unless a role has it: run the statement as an administrator, or leave "
                         "the table out (table.exclude.list, snapshot.include.collection.list)",
               .sql = leat_arena_printf(x->a, "GRANT LOCK TABLES ON %s.* TO %s;", quoted, account),
               .undo = leat_arena_printf(x->a, "REVOKE LOCK TABLES ON %s.* FROM %s;", quoted,
                                         account)});
}

/* Why the table is locked; NULL: it is not. */
static const char *reason(leat_my_exam *x, const leat_my_relation *t, bool gtids)
{
    const leat_my_table *def;
    leat_err e;
    if (x->conf->capture.snapshot_streaming != LEAT_SNAPSHOT_BESIDE)
        return "snapshot.streaming=after wants one moment of all tables";
    if (!leat_my_has_transactions(t->engine)) return "its engine has no transactions";
    if (!gtids) return "the server has no GTIDs";
    if (t->keyed) return NULL;
    leat_rc rc = leat_my_table_read(&x->sql, t->db, t->name, x->a, &def, &e);
    return rc == LEAT_OK && def && def->nkey == 0 ? "it has no key" : NULL;
}

/* The first table of each database that must be locked, and cannot. */
static leat_rc look(leat_my_exam *x, leat_str grants, bool gtids, size_t *locked, size_t *bad,
                    leat_err *e)
{
    leat_my_relation *all;
    const leat_filter *filter;
    const char *told = "";
    size_t n;
    LEAT_TRY(leat_filter_new(x->a, &x->conf->capture, &filter, e));
    LEAT_TRY(leat_my_relations(&x->sql, x->a, &all, &n, e));
    for (size_t i = 0; i < n; i++) {
        bool in;
        LEAT_TRY(leat_my_check_captured(x->conf, filter, &all[i], &in, e));
        const char *why = in ? reason(x, &all[i], gtids) : NULL;
        if (!why) continue;
        ++*locked;
        if (strcmp(told, all[i].db) == 0 || may_lock(x, grants, all[i].db)) continue;
        lacks(x, all[i].db, all[i].name, why);
        told = all[i].db;
        ++*bad;
    }
    return LEAT_OK;
}

void leat_my_check_snapshot(leat_my_exam *x)
{
    bool after = x->conf->capture.snapshot_streaming != LEAT_SNAPSHOT_BESIDE;
    const char *mode = x->sql.mariadb ? "ON" : leat_my_variable(x, "gtid_mode");
    bool gtids = x->sql.mariadb || (x->conf->use_gtid && mode && strcasecmp(mode, "ON") == 0);
    leat_buf grants = {0};
    leat_err e;
    size_t locked = 0, bad = 0;
    if (!leat_my_reads_rows(x->conf)) return;
    if (after && x->sql.mariadb) {
        leat_my_step_ok(x, "snapshot lock", "none is needed");
        return;
    }
    leat_rc rc = leat_my_grants(x, &grants, &e);
    if (rc == LEAT_OK && after && leat_my_granted(leat_buf_str(&grants), " ON *.* ", all_tables))
        leat_my_step_ok(x, "snapshot lock", "all tables for a moment, by RELOAD");
    else if (rc == LEAT_OK)
        rc = look(x, leat_buf_str(&grants), gtids, &locked, &bad, &e);
    leat_buf_free(&grants);
    if (rc != LEAT_OK)
        leat_my_step_err(x, "snapshot lock", &e);
    else if (locked > 0 && bad == 0)
        leat_my_step_ok(x, "snapshot lock",
                        leat_arena_printf(x->a, "%zu tables for a moment each: granted", locked));
    else if (locked == 0 && !after)
        leat_my_step_ok(x, "snapshot lock", "none is needed");
}
