/* event/envelope: records, their order, keys and headers, as recorded from Debezium 3.6. */
#include "../test.h"

#include "sample.h"

typedef struct fixture {
    leat_table *t;
    leat_batch b;
    leat_record r[LEAT_RECORDS_MAX];
} fixture;

static fixture *start(uint16_t flags)
{
    fixture *f = test_malloc(sizeof(*f));
    f->t = sample_customers(sample_origin(), flags);
    leat_table_seal(f->t);
    leat_batch_init(&f->b, 1000, 1 << 20);
    return f;
}

static void end(fixture *f)
{
    leat_batch_free(&f->b);
    leat_table_unpin(f->t);
    test_free(f);
}

static leat_event *add(fixture *f, leat_op op, const leat_value *before, const leat_value *after)
{
    leat_event *ev = leat_batch_add(&f->b, f->t);
    ev->op = (uint8_t)op;
    ev->before = before;
    ev->after = after;
    ev->src = sample_src(&f->b, 940959272, 940959432, 22886);
    ev->ts_us = 1795252239357992;
    ev->seen_us = 1795252239386885;
    ev->tx = 22886;
    ev->tx_seq = ev->tx_table_seq = 1;
    return ev;
}

static unsigned view(fixture *f, const leat_event *ev)
{
    unsigned n = leat_envelope_records(ev, &f->b.arena, f->r);
    assert_int_equal(n, leat_event_records(ev));
    return n;
}

static const char *key(fixture *f, unsigned i)
{
    return sample_text(&f->b.arena, f->r[i].key_schema, &f->r[i].key);
}

/* The i-th record's value but its source. */
static const char *value(fixture *f, unsigned i)
{
    const leat_record *r = &f->r[i];
    if (r->value.kind == LEAT_NULL) return "null";
    leat_value cells[8];
    memcpy(cells, r->value.u.list, sizeof(cells));
    cells[2] = leat_absent();
    leat_value shown = {.kind = LEAT_STRUCT, .len = 8, .u.list = cells};
    return sample_text(&f->b.arena, r->value_schema, &shown);
}

static void check_headers(const leat_record *r, const char *first)
{
    unsigned n = first != NULL;
    assert_int_equal(r->nheaders, 2 + n);
    if (n > 0) assert_string_equal(r->headers[0].name, first);
    assert_string_equal(r->headers[n].name, "__debezium.context.connectorLogicalName");
    assert_string_equal(r->headers[n + 1].name, "__debezium.context.taskId");
    assert_memory_equal(r->headers[n + 1].value.u.s, "0", 1);
    assert_int_equal(r->headers[n].schema->type, LEAT_T_STRING);
}

#define TS "ts_ms:1795252239386,ts_us:1795252239386885,ts_ns:1795252239386885000}"

static void test_create(void **state)
{
    (void)state;
    fixture *f = start(LEAT_TABLE_TOMBSTONES);
    const leat_value *row = sample_row(&f->b, 4, "Ed", "Walker", NULL);
    assert_int_equal(view(f, add(f, LEAT_OP_CREATE, NULL, row)), 1);
    assert_string_equal(f->r[0].topic, "crud.public.customers");
    assert_ptr_equal(f->r[0].value_schema, f->t->envelope);
    assert_ptr_equal(f->r[0].key_schema, f->t->key);
    assert_string_equal(key(f, 0), "{id:4}");
    assert_string_equal(
        value(f, 0), "{before:null,after:{id:4,first_name:\"Ed\",last_name:\"Walker\",email:null},"
                     "source:?,transaction:null,op:\"c\"," TS);
    check_headers(&f->r[0], NULL);
    end(f);
}

static void test_source(void **state)
{
    (void)state;
    fixture *f = start(0);
    leat_event *ev = add(f, LEAT_OP_READ, NULL, sample_row(&f->b, 1, "a", "b", "c"));
    ev->src = sample_src(&f->b, 0, 940958840, 22883);
    ev->snapshot = LEAT_SNAPSHOT_LAST;
    view(f, ev);
    const leat_value *source = &f->r[0].value.u.list[2];
    assert_string_equal(
        sample_text(&f->b.arena, f->t->origin->schema, source),
        "{version:\"3.6.0.Final\",connector:\"postgresql\",name:\"crud\",ts_ms:1795252239357,"
        "snapshot:\"last\",db:\"golden\",sequence:\"[null,\"940958840\"]\",ts_us:1795252239357992,"
        "ts_ns:1795252239357992000,schema:\"public\",table:\"customers\",txId:22883,lsn:940958840,"
        "xmin:null,origin:null,origin_lsn:null}");
    ev->src = sample_src(&f->b, 940959272, 940959432, 22886);
    view(f, ev);
    const leat_value *sequence = &f->r[0].value.u.list[2].u.list[6];
    assert_string_equal(sample_text(&f->b.arena, NULL, sequence),
                        "\"[\"940959272\",\"940959432\"]\"");
    end(f);
}

static void test_delete(void **state)
{
    (void)state;
    fixture *f = start(LEAT_TABLE_TOMBSTONES);
    leat_value *old = sample_row(&f->b, 4, NULL, NULL, NULL);
    old[1] = old[2] = old[3] = leat_absent();
    leat_event *ev = add(f, LEAT_OP_DELETE, old, NULL);
    ev->flags = LEAT_EV_OLD_KEY_ONLY;
    assert_int_equal(view(f, ev), 2);
    assert_string_equal(value(f, 0), "{before:{id:4,first_name:\"\",last_name:\"\",email:null},"
                                     "after:null,source:?,transaction:null,op:\"d\"," TS);
    assert_string_equal(key(f, 1), "{id:4}");
    assert_string_equal(value(f, 1), "null");
    assert_null(f->r[1].value_schema);
    check_headers(&f->r[1], NULL);
    ev->flags = 0; /* a full image: what is absent stays absent */
    view(f, ev);
    assert_string_equal(value(f, 0), "{before:{id:4,first_name:?,last_name:?,email:?},"
                                     "after:null,source:?,transaction:null,op:\"d\"," TS);
    assert_int_equal(old[1].kind, LEAT_ABSENT);
    end(f);
}

static void test_key_change(void **state)
{
    (void)state;
    fixture *f = start(LEAT_TABLE_TOMBSTONES | LEAT_TABLE_TX_BLOCK);
    leat_value *old = sample_row(&f->b, 1, NULL, NULL, NULL);
    old[1] = old[2] = old[3] = leat_absent();
    leat_event *ev = add(f, LEAT_OP_UPDATE, old, sample_row(&f->b, 100, "Sally", "Thomas", "s@a"));
    ev->flags = LEAT_EV_OLD_KEY_ONLY | LEAT_EV_KEY_CHANGED;
    ev->tx_seq = 5;
    ev->tx_table_seq = 3;
    assert_int_equal(view(f, ev), 3);
    assert_string_equal(key(f, 0), "{id:1}");
    assert_string_equal(key(f, 1), "{id:1}");
    assert_string_equal(key(f, 2), "{id:100}");
    assert_string_equal(value(f, 0),
                        "{before:{id:1,first_name:\"\",last_name:\"\",email:null},after:null,"
                        "source:?,transaction:{id:\"22886:940959432\",total_order:5,"
                        "data_collection_order:3},op:\"d\"," TS);
    assert_string_equal(value(f, 1), "null");
    assert_string_equal(value(f, 2),
                        "{before:null,after:{id:100,first_name:\"Sally\",last_name:\"Thomas\","
                        "email:\"s@a\"},source:?,transaction:{id:\"22886:940959432\",total_order:6,"
                        "data_collection_order:4},op:\"c\"," TS);
    check_headers(&f->r[0], "__debezium.newkey");
    check_headers(&f->r[1], "__debezium.newkey");
    check_headers(&f->r[2], "__debezium.oldkey");
    assert_string_equal(sample_text(&f->b.arena, f->t->key, &f->r[0].headers[0].value), "{id:100}");
    assert_string_equal(sample_text(&f->b.arena, f->t->key, &f->r[2].headers[0].value), "{id:1}");
    assert_ptr_equal(f->r[2].headers[0].schema, f->t->key);
    end(f);
}

static void test_update(void **state)
{
    (void)state;
    fixture *f = start(LEAT_TABLE_TOMBSTONES | LEAT_TABLE_TX_BLOCK);
    leat_event *ev = add(f, LEAT_OP_UPDATE, NULL, sample_row(&f->b, 3, "A", "K", NULL));
    assert_int_equal(view(f, ev), 1);
    assert_string_equal(value(f, 0),
                        "{before:null,after:{id:3,first_name:\"A\",last_name:\"K\",email:null},"
                        "source:?,transaction:{id:\"22886:940959432\",total_order:1,"
                        "data_collection_order:1},op:\"u\"," TS);
    ((leat_value *)(uintptr_t)ev->src)[SRC_TXID] = leat_null(); /* outside of a transaction */
    view(f, ev);
    assert_int_equal(f->r[0].value.u.list[3].kind, LEAT_NULL);
    end(f);
}

static void test_truncate(void **state)
{
    (void)state;
    fixture *f = start(LEAT_TABLE_TOMBSTONES);
    assert_int_equal(view(f, add(f, LEAT_OP_TRUNCATE, NULL, NULL)), 1);
    assert_null(f->r[0].key_schema);
    assert_int_equal(f->r[0].key.kind, LEAT_NULL);
    assert_string_equal(value(f, 0),
                        "{before:null,after:null,source:?,transaction:null,op:\"t\"," TS);
    end(f);
}

static void test_keyless(void **state)
{
    (void)state;
    fixture *f = start(LEAT_TABLE_TOMBSTONES);
    f->t->key = NULL;
    f->t->nkey = 0;
    leat_event *ev = add(f, LEAT_OP_DELETE, sample_row(&f->b, 2, "a", "b", NULL), NULL);
    assert_int_equal(view(f, ev), 2);
    assert_null(f->r[0].key_schema);
    assert_int_equal(f->r[1].key.kind, LEAT_NULL);
    end(f);
}

static void test_message(void **state)
{
    (void)state;
    leat_table *t = sample_messages(sample_origin(), LEAT_TABLE_TX_BLOCK);
    leat_batch b;
    leat_batch_init(&b, 10, 1 << 20);
    leat_value row[] = {leat_text(LEAT_STR("my-prefix")), leat_bytes(LEAT_STR("hello"))};
    leat_event *ev = leat_batch_add(&b, t);
    ev->op = LEAT_OP_MESSAGE;
    ev->after = row;
    ev->src = sample_src(&b, 0, 1370370744, 24257);
    ev->seen_us = -1;
    ev->tx_seq = ev->tx_table_seq = 2;
    leat_record r[LEAT_RECORDS_MAX];
    assert_int_equal(leat_envelope_records(ev, &b.arena, r), 1);
    assert_int_equal(r[0].nheaders, 0);
    assert_string_equal(sample_text(&b.arena, r[0].key_schema, &r[0].key),
                        "{prefix:\"my-prefix\"}");
    assert_string_equal(
        sample_text(&b.arena, r[0].value_schema, &r[0].value),
        "{op:\"m\",ts_ms:-1,source:{version:\"3.6.0.Final\",connector:\"postgresql\",name:\"crud\","
        "ts_ms:0,snapshot:null,db:\"golden\",sequence:\"[null,\"1370370744\"]\",ts_us:0,"
        "ts_ns:0,schema:\"\",table:\"\",txId:24257,lsn:1370370744,xmin:null,origin:null,"
        "origin_lsn:null},transaction:{id:\"24257:1370370744\",total_order:2,"
        "data_collection_order:2},message:{prefix:\"my-prefix\",content:x'68656c6c6f'}}");
    leat_batch_free(&b);
    leat_table_unpin(t);
}

static void test_record(void **state)
{
    (void)state;
    leat_batch b;
    leat_batch_init(&b, 10, 1 << 20);
    const leat_record record = {.topic = "__debezium-heartbeat.x", .value = leat_int(1)};
    leat_event *ev = leat_batch_add(&b, NULL);
    ev->record = &record;
    leat_record r[LEAT_RECORDS_MAX];
    assert_int_equal(leat_envelope_records(ev, &b.arena, r), leat_event_records(ev));
    assert_memory_equal(&r[0], &record, sizeof(record));
    assert_string_equal(leat_event_topic(ev), "__debezium-heartbeat.x");
    leat_batch_free(&b);
}

/* leat_event_records agrees with the view for every operation, flag, image and table. */
static void test_count(void **state)
{
    (void)state;
    static const leat_op ops[] = {LEAT_OP_READ, LEAT_OP_CREATE, LEAT_OP_UPDATE, LEAT_OP_DELETE,
                                  LEAT_OP_TRUNCATE};
    for (unsigned bits = 0; bits < 5 * 128; bits++) {
        fixture *f =
            start((bits & 1 ? LEAT_TABLE_TOMBSTONES : 0) | (bits & 2 ? LEAT_TABLE_TX_BLOCK : 0));
        if (bits & 4) {
            f->t->key = NULL;
            f->t->nkey = 0;
        }
        leat_value *row = sample_row(&f->b, 1, "a", "b", "c");
        leat_event *ev = add(f, ops[bits / 128], bits & 8 ? row : NULL, bits & 16 ? row : NULL);
        ev->flags = (uint8_t)(bits >> 5 & 3);
        unsigned n = view(f, ev);
        for (unsigned i = 0; i < n; i++)
            check_headers(&f->r[i], f->r[i].nheaders > 2 ? f->r[i].headers[0].name : NULL);
        end(f);
    }
}

/* What stands for the NOT NULL columns that an old key leaves out. */
static void test_zeros(void **state)
{
    (void)state;
    leat_arena a = {0};
    static const leat_value seven = {.kind = LEAT_INT, .u.i = 7};
    leat_schema *with_default = leat_schema_new(&a, LEAT_T_INT32, false);
    with_default->def = &seven;
    const leat_schema *schemas[] = {
        with_default,
        leat_schema_new(&a, LEAT_T_FLOAT32, false),
        leat_schema_new(&a, LEAT_T_BOOLEAN, false),
        leat_schema_new(&a, LEAT_T_BYTES, false),
        leat_schema_array(&a, false, leat_schema_new(&a, LEAT_T_INT32, true)),
        leat_schema_named(&a, LEAT_T_BYTES, false, "org.apache.kafka.connect.data.Decimal", 1),
        leat_schema_named(&a, LEAT_T_STRING, false, "io.debezium.time.ZonedTimestamp", 1),
        leat_schema_named(&a, LEAT_T_INT32, false, "io.debezium.time.Date", 1),
        leat_schema_new(&a, LEAT_T_STRING, true),
    };
    enum { N = sizeof(schemas) / sizeof(schemas[0]) };
    leat_table *t = leat_table_new(sample_origin());
    leat_origin_unpin(t->origin);
    leat_schema *row = leat_schema_struct(&t->arena, true, "x.Value", 0, N);
    leat_field fields[N];
    leat_value before[N];
    for (int i = 0; i < N; i++) {
        fields[i] = (leat_field){"f", schemas[i]};
        before[i] = leat_absent();
    }
    row->fields = fields;
    t->row = row;
    t->topic = "x";
    leat_table_seal(t);
    leat_event ev = {
        .table = t, .op = LEAT_OP_DELETE, .before = before, .flags = LEAT_EV_OLD_KEY_ONLY};
    leat_record r[LEAT_RECORDS_MAX];
    leat_envelope_records(&ev, &a, r);
    assert_string_equal(
        sample_text(&a, row, &r[0].value.u.list[0]),
        "{f:7,f:0,f:false,f:x'',f:[],f:\"0\",f:\"1970-01-01T00:00:00Z\",f:0,f:null}");
    leat_table_unpin(t);
    leat_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),  cmocka_unit_test(test_source),
        cmocka_unit_test(test_delete),  cmocka_unit_test(test_key_change),
        cmocka_unit_test(test_update),  cmocka_unit_test(test_truncate),
        cmocka_unit_test(test_keyless), cmocka_unit_test(test_message),
        cmocka_unit_test(test_record),  cmocka_unit_test(test_count),
        cmocka_unit_test(test_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
