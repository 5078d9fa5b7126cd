/* Readers: where to begin, and what to do where a segment is missing (stream/reading.h).
 *
 * Each segment's first frame says the next offset of every topic and the newest commit time before
 * it, so the segment to begin in is found by halving; inside it the reader goes frame by frame. A
 * cursor names a place between two frames and the checksum of the one before it, by which another
 * stream of the same name is told. Run by the reader's thread. */
#include <inttypes.h>
#include <stdio.h>

#include "stream/reading.h"

static leat_rc bad_cursor(leat_str cursor, const char *what, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "stream.cursor", "",
                     "the cursor \"%.*s\" %s; read from the beginning or the end instead",
                     (int)cursor.len, cursor.s, what);
}

/* Behind the frame of this number in a segment, or the one that stands for it, or the last there
 * is; number 0: there is none. */
static leat_rc place_at(leat_reader *r, uint64_t segment, uint64_t number, leat_place *out,
                        leat_err *e)
{
    leat_walk *w = &r->aside;
    *out = (leat_place){.segment = segment};
    leat_rc rc = leat_walk_open(w, r->follow.dir, segment, e);
    if (rc != LEAT_OK) return rc == LEAT_AGAIN ? LEAT_OK : rc;
    while (w->at.number < number) {
        leat_frame f;
        leat_str meta;
        leat_seen seen;
        LEAT_TRY(leat_walk_peek(w, &f, &meta, &seen, e));
        if (seen != LEAT_SEEN_FRAME) return LEAT_OK;
        leat_walk_pass(w, &f);
        *out = w->at;
    }
    return LEAT_OK;
}

/* The place lies in or at the end of a segment that was removed: before all that is held. Whether
 * it is a gap is found when reading begins. */
static leat_rc is_before(leat_reader *r, const leat_place *place, bool *yes, leat_err *e)
{
    uint64_t *numbers = NULL;
    size_t n = 0;
    leat_arena a = {0};
    leat_frame_segment s;
    leat_place opening;
    *yes = false;
    leat_rc rc = leat_segment_list(r->follow.dir, &a, &numbers, &n, e);
    if (rc == LEAT_OK && n > 0 && numbers[0] > place->segment) {
        rc = leat_recover_opening(r->follow.dir, numbers[0], &a, &s, &opening, e);
        *yes = rc == LEAT_OK && opening.number > place->number;
    }
    leat_arena_free(&a);
    return leat_rc_failed(rc) ? rc : LEAT_OK;
}

static leat_rc not_here(leat_reader *r, const leat_place *at, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "stream.cursor", r->walk.path,
                     "the cursor names a place behind frame %" PRIu64 " with checksum %08" PRIx32
                     ", which the segment does not have: the stream is another one now; read from "
                     "the beginning or the end instead",
                     at->number, at->crc);
}

/* The segment ends before the place: because another stream's cursor was given, or because its end
 * is missing, which the next segment tells. */
static leat_rc ends_early(leat_reader *r, const leat_place *at, leat_err *e)
{
    leat_walk *w = &r->walk;
    leat_arena a = {0};
    leat_frame_segment s;
    leat_place opening = {0};
    leat_rc rc = leat_recover_opening(r->follow.dir, at->segment + 1, &a, &s, &opening, e);
    leat_arena_free(&a);
    LEAT_TRY(rc);
    if (opening.number == w->at.number + 1) return not_here(r, at, e);
    snprintf(w->why, sizeof(w->why), "there is no frame");
    return leat_walk_damaged(w, e);
}

/* The frame behind the place at, or the one that stands for it, from the segment's beginning on. */
static leat_rc search(leat_reader *r, const leat_place *at, leat_err *e)
{
    leat_walk *w = &r->walk;
    leat_walk_seek(w, 0);
    w->at.number = 0;
    for (;;) {
        leat_frame f = {0};
        leat_str meta;
        leat_seen seen;
        LEAT_TRY(leat_walk_peek(w, &f, &meta, &seen, e));
        if (seen == LEAT_SEEN_BAD) return leat_walk_damaged(w, e);
        if (seen == LEAT_SEEN_FRAME && f.number <= at->number) {
            leat_walk_pass(w, &f);
            continue;
        }
        if (seen == LEAT_SEEN_BLANK && w->at.number < at->number) return ends_early(r, at, e);
        bool next = w->at.number == at->number && w->at.crc == at->crc;
        bool inside = seen == LEAT_SEEN_FRAME && f.first <= at->number && f.first > 1;
        if (!next && !inside) return not_here(r, at, e);
        if (inside) r->within = *at;
        return LEAT_OK;
    }
}

leat_rc leat_reading_place(leat_reader *r, leat_err *e)
{
    leat_place at = r->walk.at;
    leat_frame f;
    leat_str meta;
    leat_seen seen;
    if (at.number == 0) return LEAT_OK;
    if (at.segment == r->follow.mark.segment) r->walk.limit = r->follow.mark.offset;
    LEAT_TRY(leat_walk_peek(&r->walk, &f, &meta, &seen, e));
    leat_walk_refresh(&r->walk);
    if (seen == LEAT_SEEN_FRAME) return LEAT_OK;
    if (at.segment == r->follow.mark.segment) LEAT_TRY(leat_follow_look(&r->follow, e));
    r->walk.limit = INT64_MAX;
    /* The mark's segment may be merged too: a crash can leave nothing visible in the next one. */
    const leat_place *mark = &r->follow.mark;
    bool last = at.segment == mark->segment;
    if (at.segment > mark->segment || (last && at.number >= mark->number)) return LEAT_OK;
    leat_rc rc = search(r, &at, e);
    if (rc != LEAT_OK) r->walk.at = at;
    return rc;
}

/* The cursor's place is between two frames of this stream. One at the beginning of a segment has no
 * frame before it there: the segment's first frame tells which one it follows. */
static leat_rc stands(leat_reader *r, const leat_place *place, bool *yes, leat_err *e)
{
    leat_place is;
    leat_frame f;
    leat_str meta;
    leat_seen seen;
    LEAT_TRY(is_before(r, place, yes, e));
    if (*yes) return LEAT_OK;
    if (place->offset > 0) {
        LEAT_TRY(place_at(r, place->segment, place->number, &is, e));
        bool merged = is.number > place->number; /* a frame of its segment's stands for it */
        *yes = merged || (is.number == place->number && is.crc == place->crc);
        return LEAT_OK;
    }
    leat_rc rc = leat_walk_open(&r->aside, r->follow.dir, place->segment, e);
    if (rc != LEAT_OK) return rc == LEAT_AGAIN ? LEAT_OK : rc;
    r->aside.at = *place;
    r->aside.chained = true;
    LEAT_TRY(leat_walk_peek(&r->aside, &f, &meta, &seen, e));
    *yes = seen == LEAT_SEEN_FRAME;
    return LEAT_OK;
}

/* With an offset too: what the topic holds before it is passed over. */
static leat_rc go_to_cursor(leat_reader *r, leat_str cursor, leat_err *e)
{
    leat_place place;
    if (!leat_place_parse(cursor, &place)) return bad_cursor(cursor, "cannot be read", e);
    if (place.number > r->follow.mark.number) { /* the mark may be known too low for a moment */
        bool yes;
        LEAT_TRY(stands(r, &place, &yes, e));
        if (!yes)
            return bad_cursor(cursor, "lies behind the end: the stream is another one now", e);
    }
    if (place.segment == 0) place.segment = 1; /* it was at the beginning of everything */
    r->walk.at = place;
    r->started = r->offset <= 0;
    if (!r->started) r->from = LEAT_FROM_OFFSET;
    return LEAT_OK;
}

leat_rc leat_reading_seek(leat_reader *r, const leat_reader_conf *conf, leat_err *e)
{
    r->from = conf->from;
    r->offset = conf->offset;
    r->time_us = conf->time_us;
    r->started = conf->from == LEAT_FROM_BEGINNING || conf->from == LEAT_FROM_END;
    LEAT_TRY(leat_follow_look(&r->follow, e));
    if (conf->from == LEAT_FROM_CURSOR) return go_to_cursor(r, conf->cursor, e);
    if (conf->from == LEAT_FROM_END && r->follow.mark.segment != 0) {
        const leat_place *mark = &r->follow.mark;
        return place_at(r, mark->segment, mark->number, &r->walk.at, e);
    }
    if (conf->from == LEAT_FROM_OFFSET && (r->names.n != 1 || r->all))
        return leat_fail(e, LEAT_CONF, "stream.offset", "",
                         "an offset is of one topic, %u were given; name one", r->names.n);
    leat_rc rc = leat_reading_find(r, e);
    if (r->bounded && conf->from == LEAT_FROM_TIME) r->started = true; /* the bounds decide */
    return rc == LEAT_AGAIN ? LEAT_OK : rc;
}

/* All that is wanted lies behind the opening of this segment. */
static bool may_begin(const leat_reader *r, const leat_frame_segment *s)
{
    if (r->from == LEAT_FROM_TIME) return s->last_us < r->time_us;
    if (r->from != LEAT_FROM_OFFSET) return false;
    for (uint32_t i = 0; i < s->ntopics; i++)
        if (leat_str_eq(s->topics[i].name, r->names.v[0].name))
            return s->topics[i].next <= r->offset;
    return true; /* nothing of the topic stands before it */
}

static leat_rc gap_at_offset(leat_reader *r, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "stream.gap", r->names.v[0].name.s,
                     "offset %" PRId64 " of the topic \"%s\" is not there any more: older segments "
                     "were removed; read from the beginning of what is held",
                     r->offset, r->names.v[0].name.s);
}

leat_rc leat_reading_find(leat_reader *r, leat_err *e)
{
    uint64_t *numbers = NULL;
    size_t n = 0, from = 0;
    leat_arena a = {0};
    bool beginning = r->from == LEAT_FROM_BEGINNING; /* that is known before the mark is */
    if (r->follow.mark.segment == 0 && !beginning) return LEAT_AGAIN;
    leat_rc rc = leat_segment_list(r->follow.dir, &a, &numbers, &n, e);
    while (n > 0 && numbers[n - 1] > r->follow.mark.segment && !beginning) n--;
    if (rc == LEAT_OK && n == 0) rc = LEAT_AGAIN;
    bool found = false;
    for (size_t to = n; rc == LEAT_OK && !beginning && from < to;) {
        size_t middle = from + (to - from) / 2;
        leat_frame_segment s;
        rc = leat_recover_opening(r->follow.dir, numbers[middle], &a, &s, NULL, e);
        if (rc == LEAT_AGAIN) rc = LEAT_OK; /* just removed: as if it could begin, then missing */
        if (rc == LEAT_OK && may_begin(r, &s)) {
            found = true;
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    if (rc == LEAT_OK && r->from == LEAT_FROM_OFFSET && !found) rc = gap_at_offset(r, e);
    if (rc == LEAT_OK) r->walk.at = (leat_place){.segment = numbers[found ? from - 1 : 0]};
    leat_arena_free(&a);
    return rc;
}

leat_rc leat_reading_missing(leat_reader *r, leat_err *e)
{
    leat_place *at = &r->walk.at, opening;
    uint64_t *numbers = NULL;
    size_t n = 0;
    leat_arena a = {0};
    leat_frame_segment s;
    leat_rc rc = leat_segment_list(r->follow.dir, &a, &numbers, &n, e);
    uint64_t first = n > 0 ? numbers[0] : 0;
    leat_segment_path(r->follow.dir, at->segment, r->walk.path);
    bool anew = at->number == 0 && at->offset == 0 && r->from != LEAT_FROM_CURSOR;
    if (rc == LEAT_OK && anew && first > at->segment) {
        rc =
            leat_reading_find(r, e); /* removed before anything was read: it begins elsewhere now */
    } else if (rc == LEAT_OK && first <= at->segment) {
        snprintf(r->walk.why, sizeof(r->walk.why), "the file is missing");
        rc = leat_walk_damaged(&r->walk, e);
    } else if (rc == LEAT_OK) {
        rc = leat_recover_opening(r->follow.dir, first, &a, &s, &opening, e);
        if (rc == LEAT_OK && opening.number == at->number + 1)
            *at = (leat_place){first, 0, at->number, at->crc};
        else if (!leat_rc_failed(rc))
            rc =
                leat_fail(e, LEAT_CONF, "stream.gap", r->walk.path,
                          "segment %" PRIu64 " was removed before it was read (frames from %" PRIu64
                          " on); the oldest that is held is %" PRIu64
                          ". Begin anew from what is held, and take what is missing by a snapshot",
                          at->segment, at->number + 1, first);
    }
    leat_arena_free(&a);
    return rc;
}
