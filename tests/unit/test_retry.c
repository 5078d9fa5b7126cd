/* engine/retry: pauses that double, with jitter, begun anew after progress; sleeping that hears. */
#include "../test.h"

#include "base/clock.h"
#include "engine/retry.h"

static int64_t now = 1000000;
static unsigned sleeps;
static atomic_bool stop;
static unsigned stop_after; /* sleeps; 0: never */

static int64_t clock_now(void)
{
    return now;
}

static void clock_sleep(int64_t us)
{
    now += us;
    if (++sleeps == stop_after) atomic_store(&stop, true);
}

static int setup(void **state)
{
    static const leat_clock clock = {clock_now, clock_now, clock_sleep};
    (void)state;
    leat_clock_use(&clock);
    now = 1000000;
    sleeps = stop_after = 0;
    atomic_store(&stop, false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    leat_clock_use(NULL);
    return 0;
}

static void assert_pause(leat_retry *r, bool progressed, int64_t full)
{
    int64_t us = -1;
    assert_true(leat_retry_next(r, LEAT_RETRY, progressed, &us));
    assert_in_range(us, full / 2, full);
}

static void test_doubles(void **state)
{
    (void)state;
    leat_retry r = {.limit = -1};
    for (int64_t full = 200000; full <= 12800000; full *= 2) assert_pause(&r, false, full);
    assert_pause(&r, false, 25600000);
    for (int i = 0; i < 100; i++) assert_pause(&r, false, 30000000);
    assert_pause(&r, true, 200000);
    assert_pause(&r, false, 400000);
    assert_pause(&r, true, 200000);
}

static void test_own_bounds(void **state)
{
    (void)state;
    leat_retry r = {.min_us = 10, .max_us = 35, .limit = -1};
    assert_pause(&r, false, 10);
    assert_pause(&r, false, 20);
    assert_pause(&r, false, 35);
    assert_pause(&r, false, 35);
}

static void test_jitter(void **state)
{
    (void)state;
    leat_retry r = {.min_us = 1000000, .max_us = 1000000, .limit = -1};
    int64_t least = 1000000, most = 0, us;
    for (int i = 0; i < 200; i++) {
        assert_true(leat_retry_next(&r, LEAT_RETRY, false, &us));
        if (us < least) least = us;
        if (us > most) most = us;
    }
    assert_true(least < 560000 && most > 940000);
}

static void test_only_retry(void **state)
{
    (void)state;
    static const leat_rc final[] = {LEAT_DATA, LEAT_CONF, LEAT_FATAL};
    int64_t us;
    for (unsigned i = 0; i < 3; i++) {
        leat_retry r = {.limit = -1};
        assert_false(leat_retry_next(&r, final[i], true, &us));
    }
}

static void test_limit(void **state)
{
    (void)state;
    int64_t us;
    leat_retry none = {.limit = 0};
    assert_false(leat_retry_next(&none, LEAT_RETRY, false, &us));
    leat_retry r = {.limit = 2};
    assert_true(leat_retry_next(&r, LEAT_RETRY, false, &us));
    assert_true(leat_retry_next(&r, LEAT_RETRY, false, &us));
    assert_true(leat_retry_next(&r, LEAT_RETRY, true, &us)); /* counted from here again */
    assert_true(leat_retry_next(&r, LEAT_RETRY, false, &us));
    assert_false(leat_retry_next(&r, LEAT_RETRY, false, &us));
}

static void test_sleep(void **state)
{
    (void)state;
    assert_false(leat_retry_sleep(120000, &stop, NULL));
    assert_int_equal(now, 1120000);
    assert_int_equal(sleeps, 3);
    assert_false(leat_retry_sleep(0, &stop, NULL));
    assert_int_equal(sleeps, 3);
    stop_after = 5;
    assert_true(leat_retry_sleep(30000000, &stop, NULL));
    assert_int_equal(now, 1220000);
    assert_true(leat_retry_sleep(30000000, &stop, NULL));
    assert_int_equal(sleeps, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_doubles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_own_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_jitter, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_retry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sleep, setup, teardown),
    };
    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
