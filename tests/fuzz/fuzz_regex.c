/* A line as a regular expression, the rest as a name: compiled or refused with a reason, matched
 * within the bounds of work, the same each time; the name also as what replaces it. The whole of it
 * also as a list of an option. */
#include "fuzz.h"

#include <stdlib.h>

#include "config/opt.h"
#include "config/regex.h"

/* text replaced by itself: made exactly when it fits and the check finds nothing wrong with it. */
static void replace(const leat_regex *x, leat_str text, leat_arena *a)
{
    leat_err e;
    leat_str out;
    bool hit = false, good = leat_regex_replacement_check(x, text, a) == NULL;
    leat_rc rc = leat_regex_match(x, text, &hit, &e);
    leat_rc made = leat_regex_replace(x, text, text, a, &out, &e);
    if (rc != LEAT_OK ? made != rc : made != (hit && !good ? LEAT_CONF : LEAT_OK)) abort();
    if ((out.s != NULL) != (rc == LEAT_OK && hit && good)) abort();
}

enum { PATTERN_MOST = 200, TEXT_MOST = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_arena a = {0};
    leat_regex_problem problem = {.offset = 0};
    leat_err e;
    leat_str rest = {(const char *)data, size};
    leat_str pattern = leat_str_cut(&rest, '\n');
    if (pattern.len > PATTERN_MOST || rest.len > TEXT_MOST) return 0;
    const leat_regex *x = leat_regex_new(&a, pattern, &problem);
    if (leat_regex_check(pattern, &problem) != (x != NULL)) abort();
    if (!x && (!problem.msg[0] || problem.offset > pattern.len)) abort();
    if (x) {
        bool hit = false, again = false;
        leat_rc rc = leat_regex_match(x, rest, &hit, &e);
        if (rc != LEAT_OK && rc != LEAT_CONF && rc != LEAT_DATA) abort();
        if (leat_regex_match(x, rest, &again, &e) != rc || hit != again) abort();
        if (!leat_str_eq(leat_regex_text(x), pattern)) abort();
        replace(x, rest, &a);
    }
    leat_opt_list list =
        leat_opt_list_of(leat_arena_str(&a, (leat_str){(const char *)data, size}).s, &a);
    for (size_t i = 0; i < list.n; i++)
        if (list.v[i][0] == 0) abort();
    leat_arena_free(&a);
    return 0;
}
