/* Properties: the list of names and texts, and Java's file format for it.
 *
 *   file    = { line }                 ended by \n, \r or \r\n
 *   line    = blank | comment | pair   blank: only space, \t, \f
 *   comment = ws ("#" | "!") ...       never continued
 *   pair    = ws key [ws] ["=" | ":"] [ws] value
 *             an odd number of \ at the line's end continues it; the next line's leading white
 *             space does not count
 *   key     = up to an unescaped "=", ":" or white space
 *   escape  = \t \n \r \f, \uXXXX (a UTF-16 unit; two make a pair), \x = x for all else
 *
 * As java.util.Properties.load reads it, but UTF-8 instead of Latin-1: a file that is no valid
 * UTF-8 is taken for Latin-1. What Java lets pass and no option can mean (an empty name, a NUL,
 * half a surrogate pair) is an error here, with its line. Pure; any thread. */
#include <stdio.h>

#include "config/load.h"

void leat_props_init(leat_props *p, const char *file)
{
    *p = (leat_props){.file = file};
    p->tail = &p->first;
}

leat_prop *leat_props_set(leat_props *p, leat_arena *a, leat_str name, leat_str value, int line)
{
    const char *text = leat_arena_str(a, value).s;
    for (leat_prop *have = p->first; have; have = have->next) {
        if (!leat_str_is(name, have->name)) continue;
        have->value = text;
        if (line > 0 && line != have->line) have->was = have->line;
        have->line = line;
        return have;
    }
    leat_prop *new = LEAT_NEW(a, leat_prop, 1);
    *new = (leat_prop){.name = leat_arena_str(a, name).s, .value = text, .line = line};
    if (p->first == NULL) p->tail = &p->first; /* the list may have been moved while empty */
    *p->tail = new;
    p->tail = &new->next;
    return new;
}

void leat_props_copy(leat_props *p, leat_arena *a, const leat_prop *from)
{
    leat_prop *one =
        leat_props_set(p, a, leat_str_of(from->name), leat_str_of(from->value), from->line);
    one->brought = from->brought;
}

const char *leat_props_get(const leat_props *p, const char *name)
{
    for (const leat_prop *have = p->first; have; have = have->next)
        if (strcmp(have->name, name) == 0) return have->value;
    return NULL;
}

/* Where the reader stands. */
typedef struct reader {
    const char *at, *end;
    int line;      /* of at */
    int first;     /* where the logical line began */
    leat_buf text; /* the logical line, escapes still in it */
    leat_buf part; /* a key or value unescaped */
    const char *name;
    leat_err *e;
} reader;

static leat_rc syntax(const reader *r, const char *what)
{
    char where[sizeof r->e->where];
    snprintf(where, sizeof where, "%s:%d", r->name ? r->name : "configuration", r->first);
    return leat_fail(r->e, LEAT_CONF, "config.syntax", where, "%s", what);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

/* Over a line's end, if one is here. */
static bool skip_eol(reader *r)
{
    if (r->at == r->end || (*r->at != '\n' && *r->at != '\r')) return false;
    if (*r->at++ == '\r' && r->at < r->end && *r->at == '\n') r->at++;
    r->line++;
    return true;
}

/* The next logical line into text; false at the end. */
static bool next_line(reader *r)
{
    leat_buf_clear(&r->text);
    bool start = true;      /* leading white space is skipped */
    bool continued = false; /* ... and an empty line that continues one ends it */
    bool escaped = false;   /* an odd number of backslashes stands before */
    while (r->at < r->end) {
        if (start && is_blank(*r->at)) {
            r->at++;
            continue;
        }
        if (start && !continued && skip_eol(r)) continue;
        start = continued = false;
        if (r->text.len == 0) {
            r->first = r->line;
            if (r->at < r->end && (*r->at == '#' || *r->at == '!')) {
                while (r->at < r->end && *r->at != '\n' && *r->at != '\r') r->at++;
                start = true;
                continue;
            }
        }
        if (!skip_eol(r)) {
            escaped = *r->at == '\\' && !escaped;
            leat_buf_u8(&r->text, (unsigned char)*r->at++);
            continue;
        }
        if (escaped) {
            r->text.len--;
            start = continued = true;
            escaped = false;
        } else if (r->text.len > 0) {
            return true;
        } else {
            start = true;
        }
    }
    if (escaped) r->text.len--;
    return r->text.len > 0;
}

static int hex4(leat_str s, size_t at)
{
    int v = 0;
    if (s.len - at < 4) return -1;
    for (size_t i = at; i < at + 4; i++) {
        int d = leat_hex_digit(s.s[i]);
        if (d < 0) return -1;
        v = v * 16 + d;
    }
    return v;
}

static void put_utf8(leat_buf *out, uint32_t c)
{
    if (c < 0x80) {
        leat_buf_u8(out, c);
        return;
    }
    if (c < 0x800) {
        leat_buf_u8(out, 0xC0 | c >> 6);
    } else {
        if (c < 0x10000) {
            leat_buf_u8(out, 0xE0 | c >> 12);
        } else {
            leat_buf_u8(out, 0xF0 | c >> 18);
            leat_buf_u8(out, 0x80 | (c >> 12 & 0x3F));
        }
        leat_buf_u8(out, 0x80 | (c >> 6 & 0x3F));
    }
    leat_buf_u8(out, 0x80 | (c & 0x3F));
}

/* \uXXXX at s[*at] (the first digit), with its second half if it is one of a pair. */
static leat_rc put_unicode(reader *r, leat_str s, size_t *at)
{
    int c = hex4(s, *at);
    if (c < 0) return syntax(r, "\\u must be followed by four hexadecimal digits");
    *at += 4;
    if (c == 0) return syntax(r, "\\u0000 cannot be part of a name or value");
    if (c >= 0xD800 && c < 0xE000) {
        int low = -1;
        if (c < 0xDC00 && s.len - *at >= 6 && s.s[*at] == '\\' && s.s[*at + 1] == 'u')
            low = hex4(s, *at + 2);
        if (low < 0xDC00 || low >= 0xE000)
            return syntax(r,
                          "half of a surrogate pair: characters beyond \\uFFFF need two \\uXXXX");
        *at += 6;
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    put_utf8(&r->part, (uint32_t)c);
    return LEAT_OK;
}

/* A key or value without its escapes, into part. */
static leat_rc unescape(reader *r, leat_str s)
{
    leat_buf_clear(&r->part);
    for (size_t i = 0; i < s.len;) {
        char c = s.s[i++];
        if (c == '\\' && i < s.len) {
            c = s.s[i++];
            if (c == 'u') {
                LEAT_TRY(put_unicode(r, s, &i));
                continue;
            }
            c = c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c == 'f' ? '\f' : c;
        }
        leat_buf_u8(&r->part, (unsigned char)c);
    }
    return LEAT_OK;
}

/* The logical line in text into props. */
static leat_rc take_line(reader *r, leat_arena *a, leat_props *props)
{
    leat_str s = leat_buf_str(&r->text);
    size_t key = 0;
    while (key < s.len && s.s[key] != '=' && s.s[key] != ':' && !is_blank(s.s[key]))
        key += s.s[key] == '\\' && key + 1 < s.len ? 2 : 1;
    size_t value = key;
    bool sep = false;
    while (value < s.len &&
           (is_blank(s.s[value]) || (!sep && (s.s[value] == '=' || s.s[value] == ':')))) {
        sep = sep || !is_blank(s.s[value]);
        value++;
    }
    if (key == 0) return syntax(r, "a line must begin with a name; \"name=value\" is expected");
    LEAT_TRY(unescape(r, (leat_str){s.s, key}));
    leat_str name = leat_arena_str(a, leat_buf_str(&r->part));
    LEAT_TRY(unescape(r, (leat_str){s.s + value, s.len - value}));
    leat_props_set(props, a, name, leat_buf_str(&r->part), r->first);
    return LEAT_OK;
}

static leat_str latin1_to_utf8(leat_arena *a, leat_str text)
{
    leat_buf out = {0};
    for (size_t i = 0; i < text.len; i++) put_utf8(&out, (unsigned char)text.s[i]);
    leat_str copy = leat_arena_str(a, leat_buf_str(&out));
    leat_buf_free(&out);
    return copy;
}

leat_rc leat_props_read(leat_arena *a, leat_str text, leat_props *props, leat_err *e)
{
    leat_err scratch;
    if (!leat_str_utf8(text)) text = latin1_to_utf8(a, text);
    if (leat_str_starts(text, "\xEF\xBB\xBF")) text = (leat_str){text.s + 3, text.len - 3};
    reader r = {.at = text.s, .end = text.s + text.len, .line = 1, .first = 1};
    r.name = props->file;
    r.e = e ? e : &scratch;
    leat_rc rc = LEAT_OK;
    while (rc == LEAT_OK && next_line(&r)) {
        if (memchr(r.text.p, '\0', r.text.len))
            rc = syntax(&r, "a NUL byte; is this a text file?");
        else
            rc = take_line(&r, a, props);
    }
    leat_buf_free(&r.text);
    leat_buf_free(&r.part);
    return rc;
}
