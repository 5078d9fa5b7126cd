/* The JSON converter: its life, and the plans it keeps of schemas (convert/json.h).
 *
 * A plan holds what each value of a schema needs again: the names of fields as they are written,
 * the scale of decimals, the schema's text. Plans are found by the schema's address and live until
 * forget. Works in the caller's buffer and its own arena; run by one thread. */
#include "convert/json_part.h"

enum { SLOTS_FIRST = 64, KEEP = 256 * 1024 };

leat_json_converter *leat_json_converter_new(const leat_json_conf *conf)
{
    leat_json_converter *c = leat_zalloc(1, sizeof(*c));
    c->conf = *conf;
    c->nslots = SLOTS_FIRST;
    c->slots = leat_zalloc(c->nslots, sizeof(*c->slots));
    return c;
}

void leat_json_converter_free(leat_json_converter *c)
{
    if (c == NULL) return;
    leat_arena_free(&c->arena);
    leat_free(c->slots);
    leat_buf_free(&c->scratch);
    leat_buf_free(&c->limbs);
    leat_free(c);
}

void leat_json_converter_forget(leat_json_converter *c)
{
    if (c->nused == 0) return;
    leat_arena_reset(&c->arena, KEEP);
    memset(c->slots, 0, c->nslots * sizeof(*c->slots));
    c->nused = 0;
}

/* Where the plan of s is, or would be. */
static leat_json_plan **slot_of(const leat_json_converter *c, const leat_schema *s)
{
    size_t i = (size_t)((uintptr_t)s >> 4) * (size_t)UINT64_C(0x9e3779b97f4a7c15);
    for (i ^= i >> 32;; i++) {
        leat_json_plan **slot = &c->slots[i & (c->nslots - 1)];
        if (*slot == NULL || (*slot)->schema == s) return slot;
    }
}

static void grow(leat_json_converter *c)
{
    leat_json_plan **old = c->slots;
    size_t n = c->nslots;
    c->nslots = n * 2;
    c->slots = leat_zalloc(c->nslots, sizeof(*c->slots));
    for (size_t i = 0; i < n; i++)
        if (old[i] != NULL) *slot_of(c, old[i]->schema) = old[i];
    leat_free(old);
}

static void plan_fields(leat_json_converter *c, leat_json_plan *p)
{
    const leat_schema *s = p->schema;
    p->names = LEAT_NEW(&c->arena, leat_str, s->nfields);
    p->fields = LEAT_NEW(&c->arena, leat_json_plan *, s->nfields);
    p->memos = LEAT_NEW(&c->arena, leat_json_memo, s->nfields);
    for (uint32_t i = 0; i < s->nfields; i++) {
        leat_buf_clear(&c->scratch);
        leat_buf_u8(&c->scratch, i == 0 ? '{' : ',');
        leat_json_put_text(&c->scratch, leat_str_of(s->fields[i].name));
        leat_buf_u8(&c->scratch, ':');
        char *name = LEAT_NEW(&c->arena, char, c->scratch.len + LEAT_JSON_PIECE);
        memcpy(name, c->scratch.p, c->scratch.len);
        p->names[i] = (leat_str){name, c->scratch.len};
    }
    for (uint32_t i = 0; i < s->nfields; i++)
        p->fields[i] = leat_json_plan_of(c, s->fields[i].schema);
}

leat_json_plan *leat_json_plan_of(leat_json_converter *c, const leat_schema *s)
{
    if (s == NULL) return NULL;
    leat_json_plan **slot = slot_of(c, s);
    if (*slot != NULL) return *slot;
    leat_json_plan *p = LEAT_NEW(&c->arena, leat_json_plan, 1);
    p->schema = s;
    p->most = leat_json_int_most((leat_type)s->type);
    *slot = p;
    if (++c->nused * 2 > c->nslots) grow(c);
    if (s->logical == LEAT_L_DECIMAL) {
        int64_t scale = 0;
        p->scaled = leat_str_i64(leat_str_of(leat_schema_param_get(s, "scale")), &scale) &&
                    scale == (int32_t)scale;
        p->scale = (int32_t)scale;
    }
    if (s->type == LEAT_T_STRUCT) plan_fields(c, p);
    p->key = leat_json_plan_of(c, s->key);
    p->elem = leat_json_plan_of(c, s->elem);
    return p;
}

static leat_rc put_all(leat_json_out *w, leat_json_plan *p, const leat_value *v)
{
    if (!w->c->conf.schemas) return leat_json_put_value(w, p, v);
    leat_buf_add(w->out, LEAT_STR("{\"schema\":"));
    LEAT_TRY(leat_json_put_schema(w, p, v));
    leat_buf_add(w->out, LEAT_STR(",\"payload\":"));
    LEAT_TRY(leat_json_put_value(w, p, v));
    leat_buf_u8(w->out, '}');
    return LEAT_OK;
}

leat_rc leat_json_convert(leat_json_converter *c, const leat_schema *schema,
                          const leat_value *value, leat_str placeholder, leat_buf *out,
                          bool *is_null, leat_err *e)
{
    *is_null = schema == NULL && value->kind == LEAT_NULL;
    if (*is_null) return LEAT_OK;
    leat_json_out w = {.c = c, .out = out, .placeholder = placeholder, .e = e};
    size_t from = out->len;
    leat_rc rc = put_all(&w, leat_json_plan_of(c, schema), value);
    if (rc != LEAT_OK) out->len = from;
    return rc;
}

leat_rc leat_json_header(leat_json_converter *c, const leat_header *header, leat_buf *out,
                         leat_err *e)
{
    if (header->value.kind == LEAT_NULL) return LEAT_OK;
    leat_json_out w = {.c = c, .out = out, .e = e, .style = LEAT_JSON_HEADER};
    size_t from = out->len;
    leat_rc rc = leat_json_put_value(&w, leat_json_plan_of(c, header->schema), &header->value);
    if (rc != LEAT_OK) out->len = from;
    return rc;
}
