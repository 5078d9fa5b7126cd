/* The options of capture by PostgreSQL's notifications, in one table. Pure, but for the look at
 * certificates' files; any thread. */
#include <ctype.h>

#include "config/files.h"
#include "source/postgres/notify_conf.h"
#include "system/postgres/quote.h"
#include "system/postgres/url.h"

#define AT(field, type) LEAT_OPT_AT(leat_notify_conf, field, type)
#define TEXT(field) .type = LEAT_OPT_STR, .off = AT(field, const char *)
#define LIST(field) .type = LEAT_OPT_LIST, .off = AT(field, leat_opt_list)

#define DATABASE .group = "Database"
#define NOTIFICATIONS .group = "Notifications"
#define GAPS .group = "Gaps"

/* Bytes of a name in PostgreSQL; what of a longer one is cut off, LISTEN cuts off too. */
enum { NAME_MOST = 63, CONNECT_MS = 10000 };

static const char *const formats[] = {"json", "text", NULL};

static const leat_opt options[] = {
    {.name = "connection.url",
     DATABASE,
     TEXT(url),
     .flags = LEAT_OPT_REQUIRED,
     .label = "JDBC URL",
     .help = "`jdbc:postgresql://HOST:PORT/DATABASE`: a primary, since nobody can LISTEN on a "
             "standby, and no pool that shares sessions. Parameters as those of the jdbc source. "
             "The URL is shown as it is: a password is better kept in connection.password."},
    {.name = "connection.user",
     DATABASE,
     TEXT(user),
     .label = "User",
     .help = "User to log in as, unless the URL names one. LISTEN needs no right; rows and the "
             "query need SELECT on what they read."},
    {.name = "connection.password",
     DATABASE,
     TEXT(password),
     .flags = LEAT_OPT_SECRET,
     .label = "Password",
     .help = "Password of the user."},
    {.name = "topic.prefix",
     NOTIFICATIONS,
     TEXT(prefix),
     .flags = LEAT_OPT_REQUIRED | LEAT_OPT_FIXED,
     .label = "Topic prefix",
     .help = "Begins the names of all topics: PREFIX.CHANNEL; what a topic's name has no room for "
             "becomes an underscore."},
    {.name = "channels",
     NOTIFICATIONS,
     LIST(channels),
     .flags = LEAT_OPT_REQUIRED,
     .label = "Channels",
     .help = "Names of channels, exactly: `NOTIFY Orders` without quotes is the channel `orders`."},
    {.name = "payload.format",
     NOTIFICATIONS,
     .type = LEAT_OPT_ENUM,
     .off = AT(format, int64_t),
     .choices = formats,
     .def = "json",
     .label = "Payloads",
     .help = "json: a payload that is no JSON goes to the dead letters. text: any."},
    {.name = "row.table",
     NOTIFICATIONS,
     TEXT(table),
     .label = "Table of rows",
     .help = "`schema.table`, or `table`: the row that a payload names is fetched, as it is when "
             "the notification is read, and told as JSON in `row`; null if there is none."},
    {.name = "row.key",
     NOTIFICATIONS,
     LIST(key),
     .label = "Key of rows",
     .help = "The columns by which row.table's row is found: members of these names of the "
             "payload, or of payload.format=text one column, whose value the payload is."},
    {.name = "fetch.query",
     GAPS,
     TEXT(query),
     .label = "Query for gaps",
     .help = "Run whenever the connector begins to listen; its rows are taken for payloads that "
             "were sent meanwhile. $1 is the moment (timestamptz) up to which all was heard: "
             "`$1::timestamptz` where it is calculated with; "
             "-infinity at the first start. One column: the payload as text; two: channel and "
             "payload. Without it notifications that were sent while nobody listened are lost, and "
             "that is told."},
    {.name = "mark.interval.ms",
     GAPS,
     .type = LEAT_OPT_MS,
     .off = AT(mark_ms, int64_t),
     .flags = LEAT_OPT_ADVANCED,
     .def = "5000",
     .min = 100,
     .max = 3600000,
     .label = "Marks",
     .help = "How often the server's clock is read to note up to when all was heard."},
    {.name = NULL},
};
const leat_opt *const leat_notify_option_tables[] = {options, NULL};

leat_rc leat_notify_conf_target(const leat_notify_conf *c, leat_arena *a, leat_pg_target *t,
                                leat_err *e)
{
    leat_db_url url;
    *t = (leat_pg_target){.roles = LEAT_PG_ROLE_PRIMARY,
                          .sslmode = LEAT_PG_SSL_PREFER,
                          .keepalive = true,
                          .connect_ms = CONNECT_MS};
    LEAT_TRY(leat_db_url_login(c->url, c->user, c->password, a, &url, e));
    if (strcmp(url.scheme, "postgresql") != 0)
        return leat_fail(e, LEAT_CONF, "config.url", "connection.url", "must be one of PostgreSQL");
    LEAT_TRY(leat_pg_url_target(&url, a, t, e));
    return t->user ? LEAT_OK : leat_db_url_nobody("notify.user", e);
}

static void put_table(const char *table, leat_buf *sql)
{
    leat_str name = leat_str_of(table), rest = name, schema = leat_str_cut(&rest, '.');
    if (rest.s) {
        leat_pg_quote_name(sql, schema);
        leat_buf_u8(sql, '.');
        name = rest;
    }
    leat_pg_quote_name(sql, name);
}

const char *leat_notify_conf_row(const leat_notify_conf *c, leat_arena *a)
{
    leat_buf sql = {0};
    if (!c->table || !*c->table) return NULL;
    leat_buf_str_z(&sql, "SELECT pg_catalog.row_to_json(q)::pg_catalog.text FROM ");
    put_table(c->table, &sql);
    leat_buf_str_z(&sql, " AS q");
    for (size_t i = 0; i < c->key.n; i++) {
        leat_buf_printf(&sql, " %s q.", i ? "AND" : "WHERE");
        leat_pg_quote_name(&sql, leat_str_of(c->key.v[i]));
        leat_buf_printf(&sql, " = $%zu", i + 1);
    }
    leat_buf_u8(&sql, 0);
    const char *text = leat_arena_strdup(a, sql.p);
    leat_buf_free(&sql);
    return text;
}

void leat_notify_conf_validate(const void *conf, leat_report *r)
{
    const leat_notify_conf *c = conf;
    leat_pg_target t;
    leat_err err;
    bool good = c->prefix == NULL || *c->prefix, rows = c->table && *c->table;
    for (const char *p = c->prefix; p && *p; p++)
        good = good && (isalnum((unsigned char)*p) || strchr("._-", *p));
    if (!good)
        leat_report_add(r, false, "topic.prefix", 0,
                        "must be of letters, digits, points, dashes and underscores, got \"%s\"",
                        c->prefix);
    for (size_t i = 0; i < c->channels.n; i++)
        if (strlen(c->channels.v[i]) > NAME_MOST)
            leat_report_add(r, false, "channels", 0, "\"%s\" has more than %d bytes",
                            c->channels.v[i], NAME_MOST);
    if (rows && c->key.n == 0)
        leat_report_add(r, false, "row.key", 0, "is required, but not set: row.table needs it");
    if (!rows && c->key.n > 0) leat_report_add(r, false, "row.table", 0, "is missing for row.key");
    if (c->format == LEAT_NOTIFY_TEXT && c->key.n > 1)
        leat_report_add(r, false, "row.key", 0,
                        "must be one column with payload.format=text: the payload is its value");
    if (c->url && leat_rc_failed(leat_notify_conf_target(c, r->a, &t, &err)))
        leat_report_add(r, false, leat_arena_strdup(r->a, err.where), 0, "%s", err.msg);
}
