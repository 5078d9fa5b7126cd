/* What a stream reached, and the ring of its last transactions (stream/reach.h). Plain copying; the
 * texts of a position are kept in buffers that are reused, so that moving a position takes no
 * memory. Pure; one thread. */
#include "stream/reach.h"

void leat_reach_init(leat_reach *r)
{
    *r = (leat_reach){.last_us = INT64_MIN};
}

void leat_reach_free(leat_reach *r)
{
    for (size_t i = 0; i < 2 * r->npos; i++) leat_buf_free(&r->texts[i]);
    leat_free(r->texts);
    leat_free(r->pos);
    leat_free(r->changed);
    leat_buf_free(&r->progress);
    leat_reach_init(r);
}

static void set_text(leat_buf *text, leat_str to, leat_str *view)
{
    leat_buf_clear(text);
    leat_buf_add(text, to);
    *leat_buf_room(text, 1) = '\0';
    *view = leat_buf_str(text);
}

static size_t add_position(leat_reach *r)
{
    if (r->npos == r->cap) {
        r->cap = r->cap > 0 ? r->cap * 2 : 4;
        r->pos = leat_realloc(r->pos, r->cap * sizeof(leat_position));
        r->texts = leat_realloc(r->texts, 2 * r->cap * sizeof(leat_buf));
        r->changed = leat_realloc(r->changed, r->cap * sizeof(bool));
    }
    size_t i = r->npos++;
    r->texts[2 * i] = r->texts[2 * i + 1] = (leat_buf){0};
    return i;
}

static bool forgotten(const leat_position *pos)
{
    return pos->offset.len == 0;
}

void leat_reach_move(leat_reach *r, leat_position pos)
{
    size_t i = 0;
    while (i < r->npos && !leat_str_eq(r->pos[i].partition, pos.partition)) i++;
    if (i == r->npos && forgotten(&pos)) return;
    if (i == r->npos) {
        add_position(r);
        set_text(&r->texts[2 * i], pos.partition, &r->pos[i].partition);
    }
    set_text(&r->texts[2 * i + 1], pos.offset, &r->pos[i].offset);
    r->changed[i] = true;
}

void leat_reach_progress(leat_reach *r, leat_str progress)
{
    if (progress.s == NULL) return;
    leat_buf_clear(&r->progress);
    leat_buf_add(&r->progress, progress);
    r->has_progress = true;
    r->progress_changed = true;
}

void leat_reach_take(leat_reach *r, const leat_frame_reach *from)
{
    for (size_t i = 0; i < from->npos; i++) leat_reach_move(r, from->pos[i]);
    leat_reach_progress(r, from->progress);
    r->totals = from->totals;
    r->visible = from->visible;
}

leat_frame_reach leat_reach_give(const leat_reach *r, bool only_changed, leat_arena *a)
{
    leat_position *pos = LEAT_NEW(a, leat_position, r->npos);
    size_t n = 0;
    for (size_t i = 0; i < r->npos; i++)
        if (only_changed ? r->changed[i] : !forgotten(&r->pos[i])) pos[n++] = r->pos[i];
    leat_frame_reach out = {.pos = pos, .npos = n, .totals = r->totals, .visible = r->visible};
    if (r->has_progress && (!only_changed || r->progress_changed))
        out.progress = leat_buf_str(&r->progress);
    return out;
}

/* The last takes its place. */
static void drop_position(leat_reach *r, size_t i)
{
    size_t last = --r->npos;
    leat_buf_free(&r->texts[2 * i]);
    leat_buf_free(&r->texts[2 * i + 1]);
    r->texts[2 * i] = r->texts[2 * last];
    r->texts[2 * i + 1] = r->texts[2 * last + 1];
    r->pos[i] = r->pos[last];
    r->changed[i] = r->changed[last];
}

void leat_reach_settled(leat_reach *r)
{
    for (size_t i = r->npos; i-- > 0;) {
        r->changed[i] = false;
        if (forgotten(&r->pos[i])) drop_position(r, i);
    }
    r->progress_changed = false;
}

void leat_reach_unsettled(leat_reach *r)
{
    for (size_t i = 0; i < r->npos; i++) r->changed[i] = true;
    r->progress_changed = r->has_progress;
}

void leat_reach_copy(leat_reach *to, const leat_reach *from)
{
    while (to->npos > from->npos) {
        to->npos--;
        leat_buf_free(&to->texts[2 * to->npos]);
        leat_buf_free(&to->texts[2 * to->npos + 1]);
    }
    for (size_t i = 0; i < from->npos; i++) {
        if (i == to->npos) add_position(to);
        set_text(&to->texts[2 * i], from->pos[i].partition, &to->pos[i].partition);
        set_text(&to->texts[2 * i + 1], from->pos[i].offset, &to->pos[i].offset);
        to->changed[i] = from->changed[i];
    }
    leat_buf_clear(&to->progress);
    leat_buf_add(&to->progress, leat_buf_str(&from->progress));
    to->has_progress = from->has_progress;
    to->progress_changed = from->progress_changed;
    to->totals = from->totals;
    to->visible = from->visible;
    to->last_us = from->last_us;
    to->seen_us = from->seen_us;
}

void leat_ring_free(leat_ring *r)
{
    leat_free(r->tx);
    *r = (leat_ring){0};
}

void leat_ring_add(leat_ring *r, uint64_t tx)
{
    if (r->n < LEAT_RING) {
        if (r->n == r->cap) {
            r->cap = r->cap > 0 ? r->cap * 2 : 256;
            r->tx = leat_realloc(r->tx, r->cap * sizeof(uint64_t));
        }
        r->tx[r->n++] = tx;
        return;
    }
    r->tx[r->at] = tx;
    r->at = (r->at + 1) % LEAT_RING;
}

const uint64_t *leat_ring_list(const leat_ring *r, size_t drop, leat_arena *a, size_t *count)
{
    size_t n = drop < r->n ? r->n - drop : 0;
    uint64_t *out = LEAT_NEW(a, uint64_t, n);
    for (size_t i = 0; i < n; i++) out[i] = r->tx[(r->at + i) % r->n];
    *count = n;
    return out;
}
