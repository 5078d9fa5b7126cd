/* The spool: where events are durable while Kafka is away.
 *
 * It is an embedded stream in a data folder of its own, data/connectors/NAME/spool/EPISODE, which
 * is there only as long as it is needed. To go to it: what is acknowledged is saved; the spool is
 * made, and its first frame says where the stream stands and in which episode; what is on its way
 * is appended and synced. From then on its frames are the truth about positions. What is on its way
 * stays there and is still reported; behind it the spool is read on and sent, and its cursor saved,
 * until the reader is at the end and all is reported: then one save ends the episode, and the spool
 * goes.
 *
 * A spool is in force exactly if its episode is the store's, in its name and in its frames:
 * whatever a crash left of one that was finished, or never begun, is removed, in whatever state it
 * is. Run by the stream's thread. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "stream/kafka/part.h"
#include "stream/page.h"

enum {
    RETAIN_MS = 10000,       /* what is delivered goes so long after its segment was closed */
    DOWN_US = 2000000,       /* away_us if the client knows that no broker can be reached */
    ENTER_US = 1000000,      /* between two tries to go to the spool */
    HOLD_US = 500000,        /* appends wait at most so long for the last reports ... */
    HOLD_AGAIN_US = 2000000, /* ... and then not for so long */
    SEGMENT_MOST = 16 << 20,
    SEGMENT_LEAST = 4096,
    FULL_PART = 8,
};

/* ---- the folder ---- */

static void name_spool(leat_kafka *k)
{
    leat_arena a = {0};
    leat_free(k->spool_data);
    k->spool_data = leat_strdup(leat_kafka_left_folder(k->data, k->connector, k->episode, &a));
    leat_arena_free(&a);
}

static leat_rc open_spool(leat_kafka *k, leat_err *e)
{
    name_spool(k);
    int64_t segment = k->conf.segment_bytes;
    int64_t most = k->conf.spool_bytes / FULL_PART;
    if (segment == 0 || segment > most) segment = most;
    if (segment > SEGMENT_MOST) segment = SEGMENT_MOST;
    if (segment < SEGMENT_LEAST) segment = SEGMENT_LEAST;
    if (k->spool_page == NULL) k->spool_page = leat_zalloc(1, LEAT_PAGE_SIZE);
    memset((void *)k->spool_page, 0, LEAT_PAGE_SIZE);
    leat_page_begin(k->spool_page);
    leat_embedded_conf conf = {
        .data = k->spool_data,
        .connector = LEAT_KAFKA_SPOOL_NAME,
        .page = k->spool_page,
        .segment_bytes = segment,
        .first = k->episode,
        .frame_bytes = k->conf.frame_bytes,
        .compression = k->conf.compression,
        .retention = {.bytes = k->conf.spool_bytes, .ms = RETAIN_MS, .free_bytes = -1, .own = true},
    };
    return leat_embedded_open(&conf, &k->spool, e);
}

static leat_rc open_reader(leat_kafka *k, leat_from from, leat_err *e)
{
    leat_reader_conf conf = {
        .data = k->spool_data,
        .connector = LEAT_KAFKA_SPOOL_NAME,
        .page = k->spool_page,
        .from = from,
        .cursor = {k->books.cursor, k->books.cursor_len},
    };
    k->drained = false;
    k->to_skip = k->books.skip;
    leat_kafka_drop_arm(k);
    return leat_reader_open(&conf, &k->reader, e);
}

void leat_kafka_spool_close(leat_kafka *k)
{
    leat_reader_close(k->reader);
    k->reader = NULL;
    leat_kafka_forget(k); /* the reader's tables are gone */
    if (k->spool) k->spool->ops->close(k->spool);
    k->spool = NULL;
    k->unkept = false;
}

/* What the spool still has to keep: as a sink tells it (stream/readers.h). */
static leat_rc keep(leat_kafka *k, leat_err *e)
{
    char path[LEAT_PATH_MAX], text[LEAT_PLACE_TEXT + 64];
    LEAT_TRY(leat_segment_folder(k->spool_data, LEAT_KAFKA_SPOOL_NAME, "stream/readers", path, e));
    int rc = leat_os_mkdirs(path, 0700);
    size_t len = strlen(path);
    snprintf(path + len, sizeof path - len, "/" LEAT_KAFKA_SPOOL_NAME);
    int n = snprintf(text, sizeof text, "{\"inputs\":[{\"cursor\":\"%.*s\"}]}",
                     (int)k->books.cursor_len, k->books.cursor);
    if (rc == 0) rc = leat_os_store(path, (leat_str){text, (size_t)n}, 0600);
    return rc < 0 ? leat_os_fail(e, rc, "note what is needed in", path) : LEAT_OK;
}

void leat_kafka_spool_release(leat_kafka *k)
{
    leat_err why;
    k->unkept = leat_rc_failed(keep(k, &why));
    if (k->unkept) leat_log_err(LEAT_WARN, &why); /* it keeps more than needed */
}

/* ---- going there ---- */

/* With exactly once the window is empty in the spool: the producer shows that Kafka is back. */
static bool able(const leat_kafka *k)
{
    leat_once_state state = k->once.state;
    return (state == LEAT_ONCE_IDLE || state == LEAT_ONCE_OPEN) && !k->once.reset &&
           !k->broker->ops->down(k->broker, NULL);
}

bool leat_kafka_away(const leat_kafka *k)
{
    int64_t limit = k->conf.away_us;
    if (k->nparcels == 0) return leat_kafka_once(k) && k->phase == LEAT_KAFKA_SPOOL && !able(k);
    if (limit > DOWN_US && k->broker->ops->down(k->broker, NULL)) limit = DOWN_US;
    return leat_mono_us() - k->moved_us >= limit;
}

/* The parcel's events that are not delivered, as the batch that they came in. Those that were
 * refused stand in the spool as if they had not been, since other records of them may be on their
 * way; here they are among those that the spool's totals do not know. */
static void rebuild(leat_kafka *k, leat_parcel *p)
{
    uint32_t from = p->taken ? p->nsafe : 0, to = p->cut ? p->nsafe : p->n;
    leat_batch *b = &k->batch;
    leat_kafka_decode(k, p, 0);
    b->counts = p->counts;
    b->safe_counts = p->safe_counts;
    p->moved = (leat_counts){0};
    for (uint32_t i = 0; i < p->dead.n; i++) {
        uint32_t at = p->dead.v[i];
        if (at < from || at >= to) continue;
        leat_kafka_count_dead(&b->counts, &b->ev[at], false);
        if (at < p->nsafe) leat_kafka_count_dead(&b->safe_counts, &b->ev[at], false);
        if (at < p->nsafe || !p->comes_again) leat_kafka_count_dead(&p->moved, &b->ev[at], true);
    }
    if (p->drop_dead > 0) { /* they are told apart again when they are read */
        b->counts.appended += p->drop_dead;
        b->counts.dead -= p->drop_dead;
        if (p->drop_safe) {
            b->safe_counts.appended += p->drop_dead;
            b->safe_counts.dead -= p->drop_dead;
        }
    }
    if (from > 0) memmove(b->ev, b->ev + from, (to - from) * sizeof *b->ev);
    b->n = to - from;
    b->nsafe = p->nsafe - from;
    b->safe = (leat_position){0};
    if (p->taken) leat_counts_sub(&b->counts, &b->safe_counts);
    if (p->taken) b->safe_counts = (leat_counts){0};
    if (!p->taken && p->offset.len > 0)
        b->safe = (leat_position){leat_buf_str(&p->partition), leat_buf_str(&p->offset)};
}

/* What stands behind the last safe place is read from the spool once its transaction ends; with
 * exactly once also what is behind that of a transaction in doubt, wherever the source's ends. */
static void mark_tails(leat_kafka *k)
{
    bool open = true;
    for (size_t i = k->nparcels; i-- > 0;) {
        leat_parcel *p = leat_kafka_parcel(k, i);
        if (k->once.doubt && i + 1 == k->once.parcels) open = true;
        p->comes_again = open;
        open = open && !p->safe;
    }
}

static leat_rc move_window(leat_kafka *k, leat_err *e)
{
    for (size_t i = 0; i < k->nparcels; i++) {
        leat_parcel *p = leat_kafka_parcel(k, i);
        rebuild(k, p);
        leat_str progress = {0};
        if (!p->taken && p->has_progress) progress = leat_buf_str(&p->progress);
        p->counted = p->comes_again ? k->batch.nsafe : k->batch.n;
        LEAT_TRY(k->spool->ops->append(k->spool, &k->batch, progress, e));
        k->spooled_events += k->batch.n;
    }
    return k->spool->ops->commit(k->spool, e);
}

static leat_rc begin(leat_kafka *k, leat_err *e)
{
    char offset[48];
    LEAT_TRY(leat_kafka_left_remove(k->data, k->connector, 0, e)); /* what a crash left */
    LEAT_TRY(open_spool(k, e));
    snprintf(offset, sizeof offset, "{\"episode\":%" PRIu64 "}", k->episode);
    leat_arena a = {0};
    leat_stream_state to = k->state;
    leat_position *pos = LEAT_NEW(&a, leat_position, to.npos + 1);
    if (to.npos > 0) memcpy(pos, to.pos, to.npos * sizeof *pos);
    pos[to.npos++] = (leat_position){leat_str_of(LEAT_KAFKA_SPOOL_PARTITION), leat_str_of(offset)};
    to.pos = pos;
    leat_rc rc = leat_embedded_restate(k->spool, &to, &k->books.popped, k->books.popped_events, e);
    leat_arena_free(&a);
    LEAT_TRY(rc);
    LEAT_TRY(keep(k, e));
    mark_tails(k);
    return move_window(k, e);
}

/* Episodes never come again, and a spool's frames have numbers from its episode on: blocks of one
 * that is gone, which the disk may show in a new one's, are then known by what they name. What a
 * crash took before it was saved the clock knows better than the store. */
static uint64_t next_episode(const leat_kafka *k)
{
    uint64_t now = (uint64_t)leat_now_us();
    return now > k->episode ? now : k->episode + 1;
}

/* One behind all frames of the spool. */
static uint64_t episode_behind(const leat_kafka *k)
{
    uint64_t last = k->spool != NULL ? k->spool->ops->state(k->spool)->frame : 0;
    return (last > k->episode ? last : k->episode) + 1;
}

/* It cannot be: what there is of it must never be taken for in force, once the stream has moved on.
 * Until then it tells the same as the store. */
static void give_up(leat_kafka *k)
{
    k->episode = episode_behind(k);
    leat_kafka_spool_close(k);
    k->unsaved = k->begun = true;
    k->spooled_events = 0;
}

void leat_kafka_spool_clear(leat_kafka *k)
{
    leat_err why;
    k->begun = false;
    if (leat_rc_failed(leat_kafka_left_remove(k->data, k->connector, 0, &why)))
        leat_log_err(LEAT_WARN, &why);
}

uint64_t leat_kafka_spool_events(const leat_kafka *k)
{
    uint64_t drained = k->books.drained_events;
    return k->spooled_events > drained ? k->spooled_events - drained : 0;
}

uint64_t leat_kafka_spool_frames(const leat_kafka *k)
{
    uint64_t frame = k->spool->ops->state(k->spool)->frame;
    return frame < k->episode ? frame : frame + 1 - k->episode; /* an older leat's begin with 1 */
}

int64_t leat_kafka_spool_bytes(const leat_kafka *k)
{
    if (k->spool == NULL) return 0;
    return (int64_t)(k->spool->ops->state(k->spool)->bytes + k->spool->ops->pending(k->spool));
}

/* All before it is delivered, and the end of an open transaction has no room: it never would have.
 * It is let go and comes again. A Kafka that is away now and then must not get its beginning for
 * ever: it does not enter a spool again. */
static bool lets_go(leat_kafka *k)
{
    bool end = k->phase == LEAT_KAFKA_DRAIN && k->tail && k->drained && k->nparcels == 0;
    k->straight = k->straight || end;
    return end;
}

/* The budget is used up. */
static leat_rc no_room(leat_kafka *k, leat_err *e)
{
    if (lets_go(k))
        return leat_fail(e, LEAT_RETRY, "spool.transaction", k->spool_data,
                         "a transaction is larger than spool.max.bytes=%" PRId64
                         ". Kafka is back: what the spool holds of it is let go, and it is read "
                         "again from its beginning, straight into Kafka",
                         k->conf.spool_bytes);
    return leat_fail(e, LEAT_RETRY, "spool.full", k->spool_data,
                     "the spool holds %" PRIu64 " events in %" PRId64
                     " bytes, and spool.max.bytes=%" PRId64
                     " is used up%s: the source waits, and its log grows, until Kafka takes what "
                     "is there. Bring Kafka back, or raise spool.max.bytes",
                     leat_kafka_spool_events(k), leat_kafka_spool_bytes(k), k->conf.spool_bytes,
                     k->tail ? ", by a transaction that has not ended too" : "");
}

static bool is_disk_full(const leat_err *why)
{
    return strcmp(why->code, "stream.disk_low") == 0 || strcmp(why->code, "os.enospc") == 0 ||
           strcmp(why->code, "os.edquot") == 0;
}

/* The stream's refusal, in the words of who set the budget. The next try finds room if what is
 * delivered was kept because that could not be noted; never ahead of what the store has. */
static leat_rc full(leat_kafka *k, leat_rc rc, const leat_err *why, leat_err *e)
{
    if (rc == LEAT_RETRY && strcmp(why->code, "stream.retention_held") == 0) {
        if (k->unkept && (leat_kafka_once(k) || !k->cursor_moved)) leat_kafka_spool_release(k);
        return no_room(k, e);
    }
    if (rc == LEAT_RETRY && is_disk_full(why) && lets_go(k))
        return leat_fail(e, LEAT_RETRY, "spool.transaction", k->spool_data,
                         "the disk has no room for the rest of a transaction: %s. Kafka is back: "
                         "what the spool holds of it is let go, and it is read again from its "
                         "beginning, straight into Kafka",
                         why->msg);
    if (leat_rc_failed(rc) && e != NULL) *e = *why;
    return rc;
}

/* What is on its way is in the spool too; the reader goes on behind it: at the last safe place,
 * since what follows that cannot be read yet. */
static leat_rc go_on_behind(leat_kafka *k, leat_err *e)
{
    LEAT_TRY(open_reader(k, LEAT_FROM_END, e));
    leat_str cursor = leat_reader_cursor(k->reader);
    for (size_t i = 0; i < k->nparcels; i++) leat_kafka_parcel(k, i)->spooled = true;
    leat_parcel *last = leat_kafka_parcel(k, k->nparcels - 1);
    memcpy(last->cursor, cursor.s, cursor.len);
    last->cursor_len = cursor.len;
    return LEAT_OK;
}

static leat_rc enter_behind(leat_kafka *k, leat_err *e)
{
    k->episode = next_episode(k);
    k->books.cursor_len = 0;
    k->spooled_events = k->books.drained_events = k->books.passed_events = 0;
    k->books.moved = k->books.passed = (leat_counts){0};
    LEAT_TRY(leat_kafka_save(k, e));
    LEAT_TRY(begin(k, e));
    return go_on_behind(k, e);
}

/* With exactly once nothing of the window is delivered, or all of a transaction that is in doubt:
 * the spool has it all, and is read from its beginning. It is in force by its number, which the
 * store has only when the spool is whole. */
static leat_rc enter_once(leat_kafka *k, leat_err *e)
{
    k->spooled_events = 0;
    k->episode = next_episode(k);
    LEAT_TRY(begin(k, e));
    LEAT_TRY(leat_kafka_once_to_spool(k, e));
    leat_kafka_once_spooled(k); /* from here on it is in force: nothing may fail */
    k->drained = false;
    return LEAT_OK;
}

leat_rc leat_kafka_spool_enter(leat_kafka *k, leat_err *e)
{
    int64_t now = leat_mono_us();
    leat_err why = k->last;
    if (k->enter_us != 0 && now - k->enter_us < ENTER_US) {
        if (leat_rc_failed(k->unbegun.rc) && e != NULL) *e = k->unbegun;
        return k->unbegun.rc;
    }
    k->enter_us = now;
    size_t batches = k->nparcels;
    leat_err no = {0};
    leat_rc rc = leat_kafka_once(k) ? enter_once(k, &no) : enter_behind(k, &no);
    k->unbegun = (leat_err){0};
    if (rc != LEAT_OK) {
        leat_err told = {0};
        rc = full(k, rc, &no, &told);
        give_up(k);
        if (is_disk_full(&told) || strcmp(told.code, "spool.full") == 0) k->unbegun = told;
        if (e != NULL) *e = told;
        return rc;
    }
    k->phase = LEAT_KAFKA_SPOOL;
    k->since_us = leat_now_us();
    k->books.popped = (leat_counts){0};
    k->books.popped_events = 0;
    k->broker->ops->down(k->broker, &why);
    k->last = why;
    leat_log(LEAT_WARN, "kafka.away",
             "batches=%zu events=%" PRIu64 " go to the spool until Kafka is back, at most %" PRId64
             " bytes. %s",
             batches, k->spooled_events, k->conf.spool_bytes,
             why.msg[0] ? why.msg : "nothing was acknowledged for too long");
    leat_kafka_show_spool(k);
    return LEAT_OK;
}

/* ---- while it is in force ---- */

leat_rc leat_kafka_spool_append(leat_kafka *k, const leat_batch *b, leat_str progress, leat_err *e)
{
    leat_err why = {0};
    /* An open transaction could go beyond the stream's bound: it could not be removed anyway. */
    if (k->tail && leat_kafka_spool_bytes(k) >= k->conf.spool_bytes) return no_room(k, e);
    leat_rc rc = k->spool->ops->append(k->spool, b, progress, &why);
    if (rc != LEAT_OK) return full(k, rc, &why, e);
    k->spooled_events += b->n;
    k->drained = false;
    return LEAT_OK;
}

leat_rc leat_kafka_spool_commit(leat_kafka *k, leat_err *e)
{
    leat_err why = {0};
    leat_rc rc = k->spool->ops->commit(k->spool, &why);
    if (rc != LEAT_OK) return full(k, rc, &why, e);
    leat_kafka_show_spool(k);
    return LEAT_OK;
}

/* One save says that the spool is done; if it fails all is as before. */
static leat_rc end_episode(leat_kafka *k, leat_err *e)
{
    leat_books was;
    uint64_t frames = leat_kafka_spool_frames(k), episode = k->episode;
    leat_books_init(&was);
    leat_books_copy(&was, &k->books);
    leat_reach_copy(&k->books.done, &k->shown);
    k->episode = episode_behind(k);
    k->books.moved = (leat_counts){0};
    k->books.cursor_len = 0;
    k->books.ahead = true;
    k->serial += frames;
    leat_rc rc = leat_kafka_save(k, e);
    if (rc != LEAT_OK) {
        leat_books_copy(&k->books, &was);
        k->episode = episode;
        k->serial -= frames;
    }
    leat_books_free(&was);
    return rc;
}

/* The last record is delivered. */
static leat_rc finish(leat_kafka *k, leat_err *e)
{
    leat_rc rc = leat_kafka_spool_commit(k, e);
    if (rc == LEAT_RETRY) return LEAT_OK; /* who appends is told */
    LEAT_TRY(rc);
    if (!leat_reader_at_end(k->reader)) return LEAT_OK;
    rc = end_episode(k, e);
    if (rc != LEAT_OK) return rc;
    k->once.announce = k->rearm = true;
    k->phase = LEAT_KAFKA_DIRECT;
    k->books.popped = k->open;
    k->books.popped_events = k->open_events;
    leat_log(LEAT_INFO, "kafka.direct", "events=%" PRIu64 " of the spool are delivered",
             k->books.drained_events);
    k->since_us = leat_now_us();
    k->spooled_events = k->books.drained_events = 0;
    leat_kafka_spool_close(k);
    leat_kafka_spool_clear(k);
    leat_kafka_show(k);
    return LEAT_OK;
}

/* The numbers of its segments; none if it is not there. */
static leat_rc list_segments(const leat_kafka *k, char path[LEAT_PATH_MAX], leat_arena *a,
                             uint64_t **numbers, size_t *n, leat_err *e)
{
    leat_err why = {0};
    *n = 0;
    LEAT_TRY(leat_segment_folder(k->spool_data, LEAT_KAFKA_SPOOL_NAME, "stream", path, e));
    leat_rc rc = leat_segment_list(path, a, numbers, n, &why);
    if (!leat_rc_failed(rc) || strcmp(why.code, "stream.missing") == 0) return LEAT_OK;
    if (e != NULL) *e = why;
    return rc;
}

/* Of a spool of which nothing is delivered nothing has been removed; an older leat's begin with 1.
 */
static leat_rc has_its_beginning(const leat_kafka *k, leat_err *e)
{
    leat_walk w = {.at.segment = k->episode, .why = "the file is missing"};
    char path[LEAT_PATH_MAX];
    leat_arena a = {0};
    uint64_t *numbers, first = 0;
    size_t n;
    leat_rc rc = list_segments(k, path, &a, &numbers, &n, e);
    if (rc == LEAT_OK && n > 0) first = numbers[0];
    leat_arena_free(&a);
    if (rc != LEAT_OK || first == k->episode || first == 1) return rc;
    leat_segment_path(path, w.at.segment, w.path);
    return leat_walk_damaged(&w, e);
}

static leat_rc open_where(leat_kafka *k, leat_err *e)
{
    if (k->books.cursor_len == 0) LEAT_TRY(has_its_beginning(k, e));
    return open_reader(k, k->books.cursor_len ? LEAT_FROM_CURSOR : LEAT_FROM_BEGINNING, e);
}

/* One piece of the spool on its way. AGAIN: there is none. PENDING: it is not read now. */
static leat_rc read_on(leat_kafka *k, leat_err *e)
{
    /* what is delivered of it may not be known yet */
    bool unknown = !k->once.known || (k->once.doubt && k->once.apart);
    if (leat_kafka_once(k) && (unknown || k->phase == LEAT_KAFKA_SPOOL)) return LEAT_PENDING;
    if (k->reader == NULL) LEAT_TRY(open_where(k, e));
    k->decoded = 0;
    leat_rc rc = leat_reader_next(k->reader, &k->batch, 0, e);
    if (rc == LEAT_AGAIN) k->drained = leat_reader_at_end(k->reader);
    if (rc != LEAT_OK) return rc;
    leat_str cursor = leat_reader_cursor(k->reader);
    leat_parcel *p = leat_kafka_push(k, &k->batch, (leat_str){0}, true);
    memcpy(p->cursor, cursor.s, cursor.len);
    p->cursor_len = cursor.len;
    rc = leat_kafka_send(k, p, &k->batch, e);
    return rc == LEAT_AGAIN ? LEAT_OK : rc;
}

static void note_phase(leat_kafka *k)
{
    bool away = leat_kafka_away(k);
    leat_kafka_phase phase = away ? LEAT_KAFKA_SPOOL : LEAT_KAFKA_DRAIN;
    if (phase == k->phase) return;
    k->phase = phase;
    k->since_us = leat_now_us();
    leat_log(LEAT_INFO, away ? "kafka.away" : "kafka.drain", "events=%" PRIu64 " are in the spool",
             leat_kafka_spool_events(k));
}

leat_rc leat_kafka_spool_drain(leat_kafka *k, leat_err *e)
{
    note_phase(k);
    while (!k->again && k->fed == k->nparcels && !leat_kafka_full(k)) {
        leat_rc rc = read_on(k, e);
        LEAT_TRY(rc);
        if (rc == LEAT_PENDING) return LEAT_OK;
        if (rc == LEAT_OK) continue;
        /* behind the reader there is only what is not synced yet; that there is no room for it is
         * told to who appends */
        if (k->phase != LEAT_KAFKA_DRAIN || k->tail || k->spool->ops->pending(k->spool) == 0) break;
        rc = leat_kafka_spool_commit(k, e);
        if (rc == LEAT_RETRY || (rc == LEAT_OK && leat_reader_at_end(k->reader))) break;
        LEAT_TRY(rc);
    }
    bool between = k->once.state == LEAT_ONCE_IDLE || k->once.state == LEAT_ONCE_OPEN;
    bool settled = !leat_kafka_once(k) || (k->once.known && !k->once.doubt && between);
    bool done = settled && k->nparcels == 0 && k->drained && !k->tail && k->nrefused == 0;
    return done ? finish(k, e) : LEAT_OK;
}

bool leat_kafka_spool_hold(leat_kafka *k)
{
    int64_t now = leat_mono_us();
    bool near = k->phase == LEAT_KAFKA_DRAIN && k->drained && !k->tail && now >= k->next_hold_us;
    if (!near) {
        k->hold_us = 0;
        return false;
    }
    if (k->hold_us == 0) k->hold_us = now;
    if (now - k->hold_us < HOLD_US) return true;
    k->hold_us = 0;
    k->next_hold_us = now + HOLD_AGAIN_US;
    return false;
}

/* ---- at the open ---- */

static void take_over(leat_kafka *k)
{
    const leat_stream_state *st = k->spool->ops->state(k->spool);
    for (size_t i = 0; i < st->ntxs; i++) leat_ring_add(&k->ring, st->txs[i]);
    k->phase = LEAT_KAFKA_DRAIN;
    k->spooled_events = st->events - k->books.done.visible;
    leat_kafka_show_spool(k);
    leat_log(LEAT_INFO, "kafka.drain", "events=%" PRIu64 " are in the spool of the run before",
             leat_kafka_spool_events(k));
}

leat_rc leat_kafka_spool_find(leat_kafka *k, leat_err *e)
{
    char path[LEAT_PATH_MAX];
    leat_arena a = {0};
    uint64_t *numbers;
    size_t n;
    LEAT_TRY(leat_kafka_left_remove(k->data, k->connector, k->episode, e));
    name_spool(k);
    leat_rc rc = list_segments(k, path, &a, &numbers, &n, e);
    leat_arena_free(&a);
    LEAT_TRY(rc);
    if (n > 0) {
        LEAT_TRY(open_spool(k, e));
        const leat_stream_state *st = k->spool->ops->state(k->spool);
        if (leat_kafka_left_episode(st->pos, st->npos) == k->episode) {
            take_over(k);
            LEAT_TRY(keep(k, e)); /* it may have died before the first time */
            return leat_kafka_once(k) ? LEAT_OK : open_where(k, e); /* once it is known, where */
        }
        leat_kafka_spool_close(k); /* it was only begun */
    }
    return leat_kafka_left_remove(k->data, k->connector, 0, e);
}
