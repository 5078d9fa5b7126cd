/* Where a source was at a time (stream/asof.h).
 *
 * A place that a frame tells may stand behind what was not captured, and was committed later than
 * its events: a filtered transaction, or what a person skipped. So a place counts only once a
 * transaction was met behind it that is old enough itself: all before that one is as old.
 *
 * The openings of segments tell what was committed last before them: the walk begins at the newest
 * one of before the time, and goes on to the first event that is newer; where it met no such
 * transaction, it begins further back. Run by any thread, while nobody writes. */
#include "stream/asof.h"

#include <stdio.h>

#include "base/clock.h"
#include "stream/reach.h"
#include "stream/recover.h"

/* Some sources know whole seconds, rounded down; and times in a log are not quite in order. */
enum { SLACK_US = 1000000 };

typedef struct asof {
    char dir[LEAT_PATH_MAX];
    int64_t time_us;    /* with SLACK_US taken off: events up to here are old enough */
    uint64_t *segments; /* n, ascending */
    size_t n;
    leat_reach last; /* the newest safe place that the walk met ... */
    int64_t last_us; /* ... behind what was committed by then */
    bool has_last;
    leat_reach reach; /* and the newest one behind which an old transaction was met */
    int64_t newest_us;
    bool found;
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

/* How many segments begin with nothing before them that is too new. */
static leat_rc find(asof *s, leat_arena *a, size_t *count, leat_err *e)
{
    leat_frame_segment head;
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        LEAT_TRY(opening(s, middle, a, &head, e));
        if (head.last_us <= s->time_us)
            low = middle + 1;
        else
            high = middle;
    }
    *count = low;
    return LEAT_OK;
}

static void reached(asof *s, const leat_frame_reach *reach)
{
    leat_reach_take(&s->last, reach);
    s->has_last = true;
}

/* An opening that is no safe place tells what the frame behind it reaches. */
static void begin(asof *s, const leat_frame *f, const leat_frame_segment *head)
{
    if (head->last_us > s->last_us) s->last_us = head->last_us;
    if (f->flags & LEAT_FRAME_END) reached(s, &head->reach);
}

/* Rows of a snapshot have no transaction: they are no older than the log that is read then.
 * False: it has an event that is newer. */
static bool take(asof *s, const leat_frame *f, const leat_frame_data *d)
{
    for (uint32_t i = 0; i < d->ntopics; i++)
        if (d->topics[i].max_us > s->time_us) return false;
    if (d->ntxs > 0 && s->has_last) {
        leat_reach_copy(&s->reach, &s->last);
        s->newest_us = s->last_us;
        s->found = true;
    }
    for (uint32_t i = 0; i < d->ntopics; i++)
        if (d->topics[i].max_us > s->last_us) s->last_us = d->topics[i].max_us;
    if (f->flags & LEAT_FRAME_END) reached(s, &d->reach);
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
        if (f.type == LEAT_FRAME_SEGMENT) {
            leat_frame_segment head;
            if (!leat_frame_get_segment(meta, &f, a, &head)) return leat_walk_damaged(w, e);
            begin(s, &f, &head);
        }
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
    s->has_last = false;
    s->last_us = INT64_MIN;
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

static leat_rc search(asof *s, leat_arena *a, leat_err *e)
{
    size_t from, step = 1;
    LEAT_TRY(find(s, a, &from, e));
    while (from > 0 && !s->found) {
        from -= step < from ? step : from;
        step *= 2;
        LEAT_TRY(walk(s, from, e));
    }
    return LEAT_OK;
}

static leat_rc none(const char *connector, int64_t time_us, leat_err *e)
{
    char iso[LEAT_ISO_MAX];
    return leat_fail(e, LEAT_CONF, "offsets.range", connector,
                     "no transaction that its stream holds, with a place before it, was committed "
                     "by %s, less a second: where it was then is not recorded",
                     leat_iso_us(time_us, 3, iso));
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
    asof s = {.newest_us = INT64_MIN};
    if (__builtin_sub_overflow(time_us, SLACK_US, &s.time_us)) return none(connector, time_us, e);
    leat_arena own = {0};
    leat_reach_init(&s.last);
    leat_reach_init(&s.reach);
    leat_rc rc = leat_segment_folder(data, connector, "stream", s.dir, e);
    if (rc == LEAT_OK) rc = leat_segment_list(s.dir, &own, &s.segments, &s.n, e);
    if (rc == LEAT_OK) rc = search(&s, &own, e);
    if (rc == LEAT_AGAIN || (rc == LEAT_OK && !s.found)) rc = none(connector, time_us, e);
    if (rc == LEAT_OK) give(&s.reach, a, pos, n);
    *newest_us = s.newest_us;
    leat_reach_free(&s.last);
    leat_reach_free(&s.reach);
    leat_arena_free(&own);
    return rc;
}
