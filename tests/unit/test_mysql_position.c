/* source/mysql/position: Debezium's offsets, read and written again. */
#include "test.h"

#include "source/mysql/position.h"

static leat_my_position read_offset(const char *offset, leat_arena *a)
{
    leat_my_position p;
    leat_err e;
    if (leat_my_position_read(leat_str_of(offset), a, &p, &e) != LEAT_OK)
        fail_msg("%s: %s", offset, e.msg);
    return p;
}

static void comes_back(const char *offset, const char *want)
{
    leat_arena a = {0};
    leat_buf text = {0};
    leat_my_position p = read_offset(offset, &a);
    leat_my_position_write(&p, &text);
    leat_buf_u8(&text, 0);
    assert_string_equal(text.p, want);
    leat_buf_free(&text);
    leat_arena_free(&a);
}

#define PLACE "\"ts_sec\":1795252410,\"file\":\"mysql-bin.000001\",\"pos\":1926"
#define COUNTED                                                                                    \
    "\"transaction_id\":\"0-1-7\",\"transaction_data_collection_order_shop.t\":3,"                 \
    "\"transaction_data_collection_order_a \\\"b\\\".c\":12"

/* A second start before the transaction's end goes on with the numbers, too. */
static void test_inside(void **state)
{
    (void)state;
    comes_back("{" PLACE ",\"gtids\":\"0-1-6\",\"row\":2,\"server_id\":1,\"event\":6," COUNTED "}",
               "{" PLACE ",\"gtids\":\"0-1-6\",\"row\":2,\"server_id\":1,\"event\":6," COUNTED "}");
    comes_back("{" COUNTED ",\"event\":3," PLACE "}", "{" PLACE ",\"event\":3," COUNTED "}");
    comes_back("{" PLACE "," COUNTED "}", "{" PLACE "}");
}

/* The place moves on inside of an XA transaction, which Debezium does not count as one: the rows
 * that follow are not those that the number is of. */
static void test_row_alone(void **state)
{
    (void)state;
    comes_back("{" PLACE ",\"row\":2}", "{" PLACE "}");
}

static void test_snapshots(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        bool is;
    } cases[] = {
        {"", true},
        {",\"snapshot\":\"INITIAL\"", false},
        {",\"snapshot\":true", false},
        {",\"snapshot\":false", true},
        {",\"snapshot\":null", true},
        {",\"snapshot\":\"INITIAL\",\"snapshot_completed\":true", true},
        {",\"snapshot\":\"INITIAL\",\"snapshot_completed\":false", false},
    };
    leat_arena a = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leat_my_position p = read_offset(leat_arena_printf(&a, "{" PLACE "%s}", cases[i].more), &a);
        if (leat_my_position_is(&p) != cases[i].is) fail_msg("%s", cases[i].more);
    }
    leat_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inside),
        cmocka_unit_test(test_row_alone),
        cmocka_unit_test(test_snapshots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
