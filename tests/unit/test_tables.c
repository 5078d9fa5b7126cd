/* The ledger table by table: tallies of a batch, and the file that shows them. */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "stream/tables.h"

static leat_tally *get(leat_tallies *s, const char *table, uint32_t *hint)
{
    return leat_tallies_get(s, leat_str_of(table), hint);
}

static void test_tallies(void **state)
{
    (void)state;
    leat_tallies s = {0};
    uint32_t x = 0, y = 0;
    get(&s, "x", &x)->counts.received++;
    get(&s, "y", &y)->counts.received++;
    leat_tallies_safe(&s);
    get(&s, "x", &x)->counts.received++;
    assert_int_equal(leat_tallies_find(&s, LEAT_STR("x"))->counts.received, 2);
    assert_int_equal(leat_tallies_find(&s, LEAT_STR("x"))->safe.received, 1);
    assert_int_equal(leat_tallies_find(&s, LEAT_STR("y"))->safe.received, 1);
    assert_int_equal(s.nused, 2);

    /* a hint that is of another table is no harm, and is mended */
    uint32_t wrong = x;
    get(&s, "y", &wrong)->counts.dead++;
    assert_int_equal(wrong, y);
    assert_int_equal(s.v[y].counts.dead, 1);

    leat_tallies_clear(&s);
    assert_int_equal(s.nused, 0);
    assert_int_equal(s.v[x].counts.received, 0);
    assert_int_equal(s.v[x].safe.received, 0);
    get(&s, "y", &y);
    assert_int_equal(s.nused, 1);
    assert_null(leat_tallies_find(&s, LEAT_STR("z")));
    leat_tallies_free(&s);
}

static void test_known(void **state)
{
    (void)state;
    leat_tallies s = {0};
    int one, two;
    assert_null(leat_tallies_known(&s, &one));
    get(&s, "x", NULL)->of = &one;
    get(&s, "y", NULL)->of = &two;
    assert_string_equal(leat_tallies_known(&s, &one)->table, "x");
    assert_string_equal(leat_tallies_known(&s, &two)->table, "y");
    leat_tallies_safe(&s);
    leat_tallies_known(&s, &one)->counts.received = 3;
    leat_tallies_safe(&s);
    assert_int_equal(leat_tallies_find(&s, LEAT_STR("x"))->safe.received, 3);
    leat_tallies_clear(&s);
    assert_null(leat_tallies_known(&s, &one));
    leat_tallies_free(&s);
}

static void test_many(void **state)
{
    (void)state;
    leat_tallies s = {0};
    char name[32];
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 3000; i++) {
            snprintf(name, sizeof name, "public.t%u", i);
            get(&s, name, NULL)->counts.received += i;
        }
        assert_int_equal(s.n, 3000);
        assert_int_equal(leat_tallies_find(&s, LEAT_STR("public.t77"))->counts.received, 77);
        leat_tallies_clear(&s);
    }
    leat_tallies_free(&s);
}

/* ---- the file ---- */

typedef struct world {
    char folder[64], path[96];
    leat_tables *t;
    leat_arena a;
    leat_tables_view v;
} world;

static int begin(void **state)
{
    world *w = leat_zalloc(1, sizeof *w);
    snprintf(w->folder, sizeof w->folder, "/tmp/leat-tables-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->path, sizeof w->path, "%s/tables", w->folder);
    assert_int_equal(leat_tables_create(w->path, false, &w->t, NULL), LEAT_OK);
    *state = w;
    return 0;
}

static int end(void **state)
{
    world *w = *state;
    leat_tables_close(w->t);
    leat_arena_free(&w->a);
    unlink(w->path);
    rmdir(w->folder);
    leat_free(w);
    return 0;
}

static void reopen(world *w, const leat_counts *totals)
{
    leat_tables_close(w->t);
    assert_int_equal(leat_tables_create(w->path, false, &w->t, NULL), LEAT_OK);
    leat_tables_begin(w->t, totals);
}

/* n changes of the table: received and appended, and as many more of which nobody tells. */
static void append(world *w, const char *table, uint64_t n, uint64_t untold, uint64_t serial)
{
    leat_tallies s = {0};
    const leat_counts sum = {.received = n + untold, .appended = n + untold};
    leat_tally *y = get(&s, table, NULL);
    y->counts.received = y->counts.appended = n;
    leat_tallies_safe(&s);
    leat_tables_add(w->t, &s, &sum, serial);
    leat_tallies_free(&s);
}

static uint64_t shown(world *w, const char *table)
{
    leat_arena_reset(&w->a, 0);
    assert_int_equal(leat_tables_read(w->path, &w->a, &w->v, NULL), LEAT_OK);
    for (size_t i = 0; i < w->v.n; i++)
        if (strcmp(w->v.rows[i].table, table) == 0) return w->v.rows[i].counts.appended;
    return 0;
}

static void test_shown_once_durable(void **state)
{
    world *w = *state;
    append(w, "public.t", 5, 2, 1);
    leat_tables_settle(w->t, 0);
    assert_int_equal(shown(w, "public.t"), 0);
    append(w, "public.t", 1, 0, 2);
    leat_tables_settle(w->t, 1);
    assert_int_equal(shown(w, "public.t"), 5);
    assert_int_equal(shown(w, ""), 2);
    leat_tables_settle(w->t, 2);
    assert_int_equal(shown(w, "public.t"), 6);
}

static void test_a_kill_leaves_the_sum(void **state)
{
    world *w = *state;
    append(w, "public.t", 5, 0, 1);
    leat_tables_settle(w->t, 1);
    append(w, "public.t", 7, 0, 2); /* durable, and not written here any more */
    reopen(w, &(leat_counts){.received = 12, .appended = 12});
    assert_int_equal(shown(w, "public.t"), 5);
    assert_int_equal(shown(w, ""), 7);
    append(w, "public.t", 1, 0, 1);
    leat_tables_settle(w->t, 1);
    assert_int_equal(shown(w, "public.t"), 6);
    assert_int_equal(shown(w, ""), 7);
}

static void test_another_stream(void **state)
{
    world *w = *state;
    append(w, "public.t", 5, 0, 1);
    leat_tables_settle(w->t, 1);
    reopen(w, &(leat_counts){.received = 3, .appended = 3});
    assert_int_equal(shown(w, "public.t"), 0);
    assert_int_equal(shown(w, ""), 3);
    append(w, "public.u", 2, 0, 1);
    leat_tables_settle(w->t, 1);
    assert_int_equal(shown(w, "public.u"), 2);
    assert_int_equal(w->v.n, 2);
}

/* A row that no ledger wrote: the machine went down while it was written. */
static void test_a_torn_row(void **state)
{
    world *w = *state;
    leat_tallies s = {0};
    get(&s, "public.t", NULL)->counts.received = 4;
    leat_tallies_safe(&s);
    leat_tables_add(w->t, &s, NULL, 1);
    leat_tables_settle(w->t, 1);
    leat_tallies_free(&s);
    reopen(w, &(leat_counts){.received = 4, .appended = 4});
    assert_int_equal(shown(w, "public.t"), 0);
    assert_int_equal(shown(w, ""), 4);
}

static void test_bound(void **state)
{
    world *w = *state;
    char name[LEAT_TABLES_NAME + 10];
    for (uint64_t i = 0; i < LEAT_TABLES_MOST + 5; i++) {
        snprintf(name, sizeof name, "public.t%04u", (unsigned)i);
        append(w, name, 1, 0, i + 1);
    }
    leat_tables_settle(w->t, UINT64_MAX);
    assert_int_equal(shown(w, "public.t0000"), 1);
    assert_int_equal(shown(w, "public.t0999"), 1);
    assert_int_equal(shown(w, "public.t1000"), 0);
    assert_int_equal(shown(w, ""), 5);
    assert_int_equal(w->v.n, LEAT_TABLES_MOST + 1);
    assert_string_equal(w->v.rows[1].table, "public.t0000");

    /* one that has a row keeps it, and a name that is too long has none */
    append(w, "public.t0007", 1, 0, 1);
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    append(w, name, 1, 0, 2);
    leat_tables_settle(w->t, 2);
    assert_int_equal(shown(w, "public.t0007"), 2);
    assert_int_equal(shown(w, ""), 6);
    reopen(w, &(leat_counts){.received = 1007, .appended = 1007});
    assert_int_equal(shown(w, "public.t0007"), 2);
    assert_int_equal(shown(w, ""), 6);
}

static void test_no_file_of_ours(void **state)
{
    world *w = *state;
    leat_tables_close(w->t);
    FILE *f = fopen(w->path, "r+");
    assert_non_null(f);
    for (int i = 0; i < 2000; i++) fputs("not a ledger", f);
    fclose(f);
    leat_arena_reset(&w->a, 0);
    assert_int_equal(leat_tables_read(w->path, &w->a, &w->v, NULL), LEAT_OK);
    assert_int_equal(w->v.n, 0);
    assert_int_equal(leat_tables_create(w->path, true, &w->t, NULL), LEAT_OK);
    append(w, "t", 1, 0, 1);
    leat_tables_settle(w->t, 1);
    assert_int_equal(shown(w, "t"), 1);
    assert_true(w->v.sink);
    assert_int_equal(truncate(w->path, 100), 0);
    assert_int_equal(leat_tables_read(w->path, &w->a, &w->v, NULL), LEAT_OK);
    assert_int_equal(w->v.n, 0);
    assert_int_equal(truncate(w->path, 1 << 20), 0); /* it is mapped still */
    unlink(w->path);
    assert_int_equal(leat_tables_read(w->path, &w->a, &w->v, NULL), LEAT_OK);
    assert_int_equal(w->v.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tallies),
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_many),
        cmocka_unit_test_setup_teardown(test_shown_once_durable, begin, end),
        cmocka_unit_test_setup_teardown(test_a_kill_leaves_the_sum, begin, end),
        cmocka_unit_test_setup_teardown(test_another_stream, begin, end),
        cmocka_unit_test_setup_teardown(test_a_torn_row, begin, end),
        cmocka_unit_test_setup_teardown(test_bound, begin, end),
        cmocka_unit_test_setup_teardown(test_no_file_of_ours, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
