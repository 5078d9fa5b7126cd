/* MySQL's and MariaDB's dialect: the session, the catalog, errors (sink/sql/dialect.h).
 *
 * The session is strict, so that nothing is cut or bent silently, and reads what is committed:
 * statements of an upsert lock no gaps then, and tables that were made meanwhile can be written. A
 * CREATE or ALTER commits what stands before it; TRUNCATE does too, so tables are emptied by
 * DELETE. By the sink's thread. */
#include "sink/sql/my.h"

#include <stdio.h>
#include <strings.h>

#include "sink/sql/dialects.h"
#include "system/mysql/compare.h"
#include "system/mysql/url.h"

/* ---- errors ---- */

/* Numbers that say something about a row. */
static const struct {
    unsigned number;
    const char *code;
} rows_faults[] = {
    {1048, "sql.null"},        {1364, "sql.null"},        {1263, "sql.null"},
    {1062, "sql.unique"},      {1586, "sql.unique"},      {1022, "sql.unique"},
    {1451, "sql.foreign_key"}, {1452, "sql.foreign_key"}, {1216, "sql.foreign_key"},
    {1217, "sql.foreign_key"}, {3819, "sql.check"},       {4025, "sql.check"},
    {1406, "sql.too_long"},    {1264, "sql.range"},       {1690, "sql.range"},
    {1366, "sql.invalid"},     {1292, "sql.invalid"},     {1265, "sql.invalid"},
    {1411, "sql.invalid"},     {1367, "sql.invalid"},     {1416, "sql.invalid"},
    {3140, "sql.invalid"},     {3156, "sql.invalid"},     {3037, "sql.invalid"},
    {1525, "sql.invalid"},     {1300, "sql.text"},        {3988, "sql.text"},
    {1644, "sql.trigger"},     {1118, "sql.too_large"},   {1301, "sql.too_large"},
    {3105, "sql.generated"},   {1906, "sql.generated"},   {1146, "sql.table_missing"},
    {1369, "sql.check"},       {1748, "sql.partition"},   {1054, "sql.column_missing"},
    {1526, "sql.partition"},
};

/* What is no row's fault, and comes by itself to an end. */
static const struct {
    unsigned number;
    const char *code, *advice;
} waits[] = {
    {1290, "sql.read_only", "the server takes no writes now (read_only)"},
    {1836, "sql.read_only", "the server takes no writes now (read_only)"},
    {1792, "sql.read_only", "the session's transactions are read-only"},
    {1114, "sql.full", "the table is full: make room on the server's disk"},
    {1021, "sql.full", "the server's disk is full"},
    {1020, "sql.conflict", "another session changed the row"},
    {1412, "sql.changed", "the table was changed meanwhile"},
    {1615, "sql.changed", "the table was changed meanwhile"},
};

leat_rc leat_rdb_my_fail(leat_rc rc, const leat_rdb_my *c, leat_err *e)
{
    leat_err own = {0};
    unsigned number = leat_my_errno(&c->my);
    const char *text = number ? mysql_error(c->my.my) : "";
    if (!e) e = &own;
    for (size_t i = 0; number && i < sizeof rows_faults / sizeof *rows_faults; i++)
        if (rows_faults[i].number == number)
            return leat_fail(e, LEAT_DATA, rows_faults[i].code, NULL,
                             "the target refuses the row: %s (error %u)", text, number);
    for (size_t i = 0; number && i < sizeof waits / sizeof *waits; i++)
        if (waits[i].number == number)
            return leat_fail(e, LEAT_RETRY, waits[i].code, NULL,
                             "could not write: %s: %s (error %u)", waits[i].advice, text, number);
    return leat_rdb_rename_options(rc, e);
}

/* ---- the session ---- */

static void my_close(leat_rdb_conn *conn)
{
    leat_rdb_my *c = (leat_rdb_my *)conn;
    leat_my_close(&c->my);
    leat_buf_free(&c->script);
    leat_free(c->ends);
    leat_free(c->counts);
    leat_free(c);
}

static leat_rc my_exec(leat_rdb_conn *conn, const char *doing, const char *sql, leat_err *e)
{
    leat_rdb_my *c = (leat_rdb_my *)conn;
    return leat_rdb_rename_options(leat_my_exec(&c->my, doing, sql, e), e);
}

static leat_rc my_ask(leat_rdb_conn *conn, const char *doing, const char *sql, int n,
                      const char *const *params, leat_arena *a, leat_str *text, int64_t *affected,
                      leat_err *e)
{
    leat_rdb_my *c = (leat_rdb_my *)conn;
    leat_my_result r = {0};
    leat_buf filled = {0};
    if (text) *text = (leat_str){0};
    leat_rdb_my_fill(&filled, sql, n, params);
    leat_buf_u8(&filled, 0);
    leat_rc rc = leat_my_query(&c->my, doing, filled.p, &r, e);
    leat_buf_free(&filled);
    LEAT_TRY(leat_rdb_rename_options(rc, e));
    if (affected) *affected = (int64_t)mysql_affected_rows(c->my.my);
    if (text && leat_my_next(&r)) {
        leat_str cell = leat_my_cell(&r, 0);
        if (cell.s) *text = leat_arena_str(a, cell);
    }
    leat_my_result_free(&r);
    return LEAT_OK;
}

/* Texts of tables that are made compare byte by byte, as keys of a source do. */
static const char *table_end_of(const leat_my *my)
{
    if (my->mariadb && my->version >= 100200)
        return " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin";
    if (!my->mariadb && my->version >= 80017)
        return " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin";
    return " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
}

static leat_rc set_up(leat_rdb_my *c, leat_arena *a, leat_err *e)
{
    leat_str packet;
    int64_t bytes = 0;
    if (!c->target.dbname)
        return leat_fail(e, LEAT_CONF, "config.url", "connection.url",
                         "it names no database; expected jdbc:mysql://host:3306/DATABASE");
    LEAT_TRY(leat_rdb_rename_options(leat_my_connect(&c->my, &c->target, e), e));
    c->table_end = table_end_of(&c->my);
    LEAT_TRY(my_exec(&c->base, "set the session up",
                     "SET SESSION sql_mode='STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,"
                     "NO_ENGINE_SUBSTITUTION'",
                     e));
    LEAT_TRY(my_exec(&c->base, "set the session up",
                     "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", e));
    LEAT_TRY(my_ask(&c->base, "read a setting", "SELECT @@max_allowed_packet", 0, NULL, a, &packet,
                    NULL, e));
    c->packet = leat_str_i64(packet, &bytes) && bytes >= 1024 ? (size_t)bytes : 1024;
    return LEAT_OK;
}

static leat_my_target target_of(const leat_rdb_conf *conf)
{
    return (leat_my_target){.sslmode = LEAT_MY_SSL_PREFERRED,
                            .keepalive = true,
                            .connect_ms = conf->connect_ms,
                            .query_ms = conf->query_ms};
}

static leat_rc my_compare(const leat_rdb_conf *conf, const leat_db_url *u, const char *app,
                          leat_arena *a, leat_compare_side **out, leat_err *e)
{
    (void)app;
    (void)a;
    leat_my_target target = target_of(conf);
    LEAT_TRY(leat_my_url_target(u, &target, e));
    return leat_rdb_rename_options(leat_my_compare_open(&target, NULL, out, e), e);
}

static leat_rc my_open(const leat_rdb_conf *conf, const leat_db_url *u, const char *app, bool trial,
                       leat_arena *a, leat_rdb_conn **out, leat_err *e)
{
    (void)trial;
    leat_rdb_my *c = leat_zalloc(1, sizeof *c);
    c->base = (leat_rdb_conn){&leat_rdb_mysql, conf, app};
    c->target = target_of(conf);
    c->target.writes = true;
    leat_rc rc = leat_my_url_target(u, &c->target, e);
    if (rc == LEAT_OK) rc = set_up(c, a, e);
    if (rc != LEAT_OK) {
        my_close(&c->base);
        return rc;
    }
    *out = &c->base;
    return LEAT_OK;
}

/* ---- the catalog ---- */

static void take_column(const leat_my_result *r, leat_rdb_column *c, leat_arena *a)
{
    leat_str extra = leat_my_cell_named(r, "Extra"), type = leat_my_cell_named(r, "Type");
    const char *more = leat_arena_str(a, extra).s;
    *c = (leat_rdb_column){
        .name = leat_arena_str(a, leat_my_cell_named(r, "Field")).s,
        .type = leat_arena_str(a, type).s,
        .form = (uint8_t)leat_rdb_my_form_of(type),
        .generated = strcasestr(more, "STORED GENERATED") ||
                     strcasestr(more, "VIRTUAL GENERATED") || strcasestr(more, "PERSISTENT"),
        .key = leat_str_is(leat_my_cell_named(r, "Key"), "PRI"),
    };
}

/* "SHOW ... FROM `db`.`table`" */
static leat_rc show(leat_rdb_my *c, const leat_rdb_table *t, const char *what, const char *rest,
                    leat_my_result *r, leat_err *e)
{
    leat_buf sql = {0};
    leat_buf_str_z(&sql, what);
    leat_rdb_quote_table(c->base.dialect, &sql, t);
    leat_buf_str_z(&sql, rest);
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_my_query(&c->my, "look a table up", sql.p, r, e);
    leat_buf_free(&sql);
    return rc;
}

/* Which indexes are unique, and the columns of the first. */
static leat_rc read_indexes(leat_rdb_my *c, leat_rdb_table *t, leat_arena *a, leat_err *e)
{
    leat_my_result r;
    const char *last = "", *first = NULL;
    t->uniques = 0;
    LEAT_TRY(
        leat_rdb_rename_options(show(c, t, "SHOW INDEX FROM ", " WHERE Non_unique = 0", &r, e), e));
    while (leat_my_next(&r)) {
        leat_str name = leat_my_cell_named(&r, "Key_name");
        leat_str column = leat_my_cell_named(&r, "Column_name");
        if (!leat_str_is(name, last)) {
            last = leat_arena_str(a, name).s;
            if (t->uniques++ == 0) first = last;
        }
        for (uint32_t i = 0; last == first && i < t->ncolumns; i++)
            if (column.s && leat_str_is(column, t->columns[i].name)) t->columns[i].unique = true;
    }
    leat_my_result_free(&r);
    return LEAT_OK;
}

static leat_rc my_describe(leat_rdb_conn *conn, leat_rdb_table *t, leat_arena *a, leat_err *e)
{
    enum { NO_TABLE = 1146 };
    leat_rdb_my *c = (leat_rdb_my *)conn;
    leat_my_result r;
    leat_err why = {0};
    t->exists = false;
    t->ncolumns = 0;
    leat_rc rc = show(c, t, "SHOW FULL COLUMNS FROM ", "", &r, &why);
    if (rc != LEAT_OK && leat_my_errno(&c->my) == NO_TABLE) return LEAT_OK;
    if (rc != LEAT_OK) {
        if (e) *e = why;
        return leat_rdb_rename_options(rc, e);
    }
    t->columns = LEAT_NEW(a, leat_rdb_column, mysql_num_rows(r.res) + 1);
    while (leat_my_next(&r)) take_column(&r, &t->columns[t->ncolumns++], a);
    leat_my_result_free(&r);
    t->exists = t->ncolumns > 0;
    return read_indexes(c, t, a, e);
}

/* ---- SQL ---- */

static void my_place(leat_buf *out, unsigned n)
{
    (void)n; /* they stand in their order */
    leat_buf_u8(out, '?');
}

static void my_upsert(leat_buf *out, const leat_rdb_shape *s)
{
    unsigned n = 0;
    leat_buf_str_z(out, " ON DUPLICATE KEY UPDATE ");
    for (uint16_t i = 0; i < s->nset; i++) {
        leat_str name = leat_str_of(s->fields[s->set[i]].to->name);
        if (s->fields[s->set[i]].key) continue;
        if (n++ > 0) leat_buf_u8(out, ',');
        leat_my_put_name(out, name);
        leat_buf_str_z(out, "=VALUES(");
        leat_my_put_name(out, name);
        leat_buf_u8(out, ')');
    }
    if (n > 0) return;
    leat_my_put_name(out, leat_str_of(s->fields[0].to->name)); /* the row is there: nothing to do */
    leat_buf_u8(out, '=');
    leat_my_put_name(out, leat_str_of(s->fields[0].to->name));
}

static void my_table_end(leat_buf *out, const leat_rdb_conn *conn)
{
    leat_buf_str_z(out, ((const leat_rdb_my *)conn)->table_end);
}

/* ---- the check ---- */

static leat_rc my_check(leat_rdb_conn *conn, leat_checker *k, leat_err *e)
{
    leat_rdb_my *c = (leat_rdb_my *)conn;
    leat_arena a = {0};
    leat_str read_only;
    leat_rc rc = my_ask(conn, "ask whether it takes writes", "SELECT @@global.read_only", 0, NULL,
                        &a, &read_only, NULL, e);
    if (rc == LEAT_OK) {
        bool writes = leat_str_is(read_only, "0") || leat_str_is(read_only, "OFF");
        leat_check_step(
            k, &(leat_step){.name = "server",
                            .state = writes ? LEAT_STEP_OK : LEAT_STEP_FAILED,
                            .code = writes ? NULL : "sql.read_only",
                            .detail = leat_arena_printf(
                                &a, "%s %s%s%s%s", c->my.mariadb ? "MariaDB" : "MySQL", c->my.told,
                                c->my.cipher ? ", encrypted by " : ", not encrypted",
                                c->my.cipher ? c->my.cipher : "",
                                writes ? "" : ", which takes no writes"),
                            .advice = writes ? NULL : "Name the primary in connection.url"});
    }
    leat_arena_free(&a);
    return rc;
}

static const char *const schemes[] = {"mysql", "mariadb", NULL};

const leat_rdb_dialect leat_rdb_mysql = {
    .name = "mysql",
    .schemes = schemes,
    .ddl_commits = true,
    .folds = true,
    .long_text = "LONGTEXT",
    .truncate = "DELETE FROM ",
    .quote = leat_my_put_name,
    .type = leat_rdb_my_type,
    .place = my_place,
    .upsert = my_upsert,
    .table_end = my_table_end,
    .open = my_open,
    .close = my_close,
    .exec = my_exec,
    .ask = my_ask,
    .describe = my_describe,
    .apply = leat_rdb_my_apply,
    .check = my_check,
    .compare = my_compare,
};
