/* One option's text to its value. Private to config/. */
#ifndef LEAT_CONFIG_OPT_VALUE_H
#define LEAT_CONFIG_OPT_VALUE_H

#include "config/opt.h"

/* A parsed value; which member counts is said by the row's type. */
typedef struct leat_opt_value {
    const char *s;      /* STR */
    int64_t i;          /* INT, ENUM, MS, BYTES; BOOL: 0 or 1 */
    leat_opt_list list; /* LIST */
} leat_opt_value;

/* Reads text by the row's type, range and choices; texts are kept in a. NULL when it is good, else
 * what is wrong, in a. Not for MANY. */
const char *leat_opt_read(const leat_opt *o, const char *text, leat_arena *a, leat_opt_value *out);

/* Puts it where the row says in conf. */
void leat_opt_store(const leat_opt *o, const leat_opt_value *v, void *conf);

/* Both texts mean the same value to this row ("TRUE" and "true", "60s" and "60000"). */
bool leat_opt_same(const leat_opt *o, const char *x, const char *y, leat_arena *a);

/* name fits the row's name with its stars; star: what each stood for (borrowed from name; may be
 * NULL). The first star takes as little as it can. */
bool leat_opt_fits(const char *pattern, leat_str name, leat_str star[LEAT_OPT_STARS]);

#endif
