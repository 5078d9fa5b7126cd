/* The topic through which signals come: its first partition, read from where its group has
 * committed. The client is in no group: it only keeps its place under the group's name, as Debezium
 * does, so that either goes on where the other was. One thread; librdkafka has threads of its own.
 */
#ifndef LEAT_STREAM_KAFKA_SIGNALS_H
#define LEAT_STREAM_KAFKA_SIGNALS_H

#include "stream/kafka/fetch.h"
#include "stream/kafka/options.h"

typedef struct leat_kafka_signals leat_kafka_signals;

/* conf is borrowed for as long; name: of the client, for the brokers' logs. No I/O. CONF as
 * leat_kafka_conf_make; "kafka.not_built" in a build without librdkafka. */
leat_rc leat_kafka_signals_open(const leat_kafka_signal_conf *conf, const char *name,
                                leat_kafka_signals **out, leat_err *e);
/* The next record, good until the next call; AGAIN: there is none now. Any other error is told once
 * until a record comes or another one: it is tried again by itself. */
leat_rc leat_kafka_signals_next(leat_kafka_signals *s, leat_kafka_message *out, leat_err *e);
/* All up to this offset is done with: the group's place is behind it. Does not wait. */
void leat_kafka_signals_done(leat_kafka_signals *s, int64_t offset);
/* Waits a moment for what was committed. */
void leat_kafka_signals_close(leat_kafka_signals *s);

/* What `leat check` wants to know of the topic. */
typedef struct leat_kafka_signals_found {
    int partitions;      /* 0: there is no such topic */
    int64_t first, next; /* offsets of the first partition */
    int64_t place;       /* of the group; -1: it has none */
} leat_kafka_signals_found;

/* Asks the brokers, at most ms for each of three questions. Errors as leat_kafka_fail. */
leat_rc leat_kafka_signals_look(const leat_kafka_signal_conf *conf, const char *name, int ms,
                                leat_kafka_signals_found *out, leat_err *e);

#endif
