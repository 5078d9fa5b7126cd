/* Readers: moving from frame to frame up to the mark, and waiting (stream/reader.h).
 *
 * Nothing at or behind the mark is looked at, because a writer may still change it; what is below
 * it never changes, so a bad frame there is damage. Frames are put together in a batch while they
 * fit; an error is told when what was read before it has been returned. Run by the one thread that
 * owns the reader. */
#include "stream/reader.h"

#include <zstd.h>

#include "base/clock.h"
#include "stream/reading.h"

enum { LOOK_AT_CLOCK = 64 }; /* frames passed over between two looks */

/* ---- open, close ---- */

static void want_topics(leat_reader *r, const char *const *topics)
{
    r->all = topics == NULL;
    for (; topics != NULL && *topics != NULL; topics++) {
        uint32_t i = leat_names_put(&r->names, leat_str_of(*topics));
        r->names.v[i].known = true;
        r->names.next[i] = -1;
    }
}

static void note_cursor(leat_reader *r)
{
    const leat_place *at = r->within.number > 0 ? &r->within : &r->walk.at;
    r->cursor_len = leat_place_write(at, r->cursor);
}

leat_rc leat_reader_open(const leat_reader_conf *conf, leat_reader **out, leat_err *e)
{
    leat_reader *r = leat_zalloc(1, sizeof(*r));
    leat_walk_init(&r->walk);
    leat_walk_init(&r->aside);
    r->verify = conf->verify;
    r->bounded = conf->within;
    r->least_us = conf->least_us;
    r->most_us = conf->most_us;
    r->tally = conf->tally;
    r->fits = conf->fits;
    r->fits_arg = conf->fits_arg;
    want_topics(r, conf->topics);
    leat_rc rc = leat_follow_open(&r->follow, conf->data, conf->connector, conf->page, e);
    if (rc == LEAT_OK) rc = leat_reading_seek(r, conf, e);
    if (leat_rc_failed(rc)) rc = leat_follow_failed(&r->follow, rc, e);
    if (rc != LEAT_OK) {
        leat_reader_close(r);
        return rc;
    }
    note_cursor(r);
    *out = r;
    return LEAT_OK;
}

void leat_reader_close(leat_reader *r)
{
    if (r == NULL) return;
    for (uint32_t i = 0; i < r->ntables; i++) leat_table_unpin(r->tables[i].table);
    leat_free(r->tables);
    leat_map_free(&r->numbers);
    leat_names_free(&r->names);
    leat_arena_free(&r->scratch);
    leat_walk_free(&r->aside);
    leat_walk_free(&r->walk);
    leat_follow_close(&r->follow);
    ZSTD_freeDCtx(r->zstd);
    leat_free(r);
}

/* ---- moving ---- */

static bool at_mark(const leat_reader *r)
{
    const leat_place *at = &r->walk.at, *mark = &r->follow.mark;
    if (at->segment != mark->segment) return at->segment > mark->segment;
    return at->number > 0 ? at->number >= mark->number : at->offset >= mark->offset;
}

/* To the file that walk.at names. */
static leat_rc open_segment(leat_reader *r, leat_err *e)
{
    leat_place at;
    leat_rc rc;
    for (;;) {
        at = r->walk.at;
        rc = leat_walk_open(&r->walk, r->follow.dir, at.segment, e);
        r->walk.at = at;
        if (rc != LEAT_AGAIN) break;
        LEAT_TRY(leat_reading_missing(r, e));
    }
    r->walk.chained = at.number > 0;
    if (rc != LEAT_OK || at.offset == 0) return rc;
    return leat_reading_place(r, e);
}

static leat_rc next_segment(leat_reader *r, leat_err *e)
{
    leat_place at = r->walk.at;
    leat_walk_free(&r->aside);
    leat_walk_free(&r->walk);
    r->walk.at = (leat_place){at.segment + 1, 0, at.number, at.crc};
    return open_segment(r, e);
}

/* The frame at walk.at, up to the mark. A segment that was merged since the mark was noted is all
 * visible, and has other offsets than the mark's. */
static leat_rc peek(leat_reader *r, leat_frame *f, leat_str *meta, leat_seen *seen, leat_err *e)
{
    bool last = r->walk.at.segment == r->follow.mark.segment;
    r->walk.limit = last ? r->follow.mark.offset : INT64_MAX;
    LEAT_TRY(leat_walk_peek(&r->walk, f, meta, seen, e));
    if (!last || *seen == LEAT_SEEN_FRAME) return LEAT_OK;
    r->walk.limit = INT64_MAX;
    leat_walk_refresh(&r->walk);
    LEAT_TRY(leat_walk_peek(&r->walk, f, meta, seen, e));
    if (*seen == LEAT_SEEN_FRAME && (f->flags & LEAT_FRAME_MERGED)) return LEAT_OK;
    r->walk.limit = r->follow.mark.offset;
    leat_walk_refresh(&r->walk);
    return leat_walk_peek(&r->walk, f, meta, seen, e);
}

/* One frame, or to the next segment. AGAIN: at the mark. */
static leat_rc step(leat_reader *r, leat_batch *b, leat_err *e)
{
    leat_frame f;
    leat_str meta;
    leat_seen seen;
    if (r->walk.at.segment == 0) {
        leat_rc rc = leat_reading_find(r, e);
        if (rc != LEAT_OK) return rc;
    }
    if (at_mark(r)) return LEAT_AGAIN;
    if (r->walk.fd < 0) LEAT_TRY(open_segment(r, e));
    LEAT_TRY(peek(r, &f, &meta, &seen, e));
    if (seen == LEAT_SEEN_BLANK && r->walk.at.segment != r->follow.mark.segment)
        return next_segment(r, e);
    if (seen != LEAT_SEEN_FRAME) return leat_walk_damaged(&r->walk, e);
    if (f.type == LEAT_FRAME_DATA) {
        LEAT_TRY(leat_reading_frame(r, &f, meta, b, e));
    } else if (r->verify) {
        leat_str body;
        LEAT_TRY(leat_walk_load(&r->walk, &f, &meta, &body, &seen, e));
        if (seen != LEAT_SEEN_FRAME) return leat_walk_damaged(&r->walk, e);
    }
    leat_walk_pass(&r->walk, &f);
    r->within.number = 0;
    if (f.flags & LEAT_FRAME_END) b->nsafe = b->n;
    b->tx_open = b->n > b->nsafe;
    return LEAT_OK;
}

/* Frames until the batch has enough, or the mark. AGAIN: nothing wanted up to the mark, or until.
 */
static leat_rc gather(leat_reader *r, leat_batch *b, int64_t until, leat_err *e)
{
    leat_rc rc = LEAT_OK;
    for (unsigned i = 1; rc == LEAT_OK; i++) {
        rc = step(r, b, e);
        bool enough = b->n >= b->max_events / 2 || b->arena.held > b->max_bytes / 2;
        if (b->n > 0 && enough) break;
        if (until != 0 && i % LOOK_AT_CLOCK == 0 && leat_mono_us() >= until) break;
    }
    if (b->n > 0) return LEAT_OK; /* what is wrong behind it is met again by the next call */
    return rc == LEAT_OK ? LEAT_AGAIN : rc;
}

static leat_rc next(leat_reader *r, leat_batch *b, int64_t wait_us, leat_err *e)
{
    int64_t until = leat_mono_us() + wait_us;
    leat_batch_reset(b);
    for (;;) {
        leat_rc rc = gather(r, b, wait_us > 0 ? until : 0, e);
        note_cursor(r);
        if (rc != LEAT_AGAIN) return rc;
        int64_t left = until - leat_mono_us();
        if (at_mark(r) || r->walk.at.segment == 0) {
            LEAT_TRY(leat_follow_look(&r->follow, e));
            if (!at_mark(r)) continue;
            if (left > 0) leat_follow_wait(&r->follow, left);
        }
        if (left <= 0) return LEAT_AGAIN;
    }
}

leat_rc leat_reader_next(leat_reader *r, leat_batch *b, int64_t wait_us, leat_err *e)
{
    leat_rc rc = next(r, b, wait_us, e);
    return leat_rc_failed(rc) ? leat_follow_failed(&r->follow, rc, e) : rc;
}

leat_rc leat_reader_still(const leat_reader *r, leat_err *e)
{
    return leat_follow_failed(&r->follow, LEAT_OK, e);
}

leat_str leat_reader_cursor(const leat_reader *r)
{
    return (leat_str){r->cursor, r->cursor_len};
}

int64_t leat_reader_offset(const leat_reader *r, const char *topic)
{
    uint32_t i = leat_names_find(&r->names, leat_str_of(topic));
    return i == LEAT_MAP_NONE ? -1 : r->names.next[i];
}

bool leat_reader_at_end(leat_reader *r)
{
    if (at_mark(r)) leat_follow_look(&r->follow, NULL);
    return at_mark(r);
}

leat_rc leat_reader_end(leat_reader *r, uint64_t *end, leat_err *e)
{
    leat_rc rc = leat_follow_look(&r->follow, e);
    *end = r->follow.mark.number;
    return leat_rc_failed(rc) ? leat_follow_failed(&r->follow, rc, e) : LEAT_OK;
}

/* A place may have no number: then the mark tells. */
bool leat_reader_passed(const leat_reader *r, uint64_t end)
{
    return at_mark(r) || r->walk.at.number >= end;
}
