/* leat read: prints a topic's records, as a consumer would see them, or counts them.
 *
 * json is one object a line: topic, partition, offset, timestamp (ms), key, value, headers; key and
 * value are JSON values as Kafka Connect's JsonConverter makes them (json-schema: with schemas).
 * native is one line an event: the change as leat keeps it, what the source left out left out. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/lines.h"
#include "cli/read_kafka.h"
#include "engine/record.h"
#include "stream/reader.h"
#include "stream/stream.h"

enum { WAIT_US = 200000, TOPICS_MAX = 256, BATCH_EVENTS = 8192, BATCH_BYTES = 4 << 20 };

typedef enum format { JSON, JSON_SCHEMA, NATIVE } format;

typedef struct reading {
    leat_common common;
    const char *from, *format_name;
    bool follow, count;
    int64_t max; /* records; 0: all */
    const char *topics[TOPICS_MAX];
    leat_reader_conf conf;
    format format;
    leat_record_form form;
    leat_lines lines;
    int64_t first; /* records before this offset are not wanted */
    uint64_t printed;
    uint64_t unshown;  /* events whose cells do not fit their schema */
    int64_t partition; /* on Kafka: only this one; -1: all */
    bool uncommitted;  /* on Kafka */
} reading;

static leat_rc put_native(reading *g, const leat_event *ev, leat_err *e)
{
    char op[2] = {(char)ev->op, 0};
    leat_jw w = {.out = &g->lines.out};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "topic", leat_event_topic(ev));
    leat_jw_i64(&w, "offset", ev->offset);
    leat_jw_i64(&w, "ts_us", ev->ts_us);
    if (ev->op == LEAT_OP_RECORD) {
        const leat_record *record = ev->record;
        LEAT_TRY(leat_record_part(g->form.keys, &w, "key", record->key_schema, &record->key,
                                  (leat_str){0}, e));
        LEAT_TRY(leat_record_part(g->form.values, &w, "value", record->value_schema, &record->value,
                                  (leat_str){0}, e));
    } else {
        leat_jw_z(&w, "op", op);
        leat_jw_z(&w, "snapshot", leat_snapshot_name((leat_snapshot)ev->snapshot));
        leat_jw_i64(&w, "tx", (int64_t)ev->tx);
        leat_jw_i64(&w, "tx_seq", ev->tx_seq);
        leat_jw_bool(&w, "key_changed", ev->flags & LEAT_EV_KEY_CHANGED);
        LEAT_TRY(leat_record_row(g->form.values, &w, "before", ev->table->row, ev->before, e));
        LEAT_TRY(leat_record_row(g->form.values, &w, "after", ev->table->row, ev->after, e));
    }
    leat_jw_end(&w);
    leat_buf_u8(&g->lines.out, '\n');
    return LEAT_OK;
}

static bool enough(const reading *g)
{
    return g->lines.closed || leat_lines_interrupted() ||
           (g->max > 0 && g->printed >= (uint64_t)g->max);
}

static leat_rc put_event(reading *g, leat_batch *b, const leat_event *ev, leat_err *e)
{
    leat_record records[LEAT_RECORDS_MAX];
    if (g->count && g->max == 0 && ev->offset >= g->first) {
        g->printed += leat_event_records(ev);
        return LEAT_OK;
    }
    if (g->format == NATIVE && !g->count) {
        g->printed++;
        return put_native(g, ev, e);
    }
    unsigned n = leat_envelope_records(ev, &b->arena, records);
    for (unsigned i = 0; i < n && !enough(g); i++) {
        if (ev->offset + i < g->first) continue;
        g->printed++;
        if (g->count) continue;
        LEAT_TRY(leat_record_write(&g->form, ev, &records[i], ev->offset + i, &g->lines.out, e));
    }
    return LEAT_OK;
}

/* An event that cannot be shown is told on stderr, and does not hide those behind it. */
static leat_rc show_event(reading *g, leat_batch *b, const leat_event *ev, leat_err *e)
{
    size_t before = g->lines.out.len;
    leat_rc rc = put_event(g, b, ev, e);
    if (rc != LEAT_DATA) return rc;
    g->lines.out.len = before;
    g->unshown++;
    fprintf(stderr, "leat: %s, offset %" PRId64 ": %s: %s [%s]\n", leat_event_topic(ev), ev->offset,
            e->where, e->msg, e->code);
    return LEAT_OK;
}

static leat_rc read_all(reading *g, leat_reader *r, leat_err *e)
{
    leat_batch b;
    leat_batch_init(&b, BATCH_EVENTS, BATCH_BYTES);
    leat_rc rc = LEAT_OK;
    while (!enough(g)) {
        rc = leat_reader_next(r, &b, g->follow ? WAIT_US : 0, e);
        if (leat_rc_failed(rc)) break;
        if (rc == LEAT_AGAIN) {
            if (!g->follow && leat_reader_at_end(r)) break;
            continue;
        }
        for (uint32_t i = 0; i < b.n && !enough(g) && !leat_rc_failed(rc); i++) {
            rc = show_event(g, &b, &b.ev[i], e);
            if (g->lines.out.len >= LEAT_LINES_FLUSH) leat_lines_flush(&g->lines);
        }
        if (leat_rc_failed(rc)) break;
        leat_lines_flush(&g->lines);
        leat_record_form_forget(&g->form);
    }
    leat_lines_flush(&g->lines);
    leat_batch_free(&b);
    if (leat_rc_failed(rc)) return rc;
    if (g->unshown == 0) return LEAT_OK;
    return leat_fail(e, LEAT_DATA, "read.unshown", g->topics[0],
                     "%" PRIu64 " events could not be shown as records; --format native shows what "
                     "they hold",
                     g->unshown);
}

/* --from into the reader's configuration. */
static bool parse_from(reading *g)
{
    leat_str from = leat_str_of(g->from ? g->from : "beginning");
    if (leat_str_is(from, "beginning"))
        g->conf.from = LEAT_FROM_BEGINNING;
    else if (leat_str_is(from, "end"))
        g->conf.from = LEAT_FROM_END;
    else if (leat_str_i64(from, &g->conf.offset) && g->conf.offset >= 0)
        g->conf.from = LEAT_FROM_OFFSET;
    else if (leat_iso_parse(from, &g->conf.time_us))
        g->conf.from = LEAT_FROM_TIME;
    else
        return false;
    g->first = g->conf.from == LEAT_FROM_OFFSET ? g->conf.offset : 0;
    return true;
}

static bool parse_format(reading *g)
{
    leat_str name = leat_str_of(g->format_name ? g->format_name : "json");
    g->format = leat_str_is(name, "native")        ? NATIVE
                : leat_str_is(name, "json-schema") ? JSON_SCHEMA
                                                   : JSON;
    return g->format != JSON || leat_str_is(name, "json");
}

static bool is_unknown(leat_rc rc, const leat_err *e)
{
    return rc == LEAT_CONF && strcmp(e->code, "topic.unknown") == 0;
}

/* Whose stream it is; with --follow waits until the topic exists. AGAIN: leat_lines_interrupted().
 */
static leat_rc find_owner(reading *g, leat_arena *a, leat_err *e)
{
    bool told = false;
    for (;;) {
        leat_arena_reset(a, 0);
        leat_rc rc = leat_topics_owner(g->common.data, g->topics[0], a, &g->conf.connector, e);
        if (!is_unknown(rc, e) || !g->follow) return rc;
        if (leat_lines_interrupted()) return LEAT_AGAIN;
        if (!told) fprintf(stderr, "leat: waiting for topic %s\n", g->topics[0]);
        told = true;
        leat_sleep_us(WAIT_US);
    }
}

/* The other topics are of the same stream, or with --follow may become so. */
static leat_rc check_others(const reading *g, leat_arena *a, leat_err *e)
{
    for (const char *const *t = g->topics + 1; *t; t++) {
        const char *owner = NULL;
        leat_rc rc = leat_topics_owner(g->common.data, *t, a, &owner, e);
        if (is_unknown(rc, e) && g->follow) continue;
        LEAT_TRY(rc);
        if (strcmp(owner, g->conf.connector) != 0)
            return leat_fail(e, LEAT_CONF, "topic.elsewhere", *t,
                             "%s is of the connector %s and %s of %s: there is no order between "
                             "the two; read them one by one",
                             g->topics[0], g->conf.connector, *t, owner);
    }
    return LEAT_OK;
}

static leat_rc run(reading *g, leat_err *e)
{
    leat_arena a;
    leat_arena_init(&a, 0);
    leat_reader *r = NULL;
    leat_rc rc = find_owner(g, &a, e);
    if (rc == LEAT_OK) rc = check_others(g, &a, e);
    if (rc == LEAT_OK) rc = leat_reader_open(&g->conf, &r, e);
    if (rc == LEAT_OK) {
        leat_record_form_init(&g->form, g->common.data, g->conf.connector,
                              g->format == JSON_SCHEMA);
        rc = read_all(g, r, e);
        leat_record_form_fini(&g->form);
    }
    leat_reader_close(r);
    leat_arena_free(&a);
    return rc;
}

static leat_rc run_kafka(reading *g, leat_err *e)
{
    static const leat_kafka_from FROM[] = {
        [LEAT_FROM_BEGINNING] = LEAT_KAFKA_BEGINNING,
        [LEAT_FROM_END] = LEAT_KAFKA_END,
        [LEAT_FROM_OFFSET] = LEAT_KAFKA_OFFSET,
        [LEAT_FROM_TIME] = LEAT_KAFKA_TIME,
    };
    const leat_read_kafka conf = {
        .kafka = g->common.kafka,
        .topics = g->topics,
        .partition = (int32_t)g->partition,
        .from = FROM[g->conf.from],
        .at = g->conf.from == LEAT_FROM_TIME ? g->conf.time_us : g->conf.offset,
        .follow = g->follow,
        .count = g->count,
        .uncommitted = g->uncommitted,
        .schemas = g->format == JSON_SCHEMA,
        .max = (uint64_t)g->max,
    };
    return leat_read_kafka_run(&conf, &g->lines, &g->printed, e);
}

/* What is of the one stream alone. */
static const char *misplaced(const reading *g)
{
    if (g->common.kafka && g->format == NATIVE)
        return "--format native shows leat's own events; records on Kafka are json or json-schema";
    if (!g->common.kafka && g->partition >= 0)
        return "--partition is for topics on Kafka; the embedded stream's have one";
    if (!g->common.kafka && g->uncommitted)
        return "--uncommitted is for topics on Kafka; the embedded stream shows what is durable";
    return NULL;
}

int leat_cli_read(int argc, char **argv)
{
    reading g = {.common = {.data = leat_cli_data()}, .partition = -1};
    const leat_arg args[] = {
        LEAT_ARG_DATA(g.common),
        LEAT_ARG_KAFKA(g.common),
        {"from", LEAT_ARG_TEXT, &g.from, "WHERE", "beginning (default), end, an offset, or a time"},
        {"follow", LEAT_ARG_FLAG, &g.follow, NULL, "go on as records come, until Ctrl-C"},
        {"max", LEAT_ARG_INT, &g.max, "N", "stop after N records"},
        {"count", LEAT_ARG_FLAG, &g.count, NULL, "print only how many there are"},
        {"partition", LEAT_ARG_INT, &g.partition, "N", "on Kafka: only this partition"},
        {"uncommitted", LEAT_ARG_FLAG, &g.uncommitted, NULL,
         "on Kafka: records of open and aborted transactions too"},
        {"format", LEAT_ARG_TEXT, &g.format_name, "F", "json (default), json-schema or native"},
        LEAT_ARG_JSON(g.common),
        {0},
    };
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, g.topics, TOPICS_MAX - 1, &nwords, &status))
        return status;
    if (nwords == 0) return leat_cli_usage(argv[0], "name a topic");
    if (!parse_from(&g))
        return leat_cli_usage(argv[0],
                              "--from takes beginning, end, an offset or a time such as "
                              "2026-01-31T10:00:00Z, got \"%s\"",
                              g.from);
    if (!parse_format(&g))
        return leat_cli_usage(argv[0], "--format takes json, json-schema or native, got \"%s\"",
                              g.format_name);
    if (g.conf.from == LEAT_FROM_OFFSET && nwords > 1)
        return leat_cli_usage(argv[0], "an offset is of one topic; name one");
    if (misplaced(&g)) return leat_cli_usage(argv[0], "%s", misplaced(&g));
    g.conf.data = g.common.data;
    g.conf.topics = g.topics;
    leat_lines_signals();
    leat_err err = {0};
    leat_rc rc = g.common.kafka ? run_kafka(&g, &err) : run(&g, &err);
    if (rc == LEAT_OK) rc = leat_lines_result(&g.lines, &err);
    if (rc == LEAT_OK && g.count) {
        printf(g.common.json ? "{\"records\":%" PRIu64 "}\n" : "%" PRIu64 "\n", g.printed);
    }
    leat_buf_free(&g.lines.out);
    return leat_rc_failed(rc) ? leat_cli_fail(&err) : LEAT_EXIT_OK;
}
