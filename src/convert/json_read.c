/* JSON with and without schemas -> schemas and cells (convert/json_read.h).
 *
 *     with     {"schema":S,"payload":P}    S as convert/json_schema.c orders it, or null
 *     without  P
 *
 * The schema of a topic is nearly always that of the record before: its text, up to the payload,
 * is kept, and what begins with it is not parsed again. Values are in json_read_value.c. */
#include "convert/json_read.h"

#include "convert/json_read_part.h"

enum {
    DEPTH = 40, /* of schemas in each other, less than what event/wire.h takes */
    KEPT = 4096,
    KEPT_BYTES = 32 << 20,
    SCRATCH = 1 << 18,
};

/* A schema by the text in front of a payload. */
typedef struct known {
    leat_str front; /* {"schema":...,"payload": */
    const leat_schema *schema;
} known;

struct leat_json_reader {
    leat_json_read_conf conf;
    leat_arena arena;   /* of the schemas */
    leat_arena scratch; /* of the text that is read */
    known kept[KEPT];
    unsigned n, last;
};

leat_json_reader *leat_json_reader_new(const leat_json_read_conf *conf)
{
    leat_json_reader *r = leat_zalloc(1, sizeof *r);
    r->conf = *conf;
    return r;
}

void leat_json_reader_free(leat_json_reader *r)
{
    if (!r) return;
    leat_arena_free(&r->arena);
    leat_arena_free(&r->scratch);
    leat_free(r);
}

bool leat_json_reader_full(const leat_json_reader *r)
{
    return r->n == KEPT || r->arena.held > KEPT_BYTES;
}

void leat_json_reader_forget(leat_json_reader *r)
{
    leat_arena_reset(&r->arena, SCRATCH);
    r->n = r->last = 0;
}

/* ---- schemas ---- */

static leat_rc bad_schema(leat_err *e, const char *what)
{
    return leat_fail(e, LEAT_DATA, "convert.read", "schema",
                     "the schema beside the value cannot be read: %s", what);
}

static leat_rc read_schema(leat_json_reader *r, const leat_json *j, unsigned depth,
                           leat_schema **out, leat_err *e);

static leat_rc read_fields(leat_json_reader *r, const leat_json *j, unsigned depth, leat_schema *s,
                           leat_err *e)
{
    const leat_json *fields = leat_json_get(j, "fields");
    uint32_t n = 0;
    if (!fields || fields->type != LEAT_JSON_ARRAY) return bad_schema(e, "a struct has no fields");
    for (const leat_json *f = fields->child; f; f = f->next) n++;
    leat_field *list = LEAT_NEW(&r->arena, leat_field, n + 1);
    for (const leat_json *f = fields->child; f; f = f->next) {
        leat_schema *of;
        leat_str name = leat_json_get_str(f, "field");
        if (!name.s || memchr(name.s, 0, name.len))
            return bad_schema(e, "a field of a struct has no name");
        LEAT_TRY(read_schema(r, f, depth + 1, &of, e));
        if (leat_schema_field(s, name) >= 0) return bad_schema(e, "a struct has a field twice");
        list[s->nfields] = (leat_field){leat_arena_str(&r->arena, name).s, of};
        s->fields = list;
        s->nfields++;
    }
    return LEAT_OK;
}

static leat_rc read_parts(leat_json_reader *r, const leat_json *j, unsigned depth, leat_schema *s,
                          leat_err *e)
{
    leat_schema *elem = NULL, *key = NULL;
    if (s->type == LEAT_T_STRUCT) return read_fields(r, j, depth, s, e);
    if (s->type == LEAT_T_ARRAY)
        LEAT_TRY(read_schema(r, leat_json_get(j, "items"), depth + 1, &elem, e));
    if (s->type == LEAT_T_MAP) {
        LEAT_TRY(read_schema(r, leat_json_get(j, "keys"), depth + 1, &key, e));
        LEAT_TRY(read_schema(r, leat_json_get(j, "values"), depth + 1, &elem, e));
    }
    s->elem = elem;
    s->key = key;
    return LEAT_OK;
}

static bool type_of(leat_str name, leat_type *out)
{
    for (int type = LEAT_T_INT8; type <= LEAT_T_STRUCT; type++) {
        if (!leat_str_is(name, leat_type_name((leat_type)type))) continue;
        *out = (leat_type)type;
        return true;
    }
    return false;
}

static const char *text_of(leat_json_reader *r, const leat_json *j, const char *name)
{
    leat_str text = leat_json_get_str(j, name);
    return text.s ? leat_arena_str(&r->arena, text).s : NULL;
}

static leat_rc read_schema(leat_json_reader *r, const leat_json *j, unsigned depth,
                           leat_schema **out, leat_err *e)
{
    leat_type type;
    if (!j || j->type != LEAT_JSON_OBJECT) return bad_schema(e, "a part of it is no object");
    if (depth > DEPTH) return bad_schema(e, "it is too deep");
    if (!type_of(leat_json_get_str(j, "type"), &type)) return bad_schema(e, "its type is unknown");
    leat_schema *s =
        leat_schema_named(&r->arena, type, leat_json_get_bool(j, "optional", false),
                          text_of(r, j, "name"), (int32_t)leat_json_get_i64(j, "version", 0));
    s->doc = text_of(r, j, "doc");
    const leat_json *params = leat_json_get(j, "parameters");
    for (const leat_json *p = params ? params->child : NULL; p; p = p->next) {
        if (p->type != LEAT_JSON_STRING) return bad_schema(e, "a parameter is no string");
        leat_schema_param(&r->arena, s, leat_arena_str(&r->arena, p->name).s,
                          leat_arena_str(&r->arena, p->text).s);
    }
    LEAT_TRY(read_parts(r, j, depth, s, e));
    const leat_json *def = leat_json_get(j, "default");
    if (def && def->type != LEAT_JSON_NULL) {
        leat_value *value = LEAT_NEW(&r->arena, leat_value, 1);
        LEAT_TRY(
            leat_json_read_value(&r->arena, s, def, r->conf.replace_null_with_default, value, e));
        s->def = value;
    }
    *out = s;
    return LEAT_OK;
}

/* ---- the text ---- */

static bool begins(leat_str text, leat_str front)
{
    return text.len > front.len && memcmp(text.s, front.s, front.len) == 0;
}

/* The schema in front of the payload, if it is known; *payload: what stands behind. */
static const known *find(leat_json_reader *r, leat_str text, leat_str *payload)
{
    for (unsigned i = 0; i < r->n; i++) {
        const known *k = &r->kept[(r->last + i) % r->n];
        if (!begins(text, k->front) || text.s[text.len - 1] != '}') continue;
        r->last = (r->last + i) % r->n;
        *payload = (leat_str){text.s + k->front.len, text.len - k->front.len - 1};
        return k;
    }
    return NULL;
}

static leat_rc add(leat_json_reader *r, const leat_json *j, const leat_schema **out, leat_err *e)
{
    leat_schema *s = NULL;
    leat_buf front = {0};
    leat_buf_add(&front, LEAT_STR("{\"schema\":"));
    leat_json_write(j, &front);
    leat_buf_add(&front, LEAT_STR(",\"payload\":"));
    for (unsigned i = 0; i < r->n; i++)
        if (leat_str_eq(r->kept[i].front, leat_buf_str(&front))) *out = r->kept[i].schema;
    leat_rc rc = *out ? LEAT_OK : read_schema(r, j, 0, &s, e);
    if (rc == LEAT_OK && !*out) {
        *out = s;
        if (r->n < KEPT)
            r->kept[r->n++] = (known){leat_arena_str(&r->arena, leat_buf_str(&front)), s};
    }
    leat_buf_free(&front);
    return rc;
}

static leat_rc parse(leat_json_reader *r, leat_str text, const leat_json **j, leat_err *e)
{
    leat_err why;
    if (leat_json_parse(&r->scratch, text, j, &why) == LEAT_OK) return LEAT_OK;
    return leat_fail(e, LEAT_DATA, "convert.read", "", "it is no JSON: %s", why.msg);
}

static leat_rc take_apart(leat_json_reader *r, leat_str text, const leat_schema **schema,
                          const leat_json **payload, leat_err *e)
{
    const leat_json *j;
    LEAT_TRY(parse(r, text, &j, e));
    const leat_json *s = leat_json_get(j, "schema");
    *payload = leat_json_get(j, "payload");
    if (!s || !*payload || j->child->next->next)
        return leat_fail(e, LEAT_DATA, "convert.read", "",
                         "with schemas.enable=true a JSON value has \"schema\" and \"payload\" and "
                         "nothing else; for plain JSON set schemas.enable=false for the converter");
    return s->type == LEAT_JSON_NULL ? LEAT_OK : add(r, s, schema, e);
}

leat_rc leat_json_read(leat_json_reader *r, leat_str text, leat_arena *a,
                       const leat_schema **schema, leat_value *value, leat_err *e)
{
    const leat_json *payload = NULL;
    leat_str rest;
    *schema = NULL;
    *value = leat_null();
    if (text.len == 0) return LEAT_OK;
    leat_arena_reset(&r->scratch, SCRATCH);
    const known *k = r->conf.schemas ? find(r, text, &rest) : NULL;
    if (k && leat_json_parse(&r->scratch, rest, &payload, NULL) == LEAT_OK)
        *schema = k->schema;
    else if (r->conf.schemas)
        LEAT_TRY(take_apart(r, text, schema, &payload, e));
    else
        LEAT_TRY(parse(r, text, &payload, e));
    return leat_json_read_value(a, *schema, payload, r->conf.replace_null_with_default, value, e);
}
