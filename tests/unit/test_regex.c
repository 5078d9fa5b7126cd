/* Java's regular expressions over whole names. */
#include "../test.h"

#include "config/regex.h"

#include <stdio.h>

static bool match(const char *pattern, const char *text)
{
    leat_arena a;
    leat_arena_init(&a, 0);
    leat_regex_problem p;
    leat_err e;
    const leat_regex *x = leat_regex_new(&a, leat_str_of(pattern), &p);
    if (x == NULL) fail_msg("%s: %s", pattern, p.msg);
    assert_true(leat_str_is(leat_regex_text(x), pattern));
    bool hit;
    if (leat_regex_match(x, leat_str_of(text), &hit, &e) != LEAT_OK) fail_msg("%s", e.msg);
    leat_arena_free(&a);
    return hit;
}

static void test_whole_name(void **state)
{
    (void)state;
    assert_true(match("public.orders", "public.orders"));
    assert_true(match("public.orders", "public_orders")); /* a dot is any character, as in Java */
    assert_false(match("public.orders", "public.orders2"));
    assert_false(match("public.orders", "my.public.orders"));
    assert_true(match("a|ab", "ab")); /* alternatives are tried until the whole fits */
    assert_true(match("PUBLIC\\..*", "public.Orders"));
    assert_false(match("a$", "a\n"));
    assert_true(match("", ""));
}

static void test_java(void **state)
{
    (void)state;
    assert_true(match("\\Qa.b\\E", "a.b"));
    assert_false(match("\\Qa.b\\E", "axb"));
    assert_true(match("(?!temp_).*", "orders"));
    assert_false(match("(?!temp_).*", "temp_x"));
    assert_true(match("a{2,3}+", "aaa"));
    assert_true(match("caf\\u00e9", "caf\xC3\xA9"));
    assert_true(match("caf.", "caf\xC3\xA9")); /* a character, not a byte */
    assert_true(match("\\p{L}+", "caf\xC3\xA9"));
}

static void refused(const char *pattern, const char *msg, size_t offset)
{
    leat_regex_problem p;
    assert_false(leat_regex_check(leat_str_of(pattern), &p));
    if (strstr(p.msg, msg) == NULL) fail_msg("\"%s\" lacks \"%s\"", p.msg, msg);
    assert_int_equal(p.offset, offset);
}

static void test_refused(void **state)
{
    (void)state;
    refused("a(b", "missing closing parenthesis", 3);
    refused("ab[", "missing terminating ]", 3);
    refused("*", "quantifier", 0);
    refused("[a-z&&[^b]]", "intersection", 4);
    leat_regex_problem p;
    assert_true(leat_regex_check(LEAT_STR("a&&b"), &p));
    assert_true(leat_regex_check(LEAT_STR("[a\\]]&&b"), &p));
    assert_false(leat_regex_check(LEAT_STR("a\xFF"), &p));
    char *big = leat_alloc(20000);
    memset(big, 'a', 20000);
    assert_false(leat_regex_check((leat_str){big, 20000}, &p));
    memset(big, '(', 20000);
    assert_false(leat_regex_check((leat_str){big, 10000}, &p));
    leat_free(big);
}

static void test_limits(void **state)
{
    (void)state;
    leat_arena a;
    leat_arena_init(&a, 0);
    leat_regex_problem p;
    leat_err e;
    bool hit = true;
    const leat_regex *x = leat_regex_new(&a, LEAT_STR("(a|aa)+[bd]"), &p);
    leat_str text = LEAT_STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac");
    assert_int_equal(leat_regex_match(x, text, &hit, &e), LEAT_CONF);
    assert_string_equal(e.code, "regex.limit");
    assert_string_equal(e.where, "(a|aa)+[bd]");
    assert_false(hit);
    assert_int_equal(leat_regex_match(x, LEAT_STR("a\xFF"), &hit, &e), LEAT_DATA);
    assert_string_equal(e.code, "regex.utf8");
    leat_arena_free(&a);
}

static const char *replaced(const char *pattern, const char *text, const char *with)
{
    static char out[128];
    leat_arena a;
    leat_arena_init(&a, 0);
    leat_regex_problem p;
    leat_str made;
    leat_err e;
    const leat_regex *x = leat_regex_new_cased(&a, leat_str_of(pattern), &p);
    assert_non_null(x);
    leat_rc rc = leat_regex_replace(x, leat_str_of(text), leat_str_of(with), &a, &made, &e);
    snprintf(out, sizeof out, "%s", rc != LEAT_OK ? e.code : made.s ? made.s : "(none)");
    assert_int_equal(rc == LEAT_OK, leat_regex_replacement_check(x, leat_str_of(with), &a) == NULL);
    leat_arena_free(&a);
    return out;
}

static void test_replacement(void **state)
{
    (void)state;
    assert_string_equal(replaced("(.*)\\.t\\d+", "shop.t12", "$1.all"), "shop.all");
    assert_string_equal(replaced("(.*)\\.t\\d+", "shop.u12", "$1.all"), "(none)");
    assert_string_equal(replaced("T", "t", "x"), "(none)");
    assert_string_equal(replaced("(?<a>.)(.)", "xy", "${a}-$2-$0"), "x-y-xy");
    assert_string_equal(replaced("(.)", "x", "$10"), "x0");
    assert_string_equal(replaced("(a)|b", "b", "[$1]"), "[]");
    assert_string_equal(replaced(".", "b", "\\$\\a"), "$a");
    assert_string_equal(replaced(".", "b", "$1"), "regex.replacement");
    assert_string_equal(replaced(".", "b", "$"), "regex.replacement");
    assert_string_equal(replaced(".", "b", "${no}"), "regex.replacement");
    assert_string_equal(replaced(".", "b", "x\\"), "regex.replacement");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_name),  cmocka_unit_test(test_java),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_limits),
        cmocka_unit_test(test_replacement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
