/* A snapshot's ledger: pieces and keys, what comes next, and the stored form. */
#include "../test.h"

#include <stdio.h>

#include "capture/ledger.h"
#include "event/wire.h"

static const leat_snap_table big = {.name = "public.big", .keyed = true};
static const leat_snap_table other = {.name = "public.other", .keyed = true};
static const leat_snap_table first = {.name = "public.first", .keyed = true, .priority = 1};
static const leat_snap_table bare = {.name = "public.bare"};

static leat_str text(leat_ledger *l, leat_buf *out)
{
    leat_jw w = {.out = out};
    leat_buf_clear(out);
    leat_ledger_write(l, &w, NULL);
    return leat_buf_str(out);
}

static leat_rc load(leat_ledger *l, leat_str stored, leat_err *e)
{
    leat_arena a = {0};
    const leat_json *j;
    assert_int_equal(leat_json_parse(&a, stored, &j, e), LEAT_OK);
    leat_rc rc = leat_ledger_load(l, j, e);
    leat_arena_free(&a);
    return rc;
}

static leat_job next(leat_ledger *l, leat_job_kind kind)
{
    leat_job job;
    assert_true(leat_ledger_next(l, true, false, &job));
    assert_int_equal(job.kind, kind);
    return job;
}

/* Cuts the whole into n pieces: "1", "2" ... */
static void cut(leat_ledger *l, unsigned n)
{
    char texts[1024][16];
    leat_str bounds[1024];
    leat_job job = next(l, LEAT_JOB_CUT);
    for (unsigned i = 0; i + 1 < n; i++) {
        snprintf(texts[i], sizeof texts[i], "%u", i + 1);
        bounds[i] = leat_str_of(texts[i]);
    }
    leat_job_cut(l, &job, bounds, n - 1, 1024, false);
}

static void test_ranges_stay_few(void **state)
{
    (void)state;
    leat_ledger l;
    leat_buf out = {0};
    leat_arena a = {0};
    leat_ledger_init(&l);
    leat_ledger_add(&l, &big);
    cut(&l, 1000);
    leat_job late = next(&l, LEAT_JOB_READ);
    assert_null(leat_job_range(&late, &a).from.s);
    for (unsigned i = 1; i < 1000; i++) {
        leat_job job = next(&l, LEAT_JOB_READ);
        leat_job_done(&l, &job, 10);
    }
    text(&l, &out);
    leat_buf_u8(&out, 0);
    assert_string_equal(out.p,
                        "[{\"table\":\"public.big\",\"rows\":9990,\"done\":[[\"1\",null]]}]");
    assert_false(leat_ledger_done(&l));
    leat_job_done(&l, &late, 10);
    assert_true(leat_ledger_done(&l));
    text(&l, &out);
    leat_buf_u8(&out, 0);
    assert_string_equal(out.p, "[{\"table\":\"public.big\",\"rows\":10000,\"state\":\"done\"}]");
    leat_arena_free(&a);
    leat_buf_free(&out);
    leat_ledger_free(&l);
}

static void test_what_is_stored_comes_back(void **state)
{
    (void)state;
    static const char *const stored[] = {
        "[{\"table\":\"public.big\",\"rows\":7,\"done\":[[null,\"b\"],[\"d\",\"e\"]],"
        "\"keys\":[\"41\",\"42\"]}]",
        "[{\"table\":\"public.bare\",\"rows\":3,\"state\":\"done\",\"view\":{\"xmin\":5}}]",
        "[{\"table\":\"public.big\",\"where\":\"x > '3'\",\"rows\":0,\"done\":[[\"b\",null]]}]",
    };
    for (size_t i = 0; i < sizeof stored / sizeof *stored; i++) {
        leat_ledger l;
        leat_err e = {0};
        leat_buf out = {0};
        leat_ledger_init(&l);
        assert_int_equal(load(&l, leat_str_of(stored[i]), &e), LEAT_OK);
        text(&l, &out);
        leat_buf_u8(&out, 0);
        assert_string_equal(out.p, stored[i]);
        leat_buf_free(&out);
        leat_ledger_free(&l);
    }
}

static void test_gaps_are_read(void **state)
{
    (void)state;
    leat_ledger l;
    leat_err e = {0};
    leat_arena a = {0};
    static const char *const gaps[][2] = {{"b", "d"}, {"e", NULL}};
    leat_ledger_init(&l);
    assert_int_equal(load(&l,
                          LEAT_STR("[{\"table\":\"public.big\",\"rows\":7,\"done\":[[null,\"b\"]"
                                   ",[\"d\",\"e\"]]}]"),
                          &e),
                     LEAT_OK);
    leat_ledger_add(&l, &big);
    for (unsigned i = 0; i < 2; i++) {
        leat_job job = next(&l, LEAT_JOB_CUT);
        leat_range range = leat_job_range(&job, &a);
        assert_true(leat_str_is(range.from, gaps[i][0]));
        assert_true(gaps[i][1] ? leat_str_is(range.to, gaps[i][1]) : !range.to.s);
    }
    leat_job none;
    assert_false(leat_ledger_next(&l, true, false, &none));
    leat_arena_free(&a);
    leat_ledger_free(&l);
}

static void test_bad_progress_is_refused(void **state)
{
    (void)state;
    static const char *const stored[] = {
        "[{}]",
        "[{\"table\":\"t\",\"done\":[[null]]}]",
        "[{\"table\":\"t\",\"done\":[[null,null],[\"a\",null]]}]",
        "[{\"table\":\"t\",\"done\":[[null,\"a\"],[null,\"b\"]]}]",
        "[{\"table\":\"t\",\"done\":[[1,2]]}]",
        "[{\"table\":\"t\",\"keys\":[\"4\"]}]",
    };
    for (size_t i = 0; i < sizeof stored / sizeof *stored; i++) {
        leat_ledger l;
        leat_err e = {0};
        leat_ledger_init(&l);
        assert_int_equal(load(&l, leat_str_of(stored[i]), &e), LEAT_CONF);
        assert_string_equal(e.code, "snapshot.progress");
        leat_ledger_free(&l);
    }
}

static void test_order(void **state)
{
    (void)state;
    leat_ledger l;
    leat_job job;
    leat_ledger_init(&l);
    leat_ledger_add(&l, &big);
    leat_ledger_add(&l, &other);
    leat_ledger_add(&l, &bare);
    leat_ledger_add(&l, &first);
    assert_true(leat_ledger_next(&l, false, true, &job)); /* without identity: as it is */
    assert_ptr_equal(job.t->table, &bare);
    assert_int_equal(job.kind, LEAT_JOB_READ);
    assert_false(leat_ledger_next(&l, false, true, &job));
    assert_true(leat_ledger_bare(&l));
    leat_job_back(&l, &job); /* nobody reads it, and the stream stands still */
    assert_true(leat_ledger_bare(&l));
    assert_true(leat_ledger_next(&l, false, true, &job));
    leat_job_done(&l, &job, 1);
    assert_false(leat_ledger_bare(&l));
    assert_true(leat_ledger_next(&l, true, true, &job));
    assert_ptr_equal(job.t->table, &first);
    leat_str bound = LEAT_STR("m");
    leat_job_cut(&l, &job, &bound, 1, 1024, false);
    const leat_snap_table *turns[] = {&first, &first, &big, &other};
    for (unsigned i = 0; i < 4; i++) {
        assert_true(leat_ledger_next(&l, true, true, &job));
        assert_ptr_equal(job.t->table, turns[i]);
    }
    leat_job_back(&l, &job); /* keys first */
    leat_ledger_again(&l, job.t, LEAT_STR("\x41"));
    job = next(&l, LEAT_JOB_KEYS);
    assert_ptr_equal(job.t->table, &other);
    leat_ledger_free(&l);
}

static void test_too_many_keys(void **state)
{
    (void)state;
    leat_ledger l;
    leat_buf out = {0};
    char key[64];
    leat_ledger_init(&l);
    leat_ledger_table *t = leat_ledger_add(&l, &big);
    cut(&l, 2);
    leat_job job = next(&l, LEAT_JOB_READ);
    leat_job_done(&l, &job, 5);
    for (unsigned i = 0; i < 40000; i++) {
        int n = snprintf(key, sizeof key, "a key of some bytes, number %u", i);
        leat_ledger_again(&l, t, (leat_str){key, (size_t)n});
    }
    assert_true(text(&l, &out).len < 100); /* nothing of the table counts as done */
    next(&l, LEAT_JOB_CUT);
    leat_buf_free(&out);
    leat_ledger_free(&l);
}

/* A piece that was small enough when it was cut may hold too much all the same: it is halved, until
 * there is nothing to halve. */
static void test_small_pieces_are_halved(void **state)
{
    (void)state;
    const leat_str half = LEAT_STR("m");
    leat_ledger l;
    leat_ledger_init(&l);
    leat_ledger_add(&l, &big);
    cut(&l, 1);
    leat_job job = next(&l, LEAT_JOB_READ);
    assert_false(job.piece->whole);
    leat_job_halve(&l, &job);
    job = next(&l, LEAT_JOB_CUT);
    leat_job_cut(&l, &job, &half, 1, 1, false);
    job = next(&l, LEAT_JOB_READ);
    assert_string_equal(job.piece->to, "m");
    leat_job_halve(&l, &job);
    job = next(&l, LEAT_JOB_CUT);
    leat_job_cut(&l, &job, NULL, 0, 1, false);
    job = next(&l, LEAT_JOB_READ);
    assert_true(job.piece->whole);
    leat_ledger_free(&l);
}

static void test_keys_are_bytes(void **state)
{
    (void)state;
    leat_keyset k = {0};
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(leat_keyset_put(&k, (leat_str){(const char *)&i, sizeof i}), i);
    for (uint32_t i = 0; i < 5000; i++) {
        assert_int_equal(leat_keyset_put(&k, (leat_str){(const char *)&i, sizeof i}), i);
        assert_int_equal(leat_keyset_find(&k, (leat_str){(const char *)&i, 3}), LEAT_KEYSET_NONE);
    }
    leat_keyset_clear(&k);
    assert_int_equal(leat_keyset_find(&k, LEAT_STR("\0\0\0\0")), LEAT_KEYSET_NONE);
    leat_keyset_free(&k);
}

/* A signal's table ends where it was cut first, is none of the snapshot's, and is another one than
 * that of another signal. */
static void test_ad_hoc(void **state)
{
    (void)state;
    static const leat_snap_table ask = {
        .name = "public.big", .keyed = true, .priority = -1, .ask = "x", .most = 2};
    static const leat_snap_table again = {
        .name = "public.big", .keyed = true, .priority = -1, .ask = "y", .most = 2};
    const leat_str ends[] = {LEAT_STR("2"), LEAT_STR("4"), LEAT_STR("5")};
    leat_ledger l, m;
    leat_buf out = {0};
    leat_err e;
    leat_job job;
    leat_ledger_init(&l);
    leat_ledger_init(&m);
    leat_ledger_table *t = leat_ledger_add(&l, &ask);
    assert_int_equal(l.n, 0);
    assert_true(leat_ledger_done(&l));
    job = next(&l, LEAT_JOB_CUT);
    leat_job_cut(&l, &job, ends, 3, 3, false); /* all it takes, but for the last piece */
    job = next(&l, LEAT_JOB_READ);
    assert_string_equal(job.piece->to, "2");
    assert_false(leat_ledger_upto(t).s != NULL);
    leat_job_done(&l, &job, 2);
    assert_true(leat_str_is(leat_ledger_upto(t), "2"));
    t->rests = true;
    assert_false(leat_ledger_next(&l, true, false, &job));
    t->rests = false;

    assert_int_equal(load(&m, text(&l, &out), &e), LEAT_OK);
    assert_int_equal(m.n, 0);
    leat_ledger_add(&m, &again); /* nothing of it was read */
    assert_int_equal(leat_ledger_drop_unknown(&m, false), 0);
    assert_null(next(&m, LEAT_JOB_CUT).piece->from);
    t = leat_ledger_add(&m, &ask);
    assert_int_equal(leat_ledger_drop_unknown(&m, true), 0);
    job = next(&m, LEAT_JOB_CUT); /* pieces to come are cut anew, to the same end */
    assert_string_equal(job.piece->from, "2");
    assert_string_equal(job.piece->to, "5");
    leat_job_cut(&m, &job, NULL, 0, 3, false);
    job = next(&m, LEAT_JOB_READ);
    leat_job_done(&m, &job, 3);
    assert_true(t->done && t->rows == 5);
    leat_ledger_remove(&m, t);
    assert_int_equal(m.ndone, 0);

    t = leat_ledger_add(&l, &again); /* of a table without rows */
    leat_ledger_remove(&l, leat_ledger_find(&l, LEAT_STR("public.big"), NULL));
    job = next(&l, LEAT_JOB_CUT);
    leat_job_cut(&l, &job, NULL, 0, 3, false);
    assert_true(t->done && t->rows == 0);
    leat_buf_free(&out);
    leat_ledger_free(&l);
    leat_ledger_free(&m);
}

/* Debezium had read up to "3", and we from there: a restart does not begin before. */
static void test_what_another_began(void **state)
{
    (void)state;
    leat_snap_table ask = {.name = "public.big",
                           .keyed = true,
                           .ask = "x",
                           .most = 2,
                           .from = LEAT_STR("3"),
                           .to = LEAT_STR("9")};
    const leat_str five = LEAT_STR("5");
    leat_ledger l, m, n;
    leat_buf out = {0};
    leat_err e;
    leat_ledger_init(&l);
    leat_ledger_init(&m);
    leat_ledger_init(&n);
    leat_ledger_add(&l, &ask);
    leat_job job = next(&l, LEAT_JOB_CUT);
    leat_job_cut(&l, &job, &five, 1, 3, false);
    job = next(&l, LEAT_JOB_READ);
    assert_string_equal(job.piece->from, "3");
    leat_job_done(&l, &job, 2);
    ask.from = five; /* as the position has it then */
    assert_int_equal(load(&m, text(&l, &out), &e), LEAT_OK);
    leat_ledger_table *t = leat_ledger_add(&m, &ask);
    assert_true(leat_str_is(leat_ledger_upto(t), "5"));
    job = next(&m, LEAT_JOB_CUT);
    assert_string_equal(job.piece->from, "5");
    assert_string_equal(job.piece->to, "9");
    job = next(&l, LEAT_JOB_READ);
    leat_job_done(&l, &job, 2);
    ask.from = ask.to;
    assert_int_equal(load(&n, text(&l, &out), &e), LEAT_OK);
    assert_true(leat_ledger_add(&n, &ask)->done);
    leat_buf_free(&out);
    leat_ledger_free(&l);
    leat_ledger_free(&m);
    leat_ledger_free(&n);
}

/* ALTER TABLE came between two changes: none of their keys is forgotten. */
static void test_keys_of_two_identities(void **state)
{
    (void)state;
    leat_ledger l;
    leat_arena a = {0};
    leat_buf key = {0};
    const leat_value cell = leat_int(7);
    leat_ledger_init(&l);
    leat_ledger_table *t = leat_ledger_add(&l, &big);
    for (unsigned i = 0; i < 2; i++) {
        leat_wire_put_cell(&key, &cell);
        leat_ledger_again(&l, t, leat_buf_str(&key));
    }
    leat_job job = next(&l, LEAT_JOB_KEYS);
    leat_range range = leat_job_range(&job, &a);
    assert_int_equal(range.nkeys, 2);
    assert_int_equal(range.nid, 0);
    leat_buf_free(&key);
    leat_arena_free(&a);
    leat_ledger_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_stay_few),
        cmocka_unit_test(test_what_is_stored_comes_back),
        cmocka_unit_test(test_gaps_are_read),
        cmocka_unit_test(test_bad_progress_is_refused),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_too_many_keys),
        cmocka_unit_test(test_small_pieces_are_halved),
        cmocka_unit_test(test_keys_are_bytes),
        cmocka_unit_test(test_ad_hoc),
        cmocka_unit_test(test_what_another_began),
        cmocka_unit_test(test_keys_of_two_identities),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
