/* Reads the bytes as a frame's events: none may crash, and each one read must have a view as
 * records and come back the same when it is written and read again. */
#include <stdlib.h>

#include "convert/json.h"
#include "event/wire.h"
#include "fuzz.h"

enum { EVENTS_MOST = 1000, NUMBER = 1 };

/* One column of each of three types; the source has two cells. */
static leat_table *table_new(void)
{
    static const leat_schema integer = {.type = LEAT_T_INT64};
    static const leat_schema text = {.type = LEAT_T_STRING, .optional = true};
    static const leat_schema list = {.type = LEAT_T_ARRAY, .elem = &text};
    static const leat_field columns[] = {{"id", &integer}, {"text", &text}, {"list", &list}};
    static const leat_schema row = {.type = LEAT_T_STRUCT,
                                    .optional = true,
                                    .name = "t.Value",
                                    .nfields = 3,
                                    .fields = columns};
    static const leat_schema key = {.type = LEAT_T_STRUCT, .nfields = 1, .fields = columns};
    static const leat_field parts[] = {{"sequence", &text}, {"lsn", &integer}};
    static const leat_schema source = {.type = LEAT_T_STRUCT, .nfields = 2, .fields = parts};
    static const leat_origin_field binds[] = {{.bind = LEAT_BIND_SEQUENCE},
                                              {.bind = LEAT_BIND_CELL, .cell = 1}};
    static const uint16_t key_cols[] = {0};
    leat_origin *o = leat_origin_new();
    o->schema = &source;
    o->fields = binds;
    o->ncells = 2;
    o->tx_cells[0] = 1;
    o->ntx_cells = 1;
    leat_table *t = leat_table_new(o);
    leat_origin_unpin(o);
    t->topic = "t";
    t->row = &row;
    t->key = &key;
    t->key_cols = key_cols;
    t->nkey = 1;
    t->flags = LEAT_TABLE_TOMBSTONES | LEAT_TABLE_TX_BLOCK;
    leat_table_seal(t);
    return t;
}

static const leat_table *by_number(void *arg, uint32_t number)
{
    return number == NUMBER ? arg : NULL;
}

static void put(leat_buf *out, const leat_batch *b)
{
    leat_wire_state st = {0};
    for (uint32_t i = 0; i < b->n; i++)
        leat_wire_put(out, &st, &b->ev[i], b->ev[i].op == LEAT_OP_RECORD ? 0 : NUMBER);
}

static uint32_t get(leat_str bytes, leat_batch *b, leat_table *t, bool copy)
{
    leat_wire_state st = {0};
    leat_cur c = leat_cur_of(bytes);
    leat_err e;
    while (leat_cur_left(&c) > 0 && b->n < EVENTS_MOST)
        if (leat_wire_get(&c, &st, b, by_number, t, copy, &e) != LEAT_OK) break;
    return b->n;
}

static void check_json(leat_json_converter *c, const leat_record *r, leat_buf *out)
{
    bool is_null;
    leat_err e;
    for (int key = 0; key < 2; key++) {
        size_t from = out->len;
        leat_rc rc =
            leat_json_convert(c, key ? r->key_schema : r->value_schema, key ? &r->key : &r->value,
                              LEAT_STR("__gone"), out, &is_null, &e);
        if (rc != LEAT_OK && (rc != LEAT_DATA || out->len != from)) abort();
    }
    for (uint32_t i = 0; i < r->nheaders; i++) leat_json_header(c, &r->headers[i], out, &e);
}

static void check_view(const leat_batch *b)
{
    leat_arena a = {0};
    leat_buf out = {0};
    leat_record r[LEAT_RECORDS_MAX];
    const leat_json_conf conf = {.schemas = true, .decimal_numeric = b->n % 2};
    leat_json_converter *c = leat_json_converter_new(&conf);
    for (uint32_t i = 0; i < b->n; i++) {
        unsigned n = leat_envelope_records(&b->ev[i], &a, r);
        if (n != leat_event_records(&b->ev[i])) abort();
        for (unsigned k = 0; k < n; k++) check_json(c, &r[k], &out);
    }
    leat_json_converter_free(c);
    leat_buf_free(&out);
    leat_arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_table *t = table_new();
    leat_batch first, again;
    leat_buf bytes = {0}, same = {0};
    leat_batch_init(&first, EVENTS_MOST, 1 << 20);
    leat_batch_init(&again, EVENTS_MOST, 1 << 20);
    get((leat_str){(const char *)data, size}, &first, t, size % 2);
    check_view(&first);
    put(&bytes, &first);
    if (get(leat_buf_str(&bytes), &again, t, true) != first.n) abort();
    put(&same, &again);
    if (!leat_str_eq(leat_buf_str(&bytes), leat_buf_str(&same))) abort();
    leat_buf_free(&bytes);
    leat_buf_free(&same);
    leat_batch_free(&first);
    leat_batch_free(&again);
    leat_table_unpin(t);
    return 0;
}
