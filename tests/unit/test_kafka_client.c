/* The port to a producer against a cluster: librdkafka's own mock, or with
 * LEAT_TEST_KAFKA=HOST:PORT a real one (tests/e2e/test_kafka_port.py), where the tests that need
 * the mock skip. */
#include "../test.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "stream/kafka/client_part.h"
#include "stream/kafka/fetch.h"

enum { PARTITIONS = 4, POLL_MS = 50, LONG_MS = 60000 };

typedef struct world {
    leat_arena a;
    rd_kafka_t *keeper; /* of the mock */
    rd_kafka_mock_cluster_t *mock;
    leat_kafka_clients kafka;
    leat_broker *b;
    char topic[48], offsets[64];
    uint64_t last; /* tag reported last */
    unsigned reported[LEAT_REFUSED_LOST + 1];
    bool disorder;
    int32_t partition; /* of the last one delivered */
    leat_kafka_client_conf conf;
    leat_broker_events events;
} world;

static void on_report(void *arg, const leat_delivery_report *r)
{
    world *w = arg;
    w->reported[r->delivery]++;
    if (r->delivery == LEAT_DELIVERED) {
        if (r->tag <= w->last) w->disorder = true;
        w->partition = r->partition;
    }
    w->last = r->tag;
}

static int set_up(void **state)
{
    static int number;
    world *w = leat_zalloc(1, sizeof *w);
    const char *real = getenv("LEAT_TEST_KAFKA");
    leat_props props;
    leat_report r;
    leat_arena_init(&w->a, 0);
    leat_report_init(&r, &w->a);
    leat_props_init(&props, NULL);
    number++;
    snprintf(w->topic, sizeof w->topic, "port-%d-%d", (int)(leat_now_us() % 100000000), number);
    snprintf(w->offsets, sizeof w->offsets, "%s-offsets", w->topic);
    if (!real) {
        w->keeper = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), NULL, 0);
        w->mock = rd_kafka_mock_cluster_new(w->keeper, 1);
        rd_kafka_mock_topic_create(w->mock, w->topic, PARTITIONS, 1);
        rd_kafka_mock_topic_create(w->mock, w->offsets, 2, 1);
        real = rd_kafka_mock_cluster_bootstraps(w->mock);
    } else {
        leat_props_set(&props, &w->a, LEAT_STR("topic.creation.default.partitions"), LEAT_STR("4"),
                       0);
        leat_props_set(&props, &w->a, LEAT_STR("topic.creation.default.replication.factor"),
                       LEAT_STR("1"), 0);
    }
    leat_props_set(&props, &w->a, LEAT_STR("producer.override.retry.backoff.ms"), LEAT_STR("10"),
                   0);
    leat_props worker;
    leat_props_init(&worker, NULL);
    leat_props_set(&worker, &w->a, LEAT_STR("bootstrap.servers"), leat_str_of(real), 0);
    assert_true(leat_kafka_options_read(&worker, &props, true, &w->a, &w->kafka, &r));
    w->events = (leat_broker_events){on_report, w};
    w->conf = (leat_kafka_client_conf){
        .kafka = &w->kafka,
        .connector = "port",
        .offsets = {w->offsets, 2, 1},
        .events = &w->events,
    };
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    if (w->b) w->b->ops->close(w->b, 1000);
    if (w->mock) rd_kafka_mock_cluster_destroy(w->mock);
    if (w->keeper) rd_kafka_destroy(w->keeper);
    leat_arena_free(&w->a);
    leat_free(w);
    return 0;
}

static void start(world *w)
{
    leat_err e;
    if (leat_kafka_client_open(&w->conf, &w->b, &e) != LEAT_OK) fail_msg("%s: %s", e.code, e.msg);
}

/* Until it is taken, or refused: the last answer. */
static leat_rc put(world *w, uint64_t tag, leat_str key, leat_str value, int32_t partition,
                   leat_err *e)
{
    const leat_broker_header header = {"h", LEAT_STR("1")};
    const leat_broker_record r = {
        .topic = w->b->ops->topic(w->b, w->topic),
        .partition = partition,
        .key = key,
        .value = value,
        .headers = &header,
        .nheaders = 1,
        .timestamp_ms = leat_now_us() / 1000,
        .tag = tag,
    };
    int64_t until = leat_mono_us() + LONG_MS * INT64_C(1000);
    leat_rc rc;
    while ((rc = w->b->ops->produce(w->b, &r, e)) == LEAT_AGAIN) {
        assert_true(leat_mono_us() < until);
        w->b->ops->poll(w->b, POLL_MS);
    }
    return rc;
}

static void put_well(world *w, uint64_t tag, const char *key, int32_t partition)
{
    leat_err e;
    char value[32];
    snprintf(value, sizeof value, "{\"n\":%" PRIu64 "}", tag);
    if (put(w, tag, leat_str_of(key), leat_str_of(value), partition, &e) != LEAT_OK)
        fail_msg("%s: %s", e.code, e.msg);
}

static unsigned all_reported(const world *w)
{
    unsigned n = 0;
    for (int d = 0; d <= LEAT_REFUSED_LOST; d++) n += w->reported[d];
    return n;
}

static void wait_reports(world *w, unsigned n)
{
    int64_t until = leat_mono_us() + LONG_MS * INT64_C(1000);
    while (all_reported(w) < n && leat_mono_us() < until) w->b->ops->poll(w->b, POLL_MS);
    assert_int_equal(all_reported(w), n);
}

/* How many committed records the topic holds; their values in order, of one partition: 1, 2, 3 ...
 */
static unsigned read_all(world *w, bool in_order)
{
    leat_kafka_fetch *f = NULL;
    leat_kafka_message m;
    leat_err e;
    const leat_kafka_fetch_conf conf = {.kafka = &w->kafka, .name = "test"};
    assert_int_equal(leat_kafka_fetch_open(&conf, &f, &e), LEAT_OK);
    if (leat_kafka_fetch_topic(f, w->topic, -1, LEAT_KAFKA_BEGINNING, 0, LONG_MS, &e) != LEAT_OK)
        fail_msg("%s: %s", e.code, e.msg);
    unsigned n = 0;
    while (!leat_kafka_fetch_at_end(f)) {
        leat_rc rc = leat_kafka_fetch_next(f, &m, POLL_MS, &e);
        if (leat_rc_failed(rc)) fail_msg("%s: %s", e.code, e.msg);
        if (rc != LEAT_OK) continue;
        char expected[32];
        snprintf(expected, sizeof expected, "{\"n\":%u}", ++n);
        if (in_order && !leat_str_is(m.value, expected))
            fail_msg("record %u is %.*s", n, (int)m.value.len, m.value.s);
        assert_int_equal(m.nheaders, 1);
        assert_string_equal(m.headers[0].name, "h");
    }
    leat_kafka_fetch_close(f);
    return n;
}

static void test_in_order(void **state)
{
    enum { N = 20000 };
    world *w = *state;
    start(w);
    for (uint64_t i = 1; i <= N; i++) put_well(w, i, NULL, 1);
    wait_reports(w, N);
    assert_int_equal(w->reported[LEAT_DELIVERED], N);
    assert_false(w->disorder);
    assert_int_equal(w->partition, 1);
    assert_int_equal(w->b->ops->queued(w->b), 0);
    assert_int_equal(read_all(w, true), N);
}

/* Of Java: toPositive(murmur2(key)) % partitions; the hashes are those of Kafka's own UtilsTest. */
static void test_partitions(void **state)
{
    static const struct {
        const char *key;
        int32_t murmur2;
    } KNOWN[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    world *w = *state;
    start(w);
    for (unsigned i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        put_well(w, i + 1, KNOWN[i].key, -1);
        wait_reports(w, i + 1);
        assert_int_equal(w->partition, (KNOWN[i].murmur2 & 0x7fffffff) % PARTITIONS);
    }
}

/* The first record of a partition goes alone: what is behind it waits for its report. */
static void test_first_alone(void **state)
{
    world *w = *state;
    leat_err e;
    leat_broker_record r = {.partition = -1, .value = LEAT_STR("v"), .tag = 1};
    start(w);
    put_well(w, 1, "21", -1); /* in 0 of 4 */
    for (int i = 0; i < 2; i++) {
        static const char *const KEYS[] = {"21", "abc"};
        static const leat_rc EXPECTED[] = {LEAT_AGAIN, LEAT_OK};
        r.key = leat_str_of(KEYS[i]);
        assert_int_equal(w->b->ops->produce(w->b, &r, &e), EXPECTED[i]);
    }
    wait_reports(w, 2);
    r.key = LEAT_STR("21");
    for (int i = 0; i < 10; i++) assert_int_equal(w->b->ops->produce(w->b, &r, &e), LEAT_OK);
    wait_reports(w, 12);
    assert_int_equal(w->b->ops->reset(w->b, &e), LEAT_OK);
    put_well(w, 13, "21", -1);
    assert_int_equal(w->b->ops->produce(w->b, &r, &e), LEAT_AGAIN); /* a new life */
}

static void test_bounds(void **state)
{
    world *w = *state;
    leat_err e;
    w->conf.queue_bytes = 10000;
    if (w->mock) rd_kafka_mock_broker_set_rtt(w->mock, 1, 200);
    start(w);
    char *big = leat_zalloc(2 << 20, 1);
    assert_int_equal(put(w, 1, LEAT_STR("k"), (leat_str){big, 2 << 20}, 0, &e), LEAT_DATA);
    assert_string_equal(e.code, "kafka.too_large");
    leat_free(big);
    put_well(w, 1, "k", 0);
    wait_reports(w, 1);
    const leat_broker_record r = {.topic = 0, .key = LEAT_STR("k"), .value = LEAT_STR("v")};
    unsigned n = 1;
    leat_rc rc = LEAT_OK;
    for (; n < 1000 && rc == LEAT_OK; n++) rc = w->b->ops->produce(w->b, &r, &e);
    assert_int_equal(rc, LEAT_AGAIN); /* full: nothing happened */
    assert_true(w->b->ops->queued(w->b) <= 10000 + 1000);
    wait_reports(w, n - 1);
    put_well(w, 2, "k", 0);
}

/* A broker that goes away loses nothing and doubles nothing. */
static void test_away(void **state)
{
    world *w = *state;
    leat_err why;
    if (!w->mock) SKIP("the mock's broker goes away");
    start(w);
    put_well(w, 1, NULL, 0);
    wait_reports(w, 1);
    assert_false(w->b->ops->down(w->b, NULL));
    rd_kafka_mock_broker_set_down(w->mock, 1);
    for (uint64_t i = 2; i <= 100; i++) put_well(w, i, NULL, 0);
    int64_t until = leat_mono_us() + LONG_MS * INT64_C(1000);
    while (!w->b->ops->down(w->b, &why) && leat_mono_us() < until) w->b->ops->poll(w->b, POLL_MS);
    assert_string_equal(why.code, "kafka.down");
    assert_int_equal(all_reported(w), 1);
    rd_kafka_mock_broker_set_up(w->mock, 1);
    wait_reports(w, 100);
    assert_int_equal(w->reported[LEAT_DELIVERED], 100);
    until = leat_mono_us() + LONG_MS * INT64_C(1000);
    while (w->b->ops->down(w->b, NULL) && leat_mono_us() < until) w->b->ops->poll(w->b, POLL_MS);
    assert_false(w->b->ops->down(w->b, NULL));
    assert_int_equal(read_all(w, true), 100);
}

/* What the broker says it can never take ends the producer, and what is behind is lost. */
static void test_refused(void **state)
{
    world *w = *state;
    leat_err why;
    if (!w->mock) SKIP("the mock refuses");
    start(w);
    put_well(w, 1, NULL, 0);
    wait_reports(w, 1);
    rd_kafka_mock_push_request_errors(w->mock, 0, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    put_well(w, 2, NULL, 0);
    wait_reports(w, 2);
    assert_int_equal(w->reported[LEAT_REFUSED_AUTH], 1);
    assert_true(w->b->ops->fatal(w->b, &why));
    assert_string_equal(why.code, "kafka.fatal");
    const leat_broker_record r = {.topic = 0, .value = LEAT_STR("v")};
    assert_int_equal(w->b->ops->produce(w->b, &r, &why), LEAT_RETRY);
    assert_string_equal(why.code, "kafka.fatal");
    assert_int_equal(w->b->ops->reset(w->b, &why), LEAT_OK);
    assert_false(w->b->ops->fatal(w->b, NULL));
    w->last = 1;
    put_well(w, 2, NULL, 0);
    wait_reports(w, 3);
    assert_int_equal(read_all(w, true), 2);
}

/* A topic that takes less than a batch: one refusal must not blame the records beside it. */
static void test_small_topic(void **state)
{
    enum { N = 200 };
    world *w = *state;
    leat_err e;
    char value[400];
    if (w->mock) SKIP("the mock knows no max.message.bytes");
    w->kafka.client[LEAT_KAFKA_PRODUCER].linger_ms = 200; /* so that one batch holds many */
    leat_props_set(&w->kafka.groups[0].configs, &w->a, LEAT_STR("max.message.bytes"),
                   LEAT_STR("20000"), 0);
    start(w);
    snprintf(value, sizeof value, "{\"pad\":\"%0350d\"}", 0);
    uint64_t next = 1;
    for (int lives = 0; lives < 20 && w->reported[LEAT_DELIVERED] < N; lives++) {
        for (next = w->reported[LEAT_DELIVERED] + 1; next <= N; next++)
            if (put(w, next, LEAT_STR("k"), leat_str_of(value), 0, &e) != LEAT_OK) break;
        int64_t until = leat_mono_us() + LONG_MS * INT64_C(1000);
        while (w->b->ops->queued(w->b) > 0 && leat_mono_us() < until)
            w->b->ops->poll(w->b, POLL_MS);
        w->last = 0;
        if (w->b->ops->fatal(w->b, NULL)) assert_int_equal(w->b->ops->reset(w->b, &e), LEAT_OK);
    }
    assert_int_equal(w->reported[LEAT_DELIVERED], N);
    assert_int_equal(w->reported[LEAT_REFUSED_TOO_LARGE], 0);
    char big[30000];
    memset(big, 'x', sizeof big);
    assert_int_equal(put(w, N + 1, LEAT_STR("k"), (leat_str){big, sizeof big}, 0, &e), LEAT_OK);
    int64_t until = leat_mono_us() + LONG_MS * INT64_C(1000);
    while (w->b->ops->queued(w->b) > 0 && leat_mono_us() < until) w->b->ops->poll(w->b, POLL_MS);
    assert_int_equal(w->reported[LEAT_REFUSED_TOO_LARGE], 1);
}

static void finish(world *w, leat_rc (*step)(leat_broker *, int, leat_err *))
{
    leat_err e;
    leat_rc rc;
    int64_t until = leat_mono_us() + LONG_MS * INT64_C(1000);
    while ((rc = step(w->b, 1000, &e)) == LEAT_AGAIN) assert_true(leat_mono_us() < until);
    if (rc != LEAT_OK) fail_msg("%s: %s", e.code, e.msg);
}

static void put_offset(world *w, const char *offset)
{
    leat_err e;
    leat_rc rc;
    const leat_position pos = {LEAT_STR("{\"server\":\"shop\"}"), leat_str_of(offset)};
    while ((rc = w->b->ops->tx_offset(w->b, pos, 1 << 20, &e)) == LEAT_AGAIN)
        w->b->ops->poll(w->b, POLL_MS);
    if (rc != LEAT_OK) fail_msg("%s: %s", e.code, e.msg);
}

static const char *read_offset(world *w)
{
    leat_err e;
    leat_position *pos;
    size_t n;
    leat_rc rc;
    while ((rc = w->b->ops->tx_offsets(w->b, &w->a, &pos, &n, 1000, &e)) == LEAT_AGAIN) continue;
    if (rc != LEAT_OK) fail_msg("%s: %s", e.code, e.msg);
    if (n == 0) return "none";
    assert_int_equal(n, 1);
    assert_true(leat_str_is(pos[0].partition, "{\"server\":\"shop\"}"));
    return pos[0].offset.s;
}

/* What was committed shows when the broker has written its marker, a moment later. */
static void expect_offset(world *w, const char *expected)
{
    int64_t until = leat_mono_us() + LONG_MS * INT64_C(1000);
    const char *found;
    while (strcmp(found = read_offset(w), expected) != 0 && leat_mono_us() < until)
        leat_sleep_us(20000);
    assert_string_equal(found, expected);
}

/* The mock keeps no transactions apart: what was aborted is only hidden by a real cluster. */
static void test_transactions(void **state)
{
    world *w = *state;
    leat_err e;
    if (w->mock) SKIP("the mock's transactions hide nothing");
    w->conf.transactional_id = w->topic;
    start(w);
    leat_broker *first = w->b;
    finish(w, first->ops->tx_init);
    expect_offset(w, "none");
    assert_int_equal(first->ops->tx_begin(w->b, &e), LEAT_OK);
    put_well(w, 1, NULL, 0);
    put_offset(w, "{\"lsn\":1}");
    finish(w, first->ops->tx_commit);
    expect_offset(w, "{\"lsn\":1}");
    assert_int_equal(first->ops->tx_begin(w->b, &e), LEAT_OK);
    put_well(w, 7, NULL, 0);
    put_offset(w, "{\"lsn\":7}");
    wait_reports(w, 4);
    finish(w, first->ops->tx_abort);
    expect_offset(w, "{\"lsn\":1}");
    assert_int_equal(read_all(w, true), 1);
    /* One that is left open is ended by the next with the same id, which fences this one. */
    assert_int_equal(first->ops->tx_begin(w->b, &e), LEAT_OK);
    put_well(w, 9, NULL, 0);
    put_offset(w, "{\"lsn\":9}");
    w->last = 0;
    start(w);
    finish(w, w->b->ops->tx_init);
    expect_offset(w, "{\"lsn\":1}");
    assert_int_equal(w->b->ops->tx_begin(w->b, &e), LEAT_OK);
    put_well(w, 2, NULL, 0);
    put_offset(w, NULL);
    finish(w, w->b->ops->tx_commit);
    expect_offset(w, "none");
    assert_int_equal(read_all(w, true), 2);
    leat_rc rc;
    while ((rc = first->ops->tx_commit(first, 1000, &e)) == LEAT_AGAIN) continue;
    assert_int_equal(rc, LEAT_CONF);
    assert_string_equal(e.code, "kafka.fenced");
    assert_true(first->ops->fatal(first, NULL));
    first->ops->close(first, 1000);
}

/* What the commit of the transaction before waited for says nothing of this one's. */
static void test_commits_wait(void **state)
{
    enum { SLOW_MS = 1000, WAIT_MS = 50, PAUSE_US = 300000 };
    world *w = *state;
    leat_err e;
    if (!w->mock) SKIP("the mock is slow when it is asked to");
    w->conf.transactional_id = w->topic;
    start(w);
    const leat_kafka_client_port *p = (const leat_kafka_client_port *)w->b;
    finish(w, w->b->ops->tx_init);
    for (uint64_t tag = 1; tag <= 2; tag++) {
        assert_int_equal(w->b->ops->tx_begin(w->b, &e), LEAT_OK);
        put_well(w, tag, NULL, 0);
        rd_kafka_mock_broker_set_rtt(w->mock, 1, SLOW_MS);
        assert_int_equal(w->b->ops->tx_commit(w->b, WAIT_MS, &e), LEAT_AGAIN);
        assert_int_equal(p->commit_us, 0); /* its record is on its way: it was not asked for */
        rd_kafka_mock_broker_set_rtt(w->mock, 1, 0);
        finish(w, w->b->ops->tx_commit);
        leat_sleep_us(PAUSE_US);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_in_order),    TEST(test_partitions),   TEST(test_bounds),
        TEST(test_first_alone), TEST(test_away),         TEST(test_refused),
        TEST(test_small_topic), TEST(test_transactions), TEST(test_commits_wait),
    };
    if (getenv("LEAT_TEST_FILTER")) cmocka_set_test_filter(getenv("LEAT_TEST_FILTER"));
    return cmocka_run_group_tests_name("kafka_client", tests, NULL, NULL);
}
