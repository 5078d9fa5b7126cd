/* Schemas as JSON, as JsonConverter.asJsonSchema orders their parts (convert/json_part.h):
 *
 *   {"type":T, "items":S | "keys":S,"values":S | "fields":[S with "field":NAME at its end...],
 *    "optional":B, ["name":N,] ["version":V,] ["doc":D,] ["parameters":{...},] ["default":VALUE]}
 *
 * The text of a whole schema is kept in its plan. */
#include "convert/json_part.h"

static leat_rc put_schema(leat_json_out *w, leat_json_plan *p, const leat_value *v,
                          const char *field);

static void put_member(leat_buf *out, const char *name, const char *text)
{
    leat_buf_str_z(out, name);
    leat_json_put_text(out, leat_str_of(text));
}

/* v: the struct's value, NULL where it does not matter. */
static leat_rc put_fields(leat_json_out *w, leat_json_plan *p, const leat_value *v)
{
    const leat_schema *s = p->schema;
    const leat_value *cells =
        v && v->kind == LEAT_STRUCT && v->len == s->nfields ? v->u.list : NULL;
    bool first = true;
    leat_buf_add(w->out, LEAT_STR(",\"fields\":["));
    for (uint32_t i = 0; i < s->nfields; i++) {
        if (cells && leat_json_leaves_out(w, &cells[i])) continue;
        if (!first) leat_buf_u8(w->out, ',');
        first = false;
        LEAT_TRY(put_schema(w, p->fields[i], cells ? &cells[i] : NULL, s->fields[i].name));
    }
    leat_buf_u8(w->out, ']');
    return LEAT_OK;
}

static leat_rc put_parts(leat_json_out *w, leat_json_plan *p, const leat_value *v)
{
    const leat_schema *s = p->schema;
    switch (s->type) {
    case LEAT_T_ARRAY: leat_buf_add(w->out, LEAT_STR(",\"items\":")); break;
    case LEAT_T_MAP:
        leat_buf_add(w->out, LEAT_STR(",\"keys\":"));
        LEAT_TRY(put_schema(w, p->key, NULL, NULL));
        leat_buf_add(w->out, LEAT_STR(",\"values\":"));
        break;
    case LEAT_T_STRUCT: return put_fields(w, p, v);
    default: return LEAT_OK;
    }
    return put_schema(w, p->elem, NULL, NULL);
}

static void put_parameters(leat_buf *out, const leat_schema *s)
{
    leat_buf_add(out, LEAT_STR(",\"parameters\":{"));
    for (uint32_t i = 0; i < s->nparams; i++) {
        if (i > 0) leat_buf_u8(out, ',');
        leat_json_put_text(out, leat_str_of(s->params[i].key));
        put_member(out, ":", s->params[i].value);
    }
    leat_buf_u8(out, '}');
}

/* field: the name under which it stands in a struct, or NULL. */
static leat_rc put_schema(leat_json_out *w, leat_json_plan *p, const leat_value *v,
                          const char *field)
{
    leat_buf *out = w->out;
    if (p == NULL) {
        leat_buf_add(out, LEAT_STR("null"));
        return LEAT_OK;
    }
    const leat_schema *s = p->schema;
    put_member(out, "{\"type\":", leat_type_name((leat_type)s->type));
    LEAT_TRY(put_parts(w, p, v));
    leat_buf_str_z(out, s->optional ? ",\"optional\":true" : ",\"optional\":false");
    if (s->name != NULL) put_member(out, ",\"name\":", s->name);
    if (s->version != 0) {
        leat_buf_add(out, LEAT_STR(",\"version\":"));
        leat_buf_i64(out, s->version);
    }
    if (s->doc != NULL) put_member(out, ",\"doc\":", s->doc);
    if (s->nparams > 0) put_parameters(out, s);
    if (s->def != NULL) {
        leat_buf_add(out, LEAT_STR(",\"default\":"));
        LEAT_TRY(leat_json_put_value(w, p, s->def));
    }
    if (field != NULL) put_member(out, ",\"field\":", field);
    leat_buf_u8(out, '}');
    return LEAT_OK;
}

/* A field in it, or in a struct in it, is left out. */
static bool leaves_out_any(const leat_json_out *w, const leat_value *v)
{
    if (v->kind != LEAT_STRUCT) return false;
    for (uint32_t i = 0; i < v->len; i++)
        if (leat_json_leaves_out(w, &v->u.list[i]) || leaves_out_any(w, &v->u.list[i])) return true;
    return false;
}

leat_rc leat_json_put_schema(leat_json_out *w, leat_json_plan *p, const leat_value *v)
{
    if (v != NULL && w->placeholder.s == NULL && leaves_out_any(w, v))
        return put_schema(w, p, v, NULL);
    if (p != NULL && p->text.s != NULL) {
        leat_buf_add(w->out, p->text);
        return LEAT_OK;
    }
    size_t from = w->out->len;
    LEAT_TRY(put_schema(w, p, NULL, NULL));
    if (p != NULL)
        p->text = leat_arena_str(&w->c->arena, (leat_str){w->out->p + from, w->out->len - from});
    return LEAT_OK;
}
