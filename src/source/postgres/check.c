/* The doctor: tries a configuration on the real server, step by step, and changes nothing there.
 *
 * resolve, connect, tls, log in, version, service, standby, wal_level, replication, replication
 * session, senders, slots, slot, prepared transactions, encoding, tables, names, topics, select,
 * identity, partitions, publication. A step that fails names what mends it, as SQL where SQL can,
 * and what takes that back. Steps go on after a failure as far as they still mean something:
 * without a session there is nothing to ask. discover lists what could be captured. Each call has
 * sessions of its own; run by any thread. */
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

#include "source/postgres/check.h"
#include "source/postgres/params.h"
#include "source/postgres/walframe.h"
#include "system/postgres/quote.h"
#include "system/postgres/tls.h"

void leat_pg_tell(leat_pg_exam *x, const char *name, leat_step_state state, const char *code,
                  const char *detail, const char *advice)
{
    leat_check_step(
        x->c, &(leat_step){
                  .name = name, .state = state, .code = code, .detail = detail, .advice = advice});
}

static void tell_ok(leat_pg_exam *x, const char *name, const char *detail)
{
    leat_pg_tell(x, name, LEAT_STEP_OK, NULL, detail, NULL);
}

void leat_pg_tell_err(leat_pg_exam *x, const char *name, const leat_err *e)
{
    leat_pg_tell(x, name, LEAT_STEP_FAILED, leat_arena_strdup(x->a, e->code),
                 leat_arena_strdup(x->a, e->msg), NULL);
}

const char *leat_pg_taken(leat_pg_exam *x, leat_buf *text)
{
    const char *z = leat_arena_str(x->a, leat_buf_str(text)).s;
    leat_buf_free(text);
    return z;
}

const char *leat_pg_quoted(leat_pg_exam *x, const char *name)
{
    leat_buf text = {0};
    leat_pg_quote_name(&text, leat_str_of(name));
    return leat_pg_taken(x, &text);
}

/* ---- getting there ---- */

static bool resolve(leat_pg_exam *x)
{
    const char *host = x->conf->target.host;
    struct addrinfo *list = NULL, hints = {.ai_socktype = SOCK_STREAM};
    char text[NI_MAXHOST];
    if (host[0] == '/' || strchr(host, ',')) {
        leat_pg_tell(x, "resolve", LEAT_STEP_SKIPPED, NULL, "a socket's folder, or several hosts",
                     NULL);
        return true;
    }
    int rc = getaddrinfo(host, NULL, &hints, &list);
    if (rc != 0) {
        leat_pg_tell(x, "resolve", LEAT_STEP_FAILED, "postgres.resolve",
                     leat_arena_printf(x->a, "%s: %s", host, gai_strerror(rc)),
                     "check database.hostname and this machine's DNS");
        return false;
    }
    rc = getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
    tell_ok(x, "resolve", leat_arena_printf(x->a, "%s is %s", host, rc == 0 ? text : "known"));
    freeaddrinfo(list);
    return true;
}

static bool failed_as(const leat_err *e, const char *code)
{
    return strcmp(e->code, code) == 0;
}

/* What was agreed on, and what of it was verified. */
static void tls(leat_pg_exam *x, const leat_pg *c)
{
    static const char *const verified[] = {
        [LEAT_PG_SSL_VERIFY_CA] = "the server's certificate is verified",
        [LEAT_PG_SSL_VERIFY_FULL] = "the server's certificate and name are verified",
    };
    const leat_pg_target *t = &x->conf->target;
    const char *mode = leat_pg_sslmode(t->sslmode);
    const char *got = leat_pg_tls_text(c, x->a);
    int level = leat_pg_sslmode_level(t->sslmode);
    if (level < LEAT_PG_SSL_VERIFY_CA && t->sslrootcert && level >= LEAT_PG_SSL_REQUIRE)
        level = LEAT_PG_SSL_VERIFY_CA; /* as libpq does */
    if (got)
        tell_ok(x, "tls",
                level >= LEAT_PG_SSL_VERIFY_CA
                    ? leat_arena_printf(x->a, "%s; %s", got, verified[level])
                    : leat_arena_printf(x->a,
                                        "%s; the server's certificate is not verified "
                                        "(database.sslmode=%s)",
                                        got, mode));
    else
        tell_ok(x, "tls",
                leat_arena_printf(x->a, "none (database.sslmode=%s%s)", mode,
                                  level == LEAT_PG_SSL_PREFER ? "; the server offers none" : ""));
}

static bool connect_step(leat_pg_exam *x)
{
    const leat_pg_target *t = &x->conf->target;
    leat_err e;
    leat_rc rc = leat_pg_connect(&x->sql, t, false, "leat check", &e);
    if (rc != LEAT_OK && (failed_as(&e, "postgres.connect") || failed_as(&e, "postgres.resolve"))) {
        leat_pg_tell_err(x, "connect", &e);
        return false;
    }
    tell_ok(x, "connect", leat_arena_printf(x->a, "%s:%lld answers", t->host, (long long)t->port));
    if (rc != LEAT_OK) {
        if (failed_as(&e, "postgres.tls"))
            leat_pg_tell_err(x, "tls", &e);
        else
            leat_pg_login_refused(x, "log in", &e);
        return false;
    }
    tls(x, &x->sql);
    tell_ok(x, "log in", leat_arena_printf(x->a, "as %s to %s", t->user, t->dbname));
    return true;
}

static bool version(leat_pg_exam *x)
{
    int v = x->sql.version;
    const char *got = leat_arena_printf(x->a, "PostgreSQL %d.%d", v / 10000,
                                        v >= 100000 ? v % 10000 : v / 100 % 100);
    if (v >= 100000) {
        tell_ok(x, "version", got);
        return true;
    }
    leat_pg_tell(x, "version", LEAT_STEP_FAILED, "postgres.version", got,
                 "version 10 or later is needed, for its pgoutput");
    return false;
}

/* ---- settings of the server ---- */

PGresult *leat_pg_ask(leat_pg_exam *x, const char *step, const char *sql, int n,
                      const char *const *params)
{
    PGresult *res;
    leat_err e;
    if (leat_pg_query(&x->sql, "ask the server", sql, n, params, &res, &e) == LEAT_OK) return res;
    leat_pg_tell_err(x, step, &e);
    return NULL;
}

const char *leat_pg_setting_undo(leat_pg_exam *x, const char *setting)
{
    PGresult *res;
    leat_err e;
    leat_buf sql = {0};
    leat_str name = leat_str_of(setting);
    if (leat_pg_query(&x->sql, "ask for a setting",
                      "SELECT pg_catalog.current_setting($1) FROM pg_catalog.pg_settings"
                      " WHERE name = $1 AND sourcefile LIKE '%postgresql.auto.conf'",
                      1, &name.s, &res, &e) == LEAT_OK) {
        if (PQntuples(res) == 1) {
            leat_buf_printf(&sql, "ALTER SYSTEM SET %s = ", setting);
            leat_pg_quote_text(&sql, leat_pg_cell(res, 0, 0));
            leat_buf_u8(&sql, ';');
        }
        PQclear(res);
    }
    if (sql.len == 0) leat_buf_printf(&sql, "ALTER SYSTEM RESET %s;", setting);
    return leat_pg_taken(x, &sql);
}

static void wal_level(leat_pg_exam *x)
{
    PGresult *res = leat_pg_ask(x, "wal_level", "SHOW wal_level", 0, NULL);
    if (!res) return;
    const char *got = leat_arena_strdup(x->a, PQgetvalue(res, 0, 0));
    PQclear(res);
    if (strcmp(got, "logical") == 0) {
        tell_ok(x, "wal_level", got);
        return;
    }
    leat_check_step(
        x->c,
        &(leat_step){.name = "wal_level",
                     .state = LEAT_STEP_FAILED,
                     .code = "postgres.wal_level",
                     .detail = leat_arena_printf(x->a, "%s, and must be logical", got),
                     .advice = x->cloud ? x->cloud->logical
                                        : "run the statement as a superuser and restart the server",
                     .sql = x->cloud ? NULL : "ALTER SYSTEM SET wal_level = 'logical';",
                     .undo = x->cloud ? NULL : leat_pg_setting_undo(x, "wal_level")});
}

/* The second session of a connector: pg_hba.conf and TLS may treat it in another way. */
static void replication_session(leat_pg_exam *x)
{
    leat_pg wal = {0};
    leat_pg_server server;
    leat_err e;
    leat_rc rc = leat_pg_connect(&wal, &x->conf->target, true, "leat check", &e);
    if (rc == LEAT_OK) rc = leat_pg_server_identify(&wal, &server, &e);
    if (rc == LEAT_OK) {
        char place[LEAT_LSN_TEXT];
        const char *got = leat_pg_tls_text(&wal, x->a);
        tell_ok(x, "replication session",
                leat_arena_printf(x->a, "%s TLS; the log ends at %s", got ? "with" : "without",
                                  leat_lsn_print(server.written, place)));
    } else {
        leat_pg_login_refused(x, "replication session", &e);
    }
    leat_pg_close(&wal);
}

static void room(leat_pg_exam *x, const char *name, const char *setting, const char *used_by,
                 const char *code)
{
    PGresult *res = leat_pg_ask(x, name,
                                leat_arena_printf(x->a,
                                                  "SELECT pg_catalog.current_setting('%s'),"
                                                  " (SELECT count(*) FROM pg_catalog.%s)",
                                                  setting, used_by),
                                0, NULL);
    if (!res) return;
    int64_t most = leat_pg_cell_i64(res, 0, 0, 0), used = leat_pg_cell_i64(res, 0, 1, 0);
    PQclear(res);
    const char *detail =
        leat_arena_printf(x->a, "%lld of %lld in use", (long long)used, (long long)most);
    if (used < most) {
        tell_ok(x, name, detail);
        return;
    }
    long long more = (long long)most + 5;
    leat_step step = {.name = name, .state = LEAT_STEP_FAILED, .code = code, .detail = detail};
    if (x->cloud) {
        step.advice = leat_pg_cloud_setting(x, setting, more);
    } else {
        step.advice = "free one, or run the statement as a superuser and restart the server";
        step.sql = leat_arena_printf(x->a, "ALTER SYSTEM SET %s = %lld;", setting, more);
        step.undo = leat_pg_setting_undo(x, setting);
    }
    leat_check_step(x->c, &step);
}

/* True: the slot is there. */
static bool slot(leat_pg_exam *x)
{
    leat_pg_slot s;
    leat_err e;
    const char *name = x->conf->slot;
    if (leat_pg_slot_read(&x->sql, name, 0, x->a, &s, &e) != LEAT_OK) {
        leat_pg_tell_err(x, "slot", &e);
        return false;
    }
    leat_pg_server server = {0};
    leat_pg_position at = {0};
    leat_rc rc = leat_pg_slot_judge(name, x->conf->target.dbname, &s, &server, &at, &e);
    char place[LEAT_LSN_TEXT];
    if (rc == LEAT_RETRY)
        leat_pg_tell(x, "slot", LEAT_STEP_WARN, leat_arena_strdup(x->a, e.code),
                     leat_arena_strdup(x->a, e.msg),
                     "if it is this connector that runs, all is well");
    else if (rc != LEAT_OK)
        leat_pg_tell_err(x, "slot", &e);
    else if (!s.exists)
        tell_ok(x, "slot", leat_arena_printf(x->a, "%s is not there yet; it will be made", name));
    else
        tell_ok(
            x, "slot",
            leat_arena_printf(x->a, "%s stands at %s", name, leat_lsn_print(s.confirmed, place)));
    return s.exists;
}

static void options(leat_pg_exam *x, bool have_slot)
{
    leat_buf out = {0};
    leat_err e;
    if (leat_pg_params_put(x->conf->params, x->sql.version, &out, &e) != LEAT_OK)
        leat_pg_tell_err(x, "slot.stream.params", &e);
    leat_buf_free(&out);
    if (x->conf->failover && x->sql.version < 170000 && !have_slot)
        leat_pg_tell(x, "slot.failover", LEAT_STEP_WARN, "postgres.slot_failover",
                     "PostgreSQL 17 or later is needed", "an ordinary slot will be made");
}

static void prepared(leat_pg_exam *x, bool have_slot)
{
    PGresult *res = leat_pg_ask(
        x, "prepared transactions",
        "SELECT gid, database::text,"
        " extract(epoch FROM pg_catalog.clock_timestamp() - prepared)::bigint, count(*) OVER ()"
        " FROM pg_catalog.pg_prepared_xacts ORDER BY prepared LIMIT 1",
        0, NULL);
    if (!res) return;
    if (PQntuples(res) == 0 || have_slot) {
        tell_ok(x, "prepared transactions",
                PQntuples(res) ? "some, but the slot is there" : "none");
        PQclear(res);
        return;
    }
    const char *gid = PQgetvalue(res, 0, 0);
    leat_buf sql = {0};
    leat_buf_str_z(&sql, "ROLLBACK PREPARED ");
    leat_pg_quote_text(&sql, leat_str_of(gid));
    leat_buf_str_z(&sql, "; -- or COMMIT PREPARED");
    leat_check_step(
        x->c,
        &(leat_step){.name = "prepared transactions",
                     .state = LEAT_STEP_FAILED,
                     .code = "postgres.prepared_transaction",
                     .detail = leat_arena_printf(
                         x->a, "'%s' of database %s was prepared %s s ago and is open (of %s)", gid,
                         PQgetvalue(res, 0, 1), PQgetvalue(res, 0, 2), PQgetvalue(res, 0, 3)),
                     .advice = "no slot can be made while it is open: end it, in its database",
                     .sql = leat_pg_taken(x, &sql)});
    PQclear(res);
}

static void encoding(leat_pg_exam *x)
{
    if (x->sql.raw)
        leat_pg_tell(x, "encoding", LEAT_STEP_WARN, "postgres.encoding",
                     "the database is SQL_ASCII: it keeps whatever bytes are written to it",
                     "texts are taken for UTF-8; a change with one that is none becomes a dead "
                     "letter, which keeps its bytes");
}

bool leat_pg_reach(leat_pg_exam *x)
{
    return resolve(x) && connect_step(x) && version(x);
}

leat_rc leat_pg_check(const void *conf, leat_checker *c, leat_err *e)
{
    (void)e;
    leat_arena a;
    leat_arena_init(&a, 0);
    leat_pg_exam x = {.conf = conf, .c = c, .a = &a, .log = true};
    if (leat_pg_reach(&x)) {
        x.cloud = leat_pg_cloud_look(&x);
        leat_pg_standby_check(&x);
        wal_level(&x);
        bool may = leat_pg_cloud_replication(&x);
        room(&x, "senders", "max_wal_senders", "pg_stat_replication", "postgres.too_many_senders");
        if (may) replication_session(&x);
        bool have_slot = slot(&x);
        if (!have_slot)
            room(&x, "slots", "max_replication_slots", "pg_replication_slots",
                 "postgres.too_many_slots");
        options(&x, have_slot);
        prepared(&x, have_slot);
        encoding(&x);
        leat_pg_check_tables(&x);
    }
    leat_pg_close(&x.sql);
    leat_arena_free(&a);
    return LEAT_OK;
}

/* ---- discover ---- */

static leat_rc put_table(leat_catalog *out, const leat_pg_conf *c, const leat_pg_relation *r,
                         const char *kind, bool captured, leat_err *e)
{
    leat_naming_place place = {0};
    leat_catalog_table *t = LEAT_NEW(out->a, leat_catalog_table, 1);
    *t = (leat_catalog_table){.db = c->target.dbname,
                              .schema = r->schema,
                              .name = r->name,
                              .kind = kind,
                              .captured = captured,
                              .rows = r->rows < 0 ? -1 : (int64_t)r->rows};
    if (captured)
        LEAT_TRY(leat_naming_table(&c->capture, out->a, NULL, r->schema, r->name, &place, e));
    t->topic = place.topic;
    *out->tail = t;
    out->tail = &t->next;
    return LEAT_OK;
}

leat_rc leat_pg_discover(const void *conf, leat_catalog *out, leat_err *e)
{
    const leat_pg_conf *c = conf;
    leat_pg sql = {0};
    leat_pg_rules rules;
    leat_pg_relation *all;
    size_t n;
    LEAT_TRY(leat_pg_connect(&sql, &c->target, false, "leat discover", e));
    leat_rc rc = leat_pg_rules_new(c, out->a, &rules, e);
    if (rc == LEAT_OK) rc = leat_pg_relations(&sql, out->a, &all, &n, e);
    for (size_t i = 0; rc == LEAT_OK && i < n; i++) {
        bool in = false;
        const char *kind = all[i].kind == 'p' ? "partitioned table"
                           : all[i].partition ? LEAT_KIND_PARTITION
                                              : "table";
        rc = leat_pg_rules_table(&rules, all[i].schema, all[i].name, &in, e);
        if (rc == LEAT_OK) rc = put_table(out, c, &all[i], kind, in, e);
    }
    if (rc == LEAT_OK) rc = leat_pg_unlogged(&sql, out->a, &all, &n, e);
    for (size_t i = 0; rc == LEAT_OK && i < n; i++)
        rc = put_table(out, c, &all[i], LEAT_KIND_UNLOGGED, false, e);
    leat_pg_close(&sql);
    return rc;
}
