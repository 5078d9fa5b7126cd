/* base/buf: writing, the cursor and its sticky error, numbers, CRC-32C, base64, hex. */
#include "test.h"

#include "base/arena.h"
#include "base/buf.h"

#include <inttypes.h>
#include <stdio.h>

static void test_grow(void **state)
{
    (void)state;
    leat_buf b = {0};
    assert_string_equal(leat_buf_str(&b).s, "");
    assert_non_null(leat_buf_room(&b, 0));
    leat_buf_put(&b, NULL, 0);
    leat_buf_add(&b, (leat_str){NULL, 0});
    assert_int_equal(b.len, 0);
    for (unsigned i = 0; i < 10000; i++) {
        leat_buf_u8(&b, i & 0xff);
        assert_true(b.cap > b.len);
    }
    for (unsigned i = 0; i < 10000; i++) assert_int_equal((unsigned char)b.p[i], i & 0xff);
    leat_buf_clear(&b);
    leat_buf_str_z(&b, "text");
    assert_true(leat_str_is(leat_buf_str(&b), "text"));
    leat_buf_free(&b);
    assert_null(b.p);
    leat_buf_free(&b);
}

static void test_quoted(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "''"}, {"a", "'a'"}, {"it's", "'it''s'"}, {"'", "''''"}, {"''x`", "'''''x`'"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leat_buf b = {0};
        leat_buf_quoted(&b, leat_str_of(cases[i][0]), '\'');
        assert_true(leat_str_is(leat_buf_str(&b), cases[i][1]));
        leat_buf_free(&b);
    }
    leat_buf b = {0};
    leat_buf_quoted(&b, (leat_str){NULL, 0}, '`');
    assert_true(leat_str_is(leat_buf_str(&b), "``"));
    leat_buf_free(&b);
}

static void test_printf(void **state)
{
    (void)state;
    leat_buf b = {0};
    for (int n = 1; n < 300; n++) {
        size_t before = b.len;
        leat_buf_printf(&b, "%0*d", n, 7);
        assert_int_equal(b.len, before + (size_t)n);
        assert_int_equal(b.p[b.len - 1], '7');
    }
    leat_buf_free(&b);
}

static const uint64_t numbers[] = {0,
                                   1,
                                   9,
                                   10,
                                   99,
                                   100,
                                   127,
                                   128,
                                   12345,
                                   16383,
                                   16384,
                                   UINT32_MAX,
                                   UINT64_C(9999999999999999999),
                                   INT64_MAX,
                                   (uint64_t)INT64_MAX + 1,
                                   UINT64_MAX - 1,
                                   UINT64_MAX};
enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

static void test_decimal(void **state)
{
    (void)state;
    leat_buf b = {0};
    char want[32];
    for (unsigned i = 0; i < NUMBERS * 64; i++) {
        uint64_t v = numbers[i / 64] >> (i % 64);
        leat_buf_clear(&b);
        leat_buf_u64(&b, v);
        snprintf(want, sizeof(want), "%" PRIu64, v);
        assert_true(leat_str_is(leat_buf_str(&b), want));
        leat_buf_clear(&b);
        leat_buf_i64(&b, (int64_t)v);
        snprintf(want, sizeof(want), "%" PRId64, (int64_t)v);
        assert_true(leat_str_is(leat_buf_str(&b), want));
    }
    uint64_t power = 1;
    for (unsigned digits = 1; digits <= 20; digits++, power *= 10) {
        leat_buf_clear(&b);
        leat_buf_u64(&b, power);
        assert_int_equal(b.len, digits);
        if (digits == 1) continue;
        leat_buf_clear(&b);
        leat_buf_u64(&b, power - 1);
        assert_int_equal(b.len, digits - 1);
    }
    leat_buf_free(&b);
}

static void test_round_trip(void **state)
{
    (void)state;
    leat_buf b = {0};
    for (unsigned i = 0; i < NUMBERS; i++) {
        uint64_t v = numbers[i];
        leat_buf_le32(&b, (uint32_t)v);
        leat_buf_le64(&b, v);
        leat_buf_varint(&b, v);
        leat_buf_zigzag(&b, (int64_t)v);
        leat_buf_zigzag(&b, -(int64_t)(v >> 1));
        leat_buf_blob(&b, (leat_str){"0123456789", i % 10});
    }
    leat_buf_blob(&b, (leat_str){NULL, 0});
    leat_cur c = leat_cur_of(leat_buf_str(&b));
    for (unsigned i = 0; i < NUMBERS; i++) {
        uint64_t v = numbers[i];
        assert_true(leat_cur_le32(&c) == (uint32_t)v);
        assert_true(leat_cur_le64(&c) == v);
        assert_true(leat_cur_varint(&c) == v);
        assert_true(leat_cur_zigzag(&c) == (int64_t)v);
        assert_true(leat_cur_zigzag(&c) == -(int64_t)(v >> 1));
        assert_int_equal(leat_cur_blob(&c).len, i % 10);
    }
    assert_int_equal(leat_cur_blob(&c).len, 0);
    assert_int_equal(leat_cur_left(&c), 0);
    assert_false(c.bad);
    leat_buf_free(&b);
}

static void test_big_endian(void **state)
{
    (void)state;
    leat_cur c = leat_cur_of(LEAT_STR("\x81\x02\x83\x04\x05\x06\x87\x08\x09\x0a\x0b\x0c\x0d\x8e"));
    assert_int_equal(leat_cur_be16(&c), 0x8102);
    assert_int_equal(leat_cur_be32(&c), 0x83040506u);
    assert_true(leat_cur_be64(&c) == 0x8708090a0b0c0d8eu);
    assert_false(c.bad);
    assert_int_equal(leat_cur_left(&c), 0);
}

/* What is not there reads as zero, marks the cursor, and nothing can be read any more. */
static void test_sticky(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 9; kind++) {
        leat_cur c = leat_cur_of(LEAT_STR("\x85"));
        uint64_t got = 1;
        switch (kind) {
        case 0: got = leat_cur_be16(&c); break;
        case 1: got = leat_cur_be32(&c); break;
        case 2: got = leat_cur_be64(&c); break;
        case 3: got = leat_cur_le32(&c); break;
        case 4: got = leat_cur_le64(&c); break;
        case 5: got = leat_cur_varint(&c); break;
        case 6: got = leat_cur_bytes(&c, 2).len; break;
        case 7: got = leat_cur_blob(&c).len; break;
        case 8: got = leat_cur_cstr(&c).len; break;
        }
        assert_true(got == 0);
        assert_true(c.bad);
        assert_int_equal(leat_cur_u8(&c), 0);
        assert_int_equal(leat_cur_varint(&c), 0);
        assert_int_equal(leat_cur_bytes(&c, 0).len, 0);
        assert_non_null(leat_cur_cstr(&c).s);
    }
    leat_cur c = leat_cur_of((leat_str){NULL, 0});
    assert_int_equal(leat_cur_u8(&c), 0);
    assert_true(c.bad);
}

static void test_varint_bounds(void **state)
{
    (void)state;
    leat_cur c = leat_cur_of(LEAT_STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
    assert_true(leat_cur_varint(&c) == UINT64_MAX && !c.bad);
    c = leat_cur_of(LEAT_STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
    assert_true(leat_cur_varint(&c) == 0 && c.bad);
    c = leat_cur_of(LEAT_STR("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"));
    assert_true(leat_cur_varint(&c) == 0 && c.bad);
    c = leat_cur_of(LEAT_STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x"));
    assert_true(leat_cur_blob(&c).len == 0 && c.bad);
}

static void test_cstr(void **state)
{
    (void)state;
    leat_cur c = leat_cur_of((leat_str){"ab\0\0cd", 6});
    assert_true(leat_str_is(leat_cur_cstr(&c), "ab"));
    assert_true(leat_str_is(leat_cur_cstr(&c), ""));
    assert_false(c.bad);
    assert_true(leat_str_is(leat_cur_cstr(&c), ""));
    assert_true(c.bad);
}

/* Vectors of RFC 3720, and hardware against tables at all lengths and offsets around the lanes. */
static void test_crc32c(void **state)
{
    (void)state;
    unsigned char v[32];
    memset(v, 0, 32);
    assert_int_equal(leat_crc32c(0, v, 32), 0x8a9136aau);
    memset(v, 0xff, 32);
    assert_int_equal(leat_crc32c(0, v, 32), 0x62a8ab43u);
    for (unsigned i = 0; i < 32; i++) v[i] = (unsigned char)i;
    assert_int_equal(leat_crc32c(0, v, 32), 0x46dd794eu);
    assert_int_equal(leat_crc32c(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(leat_crc32c_soft(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(leat_crc32c(7, "", 0), 7);
    enum { MOST = 20000 };
    unsigned char *p = leat_alloc(MOST + 8);
    uint32_t seed = 1;
    for (size_t i = 0; i < MOST + 8; i++) {
        seed = seed * 1664525 + 1013904223;
        p[i] = (unsigned char)(seed >> 24);
    }
    for (size_t n = 0; n <= MOST; n += n < 1600 ? 1 : 97) {
        const unsigned char *from = p + n % 8;
        uint32_t want = leat_crc32c_soft((uint32_t)n, from, n);
        assert_int_equal(leat_crc32c((uint32_t)n, from, n), want);
        uint32_t first = leat_crc32c((uint32_t)n, from, n / 3);
        assert_int_equal(leat_crc32c(first, from + n / 3, n - n / 3), want);
    }
    leat_free(p);
}

static void test_base64(void **state)
{
    (void)state;
    static const char *const want[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                       "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    leat_buf b = {0};
    for (size_t n = 0; n <= 6; n++) {
        leat_buf_clear(&b);
        leat_buf_base64(&b, (leat_str){"foobar", n}, false);
        assert_true(leat_str_is(leat_buf_str(&b), want[n]));
        leat_buf_clear(&b);
        assert_true(leat_buf_unbase64(&b, leat_str_of(want[n])));
        assert_true(leat_str_eq(leat_buf_str(&b), (leat_str){"foobar", n}));
        assert_false(leat_buf_unbase64(&b, LEAT_STR("Zm9vY")));
        assert_false(leat_buf_unbase64(&b, LEAT_STR("Zm9v Zg=")));
        assert_int_equal(b.len, n);
    }
    leat_buf_clear(&b);
    leat_buf_base64(&b, LEAT_STR("\xfb\xff\xfe"), false);
    leat_buf_base64(&b, LEAT_STR("\xfb\xff\xfe"), true);
    leat_buf_base64(&b, (leat_str){NULL, 0}, true);
    assert_true(leat_str_is(leat_buf_str(&b), "+//+-__-"));
    leat_buf_free(&b);
}

static void test_hex(void **state)
{
    (void)state;
    leat_buf b = {0};
    leat_buf_hex(&b, (leat_str){"\x00\x7f\xff\xa5", 4});
    assert_true(leat_str_is(leat_buf_str(&b), "007fffa5"));
    leat_buf_clear(&b);
    assert_true(leat_buf_unhex(&b, LEAT_STR("007FffA5")));
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.p, "\x00\x7f\xff\xa5", 4);
    assert_false(leat_buf_unhex(&b, LEAT_STR("0")));
    assert_false(leat_buf_unhex(&b, LEAT_STR("000g")));
    assert_true(leat_buf_unhex(&b, (leat_str){NULL, 0}));
    assert_int_equal(b.len, 4);
    leat_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grow),          cmocka_unit_test(test_printf),
        cmocka_unit_test(test_decimal),       cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_big_endian),    cmocka_unit_test(test_sticky),
        cmocka_unit_test(test_varint_bounds), cmocka_unit_test(test_cstr),
        cmocka_unit_test(test_crc32c),        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_hex),           cmocka_unit_test(test_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
