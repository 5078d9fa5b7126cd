/* The exchange of the schema history with Debezium's; see the header.
 *
 * How far it is mirrored stands in the file schemas.mirrored of the connector's folder: the number
 * of the last entry that is in the topic. A crash behind a write writes some entries twice, which
 * Debezium reads as the same statement once more. What was adopted is not written back. */
#include "engine/exchange.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "stream/kafka/lines.h"

#define HISTORY "schema.history.internal."
#define MIRRORED "schemas.mirrored"

enum {
    WAIT_MS = 30000,     /* for the topic */
    WRITE_MS = 30000,    /* for one write of the mirror ... */
    TURN_MS = 200,       /* ... of which at a time: others want the thread, too */
    EVERY_US = 1000000,  /* between looks */
    AGAIN_US = 10000000, /* after a failure */
    GROUP = 200,         /* entries of a write */
    FILE_MOST = 1 << 30,
};

/* ---- options ---- */

/* schema.history.internal.consumer.X is consumer.X of a worker, as it would be in its file. */
static void lay(const leat_props *from, leat_arena *a, leat_props *to)
{
    static const char *const roles[] = {"consumer.", "producer."};
    for (const leat_prop *p = from->first; p; p = p->next) {
        if (strncmp(p->name, HISTORY, sizeof HISTORY - 1) != 0) continue;
        const char *name = p->name + sizeof HISTORY - 1;
        for (int i = 0; i < 2; i++)
            if (strncmp(name, roles[i], strlen(roles[i])) == 0)
                leat_props_set(to, a, leat_str_of(name), leat_str_of(p->value), p->line);
    }
}

static void parse_kafka(const leat_capture_conf *c, const leat_props *props, bool strict,
                        leat_arena *a, leat_exchange_conf *x, leat_report *r)
{
    static const char *const topic[][2] = {
        {"topic.creation.default.partitions", "1"},
        {"topic.creation.default.replication.factor", "-1"},
        {"topic.creation.default.cleanup.policy", "delete"},
        {"topic.creation.default.retention.ms", "-1"},
        {"topic.creation.default.retention.bytes", "-1"},
    };
    leat_props worker, made;
    const char *brokers = leat_props_get(props, HISTORY "kafka.bootstrap.servers");
    if (!brokers || !c->history_topic) {
        leat_report_add(r, false,
                        brokers ? HISTORY "kafka.topic" : HISTORY "kafka.bootstrap.servers", 0,
                        "is required, but not set: schema.history.exchange wants Debezium's topic");
        return;
    }
    leat_props_init(&worker, NULL);
    leat_props_init(&made, NULL);
    leat_props_set(&worker, a, LEAT_STR("bootstrap.servers"), leat_str_of(brokers), 0);
    lay(props, a, &worker);
    for (size_t i = 0; i < sizeof topic / sizeof *topic; i++)
        leat_props_set(&made, a, leat_str_of(topic[i][0]), leat_str_of(topic[i][1]), 0);
    x->topic = c->history_topic;
    leat_kafka_options_read(&worker, &made, strict, a, &x->kafka, r);
}

void leat_exchange_parse(const leat_source *source, const void *conf, const leat_props *props,
                         bool strict, leat_arena *a, const leat_exchange_conf **out, leat_report *r)
{
    const leat_capture_conf *c = source->capture ? source->capture(conf) : NULL;
    *out = NULL;
    if (!source->history || !c || c->history_exchange == LEAT_EXCHANGE_OFF) return;
    leat_exchange_conf *x = LEAT_NEW(a, leat_exchange_conf, 1);
    *x = (leat_exchange_conf){.mirror = c->history_exchange == LEAT_EXCHANGE_MIRROR};
    bool file = leat_class_is((const char *const[]){"io.debezium.storage.file.history."
                                                    "FileSchemaHistory",
                                                    NULL},
                              leat_str_of(c->history_class));
    if (file && x->mirror)
        leat_report_add(r, false, "schema.history.exchange", 0,
                        "mirror writes to a topic, and schema.history.internal is a file's class: "
                        "take adopt");
    if (file && !c->history_file)
        leat_report_add(r, false, HISTORY "file.filename", 0, "is required, but not set");
    x->file = file ? c->history_file : NULL;
    if (!file) parse_kafka(c, props, strict, a, x, r);
    *out = x;
}

/* ---- how far it is mirrored ---- */

static const char *mirrored_path(const char *folder, leat_arena *a)
{
    return leat_arena_printf(a, "%s/" MIRRORED, folder);
}

static leat_rc keep(const char *path, int64_t upto, leat_err *e)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64 "\n", upto);
    int err = leat_os_store(path, leat_str_of(text), 0600);
    return err < 0 ? leat_os_fail(e, err, "write", path) : LEAT_OK;
}

/* ---- adopting ---- */

typedef struct adopting {
    const leat_source *source;
    const void *conf;
    leat_arena a;
    leat_arena line;      /* what one is read with */
    leat_schema_entry *v; /* heap */
    size_t n, cap;
    uint64_t lines;
    const char *from;
} adopting;

static leat_rc take(void *arg, leat_str line, int64_t offset, leat_err *e)
{
    adopting *x = arg;
    leat_schema_entry *v;
    size_t n;
    x->lines++;
    leat_arena_reset(&x->line, 1 << 16);
    leat_rc rc = x->source->history->read(x->conf, line, &x->line, &v, &n, e);
    if (rc == LEAT_CONF)
        return leat_fail(e, rc, e->code, x->from, "record %" PRId64 ": %s", offset, e->msg);
    LEAT_TRY(rc);
    if (x->n + n > x->cap) {
        x->cap = 2 * x->cap + n;
        x->v = leat_realloc(x->v, x->cap * sizeof *x->v);
    }
    for (size_t i = 0; i < n; i++) {
        leat_schema_entry *en = &x->v[x->n++];
        leat_str *texts[] = {&en->db, &en->table, &en->place, &en->what, &en->sql, &en->def};
        *en = v[i];
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            if (texts[k]->s) *texts[k] = leat_arena_str(&x->a, *texts[k]);
    }
    return LEAT_OK;
}

static leat_rc take_file(adopting *x, const char *path, leat_err *e)
{
    leat_buf all = {0};
    int err = leat_os_load(path, &all, FILE_MOST);
    leat_rc rc = err < 0 ? leat_os_fail(e, err, "read", path) : LEAT_OK;
    leat_str rest = leat_buf_str(&all);
    for (int64_t n = 1; rc == LEAT_OK && rest.s && rest.len > 0; n++) {
        leat_str line = leat_str_trim(leat_str_cut(&rest, '\n'));
        if (line.len > 0) rc = take(x, line, n, e);
    }
    leat_buf_free(&all);
    return rc;
}

leat_rc leat_exchange_adopt(const leat_exchange_conf *c, const leat_source *source,
                            const void *conf, leat_state *state, const char *connector,
                            const char *folder, leat_err *e)
{
    leat_schema_store *store = leat_state_schema_store(state);
    adopting x = {.source = source, .conf = conf};
    bool empty = false;
    if (!c) return LEAT_OK;
    LEAT_TRY(store->empty(store, &empty, e));
    if (!empty) return LEAT_OK;
    x.from = c->file ? c->file : c->topic;
    leat_rc rc = c->file
                     ? take_file(&x, c->file, e)
                     : leat_kafka_lines_read(&c->kafka, connector, c->topic, take, &x, WAIT_MS, e);
    /* The mirror makes its topic. */
    if (rc == LEAT_CONF && c->mirror && strcmp(e->code, "topic.unknown") == 0) rc = LEAT_OK;
    /* First: without entries all of this is done again, with them nothing is. What came from a file
     * no topic has. */
    if (rc == LEAT_OK) rc = keep(mirrored_path(folder, &x.a), c->file ? 0 : (int64_t)x.n, e);
    if (rc == LEAT_OK && x.n > 0) rc = store->add(store, x.v, x.n, e);
    if (rc == LEAT_OK)
        leat_log(LEAT_INFO, "schema.adopted", "from=\"%s\" records=%" PRIu64 " entries=%zu", x.from,
                 x.lines, x.n);
    leat_free(x.v);
    leat_arena_free(&x.line);
    leat_arena_free(&x.a);
    return rc;
}

/* ---- mirroring ---- */

struct leat_exchange {
    const leat_exchange_conf *c;
    const leat_source *source;
    const void *conf;
    const char *connector;
    leat_arena a;
    const char *path;
    int64_t done;    /* entries up to this one are in the topic; -1: not read yet */
    int64_t next_us; /* monotonic */
    int64_t broken;  /* the last one that was told to be */
    leat_err told;   /* rc OK: it goes well */
    /* The group that is written: */
    leat_kafka_lines *writing; /* NULL: none is */
    leat_arena lines;
    leat_str v[GROUP];
    size_t n;
    int64_t upto;
};

leat_exchange *leat_exchange_new(const leat_exchange_conf *c, const leat_source *source,
                                 const void *conf, const char *connector, const char *folder)
{
    if (!c || !c->mirror) return NULL;
    leat_exchange *x = leat_zalloc(1, sizeof *x);
    x->c = c;
    x->source = source;
    x->conf = conf;
    x->connector = connector;
    x->path = mirrored_path(folder, &x->a);
    x->done = -1;
    return x;
}

void leat_exchange_free(leat_exchange *x)
{
    if (!x) return;
    leat_kafka_lines_close(x->writing);
    leat_arena_free(&x->lines);
    leat_arena_free(&x->a);
    leat_free(x);
}

static void tell_broken(leat_exchange *x, int64_t id)
{
    if (id <= x->broken) return;
    x->broken = id;
    leat_log(LEAT_WARN, "schema.broken",
             "entry=%" PRId64 " its checksum does not fit: it is not written to \"%s\". 'leat "
             "schema %s verify' tells what is broken",
             id, x->c->topic, x->connector);
}

static bool put(void *arg, const leat_schema_entry *en)
{
    leat_exchange *x = arg;
    leat_buf line = {0};
    x->upto = en->id;
    if (en->broken)
        tell_broken(x, en->id);
    else
        x->source->history->write(x->conf, en, &line);
    if (line.len > 0) x->v[x->n++] = leat_arena_str(&x->lines, leat_buf_str(&line));
    leat_buf_free(&line);
    return x->n < GROUP;
}

static void recall(leat_exchange *x)
{
    leat_buf text = {0};
    uint64_t n = 0;
    if (leat_os_load(x->path, &text, 64) >= 0) leat_str_u64(leat_str_trim(leat_buf_str(&text)), &n);
    x->done = (int64_t)n;
    leat_buf_free(&text);
}

/* AGAIN: nothing was noted since. */
static leat_rc begin_group(leat_exchange *x, leat_state *state, leat_err *e)
{
    leat_arena_reset(&x->lines, 1 << 16);
    x->n = 0;
    x->upto = x->done;
    LEAT_TRY(leat_state_schemas_after(state, x->done, put, x, e));
    if (x->upto == x->done) return LEAT_AGAIN;
    if (x->n == 0) return LEAT_OK;
    return leat_kafka_lines_open(&x->c->kafka, x->connector, x->c->topic, x->v, x->n, WRITE_MS,
                                 &x->writing, e);
}

/* OK: a group is in the topic. PENDING: not yet. AGAIN: nothing was noted since. */
static leat_rc write_group(leat_exchange *x, leat_state *state, leat_err *e)
{
    leat_rc rc = x->writing ? LEAT_OK : begin_group(x, state, e);
    if (rc != LEAT_OK) return rc;
    if (x->writing) rc = leat_kafka_lines_turn(x->writing, TURN_MS, e);
    if (rc == LEAT_AGAIN) return LEAT_PENDING;
    leat_kafka_lines_close(x->writing);
    x->writing = NULL;
    LEAT_TRY(rc);
    LEAT_TRY(keep(x->path, x->upto, e));
    x->done = x->upto;
    return LEAT_OK;
}

void leat_exchange_turn(leat_exchange *x, leat_state *state)
{
    leat_err e = {0};
    if (!x || leat_mono_us() < x->next_us) return;
    if (x->done < 0) recall(x);
    leat_rc rc = write_group(x, state, &e);
    if (rc == LEAT_PENDING) return;
    x->next_us = leat_mono_us() + (leat_rc_failed(rc) ? AGAIN_US : rc == LEAT_AGAIN ? EVERY_US : 0);
    if (leat_rc_failed(rc) && strcmp(x->told.code, e.code) != 0) leat_log_err(LEAT_WARN, &e);
    if (rc == LEAT_OK && leat_rc_failed(x->told.rc))
        leat_log(LEAT_INFO, "schema.mirrored", "topic=\"%s\" the schema history is written again",
                 x->c->topic);
    x->told = leat_rc_failed(rc) ? e : (leat_err){0};
}

leat_rc leat_exchange_finish(leat_exchange *x, leat_state *state, int64_t wait_ms, leat_err *e)
{
    int64_t until = leat_mono_us() + wait_ms * 1000;
    leat_rc rc;
    recall(x);
    do rc = write_group(x, state, e);
    while ((rc == LEAT_OK || rc == LEAT_PENDING) && leat_mono_us() < until);
    if (rc == LEAT_AGAIN) return LEAT_OK;
    if (leat_rc_failed(rc)) return rc;
    return leat_fail(e, LEAT_RETRY, "kafka.timeout", x->c->topic,
                     "the schema history was not written to the end in %lld s",
                     (long long)wait_ms / 1000);
}
