/* See the header. Where the group has no place yet, or its place was removed from the topic, it
 * begins where auto.offset.reset says. librdkafka tries all by itself again; what it says is told
 * once each. */
#include "stream/kafka/signals.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "stream/kafka/conf.h"

enum { CLOSE_US = 1000000, ASK_MS = 1000, BUFFER_KIB = 1024, BATCH_BYTES = 1 << 20 };

struct leat_kafka_signals {
    rd_kafka_t *rk;
    const leat_kafka_signal_conf *conf;
    rd_kafka_message_t *message; /* the last one returned */
    rd_kafka_resp_err_t told;    /* of the errors */
    rd_kafka_resp_err_t trouble; /* what its connections complain of ... */
    char said[256];              /* ... in words; empty: of nothing */
    unsigned committing;         /* commits that nobody has answered */
    bool counted;                /* the partitions */
};

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    leat_kafka_signals *s = opaque;
    (void)rk;
    /* That all are away says less than why one is. */
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && *s->said) return;
    s->trouble = (rd_kafka_resp_err_t)err;
    snprintf(s->said, sizeof s->said, "%s", reason);
    leat_str_mend(s->said);
}

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                      rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    leat_kafka_signals *s = opaque;
    leat_err e;
    (void)rk;
    if (s->committing > 0) s->committing--;
    if (!err && offsets && offsets->cnt > 0) err = offsets->elems[0].err;
    if (!err || err == RD_KAFKA_RESP_ERR__NO_OFFSET) return;
    leat_kafka_fail(&e, err, s->conf->topic, "commit how far signals are done", NULL);
    leat_log_err(LEAT_WARN, &e);
}

static leat_rc set_reading(const leat_kafka_signal_conf *conf, rd_kafka_conf_t *rc, leat_err *e)
{
    static const char OPTION[] = "signal.consumer";
    const char *reset = conf->reset == LEAT_KAFKA_RESET_LATEST ? "latest" : "earliest";
    LEAT_TRY(leat_kafka_conf_set(rc, "group.id", conf->group, "signal.kafka.groupId", e));
    LEAT_TRY(leat_kafka_conf_set(rc, "enable.auto.commit", "false", OPTION, e));
    LEAT_TRY(leat_kafka_conf_set(rc, "enable.auto.offset.store", "false", OPTION, e));
    LEAT_TRY(leat_kafka_conf_set(rc, "auto.offset.reset", reset, OPTION, e));
    LEAT_TRY(leat_kafka_conf_set(rc, "allow.auto.create.topics", "false", OPTION, e));
    LEAT_TRY(leat_kafka_conf_set(rc, "isolation.level", "read_committed", OPTION, e));
    LEAT_TRY(leat_kafka_conf_i64(rc, "fetch.message.max.bytes", BATCH_BYTES, OPTION, e));
    return leat_kafka_conf_i64(rc, "queued.max.messages.kbytes", BUFFER_KIB, OPTION, e);
}

static leat_rc assign(leat_kafka_signals *s, leat_err *e)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, s->conf->topic, 0)->offset = RD_KAFKA_OFFSET_STORED;
    rd_kafka_resp_err_t err = rd_kafka_assign(s->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (!err) return LEAT_OK;
    return leat_kafka_fail(e, err, s->conf->topic, "read the topic of signals", NULL);
}

/* A client that reads nothing yet. */
static leat_rc make(const leat_kafka_signal_conf *conf, const char *name, leat_kafka_signals **out,
                    leat_err *e)
{
    rd_kafka_conf_t *rc = NULL;
    LEAT_TRY(leat_kafka_conf_make(&conf->client, LEAT_KAFKA_CONSUMER, name, &rc, e));
    leat_rc set = set_reading(conf, rc, e);
    if (set != LEAT_OK) {
        rd_kafka_conf_destroy(rc);
        return set;
    }
    leat_kafka_signals *s = leat_zalloc(1, sizeof *s);
    s->conf = conf;
    rd_kafka_conf_set_error_cb(rc, on_error);
    rd_kafka_conf_set_offset_commit_cb(rc, on_commit);
    rd_kafka_conf_set_opaque(rc, s);
    set = leat_kafka_conf_new(rc, LEAT_KAFKA_CONSUMER, &s->rk, e);
    if (set == LEAT_OK) rd_kafka_poll_set_consumer(s->rk);
    *out = set == LEAT_OK ? s : NULL;
    if (set != LEAT_OK) leat_free(s);
    return set;
}

leat_rc leat_kafka_signals_open(const leat_kafka_signal_conf *conf, const char *name,
                                leat_kafka_signals **out, leat_err *e)
{
    LEAT_TRY(make(conf, name, out, e));
    leat_rc rc = assign(*out, e);
    if (rc == LEAT_OK) return LEAT_OK;
    leat_kafka_signals_close(*out);
    *out = NULL;
    return rc;
}

/* How many partitions the topic has; 0: there is none. */
static rd_kafka_resp_err_t count_partitions(leat_kafka_signals *s, int ms, int *n)
{
    const rd_kafka_metadata_t *found = NULL;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(s->rk, s->conf->topic, NULL);
    if (!rkt) return rd_kafka_last_error();
    rd_kafka_resp_err_t err = rd_kafka_metadata(s->rk, 0, rkt, &found, ms);
    if (!err) {
        if (found->topic_cnt > 0) *n = found->topics[0].partition_cnt;
        if (found->topic_cnt > 0) err = found->topics[0].err;
        rd_kafka_metadata_destroy(found);
    }
    if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) err = RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_destroy(rkt);
    return err;
}

/* What is in the others would never be read. */
static void tell_partitions(leat_kafka_signals *s)
{
    int n = 0;
    if (s->counted) return;
    s->counted = count_partitions(s, ASK_MS, &n) == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (n > 1)
        leat_log(LEAT_WARN, "signal.partitions",
                 "topic=\"%s\" has %d partitions, of which only the first one is read: a signal in "
                 "another one is never seen; give the topic of signals one partition",
                 s->conf->topic, n);
}

static leat_rc failed(leat_kafka_signals *s, rd_kafka_resp_err_t err, leat_err *e)
{
    if (err == s->told) return LEAT_AGAIN;
    s->told = err;
    if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
        err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
        return leat_fail(e, LEAT_RETRY, "signal.topic_missing", s->conf->topic,
                         "the topic of signals is not there (yet): it is waited for; make it with "
                         "one partition, or name another one in signal.kafka.topic");
    return leat_kafka_fail(e, err, s->conf->topic, "read the topic of signals", s->said);
}

leat_rc leat_kafka_signals_next(leat_kafka_signals *s, leat_kafka_message *out, leat_err *e)
{
    if (s->message) rd_kafka_message_destroy(s->message);
    s->message = rd_kafka_consumer_poll(s->rk, 0);
    if (!s->message && *s->said && !s->told) return failed(s, s->trouble, e);
    if (!s->message) return LEAT_AGAIN;
    if (s->message->err) return failed(s, s->message->err, e);
    tell_partitions(s);
    s->told = RD_KAFKA_RESP_ERR_NO_ERROR;
    *s->said = '\0';
    *out = (leat_kafka_message){.topic = s->conf->topic,
                                .partition = s->message->partition,
                                .offset = s->message->offset,
                                .timestamp_ms = -1};
    if (s->message->key) out->key = (leat_str){s->message->key, s->message->key_len};
    if (s->message->payload) out->value = (leat_str){s->message->payload, s->message->len};
    return LEAT_OK;
}

void leat_kafka_signals_done(leat_kafka_signals *s, int64_t offset)
{
    leat_err e;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, s->conf->topic, 0)->offset = offset + 1;
    rd_kafka_resp_err_t err = rd_kafka_commit(s->rk, list, true);
    rd_kafka_topic_partition_list_destroy(list);
    if (!err) {
        s->committing++;
        return;
    }
    leat_kafka_fail(&e, err, s->conf->topic, "commit how far signals are done", NULL);
    leat_log_err(LEAT_WARN, &e);
}

void leat_kafka_signals_close(leat_kafka_signals *s)
{
    if (!s) return;
    if (s->message) rd_kafka_message_destroy(s->message);
    int64_t until = leat_mono_us() + CLOSE_US;
    while (s->committing > 0 && leat_mono_us() < until) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(s->rk, 50);
        if (m) rd_kafka_message_destroy(m);
    }
    rd_kafka_destroy(s->rk);
    leat_free(s);
}

static rd_kafka_resp_err_t find_place(leat_kafka_signals *s, int ms, int64_t *place)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, s->conf->topic, 0);
    rd_kafka_resp_err_t err = rd_kafka_committed(s->rk, list, ms);
    if (!err) err = list->elems[0].err;
    *place = list->elems[0].offset >= 0 ? list->elems[0].offset : -1;
    rd_kafka_topic_partition_list_destroy(list);
    return err;
}

leat_rc leat_kafka_signals_look(const leat_kafka_signal_conf *conf, const char *name, int ms,
                                leat_kafka_signals_found *out, leat_err *e)
{
    leat_kafka_signals *s;
    *out = (leat_kafka_signals_found){.place = -1};
    LEAT_TRY(make(conf, name, &s, e));
    const char *doing = "ask for the topic of signals";
    rd_kafka_resp_err_t err = count_partitions(s, ms, &out->partitions);
    if (!err && out->partitions > 0)
        err = rd_kafka_query_watermark_offsets(s->rk, conf->topic, 0, &out->first, &out->next, ms);
    if (!err && out->partitions > 0) {
        err = find_place(s, ms, &out->place);
        doing = "ask for the group's place in the topic of signals";
    }
    leat_rc rc = err ? leat_kafka_fail(e, err, conf->topic, doing, s->said) : LEAT_OK;
    leat_kafka_signals_close(s);
    return rc;
}
