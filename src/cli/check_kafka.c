/* leat check of a connector that streams into Kafka (cli/check_kafka.h): what the source says it
 * captures, and what Kafka says about its topics. */
#include "cli/check_kafka.h"

#include "capture/naming.h"
#include "engine/kafka_system.h"
#include "stream/kafka/check.h"
#include "stream/kafka/fetch.h"
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

/* ---- a sink's topics ---- */

static leat_rc find_names(const leat_setup *setup, leat_arena *a, const char ***names, size_t *n,
                          leat_err *e)
{
    leat_kafka_fetch *f = NULL;
    leat_kafka_clients clients = setup->clients;
    clients.client[LEAT_KAFKA_CONSUMER] = setup->intake.client;
    const leat_kafka_fetch_conf conf = {.kafka = &clients, .name = "leat-check"};
    LEAT_TRY(leat_kafka_fetch_open(&conf, &f, e));
    leat_rc rc = leat_kafka_fetch_names(f, a, names, n, ASK_MS, e);
    leat_kafka_fetch_close(f);
    return rc;
}

/* How many of the cluster's topics the sink reads; of named ones, *missing: the first that is not
 * there. */
static leat_rc count_wanted(const leat_wanted *w, const char *const *names, size_t n, size_t *found,
                            const char **missing, leat_err *e)
{
    *found = 0;
    *missing = NULL;
    for (size_t i = 0; i < n; i++) {
        bool has;
        LEAT_TRY(leat_wanted_has(w, names[i], &has, e));
        *found += has;
    }
    for (size_t i = 0; !w->pattern && i < w->names.n && !*missing; i++) {
        bool there = false;
        for (size_t k = 0; k < n && !there; k++) there = strcmp(names[k], w->names.v[i]) == 0;
        if (!there) *missing = w->names.v[i];
    }
    return LEAT_OK;
}

void leat_check_intake(const leat_setup *setup, leat_checker *c)
{
    leat_arena a = {0};
    leat_err err = {0};
    const char **names = NULL, *missing = NULL;
    size_t n = 0, found = 0;
    leat_step step = {.name = "kafka topics", .state = LEAT_STEP_OK};
    leat_rc rc = find_names(setup, &a, &names, &n, &err);
    if (rc == LEAT_OK) rc = count_wanted(&setup->wanted, names, n, &found, &missing, &err);
    if (rc != LEAT_OK) {
        step.state = LEAT_STEP_FAILED;
        step.code = err.code;
        step.detail = err.msg;
    } else if (missing || found == 0) {
        step.state = LEAT_STEP_WARN;
        step.code = missing ? "sink.topic_missing" : "sink.no_topic_fits";
        step.detail = missing ? leat_arena_printf(&a, "%s is not there yet", missing)
                              : "there is no topic yet whose whole name fits topics.regex";
        step.advice = "it is waited for; 'leat topics --kafka BROKERS' lists those there are";
    } else {
        step.detail =
            leat_arena_printf(&a, "%zu there, read as the group %s", found, setup->intake.group);
    }
    leat_check_step(c, &step);
    leat_arena_free(&a);
}

/* ---- signals ---- */

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
