/* source/mysql/jsonbin: texts as Debezium prints them, diffs, and what is no document. What a
 * server writes is in vectors/test_mysqlbinlog.c. */
#include "test.h"

#include <stdio.h>

#include "base/buf.h"
#include "source/mysql/jsonbin.h"

static leat_arena a;

static void check(const void *bytes, size_t n, const char *want)
{
    leat_str text;
    leat_err e = {0};
    leat_rc rc = leat_jsonbin_text((leat_str){bytes, n}, &a, &text, &e);
    if (!want) {
        assert_int_equal(rc, LEAT_DATA);
        assert_string_equal(e.code, "mysql.json");
        return;
    }
    if (rc != LEAT_OK) fail_msg("%s: %s", want, e.msg);
    if (!leat_str_is(text, want)) fail_msg("got %.*s, expected %s", LEAT_STR_ARG(text), want);
}
#define CHECK(bytes, want) check(bytes, sizeof(bytes) - 1, want)

static void check_double(double d, const char *want)
{
    char bytes[9] = {11};
    memcpy(bytes + 1, &d, sizeof d);
    check(bytes, sizeof bytes, want);
}

static void check_packed(uint8_t type, int64_t v, const char *want)
{
    char bytes[11] = {15, (char)type, 8};
    memcpy(bytes + 3, &v, sizeof v);
    check(bytes, sizeof bytes, want);
}

static int64_t packed(int64_t month, int64_t day, int64_t hour, int64_t minute, int64_t second,
                      int64_t us)
{
    return ((((month << 5 | day) << 17) | hour << 12 | minute << 6 | second) << 24) + us;
}

static void test_numbers(void **state)
{
    (void)state;
    CHECK("\5\xff\xff", "-1");
    CHECK("\6\xff\xff", "65535");
    CHECK("\7\0\0\0\x80", "-2147483648");
    CHECK("\x08\0\x28\x6b\xee", "4000000000"); /* Debezium prints -294967296 */
    CHECK("\x09\0\0\0\0\0\0\0\x80", "-9223372036854775808");
    CHECK("\x0a\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615");
    CHECK("\4\0", "null");
    CHECK("\4\1", "true");
    CHECK("\4\2", "false");
    CHECK("", "null");
    check_double(0.1, "0.1");
    check_double(1000, "1000.0");
    check_double(-0.0, "-0.0");
    check_double(9999999, "9999999.0");
    check_double(1e7, "10000000");
    check_double(1e20, "100000000000000000000");
    check_double(-1.5e10, "-15000000000");
    check_double(0.001, "0.001");
    check_double(1e-4, "0.000100000000000000004792173602385929598312941379845142364501953125");
}

static void test_texts(void **state)
{
    (void)state;
    CHECK("\x0c\0", "\"\"");
    CHECK("\x0c\x08"
          "a\"\\\b\t\n\x01\x7f",
          "\"a\\\"\\\\\\b\\t\\n\\u0001\x7f\"");
    CHECK("\x0c\x04\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"");
    CHECK("\x0f\xfd\x03"
          "abc",
          "\"YWJj\"");
    CHECK("\x0f\xf6\x04\x03\x01\x80\x0c", NULL);
    CHECK("\x0f\xf6\x04\x03\x01\x8c\x05", "12.5");
    CHECK("\x0f\xf6\x04\x03\x01\x73\xfa", "-12.5");
    CHECK("\0\1\0\x0c\0\x0b\0\1\0\5\x07\0a", "{\"a\":7}");
}

static void test_times(void **state)
{
    (void)state;
    check_packed(10, packed(2024 * 13 + 2, 29, 0, 0, 0, 0), "\"2024-02-29\"");
    check_packed(12, packed(2024 * 13 + 2, 29, 1, 2, 3, 0), "\"2024-02-29 01:02:03\"");
    check_packed(18, packed(2024 * 13 + 2, 29, 1, 2, 3, 450), "\"2024-02-29 01:02:03.00045\"");
    check_packed(7, packed(9999 * 13 + 12, 31, 23, 59, 59, 999999),
                 "\"9999-12-31 23:59:59.999999\"");
    check_packed(11, packed(0, 0, 13, 14, 15, 500000), "\"13:14:15.5\"");
    check_packed(11, -packed(0, 0, 12, 34, 56, 500000), "\"-12:34:56.5\"");
    check_packed(11, ((INT64_C(838) << 12 | 59 << 6 | 59) << 24), "\"838:59:59\"");
}

static void test_malformed(void **state)
{
    (void)state;
    CHECK("\x05\1", NULL);
    CHECK("\x0b\0\0\0", NULL);
    CHECK("\x0c\x05"
          "abc",
          NULL);
    CHECK("\x0c\xff\xff\xff\xff\xff\xff", NULL);
    CHECK("\x0c\1\xff", NULL);
    CHECK("\4\3", NULL);
    CHECK("\x0d", NULL);
    CHECK("\0\1\0\xff\0\x0b\0\1\0\5\x07\0a", NULL);
    CHECK("\0\xff\0\x0c\0\x0b\0\1\0\5\x07\0a", NULL);
    CHECK("\2\1\0\x07\0\2\0\0", NULL); /* its member is itself: deeper than any server goes */
    char inf[9] = "\x0b\0\0\0\0\0\0\xf0\x7f";
    check(inf, 9, NULL);
}

static void patch(const char *diffs, size_t n, const char *want)
{
    static const char document[] = "\2\2\0\x0a\0\5\1\0\5\2\0"; /* [1,2] */
    leat_str text;
    leat_err e = {0};
    leat_rc rc = leat_jsonbin_patch((leat_str){document, sizeof document - 1}, (leat_str){diffs, n},
                                    &a, &text, &e);
    if (!want) {
        assert_int_equal(rc, LEAT_DATA);
        return;
    }
    if (rc != LEAT_OK) fail_msg("%s: %s", want, e.msg);
    if (!leat_str_is(text, want)) fail_msg("got %.*s, expected %s", LEAT_STR_ARG(text), want);
}
#define PATCH(diffs, want) patch(diffs, sizeof(diffs) - 1, want)

static void test_diffs(void **state)
{
    (void)state;
    PATCH("", "[1,2]");
    PATCH("\0\4$[1]\2\4\1", "[1,true]");
    PATCH("\1\4$[1]\2\4\0", "[1,null,2]");
    PATCH("\1\4$[9]\2\4\0", "[1,2,null]");
    PATCH("\2\4$[0]", "[2]");
    PATCH("\2\7$[last]", "[1]");
    PATCH("\2\x0c$[ last - 1]", "[2]");
    PATCH("\0\1$\x0d\0\1\0\x0c\0\x0b\0\1\0\5\x07\0a\1\5$.\"\x62\"\3\5\1\0\1\3$.c\2\4\2",
          "{\"a\":7,\"b\":1,\"c\":false}");
    PATCH("\0\1$\x0d\0\1\0\x0c\0\x0b\0\1\0\5\x07\0a\1\x0a$.\"\\u00e9\"\3\5\1\0",
          "{\"a\":7,\"\u00e9\":1}");
    PATCH("\0\7$[0][0]\3\5\x09\0", "[9,2]"); /* the first cell of what is no array is itself */
    PATCH("\0\1$\x0d\0\1\0\x0c\0\x0b\0\1\0\5\x07\0a\1\5$.aaa\2\4\0\1\4$.bb\2\4\0",
          "{\"a\":7,\"bb\":null,\"aaa\":null}"); /* the shorter name first */
    PATCH("\0\4$[2]\2\4\1", NULL);
    PATCH("\2\4$[2]", NULL);
    PATCH("\0\3$.a\2\4\1", NULL);
    PATCH("\3\4$[1]\2\4\1", NULL);
    PATCH("\0\4$[1]\x09\4\1", NULL);
    PATCH("\0\3$[1\2\4\1", NULL);
    PATCH("\0\4$[x]\2\4\1", NULL);
    PATCH("\0\0\2\4\1", NULL);
    PATCH("\2\1$", NULL);
    PATCH("\0\4$.\"a\2\4\1", NULL);
}

static int free_all(void **state)
{
    (void)state;
    leat_arena_free(&a);
    return 0;
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_texts),
        cmocka_unit_test(test_times),   cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_diffs),
    };
    return cmocka_run_group_tests(all, NULL, free_all);
}
