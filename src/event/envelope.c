/* A CHANGE as Debezium's records (event/envelope.h).
 *
 *   create, read     key of after   value {null, after}
 *   update           key of after   value {before, after}
 *   update of a key  key of before  value {before, null} op d, header __debezium.newkey
 *                    key of before  null (tombstone), the same headers
 *                    key of after   value {null, after} op c, header __debezium.oldkey
 *   delete           key of before  value {before, null}
 *                    key of before  null (tombstone)
 *   truncate         no key         value {null, null}
 *   message          key of the row value {op, ts_ms, source, transaction, message}; no headers
 *   of a table with LEAT_TABLE_RECORD: key, value and headers as they stand in after
 *
 * Only values are arranged; nothing is rendered here, and rows are not copied but where an old
 * key's missing columns are filled. Works in the caller's arena; any thread. */
#include "event/envelope.h"

enum { INT_MOST = 20 }; /* characters of an int64 */

static const leat_schema string_schema = {.type = LEAT_T_STRING};
static const leat_schema int64_schema = {.type = LEAT_T_INT64};
static const leat_schema int64_optional = {.type = LEAT_T_INT64, .optional = true};

static const leat_field transaction_fields[] = {
    {"id", &string_schema},
    {"total_order", &int64_schema},
    {"data_collection_order", &int64_schema},
};
static const leat_schema transaction_schema = {
    .type = LEAT_T_STRUCT,
    .logical = LEAT_L_OTHER,
    .optional = true,
    .name = "event.block",
    .version = 1,
    .nfields = 3,
    .fields = transaction_fields,
};

/* Fields of an envelope, and of a message's. */
enum { BEFORE, AFTER, SOURCE, TRANSACTION, OP, TS_MS, TS_US, TS_NS, NFIELDS };
enum { M_OP, M_TS_MS, M_SOURCE, M_TRANSACTION, M_MESSAGE, M_NFIELDS };

static leat_schema *message_schema(leat_arena *a, const leat_table *t)
{
    const char *row = t->row->name != NULL ? t->row->name : t->topic;
    char *name = leat_arena_printf(a, "%sValue", row);
    leat_schema *s = leat_schema_struct(a, false, name, 1, M_NFIELDS);
    const leat_field fields[M_NFIELDS] = {
        [M_OP] = {"op", &string_schema},
        [M_TS_MS] = {"ts_ms", &int64_optional},
        [M_SOURCE] = {"source", t->origin->schema},
        [M_TRANSACTION] = {"transaction", &transaction_schema},
        [M_MESSAGE] = {"message", t->row},
    };
    s->fields = leat_arena_dup(a, fields, sizeof(fields));
    return s;
}

/* "<topic>.Envelope": the row schema's name says what stands for the topic in names of schemas. */
static const char *envelope_name(leat_arena *a, const leat_table *t)
{
    static const char tail[] = ".Value";
    const char *row = t->row->name;
    size_t n = row != NULL ? strlen(row) : 0;
    if (n < sizeof(tail) || strcmp(row + n - (sizeof(tail) - 1), tail) != 0)
        return leat_arena_printf(a, "%s.Envelope", t->topic);
    return leat_arena_printf(a, "%.*s.Envelope", (int)(n - (sizeof(tail) - 1)), row);
}

const leat_schema *leat_envelope_schema(leat_arena *a, const leat_table *t)
{
    if (t->flags & LEAT_TABLE_RECORD) {
        int value = leat_schema_field(t->row, LEAT_STR(LEAT_PART_VALUE));
        return value < 0 ? NULL : t->row->fields[value].schema;
    }
    if (t->flags & LEAT_TABLE_MESSAGE) return message_schema(a, t);
    leat_schema *s = leat_schema_struct(a, false, envelope_name(a, t), 2, NFIELDS);
    const leat_field fields[NFIELDS] = {
        [BEFORE] = {"before", t->row},
        [AFTER] = {"after", t->row},
        [SOURCE] = {"source", t->origin->schema},
        [TRANSACTION] = {"transaction", &transaction_schema},
        [OP] = {"op", &string_schema},
        [TS_MS] = {"ts_ms", &int64_optional},
        [TS_US] = {"ts_us", &int64_optional},
        [TS_NS] = {"ts_ns", &int64_optional},
    };
    s->fields = leat_arena_dup(a, fields, sizeof(fields));
    return s;
}

static leat_value *cells_new(leat_arena *a, size_t n)
{
    return leat_arena_alloc(a, n * sizeof(leat_value), _Alignof(leat_value));
}

static leat_value row_value(const leat_value *cells, uint32_t n)
{
    if (cells == NULL) return leat_null();
    return (leat_value){.kind = LEAT_STRUCT, .len = n, .u.list = cells};
}

/* Milliseconds and nanoseconds as Java's Instant has them: floor, and no overflow. */
static leat_value ms_of(int64_t us)
{
    int64_t ms = us / 1000;
    return leat_int(ms - (us % 1000 < 0));
}

static leat_value ns_of(int64_t us)
{
    int64_t ns;
    if (__builtin_mul_overflow(us, (int64_t)1000, &ns)) ns = us < 0 ? INT64_MIN : INT64_MAX;
    return leat_int(ns);
}

static char *put_int(char *p, int64_t i)
{
    char digits[INT_MOST];
    unsigned n = 0;
    uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    do digits[n++] = (char)('0' + u % 10);
    while ((u /= 10) != 0);
    if (i < 0) *p++ = '-';
    while (n > 0) *p++ = digits[--n];
    return p;
}

static size_t cell_room(const leat_value *v)
{
    return v->kind == LEAT_TEXT ? (size_t)v->len * 2 : INT_MOST;
}

/* A source cell as text; quotes and backslashes are escaped where it stands in JSON. */
static char *put_cell(char *p, const leat_value *v, bool json)
{
    if (v->kind != LEAT_TEXT) return put_int(p, v->u.i);
    for (uint32_t i = 0; i < v->len; i++) {
        if (json && (v->u.s[i] == '"' || v->u.s[i] == '\\')) *p++ = '\\';
        *p++ = v->u.s[i];
    }
    return p;
}

static bool has_text(const leat_value *v)
{
    return v->kind == LEAT_INT || v->kind == LEAT_TEXT;
}

static leat_value sequence(leat_arena *a, const leat_value *cells)
{
    char *text = leat_arena_alloc(a, cell_room(&cells[0]) + cell_room(&cells[1]) + 16, 1);
    char *p = text;
    for (int i = 0; i < 2; i++) {
        *p++ = i == 0 ? '[' : ',';
        if (has_text(&cells[i])) {
            *p++ = '"';
            p = put_cell(p, &cells[i], true);
            *p++ = '"';
        } else {
            memcpy(p, "null", 4);
            p += 4;
        }
    }
    *p++ = ']';
    return leat_text((leat_str){text, (size_t)(p - text)});
}

/* Name of a part of the table; where there is none, null if the field may be, else "". */
static leat_value name_value(const char *name, const leat_schema *schema)
{
    if (name == NULL && schema->optional) return leat_null();
    return leat_text(leat_str_of(name != NULL ? name : ""));
}

static leat_value source_field(const leat_event *ev, leat_arena *a, uint32_t i)
{
    const leat_table *t = ev->table;
    const leat_origin_field *f = &t->origin->fields[i];
    const leat_schema *schema = t->origin->schema->fields[i].schema;
    switch ((leat_bind)f->bind) {
    case LEAT_BIND_CONST: return f->value;
    case LEAT_BIND_TS_MS: return ms_of(ev->ts_us);
    case LEAT_BIND_TS_US: return leat_int(ev->ts_us);
    case LEAT_BIND_TS_NS: return ns_of(ev->ts_us);
    case LEAT_BIND_SNAPSHOT: /* null stands for the schema's default, as in Debezium */
        if (ev->snapshot == LEAT_SNAPSHOT_FALSE && schema->def != NULL) return leat_null();
        return leat_text(leat_str_of(leat_snapshot_name((leat_snapshot)ev->snapshot)));
    case LEAT_BIND_DB: return name_value(t->db, schema);
    case LEAT_BIND_SCHEMA: return name_value(t->schema, schema);
    case LEAT_BIND_TABLE: return name_value(t->name, schema);
    case LEAT_BIND_CELL: return ev->src != NULL ? ev->src[f->cell] : leat_null();
    case LEAT_BIND_SEQUENCE: return ev->src != NULL ? sequence(a, &ev->src[f->cell]) : leat_null();
    }
    return leat_null();
}

static leat_value source_value(const leat_event *ev, leat_arena *a)
{
    uint32_t n = ev->table->origin->schema->nfields;
    leat_value *cells = cells_new(a, n);
    for (uint32_t i = 0; i < n; i++) cells[i] = source_field(ev, a, i);
    return row_value(cells, n);
}

/* after: how many records of this event count before it. */
static leat_value transaction_value(const leat_event *ev, leat_arena *a, unsigned after)
{
    const leat_origin *o = ev->table->origin;
    if (!(ev->table->flags & LEAT_TABLE_TX_BLOCK) || o->ntx_cells == 0) return leat_null();
    if (ev->tx_seq == 0 || ev->op == LEAT_OP_READ || ev->src == NULL) return leat_null();
    size_t room = 0;
    for (unsigned i = 0; i < o->ntx_cells; i++) {
        if (!has_text(&ev->src[o->tx_cells[i]])) return leat_null();
        room += cell_room(&ev->src[o->tx_cells[i]]) + 1;
    }
    char *text = leat_arena_alloc(a, room, 1), *p = text;
    for (unsigned i = 0; i < o->ntx_cells; i++) {
        if (i > 0) *p++ = ':';
        p = put_cell(p, &ev->src[o->tx_cells[i]], false);
    }
    leat_value *cells = cells_new(a, 3);
    cells[0] = leat_text((leat_str){text, (size_t)(p - text)});
    cells[1] = leat_int((int64_t)ev->tx_seq + after);
    cells[2] = leat_int((int64_t)ev->tx_table_seq + after);
    return row_value(cells, 3);
}

/* What stands for a NOT NULL column that an old key leaves out: its default, else a zero. */
static leat_value zero_of(const leat_schema *s)
{
    if (s->def != NULL) return *s->def;
    switch ((leat_logical)s->logical) {
    case LEAT_L_ZONED_TIMESTAMP: return leat_text(LEAT_STR("1970-01-01T00:00:00Z"));
    case LEAT_L_ISO_TIMESTAMP: return (leat_value){.kind = LEAT_TIMESTAMPTZ};
    case LEAT_L_ZONED_TIME:
    case LEAT_L_ISO_TIME: return (leat_value){.kind = LEAT_TIMETZ};
    case LEAT_L_ISO_DATE: return leat_text(LEAT_STR("1970-01-01Z"));
    case LEAT_L_INTERVAL: return leat_text(LEAT_STR("P0Y0M0DT0H0M0S"));
    case LEAT_L_JSON_MAP: return leat_text(LEAT_STR("{}"));
    case LEAT_L_DECIMAL:
    case LEAT_L_VARIABLE_SCALE_DECIMAL:
        return (leat_value){.kind = LEAT_DECIMAL, .len = 1, .u.s = "0"};
    default: break;
    }
    switch ((leat_type)s->type) {
    case LEAT_T_FLOAT32:
    case LEAT_T_FLOAT64: return leat_float(0);
    case LEAT_T_BOOLEAN: return leat_bool(false);
    case LEAT_T_STRING: return leat_text(LEAT_STR(""));
    case LEAT_T_BYTES: return leat_bytes(LEAT_STR(""));
    case LEAT_T_ARRAY: return (leat_value){.kind = LEAT_LIST};
    case LEAT_T_MAP: return (leat_value){.kind = LEAT_MAP};
    case LEAT_T_STRUCT: return leat_null(); /* the source has put what it knows */
    default: return leat_int(0);
    }
}

static const leat_value *filled(const leat_event *ev, leat_arena *a)
{
    const leat_schema *row = ev->table->row;
    leat_value *cells = cells_new(a, row->nfields);
    for (uint32_t i = 0; i < row->nfields; i++) {
        const leat_schema *s = row->fields[i].schema;
        cells[i] = ev->before[i];
        if (cells[i].kind == LEAT_ABSENT) cells[i] = s->optional ? leat_null() : zero_of(s);
    }
    return cells;
}

static leat_value key_value(const leat_table *t, leat_arena *a, const leat_value *row)
{
    if (t->key == NULL || row == NULL) return leat_null();
    uint32_t n = t->nkey + (t->key_tag ? 1u : 0u);
    leat_value *cells = cells_new(a, n);
    for (uint16_t i = 0; i < t->nkey; i++) cells[i] = row[t->key_cols[i]];
    if (t->key_tag) cells[t->nkey] = leat_text(leat_str_of(t->key_tag));
    return row_value(cells, n);
}

/* What the records of one event share. */
typedef struct view {
    const leat_event *ev;
    leat_arena *a;
    leat_value source;
} view;

static leat_value op_text(char op)
{
    static const char letters[] = "rcudtm";
    const char *at = memchr(letters, op, sizeof(letters) - 1);
    return leat_text((leat_str){at != NULL ? at : letters, at != NULL});
}

static leat_value envelope(const view *w, char op, const leat_value *before,
                           const leat_value *after, unsigned nth)
{
    const leat_event *ev = w->ev;
    uint32_t n = ev->table->row->nfields;
    leat_value *cells = cells_new(w->a, NFIELDS);
    cells[BEFORE] = row_value(before, n);
    cells[AFTER] = row_value(after, n);
    cells[SOURCE] = w->source;
    cells[TRANSACTION] = transaction_value(ev, w->a, nth);
    cells[OP] = op_text(op);
    cells[TS_MS] = ms_of(ev->seen_us);
    cells[TS_US] = leat_int(ev->seen_us);
    cells[TS_NS] = ns_of(ev->seen_us);
    return row_value(cells, NFIELDS);
}

static leat_value message(const view *w)
{
    const leat_event *ev = w->ev;
    leat_value *cells = cells_new(w->a, M_NFIELDS);
    cells[M_OP] = op_text(LEAT_OP_MESSAGE);
    cells[M_TS_MS] = ms_of(ev->seen_us);
    cells[M_SOURCE] = w->source;
    cells[M_TRANSACTION] = transaction_value(ev, w->a, 0);
    cells[M_MESSAGE] = row_value(ev->after, ev->table->row->nfields);
    return row_value(cells, M_NFIELDS);
}

/* Room for so many headers of the record's own, the context headers behind them. */
static leat_header *header_room(leat_arena *a, const leat_origin *o, uint32_t own, leat_record *r)
{
    leat_header *headers =
        leat_arena_alloc(a, (own + o->nheaders) * sizeof(*headers), _Alignof(leat_header));
    for (uint32_t i = 0; i < o->nheaders; i++)
        headers[own + i] = (leat_header){o->headers[i].key, &string_schema,
                                         leat_text(leat_str_of(o->headers[i].value))};
    r->headers = headers;
    r->nheaders = own + o->nheaders;
    return headers;
}

/* The context headers, behind one of the record's own if name is not NULL. */
static void put_headers(const view *w, leat_record *r, const char *name, leat_value key)
{
    leat_header *headers = header_room(w->a, w->ev->table->origin, name != NULL, r);
    if (name != NULL) headers[0] = (leat_header){name, w->ev->table->key, key};
}

/* A record of the table with this key and value; returns it. */
static leat_record *put(const view *w, leat_record *r, leat_value key, leat_value value)
{
    const leat_table *t = w->ev->table;
    *r = (leat_record){
        .topic = t->topic,
        .key_schema = key.kind != LEAT_NULL ? t->key : NULL,
        .value_schema = t->envelope,
        .key = key,
        .value = value,
    };
    return r;
}

static leat_record *tombstone(const leat_record *of, leat_record *r)
{
    *r = *of;
    r->value_schema = NULL;
    r->value = leat_null();
    return r;
}

static unsigned key_change(const view *w, const leat_value *before, leat_record *out)
{
    const leat_event *ev = w->ev;
    unsigned n = 0;
    leat_value was = key_value(ev->table, w->a, before);
    leat_value now = key_value(ev->table, w->a, ev->after);
    leat_record *r = put(w, &out[n++], was, envelope(w, LEAT_OP_DELETE, before, NULL, 0));
    put_headers(w, r, "__debezium.newkey", now);
    if (ev->table->flags & LEAT_TABLE_TOMBSTONES) tombstone(r, &out[n++]);
    r = put(w, &out[n++], now, envelope(w, LEAT_OP_CREATE, NULL, ev->after, 1));
    put_headers(w, r, "__debezium.oldkey", was);
    return n;
}

/* Of a table whose changes are records by themselves. */
static void plain(const leat_event *ev, leat_arena *a, leat_record *out)
{
    const leat_table *t = ev->table;
    const leat_value *own = NULL;
    const leat_schema *own_schema = NULL;
    *out = (leat_record){.topic = t->topic, .key = leat_null(), .value = leat_null()};
    for (uint32_t i = 0; ev->after != NULL && i < t->row->nfields; i++) {
        const leat_field *f = &t->row->fields[i];
        if (strcmp(f->name, LEAT_PART_VALUE) == 0) {
            out->value = ev->after[i];
            out->value_schema = f->schema;
        } else if (strcmp(f->name, LEAT_PART_KEY) == 0) {
            out->key = ev->after[i];
            out->key_schema = f->schema;
        } else {
            own = &ev->after[i];
            own_schema = f->schema;
        }
    }
    uint32_t n = own != NULL && own->kind == LEAT_STRUCT ? own->len : 0;
    if (n > 0 && n > own_schema->nfields) n = own_schema->nfields;
    if (n + t->origin->nheaders == 0) return;
    leat_header *headers = header_room(a, t->origin, n, out);
    for (uint32_t i = 0; i < n; i++)
        headers[i] =
            (leat_header){own_schema->fields[i].name, own_schema->fields[i].schema, own->u.list[i]};
}

unsigned leat_envelope_records(const leat_event *ev, leat_arena *a,
                               leat_record out[LEAT_RECORDS_MAX])
{
    if (ev->op == LEAT_OP_RECORD) {
        out[0] = *ev->record;
        return 1;
    }
    const leat_table *t = ev->table;
    if (t->flags & LEAT_TABLE_RECORD) {
        plain(ev, a, &out[0]);
        return 1;
    }
    view w = {ev, a, source_value(ev, a)};
    if (ev->op == LEAT_OP_MESSAGE) {
        put(&w, &out[0], key_value(t, a, ev->after), message(&w));
        return 1;
    }
    const leat_value *before = ev->before;
    if (before != NULL && (ev->flags & LEAT_EV_OLD_KEY_ONLY)) before = filled(ev, a);
    if (ev->op == LEAT_OP_UPDATE && (ev->flags & LEAT_EV_KEY_CHANGED))
        return key_change(&w, before, out);
    leat_value key = leat_null();
    if (ev->op == LEAT_OP_DELETE)
        key = key_value(t, a, before);
    else if (ev->op != LEAT_OP_TRUNCATE)
        key = key_value(t, a, ev->after);
    leat_record *r = put(&w, &out[0], key, envelope(&w, (char)ev->op, before, ev->after, 0));
    put_headers(&w, r, NULL, leat_null());
    if (ev->op != LEAT_OP_DELETE || !(t->flags & LEAT_TABLE_TOMBSTONES)) return 1;
    tombstone(r, &out[1]);
    return 2;
}
