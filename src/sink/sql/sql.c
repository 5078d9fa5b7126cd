/* The relational sinks: one implementation, a dialect a system (dialect.h).
 *
 * A batch is applied inside a transaction of the target (apply.c), and what the sink has then read
 * of the stream is stored in the same transaction (cursor.c): so a kill at any moment neither loses
 * nor doubles. With apply.mode=transaction it ends only where a source transaction does; until
 * then, and where commits would be too many, the batch is held open there. Errors close the
 * connection, and all since the last commit is done again. By the task's thread. */
#include "base/clock.h"
#include "base/fault.h"
#include "base/os.h"
#include "sink/sink.h"
#include "sink/sql/apply.h"
#include "sink/sql/check.h"
#include "sink/sql/cursor.h"
#include "sink/sql/scratch.h"

typedef struct sql_sink {
    leat_arena arena;
    leat_rdb_conn *conn;
    leat_rdb_target target;
    leat_rdb_applier applier;
    leat_rdb_cursor cursor;
    leat_buf text; /* of the cursor */
    bool begun;    /* a transaction is open */
    uint32_t held; /* events in it */
    int64_t begun_us;
} sql_sink;

enum { HELD_US = 1000000 }; /* a transaction that need not is held open no longer */

static void close_sink(leat_sink_task *t)
{
    sql_sink *k = t->priv;
    if (!k) return;
    leat_rdb_applier_free(&k->applier);
    leat_rdb_target_close(&k->target);
    if (k->conn) k->conn->dialect->close(k->conn);
    leat_buf_free(&k->text);
    leat_arena_free(&k->arena);
    leat_free(k);
    t->priv = NULL;
}

static void join_parts(leat_sink_task *t, sql_sink *k)
{
    k->target.conn = k->conn;
    k->target.conf = t->conf;
    k->applier.task = t;
    k->applier.target = &k->target;
}

static leat_rc open_parts(leat_sink_task *t, sql_sink *k, leat_err *e)
{
    const leat_rdb_conf *conf = t->conf;
    LEAT_TRY(leat_rdb_connect(conf, t->connector, false, &k->arena, &k->conn, e));
    join_parts(t, k);
    if (!conf->once) return LEAT_OK;
    return leat_rdb_cursor_open(&k->cursor, k->conn, t->connector, &k->arena, e);
}

static leat_rc open_sink(leat_sink_task *t, leat_err *e)
{
    sql_sink *k = t->priv = leat_zalloc(1, sizeof *k);
    leat_rc rc = open_parts(t, k, e);
    if (rc != LEAT_OK) close_sink(t);
    return rc;
}

static leat_rc reached(leat_sink_task *t, const char *source, leat_arena *a, leat_str *text,
                       leat_err *e)
{
    sql_sink *k = t->priv;
    const leat_rdb_conf *conf = t->conf;
    *text = (leat_str){0};
    return conf->once ? leat_rdb_cursor_take(&k->cursor, source, a, text, e) : LEAT_OK;
}

static leat_rc commit(leat_sink_task *t, sql_sink *k, leat_err *e)
{
    const leat_rdb_conf *conf = t->conf;
    LEAT_TRY(t->reach(t, &k->text, e));
    leat_buf_u8(&k->text, 0);
    if (conf->once) LEAT_TRY(leat_rdb_cursor_put(&k->cursor, t->source, k->text.p, e));
    int fault = LEAT_FAULT(sink_commit);
    if (fault) return leat_os_fail(e, fault, "commit to", t->connector);
    LEAT_TRY(k->conn->dialect->exec(k->conn, "commit", "COMMIT", e));
    k->begun = k->target.held = false;
    k->held = 0;
    fault = LEAT_FAULT(sink_committed);
    return fault ? leat_os_fail(e, fault, "learn what was committed to", t->connector) : LEAT_OK;
}

/* Whether the transaction is to go on with the next batch: it ends inside one of the source's, or a
 * commit for each batch would be too many. Where the stream ends the engine asks for the rest. */
static bool holds(const sql_sink *k, const leat_rdb_conf *conf, const leat_batch *b)
{
    if (conf->apply == LEAT_RDB_TRANSACTION && b->tx_open) return true;
    return k->held < k->conn->dialect->held_most && leat_mono_us() - k->begun_us < HELD_US;
}

static leat_rc write_batch(leat_sink_task *t, const leat_batch *b, leat_err *e)
{
    sql_sink *k = t->priv;
    if (!k->begun) {
        LEAT_TRY(k->conn->dialect->exec(k->conn, "begin a transaction", "BEGIN", e));
        k->begun_us = leat_mono_us();
    }
    k->begun = true;
    k->held += b->n;
    LEAT_TRY(leat_rdb_apply(&k->applier, b, e));
    int fault = LEAT_FAULT(sink_applied);
    if (fault) return leat_os_fail(e, fault, "go on with", t->connector);
    if (!holds(k, t->conf, b)) return commit(t, k, e);
    k->target.held = true;
    return LEAT_PENDING;
}

static leat_rc flush(leat_sink_task *t, int64_t deadline_us, leat_err *e)
{
    sql_sink *k = t->priv;
    (void)deadline_us;
    return k->begun ? commit(t, k, e) : LEAT_OK;
}

static leat_rc check(const void *conf, leat_checker *c, leat_err *e)
{
    return leat_rdb_check(conf, c, e);
}

/* Options by which the target is not to be what the source is. */
static leat_rc refuse_changes(const leat_rdb_conf *conf, leat_err *e)
{
    const char *what = NULL, *must = "true";
    if (!conf->truncates) what = "truncate.enabled";
    if (!conf->deletes) what = "delete.enabled";
    if (conf->insert != LEAT_RDB_UPSERT) what = "insert.mode", must = "upsert";
    if (!what) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "verify.changed", what,
                     "only with %s=%s is the target to equal the source; as it is, rows differ on "
                     "purpose, and cannot be compared",
                     what, must);
}

static leat_rc compare_open(const void *conf, const char *app, leat_arena *a,
                            leat_compare_side **out, leat_err *e)
{
    leat_db_url url;
    const leat_rdb_dialect *d;
    LEAT_TRY(refuse_changes(conf, e));
    LEAT_TRY(leat_rdb_resolve(conf, a, &d, &url, e));
    if (d->compare) return d->compare(conf, &url, app, a, out, e);
    return leat_fail(e, LEAT_CONF, "verify.target", "connection.url",
                     "a target of %s cannot be compared yet", d->name);
}

static void compare_name(const void *conf, const leat_table *source, leat_arena *a,
                         const char **schema, const char **name)
{
    leat_rdb_name(conf, source, a, schema, name);
}

static leat_rc compare_scratch(leat_sink_task *t, leat_compare_side **out, leat_err *e)
{
    static const leat_rdb_conf conf = {
        .insert = LEAT_RDB_UPSERT,
        .pk = LEAT_RDB_PK_KEY,
        .deletes = true,
        .truncates = true,
        .evolution = 1,
        .table_format = "${topic}",
        .apply = LEAT_RDB_TRANSACTION,
    };
    sql_sink *k = t->priv = leat_zalloc(1, sizeof *k);
    t->conf = &conf;
    leat_rc rc = leat_rdb_scratch.open(&conf, NULL, t->connector, false, &k->arena, &k->conn, e);
    if (rc == LEAT_OK) join_parts(t, k);
    if (rc == LEAT_OK) rc = leat_rdb_scratch_side(k->conn, out, e);
    if (rc != LEAT_OK) close_sink(t);
    return rc;
}

static const leat_sink_compare compare = {compare_open, compare_name, compare_scratch};

#define SINK(symbol, its_name, its_title, its_help, its_classes, its_options)                      \
    const leat_sink symbol = {                                                                     \
        .abi = LEAT_SINK_ABI,                                                                      \
        .size = sizeof(leat_sink),                                                                 \
        .name = its_name,                                                                          \
        .title = its_title,                                                                        \
        .help = its_help,                                                                          \
        .classes = its_classes,                                                                    \
        .tells = true,                                                                             \
        .options = its_options,                                                                    \
        .conf_size = sizeof(leat_rdb_conf),                                                        \
        .validate = leat_rdb_conf_validate,                                                        \
        .check = check,                                                                            \
        .open = open_sink,                                                                         \
        .write = write_batch,                                                                      \
        .reached = reached,                                                                        \
        .flush = flush,                                                                            \
        .close = close_sink,                                                                       \
        .compare = &compare,                                                                       \
    }

static const char *const debezium[] = {"io.debezium.connector.jdbc.JdbcSinkConnector", NULL};
static const char *const confluent[] = {"io.confluent.connect.jdbc.JdbcSinkConnector", NULL};

SINK(leat_sink_sql, "sql", "Relational databases",
     "Writes changes into the tables of a relational database: PostgreSQL, MySQL, MariaDB or "
     "SQLite.",
     NULL, leat_rdb_options);
SINK(leat_sink_jdbcdebezium, "jdbc-debezium", "Relational databases, as Debezium's JDBC sink",
     "The same with the options and defaults of Debezium's JDBC sink.", debezium,
     leat_rdb_options_debezium);
SINK(leat_sink_jdbcconfluent, "jdbc-confluent", "Relational databases, as Confluent's JDBC sink",
     "The same with the options and defaults of Confluent's JDBC sink.", confluent,
     leat_rdb_options_confluent);
