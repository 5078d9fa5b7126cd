/* The port to a producer by librdkafka (stream/kafka/client.h): records in, their fate out.
 *
 * librdkafka copies what it takes, sends it from threads of its own and tells the fate of each
 * record inside rd_kafka_poll, in this thread. It never gives up (message.timeout.ms=0), so a
 * record ends refused only when the broker says that it can never take it, or when the producer
 * ends.
 *
 * It has one request of a partition on its way at a time, since it is idempotent, and while that
 * is so its thread spins as long as a record waits for longer than queue.buffering.max.ms: with 0,
 * which sends at once, that costs a processor. So it is corked: it sends a batch when that is full,
 * and what is less when a poll finds that nothing more was given to it, by rd_kafka_flush, which
 * lets nothing wait while it runs. CORK_MS is for what a flush may have missed.
 *
 * A refused record ends the producer (librdkafka's "gapless guarantee"), so that no later record of
 * its partition passes it by. Brokers refuse whole batches, and librdkafka does not split them: one
 * record that is too large or invalid takes its neighbours with it. Therefore, when a record is
 * refused that need not have been alone in its batch, it is told to be lost, and the producer
 * begins its next life with smaller batches; what was lost is produced again by the caller, and in
 * the end the one that is refused alone is the one to blame. */
#include "stream/kafka/client.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "stream/kafka/client_part.h"

enum {
    RECORD_BYTES = 512,   /* librdkafka's own for a record on its way, about */
    BATCH_FRAMING = 128,  /* of a batch of one record, at least */
    BATCH_SHRINKS = 8,    /* times, when a batch was too large */
    STATISTICS_MS = 1000, /* how soon it is seen that a broker is back */
    CORK_MS = 2000,       /* how long a record waits for a flush at most */
    FLUSH_MS = 1,         /* least that librdkafka's thread has to notice it */
    FLUSH_AGAIN_US = 5000,
    CULPRIT_US = 200000, /* how long a report may come behind the fatal error it is */
    MESSAGES_MOST = 10000000,
    NO_ID_TIMES = 5, /* so often a broker was seen to be up, before it is believed to have no id */
    ASK_MS = 500,    /* for an answer about who the brokers are ... */
    ASK_EVERY_US = 1000000,
    TOO_OLD_TIMES = 3, /* so often no broker numbers batches, before that is believed */
};

/* ---- death ---- */

static bool is_fenced(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__FENCED || err == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           err == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

/* What no other life of the producer would change. A broker whose first answer is lost is taken for
 * an old one, so that has to be said several times. */
static bool is_hopeless(const leat_kafka_client_port *p, rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT ||
           (err == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED &&
            p->conf.transactional_id == NULL) ||
           p->too_old >= TOO_OLD_TIMES;
}

static void end_for_good(leat_kafka_client_port *p, rd_kafka_resp_err_t err, const char *why)
{
    const char *id = p->conf.transactional_id;
    if (id)
        leat_kafka_fail(&p->fatal_why, err, id, "begin with transactions", why);
    else if (err == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
        leat_fail(&p->fatal_why, LEAT_CONF, "kafka.too_old", p->conf.connector,
                  "the brokers do not recognize what is sent twice: %s. leat needs Kafka 0.11 or "
                  "later",
                  why);
    else
        leat_fail(&p->fatal_why, LEAT_CONF, "kafka.denied", p->conf.connector,
                  "the brokers do not number the batches of this user: %s. Grant the user WRITE on "
                  "the topics, and with brokers before 2.8 IDEMPOTENT_WRITE on the cluster; 'leat "
                  "check' names what is missing",
                  why);
}

void leat_kafka_client_die(leat_kafka_client_port *p, rd_kafka_resp_err_t err, const char *where,
                           const char *why)
{
    if (p->fatal) return;
    p->fatal = true;
    if (err == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE) p->too_old++;
    if (is_fenced(err))
        leat_fail(&p->fatal_why, LEAT_CONF, "kafka.fenced", where,
                  "another producer with the transactional id of this connector took over: %s; "
                  "the connector runs elsewhere too, stop one of the two",
                  why);
    else if (is_hopeless(p, err))
        end_for_good(p, err, why);
    else
        leat_fail(&p->fatal_why, LEAT_RETRY, "kafka.fatal", where, "the producer ended: %s", why);
    rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                              RD_KAFKA_PURGE_F_NON_BLOCKING);
}

void leat_kafka_client_look(leat_kafka_client_port *p)
{
    char why[400] = "";
    bool elsewhere = leat_kafka_conf_elsewhere(p->rk);
    p->unsure = p->unsure || elsewhere;
    if (p->fatal) return;
    rd_kafka_resp_err_t err = rd_kafka_fatal_error(p->rk, why, sizeof why);
    if (err)
        leat_kafka_client_die(p, err, p->conf.connector, why);
    else if (elsewhere)
        leat_kafka_client_die(p, RD_KAFKA_RESP_ERR__FATAL, p->conf.connector,
                              "its brokers are of another cluster than before");
}

leat_rc leat_kafka_client_dead(const leat_kafka_client_port *p, leat_err *e)
{
    const leat_err *why = &p->fatal_why;
    return leat_fail(e, why->rc, why->code, why->where, "%s", why->msg);
}

/* ---- what librdkafka tells ---- */

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    leat_kafka_client_port *p = opaque;
    rd_kafka_resp_err_t err = (rd_kafka_resp_err_t)code;
    (void)rk;
    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        leat_kafka_client_look(p);
        return;
    }
    /* "all brokers are down" says less than what was said of the last of them. */
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && leat_rc_failed(p->down_why.rc))
        p->down = true;
    else
        leat_kafka_fail(&p->down_why, err, "kafka", "reach the brokers", reason);
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || err == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
        err == RD_KAFKA_RESP_ERR__SSL)
        p->down = true;
}

/* Who answers again at the same address may be another cluster. */
static void reached(leat_kafka_client_port *p)
{
    p->unsure = p->unsure || p->down;
    p->down = false;
    p->down_why = (leat_err){0};
}

/* Once a second. A broker that has a connection is named with this state. */
static int on_statistics(rd_kafka_t *rk, char *json, size_t len, void *opaque)
{
    static const char UP[] = "\"state\":\"UP\"";
    leat_kafka_client_port *p = opaque;
    (void)rk;
    if (memmem(json, len, UP, sizeof UP - 1)) {
        p->up_times++;
        reached(p);
    } else if (leat_rc_failed(p->down_why.rc)) {
        p->down = true;
    }
    return 0;
}

static leat_delivery delivery_of(rd_kafka_resp_err_t err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: return LEAT_DELIVERED;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE: return LEAT_REFUSED_TOO_LARGE;
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP: return LEAT_REFUSED_INVALID;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: return LEAT_REFUSED_TOPIC;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED: return LEAT_REFUSED_AUTH;
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT: return LEAT_REFUSED_TIMEOUT;
    default: return LEAT_REFUSED_LOST;
    }
}

/* What the fatal error of a refused batch says, in librdkafka 2.0: "ProduceRequest for
 * TOPIC [PARTITION] with N message(s) failed: REASON (broker ..."; the records themselves only say
 * that the guarantee ended them. */
static void find_culprit(leat_kafka_client_port *p)
{
    static const rd_kafka_resp_err_t KNOWN[] = {
        RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE,
        RD_KAFKA_RESP_ERR_INVALID_RECORD,
        RD_KAFKA_RESP_ERR_INVALID_MSG,
        RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
    };
    char why[500] = "";
    leat_kafka_culprit *c = &p->culprit;
    if (c->looked || !rd_kafka_fatal_error(p->rk, why, sizeof why)) return;
    c->looked = true;
    char *topic = strstr(why, "ProduceRequest for "), *rest = topic ? strstr(topic, " [") : NULL;
    int partition;
    unsigned n;
    if (!rest || sscanf(rest, " [%d] with %u message(s) failed: ", &partition, &n) != 2) return;
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++)
        if (strstr(rest, rd_kafka_err2str(KNOWN[i]))) c->err = KNOWN[i];
    topic += strlen("ProduceRequest for ");
    snprintf(c->topic, sizeof c->topic, "%.*s", (int)(rest - topic), topic);
    c->partition = partition;
    c->records = c->left = n;
}

/* Why this record was refused, and with how many others (1: alone, 0: not known). The refused batch
 * is the first of its partition that is reported. */
static rd_kafka_resp_err_t cause_of(leat_kafka_client_port *p, const rd_kafka_message_t *m,
                                    unsigned *records)
{
    leat_kafka_culprit *c = &p->culprit;
    *records = 0;
    if (p->conf.transactional_id) {
        int64_t bytes = (int64_t)(m->len + m->key_len) + BATCH_FRAMING;
        *records = p->batch_bytes <= 1 || bytes > p->batch_bytes ? 1 : 2;
        return m->err;
    }
    find_culprit(p);
    if (c->left == 0 || m->partition != c->partition ||
        strcmp(c->topic, rd_kafka_topic_name(m->rkt)) != 0)
        return m->err;
    c->left--;
    *records = c->records;
    return c->err ? c->err : m->err;
}

/* A refusal of a whole batch of which this record need not be the reason: the next life has smaller
 * batches. */
static void shrink(leat_kafka_client_port *p, const char *topic, leat_delivery d)
{
    bool large = d == LEAT_REFUSED_TOO_LARGE;
    if (p->shrunk) return;
    p->shrunk = true;
    p->batch_bytes = large ? p->batch_bytes / BATCH_SHRINKS : 1;
    if (p->batch_bytes < 1) p->batch_bytes = 1;
    leat_log(LEAT_WARN, "kafka.batch",
             "topic=%s batch_bytes=%" PRId64
             " why=%s a whole batch was refused and is sent again in "
             "smaller ones%s",
             topic, p->batch_bytes, leat_delivery_name(d),
             large ? "; the topic's max.message.bytes is below batch.size: set that lower" : "");
    leat_kafka_client_die(p, RD_KAFKA_RESP_ERR__FATAL, topic, "a whole batch was refused");
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    leat_kafka_client_port *p = opaque;
    unsigned records = 0;
    rd_kafka_resp_err_t err = m->err ? cause_of(p, m, &records) : m->err;
    leat_delivery d = delivery_of(err);
    (void)rk;
    leat_kafka_topic *t = &p->topics[(uintptr_t)rd_kafka_topic_opaque(m->rkt) - 1];
    leat_kafka_topic_met(p, t, m->partition, m->len + m->key_len, d == LEAT_DELIVERED);
    p->fresh = true;
    /* Taken for delivered because one behind it was: the broker itself has not said so. */
    if (d == LEAT_DELIVERED && m->offset < 0) d = LEAT_REFUSED_LOST;
    p->queued -= m->len + m->key_len;
    p->nqueued--;
    p->reports++;
    if (d == LEAT_DELIVERED) p->too_old = 0;
    if (d < LEAT_REFUSED_TOPIC && p->down) reached(p); /* a broker has said so */
    if ((d == LEAT_REFUSED_TOO_LARGE || d == LEAT_REFUSED_INVALID) && records != 1) {
        shrink(p, t->name, d);
        d = LEAT_REFUSED_LOST;
    }
    const leat_delivery_report report = {
        .tag = (uint64_t)(uintptr_t)m->_private,
        .delivery = d,
        .why = d == LEAT_DELIVERED ? NULL
               : err               ? rd_kafka_err2str(err)
                                   : "the broker acknowledged only what is behind it",
        .partition = d == LEAT_DELIVERED ? m->partition : -1,
        .offset = d == LEAT_DELIVERED ? m->offset : -1,
    };
    if (d != LEAT_DELIVERED && p->in_tx && !leat_rc_failed(p->refused.rc))
        leat_fail(&p->refused, LEAT_RETRY, "kafka.abort", t->name,
                  "a record of the transaction was refused: %s", report.why);
    /* No later record of the partition may pass by. */
    if (d >= LEAT_REFUSED_TOPIC && !p->in_tx)
        leat_kafka_client_die(p, RD_KAFKA_RESP_ERR__FATAL, t->name, report.why);
    p->conf.events->report(p->conf.events->arg, &report);
}

/* ---- life ---- */

static leat_rc set_producer(leat_kafka_client_port *p, rd_kafka_conf_t *conf, leat_err *e)
{
    static const char *const CODECS[] = {"none", "gzip", "snappy", "lz4", "zstd"};
    const leat_kafka_client *c = &p->conf.kafka->client[LEAT_KAFKA_PRODUCER];
    const int64_t levels[] = {-1, c->gzip_level, -1, c->lz4_level, c->zstd_level};
    int64_t kib =
        2 * (int64_t)(p->conf.queue_bytes ? p->conf.queue_bytes : (size_t)c->buffer_bytes);
    const struct {
        const char *name, *option;
        int64_t value;
    } all[] = {
        {"message.timeout.ms", "delivery.timeout.ms", 0},
        {"request.timeout.ms", "request.timeout.ms", c->request_ms},
        {"retry.backoff.ms", "retry.backoff.ms", c->retry_ms},
        {"queue.buffering.max.ms", "linger.ms", c->linger_ms ? c->linger_ms : CORK_MS},
        {"queue.buffering.max.kbytes", "buffer.memory", (kib >> 10) + 1024},
        {"queue.buffering.max.messages", "buffer.memory", MESSAGES_MOST},
        {"batch.size", "batch.size", p->batch_bytes},
        {"message.max.bytes", "max.request.size", c->request_bytes},
        {"max.in.flight.requests.per.connection", "max.in.flight.requests.per.connection",
         c->in_flight},
        {"compression.level", "compression.type", levels[c->compression]},
        {"statistics.interval.ms", "metadata.max.age.ms", STATISTICS_MS},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        LEAT_TRY(leat_kafka_conf_i64(conf, all[i].name, all[i].value, all[i].option, e));
    LEAT_TRY(leat_kafka_conf_set(conf, "compression.codec", CODECS[c->compression],
                                 "compression.type", e));
    LEAT_TRY(leat_kafka_conf_set(conf, "enable.idempotence", "true", "enable.idempotence", e));
    LEAT_TRY(leat_kafka_conf_set(conf, "partitioner", "murmur2_random", "partitioner.class", e));
    /* A refused record ends the producer at once, in librdkafka's own thread: what is behind it in
     * its partition must not get there before it. In a transaction the abort sees to that. */
    if (!p->conf.transactional_id)
        return leat_kafka_conf_set(conf, "enable.gapless.guarantee", "true", "acks", e);
    LEAT_TRY(leat_kafka_conf_set(conf, "transactional.id", p->conf.transactional_id,
                                 "transactional.id", e));
    return leat_kafka_conf_i64(conf, "transaction.timeout.ms", c->transaction_ms,
                               "transaction.timeout.ms", e);
}

static leat_rc begin(leat_kafka_client_port *p, leat_err *e)
{
    char name[160];
    rd_kafka_conf_t *conf = NULL;
    const leat_kafka_client *c = &p->conf.kafka->client[LEAT_KAFKA_PRODUCER];
    snprintf(name, sizeof name, "leat-%.140s", p->conf.connector);
    LEAT_TRY(leat_kafka_conf_make(c, LEAT_KAFKA_PRODUCER, name, &conf, e));
    leat_rc rc = set_producer(p, conf, e);
    if (rc != LEAT_OK) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    rd_kafka_conf_set_opaque(conf, p);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_stats_cb(conf, on_statistics);
    return leat_kafka_conf_new(conf, LEAT_KAFKA_PRODUCER, &p->rk, e);
}

/* What is queued is not sent any more, and not reported. */
static void end(leat_kafka_client_port *p)
{
    leat_kafka_tx_end(p);
    leat_kafka_topics_end(p);
    if (p->cluster) rd_kafka_mem_free(p->rk, p->cluster);
    p->cluster = NULL;
    if (p->rk) {
        rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                  RD_KAFKA_PURGE_F_NON_BLOCKING);
        rd_kafka_destroy(p->rk);
    }
    p->rk = NULL;
    p->queued = p->nqueued = p->small = 0;
    p->fatal = p->in_tx = p->fenced = p->shrunk = false;
    p->commit_us = 0;
    p->up_times = 0;
    p->unsure = false;
    p->culprit = (leat_kafka_culprit){0};
    p->refused = (leat_err){0};
}

leat_rc leat_kafka_client_open(const leat_kafka_client_conf *conf, leat_broker **out, leat_err *e)
{
    leat_kafka_client_port *p = leat_zalloc(1, sizeof *p);
    p->conf = *conf;
    p->broker.ops = &leat_kafka_client_ops;
    p->batch_bytes = conf->kafka->client[LEAT_KAFKA_PRODUCER].batch_bytes;
    leat_rc rc = begin(p, e);
    if (rc != LEAT_OK) {
        leat_free(p);
        return rc;
    }
    *out = &p->broker;
    return LEAT_OK;
}

static leat_kafka_client_port *port(const leat_broker *b)
{
    return (leat_kafka_client_port *)b;
}

static leat_rc reset(leat_broker *b, leat_err *e)
{
    end(port(b));
    return begin(port(b), e);
}

static void client_close(leat_broker *b, int wait_ms)
{
    leat_kafka_client_port *p = port(b);
    (void)wait_ms; /* librdkafka ends its threads in its own time, some milliseconds */
    end(p);
    for (uint32_t i = 0; i < p->ntopics; i++) leat_free(p->topics[i].name);
    leat_free(p->topics);
    leat_free(p);
}

/* ---- records ---- */

static uint32_t topic_number(leat_broker *b, const char *name)
{
    leat_kafka_client_port *p = port(b);
    for (uint32_t i = 0; i < p->ntopics; i++)
        if (strcmp(p->topics[i].name, name) == 0) return i;
    p->topics = leat_realloc(p->topics, (p->ntopics + 1) * sizeof *p->topics);
    p->topics[p->ntopics] = (leat_kafka_topic){.name = leat_strdup(name)};
    return p->ntopics++;
}

static size_t client_queued(const leat_broker *b)
{
    const leat_kafka_client_port *p = port(b);
    return p->queued + p->nqueued * (RECORD_BYTES + p->header_bytes);
}

static bool is_full(const leat_kafka_client_port *p, size_t bytes)
{
    const leat_kafka_client *c = &p->conf.kafka->client[LEAT_KAFKA_PRODUCER];
    size_t most = (size_t)c->buffer_bytes;
    if (p->conf.queue_bytes && p->conf.queue_bytes < most) most = p->conf.queue_bytes;
    return p->nqueued > 0 && client_queued(&p->broker) + bytes > most;
}

static rd_kafka_headers_t *make_headers(const leat_broker_record *r, size_t *bytes)
{
    if (r->nheaders == 0) return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(r->nheaders);
    for (uint32_t i = 0; i < r->nheaders; i++) {
        const leat_broker_header *h = &r->headers[i];
        size_t name = strlen(h->name);
        rd_kafka_header_add(headers, h->name, (ssize_t)name, h->value.s, (ssize_t)h->value.len);
        *bytes += name + h->value.len + 48;
    }
    return headers;
}

static leat_rc refuse(leat_kafka_client_port *p, leat_kafka_topic *t, rd_kafka_resp_err_t err,
                      size_t bytes, leat_err *e)
{
    const leat_kafka_client *c = &p->conf.kafka->client[LEAT_KAFKA_PRODUCER];
    switch (err) {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL: return LEAT_AGAIN;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return leat_fail(e, LEAT_DATA, "kafka.too_large", t->name,
                         "the record has %zu bytes, more than max.request.size=%" PRId64
                         "; set producer.override.max.request.size, and the topic's "
                         "max.message.bytes, to more",
                         bytes, c->request_bytes);
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: leat_kafka_topic_forget(t); return LEAT_AGAIN;
    case RD_KAFKA_RESP_ERR__STATE:
        if (p->in_tx)
            return leat_fail(e, LEAT_RETRY, "kafka.abort", t->name,
                             "the transaction cannot go on: %s", rd_kafka_err2str(err));
        break;
    case RD_KAFKA_RESP_ERR__FATAL:
        leat_kafka_client_look(p);
        if (p->fatal) return leat_kafka_client_dead(p, e);
        break;
    default: break;
    }
    return leat_kafka_fail(e, err, t->name, "send a record", NULL);
}

static leat_rc produce(leat_broker *b, const leat_broker_record *r, leat_err *e)
{
    leat_kafka_client_port *p = port(b);
    size_t bytes = r->key.len + r->value.len, header_bytes = 0;
    if (p->fatal) return leat_kafka_client_dead(p, e);
    leat_kafka_topic *t = &p->topics[r->topic];
    if (t->state != LEAT_KAFKA_TOPIC_READY) LEAT_TRY(leat_kafka_topic_ready(p, r->topic, e));
    if (t->state != LEAT_KAFKA_TOPIC_READY || is_full(p, bytes + RECORD_BYTES)) return LEAT_AGAIN;
    int32_t to; /* librdkafka finds the same one by the key, from what it knows of the topic now */
    if (leat_kafka_topic_partition(t, r, &to) == LEAT_AGAIN) return LEAT_AGAIN;
    rd_kafka_headers_t *headers = make_headers(r, &header_bytes);
    rd_kafka_vu_t v[8] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = t->rkt},
        {.vtype = RD_KAFKA_VTYPE_PARTITION,
         .u.i32 = r->partition < 0 && r->key.s ? RD_KAFKA_PARTITION_UA : to},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)r->key.s, r->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)r->value.s, r->value.len}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = r->timestamp_ms},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(uintptr_t)r->tag},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(p->rk, v, headers ? 8 : 7);
    if (error) {
        rd_kafka_resp_err_t err = rd_kafka_error_code(error);
        rd_kafka_error_destroy(error);
        if (headers) rd_kafka_headers_destroy(headers);
        return refuse(p, t, err, bytes + header_bytes, e);
    }
    leat_kafka_topic_sent(p, t, to, bytes);
    p->queued += bytes;
    p->nqueued++;
    p->fresh = true;
    p->header_bytes = (p->header_bytes * 15 + header_bytes) / 16;
    return LEAT_OK;
}

static void client_send(leat_broker *b)
{
    (void)b; /* the next poll sees to it; with linger.ms above 0 the user wants it to wait */
}

/* Less than a batch waits for more in some partition. A flush can miss it, or find another request
 * of the partition on its way. */
static bool corked(leat_kafka_client_port *p)
{
    if (p->small == 0 || p->conf.kafka->client[LEAT_KAFKA_PRODUCER].linger_ms > 0) return false;
    int64_t now = leat_mono_us();
    if (!p->fresh && now - p->flushed_us < FLUSH_AGAIN_US) return false;
    p->fresh = false;
    p->flushed_us = now;
    return true;
}

/* The report of a refused record comes a moment behind the fatal error that it is: without it
 * nobody knows which record to blame, and the next life would send the same again. */
static void await_culprit(leat_kafka_client_port *p)
{
    int64_t until = leat_mono_us() + CULPRIT_US;
    if (p->fatal || !rd_kafka_fatal_error(p->rk, NULL, 0)) return;
    while (p->reports == 0 && p->nqueued > 0 && leat_mono_us() < until)
        rd_kafka_poll(p->rk, FLUSH_MS);
}

static unsigned client_poll(leat_broker *b, int wait_ms)
{
    leat_kafka_client_port *p = port(b);
    if (corked(p))
        rd_kafka_flush(p->rk, wait_ms > FLUSH_MS ? wait_ms : FLUSH_MS);
    else
        rd_kafka_poll(p->rk, wait_ms);
    await_culprit(p);
    leat_kafka_client_look(p);
    unsigned n = p->reports;
    p->reports = 0;
    return n;
}

static bool client_down(const leat_broker *b, leat_err *why)
{
    const leat_kafka_client_port *p = port(b);
    if (p->down && why) *why = p->down_why;
    return p->down;
}

static bool client_fatal(const leat_broker *b, leat_err *why)
{
    const leat_kafka_client_port *p = port(b);
    if (p->fatal && why) *why = p->fatal_why;
    return p->fatal;
}

/* After brokers were away: librdkafka may go on for minutes without asking them who they are. */
static void ask_again(leat_kafka_client_port *p)
{
    const struct rd_kafka_metadata *found = NULL;
    int64_t now = leat_mono_us();
    if (p->down || now < p->ask_us) return;
    p->ask_us = now + ASK_EVERY_US;
    if (rd_kafka_metadata(p->rk, 0, NULL, &found, ASK_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
    rd_kafka_metadata_destroy(found);
    if (p->cluster) rd_kafka_mem_free(p->rk, p->cluster);
    p->cluster = NULL;
    p->unsure = false;
}

static leat_rc client_cluster(leat_broker *b, const char **id)
{
    leat_kafka_client_port *p = port(b);
    if (p->unsure) ask_again(p);
    if (p->unsure) return LEAT_AGAIN;
    if (p->cluster == NULL) p->cluster = rd_kafka_clusterid(p->rk, 0);
    *id = p->cluster;
    return p->cluster != NULL || p->up_times >= NO_ID_TIMES ? LEAT_OK : LEAT_AGAIN;
}

const leat_broker_ops leat_kafka_client_ops = {
    .name = "librdkafka",
    .topic = topic_number,
    .produce = produce,
    .send = client_send,
    .poll = client_poll,
    .queued = client_queued,
    .down = client_down,
    .cluster = client_cluster,
    .fatal = client_fatal,
    .reset = reset,
    .close = client_close,
    .tx_init = leat_kafka_tx_init,
    .tx_offsets = leat_kafka_tx_offsets,
    .tx_begin = leat_kafka_tx_begin,
    .tx_offset = leat_kafka_tx_offset,
    .tx_commit = leat_kafka_tx_commit,
    .tx_abort = leat_kafka_tx_abort,
};

const char *leat_kafka_version(void)
{
    return rd_kafka_version_str();
}
