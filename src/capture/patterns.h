/* A list of regular expressions of one option. Inside of capture/. */
#ifndef LEAT_CAPTURE_PATTERNS_H
#define LEAT_CAPTURE_PATTERNS_H

#include "config/opt.h"
#include "config/regex.h"

typedef struct leat_patterns {
    const leat_regex **v; /* n of them; 0: the option is not set */
    size_t n;
} leat_patterns;

/* Compiles the list of an option into a. CONF "config.invalid" naming option, pattern and place. */
leat_rc leat_patterns_new(leat_arena *a, const char *option, const leat_opt_list *list,
                          leat_patterns *out, leat_err *e);
/* One of them fits the whole name. */
leat_rc leat_patterns_match(const leat_patterns *p, leat_str name, bool *hit, leat_err *e);

/* Writes the parts that are not NULL, joined by ".", to buf; a longer name is put together in an
 * arena that the caller frees (it is empty otherwise). */
typedef struct leat_full_name {
    char buf[512];
    leat_arena arena;
} leat_full_name;
leat_str leat_full_name_make(leat_full_name *f, const char *schema, const char *table,
                             const char *column);
void leat_full_name_free(leat_full_name *f);

#endif
