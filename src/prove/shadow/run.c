/* A shadow's run (prove/shadow/shadow.h).
 *
 * In this order: Debezium's topics are noted as they end now, then the slot is made: so all that
 * leat will see is in what is read of Kafka. What Debezium wrote of earlier transactions is told
 * from that by the pairing. Both are then read in turn by this one thread; one whose records wait
 * for the other and fill its memory is not read, so that memory stays bounded; leat's connector is
 * paused then, so that its stream is, too.
 *
 * To end: the connector is stopped, its stream is read to the end, and Debezium's topics until all
 * of leat's records have met theirs, or `wait` long nothing has. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "capture/naming.h"
#include "engine/look.h"
#include "prove/shadow/part.h"
#include "state/state.h"

enum {
    ANSWER_MS = 10000,
    READ_MS = 50,
    TURN = 512,          /* records of Kafka a turn */
    TOPICS_US = 2000000, /* how often new topics are looked for */
    SECOND_US = 1000000,
    MARGIN_US = 600000000, /* by which clocks may be apart */
    BATCH_EVENTS = 4096,
    BATCH_BYTES = 1 << 20,
    KNOWN = 1 << 16, /* topics, at most */
};

typedef struct shadow {
    const leat_shadow_conf *conf;
    leat_arena a;
    leat_setup original; /* Debezium's, with the clients of Kafka */
    leat_shadow_twin twin;
    leat_shadow_scope scope;
    const char *begins; /* what the names of its topics begin with */
    leat_kafka_fetch *fetch;
    uint64_t known[KNOWN]; /* hashes of the topics that are read */
    uint64_t old[KNOWN];   /* of those that were there before */
    leat_arena names;      /* of the topics that leat has named, and are not read yet */
    leat_kafka_topic_info *named;
    leat_reader *reader;
    leat_batch batch;
    leat_json_converter *keys, *values;
    bool key_schemas, value_schemas;
    leat_buf text[4]; /* key, value, headers, one header */
    leat_page *page;
    leat_shadow_pairs *pairs;
    uint64_t letters;    /* of the twin, that the counters page told of */
    int64_t last_letter; /* id of the last one that the pairing knows */
    int64_t start_us, wall_us, topics_us, second_us;
    bool ready, idle, paused;
} shadow;

static void step(const shadow *s, const char *name, const char *text)
{
    s->conf->watch.step(s->conf->watch.arg, name, text);
}

/* ---- setting up ---- */

static bool flag(const leat_props *props, const char *name)
{
    const char *value = leat_props_get(props, name);
    return !value || !leat_str_ieq(leat_str_trim(leat_str_of(value)), LEAT_STR("false"));
}

static leat_rc configure(shadow *s, leat_err *e)
{
    leat_report r;
    leat_report_init(&r, &s->a);
    if (!s->conf->config->worker)
        return leat_fail(e, LEAT_CONF, "config.stream", s->conf->config->name,
                         "where Debezium's Kafka is must be said: give --kafka BROKERS, or name "
                         "the file of its worker behind the connector");
    if (!leat_setup_parse(s->conf->config, false, &s->a, &s->original, &r))
        return leat_report_err(&r, s->conf->config->name, e);
    LEAT_TRY(leat_shadow_twin_config(s->conf, &s->original, &s->a, &s->twin, e));
    const leat_capture_conf *c = s->original.source->capture(s->original.conf);
    s->begins = leat_arena_printf(&s->a, "%s%s", c->prefix, c->delimiter);
    s->scope = (leat_shadow_scope){
        .name = c->prefix,
        .heartbeats = leat_arena_printf(&s->a, "%s.%s", c->heartbeat_prefix, c->prefix),
        .notification = c->notify_topic,
        .rows = s->conf->snapshot,
    };
    if (c->signal_tables.n > 0)
        s->scope.signal = leat_arena_printf(&s->a, "%s%s", s->begins, c->signal_tables.v[0]);
    s->key_schemas = flag(&s->conf->config->props, "key.converter.schemas.enable");
    s->value_schemas = flag(&s->conf->config->props, "value.converter.schemas.enable");
    return LEAT_OK;
}

static leat_rc topic_of(shadow *s, const leat_catalog_table *t, const char **out, leat_err *e)
{
    leat_naming_place place;
    const leat_capture_conf *c = s->original.source->capture(s->original.conf);
    LEAT_TRY(leat_naming_table(c, &s->a, NULL, t->schema, t->name, &place, e));
    *out = place.topic;
    return LEAT_OK;
}

/* Tables whose rows Debezium's snapshot reads otherwise. */
static leat_rc look_at_tables(shadow *s, leat_err *e)
{
    leat_catalog all = {.a = &s->a};
    size_t n = 0;
    all.tail = &all.first;
    if (!s->conf->snapshot) return LEAT_OK;
    LEAT_TRY(s->original.source->discover(s->original.conf, &all, e));
    for (const leat_catalog_table *t = all.first; t; t = t->next) n++;
    const char **unlogged = LEAT_NEW(&s->a, const char *, n);
    const char **partitions = LEAT_NEW(&s->a, const char *, n);
    s->scope.unlogged = unlogged;
    s->scope.partitions = partitions;
    for (const leat_catalog_table *t = all.first; t; t = t->next) {
        if (strcmp(t->kind, LEAT_KIND_UNLOGGED) == 0)
            LEAT_TRY(topic_of(s, t, &unlogged[s->scope.nunlogged++], e));
        else if (strcmp(t->kind, LEAT_KIND_PARTITION) == 0)
            LEAT_TRY(topic_of(s, t, &partitions[s->scope.npartitions++], e));
    }
    return LEAT_OK;
}

static void make_converters(shadow *s)
{
    const leat_connector_conf *o = &s->original.common;
    leat_json_conf key = {s->key_schemas, o->key_decimal != 0, o->key_defaults};
    leat_json_conf value = {s->value_schemas, o->value_decimal != 0, o->value_defaults};
    leat_json_converter_free(s->keys);
    leat_json_converter_free(s->values);
    s->keys = leat_json_converter_new(&key);
    s->values = leat_json_converter_new(&value);
}

/* ---- Debezium's topics ---- */

/* Its slot in a set of names, by their hashes: holds the hash, or 0 where it is not in it. */
static uint64_t *slot_of(uint64_t *set, const char *topic, uint64_t *hash)
{
    *hash = leat_str_hash(leat_str_of(topic)) | 1;
    size_t i = *hash % KNOWN, n = 0;
    while (set[i] != 0 && set[i] != *hash && n++ < KNOWN) i = (i + 1) % KNOWN;
    return &set[i];
}

static bool has(uint64_t *set, const char *topic)
{
    uint64_t hash;
    return *slot_of(set, topic, &hash) == hash;
}

static void put(uint64_t *set, const char *topic)
{
    uint64_t hash, *slot = slot_of(set, topic, &hash);
    *slot = hash;
}

/* One that was there before the shadow is read from its end then; one that leat has named later,
 * by its clock; a new one from its beginning. While it is being made it is not there yet. */
static leat_rc read_topic(shadow *s, const char *topic, leat_err *e)
{
    leat_kafka_from from = LEAT_KAFKA_BEGINNING;
    bool first = s->topics_us == 0;
    if (has(s->known, topic)) return LEAT_OK;
    if (has(s->old, topic) && !s->conf->snapshot) from = first ? LEAT_KAFKA_END : LEAT_KAFKA_TIME;
    leat_rc rc =
        leat_kafka_fetch_topic(s->fetch, topic, -1, from, s->wall_us - MARGIN_US, ANSWER_MS, e);
    if (rc == LEAT_OK) put(s->known, topic);
    bool unknown = rc == LEAT_CONF && strcmp(e->code, "topic.unknown") == 0;
    return !first && (unknown || rc == LEAT_RETRY) ? LEAT_OK : rc;
}

/* Those that are there: by their names, and those that leat has named. */
static leat_rc look_for_topics(shadow *s, leat_err *e)
{
    leat_arena a;
    const char **names = NULL;
    size_t n = 0;
    leat_arena_init(&a, 0);
    leat_rc rc = leat_kafka_fetch_names(s->fetch, &a, &names, &n, ANSWER_MS, e);
    for (size_t i = 0; i < n && s->topics_us == 0; i++) put(s->old, names[i]);
    for (size_t i = 0; i < n && rc == LEAT_OK; i++)
        if (leat_str_starts(leat_str_of(names[i]), s->begins)) rc = read_topic(s, names[i], e);
    for (leat_kafka_topic_info *t = s->named; t && rc == LEAT_OK; t = t->link)
        rc = read_topic(s, t->name, e);
    s->named = NULL;
    leat_arena_reset(&s->names, 0);
    leat_arena_free(&a);
    if (rc == LEAT_RETRY && s->topics_us != 0) rc = LEAT_OK; /* brokers that are away come back */
    s->topics_us = leat_mono_us();
    return rc;
}

/* leat has a record of it: Debezium's is looked for. */
static void name_topic(shadow *s, const char *topic)
{
    if (has(s->known, topic)) return;
    for (const leat_kafka_topic_info *t = s->named; t; t = t->link)
        if (strcmp(t->name, topic) == 0) return;
    leat_kafka_topic_info *t = LEAT_NEW(&s->names, leat_kafka_topic_info, 1);
    t->name = leat_arena_strdup(&s->names, topic);
    t->link = s->named;
    s->named = t;
}

/* ---- reading ---- */

static void headers_of_kafka(shadow *s, const leat_kafka_message *m)
{
    leat_jw w = {.out = &s->text[2]};
    leat_buf_clear(&s->text[2]);
    leat_jw_array(&w, NULL);
    for (size_t i = 0; i < m->nheaders; i++) {
        leat_jw_array(&w, NULL);
        leat_jw_z(&w, NULL, m->headers[i].name);
        leat_jw_str(&w, NULL, m->headers[i].value);
        leat_jw_end(&w);
    }
    leat_jw_end(&w);
}

/* Whether it was written with schemas: leat's are then written so, too. */
static void learn(shadow *s, const leat_kafka_message *m)
{
    static const char wrapped[] = "{\"schema\":";
    bool key = m->key.s ? leat_str_starts(m->key, wrapped) : s->key_schemas;
    bool value = m->value.s ? leat_str_starts(m->value, wrapped) : s->value_schemas;
    if (key == s->key_schemas && value == s->value_schemas) return;
    s->key_schemas = key;
    s->value_schemas = value;
    make_converters(s);
}

static leat_rc take_kafka(shadow *s, int ms, bool *some, leat_err *e)
{
    leat_kafka_message m;
    for (unsigned i = 0; i < TURN && !leat_shadow_full(s->pairs, LEAT_SHADOW_DEBEZIUM); i++) {
        leat_rc rc = leat_kafka_fetch_next(s->fetch, &m, ms, e);
        LEAT_TRY(rc);
        if (rc == LEAT_AGAIN) {
            s->idle = ms > 0 || s->idle;
            return LEAT_OK;
        }
        *some = true;
        s->idle = false;
        ms = 0;
        learn(s, &m);
        headers_of_kafka(s, &m);
        const leat_shadow_text text = {m.key, m.value, leat_buf_str(&s->text[2])};
        leat_shadow_add(s->pairs, LEAT_SHADOW_DEBEZIUM, m.topic, m.partition, m.offset, &text);
    }
    return LEAT_OK;
}

static leat_rc add_record(shadow *s, const leat_event *ev, const leat_record *record,
                          int64_t offset, leat_err *e)
{
    leat_str placeholder = ev->op ? ev->table->origin->placeholder : (leat_str){0};
    bool no_key = false, no_value = false;
    leat_jw w = {.out = &s->text[2]};
    for (size_t i = 0; i < 3; i++) leat_buf_clear(&s->text[i]);
    LEAT_TRY(leat_json_convert(s->keys, record->key_schema, &record->key, placeholder, &s->text[0],
                               &no_key, e));
    LEAT_TRY(leat_json_convert(s->values, record->value_schema, &record->value, placeholder,
                               &s->text[1], &no_value, e));
    leat_jw_array(&w, NULL);
    for (uint32_t i = 0; i < record->nheaders; i++) {
        leat_buf_clear(&s->text[3]);
        LEAT_TRY(leat_json_header(s->values, &record->headers[i], &s->text[3], e));
        leat_jw_array(&w, NULL);
        leat_jw_z(&w, NULL, record->headers[i].name);
        bool none = record->headers[i].value.kind == LEAT_NULL;
        leat_jw_str(&w, NULL, none ? (leat_str){0} : leat_buf_str(&s->text[3]));
        leat_jw_end(&w);
    }
    leat_jw_end(&w);
    const leat_shadow_text text = {no_key ? (leat_str){0} : leat_buf_str(&s->text[0]),
                                   no_value ? (leat_str){0} : leat_buf_str(&s->text[1]),
                                   leat_buf_str(&s->text[2])};
    name_topic(s, record->topic);
    if (ev->op) leat_shadow_describe(s->pairs, ev->table);
    leat_shadow_add(s->pairs, LEAT_SHADOW_LEAT, record->topic, 0, offset, &text);
    return LEAT_OK;
}

static leat_rc add_event(shadow *s, const leat_event *ev, leat_err *e)
{
    leat_record records[LEAT_RECORDS_MAX];
    unsigned n = leat_envelope_records(ev, &s->batch.arena, records);
    for (unsigned i = 0; i < n; i++) LEAT_TRY(add_record(s, ev, &records[i], ev->offset + i, e));
    return LEAT_OK;
}

static leat_rc open_reader(shadow *s, leat_err *e)
{
    const leat_reader_conf conf = {
        .data = s->twin.folder, .connector = s->twin.config.name, .from = LEAT_FROM_BEGINNING};
    leat_rc rc = leat_reader_open(&conf, &s->reader, e);
    return rc == LEAT_RETRY && strcmp(e->code, "stream.missing") == 0 ? LEAT_AGAIN : rc;
}

static leat_rc take_leat(shadow *s, bool *some, leat_err *e)
{
    if (!s->reader) {
        leat_rc opened = open_reader(s, e);
        if (opened != LEAT_OK) return opened == LEAT_AGAIN ? LEAT_OK : opened;
    }
    if (leat_shadow_full(s->pairs, LEAT_SHADOW_LEAT)) return LEAT_OK;
    leat_rc rc = leat_reader_next(s->reader, &s->batch, 0, e);
    LEAT_TRY(rc);
    if (rc == LEAT_AGAIN) return LEAT_OK;
    *some = true;
    for (uint32_t i = 0; i < s->batch.n; i++) LEAT_TRY(add_event(s, &s->batch.ev[i], e));
    leat_json_converter_forget(s->keys);
    leat_json_converter_forget(s->values);
    return LEAT_OK;
}

/* ---- once a second ---- */

static void look_at_twin(shadow *s)
{
    char path[4096];
    if (!s->page) {
        snprintf(path, sizeof path, "%s/connectors/%s/counters", s->twin.folder,
                 s->twin.config.name);
        if (leat_page_open(path, &s->page, NULL) != LEAT_OK) s->page = NULL;
    }
    if (s->page && !s->ready && atomic_load(&s->page->state) == LEAT_RUN_RUNNING) {
        s->ready = true;
        step(s, "ready", "both are read; records are compared from now on");
    }
}

static bool take_letter(void *arg, const leat_dead_letter *letter)
{
    shadow *s = arg;
    s->last_letter = letter->id;
    leat_shadow_letter(s->pairs, letter->topic, letter->position);
    return true;
}

/* What leat could not show has no record: Debezium's is then no surprise. Letters are stored before
 * what follows them in the stream. */
static leat_rc take_letters(shadow *s, leat_err *e)
{
    leat_state *state = NULL;
    uint64_t n = s->page ? atomic_load(&s->page->dead) : 0;
    if (n == s->letters) return LEAT_OK;
    leat_rc rc = leat_state_open(s->twin.folder, s->twin.config.name, true, &state, e);
    if (rc == LEAT_OK) rc = leat_state_dead_each(state, s->last_letter, 0, take_letter, s, e);
    leat_state_close(state);
    if (rc == LEAT_OK) s->letters = n;
    return rc;
}

/* While leat's records wait and fill their memory its connector takes nothing. */
static void pace(shadow *s)
{
    leat_arena a;
    bool full = leat_shadow_full(s->pairs, LEAT_SHADOW_LEAT);
    if (full == s->paused || !s->ready || s->twin.pid == 0) return;
    leat_arena_init(&a, 0);
    leat_str request = full ? LEAT_STR("{\"verb\":\"pause\",\"by\":\"leat shadow\"}")
                            : LEAT_STR("{\"verb\":\"resume\",\"by\":\"leat shadow\"}");
    const leat_json *reply;
    if (leat_look_ask(s->twin.folder, s->twin.config.name, request, ANSWER_MS, &a, &reply, NULL,
                      NULL) == LEAT_OK)
        s->paused = full;
    leat_arena_free(&a);
}

static leat_shadow_lag lag_of(const leat_shadow_counts *c, leat_shadow_side side)
{
    leat_shadow_side other = side == LEAT_SHADOW_LEAT ? LEAT_SHADOW_DEBEZIUM : LEAT_SHADOW_LEAT;
    int64_t us = c->last_us[other] - c->last_us[side];
    bool behind = c->waiting[other] > 0;
    return (leat_shadow_lag){c->waiting[other], behind && us > 0 ? us : 0};
}

static void show(shadow *s)
{
    const leat_shadow_counts *c = leat_shadow_counted(s->pairs);
    leat_shadow_status st = {
        .counts = c,
        .lag = {lag_of(c, LEAT_SHADOW_LEAT), lag_of(c, LEAT_SHADOW_DEBEZIUM)},
        .retained_bytes = s->page ? atomic_load(&s->page->retained_bytes) : -1,
        .seconds = (leat_mono_us() - s->start_us) / SECOND_US,
        .trouble = leat_kafka_fetch_trouble(s->fetch),
    };
    s->conf->watch.progress(s->conf->watch.arg, &st);
}

static leat_rc each_second(shadow *s, leat_err *e)
{
    int64_t now = leat_mono_us();
    if (now - s->second_us < SECOND_US) return LEAT_OK;
    s->second_us = now;
    look_at_twin(s);
    LEAT_TRY(take_letters(s, e));
    leat_shadow_judge(s->pairs, now, s->idle);
    pace(s);
    show(s);
    return now - s->topics_us < TOPICS_US ? LEAT_OK : look_for_topics(s, e);
}

/* ---- the run ---- */

static bool wanted(const shadow *s)
{
    const leat_shadow_conf *c = s->conf;
    const leat_shadow_counts *n = leat_shadow_counted(s->pairs);
    if (c->watch.stop(c->watch.arg)) return false;
    if (c->seconds > 0 && leat_mono_us() - s->start_us >= c->seconds * SECOND_US) return false;
    return c->records == 0 || n->compared < c->records;
}

static leat_rc turn(shadow *s, bool *some, leat_err *e)
{
    *some = false;
    LEAT_TRY(take_leat(s, some, e));
    LEAT_TRY(take_kafka(s, *some ? 0 : READ_MS, some, e));
    return each_second(s, e);
}

static leat_rc watch(shadow *s, leat_err *e)
{
    bool some;
    while (wanted(s)) {
        LEAT_TRY(leat_shadow_twin_alive(&s->twin, e));
        LEAT_TRY(turn(s, &some, e));
    }
    return LEAT_OK;
}

/* leat's stream is final now; Debezium's records of it are waited for. */
static leat_rc drain(shadow *s, leat_err *e)
{
    const leat_shadow_counts *n = leat_shadow_counted(s->pairs);
    uint64_t compared = n->compared;
    int64_t moved = leat_mono_us();
    for (;;) {
        bool some, all = !s->reader || leat_reader_at_end(s->reader);
        LEAT_TRY(turn(s, &some, e));
        if (all && n->waiting[LEAT_SHADOW_LEAT] == 0 && s->idle) break;
        if (n->compared != compared) moved = leat_mono_us();
        compared = n->compared;
        if (leat_mono_us() - moved >= s->conf->wait_us) break;
    }
    LEAT_TRY(take_letters(s, e));
    leat_shadow_end(s->pairs);
    show(s);
    if (n->waiting[LEAT_SHADOW_LEAT] == 0) return LEAT_OK;
    return leat_fail(e, LEAT_RETRY, "shadow.unfinished", s->twin.config.name,
                     "%" PRIu64 " records of leat's have no twin: Debezium had not written them "
                     "%" PRId64 " s after the end; look whether its connector runs, or give it "
                     "longer with --wait",
                     n->waiting[LEAT_SHADOW_LEAT], s->conf->wait_us / SECOND_US);
}

static leat_rc begin(shadow *s, leat_err *e)
{
    const leat_kafka_fetch_conf fetch = {.kafka = &s->original.clients, .name = "leat-shadow"};
    s->wall_us = leat_now_us();
    s->start_us = leat_mono_us();
    LEAT_TRY(leat_kafka_fetch_open(&fetch, &s->fetch, e));
    LEAT_TRY(look_for_topics(s, e));
    step(s, "topics",
         leat_arena_printf(&s->a, "Debezium's topics %s* are read from their %s", s->begins,
                           s->conf->snapshot ? "beginning" : "end"));
    leat_shadow_twin_begin(&s->twin);
    if (s->twin.slot)
        step(s, "slot",
             leat_arena_printf(&s->a, "leat reads the database by the slot %s", s->twin.slot));
    else
        step(s, "log", "leat reads the database's log, under a server id of its own");
    return LEAT_OK;
}

static void release(shadow *s)
{
    leat_page_close(s->page);
    leat_reader_close(s->reader);
    leat_kafka_fetch_close(s->fetch);
    leat_json_converter_free(s->keys);
    leat_json_converter_free(s->values);
    leat_batch_free(&s->batch);
    for (size_t i = 0; i < sizeof s->text / sizeof *s->text; i++) leat_buf_free(&s->text[i]);
    leat_arena_free(&s->names);
    leat_shadow_pairs_free(s->pairs);
    leat_arena_free(&s->a);
    leat_free(s);
}

leat_rc leat_shadow_run(const leat_shadow_conf *conf, leat_shadow_counts *counts, leat_err *e)
{
    shadow *s = leat_zalloc(1, sizeof *s);
    leat_err gone;
    s->conf = conf;
    s->twin.lock = s->twin.gate = -1;
    leat_batch_init(&s->batch, BATCH_EVENTS, BATCH_BYTES);
    leat_rc rc = configure(s, e);
    if (rc == LEAT_OK) rc = look_at_tables(s, e);
    if (rc == LEAT_OK) rc = leat_shadow_twin_prepare(conf, &s->a, &s->twin, e);
    if (rc == LEAT_OK) rc = leat_shadow_twin_fork(conf, &s->twin, e);
    s->pairs = leat_shadow_pairs_new(&s->scope, conf->memory, conf->wait_us, conf->watch.difference,
                                     conf->watch.arg);
    if (rc == LEAT_OK) make_converters(s);
    if (rc == LEAT_OK) rc = begin(s, e);
    if (rc == LEAT_OK) rc = watch(s, e);
    leat_shadow_twin_end(&s->twin);
    if (rc == LEAT_OK) rc = drain(s, e);
    *counts = *leat_shadow_counted(s->pairs);
    leat_rc removed = leat_shadow_twin_remove(&s->twin, conf->keep, &gone);
    if (removed != LEAT_OK && rc == LEAT_OK) {
        rc = removed;
        *e = gone;
    }
    if (removed == LEAT_OK && s->twin.begun && s->twin.slot)
        step(s, "removed", conf->keep ? "the slot stays, as asked" : "the slot was dropped");
    release(s);
    return rc;
}
