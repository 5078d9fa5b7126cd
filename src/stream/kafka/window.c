/* What is on its way to Kafka: batches that wait to be sent, and those that wait for their reports.
 *
 * A parcel holds a batch's events in their binary form, which takes a tenth of what their records
 * do; the records themselves are the producer's. Tags number records from the oldest parcel to the
 * newest without holes, so a report finds its parcel by halving. A record sent again, after its
 * producer died, has the tag it had. Run by the stream's thread. */
#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "event/wire.h"
#include "stream/kafka/part.h"

enum {
    SPARE_MOST = 64,
    WIRE_KEEP = 64 << 10,
    PAUSE_US = 100000, /* between two producers, doubling */
    PAUSE_MOST_US = 5000000,
    TXS_BYTES = LEAT_RING * 8,
};

/* ---- the ring ---- */

leat_parcel *leat_kafka_parcel(const leat_kafka *k, size_t i)
{
    return k->parcels[(k->first + i) & (k->parcels_cap - 1)];
}

static void add(leat_kafka *k, leat_parcel *p)
{
    if (k->nparcels == k->parcels_cap) {
        size_t cap = k->parcels_cap ? k->parcels_cap * 2 : 64; /* a power of two */
        leat_parcel **more = leat_zalloc(cap, sizeof *more);
        for (size_t i = 0; i < k->nparcels; i++) more[i] = leat_kafka_parcel(k, i);
        leat_free(k->parcels);
        k->parcels = more;
        k->parcels_cap = cap;
        k->first = 0;
    }
    k->parcels[(k->first + k->nparcels++) % k->parcels_cap] = p;
}

static void free_parcel(leat_parcel *p)
{
    leat_buf_free(&p->wire);
    leat_buf_free(&p->partition);
    leat_buf_free(&p->offset);
    leat_buf_free(&p->progress);
    leat_free(p->txs);
    leat_free(p->dead.v);
    leat_free(p->gone.v);
    leat_free(p);
}

/* An empty one; its buffers are those of one that was done. */
static leat_parcel *take_spare(leat_kafka *k)
{
    if (k->nspare == 0) return leat_zalloc(1, sizeof(leat_parcel));
    leat_parcel *p = k->spare[--k->nspare], was = *p;
    leat_buf *bufs[] = {&was.wire, &was.partition, &was.offset, &was.progress};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) leat_buf_clear(bufs[i]);
    *p = (leat_parcel){
        .wire = was.wire,
        .partition = was.partition,
        .offset = was.offset,
        .progress = was.progress,
        .txs = was.txs,
        .txs_cap = was.txs_cap,
        .dead = {.v = was.dead.v, .cap = was.dead.cap},
        .gone = {.v = was.gone.v, .cap = was.gone.cap},
    };
    return p;
}

static void put_spare(leat_kafka *k, leat_parcel *p)
{
    if (k->nspare == SPARE_MOST) {
        free_parcel(p);
        return;
    }
    if (k->spare == NULL) k->spare = leat_zalloc(SPARE_MOST, sizeof(leat_parcel *));
    leat_buf_clear_to(&p->wire, WIRE_KEEP);
    k->spare[k->nspare++] = p;
}

void leat_kafka_pop(leat_kafka *k)
{
    leat_parcel *p = leat_kafka_parcel(k, 0);
    k->first = (k->first + 1) % k->parcels_cap;
    k->nparcels--;
    if (k->fed > 0) k->fed--;
    k->window_bytes -= p->wire.len;
    put_spare(k, p);
}

void leat_kafka_window_fini(leat_kafka *k)
{
    while (k->nparcels > 0) leat_kafka_pop(k);
    while (k->nspare > 0) free_parcel(k->spare[--k->nspare]);
    leat_free(k->spare);
    leat_free(k->parcels);
    leat_free(k->refused);
    leat_batch_free(&k->batch);
}

bool leat_kafka_full(const leat_kafka *k)
{
    return k->nparcels > 0 &&
           k->window_bytes + k->broker->ops->queued(k->broker) >= k->conf.window_bytes;
}

/* ---- into it, and out ---- */

static void note_tx(leat_parcel *p, uint64_t tx)
{
    if (p->ntxs == p->txs_cap) {
        p->txs_cap = p->txs_cap ? p->txs_cap * 2 : 8;
        p->txs = leat_realloc(p->txs, p->txs_cap * sizeof *p->txs);
    }
    p->txs[p->ntxs++] = tx;
}

/* The transaction of the events so far has ended, as embedded.c sees it. */
static void end_tx(leat_kafka *k, leat_parcel *p, uint64_t next)
{
    if (k->last_tx != 0) {
        leat_ring_add(&k->ring, k->last_tx);
        note_tx(p, k->last_tx);
    }
    k->last_tx = next;
}

static void put_events(leat_kafka *k, leat_parcel *p, const leat_batch *b)
{
    leat_wire_state st = {0};
    for (uint32_t i = 0; i < b->n; i++) {
        const leat_event *ev = &b->ev[i];
        if (i == p->nsafe && p->safe && !p->spooled) end_tx(k, p, 0);
        if (ev->tx != k->last_tx && !p->spooled) end_tx(k, p, ev->tx);
        leat_wire_put(&p->wire, &st, ev, leat_kafka_row(k, ev));
        p->records += leat_event_records(ev);
        if (i < p->nsafe) p->safe_records = p->records;
    }
    if (b->n == p->nsafe && p->safe && !p->spooled) end_tx(k, p, 0);
}

static void end_spooled(leat_kafka *k, uint64_t next)
{
    if (k->last_tx != 0) {
        leat_ring_add(&k->ring, k->last_tx);
        leat_buf_put(&k->books.txs, &k->last_tx, sizeof k->last_tx);
    }
    if (k->books.txs.len >= 2 * TXS_BYTES) { /* no save for long: only the last ones are wanted */
        memmove(k->books.txs.p, k->books.txs.p + k->books.txs.len - TXS_BYTES, TXS_BYTES);
        k->books.txs.len = TXS_BYTES;
    }
    k->last_tx = next;
}

void leat_kafka_note_txs(leat_kafka *k, const leat_batch *b, uint32_t nsafe, bool safe)
{
    for (uint32_t i = 0; i < b->n; i++) {
        if (i == nsafe && safe) end_spooled(k, 0);
        if (b->ev[i].tx != k->last_tx) end_spooled(k, b->ev[i].tx);
    }
    if (b->n == nsafe && safe) end_spooled(k, 0);
}

/* The last change behind the safe place, of its transaction. */
static void note_end(leat_parcel *p, const leat_batch *b)
{
    for (uint32_t i = b->n; i-- > p->nsafe;) {
        if (b->ev[i].tx == 0) continue;
        p->end_tx = b->ev[i].tx;
        p->end_seq = b->ev[i].tx_seq;
        return;
    }
}

leat_parcel *leat_kafka_push(leat_kafka *k, const leat_batch *b, leat_str progress, bool spooled)
{
    leat_parcel *p = take_spare(k);
    p->spooled = spooled;
    p->n = b->n;
    p->counted = b->n;
    p->safe = progress.s != NULL || b->safe.offset.s != NULL;
    p->nsafe = leat_kafka_whole(b, progress) ? b->n : p->safe ? b->nsafe : 0;
    p->has_progress = progress.s != NULL;
    leat_buf_add(&p->progress, progress);
    if (b->safe.offset.s != NULL) {
        leat_buf_add(&p->partition, b->safe.partition);
        leat_buf_add(&p->offset, b->safe.offset);
    }
    p->counts = b->counts;
    if (p->safe) p->safe_counts = leat_kafka_whole(b, progress) ? b->counts : b->safe_counts;
    if (p->nsafe > 0) {
        p->last_us = b->ev[p->nsafe - 1].ts_us;
        p->seen_us = b->ev[p->nsafe - 1].seen_us;
    }
    leat_kafka_find_repeats(k, p, b);
    note_end(p, b);
    p->first = k->next_tag;
    put_events(k, p, b);
    k->next_tag += p->records;
    p->left_safe = p->safe_records;
    p->left_tail = p->records - p->safe_records;
    k->window_bytes += p->wire.len;
    if (k->nparcels == 0) k->moved_us = leat_mono_us();
    add(k, p);
    return p;
}

static const leat_table *table_of(void *arg, uint32_t number)
{
    const leat_kafka *k = arg;
    return number > 0 && number <= k->registry.n ? k->registry.rows[number - 1].table : NULL;
}

void leat_kafka_decode(leat_kafka *k, const leat_parcel *p, uint32_t from)
{
    leat_cur c = leat_cur_of(leat_buf_str(&p->wire));
    leat_wire_state st = {0};
    leat_err e;
    leat_batch *b = &k->batch;
    k->decoded = 0;
    leat_batch_reset(b);
    for (uint32_t i = 0; i < p->n; i++) {
        leat_rc rc = leat_wire_get(&c, &st, b, table_of, k, false, &e);
        assert(rc == LEAT_OK); /* it was written here */
        (void)rc;
    }
    if (from > 0 && from < b->n) memmove(b->ev, b->ev + from, (b->n - from) * sizeof *b->ev);
    b->n -= from < b->n ? from : b->n;
}

/* ---- sending ---- */

static bool has(const leat_kafka_set *set, uint32_t number)
{
    for (uint32_t i = 0; i < set->n; i++)
        if (set->v[i] == number) return true;
    return false;
}

static void put(leat_kafka_set *set, uint32_t number)
{
    if (has(set, number)) return;
    if (set->n == set->cap) {
        set->cap = set->cap ? set->cap * 2 : 8;
        set->v = leat_realloc(set->v, set->cap * sizeof *set->v);
    }
    uint32_t at = set->n++;
    for (; at > 0 && set->v[at - 1] > number; at--) set->v[at] = set->v[at - 1];
    set->v[at] = number;
}

/* The fate of this record is known. */
static void settled(leat_kafka *k, leat_parcel *p, uint64_t tag)
{
    k->reported = true;
    if (tag - p->first < p->safe_records)
        p->left_safe -= p->left_safe > 0;
    else
        p->left_tail -= p->left_tail > 0;
}

static void refuse(leat_kafka *k, uint64_t tag, bool sent, const leat_err *why)
{
    if (k->nrefused == k->refused_cap) {
        k->refused_cap = k->refused_cap ? k->refused_cap * 2 : 8;
        k->refused = leat_realloc(k->refused, k->refused_cap * sizeof *k->refused);
    }
    k->refused[k->nrefused++] = (leat_refused){tag, *why, sent};
    k->last = *why;
}

/* Up to the next record that is gone. */
static leat_rc send_some(leat_kafka *k, leat_parcel *p, const leat_event *ev, uint32_t n,
                         leat_err *why)
{
    uint32_t to = p->records;
    for (uint32_t i = p->gone.n; i-- > 0 && p->gone.v[i] >= p->sent;)
        if (p->gone.v[i] < to) to = p->gone.v[i];
    return leat_kafka_produce(k, p, ev, n, to, &p->sent, why);
}

/* AGAIN: the producer takes no more. What it can never take counts as refused. What was refused is
 * not sent again: it would end the next producer too, and what is behind it would never come. */
static leat_rc send_events(leat_kafka *k, leat_parcel *p, const leat_event *ev, uint32_t n,
                           leat_err *e)
{
    leat_rc rc;
    leat_err why = {0};
    for (;; p->sent++) {
        rc = send_some(k, p, ev, n, &why);
        bool gone = rc == LEAT_OK && p->sent < p->records && has(&p->gone, p->sent);
        if (rc == LEAT_DATA)
            refuse(k, p->first + p->sent, false, &why);
        else if (gone)
            settled(k, p, p->first + p->sent);
        else
            break;
    }
    if (rc == LEAT_RETRY) { /* it is dead, or the transaction is */
        k->last = why;
        leat_kafka_once_abort(k, &why);
        return LEAT_AGAIN;
    }
    if (leat_rc_failed(rc) && e != NULL) *e = why;
    return rc;
}

/* With exactly once records need an open transaction, and room in it. */
static leat_rc may_send(leat_kafka *k, const leat_parcel *p, leat_err *e)
{
    if (!leat_kafka_once(k)) return LEAT_OK;
    if (p->sent == 0 && !leat_kafka_once_takes(k)) return LEAT_AGAIN;
    if (k->once.state == LEAT_ONCE_OPEN) return LEAT_OK;
    if (p->sent == p->records && k->once.state == LEAT_ONCE_IDLE) return LEAT_OK;
    return leat_kafka_once_ready(k, e);
}

leat_rc leat_kafka_send(leat_kafka *k, leat_parcel *p, const leat_batch *b, leat_err *e)
{
    if (k->again || k->fed + 1 != k->nparcels) return LEAT_AGAIN;
    leat_rc rc = may_send(k, p, e);
    if (rc != LEAT_OK) return rc;
    rc = send_events(k, p, b->ev, b->n, e);
    if (rc == LEAT_OK) k->fed++;
    return rc;
}

leat_rc leat_kafka_feed(leat_kafka *k, leat_err *e)
{
    while (!k->again && k->fed < k->nparcels) {
        leat_parcel *p = leat_kafka_parcel(k, k->fed);
        leat_rc rc = may_send(k, p, e);
        if (rc != LEAT_OK) return rc;
        if (p->sent < p->records) {
            /* A full producer takes a parcel piece by piece. */
            if (k->decoded != p->first) leat_kafka_decode(k, p, 0);
            k->decoded = p->first;
            rc = send_events(k, p, k->batch.ev, k->batch.n, e);
            if (rc != LEAT_OK) return rc;
        }
        k->fed++;
    }
    return LEAT_OK;
}

/* ---- reports ---- */

static leat_parcel *parcel_of(const leat_kafka *k, uint64_t tag)
{
    size_t from = 0, to = k->nparcels;
    leat_parcel *oldest = to > 0 ? leat_kafka_parcel(k, 0) : NULL; /* most reports are of it */
    if (oldest && tag >= oldest->first && tag - oldest->first < oldest->records) return oldest;
    while (to - from > 1) {
        size_t mid = from + (to - from) / 2;
        if (leat_kafka_parcel(k, mid)->first <= tag)
            from = mid;
        else
            to = mid;
    }
    leat_parcel *p = from < to ? leat_kafka_parcel(k, from) : NULL;
    return p && tag >= p->first && tag - p->first < p->records ? p : NULL;
}

/* One of a position; that the transaction cannot be committed is told by that. */
static void report_offset(leat_kafka *k, const leat_delivery_report *report)
{
    k->reported = k->reported || report->delivery == LEAT_DELIVERED;
    if (report->delivery != LEAT_REFUSED_AUTH) return;
    leat_fail(&k->offsets_why, LEAT_CONF, "kafka.denied", "offset.storage.topic",
              "Kafka refuses the offsets: %s. Grant the user Write and Describe on the offset "
              "topic; 'leat check' names what is missing",
              report->why ? report->why : "no right to write");
}

void leat_kafka_report(void *arg, const leat_delivery_report *report)
{
    leat_kafka *k = arg;
    leat_err why = {0};
    leat_parcel *p = parcel_of(k, report->tag);
    if (report->tag == LEAT_KAFKA_OFFSET_TAG) {
        report_offset(k, report);
        return;
    }
    if (p == NULL) return;
    const char *said = report->why ? report->why : leat_delivery_name(report->delivery);
    switch (report->delivery) {
    case LEAT_DELIVERED: settled(k, p, report->tag); return;
    case LEAT_REFUSED_TOO_LARGE:
    case LEAT_REFUSED_INVALID:
        leat_fail(&why, LEAT_DATA,
                  report->delivery == LEAT_REFUSED_TOO_LARGE ? "kafka.too_large" : "kafka.invalid",
                  k->connector, "Kafka refuses a record: %s", said);
        refuse(k, report->tag, true, &why);
        return;
    case LEAT_REFUSED_AUTH:
        leat_fail(&why, LEAT_CONF, "kafka.denied", k->connector,
                  "Kafka refuses records: %s. Grant the user WRITE on the topic; 'leat check' "
                  "names what is missing",
                  said);
        refuse(k, report->tag, true, &why);
        return;
    default:
        leat_fail(&k->last, LEAT_RETRY,
                  report->delivery == LEAT_REFUSED_TOPIC ? "kafka.topic_unknown" : "kafka.lost",
                  k->connector, "records were not delivered and are sent again: %s", said);
        if (!leat_kafka_once(k))
            k->again = true;
        else if (k->once.state != LEAT_ONCE_COMMIT) /* a commit tells it itself */
            leat_kafka_once_abort(k, &k->last);
    }
}

/* ---- what was refused ---- */

/* Which event of the parcel a record is of; it is k->batch.ev[*index] then. */
static const leat_event *event_of(leat_kafka *k, const leat_parcel *p, uint64_t tag,
                                  uint32_t *index)
{
    uint64_t at = 0, want = tag - p->first;
    *index = 0;
    leat_kafka_decode(k, p, 0);
    for (uint32_t i = 0; i < k->batch.n; i++) {
        at += leat_event_records(&k->batch.ev[i]);
        *index = i;
        if (at > want) break;
    }
    assert(at > want);
    return &k->batch.ev[*index];
}

void leat_kafka_count_dead(leat_counts *c, const leat_event *ev, bool dead)
{
    if (ev->op == LEAT_OP_RECORD) return;
    bool row = ev->op == LEAT_OP_READ;
    uint64_t *from = row ? &c->rows_appended : &c->appended, *to = row ? &c->rows_dead : &c->dead;
    *from -= dead ? 1 : UINT64_MAX;
    *to += dead ? 1 : UINT64_MAX;
}

static void note_dead(leat_kafka *k, leat_parcel *p, uint32_t index, const leat_event *ev)
{
    put(&p->dead, index);
    if (p->cut && index >= p->nsafe) return; /* it is counted when it comes again */
    if (p->spooled && p->comes_again && index >= p->nsafe) return;
    if (k->conf.tables && ev->op != LEAT_OP_RECORD)
        leat_tables_refused(k->conf.tables, ev->table, ev->op == LEAT_OP_READ);
    if (p->spooled) {
        leat_kafka_count_dead(&p->moved, ev, true);
        return;
    }
    leat_kafka_count_dead(&p->counts, ev, true);
    if (index < p->nsafe) leat_kafka_count_dead(&p->safe_counts, ev, true);
}

static leat_rc put_letter(leat_kafka *k, const leat_event *ev, const leat_err *why, leat_err *e)
{
    leat_record view[LEAT_RECORDS_MAX];
    bool is_null;
    leat_arena_reset(&k->scratch, 0);
    leat_envelope_records(ev, &k->scratch, view);
    leat_buf_clear(&k->bytes);
    leat_json_convert(k->record_values, view[0].value_schema, &view[0].value,
                      leat_kafka_placeholder(k, ev), &k->bytes, &is_null, NULL);
    leat_json_converter_forget(k->record_values);
    leat_dead letter = {
        .why = *why,
        .position = leat_event_place(ev, leat_buf_str(&k->bytes), &k->scratch),
        .bytes = leat_buf_str(&k->bytes),
        .topic = view[0].topic,
        .ts_us = ev->ts_us,
    };
    if (letter.bytes.len > LEAT_DEAD_BYTES) letter.bytes.len = LEAT_DEAD_BYTES;
    LEAT_TRY(k->conf.dead->put(k->conf.dead, &letter, e));
    leat_log(LEAT_WARN, "kafka.dead_letter", "code=%s topic=\"%s\" position=%.*s %s", why->code,
             letter.topic, (int)letter.position.len, letter.position.s, why->msg);
    return LEAT_OK;
}

static leat_rc stop(const leat_refused *r, const leat_event *ev, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, r->why.code, leat_event_topic(ev),
                     "%.500s. Raise the limit, or set errors.tolerance=all: then it goes to the "
                     "dead letters",
                     r->why.msg);
}

/* It is not sent again. With exactly once what the broker refused ends its transaction. */
static void leave_out(leat_kafka *k, leat_parcel *p, const leat_refused *r)
{
    put(&p->gone, (uint32_t)(r->tag - p->first));
    settled(k, p, r->tag);
    bool abort = leat_kafka_once(k) && r->sent && k->once.state != LEAT_ONCE_COMMIT;
    if (abort) leat_kafka_once_abort(k, &r->why);
}

leat_rc leat_kafka_settle_refused(leat_kafka *k, leat_err *e)
{
    size_t i = 0;
    leat_rc rc = LEAT_OK;
    if (leat_rc_failed(k->offsets_why.rc)) {
        if (e != NULL) *e = k->offsets_why;
        rc = k->offsets_why.rc;
        k->offsets_why = (leat_err){0};
        return rc;
    }
    for (; i < k->nrefused && rc == LEAT_OK; i++) {
        const leat_refused *r = &k->refused[i];
        leat_parcel *p = parcel_of(k, r->tag);
        uint32_t index;
        if (p == NULL) continue;
        if (r->why.rc != LEAT_DATA) {
            if (e != NULL) *e = r->why;
            rc = r->why.rc;
            break;
        }
        const leat_event *ev = event_of(k, p, r->tag, &index);
        if (!has(&p->dead, index)) {
            rc = k->conf.tolerate ? put_letter(k, ev, &r->why, e) : stop(r, ev, e);
            if (rc != LEAT_OK) break;
            note_dead(k, p, index, ev);
        }
        leave_out(k, p, r);
    }
    k->nrefused -= i;
    if (i > 0) memmove(k->refused, k->refused + i, k->nrefused * sizeof *k->refused);
    return rc;
}

/* ---- again ---- */

/* All that was not reported whole is sent again, the same tags in the same order; but what is read
 * from the spool once more, some of which may have been sent behind it. */
void leat_kafka_rewind(leat_kafka *k)
{
    for (size_t i = 0; i < k->nparcels; i++) {
        leat_parcel *p = leat_kafka_parcel(k, i);
        p->cut = p->cut || (p->spooled && p->comes_again);
        if (p->cut) p->records = p->safe_records;
        p->sent = p->taken ? p->safe_records : 0;
        p->left_safe = p->taken ? 0 : p->safe_records;
        p->left_tail = p->records - p->safe_records;
    }
    k->fed = 0;
    k->nrefused = 0;
    k->again = false;
}

leat_rc leat_kafka_revive(leat_kafka *k, leat_err *e)
{
    leat_err why = {0};
    bool dead = k->broker->ops->fatal(k->broker, &why);
    int64_t now = leat_mono_us();
    if (!dead && !k->again) return LEAT_OK;
    if (dead && why.rc == LEAT_CONF) {
        if (e != NULL) *e = why;
        return LEAT_CONF;
    }
    k->again = true;
    if (now - k->reset_us < k->reset_pause) return LEAT_AGAIN;
    if (dead) k->last = why;
    k->reset_us = now;
    k->reset_pause = k->reset_pause ? k->reset_pause * 2 : PAUSE_US;
    if (k->reset_pause > PAUSE_MOST_US) k->reset_pause = PAUSE_MOST_US;
    leat_log(LEAT_WARN, k->last.code, "another producer; %zu batches are sent again. %s",
             k->nparcels, k->last.msg);
    leat_rc rc = k->broker->ops->reset(k->broker, &why);
    if (rc == LEAT_RETRY) {
        k->last = why;
        return LEAT_AGAIN;
    }
    if (leat_rc_failed(rc)) {
        if (e != NULL) *e = why;
        return rc;
    }
    k->resets++;
    k->met = k->met && !k->compared; /* who the next one reaches is not known yet */
    leat_kafka_rewind(k);
    return LEAT_OK;
}

void leat_kafka_take_back(leat_kafka *k)
{
    size_t i = k->nparcels;
    bool safe = false, sent = false;
    k->rearm = true;
    while (i > 0 && !safe) {
        leat_parcel *p = leat_kafka_parcel(k, --i);
        if (p->spooled) break;
        safe = p->safe;
        p->cut = true;
        p->counts = p->safe_counts;
        if (!p->drop_safe) p->drop_dead = 0; /* it comes again with the rest, and is counted then */
        uint32_t records = p->sent > p->safe_records ? p->sent : p->safe_records;
        sent = sent || records > p->safe_records;
        p->left_tail -= p->records - records;
        p->records = records;
    }
    for (size_t at = 0; at < k->nparcels; at++)
        if (!leat_kafka_parcel(k, at)->taken) safe |= leat_kafka_parcel(k, at)->safe;
    if (!safe) {
        k->books.popped = (leat_counts){0};
        k->books.popped_events = 0;
    }
    k->open = (leat_counts){0};
    k->open_events = 0;
    k->last_tx = 0;
    k->tail = false;
    /* What is open must not be committed without its position; a commit under way has it. */
    if (sent && k->once.state != LEAT_ONCE_COMMIT) leat_kafka_once_abort(k, NULL);
}
