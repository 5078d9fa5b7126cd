/* Configurations of Debezium Server and of Kafka Connect's workers: what becomes of each name. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/os.h"
#include "config/dbzserver.h"
#include "config/open.h"
#include "config/worker.h"
#include "engine/setup.h"

static leat_arena a;
static leat_config config;

static int tear_down(void **state)
{
    (void)state;
    leat_arena_free(&a);
    return 0;
}

#define SINK                                                                                       \
    "debezium.sink.type=kafka\n"                                                                   \
    "debezium.sink.kafka.producer.bootstrap.servers=k:9092\n"

/* Reads a file of Debezium Server. */
static void server(const char *text, const char *const *env, bool strict)
{
    leat_props file;
    leat_arena_reset(&a, 0);
    leat_props_init(&file, "application.properties");
    assert_int_equal(leat_props_read(&a, leat_str_of(text), &file, NULL), LEAT_OK);
    config = (leat_config){0};
    leat_dbzserver_read(&a, &file, env, strict, &config);
}

static const char *option(const char *name)
{
    const char *value = leat_props_get(&config.props, name);
    return value ? value : "(none)";
}

static const char *worker(const char *name)
{
    const char *value = leat_props_get(config.worker, name);
    return value ? value : "(none)";
}

static bool told(const leat_report *r, bool warning, const char *name, const char *words)
{
    for (const leat_problem *p = r->first; p; p = p->next)
        if (p->option && strcmp(p->option, name) == 0 && p->warning == warning &&
            strstr(p->msg, words))
            return true;
    return false;
}

static void test_names_go_where_they_belong(void **state)
{
    (void)state;
    server(SINK "debezium.source.connector.class=postgres\n"
                "debezium.source.database.password=s p \n"
                "debezium.sink.kafka.producer.acks=all\n"
                "debezium.sink.kafka.producer.security.protocol=SASL_SSL\n"
                "debezium.sink.kafka.producer.key.serializer=X\n"
                "debezium.format.value.schemas.enable=false\n"
                "debezium.format.schemas.enable=true\n"
                "debezium.transforms=unwrap\n"
                "debezium.transforms.unwrap.type=T\n",
           NULL, true);
    assert_int_equal(config.told->errors, 0);
    assert_int_equal(config.told->warnings, 0);
    assert_string_equal(option("connector.class"), "postgres");
    assert_string_equal(option("database.password"), "s p ");
    assert_string_equal(option("key.converter.schemas.enable"), "true");
    assert_string_equal(option("value.converter.schemas.enable"), "false");
    assert_string_equal(option("header.converter"), "org.apache.kafka.connect.json.JsonConverter");
    assert_string_equal(option("header.converter.schemas.enable"), "true");
    assert_string_equal(option("transforms"), "unwrap");
    assert_string_equal(option("transforms.unwrap.type"), "T");
    assert_string_equal(worker("bootstrap.servers"), "k:9092");
    assert_string_equal(worker("producer.acks"), "all");
    assert_string_equal(worker("security.protocol"), "SASL_SSL");
    assert_string_equal(worker("producer.key.serializer"), "X");
}

static void test_names_are_told_as_written(void **state)
{
    (void)state;
    server(SINK "debezium.source.slot.name=X\n", NULL, false);
    const leat_prop *p = config.props.first;
    while (strcmp(p->name, "slot.name") != 0) p = p->next;
    assert_string_equal(p->said, "debezium.source.slot.name");
    assert_int_equal(p->line, 3);
}

static void test_classes(void **state)
{
    (void)state;
    server(SINK "quarkus.log.level=INFO\n"
                "debezium.quarkus.x=1\n"
                "debezium.sink.redis.address=r:1\n"
                "debezium.nonsense=1\n"
                "debezium.format.valeu=json\n",
           NULL, false);
    assert_int_equal(config.told->errors, 0);
    assert_true(told(config.told, true, "quarkus.log.level", "no effect"));
    assert_true(told(config.told, true, "debezium.quarkus.x", "no effect"));
    assert_true(told(config.told, true, "debezium.sink.redis.address", "another sink"));
    assert_true(told(config.told, true, "debezium.nonsense", "is not an option (ignored)"));
    server(SINK "debezium.nonsense=1\n", NULL, true);
    assert_true(told(config.told, false, "debezium.nonsense", "is not an option"));
    server("debezium.sink.type=pulsar\ndebezium.format.key=avro\ndebezium.format.value=xml\n", NULL,
           false);
    assert_true(told(config.told, false, "debezium.sink.type", "only kafka"));
    assert_true(told(config.told, false, "debezium.format.key", "not built yet"));
    assert_true(
        told(config.told, false, "debezium.format.value", "no format that Debezium Server"));
    server("debezium.source.a=b\n", NULL, false);
    assert_true(told(config.told, false, "debezium.sink.type", "is required"));
    server("debezium.sink.type=kafka\n", NULL, false);
    assert_true(
        told(config.told, false, "debezium.sink.kafka.producer.bootstrap.servers", "is required"));
}

static void test_profiles(void **state)
{
    (void)state;
    static const char text[] = SINK "debezium.source.a=plain\n"
                                    "%dev.debezium.source.a=dev\n"
                                    "%prod.debezium.source.a=prod\n"
                                    "%dev.debezium.source.b=only\n";
    const char *const dev[] = {"QUARKUS_PROFILE=x,dev", NULL};
    server(text, NULL, true);
    assert_string_equal(option("a"), "prod");
    assert_string_equal(option("b"), "(none)");
    server(text, dev, true);
    assert_string_equal(option("a"), "dev");
    assert_string_equal(option("b"), "only");
    leat_props file;
    leat_props_init(&file, NULL);
    assert_int_equal(leat_props_read(&a, LEAT_STR("%dev.debezium.sink.type=kafka"), &file, NULL),
                     LEAT_OK);
    assert_true(leat_dbzserver_is(&file));
}

static void test_environment(void **state)
{
    (void)state;
    const char *const env[] = {"DEBEZIUM_SOURCE_DATABASE_PASSWORD=geheim",
                               "DEBEZIUM_SOURCE_TABLE_INCLUDE_LIST=a.b",
                               "DEBEZIUM_SINK_TYPE=kafka",
                               "DEBEZIUM_SOURCE_DATABASE_TCPKEEPALIVE=false",
                               "HOST=h",
                               "OTHER_NAME=o",
                               NULL};
    server("debezium.sink.kafka.producer.bootstrap.servers=${HOST}:9092,${NONE:x:1}\n"
           "debezium.source.database.password=file\n"
           "debezium.source.database.tcpKeepAlive=true\n"
           "debezium.source.a=${other.name}-${my.var}-${NONE:${HOST}}\n"
           "debezium.source.b=${env:HOST} ${file:/x:y} $x ${}\n"
           "my.var=v\n",
           env, true);
    assert_int_equal(config.told->errors, 0);
    /* What the environment holds is named, not copied. */
    assert_string_equal(option("database.password"), "${env:DEBEZIUM_SOURCE_DATABASE_PASSWORD}");
    assert_string_equal(option("table.include.list"), "${env:DEBEZIUM_SOURCE_TABLE_INCLUDE_LIST}");
    assert_string_equal(option("database.tcpKeepAlive"),
                        "${env:DEBEZIUM_SOURCE_DATABASE_TCPKEEPALIVE}");
    assert_string_equal(option("a"), "${env:OTHER_NAME}-v-${env:HOST}");
    assert_string_equal(option("b"), "${env:HOST} ${file:/x:y} $x ${}");
    assert_string_equal(worker("bootstrap.servers"), "${env:HOST}:9092,x:1");
    server(SINK "debezium.source.a=${nowhere}\ndebezium.source.b=${c}\nc=${d}\nd=${c}\n", NULL,
           false);
    assert_true(told(config.told, false, "debezium.source.a", "${nowhere} stands for nothing"));
    assert_true(told(config.told, false, "debezium.source.b", "name each other"));
}

/* ---- workers ---- */

static void test_workers_are_known(void **state)
{
    (void)state;
    const char *const is[] = {"bootstrap.servers=k:1", "offset.storage.file.filename=x", NULL};
    const char *const is_not[] = {"connector.class=a\nbootstrap.servers=k:1", "name=a", NULL};
    for (size_t i = 0; is[i] || is_not[i]; i++) {
        const char *text = is[i] ? is[i] : is_not[i];
        leat_props file;
        leat_props_init(&file, NULL);
        leat_props_read(&a, leat_str_of(text), &file, NULL);
        assert_int_equal(leat_worker_is(&file), is[i] != NULL);
        if (!is_not[i]) break;
        leat_props_init(&file, NULL);
        leat_props_read(&a, leat_str_of(is_not[i]), &file, NULL);
        assert_false(leat_worker_is(&file));
    }
}

/* Opens the files and finishes the connector of the last. */
static void open_files(const char *worker_text, const char *text, const char *kafka)
{
    char folder[] = "/tmp/leat-foreign-XXXXXX";
    leat_open o = {.kafka = kafka};
    leat_config *list = NULL;
    leat_arena_reset(&a, 0);
    assert_non_null(mkdtemp(folder));
    char *paths[] = {leat_arena_printf(&a, "%s/w.properties", folder),
                     leat_arena_printf(&a, "%s/c.properties", folder)};
    assert_int_equal(leat_os_store(paths[0], leat_str_of(worker_text), 0600), 0);
    assert_int_equal(leat_os_store(paths[1], leat_str_of(text), 0600), 0);
    assert_int_equal(leat_open_file(&a, &o, paths[0], &list, NULL), LEAT_OK);
    assert_null(list);
    leat_err e;
    assert_int_equal(leat_open_file(&a, &o, paths[0], &list, &e), LEAT_CONF);
    assert_string_equal(e.code, "config.worker");
    assert_int_equal(leat_open_file(&a, &o, paths[1], &list, NULL), LEAT_OK);
    leat_open_finish(&a, &o, list);
    config = *list;
    for (int i = 0; i < 2; i++) leat_os_now()->unlink(paths[i]);
    leat_os_now()->rmdir(folder);
}

static void test_converters_are_handed_on_whole(void **state)
{
    (void)state;
    static const char w[] = "bootstrap.servers=k:1\nkey.converter=J\nvalue.converter=J\n"
                            "key.converter.schemas.enable=false\nproducer.acks=all\n"
                            "value.converter.schemas.enable=false\n"
                            "offset.storage.file.filename=/o\n";
    open_files(w, "connector.class=c\nkey.converter=K\nvalue.converter.schemas.enable=true\n",
               NULL);
    assert_string_equal(option("key.converter"), "K");
    assert_string_equal(option("key.converter.schemas.enable"), "(none)");
    assert_string_equal(option("value.converter"), "J");
    assert_string_equal(option("value.converter.schemas.enable"), "false");
    assert_true(told(config.told, true, "value.converter.schemas.enable", "does not count"));
    assert_string_equal(option("offset.storage.file.filename"), "/o");
    assert_string_equal(worker("producer.acks"), "all");
    assert_string_equal(worker("name"), "(none)");
    open_files(w, "connector.class=c\n", "x:2");
    assert_string_equal(worker("bootstrap.servers"), "x:2");
}

static void test_the_worker_travels_along(void **state)
{
    (void)state;
    leat_buf text = {0};
    leat_config *again = NULL;
    open_files("bootstrap.servers=k:1\nproducer.sasl.jaas.config=secret\n", "connector.class=c\n",
               NULL);
    leat_config_write(&config, NULL, true, &text);
    leat_buf_u8(&text, 0);
    assert_null(strstr(text.p, "secret"));
    leat_buf_clear(&text);
    leat_config_write(&config, NULL, false, &text);
    assert_int_equal(leat_config_json(&a, leat_buf_str(&text), "x", &again, NULL), LEAT_OK);
    assert_string_equal(leat_props_get(again->worker, "producer.sasl.jaas.config"), "secret");
    assert_int_equal(
        leat_config_json(&a, LEAT_STR("{\"config\":{},\"worker\":[]}"), "x", &again, NULL),
        LEAT_CONF);
    leat_buf_free(&text);
}

static void test_a_worker_is_judged(void **state)
{
    (void)state;
    leat_report r;
    leat_setup setup;
    open_files("bootstrap.servers=k:1\nplugin.path=/p\nbootstrap.server=k\ngroup.id=g\n"
               "value.converter=io.confluent.connect.avro.AvroConverter\n"
               "sasl.mechanismm=PLAIN\nproducer.linger.ms=x\n",
               "connector.class=datagen\n", NULL);
    leat_report_init(&r, &a);
    assert_false(leat_setup_parse(&config, false, &a, &setup, &r));
    assert_true(told(&r, true, "plugin.path", "no effect"));
    assert_true(told(&r, true, "bootstrap.server", "did you mean bootstrap.servers"));
    assert_true(told(&r, true, "sasl.mechanismm", "did you mean sasl.mechanism"));
    assert_true(told(&r, false, "producer.linger.ms", "must be"));
    open_files("bootstrap.servers=k:1\nvalue.converter=io.confluent.connect.avro.AvroConverter\n"
               "group.id=g\n",
               "connector.class=datagen\nproducer.override.acks=all\n", NULL);
    leat_report_init(&r, &a);
    assert_false(leat_setup_parse(&config, false, &a, &setup, &r));
    assert_true(told(&r, false, "value.converter", "would change the records"));
    assert_int_equal(r.errors, 1);
    assert_int_equal(r.warnings, 0);
    assert_true(setup.kafka);
    assert_string_equal(setup.worker.group, "g");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_go_where_they_belong),
        cmocka_unit_test(test_names_are_told_as_written),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_workers_are_known),
        cmocka_unit_test(test_converters_are_handed_on_whole),
        cmocka_unit_test(test_the_worker_travels_along),
        cmocka_unit_test(test_a_worker_is_judged),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
