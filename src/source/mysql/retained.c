/* What the server keeps of its log beyond the durable position, and until when it does.
 *
 * A server removes old logs by its own rules, read or not: those whose last change is older than
 * binlog_expire_logs_seconds (or expire_logs_days), and on MariaDB those that make all of them
 * larger than max_binlog_total_size. It does so when it begins a new one or is started, never with
 * the last one, nor with one that a session reads. So each look asks for the list of logs and for
 * these settings; and once for each log that the position stands in and that is not the last, when
 * the next one was begun, which is when this one was closed: its first event tells, on a session
 * that is closed right behind it.
 *
 * A look is made every LOOK_US at most, while paused too, and waits a moment at most; one that
 * fails is of no matter to what is captured. What is near to be removed, or is removed, is warned
 * about. Run by the task's thread. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "source/mysql/my.h"

enum {
    LOOK_US = 20000000,   /* between looks ... */
    SOON_US = 4000000,    /* ... behind one that found the position's log removed ... */
    LATER_US = 300000000, /* ... and behind one that failed */
    LOOK_MS = 2000,       /* longest time for one statement */
    WAIT_MS = 200,
    DAY_S = 86400,
    NEAR = 4,    /* of what the server keeps, this part is left: it is warned about ... */
    NEARER = 10, /* ... and once more */
    SURE = 2,    /* looks in a row that must miss the log: one that is read may be behind */
    FAILS = 3,   /* looks in a row that fail: then it is told */
};

typedef struct kept_log {
    const char *name;
    uint64_t begin; /* bytes of those before it */
} kept_log;

struct leat_my_retained {
    int64_t next_us;         /* when to look again; monotonic */
    bool known;              /* the last look told what follows */
    char file[LEAT_MY_FILE]; /* durable at open; "": not a place in this server's log */
    uint64_t pos;
    leat_arena arena; /* of logs */
    kept_log *logs;   /* n, oldest first */
    size_t n;
    uint64_t end;                   /* bytes of all of them */
    int64_t expires_us;             /* 0: by age it removes none */
    int64_t most;                   /* bytes of all; 0: by size it removes none */
    int64_t ahead_us;               /* our clock is ahead of the server's so much */
    char closed_file[LEAT_MY_FILE]; /* of this one is known ... */
    int64_t closed_us;              /* ... when it was closed, by the server's clock */
    unsigned failed;                /* looks in a row ... */
    unsigned unclosed;              /* ... and of these, when the log was closed */
    unsigned missed;                /* looks in a row that did not find the position's log */
    unsigned warned;                /* how near it was when that was told: 1, 2; 3: removed */
    bool refused;                   /* the server does not tell, and that was said */
};

int64_t leat_my_expiry_s(const char *seconds, const char *days)
{
    int64_t s = 0;
    if (seconds) leat_str_i64(leat_str_of(seconds), &s);
    return s == 0 && days ? (int64_t)(strtod(days, NULL) * DAY_S) : s;
}

void leat_my_retained_free(leat_my_source *s)
{
    if (!s->retained) return;
    leat_arena_free(&s->retained->arena);
    leat_free(s->retained);
    s->retained = NULL;
}

/* ---- what is needed ---- */

/* The durable place; false: it is not known as one of this server's log. */
static bool needed(const leat_my_source *s, const char **file, uint64_t *pos)
{
    const leat_my_retained *r = s->retained;
    *file = s->acked_here ? s->acked.file : r->file;
    *pos = s->acked_here ? s->acked.pos : r->pos;
    return **file != '\0';
}

static const kept_log *find(const leat_my_retained *r, const char *file)
{
    for (size_t i = r->n; i > 0; i--)
        if (strcmp(r->logs[i - 1].name, file) == 0) return &r->logs[i - 1];
    return NULL;
}

static bool is_last(const leat_my_retained *r, const kept_log *log)
{
    return log == &r->logs[r->n - 1];
}

/* When the server may remove the log by its age, by our clock; 0: never; -1: not known. */
static int64_t until(const leat_my_retained *r, const kept_log *log)
{
    if (r->expires_us == 0) return 0;
    if (is_last(r, log)) return leat_now_us() + r->expires_us;
    if (strcmp(r->closed_file, log->name) != 0) return -1;
    return r->closed_us + r->ahead_us + r->expires_us;
}

/* How much of what stands behind the place it keeps at most; 0: no bound. The log goes whole. */
static int64_t limit(const leat_my_retained *r, uint64_t pos)
{
    if (r->most == 0) return 0;
    return r->most > (int64_t)pos ? r->most - (int64_t)pos : 1;
}

/* What was read counts as well: it may be newer than the last look. */
static int64_t behind(const leat_my_source *s, const kept_log *log, uint64_t pos)
{
    const leat_my_retained *r = s->retained;
    const kept_log *reads = s->streaming ? find(r, s->file) : NULL;
    uint64_t end = r->end, at = log->begin + pos;
    if (reads && reads->begin + s->pos > end) end = reads->begin + s->pos;
    return end > at ? (int64_t)(end - at) : 0;
}

void leat_my_retained_gauge(const leat_my_source *s, leat_gauges *g)
{
    const leat_my_retained *r = s->retained;
    const char *file;
    uint64_t pos;
    g->lag_bytes = g->retained_bytes = g->retained_limit = -1;
    g->log_until_us = g->log_expires_us = -1;
    if (!r || !r->known || !needed(s, &file, &pos)) return;
    const kept_log *log = find(r, file);
    g->log_removed = r->missed >= SURE;
    g->log_expires_us = r->expires_us;
    if (!log) return;
    g->lag_bytes = g->retained_bytes = behind(s, log, pos);
    g->retained_limit = limit(r, pos);
    g->log_until_us = until(r, log);
}

/* ---- asking ---- */

static leat_rc read_logs(leat_my_retained *r, leat_my *c, leat_err *e)
{
    leat_my_result rows;
    size_t cap = 0;
    LEAT_TRY(leat_my_query(c, "read the list of binary logs", "SHOW BINARY LOGS", &rows, e));
    leat_arena_reset(&r->arena, 1 << 16);
    r->n = 0;
    r->end = 0;
    while (leat_my_next(&rows)) {
        if (r->n == cap) {
            cap = cap ? cap * 2 : 16;
            kept_log *more = LEAT_NEW(&r->arena, kept_log, cap);
            if (r->n) memcpy(more, r->logs, r->n * sizeof *more);
            r->logs = more;
        }
        const char *name = leat_arena_str(&r->arena, leat_my_cell(&rows, 0)).s;
        r->logs[r->n++] = (kept_log){name, r->end};
        r->end += (uint64_t)leat_my_cell_i64(&rows, 1, 0);
    }
    leat_my_result_free(&rows);
    return LEAT_OK;
}

static leat_rc read_settings(leat_my_retained *r, leat_my *c, leat_err *e)
{
    leat_my_result rows;
    leat_arena a = {0};
    const char *seconds = NULL, *days = NULL;
    bool purges = true;
    double clock = 0;
    r->most = 0;
    LEAT_TRY(leat_my_query(c, "read for how long binary logs are kept",
                           "SHOW VARIABLES WHERE Variable_name IN ('binlog_expire_logs_seconds', "
                           "'expire_logs_days', 'binlog_expire_logs_auto_purge', "
                           "'max_binlog_total_size', 'timestamp')",
                           &rows, e));
    while (leat_my_next(&rows)) {
        leat_str name = leat_my_cell(&rows, 0), value = leat_my_cell(&rows, 1);
        const char *text = leat_arena_str(&a, value).s;
        if (leat_str_is(name, "binlog_expire_logs_seconds")) seconds = text;
        if (leat_str_is(name, "expire_logs_days")) days = text;
        if (leat_str_is(name, "binlog_expire_logs_auto_purge")) purges = leat_str_is(value, "ON");
        if (leat_str_is(name, "max_binlog_total_size")) leat_str_i64(value, &r->most);
        if (leat_str_is(name, "timestamp")) clock = strtod(text, NULL);
    }
    leat_my_result_free(&rows);
    r->expires_us = purges ? leat_my_expiry_s(seconds, days) * 1000000 : 0;
    r->ahead_us = clock > 0 ? leat_now_us() - (int64_t)(clock * 1e6) : 0;
    leat_arena_free(&a);
    return LEAT_OK;
}

/* Behind a name that stands for several servers a new session may be on another one. */
static leat_rc same_server(const leat_my_source *s, leat_my *c, leat_err *e)
{
    leat_arena a = {0};
    leat_str name;
    leat_rc rc = leat_my_server_name(c, &a, &name, e);
    if (rc == LEAT_OK && !leat_str_eq(name, s->server))
        rc = leat_fail(e, LEAT_RETRY, "mysql.other_session", s->target.host,
                       "this session came to another server");
    leat_arena_free(&a);
    return rc;
}

static void tell_unknown(const leat_err *e, const char *what)
{
    leat_log(LEAT_WARN, "mysql.retained_unknown", "code=%s %s is not shown: %s", e->code, what,
             e->msg);
}

/* When that log was begun, by its first event. */
static leat_rc read_begun(leat_my *dump, const char *file, int64_t *us, leat_err *e)
{
    const leat_my_start from = {
        .file = file, .pos = LEAT_BINLOG_MAGIC, .heartbeat_ms = LOOK_MS, .ends = true};
    int64_t latest = leat_mono_us() + LOOK_MS * 1000;
    leat_rc rc = leat_my_dump(dump, &from, e);
    while (rc == LEAT_OK || rc == LEAT_AGAIN) {
        leat_str bytes = {0};
        uint8_t type = 0;
        uint32_t size;
        if (leat_mono_us() > latest) break;
        rc = leat_my_dump_next(dump, WAIT_MS, &bytes, e);
        if (rc == LEAT_OK) rc = leat_binlog_peek(bytes, &type, &size, e);
        if (rc != LEAT_OK || type != LEAT_BINLOG_FORMAT_DESCRIPTION) continue;
        const unsigned char *p = (const unsigned char *)bytes.s;
        uint32_t s =
            (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        if (s == 0) break; /* not known */
        *us = (int64_t)s * 1000000;
        return LEAT_OK;
    }
    return leat_rc_failed(rc) ? rc
                              : leat_fail(e, LEAT_RETRY, "mysql.timeout", file,
                                          "the log's first event did not come");
}

/* Of the position's log, unless it is known or is the last one. Where it cannot be had, the rest is
 * known all the same. */
static void read_closed(leat_my_source *s, const kept_log *log, const leat_my_target *quick)
{
    leat_err why;
    leat_my_retained *r = s->retained;
    leat_my dump = {.leaves = s->sql.leaves, .arg = s->sql.arg};
    int64_t us = 0;
    if (is_last(r, log) || strcmp(r->closed_file, log->name) == 0) {
        r->unclosed = 0;
        return;
    }
    leat_rc rc = leat_my_connect(&dump, quick, &why);
    if (rc == LEAT_OK) rc = same_server(s, &dump, &why);
    if (rc == LEAT_OK) rc = read_begun(&dump, log[1].name, &us, &why);
    leat_my_close(&dump);
    if (rc != LEAT_OK) {
        if (++r->unclosed == FAILS) tell_unknown(&why, "when its log may be removed");
        return;
    }
    r->unclosed = 0;
    snprintf(r->closed_file, sizeof r->closed_file, "%s", log->name);
    r->closed_us = us;
}

/* By GTIDs all that was removed may have been read. */
static leat_rc is_missing(const leat_my_source *s, leat_my *c, bool *missing, leat_err *e)
{
    leat_my_result row;
    leat_gtid_set gone = {0};
    *missing = true;
    if (!s->gtid || s->mariadb) return LEAT_OK;
    LEAT_TRY(leat_my_query(c, "read the server's GTIDs", "SELECT @@global.gtid_purged", &row, e));
    leat_rc rc =
        leat_my_next(&row) ? leat_gtid_set_parse(&gone, leat_my_cell(&row, 0), e) : LEAT_OK;
    leat_my_result_free(&row);
    *missing = rc == LEAT_OK && !leat_gtid_set_contains(&s->gtids, &gone);
    leat_gtid_set_free(&gone);
    return rc;
}

static leat_rc ask(leat_my_source *s, leat_my *c, const leat_my_target *quick, leat_err *e)
{
    leat_my_retained *r = s->retained;
    const char *file;
    uint64_t pos;
    LEAT_TRY(read_logs(r, c, e));
    LEAT_TRY(read_settings(r, c, e));
    if (!needed(s, &file, &pos) || r->n == 0) return LEAT_OK;
    const kept_log *log = find(r, file);
    if (log) read_closed(s, log, quick);
    bool missing = !log && leat_my_place_cmp(file, 0, r->logs[0].name, 0) < 0;
    if (missing) LEAT_TRY(is_missing(s, c, &missing, e));
    r->missed = missing ? r->missed + 1 : 0;
    return LEAT_OK;
}

/* On the session that is there, or on a short one. */
static leat_rc look(leat_my_source *s, leat_err *e)
{
    leat_my_target quick = s->target;
    leat_my own = {.leaves = s->sql.leaves, .arg = s->sql.arg};
    quick.connect_ms = quick.connect_ms < LOOK_MS ? quick.connect_ms : LOOK_MS;
    quick.query_ms = quick.query_ms && quick.query_ms < LOOK_MS ? quick.query_ms : LOOK_MS;
    if (leat_my_is_open(&s->sql)) {
        s->sql.target = &quick;
        leat_rc rc = ask(s, &s->sql, &quick, e);
        s->sql.target = &s->target;
        if (rc == LEAT_RETRY) leat_my_close(&s->sql); /* it may be lost */
        return rc;
    }
    LEAT_TRY(leat_my_connect(&own, &quick, e));
    leat_rc rc = same_server(s, &own, e);
    if (rc == LEAT_OK) rc = ask(s, &own, &quick, e);
    leat_my_close(&own);
    return rc;
}

/* ---- telling ---- */

static void tell_removed(const char *file, uint64_t pos)
{
    leat_log(
        LEAT_WARN, "mysql.log_removed",
        "file=%s pos=%llu the server has removed this log, in which this connector's place is: "
        "what stood behind it and is not on its way yet may be lost to this connector. If another "
        "server still has it (a replica that logs what it replicates), name that one as "
        "database.hostname; else begin anew behind the gap (`leat offsets NAME reset`) and fill "
        "the targets' gap by other means",
        file, (unsigned long long)pos);
}

static void tell_near(const leat_my_retained *r, const leat_gauges *g, const char *file)
{
    char iso[LEAT_ISO_MAX];
    char age[64] = "", size[128] = "";
    if (g->log_until_us > 0)
        snprintf(age, sizeof age, " from=%s", leat_iso_us(g->log_until_us, 0, iso));
    if (g->retained_limit > 0)
        snprintf(size, sizeof size, " retained=%lld limit=%lld", (long long)g->retained_bytes,
                 (long long)g->retained_limit);
    leat_log(LEAT_WARN, "mysql.log_expires",
             "file=%s%s%s the server may soon remove this log, of which not all was read (it keeps "
             "logs for %lld s%s): what was not read by then is lost to this connector. Let it go "
             "on (`leat why NAME` says what holds it up), or have logs kept for longer: SET GLOBAL "
             "%s, and in the server's configuration",
             file, age, size, (long long)(r->expires_us / 1000000),
             r->most ? ", and not more than max_binlog_total_size" : "",
             r->most ? "binlog_expire_logs_seconds and max_binlog_total_size"
                     : "binlog_expire_logs_seconds (old servers: expire_logs_days)");
}

static bool is_near(const leat_my_retained *r, const leat_gauges *g, int64_t part)
{
    int64_t left = g->log_until_us > 0 ? g->log_until_us - leat_now_us() : INT64_MAX;
    bool old = left < r->expires_us / part;
    return old || (g->retained_limit > 0 &&
                   g->retained_limit - g->retained_bytes < g->retained_limit / part);
}

/* A log that is the last one is never removed. */
static void warn(leat_my_source *s)
{
    leat_my_retained *r = s->retained;
    leat_gauges g = {0};
    const char *file;
    uint64_t pos;
    unsigned near = 0;
    leat_my_retained_gauge(s, &g);
    if (!needed(s, &file, &pos)) return;
    const kept_log *log = find(r, file);
    if (log && !is_last(r, log)) near = is_near(r, &g, NEARER) ? 2 : is_near(r, &g, NEAR);
    if (g.log_removed) near = 3;
    if (near > r->warned && near == 3) tell_removed(file, pos);
    if (near > r->warned && near < 3) tell_near(r, &g, file);
    r->warned = near;
}

static void begin(leat_my_source *s)
{
    leat_my_retained *r = s->retained = leat_zalloc(1, sizeof *s->retained);
    if (!leat_str_eq(s->at.server, s->server)) return;
    snprintf(r->file, sizeof r->file, "%s", s->at.file);
    r->pos = s->at.pos;
}

void leat_my_retained_look(leat_my_source *s)
{
    leat_err e;
    int64_t now = leat_mono_us();
    if (!s->retained) begin(s);
    leat_my_retained *r = s->retained;
    if (now < r->next_us) return;
    leat_rc rc = look(s, &e);
    r->known = rc == LEAT_OK;
    r->failed = rc == LEAT_OK ? 0 : r->failed + 1;
    if (rc == LEAT_CONF ? !r->refused : r->failed == FAILS) {
        tell_unknown(&e, "what the server keeps of its log, and for how long,");
        r->refused = true;
    }
    bool soon = r->missed > 0 && r->missed < SURE;
    bool hard = rc != LEAT_OK || r->unclosed > 0;
    r->next_us = now + (hard ? LATER_US : soon ? SOON_US : LOOK_US);
    if (rc == LEAT_OK) warn(s);
}
