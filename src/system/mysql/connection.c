/* Connections to MySQL and MariaDB: their parameters, strategies and templates, by the labels and
 * defaults that the connector hub's users know. Pure; any thread. */
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

static const char *const of_binlog[] = {"server.id", NULL};

/* What the form's parser wants beside a connection. */
static const leat_template_line to_try[] = {
    {"topic.prefix", "${name}", NULL, false},
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

#define STRATEGIES(connector_, by_binlog)                                                          \
    {                                                                                              \
        {.name = "query",                                                                          \
         .label = "By Query",                                                                      \
         .help = "Standard SQL query-based data extraction. Needs SELECT on the tables and, so "   \
                 "that rows that commit late are not missed, PROCESS.",                            \
         .connector = "jdbc",                                                                      \
         .form = connector_,                                                                       \
         .lines = to_try,                                                                          \
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
             .lines = to_try,                                                                      \
             .check = leat_my_check_custom},                                                       \
            {.name = "write",                                                                      \
             .label = "By Write Operation",                                                        \
             .help = "The database is a destination. Needs a server that takes writes, and "       \
                     "INSERT, UPDATE and DELETE on the tables.",                                   \
             .sink = true,                                                                         \
             .form = connector_,                                                                   \
             .lines = to_try,                                                                      \
             .check = leat_my_check_write},                                                        \
        {                                                                                          \
            .name = NULL                                                                           \
        }                                                                                          \
    }
static const leat_strategy mysql_strategies[] = STRATEGIES("mysql", mysql_binlog);
static const leat_strategy mariadb_strategies[] = STRATEGIES("mariadb", mariadb_binlog);

static const leat_system_face mysql_faces[] = {{"mysql", map, put}, {NULL, NULL, NULL}};
static const leat_system_face mariadb_faces[] = {{"mariadb", map, put}, {NULL, NULL, NULL}};

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
