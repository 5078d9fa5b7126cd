/* The relational sinks' options: Debezium's and Confluent's names with their defaults, and leat's
 * own class with those that suit most. Every property of the two stands in its table: supported,
 * without effect here, or missing. Run by any thread. */
#include "sink/sql/check.h"
#include "sink/sql/conf.h"
#include "sink/sql/plan.h"

#define AT(field, type) LEAT_OPT_AT(leat_rdb_conf, field, type)
#define TEXT(field) .type = LEAT_OPT_STR, .off = AT(field, const char *)
#define NUMBER(field) .type = LEAT_OPT_INT, .off = AT(field, int64_t)
#define TIME(field) .type = LEAT_OPT_MS, .off = AT(field, int64_t)
#define FLAG(field) .type = LEAT_OPT_BOOL, .off = AT(field, bool)
#define CHOICE(field, list) .type = LEAT_OPT_ENUM, .off = AT(field, int64_t), .choices = list
#define LIST(field) .type = LEAT_OPT_LIST, .off = AT(field, leat_opt_list)
#define IGNORED(option, text)                                                                      \
    {                                                                                              \
        .name = option, .label = option, .group = "Not needed here", .type = LEAT_OPT_STR,         \
        .flags = LEAT_OPT_NO_EFFECT, .help = text                                                  \
    }
#define MISSING(option, default_value, text)                                                       \
    {                                                                                              \
        .name = option, .label = option, .group = "Not there yet", .type = LEAT_OPT_STR,           \
        .flags = LEAT_OPT_MISSING, .def = default_value, .help = text                              \
    }

#define CONNECTION .group = "Connection"
#define WRITING .group = "Writing"
#define TABLES .group = "Tables"
#define DELIVERY .group = "Delivery"

static const char *const inserts[] = {"insert", "upsert", "update", NULL};
static const char *const keys[] = {"none",  "record_key",    "record_value",
                                   "kafka", "record_header", NULL};
static const char *const evolutions[] = {"none", "basic", NULL};
static const char *const applies[] = {"transaction", "batch", NULL};

/* ---- what all three classes have ---- */

static const leat_opt connection[] = {
    {.name = "connection.url",
     CONNECTION,
     TEXT(url),
     .flags = LEAT_OPT_REQUIRED,
     .label = "URL",
     .help = "Where the target is: `jdbc:postgresql://host:5432/database`, with parameters such as "
             "`?sslmode=verify-full&sslrootcert=/etc/ca.pem` and `currentSchema`, "
             "`jdbc:mysql://host:3306/database` or `jdbc:mariadb://...` with "
             "`?sslMode=VERIFY_IDENTITY&serverSslCert=/etc/ca.pem`, or "
             "`jdbc:sqlite:/folder/file.db`. It works without `jdbc:` too."},
    {.name = "connection.password",
     CONNECTION,
     TEXT(password),
     .flags = LEAT_OPT_SECRET,
     .label = "Password",
     .help = "Password of the user."},
    {.name = "dialect.name",
     CONNECTION,
     TEXT(dialect),
     .flags = LEAT_OPT_ADVANCED,
     .label = "Dialect",
     .help = "Instead of what the URL says: postgresql, mysql (MariaDB too) or sqlite, or "
             "Confluent's names, such as PostgreSqlDatabaseDialect."},
    {.name = "connect.timeout.ms",
     CONNECTION,
     TIME(connect_ms),
     .def = "30s",
     .min = 100,
     .max = 3600000,
     .flags = LEAT_OPT_ADVANCED,
     .label = "Time for connecting",
     .help = "How long connecting and logging in may take."},
    {.name = "query.timeout.ms",
     CONNECTION,
     TIME(query_ms),
     .def = "5m",
     .min = 0,
     .max = 86400000,
     .flags = LEAT_OPT_ADVANCED,
     .label = "Time for a statement",
     .help = "How long a statement, or the statements of a batch, may take, waits for locks "
             "included; then all since the last commit is done again. 0 is no limit."},
    {.name = NULL},
};

static const leat_opt delivery[] = {
    {.name = "exactly.once",
     DELIVERY,
     FLAG(once),
     .def = "true",
     .label = "Exactly once",
     .help = "How far the sink has come is stored in the target, in the same transaction as the "
             "rows: a kill at any moment neither loses nor doubles. Without it what was written "
             "last is written again after a kill."},
    {.name = "cursor.table",
     DELIVERY,
     TEXT(cursor_table),
     .def = "leat_cursors",
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_FIXED,
     .label = "Table of cursors",
     .help = "The target's table for that, with a schema or without; it is made if it is missing. "
             "Several sinks can share it."},
    {.name = NULL},
};

#define APPLY(default_value)                                                                       \
    {                                                                                              \
        .name = "apply.mode", WRITING, CHOICE(apply, applies), .def = default_value,               \
        .label = "Unit of writing",                                                                \
        .help = "transaction: whole transactions of the source, in their order, each visible at "  \
                "once or not at all, foreign keys intact. batch: what was read together; of "      \
                "several changes of a row the last one counts, tables come one after the other. "  \
                "It is faster, and readers may see a part of a transaction for a moment."          \
    }
#define INSERT(default_value)                                                                      \
    {                                                                                              \
        .name = "insert.mode", WRITING, CHOICE(insert, inserts), .def = default_value,             \
        .label = "Statements",                                                                     \
        .help = "insert: every change but a delete is an INSERT, which suits histories. upsert: "  \
                "rows are inserted or replaced by their key. update: rows are changed by their "   \
                "key, and not made."                                                               \
    }
#define DELETES(default_value)                                                                     \
    {                                                                                              \
        .name = "delete.enabled", WRITING, FLAG(deletes), .def = default_value,                    \
        .label = "Deletes",                                                                        \
        .help = "Rows that are deleted at the source are deleted in the target, by their key; "    \
                "else deletes are passed over."                                                    \
    }
#define TRUNCATES(default_value)                                                                   \
    {                                                                                              \
        .name = "truncate.enabled", WRITING, FLAG(truncates), .def = default_value,                \
        .label = "Truncates",                                                                      \
        .help = "A TRUNCATE at the source empties the target's table; else it is passed over. "    \
                "Sources send them with `skipped.operations=none`."                                \
    }
#define EVOLUTION(default_value)                                                                   \
    {                                                                                              \
        .name = "schema.evolution", TABLES, CHOICE(evolution, evolutions), .def = default_value,   \
        .label = "Making tables",                                                                  \
        .help = "basic: a table that is missing is made, with the source's columns and key, and "  \
                "columns that it lacks are added; nothing is ever dropped or changed. none: what " \
                "is missing is an error."                                                          \
    }
#define PK_MODE_HELP                                                                                 \
    "What rows are found by. record_key: the record's key, or those of its columns that are named. " \
    "record_value: the named columns of the row, or its key. none: nothing, so rows are only "       \
    "inserted. kafka and record_header are not built yet."
#define PK_FIELDS_HELP                                                                             \
    "Names of the key's columns; none: all of the record's key. With record_key those of the "     \
    "list that a record's key has; one that it lacks is an error unless all of the key is named."
#define BATCH_HELP                                                                                 \
    "Accepted: how many events go together follows from how many there are, up to 8,192 or 4 MiB."
#define INCLUDE_HELP                                                                               \
    "Columns that are written, as `column` or `topic:column`; none: all. Key columns are always "  \
    "written."

/* ---- Debezium's names, for its class and leat's own ---- */

#define DEBEZIUM_NAMES                                                                             \
    {.name = "connection.username",                                                                \
     CONNECTION,                                                                                   \
     TEXT(user),                                                                                   \
     .was = "connection.user",                                                                     \
     .label = "User",                                                                              \
     .help = "User to log in as. `leat check` tries the rights that it needs."},                   \
        {.name = "primary.key.fields",                                                             \
         WRITING,                                                                                  \
         LIST(pk_fields),                                                                          \
         .was = "pk.fields",                                                                       \
         .label = "Key columns",                                                                   \
         .help = PK_FIELDS_HELP},                                                                  \
        {.name = "field.include.list",                                                             \
         WRITING,                                                                                  \
         LIST(fields),                                                                             \
         .was = "fields.whitelist",                                                                \
         .label = "Columns",                                                                       \
         .help = INCLUDE_HELP},                                                                    \
        {.name = "field.exclude.list",                                                             \
         WRITING,                                                                                  \
         LIST(fields_not),                                                                         \
         .label = "Columns left out",                                                              \
         .help = "Columns that are not written, named in the same way."},                          \
        IGNORED("batch.size", BATCH_HELP)

static const leat_opt own[] = {
    DEBEZIUM_NAMES,
    APPLY("transaction"),
    INSERT("upsert"),
    DELETES("true"),
    TRUNCATES("true"),
    EVOLUTION("basic"),
    {.name = "primary.key.mode",
     WRITING,
     CHOICE(pk, keys),
     .def = "record_key",
     .was = "pk.mode",
     .label = "Key",
     .help = PK_MODE_HELP},
    {.name = "table.name.format",
     TABLES,
     TEXT(table_dotted),
     .was = "collection.name.format",
     .def = "${source.table}",
     .label = "Names of tables",
     .help = "With `${topic}`, `${source.db}`, `${source.schema}` and `${source.table}`; a dot "
             "parts schema and table: `${source.schema}.${source.table}`."},
    {.name = "auto.create",
     TABLES,
     FLAG(create),
     .def = "false",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Make tables",
     .help = "With schema.evolution=none: missing tables are made all the same."},
    {.name = "auto.evolve",
     TABLES,
     FLAG(evolve),
     .def = "false",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Add columns",
     .help = "With schema.evolution=none: missing columns are added all the same."},
    {.name = NULL},
};

static const leat_opt debezium[] = {
    DEBEZIUM_NAMES,
    APPLY("batch"),
    INSERT("insert"),
    DELETES("false"),
    TRUNCATES("false"),
    EVOLUTION("none"),
    {.name = "primary.key.mode",
     WRITING,
     CHOICE(pk, keys),
     .def = "none",
     .was = "pk.mode",
     .label = "Key",
     .help = PK_MODE_HELP},
    {.name = "collection.name.format",
     TABLES,
     TEXT(table_format),
     .was = "table.name.format",
     .def = "${topic}",
     .label = "Names of tables",
     .help = "`${topic}` is the topic with underscores for dots. Also `${source.db}`, "
             "`${source.schema}` and `${source.table}`; then a dot parts schema and table."},
    IGNORED("connection.provider", "The driver's own pool is not needed: a sink has one session."),
    IGNORED("connection.pool.min_size", "A sink has one session."),
    IGNORED("connection.pool.max_size", "A sink has one session."),
    IGNORED("connection.pool.acquire_increment", "A sink has one session."),
    IGNORED("connection.pool.timeout", "A sink has one session."),
    IGNORED("connection.restart.on.errors", "A lost session is always opened again."),
    IGNORED("quote.identifiers", "Names are always quoted, and so keep their case."),
    IGNORED("flush.max.retries", "Attempts are bounded by errors.max.retries."),
    IGNORED("flush.retry.delay.ms",
            "Pauses between attempts grow up to errors.retry.delay.max.ms."),
    IGNORED("use.reduction.buffer", "apply.mode=batch reduces always."),
    IGNORED("dialect.postgres.unnest.insert.enabled", "Rows go by the fastest way there is."),
    IGNORED("dialect.postgres.postgis.schema", "PostGIS's types are found by the search path."),
    MISSING("dialect.sqlserver.identity.insert", "false", "There is no SQL Server dialect yet."),
    MISSING("use.time.zone", "UTC", "Times without a zone are written as they are, others in UTC."),
    MISSING("database.time_zone", "UTC",
            "Times without a zone are written as they are, others in UTC."),
    MISSING("column.naming.strategy",
            "io.debezium.connector.jdbc.naming.DefaultColumnNamingStrategy",
            "Columns keep their names; other strategies are Java classes."),
    MISSING("collection.naming.strategy",
            "io.debezium.connector.jdbc.naming.DefaultCollectionNamingStrategy",
            "Tables are named by collection.name.format; other strategies are Java classes."),
    MISSING("table.naming.strategy", "io.debezium.connector.jdbc.naming.DefaultTableNamingStrategy",
            "Tables are named by collection.name.format; other strategies are Java classes."),
    {.name = NULL},
};

static const leat_opt confluent[] = {
    APPLY("batch"),
    INSERT("insert"),
    DELETES("false"),
    TRUNCATES("false"),
    {.name = "connection.user",
     CONNECTION,
     TEXT(user),
     .label = "User",
     .help = "User to log in as. `leat check` tries the rights that it needs."},
    {.name = "pk.mode",
     WRITING,
     CHOICE(pk, keys),
     .def = "none",
     .label = "Key",
     .help = PK_MODE_HELP},
    {.name = "pk.fields", WRITING, LIST(pk_fields), .label = "Key columns", .help = PK_FIELDS_HELP},
    {.name = "fields.whitelist", WRITING, LIST(fields), .label = "Columns", .help = INCLUDE_HELP},
    {.name = "table.name.format",
     TABLES,
     TEXT(table_dotted),
     .def = "${topic}",
     .label = "Names of tables",
     .help = "With `${topic}`; a dot parts schema and table, and a database before these is left "
             "out."},
    {.name = "auto.create",
     TABLES,
     FLAG(create),
     .def = "false",
     .label = "Make tables",
     .help = "A table that is missing is made, with the source's columns and key."},
    {.name = "auto.evolve",
     TABLES,
     FLAG(evolve),
     .def = "false",
     .label = "Add columns",
     .help = "Columns that a table lacks are added; nothing is ever dropped or changed."},
    IGNORED("batch.size", BATCH_HELP),
    IGNORED("max.retries", "Attempts are bounded by errors.max.retries."),
    IGNORED("retry.backoff.ms", "Pauses between attempts grow up to errors.retry.delay.max.ms."),
    IGNORED("connection.attempts", "Attempts are bounded by errors.max.retries."),
    IGNORED("connection.backoff.ms",
            "Pauses between attempts grow up to errors.retry.delay.max.ms."),
    IGNORED("quote.sql.identifiers", "Names are always quoted, and so keep their case."),
    IGNORED("table.types", "A table is what its name finds, views that take writes too."),
    IGNORED("replace.null.with.default", "A NULL is written as NULL."),
    IGNORED("trim.sensitive.log", "Rows are never logged."),
    IGNORED("mssql.use.merge.holdlock", "There is no SQL Server dialect yet."),
    MISSING("db.timezone", "UTC", "Times without a zone are written as they are, others in UTC."),
    MISSING("date.timezone", "DB_TIMEZONE", "Dates have no zone."),
    MISSING("timestamp.fields.list", "", "Columns of the type decide what is a timestamp."),
    MISSING("timestamp.precision.mode", "microseconds",
            "Times keep the digits that the source sent."),
    {.name = NULL},
};

const leat_opt *const leat_rdb_options[] = {connection, own, delivery, NULL};
const leat_opt *const leat_rdb_options_debezium[] = {connection, debezium, delivery, NULL};
const leat_opt *const leat_rdb_options_confluent[] = {connection, confluent, delivery, NULL};

/* ---- what no row can say ---- */

void leat_rdb_conf_validate(const void *conf, leat_report *r)
{
    const leat_rdb_conf *c = conf;
    bool pk = c->pk != LEAT_RDB_PK_NONE;
    leat_db_url url;
    const leat_rdb_dialect *dialect;
    leat_err err;
    const char *format = c->table_dotted ? c->table_dotted : c->table_format;
    const char *wrong = leat_rdb_name_wrong(format, r->a);
    if (wrong)
        leat_report_add(r, false, c->table_dotted ? "table.name.format" : "collection.name.format",
                        0, "%s", wrong);
    if (c->url && leat_rc_failed(leat_rdb_resolve(c, r->a, &dialect, &url, &err)))
        leat_report_add(r, false, err.where, 0, "%s", err.msg);
    if (c->pk >= LEAT_RDB_PK_KAFKA)
        leat_report_add(r, false, "primary.key.mode", 0,
                        "%s is not built yet; there are none, record_key and record_value",
                        keys[c->pk]);
    if (!pk && c->insert != LEAT_RDB_INSERT)
        leat_report_add(
            r, false, "insert.mode", 0,
            "%s finds rows by their key, and primary.key.mode (pk.mode) is none: set it "
            "to record_key or record_value",
            inserts[c->insert]);
    if (!pk && c->deletes)
        leat_report_add(
            r, false, "delete.enabled", 0,
            "rows are deleted by their key, and primary.key.mode (pk.mode) is none: set "
            "it to record_key or record_value");
    if (c->once && (!c->cursor_table || !*c->cursor_table))
        leat_report_add(r, false, "cursor.table", 0, "is empty, and exactly.once needs it");
}
