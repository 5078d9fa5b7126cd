/* Recovery: finding, proving and cutting at the mark (stream/recover.h).
 *
 * The newest segment that begins with an intact checkpoint and holds a safe frame is the base; its
 * frames are checked one by one, head, chain and body. Each names the mark as it was when it was
 * written. Where the walk stops, frames further on are looked for by their magic: one that names a
 * mark at or behind the stop proves that the bad frame had been promised, so the stream is damaged;
 * without such evidence it is a torn tail. (Unsynced writes reach a disk in any order: an intact
 * frame behind a torn one alone proves nothing.)
 *
 * Blocks that were never written can show what a file held that is gone. A frame's number is at
 * least its segment's, so a mark before the first segment is of no frame that could be missing:
 * what another stream left counts for nothing where this one's first segment was numbered behind it
 * (leat_embedded_conf.first).
 *
 * Why cutting never takes from a reader what it saw: a reader sees frames up to a mark that was
 * synced before it was published, or that the reader itself proved; either is intact at the next
 * start, and recovery goes at least to the last intact safe frame.
 *
 * Older segments were synced before the next one was made and are not read here; a reader that
 * meets damage there says so. Run by the thread that opens a stream, or reads one. */
#include "stream/recover.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/fault.h"
#include "base/log.h"
#include "event/wire.h"

/* One segment, as far as its frames are intact. */
typedef struct scan {
    leat_place safe;   /* behind the last intact safe frame; segment 0: none */
    leat_place proven; /* behind the promised frame; segment 0: it is not here */
    bool opened;       /* begins with an intact checkpoint */
    bool blank;        /* nothing was written where the walk stopped */
} scan;

/* A checkpoint of this file, not of one that once had its blocks. */
static bool of_this_file(const leat_walk *w, const leat_frame *f, leat_str meta)
{
    leat_cur c = leat_cur_of(meta);
    return f->type != LEAT_FRAME_SEGMENT || leat_cur_varint(&c) == w->at.segment;
}

/* Leaves w where the first frame stands that is not intact, w->why set. */
static leat_rc scan_segment(leat_walk *w, scan *s, uint64_t *promised, leat_err *e)
{
    *s = (scan){0};
    for (;;) {
        leat_frame f;
        leat_str meta, body;
        leat_seen seen;
        LEAT_TRY(leat_walk_peek(w, &f, &meta, &seen, e));
        if (seen == LEAT_SEEN_FRAME && s->opened == (f.type == LEAT_FRAME_SEGMENT)) {
            snprintf(w->why, sizeof(w->why), "a segment begins with a checkpoint and has one only");
            return LEAT_OK;
        }
        if (seen == LEAT_SEEN_FRAME && !of_this_file(w, &f, meta)) {
            snprintf(w->why, sizeof(w->why), "the checkpoint is of another segment");
            return LEAT_OK;
        }
        if (seen == LEAT_SEEN_FRAME) LEAT_TRY(leat_walk_load(w, &f, &meta, &body, &seen, e));
        s->blank = seen == LEAT_SEEN_BLANK;
        if (seen != LEAT_SEEN_FRAME) return LEAT_OK;
        if (f.events > LEAT_WIRE_VERSION) return leat_walk_foreign(w, e);
        s->opened = true;
        uint64_t mark = leat_frame_mark(meta, &f);
        if (mark > *promised) *promised = mark;
        if (s->safe.segment != 0 && s->safe.number == *promised) s->proven = s->safe;
        leat_walk_pass(w, &f);
        if (f.flags & LEAT_FRAME_END) s->safe = w->at;
    }
}

/* Evidence behind w's place; w is left there. */
static leat_rc look_ahead(leat_walk *w, uint64_t *promised, leat_err *e)
{
    leat_place here = w->at;
    for (;;) {
        leat_frame f;
        leat_str meta;
        leat_seen seen;
        LEAT_TRY(leat_walk_find(w, &f, &meta, &seen, e));
        if (seen != LEAT_SEEN_FRAME) break;
        uint64_t mark = leat_frame_mark(meta, &f);
        if (mark > *promised) *promised = mark;
        leat_walk_seek(w, w->at.offset + LEAT_FRAME_HEAD + f.meta_len);
    }
    w->at = here;
    return LEAT_OK;
}

/* A newer leat's segment is no torn one. (A leat begins a segment of its own before it writes
 * frames of another version than those that are there.) */
static leat_rc refuse_foreign(leat_walk *w, leat_err *e)
{
    char head[LEAT_FRAME_HEAD];
    if (w->at.offset > 0) return LEAT_OK;
    int64_t got = leat_os_read_all(w->fd, head, sizeof(head), w->at.offset);
    if (got < 0) return leat_os_fail(e, (int)got, "read", w->path);
    if (leat_frame_foreign((leat_str){head, (size_t)got})) return leat_walk_foreign(w, e);
    return LEAT_OK;
}

static leat_rc no_holes(const char *dir, const uint64_t *numbers, size_t n, leat_err *e)
{
    for (size_t i = 1; i < n; i++) {
        if (numbers[i] == numbers[i - 1] + 1) continue;
        leat_walk w = {.at.segment = numbers[i - 1] + 1, .why = "the file is missing"};
        leat_segment_path(dir, w.at.segment, w.path);
        return leat_walk_damaged(&w, e);
    }
    return LEAT_OK;
}

static leat_rc find_base(leat_walk *w, const char *dir, const uint64_t *numbers, size_t n,
                         leat_found *out, leat_err *e)
{
    scan s = {0};
    uint64_t none = numbers[0] - 1; /* no frame that is needed has this number, or one before it */
    if (out->promised < none) out->promised = none;
    bool later = false; /* the segment behind this one begins intact: this one was synced */
    for (size_t i = n; i-- > 0 && s.safe.segment == 0;) {
        leat_rc rc = leat_walk_open(w, dir, numbers[i], e);
        LEAT_TRY(rc);
        if (rc == LEAT_AGAIN) continue; /* a writer that starts has just cut it */
        out->durable = later;
        LEAT_TRY(scan_segment(w, &s, &out->promised, e));
        LEAT_TRY(refuse_foreign(w, e));
        LEAT_TRY(look_ahead(w, &out->promised, e));
        later = s.opened;
    }
    uint64_t reached = s.safe.segment != 0 ? s.safe.number : none;
    out->mark = s.safe;
    out->proven = s.proven;
    if (s.proven.segment != 0 && s.proven.number == s.safe.number) out->durable = true;
    if (out->promised <= reached) return LEAT_OK;
    if (s.blank && w->at.segment < out->last) {
        LEAT_TRY(leat_walk_open(w, dir, w->at.segment + 1, e));
        LEAT_TRY(scan_segment(w, &s, &out->promised, e));
    }
    return leat_walk_damaged(w, e);
}

static leat_rc measure(const char *dir, const uint64_t *numbers, size_t n, leat_found *out,
                       leat_err *e)
{
    const leat_os *os = leat_os_now();
    out->clean = out->mark.segment == out->last;
    for (size_t i = 0; i < n; i++) {
        char path[LEAT_PATH_MAX];
        leat_segment_path(dir, numbers[i], path);
        int fd = os->open(path, LEAT_O_READ, 0);
        if (fd == -ENOENT) continue;
        if (fd < 0) return leat_os_fail(e, fd, "open", path);
        int64_t size = os->size(fd);
        os->close(fd);
        if (size < 0) return leat_os_fail(e, (int)size, "look at", path);
        if (numbers[i] < out->mark.segment) out->bytes += (uint64_t)size;
        if (numbers[i] == out->mark.segment) out->clean = out->clean && size == out->mark.offset;
    }
    out->bytes += (uint64_t)out->mark.offset;
    return LEAT_OK;
}

leat_rc leat_recover_find(const char *dir, uint64_t promised, leat_found *out, leat_err *e)
{
    leat_arena a = {0};
    leat_walk w;
    uint64_t *numbers = NULL;
    size_t n = 0;
    leat_walk_init(&w);
    *out = (leat_found){.promised = promised};
    leat_rc rc = leat_segment_list(dir, &a, &numbers, &n, e);
    if (rc == LEAT_OK && n == 0) {
        rc = LEAT_AGAIN;
        leat_segment_path(dir, 1, w.path);
        snprintf(w.why, sizeof(w.why),
                 "no segment is left, but frame %" PRIu64 " had been promised", promised);
        if (promised > 0) rc = leat_walk_damaged(&w, e);
    } else if (rc == LEAT_OK) {
        out->first = numbers[0];
        out->last = numbers[n - 1];
        rc = no_holes(dir, numbers, n, e);
        if (rc == LEAT_OK) rc = find_base(&w, dir, numbers, n, out, e);
        if (rc == LEAT_OK) rc = measure(dir, numbers, n, out, e);
    }
    leat_walk_free(&w);
    leat_arena_free(&a);
    return rc;
}

/* ---- proving ---- */

/* Writes the frame again from the bytes that were just checked. */
static leat_rc write_again(leat_walk *w, int fd, leat_err *e)
{
    leat_frame f, again;
    leat_str meta, body;
    leat_seen seen;
    size_t need;
    const char *why;
    LEAT_TRY(leat_walk_peek(w, &f, &meta, &seen, e));
    if (seen == LEAT_SEEN_FRAME) LEAT_TRY(leat_walk_load(w, &f, &meta, &body, &seen, e));
    leat_str whole = {meta.s - f.lead - LEAT_FRAME_HEAD, (size_t)leat_frame_size(&f)};
    if (seen != LEAT_SEEN_FRAME || leat_frame_read(whole, &again, &need, &why) != LEAT_SEEN_FRAME)
        return leat_fail(e, LEAT_RETRY, "stream.changed", w->path,
                         "frame %" PRIu64 " read well a moment ago and does not now (%s); if this "
                         "stays, look at the disk",
                         w->at.number + 1, w->why);
    int rc = leat_os_write_all(fd, whole.s, whole.len, w->at.offset);
    if (rc < 0) return leat_os_fail(e, rc, "write", w->path);
    leat_walk_pass(w, &f);
    return LEAT_OK;
}

leat_rc leat_recover_prove(const char *dir, const leat_found *found, leat_err *e)
{
    if (found->durable || found->mark.segment == 0) return LEAT_OK;
    const leat_os *os = leat_os_now();
    leat_walk w;
    leat_walk_init(&w);
    leat_rc rc = leat_walk_open(&w, dir, found->mark.segment, e);
    int fd = rc == LEAT_OK ? os->open(w.path, LEAT_O_READ | LEAT_O_WRITE, 0) : -1;
    if (rc == LEAT_OK && fd < 0) rc = leat_os_fail(e, fd, "open for writing", w.path);
    if (found->proven.segment == found->mark.segment) {
        w.at = found->proven;
        w.chained = true;
    }
    while (rc == LEAT_OK && w.at.offset < found->mark.offset) rc = write_again(&w, fd, e);
    if (rc == LEAT_OK) {
        int failed = LEAT_FAULT(stream_sync);
        if (failed == 0) failed = os->datasync(fd);
        if (failed != 0)
            rc = leat_fail(e, LEAT_FATAL, "stream.sync_failed", w.path,
                           "the end of the stream cannot be made durable: %s; look at the disk, "
                           "then start again",
                           leat_os_strerror(failed));
    }
    os->close(fd);
    leat_walk_free(&w);
    return rc;
}

/* ---- cutting ---- */

static leat_rc unlink_segment(const char *dir, uint64_t segment, leat_err *e)
{
    const leat_os *os = leat_os_now();
    char path[LEAT_PATH_MAX];
    leat_segment_path(dir, segment, path);
    int rc = LEAT_FAULT(stream_unlink);
    if (rc == 0) rc = os->unlink(path);
    if (rc != 0 && rc != -ENOENT) return leat_os_fail(e, rc, "remove", path);
    rc = os->sync_dir(dir);
    if (rc < 0) return leat_os_fail(e, rc, "sync", dir);
    leat_log(LEAT_WARN, "stream.cut", "file=%s nothing in it had been promised", path);
    return LEAT_OK;
}

static leat_rc truncate_at(const char *dir, const leat_place *mark, leat_err *e)
{
    const leat_os *os = leat_os_now();
    char path[LEAT_PATH_MAX];
    leat_segment_path(dir, mark->segment, path);
    int fd = os->open(path, LEAT_O_READ | LEAT_O_WRITE, 0);
    if (fd < 0) return leat_os_fail(e, fd, "open", path);
    int64_t size = os->size(fd);
    int rc = size < 0 ? (int)size : 0;
    if (size > mark->offset) {
        rc = -LEAT_FAULT(stream_cut);
        if (rc == 0) rc = os->truncate(fd, mark->offset);
        if (rc == 0) rc = os->datasync(fd);
        leat_log(LEAT_WARN, "stream.cut",
                 "file=%s offset=%" PRId64 " bytes=%" PRId64 " they had not been promised", path,
                 mark->offset, size - mark->offset);
    }
    os->close(fd);
    return rc < 0 ? leat_os_fail(e, rc, "cut", path) : LEAT_OK;
}

/* Newest first and each one durably, so that a crash in between leaves no hole. */
leat_rc leat_recover_cut(const char *dir, const leat_found *found, leat_err *e)
{
    for (uint64_t n = found->last; n > found->mark.segment && n >= found->first; n--)
        LEAT_TRY(unlink_segment(dir, n, e));
    return found->mark.segment == 0 ? LEAT_OK : truncate_at(dir, &found->mark, e);
}
