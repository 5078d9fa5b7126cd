/* capture/dialect, source/query: URLs, patterns, offsets and partitions, fields. */
#include "../test.h"

#include "config/db_url.h"
#include "source/query/query.h"

static leat_str str(const char *z)
{
    return leat_str_of(z);
}

static void test_urls(void **state)
{
    static const struct {
        const char *url, *hosts, *path, *why;
        int64_t port;
    } cases[] = {
        {"jdbc:postgresql://h:5433/shop", "h", "shop", NULL, 5433},
        {"jdbc:postgresql://h/", "h", "", NULL, 0},
        {"jdbc:postgresql://h", "h", "", NULL, 0},
        {"jdbc:postgresql:shop", NULL, "shop", NULL, 0},
        {"jdbc:postgresql://a:1,b:1/x%20y?ssl=true", "a,b", "x y", NULL, 1},
        {"jdbc:postgresql://[::1]:5/x", "::1", "x", NULL, 5},
        {"jdbc:postgresql://[fe80::1%eth0]:5/x", "fe80::1%eth0", "x", NULL, 5},
        {"jdbc:postgresql://h:5,[%3A%3A1%25en0]:5/x", "h,::1%en0", "x", NULL, 5},
        {"jdbc:sqlite:/a/b.db?x=y", NULL, "/a/b.db", NULL, 0},
        {"jdbc:postgresql://a:1,b:2/x", NULL, NULL, "share one port", 0},
        {"jdbc:postgresql://a:x/x", NULL, NULL, "1 to 65535", 0},
        {"jdbc:postgresql://a/%zz", NULL, NULL, "hex digits", 0},
        {"jdbc:postgresql://a/%0", NULL, NULL, "hex digits", 0},
        {"jdbc:postgresql://a/%00", NULL, NULL, "hex digits", 0},
        {"jdbc:postgresql", NULL, NULL, "no kind", 0},
        {"postgresql://a/x", "a", "x", NULL, 0},
        {"postgresql://%2Frun%2Fpg:5/x", "/run/pg", "x", NULL, 5},
        {"postgresql://a%zz/x", NULL, NULL, "hex digits", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leat_arena a = {0};
        leat_db_url url;
        leat_err e;
        leat_rc rc = leat_db_url_read(cases[i].url, &a, &url, &e);
        assert_int_equal(rc, cases[i].why ? LEAT_CONF : LEAT_OK);
        if (cases[i].why) {
            assert_non_null(strstr(e.msg, cases[i].why));
        } else {
            assert_string_equal(url.path, cases[i].path);
            assert_int_equal(url.port, cases[i].port);
            assert_true(leat_str_eq(str(url.hosts), str(cases[i].hosts)));
        }
        leat_arena_free(&a);
    }
}

static void test_url_put_together(void **state)
{
    leat_buf b = {0};
    leat_arena a = {0};
    leat_db_url url;
    leat_err e;
    (void)state;
    leat_db_url_begin(&b, "postgresql", "h1, ::1,/run/pg", "5433", "a b/c?d%");
    leat_db_url_add(&b, "x", NULL);
    leat_db_url_add(&b, "y", "1&2=3");
    leat_db_url_add(&b, "z", "${env:Z}#");
    leat_buf_u8(&b, 0);
    assert_string_equal(b.p, "jdbc:postgresql://h1:5433,[%3A%3A1]:5433,%2Frun%2Fpg:5433/"
                             "a%20b%2Fc%3Fd%25?y=1%262%3D3&z=${env:Z}%23");
    assert_int_equal(leat_db_url_read(b.p, &a, &url, &e), LEAT_OK);
    assert_string_equal(url.hosts, "h1,::1,/run/pg");
    assert_int_equal(url.port, 5433);
    assert_string_equal(url.path, "a b/c?d%");
    assert_string_equal(leat_db_url_param(&url, "y"), "1&2=3");
    assert_string_equal(leat_db_url_param(&url, "z"), "${env:Z}#");
    leat_buf_clear(&b);
    leat_db_url_begin(&b, "mysql", "${env:HOST}", "${env:PORT}", NULL);
    leat_buf_u8(&b, 0);
    assert_string_equal(b.p, "jdbc:mysql://${env:HOST}:${env:PORT}/");
    leat_buf_free(&b);
    leat_arena_free(&a);
}

static void test_like(void **state)
{
    (void)state;
    assert_true(leat_dialect_like(str("shop"), "shop"));
    assert_true(leat_dialect_like(str("shop"), "s%p"));
    assert_true(leat_dialect_like(str("shop"), "____"));
    assert_true(leat_dialect_like(str("a_b"), "a\\_b"));
    assert_true(leat_dialect_like(str("g\xc3\xa4"), "g_"));
    assert_true(leat_dialect_like(str("aaab"), "%a%ab"));
    assert_true(leat_dialect_like(str(""), "%%"));
    assert_false(leat_dialect_like(str("axb"), "a\\_b"));
    assert_false(leat_dialect_like(str("shop"), "sho"));
    assert_false(leat_dialect_like(str("shop"), ""));
    assert_false(leat_dialect_like(str("Shop"), "shop"));
}

static void test_zones(void **state)
{
    static const struct {
        const char *zone;
        int64_t minutes;
        bool named;
    } cases[] = {
        {"UTC", 0, false},          {"+02:30", 150, false},     {"UTC-2", -120, false},
        {"GMT+1", 60, false},       {"Etc/GMT", 0, false},      {"Etc/GMT+5", -300, false},
        {"Etc/GMT-14", 840, false}, {"Etc/GMT0", 0, true},      {"Etc/GMT+UTC", 0, true},
        {"Etc/GMTUTC+1", 0, true},  {"Europe/Berlin", 0, true}, {"UTC+19", 0, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t us;
        assert_int_equal(leat_dialect_offset(cases[i].zone, &us), !cases[i].named);
        assert_int_equal(us, cases[i].minutes * 60000000);
    }
}

static void test_offsets(void **state)
{
    static const struct {
        const char *in, *out; /* NULL: refused */
    } cases[] = {
        {"{\"incrementing\":42}", "{\"incrementing\":42}"},
        {"{\"timestamp\":1709205255123,\"timestamp_nanos\":123456000}",
         "{\"timestamp_nanos\":123456000,\"timestamp\":1709205255123}"},
        {"{\"timestamp\":1709205255123}",
         "{\"timestamp_nanos\":123000000,\"timestamp\":1709205255123}"},
        {"{\"timestamp\":-1,\"timestamp_nanos\":999999999,\"incrementing\":-3}",
         "{\"timestamp_nanos\":999999000,\"incrementing\":-3,\"timestamp\":-1}"},
        {"{\"polls\":7}", "{\"polls\":7}"},
        {"{\"incrementing\":\"42\"}", NULL},
        {"{\"lsn\":1}", NULL},
        {"{\"timestamp_nanos\":1}", NULL},
        {"{\"timestamp\":1,\"timestamp_nanos\":1000000000}", NULL},
        {"{\"timestamp\":9223372036854775807}", NULL},
        {"[1]", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leat_query_offset o;
        leat_buf out = {0};
        leat_err e;
        leat_rc rc = leat_query_offset_read(str(cases[i].in), &o, &e);
        assert_int_equal(rc, cases[i].out ? LEAT_OK : LEAT_CONF);
        if (rc == LEAT_OK) leat_query_offset_write(&o, &out);
        if (rc == LEAT_OK) assert_true(leat_str_is(leat_buf_str(&out), cases[i].out));
        leat_buf_free(&out);
    }
}

/* Members in any order; the old form with the bare name only where there is no other. */
static void test_partitions(void **state)
{
    leat_position pos[] = {
        {str("{\"table\":\"t\"}"), str("{\"incrementing\":1}")},
        {str("{\"table\":\"public.t\",\"protocol\":\"1\"}"), str("{\"incrementing\":2}")},
        {str("{\"protocol\":\"1\",\"table\":\"public.u\"}"), {0}},
    };
    leat_arena a = {0};
    leat_query_conf c = {.mode = LEAT_QUERY_INCREMENTING};
    (void)state;
    leat_str t = leat_query_partition(&c, "public.t", &a);
    leat_str u = leat_query_partition(&c, "public.u", &a);
    assert_true(leat_str_is(t, "{\"protocol\":\"1\",\"table\":\"public.t\"}"));
    assert_ptr_equal(leat_query_position(pos, 3, t, "t"), &pos[1]);
    assert_ptr_equal(leat_query_position(pos, 1, t, "t"), &pos[0]);
    assert_null(leat_query_position(pos, 1, t, NULL));
    assert_null(leat_query_position(pos, 3, u, NULL));
    leat_arena_free(&a);
}

/* What numeric.mapping makes of a column and a value; NULL: the dead letters. */
static void test_numerics(void **state)
{
    static const struct {
        int64_t mapping;
        int32_t precision, scale;
        const char *value;
        int type; /* of the schema */
        const char *out;
    } cases[] = {
        {LEAT_QUERY_NONE, 8, 2, "3.5", LEAT_T_BYTES, "3.50"},
        {LEAT_QUERY_NONE, 8, 2, "-3", LEAT_T_BYTES, "-3.00"},
        {LEAT_QUERY_NONE, 0, 0, "3", LEAT_T_BYTES, "3"},
        {LEAT_QUERY_NONE, 0, 0, "3.00", LEAT_T_BYTES, "3"},
        {LEAT_QUERY_NONE, 0, 0, "3.5", LEAT_T_BYTES, NULL},
        {LEAT_QUERY_NONE, 8, 2, "NaN", LEAT_T_BYTES, NULL},
        {LEAT_QUERY_PRECISION_ONLY, 2, 0, "99", LEAT_T_INT8, "99"},
        {LEAT_QUERY_PRECISION_ONLY, 8, 2, "3.5", LEAT_T_BYTES, "3.50"},
        {LEAT_QUERY_BEST_FIT, 4, 0, "-999", LEAT_T_INT16, "-999"},
        {LEAT_QUERY_BEST_FIT, 9, 0, "7", LEAT_T_INT32, "7"},
        {LEAT_QUERY_BEST_FIT, 18, 0, "7", LEAT_T_INT64, "7"},
        {LEAT_QUERY_BEST_FIT, 19, 0, "7", LEAT_T_BYTES, "7"},
        {LEAT_QUERY_BEST_FIT, 8, 2, "3.5", LEAT_T_FLOAT64, "3.5"},
        {LEAT_QUERY_BEST_FIT, 20, 2, "3.5", LEAT_T_BYTES, "3.50"},
        {LEAT_QUERY_BEST_FIT_EAGER_DOUBLE, 20, 2, "3.5", LEAT_T_FLOAT64, "3.5"},
        {LEAT_QUERY_BEST_FIT, 2, 0, "300", LEAT_T_INT8, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leat_arena a = {0};
        leat_err e;
        leat_query_field f;
        const leat_query_conf c = {.numeric = cases[i].mapping};
        const leat_sql_column col = {.name = "n",
                                     .native = "numeric",
                                     .type = LEAT_SQL_NUMERIC,
                                     .precision = cases[i].precision,
                                     .scale = cases[i].scale};
        assert_true(leat_query_field_make(&c, &col, &a, &f));
        assert_int_equal(f.schema->type, cases[i].type);
        leat_value v = leat_text(str(cases[i].value));
        v.kind = LEAT_DECIMAL;
        leat_rc rc = f.fix(&f, &a, &v, &e);
        assert_int_equal(rc, cases[i].out ? LEAT_OK : LEAT_DATA);
        if (rc == LEAT_OK && v.kind == LEAT_DECIMAL)
            assert_true(leat_str_is(leat_value_str(&v), cases[i].out));
        int64_t whole = 0;
        if (rc == LEAT_OK && v.kind == LEAT_INT)
            assert_true(leat_str_i64(str(cases[i].out), &whole) && v.u.i == whole);
        if (rc == LEAT_OK && v.kind == LEAT_FLOAT) assert_true(v.u.f == 3.5);
        leat_arena_free(&a);
    }
}

/* Java's older classes count by the Julian calendar before 15 October 1582. */
static void test_old_days(void **state)
{
    static const int64_t days[][2] = {{19782, 19782}, {-141427, -141427}, {-171664, -171655}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        leat_arena a = {0};
        leat_query_field f;
        const leat_query_conf c = {0};
        const leat_sql_column col = {.name = "d", .native = "date", .type = LEAT_SQL_DATE};
        leat_value v = {.kind = LEAT_DATE, .u.i = days[i][0]};
        assert_true(leat_query_field_make(&c, &col, &a, &f));
        assert_int_equal(f.fix(&f, &a, &v, NULL), LEAT_OK);
        assert_int_equal(v.u.i, days[i][1]);
        leat_arena_free(&a);
    }
}

/* "told" forgets what the stream does not have, if it is ahead. */
static void test_looked(void **state)
{
    static const struct {
        const char *now, *to, *why;
    } cases[] = {
        {"{\"looks\":7,\"told\":2}", "{\"looks\":9,\"told\":2}", NULL},
        {"{\"looks\":7,\"told\":2}", "{\"looks\":0,\"told\":0}", NULL},
        {"{\"looks\":7,\"told\":2}", "{\"looks\":7,\"told\":3}", "than it is, 2"},
        {"{\"looks\":7,\"told\":2}", "{\"polls\":1}", "is no offset of looks"},
        {"{\"looks\":7,\"told\":2}", NULL, NULL},
        {NULL, "{\"looks\":7,\"told\":3}", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const leat_query_conf conf = {.mode = LEAT_QUERY_INCREMENTING};
        leat_position now = {.partition = LEAT_STR("{\"deletes\":\"t\"}")}, to = now, out;
        leat_arena a = {0};
        const char *note;
        leat_err e;
        if (cases[i].now) now.offset = str(cases[i].now);
        if (cases[i].to) to.offset = str(cases[i].to);
        leat_rc rc = leat_query_offset_check(&conf, now, to, &a, &out, &note, &e);
        assert_int_equal(rc, cases[i].why ? LEAT_CONF : LEAT_OK);
        if (cases[i].why) assert_non_null(strstr(e.msg, cases[i].why));
        leat_arena_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),       cmocka_unit_test(test_url_put_together),
        cmocka_unit_test(test_like),       cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_partitions), cmocka_unit_test(test_numerics),
        cmocka_unit_test(test_old_days),   cmocka_unit_test(test_looked),
        cmocka_unit_test(test_zones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
