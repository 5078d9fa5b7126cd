/* The topic in which Kafka Connect reports records that a sink could not take: the option
 * errors.deadletterqueue.topic.name, with the headers of Kafka Connect 4.1.
 *
 * It holds the record as it was read. The dead letters of the connector hold it too; those can be
 * tried again. By the sink's thread. */
#ifndef LEAT_ENGINE_ERRANT_H
#define LEAT_ENGINE_ERRANT_H

#include "stream/kafka/fetch.h"

typedef struct leat_errant leat_errant;

/* All is borrowed until free. */
typedef struct leat_errant_conf {
    const char *connector;
    const leat_kafka_clients *kafka;
    const char *topic;   /* made, with one partition, where it is not there */
    int64_t replication; /* of it then */
    bool context;        /* headers __connect.errors.* say what happened */
} leat_errant_conf;

/* Heap; never NULL. No I/O. */
leat_errant *leat_errant_new(const leat_errant_conf *conf);
void leat_errant_free(leat_errant *r);
/* To be reported; all is copied. transform: the class of that which could not take it; NULL: it was
 * another stage. */
void leat_errant_add(leat_errant *r, const leat_kafka_message *m, const leat_err *why,
                     const char *transform);
/* All that was added is in the topic; what fails may be there twice then. RETRY; CONF
 * "kafka.denied" and the like. */
leat_rc leat_errant_send(leat_errant *r, leat_err *e);
/* What was added and not sent is not to be reported. */
void leat_errant_forget(leat_errant *r);

#endif
