/* source/mysql/view: which transactions a view surely contains. */
#include "test.h"

#include "source/mysql/position.h"
#include "source/mysql/view.h"

static leat_view view_of(leat_arena *a, bool mariadb, const char *gtids, uint64_t pos)
{
    const leat_my_viewed v = {.server = LEAT_STR("here"),
                              .file = LEAT_STR("mysql-bin.000002"),
                              .pos = pos,
                              .gtids = leat_str_of(gtids),
                              .mariadb = mariadb,
                              .exact = mariadb};
    leat_view view;
    leat_err e;
    assert_int_equal(leat_my_view_new(&v, a, &view, &e), LEAT_OK);
    return view;
}

static bool has(const leat_view *view, uint32_t domain, uint32_t server, uint64_t seq)
{
    const leat_mariadb_gtid id = {domain, server, seq};
    return leat_my_view_contains(view, leat_my_tx_mariadb(&id));
}

/* 0-1-100, then 0-2-101 to 0-2-103 of a replica's own; 0-1-101 of its primary comes behind them. */
static void test_mariadb(void **state)
{
    (void)state;
    leat_arena a = {0};
    leat_view view = view_of(&a, true, "0-1-100,0-2-103,7-1-5", 900);
    assert_true(has(&view, 0, 2, 103) && has(&view, 0, 2, 101) && has(&view, 7, 1, 5));
    assert_false(has(&view, 0, 2, 104) || has(&view, 7, 1, 6) || has(&view, 8, 1, 1));
    assert_true(has(&view, 0, 1, 100));
    assert_false(has(&view, 0, 1, 101) || has(&view, 0, 1, 102) || has(&view, 0, 3, 1));
    const leat_mariadb_gtid one = {0, 1, 101}, other = {0, 2, 101}, domain = {1, 1, 101};
    assert_true(leat_my_tx_mariadb(&one) != leat_my_tx_mariadb(&other));
    assert_true(leat_my_tx_mariadb(&one) != leat_my_tx_mariadb(&domain));
    const leat_mariadb_gtid large = {0, 2, UINT64_MAX};
    assert_false(leat_my_view_contains(&view, leat_my_tx_mariadb(&large)));
    assert_true(leat_my_view_contains(&view, leat_my_tx_place("mysql-bin.000002", 899)));
    assert_false(leat_my_view_contains(&view, leat_my_tx_place("mysql-bin.000002", 900)));
    leat_arena_free(&a);
}

#define A "3e11fa47-71ca-11e1-9e33-c80aa9429562"

static void test_mysql(void **state)
{
    (void)state;
    leat_arena a = {0};
    leat_view view = view_of(&a, false, A ":1-5:7", 900);
    leat_gtid id = {.gno = 5};
    assert_true(leat_gtid_uuid_parse(LEAT_STR(A), id.uuid));
    assert_true(leat_my_view_contains(&view, leat_my_tx_gtid(&id)));
    id.gno = 6;
    assert_false(leat_my_view_contains(&view, leat_my_tx_gtid(&id)));
    id = (leat_gtid){.gno = 1};
    assert_false(leat_my_view_contains(&view, leat_my_tx_gtid(&id)));
    assert_false(leat_my_view_contains(&view, leat_my_tx_place("mysql-bin.000002", 899)));
    leat_arena_free(&a);
}

/* Behind the view: by places in the log of its server, else by GTIDs. */
static void test_passed(void **state)
{
    (void)state;
    leat_arena a = {0};
    leat_view view = view_of(&a, true, "0-1-100", 900), stored;
    leat_err e;
    leat_position at = {.offset = LEAT_STR("{\"file\":\"mysql-bin.000002\",\"pos\":900,"
                                           "\"gtids\":\"0-1-99\",\"log_server\":\"here\"}")};
    leat_position there = {.offset = LEAT_STR("{\"file\":\"x.000009\",\"pos\":900,"
                                              "\"gtids\":\"0-2-101\",\"log_server\":\"there\"}")};
    assert_true(leat_my_view_passed(&view, at));
    assert_false(leat_my_view_passed(&view, there));
    assert_int_equal(leat_my_view_covers(&view, at), LEAT_COVER_ALL);
    assert_int_equal(leat_my_view_covers(&view, there), LEAT_COVER_LACKS);
    assert_int_equal(leat_my_view_read(view.text, &a, &stored, &e), LEAT_OK);
    assert_true(leat_my_view_passed(&stored, there));
    leat_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mariadb),
        cmocka_unit_test(test_mysql),
        cmocka_unit_test(test_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
