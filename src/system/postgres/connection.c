/* Connections to PostgreSQL: their parameters, strategies and templates, by the labels and defaults
 * that the connector hub's users know. Pure; any thread. */
#include <inttypes.h>

#include "config/db_url.h"
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

/* By a URL passwords stand in the configuration, and the URL is shown. */
static const char *const not_by_url[] = {"password.command", "password.file", "ssl.password", NULL};

/* wait: the time for connecting stands in the URL. */
static void write_url(const leat_props *given, bool wait, leat_arena *a, leat_props *options)
{
    leat_buf url = {0};
    const char *mode = leat_props_get(given, "ssl.mode");
    const char *replica = leat_props_get(given, "connect.to.replica");
    int64_t ms = wait ? leat_system_ms(tables, given, "connect.timeout.ms", a) : 0;
    if (leat_str_ieq(leat_str_of(mode), LEAT_STR("verify full"))) mode = "verify-full";
    bool standby = leat_str_ieq(leat_str_of(replica), LEAT_STR("true"));
    leat_db_url_begin(&url, "postgresql", leat_props_get(given, "host"),
                      leat_props_get(given, "port"), leat_props_get(given, "database"));
    leat_db_url_add(&url, "sslmode", mode);
    leat_db_url_add(&url, "sslrootcert", leat_props_get(given, "ssl.root.cert"));
    leat_db_url_add(&url, "sslcert", leat_props_get(given, "ssl.cert"));
    leat_db_url_add(&url, "sslkey", leat_props_get(given, "ssl.key"));
    leat_db_url_add(&url, "targetServerType", standby ? "secondary" : "primary");
    if (ms > 0)
        leat_db_url_add(&url, "connectTimeout",
                        leat_arena_printf(a, "%" PRId64, (ms + 999) / 1000));
    leat_props_set(options, a, LEAT_STR("connection.url"), leat_buf_str(&url), 0);
    leat_buf_free(&url);
}

static void put_url(const leat_props *given, leat_arena *a, leat_props *options)
{
    write_url(given, true, a, options);
}

static void put_url_of_sink(const leat_props *given, leat_arena *a, leat_props *options)
{
    write_url(given, false, a, options);
}

static const leat_system_face faces[] = {
    {.connector = "postgres", .map = map, .put = put},
    {.connector = "jdbc", .map = leat_system_by_url, .put = put_url, .lacks = not_by_url},
    {.connector = "notify", .map = leat_system_by_url, .put = put_url, .lacks = not_by_url},
    {.connector = "sql", .map = leat_system_of_sink, .put = put_url_of_sink, .lacks = not_by_url},
    {.connector = "jdbc-debezium",
     .map = leat_system_of_sink,
     .put = put_url_of_sink,
     .lacks = not_by_url},
    {.connector = "jdbc-confluent",
     .map = leat_system_of_confluent,
     .put = put_url_of_sink,
     .lacks = not_by_url},
    {.connector = NULL},
};

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

static const leat_template_line by_query[] = {
    {"connector.class", "io.confluent.connect.jdbc.JdbcSourceConnector",
     "PostgreSQL by queries, as Confluent's JDBC source connector.", false},
    {"topic.prefix", "${name}_", "Begins the names of all topics: the table's name follows.",
     false},
    {"table.whitelist", "public.orders", "Tables, as SCHEMA.TABLE, separated by commas.", true},
    {"mode", "timestamp+incrementing",
     "How new rows are found: bulk, incrementing, timestamp or timestamp+incrementing.", true},
    {"timestamp.column.name", "updated_at", "Column that each write sets to the time.", true},
    {"incrementing.column.name", "id", "Column that grows from row to row.", true},
    {NULL, NULL, NULL, false},
};

static const leat_template_line by_channel[] = {
    {"connector.class", "notify", "PostgreSQL's LISTEN/NOTIFY.", false},
    {"topic.prefix", "${name}", "Begins the names of all topics: PREFIX.CHANNEL.", false},
    {"channels", "orders", "Channels, separated by commas.", true},
    {"payload.format", "json", "What payloads are: json, or any text.", true},
    {"fetch.query",
     "SELECT json_build_object('id', id)::text FROM orders "
     "WHERE updated_at > $1::timestamptz - interval '5 minutes'",
     "Payloads that were sent while nobody listened; $1 is when it was last heard.", true},
    {NULL, NULL, NULL, false},
};

static const leat_template_line by_write[] = {
    {"connector.class", "sql", "Rows are written to tables.", false},
    {"topics", "shop.public.orders", "Topics that are read, separated by commas.", true},
    {NULL, NULL, NULL, false},
};

static const leat_strategy strategies[] = {
    {.name = "query",
     .label = "By Query",
     .help = "Standard SQL query-based data extraction. Needs SELECT on the tables.",
     .connector = "jdbc",
     .form = "postgres",
     .lines = by_query,
     .check = leat_pg_check_query},
    {.name = "notify",
     .label = "By Notification Channel",
     .help = "PostgreSQL's LISTEN/NOTIFY. Needs a primary, and SELECT on the tables whose rows "
             "are fetched.",
     .connector = "notify",
     .form = "postgres",
     .lines = by_channel,
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
     .check = leat_pg_check_custom},
    {.name = "write",
     .label = "By Write Operation",
     .help = "The database is a destination. Needs a primary, and INSERT, UPDATE and DELETE on "
             "the tables.",
     .sink = true,
     .connector = "sql",
     .form = "postgres",
     .lines = by_write,
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
