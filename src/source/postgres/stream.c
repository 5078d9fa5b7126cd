/* Streaming: frames of the replication connection become events and safe places.
 *
 * read() takes frame after frame until the batch is full, or nothing is at hand, or time is up. A
 * transaction may span any number of batches: nothing is held back until its end, so its size costs
 * no memory. Every change is counted where its frame comes in, before anything is decided about it.
 * A commit is a safe place at its END (the commit record's own LSN would bring the transaction
 * again). Keepalives seen while no transaction is open move the place as well, at most once a
 * second and only when there is nothing else to say, so that an idle or wholly filtered connector
 * never holds the server's log back.
 *
 * Transactions that end at or before the place stored come again only if the server disagrees with
 * us about it; they are counted as deduplicated and skipped whole. Protocol 1: a transaction
 * arrives after its commit, in one piece. Run by the task's thread. */
#include "base/clock.h"
#include "base/log.h"
#include "source/postgres/incremental.h"
#include "source/postgres/params.h"
#include "source/postgres/publication.h"
#include "source/postgres/reader.h"
#include "source/postgres/walframe.h"
#include "system/postgres/quote.h"

enum {
    LONGEST_US = 100000, /* one read, when everything is filtered */
    GATHER_US = 10000,   /* one read that waits for more while much comes */
    IDLE_US = 1000000,   /* between places that keepalives make */
    ASK_US = 5000000,    /* between questions for the server's end while idle */
    BUSY_US = 20000,     /* the same while rows wait for the stream ... */
    BUSY_MS = 5,         /* ... which then waits no longer than that */
    HURRY_US = 10000,    /* the same while a place ahead is waited for */
};

leat_position leat_pg_stream_position(leat_pg_source *s, leat_buf *text)
{
    leat_buf_clear(text);
    leat_pg_position_write(&s->at, text);
    text->len--; /* the object goes on */
    leat_jw w = {.out = text, .comma = true, .depth = 1, .is_object = 1};
    leat_increment_write(s->inc, &w);
    leat_buf_u8(text, '}');
    return (leat_position){s->partition, leat_buf_str(text)};
}

void leat_pg_safe_here(leat_pg_source *s, leat_batch *b)
{
    leat_batch_safe_mark(b);
    s->safe = true;
}

/* The position of the last safe place, once a batch: s->at has not moved since. */
static void put_position(leat_pg_source *s, leat_batch *b)
{
    leat_buf text = {0};
    if (!s->safe) return;
    leat_batch_safe_position(b, leat_pg_stream_position(s, &text));
    leat_buf_free(&text);
}

/* ---- starting ---- */

/* Appends a text constant. The replication grammar knows no E'': a doubled quote is all that needs
 * care. */
static void put_text(leat_buf *out, leat_str text)
{
    leat_buf_quoted(out, text, '\'');
}

static leat_rc put_start(const leat_pg_source *s, leat_buf *out, leat_err *e)
{
    char place[LEAT_LSN_TEXT];
    leat_buf names = {0};
    for (size_t i = 0; i < s->conf->publications.n; i++) {
        leat_buf_str_z(&names, i ? "," : "");
        leat_pg_quote_name(&names, leat_str_of(s->conf->publications.v[i]));
    }
    leat_buf_str_z(out, "START_REPLICATION SLOT ");
    leat_pg_quote_name(out, leat_str_of(s->conf->slot));
    leat_buf_printf(out, " LOGICAL %s (proto_version '1', publication_names ",
                    leat_lsn_print(s->at.lsn, place));
    put_text(out, leat_buf_str(&names));
    leat_buf_free(&names);
    LEAT_TRY(leat_pg_params_put(s->conf->params, s->wal.version, out, e));
    leat_buf_str_z(out, ")");
    leat_buf_u8(out, 0);
    return LEAT_OK;
}

/* Sends the command; a slot that another process has taken since open is waited for as there. */
static leat_rc begin_copy(leat_pg_source *s, const char *command, leat_err *e)
{
    leat_rc rc;
    do {
        if (!s->wal.pg) LEAT_TRY(leat_pg_connect(&s->wal, &s->conf->target, true, s->app, e));
        rc = leat_pg_copy(&s->wal, "start replication", command, PGRES_COPY_BOTH,
                          s->conf->target.query_ms, e);
        if (rc != LEAT_RETRY || strcmp(e->code, "postgres.slot_in_use") != 0) return rc;
        leat_pg_slot slot;
        LEAT_TRY(leat_pg_source_sql(s, e));
        rc = leat_pg_source_slot(s, &slot, e);
    } while (rc == LEAT_OK);
    return rc;
}

/* status.update.interval.ms, or less where the server would take that silence for a dead reader:
 * its questions are not seen while one long message arrives. */
static int64_t interval_us(const leat_pg_source *s)
{
    int64_t ms = s->conf->status_ms;
    if (s->patience_ms && ms > s->patience_ms / 3) ms = s->patience_ms / 3 + 1;
    return ms * 1000;
}

static leat_rc start(leat_pg_source *s, leat_err *e)
{
    leat_buf command = {0};
    if (!s->wal.pg) LEAT_TRY(leat_pg_connect(&s->wal, &s->conf->target, true, s->app, e));
    leat_rc rc = put_start(s, &command, e);
    if (rc == LEAT_OK) rc = begin_copy(s, command.p, e);
    leat_buf_free(&command);
    LEAT_TRY(rc);
    char place[LEAT_LSN_TEXT];
    s->streaming = true;
    s->snapshot = NULL;
    s->feedback = (leat_pg_feedback){
        .interval_us = interval_us(s),
        .manual = leat_pg_flush_is_manual(s->conf),
        .received = s->at.lsn,
        .acked = s->feedback.acked,
        .server_end = s->server.written,
    };
    leat_log(LEAT_INFO, "postgres.streaming", "slot=%s publication=%s from=%s", s->conf->slot,
             leat_pg_publications_text(&s->conf->publications, &s->arena),
             leat_lsn_print(s->at.lsn, place));
    return LEAT_OK;
}

/* ---- messages ---- */

/* A transaction's id in Debezium's metadata: "xid:lsn" of the message that says so. */
static leat_str tx_id(const leat_pg_source *s, leat_batch *b, uint64_t lsn)
{
    return leat_str_of(leat_arena_printf(&b->arena, "%llu:%llu", (unsigned long long)s->tx.xid,
                                         (unsigned long long)lsn));
}

/* The first transaction behind a place that was inside one: it is that one, or nothing is skipped.
 */
static void resume(leat_pg_source *s)
{
    char place[LEAT_LSN_TEXT];
    bool same = (uint32_t)s->tx.xid == (uint32_t)s->at.tx;
    leat_lsn_print(s->at.sent, place);
    if (same)
        s->tx.sent = s->at.sent;
    else
        leat_log(
            LEAT_WARN, "postgres.resume",
            "tx=%llu is the next one, not %llu, whose changes were delivered up to %s: nothing "
            "is skipped, some may come again",
            (unsigned long long)s->tx.xid, (unsigned long long)s->at.tx, place);
    if (!same) s->at.sent = 0;
}

bool leat_pg_sent_before(leat_pg_source *s, uint64_t lsn)
{
    uint64_t sent = s->tx.sent;
    if (lsn >= sent) s->tx.sent = 0;
    return lsn <= sent;
}

static void begin(leat_pg_source *s, leat_batch *b, const leat_pgoutput_msg *m, uint64_t lsn)
{
    uint64_t xid = leat_pg_xid_widen(m->begin.xid, s->xid_near);
    if (xid > s->xid_near) s->xid_near = xid;
    s->tx = (leat_pg_tx){
        .open = true,
        .known = m->begin.final_lsn < s->at.lsn,
        .xid = xid,
        .final = m->begin.final_lsn,
        .ts_us = m->begin.ts_us,
    };
    b->tx_open = true;
    if (s->at.sent && !s->tx.known) resume(s);
    if (!s->conf->capture.transactions || s->tx.known) return;
    if (s->tx.sent)
        leat_records_resume(s->records);
    else
        leat_records_begin(s->records, b, tx_id(s, b, lsn), xid, s->tx.ts_us);
}

static void commit(leat_pg_source *s, leat_batch *b, const leat_pgoutput_msg *m, uint64_t lsn)
{
    bool known = s->tx.known;
    s->tx.open = false;
    s->tx.known = false;
    b->tx_open = false;
    if (known) return;
    s->at.lsn = s->at.commit = m->commit.end_lsn;
    s->at.tx = s->tx.xid;
    s->at.ts_us = m->commit.ts_us;
    s->at.sent = 0;
    if (s->conf->capture.transactions)
        leat_records_end(s->records, b, tx_id(s, b, lsn), s->tx.xid, m->commit.ts_us);
    leat_pg_safe_here(s, b);
}

/* Remembers where the transaction came from; shown in the source block of its changes. */
static void from_origin(leat_pg_source *s, const leat_pgoutput_msg *m)
{
    leat_buf_clear(&s->origin_name);
    leat_buf_add(&s->origin_name, m->origin.name);
    s->tx.origin = leat_buf_str(&s->origin_name);
    s->tx.origin_lsn = m->origin.lsn;
}

static leat_rc apply(leat_pg_source *s, leat_batch *b, const leat_pgoutput_msg *m, leat_str bytes,
                     uint64_t lsn, leat_err *e)
{
    switch (m->type) {
    case LEAT_PGOUTPUT_BEGIN: begin(s, b, m, lsn); return LEAT_OK;
    case LEAT_PGOUTPUT_COMMIT: commit(s, b, m, lsn); return leat_increment_signals(s->inc, b, e);
    case LEAT_PGOUTPUT_ORIGIN: from_origin(s, m); return LEAT_OK;
    case LEAT_PGOUTPUT_RELATION: return leat_pg_rel_update(s, m, bytes, e);
    case LEAT_PGOUTPUT_INSERT:
    case LEAT_PGOUTPUT_UPDATE:
    case LEAT_PGOUTPUT_DELETE: return leat_pg_change(s, b, m, bytes, lsn, e);
    case LEAT_PGOUTPUT_TRUNCATE: return leat_pg_truncate(s, b, m, lsn, e);
    case LEAT_PGOUTPUT_MESSAGE: return leat_pg_message(s, b, m, lsn, e);
    case LEAT_PGOUTPUT_TYPE:
        /* It says less than the catalog, but comes before a relation that uses the type. */
        if (s->tx.ts_us > s->types_us) s->types_old = true;
        return LEAT_OK;
    default: return LEAT_OK;
    }
}

/* Bytes of changes live in the batch, those of the rest for the call. */
static leat_rc data(leat_pg_source *s, leat_batch *b, const leat_walframe *f, leat_err *e)
{
    leat_str bytes = f->data;
    leat_arena *a = &s->scratch;
    char type = bytes.len ? bytes.s[0] : 0;
    bool change = type == LEAT_PGOUTPUT_INSERT || type == LEAT_PGOUTPUT_UPDATE ||
                  type == LEAT_PGOUTPUT_DELETE || type == LEAT_PGOUTPUT_MESSAGE;
    size_t most = s->task->max_event_bytes;
    bool giant = most > 0 && bytes.len > most && type != LEAT_PGOUTPUT_MESSAGE;
    if (bytes.len > s->largest) s->largest = bytes.len;
    leat_arena_reset(&s->scratch, 1 << 20);
    leat_pgoutput_msg m;
    if (change && !giant && !s->tx.known) bytes = leat_arena_str(&b->arena, bytes);
    LEAT_TRY(leat_pgoutput_decode(bytes, a, &m, e));
    return apply(s, b, &m, bytes, f->start, e);
}

static leat_rc frame(leat_pg_source *s, leat_batch *b, leat_str bytes, leat_err *e)
{
    leat_walframe f;
    LEAT_TRY(leat_walframe_decode(bytes, &f, e));
    if (f.end > s->feedback.server_end) s->feedback.server_end = f.end;
    if (f.type == LEAT_WALFRAME_KEEPALIVE) {
        if (f.reply) s->feedback.wanted = true;
        if (f.end > s->feedback.received) s->feedback.received = f.end;
        if (!s->tx.open && f.end > s->idle_end) s->idle_end = f.end;
        return LEAT_OK;
    }
    if (f.start > s->feedback.received) s->feedback.received = f.start;
    return data(s, b, &f, e);
}

/* ---- while there is nothing ---- */

/* Somebody waits for a place that lies ahead, and end is at it. */
static bool awaited(const leat_pg_source *s, uint64_t end)
{
    bool once = s->at.lsn < s->once_end && end >= s->once_end;
    return once || (s->at.lsn < s->hurry.end && end >= s->hurry.end);
}

/* A keepalive's place, if it is time for one; at once if it is awaited. */
static void idle_place(leat_pg_source *s, leat_batch *b, int64_t now)
{
    if (s->tx.open || s->idle_end <= s->at.lsn) return;
    /* The transaction had been committed when we came: it is not behind what was written then. */
    if (s->at.sent && s->idle_end < s->server.written) return;
    if (!awaited(s, s->idle_end) && s->idle_us && now - s->idle_us < IDLE_US) return;
    s->at.lsn = s->idle_end;
    s->at.sent = 0;
    s->idle_us = now;
    leat_pg_safe_here(s, b);
}

static bool counted(const leat_batch *b)
{
    return b->n > 0 || b->counts.received > 0 || b->dead != NULL;
}

static leat_rc feedback(leat_pg_source *s, int64_t now, leat_err *e)
{
    bool hurry = s->at.lsn < s->hurry.end && s->idle_end < s->hurry.end;
    int64_t every = hurry ? HURRY_US : leat_increment_busy(s->inc) ? BUSY_US : ASK_US;
    bool behind = (s->idle_end <= s->at.lsn || hurry) && now - s->feedback.sent_us >= every;
    return leat_pg_feedback_send(&s->feedback, &s->wal, behind && !s->tx.open, e);
}

/* Any message does (system/postgres/pace.c). */
static leat_rc tell_room(leat_pg_source *s, leat_err *e)
{
    if (!s->wal.pace.told) return LEAT_OK;
    s->feedback.wanted = true;
    return feedback(s, leat_mono_us(), e);
}

/* Frame after frame into the batch, as long as there are any. */
static leat_rc take(leat_pg_source *s, leat_batch *b, int64_t begun, int wait_ms, leat_err *e)
{
    for (unsigned n = 0; !leat_batch_full(b) && !s->inc->block; n++) {
        char *row;
        size_t len;
        int ms = n == 0 && !counted(b) ? wait_ms : 0;
        if (n && n % 64 == 0 && leat_mono_us() - begun > LONGEST_US) break;
        leat_rc rc = leat_pg_copy_row(&s->wal, "read the stream", ms, &row, &len, e);
        if (rc == LEAT_AGAIN) {
            LEAT_TRY(tell_room(s, e));
            if (s->wal.pace.gulping && leat_mono_us() - begun < GATHER_US) continue;
            break;
        }
        if (rc == LEAT_PENDING)
            return leat_fail(e, LEAT_RETRY, "postgres.closed", s->conf->slot,
                             "the server ended the stream: it is shutting down or restarting");
        LEAT_TRY(rc);
        rc = frame(s, b, (leat_str){row, len}, e);
        PQfreemem(row);
        LEAT_TRY(rc);
        if (s->feedback.wanted) LEAT_TRY(feedback(s, leat_mono_us(), e));
    }
    return LEAT_OK;
}

/* streaming.delay.ms, behind rows that were read just now: true as long as it is to be waited. */
static bool delayed(leat_pg_source *s, int wait_ms)
{
    int64_t now = leat_mono_us();
    if (s->stream_us == 0)
        s->stream_us = now + (s->row_n > 0 ? s->conf->capture.streaming_delay_ms * 1000 : 0);
    if (now >= s->stream_us) return false;
    int64_t left = s->stream_us - now, most = (wait_ms > 20 ? wait_ms : 20) * INT64_C(1000);
    leat_sleep_us(left < most ? left : most);
    return true;
}

leat_rc leat_pg_stream_read(leat_pg_source *s, leat_batch *b, int wait_ms, leat_err *e)
{
    if (!s->streaming && delayed(s, wait_ms)) return LEAT_AGAIN;
    if (!s->streaming) LEAT_TRY(start(s, e));
    int64_t begun = leat_mono_us();
    s->safe = false;
    b->tx_open = s->tx.open;
    LEAT_TRY(feedback(s, begun, e));
    wait_ms = leat_pg_feedback_wait(&s->feedback, wait_ms);
    leat_pg_action_turn(s, begun);
    leat_pg_hurry_rest(s, begun);
    if (!s->tx.open) LEAT_TRY(leat_pg_watch(s, b, begun, e));
    leat_pg_standby_watch(s, begun);
    if (!s->tx.open && leat_records_heartbeat(s->records, b, leat_now_us()))
        leat_pg_safe_here(s, b);
    bool waits = false;
    if (!s->tx.open) { /* the rest of a transaction goes first */
        leat_pg_snapshot_notice(s, b);
        LEAT_TRY(leat_increment_turn(s->inc, b, &waits, e));
    }
    if (leat_increment_busy(s->inc) && wait_ms > BUSY_MS) wait_ms = BUSY_MS;
    if (!waits) LEAT_TRY(take(s, b, begun, wait_ms, e));
    if (!counted(b)) idle_place(s, b, leat_mono_us());
    put_position(s, b);
    return counted(b) || s->safe ? LEAT_OK : LEAT_AGAIN;
}
