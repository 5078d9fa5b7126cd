/* See stream_model.h. */
#include "../test.h"

#include "stream_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sample.h"

enum { VERSION_EVERY = 40 };

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t chance(const model *m, uint64_t tx, uint64_t k)
{
    return mix(m->seed * 0x9e3779b97f4a7c15u + mix(tx * 0x2545f4914f6cdd1du + k + 1));
}

static leat_table *small_table(const char *topic, const char *column)
{
    static const uint16_t key_cols[] = {0};
    static const leat_column cols[] = {{.type = "bigint", .position = 1},
                                       {.type = "text", .position = 2}};
    leat_origin *o = sample_origin();
    leat_table *t = leat_table_new(o);
    leat_origin_unpin(o);
    leat_arena *a = &t->arena;
    const leat_field fields[] = {
        {"id", leat_schema_new(a, LEAT_T_INT64, false)},
        {leat_arena_strdup(a, column), leat_schema_new(a, LEAT_T_STRING, true)}};
    leat_schema *row = leat_schema_struct(a, true, leat_arena_printf(a, "%s.Value", topic), 0, 2);
    row->fields = leat_arena_dup(a, fields, sizeof(fields));
    leat_schema *key = leat_schema_struct(a, false, leat_arena_printf(a, "%s.Key", topic), 0, 1);
    key->fields = row->fields;
    t->db = "shop";
    t->schema = "public";
    t->name = leat_arena_strdup(a, strrchr(topic, '.') + 1);
    t->topic = leat_arena_strdup(a, topic);
    t->flags = LEAT_TABLE_TOMBSTONES;
    t->row = row;
    t->key = key;
    t->key_cols = key_cols;
    t->nkey = 1;
    t->cols = cols;
    leat_table_seal(t);
    return t;
}

static const char *const topics[MODEL_TOPICS] = {"shop.public.orders", "shop.public.b\xc3\xa4r/e 1",
                                                 "shop.public.changing", "shop.heartbeat"};

const char *model_topic(unsigned topic)
{
    return topics[topic];
}

void model_init(model *m, uint64_t seed, uint32_t most, uint32_t text_most)
{
    *m = (model){.seed = seed, .most = most, .text_most = text_most};
    for (unsigned i = 0; i < 2; i++) m->tables[i] = small_table(topics[i], "text");
    for (unsigned i = 0; i < MODEL_VERSIONS; i++) {
        char column[16];
        snprintf(column, sizeof(column), "v%u", i);
        m->versions[i] = small_table(topics[2], column);
    }
}

void model_free(model *m)
{
    for (unsigned i = 0; i < 2; i++) leat_table_unpin(m->tables[i]);
    for (unsigned i = 0; i < MODEL_VERSIONS; i++) leat_table_unpin(m->versions[i]);
}

uint32_t model_size(const model *m, uint64_t tx)
{
    uint64_t c = chance(m, tx, UINT64_MAX - 1);
    if (c % 7 == 0) return 0;
    uint32_t most = c / 7 % 16 == 0 ? m->most * 8 : m->most;
    return 1 + (uint32_t)(c / 112 % most);
}

uint64_t model_events(const model *m, uint64_t tx)
{
    uint64_t n = 0;
    for (uint64_t t = 1; t <= tx; t++) n += model_size(m, t);
    return n;
}

bool model_whole(const model *m, uint64_t events, uint64_t *tx)
{
    uint64_t n = 0;
    for (*tx = 0; n + model_size(m, *tx + 1) <= events; ++*tx) n += model_size(m, *tx + 1);
    return n == events;
}

static uint32_t filtered(const model *m, uint64_t tx)
{
    return (uint32_t)(chance(m, tx, UINT64_MAX - 2) % 3);
}

unsigned model_topic_of(const model *m, uint64_t tx, uint32_t k)
{
    return (unsigned)(chance(m, tx, k) % 13 % MODEL_TOPICS);
}

static uint8_t op_of(const model *m, uint64_t tx, uint32_t k)
{
    static const uint8_t ops[] = {LEAT_OP_CREATE, LEAT_OP_UPDATE, LEAT_OP_DELETE, LEAT_OP_UPDATE,
                                  LEAT_OP_CREATE};
    if (model_topic_of(m, tx, k) == 3) return LEAT_OP_RECORD;
    return ops[chance(m, tx, k) / 13 % 5];
}

static bool key_changed(const model *m, uint64_t tx, uint32_t k)
{
    return op_of(m, tx, k) == LEAT_OP_UPDATE && chance(m, tx, k) / 65 % 4 == 0;
}

unsigned model_records_of(const model *m, uint64_t tx, uint32_t k)
{
    uint8_t op = op_of(m, tx, k);
    return op == LEAT_OP_DELETE ? 2 : key_changed(m, tx, k) ? 3 : 1;
}

int64_t model_ts(uint64_t tx)
{
    return 1763700000000000 + (int64_t)tx * 1000;
}

static leat_str text_of(const model *m, uint64_t tx, uint32_t k, char *out)
{
    uint64_t c = chance(m, tx, k);
    size_t len = c / 1000 % (m->text_most + 1);
    for (size_t i = 0; i < len; i++) out[i] = (char)('a' + mix(c + i / 3) % 26);
    return (leat_str){out, len};
}

static leat_table *table_of(const model *m, uint64_t tx, unsigned topic)
{
    return topic == 2 ? m->versions[tx / VERSION_EVERY % MODEL_VERSIONS] : m->tables[topic];
}

static leat_value *row_of(const model *m, leat_batch *b, uint64_t tx, uint32_t k)
{
    leat_value *cells = LEAT_NEW(&b->arena, leat_value, 2);
    cells[0] = leat_int((int64_t)(tx << 20 | k));
    cells[1] = leat_text(text_of(m, tx, k, leat_arena_alloc(&b->arena, m->text_most + 1, 1)));
    return cells;
}

static void add_event(const model *m, uint64_t tx, uint32_t k, leat_batch *b)
{
    unsigned topic = model_topic_of(m, tx, k);
    uint8_t op = op_of(m, tx, k);
    leat_event *ev = leat_batch_add(b, topic == 3 ? NULL : table_of(m, tx, topic));
    ev->op = op;
    ev->tx = tx;
    ev->tx_seq = k + 1;
    ev->ts_us = model_ts(tx);
    ev->seen_us = ev->ts_us + 77;
    leat_value *row = row_of(m, b, tx, k);
    if (op == LEAT_OP_RECORD) {
        static const leat_schema text = {.type = LEAT_T_STRING, .optional = true};
        leat_record *r = LEAT_NEW(&b->arena, leat_record, 1);
        *r = (leat_record){
            .topic = topics[3], .value_schema = &text, .key = row[0], .value = row[1]};
        ev->record = r;
        return;
    }
    ev->src = sample_src(b, (int64_t)tx * 100, (int64_t)tx * 100 + k, (int64_t)tx);
    if (op != LEAT_OP_CREATE) ev->before = row;
    if (op != LEAT_OP_DELETE) ev->after = row;
    if (key_changed(m, tx, k)) ev->flags = LEAT_EV_KEY_CHANGED;
}

/* RECORDs are no changes of the source's: the ledger does not count them. */
static void count(const model *m, uint64_t tx, uint32_t k, leat_counts *c)
{
    if (op_of(m, tx, k) == LEAT_OP_RECORD) return;
    c->received++;
    c->appended++;
}

static void count_end(const model *m, uint64_t tx, leat_counts *c)
{
    c->received += filtered(m, tx);
    c->filtered += filtered(m, tx);
}

leat_counts model_totals(const model *m, uint64_t tx)
{
    leat_counts c = {0};
    for (uint64_t t = 1; t <= tx; t++) {
        for (uint32_t k = 0; k < model_size(m, t); k++) count(m, t, k, &c);
        count_end(m, t, &c);
    }
    return c;
}

void model_read(const model *m, model_place *at, uint32_t n, leat_batch *b)
{
    char offset[48];
    while (n > 0) {
        uint32_t size = model_size(m, at->tx);
        for (; at->k < size && n > 0; at->k++, n--) {
            add_event(m, at->tx, at->k, b);
            count(m, at->tx, at->k, &b->counts);
        }
        b->tx_open = at->k > 0;
        if (at->k < size) break;
        count_end(m, at->tx, &b->counts);
        snprintf(offset, sizeof(offset), "{\"n\":%" PRIu64 "}", at->tx);
        leat_batch_safe(b, (leat_position){LEAT_STR("{\"server\":\"shop\"}"), leat_str_of(offset)});
        if (size == 0) n--;
        *at = (model_place){at->tx + 1, 0};
    }
}

uint64_t model_reached(const leat_stream_state *st)
{
    uint64_t n = 0;
    if (st->npos == 0) return 0;
    assert_int_equal(st->npos, 1);
    leat_str text = st->pos[0].offset;
    assert_true(leat_str_starts(text, "{\"n\":"));
    assert_true(leat_str_u64((leat_str){text.s + 5, text.len - 6}, &n));
    return n;
}

void model_check_state(const model *m, const leat_stream_state *st, uint64_t tx)
{
    leat_counts c = model_totals(m, tx);
    assert_int_equal(model_reached(st), tx);
    assert_int_equal(st->events, model_events(m, tx));
    assert_memory_equal(&st->totals, &c, sizeof(c));
}

void model_consumer_init(model_consumer *c, const model *m, int only)
{
    *c = (model_consumer){.m = m, .only = only, .at = {1, 0}};
}

/* To the next event that is wanted; those passed over take their offsets. */
static void advance(model_consumer *c)
{
    for (;;) {
        while (c->at.k >= model_size(c->m, c->at.tx)) c->at = (model_place){c->at.tx + 1, 0};
        unsigned topic = model_topic_of(c->m, c->at.tx, c->at.k);
        if (c->only < 0 || (unsigned)c->only == topic) return;
        c->at.k++;
    }
}

static void judge(const model *m, const leat_event *ev, uint64_t tx, uint32_t k)
{
    char text[4096];
    unsigned topic = model_topic_of(m, tx, k);
    assert_int_equal(ev->tx, tx);
    assert_int_equal(ev->tx_seq, k + 1);
    assert_int_equal(ev->op, op_of(m, tx, k));
    assert_int_equal(ev->ts_us, model_ts(tx));
    assert_int_equal(leat_event_records(ev), model_records_of(m, tx, k));
    assert_string_equal(leat_event_topic(ev), topics[topic]);
    const leat_value *id, *value;
    if (ev->op == LEAT_OP_RECORD) {
        id = &ev->record->key;
        value = &ev->record->value;
    } else {
        const leat_value *row = ev->op == LEAT_OP_DELETE ? ev->before : ev->after;
        assert_int_equal(ev->table->fingerprint, table_of(m, tx, topic)->fingerprint);
        assert_int_equal(ev->src[SRC_LSN].u.i, (int64_t)tx * 100 + k);
        id = &row[0];
        value = &row[1];
    }
    assert_int_equal(id->u.i, (int64_t)(tx << 20 | k));
    assert_true(leat_str_eq(leat_value_str(value), text_of(m, tx, k, text)));
}

void model_consume(model_consumer *c, const leat_batch *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        advance(c);
        unsigned topic = model_topic_of(c->m, c->at.tx, c->at.k);
        judge(c->m, &b->ev[i], c->at.tx, c->at.k);
        assert_int_equal(b->ev[i].offset, c->next[topic]);
        c->next[topic] += model_records_of(c->m, c->at.tx, c->at.k);
        c->at.k++;
        c->events++;
    }
}

leat_rc model_drain(model_consumer *c, leat_reader *r, leat_err *e)
{
    leat_batch b;
    leat_rc rc;
    leat_batch_init(&b, 100, 1 << 20);
    while ((rc = leat_reader_next(r, &b, 0, e)) == LEAT_OK) model_consume(c, &b);
    leat_batch_free(&b);
    return rc;
}
