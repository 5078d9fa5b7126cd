/* Corrective changes of `leat verify`, and what views cover, with sides of the test's own. */
#include "test.h"

#include "base/json.h"
#include "prove/verify/part.h"

static bool removes; /* the target still has the row as it was seen */

static leat_rc remove_row(leat_compare_side *s, const leat_compare_plan *p,
                          const leat_compare_row *row, bool *done, leat_err *e)
{
    (void)s;
    (void)p;
    (void)row;
    (void)e;
    *done = removes;
    return LEAT_OK;
}

/* Repairs one key; what is then to be read again at the source. */
static void repair(uint64_t source, uint64_t target, bool done, const char *read)
{
    leat_compare_side side = {.remove = remove_row};
    leat_verify v = {.source = &side, .target = &side, .splan = {.nkey = 2}};
    leat_verify_suspect s = {.source.n = source, .target.n = target};
    const leat_str key[] = {LEAT_STR("7"), LEAT_STR("it's")};
    bool repaired = !done;
    leat_err e;
    assert_int_equal(leat_verify_repair(&v, &s, key, &repaired, &e), LEAT_OK);
    assert_int_equal(repaired, done);
    leat_buf_u8(&v.mend, 0);
    assert_string_equal(v.mend.p, read);
    leat_buf_free(&v.mend);
}

/* The source may have inserted a row again that was judged as too much; the sink wrote it, and then
 * it was removed as what it had been. */
static void test_what_was_removed_is_read_again(void **state)
{
    (void)state;
    removes = true;
    repair(0, 1, true, "('7','it''s')");
    repair(1, 2, true, "('7','it''s')");
    removes = false;
    repair(0, 1, false, "");
    repair(1, 0, true, "('7','it''s')");
    repair(1, 1, true, "('7','it''s')");
}

static leat_rc refuse(leat_compare_side *s, leat_arena *a, leat_view *view,
                      const uint64_t **running, size_t *nrunning, leat_err *e)
{
    (void)s, (void)a, (void)view, (void)running, (void)nrunning;
    return leat_fail(e, LEAT_RETRY, "test.refused", "", "no");
}

/* A table that ends early has told what it corrects, and may have removed rows. */
static void test_what_was_told_is_sent_at_every_end(void **state)
{
    (void)state;
    leat_compare_side side = {.begin = refuse, .quote = '"'};
    const leat_compare_field key[] = {{.name = "id"}};
    const leat_verify_conf conf = {.data = "/nonexistent", .load = 100};
    leat_verify v = {.conf = &conf,
                     .source = &side,
                     .target = &side,
                     .source_name = "shop",
                     .splan = {.fields = key, .n = 1, .nkey = 1}};
    leat_err e;
    v.told.source = "s.t";
    leat_buf_str_z(&v.mend, "('7')");
    assert_int_equal(leat_verify_table_run(&v, 1, &e), LEAT_RETRY);
    assert_string_equal(e.code, "test.refused");
    assert_int_equal(v.mend.len, 0);
    leat_buf_free(&v.mend);
    leat_buf_free(&v.view_text);
    leat_arena_free(&v.scratch);
    leat_arena_free(&v.view_arena);
}

static leat_cover covers(const leat_view *view, leat_position pos)
{
    (void)view;
    if (strstr(pos.offset.s, "lacks")) return LEAT_COVER_LACKS;
    return strstr(pos.offset.s, "all") ? LEAT_COVER_ALL : LEAT_COVER_UNKNOWN;
}

static leat_cover cover_of(const char *offsets)
{
    const leat_source_chunks chunks = {.covers = covers};
    const leat_source source = {.chunks = &chunks};
    const leat_verify v = {.source_setup.source = &source};
    leat_verify_mark m = {0};
    const leat_view view = {0};
    assert_int_equal(leat_json_parse(&m.arena, leat_str_of(offsets), &m.offsets, NULL), LEAT_OK);
    leat_cover got = leat_verify_mark_in(&v, &m, &view);
    leat_arena_free(&m.arena);
    return got;
}

#define AT(what) "{\"partition\":{},\"offset\":{\"is\":\"" what "\"}}"

/* Of several partitions the one that is known least decides. */
static void test_what_a_view_covers(void **state)
{
    (void)state;
    assert_int_equal(cover_of("{\"offsets\":[]}"), LEAT_COVER_ALL);
    assert_int_equal(cover_of("{\"offsets\":[" AT("all") "]}"), LEAT_COVER_ALL);
    assert_int_equal(cover_of("{\"offsets\":[" AT("?") "," AT("all") "]}"), LEAT_COVER_UNKNOWN);
    assert_int_equal(cover_of("{\"offsets\":[" AT("all") "," AT("?") "]}"), LEAT_COVER_UNKNOWN);
    assert_int_equal(cover_of("{\"offsets\":[" AT("?") "," AT("lacks") "," AT("all") "]}"),
                     LEAT_COVER_LACKS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_removed_is_read_again),
        cmocka_unit_test(test_what_was_told_is_sent_at_every_end),
        cmocka_unit_test(test_what_a_view_covers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
