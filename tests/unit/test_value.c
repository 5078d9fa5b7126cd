/* event/value: which cells are equal, and that copies own what they point at. */
#include "../test.h"

#include <math.h>

#include "event/value.h"

static const leat_interval year = {.months = 12, .days = 3, .us = -1};
static const leat_interval same_year = {.months = 12, .days = 3, .us = -1};
static const leat_interval other_year = {.months = 12, .days = 3, .us = 1};

static bool eq(leat_value x, leat_value y)
{
    assert_true(leat_value_eq(&x, &x));
    assert_true(leat_value_eq(&y, &y));
    assert_int_equal(leat_value_eq(&x, &y), leat_value_eq(&y, &x));
    return leat_value_eq(&x, &y);
}

static leat_value timed(leat_kind kind, leat_unit unit, int64_t i)
{
    return (leat_value){.kind = (uint8_t)kind, .unit = (uint8_t)unit, .u.i = i};
}

static leat_value decimal(const char *z, uint16_t scale)
{
    return (leat_value){.kind = LEAT_DECIMAL, .scale = scale, .len = (uint32_t)strlen(z), .u.s = z};
}

static void test_eq_scalars(void **state)
{
    (void)state;
    assert_false(eq(leat_null(), leat_absent()));
    assert_false(eq(leat_bool(true), leat_int(1)));
    assert_true(eq(leat_int(-7), leat_int(-7)));
    assert_false(eq(leat_int(INT64_MIN), leat_int(INT64_MAX)));
    assert_true(eq(leat_float(NAN), leat_float(-NAN)));
    assert_false(eq(leat_float(0.0), leat_float(-0.0)));
    assert_true(eq(leat_text(LEAT_STR("ab")), leat_text((leat_str){"abc", 2})));
    assert_false(eq(leat_text(LEAT_STR("ab")), leat_bytes(LEAT_STR("ab"))));
    assert_true(eq(leat_text((leat_str){NULL, 0}), leat_text(LEAT_STR(""))));
    assert_false(eq(decimal("1.50", 2), decimal("1.5", 1)));
    assert_false(eq(decimal("150", 2), decimal("150", 1)));
}

static void test_eq_times(void **state)
{
    (void)state;
    assert_false(eq(timed(LEAT_TIME, LEAT_US, 1), timed(LEAT_TIME, LEAT_MS, 1)));
    assert_false(eq(timed(LEAT_TIMESTAMP, LEAT_US, 1), timed(LEAT_TIMESTAMPTZ, LEAT_US, 1)));
    assert_true(eq(timed(LEAT_DATE, LEAT_US, 1), timed(LEAT_DATE, LEAT_US, 1)));
    leat_value noon = timed(LEAT_TIMETZ, LEAT_US, 12), east = noon;
    east.zone = 3600;
    assert_false(eq(noon, east));
    leat_value x = {.kind = LEAT_INTERVAL, .u.interval = &year}, y = x;
    y.u.interval = &same_year;
    assert_true(eq(x, y));
    y.u.interval = &other_year;
    assert_false(eq(x, y));
}

static void test_eq_lists(void **state)
{
    (void)state;
    const leat_value one[] = {leat_int(1), leat_text(LEAT_STR("x"))};
    const leat_value two[] = {leat_int(1), leat_text(LEAT_STR("y"))};
    leat_value list = {.kind = LEAT_LIST, .len = 2, .u.list = one};
    leat_value longer = {.kind = LEAT_LIST, .len = 1, .u.list = one};
    leat_value other = {.kind = LEAT_LIST, .len = 2, .u.list = two};
    leat_value strct = {.kind = LEAT_STRUCT, .len = 2, .u.list = one};
    leat_value map = {.kind = LEAT_MAP, .len = 1, .u.list = one};
    leat_value other_map = {.kind = LEAT_MAP, .len = 1, .u.list = two};
    assert_false(eq(list, longer));
    assert_false(eq(list, other));
    assert_false(eq(list, strct));
    assert_false(eq(map, other_map)); /* the pair's value counts too */
}

static void test_copy(void **state)
{
    (void)state;
    char text[] = "text", digits[] = "12.50";
    leat_interval interval = year;
    leat_value pair[] = {leat_text((leat_str){text, 4}), decimal(digits, 2)};
    leat_value inner[] = {{.kind = LEAT_INTERVAL, .u.interval = &interval},
                          {.kind = LEAT_MAP, .len = 1, .u.list = pair}};
    leat_value v = {.kind = LEAT_LIST, .len = 2, .u.list = inner};
    leat_arena a = {0}, b = {0};
    leat_value first = leat_value_copy(&a, &v);
    leat_value copy = leat_value_copy(&b, &first);
    assert_true(leat_value_eq(&copy, &v));
    leat_arena_free(&a); /* nothing of the copy was in there */
    memset(text, '-', 4);
    memset(digits, '-', 5);
    interval.days = 99;
    const leat_value *list = copy.u.list;
    assert_int_equal(list[0].u.interval->days, 3);
    assert_memory_equal(list[1].u.list[0].u.s, "text", 4);
    assert_memory_equal(list[1].u.list[1].u.s, "12.50", 5);
    leat_arena_free(&b);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(leat_kind_name(LEAT_NULL), "null");
    assert_string_equal(leat_kind_name(LEAT_TIMESTAMPTZ), "timestamptz");
    assert_string_equal(leat_kind_name(LEAT_MAP), "map");
    assert_string_equal(leat_kind_name((leat_kind)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eq_scalars), cmocka_unit_test(test_eq_times),
        cmocka_unit_test(test_eq_lists),   cmocka_unit_test(test_copy),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
