/* What is called a stall, and what is not. */
#include "../test.h"

#include <unistd.h>

#include "base/clock.h"
#include "engine/stall.h"

enum { S = 1000000, AFTER = 30 * S };

static leat_stall_sample at(int64_t s, uint64_t turns, uint64_t done, int64_t lag)
{
    return (leat_stall_sample){.now_us = s * S,
                               .watched = true,
                               .turns = turns,
                               .stage = LEAT_STAGE_APPENDER,
                               .done = done,
                               .lag = lag};
}

static bool look(leat_stall *w, leat_stall_sample s)
{
    return leat_stall_look(w, &s, AFTER);
}

static void test_a_call_that_does_not_return(void **state)
{
    (void)state;
    leat_stall w = {0};
    leat_err e;
    assert_false(look(&w, at(1, 7, 1, -1)));
    assert_false(look(&w, at(30, 7, 1, -1)));
    assert_true(look(&w, at(31, 7, 1, -1)));
    assert_int_equal(w.stage, LEAT_STAGE_APPENDER);
    assert_int_equal(w.since_us, 1 * S);
    leat_stall_err(&w, "shop", 41 * S, &e);
    assert_string_equal(e.code, "stream.hangs");
    assert_non_null(strstr(e.msg, "for 40 s"));
    assert_false(look(&w, at(40, 7, 1, -1)));
    assert_true(look(&w, at(41, 8, 1, -1)));
    assert_int_equal(w.stage, LEAT_STAGE_NONE);
}

static void test_the_log_goes_on_and_nothing_comes(void **state)
{
    (void)state;
    leat_stall w = {0};
    leat_err e;
    for (int64_t s = 1; s < 31; s++) assert_false(look(&w, at(s, (uint64_t)s, 5, 100 + s)));
    assert_true(look(&w, at(31, 31, 5, 131)));
    assert_int_equal(w.stage, LEAT_STAGE_SOURCE);
    leat_stall_err(&w, "shop", 31 * S, &e);
    assert_string_equal(e.code, "source.silent");
    assert_true(look(&w, at(32, 32, 6, 132)));
    assert_int_equal(w.stage, LEAT_STAGE_NONE);
}

static void test_a_log_that_stands_still_is_no_stall(void **state)
{
    (void)state;
    leat_stall w = {0};
    for (int64_t s = 1; s < 200; s++) assert_false(look(&w, at(s, (uint64_t)s, 5, 100)));
    for (int64_t s = 200; s < 400; s++) assert_false(look(&w, at(s, (uint64_t)s, 5, 0)));
    for (int64_t s = 400; s < 600; s++) assert_false(look(&w, at(s, (uint64_t)s, 5, -1)));
}

static void test_a_lag_that_shrinks_is_progress(void **state)
{
    (void)state;
    leat_stall w = {0};
    for (int64_t s = 1; s < 200; s++) assert_false(look(&w, at(s, (uint64_t)s, 5, 1000 - s)));
}

/* Whoever has told what it waits for, or rests, is not judged, and begins anew after that. */
static void test_one_that_is_not_watched(void **state)
{
    (void)state;
    leat_stall w = {0};
    assert_false(look(&w, at(1, 7, 1, -1)));
    assert_true(look(&w, at(40, 7, 1, -1)));
    leat_stall_sample rests = at(41, 7, 1, -1);
    rests.watched = false;
    assert_true(look(&w, rests));
    assert_int_equal(w.stage, LEAT_STAGE_NONE);
    assert_false(look(&w, at(70, 7, 1, -1)));
    assert_true(look(&w, at(71, 7, 1, -1)));
}

/* A process that has not looked after itself for long, unless it has ended. */
static void test_a_process_that_is_silent(void **state)
{
    (void)state;
    leat_page page = {.pid = getpid()};
    leat_err e;
    assert_int_equal(leat_page_silent(&page), 0);
    page.beat_us = leat_mono_us();
    assert_int_equal(leat_page_silent(&page), 0);
    page.beat_us = leat_mono_us() - 40 * S;
    assert_true(leat_page_silent(&page) >= 40000);
    leat_stall_silent(7, 40000, "shop", &e);
    assert_non_null(strstr(e.msg, "process 7 has not looked after itself for 40 s"));
    page.pid = 0;
    assert_int_equal(leat_page_silent(&page), 0);
}

static void test_it_can_be_switched_off(void **state)
{
    (void)state;
    leat_stall w = {0};
    for (int64_t s = 1; s < 1000; s += 100) {
        leat_stall_sample sample = at(s, 7, 1, s);
        assert_false(leat_stall_look(&w, &sample, 0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_call_that_does_not_return),
        cmocka_unit_test(test_the_log_goes_on_and_nothing_comes),
        cmocka_unit_test(test_a_log_that_stands_still_is_no_stall),
        cmocka_unit_test(test_a_lag_that_shrinks_is_progress),
        cmocka_unit_test(test_one_that_is_not_watched),
        cmocka_unit_test(test_a_process_that_is_silent),
        cmocka_unit_test(test_it_can_be_switched_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
