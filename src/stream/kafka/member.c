/* A member of a consumer group (stream/kafka/member.h), by librdkafka's consumer.
 *
 * Where a partition begins is always said to librdkafka as an offset, so that one which the topic
 * does not hold is an error and nothing is passed over. Partitions are given and taken inside of
 * poll, all at once (the assignor range, as sinks of Kafka Connect have it). What was done is
 * committed in the background, and waited for before partitions are given back. */
#include "stream/kafka/member.h"

#include <stdio.h>

#include "base/log.h"
#include "stream/kafka/conf.h"
#include "stream/kafka/flow.h"

enum {
    ASK_MS = 10000,
    LOOK_MS = 5000, /* topics that are not there yet, or fit a pattern, are looked for so often */
};

struct leat_kafka_member {
    rd_kafka_t *rk;
    const leat_kafka_member_events *events;
    void *arg;
    int64_t reset;                         /* leat_kafka_reset */
    rd_kafka_topic_partition_list_t *mine; /* partitions that were given, where each began */
    rd_kafka_topic_partition_list_t *done; /* of these: to be committed */
    rd_kafka_message_t *message;           /* the last one returned */
    leat_kafka_flow flow;
    leat_arena arena; /* of its headers */
    bool settled;
    bool closing;
    leat_rc rc; /* of a callback that failed inside of librdkafka, and why */
    leat_err err;
    rd_kafka_resp_err_t told; /* of topics that are not there */
    char trouble[256];
};

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    leat_kafka_member *m = opaque;
    bool news = !*m->trouble;
    (void)rk;
    /* That all are away says less than why one is. */
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !news) return;
    snprintf(m->trouble, sizeof m->trouble, "%s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)err),
             reason);
    leat_str_mend(m->trouble);
    if (news) leat_log(LEAT_WARN, "kafka.down", "it is waited for: %s", m->trouble);
}

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                      rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    leat_err e;
    (void)rk;
    (void)opaque;
    const char *topic = offsets && offsets->cnt > 0 ? offsets->elems[0].topic : "kafka";
    if (!err && offsets && offsets->cnt > 0) err = offsets->elems[0].err;
    if (!err || err == RD_KAFKA_RESP_ERR__NO_OFFSET) return;
    leat_kafka_fail(&e, err, topic, "commit to the group how far the sink is", NULL);
    leat_log_err(LEAT_WARN, &e);
}

/* ---- partitions ---- */

static void forget_done(leat_kafka_member *m)
{
    rd_kafka_topic_partition_list_destroy(m->done);
    m->done = rd_kafka_topic_partition_list_new(8);
}

static void commit(leat_kafka_member *m, bool wait)
{
    if (m->done->cnt == 0) return;
    rd_kafka_resp_err_t err = rd_kafka_commit(m->rk, m->done, !wait);
    if (err) on_commit(m->rk, err, m->done, m);
    forget_done(m);
}

static int64_t offset_of(const leat_kafka_member *m, int64_t from)
{
    if (from >= 0) return from;
    if (from == LEAT_KAFKA_AT_FIRST) return RD_KAFKA_OFFSET_BEGINNING;
    if (from == LEAT_KAFKA_AT_NEXT) return RD_KAFKA_OFFSET_END;
    return m->reset == LEAT_KAFKA_RESET_LATEST ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
}

static leat_rc begin(leat_kafka_member *m, rd_kafka_topic_partition_list_t *list, leat_err *e)
{
    rd_kafka_topic_partition_list_t *stored = rd_kafka_topic_partition_list_copy(list);
    rd_kafka_resp_err_t err =
        list->cnt > 0 ? rd_kafka_committed(m->rk, stored, ASK_MS) : RD_KAFKA_RESP_ERR_NO_ERROR;
    leat_rc rc = LEAT_OK;
    if (err) rc = leat_kafka_fail(e, err, "kafka", "ask where the group stands", NULL);
    for (int i = 0; i < list->cnt && rc == LEAT_OK; i++) {
        rd_kafka_topic_partition_t *p = &list->elems[i];
        const rd_kafka_topic_partition_t *s =
            rd_kafka_topic_partition_list_find(stored, p->topic, p->partition);
        int64_t from = s && s->offset >= 0 ? s->offset : LEAT_KAFKA_AT_RESET;
        rc = m->events->given(m->arg, p->topic, p->partition, &from, e);
        p->offset = offset_of(m, from);
    }
    rd_kafka_topic_partition_list_destroy(stored);
    return rc;
}

static void give(leat_kafka_member *m, rd_kafka_topic_partition_list_t *list)
{
    m->rc = begin(m, list, &m->err);
    m->settled = m->rc == LEAT_OK;
    rd_kafka_topic_partition_list_destroy(m->mine);
    m->mine = rd_kafka_topic_partition_list_copy(list);
    rd_kafka_assign(m->rk, m->rc == LEAT_OK ? list : NULL);
}

/* lost: the partitions are others' already, and how far these are is theirs to say. */
static void take(leat_kafka_member *m, bool lost)
{
    m->settled = false;
    for (int i = 0; i < m->mine->cnt; i++)
        m->events->taken(m->arg, m->mine->elems[i].topic, m->mine->elems[i].partition);
    if (lost) forget_done(m);
    commit(m, *m->trouble == '\0');
    rd_kafka_topic_partition_list_destroy(m->mine);
    m->mine = rd_kafka_topic_partition_list_new(8);
    rd_kafka_assign(m->rk, NULL);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    leat_kafka_member *m = opaque;
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && !m->closing) {
        give(m, list);
        return;
    }
    bool lost = rd_kafka_assignment_lost(rk);
    if (lost)
        leat_log(LEAT_WARN, "kafka.group_lost",
                 "the group has given the partitions to others: nothing was heard of this sink for "
                 "too long");
    take(m, lost);
}

/* ---- opening ---- */

static leat_rc set_reading(const leat_kafka_sink_conf *conf, rd_kafka_conf_t *rc, leat_err *e)
{
    static const char OPTION[] = "consumer.override";
    static const struct {
        const char *name, *value;
    } fixed[] = {
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},
        {"partition.assignment.strategy", "range"},
        {"allow.auto.create.topics", "false"},
        {"enable.partition.eof", "true"},
        {"check.crcs", "true"},
        {"fetch.wait.max.ms", "200"},
        {"fetch.error.backoff.ms", "100"},
    };
    int64_t look = conf->client.metadata_age_ms < LOOK_MS ? conf->client.metadata_age_ms : LOOK_MS;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        LEAT_TRY(leat_kafka_conf_set(rc, fixed[i].name, fixed[i].value, OPTION, e));
    LEAT_TRY(leat_kafka_conf_set(rc, "group.id", conf->group, "consumer.override.group.id", e));
    if (conf->instance)
        LEAT_TRY(leat_kafka_conf_set(rc, "group.instance.id", conf->instance,
                                     "consumer.override.group.instance.id", e));
    LEAT_TRY(leat_kafka_conf_set(rc, "isolation.level",
                                 conf->isolation ? "read_committed" : "read_uncommitted",
                                 "consumer.override.isolation.level", e));
    LEAT_TRY(leat_kafka_conf_i64(rc, "topic.metadata.refresh.interval.ms", look, OPTION, e));
    LEAT_TRY(leat_kafka_conf_i64(rc, "session.timeout.ms", conf->session_ms,
                                 "consumer.override.session.timeout.ms", e));
    LEAT_TRY(leat_kafka_conf_i64(rc, "heartbeat.interval.ms", conf->heartbeat_ms,
                                 "consumer.override.heartbeat.interval.ms", e));
    LEAT_TRY(leat_kafka_conf_i64(rc, "max.poll.interval.ms", conf->poll_ms,
                                 "consumer.override.max.poll.interval.ms", e));
    return leat_kafka_flow_set(rc, OPTION, e);
}

leat_rc leat_kafka_member_open(const leat_kafka_member_conf *conf, leat_kafka_member **out,
                               leat_err *e)
{
    rd_kafka_conf_t *rc = NULL;
    LEAT_TRY(leat_kafka_conf_make(&conf->kafka->client, LEAT_KAFKA_CONSUMER, conf->name, &rc, e));
    leat_rc set = set_reading(conf->kafka, rc, e);
    if (set != LEAT_OK) {
        rd_kafka_conf_destroy(rc);
        return set;
    }
    leat_kafka_member *m = leat_zalloc(1, sizeof *m);
    m->events = conf->events;
    m->arg = conf->arg;
    m->reset = conf->kafka->reset;
    rd_kafka_conf_set_error_cb(rc, on_error);
    rd_kafka_conf_set_rebalance_cb(rc, on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(rc, on_commit);
    rd_kafka_conf_set_opaque(rc, m);
    set = leat_kafka_conf_new(rc, LEAT_KAFKA_CONSUMER, &m->rk, e);
    if (set != LEAT_OK) {
        leat_free(m);
        return set;
    }
    m->mine = rd_kafka_topic_partition_list_new(8);
    m->done = rd_kafka_topic_partition_list_new(8);
    rd_kafka_poll_set_consumer(m->rk);
    *out = m;
    return LEAT_OK;
}

leat_rc leat_kafka_member_join(leat_kafka_member *m, const char *const *topics, leat_err *e)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (; *topics; topics++)
        rd_kafka_topic_partition_list_add(list, *topics, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(m->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    m->settled = false;
    return err ? leat_kafka_fail(e, err, "topics", "join the group", NULL) : LEAT_OK;
}

leat_rc leat_kafka_member_names(leat_kafka_member *m, leat_arena *a, const char ***out, size_t *n,
                                leat_err *e)
{
    static const char *const own[] = {"__consumer_offsets", "__transaction_state",
                                      "__share_group_state"};
    const rd_kafka_metadata_t *found = NULL;
    *n = 0;
    rd_kafka_resp_err_t err = rd_kafka_metadata(m->rk, 1, NULL, &found, ASK_MS);
    if (err) return leat_kafka_fail(e, err, "kafka", "ask for the list of topics", m->trouble);
    *out = LEAT_NEW(a, const char *, (size_t)found->topic_cnt + 1);
    for (int i = 0; i < found->topic_cnt; i++) {
        bool internal = false;
        for (size_t k = 0; k < sizeof own / sizeof *own; k++)
            if (strcmp(found->topics[i].topic, own[k]) == 0) internal = true;
        if (!internal) (*out)[(*n)++] = leat_arena_strdup(a, found->topics[i].topic);
    }
    rd_kafka_metadata_destroy(found);
    return LEAT_OK;
}

void leat_kafka_member_close(leat_kafka_member *m)
{
    if (!m) return;
    if (m->message) rd_kafka_message_destroy(m->message);
    m->closing = true;
    rd_kafka_consumer_close(m->rk);
    rd_kafka_topic_partition_list_destroy(m->mine);
    rd_kafka_topic_partition_list_destroy(m->done);
    rd_kafka_destroy(m->rk);
    leat_arena_free(&m->arena);
    leat_free(m);
}

/* ---- reading ---- */

static leat_str text_of(const void *p, size_t len)
{
    return p ? (leat_str){p, len} : (leat_str){0};
}

static void show(leat_kafka_member *m, leat_kafka_message *out)
{
    const rd_kafka_message_t *from = m->message;
    rd_kafka_timestamp_type_t type;
    rd_kafka_headers_t *headers = NULL;
    *out = (leat_kafka_message){
        .topic = rd_kafka_topic_name(from->rkt),
        .partition = from->partition,
        .offset = from->offset,
        .timestamp_ms = rd_kafka_message_timestamp(from, &type),
        .key = text_of(from->key, from->key_len),
        .value = text_of(from->payload, from->len),
    };
    if (rd_kafka_message_headers(from, &headers)) return;
    const void *value;
    size_t len, n = rd_kafka_header_cnt(headers);
    leat_arena_reset(&m->arena, 1 << 16);
    leat_kafka_header *list = LEAT_NEW(&m->arena, leat_kafka_header, n);
    while (out->nheaders < n && !rd_kafka_header_get_all(headers, out->nheaders,
                                                         &list[out->nheaders].name, &value, &len))
        list[out->nheaders++].value = text_of(value, len);
    out->headers = list;
}

/* All partitions are given to librdkafka anew, the others where they are. */
leat_rc leat_kafka_member_seek(leat_kafka_member *m, const char *topic, int32_t partition,
                               int64_t from, leat_err *e)
{
    rd_kafka_topic_partition_list_t *now = rd_kafka_topic_partition_list_copy(m->mine);
    rd_kafka_resp_err_t err = rd_kafka_position(m->rk, now);
    for (int i = 0; i < now->cnt; i++) {
        rd_kafka_topic_partition_t *mine = &m->mine->elems[i];
        if (now->elems[i].offset >= 0) mine->offset = now->elems[i].offset;
        if (mine->partition == partition && strcmp(mine->topic, topic) == 0)
            mine->offset = offset_of(m, from);
    }
    rd_kafka_topic_partition_list_destroy(now);
    if (!err) err = rd_kafka_assign(m->rk, m->mine);
    return err ? leat_kafka_fail(e, err, topic, "go to an offset of the topic", NULL) : LEAT_OK;
}

/* What is wanted of the partition next is not held. */
static leat_rc find_again(leat_kafka_member *m, leat_err *e)
{
    const char *topic = rd_kafka_topic_name(m->message->rkt);
    int32_t partition = m->message->partition;
    int64_t first = 0, next = 0, from = LEAT_KAFKA_AT_FIRST;
    rd_kafka_resp_err_t err =
        rd_kafka_query_watermark_offsets(m->rk, topic, partition, &first, &next, ASK_MS);
    if (err) return leat_kafka_fail(e, err, topic, "ask what the topic holds", m->trouble);
    LEAT_TRY(m->events->missing(m->arg, topic, partition, first, next, &from, e));
    return leat_kafka_member_seek(m, topic, partition, from, e);
}

static void tell_missing(leat_kafka_member *m, const char *topic)
{
    if (m->told == m->message->err) return;
    m->told = m->message->err;
    leat_log(LEAT_WARN, "sink.topic_missing", "topic=\"%s\" waiting for it: %s", topic,
             rd_kafka_err2str(m->message->err));
}

/* What came instead of a record. AGAIN: it is dealt with. */
static leat_rc take_error(leat_kafka_member *m, leat_err *e)
{
    const rd_kafka_message_t *what = m->message;
    const char *topic = what->rkt ? rd_kafka_topic_name(what->rkt) : "topics";
    switch (what->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        *m->trouble = '\0';
        m->events->ended(m->arg, topic, what->partition, what->offset);
        return LEAT_AGAIN;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE: LEAT_TRY(find_again(m, e)); return LEAT_AGAIN;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: tell_missing(m, topic); return LEAT_AGAIN;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__FATAL:
        return leat_kafka_fail(e, what->err, topic, "read as a member of the group",
                               rd_kafka_message_errstr(what));
    default:
        leat_log(LEAT_WARN, "kafka.error", "topic=\"%s\" %s", topic, rd_kafka_message_errstr(what));
        return LEAT_AGAIN;
    }
}

leat_rc leat_kafka_member_poll(leat_kafka_member *m, leat_kafka_message *out, int ms, leat_err *e)
{
    if (m->message) rd_kafka_message_destroy(m->message);
    m->message = rd_kafka_consumer_poll(m->rk, ms);
    leat_kafka_flow_took(&m->flow, m->rk, m->message);
    if (leat_rc_failed(m->rc)) {
        leat_rc rc = m->rc;
        if (e) *e = m->err;
        m->rc = LEAT_OK;
        return rc;
    }
    if (!m->message) return LEAT_AGAIN;
    if (m->message->err) return take_error(m, e);
    *m->trouble = '\0';
    m->told = RD_KAFKA_RESP_ERR_NO_ERROR;
    show(m, out);
    return LEAT_OK;
}

void *leat_kafka_member_keep(leat_kafka_member *m)
{
    void *kept = m->message;
    m->message = NULL;
    return kept;
}

void leat_kafka_member_let_go(void *kept)
{
    rd_kafka_message_destroy(kept);
}

bool leat_kafka_member_settled(const leat_kafka_member *m)
{
    return m->settled;
}

void leat_kafka_member_done(leat_kafka_member *m, const char *topic, int32_t partition,
                            int64_t next)
{
    rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_find(m->done, topic, partition);
    if (!p) p = rd_kafka_topic_partition_list_add(m->done, topic, partition);
    p->offset = next;
}

void leat_kafka_member_commit(leat_kafka_member *m)
{
    commit(m, false);
}
