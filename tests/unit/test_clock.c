/* base/clock: the calendar against libc's, text both ways, what is refused, replacing the clock. */
#include "test.h"

#include "base/clock.h"

#include <pthread.h>
#include <time.h>

static void test_calendar(void **state)
{
    (void)state;
    assert_int_equal(leat_days_of(1970, 1, 1), 0);
    assert_int_equal(leat_days_of(2000, 2, 29), 11016);
    assert_int_equal(leat_days_of(1969, 12, 31), -1);
    assert_int_equal(leat_days_of(0, 3, 1), -719468);
    for (int64_t days = -800000; days < 3000000; days += 7) {
        int64_t year;
        unsigned month, day;
        leat_days_to(days, &year, &month, &day);
        time_t t = (time_t)(days * 86400);
        struct tm tm;
        gmtime_r(&t, &tm);
        assert_int_equal(year, tm.tm_year + 1900);
        assert_int_equal(month, tm.tm_mon + 1);
        assert_int_equal(day, tm.tm_mday);
        assert_int_equal(leat_days_of(year, month, day), days);
    }
}

static void test_print(void **state)
{
    (void)state;
    char z[LEAT_ISO_MAX];
    assert_string_equal(leat_iso_us(1795256100123456, 6, z), "2026-11-21T10:15:00.123456Z");
    assert_string_equal(leat_iso_us(1795256100123456, 3, z), "2026-11-21T10:15:00.123Z");
    assert_string_equal(leat_iso_us(1795256100123456, 0, z), "2026-11-21T10:15:00Z");
    assert_string_equal(leat_iso_us(0, 6, z), "1970-01-01T00:00:00.000000Z");
    assert_string_equal(leat_iso_us(-1, 6, z), "1969-12-31T23:59:59.999999Z");
    assert_string_equal(leat_iso_us(INT64_C(253402300800000000), 0, z), "+10000-01-01T00:00:00Z");
    assert_string_equal(leat_iso_us(INT64_MAX, 6, z), "+294247-01-10T04:00:54.775807Z");
    assert_string_equal(leat_iso_us(INT64_MIN, 6, z), "-290308-12-21T19:59:05.224192Z");
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"2026-11-21T10:15:00.123456Z", 1795256100123456},
        {"2026-11-21 10:15:00.123456Z", 1795256100123456},
        {"2026-11-21t10:15:00z", 1795256100000000},
        {"2026-11-21T12:15:00+02:00", 1795256100000000},
        {"2026-11-21T04:45:00.5-05:30", 1795256100500000},
        {"2026-11-21T10:15:00.1234569999Z", 1795256100123456},
        {"2026-11-21", 1795219200000000},
        {"2024-02-29", 1709164800000000},
        {"2016-12-31T23:59:60Z", 1483228800000000},
        {"0", 0},
        {"1795256100", 1795256100000000},
        {"99999999999", 99999999999000000},
        {"100000000000", 100000000000000},
        {"1795256100123", 1795256100123000},
        {"9223372036854775", 9223372036854775000},
        {"+10000-01-01T00:00:00Z", INT64_C(253402300800000000)},
        {"-0001-01-01", INT64_C(-62198755200000000)},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t us = -1;
        assert_true(leat_iso_parse(leat_str_of(cases[i].text), &us));
        assert_int_equal(us, cases[i].us);
    }
}

static void test_refuse(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "now",
        "-5",
        "1.5",
        "2026-13-01",
        "2026-00-01",
        "2026-02-29",
        "2026-11-31",
        "2026-11-00",
        "2026-1-01",
        "26-11-21",
        "12026-11-21",
        "2026-11-21T",
        "2026-11-21T10:15:00",
        "2026-11-21T10:15Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T10:60:00Z",
        "2026-11-21T10:15:61Z",
        "2026-11-21T10:15:00.Z",
        "2026-11-21T10:15:00Zx",
        "2026-11-21T10:15:00+0200",
        "2026-11-21T10:15:00+24:00",
        "2026-11-21  10:15:00Z",
        "2026-11-21Z",
        " 2026-11-21",
        "+294248-01-01",
        "-290309-01-01",
        "9223372036854776",
        "99999999999999999999",
    };
    int64_t us = 7;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(leat_iso_parse(leat_str_of(bad[i]), &us));
        assert_int_equal(us, 7);
    }
    assert_false(leat_iso_parse((leat_str){NULL, 0}, &us));
}

static void test_there_and_back(void **state)
{
    (void)state;
    char z[LEAT_ISO_MAX];
    int64_t us = INT64_MIN;
    for (unsigned i = 0; i < 64; i++) {
        int64_t both[] = {us >> i, (int64_t)((uint64_t)INT64_MAX >> i)};
        for (unsigned k = 0; k < 2; k++) {
            int64_t back = 0;
            leat_iso_us(both[k], 6, z);
            assert_true(leat_iso_parse(leat_str_of(z), &back));
            assert_int_equal(back, both[k]);
        }
    }
}

static int64_t virtual_us = 1000;

static int64_t virtual_now(void)
{
    return virtual_us;
}

static void virtual_sleep(int64_t us)
{
    virtual_us += us;
}

static void *other_thread(void *arg)
{
    *(int64_t *)arg = leat_now_us();
    return NULL;
}

static void test_replace(void **state)
{
    (void)state;
    int64_t before = leat_mono_us(), elsewhere = 0;
    leat_sleep_us(2000);
    leat_sleep_us(-1);
    assert_true(leat_mono_us() - before >= 1900);
    static const leat_clock clock = {virtual_now, virtual_now, virtual_sleep};
    leat_clock_use(&clock);
    leat_sleep_us(INT64_C(3600000000));
    assert_int_equal(leat_now_us(), INT64_C(3600001000));
    assert_int_equal(leat_mono_us(), INT64_C(3600001000));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, other_thread, &elsewhere), 0);
    pthread_join(thread, NULL);
    assert_true(elsewhere > INT64_C(1600000000000000));
    leat_clock_use(NULL);
    assert_true(leat_now_us() >= elsewhere);
}

static void test_zone(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"Europe/Berlin", "Europe/Berlin"},
                                           {":America/Port-au-Prince", "America/Port-au-Prince"},
                                           {"UTC", "UTC"},
                                           {"posix/Europe/Berlin", "Europe/Berlin"},
                                           {":posix/", NULL},
                                           {"/etc/passwd", NULL},
                                           {":/usr/share/zoneinfo/UTC", NULL},
                                           {"<+07>-7\"", NULL}};
    char zone[LEAT_ZONE_MAX], longest[LEAT_ZONE_MAX + 1];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv("TZ", cases[i][0], 1);
        assert_int_equal(leat_zone_name(zone), cases[i][1] != NULL);
        if (cases[i][1]) assert_string_equal(zone, cases[i][1]);
    }
    memset(longest, 'a', LEAT_ZONE_MAX);
    longest[LEAT_ZONE_MAX] = '\0';
    setenv("TZ", longest, 1);
    assert_false(leat_zone_name(zone));
    setenv("TZ", longest + 1, 1);
    assert_true(leat_zone_name(zone));
    unsetenv("TZ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calendar),       cmocka_unit_test(test_print),
        cmocka_unit_test(test_parse),          cmocka_unit_test(test_refuse),
        cmocka_unit_test(test_zone),           cmocka_unit_test(test_replace),
        cmocka_unit_test(test_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
