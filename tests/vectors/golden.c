/* See golden.h. */
#include "golden.h"

#include <dirent.h>
#include <stdlib.h>

#include "base/os.h"

enum { FILE_MOST = 64 << 20 };

static leat_value value_of(leat_arena *a, const leat_schema *s, const leat_json *j);

static const char *name_of(const leat_json *j, const char *name)
{
    return leat_json_get_str(j, name).s;
}

static leat_type type_of(leat_str name)
{
    for (int type = LEAT_T_INT8; type <= LEAT_T_STRUCT; type++)
        if (leat_str_is(name, leat_type_name((leat_type)type))) return (leat_type)type;
    abort();
}

static size_t children(const leat_json *j)
{
    size_t n = 0;
    for (const leat_json *c = j->child; c != NULL; c = c->next) n++;
    return n;
}

const leat_schema *golden_schema(leat_arena *a, const leat_json *j)
{
    leat_type type = type_of(leat_json_get_str(j, "type"));
    leat_schema *s =
        leat_schema_named(a, type, leat_json_get_bool(j, "optional", false), name_of(j, "name"),
                          (int32_t)leat_json_get_i64(j, "version", 0));
    s->doc = name_of(j, "doc");
    const leat_json *params = leat_json_get(j, "parameters");
    for (const leat_json *c = params != NULL ? params->child : NULL; c != NULL; c = c->next)
        leat_schema_param(a, s, leat_arena_str(a, c->name).s, c->text.s);
    if (type == LEAT_T_ARRAY) s->elem = golden_schema(a, leat_json_get(j, "items"));
    if (type == LEAT_T_MAP) {
        s->key = golden_schema(a, leat_json_get(j, "keys"));
        s->elem = golden_schema(a, leat_json_get(j, "values"));
    }
    if (type == LEAT_T_STRUCT) {
        const leat_json *fields = leat_json_get(j, "fields");
        leat_field *list = LEAT_NEW(a, leat_field, children(fields));
        for (const leat_json *c = fields->child; c != NULL; c = c->next)
            list[s->nfields++] = (leat_field){name_of(c, "field"), golden_schema(a, c)};
        s->fields = list;
    }
    const leat_json *def = leat_json_get(j, "default");
    if (def != NULL) {
        leat_value *value = LEAT_NEW(a, leat_value, 1);
        *value = value_of(a, s, def);
        s->def = value;
    }
    return s;
}

static leat_str unbase64(leat_arena *a, leat_str text)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = leat_arena_alloc(a, text.len, 1);
    size_t n = 0;
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < text.len && text.s[i] != '='; i++) {
        const char *at = strchr(letters, text.s[i]);
        if (at == NULL) abort();
        bits = bits << 6 | (uint32_t)(at - letters);
        have += 6;
        if (have < 8) continue;
        have -= 8;
        out[n++] = (char)(bits >> have);
    }
    return (leat_str){out, n};
}

/* Two's complement bytes as decimal digits with a point; the long division of school. */
static leat_value decimal_of(leat_arena *a, leat_str bytes, uint32_t scale)
{
    size_t n = bytes.len, ndigits = 0, most = n * 3 + scale + 4;
    uint8_t *number = leat_arena_dup(a, bytes.s, n);
    char *digits = leat_arena_alloc(a, most, 1), *out = leat_arena_alloc(a, most, 1), *p = out;
    bool negative = number[0] & 0x80;
    for (size_t i = n, carry = 1; negative && i-- > 0;) {
        carry += (uint8_t)~number[i];
        number[i] = (uint8_t)carry;
        carry >>= 8;
    }
    for (bool more = true; more || ndigits <= scale;) {
        unsigned rest = 0;
        more = false;
        for (size_t i = 0; i < n; i++) {
            rest = rest << 8 | number[i];
            number[i] = (uint8_t)(rest / 10);
            if (number[i] != 0) more = true;
            rest %= 10;
        }
        digits[ndigits++] = (char)('0' + rest);
    }
    if (negative) *p++ = '-';
    while (ndigits > 0) {
        if (ndigits == scale) *p++ = '.';
        *p++ = digits[--ndigits];
    }
    return (leat_value){
        .kind = LEAT_DECIMAL, .scale = (uint16_t)scale, .len = (uint32_t)(p - out), .u.s = out};
}

static leat_value bytes_of(leat_arena *a, const leat_schema *s, const leat_json *j)
{
    if (s->logical == LEAT_L_DECIMAL && j->type == LEAT_JSON_NUMBER)
        return (leat_value){.kind = LEAT_DECIMAL, .len = (uint32_t)j->text.len, .u.s = j->text.s};
    leat_str bytes = unbase64(a, j->text);
    if (s->logical != LEAT_L_DECIMAL) return leat_bytes(bytes);
    uint64_t scale = 0;
    if (!leat_str_u64(leat_str_of(leat_schema_param_get(s, "scale")), &scale)) abort();
    return decimal_of(a, bytes, (uint32_t)scale);
}

static leat_value int_of(const leat_schema *s, int64_t i)
{
    leat_value v = {.kind = LEAT_INT, .u.i = i};
    switch ((leat_logical)s->logical) {
    case LEAT_L_DATE:
    case LEAT_L_CONNECT_DATE: v.kind = LEAT_DATE; break;
    case LEAT_L_TIME:
    case LEAT_L_CONNECT_TIME: v.kind = LEAT_TIME, v.unit = LEAT_MS; break;
    case LEAT_L_MICRO_TIME: v.kind = LEAT_TIME, v.unit = LEAT_US; break;
    case LEAT_L_NANO_TIME: v.kind = LEAT_TIME, v.unit = LEAT_NS; break;
    case LEAT_L_TIMESTAMP:
    case LEAT_L_CONNECT_TIMESTAMP: v.kind = LEAT_TIMESTAMP, v.unit = LEAT_MS; break;
    case LEAT_L_MICRO_TIMESTAMP: v.kind = LEAT_TIMESTAMP, v.unit = LEAT_US; break;
    case LEAT_L_NANO_TIMESTAMP: v.kind = LEAT_TIMESTAMPTZ, v.unit = LEAT_NS; break;
    default: break;
    }
    return v;
}

static leat_value struct_of(leat_arena *a, const leat_schema *s, const leat_json *j)
{
    if (s->logical == LEAT_L_VARIABLE_SCALE_DECIMAL)
        return decimal_of(a, unbase64(a, leat_json_get_str(j, "value")),
                          (uint32_t)leat_json_get_i64(j, "scale", 0));
    leat_value *list = LEAT_NEW(a, leat_value, s->nfields);
    for (uint32_t i = 0; i < s->nfields; i++)
        list[i] = value_of(a, s->fields[i].schema, leat_json_get(j, s->fields[i].name));
    return (leat_value){.kind = LEAT_STRUCT, .len = s->nfields, .u.list = list};
}

static leat_value list_of(leat_arena *a, const leat_schema *s, const leat_json *j)
{
    leat_value *list = LEAT_NEW(a, leat_value, 2 * children(j)), *v = list;
    bool map = s->type == LEAT_T_MAP;
    uint32_t n = 0;
    bool pairs = map && j->type == LEAT_JSON_ARRAY; /* whose keys are no text */
    for (const leat_json *c = j->child; c != NULL; c = c->next, n++) {
        if (map) *v++ = pairs ? value_of(a, s->key, c->child) : leat_text(c->name);
        *v++ = value_of(a, s->elem, pairs ? c->child->next : c);
    }
    return (leat_value){.kind = map ? LEAT_MAP : LEAT_LIST, .len = n, .u.list = list};
}

static leat_value value_of(leat_arena *a, const leat_schema *s, const leat_json *j)
{
    if (j == NULL || j->type == LEAT_JSON_NULL) return leat_null();
    switch ((leat_type)s->type) {
    case LEAT_T_BOOLEAN: return leat_bool(j->type == LEAT_JSON_TRUE);
    case LEAT_T_STRING: return leat_text(j->text);
    case LEAT_T_BYTES: return bytes_of(a, s, j);
    case LEAT_T_FLOAT32: return leat_float((double)strtof(j->text.s, NULL));
    case LEAT_T_FLOAT64: return leat_float(strtod(j->text.s, NULL));
    case LEAT_T_STRUCT: return struct_of(a, s, j);
    case LEAT_T_ARRAY:
    case LEAT_T_MAP: return list_of(a, s, j);
    default: return int_of(s, strtoll(j->text.s, NULL, 10));
    }
}

leat_value golden_value(leat_arena *a, const leat_schema *s, const leat_json *j)
{
    return value_of(a, s, j);
}

bool golden_parts(leat_arena *a, leat_str text, const leat_json **schema, const leat_json **payload)
{
    const leat_json *j;
    if (text.s == NULL || leat_json_parse(a, text, &j, NULL) != LEAT_OK) return false;
    *schema = leat_json_get(j, "schema");
    *payload = leat_json_get(j, "payload");
    return j->type == LEAT_JSON_OBJECT && *schema != NULL && *payload != NULL;
}

static leat_str text_or_null(const leat_json *j)
{
    return j != NULL && j->type == LEAT_JSON_STRING ? j->text : (leat_str){0};
}

static void load(golden_file *f, leat_str text)
{
    size_t lines = 0;
    for (size_t i = 0; i < text.len; i++) lines += text.s[i] == '\n';
    f->records = LEAT_NEW(&f->a, golden_record, lines + 1);
    for (leat_str rest = text; rest.s != NULL;) {
        const leat_json *j;
        leat_str line = leat_str_cut(&rest, '\n');
        if (line.len == 0) continue;
        if (leat_json_parse(&f->a, line, &j, NULL) != LEAT_OK) abort();
        const leat_json *headers = leat_json_get(j, "headers");
        f->records[f->n++] = (golden_record){
            .topic = name_of(j, "topic"),
            .key = text_or_null(leat_json_get(j, "key")),
            .value = text_or_null(leat_json_get(j, "value")),
            .header = headers != NULL ? headers->child : NULL,
        };
    }
}

static int by_name(const struct dirent **x, const struct dirent **y)
{
    return strcmp((*x)->d_name, (*y)->d_name);
}

size_t golden_each(const char *ending, void (*fn)(golden_file *f, void *arg), void *arg)
{
    static const char folder[] = TESTS_DIR "/golden/postgres";
    struct dirent **names;
    int n = scandir(folder, &names, NULL, by_name);
    size_t used = 0, end = strlen(ending);
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        size_t len = strlen(name);
        golden_file f = {0};
        if (len > end && len < sizeof(f.name) && strcmp(name + len - end, ending) == 0) {
            leat_buf text = {0};
            memcpy(f.name, name, len + 1);
            const char *path = leat_arena_printf(&f.a, "%s/%s", folder, name);
            if (leat_os_load(path, &text, FILE_MOST) < 0) abort();
            load(&f, leat_buf_str(&text));
            fn(&f, arg);
            used++;
            leat_buf_free(&text);
        }
        leat_arena_free(&f.a);
        free(names[i]);
    }
    if (n >= 0) free(names);
    return used;
}
