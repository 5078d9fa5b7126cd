/* Of /hub/v1: streams, topics, and the records of a topic, as a list or as they come.
 *
 * Records are those of `leat read`: as Kafka Connect's JsonConverter makes them. A list ends after
 * LIST_MS, LIST_BYTES or `max`, and says where to go on; a feed goes on until its client leaves. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/record.h"
#include "hub/inside.h"
#include "stream/reader.h"
#include "stream/readers.h"
#include "stream/segment.h"
#include "stream/stream.h"

enum {
    LIST_MAX = 10000,
    LIST_DEFAULT = 100,
    LIST_BYTES = 8 << 20,
    LIST_US = 5000000,
    WAIT_US = 200000,
    BATCH_EVENTS = 1024,
    BATCH_BYTES = 1 << 20
};

/* ---- topics and streams ---- */

static void write_topic(const leat_topic *t, leat_jw *w)
{
    leat_jw_object(w, NULL);
    leat_jw_z(w, "topic", t->name);
    leat_jw_z(w, "connector", t->connector);
    leat_jw_i64(w, "partitions", 1);
    leat_jw_i64(w, "first_offset", t->first);
    leat_jw_i64(w, "next_offset", t->next);
    leat_jw_i64(w, "bytes", t->bytes);
    leat_jw_bool(w, "connector_exists", t->exists);
    leat_jw_end(w);
}

static bool list_topics(leat_hub *h, leat_http_call *c, leat_topic **topics)
{
    leat_err err = {0};
    if (!leat_rc_failed(leat_topics_list(h->conf.data, &c->a, topics, &err))) return true;
    leat_hub_fail(c, &err);
    return false;
}

void leat_hub_v1_topics(void *hub, leat_http_call *c)
{
    leat_topic *topics = NULL;
    leat_jw w = {.out = &c->out};
    if (!list_topics(hub, c, &topics)) return;
    leat_jw_array(&w, NULL);
    for (const leat_topic *t = topics; t; t = t->link) write_topic(t, &w);
    leat_jw_end(&w);
}

static void write_readers(const leat_hub *h, const char *connector, leat_arena *a, leat_jw *w)
{
    char dir[LEAT_PATH_MAX];
    leat_stream_reader *r = NULL;
    leat_jw_array(w, "readers");
    if (leat_segment_folder(h->conf.data, connector, "stream", dir, NULL) == LEAT_OK &&
        leat_readers_list(dir, a, &r, NULL) == LEAT_OK)
        for (; r; r = r->next) leat_jw_z(w, NULL, r->sink);
    leat_jw_end(w);
}

/* One for each connector that has topics; they come with the topics of one together. */
void leat_hub_v1_streams(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_topic *topics = NULL;
    leat_jw w = {.out = &c->out};
    if (!list_topics(h, c, &topics)) return;
    leat_jw_array(&w, NULL);
    for (const leat_topic *first = topics; first; first = first->link) {
        const leat_topic *before = topics;
        while (strcmp(before->connector, first->connector) != 0) before = before->link;
        if (before != first) continue;
        int64_t bytes = 0, records = 0;
        leat_jw_object(&w, NULL);
        leat_jw_z(&w, "connector", first->connector);
        leat_jw_bool(&w, "connector_exists", first->exists);
        leat_jw_array(&w, "topics");
        for (const leat_topic *t = first; t; t = t->link) {
            if (strcmp(t->connector, first->connector) != 0) continue;
            leat_jw_z(&w, NULL, t->name);
            bytes += t->bytes;
            records += t->next - t->first;
        }
        leat_jw_end(&w);
        leat_jw_i64(&w, "records", records);
        leat_jw_i64(&w, "bytes", bytes);
        write_readers(h, first->connector, &c->a, &w);
        leat_jw_end(&w);
    }
    leat_jw_end(&w);
}

/* ---- records ---- */

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
    uint64_t given;
    bool at_end;
    leat_buf list;
    leat_feed *f; /* NULL: into list */
} reading;

static void free_reading(void *arg)
{
    reading *g = arg;
    leat_buf_free(&g->list);
    leat_arena_free(&g->a);
    leat_free(g);
}

/* False: answered. */
static bool parse_from(reading *g, leat_http_call *c)
{
    leat_str from = leat_http_query(c, "from"), max = leat_http_query(c, "max");
    g->max = LIST_DEFAULT;
    if (c->last_event_id.s && leat_str_i64(c->last_event_id, &g->conf.offset)) {
        g->conf.from = LEAT_FROM_OFFSET;
        g->conf.offset++;
    } else if (!from.s || leat_str_is(from, "beginning")) {
        g->conf.from = LEAT_FROM_BEGINNING;
    } else if (leat_str_is(from, "end")) {
        g->conf.from = LEAT_FROM_END;
    } else if (leat_str_i64(from, &g->conf.offset) && g->conf.offset >= 0) {
        g->conf.from = LEAT_FROM_OFFSET;
    } else if (leat_iso_parse(from, &g->conf.time_us)) {
        g->conf.from = LEAT_FROM_TIME;
    } else {
        leat_http_fail(c, 400,
                       "from: expected beginning, end, an offset or a time such as "
                       "2026-01-31T10:00:00Z, got \"%.*s\"",
                       LEAT_STR_ARG(from));
        return false;
    }
    if (max.s && (!leat_str_i64(max, &g->max) || g->max < 1 || g->max > LIST_MAX)) {
        leat_http_fail(c, 400, "max: expected a number from 1 to %d, got \"%.*s\"", LIST_MAX,
                       LEAT_STR_ARG(max));
        return false;
    }
    g->first = g->conf.from == LEAT_FROM_OFFSET ? g->conf.offset : 0;
    return true;
}

static const char *text_of(const leat_http_call *c, const char *name, leat_arena *a)
{
    leat_str v = leat_http_query(c, name);
    return v.s && v.len > 0 ? leat_arena_str(a, v).s : NULL;
}

/* False: answered. */
static bool parse_form(reading *g, leat_http_call *c)
{
    leat_str schemas = leat_http_query(c, "schemas");
    g->schemas = leat_http_query_true(c, "schemas");
    if (g->ops && strspn(g->ops, OPS) < strlen(g->ops)) {
        leat_http_fail(c, 400, "op: expected letters of " OPS ", got \"%s\"", g->ops);
        return false;
    }
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
            leat_feed_event(g->f, "event", leat_arena_printf(&b->arena, "%" PRId64, offset), json);
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

static void feed_records(void *arg, leat_feed *f)
{
    reading *g = arg;
    leat_err err = {0};
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    g->f = f;
    if (read_all(g, &err) == LEAT_OK) return;
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "code", err.code);
    leat_jw_z(&w, "message", err.msg);
    leat_jw_end(&w);
    leat_feed_event(f, "failed", NULL, leat_buf_str(&text));
    leat_buf_free(&text);
}

/* What the stream holds of the topic; zero: nothing is known. */
static leat_topic held_of(reading *g)
{
    leat_topic *topics = NULL;
    leat_rc rc = leat_topics_owners(g->data, &g->a, &topics, NULL);
    if (rc == LEAT_OK) rc = leat_topics_look(topics, g->data, g->conf.connector, &g->a, NULL);
    if (rc != LEAT_OK) return (leat_topic){0};
    while (topics && strcmp(topics->name, g->topics[0]) != 0) topics = topics->link;
    return topics ? *topics : (leat_topic){0};
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
    leat_topic held = held_of(g);
    if (read_all(g, &err) != LEAT_OK) {
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

void leat_hub_v1_events(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_err err = {0};
    reading *g = leat_zalloc(1, sizeof *g);
    g->data = h->conf.data;
    g->topics[0] = leat_arena_str(&g->a, c->param[0]).s;
    g->conf.data = g->data;
    g->conf.topics = g->topics;
    g->contains = text_of(c, "contains", &g->a);
    g->ops = text_of(c, "op", &g->a);
    g->next = -1;
    bool good = parse_from(g, c) && parse_form(g, c);
    leat_rc rc =
        good ? leat_topics_owner(g->data, g->topics[0], &g->a, &g->conf.connector, &err) : LEAT_OK;
    if (leat_rc_failed(rc))
        leat_http_fail(c, strcmp(err.code, "topic.unknown") == 0 ? 404 : 500, "%s", err.msg);
    if (good && rc == LEAT_OK && leat_hub_wants_events(c)) {
        leat_feed_begin(c, feed_records, free_reading, g);
        return;
    }
    if (good && rc == LEAT_OK) answer_list(g, c);
    free_reading(g);
}
