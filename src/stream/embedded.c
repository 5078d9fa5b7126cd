/* The embedded stream: a connector's events in segments of its folder (stream/stream.h).
 *
 * append encodes events into a draft; a frame is written when the draft is large, and at commit.
 * What ends at a safe place and what belongs to an open transaction never share a frame: the former
 * goes into frames that say END, the latter into frames without, which stay invisible until an END
 * follows. commit frames what is safe, syncs, and only then moves the mark, mirrors it to the
 * counters page and wakes readers. So many transactions share a frame and a sync.
 *
 * A batch that fails in the middle is taken back whole: the draft, the offsets, the place in the
 * file. To make that possible without copies, a batch is never mixed into a frame with what was
 * there before it, unless it fits there as a whole.
 *
 * Does not decide when to commit. Old segments are removed by retention.c; what the merger has made
 * of them (merger.h) is put in place here, so that one thread alone changes names in the folder.
 * Opening and closing are in embedded_open.c. Run by the one thread that appends and commits. */
#include "stream/embedded.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "stream/page.h"

enum { PROGRESS_MOST = 64 << 20, TEND_US = 5000000, CLAIM_US = 60000000 };

/* ---- going back ---- */

static void keep(leat_embedded *s, leat_embedded_save *to)
{
    const leat_names *names = &s->w.has.names;
    if (to->cap < names->n) {
        to->cap = names->cap;
        to->next = leat_realloc(to->next, to->cap * sizeof(int64_t));
    }
    if (names->n > 0) memcpy(to->next, names->next, names->n * sizeof(int64_t));
    to->n = names->n;
    to->books = s->now;
    to->place = leat_writer_here(&s->w);
}

/* Topics that came after the save begin at 0. */
static leat_rc bring(leat_embedded *s, const leat_embedded_save *from, leat_err *e)
{
    leat_names *names = &s->w.has.names;
    if (from->n > 0) memcpy(names->next, from->next, from->n * sizeof(int64_t));
    for (uint32_t i = from->n; i < names->n; i++) names->next[i] = 0;
    s->now = from->books;
    return leat_writer_back(&s->w, &from->place, e);
}

/* Table versions that went unused for a whole segment; the draft, which names rows, is empty. */
static void forget_tables(leat_embedded *s)
{
    leat_registry_purge(&s->w.has.registry, s->w.at.segment - 1);
    s->purged = s->w.at.segment;
    s->last_row = LEAT_MAP_NONE;
}

static void begin_batch(leat_embedded *s)
{
    if (s->purged != s->w.at.segment && s->d.events == 0) forget_tables(s);
    leat_draft_save(&s->d);
    keep(s, &s->batch);
    s->mixed = s->d.events > 0;
    s->moved = s->tail_began = false;
}

static leat_rc take_back(leat_embedded *s, leat_err *e)
{
    leat_draft_restore(&s->d, &s->w.has.names, &s->w.has.registry);
    if (s->moved) leat_reach_copy(&s->w.has.reach, &s->before);
    return bring(s, &s->batch, e);
}

/* ---- encoding ---- */

static leat_rc frame_as(leat_embedded *s, bool end, leat_err *e)
{
    LEAT_TRY(leat_topics_settle(&s->claims, e));
    LEAT_TRY(leat_writer_frame(&s->w, &s->d, end, e));
    s->now.pending += s->w.out.len;
    s->framed = true;
    return LEAT_OK;
}

/* The draft as a frame of its own: it is all safe or all tail. */
static leat_rc frame(leat_embedded *s, leat_err *e)
{
    LEAT_TRY(frame_as(s, !s->now.tail, e));
    if (!s->now.tail) s->now.dirty = false;
    s->mixed = false;
    return LEAT_OK;
}

static leat_rc find_topic(leat_embedded *s, leat_str topic, uint32_t *out, leat_err *e)
{
    leat_names *names = &s->w.has.names;
    uint32_t i = leat_names_find(names, topic);
    if (i == LEAT_MAP_NONE || !names->v[i].known) {
        LEAT_TRY(leat_topics_claim(&s->claims, topic, e));
        i = leat_names_put(names, topic);
        names->v[i].known = true;
    }
    *out = i;
    return LEAT_OK;
}

static leat_rc find_row(leat_embedded *s, const leat_table *t, leat_err *e)
{
    leat_registry *g = &s->w.has.registry;
    uint32_t row = leat_registry_find(g, t->fingerprint);
    if (row == LEAT_MAP_NONE || g->rows[row].table == NULL) {
        uint32_t topic;
        LEAT_TRY(find_topic(s, leat_str_of(t->topic), &topic, e));
        if (row == LEAT_MAP_NONE) row = leat_registry_add(g, t->fingerprint);
        g->rows[row].table = leat_table_pin(t);
        g->rows[row].topic = topic;
    }
    s->last_row = row;
    s->last_print = t->fingerprint;
    return LEAT_OK;
}

static void end_tx(leat_embedded *s, uint64_t next)
{
    if (s->now.last_tx != 0) {
        leat_ring_add(&s->w.has.ring, s->now.last_tx);
        leat_draft_tx(&s->d, s->now.last_tx);
    }
    s->now.last_tx = next;
}

static leat_rc put_one(leat_embedded *s, const leat_event *ev, leat_err *e)
{
    uint32_t topic, number = 0;
    if (ev->op == LEAT_OP_RECORD) {
        LEAT_TRY(find_topic(s, leat_str_of(ev->record->topic), &topic, e));
    } else {
        if (s->last_row == LEAT_MAP_NONE || ev->table->fingerprint != s->last_print)
            LEAT_TRY(find_row(s, ev->table, e));
        leat_registry *g = &s->w.has.registry;
        leat_draft_row(&s->d, g, s->last_row);
        topic = g->rows[s->last_row].topic;
        number = g->rows[s->last_row].number;
    }
    leat_frame_topic *t = leat_draft_topic(&s->d, &s->w.has.names, topic);
    unsigned records = leat_event_records(ev);
    t->records += records;
    s->w.has.names.next[topic] += records;
    if (ev->ts_us < t->min_us) t->min_us = ev->ts_us;
    if (ev->ts_us > t->max_us) t->max_us = ev->ts_us;
    if (ev->tx != s->now.last_tx) end_tx(s, ev->tx);
    leat_wire_put(&s->d.raw, &s->d.wire, ev, number);
    s->d.events++;
    return LEAT_OK;
}

/* AGAIN: the draft is full, and holds what was there before the batch: that needs a frame first. */
static leat_rc put(leat_embedded *s, const leat_batch *b, uint32_t from, uint32_t to, leat_err *e)
{
    for (uint32_t i = from; i < to; i++) {
        LEAT_TRY(put_one(s, &b->ev[i], e));
        if (s->d.raw.len < s->frame_bytes) continue;
        if (s->mixed) return LEAT_AGAIN;
        if (s->d.raw.len > LEAT_FRAME_RAW_MAX)
            return leat_fail(e, LEAT_CONF, "stream.event_too_large", leat_event_topic(&b->ev[i]),
                             "an event of %zu bytes cannot be stored, %d are possible; lower "
                             "max.event.bytes so that it goes to the dead letters",
                             s->d.raw.len, LEAT_FRAME_RAW_MAX);
        if (i + 1 < to) LEAT_TRY(frame_as(s, false, e));
    }
    return LEAT_OK;
}

/* ---- append ---- */

/* What a batch asks for. */
typedef struct plan {
    uint32_t nsafe;
    bool safe;          /* it moves the safe place */
    leat_counts counts; /* up to there */
    leat_str progress;
} plan;

static plan plan_of(const leat_batch *b, leat_str progress)
{
    if (b->safe.offset.s != NULL) return (plan){b->nsafe, true, b->safe_counts, progress};
    if (progress.s != NULL) return (plan){b->n, true, b->counts, progress};
    return (plan){0};
}

/* The batch cannot share a frame with what the draft holds: a safe place with a tail behind it ends
 * a frame, even if it stands before the batch's first event. What the draft held could not be
 * brought back once that frame is formed. */
static bool must_part(const leat_embedded *s, const leat_batch *b, const plan *p)
{
    if (s->d.events == 0 && !s->now.dirty) return false;
    if (p->nsafe < b->n && (p->safe || !s->now.tail)) return true;
    return s->d.events > 0 && s->d.raw.len + b->n * s->event_bytes > s->frame_bytes;
}

static void reach_safe(leat_embedded *s, const leat_batch *b, const plan *p)
{
    leat_reach *reach = &s->w.has.reach;
    s->moved = p->nsafe < b->n;
    if (s->moved) leat_reach_copy(&s->before, reach);
    end_tx(s, 0);
    if (b->safe.offset.s != NULL) leat_reach_move(reach, b->safe);
    leat_reach_progress(reach, p->progress);
    leat_counts_add(&reach->totals, &s->now.counts);
    leat_counts_add(&reach->totals, &p->counts);
    reach->visible += s->now.events + p->nsafe;
    if (p->nsafe > 0) {
        s->now.last_us = b->ev[p->nsafe - 1].ts_us;
        s->now.seen_us = b->ev[p->nsafe - 1].seen_us;
    }
    reach->last_us = s->now.last_us;
    reach->seen_us = s->now.seen_us;
    s->now.counts = (leat_counts){0};
    s->now.events = 0;
    s->now.dirty = true;
    s->now.tail = false;
}

/* What stands behind the safe place: events, and what was counted without any. */
static leat_rc put_tail(leat_embedded *s, const leat_batch *b, const plan *p, leat_err *e)
{
    if (p->nsafe < b->n && !s->now.tail) {
        if (s->d.events > 0 || s->now.dirty) LEAT_TRY(frame(s, e));
        keep(s, &s->fresh);
        s->tail_began = s->now.tail = true;
    }
    leat_counts_add(&s->now.counts, &b->counts);
    leat_counts_sub(&s->now.counts, &p->counts);
    if (p->nsafe == b->n) return LEAT_OK;
    s->now.events += b->n - p->nsafe;
    s->now.last_us = b->ev[b->n - 1].ts_us;
    s->now.seen_us = b->ev[b->n - 1].seen_us;
    return put(s, b, p->nsafe, b->n, e);
}

static leat_rc put_batch(leat_embedded *s, const leat_batch *b, const plan *p, leat_err *e)
{
    leat_rc rc = put(s, b, 0, p->nsafe, e);
    if (rc != LEAT_OK) return rc;
    if (p->safe) reach_safe(s, b, p);
    return put_tail(s, b, p, e);
}

static void settle(leat_embedded *s, const leat_batch *b, size_t raw_before)
{
    if (s->tail_began) {
        leat_embedded_save was = s->safe;
        s->safe = s->fresh;
        s->fresh = was;
    }
    if (b->n > 0 && s->d.raw.len > raw_before)
        s->event_bytes = (3 * s->event_bytes + (s->d.raw.len - raw_before) / b->n) / 4 + 1;
}

static void show_txs(leat_embedded *s)
{
    s->state.txs = s->w.has.ring.tx;
    s->state.ntxs = s->w.has.ring.n;
}

static leat_rc append(leat_stream *stream, const leat_batch *b, leat_str progress, leat_err *e)
{
    leat_embedded *s = (leat_embedded *)stream;
    plan p = plan_of(b, progress);
    if (s->w.broken) return leat_writer_broken(&s->w, e);
    if (progress.len > PROGRESS_MOST)
        return leat_fail(e, LEAT_FATAL, "stream.progress_too_large", s->connector,
                         "the snapshots' progress takes %zu bytes, %d are possible", progress.len,
                         PROGRESS_MOST);
    bool part = must_part(s, b, &p);
    for (;;) {
        if (part) LEAT_TRY(frame(s, e));
        size_t raw = s->d.raw.len;
        begin_batch(s);
        leat_rc rc = put_batch(s, b, &p, e);
        if (rc == LEAT_OK) {
            settle(s, b, raw);
            show_txs(s);
            return LEAT_OK;
        }
        leat_err why;
        leat_rc back = take_back(s, &why);
        show_txs(s);
        if (leat_rc_failed(back)) {
            if (e != NULL) *e = why;
            return back;
        }
        if (rc != LEAT_AGAIN) return rc;
        part = true;
    }
}

leat_rc leat_embedded_rollback(leat_embedded *s, leat_err *e)
{
    if (s->w.broken) return leat_writer_broken(&s->w, e);
    if (s->now.tail) {
        leat_draft_clear(&s->d);
        LEAT_TRY(bring(s, &s->safe, e));
        show_txs(s);
    }
    s->now.counts = (leat_counts){0};
    return LEAT_OK;
}

static leat_rc rollback(leat_stream *stream, leat_err *e)
{
    return leat_embedded_rollback((leat_embedded *)stream, e);
}

/* ---- commit ---- */

static void show_bytes(leat_embedded *s)
{
    uint64_t gone = s->merged_bytes + s->w.keep.removed_bytes;
    s->state.bytes = s->w.older_bytes + (uint64_t)s->w.at.offset - gone;
    if (s->page == NULL) return;
    atomic_store(&s->page->head_bytes, s->state.bytes);
    atomic_store(&s->page->stream_bytes, s->state.bytes);
}

void leat_embedded_show(leat_embedded *s)
{
    leat_reach_copy(&s->visible, &s->w.has.reach);
    s->state.pos = s->visible.pos;
    s->state.npos = s->visible.npos;
    s->state.totals = s->visible.totals;
    s->state.progress = (leat_str){NULL, 0};
    if (s->visible.has_progress) s->state.progress = leat_buf_str(&s->visible.progress);
    s->state.frame = s->w.mark.number;
    s->state.events = s->visible.visible;
    show_txs(s);
    show_bytes(s);
    leat_page *p = s->page;
    if (p == NULL) return;
    if (s->visible.last_us != INT64_MIN) atomic_store(&p->last_event_us, s->visible.last_us);
    if (s->visible.seen_us != 0) atomic_store(&p->last_seen_us, s->visible.seen_us);
    leat_page_set_mark(p, s->w.mark.segment, (uint64_t)s->w.mark.offset, s->w.mark.number);
}

/* That it fails is no reason to stop: the old segment or the new one is there, either will do. */
void leat_embedded_put_merged(leat_embedded *s)
{
    leat_merged m;
    leat_err why;
    if (s->merger == NULL || !leat_merger_ready(s->merger, &m)) return;
    leat_rc rc = leat_merge_install(s->w.dir, &m, &why);
    if (rc == LEAT_OK) {
        s->merged_bytes += (uint64_t)(m.bytes_before - m.bytes_after);
        show_bytes(s);
        leat_log(LEAT_INFO, "stream.merged",
                 "segment=%" PRIu64 " frames=%" PRIu64 " to=%" PRIu64 " bytes=%" PRId64
                 " to=%" PRId64,
                 m.segment, m.frames_before, m.frames_after, m.bytes_before, m.bytes_after);
    } else if (rc != LEAT_AGAIN) {
        leat_log_err(LEAT_WARN, &why);
    }
    leat_merger_taken(s->merger);
}

leat_rc leat_embedded_commit(leat_embedded *s, leat_err *e)
{
    if (s->w.broken) return leat_writer_broken(&s->w, e);
    leat_embedded_put_merged(s);
    if (!s->now.tail && (s->d.events > 0 || s->now.dirty)) LEAT_TRY(frame(s, e));
    if (s->w.end.number == s->w.mark.number) return LEAT_OK;
    LEAT_TRY(leat_writer_sync(&s->w, e));
    if (LEAT_FAULT(stream_mark) != 0) {
        s->w.broken = true;
        return leat_writer_broken(&s->w, e);
    }
    s->w.mark = s->w.end;
    s->now.pending = 0;
    if (s->merger != NULL) leat_merger_reach(s->merger, s->w.mark.segment);
    leat_embedded_show(s);
    if (s->page != NULL) atomic_fetch_add(&s->page->commits, 1);
    return LEAT_OK;
}

static leat_rc commit(leat_stream *stream, leat_err *e)
{
    return leat_embedded_commit((leat_embedded *)stream, e);
}

/* A slow stream's newest segment is closed by its age; else what is in it would never go. */
static leat_rc roll(leat_embedded *s, leat_err *e)
{
    leat_err why;
    bool settled = s->w.at.number == s->w.mark.number && s->d.events == 0 && !s->now.dirty;
    bool empty = s->w.at.offset == s->w.body;
    if (!settled || empty || !leat_retention_roll_due(&s->w.keep, s->w.at.segment)) return LEAT_OK;
    leat_rc rc = leat_writer_rotate(&s->w, NULL, &why);
    if (rc == LEAT_RETRY) return LEAT_OK; /* there is no room now, and no need either */
    if (rc == LEAT_OK) return leat_embedded_commit(s, e);
    if (e != NULL) *e = why;
    return rc;
}

/* Claims that somebody removed while it runs. */
static leat_rc reclaim(leat_embedded *s, int64_t now, leat_err *e)
{
    leat_arena a = {0};
    size_t count = 0;
    const leat_names *names = &s->w.has.names;
    if (now - s->claimed_us < CLAIM_US) return LEAT_OK;
    s->claimed_us = now;
    const char **topics = LEAT_NEW(&a, const char *, names->n + 1);
    for (uint32_t i = 0; i < names->n; i++)
        if (names->v[i].known) topics[count++] = names->v[i].name.s;
    leat_rc rc = leat_topics_reclaim(s->data, topics, count, s->connector, e);
    leat_arena_free(&a);
    return rc;
}

static leat_rc tend(leat_stream *stream, leat_err *e)
{
    leat_embedded *s = (leat_embedded *)stream;
    int64_t now = leat_mono_us();
    if (s->w.broken) return leat_writer_broken(&s->w, e);
    if (now - s->tended_us < TEND_US) return LEAT_OK;
    s->tended_us = now;
    leat_writer_mend_reserve(&s->w);
    LEAT_TRY(reclaim(s, now, e));
    LEAT_TRY(roll(s, e));
    leat_retention_tend(&s->w.keep, &s->w.mark, s->w.at.segment);
    leat_retention_tell(&s->w.keep, s->w.at.segment, s->visible.visible);
    return LEAT_OK;
}

static size_t pending(const leat_stream *stream)
{
    const leat_embedded *s = (const leat_embedded *)stream;
    return s->now.pending + s->d.raw.len;
}

static const leat_stream_state *state(const leat_stream *stream)
{
    return &((const leat_embedded *)stream)->state;
}

static size_t memory(const leat_stream *stream)
{
    const leat_embedded *s = (const leat_embedded *)stream;
    return s->d.raw.cap + s->w.out.cap + s->w.scratch.held;
}

static void close_stream(leat_stream *stream)
{
    leat_embedded_close((leat_embedded *)stream);
}

bool leat_embedded_merge(leat_stream *stream)
{
    leat_embedded *s = (leat_embedded *)stream;
    return s->merger != NULL && leat_merger_step(s->merger) >= 0;
}

const leat_stream_ops leat_embedded_ops = {
    .name = "embedded",
    .append = append,
    .commit = commit,
    .rollback = rollback,
    .tend = tend,
    .edit = leat_embedded_edit,
    .pending = pending,
    .state = state,
    .close = close_stream,
    .memory = memory,
};
