/* Questions to a cluster that change nothing there, for kafka_check.c. One thread. */
#ifndef LEAT_STREAM_KAFKA_PROBE_H
#define LEAT_STREAM_KAFKA_PROBE_H

#include "stream/kafka/conf.h"

/* Whether a host answers: its addresses are looked up and one is connected to, within ms. False:
 * why says what failed ("cannot be resolved: ..."). */
bool leat_kafka_probe_host(const char *host_port, int ms, char *why, size_t size);

/* Whether records may be written to a topic that is there: one is sent with an acks that no broker
 * takes, which is looked at after the right to write. NO_ERROR: they may. */
rd_kafka_resp_err_t leat_kafka_probe_write(const leat_kafka_client *c, const char *topic, int ms);

/* The same of reading. rk: a consumer with enable.partition.eof. */
rd_kafka_resp_err_t leat_kafka_probe_read(rd_kafka_t *rk, const char *topic, int ms);

/* Whether the brokers number a producer's batches, by which they recognize what is sent twice. why:
 * librdkafka's words if not. */
rd_kafka_resp_err_t leat_kafka_probe_numbers(const leat_kafka_client *c, int ms, char *why,
                                             size_t size);

enum { LEAT_KAFKA_NO_TIMEOUT = 2000000000 };
/* Whether a transactional id may be used, with that transaction.timeout.ms. Who has it is fenced,
 * so it must be nobody's; but with LEAT_KAFKA_NO_TIMEOUT brokers refuse
 * (INVALID_TRANSACTION_TIMEOUT) after they have looked at the rights and before they do anything,
 * unless transaction.max.timeout.ms is that. why: librdkafka's words. */
rd_kafka_resp_err_t leat_kafka_probe_id(const leat_kafka_client *c, const char *id,
                                        int64_t timeout_ms, int ms, char *why, size_t size);

/* Whether a topic could be made so; nothing is. why: the broker's words. */
rd_kafka_resp_err_t leat_kafka_probe_make(rd_kafka_t *rk, const char *topic,
                                          const leat_kafka_group *g, int ms, char *why,
                                          size_t size);

/* A setting of a topic, or of any broker (topic NULL); false: it may not be asked for. */
bool leat_kafka_probe_setting(rd_kafka_t *rk, const char *topic, const char *name, int ms,
                              char *value, size_t size);

#endif
