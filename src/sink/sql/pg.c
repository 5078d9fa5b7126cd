/* PostgreSQL's dialect: the session, the catalog, errors (sink/sql/dialect.h). By the sink's
 * thread. */
#include "sink/sql/pg.h"

#include <stdio.h>

#include "base/log.h"
#include "sink/sql/dialects.h"
#include "system/postgres/compare.h"
#include "system/postgres/quote.h"
#include "system/postgres/types.h"
#include "system/postgres/url.h"

/* ---- errors ---- */

/* SQLSTATEs that say something about a row, most special first. */
static const struct {
    const char *state, *code;
} rows_faults[] = {
    {"23502", "sql.null"},     {"23503", "sql.foreign_key"}, {"23505", "sql.unique"},
    {"23514", "sql.check"},    {"23P01", "sql.exclusion"},   {"23", "sql.constraint"},
    {"22001", "sql.too_long"}, {"22003", "sql.range"},       {"22021", "sql.text"},
    {"22P05", "sql.text"},     {"22P02", "sql.invalid"},     {"22007", "sql.invalid"},
    {"22008", "sql.invalid"},  {"22", "sql.value"},          {"42804", "sql.type"},
    {"42846", "sql.type"},     {"54000", "sql.too_large"},   {"42P01", "sql.table_missing"},
    {"44000", "sql.check"},    {"428C9", "sql.generated"},   {"42703", "sql.column_missing"},
    {"P0001", "sql.trigger"},  {"42883", "sql.type"},
};

static leat_rc row_fault(leat_err *e, const PGresult *res, const char *code)
{
    const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
    const char *table = PQresultErrorField(res, PG_DIAG_TABLE_NAME);
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    return leat_fail(e, LEAT_DATA, code, table,
                     "the target refuses the row: %s%s%s%s (SQLSTATE %s)",
                     text ? text : "no message", detail ? " (" : "", detail ? detail : "",
                     detail ? ")" : "", state);
}

leat_rc leat_rdb_pg_fail(leat_err *e, leat_rdb_pg *c, const PGresult *res, const char *doing)
{
    leat_err own;
    if (!e) e = &own;
    const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
    for (size_t i = 0; state && i < sizeof rows_faults / sizeof *rows_faults; i++)
        if (strncmp(state, rows_faults[i].state, strlen(rows_faults[i].state)) == 0)
            return row_fault(e, res, rows_faults[i].code);
    if (state && strcmp(state, "42P10") == 0) return leat_rdb_fail_no_unique(e, NULL, doing);
    if (state && strcmp(state, "25006") == 0)
        return leat_fail(e, LEAT_RETRY, "sql.read_only", NULL,
                         "could not %s: the server takes no writes now (a standby, or "
                         "default_transaction_read_only)",
                         doing);
    return leat_rdb_rename_options(leat_pg_fail(e, &c->pg, res, doing), e);
}

/* ---- the session ---- */

static void pg_close(leat_rdb_conn *conn)
{
    leat_rdb_pg *c = (leat_rdb_pg *)conn;
    leat_pg_abandon(&c->pg);
    leat_buf_free(&c->values);
    leat_free(c->offsets);
    leat_free(c->params);
    leat_free(c->expected);
    while (c->ways) {
        leat_rdb_pg_way *next = c->ways->next;
        leat_free(c->ways);
        c->ways = next;
    }
    leat_arena_free(&c->scratch);
    leat_free(c);
}

static leat_pg_target target_of(const leat_rdb_conf *conf)
{
    return (leat_pg_target){.sslmode = LEAT_PG_SSL_PREFER,
                            .keepalive = true,
                            .utf8 = true,
                            .connect_ms = conf->connect_ms,
                            .query_ms = conf->query_ms};
}

static leat_rc pg_compare(const leat_rdb_conf *conf, const leat_db_url *u, const char *app,
                          leat_arena *a, leat_compare_side **out, leat_err *e)
{
    leat_pg_target target = target_of(conf);
    LEAT_TRY(leat_pg_url_target(u, a, &target, e));
    return leat_rdb_rename_options(leat_pg_compare_open(&target, app, NULL, out, e), e);
}

static leat_rc pg_open(const leat_rdb_conf *conf, const leat_db_url *u, const char *app, bool trial,
                       leat_arena *a, leat_rdb_conn **out, leat_err *e)
{
    (void)trial;
    leat_rdb_pg *c = leat_zalloc(1, sizeof *c);
    c->base = (leat_rdb_conn){&leat_rdb_postgres, conf, app};
    c->target = target_of(conf);
    leat_rc rc = leat_pg_url_target(u, a, &c->target, e);
    if (rc == LEAT_OK)
        rc = leat_rdb_rename_options(leat_pg_connect(&c->pg, &c->target, false, app, e), e);
    if (rc != LEAT_OK) {
        pg_close(&c->base);
        return rc;
    }
    *out = &c->base;
    return LEAT_OK;
}

static leat_rc pg_exec(leat_rdb_conn *conn, const char *doing, const char *sql, leat_err *e)
{
    leat_rdb_pg *c = (leat_rdb_pg *)conn;
    PGresult *res = NULL;
    leat_rc rc = leat_pg_query(&c->pg, doing, sql, 0, NULL, &res, e);
    PQclear(res);
    bool committed = strcmp(sql, "COMMIT") == 0;
    if (committed || strncmp(sql, "ROLLBACK", 8) == 0) leat_rdb_pg_copy_ended(c, committed);
    return leat_rdb_rename_options(rc, e);
}

static leat_rc pg_ask(leat_rdb_conn *conn, const char *doing, const char *sql, int n,
                      const char *const *params, leat_arena *a, leat_str *text, int64_t *affected,
                      leat_err *e)
{
    leat_rdb_pg *c = (leat_rdb_pg *)conn;
    PGresult *res = NULL;
    if (text) *text = (leat_str){0};
    LEAT_TRY(leat_rdb_rename_options(leat_pg_query(&c->pg, doing, sql, n, params, &res, e), e));
    if (text && PQntuples(res) > 0) {
        leat_str cell = leat_pg_cell(res, 0, 0);
        if (cell.s) *text = leat_arena_str(a, cell);
    }
    int64_t count = 0;
    leat_str_i64(leat_str_of(PQcmdTuples(res)), &count);
    if (affected) *affected = count;
    PQclear(res);
    return LEAT_OK;
}

/* ---- the catalog ---- */

static const char columns_sql[] =
    "SELECT a.attname, format_type(a.atttypid, a.atttypmod), b.typname, b.typcategory,"
    " a.attgenerated <> '', a.attidentity = 'a', coalesce(a.attnum = ANY (i.indkey), false),"
    " EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = a.attrelid AND NOT g.tgisinternal"
    " AND g.tgtype & 17 = 16)" /* of UPDATE, and not FOR EACH ROW */
    " OR EXISTS (SELECT FROM pg_index d WHERE d.indrelid = a.attrelid AND NOT d.indimmediate)"
    " FROM pg_attribute a CROSS JOIN LATERAL (WITH RECURSIVE d AS (" /* domains over domains */
    "SELECT t.oid, t.typname, t.typcategory, t.typbasetype FROM pg_type t WHERE t.oid = a.atttypid"
    " UNION ALL SELECT t.oid, t.typname, t.typcategory, t.typbasetype FROM d"
    " JOIN pg_type t ON t.oid = d.typbasetype) SELECT * FROM d WHERE d.typbasetype = 0) b"
    " LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary"
    " WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

static void pg_quote(leat_buf *out, leat_str name)
{
    leat_pg_quote_name(out, name);
}

static void take_column(const PGresult *res, int row, leat_rdb_column *c, leat_arena *a)
{
    *c = (leat_rdb_column){
        .name = leat_arena_str(a, leat_pg_cell(res, row, 0)).s,
        .type = leat_arena_str(a, leat_pg_cell(res, row, 1)).s,
        .form =
            (uint8_t)leat_rdb_pg_form_of(leat_pg_cell(res, row, 2), *leat_pg_cell(res, row, 3).s),
        .generated = leat_pg_cell_bool(res, row, 4),
        .always = leat_pg_cell_bool(res, row, 5),
        .key = leat_pg_cell_bool(res, row, 6),
    };
}

static leat_rc pg_describe(leat_rdb_conn *conn, leat_rdb_table *t, leat_arena *a, leat_err *e)
{
    leat_rdb_pg *c = (leat_rdb_pg *)conn;
    PGresult *res = NULL;
    leat_buf name = {0};
    leat_rdb_quote_table(conn->dialect, &name, t);
    leat_buf_u8(&name, 0);
    const char *const params[] = {name.p};
    leat_rc rc = leat_pg_query(&c->pg, "look a table up", columns_sql, 1, params, &res, e);
    leat_buf_free(&name);
    LEAT_TRY(leat_rdb_rename_options(rc, e));
    t->ncolumns = (uint32_t)PQntuples(res);
    t->exists = t->ncolumns > 0;
    t->columns = LEAT_NEW(a, leat_rdb_column, t->ncolumns + 1);
    t->merges = t->exists && leat_pg_cell_bool(res, 0, 7);
    for (uint32_t i = 0; i < t->ncolumns; i++) take_column(res, (int)i, &t->columns[i], a);
    PQclear(res);
    return LEAT_OK;
}

static leat_rc pg_knows(leat_rdb_conn *conn, const char *type, bool *known, leat_err *e)
{
    leat_arena a = {0};
    leat_str found;
    const char *const params[] = {type};
    leat_rc rc = pg_ask(conn, "look a type up", "SELECT to_regtype($1)::text", 1, params, &a,
                        &found, NULL, e);
    *known = rc == LEAT_OK && found.s;
    leat_arena_free(&a);
    return rc;
}

/* ---- SQL ---- */

static void pg_place(leat_buf *out, unsigned n)
{
    leat_buf_printf(out, "$%u", n);
}

static leat_rc pg_check(leat_rdb_conn *conn, leat_checker *k, leat_err *e)
{
    leat_arena a = {0};
    leat_str version, standby;
    leat_rc rc =
        pg_ask(conn, "read the version", "SHOW server_version", 0, NULL, &a, &version, NULL, e);
    if (rc == LEAT_OK)
        rc = pg_ask(conn, "ask whether it is a standby",
                    "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool",
                    0, NULL, &a, &standby, NULL, e);
    if (rc == LEAT_OK) {
        bool writes = !leat_str_is(standby, "t");
        leat_check_step(
            k, &(leat_step){.name = "server",
                            .state = writes ? LEAT_STEP_OK : LEAT_STEP_FAILED,
                            .code = writes ? NULL : "sql.read_only",
                            .detail =
                                leat_arena_printf(&a, "PostgreSQL %s%s", version.s ? version.s : "",
                                                  writes ? "" : ", which takes no writes"),
                            .advice = writes ? NULL : "Name the primary in connection.url"});
    }
    leat_arena_free(&a);
    return rc;
}

static const char *const schemes[] = {"postgresql", NULL};

const leat_rdb_dialect leat_rdb_postgres = {
    .name = "postgresql",
    .schemes = schemes,
    .held_most = 65536,
    .long_text = "TEXT",
    .truncate = "TRUNCATE TABLE ",
    .quote = pg_quote,
    .type = leat_rdb_pg_type,
    .place = pg_place,
    .upsert = leat_rdb_put_conflict,
    .open = pg_open,
    .close = pg_close,
    .exec = pg_exec,
    .ask = pg_ask,
    .describe = pg_describe,
    .knows = pg_knows,
    .apply = leat_rdb_pg_apply,
    .check = pg_check,
    .compare = pg_compare,
};
