/* event/event: events of a batch, pins, safe places, dead letters, sums. */
#include "../test.h"

#include <stdio.h>

#include "sample.h"

static leat_table *table(void)
{
    leat_table *t = sample_customers(sample_origin(), LEAT_TABLE_TOMBSTONES);
    leat_table_seal(t);
    return t;
}

static void test_pins(void **state)
{
    (void)state;
    leat_table *x = table(), *y = table(), *z = table();
    leat_batch b;
    leat_batch_init(&b, 100, 1 << 20);
    leat_batch_add(&b, x);
    leat_batch_add(&b, x);
    leat_batch_add(&b, y);
    leat_batch_add(&b, NULL);
    leat_batch_add(&b, x);
    leat_batch_pin(&b, z);
    leat_batch_pin(&b, z);
    assert_int_equal(b.npins, 3);
    assert_int_equal(atomic_load(&x->refs), 2);
    leat_table_unpin(x); /* the batch keeps it */
    assert_string_equal(b.ev[1].table->topic, "crud.public.customers");
    assert_null(b.ev[3].table);
    leat_batch_reset(&b);
    assert_int_equal(b.npins, 0);
    assert_int_equal(atomic_load(&y->refs), 1);
    for (int i = 0; i < 1000; i++) leat_batch_add(&b, i % 2 ? y : z);
    assert_int_equal(b.npins, 2);
    leat_batch_free(&b);
    leat_table_unpin(y);
    leat_table_unpin(z);
}

static void test_full(void **state)
{
    (void)state;
    leat_batch b;
    leat_batch_init(&b, 3, 64 * 1024);
    for (int round = 0; round < 3; round++) {
        assert_false(leat_batch_full(&b)); /* a new one never is, whatever the arena keeps */
        for (int i = 0; i < 3; i++) leat_batch_add(&b, NULL);
        assert_true(leat_batch_full(&b));
        leat_batch_reset(&b);
        while (!leat_batch_full(&b)) leat_arena_alloc(&b.arena, 1000, 8);
        assert_true(b.arena.held >= 64 * 1024);
        leat_batch_reset(&b);
    }
    leat_batch_free(&b);
}

static void test_safe(void **state)
{
    (void)state;
    leat_batch b;
    leat_batch_init(&b, 100, 1 << 20);
    char partition[] = "{\"server\":\"shop\"}", offset[] = "{\"lsn\":1}";
    leat_batch_add(&b, NULL);
    b.counts.received = 2;
    b.tx_open = true;
    leat_batch_safe(&b, (leat_position){leat_str_of(partition), leat_str_of(offset)});
    memset(offset, '-', sizeof(offset) - 1);
    assert_string_equal(b.safe.offset.s, "{\"lsn\":1}");
    assert_false(b.tx_open);
    leat_batch_add(&b, NULL);
    b.counts.received = 3;
    b.tx_open = true;
    assert_int_equal(b.nsafe, 1);
    assert_int_equal(b.safe_counts.received, 2);
    const char *before = b.safe.partition.s;
    leat_batch_safe(&b, (leat_position){leat_str_of(partition), LEAT_STR("{\"lsn\":2}")});
    assert_ptr_equal(b.safe.partition.s, before); /* not copied again */
    assert_string_equal(b.safe.offset.s, "{\"lsn\":2}");
    assert_int_equal(b.nsafe, 2);
    leat_batch_reset(&b);
    assert_null(b.safe.offset.s);
    assert_null(b.safe.partition.s);
    assert_int_equal(b.counts.received + b.safe_counts.received + b.nsafe + b.n, 0);
    leat_batch_free(&b);
}

/* The place is where the mark was set, not where its position was told. */
static void test_safe_in_two_steps(void **state)
{
    (void)state;
    leat_batch b;
    leat_batch_init(&b, 100, 1 << 20);
    leat_batch_add(&b, NULL);
    b.counts.received = 2;
    b.tx_open = true;
    leat_batch_safe_mark(&b);
    assert_false(b.tx_open);
    leat_batch_add(&b, NULL);
    b.counts.received = 5;
    b.tx_open = true;
    leat_batch_safe_position(&b, (leat_position){LEAT_STR("{}"), LEAT_STR("{\"lsn\":3}")});
    assert_int_equal(b.nsafe, 1);
    assert_int_equal(b.safe_counts.received, 2);
    assert_true(b.tx_open);
    assert_string_equal(b.safe.offset.s, "{\"lsn\":3}");
    leat_batch_free(&b);
}

static void test_dead(void **state)
{
    (void)state;
    leat_batch b;
    leat_batch_init(&b, 100, 1 << 20);
    char bytes[] = "bytes", name[] = "public.t";
    for (int i = 0; i < 3; i++) {
        leat_dead letter = {.bytes = leat_str_of(bytes),
                            .position = LEAT_STR("{\"lsn\":1}"),
                            .table = name,
                            .ts_us = i};
        leat_fail(&letter.why, LEAT_DATA, "row.bad", "public.t", "number %d", i);
        leat_batch_dead(&b, &(leat_tally){0}, &letter);
    }
    memset(bytes, '-', 5);
    memset(name, '-', 8);
    assert_int_equal(b.counts.dead, 3);
    assert_int_equal(b.n, 0);
    int n = 0;
    for (const leat_dead *d = b.dead; d != NULL; d = d->next, n++) {
        assert_int_equal(d->ts_us, n);
        assert_string_equal(d->bytes.s, "bytes");
        assert_string_equal(d->table, "public.t");
        assert_null(d->topic);
        assert_string_equal(d->why.code, "row.bad");
    }
    assert_int_equal(n, 3);
    leat_batch_reset(&b);
    assert_null(b.dead);
    leat_batch_dead(&b, &(leat_tally){0}, &(leat_dead){0});
    assert_non_null(b.dead);
    assert_null(b.dead->next);
    leat_batch_free(&b);
}

static void test_counts(void **state)
{
    (void)state;
    leat_counts c = {10, 5, 1, 1, 1, 20, 10, 2, 3, 1}, sum = c;
    assert_int_equal(leat_counts_in_flight(&c), 2);
    assert_int_equal(leat_counts_rows_in_flight(&c), 4);
    leat_counts_add(&sum, &c);
    assert_int_equal(leat_counts_in_flight(&sum), 4);
    assert_int_equal(leat_counts_rows_in_flight(&sum), 8);
    assert_int_equal(sum.rows_superseded, 4);
    leat_counts_sub(&sum, &c);
    assert_memory_equal(&sum, &c, sizeof(c));
    c.appended = 100;
    c.rows_dead = 100;
    assert_true(leat_counts_in_flight(&c) < 0);
    assert_true(leat_counts_rows_in_flight(&c) < 0);
}

static void test_snapshot_names(void **state)
{
    (void)state;
    static const char *const names[] = {
        "false", "true",        "first", "first_in_data_collection", "last_in_data_collection",
        "last",  "incremental",
    };
    for (unsigned i = 0; i < 7; i++)
        assert_string_equal(leat_snapshot_name((leat_snapshot)i), names[i]);
}

/* A giant's letter is cut, says how large it was, and counts; others keep all their bytes. */
static void test_giants(void **state)
{
    (void)state;
    static char bytes[LEAT_DEAD_BYTES + 1000];
    leat_batch b;
    leat_batch_init(&b, 0, 1 << 20);
    leat_dead letter = {.bytes = {bytes, sizeof bytes}, .position = LEAT_STR("{}")};
    assert_int_equal(leat_event_size_check(sizeof bytes, 0, "t", &letter.why), LEAT_OK);
    assert_int_equal(leat_event_size_check(sizeof bytes, sizeof bytes, "t", &letter.why), LEAT_OK);
    assert_int_equal(leat_event_size_check(sizeof bytes, 1000, "t", &letter.why), LEAT_DATA);
    assert_non_null(strstr(letter.why.msg, "66536 bytes is larger than max.event.bytes=1000"));
    leat_batch_dead(&b, &(leat_tally){0}, &letter);
    letter.why = (leat_err){.rc = LEAT_DATA, .code = "other"};
    leat_batch_dead_row(&b, &(leat_tally){0}, &letter);
    assert_int_equal(b.dead->bytes.len, LEAT_DEAD_BYTES);
    assert_string_equal(b.dead->why.code, "event.too_large");
    assert_int_equal(b.dead->next->bytes.len, sizeof bytes);
    assert_int_equal(b.counts.dead, 1);
    assert_int_equal(b.counts.rows_dead, 1);
    leat_batch_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pins),   cmocka_unit_test(test_full),
        cmocka_unit_test(test_safe),   cmocka_unit_test(test_safe_in_two_steps),
        cmocka_unit_test(test_dead),   cmocka_unit_test(test_counts),
        cmocka_unit_test(test_giants), cmocka_unit_test(test_snapshot_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
