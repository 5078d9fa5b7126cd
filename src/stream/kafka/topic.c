/* Topics before their first record (stream/kafka/client_part.h).
 *
 * One that the configuration has options for is asked to be made, by a client of its own that lives
 * as long as something is being made; that it is there already is as good, and where the right to
 * make topics is missing it is assumed to be there, as Kafka Connect does. Then its partitions are
 * asked for, which lets brokers that make topics by themselves make it. Nothing waits longer than a
 * moment; who wants to produce comes again. */
#include "base/clock.h"
#include "base/log.h"
#include "stream/kafka/client_part.h"

enum {
    MAKE_MS = 15000,      /* for a request to make a topic */
    LOOK_LEAST_MS = 20,   /* waited for partitions, at first ... */
    LOOK_MOST_MS = 640,   /* ... and when the cluster is far away */
    PAUSE_US = 50000,     /* between two looks */
    REFUSED_US = 1000000, /* a refusal stands so long */
    STICKY_US = 10000,    /* records without a key go to one partition */
    APPEARS_US = 5000000  /* a topic that was made shows on every broker within */
};

static void enter(leat_kafka_topic *t, leat_kafka_topic_state state)
{
    t->state = state;
    t->since_us = leat_mono_us();
    t->again_us = 0;
    t->look_ms = LOOK_LEAST_MS;
}

void leat_kafka_topic_forget(leat_kafka_topic *t)
{
    enter(t, LEAT_KAFKA_TOPIC_NEW);
}

void leat_kafka_topics_end(leat_kafka_client_port *p)
{
    for (uint32_t i = 0; i < p->ntopics; i++) {
        if (p->topics[i].rkt) rd_kafka_topic_destroy(p->topics[i].rkt);
        leat_free(p->topics[i].parts);
        p->topics[i].rkt = NULL;
        p->topics[i].parts = NULL;
        p->topics[i].nparts = 0;
        leat_kafka_topic_forget(&p->topics[i]);
    }
    if (p->answers) rd_kafka_queue_destroy(p->answers);
    if (p->admin) rd_kafka_destroy(p->admin);
    p->answers = NULL;
    p->admin = NULL;
    p->making = 0;
}

static void refuse(leat_kafka_topic *t, const leat_err *why)
{
    enter(t, LEAT_KAFKA_TOPIC_REFUSED);
    t->again_us = t->since_us + REFUSED_US;
    t->why = *why;
}

/* ---- partitions ---- */

/* murmur2 as Kafka's Java clients have it. */
static uint32_t murmur2(leat_str key)
{
    const uint32_t m = 0x5bd1e995;
    const unsigned char *p = (const unsigned char *)key.s;
    size_t left = key.len;
    uint32_t h = 0x9747b28c ^ (uint32_t)key.len;
    for (; left >= 4; left -= 4, p += 4) {
        uint32_t k =
            (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        k *= m;
        k ^= k >> 24;
        k *= m;
        h = h * m ^ k;
    }
    if (left > 2) h ^= (uint32_t)p[2] << 16;
    if (left > 1) h ^= (uint32_t)p[1] << 8;
    if (left > 0) h = (h ^ p[0]) * m;
    h ^= h >> 13;
    h *= m;
    return h ^ h >> 15;
}

/* Without a key: any, but the same for a while, so that batches fill. */
static int32_t any_partition(leat_kafka_topic *t)
{
    int64_t now = leat_mono_us();
    if (now >= t->sticky_us) {
        t->sticky = (int32_t)(leat_str_hash((leat_str){(const char *)&now, sizeof now}) %
                              (uint64_t)t->nparts);
        t->sticky_us = now + STICKY_US;
    }
    return t->sticky;
}

leat_rc leat_kafka_topic_partition(leat_kafka_topic *t, const leat_broker_record *r, int32_t *out)
{
    int32_t to = r->partition;
    if (to < 0)
        to = r->key.s ? (int32_t)((murmur2(r->key) & INT32_MAX) % (uint32_t)t->nparts)
                      : any_partition(t);
    *out = to;
    return to < t->nparts && t->parts[to].met == LEAT_KAFKA_MEETING ? LEAT_AGAIN : LEAT_OK;
}

static bool is_small(const leat_kafka_client_port *p, size_t bytes)
{
    return bytes > 0 && bytes < (size_t)p->batch_bytes;
}

/* What of the partition is taken and not reported is so much now. */
static void hold(leat_kafka_client_port *p, leat_kafka_partition *part, size_t bytes)
{
    p->small += is_small(p, bytes);
    p->small -= is_small(p, part->bytes);
    part->bytes = bytes;
}

void leat_kafka_topic_sent(leat_kafka_client_port *p, leat_kafka_topic *t, int32_t partition,
                           size_t bytes)
{
    if (partition >= t->nparts) return;
    leat_kafka_partition *part = &t->parts[partition];
    if (part->met == LEAT_KAFKA_UNMET) part->met = LEAT_KAFKA_MEETING;
    hold(p, part, part->bytes + bytes);
}

static void count_partitions(leat_kafka_topic *t, int32_t n)
{
    if (n <= t->nparts) return;
    t->parts = leat_realloc(t->parts, (size_t)n * sizeof *t->parts);
    memset(t->parts + t->nparts, 0, (size_t)(n - t->nparts) * sizeof *t->parts);
    t->nparts = n;
}

/* librdkafka may have known of more partitions than we did when it chose one: then there was never
 * as much as is reported. */
void leat_kafka_topic_met(leat_kafka_client_port *p, leat_kafka_topic *t, int32_t partition,
                          size_t bytes, bool delivered)
{
    count_partitions(t, partition + 1); /* some may have been added since the topic was met */
    if (partition < 0) return;
    leat_kafka_partition *part = &t->parts[partition];
    part->met = delivered ? LEAT_KAFKA_MET : LEAT_KAFKA_UNMET;
    hold(p, part, part->bytes > bytes ? part->bytes - bytes : 0);
}

/* ---- making ---- */

static leat_rc open_admin(leat_kafka_client_port *p, leat_err *e)
{
    rd_kafka_conf_t *conf = NULL;
    if (p->admin) return LEAT_OK;
    const leat_kafka_client *c = &p->conf.kafka->client[LEAT_KAFKA_ADMIN];
    LEAT_TRY(leat_kafka_conf_make(c, LEAT_KAFKA_ADMIN, "leat-admin", &conf, e));
    LEAT_TRY(leat_kafka_conf_new(conf, LEAT_KAFKA_ADMIN, &p->admin, e));
    p->answers = rd_kafka_queue_new(p->admin);
    return LEAT_OK;
}

/* How the topic is to be made; false: not by us. */
static leat_rc recipe(leat_kafka_client_port *p, const leat_kafka_topic *t, leat_arena *a,
                      const leat_kafka_group **out, leat_err *e)
{
    const leat_kafka_offsets_conf *o = &p->conf.offsets;
    if (o->topic && strcmp(o->topic, t->name) == 0) {
        leat_kafka_group *g = LEAT_NEW(a, leat_kafka_group, 1);
        *g = (leat_kafka_group){
            .alias = "offsets", .replication = o->replication, .partitions = o->partitions};
        leat_props_init(&g->configs, NULL);
        leat_props_set(&g->configs, a, LEAT_STR("cleanup.policy"), LEAT_STR("compact"), 0);
        *out = g;
        return LEAT_OK;
    }
    *out = NULL;
    return p->conf.kafka->creation
               ? leat_kafka_group_of(p->conf.kafka, leat_str_of(t->name), out, e)
               : LEAT_OK;
}

static leat_rc ask(leat_kafka_client_port *p, leat_kafka_topic *t, const leat_kafka_group *g,
                   leat_err *e)
{
    char why[256] = "";
    LEAT_TRY(open_admin(p, e));
    rd_kafka_NewTopic_t *wanted =
        rd_kafka_NewTopic_new(t->name, (int)g->partitions, (int)g->replication, why, sizeof why);
    if (!wanted)
        return leat_fail(e, LEAT_CONF, "kafka.topic_refused", t->name,
                         "the topic cannot be made: %s", why);
    for (const leat_prop *c = g->configs.first; c; c = c->next)
        rd_kafka_NewTopic_set_config(wanted, c->name, c->value);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(p->admin, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, MAKE_MS, why, sizeof why);
    rd_kafka_AdminOptions_set_operation_timeout(options, MAKE_MS, why, sizeof why);
    rd_kafka_CreateTopics(p->admin, &wanted, 1, options, p->answers);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(wanted);
    enter(t, LEAT_KAFKA_TOPIC_MAKING);
    p->making++;
    return LEAT_OK;
}

static leat_kafka_topic *find(leat_kafka_client_port *p, const char *name)
{
    for (uint32_t i = 0; i < p->ntopics; i++)
        if (strcmp(p->topics[i].name, name) == 0) return &p->topics[i];
    return NULL;
}

/* What came of one topic. */
static void made(leat_kafka_client_port *p, leat_kafka_topic *t, rd_kafka_resp_err_t err,
                 const char *why)
{
    leat_err refused = {0};
    p->making--;
    switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        leat_log(LEAT_INFO, "kafka.topic", "topic=%s made", t->name);
        enter(t, LEAT_KAFKA_TOPIC_LOOKING);
        return;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: enter(t, LEAT_KAFKA_TOPIC_LOOKING); return;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        leat_log(LEAT_WARN, "kafka.topic",
                 "topic=%s there is no right to make it; it is taken to be there, or to be made by "
                 "the brokers",
                 t->name);
        enter(t, LEAT_KAFKA_TOPIC_LOOKING);
        return;
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
        leat_fail(&refused, LEAT_CONF, "kafka.topic_refused", t->name,
                  "the cluster does not make the topic: %s; look at topic.creation.*",
                  why && *why ? why : rd_kafka_err2str(err));
        refuse(t, &refused);
        return;
    default: /* the cluster is away, or has no controller yet */
        enter(t, LEAT_KAFKA_TOPIC_NEW);
        t->again_us = t->since_us + PAUSE_US;
        return;
    }
}

/* The topics of an answer that lacks them: the request itself failed. */
static void made_none(leat_kafka_client_port *p, rd_kafka_resp_err_t err, const char *why)
{
    for (uint32_t i = 0; i < p->ntopics; i++)
        if (p->topics[i].state == LEAT_KAFKA_TOPIC_MAKING) made(p, &p->topics[i], err, why);
}

static void take_answers(leat_kafka_client_port *p)
{
    rd_kafka_event_t *event;
    while (p->admin && p->making > 0 && (event = rd_kafka_queue_poll(p->answers, 0))) {
        const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
        size_t n = 0;
        const rd_kafka_topic_result_t **all =
            result ? rd_kafka_CreateTopics_result_topics(result, &n) : NULL;
        if (result && rd_kafka_event_error(event))
            made_none(p, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
        for (size_t i = 0; i < n; i++) {
            leat_kafka_topic *t = find(p, rd_kafka_topic_result_name(all[i]));
            if (t && t->state == LEAT_KAFKA_TOPIC_MAKING)
                made(p, t, rd_kafka_topic_result_error(all[i]),
                     rd_kafka_topic_result_error_string(all[i]));
        }
        rd_kafka_event_destroy(event);
    }
    if (p->admin && p->making == 0) {
        rd_kafka_queue_destroy(p->answers);
        rd_kafka_destroy(p->admin);
        p->answers = NULL;
        p->admin = NULL;
    }
}

static leat_rc make(leat_kafka_client_port *p, leat_kafka_topic *t, leat_err *e)
{
    leat_arena a;
    const leat_kafka_group *g = NULL;
    leat_arena_init(&a, 0);
    leat_rc rc = recipe(p, t, &a, &g, e);
    if (rc == LEAT_OK && g)
        rc = ask(p, t, g, e);
    else if (rc == LEAT_OK)
        enter(t, LEAT_KAFKA_TOPIC_LOOKING);
    leat_arena_free(&a);
    return rc;
}

/* ---- looking ---- */

static void unknown(leat_kafka_client_port *p, leat_kafka_topic *t)
{
    leat_err why;
    if (leat_mono_us() - t->since_us < APPEARS_US) return;
    leat_fail(&why, LEAT_CONF, "kafka.topic_unknown", t->name,
              "the topic is not there, and the brokers do not make it: make it, or set "
              "topic.creation.default.partitions and topic.creation.default.replication.factor%s",
              p->conf.kafka->creation ? " (the right to make it is missing)" : "");
    refuse(t, &why);
}

/* Its opaque is its number and one, by which reports find it. */
static rd_kafka_topic_t *open_topic(leat_kafka_client_port *p, const leat_kafka_topic *t)
{
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(p->rk);
    rd_kafka_topic_conf_set_opaque(conf, (void *)(uintptr_t)(t - p->topics + 1));
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(p->rk, t->name, conf);
    if (!rkt) rd_kafka_topic_conf_destroy(conf);
    return rkt;
}

static void look(leat_kafka_client_port *p, leat_kafka_topic *t)
{
    const rd_kafka_metadata_t *found = NULL;
    leat_err why;
    if (!t->rkt) t->rkt = open_topic(p, t);
    if (!t->rkt) {
        leat_kafka_fail(&why, rd_kafka_last_error(), t->name, "write to the topic", NULL);
        why.rc = LEAT_CONF;
        refuse(t, &why);
        return;
    }
    rd_kafka_resp_err_t err = rd_kafka_metadata(p->rk, 0, t->rkt, &found, t->look_ms);
    t->again_us = leat_mono_us() + PAUSE_US;
    if (err) {
        if (t->look_ms < LOOK_MOST_MS && !p->down) t->look_ms *= 2;
        return;
    }
    err = found->topic_cnt ? found->topics[0].err : RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    if (!err && found->topics[0].partition_cnt == 0) err = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    if (!err) count_partitions(t, found->topics[0].partition_cnt);
    rd_kafka_metadata_destroy(found);
    if (!err) {
        enter(t, LEAT_KAFKA_TOPIC_READY);
    } else if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        unknown(p, t);
    } else if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
               err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION) {
        leat_kafka_fail(&why, err, t->name, "write to the topic", NULL);
        why.rc = LEAT_CONF;
        refuse(t, &why);
    }
}

leat_rc leat_kafka_topic_ready(leat_kafka_client_port *p, uint32_t i, leat_err *e)
{
    leat_kafka_topic *t = &p->topics[i];
    take_answers(p);
    bool due = leat_mono_us() >= t->again_us;
    if (t->state == LEAT_KAFKA_TOPIC_REFUSED) {
        if (!due) return leat_fail(e, t->why.rc, t->why.code, t->why.where, "%s", t->why.msg);
        leat_kafka_topic_forget(t);
    }
    if (t->state == LEAT_KAFKA_TOPIC_NEW && due) LEAT_TRY(make(p, t, e));
    if (t->state == LEAT_KAFKA_TOPIC_LOOKING && due) look(p, t);
    if (t->state == LEAT_KAFKA_TOPIC_REFUSED)
        return leat_fail(e, t->why.rc, t->why.code, t->why.where, "%s", t->why.msg);
    return t->state == LEAT_KAFKA_TOPIC_READY ? LEAT_OK : LEAT_AGAIN;
}
