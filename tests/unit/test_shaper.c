/* engine/shaper: what a sink gets of an embedded stream, with transforms and without. */
#include "../test.h"

#include "convert/change.h"
#include "engine/shaper.h"
#include "sample.h"

typedef struct fixture {
    leat_arena a;
    leat_report report;
    leat_shaper *s;
    leat_table *t;
    leat_batch b;
} fixture;

#define ROW                                                                                        \
    "transforms", "row", "transforms.row.type", "ExtractField$Value", "transforms.row.field",      \
        "after"

/* Of options: name, value, ..., NULL; none: there are no transforms. */
static fixture *start(const char *const *options, bool tolerate)
{
    fixture *f = test_calloc(1, sizeof *f);
    leat_report_init(&f->report, &f->a);
    f->s = leat_shaper_new(sample_transforms(options, &f->a, &f->report), tolerate);
    assert_int_equal(f->report.errors, 0);
    f->t = sample_customers(sample_origin(), LEAT_TABLE_TOMBSTONES);
    leat_table_seal(f->t);
    leat_batch_init(&f->b, 1000, 1 << 20);
    return f;
}

static void end(fixture *f)
{
    leat_batch_free(&f->b);
    leat_shaper_free(f->s);
    leat_table_unpin(f->t);
    leat_arena_free(&f->a);
    test_free(f);
}

static void change(fixture *f, leat_op op, const leat_value *before, const leat_value *after)
{
    leat_event *ev = sample_change(&f->b, f->t, op, before, after);
    ev->ts_us = 1000;
    ev->tx = 3;
    ev->offset = 10 * (int64_t)f->b.n;
}

static leat_value *row(fixture *f, int64_t id)
{
    return sample_row(&f->b, id, "Ann", "Lee", NULL);
}

/* Rows out of their envelopes: made, changed, with another key, deleted. Each event keeps its
 * place, and the safe place stands behind the same change. */
static void test_rows(void **state)
{
    static const char *const options[] = {ROW, NULL};
    fixture *f = start(options, false);
    leat_err e;
    (void)state;
    for (int round = 0; round < 2; round++) {
        leat_batch_reset(&f->b);
        change(f, LEAT_OP_CREATE, NULL, row(f, 1));
        change(f, LEAT_OP_UPDATE, row(f, 1), row(f, 2));
        f->b.ev[1].flags = LEAT_EV_KEY_CHANGED;
        f->b.nsafe = 2;
        change(f, LEAT_OP_DELETE, row(f, 2), NULL);
        f->b.tx_open = true;
        assert_int_equal(leat_shaper_batch(f->s, &f->b, &e), LEAT_OK);
        const leat_event *ev = f->b.ev;
        assert_int_equal(f->b.n, 4); /* the tombstones say what the deletes do */
        assert_int_equal(f->b.nsafe, 3);
        assert_true(f->b.tx_open);
        assert_int_equal(f->b.counts.filtered, 0);
        assert_int_equal(ev[0].op, LEAT_OP_CREATE);
        assert_int_equal(ev[0].after[0].u.i, 1);
        assert_int_equal(ev[0].table->nkey, 1);
        assert_int_equal(ev[1].op, LEAT_OP_DELETE);
        assert_int_equal(ev[1].before[0].u.i, 1);
        assert_int_equal(ev[2].op, LEAT_OP_CREATE);
        assert_int_equal(ev[2].after[0].u.i, 2);
        assert_int_equal(ev[2].offset, 22);
        assert_ptr_equal(ev[2].table, ev[0].table);
        assert_int_equal(ev[3].op, LEAT_OP_DELETE);
        assert_int_equal(ev[3].tx, 3);
        assert_int_equal(ev[3].ts_us, 1000);
    }
    end(f);
}

/* An update of the key that does not carry a value: apart, the delete would take it away. */
static void test_another_key_and_no_value(void **state)
{
    static const char *const options[] = {ROW, NULL};
    fixture *f = start(options, false);
    leat_err e;
    (void)state;
    for (int without = 0; without < 2; without++) {
        leat_value *now = row(f, 2);
        if (without) now[3] = leat_absent();
        change(f, LEAT_OP_UPDATE, row(f, 1), now);
        f->b.ev[0].flags = LEAT_EV_KEY_CHANGED;
        f->b.nsafe = 1;
        assert_int_equal(leat_shaper_batch(f->s, &f->b, &e), LEAT_OK);
        const leat_event *ev = f->b.ev;
        assert_int_equal(f->b.n, without ? 1 : 2);
        assert_int_equal(f->b.nsafe, f->b.n);
        assert_int_equal(ev->op, without ? LEAT_OP_UPDATE : LEAT_OP_DELETE);
        assert_int_equal(ev->before[0].u.i, 1);
        if (without) {
            assert_int_equal(ev->before[1].kind, LEAT_ABSENT);
            assert_int_equal(ev->after[0].u.i, 2);
            assert_int_equal(ev->after[3].kind, LEAT_ABSENT);
            assert_int_equal(ev->flags, LEAT_EV_KEY_CHANGED);
        }
        leat_batch_reset(&f->b);
    }
    end(f);
}

/* Records of two topics are rows of two tables. */
static void test_join_of_two_topics(void **state)
{
    static const char *const none[] = {NULL};
    fixture *f = start(none, false);
    leat_table *other = sample_customers(sample_origin(), 0);
    (void)state;
    other->topic = "crud.public.others";
    leat_table_seal(other);
    leat_value *now = row(f, 2);
    now[3] = leat_absent();
    change(f, LEAT_OP_DELETE, row(f, 1), NULL);
    change(f, LEAT_OP_CREATE, NULL, now);
    leat_event gone = f->b.ev[0], made = f->b.ev[1];
    gone.table = other;
    assert_false(leat_change_join(&gone, &made, &f->b.arena));
    assert_int_equal(made.op, LEAT_OP_CREATE);
    gone.table = f->t;
    assert_true(leat_change_join(&gone, &made, &f->b.arena));
    leat_table_unpin(other);
    end(f);
}

/* Of an old row that is a part the envelope shows nulls and zeros beside it: behind transforms they
 * are what was not sent again. */
static void test_old_rows_in_part(void **state)
{
    static const char *const options[] = {
        "transforms", "key", "transforms.key.type", "ValueToKey", "transforms.key.fields",
        "op",         NULL};
    fixture *f = start(options, true);
    leat_err e;
    (void)state;
    leat_value *old = row(f, 0);
    old[0] = old[2] = old[3] = leat_absent(); /* the identity is the first name */
    change(f, LEAT_OP_UPDATE, old, row(f, 1));
    change(f, LEAT_OP_DELETE, old, NULL);
    f->b.ev[0].flags = f->b.ev[1].flags = LEAT_EV_OLD_KEY_ONLY;
    assert_int_equal(leat_shaper_batch(f->s, &f->b, &e), LEAT_OK);
    assert_int_equal(f->b.n, 2);
    for (unsigned i = 0; i < 2; i++) {
        const leat_value *before = f->b.ev[i].before;
        assert_true(leat_str_is(leat_value_str(&before[1]), "Ann"));
        for (unsigned k = 0; k < 4; k++)
            assert_int_equal(before[k].kind, k == 1 ? LEAT_TEXT : LEAT_ABSENT);
    }
    end(f);
}

/* A value that is no structure makes a record that is of no table. */
static void test_no_row(void **state)
{
    static const char *const options[] = {
        "transforms", "op", "transforms.op.type", "ExtractField$Value", "transforms.op.field",
        "op",         NULL};
    fixture *f = start(options, false);
    leat_err e;
    (void)state;
    change(f, LEAT_OP_CREATE, NULL, row(f, 1));
    change(f, LEAT_OP_DELETE, row(f, 1), NULL);
    f->b.ev[1].flags = LEAT_EV_OLD_KEY_ONLY;
    assert_int_equal(leat_shaper_batch(f->s, &f->b, &e), LEAT_OK);
    assert_int_equal(f->b.n, 3); /* a tombstone has a key still */
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(f->b.ev[i].op, LEAT_OP_RECORD);
        assert_true(leat_str_is(leat_value_str(&f->b.ev[i].record->value), i == 0 ? "c" : "d"));
    }
    end(f);
}

/* What no transform touches is not made of text and back: it is the change as it was captured. */
static void test_untouched(void **state)
{
    static const char *const options[] = {ROW,
                                          "transforms.row.predicate",
                                          "other",
                                          "predicates",
                                          "other",
                                          "predicates.other.type",
                                          "TopicNameMatches",
                                          "predicates.other.pattern",
                                          "nobody",
                                          NULL};
    fixture *f = start(options, false);
    leat_err e;
    (void)state;
    const leat_value *after = row(f, 1), *gone = row(f, 2);
    change(f, LEAT_OP_CREATE, NULL, after);
    change(f, LEAT_OP_DELETE, gone, NULL);
    assert_int_equal(leat_shaper_batch(f->s, &f->b, &e), LEAT_OK);
    assert_int_equal(f->b.n, 2);
    assert_ptr_equal(f->b.ev[0].table, f->t);
    assert_ptr_equal(f->b.ev[0].after, after);
    assert_ptr_equal(f->b.ev[1].before, gone);
    end(f);
}

static void test_failures(void **state)
{
    static const char *const options[] = {
        "transforms", "key", "transforms.key.type", "ValueToKey", "transforms.key.fields",
        "op,nope",    NULL};
    leat_err e;
    (void)state;
    fixture *f = start(options, false);
    change(f, LEAT_OP_CREATE, NULL, row(f, 1));
    assert_int_equal(leat_shaper_batch(f->s, &f->b, &e), LEAT_CONF);
    assert_string_equal(e.code, "transform.failed");
    assert_non_null(strstr(e.msg, "crud.public.customers at offset 10: transforms.key"));
    end(f);
    f = start(options, true);
    change(f, LEAT_OP_CREATE, NULL, row(f, 1));
    change(f, LEAT_OP_DELETE, row(f, 1), NULL);
    assert_int_equal(leat_shaper_batch(f->s, &f->b, &e), LEAT_OK);
    assert_int_equal(f->b.n, 0);
    assert_int_equal(f->b.counts.dead, 3); /* the tombstone is a record of its own */
    const leat_dead *d = f->b.dead;
    assert_string_equal(d->why.code, "transform.failed");
    assert_true(leat_str_is(d->position, "{\"topic\":\"crud.public.customers\",\"offset\":10}"));
    assert_non_null(strstr(leat_arena_str(&f->a, d->bytes).s, "\"after\":{\"id\":1"));
    end(f);
}

/* Of a change that is several records each is taken or refused by itself, as over Kafka. */
static void test_failures_of_some(void **state)
{
    static const char *const options[] = {
        "transforms", "key", "transforms.key.type", "ValueToKey", "transforms.key.fields",
        "op",         NULL};
    leat_err e;
    (void)state;
    fixture *f = start(options, true);
    change(f, LEAT_OP_UPDATE, row(f, 1), row(f, 2));
    f->b.ev[0].flags = LEAT_EV_KEY_CHANGED;
    change(f, LEAT_OP_CREATE, NULL, row(f, 3));
    assert_int_equal(leat_shaper_batch(f->s, &f->b, &e), LEAT_OK);
    assert_int_equal(f->b.n, 3);
    assert_int_equal(f->b.ev[0].op, LEAT_OP_DELETE);
    assert_int_equal(f->b.ev[1].op, LEAT_OP_CREATE);
    assert_int_equal(f->b.ev[1].after[0].u.i, 2);
    assert_int_equal(f->b.ev[2].after[0].u.i, 3);
    assert_int_equal(f->b.counts.dead, 1); /* a tombstone has no fields */
    assert_int_equal(f->b.counts.filtered, 0);
    const leat_dead *d = f->b.dead;
    assert_true(leat_str_is(d->position, "{\"topic\":\"crud.public.customers\",\"offset\":11}"));
    assert_true(leat_str_is(d->bytes, "{\"id\":1}"));
    end(f);
    f = start(options, false);
    change(f, LEAT_OP_DELETE, row(f, 1), NULL);
    assert_int_equal(leat_shaper_batch(f->s, &f->b, &e), LEAT_CONF);
    assert_non_null(strstr(e.msg, "crud.public.customers at offset 11: transforms.key"));
    end(f);
}

/* What a source's transforms made of a change becomes the batch's events. */
static void give(fixture *f, leat_transform_run *run, leat_event ev)
{
    leat_event made[LEAT_RECORDS_MAX];
    leat_err e;
    unsigned n;
    assert_int_equal(leat_transform_event(run, &ev, &f->b.arena, made, &n, &e), LEAT_OK);
    for (unsigned i = 0; i < n; i++) *leat_batch_add(&f->b, made[i].table) = made[i];
}

static leat_transform_run *source(fixture *f, const char *const *options)
{
    return leat_transform_run_new(sample_transforms(options, &f->a, &f->report));
}

/* What a source's transforms made, and rows of queries: rows to a sink too. */
static void test_records(void **state)
{
    static const char *const options[] = {ROW, NULL}, *const none[] = {NULL};
    leat_err e;
    (void)state;
    fixture *f = start(none, false);
    leat_transform_run *run = source(f, options);
    change(f, LEAT_OP_CREATE, NULL, row(f, 1));
    change(f, LEAT_OP_DELETE, row(f, 1), NULL);
    leat_event first = f->b.ev[0], second = f->b.ev[1];
    f->b.n = 0;
    give(f, run, first);
    give(f, run, second);
    assert_int_equal(f->b.n, 3);
    assert_int_equal(leat_shaper_batch(f->s, &f->b, &e), LEAT_OK);
    assert_int_equal(f->b.n, 2);
    assert_int_equal(f->b.counts.filtered, 1); /* the tombstone, which is an event of its own */
    assert_int_equal(f->b.ev[0].op, LEAT_OP_CREATE);
    assert_int_equal(f->b.ev[0].after[0].u.i, 1);
    assert_string_equal(f->b.ev[0].table->row->fields[1].name, "first_name");
    assert_int_equal(f->b.ev[1].op, LEAT_OP_DELETE);
    assert_int_equal(f->b.ev[1].before[0].u.i, 1);
    leat_transform_run_free(run);
    end(f);
}

/* An update of the key is three events then: the new row is one with schemas of its own. These are
 * found again in the next batch, by the sink's transforms too. */
static void test_records_of_another_key(void **state)
{
    static const char *const options[] = {ROW, NULL}, *const none[] = {NULL};
    static const char *const keys[] = {
        "transforms", "key", "transforms.key.type", "ValueToKey", "transforms.key.fields",
        "email",      NULL};
    const char *const *const chains[] = {none, keys};
    leat_err e;
    (void)state;
    for (int i = 0; i < 2; i++) {
        fixture *f = start(chains[i], true);
        leat_transform_run *run = source(f, options);
        leat_table *before = NULL;
        for (int round = 0; round < 3; round++) {
            leat_batch_reset(&f->b);
            change(f, LEAT_OP_UPDATE, row(f, 1), row(f, 2));
            f->b.ev[0].flags = LEAT_EV_KEY_CHANGED;
            leat_event ev = f->b.ev[0];
            f->b.n = 0;
            give(f, run, ev);
            assert_int_equal(f->b.n, 3);
            assert_int_equal(leat_shaper_batch(f->s, &f->b, &e), LEAT_OK);
            const leat_event *made = &f->b.ev[f->b.n - 1];
            assert_int_equal(f->b.n, i == 0 ? 2 : 1); /* no key is made of a null */
            assert_int_equal(f->b.counts.dead, i);
            assert_int_equal(f->b.ev[0].op, i == 0 ? LEAT_OP_DELETE : LEAT_OP_CREATE);
            assert_int_equal(made->op, LEAT_OP_CREATE);
            assert_int_equal(made->after[0].u.i, 2);
            assert_string_equal(made->table->key->fields[0].name, i == 0 ? "id" : "email");
            if (before) assert_ptr_equal(made->table, before);
            leat_table_unpin(before);
            before = leat_table_pin(made->table);
        }
        leat_table_unpin(before);
        leat_transform_run_free(run);
        end(f);
    }
}

/* Heartbeats and transactions have schemas too, and are no rows: neither as the source made them,
 * nor behind its transforms, nor of a stream that was written before these told them apart. */
static void test_records_of_no_change(void **state)
{
    static const char *const keys[] = {
        "transforms", "key", "transforms.key.type", "ValueToKey", "transforms.key.fields",
        "id",         NULL};
    static const char *const none[] = {NULL};
    leat_err e;
    (void)state;
    for (int through = 0; through < 2; through++) {
        fixture *f = start(through ? keys : none, false);
        leat_transform_run *run = source(f, keys);
        leat_event ev = {.op = LEAT_OP_RECORD};
        leat_record made = {.topic = "shop.transaction",
                            .value_schema = f->t->row,
                            .key = leat_null(),
                            .value = {.kind = LEAT_STRUCT, .len = 4, .u.list = row(f, 1)}};
        ev.record = &made;
        give(f, run, ev);
        *leat_batch_add(&f->b, NULL) = ev;
        assert_int_equal(leat_shaper_batch(f->s, &f->b, &e), LEAT_OK);
        assert_int_equal(f->b.n, 2);
        assert_int_equal(f->b.ev[0].op, LEAT_OP_RECORD);
        assert_int_equal(f->b.ev[0].record->key.u.list[0].u.i, 1);
        assert_ptr_equal(f->b.ev[1].record, &made);
        leat_transform_run_free(run);
        end(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_another_key_and_no_value),
        cmocka_unit_test(test_join_of_two_topics),
        cmocka_unit_test(test_old_rows_in_part),
        cmocka_unit_test(test_no_row),
        cmocka_unit_test(test_untouched),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_failures_of_some),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_records_of_another_key),
        cmocka_unit_test(test_records_of_no_change),
    };
    return cmocka_run_group_tests_name("shaper", tests, NULL, NULL);
}
