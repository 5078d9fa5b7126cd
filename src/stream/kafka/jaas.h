/* `sasl.jaas.config` as Java's clients write it: MODULE FLAG KEY=VALUE ... ;
 *
 * Read as Java reads it: quotes are single or double, with C's escapes in them; comments are
 * skipped. Pure. */
#ifndef LEAT_STREAM_KAFKA_JAAS_H
#define LEAT_STREAM_KAFKA_JAAS_H

#include "base/arena.h"
#include "base/err.h"

typedef struct leat_kafka_jaas_option {
    const char *name, *value;
    struct leat_kafka_jaas_option *next;
} leat_kafka_jaas_option;

typedef struct leat_kafka_jaas {
    const char *module; /* class of the login module */
    leat_kafka_jaas_option *first;
} leat_kafka_jaas;

/* Everything in a. CONF "kafka.jaas" says what was expected where, never a value. */
leat_rc leat_kafka_jaas_parse(leat_str text, leat_arena *a, leat_kafka_jaas *out, leat_err *e);
/* NULL: there is none. */
const char *leat_kafka_jaas_get(const leat_kafka_jaas *j, const char *name);
/* The module's class without its package. */
const char *leat_kafka_jaas_module(const leat_kafka_jaas *j);

#endif
