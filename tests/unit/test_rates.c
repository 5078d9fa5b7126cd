/* engine/rates: what a connector does a second, from samples. */
#include "../test.h"

#include "engine/rates.h"

static void sample(leat_rates *r, int64_t s, uint64_t events, int64_t retained)
{
    leat_rates_add(r, (leat_rates_sample){s * 1000000, events, events * 10, retained});
}

static void test_nothing_yet(void **state)
{
    (void)state;
    leat_rates r = {0};
    assert_int_equal(leat_rates_over(&r, 60000000).over_us, 0);
    sample(&r, 1, 100, -1);
    leat_rate now = leat_rates_over(&r, 60000000);
    assert_true(now.over_us == 0 && now.events == 0 && !now.known);
}

static void test_windows(void **state)
{
    (void)state;
    leat_rates r = {0};
    for (int64_t s = 0; s < 100; s++) sample(&r, s, (uint64_t)(s * 50), s * 1000);
    sample(&r, 100, 99 * 50 + 700, 99 * 1000 + 5000);
    leat_rate second = leat_rates_over(&r, 1000000), minute = leat_rates_over(&r, 60000000);
    assert_true(second.events == 700 && second.bytes == 7000 && second.retained == 5000);
    assert_int_equal(minute.over_us, 60000000);
    assert_true(minute.events > 60 && minute.events < 62); /* (59 * 50 + 700) / 60 */
    assert_true(minute.known && minute.retained > 1000 && minute.retained < 1100);
}

/* A late sample, a log that is not known, a counter that begins anew. */
static void test_odd_samples(void **state)
{
    (void)state;
    leat_rates r = {0};
    sample(&r, 0, 0, -1);
    sample(&r, 90, 900, 5);
    leat_rate minute = leat_rates_over(&r, 60000000);
    assert_true(minute.events == 10 && !minute.known);
    sample(&r, 91, 3, 5);
    assert_int_equal(leat_rates_over(&r, 60000000).over_us, 0);
    sample(&r, 92, 5, 4);
    minute = leat_rates_over(&r, 60000000);
    assert_true(minute.events == 2 && minute.known && minute.retained == -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_yet),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_odd_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
