/* Exactly once: which transaction of Kafka the records belong to, and what follows from its end
 * (docs/decisions/170-exactly-once.md).
 *
 * A producer first fences who had its transactional id, then reads the offset topic to its end:
 * only then it is known what was committed. A transaction holds whole parcels. To commit it the
 * positions behind its last parcel are added to it in Kafka Connect's format, and a mark: the
 * number of a row that is prepared in the store before the commit is asked for. Whether the row is
 * in force is told by the mark that the offset topic has, so state.db and Kafka agree whatever dies
 * in between. Reports say only that the brokers live; parcels leave the window when their
 * transaction is committed, and are sent again when it is aborted.
 *
 * A transaction of the source may span several of Kafka's. Then the row says up to which of its
 * changes it is delivered, and what the source sends again of it is counted and not sent.
 *
 * Run by the stream's thread. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "stream/kafka/part.h"
#include "stream/page.h"

enum {
    LOAD_US = 50000,        /* under load a transaction stays open for so long, at least, ... */
    LOAD_PART = 10,         /* ... and so many times as long as the last commit took ... */
    LOAD_MOST_US = 1000000, /* ... but no longer than this */
    QUIET_US = 1000000,     /* an interval ends early if nothing came for so long */
    ALONE_US = 100000,      /* between two that move only positions */
    OPEN_PART = 3,          /* of the time-out: an open change is committed in the middle */
    QUICK_PART = 4,         /* of it: a commit in this time says that more would fit */
    COMMIT_MS = 2,
    PAUSE_US = 100000, /* before another try, doubling */
    PAUSE_MOST_US = 5000000,
    CLOSE_US = 1000000,
};

bool leat_kafka_once(const leat_kafka *k)
{
    return k->conf.once;
}

const char *leat_kafka_once_name(uint32_t state)
{
    static const char *const names[] = {"look", "fence",   "read",   "idle",
                                        "open", "offsets", "commit", "abort"};
    return state < sizeof names / sizeof *names ? names[state] : "look";
}

void leat_kafka_once_enter(leat_once *o, leat_once_state state)
{
    o->state = state;
    o->since_us = leat_mono_us();
    o->shown_us = leat_now_us();
}

void leat_kafka_once_pause(leat_once *o)
{
    o->pause_us = o->pause_us ? o->pause_us * 2 : PAUSE_US;
    if (o->pause_us > PAUSE_MOST_US) o->pause_us = PAUSE_MOST_US;
    o->again_us = leat_mono_us() + o->pause_us;
}

/* ---- how much it may hold ---- */

/* Brokers end a transaction that was open for too long as if another one had fenced us. Whether one
 * did is looked up before the next begins. */
static bool timed_out(const leat_kafka *k)
{
    const leat_once *o = &k->once;
    return o->state >= LEAT_ONCE_OPEN && leat_mono_us() - o->open_us >= k->conf.timeout_us / 2;
}

static size_t fed_bytes(const leat_kafka *k)
{
    size_t bytes = 0;
    for (size_t i = 0; i < k->fed; i++) bytes += leat_kafka_parcel(k, i)->wire.len;
    return bytes;
}

static bool holds_enough(const leat_kafka *k)
{
    return k->fed > 0 && k->once.fits > 0 && fed_bytes(k) >= k->once.fits;
}

/* Sent again as it was it would not get through either, for ever. That brokers which were away, or
 * are asked for an abort, take their time says nothing of that. */
void leat_kafka_once_slower(leat_kafka *k)
{
    leat_once *o = &k->once;
    size_t bytes = fed_bytes(k);
    if (!timed_out(k) || o->doubt || o->quiet || bytes == 0) return;
    if (k->seen_down_us >= o->open_us) return;
    o->fits = bytes / 2 + 1;
    leat_log(LEAT_WARN, "kafka.slow",
             "%zu bytes were not committed within transaction.timeout.ms=%" PRId64
             ": the next transaction holds %zu, or one batch. Where Kafka is slow or far, raise "
             "producer.override.transaction.timeout.ms",
             bytes, k->conf.timeout_us / 1000, o->fits);
}

/* Before what is committed leaves the window: it was all that may be in one, and was quick. */
static void faster(leat_kafka *k)
{
    leat_once *o = &k->once;
    if (!holds_enough(k) || leat_mono_us() - o->open_us >= k->conf.timeout_us / QUICK_PART) return;
    o->fits = o->fits < k->conf.window_bytes ? o->fits * 2 : 0;
}

/* ---- what became of it ---- */

/* Everything of the window is to be sent, none of it was. */
static void again_all(leat_kafka *k)
{
    leat_kafka_rewind(k);
    k->once.parcels = 0;
    k->once.records = 0;
}

/* The oldest parcels are delivered. */
static void pop_delivered(leat_kafka *k)
{
    leat_once *o = &k->once;
    for (size_t i = 0; i < o->parcels; i++) {
        leat_parcel *p = leat_kafka_parcel(k, 0);
        if (p->spooled && p->cursor_len > 0) k->cursor_moved = k->unkept = true;
        leat_kafka_take(&k->books, p);
        leat_kafka_pop(k);
    }
    o->parcels = 0;
    k->unsaved = true;
}

/* The transaction that was prepared is committed. */
void leat_kafka_once_committed(leat_kafka *k)
{
    leat_once *o = &k->once;
    if (o->apart) {
        uint64_t number = k->books.done_number;
        leat_books_copy(&k->books, &o->next);
        k->books.done_number = number;
        for (size_t i = 0; i < o->next.txs.len / sizeof(uint64_t); i++)
            leat_ring_add(&k->ring, ((const uint64_t *)(const void *)o->next.txs.p)[i]);
        k->to_skip = k->books.skip;
        k->unkept = k->unkept || k->spool != NULL;
        leat_kafka_drop_arm(k);
    } else {
        faster(k);
        pop_delivered(k);
    }
    k->books.mark = o->next.mark;
    k->books.mark_us = o->next.mark_us;
    k->books.ahead = o->next.ahead;
    o->held = o->next_held;
    leat_reach_settled(&k->books.done);
    k->unsaved = true;
    o->doubt = o->apart = o->announce = false;
    o->records = 0;
    if (k->spool && k->unkept) leat_kafka_spool_release(k);
    o->commits++;
    o->pause_us = 0;
    k->moved_us = leat_mono_us();
    k->last = (leat_err){0};
    k->state.settled = k->books.done_number;
    if (k->spool)
        leat_kafka_show_spool(k);
    else
        leat_kafka_show(k);
    if (k->page) atomic_fetch_add(&k->page->commits, 1);
}

/* It is aborted, or was never asked for. */
void leat_kafka_once_not_committed(leat_kafka *k)
{
    leat_once *o = &k->once;
    o->doubt = o->apart = false;
    again_all(k);
}

/* ---- a transaction ---- */

void leat_kafka_once_abort(leat_kafka *k, const leat_err *why)
{
    leat_once *o = &k->once;
    if (o->state != LEAT_ONCE_OPEN && o->state != LEAT_ONCE_OFFSETS && o->state != LEAT_ONCE_COMMIT)
        return;
    if (why) {
        k->last = *why;
        leat_kafka_once_pause(o);
    }
    o->quiet = why == NULL;
    leat_kafka_once_enter(o, LEAT_ONCE_ABORT);
}

/* What a call came to whose RETRY only another producer helps from. */
static leat_rc settle(leat_kafka *k, leat_rc rc, const leat_err *why, leat_err *e)
{
    if (rc == LEAT_RETRY) {
        k->last = *why;
        k->once.reset = !k->broker->ops->fatal(k->broker, NULL);
        return LEAT_AGAIN;
    }
    if (leat_rc_failed(rc) && e != NULL) *e = *why;
    return rc;
}

leat_rc leat_kafka_once_ready(leat_kafka *k, leat_err *e)
{
    leat_once *o = &k->once;
    leat_err why = {0};
    if (o->state == LEAT_ONCE_OPEN) return LEAT_OK;
    if (o->state != LEAT_ONCE_IDLE || leat_mono_us() < o->again_us) return LEAT_AGAIN;
    leat_rc rc = settle(k, k->broker->ops->tx_begin(k->broker, &why), &why, e);
    if (rc != LEAT_OK) return rc;
    leat_kafka_once_enter(o, LEAT_ONCE_OPEN);
    o->open_us = o->since_us;
    return LEAT_OK;
}

/* The events behind the last safe place of what is sent could not be known again. */
static bool ends_unknown(const leat_kafka *k)
{
    bool unknown = false;
    for (size_t i = 0; i < k->fed; i++) {
        const leat_parcel *p = leat_kafka_parcel(k, i);
        if (p->safe) unknown = false;
        if (!p->spooled && !p->cut && p->n > p->nsafe) unknown = p->end_seq == 0;
    }
    return unknown;
}

bool leat_kafka_once_takes(const leat_kafka *k)
{
    return !holds_enough(k) || ends_unknown(k);
}

static bool ends_open(const leat_kafka *k)
{
    for (size_t i = k->fed; i-- > 0;) {
        const leat_parcel *p = leat_kafka_parcel(k, i);
        if (p->spooled) return false;
        if (!p->cut && p->n > p->nsafe) return true;
        if (p->safe) return false;
    }
    return false;
}

/* A transaction stays open longer under load: its end costs a round trip. */
static int64_t patience_us(const leat_kafka *k)
{
    const leat_once *o = &k->once;
    if (k->conf.boundary == LEAT_BOUNDARY_INTERVAL) return k->conf.interval_us;
    int64_t us = o->took_us * LOAD_PART;
    if (us < LOAD_US) us = LOAD_US;
    return us < LOAD_MOST_US ? us : LOAD_MOST_US;
}

static bool commit_due(const leat_kafka *k)
{
    const leat_once *o = &k->once;
    int64_t now = leat_mono_us(), open = now - o->since_us;
    bool partly = k->fed < k->nparcels && leat_kafka_parcel(k, k->fed)->sent > 0;
    if (partly || k->nrefused > 0 || ends_unknown(k)) return false;
    if (o->announce && o->state == LEAT_ONCE_IDLE && k->fed == 0) return true;
    if (k->fed == 0) return false;
    if (o->records == 0) return now - o->committed_us >= ALONE_US; /* positions alone */
    size_t held = k->window_bytes + k->broker->ops->queued(k->broker);
    if (leat_kafka_full(k) || open >= k->conf.timeout_us / OPEN_PART || holds_enough(k))
        return true;
    if (ends_open(k) && now - o->appended_us < QUIET_US)
        return k->conf.boundary != LEAT_BOUNDARY_CONNECTOR && held >= k->conf.window_bytes / 2;
    if (held >= k->conf.window_bytes / 2 || open >= patience_us(k)) return true;
    if (k->conf.boundary == LEAT_BOUNDARY_INTERVAL) return now - o->appended_us >= QUIET_US;
    return !o->more;
}

/* What is to be written of the positions: those that changed, all at the first time. None before
 * the snapshot is done, since Kafka Connect would leave out the rest of it: the mark has them. */
static void list_positions(leat_kafka *k)
{
    leat_once *o = &k->once;
    leat_arena_reset(&o->put, 0);
    o->at = o->nput = 0;
    if (k->spool) return; /* they are ahead of what is delivered */
    const leat_reach *done = &o->next.done;
    bool was_held = o->held;
    o->next_held = done->has_progress && leat_kafka_in_snapshot(leat_buf_str(&done->progress));
    bool whole = o->announce || was_held != o->next_held;
    if (o->next_held && !whole) return;
    leat_frame_reach all = leat_reach_give(done, !whole, &o->put);
    leat_position *pos = LEAT_NEW(&o->put, leat_position, all.npos + o->nfoundpos);
    for (; o->nput < all.npos; o->nput++) {
        pos[o->nput] = all.pos[o->nput];
        if (o->next_held) pos[o->nput].offset = (leat_str){0};
    }
    for (size_t i = 0; i < o->nfoundpos && o->announce; i++) { /* what a person forgot */
        leat_str part = o->foundpos[i].partition;
        bool ours = leat_str_is(part, LEAT_KAFKA_MARK_PARTITION) ||
                    leat_position_find(all.pos, all.npos, part);
        if (!ours) pos[o->nput++] = (leat_position){part, {0}};
    }
    o->putpos = pos;
}

/* Nothing is sent any more in this transaction; what holds once it is committed is made up. */
static leat_rc close_transaction(leat_kafka *k, leat_err *e)
{
    leat_once *o = &k->once;
    leat_rc rc = leat_kafka_once_ready(k, e);
    if (rc != LEAT_OK) return rc;
    o->parcels = k->fed;
    leat_books_copy(&o->next, &k->books);
    leat_buf_clear(&o->next.txs);
    for (size_t i = 0; i < o->parcels; i++) leat_kafka_take(&o->next, leat_kafka_parcel(k, i));
    o->next_held = o->held;
    o->next.mark = k->serial + 1;
    o->next.mark_us = leat_now_us();
    if (!k->spool) o->next.ahead = false;
    list_positions(k);
    leat_kafka_write_mark(k, &o->next);
    leat_kafka_once_enter(o, LEAT_ONCE_OFFSETS);
    return LEAT_OK;
}

static leat_rc prepare(leat_kafka *k, leat_err *e)
{
    leat_once *o = &k->once;
    leat_arena a = {0};
    leat_delivered was = leat_kafka_delivered(k, &k->books, k->serial, &a);
    leat_delivered next = leat_kafka_delivered(k, &o->next, k->serial + 1, &a);
    leat_rc rc = k->conf.store->prepare(k->conf.store, k->unsaved ? &was : NULL, &next, e);
    leat_arena_free(&a);
    LEAT_TRY(rc);
    k->serial++;
    leat_kafka_saved(k);
    o->doubt = true;
    leat_kafka_once_enter(o, LEAT_ONCE_COMMIT);
    return LEAT_OK;
}

/* The positions and the mark go into the transaction, then the row is made durable. */
static leat_rc put_offsets(leat_kafka *k, leat_err *e)
{
    leat_once *o = &k->once;
    leat_err why = {0};
    for (; o->at <= o->nput; o->at++) {
        leat_position pos = {leat_str_of(LEAT_KAFKA_MARK_PARTITION), leat_buf_str(&o->mark_text)};
        if (o->at < o->nput) pos = o->putpos[o->at];
        if (pos.offset.len == 0) pos.offset = (leat_str){0};
        leat_rc rc = k->broker->ops->tx_offset(k->broker, pos, LEAT_KAFKA_OFFSET_TAG, &why);
        if (rc == LEAT_RETRY) {
            leat_kafka_once_abort(k, &why);
            return LEAT_AGAIN;
        }
        if (leat_rc_failed(rc) && e != NULL) *e = why;
        if (rc != LEAT_OK) return rc;
    }
    return prepare(k, e);
}

static leat_rc commit(leat_kafka *k, leat_err *e)
{
    leat_once *o = &k->once;
    leat_err why = {0};
    leat_rc rc = k->broker->ops->tx_commit(k->broker, COMMIT_MS, &why);
    if (rc == LEAT_OK) {
        o->took_us = leat_mono_us() - o->since_us;
        o->committed_us = leat_mono_us();
        leat_kafka_once_committed(k);
        leat_kafka_once_enter(o, LEAT_ONCE_IDLE);
        return LEAT_OK;
    }
    if (rc == LEAT_RETRY) {
        k->last = why;
        if (!k->broker->ops->fatal(k->broker, NULL)) leat_kafka_once_abort(k, &why);
        return LEAT_AGAIN;
    }
    if (leat_rc_failed(rc) && e != NULL) *e = why;
    return rc;
}

static leat_rc abort_it(leat_kafka *k, leat_err *e)
{
    leat_once *o = &k->once;
    leat_err why = {0};
    leat_rc rc = settle(k, k->broker->ops->tx_abort(k->broker, COMMIT_MS, &why), &why, e);
    if (rc != LEAT_OK) return rc;
    o->aborts++;
    if (!o->quiet)
        leat_log(LEAT_WARN, k->last.code[0] ? k->last.code : "kafka.abort",
                 "transaction aborted; %zu batches are sent again. %s", k->nparcels, k->last.msg);
    leat_kafka_once_slower(k);
    leat_kafka_once_not_committed(k);
    leat_kafka_once_enter(o, LEAT_ONCE_IDLE);
    return LEAT_OK;
}

/* One step; OK: another one may follow. */
static leat_rc step(leat_kafka *k, leat_err *e)
{
    leat_once *o = &k->once;
    leat_err why = {0};
    bool dead = k->broker->ops->fatal(k->broker, &why);
    if (dead && why.rc == LEAT_CONF && !timed_out(k)) {
        if (e != NULL) *e = why;
        return LEAT_CONF;
    }
    if (dead || o->reset) {
        if (dead) k->last = why;
        return leat_mono_us() < o->again_us ? LEAT_AGAIN : leat_kafka_begin_anew(k, e);
    }
    if (!k->sure) return LEAT_AGAIN; /* the answers may be another cluster's */
    if (o->state <= LEAT_ONCE_READ)
        return leat_mono_us() < o->again_us ? LEAT_AGAIN : leat_kafka_begin_producer(k, e);
    switch (o->state) {
    case LEAT_ONCE_ABORT: return abort_it(k, e);
    case LEAT_ONCE_COMMIT: return commit(k, e);
    case LEAT_ONCE_OFFSETS: return put_offsets(k, e);
    default: break;
    }
    LEAT_TRY(leat_kafka_feed(k, e));
    if (!commit_due(k)) return LEAT_AGAIN;
    return close_transaction(k, e);
}

/* What the brokers owe us: without that they may well be silent. */
static bool owed(const leat_kafka *k)
{
    leat_once_state state = k->once.state;
    if (state != LEAT_ONCE_OPEN && state != LEAT_ONCE_IDLE) return true;
    return k->broker->ops->queued(k->broker) > 0 || k->fed < k->nparcels;
}

leat_rc leat_kafka_once_step(leat_kafka *k, leat_err *e)
{
    enum { STEPS = 4 };
    leat_rc rc = LEAT_OK;
    for (unsigned i = 0; i < STEPS && rc == LEAT_OK; i++) rc = step(k, e);
    /* a call was the first to know: the next step sees to it */
    if (rc == LEAT_CONF && timed_out(k) && k->broker->ops->fatal(k->broker, NULL)) rc = LEAT_AGAIN;
    if (!owed(k)) k->moved_us = leat_mono_us();
    return rc == LEAT_AGAIN ? LEAT_OK : rc;
}

bool leat_kafka_once_behind(const leat_kafka *k)
{
    const leat_once *o = &k->once;
    if (!o->known || o->doubt) return true;
    for (size_t i = 0; i < k->nparcels; i++) {
        const leat_parcel *p = leat_kafka_parcel(k, i);
        if (p->safe && !p->spooled) return true;
    }
    return o->state == LEAT_ONCE_COMMIT || o->state == LEAT_ONCE_OFFSETS ||
           o->state == LEAT_ONCE_ABORT;
}

/* ---- beside the spool ---- */

leat_rc leat_kafka_once_to_spool(leat_kafka *k, leat_err *e)
{
    leat_once *o = &k->once;
    leat_arena a = {0};
    uint64_t events = 0, skip = 0, open = 0; /* refused, of a repeat that has no end yet */
    leat_counts moved = {0};
    leat_rc rc;
    bool apart = o->doubt && o->apart;
    for (size_t i = 0; i < o->parcels && o->doubt && !apart; i++) {
        const leat_parcel *p = leat_kafka_parcel(k, i);
        uint64_t dead = p->safe ? open : 0;
        if (p->safe) {
            skip = events + p->nsafe;
            open = 0;
        }
        *(p->drop_safe ? &dead : &open) += p->drop_dead;
        leat_counts_add(&moved, &p->moved);
        moved.appended -= dead;
        moved.dead += dead;
        events += p->cut ? p->nsafe : p->n;
    }
    k->books.cursor_len = 0;
    k->books.part_seq = 0;
    k->books.drained_events = k->books.passed_events = k->books.skip = 0;
    k->books.moved = k->books.passed = (leat_counts){0};
    leat_delivered was = leat_kafka_delivered(k, &k->books, k->serial + 1, &a);
    if (o->doubt) {
        if (!apart) {
            leat_kafka_part_open(&k->books, &o->next);
            o->next.skip = skip;
            o->next.drained_events = o->next.passed_events = 0;
            o->next.moved = moved;
        }
        o->next.cursor_len = 0;
        leat_buf_clear(&o->next.txs); /* what is in the window is in the ring */
        leat_delivered next = leat_kafka_delivered(k, &o->next, k->serial + 2, &a);
        rc = k->conf.store->prepare(k->conf.store, &was, &next, e);
    } else {
        rc = k->conf.store->save(k->conf.store, &was, e);
    }
    leat_arena_free(&a);
    LEAT_TRY(rc);
    k->serial += o->doubt ? 2 : 1;
    leat_kafka_saved(k);
    return LEAT_OK;
}

void leat_kafka_once_spooled(leat_kafka *k)
{
    leat_once *o = &k->once;
    while (k->nparcels > 0) leat_kafka_pop(k);
    k->nrefused = 0;
    o->apart = o->doubt;
    o->parcels = 0;
    k->to_skip = k->books.skip;
    leat_kafka_drop_arm(k);
    /* The answer of a commit may come yet; what is open is ended by the next producer. */
    o->reset = o->reset || (o->state >= LEAT_ONCE_OPEN && o->state != LEAT_ONCE_COMMIT);
}

/* ---- open, close ---- */

/* The source may have been told of what only the offset topic says. */
static leat_rc unsettled(const leat_kafka *k, leat_err *e)
{
    return leat_fail(
        e, LEAT_CONF, "kafka.unsettled", k->connector,
        "the last run delivered exactly once, and it is not known whether its last "
        "transaction was committed: that stands in Kafka alone. Start it with exactly.once.support=required "
        "once more and stop it; then it can go on without");
}

leat_rc leat_kafka_once_load(leat_kafka *k, leat_arena *a, leat_err *e)
{
    leat_once *o = &k->once;
    leat_delivered d = {0};
    LEAT_TRY(k->conf.store->prepared(k->conf.store, a, &d, e));
    if (!leat_kafka_once(k)) { /* the offset topic is not written */
        if (d.serial > 0) return unsettled(k, e);
        k->books.ahead = true;
        leat_kafka_forget_open(&k->books);
        k->books.skip = 0;
        return LEAT_OK;
    }
    leat_kafka_once_enter(o, LEAT_ONCE_FENCE);
    if (d.serial == 0) return LEAT_OK;
    leat_kafka_books_load(k, &o->next, &d);
    leat_buf_put(&o->next.txs, d.txs, d.ntxs * sizeof *d.txs);
    o->doubt = o->apart = true;
    return LEAT_OK;
}

/* A transaction that is left open would keep readers waiting until it times out. */
void leat_kafka_once_close(leat_kafka *k)
{
    leat_once *o = &k->once;
    int64_t until = leat_mono_us() + CLOSE_US;
    if (!leat_kafka_once(k) || k->broker->ops->fatal(k->broker, NULL)) return;
    if (o->state != LEAT_ONCE_COMMIT) leat_kafka_once_abort(k, NULL);
    while (o->state == LEAT_ONCE_ABORT && leat_mono_us() < until)
        if (leat_rc_failed(abort_it(k, NULL)) || o->reset) return;
}

void leat_kafka_once_free(leat_kafka *k)
{
    leat_once *o = &k->once;
    leat_books_free(&o->next);
    leat_buf_free(&o->mark_text);
    leat_arena_free(&o->found);
    leat_arena_free(&o->put);
}
