/* Positions in Kafka Connect's topic of offsets, while the connector runs: so that a worker of
 * Kafka Connect can go on with it when this machine is gone, as it would after another worker.
 *
 * What is written is what Kafka has acknowledged, never what only the spool holds, and behind it by
 * up to the interval: who goes on from there sends records twice, and loses none. Nothing is
 * written before the snapshot is done, since whoever took such an offset would leave out the rest
 * of it. A producer of its own does it, so that a topic that cannot be written to holds up nothing
 * else: that is told, and tried again. Run by the stream's thread; nothing here waits but at the
 * end. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "stream/kafka/offsets.h"
#include "stream/kafka/part.h"

enum { POLL_MS = 20 };

void leat_kafka_publish_report(void *arg, const leat_delivery_report *report)
{
    leat_kafka *k = arg;
    if (k->publishing > 0) k->publishing--;
    if (report->delivery == LEAT_DELIVERED || leat_rc_failed(k->unpublished.rc)) return;
    leat_fail(&k->unpublished, LEAT_RETRY, "kafka.offsets", k->conf.offsets_topic, "%s",
              report->why ? report->why : leat_delivery_name(report->delivery));
}

bool leat_kafka_in_snapshot(leat_str progress)
{
    leat_arena a = {0};
    const leat_json *j = NULL;
    bool running = false;
    if (progress.s && leat_json_parse(&a, progress, &j, NULL) == LEAT_OK)
        running = leat_str_is(leat_json_get_str(leat_json_get(j, "snapshot"), "state"), "running");
    leat_arena_free(&a);
    return running;
}

static leat_rc put(leat_kafka *k, leat_str partition, leat_str offset, leat_err *e)
{
    leat_broker *b = k->conf.offsets;
    leat_buf key = {0};
    leat_kafka_offsets_key(k->connector, partition, &key);
    const leat_broker_record record = {
        .topic = b->ops->topic(b, k->conf.offsets_topic),
        .partition = -1,
        .key = leat_buf_str(&key),
        .value = offset,
        .timestamp_ms = leat_now_us() / 1000,
    };
    leat_rc rc = b->ops->produce(b, &record, e);
    leat_buf_free(&key);
    if (rc != LEAT_OK) return rc;
    k->publishing++;
    leat_reach_move(&k->published, (leat_position){partition, offset});
    return LEAT_OK;
}

/* What differs from what was written last. AGAIN: the producer takes no more now. */
static leat_rc put_all(leat_kafka *k, leat_err *e)
{
    leat_reach *was = &k->published;
    for (size_t i = 0; i < was->npos; i++) {
        leat_str partition = was->pos[i].partition;
        if (was->pos[i].offset.len == 0 ||
            leat_position_find(k->state.pos, k->state.npos, partition) != NULL)
            continue;
        leat_rc rc = put(k, partition, (leat_str){0}, e);
        if (rc != LEAT_OK) return rc;
    }
    leat_reach_settled(was);
    for (size_t i = 0; i < k->state.npos; i++) {
        const leat_position *now = &k->state.pos[i];
        const leat_position *then = leat_position_find(was->pos, was->npos, now->partition);
        if (then && leat_str_eq(then->offset, now->offset)) continue;
        leat_rc rc = put(k, now->partition, now->offset, e);
        if (rc != LEAT_OK) return rc;
    }
    return LEAT_OK;
}

/* All is to be written again, after the next interval. */
static void fail(leat_kafka *k, const leat_err *why)
{
    leat_err err;
    if (!k->publish_failed)
        leat_log(LEAT_WARN, "kafka.offsets",
                 "topic=%s the position could not be written for Kafka Connect, and is tried again "
                 "every %" PRId64 " ms; nothing else waits for it. %s",
                 k->conf.offsets_topic, k->conf.offsets_us / 1000, why->msg);
    k->publish_failed = true;
    k->publish_due = true;
    k->publishing = 0;
    k->published_us = leat_mono_us();
    k->unpublished = (leat_err){0};
    leat_reach_free(&k->published);
    if (leat_rc_failed(k->conf.offsets->ops->reset(k->conf.offsets, &err)))
        leat_log_err(LEAT_WARN, &err);
}

static void step(leat_kafka *k, bool due, int wait_ms)
{
    leat_err why = {0};
    leat_broker *b = k->conf.offsets;
    b->ops->poll(b, wait_ms);
    if (leat_rc_failed(k->unpublished.rc) || b->ops->fatal(b, &why)) {
        fail(k, leat_rc_failed(k->unpublished.rc) ? &k->unpublished : &why);
        return;
    }
    if (!k->publish_due) {
        if (k->publishing == 0 && k->publish_failed) {
            k->publish_failed = false;
            leat_log(LEAT_INFO, "kafka.offsets", "topic=%s it is written again",
                     k->conf.offsets_topic);
        }
        return;
    }
    if (!due) return;
    leat_rc rc = put_all(k, &why);
    if (leat_rc_failed(rc))
        fail(k, &why);
    else if (rc == LEAT_OK)
        k->publish_due = false;
}

/* Of a stream in the spool the acknowledged position is not at hand: it is written when the spool
 * is empty. And it holds in its own cluster only. */
static bool ready(const leat_kafka *k)
{
    return k->publish_due && k->sure && k->spool == NULL &&
           !leat_kafka_in_snapshot(k->state.progress);
}

void leat_kafka_publish(leat_kafka *k)
{
    if (k->conf.offsets == NULL || (!k->publish_due && k->publishing == 0)) return;
    int64_t now = leat_mono_us();
    bool due = ready(k) && now - k->published_us >= k->conf.offsets_us;
    if (k->publishing == 0 && !due) return;
    step(k, due, 0);
    if (due && !k->publish_due) k->published_us = now;
}

void leat_kafka_publish_end(leat_kafka *k, int64_t until_us)
{
    if (k->conf.offsets == NULL) return;
    while ((k->publishing > 0 || ready(k)) && !k->publish_failed && leat_mono_us() < until_us)
        step(k, ready(k), POLL_MS);
    if (k->publishing > 0 || ready(k))
        leat_log(LEAT_WARN, "kafka.offsets",
                 "topic=%s the last position could not be written for Kafka Connect, which would "
                 "begin further back",
                 k->conf.offsets_topic);
}
