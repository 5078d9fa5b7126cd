/* A connection to PostgreSQL that never waits beyond a deadline.
 *
 * libpq is used in its non-blocking way throughout: PQconnectPoll, PQsendQuery, PQconsumeInput,
 * with the waiting done by leat_os_wait_fd against a deadline of the monotonic clock. What libpq
 * does by itself and blocks in is the look-up of the host's name. While connecting, messages are
 * asked for in verbose form, for only there the SQLSTATE of a refused log-in can be seen. A
 * statement that outlives its deadline is cancelled on the server; when even that is not answered
 * the session is closed.
 *
 * It does not reconnect: that is the engine's back-off. Run by the task's thread. */
#include "system/postgres/conn.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/os.h"
#include "system/postgres/classify.h"
#include "system/postgres/password.h"
#include "system/postgres/tls.h"
#include "system/postgres/types.h"

enum {
    CANCEL_MS = 5000,
    MOMENT_US = 1000000, /* what is nearly done is waited for even when a stop is wanted */
    LOOK_MS = 200,       /* between looks whether it is */
};

const char *const leat_pg_sslmodes[] = {"disable",   "allow",       "prefer",
                                        "require",   "verify-ca",   "verify-full",
                                        "verify_ca", "verify_full", NULL};

const char *const leat_pg_roles[] = {"primary", "standby", "any", NULL};

int leat_pg_sslmode_level(int64_t mode)
{
    int known = LEAT_PG_SSL_VERIFY_FULL + 1;
    return (int)(mode < known ? mode : mode - known + LEAT_PG_SSL_VERIFY_CA);
}

const char *leat_pg_sslmode(int64_t mode)
{
    return leat_pg_sslmodes[leat_pg_sslmode_level(mode)];
}

/* ---- errors ---- */

/* A line of libpq's message without "FATAL:  28P01: " and the like; one line only. */
static leat_str first_line(leat_str text)
{
    leat_str rest = text;
    leat_str line = leat_str_trim(leat_str_cut(&rest, '\n'));
    return line.len ? line : LEAT_STR("no message");
}

/* Finds ": FATAL:  28P01: text" in a verbose message; absent if there is none. */
static leat_str verbose_state(leat_str text, leat_str *message)
{
    static const char *const levels[] = {"FATAL:  ", "ERROR:  ", "PANIC:  "};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        const char *at = text.len ? memmem(text.s, text.len, levels[i], 8) : NULL;
        if (!at) continue;
        leat_str rest = {at + 8, (size_t)(text.s + text.len - at - 8)};
        if (rest.len < 7 || rest.s[5] != ':') continue;
        *message = first_line((leat_str){rest.s + 7, rest.len - 7});
        return (leat_str){rest.s, 5};
    }
    return (leat_str){0};
}

static void where_of(const leat_pg *c, char *out, size_t size)
{
    const leat_pg_target *t = c->target;
    snprintf(out, size, "%s:%lld/%s", t->host ? t->host : "localhost", (long long)t->port,
             t->dbname ? t->dbname : "");
}

/* "could not DOING: MESSAGE (DETAIL). ADVICE"; the advice of the rule, else the server's hint. */
static leat_rc fail_as(leat_err *e, const leat_pg *c, leat_pg_verdict v, const char *doing,
                       leat_str message, const char *detail, const char *hint)
{
    char where[128];
    where_of(c, where, sizeof where);
    const char *advice = v.advice ? v.advice : hint;
    return leat_fail(e, v.rc, v.code, where, "could not %s: " LEAT_STR_FMT "%s%s%s%s%s", doing,
                     LEAT_STR_ARG(message), detail ? " (" : "", detail ? detail : "",
                     detail ? ")" : "", advice ? ". " : "", advice ? advice : "");
}

leat_rc leat_pg_fail(leat_err *e, const leat_pg *c, const PGresult *res, const char *doing)
{
    const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
    if (state) {
        const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
        leat_str message = leat_str_of(text ? text : "no message");
        return fail_as(e, c, leat_pg_classify(leat_str_of(state), message), doing, message,
                       PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL),
                       PQresultErrorField(res, PG_DIAG_MESSAGE_HINT));
    }
    leat_str text = leat_str_of(c->pg ? PQerrorMessage(c->pg) : "the connection is closed");
    leat_str message = {0};
    leat_str found = verbose_state(text, &message);
    if (found.s) return fail_as(e, c, leat_pg_classify(found, message), doing, message, NULL, NULL);
    return fail_as(e, c, leat_pg_classify_network(text), doing, first_line(text), NULL, NULL);
}

static leat_rc fail_deadline(leat_err *e, const leat_pg *c, const char *code, const char *doing,
                             int64_t ms, const char *advice)
{
    char where[128];
    where_of(c, where, sizeof where);
    return leat_fail(e, LEAT_RETRY, code, where, "could not %s: no answer within %lld ms. %s",
                     doing, (long long)ms, advice);
}

/* ---- waiting ---- */

static int left_ms(int64_t deadline)
{
    if (deadline == INT64_MAX) return 60000;
    int64_t us = deadline - leat_mono_us();
    if (us <= 0) return 0;
    return us > INT64_C(60000000) ? 60000 : (int)(us / 1000 + 1);
}

static int64_t deadline_in(int64_t ms)
{
    return ms > 0 ? leat_mono_us() + ms * 1000 : INT64_MAX;
}

/* How long one wait may last that began at begun; 0: the deadline has passed. A stop that is wanted
 * ends it too: then *stopped. */
static int slice_ms(const leat_pg *c, int64_t begun, int64_t deadline, bool *stopped)
{
    int ms = left_ms(deadline);
    *stopped = false;
    if (!c->leaves) return ms;
    *stopped = leat_mono_us() - begun > MOMENT_US && c->leaves(c->arg);
    return ms > LOOK_MS ? LOOK_MS : ms;
}

static leat_rc fail_stopped(leat_err *e, const leat_pg *c, const char *doing)
{
    char where[128];
    where_of(c, where, sizeof where);
    return leat_fail(e, LEAT_RETRY, "postgres.stopped", where,
                     "gave up waiting, since the connector is to stop or to be changed: "
                     "could not %s",
                     doing);
}

/* Reads what has come. Encrypted sessions take more off the socket than they give at once, and
 * waiting for the socket does not see that: so until nothing is held back. */
static bool consume(leat_pg *c)
{
    bool again = PQgssEncInUse(c->pg);
    do {
        if (!PQconsumeInput(c->pg)) return false;
    } while (!leat_pg_tls_drained(c));
    return !again || PQconsumeInput(c->pg);
}

/* Waits until libpq has a result, or the deadline passed: OK, AGAIN, or the failure. */
static leat_rc await_result(leat_pg *c, const char *doing, int64_t deadline, leat_err *e)
{
    int64_t begun = leat_mono_us();
    bool stopped;
    for (;;) {
        int unsent = PQflush(c->pg);
        if (unsent < 0 || !consume(c)) return leat_pg_fail(e, c, NULL, doing);
        if (unsent == 0 && !PQisBusy(c->pg)) return LEAT_OK;
        int ms = slice_ms(c, begun, deadline, &stopped);
        if (stopped) return fail_stopped(e, c, doing);
        if (ms == 0) return LEAT_AGAIN;
        /* While the server does not read, it may want to be read. */
        if (unsent > 0 && ms > 20) ms = 20;
        int ready = leat_os_wait_fd(PQsocket(c->pg), unsent > 0, ms);
        if (ready < 0) return leat_os_fail(e, ready, doing, "database connection");
    }
}

/* The next result, NULL after the last. PQgetResult waits by itself and without an end, so it is
 * called only when there is one, or when the connection is lost and it tells why. A server that
 * says nothing more costs the session. */
static leat_rc next_result(leat_pg *c, const char *doing, PGresult **out, leat_err *e)
{
    *out = NULL;
    leat_rc rc = await_result(c, doing, deadline_in(CANCEL_MS), e);
    if (rc == LEAT_AGAIN)
        rc = fail_deadline(e, c, "postgres.timeout", doing, CANCEL_MS,
                           "The server, or the network to it, has stopped in the middle of an "
                           "answer; a new connection is made");
    if (rc != LEAT_OK && PQstatus(c->pg) != CONNECTION_BAD) {
        leat_pg_close(c);
        return rc;
    }
    *out = PQgetResult(c->pg);
    return *out ? LEAT_OK : rc;
}

static bool is_copy(const PGresult *res)
{
    ExecStatusType state = PQresultStatus(res);
    return state == PGRES_COPY_OUT || state == PGRES_COPY_BOTH || state == PGRES_COPY_IN;
}

static void drop_results(leat_pg *c)
{
    leat_err ignored;
    PGresult *res;
    while (c->pg && next_result(c, "end", &res, &ignored) == LEAT_OK && res) {
        bool copy = is_copy(res);
        PQclear(res);
        if (copy) return;
    }
}

/* A thread of its own: PQcancel blocks until the server has taken the request, and a server that
 * hangs never does. */
static void *send_cancel(void *request)
{
    char text[256];
    PQcancel(request, text, sizeof text);
    PQfreeCancel(request);
    return NULL;
}

/* Signals are for the threads that were there before. */
static void request_cancel(PGconn *pg)
{
    pthread_t thread;
    sigset_t all, was;
    PGcancel *request = PQgetCancel(pg);
    if (!request) return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &was);
    if (pthread_create(&thread, NULL, send_cancel, request) == 0)
        pthread_detach(thread);
    else
        PQfreeCancel(request);
    pthread_sigmask(SIG_SETMASK, &was, NULL);
}

void leat_pg_cancel(leat_pg *c)
{
    if (!c->pg) return;
    request_cancel(c->pg);
    int64_t deadline = deadline_in(CANCEL_MS);
    leat_err ignored;
    for (;;) {
        if (await_result(c, "cancel the statement", deadline, &ignored) != LEAT_OK) break;
        PGresult *res = PQgetResult(c->pg);
        if (!res) return;
        bool copy = is_copy(res); /* what ends it stands behind its rows */
        PQclear(res);
        if (copy) break;
    }
    leat_pg_close(c);
}

void leat_pg_abandon(leat_pg *c)
{
    if (c->pg && PQtransactionStatus(c->pg) == PQTRANS_ACTIVE) request_cancel(c->pg);
    leat_pg_close(c);
}

/* ---- statements ---- */

static bool result_ok(const PGresult *res)
{
    ExecStatusType state = PQresultStatus(res);
    return state == PGRES_TUPLES_OK || state == PGRES_COMMAND_OK || state == PGRES_EMPTY_QUERY;
}

/* Waits for the end of what was sent; *out: its last result. AGAIN: the deadline passed, and it
 * still runs. */
static leat_rc collect(leat_pg *c, const char *doing, int64_t deadline, PGresult **out, leat_err *e)
{
    PGresult *last = NULL;
    for (;;) {
        leat_rc rc = await_result(c, doing, deadline, e);
        if (rc != LEAT_OK) {
            PQclear(last);
            return rc;
        }
        PGresult *res = PQgetResult(c->pg);
        if (!res) break;
        if (last && !result_ok(last)) {
            PQclear(res);
            continue;
        }
        PQclear(last);
        last = res;
        if (!result_ok(last)) deadline = deadline_in(CANCEL_MS); /* nothing comes after it */
    }
    if (last && result_ok(last)) {
        *out = last;
        return LEAT_OK;
    }
    leat_rc rc = leat_pg_fail(e, c, last, doing);
    PQclear(last);
    return rc;
}

/* The same; what still runs after ms is cancelled. So is what a stop ends. */
static leat_rc finish(leat_pg *c, const char *doing, int64_t ms, PGresult **out, leat_err *e)
{
    leat_rc rc = collect(c, doing, deadline_in(ms), out, e);
    if (rc == LEAT_OK) return rc;
    bool late = rc == LEAT_AGAIN;
    if (late || PQtransactionStatus(c->pg) == PQTRANS_ACTIVE) leat_pg_cancel(c);
    if (!late) return rc;
    return fail_deadline(e, c, "postgres.timeout", doing, ms,
                         "The server is overloaded or the statement waits for a lock");
}

/* Sends without waiting for the answer. */
static leat_rc dispatch(leat_pg *c, const char *doing, const char *sql, int n,
                        const char *const *params, leat_err *e)
{
    int fault = LEAT_FAULT(source_query);
    if (fault) return leat_os_fail(e, fault, doing, "database connection");
    if (!c->pg) return leat_pg_fail(e, c, NULL, doing);
    int sent =
        n ? PQsendQueryParams(c->pg, sql, n, NULL, params, NULL, NULL, 0) : PQsendQuery(c->pg, sql);
    return sent ? LEAT_OK : leat_pg_fail(e, c, NULL, doing);
}

leat_rc leat_pg_send(leat_pg *c, const char *doing, const char *sql, leat_err *e)
{
    return dispatch(c, doing, sql, 0, NULL, e);
}

leat_rc leat_pg_poll(leat_pg *c, const char *doing, int wait_ms, PGresult **out, leat_err *e)
{
    if (!c->pg) return leat_pg_fail(e, c, NULL, doing);
    return collect(c, doing, leat_mono_us() + (int64_t)wait_ms * 1000, out, e);
}

leat_rc leat_pg_query_until(leat_pg *c, const char *doing, const char *sql, int n,
                            const char *const *params, int64_t ms, PGresult **out, leat_err *e)
{
    LEAT_TRY(dispatch(c, doing, sql, n, params, e));
    return finish(c, doing, ms, out, e);
}

leat_rc leat_pg_query(leat_pg *c, const char *doing, const char *sql, int n,
                      const char *const *params, PGresult **out, leat_err *e)
{
    return leat_pg_query_until(c, doing, sql, n, params, c->target->query_ms, out, e);
}

leat_rc leat_pg_try(leat_pg *c, const char *doing, const char *sql, leat_err *e)
{
    PGresult *res = NULL;
    if (!c->pg || !PQsendPrepare(c->pg, "", sql, 0, NULL)) return leat_pg_fail(e, c, NULL, doing);
    LEAT_TRY(finish(c, doing, c->target->query_ms, &res, e));
    PQclear(res);
    return LEAT_OK;
}

leat_rc leat_pg_exec(leat_pg *c, const char *doing, const char *sql, leat_err *e)
{
    PGresult *res;
    LEAT_TRY(leat_pg_query(c, doing, sql, 0, NULL, &res, e));
    PQclear(res);
    return LEAT_OK;
}

/* The state that a copy begins with is there: is it the one wanted? */
static leat_rc copy_begin(leat_pg *c, const char *doing, ExecStatusType wanted, leat_err *e)
{
    PGresult *res = PQgetResult(c->pg);
    leat_rc rc = LEAT_OK;
    if (PQresultStatus(res) != wanted) rc = leat_pg_fail(e, c, res, doing);
    PQclear(res);
    if (rc != LEAT_OK) drop_results(c);
    return rc;
}

leat_rc leat_pg_copy(leat_pg *c, const char *doing, const char *sql, ExecStatusType wanted,
                     int64_t ms, leat_err *e)
{
    LEAT_TRY(leat_pg_send(c, doing, sql, e));
    leat_rc rc = await_result(c, doing, deadline_in(ms), e);
    if (rc == LEAT_AGAIN) {
        leat_pg_cancel(c);
        return fail_deadline(e, c, "postgres.timeout", doing, ms,
                             "The server is overloaded or the statement waits for a lock");
    }
    LEAT_TRY(rc);
    return copy_begin(c, doing, wanted, e);
}

leat_rc leat_pg_copy_begun(leat_pg *c, const char *doing, int wait_ms, leat_err *e)
{
    if (!c->pg) return leat_pg_fail(e, c, NULL, doing);
    leat_rc rc = await_result(c, doing, leat_mono_us() + (int64_t)wait_ms * 1000, e);
    return rc == LEAT_OK ? copy_begin(c, doing, PGRES_COPY_OUT, e) : rc;
}

/* The state that ends a copy. */
static leat_rc copy_end(leat_pg *c, const char *doing, leat_err *e)
{
    PGresult *res;
    leat_pg_pace_end(&c->pace, PQsocket(c->pg));
    leat_rc rc = next_result(c, doing, &res, e);
    if (rc != LEAT_OK) return rc;
    rc = LEAT_PENDING;
    if (!res || !result_ok(res)) rc = leat_pg_fail(e, c, res, doing);
    PQclear(res);
    drop_results(c);
    return rc;
}

/* Waits for more of a copy. AGAIN: it is time to go back to the caller. */
static leat_rc await_row(leat_pg *c, const char *doing, int64_t deadline, bool *waited, leat_err *e)
{
    int fd = PQsocket(c->pg), ms = left_ms(deadline);
    if (c->replication) leat_pg_pace_judge(&c->pace, fd, leat_mono_us());
    if (ms == 0 && (*waited || !c->pace.gulping)) return LEAT_AGAIN;
    *waited = true;
    if (c->pace.gulping) return leat_pg_pace_gather(&c->pace) ? LEAT_OK : LEAT_AGAIN;
    int rc = leat_os_wait_fd(fd, false, ms);
    return rc < 0 ? leat_os_fail(e, rc, doing, "database connection") : LEAT_OK;
}

leat_rc leat_pg_copy_row(leat_pg *c, const char *doing, int wait_ms, char **row, size_t *len,
                         leat_err *e)
{
    int64_t deadline = 0;
    bool looked = false, waited = false;
    int fault = LEAT_FAULT(source_receive);
    if (fault) return leat_os_fail(e, fault, doing, "database connection");
    if (!c->pg) return leat_pg_fail(e, c, NULL, doing);
    for (;;) {
        int n = PQgetCopyData(c->pg, row, 1);
        if (n > 0) {
            *len = (size_t)n;
            leat_pg_pace_took(&c->pace, *len);
            return LEAT_OK;
        }
        if (n == -1) return copy_end(c, doing, e);
        if (n < 0) return leat_pg_fail(e, c, NULL, doing);
        if (looked) {
            if (deadline == 0) deadline = leat_mono_us() + (int64_t)wait_ms * 1000;
            leat_rc rc = await_row(c, doing, deadline, &waited, e);
            if (rc != LEAT_OK) return rc;
        }
        /* As consume, but a row at a time. */
        if (!PQconsumeInput(c->pg)) return leat_pg_fail(e, c, NULL, doing);
        looked = PQgssEncInUse(c->pg) ? !looked : leat_pg_tls_drained(c);
    }
}

/* ---- connecting ---- */

/* libpq does not say why it does not accept a certificate; a look at it does. */
static leat_rc fail_connect(leat_pg *c, int64_t deadline, leat_err *e)
{
    char why[LEAT_PG_TLS_WHY];
    leat_pg_verdict v;
    leat_str text = leat_str_of(PQerrorMessage(c->pg));
    if (!leat_pg_tls_why(c->target, text, deadline, why, &v))
        return leat_pg_fail(e, c, NULL, "connect");
    return fail_as(e, c, v, "connect", first_line(text), why, NULL);
}

static leat_rc poll_until_connected(leat_pg *c, int64_t deadline, leat_err *e)
{
    static const char doing[] = "connect";
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;
    int64_t begun = leat_mono_us();
    bool stopped;
    for (;;) {
        int ms = slice_ms(c, begun, deadline, &stopped);
        if (stopped) return fail_stopped(e, c, doing);
        if (ms == 0)
            return fail_deadline(e, c, "postgres.connect", doing, c->target->connect_ms,
                                 "Check database.hostname, database.port and firewalls between");
        int ready = leat_os_wait_fd(PQsocket(c->pg), want == PGRES_POLLING_WRITING, ms);
        if (ready < 0) return leat_os_fail(e, ready, doing, "database connection");
        if (ready == 0) continue;
        want = PQconnectPoll(c->pg);
        if (want == PGRES_POLLING_FAILED) return fail_connect(c, deadline, e);
        if (want == PGRES_POLLING_OK) return LEAT_OK;
    }
}

/* Begins to connect; password: NULL for none. */
static leat_rc start(leat_pg *c, const char *password, const char *app, leat_err *e)
{
    const leat_pg_target *t = c->target;
    char port[24];
    snprintf(port, sizeof port, "%lld", (long long)t->port);
    const char *names[24], *values[24];
    size_t n = 0;
#define PARAM(name, value) (names[n] = (name), values[n] = (value), n++)
    PARAM("host", t->host);
    PARAM("port", port);
    PARAM("dbname", t->dbname);
    PARAM("user", t->user);
    PARAM("password", password);
    PARAM("sslmode", leat_pg_sslmode(t->sslmode));
    /* libpq would rather have GSS, with a ticket at hand, and then look at no certificate. */
    if (leat_pg_sslmode_level(t->sslmode) >= LEAT_PG_SSL_REQUIRE) PARAM("gssencmode", "disable");
    PARAM("sslcert", t->sslcert);
    PARAM("sslkey", t->sslkey);
    PARAM("sslpassword", t->sslpassword);
    PARAM("sslrootcert", leat_pg_tls_authorities(t));
    if (t->host && strchr(t->host, ',')) PARAM("target_session_attrs", leat_pg_roles[t->roles]);
    PARAM("keepalives", t->keepalive ? "1" : "0");
    PARAM("keepalives_idle", "30");
    PARAM("keepalives_interval", "10");
    PARAM("keepalives_count", "3");
    PARAM("tcp_user_timeout", "30000");
    PARAM("application_name", app);
    PARAM("client_encoding", "UTF8");
    PARAM("options", LEAT_PG_SESSION " -c statement_timeout=0 -c lock_timeout=0"
                                     " -c idle_in_transaction_session_timeout=0");
    if (c->replication) PARAM("replication", "database");
#undef PARAM
    names[n] = values[n] = NULL;
    leat_pg_tls_setup();
    c->pg = PQconnectStartParams(names, values, 0);
    if (!c->pg || PQstatus(c->pg) == CONNECTION_BAD) return leat_pg_fail(e, c, NULL, "connect");
    PQsetErrorVerbosity(c->pg, PQERRORS_VERBOSE);
    return LEAT_OK;
}

static void on_notice(void *arg, const PGresult *res)
{
    (void)arg;
    const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    leat_log(LEAT_DEBUG, "postgres.notice", "%s", text ? text : "");
}

/* Runs the user's statements; ";;" stands for a semicolon inside one. */
static leat_rc run_initial(leat_pg *c, leat_err *e)
{
    const char *at = c->target->initial;
    leat_buf sql = {0};
    leat_rc rc = LEAT_OK;
    while (at && *at && rc == LEAT_OK) {
        leat_buf_clear(&sql);
        for (; *at; at++) {
            if (*at == ';' && at[1] != ';') break;
            if (*at == ';') at++;
            leat_buf_u8(&sql, (unsigned char)*at);
        }
        if (*at == ';') at++;
        leat_str one = leat_str_trim(leat_buf_str(&sql));
        if (one.len == 0) continue;
        leat_buf_u8(&sql, 0);
        rc = leat_pg_exec(c, "run a statement of database.initial.statements", sql.p, e);
    }
    leat_buf_free(&sql);
    return rc;
}

/* A password that expires may be refused because it just has, or is not known to the server yet. */
static leat_rc log_in(leat_pg *c, const char *app, leat_err *e)
{
    leat_buf asked = {0};
    bool ask = leat_pg_password_asked(c->target);
    leat_rc rc = ask ? leat_pg_password_ask(c->target, &asked, e) : LEAT_OK;
    if (rc == LEAT_OK) rc = start(c, ask ? asked.p : c->target->password, app, e);
    if (rc == LEAT_OK) rc = poll_until_connected(c, deadline_in(c->target->connect_ms), e);
    leat_buf_free(&asked);
    if (rc == LEAT_CONF && ask && e && strcmp(e->code, "postgres.auth") == 0)
        rc = e->rc = LEAT_RETRY;
    return rc;
}

/* The server converts nothing of a SQL_ASCII database, and to a client that wants UTF-8 it refuses
 * the rest: with the first such row the log would end there. */
static leat_rc take_bytes(leat_pg *c, leat_err *e)
{
    const char *encoding = PQparameterStatus(c->pg, "server_encoding");
    c->raw = encoding && strcmp(encoding, "SQL_ASCII") == 0;
    if (!c->raw) return LEAT_OK;
    return leat_pg_exec(c, "set the session up", "SET client_encoding = 'SQL_ASCII'", e);
}

leat_rc leat_pg_connect(leat_pg *c, const leat_pg_target *target, bool replication, const char *app,
                        leat_err *e)
{
    *c =
        (leat_pg){.target = target, .leaves = c->leaves, .arg = c->arg, .replication = replication};
    int fault = LEAT_FAULT(source_connect);
    if (fault) return leat_os_fail(e, fault, "connect to", target->host);
    leat_rc rc = log_in(c, app, e);
    if (rc == LEAT_OK) {
        PQsetErrorVerbosity(c->pg, PQERRORS_DEFAULT);
        PQsetNoticeReceiver(c->pg, on_notice, NULL);
        c->version = PQserverVersion(c->pg);
        if (PQsetnonblocking(c->pg, 1) != 0) rc = leat_pg_fail(e, c, NULL, "connect");
    }
    if (rc == LEAT_OK && replication) leat_pg_tls_read_ahead(c);
    if (rc == LEAT_OK && !target->utf8) rc = take_bytes(c, e);
    if (rc == LEAT_OK && !replication && c->version >= 140000)
        rc = leat_pg_exec(c, "set the session up", "SET idle_session_timeout = 0", e);
    if (rc == LEAT_OK && !replication) rc = run_initial(c, e);
    if (rc != LEAT_OK) {
        PQfinish(c->pg);
        c->pg = NULL;
    }
    return rc;
}

void leat_pg_close(leat_pg *c)
{
    if (!c->pg) return;
    PQfinish(c->pg);
    c->pg = NULL;
}

/* ---- cells ---- */

leat_str leat_pg_cell(const PGresult *res, int row, int col)
{
    if (PQgetisnull(res, row, col)) return (leat_str){0};
    return (leat_str){PQgetvalue(res, row, col), (size_t)PQgetlength(res, row, col)};
}

int64_t leat_pg_cell_i64(const PGresult *res, int row, int col, int64_t def)
{
    int64_t v;
    leat_str text = leat_pg_cell(res, row, col);
    return text.s && leat_str_i64(text, &v) ? v : def;
}

bool leat_pg_cell_bool(const PGresult *res, int row, int col)
{
    leat_str text = leat_pg_cell(res, row, col);
    return text.len == 1 && text.s[0] == 't';
}
