/* What is pure in PostgreSQL's chunks: views, and the conditions of ranges. */
#include "../test.h"

#include "source/postgres/ranges.h"
#include "source/postgres/view.h"
#include "source/postgres/walframe.h"
#include "system/postgres/quote.h"

/* ---- views ---- */

/* received: of a standby, or NULL. */
static leat_view view_of(leat_arena *a, const char *snapshot, const char *end, const char *received)
{
    leat_view view;
    leat_err e = {0};
    leat_str cols[LEAT_PG_VIEW_COLS] = {leat_str_of(snapshot), leat_str_of(end),
                                        leat_str_of(received ? "t" : "f"), leat_str_of(received)};
    if (leat_pg_view_new(cols, received ? 0x3000 : 0, a, &view, &e) != LEAT_OK)
        fail_msg("%s", e.msg);
    return view;
}

static void contains_what_had_ended(const leat_view *view)
{
    assert_true(leat_pg_view_contains(view, 9));
    assert_false(leat_pg_view_contains(view, 10));
    assert_true(leat_pg_view_contains(view, 11));
    assert_false(leat_pg_view_contains(view, 14));
    assert_true(leat_pg_view_contains(view, 15));
    assert_true(leat_pg_view_contains(view, 18));
    assert_false(leat_pg_view_contains(view, 19));
    assert_false(leat_pg_view_contains(view, 20));
    assert_false(leat_pg_view_contains(view, UINT64_C(1) << 32));
    assert_false(leat_pg_view_contains(view, 0));
}

static void a_view_contains_what_had_ended(void **state)
{
    (void)state;
    leat_arena a = {0};
    leat_view view = view_of(&a, "10:20:10,14,19", "0/16B3748", NULL), again;
    contains_what_had_ended(&view);
    assert_int_equal(leat_pg_view_read(view.text, &a, &again, NULL), LEAT_OK);
    contains_what_had_ended(&again);
    assert_true(leat_str_eq(again.text, view.text));
    leat_view none = view_of(&a, "10:10:", "0/1", NULL);
    assert_true(leat_pg_view_contains(&none, 9));
    assert_false(leat_pg_view_contains(&none, 10));
    leat_arena_free(&a);
}

static void a_standbys_view_contains_what_is_older_than_all(void **state)
{
    (void)state;
    leat_arena a = {0};
    leat_view view = view_of(&a, "10:20:", "0/16B3748", "0/16B3748");
    assert_true(leat_pg_view_contains(&view, 9));
    assert_false(leat_pg_view_contains(&view, 10));
    assert_false(leat_pg_view_contains(&view, 15));
    leat_arena_free(&a);
}

static leat_cover covers(const leat_view *view, const char *offset)
{
    return leat_pg_view_covers(view, (leat_position){.offset = leat_str_of(offset)});
}

/* What it had replayed before is in it, whoever runs; a primary's says nothing by places. */
static void a_standbys_view_covers_what_was_replayed(void **state)
{
    (void)state;
    leat_arena a = {0};
    leat_view view = view_of(&a, "10:20:", "0/4000", "0/4000"), again;
    assert_int_equal(covers(&view, "{\"lsn\":12288}"), LEAT_COVER_ALL);
    assert_int_equal(covers(&view, "{\"lsn\":12289}"), LEAT_COVER_LACKS);
    assert_int_equal(leat_pg_view_covers(&view, (leat_position){0}), LEAT_COVER_UNKNOWN);
    assert_int_equal(leat_pg_view_read(view.text, &a, &again, NULL), LEAT_OK);
    assert_int_equal(covers(&again, "{\"lsn\":12288}"), LEAT_COVER_LACKS);
    leat_view primary = view_of(&a, "10:20:", "0/4000", NULL);
    assert_int_equal(covers(&primary, "{\"lsn\":12288}"), LEAT_COVER_UNKNOWN);
    leat_arena_free(&a);
}

static bool passed(const leat_view *view, const char *offset)
{
    return leat_pg_view_passed(view, (leat_position){.offset = leat_str_of(offset)});
}

static void a_view_is_passed_at_its_end(void **state)
{
    (void)state;
    leat_arena a = {0};
    leat_view view = view_of(&a, "10:20:", "0/3E8", NULL);
    assert_false(passed(&view, "{\"lsn\":999}"));
    assert_true(passed(&view, "{\"lsn\":1000}"));
    assert_true(passed(&view, "{\"lsn\":1001}"));
    assert_false(leat_pg_view_passed(&view, (leat_position){0}));
    /* Behind a page's header nothing is written yet: the last record ended before it. */
    leat_view page = view_of(&a, "10:20:", "0/4018", NULL);
    assert_true(passed(&page, "{\"lsn\":16384}"));
    assert_false(passed(&page, "{\"lsn\":16383}"));
    /* A standby that has more to replay may replay a commit just now that is seen already. */
    leat_view idle = view_of(&a, "10:20:", "0/3E8", "0/3E8");
    assert_true(passed(&idle, "{\"lsn\":1000}"));
    leat_view replays = view_of(&a, "10:20:", "0/3E8", "0/9000");
    assert_false(passed(&replays, "{\"lsn\":1000}"));
    assert_true(passed(&replays, "{\"lsn\":1001}"));
    leat_view archive = view_of(&a, "10:20:", "0/3E8", "");
    assert_false(passed(&archive, "{\"lsn\":1000}"));
    leat_arena_free(&a);
}

static void what_is_no_view_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "{}",
                                      "[]",
                                      "{\"snapshot\":\"10:20\",\"end\":\"0/1\"}",
                                      "{\"snapshot\":\"10:20:\",\"end\":\"1\"}",
                                      "{\"snapshot\":\"20:10:\",\"end\":\"0/1\"}",
                                      "{\"snapshot\":\"10:20:14,12\",\"end\":\"0/1\"}",
                                      "{\"snapshot\":\"10:20:20\",\"end\":\"0/1\"}",
                                      "{\"snapshot\":\"10:20:9\",\"end\":\"0/1\"}",
                                      "{\"snapshot\":\"10:20:x\",\"end\":\"0/1\"}",
                                      "{\"snapshot\":\"0:20:\",\"end\":\"0/1\"}"};
    leat_arena a = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        leat_view view;
        leat_err e = {0};
        leat_rc rc = leat_pg_view_read(leat_str_of(bad[i]), &a, &view, &e);
        if (!leat_rc_failed(rc)) fail_msg("%s", bad[i]);
    }
    leat_arena_free(&a);
}

/* ---- conditions ---- */

static const char *const one_name[] = {"id"}, *const one_type[] = {"integer"};
static const leat_pg_identity one = {1, one_name, one_type, "1 int"};
static const char *const two_names[] = {"a", "B b"}, *const two_types[] = {"text", "\"S\".mood"};
static const leat_pg_identity two = {2, two_names, two_types, "1 text 100, 2 \"S\".mood"};

static void is(const leat_pg_identity *id, const leat_range *range, const char *want)
{
    leat_buf sql = {0};
    leat_err e = {0};
    if (leat_pg_range_put(&sql, id, range, &e) != LEAT_OK) fail_msg("%s", e.msg);
    leat_buf_u8(&sql, 0);
    assert_string_equal(sql.p, want);
    leat_buf_free(&sql);
}

static void is_refused(const leat_pg_identity *id, const leat_range *range)
{
    leat_buf sql = {0};
    leat_err e = {0};
    assert_int_equal(leat_pg_range_put(&sql, id, range, &e), LEAT_DATA);
    assert_string_equal(e.code, "postgres.identity_changed");
    leat_buf_free(&sql);
}

static void ranges_compare_rows(void **state)
{
    (void)state;
    leat_str five = LEAT_STR("[\"1 int\",\"5\"]"), nine = LEAT_STR("[\"1 int\",\"9\"]");
    is(&one, &(leat_range){.from = five}, "\"id\" >= '5'::integer");
    is(&one, &(leat_range){.to = nine}, "\"id\" < '9'::integer");
    is(&one, &(leat_range){.from = five, .to = nine},
       "\"id\" >= '5'::integer AND \"id\" < '9'::integer");
    is(&one, &(leat_range){0}, "TRUE");
    is(NULL, &(leat_range){0}, "TRUE");
    leat_str b = LEAT_STR("[\"1 text 100, 2 \\\"S\\\".mood\",\"it's\",\"ok\"]");
    is(&two, &(leat_range){.from = b}, "(\"a\", \"B b\") >= ('it''s'::text, 'ok'::\"S\".mood)");
}

static void ranges_of_another_identity_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[\"1 text\",\"5\"]", "[\"1 int\"]", "[\"1 int\",\"5\",\"6\"]", "[\"1 int\",5]", "5", "",
        "{\"1 int\":\"5\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        is_refused(&one, &(leat_range){.from = leat_str_of(bad[i])});
        is_refused(&one, &(leat_range){.to = leat_str_of(bad[i])});
    }
    is_refused(NULL, &(leat_range){.from = LEAT_STR("[\"1 int\",\"5\"]")});
}

static void keys_are_literals(void **state)
{
    (void)state;
    static const leat_interval interval = {-1, 3, -1500000};
    static const char *const names[] = {"k"};
    const struct {
        leat_value v;
        const char *type, *want;
    } cases[] = {
        {leat_int(-5), "bigint", "'-5'::bigint"},
        {leat_bool(true), "boolean", "'t'::boolean"},
        {leat_text(LEAT_STR("a'b\\")), "text", "E'a''b\\\\'::text"},
        {leat_bytes(LEAT_STR("\001\377")), "bytea", "E'\\\\x01ff'::bytea"},
        {leat_float(0.1), "double precision", "'0.10000000000000001'::double precision"},
        {{.kind = LEAT_DECIMAL, .scale = 2, .len = 4, .u.s = "1.50"}, "numeric", "'1.50'::numeric"},
        {{.kind = LEAT_DATE, .u.i = -3}, "date", "('1970-01-01'::date + '-3'::pg_catalog.int4)"},
        {{.kind = LEAT_DATE, .u.i = LEAT_TIME_INFINITY}, "date", "'infinity'::date"},
        {{.kind = LEAT_TIME, .u.i = INT64_C(86400000000)}, "time", "'24:00:00.000000'::time"},
        {{.kind = LEAT_TIMETZ, .zone = -12345, .u.i = 1},
         "timetz",
         "'00:00:00.000001-03:25:45'::timetz"},
        {{.kind = LEAT_TIMESTAMP, .u.i = -1},
         "timestamp",
         "('1970-01-01'::timestamp + '0 days'::pg_catalog.interval +"
         " '-1 microseconds'::pg_catalog.interval)"},
        {{.kind = LEAT_INTERVAL, .u.interval = &interval},
         "interval",
         "'-1 mons 3 days -0:00:01.500000'::interval"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leat_pg_identity id = {1, names, &cases[i].type, ""};
        char want[256];
        snprintf(want, sizeof want, "\"k\" IN (%s)", cases[i].want);
        is(&id, &(leat_range){.keys = &cases[i].v, .nkeys = 1, .nid = 1}, want);
    }
    leat_value keys[] = {leat_text(LEAT_STR("x")), leat_text(LEAT_STR("ok")),
                         leat_text(LEAT_STR("y")), leat_text(LEAT_STR("sad"))};
    is(&two, &(leat_range){.keys = keys, .nkeys = 2, .nid = 2},
       "(\"a\", \"B b\") IN (('x'::text, 'ok'::\"S\".mood), ('y'::text, 'sad'::\"S\".mood))");
    is_refused(&two, &(leat_range){.keys = keys, .nkeys = 4, .nid = 1});
    leat_value list = {.kind = LEAT_LIST};
    is_refused(&one, &(leat_range){.keys = &list, .nkeys = 1, .nid = 1});
}

static void conditions_are_whole(void **state)
{
    (void)state;
    static const char *const whole[] = {
        "",
        "id > 5",
        "(a = 1) OR b IN (2, 3) -- and so on",
        "v = ')' AND w = 'it''s (' AND \"odd\"\"(\" = 1",
        "v = E'\\')' AND te = E'\\\\' AND date'2020-01-01' < d",
        "v = '\\' AND (w)",
        "v = $$)$$ AND w = $x_1$ $$ ) $x_1$ AND a$b = 1 AND $1 = 2",
        "/* ( /* ; */ ) */ true",
        "a[1] = 2 AND b - -1 = c / 2 * 3",
    };
    static const char *const others[] = {
        "id < 5) OR (id > 2", "true)",       "(true",
        "true; DROP TABLE a", "v = 'x",      "v = \"x",
        "v = $$x$",           "v = $a$x$b$", "/* /* */ true",
        "v = E'\\'",          "((a) = (b)",  "a = '')",
    };
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (!leat_pg_is_whole(leat_str_of(whole[i]))) fail_msg("not whole: %s", whole[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (leat_pg_is_whole(leat_str_of(others[i]))) fail_msg("whole: %s", others[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_view_contains_what_had_ended),
        cmocka_unit_test(a_standbys_view_contains_what_is_older_than_all),
        cmocka_unit_test(a_standbys_view_covers_what_was_replayed),
        cmocka_unit_test(a_view_is_passed_at_its_end),
        cmocka_unit_test(what_is_no_view_is_refused),
        cmocka_unit_test(ranges_compare_rows),
        cmocka_unit_test(ranges_of_another_identity_are_refused),
        cmocka_unit_test(keys_are_literals),
        cmocka_unit_test(conditions_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
