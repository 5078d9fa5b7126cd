/* See the header. Records have no key, as Debezium's have none. */
#include "stream/kafka/lines.h"

#include "base/clock.h"
#include "stream/kafka/client.h"
#include "stream/kafka/fetch.h"

/* ---- reading ---- */

static leat_rc read_all(leat_kafka_fetch *f, const char *topic,
                        leat_rc (*fn)(void *arg, leat_str line, int64_t offset, leat_err *e),
                        void *arg, int ms, leat_err *e)
{
    LEAT_TRY(leat_kafka_fetch_topic(f, topic, 0, LEAT_KAFKA_BEGINNING, 0, ms, e));
    while (!leat_kafka_fetch_at_end(f)) {
        leat_kafka_message m;
        leat_rc rc = leat_kafka_fetch_next(f, &m, ms, e);
        if (rc == LEAT_AGAIN) {
            const char *why = leat_kafka_fetch_trouble(f);
            return leat_fail(e, LEAT_RETRY, "kafka.timeout", topic,
                             "could not read it to its end: nothing came for %d ms%s%s", ms,
                             why ? ": " : "", why ? why : "");
        }
        LEAT_TRY(rc);
        if (m.value.s && m.value.len > 0) LEAT_TRY(fn(arg, m.value, m.offset, e));
    }
    return LEAT_OK;
}

leat_rc leat_kafka_lines_read(const leat_kafka_clients *kafka, const char *name, const char *topic,
                              leat_rc (*fn)(void *arg, leat_str line, int64_t offset, leat_err *e),
                              void *arg, int ms, leat_err *e)
{
    leat_kafka_fetch *f;
    const leat_kafka_fetch_conf conf = {.kafka = kafka, .name = name};
    LEAT_TRY(leat_kafka_fetch_open(&conf, &f, e));
    leat_rc rc = read_all(f, topic, fn, arg, ms, e);
    leat_kafka_fetch_close(f);
    return rc;
}

/* ---- writing ---- */

struct leat_kafka_lines {
    leat_broker *b;
    leat_broker_events events;
    const char *topic;
    uint32_t number; /* of the topic */
    const leat_str *v;
    size_t n, sent;
    size_t left; /* sent, and not reported yet */
    leat_err refused;
    int64_t until; /* monotonic */
};

static void on_report(void *arg, const leat_delivery_report *r)
{
    leat_kafka_lines *w = arg;
    w->left--;
    if (r->delivery != LEAT_DELIVERED && !leat_rc_failed(w->refused.rc))
        leat_fail(&w->refused, LEAT_RETRY, "kafka.error", "", "a record was refused: %s",
                  r->why ? r->why : leat_delivery_name(r->delivery));
}

leat_rc leat_kafka_lines_open(const leat_kafka_clients *kafka, const char *connector,
                              const char *topic, const leat_str *lines, size_t n, int ms,
                              leat_kafka_lines **out, leat_err *e)
{
    enum { QUEUE = 4 << 20 };
    leat_kafka_lines *w = leat_zalloc(1, sizeof *w);
    w->events = (leat_broker_events){on_report, w};
    const leat_kafka_client_conf conf = {
        .kafka = kafka, .connector = connector, .queue_bytes = QUEUE, .events = &w->events};
    leat_rc rc = leat_kafka_client_open(&conf, &w->b, e);
    if (rc != LEAT_OK) {
        leat_free(w);
        return rc;
    }
    w->topic = topic;
    w->number = w->b->ops->topic(w->b, topic);
    w->v = lines;
    w->n = n;
    w->until = leat_mono_us() + (int64_t)ms * 1000;
    *out = w;
    return LEAT_OK;
}

static leat_rc send(leat_kafka_lines *w, leat_err *e)
{
    while (w->sent < w->n) {
        const leat_broker_record record = {
            .topic = w->number, .value = w->v[w->sent], .timestamp_ms = leat_now_us() / 1000};
        leat_rc rc = w->b->ops->produce(w->b, &record, e);
        if (rc != LEAT_OK) return rc;
        w->left++;
        w->sent++;
    }
    return LEAT_OK;
}

static leat_rc late(const leat_kafka_lines *w, leat_err *e)
{
    leat_err why = {0};
    if (w->b->ops->down(w->b, &why))
        return leat_fail(e, LEAT_RETRY, why.code, w->topic, "could not write to it: %s", why.msg);
    if (leat_mono_us() < w->until) return LEAT_AGAIN;
    return leat_fail(e, LEAT_RETRY, "kafka.timeout", w->topic, "could not write to it in time");
}

leat_rc leat_kafka_lines_turn(leat_kafka_lines *w, int wait_ms, leat_err *e)
{
    enum { POLL_MS = 50 };
    int64_t until = leat_mono_us() + (int64_t)wait_ms * 1000;
    for (;;) {
        leat_rc rc = send(w, e);
        if (leat_rc_failed(rc)) return rc;
        w->b->ops->poll(w->b, POLL_MS);
        if (leat_rc_failed(w->refused.rc))
            return leat_fail(e, w->refused.rc, w->refused.code, w->topic, "%s", w->refused.msg);
        if (w->sent == w->n && w->left == 0) return LEAT_OK;
        rc = late(w, e);
        if (leat_rc_failed(rc) || leat_mono_us() >= until) return rc;
    }
}

void leat_kafka_lines_close(leat_kafka_lines *w)
{
    enum { CLOSE_MS = 2000 };
    if (!w) return;
    w->b->ops->close(w->b, CLOSE_MS);
    leat_free(w);
}
