/* Strings of the JSON converter (convert/json_part.h).
 *
 * Text is looked at eight bytes at a time; as long as none of them needs care they are copied. From
 * the first that does, it goes character by character. No state; any thread. */
#include "convert/json_part.h"

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Not 0 when one of eight bytes is below 0x20, a quote, a backslash, or not ASCII. */
static inline uint64_t care(uint64_t u)
{
    uint64_t quote = u ^ EACH('"'), slash = u ^ EACH('\\');
    uint64_t low = u - EACH(0x20), quotes = quote - EACH(1), slashes = slash - EACH(1);
    return (u | (low & ~u) | (quotes & ~quote) | (slashes & ~slash)) & EACH(0x80);
}

static char *put_unit(char *p, unsigned unit)
{
    static const char hex[] = "0123456789ABCDEF";
    *p++ = '\\';
    *p++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4) *p++ = hex[unit >> shift & 15];
    return p;
}

static char *put_ascii(char *p, unsigned char c)
{
    static const char brief[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    if (c >= 0x20) {
        if (c == '"' || c == '\\') *p++ = '\\';
        *p++ = (char)c;
        return p;
    }
    if (brief[c] == 0) return put_unit(p, c);
    *p++ = '\\';
    *p++ = brief[c];
    return p;
}

/* The character that begins at s: its bytes, and whether they are UTF-8; if not, how many belong
 * together as one mistake. */
static size_t character(const unsigned char *s, size_t left, uint32_t *code, bool *good)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2, i = 1;
    *good = false;
    if (s[0] < 0xc2 || s[0] > 0xf4) return 1;
    uint32_t u = s[0] & (0x7fu >> n);
    for (; i < n; i++) {
        if (i == left || (s[i] & 0xc0) != 0x80) return i;
        u = u << 6 | (s[i] & 0x3f);
        /* The second byte tells overlong forms, surrogates and what is beyond U+10FFFF. */
        uint32_t first = u << 6 * (n - 1 - i), last = first | ((1u << 6 * (n - 1 - i)) - 1);
        if (last < least[n] || first > 0x10ffff || (first >= 0xd800 && last <= 0xdfff)) return i;
    }
    *code = u;
    *good = true;
    return n;
}

static char *put_character(char *p, const unsigned char *s, size_t n, uint32_t code, bool good)
{
    if (!good) {
        memcpy(p, "\xef\xbf\xbd", 3);
        return p + 3;
    }
    if (n == 4) {
        code -= 0x10000;
        return put_unit(put_unit(p, 0xd800 | code >> 10), 0xdc00 | (code & 0x3ff));
    }
    memcpy(p, s, n);
    return p + n;
}

/* From the i-th byte on, with care. */
static void put_rest(leat_buf *out, leat_str text, size_t i)
{
    const unsigned char *s = (const unsigned char *)text.s;
    while (i < text.len) {
        char *p = leat_buf_room(out, (text.len - i) + 16), *from = p;
        char *stop = out->p + out->cap - 16;
        for (; i < text.len && p <= stop;) {
            if (s[i] < 0x80) {
                p = put_ascii(p, s[i++]);
                continue;
            }
            uint32_t code = 0;
            bool good;
            size_t n = character(s + i, text.len - i, &code, &good);
            p = put_character(p, s + i, n, code, good);
            i += n;
        }
        out->len += (size_t)(p - from);
    }
}

void leat_json_put_text(leat_buf *out, leat_str text)
{
    char *p = leat_buf_room(out, text.len + 2);
    size_t i = 0;
    *p++ = '"';
    for (; i + 8 <= text.len; i += 8) {
        uint64_t u;
        memcpy(&u, text.s + i, 8);
        if (care(u)) break;
        memcpy(p + i, &u, 8);
    }
    if (i < text.len && text.len - i < 8 &&
        text.len >= 8) { /* the last eight, some of them again */
        uint64_t u;
        memcpy(&u, text.s + text.len - 8, 8);
        if (!care(u)) {
            memcpy(p + text.len - 8, &u, 8);
            i = text.len;
        }
    }
    for (; i < text.len; i++) {
        unsigned char c = (unsigned char)text.s[i];
        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') break;
        p[i] = (char)c;
    }
    out->len += i + 1;
    if (i < text.len) put_rest(out, text, i);
    leat_buf_u8(out, '"');
}

static void put_embedded(leat_buf *out, leat_str text)
{
    leat_buf_room(out, text.len + 2);
    leat_buf_u8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.s[i] == '"' || text.s[i] == '\\') leat_buf_u8(out, '\\');
        leat_buf_u8(out, (unsigned char)text.s[i]);
    }
    leat_buf_u8(out, '"');
}

void leat_json_put_string(leat_json_out *w, leat_str text)
{
    if (w->style == LEAT_JSON_PLAIN)
        leat_json_put_text(w->out, text);
    else if (w->style == LEAT_JSON_EMBEDDED)
        put_embedded(w->out, text);
    else
        leat_buf_add(w->out, text);
}

void leat_json_put_base64(leat_json_out *w, leat_str bytes)
{
    bool quoted = w->style != LEAT_JSON_HEADER;
    if (quoted) leat_buf_u8(w->out, '"');
    leat_buf_base64(w->out, bytes, false);
    if (quoted) leat_buf_u8(w->out, '"');
}
