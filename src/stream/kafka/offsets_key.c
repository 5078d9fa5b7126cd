/* Keys of Kafka Connect's offset topic (stream/kafka/offsets.h). Pure. */
#include "base/json.h"
#include "stream/kafka/offsets.h"

void leat_kafka_offsets_key(const char *connector, leat_str partition, leat_buf *out)
{
    leat_buf_u8(out, '[');
    leat_json_quote(out, leat_str_of(connector));
    leat_buf_u8(out, ',');
    leat_buf_add(out, partition);
    leat_buf_u8(out, ']');
}

void leat_kafka_offsets_key_read(leat_str key, const char *connector, leat_arena *a, bool *mine,
                                 leat_str *partition)
{
    const leat_json *j = NULL;
    *mine = false;
    if (!key.s || leat_json_parse(a, key, &j, NULL) != LEAT_OK || j->type != LEAT_JSON_ARRAY)
        return;
    const leat_json *name = j->child, *of = name ? name->next : NULL;
    if (!of || of->next || name->type != LEAT_JSON_STRING || of->type != LEAT_JSON_OBJECT ||
        !leat_str_is(name->text, connector))
        return;
    leat_buf text = {0};
    leat_json_write(of, &text);
    *partition = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    *mine = true;
}
