/* The doctor: tries a configuration on the real server, step by step, and changes nothing there.
 *
 * resolve, connect, tls, log in, version, log_bin, binlog_format, binlog_row_image,
 * binlog_row_metadata, statements, expiry, gtid, server id, privileges, tables, snapshot lock. A
 * step that fails names what mends it, as SQL where SQL can, and what takes that back. Without a
 * session there is nothing to ask: the steps end there. discover lists what could be captured. Each
 * call has a session of its own; run by any thread. */
#include <netdb.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

#include "source/mysql/check.h"

void leat_my_step(leat_my_exam *x, const leat_step *s)
{
    leat_check_step(x->c, s);
}

void leat_my_step_ok(leat_my_exam *x, const char *name, const char *detail)
{
    leat_my_step(x, &(leat_step){.name = name, .state = LEAT_STEP_OK, .detail = detail});
}

void leat_my_step_err(leat_my_exam *x, const char *name, const leat_err *e)
{
    leat_my_step(x, &(leat_step){.name = name,
                                 .state = LEAT_STEP_FAILED,
                                 .code = leat_arena_strdup(x->a, e->code),
                                 .detail = leat_arena_strdup(x->a, e->msg)});
}

/* ---- getting there ---- */

static bool resolve(leat_my_exam *x)
{
    struct addrinfo *list = NULL, hints = {.ai_socktype = SOCK_STREAM};
    char text[NI_MAXHOST];
    int rc = getaddrinfo(x->target.host, NULL, &hints, &list);
    if (rc != 0) {
        leat_my_step(x, &(leat_step){.name = "resolve",
                                     .state = LEAT_STEP_FAILED,
                                     .code = "mysql.resolve",
                                     .detail = leat_arena_printf(x->a, "%s: %s", x->target.host,
                                                                 gai_strerror(rc)),
                                     .advice = "check database.hostname and this machine's DNS"});
        return false;
    }
    rc = getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
    leat_my_step_ok(x, "resolve",
                    leat_arena_printf(x->a, "%s is %s", x->target.host, rc == 0 ? text : "known"));
    freeaddrinfo(list);
    return true;
}

static bool failed_as(const leat_err *e, const char *code)
{
    return strcmp(e->code, code) == 0;
}

static void tls(leat_my_exam *x)
{
    static const char *const checked[] = {
        [LEAT_MY_SSL_PREFERRED] = "the server's certificate is not verified",
        [LEAT_MY_SSL_REQUIRED] = "the server's certificate is not verified",
        [LEAT_MY_SSL_VERIFY_CA] = "the server's certificate is verified",
        [LEAT_MY_SSL_VERIFY_IDENTITY] = "the server's certificate and name are verified",
    };
    if (x->sql.cipher)
        leat_my_step_ok(
            x, "tls", leat_arena_printf(x->a, "%s; %s", x->sql.cipher, checked[x->target.sslmode]));
    else
        leat_my_step_ok(x, "tls",
                        x->target.sslmode == LEAT_MY_SSL_DISABLED
                            ? "none (database.ssl.mode=disabled)"
                            : "none: the server offers none");
}

static bool log_in(leat_my_exam *x)
{
    leat_err e;
    leat_rc rc = leat_my_connect(&x->sql, &x->target, &e);
    bool away =
        rc != LEAT_OK && (failed_as(&e, "mysql.connect") || failed_as(&e, "mysql.resolve") ||
                          strstr(e.msg, "initial communication packet"));
    if (away) {
        leat_my_step_err(x, "connect", &e);
        return false;
    }
    leat_my_step_ok(
        x, "connect",
        leat_arena_printf(x->a, "%s:%lld answers", x->target.host, (long long)x->target.port));
    if (rc != LEAT_OK) {
        leat_my_step_err(x, failed_as(&e, "mysql.tls") ? "tls" : "log in", &e);
        return false;
    }
    tls(x);
    leat_my_step_ok(x, "log in", leat_arena_printf(x->a, "as %s", x->target.user));
    return true;
}

/* ---- settings ---- */

static bool version(leat_my_exam *x)
{
    bool mariadb = x->mariadb, fits = x->sql.mariadb == mariadb;
    unsigned least = mariadb ? 100400 : 50700;
    const char *found =
        leat_arena_printf(x->a, "%s %s", x->sql.mariadb ? "MariaDB" : "MySQL", x->sql.told);
    if (fits && x->sql.version >= least) {
        leat_my_step_ok(x, "version", found);
        return true;
    }
    leat_my_step(
        x, &(leat_step){.name = "version",
                        .state = fits ? LEAT_STEP_WARN : LEAT_STEP_FAILED,
                        .code = fits ? "mysql.version" : "mysql.other_kind",
                        .detail = found,
                        .advice = fits ? "it is older than what this connector was tried with"
                                  : mariadb
                                      ? "take connector.class=mysql (or Debezium's MySqlConnector)"
                                      : "take connector.class=mariadb (or Debezium's "
                                        "MariaDbConnector)"});
    return fits;
}

const char *leat_my_variable(leat_my_exam *x, const char *name)
{
    leat_my_result r;
    leat_err e;
    const char *sql =
        leat_arena_printf(x->a, "SHOW GLOBAL VARIABLES WHERE Variable_name = '%s'", name);
    const char *value = NULL;
    if (leat_my_query(&x->sql, "read a setting", sql, &r, &e) == LEAT_OK && leat_my_next(&r))
        value = leat_arena_str(x->a, leat_my_cell(&r, 1)).s;
    leat_my_result_free(&r);
    return value;
}

/* A variable that is to have a value. */
typedef struct setting {
    const char *name, *wanted;
    leat_step_state state; /* if it has another one */
    const char *code, *advice, *sql;
} setting;

static bool check_setting(leat_my_exam *x, const setting *s)
{
    const char *value = leat_my_variable(x, s->name);
    if (value && strcasecmp(value, s->wanted) == 0) {
        leat_my_step_ok(x, s->name, value);
        return true;
    }
    leat_my_step(
        x, &(leat_step){
               .name = s->name,
               .state = s->state,
               .code = s->code,
               .detail = leat_arena_printf(x->a, "it is %s, expected %s",
                                           value ? value : "not known to this server", s->wanted),
               .advice = s->advice,
               .sql = value ? s->sql : NULL,
               .undo = value && s->sql
                           ? leat_arena_printf(x->a, "SET GLOBAL %s = '%s';", s->name, value)
                           : NULL});
    return false;
}

static void settings(leat_my_exam *x)
{
    static const setting log_bin = {
        "log_bin",
        "ON",
        LEAT_STEP_FAILED,
        "mysql.log_bin",
        "start the server with log_bin (on Amazon RDS: automated backups on; Azure, Cloud SQL: "
        "binary logging on); a replica needs log_replica_updates (MariaDB: log_slave_updates) too",
        NULL};
    static const setting format = {
        "binlog_format",
        "ROW",
        LEAT_STEP_FAILED,
        "mysql.binlog_format",
        "also in the server's configuration (on a managed service in its parameters), else it is "
        "lost at a restart; sessions that are open keep the old one",
        "SET GLOBAL binlog_format = 'ROW';"};
    static const setting image = {
        "binlog_row_image",
        "FULL",
        LEAT_STEP_WARN,
        "mysql.binlog_row_image",
        "columns that the log leaves out show unavailable.value.placeholder; also in the server's "
        "configuration",
        "SET GLOBAL binlog_row_image = 'FULL';"};
    static const setting metadata = {
        "binlog_row_metadata",
        "FULL",
        LEAT_STEP_WARN,
        "mysql.binlog_row_metadata",
        "with FULL the log tells the columns' names, and a table that was altered or dropped before "
        "its rows were read is no trouble (MySQL 8.0, MariaDB 10.5); also in the server's "
        "configuration",
        "SET GLOBAL binlog_row_metadata = 'FULL';"};
    if (!check_setting(x, &log_bin)) return;
    check_setting(x, &format);
    check_setting(x, &image);
    check_setting(x, &metadata);
    if (!x->conf->include_query) return;
    const setting statements = {
        x->sql.mariadb ? "binlog_annotate_row_events" : "binlog_rows_query_log_events",
        "ON",
        LEAT_STEP_WARN,
        "mysql.statements_not_logged",
        "include.query shows nothing without it; also in the server's configuration",
        x->sql.mariadb ? "SET GLOBAL binlog_annotate_row_events = 'ON';"
                       : "SET GLOBAL binlog_rows_query_log_events = 'ON';"};
    check_setting(x, &statements);
}

static void expiry(leat_my_exam *x)
{
    enum { DAY = 86400 };
    const char *seconds = leat_my_variable(x, "binlog_expire_logs_seconds");
    const char *days = leat_my_variable(x, "expire_logs_days");
    int64_t s = leat_my_expiry_s(seconds, days);
    if (s == 0 || s >= DAY) {
        leat_my_step_ok(
            x, "expiry",
            s ? leat_arena_printf(x->a, "logs are kept for %.1f days", (double)s / DAY)
              : "logs are kept until they are purged by hand (or by the managed service: see its "
                "retention)");
        return;
    }
    leat_my_step(x, &(leat_step){.name = "expiry",
                                 .state = LEAT_STEP_WARN,
                                 .code = "mysql.expiry",
                                 .detail = leat_arena_printf(x->a, "logs are kept for %lld seconds",
                                                             (long long)s),
                                 .advice = "a connector that stands still for longer loses changes",
                                 .sql = seconds ? "SET GLOBAL binlog_expire_logs_seconds = 604800;"
                                                : "SET GLOBAL expire_logs_days = 7;",
                                 .undo = leat_arena_printf(x->a, "SET GLOBAL %s = %s;",
                                                           seconds ? "binlog_expire_logs_seconds"
                                                                   : "expire_logs_days",
                                                           seconds ? seconds : days)});
}

/* Where numbers of a domain must grow, a place in it is the same on each server. */
static void strict(leat_my_exam *x)
{
    static const setting growing = {
        "gtid_strict_mode",
        "ON",
        LEAT_STEP_WARN,
        "mysql.gtid_strict_mode",
        "without it a write of a replica's own takes a number that its primary gives too; this server "
        "is read in its own order, but another one may lack what was read or have more, and cannot "
        "surely take over; also in the configuration of each server of the group",
        "SET GLOBAL gtid_strict_mode = 'ON';"};
    check_setting(x, &growing);
}

static void gtid(leat_my_exam *x)
{
    const char *mode = x->sql.mariadb ? NULL : leat_my_variable(x, "gtid_mode");
    if (!x->conf->use_gtid) {
        leat_my_step_ok(x, "gtid", "not used (binlog.gtid=false): positions are files and places");
    } else if (x->sql.mariadb || (mode && strcasecmp(mode, "ON") == 0)) {
        leat_my_step_ok(x, "gtid",
                        "positions are GTIDs: another server of the group can take over");
        if (x->sql.mariadb) strict(x);
    } else {
        leat_my_step(
            x,
            &(leat_step){.name = "gtid",
                         .state = LEAT_STEP_WARN,
                         .code = "mysql.gtid_mode",
                         .detail = leat_arena_printf(x->a,
                                                     "gtid_mode is %s: positions are files "
                                                     "and places",
                                                     mode ? mode : "not known"),
                         .advice = "without GTIDs no other server can take over: set "
                                   "enforce_gtid_consistency=ON and, step by step, gtid_mode=ON"});
    }
}

static void server_id(leat_my_exam *x)
{
    const char *own = leat_my_variable(x, "server_id");
    int64_t id = 0;
    if (own) leat_str_i64(leat_str_of(own), &id);
    if (id != x->conf->server_id) {
        leat_my_step_ok(x, "server id",
                        leat_arena_printf(x->a, "%lld; the server's own is %lld",
                                          (long long)x->conf->server_id, (long long)id));
        return;
    }
    leat_my_step(
        x, &(leat_step){.name = "server id",
                        .state = LEAT_STEP_WARN,
                        .code = "mysql.server_id",
                        .detail =
                            leat_arena_printf(x->a, "%lld is the server's own too", (long long)id),
                        .advice = "set database.server.id to a number that no server, replica or "
                                  "other connector has"});
}

/* ---- privileges ---- */

bool leat_my_granted(leat_str grants, const char *scope, const char *const *words)
{
    leat_str rest = grants;
    while (rest.s) {
        leat_str line = leat_str_cut(&rest, '\n');
        if (!memmem(line.s, line.len, scope, strlen(scope))) continue;
        for (size_t i = 0; words[i]; i++)
            if (memmem(line.s, line.len, words[i], strlen(words[i]))) return true;
    }
    return false;
}

static void privilege(leat_my_exam *x, const leat_buf *grants, const char *name,
                      const char *const *words)
{
    if (leat_my_granted(leat_buf_str(grants), " ON *.* ", words)) {
        leat_my_step_ok(x, name, "granted");
        return;
    }
    const char *user = leat_my_exam_account(x);
    leat_my_step(
        x,
        &(leat_step){.name = name,
                     .state = LEAT_STEP_FAILED,
                     .code = "mysql.privilege",
                     .detail = leat_arena_printf(x->a, "database.user lacks %s on *.*", words[1]),
                     .advice = "run the statement as an administrator",
                     .sql = leat_arena_printf(x->a, "GRANT %s ON *.* TO %s;", words[1], user),
                     .undo = leat_arena_printf(x->a, "REVOKE %s ON *.* FROM %s;", words[1], user)});
}

leat_rc leat_my_grants(leat_my_exam *x, leat_buf *out, leat_err *e)
{
    leat_my_result r;
    LEAT_TRY(leat_my_query(&x->sql, "read the user's rights", "SHOW GRANTS", &r, e));
    while (leat_my_next(&r)) {
        leat_buf_add(out, leat_my_cell(&r, 0));
        leat_buf_u8(out, '\n');
    }
    leat_my_result_free(&r);
    return LEAT_OK;
}

static void privileges(leat_my_exam *x)
{
    static const char *const reads[] = {"ALL PRIVILEGES", "REPLICATION SLAVE",
                                        "REPLICATION REPLICA", NULL};
    static const char *const mysql[] = {"ALL PRIVILEGES", "REPLICATION CLIENT", NULL};
    static const char *const mariadb[] = {"ALL PRIVILEGES", "BINLOG MONITOR", "REPLICATION CLIENT",
                                          NULL};
    leat_buf grants = {0};
    leat_err e;
    if (leat_my_grants(x, &grants, &e) != LEAT_OK) {
        leat_my_step_err(x, "privileges", &e);
        return;
    }
    privilege(x, &grants, "replication", reads);
    privilege(x, &grants, "log status",
              x->sql.mariadb && x->sql.version >= 100502 ? mariadb : mysql);
    leat_buf_free(&grants);
}

bool leat_my_reach(leat_my_exam *x)
{
    x->target = leat_my_conf_target(x->conf);
    return resolve(x) && log_in(x);
}

static void all_steps(leat_my_exam *x)
{
    leat_err e;
    if (!leat_my_reach(x) || !version(x)) return;
    settings(x);
    expiry(x);
    gtid(x);
    server_id(x);
    privileges(x);
    if (leat_rc_failed(leat_my_check_tables(x, &e))) leat_my_step_err(x, "tables", &e);
    leat_my_check_snapshot(x);
    leat_my_check_signals(x);
}

void leat_my_check(const leat_my_conf *conf, bool mariadb, leat_checker *c)
{
    leat_my_exam x = {.c = c, .conf = conf, .mariadb = mariadb};
    x.a = &x.arena;
    all_steps(&x);
    leat_my_close(&x.sql);
    leat_arena_free(&x.arena);
}

/* ---- discover ---- */

static leat_rc list(const leat_my_conf *c, leat_my *sql, leat_catalog *out, leat_err *e)
{
    leat_my_relation *all;
    const leat_filter *filter;
    size_t n;
    LEAT_TRY(leat_filter_new(out->a, &c->capture, &filter, e));
    LEAT_TRY(leat_my_relations(sql, out->a, &all, &n, e));
    for (size_t i = 0; i < n; i++) {
        leat_catalog_table *t = LEAT_NEW(out->a, leat_catalog_table, 1);
        leat_naming_place place;
        *t = (leat_catalog_table){
            .db = all[i].db, .name = all[i].name, .kind = "table", .rows = all[i].rows};
        LEAT_TRY(leat_my_check_captured(c, filter, &all[i], &t->captured, e));
        if (t->captured) {
            LEAT_TRY(leat_naming_table(&c->capture, out->a, t->db, t->db, t->name, &place, e));
            t->topic = place.topic;
        }
        *out->tail = t;
        out->tail = &t->next;
    }
    return LEAT_OK;
}

leat_rc leat_my_discover(const void *conf, leat_catalog *out, leat_err *e)
{
    leat_my sql = {0};
    leat_my_target target = leat_my_conf_target(conf);
    LEAT_TRY(leat_my_connect(&sql, &target, e));
    const leat_my_conf *c = conf;
    leat_rc rc = list(c, &sql, out, e);
    leat_my_close(&sql);
    return rc;
}
