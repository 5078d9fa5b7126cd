/* leat check of a connector that streams into Kafka (cli/check_kafka.h): what the source says it
 * captures, and what Kafka says about its topics. */
#include "cli/check_kafka.h"

#include "capture/naming.h"
#include "engine/kafka_system.h"
#include "stream/kafka/check.h"
#include "stream/kafka/signals.h"

enum {
    TOPICS_MAX = 50, /* looked at; the others are as likely to be right */
    OWN_MAX = 4,
    ASK_MS = 10000,
};

/* Those that are of no table: transactions, schema changes, heartbeats, notifications. How many. */
static size_t own_topics(const leat_setup *setup, leat_arena *a, const char **out)
{
    size_t n = 0;
    const leat_capture_conf *c =
        setup->source->capture ? setup->source->capture(setup->conf) : NULL;
    if (!c) return 0;
    if (c->transactions) out[n++] = leat_naming_transactions(c, a);
    if (c->schema_changes) out[n++] = leat_naming_schema_changes(c, a);
    if (c->heartbeat_ms > 0) out[n++] = leat_naming_heartbeats(c, a);
    bool sink = false;
    for (size_t i = 0; i < c->notify_channels.n; i++)
        sink = sink || strcmp(c->notify_channels.v[i], "sink") == 0;
    if (sink && c->notify_topic) out[n++] = c->notify_topic;
    return n;
}

/* Names of topics, NULL-ended, in a. A source that cannot tell has none. */
static const char **topics_of(const leat_setup *setup, leat_checker *c, leat_arena *a)
{
    leat_catalog catalog = {.a = a};
    leat_err err = {0};
    const char **out = LEAT_NEW(a, const char *, TOPICS_MAX + OWN_MAX + 1);
    size_t n = own_topics(setup, a, out), all = n;
    catalog.tail = &catalog.first;
    if (!setup->source->discover || setup->source->discover(setup->conf, &catalog, &err) != LEAT_OK)
        return out;
    for (const leat_catalog_table *t = catalog.first; t; t = t->next) {
        if (!t->topic) continue;
        bool twice = false;
        for (size_t i = 0; i < n && !twice; i++) twice = strcmp(out[i], t->topic) == 0;
        if (twice) continue;
        if (n < TOPICS_MAX + OWN_MAX) out[n++] = t->topic;
        all++;
    }
    if (all > n)
        leat_check_step(c, &(leat_step){.name = "kafka topics",
                                        .state = LEAT_STEP_SKIPPED,
                                        .detail = leat_arena_printf(
                                            a, "the first %zu of %zu are looked at", n, all)});
    return out;
}

leat_rc leat_check_kafka(const leat_setup *setup, leat_checker *c, leat_err *e)
{
    leat_arena a;
    leat_arena_init(&a, 0);
    const leat_kafka_check_conf conf = {
        .kafka = &setup->clients,
        .connector = setup->common.name,
        .transactional_id = setup->once ? setup->transactional_id : NULL,
        .offsets = setup->offsets,
        .topics = topics_of(setup, c, &a),
        .max_event_bytes = setup->common.max_event_bytes,
        .step = leat_kafka_step_tell,
        .arg = c,
    };
    leat_rc rc = leat_kafka_check(&conf, e);
    leat_arena_free(&a);
    return rc;
}

/* What was found, in words. */
static const char *place_of(const leat_kafka_signal_conf *k, const leat_kafka_signals_found *f,
                            leat_arena *a)
{
    const char *reset = k->reset == LEAT_KAFKA_RESET_LATEST ? "its end" : "its beginning";
    const char *from = f->place >= 0
                           ? leat_arena_printf(a, "offset %lld", (long long)f->place)
                           : leat_arena_printf(a, "%s, since the group has no place", reset);
    return leat_arena_printf(a, "%s holds offsets %lld to %lld; %s goes on at %s", k->topic,
                             (long long)f->first, (long long)f->next, k->group, from);
}

void leat_check_signals(const leat_setup *setup, leat_checker *c)
{
    const leat_kafka_signal_conf *k = setup->signals;
    leat_kafka_signals_found found;
    leat_arena a = {0};
    leat_err err = {0};
    if (!k) return;
    leat_step step = {.name = "signal topic", .state = LEAT_STEP_OK};
    if (leat_kafka_signals_look(k, "leat-check", ASK_MS, &found, &err) != LEAT_OK) {
        step.state = LEAT_STEP_FAILED;
        step.code = err.code;
        step.detail = err.msg;
    } else if (found.partitions == 0) {
        step.state = LEAT_STEP_WARN;
        step.code = "signal.topic_missing";
        step.detail = leat_arena_printf(&a, "%s is not there: it is waited for", k->topic);
        step.advice = "make it with one partition";
    } else {
        step.detail = place_of(k, &found, &a);
        if (found.partitions > 1) {
            step.state = LEAT_STEP_WARN;
            step.code = "signal.partitions";
            step.advice = leat_arena_printf(
                &a, "it has %d partitions, of which only the first one is read: give it one",
                found.partitions);
        }
    }
    leat_check_step(c, &step);
    leat_arena_free(&a);
}
