/* Keys that differ for now, of a source whose rows have no versions: the delivery is the test's. */
#include "test.h"

#include "prove/verify/part.h"

enum { ROUNDS = 8 };

static leat_cover covers[ROUNDS]; /* of each round's view */
static unsigned at;               /* rounds that were begun */
static unsigned equal_at;         /* from this round on the target has what the source has */

leat_rc leat_verify_passed(leat_verify *v, const leat_view *view, leat_err *e)
{
    (void)v, (void)view, (void)e;
    at++;
    return LEAT_OK;
}

leat_rc leat_verify_behind(const leat_verify *v, const char *who, const char *what, leat_err *e)
{
    (void)v;
    return leat_fail(e, LEAT_RETRY, "verify.behind", who, "%s", what);
}

/* The topic gets nothing. */
leat_rc leat_verify_mark_take(leat_verify *v, leat_verify_mark *m, leat_err *e)
{
    (void)v, (void)e;
    m->next = 5;
    return LEAT_OK;
}

leat_cover leat_verify_mark_in(const leat_verify *v, const leat_verify_mark *m,
                               const leat_view *view)
{
    (void)v, (void)m, (void)view;
    return covers[at - 1];
}

leat_rc leat_verify_repair(leat_verify *v, const leat_verify_suspect *s, const leat_str *key,
                           bool *done, leat_err *e)
{
    (void)v, (void)s, (void)key, (void)done, (void)e;
    return LEAT_OK;
}

leat_rc leat_verify_mend(leat_verify *v, leat_err *e)
{
    (void)v, (void)e;
    return LEAT_OK;
}

static leat_rc begin(leat_compare_side *s, leat_arena *a, leat_view *view, const uint64_t **running,
                     size_t *nrunning, leat_err *e)
{
    (void)s, (void)a, (void)view, (void)e;
    *running = NULL;
    *nrunning = 0;
    return LEAT_OK;
}

static leat_rc end(leat_compare_side *s, leat_err *e)
{
    (void)s, (void)e;
    return LEAT_OK;
}

static void give(int64_t is, void (*fn)(void *arg, const leat_compare_row *row), void *arg)
{
    const leat_str key = LEAT_STR("7");
    fn(arg, &(leat_compare_row){.key = &key, .first = is, .second = is});
}

static leat_rc source_rows(leat_compare_side *s, const leat_compare_plan *p,
                           const leat_compare_range *r,
                           void (*fn)(void *arg, const leat_compare_row *row), void *arg,
                           leat_err *e)
{
    (void)s, (void)p, (void)r, (void)e;
    give(1, fn, arg);
    return LEAT_OK;
}

static leat_rc target_rows(leat_compare_side *s, const leat_compare_plan *p,
                           const leat_compare_range *r,
                           void (*fn)(void *arg, const leat_compare_row *row), void *arg,
                           leat_err *e)
{
    (void)s, (void)p, (void)r, (void)e;
    give(at >= equal_at ? 1 : 2, fn, arg);
    return LEAT_OK;
}

/* The row differs until a round: how many differences are told. */
static uint64_t told(unsigned until)
{
    leat_compare_side source = {.begin = begin, .end = end, .rows = source_rows};
    leat_compare_side target = {.begin = begin, .end = end, .rows = target_rows};
    const leat_compare_field id = {.name = "id"};
    const leat_verify_conf conf = {.wait_us = 60000000, .load = 100};
    leat_verify_suspect first = {.source = {.n = 1, .first = 1, .second = 1},
                                 .target = {.n = 1, .first = 2, .second = 2}};
    leat_verify v = {.conf = &conf,
                     .source = &source,
                     .target = &target,
                     .splan = {.fields = &id, .n = 1, .nkey = 1},
                     .suspects = &first,
                     .cap = 1};
    leat_err e;
    const leat_str key = LEAT_STR("7");
    at = 0;
    equal_at = until;
    leat_keyset_put(&v.keys, leat_verify_key_put(&v, &key));
    assert_int_equal(leat_verify_settle(&v, &e), LEAT_OK);
    leat_keyset_free(&v.keys);
    leat_buf_free(&v.key);
    leat_buf_free(&v.view_text);
    leat_arena_free(&v.scratch);
    return v.told.differences;
}

static void all_rounds(leat_cover is)
{
    for (int i = 0; i < ROUNDS; i++) covers[i] = is;
}

static void a_quiet_topic_proves_it(void **state)
{
    (void)state;
    all_rounds(LEAT_COVER_ALL);
    assert_int_equal(told(2), 0);
    assert_int_equal(told(3), 1);
}

/* Without GTIDs nobody knows what a view has: only what stays for long is a difference. */
static void an_unknown_view_proves_nothing(void **state)
{
    (void)state;
    all_rounds(LEAT_COVER_UNKNOWN);
    assert_int_equal(told(3), 0);
    assert_int_equal(told(6), 0);
    assert_int_equal(told(ROUNDS + 1), 1);
}

/* What came before a view that lacks it is not known to be seen in the next round. */
static void a_round_that_lacks_something_breaks_the_quiet(void **state)
{
    (void)state;
    all_rounds(LEAT_COVER_ALL);
    covers[1] = LEAT_COVER_LACKS;
    assert_int_equal(told(4), 0);
    assert_int_equal(told(5), 1);
    covers[1] = LEAT_COVER_UNKNOWN;
    assert_int_equal(told(4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_topic_proves_it),
        cmocka_unit_test(an_unknown_view_proves_nothing),
        cmocka_unit_test(a_round_that_lacks_something_breaks_the_quiet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
