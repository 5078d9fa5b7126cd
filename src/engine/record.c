/* Records as lines of JSON. Key and value are JSON values as Kafka Connect's JsonConverter makes
 * them, headers as its SimpleHeaderConverter prints them. Run by one thread; reads state.db once,
 * for the converters' settings. */
#include "engine/record.h"

#include "engine/setup.h"
#include "state/state.h"

static void settings(const char *data, const char *connector, leat_arena *a,
                     leat_connector_conf *out)
{
    leat_state *s = NULL;
    leat_str json = {0};
    leat_config *config = NULL;
    leat_report r;
    leat_report_init(&r, a);
    if (leat_state_open(data, connector, true, &s, NULL) == LEAT_OK &&
        leat_state_config_get(s, a, &json, NULL) == LEAT_OK && json.s &&
        leat_config_json(a, json, connector, &config, NULL) == LEAT_OK)
        leat_setup_common(config, a, out, &r);
    else
        out->key_defaults = out->value_defaults = true;
    leat_state_close(s);
}

void leat_record_form_init(leat_record_form *f, const char *data, const char *connector,
                           bool schemas)
{
    leat_arena a;
    leat_connector_conf o = {0};
    leat_arena_init(&a, 0);
    settings(data, connector, &a, &o);
    leat_json_conf key = {schemas, o.key_decimal != 0, o.key_defaults};
    leat_json_conf value = {schemas, o.value_decimal != 0, o.value_defaults};
    *f = (leat_record_form){.keys = leat_json_converter_new(&key),
                            .values = leat_json_converter_new(&value)};
    leat_arena_free(&a);
}

void leat_record_form_fini(leat_record_form *f)
{
    leat_json_converter_free(f->keys);
    leat_json_converter_free(f->values);
    leat_buf_free(&f->scratch);
    *f = (leat_record_form){0};
}

void leat_record_form_forget(leat_record_form *f)
{
    leat_json_converter_forget(f->keys);
    leat_json_converter_forget(f->values);
}

leat_rc leat_record_part(leat_json_converter *c, leat_jw *w, const char *name,
                         const leat_schema *schema, const leat_value *value, leat_str placeholder,
                         leat_err *e)
{
    bool is_null = false;
    leat_jw_name(w, name);
    LEAT_TRY(leat_json_convert(c, schema, value, placeholder, w->out, &is_null, e));
    if (is_null) leat_buf_add(w->out, LEAT_STR("null"));
    return LEAT_OK;
}

leat_rc leat_record_row(leat_json_converter *c, leat_jw *w, const char *name,
                        const leat_schema *row, const leat_value *cells, leat_err *e)
{
    if (!cells) {
        leat_jw_null(w, name);
        return LEAT_OK;
    }
    leat_jw_object(w, name);
    for (uint32_t i = 0; i < row->nfields; i++)
        if (cells[i].kind != LEAT_ABSENT)
            LEAT_TRY(leat_record_part(c, w, row->fields[i].name, row->fields[i].schema, &cells[i],
                                      (leat_str){0}, e));
    leat_jw_end(w);
    return LEAT_OK;
}

static leat_rc put_headers(leat_record_form *f, leat_jw *w, const leat_record *record, leat_err *e)
{
    leat_jw_array(w, "headers");
    for (uint32_t i = 0; i < record->nheaders; i++) {
        const leat_header *header = &record->headers[i];
        leat_buf_clear(&f->scratch);
        LEAT_TRY(leat_json_header(f->keys, header, &f->scratch, e));
        leat_jw_array(w, NULL);
        leat_jw_z(w, NULL, header->name);
        if (header->value.kind == LEAT_NULL)
            leat_jw_null(w, NULL);
        else
            leat_jw_str(w, NULL, leat_buf_str(&f->scratch));
        leat_jw_end(w);
    }
    leat_jw_end(w);
    return LEAT_OK;
}

leat_rc leat_record_write(leat_record_form *f, const leat_event *ev, const leat_record *record,
                          int64_t offset, leat_buf *out, leat_err *e)
{
    leat_str placeholder = ev->op ? ev->table->origin->placeholder : (leat_str){0};
    leat_jw w = {.out = out};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "topic", record->topic);
    leat_jw_i64(&w, "partition", ev->partition);
    leat_jw_i64(&w, "offset", offset);
    leat_jw_i64(&w, "timestamp", ev->seen_us / 1000);
    LEAT_TRY(
        leat_record_part(f->keys, &w, "key", record->key_schema, &record->key, placeholder, e));
    LEAT_TRY(leat_record_part(f->values, &w, "value", record->value_schema, &record->value,
                              placeholder, e));
    LEAT_TRY(put_headers(f, &w, record, e));
    leat_jw_end(&w);
    leat_buf_u8(out, '\n');
    return LEAT_OK;
}

void leat_record_text(const leat_event *ev, const leat_record *r, leat_buf *out)
{
    bool is_null, keyed = r->value.kind == LEAT_NULL;
    const leat_json_conf conf = {.replace_null_with_default = true};
    leat_json_converter *json = leat_json_converter_new(&conf);
    leat_str placeholder = ev->op ? ev->table->origin->placeholder : (leat_str){0};
    leat_json_convert(json, keyed ? r->key_schema : r->value_schema, keyed ? &r->key : &r->value,
                      placeholder, out, &is_null, NULL);
    leat_json_converter_free(json);
}

const leat_json *leat_record_payload(const leat_json *j)
{
    const leat_json *schema = leat_json_get(j, "schema"), *payload = leat_json_get(j, "payload");
    bool both = schema && payload && j->child->next && !j->child->next->next;
    return both ? payload : j;
}

void leat_record_bytes(leat_jw *w, leat_arena *a, const char *name, leat_str bytes, bool schemas)
{
    const leat_json *j = NULL;
    if (!bytes.s) {
        leat_jw_null(w, name);
    } else if (bytes.len && leat_json_parse(a, bytes, &j, NULL) == LEAT_OK) {
        leat_jw_name(w, name);
        leat_json_write(schemas ? j : leat_record_payload(j), w->out);
    } else if (leat_str_utf8(bytes)) {
        leat_jw_str(w, name, bytes);
    } else {
        leat_jw_object(w, name);
        leat_jw_name(w, "$base64");
        leat_buf_u8(w->out, '"');
        leat_buf_base64(w->out, bytes, false);
        leat_buf_u8(w->out, '"');
        leat_jw_end(w);
    }
}

void leat_record_headers(leat_jw *w, leat_arena *a, const char *name, const leat_kafka_message *m)
{
    leat_jw_array(w, name);
    for (size_t i = 0; i < m->nheaders; i++) {
        leat_str value = m->headers[i].value;
        leat_jw_array(w, NULL);
        leat_jw_z(w, NULL, m->headers[i].name);
        if (value.s && !leat_str_utf8(value))
            leat_record_bytes(w, a, NULL, value, false);
        else
            leat_jw_str(w, NULL, value);
        leat_jw_end(w);
    }
    leat_jw_end(w);
}
