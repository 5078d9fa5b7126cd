/* Reporting records that were refused; see the header. Over the port to a producer that a source's
 * stream has, opened with the first record. The headers are those of
 * org.apache.kafka.connect.runtime.errors.DeadLetterQueueReporter, behind the record's own. */
#include "engine/errant.h"

#include <inttypes.h>

#include "base/clock.h"
#include "stream/kafka/client.h"

#define PREFIX "__connect.errors."
#define EXCEPTION "org.apache.kafka.connect.errors.DataException"

enum {
    CONTEXT = 10, /* headers of it */
    QUEUE_BYTES = 4 << 20,
    SEND_US = 60000000,
    POLL_MS = 100,
    KEPT = 1 << 16,
};

typedef struct errant {
    leat_broker_record record;
    struct errant *next;
} errant;

struct leat_errant {
    leat_errant_conf conf;
    leat_kafka_clients kafka; /* as conf's, which makes the topic */
    leat_kafka_group group;
    leat_broker *broker; /* NULL: not opened */
    leat_broker_events events;
    leat_arena arena; /* of what is to be reported */
    errant *first, **tail;
    uint64_t sent, reported; /* records, of this call of send */
    leat_err failed;         /* why one was not delivered; rc OK: all were */
};

static void on_report(void *arg, const leat_delivery_report *report)
{
    leat_errant *r = arg;
    r->reported++;
    if (report->delivery != LEAT_DELIVERED)
        leat_fail(&r->failed, LEAT_RETRY, "kafka.refused", r->conf.topic, "%s: %s",
                  leat_delivery_name(report->delivery), report->why ? report->why : "");
}

leat_errant *leat_errant_new(const leat_errant_conf *conf)
{
    leat_errant *r = leat_zalloc(1, sizeof *r);
    r->conf = *conf;
    r->kafka = *conf->kafka;
    r->group =
        (leat_kafka_group){.alias = "default", .replication = conf->replication, .partitions = 1};
    leat_props_init(&r->group.configs, NULL);
    r->kafka.creation = true;
    r->kafka.groups = &r->group;
    r->kafka.ngroups = 1;
    r->events = (leat_broker_events){on_report, r};
    r->tail = &r->first;
    return r;
}

void leat_errant_free(leat_errant *r)
{
    if (!r) return;
    if (r->broker) r->broker->ops->close(r->broker, 0);
    leat_arena_free(&r->arena);
    leat_free(r);
}

void leat_errant_forget(leat_errant *r)
{
    leat_arena_reset(&r->arena, KEPT);
    r->first = NULL;
    r->tail = &r->first;
}

/* ---- records ---- */

static leat_str keep(leat_errant *r, leat_str bytes)
{
    return bytes.s ? leat_arena_str(&r->arena, bytes) : bytes;
}

static void put(leat_broker_header **at, const char *name, const char *value)
{
    *(*at)++ = (leat_broker_header){name, leat_str_of(value)};
}

/* Where it was refused, and the class that did so there. */
typedef struct stage {
    const char *name, *klass;
} stage;

static stage stage_of(const leat_err *why, const char *transform)
{
    static const char json[] = "org.apache.kafka.connect.json.JsonConverter";
    if (transform) return (stage){"TRANSFORMATION", transform};
    if (strcmp(why->code, "convert.key") == 0) return (stage){"KEY_CONVERTER", json};
    if (strcmp(why->code, "convert.value") == 0) return (stage){"VALUE_CONVERTER", json};
    return (stage){"TASK_PUT", "org.apache.kafka.connect.sink.SinkTask"};
}

static void put_context(leat_errant *r, const leat_kafka_message *m, const leat_err *why,
                        stage at_stage, leat_broker_header **at)
{
    leat_arena *a = &r->arena;
    const char *message = leat_arena_printf(a, "%s: %s", why->code, why->msg);
    put(at, PREFIX "topic", leat_arena_strdup(a, m->topic));
    put(at, PREFIX "partition", leat_arena_printf(a, "%" PRId32, m->partition));
    put(at, PREFIX "offset", leat_arena_printf(a, "%" PRId64, m->offset));
    put(at, PREFIX "connector.name", r->conf.connector);
    put(at, PREFIX "task.id", "0");
    put(at, PREFIX "stage", at_stage.name);
    put(at, PREFIX "class.name", at_stage.klass);
    put(at, PREFIX "exception.class.name", EXCEPTION);
    put(at, PREFIX "exception.message", message);
    put(at, PREFIX "exception.stacktrace", leat_arena_printf(a, EXCEPTION ": %s\n", message));
}

void leat_errant_add(leat_errant *r, const leat_kafka_message *m, const leat_err *why,
                     const char *transform)
{
    errant *one = LEAT_NEW(&r->arena, errant, 1);
    leat_broker_header *headers = LEAT_NEW(&r->arena, leat_broker_header, m->nheaders + CONTEXT),
                       *at = headers;
    for (size_t i = 0; i < m->nheaders; i++)
        *at++ = (leat_broker_header){leat_arena_strdup(&r->arena, m->headers[i].name),
                                     keep(r, m->headers[i].value)};
    if (r->conf.context) put_context(r, m, why, stage_of(why, transform), &at);
    one->record = (leat_broker_record){.partition = -1,
                                       .key = keep(r, m->key),
                                       .value = keep(r, m->value),
                                       .headers = headers,
                                       .nheaders = (uint32_t)(at - headers),
                                       .timestamp_ms = m->timestamp_ms};
    *r->tail = one;
    r->tail = &one->next;
}

/* ---- sending ---- */

static leat_rc open_broker(leat_errant *r, leat_err *e)
{
    const leat_kafka_client_conf conf = {.kafka = &r->kafka,
                                         .connector = r->conf.connector,
                                         .queue_bytes = QUEUE_BYTES,
                                         .events = &r->events};
    return r->broker ? LEAT_OK : leat_kafka_client_open(&conf, &r->broker, e);
}

static leat_rc late(const leat_errant *r, leat_err *e)
{
    leat_err why = {0};
    bool down = r->broker->ops->down(r->broker, &why);
    return leat_fail(e, LEAT_RETRY, down ? why.code : "kafka.timeout", r->conf.topic,
                     "refused records could not be reported to the topic within %d s%s%s",
                     SEND_US / 1000000, down ? ": " : "", down ? why.msg : "");
}

static leat_rc produce(leat_errant *r, leat_broker_record *record, int64_t until, leat_err *e)
{
    leat_rc rc;
    record->topic = r->broker->ops->topic(r->broker, r->conf.topic);
    while ((rc = r->broker->ops->produce(r->broker, record, e)) == LEAT_AGAIN) {
        if (leat_mono_us() >= until) return late(r, e);
        r->broker->ops->poll(r->broker, POLL_MS);
    }
    if (rc == LEAT_OK) r->sent++;
    return rc == LEAT_DATA ? LEAT_CONF : rc;
}

static leat_rc send(leat_errant *r, leat_err *e)
{
    int64_t until = leat_mono_us() + SEND_US;
    LEAT_TRY(open_broker(r, e));
    r->sent = r->reported = 0;
    r->failed = (leat_err){0};
    for (errant *one = r->first; one; one = one->next) LEAT_TRY(produce(r, &one->record, until, e));
    r->broker->ops->send(r->broker);
    while (r->reported < r->sent) {
        if (leat_mono_us() >= until) return late(r, e);
        r->broker->ops->poll(r->broker, POLL_MS);
    }
    if (!leat_rc_failed(r->failed.rc)) return LEAT_OK;
    return leat_fail(e, LEAT_RETRY, r->failed.code, r->conf.topic,
                     "a refused record could not be reported to the topic: %s", r->failed.msg);
}

leat_rc leat_errant_send(leat_errant *r, leat_err *e)
{
    if (!r->first) return LEAT_OK;
    leat_rc rc = send(r, e);
    if (rc != LEAT_OK && r->broker) { /* what is still on its way would be counted later */
        r->broker->ops->close(r->broker, 0);
        r->broker = NULL;
    }
    leat_errant_forget(r);
    return rc;
}
