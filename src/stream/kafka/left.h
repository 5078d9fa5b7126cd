/* What a connector that streams into Kafka has left on this machine, while it does not run: where
 * it stands, and what only its spool holds. Any thread that has the store. */
#ifndef LEAT_STREAM_KAFKA_LEFT_H
#define LEAT_STREAM_KAFKA_LEFT_H

#include "event/delivered.h"
#include "stream/reach.h"

typedef struct leat_kafka_left {
    leat_reach reach; /* what is durable: what Kafka has acknowledged, and what the spool holds */
    uint64_t spooled; /* events that only the spool holds */
} leat_kafka_left;

/* out: to be freed, whatever is returned. FATAL "stream.damaged": of the spool. */
leat_rc leat_kafka_left_look(const char *data, const char *connector, leat_delivered_store *store,
                             leat_kafka_left *out, leat_err *e);
void leat_kafka_left_free(leat_kafka_left *l);

/* Removes the connector's spools but that of one episode; 0: all of them. RETRY "os.*": some are
 * left. */
leat_rc leat_kafka_left_remove(const char *data, const char *connector, uint64_t but, leat_err *e);

/* The data folder of the spool of an episode, in a. */
char *leat_kafka_left_folder(const char *data, const char *connector, uint64_t episode,
                             leat_arena *a);
/* The connector's name in that folder. */
#define LEAT_KAFKA_SPOOL_NAME "kafka"
/* What the spool's frames say beside positions: {"episode":N}. */
#define LEAT_KAFKA_SPOOL_PARTITION "{\"leat\":\"spool\"}"
/* Which episode positions of a spool say; 0: none. */
uint64_t leat_kafka_left_episode(const leat_position *pos, size_t n);

#endif
