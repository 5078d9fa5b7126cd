/* transform/: the chain from its options, over changes of a table: what becomes of each record, and
 * that a change stays one. */
#include "../test.h"

#include "sample.h"
#include "transform/transform.h"

typedef struct fixture {
    leat_arena a;
    leat_report report;
    const leat_transforms *chain;
    leat_transform_run *run;
    leat_table *t;
    leat_batch b;
    leat_event made[LEAT_RECORDS_MAX];
} fixture;

/* Of options: name, value, ..., NULL. */
static fixture *start(const char *const *options)
{
    fixture *f = test_calloc(1, sizeof *f);
    leat_report_init(&f->report, &f->a);
    f->chain = sample_transforms(options, &f->a, &f->report);
    if (f->chain) f->run = leat_transform_run_new(f->chain);
    f->t = sample_customers(sample_origin(), LEAT_TABLE_TOMBSTONES);
    leat_table_seal(f->t);
    leat_batch_init(&f->b, 1000, 1 << 20);
    return f;
}

static void end(fixture *f)
{
    leat_batch_free(&f->b);
    leat_transform_run_free(f->run);
    leat_table_unpin(f->t);
    leat_arena_free(&f->a);
    test_free(f);
}

static const leat_event *change(fixture *f, leat_op op, const leat_value *before,
                                const leat_value *after)
{
    leat_event *ev = sample_change(&f->b, f->t, op, before, after);
    ev->tx = 3;
    ev->tx_seq = 7;
    return ev;
}

/* The record of the i-th event made. */
static leat_record record(fixture *f, unsigned i)
{
    leat_record r[LEAT_RECORDS_MAX];
    assert_int_equal(leat_event_records(&f->made[i]), 1);
    assert_int_equal(leat_envelope_records(&f->made[i], &f->b.arena, r), 1);
    return r[0];
}

static const char *shown(fixture *f, const leat_schema *s, const leat_value *v)
{
    return sample_text(&f->b.arena, s, v);
}

#define ROW                                                                                        \
    "transforms.row.type", "org.apache.kafka.connect.transforms.ExtractField$Value",               \
        "transforms.row.field", "after"

/* Out of the envelope, the key out of the row, the number out of the key. */
static void test_chain(void **state)
{
    const char *options[] = {"transforms",
                             "row,key,id",
                             ROW,
                             "transforms.key.type",
                             "ValueToKey",
                             "transforms.key.fields",
                             "email,id",
                             "transforms.id.type",
                             "ExtractField$Key",
                             "transforms.id.field",
                             "id",
                             NULL};
    fixture *f = start(options);
    unsigned n;
    (void)state;
    assert_int_equal(f->report.errors, 0);
    for (int i = 0; i < 3; i++) {
        const leat_event *ev =
            change(f, LEAT_OP_CREATE, NULL, sample_row(&f->b, 40 + i, "Ann", "Lee", "a@b"));
        assert_int_equal(leat_transform_event(f->run, ev, &f->b.arena, f->made, &n, NULL), LEAT_OK);
        assert_int_equal(n, 1);
        leat_record r = record(f, 0);
        assert_int_equal(r.key_schema->type, LEAT_T_INT32);
        assert_int_equal(r.key.u.i, 40 + i);
        assert_non_null(strstr(shown(f, r.value_schema, &r.value), "Ann"));
        assert_int_equal(r.nheaders, 2);
        assert_int_equal(f->made[0].op, LEAT_OP_CREATE);
        assert_int_equal(f->made[0].tx_seq, 7);
        leat_batch_pin(&f->b, f->made[0].table);
    }
    /* Of one table, which wire and reader know. */
    assert_int_equal(f->b.npins, 2);
    end(f);
}

/* A delete with its tombstone: the first keeps the change's place, the other is a record. */
static void test_several_records(void **state)
{
    const char *options[] = {"transforms",
                             "row",
                             ROW,
                             "transforms.row.predicate",
                             "gone",
                             "transforms.row.negate",
                             "TRUE",
                             "predicates",
                             "gone",
                             "predicates.gone.type",
                             "RecordIsTombstone",
                             NULL};
    fixture *f = start(options);
    unsigned n;
    (void)state;
    assert_int_equal(f->report.errors, 0);
    const leat_event *ev =
        change(f, LEAT_OP_DELETE, sample_row(&f->b, 1, "Ann", "Lee", NULL), NULL);
    assert_int_equal(leat_transform_event(f->run, ev, &f->b.arena, f->made, &n, NULL), LEAT_OK);
    assert_int_equal(n, 2);
    assert_int_equal(f->made[0].op, LEAT_OP_DELETE);
    assert_int_equal(f->made[1].op, LEAT_OP_RECORD);
    leat_record first = record(f, 0), tombstone = record(f, 1);
    assert_int_equal(first.value.kind, LEAT_NULL);
    assert_non_null(first.value_schema);
    assert_null(tombstone.value_schema);
    assert_string_equal(shown(f, first.key_schema, &first.key),
                        shown(f, tombstone.key_schema, &tombstone.key));
    end(f);
}

/* A changed key: headers of the record's own stay, and stand before those of all. */
static void test_headers(void **state)
{
    const char *options[] = {
        "transforms", "key", "transforms.key.type", "ExtractField$Key", "transforms.key.field",
        "id",         NULL};
    fixture *f = start(options);
    unsigned n;
    leat_err e;
    (void)state;
    const leat_value *was = sample_row(&f->b, 1, "Ann", "Lee", NULL);
    const leat_value *now = sample_row(&f->b, 2, "Ann", "Lee", NULL);
    leat_event *ev = (leat_event *)(uintptr_t)change(f, LEAT_OP_UPDATE, was, now);
    ev->flags = LEAT_EV_KEY_CHANGED;
    assert_int_equal(leat_transform_event(f->run, ev, &f->b.arena, f->made, &n, &e), LEAT_OK);
    assert_int_equal(n, 3);
    leat_record r = record(f, 0);
    assert_int_equal(r.nheaders, 3);
    assert_string_equal(r.headers[0].name, "__debezium.newkey");
    assert_int_equal(r.key.u.i, 1);
    assert_int_equal(f->made[0].flags, 0);
    assert_int_equal(f->made[2].flags, LEAT_EV_OF_CHANGE);
    assert_int_equal(record(f, 2).key.u.i, 2);
    end(f);
}

static void test_failures(void **state)
{
    const char *options[] = {
        "transforms", "key", "transforms.key.type", "ValueToKey", "transforms.key.fields",
        "nope",       NULL};
    fixture *f = start(options);
    unsigned n;
    leat_err e;
    (void)state;
    const leat_event *ev = change(f, LEAT_OP_CREATE, NULL, sample_row(&f->b, 1, "A", "B", NULL));
    assert_int_equal(leat_transform_event(f->run, ev, &f->b.arena, f->made, &n, &e), LEAT_DATA);
    assert_string_equal(e.code, "transform.failed");
    assert_non_null(strstr(e.msg, "transforms.key (ValueToKey): Field does not exist: nope"));
    assert_string_equal(e.where, f->t->topic);
    /* The tombstone of a delete has no fields. */
    const leat_event *gone = change(f, LEAT_OP_DELETE, sample_row(&f->b, 1, "A", "B", NULL), NULL);
    assert_int_equal(leat_transform_event(f->run, gone, &f->b.arena, f->made, &n, &e), LEAT_DATA);
    end(f);
}

/* A delete has no value: the fields are taken from a key that has them. */
static void test_key_of_a_delete(void **state)
{
    const char *options[] = {
        "transforms", "key", "transforms.key.type", "ValueToKey", "transforms.key.fields",
        "id",         NULL};
    fixture *f = start(options);
    leat_event ev = {.op = LEAT_OP_RECORD};
    leat_record r = {.topic = "t", .key_schema = f->t->row, .value = leat_null()};
    leat_err e;
    (void)state;
    r.key = (leat_value){.kind = LEAT_STRUCT, .len = f->t->row->nfields};
    r.key.u.list = sample_row(&f->b, 7, "A", "B", NULL);
    assert_int_equal(leat_transform_records(f->run, &ev, &r, 1, &f->b.arena, &e), LEAT_OK);
    assert_int_equal(r.key_schema->nfields, 1);
    assert_int_equal(r.key.u.list[0].u.i, 7);
    assert_int_equal(r.value.kind, LEAT_NULL);
    r.value_schema = f->t->row; /* a null that is no delete */
    assert_int_equal(leat_transform_records(f->run, &ev, &r, 1, &f->b.arena, &e), LEAT_DATA);
    end(f);
}

/* Of the arena that lives as long as the schema: what a record takes whose last field is missing.
 */
static size_t taken(const char *fields)
{
    const char *options[] = {
        "transforms", "key", "transforms.key.type", "ValueToKey", "transforms.key.fields",
        fields,       NULL};
    fixture *f = start(options);
    leat_arena keep = {0};
    leat_event ev = {.op = LEAT_OP_RECORD};
    leat_record r = {.topic = "t", .value_schema = f->t->row};
    leat_err e;
    r.value = (leat_value){.kind = LEAT_STRUCT, .len = f->t->row->nfields};
    r.value.u.list = sample_row(&f->b, 1, "A", "B", NULL);
    assert_int_equal(leat_transform_records(f->run, &ev, &r, 1, &keep, &e), LEAT_DATA);
    size_t used = leat_arena_used(&keep);
    leat_arena_free(&keep);
    end(f);
    return used;
}

static void test_failures_keep_nothing(void **state)
{
    (void)state;
    assert_int_equal(taken("first_name,last_name,email,nope"), taken("nope"));
}

/* A cell may outlive the schema that its default came from. */
static void test_defaults_are_copied(void **state)
{
    const char *options[] = {"transforms",
                             "key,text",
                             "transforms.key.type",
                             "ValueToKey",
                             "transforms.key.fields",
                             "t",
                             "transforms.text.type",
                             "ExtractField$Value",
                             "transforms.text.field",
                             "t",
                             NULL};
    fixture *f = start(options);
    leat_value def = leat_text(LEAT_STR("none")), cell = leat_null();
    leat_schema *text = leat_schema_new(&f->a, LEAT_T_STRING, true);
    const leat_field_spec field = {.name = "t", .schema = text};
    leat_event ev = {.op = LEAT_OP_RECORD};
    leat_record r = {.topic = "t"};
    leat_err e;
    (void)state;
    text->def = &def;
    r.value_schema = leat_schema_of(&f->a, NULL, false, &field, 1);
    r.value = leat_value_struct(&f->b.arena, &cell, 1);
    assert_int_equal(leat_transform_records(f->run, &ev, &r, 1, &f->b.arena, &e), LEAT_OK);
    assert_true(leat_value_eq(&r.key.u.list[0], &def));
    assert_true(leat_value_eq(&r.value, &def));
    assert_ptr_not_equal(r.key.u.list[0].u.s, def.u.s);
    assert_ptr_not_equal(r.value.u.s, def.u.s);
    end(f);
}

static void test_options(void **state)
{
    static const char *const wrong[][8] = {
        {"transforms", "x", NULL},
        {"transforms", "x", "transforms.x.type", "org.example.Flatten", NULL},
        {"transforms", "x", "transforms.x.type", "ValueToKey", NULL},
        {"transforms", "x", "transforms.x.type", "ExtractField$Key", NULL},
        {"transforms", "x,x", "transforms.x.type", "ValueToKey", "transforms.x.fields", "a", NULL},
        {"transforms", "x", "transforms.x.type", "ValueToKey", "transforms.x.predicate", "p", NULL},
        {"predicates", "p", "predicates.p.type", "Nope", "transforms", "x", NULL},
        {"predicates", "p", "predicates.p.type", "TopicNameMatches", "transforms", "x", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        fixture *f = start(wrong[i]);
        assert_null(f->chain);
        assert_true(f->report.errors > 0);
        end(f);
    }
    const char *unknown[] = {"transforms",
                             "x",
                             "transforms.x.type",
                             "ExtractField$Key",
                             "transforms.x.field",
                             "id",
                             "transforms.x.colour",
                             "red",
                             NULL};
    fixture *f = start(unknown);
    assert_non_null(f->chain);
    assert_int_equal(f->report.warnings, 1);
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain),           cmocka_unit_test(test_several_records),
        cmocka_unit_test(test_headers),         cmocka_unit_test(test_failures),
        cmocka_unit_test(test_key_of_a_delete), cmocka_unit_test(test_failures_keep_nothing),
        cmocka_unit_test(test_options),         cmocka_unit_test(test_defaults_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
