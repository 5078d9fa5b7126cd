/* JSON: text to tree, and looking into the tree. Writing is in json_write.c.
 *
 * Recursive descent with a bounded depth. A string is scanned for its end first and then decoded
 * straight into the arena (decoding never makes it longer). The names of the objects that are open
 * lie on one stack; an object's are sorted when it ends, so finding duplicates costs n log n
 * whatever the names are; a few are compared with each other, which is cheaper. Only the first
 * mistake is reported. Any thread. */
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>

enum { FEW_NAMES = 16 };

typedef struct member {
    leat_str name;
    const char *at; /* where it stands in the text */
} member;

typedef struct parser {
    const char *start, *p, *end;
    leat_arena *a;
    unsigned depth;
    member *names; /* of all open objects, the innermost one's last */
    size_t name_count, name_cap;
    leat_err *e;
} parser;

static leat_rc fail_at(const parser *ps, const char *at, const char *what)
{
    size_t line = 1, column = 1;
    for (const char *p = ps->start; p < at; p++) {
        if (*p == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*p & 0xc0) != 0x80) {
            column++;
        }
    }
    char where[64];
    snprintf(where, sizeof(where), "line %zu, column %zu", line, column);
    return leat_fail(ps->e, LEAT_CONF, "json.syntax", where, "%s: %s", where, what);
}

static leat_rc unexpected(const parser *ps, const char *wanted)
{
    char what[120];
    if (ps->p == ps->end)
        snprintf(what, sizeof(what), "expected %s, got the end of the text", wanted);
    else if (*ps->p > ' ' && *ps->p < 0x7f)
        snprintf(what, sizeof(what), "expected %s, got '%c'", wanted, *ps->p);
    else
        snprintf(what, sizeof(what), "expected %s, got the byte 0x%02x", wanted,
                 (unsigned)(unsigned char)*ps->p);
    return fail_at(ps, ps->p, what);
}

static void skip_space(parser *ps)
{
    while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\n' || *ps->p == '\r' || *ps->p == '\t'))
        ps->p++;
}

static bool next_is(parser *ps, char c)
{
    if (ps->p == ps->end || *ps->p != c) return false;
    ps->p++;
    return true;
}

/* Four hex digits at p, -1 if they are none. */
static int32_t hex4(const char *p, const char *end)
{
    int32_t v = 0;
    if (end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        int c = p[i];
        if (c >= '0' && c <= '9')
            c -= '0';
        else if (c >= 'a' && c <= 'f')
            c -= 'a' - 10;
        else if (c >= 'A' && c <= 'F')
            c -= 'A' - 10;
        else
            return -1;
        v = v << 4 | c;
    }
    return v;
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 63));
        *out++ = (char)(0x80 | (c & 63));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 63));
        *out++ = (char)(0x80 | (c >> 6 & 63));
        *out++ = (char)(0x80 | (c & 63));
    }
    return out;
}

/* *p stands on the backslash, and afterwards behind the escape; end is the string's closing quote.
 * NULL, or what is wrong with it. */
static const char *unescape(const char **p, const char *end, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *s = *p + 1;
    const char *simple = memchr(from, *s, sizeof(from) - 1);
    if (simple) {
        *(*out)++ = to[simple - from];
        *p = s + 1;
        return NULL;
    }
    if (*s != 'u')
        return "no such escape (\\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX are known)";
    int32_t c = hex4(s + 1, end);
    if (c < 0) return "\\u needs four hex digits";
    s += 5;
    if (c >= 0xd800 && c <= 0xdfff) {
        int32_t low = end - s >= 6 && s[0] == '\\' && s[1] == 'u' ? hex4(s + 2, end) : -1;
        if (c >= 0xdc00 || low < 0xdc00 || low > 0xdfff)
            return "half of a surrogate pair in \\u; both halves must stand together";
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        s += 6;
    }
    *out = put_utf8(*out, (uint32_t)c);
    *p = s;
    return NULL;
}

static leat_rc parse_string(parser *ps, leat_str *text)
{
    const char *open = ps->p++, *p = ps->p;
    bool escapes = false;
    for (; p < ps->end && *p != '"'; p++) {
        if ((unsigned char)*p < 0x20)
            return fail_at(ps, p, "control character in a string; write it as \\n, \\t or \\u00XX");
        if (*p != '\\') continue;
        escapes = true;
        if (++p == ps->end) break;
    }
    if (p == ps->end) return fail_at(ps, open, "the string that begins here does not end");
    leat_str raw = {ps->p, (size_t)(p - ps->p)};
    if (!leat_str_utf8(raw)) return fail_at(ps, open, "the string that begins here is not UTF-8");
    ps->p = p + 1;
    if (!escapes) {
        *text = leat_arena_str(ps->a, raw);
        return LEAT_OK;
    }
    char *decoded = leat_arena_alloc(ps->a, raw.len + 1, 1), *out = decoded;
    for (const char *s = raw.s; s < p;) {
        if (*s != '\\') {
            *out++ = *s++;
            continue;
        }
        const char *at = s, *wrong = unescape(&s, p, &out);
        if (wrong) return fail_at(ps, at, wrong);
    }
    *out = '\0';
    *text = (leat_str){decoded, (size_t)(out - decoded)};
    return LEAT_OK;
}

static bool skip_digits(parser *ps)
{
    const char *from = ps->p;
    while (ps->p < ps->end && *ps->p >= '0' && *ps->p <= '9') ps->p++;
    return ps->p > from;
}

static leat_rc parse_number(parser *ps, leat_str *text)
{
    const char *from = ps->p;
    next_is(ps, '-');
    if (next_is(ps, '0')) {
        if (ps->p < ps->end && *ps->p >= '0' && *ps->p <= '9')
            return fail_at(ps, from, "a number must not begin with a 0");
    } else if (!skip_digits(ps)) {
        return unexpected(ps, "a digit");
    }
    if (next_is(ps, '.') && !skip_digits(ps)) return unexpected(ps, "a digit after the point");
    if (next_is(ps, 'e') || next_is(ps, 'E')) {
        if (!next_is(ps, '+')) next_is(ps, '-');
        if (!skip_digits(ps)) return unexpected(ps, "a digit of the exponent");
    }
    *text = leat_arena_str(ps->a, (leat_str){from, (size_t)(ps->p - from)});
    return LEAT_OK;
}

static leat_rc parse_word(parser *ps, leat_json *j)
{
    static const struct {
        leat_str word;
        leat_json_type type;
    } words[] = {{{"null", 4}, LEAT_JSON_NULL},
                 {{"true", 4}, LEAT_JSON_TRUE},
                 {{"false", 5}, LEAT_JSON_FALSE}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t n = words[i].word.len;
        if ((size_t)(ps->end - ps->p) < n || memcmp(ps->p, words[i].word.s, n) != 0) continue;
        j->type = words[i].type;
        ps->p += n;
        return LEAT_OK;
    }
    return unexpected(ps, "a value");
}

static void push_name(parser *ps, leat_str name, const char *at)
{
    if (ps->name_count == ps->name_cap) {
        ps->name_cap = ps->name_cap ? ps->name_cap * 2 : 64;
        ps->names = leat_realloc(ps->names, ps->name_cap * sizeof(member));
    }
    ps->names[ps->name_count++] = (member){name, at};
}

static int by_name(const void *x, const void *y)
{
    const member *m = x, *n = y;
    int d = leat_str_cmp(m->name, n->name);
    return d ? d : (m->at > n->at) - (m->at < n->at);
}

static bool all_differ(const member *m, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (leat_str_eq(m[i].name, m[k].name)) return false;
    return true;
}

/* Takes the names from base on off the stack. */
static leat_rc check_names(parser *ps, size_t base)
{
    member *m = ps->names + base;
    size_t n = ps->name_count - base;
    ps->name_count = base;
    if (n <= FEW_NAMES && all_differ(m, n)) return LEAT_OK;
    qsort(m, n, sizeof(*m), by_name);
    for (size_t i = 1; i < n; i++)
        if (leat_str_eq(m[i - 1].name, m[i].name))
            return fail_at(ps, m[i].at, "this name stands twice in the object");
    return LEAT_OK;
}

static leat_rc parse_value(parser *ps, leat_json *j);

static leat_rc parse_name(parser *ps, leat_json *j)
{
    const char *at = ps->p;
    if (ps->p == ps->end || *ps->p != '"') return unexpected(ps, "a name in quotes");
    LEAT_TRY(parse_string(ps, &j->name));
    push_name(ps, j->name, at);
    skip_space(ps);
    if (!next_is(ps, ':')) return unexpected(ps, "':' after the name");
    skip_space(ps);
    return LEAT_OK;
}

/* Of an array or object, from behind its bracket to behind the closing one. */
static leat_rc parse_members(parser *ps, leat_json *j)
{
    bool object = j->type == LEAT_JSON_OBJECT;
    char close = object ? '}' : ']';
    size_t base = ps->name_count;
    leat_json **link = &j->child;
    skip_space(ps);
    if (next_is(ps, close)) return LEAT_OK;
    do {
        leat_json *child = LEAT_NEW(ps->a, leat_json, 1);
        *link = child;
        link = &child->next;
        skip_space(ps);
        if (object) LEAT_TRY(parse_name(ps, child));
        LEAT_TRY(parse_value(ps, child));
        skip_space(ps);
    } while (next_is(ps, ','));
    if (!next_is(ps, close)) return unexpected(ps, object ? "',' or '}'" : "',' or ']'");
    return object ? check_names(ps, base) : LEAT_OK;
}

static leat_rc parse_value(parser *ps, leat_json *j)
{
    char c = '\0';
    if (ps->p < ps->end) c = *ps->p;
    if (c == '"') {
        j->type = LEAT_JSON_STRING;
        return parse_string(ps, &j->text);
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        j->type = LEAT_JSON_NUMBER;
        return parse_number(ps, &j->text);
    }
    if (c != '{' && c != '[') return parse_word(ps, j);
    j->type = c == '{' ? LEAT_JSON_OBJECT : LEAT_JSON_ARRAY;
    if (ps->depth == LEAT_JSON_DEPTH) return fail_at(ps, ps->p, "nested too deeply (64 levels)");
    ps->p++;
    ps->depth++;
    leat_rc rc = parse_members(ps, j);
    ps->depth--;
    return rc;
}

leat_rc leat_json_parse(leat_arena *a, leat_str text, const leat_json **out, leat_err *e)
{
    const char *s = text.s ? text.s : "";
    parser ps = {.start = s, .p = s, .end = s + text.len, .a = a, .e = e};
    leat_json *j = LEAT_NEW(a, leat_json, 1);
    skip_space(&ps);
    leat_rc rc = parse_value(&ps, j);
    skip_space(&ps);
    if (rc == LEAT_OK && ps.p < ps.end) rc = unexpected(&ps, "nothing after the value");
    leat_free(ps.names);
    if (rc == LEAT_OK) *out = j;
    return rc;
}

const leat_json *leat_json_get(const leat_json *j, const char *name)
{
    if (!j || j->type != LEAT_JSON_OBJECT) return NULL;
    for (const leat_json *child = j->child; child; child = child->next)
        if (leat_str_is(child->name, name)) return child;
    return NULL;
}

leat_str leat_json_get_str(const leat_json *j, const char *name)
{
    const leat_json *m = leat_json_get(j, name);
    return m && m->type == LEAT_JSON_STRING ? m->text : (leat_str){NULL, 0};
}

int64_t leat_json_get_i64(const leat_json *j, const char *name, int64_t def)
{
    const leat_json *m = leat_json_get(j, name);
    if (m && m->type == LEAT_JSON_NUMBER) leat_str_i64(m->text, &def);
    return def;
}

bool leat_json_get_bool(const leat_json *j, const char *name, bool def)
{
    const leat_json *m = leat_json_get(j, name);
    if (m && (m->type == LEAT_JSON_TRUE || m->type == LEAT_JSON_FALSE))
        return m->type == LEAT_JSON_TRUE;
    return def;
}
