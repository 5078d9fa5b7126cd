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

/* Whether a transactional id may be used; id must be nobody's, since who has it is fenced. */
rd_kafka_resp_err_t leat_kafka_probe_id(const leat_kafka_client *c, const char *id, int ms);

/* Whether a topic could be made so; nothing is. why: the broker's words. */
rd_kafka_resp_err_t leat_kafka_probe_make(rd_kafka_t *rk, const char *topic,
                                          const leat_kafka_group *g, int ms, char *why,
                                          size_t size);

/* A setting of a topic, or of any broker (topic NULL); false: it may not be asked for. */
bool leat_kafka_probe_setting(rd_kafka_t *rk, const char *topic, const char *name, int ms,
                              char *value, size_t size);

#endif
