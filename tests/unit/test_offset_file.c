/* The file of FileOffsetBackingStore: what Java writes is read, everything else is refused with the
 * byte. Two of the fuzzer's seeds were written by the real ones: by Debezium Server 3.6 when it was
 * stopped, and by FileOffsetBackingStore of Kafka Connect 4.1. */
#include "test.h"

#include <stdio.h>

#include "base/os.h"
#include "state/offset_file.h"

static leat_arena a;
static leat_stored_offset *list;
static leat_err e;

static int tear_down(void **state)
{
    (void)state;
    leat_arena_free(&a);
    return 0;
}

static void put16(leat_buf *b, unsigned v)
{
    leat_buf_u8(b, v >> 8);
    leat_buf_u8(b, v);
}

static void put32(leat_buf *b, uint32_t v)
{
    put16(b, v >> 16);
    put16(b, v & 0xffff);
}

static void put_text(leat_buf *b, const char *z)
{
    put16(b, (unsigned)strlen(z));
    leat_buf_str_z(b, z);
}

static void put_head(leat_buf *b, uint32_t entries)
{
    put32(b, 0xACED0005);
    leat_buf_put(b, "\x73\x72", 2);
    put_text(b, "java.util.HashMap");
    leat_buf_put(b,
                 "\x05\x07\xDA\xC1\xC3\x16\x60\xD1\x03\x00\x02"
                 "F",
                 12);
    put_text(b, "loadFactor");
    leat_buf_u8(b, 'I');
    put_text(b, "threshold");
    leat_buf_put(b, "\x78\x70\x3F\x40\x00\x00\x00\x00\x00\x0C\x77\x08", 12);
    put32(b, 16);
    put32(b, entries);
}

/* first: its class is described, later ones refer to it. */
static void put_bytes(leat_buf *b, const char *z, bool first)
{
    leat_buf_u8(b, 0x75);
    if (first) {
        leat_buf_u8(b, 0x72);
        put_text(b, "[B");
        leat_buf_put(b, "\xAC\xF3\x17\xF8\x06\x08\x54\xE0\x02\x00\x00\x78\x70", 13);
    } else {
        leat_buf_put(b, "\x71\x00\x7E\x00\x02", 5);
    }
    put32(b, (uint32_t)strlen(z));
    leat_buf_str_z(b, z);
}

static leat_rc parse(leat_str bytes)
{
    leat_arena_reset(&a, 0);
    return leat_offset_file_parse(&a, bytes, "offsets.dat", &list, &e);
}

static void test_entries(void **state)
{
    (void)state;
    leat_buf b = {0};
    put_head(&b, 3);
    put_bytes(&b, "[\"kafka\",{\"server\":\"shop\"}]", true);
    put_bytes(&b, "{\"lsn\":5, \"txId\": 7}", false);
    put_bytes(&b, "[\"gone\",{\"server\":\"gone\"}]", false);
    leat_buf_u8(&b, 0x70);
    put_bytes(&b, "[\"other\",{\"server\":\"x\"}]", false);
    put_bytes(&b, "{}", false);
    leat_buf_u8(&b, 0x78);
    assert_int_equal(parse(leat_buf_str(&b)), LEAT_OK);
    assert_true(leat_str_is(list->connector, "kafka"));
    assert_true(leat_str_is(list->pos.partition, "{\"server\":\"shop\"}"));
    assert_true(leat_str_is(list->pos.offset, "{\"lsn\":5,\"txId\":7}"));
    assert_true(leat_str_is(list->next->connector, "other"));
    assert_null(list->next->next);
    /* Cut anywhere, it is refused; with a byte more, too. */
    for (size_t len = 0; len < b.len; len++) {
        assert_int_equal(parse((leat_str){b.p, len}), LEAT_CONF);
        assert_string_equal(e.code, "offsets.file");
    }
    leat_buf_u8(&b, 0);
    assert_int_equal(parse(leat_buf_str(&b)), LEAT_CONF);
    assert_non_null(strstr(e.msg, "something stands behind the map"));
    leat_buf_free(&b);
}

static void test_empty(void **state)
{
    (void)state;
    leat_buf b = {0};
    put_head(&b, 0);
    leat_buf_u8(&b, 0x78);
    assert_int_equal(parse(leat_buf_str(&b)), LEAT_OK);
    assert_null(list);
    leat_buf_free(&b);
}

/* One entry, whose key and value are these. */
static leat_rc one(const char *key, const char *value)
{
    leat_buf b = {0};
    put_head(&b, 1);
    put_bytes(&b, key, true);
    put_bytes(&b, value, false);
    leat_buf_u8(&b, 0x78);
    leat_rc rc = parse(leat_buf_str(&b));
    leat_buf_free(&b);
    return rc;
}

static void test_other_things(void **state)
{
    (void)state;
    assert_int_equal(one("[\"k\",{}]", "{}"), LEAT_OK);
    assert_int_equal(one("[\"k\",{},1]", "{}"), LEAT_CONF);
    assert_int_equal(one("[\"k\"]", "{}"), LEAT_CONF);
    assert_int_equal(one("[7,{}]", "{}"), LEAT_CONF);
    assert_int_equal(one("{}", "{}"), LEAT_CONF);
    assert_int_equal(one("[\"k\",{}]", "[]"), LEAT_CONF);
    assert_int_equal(one("[\"k\",{}]", "{\"schema\":"), LEAT_CONF);
    assert_non_null(strstr(e.msg, "an offset that is no JSON object"));
    assert_int_equal(parse(LEAT_STR("{\"offsets\":[]}")), LEAT_CONF);
    assert_non_null(strstr(e.msg, "does not begin as a Java object"));
    assert_string_equal(e.where, "offsets.dat");
}

static void test_a_map_of_something_else(void **state)
{
    (void)state;
    leat_buf b = {0};
    put_head(&b, 1);
    leat_buf_put(&b, "\x74\x00\x01k\x74\x00\x01v\x78", 9); /* two String */
    assert_int_equal(parse(leat_buf_str(&b)), LEAT_CONF);
    assert_non_null(strstr(e.msg, "no byte[]"));
    b.p[24] ^= 1; /* the class */
    assert_int_equal(parse(leat_buf_str(&b)), LEAT_CONF);
    assert_non_null(strstr(e.msg, "no java.util.HashMap"));
    leat_buf_free(&b);
}

static leat_rc load(const char *name)
{
    leat_buf b = {0};
    char path[512];
    snprintf(path, sizeof path, TESTS_DIR "/fuzz/corpus/offset_file/%s", name);
    assert_true(leat_os_load(path, &b, 1 << 20) >= 0);
    leat_rc rc = parse(leat_buf_str(&b));
    leat_buf_free(&b);
    return rc;
}

static void test_real_ones(void **state)
{
    (void)state;
    assert_int_equal(load("debezium_server_3_6"), LEAT_OK);
    assert_true(leat_str_is(list->connector, "kafka"));
    assert_true(leat_str_is(list->pos.partition, "{\"server\":\"ds5\"}"));
    assert_true(leat_str_starts(list->pos.offset, "{\"lsn_proc\":46819120,"));
    assert_null(list->next);
    assert_int_equal(load("connect_4_1"), LEAT_OK);
    unsigned n = 0;
    for (const leat_stored_offset *s = list; s; s = s->next, n++) {
        char want[64];
        int64_t i = -1; /* of "c7" */
        assert_true(leat_str_i64((leat_str){s->connector.s + 1, s->connector.len - 1}, &i));
        snprintf(want, sizeof want, "{\"lsn\":%d,\"txId\":%d}", 1000 + (int)i, (int)i);
        assert_true(leat_str_is(s->pos.offset, want));
        assert_int_not_equal(i % 5, 4); /* these were deleted */
    }
    assert_int_equal(n, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries),      cmocka_unit_test(test_empty),
        cmocka_unit_test(test_other_things), cmocka_unit_test(test_a_map_of_something_else),
        cmocka_unit_test(test_real_ones),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
