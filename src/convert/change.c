/* Envelopes -> changes; see the header. Tables are in change_table.c.
 *
 *     value {before, after, source, op, ...}          the change, op as it says
 *     value {op, source, message}                     a logical decoding message
 *     value a struct without these                    c, the row being the value, or u, if some
 *                                                     of it was not sent
 *     null behind such a row                          d of the key
 *     null else                                       nothing: the delete stood before it
 */
#include <stdio.h>

#include "convert/change_part.h"

leat_change_reader *leat_change_reader_new(const leat_json_read_conf *key,
                                           const leat_json_read_conf *value)
{
    leat_change_reader *r = leat_zalloc(1, sizeof *r);
    r->keys = leat_json_reader_new(key);
    r->values = leat_json_reader_new(value);
    return r;
}

void leat_change_reader_free(leat_change_reader *r)
{
    if (!r) return;
    leat_change_tables_forget(r);
    leat_json_reader_free(r->keys);
    leat_json_reader_free(r->values);
    leat_free(r);
}

void leat_change_reader_through(leat_change_reader *r,
                                leat_rc (*fn)(void *arg, leat_record *record, leat_arena *a,
                                              leat_err *e),
                                void *arg)
{
    r->through = fn;
    r->through_arg = arg;
}

void leat_change_reader_forget(leat_change_reader *r)
{
    leat_change_tables_forget(r);
    leat_json_reader_forget(r->keys);
    leat_json_reader_forget(r->values);
}

bool leat_change_reader_trim(leat_change_reader *r)
{
    if (!leat_json_reader_full(r->keys) && !leat_json_reader_full(r->values) &&
        r->ntables < LEAT_CHANGE_TABLES)
        return false;
    leat_change_reader_forget(r);
    return true;
}

/* ---- parts of a value ---- */

const leat_value *leat_change_part(const leat_schema *s, const leat_value *v, const char *name)
{
    if (v->kind == LEAT_STRUCT && s) {
        int i = leat_schema_field(s, leat_str_of(name));
        return i < 0 ? NULL : &v->u.list[i];
    }
    for (uint32_t i = 0; v->kind == LEAT_MAP && !s && i < v->len; i++)
        if (leat_str_is(leat_value_str(&v->u.list[2 * i]), name)) return &v->u.list[2 * i + 1];
    return NULL;
}

static leat_str text_part(const leat_schema *s, const leat_value *v, const char *name)
{
    const leat_value *part = leat_change_part(s, v, name);
    return part && part->kind == LEAT_TEXT ? leat_value_str(part) : (leat_str){0};
}

static bool int_part(const leat_schema *s, const leat_value *v, const char *name, int64_t *out)
{
    const leat_value *part = leat_change_part(s, v, name);
    if (!part || part->kind != LEAT_INT) return false;
    *out = part->u.i;
    return true;
}

/* ts_us, else ts_ms. */
static int64_t time_of(const leat_schema *s, const leat_value *v)
{
    int64_t t = 0;
    if (int_part(s, v, "ts_us", &t)) return t;
    if (int_part(s, v, "ts_ms", &t) && __builtin_mul_overflow(t, (int64_t)1000, &t)) t = 0;
    return t;
}

static const leat_schema *schema_of(const leat_schema *s, const char *name)
{
    int i = s ? leat_schema_field(s, leat_str_of(name)) : -1;
    return i < 0 ? NULL : s->fields[i].schema;
}

/* ---- what a record is ---- */

static bool has(const leat_schema *s, const leat_value *v, const char *name)
{
    return leat_change_part(s, v, name) != NULL;
}

/* A struct, or an object without a schema. */
static bool has_names(const leat_schema *s, const leat_value *v)
{
    return v && (s ? v->kind == LEAT_STRUCT : v->kind == LEAT_MAP);
}

/* By its fields: names of schemas can be changed by transforms. */
static leat_change_kind kind_of(const leat_change_record *c)
{
    const leat_value *v = &c->value;
    if (v->kind == LEAT_NULL) return LEAT_CHANGE_TOMBSTONE;
    if (!has_names(c->value_schema, v)) return LEAT_CHANGE_OTHER;
    bool op = text_part(c->value_schema, v, "op").len == 1;
    const leat_value *source = leat_change_part(c->value_schema, v, "source");
    bool sourced = op && has_names(c->value_schema, source);
    if (sourced && has(c->value_schema, v, "before") && has(c->value_schema, v, "after"))
        return LEAT_CHANGE_ENVELOPE;
    if (sourced && has(c->value_schema, v, "message")) return LEAT_CHANGE_MESSAGE;
    return v->kind == LEAT_STRUCT ? LEAT_CHANGE_ROW : LEAT_CHANGE_OTHER;
}

/* ---- cells ---- */

/* Whether a cell of the key is one of the column. Without schemas a cell shows what it is. */
static bool key_fits(const leat_change_record *c, const char *name, const leat_value *key,
                     const leat_schema *column)
{
    const leat_schema *s = schema_of(c->key_schema, name);
    if (s) return leat_change_alike(s, column);
    if (!c->value_schema) return true;
    if (column->logical != LEAT_L_NONE) return false;
    return key->kind == LEAT_INT ? column->type <= LEAT_T_INT64
                                 : key->kind == LEAT_TEXT && column->type == LEAT_T_STRING;
}

/* Of a row that lacks them, the key's columns, by the record's key. */
static void put_key(const leat_table *t, const leat_change_record *c, leat_value *cells)
{
    for (uint16_t i = 0; i < t->nkey; i++) {
        leat_value *cell = &cells[t->key_cols[i]];
        const leat_field *column = &t->row->fields[t->key_cols[i]];
        const leat_value *key = leat_change_part(c->key_schema, &c->key, column->name);
        if (cell->kind != LEAT_NULL && cell->kind != LEAT_ABSENT) continue;
        if (key && key_fits(c, column->name, key, column->schema)) *cell = *key;
    }
}

/* The row's cells by the table, ABSENT where the placeholder stands; NULL: it is null. */
static leat_value *cells_of(const leat_change_table *at, const leat_value *row, leat_arena *a)
{
    const leat_table *t = at->table;
    if (!row || (row->kind != LEAT_STRUCT && row->kind != LEAT_MAP)) return NULL;
    leat_value *cells = LEAT_NEW(a, leat_value, t->row->nfields);
    for (uint32_t i = 0; i < t->row->nfields; i++) {
        const leat_value *from = row->kind == LEAT_STRUCT && i < row->len
                                     ? &row->u.list[i]
                                     : leat_change_part(NULL, row, t->row->fields[i].name);
        cells[i] = from ? *from : leat_absent();
        if (leat_change_absent(at, i, &cells[i])) cells[i] = leat_absent();
    }
    return cells;
}

static leat_value *key_alone(const leat_table *t, leat_arena *a)
{
    leat_value *cells = LEAT_NEW(a, leat_value, t->row->nfields);
    for (uint32_t i = 0; i < t->row->nfields; i++) cells[i] = leat_absent();
    return cells;
}

/* Debezium makes a delete and a create of a change of key. Another key in the old row of an update
 * was not sent: it is made up (event/envelope.h). */
static void drop_made_up(const leat_table *t, const leat_value *after, leat_value *before)
{
    for (uint16_t i = 0; i < t->nkey; i++) {
        leat_value *cell = &before[t->key_cols[i]];
        if (!leat_value_eq(cell, &after[t->key_cols[i]])) *cell = leat_absent();
    }
}

/* The cells of the source block that are an event's own, in the order of the schema. */
static const leat_value *source_cells(const leat_table *t, const leat_value *source, leat_arena *a)
{
    const leat_origin *o = t->origin;
    leat_value *cells = LEAT_NEW(a, leat_value, o->ncells);
    for (uint32_t i = 0; i < o->schema->nfields; i++)
        if (o->fields[i].bind == LEAT_BIND_CELL && source->kind == LEAT_STRUCT)
            cells[o->fields[i].cell] = source->u.list[i];
    return cells;
}

static uint8_t snapshot_of(const leat_schema *s, const leat_value *source)
{
    leat_str name = text_part(s, source, "snapshot");
    for (int i = LEAT_SNAPSHOT_FALSE; i <= LEAT_SNAPSHOT_INCREMENTAL; i++)
        if (leat_str_is(name, leat_snapshot_name((leat_snapshot)i))) return (uint8_t)i;
    return LEAT_SNAPSHOT_FALSE;
}

/* ---- events ---- */

static leat_rc bad(leat_err *e, const char *what)
{
    return leat_fail(e, LEAT_DATA, "convert.value", "", "%s", what);
}

static leat_event *add(const leat_change_record *c, const leat_change_table *at, leat_batch *b)
{
    leat_event *ev = leat_batch_add(b, at->table);
    ev->seen_us = time_of(c->value_schema, &c->value);
    if (!c->source) return ev;
    const leat_schema *s = schema_of(c->value_schema, "source");
    ev->ts_us = time_of(s, c->source);
    ev->snapshot = snapshot_of(s, c->source);
    ev->src = source_cells(at->table, c->source, &b->arena);
    return ev;
}

static leat_rc add_change(const leat_change_record *c, const leat_change_table *at, leat_batch *b,
                          leat_err *e)
{
    const leat_schema *s = c->value_schema;
    char op = text_part(s, &c->value, "op").s[0];
    leat_value *before = cells_of(at, leat_change_part(s, &c->value, "before"), &b->arena);
    leat_value *after = cells_of(at, leat_change_part(s, &c->value, "after"), &b->arena);
    uint8_t flags = 0;
    if (!strchr("rcudt", op)) return bad(e, "its op is none of r, c, u, d, t");
    if (before && !at->old_alike) return bad(e, "before has other columns than after");
    if ((op == LEAT_OP_READ || op == LEAT_OP_CREATE || op == LEAT_OP_UPDATE) && !after)
        return bad(e, "the change has no row: after is null");
    if (op == LEAT_OP_DELETE) {
        if (!before && at->table->nkey == 0) return bad(e, "the delete has neither row nor key");
        if (!before) flags = LEAT_EV_OLD_KEY_ONLY;
        if (!before) before = key_alone(at->table, &b->arena);
        put_key(at->table, c, before);
    }
    if (after) put_key(at->table, c, after);
    if (op == LEAT_OP_UPDATE && before) drop_made_up(at->table, after, before);
    leat_event *ev = add(c, at, b);
    ev->op = (uint8_t)op;
    ev->flags = flags;
    ev->before = op == LEAT_OP_DELETE || op == LEAT_OP_UPDATE ? before : NULL;
    /* What was not sent stays so: the old row may be a key with made-up nulls and zeros beside it
     * (event/envelope.h), and the target has the value. */
    ev->after = op == LEAT_OP_DELETE ? NULL : after;
    return LEAT_OK;
}

static bool whole(const leat_table *t, const leat_value *cells)
{
    for (uint32_t i = 0; i < t->row->nfields; i++)
        if (cells[i].kind == LEAT_ABSENT) return false;
    return true;
}

/* What was not sent the target has already: such a row was changed, not made. */
static void add_row(const leat_change_record *c, const leat_change_table *at, leat_batch *b)
{
    leat_value *cells = cells_of(at, &c->value, &b->arena);
    leat_event *ev = add(c, at, b);
    put_key(at->table, c, cells);
    ev->op = whole(at->table, cells) ? LEAT_OP_CREATE : LEAT_OP_UPDATE;
    ev->after = cells;
}

static void add_delete(const leat_change_record *c, const leat_change_table *at, leat_batch *b)
{
    leat_value *cells = key_alone(at->table, &b->arena);
    leat_event *ev = add(c, at, b);
    ev->op = LEAT_OP_DELETE;
    ev->flags = LEAT_EV_OLD_KEY_ONLY;
    put_key(at->table, c, cells);
    ev->before = cells;
}

static void add_message(const leat_change_record *c, const leat_change_table *at, leat_batch *b)
{
    const leat_value *message = leat_change_part(c->value_schema, &c->value, "message");
    leat_value *cells = cells_of(at, message, &b->arena);
    leat_event *ev = add(c, at, b);
    ev->op = LEAT_OP_MESSAGE;
    ev->after = cells;
}

static void add_record(const leat_change_record *c, leat_batch *b)
{
    leat_event *ev = leat_batch_add(b, NULL);
    leat_record *record = LEAT_NEW(&b->arena, leat_record, 1);
    *record = (leat_record){
        .topic = leat_arena_strdup(&b->arena, c->topic), .key = c->key, .value = c->value};
    if (c->key_schema) record->key_schema = leat_schema_copy(&b->arena, c->key_schema);
    if (c->value_schema) record->value_schema = leat_schema_copy(&b->arena, c->value_schema);
    ev->op = LEAT_OP_RECORD;
    ev->record = record;
}

static leat_rc in_part(leat_rc rc, leat_err *e, const char *code)
{
    if (leat_rc_failed(rc) && e) snprintf(e->code, sizeof e->code, "%s", code);
    return rc;
}

bool leat_change_join(const leat_event *gone, leat_event *made, leat_arena *a)
{
    if (gone->op != LEAT_OP_DELETE || !made->after || whole(made->table, made->after)) return false;
    const leat_table *t = made->table, *old = gone->table;
    if (strcmp(old->topic, t->topic) != 0) return false;
    leat_value *cells = key_alone(t, a);
    for (uint32_t i = 0; i < t->row->nfields; i++) {
        int at = leat_schema_field(old->row, leat_str_of(t->row->fields[i].name));
        if (at >= 0 && leat_change_alike(old->row->fields[at].schema, t->row->fields[i].schema))
            cells[i] = gone->before[at];
    }
    for (uint16_t i = 0; i < t->nkey; i++)
        if (cells[t->key_cols[i]].kind == LEAT_ABSENT) return false;
    made->op = LEAT_OP_UPDATE;
    made->flags = LEAT_EV_KEY_CHANGED;
    made->before = cells;
    return true;
}

leat_rc leat_change_read(leat_change_reader *r, const char *topic, leat_str key, leat_str value,
                         leat_batch *b, leat_err *e)
{
    leat_record record = {.topic = topic};
    LEAT_TRY(in_part(leat_json_read(r->keys, key, &b->arena, &record.key_schema, &record.key, e), e,
                     "convert.key"));
    LEAT_TRY(
        in_part(leat_json_read(r->values, value, &b->arena, &record.value_schema, &record.value, e),
                e, "convert.value"));
    if (r->through) LEAT_TRY(r->through(r->through_arg, &record, &b->arena, e));
    return leat_change_take(r, &record, b, e);
}

leat_rc leat_change_take(leat_change_reader *r, const leat_record *record, leat_batch *b,
                         leat_err *e)
{
    const leat_change_table *at = NULL;
    leat_change_record c = {.topic = record->topic,
                            .key_schema = record->key_schema,
                            .value_schema = record->value_schema,
                            .key = record->key,
                            .value = record->value};
    c.kind = kind_of(&c);
    if (c.kind == LEAT_CHANGE_ENVELOPE || c.kind == LEAT_CHANGE_MESSAGE)
        c.source = leat_change_part(c.value_schema, &c.value, "source");
    if (c.kind != LEAT_CHANGE_OTHER) LEAT_TRY(leat_change_table_of(r, &c, &at, e));
    switch (c.kind) {
    case LEAT_CHANGE_ENVELOPE: return add_change(&c, at, b, e);
    case LEAT_CHANGE_MESSAGE: add_message(&c, at, b); break;
    case LEAT_CHANGE_ROW: add_row(&c, at, b); break;
    case LEAT_CHANGE_TOMBSTONE:
        if (!at) return LEAT_AGAIN;
        add_delete(&c, at, b);
        break;
    case LEAT_CHANGE_OTHER: add_record(&c, b); break;
    }
    return LEAT_OK;
}
