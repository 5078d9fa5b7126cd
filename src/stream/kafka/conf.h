/* From Java's client options to librdkafka's (stream/kafka/options.h). */
#ifndef LEAT_STREAM_KAFKA_CONF_H
#define LEAT_STREAM_KAFKA_CONF_H

#include <librdkafka/rdkafka.h>

#include "stream/kafka/options.h"

/* A configuration with security, time-outs and logging set, for rd_kafka_new; name: of the client
 * unless client.id says one. CONF "kafka.brokers": there is no bootstrap.servers; "kafka.option",
 * "kafka.jaas", "kafka.store" name the option. */
leat_rc leat_kafka_conf_make(const leat_kafka_client *c, leat_kafka_role role, const char *name,
                             rd_kafka_conf_t **out, leat_err *e);

/* One of librdkafka's own names; option: what the user knows it by. CONF "kafka.option". */
leat_rc leat_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                            const char *option, leat_err *e);
leat_rc leat_kafka_conf_i64(rd_kafka_conf_t *conf, const char *name, int64_t value,
                            const char *option, leat_err *e);

/* Makes a client of the configuration, which is taken also on failure. CONF "kafka.option" with
 * librdkafka's words. */
leat_rc leat_kafka_conf_new(rd_kafka_conf_t *conf, leat_kafka_role role, rd_kafka_t **out,
                            leat_err *e);

/* What is worth knowing when a log-in was refused, as a part of a sentence; "" if there is nothing.
 */
const char *leat_kafka_login_advice(void);

/* sasl.*, by mechanism. Part of leat_kafka_conf_make. */
leat_rc leat_kafka_sasl_make(const leat_kafka_client *c, rd_kafka_conf_t *conf, leat_err *e);

/* What an error of librdkafka means to the engine: RETRY for networks and brokers that are away,
 * CONF for what a person must mend. The code is "kafka.denied", "kafka.auth", "kafka.tls",
 * "kafka.down", "kafka.timeout" or "kafka.error". doing: "read the topic x". */
leat_rc leat_kafka_fail(leat_err *e, rd_kafka_resp_err_t err, const char *where, const char *doing,
                        const char *why);

#endif
