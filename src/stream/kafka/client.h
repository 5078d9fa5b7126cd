/* The port to a producer (stream/kafka/broker.h), by librdkafka.
 *
 * Topics that the configuration has options for are made before their first record; others are
 * looked for, which makes brokers with auto.create.topics.enable make them. */
#ifndef LEAT_STREAM_KAFKA_CLIENT_H
#define LEAT_STREAM_KAFKA_CLIENT_H

#include "stream/kafka/broker.h"
#include "stream/kafka/offsets.h"
#include "stream/kafka/options.h"

/* Texts and kafka are borrowed until close. */
typedef struct leat_kafka_client_conf {
    const leat_kafka_clients *kafka;
    const char *connector;           /* its name */
    const char *transactional_id;    /* NULL: at least once */
    leat_kafka_offsets_conf offsets; /* topic NULL: there is none, no tx_ calls and no writing */
    size_t queue_bytes;              /* of records taken and not reported; 0: buffer.memory alone */
    const leat_broker_events *events; /* borrowed; may be filled before the first poll */
} leat_kafka_client_conf;

/* Does not wait for a broker. CONF "kafka.not_built" in a build without librdkafka, else as
 * leat_kafka_conf_make. */
leat_rc leat_kafka_client_open(const leat_kafka_client_conf *conf, leat_broker **out, leat_err *e);

/* The transactional id that Kafka Connect gives a task of a source connector, in a: who uses it
 * fences such a task, and is fenced by it. */
const char *leat_kafka_transactional_id(const char *group_id, const char *connector, int task,
                                        leat_arena *a);

/* "2.0.2", or NULL in a build without it. */
const char *leat_kafka_version(void);

#endif
