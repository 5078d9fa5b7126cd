/* Which topics a sink reads: those that its option topics names, or all that fit topics.regex. */
#ifndef LEAT_ENGINE_WANTED_H
#define LEAT_ENGINE_WANTED_H

#include "config/connector.h"
#include "config/regex.h"
#include "source/source.h"

typedef struct leat_wanted {
    leat_opt_list names;
    const leat_regex *pattern; /* NULL: the names */
} leat_wanted;

/* Of its options, in a. CONF "config.invalid": the pattern is none. */
leat_rc leat_wanted_of(const leat_connector_conf *c, leat_arena *a, leat_wanted *out, leat_err *e);
/* A topic of this name fits the pattern; one that is no UTF-8 fits none. CONF "regex.limit". */
leat_rc leat_wanted_fits(const leat_regex *pattern, const char *topic, bool *out, leat_err *e);
/* The sink reads a topic of this name. */
leat_rc leat_wanted_has(const leat_wanted *w, const char *topic, bool *out, leat_err *e);
/* The names as they are; of a pattern those of the data folder's topics that fit it now, sorted, in
 * a. */
leat_rc leat_wanted_list(const leat_wanted *w, const char *data, leat_arena *a, leat_opt_list *out,
                         leat_err *e);
/* Tells, of a pattern, which topics fit it now: a step of `leat check`. */
void leat_wanted_check(const leat_wanted *w, const char *data, leat_checker *c);

#endif
