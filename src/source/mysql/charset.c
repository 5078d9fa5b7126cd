/* Texts of a column's character set -> UTF-8.
 *
 *     8-bit sets             a table of the upper half; swe7 differs from ASCII below 128, as
 *                            nobody sees: the servers convert it as ASCII there
 *
 *     ucs2 utf16 utf32       the highest byte first; utf16le: the lowest
 *
 *     utf8mb3 utf8mb4        as they are
 *
 *     sets of East Asia      iconv, where a text is not ASCII alone
 */
#include "source/mysql/charset_part.h"

#include <errno.h>
#include <iconv.h>

enum { UTF8_MOST = 4, SURROGATE = 0xD800, SURROGATE_LOW = 0xDC00, SURROGATE_END = 0xE000 };

const leat_charset *leat_charset_of_collation(uint16_t collation)
{
    size_t low = 0, high = leat_ncollation_ranges;
    while (low < high) {
        size_t mid = (low + high) / 2;
        const leat_collations *r = &leat_collation_ranges[mid];
        if (collation >= r->first && collation <= r->last) return &leat_charsets[r->charset];
        if (collation < r->first)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

const leat_charset *leat_charset_of_name(leat_str name)
{
    if (leat_str_ieq(name, LEAT_STR("utf8"))) name = LEAT_STR("utf8mb3");
    for (size_t i = 0; i < leat_ncharsets; i++)
        if (leat_str_ieq(name, leat_str_of(leat_charsets[i].name))) return &leat_charsets[i];
    return NULL;
}

const char *leat_charset_name(const leat_charset *cs)
{
    return cs->name;
}
bool leat_charset_is_binary(const leat_charset *cs)
{
    return cs->kind == LEAT_CHARSET_BINARY;
}
bool leat_charset_is_utf8(const leat_charset *cs)
{
    return cs->kind == LEAT_CHARSET_UTF8MB3 || cs->kind == LEAT_CHARSET_UTF8MB4;
}

static char *put(char *p, uint32_t point)
{
    if (point < 0x80) {
        *p++ = (char)point;
    } else if (point < 0x800) {
        *p++ = (char)(0xC0 | point >> 6);
        *p++ = (char)(0x80 | (point & 63));
    } else if (point < 0x10000) {
        *p++ = (char)(0xE0 | point >> 12);
        *p++ = (char)(0x80 | (point >> 6 & 63));
        *p++ = (char)(0x80 | (point & 63));
    } else {
        *p++ = (char)(0xF0 | point >> 18);
        *p++ = (char)(0x80 | (point >> 12 & 63));
        *p++ = (char)(0x80 | (point >> 6 & 63));
        *p++ = (char)(0x80 | (point & 63));
    }
    return p;
}

static leat_rc fail(const leat_charset *cs, size_t at, size_t len, leat_err *e)
{
    return leat_fail(e, LEAT_DATA, "mysql.charset", "", "byte %zu of %zu begins no character of %s",
                     at + 1, len, cs->name);
}

static leat_rc eight(const leat_charset *cs, leat_str s, leat_arena *a, leat_str *out, leat_err *e)
{
    char *text = leat_arena_alloc(a, s.len * 3, 1), *p = text;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t byte = (uint8_t)s.s[i];
        uint32_t point = byte >= 128 ? cs->upper[byte - 128] : cs->lower ? cs->lower[byte] : byte;
        if (byte > 0 && point == 0) return fail(cs, i, s.len, e);
        p = put(p, point);
    }
    *out = (leat_str){text, (size_t)(p - text)};
    return LEAT_OK;
}

static uint32_t unit_at(const leat_charset *cs, leat_str s, size_t at)
{
    const uint8_t *p = (const uint8_t *)s.s + at;
    if (cs->kind == LEAT_CHARSET_UTF32)
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    if (cs->kind == LEAT_CHARSET_UTF16LE) return (uint32_t)p[1] << 8 | p[0];
    return (uint32_t)p[0] << 8 | p[1];
}

static leat_rc wide(const leat_charset *cs, leat_str s, leat_arena *a, leat_str *out, leat_err *e)
{
    size_t unit = cs->kind == LEAT_CHARSET_UTF32 ? 4 : 2;
    char *text = leat_arena_alloc(a, s.len / unit * UTF8_MOST, 1), *p = text;
    if (s.len % unit) return fail(cs, s.len - s.len % unit, s.len, e);
    for (size_t i = 0; i < s.len; i += unit) {
        uint32_t point = unit_at(cs, s, i);
        bool pairs = cs->kind == LEAT_CHARSET_UTF16 || cs->kind == LEAT_CHARSET_UTF16LE;
        if (pairs && point >= SURROGATE && point < SURROGATE_LOW && i + 2 < s.len) {
            uint32_t low = unit_at(cs, s, i + 2);
            if (low < SURROGATE_LOW || low >= SURROGATE_END) return fail(cs, i, s.len, e);
            point = 0x10000 + ((point - SURROGATE) << 10) + (low - SURROGATE_LOW);
            i += 2;
        }
        if (point > 0x10FFFF || (point >= SURROGATE && point < SURROGATE_END))
            return fail(cs, i, s.len, e);
        p = put(p, point);
    }
    *out = (leat_str){text, (size_t)(p - text)};
    return LEAT_OK;
}

static bool ascii(leat_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((uint8_t)s.s[i] >= 128) return false;
    return true;
}

static leat_rc by_iconv(const leat_charset *cs, leat_str s, leat_arena *a, leat_str *out,
                        leat_err *e)
{
    iconv_t c = iconv_open("UTF-8", cs->iconv);
    if (c == (iconv_t)-1) /* NOLINT: the standard's own way to say it */
        return leat_fail(
            e, LEAT_CONF, "mysql.charset", "",
            "this machine's C library cannot convert %s (iconv's %s); install its locale "
            "modules (Debian: libc6, or libc-gconv-modules-extra)",
            cs->name, cs->iconv);
    char *text = leat_arena_alloc(a, s.len * 3, 1), *to = text;
    char *from = (char *)(uintptr_t)s.s;
    size_t left = s.len, room = s.len * 3;
    size_t rc = iconv(c, &from, &left, &to, &room);
    if (rc != (size_t)-1) rc = iconv(c, NULL, NULL, &to, &room);
    iconv_close(c);
    if (rc == (size_t)-1) return fail(cs, s.len - left, s.len, e);
    *out = (leat_str){text, (size_t)(to - text)};
    return LEAT_OK;
}

leat_rc leat_charset_utf8(const leat_charset *cs, leat_str bytes, leat_arena *a, leat_str *out,
                          leat_err *e)
{
    switch ((leat_charset_kind)cs->kind) {
    case LEAT_CHARSET_UCS2:
    case LEAT_CHARSET_UTF16:
    case LEAT_CHARSET_UTF16LE:
    case LEAT_CHARSET_UTF32: return wide(cs, bytes, a, out, e);
    default: break;
    }
    *out = bytes;
    if (!cs->lower && ascii(bytes)) return LEAT_OK;
    if (cs->kind == LEAT_CHARSET_EIGHT) return eight(cs, bytes, a, out, e);
    if (cs->kind == LEAT_CHARSET_ICONV) return by_iconv(cs, bytes, a, out, e);
    return leat_str_utf8(bytes) ? LEAT_OK : fail(cs, 0, bytes.len, e);
}
