/* Regular expressions by PCRE2, for names.
 *
 * The compiled code and all that PCRE2 allocates for it come from the caller's arena (its free does
 * nothing), so nobody has to remember to free a filter. A match allocates its own scratch and frees
 * it: matching happens once a table or column, never once an event. No JIT for the same reason.
 *
 * A match that needs more than the limits below is an error, never a "no": a name that was silently
 * not captured would be lost data. */
#include "config/regex.h"

#include "base/buf.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>

enum {
    PATTERN_MAX = 16 * 1024, /* bytes of one pattern */
    MATCH_MAX = 1000 * 1000, /* steps of one match: PCRE2's own default is ten times that */
    DEPTH_MAX = 10 * 1000,   /* nested backtracking */
    HEAP_MAX = 1024,         /* KiB for it */
};

struct leat_regex {
    pcre2_code *code;
    leat_str text;
};

static void *arena_alloc(size_t n, void *a)
{
    return leat_arena_alloc(a, n, _Alignof(max_align_t));
}

static void arena_free(void *p, void *a)
{
    (void)p;
    (void)a;
}

static void *heap_alloc(size_t n, void *arg)
{
    (void)arg;
    return leat_alloc(n);
}

static void heap_free(void *p, void *arg)
{
    (void)arg;
    leat_free(p);
}

static void problem(leat_regex_problem *p, size_t offset, const char *msg)
{
    p->offset = offset;
    snprintf(p->msg, sizeof p->msg, "%s", msg);
}

/* Java's && inside [...] means intersection; PCRE2 would take two ampersands. */
static bool has_intersection(leat_str pattern, size_t *at)
{
    bool in_class = false;
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.s[i];
        if (c == '\\') {
            i++;
        } else if (c == '[') {
            in_class = true;
        } else if (c == ']') {
            in_class = false;
        } else if (in_class && c == '&' && i + 1 < pattern.len && pattern.s[i + 1] == '&') {
            *at = i;
            return true;
        }
    }
    return false;
}

static const leat_regex *compile_pattern(leat_arena *a, leat_str pattern, uint32_t more,
                                         leat_regex_problem *p)
{
    size_t at = 0;
    if (pattern.len > PATTERN_MAX) {
        problem(p, PATTERN_MAX, "it is longer than 16384 bytes");
        return NULL;
    }
    if (has_intersection(pattern, &at)) {
        problem(p, at,
                "\"&&\" between characters of a class (Java's intersection) is not supported");
        return NULL;
    }
    pcre2_general_context *general = pcre2_general_context_create(arena_alloc, arena_free, a);
    pcre2_compile_context *compile = pcre2_compile_context_create(general);
    pcre2_set_parens_nest_limit(compile, 100);
    uint32_t options = PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C |
                       PCRE2_ALT_BSUX | PCRE2_DOLLAR_ENDONLY | more;
    int err;
    leat_str copy = leat_arena_str(a, pattern);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)copy.s, copy.len, options, &err, &at, compile);
    if (code == NULL) {
        unsigned char msg[160];
        if (pcre2_get_error_message(err, msg, sizeof msg) < 0) msg[0] = '\0';
        problem(p, at, (const char *)msg);
        return NULL;
    }
    leat_regex *x = LEAT_NEW(a, leat_regex, 1);
    *x = (leat_regex){code, copy};
    return x;
}

const leat_regex *leat_regex_new(leat_arena *a, leat_str pattern, leat_regex_problem *p)
{
    return compile_pattern(a, pattern, PCRE2_CASELESS, p);
}

const leat_regex *leat_regex_new_cased(leat_arena *a, leat_str pattern, leat_regex_problem *p)
{
    return compile_pattern(a, pattern, 0, p);
}

bool leat_regex_check(leat_str pattern, leat_regex_problem *p)
{
    leat_arena a;
    leat_arena_init(&a, 0);
    bool good = leat_regex_new(&a, pattern, p) != NULL;
    leat_arena_free(&a);
    return good;
}

/* groups: where each group of the pattern was found, from 0 on, room for n of them. */
static leat_rc match(const leat_regex *x, leat_str text, bool *hit, size_t *groups, uint32_t n,
                     leat_err *e)
{
    *hit = false;
    pcre2_general_context *general = pcre2_general_context_create(heap_alloc, heap_free, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(general);
    pcre2_set_match_limit(limits, MATCH_MAX);
    pcre2_set_depth_limit(limits, DEPTH_MAX);
    pcre2_set_heap_limit(limits, HEAP_MAX);
    pcre2_match_data *found = pcre2_match_data_create(n ? n : 1, general);
    int rc =
        pcre2_match(x->code, (PCRE2_SPTR)(text.s ? text.s : ""), text.len, 0, 0, found, limits);
    const size_t *at = pcre2_get_ovector_pointer(found);
    for (uint32_t i = 0; i < 2 * n; i++) groups[i] = rc > (int)(i / 2) ? at[i] : PCRE2_UNSET;
    pcre2_match_data_free(found);
    pcre2_match_context_free(limits);
    pcre2_general_context_free(general);
    if (rc >= 0 || rc == PCRE2_ERROR_NOMATCH) {
        *hit = rc >= 0;
        return LEAT_OK;
    }
    char where[sizeof e->where];
    snprintf(where, sizeof where, LEAT_STR_FMT, LEAT_STR_ARG(x->text));
    if (rc <= PCRE2_ERROR_UTF8_ERR1 && rc >= PCRE2_ERROR_UTF8_ERR21)
        return leat_fail(e, LEAT_DATA, "regex.utf8", where,
                         "a name that is no valid UTF-8 cannot be compared with a regular "
                         "expression");
    unsigned char msg[160];
    if (pcre2_get_error_message(rc, msg, sizeof msg) < 0) msg[0] = '\0';
    return leat_fail(e, LEAT_CONF, "regex.limit", where,
                     "comparing \"%.*s\" with this regular expression failed: %s; make the "
                     "expression simpler",
                     (int)(text.len > 120 ? 120 : text.len), text.s, (const char *)msg);
}

leat_rc leat_regex_match(const leat_regex *x, leat_str text, bool *hit, leat_err *e)
{
    return match(x, text, hit, NULL, 0, e);
}

/* ---- replacing ---- */

static uint32_t groups_of(const leat_regex *x)
{
    uint32_t n = 0;
    pcre2_pattern_info(x->code, PCRE2_INFO_CAPTURECOUNT, &n);
    return n;
}

static bool digit(leat_str s, size_t i)
{
    return i < s.len && s.s[i] >= '0' && s.s[i] <= '9';
}

/* The group that stands at s[*i], behind its $; *i moves behind it. Negative: there is none. More
 * digits belong to the number as long as there is such a group. */
static int group_at(const leat_regex *x, leat_str s, size_t *i)
{
    char name[64];
    size_t n = 0;
    if (digit(s, *i)) {
        uint32_t most = groups_of(x), group = (uint32_t)(s.s[(*i)++] - '0');
        while (digit(s, *i) && group * 10 + (uint32_t)(s.s[*i] - '0') <= most)
            group = group * 10 + (uint32_t)(s.s[(*i)++] - '0');
        return group <= most ? (int)group : -1;
    }
    if (*i >= s.len || s.s[*i] != '{') return -1;
    for ((*i)++; *i < s.len && s.s[*i] != '}' && n + 1 < sizeof name; (*i)++) name[n++] = s.s[*i];
    if (n == 0 || *i >= s.len || s.s[*i] != '}') return -1;
    (*i)++;
    name[n] = '\0';
    return pcre2_substring_number_from_name(x->code, (PCRE2_SPTR)name);
}

/* Appends s with its groups; groups NULL: only checks. False: it names a group that is not there,
 * or ends in a lone \ or $. */
static bool expand(const leat_regex *x, leat_str s, leat_str text, const size_t *groups,
                   leat_buf *out)
{
    for (size_t i = 0; i < s.len;) {
        char c = s.s[i++];
        if (c == '\\') {
            if (i == s.len) return false;
            leat_buf_u8(out, (unsigned char)s.s[i++]);
        } else if (c == '$') {
            int group = group_at(x, s, &i);
            if (group < 0) return false;
            const size_t *at = groups ? &groups[2 * group] : NULL;
            if (at && at[0] != PCRE2_UNSET)
                leat_buf_add(out, (leat_str){text.s + at[0], at[1] - at[0]});
        } else {
            leat_buf_u8(out, (unsigned char)c);
        }
    }
    return true;
}

const char *leat_regex_replacement_check(const leat_regex *x, leat_str replacement, leat_arena *a)
{
    leat_buf out = {0};
    bool good = expand(x, replacement, (leat_str){0}, NULL, &out);
    leat_buf_free(&out);
    if (good) return NULL;
    return leat_arena_printf(a,
                             "\"" LEAT_STR_FMT "\" names a group that the pattern does not have "
                             "(it has %u), or ends in $ or \\; a dollar sign itself is \\$",
                             LEAT_STR_ARG(replacement), groups_of(x));
}

leat_rc leat_regex_replace(const leat_regex *x, leat_str text, leat_str replacement, leat_arena *a,
                           leat_str *out, leat_err *e)
{
    uint32_t n = groups_of(x) + 1;
    size_t *groups = LEAT_NEW(a, size_t, 2 * n);
    bool hit;
    *out = (leat_str){0};
    LEAT_TRY(match(x, text, &hit, groups, n, e));
    if (!hit) return LEAT_OK;
    leat_buf made = {0};
    bool good = expand(x, replacement, text, groups, &made);
    if (good) *out = leat_arena_str(a, leat_buf_str(&made));
    leat_buf_free(&made);
    if (good) return LEAT_OK;
    char where[sizeof e->where];
    snprintf(where, sizeof where, LEAT_STR_FMT, LEAT_STR_ARG(replacement));
    return leat_fail(e, LEAT_CONF, "regex.replacement", where, "%s",
                     leat_regex_replacement_check(x, replacement, a));
}

leat_str leat_regex_text(const leat_regex *x)
{
    return x->text;
}
