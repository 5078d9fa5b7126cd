/* Where a source was at a time (stream/asof.h).
 *
 * The openings of segments tell what was committed last before them, and what had been reached: the
 * walk begins at the newest one of before the time, and goes on to the first event that is newer.
 * A person may have set positions there, which begins a segment too; that is no place that was
 * read up to, so of the segments with the same newest event it begins before the first, and takes
 * positions of events alone. Run by any thread, while nobody writes. */
#include "stream/asof.h"

#include <stdio.h>

#include "base/clock.h"
#include "stream/reach.h"
#include "stream/recover.h"

typedef struct asof {
    char dir[LEAT_PATH_MAX];
    int64_t time_us;
    uint64_t *segments; /* n, ascending */
    size_t n;
    leat_reach reach;
    int64_t newest_us;
} asof;

static leat_rc removed(const asof *s, leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "stream.missing", s->dir, "a segment was just removed");
}

static leat_rc opening(const asof *s, size_t i, leat_arena *a, leat_frame_segment *out, leat_err *e)
{
    leat_rc rc = leat_recover_opening(s->dir, s->segments[i], a, out, NULL, e);
    return rc == LEAT_AGAIN ? removed(s, e) : rc;
}

/* The segment to begin at, with what its opening tells. */
static leat_rc find(asof *s, leat_arena *a, size_t *from, leat_err *e)
{
    leat_frame_segment head = {0}, before;
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        LEAT_TRY(opening(s, middle, a, &head, e));
        if (head.last_us <= s->time_us)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0) return LEAT_AGAIN;
    size_t at = low - 1;
    LEAT_TRY(opening(s, at, a, &head, e));
    for (bool same = true; same && at > 0;) {
        LEAT_TRY(opening(s, at - 1, a, &before, e));
        same = before.last_us == head.last_us;
        head = before;
        at--;
    }
    leat_reach_take(&s->reach, &head.reach);
    s->newest_us = head.last_us;
    *from = at;
    return LEAT_OK;
}

/* False: it has an event that is newer. */
static bool take(asof *s, const leat_frame *f, const leat_frame_data *d)
{
    for (uint32_t i = 0; i < d->ntopics; i++)
        if (d->topics[i].max_us > s->time_us) return false;
    for (uint32_t i = 0; i < d->ntopics; i++)
        if (d->topics[i].max_us > s->newest_us) s->newest_us = d->topics[i].max_us;
    if (f->flags & LEAT_FRAME_END) leat_reach_take(&s->reach, &d->reach);
    return true;
}

/* PENDING: it has an event that is newer. */
static leat_rc pass(asof *s, leat_walk *w, leat_arena *a, leat_err *e)
{
    for (;;) {
        leat_frame f;
        leat_frame_data d;
        leat_str meta;
        leat_seen seen;
        LEAT_TRY(leat_walk_peek(w, &f, &meta, &seen, e));
        if (seen == LEAT_SEEN_BLANK) return LEAT_OK;
        if (seen != LEAT_SEEN_FRAME) return leat_walk_damaged(w, e);
        leat_arena_reset(a, 1 << 16);
        if (f.type == LEAT_FRAME_DATA) {
            if (!leat_frame_get_data(meta, &f, true, a, &d)) return leat_walk_damaged(w, e);
            if (!take(s, &f, &d)) return LEAT_PENDING;
        }
        leat_walk_pass(w, &f);
    }
}

static leat_rc walk(asof *s, size_t from, leat_err *e)
{
    leat_walk w;
    leat_arena a = {0};
    leat_rc rc = LEAT_OK;
    leat_walk_init(&w);
    for (size_t i = from; i < s->n && rc == LEAT_OK; i++) {
        rc = leat_walk_open(&w, s->dir, s->segments[i], e);
        if (rc == LEAT_AGAIN) rc = removed(s, e);
        if (rc == LEAT_OK) rc = pass(s, &w, &a, e);
    }
    leat_walk_free(&w);
    leat_arena_free(&a);
    return rc == LEAT_PENDING ? LEAT_OK : rc;
}

static leat_rc none(const char *connector, int64_t time_us, leat_err *e)
{
    char iso[LEAT_ISO_MAX];
    return leat_fail(e, LEAT_CONF, "offsets.range", connector,
                     "nothing that its stream holds was committed by %s: where it was then is not "
                     "recorded",
                     leat_iso_us(time_us, 0, iso));
}

static void give(const leat_reach *r, leat_arena *a, leat_position **pos, size_t *n)
{
    *pos = LEAT_NEW(a, leat_position, r->npos + 1);
    *n = 0;
    for (size_t i = 0; i < r->npos; i++)
        if (r->pos[i].offset.len > 0)
            (*pos)[(*n)++] = (leat_position){leat_arena_str(a, r->pos[i].partition),
                                             leat_arena_str(a, r->pos[i].offset)};
}

leat_rc leat_asof(const char *data, const char *connector, int64_t time_us, leat_arena *a,
                  leat_position **pos, size_t *n, int64_t *newest_us, leat_err *e)
{
    asof s = {.time_us = time_us, .newest_us = INT64_MIN};
    leat_arena own = {0};
    size_t from = 0;
    leat_reach_init(&s.reach);
    leat_rc rc = leat_segment_folder(data, connector, "stream", s.dir, e);
    if (rc == LEAT_OK) rc = leat_segment_list(s.dir, &own, &s.segments, &s.n, e);
    if (rc == LEAT_OK) rc = find(&s, &own, &from, e);
    if (rc == LEAT_OK) rc = walk(&s, from, e);
    if (rc == LEAT_AGAIN || (rc == LEAT_OK && s.newest_us == INT64_MIN))
        rc = none(connector, time_us, e);
    if (rc == LEAT_OK) give(&s.reach, a, pos, n);
    *newest_us = s.newest_us;
    leat_reach_free(&s.reach);
    leat_arena_free(&own);
    return rc;
}
