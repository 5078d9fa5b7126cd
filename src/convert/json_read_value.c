/* Values of JSON as cells (convert/json_read_part.h): what convert/json_value.c writes, read back.
 *
 * The schema's meaning says which cell a number or text is. A text of a time that cannot be read as
 * one stays text: nothing is guessed. Any thread. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "convert/decimal.h"
#include "convert/json_read_part.h"
#include "convert/time_read.h"

/* As convert/json_value.c shows infinite timestamps and dates. */
static const int64_t infinite_us = 9223372036825200000, minus_infinite_us = -9223372036832400000;
static const int64_t infinite_days = -2147472692, minus_infinite_days = -2147472691;

typedef struct reading {
    leat_arena *a;
    bool defaults;
    leat_err *e; /* may be NULL */
} reading;

static leat_rc read_one(reading *r, const leat_schema *s, const leat_json *j, leat_value *out);

static leat_rc misfit(reading *r, const leat_schema *s, const leat_json *j)
{
    static const char *const kinds[] = {"null",     "false",    "true",     "a number",
                                        "a string", "an array", "an object"};
    return leat_fail(r->e, LEAT_DATA, "convert.read", "",
                     "%s does not fit the type %s%s%s%s of the schema beside it", kinds[j->type],
                     leat_type_name((leat_type)s->type), s->name ? " (" : "",
                     s->name ? s->name : "", s->name ? ")" : "");
}

/* The path of the field that failed, from the outside in. */
static leat_rc in_field(reading *r, leat_rc rc, const char *name)
{
    if (rc == LEAT_OK || !r->e) return rc;
    char where[sizeof r->e->where];
    int n = snprintf(where, sizeof where, "%s%s%s", name, r->e->where[0] ? "." : "", r->e->where);
    if (n > 0) memcpy(r->e->where, where, sizeof where);
    return rc;
}

/* ---- numbers ---- */

static int64_t endless(int64_t i, int64_t after, int64_t before)
{
    return i == after ? LEAT_TIME_INFINITY : i == before ? LEAT_TIME_MINUS_INFINITY : i;
}

/* A duration is so many microseconds, of no month and no day. */
static leat_value duration(reading *r, int64_t us)
{
    leat_interval *i = LEAT_NEW(r->a, leat_interval, 1);
    i->us = us;
    return (leat_value){.kind = LEAT_INTERVAL, .u.interval = i};
}

static leat_value int_cell(reading *r, const leat_schema *s, int64_t i)
{
    leat_value v = {.kind = LEAT_INT, .u.i = i};
    switch ((leat_logical)s->logical) {
    case LEAT_L_DATE:
    case LEAT_L_CONNECT_DATE:
        v.kind = LEAT_DATE;
        v.u.i = endless(i, infinite_days, minus_infinite_days);
        break;
    case LEAT_L_TIME:
    case LEAT_L_CONNECT_TIME: v.kind = LEAT_TIME, v.unit = LEAT_MS; break;
    case LEAT_L_MICRO_TIME: v.kind = LEAT_TIME, v.unit = LEAT_US; break;
    case LEAT_L_NANO_TIME: v.kind = LEAT_TIME, v.unit = LEAT_NS; break;
    case LEAT_L_TIMESTAMP:
    case LEAT_L_CONNECT_TIMESTAMP:
        v.kind = LEAT_TIMESTAMP, v.unit = LEAT_MS;
        v.u.i = endless(i, infinite_us / 1000, minus_infinite_us / 1000);
        break;
    case LEAT_L_MICRO_TIMESTAMP:
        v.kind = LEAT_TIMESTAMP, v.unit = LEAT_US;
        v.u.i = endless(i, infinite_us, minus_infinite_us);
        break;
    case LEAT_L_NANO_TIMESTAMP: v.kind = LEAT_TIMESTAMP, v.unit = LEAT_NS; break;
    case LEAT_L_MICRO_DURATION: return duration(r, i);
    case LEAT_L_NANO_DURATION: return duration(r, i / 1000);
    default: break;
    }
    return v;
}

static leat_rc read_int(reading *r, const leat_schema *s, const leat_json *j, leat_value *out)
{
    static const int64_t most[] = {INT8_MAX, INT16_MAX, INT32_MAX, INT64_MAX};
    int64_t i;
    if (j->type != LEAT_JSON_NUMBER || !leat_str_i64(j->text, &i) || i > most[s->type] ||
        i < -most[s->type] - 1)
        return misfit(r, s, j);
    *out = int_cell(r, s, i);
    return LEAT_OK;
}

static leat_rc read_float(reading *r, const leat_schema *s, const leat_json *j, leat_value *out)
{
    bool named = j->type == LEAT_JSON_STRING &&
                 (leat_str_is(j->text, "NaN") || leat_str_is(j->text, "Infinity") ||
                  leat_str_is(j->text, "-Infinity"));
    if (j->type != LEAT_JSON_NUMBER && !named) return misfit(r, s, j);
    *out = leat_float(s->type == LEAT_T_FLOAT32 ? (double)strtof(j->text.s, NULL)
                                                : strtod(j->text.s, NULL));
    return LEAT_OK;
}

static leat_value decimal_cell(reading *r, leat_str text)
{
    text = leat_arena_str(r->a, text);
    const char *dot = memchr(text.s, '.', text.len);
    size_t scale = dot ? (size_t)(text.s + text.len - dot) - 1 : 0;
    return (leat_value){.kind = LEAT_DECIMAL,
                        .scale = (uint16_t)(scale < UINT16_MAX ? scale : UINT16_MAX),
                        .len = (uint32_t)text.len,
                        .u.s = text.s};
}

/* Bytes of the unscaled number in base64. */
static bool unscaled(reading *r, leat_str base64, int64_t scale, leat_value *out)
{
    leat_buf bytes = {0}, text = {0};
    bool good = scale == (int32_t)scale && leat_buf_unbase64(&bytes, base64) &&
                leat_decimal_scaled(leat_buf_str(&bytes), (int32_t)scale, &text);
    if (good) *out = decimal_cell(r, leat_buf_str(&text));
    leat_buf_free(&bytes);
    leat_buf_free(&text);
    return good;
}

static leat_rc read_decimal(reading *r, const leat_schema *s, const leat_json *j, leat_value *out)
{
    leat_decimal d;
    int64_t scale = 0;
    const char *told = leat_schema_param_get(s, "scale");
    if (j->type == LEAT_JSON_NUMBER && leat_decimal_parse(j->text, &d)) {
        *out = decimal_cell(r, j->text);
        return LEAT_OK;
    }
    if (j->type != LEAT_JSON_STRING || !told || !leat_str_i64(leat_str_of(told), &scale) ||
        !unscaled(r, j->text, scale, out))
        return misfit(r, s, j);
    return LEAT_OK;
}

/* ---- texts and bytes ---- */

static bool read_time_text(reading *r, const leat_schema *s, leat_str text, leat_value *out)
{
    leat_interval interval;
    switch ((leat_logical)s->logical) {
    case LEAT_L_ISO_DATE: return leat_read_date(text, out);
    case LEAT_L_ZONED_TIME:
    case LEAT_L_ISO_TIME: return leat_read_time(text, out);
    case LEAT_L_ZONED_TIMESTAMP:
    case LEAT_L_ISO_TIMESTAMP: return leat_read_timestamp(text, out);
    case LEAT_L_INTERVAL:
        if (!leat_read_interval(text, &interval)) return false;
        out->kind = LEAT_INTERVAL;
        out->u.interval = leat_arena_dup(r->a, &interval, sizeof interval);
        return true;
    default: return false;
    }
}

static leat_rc read_text(reading *r, const leat_schema *s, const leat_json *j, leat_value *out)
{
    if (j->type != LEAT_JSON_STRING) return misfit(r, s, j);
    *out = (leat_value){0};
    if (!read_time_text(r, s, j->text, out)) *out = leat_text(leat_arena_str(r->a, j->text));
    return LEAT_OK;
}

static leat_rc read_bytes(reading *r, const leat_schema *s, const leat_json *j, leat_value *out)
{
    leat_buf bytes = {0};
    if (s->logical == LEAT_L_DECIMAL) return read_decimal(r, s, j, out);
    bool good = j->type == LEAT_JSON_STRING && leat_buf_unbase64(&bytes, j->text);
    if (good) *out = leat_bytes(leat_arena_str(r->a, leat_buf_str(&bytes)));
    leat_buf_free(&bytes);
    return good ? LEAT_OK : misfit(r, s, j);
}

/* ---- what holds others ---- */

static uint32_t count(const leat_json *j)
{
    uint32_t n = 0;
    for (const leat_json *c = j->child; c; c = c->next) n++;
    return n;
}

static leat_rc read_struct(reading *r, const leat_schema *s, const leat_json *j, leat_value *out)
{
    if (j->type != LEAT_JSON_OBJECT) return misfit(r, s, j);
    leat_value *list = LEAT_NEW(r->a, leat_value, s->nfields);
    const leat_json *at = j->child;
    for (uint32_t i = 0; i < s->nfields; i++) {
        const leat_field *f = &s->fields[i];
        bool next = at && leat_str_is(at->name, f->name); /* nearly always in the schema's order */
        const leat_json *one = next ? at : leat_json_get(j, f->name);
        if (next) at = at->next;
        leat_rc rc = in_field(r, read_one(r, f->schema, one, &list[i]), f->name);
        if (rc != LEAT_OK) return rc;
    }
    *out = (leat_value){.kind = LEAT_STRUCT, .len = s->nfields, .u.list = list};
    return LEAT_OK;
}

static leat_rc read_list(reading *r, const leat_schema *s, const leat_json *j, leat_value *out)
{
    if (j->type != LEAT_JSON_ARRAY) return misfit(r, s, j);
    leat_value *list = LEAT_NEW(r->a, leat_value, count(j)), *at = list;
    for (const leat_json *c = j->child; c; c = c->next) LEAT_TRY(read_one(r, s->elem, c, at++));
    *out = (leat_value){.kind = LEAT_LIST, .len = (uint32_t)(at - list), .u.list = list};
    return LEAT_OK;
}

/* An object where all keys are strings, else a list of pairs. */
static leat_rc read_map(reading *r, const leat_schema *s, const leat_json *j, leat_value *out)
{
    bool object = j->type == LEAT_JSON_OBJECT;
    if (!object && j->type != LEAT_JSON_ARRAY) return misfit(r, s, j);
    leat_value *list = LEAT_NEW(r->a, leat_value, 2 * (size_t)count(j)), *at = list;
    for (const leat_json *c = j->child; c; c = c->next) {
        const leat_json *value = c;
        if (object) {
            *at++ = leat_text(leat_arena_str(r->a, c->name));
        } else {
            if (c->type != LEAT_JSON_ARRAY || count(c) != 2) return misfit(r, s, j);
            LEAT_TRY(read_one(r, s->key, c->child, at++));
            value = c->child->next;
        }
        LEAT_TRY(read_one(r, s->elem, value, at++));
    }
    *out = (leat_value){.kind = LEAT_MAP, .len = (uint32_t)(at - list) / 2, .u.list = list};
    return LEAT_OK;
}

/* {"scale":n,"value":bytes} as the decimal that it is. */
static leat_rc read_variable(reading *r, const leat_schema *s, const leat_json *j, leat_value *out)
{
    leat_str value = leat_json_get_str(j, "value");
    if (value.s && unscaled(r, value, leat_json_get_i64(j, "scale", 0), out)) return LEAT_OK;
    return misfit(r, s, j);
}

/* ---- without a schema ---- */

static leat_value plain_number(reading *r, const leat_json *j)
{
    int64_t i;
    leat_decimal d;
    if (leat_str_i64(j->text, &i)) return leat_int(i);
    if (leat_decimal_parse(j->text, &d)) return decimal_cell(r, j->text);
    return leat_float(strtod(j->text.s, NULL));
}

static leat_value plain(reading *r, const leat_json *j)
{
    bool object = j->type == LEAT_JSON_OBJECT;
    switch (j->type) {
    case LEAT_JSON_FALSE: return leat_bool(false);
    case LEAT_JSON_TRUE: return leat_bool(true);
    case LEAT_JSON_NUMBER: return plain_number(r, j);
    case LEAT_JSON_STRING: return leat_text(leat_arena_str(r->a, j->text));
    case LEAT_JSON_ARRAY:
    case LEAT_JSON_OBJECT: break;
    default: return leat_null();
    }
    uint32_t n = count(j);
    leat_value *list = LEAT_NEW(r->a, leat_value, object ? 2 * (size_t)n : n), *at = list;
    for (const leat_json *c = j->child; c; c = c->next) {
        if (object) *at++ = leat_text(leat_arena_str(r->a, c->name));
        *at++ = plain(r, c);
    }
    return (leat_value){.kind = object ? LEAT_MAP : LEAT_LIST, .len = n, .u.list = list};
}

/* ---- */

static leat_rc read_null(reading *r, const leat_schema *s, leat_value *out)
{
    *out = leat_null();
    if (s->def && r->defaults)
        *out = leat_value_copy(r->a, s->def); /* the schema may be forgotten before the cell */
    else if (!s->optional)
        return leat_fail(r->e, LEAT_DATA, "convert.read", "",
                         "it is null, or missing, and its schema says that it never is");
    return LEAT_OK;
}

static leat_rc read_one(reading *r, const leat_schema *s, const leat_json *j, leat_value *out)
{
    if (!s) {
        *out = j ? plain(r, j) : leat_null();
        return LEAT_OK;
    }
    if (!j || j->type == LEAT_JSON_NULL) return read_null(r, s, out);
    switch ((leat_type)s->type) {
    case LEAT_T_BOOLEAN:
        if (j->type != LEAT_JSON_TRUE && j->type != LEAT_JSON_FALSE) return misfit(r, s, j);
        *out = leat_bool(j->type == LEAT_JSON_TRUE);
        return LEAT_OK;
    case LEAT_T_STRING: return read_text(r, s, j, out);
    case LEAT_T_BYTES: return read_bytes(r, s, j, out);
    case LEAT_T_FLOAT32:
    case LEAT_T_FLOAT64: return read_float(r, s, j, out);
    case LEAT_T_STRUCT:
        return s->logical == LEAT_L_VARIABLE_SCALE_DECIMAL ? read_variable(r, s, j, out)
                                                           : read_struct(r, s, j, out);
    case LEAT_T_ARRAY: return read_list(r, s, j, out);
    case LEAT_T_MAP: return read_map(r, s, j, out);
    default: return read_int(r, s, j, out);
    }
}

leat_rc leat_json_read_value(leat_arena *a, const leat_schema *s, const leat_json *j, bool defaults,
                             leat_value *out, leat_err *e)
{
    reading r = {a, defaults, e};
    if (e) e->where[0] = 0;
    return read_one(&r, s, j, out);
}
