/* source/mysql/gtid: sets of both dialects, text and binary form. */
#include "test.h"

#include <stdlib.h>

#include "source/mysql/gtid.h"

#define A "3e11fa47-71ca-11e1-9e33-c80aa9429562"
#define B "4350f323-7565-4e59-8763-4b1b83a0ce0e"

static leat_gtid_set set_of(const char *text)
{
    leat_gtid_set s = {0};
    leat_err e;
    if (leat_gtid_set_parse(&s, leat_str_of(text), &e) != LEAT_OK) fail_msg("%s: %s", text, e.msg);
    return s;
}

static void check(leat_gtid_set *s, const char *want)
{
    leat_buf text = {0};
    leat_gtid_set_print(s, &text);
    leat_buf_u8(&text, 0);
    assert_string_equal(text.p, want);
    leat_buf_free(&text);
    leat_gtid_set_free(s);
}

static void parses(const char *text, const char *want)
{
    leat_gtid_set s = set_of(text);
    check(&s, want);
}

static void test_text(void **state)
{
    (void)state;
    parses("", "");
    parses(" , ,", "");
    parses(A ":1", A ":1");
    parses(A ":1-5:6:8-9", A ":1-6:8-9");
    parses(A ":8-9:1-3:2-7", A ":1-9");
    parses(A ":5-3", "");
    parses(B ":1,\n" A ":2, " B ":2", A ":2," B ":1-2");
    parses("3E11FA47-71CA-11E1-9E33-C80AA9429562:1", A ":1");
    parses(A ":1-3:Shop_1:2:4-5:zoo:9", A ":1-3:shop_1:2:4-5:zoo:9");
    parses(A ":tag:1," A ":7", A ":7:tag:1");
}

static void refuses(const char *text, const char *part)
{
    leat_gtid_set s = set_of(B ":1");
    leat_err e = {0};
    assert_int_equal(leat_gtid_set_parse(&s, leat_str_of(text), &e), LEAT_CONF);
    assert_string_equal(e.code, "mysql.gtid");
    if (!strstr(e.msg, part)) fail_msg("%s: %s", text, e.msg);
    check(&s, B ":1");
}

static void test_bad_text(void **state)
{
    (void)state;
    refuses("x", "character 1, got \"x\"");
    refuses(A, "got \"" A "\"");
    refuses(A ":", "character 38");
    refuses(A ":0", "got \"0\"");
    refuses(A ":1-", "got \"1-\"");
    refuses(A ":-1", "got \"-1\"");
    refuses(A ":+1", "got \"+1\"");
    refuses(A ":1," B ":tag", "got \"tag\"");
    refuses(A ":1:9tag:2", "got \"9tag\"");
    refuses(A ":9223372036854775807", "got \"9223372036854775807\"");
    refuses(A ":aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1", "aaaa");
    refuses("3e11fa47x71ca-11e1-9e33-c80aa9429562:1", "character 1");
}

static void test_sets(void **state)
{
    (void)state;
    leat_gtid_set s = set_of(A ":1-10," B ":t:5"), t = set_of(A ":3-4:10-12," B ":5");
    assert_false(leat_gtid_set_contains(&s, &t));
    leat_gtid_set u = {0};
    leat_gtid_set_copy(&u, &s);
    leat_gtid_set_union(&u, &t);
    assert_true(leat_gtid_set_contains(&u, &s) && leat_gtid_set_contains(&u, &t));
    assert_int_equal(leat_gtid_set_count(&u), 14);
    leat_gtid_set_subtract(&u, &t);
    assert_false(leat_gtid_set_eq(&u, &s));
    check(&u, A ":1-2:5-9," B ":t:5");
    leat_gtid_set_subtract(&s, &s);
    assert_int_equal(s.n, 0);
    leat_gtid_set empty = {0};
    assert_true(leat_gtid_set_contains(&t, &empty) && !leat_gtid_set_contains(&empty, &t));
    leat_gtid_set_free(&s);
    check(&t, A ":3-4:10-12," B ":5");
}

static bool is_a(void *ctx, const char *uuid)
{
    (void)ctx;
    return strcmp(uuid, A) == 0;
}

static void test_filter_and_add(void **state)
{
    (void)state;
    leat_gtid_set s = set_of(A ":1-3:x:1," B ":9");
    leat_gtid_set_filter(&s, is_a, NULL);
    leat_gtid id = {.gno = 5};
    assert_true(leat_gtid_uuid_parse(LEAT_STR(A), id.uuid));
    leat_gtid_set_add(&s, &id);
    assert_true(leat_gtid_set_has(&s, &id));
    id.gno = 4;
    assert_false(leat_gtid_set_has(&s, &id));
    leat_gtid_set_add(&s, &id);
    char text[LEAT_GTID_TEXT];
    assert_string_equal(leat_gtid_print(&id, text), A ":4");
    check(&s, A ":1-5:x:1");
}

/* Against a model: a bit a number. */
static void test_model(void **state)
{
    (void)state;
    srand(4711);
    for (int round = 0; round < 300; round++) {
        bool model[64] = {0};
        leat_gtid_set s = {0};
        leat_gtid id = {{0}, "", 0};
        for (int step = 0; step < 40; step++) {
            unsigned from = 1 + (unsigned)rand() % 60, to = from + (unsigned)rand() % 4;
            bool add = rand() % 3 > 0;
            leat_gtid_set one = {0};
            leat_gtid_set_add_range(&one, id.uuid, "", (leat_gtid_range){from, to});
            if (add)
                leat_gtid_set_union(&s, &one);
            else
                leat_gtid_set_subtract(&s, &one);
            leat_gtid_set_free(&one);
            for (unsigned i = from; i <= to; i++) model[i] = add;
            uint64_t n = 0;
            for (unsigned i = 1; i < 64; i++) {
                id.gno = i;
                n += model[i];
                assert_int_equal(leat_gtid_set_has(&s, &id), model[i]);
            }
            assert_int_equal(leat_gtid_set_count(&s), n);
            for (uint32_t k = 1; s.n && k < s.sources[0].n; k++)
                assert_true(s.sources[0].ranges[k].first > s.sources[0].ranges[k - 1].last + 1);
        }
        leat_gtid_set_free(&s);
    }
}

static void test_binary(void **state)
{
    (void)state;
    static const char *const texts[] = {"", A ":1-5:7," B ":9", A ":1:tag_a:2-3:tag_b:9," B ":1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        leat_gtid_set s = set_of(texts[i]), back = {0};
        leat_buf bytes = {0};
        leat_err e;
        leat_gtid_set_encode(&s, &bytes);
        assert_int_equal(leat_gtid_set_decode(&back, leat_buf_str(&bytes), &e), LEAT_OK);
        assert_true(leat_gtid_set_eq(&s, &back));
        for (size_t cut = 0; cut < bytes.len; cut++)
            assert_int_equal(leat_gtid_set_decode(&back, (leat_str){bytes.p, cut}, &e), LEAT_FATAL);
        leat_buf_free(&bytes);
        leat_gtid_set_free(&s);
        check(&back, texts[i]);
    }
}

static void test_mariadb(void **state)
{
    (void)state;
    leat_mariadb_gtids s = {0}, t = {0}, copy = {0};
    leat_err e;
    leat_buf text = {0};
    assert_int_equal(leat_mariadb_gtids_parse(&s, LEAT_STR(" 5-1-2,0-1-100 ,"), &e), LEAT_CONF);
    assert_int_equal(leat_mariadb_gtids_parse(&s, LEAT_STR(" 5-1-2,0-1-100 "), &e), LEAT_OK);
    assert_int_equal(leat_mariadb_gtids_parse(&t, LEAT_STR("0-2-99,7-1-1"), &e), LEAT_OK);
    assert_false(leat_mariadb_gtids_contains(&s, &t));
    assert_true(leat_mariadb_gtids_has(&s, &t.ids[0]));
    assert_false(leat_mariadb_gtids_surely_has(&s, &t.ids[0]));
    assert_true(leat_mariadb_gtids_surely_has(&s, &(leat_mariadb_gtid){0, 1, 99}));
    assert_false(leat_mariadb_gtids_surely_has(&s, &(leat_mariadb_gtid){0, 1, 101}));
    assert_false(leat_mariadb_gtids_surely_has(&s, &t.ids[1]));
    leat_mariadb_gtids_copy(&copy, &s);
    leat_mariadb_gtids_union(&copy, &t);
    assert_true(leat_mariadb_gtids_contains(&copy, &t));
    leat_mariadb_gtids_print(&copy, &text);
    assert_true(leat_str_is(leat_buf_str(&text), "0-1-100,5-1-2,7-1-1"));
    leat_mariadb_gtids_subtract(&copy, &s);
    assert_int_equal(copy.n, 1);
    leat_mariadb_gtids_set(&s, &(leat_mariadb_gtid){0, 3, 50}); /* as it stands, also if lower */
    assert_int_equal(leat_mariadb_gtids_get(&s, 0)->server, 3);
    assert_false(leat_mariadb_gtids_eq(&s, &copy));
    static const char *const bad[] = {"0-1",
                                      "0-1-",
                                      "a-1-1",
                                      "0-1-1-1",
                                      "0-1-1,0-2-2",
                                      "4294967296-1-1",
                                      "0-1-18446744073709551616",
                                      "+0-1-1",
                                      "0-1-1,,"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint32_t n = t.n;
        assert_int_equal(leat_mariadb_gtids_parse(&t, leat_str_of(bad[i]), &e), LEAT_CONF);
        assert_string_equal(e.code, "mysql.gtid");
        assert_int_equal(t.n, n);
    }
    leat_buf_free(&text);
    leat_mariadb_gtids_free(&s);
    leat_mariadb_gtids_free(&t);
    leat_mariadb_gtids_free(&copy);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_text),    cmocka_unit_test(test_bad_text),
        cmocka_unit_test(test_sets),    cmocka_unit_test(test_filter_and_add),
        cmocka_unit_test(test_model),   cmocka_unit_test(test_binary),
        cmocka_unit_test(test_mariadb),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
