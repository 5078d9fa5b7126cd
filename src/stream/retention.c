/* Retention (stream/retention.h).
 *
 * The age of a segment is the age of its end: the moment at which the next one was begun, by this
 * machine's clock, as the next one's first frame says. Commit times of the source do not matter:
 * they may jump, and a snapshot's rows are old when they are new.
 *
 * The readers' places are read and the segments removed under the readers' lock. The folder is
 * synced after each removal, so that a crash leaves no hole; and before the first one, since the
 * process before may have died in between. Who reads a removed segment goes on in its open file.
 *
 * Inside of a transaction that is larger than the bound the stream goes beyond it: what stands
 * above the mark cannot be removed, and readers cannot pass it before the transaction ends. */
#include "stream/retention.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "stream/recover.h"

enum { LOCK_US = 200000, ROLL_LEAST_MS = 1000, NAMED_MOST = 3 };
#define TELL_US INT64_C(3600000000)
#define SLEEPS_US INT64_C(86400000000)

enum { FREE_PART = 50, FREE_MOST = 1 << 30 }; /* of the disk, and at most, stay free by default */

/* One look at the stream, while the readers' lock is held. */
typedef struct look {
    leat_retention *k;
    leat_arena a;
    uint64_t *numbers; /* segments from at on, n in all */
    int64_t *sizes;
    size_t at, n;
    int64_t total; /* bytes of them, but the newest */
    leat_stream_reader *readers;
    uint64_t keep; /* this segment and later ones stay, whatever happens */
    int lock;
} look;

void leat_retention_begin(leat_retention *k, const leat_retention_conf *conf, const char *data,
                          const char *dir)
{
    *k = (leat_retention){.conf = *conf, .dir = dir, .data = data, .unsynced = true};
}

/* ---- looking ---- */

static leat_rc measure(look *l, uint64_t newest, leat_err *e)
{
    const leat_os *os = leat_os_now();
    l->sizes = LEAT_NEW(&l->a, int64_t, l->n + 1);
    for (size_t i = 0; i < l->n && l->numbers[i] < newest; i++) {
        char path[LEAT_PATH_MAX];
        leat_segment_path(l->k->dir, l->numbers[i], path);
        int fd = os->open(path, LEAT_O_READ, 0);
        int64_t size = fd < 0 ? fd : os->size(fd);
        os->close(fd);
        if (size < 0) return leat_os_fail(e, (int)size, "look at", path);
        l->sizes[i] = size;
        l->total += size;
    }
    return LEAT_OK;
}

static leat_rc look_open(look *l, leat_retention *k, const leat_place *mark, uint64_t newest,
                         leat_err *e)
{
    *l = (look){.k = k, .lock = -1, .keep = mark->segment < newest ? mark->segment : newest};
    LEAT_TRY(leat_segment_list(k->dir, &l->a, &l->numbers, &l->n, e));
    LEAT_TRY(measure(l, newest, e));
    LEAT_TRY(leat_readers_lock(k->dir, LOCK_US, &l->lock, e));
    return leat_readers_list(k->dir, &l->a, &l->readers, e);
}

static void look_close(look *l)
{
    leat_os_now()->close(l->lock);
    leat_arena_free(&l->a);
}

/* The oldest segment may go as far as marks are concerned: it has a successor below the mark's. */
static bool oldest_is_past(const look *l)
{
    return l->at + 1 < l->n && l->numbers[l->at] < l->keep;
}

/* What the first frame behind the oldest segment says. */
static leat_rc know_next(look *l, leat_err *e)
{
    leat_retention *k = l->k;
    uint64_t next = l->numbers[l->at] + 1;
    leat_frame_segment s;
    leat_place behind;
    leat_arena a = {0};
    if (k->known == next) return LEAT_OK;
    leat_rc rc = leat_recover_opening(k->dir, next, &a, &s, &behind, e);
    if (rc == LEAT_OK) {
        k->known = next;
        k->known_number = behind.number;
        k->known_us = s.created_us;
    }
    leat_arena_free(&a);
    if (rc != LEAT_AGAIN) return rc;
    return leat_fail(e, LEAT_RETRY, "stream.changed", k->dir,
                     "segment %" PRIu64 " was there a moment ago and is not now", next);
}

static bool holds(const look *l, const leat_stream_reader *r)
{
    return leat_readers_need(r, l->numbers[l->at], l->k->known_number - 1);
}

/* The first reader that holds the oldest segment; NULL: none. After know_next. */
static const leat_stream_reader *holder_of(const look *l)
{
    const leat_stream_reader *r = l->readers;
    while (r != NULL && !holds(l, r)) r = r->next;
    return r;
}

/* ---- removing ---- */

static leat_rc sync_folder(leat_retention *k, leat_err *e)
{
    int rc = leat_os_now()->sync_dir(k->dir);
    if (rc < 0) return leat_os_fail(e, rc, "sync the folder", k->dir);
    k->unsynced = false;
    return LEAT_OK;
}

static leat_rc remove_oldest(look *l, const char *why, leat_err *e)
{
    leat_retention *k = l->k;
    const leat_stream_reader *r = holder_of(l);
    char path[LEAT_PATH_MAX];
    leat_segment_path(k->dir, l->numbers[l->at], path);
    if (k->unsynced) LEAT_TRY(sync_folder(k, e));
    if (r != NULL)
        leat_log(LEAT_WARN, "stream.retention_forced", "file=%s sink=\"%s\" had not read it", path,
                 r->sink);
    int rc = LEAT_FAULT(stream_unlink);
    if (rc == 0) rc = leat_os_now()->unlink(path);
    if (rc != 0 && rc != -ENOENT) return leat_os_fail(e, rc, "remove", path);
    k->unsynced = true;
    int64_t size = l->sizes[l->at];
    k->removed_bytes += (uint64_t)size;
    l->total -= size;
    l->at++;
    leat_log(LEAT_INFO, "stream.removed", "file=%s bytes=%" PRId64 " by=%s", path, size, why);
    return sync_folder(k, e);
}

/* AGAIN: the oldest segment stays: it is needed, or cannot go at all. */
static leat_rc try_oldest(look *l, const char *why, leat_err *e)
{
    if (!oldest_is_past(l)) return LEAT_AGAIN;
    LEAT_TRY(know_next(l, e));
    if (!l->k->conf.force && holder_of(l) != NULL) return LEAT_AGAIN;
    return remove_oldest(l, why, e);
}

static leat_rc remove_old(look *l, leat_err *e)
{
    const leat_retention_conf *conf = &l->k->conf;
    leat_rc rc = LEAT_OK;
    while (conf->ms > 0 && rc == LEAT_OK && oldest_is_past(l)) {
        LEAT_TRY(know_next(l, e));
        if (leat_now_us() - l->k->known_us < conf->ms * 1000) break;
        rc = try_oldest(l, "retention.ms", e);
    }
    return leat_rc_failed(rc) ? rc : LEAT_OK;
}

/* ---- full ---- */

static void put_size(leat_buf *out, int64_t bytes)
{
    if (bytes >= INT64_C(10) << 30)
        leat_buf_printf(out, "%" PRId64 " GiB", bytes >> 30);
    else if (bytes >= INT64_C(10) << 20)
        leat_buf_printf(out, "%" PRId64 " MiB", bytes >> 20);
    else
        leat_buf_printf(out, "%" PRId64 " bytes", bytes);
}

static void put_age(leat_buf *out, int64_t us)
{
    int64_t s = us / 1000000;
    if (s >= 2 * 86400)
        leat_buf_printf(out, "%" PRId64 " days", s / 86400);
    else if (s >= 2 * 3600)
        leat_buf_printf(out, "%" PRId64 " hours", s / 3600);
    else if (s >= 120)
        leat_buf_printf(out, "%" PRId64 " minutes", s / 60);
    else
        leat_buf_printf(out, "%" PRId64 " s", s);
}

static void put_holder(const look *l, const leat_stream_reader *r, uint64_t visible, leat_buf *out)
{
    leat_behind behind;
    leat_buf_printf(out, "%s", r->sink);
    if (r->fault != NULL) {
        leat_buf_printf(out, " (its cursor: %s)", r->fault);
        return;
    }
    if (leat_rc_failed(leat_readers_behind(l->k->dir, r, visible, &behind, NULL))) return;
    leat_buf_printf(out, " (%" PRIu64 " events, ", behind.events);
    put_size(out, behind.bytes);
    if (behind.oldest_us != INT64_MIN && leat_now_us() > behind.oldest_us) {
        leat_buf_str_z(out, ", ");
        put_age(out, leat_now_us() - behind.oldest_us);
    }
    leat_buf_str_z(out, " behind)");
}

/* "sink a (...), b (...)"; empty: nobody holds the oldest. */
static void put_holders(const look *l, uint64_t visible, leat_buf *out)
{
    unsigned n = 0;
    for (const leat_stream_reader *r = l->readers; r != NULL; r = r->next) {
        if (!holds(l, r)) continue;
        if (n < NAMED_MOST) {
            leat_buf_str_z(out, n == 0 ? "sink " : ", ");
            put_holder(l, r, visible, out);
        }
        n++;
    }
    if (n > NAMED_MOST) leat_buf_printf(out, " and %u more", n - NAMED_MOST);
}

static leat_rc held(const look *l, int64_t want, uint64_t visible, leat_err *e)
{
    leat_buf who = {0};
    put_holders(l, visible, &who);
    const char *first = holder_of(l)->sink;
    leat_rc rc = leat_fail(
        e, LEAT_RETRY, "stream.retention_held", first,
        "the stream would take %" PRId64 " bytes, retention.bytes are %" PRId64
        ", and its oldest segment is still needed by %.*s. The source waits and goes on by itself: "
        "start the sink, or remove it (leat delete %s), or raise retention.bytes; "
        "retention.force=true drops what a sink has not read",
        want, l->k->conf.bytes, LEAT_STR_ARG(leat_buf_str(&who)), first);
    leat_buf_free(&who);
    return rc;
}

static leat_rc low(const look *l, int64_t room, int64_t need, int64_t least, uint64_t visible,
                   leat_err *e)
{
    leat_buf who = {0};
    if (oldest_is_past(l)) {
        leat_buf_str_z(&who, "The oldest segment is still needed by ");
        put_holders(l, visible, &who);
    } else {
        leat_buf_str_z(&who, "There is no segment that could be removed");
    }
    leat_rc rc = leat_fail(
        e, LEAT_RETRY, "stream.disk_low", l->k->dir,
        "the disk has %" PRId64 " bytes left; another segment takes %" PRId64 ", and %" PRId64
        " are to stay free (stream.free.bytes). %.*s. The source waits and goes on "
        "by itself: make room on the disk, start the sinks, or lower segment.bytes or "
        "stream.free.bytes",
        room, need, least, LEAT_STR_ARG(leat_buf_str(&who)));
    leat_buf_free(&who);
    return rc;
}

static leat_rc keep_bound(look *l, int64_t used, int64_t need, uint64_t visible, leat_err *e)
{
    leat_retention *k = l->k;
    while (k->conf.bytes > 0 && l->total + used + need > k->conf.bytes) {
        leat_rc rc = try_oldest(l, "retention.bytes", e);
        LEAT_TRY(rc);
        if (rc != LEAT_AGAIN) continue;
        if (oldest_is_past(l)) return held(l, l->total + used + need, visible, e);
        if (!k->over)
            leat_log(LEAT_WARN, "stream.over_bound",
                     "bytes=%" PRId64 " retention.bytes=%" PRId64
                     " a transaction is larger than the bound; the stream goes beyond it",
                     l->total + used + need, k->conf.bytes);
        k->over = true;
        return LEAT_OK;
    }
    k->over = false;
    return LEAT_OK;
}

/* Sizes of what was removed count as room at once: who still has such a file open delays that only.
 */
static leat_rc keep_free(look *l, int64_t need, uint64_t visible, leat_err *e)
{
    int64_t total = 0, least = l->k->conf.free_bytes;
    if (least == 0) return LEAT_OK;
    int64_t room = leat_os_now()->room(l->k->dir, &total);
    if (least < 0) least = total / FREE_PART < FREE_MOST ? total / FREE_PART : FREE_MOST;
    while (room >= 0 && room - need < least) {
        int64_t was = l->total;
        leat_rc rc = try_oldest(l, "stream.free.bytes", e);
        LEAT_TRY(rc);
        if (rc == LEAT_AGAIN) return low(l, room, need, least, visible, e);
        room += was - l->total;
    }
    return LEAT_OK;
}

leat_rc leat_retention_room(leat_retention *k, const leat_place *mark, uint64_t newest,
                            int64_t used, int64_t need, uint64_t visible, leat_err *e)
{
    look l;
    const leat_retention_conf *conf = &k->conf;
    if (k->dir == NULL || (conf->ms <= 0 && conf->bytes <= 0 && conf->free_bytes == 0))
        return LEAT_OK;
    leat_rc rc = look_open(&l, k, mark, newest, e);
    if (rc == LEAT_OK) rc = remove_old(&l, e);
    if (rc == LEAT_OK) rc = keep_bound(&l, used, need, visible, e);
    if (rc == LEAT_OK) rc = keep_free(&l, need, visible, e);
    look_close(&l);
    return rc;
}

/* ---- by time ---- */

void leat_retention_tend(leat_retention *k, const leat_place *mark, uint64_t newest)
{
    look l;
    leat_err err;
    if (k->dir == NULL || k->conf.ms <= 0) return;
    bool due = k->known == 0 || leat_now_us() - k->known_us >= k->conf.ms * 1000;
    if (!due) return;
    leat_rc rc = look_open(&l, k, mark, newest, &err);
    if (rc == LEAT_OK) rc = remove_old(&l, &err);
    look_close(&l);
    if (leat_rc_failed(rc)) leat_log(LEAT_WARN, err.code, "where=\"%s\" %s", err.where, err.msg);
}

static void know_begun(leat_retention *k, uint64_t newest)
{
    leat_frame_segment s;
    leat_arena a = {0};
    if (leat_recover_opening(k->dir, newest, &a, &s, NULL, NULL) == LEAT_OK) {
        k->begun = newest;
        k->begun_us = s.created_us;
    }
    leat_arena_free(&a);
}

bool leat_retention_roll_due(leat_retention *k, uint64_t newest)
{
    int64_t ms = k->conf.segment_ms;
    if (k->conf.ms > 0 && (ms <= 0 || k->conf.ms < ms)) ms = k->conf.ms;
    if (ms > 0 && ms < ROLL_LEAST_MS) ms = ROLL_LEAST_MS;
    if (k->dir == NULL || ms <= 0) return false;
    if (k->begun != newest) know_begun(k, newest);
    return k->begun == newest && leat_now_us() - k->begun_us >= ms * 1000;
}

/* ---- who sleeps ---- */

static void tell_one(const leat_retention *k, const leat_stream_reader *r, uint64_t visible)
{
    leat_behind behind;
    char iso[LEAT_ISO_MAX];
    if (!leat_readers_exists(k->data, r->sink)) {
        leat_log(LEAT_WARN, "stream.reader_absent",
                 "sink=\"%s\" segments are kept for it, and it is no connector any more", r->sink);
        return;
    }
    if (leat_rc_failed(leat_readers_behind(k->dir, r, visible, &behind, NULL))) return;
    if (behind.oldest_us == INT64_MIN || leat_now_us() - behind.oldest_us < SLEEPS_US) return;
    leat_log(LEAT_WARN, "stream.reader_behind",
             "sink=\"%s\" segments are kept for it: events=%" PRIu64 " bytes=%" PRId64 " oldest=%s",
             r->sink, behind.events, behind.bytes, leat_iso_us(behind.oldest_us, 0, iso));
}

void leat_retention_tell(leat_retention *k, uint64_t newest, uint64_t visible)
{
    leat_arena a = {0};
    leat_stream_reader *readers = NULL;
    int64_t now = leat_mono_us();
    if (k->dir == NULL || k->conf.own || (k->told_us != 0 && now - k->told_us < TELL_US)) return;
    k->told_us = now;
    if (leat_readers_list(k->dir, &a, &readers, NULL) != LEAT_OK) readers = NULL;
    for (const leat_stream_reader *r = readers; r != NULL; r = r->next)
        if (newest > 1 && leat_readers_need(r, newest - 1, 0)) tell_one(k, r, visible);
    leat_arena_free(&a);
}
