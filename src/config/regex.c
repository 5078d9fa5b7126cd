/* Regular expressions by PCRE2, for names.
 *
 * The compiled code and all that PCRE2 allocates for it come from the caller's arena (its free does
 * nothing), so nobody has to remember to free a filter. A match allocates its own scratch and frees
 * it: matching happens once a table or column, never once an event. No JIT for the same reason.
 *
 * A match that needs more than the limits below is an error, never a "no": a name that was silently
 * not captured would be lost data. */
#include "config/regex.h"

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

const leat_regex *leat_regex_new(leat_arena *a, leat_str pattern, leat_regex_problem *p)
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
    uint32_t options = PCRE2_UTF | PCRE2_CASELESS | PCRE2_ANCHORED | PCRE2_ENDANCHORED |
                       PCRE2_NEVER_BACKSLASH_C | PCRE2_ALT_BSUX | PCRE2_DOLLAR_ENDONLY;
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

bool leat_regex_check(leat_str pattern, leat_regex_problem *p)
{
    leat_arena a;
    leat_arena_init(&a, 0);
    bool good = leat_regex_new(&a, pattern, p) != NULL;
    leat_arena_free(&a);
    return good;
}

leat_rc leat_regex_match(const leat_regex *x, leat_str text, bool *hit, leat_err *e)
{
    *hit = false;
    pcre2_general_context *general = pcre2_general_context_create(heap_alloc, heap_free, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(general);
    pcre2_set_match_limit(limits, MATCH_MAX);
    pcre2_set_depth_limit(limits, DEPTH_MAX);
    pcre2_set_heap_limit(limits, HEAP_MAX);
    pcre2_match_data *found = pcre2_match_data_create(1, general);
    int rc =
        pcre2_match(x->code, (PCRE2_SPTR)(text.s ? text.s : ""), text.len, 0, 0, found, limits);
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

leat_str leat_regex_text(const leat_regex *x)
{
    return x->text;
}
