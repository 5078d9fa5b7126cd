/* Events of the model database; see event.h. */
#include "event.h"

#include <string.h>

static const leat_value *make_src(leat_arena *a, int64_t lsn, unsigned view)
{
    leat_value *src = LEAT_NEW(a, leat_value, 2);
    src[0] = leat_int(lsn);
    src[1] = view ? leat_int(view) : leat_null();
    return src;
}

static leat_event *add_meta(leat_batch *b, const db_tx *tx)
{
    leat_event *ev = leat_batch_add(b, NULL);
    leat_record *record = LEAT_NEW(&b->arena, leat_record, 1);
    leat_schema *key = leat_schema_new(&b->arena, LEAT_T_INT64, false);
    leat_schema *value = leat_schema_struct(&b->arena, true, "sim.Transaction", 1, 2);
    leat_field *fields = LEAT_NEW(&b->arena, leat_field, 2);
    fields[0] = (leat_field){"status", leat_schema_new(&b->arena, LEAT_T_STRING, false)};
    fields[1] = (leat_field){"events", leat_schema_new(&b->arena, LEAT_T_INT64, true)};
    value->fields = fields;
    leat_value *cells = LEAT_NEW(&b->arena, leat_value, 2);
    cells[0] = leat_text(LEAT_STR("END"));
    cells[1] = leat_int(tx->kept);
    *record = (leat_record){.topic = db_topic_names[DB_META],
                            .key_schema = key,
                            .value_schema = value,
                            .key = leat_int((int64_t)tx->id),
                            .value = {.kind = LEAT_STRUCT, .len = 2, .u.list = cells}};
    ev->record = record;
    ev->tx = tx->id;
    ev->tx_seq = tx->n + 1;
    ev->ts_us = tx->commit_us;
    ev->seen_us = tx->commit_us + 5;
    return ev;
}

static leat_value *message_cells(leat_arena *a, db_row row)
{
    leat_value *v = LEAT_NEW(a, leat_value, 2);
    v[0] = leat_text(row.stamp % 2 ? LEAT_STR("audit") : LEAT_STR("outbox"));
    v[1] = leat_bytes(db_text(row));
    return v;
}

static void fill_images(leat_event *ev, leat_arena *a, const db_op *op)
{
    bool moved = op->key != op->old_key, items = op->table == DB_ITEMS;
    bool before = op->op == LEAT_OP_DELETE || (op->op == LEAT_OP_UPDATE && (moved || !items));
    if (before)
        ev->before = db_cells(a, op->table, op->version, op->old_key, op->before, items, false);
    if (before && items) ev->flags |= LEAT_EV_OLD_KEY_ONLY;
    if (moved) ev->flags |= LEAT_EV_KEY_CHANGED;
    if (op->op == LEAT_OP_CREATE || op->op == LEAT_OP_UPDATE)
        ev->after = db_cells(a, op->table, op->version, op->key, op->after, false, op->toast);
}

leat_event *event_add(leat_batch *b, const db_schema *schema, const db *d, const db_tx *tx,
                      uint32_t n)
{
    if (n == tx->n) return add_meta(b, tx);
    const db_op *op = &d->ops[tx->first + n];
    bool message = op->op == LEAT_OP_MESSAGE;
    const leat_table *t = message ? schema->message : schema->tables[op->table][op->version];
    leat_event *ev = leat_batch_add(b, t);
    ev->op = op->op;
    ev->tx = tx->id;
    ev->tx_seq = ev->tx_table_seq = n + 1;
    ev->ts_us = tx->commit_us;
    ev->seen_us = tx->commit_us + 5;
    ev->src = make_src(&b->arena, tx->begin + n, 0);
    if (message)
        ev->after = message_cells(&b->arena, op->after);
    else
        fill_images(ev, &b->arena, op);
    return ev;
}

leat_event *event_add_row(leat_batch *b, const db_schema *schema, unsigned table, unsigned version,
                          unsigned key, db_row row, unsigned view, int64_t lsn)
{
    leat_event *ev = leat_batch_add(b, schema->tables[table][version]);
    ev->op = LEAT_OP_READ;
    ev->snapshot = LEAT_SNAPSHOT_TRUE;
    ev->ts_us = ev->seen_us = 1690000000000000 + lsn;
    ev->src = make_src(&b->arena, lsn, view);
    ev->after = db_cells(&b->arena, table, version, key, row, false, false);
    return ev;
}

/* ---- comparing ---- */

static bool same_cells(const leat_value *x, const leat_value *y, unsigned n)
{
    if (!x || !y) return x == y;
    for (unsigned i = 0; i < n; i++)
        if (!leat_value_eq(&x[i], &y[i])) return false;
    return true;
}

static const char *record_differs(const leat_record *x, const leat_record *y)
{
    if (strcmp(x->topic, y->topic) != 0) return "topic";
    if (!leat_value_eq(&x->key, &y->key)) return "key";
    if (!leat_value_eq(&x->value, &y->value)) return "value";
    if (!leat_schema_eq(x->key_schema, y->key_schema)) return "key schema";
    if (!leat_schema_eq(x->value_schema, y->value_schema)) return "value schema";
    return x->nheaders == y->nheaders ? NULL : "headers";
}

const char *event_differs(const leat_event *x, const leat_event *y)
{
    if (x->op != y->op) return "operation";
    if (x->tx != y->tx) return "transaction";
    if (x->op == LEAT_OP_RECORD) return record_differs(x->record, y->record);
    if (x->tx_seq != y->tx_seq || x->tx_table_seq != y->tx_table_seq) return "order in transaction";
    if (x->table->fingerprint != y->table->fingerprint) return "table version";
    if (strcmp(x->table->topic, y->table->topic) != 0) return "topic";
    if (x->ts_us != y->ts_us || x->seen_us != y->seen_us) return "time";
    if (x->snapshot != y->snapshot || x->flags != y->flags) return "flags";
    unsigned n = x->table->row->nfields;
    if (!same_cells(x->before, y->before, n)) return "row before";
    if (!same_cells(x->after, y->after, n)) return "row after";
    return same_cells(x->src, y->src, x->table->origin->ncells) ? NULL : "source cells";
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    return h ^ (h >> 29);
}

static uint64_t mix_cells(uint64_t h, const leat_value *v, unsigned n)
{
    for (unsigned i = 0; v && i < n; i++) {
        h = mix(h, v[i].kind);
        if (v[i].kind == LEAT_TEXT || v[i].kind == LEAT_BYTES)
            h = mix(h, leat_str_hash(leat_value_str(&v[i])));
        else if (v[i].kind == LEAT_INT)
            h = mix(h, (uint64_t)v[i].u.i);
    }
    return mix(h, v != NULL);
}

uint64_t event_hash(const leat_event *ev)
{
    uint64_t h = mix(mix(ev->op, ev->tx), (uint64_t)ev->ts_us);
    if (ev->op == LEAT_OP_RECORD) {
        h = mix_cells(h, &ev->record->key, 1);
        return mix_cells(h, ev->record->value.u.list, ev->record->value.len);
    }
    unsigned n = ev->table->row->nfields;
    h = mix(mix(h, ev->tx_seq), ev->flags | (unsigned)ev->snapshot << 8);
    h = mix_cells(mix_cells(h, ev->before, n), ev->after, n);
    return mix(mix_cells(h, ev->src, ev->table->origin->ncells), ev->table->fingerprint);
}

unsigned event_topic(const leat_event *ev)
{
    const char *topic = leat_event_topic(ev);
    for (unsigned i = 0; i < DB_TOPICS; i++)
        if (strcmp(topic, db_topic_names[i]) == 0) return i;
    return DB_TOPICS;
}
