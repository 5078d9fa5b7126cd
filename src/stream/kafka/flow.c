/* How much a consumer reads ahead (stream/kafka/flow.h). */
#include "stream/kafka/flow.h"

#include <string.h>

#include "stream/kafka/conf.h"

enum {
    BUFFER_KIB = 8192,
    FETCH_BYTES = 1 << 20,
    LOOK_MS = 5,                /* for room, where librdkafka can be told how soon */
    HAS_THE_OPTION = 0x020200ff /* librdkafka 2.2.0 */
};

leat_rc leat_kafka_flow_set(rd_kafka_conf_t *conf, const char *option, leat_err *e)
{
    LEAT_TRY(leat_kafka_conf_i64(conf, "fetch.message.max.bytes", FETCH_BYTES, option, e));
    LEAT_TRY(leat_kafka_conf_i64(conf, "queued.max.messages.kbytes", BUFFER_KIB, option, e));
    if (rd_kafka_version() < HAS_THE_OPTION) return LEAT_OK;
    return leat_kafka_conf_i64(conf, "fetch.queue.backoff.ms", LOOK_MS, option, e);
}

static bool get(rd_kafka_t *rk, const char *name, char *out, size_t size)
{
    size_t len = size;
    *out = '\0';
    return rd_kafka_conf_get(rd_kafka_conf(rk), name, out, &len) == RD_KAFKA_CONF_OK && len <= size;
}

/* Credentials that are said anew wake the threads that fetch, and nothing else in librdkafka 2.0
 * that a consumer may call does. They are the same as before, and unused without SASL. Kerberos and
 * tokens have none: such a client goes on by the second. */
static void wake(rd_kafka_t *rk)
{
    char protocol[32], mechanism[64], user[1024] = "", password[1024] = "";
    if (!get(rk, "security.protocol", protocol, sizeof protocol)) return;
    if (strncmp(protocol, "sasl", 4) == 0) {
        if (!get(rk, "sasl.mechanisms", mechanism, sizeof mechanism)) return;
        if (strcmp(mechanism, "PLAIN") != 0 && strncmp(mechanism, "SCRAM-", 6) != 0) return;
        if (!get(rk, "sasl.username", user, sizeof user)) return;
        if (!get(rk, "sasl.password", password, sizeof password)) return;
    }
    rd_kafka_error_t *none = rd_kafka_sasl_set_credentials(rk, user, password);
    if (none) rd_kafka_error_destroy(none);
}

void leat_kafka_flow_took(leat_kafka_flow *f, rd_kafka_t *rk, const rd_kafka_message_t *m)
{
    if (!m || m->err || rd_kafka_version() >= HAS_THE_OPTION) return;
    f->taken += m->key_len + m->len;
    if (f->taken < FETCH_BYTES) return;
    f->taken = 0;
    wake(rk);
}
