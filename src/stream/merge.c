/* Merging segments (stream/merge.h): which, and the walk through one from its file to the new one.
 *
 * Every frame of the segment becomes, or becomes part of, a frame with the flag MERGED, in order:
 * the checkpoint and each TABLE one of its own; DATA frames with few bytes of events a run
 * (merge_run.h), those with many one of their own, whose body is copied in pieces as it is. Before
 * the new file counts as ready, the chain of the old one was followed to the first frame of the
 * next segment, the topics' offsets without a gap, and the file is synced. Whatever is not as it
 * must be leaves the segment as it is. Run by the merging thread. */
#include "stream/merge.h"

#include <errno.h>
#include <inttypes.h>
#include <lz4.h>
#include <stdio.h>
#include <zstd.h>

#include "base/fault.h"
#include "base/log.h"
#include "stream/merge_run.h"

enum {
    FRAME_BYTES = 1 << 20,
    SMALL_FRAME = 32 << 10,
    GAIN = 20,
    BODY_MOST = 256 << 10,  /* of uncompressed events; longer bodies are copied as they are */
    META_MOST = 1 << 20,    /* frames with more are not merged, nor is their segment */
    OPENING_MOST = 2 << 20, /* the same for the checkpoint with its transactions */
    PIECE_FRAMES = 1024,    /* looked at in one step, ... */
    PIECE_BYTES = 1 << 20,  /* ... and bytes passed */
    COPY = 64 << 10,        /* of a body, at once */
    SYNC_BYTES = 4 << 20,   /* written between two syncs, so that none takes long */
    JUDGE_BYTES = 8 << 20,  /* read, after which it must look worth it */
    HEAD_AHEAD = 8 << 10,   /* read of a segment that is only judged */
};

struct leat_merge {
    leat_merge_conf conf;
    uint64_t examined; /* segments up to this one are done with */
    leat_walk w;       /* through the segment; at.segment 0: none is being merged */
    int fd;            /* of the new file */
    int64_t at;        /* bytes written to it ... */
    int64_t unsynced;  /* ... of these not synced */
    leat_buf out;      /* frames on their way to it */
    leat_buf plain;    /* an uncompressed body */
    leat_merge_run run;
    leat_merged now; /* the segment being merged */
    leat_place next; /* what the next segment's first frame says of the place before it */
    leat_arena scratch;
    struct ZSTD_DCtx_s *zstd;
};

leat_merge *leat_merge_new(const leat_merge_conf *conf)
{
    leat_merge *m = leat_zalloc(1, sizeof(*m));
    m->conf = *conf;
    if (m->conf.frame_bytes == 0) m->conf.frame_bytes = FRAME_BYTES;
    if (m->conf.small == 0) m->conf.small = SMALL_FRAME;
    if (m->conf.gain == 0) m->conf.gain = GAIN;
    leat_walk_init(&m->w);
    leat_merge_run_init(&m->run);
    m->fd = -1;
    return m;
}

/* Memory goes too: hours may pass until the next segment. */
static void end_segment(leat_merge *m)
{
    leat_os_now()->close(m->fd);
    m->fd = -1;
    leat_walk_free(&m->w);
    leat_merge_run_free(&m->run);
    leat_merge_run_init(&m->run);
    leat_buf_free(&m->out);
    leat_buf_free(&m->plain);
    leat_arena_free(&m->scratch);
    ZSTD_freeDCtx(m->zstd);
    m->zstd = NULL;
}

/* Gives up what was begun. */
static void drop(leat_merge *m)
{
    char path[LEAT_PATH_MAX];
    if (m->w.at.segment == 0) return;
    bool begun = m->fd >= 0;
    leat_merge_path(m->conf.dir, m->now.segment, path);
    end_segment(m);
    if (begun) leat_os_now()->unlink(path);
}

void leat_merge_free(leat_merge *m)
{
    if (m == NULL) return;
    drop(m);
    end_segment(m);
    leat_merge_run_free(&m->run);
    leat_free(m);
}

/* ---- which ---- */

/* The frame that opens a segment, and what follows it at once if that is merged. AGAIN: no file. */
static leat_rc look_at(leat_merge *m, uint64_t segment, leat_frame *f, leat_err *e)
{
    leat_str meta;
    leat_seen seen;
    leat_rc rc = leat_walk_open(&m->w, m->conf.dir, segment, e);
    if (rc != LEAT_OK) return rc;
    m->w.ahead = HEAD_AHEAD;
    LEAT_TRY(leat_walk_peek(&m->w, f, &meta, &seen, e));
    if (seen == LEAT_SEEN_FRAME && f->type == LEAT_FRAME_SEGMENT) return LEAT_OK;
    if (seen == LEAT_SEEN_FRAME)
        snprintf(m->w.why, sizeof(m->w.why), "the segment does not begin with a checkpoint");
    return leat_walk_damaged(&m->w, e);
}

/* AGAIN: there is no segment to look at. */
static leat_rc pick(leat_merge *m, uint64_t below, uint64_t *out, leat_err *e)
{
    uint64_t *numbers = NULL;
    size_t n = 0, i = 0;
    if (m->examined + 1 >= below) return LEAT_AGAIN;
    leat_rc rc = leat_segment_list(m->conf.dir, &m->scratch, &numbers, &n, e);
    while (rc == LEAT_OK && i < n && numbers[i] <= m->examined) i++;
    if (rc == LEAT_OK && (i == n || numbers[i] >= below)) rc = LEAT_AGAIN;
    if (rc == LEAT_OK) *out = numbers[i];
    leat_arena_reset(&m->scratch, 0);
    return rc;
}

static leat_rc create(leat_merge *m, leat_err *e)
{
    const leat_os *os = leat_os_now();
    char path[LEAT_PATH_MAX];
    leat_merge_path(m->conf.dir, m->now.segment, path);
    int rc = os->unlink(path);
    if (rc == 0 || rc == -ENOENT) rc = LEAT_FAULT(merge_create);
    if (rc == 0)
        m->fd = os->open(path, LEAT_O_READ | LEAT_O_WRITE | LEAT_O_CREATE | LEAT_O_EXCL, 0600);
    if (rc == 0 && m->fd < 0) rc = m->fd;
    return rc != 0 ? leat_os_fail(e, rc, "create", path) : LEAT_OK;
}

static leat_rc put_checkpoint(leat_merge *m, leat_err *e);

/* Begins with the segment if that is worth it; else it is done with. */
static leat_rc begin(leat_merge *m, uint64_t segment, leat_err *e)
{
    leat_frame f, next;
    m->now = (leat_merged){.segment = segment};
    leat_rc rc = look_at(m, segment + 1, &next, e);
    if (rc == LEAT_OK) rc = look_at(m, segment, &f, e);
    if (rc == LEAT_OK) {
        int64_t size = leat_os_now()->size(m->w.fd);
        if (size < 0) return leat_os_fail(e, (int)size, "look at", m->w.path);
        m->next = (leat_place){segment, size, next.first - 1, next.prev};
        m->now.frames_before = next.first - f.first;
        m->now.bytes_before = size;
        bool merged = (f.flags & LEAT_FRAME_MERGED) != 0;
        if (merged || m->now.frames_before < 2 ||
            size / (int64_t)m->now.frames_before > m->conf.small)
            rc = LEAT_AGAIN;
    }
    if (rc == LEAT_AGAIN) {
        m->examined = segment;
        leat_walk_free(&m->w);
        return LEAT_OK;
    }
    LEAT_TRY(rc);
    leat_merge_run_reset(&m->run);
    m->at = m->unsynced = 0;
    LEAT_TRY(create(m, e));
    return put_checkpoint(m, e);
}

/* ---- writing ---- */

static leat_rc failed(leat_merge *m, int rc, const char *doing, leat_err *e)
{
    char path[LEAT_PATH_MAX];
    leat_merge_path(m->conf.dir, m->now.segment, path);
    return leat_os_fail(e, rc, doing, path);
}

static leat_rc sync_out(leat_merge *m, leat_err *e)
{
    int rc = LEAT_FAULT(merge_sync);
    if (rc == 0) rc = leat_os_now()->datasync(m->fd);
    m->unsynced = 0;
    return rc != 0 ? failed(m, rc, "sync", e) : LEAT_OK;
}

static leat_rc write_out(leat_merge *m, const char *p, size_t n, leat_err *e)
{
    int rc = LEAT_FAULT(merge_write);
    if (rc == 0) rc = leat_os_write_all(m->fd, p, n, m->at);
    if (rc != 0) return failed(m, rc, "write", e);
    m->at += (int64_t)n;
    m->unsynced += (int64_t)n;
    return m->unsynced >= SYNC_BYTES ? sync_out(m, e) : LEAT_OK;
}

static leat_rc spill(leat_merge *m, leat_err *e)
{
    if (m->out.len == 0) return LEAT_OK;
    LEAT_TRY(write_out(m, m->out.p, m->out.len, e));
    leat_buf_clear(&m->out);
    return LEAT_OK;
}

/* The run, if there is one, as a frame on its way. */
static void end_run(leat_merge *m)
{
    if (m->run.f.number == 0) return;
    leat_merge_run_form(&m->run, &m->out);
    m->now.frames_after++;
}

/* ---- frames ---- */

/* As it should not be, in a way that has no place in the file's bytes. */
static leat_rc strange(leat_merge *m, const leat_frame *f, const char *what, leat_err *e)
{
    snprintf(m->w.why, sizeof(m->w.why), "frame %" PRIu64 ": %.100s", f->number, what);
    return leat_walk_damaged(&m->w, e);
}

static leat_rc too_large(leat_merge *m, const leat_frame *f, leat_err *e)
{
    return leat_fail(e, LEAT_DATA, "stream.merge_large", m->w.path,
                     "frame %" PRIu64 " has %" PRIu32 " bytes beside its events; the segment stays "
                     "as it is",
                     f->number, f->meta_len);
}

static leat_rc load(leat_merge *m, const leat_frame *f, leat_str *meta, leat_str *body, leat_err *e)
{
    leat_seen seen;
    LEAT_TRY(leat_walk_load(&m->w, f, meta, body, &seen, e));
    return seen == LEAT_SEEN_FRAME ? LEAT_OK : leat_walk_damaged(&m->w, e);
}

/* A frame that stands for f alone. */
static leat_frame alone(const leat_frame *f)
{
    return (leat_frame){
        .type = f->type,
        .flags = f->flags | LEAT_FRAME_MERGED,
        .number = f->number,
        .first = f->number,
        .prev = f->prev,
        .name = f->name,
    };
}

/* The same meta and body again. */
static void put_same(leat_merge *m, const leat_frame *f, leat_str meta, leat_str body)
{
    leat_frame own = alone(f);
    size_t at = leat_merge_put_head(&m->out, &own);
    leat_buf_add(&m->out, meta);
    own.meta_len = (uint32_t)(m->out.len - at - LEAT_FRAME_HEAD);
    own.body_len = (uint32_t)body.len;
    leat_buf_add(&m->out, body);
    leat_frame_seal(m->out.p + at, &own);
    m->now.frames_after++;
}

static leat_rc put_checkpoint(leat_merge *m, leat_err *e)
{
    leat_frame f;
    leat_str meta, body;
    leat_seen seen;
    leat_frame_segment s;
    LEAT_TRY(leat_walk_peek(&m->w, &f, &meta, &seen, e));
    if (leat_frame_size(&f) > OPENING_MOST) return too_large(m, &f, e);
    LEAT_TRY(load(m, &f, &meta, &body, e));
    if (!leat_frame_get_segment(meta, &f, &m->scratch, &s) || s.segment != m->now.segment)
        return strange(m, &f, "its meta cannot be read", e);
    leat_reach_take(&m->run.reach, &s.reach); /* a partition can only be forgotten if it is known */
    leat_reach_settled(&m->run.reach);
    for (uint32_t i = 0; i < s.ntopics; i++) {
        uint32_t topic = leat_names_put(&m->run.names, s.topics[i].name);
        m->run.names.next[topic] = s.topics[i].next;
    }
    put_same(m, &f, meta, body);
    leat_walk_pass(&m->w, &f);
    return LEAT_OK;
}

static leat_rc put_table(leat_merge *m, const leat_frame *f, leat_err *e)
{
    leat_str meta, body;
    uint32_t number;
    uint64_t fingerprint;
    if (leat_frame_size(f) > META_MOST) return too_large(m, f, e);
    end_run(m);
    LEAT_TRY(load(m, f, &meta, &body, e));
    if (!leat_frame_get_table(meta, &number, &fingerprint))
        return strange(m, f, "its meta cannot be read", e);
    int64_t at = m->at + (int64_t)m->out.len;
    leat_rc rc = leat_merge_run_define(&m->run, number, body, at, e);
    if (rc == LEAT_DATA) return strange(m, f, "its table cannot be read", e);
    put_same(m, f, meta, body);
    return rc;
}

/* The body from the old file to the new, compared with its checksum. */
static leat_rc copy_body(leat_merge *m, const leat_frame *f, leat_err *e)
{
    int64_t from = m->w.at.offset + LEAT_FRAME_HEAD + f->meta_len;
    uint32_t crc = 0;
    char *piece = leat_alloc(COPY);
    leat_rc rc = LEAT_OK;
    for (size_t left = f->body_len; left > 0 && rc == LEAT_OK;) {
        size_t n = left < COPY ? left : COPY;
        int64_t got = leat_os_read_all(m->w.fd, piece, n, from);
        if (got < 0) rc = leat_os_fail(e, (int)got, "read", m->w.path);
        if (rc == LEAT_OK) {
            crc = leat_crc32c(crc, piece, (size_t)got);
            rc = write_out(m, piece, (size_t)got, e);
        }
        if (rc == LEAT_OK && (size_t)got < n) break;
        from += got;
        left -= n;
    }
    leat_free(piece);
    LEAT_TRY(rc);
    return crc == f->body_crc ? LEAT_OK : strange(m, f, "its body does not fit its checksum", e);
}

static leat_rc put_large(leat_merge *m, const leat_frame *f, const leat_frame_data *d, leat_err *e)
{
    end_run(m);
    leat_frame own = alone(f);
    own.body_len = f->body_len;
    own.body_crc = f->body_crc;
    size_t at = leat_merge_put_head(&m->out, &own);
    leat_frame_put_data(&m->out, &own, d);
    own.meta_len = (uint32_t)(m->out.len - at - LEAT_FRAME_HEAD);
    leat_frame_seal_head(m->out.p + at, &own);
    m->now.frames_after++;
    LEAT_TRY(spill(m, e));
    return copy_body(m, f, e);
}

static bool uncompress(leat_merge *m, const leat_frame *f, leat_str body, uint32_t len,
                       leat_str *raw)
{
    leat_buf_clear(&m->plain);
    *raw = body;
    if (!(f->flags & (LEAT_FRAME_LZ4 | LEAT_FRAME_ZSTD))) return true;
    char *to = leat_buf_room(&m->plain, len);
    *raw = (leat_str){to, len};
    if (f->flags & LEAT_FRAME_LZ4)
        return LZ4_decompress_safe(body.s, to, (int)body.len, (int)len) == (int)len;
    if (m->zstd == NULL) m->zstd = ZSTD_createDCtx();
    return ZSTD_decompressDCtx(m->zstd, to, len, body.s, body.len) == len;
}

static leat_rc put_data(leat_merge *m, const leat_frame *f, leat_str meta, leat_err *e)
{
    leat_frame_data d;
    leat_str body, raw;
    if (f->meta_len > META_MOST) return too_large(m, f, e);
    meta = leat_arena_str(&m->scratch, meta); /* loading the body may move it */
    if (!leat_frame_get_data(meta, f, true, &m->scratch, &d))
        return strange(m, f, "its meta cannot be read", e);
    if (!leat_merge_run_places(&m->run, &d, &m->scratch))
        return strange(m, f, "it names a table that is not defined before it", e);
    if (!leat_merge_run_follows(&m->run, &d))
        return strange(m, f, "its offsets do not follow those before it", e);
    if (d.raw_len > BODY_MOST || f->body_len > BODY_MOST) return put_large(m, f, &d, e);
    if (!leat_merge_run_fits(&m->run, f)) end_run(m);
    LEAT_TRY(load(m, f, &meta, &body, e));
    if (!uncompress(m, f, body, d.raw_len, &raw))
        return strange(m, f, "its events cannot be uncompressed", e);
    leat_err why;
    leat_rc rc = leat_merge_run_add(&m->run, f, &d, raw, &why);
    if (rc != LEAT_OK && strcmp(why.code, "wire.bad") == 0) return strange(m, f, why.msg, e);
    if (rc != LEAT_OK)
        return leat_fail(e, rc, why.code, m->w.path,
                         "frame %" PRIu64 ": %s; the segment stays as it is", f->number, why.msg);
    if (m->run.draft.raw.len >= m->conf.frame_bytes) end_run(m);
    return LEAT_OK;
}

/* ---- the walk ---- */

/* AGAIN: it is not worth it. */
static leat_rc judge(leat_merge *m)
{
    int64_t written = m->at + (int64_t)m->out.len;
    if (written * 100 <= m->w.at.offset * (100 - m->conf.gain) || m->conf.gain < 0) return LEAT_OK;
    leat_log(LEAT_DEBUG, "stream.merge_no_gain",
             "file=%s bytes=%" PRId64 " would be %" PRId64 "; it stays as it is", m->w.path,
             m->w.at.offset, written);
    m->examined = m->now.segment;
    drop(m);
    return LEAT_AGAIN;
}

static leat_rc finish(leat_merge *m, leat_err *e)
{
    const leat_place *at = &m->w.at, *next = &m->next;
    if (at->number != next->number || at->crc != next->crc || at->offset != next->offset) {
        snprintf(m->w.why, sizeof(m->w.why),
                 "the segment ends there behind frame %" PRIu64
                 ", but the next one follows frame %" PRIu64,
                 at->number, next->number);
        return leat_walk_damaged(&m->w, e);
    }
    end_run(m);
    LEAT_TRY(spill(m, e));
    if (judge(m) == LEAT_AGAIN) return LEAT_OK;
    LEAT_TRY(sync_out(m, e));
    m->now.bytes_after = m->at;
    m->examined = m->now.segment;
    end_segment(m);
    return LEAT_PENDING;
}

/* One frame of the segment. PENDING: that was the last. */
static leat_rc one(leat_merge *m, leat_err *e)
{
    leat_frame f;
    leat_str meta;
    leat_seen seen;
    leat_rc rc;
    leat_arena_reset(&m->scratch, META_MOST);
    LEAT_TRY(leat_walk_peek(&m->w, &f, &meta, &seen, e));
    if (seen == LEAT_SEEN_BLANK) return finish(m, e);
    if (seen != LEAT_SEEN_FRAME) return leat_walk_damaged(&m->w, e);
    if (f.events > LEAT_WIRE_VERSION) return leat_walk_foreign(&m->w, e);
    if (f.flags & LEAT_FRAME_MERGED || f.type == LEAT_FRAME_SEGMENT)
        return strange(m, &f, "it has no place there", e);
    rc = f.type == LEAT_FRAME_TABLE ? put_table(m, &f, e) : put_data(m, &f, meta, e);
    if (rc != LEAT_OK) return rc;
    leat_walk_pass(&m->w, &f);
    return LEAT_OK;
}

static leat_rc go_on(leat_merge *m, leat_err *e)
{
    int64_t from = m->w.at.offset;
    for (unsigned i = 0; i < PIECE_FRAMES && m->w.at.offset - from < PIECE_BYTES; i++) {
        leat_rc rc = one(m, e);
        if (rc != LEAT_OK || m->w.at.segment == 0) return rc;
    }
    LEAT_TRY(spill(m, e));
    if (from < JUDGE_BYTES && m->w.at.offset >= JUDGE_BYTES) judge(m);
    return LEAT_OK;
}

leat_rc leat_merge_step(leat_merge *m, uint64_t below, leat_merged *out, leat_err *e)
{
    leat_rc rc;
    if (m->w.at.segment != 0) {
        rc = go_on(m, e);
    } else {
        uint64_t segment;
        rc = pick(m, below, &segment, e);
        if (rc == LEAT_OK) rc = begin(m, segment, e);
    }
    if (rc == LEAT_PENDING) *out = m->now;
    if (!leat_rc_failed(rc)) return rc;
    drop(m);
    leat_walk_free(&m->w);
    if (rc != LEAT_RETRY) m->examined = m->now.segment;
    return rc;
}
