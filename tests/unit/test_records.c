/* Heartbeats and transaction metadata, compared with what was recorded of Debezium (crud_txmeta,
 * heartbeat): schemas as Kafka Connect's JSON converter prints them, and values. */
#include "../test.h"

#include "capture/records.h"

typedef struct fixture {
    leat_capture_conf c;
    leat_batch b;
    leat_records *r;
    leat_buf out;
} fixture;

static fixture f;

static int setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    f.c = (leat_capture_conf){.prefix = "shop",
                              .delimiter = ".",
                              .transaction_topic = "transaction",
                              .heartbeat_prefix = "__debezium-heartbeat",
                              .transactions = true,
                              .heartbeat_ms = 1000};
    leat_batch_init(&f.b, 64, 1 << 20);
    f.r = leat_records_new(&f.c);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    leat_records_free(f.r);
    leat_batch_free(&f.b);
    leat_buf_free(&f.out);
    return 0;
}

/* As the converter prints a schema: enough of it for these. */
static void print_schema(const leat_schema *s, const char *field)
{
    leat_buf_printf(&f.out, "{\"type\":\"%s\"", leat_type_name((leat_type)s->type));
    if (s->type == LEAT_T_STRUCT) {
        leat_buf_str_z(&f.out, ",\"fields\":[");
        for (uint32_t i = 0; i < s->nfields; i++) {
            if (i > 0) leat_buf_u8(&f.out, ',');
            print_schema(s->fields[i].schema, s->fields[i].name);
        }
        leat_buf_u8(&f.out, ']');
    }
    if (s->type == LEAT_T_ARRAY) {
        leat_buf_str_z(&f.out, ",\"items\":");
        print_schema(s->elem, NULL);
    }
    leat_buf_printf(&f.out, ",\"optional\":%s", s->optional ? "true" : "false");
    if (s->name) leat_buf_printf(&f.out, ",\"name\":\"%s\"", s->name);
    if (s->version) leat_buf_printf(&f.out, ",\"version\":%d", s->version);
    if (field) leat_buf_printf(&f.out, ",\"field\":\"%s\"", field);
    leat_buf_u8(&f.out, '}');
}

static void print_value(const leat_schema *s, const leat_value *v)
{
    leat_str text = leat_value_str(v);
    switch ((leat_kind)v->kind) {
    case LEAT_NULL: leat_buf_str_z(&f.out, "null"); return;
    case LEAT_INT: leat_buf_printf(&f.out, "%lld", (long long)v->u.i); return;
    case LEAT_TEXT: leat_buf_printf(&f.out, "\"%.*s\"", (int)text.len, text.s); return;
    default: break;
    }
    bool list = v->kind == LEAT_LIST;
    leat_buf_u8(&f.out, list ? '[' : '{');
    for (uint32_t i = 0; i < v->len; i++) {
        if (i > 0) leat_buf_u8(&f.out, ',');
        if (!list) leat_buf_printf(&f.out, "\"%s\":", s->fields[i].name);
        print_value(list ? s->elem : s->fields[i].schema, &v->u.list[i]);
    }
    leat_buf_u8(&f.out, list ? ']' : '}');
}

static void is(const leat_schema *s, const leat_value *v, const char *json)
{
    leat_buf_clear(&f.out);
    leat_buf_str_z(&f.out, "{\"schema\":");
    print_schema(s, NULL);
    leat_buf_str_z(&f.out, ",\"payload\":");
    print_value(s, v);
    leat_buf_str_z(&f.out, "}");
    leat_buf_u8(&f.out, 0);
    assert_string_equal(f.out.p, json);
}

static const leat_record *record(uint32_t i)
{
    assert_true(i < f.b.n);
    assert_int_equal(f.b.ev[i].op, LEAT_OP_RECORD);
    assert_int_equal(f.b.ev[i].record->nheaders, 0);
    return f.b.ev[i].record;
}

#define TX_KEY                                                                                     \
    "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"string\",\"optional\":false,"        \
    "\"field\":\"id\"}],\"optional\":false,\"name\":"                                              \
    "\"io.debezium.connector.common.TransactionMetadataKey\",\"version\":1},\"payload\":"
#define TX_VALUE                                                                                   \
    "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"string\",\"optional\":false,"        \
    "\"field\":\"status\"},{\"type\":\"string\",\"optional\":false,\"field\":\"id\"},"             \
    "{\"type\":\"int64\",\"optional\":true,\"field\":\"event_count\"},{\"type\":\"array\","        \
    "\"items\":{\"type\":\"struct\",\"fields\":[{\"type\":\"string\",\"optional\":false,"          \
    "\"field\":\"data_collection\"},{\"type\":\"int64\",\"optional\":false,"                       \
    "\"field\":\"event_count\"}],\"optional\":true,\"name\":\"event.collection\",\"version\":1},"  \
    "\"optional\":true,\"field\":\"data_collections\"},{\"type\":\"int64\",\"optional\":false,"    \
    "\"field\":\"ts_ms\"}],\"optional\":false,\"name\":"                                           \
    "\"io.debezium.connector.common.TransactionMetadataValue\",\"version\":1},\"payload\":"

static void test_transaction(void **state)
{
    (void)state;
    static const char customers[] = "public.customers", orders[] = "public.orders";
    leat_records_begin(f.r, &f.b, LEAT_STR("22993:977532904"), 22993, 1795252277722860);
    leat_records_count(f.r, customers, 1);
    leat_records_count(f.r, orders, 2);
    leat_records_count(f.r, "public.orders", 1);
    leat_records_count(f.r, customers, 1);
    leat_records_end(f.r, &f.b, LEAT_STR("22993:977533176"), 22993, 1795252277722860);
    assert_int_equal(f.b.n, 2);
    const leat_record *begin = record(0), *end = record(1);
    assert_string_equal(begin->topic, "shop.transaction");
    is(begin->key_schema, &begin->key, TX_KEY "{\"id\":\"22993:977532904\"}}");
    is(begin->value_schema, &begin->value,
       TX_VALUE "{\"status\":\"BEGIN\",\"id\":\"22993:977532904\",\"event_count\":null,"
                "\"data_collections\":null,\"ts_ms\":1795252277722}}");
    is(end->key_schema, &end->key, TX_KEY "{\"id\":\"22993:977533176\"}}");
    is(end->value_schema, &end->value,
       TX_VALUE
       "{\"status\":\"END\",\"id\":\"22993:977533176\",\"event_count\":5,"
       "\"data_collections\":[{\"data_collection\":\"public.customers\",\"event_count\":2},"
       "{\"data_collection\":\"public.orders\",\"event_count\":3}],"
       "\"ts_ms\":1795252277722}}");
    assert_int_equal(f.b.ev[1].ts_us, 1795252277722860);
    assert_int_equal(f.b.ev[1].tx, 22993);
    assert_int_equal(f.b.counts.received, 0);
    /* The next one counts anew, over many tables; an end without a begin is none. */
    leat_batch_reset(&f.b);
    leat_records_end(f.r, &f.b, LEAT_STR("x"), 1, 0);
    assert_int_equal(f.b.n, 0);
    char names[100][8];
    leat_records_begin(f.r, &f.b, LEAT_STR("y"), 1, 0);
    for (int i = 0; i < 300; i++) {
        char *name = names[i % 100];
        if (i < 100) memcpy(name, (char[]){(char)('a' + i / 10), (char)('a' + i % 10), 0}, 3);
        leat_records_count(f.r, name, 1);
    }
    leat_records_end(f.r, &f.b, LEAT_STR("z"), 1, 0);
    const leat_value *counts = record(1)->value.u.list;
    assert_int_equal(counts[2].u.i, 300);
    assert_int_equal(counts[3].len, 100);
    for (uint32_t i = 0; i < 100; i++) assert_int_equal(counts[3].u.list[i].u.list[1].u.i, 3);
}

/* A java.util.HashMap's, as a real Debezium was seen to have it: whatever came first. */
static void test_order_of_tables(void **state)
{
    (void)state;
    static const char *const come[] = {"public.t0",
                                       "public.t1",
                                       "public.t2",
                                       "public.t3",
                                       "public.\xc3\xa4\xe2\x82\xac",
                                       "public.t4",
                                       "public.t5",
                                       "public.\xf0\x9d\x84\x9ex",
                                       "public.t6",
                                       "public.t7"};
    static const char *const shown[] = {"public.\xc3\xa4\xe2\x82\xac",
                                        "public.t7",
                                        "public.t4",
                                        "public.t3",
                                        "public.t6",
                                        "public.t5",
                                        "public.t0",
                                        "public.t2",
                                        "public.\xf0\x9d\x84\x9ex",
                                        "public.t1"};
    leat_records_begin(f.r, &f.b, LEAT_STR("a"), 1, 0);
    for (size_t i = 0; i < 10; i++) leat_records_count(f.r, come[i], 1);
    leat_records_end(f.r, &f.b, LEAT_STR("b"), 1, 0);
    const leat_value *list = record(1)->value.u.list[3].u.list;
    for (size_t i = 0; i < 10; i++)
        assert_true(leat_str_is(leat_value_str(&list[i].u.list[0]), shown[i]));
}

static void test_off(void **state)
{
    (void)state;
    f.c.transactions = false;
    f.c.heartbeat_ms = 0;
    leat_records_begin(f.r, &f.b, LEAT_STR("a"), 1, 0);
    leat_records_count(f.r, "t", 1);
    leat_records_end(f.r, &f.b, LEAT_STR("b"), 1, 0);
    assert_false(leat_records_heartbeat(f.r, &f.b, 1));
    assert_false(leat_records_heartbeat(f.r, &f.b, INT64_MAX));
    assert_int_equal(f.b.n, 0);
}

static void test_heartbeat(void **state)
{
    (void)state;
    int64_t now = 1795252600276000;
    assert_false(leat_records_heartbeat(f.r, &f.b, now));
    assert_false(leat_records_heartbeat(f.r, &f.b, now + 999999));
    assert_true(leat_records_heartbeat(f.r, &f.b, now + 1000000));
    assert_false(leat_records_heartbeat(f.r, &f.b, now + 1000001));
    assert_true(leat_records_heartbeat(f.r, &f.b, now + 9000000));
    assert_false(leat_records_heartbeat(f.r, &f.b, now + 9000001)); /* one, not those missed */
    assert_int_equal(f.b.n, 2);
    const leat_record *beat = record(0);
    assert_string_equal(beat->topic, "__debezium-heartbeat.shop");
    is(beat->key_schema, &beat->key,
       "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"string\",\"optional\":false,"
       "\"field\":\"serverName\"}],\"optional\":false,\"name\":"
       "\"io.debezium.connector.common.ServerNameKey\",\"version\":1},\"payload\":"
       "{\"serverName\":\"shop\"}}");
    is(beat->value_schema, &beat->value,
       "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"int64\",\"optional\":false,"
       "\"field\":\"ts_ms\"}],\"optional\":false,\"name\":"
       "\"io.debezium.connector.common.Heartbeat\",\"version\":1},\"payload\":"
       "{\"ts_ms\":1795252601276}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order_of_tables, setup, teardown),
        cmocka_unit_test_setup_teardown(test_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_heartbeat, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
