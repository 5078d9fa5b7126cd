/* minutes: how many records each topic got in which minute, without reading them.
 *
 * A frame's meta says how many records of each topic it holds and between which times: where these
 * are of one minute that is all there is to know. Only frames that reach over the end of a minute
 * are read. */
#include "base/clock.h"
#include "sql/select_part.h"
#include "stream/reader.h"

#define MINUTE_US INT64_C(60000000)

enum { BATCH_EVENTS = 65536, BATCH_BYTES = 16 << 20, SLOTS = 64 };

typedef struct counted {
    const char *topic; /* NULL: free */
    int64_t from_us;
    uint64_t records;
} counted;

/* A hash table of what was counted, of one connector. */
typedef struct count {
    leat_select_rows *r;
    counted *v;
    size_t n, cap; /* cap: a power of two */
    counted *last; /* that was counted to */
} count;

static size_t hash(const char *topic, int64_t from_us)
{
    uint64_t h = 14695981039346656037u ^ (uint64_t)(from_us / MINUTE_US);
    for (const char *p = topic; *p; p++) h = (h ^ (unsigned char)*p) * 1099511628211u;
    return (size_t)(h ^ (h >> 29));
}

static counted *find(const count *c, const char *topic, int64_t from_us)
{
    size_t i = hash(topic, from_us) & (c->cap - 1);
    while (c->v[i].topic && (c->v[i].from_us != from_us || strcmp(c->v[i].topic, topic) != 0))
        i = (i + 1) & (c->cap - 1);
    return &c->v[i];
}

static void grow(count *c)
{
    count bigger = {.r = c->r, .n = c->n, .cap = c->cap ? c->cap * 2 : SLOTS};
    bigger.v = leat_zalloc(bigger.cap, sizeof *bigger.v);
    for (size_t i = 0; i < c->cap; i++)
        if (c->v[i].topic) *find(&bigger, c->v[i].topic, c->v[i].from_us) = c->v[i];
    leat_free(c->v);
    *c = bigger;
}

static void tally(void *arg, leat_str topic, int64_t from_us, uint64_t records)
{
    count *c = arg;
    bool same = c->last && c->last->from_us == from_us && leat_str_is(topic, c->last->topic);
    if (!same) {
        if (2 * (c->n + 1) > c->cap) grow(c);
        c->last = find(c, topic.s, from_us);
        if (!c->last->topic) {
            *c->last = (counted){leat_arena_str(&c->r->a, topic).s, from_us, 0};
            c->n++;
        }
    }
    c->last->records += records;
}

static int64_t minute_of(int64_t us)
{
    int64_t rest = us % MINUTE_US;
    return us - (rest < 0 ? rest + MINUTE_US : rest);
}

static leat_rc read_stream(count *c, leat_reader *r, leat_err *e)
{
    leat_select *q = c->r->q;
    leat_batch b;
    leat_rc rc = LEAT_OK;
    leat_batch_init(&b, BATCH_EVENTS, BATCH_BYTES);
    while (rc == LEAT_OK) {
        rc = leat_reader_next(r, &b, 0, e);
        if (rc != LEAT_OK) break;
        q->events += b.n;
        for (uint32_t i = 0; i < b.n; i++)
            tally(c, leat_str_of(leat_event_topic(&b.ev[i])), minute_of(b.ev[i].ts_us),
                  leat_event_records(&b.ev[i]));
        rc = leat_select_late(q, e);
    }
    leat_batch_free(&b);
    return leat_rc_failed(rc) ? rc : LEAT_OK;
}

static void put_rows(const count *c, const char *connector)
{
    for (size_t i = 0; i < c->cap; i++) {
        char iso[LEAT_ISO_MAX];
        if (!c->v[i].topic) continue;
        leat_select_put_str(c->r, leat_str_of(c->v[i].topic));
        leat_select_put_str(c->r, leat_str_of(connector));
        leat_select_put_str(c->r, leat_str_of(leat_iso_us(c->v[i].from_us, 0, iso)));
        leat_select_put_i64(c->r, c->v[i].from_us / 1000);
        leat_select_put_i64(c->r, (int64_t)c->v[i].records);
    }
}

static leat_rc count_stream(leat_select_rows *r, const leat_topic *t, const char *topic,
                            const leat_select_bounds *b, leat_err *e)
{
    const char *topics[] = {topic, NULL};
    count c = {.r = r};
    const leat_reader_tally told = {.unit_us = MINUTE_US, .fn = tally, .arg = &c};
    leat_reader_conf conf = {.data = r->q->conf->data,
                             .connector = t->connector,
                             .topics = topic ? topics : NULL,
                             .tally = &told,
                             .within = leat_select_timed(b),
                             .least_us = b->least_us,
                             .most_us = b->most_us};
    leat_reader *reader = NULL;
    if (b->least_us != INT64_MIN) {
        conf.from = LEAT_FROM_TIME;
        conf.time_us = b->least_us;
    }
    leat_rc rc = leat_reader_open(&conf, &reader, e);
    if (rc == LEAT_RETRY && strcmp(e->code, "stream.missing") == 0) return LEAT_OK;
    if (rc == LEAT_OK) rc = read_stream(&c, reader, e);
    if (rc == LEAT_OK) put_rows(&c, t->connector);
    leat_reader_close(reader);
    leat_free(c.v);
    return rc;
}

leat_rc leat_select_fill_minutes(leat_select_rows *r, const leat_select_bounds *b, leat_err *e)
{
    leat_select_bounds wide = *b; /* a condition on a minute's beginning is one on all of it */
    const char *topic = b->topic.s ? leat_arena_str(&r->a, b->topic).s : NULL;
    if (b->most_us < INT64_MAX - MINUTE_US) wide.most_us = minute_of(b->most_us) + MINUTE_US - 1;
    if (b->least_us > INT64_MIN + MINUTE_US) wide.least_us = minute_of(b->least_us);
    for (const leat_topic *t = r->q->topics; t; t = t->link) {
        const leat_topic *before = r->q->topics;
        if (topic && strcmp(t->name, topic) != 0) continue;
        if (b->connector.s && !leat_str_is(b->connector, t->connector)) continue;
        while (strcmp(before->connector, t->connector) != 0) before = before->link;
        if (!topic && before != t) continue; /* its stream was counted */
        LEAT_TRY(count_stream(r, t, topic, &wide, e));
    }
    return LEAT_OK;
}
