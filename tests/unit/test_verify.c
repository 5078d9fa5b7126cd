/* Corrective changes of `leat verify`, with a target of the test's own. */
#include "test.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_was_removed_is_read_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
