/* What is delivered, and durable as that.
 *
 * `done` moves over the parcels from the oldest on, as their records are reported; a save makes it
 * durable, a few times a second at most, and only then is it shown: the source is acknowledged from
 * what is shown. While a spool is in force its own frames say what is durable, and a save is about
 * the cursor: how much of the spool is delivered. Run by the stream's thread. */
#include "base/clock.h"
#include "stream/kafka/part.h"
#include "stream/page.h"

enum { SAVE_US = 100000 };

/* ---- moving ---- */

static void take_safe(leat_kafka *k, leat_parcel *p)
{
    p->taken = true;
    if (p->spooled) return;
    if (p->offset.len > 0)
        leat_reach_move(&k->done,
                        (leat_position){leat_buf_str(&p->partition), leat_buf_str(&p->offset)});
    if (p->has_progress) leat_reach_progress(&k->done, leat_buf_str(&p->progress));
    leat_counts_add(&k->done.totals, &k->popped);
    leat_counts_add(&k->done.totals, &p->safe_counts);
    k->done.visible += k->popped_events + p->nsafe;
    if (p->nsafe > 0) {
        k->done.last_us = p->last_us;
        k->done.seen_us = p->seen_us;
    }
    k->popped = (leat_counts){0};
    k->popped_events = 0;
    leat_buf_put(&k->txs, p->txs, p->ntxs * sizeof *p->txs);
    k->done_number = p->number;
    k->unsaved = true;
}

static void take_tail(leat_kafka *k, leat_parcel *p)
{
    if (p->spooled) {
        leat_counts_add(&k->passed, &p->moved);
        k->passed_events += p->counted;
        if (p->cursor_len == 0) return;
        leat_counts_add(&k->moved, &k->passed);
        k->drained_events += k->passed_events;
        k->passed = (leat_counts){0};
        k->passed_events = 0;
        memcpy(k->cursor, p->cursor, p->cursor_len);
        k->cursor_len = p->cursor_len;
        k->cursor_moved = true;
        return;
    }
    leat_counts tail = p->counts;
    leat_counts_sub(&tail, &p->safe_counts);
    leat_counts_add(&k->popped, &tail);
    if (!p->cut) k->popped_events += p->n - p->nsafe;
}

void leat_kafka_advance(leat_kafka *k)
{
    if (k->reported) {
        k->moved_us = leat_mono_us();
        k->reset_pause = 0;
        k->last = (leat_err){0};
        k->reported = false;
    }
    while (k->nparcels > 0) {
        leat_parcel *p = leat_kafka_parcel(k, 0);
        bool sent = p->sent >= p->safe_records;
        if (!p->taken && p->left_safe == 0 && sent && p->safe) take_safe(k, p);
        if (p->left_safe > 0 || p->left_tail > 0 || p->sent < p->records) return;
        take_tail(k, p);
        leat_kafka_pop(k);
    }
    k->moved_us = leat_mono_us();
}

/* ---- what is shown ---- */

static void show(leat_kafka *k, uint64_t frame)
{
    leat_reach *r = &k->shown;
    leat_stream_state *st = &k->state;
    st->pos = r->pos;
    st->npos = r->npos;
    st->totals = r->totals;
    st->progress = r->has_progress ? leat_buf_str(&r->progress) : (leat_str){0};
    st->frame = frame;
    st->events = r->visible;
    st->txs = k->ring.tx;
    st->ntxs = k->ring.n;
    st->bytes = k->spool ? k->spool->ops->state(k->spool)->bytes : 0;
    if (k->page == NULL) return;
    if (r->last_us != INT64_MIN) {
        atomic_store(&k->page->last_event_us, r->last_us);
        atomic_store(&k->page->last_seen_us, r->seen_us);
    }
    atomic_store(&k->page->stream_bytes, st->bytes);
}

void leat_kafka_show(leat_kafka *k)
{
    leat_reach_copy(&k->shown, &k->done);
    leat_reach_settled(&k->shown);
    show(k, k->serial);
}

static bool own(leat_str partition)
{
    return leat_str_is(partition, LEAT_KAFKA_SPOOL_PARTITION);
}

void leat_kafka_show_spool(leat_kafka *k)
{
    const leat_stream_state *st = k->spool->ops->state(k->spool);
    leat_reach *r = &k->shown;
    leat_reach_settled(r);
    for (size_t i = 0; i < r->npos; i++)
        leat_reach_move(r, (leat_position){r->pos[i].partition, {0}});
    for (size_t i = 0; i < st->npos; i++)
        if (!own(st->pos[i].partition)) leat_reach_move(r, st->pos[i]);
    leat_reach_settled(r);
    leat_reach_progress(r, st->progress);
    r->totals = st->totals;
    leat_counts_add(&r->totals, &k->moved);
    r->visible = st->events;
    if (k->spool_page->last_event_us != 0) r->last_us = k->spool_page->last_event_us;
    if (k->spool_page->last_seen_us != 0) r->seen_us = k->spool_page->last_seen_us;
    show(k, k->serial + st->frame);
}

/* ---- saving ---- */

bool leat_kafka_save_due(const leat_kafka *k)
{
    bool some = k->spool ? k->cursor_moved : k->unsaved;
    return some && leat_mono_us() - k->saved_us >= SAVE_US;
}

leat_rc leat_kafka_save(leat_kafka *k, leat_err *e)
{
    leat_reach_settled(&k->done);
    leat_delivered d = {
        .pos = k->done.pos,
        .npos = k->done.npos,
        .totals = k->done.totals,
        .events = k->done.visible,
        .serial = k->serial + 1,
        .progress = k->done.has_progress ? leat_buf_str(&k->done.progress) : (leat_str){0},
        .episode = k->episode,
        .cursor = k->cursor_len > 0 ? (leat_str){k->cursor, k->cursor_len} : (leat_str){0},
        .drained = k->drained_events,
        .moved = k->moved,
        .txs = (const uint64_t *)(const void *)k->txs.p,
        .ntxs = k->txs.len / sizeof(uint64_t),
    };
    LEAT_TRY(k->conf.store->save(k->conf.store, &d, e));
    k->serial++;
    k->saved_us = leat_mono_us();
    k->unsaved = k->cursor_moved = false;
    k->state.settled = k->done_number;
    leat_buf_clear(&k->txs);
    if (k->spool)
        leat_kafka_show_spool(k);
    else
        leat_kafka_show(k);
    k->publish_due = true;
    if (k->page) atomic_fetch_add(&k->page->commits, 1);
    return LEAT_OK;
}

leat_rc leat_kafka_load(leat_kafka *k, leat_err *e)
{
    leat_arena a = {0};
    leat_delivered d = {0};
    leat_rc rc = k->conf.store->load(k->conf.store, &a, &d, e);
    for (size_t i = 0; i < d.npos && rc == LEAT_OK; i++) leat_reach_move(&k->done, d.pos[i]);
    if (rc == LEAT_OK) {
        leat_reach_progress(&k->done, d.progress);
        k->done.totals = d.totals;
        k->done.visible = d.events;
        k->serial = d.serial;
        k->episode = d.episode;
        k->moved = d.moved;
        k->drained_events = d.drained;
        k->cursor_len = d.cursor.len < sizeof k->cursor ? d.cursor.len : 0;
        if (k->cursor_len > 0) memcpy(k->cursor, d.cursor.s, k->cursor_len);
        for (size_t i = 0; i < d.ntxs; i++) leat_ring_add(&k->ring, d.txs[i]);
        leat_kafka_show(k);
    }
    leat_arena_free(&a);
    return rc;
}
