/* The options of query capture: the names and defaults of Confluent's JDBC source connector, in one
 * table. Every property of it stands here: supported, without effect, or missing. Any thread. */
#include <ctype.h>

#include "config/db_url.h"
#include "config/files.h"
#include "config/regex.h"
#include "source/query/conf.h"

#define AT(field, type) LEAT_OPT_AT(leat_query_conf, field, type)
#define TEXT(field) .type = LEAT_OPT_STR, .off = AT(field, const char *)
#define NUMBER(field) .type = LEAT_OPT_INT, .off = AT(field, int64_t)
#define TIME(field) .type = LEAT_OPT_MS, .off = AT(field, int64_t)
#define FLAG(field) .type = LEAT_OPT_BOOL, .off = AT(field, bool)
#define CHOICE(field, list) .type = LEAT_OPT_ENUM, .off = AT(field, int64_t), .choices = list
#define LIST(field) .type = LEAT_OPT_LIST, .off = AT(field, leat_opt_list)

#define DATABASE .group = "Database"
#define MODE .group = "Mode"
#define CONNECTOR .group = "Connector"
#define OTHER .group = "Not needed here"

#define NO_EFFECT(option, default_value, text)                                                     \
    {                                                                                              \
        .name = option, .label = option, OTHER, .type = LEAT_OPT_STR,                              \
        .flags = LEAT_OPT_NO_EFFECT | LEAT_OPT_ADVANCED, .def = default_value, .help = text        \
    }

static const char *const modes[] = {"bulk", "incrementing", "timestamp", "timestamp+incrementing",
                                    NULL};
static const char *const numerics[] = {"none", "precision_only", "best_fit",
                                       "best_fit_eager_double", NULL};
static const char *const calendars[] = {"LEGACY", "PROLEPTIC_GREGORIAN", NULL};
static const char *const granularities[] = {"connect_logical",
                                            "micros_long",
                                            "micros_string",
                                            "micros_iso_datetime_string",
                                            "nanos_long",
                                            "nanos_string",
                                            "nanos_iso_datetime_string",
                                            NULL};
static const char *const lates[] = {"wait", "ignore", NULL};

static const leat_opt database[] = {
    {.name = "connection.url",
     DATABASE,
     TEXT(url),
     .flags = LEAT_OPT_REQUIRED,
     .label = "JDBC URL",
     .help =
         "`jdbc:postgresql://HOST:PORT/DATABASE`, `jdbc:mysql://HOST:PORT/DATABASE`, "
         "`jdbc:mariadb://HOST:PORT/DATABASE` or `jdbc:sqlite:FILE`. Of PostgreSQL's "
         "parameters behind a question mark these count: user, password, sslmode, ssl, sslcert, "
         "sslkey, sslpassword, sslrootcert, connectTimeout, currentSchema, targetServerType; of "
         "MySQL's and MariaDB's user, password, sslMode, useSSL, requireSSL, "
         "verifyServerCertificate, serverSslCert, sslcert, sslkey, connectTimeout, "
         "zeroDateTimeBehavior=CONVERT_TO_NULL. "
         "The URL is shown as it is: a password is better kept in connection.password."},
    {.name = "connection.user",
     DATABASE,
     TEXT(user),
     .label = "User",
     .help = "User to log in as, unless the URL names one. It needs SELECT on what is read."},
    {.name = "connection.password",
     DATABASE,
     TEXT(password),
     .flags = LEAT_OPT_SECRET,
     .label = "Password",
     .help = "Password of the user."},
    {.name = "table.whitelist",
     DATABASE,
     LIST(whitelist),
     .label = "Tables",
     .help =
         "Tables that are read: `table` (of any schema) or `schema.table`, with or without "
         "quotes, as the database spells them; with MySQL and MariaDB `database.table`. Not set: all that table.types and the "
         "patterns let in."},
    {.name = "table.blacklist",
     DATABASE,
     LIST(blacklist),
     .label = "Tables left out",
     .help = "Tables that are not read, spelled as in table.whitelist, which may not be set then."},
    {.name = "table.include.list",
     DATABASE,
     LIST(include),
     .flags = LEAT_OPT_REGEX,
     .label = "Tables, by patterns",
     .help = "Java regular expressions for the whole of `schema.table`, in its own case: tables "
             "that are read. Instead of table.whitelist and table.blacklist."},
    {.name = "table.exclude.list",
     DATABASE,
     LIST(exclude),
     .flags = LEAT_OPT_REGEX,
     .label = "Tables left out, by patterns",
     .help = "Of the tables of table.include.list those that are not read."},
    {.name = "table.types",
     DATABASE,
     LIST(types),
     .def = "TABLE",
     .label = "Kinds of tables",
     .help =
         "What is looked for: TABLE, VIEW; with PostgreSQL also PARTITIONED TABLE, MATERIALIZED "
         "VIEW, FOREIGN TABLE, TEMPORARY TABLE, SYSTEM TABLE, SYSTEM VIEW. The partitions of a "
         "table are TABLEs of their own, as in JDBC."},
    {.name = "catalog.pattern",
     DATABASE,
     TEXT(catalog),
     .flags = LEAT_OPT_ADVANCED,
     .label = "Databases",
     .help =
         "Pattern (% is any text, _ one character) of the databases whose tables are looked "
         "for. PostgreSQL's sessions see one. Not set: with MySQL and MariaDB the URL's database, "
         "or all if it names none."},
    {.name = "schema.pattern",
     DATABASE,
     TEXT(schema),
     .label = "Schemas",
     .help =
         "Pattern (% is any text, _ one character) of the schemas whose tables are looked for."},
    {.name = "numeric.mapping",
     DATABASE,
     CHOICE(numeric, numerics),
     .def = "none",
     .label = "NUMERIC",
     .help = "What NUMERIC columns become: none, Kafka Connect's Decimal; precision_only, the "
             "smallest integer that has room where the scale is 0; best_fit, that, or a double "
             "where there are digits after the point and 18 in all at most; "
             "best_fit_eager_double, a double wherever there are digits after the point."},
    {.name = "numeric.precision.mapping",
     DATABASE,
     FLAG(precision_mapping),
     .flags = LEAT_OPT_ADVANCED,
     .def = "false",
     .label = "NUMERIC by precision",
     .help = "Former way to say numeric.mapping=precision_only."},
    {.name = "dialect.name",
     DATABASE,
     TEXT(dialect),
     .flags = LEAT_OPT_ADVANCED,
     .def = "",
     .label = "Dialect",
     .help = "Which database it is, instead of what the URL says: PostgreSqlDatabaseDialect, "
             "MySqlDatabaseDialect, SqliteDatabaseDialect."},
    {.name = "date.calendar.system",
     DATABASE,
     CHOICE(calendar, calendars),
     .flags = LEAT_OPT_ADVANCED,
     .def = "LEGACY",
     .label = "Calendar",
     .help = "Days before 15 October 1582: LEGACY counts them as Java's older classes do, by the "
             "Julian calendar; PROLEPTIC_GREGORIAN as the database means them."},
    {.name = "include.unknown.datatypes",
     DATABASE,
     FLAG(all_types),
     .flags = LEAT_OPT_ADVANCED,
     .def = "false",
     .label = "Types that JDBC does not map",
     .help = "Columns that the JDBC connector leaves out (PostgreSQL's domains, arrays, ranges, "
             "intervals, addresses and others) are told as strings. Of leat's own."},
    {.name = "transaction.isolation.mode",
     DATABASE,
     CHOICE(isolation, leat_sql_isolations),
     .flags = LEAT_OPT_ADVANCED,
     .def = "DEFAULT",
     .label = "Isolation",
     .help = "Isolation of the session's transactions. Each poll is one statement, which has one "
             "view of the data whatever this says."},
    {.name = NULL},
};

static const leat_opt mode[] = {
    {.name = "mode",
     MODE,
     CHOICE(mode, modes),
     .flags = LEAT_OPT_REQUIRED,
     .label = "Mode",
     .help = "How rows are found that were not read yet. bulk: all of them, at each poll. "
             "incrementing: by a column that grows from row to row, so that updates are not seen. "
             "timestamp: by one that each write sets to the time. timestamp+incrementing: by both, "
             "which tells rows of the same moment apart. Deleted rows are seen by none: see "
             "deletes.interval.ms."},
    {.name = "incrementing.column.name",
     MODE,
     TEXT(incrementing),
     .def = "",
     .label = "Incrementing column",
     .help = "Column that grows from row to row. Empty: the first that the database numbers."},
    {.name = "timestamp.column.name",
     MODE,
     LIST(timestamps),
     .label = "Timestamp columns",
     .help = "Column that each write sets to the time; of several the first that is not NULL."},
    {.name = "incrementing.column.mapping",
     MODE,
     LIST(number_mapping),
     .flags = LEAT_OPT_ADVANCED,
     .label = "Incrementing columns by table",
     .help =
         "`REGEX:COLUMN`, separated by commas: for tables of table.include.list. Each table has "
         "to fit one."},
    {.name = "timestamp.columns.mapping",
     MODE,
     LIST(moment_mapping),
     .flags = LEAT_OPT_ADVANCED,
     .label = "Timestamp columns by table",
     .help = "`REGEX:[COLUMN|COLUMN]`, separated by commas: for tables of table.include.list. Each "
             "table has to fit one."},
    {.name = "timestamp.initial",
     MODE,
     TEXT(initial),
     .flags = LEAT_OPT_ADVANCED,
     .label = "First moment",
     .help = "Where the first poll begins: rows after this moment, in milliseconds since 1970 UTC; "
             "-1 is now. Not set: all rows."},
    {.name = "validate.non.null",
     MODE,
     FLAG(non_null),
     .def = "true",
     .label = "Check for NOT NULL",
     .help = "Refuse tables whose incrementing column, or all of whose timestamp columns, may be "
             "NULL: rows where they are would never be read."},
    {.name = "query",
     MODE,
     TEXT(query),
     .label = "Query",
     .help = "A SELECT whose rows are read instead of tables. It may have conditions of its own: "
             "those of the mode stand around it."},
    {.name = "query.masked",
     MODE,
     TEXT(query_masked),
     .flags = LEAT_OPT_SECRET | LEAT_OPT_ADVANCED,
     .label = "Query, masked",
     .help = "The same as `query`, but it is not shown."},
    {.name = "query.suffix",
     MODE,
     TEXT(suffix),
     .flags = LEAT_OPT_ADVANCED,
     .def = "",
     .label = "End of the statement",
     .help =
         "Stands at the end of the statement: `LIMIT 1000`. In modes with moments or numbers it "
         "says where a page ends, but rows that share the last moment or number all come, since "
         "those left behind would never be read."},
    {.name = "late.commits",
     MODE,
     CHOICE(late, lates),
     .def = "wait",
     .label = "Rows that commit late",
     .help =
         "Transactions that are open may still commit rows with smaller numbers or moments than "
         "those that can be seen. wait: rows that come after such ones wait, so that none is "
         "missed. ignore: what can be seen is read, as the JDBC connector does. Of leat's "
         "own."},
    {.name = "late.transactions.ms",
     MODE,
     TIME(late_ms),
     .flags = LEAT_OPT_ADVANCED,
     .def = "60000",
     .min = 0,
     .max = INT64_C(86400000) * 365,
     .label = "Silent transactions",
     .help = "In modes with moments: a transaction that is open but has not written to the table "
             "(with MySQL and MariaDB: a statement that runs but has not written at all) is waited "
             "for until it is this old. One that has written is waited for until it ends. "
             "Of leat's own."},
    {.name = "deletes.interval.ms",
     MODE,
     TIME(deletes_ms),
     .def = "0",
     .min = 0,
     .max = INT64_C(86400000) * 365,
     .label = "Between looks for deleted rows",
     .help = "Pause between two looks for rows of a table that are not there any more; 0: none. "
             "The keys that were told are kept in a file of the connector and compared with the "
             "table's by sums of ranges. A deleted row is told by its key with a null value, and "
             "all records have the table's primary key, which it needs, as their key. Of leat's "
             "own."},
    {.name = NULL},
};

static const leat_opt connector[] = {
    {.name = "topic.prefix",
     CONNECTOR,
     TEXT(prefix),
     .flags = LEAT_OPT_REQUIRED | LEAT_OPT_FIXED,
     .label = "Topic prefix",
     .help =
         "What stands before a table's name (without its schema) in the name of its topic; with "
         "`query` the whole name of the topic."},
    {.name = "poll.interval.ms",
     CONNECTOR,
     TIME(poll_ms),
     .def = "5000",
     .min = 1,
     .max = INT64_C(86400000) * 365,
     .label = "Between polls",
     .help = "Pause between two polls of a table."},
    {.name = "table.poll.interval.ms",
     CONNECTOR,
     TIME(tables_ms),
     .flags = LEAT_OPT_ADVANCED,
     .def = "60000",
     .min = 1,
     .max = INT64_C(86400000) * 365,
     .label = "Between looks for tables",
     .help = "How often it looks for tables that are new, or gone."},
    {.name = "batch.max.rows",
     CONNECTOR,
     NUMBER(batch_rows),
     .flags = LEAT_OPT_ADVANCED,
     .def = "1000",
     .min = 1,
     .max = 1000000000,
     .label = "Rows in a batch",
     .help = "Most rows that are handed over at once, where limits.memory has room for them. Rows "
             "are never collected: this only sets how soon the first of them are visible."},
    {.name = "timestamp.delay.interval.ms",
     CONNECTOR,
     TIME(delay_ms),
     .def = "0",
     .min = 0,
     .max = INT64_C(86400000) * 365,
     .label = "Delay",
     .help = "Rows are read once their moment is this old: for moments that are not the server's "
             "own clock's, or of applications that take them long before they commit."},
    {.name = "db.timezone",
     CONNECTOR,
     TEXT(zone),
     .def = "UTC",
     .label = "Time zone",
     .help = "Zone of moments that are stored without one: `UTC`, `Europe/Berlin`, `+02:00`."},
    {.name = "timestamp.granularity",
     CONNECTOR,
     CHOICE(granularity, granularities),
     .def = "connect_logical",
     .label = "Form of moments",
     .help = "What TIMESTAMP columns become: connect_logical, Kafka Connect's Timestamp "
             "(milliseconds); micros and nanos, since 1970 as numbers or strings, or as "
             "`yyyy-MM-ddTHH:mm:ss.SSSSSS` in db.timezone, which has to be UTC here."},
    NO_EFFECT("connection.attempts", "3",
              "Connecting is tried again as errors.max.retries and errors.retry.delay.* say."),
    NO_EFFECT("connection.backoff.ms", "10000",
              "Connecting is tried again as errors.max.retries and errors.retry.delay.* say."),
    NO_EFFECT("query.retry.attempts", "-1",
              "Statements are tried again as errors.max.retries says."),
    NO_EFFECT("quote.sql.identifiers", "always",
              "Names are those that the database tells, and always quoted."),
    NO_EFFECT("max.buffer.size", "0", "Memory is bounded by limits.memory."),
    NO_EFFECT("poll.linger.ms", "5000", "Rows are handed over as they come."),
    NO_EFFECT("table.monitoring.startup.polling.limit.ms", "10000",
              "Tables are looked for when the connector starts."),
    {.name = "jdbc.credentials.provider.*",
     .label = "jdbc.credentials.provider.*",
     .group = "Not there yet",
     .type = LEAT_OPT_MANY,
     .flags = LEAT_OPT_MISSING | LEAT_OPT_SECRET | LEAT_OPT_ADVANCED,
     .help = "A class that gives user and password."},
    {.name = NULL},
};

const leat_opt *const leat_query_option_tables[] = {mode, database, connector, NULL};

/* ---- what no row can say ---- */

static bool empty(const char *text)
{
    return !text || !*text;
}

static void check_tables(const leat_query_conf *c, leat_report *r)
{
    bool lists = c->whitelist.n || c->blacklist.n;
    if (c->whitelist.n && c->blacklist.n)
        leat_report_add(r, false, "table.blacklist", 0, "cannot be set beside table.whitelist");
    if (lists && (c->include.n || c->exclude.n))
        leat_report_add(r, false, "table.include.list", 0,
                        "cannot be set beside table.whitelist or table.blacklist");
    if (c->exclude.n && !c->include.n)
        leat_report_add(r, false, "table.exclude.list", 0,
                        "needs table.include.list, of whose tables it leaves out some");
    if (leat_query_has_query(c) && (lists || c->include.n))
        leat_report_add(r, false, "query", 0,
                        "cannot be set beside a list of tables: either of them is read");
    if (!empty(c->query) && !empty(c->query_masked))
        leat_report_add(r, false, "query.masked", 0, "cannot be set beside query");
    if (c->types.n == 0) leat_report_add(r, false, "table.types", 0, "must name a kind at least");
}

/* A host that is behind lacks rows that another one has told. */
static bool hosts_differ(const leat_query_conf *c)
{
    leat_arena a = {0};
    leat_db_url url;
    bool many = c->url && leat_db_url_read(c->url, &a, &url, NULL) == LEAT_OK && url.hosts &&
                strchr(url.hosts, ',');
    const char *role = many ? leat_db_url_param(&url, "targetServerType") : NULL;
    bool one = role && (strcmp(role, "primary") == 0 || strcmp(role, "master") == 0);
    leat_arena_free(&a);
    return many && !one;
}

static void check_deletes(const leat_query_conf *c, leat_report *r)
{
    static const char option[] = "deletes.interval.ms";
    if (c->deletes_ms == 0) return;
    if (leat_query_has_query(c))
        leat_report_add(r, false, option, 0,
                        "cannot be set beside query: deleted rows are found by a table's primary "
                        "key");
    if (!empty(c->suffix))
        leat_report_add(r, false, option, 0,
                        "cannot be set beside query.suffix, which may leave out rows that are "
                        "there");
    if (strcmp(leat_sql_isolations[c->isolation], "READ_UNCOMMITTED") == 0)
        leat_report_add(r, false, option, 0,
                        "cannot be set with transaction.isolation.mode=READ_UNCOMMITTED, by which "
                        "rows are told that are not there yet");
    if (hosts_differ(c))
        leat_report_add(r, false, option, 0,
                        "cannot be set with several hosts in connection.url, of which one may be "
                        "behind: name one, or add targetServerType=primary");
}

static void check_mapping(const char *option, const leat_opt_list *list, bool brackets,
                          leat_report *r)
{
    for (size_t i = 0; i < list->n; i++) {
        leat_str rest = leat_str_of(list->v[i]), regex = leat_str_trim(leat_str_cut(&rest, ':'));
        leat_regex_problem p;
        leat_str columns = rest.s ? leat_str_trim(rest) : rest;
        bool good = columns.len > 0 && !memchr(columns.s, ':', columns.len);
        if (good && brackets)
            good = columns.len > 2 && columns.s[0] == '[' && columns.s[columns.len - 1] == ']';
        if (!good)
            leat_report_add(r, false, option, 0, "must be %s, got \"%s\"",
                            brackets ? "REGEX:[COLUMN|COLUMN]" : "REGEX:COLUMN", list->v[i]);
        else if (!leat_regex_check(regex, &p))
            leat_report_add(r, false, option, 0, "\"%s\": %s", list->v[i], p.msg);
    }
}

static void check_columns(const leat_query_conf *c, leat_report *r)
{
    if (leat_query_by_moment(c) && !c->timestamps.n && !c->moment_mapping.n)
        leat_report_add(r, false, "timestamp.column.name", 0,
                        "is required, but not set: this mode reads rows by it");
    check_mapping("incrementing.column.mapping", &c->number_mapping, false, r);
    check_mapping("timestamp.columns.mapping", &c->moment_mapping, true, r);
    int64_t ms;
    if (!empty(c->initial) && (!leat_str_i64(leat_str_of(c->initial), &ms) || ms < -1))
        leat_report_add(r, false, "timestamp.initial", 0,
                        "must be milliseconds since 1970, or -1 for now, got \"%s\"", c->initial);
}

void leat_query_conf_validate(const void *conf, leat_report *r)
{
    const leat_query_conf *c = conf;
    const leat_dialect *dialect;
    leat_err err;
    check_tables(c, r);
    check_columns(c, r);
    check_deletes(c, r);
    bool good = c->prefix != NULL;
    for (const char *p = c->prefix; p && *p; p++)
        good = good && (isalnum((unsigned char)*p) || strchr("._-", *p));
    if (c->prefix && (!good || (leat_query_has_query(c) && !*c->prefix)))
        leat_report_add(r, false, "topic.prefix", 0,
                        "must be of letters, digits, points, dashes and underscores, got \"%s\"",
                        c->prefix);
    bool iso = c->granularity == LEAT_QUERY_MICROS_ISO || c->granularity == LEAT_QUERY_NANOS_ISO;
    if (iso && strcmp(c->zone, "UTC") != 0)
        leat_report_add(r, false, "timestamp.granularity", 0,
                        "texts of moments need db.timezone=UTC here, got %s", c->zone);
    if (!c->url) return;
    if (leat_rc_failed(leat_dialect_find(c->url, c->dialect, &dialect, &err))) {
        leat_report_add(r, false, leat_arena_strdup(r->a, err.where), 0, "%s", err.msg);
        return;
    }
    leat_sql_target target = leat_query_conf_target(c);
    dialect->validate(&target, r);
    if (strstr(c->url, "password="))
        leat_report_add(r, true, "connection.url", 0,
                        "holds a password, which is shown with it: connection.password is masked");
}

const char *leat_query_conf_query(const leat_query_conf *c, leat_arena *a)
{
    const char *query = empty(c->query) ? c->query_masked : c->query;
    if (empty(query)) return NULL;
    leat_str text = leat_str_trim(leat_str_of(query));
    while (text.len > 0 && text.s[text.len - 1] == ';')
        text = leat_str_trim((leat_str){text.s, text.len - 1});
    return leat_arena_str(a, text).s;
}

leat_sql_target leat_query_conf_target(const leat_query_conf *c)
{
    return (leat_sql_target){.url = c->url,
                             .user = c->user,
                             .password = c->password,
                             .zone = c->zone,
                             .isolation = c->isolation,
                             .all_types = c->all_types,
                             .ignore_late = c->late != 0,
                             .late_ms = c->late_ms};
}
