/* The own options of the MySQL and MariaDB sources: Debezium's names and defaults, in tables.
 *
 * Options that all capturing connectors share are in capture/conf.h. Every property of Debezium's
 * two connectors stands in one of the tables: supported, without effect here (accepted with a
 * warning), or missing (an error unless it says its default). Run by any thread. */
#include "source/mysql/conf.h"

#define AT(field, type) LEAT_OPT_AT(leat_my_conf, field, type)
#define TEXT(field) .type = LEAT_OPT_STR, .off = AT(field, const char *)
#define NUMBER(field) .type = LEAT_OPT_INT, .off = AT(field, int64_t)
#define TIME(field) .type = LEAT_OPT_MS, .off = AT(field, int64_t)
#define FLAG(field) .type = LEAT_OPT_BOOL, .off = AT(field, bool)
#define CHOICE(field, list) .type = LEAT_OPT_ENUM, .off = AT(field, int64_t), .choices = list
#define LIST(field) .type = LEAT_OPT_LIST, .off = AT(field, leat_opt_list)
#define MANY(field) .type = LEAT_OPT_MANY, .off = AT(field, leat_opt_many)

#define CONNECTION .group = "Connection"
#define REPLICATION .group = "Replication"
#define SNAPSHOT .group = "Snapshot"
#define MAPPING .group = "Mapping"
#define TABLES .group = "Tables and columns"
#define OTHER .group = "Not needed here"
#define ABSENT .group = "Not there yet"

/* Debezium's words for MySQL, then those for MariaDB; leat_my_conf_target knows what they mean. */
static const char *const ssl_modes[] = {"preferred",       "disabled", "required", "verify_ca",
                                        "verify_identity", "disable",  "trust",    "verify-ca",
                                        "verify-full",     NULL};
static const char *const snapshots[] = {"initial",
                                        "initial_only",
                                        "no_data",
                                        "schema_only",
                                        "never",
                                        "when_needed",
                                        "always",
                                        "recovery",
                                        "schema_only_recovery",
                                        "configuration_based",
                                        "custom",
                                        NULL};
static const char *const bigints[] = {"long", "precise", NULL};
static const char *const tinyints[] = {"int16", "int8", NULL};

static const leat_opt connection[] = {
    {.name = "database.hostname",
     CONNECTION,
     TEXT(target.host),
     .flags = LEAT_OPT_REQUIRED,
     .label = "Host",
     .help = "Name or address of the server."},
    {.name = "database.port",
     CONNECTION,
     NUMBER(target.port),
     .def = "3306",
     .min = 1,
     .max = 65535,
     .label = "Port",
     .help = "Port of the server."},
    {.name = "database.user",
     CONNECTION,
     TEXT(target.user),
     .flags = LEAT_OPT_REQUIRED,
     .label = "User",
     .help = "User to log in as. It needs REPLICATION SLAVE, REPLICATION CLIENT (MariaDB from 10.5 "
             "on: BINLOG MONITOR) and SELECT on the captured tables. `leat check --sql` prints the "
             "statements."},
    {.name = "database.password",
     CONNECTION,
     TEXT(target.password),
     .flags = LEAT_OPT_SECRET,
     .label = "Password",
     .help = "Password of the user."},
    {.name = "database.ssl.mode",
     CONNECTION,
     CHOICE(ssl, ssl_modes),
     .def = "preferred",
     .label = "TLS",
     .help = "disabled (disable) does without TLS; preferred uses it if the server can; required "
             "(trust) insists; verify_ca (verify-ca) checks the server's certificate by "
             "database.ssl.ca, and verify_identity (verify-full) its name too. `leat check` shows "
             "what was agreed on."},
    {.name = "database.ssl.ca",
     CONNECTION,
     TEXT(target.sslca),
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_FILE,
     .label = "Authorities",
     .help = "File (PEM) with the certificates of the authorities by which the server's is "
             "checked: for verify_ca and verify_identity."},
    {.name = "database.ssl.cert",
     CONNECTION,
     TEXT(target.sslcert),
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_FILE,
     .label = "Client certificate",
     .help = "File with this client's certificate (PEM)."},
    {.name = "database.ssl.key",
     CONNECTION,
     TEXT(target.sslkey),
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_FILE,
     .label = "Client key",
     .help = "File with the key of the certificate (PEM, without a password)."},
    {.name = "database.initial.statements",
     CONNECTION,
     TEXT(target.initial),
     .flags = LEAT_OPT_ADVANCED,
     .label = "First statements",
     .help = "Statements that each session begins with, separated by semicolons; a doubled "
             "semicolon stands for one inside a statement."},
    {.name = "database.query.timeout.ms",
     CONNECTION,
     TIME(target.query_ms),
     .def = "600000",
     .min = 0,
     .max = INT64_C(86400000),
     .flags = LEAT_OPT_ADVANCED,
     .label = "Statement time-out",
     .help = "Longest time that a statement on the catalogue may take; 0: no limit."},
    {.name = "connect.timeout.ms",
     CONNECTION,
     TIME(target.connect_ms),
     .def = "30000",
     .min = 100,
     .max = 600000,
     .flags = LEAT_OPT_ADVANCED,
     .label = "Connect time-out",
     .help = "Longest time for connecting and logging in."},
    {.name = "connect.keep.alive",
     CONNECTION,
     FLAG(target.keepalive),
     .def = "true",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Heartbeats of the server",
     .help =
         "Have the server send a heartbeat every ten seconds while it has nothing else, so that "
         "a dead network is noticed within a minute. false: one a minute, noticed after five."},
    {.name = NULL},
};

static const leat_opt replication[] = {
    {.name = "database.server.id",
     REPLICATION,
     NUMBER(server_id),
     .def = "1",
     .min = 1,
     .max = INT64_C(4294967295),
     .label = "Server id",
     .help = "Number that the server knows this reader by, as it does a replica: no other reader "
             "or replica of the server, nor the server itself, may have it. The server ends the "
             "session of whoever had it before; that is told."},
    {.name = "binlog.gtid",
     REPLICATION,
     FLAG(use_gtid),
     .def = "true",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Positions by GTID",
     .help = "Go on by global transaction ids where the server has them, so that another server of "
             "the same group can take over (database.hostname is then a name that follows the "
             "primary). false: by file and position."},
    {.name = "include.query",
     REPLICATION,
     FLAG(include_query),
     .def = "false",
     .label = "Statements",
     .help = "Show the statement that made a change in the source block. The server must log them: "
             "binlog_rows_query_log_events=ON (MariaDB: binlog_annotate_row_events)."},
    {.name = "include.schema.changes",
     REPLICATION,
     FLAG(capture.schema_changes),
     .def = "true",
     .label = "Schema changes",
     .help = "Write each DDL statement, and what its tables look like behind it, to the topic that "
             "has topic.prefix as its name; at the first start what all tables look like then."},
    {.name = "schema.history.internal.store.only.captured.databases.ddl",
     REPLICATION,
     FLAG(captured_databases_ddl),
     .def = "false",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Schema changes of captured databases",
     .help = "Leave schema changes of databases that are not captured out of the topic."},
    {.name = "schema.history.internal.store.only.captured.tables.ddl",
     REPLICATION,
     FLAG(captured_tables_ddl),
     .def = "false",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Schema changes of captured tables",
     .help = "Leave schema changes of tables that are not captured out of the topic."},
    {.name = "include.schema.comments",
     REPLICATION,
     FLAG(comments),
     .def = "false",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Comments",
     .help = "Show the comments of tables and columns in schema changes, and those of columns in "
             "the records' schemas. For MariaDB they are always shown, as Debezium does."},
    {.name = NULL},
};

static const leat_opt mysql_replication[] = {
    {.name = "gtid.source.includes",
     REPLICATION,
     LIST(gtid_include),
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_REGEX,
     .label = "GTID sources",
     .help =
         "Servers (UUIDs, as regular expressions) whose transactions count when the position is "
         "compared with a server's: where a server that took over lacks those of others. Not "
         "together with gtid.source.excludes."},
    {.name = "gtid.source.excludes",
     REPLICATION,
     LIST(gtid_exclude),
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_REGEX,
     .label = "GTID sources left out",
     .help = "Servers whose transactions do not count; as gtid.source.includes."},
    {.name = "gtid.source.filter.dml.events",
     REPLICATION,
     FLAG(gtid_filter_dml),
     .def = "true",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Leave their changes out",
     .help = "Changes of transactions of servers that do not count are not captured (they are "
             "counted as filtered)."},
    {.name = NULL},
};

static const leat_opt mapping[] = {
    {.name = "database.include.list",
     TABLES,
     LIST(capture.schema_include),
     .flags = LEAT_OPT_REGEX,
     .label = "Databases",
     .help =
         "Databases to capture, all others not: regular expressions (Java's), separated by "
         "commas, each compared with a database's whole name in any case. A comma inside of one "
         "is written as \\,. Not together with database.exclude.list. In the lists of tables "
         "and columns a table is database.table."},
    {.name = "database.exclude.list",
     TABLES,
     LIST(capture.schema_exclude),
     .flags = LEAT_OPT_REGEX,
     .label = "Databases left out",
     .help = "Databases not to capture, all others are; as database.include.list."},
    {.name = "snapshot.mode",
     SNAPSHOT,
     CHOICE(snapshot, snapshots),
     .def = "initial",
     .label = "Snapshot",
     .help =
         "What is read at the first start. initial reads all rows of the captured tables and then "
         "the changes; initial_only stops after the rows (and tells "
         "changes that were made meanwhile); no_data (also called schema_only) reads "
         "changes only, from the present end of the binary log; never reads them from the oldest "
         "log that the server has; always reads all rows at each start, and then the changes since "
         "the last one; when_needed is initial, and reads all rows again where the log that is "
         "needed is gone (other modes stop and say so); configuration_based does what "
         "snapshot.mode.configuration.based.* say; recovery (also called schema_only_recovery) goes "
         "on at the stored position and notes anew what the tables look like, where the schema "
         "history was lost or is wrong: only if no table was altered since. (custom is a Java "
         "class.)"},
    {.name = "time.precision.mode",
     MAPPING,
     CHOICE(capture.time, leat_capture_time_modes),
     .def = "adaptive_time_microseconds",
     .label = "Dates and times",
     .help =
         "adaptive_time_microseconds: DATETIME as milliseconds or, with more than three digits, "
         "microseconds, and TIME as microseconds; connect: Kafka Connect's types, milliseconds; "
         "isostring: ISO 8601; microseconds and nanoseconds: always these. (adaptive means the "
         "first, for TIME can be negative.)"},
    {.name = "bigint.unsigned.handling.mode",
     MAPPING,
     CHOICE(bigint, bigints),
     .def = "long",
     .label = "Unsigned bigint",
     .help = "long: int64, values from 2^63 on are negative; precise: exact decimals."},
    {.name = "tinyint.handling.mode",
     MAPPING,
     CHOICE(tinyint, tinyints),
     .def = "int16",
     .flags = LEAT_OPT_ADVANCED,
     .label = "tinyint",
     .help = "int16, as in Debezium up to 3.6, or int8, as from 3.7 on."},
    {.name = "converters",
     MAPPING,
     LIST(converters),
     .flags = LEAT_OPT_ADVANCED,
     .label = "Converters",
     .help = "Names of converters; each has its Java class in NAME.type. The one there is here is "
             "TinyIntOneToBooleanConverter: tinyint(1) becomes boolean, of the columns "
             "(database.table.column, regular expressions) in NAME.selector, else of all."},
    {.name = "*.type",
     MAPPING,
     MANY(converter_types),
     .flags = LEAT_OPT_ADVANCED,
     .label = "A converter's class",
     .help = "See converters."},
    {.name = "*.selector",
     MAPPING,
     MANY(converter_selectors),
     .flags = LEAT_OPT_ADVANCED,
     .label = "A converter's columns",
     .help = "See converters."},
    {.name = "*.length.checker",
     MAPPING,
     MANY(converter_checks),
     .flags = LEAT_OPT_ADVANCED,
     .label = "tinyint(1) alone",
     .help = "See converters. false: a TINYINT of any width is converted."},
    {.name = "debezium.faults",
     MAPPING,
     FLAG(faults),
     .def = "true",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Debezium's faults too",
     .help =
         "true: schemas are Debezium's also where it is wrong: quotes in a column's default stay "
         "doubled. false: the default is what the server has."},
    {.name = NULL},
};

/* Debezium's, accepted: what they are about is done in another way, or not at all, here. */
#define NOTHING .flags = LEAT_OPT_NO_EFFECT | LEAT_OPT_ADVANCED, .type = LEAT_OPT_STR
#define ROW(option, default_value, title, text)                                                    \
    {                                                                                              \
        .name = option, OTHER, NOTHING, .def = default_value, .label = title, .help = text         \
    }
static const leat_opt without_effect[] = {
    {.name = "schema.history.internal.*",
     OTHER,
     .flags = LEAT_OPT_NO_EFFECT | LEAT_OPT_ADVANCED,
     .type = LEAT_OPT_MANY,
     .label = "Schema history",
     .help = "leat's own schema history needs none of it; see schema.history.exchange."},
    ROW("connect.keep.alive.interval.ms", "60000", "Keep-alive interval",
        "The server's heartbeats come every ten seconds."),
    ROW("database.server.id.offset", "10000", "Server ids of snapshots",
        "A snapshot does not read the binary log."),
    ROW("binlog.buffer.size", "0", "Binary log buffer",
        "A transaction of any size is read as it comes: nothing is held back."),
    ROW("enable.time.adjuster", "true", "Years of two digits",
        "Years are shown as they are stored: the server itself adds the century where a statement "
        "gives two digits. Debezium makes 2000 to 2069 of the years 0 to 69 and 1970 to 1999 of 70 to "
        "99."),
    ROW("event.deserialization.failure.handling.mode", "fail", "Broken events",
        "An event that cannot be decoded stops the connector; a value that cannot goes to the dead "
        "letters."),
    ROW("inconsistent.schema.handling.mode", "fail", "Unknown tables",
        "A table whose columns are not known stops the connector."),
    ROW("min.row.count.to.stream.results", "1000", "Rows to stream", "Rows are always streamed."),
    ROW("snapshot.locking.mode", "minimal", "Snapshot locks",
        "A table is locked for a moment only where nothing else tells what its rows show: one "
        "without a key, on MySQL without GTIDs, or of an engine without transactions."),
    ROW("snapshot.isolation.mode", "repeatable_read", "Snapshot isolation",
        "Rows are always read under a consistent view, one for each part of a table."),
    ROW("snapshot.mode.configuration.based.snapshot.schema", "false", "Snapshot of schemas",
        "Tables are looked up as they are needed."),
    ROW("snapshot.mode.configuration.based.snapshot.on.schema.error", "false",
        "Snapshot of schemas after errors", "Tables are looked up as they are needed."),
    ROW("use.nongraceful.disconnect", "false", "Disconnecting",
        "The session that reads the log is ended without a farewell."),
    ROW("database.protocol", "jdbc:mysql", "JDBC protocol", "There is no JDBC."),
    ROW("database.jdbc.driver", "com.mysql.cj.jdbc.Driver", "JDBC driver", "There is no JDBC."),
    ROW("database.connectionTimeZone", NULL, "Time zone",
        "TIMESTAMP is UTC in the binary log, DATETIME has no zone."),
    {.name = NULL},
};

/* Debezium's that would change what happens, and are not there. */
#define NOT_YET .flags = LEAT_OPT_MISSING | LEAT_OPT_ADVANCED, .type = LEAT_OPT_STR
#define GONE(option, default_value, title, text)                                                   \
    {                                                                                              \
        .name = option, ABSENT, NOT_YET, .def = default_value, .label = title, .help = text        \
    }
static const leat_opt missing[] = {
    GONE("database.ssl.keystore", NULL, "Key store",
         "A Java key store. Make PEM files of it (`keytool -importkeystore -deststoretype PKCS12`, "
         "then `openssl pkcs12 -nodes`) and name them by database.ssl.cert and database.ssl.key."),
    {.name = "database.ssl.keystore.password",
     ABSENT,
     .flags = LEAT_OPT_MISSING | LEAT_OPT_ADVANCED | LEAT_OPT_SECRET,
     .type = LEAT_OPT_STR,
     .label = "Key store's password",
     .help = "See database.ssl.keystore."},
    GONE("database.ssl.truststore", NULL, "Trust store",
         "A Java key store. Make a PEM file of it (`keytool -exportcert -rfc`) and name it by "
         "database.ssl.ca."),
    {.name = "database.ssl.truststore.password",
     ABSENT,
     .flags = LEAT_OPT_MISSING | LEAT_OPT_ADVANCED | LEAT_OPT_SECRET,
     .type = LEAT_OPT_STR,
     .label = "Trust store's password",
     .help = "See database.ssl.truststore."},
    GONE("sourceinfo.struct.maker", NULL, "Source block",
         "Names a Java class that makes the source block; here it is always Debezium's own."),
    GONE("database.connection.factory.class", NULL, "Connection class",
         "Names a Java class that makes connections."),
    {.name = NULL},
};

#define SHARED                                                                                     \
    mapping, leat_capture_options, leat_capture_snapshot_options, leat_capture_signal_options,     \
        leat_capture_history_options, without_effect, missing, NULL

const leat_opt *const leat_my_option_tables[] = {connection, replication, mysql_replication,
                                                 SHARED};
const leat_opt *const leat_mariadb_option_tables[] = {connection, replication, SHARED};
