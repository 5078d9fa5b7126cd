/* From a configuration to a connector: names that are refused, all problems at once, providers. */
#include "test.h"

#include "engine/engine.h"
#include "engine/setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static leat_arena a;
static leat_report r;
static leat_setup setup;

/* Parses the text of a .properties file. */
static bool parse(const char *text, bool strict)
{
    leat_config *config = NULL;
    leat_err err = {0};
    leat_arena_reset(&a, 0);
    leat_report_init(&r, &a);
    assert_int_equal(leat_config_properties(&a, leat_str_of(text), "x.properties", &config, &err),
                     LEAT_OK);
    return leat_setup_parse(config, strict, &a, &setup, &r);
}

static bool told(const char *option, const char *words)
{
    for (const leat_problem *p = r.first; p; p = p->next)
        if (p->option && strcmp(p->option, option) == 0 && strstr(p->msg, words)) return true;
    return false;
}

static int tear_down(void **state)
{
    (void)state;
    leat_arena_free(&a);
    return 0;
}

static void test_names(void **state)
{
    (void)state;
    char long_name[202];
    memset(long_name, 'n', 201);
    long_name[201] = 0;
    const char *const bad[] = {
        "",   "/",    "a/b",  "..",   ".",    ".hidden", "../../etc", "-x",       "--once",  " a",
        "a ", "a\nb", "a\tb", "\x7f", "\x01", "x.tmp",   "\xff",      "\xc0\xaf", long_name, NULL};
    for (size_t i = 0; bad[i]; i++) {
        leat_err err = {0};
        assert_int_equal(leat_connector_name_check(bad[i], &err), LEAT_CONF);
        assert_string_equal(err.code, "config.name");
        for (const char *p = err.msg; *p; p++) assert_true(*p >= ' ' || *p < 0);
    }
    const char *const good[] = {"a",
                                "shop",
                                "Shop-1.orders_2",
                                "tmp",
                                "a b",
                                "pr\xc3\xbc"
                                "fung",
                                long_name + 1,
                                NULL};
    for (size_t i = 0; good[i]; i++)
        assert_int_equal(leat_connector_name_check(good[i], NULL), LEAT_OK);
    assert_int_equal(leat_connector_name_check(NULL, NULL), LEAT_CONF);
}

static void test_a_bad_name_is_a_problem(void **state)
{
    (void)state;
    assert_false(parse("name=../x\nconnector.class=datagen\n", false));
    assert_true(told("name", "slash") || told("name", "point"));
    assert_true(parse("name=x\nconnector.class=datagen\n", false));
    assert_non_null(setup.source);
    assert_null(setup.sink);
}

/* The bound that the engine tells is kept within limits.memory, however many tasks there are. */
static void test_events_fit_the_memory(void **state)
{
    (void)state;
    for (int tasks = 1; tasks <= 8; tasks++) {
        char text[200];
        snprintf(text, sizeof text,
                 "name=x\nconnector.class=datagen\ndatagen.tables=8\ntasks.max=%d\n", tasks);
        assert_true(parse(text, false));
        leat_engine_conf conf = {
            .source = setup.source,
            .tasks = setup.source->tasks(setup.conf, (unsigned)setup.common.tasks_max),
            .memory = (size_t)setup.common.memory,
            .max_event_bytes = (size_t)setup.common.max_event_bytes};
        leat_engine *g = leat_engine_new(&conf);
        assert_int_equal(conf.tasks, tasks);
        assert_true(leat_engine_bound(g) <= conf.memory);
        leat_engine_free(g);
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 "limits.memory=64m\nmax.event.bytes=14m\n");
        assert_int_equal(parse(text, false), tasks == 1);
        assert_true(tasks == 1 || told("limits.memory", "in each task"));
    }
}

static void test_all_problems_at_once(void **state)
{
    (void)state;
    assert_false(parse("name=a/b\nconnector.class=datagen\ntasks.max=none\ndatagen.rate=fast\n"
                       "no.such.option=1\n",
                       true));
    assert_true(told("name", "slash"));
    assert_true(told("tasks.max", "none"));
    assert_true(told("datagen.rate", "fast"));
    assert_true(told("no.such.option", ""));
    assert_int_equal(r.errors, 4);
}

static void test_unknown_options(void **state)
{
    (void)state;
    assert_true(parse("connector.class=datagen\ndatagen.rat=5\n", false));
    assert_int_equal(r.warnings, 1);
    assert_true(told("datagen.rat", "datagen.rate"));
    assert_false(parse("connector.class=datagen\ndatagen.rat=5\n", true));
}

static void test_class(void **state)
{
    (void)state;
    assert_false(parse("name=x\n", false));
    assert_true(told("connector.class", "required"));
    assert_false(parse("connector.class=no.such.Connector\n", false));
    assert_true(told("connector.class", "leat plugins"));
}

static void test_a_sink_needs_topics(void **state)
{
    (void)state;
    assert_false(parse("connector.class=null\n", false));
    assert_true(told("topics", "Must configure one of topics or topics.regex"));
    assert_true(told("topics.regex", "Must configure one of topics or topics.regex"));
    assert_false(parse("connector.class=null\ntopics= , ,\n", false));
    assert_true(parse("connector.class=null\ntopics=a, b\n", false));
    assert_int_equal(setup.wanted.names.n, 2);
    assert_null(setup.wanted.pattern);
}

static bool has(const char *topic)
{
    bool out;
    assert_int_equal(leat_wanted_has(&setup.wanted, topic, &out, NULL), LEAT_OK);
    return out;
}

/* Whole names, in their own case, as Connect's. */
static void test_a_sink_with_a_pattern(void **state)
{
    (void)state;
    assert_true(parse("connector.class=null\ntopics.regex= shop\\\\.(a|b),? \n", false));
    assert_true(has("shop.a") && has("shop.b,"));
    assert_false(has("shop.ab") || has("shopXa") || has("Shop.a") || has("my.shop.a") ||
                 has("shop.a\xff"));
    assert_true(parse("connector.class=null\ntopics=\ntopics.regex=(?i)shop\n", false));
    assert_true(has("SHOP"));
    assert_false(parse("connector.class=null\ntopics=a\ntopics.regex=a\n", false));
    assert_true(told("topics", "mutually exclusive options, but both are set."));
    assert_true(told("topics.regex", "mutually exclusive options, but both are set."));
    assert_int_equal(r.errors, 2);
    static const char *const bad[] = {"(", "[a", "*", "a{2,1}", "(?<x", "[a&&b]", "\\\\", "(?z)"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[100];
        snprintf(text, sizeof text, "connector.class=null\ntopics.regex=%s\n", bad[i]);
        assert_false(parse(text, false));
        assert_true(told("topics.regex", "must be a regular expression"));
        assert_int_equal(r.errors, 1);
    }
    assert_false(parse("connector.class=null\ntopics.regex=  \n", false));
    assert_int_equal(r.errors, 2);
}

#define KEY "transforms=k\ntransforms.k.type=ValueToKey\ntransforms.k.fields=id\n"

/* Of sources and sinks; those that are not built are refused by name. */
static void test_transforms(void **state)
{
    (void)state;
    assert_true(parse("connector.class=datagen\n" KEY, false));
    assert_false(parse("connector.class=datagen\ntransforms=unwrap\n", false));
    assert_true(told("transforms.unwrap.type", "required"));
    assert_true(parse("connector.class=null\ntopics=t\n" KEY, false));
    assert_non_null(setup.transforms);
    assert_false(parse("connector.class=null\ntopics=t\ntransforms=unwrap\n", false));
    assert_true(told("transforms.unwrap.type", "required"));
}

static void test_providers(void **state)
{
    (void)state;
    setenv("LEAT_TEST_RATE", "77", 1);
    assert_true(parse("connector.class=datagen\ndatagen.events=${env:LEAT_TEST_RATE}\n", false));
    unsetenv("LEAT_TEST_RATE");
    assert_false(parse("connector.class=datagen\ndatagen.events=${env:LEAT_TEST_RATE}\n", false));
    assert_true(told("datagen.events", "LEAT_TEST_RATE"));
}

static void test_common_leaves_providers(void **state)
{
    (void)state;
    leat_config *config = NULL;
    leat_connector_conf common;
    const char *text = "connector.class=datagen\nvalue.converter.schemas.enable=false\n"
                       "database.password=${env:LEAT_TEST_MISSING}\n";
    leat_report_init(&r, &a);
    assert_int_equal(leat_config_properties(&a, leat_str_of(text), "x.properties", &config, NULL),
                     LEAT_OK);
    assert_true(leat_setup_common(config, &a, &common, &r));
    assert_false(common.value_schemas);
    assert_true(common.key_schemas);
    assert_string_equal(common.name, "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_a_bad_name_is_a_problem),
        cmocka_unit_test(test_events_fit_the_memory),
        cmocka_unit_test(test_all_problems_at_once),
        cmocka_unit_test(test_unknown_options),
        cmocka_unit_test(test_class),
        cmocka_unit_test(test_a_sink_needs_topics),
        cmocka_unit_test(test_a_sink_with_a_pattern),
        cmocka_unit_test(test_transforms),
        cmocka_unit_test(test_providers),
        cmocka_unit_test(test_common_leaves_providers),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
