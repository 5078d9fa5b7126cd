/* Java's client options to librdkafka's (stream/kafka/conf.h). What librdkafka logs goes to leat's
 * log, from librdkafka's own threads; its errors are lines of level WARN, since it goes on trying
 * and what they mean is decided elsewhere. */
#include "stream/kafka/conf.h"

#include <inttypes.h>
#include <openssl/x509_vfy.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/log.h"
#include "stream/kafka/stores.h"

/* Of the certificate that a broker showed last, by whatever client: what X509_verify_cert found. */
static _Atomic int last_certificate;

static const char TRUST[] = "ssl.truststore.location", KEYS[] = "ssl.keystore.location";

/* The client, of all of the process, whose brokers came to be those of another cluster last. */
static atomic_uintptr_t elsewhere;

bool leat_kafka_conf_elsewhere(const rd_kafka_t *rk)
{
    uintptr_t mine = (uintptr_t)rk;
    return atomic_compare_exchange_strong(&elsewhere, &mine, 0);
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    enum { SYSLOG_WARNING = 4, SYSLOG_INFO = 6, SYSLOG_DEBUG = 7 };
    /* It takes the new id, and goes on as if nothing had happened. */
    if (strcmp(facility, "CLUSTERID") == 0) atomic_store(&elsewhere, (uintptr_t)rk);
    /* Of our own making: an option that is called experimental, records thrown away at an end. And
     * what is said twice a second while a certificate does not fit: kafka.tls says it once. */
    if (strcmp(facility, "CONFWARN") == 0 || strcmp(facility, "TERMINATE") == 0 ||
        strcmp(facility, "SSLCERTVRFY") == 0)
        level = SYSLOG_DEBUG;
    leat_level to = level <= SYSLOG_WARNING ? LEAT_WARN
                    : level <= SYSLOG_INFO  ? LEAT_INFO
                                            : LEAT_DEBUG;
    leat_log(to, "kafka.client", "about=%s %s", facility, text);
}

/* librdkafka's error says only that there was one. In its threads. */
static int on_certificate(rd_kafka_t *rk, const char *broker, int32_t id, int *error, int depth,
                          const char *der, size_t size, char *why, size_t room, void *opaque)
{
    (void)rk;
    (void)id;
    (void)der;
    (void)size;
    (void)opaque;
    if (*error == X509_V_OK) {
        if (depth == 0) atomic_store(&last_certificate, X509_V_OK);
        return 1;
    }
    atomic_store(&last_certificate, *error);
    snprintf(why, room, "%s", X509_verify_cert_error_string(*error));
    leat_log(LEAT_DEBUG, "kafka.tls", "broker=%s depth=%d its certificate is refused: %s", broker,
             depth, why);
    return 0;
}

const char *leat_kafka_tls_advice(const char *said)
{
    static const struct {
        const char *words, *advice;
    } alerts[] = {
        {"expired", "the broker says that this client's certificate is over: renew the one in "
                    "ssl.keystore.location"},
        {"certificate required", "the broker wants a certificate of this client: set "
                                 "ssl.keystore.location"},
        {"alert", "the broker refuses this client's certificate, or wants one: "
                  "ssl.keystore.location must hold one that has not expired and is signed by an "
                  "authority in the broker's trust store"},
    };
    switch (atomic_load(&last_certificate)) {
    case X509_V_OK: break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "the broker's certificate has expired: renew it, or set this machine's clock";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "the broker's certificate is not valid yet: look at this machine's clock";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "the broker's certificate does not name the host: reach it by a name that the "
               "certificate has (bootstrap.servers, and what the broker advertises), or set "
               "ssl.endpoint.identification.algorithm to nothing to take any name";
    default:
        return "the broker's certificate is signed by nobody that is trusted here: "
               "ssl.truststore.location must hold the authority that signed it";
    }
    for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++)
        if (strstr(said, "alert") && strstr(said, alerts[i].words)) return alerts[i].advice;
    return "";
}

leat_rc leat_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                            const char *option, leat_err *e)
{
    char why[256] = "";
    rd_kafka_conf_res_t res = rd_kafka_conf_set(conf, name, value, why, sizeof why);
    if (res == RD_KAFKA_CONF_OK) return LEAT_OK;
    if (res == RD_KAFKA_CONF_UNKNOWN)
        return leat_fail(e, LEAT_CONF, "kafka.option", option,
                         "librdkafka %s does not know %s, which this option needs",
                         rd_kafka_version_str(), name);
    /* librdkafka repeats the value in its complaint: a secret must not get into a log. */
    if (strstr(name, "password") || strstr(name, "secret") || strstr(name, "pem"))
        return leat_fail(e, LEAT_CONF, "kafka.option", option, "librdkafka refuses the value");
    return leat_fail(e, LEAT_CONF, "kafka.option", option, "librdkafka refuses it: %s", why);
}

leat_rc leat_kafka_conf_i64(rd_kafka_conf_t *conf, const char *name, int64_t value,
                            const char *option, leat_err *e)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    return leat_kafka_conf_set(conf, name, text, option, e);
}

/* An option that may be absent. */
static leat_rc pass(rd_kafka_conf_t *conf, const char *name, const char *value, const char *option,
                    leat_err *e)
{
    return value && *value ? leat_kafka_conf_set(conf, name, value, option, e) : LEAT_OK;
}

/* librdkafka takes what is no number for 0, and more than 16 bits modulo that. */
static bool has_port(const char *broker)
{
    const char *port = strrchr(broker, ':');
    int64_t number;
    if (!port || strchr(port, ']')) return true; /* 9092 */
    return leat_str_i64(leat_str_of(port + 1), &number) && number > 0 && number <= UINT16_MAX;
}

static leat_rc set_brokers(const leat_kafka_client *c, rd_kafka_conf_t *conf, leat_err *e)
{
    leat_buf all = {0};
    for (size_t i = 0; i < c->bootstrap.n; i++) {
        if (!has_port(c->bootstrap.v[i])) {
            leat_buf_free(&all);
            return leat_fail(e, LEAT_CONF, "kafka.brokers", "bootstrap.servers",
                             "the port of \"%s\" is no number from 1 to 65535; brokers are given "
                             "as host:port",
                             c->bootstrap.v[i]);
        }
        if (i) leat_buf_u8(&all, ',');
        leat_buf_str_z(&all, c->bootstrap.v[i]);
    }
    leat_buf_u8(&all, 0);
    leat_rc rc = c->bootstrap.n
                     ? leat_kafka_conf_set(conf, "bootstrap.servers", all.p, "bootstrap.servers", e)
                     : leat_fail(e, LEAT_CONF, "kafka.brokers", "bootstrap.servers",
                                 "no broker is named; give them as host:port, by --kafka or in a "
                                 "worker's file");
    leat_buf_free(&all);
    return rc;
}

static leat_rc set_trust(const leat_kafka_client *c, rd_kafka_conf_t *conf, leat_err *e)
{
    leat_kafka_form form;
    LEAT_TRY(pass(conf, "ssl.ca.pem", c->truststore_pem, "ssl.truststore.certificates", e));
    if (!c->truststore || !*c->truststore) return LEAT_OK;
    LEAT_TRY(leat_kafka_store_form(c->truststore, TRUST, &form, e));
    if (form == LEAT_KAFKA_PEM)
        return leat_kafka_conf_set(conf, "ssl.ca.location", c->truststore, TRUST, e);
    leat_arena a;
    const char *pem = NULL;
    leat_arena_init(&a, 0);
    leat_rc rc =
        leat_kafka_store_certificates(c->truststore, c->truststore_password, TRUST, &a, &pem, e);
    if (rc == LEAT_OK) rc = leat_kafka_conf_set(conf, "ssl.ca.pem", pem, TRUST, e);
    leat_arena_free(&a);
    return rc;
}

static leat_rc set_keys(const leat_kafka_client *c, rd_kafka_conf_t *conf, leat_err *e)
{
    leat_kafka_form form;
    LEAT_TRY(pass(conf, "ssl.key.password", c->key_password, "ssl.key.password", e));
    LEAT_TRY(pass(conf, "ssl.key.pem", c->key_pem, "ssl.keystore.key", e));
    LEAT_TRY(pass(conf, "ssl.certificate.pem", c->chain_pem, "ssl.keystore.certificate.chain", e));
    if (!c->keystore || !*c->keystore) return LEAT_OK;
    LEAT_TRY(leat_kafka_store_form(c->keystore, KEYS, &form, e));
    if (form == LEAT_KAFKA_PEM) {
        LEAT_TRY(leat_kafka_conf_set(conf, "ssl.key.location", c->keystore, KEYS, e));
        return leat_kafka_conf_set(conf, "ssl.certificate.location", c->keystore, KEYS, e);
    }
    LEAT_TRY(leat_kafka_conf_set(conf, "ssl.keystore.location", c->keystore, KEYS, e));
    return pass(conf, "ssl.keystore.password", c->keystore_password, "ssl.keystore.password", e);
}

static leat_rc set_security(const leat_kafka_client *c, rd_kafka_conf_t *conf, leat_err *e)
{
    static const char *const PROTOCOLS[] = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
    LEAT_TRY(leat_kafka_conf_set(conf, "security.protocol", PROTOCOLS[c->protocol],
                                 "security.protocol", e));
    if (c->protocol == LEAT_KAFKA_SSL || c->protocol == LEAT_KAFKA_SASL_SSL) {
        bool named = c->identification && *c->identification;
        rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate);
        LEAT_TRY(set_trust(c, conf, e));
        LEAT_TRY(set_keys(c, conf, e));
        LEAT_TRY(leat_kafka_conf_set(conf, "ssl.endpoint.identification.algorithm",
                                     named ? c->identification : "none",
                                     "ssl.endpoint.identification.algorithm", e));
    }
    if (c->protocol == LEAT_KAFKA_SASL_PLAINTEXT || c->protocol == LEAT_KAFKA_SASL_SSL)
        LEAT_TRY(leat_kafka_sasl_make(c, conf, e));
    return LEAT_OK;
}

static int64_t bounded(int64_t v, int64_t least, int64_t most)
{
    return v < least ? least : v > most ? most : v;
}

static leat_rc set_network(const leat_kafka_client *c, rd_kafka_conf_t *conf, leat_err *e)
{
    enum { SETUP_LEAST = 1000, BACKOFF_MOST = 300000, AGE_LEAST = 10000 };
    const struct {
        const char *name, *option;
        int64_t value;
    } all[] = {
        {"socket.timeout.ms", "request.timeout.ms", c->request_ms},
        {"metadata.max.age.ms", "metadata.max.age.ms", c->metadata_age_ms},
        {"topic.metadata.refresh.interval.ms", "metadata.max.age.ms",
         bounded(c->metadata_age_ms, AGE_LEAST, 3600000)},
        {"reconnect.backoff.ms", "reconnect.backoff.ms", c->reconnect_ms},
        {"reconnect.backoff.max.ms", "reconnect.backoff.max.ms",
         bounded(c->reconnect_max_ms, c->reconnect_ms, 3600000)},
        {"connections.max.idle.ms", "connections.max.idle.ms", c->idle_ms},
        {"socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.ms",
         bounded(c->setup_ms, SETUP_LEAST, BACKOFF_MOST)},
        {"socket.send.buffer.bytes", "send.buffer.bytes", bounded(c->send_buffer, 0, 100000000)},
        {"socket.receive.buffer.bytes", "receive.buffer.bytes",
         bounded(c->receive_buffer, 0, 100000000)},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        LEAT_TRY(leat_kafka_conf_i64(conf, all[i].name, all[i].value, all[i].option, e));
    LEAT_TRY(leat_kafka_conf_set(conf, "socket.keepalive.enable", "true", "bootstrap.servers", e));
    /* A broker that died and came back is no news worth a line each time. */
    return leat_kafka_conf_set(conf, "log.connection.close", "false", "bootstrap.servers", e);
}

static leat_rc set_all(const leat_kafka_client *c, leat_kafka_role role, const char *name,
                       rd_kafka_conf_t *conf, leat_err *e)
{
    rd_kafka_conf_set_log_cb(conf, on_log);
    LEAT_TRY(set_brokers(c, conf, e));
    LEAT_TRY(
        leat_kafka_conf_set(conf, "client.id", c->client_id ? c->client_id : name, "client.id", e));
    LEAT_TRY(set_security(c, conf, e));
    LEAT_TRY(set_network(c, conf, e));
    return role == LEAT_KAFKA_CONSUMER ? pass(conf, "client.rack", c->client_rack, "client.rack", e)
                                       : LEAT_OK;
}

leat_rc leat_kafka_conf_make(const leat_kafka_client *c, leat_kafka_role role, const char *name,
                             rd_kafka_conf_t **out, leat_err *e)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    leat_rc rc = set_all(c, role, name, conf, e);
    *out = rc == LEAT_OK ? conf : NULL;
    if (rc != LEAT_OK) rd_kafka_conf_destroy(conf);
    return rc;
}

leat_rc leat_kafka_conf_new(rd_kafka_conf_t *conf, leat_kafka_role role, rd_kafka_t **out,
                            leat_err *e)
{
    char why[512] = "";
    rd_kafka_type_t type = role == LEAT_KAFKA_CONSUMER ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER;
    *out = rd_kafka_new(type, conf, why, sizeof why);
    if (*out) {
        /* Tokens are fetched in a thread of its own; an error says that there are none. */
        rd_kafka_error_t *none = rd_kafka_sasl_background_callbacks_enable(*out);
        if (none) rd_kafka_error_destroy(none);
        return LEAT_OK;
    }
    rd_kafka_conf_destroy(conf);
    return leat_fail(e, LEAT_CONF, "kafka.option", "kafka", "librdkafka does not begin: %s", why);
}

/* What librdkafka's words do not say. */
static const char *address_advice(rd_kafka_resp_err_t err, const char *said)
{
    if (strstr(said, "Invalid response size"))
        return "; what answers there is no broker of Kafka, or a listener that wants TLS: look at "
               "bootstrap.servers and security.protocol";
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        return "; connections are closed or refused without a reason: does the listener want TLS or "
               "a log-in (security.protocol)? 'leat check' tells which step fails";
    return "";
}

leat_rc leat_kafka_fail(leat_err *e, rd_kafka_resp_err_t err, const char *where, const char *doing,
                        const char *why)
{
    leat_rc rc = LEAT_RETRY;
    const char *code = "kafka.error", *advice = "";
    const char *said = why && *why ? why : rd_kafka_err2str(err);
    switch (err) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
        rc = LEAT_CONF, code = "kafka.denied";
        advice =
            "; the brokers' ACLs do not allow it: 'leat check' names the right that is missing";
        break;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
        return leat_fail(e, LEAT_CONF, "kafka.auth", where,
                         "could not %s: %s; look at sasl.mechanism and sasl.jaas.config%s", doing,
                         said, leat_kafka_login_advice());
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
        rc = LEAT_CONF, code = "kafka.transaction_timeout";
        advice = "; lower producer.override.transaction.timeout.ms, or raise the brokers' "
                 "transaction.max.timeout.ms";
        break;
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
        rc = LEAT_CONF, code = "kafka.no_transactions";
        advice = "; exactly once needs brokers of 0.11 or later that offer transactions: take "
                 "exactly.once.support=required out to have at least once";
        break;
    case RD_KAFKA_RESP_ERR__SSL: {
        const char *tls = leat_kafka_tls_advice(said);
        return leat_fail(e, LEAT_RETRY, "kafka.tls", where, "could not %s: %s; %s", doing, said,
                         *tls ? tls : "look at security.protocol and the ssl.* options");
    }
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__BAD_MSG:
        code = "kafka.down";
        advice = address_advice(err, said);
        break;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT: code = "kafka.timeout"; break;
    default: break;
    }
    return leat_fail(e, rc, code, where, "could not %s: %s%s", doing, said, advice);
}
