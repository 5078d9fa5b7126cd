/* From Java's client options to librdkafka's (stream/kafka/options.h). */
#ifndef LEAT_STREAM_KAFKA_CONF_H
#define LEAT_STREAM_KAFKA_CONF_H

#include <librdkafka/rdkafka.h>

#include "stream/kafka/oauth.h"
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

/* Once, when the client's brokers have come to be those of another cluster than before. */
bool leat_kafka_conf_elsewhere(const rd_kafka_t *rk);

/* What is worth knowing when a log-in was refused, as a part of a sentence; "" if there is nothing.
 */
const char *leat_kafka_login_advice(void);

/* What is wrong with a certificate, as a part of a sentence with what to do about it; "" if nothing
 * is known. said: librdkafka's words, which tell what the broker refuses; what was wrong with the
 * last certificate that a broker of this process showed is known beside. */
const char *leat_kafka_tls_advice(const char *said);

/* sasl.*, by mechanism. Part of leat_kafka_conf_make. */
leat_rc leat_kafka_sasl_make(const leat_kafka_client *c, rd_kafka_conf_t *conf, leat_err *e);

/* Where a client's tokens come from; url NULL: it needs none, or leat does not fetch them. Texts
 * are in a or c's. For a configuration that leat_kafka_conf_make took. */
leat_rc leat_kafka_sasl_oauth(const leat_kafka_client *c, leat_arena *a, leat_kafka_oauth *out,
                              leat_err *e);

/* What an error of librdkafka means to the engine: RETRY for networks and brokers that are away,
 * CONF for what a person must mend. The code is "kafka.denied", "kafka.auth", "kafka.tls",
 * "kafka.down", "kafka.timeout" or "kafka.error". doing: "read the topic x". */
leat_rc leat_kafka_fail(leat_err *e, rd_kafka_resp_err_t err, const char *where, const char *doing,
                        const char *why);

#endif
