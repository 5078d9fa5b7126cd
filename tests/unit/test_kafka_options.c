/* Options of Kafka's clients, topic.creation, sasl.jaas.config and the keys of the offset topic. */
#include "../test.h"

#include <stdio.h>

#include "stream/kafka/client.h"
#include "stream/kafka/jaas.h"
#include "stream/kafka/options.h"

typedef struct world {
    leat_arena a;
    leat_props worker, connector;
    leat_report r;
    leat_kafka_clients conf;
} world;

static int set_up(void **state)
{
    world *w = leat_zalloc(1, sizeof *w);
    leat_arena_init(&w->a, 0);
    leat_props_init(&w->worker, NULL);
    leat_props_init(&w->connector, NULL);
    leat_report_init(&w->r, &w->a);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    leat_arena_free(&w->a);
    leat_free(w);
    return 0;
}

static void worker(world *w, const char *name, const char *value)
{
    leat_props_set(&w->worker, &w->a, leat_str_of(name), leat_str_of(value), 0);
}

static void connector(world *w, const char *name, const char *value)
{
    leat_props_set(&w->connector, &w->a, leat_str_of(name), leat_str_of(value), 0);
}

static bool parse(world *w)
{
    return leat_kafka_options_read(&w->worker, &w->connector, false, &w->a, &w->conf, &w->r);
}

static const leat_problem *problem(const world *w, const char *option)
{
    for (const leat_problem *p = w->r.first; p; p = p->next)
        if (p->option && strcmp(p->option, option) == 0) return p;
    return NULL;
}

static void test_layers(void **state)
{
    world *w = *state;
    worker(w, "bootstrap.servers", "a:9092, b:9092");
    worker(w, "security.protocol", "sasl_ssl");
    worker(w, "group.id", "connect-cluster"); /* not of clients here */
    worker(w, "linger.ms", "7");              /* of the producer only with its prefix */
    worker(w, "producer.linger.ms", "5");
    worker(w, "producer.compression.type", "zstd");
    worker(w, "consumer.client.rack", "east");
    connector(w, "producer.override.compression.type", "lz4");
    connector(w, "admin.override.security.protocol", "SSL");
    assert_true(parse(w));
    const leat_kafka_client *p = &w->conf.client[LEAT_KAFKA_PRODUCER];
    assert_int_equal(p->bootstrap.n, 2);
    assert_string_equal(p->bootstrap.v[1], "b:9092");
    assert_int_equal(p->protocol, LEAT_KAFKA_SASL_SSL);
    assert_int_equal(p->linger_ms, 5);
    assert_int_equal(p->compression, 3);
    assert_int_equal(w->conf.client[LEAT_KAFKA_ADMIN].protocol, LEAT_KAFKA_SSL);
    assert_string_equal(w->conf.client[LEAT_KAFKA_CONSUMER].client_rack, "east");
    assert_int_equal(w->r.warnings, 0);
}

static void test_classes(void **state)
{
    world *w = *state;
    worker(w, "bootstrap.servers", "a:9092");
    connector(w, "producer.override.acks", "1");
    connector(w, "producer.override.partitioner.class", "org.example.Mine");
    connector(w, "producer.override.max.request.size", "lots");
    connector(w, "producer.override.compresion.type", "lz4");
    worker(w, "ssl.cipher.suites", "TLS_NULL");
    assert_false(parse(w));
    assert_true(problem(w, "producer.override.acks")->warning);
    assert_false(problem(w, "producer.override.partitioner.class")->warning);
    assert_false(problem(w, "producer.override.max.request.size")->warning);
    assert_non_null(strstr(problem(w, "producer.override.compresion.type")->msg,
                           "did you mean compression.type?"));
    unsigned told = 0; /* once, though three clients have it */
    for (const leat_problem *p = w->r.first; p; p = p->next)
        told += strcmp(p->option, "ssl.cipher.suites") == 0;
    assert_int_equal(told, 1);
}

static const char *group(world *w, const char *topic)
{
    const leat_kafka_group *g = NULL;
    assert_int_equal(leat_kafka_group_of(&w->conf, leat_str_of(topic), &g, NULL), LEAT_OK);
    return g ? g->alias : "none";
}

static void test_creation(void **state)
{
    world *w = *state;
    worker(w, "bootstrap.servers", "a:9092");
    connector(w, "topic.creation.groups", "compacted, small");
    connector(w, "topic.creation.default.replication.factor", "3");
    connector(w, "topic.creation.default.partitions", "6");
    connector(w, "topic.creation.default.retention.ms", "1000");
    connector(w, "topic.creation.compacted.include", "shop\\.public\\..*, keys");
    connector(w, "topic.creation.compacted.exclude", ".*\\.log");
    connector(w, "topic.creation.compacted.cleanup.policy", "compact");
    connector(w, "topic.creation.small.include", ".*log.*");
    connector(w, "topic.creation.small.partitions", "-1");
    connector(w, "topic.creation.other.partitions", "2");
    assert_true(parse(w));
    assert_true(w->conf.creation);
    assert_string_equal(group(w, "shop.public.orders"), "compacted");
    assert_string_equal(group(w, "shopXpublic.orders"), "default");
    assert_string_equal(group(w, "SHOP.public.orders"), "default"); /* letters count */
    assert_string_equal(group(w, "shop.public.log"), "small");
    assert_string_equal(group(w, "keys"), "compacted");
    assert_string_equal(group(w, "keys2"), "default");
    const leat_kafka_group *g = &w->conf.groups[0];
    assert_int_equal(g->replication, 3);
    assert_int_equal(g->partitions, 6);
    assert_string_equal(leat_props_get(&g->configs, "cleanup.policy"), "compact");
    assert_null(leat_props_get(&g->configs, "retention.ms"));
    assert_int_equal(w->conf.groups[1].partitions, -1);
    assert_non_null(problem(w, "topic.creation.other.partitions"));
}

static void test_creation_refused(void **state)
{
    world *w = *state;
    connector(w, "topic.creation.groups", "a");
    connector(w, "topic.creation.default.partitions", "0");
    assert_false(parse(w));
    assert_non_null(problem(w, "topic.creation.a.include"));
    assert_non_null(problem(w, "topic.creation.default.replication.factor"));
    assert_non_null(strstr(problem(w, "topic.creation.default.partitions")->msg, "got \"0\""));
}

static void test_creation_off(void **state)
{
    world *w = *state;
    assert_true(parse(w));
    assert_false(w->conf.creation); /* nothing is said about topics */
    worker(w, "topic.creation.enable", "false");
    connector(w, "topic.creation.default.partitions", "1");
    assert_true(parse(w));
    assert_false(w->conf.creation);
    assert_int_equal(w->r.warnings, 1);
    assert_string_equal(group(w, "x"), "none");
}

static void test_jaas(void **state)
{
    world *w = *state;
    leat_kafka_jaas j;
    leat_err e;
    static const char TEXT[] =
        "org.apache.kafka.common.security.scram.ScramLoginModule required // who\n"
        " username=\"al\\\"ice\" /* and */ password='a=b;\\101 \\\\' tokenauth=false;";
    assert_int_equal(leat_kafka_jaas_parse(leat_str_of(TEXT), &w->a, &j, &e), LEAT_OK);
    assert_string_equal(leat_kafka_jaas_module(&j), "ScramLoginModule");
    assert_string_equal(leat_kafka_jaas_get(&j, "username"), "al\"ice");
    assert_string_equal(leat_kafka_jaas_get(&j, "password"), "a=b;A \\");
    assert_string_equal(leat_kafka_jaas_get(&j, "tokenauth"), "false");
    assert_null(leat_kafka_jaas_get(&j, "other"));
}

static void test_jaas_refused(void **state)
{
    world *w = *state;
    leat_kafka_jaas j;
    leat_err e;
    static const char *const BAD[] = {
        "",
        "x",
        "x maybe;",
        "x required",
        "x required a;",
        "x required a=;",
        "x required a=\"b;",
        "x required a=\"secret\" b;",
        "x required; y required;",
        "x required a=\"b\nc\";",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        if (leat_kafka_jaas_parse(leat_str_of(BAD[i]), &w->a, &j, &e) != LEAT_CONF)
            fail_msg("taken: %s", BAD[i]);
        assert_string_equal(e.code, "kafka.jaas");
        assert_null(strstr(e.msg, "secret"));
    }
}

static void test_offset_keys(void **state)
{
    world *w = *state;
    leat_buf key = {0};
    bool mine;
    leat_str partition = {0};
    leat_kafka_offsets_key("a \"b\"", LEAT_STR("{\"server\":\"shop\"}"), &key);
    assert_true(leat_str_is(leat_buf_str(&key), "[\"a \\\"b\\\"\",{\"server\":\"shop\"}]"));
    leat_kafka_offsets_key_read(leat_buf_str(&key), "a \"b\"", &w->a, &mine, &partition);
    assert_true(mine);
    assert_true(leat_str_is(partition, "{\"server\":\"shop\"}"));
    leat_kafka_offsets_key_read(LEAT_STR(" [ \"c\" , { \"server\" : \"s\" } ] "), "c", &w->a, &mine,
                                &partition);
    assert_true(mine);
    assert_true(leat_str_is(partition, "{\"server\":\"s\"}"));
    static const char *const OTHERS[] = {"",
                                         "[]",
                                         "[\"c\"]",
                                         "[\"d\",{}]",
                                         "{}",
                                         "[\"c\",\"x\"]",
                                         "[\"c\",{},{}]",
                                         "[\"c\",null]",
                                         "[1,{}]"};
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        leat_kafka_offsets_key_read(leat_str_of(OTHERS[i]), "c", &w->a, &mine, &partition);
        if (mine) fail_msg("taken: %s", OTHERS[i]);
    }
    assert_string_equal(leat_kafka_transactional_id("connect-cluster", "shop", 0, &w->a),
                        "connect-cluster-shop-0");
    leat_buf_free(&key);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_layers),           TEST(test_classes),      TEST(test_creation),
        TEST(test_creation_refused), TEST(test_creation_off), TEST(test_jaas),
        TEST(test_jaas_refused),     TEST(test_offset_keys),
    };
    return cmocka_run_group_tests_name("kafka_options", tests, NULL, NULL);
}
