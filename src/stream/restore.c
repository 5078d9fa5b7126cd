/* Recovery: what stands at the mark (stream/recover.h).
 *
 * A segment's first frame says what all before it reached; the frames up to the place are added,
 * from their heads alone. They were checked before, by the search for the mark or by the one who
 * wrote them. Run by the thread that opens a stream, or lists one. */
#include <inttypes.h>
#include <stdio.h>

#include "event/wire.h"
#include "stream/recover.h"

void leat_restored_init(leat_restored *r)
{
    *r = (leat_restored){.newest_us = INT64_MIN};
    leat_reach_init(&r->reach);
    leat_registry_init(&r->registry);
}

void leat_restored_free(leat_restored *r)
{
    leat_reach_free(&r->reach);
    leat_names_free(&r->names);
    leat_ring_free(&r->ring);
    leat_registry_free(&r->registry);
}

static leat_rc bad_meta(leat_walk *w, const leat_frame *f, leat_err *e)
{
    snprintf(w->why, sizeof(w->why), "the meta of frame %" PRIu64 " cannot be read", f->number);
    return leat_walk_damaged(w, e);
}

/* The first frame; w is left behind it. */
static leat_rc opening(leat_walk *w, leat_arena *a, leat_frame_segment *out, leat_str *body,
                       leat_err *e)
{
    leat_frame f;
    leat_str meta;
    leat_seen seen;
    LEAT_TRY(leat_walk_peek(w, &f, &meta, &seen, e));
    if (seen == LEAT_SEEN_FRAME) LEAT_TRY(leat_walk_load(w, &f, &meta, body, &seen, e));
    if (seen != LEAT_SEEN_FRAME) return leat_walk_damaged(w, e);
    if (f.events > LEAT_WIRE_VERSION) return leat_walk_foreign(w, e);
    if (f.type != LEAT_FRAME_SEGMENT) {
        snprintf(w->why, sizeof(w->why), "the segment does not begin with a checkpoint");
        return leat_walk_damaged(w, e);
    }
    leat_str kept = leat_arena_str(a, meta);
    *body = leat_arena_str(a, *body);
    if (!leat_frame_get_segment(kept, &f, a, out) || out->segment != w->at.segment)
        return bad_meta(w, &f, e);
    leat_walk_pass(w, &f);
    return LEAT_OK;
}

static void set_next(leat_names *names, leat_str topic, int64_t next)
{
    uint32_t i = leat_names_put(names, topic);
    names->next[i] = next;
}

static leat_rc begin(leat_walk *w, leat_arena *a, leat_restored *out, leat_err *e)
{
    leat_frame_segment s;
    leat_str body;
    const uint64_t *txs;
    uint32_t n;
    LEAT_TRY(opening(w, a, &s, &body, e));
    out->body = w->at.offset;
    leat_reach_take(&out->reach, &s.reach);
    out->newest_us = s.last_us;
    out->registry.next = s.next_table;
    for (uint32_t i = 0; i < s.ntopics; i++)
        set_next(&out->names, s.topics[i].name, s.topics[i].next);
    if (!leat_frame_get_txs(body, a, &txs, &n)) {
        snprintf(w->why, sizeof(w->why), "the transactions of its checkpoint cannot be read");
        return leat_walk_damaged(w, e);
    }
    for (uint32_t i = 0; i < n; i++) leat_ring_add(&out->ring, txs[i]);
    return LEAT_OK;
}

static void add_data(leat_restored *out, const leat_frame *f, const leat_frame_data *d)
{
    for (uint32_t i = 0; i < d->ntopics; i++) {
        const leat_frame_topic *t = &d->topics[i];
        set_next(&out->names, t->name, t->first + (int64_t)t->records);
        if (t->max_us > out->newest_us) out->newest_us = t->max_us;
    }
    for (uint32_t i = 0; i < d->ntxs; i++) leat_ring_add(&out->ring, d->txs[i]);
    if (f->flags & LEAT_FRAME_END) leat_reach_take(&out->reach, &d->reach);
}

static leat_rc add_frame(leat_walk *w, leat_arena *a, leat_restored *out, leat_err *e)
{
    leat_frame f;
    leat_str meta;
    leat_seen seen;
    LEAT_TRY(leat_walk_peek(w, &f, &meta, &seen, e));
    if (seen != LEAT_SEEN_FRAME) return leat_walk_damaged(w, e);
    if (f.events > LEAT_WIRE_VERSION) return leat_walk_foreign(w, e);
    if (f.type == LEAT_FRAME_TABLE) {
        uint32_t number;
        uint64_t fingerprint;
        if (!leat_frame_get_table(meta, &number, &fingerprint)) return bad_meta(w, &f, e);
        leat_registry_defined(&out->registry, fingerprint, number, w->at.segment, w->at.offset);
    } else {
        leat_frame_data d;
        if (f.type != LEAT_FRAME_DATA || !leat_frame_get_data(meta, &f, true, a, &d))
            return bad_meta(w, &f, e);
        add_data(out, &f, &d);
    }
    leat_walk_pass(w, &f);
    return LEAT_OK;
}

leat_rc leat_recover_state(const char *dir, const leat_place *mark, leat_restored *out, leat_err *e)
{
    leat_walk w;
    leat_arena a = {0};
    leat_walk_init(&w);
    leat_rc rc = leat_walk_open(&w, dir, mark->segment, e);
    if (rc == LEAT_AGAIN)
        rc = leat_fail(e, LEAT_RETRY, "stream.changed", dir,
                       "segment %" PRIu64 " was there a moment ago and is not now", mark->segment);
    if (rc == LEAT_OK) rc = begin(&w, &a, out, e);
    while (rc == LEAT_OK && w.at.number < mark->number) {
        leat_arena_reset(&a, 1 << 20);
        rc = add_frame(&w, &a, out, e);
    }
    out->reach.last_us = out->newest_us;
    leat_reach_settled(&out->reach);
    leat_walk_free(&w);
    leat_arena_free(&a);
    return rc;
}

leat_rc leat_recover_opening(const char *dir, uint64_t segment, leat_arena *a,
                             leat_frame_segment *out, leat_place *place, leat_err *e)
{
    leat_walk w;
    leat_str body;
    leat_walk_init(&w);
    leat_rc rc = leat_walk_open(&w, dir, segment, e);
    if (rc == LEAT_OK) rc = opening(&w, a, out, &body, e);
    if (rc == LEAT_OK && place != NULL) *place = w.at;
    leat_walk_free(&w);
    return rc;
}
