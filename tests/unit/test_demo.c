/* What `leat demo` shows: lines for a person, and the distribution of lags. */
#include "../test.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "cli/demo.h"
#include "sample.h"

enum { COMMITTED_US = 1000000 * 60 + 123456 };

typedef struct fixture {
    leat_batch b;
    leat_table *t;
    leat_demo_style style;
    leat_buf out;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    setenv("TZ", "UTC", 1);
    tzset();
    leat_batch_init(&f->b, 0, 0);
    f->t = sample_customers(sample_origin(), 0);
    leat_table_seal(f->t);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    leat_batch_free(&f->b);
    leat_table_unpin(f->t);
    leat_buf_free(&f->out);
    leat_buf_free(&f->style.text);
    free(f);
    return 0;
}

static leat_event *add(fixture *f, leat_op op, leat_value *before, leat_value *after)
{
    leat_event *ev = leat_batch_add(&f->b, f->t);
    ev->op = (uint8_t)op;
    ev->before = before;
    ev->after = after;
    ev->ts_us = COMMITTED_US;
    return ev;
}

static leat_value *row(fixture *f, const char *first, const char *email)
{
    return sample_row(&f->b, 7, first, "Berg", email);
}

static const char *line(fixture *f, const leat_event *ev)
{
    leat_buf_clear(&f->out);
    leat_demo_line(&f->style, ev, &f->out);
    leat_buf_u8(&f->out, 0);
    return f->out.p;
}

static void test_rows(void **state)
{
    fixture *f = *state;
    assert_string_equal(
        line(f, add(f, LEAT_OP_CREATE, NULL, row(f, "Ada", NULL))),
        "00:01:00.123 c crud.public.customers id=7 first_name=Ada last_name=Berg\n");
    assert_string_equal(line(f, add(f, LEAT_OP_DELETE, row(f, "Ada Eve", ""), NULL)),
                        "00:01:00.123 d crud.public.customers id=7 first_name=\"Ada Eve\" "
                        "last_name=Berg email=\"\"\n");
    leat_event *ev = add(f, LEAT_OP_DELETE, row(f, "", ""), NULL);
    ev->flags = LEAT_EV_OLD_KEY_ONLY;
    assert_string_equal(line(f, ev), "00:01:00.123 d crud.public.customers id=7\n");
    assert_string_equal(line(f, add(f, LEAT_OP_TRUNCATE, NULL, NULL)),
                        "00:01:00.123 t crud.public.customers      (all rows)\n");
}

static void test_updates(void **state)
{
    fixture *f = *state;
    leat_value *after = row(f, "Eve", "e@x");
    assert_string_equal(
        line(f, add(f, LEAT_OP_UPDATE, row(f, "Ada", NULL), after)),
        "00:01:00.123 u crud.public.customers id=7 first_name: Ada -> Eve, email: null -> e@x\n");
    after = row(f, "Ada", "");
    after[3] = leat_absent(); /* unchanged TOAST */
    assert_string_equal(line(f, add(f, LEAT_OP_UPDATE, row(f, "Ada", "old"), after)),
                        "00:01:00.123 u crud.public.customers id=7 (nothing differs)\n");
    assert_string_equal(
        line(f, add(f, LEAT_OP_UPDATE, NULL, after)),
        "00:01:00.123 u crud.public.customers id=7 first_name=Ada last_name=Berg\n");
}

static void test_one_time_a_transaction(void **state)
{
    fixture *f = *state;
    leat_event *one = add(f, LEAT_OP_TRUNCATE, NULL, NULL);
    one->tx = 700;
    assert_memory_equal(line(f, one), "00:01:00.123 t ", 15);
    leat_event *two = add(f, LEAT_OP_TRUNCATE, NULL, NULL);
    two->tx = 700;
    assert_memory_equal(line(f, two), "             t ", 15);
    leat_event *three = add(f, LEAT_OP_TRUNCATE, NULL, NULL);
    three->tx = 701;
    assert_memory_equal(line(f, three), "00:01:00.123 t ", 15);
}

/* What a terminal would obey never reaches it. */
static void test_control_characters(void **state)
{
    fixture *f = *state;
    const char *evil = "a\033[2Jb\rc\177d\302\233e\nf\303\251";
    assert_string_equal(
        line(f, add(f, LEAT_OP_CREATE, NULL, row(f, evil, NULL))),
        "00:01:00.123 c crud.public.customers id=7 first_name=a [2Jb c d e f\303\251 "
        "last_name=Berg\n");
}

static void test_width(void **state)
{
    fixture *f = *state;
    f->style.width = 60;
    assert_string_equal(line(f, add(f, LEAT_OP_CREATE, NULL, row(f, "\303\211va Maria", NULL))),
                        "00:01:00.123 c crud.public.customers id=7 first_name=\"\303\211va Ma\n");
    f->style.width = 0;
    char text[] = "0123456789012345678901234567890123456789012345678901234567890";
    assert_non_null(strstr(line(f, add(f, LEAT_OP_CREATE, NULL, row(f, text, NULL))),
                           "first_name=012345678901234567890123456789012345678901234567.. "));
    f->style.width = 60;
    f->style.colour = true;
    assert_string_equal(line(f, add(f, LEAT_OP_CREATE, NULL, row(f, "Ada", NULL))),
                        "\033[2m00:01:00.123\033[0m \033[32mc crud.public.customers \033[0mid=7 "
                        "first_name=Ada las\n");
}

static void test_values(void **state)
{
    fixture *f = *state;
    leat_interval year = {.months = 12, .days = 3, .us = 4000000};
    const leat_value list[] = {leat_int(1), leat_null()};
    const struct {
        leat_value v;
        const char *text;
    } rows[] = {
        {leat_bool(true), "true"},
        {leat_float(1.5), "1.5"},
        {{.kind = LEAT_DECIMAL, .scale = 2, .len = 6, .u.s = "-12.50"}, "-12.50"},
        {leat_bytes(LEAT_STR("xyz")), "<3 bytes>"},
        {{.kind = LEAT_DATE, .u.i = 19782}, "2024-02-29"},
        {{.kind = LEAT_DATE, .u.i = LEAT_TIME_INFINITY}, "infinity"},
        {{.kind = LEAT_TIME, .u.i = 45296789000}, "12:34:56.789"},
        {{.kind = LEAT_TIMESTAMP, .unit = LEAT_MS, .u.i = 1500}, "1970-01-01T00:00:01.500Z"},
        {{.kind = LEAT_TIMESTAMPTZ, .u.i = 1500000}, "1970-01-01T00:00:01.500Z"},
        {{.kind = LEAT_INTERVAL, .u.interval = &year}, "12mo3d4s"},
        {{.kind = LEAT_LIST, .len = 2, .u.list = list}, "<list>"}, /* of no schema */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        leat_value *after = row(f, "Ada", NULL);
        after[3] = rows[i].v;
        const char *got = line(f, add(f, LEAT_OP_CREATE, NULL, after));
        const char *email = strstr(got, "email=");
        assert_non_null(email);
        assert_memory_equal(email + 6, rows[i].text, strlen(rows[i].text));
        assert_int_equal(email[6 + strlen(rows[i].text)], '\n');
    }
}

static void test_lags(void **state)
{
    (void)state;
    leat_demo_lags lags = {0};
    assert_true(isnan(leat_demo_lag_ms(&lags, 0.5)));
    for (int64_t us = 1; us <= 100000; us++) leat_demo_lag_add(&lags, us);
    assert_true(fabs(leat_demo_lag_ms(&lags, 0.5) - 50) < 50 * 0.03);
    assert_true(fabs(leat_demo_lag_ms(&lags, 0.99) - 99) < 99 * 0.03);
    lags = (leat_demo_lags){0};
    leat_demo_lag_add(&lags, -5);
    leat_demo_lag_add(&lags, 31);
    leat_demo_lag_add(&lags, INT64_MAX);
    assert_true(leat_demo_lag_ms(&lags, 0.01) == 0);
    assert_true(leat_demo_lag_ms(&lags, 0.5) == 0.031);
    assert_true(leat_demo_lag_ms(&lags, 1) > 1e6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_updates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_time_a_transaction, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_control_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_width, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_values, set_up, tear_down),
        cmocka_unit_test(test_lags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
