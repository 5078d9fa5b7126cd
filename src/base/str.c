/* Text: comparing, cutting, numbers, UTF-8, hashing.
 *
 * Plain loops over borrowed bytes. The hash is XXH64 (seed 0) as its specification describes it;
 * the UTF-8 check takes eight ASCII bytes a step. No locale, no allocation. Any thread. */
#include "base/str.h"

int leat_str_cmp(leat_str x, leat_str y)
{
    size_t n = x.len < y.len ? x.len : y.len;
    int d = n ? memcmp(x.s, y.s, n) : 0;
    if (d != 0) return d;
    return (x.len > y.len) - (x.len < y.len);
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

int leat_hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool leat_str_ieq(leat_str x, leat_str y)
{
    if (x.len != y.len) return false;
    for (size_t i = 0; i < x.len; i++)
        if (lower(x.s[i]) != lower(y.s[i])) return false;
    return true;
}

bool leat_str_starts(leat_str x, const char *prefix)
{
    size_t n = strlen(prefix);
    return x.len >= n && (n == 0 || memcmp(x.s, prefix, n) == 0);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

leat_str leat_str_trim(leat_str x)
{
    while (x.len > 0 && is_space(x.s[0])) {
        x.s++;
        x.len--;
    }
    while (x.len > 0 && is_space(x.s[x.len - 1])) x.len--;
    return x;
}

leat_str leat_str_cut(leat_str *rest, char sep)
{
    leat_str part = *rest;
    const char *at = part.len ? memchr(part.s, sep, part.len) : NULL;
    if (at) {
        part.len = (size_t)(at - part.s);
        rest->s = at + 1;
        rest->len -= part.len + 1;
    } else {
        *rest = (leat_str){NULL, 0};
    }
    return part;
}

static bool digits(const char *s, size_t n, uint64_t *out)
{
    uint64_t v = 0;
    if (n == 0) return false;
    for (size_t i = 0; i < n; i++) {
        unsigned d = (unsigned)(unsigned char)s[i] - '0';
        if (d > 9) return false;
        if (__builtin_mul_overflow(v, (uint64_t)10, &v) || __builtin_add_overflow(v, d, &v))
            return false;
    }
    *out = v;
    return true;
}

bool leat_str_u64(leat_str x, uint64_t *out)
{
    size_t skip = x.len > 0 && x.s[0] == '+';
    return digits(x.len ? x.s + skip : x.s, x.len - skip, out);
}

bool leat_str_i64(leat_str x, int64_t *out)
{
    bool minus = x.len > 0 && x.s[0] == '-';
    size_t skip = minus || (x.len > 0 && x.s[0] == '+');
    uint64_t v;
    if (!digits(x.len ? x.s + skip : x.s, x.len - skip, &v)) return false;
    if (v > (uint64_t)INT64_MAX + minus) return false;
    *out = minus ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

size_t leat_str_fit(leat_str x, size_t max)
{
    if (x.len <= max) return x.len;
    size_t n = max;
    for (int back = 0; back < 3 && n > 0 && ((unsigned char)x.s[n] & 0xc0) == 0x80; back++) n--;
    return ((unsigned char)x.s[n] & 0xc0) == 0x80 ? max : n;
}

/* Length of the well-formed sequence at p, 0 if there is none (Unicode, table 3-7). */
static size_t sequence(const unsigned char *p, size_t left)
{
    unsigned c = p[0];
    unsigned lo = 0x80, hi = 0xbf;
    size_t n;
    if (c < 0x80) return 1;
    if (c < 0xc2) return 0;
    if (c < 0xe0) {
        n = 2;
    } else if (c < 0xf0) {
        n = 3;
        if (c == 0xe0) lo = 0xa0;
        if (c == 0xed) hi = 0x9f;
    } else if (c < 0xf5) {
        n = 4;
        if (c == 0xf0) lo = 0x90;
        if (c == 0xf4) hi = 0x8f;
    } else {
        return 0;
    }
    if (left < n || p[1] < lo || p[1] > hi) return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    return n;
}

bool leat_str_utf8(leat_str x)
{
    const unsigned char *p = (const unsigned char *)x.s;
    size_t left = x.len;
    while (left > 0) {
        uint64_t eight;
        if (left >= sizeof(eight)) {
            memcpy(&eight, p, sizeof(eight));
            if ((eight & 0x8080808080808080u) == 0) {
                p += sizeof(eight);
                left -= sizeof(eight);
                continue;
            }
        }
        size_t n = sequence(p, left);
        if (n == 0) return false;
        p += n;
        left -= n;
    }
    return true;
}

void leat_str_mend(char *z)
{
    size_t left = strlen(z);
    while (left > 0) {
        size_t n = sequence((const unsigned char *)z, left);
        if (n == 0) {
            *z = '?';
            n = 1;
        }
        z += n;
        left -= n;
    }
}

#define P1 0x9e3779b185ebca87u
#define P2 0xc2b2ae3d27d4eb4fu
#define P3 0x165667b19e3779f9u
#define P4 0x85ebca77c2b2ae63u
#define P5 0x27d4eb2f165667c5u

static uint64_t rotl(uint64_t v, unsigned n)
{
    return (v << n) | (v >> (64 - n));
}

static uint64_t read64(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

static uint32_t read32(const unsigned char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap32(v);
#endif
    return v;
}

static uint64_t round64(uint64_t acc, uint64_t in)
{
    return rotl(acc + in * P2, 31) * P1;
}

uint64_t leat_str_hash(leat_str x)
{
    const unsigned char *p = (const unsigned char *)x.s;
    size_t left = x.len;
    uint64_t h = P5;
    if (left >= 32) {
        uint64_t v[4] = {P1 + P2, P2, 0, 0 - P1};
        for (; left >= 32; left -= 32, p += 32)
            for (unsigned i = 0; i < 4; i++) v[i] = round64(v[i], read64(p + 8 * i));
        h = rotl(v[0], 1) + rotl(v[1], 7) + rotl(v[2], 12) + rotl(v[3], 18);
        for (unsigned i = 0; i < 4; i++) h = (h ^ round64(0, v[i])) * P1 + P4;
    }
    h += (uint64_t)x.len;
    for (; left >= 8; left -= 8, p += 8) h = rotl(h ^ round64(0, read64(p)), 27) * P1 + P4;
    if (left >= 4) {
        h = rotl(h ^ (read32(p) * P1), 23) * P2 + P3;
        left -= 4;
        p += 4;
    }
    for (; left > 0; left--, p++) h = rotl(h ^ (*p * P5), 11) * P1;
    h = (h ^ (h >> 33)) * P2;
    h = (h ^ (h >> 29)) * P3;
    return h ^ (h >> 32);
}
