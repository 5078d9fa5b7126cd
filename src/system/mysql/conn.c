/* A connection to MySQL or MariaDB that never waits beyond a deadline.
 *
 * libmariadb blocks. Connecting has its time-out; a statement is sent, its answer is waited for by
 * poll, so that a stop that is wanted is seen, and only then read, under the library's time-out for
 * each read. A session whose statement did not answer in time is closed, for its answer may still
 * come. database.ssl.mode=preferred tries TLS and does without where the server has none.
 *
 * It does not reconnect: that is the engine's back-off. Run by the task's thread. */
#include "system/mysql/conn.h"

#include <errmsg.h>
typedef unsigned char uchar; /* that they want */
#define HAVE_TLS 1           /* the header has the type of a TLS session only then */
#include <ma_pvio.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/os.h"
#include "system/mysql/classify.h"

enum {
    MOMENT_US = 1000000, /* what is nearly done is waited for even when a stop is wanted */
    LOOK_MS = 200,       /* between looks whether it is */
    DRAIN_US = 50000,    /* of rows that are not wanted */
    NO_LIMIT_S = 86400,  /* of a single read, where a statement has no limit */
};

const char *const leat_my_sslmodes[] = {"preferred", "disabled",        "required",
                                        "verify_ca", "verify_identity", NULL};

/* ---- errors ---- */

static void where_of(const leat_my *c, char *out, size_t size)
{
    const leat_my_target *t = c->target;
    snprintf(out, size, "%s:%lld", t && t->host ? t->host : "localhost",
             (long long)(t ? t->port : 0));
}

leat_rc leat_my_fail_as(leat_err *e, const leat_my *c, const char *doing, unsigned number,
                        leat_str message)
{
    char where[128];
    /* A session that was up and breaks is no trouble of TLS. */
    bool broken = number == CR_SSL_CONNECTION_ERROR && c->up;
    leat_my_verdict v = leat_my_classify(broken ? CR_SERVER_LOST : number, message);
    where_of(c, where, sizeof where);
    return leat_fail(e, v.rc, v.code, where, "could not %s: " LEAT_STR_FMT " (error %u)%s%s", doing,
                     LEAT_STR_ARG(message), number, v.advice ? ". " : "", v.advice ? v.advice : "");
}

leat_rc leat_my_fail(leat_err *e, const leat_my *c, const char *doing)
{
    if (!c->my) return leat_my_fail_as(e, c, doing, CR_SERVER_GONE_ERROR, LEAT_STR("no session"));
    return leat_my_fail_as(e, c, doing, mysql_errno(c->my), leat_str_of(mysql_error(c->my)));
}

static leat_rc fail_wait(leat_err *e, const leat_my *c, const char *code, const char *doing,
                         const char *why)
{
    char where[128];
    where_of(c, where, sizeof where);
    return leat_fail(e, LEAT_RETRY, code, where, "could not %s: %s", doing, why);
}

/* ---- connecting ---- */

static void set_tls(MYSQL *my, const leat_my_target *t, bool encrypt)
{
    my_bool yes = 1, no = 0;
    bool verify = t->sslmode == LEAT_MY_SSL_VERIFY_IDENTITY;
    if (!encrypt) {
        mysql_options(my, MYSQL_OPT_SSL_ENFORCE, &no);
        return;
    }
    mysql_options(my, MYSQL_OPT_SSL_ENFORCE, &yes);
    mysql_options(my, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, verify ? &yes : &no);
    if (t->sslmode >= LEAT_MY_SSL_VERIFY_CA) mysql_options(my, MYSQL_OPT_SSL_CA, t->sslca);
    if (t->sslcert) mysql_options(my, MYSQL_OPT_SSL_CERT, t->sslcert);
    if (t->sslkey) mysql_options(my, MYSQL_OPT_SSL_KEY, t->sslkey);
}

static bool connect_once(leat_my *c, bool encrypt)
{
    const leat_my_target *t = c->target;
    unsigned seconds = (unsigned)((t->connect_ms + 999) / 1000);
    unsigned reads = t->query_ms ? (unsigned)((t->query_ms + 999) / 1000) : NO_LIMIT_S;
    if (c->my) mysql_close(c->my);
    c->my = mysql_init(NULL);
    if (!c->my) return false;
    mysql_options(c->my, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
    mysql_options(c->my, MYSQL_OPT_READ_TIMEOUT, &reads);
    mysql_options(c->my, MYSQL_OPT_WRITE_TIMEOUT, &seconds);
    mysql_options(c->my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    unsigned tcp = MYSQL_PROTOCOL_TCP; /* else "localhost" is a socket's file, whatever the port */
    mysql_options(c->my, MYSQL_OPT_PROTOCOL, &tcp);
    set_tls(c->my, t, encrypt);
    unsigned long flags = CLIENT_REMEMBER_OPTIONS;
    if (t->writes) flags |= CLIENT_MULTI_STATEMENTS | CLIENT_FOUND_ROWS;
    return mysql_real_connect(c->my, t->host, t->user, t->password ? t->password : "", t->dbname,
                              (unsigned)t->port, NULL, flags) != NULL;
}

/* "8.0.36-log" is 80036; MariaDB says "5.5.5-10.11.6-MariaDB" where old clients must be told. */
static void read_version(leat_my *c)
{
    const char *text = mysql_get_server_info(c->my);
    unsigned major = 0, minor = 0, patch = 0;
    c->mariadb = strcasestr(text, "mariadb") != NULL;
    if (c->mariadb && strncmp(text, "5.5.5-", 6) == 0) text += 6;
    snprintf(c->told, sizeof c->told, "%s", text);
    if (sscanf(text, "%u.%u.%u", &major, &minor, &patch) >= 2)
        c->version = major * 10000 + minor * 100 + patch;
    c->cipher = mysql_get_ssl_cipher(c->my);
}

/* Those of database.initial.statements, one by one. */
static leat_rc run_initial(leat_my *c, leat_err *e)
{
    leat_buf one = {0};
    leat_rc rc = LEAT_OK;
    for (const char *p = c->target->initial; p && *p && rc == LEAT_OK; p++) {
        if (*p != ';' || p[1] == ';') {
            leat_buf_u8(&one, (unsigned char)*p);
            if (*p == ';') p++;
            if (p[1]) continue;
        }
        leat_buf_u8(&one, 0);
        if (leat_str_trim(leat_str_of(one.p)).len)
            rc = leat_my_exec(c, "run database.initial.statements", one.p, e);
        leat_buf_clear(&one);
    }
    leat_buf_free(&one);
    return rc;
}

leat_rc leat_my_connect(leat_my *c, const leat_my_target *target, leat_err *e)
{
    leat_my_close(c);
    c->target = target;
    int fault = LEAT_FAULT(source_connect);
    if (fault) return leat_os_fail(e, fault, "connect", "database connection");
    bool encrypt = target->sslmode != LEAT_MY_SSL_DISABLED;
    bool up = connect_once(c, encrypt);
    if (!up && c->my && target->sslmode == LEAT_MY_SSL_PREFERRED &&
        mysql_errno(c->my) == CR_SSL_CONNECTION_ERROR)
        up = connect_once(c, false);
    leat_rc rc = up ? LEAT_OK : leat_my_fail(e, c, "connect");
    if (up) read_version(c);
    if (up && !c->cipher && target->sslmode >= LEAT_MY_SSL_REQUIRED)
        rc = leat_my_fail_as(e, c, "connect", CR_SSL_CONNECTION_ERROR,
                             LEAT_STR("the server offers no encryption"));
    c->up = rc == LEAT_OK;
    if (rc == LEAT_OK)
        rc = leat_my_exec(c, "set the session up",
                          "SET SESSION time_zone='+00:00', sql_mode='', "
                          "wait_timeout=28800, lock_wait_timeout=60",
                          e);
    if (rc == LEAT_OK) rc = run_initial(c, e);
    if (rc != LEAT_OK) leat_my_close(c);
    return rc;
}

void leat_my_close(leat_my *c)
{
    if (c->my) mysql_close(c->my);
    c->my = NULL;
    c->up = false;
    c->cipher = NULL;
}

/* ---- statements ---- */

/* Until the answer's first bytes are there. */
static leat_rc await(leat_my *c, const char *doing, leat_err *e)
{
    int64_t begun = leat_mono_us(), limit = c->target->query_ms * 1000;
    int fd = (int)mysql_get_socket(c->my);
    for (;;) {
        int64_t waited = leat_mono_us() - begun;
        if (limit && waited >= limit)
            return fail_wait(e, c, "mysql.timeout", doing,
                             "no answer within database.query.timeout.ms");
        if (c->leaves && waited > MOMENT_US && c->leaves(c->arg))
            return fail_wait(e, c, "mysql.stopped", doing,
                             "gave up waiting, since the connector is to stop or to be changed");
        int ready = leat_os_wait_fd(fd, false, LOOK_MS);
        if (ready < 0) return leat_os_fail(e, ready, doing, "database connection");
        if (ready > 0) return LEAT_OK;
    }
}

/* Sends it, and waits for the head of its answer. */
static leat_rc run(leat_my *c, const char *doing, leat_str sql, leat_err *e)
{
    int fault = LEAT_FAULT(source_query);
    if (fault) return leat_os_fail(e, fault, doing, "database connection");
    if (!c->my || mysql_send_query(c->my, sql.s, sql.len) != 0) return leat_my_fail(e, c, doing);
    leat_rc rc = await(c, doing, e);
    if (rc != LEAT_OK) {
        leat_my_close(c);
        return rc;
    }
    return mysql_read_query_result(c->my) != 0 ? leat_my_fail(e, c, doing) : LEAT_OK;
}

leat_rc leat_my_query(leat_my *c, const char *doing, const char *sql, leat_my_result *out,
                      leat_err *e)
{
    *out = (leat_my_result){0};
    LEAT_TRY(run(c, doing, leat_str_of(sql), e));
    out->res = mysql_store_result(c->my);
    if (!out->res && mysql_errno(c->my)) return leat_my_fail(e, c, doing);
    if (out->res) out->n = mysql_num_fields(out->res);
    return LEAT_OK;
}

leat_rc leat_my_exec(leat_my *c, const char *doing, const char *sql, leat_err *e)
{
    leat_my_result r;
    leat_rc rc = leat_my_query(c, doing, sql, &r, e);
    leat_my_result_free(&r);
    return rc;
}

leat_rc leat_my_script(leat_my *c, const char *doing, leat_str sql, uint32_t n, int64_t *affected,
                       uint32_t *done, leat_err *e)
{
    *done = 0;
    leat_rc rc = run(c, doing, sql, e);
    while (rc == LEAT_OK && *done < n) {
        affected[(*done)++] = (int64_t)mysql_affected_rows(c->my);
        if (*done < n && mysql_next_result(c->my) != 0) rc = leat_my_fail(e, c, doing);
    }
    return rc;
}

unsigned leat_my_errno(const leat_my *c)
{
    return c->my ? mysql_errno(c->my) : 0;
}

bool leat_my_next(leat_my_result *r)
{
    r->row = r->res ? mysql_fetch_row(r->res) : NULL;
    r->lengths = r->row ? mysql_fetch_lengths(r->res) : NULL;
    return r->row != NULL;
}

leat_str leat_my_cell(const leat_my_result *r, unsigned col)
{
    if (!r->row || col >= r->n || !r->row[col]) return (leat_str){0};
    return (leat_str){r->row[col], r->lengths[col]};
}

int64_t leat_my_cell_i64(const leat_my_result *r, unsigned col, int64_t def)
{
    leat_str cell = leat_my_cell(r, col);
    if (cell.s) leat_str_i64(cell, &def);
    return def;
}

leat_str leat_my_cell_named(const leat_my_result *r, const char *name)
{
    for (unsigned i = 0; r->res && i < r->n; i++)
        if (strcasecmp(mysql_fetch_field_direct(r->res, i)->name, name) == 0)
            return leat_my_cell(r, i);
    return (leat_str){0};
}

void leat_my_result_free(leat_my_result *r)
{
    if (r->res) mysql_free_result(r->res);
    *r = (leat_my_result){0};
}

/* ---- rows one by one ---- */

/* Bytes of packets that were read off the socket already: the library's cache, and what its TLS
 * holds. */
static bool read_ahead(const leat_my *c)
{
    const MARIADB_PVIO *pvio = c->my->net.pvio;
    if (pvio->cache && pvio->cache_pos && pvio->cache_pos < pvio->cache + pvio->cache_size)
        return true;
    return pvio->ctls && pvio->ctls->ssl && SSL_pending(pvio->ctls->ssl) > 0;
}

int leat_my_at_hand(leat_my *c, int wait_ms)
{
    if (read_ahead(c)) return 1;
    return leat_os_wait_fd((int)mysql_get_socket(c->my), false, wait_ms);
}

leat_rc leat_my_select(leat_my *c, const char *doing, const char *sql, leat_my_result *out,
                       leat_err *e)
{
    *out = (leat_my_result){0};
    LEAT_TRY(run(c, doing, leat_str_of(sql), e));
    out->res = mysql_use_result(c->my);
    if (!out->res) return leat_my_fail(e, c, doing);
    out->n = mysql_num_fields(out->res);
    return LEAT_OK;
}

leat_rc leat_my_fetch(leat_my *c, const char *doing, leat_my_result *r, int wait_ms, leat_err *e)
{
    int fault = LEAT_FAULT(source_read);
    if (fault) return leat_os_fail(e, fault, doing, "database connection");
    if (!c->my || !c->my->net.pvio) return leat_my_fail(e, c, doing);
    int ready = leat_my_at_hand(c, wait_ms);
    if (ready < 0) return leat_os_fail(e, ready, doing, "database connection");
    if (ready == 0) return LEAT_AGAIN;
    if (leat_my_next(r)) return LEAT_OK;
    return mysql_errno(c->my) ? leat_my_fail(e, c, doing) : LEAT_PENDING;
}

void leat_my_drop(leat_my *c, leat_my_result *r)
{
    leat_err ignored;
    int64_t until = leat_mono_us() + DRAIN_US;
    leat_rc rc = LEAT_OK;
    while (r->res && rc == LEAT_OK) {
        int64_t left = (until - leat_mono_us()) / 1000;
        rc = left > 0 ? leat_my_fetch(c, "", r, (int)left, &ignored) : LEAT_AGAIN;
    }
    /* Freed while rows are under way, the library would read them all. */
    if (r->res && rc != LEAT_PENDING && c->my) shutdown((int)mysql_get_socket(c->my), SHUT_RDWR);
    leat_my_result_free(r);
    if (rc != LEAT_OK && rc != LEAT_PENDING) leat_my_close(c);
}

/* ---- quoting ---- */

void leat_my_put_name(leat_buf *out, leat_str name)
{
    leat_buf_quoted(out, name, '`');
}

void leat_my_put_table(leat_buf *out, leat_str db, leat_str name)
{
    leat_my_put_name(out, db);
    if (!name.s) return;
    leat_buf_u8(out, '.');
    leat_my_put_name(out, name);
}

void leat_my_put_text(leat_buf *out, leat_str text)
{
    if (text.len && memchr(text.s, '\\', text.len)) {
        leat_buf_str_z(out, "_utf8mb4 X'");
        leat_buf_hex(out, text);
        leat_buf_u8(out, '\'');
        return;
    }
    leat_buf_quoted(out, text, '\'');
}
