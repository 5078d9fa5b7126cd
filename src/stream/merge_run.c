/* Runs of frames that become one (stream/merge_run.h).
 *
 * The draft of a run is that of a writer; its topics begin at the offsets which the first of its
 * frames says. Batch and scratch are emptied every few events, so that memory does not grow with a
 * frame. Run by the merging thread. */
#include "stream/merge_run.h"

#include <zstd.h>

enum {
    ZSTD_LEVEL = 3,
    SMALL = 256,          /* bytes of events that are not worth compressing */
    FRAMES_MOST = 65536,  /* of a run */
    TXS_MOST = 65536,     /* of a run, before its last frame */
    EVENTS_AT_ONCE = 256, /* in the batch */
    BATCH_BYTES = 1 << 17,
    KEEP = 1 << 16, /* of scratch */
};

void leat_merge_run_init(leat_merge_run *r)
{
    *r = (leat_merge_run){.last = LEAT_MAP_NONE};
    leat_batch_init(&r->batch, EVENTS_AT_ONCE, BATCH_BYTES);
    leat_reach_init(&r->reach);
    leat_draft_clear(&r->draft);
}

static void drop_tables(leat_merge_run *r)
{
    leat_batch_reset(&r->batch);
    for (uint32_t i = 0; i < r->ntables; i++) leat_table_unpin(r->tables[i].table);
    r->ntables = 0;
    r->last = LEAT_MAP_NONE;
    leat_map_clear(&r->numbers);
}

void leat_merge_run_free(leat_merge_run *r)
{
    drop_tables(r);
    leat_free(r->tables);
    leat_free(r->used);
    leat_map_free(&r->numbers);
    leat_names_free(&r->names);
    leat_draft_free(&r->draft);
    leat_reach_free(&r->reach);
    leat_buf_free(&r->counts);
    leat_buf_free(&r->crcs);
    leat_buf_free(&r->again);
    leat_batch_free(&r->batch);
    leat_arena_free(&r->scratch);
    ZSTD_freeCCtx(r->zstd);
    *r = (leat_merge_run){0};
}

static void clear(leat_merge_run *r)
{
    r->f = (leat_frame){0};
    r->d = (leat_frame_data){0};
    r->at = (leat_wire_state){0};
    r->nused = 0;
    leat_draft_clear(&r->draft);
    leat_buf_clear(&r->counts);
    leat_buf_clear(&r->crcs);
    leat_reach_settled(&r->reach);
}

void leat_merge_run_reset(leat_merge_run *r)
{
    drop_tables(r);
    leat_names_free(&r->names);
    leat_reach_free(&r->reach);
    leat_reach_init(&r->reach);
    clear(r);
}

/* ---- tables ---- */

leat_rc leat_merge_run_define(leat_merge_run *r, uint32_t number, leat_str body, int64_t offset,
                              leat_err *e)
{
    leat_merge_table t = {.number = number, .offset = offset};
    LEAT_TRY(leat_wire_get_table(body, &t.table, e));
    if (r->ntables == r->tables_cap) {
        r->tables_cap = r->tables_cap > 0 ? r->tables_cap * 2 : 16;
        r->tables = leat_realloc(r->tables, r->tables_cap * sizeof(leat_merge_table));
    }
    leat_map_put(&r->numbers, number, r->ntables);
    r->tables[r->ntables++] = t;
    return LEAT_OK;
}

static const leat_table *table_of(void *arg, uint32_t number)
{
    leat_merge_run *r = arg;
    if (r->last == LEAT_MAP_NONE || r->tables[r->last].number != number)
        r->last = leat_map_get(&r->numbers, number);
    return r->last == LEAT_MAP_NONE ? NULL : r->tables[r->last].table;
}

bool leat_merge_run_places(leat_merge_run *r, leat_frame_data *d, leat_arena *a)
{
    leat_frame_table *tables = LEAT_NEW(a, leat_frame_table, d->ntables);
    for (uint32_t i = 0; i < d->ntables; i++) {
        uint32_t at = leat_map_get(&r->numbers, d->tables[i].number);
        if (at == LEAT_MAP_NONE) return false;
        tables[i] = (leat_frame_table){d->tables[i].number, r->tables[at].offset};
    }
    d->tables = tables;
    return true;
}

static void use_tables(leat_merge_run *r, const leat_frame_data *d)
{
    for (uint32_t i = 0; i < d->ntables; i++) {
        leat_merge_table *t = &r->tables[leat_map_get(&r->numbers, d->tables[i].number)];
        if (t->run == r->draft.id) continue;
        t->run = r->draft.id;
        if (r->nused == r->used_cap) {
            r->used_cap = r->used_cap > 0 ? r->used_cap * 2 : 16;
            r->used = leat_realloc(r->used, r->used_cap * sizeof(leat_frame_table));
        }
        r->used[r->nused++] = d->tables[i];
    }
}

/* ---- adding ---- */

bool leat_merge_run_follows(leat_merge_run *r, const leat_frame_data *d)
{
    for (uint32_t i = 0; i < d->ntopics; i++) {
        uint32_t topic = leat_names_put(&r->names, d->topics[i].name);
        if (r->names.next[topic] != d->topics[i].first) return false;
        r->names.next[topic] += (int64_t)d->topics[i].records;
    }
    return true;
}

bool leat_merge_run_fits(const leat_merge_run *r, const leat_frame *f)
{
    if (r->f.number == 0) return true;
    bool tail_behind_safe = (r->f.flags & LEAT_FRAME_END) && !(f->flags & LEAT_FRAME_END);
    return !tail_behind_safe && f->number - r->f.first < FRAMES_MOST && r->draft.ntxs <= TXS_MOST;
}

static void add_meta(leat_merge_run *r, const leat_frame *f, const leat_frame_data *d)
{
    if (r->f.number == 0) {
        r->f = (leat_frame){.type = LEAT_FRAME_DATA, .first = f->number, .prev = f->prev};
        r->d.open = d->open;
    }
    r->f.number = f->number;
    r->f.name = f->name;
    r->f.flags = LEAT_FRAME_MERGED | (f->flags & LEAT_FRAME_END);
    r->d.mark = d->mark;
    for (uint32_t i = 0; i < d->ntopics; i++) {
        const leat_frame_topic *from = &d->topics[i];
        uint32_t topic = leat_names_find(&r->names, from->name);
        leat_frame_topic *t = leat_draft_topic(&r->draft, &r->names, topic);
        if (t->records == 0) t->first = from->first;
        t->records += from->records;
        if (from->min_us < t->min_us) t->min_us = from->min_us;
        if (from->max_us > t->max_us) t->max_us = from->max_us;
    }
    use_tables(r, d);
    for (uint32_t i = 0; i < d->ntxs; i++) leat_draft_tx(&r->draft, d->txs[i]);
    if (f->flags & LEAT_FRAME_END) leat_reach_take(&r->reach, &d->reach);
    leat_buf_varint(&r->counts, d->events);
    leat_buf_le32(&r->crcs, f->name);
}

/* n events from in, whose state is from, to out. */
static leat_rc copy(leat_merge_run *r, leat_str in, leat_wire_state *from, uint64_t n,
                    leat_buf *out, leat_wire_state *to, leat_err *e)
{
    leat_cur c = leat_cur_of(in);
    leat_batch *b = &r->batch;
    for (uint64_t i = 0; i < n; i++) {
        if (leat_batch_full(b)) leat_batch_reset(b);
        LEAT_TRY(leat_wire_get(&c, from, b, table_of, r, false, e));
        const leat_event *ev = &b->ev[b->n - 1];
        uint32_t number = ev->op == LEAT_OP_RECORD ? 0 : r->tables[r->last].number;
        leat_wire_put(out, to, ev, number);
    }
    if (leat_cur_left(&c) == 0) return LEAT_OK;
    return leat_fail(e, LEAT_DATA, "wire.bad", "", "bytes behind the last event");
}

leat_rc leat_merge_run_add(leat_merge_run *r, const leat_frame *f, const leat_frame_data *d,
                           leat_str raw, leat_err *e)
{
    leat_draft *draft = &r->draft;
    size_t before = draft->raw.len;
    leat_wire_state from = {0}, to = {0};
    add_meta(r, f, d);
    LEAT_TRY(copy(r, raw, &from, d->events, &draft->raw, &draft->wire, e));
    draft->events += d->events;
    leat_str written = {draft->raw.p + before, draft->raw.len - before};
    if (draft->raw.len == before) written.s = "";
    leat_buf_clear(&r->again);
    LEAT_TRY(copy(r, written, &r->at, d->events, &r->again, &to, e));
    if (leat_str_eq(leat_buf_str(&r->again), raw)) return LEAT_OK;
    return leat_fail(e, LEAT_DATA, "stream.merge_differs", "",
                     "its events would not be the same afterwards");
}

/* ---- forming ---- */

size_t leat_merge_put_head(leat_buf *out, const leat_frame *f)
{
    size_t at = out->len;
    leat_buf_room(out, LEAT_FRAME_HEAD);
    out->len += LEAT_FRAME_HEAD;
    leat_frame_put_lead(out, f);
    return at;
}

static unsigned put_body(leat_merge_run *r, leat_buf *out, leat_str raw)
{
    size_t most = ZSTD_compressBound(raw.len), got = 0;
    char *to = leat_buf_room(out, most > raw.len ? most : raw.len);
    if (r->zstd == NULL) r->zstd = ZSTD_createCCtx();
    if (raw.len >= SMALL) got = ZSTD_compressCCtx(r->zstd, to, most, raw.s, raw.len, ZSTD_LEVEL);
    if (!ZSTD_isError(got) && got > 0 && got < raw.len) {
        out->len += got;
        return LEAT_FRAME_ZSTD;
    }
    leat_buf_add(out, raw);
    return 0;
}

void leat_merge_run_form(leat_merge_run *r, leat_buf *out)
{
    leat_frame *f = &r->f;
    leat_frame_data *d = &r->d;
    leat_draft *draft = &r->draft;
    leat_frame_parts parts = {leat_buf_str(&r->counts), leat_buf_str(&r->crcs)};
    leat_arena_reset(&r->scratch, KEEP);
    if (f->number > f->first) leat_frame_put_parts(&draft->raw, &parts);
    d->events = draft->events;
    d->raw_len = (uint32_t)draft->raw.len;
    d->tables = r->used;
    d->ntables = r->nused;
    d->topics = draft->topics;
    d->ntopics = draft->ntopics;
    d->txs = draft->txs;
    d->ntxs = draft->ntxs;
    if (f->flags & LEAT_FRAME_END) {
        d->reach = leat_reach_give(&r->reach, true, &r->scratch);
        if (d->reach.progress.s != NULL) f->flags |= LEAT_FRAME_PROGRESS;
    }
    size_t at = leat_merge_put_head(out, f);
    leat_frame_put_data(out, f, d);
    f->meta_len = (uint32_t)(out->len - at - LEAT_FRAME_HEAD);
    f->flags = (uint16_t)(f->flags | put_body(r, out, leat_buf_str(&draft->raw)));
    f->body_len = (uint32_t)(out->len - at - LEAT_FRAME_HEAD - f->meta_len);
    leat_frame_seal(out->p + at, f);
    clear(r);
}
