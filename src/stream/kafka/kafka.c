/* Delivery to Kafka: the calls of a stream (stream/kafka/kafka.h).
 *
 * Every call looks first what the producer has to say: reports move what is delivered, refused
 * records are dealt with, a dead producer is replaced, and what is not sent yet is sent. append
 * gives a batch to the producer at once, so a change waits for nothing; commit saves what is
 * delivered when that is worth it, and says AGAIN until all is. In the phases SPOOL and DRAIN
 * append and commit are the spool's, while it is sent beside. Run by the one thread that appends
 * and commits. */
#include "stream/kafka/kafka.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "stream/kafka/part.h"
#include "stream/page.h"

enum {
    WINDOW_BYTES = 8 << 20,
    AWAY_US = 10000000,
    BATCH_EVENTS = 2048,
    BATCH_BYTES = 512 << 10,
    FULL_MS = 5,     /* append waits so long for room */
    CLOSE_MS = 2000, /* what is on its way at the end may still be acknowledged */
    EDIT_US = 10000000,
    MIRROR_US = 250000,
    TIMEOUT_US = 60000000,
};

static leat_kafka *of(const leat_stream *s)
{
    return (leat_kafka *)(void *)(uintptr_t)s;
}

const char *leat_kafka_phase_name(leat_kafka_phase phase)
{
    static const char *const names[] = {"DIRECT", "SPOOL", "DRAIN"};
    return (unsigned)phase < sizeof names / sizeof *names ? names[phase] : "DIRECT";
}

/* ---- what the producer has to say ---- */

static leat_rc go_to_spool(leat_kafka *k, leat_err *e)
{
    if (k->conf.spool_bytes == 0 || k->straight || !leat_kafka_away(k)) return LEAT_OK;
    if (leat_kafka_once(k) && !k->once.known) return LEAT_OK;
    return leat_kafka_spool_enter(k, e);
}

/* Mirrors the status to the counters page, now and then. */
static void mirror(leat_kafka *k)
{
    leat_kafka_status st;
    struct leat_page *p = k->page;
    int64_t now = leat_mono_us();
    if (p == NULL || (k->phase == k->told_phase && now - k->told_us < MIRROR_US)) return;
    k->told_us = now;
    k->told_phase = k->phase;
    leat_kafka_status_get(&k->stream, &st);
    atomic_store(&p->delivery, (uint32_t)st.phase + 1);
    atomic_store(&p->delivery_since_us, st.since_us);
    atomic_store(&p->window_bytes, st.window_bytes);
    atomic_store(&p->spool_bytes, (uint64_t)st.spool_bytes);
    atomic_store(&p->spool_events, st.spool_events);
    atomic_store(&p->spool_max_bytes, (uint64_t)st.spool_max);
    atomic_store(&p->spool_full_us, st.full_at_us);
    atomic_store(&p->producers, st.resets);
    const leat_page_trouble trouble = {st.last, st.trouble_us, st.again_us};
    if (st.trouble_us != 0 || atomic_load(&p->trouble_us) != 0)
        leat_page_set_trouble(p, st.trouble_us != 0 ? &trouble : NULL);
    if (!st.once) return;
    atomic_store(&p->tx_state, st.tx_state + 1);
    atomic_store(&p->tx_doubt, st.doubt);
    atomic_store(&p->tx_us, st.tx_us);
    atomic_store(&p->tx_commits, st.commits);
    atomic_store(&p->tx_aborts, st.aborts);
}

/* Looks at reports, waits for them at most wait_ms, and does what follows from them. */
static leat_rc look(leat_kafka *k, int wait_ms, leat_err *e)
{
    k->broker->ops->poll(k->broker, wait_ms);
    bool down = k->broker->ops->down(k->broker, NULL);
    if (down) k->seen_down_us = leat_mono_us();
    if (!down)
        k->down_us = 0;
    else if (k->down_us == 0)
        k->down_us = k->seen_down_us;
    LEAT_TRY(leat_kafka_cluster_look(k, e));
    if (k->sure) { /* else whose reports they are is not known yet */
        LEAT_TRY(leat_kafka_settle_refused(k, e));
        leat_kafka_advance(k);
    }
    leat_rc rc = leat_kafka_once(k) ? leat_kafka_once_step(k, e) : leat_kafka_revive(k, e);
    if (rc == LEAT_OK && !leat_kafka_once(k)) rc = leat_kafka_feed(k, e);
    LEAT_TRY(rc);
    if (k->spool == NULL) rc = go_to_spool(k, e);
    if (rc == LEAT_OK && k->spool != NULL) rc = leat_kafka_spool_drain(k, e);
    mirror(k);
    return rc;
}

static leat_rc save_if_due(leat_kafka *k, leat_err *e)
{
    if (!leat_kafka_save_due(k)) return LEAT_OK;
    LEAT_TRY(leat_kafka_save(k, e));
    if (k->spool != NULL) leat_kafka_spool_release(k);
    return LEAT_OK;
}

/* ---- the stream's calls ---- */

static leat_rc no_room(leat_kafka *k, leat_err *e)
{
    leat_err why = k->last;
    if (!leat_kafka_away(k)) return LEAT_AGAIN;
    k->broker->ops->down(k->broker, &why);
    return leat_fail(e, LEAT_RETRY, "kafka.down", k->connector,
                     "Kafka has acknowledged nothing for %" PRId64 " s and %zu bytes wait for it: "
                     "the source waits too, and its log grows. %.300s%s",
                     (leat_mono_us() - k->moved_us) / 1000000, k->window_bytes, why.msg,
                     k->conf.spool_bytes ? "" : " With spool.max.bytes the disk would hold it");
}

/* A transaction ends in the first nsafe events: not what is told beside it, as a heartbeat. */
static bool ends_one(const leat_kafka *k, const leat_batch *b, uint32_t nsafe)
{
    for (uint32_t i = 0; i < nsafe; i++)
        if (b->ev[i].tx != 0) return true;
    return k->tail;
}

/* The books of what is appended behind the last safe place. */
static void note_open(leat_kafka *k, const leat_batch *b, leat_str progress)
{
    bool safe = progress.s != NULL || b->safe.offset.s != NULL;
    bool whole = leat_kafka_whole(b, progress);
    uint32_t nsafe = whole ? b->n : safe ? b->nsafe : 0;
    if (safe && k->straight && ends_one(k, b, nsafe)) k->straight = false;
    if (safe) {
        k->open = (leat_counts){0};
        k->open_events = 0;
        k->tail = false;
        leat_counts_sub(&k->open, whole ? &b->counts : &b->safe_counts);
    }
    leat_counts_add(&k->open, &b->counts);
    k->open_events += b->n - nsafe;
    k->tail = k->tail || b->n > nsafe;
    k->appends++;
}

static leat_rc append_spool(leat_kafka *k, const leat_batch *b, leat_str progress, leat_err *e)
{
    bool safe = progress.s != NULL || b->safe.offset.s != NULL;
    if (leat_kafka_spool_hold(k)) return LEAT_AGAIN;
    LEAT_TRY(leat_kafka_spool_append(k, b, progress, e));
    leat_kafka_note_txs(k, b, leat_kafka_whole(b, progress) ? b->n : safe ? b->nsafe : 0, safe);
    note_open(k, b, progress);
    return LEAT_OK;
}

static leat_rc append(leat_stream *s, const leat_batch *b, leat_str progress, leat_err *e)
{
    leat_kafka *k = of(s);
    LEAT_TRY(look(k, 0, e));
    if (k->spool == NULL && leat_kafka_full(k)) {
        LEAT_TRY(look(k, FULL_MS, e));
        if (k->spool == NULL && leat_kafka_full(k)) return no_room(k, e);
    }
    if (k->spool != NULL) return append_spool(k, b, progress, e);
    leat_parcel *p = leat_kafka_push(k, b, progress, false);
    note_open(k, b, progress);
    p->number = k->appends;
    k->once.more = leat_batch_full(b);
    k->once.appended_us = leat_mono_us();
    LEAT_TRY(leat_kafka_send(k, p, b, e));
    k->broker->ops->send(k->broker);
    return LEAT_OK;
}

/* A safe place was appended that is not saved yet. */
static bool behind(const leat_kafka *k)
{
    if (leat_kafka_once(k)) return leat_kafka_once_behind(k);
    if (k->unsaved) return true;
    for (size_t i = 0; i < k->nparcels; i++) {
        const leat_parcel *p = leat_kafka_parcel(k, i);
        if (p->safe && !p->taken && !p->spooled) return true;
    }
    return false;
}

static leat_rc commit(leat_stream *s, leat_err *e)
{
    leat_kafka *k = of(s);
    LEAT_TRY(look(k, 0, e));
    LEAT_TRY(save_if_due(k, e));
    if (k->spool != NULL) {
        LEAT_TRY(leat_kafka_spool_commit(k, e));
        k->state.settled = k->appends;
        return LEAT_OK;
    }
    return behind(k) ? LEAT_AGAIN : LEAT_OK;
}

static leat_rc rollback(leat_stream *s, leat_err *e)
{
    leat_kafka *k = of(s);
    if (k->spool != NULL) LEAT_TRY(k->spool->ops->rollback(k->spool, e));
    leat_kafka_take_back(k);
    return LEAT_OK;
}

/* What may work later is told by append or commit; a pause or a source that is away does not end by
 * it. */
static leat_rc tend(leat_stream *s, leat_err *e)
{
    leat_kafka *k = of(s);
    leat_err why = {0};
    leat_rc rc = look(k, 0, &why);
    if (!leat_rc_failed(rc)) rc = save_if_due(k, &why);
    if (!leat_rc_failed(rc) && k->spool != NULL) rc = k->spool->ops->tend(k->spool, &why);
    leat_kafka_publish(k);
    if (rc == LEAT_RETRY) {
        k->last = why;
        return LEAT_OK;
    }
    if (leat_rc_failed(rc) && e != NULL) *e = why;
    return rc;
}

static size_t pending(const leat_stream *s)
{
    const leat_kafka *k = of(s);
    return k->spool ? k->spool->ops->pending(k->spool) : SIZE_MAX;
}

static bool arrived(const leat_stream *s)
{
    return of(s)->spool == NULL;
}

/* A spool in force says itself where the source goes on. */
static bool known(const leat_stream *s)
{
    const leat_kafka *k = of(s);
    return !leat_kafka_once(k) || k->spool != NULL || k->once.known;
}

static const leat_stream_state *state(const leat_stream *s)
{
    return &of(s)->state;
}

static size_t memory(const leat_stream *s)
{
    const leat_kafka *k = of(s);
    size_t held = k->window_bytes + k->broker->ops->queued(k->broker) + k->batch.arena.held;
    held += k->bytes.cap + k->scratch.held + k->ring.cap * sizeof *k->ring.tx;
    if (k->spool) held += k->spool->ops->memory(k->spool);
    return held;
}

static leat_rc finish_all(leat_kafka *k, leat_err *e)
{
    int64_t until = leat_mono_us() + EDIT_US;
    for (;;) {
        leat_rc rc = commit(&k->stream, e);
        if (rc != LEAT_AGAIN) return rc;
        if (leat_mono_us() >= until)
            return leat_fail(e, LEAT_RETRY, "kafka.unfinished", k->connector,
                             "%zu batches are on their way to Kafka and not acknowledged%s; "
                             "nothing was changed, try again when it answers",
                             k->nparcels,
                             leat_kafka_once(k) && (!k->once.known || k->once.doubt)
                                 ? ", and what was committed last is not known yet"
                                 : "");
        LEAT_TRY(look(k, FULL_MS, e));
    }
}

/* What a person says counts, whatever the offset topic has; and nothing of what is behind it is
 * known to be delivered. */
static leat_rc edit_books(leat_kafka *k, const leat_position *pos, size_t n, leat_str progress,
                          leat_err *e)
{
    leat_books was;
    leat_books_init(&was);
    leat_books_copy(&was, &k->books);
    k->books.ahead = true;
    leat_kafka_forget_open(&k->books);
    for (size_t i = 0; i < n; i++) leat_reach_move(&k->books.done, pos[i]);
    /* what is forgotten here is forgotten there */
    for (size_t i = 0; i < n; i++)
        leat_reach_move(&k->published, (leat_position){pos[i].partition, LEAT_STR("-")});
    leat_reach_progress(&k->books.done, progress);
    leat_rc rc = leat_kafka_save(k, e);
    if (rc == LEAT_OK)
        k->once.announce = true;
    else
        leat_books_copy(&k->books, &was);
    leat_books_free(&was);
    return rc;
}

static leat_rc edit(leat_stream *s, const leat_position *pos, size_t n, leat_str progress,
                    leat_err *e)
{
    leat_kafka *k = of(s);
    LEAT_TRY(rollback(s, e));
    LEAT_TRY(finish_all(k, e));
    if (k->spool != NULL) {
        LEAT_TRY(k->spool->ops->edit(k->spool, pos, n, progress, e));
        leat_kafka_show_spool(k);
        return LEAT_OK;
    }
    return edit_books(k, pos, n, progress, e);
}

/* ---- open, close ---- */

static void release(leat_kafka *k)
{
    leat_kafka_window_fini(k);
    leat_kafka_spool_close(k);
    leat_kafka_records_fini(k);
    k->broker->ops->close(k->broker, 0);
    if (k->conf.offsets) k->conf.offsets->ops->close(k->conf.offsets, 0);
    leat_reach_free(&k->published);
    leat_kafka_once_free(k);
    leat_books_free(&k->books);
    leat_reach_free(&k->shown);
    leat_ring_free(&k->ring);
    leat_free(k->spool_page);
    leat_free(k->data);
    leat_free(k->connector);
    leat_free(k->spool_data);
    leat_free(k);
}

/* What is on its way may still arrive: what is saved of it is not sent again. */
static void close_stream(leat_stream *s)
{
    leat_kafka *k = of(s);
    int64_t until = leat_mono_us() + CLOSE_MS * 1000;
    leat_rc rc = LEAT_OK;
    while ((rc == LEAT_OK || rc == LEAT_RETRY) && k->nparcels > 0 && leat_mono_us() < until)
        rc = k->again ? LEAT_FATAL : look(k, FULL_MS, NULL);
    leat_kafka_once_close(k);
    bool some = k->cursor_moved || (k->unsaved && (leat_kafka_once(k) || !k->spool));
    if (some && !k->once.doubt && leat_kafka_save(k, NULL) != LEAT_OK)
        leat_log(LEAT_WARN, "kafka.unsaved", "what was acknowledged last is sent again");
    leat_kafka_publish_end(k, until);
    release(k);
}

static const leat_stream_ops ops = {
    .name = "kafka",
    .append = append,
    .commit = commit,
    .rollback = rollback,
    .tend = tend,
    .edit = edit,
    .pending = pending,
    .arrived = arrived,
    .known = known,
    .state = state,
    .close = close_stream,
    .memory = memory,
};

leat_rc leat_kafka_open(const leat_kafka_conf *conf, leat_stream **out, leat_err *e)
{
    leat_kafka *k = leat_zalloc(1, sizeof *k);
    k->stream.ops = &ops;
    k->conf = *conf;
    k->broker = conf->broker;
    k->page = conf->page;
    k->data = leat_strdup(conf->data);
    k->connector = leat_strdup(conf->connector);
    if (k->conf.window_bytes == 0) k->conf.window_bytes = WINDOW_BYTES;
    if (k->conf.away_us == 0) k->conf.away_us = AWAY_US;
    if (k->conf.timeout_us == 0) k->conf.timeout_us = TIMEOUT_US;
    k->next_tag = 1;
    k->sure = true;
    k->moved_us = leat_mono_us();
    k->since_us = leat_now_us();
    leat_books_init(&k->books);
    leat_books_init(&k->once.next);
    leat_reach_init(&k->shown);
    leat_batch_init(&k->batch, BATCH_EVENTS, BATCH_BYTES);
    leat_kafka_records_init(k);
    leat_reach_init(&k->published);
    *conf->events = (leat_broker_events){.report = leat_kafka_report, .arg = k};
    if (conf->offsets)
        *conf->offsets_events = (leat_broker_events){.report = leat_kafka_publish_report, .arg = k};
    leat_rc rc = leat_kafka_load(k, e);
    if (rc == LEAT_OK) rc = leat_kafka_spool_find(k, e);
    if (rc != LEAT_OK) {
        release(k);
        return rc;
    }
    k->told_us = -MIRROR_US;
    mirror(k);
    *out = &k->stream;
    return LEAT_OK;
}

/* ---- status ---- */

static int64_t forecast(const leat_kafka *k, int64_t bytes)
{
    int64_t past = leat_now_us() - k->since_us, left = k->conf.spool_bytes - bytes;
    if (k->phase != LEAT_KAFKA_SPOOL || bytes <= 0 || past <= 0) return 0;
    double us = (double)left * (double)past / (double)bytes;
    return us > 1e15 ? 0 : leat_now_us() + (int64_t)us;
}

/* Exactly once: the producer begins, and that fails or takes long. */
static bool begins_badly(const leat_kafka *k)
{
    if (!leat_kafka_once(k) || k->once.state > LEAT_ONCE_READ) return false;
    return leat_rc_failed(k->last.rc) || leat_mono_us() - k->moved_us >= k->conf.away_us;
}

/* The brokers can be reached, and nothing comes of it. */
static void tell_silence(const leat_kafka *k, int64_t seconds, leat_err *out)
{
    leat_once_state state = k->once.state;
    if (leat_kafka_once(k) && state == LEAT_ONCE_FENCE)
        leat_fail(out, LEAT_RETRY, "kafka.silent", k->connector,
                  "the brokers can be reached, and have not given out the transactional id for "
                  "%" PRId64 " s: look at their logs for the transaction coordinator "
                  "(__transaction_state, transaction.state.log.replication.factor)",
                  seconds);
    else if (leat_kafka_once(k) && state <= LEAT_ONCE_READ)
        leat_fail(out, LEAT_RETRY, "kafka.silent", k->connector,
                  "the offset topic could not be read to its end for %" PRId64
                  " s: a transaction that another one left open in it ends after its "
                  "transaction.timeout.ms",
                  seconds);
    else
        leat_fail(out, LEAT_RETRY, "kafka.silent", k->connector,
                  "the brokers can be reached, and have acknowledged nothing for %" PRId64
                  " s: look at their logs, disks and in-sync replicas (min.insync.replicas)",
                  seconds);
}

/* Nothing is acknowledged although something should be: since when, why, and what follows. */
static void note_trouble(const leat_kafka *k, leat_kafka_status *out)
{
    leat_err why = {0};
    int64_t now = leat_now_us(), mono = leat_mono_us(), since = k->moved_us;
    bool down = k->broker->ops->down(k->broker, &why);
    bool begins = begins_badly(k);
    if (!k->again && !down && !begins && !leat_kafka_away(k)) return;
    if (down && k->down_us != 0 && k->down_us < since) since = k->down_us;
    out->trouble_us = now - (mono - since);
    if (k->again) out->again_us = now + k->reset_us + k->reset_pause - mono;
    if (begins) out->again_us = now + k->once.again_us - mono;
    if (out->again_us < now) out->again_us = 0;
    if (down && leat_rc_failed(why.rc)) out->last = why;
    if (leat_rc_failed(out->last.rc)) return;
    tell_silence(k, (mono - since) / 1000000, &out->last);
}

void leat_kafka_status_get(const leat_stream *s, leat_kafka_status *out)
{
    const leat_kafka *k = of(s);
    *out = (leat_kafka_status){
        .phase = k->phase,
        .since_us = k->since_us,
        .window_bytes = k->window_bytes + k->broker->ops->queued(k->broker),
        .spool_max = k->conf.spool_bytes,
        .resets = k->resets,
        .once = k->conf.once,
        .tx_state = (uint32_t)k->once.state,
        .tx_us = k->once.shown_us,
        .commits = k->once.commits,
        .aborts = k->once.aborts,
        .tx_parcels = k->nparcels,
        .inside = k->books.open_seq > 0,
        .known = known(s),
        .doubt = k->once.doubt,
        .last = k->last,
    };
    note_trouble(k, out);
    for (size_t i = 0; i < k->nparcels; i++) out->window_events += leat_kafka_parcel(k, i)->n;
    if (k->spool == NULL) return;
    out->spool_bytes = leat_kafka_spool_bytes(k);
    out->spool_events = leat_kafka_spool_events(k);
    out->full_at_us = forecast(k, out->spool_bytes);
}
