/* Reading the log: packet after packet becomes events in a batch.
 *
 * One call reads until the batch is full, nothing is at hand, or time is up. A transaction may span
 * any number of batches. Places of heartbeats and of new files, while no transaction is open, move
 * the position as well, at most once a second and only when there is nothing else to say. A server
 * that is silent although heartbeats were asked for is taken for gone. Run by the task's thread. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "source/mysql/my.h"

enum {
    LONGEST_US = 100000, /* one read, when everything is filtered */
    IDLE_US = 1000000,   /* between places that heartbeats make */
    ALIVE_MS = 10000,    /* silence after which the server sends a heartbeat ... */
    LAZY_MS = 60000,     /* ... and where connect.keep.alive is off ... */
    EAGER_MS = 1000,     /* ... and while a snapshot waits for places */
    BUSY_MS = 5,         /* longest wait while rows of a signal are to be read */
    SILENCES = 5,        /* so many of these, and the server is gone */
};

static int64_t heartbeat_ms(const leat_my_source *s)
{
    return s->target.keepalive ? ALIVE_MS : LAZY_MS;
}

/* ---- starting ---- */

static void tell_start(const leat_my_source *s, const leat_my_start *from, leat_str gtids)
{
    if (s->by_gtid)
        leat_log(LEAT_INFO, "mysql.streaming", "server_id=%u gtids=" LEAT_STR_FMT, from->server_id,
                 LEAT_STR_ARG(gtids));
    else
        leat_log(LEAT_INFO, "mysql.streaming", "server_id=%u from=%s:%llu", from->server_id,
                 from->file, (unsigned long long)from->pos);
}

/* Behind a name that stands for several servers each session may be on another one. */
static leat_rc same_server(leat_my_source *s, leat_err *e)
{
    leat_str name;
    LEAT_TRY(leat_my_server_name(&s->dump, &s->scratch, &name, e));
    if (leat_str_eq(name, s->server)) return LEAT_OK;
    return leat_fail(e, LEAT_RETRY, "mysql.other_session", s->target.host,
                     "one session came to the server " LEAT_STR_FMT ", the next to " LEAT_STR_FMT
                     ": database.hostname must name one server, or one at a time",
                     LEAT_STR_ARG(s->server), LEAT_STR_ARG(name));
}

static leat_rc start(leat_my_source *s, leat_err *e)
{
    leat_buf set = {0}, text = {0};
    leat_my_start from = {
        .file = s->at.file,
        .pos = s->at.pos < 4 ? 4 : s->at.pos,
        .server_id = (uint32_t)s->conf->server_id,
        .heartbeat_ms = s->beside || s->inc->first ? EAGER_MS : heartbeat_ms(s),
        .statements = s->conf->include_query, /* else Debezium's offsets do not count them */
        .uuid = s->uuid,
    };
    LEAT_TRY(leat_my_connect(&s->dump, &s->target, e));
    LEAT_TRY(same_server(s, e));
    if (s->by_gtid && s->mariadb) {
        leat_mariadb_gtids_print(&s->state, &text);
        from.state = leat_buf_str(&text);
    } else if (s->by_gtid) {
        leat_gtid_set_encode(&s->gtids, &set);
        leat_gtid_set_print(&s->gtids, &text);
        from.gtids = leat_buf_str(&set);
    }
    if (s->by_gtid) from.file = "";
    if (s->by_gtid) from.pos = 4;
    leat_rc rc = leat_my_dump(&s->dump, &from, e);
    tell_start(s, &from, leat_buf_str(&text));
    leat_buf_free(&set);
    leat_buf_free(&text);
    LEAT_TRY(rc);
    snprintf(s->file, sizeof s->file, "%s", s->at.file);
    s->pos = s->event_pos = s->at.pos;
    s->format = (leat_binlog_format){.checksum = LEAT_BINLOG_CHECKSUM_UNKNOWN};
    s->streaming = true;
    s->heard_us = leat_mono_us();
    return LEAT_OK;
}

/* ---- reading ---- */

static bool counted(const leat_batch *b)
{
    return b->n > 0 || b->counts.received > 0 || b->dead != NULL;
}

/* The next event of a compressed transaction. */
static leat_rc take_packed(leat_my_source *s, leat_batch *b, leat_err *e)
{
    leat_str bytes;
    leat_rc rc = leat_binlog_unpack_next(&s->unpack, &bytes, e);
    if (rc == LEAT_OK) return leat_my_event(s, b, &s->unpack.format, bytes, e);
    leat_binlog_unpack_fini(&s->unpack);
    s->unpacking = false;
    return rc == LEAT_AGAIN ? LEAT_OK : rc;
}

static leat_rc silent(const leat_my_source *s, leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "mysql.silent", s->target.host,
                     "the server sent nothing for %lld s, not even the heartbeats it was asked for",
                     (long long)(heartbeat_ms(s) * SILENCES / 1000));
}

static leat_rc take_next(leat_my_source *s, leat_batch *b, int wait_ms, leat_err *e)
{
    leat_str bytes;
    if (s->unpacking) return take_packed(s, b, e);
    leat_rc rc = leat_my_dump_next(&s->dump, wait_ms, &bytes, e);
    if (rc == LEAT_AGAIN) {
        bool gone = leat_mono_us() - s->heard_us > heartbeat_ms(s) * SILENCES * 1000;
        return gone ? silent(s, e) : LEAT_AGAIN;
    }
    if (rc == LEAT_PENDING)
        return leat_fail(e, LEAT_RETRY, "mysql.closed", s->target.host,
                         "the server ended the stream: it is shutting down, or another reader with "
                         "database.server.id=%lld has come",
                         (long long)s->conf->server_id);
    LEAT_TRY(rc);
    s->heard_us = leat_mono_us();
    return leat_my_event(s, b, &s->format, bytes, e);
}

/* Event after event into the batch, as long as there are any. */
static leat_rc take(leat_my_source *s, leat_batch *b, int64_t begun, int wait_ms, leat_err *e)
{
    for (unsigned n = 0; !leat_batch_full(b) && !s->inc->block; n++) {
        int64_t spent = n % 64 == 0 || !counted(b) ? leat_mono_us() - begun : 0;
        int left = wait_ms - (int)(spent / 1000);
        if (counted(b) && n && n % 64 == 0 && spent > LONGEST_US) break;
        if (!counted(b) && n && (left <= 0 || s->safe)) break;
        leat_rc rc = take_next(s, b, counted(b) || left < 0 ? 0 : left, e);
        if (rc == LEAT_AGAIN) break;
        LEAT_TRY(rc);
    }
    return LEAT_OK;
}

/* A place without anything in it, if it is time for one. */
static void idle_place(leat_my_source *s, leat_batch *b)
{
    int64_t now = leat_mono_us();
    if (s->tx.open || s->safe || counted(b)) return;
    bool ahead = s->hurry && leat_my_place_cmp(s->file, s->pos, s->at.file, s->at.pos) > 0;
    s->hurry = false;
    if (ahead) leat_my_place_here(s);
    if (!ahead && (!s->moved || (s->idle_us && now - s->idle_us < IDLE_US))) return;
    s->idle_us = now;
    leat_my_safe_here(s, b);
}

/* Before the stream: what tables look like, and where it all begins is to be remembered. */
static leat_rc begin(leat_my_source *s, leat_batch *b, leat_err *e)
{
    leat_buf text = {0};
    leat_rc rc = s->begins ? leat_my_begin(s, b, false, e) : LEAT_OK;
    if (rc != LEAT_OK) return rc == LEAT_AGAIN ? LEAT_OK : rc;
    s->begins = false;
    s->resumed = true;
    leat_my_safe_here(s, b);
    leat_batch_safe_position(b, leat_my_stream_position(s, &text));
    leat_buf_free(&text);
    return LEAT_OK;
}

leat_rc leat_my_stream_read(leat_my_source *s, leat_batch *b, int wait_ms, leat_err *e)
{
    int64_t begun = leat_mono_us();
    leat_buf text = {0};
    s->safe = false;
    leat_my_retained_look(s);
    if (s->begins || !s->resumed) return begin(s, b, e);
    if (!s->streaming) LEAT_TRY(start(s, e));
    b->tx_open = s->tx.open;
    if (!s->tx.open && leat_records_heartbeat(s->records, b, leat_now_us()))
        leat_my_safe_here(s, b);
    if (leat_rc_failed(s->held.rc)) {
        *e = s->held;
        return e->rc;
    }
    bool waits = false;
    if (!s->tx.open) LEAT_TRY(leat_increment_turn(s->inc, b, &waits, e));
    if (leat_increment_busy(s->inc) && wait_ms > BUSY_MS) wait_ms = BUSY_MS;
    if (s->hurry) idle_place(s, b);
    leat_rc rc = s->safe || waits ? LEAT_OK : take(s, b, begun, wait_ms, e);
    if (rc == LEAT_CONF && s->safe) { /* what was read before is delivered first */
        s->held = *e;
        rc = LEAT_OK;
    }
    LEAT_TRY(rc);
    idle_place(s, b);
    if (s->safe) leat_batch_safe_position(b, leat_my_stream_position(s, &text));
    leat_buf_free(&text);
    return counted(b) || s->safe ? LEAT_OK : LEAT_AGAIN;
}
