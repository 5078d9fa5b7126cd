/* event/table: references, the fingerprint, and the envelope schema that sealing makes. */
#include "../test.h"

#include "sample.h"

static leat_table *sealed(uint16_t flags)
{
    leat_table *t = sample_customers(sample_origin(), flags);
    leat_table_seal(t);
    return t;
}

static void test_references(void **state)
{
    (void)state;
    leat_origin *o = sample_origin();
    leat_origin_pin(o);
    leat_table *t = sample_customers(o, 0);
    leat_table *same = leat_table_pin(t);
    assert_ptr_equal(t, same);
    leat_table_unpin(t);
    assert_string_equal(same->topic, "crud.public.customers"); /* still there */
    leat_table_unpin(same);
    assert_int_equal(atomic_load(&o->refs), 1);
    leat_origin_unpin(o);
    leat_table_unpin(NULL);
    leat_origin_unpin(NULL);
}

static void check_name(const char *schema, const char *name, uint16_t flags, const char *want)
{
    leat_buf b = {0};
    leat_table_name(&(leat_table){.db = "d", .schema = schema, .name = name, .flags = flags}, &b);
    leat_buf_u8(&b, 0);
    assert_string_equal(b.p, want);
    leat_buf_free(&b);
}

static void test_name(void **state)
{
    (void)state;
    check_name("public", "t", 0, "public.t");
    check_name(NULL, "t", 0, "d.t");
    check_name("", "", LEAT_TABLE_MESSAGE, "(messages)");
    check_name("", "", LEAT_TABLE_RECORD, "(messages)"); /* as a transform makes it */
}

/* What differs in a table or its origin differs in the fingerprint. */
static void test_fingerprint(void **state)
{
    (void)state;
    leat_table *t = sealed(LEAT_TABLE_TOMBSTONES);
    for (int i = 0; i < 9; i++) {
        static const leat_param headers[2] = {{"a", "1"}, {"b", "1"}};
        static const leat_column cols[4] = {{.type = "int8"}};
        leat_origin *o = sample_origin();
        leat_table *other = sample_customers(o, LEAT_TABLE_TOMBSTONES);
        leat_schema *row = (leat_schema *)(uintptr_t)other->row;
        switch (i) {
        case 0: break;
        case 1: other->topic = "x"; break;
        case 2: other->schema = NULL; break;
        case 3: other->flags = 0; break;
        case 4: row->nfields = 3; break;
        case 5: other->cols = cols; break;
        case 6: o->headers = headers; break;
        case 7: o->placeholder = (leat_str){0}; break;
        default: o->ntx_cells = 1; break;
        }
        leat_table_seal(other);
        if (i == 0)
            assert_true(other->fingerprint == t->fingerprint);
        else
            assert_true(other->fingerprint != t->fingerprint);
        leat_table_unpin(other);
    }
    leat_table_unpin(t);
}

static void check_fields(const leat_schema *s, const char *const *names, size_t n)
{
    assert_int_equal(s->nfields, n);
    for (size_t i = 0; i < n; i++) assert_string_equal(s->fields[i].name, names[i]);
}

/* Field order, names, versions and what is optional: as recorded from Debezium. */
static void test_envelope_schema(void **state)
{
    (void)state;
    static const char *const names[] = {"before", "after", "source", "transaction",
                                        "op",     "ts_ms", "ts_us",  "ts_ns"};
    static const char *const block[] = {"id", "total_order", "data_collection_order"};
    static const bool optional[] = {true, true, false, true, false, true, true, true};
    leat_table *t = sealed(0);
    const leat_schema *s = t->envelope;
    check_fields(s, names, 8);
    for (int i = 0; i < 8; i++) assert_int_equal(s->fields[i].schema->optional, optional[i]);
    assert_string_equal(s->name, "crud.public.customers.Envelope");
    assert_int_equal(s->version, 2);
    assert_false(s->optional);
    check_fields(s->fields[3].schema, block, 3);
    assert_string_equal(s->fields[3].schema->name, "event.block");
    assert_int_equal(s->fields[3].schema->version, 1);
    leat_table_unpin(t);
}

/* The names of schemas follow the row's, not the topic, when they are adjusted. */
static void test_envelope_name(void **state)
{
    (void)state;
    leat_table *t = sample_customers(sample_origin(), 0);
    leat_schema *row = (leat_schema *)(uintptr_t)t->row;
    row->name = "crud_x.public.customers.Value";
    leat_table_seal(t);
    assert_string_equal(t->envelope->name, "crud_x.public.customers.Envelope");
    row->name = "Row";
    leat_table_seal(t);
    assert_string_equal(t->envelope->name, "crud.public.customers.Envelope");
    row->name = ".Value";
    leat_table_seal(t);
    assert_string_equal(t->envelope->name, "crud.public.customers.Envelope");
    leat_table_unpin(t);
}

static void test_message_schema(void **state)
{
    (void)state;
    static const char *const names[] = {"op", "ts_ms", "source", "transaction", "message"};
    static const bool optional[] = {false, true, false, true, false};
    leat_table *t = sample_messages(sample_origin(), 0);
    check_fields(t->envelope, names, 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(t->envelope->fields[i].schema->optional, optional[i]);
    assert_string_equal(t->envelope->name, "io.debezium.connector.postgresql.MessageValue");
    assert_int_equal(t->envelope->version, 1);
    leat_table_unpin(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_references),      cmocka_unit_test(test_fingerprint),
        cmocka_unit_test(test_envelope_schema), cmocka_unit_test(test_envelope_name),
        cmocka_unit_test(test_message_schema),  cmocka_unit_test(test_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
