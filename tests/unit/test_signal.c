/* Signals as they are read, notifications compared with recorded ones of Debezium
 * (incremental_snapshot_notif, notifications_initial), and keys as Java serializes them. */
#include "../test.h"

#include "capture/javakeys.h"
#include "capture/notify.h"
#include "capture/signal.h"

static leat_arena a;

static int teardown(void **state)
{
    (void)state;
    leat_arena_free(&a);
    return 0;
}

static const leat_signal *parse(const char *type, const char *data)
{
    const leat_signal *s = NULL;
    leat_err e = {0};
    leat_rc rc =
        leat_signal_parse(&a, LEAT_STR("ad-hoc-1"), leat_str_of(type), leat_str_of(data), &s, &e);
    if (rc != LEAT_OK) print_message("# %s: %s\n", e.code, e.msg);
    assert_int_equal(rc, LEAT_OK);
    assert_string_equal(s->id, "ad-hoc-1");
    return s;
}

static void refuses(const char *type, const char *data, const char *code, const char *words)
{
    const leat_signal *s;
    leat_err e = {0};
    leat_rc rc =
        leat_signal_parse(&a, LEAT_STR("ad-hoc-1"), leat_str_of(type), leat_str_of(data), &s, &e);
    assert_int_equal(rc, LEAT_CONF);
    assert_string_equal(e.code, code);
    assert_string_equal(e.where, "ad-hoc-1");
    if (!strstr(e.msg, words)) print_message("# %s\n", e.msg);
    assert_non_null(strstr(e.msg, words));
}

static void test_execute(void **state)
{
    (void)state;
    bool hit;
    const char *filter;
    leat_err e;
    const leat_signal *s = parse(
        "execute-snapshot",
        "{\"data-collections\":[\" public.customers \",\"shop\\\\..*\"],\"type\":\"INCREMENTAL\","
        "\"additional-conditions\":[{\"data-collection\":\"public.customers\",\"filter\":\"id>1\"},"
        "{\"data-collection\":\"shop.*\",\"filter\":\"a='x'\"}],\"surrogate-key\":\"n\"}");
    assert_int_equal(s->type, LEAT_SIGNAL_EXECUTE);
    assert_false(s->blocking);
    assert_int_equal(s->ntables, 2);
    assert_string_equal(s->tables[0].text, "public.customers");
    assert_string_equal(s->surrogate, "n");
    assert_int_equal(leat_signal_table_hit(&s->tables[1], LEAT_STR("shop.x"), &hit, &e), LEAT_OK);
    assert_true(hit);
    assert_int_equal(leat_signal_table_hit(&s->tables[1], LEAT_STR("myshop.x"), &hit, &e), LEAT_OK);
    assert_false(hit);
    assert_int_equal(leat_signal_filter(s, LEAT_STR("shop.x"), &filter, &e), LEAT_OK);
    assert_string_equal(filter, "a='x'");
    assert_int_equal(leat_signal_filter(s, LEAT_STR("other.x"), &filter, &e), LEAT_OK);
    assert_null(filter);
}

static void test_forms(void **state)
{
    (void)state;
    const leat_signal *s;
    leat_err e;
    s = parse("execute-snapshot", "{\"data-collections\":[\"a.b\"],\"type\":\"blocking\"}");
    assert_true(s->blocking);
    s = parse("execute-snapshot",
              "{\"data-collections\":[\"a.b\"],\"additional-condition\":\" id < 3 \"}");
    assert_int_equal(s->nconditions, 1);
    assert_string_equal(s->conditions[0].filter, "id < 3");
    s = parse("stop-snapshot", "");
    assert_int_equal(s->ntables, 0);
    s = parse("stop-snapshot", "{\"type\":\"incremental\",\"data-collections\":[\"a.b\"]}");
    assert_int_equal(s->ntables, 1);
    assert_int_equal(parse("pause-snapshot", " ")->type, LEAT_SIGNAL_PAUSE);
    assert_int_equal(parse("resume-snapshot", "{}")->type, LEAT_SIGNAL_RESUME);
    assert_string_equal(parse("log", "{\"message\":\"at {}\"}")->message, "at {}");
    /* Its data is not read: those of other connectors may be in the table. */
    assert_int_equal(parse("snapshot-window-close", "no json")->type, LEAT_SIGNAL_WINDOW_CLOSE);
    static const char object[] = "{\"id\":\"7\",\"type\":\"log\",\"data\":{\"message\":\"x\"}}";
    static const char text[] = "{\"type\":\"log\",\"data\":\"{\\\"message\\\":\\\"y\\\"}\"}";
    assert_int_equal(leat_signal_parse_object(&a, leat_str_of(object), &s, &e), LEAT_OK);
    assert_string_equal(s->id, "7");
    assert_int_equal(leat_signal_parse_object(&a, leat_str_of(text), &s, &e), LEAT_OK);
    assert_string_equal(s->message, "y");
    assert_int_equal(strlen(s->id), 36);
}

/* {"data-collections":["t0","t1",...]}, in a. */
static const char *many(unsigned n, const char *more)
{
    leat_buf out = {0};
    leat_buf_str_z(&out, "{\"data-collections\":[");
    for (unsigned i = 0; i < n; i++) leat_buf_printf(&out, "%s\"t%u\"", i ? "," : "", i);
    leat_buf_printf(&out, "]%s}", more);
    const char *text = leat_arena_str(&a, leat_buf_str(&out)).s;
    leat_buf_free(&out);
    return text;
}

/* A name without special characters is a pattern all the same, as it is for Debezium. */
static void test_plain_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool hit;
    } plain[] = {
        {"PUBLIC.A_1", true},          {"publicxa_1", true},  {"public\xc3\xa4\x61_1", true},
        {"public\xe2\x84\xaa", false}, {"public.a_2", false}, {"public.a_12", false},
        {"public.a_", false}};
    const leat_signal *s = parse("execute-snapshot", "{\"data-collections\":[\"public.a_1\"]}");
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        bool hit;
        leat_err e;
        leat_str name = leat_str_of(plain[i].name);
        assert_int_equal(leat_signal_table_hit(&s->tables[0], name, &hit, &e), LEAT_OK);
        assert_int_equal(hit, plain[i].hit);
    }
}

static void test_many(void **state)
{
    (void)state;
    assert_int_equal(parse("execute-snapshot", many(LEAT_SIGNAL_NAMES, ""))->ntables, 10000);
    refuses("execute-snapshot", many(LEAT_SIGNAL_NAMES + 1, ""), "signal.data",
            "data-collections has 10001 entries, and a signal may have up to 10000");
    refuses("stop-snapshot", many(LEAT_SIGNAL_NAMES + 1, ""), "signal.data", "10001 entries");
}

static void test_refused(void **state)
{
    (void)state;
    const leat_signal *s;
    leat_err e;
    refuses("dance", "{}", "signal.type", "expected log, execute-snapshot");
    refuses("schema-changes", "{}", "signal.unsupported", "catalog");
    refuses("set-binlog-position", "{}", "signal.unsupported", "leat offsets");
    refuses("log", "{\"message\":\"x\"", "signal.json", "line 1");
    refuses("log", "{}", "signal.data", "needs a message");
    refuses("log", "[]", "signal.data", "must be an object");
    refuses("execute-snapshot", "", "signal.data", "must name a table");
    refuses("execute-snapshot", "{\"data-collections\":[]}", "signal.data", "must name a table");
    refuses("execute-snapshot", "{\"data-collections\":\"a.b\"}", "signal.data", "an array");
    refuses("execute-snapshot", "{\"data-collections\":[7]}", "signal.data", "texts");
    refuses("execute-snapshot", "{\"data-collections\":[\" \"]}", "signal.data", "is empty");
    refuses("execute-snapshot", "{\"data-collections\":[\"a.(b\"]}", "signal.data", "a.(b");
    refuses("execute-snapshot", "{\"data-collections\":[\"a\"],\"type\":\"quick\"}", "signal.data",
            "incremental or blocking");
    refuses("execute-snapshot", "{\"data-collections\":[\"a\"],\"additional-conditions\":[{}]}",
            "signal.data", "data-collection and filter");
    refuses("pause-snapshot", "{\"type\":\"blocking\"}", "signal.data", "only be stopped");
    refuses("stop-snapshot", "{\"type\":\"blocking\",\"data-collections\":[\"a.b\"]}",
            "signal.data", "as a whole");
    static const char window[] = "{\"id\":\"1\",\"type\":\"snapshot-window-open\"}";
    assert_int_equal(leat_signal_parse_object(&a, leat_str_of(window), &s, &e), LEAT_CONF);
    assert_non_null(strstr(e.msg, "signal table only"));
    assert_int_equal(leat_signal_parse_object(&a, LEAT_STR("7"), &s, &e), LEAT_CONF);
    assert_string_equal(e.code, "signal.json");
}

/* ---- notifications ---- */

static void test_notify(void **state)
{
    (void)state;
    static const char *const sink[] = {"sink"};
    const leat_capture_conf none = {.prefix = "shop"};
    const leat_capture_conf c = {
        .prefix = "shop", .notify_channels = {sink, 1}, .notify_topic = "shop.notif"};
    leat_batch b;
    assert_null(leat_notify_new(&none));
    leat_batch_init(&b, 16, 1 << 20);
    leat_notify *n = leat_notify_new(&c);
    leat_notify_put(NULL, &b, &(leat_notice){.type = "STARTED"});
    assert_int_equal(b.n, 0);
    leat_notify_put(n, &b,
                    &(leat_notice){.aggregate = LEAT_NOTIFY_INCREMENTAL,
                                   .type = "TABLE_SCAN_COMPLETED",
                                   .id = "ad-hoc-1",
                                   .scanned = "public.customers",
                                   .rows = 3,
                                   .tables = "public.customers",
                                   .status = "SUCCEEDED"});
    assert_int_equal(b.n, 1);
    const leat_record *r = b.ev[0].record;
    assert_string_equal(r->topic, "shop.notif");
    assert_string_equal(r->key_schema->name, "io.debezium.connector.common.NotificationKey");
    assert_int_equal(r->value.len, 5);
    const leat_value *map = &r->value.u.list[3];
    static const char *const wanted[] = {"scanned_collection",
                                         "public.customers",
                                         "connector_name",
                                         "shop",
                                         "total_rows_scanned",
                                         "3",
                                         "data_collections",
                                         "public.customers",
                                         "status",
                                         "SUCCEEDED"};
    assert_int_equal(map->len, 5);
    for (size_t i = 0; i < 10; i++)
        assert_true(leat_str_is(leat_value_str(&map->u.list[i]), wanted[i]));
    leat_notify_put(n, &b, &(leat_notice){.aggregate = LEAT_NOTIFY_INITIAL, .type = "STARTED"});
    assert_int_equal(leat_value_str(&b.ev[1].record->key.u.list[0]).len, 36);
    leat_notify_free(n);
    leat_batch_free(&b);
}

static void test_tables(void **state)
{
    (void)state;
    static const char *const names[] = {"public.customers", "public.zz_end"};
    assert_string_equal(leat_notify_tables(&a, names, 2, false), "public.customers,public.zz_end");
    assert_string_equal(leat_notify_tables(&a, names, 2, true), "public.zz_end,public.customers");
    assert_string_equal(leat_notify_tables(&a, names, 0, true), "");
    const char *many[LEAT_NOTIFY_TABLES + 7];
    for (size_t i = 0; i < LEAT_NOTIFY_TABLES + 7; i++) many[i] = "s.t";
    const char *text = leat_notify_tables(&a, many, LEAT_NOTIFY_TABLES, false);
    assert_int_equal(strlen(text), 4 * LEAT_NOTIFY_TABLES - 1);
    text = leat_notify_tables(&a, many, LEAT_NOTIFY_TABLES + 7, true);
    assert_string_equal(text + 4 * LEAT_NOTIFY_TABLES - 1, ",... (7 more)");
}

/* ---- keys ---- */

static void is_hex(const leat_java_key *v, size_t n, const char *hex)
{
    leat_buf b = {0};
    leat_java_keys_write(v, n, &b);
    leat_buf_u8(&b, 0);
    assert_string_equal(b.p, hex);
    leat_buf_free(&b);
}

#define OBJECTS "aced0005757200135b4c6a6176612e6c616e672e4f626a6563743b90ce589f1073296c0200007870"
#define INTEGER                                                                                    \
    "737200116a6176612e6c616e672e496e746567657212e2a0a4f781873802000149000576616c7565787200106a61" \
    "76612e6c616e672e4e756d62657286ac951d0b94e08b0200007870"

static void test_keys(void **state)
{
    (void)state;
    leat_java_key *v;
    size_t n;
    const leat_java_key two[] = {{LEAT_JAVA_INT, LEAT_STR("2")}, {LEAT_JAVA_INT, LEAT_STR("-1")}};
    is_hex(NULL, 0, "aced000570");
    is_hex(two, 1, OBJECTS "00000001" INTEGER "00000002");
    is_hex(two, 2,
           OBJECTS "00000002" INTEGER "00000002"
                   "7371007e0002ffffffff");
    const leat_java_key mixed[] = {{LEAT_JAVA_LONG, LEAT_STR("9223372036854775807")},
                                   {LEAT_JAVA_TEXT, LEAT_STR("x y")},
                                   {LEAT_JAVA_NULL, {0}},
                                   {LEAT_JAVA_SHORT, LEAT_STR("-32768")},
                                   {LEAT_JAVA_INT, LEAT_STR("3000000000")}};
    leat_buf b = {0};
    leat_java_keys_write(mixed, 5, &b);
    assert_true(leat_java_keys_read(&a, leat_buf_str(&b), &v, &n));
    assert_int_equal(n, 5);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(v[i].type, mixed[i].type);
        assert_true(leat_str_eq(v[i].text, mixed[i].text));
    }
    assert_int_equal(v[4].type, LEAT_JAVA_TEXT); /* it fits no Integer */
    for (size_t cut = 2; cut < b.len; cut += 2)
        assert_false(leat_java_keys_read(&a, (leat_str){b.p, b.len - cut}, &v, &n));
    leat_buf_free(&b);
    assert_true(leat_java_keys_read(&a, LEAT_STR("ACED000570"), &v, &n));
    assert_null(v);
    assert_false(leat_java_keys_read(&a, LEAT_STR("xx"), &v, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_execute, teardown),
        cmocka_unit_test_teardown(test_forms, teardown),
        cmocka_unit_test_teardown(test_plain_names, teardown),
        cmocka_unit_test_teardown(test_many, teardown),
        cmocka_unit_test_teardown(test_refused, teardown),
        cmocka_unit_test_teardown(test_notify, teardown),
        cmocka_unit_test_teardown(test_tables, teardown),
        cmocka_unit_test_teardown(test_keys, teardown),
    };
    return cmocka_run_group_tests_name("signal", tests, NULL, NULL);
}
