/* Java's regular expressions, near enough, matched against whole names.
 *
 * Debezium's lists are java.util.regex patterns, matched case-insensitively against all of a name.
 * PCRE2 understands the same syntax but for a few things that are refused by name rather than read
 * differently: class intersection (&&), Java's own \p{...} classes that PCRE2 lacks. Letters beyond
 * ASCII fold too, which Java's do not. Work and depth of a match are bounded. */
#ifndef LEAT_CONFIG_REGEX_H
#define LEAT_CONFIG_REGEX_H

#include "base/arena.h"
#include "base/err.h"

typedef struct leat_regex leat_regex;

typedef struct leat_regex_problem {
    char msg[192];
    size_t offset; /* into the pattern, bytes from 0 */
} leat_regex_problem;

/* Compiles into a, which owns all of it; NULL with the problem if it cannot be. Any number of
 * threads may match with the result. */
const leat_regex *leat_regex_new(leat_arena *a, leat_str pattern, leat_regex_problem *p);
/* The same, but letters match in their own case only, as a pattern of Java's does. */
const leat_regex *leat_regex_new_cased(leat_arena *a, leat_str pattern, leat_regex_problem *p);
/* Compiles and throws away. */
bool leat_regex_check(leat_str pattern, leat_regex_problem *p);

/* *hit: the whole of text fits. CONF "regex.limit" when the pattern needs more work than is allowed
 * (where: the pattern), DATA "regex.utf8" when text is no UTF-8. */
leat_rc leat_regex_match(const leat_regex *x, leat_str text, bool *hit, leat_err *e);

/* If the whole of text fits: *out is replacement with what its groups caught, in a, else absent. As
 * Java's Matcher.replaceFirst reads it: $1 or ${name} is a group (one that caught nothing is
 * empty), a character behind \\ is itself. Fails as leat_regex_match does, and with CONF
 * "regex.replacement" (where: the replacement) when it names a group that is not there. */
leat_rc leat_regex_replace(const leat_regex *x, leat_str text, leat_str replacement, leat_arena *a,
                           leat_str *out, leat_err *e);
/* What leat_regex_replace would refuse in it whatever the text; NULL: nothing. In a. */
const char *leat_regex_replacement_check(const leat_regex *x, leat_str replacement, leat_arena *a);

/* As it was written. */
leat_str leat_regex_text(const leat_regex *x);

#endif
