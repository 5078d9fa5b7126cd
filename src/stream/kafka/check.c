/* leat check for Kafka (stream/kafka/check.h): brokers, TLS and log-in, topics and the rights on
 * them, sizes, the transactional id. */
#include "stream/kafka/check.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "stream/kafka/probe.h"

enum { HOST_MS = 5000, ANSWER_MS = 10000, FRAMING = 128 };

typedef struct checking {
    const leat_kafka_check_conf *conf;
    rd_kafka_t *rk;    /* does not make topics by asking for them */
    bool soft;         /* what fails now does not keep the connector from its work */
    char trouble[400]; /* the last error of a connection */
    rd_kafka_resp_err_t err;
} checking;

static void tell(const checking *c, const char *name, leat_kafka_step_state state, const char *code,
                 const char *detail, const char *advice)
{
    if (state == LEAT_KAFKA_STEP_FAILED && c->soft) state = LEAT_KAFKA_STEP_WARN;
    const leat_kafka_step s = {name, state, code, detail, advice};
    c->conf->step(c->conf->arg, &s);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    checking *c = opaque;
    (void)rk;
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && *c->trouble) return;
    c->err = (rd_kafka_resp_err_t)err;
    snprintf(c->trouble, sizeof c->trouble, "%s", reason);
    leat_str_mend(c->trouble);
}

static leat_rc open_client(checking *c, leat_err *e)
{
    rd_kafka_conf_t *conf = NULL;
    const leat_kafka_client *client = &c->conf->kafka->client[LEAT_KAFKA_PRODUCER];
    LEAT_TRY(leat_kafka_conf_make(client, LEAT_KAFKA_CONSUMER, "leat-check", &conf, e));
    leat_rc rc = leat_kafka_conf_set(conf, "allow.auto.create.topics", "false", "check", e);
    if (rc == LEAT_OK) rc = leat_kafka_conf_set(conf, "enable.partition.eof", "true", "check", e);
    if (rc != LEAT_OK) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    rd_kafka_conf_set_opaque(conf, c);
    rd_kafka_conf_set_error_cb(conf, on_error);
    return leat_kafka_conf_new(conf, LEAT_KAFKA_CONSUMER, &c->rk, e);
}

/* ---- brokers ---- */

/* Some broker of the list answers. */
static bool check_hosts(checking *c)
{
    const leat_opt_list *all = &c->conf->kafka->client[LEAT_KAFKA_PRODUCER].bootstrap;
    bool any = false;
    for (size_t i = 0; i < all->n; i++) {
        char why[300];
        bool good = leat_kafka_probe_host(all->v[i], HOST_MS, why, sizeof why);
        any = any || good;
        tell(c, "kafka connect", good ? LEAT_KAFKA_STEP_OK : LEAT_KAFKA_STEP_FAILED,
             good ? NULL : "kafka.down", good ? all->v[i] : why,
             good ? NULL
                  : "look at bootstrap.servers, at the network and its firewalls, and whether the "
                    "broker runs");
    }
    return any;
}

static void tell_login(checking *c, const char *detail)
{
    char advice[500];
    snprintf(advice, sizeof advice,
             "look at sasl.mechanism, which the broker must offer, and at user and password in "
             "sasl.jaas.config%s",
             leat_kafka_login_advice());
    tell(c, "kafka log in", LEAT_KAFKA_STEP_FAILED, "kafka.auth", detail, advice);
}

/* A broker's refusal of our certificate comes behind the handshake, as an error of the connection.
 */
static bool is_tls(const checking *c)
{
    const leat_kafka_client *client = &c->conf->kafka->client[LEAT_KAFKA_PRODUCER];
    bool tls = client->protocol == LEAT_KAFKA_SSL || client->protocol == LEAT_KAFKA_SASL_SSL;
    if (c->err == RD_KAFKA_RESP_ERR__SSL) return true;
    return tls && strstr(c->trouble, "SSL") && strstr(c->trouble, "alert");
}

static void tell_tls(checking *c, const char *detail)
{
    const char *advice = leat_kafka_tls_advice(detail);
    tell(c, "kafka TLS", LEAT_KAFKA_STEP_FAILED, "kafka.tls", detail,
         *advice ? advice
                 : "ssl.truststore.location must hold the certificate that signed the broker's, "
                   "whose name must be the one in bootstrap.servers; a broker that wants a "
                   "certificate of the client's needs ssl.keystore.location");
}

static void tell_failed(checking *c, rd_kafka_resp_err_t err)
{
    const leat_kafka_client *client = &c->conf->kafka->client[LEAT_KAFKA_PRODUCER];
    bool tls = client->protocol == LEAT_KAFKA_SSL || client->protocol == LEAT_KAFKA_SASL_SSL;
    const char *detail = *c->trouble ? c->trouble : rd_kafka_err2str(err);
    if (is_tls(c))
        tell_tls(c, detail);
    else if (c->err == RD_KAFKA_RESP_ERR__AUTHENTICATION)
        tell_login(c, detail);
    else
        tell(c, "kafka answer", LEAT_KAFKA_STEP_FAILED, "kafka.down", detail,
             tls ? "does this port of the broker speak TLS, and with a log-in? security.protocol "
                   "must be that of the listener"
                 : "does this port of the broker want TLS or a log-in? security.protocol must be "
                   "that of the listener; and the addresses that the broker advertises must be "
                   "reachable from here");
}

/* A token is to be had, where the log-in needs one. */
static bool check_token(checking *c)
{
    leat_arena a = {0};
    leat_err err = {0};
    leat_kafka_oauth o;
    leat_kafka_token token;
    char detail[300], iso[LEAT_ISO_MAX];
    leat_rc rc = leat_kafka_sasl_oauth(&c->conf->kafka->client[LEAT_KAFKA_PRODUCER], &a, &o, &err);
    if (rc == LEAT_OK && o.url) {
        rc = leat_kafka_token_fetch(&o, &a, &token, &err);
        if (rc == LEAT_OK) {
            snprintf(detail, sizeof detail, "of %.200s, until %s", token.principal,
                     leat_iso_us(token.until_ms * 1000, 0, iso));
            tell(c, "kafka token", LEAT_KAFKA_STEP_OK, NULL, detail, NULL);
        }
    }
    if (rc != LEAT_OK) tell(c, "kafka token", LEAT_KAFKA_STEP_FAILED, err.code, err.msg, NULL);
    leat_arena_free(&a);
    return rc == LEAT_OK;
}

/* The first answer of the cluster: TLS and log-in have been good then. */
static bool check_answer(checking *c)
{
    const rd_kafka_metadata_t *found = NULL;
    const leat_kafka_client *client = &c->conf->kafka->client[LEAT_KAFKA_PRODUCER];
    static const char *const HOW[] = {"plain text", "TLS", "plain text, logged in by ",
                                      "TLS, logged in by "};
    rd_kafka_topic_t *none = NULL;
    int64_t until = leat_mono_us() + ANSWER_MS * INT64_C(1000);
    rd_kafka_resp_err_t err;
    do {
        err = rd_kafka_metadata(c->rk, 0, none, &found, 1000);
        rd_kafka_poll(c->rk, 0);
        bool hopeless = is_tls(c) || c->err == RD_KAFKA_RESP_ERR__AUTHENTICATION;
        if (err && hopeless) break;
    } while (err && leat_mono_us() < until);
    if (err) {
        tell_failed(c, err);
        return false;
    }
    char detail[400];
    char *id = rd_kafka_clusterid(c->rk, ANSWER_MS);
    snprintf(detail, sizeof detail, "%d broker%s, cluster %s, by %s%s", found->broker_cnt,
             found->broker_cnt == 1 ? "" : "s", id ? id : "?", HOW[client->protocol],
             client->protocol >= LEAT_KAFKA_SASL_PLAINTEXT ? client->mechanism : "");
    tell(c, "kafka answer", LEAT_KAFKA_STEP_OK, NULL, detail, NULL);
    if (id) rd_kafka_mem_free(c->rk, id);
    rd_kafka_metadata_destroy(found);
    return true;
}

/* Repeats are recognized by the numbers that the brokers give to batches. */
static void check_numbers(checking *c)
{
    static const char NAME[] = "kafka idempotence";
    char why[400] = "";
    const leat_kafka_client *client = &c->conf->kafka->client[LEAT_KAFKA_PRODUCER];
    rd_kafka_resp_err_t err = leat_kafka_probe_numbers(client, ANSWER_MS, why, sizeof why);
    if (!err)
        tell(c, NAME, LEAT_KAFKA_STEP_OK, NULL, "what is sent twice is recognized", NULL);
    else if (err == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
        tell(c, NAME, LEAT_KAFKA_STEP_FAILED, "kafka.too_old", why,
             "leat needs brokers of Kafka 0.11 or later");
    else if (err == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
        tell(c, NAME, LEAT_KAFKA_STEP_FAILED, "kafka.denied",
             "the brokers do not number the batches of this user, who may write to no topic",
             "grant the operation Write on the topics; with brokers before 2.8 also "
             "IdempotentWrite on the cluster (kafka-acls --add --allow-principal User:... "
             "--operation IdempotentWrite --cluster)");
    else
        tell(c, NAME, LEAT_KAFKA_STEP_WARN, "kafka.error", *why ? why : rd_kafka_err2str(err),
             "whether what is sent twice is recognized could not be found out");
}

/* ---- topics ---- */

static rd_kafka_resp_err_t look_up(checking *c, const char *topic, int *partitions)
{
    const rd_kafka_metadata_t *found = NULL;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(c->rk, topic, NULL);
    *partitions = 0;
    if (!rkt) return rd_kafka_last_error();
    rd_kafka_resp_err_t err = rd_kafka_metadata(c->rk, 0, rkt, &found, ANSWER_MS);
    if (!err)
        err = found->topic_cnt ? found->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (!err) *partitions = found->topics[0].partition_cnt;
    if (found) rd_kafka_metadata_destroy(found);
    rd_kafka_topic_destroy(rkt);
    return err;
}

/* What the largest record may be, against what the connector may make. */
static void check_size(checking *c, const char *topic, const char *setting)
{
    char name[300], text[32], detail[300];
    int64_t most = 0, request = c->conf->kafka->client[LEAT_KAFKA_PRODUCER].request_bytes;
    snprintf(name, sizeof name, "kafka size%s%s", topic ? " " : "", topic ? topic : "");
    if (!leat_kafka_probe_setting(c->rk, topic, setting, ANSWER_MS, text, sizeof text) ||
        !leat_str_i64(leat_str_of(text), &most)) {
        tell(c, name, LEAT_KAFKA_STEP_SKIPPED, NULL,
             topic
                 ? "the right to describe configurations (DescribeConfigs on the topic) is missing"
                 : "the right to describe configurations (DescribeConfigs on the cluster) is "
                   "missing",
             NULL);
        return;
    }
    int64_t bound = most < request ? most : request, event = c->conf->max_event_bytes;
    snprintf(detail, sizeof detail,
             "%s=%" PRId64 ", max.request.size=%" PRId64 ", max.event.bytes=%" PRId64, setting,
             most, request, event);
    if (most < request)
        tell(c, name, LEAT_KAFKA_STEP_WARN, "kafka.too_large", detail,
             "records between the two are refused by the broker, each of them after it was sent: "
             "lower max.request.size, or raise the broker's bound");
    else if (event > 0 && event > bound - FRAMING)
        tell(c, name, LEAT_KAFKA_STEP_WARN, "kafka.too_large", detail,
             "a large event may make a record that Kafka does not take, which goes to the dead "
             "letters: lower max.event.bytes, or raise max.request.size and the topic's "
             "max.message.bytes");
    else
        tell(c, name, LEAT_KAFKA_STEP_OK, NULL, detail, NULL);
}

static void check_write(checking *c, const char *name, const char *topic, int partitions)
{
    char detail[200];
    const leat_kafka_client *client = &c->conf->kafka->client[LEAT_KAFKA_PRODUCER];
    rd_kafka_resp_err_t err = leat_kafka_probe_write(client, topic, ANSWER_MS);
    snprintf(detail, sizeof detail, "there, %d partition%s, may be written to", partitions,
             partitions == 1 ? "" : "s");
    if (!err)
        tell(c, name, LEAT_KAFKA_STEP_OK, NULL, detail, NULL);
    else if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        tell(c, name, LEAT_KAFKA_STEP_FAILED, "kafka.denied", "the right to write to it is missing",
             "grant the operation Write on the topic (kafka-acls --add --allow-principal User:... "
             "--producer --topic ...)");
    else
        tell(c, name, LEAT_KAFKA_STEP_WARN, "kafka.error", rd_kafka_err2str(err),
             "whether it may be written to could not be found out");
}

/* With exactly once the offset topic says what is committed. */
static void check_read(checking *c, const char *topic)
{
    char name[300];
    snprintf(name, sizeof name, "kafka reading %.250s", topic);
    rd_kafka_resp_err_t err = leat_kafka_probe_read(c->rk, topic, ANSWER_MS);
    if (!err)
        tell(c, name, LEAT_KAFKA_STEP_OK, NULL, "may be read", NULL);
    else if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        tell(c, name, LEAT_KAFKA_STEP_FAILED, "kafka.denied", "the right to read it is missing",
             "grant the operation Read on the topic: what is committed is read there at a start");
    else
        tell(c, name, LEAT_KAFKA_STEP_WARN, "kafka.error", rd_kafka_err2str(err),
             "whether it may be read could not be found out");
}

/* A topic that is not there: it may be made by leat, or by the brokers. */
static void check_missing(checking *c, const char *name, const char *topic)
{
    char why[300] = "";
    const leat_kafka_group *g = NULL;
    const leat_kafka_clients *k = c->conf->kafka;
    const leat_kafka_offsets_conf *o = &c->conf->offsets;
    const leat_kafka_group offsets = {.partitions = o->partitions, .replication = o->replication};
    leat_err err = {0};
    if (o->topic && strcmp(o->topic, topic) == 0)
        g = &offsets;
    else if (k->creation && leat_kafka_group_of(k, leat_str_of(topic), &g, &err) != LEAT_OK) {
        tell(c, name, LEAT_KAFKA_STEP_FAILED, err.code, err.msg, NULL);
        return;
    }
    if (g) {
        rd_kafka_resp_err_t made =
            leat_kafka_probe_make(c->rk, topic, g, ANSWER_MS, why, sizeof why);
        bool denied = made == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
                      made == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
        if (!made)
            tell(c, name, LEAT_KAFKA_STEP_OK, NULL, "not there yet, may be made", NULL);
        else
            tell(c, name, LEAT_KAFKA_STEP_FAILED, denied ? "kafka.denied" : "kafka.topic_refused",
                 why,
                 denied          ? "grant the operation Create on the topic, or make it by hand"
                 : g == &offsets ? "look at offset.storage.partitions and "
                                   "offset.storage.replication.factor"
                                 : "look at topic.creation.*");
        return;
    }
    bool known = leat_kafka_probe_setting(c->rk, NULL, "auto.create.topics.enable", ANSWER_MS, why,
                                          sizeof why);
    if (known && strcmp(why, "true") == 0)
        tell(c, name, LEAT_KAFKA_STEP_OK, NULL,
             "not there yet, the brokers make topics by themselves", NULL);
    else
        tell(c, name, known ? LEAT_KAFKA_STEP_FAILED : LEAT_KAFKA_STEP_WARN, "kafka.topic_unknown",
             known ? "not there, and the brokers make no topics by themselves"
                   : "not there; whether the brokers make topics by themselves may not be asked",
             "make it, or set topic.creation.default.partitions and "
             "topic.creation.default.replication.factor");
}

static void check_topic(checking *c, const char *topic)
{
    char name[300];
    int partitions;
    snprintf(name, sizeof name, "kafka topic %.250s", topic);
    rd_kafka_resp_err_t err = look_up(c, topic, &partitions);
    if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        check_missing(c, name, topic);
    } else if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        tell(c, name, LEAT_KAFKA_STEP_FAILED, "kafka.denied", "the right to describe it is missing",
             "grant the operations Describe and Write on the topic, and Create where it is not "
             "there yet");
    } else if (err) {
        tell(c, name, LEAT_KAFKA_STEP_FAILED, "kafka.error", rd_kafka_err2str(err), NULL);
    } else {
        check_write(c, name, topic, partitions);
        check_size(c, topic, "max.message.bytes");
        const char *offsets = c->conf->offsets.topic;
        if (c->conf->transactional_id && offsets && strcmp(offsets, topic) == 0)
            check_read(c, topic);
    }
}

/* ---- exactly once ---- */

static const char TX_ID[] = "kafka transactional id", TX_TIME[] = "kafka transaction timeout";

/* What the brokers allow; false: it may not be asked for. */
static bool longest(const checking *c, int64_t *ms)
{
    char text[32];
    return leat_kafka_probe_setting(c->rk, NULL, "transaction.max.timeout.ms", ANSWER_MS, text,
                                    sizeof text) &&
           leat_str_i64(leat_str_of(text), ms);
}

static void check_timeout(checking *c, bool refused)
{
    char detail[200];
    int64_t most = 0, ours = c->conf->kafka->client[LEAT_KAFKA_PRODUCER].transaction_ms;
    bool known = longest(c, &most);
    if (known)
        snprintf(detail, sizeof detail,
                 "transaction.timeout.ms=%" PRId64 ", transaction.max.timeout.ms=%" PRId64, ours,
                 most);
    else
        snprintf(detail, sizeof detail, "transaction.timeout.ms=%" PRId64 "%s", ours,
                 refused ? " is more than the brokers allow" : "");
    if (refused || (known && ours > most))
        tell(c, TX_TIME, LEAT_KAFKA_STEP_FAILED, "kafka.transaction_timeout", detail,
             "lower producer.override.transaction.timeout.ms, or raise the brokers' "
             "transaction.max.timeout.ms");
    else
        tell(c, TX_TIME, LEAT_KAFKA_STEP_OK, NULL, detail, NULL);
}

/* own: the connector's id itself was tried. */
static void tell_denied(checking *c, const char *id, bool own, const char *why)
{
    char detail[500];
    snprintf(detail, sizeof detail, "%.200s: %.250s", id, why);
    if (own)
        tell(c, TX_ID, LEAT_KAFKA_STEP_FAILED, "kafka.denied", detail,
             "grant the operations Describe and Write on the transactional id (kafka-acls --add "
             "--allow-principal User:... --producer --transactional-id ...)");
    else
        tell(c, TX_ID, LEAT_KAFKA_STEP_WARN, "kafka.denied", detail,
             "the connector's own id is not tried, since that could end a connector that runs; "
             "grant Describe and Write on transactional ids that begin with it (kafka-acls --add "
             "--allow-principal User:... --producer --transactional-id ... "
             "--resource-pattern-type prefixed), or DescribeConfigs on the cluster, with which the "
             "own id can be tried");
}

static void tell_id(checking *c, rd_kafka_resp_err_t err, const char *id)
{
    char detail[400];
    snprintf(detail, sizeof detail, "%s: %s", id, rd_kafka_err2str(err));
    if (err == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
        tell(c, TX_ID, LEAT_KAFKA_STEP_FAILED, "kafka.no_transactions", detail,
             "exactly once needs brokers of 0.11 or later that offer transactions: take "
             "exactly.once.support=required out to have at least once");
    else if (err == RD_KAFKA_RESP_ERR__TIMED_OUT)
        tell(c, TX_ID, LEAT_KAFKA_STEP_FAILED, "kafka.silent", detail,
             "no transaction coordinator answers: is transaction.state.log.replication.factor "
             "of the brokers more than there are brokers?");
    else
        tell(c, TX_ID, LEAT_KAFKA_STEP_WARN, "kafka.error", detail,
             "whether transactions can be begun could not be found out");
}

/* An id beside the connector's own; where the rights are for that one alone, that one, as nothing
 * comes of it (leat_kafka_probe_id). */
static void check_id(checking *c)
{
    char beside[300], why[300] = "";
    int64_t most = 0;
    const leat_kafka_client *client = &c->conf->kafka->client[LEAT_KAFKA_PRODUCER];
    const char *id = c->conf->transactional_id;
    snprintf(beside, sizeof beside, "%s.check", id);
    rd_kafka_resp_err_t err =
        leat_kafka_probe_id(client, beside, client->transaction_ms, ANSWER_MS, why, sizeof why);
    bool late = err == RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT;
    bool own = err == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED &&
               longest(c, &most) && most < LEAT_KAFKA_NO_TIMEOUT;
    if (own)
        err = leat_kafka_probe_id(client, id, LEAT_KAFKA_NO_TIMEOUT, ANSWER_MS, why, sizeof why);
    if (!err || err == RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT) {
        if (!late) tell(c, TX_ID, LEAT_KAFKA_STEP_OK, NULL, id, NULL);
        check_timeout(c, late);
    } else if (err == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED) {
        tell_denied(c, own ? id : beside, own, why);
    } else {
        tell_id(c, err, beside);
    }
}

leat_rc leat_kafka_check(const leat_kafka_check_conf *conf, leat_err *e)
{
    checking c = {.conf = conf};
    LEAT_TRY(open_client(&c, e));
    if (check_hosts(&c) && check_token(&c) && check_answer(&c)) {
        if (!conf->transactional_id) check_numbers(&c);
        for (const char *const *t = conf->topics; t && *t; t++) check_topic(&c, *t);
        if (!conf->topics || !*conf->topics) check_size(&c, NULL, "message.max.bytes");
        c.soft = conf->transactional_id == NULL;
        if (conf->offsets.topic) check_topic(&c, conf->offsets.topic);
        if (conf->transactional_id) check_id(&c);
    }
    rd_kafka_destroy(c.rk);
    return LEAT_OK;
}
