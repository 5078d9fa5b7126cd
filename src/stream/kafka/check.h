/* Whether a connector can deliver to Kafka: `leat check`, step by step, without changing anything
 * there. */
#ifndef LEAT_STREAM_KAFKA_CHECK_H
#define LEAT_STREAM_KAFKA_CHECK_H

#include "stream/kafka/client.h"

typedef enum leat_kafka_step_state {
    LEAT_KAFKA_STEP_OK,
    LEAT_KAFKA_STEP_FAILED,
    LEAT_KAFKA_STEP_WARN,
    LEAT_KAFKA_STEP_SKIPPED
} leat_kafka_step_state;

/* All texts are borrowed for the call. */
typedef struct leat_kafka_step {
    const char *name; /* "kafka brokers", "kafka topic shop.public.orders" ... */
    leat_kafka_step_state state;
    const char *code;   /* "kafka.denied"; NULL when ok */
    const char *detail; /* what was found */
    const char *advice; /* what to do; NULL: nothing */
} leat_kafka_step;

typedef struct leat_kafka_check_conf {
    const leat_kafka_clients *kafka;
    const char *connector;
    const char *transactional_id;    /* NULL: at least once */
    leat_kafka_offsets_conf offsets; /* topic NULL: none */
    const char *const *topics;       /* NULL-ended; that will be written to, as far as is known */
    int64_t max_event_bytes;         /* largest event that the connector lets through; 0: unknown */
    void (*step)(void *arg, const leat_kafka_step *s);
    void *arg;
} leat_kafka_check_conf;

/* Each step is told to conf->step; one that failed may skip those that need it. An error: the
 * configuration does not even make a client. */
leat_rc leat_kafka_check(const leat_kafka_check_conf *conf, leat_err *e);

#endif
