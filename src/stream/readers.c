/* Registered readers (stream/readers.h).
 *
 * Of a sink's file only "inputs"[]."cursor" matters here. A file that cannot be read or understood
 * holds everything: nobody knows what its sink needs. An empty cursor is one that has read nothing
 * yet. Frame numbers tell whether anything stands between a place at the end of a segment and the
 * next one, so that a sink that has read all holds nothing. */
#include "stream/readers.h"

#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "stream/recover.h"

enum { FILE_MOST = 16 << 20 };

typedef struct listing {
    leat_arena *a;
    leat_stream_reader *first;
} listing;

static bool list_one(void *arg, const char *name)
{
    listing *l = arg;
    size_t len = strlen(name);
    if (name[0] == '.' || (len > 4 && strcmp(name + len - 4, ".tmp") == 0)) return true;
    leat_stream_reader **at = &l->first;
    while (*at != NULL && strcmp((*at)->sink, name) < 0) at = &(*at)->next;
    leat_stream_reader *r = LEAT_NEW(l->a, leat_stream_reader, 1);
    r->sink = leat_arena_strdup(l->a, name);
    r->next = *at;
    *at = r;
    return true;
}

static const char *take_places(leat_stream_reader *r, const leat_json *j, leat_arena *a)
{
    const leat_json *inputs = leat_json_get(j, "inputs");
    if (inputs == NULL || inputs->type != LEAT_JSON_ARRAY) return "it holds no \"inputs\"";
    size_t n = 0;
    for (const leat_json *i = inputs->child; i != NULL; i = i->next) n++;
    r->at = LEAT_NEW(a, leat_place, n);
    for (const leat_json *i = inputs->child; i != NULL; i = i->next) {
        leat_str cursor = leat_json_get_str(i, "cursor");
        if (cursor.len > 0 && !leat_place_parse(cursor, &r->at[r->n]))
            return "one of its cursors cannot be read";
        r->n++;
    }
    return NULL;
}

/* False: the file is there no more. */
static bool read_one(const char *dir, leat_stream_reader *r, leat_arena *a)
{
    leat_buf text = {0};
    const leat_json *j = NULL;
    int rc = leat_os_load(leat_arena_printf(a, "%s/readers/%s", dir, r->sink), &text, FILE_MOST);
    if (rc < 0)
        r->fault = leat_arena_strdup(a, leat_os_strerror(rc));
    else if (leat_json_parse(a, leat_buf_str(&text), &j, NULL) != LEAT_OK)
        r->fault = "it is no JSON";
    else
        r->fault = take_places(r, j, a);
    leat_buf_free(&text);
    return rc != -ENOENT;
}

leat_rc leat_readers_list(const char *dir, leat_arena *a, leat_stream_reader **out, leat_err *e)
{
    listing l = {.a = a};
    char *folder = leat_arena_printf(a, "%s/readers", dir);
    int rc = leat_os_now()->list(folder, list_one, &l);
    if (rc < 0 && rc != -ENOENT) return leat_os_fail(e, rc, "list", folder);
    for (leat_stream_reader **at = &l.first; *at != NULL;) {
        if (read_one(dir, *at, a))
            at = &(*at)->next;
        else
            *at = (*at)->next;
    }
    *out = l.first;
    return LEAT_OK;
}

leat_rc leat_readers_lock(const char *dir, int64_t us, int *fd, leat_err *e)
{
    leat_arena a = {0};
    leat_rc rc = LEAT_OK;
    char *folder = leat_arena_printf(&a, "%s/readers", dir);
    char *path = leat_arena_printf(&a, "%s/.lock", folder);
    *fd = leat_os_mkdirs(folder, 0700); /* first: who made it may have died before it was durable */
    if (*fd == 0) *fd = leat_os_lock(path, LEAT_O_WRITE | LEAT_O_CREATE, us);
    if (*fd == -EWOULDBLOCK)
        rc = leat_fail(e, LEAT_RETRY, "stream.readers_locked", path,
                       "a sink registers just now, or segments are being removed; if it stays so, "
                       "a process that holds %s hangs",
                       path);
    else if (*fd < 0)
        rc = leat_os_fail(e, *fd, "lock", path);
    leat_arena_free(&a);
    return rc;
}

bool leat_readers_need(const leat_stream_reader *r, uint64_t segment, uint64_t last)
{
    if (r->fault != NULL) return true;
    for (size_t i = 0; i < r->n; i++) {
        const leat_place *at = &r->at[i];
        bool passed = at->segment > segment || (last > 0 && at->number >= last);
        if (!passed) return true;
    }
    return false;
}

bool leat_readers_exists(const char *data, const char *sink)
{
    leat_buf path = {0};
    leat_buf_printf(&path, "%s/connectors/%s/state.db%c", data, sink, '\0');
    int fd = leat_os_now()->open(path.p, LEAT_O_READ, 0);
    leat_os_now()->close(fd);
    leat_buf_free(&path);
    return fd != -ENOENT;
}

/* ---- how far behind ---- */

/* Where it is furthest behind; a zeroed place is the beginning of everything. */
static leat_place furthest(const leat_stream_reader *r)
{
    leat_place out = {0};
    for (size_t i = 0; r->fault == NULL && i < r->n; i++) {
        const leat_place *at = &r->at[i];
        bool earlier =
            at->segment < out.segment || (at->segment == out.segment && at->offset < out.offset);
        if (i == 0 || earlier) out = *at;
    }
    return out;
}

static int64_t oldest_of(const leat_frame_data *d)
{
    int64_t us = INT64_MAX;
    for (uint32_t i = 0; i < d->ntopics; i++)
        if (d->topics[i].min_us < us) us = d->topics[i].min_us;
    return us == INT64_MAX ? INT64_MIN : us;
}

/* From a segment's second frame to the first events behind number: how many are visible up to it.
 */
static leat_rc walk(leat_walk *w, uint64_t number, leat_arena *a, uint64_t *before, int64_t *oldest,
                    leat_err *e)
{
    uint64_t tail = 0;
    for (;;) {
        leat_frame f;
        leat_str meta;
        leat_seen seen;
        leat_frame_data d;
        LEAT_TRY(leat_walk_peek(w, &f, &meta, &seen, e));
        if (seen != LEAT_SEEN_FRAME) break;
        leat_arena_reset(a, 1 << 16);
        bool data = f.type == LEAT_FRAME_DATA && leat_frame_get_data(meta, &f, true, a, &d);
        if (f.number > number && data && d.events > 0) {
            *oldest = oldest_of(&d);
            break;
        }
        if (f.number <= number && data) tail += d.events;
        if (f.number <= number && data && (f.flags & LEAT_FRAME_END)) {
            *before = d.reach.visible;
            tail = 0;
        }
        leat_walk_pass(w, &f);
    }
    *before += tail;
    return LEAT_OK;
}

/* From the end of a segment into the next one, where the next frame must stand. */
static leat_rc hop(leat_walk *w, const char *dir, uint64_t segment, leat_err *e)
{
    uint64_t number = w->at.number;
    leat_rc rc = leat_walk_open(w, dir, segment, e);
    w->at.number = number;
    w->chained = true;
    return rc;
}

/* From the place itself to the end of the transaction that is read next: a frame or a few, however
 * much stands before. next: the segment behind the place's, 0: there is none. known stays false
 * where the segment is not as it was when the place was noted (merged). */
static leat_rc walk_on(leat_walk *w, const char *dir, const leat_place *at, uint64_t next,
                       leat_arena *a, leat_behind *out, uint64_t visible, bool *known, leat_err *e)
{
    uint64_t sum = 0;
    int64_t oldest = INT64_MIN;
    w->at = *at;
    w->chained = true;
    for (;;) {
        leat_frame f;
        leat_str meta;
        leat_seen seen;
        leat_frame_data d;
        LEAT_TRY(leat_walk_peek(w, &f, &meta, &seen, e));
        if (seen == LEAT_SEEN_BLANK && next > 0) {
            leat_rc rc = hop(w, dir, next, e);
            if (rc != LEAT_OK) return rc;
            next = 0;
            at = NULL;
            continue;
        }
        if (seen == LEAT_SEEN_BLANK) *known = at != NULL; /* no whole transaction comes */
        if (seen != LEAT_SEEN_FRAME) return LEAT_OK;
        leat_arena_reset(a, 1 << 16);
        bool data = f.type == LEAT_FRAME_DATA && leat_frame_get_data(meta, &f, true, a, &d);
        if (data && d.events > 0 && oldest == INT64_MIN) oldest = oldest_of(&d);
        if (data) sum += d.events;
        if (data && (f.flags & LEAT_FRAME_END) && sum > 0) {
            if (d.reach.visible < sum) return LEAT_OK;
            uint64_t before = d.reach.visible - sum;
            out->oldest_us = oldest;
            out->events = visible > before ? visible - before : 0;
            *known = true;
            return LEAT_OK;
        }
        leat_walk_pass(w, &f);
    }
}

/* Bytes of segments from a place on; *first: the one to look into, *next: the one behind it. */
static leat_rc measure(const char *dir, const leat_place *at, uint64_t *first, uint64_t *next,
                       int64_t *bytes, leat_arena *a, leat_err *e)
{
    const leat_os *os = leat_os_now();
    uint64_t *numbers;
    size_t n;
    LEAT_TRY(leat_segment_list(dir, a, &numbers, &n, e));
    *bytes = 0;
    *first = 0;
    *next = 0;
    for (size_t i = 0; i < n; i++) {
        char path[LEAT_PATH_MAX];
        if (numbers[i] < at->segment) continue;
        if (*first == 0) {
            *first = numbers[i];
            *next = i + 1 < n ? numbers[i + 1] : 0;
        }
        leat_segment_path(dir, numbers[i], path);
        int fd = os->open(path, LEAT_O_READ, 0);
        int64_t size = fd < 0 ? 0 : os->size(fd);
        os->close(fd);
        if (numbers[i] == at->segment) size -= at->offset;
        if (size > 0) *bytes += size;
    }
    return LEAT_OK;
}

/* From the segment's beginning. */
static leat_rc behind_of_segment(leat_walk *w, const char *dir, uint64_t first, uint64_t number,
                                 uint64_t visible, leat_arena *a, leat_behind *out, leat_err *e)
{
    leat_place behind;
    leat_frame_segment s;
    leat_rc rc = leat_recover_opening(dir, first, a, &s, &behind, e);
    if (rc != LEAT_OK) return rc;
    uint64_t before = s.reach.visible;
    rc = leat_walk_open(w, dir, first, e);
    if (rc != LEAT_OK) return rc;
    w->at = behind;
    LEAT_TRY(walk(w, number, a, &before, &out->oldest_us, e));
    out->events = visible > before ? visible - before : 0;
    return LEAT_OK;
}

leat_rc leat_readers_behind(const char *dir, const leat_stream_reader *r, uint64_t visible,
                            leat_behind *out, leat_err *e)
{
    leat_place at = furthest(r);
    leat_arena a = {0};
    leat_walk w;
    bool known = false;
    uint64_t first = 0, next = 0;
    *out = (leat_behind){.events = visible, .oldest_us = INT64_MIN};
    leat_walk_init(&w);
    leat_rc rc = measure(dir, &at, &first, &next, &out->bytes, &a, e);
    if (rc == LEAT_OK && first != 0 && first == at.segment && at.offset > 0) {
        out->events = 0;
        rc = leat_walk_open(&w, dir, first, e);
        if (rc == LEAT_OK) rc = walk_on(&w, dir, &at, next, &a, out, visible, &known, e);
    }
    if (!leat_rc_failed(rc) && first != 0 && !known)
        rc = behind_of_segment(&w, dir, first, at.number, visible, &a, out, e);
    leat_walk_free(&w);
    leat_arena_free(&a);
    return leat_rc_failed(rc) ? rc : LEAT_OK;
}
