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

typedef struct writing {
    leat_broker *b;
    size_t left; /* records not reported yet */
    leat_err refused;
    int64_t until;
} writing;

static void on_report(void *arg, const leat_delivery_report *r)
{
    writing *w = arg;
    w->left--;
    if (r->delivery != LEAT_DELIVERED && !leat_rc_failed(w->refused.rc))
        leat_fail(&w->refused, LEAT_RETRY, "kafka.error", "", "a record was refused: %s",
                  r->why ? r->why : leat_delivery_name(r->delivery));
}

/* Polls once; RETRY when the time is over. */
static leat_rc waited(const writing *w, const char *topic, leat_err *e)
{
    leat_err why = {0};
    int64_t left = (w->until - leat_mono_us()) / 1000;
    w->b->ops->poll(w->b, left < 0 ? 0 : left < 50 ? (int)left : 50);
    if (left > 0) return LEAT_OK;
    bool down = w->b->ops->down(w->b, &why);
    return leat_fail(e, LEAT_RETRY, "kafka.timeout", topic, "could not write to it in time%s%s",
                     down ? ": " : "", down ? why.msg : "");
}

static leat_rc write_all(writing *w, const char *topic, const leat_str *lines, size_t n,
                         leat_err *e)
{
    uint32_t number = w->b->ops->topic(w->b, topic);
    for (size_t i = 0; i < n;) {
        const leat_broker_record record = {
            .topic = number, .value = lines[i], .timestamp_ms = leat_now_us() / 1000};
        leat_rc rc = w->b->ops->produce(w->b, &record, e);
        if (rc == LEAT_OK) {
            w->left++;
            i++;
        } else if (rc == LEAT_AGAIN) {
            LEAT_TRY(waited(w, topic, e));
        } else {
            return rc;
        }
    }
    while (w->left > 0 && !leat_rc_failed(w->refused.rc)) LEAT_TRY(waited(w, topic, e));
    if (!leat_rc_failed(w->refused.rc)) return LEAT_OK;
    return leat_fail(e, w->refused.rc, w->refused.code, topic, "%s", w->refused.msg);
}

leat_rc leat_kafka_lines_write(const leat_kafka_clients *kafka, const char *connector,
                               const char *topic, const leat_str *lines, size_t n, int ms,
                               leat_err *e)
{
    enum { QUEUE = 4 << 20, CLOSE_MS = 2000 };
    writing w = {.until = leat_mono_us() + (int64_t)ms * 1000};
    const leat_broker_events events = {on_report, &w};
    const leat_kafka_client_conf conf = {
        .kafka = kafka, .connector = connector, .queue_bytes = QUEUE, .events = &events};
    LEAT_TRY(leat_kafka_client_open(&conf, &w.b, e));
    leat_rc rc = write_all(&w, topic, lines, n, e);
    w.b->ops->close(w.b, CLOSE_MS);
    return rc;
}
