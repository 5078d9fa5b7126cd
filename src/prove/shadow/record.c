/* Records of `leat shadow` (prove/shadow/record.h).
 *
 * The place is made of what both connectors read from the log: the change's LSN and transaction, of
 * a binary log its file, position and row; the operation. Several rows can share it (one COPY): the
 * key tells them apart. A tombstone has nothing of its own: it follows its delete at once, in the
 * same partition. */
#include "prove/shadow/record.h"

#include <inttypes.h>

enum { TOMBSTONE = 0x7e5d };

const leat_json *leat_shadow_payload(const leat_json *j, const leat_json **schema)
{
    const leat_json *s = leat_json_get(j, "schema"), *payload = leat_json_get(j, "payload");
    bool both = s && payload && j->child->next && !j->child->next->next;
    *schema = both ? s : NULL;
    return both ? payload : j;
}

static uint64_t hash_json(const leat_json *j, leat_arena *a)
{
    return j ? leat_str_hash(leat_json_text(j, a)) : 0;
}

static uint64_t mix(uint64_t x, uint64_t y)
{
    uint64_t both[2] = {x, y};
    return leat_str_hash((leat_str){(const char *)both, sizeof both});
}

uint64_t leat_shadow_place(uint64_t topic, uint64_t spot, char op)
{
    return mix(topic, mix(spot, (unsigned char)op));
}

uint64_t leat_shadow_tombstone(uint64_t place)
{
    return mix(place, TOMBSTONE);
}

uint64_t leat_shadow_spot(const leat_json *at)
{
    leat_str file = leat_json_get_str(at, "file");
    int64_t pos = leat_json_get_i64(at, file.s ? "pos" : "lsn", 0);
    int64_t row = leat_json_get_i64(at, file.s ? "row" : "txId", 0);
    return mix(mix(file.s ? leat_str_hash(file) : 0, (uint64_t)pos), (uint64_t)row);
}

/* What Debezium puts in the place of a key that it was not told. */
static bool is_blank(const leat_json *key)
{
    static const char *const zeros[] = {"", "0", "0.0",
                                        "AA==", "00000000-0000-0000-0000-000000000000"};
    for (const leat_json *j = key && key->type == LEAT_JSON_OBJECT ? key->child : NULL; j;
         j = j->next) {
        bool zero = j->type == LEAT_JSON_NULL || j->type == LEAT_JSON_FALSE;
        bool text = j->type == LEAT_JSON_STRING || j->type == LEAT_JSON_NUMBER;
        for (size_t i = 0; i < sizeof zeros / sizeof *zeros && text && !zero; i++)
            zero = leat_str_is(j->text, zeros[i]);
        if (!zero) return false;
    }
    return key && key->type == LEAT_JSON_OBJECT;
}

/* The first number of ["12","34"]; of a binary log the place itself; -1: null. */
static int64_t commit_of(const leat_json *source)
{
    enum { POS_BITS = 40, FILES = 1 << 22 };
    leat_str text = leat_json_get_str(source, "sequence"), file = leat_json_get_str(source, "file");
    int64_t n = -1;
    if (file.s) {
        while (file.s) text = leat_str_cut(&file, '.');
        bool good = leat_str_i64(text, &n) && n >= 0 && n < FILES;
        return good ? n << POS_BITS | leat_json_get_i64(source, "pos", 0) : -1;
    }
    if (text.s && text.len > 2 && text.s[1] == '"') {
        text.s += 2;
        text.len -= 2;
        leat_str_i64(leat_str_cut(&text, '"'), &n);
    }
    return n;
}

static leat_rc parse(leat_arena *a, const char *topic, const char *part, leat_str text,
                     const leat_json **out, leat_err *e)
{
    *out = NULL;
    if (!text.s || leat_json_parse(a, text, out, NULL) == LEAT_OK) return LEAT_OK;
    return leat_fail(
        e, LEAT_DATA, "shadow.json", topic,
        "its %s is no JSON; records can be compared that Kafka Connect's JsonConverter "
        "wrote (key.converter, value.converter)",
        part);
}

/* A change: by its source block. */
static void of_change(const leat_shadow_scope *scope, const leat_json *value,
                      const leat_json *source, leat_arena *a, leat_shadow_id *out)
{
    leat_str op = leat_json_get_str(value, "op"), name = leat_json_get_str(source, "name");
    const leat_json *before = leat_json_get(value, "before"),
                    *after = leat_json_get(value, "after");
    out->change = true;
    out->commit = commit_of(source);
    out->ts_us = leat_json_get_i64(source, "ts_ms", 0) * 1000;
    out->after = hash_json(after, a);
    out->row = mix(hash_json(before, a), out->after);
    out->rows = leat_str_is(op, "r");
    if (!leat_str_is(name, scope->name))
        out->skip = LEAT_SHADOW_SKIP_OTHER;
    else if (leat_str_is(leat_json_get_str(source, "snapshot"), "incremental"))
        out->skip = LEAT_SHADOW_SKIP_INCREMENTAL;
    else if (out->rows && !scope->rows)
        out->skip = LEAT_SHADOW_SKIP_ROWS;
    out->spot = leat_shadow_spot(source);
    out->place = leat_shadow_place(out->topic, out->spot, op.len ? op.s[0] : 0);
}

/* By its name alone. */
static leat_shadow_skip skip_topic(const leat_shadow_scope *scope, const char *topic)
{
    if (scope->heartbeats && leat_str_starts(leat_str_of(topic), scope->heartbeats))
        return LEAT_SHADOW_SKIP_HEARTBEAT;
    if (scope->notification && strcmp(topic, scope->notification) == 0)
        return LEAT_SHADOW_SKIP_NOTIFICATION;
    if (scope->signal && strcmp(topic, scope->signal) == 0) return LEAT_SHADOW_SKIP_SIGNAL;
    return LEAT_SHADOW_TAKE;
}

leat_rc leat_shadow_identify(const leat_shadow_scope *scope, const char *topic,
                             const leat_shadow_text *text, const leat_shadow_id *last,
                             leat_arena *a, leat_shadow_id *out, leat_err *e)
{
    const leat_json *key, *value, *schema;
    *out = (leat_shadow_id){.commit = -1, .known = true, .skip = skip_topic(scope, topic)};
    if (out->skip) return LEAT_OK;
    LEAT_TRY(parse(a, topic, "key", text->key, &key, e));
    if (key) key = leat_shadow_payload(key, &schema);
    if (!text->value.s) {
        *out = *last;
        out->place = leat_shadow_tombstone(out->place);
        out->key = hash_json(key, a);
        out->row = 0;
        if (!last->known) out->skip = LEAT_SHADOW_SKIP_BEFORE;
        return LEAT_OK;
    }
    LEAT_TRY(parse(a, topic, "value", text->value, &value, e));
    value = leat_shadow_payload(value, &schema);
    const leat_json *source = leat_json_get(value, "source"), *id = leat_json_get(value, "id"),
                    *status = leat_json_get(value, "status");
    out->key = hash_json(key, a);
    out->place = out->topic = leat_str_hash(leat_str_of(topic));
    if (source && source->type == LEAT_JSON_OBJECT) {
        of_change(scope, value, source, a, out);
        out->blank = leat_str_is(leat_json_get_str(value, "op"), "d") && is_blank(key);
        if (out->rows) out->place = mix(out->topic, out->key ^ 'r');
        if (out->rows && !text->key.s) out->place = mix(out->place, out->row);
    } else if (id && status) {
        out->place = mix(out->place, mix(hash_json(id, a), hash_json(status, a)));
    } else {
        return leat_fail(e, LEAT_DATA, "shadow.json", topic,
                         "a record is not Debezium's envelope: no \"source\" in its value; records "
                         "that were transformed cannot be compared");
    }
    return LEAT_OK;
}
