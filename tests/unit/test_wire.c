/* event/wire: every kind of value, event and schema comes back as it went; bad bytes are refused.
 */
#include "../test.h"

#include <math.h>
#include <stdlib.h>

#include "event/wire.h"
#include "sample.h"

typedef struct fixture {
    leat_table *customers, *messages;
    leat_batch in, out;
    leat_buf bytes;
} fixture;

static int setup(void **state)
{
    fixture *f = test_malloc(sizeof(*f));
    *f = (fixture){0};
    f->customers = sample_customers(sample_origin(), LEAT_TABLE_TOMBSTONES);
    leat_table_seal(f->customers);
    f->messages = sample_messages(sample_origin(), 0);
    leat_batch_init(&f->in, 1000, 1 << 20);
    leat_batch_init(&f->out, 1000, 1 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    leat_batch_free(&f->in);
    leat_batch_free(&f->out);
    leat_table_unpin(f->customers);
    leat_table_unpin(f->messages);
    leat_buf_free(&f->bytes);
    test_free(f);
    return 0;
}

static const leat_table *by_number(void *arg, uint32_t number)
{
    fixture *f = arg;
    return number == 1 ? f->customers : number == 300 ? f->messages : NULL;
}

static uint32_t number_of(const fixture *f, const leat_event *ev)
{
    if (ev->op == LEAT_OP_RECORD) return 0;
    return ev->table == f->customers ? 1 : 300;
}

/* Writes all of f->in and reads it again into f->out. */
static void round_trip(fixture *f, bool copy)
{
    leat_wire_state st = {0};
    leat_err e;
    leat_buf_clear(&f->bytes);
    for (uint32_t i = 0; i < f->in.n; i++)
        leat_wire_put(&f->bytes, &st, &f->in.ev[i], number_of(f, &f->in.ev[i]));
    leat_batch_reset(&f->out);
    st = (leat_wire_state){0};
    leat_cur c = leat_cur_of(leat_buf_str(&f->bytes));
    for (uint32_t i = 0; i < f->in.n; i++) {
        leat_rc rc = leat_wire_get(&c, &st, &f->out, by_number, f, copy, &e);
        if (rc != LEAT_OK) print_error("event %u: %s\n", i, e.msg);
        assert_int_equal(rc, LEAT_OK);
    }
    assert_int_equal(leat_cur_left(&c), 0);
    if (copy) memset(f->bytes.p, '#', f->bytes.len);
    assert_int_equal(f->out.n, f->in.n);
    for (uint32_t i = 0; i < f->in.n; i++)
        assert_true(sample_event_eq(&f->in.ev[i], &f->out.ev[i]));
}

static leat_event *add(fixture *f, leat_op op, uint64_t tx, uint32_t seq)
{
    leat_event *ev = leat_batch_add(&f->in, f->customers);
    ev->op = (uint8_t)op;
    ev->tx = tx;
    ev->tx_seq = ev->tx_table_seq = seq;
    ev->ts_us = 1795252239357992 + (int64_t)tx * 1000;
    ev->seen_us = ev->ts_us + 40000;
    ev->src = sample_src(&f->in, 940959272, 940959432 + (int64_t)(tx * 100 + seq), 22886);
    return ev;
}

static void test_events(void **state)
{
    fixture *f = *state;
    leat_value *row = sample_row(&f->in, 1, "first", "last", NULL);
    for (int copy = 0; copy < 2; copy++) {
        leat_batch_reset(&f->in);
        row = sample_row(&f->in, 1, "first", "last", NULL);
        add(f, LEAT_OP_READ, 0, 0)->after = row;
        f->in.ev[0].snapshot = LEAT_SNAPSHOT_INCREMENTAL;
        add(f, LEAT_OP_CREATE, 7, 1)->after = row;
        add(f, LEAT_OP_CREATE, 7, 2)->after = row;
        leat_event *ev = add(f, LEAT_OP_UPDATE, 7, 3);
        ev->before = ev->after = row;
        ev->flags = LEAT_EV_KEY_CHANGED | LEAT_EV_OLD_KEY_ONLY;
        ev->tx_table_seq = 1;
        ev = add(f, LEAT_OP_DELETE, UINT64_MAX, UINT32_MAX);
        ev->before = row;
        ev->partition = 100000;
        ev->tx_table_seq = 0;
        ev = add(f, LEAT_OP_TRUNCATE, 3, 1);
        ev->src = NULL;
        ev->ts_us = INT64_MIN;
        ev->seen_us = INT64_MAX;
        ev = add(f, LEAT_OP_CREATE, 4, 1); /* far from the event before */
        ev->ts_us = INT64_MAX;
        ev->seen_us = INT64_MIN;
        leat_value *src = sample_src(&f->in, INT64_MIN, INT64_MAX, -5);
        ev->src = src;
        ev = add(f, LEAT_OP_CREATE, 4, 2);
        src = sample_src(&f->in, INT64_MAX, INT64_MIN, 5);
        src[0] = leat_text(LEAT_STR("a gtid, say"));
        ev->src = src;
        round_trip(f, copy == 1);
        assert_int_equal(f->out.npins, 1);
    }
}

static void test_message(void **state)
{
    fixture *f = *state;
    leat_event *ev = leat_batch_add(&f->in, f->messages);
    leat_value row[] = {leat_text(LEAT_STR("p")), leat_bytes((leat_str){"\0\1\xff", 3})};
    ev->op = LEAT_OP_MESSAGE;
    ev->after = row;
    round_trip(f, false);
}

static leat_value timed(leat_kind kind, leat_unit unit, int64_t i, int32_t zone)
{
    leat_value v = {.kind = (uint8_t)kind, .unit = (uint8_t)unit, .u.i = i};
    v.zone = zone;
    return v;
}

/* A RECORD with all kinds of values, nested, in a list. */
static void test_values(void **state)
{
    fixture *f = *state;
    char *text = leat_arena_alloc(&f->in.arena, 70000, 1);
    memset(text, 'x', 70000);
    static const leat_interval interval = {INT32_MIN, INT32_MAX, INT64_MIN};
    const leat_value pair[] = {leat_text(LEAT_STR("k")), leat_int(-1)};
    const leat_value values[] = {
        leat_null(),
        leat_absent(),
        leat_bool(true),
        leat_bool(false),
        leat_int(0),
        leat_int(63),
        leat_int(64),
        leat_int(-1),
        leat_int(INT64_MIN),
        leat_int(INT64_MAX),
        leat_float(0.1),
        leat_float(-0.0),
        leat_float(INFINITY),
        leat_float(NAN),
        leat_text(LEAT_STR("")),
        leat_text((leat_str){text, 127}),
        leat_text((leat_str){text, 128}),
        leat_text((leat_str){text, 70000}),
        leat_bytes(LEAT_STR("")),
        leat_bytes((leat_str){text, 300}),
        {.kind = LEAT_DECIMAL, .scale = 65535, .len = 3, .u.s = "-.5"},
        timed(LEAT_DATE, LEAT_US, -1, 0),
        timed(LEAT_DATE, LEAT_US, LEAT_TIME_INFINITY, 0),
        timed(LEAT_TIME, LEAT_NS, 86400, 0),
        timed(LEAT_TIME, LEAT_MS, 1, 0),
        timed(LEAT_TIMETZ, LEAT_US, 5, -43200),
        timed(LEAT_TIMETZ, LEAT_NS, 5, INT32_MIN),
        timed(LEAT_TIMESTAMP, LEAT_US, LEAT_TIME_MINUS_INFINITY, 0),
        timed(LEAT_TIMESTAMP, LEAT_NS, 1, 0),
        timed(LEAT_TIMESTAMPTZ, LEAT_US, 1, 0),
        timed(LEAT_TIMESTAMPTZ, LEAT_MS, -1, 0),
        {.kind = LEAT_INTERVAL, .u.interval = &interval},
        {.kind = LEAT_LIST, .len = 0, .u.list = pair},
        {.kind = LEAT_MAP, .len = 1, .u.list = pair},
        {.kind = LEAT_STRUCT, .len = 2, .u.list = pair},
    };
    leat_record r = {
        .topic = "documents",
        .key = leat_text(LEAT_STR("k")),
        .value = {.kind = LEAT_LIST, .len = sizeof(values) / sizeof(values[0]), .u.list = values}};
    leat_event *ev = leat_batch_add(&f->in, NULL);
    ev->record = &r;
    ev->ts_us = 5;
    round_trip(f, true);
    round_trip(f, false);
}

static leat_value nest(leat_arena *a, unsigned depth)
{
    leat_value v = leat_int(1);
    for (unsigned i = 0; i < depth; i++) {
        leat_value *list = LEAT_NEW(a, leat_value, 1);
        *list = v;
        v = (leat_value){.kind = LEAT_LIST, .len = 1, .u.list = list};
    }
    return v;
}

static void test_depth(void **state)
{
    fixture *f = *state;
    leat_record r = {.topic = "t", .value = nest(&f->in.arena, LEAT_WIRE_DEPTH)};
    leat_batch_add(&f->in, NULL)->record = &r;
    round_trip(f, false);
    leat_wire_state st = {0};
    leat_err e;
    leat_buf_clear(&f->bytes);
    leat_wire_put(&f->bytes, &st, &f->in.ev[0], 0);
    /* One level more: a list of one value is 17 01 here. */
    leat_buf deeper = {0};
    size_t at = f->bytes.len - 1 - 2 * LEAT_WIRE_DEPTH - 1;
    leat_buf_put(&deeper, f->bytes.p, at);
    leat_buf_put(&deeper, "\x17\x01", 2);
    leat_buf_put(&deeper, f->bytes.p + at, f->bytes.len - at);
    st = (leat_wire_state){0};
    leat_cur c = leat_cur_of(leat_buf_str(&deeper));
    assert_int_equal(leat_wire_get(&c, &st, &f->out, by_number, f, true, &e), LEAT_DATA);
    assert_non_null(strstr(e.msg, "too deep"));
    leat_buf_free(&deeper);
}

/* Schemas and headers of a RECORD. */
static void test_record(void **state)
{
    fixture *f = *state;
    leat_schema *hstore =
        leat_schema_named(&f->in.arena, LEAT_T_STRING, true, "io.debezium.data.Json", 1);
    hstore->logical = LEAT_L_JSON_MAP;
    hstore->doc = "what it is";
    hstore->digits = 9;
    hstore->version = -3;
    leat_schema *map = leat_schema_new(&f->in.arena, LEAT_T_MAP, false);
    map->key = hstore;
    map->elem = leat_schema_array(&f->in.arena, true, f->customers->envelope);
    const leat_header headers[] = {{"id", NULL, leat_int(3)},
                                   {"key", f->customers->key, {.kind = LEAT_STRUCT}}};
    leat_record r = {.topic = "t",
                     .key_schema = map,
                     .value_schema = f->customers->envelope,
                     .headers = headers,
                     .nheaders = 2};
    leat_batch_add(&f->in, NULL)->record = &r;
    leat_batch_add(&f->in, NULL)->record = &r;
    f->in.ev[1].flags = LEAT_EV_OF_CHANGE;
    round_trip(f, true);
}

static void check_table(const leat_table *t)
{
    leat_buf bytes = {0}, again = {0};
    leat_err e;
    leat_table *copy = NULL;
    leat_wire_put_table(&bytes, t);
    assert_int_equal(leat_wire_get_table(leat_buf_str(&bytes), &copy, &e), LEAT_OK);
    leat_wire_put_table(&again, copy);
    assert_int_equal(again.len, bytes.len);
    assert_memory_equal(again.p, bytes.p, bytes.len);
    assert_true(copy->fingerprint == t->fingerprint);
    assert_true(leat_schema_eq(copy->envelope, t->envelope));
    assert_true(leat_schema_eq(copy->origin->schema, t->origin->schema));
    assert_int_equal(copy->nkey, t->nkey);
    if (t->cols != NULL) {
        assert_string_equal(copy->cols[1].type, t->cols[1].type);
        assert_true(copy->cols[3].generated && copy->cols[0].identity);
        assert_int_equal(copy->cols[3].position, 5);
        assert_int_equal(copy->cols[2].scale, -1);
    }
    /* Cut anywhere, it is refused. */
    for (size_t n = 0; n < bytes.len; n++) {
        leat_table *cut = NULL;
        char *piece = test_malloc(n + 1); /* so that a read beyond is seen */
        memcpy(piece, bytes.p, n);
        assert_int_equal(leat_wire_get_table((leat_str){piece, n}, &cut, &e), LEAT_DATA);
        assert_string_equal(e.code, "wire.bad");
        test_free(piece);
    }
    leat_buf_u8(&bytes, 0);
    assert_int_equal(leat_wire_get_table(leat_buf_str(&bytes), &copy, &e), LEAT_DATA);
    leat_table_unpin(copy);
    leat_buf_free(&bytes);
    leat_buf_free(&again);
}

static void test_tables(void **state)
{
    fixture *f = *state;
    check_table(f->customers);
    check_table(f->messages);
}

/* A key that ends in a field of no column. */
static void test_key_tag(void **state)
{
    (void)state;
    leat_origin *o = sample_origin();
    leat_table *t = sample_customers(o, 0), *copy = NULL;
    leat_field fields[] = {t->key->fields[0],
                           {"tag", leat_schema_new(&t->arena, LEAT_T_STRING, false)}};
    leat_schema *key = leat_schema_struct(&t->arena, false, t->key->name, 0, 2);
    key->fields = fields;
    t->key = key;
    t->key_tag = "shop.customers";
    leat_table_seal(t);
    check_table(t);
    leat_buf bytes = {0};
    leat_err e;
    leat_wire_put_table(&bytes, t);
    assert_int_equal(leat_wire_get_table(leat_buf_str(&bytes), &copy, &e), LEAT_OK);
    assert_string_equal(copy->key_tag, "shop.customers");
    assert_int_equal(copy->flags, t->flags);
    leat_table_unpin(copy);
    leat_buf_clear(&bytes);
    t->key_tag = NULL; /* two fields, one column */
    leat_wire_put_table(&bytes, t);
    assert_int_equal(leat_wire_get_table(leat_buf_str(&bytes), &copy, &e), LEAT_DATA);
    leat_buf_free(&bytes);
    leat_table_unpin(t);
}

/* What names something that is not there is refused, not found out later. */
static void test_table_indices(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint16_t key_col;
        uint8_t cell, tx_cell, ncells;
    } rows[] = {
        {NULL, 3, SRC_TXID, SRC_LSN, SRC_CELLS},
        {"column that is not there", 4, SRC_TXID, SRC_LSN, SRC_CELLS},
        {"cell that is not there", 0, SRC_CELLS, SRC_LSN, SRC_CELLS},
        {"transaction id names a cell", 0, SRC_TXID, SRC_CELLS, SRC_CELLS},
        {"cell that is not there", 0, 0, 0, 1}, /* the sequence takes two */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        leat_origin *o = sample_origin();
        leat_table *t = sample_customers(o, 0), *copy = NULL;
        leat_origin_field *fields = (leat_origin_field *)(uintptr_t)o->fields;
        fields[11].cell = fields[12].cell = rows[i].cell;
        o->tx_cells[0] = o->tx_cells[1] = rows[i].tx_cell;
        o->ncells = rows[i].ncells;
        t->key_cols = &rows[i].key_col;
        leat_table_seal(t);
        leat_buf bytes = {0};
        leat_err e;
        leat_wire_put_table(&bytes, t);
        leat_rc rc = leat_wire_get_table(leat_buf_str(&bytes), &copy, &e);
        assert_int_equal(rc, rows[i].why != NULL ? LEAT_DATA : LEAT_OK);
        if (rows[i].why != NULL) assert_non_null(strstr(e.msg, rows[i].why));
        leat_table_unpin(copy);
        leat_table_unpin(t);
        leat_buf_free(&bytes);
    }
}

/* Cut anywhere, an event is refused and the batch stays as it was. */
static void test_cut(void **state)
{
    fixture *f = *state;
    leat_value *row = sample_row(&f->in, 1, "first", "last", NULL);
    leat_event *ev = add(f, LEAT_OP_UPDATE, 7, 3);
    ev->before = ev->after = row;
    round_trip(f, false);
    leat_batch_reset(&f->out);
    for (size_t n = 0; n < f->bytes.len; n++) {
        leat_wire_state st = {0};
        leat_err e;
        leat_cur c = leat_cur_of((leat_str){f->bytes.p, n});
        assert_int_equal(leat_wire_get(&c, &st, &f->out, by_number, f, true, &e), LEAT_DATA);
        assert_string_equal(e.code, "wire.bad");
        assert_int_equal(f->out.n + f->out.npins, 0);
        assert_true(c.bad);
    }
}

static void check_bad(fixture *f, leat_str bytes, const char *why)
{
    leat_wire_state st = {0};
    leat_err e;
    leat_cur c = leat_cur_of(bytes);
    assert_int_equal(leat_wire_get(&c, &st, &f->out, by_number, f, true, &e), LEAT_DATA);
    if (strstr(e.msg, why) == NULL) print_error("%s, not %s\n", e.msg, why);
    assert_non_null(strstr(e.msg, why));
    assert_int_equal(f->out.n, 0);
}

static void test_bad(void **state)
{
    fixture *f = *state;
    check_bad(f, LEAT_STR("\x07\0\0\0\0\0\0\0"), "operation is unknown");
    check_bad(f, LEAT_STR("\x08\0\0\0\0\0\0\0"), "operation is unknown");
    check_bad(f, LEAT_STR("\x02\0\0\0\0\0\x05"), "table is unknown");
    check_bad(f, LEAT_STR("\x82\0\x09\0\0\0\0\0\0\x01"), "out of range"); /* snapshot 9 */
    check_bad(f, LEAT_STR("\x12\0\0\0\0\0\x01\x1a\x1a\x1a\x1a"), "tag is unknown");
    check_bad(f, LEAT_STR("\x12\0\0\0\0\0\x01\x07\xff\xff\x03\0"), "longer than");
    check_bad(f, LEAT_STR("\x12\0\0\0\0\0\x01\x17\xff\xff\xff\xff\x0f\0"), "count is larger");
    check_bad(f, LEAT_STR("\x12\0\0\0\0\0\x01\x19\xff\xff\xff\xff\x0f\0"), "count is larger");
    check_bad(f,
              LEAT_STR("\x00\0\0\0\0\0\x03"
                       "a\0"),
              "NUL inside");
    check_bad(f, LEAT_STR("\x00\0\0\0\0\0\0\0\0\0\0\0"), "no topic");
    /* Lists that claim together more than there is. */
    char bytes[200];
    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, "\x12\0\0\0\0\0\x01", 7);
    for (size_t i = 7; i + 2 < sizeof(bytes); i += 2) memcpy(bytes + i, "\x17\x60", 2);
    check_bad(f, (leat_str){bytes, sizeof(bytes)}, "count is larger");
}

/* Random events of random shapes; the generator is fixed, so a failure can be had again. */
static uint64_t seed = 88172645463325252ull;
static uint64_t rnd(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % n;
}

static leat_value rnd_value(leat_arena *a, unsigned depth)
{
    static const char letters[300] = "abc";
    switch (rnd(depth > 3 ? 8 : 10)) {
    case 0: return leat_null();
    case 1: return leat_absent();
    case 2: return leat_int((int64_t)rnd(UINT64_MAX) >> rnd(64));
    case 3: return leat_text((leat_str){letters, rnd(sizeof(letters))});
    case 4: return leat_bytes((leat_str){letters, rnd(sizeof(letters))});
    case 5: return leat_float((double)rnd(1000) / 7);
    case 6: return timed(LEAT_TIMETZ, (leat_unit)rnd(3), (int64_t)rnd(1u << 30), (int32_t)rnd(9));
    case 7: return timed(LEAT_TIMESTAMP, (leat_unit)rnd(3), -(int64_t)rnd(1u << 30), 0);
    default: {
        uint32_t n = (uint32_t)rnd(4);
        leat_value *list = LEAT_NEW(a, leat_value, 2 * n);
        for (uint32_t i = 0; i < 2 * n; i++) list[i] = rnd_value(a, depth + 1);
        static const uint8_t kinds[] = {LEAT_LIST, LEAT_STRUCT, LEAT_MAP};
        return (leat_value){.kind = kinds[rnd(3)], .len = n, .u.list = list};
    }
    }
}

static const leat_value *rnd_cells(leat_arena *a, uint32_t n)
{
    if (rnd(4) == 0) return NULL;
    leat_value *cells = LEAT_NEW(a, leat_value, n);
    for (uint32_t i = 0; i < n; i++) cells[i] = rnd_value(a, 0);
    return cells;
}

static void test_random(void **state)
{
    fixture *f = *state;
    static const char ops[] = "rcudt";
    for (int round = 0; round < 50; round++) {
        leat_batch_reset(&f->in);
        leat_arena *a = &f->in.arena;
        for (int i = 0; i < 50; i++) {
            leat_event *ev = leat_batch_add(&f->in, f->customers);
            ev->op = (uint8_t)ops[rnd(5)];
            ev->src = rnd_cells(a, SRC_CELLS);
            ev->before = rnd_cells(a, 4);
            ev->after = rnd_cells(a, 4);
            ev->ts_us = (int64_t)rnd(UINT64_MAX) >> rnd(60);
            ev->seen_us = (int64_t)rnd(UINT64_MAX) >> rnd(60);
            ev->tx = rnd(3);
            ev->tx_seq = (uint32_t)rnd(3);
            ev->tx_table_seq = (uint32_t)rnd(3);
            ev->partition = (uint32_t)rnd(2);
            ev->snapshot = (uint8_t)rnd(7);
            ev->flags = (uint8_t)rnd(4);
        }
        round_trip(f, round % 2);
    }
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_events), TEST(test_message), TEST(test_values),  TEST(test_depth),
        TEST(test_record), TEST(test_tables),  TEST(test_key_tag), TEST(test_table_indices),
        TEST(test_cut),    TEST(test_bad),     TEST(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
