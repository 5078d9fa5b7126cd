/* convert/json and event/envelope against the records of a real Debezium 3.6 on PostgreSQL.
 *
 * Once as they are: schema and payload of each recorded key, value and header are read back and
 * written again. Once from the other end: each change is turned into the event that a source would
 * have made, and its records must be those recorded, bytes, order and headers. What cannot be equal
 * is the last three digits of ts_ns where they come from the clock: leat's has microseconds. */
#include "../test.h"

#include <stdio.h>

#include "convert/json.h"
#include "event/envelope.h"
#include "golden.h"

typedef struct tally {
    leat_json_converter *with, *without;
    leat_str placeholder;
    size_t texts, headers, changes, records, absent;
} tally;

static void set_up(golden_file *f, tally *t)
{
    leat_json_conf conf = {.schemas = true, .replace_null_with_default = true};
    conf.decimal_numeric = strncmp(f->name, "decimal_numeric_format", 22) == 0;
    conf.replace_null_with_default = strncmp(f->name, "defaults_no_replace_null", 24) != 0;
    t->with = leat_json_converter_new(&conf);
    conf.schemas = false;
    t->without = leat_json_converter_new(&conf);
    t->placeholder = LEAT_STR("__debezium_unavailable_value");
    if (strncmp(f->name, "toast_placeholder.", 18) == 0) t->placeholder = LEAT_STR("__TOASTED__");
    if (strncmp(f->name, "toast_placeholder_hex", 21) == 0) t->placeholder = LEAT_STR("\1\2\xff");
}

static void tear_down(tally *t)
{
    leat_json_converter_free(t->with);
    leat_json_converter_free(t->without);
}

static void check_text(const char *file, leat_str expected, leat_str got)
{
    if (leat_str_eq(expected, got)) return;
    size_t i = 0;
    while (i < expected.len && i < got.len && expected.s[i] == got.s[i]) i++;
    size_t from = i > 60 ? i - 60 : 0;
    print_error("%s differs at %zu:\n  expected ...%.*s\n  got      ...%.*s\n", file, i,
                (int)(expected.len - from < 160 ? expected.len - from : 160), expected.s + from,
                (int)(got.len - from < 160 ? got.len - from : 160), got.s + from);
    fail();
}

static void convert(const tally *t, leat_json_converter *c, const leat_schema *s,
                    const leat_value *v, leat_buf *out, bool *is_null)
{
    leat_err e = {0};
    leat_buf_clear(out);
    if (leat_json_convert(c, s, v, t->placeholder, out, is_null, &e) == LEAT_OK) return;
    print_error("%s: %s\n", e.where, e.msg);
    fail();
}

/* ---- as they are ---- */

/* The schema of a text that was read and written again; NULL if it is not of JsonConverter's. */
static const leat_schema *check_part(golden_file *f, leat_str text, tally *t, leat_buf *out)
{
    const leat_json *schema, *payload;
    bool is_null;
    if (!golden_parts(&f->a, text, &schema, &payload)) return NULL;
    const leat_schema *s = golden_schema(&f->a, schema);
    leat_value v = golden_value(&f->a, s, payload);
    convert(t, t->with, s, &v, out, &is_null);
    check_text(f->name, text, leat_buf_str(out));
    convert(t, t->without, s, &v, out, &is_null);
    /* The payload alone stands at the end of the whole, before the brace. */
    assert_true(text.len > out->len);
    check_text(f->name, (leat_str){text.s + text.len - 1 - out->len, out->len}, leat_buf_str(out));
    t->texts++;
    return s;
}

static void check_header(golden_file *f, const leat_json *header, const leat_schema *key, tally *t,
                         leat_buf *out)
{
    leat_str name = header->child->text, text = header->child->next->text;
    if (!leat_str_starts(name, "__debezium.newkey") && !leat_str_starts(name, "__debezium.oldkey"))
        return;
    const leat_json *j;
    assert_int_equal(leat_json_parse(&f->a, text, &j, NULL), LEAT_OK);
    leat_header h = {"key", key, golden_value(&f->a, key, j)};
    leat_buf_clear(out);
    assert_int_equal(leat_json_header(t->with, &h, out, NULL), LEAT_OK);
    check_text(f->name, text, leat_buf_str(out));
    t->headers++;
}

static void read_and_write(golden_file *f, void *arg)
{
    tally *t = arg;
    leat_buf out = {0};
    set_up(f, t);
    for (size_t i = 0; i < f->n; i++) {
        const leat_schema *key = check_part(f, f->records[i].key, t, &out);
        check_part(f, f->records[i].value, t, &out);
        for (const leat_json *h = f->records[i].header; h != NULL && key != NULL; h = h->next)
            check_header(f, h, key, t, &out);
    }
    leat_buf_free(&out);
    tear_down(t);
}

static void test_read_and_write(void **state)
{
    (void)state;
    tally t = {0};
    assert_true(golden_each(".schema.jsonl", read_and_write, &t) > 70);
    assert_true(t.texts > 600);
    assert_true(t.headers > 10);
    print_message("# %zu keys and values, %zu headers\n", t.texts, t.headers);
}

/* ---- from the other end ---- */

/* A recorded envelope, taken apart. */
typedef struct change {
    const golden_record *record;
    const leat_schema *schema, *key_schema;
    const leat_json *payload;
    char op;
} change;

enum { COMMIT_LSN, LAST_LSN, LSN, TXID, CELLS };

static bool parse_change(golden_file *f, size_t i, change *c)
{
    const leat_json *schema, *payload;
    if (i >= f->n || !golden_parts(&f->a, f->records[i].value, &schema, &payload)) return false;
    *c = (change){.record = &f->records[i], .payload = payload};
    c->schema = golden_schema(&f->a, schema);
    const leat_json *op = leat_json_get(payload, "op");
    if (op == NULL || leat_schema_field(c->schema, LEAT_STR("before")) != 0) return false;
    c->op = op->text.s[0];
    if (golden_parts(&f->a, f->records[i].key, &schema, &payload))
        c->key_schema = golden_schema(&f->a, schema);
    return true;
}

static leat_origin_field bind_of(const char *name)
{
    static const struct {
        const char *name;
        leat_origin_field bind;
    } binds[] = {
        {"ts_ms", {.bind = LEAT_BIND_TS_MS}},
        {"ts_us", {.bind = LEAT_BIND_TS_US}},
        {"ts_ns", {.bind = LEAT_BIND_TS_NS}},
        {"snapshot", {.bind = LEAT_BIND_SNAPSHOT}},
        {"db", {.bind = LEAT_BIND_DB}},
        {"schema", {.bind = LEAT_BIND_SCHEMA}},
        {"table", {.bind = LEAT_BIND_TABLE}},
        {"txId", {.bind = LEAT_BIND_CELL, .cell = TXID}},
        {"lsn", {.bind = LEAT_BIND_CELL, .cell = LSN}},
        {"sequence", {.bind = LEAT_BIND_SEQUENCE, .cell = COMMIT_LSN}},
    };
    for (size_t i = 0; i < sizeof(binds) / sizeof(binds[0]); i++)
        if (strcmp(name, binds[i].name) == 0) return binds[i].bind;
    return (leat_origin_field){.bind = LEAT_BIND_CONST};
}

static leat_origin *make_origin(golden_file *f, const change *c, const leat_json *source)
{
    leat_origin *o = leat_origin_new();
    const leat_schema *s = c->schema->fields[2].schema;
    leat_origin_field *fields = LEAT_NEW(&f->a, leat_origin_field, s->nfields);
    for (uint32_t i = 0; i < s->nfields; i++) {
        fields[i] = bind_of(s->fields[i].name);
        fields[i].value =
            golden_value(&f->a, s->fields[i].schema, leat_json_get(source, s->fields[i].name));
    }
    leat_param *headers = LEAT_NEW(&f->a, leat_param, 8);
    for (const leat_json *h = c->record->header; h != NULL; h = h->next)
        if (leat_str_starts(h->child->text, "__debezium.context"))
            headers[o->nheaders++] = (leat_param){h->child->text.s, h->child->next->text.s};
    o->headers = headers;
    o->schema = s;
    o->fields = fields;
    o->ncells = CELLS;
    o->tx_cells[0] = TXID;
    o->tx_cells[1] = LSN;
    o->ntx_cells = 2;
    return o;
}

/* The key's last field is of no column: topic.key.field.name. */
static void put_key_tag(golden_file *f, const change *c, leat_table *t)
{
    const leat_json *key = NULL;
    const char *name = t->key->fields[--t->nkey].name;
    assert_int_equal(leat_json_parse(&f->a, c->record->key, &key, NULL), LEAT_OK);
    t->key_tag = leat_json_get_str(leat_json_get(key, "payload"), name).s;
    assert_non_null(t->key_tag);
}

static leat_table *make_table(golden_file *f, const change *c, bool tombstones)
{
    const leat_json *source = leat_json_get(c->payload, "source");
    leat_origin *o = make_origin(f, c, source);
    leat_table *t = leat_table_new(o);
    leat_origin_unpin(o);
    t->topic = c->record->topic;
    t->db = leat_json_get_str(source, "db").s;
    t->schema = leat_json_get_str(source, "schema").s;
    t->name = leat_json_get_str(source, "table").s;
    t->row = c->schema->fields[0].schema;
    t->key = c->key_schema;
    t->nkey = (uint16_t)(t->key != NULL ? t->key->nfields : 0);
    uint16_t *cols = LEAT_NEW(&f->a, uint16_t, t->nkey);
    for (uint16_t i = 0; i < t->nkey; i++)
        cols[i] = (uint16_t)leat_schema_field(t->row, leat_str_of(t->key->fields[i].name));
    t->key_cols = cols;
    if (t->nkey > 0 && cols[t->nkey - 1] == UINT16_MAX) put_key_tag(f, c, t);
    if (tombstones) t->flags |= LEAT_TABLE_TOMBSTONES;
    if (leat_json_get(c->payload, "transaction")->type == LEAT_JSON_OBJECT)
        t->flags |= LEAT_TABLE_TX_BLOCK;
    leat_table_seal(t);
    return t;
}

static leat_value lsn_of(const leat_json *j)
{
    if (j == NULL || j->type == LEAT_JSON_NULL) return leat_null();
    int64_t i = 0;
    assert_true(leat_str_i64(j->text, &i));
    return leat_int(i);
}

/* The cells under the source block: both numbers of the sequence, and the transaction. */
static const leat_value *make_src(golden_file *f, const leat_json *source)
{
    const leat_json *sequence = NULL;
    leat_value *src = LEAT_NEW(&f->a, leat_value, CELLS);
    assert_int_equal(leat_json_parse(&f->a, leat_json_get_str(source, "sequence"), &sequence, NULL),
                     LEAT_OK);
    src[COMMIT_LSN] = lsn_of(sequence->child);
    src[LAST_LSN] = lsn_of(sequence->child->next);
    src[LSN] = lsn_of(leat_json_get(source, "lsn"));
    src[TXID] = lsn_of(leat_json_get(source, "txId"));
    return src;
}

static const leat_value *row_of(golden_file *f, const change *c, const char *name)
{
    const leat_json *row = leat_json_get(c->payload, name);
    if (row->type == LEAT_JSON_NULL) return NULL;
    return golden_value(&f->a, c->schema->fields[0].schema, row).u.list;
}

static bool is_key(const leat_table *t, uint16_t col)
{
    for (uint16_t i = 0; i < t->nkey; i++)
        if (t->key_cols[i] == col) return true;
    return false;
}

/* An old row of which only the key came: what Debezium filled in is taken out again. */
static const leat_value *only_key(golden_file *f, const leat_table *t, const leat_value *row,
                                  leat_event *ev)
{
    if (row == NULL || t->nkey == 0) return row;
    leat_value *cells = leat_arena_dup(&f->a, row, t->row->nfields * sizeof(*row));
    for (uint16_t i = 0; i < t->row->nfields; i++) {
        leat_value *v = &cells[i];
        bool filled = v->kind == LEAT_NULL || (v->kind == LEAT_TEXT && v->len == 0);
        if (is_key(t, i)) continue;
        if (!filled) return row;
        *v = leat_absent();
    }
    ev->flags |= LEAT_EV_OLD_KEY_ONLY;
    return cells;
}

/* Cells that show nothing but the placeholder were not sent. */
static const leat_value *absent_cells(golden_file *f, const leat_schema *row,
                                      const leat_value *list, tally *t, leat_buf *out)
{
    leat_buf text = {0};
    const leat_value absent = leat_absent();
    bool is_null;
    if (list == NULL || strncmp(f->name, "toast", 5) != 0) return list;
    leat_value *cells = leat_arena_dup(&f->a, list, row->nfields * sizeof(*list));
    for (uint32_t i = 0; i < row->nfields; i++) {
        leat_schema *s = (leat_schema *)(uintptr_t)row->fields[i].schema;
        if (strcmp(row->fields[i].name, "hs") == 0) s->logical = LEAT_L_JSON_MAP;
        convert(t, t->without, s, &cells[i], out, &is_null);
        convert(t, t->without, s, s->type == LEAT_T_INT32 ? &cells[i] : &absent, &text, &is_null);
        if (!leat_str_eq(leat_buf_str(out), leat_buf_str(&text)) || s->type == LEAT_T_INT32)
            continue;
        cells[i] = absent;
        t->absent++;
    }
    leat_buf_free(&text);
    return cells;
}

static uint8_t snapshot_of(leat_str text)
{
    if (text.s == NULL) return LEAT_SNAPSHOT_FALSE;
    for (uint8_t i = 0; i <= LEAT_SNAPSHOT_INCREMENTAL; i++)
        if (leat_str_is(text, leat_snapshot_name((leat_snapshot)i))) return i;
    fail();
    return 0;
}

static void fill_event(golden_file *f, const change *c, leat_event *ev, tally *t, leat_buf *out)
{
    const leat_json *source = leat_json_get(c->payload, "source");
    const leat_json *tx = leat_json_get(c->payload, "transaction");
    ev->op = (uint8_t)c->op;
    ev->src = make_src(f, source);
    ev->snapshot = snapshot_of(leat_json_get_str(source, "snapshot"));
    ev->ts_us = leat_json_get_i64(source, "ts_us", 0);
    ev->seen_us = leat_json_get_i64(c->payload, "ts_us", 0);
    ev->tx_seq = (uint32_t)leat_json_get_i64(tx, "total_order", 0);
    ev->tx_table_seq = (uint32_t)leat_json_get_i64(tx, "data_collection_order", 0);
    ev->before = only_key(f, ev->table, row_of(f, c, "before"), ev);
    ev->after = absent_cells(f, ev->table->row, row_of(f, c, "after"), t, out);
}

/* The recorded value with the digits of ts_ns that leat does not have as zeros, and (for the second
 * record of a changed key, which was made a moment later) with the times of the first. */
static leat_str with_our_times(golden_file *f, leat_str text, const leat_event *ev)
{
    static const char mark[] = ",\"ts_ms\":";
    char times[120], *copy = leat_arena_dup(&f->a, text.s, text.len);
    int n = snprintf(times, sizeof(times), "%s%lld,\"ts_us\":%lld,\"ts_ns\":%lld000}}", mark,
                     (long long)ev->seen_us / 1000, (long long)ev->seen_us, (long long)ev->seen_us);
    static const char source[] = ",\"ts_ns\":";
    char *ns = memmem(copy, text.len, source, sizeof(source) - 1);
    assert_non_null(ns);
    for (ns += sizeof(source) - 1; ns[3] >= '0' && ns[3] <= '9';) ns++;
    memcpy(ns, "000", 3);
    assert_true(n > 0 && (size_t)n < text.len);
    size_t at = text.len - (size_t)n;
    assert_memory_equal(copy + at, mark, sizeof(mark) - 1);
    memcpy(copy + at, times, (size_t)n);
    return (leat_str){copy, text.len};
}

static void check_record(golden_file *f, const golden_record *expected, const leat_record *r,
                         const leat_event *ev, tally *t, leat_buf *out)
{
    bool is_null;
    uint32_t n = 0;
    assert_string_equal(r->topic, expected->topic);
    convert(t, t->with, r->key_schema, &r->key, out, &is_null);
    assert_int_equal(is_null, expected->key.s == NULL);
    check_text(f->name, is_null ? LEAT_STR("") : expected->key, leat_buf_str(out));
    convert(t, t->with, r->value_schema, &r->value, out, &is_null);
    assert_int_equal(is_null, expected->value.s == NULL);
    if (!is_null) check_text(f->name, with_our_times(f, expected->value, ev), leat_buf_str(out));
    for (const leat_json *h = expected->header; h != NULL; h = h->next, n++) {
        assert_true(n < r->nheaders);
        assert_string_equal(r->headers[n].name, h->child->text.s);
        leat_buf_clear(out);
        assert_int_equal(leat_json_header(t->with, &r->headers[n], out, NULL), LEAT_OK);
        check_text(f->name, h->child->next->text, leat_buf_str(out));
    }
    assert_int_equal(r->nheaders, n);
    t->records++;
}

static bool is_tombstone_of(const golden_file *f, size_t i, const golden_record *of)
{
    return i < f->n && f->records[i].value.s == NULL && leat_str_eq(f->records[i].key, of->key);
}

static bool has_header(const golden_record *r, const char *name)
{
    return r->header != NULL && leat_str_is(r->header->child->text, name);
}

/* The change that begins with the i-th record; returns how many records it took. */
static size_t check_change(golden_file *f, size_t i, const change *c, tally *t, leat_buf *out)
{
    leat_record r[LEAT_RECORDS_MAX];
    leat_arena a = {0};
    bool tombstones = is_tombstone_of(f, i + 1, c->record);
    leat_table *table = make_table(f, c, tombstones);
    leat_event ev = {.table = table};
    fill_event(f, c, &ev, t, out);
    change second;
    if (has_header(c->record, "__debezium.newkey")) {
        assert_true(parse_change(f, i + 1 + tombstones, &second));
        ev.op = LEAT_OP_UPDATE;
        ev.flags |= LEAT_EV_KEY_CHANGED;
        ev.after = row_of(f, &second, "after");
    }
    unsigned n = leat_envelope_records(&ev, &a, r);
    assert_int_equal(n, leat_event_records(&ev));
    assert_true(i + n <= f->n);
    for (unsigned k = 0; k < n; k++) check_record(f, &f->records[i + k], &r[k], &ev, t, out);
    leat_json_converter_forget(t->with);
    leat_arena_free(&a);
    leat_table_unpin(table);
    t->changes++;
    return n;
}

static void replay(golden_file *f, void *arg)
{
    /* Made by transforms and other converters than Debezium's envelope and JSON. */
    static const char *const others[] = {"crud_cloudevents", "crud_event_changes",
                                         "crud_logical_router", "crud_regex_router", "outbox"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strncmp(f->name, others[i], strlen(others[i])) == 0) return;
    tally *t = arg;
    leat_buf out = {0};
    change c;
    set_up(f, t);
    for (size_t i = 0; i < f->n;) i += parse_change(f, i, &c) ? check_change(f, i, &c, t, &out) : 1;
    leat_buf_free(&out);
    tear_down(t);
}

static void test_replay(void **state)
{
    (void)state;
    tally t = {0};
    golden_each(".schema.jsonl", replay, &t);
    assert_true(t.changes > 300);
    assert_true(t.records > t.changes + 20);
    assert_int_equal(t.absent, 51); /* of three recordings */
    print_message("# %zu changes, %zu records, %zu absent cells\n", t.changes, t.records, t.absent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_and_write),
        cmocka_unit_test(test_replay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
