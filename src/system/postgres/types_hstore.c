/* Texts of hstores -> MAP cells, or the JSON text that Debezium makes of them.
 *
 * The pairs come in the order in which a Java HashMap gives them, as in Debezium's events: by the
 * bucket of the key's hash in a table that has doubled as often as Java's would have, and in a
 * bucket in the order of the text. JSON is written as Jackson does. Pure; all memory is the
 * arena's.
 *
 *     hstore  [ pair ", " pair ... ]
 *     pair    quoted => (quoted | NULL)
 *     quoted  " text, \ before a quote or a backslash " */
#include "system/postgres/types_part.h"

typedef struct pair {
    leat_str key, value; /* value absent: NULL */
    uint32_t bucket;
} pair;

typedef struct scan {
    const char *p, *end;
} scan;

/* A quoted text, unescaped into a; a NULL: only its end is looked for. */
static bool take_quoted(scan *s, leat_arena *a, leat_str *out)
{
    if (s->p == s->end || *s->p != '"') return false;
    const char *start = ++s->p;
    size_t escapes = 0;
    for (; s->p < s->end && *s->p != '"'; s->p++) {
        if (*s->p != '\\') continue;
        escapes++;
        if (++s->p == s->end) return false;
    }
    if (s->p == s->end) return false;
    *out = (leat_str){start, (size_t)(s->p++ - start)};
    if (escapes == 0 || a == NULL) return true;
    char *to = leat_arena_alloc(a, out->len - escapes, 1);
    leat_str plain = {to, out->len - escapes};
    for (size_t i = 0; i < out->len; i++) {
        if (out->s[i] == '\\') i++;
        *to++ = out->s[i];
    }
    *out = plain;
    return true;
}

static bool take_word(scan *s, leat_str word)
{
    if ((size_t)(s->end - s->p) < word.len || memcmp(s->p, word.s, word.len) != 0) return false;
    s->p += word.len;
    return true;
}

static bool take_pair(scan *s, leat_arena *a, pair *out)
{
    *out = (pair){0};
    if (!take_quoted(s, a, &out->key) || !take_word(s, LEAT_STR("=>"))) return false;
    if (!take_word(s, LEAT_STR("NULL")) && !take_quoted(s, a, &out->value)) return false;
    return s->p == s->end || (take_word(s, LEAT_STR(", ")) && s->p < s->end);
}

/* The next character of valid UTF-8, or the byte itself where it is none. */
static uint32_t next_char(const unsigned char **p, const unsigned char *end)
{
    uint32_t c = *(*p)++;
    unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
    if (more == 0 || (size_t)(end - *p) < more) return c;
    c &= 0x3fU >> more;
    while (more--) c = c << 6 | (*(*p)++ & 0x3f);
    return c;
}

/* String.hashCode, spread as HashMap does. */
static uint32_t java_hash(leat_str text)
{
    const unsigned char *p = (const unsigned char *)text.s, *end = p + text.len;
    uint32_t h = 0;
    while (p < end) {
        uint32_t c = next_char(&p, end);
        if (c >= 0x10000) {
            h = h * 31 + (0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + (c & 0x3ff);
        }
        h = h * 31 + c;
    }
    return h ^ h >> 16;
}

/* Stable, by bucket. */
static void java_order(pair **pairs, uint32_t n, leat_arena *a)
{
    uint32_t size = 16;
    while (size - size / 4 < n) size *= 2;
    uint32_t *start = LEAT_NEW(a, uint32_t, size + 1);
    for (uint32_t i = 0; i < n; i++) {
        (*pairs)[i].bucket = java_hash((*pairs)[i].key) & (size - 1);
        start[(*pairs)[i].bucket + 1]++;
    }
    for (uint32_t i = 0; i < size; i++) start[i + 1] += start[i];
    pair *sorted = LEAT_NEW(a, pair, n);
    for (uint32_t i = 0; i < n; i++) sorted[start[(*pairs)[i].bucket]++] = (*pairs)[i];
    *pairs = sorted;
}

static leat_rc pairs_of(const leat_pg_col *col, leat_str text, leat_arena *a, pair **out,
                        uint32_t *n, leat_err *e)
{
    scan s = {text.s, text.s + text.len};
    pair one;
    for (*n = 0; s.p < s.end; ++*n)
        if (!take_pair(&s, NULL, &one))
            return leat_pg_value_fail(col, text, "expected pairs such as \"a\"=>\"1\"", e);
    *out = LEAT_NEW(a, pair, *n);
    s.p = text.s;
    for (uint32_t i = 0; i < *n; i++) take_pair(&s, a, &(*out)[i]);
    if (*n > 1) java_order(out, *n, a);
    return LEAT_OK;
}

leat_rc leat_pg_parse_hstore_map(const leat_pg_col *col, leat_str text, leat_arena *a,
                                 leat_value *out, leat_err *e)
{
    pair *pairs;
    uint32_t n;
    LEAT_TRY(pairs_of(col, text, a, &pairs, &n, e));
    leat_value *map = leat_arena_alloc(a, 2 * (size_t)n * sizeof *map, _Alignof(leat_value));
    for (uint32_t i = 0; i < n; i++) {
        map[2 * i] = leat_text(pairs[i].key);
        map[2 * i + 1] = pairs[i].value.s ? leat_text(pairs[i].value) : leat_null();
    }
    *out = (leat_value){.kind = LEAT_MAP, .len = n, .u.list = map};
    return LEAT_OK;
}

/* The JSON string of text at p; NULL: only counts. Returns its length. */
static size_t put_string(char *p, leat_str text)
{
    size_t n = 0;
#define PUT(c) (p ? (void)(p[n] = (c)) : (void)0, n++)
    PUT('"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.s[i];
        const char *known = c < 0x20 ? strchr("\bb\tt\nn\ff\rr", c) : NULL;
        if (c == '"' || c == '\\') {
            PUT('\\');
            PUT((char)c);
        } else if (c >= 0x20) {
            PUT((char)c);
        } else if (c && known) {
            PUT('\\');
            PUT(known[1]);
        } else {
            for (const char *u = "\\u00"; *u; u++) PUT(*u);
            PUT("0123456789ABCDEF"[c >> 4]);
            PUT("0123456789ABCDEF"[c & 15]);
        }
    }
    PUT('"');
#undef PUT
    return n;
}

static size_t put_object(char *p, const pair *pairs, uint32_t n)
{
    size_t len = 0;
#define AT (p ? p + len : NULL)
    for (uint32_t i = 0; i < n; i++) {
        if (p) p[len] = i == 0 ? '{' : ',';
        len++;
        len += put_string(AT, pairs[i].key);
        if (p) p[len] = ':';
        len++;
        if (pairs[i].value.s) {
            len += put_string(AT, pairs[i].value);
        } else {
            if (p) memcpy(p + len, "null", 4);
            len += 4;
        }
    }
#undef AT
    if (p) p[len] = '}';
    return len + 1;
}

leat_rc leat_pg_parse_hstore_json(const leat_pg_col *col, leat_str text, leat_arena *a,
                                  leat_value *out, leat_err *e)
{
    pair *pairs;
    uint32_t n;
    LEAT_TRY(pairs_of(col, text, a, &pairs, &n, e));
    *out = leat_text(LEAT_STR("{}"));
    if (n == 0) return LEAT_OK;
    size_t len = put_object(NULL, pairs, n);
    char *json = leat_arena_alloc(a, len, 1);
    put_object(json, pairs, n);
    *out = leat_text((leat_str){json, len});
    return LEAT_OK;
}
