/* The exchange of a source's schema history with Debezium's (schema.history.exchange).
 *
 * Adopted before the first row by a connector that has none; mirrored, entry after entry, behind
 * what was noted here: nothing waits for Kafka, and what could not be written is written later. */
#ifndef LEAT_ENGINE_EXCHANGE_H
#define LEAT_ENGINE_EXCHANGE_H

#include "config/opt.h"
#include "source/source.h"
#include "state/state.h"
#include "stream/kafka/options.h"

/* In the arena that it was parsed into. */
typedef struct leat_exchange_conf {
    bool mirror;
    const char *file; /* that is adopted; NULL: the topic */
    const char *topic;
    leat_kafka_clients kafka; /* of the topic */
} leat_exchange_conf;

/* What the connector's options (props: as written) say; *out NULL: there is no exchange. Problems
 * are added to r. */
void leat_exchange_parse(const leat_source *source, const void *conf, const leat_props *props,
                         bool strict, leat_arena *a, const leat_exchange_conf **out,
                         leat_report *r);

/* Takes over what Debezium has, if nothing was noted here: all of it or nothing. CONF
 * "schema.record" with the place of what is no entry; RETRY when the topic cannot be read now. c
 * NULL: nothing. */
leat_rc leat_exchange_adopt(const leat_exchange_conf *c, const leat_source *source,
                            const void *conf, leat_state *state, const char *connector,
                            const char *folder, leat_err *e);

/* The mirror. By the control's worker. */
typedef struct leat_exchange leat_exchange;
/* NULL: nothing is mirrored. Heap; what is given outlives it. folder: the connector's. */
leat_exchange *leat_exchange_new(const leat_exchange_conf *c, const leat_source *source,
                                 const void *conf, const char *connector, const char *folder);
void leat_exchange_free(leat_exchange *x);
/* If it is time: writes what was noted since, or goes on with it; waits for a part of a second at
 * most. What goes wrong is logged, once each. */
void leat_exchange_turn(leat_exchange *x, leat_state *state);
/* Of a connector that does not run: until all that was noted is in the topic. RETRY when it is not
 * within wait_ms. */
leat_rc leat_exchange_finish(leat_exchange *x, leat_state *state, int64_t wait_ms, leat_err *e);

#endif
