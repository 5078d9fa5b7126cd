/* What capturing tables shares: options, filters, names of topics and fields, keys. */
#include "../test.h"

#include <stdio.h>

#include "capture/columns.h"
#include "capture/filter.h"
#include "capture/keys.h"
#include "capture/naming.h"
#include "config/load.h"

static const leat_opt *const tables[] = {leat_capture_options,          leat_capture_schema_options,
                                         leat_capture_time_options,     leat_capture_signal_options,
                                         leat_capture_snapshot_options, NULL};

typedef struct fixture {
    leat_arena a;
    leat_capture_conf c;
    leat_report r;
    leat_err e;
    bool good;
} fixture;

static fixture f;

/* Parses and validates the lines; topic.prefix is set. */
static void conf(const char *text)
{
    leat_props props;
    memset(&f, 0, sizeof f);
    leat_arena_init(&f.a, 0);
    leat_props_init(&props, "x.properties");
    if (leat_props_read(&f.a, leat_str_of(text), &props, &f.e) != LEAT_OK) fail_msg("%s", f.e.msg);
    if (!leat_props_get(&props, "topic.prefix"))
        leat_props_set(&props, &f.a, LEAT_STR("topic.prefix"), LEAT_STR("shop"), 0);
    leat_report_init(&f.r, &f.a);
    f.good = leat_opts_parse(tables, &props, true, &f.a, &f.c, &f.r);
    leat_capture_validate(&f.c, &f.r);
    f.good = f.good && f.r.errors == 0;
}

static void good_conf(const char *text)
{
    conf(text);
    if (!f.good) fail_msg("%s: %s", f.r.first->option, f.r.first->msg);
}

static int teardown(void **state)
{
    (void)state;
    leat_arena_free(&f.a);
    return 0;
}

/* An error about the option that says msg. */
static void refused(const char *text, const char *option, const char *msg)
{
    conf(text);
    if (f.good) fail_msg("%s: accepted", text);
    const leat_problem *p = f.r.first;
    while (p && (p->option == NULL || strcmp(p->option, option) != 0 || !strstr(p->msg, msg)))
        p = p->next;
    if (p == NULL) fail_msg("%s: no \"%s\" but \"%s\"", text, msg, f.r.first->msg);
    leat_arena_free(&f.a);
}

static void test_signals(void **state)
{
    (void)state;
    good_conf("");
    assert_true(leat_capture_channel(&f.c, "source"));
    assert_false(leat_capture_channel(&f.c, "file"));
    assert_false(leat_capture_is_signal(&f.c, "public", "signals"));
    assert_int_equal(f.c.chunk_rows, 1024);
    leat_arena_free(&f.a);
    good_conf("signal.data.collection=public.signals\nsignal.enabled.channels=file\n"
              "incremental.snapshot.watermarking.strategy=INSERT_DELETE");
    assert_false(leat_capture_channel(&f.c, "source"));
    assert_true(leat_capture_is_signal(&f.c, "public", "signals"));
    assert_false(leat_capture_is_signal(&f.c, "public", "signals2"));
    assert_false(leat_capture_is_signal(&f.c, "publi", "c.signals"));
    assert_int_equal(f.c.watermarks, LEAT_WATERMARKS_DELETE);
}

static void test_defaults(void **state)
{
    (void)state;
    good_conf("");
    assert_string_equal(f.c.prefix, "shop");
    assert_string_equal(f.c.delimiter, ".");
    assert_int_equal(f.c.naming, LEAT_NAMING_SCHEMA);
    assert_true(f.c.tombstones && f.c.extended_headers && f.c.ignore_builtin);
    assert_false(f.c.transactions || f.c.skip_unchanged);
    assert_int_equal(f.c.decimal, LEAT_DECIMAL_PRECISE);
    assert_int_equal(f.c.time, LEAT_TIME_ADAPTIVE);
    assert_int_equal(f.c.binary, LEAT_BINARY_BYTES);
    uint32_t skipped = leat_capture_skipped(&f.c);
    assert_true(leat_capture_skips(skipped, LEAT_OP_TRUNCATE));
    assert_false(leat_capture_skips(skipped, LEAT_OP_UPDATE));
    assert_true(leat_str_is(leat_capture_placeholder(&f.c, &f.a), "__debezium_unavailable_value"));
}

static void test_refused(void **state)
{
    (void)state;
    refused("signal.enabled.channels=carrier-pigeon", "signal.enabled.channels",
            "must be a list of");
    refused("signal.data.collection=a.b,a.c", "signal.data.collection", "names 2 tables");
    refused("notification.enabled.channels=sink", "notification.sink.topic.name", "must be set");
    refused("notification.enabled.channels=sink\nnotification.sink.topic.name=a b",
            "notification.sink.topic.name", "letters, digits");
    refused("incremental.snapshot.chunk.size=0", "incremental.snapshot.chunk.size", "1");
    refused("topic.prefix=a b", "topic.prefix", "letters, digits");
    refused("topic.delimiter=/", "topic.delimiter", "letters, digits");
    refused("table.include.list=a\ntable.exclude.list=b", "table.exclude.list",
            "together with table.include.list");
    refused("schema.include.list=a\nschema.exclude.list=b", "schema.exclude.list", "together");
    refused("column.include.list=a\ncolumn.exclude.list=b", "column.exclude.list", "together");
    refused("table.include.list=ok,a(", "table.include.list", "parenthesis at character 3");
    refused("skipped.operations=none,c", "skipped.operations", "none");
    refused("skipped.operations=x", "skipped.operations", "must be a list of");
    refused("message.key.columns=public.a", "message.key.columns", "expected schema.table:column");
    refused("message.key.columns=public.a:b;;public.c:d", "message.key.columns", "expected");
    refused("message.key.columns=public.a:b,", "message.key.columns", "expected");
    refused("message.key.columns=public.a:b:c", "message.key.columns", "expected");
    refused("message.key.columns=public.(a:b", "message.key.columns", "parenthesis");
    refused("column.truncate.to.x.chars=a", "column.truncate.to.x.chars", "whole number");
    refused("column.mask.with.99999999.chars=a", "column.mask.with.99999999.chars", "whole");
    refused("column.mask.hash.SHA-257.with.salt.pepper=a", "column.mask.hash.*.with.salt.*",
            "not known");
    refused("topic.naming.strategy=io.debezium.schema.SchemaRegexTopicNamingStrategy",
            "topic.regex", "must be set for this");
    refused("topic.naming.strategy=io.debezium.schema.SchemaRegexTopicNamingStrategy\n"
            "topic.regex=a",
            "topic.replacement", "together with topic.regex");
    refused("topic.naming.strategy=io.debezium.schema.SchemaRegexTopicNamingStrategy\n"
            "topic.regex=(a)\ntopic.replacement=$2",
            "topic.replacement", "it has 1");
    refused("topic.naming.strategy=com.example.Mine", "topic.naming.strategy", "must be one of");
    refused("unavailable.value.placeholder=hex:0", "unavailable.value.placeholder", "pairs");
    refused("converters=isbn", "converters", "not built");
    refused("column.mask.hash.SHA-256.with.salt.=a", "column.mask.with.*.chars",
            "ignoring it would show");
    refused("column.mask.SHA-256.with.salt.pepper=a", "column.mask.with.*.chars",
            "ignoring it would show");
    refused("column.truncate.to.5.char=a", "column.truncate.to.*.chars", "ignoring it would show");
    conf("column.mask.SHA-256.with.salt.pepper=a");
    for (const leat_problem *p = f.r.first; p; p = p->next)
        if (strstr(p->msg, "pepper") || strstr(p->option, "pepper")) fail_msg("%s", p->msg);
    leat_arena_free(&f.a);
    conf("column.mask.hash.SHA-257.with.salt.pepper=(a");
    for (const leat_problem *p = f.r.first; p; p = p->next)
        if (strstr(p->msg, "pepper") || strstr(p->option, "pepper")) fail_msg("%s", p->msg);
}

static void test_skipped_and_placeholder(void **state)
{
    (void)state;
    good_conf("skipped.operations=C, d\nunavailable.value.placeholder=hex:00ff41");
    uint32_t skipped = leat_capture_skipped(&f.c);
    assert_true(leat_capture_skips(skipped, LEAT_OP_CREATE));
    assert_true(leat_capture_skips(skipped, LEAT_OP_DELETE));
    assert_false(leat_capture_skips(skipped, LEAT_OP_TRUNCATE));
    leat_str p = leat_capture_placeholder(&f.c, &f.a);
    assert_int_equal(p.len, 3);
    assert_memory_equal(p.s, "\x00\xFF\x41", 3);
    leat_arena_free(&f.a);
    good_conf("skipped.operations=none");
    assert_int_equal(leat_capture_skipped(&f.c), 0);
}

static bool in_table(const char *schema, const char *table)
{
    const leat_filter *filter;
    bool in;
    if (leat_filter_new(&f.a, &f.c, &filter, &f.e) != LEAT_OK) fail_msg("%s", f.e.msg);
    if (leat_filter_table(filter, schema, table, &in, &f.e) != LEAT_OK) fail_msg("%s", f.e.msg);
    return in;
}

static bool in_column(const char *column)
{
    const leat_filter *filter;
    bool in;
    assert_int_equal(leat_filter_new(&f.a, &f.c, &filter, &f.e), LEAT_OK);
    assert_int_equal(leat_filter_column(filter, "public", "orders", column, &in, &f.e), LEAT_OK);
    return in;
}

static void test_filter(void **state)
{
    (void)state;
    good_conf("");
    assert_true(in_table("public", "orders"));
    assert_true(in_column("id"));
    leat_arena_free(&f.a);

    good_conf("table.include.list=public.orders, PUBLIC\\\\.zz_.* ,x{1\\\\,2}.t");
    assert_true(in_table("public", "orders"));
    assert_true(in_table("Public", "ORDERS"));
    assert_true(in_table("public", "zz_1"));
    assert_true(in_table("xx", "t"));
    assert_false(in_table("public", "orders2"));
    assert_false(in_table("other", "orders"));
    leat_arena_free(&f.a);

    good_conf("schema.exclude.list=audit\ntable.exclude.list=public.(?!keep).*");
    assert_true(in_table("public", "keep_this"));
    assert_false(in_table("public", "drop_this"));
    assert_false(in_table("audit", "keep"));
    assert_true(in_table("auditor", "any"));
    leat_arena_free(&f.a);

    good_conf("column.exclude.list=public.orders.(secret|pin)");
    assert_false(in_column("secret"));
    assert_true(in_column("secretary"));
    leat_arena_free(&f.a);
    good_conf("column.include.list=.*.id,.*.name");
    assert_true(in_column("id"));
    assert_false(in_column("price"));
    leat_arena_free(&f.a);

    /* Systems without schemas; names longer than any buffer. */
    good_conf("table.include.list=orders.*");
    char name[2000];
    memset(name, 'x', sizeof name);
    memcpy(name, "orders", 6);
    name[sizeof name - 1] = '\0';
    assert_true(in_table(NULL, "orders"));
    assert_true(in_table(NULL, name));
}

static void test_snapshot_filter(void **state)
{
    (void)state;
    const leat_filter *filter;
    bool in;
    good_conf("snapshot.include.collection.list=public.a");
    assert_int_equal(leat_filter_new(&f.a, &f.c, &filter, &f.e), LEAT_OK);
    leat_filter_snapshot(filter, "public", "a", &in, &f.e);
    assert_true(in);
    leat_filter_snapshot(filter, "public", "b", &in, &f.e);
    assert_false(in);
}

static void test_filter_limits(void **state)
{
    (void)state;
    const leat_filter *filter;
    bool in;
    good_conf("table.include.list=public.(a|aa)+[bd]");
    assert_int_equal(leat_filter_new(&f.a, &f.c, &filter, &f.e), LEAT_OK);
    leat_rc rc = leat_filter_table(filter, "public", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac",
                                   &in, &f.e);
    assert_int_equal(rc, LEAT_CONF);
    assert_string_equal(f.e.code, "regex.limit");
}

static const char *topic(const char *catalog, const char *schema, const char *table)
{
    return leat_naming_topic(&f.c, &f.a, catalog, schema, table);
}

static void test_topics(void **state)
{
    (void)state;
    good_conf("");
    assert_string_equal(topic(NULL, "public", "orders"), "shop.public.orders");
    assert_string_equal(topic(NULL, NULL, "orders"), "shop.orders");
    assert_string_equal(topic(NULL, "  ", "orders"), "shop.orders");
    assert_string_equal(topic(NULL, "public", "my orders/2"), "shop.public.my_orders_2");
    assert_string_equal(topic(NULL, "public", "gr\xC3\xBC\xC3\x9F"), "shop.public.gr__");
    assert_string_equal(topic(NULL, "public", "\xF0\x9F\x98\x80"), "shop.public.__");
    char name[400];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(strlen(topic(NULL, "public", name)), LEAT_TOPIC_MAX);
    assert_string_equal(leat_naming_sanitize(&f.a, ".", false), "_");
    assert_string_equal(leat_naming_sanitize(&f.a, "..", false), "__");
    assert_string_equal(leat_naming_transactions(&f.c, &f.a), "shop.transaction");
    assert_string_equal(leat_naming_heartbeats(&f.c, &f.a), "__debezium-heartbeat.shop");
    assert_string_equal(leat_naming_schema_changes(&f.c, &f.a), "shop");
    leat_arena_free(&f.a);

    good_conf(
        "topic.delimiter=_\ntopic.naming.strategy=io.debezium.schema.DefaultTopicNamingStrategy"
        "\ntopic.heartbeat.prefix=hb\ntopic.transaction=tx");
    assert_string_equal(topic(NULL, "public", "customers"), "shop_customers");
    assert_string_equal(topic("inventory", NULL, "customers"), "shop_inventory_customers");
    assert_string_equal(leat_naming_transactions(&f.c, &f.a), "shop_tx");
    assert_string_equal(leat_naming_heartbeats(&f.c, &f.a), "hb_shop");
    leat_arena_free(&f.a);

    good_conf("topic.heartbeat.name=beats");
    assert_string_equal(leat_naming_heartbeats(&f.c, &f.a), "beats");
}

#define STRATEGY "topic.naming.strategy=io.debezium.schema."

static void test_topics_unicode(void **state)
{
    (void)state;
    good_conf(STRATEGY "SchemaUnicodeTopicNamingStrategy");
    assert_string_equal(topic(NULL, "public", "my orders_2"), "shop.public.my_u0020orders_u005f2");
    assert_string_equal(topic(NULL, "public", "gr\xC3\xBC\xC3\x9F\xE2\x82\xAC"),
                        "shop.public.gr_u00fc_u00df_u20ac");
    assert_string_equal(leat_naming_sanitize(&f.a, "..", true), "_u002e_u002e");
}

static void test_topics_by_regex(void **state)
{
    (void)state;
    leat_naming_place place;
    good_conf(STRATEGY "SchemaRegexTopicNamingStrategy\ntopic.regex=(.*)\\\\.a_\\\\d\n"
                       "topic.replacement=$1.all\ntopic.key.field.regex=.*\\\\.(.*)\n"
                       "topic.key.field.replacement=$1!");
    assert_int_equal(leat_naming_table(&f.c, &f.a, NULL, "s", "a_1", &place, &f.e), LEAT_OK);
    assert_string_equal(place.topic, "shop.s.all");
    assert_string_equal(place.key_field, "__dbz__physicalTableIdentifier");
    assert_string_equal(place.key_tag, "a_1!");
    assert_true(place.shared);
    assert_int_equal(leat_naming_table(&f.c, &f.a, NULL, "s", "b 1", &place, &f.e), LEAT_OK);
    assert_string_equal(place.topic, "shop.s.b_1");
    assert_string_equal(place.key_tag, "b 1!");
    f.c.key_unique = false;
    assert_int_equal(leat_naming_table(&f.c, &f.a, NULL, "s", "a_1", &place, &f.e), LEAT_OK);
    assert_null(place.key_tag);
    f.c.topic_replacement = "a b";
    assert_int_equal(leat_naming_table(&f.c, &f.a, NULL, "s", "a_1", &place, &f.e), LEAT_CONF);
    assert_string_equal(f.e.code, "capture.topic");
}

static const char *schema_name(const char *topic_name)
{
    return leat_naming_schema(&f.c, &f.a, topic_name, ".Value");
}

static void test_adjusted_names(void **state)
{
    (void)state;
    good_conf("");
    assert_string_equal(schema_name("my-shop.a"), "my-shop.a.Value");
    assert_string_equal(leat_naming_field(&f.c, &f.a, "a-b"), "a-b");
    leat_arena_free(&f.a);
    good_conf("schema.name.adjustment.mode=avro\nfield.name.adjustment.mode=avro");
    assert_string_equal(schema_name("my-shop.a_b"), "my_shop.a_b.Value");
    assert_string_equal(leat_naming_field(&f.c, &f.a, "a.b c"), "a_b_c");
    assert_string_equal(leat_naming_field(&f.c, &f.a, "1st"), "_1st");
    leat_arena_free(&f.a);
    good_conf("schema.name.adjustment.mode=avro_unicode\nfield.name.adjustment.mode=avro_unicode");
    assert_string_equal(schema_name("my-shop.a"), "my_u002dshop.a.Value");
    assert_string_equal(leat_naming_field(&f.c, &f.a, "a_b.c"), "a_u005fb_u002ec");
    assert_string_equal(leat_naming_field(&f.c, &f.a, "1st"), "_u0031st");
    assert_string_equal(leat_naming_field(&f.c, &f.a, "gr\xC3\xBC\xC3\x9F\xE2\x82\xAC"),
                        "gr_u00fc_u00df_u20ac");
}

static void test_claims(void **state)
{
    (void)state;
    leat_topic_names t = {0};
    leat_err e;
    char topics[200][24], names[200][24];
    for (int i = 0; i < 200; i++) {
        snprintf(topics[i], sizeof topics[i], "t%d", i);
        snprintf(names[i], sizeof names[i], "public.%d", i);
        assert_int_equal(leat_topic_names_claim(&t, topics[i], names[i], &e), LEAT_OK);
    }
    assert_int_equal(leat_topic_names_claim(&t, "t7", "public.7", &e), LEAT_OK);
    assert_int_equal(leat_topic_names_claim(&t, "t7", "public.8", &e), LEAT_CONF);
    assert_string_equal(e.code, "capture.topic");
    assert_string_equal(e.where, "t7");
    assert_non_null(strstr(e.msg, "public.7 and public.8"));
    leat_topic_names_free(&t);
}

static void test_keys(void **state)
{
    (void)state;
    static const char *const columns[] = {"id", "email", "last_name", "pk1", "pk2"};
    uint16_t out[5], n;
    const leat_keys *k;
    good_conf("");
    assert_int_equal(leat_keys_new(&f.a, &f.c, &k, &f.e), LEAT_OK);
    assert_null(k);
    leat_keys_find(k, "public", "customers", columns, 5, out, &n, &f.e);
    assert_int_equal(n, 0);
    leat_arena_free(&f.a);

    good_conf("message.key.columns= public.customers:email, last_name;(.*).orders:pk.;");
    assert_int_equal(leat_keys_new(&f.a, &f.c, &k, &f.e), LEAT_OK);
    leat_keys_find(k, "public", "customers", columns, 5, out, &n, &f.e);
    assert_int_equal(n, 2);
    assert_int_equal(out[0], 1);
    assert_int_equal(out[1], 2);
    leat_keys_find(k, "sales", "ORDERS", columns, 5, out, &n, &f.e);
    assert_int_equal(n, 2);
    assert_int_equal(out[0], 3);
    assert_int_equal(out[1], 4);
    leat_keys_find(k, "sales", "other", columns, 5, out, &n, &f.e);
    assert_int_equal(n, 0);
    leat_arena_free(&f.a);

    /* In the order of the rule, each once. */
    good_conf("message.key.columns=public.t:pk2,pk1,pk2");
    assert_int_equal(leat_keys_new(&f.a, &f.c, &k, &f.e), LEAT_OK);
    leat_keys_find(k, "public", "t", columns, 5, out, &n, &f.e);
    assert_int_equal(n, 2);
    assert_int_equal(out[0], 4);
    assert_int_equal(out[1], 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_defaults, teardown),
        cmocka_unit_test_teardown(test_signals, teardown),
        cmocka_unit_test_teardown(test_refused, teardown),
        cmocka_unit_test_teardown(test_skipped_and_placeholder, teardown),
        cmocka_unit_test_teardown(test_filter, teardown),
        cmocka_unit_test_teardown(test_snapshot_filter, teardown),
        cmocka_unit_test_teardown(test_filter_limits, teardown),
        cmocka_unit_test_teardown(test_topics, teardown),
        cmocka_unit_test_teardown(test_topics_unicode, teardown),
        cmocka_unit_test_teardown(test_topics_by_regex, teardown),
        cmocka_unit_test_teardown(test_adjusted_names, teardown),
        cmocka_unit_test(test_claims),
        cmocka_unit_test_teardown(test_keys, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
