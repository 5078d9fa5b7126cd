/* Byte buffers and cursors: growing, integers, varints, decimal digits, base64, hex.
 *
 * A buffer doubles; the cursor never reads past its end (see base/buf.h). The checksum is in
 * crc32c.c. No locks: one owner at a time. */
#include "base/buf.h"

#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

enum { CAP_FIRST = 64 };

void leat_buf_free(leat_buf *b)
{
    leat_free(b->p);
    *b = (leat_buf){0};
}

void leat_buf_grow(leat_buf *b, size_t more)
{
    size_t need, cap;
    if (__builtin_add_overflow(b->len, more, &need) ||
        __builtin_add_overflow(need, (size_t)1, &need))
        need = SIZE_MAX;
    if (need <= b->cap) return;
    if (__builtin_mul_overflow(b->cap, (size_t)2, &cap) || cap < need) cap = need;
    if (cap < CAP_FIRST) cap = CAP_FIRST;
    b->p = leat_realloc(b->p, cap);
    b->cap = cap;
}

void leat_buf_str_z(leat_buf *b, const char *z)
{
    leat_buf_put(b, z, strlen(z));
}

void leat_buf_quoted(leat_buf *b, leat_str s, char mark)
{
    leat_buf_u8(b, (unsigned char)mark);
    while (s.len > 0) {
        const char *next = memchr(s.s, mark, s.len);
        size_t n = next ? (size_t)(next - s.s) + 1 : s.len;
        leat_buf_put(b, s.s, n);
        if (next) leat_buf_u8(b, (unsigned char)mark);
        s.s += n;
        s.len -= n;
    }
    leat_buf_u8(b, (unsigned char)mark);
}

void leat_buf_le32(leat_buf *b, uint32_t v)
{
    unsigned char *p = (unsigned char *)leat_buf_room(b, 4);
    for (unsigned i = 0; i < 4; i++) p[i] = (unsigned char)(v >> (8 * i));
    b->len += 4;
}

void leat_buf_le64(leat_buf *b, uint64_t v)
{
    unsigned char *p = (unsigned char *)leat_buf_room(b, 8);
    for (unsigned i = 0; i < 8; i++) p[i] = (unsigned char)(v >> (8 * i));
    b->len += 8;
}

void leat_buf_varint_more(leat_buf *b, uint64_t v)
{
    unsigned char *p = (unsigned char *)leat_buf_room(b, 10);
    size_t n = 0;
    for (; v >= 0x80; v >>= 7) p[n++] = (unsigned char)(v | 0x80);
    p[n++] = (unsigned char)v;
    b->len += n;
}

void leat_buf_blob(leat_buf *b, leat_str s)
{
    leat_buf_varint(b, s.len);
    leat_buf_put(b, s.s, s.len);
}

static const char two_digits[201] = "00010203040506070809101112131415161718192021222324"
                                    "25262728293031323334353637383940414243444546474849"
                                    "50515253545556575859606162636465666768697071727374"
                                    "75767778798081828384858687888990919293949596979899";

const uint64_t leat_ten_to[20] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    10000000000,
    100000000000,
    1000000000000,
    10000000000000,
    100000000000000,
    1000000000000000,
    10000000000000000,
    100000000000000000,
    1000000000000000000,
    10000000000000000000u,
};

/* By the bit length (1233 / 4096 is about the logarithm of 2), which can be one too few. Zero has a
 * digit as well. */
static unsigned digits_of(uint64_t v)
{
    unsigned n = (64 - (unsigned)__builtin_clzll(v | 1)) * 1233 >> 12;
    return n + ((v | 1) >= leat_ten_to[n]);
}

void leat_buf_u64(leat_buf *b, uint64_t v)
{
    unsigned n = digits_of(v);
    char *p = leat_buf_room(b, 20) + n;
    b->len += n;
    for (; v >= 100; v /= 100) {
        p -= 2;
        memcpy(p, two_digits + 2 * (v % 100), 2);
    }
    if (v >= 10) {
        p -= 2;
        memcpy(p, two_digits + 2 * v, 2);
    } else {
        *--p = (char)('0' + v);
    }
}

void leat_buf_i64(leat_buf *b, int64_t v)
{
    uint64_t u = (uint64_t)v;
    if (v < 0) {
        leat_buf_u8(b, '-');
        u = 0 - u;
    }
    leat_buf_u64(b, u);
}

void leat_buf_printf(leat_buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    char *p = leat_buf_room(b, 128);
    int n = vsnprintf(p, b->cap - b->len, fmt, args);
    if (n > 0 && (size_t)n >= b->cap - b->len) {
        p = leat_buf_room(b, (size_t)n);
        vsnprintf(p, (size_t)n + 1, fmt, again);
    }
    if (n > 0) b->len += (size_t)n;
    va_end(again);
    va_end(args);
}

uint16_t leat_cur_be16(leat_cur *c)
{
    if (!leat_cur_need(c, 2)) return 0;
    const uint8_t *p = c->p;
    c->p += 2;
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

uint32_t leat_cur_be32(leat_cur *c)
{
    if (!leat_cur_need(c, 4)) return 0;
    c->p += 4;
    return be32(c->p - 4);
}

uint64_t leat_cur_be64(leat_cur *c)
{
    if (!leat_cur_need(c, 8)) return 0;
    c->p += 8;
    return (uint64_t)be32(c->p - 8) << 32 | be32(c->p - 4);
}

uint32_t leat_cur_le32(leat_cur *c)
{
    if (!leat_cur_need(c, 4)) return 0;
    c->p += 4;
    return le32(c->p - 4);
}

uint64_t leat_cur_le64(leat_cur *c)
{
    if (!leat_cur_need(c, 8)) return 0;
    c->p += 8;
    return (uint64_t)le32(c->p - 4) << 32 | le32(c->p - 8);
}

uint64_t leat_cur_varint_more(leat_cur *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; !c->bad && c->p < c->end; shift += 7) {
        uint64_t byte = *c->p++;
        if (shift == 63 && byte > 1) break;
        v |= (byte & 0x7f) << shift;
        if (byte < 0x80) return v;
    }
    c->bad = true;
    return 0;
}

leat_str leat_cur_bytes(leat_cur *c, size_t n)
{
    if (!leat_cur_need(c, n)) return (leat_str){"", 0};
    c->p += n;
    return (leat_str){(const char *)c->p - n, n};
}

leat_str leat_cur_blob(leat_cur *c)
{
    uint64_t n = leat_cur_varint(c);
    return leat_cur_bytes(c, n > SIZE_MAX ? SIZE_MAX : (size_t)n);
}

leat_str leat_cur_cstr(leat_cur *c)
{
    size_t left = leat_cur_left(c);
    const uint8_t *nul = c->bad || left == 0 ? NULL : memchr(c->p, 0, left);
    if (!nul) {
        c->bad = true;
        return (leat_str){"", 0};
    }
    leat_str s = {(const char *)c->p, (size_t)(nul - c->p)};
    c->p = nul + 1;
    return s;
}

void leat_buf_base64(leat_buf *b, leat_str bytes, bool url_safe)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *set = url_safe ? safe : plain;
    const unsigned char *in = (const unsigned char *)bytes.s;
    char *out = leat_buf_room(b, bytes.len / 3 * 4 + 4);
    char *p = out;
    size_t i = 0;
    for (; bytes.len - i >= 3; i += 3) {
        uint32_t v = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];
        *p++ = set[v >> 18];
        *p++ = set[v >> 12 & 63];
        *p++ = set[v >> 6 & 63];
        *p++ = set[v & 63];
    }
    if (bytes.len > i) {
        bool two = bytes.len - i == 2;
        uint32_t v = (uint32_t)in[i] << 16 | (two ? (uint32_t)in[i + 1] << 8 : 0);
        *p++ = set[v >> 18];
        *p++ = set[v >> 12 & 63];
        *p++ = two ? set[v >> 6 & 63] : '=';
        *p++ = '=';
    }
    b->len += (size_t)(p - out);
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool leat_buf_unbase64(leat_buf *b, leat_str text)
{
    size_t before = b->len;
    uint32_t bits = 0;
    int n = 0;
    if (text.len % 4 != 0) return false;
    for (int i = 0; i < 2 && text.len > 0 && text.s[text.len - 1] == '='; i++) text.len--;
    for (size_t i = 0; i < text.len; i++) {
        int digit = base64_digit(text.s[i]);
        if (digit < 0) {
            b->len = before;
            return false;
        }
        bits = bits << 6 | (uint32_t)digit;
        n += 6;
        if (n < 8) continue;
        n -= 8;
        leat_buf_u8(b, bits >> n & 255);
    }
    return true;
}

void leat_buf_url(leat_buf *b, leat_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.s[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != 0 && strchr("-._~", c));
        if (plain)
            leat_buf_u8(b, c);
        else
            leat_buf_printf(b, "%%%02X", c);
    }
}

bool leat_buf_unurl(leat_buf *b, leat_str text, bool plus)
{
    for (size_t i = 0; i < text.len; i++) {
        int c = (unsigned char)text.s[i];
        if (c == '+' && plus) c = ' ';
        if (c == '%') {
            int high = text.len - i < 3 ? -1 : leat_hex_digit(text.s[i + 1]);
            int low = high < 0 ? -1 : leat_hex_digit(text.s[i + 2]);
            c = low < 0 ? 0 : high * 16 + low;
            i += 2;
        }
        if (c == 0) return false;
        leat_buf_u8(b, (unsigned)c);
    }
    return true;
}

void leat_buf_hex(leat_buf *b, leat_str bytes)
{
    static const char set[] = "0123456789abcdef";
    char *out = leat_buf_room(b, bytes.len * 2);
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned v = (unsigned char)bytes.s[i];
        out[2 * i] = set[v >> 4];
        out[2 * i + 1] = set[v & 15];
    }
    b->len += bytes.len * 2;
}

bool leat_buf_unhex(leat_buf *b, leat_str hex)
{
    if (hex.len % 2 != 0) return false;
    char *out = leat_buf_room(b, hex.len / 2);
    for (size_t i = 0; i < hex.len / 2; i++) {
        int hi = leat_hex_digit(hex.s[2 * i]), lo = leat_hex_digit(hex.s[2 * i + 1]);
        if (hi < 0 || lo < 0) return false;
        out[i] = (char)(hi << 4 | lo);
    }
    b->len += hex.len / 2;
    return true;
}

void leat_buf_clear_to(leat_buf *b, size_t keep)
{
    if (b->cap > keep) leat_buf_free(b);
    leat_buf_clear(b);
}
