/* What is delivered, and durable as that.
 *
 * `done` moves over the parcels from the oldest on, as their records are reported; a save makes it
 * durable, a few times a second at most, and only then is it shown: the source is acknowledged from
 * what is shown. While a spool is in force its own frames say what is durable, and a save is about
 * the cursor: how much of the spool is delivered. Run by the stream's thread. */
#include <stdio.h>

#include "base/clock.h"
#include "stream/kafka/part.h"
#include "stream/page.h"

enum { SAVE_US = 100000 };

/* ---- moving ---- */

static void take_safe(leat_books *x, const leat_parcel *p)
{
    if (p->spooled) return;
    if (p->offset.len > 0)
        leat_reach_move(&x->done,
                        (leat_position){leat_buf_str(&p->partition), leat_buf_str(&p->offset)});
    if (p->has_progress) leat_reach_progress(&x->done, leat_buf_str(&p->progress));
    leat_counts_add(&x->done.totals, &x->popped);
    leat_counts_add(&x->done.totals, &p->safe_counts);
    x->done.visible += x->popped_events + p->nsafe;
    if (p->nsafe > 0) {
        x->done.last_us = p->last_us;
        x->done.seen_us = p->seen_us;
    }
    x->popped = (leat_counts){0};
    x->popped_events = 0;
    leat_buf_put(&x->txs, p->txs, p->ntxs * sizeof *p->txs);
    x->done_number = p->number;
}

static void take_spooled(leat_books *x, const leat_parcel *p)
{
    leat_counts_add(&x->passed, &p->moved);
    x->passed_events += p->counted;
    if (p->cursor_len == 0) return;
    leat_counts_add(&x->moved, &x->passed);
    x->drained_events += x->passed_events;
    x->passed = (leat_counts){0};
    x->passed_events = 0;
    memcpy(x->cursor, p->cursor, p->cursor_len);
    x->cursor_len = p->cursor_len;
}

static void take_tail(leat_books *x, const leat_parcel *p)
{
    if (p->spooled) {
        take_spooled(x, p);
        return;
    }
    leat_counts tail = p->counts;
    leat_counts_sub(&tail, &p->safe_counts);
    leat_counts_add(&x->popped, &tail);
    if (!p->cut) x->popped_events += p->n - p->nsafe;
}

void leat_kafka_take(leat_books *x, const leat_parcel *p)
{
    if (p->safe) take_safe(x, p);
    take_tail(x, p);
    leat_kafka_take_open(x, p);
}

void leat_books_copy(leat_books *to, const leat_books *from)
{
    leat_reach done = to->done;
    leat_buf txs = to->txs;
    *to = *from;
    to->done = done;
    to->txs = txs;
    leat_reach_copy(&to->done, &from->done);
    leat_buf_clear(&to->txs);
    leat_buf_add(&to->txs, leat_buf_str(&from->txs));
}

void leat_books_init(leat_books *x)
{
    *x = (leat_books){0};
    leat_reach_init(&x->done);
}

void leat_books_free(leat_books *x)
{
    leat_reach_free(&x->done);
    leat_buf_free(&x->txs);
}

void leat_kafka_advance(leat_kafka *k)
{
    if (k->reported) {
        k->moved_us = leat_mono_us();
        k->reset_pause = 0;
        k->last = (leat_err){0};
        k->reported = false;
    }
    if (leat_kafka_once(k)) return; /* a commit moves it, nothing else */
    while (k->nparcels > 0) {
        leat_parcel *p = leat_kafka_parcel(k, 0);
        bool sent = p->sent >= p->safe_records;
        if (!p->taken && p->left_safe == 0 && sent && p->safe) {
            p->taken = true;
            take_safe(&k->books, p);
            k->unsaved = k->unsaved || !p->spooled;
        }
        if (p->left_safe > 0 || p->left_tail > 0 || p->sent < p->records) return;
        take_tail(&k->books, p);
        k->cursor_moved = k->cursor_moved || (p->spooled && p->cursor_len > 0);
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
    leat_reach_copy(&k->shown, &k->books.done);
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
    leat_counts_add(&r->totals, &k->books.moved);
    r->visible = st->events;
    if (k->spool_page->last_event_us != 0) r->last_us = k->spool_page->last_event_us;
    if (k->spool_page->last_seen_us != 0) r->seen_us = k->spool_page->last_seen_us;
    show(k, k->serial + leat_kafka_spool_frames(k));
}

/* ---- saving ---- */

bool leat_kafka_save_due(const leat_kafka *k)
{
    bool some = k->spool ? k->cursor_moved : k->unsaved;
    return some && !leat_kafka_once(k) && leat_mono_us() - k->saved_us >= SAVE_US;
}

leat_delivered leat_kafka_delivered(const leat_kafka *k, const leat_books *x, uint64_t serial,
                                    leat_arena *a)
{
    leat_frame_reach reach = leat_reach_give(&x->done, false, a);
    return (leat_delivered){
        .pos = reach.pos,
        .npos = reach.npos,
        .totals = reach.totals,
        .events = reach.visible,
        .serial = serial,
        .progress = reach.progress,
        .episode = k->episode,
        .cursor = x->cursor_len > 0 ? (leat_str){x->cursor, x->cursor_len} : (leat_str){0},
        .drained = x->drained_events,
        .moved = x->moved,
        .skip = x->skip,
        .open_tx = x->open_tx,
        .open_seq = x->open_seq,
        .open_dead = x->open_dead,
        .part_seq = x->part_seq,
        .part_dead = x->part_dead,
        .mark = x->mark,
        .mark_us = x->mark_us,
        .cluster = leat_str_of(k->cluster),
        .ahead = x->ahead,
        .txs = (const uint64_t *)(const void *)x->txs.p,
        .ntxs = x->txs.len / sizeof(uint64_t),
    };
}

leat_rc leat_kafka_save(leat_kafka *k, leat_err *e)
{
    leat_arena a = {0};
    leat_delivered d = leat_kafka_delivered(k, &k->books, k->serial + 1, &a);
    leat_rc rc = k->conf.store->save(k->conf.store, &d, e);
    leat_arena_free(&a);
    LEAT_TRY(rc);
    k->serial++;
    leat_kafka_saved(k);
    k->state.settled = k->books.done_number;
    leat_reach_settled(&k->books.done);
    if (k->spool)
        leat_kafka_show_spool(k);
    else
        leat_kafka_show(k);
    k->publish_due = true;
    if (k->page) atomic_fetch_add(&k->page->commits, 1);
    return LEAT_OK;
}

void leat_kafka_saved(leat_kafka *k)
{
    k->saved_us = leat_mono_us();
    k->unsaved = k->cursor_moved = false;
    leat_buf_clear(&k->books.txs);
    if (k->begun && !k->spool) leat_kafka_spool_clear(k);
}

/* What the store says; the transactions go to the ring. */
void leat_kafka_books_load(leat_kafka *k, leat_books *x, const leat_delivered *d)
{
    leat_books_free(x);
    leat_books_init(x);
    for (size_t i = 0; i < d->npos; i++) leat_reach_move(&x->done, d->pos[i]);
    leat_reach_settled(&x->done);
    leat_reach_progress(&x->done, d->progress);
    x->done.totals = d->totals;
    x->done.visible = d->events;
    x->moved = d->moved;
    x->drained_events = d->drained;
    x->cursor_len = d->cursor.len < sizeof x->cursor ? d->cursor.len : 0;
    if (x->cursor_len > 0) memcpy(x->cursor, d->cursor.s, x->cursor_len);
    x->skip = d->skip;
    x->open_tx = d->open_tx;
    x->open_seq = d->open_seq;
    x->open_dead = d->open_dead;
    x->part_seq = d->part_seq;
    x->part_dead = d->part_dead;
    x->mark = d->mark;
    x->mark_us = d->mark_us;
    x->ahead = d->ahead;
    if (d->serial > k->serial) k->serial = d->serial;
}

leat_rc leat_kafka_load(leat_kafka *k, leat_err *e)
{
    leat_arena a = {0};
    leat_delivered d = {0};
    leat_rc rc = k->conf.store->load(k->conf.store, &a, &d, e);
    if (rc == LEAT_OK) {
        leat_kafka_books_load(k, &k->books, &d);
        k->episode = d.episode;
        snprintf(k->cluster, sizeof k->cluster, "%.*s", (int)d.cluster.len, d.cluster.s);
        for (size_t i = 0; i < d.ntxs; i++) leat_ring_add(&k->ring, d.txs[i]);
        rc = leat_kafka_once_load(k, &a, e);
    }
    if (rc == LEAT_OK) leat_kafka_show(k);
    leat_arena_free(&a);
    return rc;
}
