/* The embedded stream: opening, with lock and recovery, and closing (stream/stream.h).
 *
 * The lock file names the process that holds it. A reader takes the lock for an instant to learn
 * whether a writer lives, so it is tried for a moment. What recovery found above the mark is cut,
 * and then a new segment begun: bytes that a dying process or disk left are not written over.
 *
 * Closing in order adds a frame without events: it says that all before it had been promised, so
 * that the next start has nothing to prove and damage at the end would be noticed. Run by the
 * thread that appends. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "stream/embedded.h"
#include "stream/page.h"
#include "stream/topics.h"

enum { LOCK_WAIT_US = 200000, EVENT_BYTES = 128 };
enum { FRAME_BYTES = 1 << 20, FRAME_MOST = 256 << 20 };
#define SEGMENT_BYTES (INT64_C(64) << 20)

static leat_rc locked(const char *path, leat_err *e)
{
    leat_buf text = {0};
    leat_os_load(path, &text, 64);
    leat_str pid = leat_str_trim(leat_buf_str(&text));
    leat_rc rc =
        leat_fail(e, LEAT_CONF, "stream.locked", path,
                  "the stream is being written by another process (%s%.*s); stop that one, "
                  "or give this connector another name or data folder",
                  pid.len > 0 ? "pid " : "unknown", (int)pid.len, pid.s);
    leat_buf_free(&text);
    return rc;
}

static leat_rc take_lock(leat_embedded *s, leat_err *e)
{
    const leat_os *os = leat_os_now();
    int flags = LEAT_O_READ | LEAT_O_WRITE | LEAT_O_CREATE;
    s->lock = leat_os_lock(s->lock_path, flags, LOCK_WAIT_US);
    if (s->lock == -EWOULDBLOCK) return locked(s->lock_path, e);
    if (s->lock < 0) return leat_os_fail(e, s->lock, "lock", s->lock_path);
    char text[32];
    int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    int rc = os->truncate(s->lock, 0);
    if (rc == 0) rc = leat_os_write_all(s->lock, text, (size_t)n, 0);
    if (rc < 0 && rc != -ENOSPC) return leat_os_fail(e, rc, "write", s->lock_path);
    return LEAT_OK;
}

static leat_rc begin(leat_embedded *s, leat_err *e)
{
    LEAT_TRY(leat_writer_rotate(&s->w, NULL, e));
    LEAT_TRY(leat_writer_sync(&s->w, e));
    s->w.mark = s->w.end;
    return LEAT_OK;
}

/* Before its first frame of all. */
static leat_rc make(leat_embedded *s, uint64_t first, leat_err *e)
{
    s->w.at = (leat_place){.segment = first - 1, .number = first - 1};
    s->w.mark = s->w.end = s->w.at;
    return begin(s, e);
}

static leat_rc go_on(leat_embedded *s, const leat_found *found, leat_err *e)
{
    LEAT_TRY(leat_recover_prove(s->w.dir, found, e));
    LEAT_TRY(leat_recover_state(s->w.dir, &found->mark, &s->w.has, e));
    LEAT_TRY(leat_recover_cut(s->w.dir, found, e));
    uint64_t older = found->bytes - (uint64_t)found->mark.offset;
    LEAT_TRY(leat_writer_resume(&s->w, &found->mark, older, e));
    leat_log(LEAT_INFO, "stream.opened",
             "segments=%" PRIu64 " frame=%" PRIu64 " events=%" PRIu64 " clean=%s",
             found->mark.segment - found->first + 1, found->mark.number, s->w.has.reach.visible,
             found->clean ? "yes" : "no");
    return found->clean ? LEAT_OK : begin(s, e);
}

static leat_rc recover(leat_embedded *s, uint64_t first, leat_err *e)
{
    leat_found found;
    uint64_t promised = s->page != NULL ? atomic_load(&s->page->mark_frame) : 0;
    leat_rc rc = leat_recover_find(s->w.dir, promised, &found, e);
    if (rc == LEAT_AGAIN) return make(s, first, e);
    LEAT_TRY(rc);
    if (found.mark.segment != 0) return go_on(s, &found, e);
    if (found.first != first && found.first != 1) { /* 1: an older leat's spool */
        leat_walk w = {.at.segment = found.first, .why = "no segment begins with a checkpoint"};
        leat_segment_path(s->w.dir, found.first, w.path);
        return leat_walk_damaged(&w, e);
    }
    LEAT_TRY(leat_recover_cut(s->w.dir, &found, e)); /* of a first start that was cut short */
    return make(s, first, e);
}

static leat_rc oldest_offsets(const leat_embedded *s, leat_names *out, leat_err *e)
{
    leat_arena a = {0};
    leat_frame_segment oldest = {0};
    uint64_t *numbers = NULL;
    size_t n = 0;
    leat_rc rc = leat_segment_list(s->w.dir, &a, &numbers, &n, e);
    if (rc == LEAT_OK && n > 0)
        rc = leat_recover_opening(s->w.dir, numbers[0], &a, &oldest, NULL, e);
    for (uint32_t i = 0; i < oldest.ntopics && rc == LEAT_OK; i++) {
        uint32_t at = leat_names_put(out, oldest.topics[i].name);
        out->next[at] = oldest.topics[i].next;
    }
    leat_arena_free(&a);
    return rc;
}

/* The topics of which records are held are this connector's, even if somebody removed its claims.
 */
static leat_rc reclaim(leat_embedded *s, leat_err *e)
{
    leat_names first = {0};
    leat_arena a = {0};
    size_t count = 0;
    const leat_names *names = &s->w.has.names;
    if (names->n == 0) return LEAT_OK;
    const char **topics = LEAT_NEW(&a, const char *, names->n);
    leat_rc rc = oldest_offsets(s, &first, e);
    for (uint32_t i = 0; i < names->n; i++) {
        uint32_t at = leat_names_find(&first, names->v[i].name);
        if (names->next[i] > (at == LEAT_MAP_NONE ? 0 : first.next[at]))
            topics[count++] = names->v[i].name.s;
    }
    if (rc == LEAT_OK) rc = leat_topics_reclaim(s->data, topics, count, s->connector, e);
    leat_names_free(&first);
    leat_arena_free(&a);
    return rc;
}

static leat_rc merge(leat_embedded *s, const leat_embedded_conf *conf, leat_err *e)
{
    leat_merge_conf merge = {
        .dir = s->w.dir,
        .frame_bytes = s->frame_bytes,
        .small = conf->merge_small,
        .gain = conf->merge_gain,
    };
    if (conf->merge == LEAT_MERGING_OFF) return LEAT_OK;
    LEAT_TRY(leat_merger_start(&merge, conf->merge == LEAT_MERGING_ON, &s->merger, e));
    leat_merger_reach(s->merger, s->w.mark.segment);
    return LEAT_OK;
}

static leat_rc set_up(leat_embedded *s, const leat_embedded_conf *conf, leat_err *e)
{
    char path[LEAT_PATH_MAX];
    LEAT_TRY(leat_segment_folder(conf->data, conf->connector, "stream/lock", path, e));
    s->lock_path = leat_strdup(path);
    LEAT_TRY(leat_segment_folder(conf->data, conf->connector, "stream", s->w.dir, e));
    s->data = leat_strdup(conf->data);
    s->connector = leat_strdup(conf->connector);
    s->claims = (leat_claims){.data = s->data, .connector = s->connector};
    s->w.connector = s->connector;
    s->w.segment_bytes = conf->segment_bytes > 0 ? conf->segment_bytes : SEGMENT_BYTES;
    s->frame_bytes = conf->frame_bytes > 0 ? (size_t)conf->frame_bytes : FRAME_BYTES;
    if (s->frame_bytes > FRAME_MOST) s->frame_bytes = FRAME_MOST;
    s->w.reserve_bytes = conf->reserve_bytes;
    s->w.compression = conf->compression;
    s->page = conf->page;
    int rc = leat_os_mkdirs(s->w.dir, 0700);
    if (rc < 0) return leat_os_fail(e, rc, "make the folder", s->w.dir);
    LEAT_TRY(take_lock(s, e));
    LEAT_TRY(leat_merge_clean(s->w.dir, e));
    LEAT_TRY(recover(s, conf->first > 0 ? conf->first : 1, e));
    LEAT_TRY(reclaim(s, e));
    /* recovery itself is not bound */
    leat_retention_begin(&s->w.keep, &conf->retention, s->data, s->w.dir);
    return merge(s, conf, e);
}

static void release(leat_embedded *s)
{
    leat_merger_stop(s->merger);
    leat_writer_free(&s->w);
    leat_os_now()->close(s->lock);
    leat_draft_free(&s->d);
    leat_reach_free(&s->visible);
    leat_reach_free(&s->before);
    leat_free(s->batch.next);
    leat_free(s->safe.next);
    leat_free(s->fresh.next);
    leat_topics_claims_free(&s->claims);
    leat_free(s->data);
    leat_free(s->connector);
    leat_free(s->lock_path);
    leat_free(s);
}

leat_rc leat_embedded_open(const leat_embedded_conf *conf, leat_stream **out, leat_err *e)
{
    leat_embedded *s = leat_zalloc(1, sizeof(*s));
    s->stream.ops = &leat_embedded_ops;
    s->lock = -1;
    s->last_row = LEAT_MAP_NONE;
    s->event_bytes = EVENT_BYTES;
    leat_writer_init(&s->w);
    leat_reach_init(&s->visible);
    leat_reach_init(&s->before);
    leat_draft_clear(&s->d);
    leat_rc rc = set_up(s, conf, e);
    if (rc != LEAT_OK) {
        release(s);
        return rc;
    }
    leat_embedded_show(s);
    *out = &s->stream;
    return LEAT_OK;
}

void leat_embedded_close(leat_embedded *s)
{
    leat_merger_rest(s->merger);
    if (!s->w.broken) leat_embedded_put_merged(s);
    bool all_visible = s->w.at.number == s->w.mark.number && s->d.events == 0 && !s->now.dirty;
    if (!s->w.broken && all_visible) {
        s->now.dirty = s->framed;
        if (leat_embedded_commit(s, NULL) == LEAT_OK) /* room that was reserved goes back */
            leat_os_now()->truncate(s->w.fd, s->w.at.offset);
    }
    release(s);
}
