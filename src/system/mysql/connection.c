/* Connections to MySQL and MariaDB: their parameters, strategies and templates, by the labels and
 * defaults that the connector hub's users know. Pure; any thread. */
#include <inttypes.h>

#include "config/db_url.h"
#include "source/mysql/check.h"
#include "system/system.h"

#define PLAIN .group = "Connection"
#define TLS .group = "TLS", .flags = LEAT_OPT_ADVANCED

static const char *const sslmodes[] = {"preferred", "disabled",        "required",
                                       "verify_ca", "verify_identity", NULL};

static const leat_opt parameters[] = {
    {.name = "host",
     PLAIN,
     .type = LEAT_OPT_STR,
     .label = "Host",
     .def = "localhost",
     .help = "Hostname or IP address of the server."},
    {.name = "port",
     PLAIN,
     .type = LEAT_OPT_INT,
     .label = "Port",
     .def = "3306",
     .min = 1,
     .max = 65535,
     .help = "Port number of the server."},
    {.name = "username",
     PLAIN,
     .type = LEAT_OPT_STR,
     .flags = LEAT_OPT_REQUIRED,
     .label = "Username",
     .help = "Database username for authentication."},
    {.name = "password",
     PLAIN,
     .type = LEAT_OPT_STR,
     .flags = LEAT_OPT_SECRET,
     .label = "Password",
     .help = "Database password for authentication."},
    {.name = "database",
     PLAIN,
     .type = LEAT_OPT_STR,
     .label = "Database",
     .help = "Target database name. Without it all databases are captured that a connector's own "
             "lists leave in."},
    {.name = "server.id",
     PLAIN,
     .type = LEAT_OPT_INT,
     .label = "Server ID",
     .def = "1",
     .min = 1,
     .max = UINT32_MAX,
     .help = "Unique server identifier for reading the binary log: no server, replica or other "
             "connector may have the same."},
    {.name = "ssl.mode",
     PLAIN,
     .type = LEAT_OPT_ENUM,
     .label = "SSL Mode",
     .def = "preferred",
     .choices = sslmodes,
     .help = "`disabled`, no encryption; `preferred`, if the server can; `required`, always; "
             "`verify_ca`, the certificate is checked; `verify_identity`, its name too."},
    {.name = "ssl.ca",
     TLS | LEAT_OPT_FILE,
     .type = LEAT_OPT_STR,
     .label = "Authorities",
     .help = "File (PEM) of the authorities that the server's certificate is checked by."},
    {.name = "ssl.cert",
     TLS | LEAT_OPT_FILE,
     .type = LEAT_OPT_STR,
     .label = "Client certificate",
     .help = "File (PEM) with this client's certificate."},
    {.name = "ssl.key",
     TLS | LEAT_OPT_FILE,
     .type = LEAT_OPT_STR,
     .label = "Client key",
     .help = "File (PEM) with the certificate's key, readable by leat's user alone."},
    {.name = "connect.timeout.ms",
     PLAIN,
     .type = LEAT_OPT_MS,
     .flags = LEAT_OPT_ADVANCED,
     .label = "Connect time-out",
     .def = "30000",
     .min = 100,
     .max = 600000,
     .help = "Longest time for connecting and logging in."},
    {.name = NULL},
};
static const leat_opt *const tables[] = {parameters, NULL};

static const leat_system_map map[] = {
    {"host", "database.hostname"},
    {"port", "database.port"},
    {"username", "database.user"},
    {"password", "database.password"},
    {"server.id", "database.server.id"},
    {"ssl.mode", "database.ssl.mode"},
    {"ssl.ca", "database.ssl.ca"},
    {"ssl.cert", "database.ssl.cert"},
    {"ssl.key", "database.ssl.key"},
    {"connect.timeout.ms", "connect.timeout.ms"},
    {NULL, NULL},
};

/* The database is a list's one regular expression for it. */
static void put(const leat_props *given, leat_arena *a, leat_props *options)
{
    leat_str name = leat_str_of(leat_props_get(given, "database"));
    leat_buf text = {0};
    for (size_t i = 0; i < name.len; i++) {
        if (strchr("\\^$.[]|()*+?{},", name.s[i])) leat_buf_u8(&text, '\\');
        leat_buf_u8(&text, (unsigned char)name.s[i]);
    }
    if (text.len)
        leat_props_set(options, a, LEAT_STR("database.include.list"),
                       leat_arena_str(a, leat_buf_str(&text)), 0);
    leat_buf_free(&text);
}

/* wait: the time for connecting stands in the URL. */
static void write_url(const char *kind, const leat_props *given, bool wait, leat_arena *a,
                      leat_props *options)
{
    leat_buf url = {0};
    int64_t ms = wait ? leat_system_ms(tables, given, "connect.timeout.ms", a) : 0;
    leat_db_url_begin(&url, kind, leat_props_get(given, "host"), leat_props_get(given, "port"),
                      leat_props_get(given, "database"));
    leat_db_url_add(&url, "sslMode", leat_props_get(given, "ssl.mode"));
    leat_db_url_add(&url, "serverSslCert", leat_props_get(given, "ssl.ca"));
    leat_db_url_add(&url, "sslcert", leat_props_get(given, "ssl.cert"));
    leat_db_url_add(&url, "sslkey", leat_props_get(given, "ssl.key"));
    if (ms > 0) leat_db_url_add(&url, "connectTimeout", leat_arena_printf(a, "%" PRId64, ms));
    leat_props_set(options, a, LEAT_STR("connection.url"), leat_buf_str(&url), 0);
    leat_buf_free(&url);
}

static void put_mysql(const leat_props *given, leat_arena *a, leat_props *options)
{
    write_url("mysql", given, true, a, options);
}

static void put_mariadb(const leat_props *given, leat_arena *a, leat_props *options)
{
    write_url("mariadb", given, true, a, options);
}

static void put_of_sink(const leat_props *given, leat_arena *a, leat_props *options)
{
    write_url("mysql", given, false, a, options);
}

static const char *const of_binlog[] = {"server.id", NULL};

#define BY_QUERY(title)                                                                            \
    {                                                                                              \
        {"connector.class", "io.confluent.connect.jdbc.JdbcSourceConnector",                       \
         title " by queries, as Confluent's JDBC source connector.", false},                       \
            {"topic.prefix", "${name}_",                                                           \
             "Begins the names of all topics: the table's name follows.", false},                  \
            {"table.whitelist", "shop.orders", "Tables, as DATABASE.TABLE, separated by commas.",  \
             true},                                                                                \
            {"mode", "timestamp+incrementing",                                                     \
             "How new rows are found: bulk, incrementing, timestamp or timestamp+incrementing.",   \
             true},                                                                                \
            {"timestamp.column.name", "updated_at", "Column that each write sets to the time.",    \
             true},                                                                                \
            {"incrementing.column.name", "id", "Column that grows from row to row.", true},        \
        {                                                                                          \
            NULL, NULL, NULL, false                                                                \
        }                                                                                          \
    }
static const leat_template_line of_mysql_query[] = BY_QUERY("MySQL");
static const leat_template_line of_mariadb_query[] = BY_QUERY("MariaDB");

static const leat_template_line by_write[] = {
    {"connector.class", "sql", "Rows are written to tables.", false},
    {"topics", "shop.shop.orders", "Topics that are read, separated by commas.", true},
    {NULL, NULL, NULL, false},
};

#define BY_BINLOG(klass, title)                                                                    \
    {                                                                                              \
        {"connector.class", klass, title " by its binary log, as Debezium's connector.", false},   \
            {"topic.prefix", "${name}", "Begins the names of all topics: PREFIX.DATABASE.TABLE.",  \
             false},                                                                               \
            {"table.include.list", "shop.*",                                                       \
             "Tables, as regular expressions for DATABASE.TABLE, separated by commas.", true},     \
            {"snapshot.mode", "initial", "First the rows that are there, then the changes.",       \
             false},                                                                               \
        {                                                                                          \
            NULL, NULL, NULL, false                                                                \
        }                                                                                          \
    }
static const leat_template_line mysql_binlog[] =
    BY_BINLOG("io.debezium.connector.mysql.MySqlConnector", "MySQL");
static const leat_template_line mariadb_binlog[] =
    BY_BINLOG("io.debezium.connector.mariadb.MariaDbConnector", "MariaDB");

#define STRATEGIES(connector_, by_query, by_binlog)                                                \
    {                                                                                              \
        {.name = "query",                                                                          \
         .label = "By Query",                                                                      \
         .help = "Standard SQL query-based data extraction. Needs SELECT on the tables and, so "   \
                 "that rows that commit late are not missed, PROCESS.",                            \
         .connector = "jdbc",                                                                      \
         .form = connector_,                                                                       \
         .lines = by_query,                                                                        \
         .check = leat_my_check_query},                                                            \
            {.name = "binlog",                                                                     \
             .label = "By Bin Logs",                                                               \
             .help = "Reads the binary log, in real time. Needs log_bin, binlog_format=ROW, a "    \
                     "user with REPLICATION SLAVE and REPLICATION CLIENT (MariaDB: BINLOG "        \
                     "MONITOR), SELECT on the tables, and a server ID of its own.",                \
             .connector = connector_,                                                              \
             .form = connector_,                                                                   \
             .only = of_binlog,                                                                    \
             .lines = by_binlog},                                                                  \
            {.name = "custom",                                                                     \
             .label = "By Custom Function",                                                        \
             .help = "A function of the user's own extracts data. Needs what the function needs; " \
                     "tried are the way to the server and the log-in.",                            \
             .form = connector_,                                                                   \
             .check = leat_my_check_custom},                                                       \
            {.name = "write",                                                                      \
             .label = "By Write Operation",                                                        \
             .help = "The database is a destination. Needs a server that takes writes, and "       \
                     "INSERT, UPDATE and DELETE on the tables.",                                   \
             .sink = true,                                                                         \
             .connector = "sql",                                                                   \
             .form = connector_,                                                                   \
             .lines = by_write,                                                                    \
             .check = leat_my_check_write},                                                        \
        {                                                                                          \
            .name = NULL                                                                           \
        }                                                                                          \
    }
static const leat_strategy mysql_strategies[] = STRATEGIES("mysql", of_mysql_query, mysql_binlog);
static const leat_strategy mariadb_strategies[] =
    STRATEGIES("mariadb", of_mariadb_query, mariadb_binlog);

#define FACES(connector_, put_url)                                                                 \
    {                                                                                              \
        {.connector = connector_, .map = map, .put = put},                                         \
            {.connector = "jdbc", .map = leat_system_by_url, .put = put_url},                      \
            {.connector = "sql", .map = leat_system_of_sink, .put = put_of_sink},                  \
            {.connector = "jdbc-debezium", .map = leat_system_of_sink, .put = put_of_sink},        \
            {.connector = "jdbc-confluent", .map = leat_system_of_confluent, .put = put_of_sink},  \
        {                                                                                          \
            .connector = NULL                                                                      \
        }                                                                                          \
    }
static const leat_system_face mysql_faces[] = FACES("mysql", put_mysql);
static const leat_system_face mariadb_faces[] = FACES("mariadb", put_mariadb);

const leat_system leat_system_mysql = {
    .abi = LEAT_SYSTEM_ABI,
    .size = sizeof(leat_system),
    .name = "mysql",
    .label = "MySQL",
    .help = "MySQL, version 5.7 or later, on a server of one's own or as a service.",
    .parameters = tables,
    .faces = mysql_faces,
    .strategies = mysql_strategies,
    .strategy = "query",
};

const leat_system leat_system_mariadb = {
    .abi = LEAT_SYSTEM_ABI,
    .size = sizeof(leat_system),
    .name = "mariadb",
    .label = "MariaDB",
    .help = "MariaDB, version 10.4 or later, on a server of one's own or as a service.",
    .parameters = tables,
    .faces = mariadb_faces,
    .strategies = mariadb_strategies,
    .strategy = "query",
};
