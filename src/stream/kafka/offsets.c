/* Reading Kafka Connect's offset topic (stream/kafka/offsets.h): the last value of each key of the
 * connector is kept and the rest thrown away. An offset is kept as text, without white space:
 * numbers as they were written. */
#include "stream/kafka/offsets.h"

#include "base/clock.h"
#include "base/json.h"
#include "stream/kafka/fetch.h"

enum { BEGIN_MS = 2000 };

typedef struct found {
    char *partition;
    char *offset; /* NULL: forgotten */
} found;

struct leat_kafka_offsets {
    leat_kafka_fetch *fetch;
    char *topic, *connector;
    found *v;
    size_t n;
    leat_arena a; /* of one record */
    bool begun, empty;
};

leat_rc leat_kafka_offsets_open(const leat_kafka_clients *kafka, const char *topic,
                                const char *connector, leat_kafka_offsets_view view,
                                leat_kafka_offsets **out, leat_err *e)
{
    leat_kafka_fetch *fetch = NULL;
    const leat_kafka_fetch_conf conf = {
        .kafka = kafka, .name = "leat-offsets", .whole = view == LEAT_KAFKA_OFFSETS_SETTLED};
    LEAT_TRY(leat_kafka_fetch_open(&conf, &fetch, e));
    leat_kafka_offsets *o = leat_zalloc(1, sizeof *o);
    o->fetch = fetch;
    o->topic = leat_strdup(topic);
    o->connector = leat_strdup(connector);
    leat_arena_init(&o->a, 0);
    *out = o;
    return LEAT_OK;
}

void leat_kafka_offsets_close(leat_kafka_offsets *o)
{
    if (!o) return;
    leat_kafka_fetch_close(o->fetch);
    for (size_t i = 0; i < o->n; i++) {
        leat_free(o->v[i].partition);
        leat_free(o->v[i].offset);
    }
    leat_free(o->v);
    leat_free(o->topic);
    leat_free(o->connector);
    leat_arena_free(&o->a);
    leat_free(o);
}

static found *entry(leat_kafka_offsets *o, leat_str partition)
{
    for (size_t i = 0; i < o->n; i++)
        if (leat_str_is(partition, o->v[i].partition)) return &o->v[i];
    o->v = leat_realloc(o->v, (o->n + 1) * sizeof *o->v);
    o->v[o->n] = (found){leat_strdup(partition.s), NULL};
    return &o->v[o->n++];
}

/* CONF "kafka.offset": what stands there is no offset, and going on without it would read all from
 * its beginning. */
static leat_rc take(leat_kafka_offsets *o, const leat_kafka_message *m, leat_err *e)
{
    bool mine;
    leat_str partition = {0};
    const leat_json *value = NULL;
    leat_arena_reset(&o->a, 1 << 16);
    leat_kafka_offsets_key_read(m->key, o->connector, &o->a, &mine, &partition);
    if (!mine) return LEAT_OK;
    if (m->value.s && (leat_json_parse(&o->a, m->value, &value, NULL) != LEAT_OK ||
                       (value->type != LEAT_JSON_OBJECT && value->type != LEAT_JSON_NULL)))
        return leat_fail(e, LEAT_CONF, "kafka.offset", o->topic,
                         "the offset of %s %s (partition %d, offset %lld of the topic) is no JSON "
                         "object; write it anew, or a null for the key to forget it",
                         o->connector, partition.s, (int)m->partition, (long long)m->offset);
    found *f = entry(o, partition);
    leat_free(f->offset);
    f->offset = NULL;
    if (value && value->type == LEAT_JSON_OBJECT) {
        leat_buf text = {0};
        leat_json_write(value, &text);
        f->offset = leat_strdup(leat_arena_str(&o->a, leat_buf_str(&text)).s);
        leat_buf_free(&text);
    }
    return LEAT_OK;
}

static leat_rc begin(leat_kafka_offsets *o, int ms, leat_err *e)
{
    leat_err err = {0};
    leat_rc rc = leat_kafka_fetch_topic(o->fetch, o->topic, -1, LEAT_KAFKA_BEGINNING, 0,
                                        ms < BEGIN_MS ? BEGIN_MS : ms, &err);
    if (rc == LEAT_CONF && strcmp(err.code, "topic.unknown") == 0) {
        o->begun = o->empty = true;
        return LEAT_OK;
    }
    if (rc != LEAT_OK) return leat_fail(e, rc, err.code, err.where, "%s", err.msg);
    o->begun = true;
    return LEAT_OK;
}

leat_rc leat_kafka_offsets_read(leat_kafka_offsets *o, int ms, leat_err *e)
{
    int64_t until = leat_mono_us() + (int64_t)ms * 1000;
    if (!o->begun) LEAT_TRY(begin(o, ms, e));
    while (!o->empty && !leat_kafka_fetch_at_end(o->fetch)) {
        leat_kafka_message m;
        int64_t left = (until - leat_mono_us()) / 1000;
        leat_rc rc = leat_kafka_fetch_next(o->fetch, &m, left > 0 ? (int)left : 0, e);
        if (leat_rc_failed(rc)) return rc;
        if (rc == LEAT_OK) LEAT_TRY(take(o, &m, e));
        if (rc == LEAT_AGAIN && left <= 0) return LEAT_AGAIN;
    }
    return LEAT_OK;
}

void leat_kafka_offsets_take(leat_kafka_offsets *o, leat_arena *a, leat_position **pos, size_t *n)
{
    *pos = LEAT_NEW(a, leat_position, o->n + 1);
    *n = 0;
    for (size_t i = 0; i < o->n; i++) {
        if (!o->v[i].offset) continue;
        (*pos)[(*n)++] = (leat_position){leat_arena_str(a, leat_str_of(o->v[i].partition)),
                                         leat_arena_str(a, leat_str_of(o->v[i].offset))};
    }
}
