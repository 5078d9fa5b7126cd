/* base/str: comparing, cutting, numbers, UTF-8, hash; base/err: filling, cutting, wrapping. */
#include "test.h"

#include "base/err.h"
#include "base/str.h"

#include <errno.h>

static void test_cmp(void **state)
{
    (void)state;
    assert_int_equal(leat_str_cmp(LEAT_STR("abc"), LEAT_STR("abc")), 0);
    assert_true(leat_str_cmp(LEAT_STR("ab"), LEAT_STR("abc")) < 0);
    assert_true(leat_str_cmp(LEAT_STR("b"), LEAT_STR("abc")) > 0);
    assert_true(leat_str_cmp(LEAT_STR("\xff"), LEAT_STR("a")) > 0);
    assert_int_equal(leat_str_cmp((leat_str){NULL, 0}, LEAT_STR("")), 0);
    assert_true(leat_str_ieq(LEAT_STR("Content-TYPE"), LEAT_STR("content-type")));
    assert_false(leat_str_ieq(LEAT_STR("\xc3\x84"), LEAT_STR("\xc3\xa4")));
    assert_false(leat_str_ieq(LEAT_STR("[a"), LEAT_STR("{a")));
    assert_true(leat_str_starts(LEAT_STR("database.host"), "database."));
    assert_false(leat_str_starts(LEAT_STR("data"), "database."));
    assert_true(leat_str_starts((leat_str){NULL, 0}, ""));
    assert_true(leat_str_is((leat_str){NULL, 0}, ""));
}

static void test_trim_cut(void **state)
{
    (void)state;
    assert_true(leat_str_is(leat_str_trim(LEAT_STR(" \t\r\n a b \v\f")), "a b"));
    assert_int_equal(leat_str_trim(LEAT_STR("  ")).len, 0);
    assert_null(leat_str_trim((leat_str){NULL, 0}).s);
    static const char *const want[] = {"a", "", "bc", ""};
    leat_str rest = LEAT_STR("a,,bc,");
    size_t n = 0;
    while (rest.s) assert_true(leat_str_is(leat_str_cut(&rest, ','), want[n++]));
    assert_int_equal(n, 4);
    rest = LEAT_STR("");
    leat_str part = leat_str_cut(&rest, ',');
    assert_non_null(part.s);
    assert_int_equal(part.len, 0);
    assert_null(rest.s);
}

static void test_numbers(void **state)
{
    (void)state;
    int64_t i = 7;
    uint64_t u = 7;
    static const char *const bad[] = {"",
                                      "+",
                                      "-",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "0x1",
                                      "--1",
                                      "+-1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999"};
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++)
        assert_false(leat_str_i64(leat_str_of(bad[n]), &i));
    assert_false(leat_str_i64((leat_str){NULL, 0}, &i));
    assert_int_equal(i, 7);
    assert_true(leat_str_i64(LEAT_STR("-9223372036854775808"), &i) && i == INT64_MIN);
    assert_true(leat_str_i64(LEAT_STR("+9223372036854775807"), &i) && i == INT64_MAX);
    assert_true(leat_str_i64(LEAT_STR("-0"), &i) && i == 0);
    assert_true(leat_str_u64(LEAT_STR("18446744073709551615"), &u) && u == UINT64_MAX);
    assert_true(leat_str_u64(LEAT_STR("+08"), &u) && u == 8);
    assert_false(leat_str_u64(LEAT_STR("18446744073709551616"), &u));
    assert_false(leat_str_u64(LEAT_STR("-1"), &u));
    assert_false(leat_str_u64(LEAT_STR(""), &u));
    assert_int_equal(u, 8);
}

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"", true},
        {"plain ascii, more than eight", true},
        {"\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf", true},
        {"\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf", true},
        {"\x80", false},
        {"\xc0\x80", false},
        {"\xc1\xbf", false},
        {"\xc2", false},
        {"\xc2 ", false},
        {"\xe0\x9f\xbf", false},
        {"\xe2\x82", false},
        {"\xe2\x82 ", false},
        {"\xed\xa0\x80", false},
        {"\xed\xbf\xbf", false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"\xff", false},
        {"12345678\xff", false},
        {"1234567\xc3\xa4", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(leat_str_utf8(leat_str_of(cases[i].text)), cases[i].valid);
    assert_true(leat_str_utf8((leat_str){NULL, 0}));
}

static void test_fit_mend(void **state)
{
    (void)state;
    leat_str x = LEAT_STR("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    static const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (size_t max = 0; max < sizeof(want) / sizeof(want[0]); max++)
        assert_int_equal(leat_str_fit(x, max), want[max]);
    assert_int_equal(leat_str_fit(LEAT_STR("\x80\x80\x80\x80\x80\x80"), 5), 5);
    char z[] = "a\xc3\xa4\xff\xe2\x82z\xc3";
    leat_str_mend(z);
    assert_string_equal(z, "a\xc3\xa4???z?");
}

/* The reference vectors of the XXH64 specification; and all lengths around its block sizes. */
static void test_hash(void **state)
{
    (void)state;
    assert_true(leat_str_hash((leat_str){NULL, 0}) == 0xef46db3751d8e999u);
    assert_true(leat_str_hash(LEAT_STR("a")) == 0xd24ec4f1a98c6e5bu);
    assert_true(leat_str_hash(LEAT_STR("abc")) == 0x44bc2cf5ad770999u);
    assert_true(leat_str_hash(LEAT_STR("Nobody inspects the spammish repetition")) ==
                0xfbcea83c8a378bf1u);
    uint64_t seen[80];
    char text[80] = {0};
    for (size_t n = 0; n < 80; n++) {
        seen[n] = leat_str_hash((leat_str){text, n});
        for (size_t i = 0; i < n; i++) assert_true(seen[i] != seen[n]);
    }
}

static void test_fail(void **state)
{
    (void)state;
    leat_err e;
    errno = 17;
    assert_int_equal(leat_fail(&e, LEAT_CONF, "postgres.slot_missing", "orders", "no slot %s", "x"),
                     LEAT_CONF);
    assert_int_equal(errno, 17);
    assert_string_equal(e.code, "postgres.slot_missing");
    assert_string_equal(e.where, "orders");
    assert_string_equal(e.msg, "no slot x");
    assert_int_equal(leat_fail(&e, LEAT_RETRY, e.code, NULL, "%s: %s", e.where, e.msg), LEAT_RETRY);
    assert_int_equal(e.rc, LEAT_RETRY);
    assert_string_equal(e.code, "postgres.slot_missing");
    assert_string_equal(e.where, "");
    assert_string_equal(e.msg, "orders: no slot x");
    assert_int_equal(leat_fail(NULL, LEAT_FATAL, "x", "y", "z"), LEAT_FATAL);
    leat_fail(&e, LEAT_DATA, "x", "caf\xe9", "\xc3\xa4 %s", "\xe9");
    assert_string_equal(e.where, "caf?");
    assert_string_equal(e.msg, "\xc3\xa4 ?");
}

static void test_fail_long(void **state)
{
    (void)state;
    char text[1000];
    leat_err e;
    for (size_t at = 600; at < 660; at++) {
        memset(text, 'x', sizeof(text));
        memcpy(text + at, "\xf0\x9f\x98\x80", 4);
        text[at + 20] = '\0';
        memcpy(text + 125, "\xe2\x82\xac", 3);
        leat_fail(&e, LEAT_DATA, text, text, "%s", text);
        assert_true(leat_str_utf8(leat_str_of(e.msg)));
        assert_null(strchr(e.msg, '?'));
        assert_true(strlen(e.msg) >= (at + 20 > 639 ? 634 : at + 20));
        assert_int_equal(strlen(e.where), 125);
        assert_int_equal(strlen(e.code), 47);
    }
}

static leat_rc tried(leat_rc rc)
{
    LEAT_TRY(rc);
    return LEAT_OK;
}

static void test_rc(void **state)
{
    (void)state;
    static const char *const names[] = {"ok", "again", "pending", "retry", "data", "conf", "fatal"};
    for (unsigned i = 0; i < 7; i++) {
        assert_string_equal(leat_rc_name((leat_rc)i), names[i]);
        assert_int_equal(leat_rc_failed((leat_rc)i), i >= 3);
        assert_int_equal(tried((leat_rc)i), i >= 3 ? i : LEAT_OK);
    }
    assert_non_null(leat_rc_name((leat_rc)99));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cmp),      cmocka_unit_test(test_trim_cut),
        cmocka_unit_test(test_numbers),  cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_fit_mend), cmocka_unit_test(test_hash),
        cmocka_unit_test(test_fail),     cmocka_unit_test(test_fail_long),
        cmocka_unit_test(test_rc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
