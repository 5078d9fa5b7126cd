/* Exact decimals (convert/decimal.h).
 *
 * The digits of d * 10^scale are those of the whole part and the fraction in a row, then zeros; a
 * negative scale drops zeros at the end instead. They are taken 18 at a time into a number of
 * 64-bit limbs, least first, which grows by a multiplication for each 18; for up to 38 digits there
 * are two limbs and they stay in registers. No state; any thread. */
#include "convert/decimal.h"

#include "base/arena.h"

__extension__ typedef unsigned __int128 u128;

enum { STEP = 18, STEP_SHORT = 38, LIMB = 8 };

bool leat_decimal_parse(leat_str text, leat_decimal *d)
{
    const char *p = text.s, *end = p + text.len;
    *d = (leat_decimal){0};
    if (p < end && (*p == '-' || *p == '+')) d->negative = *p++ == '-';
    const char *from = p;
    while (p < end && *p >= '0' && *p <= '9') p++;
    d->whole = (leat_str){from, (size_t)(p - from)};
    if (p < end && *p == '.') {
        from = ++p;
        while (p < end && *p >= '0' && *p <= '9') p++;
        d->fraction = (leat_str){from, (size_t)(p - from)};
    }
    if (p != end || d->whole.len + d->fraction.len == 0) return false;
    while (d->whole.len > 0 && d->whole.s[0] == '0') {
        d->whole.s++;
        d->whole.len--;
    }
    return true;
}

static size_t zeros_at_end(leat_str digits)
{
    size_t n = 0;
    while (n < digits.len && digits.s[digits.len - 1 - n] == '0') n++;
    return n;
}

void leat_decimal_strip(leat_decimal *d)
{
    d->fraction.len -= zeros_at_end(d->fraction);
}

/* The digits of d * 10^scale: two pieces and zeros behind them. */
typedef struct digits {
    leat_str whole, fraction;
    size_t zeros;
} digits;

static bool shift(const leat_decimal *d, int32_t scale, digits *out)
{
    if (scale > LEAT_SCALE_MOST || scale < -LEAT_SCALE_MOST || d->whole.len > LEAT_SCALE_MOST)
        return false;
    *out = (digits){d->whole, d->fraction, 0};
    size_t behind = scale > 0 ? (size_t)scale : 0;
    if (d->fraction.len > behind) {
        if (zeros_at_end(d->fraction) < d->fraction.len - behind) return false;
        out->fraction.len = behind;
    } else {
        out->zeros = behind - d->fraction.len;
    }
    size_t drop = scale < 0 ? (size_t)-scale : 0;
    if (drop > 0 && d->whole.len > 0) {
        if (zeros_at_end(d->whole) < drop) return false;
        out->whole.len -= drop;
    }
    return true;
}

static size_t count(const digits *g)
{
    return g->whole.len + g->fraction.len + g->zeros;
}

/* The n digits from the i-th on, as a number; n <= STEP. */
static uint64_t chunk(const digits *g, size_t i, size_t n)
{
    uint64_t u = 0;
    for (size_t end = i + n; i < end; i++) {
        unsigned digit = 0;
        if (i < g->whole.len)
            digit = (unsigned)(g->whole.s[i] - '0');
        else if (i - g->whole.len < g->fraction.len)
            digit = (unsigned)(g->fraction.s[i - g->whole.len] - '0');
        u = u * 10 + digit;
    }
    return u;
}

/* The limbs of the number, least first, in scratch; returns how many, the last not 0. */
static size_t limbs_of(const digits *g, leat_buf *scratch)
{
    size_t n = count(g), first = n % STEP, used = 0;
    leat_buf_clear(scratch);
    uint64_t *limbs = (uint64_t *)(void *)leat_buf_room(scratch, (n / STEP + 2) * LIMB);
    for (size_t i = 0; i < n;) {
        size_t step = i == 0 && first > 0 ? first : STEP;
        u128 carry = chunk(g, i, step);
        uint64_t factor = leat_ten_to[step];
        for (size_t k = 0; k < used; k++) {
            carry += (u128)limbs[k] * factor;
            limbs[k] = (uint64_t)carry;
            carry >>= 64;
        }
        if (carry > 0) limbs[used++] = (uint64_t)carry;
        i += step;
    }
    return used;
}

/* The same for few digits. */
static size_t two_limbs_of(const digits *g, uint64_t limbs[2])
{
    size_t n = count(g);
    u128 u = 0;
    for (size_t i = 0; i < n;) {
        size_t step = n - i < STEP ? n - i : STEP;
        u = u * leat_ten_to[step] + chunk(g, i, step);
        i += step;
    }
    limbs[0] = (uint64_t)u;
    limbs[1] = (uint64_t)(u >> 64);
    return limbs[1] > 0 ? 2 : limbs[0] > 0;
}

/* Two's complement of the number, big end first. */
static void put_bytes(const uint64_t *limbs, size_t n, bool negative, leat_buf *out)
{
    size_t bytes = n * LIMB;
    char *p = leat_buf_room(out, bytes + 1);
    *p++ = negative ? '\xff' : 0;
    uint64_t carry = negative, flip = negative ? UINT64_MAX : 0;
    for (size_t k = 0; k < n; k++) {
        uint64_t u = limbs[k] ^ flip;
        carry = __builtin_add_overflow(u, carry, &u);
        for (unsigned i = 0; i < LIMB; i++) p[bytes - 1 - k * LIMB - i] = (char)(u >> 8 * i);
    }
    /* A first byte that only repeats the sign of the next is one too many. */
    size_t from = 0;
    p--;
    while (from < bytes && (p[from] == 0 || p[from] == '\xff') &&
           ((p[from] ^ p[from + 1]) & 0x80) == 0)
        from++;
    memmove(p, p + from, bytes + 1 - from);
    out->len += bytes + 1 - from;
}

bool leat_decimal_unscaled(const leat_decimal *d, int32_t scale, leat_buf *scratch, leat_buf *out)
{
    digits g;
    if (!shift(d, scale, &g)) return false;
    uint64_t two[2];
    if (count(&g) <= STEP_SHORT) {
        size_t n = two_limbs_of(&g, two);
        put_bytes(two, n, d->negative && n > 0, out);
        return true;
    }
    size_t n = limbs_of(&g, scratch);
    put_bytes((const uint64_t *)(const void *)scratch->p, n, d->negative && n > 0, out);
    return true;
}

static void put_zeros(leat_buf *out, size_t n)
{
    if (n > 0) memset(leat_buf_room(out, n), '0', n);
    out->len += n;
}

/* Digits without zeros in front, "0" for none. */
static void put_unscaled(const digits *g, leat_buf *out)
{
    size_t from = out->len;
    leat_buf_add(out, g->whole);
    leat_buf_add(out, g->fraction);
    put_zeros(out, g->zeros);
    size_t skip = 0, n = out->len - from;
    while (skip + 1 < n && out->p[from + skip] == '0') skip++;
    if (skip > 0) memmove(out->p + from, out->p + from + skip, n - skip);
    out->len -= skip;
    if (n == 0) leat_buf_u8(out, '0');
}

bool leat_decimal_text(const leat_decimal *d, int32_t scale, leat_buf *out)
{
    digits g;
    if (!shift(d, scale, &g)) return false;
    size_t start = out->len;
    leat_buf_room(out, count(&g) + 16);
    leat_buf_u8(out, '-');
    size_t from = out->len;
    put_unscaled(&g, out);
    int64_t n = (int64_t)(out->len - from), exp = n - 1 - scale;
    bool zero = n == 1 && out->p[from] == '0';
    if (!d->negative || zero) {
        memmove(out->p + start, out->p + from, (size_t)n);
        out->len--;
        from = start;
    }
    if (scale == 0) return true;
    if (scale > 0 && exp >= -6) {
        int64_t fill = scale + 1 - n; /* zeros before the first digit: 0.05 */
        if (fill > 0) {
            put_zeros(out, (size_t)fill);
            memmove(out->p + from + fill, out->p + from, (size_t)n);
            memset(out->p + from, '0', (size_t)fill);
        }
        leat_buf_u8(out, '.');
        char *point = out->p + out->len - 1 - scale;
        memmove(point + 1, point, (size_t)scale);
        *point = '.';
        return true;
    }
    if (n > 1) {
        leat_buf_u8(out, '.');
        memmove(out->p + from + 2, out->p + from + 1, (size_t)n - 1);
        out->p[from + 1] = '.';
    }
    leat_buf_u8(out, 'E');
    if (exp > 0) leat_buf_u8(out, '+');
    leat_buf_i64(out, exp);
    return true;
}

/* ---- from bytes ---- */

enum { NINE = 9, WORD = 4 }; /* digits and bytes of a step */

/* The magnitude of a number in two's complement as words, the highest first; n of them. */
static void magnitude(leat_str bytes, uint32_t *words, size_t n)
{
    bool negative = (uint8_t)bytes.s[0] & 0x80;
    for (size_t i = 0; i < n * WORD; i++) {
        size_t pad = n * WORD - bytes.len;
        uint8_t byte = i >= pad ? (uint8_t)bytes.s[i - pad] : negative ? 0xff : 0;
        words[i / WORD] = words[i / WORD] << 8 | byte;
    }
    if (!negative) return;
    uint64_t carry = 1;
    for (size_t i = n; i-- > 0;) {
        carry += (uint32_t)~words[i];
        words[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

/* Its digits, the lowest first, behind out; words are used up. */
static void put_digits(uint32_t *words, size_t n, leat_buf *out)
{
    size_t from = 0;
    while (from < n) {
        uint64_t rest = 0;
        for (size_t i = from; i < n; i++) {
            rest = rest << 32 | words[i];
            words[i] = (uint32_t)(rest / 1000000000);
            rest %= 1000000000;
        }
        while (from < n && words[from] == 0) from++;
        for (int i = 0; i < NINE; i++, rest /= 10) leat_buf_u8(out, '0' + (unsigned)(rest % 10));
    }
}

bool leat_decimal_scaled(leat_str bytes, int32_t scale, leat_buf *out)
{
    if (bytes.len == 0 || bytes.len > LEAT_SCALE_MOST || scale > LEAT_SCALE_MOST ||
        scale < -LEAT_SCALE_MOST)
        return false;
    size_t n = (bytes.len + WORD - 1) / WORD;
    uint32_t *words = leat_zalloc(n, sizeof *words);
    leat_buf low = {0};
    magnitude(bytes, words, n);
    put_digits(words, n, &low);
    leat_free(words);
    size_t after = scale > 0 ? (size_t)scale : 0;
    while (low.len > 1 && low.p[low.len - 1] == '0') low.len--;
    if (low.len == 1 && low.p[0] == '0') scale = scale > 0 ? scale : 0;
    while (low.len <= after) leat_buf_u8(&low, '0');
    if ((uint8_t)bytes.s[0] & 0x80) leat_buf_u8(out, '-');
    for (size_t i = low.len; i-- > 0;) {
        if (i + 1 == after) leat_buf_u8(out, '.');
        leat_buf_u8(out, (unsigned char)low.p[i]);
    }
    for (int32_t i = scale; i < 0; i++) leat_buf_u8(out, '0');
    leat_buf_free(&low);
    return true;
}
