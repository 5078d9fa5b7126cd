/* The shortest decimal of a floating point number (base/double_text.h), by Raffaele Giulietti's
 * Schubfach method.
 *
 * A number is c * 2^q. All decimals in the interval that rounds to it read back as it; of the
 * powers of ten 10^k not longer than the interval, the largest is taken: then at most two multiples
 * of 10^(k+1), or else of 10^k, lie in the interval. Which, is told by three products with 10^-k
 * that are kept as 126 bits and rounded to odd, which for all c and q compares as the exact ones
 * do.
 *
 * The table of powers stands in pow10_table.c. No state; any thread. */
#include "base/double_text.h"

#include "base/buf.h"

__extension__ typedef unsigned __int128 u128;

/* One format of IEEE 754. */
typedef struct format {
    uint64_t hidden; /* the bit that is not stored */
    int least;       /* q of the smallest numbers */
    uint64_t tiny;   /* subnormal c below it have less than two digits in the interval */
} format;

static const format binary64 = {(uint64_t)1 << 52, -1074, 3};
static const format binary32 = {(uint64_t)1 << 23, -149, 8};

/* floor(log10(2^e)), floor(log10(3/4 * 2^e)), floor(log2(10^e)): right for all e that occur. */
static int log10_pow2(int e)
{
    return (int)(e * INT64_C(661971961083) >> 41);
}
static int log10_three_quarters_pow2(int e)
{
    return (int)((e * INT64_C(661971961083) - INT64_C(274743187321)) >> 41);
}
static int log2_pow10(int e)
{
    return (int)(e * INT64_C(913124641741) >> 38);
}

/* x * g * 2^-127, rounded to odd: the lowest bit is set when anything was cut off. */
static uint64_t product(leat_pow10 g, uint64_t x)
{
    const uint64_t mask = ((uint64_t)1 << 63) - 1;
    u128 low = (u128)g.low * x, high = (u128)g.high * x;
    uint64_t z = ((uint64_t)high >> 1) + (uint64_t)(low >> 64);
    uint64_t w = (uint64_t)(high >> 64) + (z >> 63);
    return w | ((z & mask) != 0);
}

/* A decimal: digits * 10^exp. */
typedef struct decimal {
    uint64_t digits;
    int exp;
} decimal;

/* The shortest for c * 2^q; shift: c was multiplied by ten to that. */
static decimal shortest(const format *f, uint64_t c, int q, int shift)
{
    uint64_t out = c & 1, cb = c << 2, cbr = cb + 2, cbl = cb - 2;
    int k = log10_pow2(q);
    if (c == f->hidden && q != f->least) { /* the number below is nearer than that above */
        cbl = cb - 1;
        k = log10_three_quarters_pow2(q);
    }
    int h = q + log2_pow10(-k) + 2;
    leat_pow10 g = leat_pow10_table[k - LEAT_POW10_FIRST];
    uint64_t vb = product(g, cb << h), vbl = product(g, cbl << h), vbr = product(g, cbr << h);
    uint64_t s = vb >> 2, t = s + 1;
    if (s >= 100) {
        uint64_t low = s / 10 * 10, high = low + 10;
        bool low_in = vbl + out <= low << 2, high_in = (high << 2) + out <= vbr;
        if (low_in != high_in) return (decimal){low_in ? low : high, k + shift};
    }
    bool s_in = vbl + out <= s << 2, t_in = (t << 2) + out <= vbr;
    if (s_in != t_in) return (decimal){s_in ? s : t, k + shift};
    int64_t side = (int64_t)(vb - ((s + t) << 1)); /* nearer to s: below 0 */
    return (decimal){side < 0 || (side == 0 && (s & 1) == 0) ? s : t, k + shift};
}

static unsigned digits_of(uint64_t u)
{
    unsigned n = 1;
    while (n < 19 && u >= leat_ten_to[n]) n++;
    return n;
}

static char *put_digits(char *p, uint64_t u, unsigned n)
{
    for (unsigned i = n; i-- > 0; u /= 10) p[i] = (char)('0' + u % 10);
    return p + n;
}

static char *put_zeros(char *p, int n)
{
    for (; n > 0; n--) *p++ = '0';
    return p;
}

/* 0.digits * 10^exp with n digits, the last not zero, as Java sets the point. */
static char *put_decimal(char *p, uint64_t digits, unsigned n, int exp)
{
    if (exp > 0 && exp <= 7) {
        if ((int)n <= exp) {
            p = put_zeros(put_digits(p, digits, n), exp - (int)n);
            *p++ = '.';
            *p++ = '0';
            return p;
        }
        unsigned behind = n - (unsigned)exp;
        p = put_digits(p, digits / leat_ten_to[behind], (unsigned)exp);
        *p++ = '.';
        return put_digits(p, digits % leat_ten_to[behind], behind);
    }
    if (exp > -3 && exp <= 0) {
        *p++ = '0';
        *p++ = '.';
        return put_digits(put_zeros(p, -exp), digits, n);
    }
    p = put_digits(p, digits / leat_ten_to[n - 1], 1);
    *p++ = '.';
    p = n > 1 ? put_digits(p, digits % leat_ten_to[n - 1], n - 1) : put_zeros(p, 1);
    *p++ = 'E';
    exp--;
    if (exp < 0) *p++ = '-';
    unsigned e = (unsigned)(exp < 0 ? -exp : exp);
    return put_digits(p, e, digits_of(e));
}

/* c * 2^q of either format; c and q as stored, c is 0 for zero only. */
static size_t number(const format *f, bool negative, uint64_t c, int q, char *out)
{
    char *p = out;
    if (negative) *p++ = '-';
    if (c == 0) {
        memcpy(p, "0.0", 3);
        return (size_t)(p + 3 - out);
    }
    decimal d = {c, 0};
    if (q < 0 && q > -53 && c >> -q << -q == c && c >= f->hidden)
        d.digits = c >> -q; /* a whole number has the digits it has */
    else if (c < f->tiny && q == f->least)
        d = shortest(f, c * 10, q, -1);
    else
        d = shortest(f, c, q, 0);
    while (d.digits % 10 == 0) {
        d.digits /= 10;
        d.exp++;
    }
    unsigned n = digits_of(d.digits);
    return (size_t)(put_decimal(p, d.digits, n, d.exp + (int)n) - out);
}

size_t leat_double_text(double d, char out[LEAT_DOUBLE_MAX])
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof(bits));
    uint64_t fraction = bits & (binary64.hidden - 1);
    int exp = (int)(bits >> 52 & 0x7ff);
    uint64_t c = exp > 0 ? fraction | binary64.hidden : fraction;
    return number(&binary64, bits >> 63, c, exp > 0 ? exp - 1075 : -1074, out);
}

size_t leat_float_text(float f, char out[LEAT_DOUBLE_MAX])
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof(bits));
    uint64_t fraction = bits & (binary32.hidden - 1);
    int exp = (int)(bits >> 23 & 0xff);
    uint64_t c = exp > 0 ? fraction | binary32.hidden : fraction;
    return number(&binary32, bits >> 31, c, exp > 0 ? exp - 150 : -149, out);
}
