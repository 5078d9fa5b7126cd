/* Numbers of row images.
 *
 *     TINY SHORT INT24 LONG LONGLONG   1, 2, 3, 4, 8 bytes, the lowest first
 *     YEAR                             u8: 0, or years since 1900
 *     FLOAT DOUBLE                     IEEE 754, little-endian
 *     BIT(n)                           (n + 7) / 8 bytes, the highest first
 *     DECIMAL(p,s)                     groups of nine digits, each an u32, the highest byte first;
 * the outermost groups on both sides have the digits that are left, in as few bytes as hold them.
 * The highest bit is 1 for numbers from 0 on; of negative ones all bits are turned. */
#include <math.h>

#include "source/mysql/cell.h"

leat_rc leat_cell_fail(const leat_mysql_col *col, leat_str bytes, const char *what, leat_err *e)
{
    return leat_fail(
        e, LEAT_DATA, "mysql.value", col->table,
        "column %s (%s): %s; got %zu bytes. The change is kept as a dead letter; if the "
        "table was altered, its catalogue entry may be of another version",
        col->name ? col->name : "?", leat_binlog_column_type_name(col->type), what, bytes.len);
}

leat_rc leat_cell_int(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                      leat_err *e)
{
    (void)a;
    (void)e;
    const char *p = bytes.s;
    int64_t v;
    switch (bytes.len) {
    case 1: v = col->is_unsigned ? (int64_t)(uint8_t)p[0] : (int8_t)p[0]; break;
    case 2: {
        uint16_t raw;
        memcpy(&raw, p, sizeof raw);
        v = col->is_unsigned ? (int64_t)raw : (int16_t)raw;
        break;
    }
    case 4: {
        uint32_t raw;
        memcpy(&raw, p, sizeof raw);
        v = col->is_unsigned ? (int64_t)raw : (int32_t)raw;
        break;
    }
    case 8: memcpy(&v, p, sizeof v); break;
    default: {
        uint32_t raw = (uint32_t)leat_cell_le(p, 3);
        v = col->is_unsigned ? (int64_t)raw : (int32_t)(raw << 8) >> 8;
    }
    }
    *out = leat_int(v);
    return LEAT_OK;
}

leat_rc leat_cell_u64_decimal(const leat_mysql_col *col, leat_str bytes, leat_arena *a,
                              leat_value *out, leat_err *e)
{
    (void)col;
    (void)e;
    char digits[20];
    unsigned at = sizeof digits;
    uint64_t v = leat_cell_le(bytes.s, 8);
    do digits[--at] = (char)('0' + v % 10);
    while (v /= 10);
    uint32_t len = (uint32_t)(sizeof digits - at);
    *out =
        (leat_value){.kind = LEAT_DECIMAL, .len = len, .u.s = leat_arena_dup(a, digits + at, len)};
    return LEAT_OK;
}

leat_rc leat_cell_year(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                       leat_err *e)
{
    (void)col;
    (void)a;
    (void)e;
    uint8_t v = (uint8_t)bytes.s[0];
    *out = leat_int(v ? v + 1900 : 0);
    return LEAT_OK;
}

leat_rc leat_cell_float(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                        leat_err *e)
{
    (void)col;
    (void)a;
    (void)e;
    float v;
    memcpy(&v, bytes.s, sizeof v);
    *out = leat_float(isnan(v) ? (double)NAN : (double)v);
    return LEAT_OK;
}

leat_rc leat_cell_double(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                         leat_err *e)
{
    (void)col;
    (void)a;
    (void)e;
    double v;
    memcpy(&v, bytes.s, sizeof v);
    *out = leat_float(isnan(v) ? (double)NAN : v);
    return LEAT_OK;
}

leat_rc leat_cell_bit1(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                       leat_err *e)
{
    (void)col;
    (void)a;
    (void)e;
    *out = leat_bool(bytes.s[0] != 0);
    return LEAT_OK;
}

leat_rc leat_cell_bits(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                       leat_err *e)
{
    (void)col;
    (void)e;
    char *to = leat_arena_alloc(a, bytes.len, 1);
    for (size_t i = 0; i < bytes.len; i++) to[i] = bytes.s[bytes.len - 1 - i];
    *out = leat_bytes((leat_str){to, bytes.len});
    return LEAT_OK;
}

/* ---- DECIMAL ---- */

enum { GROUP = 9, PRECISION_MOST = 65, SCALE_MOST = 38 };
static const uint8_t bytes_of[GROUP + 1] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};

unsigned leat_cell_decimal_size(unsigned precision, unsigned scale)
{
    if (precision == 0 || precision > PRECISION_MOST || scale > precision || scale > SCALE_MOST)
        return 0;
    unsigned whole = precision - scale;
    return whole / GROUP * 4 + bytes_of[whole % GROUP] + scale / GROUP * 4 +
           bytes_of[scale % GROUP];
}

/* One group as digits, zeros in front; false when it has more. */
static bool put_group(const char *p, unsigned n, uint64_t flip, unsigned digits, char *out)
{
    uint64_t v = leat_cell_be(p, n) ^ (flip & ((UINT64_C(1) << 8 * n) - 1));
    for (unsigned i = digits; i-- > 0; v /= 10) out[i] = (char)('0' + v % 10);
    return v == 0;
}

unsigned leat_cell_decimal_text(leat_str bytes, unsigned precision, unsigned scale,
                                char out[LEAT_CELL_DECIMAL_TEXT])
{
    unsigned size = leat_cell_decimal_size(precision, scale), whole = precision - scale, at = 0;
    if (size == 0 || bytes.len != size) return 0;
    char raw[PRECISION_MOST], digits[PRECISION_MOST + GROUP];
    memcpy(raw, bytes.s, size);
    raw[0] = (char)(raw[0] ^ 0x80);
    bool minus = raw[0] & 0x80, ok = true, zero = true;
    uint64_t flip = minus ? UINT64_MAX : 0;
    const char *p = raw;
    for (unsigned left = whole; left > 0;) {
        unsigned n = left % GROUP ? left % GROUP : GROUP;
        ok &= put_group(p, bytes_of[n], flip, n, digits + at);
        p += bytes_of[n];
        at += n;
        left -= n;
    }
    for (unsigned left = scale; left > 0;) {
        unsigned n = left > GROUP ? GROUP : left;
        ok &= put_group(p, bytes_of[n], flip, n, digits + at);
        p += bytes_of[n];
        at += n;
        left -= n;
    }
    if (!ok) return 0;
    for (unsigned i = 0; i < at; i++) zero &= digits[i] == '0';
    unsigned from = 0, len = 0;
    while (from + 1 < whole && digits[from] == '0') from++;
    if (minus && !zero) out[len++] = '-';
    if (whole == 0) out[len++] = '0';
    for (; from < whole; from++) out[len++] = digits[from];
    if (scale) out[len++] = '.';
    memcpy(out + len, digits + whole, scale);
    return len + scale;
}

leat_rc leat_cell_decimal(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                          leat_err *e)
{
    char text[LEAT_CELL_DECIMAL_TEXT];
    unsigned precision = col->meta & 0xff;
    unsigned len = leat_cell_decimal_text(bytes, precision, col->digits, text);
    if (len == 0) return leat_cell_fail(col, bytes, "no decimal number", e);
    *out = (leat_value){.kind = LEAT_DECIMAL,
                        .scale = col->digits,
                        .len = len,
                        .u.s = leat_arena_dup(a, text, len)};
    return LEAT_OK;
}
