/* How much a consumer reads ahead: librdkafka fetches until a buffer is full, and again once there
 * is room. Before 2.2 it looks for room no sooner than a second later unless it is woken; from then
 * on the option fetch.queue.backoff.ms says how soon. By the consumer's thread. */
#ifndef LEAT_STREAM_KAFKA_FLOW_H
#define LEAT_STREAM_KAFKA_FLOW_H

#include <librdkafka/rdkafka.h>

#include "base/err.h"

/* Bytes that were taken since librdkafka was woken; zero to begin with. */
typedef struct leat_kafka_flow {
    size_t taken;
} leat_kafka_flow;

/* The buffer and the size of a fetch. option: what the user knows them by. CONF "kafka.option". */
leat_rc leat_kafka_flow_set(rd_kafka_conf_t *conf, const char *option, leat_err *e);

/* A message (or what came instead of one; NULL: nothing) was taken out of the buffer. */
void leat_kafka_flow_took(leat_kafka_flow *f, rd_kafka_t *rk, const rd_kafka_message_t *m);

#endif
