/* Texts of points and of PostGIS's types -> the structs that Debezium makes of them.
 *
 *     point     (x,y)                       -> {x, y, wkb, srid}   wkb: ours, little-endian; no
 * srid geometry  EWKB in hex digits          -> {wkb, srid}         wkb: the EWKB as it is EWKB u8
 * order (1: little-endian), u32 type with flags, [i32 srid, if type & 0x20000000], ...
 *     shapes    box, line, lseg, path, polygon, circle: text with numbers -> BYTES, the same text
 *               with its numbers as Java writes a double
 *
 * Nothing behind the srid is looked at. Shapes have no mapping in Debezium 3.6; they are here for
 * include.unknown.datatypes, where their bytes are what the JDBC driver's objects print. Pure. */
#include <stdio.h>

#include "base/buf.h"
#include "system/postgres/types_part.h"

enum { WKB_POINT_LEN = 21, EWKB_MIN = 9, EWKB_SRID = 0x20000000 };

static leat_value struct_of(leat_value *fields, uint32_t n)
{
    return (leat_value){.kind = LEAT_STRUCT, .len = n, .u.list = fields};
}

static void put_double(char *p, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    for (int i = 0; i < 8; i++) p[i] = (char)(bits >> 8 * i);
}

leat_rc leat_pg_parse_point(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                            leat_err *e)
{
    bool ok = text.len >= 2 && text.s[0] == '(' && text.s[text.len - 1] == ')';
    leat_str y = ok ? (leat_str){text.s + 1, text.len - 2} : (leat_str){0};
    leat_str x = leat_str_cut(&y, ',');
    double px, py;
    if (!ok || y.s == NULL || !leat_pg_float8(x, &px) || !leat_pg_float8(y, &py))
        return leat_pg_value_fail(col, text, "expected a point such as (1.5,2)", e);
    char *wkb = leat_arena_alloc(a, WKB_POINT_LEN, 1);
    memcpy(wkb, "\1\1\0\0\0", 5);
    put_double(wkb + 5, px);
    put_double(wkb + 13, py);
    leat_value *fields = leat_arena_alloc(a, 4 * sizeof *fields, _Alignof(leat_value));
    fields[0] = leat_float(px);
    fields[1] = leat_float(py);
    fields[2] = leat_bytes((leat_str){wkb, WKB_POINT_LEN});
    fields[3] = leat_null();
    *out = struct_of(fields, 4);
    return LEAT_OK;
}

leat_rc leat_pg_parse_geometry(const leat_pg_col *col, leat_str text, leat_arena *a,
                               leat_value *out, leat_err *e)
{
    char *wkb = leat_arena_alloc(a, text.len / 2, 1);
    leat_str ewkb = {wkb, text.len / 2};
    if (!leat_pg_unhex(text, wkb) || ewkb.len < EWKB_MIN)
        return leat_pg_value_fail(col, text, "expected EWKB in hexadecimal digits", e);
    leat_cur c = leat_cur_of(ewkb);
    bool little = leat_cur_u8(&c) != 0;
    uint32_t type = little ? leat_cur_le32(&c) : leat_cur_be32(&c);
    uint32_t srid = little ? leat_cur_le32(&c) : leat_cur_be32(&c);
    leat_value *fields = leat_arena_alloc(a, 2 * sizeof *fields, _Alignof(leat_value));
    fields[0] = leat_bytes(ewkb);
    fields[1] = type & EWKB_SRID ? leat_int((int32_t)srid) : leat_null();
    *out = struct_of(fields, 2);
    return LEAT_OK;
}

leat_value leat_pg_no_struct(leat_pg_parser *parse, leat_arena *a)
{
    static const char point[WKB_POINT_LEN] = {1, 1}, nothing[EWKB_MIN] = {1, 7};
    leat_value *fields = LEAT_NEW(a, leat_value, 4);
    for (int i = 0; i < 4; i++) fields[i] = leat_null();
    if (parse == leat_pg_parse_point) {
        fields[0] = fields[1] = leat_float(0);
        fields[2] = leat_bytes((leat_str){point, sizeof point});
        return struct_of(fields, 4);
    }
    bool sparse = parse == leat_pg_parse_sparse;
    fields[0] = sparse ? leat_int(0) : leat_bytes((leat_str){nothing, sizeof nothing});
    if (sparse) fields[1] = (leat_value){.kind = LEAT_MAP};
    return struct_of(fields, 2);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number's significant digits, and where the point stands among them: 0.d1d2d3... * 10^point. */
typedef struct digits {
    char d[24];
    int n, point;
} digits;

static void add_digit(digits *x, char c, bool fraction)
{
    if (x->n == 0 && c == '0') {
        x->point -= fraction;
        return;
    }
    if (x->n < (int)sizeof x->d) x->d[x->n++] = c;
    x->point += !fraction;
}

/* Reads an unsigned number at p, which begins with a digit; returns its end. */
static const char *read_digits(const char *p, const char *end, digits *x)
{
    bool fraction = false;
    for (; p < end && (is_digit(*p) || (*p == '.' && !fraction)); p++) {
        if (*p == '.')
            fraction = true;
        else
            add_digit(x, *p, fraction);
    }
    while (x->n > 0 && x->d[x->n - 1] == '0') x->n--;
    if (p == end || *p != 'e') return p;
    const char *q = p + 1;
    bool negative = q < end && *q == '-';
    if (q < end && (*q == '-' || *q == '+')) q++;
    int exponent = 0;
    for (const char *first = q; q < end && is_digit(*q) && q - first < 4; q++)
        exponent = exponent * 10 + (*q - '0');
    x->point += negative ? -exponent : exponent;
    return q;
}

/* Double.toString: plain from 10^-3 to below 10^7, else d.dddEn; always a digit behind the point.
 */
static char *java_double(char *to, const digits *x)
{
    if (x->n == 0) return stpcpy(to, "0.0");
    if (x->point > 7 || x->point <= -3) {
        *to++ = x->d[0];
        *to++ = '.';
        for (int i = 1; i < x->n; i++) *to++ = x->d[i];
        if (x->n == 1) *to++ = '0';
        return to + snprintf(to, 8, "E%d", x->point - 1);
    }
    if (x->point <= 0) *to++ = '0';
    for (int i = 0; i < x->point; i++) *to++ = i < x->n ? x->d[i] : '0';
    *to++ = '.';
    for (int i = x->point; i < 0; i++) *to++ = '0';
    for (int i = x->point > 0 ? x->point : 0; i < x->n; i++) *to++ = x->d[i];
    if (x->n <= x->point) *to++ = '0';
    return to;
}

leat_rc leat_pg_parse_shape(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                            leat_err *e)
{
    (void)col, (void)e;
    enum { LONGEST = 40 }; /* of a number: 24 digits, point, zeros or exponent */
    size_t numbers = 0;
    for (size_t i = 0; i < text.len; i++)
        numbers += is_digit(text.s[i]) && (i == 0 || !is_digit(text.s[i - 1]));
    char *bytes = leat_arena_alloc(a, text.len + numbers * LONGEST, 1), *to = bytes;
    for (const char *p = text.s, *end = text.s + text.len; p < end;) {
        if (is_digit(*p)) {
            digits x = {.n = 0};
            p = read_digits(p, end, &x);
            to = java_double(to, &x);
        } else {
            *to++ = *p++;
        }
    }
    *out = leat_bytes((leat_str){bytes, (size_t)(to - bytes)});
    return LEAT_OK;
}
