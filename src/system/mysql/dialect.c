/* MySQL and MariaDB as query capture sees them (capture/dialect.h).
 *
 * Rows come as texts, one by one. A result's columns are those that the server tells of an empty
 * one, with what it knows of the tables behind; types are those that Connector/J makes of them. A
 * database is what JDBC calls a catalog; schemas there are none. Run by the thread of its session.
 */
#include "system/mysql/dialect.h"

#include <strings.h>

#include "system/mysql/catalog.h"
#include "system/mysql/compare.h"
#include "system/mysql/url.h"

enum { CONNECT_MS = 10000 };

static const char doing[] = "read rows of a query";

static leat_my_query_session *session(leat_sql *s)
{
    return s->priv;
}

/* ---- getting there ---- */

static leat_rc read_target(const leat_sql_target *q, leat_arena *a, leat_my_target *t,
                           bool *zero_null, leat_err *e)
{
    leat_db_url url;
    *t = (leat_my_target){.sslmode = LEAT_MY_SSL_PREFERRED,
                          .connect_ms = q->connect_ms ? q->connect_ms : CONNECT_MS,
                          .query_ms = q->query_ms};
    LEAT_TRY(leat_db_url_login(q->url, q->user, q->password, a, &url, e));
    LEAT_TRY(leat_my_url_target(&url, t, e));
    const char *zero = leat_db_url_param(&url, "zeroDateTimeBehavior");
    *zero_null = zero && (strcasecmp(zero, "CONVERT_TO_NULL") == 0 ||
                          strcasecmp(zero, "convertToNull") == 0);
    return t->user ? LEAT_OK : leat_db_url_nobody("query.user", e);
}

static void validate(const leat_sql_target *q, leat_report *r)
{
    leat_my_target t;
    leat_err err;
    bool zero_null;
    if (leat_rc_failed(read_target(q, r->a, &t, &zero_null, &err)))
        leat_report_add(r, false, leat_arena_strdup(r->a, err.where), 0, "%s", err.msg);
}

static void close_session(leat_sql *s)
{
    leat_my_query_session *x = session(s);
    if (!x) return;
    if (x->reading) leat_my_drop(&x->c, &x->rows);
    leat_my_close(&x->c);
    leat_my_list_free(&x->list);
    leat_arena_free(&x->arena);
    leat_free(x);
    s->priv = NULL;
}

/* Rows may be taken slowly, and a poll of much takes long. */
static leat_rc set_up(leat_sql *s, leat_err *e)
{
    leat_my *c = &session(s)->c;
    leat_buf sql = {0};
    leat_rc rc = leat_my_exec(
        c, "set the session up",
        "SET SESSION net_write_timeout=31536000, sql_select_limit=DEFAULT, autocommit=1", e);
    if (rc == LEAT_OK && s->target->isolation > 0) {
        leat_buf_str_z(&sql, "SET SESSION TRANSACTION ISOLATION LEVEL ");
        for (const char *p = leat_sql_isolations[s->target->isolation]; *p; p++)
            leat_buf_u8(&sql, *p == '_' ? ' ' : (unsigned char)*p);
        leat_buf_u8(&sql, 0);
        rc = leat_my_exec(c, "set the session's isolation", sql.p, e);
        leat_buf_free(&sql);
    }
    return rc == LEAT_OK ? leat_my_zone_read(s, e) : rc;
}

static leat_rc connect_session(leat_sql *s, const char *app, leat_err *e)
{
    leat_my_query_session *x = leat_zalloc(1, sizeof *x);
    (void)app;
    s->priv = x;
    x->c.leaves = s->leaves;
    x->c.arg = s->arg;
    leat_rc rc = read_target(s->target, &x->arena, &x->target, &x->zero_null, e);
    if (rc == LEAT_OK) rc = leat_my_connect(&x->c, &x->target, e);
    if (rc == LEAT_OK) rc = set_up(s, e);
    if (rc != LEAT_OK) close_session(s);
    return rc;
}

/* ---- what is there ---- */

/* Without a pattern: those of the URL's database, or of all if it names none. */
static bool wanted(const leat_my_query_session *x, const leat_sql_wanted *w, leat_str db,
                   leat_str kind)
{
    bool typed = false;
    for (size_t k = 0; k < w->types.n; k++)
        typed = typed || leat_str_ieq(kind, leat_str_of(w->types.v[k]));
    if (!typed) return false;
    if (w->catalog && *w->catalog) return leat_dialect_like(db, w->catalog);
    return !x->target.dbname || leat_str_is(db, x->target.dbname);
}

static leat_rc list_tables(leat_sql *s, const leat_sql_wanted *w, leat_arena *a,
                           leat_sql_table **out, size_t *n, leat_err *e)
{
    static const char sql[] =
        "SELECT TABLE_SCHEMA, TABLE_NAME,"
        " CASE WHEN TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') THEN 'TABLE'"
        " ELSE TABLE_TYPE END FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')"
        " ORDER BY BINARY TABLE_SCHEMA, BINARY TABLE_NAME";
    leat_my_query_session *x = session(s);
    leat_my_result r;
    LEAT_TRY(leat_my_query(&x->c, "list the tables", sql, &r, e));
    leat_sql_table *t = LEAT_NEW(a, leat_sql_table, mysql_num_rows(r.res));
    *out = t;
    *n = 0;
    while (leat_my_next(&r)) {
        leat_str db = leat_my_cell(&r, 0), kind = leat_my_cell(&r, 2);
        if (!wanted(x, w, db, kind)) continue;
        t[(*n)++] = (leat_sql_table){.db = leat_arena_str(a, db).s,
                                     .name = leat_arena_str(a, leat_my_cell(&r, 1)).s,
                                     .kind = leat_arena_str(a, kind).s};
    }
    leat_my_result_free(&r);
    return LEAT_OK;
}

static leat_rc describe(leat_sql *s, const char *from, leat_arena *a, leat_sql_column **out,
                        size_t *n, leat_err *e)
{
    leat_my_result r;
    const char *sql = leat_arena_printf(a, "SELECT * FROM %s AS q LIMIT 0", from);
    LEAT_TRY(leat_my_query(&session(s)->c, "learn a query's columns", sql, &r, e));
    *n = r.n;
    *out = LEAT_NEW(a, leat_sql_column, r.n);
    for (unsigned i = 0; i < r.n; i++)
        leat_my_sql_column(mysql_fetch_field_direct(r.res, i), s->target->all_types, a, &(*out)[i]);
    leat_my_result_free(&r);
    return LEAT_OK;
}

static leat_rc ask(leat_sql *s, const char *what, const char *sql, leat_arena *a, leat_str *out,
                   leat_err *e)
{
    leat_my_result r;
    *out = (leat_str){0};
    LEAT_TRY(leat_my_query(&session(s)->c, what, sql, &r, e));
    if (leat_my_next(&r) && leat_my_cell(&r, 0).s) *out = leat_arena_str(a, leat_my_cell(&r, 0));
    leat_my_result_free(&r);
    return LEAT_OK;
}

static leat_rc ask_clock(leat_sql *s, int64_t *us, leat_err *e)
{
    leat_my_result r;
    LEAT_TRY(leat_my_query(&session(s)->c, "read the server's clock",
                           "SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)", &r, e));
    leat_my_next(&r);
    *us = leat_my_cell_i64(&r, 0, 0);
    leat_my_result_free(&r);
    return LEAT_OK;
}

/* The text of a FLOAT has six digits; as a DOUBLE it has all. */
static void put_column(leat_sql *s, const leat_sql_column *c, const char *quoted, leat_buf *out)
{
    if (leat_my_local(s, c))
        leat_my_put_utc(&session(s)->zone, quoted, out);
    else if (c->type == LEAT_SQL_FLOAT32)
        leat_buf_printf(out, "(%s + 0e0)", quoted);
    else
        leat_buf_str_z(out, quoted);
}

/* ---- reading ---- */

static leat_rc begin(leat_sql *s, const char *sql, const leat_sql_column *const *cols, size_t n,
                     leat_err *e)
{
    leat_my_query_session *x = session(s);
    LEAT_TRY(leat_my_select(&x->c, doing, sql, &x->rows, e));
    x->cols = cols;
    x->ncols = n;
    x->reading = true;
    return LEAT_OK;
}

/* For the dead letters: as texts, with tabs between. */
static leat_str texts_of(const leat_my_query_session *x, leat_arena *a)
{
    leat_buf all = {0};
    for (size_t i = 0; i < x->ncols; i++) {
        if (i > 0) leat_buf_u8(&all, '\t');
        leat_buf_add(&all, leat_my_cell(&x->rows, (unsigned)i));
    }
    leat_str text = leat_arena_str(a, leat_buf_str(&all));
    leat_buf_free(&all);
    return text;
}

static leat_rc read_row(leat_sql *s, int wait_ms, leat_arena *a, leat_value *cells, leat_str *raw,
                        leat_err *e)
{
    leat_my_query_session *x = session(s);
    leat_rc rc = leat_my_fetch(&x->c, doing, &x->rows, wait_ms, e);
    if (rc == LEAT_PENDING) {
        leat_my_result_free(&x->rows);
        x->reading = false;
    }
    if (rc != LEAT_OK) return rc;
    size_t len = 0;
    for (size_t i = 0; i < x->ncols; i++) {
        leat_str text = leat_my_cell(&x->rows, (unsigned)i);
        len += text.len + 1;
        if (rc == LEAT_OK) rc = leat_my_sql_cell(x->cols[i], text, x->zero_null, a, &cells[i], e);
    }
    *raw = rc == LEAT_OK ? (leat_str){NULL, len} : texts_of(x, a);
    return rc;
}

static leat_rc end_rows(leat_sql *s, leat_err *e)
{
    leat_my_query_session *x = session(s);
    if (!x->reading) return LEAT_OK;
    x->reading = false;
    leat_my_drop(&x->c, &x->rows);
    return leat_my_is_open(&x->c) ? LEAT_OK
                                  : leat_fail(e, LEAT_RETRY, "mysql.closed", "",
                                              "the session was lost while a query was ended");
}

static leat_rc beat(leat_sql *s, leat_err *e)
{
    leat_my_query_session *x = session(s);
    return x->reading ? LEAT_OK : leat_my_exec(&x->c, "stay connected", "DO 1", e);
}

static leat_rc compare(leat_sql *s, const char *app, leat_compare_side **out, leat_err *e)
{
    (void)app;
    return leat_my_compare_open(&session(s)->target, NULL, out, e);
}

/* ---- for a check ---- */

static leat_rc about(leat_sql *s, leat_arena *a, const char **text, leat_err *e)
{
    const leat_my *c = &session(s)->c;
    (void)e;
    *text = leat_arena_printf(a, "%s %s", c->mariadb ? "MariaDB" : "MySQL", c->told);
    return LEAT_OK;
}

static leat_rc doubts(leat_sql *s, bool moments, leat_arena *a, leat_sql_doubts *d, leat_err *e)
{
    leat_err err;
    const char *account;
    (void)moments;
    if (s->target->ignore_late) return LEAT_OK;
    leat_rc rc = leat_my_exec(&session(s)->c, "see which transactions are open",
                              "SELECT count(*) FROM information_schema.INNODB_TRX", &err);
    if (rc == LEAT_OK) {
        rc = leat_my_dialect_standby(s, &err);
        if (rc == LEAT_OK) return LEAT_OK;
        d->stops = true;
        d->text = leat_arena_strdup(a, err.msg);
    }
    if (rc == LEAT_RETRY) {
        if (e) *e = err;
        return rc;
    }
    if (d->text) return LEAT_OK;
    LEAT_TRY(leat_my_account(&session(s)->c, a, &account, e));
    d->text = leat_arena_strdup(a, err.msg);
    d->mend = leat_arena_printf(a, "GRANT PROCESS ON *.* TO %s;", account);
    d->undo = leat_arena_printf(a, "REVOKE PROCESS ON *.* FROM %s;", account);
    d->stops = true;
    return LEAT_OK;
}

static const char *const protocols[] = {"mysql", "mariadb", NULL};

extern const leat_dialect leat_dialect_mysql;
const leat_dialect leat_dialect_mysql = {
    .protocols = protocols,
    .klass = "MySqlDatabaseDialect",
    .title = "MySQL and MariaDB",
    .open_quote = '`',
    .close_quote = '`',
    .validate = validate,
    .connect = connect_session,
    .close = close_session,
    .tables = list_tables,
    .describe = describe,
    .ask = ask,
    .clock = ask_clock,
    .put_column = put_column,
    .put_stamp = leat_my_put_stamp,
    .put_moment = leat_my_put_moment,
    .put_bound = leat_my_put_bound,
    .put_latest = leat_my_put_latest,
    .look = leat_my_dialect_look,
    .forget = leat_my_dialect_forget,
    .begin = begin,
    .row = read_row,
    .end = end_rows,
    .beat = beat,
    .compare = compare,
    .about = about,
    .doubts = doubts,
};
