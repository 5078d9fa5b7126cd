/* Reading topics of Kafka (stream/kafka/fetch.h), by librdkafka's consumer without a group: each
 * partition is begun where it is wanted, all of them fill one queue.
 *
 * A partition has ended when the offset before its noted end was returned, or when librdkafka says
 * that it has no more: the last offsets may be those of transaction markers or were compacted away,
 * and are never returned. */
#include "stream/kafka/fetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "stream/kafka/conf.h"
#include "stream/kafka/flow.h"

enum {
    HEADERS_MAX = 64,
    NAME_MAX_BYTES = 249,
    WAIT_MS = 200, /* a broker waits for records at the end of a partition */
    BRIEF_MS = 2,
};

typedef struct part {
    int32_t number;
    int64_t end; /* noted when it was begun */
    bool ended;
} part;

typedef struct topic {
    rd_kafka_topic_t *rkt;
    char *name;
    part *parts;
    size_t n;
} topic;

struct leat_kafka_fetch {
    rd_kafka_t *rk;
    rd_kafka_t *ends; /* asks where topics end, open transactions included; NULL: rk does */
    rd_kafka_queue_t *queue;
    topic *topics;
    size_t n;
    rd_kafka_message_t *message; /* the last one returned */
    leat_kafka_flow flow;
    leat_kafka_header headers[HEADERS_MAX];
    char trouble[256];
};

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    leat_kafka_fetch *f = opaque;
    (void)rk;
    snprintf(f->trouble, sizeof f->trouble, "%s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)err),
             reason);
    leat_str_mend(f->trouble);
}

static leat_rc set_reading(const leat_kafka_fetch_conf *conf, rd_kafka_conf_t *rc, leat_err *e)
{
    const char *isolation = conf->uncommitted ? "read_uncommitted" : "read_committed";
    static const char OPTION[] = "consumer";
    LEAT_TRY(leat_kafka_conf_set(rc, "isolation.level", isolation, OPTION, e));
    LEAT_TRY(leat_kafka_conf_set(rc, "enable.partition.eof", "true", OPTION, e));
    LEAT_TRY(leat_kafka_conf_set(rc, "allow.auto.create.topics", "false", OPTION, e));
    LEAT_TRY(leat_kafka_conf_set(rc, "auto.offset.reset", "error", OPTION, e));
    LEAT_TRY(leat_kafka_conf_set(rc, "check.crcs", "true", OPTION, e));
    LEAT_TRY(
        leat_kafka_conf_i64(rc, "fetch.wait.max.ms", conf->brief ? BRIEF_MS : WAIT_MS, OPTION, e));
    LEAT_TRY(leat_kafka_conf_set(rc, "fetch.error.backoff.ms", "100", OPTION, e));
    return leat_kafka_flow_set(rc, OPTION, e);
}

static leat_rc open_one(leat_kafka_fetch *f, const leat_kafka_fetch_conf *conf, rd_kafka_t **out,
                        leat_err *e)
{
    rd_kafka_conf_t *rc = NULL;
    const leat_kafka_client *client = &conf->kafka->client[LEAT_KAFKA_CONSUMER];
    LEAT_TRY(leat_kafka_conf_make(client, LEAT_KAFKA_CONSUMER, conf->name, &rc, e));
    leat_rc set = set_reading(conf, rc, e);
    if (set != LEAT_OK) {
        rd_kafka_conf_destroy(rc);
        return set;
    }
    rd_kafka_conf_set_error_cb(rc, on_error);
    rd_kafka_conf_set_opaque(rc, f);
    return leat_kafka_conf_new(rc, LEAT_KAFKA_CONSUMER, out, e);
}

leat_rc leat_kafka_fetch_open(const leat_kafka_fetch_conf *conf, leat_kafka_fetch **out,
                              leat_err *e)
{
    leat_kafka_fetch *f = leat_zalloc(1, sizeof *f);
    leat_kafka_fetch_conf all = *conf;
    all.uncommitted = true;
    leat_rc rc = open_one(f, conf, &f->rk, e);
    if (rc == LEAT_OK && conf->whole && !conf->uncommitted) rc = open_one(f, &all, &f->ends, e);
    if (rc != LEAT_OK) {
        if (f->rk) rd_kafka_destroy(f->rk);
        leat_free(f);
        return rc;
    }
    f->queue = rd_kafka_queue_new(f->rk);
    *out = f;
    return LEAT_OK;
}

static void forget_message(leat_kafka_fetch *f)
{
    if (f->message) rd_kafka_message_destroy(f->message);
    f->message = NULL;
}

static void leave(const topic *t)
{
    for (size_t k = 0; k < t->n; k++) rd_kafka_consume_stop(t->rkt, t->parts[k].number);
    rd_kafka_topic_destroy(t->rkt);
    leat_free(t->name);
    leat_free(t->parts);
}

void leat_kafka_fetch_leave(leat_kafka_fetch *f)
{
    forget_message(f);
    for (size_t i = 0; i < f->n; i++) leave(&f->topics[i]);
    leat_free(f->topics);
    f->topics = NULL;
    f->n = 0;
}

void leat_kafka_fetch_close(leat_kafka_fetch *f)
{
    if (!f) return;
    leat_kafka_fetch_leave(f);
    rd_kafka_queue_destroy(f->queue);
    rd_kafka_destroy(f->rk);
    if (f->ends) rd_kafka_destroy(f->ends);
    leat_free(f);
}

/* Errors, which librdkafka keeps for the next poll, are looked at. */
static void serve(leat_kafka_fetch *f)
{
    while (rd_kafka_poll(f->rk, 0) > 0) continue;
    while (f->ends && rd_kafka_poll(f->ends, 0) > 0) continue;
}

const char *leat_kafka_fetch_trouble(const leat_kafka_fetch *f)
{
    return *f->trouble ? f->trouble : NULL;
}

/* A request that failed; while no broker answers, what the connections say is the reason. */
static leat_rc failed(leat_kafka_fetch *f, rd_kafka_resp_err_t err, const char *where,
                      const char *doing, leat_err *e)
{
    serve(f);
    bool unreachable = err == RD_KAFKA_RESP_ERR__TIMED_OUT || err == RD_KAFKA_RESP_ERR__TRANSPORT;
    if (unreachable && strstr(f->trouble, "_AUTHENTICATION"))
        err = RD_KAFKA_RESP_ERR__AUTHENTICATION;
    else if (unreachable && strstr(f->trouble, "_SSL"))
        err = RD_KAFKA_RESP_ERR__SSL;
    return leat_kafka_fail(e, err, where, doing, unreachable ? f->trouble : NULL);
}

/* ---- beginning ---- */

static leat_rc check_topic(const rd_kafka_metadata_topic_t *t, const char *name, leat_err *e)
{
    if (t->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return leat_fail(e, LEAT_CONF, "topic.unknown", name,
                         "there is no such topic in the cluster; 'leat topics --kafka ...' lists "
                         "them");
    if (t->err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) return LEAT_AGAIN;
    if (t->err) return leat_kafka_fail(e, t->err, name, "read the topic", NULL);
    return LEAT_OK;
}

/* The topic's partitions; waits while it is being made. */
static leat_rc look_up(leat_kafka_fetch *f, topic *t, int ms, leat_err *e)
{
    int64_t until = leat_mono_us() + (int64_t)ms * 1000;
    for (;;) {
        const rd_kafka_metadata_t *found = NULL;
        int left = (int)((until - leat_mono_us()) / 1000);
        rd_kafka_resp_err_t err = rd_kafka_metadata(f->rk, 0, t->rkt, &found, left > 0 ? left : 0);
        if (err) return failed(f, err, t->name, "ask for the topic's partitions", e);
        leat_rc rc = found->topic_cnt ? check_topic(&found->topics[0], t->name, e) : LEAT_AGAIN;
        if (rc == LEAT_OK) {
            t->n = (size_t)found->topics[0].partition_cnt;
            t->parts = leat_zalloc(t->n + 1, sizeof *t->parts);
            for (size_t i = 0; i < t->n; i++)
                t->parts[i].number = found->topics[0].partitions[i].id;
        }
        rd_kafka_metadata_destroy(found);
        if (rc != LEAT_AGAIN) return rc;
        if (leat_mono_us() >= until)
            return leat_kafka_fail(e, RD_KAFKA_RESP_ERR__TIMED_OUT, t->name, "read the topic",
                                   "it has no leader yet");
        leat_sleep_us(50000);
    }
}

static leat_rc only(topic *t, int32_t partition, leat_err *e)
{
    if (partition < 0) return LEAT_OK;
    for (size_t i = 0; i < t->n; i++) {
        if (t->parts[i].number != partition) continue;
        t->parts[0] = t->parts[i];
        t->n = 1;
        return LEAT_OK;
    }
    return leat_fail(e, LEAT_CONF, "kafka.partition", t->name,
                     "there is no partition %" PRId32 "; the topic has %zu, counted from 0",
                     partition, t->n);
}

/* Where each partition begins: offsets[i] of parts[i]. Where nothing is as late, at the end that it
 * had before it was asked: what comes meanwhile is later. */
static leat_rc find_time(leat_kafka_fetch *f, const topic *t, int64_t time_us, int64_t *offsets,
                         int ms, leat_err *e)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)t->n);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (size_t i = 0; i < t->n && !err; i++) {
        int64_t low;
        int32_t number = t->parts[i].number;
        rd_kafka_topic_partition_list_add(list, t->name, number)->offset = (time_us + 999) / 1000;
        err = rd_kafka_query_watermark_offsets(f->rk, t->name, number, &low, &offsets[i], ms);
    }
    if (!err) err = rd_kafka_offsets_for_times(f->rk, list, ms);
    for (size_t i = 0; i < t->n && !err; i++) {
        const rd_kafka_topic_partition_t *found =
            rd_kafka_topic_partition_list_find(list, t->name, t->parts[i].number);
        err = found->err;
        if (found->offset >= 0) offsets[i] = found->offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return err ? failed(f, err, t->name, "find the offsets of a time", e) : LEAT_OK;
}

static leat_rc begin(leat_kafka_fetch *f, topic *t, leat_kafka_from from, int64_t at, int ms,
                     leat_err *e)
{
    int64_t *offsets = leat_zalloc(t->n + 1, sizeof *offsets);
    leat_rc rc = LEAT_OK;
    for (size_t i = 0; i < t->n; i++)
        offsets[i] =
            from == LEAT_KAFKA_OFFSET || from == LEAT_KAFKA_HELD ? at : RD_KAFKA_OFFSET_BEGINNING;
    if (from == LEAT_KAFKA_TIME) rc = find_time(f, t, at, offsets, ms, e);
    for (size_t i = 0; i < t->n && rc == LEAT_OK; i++) {
        int64_t low = 0, high = 0;
        int32_t number = t->parts[i].number;
        rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(
            f->ends ? f->ends : f->rk, t->name, number, &low, &high, ms);
        if (err) rc = failed(f, err, t->name, "ask for the topic's end", e);
        if (from == LEAT_KAFKA_END) offsets[i] = high;
        if (from == LEAT_KAFKA_HELD && offsets[i] > high) offsets[i] = high;
        if (from == LEAT_KAFKA_HELD && offsets[i] < low) offsets[i] = RD_KAFKA_OFFSET_BEGINNING;
        t->parts[i].end = high;
        t->parts[i].ended = low >= high || offsets[i] >= high;
        /* The topic may have been cut meanwhile; then it is read from what is there. */
        if (rc == LEAT_OK && rd_kafka_consume_start_queue(t->rkt, number, offsets[i], f->queue))
            rc = leat_kafka_fail(e, rd_kafka_last_error(), t->name, "read the topic", NULL);
    }
    leat_free(offsets);
    return rc;
}

leat_rc leat_kafka_fetch_topic(leat_kafka_fetch *f, const char *name, int32_t partition,
                               leat_kafka_from from, int64_t at, int ms, leat_err *e)
{
    if (strlen(name) > NAME_MAX_BYTES)
        return leat_fail(e, LEAT_CONF, "topic.unknown", name,
                         "no topic has so long a name (249 bytes at most)");
    topic t = {.rkt = rd_kafka_topic_new(f->rk, name, NULL), .name = leat_strdup(name)};
    if (!t.rkt) {
        leat_free(t.name);
        return leat_kafka_fail(e, rd_kafka_last_error(), name, "read the topic", NULL);
    }
    leat_rc rc = look_up(f, &t, ms, e);
    if (rc == LEAT_OK) rc = only(&t, partition, e);
    if (rc == LEAT_OK) rc = begin(f, &t, from, at, ms, e);
    if (rc != LEAT_OK) {
        leave(&t);
        return rc;
    }
    f->topics = leat_realloc(f->topics, (f->n + 1) * sizeof *f->topics);
    f->topics[f->n++] = t;
    return LEAT_OK;
}

/* ---- reading ---- */

static part *part_of(leat_kafka_fetch *f, const rd_kafka_message_t *m)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->topics[i].rkt != m->rkt &&
            strcmp(f->topics[i].name, rd_kafka_topic_name(m->rkt)) != 0)
            continue;
        for (size_t k = 0; k < f->topics[i].n; k++)
            if (f->topics[i].parts[k].number == m->partition) return &f->topics[i].parts[k];
    }
    return NULL;
}

static leat_str text_of(const void *p, size_t len)
{
    return p ? (leat_str){p, len} : (leat_str){0};
}

static void show(leat_kafka_fetch *f, const rd_kafka_message_t *m, leat_kafka_message *out)
{
    rd_kafka_timestamp_type_t type;
    rd_kafka_headers_t *headers = NULL;
    *out = (leat_kafka_message){
        .topic = rd_kafka_topic_name(m->rkt),
        .partition = m->partition,
        .offset = m->offset,
        .timestamp_ms = rd_kafka_message_timestamp(m, &type),
        .key = text_of(m->key, m->key_len),
        .value = text_of(m->payload, m->len),
        .headers = f->headers,
    };
    if (rd_kafka_message_headers(m, &headers)) return;
    const void *value;
    size_t len;
    while (out->nheaders < HEADERS_MAX &&
           !rd_kafka_header_get_all(headers, out->nheaders, &f->headers[out->nheaders].name, &value,
                                    &len))
        f->headers[out->nheaders++].value = text_of(value, len);
}

/* What came instead of a record. AGAIN: it is of no interest. */
static leat_rc take_error(leat_kafka_fetch *f, const rd_kafka_message_t *m, leat_err *e)
{
    part *p = m->rkt ? part_of(f, m) : NULL;
    const char *name = m->rkt ? rd_kafka_topic_name(m->rkt) : "kafka";
    switch (m->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        if (p && m->offset >= p->end) p->ended = true;
        return LEAT_AGAIN;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return leat_fail(e, LEAT_CONF, "stream.gap", name,
                         "partition %" PRId32 " does not hold the offset that is asked for (any "
                         "more): %s; read --from beginning",
                         m->partition, rd_kafka_message_errstr(m));
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return leat_kafka_fail(e, m->err, name, "read the topic", NULL);
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return leat_fail(e, LEAT_CONF, "topic.unknown", name, "the topic was deleted meanwhile");
    default:
        snprintf(f->trouble, sizeof f->trouble, "%s", rd_kafka_message_errstr(m));
        leat_str_mend(f->trouble);
        return LEAT_AGAIN;
    }
}

leat_rc leat_kafka_fetch_next(leat_kafka_fetch *f, leat_kafka_message *out, int ms, leat_err *e)
{
    forget_message(f);
    serve(f);
    f->message = rd_kafka_consume_queue(f->queue, ms);
    leat_kafka_flow_took(&f->flow, f->rk, f->message);
    if (!f->message) return LEAT_AGAIN;
    if (f->message->err) return take_error(f, f->message, e);
    part *p = part_of(f, f->message);
    if (p && f->message->offset + 1 >= p->end) p->ended = true;
    *f->trouble = '\0';
    show(f, f->message, out);
    return LEAT_OK;
}

void leat_kafka_fetch_skip(leat_kafka_fetch *f)
{
    part *p = f->message ? part_of(f, f->message) : NULL;
    if (!p) return;
    p->ended = true;
    rd_kafka_consume_stop(f->message->rkt, p->number);
}

int64_t *leat_kafka_fetch_ends(const leat_kafka_fetch *f, leat_arena *a, size_t *n)
{
    const topic *t = &f->topics[0];
    *n = 0;
    for (size_t i = 0; i < t->n; i++)
        if ((size_t)t->parts[i].number >= *n) *n = (size_t)t->parts[i].number + 1;
    int64_t *ends = LEAT_NEW(a, int64_t, *n + 1);
    for (size_t i = 0; i < t->n; i++) ends[t->parts[i].number] = t->parts[i].end;
    return ends;
}

bool leat_kafka_fetch_at_end(const leat_kafka_fetch *f)
{
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = 0; k < f->topics[i].n; k++)
            if (!f->topics[i].parts[k].ended) return false;
    return true;
}

/* ---- the list ---- */

static int by_name(const void *x, const void *y)
{
    const rd_kafka_metadata_topic_t *a = x, *b = y;
    return strcmp(a->topic, b->topic);
}

leat_rc leat_kafka_fetch_topics(leat_kafka_fetch *f, leat_arena *a, leat_kafka_topic_info **out,
                                int ms, leat_err *e)
{
    const rd_kafka_metadata_t *found = NULL;
    *out = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(f->rk, 1, NULL, &found, ms);
    if (err) return failed(f, err, "kafka", "ask for the list of topics", e);
    qsort(found->topics, (size_t)found->topic_cnt, sizeof found->topics[0], by_name);
    leat_rc rc = LEAT_OK;
    for (int i = 0; i < found->topic_cnt && rc == LEAT_OK; i++) {
        const rd_kafka_metadata_topic_t *t = &found->topics[i];
        leat_kafka_topic_info *info = LEAT_NEW(a, leat_kafka_topic_info, 1);
        info->name = leat_arena_strdup(a, t->topic);
        info->partitions = t->partition_cnt;
        for (int k = 0; k < t->partition_cnt && rc == LEAT_OK; k++) {
            int64_t low = 0, high = 0;
            err = rd_kafka_query_watermark_offsets(f->rk, t->topic, t->partitions[k].id, &low,
                                                   &high, ms);
            if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) break; /* only its name */
            if (err) rc = failed(f, err, t->topic, "ask for the topic's offsets", e);
            info->first += low;
            info->next += high;
        }
        *out = info;
        out = &info->link;
    }
    rd_kafka_metadata_destroy(found);
    return rc;
}

leat_rc leat_kafka_fetch_names(leat_kafka_fetch *f, leat_arena *a, const char ***out, size_t *n,
                               int ms, leat_err *e)
{
    const rd_kafka_metadata_t *found = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(f->rk, 1, NULL, &found, ms);
    if (err) return failed(f, err, "kafka", "ask for the list of topics", e);
    *n = (size_t)found->topic_cnt;
    *out = LEAT_NEW(a, const char *, *n + 1);
    for (size_t i = 0; i < *n; i++) (*out)[i] = leat_arena_strdup(a, found->topics[i].topic);
    rd_kafka_metadata_destroy(found);
    return LEAT_OK;
}
