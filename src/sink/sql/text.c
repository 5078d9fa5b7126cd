/* Cells as text; see the header. Pure: any thread. */
#include "sink/sql/text.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/double_text.h"
#include "base/json.h"

static const int64_t second_of[] = {[LEAT_US] = 1000000, [LEAT_MS] = 1000, [LEAT_NS] = 1000000000};

static int64_t year_of(int64_t days, unsigned *month, unsigned *day)
{
    int64_t year;
    leat_days_to(days, &year, month, day);
    return year;
}

void leat_rdb_text_date(leat_buf *out, int64_t days, bool bc)
{
    unsigned month, day;
    int64_t year = year_of(days, &month, &day);
    if (bc && year < 1) year = 1 - year;
    leat_buf_printf(out, year < 0 ? "-%04lld-%02u-%02u" : "%04lld-%02u-%02u",
                    (long long)(year < 0 ? -year : year), month, day);
}

void leat_rdb_text_era(leat_buf *out, int64_t days)
{
    unsigned month, day;
    if (year_of(days, &month, &day) < 1) leat_buf_str_z(out, " BC");
}

void leat_rdb_text_clock(leat_buf *out, int64_t t, leat_unit unit)
{
    uint64_t much = t < 0 ? 0 - (uint64_t)t : (uint64_t)t, second = (uint64_t)second_of[unit];
    uint64_t s = much / second, rest = much % second;
    leat_buf_printf(out, "%s%02llu:%02llu:%02llu", t < 0 ? "-" : "", (unsigned long long)(s / 3600),
                    (unsigned long long)(s / 60 % 60), (unsigned long long)(s % 60));
    if (rest == 0) return;
    char digits[24];
    int n = unit == LEAT_MS ? 3 : unit == LEAT_US ? 6 : 9;
    snprintf(digits, sizeof digits, "%0*llu", n, (unsigned long long)rest);
    while (n > 1 && digits[n - 1] == '0') n--;
    leat_buf_printf(out, ".%.*s", n, digits);
}

void leat_rdb_text_timestamp(leat_buf *out, int64_t t, leat_unit unit, bool bc, const char *zone)
{
    int64_t day = second_of[unit] * 86400, days = t / day, rest = t % day;
    if (rest < 0) {
        rest += day;
        days--;
    }
    leat_rdb_text_date(out, days, bc);
    leat_buf_u8(out, ' ');
    leat_rdb_text_clock(out, rest, unit);
    leat_buf_str_z(out, zone);
    if (bc) leat_rdb_text_era(out, days);
}

void leat_rdb_text_zone(leat_buf *out, int32_t zone)
{
    int32_t z = zone < 0 ? -zone : zone;
    leat_buf_printf(out, "%c%02d", zone < 0 ? '-' : '+', z / 3600);
    if (z % 3600 != 0) leat_buf_printf(out, ":%02d", z / 60 % 60);
    if (z % 60 != 0) leat_buf_printf(out, ":%02d", z % 60);
}

bool leat_rdb_text_infinite(leat_buf *out, int64_t t)
{
    if (t != LEAT_TIME_INFINITY && t != LEAT_TIME_MINUS_INFINITY) return false;
    leat_buf_str_z(out, t == LEAT_TIME_INFINITY ? "infinity" : "-infinity");
    return true;
}

void leat_rdb_text_float(leat_buf *out, double v, bool f32)
{
    char digits[LEAT_DOUBLE_MAX];
    if (isnan(v))
        leat_buf_str_z(out, "NaN");
    else if (isinf(v))
        leat_buf_str_z(out, v < 0 ? "-Infinity" : "Infinity");
    else if (v == trunc(v) && fabs(v) < (f32 ? 1e9 : 1e17))
        leat_buf_printf(out, "%.0f", v);
    else
        leat_buf_put(out, digits,
                     f32 ? leat_float_text((float)v, digits) : leat_double_text(v, digits));
}

int64_t leat_rdb_param(const leat_schema *s, const char *name, int64_t none)
{
    const char *text = leat_schema_param_get(s, name);
    if (text) leat_str_i64(leat_str_of(text), &none);
    return none;
}

void leat_rdb_text_bits(leat_buf *out, const leat_schema *s, leat_str bytes)
{
    int64_t n = (int64_t)bytes.len * 8, length = leat_rdb_param(s, "length", 0);
    if (length <= 0 || length >= INT32_MAX) { /* varbit says INT32_MAX */
        while (n > 0 && !((uint8_t)bytes.s[(n - 1) / 8] >> (n - 1) % 8 & 1)) n--;
        length = n;
    }
    for (int64_t i = length; i-- > 0;)
        leat_buf_u8(out, i < n && ((uint8_t)bytes.s[i / 8] >> i % 8 & 1) ? '1' : '0');
}

/* ---- JSON ---- */

static void json_text(leat_buf *out, const leat_value *v)
{
    leat_buf text = {0};
    leat_unit unit = (leat_unit)v->unit;
    switch ((leat_kind)v->kind) {
    case LEAT_BYTES: leat_buf_base64(&text, leat_value_str(v), false); break;
    case LEAT_FLOAT: leat_rdb_text_float(&text, v->u.f, false); break;
    case LEAT_DATE:
        if (!leat_rdb_text_infinite(&text, v->u.i)) leat_rdb_text_date(&text, v->u.i, false);
        break;
    case LEAT_TIME: leat_rdb_text_clock(&text, v->u.i, unit); break;
    case LEAT_TIMETZ:
        leat_rdb_text_clock(&text, v->u.i, unit);
        leat_rdb_text_zone(&text, v->zone);
        break;
    case LEAT_TIMESTAMP:
        if (!leat_rdb_text_infinite(&text, v->u.i))
            leat_rdb_text_timestamp(&text, v->u.i, unit, false, "");
        break;
    case LEAT_TIMESTAMPTZ:
        if (!leat_rdb_text_infinite(&text, v->u.i))
            leat_rdb_text_timestamp(&text, v->u.i, unit, false, "+00");
        break;
    default: leat_buf_add(&text, leat_value_str(v)); break;
    }
    leat_json_quote(out, leat_buf_str(&text));
    leat_buf_free(&text);
}

static void json_children(leat_buf *out, const leat_schema *s, const leat_value *v)
{
    bool map = v->kind == LEAT_MAP, list = v->kind == LEAT_LIST;
    leat_buf_u8(out, list ? '[' : '{');
    for (uint32_t i = 0; i < v->len; i++) {
        const leat_value *one = &v->u.list[map ? i * 2 + 1 : i];
        const leat_schema *elem = s ? s->elem : NULL;
        if (i > 0) leat_buf_u8(out, ',');
        if (map) {
            leat_buf key = {0};
            const leat_value *k = &v->u.list[i * 2];
            if (k->kind == LEAT_INT)
                leat_buf_i64(&key, k->u.i);
            else
                leat_buf_add(&key, leat_value_str(k));
            leat_json_quote(out, leat_buf_str(&key));
            leat_buf_free(&key);
            leat_buf_u8(out, ':');
        } else if (!list) {
            elem = s->fields[i].schema;
            leat_json_quote(out, leat_str_of(s->fields[i].name));
            leat_buf_u8(out, ':');
        }
        leat_rdb_text_json(out, elem, one);
    }
    leat_buf_u8(out, list ? ']' : '}');
}

void leat_rdb_text_json(leat_buf *out, const leat_schema *schema, const leat_value *v)
{
    switch ((leat_kind)v->kind) {
    case LEAT_NULL:
    case LEAT_ABSENT: leat_buf_str_z(out, "null"); break;
    case LEAT_BOOL: leat_buf_str_z(out, v->u.i ? "true" : "false"); break;
    case LEAT_INT: leat_buf_i64(out, v->u.i); break;
    case LEAT_FLOAT:
        if (isfinite(v->u.f))
            leat_rdb_text_float(out, v->u.f, schema && schema->type == LEAT_T_FLOAT32);
        else
            json_text(out, v);
        break;
    case LEAT_INTERVAL:
        leat_buf_printf(out, "\"%d mons %d days %lld us\"", v->u.interval->months,
                        v->u.interval->days, (long long)v->u.interval->us);
        break;
    case LEAT_LIST:
    case LEAT_STRUCT:
    case LEAT_MAP: json_children(out, schema, v); break;
    default: json_text(out, v); break;
    }
}

/* ---- columns of text ---- */

static void put_interval(leat_buf *out, const leat_interval *i)
{
    leat_buf_printf(out, "%d mons %d days ", i->months, i->days);
    leat_rdb_text_clock(out, i->us, LEAT_US);
}

static void put_bytes(leat_buf *out, const leat_schema *s, leat_str bytes)
{
    leat_logical logical = s ? (leat_logical)s->logical : LEAT_L_NONE;
    if (logical == LEAT_L_BITS)
        leat_rdb_text_bits(out, s, bytes);
    else if (logical == LEAT_L_HEX)
        leat_buf_hex(out, bytes);
    else if (logical == LEAT_L_BASE64 || logical == LEAT_L_BASE64_URL)
        leat_buf_base64(out, bytes, logical == LEAT_L_BASE64_URL);
    else
        leat_buf_add(out, bytes);
}

void leat_rdb_text_cell(leat_buf *out, const leat_schema *s, const leat_value *v)
{
    leat_unit unit = (leat_unit)v->unit;
    switch ((leat_kind)v->kind) {
    case LEAT_NULL:
    case LEAT_ABSENT: break;
    case LEAT_BOOL: leat_buf_str_z(out, v->u.i ? "true" : "false"); break;
    case LEAT_INT: leat_buf_i64(out, v->u.i); break;
    case LEAT_FLOAT: leat_rdb_text_float(out, v->u.f, s && s->type == LEAT_T_FLOAT32); break;
    case LEAT_TEXT:
    case LEAT_DECIMAL: leat_buf_add(out, leat_value_str(v)); break;
    case LEAT_BYTES: put_bytes(out, s, leat_value_str(v)); break;
    case LEAT_DATE:
        if (!leat_rdb_text_infinite(out, v->u.i)) leat_rdb_text_date(out, v->u.i, false);
        break;
    case LEAT_TIME: leat_rdb_text_clock(out, v->u.i, unit); break;
    case LEAT_TIMETZ:
        leat_rdb_text_clock(out, v->u.i, unit);
        leat_rdb_text_zone(out, v->zone);
        break;
    case LEAT_TIMESTAMP:
        if (!leat_rdb_text_infinite(out, v->u.i))
            leat_rdb_text_timestamp(out, v->u.i, unit, false, "");
        break;
    case LEAT_TIMESTAMPTZ:
        if (!leat_rdb_text_infinite(out, v->u.i))
            leat_rdb_text_timestamp(out, v->u.i, unit, false, "+00:00");
        break;
    case LEAT_INTERVAL: put_interval(out, v->u.interval); break;
    default: leat_rdb_text_json(out, s, v); break;
    }
}
