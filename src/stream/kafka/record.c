/* Events as Kafka's records: the same view and the same converters by which `leat read` shows them.
 *
 * A change's schemas are known to the converter by their addresses, so the registry pins the table
 * they belong to; when a connection brings another object of the same version, the converters
 * forget and that one is pinned. A record's schemas live only as long as its batch. Topics are
 * numbered by the port. Run by the stream's thread. */
#include "event/envelope.h"
#include "stream/kafka/part.h"

enum { SCRATCH_KEEP = 1 << 20, BYTES_KEEP = 4 << 20 };

void leat_kafka_records_init(leat_kafka *k)
{
    k->keys = leat_json_converter_new(&k->conf.key);
    k->values = leat_json_converter_new(&k->conf.value);
    k->record_keys = leat_json_converter_new(&k->conf.key);
    k->record_values = leat_json_converter_new(&k->conf.value);
    k->header = k->conf.json_headers ? leat_json_converter_new(&k->conf.header) : NULL;
    leat_registry_init(&k->registry);
}

void leat_kafka_records_fini(leat_kafka *k)
{
    leat_json_converter_free(k->keys);
    leat_json_converter_free(k->values);
    leat_json_converter_free(k->record_keys);
    leat_json_converter_free(k->record_values);
    if (k->header) leat_json_converter_free(k->header);
    leat_table_unpin(k->made);
    leat_registry_free(&k->registry);
    leat_names_free(&k->topics);
    leat_arena_free(&k->scratch);
    leat_buf_free(&k->bytes);
    leat_free(k->headers);
}

void leat_kafka_forget(leat_kafka *k)
{
    leat_json_converter_forget(k->keys);
    leat_json_converter_forget(k->values);
}

uint32_t leat_kafka_row(leat_kafka *k, const leat_event *ev)
{
    if (ev->op == LEAT_OP_RECORD) return 0;
    const leat_table *t = ev->table;
    uint32_t i = leat_registry_find(&k->registry, t->fingerprint);
    if (i == LEAT_MAP_NONE) i = leat_registry_add(&k->registry, t->fingerprint);
    leat_registry_row *row = &k->registry.rows[i];
    if (row->table == t) return i + 1;
    if (row->table != NULL) {
        leat_kafka_forget(k);
        leat_table_unpin(row->table);
    }
    row->table = leat_table_pin(t);
    return i + 1;
}

/* The other records of a change that transforms made records of come behind it. */
static void note_made(leat_kafka *k, const leat_event *ev)
{
    bool made = ev->op != LEAT_OP_RECORD && (ev->table->flags & LEAT_TABLE_RECORD);
    if (!made || k->made == ev->table) return;
    leat_table_unpin(k->made);
    k->made = leat_table_pin(ev->table);
}

leat_str leat_kafka_placeholder(const leat_kafka *k, const leat_event *ev)
{
    const leat_table *t = ev->flags & LEAT_EV_OF_CHANGE ? k->made : NULL;
    if (ev->op != LEAT_OP_RECORD) t = ev->table;
    return t ? t->origin->placeholder : (leat_str){0};
}

static uint32_t topic_of(leat_kafka *k, const char *topic)
{
    leat_str name = leat_str_of(topic);
    uint32_t i = leat_names_find(&k->topics, name);
    if (i == LEAT_MAP_NONE) {
        i = leat_names_put(&k->topics, name);
        k->topics.v[i].slot = k->broker->ops->topic(k->broker, topic);
    }
    return k->topics.v[i].slot;
}

/* Where a part of k->bytes is, which may move while others are added. */
typedef struct span {
    size_t at, len;
    bool null;
} span;

static leat_rc put_part(leat_kafka *k, leat_json_converter *c, const leat_schema *schema,
                        const leat_value *value, leat_str placeholder, span *out, leat_err *e)
{
    out->at = k->bytes.len;
    LEAT_TRY(leat_json_convert(c, schema, value, placeholder, &k->bytes, &out->null, e));
    out->len = k->bytes.len - out->at;
    return LEAT_OK;
}

static leat_str text_of(const leat_kafka *k, const span *s)
{
    if (s->null) return (leat_str){0};
    return (leat_str){k->bytes.p ? k->bytes.p + s->at : "", s->len};
}

/* As Kafka Connect has it by default, or as Debezium Server has it. Its schema may be of the record
 * alone, so its text is not kept. */
static leat_rc put_header(leat_kafka *k, leat_json_converter *c, const leat_header *h, leat_err *e)
{
    bool null;
    if (!k->header) return leat_json_header(c, h, &k->bytes, e);
    leat_json_converter_forget(k->header);
    return leat_json_convert(k->header, h->schema, &h->value, (leat_str){0}, &k->bytes, &null, e);
}

static leat_rc put_headers(leat_kafka *k, leat_json_converter *c, const leat_record *record,
                           span *spans, leat_err *e)
{
    if (k->headers_cap < record->nheaders) {
        k->headers_cap = record->nheaders;
        k->headers = leat_realloc(k->headers, k->headers_cap * sizeof *k->headers);
    }
    for (uint32_t i = 0; i < record->nheaders; i++) {
        const leat_header *h = &record->headers[i];
        spans[i] = (span){.at = k->bytes.len, .null = h->value.kind == LEAT_NULL};
        LEAT_TRY(put_header(k, c, h, e));
        spans[i].len = k->bytes.len - spans[i].at;
    }
    for (uint32_t i = 0; i < record->nheaders; i++)
        k->headers[i] = (leat_broker_header){record->headers[i].name, text_of(k, &spans[i])};
    return LEAT_OK;
}

static leat_rc produce_one(leat_kafka *k, const leat_event *ev, const leat_record *record,
                           uint64_t tag, leat_err *e)
{
    bool change = ev->op != LEAT_OP_RECORD;
    leat_json_converter *keys = change ? k->keys : k->record_keys;
    leat_json_converter *values = change ? k->values : k->record_values;
    leat_str placeholder = leat_kafka_placeholder(k, ev);
    span key, value, *headers = LEAT_NEW(&k->scratch, span, record->nheaders);
    leat_buf_clear_to(&k->bytes, BYTES_KEEP);
    LEAT_TRY(put_part(k, keys, record->key_schema, &record->key, placeholder, &key, e));
    LEAT_TRY(put_part(k, values, record->value_schema, &record->value, placeholder, &value, e));
    LEAT_TRY(put_headers(k, keys, record, headers, e));
    leat_broker_record out = {
        .topic = topic_of(k, record->topic),
        .partition = -1,
        .key = text_of(k, &key),
        .value = text_of(k, &value),
        .headers = k->headers,
        .nheaders = record->nheaders,
        .timestamp_ms = ev->seen_us / 1000,
        .tag = tag,
    };
    return k->broker->ops->produce(k->broker, &out, e);
}

leat_rc leat_kafka_produce(leat_kafka *k, const leat_parcel *p, const leat_event *ev, uint32_t n,
                           uint32_t to, uint32_t *sent, leat_err *e)
{
    leat_rc rc = LEAT_OK;
    uint32_t at = 0, skip = p->sent;
    bool some = false;
    if (!k->met) rc = LEAT_AGAIN;
    for (uint32_t i = 0; i < n && rc == LEAT_OK && at < to; i++) {
        unsigned more = leat_event_records(&ev[i]);
        note_made(k, &ev[i]);
        if (at + more <= skip || leat_kafka_dropped(p, i, &ev[i])) {
            at += more;
            continue;
        }
        leat_record view[LEAT_RECORDS_MAX];
        leat_arena_reset(&k->scratch, SCRATCH_KEEP);
        leat_kafka_row(k, &ev[i]);
        leat_envelope_records(&ev[i], &k->scratch, view);
        for (unsigned r = 0; r < more && rc == LEAT_OK && at < to; r++, at++) {
            if (at < skip) continue;
            rc = produce_one(k, &ev[i], &view[r], p->first + at, e);
            some |= ev[i].op == LEAT_OP_RECORD;
            if (rc != LEAT_OK) break;
            k->once.records++;
        }
    }
    *sent = at > skip ? at : skip;
    if (*sent > to) *sent = to;
    if (some) {
        leat_json_converter_forget(k->record_keys);
        leat_json_converter_forget(k->record_values);
    }
    return rc;
}
