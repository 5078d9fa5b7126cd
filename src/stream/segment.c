/* Segments: names, listing, and walking through frames (stream/segment.h).
 *
 * A walk keeps a window of the file in memory. It is filled from the place that is looked at,
 * generously while bodies are wanted, sparingly after one was passed over unread. Lengths that a
 * frame claims are compared with the file's size before memory is taken for them. Does not write;
 * does not decide what a bad frame means. One thread a walk. */
#include "stream/segment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "event/wire.h"

enum { AHEAD = 256 * 1024, AHEAD_LEAST = 8 * 1024, NUMBER_DIGITS = 20, FIND_MOST = 1 << 20 };

static bool fit_for_folder(const char *name)
{
    if (name[0] == '\0' || name[0] == '.' || strlen(name) > 200) return false;
    for (const char *p = name; *p; p++)
        if (*p == '/' || (unsigned char)*p < ' ') return false;
    return true;
}

leat_rc leat_segment_folder(const char *data, const char *connector, const char *tail,
                            char out[LEAT_PATH_MAX], leat_err *e)
{
    if (!fit_for_folder(connector))
        return leat_fail(
            e, LEAT_CONF, "stream.name", connector,
            "\"%s\" cannot name a folder; a connector's name is 1 to 200 bytes, begins "
            "with no point and holds no slash",
            connector);
    int n = snprintf(out, LEAT_PATH_MAX, "%s/connectors/%s/%s", data, connector, tail);
    if (n < 0 || n > LEAT_PATH_MAX - 64)
        return leat_fail(e, LEAT_CONF, "stream.name", connector,
                         "the path of the data folder is too long: %zu bytes", strlen(data));
    return LEAT_OK;
}

void leat_segment_path(const char *dir, uint64_t segment, char out[LEAT_PATH_MAX])
{
    int n = snprintf(out, LEAT_PATH_MAX, "%s/%0*" PRIu64 ".seg", dir, NUMBER_DIGITS, segment);
    if (n < 0 || n >= LEAT_PATH_MAX) out[0] = '\0';
}

typedef struct listing {
    const char *suffix;
    leat_arena *a;
    uint64_t *numbers;
    size_t n, cap;
} listing;

static bool list_one(void *arg, const char *name)
{
    listing *l = arg;
    leat_str digits = {name, NUMBER_DIGITS};
    uint64_t number;
    if (strlen(name) < NUMBER_DIGITS || strcmp(name + NUMBER_DIGITS, l->suffix) != 0 ||
        name[0] == '+' || !leat_str_u64(digits, &number) || number == 0)
        return true;
    if (l->n == l->cap) {
        size_t cap = l->cap > 0 ? l->cap * 2 : 32;
        uint64_t *more = LEAT_NEW(l->a, uint64_t, cap);
        if (l->n > 0) memcpy(more, l->numbers, l->n * sizeof(uint64_t));
        l->numbers = more;
        l->cap = cap;
    }
    l->numbers[l->n++] = number;
    return true;
}

static int ascending(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}

leat_rc leat_segment_list(const char *dir, leat_arena *a, uint64_t **out, size_t *n, leat_err *e)
{
    return leat_segment_files(dir, ".seg", a, out, n, e);
}

leat_rc leat_segment_files(const char *dir, const char *suffix, leat_arena *a, uint64_t **out,
                           size_t *n, leat_err *e)
{
    listing l = {.suffix = suffix, .a = a};
    int rc = leat_os_now()->list(dir, list_one, &l);
    if (rc == -ENOENT)
        return leat_fail(e, LEAT_RETRY, "stream.missing", dir,
                         "there is no stream in %s yet; it is made when its connector first runs",
                         dir);
    if (rc < 0) return leat_os_fail(e, rc, "list", dir);
    if (l.n > 1) qsort(l.numbers, l.n, sizeof(uint64_t), ascending);
    *out = l.numbers;
    *n = l.n;
    return LEAT_OK;
}

/* ---- places ---- */

size_t leat_place_write(const leat_place *at, char out[LEAT_PLACE_TEXT])
{
    int n = snprintf(out, LEAT_PLACE_TEXT, "%" PRIu64 ":%" PRId64 ":%" PRIu64 ":%08" PRIx32,
                     at->segment, at->offset, at->number, at->crc);
    return n > 0 ? (size_t)n : 0;
}

static bool hex32(leat_str text, uint32_t *out)
{
    leat_buf bytes = {0};
    bool ok = text.len == 8 && leat_buf_unhex(&bytes, text);
    *out = 0;
    for (size_t i = 0; ok && i < 4; i++) *out = *out << 8 | (uint8_t)bytes.p[i];
    leat_buf_free(&bytes);
    return ok;
}

bool leat_place_parse(leat_str text, leat_place *out)
{
    leat_str rest = text;
    leat_str segment = leat_str_cut(&rest, ':'), offset = leat_str_cut(&rest, ':');
    leat_str frame = leat_str_cut(&rest, ':'), crc = leat_str_cut(&rest, ':');
    return leat_str_u64(segment, &out->segment) && leat_str_i64(offset, &out->offset) &&
           leat_str_u64(frame, &out->number) && hex32(crc, &out->crc) && rest.s == NULL &&
           out->offset >= 0;
}

/* ---- walking ---- */

void leat_walk_init(leat_walk *w)
{
    *w = (leat_walk){.fd = -1, .limit = INT64_MAX, .ahead = AHEAD};
}

static void give_up_file(leat_walk *w)
{
    if (!w->lent) leat_os_now()->close(w->fd);
    w->lent = false;
}

void leat_walk_free(leat_walk *w)
{
    give_up_file(w);
    leat_free(w->window);
    leat_walk_init(w);
}

leat_rc leat_walk_open(leat_walk *w, const char *dir, uint64_t segment, leat_err *e)
{
    const leat_os *os = leat_os_now();
    char path[LEAT_PATH_MAX];
    leat_segment_path(dir, segment, path);
    int fault = LEAT_FAULT(stream_read);
    int fd = fault ? -fault : os->open(path, LEAT_O_READ, 0);
    if (fd == -ENOENT) return LEAT_AGAIN;
    if (fd < 0) return leat_os_fail(e, fd, "open", path);
    give_up_file(w);
    memcpy(w->path, path, sizeof(path));
    w->fd = fd;
    w->at = (leat_place){.segment = segment};
    w->chained = false;
    w->foreign = false;
    w->limit = INT64_MAX;
    w->ahead = AHEAD;
    leat_walk_refresh(w);
    return LEAT_OK;
}

void leat_walk_beside(leat_walk *w, const leat_walk *owner, int64_t offset)
{
    give_up_file(w);
    memcpy(w->path, owner->path, sizeof(w->path));
    w->fd = owner->fd;
    w->lent = true;
    w->at = (leat_place){.segment = owner->at.segment, .offset = offset};
    w->chained = false;
    w->foreign = false;
    w->limit = INT64_MAX;
    w->ahead = AHEAD_LEAST;
    leat_walk_refresh(w);
}

void leat_walk_refresh(leat_walk *w)
{
    w->window_len = 0;
    w->window_at = 0;
}

void leat_walk_seek(leat_walk *w, int64_t offset)
{
    w->at.offset = offset;
    w->chained = false;
}

static leat_rc fill(leat_walk *w, size_t want, leat_err *e)
{
    if (want < w->ahead) want = w->ahead;
    if ((uint64_t)(w->limit - w->at.offset) < want) want = (size_t)(w->limit - w->at.offset);
    if (w->window_cap < want) {
        leat_free(w->window);
        w->window = leat_alloc(want);
        w->window_cap = want;
    }
    w->window_len = 0;
    int64_t got = leat_os_read_all(w->fd, w->window, want, w->at.offset);
    if (got < 0) return leat_os_fail(e, (int)got, "read", w->path);
    w->window_at = w->at.offset;
    w->window_len = (size_t)got;
    return LEAT_OK;
}

/* What the window holds from the place on. */
static leat_str held(const leat_walk *w)
{
    int64_t skip = w->at.offset - w->window_at;
    if (skip < 0 || (uint64_t)skip >= w->window_len) return (leat_str){"", 0};
    return (leat_str){w->window + skip, w->window_len - (size_t)skip};
}

/* At least n bytes from the place on, or fewer where the file or the limit ends. */
static leat_rc bytes(leat_walk *w, size_t n, leat_str *out, leat_err *e)
{
    *out = held(w);
    if (out->len >= n || w->at.offset >= w->limit) return LEAT_OK;
    int64_t size = leat_os_now()->size(w->fd);
    if (size < 0) return leat_os_fail(e, (int)size, "look at", w->path);
    if (size > w->limit) size = w->limit;
    if (size <= w->at.offset) size = w->at.offset;
    size_t there = (size_t)(size - w->at.offset);
    if (there > out->len) {
        LEAT_TRY(fill(w, n < there ? n : there, e));
        *out = held(w);
    }
    return LEAT_OK;
}

static bool zeros(leat_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.s[i] != 0) return false;
    return true;
}

static leat_seen follows(leat_walk *w, const leat_frame *f)
{
    if (!w->chained) return LEAT_SEEN_FRAME;
    if (f->first != w->at.number + 1) {
        snprintf(w->why, sizeof(w->why), "frame %" PRIu64 " stands there, expected %" PRIu64,
                 f->first, w->at.number + 1);
        return LEAT_SEEN_BAD;
    }
    if (w->at.crc != 0 && f->prev != w->at.crc) {
        snprintf(w->why, sizeof(w->why),
                 "frame %" PRIu64 " follows a frame with checksum %08" PRIx32
                 ", but the one before it has %08" PRIx32,
                 f->first, f->prev, w->at.crc);
        return LEAT_SEEN_BAD;
    }
    return LEAT_SEEN_FRAME;
}

/* Head and meta at the place, most bytes of them at most; SHORT: the file ends before they do. */
static leat_rc head(leat_walk *w, size_t most, leat_str *in, leat_frame *f, leat_seen *seen,
                    const char **why, leat_err *e)
{
    size_t want = LEAT_FRAME_HEAD, need = 0;
    for (;; want = need) {
        LEAT_TRY(bytes(w, want, in, e));
        *seen = leat_frame_read(*in, f, &need, why);
        if (*seen != LEAT_SEEN_SHORT || in->len < want || need > most) return LEAT_OK;
    }
}

leat_rc leat_walk_peek(leat_walk *w, leat_frame *f, leat_str *meta, leat_seen *seen, leat_err *e)
{
    leat_str in;
    const char *why = "";
    LEAT_TRY(head(w, SIZE_MAX, &in, f, seen, &why, e));
    if (*seen == LEAT_SEEN_SHORT) {
        *seen = zeros(in) ? LEAT_SEEN_BLANK : LEAT_SEEN_BAD;
        why = "the file ends inside of the frame";
    }
    w->foreign = *seen == LEAT_SEEN_BAD && w->at.offset == 0 && leat_frame_foreign(in);
    if (*seen == LEAT_SEEN_BAD) snprintf(w->why, sizeof(w->why), "%s", why);
    if (*seen == LEAT_SEEN_BLANK) snprintf(w->why, sizeof(w->why), "there is no frame");
    if (*seen == LEAT_SEEN_FRAME) {
        *meta = leat_frame_meta(in.s, f);
        *seen = follows(w, f);
    }
    return LEAT_OK;
}

leat_rc leat_walk_load(leat_walk *w, const leat_frame *f, leat_str *meta, leat_str *body,
                       leat_seen *seen, leat_err *e)
{
    leat_str in;
    size_t need = (size_t)leat_frame_size(f);
    w->ahead = AHEAD;
    LEAT_TRY(bytes(w, need, &in, e));
    *seen = LEAT_SEEN_BAD;
    if (in.len < need) {
        snprintf(w->why, sizeof(w->why), "the file ends inside of frame %" PRIu64, f->number);
        return LEAT_OK;
    }
    *meta = leat_frame_meta(in.s, f);
    *body = (leat_str){meta->s + meta->len, f->body_len};
    uint32_t crc = leat_crc32c(0, body->s, body->len);
    if (crc == f->body_crc) {
        *seen = LEAT_SEEN_FRAME;
    } else {
        snprintf(w->why, sizeof(w->why),
                 "the body of frame %" PRIu64 " has checksum %08" PRIx32 ", expected %08" PRIx32,
                 f->number, crc, f->body_crc);
    }
    return LEAT_OK;
}

void leat_walk_pass(leat_walk *w, const leat_frame *f)
{
    w->at.offset += (int64_t)leat_frame_size(f);
    w->at.number = f->number;
    w->at.crc = f->name;
    w->chained = true;
    if (w->at.offset > w->window_at + (int64_t)w->window_len) w->ahead = AHEAD_LEAST;
}

leat_rc leat_walk_find(leat_walk *w, leat_frame *f, leat_str *meta, leat_seen *seen, leat_err *e)
{
    w->chained = false;
    for (;;) {
        leat_str in;
        const char *why;
        LEAT_TRY(bytes(w, LEAT_FRAME_HEAD, &in, e));
        *seen = LEAT_SEEN_BLANK;
        if (in.len < LEAT_FRAME_HEAD) return LEAT_OK;
        const char *magic = memchr(in.s, LEAT_FRAME_MAGIC, in.len);
        w->at.offset += magic != NULL ? magic - in.s : (int64_t)in.len;
        if (magic == NULL) continue;
        LEAT_TRY(head(w, FIND_MOST, &in, f, seen, &why, e));
        if (*seen == LEAT_SEEN_FRAME) {
            *meta = leat_frame_meta(in.s, f);
            return LEAT_OK;
        }
        w->at.offset++;
    }
}

leat_rc leat_walk_damaged(const leat_walk *w, leat_err *e)
{
    char number[32] = "";
    if (w->foreign) return leat_walk_foreign(w, e);
    if (w->at.number > 0) snprintf(number, sizeof(number), ", frame %" PRIu64, w->at.number + 1);
    return leat_fail(e, LEAT_FATAL, "stream.damaged", w->path,
                     "the stream is damaged at offset %" PRId64 "%s: %s. This had been written and "
                     "synced, so the disk or somebody changed it; nothing was cut. Look at the "
                     "disk, bring the file back from a copy, or delete the connector's folder and "
                     "take its snapshot anew",
                     w->at.offset, number, w->why);
}

leat_rc leat_walk_foreign(const leat_walk *w, leat_err *e)
{
    return leat_fail(
        e, LEAT_CONF, "stream.version", w->path,
        "what stands at offset %" PRId64 " is of a format that this leat does not know "
        "(it reads frames of version %d, events of version %d): a newer leat wrote it. "
        "Run that one, or a newer one still",
        w->at.offset, LEAT_FRAME_VERSION, LEAT_WIRE_VERSION);
}
