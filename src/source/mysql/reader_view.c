/* How a reader takes its views; see view.h for what they are.
 *
 *   MySQL with GTIDs   gtid_executed is read, then the transaction begins and the table is touched,
 *                      which holds it against DDL and makes the view; then the log's end is read.
 *                      No lock: what was executed is visible, and what is visible is in the log.
 *
 *   MariaDB            its consistent snapshot says of which place it is (Binlog_snapshot_*). The
 *                      table is held by a second session, as DDL between snapshot and first row
 *                      would not be waited for. gtid_binlog_state, read before, is contained where
 *                      the place is behind the log's end of then.
 *
 *   under a lock       LOCK TABLES ... READ of a second session for the moment in which the place
 *                      is read and the view made: then it is exact for this table. For tables
 *                      without a key, for MySQL without GTIDs, and, held until the rows are read,
 *                      for engines without transactions.
 *
 * Nothing locks more than the one table, and for longer than a moment only where its engine has no
 * transactions. Run by the reader's thread. */
#include <stdio.h>

#include "base/log.h"
#include "source/mysql/reader_part.h"

/* ---- sessions ---- */

static bool leaves(void *arg)
{
    const leat_chunk_reader *r = arg;
    return r->leaves && r->leaves(r);
}

/* What the server's or the account's settings must not decide: how long statements and slow takers
 * of rows may take; and numbers of rows that are a day old. */
static leat_rc set_up(leat_my *c, leat_err *e)
{
    LEAT_TRY(leat_my_exec(c, "set the session up",
                          "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", e));
    LEAT_TRY(leat_my_exec(c, "set the session up",
                          "SET SESSION net_write_timeout=31536000, sql_select_limit=DEFAULT", e));
    if (c->mariadb)
        return leat_my_exec(c, "set the session up", "SET SESSION max_statement_time=0", e);
    LEAT_TRY(leat_my_exec(c, "set the session up", "SET SESSION max_execution_time=0", e));
    if (c->version < 80000) return LEAT_OK;
    return leat_my_exec(c, "set the session up", "SET SESSION information_schema_stats_expiry=0",
                        e);
}

/* Behind a name that stands for several servers a session may be on another one than the stream's:
 * places mean nothing there. */
static leat_rc same_server(leat_my_reader *x, leat_my *c, leat_err *e)
{
    leat_arena a = {0};
    leat_str name;
    leat_rc rc = leat_my_server_name(c, &a, &name, e);
    if (rc == LEAT_OK && !leat_str_eq(name, x->s.server))
        rc = leat_fail(e, LEAT_RETRY, "mysql.reader_elsewhere", x->s.target.host,
                       "a reader of the snapshot came to another server (" LEAT_STR_FMT
                       ") than the stream (" LEAT_STR_FMT ")",
                       LEAT_STR_ARG(name), LEAT_STR_ARG(x->s.server));
    leat_arena_free(&a);
    return rc;
}

leat_rc leat_my_reader_connect(leat_my_reader *x, leat_my *c, leat_err *e)
{
    if (leat_my_is_open(c) && mysql_ping(c->my) == 0) return LEAT_OK;
    c->leaves = leaves;
    c->arg = x->r;
    LEAT_TRY(leat_my_connect(c, &x->s.target, e));
    leat_rc rc = set_up(c, e);
    if (rc == LEAT_OK) rc = same_server(x, c, e);
    if (rc != LEAT_OK) leat_my_close(c);
    return rc;
}

leat_rc leat_my_reader_session(leat_my_reader *x, leat_err *e)
{
    return leat_my_reader_connect(x, &x->s.sql, e);
}

/* ---- statements ---- */

static leat_rc run(leat_my *c, const char *doing, const char *sql, leat_err *e)
{
    return leat_my_exec(c, doing, sql, e);
}

/* The statement with the table's name between its two parts. */
static leat_rc run_on(leat_my *c, const leat_my_snap *t, const char *before, const char *behind,
                      leat_err *e)
{
    leat_arena a = {0};
    leat_rc rc =
        leat_my_exec(c, t->doing, leat_arena_printf(&a, "%s%s%s", before, t->quoted, behind), e);
    leat_arena_free(&a);
    return rc;
}

/* Cells of the first row that were asked for by number, in a; absent: NULL or no row. */
static leat_rc ask(leat_my *c, const char *sql, leat_arena *a, leat_str *cells, unsigned n,
                   leat_err *e)
{
    leat_my_result r;
    LEAT_TRY(leat_my_query(c, "take a view", sql, &r, e));
    bool row = leat_my_next(&r);
    for (unsigned i = 0; i < n; i++) {
        leat_str cell = row ? leat_my_cell(&r, i) : (leat_str){0};
        cells[i] = cell.s ? leat_arena_str(a, cell) : cell;
    }
    leat_my_result_free(&r);
    return LEAT_OK;
}

/* A statement that the server allows to those alone who have a privilege beyond reading. */
static leat_rc lock_table(leat_my *c, const leat_my_snap *t, leat_err *e)
{
    leat_err why;
    leat_rc rc = run_on(c, t, "LOCK TABLES ", " READ", &why);
    if (!leat_rc_failed(rc)) return rc;
    if (strcmp(why.code, "mysql.privilege") != 0) {
        if (e) *e = why;
        return rc;
    }
    return leat_fail(e, LEAT_CONF, "mysql.lock_privilege", t->quoted,
                     "this table must be locked for a moment to be read, as it has no key, or the "
                     "server no GTIDs or the table no transactions, and database.user may not: "
                     "GRANT LOCK TABLES, SELECT ON the database; or leave the table out "
                     "(table.exclude.list, snapshot.include.collection.list)");
}

/* The log's end. */
leat_rc leat_my_view_log_end(leat_my *c, leat_arena *a, leat_my_viewed *v, leat_err *e)
{
    leat_str cells[2];
    LEAT_TRY(ask(c, leat_my_server_status_sql(c), a, cells, 2, e));
    if (!cells[0].s || !leat_str_u64(cells[1], &v->pos))
        return leat_fail(e, LEAT_CONF, "mysql.log_bin", "", "the server writes no binary log");
    v->file = cells[0];
    return LEAT_OK;
}

/* Also where positions are not by them: the stream's transactions are. */
leat_rc leat_my_view_gtids(leat_my *c, leat_arena *a, leat_my_viewed *v, leat_err *e)
{
    return ask(c,
               c->mariadb ? "SELECT @@global.gtid_binlog_state" : "SELECT @@global.gtid_executed",
               a, &v->gtids, 1, e);
}

/* Holds the table in the view's own transaction, and makes the view where there is none. */
static leat_rc touch(leat_my_reader *x, const leat_my_snap *t, leat_err *e)
{
    return run_on(&x->s.sql, t, "SELECT 1 FROM ", " LIMIT 1", e);
}

/* ---- views ---- */

static leat_rc by_gtids(leat_my_reader *x, const leat_my_snap *t, leat_arena *a, leat_my_viewed *v,
                        leat_err *e)
{
    leat_my *c = &x->s.sql;
    LEAT_TRY(leat_my_view_gtids(c, a, v, e));
    LEAT_TRY(run(c, "take a view", "START TRANSACTION READ ONLY", e));
    LEAT_TRY(touch(x, t, e));
    return leat_my_view_log_end(c, a, v, e);
}

/* The place of MariaDB's snapshot. */
leat_rc leat_my_view_place(leat_my *c, leat_arena *a, leat_my_viewed *v, leat_err *e)
{
    leat_my_result r;
    LEAT_TRY(leat_my_query(c, "take a view", "SHOW STATUS LIKE 'binlog_snapshot_%'", &r, e));
    v->file = (leat_str){0};
    while (leat_my_next(&r)) {
        leat_str name = leat_my_cell(&r, 0), value = leat_my_cell(&r, 1);
        if (leat_str_ieq(name, LEAT_STR("Binlog_snapshot_file")))
            v->file = leat_arena_str(a, value);
        if (leat_str_ieq(name, LEAT_STR("Binlog_snapshot_position"))) leat_str_u64(value, &v->pos);
    }
    leat_my_result_free(&r);
    if (v->file.len > 0) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "mysql.log_bin", "",
                     "the server does not tell the place of a consistent snapshot "
                     "(Binlog_snapshot_file): does it write a binary log?");
}

static leat_rc consistent(leat_my_reader *x, const leat_my_snap *t, leat_arena *a,
                          leat_my_viewed *v, leat_err *e)
{
    leat_my *c = &x->s.sql;
    leat_my_viewed before = {0};
    LEAT_TRY(leat_my_view_gtids(c, a, v, e));
    LEAT_TRY(leat_my_view_log_end(c, a, &before, e));
    LEAT_TRY(run(c, "take a view", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", e));
    LEAT_TRY(leat_my_view_place(c, a, v, e));
    v->exact = true;
    if (leat_my_place_cmp(v->file.s, v->pos, before.file.s, before.pos) < 0)
        v->gtids = (leat_str){0}; /* some of them may be written and not visible yet */
    return touch(x, t, e);
}

/* The place that is read while the table is locked. */
static leat_rc under_lock(leat_my_reader *x, const leat_my_snap *t, leat_arena *a,
                          leat_my_viewed *v, leat_err *e)
{
    leat_my *c = &x->s.sql;
    LEAT_TRY(leat_my_view_gtids(c, a, v, e));
    LEAT_TRY(leat_my_view_log_end(c, a, v, e));
    LEAT_TRY(run(c, "take a view", "START TRANSACTION READ ONLY", e));
    v->exact = true;
    return touch(x, t, e);
}

static leat_rc guard_go(leat_my_reader *x, leat_err *e)
{
    if (!x->guards) return LEAT_OK;
    x->guards = false;
    LEAT_TRY(run(&x->guard, "end a view", "UNLOCK TABLES", e));
    return run(&x->guard, "end a view", "ROLLBACK", e);
}

static leat_rc take(leat_my_reader *x, const leat_my_snap *t, bool lock, leat_arena *a,
                    leat_my_viewed *v, leat_err *e)
{
    bool mariadb = x->s.sql.mariadb;
    if (!lock && !mariadb) return by_gtids(x, t, a, v, e);
    LEAT_TRY(leat_my_reader_connect(x, &x->guard, e));
    x->guards = true;
    if (lock) {
        LEAT_TRY(lock_table(&x->guard, t, e));
    } else {
        LEAT_TRY(run(&x->guard, "hold a table", "START TRANSACTION READ ONLY", e));
        LEAT_TRY(run_on(&x->guard, t, "SELECT 1 FROM ", " LIMIT 0", e));
    }
    LEAT_TRY(mariadb && !t->plain ? consistent(x, t, a, v, e) : under_lock(x, t, a, v, e));
    return t->plain ? LEAT_OK : guard_go(x, e);
}

leat_rc leat_my_view_take(leat_my_reader *x, const leat_range *range, leat_arena *a,
                          leat_view *view, leat_err *e)
{
    const leat_my_snap *t = range->table->priv;
    bool mariadb = x->s.sql.mariadb, keyed = range->table->keyed || range->table->ask;
    bool lock = !keyed || t->plain || (!mariadb && !x->s.gtid);
    leat_my_viewed v = {.server = x->s.server, .mariadb = mariadb};
    LEAT_TRY(take(x, t, lock, a, &v, e));
    x->session = mysql_thread_id(x->s.sql.my);
    LEAT_TRY(leat_my_view_new(&v, a, view, e));
    leat_my_view_end(view, &x->file, &x->pos);
    return LEAT_OK;
}

leat_rc leat_my_view_let_go(leat_my_reader *x, leat_err *e)
{
    leat_rc rc =
        leat_my_is_open(&x->s.sql) ? run(&x->s.sql, "end a chunk", "ROLLBACK", e) : LEAT_OK;
    leat_rc guard = leat_my_is_open(&x->guard) ? guard_go(x, e) : LEAT_OK;
    x->guards = false;
    return rc != LEAT_OK ? rc : guard;
}
