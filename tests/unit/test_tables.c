/* The ledger table by table: tallies of a batch, and the file that shows them. */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/os.h"
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

/* More than have a near place, and in turns: each finds its own. */
static void test_known_many(void **state)
{
    (void)state;
    enum { MANY = 3 * LEAT_TALLIES_NEAR };
    static const leat_tally of[MANY];
    leat_tallies s = {0};
    char name[16];
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < MANY; i++) {
            snprintf(name, sizeof name, "t%u", i);
            leat_tally *y = leat_tallies_known(&s, &of[i]);
            assert_true((y != NULL) == (round > 0));
            if (!y) y = get(&s, name, NULL);
            y->of = &of[i];
            assert_string_equal(y->table, name);
        }
    }
    leat_tallies_clear(&s);
    for (uint32_t i = 0; i < MANY; i++) assert_null(leat_tallies_known(&s, &of[i]));
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

static const leat_counts *counts_of(world *w, const char *table)
{
    shown(w, table);
    for (size_t i = 0; i < w->v.n; i++)
        if (strcmp(w->v.rows[i].table, table) == 0) return &w->v.rows[i].counts;
    fail();
    return NULL;
}

/* Told twice, as it came again, or taken after all: only that is moved to the others. */
static void test_refused(void **state)
{
    world *w = *state;
    const leat_table t = {.schema = "public", .name = "t"};
    append(w, "public.a", 9, 0, 1);
    append(w, "public.t", 3, 0, 2);
    leat_tables_settle(w->t, 2);
    leat_tables_refused(w->t, &t, false);
    leat_tables_refused(w->t, &t, false);
    leat_tables_settle(w->t, 2);
    assert_int_equal(counts_of(w, "public.t")->dead, 2);
    reopen(w, &(leat_counts){.received = 12, .appended = 11, .dead = 1});
    assert_int_equal(shown(w, "public.a"), 9);
    assert_int_equal(counts_of(w, "public.t")->dead, 1);
    assert_int_equal(shown(w, "public.t"), 1);
    assert_int_equal(shown(w, ""), 1);
    reopen(w, &(leat_counts){.received = 12, .appended = 12});
    assert_int_equal(shown(w, "public.a"), 9);
    assert_int_equal(counts_of(w, "public.t")->dead, 0);
    assert_int_equal(shown(w, ""), 2);
    reopen(w, &(leat_counts){.received = 12, .appended = 9, .dead = 3});
    assert_int_equal(shown(w, "public.a") + shown(w, "public.t") + shown(w, ""), 9);
    assert_int_equal(counts_of(w, "")->dead, 3);
}

/* The refusal is shown before the append is. */
static void test_never_below_0(void **state)
{
    world *w = *state;
    leat_tables_refused(w->t, &(leat_table){.schema = "public", .name = "t"}, false);
    leat_tables_refused(w->t, &(leat_table){.schema = "public", .name = "t"}, true);
    leat_tables_settle(w->t, 1);
    assert_true(leat_counts_none(counts_of(w, "public.t")));
    append(w, "public.t", 1, 0, 2);
    leat_tables_settle(w->t, 2);
    assert_int_equal(shown(w, "public.t"), 0);
    assert_int_equal(counts_of(w, "public.t")->dead, 1);
}

/* A row that no ledger wrote: the machine went down while it was written. The others stay. */
static void test_a_torn_row(void **state)
{
    world *w = *state;
    leat_tallies s = {0};
    append(w, "public.whole", 3, 0, 1);
    get(&s, "public.t", NULL)->counts.received = 4;
    leat_tallies_safe(&s);
    leat_tables_add(w->t, &s, NULL, 1);
    leat_tables_settle(w->t, 1);
    leat_tallies_free(&s);
    reopen(w, &(leat_counts){.received = 7, .appended = 7});
    assert_int_equal(shown(w, "public.t"), 0);
    assert_int_equal(shown(w, "public.whole"), 3);
    assert_int_equal(shown(w, ""), 4);
}

/* What is only left out takes half of the rows at most, and gives them back at a start. */
static void test_left_out(void **state)
{
    world *w = *state;
    char name[32];
    leat_tallies s = {0};
    append(w, "public.before", 1, 0, 1);
    for (unsigned i = 0; i < LEAT_TABLES_MOST; i++) {
        snprintf(name, sizeof name, "other.t%04u", i);
        leat_counts *c = &get(&s, name, NULL)->counts;
        c->received = c->filtered = 1;
    }
    leat_tallies_safe(&s);
    leat_tables_add(w->t, &s, &(leat_counts){.received = 1000, .filtered = 1000}, 2);
    leat_tallies_free(&s);
    append(w, "public.behind", 2, 0, 3);
    leat_tables_settle(w->t, 3);
    assert_int_equal(shown(w, "public.before"), 1);
    assert_int_equal(shown(w, "public.behind"), 2);
    assert_int_equal(w->v.n, LEAT_TABLES_FEW + 2);
    assert_int_equal(counts_of(w, "")->filtered, 501);
    reopen(w, &(leat_counts){.received = 1003, .appended = 3, .filtered = 1000});
    assert_int_equal(shown(w, "public.before"), 1);
    assert_int_equal(shown(w, "public.behind"), 2);
    assert_int_equal(w->v.n, 3);
    assert_int_equal(counts_of(w, "")->filtered, 1000);
}

/* The machine went down: a row was kept, and not that there is one more. */
static void test_a_row_nobody_knows(void **state)
{
    enum { ROWS_AT = 24, ROW = LEAT_TABLES_NAME + sizeof(leat_counts) };
    world *w = *state;
    append(w, "public.longer", 5, 0, 1);
    leat_tables_settle(w->t, 1);
    static const uint32_t n = 1;
    int fd = open(w->path, O_RDWR);
    char name[8];
    assert_int_equal(pread(fd, name, 7, ROWS_AT + ROW), 7);
    assert_memory_equal(name, "public.", 7);
    assert_int_equal(pwrite(fd, &n, sizeof n, 12), sizeof n);
    close(fd);
    reopen(w, &(leat_counts){.received = 5, .appended = 5});
    append(w, "short", 1, 0, 1);
    leat_tables_settle(w->t, 1);
    assert_int_equal(shown(w, "short"), 1);
    assert_int_equal(shown(w, ""), 5);
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

/* A sink's name is a source's now. */
static void test_another_kind(void **state)
{
    world *w = *state;
    append(w, "public.t", 5, 0, 1);
    leat_tables_settle(w->t, 1);
    leat_tables_close(w->t);
    assert_int_equal(leat_tables_create(w->path, true, &w->t, NULL), LEAT_OK);
    assert_int_equal(shown(w, "public.t"), 0);
    assert_int_equal(w->v.n, 1);
    assert_true(w->v.sink);
}

static int cannot_allocate(int fd, int64_t size)
{
    (void)fd;
    (void)size;
    return -EOPNOTSUPP;
}

static int64_t no_room(int fd, const void *p, size_t n, int64_t at)
{
    (void)fd;
    (void)p;
    return at < 1 << 16 ? (int64_t)n : -ENOSPC;
}

static leat_rc create_on(world *w, const leat_os *os)
{
    leat_tables_close(w->t);
    w->t = NULL;
    unlink(w->path);
    leat_os_use(os);
    leat_rc rc = leat_tables_create(w->path, false, &w->t, NULL);
    leat_os_use(NULL);
    return rc;
}

/* Where nothing can be reserved it is written: a row without room would be a signal. */
static void test_no_holes(void **state)
{
    world *w = *state;
    leat_os os = *leat_os_now();
    os.allocate = cannot_allocate;
    assert_int_equal(create_on(w, &os), LEAT_OK);
    append(w, "public.t", 5, 0, 1);
    leat_tables_settle(w->t, 1);
    assert_int_equal(shown(w, "public.t"), 5);
    os.pwrite = no_room;
    assert_int_equal(create_on(w, &os), LEAT_RETRY);
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
        cmocka_unit_test(test_known_many),
        cmocka_unit_test(test_many),
        cmocka_unit_test_setup_teardown(test_shown_once_durable, begin, end),
        cmocka_unit_test_setup_teardown(test_a_kill_leaves_the_sum, begin, end),
        cmocka_unit_test_setup_teardown(test_another_stream, begin, end),
        cmocka_unit_test_setup_teardown(test_refused, begin, end),
        cmocka_unit_test_setup_teardown(test_never_below_0, begin, end),
        cmocka_unit_test_setup_teardown(test_a_torn_row, begin, end),
        cmocka_unit_test_setup_teardown(test_a_row_nobody_knows, begin, end),
        cmocka_unit_test_setup_teardown(test_bound, begin, end),
        cmocka_unit_test_setup_teardown(test_left_out, begin, end),
        cmocka_unit_test_setup_teardown(test_another_kind, begin, end),
        cmocka_unit_test_setup_teardown(test_no_holes, begin, end),
        cmocka_unit_test_setup_teardown(test_no_file_of_ours, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
