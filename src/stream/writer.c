/* Appending frames to segments (stream/writer.h).
 *
 * A frame is formed in memory together with the definitions of the tables that its segment does not
 * have yet, and written by one call. If it does not fit, a segment is begun and the frame formed
 * again: definitions, their offsets and its number differ there. Going back only moves the place:
 * bytes behind it are overwritten, or cut later; the chain of checksums keeps them from being taken
 * for frames that follow. Run by the thread that appends. */
#include "stream/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <lz4.h>
#include <stdio.h>
#include <zstd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"

enum {
    SMALL = 256,
    SCRATCH_KEEP = 1 << 20,
    NEED_MORE = 64 << 10, /* definitions of tables, which a frame may need once more */
    ZSTD_LEVEL = 3,
    LZ4_HASTE = 2, /* against 1: up to 40 % faster, some 4 % larger */
};

void leat_writer_init(leat_writer *w)
{
    *w = (leat_writer){.fd = -1};
    leat_restored_init(&w->has);
}

void leat_writer_free(leat_writer *w)
{
    leat_os_now()->close(w->fd);
    leat_restored_free(&w->has);
    leat_buf_free(&w->out);
    leat_free(w->tables);
    leat_arena_free(&w->scratch);
    leat_free(w->lz4);
    ZSTD_freeCCtx(w->zstd_ctx);
    leat_writer_init(w);
}

leat_rc leat_writer_broken(const leat_writer *w, leat_err *e)
{
    return leat_fail(e, LEAT_FATAL, "stream.sync_failed", w->dir,
                     "an earlier sync of the stream failed; end the process and start again: then "
                     "what is durable is found anew");
}

/* ---- forming ---- */

static void *state_of_lz4(leat_writer *w)
{
    if (w->lz4 == NULL) w->lz4 = leat_zalloc(1, (size_t)LZ4_sizeofState());
    return w->lz4;
}

/* Appends the body, compressed if that is worth it; returns the flag that says how. */
static unsigned put_body(leat_writer *w, leat_str raw)
{
    bool zstd = w->compression == LEAT_COMPRESSION_ZSTD;
    size_t most = zstd ? ZSTD_compressBound(raw.len) : (size_t)LZ4_compressBound((int)raw.len);
    char *to = leat_buf_room(&w->out, most > raw.len ? most : raw.len);
    size_t got = 0;
    if (raw.len < SMALL || w->compression == LEAT_COMPRESSION_NONE) {
        got = 0;
    } else if (zstd) {
        if (w->zstd_ctx == NULL) w->zstd_ctx = ZSTD_createCCtx();
        got = ZSTD_compressCCtx(w->zstd_ctx, to, most, raw.s, raw.len, ZSTD_LEVEL);
        if (ZSTD_isError(got)) got = 0;
    } else {
        got = (size_t)LZ4_compress_fast_extState(state_of_lz4(w), raw.s, to, (int)raw.len,
                                                 (int)most, LZ4_HASTE);
    }
    if (got > 0 && got < raw.len) {
        w->out.len += got;
        return zstd ? LEAT_FRAME_ZSTD : LEAT_FRAME_LZ4;
    }
    leat_buf_add(&w->out, raw);
    return 0;
}

/* Room for a head; returns where it begins. */
static size_t put_head(leat_writer *w)
{
    size_t at = w->out.len;
    leat_buf_room(&w->out, LEAT_FRAME_HEAD);
    w->out.len += LEAT_FRAME_HEAD;
    return at;
}

/* Meta and body stand behind the head: makes them the frame that follows place, moves place behind
 * it. */
static void seal(leat_writer *w, size_t at, leat_frame *f, leat_place *place)
{
    f->body_len = (uint32_t)(w->out.len - at - LEAT_FRAME_HEAD - f->meta_len);
    f->number = place->number + 1;
    f->prev = place->crc;
    leat_frame_seal(w->out.p + at, f);
    place->number = f->number;
    place->crc = f->crc;
    place->offset += (int64_t)leat_frame_size(f);
}

/* Definitions that the segment lacks. w->tables: all that the draft uses. */
static void form_tables(leat_writer *w, const leat_draft *d, leat_place *place)
{
    if (w->tables_cap < d->nrows) {
        w->tables_cap = d->nrows * 2;
        w->tables = leat_realloc(w->tables, w->tables_cap * sizeof(leat_frame_table));
    }
    for (uint32_t i = 0; i < d->nrows; i++) {
        const leat_registry_row *row = &w->has.registry.rows[d->rows[i]];
        w->tables[i] = (leat_frame_table){.number = row->number, .offset = row->offset};
        if (row->segment == place->segment) continue;
        w->tables[i].offset = place->offset;
        leat_frame f = {.type = LEAT_FRAME_TABLE};
        size_t at = put_head(w);
        leat_frame_put_table(&w->out, row->number, row->fingerprint);
        f.meta_len = (uint32_t)(w->out.len - at - LEAT_FRAME_HEAD);
        leat_wire_put_table(&w->out, row->table);
        seal(w, at, &f, place);
    }
}

/* The draft as frames in out; returns the place behind them. */
static leat_place form(leat_writer *w, const leat_draft *d, bool end)
{
    leat_place place = w->at;
    leat_buf_clear_to(&w->out, LEAT_DRAFT_KEEP);
    leat_arena_reset(&w->scratch, SCRATCH_KEEP);
    form_tables(w, d, &place);
    leat_frame f = {.type = LEAT_FRAME_DATA, .number = place.number + 1};
    leat_frame_data data = {
        .mark = w->mark.number,
        .open = w->open,
        .events = d->events,
        .raw_len = (uint32_t)d->raw.len,
        .tables = w->tables,
        .ntables = d->nrows,
        .topics = d->topics,
        .ntopics = d->ntopics,
        .txs = d->txs,
        .ntxs = d->ntxs,
    };
    if (end) {
        data.reach = leat_reach_give(&w->has.reach, true, &w->scratch);
        f.flags = LEAT_FRAME_END;
        if (data.reach.progress.s != NULL) f.flags |= LEAT_FRAME_PROGRESS;
    }
    size_t at = put_head(w);
    leat_frame_put_data(&w->out, &f, &data);
    f.meta_len = (uint32_t)(w->out.len - at - LEAT_FRAME_HEAD);
    f.flags = (uint16_t)(f.flags | put_body(w, leat_buf_str(&d->raw)));
    seal(w, at, &f, &place);
    return place;
}

/* ---- writing ---- */

static const char *path_of(const leat_writer *w, char path[LEAT_PATH_MAX])
{
    leat_segment_path(w->dir, w->at.segment, path);
    return path;
}

static void reserve_path(const leat_writer *w, char path[LEAT_PATH_MAX])
{
    int n = snprintf(path, LEAT_PATH_MAX, "%s/reserve", w->dir);
    if (n < 0 || n >= LEAT_PATH_MAX) path[0] = '\0';
}

/* Takes the blocks that a full disk would lack; without them all goes on, only less safely. */
static int make_reserve(leat_writer *w)
{
    const leat_os *os = leat_os_now();
    char path[LEAT_PATH_MAX];
    if (w->reserve || w->reserve_bytes <= 0) return 0;
    reserve_path(w, path);
    int fd = os->open(path, LEAT_O_READ | LEAT_O_WRITE | LEAT_O_CREATE, 0600);
    int rc = fd < 0 ? fd : os->allocate(fd, w->reserve_bytes);
    os->close(fd);
    w->reserve = rc == 0;
    if (rc < 0) os->unlink(path);
    return rc;
}

static void need_reserve(leat_writer *w)
{
    char path[LEAT_PATH_MAX];
    int rc = make_reserve(w);
    if (rc == 0) return;
    reserve_path(w, path);
    leat_log(LEAT_WARN, "stream.no_reserve", "file=%s %s", path, leat_os_strerror(rc));
}

void leat_writer_mend_reserve(leat_writer *w)
{
    bool was = w->reserve;
    if (make_reserve(w) == 0 && w->reserve && !was)
        leat_log(LEAT_INFO, "stream.reserve_made", "bytes=%" PRId64, w->reserve_bytes);
}

/* The disk is full: true if the reserve gave room. */
static bool free_reserve(leat_writer *w, int err)
{
    char path[LEAT_PATH_MAX];
    if (!w->reserve || (err != -ENOSPC && err != -EDQUOT)) return false;
    reserve_path(w, path);
    w->reserve = false;
    if (leat_os_now()->unlink(path) < 0) return false;
    leat_log(LEAT_WARN, "stream.reserve_freed", "file=%s bytes=%" PRId64 " the disk is full", path,
             w->reserve_bytes);
    return true;
}

static int write_out(leat_writer *w, int fd, int64_t at)
{
    int rc = LEAT_FAULT(stream_append);
    if (rc != 0) return rc < 0 ? rc : -rc;
    rc = leat_os_write_all(fd, w->out.p, w->out.len, at);
    if (rc < 0 && free_reserve(w, rc)) rc = leat_os_write_all(fd, w->out.p, w->out.len, at);
    return rc;
}

leat_rc leat_writer_sync(leat_writer *w, leat_err *e)
{
    if (w->broken) return leat_writer_broken(w, e);
    int rc = LEAT_FAULT(stream_sync);
    if (rc == 0) rc = leat_os_now()->datasync(w->fd);
    if (rc == 0) return LEAT_OK;
    char path[LEAT_PATH_MAX];
    w->broken = true;
    return leat_fail(
        e, LEAT_FATAL, "stream.sync_failed", path_of(w, path),
        "the stream cannot be synced: %s. What of it is on the disk is not known, so the "
        "process must end; the next start finds the last safe place. Look at the disk",
        leat_os_strerror(rc));
}

static bool fits(const leat_writer *w)
{
    return w->at.offset == w->body || w->at.offset + (int64_t)w->out.len <= w->segment_bytes;
}

leat_rc leat_writer_frame(leat_writer *w, leat_draft *d, bool end, leat_err *e)
{
    if (w->broken) return leat_writer_broken(w, e);
    leat_place place = form(w, d, end);
    if (!fits(w)) {
        w->need = (int64_t)w->out.len + NEED_MORE;
        LEAT_TRY(leat_writer_rotate(w, d, e));
        place = form(w, d, end);
    }
    int rc = write_out(w, w->fd, w->at.offset);
    if (rc < 0) {
        char path[LEAT_PATH_MAX], doing[64];
        snprintf(doing, sizeof(doing), "write %zu bytes at %" PRId64 " to", w->out.len,
                 w->at.offset);
        return leat_os_fail(e, rc, doing, path_of(w, path));
    }
    for (uint32_t i = 0; i < d->nrows; i++) {
        leat_registry_row *row = &w->has.registry.rows[d->rows[i]];
        row->segment = row->used = place.segment;
        row->offset = w->tables[i].offset;
    }
    for (uint32_t i = 0; i < d->ntopics; i++)
        if (d->topics[i].max_us > w->has.newest_us) w->has.newest_us = d->topics[i].max_us;
    w->at = place;
    if (end) {
        w->end = place;
        w->open = 0;
        leat_reach_settled(&w->has.reach);
    } else if (w->open == 0) {
        w->open = place.number;
    }
    leat_draft_clear(d);
    return LEAT_OK;
}

/* ---- segments ---- */

/* Offsets of topics without what the draft took: that stands behind the checkpoint. */
static leat_frame_next *next_offsets(leat_writer *w, const leat_draft *d)
{
    const leat_names *names = &w->has.names;
    leat_frame_next *out = LEAT_NEW(&w->scratch, leat_frame_next, names->n);
    for (uint32_t i = 0; i < names->n; i++) {
        bool drafted = d != NULL && names->v[i].mark == d->id;
        out[i].name = names->v[i].name;
        out[i].next = drafted ? d->topics[names->v[i].slot].first : names->next[i];
    }
    return out;
}

/* The next segment's first frame in out. It is a safe place only if nothing waits to be framed:
 * else the reach it tells is that of the frame that follows. */
static leat_place form_opening(leat_writer *w, const leat_draft *d, bool safe)
{
    leat_place place = {w->at.segment + 1, 0, w->at.number, w->at.crc};
    leat_buf_clear_to(&w->out, LEAT_DRAFT_KEEP);
    leat_arena_reset(&w->scratch, SCRATCH_KEEP);
    leat_frame f = {
        .type = LEAT_FRAME_SEGMENT,
        .number = place.number + 1,
        .flags = safe ? LEAT_FRAME_END : 0,
    };
    leat_frame_segment s = {
        .segment = place.segment,
        .connector = leat_str_of(w->connector),
        .created_us = leat_now_us(),
        .mark = w->mark.number,
        .open = w->open,
        .next_table = w->has.registry.next,
        .last_us = w->has.newest_us,
        .reach = leat_reach_give(&w->has.reach, false, &w->scratch),
        .topics = next_offsets(w, d),
        .ntopics = w->has.names.n,
    };
    if (s.reach.progress.s != NULL) f.flags |= LEAT_FRAME_PROGRESS;
    size_t ntxs, at = put_head(w);
    const uint64_t *txs = leat_ring_list(&w->has.ring, d != NULL ? d->ntxs : 0, &w->scratch, &ntxs);
    leat_frame_put_segment(&w->out, &f, &s);
    f.meta_len = (uint32_t)(w->out.len - at - LEAT_FRAME_HEAD);
    leat_frame_put_txs(&w->out, txs, ntxs);
    seal(w, at, &f, &place);
    return place;
}

static int create(leat_writer *w, const char *path)
{
    const leat_os *os = leat_os_now();
    int rc = LEAT_FAULT(stream_segment);
    if (rc != 0) return rc < 0 ? rc : -rc;
    rc = os->unlink(path); /* of an attempt that failed */
    if (rc < 0 && rc != -ENOENT) return rc;
    int fd = os->open(path, LEAT_O_READ | LEAT_O_WRITE | LEAT_O_CREATE | LEAT_O_EXCL, 0600);
    if (fd < 0) return fd;
    rc = os->allocate(fd, w->segment_bytes);
    if (rc < 0 && free_reserve(w, rc)) {
        /* the reserve may hold what waits, if it does not hold a segment */
        rc = os->allocate(fd, w->segment_bytes);
        if (rc == -ENOSPC || rc == -EDQUOT) rc = os->allocate(fd, (int64_t)w->out.len + w->need);
    }
    if (rc == -EOPNOTSUPP) rc = 0;
    if (rc == 0) rc = os->sync_dir(w->dir);
    if (rc == 0) rc = write_out(w, fd, 0);
    if (rc == 0) return fd;
    os->close(fd);
    os->unlink(path);
    return rc;
}

/* Of the segment that is left: blocks behind its end go back, then it is synced. */
static leat_rc finish_segment(leat_writer *w, leat_err *e)
{
    if (w->fd < 0) return LEAT_OK;
    char path[LEAT_PATH_MAX];
    int rc = leat_os_now()->truncate(w->fd, w->at.offset);
    return rc < 0 ? leat_os_fail(e, rc, "cut", path_of(w, path)) : leat_writer_sync(w, e);
}

leat_rc leat_writer_rotate(leat_writer *w, const leat_draft *d, leat_err *e)
{
    if (w->broken) return leat_writer_broken(w, e);
    if (w->fd >= 0)
        LEAT_TRY(leat_retention_room(&w->keep, &w->mark, w->at.segment, w->at.offset,
                                     w->segment_bytes, w->has.reach.visible, e));
    LEAT_TRY(finish_segment(w, e));
    bool safe = w->open == 0 && d == NULL;
    leat_place place = form_opening(w, d, safe);
    char path[LEAT_PATH_MAX];
    leat_segment_path(w->dir, place.segment, path);
    int fd = create(w, path);
    if (fd < 0) return leat_os_fail(e, fd, "begin the segment", path);
    leat_os_now()->close(w->fd);
    w->fd = fd;
    w->older_bytes += (uint64_t)w->at.offset;
    w->at = place;
    w->body = place.offset;
    if (safe) w->end = place;
    need_reserve(w);
    return LEAT_OK;
}

leat_rc leat_writer_resume(leat_writer *w, const leat_place *mark, uint64_t older_bytes,
                           leat_err *e)
{
    const leat_os *os = leat_os_now();
    char path[LEAT_PATH_MAX];
    leat_segment_path(w->dir, mark->segment, path);
    int fd = os->open(path, LEAT_O_READ | LEAT_O_WRITE, 0);
    if (fd < 0) return leat_os_fail(e, fd, "open", path);
    os->close(w->fd);
    w->fd = fd;
    os->allocate(fd, w->segment_bytes);
    need_reserve(w);
    w->at = w->end = w->mark = *mark;
    w->body = w->has.body;
    w->older_bytes = older_bytes;
    return LEAT_OK;
}

leat_writer_save leat_writer_here(const leat_writer *w)
{
    return (leat_writer_save){
        .at = w->at,
        .end = w->end,
        .open = w->open,
        .older_bytes = w->older_bytes,
        .body = w->body,
        .newest_us = w->has.newest_us,
        .ring_n = w->has.ring.n,
        .ring_at = w->has.ring.at,
    };
}

/* Removes the segments behind one, newest first and each durably, and opens it again. */
static int reopen(leat_writer *w, uint64_t segment)
{
    const leat_os *os = leat_os_now();
    char path[LEAT_PATH_MAX];
    int rc = 0;
    os->close(w->fd);
    w->fd = -1;
    for (uint64_t n = w->at.segment; n > segment && rc == 0; n--) {
        leat_segment_path(w->dir, n, path);
        rc = LEAT_FAULT(stream_unlink);
        if (rc == 0) rc = os->unlink(path);
        if (rc == 0) rc = os->sync_dir(w->dir);
    }
    if (rc != 0) return rc;
    leat_segment_path(w->dir, segment, path);
    w->fd = os->open(path, LEAT_O_READ | LEAT_O_WRITE, 0);
    return w->fd < 0 ? w->fd : 0;
}

leat_rc leat_writer_back(leat_writer *w, const leat_writer_save *save, leat_err *e)
{
    if (w->broken) return leat_writer_broken(w, e);
    if (save->at.segment != w->at.segment) {
        int rc = reopen(w, save->at.segment);
        if (rc != 0) {
            w->broken = true;
            leat_os_fail(e, rc, "remove segments behind a failed write in", w->dir);
            return leat_fail(e, LEAT_FATAL, "stream.rollback_failed", w->dir,
                             "%s; end the process and start again", e ? e->msg : "");
        }
    }
    w->at = save->at;
    w->end = save->end;
    w->open = save->open;
    w->older_bytes = save->older_bytes;
    w->body = save->body;
    w->has.newest_us = save->newest_us;
    w->has.ring.n = save->ring_n;
    w->has.ring.at = save->ring_at;
    leat_reach_unsettled(&w->has.reach);
    leat_registry_cut(&w->has.registry, w->at.segment, w->at.offset);
    return LEAT_OK;
}
