/* Connections to PostgreSQL: their parameters, strategies and templates, by the labels and defaults
 * that the connector hub's users know. Pure; any thread. */
#include "source/postgres/check.h"
#include "system/system.h"

#define PLAIN .group = "Connection"
#define TLS .group = "TLS", .flags = LEAT_OPT_ADVANCED

static const char *const sslmodes[] = {"disable", "require", "verify-full", "verify-ca",
                                       "prefer",  "allow",   "verify full", NULL};

static const leat_opt parameters[] = {
    {.name = "host",
     PLAIN,
     .type = LEAT_OPT_STR,
     .label = "Host",
     .def = "localhost",
     .help = "PostgreSQL server hostname or IP address; several, separated by commas, where a "
             "standby may take over."},
    {.name = "port",
     PLAIN,
     .type = LEAT_OPT_INT,
     .label = "Port",
     .def = "5432",
     .min = 1,
     .max = 65535,
     .help = "PostgreSQL server port number."},
    {.name = "username",
     PLAIN,
     .type = LEAT_OPT_STR,
     .label = "Username",
     .def = "postgres",
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
     .def = "postgres",
     .help = "Target database name."},
    {.name = "ssl.mode",
     PLAIN,
     .type = LEAT_OPT_ENUM,
     .label = "SSL Mode",
     .def = "disable",
     .choices = sslmodes,
     .help = "SSL connection mode: `disable`, no encryption; `require`, encryption required; "
             "`verify-full`, with full certificate verification. Beside these libpq's "
             "`verify-ca`, `prefer` and `allow`."},
    {.name = "connect.to.replica",
     PLAIN,
     .type = LEAT_OPT_BOOL,
     .label = "Connect To Replica",
     .def = "false",
     .help = "Connect to a read replica. By WAL that takes PostgreSQL 16 or later; the primary is "
             "read just as well, and is needed where something has to be made there."},
    {.name = "ssl.root.cert",
     TLS | LEAT_OPT_FILE | LEAT_OPT_SYSTEM,
     .type = LEAT_OPT_STR,
     .label = "Authorities",
     .help = "File (PEM) of the authorities that the server's certificate is checked by; `system`: "
             "those that this machine trusts."},
    {.name = "ssl.cert",
     TLS | LEAT_OPT_FILE,
     .type = LEAT_OPT_STR,
     .label = "Client certificate",
     .help = "File (PEM) with this client's certificate."},
    {.name = "ssl.key",
     TLS | LEAT_OPT_FILE,
     .type = LEAT_OPT_STR,
     .label = "Client key",
     .help = "File with the certificate's key, readable by leat's user alone."},
    {.name = "ssl.password",
     TLS | LEAT_OPT_SECRET,
     .type = LEAT_OPT_STR,
     .label = "Key's password",
     .help = "Password of the file with the key."},
    {.name = "password.command",
     PLAIN,
     .type = LEAT_OPT_STR,
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_CODE | LEAT_OPT_SECRET,
     .label = "Command for the password",
     .help = "Instead of a password: a command that prints it, at each connect; for tokens that "
             "expire."},
    {.name = "password.file",
     PLAIN,
     .type = LEAT_OPT_STR,
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_FILE | LEAT_OPT_SECRET,
     .label = "File with the password",
     .help = "Instead of a password: a file with it, read at each connect."},
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
    {"database", "database.dbname"},
    {"ssl.mode", "database.sslmode"},
    {"connect.to.replica", "database.hosts.role"},
    {"ssl.root.cert", "database.sslrootcert"},
    {"ssl.cert", "database.sslcert"},
    {"ssl.key", "database.sslkey"},
    {"ssl.password", "database.sslpassword"},
    {"password.command", "database.password.command"},
    {"password.file", "database.password.file"},
    {"connect.timeout.ms", "connect.timeout.ms"},
    {NULL, NULL},
};

static void put(const leat_props *given, leat_arena *a, leat_props *options)
{
    leat_str mode = leat_str_of(leat_props_get(given, "ssl.mode"));
    leat_str replica = leat_str_of(leat_props_get(given, "connect.to.replica"));
    if (leat_str_ieq(mode, LEAT_STR("verify full"))) mode = LEAT_STR("verify-full");
    leat_str role =
        leat_str_ieq(replica, LEAT_STR("true")) ? LEAT_STR("standby") : LEAT_STR("primary");
    if (mode.len) leat_props_set(options, a, LEAT_STR("database.sslmode"), mode, 0);
    leat_props_set(options, a, LEAT_STR("database.hosts.role"), role, 0);
}

static const leat_system_face faces[] = {{"postgres", map, put}, {NULL, NULL, NULL}};

static const leat_template_line by_wal[] = {
    {"connector.class", "io.debezium.connector.postgresql.PostgresConnector",
     "PostgreSQL by its log, as Debezium's connector.", false},
    {"topic.prefix", "${name}", "Begins the names of all topics: PREFIX.SCHEMA.TABLE.", false},
    {"table.include.list", "public.*",
     "Tables, as regular expressions for SCHEMA.TABLE, separated by commas.", true},
    {"plugin.name", "pgoutput", "The server's own output plugin.", false},
    {"slot.name", "leat_${name}", "Replication slot: one for each connector.", false},
    {"publication.name", "leat_${name}", "Publication: which tables the server sends.", false},
    {"publication.autocreate.mode", "filtered",
     "It is made for the captured tables, by their owner; disabled: somebody else makes it.",
     false},
    {"snapshot.mode", "initial", "First the rows that are there, then the changes.", false},
    {NULL, NULL, NULL, false},
};

/* What the form's parser wants beside a connection. */
static const leat_template_line to_try[] = {
    {"topic.prefix", "${name}", NULL, false},
    {NULL, NULL, NULL, false},
};

static const leat_strategy strategies[] = {
    {.name = "query",
     .label = "By Query",
     .help = "Standard SQL query-based data extraction. Needs SELECT on the tables.",
     .connector = "jdbc",
     .form = "postgres",
     .lines = to_try,
     .check = leat_pg_check_query},
    {.name = "notify",
     .label = "By Notification Channel",
     .help = "PostgreSQL's LISTEN/NOTIFY. Needs a primary, and SELECT on the tables whose rows "
             "are fetched.",
     .connector = "notify",
     .form = "postgres",
     .lines = to_try,
     .check = leat_pg_check_notify},
    {.name = "wal",
     .label = "By WAL",
     .help = "Reads the write-ahead log, in real time. Needs wal_level=logical, a role that may "
             "replicate, SELECT on the tables, and a publication or the right to make it.",
     .connector = "postgres",
     .form = "postgres",
     .lines = by_wal},
    {.name = "custom",
     .label = "By Custom Function",
     .help = "A function of the user's own extracts data. Needs what the function needs; tried "
             "are the way to the server and the log-in.",
     .form = "postgres",
     .lines = to_try,
     .check = leat_pg_check_custom},
    {.name = "write",
     .label = "By Write Operation",
     .help = "The database is a destination. Needs a primary, and INSERT, UPDATE and DELETE on "
             "the tables.",
     .sink = true,
     .form = "postgres",
     .lines = to_try,
     .check = leat_pg_check_write},
    {.name = NULL},
};

static const char *const names[] = {"postgresql", "pg", NULL};

const leat_system leat_system_postgres = {
    .abi = LEAT_SYSTEM_ABI,
    .size = sizeof(leat_system),
    .name = "postgres",
    .label = "PostgreSQL",
    .help = "PostgreSQL, version 10 or later, on a server of one's own or as a service.",
    .names = names,
    .parameters = tables,
    .faces = faces,
    .strategies = strategies,
    .strategy = "query",
};
