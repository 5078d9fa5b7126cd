/* The delivery over a producer that the test is: what it takes, it reports while it is up. The
 * simulator has the rest. */
#include "../test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/os.h"
#include "stream/kafka/kafka.h"
#include "stream/kafka/left.h"
#include "stream_world.h"

enum { AWAY_US = 1000000, SPOOL_BYTES = 20000, EVENTS = 100, TURNS = 200, RECORDS_MOST = 100000 };

typedef struct producer {
    leat_broker base;
    leat_broker_events events;
    uint64_t tags[RECORDS_MOST];
    unsigned n;
    bool up;
} producer;

static int64_t mono;

static int64_t test_now(void)
{
    return 1763700000000000 + mono;
}

static int64_t test_mono(void)
{
    return mono += 10;
}

static void test_sleep(int64_t us)
{
    mono += us;
}

/* ---- the producer ---- */

static uint32_t topic(leat_broker *b, const char *name)
{
    (void)b;
    (void)name;
    return 0;
}

static leat_rc produce(leat_broker *b, const leat_broker_record *r, leat_err *e)
{
    producer *p = (producer *)b;
    (void)e;
    assert_true(p->n < RECORDS_MOST);
    p->tags[p->n++] = r->tag;
    return LEAT_OK;
}

static void send_now(leat_broker *b)
{
    (void)b;
}

static unsigned poll(leat_broker *b, int wait_ms)
{
    producer *p = (producer *)b;
    mono += wait_ms * 1000;
    if (!p->up) return 0;
    unsigned n = p->n;
    for (unsigned i = 0; i < n; i++) {
        const leat_delivery_report report = {p->tags[i], LEAT_DELIVERED, NULL, 0, (int64_t)i};
        p->events.report(p->events.arg, &report);
    }
    p->n = 0;
    return n;
}

static size_t queued(const leat_broker *b)
{
    return ((const producer *)b)->n;
}

static bool down(const leat_broker *b, leat_err *why)
{
    if (why && !((const producer *)b)->up) leat_fail(why, LEAT_RETRY, "kafka.down", NULL, "away");
    return !((const producer *)b)->up;
}

static leat_rc cluster(leat_broker *b, const char **id)
{
    (void)b;
    *id = "one";
    return LEAT_OK;
}

static bool fatal(const leat_broker *b, leat_err *why)
{
    (void)b;
    (void)why;
    return false;
}

static void close_producer(leat_broker *b, int wait_ms)
{
    (void)b;
    (void)wait_ms;
}

static const leat_broker_ops producer_ops = {
    .name = "test",
    .topic = topic,
    .produce = produce,
    .send = send_now,
    .poll = poll,
    .queued = queued,
    .down = down,
    .cluster = cluster,
    .fatal = fatal,
    .close = close_producer,
};

/* ---- the store ---- */

typedef struct kept {
    leat_delivered_store base;
    leat_arena a; /* of all that was ever saved */
    leat_delivered d;
    uint64_t prepared; /* its serial */
    unsigned saves;
    bool fails;
} kept;

static leat_rc load(leat_delivered_store *s, leat_arena *a, leat_delivered *out, leat_err *e)
{
    (void)a;
    (void)e;
    *out = ((kept *)s)->d;
    return LEAT_OK;
}

static leat_rc save(leat_delivered_store *s, const leat_delivered *d, leat_err *e)
{
    kept *k = (kept *)s;
    if (k->fails) return leat_fail(e, LEAT_RETRY, "os.enospc", NULL, "the store is full");
    leat_position *pos = LEAT_NEW(&k->a, leat_position, d->npos + 1);
    for (size_t i = 0; i < d->npos; i++)
        pos[i] = (leat_position){leat_arena_str(&k->a, d->pos[i].partition),
                                 leat_arena_str(&k->a, d->pos[i].offset)};
    k->d = *d;
    k->d.pos = pos;
    k->d.progress = d->progress.s ? leat_arena_str(&k->a, d->progress) : (leat_str){0};
    k->d.cursor = d->cursor.s ? leat_arena_str(&k->a, d->cursor) : (leat_str){0};
    k->d.cluster = leat_arena_str(&k->a, d->cluster);
    k->d.ntxs = 0;
    k->saves++;
    return LEAT_OK;
}

static leat_rc prepared(leat_delivered_store *s, leat_arena *a, leat_delivered *out, leat_err *e)
{
    (void)a;
    (void)e;
    *out = (leat_delivered){.serial = ((kept *)s)->prepared};
    return LEAT_OK;
}

/* ---- a delivery ---- */

static producer p;
static kept store;

static int begin(void **state)
{
    static const leat_clock clock = {test_now, test_mono, test_sleep};
    leat_clock_use(&clock);
    p = (producer){.base.ops = &producer_ops, .up = true};
    store = (kept){.base = {.load = load, .save = save, .prepared = prepared}, .d.episode = 1};
    return world_setup(state);
}

static int end(void **state)
{
    leat_clock_use(NULL);
    leat_arena_free(&store.a);
    return world_teardown(state);
}

static leat_kafka_conf conf_of(const world *w)
{
    return (leat_kafka_conf){
        .data = w->data,
        .connector = "shop",
        .broker = &p.base,
        .events = &p.events,
        .store = &store.base,
        .away_us = AWAY_US,
        .spool_bytes = 100 << 20,
        .window_bytes = 1 << 20,
    };
}

static leat_stream *open_stream(world *w, const leat_kafka_conf *conf)
{
    leat_stream *s = NULL;
    if (leat_kafka_open(conf, &s, &w->e) != LEAT_OK) fail_msg("%s: %s", w->e.code, w->e.msg);
    return s;
}

static leat_kafka_phase phase(const leat_stream *s)
{
    leat_kafka_status st;
    leat_kafka_status_get(s, &st);
    return st.phase;
}

static void turn(leat_stream *s)
{
    leat_err e = {0};
    mono += 10000;
    if (leat_rc_failed(s->ops->tend(s, &e))) fail_msg("%s: %s", e.code, e.msg);
}

static void turn_until(leat_stream *s, leat_kafka_phase wanted)
{
    for (unsigned i = 0; i < TURNS && phase(s) != wanted; i++) turn(s);
    assert_int_equal(phase(s), wanted);
}

/* The next events of the model. */
static leat_rc append(world *w, leat_stream *s)
{
    leat_rc rc = LEAT_AGAIN;
    leat_batch_reset(&w->b);
    model_read(&w->m, &w->at, EVENTS, &w->b);
    for (unsigned i = 0; i < TURNS && rc == LEAT_AGAIN; i++) {
        rc = s->ops->append(s, &w->b, (leat_str){0}, &w->e);
        mono += 10000;
    }
    return rc;
}

/* As a source says now and then that it lives: no event of any transaction. */
static void append_heartbeat(world *w, leat_stream *s)
{
    leat_batch_reset(&w->b);
    leat_record *record = LEAT_NEW(&w->b.arena, leat_record, 1);
    *record = (leat_record){.topic = "heartbeat"};
    leat_event *ev = leat_batch_add(&w->b, NULL);
    ev->record = record;
    leat_batch_safe(&w->b, (leat_position){LEAT_STR("{\"server\":\"shop\"}"), LEAT_STR("{}")});
    assert_int_equal(s->ops->append(s, &w->b, (leat_str){0}, &w->e), LEAT_OK);
}

/* Until the spool has no room for more of it, and all before it is delivered. fault: of the disk,
 * as for leat_fault_set; NULL: none. */
static void overfill(world *w, leat_stream *s, const char *fault, const char *code)
{
    leat_rc rc = LEAT_OK;
    p.up = false;
    assert_int_equal(append(w, s), LEAT_OK);
    turn_until(s, LEAT_KAFKA_SPOOL);
    leat_fault_set(fault);
    while (rc == LEAT_OK && w->at.k > 0) rc = append(w, s);
    assert_int_equal(rc, LEAT_RETRY);
    assert_string_equal(w->e.code, code);
    p.up = true;
    turn_until(s, LEAT_KAFKA_DRAIN);
    for (unsigned i = 0; i < TURNS && strcmp(w->e.code, "spool.transaction") != 0; i++) {
        turn(s);
        rc = append(w, s);
    }
    assert_int_equal(rc, LEAT_RETRY);
    assert_string_equal(w->e.code, "spool.transaction");
    assert_int_equal(s->ops->rollback(s, &w->e), LEAT_OK);
    turn_until(s, LEAT_KAFKA_DIRECT);
}

/* A transaction that the spool has no room for passes it by to its end, whatever comes before. */
static void pass_by(world *w, const leat_kafka_conf *conf, const char *fault, const char *code)
{
    w->m.most = 4000;
    while (model_size(&w->m, w->at.tx) < 2000) w->at.tx++;
    const model_place begin = w->at;
    leat_stream *s = open_stream(w, conf);
    overfill(w, s, fault, code);
    append_heartbeat(w, s);
    turn(s);
    p.up = false;
    w->at = begin;
    assert_int_equal(append(w, s), LEAT_OK);
    for (unsigned i = 0; i < TURNS; i++) turn(s);
    assert_int_equal(phase(s), LEAT_KAFKA_DIRECT);
    p.up = true;
    while (w->at.tx == begin.tx) assert_int_equal(append(w, s), LEAT_OK);
    turn(s);
    leat_fault_set(NULL);
    p.up = false; /* behind its end a spool is entered as ever */
    assert_int_equal(append(w, s), LEAT_OK);
    turn_until(s, LEAT_KAFKA_SPOOL);
    s->ops->close(s);
}

static void test_past_the_spool(void **state)
{
    world *w = *state;
    leat_kafka_conf conf = conf_of(w);
    conf.spool_bytes = SPOOL_BYTES;
    pass_by(w, &conf, NULL, "spool.full");
}

static void test_past_a_full_disk(void **state)
{
    world *w = *state;
    leat_kafka_conf conf = conf_of(w);
    conf.segment_bytes = 8192;
    pass_by(w, &conf, "stream_segment:0:ENOSPC", "os.enospc");
}

/* Kafka is away, and n batches and the rest of a transaction go to the spool. */
static void spool_some(world *w, leat_stream *s, unsigned n)
{
    p.up = false;
    assert_int_equal(append(w, s), LEAT_OK);
    turn_until(s, LEAT_KAFKA_SPOOL);
    for (unsigned i = 0; i < n || w->at.k > 0; i++) {
        assert_int_equal(append(w, s), LEAT_OK);
        assert_int_equal(s->ops->commit(s, &w->e), LEAT_OK);
    }
}

/* How much an earlier spool had delivered says nothing of this one, whoever asks. */
static void test_the_second_spool(void **state)
{
    world *w = *state;
    leat_kafka_status st;
    leat_kafka_left left;
    leat_kafka_conf conf = conf_of(w);
    leat_stream *s = open_stream(w, &conf);
    spool_some(w, s, 20);
    p.up = true;
    turn_until(s, LEAT_KAFKA_DIRECT);
    s->ops->close(s);
    s = open_stream(w, &conf);
    spool_some(w, s, 3);
    leat_kafka_status_get(s, &st);
    uint64_t events = st.spool_events;
    assert_true(events > 300);
    s->ops->close(s);
    assert_int_equal(leat_kafka_left_look(w->data, "shop", &store.base, &left, &w->e), LEAT_OK);
    assert_int_equal(left.spooled, events);
    leat_kafka_left_free(&left);
    s = open_stream(w, &conf);
    leat_kafka_status_get(s, &st);
    assert_int_equal(st.spool_events, events);
    s->ops->close(s);
}

/* ---- exactly once ---- */

/* Its last transaction may be committed, and acknowledged: what the store says is too old. */
static void test_exactly_once_no_more(void **state)
{
    world *w = *state;
    leat_kafka_conf conf = conf_of(w);
    leat_stream *s = NULL;
    store.prepared = 7;
    assert_int_equal(leat_kafka_open(&conf, &s, &w->e), LEAT_CONF);
    assert_string_equal(w->e.code, "kafka.unsettled");
    store.prepared = 0;
    s = open_stream(w, &conf);
    s->ops->close(s);
}

/* ---- the offset topic ---- */

/* One is on its way when the spool begins: no other follows it, which only the spool has. */
static void test_offsets_stop_at_the_spool(void **state)
{
    static producer offsets;
    world *w = *state;
    offsets = (producer){.base.ops = &producer_ops};
    leat_kafka_conf conf = conf_of(w);
    conf.offsets = &offsets.base;
    conf.offsets_events = &offsets.events;
    conf.offsets_topic = "offsets";
    conf.offsets_us = 60000000;
    leat_stream *s = open_stream(w, &conf);
    mono += 70000000;
    for (unsigned i = 0; i < 50; i++) {
        append(w, s);
        turn(s);
    }
    assert_int_equal(offsets.n, 1);
    spool_some(w, s, 5);
    for (unsigned i = 0; i < 50; i++) turn(s);
    assert_int_equal(offsets.n, 1);
    s->ops->close(s);
}

/* ---- what the spool keeps ---- */

/* The file that says so, for as long as no other can be written in its place. */
static void hide(const world *w, bool hidden)
{
    static char was[300];
    char path[300], *name;
    snprintf(path, sizeof path, "%s/was", w->data);
    if (!hidden) {
        assert_int_equal(rmdir(was), 0);
        assert_int_equal(rename(path, was), 0);
        return;
    }
    leat_arena a = {0};
    name = leat_kafka_left_folder(w->data, "shop", store.d.episode, &a);
    snprintf(was, sizeof was, "%s/connectors/kafka/stream/readers/kafka", name);
    assert_int_equal(rename(was, path), 0);
    assert_int_equal(leat_os_now()->mkdir(was, 0700), 0);
    leat_arena_free(&a);
}

/* Of a spool that is full nothing may go that the store does not know to be delivered: a crash
 * would leave a cursor before the first segment. */
static void test_a_full_spool_keeps_what_is_not_saved(void **state)
{
    world *w = *state;
    w->m.most = 200;
    leat_kafka_conf conf = conf_of(w);
    conf.spool_bytes = 1500000;
    conf.window_bytes = 1500;
    leat_stream *s = open_stream(w, &conf);
    spool_some(w, s, 1);
    leat_rc rc = LEAT_OK;
    while (rc == LEAT_OK) rc = append(w, s);
    assert_string_equal(w->e.code, "spool.full");
    hide(w, true);
    p.up = true;
    unsigned saves = store.saves;
    while (store.saves == saves) turn(s);
    store.fails = true;
    for (unsigned i = 0; i < 15; i++) {
        s->ops->tend(s, &w->e);
        mono += 1000;
    }
    p.up = false;
    hide(w, false);
    for (unsigned i = 0; i < 40; i++)
        if (s->ops->append(s, &w->b, (leat_str){0}, &w->e) == LEAT_OK) s->ops->commit(s, &w->e);
    s->ops->close(s); /* it cannot save: as a crash */
    store.fails = false;
    p.n = 0;
    p.up = true;
    s = open_stream(w, &conf);
    for (unsigned i = 0; i < 50; i++) turn(s);
    s->ops->close(s);
}

/* Its first segment is gone, which nobody removed: what is left is not all of it. */
static void test_a_spool_without_its_beginning(void **state)
{
    world *w = *state;
    char path[300], aside[300];
    leat_arena a = {0};
    leat_kafka_conf conf = conf_of(w);
    conf.segment_bytes = 8192;
    leat_stream *s = open_stream(w, &conf);
    spool_some(w, s, 50);
    s->ops->close(s);
    snprintf(path, sizeof path, "%s/connectors/kafka/stream/%020llu.seg",
             leat_kafka_left_folder(w->data, "shop", store.d.episode, &a),
             (unsigned long long)store.d.episode);
    leat_arena_free(&a);
    snprintf(aside, sizeof aside, "%s/was", w->data);
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(leat_kafka_open(&conf, &s, &w->e), LEAT_FATAL);
    assert_string_equal(w->e.code, "stream.damaged");
    assert_string_equal(w->e.where, path);
    assert_int_equal(rename(aside, path), 0);
    s = open_stream(w, &conf);
    p.up = true;
    p.n = 0;
    turn_until(s, LEAT_KAFKA_DIRECT);
    s->ops->close(s);
}

/* One that has no room at its beginning: who appends is told at each try, not now and then, until
 * Kafka is back. Nothing of it stays then. */
static void test_a_spool_that_cannot_begin(void **state)
{
    world *w = *state;
    char path[300];
    leat_kafka_conf conf = conf_of(w);
    leat_stream *s = open_stream(w, &conf);
    leat_rc rc = LEAT_OK;
    p.up = false;
    leat_fault_set("stream_append:0:ENOSPC");
    for (unsigned i = 0; i < TURNS && rc == LEAT_OK; i++) rc = append(w, s);
    for (unsigned i = 0; i < TURNS; i++) {
        assert_int_equal(rc, LEAT_RETRY);
        assert_string_equal(w->e.code, "os.enospc");
        w->e = (leat_err){0};
        mono += 10000;
        rc = s->ops->append(s, &w->b, (leat_str){0}, &w->e);
    }
    snprintf(path, sizeof path, "%s/connectors/shop/spool", w->data);
    assert_int_equal(rmdir(path), -1);
    assert_int_equal(errno, ENOTEMPTY);
    p.up = true;
    for (unsigned i = 0; i < TURNS && rc != LEAT_OK; i++) {
        mono += 10000;
        rc = s->ops->append(s, &w->b, (leat_str){0}, &w->e);
    }
    assert_int_equal(rc, LEAT_OK);
    for (unsigned i = 0; i < TURNS; i++) turn(s);
    assert_int_equal(phase(s), LEAT_KAFKA_DIRECT);
    assert_int_equal(rmdir(path), 0);
    leat_fault_set(NULL);
    s->ops->close(s);
}

/* What is no lack of room is told at each try to begin, which are apart: whom it ends comes again
 * and goes on in between. */
static void test_a_spool_that_fails(void **state)
{
    world *w = *state;
    leat_kafka_conf conf = conf_of(w);
    leat_stream *s = open_stream(w, &conf);
    unsigned told = 0;
    p.up = false;
    leat_fault_set("stream_append:0:EIO");
    for (unsigned i = 0; i < TURNS && told == 0; i++) told += append(w, s) != LEAT_OK;
    assert_string_equal(w->e.code, "os.eio");
    for (unsigned i = 0; i < 50; i++) {
        mono += 10000;
        told += leat_rc_failed(s->ops->tend(s, &w->e));
    }
    assert_int_equal(told, 1);
    leat_fault_set(NULL);
    s->ops->close(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(past_the_spool),
        TEST(past_a_full_disk),
        TEST(a_spool_that_cannot_begin),
        TEST(a_spool_that_fails),
        TEST(a_spool_without_its_beginning),
        TEST(the_second_spool),
        TEST(exactly_once_no_more),
        TEST(offsets_stop_at_the_spool),
        TEST(a_full_spool_keeps_what_is_not_saved),
    };
    return cmocka_run_group_tests_name("kafka_delivery", tests, NULL, NULL);
}
