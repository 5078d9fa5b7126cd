/* convert/time_text: expected texts are those of Java's ISO formatters, and Debezium's. */
#include "../test.h"

#include "convert/time_read.h"
#include "convert/time_text.h"

static leat_buf out;

static int teardown(void **state)
{
    (void)state;
    leat_buf_free(&out);
    return 0;
}

static const char *done(void)
{
    leat_buf_u8(&out, 0);
    return out.p;
}

static const char *date(int64_t days)
{
    leat_buf_clear(&out);
    leat_text_date(&out, days);
    return done();
}

static const char *time_of(int64_t t, leat_unit unit, int digits)
{
    leat_buf_clear(&out);
    leat_text_time(&out, t, unit, digits);
    return done();
}

static const char *stamp(int64_t t, leat_unit unit, int digits)
{
    leat_buf_clear(&out);
    leat_text_timestamp(&out, t, unit, digits);
    return done();
}

static const char *interval(int32_t months, int32_t days, int64_t us)
{
    const leat_interval i = {months, days, us};
    leat_buf_clear(&out);
    leat_text_interval(&out, &i);
    return done();
}

static void test_date(void **state)
{
    (void)state;
    assert_string_equal(date(0), "1970-01-01");
    assert_string_equal(date(19782), "2024-02-29");
    assert_string_equal(date(-719162), "0001-01-01");
    assert_string_equal(date(-719528), "0000-01-01");
    assert_string_equal(date(-719529), "-0001-12-31");
    assert_string_equal(date(2932896), "9999-12-31");
    assert_string_equal(date(2932897), "+10000-01-01");
    assert_string_equal(date(-2147472692), "-5877611-06-21");
}

static void test_time(void **state)
{
    (void)state;
    assert_string_equal(time_of(0, LEAT_US, LEAT_DIGITS_NEEDED), "00:00:00");
    assert_string_equal(time_of(47655123456, LEAT_US, LEAT_DIGITS_NEEDED), "13:14:15.123456");
    assert_string_equal(time_of(47655120000, LEAT_US, LEAT_DIGITS_NEEDED), "13:14:15.12");
    assert_string_equal(time_of(47655123, LEAT_MS, LEAT_DIGITS_NEEDED), "13:14:15.123");
    assert_string_equal(time_of(1, LEAT_NS, LEAT_DIGITS_NEEDED), "00:00:00.000000001");
    assert_string_equal(time_of(86400000000, LEAT_US, LEAT_DIGITS_NEEDED), "00:00:00");
    assert_string_equal(time_of(-1, LEAT_MS, LEAT_DIGITS_NEEDED), "23:59:59.999");
    assert_string_equal(time_of(47655123456, LEAT_US, 0), "13:14:15");
    assert_string_equal(time_of(47655123456, LEAT_US, 3), "13:14:15.123");
    assert_string_equal(time_of(47655000000, LEAT_US, 6), "13:14:15.000000");
}

static void test_timestamp(void **state)
{
    (void)state;
    assert_string_equal(stamp(1709212455123456, LEAT_US, 6), "2024-02-29T13:14:15.123456");
    assert_string_equal(stamp(1709212455100, LEAT_MS, 3), "2024-02-29T13:14:15.100");
    assert_string_equal(stamp(-1, LEAT_US, LEAT_DIGITS_NEEDED), "1969-12-31T23:59:59.999999");
    assert_string_equal(stamp(-302486399500, LEAT_MS, LEAT_DIGITS_NEEDED), "1960-06-01T00:00:00.5");
    assert_string_equal(stamp(9223372036825200000, LEAT_US, LEAT_DIGITS_NEEDED),
                        "+294247-01-10T04:00:25.2");
    assert_string_equal(stamp(253402300800000, LEAT_MS, LEAT_DIGITS_NEEDED),
                        "+10000-01-01T00:00:00");
    assert_string_equal(stamp(INT64_MIN, LEAT_NS, LEAT_DIGITS_NEEDED),
                        "1677-09-21T00:12:43.145224192");
    assert_string_equal(stamp(INT64_MAX, LEAT_MS, LEAT_DIGITS_NEEDED),
                        "+292278994-08-17T07:12:55.807");
}

static void test_interval(void **state)
{
    (void)state;
    assert_string_equal(interval(0, 0, 0), "P0Y0M0DT0H0M0S");
    assert_string_equal(interval(14, 3, 14706780000), "P1Y2M3DT4H5M6.78S");
    assert_string_equal(interval(-10, -3, 14706000000), "P0Y-10M-3DT4H5M6S");
    assert_string_equal(interval(0, -1, -1), "P0Y0M-1DT0H0M-0.000001S");
    assert_string_equal(interval(0, 0, -14706780000), "P0Y0M0DT-4H-5M-6.78S");
    assert_string_equal(interval(0, 0, 360000000000), "P0Y0M0DT100H0M0S");
}

static void test_duration(void **state)
{
    (void)state;
    const leat_interval recorded[] = {{14, 3, 14706789010},
                                      {0, -1, -1},
                                      {-10, -3, 14706000000},
                                      {INT32_MAX, INT32_MAX, INT64_MAX}};
    assert_int_equal(leat_interval_us(&recorded[0]), 37091106789010);
    assert_int_equal(leat_interval_us(&recorded[1]), -86400000001);
    assert_int_equal(leat_interval_us(&recorded[2]), -26542494000000);
    assert_true(leat_interval_us(&recorded[3]) == INT64_MAX);
}

static void test_units(void **state)
{
    (void)state;
    assert_int_equal(leat_unit_floor(-1, LEAT_US, LEAT_MS), -1);
    assert_int_equal(leat_unit_trunc(-1, LEAT_US, LEAT_MS), 0);
    assert_int_equal(leat_unit_floor(1999, LEAT_US, LEAT_MS), 1);
    assert_int_equal(leat_unit_floor(-5, LEAT_MS, LEAT_NS), -5000000);
    assert_true(leat_unit_floor(INT64_MAX, LEAT_US, LEAT_NS) == INT64_MAX);
    assert_true(leat_unit_trunc(INT64_MIN, LEAT_MS, LEAT_US) == INT64_MIN);
    assert_int_equal(leat_unit_trunc(7, LEAT_NS, LEAT_NS), 7);
}

static void check_read(const char *text, leat_kind kind, int64_t i)
{
    leat_value v;
    leat_str s = leat_str_of(text);
    bool good = kind == LEAT_DATE                          ? leat_read_date(s, &v)
                : kind == LEAT_TIME || kind == LEAT_TIMETZ ? leat_read_time(s, &v)
                                                           : leat_read_timestamp(s, &v);
    assert_true(good);
    assert_int_equal(v.kind, kind);
    assert_true(v.u.i == i);
}

static void test_read(void **state)
{
    (void)state;
    leat_value v;
    leat_interval iv;
    check_read("1970-01-02", LEAT_DATE, 1);
    check_read("2024-02-29Z", LEAT_DATE, 19782);
    check_read("+10000-01-01", LEAT_DATE, 2932897);
    check_read("24:00:00", LEAT_TIME, INT64_C(86400000000));
    check_read("13:14:15.5", LEAT_TIME, INT64_C(47655500000));
    check_read("13:14:15.123456789", LEAT_TIME, INT64_C(47655123456789));
    check_read("00:00:01Z", LEAT_TIMETZ, 1000000);
    check_read("1970-01-01T00:00:01.000001", LEAT_TIMESTAMP, 1000001);
    check_read("1970-01-01T01:00:01+01:00", LEAT_TIMESTAMPTZ, 1000000);
    check_read("1969-12-31T23:59:59.999999Z", LEAT_TIMESTAMPTZ, -1);
    check_read("infinity", LEAT_TIMESTAMPTZ, LEAT_TIME_INFINITY);
    check_read("-infinity", LEAT_TIMESTAMPTZ, LEAT_TIME_MINUS_INFINITY);
    static const char *const none[] = {
        "",          "2023-02-29", "2024-13-01",           "2024-01-01T", "24:00:01",
        "12:00:00X", "1-1-1",      "2024-01-01T00:00:00+", "2024-01-01 x"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_false(leat_read_date(leat_str_of(none[i]), &v));
        assert_false(leat_read_time(leat_str_of(none[i]), &v));
        assert_false(leat_read_timestamp(leat_str_of(none[i]), &v));
    }
    assert_true(leat_read_interval(LEAT_STR("P1Y2M-3DT4H5M-6.78S"), &iv));
    assert_int_equal(iv.months, 14);
    assert_int_equal(iv.days, -3);
    assert_true(iv.us == INT64_C(14693220000));
    assert_false(leat_read_interval(LEAT_STR("P"), &iv));
    assert_false(leat_read_interval(LEAT_STR("P1S"), &iv));
    assert_false(leat_read_interval(LEAT_STR("P1"), &iv));
    assert_false(leat_read_interval(LEAT_STR("P999999999999Y"), &iv));
    assert_false(leat_read_interval(LEAT_STR("PT999999999999H"), &iv));
    assert_false(leat_read_interval(LEAT_STR("PT2562047788H1H"), &iv));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_date),      cmocka_unit_test(test_time),
        cmocka_unit_test(test_timestamp), cmocka_unit_test(test_interval),
        cmocka_unit_test(test_duration),  cmocka_unit_test(test_units),
        cmocka_unit_test(test_read),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
