/* Partitions of Kafka as lanes; see the header.
 *
 * A look takes what the consumer has, up to a batch of all partitions together (a pull), and only
 * when nothing of the pull that lanes are served of is left: so partitions are given and taken back
 * between batches of the target, never inside of one. What was taken is read into events by a
 * thread of its own, while the target writes those of the pull before. Only the sink's thread has
 * to do with partitions: one that is taken back loses its part of what is being read.
 *
 * A topic may be deleted and made again under the same name; its offsets begin anew, and a cursor
 * of the old one would pass over records of the new. So a cursor has the time and the checksum of
 * the record before it, a lane begins with that record, and where it is another one now the lane
 * begins at the beginning. By the sink's thread. */
#include "engine/intake.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/aside.h"
#include "engine/pull.h"
#include "engine/wanted.h"
#include "stream/kafka/member.h"

enum {
    PULL_RECORDS = 8192, /* of all partitions */
    PULL_BYTES = 4 << 20,
    LOOK_US = 2000000, /* between two looks for topics that fit */
};

/* What tells a record from one that has its offset in another life of the topic. */
typedef struct mark {
    int64_t offset; /* -1: none */
    int64_t timestamp;
    uint32_t crc;
} mark;

typedef struct partition {
    leat_lane lane;
    char *topic;
    int32_t number;
    int64_t next, at;       /* offsets: as stored, behind the last batch; -1: not known ... */
    int64_t seen;           /* ... and behind what was taken from the consumer */
    mark last, at_last;     /* the records before these */
    bool checks;            /* it begins with `last`, to see whether it still is that */
    bool anew;              /* it is not: the topic is read from its beginning */
    bool ended;             /* the consumer has returned all there was */
    bool stops;             /* what is held is committed behind the last batch */
    leat_pull_part *served; /* its part of the pull that is served; NULL: none ... */
    leat_pull_part *filled; /* ... and of that which is being taken */
} partition;

typedef struct intake {
    leat_feed feed;
    leat_intake_conf conf;
    leat_kafka_member *member; /* NULL: not opened */
    leat_pull_reader reader;
    leat_aside *thread; /* reads `ahead`; NULL: not opened */
    leat_pull pulls[2];
    leat_pull *served;  /* what lanes have their events of */
    leat_pull *ahead;   /* what is read meanwhile, or nothing */
    leat_err failed;    /* taking what comes behind `ahead` did; rc OK: it did not */
    leat_err unsettled; /* a commit inside a callback failed; likewise */
    leat_lane *gone;    /* taken back since the last look: the loop may stand at one of them */
    bool closing;
    char *client;
    leat_arena named;  /* with a pattern: of topics */
    const char **fit;  /* ... those that fit, NULL-ended, by name */
    int64_t looked_us; /* ... leat_mono_us of the last look at the list of topics */
    bool looked_last;  /* the group was joined anew to see the last topics */
} intake;

static partition *find(const intake *s, const char *topic, int32_t number)
{
    for (leat_lane *l = s->feed.first; l; l = l->next) {
        partition *p = (partition *)l;
        if (p->number == number && strcmp(p->topic, topic) == 0) return p;
    }
    return NULL;
}

static mark mark_of(const leat_kafka_message *m)
{
    uint32_t crc = leat_crc32c(0, m->key.s, m->key.len);
    return (mark){m->offset, m->timestamp_ms, leat_crc32c(crc, m->value.s, m->value.len)};
}

/* ---- the cursor ---- */

static void text_of(leat_feed *f, leat_lane *l, const leat_sink_counts *c, leat_buf *out)
{
    const intake *s = (intake *)f;
    const partition *p = (partition *)l;
    leat_jw w = {.out = out};
    leat_buf_clear(out);
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "sink", s->conf.connector);
    leat_jw_z(&w, "kafka_topic", p->topic);
    leat_jw_i64(&w, "kafka_partition", p->number);
    leat_jw_i64(&w, "kafka_offset", p->at);
    if (p->at_last.offset >= 0) {
        leat_jw_object(&w, "last");
        leat_jw_i64(&w, "offset", p->at_last.offset);
        leat_jw_i64(&w, "timestamp", p->at_last.timestamp);
        leat_jw_i64(&w, "crc", p->at_last.crc);
        leat_jw_end(&w);
    }
    leat_jw_i64(&w, "read", (int64_t)c->read);
    leat_jw_i64(&w, "delivered", (int64_t)c->delivered);
    leat_jw_i64(&w, "filtered", (int64_t)c->filtered);
    leat_jw_i64(&w, "dead", (int64_t)c->dead);
    leat_jw_end(&w);
}

static leat_rc take_cursor(partition *p, leat_str text, leat_arena *a, leat_err *e)
{
    const leat_json *j, *last;
    leat_err why;
    if (leat_json_parse(a, text, &j, &why) != LEAT_OK ||
        (p->next = leat_json_get_i64(j, "kafka_offset", -1)) < 0)
        return leat_fail(e, LEAT_CONF, "sink.cursor", p->lane.source,
                         "the cursor in the target cannot be understood; remove its row there "
                         "(source=%s) to go on from where the consumer group stands",
                         p->lane.source);
    last = leat_json_get(j, "last");
    p->last = (mark){leat_json_get_i64(last, "offset", -1), leat_json_get_i64(last, "timestamp", 0),
                     (uint32_t)leat_json_get_i64(last, "crc", 0)};
    p->lane.counts = (leat_sink_counts){
        (uint64_t)leat_json_get_i64(j, "read", 0), (uint64_t)leat_json_get_i64(j, "delivered", 0),
        (uint64_t)leat_json_get_i64(j, "filtered", 0), (uint64_t)leat_json_get_i64(j, "dead", 0)};
    return LEAT_OK;
}

static leat_rc load(intake *s, partition *p, leat_err *e)
{
    leat_arena a = {0};
    leat_str text = {0};
    leat_rc rc = LEAT_OK;
    if (s->feed.reached) rc = s->feed.reached(s->feed.reached_arg, p->lane.source, &a, &text, e);
    if (rc == LEAT_OK && text.len > 0) rc = take_cursor(p, text, &a, e);
    leat_arena_free(&a);
    return rc;
}

/* ---- what the group says ---- */

static void drop(partition *p)
{
    leat_free((char *)p->lane.source);
    leat_free(p->topic);
    leat_free(p);
}

/* *from: where the group stands. */
static leat_rc given(void *arg, const char *topic, int32_t number, int64_t *from, leat_err *e)
{
    intake *s = arg;
    partition *p = leat_zalloc(1, sizeof *p);
    leat_buf name = {0};
    leat_buf_printf(&name, "%s/%" PRId32, topic, number);
    *p = (partition){.lane = {.source = name.p, .next = s->feed.first},
                     .topic = leat_strdup(topic),
                     .number = number,
                     .next = *from >= 0 ? *from : -1,
                     .last.offset = -1};
    leat_rc rc = load(s, p, e);
    if (rc != LEAT_OK) {
        drop(p);
        return rc;
    }
    p->at = p->seen = p->next;
    p->at_last = p->last;
    p->checks = p->last.offset >= 0;
    if (p->next >= 0) *from = p->checks ? p->last.offset : p->next;
    s->feed.first = &p->lane;
    leat_log(LEAT_INFO, "sink.partition", "topic=\"%s\" partition=%" PRId32 " offset=%" PRId64,
             topic, number, p->next);
    return LEAT_OK;
}

static void drop_gone(intake *s)
{
    while (s->gone) {
        partition *p = (partition *)s->gone;
        s->gone = p->lane.next;
        drop(p);
    }
}

/* What the target holds is committed while its partition is still ours, and its place known. */
static void settle(intake *s)
{
    if (s->closing || leat_rc_failed(s->unsettled.rc)) return;
    s->unsettled.rc = s->feed.settle(s->feed.settle_arg, &s->unsettled);
}

static void taken(void *arg, const char *topic, int32_t number)
{
    intake *s = arg;
    partition *p = find(s, topic, number);
    leat_lane **at = &s->feed.first;
    if (!p) return;
    settle(s);
    while (*at != &p->lane) at = &(*at)->next;
    *at = p->lane.next;
    for (size_t i = 0; i < 2; i++)
        for (uint32_t k = 0; k < s->pulls[i].n; k++)
            if (s->pulls[i].parts[k]->lane == p) s->pulls[i].parts[k]->lane = NULL;
    p->served = NULL;
    p->lane.next = s->gone;
    s->gone = &p->lane;
}

static void ended(void *arg, const char *topic, int32_t number, int64_t next)
{
    partition *p = find(arg, topic, number);
    if (!p) return;
    p->ended = true;
    if (p->checks && next <= p->last.offset) p->anew = true;
    p->checks = false;
}

static void forget(partition *p)
{
    p->next = p->at = p->seen = -1;
    p->last.offset = p->at_last.offset = -1;
    p->checks = p->anew = p->ended = false;
}

static void tell_anew(const partition *p)
{
    leat_log(LEAT_WARN, "kafka.topic_remade",
             "topic=\"%s\" partition=%" PRId32
             " is not what the sink has read up to offset %" PRId64
             ": it was deleted and made again. It is read from its beginning",
             p->topic, p->number, p->seen);
}

/* What is wanted next was removed, or never was. */
static leat_rc missing(void *arg, const char *topic, int32_t number, int64_t first, int64_t next,
                       int64_t *from, leat_err *e)
{
    intake *s = arg;
    partition *p = find(s, topic, number);
    if (!p) return LEAT_OK;
    if (p->checks && p->last.offset < first && first <= p->next && p->next <= next) {
        p->checks = false; /* the record before is gone, which is all that was */
        *from = p->next;
        return LEAT_OK;
    }
    settle(s);
    if (p->seen < 0) { /* nothing of it was read yet: there is no gap to tell */
        *from = LEAT_KAFKA_AT_RESET;
        return LEAT_OK;
    }
    *from = s->conf.kafka->reset == LEAT_KAFKA_RESET_LATEST && s->conf.kafka->resets
                ? LEAT_KAFKA_AT_NEXT
                : LEAT_KAFKA_AT_FIRST;
    if (p->seen > next) {
        tell_anew(p);
    } else if (s->conf.kafka->resets) {
        leat_log(LEAT_ERROR, "stream.gap",
                 "topic=\"%s\" partition=%" PRId32 " offsets %" PRId64 " to %" PRId64
                 " were removed before the sink had read them; it goes on by auto.offset.reset",
                 topic, number, p->seen, first - 1);
    } else {
        return leat_fail(e, LEAT_CONF, "stream.gap", p->lane.source,
                         "topic %s, partition %" PRId32 ": offsets %" PRId64 " to %" PRId64
                         " were removed from it (by its retention) before the sink had read them. "
                         "To go on without them set consumer.override.auto.offset.reset=earliest, "
                         "and take what is missing by a snapshot",
                         topic, number, p->seen, first - 1);
    }
    forget(p);
    return LEAT_OK;
}

static const leat_kafka_member_events events = {given, taken, ended, missing};

/* ---- taking records ---- */

/* The first record of a lane may be that before its cursor. True: it is for nobody. */
static bool is_old(partition *p, const leat_kafka_message *m)
{
    if (p->anew) return true;
    if (!p->checks) return false;
    p->checks = false;
    if (m->offset != p->last.offset) return false; /* compacted away */
    mark now = mark_of(m);
    p->anew = now.timestamp != p->last.timestamp || now.crc != p->last.crc;
    return true;
}

static void add(intake *s, leat_pull *u, const leat_kafka_message *m)
{
    partition *p = find(s, m->topic, m->partition);
    if (!p || is_old(p, m)) return;
    if (!p->filled) p->filled = leat_pull_part_new(u, p, p->topic, p->number);
    leat_pull_add(u, p->filled, s->member, m);
    p->seen = m->offset + 1;
    p->ended = false;
}

static leat_rc begin_anew(intake *s, leat_err *e)
{
    for (leat_lane *l = s->feed.first; l; l = l->next) {
        partition *p = (partition *)l;
        if (!p->anew) continue;
        tell_anew(p);
        forget(p);
        LEAT_TRY(leat_kafka_member_seek(s->member, p->topic, p->number, LEAT_KAFKA_AT_FIRST, e));
    }
    return LEAT_OK;
}

/* Takes what the consumer has. */
static leat_rc pull(intake *s, leat_pull *u, int64_t wait_us, leat_err *e)
{
    leat_kafka_message m;
    leat_pull_clear(u);
    for (leat_lane *l = s->feed.first; l; l = l->next) ((partition *)l)->filled = NULL;
    for (unsigned n = 0; !u->full; n++) {
        leat_rc rc = leat_kafka_member_poll(s->member, &m, n == 0 ? (int)(wait_us / 1000) : 0, e);
        LEAT_TRY(rc);
        if (rc == LEAT_AGAIN) break;
        add(s, u, &m);
        u->full = n + 1 == PULL_RECORDS || u->bytes >= PULL_BYTES;
    }
    return begin_anew(s, e);
}

static void read_ahead(void *arg)
{
    intake *s = arg;
    leat_pull_read(&s->reader, s->ahead);
}

static bool is_left(const leat_pull_part *part)
{
    return part && (part->last || part->stop);
}

static bool has_left(const intake *s)
{
    for (leat_lane *l = s->feed.first; l; l = l->next)
        if (is_left(((partition *)l)->served)) return true;
    return false;
}

static void serve(leat_pull *u)
{
    for (uint32_t i = 0; i < u->n; i++)
        if (u->parts[i]->lane) ((partition *)u->parts[i]->lane)->served = u->parts[i];
}

static void take_more(intake *s, leat_pull *u, int64_t wait_us)
{
    if (!leat_rc_failed(s->failed.rc)) s->failed.rc = pull(s, u, wait_us, &s->failed);
}

static leat_rc told(const leat_err *failed, leat_err *e)
{
    if (leat_rc_failed(failed->rc) && e) *e = *failed;
    return failed->rc;
}

/* What was read ahead is served next, and what came meanwhile read. Of the pull that was served
 * nothing is left. A failure waits until what was taken before it is served. */
static leat_rc advance(intake *s, int64_t wait_us, leat_err *e)
{
    leat_pull *next = s->ahead, *free = s->served;
    bool begins = next->n == 0;
    for (leat_lane *l = s->feed.first; l; l = l->next) ((partition *)l)->served = NULL;
    leat_pull_clear(free);
    if (begins) take_more(s, next, wait_us);
    if (next->n == 0) return told(&s->failed, e);
    if (begins) leat_aside_run(s->thread, read_ahead, s);
    take_more(s, free, 0);
    LEAT_TRY(told(&s->unsettled, e));
    leat_aside_wait(s->thread);
    s->served = next;
    s->ahead = free;
    serve(next);
    if (free->n > 0) leat_aside_run(s->thread, read_ahead, s);
    return LEAT_OK;
}

/* ---- topics ---- */

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static bool same_names(const char *const *x, const char *const *y)
{
    while (x && *x && *y && strcmp(*x, *y) == 0) x++, y++;
    return x && !*x && !*y;
}

/* The topics that fit now, sorted. */
static leat_rc find_fitting(intake *s, leat_arena *a, const char ***out, leat_err *e)
{
    size_t n, nfit = 0;
    LEAT_TRY(leat_kafka_member_names(s->member, a, out, &n, e));
    for (size_t i = 0; i < n; i++) {
        bool fits;
        LEAT_TRY(leat_wanted_fits(s->conf.pattern, (*out)[i], &fits, e));
        if (fits) (*out)[nfit++] = (*out)[i];
    }
    (*out)[nfit] = NULL;
    if (nfit > 1) qsort(*out, nfit, sizeof **out, by_name);
    return LEAT_OK;
}

/* Joins the group by what fits, when that is something else than before, or anew. */
static leat_rc look_for_topics(intake *s, bool anew, leat_err *e)
{
    leat_arena a = {0};
    const char **fit = NULL;
    if (!anew && s->looked_us > 0 && leat_mono_us() - s->looked_us < LOOK_US) return LEAT_OK;
    leat_rc rc = find_fitting(s, &a, &fit, e);
    bool news = rc == LEAT_OK && (anew || !same_names(s->fit, fit));
    if (news && !*fit && s->looked_us == 0)
        leat_log(LEAT_WARN, "sink.no_topic_fits",
                 "topics.regex=\"" LEAT_STR_FMT "\" waiting for a topic whose whole name fits",
                 LEAT_STR_ARG(leat_regex_text(s->conf.pattern)));
    s->looked_us = leat_mono_us();
    if (!news) {
        leat_arena_free(&a);
        return rc;
    }
    leat_arena_free(&s->named);
    s->named = a;
    s->fit = fit;
    return *fit ? leat_kafka_member_join(s->member, fit, e) : LEAT_OK;
}

static leat_rc open_member(intake *s, leat_err *e)
{
    const leat_kafka_member_conf conf = {
        .kafka = s->conf.kafka, .name = s->client, .events = &events, .arg = s};
    LEAT_TRY(leat_aside_new(&s->thread, e));
    LEAT_TRY(leat_kafka_member_open(&conf, &s->member, e));
    return s->conf.pattern ? LEAT_OK : leat_kafka_member_join(s->member, s->conf.topics, e);
}

static leat_rc look(leat_feed *f, bool now, int64_t wait_us, leat_err *e)
{
    intake *s = (intake *)f;
    drop_gone(s);
    if (has_left(s)) return LEAT_OK;
    if (!s->member) return open_member(s, e);
    bool last = now && !s->looked_last;
    s->looked_last = s->looked_last || now;
    if (s->conf.pattern)
        LEAT_TRY(look_for_topics(s, last, e));
    else if (last)
        LEAT_TRY(leat_kafka_member_join(s->member, s->conf.topics, e));
    leat_kafka_member_commit(s->member);
    return advance(s, wait_us, e);
}

/* ---- batches ---- */

static leat_rc unreadable(const partition *p, const leat_pulled *r, leat_err *e)
{
    const leat_pulled_fault *why = r->why;
    return leat_fail(e, LEAT_CONF, why->code, p->lane.source,
                     "%s-%" PRId32 "@%" PRId64 "%s%s: %.420s. The sink stops here "
                     "(errors.tolerance=none); with errors.tolerance=all such records go to the "
                     "dead letters",
                     p->topic, p->number, r->m.offset, *why->where ? ", " : "", why->where,
                     why->msg);
}

static void bury(intake *s, const leat_pulled *r, leat_batch *b)
{
    const leat_kafka_message *m = &r->m;
    leat_buf position = {0};
    leat_jw w = {.out = &position};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "topic", m->topic);
    leat_jw_i64(&w, "partition", m->partition);
    leat_jw_i64(&w, "offset", m->offset);
    leat_jw_end(&w);
    leat_dead letter = {.bytes = m->value.s ? m->value : m->key,
                        .position = leat_buf_str(&position),
                        .topic = m->topic,
                        .ts_us = leat_pulled_us(m)};
    leat_fail(&letter.why, LEAT_DATA, r->why->code, r->why->where, "%s", r->why->msg);
    if (!letter.bytes.s) letter.bytes = LEAT_STR("");
    leat_batch_dead(b, leat_tallies_get(&b->tables, leat_str_of(m->topic), NULL), &letter);
    leat_buf_free(&position);
    if (s->conf.to) leat_errant_add(s->conf.to, &r->m, &letter.why, r->why->transform);
}

/* There are many more records, and all of this partition: what the target has of it so far may wait
 * for them, so that a commit is for more. */
static bool goes_on(const intake *s, const partition *p)
{
    const leat_pull *u = s->ahead;
    return u->full && u->n == 1 && u->parts[0]->lane == p && !has_left(s);
}

static leat_rc next(leat_feed *f, leat_lane *l, leat_batch *b, int64_t wait_us, leat_err *e)
{
    intake *s = (intake *)f;
    partition *p = (partition *)l;
    bool more = goes_on(s, p);
    (void)wait_us;
    p->stops = false;
    leat_batch_reset(b);
    if (more) LEAT_TRY(advance(s, 0, e));
    leat_pull_part *part = p->served;
    if (!is_left(part)) return LEAT_AGAIN;
    p->stops = more && !part->last; /* what is held is committed before that is told */
    if (p->stops) return LEAT_AGAIN;
    if (!part->last) return unreadable(p, part->stop, e);
    leat_batch_swap(b, &part->batch);
    for (const leat_pulled *r = part->first; r != part->last->next; r = r->next)
        if (r->why) bury(s, r, b);
    p->at = part->last->m.offset + 1;
    p->at_last = mark_of(&part->last->m);
    p->stops = part->stop || b->counts.dead > 0; /* letters are not held: they pile up */
    part->last = NULL;
    return LEAT_OK;
}

static bool at_end(leat_feed *f, leat_lane *l)
{
    const partition *p = (partition *)l;
    return p->stops || (!is_left(p->served) && !goes_on((intake *)f, p));
}

static bool all_read(leat_feed *f)
{
    const intake *s = (intake *)f;
    if (!s->member || !s->looked_last) return false;
    if (s->conf.pattern && !*s->fit) return true;
    if (!leat_kafka_member_settled(s->member)) return false;
    for (leat_lane *l = f->first; l; l = l->next)
        if (!((partition *)l)->ended) return false;
    return s->ahead->n == 0 && !has_left(s);
}

static leat_rc store(leat_feed *f, leat_lane *l, const leat_sink_counts *counts, leat_err *e)
{
    intake *s = (intake *)f;
    partition *p = (partition *)l;
    (void)e;
    p->next = p->at;
    p->last = p->at_last;
    p->lane.counts = *counts;
    leat_kafka_member_done(s->member, p->topic, p->number, p->next);
    return LEAT_OK;
}

static void refused(leat_feed *f, leat_lane *l, int64_t offset, const leat_err *why)
{
    intake *s = (intake *)f;
    if (!s->conf.to) return;
    for (const leat_pulled *r = ((partition *)l)->served->first; r; r = r->next)
        if (r->m.offset == offset) leat_errant_add(s->conf.to, &r->m, why, NULL);
}

static leat_rc report(leat_feed *f, leat_err *e)
{
    const intake *s = (intake *)f;
    return s->conf.to ? leat_errant_send(s->conf.to, e) : LEAT_OK;
}

static void close_all(leat_feed *f)
{
    intake *s = (intake *)f;
    leat_aside_free(s->thread);
    s->thread = NULL;
    for (size_t i = 0; i < 2; i++) leat_pull_free(&s->pulls[i]);
    s->closing = true;
    leat_kafka_member_close(s->member);
    s->closing = false;
    s->member = NULL;
    s->fit = NULL;
    s->looked_us = 0;
    s->looked_last = false;
    leat_arena_free(&s->named);
    while (f->first) {
        partition *p = (partition *)f->first;
        f->first = p->lane.next;
        drop(p);
    }
    drop_gone(s);
    if (s->conf.to) leat_errant_forget(s->conf.to);
    s->failed = s->unsettled = (leat_err){0};
}

static const leat_feed_ops ops = {
    .look = look,
    .next = next,
    .at_end = at_end,
    .all_read = all_read,
    .text = text_of,
    .store = store,
    .close = close_all,
    .refused = refused,
    .report = report,
    .waits = true,
    .partitions = true,
};

leat_feed *leat_intake_new(const leat_intake_conf *conf)
{
    leat_buf client = {0};
    intake *s = leat_zalloc(1, sizeof *s);
    s->feed.ops = &ops;
    s->conf = *conf;
    s->reader = (leat_pull_reader){.changes = leat_change_reader_new(&conf->key, &conf->value),
                                   .transforms = leat_transform_run_new(conf->transforms),
                                   .tolerate = conf->tolerate};
    if (conf->transforms) leat_pull_through(&s->reader);
    s->served = &s->pulls[0];
    s->ahead = &s->pulls[1];
    leat_buf_printf(&client, "connector-consumer-%s-0", conf->connector);
    s->client = client.p;
    return &s->feed;
}

void leat_intake_free(leat_feed *f)
{
    intake *s = (intake *)f;
    if (!s) return;
    close_all(f);
    leat_change_reader_free(s->reader.changes);
    leat_transform_run_free(s->reader.transforms);
    leat_free(s->client);
    leat_free(s);
}
