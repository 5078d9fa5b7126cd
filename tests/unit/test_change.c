/* convert/change: records that no Debezium writes, and what is kept of many. */
#include "test.h"

#include <stdio.h>

#include "base/buf.h"
#include "convert/change.h"

#define ID "{\"type\":\"int32\",\"optional\":false,\"field\":\"id\"}"
#define TEXT "{\"type\":\"string\",\"optional\":true,\"field\":\"t\"}"
#define DEEP                                                                                       \
    "{\"type\":\"struct\",\"optional\":true,\"field\":\"id\",\"fields\":[{\"type\":\"string\","    \
    "\"field\":\"x\"}]}"
#define STRUCT(fields) "{\"type\":\"struct\",\"optional\":true,\"fields\":[" fields "]"
#define RECORD(schema, payload) "{\"schema\":" schema ",\"payload\":" payload "}"
#define KEY(field, payload) RECORD(STRUCT(field) "}", payload)
#define ENVELOPE(before, after, payload)                                                                                       \
    RECORD(                                                                                                                    \
        STRUCT(STRUCT(before) ",\"field\":\"before\"}," STRUCT(after) ",\"field\":\"after\"}," STRUCT(                         \
            "{\"type\":\"string\",\"field\":\"table\"}") ",\"field\":\"source\"},{\"type\":\"string\",\"field\":\"op\"}") "}", \
        payload)

static leat_change_reader *reader;
static leat_batch batch;
static leat_err err;

static int set_up(void **state)
{
    (void)state;
    const leat_json_read_conf conf = {.schemas = true};
    reader = leat_change_reader_new(&conf, &conf);
    leat_batch_init(&batch, 0, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    leat_batch_free(&batch);
    leat_change_reader_free(reader);
    return 0;
}

static leat_rc read_one(const char *key, const char *value)
{
    leat_batch_reset(&batch);
    return leat_change_read(reader, "a.b.c", leat_str_of(key),
                            value ? leat_str_of(value) : (leat_str){0}, &batch, &err);
}

/* Cells are found by their place: those of before must be what those of after are. */
static void test_old_rows_of_another_schema(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        ENVELOPE(DEEP "," TEXT, ID "," TEXT,
                 "{\"before\":{\"id\":{\"x\":\"1\"},\"t\":\"a\"},\"after\":{\"id\":1,\"t\":\"b\"},"
                 "\"source\":{\"table\":\"c\"},\"op\":\"u\"}"),
        ENVELOPE(TEXT "," ID, ID "," TEXT,
                 "{\"before\":{\"t\":\"a\",\"id\":1},\"after\":null,\"source\":{\"table\":\"c\"},"
                 "\"op\":\"d\"}"),
        ENVELOPE(
            ID, ID "," TEXT,
            "{\"before\":{\"id\":1},\"after\":null,\"source\":{\"table\":\"c\"},\"op\":\"d\"}"),
    };
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        assert_int_equal(read_one(KEY(ID, "{\"id\":1}"), hostile[i]), LEAT_DATA);
        assert_string_equal(err.code, "convert.value");
    }
    const char *good = ENVELOPE(ID "," TEXT, ID "," TEXT,
                                "{\"before\":{\"id\":1,\"t\":\"a\"},\"after\":{\"id\":2,\"t\":"
                                "\"b\"},\"source\":{\"table\":\"c\"},\"op\":\"u\"}");
    assert_int_equal(read_one(KEY(ID, "{\"id\":2}"), good), LEAT_OK);
    assert_true(leat_str_is(leat_value_str(&batch.ev[0].before[1]), "a"));
    /* Debezium's updates have the key of before: another one is made up. */
    assert_int_equal(batch.ev[0].before[0].kind, LEAT_ABSENT);
}

/* A key of other types than the row's gives it no cells. */
static void test_keys_of_other_types(void **state)
{
    (void)state;
    const char *gone = ENVELOPE(ID "," TEXT, ID "," TEXT,
                                "{\"before\":null,\"after\":null,\"source\":{\"table\":\"c\"},"
                                "\"op\":\"d\"}");
    assert_int_equal(read_one(KEY(DEEP, "{\"id\":{\"x\":\"1\"}}"), gone), LEAT_OK);
    assert_int_equal(batch.ev[0].before[0].kind, LEAT_ABSENT);
    assert_int_equal(read_one(KEY(ID, "{\"id\":7}"), gone), LEAT_OK);
    assert_int_equal(batch.ev[0].before[0].kind, LEAT_INT);
    assert_int_equal(batch.ev[0].before[0].u.i, 7);
}

/* Of a row alone nothing says which change it is of; one that was not sent whole is an update. */
static void test_rows_without_all_their_cells(void **state)
{
    (void)state;
    const char *key = KEY(ID, "{\"id\":1}");
    assert_int_equal(read_one(key, RECORD(STRUCT(ID "," TEXT) "}", "{\"id\":1,\"t\":\"a\"}")),
                     LEAT_OK);
    assert_int_equal(batch.ev[0].op, LEAT_OP_CREATE);
    assert_int_equal(read_one(key, RECORD(STRUCT(ID "," TEXT) "}",
                                          "{\"id\":1,\"t\":\"__debezium_unavailable_value\"}")),
                     LEAT_OK);
    assert_int_equal(batch.ev[0].op, LEAT_OP_UPDATE);
    assert_int_equal(batch.ev[0].after[1].kind, LEAT_ABSENT);
}

/* An old row that was a key alone has nulls and zeros beside it: they are not what was not sent. */
static void test_what_was_not_sent_is_not_made_up(void **state)
{
    (void)state;
    static const char *const olds[] = {"null", "{\"id\":1,\"t\":null}", "{\"id\":1,\"t\":\"\"}"};
    for (size_t i = 0; i < sizeof olds / sizeof *olds; i++) {
        char value[1024];
        snprintf(value, sizeof value,
                 ENVELOPE(ID "," TEXT, ID "," TEXT,
                          "{\"before\":%s,\"after\":{\"id\":1,\"t\":"
                          "\"__debezium_unavailable_value\"},\"source\":{\"table\":\"c\"},"
                          "\"op\":\"u\"}"),
                 olds[i]);
        assert_int_equal(read_one(KEY(ID, "{\"id\":1}"), value), LEAT_OK);
        assert_int_equal(batch.ev[0].op, LEAT_OP_UPDATE);
        assert_int_equal(batch.ev[0].after[0].u.i, 1);
        assert_int_equal(batch.ev[0].after[1].kind, LEAT_ABSENT);
    }
}

/* Tables of some thousand topics are not forgotten, made again and told to the target again. */
static void test_many_topics(void **state)
{
    (void)state;
    leat_table *first = NULL;
    for (int i = 0; i <= 1000; i++) {
        char value[256];
        snprintf(value, sizeof value, RECORD(STRUCT(ID) ",\"name\":\"s%d\"}", "{\"id\":1}"),
                 i % 1000);
        assert_int_equal(read_one(KEY(ID, "{\"id\":1}"), value), LEAT_OK);
        if (i == 0) first = leat_table_pin(batch.ev[0].table);
        leat_change_reader_trim(reader);
    }
    assert_ptr_equal(batch.ev[0].table, first);
    leat_table_unpin(first);
}

static void test_too_many_columns(void **state)
{
    (void)state;
    const leat_json_read_conf bare = {0};
    leat_change_reader_free(reader);
    reader = leat_change_reader_new(&bare, &bare);
    leat_buf value = {0};
    leat_buf_str_z(&value, "{\"before\":null,\"source\":{},\"op\":\"c\",\"after\":{");
    for (int i = 0; i < UINT16_MAX; i++) leat_buf_printf(&value, "%s\"c%d\":1", i ? "," : "", i);
    leat_buf_str_z(&value, "}}");
    leat_buf_u8(&value, 0);
    assert_int_equal(read_one("{\"c1\":1}", value.p), LEAT_DATA);
    assert_string_equal(err.code, "convert.value");
    leat_buf_free(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_old_rows_of_another_schema, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys_of_other_types, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_not_sent_is_not_made_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rows_without_all_their_cells, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_topics, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_many_columns, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
