/* Binary JSON of MySQL -> text.
 *
 *     document  = u8 type, value
 *     object    = N count, N bytes, count x (N key's offset, u16 key's length),
 *                 count x entry, keys, values
 *     array     = N count, N bytes, count x entry, values
 *                 N: u16 in small ones, u32 in large ones; offsets are from the container's start
 *     entry     = u8 type, N: the value itself, if it is a literal, an (u)int16, or in large ones
 * an (u)int32; else its offset literal   = u8: 0 null, 1 true, 2 false numbers   = little-endian
 *     string    = length, UTF-8
 *     opaque    = u8 type of a column, length, bytes
 *                 DECIMAL: u8 precision, u8 scale, binary form; DATE, TIME, DATETIME, TIMESTAMP:
 * i64, 24 bits microseconds below a date as in cell_time.c (a negative time: all of it negative);
 * the others: as they are length    = seven bits a byte, the lowest first; the highest bit: more
 * follow
 *
 * Members may share bytes, so a few bytes could say much: their sum is bounded. */
#include "source/mysql/jsonbin_part.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/double_text.h"
#include "source/mysql/cell.h"

enum {
    LITERAL_NULL = 0,
    LITERAL_TRUE = 1,
    LITERAL_FALSE = 2,
    DOUBLE_TEXT = 1400,
    LENGTH_BYTES = 5
};

leat_rc leat_jsonbin_fail(const char *what, size_t len, leat_err *e)
{
    return leat_fail(e, LEAT_DATA, "mysql.json", "", "a JSON document of %zu bytes %s", len, what);
}

bool leat_jsonbin_root(leat_str bytes, leat_jsonbin_value *out)
{
    if (bytes.len == 0) return false;
    *out = (leat_jsonbin_value){(uint8_t)bytes.s[0], {bytes.s + 1, bytes.len - 1}};
    return true;
}

/* ---- containers ---- */

static uint32_t number(const leat_jsonbin_container *c, size_t at)
{
    return (uint32_t)leat_cell_le(c->data.s + at, c->large ? 4 : 2);
}

bool leat_jsonbin_open(leat_jsonbin_value v, leat_jsonbin_container *out)
{
    *out = (leat_jsonbin_container){
        .object = v.type <= LEAT_JSONBIN_LARGE_OBJECT, .large = v.type & 1, .data = v.data};
    size_t n = out->large ? 4 : 2;
    if (v.data.len < 2 * n) return false;
    out->n = number(out, 0);
    uint32_t bytes = number(out, n);
    if (bytes > v.data.len || bytes < 2 * n) return false;
    out->data.len = bytes;
    size_t each = 1 + n + (out->object ? n + 2 : 0);
    return out->n <= (bytes - 2 * n) / each;
}

static bool inlined(uint8_t type, bool large)
{
    return type == LEAT_JSONBIN_LITERAL || type == LEAT_JSONBIN_INT16 ||
           type == LEAT_JSONBIN_UINT16 ||
           (large && (type == LEAT_JSONBIN_INT32 || type == LEAT_JSONBIN_UINT32));
}

bool leat_jsonbin_member(const leat_jsonbin_container *c, uint32_t i, leat_str *key,
                         leat_jsonbin_value *out)
{
    size_t n = c->large ? 4 : 2, at = 2 * n;
    if (c->object) {
        size_t entry = at + i * (n + 2);
        size_t offset = number(c, entry), len = leat_cell_le(c->data.s + entry + n, 2);
        if (offset > c->data.len || len > c->data.len - offset) return false;
        *key = (leat_str){c->data.s + offset, len};
        at += c->n * (n + 2);
    }
    at += i * (1 + n);
    out->type = (uint8_t)c->data.s[at];
    size_t offset = inlined(out->type, c->large) ? at + 1 : number(c, at + 1);
    if (offset > c->data.len) return false;
    out->data = (leat_str){c->data.s + offset, c->data.len - offset};
    return true;
}

/* ---- scalars ---- */

void leat_jsonbin_quote(leat_str text, leat_buf *out)
{
    static const char escapes[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    size_t from = 0;
    leat_buf_u8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t ch = (uint8_t)text.s[i];
        if (ch >= 32 && ch != '"' && ch != '\\') continue;
        leat_buf_put(out, text.s + from, i - from);
        from = i + 1;
        if (ch >= 32 || escapes[ch]) {
            leat_buf_u8(out, '\\');
            leat_buf_u8(out, ch >= 32 ? ch : (uint8_t)escapes[ch]);
        } else {
            leat_buf_printf(out, "\\u%04X", ch);
        }
    }
    leat_buf_put(out, text.s + from, text.len - from);
    leat_buf_u8(out, '"');
}

/* As Java's Double.toString; in plain digits, all of them, where that has an exponent. */
static bool print_double(leat_str data, leat_buf *out)
{
    double v;
    char text[DOUBLE_TEXT];
    if (data.len < sizeof v) return false;
    memcpy(&v, data.s, sizeof v);
    if (!isfinite(v)) return false;
    double size = fabs(v);
    if (v == 0 || (size >= 1e-3 && size < 1e7)) {
        leat_buf_put(out, text, leat_double_text(v, text));
        return true;
    }
    int n = snprintf(text, sizeof text, "%.1074f", v);
    while (text[n - 1] == '0') n--;
    if (text[n - 1] == '.') n--;
    leat_buf_put(out, text, (size_t)n);
    return true;
}

static bool print_literal(leat_str data, leat_buf *out)
{
    static const char *const words[] = {"null", "true", "false"};
    if (data.len == 0 || (uint8_t)data.s[0] > LITERAL_FALSE) return false;
    leat_buf_str_z(out, words[(uint8_t)data.s[0]]);
    return true;
}

static bool take_length(leat_str *data, size_t *len)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < LENGTH_BYTES && i < data->len; i++) {
        v |= (uint64_t)((uint8_t)data->s[i] & 0x7f) << 7 * i;
        if ((uint8_t)data->s[i] & 0x80) continue;
        data->s += i + 1;
        data->len -= i + 1;
        *len = v;
        return v <= data->len;
    }
    return false;
}

static bool print_string(leat_str data, leat_buf *out)
{
    size_t len;
    if (!take_length(&data, &len)) return false;
    data.len = len;
    if (!leat_str_utf8(data)) return false;
    leat_jsonbin_quote(data, out);
    return true;
}

/* ---- opaque values ---- */

/* ".5" of 500000: without zeros at the end. */
static void print_fraction(unsigned us, leat_buf *out)
{
    char text[8];
    if (us == 0) return;
    snprintf(text, sizeof text, ".%06u", us % 1000000);
    size_t n = 7;
    while (text[n - 1] == '0') n--;
    leat_buf_put(out, text, n);
}

static bool print_time(leat_str data, uint8_t type, leat_buf *out)
{
    if (data.len != 8) return false;
    int64_t v = (int64_t)leat_cell_le(data.s, 8);
    bool minus = v < 0;
    uint64_t u = minus ? 0 - (uint64_t)v : (uint64_t)v;
    unsigned us = u & 0xffffff;
    u >>= 24;
    unsigned second = u & 63, minute = u >> 6 & 63, day = u >> 17 & 31;
    unsigned month = (unsigned)(u >> 22 & 0x1ffff);
    bool time = type == LEAT_MYSQL_TIME || type == LEAT_MYSQL_TIME2;
    leat_buf_u8(out, '"');
    if (time) {
        leat_buf_printf(out, "%s%02u:%02u:%02u", minus ? "-" : "", (unsigned)(u >> 12 & 1023),
                        minute, second);
    } else {
        leat_buf_printf(out, "%04u-%02u-%02u", month / 13, month % 13, day);
        if (type != LEAT_MYSQL_DATE && type != LEAT_MYSQL_NEWDATE)
            leat_buf_printf(out, " %02u:%02u:%02u", (unsigned)(u >> 12 & 31), minute, second);
    }
    if (type != LEAT_MYSQL_DATE && type != LEAT_MYSQL_NEWDATE) print_fraction(us, out);
    leat_buf_u8(out, '"');
    return true;
}

static bool print_decimal(leat_str data, leat_buf *out)
{
    char text[LEAT_CELL_DECIMAL_TEXT];
    if (data.len < 2) return false;
    leat_str digits = {data.s + 2, data.len - 2};
    unsigned n = leat_cell_decimal_text(digits, (uint8_t)data.s[0], (uint8_t)data.s[1], text);
    leat_buf_put(out, text, n);
    return n > 0;
}

static bool print_opaque(leat_str data, leat_buf *out)
{
    size_t len;
    if (data.len == 0) return false;
    uint8_t type = (uint8_t)data.s[0];
    data = (leat_str){data.s + 1, data.len - 1};
    if (!take_length(&data, &len)) return false;
    data.len = len;
    switch (type) {
    case LEAT_MYSQL_NEWDECIMAL:
    case LEAT_MYSQL_DECIMAL: return print_decimal(data, out);
    case LEAT_MYSQL_DATE:
    case LEAT_MYSQL_NEWDATE:
    case LEAT_MYSQL_TIME:
    case LEAT_MYSQL_TIME2:
    case LEAT_MYSQL_DATETIME:
    case LEAT_MYSQL_DATETIME2:
    case LEAT_MYSQL_TIMESTAMP:
    case LEAT_MYSQL_TIMESTAMP2: return print_time(data, type, out);
    default:
        leat_buf_u8(out, '"');
        leat_buf_base64(out, data, false);
        leat_buf_u8(out, '"');
        return true;
    }
}

/* ---- all ---- */

static bool print_container(leat_jsonbin_value v, unsigned depth, size_t most, leat_buf *out)
{
    leat_jsonbin_container c;
    leat_jsonbin_value member;
    leat_str key = {0};
    if (depth >= LEAT_JSONBIN_DEPTH || !leat_jsonbin_open(v, &c)) return false;
    leat_buf_u8(out, c.object ? '{' : '[');
    for (uint32_t i = 0; i < c.n; i++) {
        if (i) leat_buf_u8(out, ',');
        if (!leat_jsonbin_member(&c, i, &key, &member)) return false;
        if (c.object) {
            if (!leat_str_utf8(key)) return false;
            leat_jsonbin_quote(key, out);
            leat_buf_u8(out, ':');
        }
        if (!leat_jsonbin_print(member, depth + 1, most, out)) return false;
    }
    leat_buf_u8(out, c.object ? '}' : ']');
    return true;
}

bool leat_jsonbin_print(leat_jsonbin_value v, unsigned depth, size_t most, leat_buf *out)
{
    static const uint8_t bytes[] = {
        [LEAT_JSONBIN_INT16] = 2,  [LEAT_JSONBIN_UINT16] = 2, [LEAT_JSONBIN_INT32] = 4,
        [LEAT_JSONBIN_UINT32] = 4, [LEAT_JSONBIN_INT64] = 8,  [LEAT_JSONBIN_UINT64] = 8,
        [LEAT_JSONBIN_DOUBLE] = 8, [LEAT_JSONBIN_STRING] = 1};
    if (out->len > most) return false;
    if (v.type < sizeof bytes && v.data.len < bytes[v.type]) return false;
    switch ((leat_jsonbin_type)v.type) {
    case LEAT_JSONBIN_SMALL_OBJECT:
    case LEAT_JSONBIN_LARGE_OBJECT:
    case LEAT_JSONBIN_SMALL_ARRAY:
    case LEAT_JSONBIN_LARGE_ARRAY: return print_container(v, depth, most, out);
    case LEAT_JSONBIN_LITERAL: return print_literal(v.data, out);
    case LEAT_JSONBIN_INT16: leat_buf_i64(out, (int16_t)leat_cell_le(v.data.s, 2)); return true;
    case LEAT_JSONBIN_INT32: leat_buf_i64(out, (int32_t)leat_cell_le(v.data.s, 4)); return true;
    case LEAT_JSONBIN_INT64: leat_buf_i64(out, (int64_t)leat_cell_le(v.data.s, 8)); return true;
    case LEAT_JSONBIN_UINT16: leat_buf_u64(out, leat_cell_le(v.data.s, 2)); return true;
    case LEAT_JSONBIN_UINT32: leat_buf_u64(out, leat_cell_le(v.data.s, 4)); return true;
    case LEAT_JSONBIN_UINT64: leat_buf_u64(out, leat_cell_le(v.data.s, 8)); return true;
    case LEAT_JSONBIN_DOUBLE: return print_double(v.data, out);
    case LEAT_JSONBIN_STRING: return print_string(v.data, out);
    case LEAT_JSONBIN_OPAQUE: return print_opaque(v.data, out);
    }
    return false;
}

leat_rc leat_jsonbin_text(leat_str bytes, leat_arena *a, leat_str *out, leat_err *e)
{
    leat_jsonbin_value root;
    leat_buf text = {0};
    if (bytes.len == 0) {
        *out = LEAT_STR("null");
        return LEAT_OK;
    }
    bool ok = leat_jsonbin_root(bytes, &root) &&
              leat_jsonbin_print(root, 0, leat_jsonbin_most(bytes.len), &text);
    if (ok) *out = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    return ok ? LEAT_OK : leat_jsonbin_fail("is malformed or too deep", bytes.len, e);
}
