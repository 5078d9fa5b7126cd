/* Texts of arrays and vectors -> LIST cells.
 *
 * A list is read twice: once to count its elements, so that they are allocated in one piece, once
 * to parse them by the column of the element. An element is borrowed, or copied if something in it
 * was escaped. The depth of the recursion is that of the plan, not of the text.
 *
 *     array    [ '[' lower ':' upper ']' ... '=' ] list
 *     list     { [ item delim item ... ] }           delim: typdelim, ',' but for box
 *     item     list | NULL | "text, \ before any character" | text without these
 *     elements item ' ' item ...                     oidvector, int2vector
 *     vector   '[' number ',' number ... ']'         pgvector
 *     sparse   '{' index ':' number ',' ... '}' '/' dimensions
 *
 * The bounds of an array are not kept: Kafka Connect's arrays have none. */
#include "system/postgres/types_part.h"

typedef struct scan {
    const char *p, *end;
} scan;

static bool at(const scan *s, char c)
{
    return s->p < s->end && *s->p == c;
}

static bool take(scan *s, char c)
{
    if (!at(s, c)) return false;
    s->p++;
    return true;
}

/* From a quote to behind its partner, what is escaped left as it is; counts the backslashes. False
 * if the partner is missing. */
static bool skip_quoted(scan *s, size_t *escapes)
{
    *escapes = 0;
    for (s->p++; s->p < s->end && *s->p != '"'; s->p++) {
        if (*s->p != '\\') continue;
        ++*escapes;
        if (++s->p == s->end) return false;
    }
    return take(s, '"');
}

/* What stands between quotes, s at the first; without the backslashes, copied only if there were.
 */
static bool take_quoted(scan *s, leat_arena *a, leat_str *out)
{
    const char *start = s->p + 1;
    size_t escapes;
    if (!skip_quoted(s, &escapes)) return false;
    leat_str raw = {start, (size_t)(s->p - 1 - start)};
    *out = raw;
    if (escapes == 0) return true;
    char *to = leat_arena_alloc(a, raw.len - escapes, 1);
    *out = (leat_str){to, raw.len - escapes};
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.s[i] == '\\') i++;
        *to++ = raw.s[i];
    }
    return true;
}

/* From a brace to behind its partner; n: how many items stand between, on this level. */
static bool skip_list(scan *s, char delim, uint32_t *n)
{
    size_t depth = 0, escapes;
    const char *open = s->p;
    *n = 0;
    while (s->p < s->end) {
        char c = *s->p;
        if (c == '"') {
            if (!skip_quoted(s, &escapes)) return false;
            continue;
        }
        s->p++;
        if (c == '{') depth++;
        if (c == delim && depth == 1) ++*n;
        if (c == '}' && --depth == 0) {
            if (*n || s->p - open > 2) ++*n;
            return true;
        }
    }
    return false;
}

static leat_rc take_list(const leat_pg_col *col, leat_str text, scan *s, leat_arena *a,
                         leat_value *out, leat_err *e);

/* An element that is NULL: where the array's schema does not allow it no consumer could read it. */
static leat_rc null_item(const leat_pg_col *col, leat_value *out, leat_err *e)
{
    *out = leat_null();
    if (col->elem->schema == NULL || col->elem->schema->optional) return LEAT_OK;
    return leat_pg_null_fail(col, e);
}

/* One item of a list, up to its delimiter. */
static leat_rc take_item(const leat_pg_col *col, leat_str text, scan *s, leat_arena *a,
                         leat_value *out, leat_err *e)
{
    const leat_pg_col *elem = col->elem;
    bool nested = elem->parse == leat_pg_parse_array;
    if (at(s, '{') && nested) return take_list(elem, text, s, a, out, e);
    if (at(s, '{') && col->faults) {
        uint32_t n;
        return skip_list(s, col->delim, &n)
                   ? null_item(col, out, e)
                   : leat_pg_value_fail(col, text, "an inner array does not end", e);
    }
    if (at(s, '{') || nested)
        return leat_pg_value_fail(col, text,
                                  "its number of dimensions is not the one that the column is "
                                  "declared with (pg_attribute.attndims)",
                                  e);
    leat_str item = {s->p, 0};
    if (at(s, '"')) {
        if (take_quoted(s, a, &item)) return leat_pg_parse(elem, item, a, out, e);
        return leat_pg_value_fail(col, text, "a quote is missing", e);
    }
    while (s->p < s->end && *s->p != col->delim && *s->p != '}') {
        if (*s->p == '"' || *s->p == '\\' || *s->p == '{')
            return leat_pg_value_fail(col, text, "an element should be in quotes", e);
        s->p++;
    }
    item.len = (size_t)(s->p - item.s);
    if (item.len == 0) return leat_pg_value_fail(col, text, "an element is missing", e);
    if (!leat_str_ieq(item, LEAT_STR("NULL"))) return leat_pg_parse(elem, item, a, out, e);
    return null_item(col, out, e);
}

static leat_value list_of(leat_value *list, uint32_t n)
{
    return (leat_value){.kind = LEAT_LIST, .len = n, .u.list = list};
}

/* A whole list, s at its brace. text: of the whole value, for errors. */
static leat_rc take_list(const leat_pg_col *col, leat_str text, scan *s, leat_arena *a,
                         leat_value *out, leat_err *e)
{
    scan whole = *s;
    uint32_t n;
    if (!skip_list(&whole, col->delim, &n))
        return leat_pg_value_fail(col, text, "a closing brace or quote is missing", e);
    leat_value *list = leat_arena_alloc(a, n * sizeof *list, _Alignof(leat_value));
    s->p++;
    for (uint32_t i = 0; i < n; i++) {
        LEAT_TRY(take_item(col, text, s, a, &list[i], e));
        if (!take(s, i + 1 < n ? col->delim : '}'))
            return leat_pg_value_fail(col, text, "something stands behind an element", e);
    }
    if (n == 0) s->p++;
    *out = list_of(list, n);
    return LEAT_OK;
}

static bool skip_int(scan *s)
{
    if (at(s, '-') || at(s, '+')) s->p++;
    const char *digits = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9') s->p++;
    return s->p > digits;
}

/* [2:3][-1:0]= before the list; there only if a lower bound is not 1. */
static bool skip_bounds(scan *s)
{
    if (!at(s, '[')) return true;
    while (take(s, '['))
        if (!skip_int(s) || !take(s, ':') || !skip_int(s) || !take(s, ']')) return false;
    return take(s, '=');
}

leat_rc leat_pg_parse_array(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                            leat_err *e)
{
    scan s = {text.s, text.s + text.len};
    if (!skip_bounds(&s) || !at(&s, '{'))
        return leat_pg_value_fail(col, text, "expected an array such as {1,2,NULL}", e);
    LEAT_TRY(take_list(col, text, &s, a, out, e));
    return s.p == s.end ? LEAT_OK
                        : leat_pg_value_fail(col, text, "something stands behind the array", e);
}

/* Items between delimiters, with nothing around them and none of them empty. */
static leat_rc split(const leat_pg_col *col, leat_str text, leat_str items, leat_arena *a,
                     leat_value *out, leat_err *e)
{
    uint32_t n = items.len > 0;
    for (size_t i = 0; i < items.len; i++) n += items.s[i] == col->delim;
    leat_value *list = leat_arena_alloc(a, n * sizeof *list, _Alignof(leat_value));
    for (uint32_t i = 0; i < n; i++) {
        leat_str item = leat_str_cut(&items, col->delim);
        if (item.len == 0) return leat_pg_value_fail(col, text, "an element is missing", e);
        LEAT_TRY(leat_pg_parse(col->elem, item, a, &list[i], e));
    }
    *out = list_of(list, n);
    return LEAT_OK;
}

leat_rc leat_pg_parse_elements(const leat_pg_col *col, leat_str text, leat_arena *a,
                               leat_value *out, leat_err *e)
{
    return split(col, text, text, a, out, e);
}

leat_rc leat_pg_parse_vector(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                             leat_err *e)
{
    if (text.len < 2 || text.s[0] != '[' || text.s[text.len - 1] != ']')
        return leat_pg_value_fail(col, text, "expected a vector such as [1,2.5]", e);
    return split(col, text, (leat_str){text.s + 1, text.len - 2}, a, out, e);
}

static bool index_of(leat_str text, leat_value *out)
{
    int64_t v;
    if (!leat_str_i64(text, &v) || v < 0 || v > INT16_MAX) return false;
    *out = leat_int(v);
    return true;
}

leat_rc leat_pg_parse_sparse(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                             leat_err *e)
{
    leat_value *fields = leat_arena_alloc(a, 2 * sizeof *fields, _Alignof(leat_value));
    leat_str rest = text;
    leat_str items = leat_str_cut(&rest, '/');
    bool ok = items.len >= 2 && items.s[0] == '{' && items.s[items.len - 1] == '}';
    ok = ok && rest.s && index_of(rest, &fields[0]);
    if (!ok)
        return leat_pg_value_fail(
            col, text, "expected a sparse vector of up to 32767 dimensions such as {1:0.5}/3", e);
    items = (leat_str){items.s + 1, items.len - 2};
    uint32_t n = items.len > 0;
    for (size_t i = 0; i < items.len; i++) n += items.s[i] == ',';
    leat_value *map = leat_arena_alloc(a, 2 * n * sizeof *map, _Alignof(leat_value));
    for (uint32_t i = 0; i < n; i++) {
        leat_str value = leat_str_cut(&items, ',');
        leat_str index = leat_str_cut(&value, ':');
        double v;
        if (!index_of(index, &map[2 * i]) || value.s == NULL || !leat_pg_float8(value, &v))
            return leat_pg_value_fail(col, text, "expected index:number", e);
        map[2 * i + 1] = leat_float(v);
    }
    fields[1] = (leat_value){.kind = LEAT_MAP, .len = n, .u.list = map};
    *out = (leat_value){.kind = LEAT_STRUCT, .len = 2, .u.list = fields};
    return LEAT_OK;
}
