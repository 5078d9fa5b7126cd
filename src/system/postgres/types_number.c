/* Texts of PostgreSQL's numbers -> cells.
 *
 * Read digit by digit, with exact checks of their range. A float is computed in one rounding where
 * it can be (few digits, small exponent) and by strtod in the C locale where not. Decimals stay
 * text and are borrowed, but where digits must be added or taken away. Pure; any thread.
 *
 *     int      [-] digits
 *     float    [-] digits [. digits] [e [+-] digits] | NaN | [-] Infinity
 *     numeric  [-] digits [. digits] | NaN | [-] Infinity
 *     money    [-] $ digits with commas [. digits]     (lc_monetary C) */
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "system/postgres/types_part.h"

/* [-] digits, not beyond min and max. */
static bool integer(leat_str text, int64_t min, int64_t max, int64_t *out)
{
    const char *p = text.s, *end = text.s + text.len;
    bool negative = p < end && *p == '-';
    p += negative;
    if (p == end || end - p > 19) return false;
    uint64_t v = 0;
    for (; p < end; p++) {
        unsigned digit = (unsigned)(unsigned char)*p - '0';
        if (digit > 9) return false;
        v = v * 10 + digit;
    }
    uint64_t limit = negative ? (uint64_t)0 - (uint64_t)min : (uint64_t)max;
    if (v > limit) return false;
    *out = (int64_t)(negative ? 0 - v : v);
    return true;
}

static leat_rc parse_int(const leat_pg_col *col, leat_str text, int64_t min, int64_t max,
                         leat_value *out, leat_err *e)
{
    int64_t v;
    if (!integer(text, min, max, &v))
        return leat_pg_value_fail(col, text, "expected an integer in its range", e);
    *out = leat_int(v);
    return LEAT_OK;
}

leat_rc leat_pg_parse_int2(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                           leat_err *e)
{
    (void)a;
    return parse_int(col, text, INT16_MIN, INT16_MAX, out, e);
}

leat_rc leat_pg_parse_int4(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                           leat_err *e)
{
    (void)a;
    return parse_int(col, text, INT32_MIN, INT32_MAX, out, e);
}

leat_rc leat_pg_parse_int8(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                           leat_err *e)
{
    (void)a;
    return parse_int(col, text, INT64_MIN, INT64_MAX, out, e);
}

leat_rc leat_pg_parse_oid(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                          leat_err *e)
{
    (void)a;
    return parse_int(col, text, 0, UINT32_MAX, out, e);
}

/* A number's parts: significant digits (at most 19, so that they fit) and the power of ten. */
typedef struct number {
    uint64_t digits;
    int64_t exponent;
    bool negative, cut; /* cut: there were more digits than 19 */
} number;

/* Digits up to something else, into n; returns how many. */
static size_t take_digits(const char **p, const char *end, number *n)
{
    const char *start = *p;
    for (; *p < end && (unsigned)(unsigned char)**p - '0' <= 9; ++*p) {
        if (n->digits >= UINT64_C(1000000000000000000))
            n->cut = true;
        else
            n->digits = n->digits * 10 + (uint64_t)(**p - '0');
    }
    return (size_t)(*p - start);
}

static bool take_exponent(const char **p, const char *end, number *n)
{
    ++*p;
    bool negative = *p < end && **p == '-';
    if (*p < end && (**p == '-' || **p == '+')) ++*p;
    number exponent = {0};
    size_t len = take_digits(p, end, &exponent);
    if (len == 0 || len > 6) return false;
    n->exponent += negative ? -(int64_t)exponent.digits : (int64_t)exponent.digits;
    return true;
}

/* The grammar of float; false if text is none of it. */
static bool split_number(leat_str text, number *n)
{
    const char *p = text.s, *end = text.s + text.len;
    *n = (number){.negative = p < end && *p == '-'};
    p += n->negative;
    if (take_digits(&p, end, n) == 0) return false;
    if (p < end && *p == '.') {
        p++;
        size_t fraction = take_digits(&p, end, n);
        if (fraction == 0) return false;
        n->exponent = -(int64_t)fraction;
    }
    if (p < end && (*p == 'e' || *p == 'E') && !take_exponent(&p, end, n)) return false;
    return p == end;
}

static bool special(leat_str text, double *out)
{
    if (leat_str_is(text, "NaN"))
        *out = NAN;
    else if (leat_str_is(text, "Infinity"))
        *out = INFINITY;
    else if (leat_str_is(text, "-Infinity"))
        *out = -INFINITY;
    else
        return false;
    return true;
}

enum { FLOAT_TEXT = 512 }; /* the longest that any output function writes is shorter */

/* text with a NUL behind it, for strtod: false if it is longer than any float. */
static bool float_text(leat_str text, char out[FLOAT_TEXT])
{
    if (text.len >= FLOAT_TEXT) return false;
    memcpy(out, text.s, text.len);
    out[text.len] = '\0';
    return true;
}

bool leat_pg_float8(leat_str text, double *out)
{
    static const double ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    number n;
    if (!split_number(text, &n)) return special(text, out);
    /* Both operands are exact, so the one operation rounds correctly (Clinger's fast path). */
    if (!n.cut && n.digits <= UINT64_C(1) << 53 && n.exponent >= -22 && n.exponent <= 22) {
        double v = (double)n.digits;
        v = n.exponent < 0 ? v / ten[-n.exponent] : v * ten[n.exponent];
        *out = n.negative ? -v : v;
        return true;
    }
    char z[FLOAT_TEXT];
    if (!float_text(text, z)) return false;
    /* The C locale is a constant of the C library: nothing is allocated. */
    *out = strtod_l(z, NULL, newlocale(LC_ALL_MASK, "C", (locale_t)0));
    return isfinite(*out);
}

bool leat_pg_float4(leat_str text, float *out)
{
    static const float ten[] = {1e0F, 1e1F, 1e2F, 1e3F, 1e4F, 1e5F, 1e6F, 1e7F, 1e8F, 1e9F, 1e10F};
    number n;
    double v;
    if (!split_number(text, &n)) {
        if (!special(text, &v)) return false;
        *out = (float)v;
        return true;
    }
    if (!n.cut && n.digits <= 1U << 24 && n.exponent >= -10 && n.exponent <= 10) {
        float f = (float)n.digits;
        f = n.exponent < 0 ? f / ten[-n.exponent] : f * ten[n.exponent];
        *out = n.negative ? -f : f;
        return true;
    }
    char z[FLOAT_TEXT];
    if (!float_text(text, z)) return false;
    *out = strtof_l(z, NULL, newlocale(LC_ALL_MASK, "C", (locale_t)0));
    return isfinite(*out);
}

leat_rc leat_pg_parse_float4(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                             leat_err *e)
{
    (void)a;
    float v;
    if (!leat_pg_float4(text, &v)) return leat_pg_value_fail(col, text, "expected a number", e);
    *out = leat_float((double)v);
    return LEAT_OK;
}

leat_rc leat_pg_parse_float8(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                             leat_err *e)
{
    (void)a;
    double v;
    if (!leat_pg_float8(text, &v)) return leat_pg_value_fail(col, text, "expected a number", e);
    *out = leat_float(v);
    return LEAT_OK;
}

/* Where the digits end, from p; p itself if there are none. */
static const char *digits_end(const char *p, const char *end)
{
    while (p < end && (unsigned)(unsigned char)*p - '0' <= 9) p++;
    return p;
}

enum { SCALE_MAX = 16383 }; /* of PostgreSQL's numeric */

/* The digits after the point of [-] digits [. digits], or -1 if text is no such thing. */
static int scale_of(leat_str text)
{
    const char *p = text.s, *end = text.s + text.len;
    if (p < end && *p == '-') p++;
    const char *point = digits_end(p, end);
    if (point == p) return -1;
    if (point == end) return 0;
    const char *last = digits_end(point + 1, end);
    if (*point != '.' || last == point + 1 || last != end || last - point - 1 > SCALE_MAX)
        return -1;
    return (int)(last - point - 1);
}

static leat_value decimal(const char *s, size_t len, unsigned scale)
{
    return (leat_value){
        .kind = LEAT_DECIMAL, .scale = (uint16_t)scale, .len = (uint32_t)len, .u.s = s};
}

/* The same number with more digits after the point. */
static leat_value widen(leat_str text, unsigned scale, unsigned digits, leat_arena *a)
{
    size_t zeros = digits - scale;
    size_t len = text.len + (scale == 0) + zeros;
    char *s = leat_arena_alloc(a, len, 1);
    memcpy(s, text.s, text.len);
    if (scale == 0) s[text.len] = '.';
    memset(s + len - zeros, '0', zeros);
    return decimal(s, len, digits);
}

leat_rc leat_pg_parse_numeric(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                              leat_err *e)
{
    int scale = scale_of(text);
    if (scale < 0) {
        double v;
        if (!special(text, &v)) return leat_pg_value_fail(col, text, "expected a number", e);
        *out = decimal(text.s, text.len, 0);
    } else if (col->digits == LEAT_PG_ANY_DIGITS || col->digits == scale) {
        *out = decimal(text.s, text.len, (unsigned)scale);
    } else if (scale < col->digits) {
        *out = widen(text, (unsigned)scale, col->digits, a);
    } else {
        return leat_pg_value_fail(col, text, "it has more digits after the point", e);
    }
    return LEAT_OK;
}

/* Adds one to the decimal digits s[0, len), the point skipped; true: a carry is left over. */
static bool add_one(char *s, size_t len)
{
    while (len--) {
        if (s[len] == '.') continue;
        if (s[len] != '9') {
            s[len]++;
            return false;
        }
        s[len] = '0';
    }
    return true;
}

/* text ([-] digits . digits, scale of them) rounded half away from zero to fewer digits. There is
 * room for one character before text. */
static leat_value narrow(char *s, size_t len, unsigned scale, unsigned digits)
{
    size_t keep = len - (scale - digits) - (digits == 0);
    bool up = s[len - (scale - digits)] >= '5';
    size_t sign = s[0] == '-';
    if (up && add_one(s + sign, keep - sign)) {
        s--;
        keep++;
        s[0] = s[sign]; /* the sign, if there is one, moves before the carry */
        s[sign] = '1';
    }
    if (sign && strspn(s + 1, "0.") >= keep - 1) return decimal(s + 1, keep - 1, digits);
    return decimal(s, keep, digits);
}

leat_rc leat_pg_parse_money(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                            leat_err *e)
{
    char *s = leat_arena_alloc(a, text.len + 2, 1);
    char *to = ++s; /* the room that narrow wants */
    bool currency = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.s[i];
        if (c == '$' && !currency && to - s <= 1 && (to == s || s[0] == '-'))
            currency = true;
        else if (c != ',' || to == s)
            *to++ = c;
    }
    *to = '\0';
    leat_str amount = {s, (size_t)(to - s)};
    int scale = scale_of(amount);
    if (scale < 0) return leat_pg_value_fail(col, text, "expected an amount such as -$1,234.56", e);
    if (col->digits == LEAT_PG_ANY_DIGITS || col->digits == scale)
        *out = decimal(s, amount.len, (unsigned)scale);
    else if (scale < col->digits)
        *out = widen(amount, (unsigned)scale, col->digits, a);
    else
        *out = narrow(s, amount.len, (unsigned)scale, col->digits);
    return LEAT_OK;
}
