/* leat read --kafka and leat topics --kafka: a topic's records as lines of JSON, as they are read
 * from the embedded stream (cli/read.c); the topics of a cluster.
 *
 * Keys and values are bytes there: what is JSON is shown as it is, and of Kafka Connect's
 * {"schema":...,"payload":...} the payload unless schemas are wanted; other text as a string; what
 * is neither as {"$base64":"..."}. */
#include "cli/read_kafka.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "config/load.h"
#include "engine/connection.h"
#include "engine/record.h"

enum { WAIT_MS = 200, ANSWER_MS = 10000, PATIENCE_US = 5000000, KEEP = 1 << 20 };

typedef struct reader {
    const leat_read_kafka *conf;
    leat_kafka_fetch *fetch;
    leat_lines *lines;
    leat_arena a; /* of one record */
    uint64_t printed;
    int64_t quiet_us; /* since when nothing came; 0: something did */
} reader;

leat_rc leat_read_kafka_worker(const char *kafka, leat_arena *a, leat_props *out, leat_err *e)
{
    struct stat st;
    leat_report r;
    leat_config *config = NULL;
    leat_props_init(out, NULL);
    leat_report_init(&r, a);
    if (stat(kafka, &st) != 0 || !S_ISREG(st.st_mode)) {
        leat_props_set(out, a, LEAT_STR("bootstrap.servers"), leat_str_of(kafka), 0);
        return LEAT_OK;
    }
    LEAT_TRY(leat_config_load(a, kafka, &config, e));
    *out = config->props;
    if (!leat_connection_expand(a, out, true, &r)) return leat_report_err(&r, kafka, e);
    return leat_config_resolve(a, out, e);
}

static leat_rc configure(const char *kafka, leat_arena *a, leat_kafka_clients *out, leat_err *e)
{
    leat_props worker;
    leat_report r;
    leat_report_init(&r, a);
    LEAT_TRY(leat_read_kafka_worker(kafka, a, &worker, e));
    leat_kafka_options_read(&worker, NULL, false, a, out, &r);
    return leat_report_err(&r, kafka, e);
}

static leat_rc open_fetch(const char *kafka, bool uncommitted, leat_kafka_fetch **out, leat_err *e)
{
    leat_arena a;
    leat_kafka_clients conf;
    leat_log_level(LEAT_ERROR); /* what is wrong is told by ourselves, once */
    leat_arena_init(&a, 0);
    leat_rc rc = configure(kafka, &a, &conf, e);
    const leat_kafka_fetch_conf fetch = {
        .kafka = &conf, .name = "leat-read", .uncommitted = uncommitted};
    if (rc == LEAT_OK) rc = leat_kafka_fetch_open(&fetch, out, e);
    leat_arena_free(&a);
    return rc;
}

/* ---- records ---- */

static void put_record(reader *g, const leat_kafka_message *m)
{
    leat_jw w = {.out = &g->lines->out};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "topic", m->topic);
    leat_jw_i64(&w, "partition", m->partition);
    leat_jw_i64(&w, "offset", m->offset);
    leat_jw_i64(&w, "timestamp", m->timestamp_ms);
    leat_record_bytes(&w, &g->a, "key", m->key, g->conf->schemas);
    leat_record_bytes(&w, &g->a, "value", m->value, g->conf->schemas);
    leat_record_headers(&w, &g->a, "headers", m);
    leat_jw_end(&w);
    leat_buf_u8(&g->lines->out, '\n');
    leat_arena_reset(&g->a, KEEP);
}

static bool enough(const reader *g)
{
    return g->lines->closed || leat_lines_interrupted() ||
           (g->conf->max > 0 && g->printed >= g->conf->max);
}

/* Nothing came: brokers that are away are waited for, and named. */
static void tell_waiting(reader *g)
{
    const char *trouble = leat_kafka_fetch_trouble(g->fetch);
    int64_t now = leat_mono_us();
    if (g->quiet_us == 0) g->quiet_us = now;
    if (!trouble || now - g->quiet_us < PATIENCE_US) return;
    fprintf(stderr, "leat: waiting for Kafka: %s\n", trouble);
    g->quiet_us = now;
}

static leat_rc read_all(reader *g, leat_err *e)
{
    while (!enough(g)) {
        leat_kafka_message m;
        if (!g->conf->follow && leat_kafka_fetch_at_end(g->fetch)) break;
        leat_rc rc = leat_kafka_fetch_next(g->fetch, &m, g->lines->out.len ? 0 : WAIT_MS, e);
        if (leat_rc_failed(rc)) {
            leat_lines_flush(g->lines);
            return rc;
        }
        if (rc == LEAT_OK) {
            g->printed++;
            g->quiet_us = 0;
            if (!g->conf->count) put_record(g, &m);
        } else {
            tell_waiting(g);
        }
        if (rc == LEAT_AGAIN || g->lines->out.len >= LEAT_LINES_FLUSH) leat_lines_flush(g->lines);
    }
    leat_lines_flush(g->lines);
    return LEAT_OK;
}

/* With --follow waits until the topic is there. */
static leat_rc begin(reader *g, const char *topic, leat_err *e)
{
    const leat_read_kafka *c = g->conf;
    leat_kafka_from from = c->from;
    for (bool told = false;; told = true) {
        leat_rc rc =
            leat_kafka_fetch_topic(g->fetch, topic, c->partition, from, c->at, ANSWER_MS, e);
        if (!c->follow || rc != LEAT_CONF || strcmp(e->code, "topic.unknown") != 0) return rc;
        if (leat_lines_interrupted()) return LEAT_AGAIN;
        if (!told) fprintf(stderr, "leat: waiting for topic %s\n", topic);
        from = from == LEAT_KAFKA_END ? LEAT_KAFKA_BEGINNING : from; /* all of it is new then */
        leat_sleep_us(WAIT_MS * 1000);
    }
}

leat_rc leat_read_kafka_run(const leat_read_kafka *conf, leat_lines *lines, uint64_t *printed,
                            leat_err *e)
{
    reader g = {.conf = conf, .lines = lines};
    LEAT_TRY(open_fetch(conf->kafka, conf->uncommitted, &g.fetch, e));
    leat_arena_init(&g.a, 0);
    leat_rc rc = LEAT_OK;
    for (const char *const *t = conf->topics; *t && rc == LEAT_OK; t++) rc = begin(&g, *t, e);
    if (rc == LEAT_OK) rc = read_all(&g, e);
    *printed = g.printed;
    leat_kafka_fetch_close(g.fetch);
    leat_arena_free(&g.a);
    return rc;
}

/* ---- topics ---- */

static void print_json(const leat_kafka_topic_info *topics)
{
    leat_buf out = {0};
    leat_jw w = {.out = &out};
    leat_jw_array(&w, NULL);
    for (const leat_kafka_topic_info *t = topics; t; t = t->link) {
        leat_jw_object(&w, NULL);
        leat_jw_z(&w, "topic", t->name);
        leat_jw_null(&w, "connector");
        leat_jw_i64(&w, "partitions", t->partitions);
        leat_jw_i64(&w, "first_offset", t->first);
        leat_jw_i64(&w, "next_offset", t->next);
        leat_jw_end(&w);
    }
    leat_jw_end(&w);
    printf("%.*s\n", (int)out.len, out.p);
    leat_buf_free(&out);
}

static void print_table(const leat_kafka_topic_info *topics)
{
    int width = 5;
    for (const leat_kafka_topic_info *t = topics; t; t = t->link)
        if ((int)strlen(t->name) > width) width = (int)strlen(t->name);
    printf("%-*s  %10s %14s %14s\n", width, "TOPIC", "PARTITIONS", "FIRST", "NEXT");
    for (const leat_kafka_topic_info *t = topics; t; t = t->link)
        printf("%-*s  %10" PRId32 " %14" PRId64 " %14" PRId64 "\n", width, t->name, t->partitions,
               t->first, t->next);
}

int leat_topics_kafka(const leat_common *common)
{
    leat_arena a;
    leat_err err = {0};
    leat_kafka_fetch *f = NULL;
    leat_kafka_topic_info *topics = NULL;
    leat_arena_init(&a, 0);
    leat_rc rc = open_fetch(common->kafka, true, &f, &err);
    if (rc == LEAT_OK) rc = leat_kafka_fetch_topics(f, &a, &topics, ANSWER_MS, &err);
    if (rc == LEAT_OK && common->json) print_json(topics);
    if (rc == LEAT_OK && !common->json) print_table(topics);
    leat_kafka_fetch_close(f);
    leat_arena_free(&a);
    return leat_rc_failed(rc) ? leat_cli_fail(&err) : LEAT_EXIT_OK;
}
