/* The delivery over a producer that the test is: what it takes, it reports while it is up. The
 * simulator has the rest. */
#include "../test.h"

#include <string.h>

#include "base/clock.h"
#include "stream/kafka/kafka.h"
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

/* ---- the store: nothing is kept ---- */

static leat_rc load(leat_delivered_store *s, leat_arena *a, leat_delivered *out, leat_err *e)
{
    (void)s;
    (void)a;
    (void)e;
    *out = (leat_delivered){.episode = 1};
    return LEAT_OK;
}

static leat_rc save(leat_delivered_store *s, const leat_delivered *d, leat_err *e)
{
    (void)s;
    (void)d;
    (void)e;
    return LEAT_OK;
}

/* ---- the tests ---- */

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

/* Until the spool has no room for more of it, and all before it is delivered. */
static void overfill(world *w, leat_stream *s, producer *p)
{
    leat_rc rc = LEAT_OK;
    p->up = false;
    assert_int_equal(append(w, s), LEAT_OK);
    turn_until(s, LEAT_KAFKA_SPOOL);
    while (rc == LEAT_OK && w->at.k > 0) rc = append(w, s);
    assert_int_equal(rc, LEAT_RETRY);
    assert_string_equal(w->e.code, "spool.full");
    p->up = true;
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
static void test_past_the_spool(void **state)
{
    static const leat_clock clock = {test_now, test_mono, test_sleep};
    static producer p;
    world *w = *state;
    leat_stream *s = NULL;
    leat_delivered_store store = {.load = load, .save = save};
    p = (producer){.base.ops = &producer_ops, .up = true};
    leat_clock_use(&clock);
    w->m.most = 4000;
    while (model_size(&w->m, w->at.tx) < 2000) w->at.tx++;
    const model_place begin = w->at;
    leat_kafka_conf conf = {.data = w->data,
                            .connector = "shop",
                            .broker = &p.base,
                            .events = &p.events,
                            .store = &store,
                            .away_us = AWAY_US,
                            .spool_bytes = SPOOL_BYTES,
                            .window_bytes = 1 << 20};
    if (leat_kafka_open(&conf, &s, &w->e) != LEAT_OK) fail_msg("%s: %s", w->e.code, w->e.msg);
    overfill(w, s, &p);
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
    p.up = false; /* behind its end a spool is entered as ever */
    assert_int_equal(append(w, s), LEAT_OK);
    turn_until(s, LEAT_KAFKA_SPOOL);
    s->ops->close(s);
    leat_clock_use(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_past_the_spool, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("kafka_delivery", tests, NULL, NULL);
}
