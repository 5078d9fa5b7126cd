/* Of /hub/v1: the records of a topic, as a list or as they come, and of several at once.
 *
 * Records are those of `leat read`: as Kafka Connect's JsonConverter makes them. A list ends after
 * LIST_US, LIST_BYTES or `max`, and says where to go on; a feed goes on until its client leaves.
 * A feed of several topics reads them in turn, each with a reader of its own; one that cannot be
 * read is told and tried again, and does not hold up the others. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/record.h"
#include "hub/inside.h"
#include "stream/reader.h"
#include "stream/stream.h"

enum {
    LIST_MAX = 10000,
    LIST_DEFAULT = 100,
    LIST_BYTES = 8 << 20,
    LIST_US = 5000000,
    WAIT_US = 200000,
    BATCH_EVENTS = 1024,
    BATCH_BYTES = 1 << 20,
    FOLLOWED_MAX = 64,  /* by one client, */
    FOLLOWED_ALL = 512, /* by all: each has a reader with its files */
    TURN_US = 50000,
    AGAIN_US = 1000000
};

/* The letters of leat_op, as they stand in events. */
#define OPS "rcudtm"

typedef struct reading {
    leat_arena a;
    const char *data, *topics[2];
    leat_reader_conf conf;
    leat_record_form form;
    const char *contains, *ops; /* NULL: all */
    bool schemas;
    int64_t max, first, next; /* first: records before this offset are not wanted */
    int64_t known;            /* of a feed of several: where its client would go on */
    uint64_t given;
    bool at_end;
    leat_buf list;
    leat_feed *f;    /* NULL: into list */
    const char *tag; /* of a feed of several: stands before the offset in ids; NULL: it is of one */
} reading;

static void free_reading(void *arg)
{
    reading *g = arg;
    leat_buf_free(&g->list);
    leat_arena_free(&g->a);
    leat_free(g);
}

static leat_rc parse_from(reading *g, leat_str from, leat_err *e)
{
    if (!from.s || leat_str_is(from, "beginning")) {
        g->conf.from = LEAT_FROM_BEGINNING;
    } else if (leat_str_is(from, "end")) {
        g->conf.from = LEAT_FROM_END;
    } else if (leat_str_i64(from, &g->conf.offset) && g->conf.offset >= 0) {
        g->conf.from = LEAT_FROM_OFFSET;
    } else if (leat_iso_parse(from, &g->conf.time_us)) {
        g->conf.from = LEAT_FROM_TIME;
    } else {
        return leat_fail(e, LEAT_CONF, "events.from", "from",
                         "from: expected beginning, end, an offset or a time such as "
                         "2026-01-31T10:00:00Z, got \"%.*s\"",
                         LEAT_STR_ARG(from));
    }
    g->first = g->conf.from == LEAT_FROM_OFFSET ? g->conf.offset : 0;
    return LEAT_OK;
}

/* False: answered. */
static bool parse_max(reading *g, leat_http_call *c)
{
    leat_str max = leat_http_query(c, "max");
    g->max = LIST_DEFAULT;
    if (max.s && (!leat_str_i64(max, &g->max) || g->max < 1 || g->max > LIST_MAX)) {
        leat_http_fail(c, 400, "max: expected a number from 1 to %d, got \"%.*s\"", LIST_MAX,
                       LEAT_STR_ARG(max));
        return false;
    }
    return true;
}

/* A client that was cut off goes on behind what it has. */
static void parse_last(reading *g, const leat_http_call *c)
{
    int64_t last;
    if (!c->last_event_id.s || !leat_str_i64(c->last_event_id, &last)) return;
    g->conf.from = LEAT_FROM_OFFSET;
    g->first = g->conf.offset = last + 1;
}

static const char *text_of(leat_str v, leat_arena *a)
{
    return v.s && v.len > 0 ? leat_arena_str(a, v).s : NULL;
}

/* Those that are wanted. */
static leat_rc parse_wanted(reading *g, leat_str contains, leat_str ops, leat_err *e)
{
    g->contains = text_of(contains, &g->a);
    g->ops = text_of(ops, &g->a);
    if (!g->ops || strspn(g->ops, OPS) == strlen(g->ops)) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "events.op", "op", "op: expected letters of " OPS ", got \"%s\"",
                     g->ops);
}

static leat_rc parse_what(reading *g, leat_str from, leat_str contains, leat_str ops, leat_err *e)
{
    LEAT_TRY(parse_from(g, from, e));
    return parse_wanted(g, contains, ops, e);
}

/* False: answered. */
static bool parse_form(reading *g, leat_http_call *c)
{
    leat_str schemas = leat_http_query(c, "schemas");
    g->schemas = leat_http_query_true(c, "schemas");
    if (g->schemas || !schemas.s || leat_str_ieq(schemas, LEAT_STR("false"))) return true;
    leat_http_fail(c, 400, "schemas: expected true or false, got \"%.*s\"", LEAT_STR_ARG(schemas));
    return false;
}

static bool wanted(const reading *g, const leat_event *ev, leat_str json)
{
    if (g->ops && !strchr(g->ops, (char)ev->op)) return false;
    return !g->contains || memmem(json.s, json.len, g->contains, strlen(g->contains));
}

static leat_rc give(reading *g, leat_batch *b, const leat_event *ev, leat_buf *line, leat_err *e)
{
    leat_record records[LEAT_RECORDS_MAX];
    unsigned n = leat_envelope_records(ev, &b->arena, records);
    for (unsigned i = 0; i < n; i++) {
        int64_t offset = ev->offset + i;
        if (offset < g->first || (!g->f && g->given == (uint64_t)g->max)) continue;
        g->next = offset + 1;
        leat_buf_clear(line);
        LEAT_TRY(leat_record_write(&g->form, ev, &records[i], offset, line, e));
        leat_str json = {line->p, line->len - 1}; /* without its newline */
        if (!wanted(g, ev, json)) continue;
        g->given++;
        if (g->f) {
            const char *id = g->tag ? leat_arena_printf(&b->arena, "%s:%" PRId64, g->tag, offset)
                                    : leat_arena_printf(&b->arena, "%" PRId64, offset);
            leat_feed_event(g->f, "event", id, json);
            g->known = offset + 1;
        } else {
            if (g->list.len > 0) leat_buf_u8(&g->list, ',');
            leat_buf_add(&g->list, json);
        }
    }
    return LEAT_OK;
}

/* A record that cannot be shown is told, and does not hide those behind it. */
static leat_rc give_batch(reading *g, leat_batch *b, leat_err *e)
{
    leat_buf line = {0};
    leat_rc rc = LEAT_OK;
    for (uint32_t i = 0; i < b->n && rc == LEAT_OK; i++) {
        rc = give(g, b, &b->ev[i], &line, e);
        if (rc != LEAT_DATA) continue;
        leat_log_err(LEAT_WARN, e);
        rc = LEAT_OK;
    }
    leat_buf_free(&line);
    leat_record_form_forget(&g->form);
    return rc;
}

static bool enough(const reading *g, int64_t until)
{
    if (g->f) return leat_feed_over(g->f);
    return g->given >= (uint64_t)g->max || g->list.len >= LIST_BYTES || leat_mono_us() >= until;
}

static leat_rc read_on(reading *g, leat_reader *r, leat_err *e)
{
    leat_batch b;
    int64_t until = leat_mono_us() + LIST_US;
    leat_rc rc = LEAT_OK;
    leat_batch_init(&b, BATCH_EVENTS, BATCH_BYTES);
    while (!leat_rc_failed(rc) && !enough(g, until)) {
        rc = leat_reader_next(r, &b, g->f ? WAIT_US : 0, e);
        if (rc == LEAT_OK) rc = give_batch(g, &b, e);
        if (rc == LEAT_AGAIN && !g->f && leat_reader_at_end(r)) {
            g->at_end = true;
            break;
        }
    }
    leat_batch_free(&b);
    return leat_rc_failed(rc) ? rc : LEAT_OK;
}

static leat_rc read_all(reading *g, leat_err *e)
{
    leat_reader *r = NULL;
    LEAT_TRY(leat_reader_open(&g->conf, &r, e));
    leat_record_form_init(&g->form, g->data, g->conf.connector, g->schemas);
    leat_rc rc = read_on(g, r, e);
    leat_record_form_fini(&g->form);
    leat_reader_close(r);
    return rc;
}

static void tell_failed(const reading *g, const leat_err *e)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    if (g->tag) leat_jw_z(&w, "id", g->tag);
    leat_jw_z(&w, "code", e->code);
    leat_jw_z(&w, "message", e->msg);
    leat_jw_end(&w);
    leat_feed_event(g->f, "failed", NULL, leat_buf_str(&text));
    leat_buf_free(&text);
}

static void feed_records(void *arg, leat_feed *f)
{
    reading *g = arg;
    leat_err err = {0};
    g->f = f;
    if (read_all(g, &err) != LEAT_OK) tell_failed(g, &err);
}

/* What the stream holds of the topic. */
static leat_rc held_of(const reading *g, leat_topic *out, leat_err *e)
{
    leat_arena a = {0};
    *out = (leat_topic){.name = g->topics[0], .connector = g->conf.connector};
    leat_rc rc = leat_topics_look(out, g->data, g->conf.connector, &a, e);
    leat_arena_free(&a);
    return rc;
}

/* Where to go on when no record came; held: before anything was read, so that what was appended
 * meanwhile comes next time. */
static int64_t nothing_read(const reading *g, const leat_topic *held)
{
    if (g->conf.from == LEAT_FROM_OFFSET) return g->conf.offset;
    return g->at_end || g->conf.from == LEAT_FROM_END ? held->next : held->first;
}

static void answer_list(reading *g, leat_http_call *c)
{
    leat_err err = {0};
    leat_jw w = {.out = &c->out};
    leat_topic held;
    if (held_of(g, &held, &err) != LEAT_OK || read_all(g, &err) != LEAT_OK) {
        leat_hub_fail(c, &err);
        return;
    }
    if (g->next < 0) g->next = nothing_read(g, &held);
    leat_buf_u8(&g->list, ']');
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "topic", g->topics[0]);
    leat_jw_z(&w, "connector", g->conf.connector);
    leat_jw_name(&w, "events");
    leat_buf_u8(&c->out, '[');
    leat_buf_add(&c->out, leat_buf_str(&g->list));
    leat_jw_i64(&w, "next_offset", g->next);
    leat_jw_bool(&w, "at_end", g->at_end);
    leat_jw_end(&w);
}

static reading *new_reading(const leat_hub *h, leat_str topic)
{
    reading *g = leat_zalloc(1, sizeof *g);
    g->data = h->conf.data;
    g->topics[0] = leat_arena_str(&g->a, topic).s;
    g->conf.data = g->data;
    g->conf.topics = g->topics;
    g->next = -1;
    return g;
}

void leat_hub_v1_events(void *hub, leat_http_call *c)
{
    leat_err err = {0};
    reading *g = new_reading(hub, c->param[0]);
    leat_rc rc = parse_what(g, leat_http_query(c, "from"), leat_http_query(c, "contains"),
                            leat_http_query(c, "op"), &err);
    if (leat_rc_failed(rc)) leat_http_fail(c, 400, "%s", err.msg);
    bool good = rc == LEAT_OK && parse_max(g, c) && parse_form(g, c);
    parse_last(g, c);
    if (good) rc = leat_topics_owner(g->data, g->topics[0], &g->a, &g->conf.connector, &err);
    if (good && leat_rc_failed(rc))
        leat_http_fail(c, strcmp(err.code, "topic.unknown") == 0 ? 404 : 500, "%s", err.msg);
    if (good && rc == LEAT_OK && leat_hub_wants_events(c)) {
        leat_feed_begin(c, feed_records, free_reading, g);
        return;
    }
    if (good && rc == LEAT_OK) answer_list(g, c);
    free_reading(g);
}

/* ---- several topics ---- */

/* One of them, and the reader that it has while nothing is wrong. */
typedef struct followed {
    reading *g;
    leat_reader *r;
    int64_t due_us;  /* when it is tried again; INT64_MAX: never, what it asks for cannot be */
    int64_t said_us; /* when its client was told last what was passed over */
    leat_err told;   /* what is wrong, or empty */
    struct followed *next;
} followed;

typedef struct following {
    leat_arena a;
    atomic_int *all; /* the hub's count of what is followed, ... */
    int n;           /* ... and this one's part of it */
    followed *first;
    leat_batch b;
} following;

static void free_following(void *arg)
{
    following *g = arg;
    for (followed *one = g->first; one; one = one->next) free_reading(one->g);
    atomic_fetch_sub(g->all, g->n);
    leat_arena_free(&g->a);
    leat_free(g);
}

/* The client goes on there when it asks again. */
static void tell_place(reading *g, int64_t next)
{
    leat_buf id = {0};
    leat_buf_printf(&id, "%s:%" PRId64, g->tag, next);
    leat_feed_event(g->f, "at", id.p, leat_str_of(id.p + strlen(g->tag) + 1));
    leat_buf_free(&id);
    g->known = next;
}

/* The end becomes an offset, which the client is told: who asks again before anything came misses
 * nothing. */
static void begin_at(reading *g, int64_t next)
{
    g->conf.from = LEAT_FROM_OFFSET;
    g->first = g->conf.offset = next;
    tell_place(g, next);
}

/* Whose the topic is; asked again and again while it is nobody's. */
static leat_rc find_owner(reading *g, leat_err *e)
{
    leat_arena a = {0};
    const char *owner;
    leat_rc rc = leat_topics_owner(g->data, g->topics[0], &a, &owner, e);
    if (rc == LEAT_OK) g->conf.connector = leat_arena_strdup(&g->a, owner);
    leat_arena_free(&a);
    return rc;
}

/* Of a topic that is not there yet all that comes is new. */
static leat_rc find_end(reading *g, leat_err *e)
{
    leat_topic held = {0};
    leat_rc rc = g->conf.connector ? LEAT_OK : find_owner(g, e);
    if (leat_rc_failed(rc) && strcmp(e->code, "topic.unknown") != 0) return rc;
    if (rc == LEAT_OK && g->conf.from == LEAT_FROM_END) LEAT_TRY(held_of(g, &held, e));
    if (g->conf.from == LEAT_FROM_END) begin_at(g, held.next);
    return rc;
}

static leat_rc open_followed(followed *one, leat_err *e)
{
    reading *g = one->g;
    LEAT_TRY(find_end(g, e));
    LEAT_TRY(leat_reader_open(&g->conf, &one->r, e));
    leat_record_form_init(&g->form, g->data, g->conf.connector, false);
    return LEAT_OK;
}

static void close_followed(followed *one)
{
    if (!one->r) return;
    leat_record_form_fini(&one->g->form);
    leat_reader_close(one->r);
    one->r = NULL;
}

static leat_rc follow_on(followed *one, leat_batch *b, leat_err *e)
{
    if (!one->r) LEAT_TRY(open_followed(one, e));
    leat_rc rc = leat_reader_next(one->r, b, 0, e);
    return rc == LEAT_OK ? give_batch(one->g, b, e) : rc;
}

/* What was read and not wanted is not read again by who asks again. */
static void tell_passed(followed *one)
{
    int64_t now = leat_mono_us();
    if (one->g->next <= one->g->known || now - one->said_us < AGAIN_US) return;
    tell_place(one->g, one->g->next);
    one->said_us = now;
}

/* Its stream was deleted: whatever comes in its place counts from 0, and may be another
 * connector's. */
static void begin_anew(reading *g)
{
    begin_at(g, 0);
    g->conf.from = LEAT_FROM_BEGINNING;
    g->conf.connector = NULL;
    g->next = -1;
}

/* It is told once, and read again later from behind what was given. */
static void follow_later(followed *one, const leat_err *e)
{
    reading *g = one->g;
    bool gone =
        strcmp(e->code, "stream.anew") == 0 || (one->r && strcmp(e->code, "stream.missing") == 0);
    if (strcmp(one->told.code, e->code) != 0 || strcmp(one->told.msg, e->msg) != 0)
        tell_failed(g, e);
    one->told = *e;
    close_followed(one);
    one->due_us = leat_mono_us() + AGAIN_US;
    if (gone) begin_anew(g);
    if (g->next < 0) return;
    g->conf.from = LEAT_FROM_OFFSET;
    g->first = g->conf.offset = g->next;
}

static void feed_followed(void *arg, leat_feed *f)
{
    following *g = arg;
    leat_batch_init(&g->b, BATCH_EVENTS, BATCH_BYTES);
    for (followed *one = g->first; one; one = one->next) {
        one->g->f = f;
        if (one->due_us == INT64_MAX) tell_failed(one->g, &one->told);
    }
    while (!leat_feed_over(f)) {
        bool some = false;
        for (followed *one = g->first; one; one = one->next) {
            leat_err err = {0};
            if (one->due_us > leat_mono_us()) continue;
            leat_rc rc = follow_on(one, &g->b, &err);
            some |= rc == LEAT_OK;
            if (leat_rc_failed(rc)) {
                follow_later(one, &err);
            } else {
                one->told = (leat_err){0};
                tell_passed(one);
            }
        }
        if (!some) leat_sleep_us(TURN_US);
    }
    for (followed *one = g->first; one; one = one->next) close_followed(one);
    leat_batch_free(&g->b);
}

/* {"id":...,"topic":...,"from":...,"contains":...,"op":...}; false: answered. What one asks for in
 * vain is told to it alone: the others may be of other tabs. */
static bool parse_followed(leat_hub *h, leat_http_call *c, leat_str text, following *out)
{
    const leat_json *j = NULL;
    followed **at = &out->first;
    if (leat_json_parse(&c->a, text, &j, NULL) != LEAT_OK || !leat_json_get_str(j, "id").s ||
        !leat_json_get_str(j, "topic").s) {
        leat_http_fail(c, 400, "follow: expected {\"id\":\"...\",\"topic\":\"...\"}, got \"%.*s\"",
                       LEAT_STR_ARG(text));
        return false;
    }
    while (*at) at = &(*at)->next;
    followed *one = *at = LEAT_NEW(&out->a, followed, 1);
    one->g = new_reading(h, leat_json_get_str(j, "topic"));
    one->g->tag = leat_arena_str(&one->g->a, leat_json_get_str(j, "id")).s;
    if (strpbrk(one->g->tag, ":\r\n")) {
        leat_http_fail(c, 400, "follow: an id has no colon and is one line");
        return false;
    }
    leat_rc rc = parse_what(one->g, leat_json_get_str(j, "from"), leat_json_get_str(j, "contains"),
                            leat_json_get_str(j, "op"), &one->told);
    if (leat_rc_failed(rc)) one->due_us = INT64_MAX;
    return true;
}

/* False: answered. */
static bool take_room(following *g, leat_http_call *c, unsigned n)
{
    g->n = (int)n;
    if (atomic_fetch_add(g->all, g->n) + g->n <= FOLLOWED_ALL) return true;
    leat_http_fail(c, 503, "at most %d topics are followed at a time, by all clients; ask again",
                   FOLLOWED_ALL);
    return false;
}

void leat_hub_v1_follow(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    following *g = leat_zalloc(1, sizeof *g);
    unsigned n = 0;
    g->all = &h->followed;
    bool good = leat_hub_wants_events(c);
    if (!good)
        leat_http_fail(c, 406, "this is an event stream: ask with Accept: text/event-stream");
    for (const leat_http_pair *p = c->query; p && good; p = p->next) {
        if (!leat_str_is(p->name, "follow")) continue;
        good = ++n <= FOLLOWED_MAX && parse_followed(hub, c, p->value, g);
    }
    if (n == 0 || n > FOLLOWED_MAX) {
        if (good || n > 0) leat_http_fail(c, 400, "follow: expected 1 to %d topics", FOLLOWED_MAX);
        good = false;
    }
    if (good && take_room(g, c, n))
        leat_feed_begin(c, feed_followed, free_following, g);
    else
        free_following(g);
}
