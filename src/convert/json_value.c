/* Values of the JSON converter: a cell as its schema shows it (convert/json_part.h).
 *
 * The schema's type decides, its meaning says which unit or text a typed cell becomes; a cell that
 * has the form of the type already (an int64 of microseconds, the text of a timestamp, the bytes of
 * a decimal) passes as it is. What fits neither is refused with the path of the field. */
#include <stdio.h>
#include <stdlib.h>

#include "base/double_text.h"
#include "convert/decimal.h"
#include "convert/json_part.h"
#include "convert/time_text.h"

/* What stands for infinite dates and timestamps: pgjdbc's DATE_POSITIVE_INFINITY as microseconds,
 * and the days that Debezium's epoch day of an infinite date comes out as. */
static const int64_t infinite_us = 9223372036825200000, minus_infinite_us = -9223372036832400000;
static const int64_t infinite_days = -2147472692, minus_infinite_days = -2147472691;

enum {
    MEMO_LEAST = 1000000, /* smaller numbers are quicker made than found */
    NULL_KEPT = 64,       /* bytes of what NULL shows */
};

/* A date that has a text is nearer than that to 1970: a billion years. */
#define DAYS_MOST INT64_C(365000000000)

static leat_rc misfit(leat_json_out *w, const leat_json_plan *p, const leat_value *v)
{
    const leat_schema *s = p->schema;
    return leat_fail(w->e, LEAT_DATA, "convert.json", "",
                     "a cell of kind %s cannot be shown as %s%s%s%s; the schema and the cells of "
                     "this event do not belong together",
                     leat_kind_name((leat_kind)v->kind), leat_type_name((leat_type)s->type),
                     s->name != NULL ? " (" : "", s->name != NULL ? s->name : "",
                     s->name != NULL ? ")" : "");
}

static leat_rc put_literal(leat_json_out *w, const char *text)
{
    leat_buf_str_z(w->out, text);
    return LEAT_OK;
}

/* ---- times ---- */

static bool infinite(const leat_value *v)
{
    return v->u.i == LEAT_TIME_INFINITY || v->u.i == LEAT_TIME_MINUS_INFINITY;
}

/* The timestamp in a unit; infinity as Debezium's numbers. */
static int64_t timestamp_in(const leat_value *v, leat_unit unit)
{
    if (!infinite(v)) return leat_unit_floor(v->u.i, (leat_unit)v->unit, unit);
    if (unit == LEAT_NS) return v->u.i;
    return leat_unit_floor(v->u.i > 0 ? infinite_us : minus_infinite_us, LEAT_US, unit);
}

static int64_t days_of(const leat_value *v)
{
    if (!infinite(v)) return v->u.i;
    return v->u.i > 0 ? infinite_days : minus_infinite_days;
}

/* The number that a time kind becomes under a schema of integers; false: it becomes none. */
static bool number_of(leat_logical logical, const leat_value *v, int64_t *i)
{
    bool stamp = v->kind == LEAT_TIMESTAMP || v->kind == LEAT_TIMESTAMPTZ;
    leat_unit unit = (leat_unit)v->unit;
    switch (logical) {
    case LEAT_L_DATE:
    case LEAT_L_CONNECT_DATE: *i = days_of(v); return v->kind == LEAT_DATE;
    case LEAT_L_TIME:
    case LEAT_L_CONNECT_TIME: *i = leat_unit_trunc(v->u.i, unit, LEAT_MS); break;
    case LEAT_L_MICRO_TIME: *i = leat_unit_trunc(v->u.i, unit, LEAT_US); break;
    case LEAT_L_NANO_TIME: *i = leat_unit_trunc(v->u.i, unit, LEAT_NS); break;
    case LEAT_L_TIMESTAMP:
    case LEAT_L_CONNECT_TIMESTAMP: *i = timestamp_in(v, LEAT_MS); return stamp;
    case LEAT_L_MICRO_TIMESTAMP: *i = timestamp_in(v, LEAT_US); return stamp;
    case LEAT_L_NANO_TIMESTAMP: *i = timestamp_in(v, LEAT_NS); return stamp;
    default: return false;
    }
    return v->kind == LEAT_TIME;
}

static bool duration_of(leat_logical logical, const leat_value *v, int64_t *i)
{
    if (v->kind != LEAT_INTERVAL) return false;
    if (logical != LEAT_L_MICRO_DURATION && logical != LEAT_L_NANO_DURATION) return false;
    *i = leat_interval_us(v->u.interval);
    if (logical == LEAT_L_NANO_DURATION) *i = leat_unit_trunc(*i, LEAT_US, LEAT_NS);
    return true;
}

/* In a header Kafka Connect prints its own logical times as java.util.Date: a time alone below a
 * day, a date alone at midnight. */
static void put_header_date(leat_json_out *w, int64_t ms)
{
    const int64_t day = 86400000;
    if (ms >= day) leat_text_date(w->out, ms / day);
    if (ms >= day && ms % day == 0) return;
    if (ms >= day) leat_buf_u8(w->out, 'T');
    leat_text_time(w->out, ms, LEAT_MS, 3);
    leat_buf_u8(w->out, 'Z');
}

static leat_rc put_number(leat_json_out *w, const leat_json_plan *p, int64_t i)
{
    unsigned logical = p->schema->logical;
    if (w->style != LEAT_JSON_PLAIN && logical == LEAT_L_CONNECT_DATE)
        put_header_date(w, (int64_t)((uint64_t)i * 86400000));
    else if (w->style != LEAT_JSON_PLAIN &&
             (logical == LEAT_L_CONNECT_TIME || logical == LEAT_L_CONNECT_TIMESTAMP))
        put_header_date(w, i);
    else
        leat_buf_i64(w->out, i);
    return LEAT_OK;
}

/* A TIMETZ's time in UTC, in its unit. */
static int64_t utc_of(const leat_value *v)
{
    int64_t zone = leat_unit_trunc((int64_t)v->zone * 1000, LEAT_MS, (leat_unit)v->unit);
    return (int64_t)((uint64_t)v->u.i - (uint64_t)zone);
}

/* The text that a time kind becomes under a schema of strings. */
static bool put_time_text(leat_buf *out, const leat_schema *s, const leat_value *v)
{
    int digits =
        s->logical == LEAT_L_ZONED_TIMESTAMP && s->digits > 0 ? s->digits : LEAT_DIGITS_NEEDED;
    leat_unit unit = (leat_unit)v->unit;
    bool zoned = s->logical != LEAT_L_NONE && s->logical != LEAT_L_OTHER;
    switch ((leat_kind)v->kind) {
    case LEAT_DATE:
        if (days_of(v) > DAYS_MOST || days_of(v) < -DAYS_MOST) return false;
        leat_text_date(out, days_of(v));
        break;
    case LEAT_TIME: leat_text_time(out, v->u.i, unit, digits); break;
    case LEAT_TIMETZ:
        zoned = true;
        if (v->zone == 0 && leat_unit_trunc(v->u.i, unit, LEAT_US) == INT64_C(86400000000))
            leat_buf_add(out, LEAT_STR("24:00:00")); /* the one time that is no time of a day */
        else
            leat_text_time(out, utc_of(v), unit, digits);
        break;
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        if (infinite(v) && s->logical != LEAT_L_ISO_TIMESTAMP) {
            leat_buf_str_z(out, v->u.i > 0 ? "infinity" : "-infinity");
            return true;
        }
        zoned = zoned || v->kind == LEAT_TIMESTAMPTZ;
        if (infinite(v))
            leat_text_timestamp(out, timestamp_in(v, LEAT_US), LEAT_US, digits);
        else
            leat_text_timestamp(out, v->u.i, unit, digits);
        break;
    case LEAT_INTERVAL: leat_text_interval(out, v->u.interval); return true;
    default: return false;
    }
    if (zoned) leat_buf_u8(out, 'Z');
    return true;
}

/* ---- numbers ---- */

/* A time so far from 1970 that 64 bits of nanoseconds cannot hold it: Debezium shows null. */
static bool beyond_ns(leat_logical logical, const leat_value *v, int64_t i)
{
    return logical == LEAT_L_NANO_TIMESTAMP && !infinite(v) && (i == INT64_MAX || i == INT64_MIN);
}

static leat_rc put_int(leat_json_out *w, const leat_json_plan *p, const leat_value *v)
{
    int64_t i = v->u.i, bound = p->most;
    leat_logical logical = (leat_logical)p->schema->logical;
    if (v->kind != LEAT_INT && !number_of(logical, v, &i) && !duration_of(logical, v, &i) &&
        !(v->kind == LEAT_DECIMAL && leat_str_i64(leat_value_str(v), &i)))
        return misfit(w, p, v);
    if (beyond_ns(logical, v, i)) return leat_json_put_null(w, p);
    if (i <= bound && i >= -bound - 1) return put_number(w, p, i);
    return leat_fail(w->e, LEAT_DATA, "convert.json", "", "%lld is out of the range of %s",
                     (long long)i, leat_type_name((leat_type)p->schema->type));
}

static void put_double(leat_json_out *w, double d, bool single)
{
    const char *special = NULL;
    if (d != d)
        special = "NaN";
    else if (single ? (float)d - (float)d != 0 : d - d != 0)
        special = d > 0 ? "Infinity" : "-Infinity";
    if (special == NULL) {
        char *text = leat_buf_room(w->out, LEAT_DOUBLE_MAX);
        w->out->len += single ? leat_float_text((float)d, text) : leat_double_text(d, text);
    } else if (w->style == LEAT_JSON_PLAIN) {
        leat_buf_printf(w->out, "\"%s\"", special);
    } else {
        leat_buf_str_z(w->out, special);
    }
}

/* Of a decimal's text, which also knows NaN and the infinities. */
static double double_of(leat_json_out *w, const leat_value *v)
{
    leat_buf *text = &w->c->scratch;
    leat_buf_clear(text);
    leat_buf_add(text, leat_value_str(v));
    leat_buf_u8(text, 0);
    return strtod(text->p, NULL);
}

static leat_rc put_float(leat_json_out *w, const leat_json_plan *p, const leat_value *v)
{
    bool single = p->schema->type == LEAT_T_FLOAT32;
    switch ((leat_kind)v->kind) {
    case LEAT_FLOAT: put_double(w, v->u.f, single); return LEAT_OK;
    case LEAT_INT: put_double(w, (double)v->u.i, single); return LEAT_OK;
    case LEAT_DECIMAL: put_double(w, double_of(w, v), single); return LEAT_OK;
    default: return misfit(w, p, v);
    }
}

/* ---- decimals ---- */

static leat_rc bad_decimal(leat_json_out *w, const leat_value *v, int32_t scale)
{
    return leat_fail(w->e, LEAT_DATA, "convert.json", "",
                     "the decimal \"%.*s%s\" cannot be shown with %d digits after the point",
                     v->len > 40 ? 40 : (int)v->len, v->len > 0 ? v->u.s : "",
                     v->len > 40 ? "..." : "", (int)scale);
}

/* NaN and the infinities, which an exact decimal cannot hold: Debezium shows null. */
static bool no_number(const leat_value *v)
{
    leat_str s = leat_value_str(v);
    return leat_str_is(s, "NaN") || leat_str_is(s, "Infinity") || leat_str_is(s, "-Infinity");
}

static leat_rc put_decimal(leat_json_out *w, const leat_json_plan *p, const leat_value *v)
{
    char digits[24];
    leat_value text = *v;
    leat_decimal d;
    if (v->kind == LEAT_INT) {
        int n = snprintf(digits, sizeof(digits), "%lld", (long long)v->u.i);
        text = leat_text((leat_str){digits, (size_t)n});
    }
    if (no_number(&text)) return leat_json_put_null(w, p);
    if (!leat_decimal_parse(leat_value_str(&text), &d)) return bad_decimal(w, &text, p->scale);
    int32_t scale = p->scaled ? p->scale : (int32_t)d.fraction.len;
    if (w->c->conf.decimal_numeric || w->style != LEAT_JSON_PLAIN) {
        if (!leat_decimal_text(&d, scale, w->out)) return bad_decimal(w, &text, scale);
        return LEAT_OK;
    }
    leat_buf *bytes = &w->c->scratch;
    leat_buf_clear(bytes);
    if (!leat_decimal_unscaled(&d, scale, &w->c->limbs, bytes)) return bad_decimal(w, &text, scale);
    leat_json_put_base64(w, leat_buf_str(bytes));
    return LEAT_OK;
}

/* From here on what is printed stands inside something. */
static void go_inside(leat_json_out *w)
{
    if (w->style == LEAT_JSON_HEADER) w->style = LEAT_JSON_EMBEDDED;
}

/* {"scale":n,"value":bytes}: the scale is the value's own, without zeros at its end. */
static leat_rc put_variable_decimal(leat_json_out *w, const leat_json_plan *p, const leat_value *v)
{
    leat_decimal d;
    if (no_number(v)) return leat_json_put_null(w, p);
    if (!leat_decimal_parse(leat_value_str(v), &d)) return bad_decimal(w, v, v->scale);
    go_inside(w);
    leat_decimal_strip(&d);
    leat_buf *bytes = &w->c->scratch;
    leat_buf_clear(bytes);
    if (!leat_decimal_unscaled(&d, (int32_t)d.fraction.len, &w->c->limbs, bytes))
        return bad_decimal(w, v, v->scale);
    leat_buf_add(w->out, LEAT_STR("{\"scale\":"));
    leat_buf_u64(w->out, d.fraction.len);
    leat_buf_add(w->out, LEAT_STR(",\"value\":"));
    leat_json_put_base64(w, leat_buf_str(bytes));
    leat_buf_u8(w->out, '}');
    return LEAT_OK;
}

/* ---- strings and bytes ---- */

/* A decimal under a schema of strings: its digits, or what Debezium calls what is no number. */
static leat_str decimal_text(const leat_value *v)
{
    leat_str s = leat_value_str(v);
    if (leat_str_is(s, "NaN")) return LEAT_STR("NAN");
    if (leat_str_is(s, "Infinity")) return LEAT_STR("POSITIVE_INFINITY");
    if (leat_str_is(s, "-Infinity")) return LEAT_STR("NEGATIVE_INFINITY");
    return s;
}

static bool put_bytes_text(leat_buf *out, leat_logical logical, leat_str bytes)
{
    if (logical == LEAT_L_HEX)
        leat_buf_hex(out, bytes);
    else if (logical == LEAT_L_BASE64 || logical == LEAT_L_BASE64_URL)
        leat_buf_base64(out, bytes, logical == LEAT_L_BASE64_URL);
    else
        return false;
    return true;
}

static leat_rc put_string(leat_json_out *w, const leat_json_plan *p, const leat_value *v)
{
    leat_buf *text = &w->c->scratch;
    switch ((leat_kind)v->kind) {
    case LEAT_TEXT: leat_json_put_string(w, leat_value_str(v)); return LEAT_OK;
    case LEAT_DECIMAL: leat_json_put_string(w, decimal_text(v)); return LEAT_OK;
    case LEAT_BYTES:
        leat_buf_clear(text);
        if (!put_bytes_text(text, (leat_logical)p->schema->logical, leat_value_str(v)))
            return misfit(w, p, v);
        break;
    default:
        leat_buf_clear(text);
        if (!put_time_text(text, p->schema, v)) return misfit(w, p, v);
        break;
    }
    leat_json_put_string(w, leat_buf_str(text));
    return LEAT_OK;
}

static leat_rc put_bytes(leat_json_out *w, const leat_json_plan *p, const leat_value *v)
{
    bool decimal = p->schema->logical == LEAT_L_DECIMAL;
    if (decimal && (v->kind == LEAT_DECIMAL || v->kind == LEAT_INT)) return put_decimal(w, p, v);
    if (v->kind != LEAT_BYTES && (decimal || v->kind != LEAT_TEXT)) return misfit(w, p, v);
    leat_json_put_base64(w, leat_value_str(v));
    return LEAT_OK;
}

/* ---- lists ---- */

static leat_rc put_list(leat_json_out *w, const leat_json_plan *elem, const leat_value *v)
{
    go_inside(w);
    leat_buf_u8(w->out, '[');
    for (uint32_t i = 0; i < v->len; i++) {
        if (i > 0) leat_buf_u8(w->out, ',');
        LEAT_TRY(leat_json_put_value(w, elem, &v->u.list[i]));
    }
    leat_buf_u8(w->out, ']');
    return LEAT_OK;
}

static bool text_keys(const leat_json_plan *key, const leat_value *v)
{
    if (key != NULL) return key->schema->type == LEAT_T_STRING;
    for (uint32_t i = 0; i < v->len; i++)
        if (v->u.list[2 * i].kind != LEAT_TEXT) return false;
    return true;
}

/* An object where all keys are strings, else a list of pairs; in headers always an object. */
static leat_rc put_map(leat_json_out *w, const leat_json_plan *key, const leat_json_plan *elem,
                       const leat_value *v)
{
    bool plain = w->style == LEAT_JSON_PLAIN, object = !plain || text_keys(key, v);
    go_inside(w);
    leat_buf_u8(w->out, object ? '{' : '[');
    for (uint32_t i = 0; i < v->len; i++) {
        const leat_value *pair = &v->u.list[2 * i];
        if (i > 0) leat_buf_u8(w->out, ',');
        if (!object) leat_buf_u8(w->out, '[');
        if (object && plain && pair[0].kind == LEAT_NULL)
            leat_buf_add(w->out, LEAT_STR("\"null\""));
        else
            LEAT_TRY(leat_json_put_value(w, key, &pair[0]));
        leat_buf_u8(w->out, object ? ':' : ',');
        LEAT_TRY(leat_json_put_value(w, elem, &pair[1]));
        if (!object) leat_buf_u8(w->out, ']');
    }
    leat_buf_u8(w->out, object ? '}' : ']');
    return LEAT_OK;
}

/* The path of the field that failed, from the outside in. */
static leat_rc in_field(leat_json_out *w, leat_rc rc, const char *name)
{
    if (w->e == NULL) return rc;
    char where[sizeof(w->e->where)];
    int n = snprintf(where, sizeof(where), "%s%s%s", name, w->e->where[0] ? "." : "", w->e->where);
    if (n > 0) memcpy(w->e->where, where, sizeof(where));
    return rc;
}

/* The same number as before of this field is not made anew: of the times in an event all but the
 * first of a transaction's. */
static void put_int_again(leat_buf *out, leat_json_memo *memo, int64_t i)
{
    if (memo->len > 0 && memo->i == i) {
        memcpy(leat_buf_room(out, sizeof memo->text), memo->text, sizeof memo->text);
        out->len += memo->len;
        return;
    }
    size_t from = out->len;
    leat_buf_i64(out, i);
    memo->i = i;
    memo->len = (uint8_t)(out->len - from);
    memcpy(memo->text, out->p + from, memo->len);
}

/* What NULL shows is the same each time, if it is no more than some bytes. */
static leat_rc put_null_again(leat_json_out *w, leat_json_plan *p)
{
    if (p->null.s != NULL) {
        leat_buf_add(w->out, p->null);
        return LEAT_OK;
    }
    size_t from = w->out->len;
    LEAT_TRY(leat_json_put_null(w, p));
    leat_str text = {w->out->p + from, w->out->len - from};
    if (text.len <= NULL_KEPT) p->null = leat_arena_str(&w->c->arena, text);
    return LEAT_OK;
}

/* A field of a struct. Most cells have the form of their type already, and go here. */
static inline leat_rc put_field(leat_json_out *w, const leat_json_plan *in, uint32_t i,
                                const leat_value *v)
{
    leat_json_plan *p = in->fields[i];
    if (w->style != LEAT_JSON_PLAIN || p == NULL) return leat_json_put_value(w, p, v);
    if (v->kind == LEAT_INT && v->u.i <= p->most && v->u.i >= -p->most - 1 && p->most > 0) {
        if ((uint64_t)v->u.i < MEMO_LEAST)
            leat_buf_u64(w->out, (uint64_t)v->u.i);
        else
            put_int_again(w->out, &in->memos[i], v->u.i);
        return LEAT_OK;
    }
    if (v->kind == LEAT_TEXT && p->schema->type == LEAT_T_STRING) {
        leat_json_put_text(w->out, leat_value_str(v));
        return LEAT_OK;
    }
    if (v->kind == LEAT_NULL) return put_null_again(w, p);
    return leat_json_put_value(w, p, v);
}

/* A field's name; they are short. names has room behind each to be read in pieces. */
static inline void put_name(leat_buf *out, leat_str name, bool first)
{
    char *p = leat_buf_room(out, name.len + LEAT_JSON_PIECE);
    for (size_t i = 0; i < name.len; i += LEAT_JSON_PIECE)
        memcpy(p + i, name.s + i, LEAT_JSON_PIECE);
    if (first) *p = '{'; /* of a later field: a comma */
    out->len += name.len;
}

static leat_rc put_struct(leat_json_out *w, const leat_json_plan *p, const leat_value *v)
{
    const leat_schema *s = p->schema;
    if (v->kind == LEAT_DECIMAL && s->logical == LEAT_L_VARIABLE_SCALE_DECIMAL)
        return put_variable_decimal(w, p, v);
    if (v->kind != LEAT_STRUCT || v->len != s->nfields) return misfit(w, p, v);
    go_inside(w);
    bool first = true;
    for (uint32_t i = 0; i < s->nfields; i++) {
        if (leat_json_leaves_out(w, &v->u.list[i])) continue;
        put_name(w->out, p->names[i], first);
        first = false;
        leat_rc rc = put_field(w, p, i, &v->u.list[i]);
        if (rc != LEAT_OK) return in_field(w, rc, s->fields[i].name);
    }
    if (first) leat_buf_u8(w->out, '{');
    leat_buf_u8(w->out, '}');
    return LEAT_OK;
}

/* ---- all of them ---- */

/* Without a schema a cell shows itself. */
static leat_rc put_schemaless(leat_json_out *w, const leat_value *v)
{
    static const leat_schema none = {.type = LEAT_T_STRING};
    switch ((leat_kind)v->kind) {
    case LEAT_NULL: return put_literal(w, "null");
    case LEAT_ABSENT: leat_json_put_string(w, w->placeholder); return LEAT_OK;
    case LEAT_BOOL: return put_literal(w, v->u.i ? "true" : "false");
    case LEAT_INT: leat_buf_i64(w->out, v->u.i); return LEAT_OK;
    case LEAT_FLOAT: put_double(w, v->u.f, false); return LEAT_OK;
    case LEAT_TEXT: leat_json_put_string(w, leat_value_str(v)); return LEAT_OK;
    case LEAT_BYTES: leat_json_put_base64(w, leat_value_str(v)); return LEAT_OK;
    case LEAT_LIST: return put_list(w, NULL, v);
    case LEAT_MAP: return put_map(w, NULL, NULL, v);
    case LEAT_DECIMAL: {
        leat_decimal d;
        if (no_number(v))
            put_double(w, double_of(w, v), false);
        else if (!leat_decimal_parse(leat_value_str(v), &d) ||
                 !leat_decimal_text(&d, (int32_t)d.fraction.len, w->out))
            return bad_decimal(w, v, v->scale);
        return LEAT_OK;
    }
    case LEAT_STRUCT:
        return leat_fail(w->e, LEAT_DATA, "convert.json", "",
                         "a struct without a schema has no names for its fields");
    default: break;
    }
    leat_buf_clear(&w->c->scratch);
    put_time_text(&w->c->scratch, &none, v);
    leat_json_put_string(w, leat_buf_str(&w->c->scratch));
    return LEAT_OK;
}

/* A default that is none itself, or would be shown as null again, is no default. */
static bool has_default(const leat_schema *s)
{
    return s->def != NULL && s->def->kind > LEAT_ABSENT &&
           (s->def->kind != LEAT_DECIMAL || !no_number(s->def));
}

leat_rc leat_json_put_null(leat_json_out *w, const leat_json_plan *p)
{
    const leat_schema *s = p->schema;
    bool header = w->style != LEAT_JSON_PLAIN;
    if ((header || w->c->conf.replace_null_with_default) && has_default(s))
        return leat_json_put_value(w, p, s->def);
    if (s->optional || header) return put_literal(w, "null");
    return leat_fail(w->e, LEAT_DATA, "convert.json", "",
                     "null in a field of %s%s%s that is required and has no default",
                     leat_type_name((leat_type)s->type), s->name != NULL ? " " : "",
                     s->name != NULL ? s->name : "");
}

leat_rc leat_json_put_value(leat_json_out *w, const leat_json_plan *p, const leat_value *v)
{
    if (p == NULL) return put_schemaless(w, v);
    if (v->kind == LEAT_NULL) return leat_json_put_null(w, p);
    if (v->kind == LEAT_ABSENT) return leat_json_put_absent(w, p);
    switch ((leat_type)p->schema->type) {
    case LEAT_T_INT8:
    case LEAT_T_INT16:
    case LEAT_T_INT32:
    case LEAT_T_INT64: return put_int(w, p, v);
    case LEAT_T_FLOAT32:
    case LEAT_T_FLOAT64: return put_float(w, p, v);
    case LEAT_T_BOOLEAN:
        if (v->kind != LEAT_BOOL) return misfit(w, p, v);
        return put_literal(w, v->u.i ? "true" : "false");
    case LEAT_T_STRING: return put_string(w, p, v);
    case LEAT_T_BYTES: return put_bytes(w, p, v);
    case LEAT_T_ARRAY: return v->kind == LEAT_LIST ? put_list(w, p->elem, v) : misfit(w, p, v);
    case LEAT_T_MAP: return v->kind == LEAT_MAP ? put_map(w, p->key, p->elem, v) : misfit(w, p, v);
    case LEAT_T_STRUCT: return put_struct(w, p, v);
    }
    return misfit(w, p, v);
}
