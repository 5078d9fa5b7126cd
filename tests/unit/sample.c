/* See sample.h. */
#include "sample.h"

typedef struct source_row {
    const char *name;
    leat_type type;
    bool optional;
    leat_origin_field bind;
} source_row;

static const source_row source_rows[] = {
    {"version", LEAT_T_STRING, false, {.bind = LEAT_BIND_CONST}},
    {"connector", LEAT_T_STRING, false, {.bind = LEAT_BIND_CONST}},
    {"name", LEAT_T_STRING, false, {.bind = LEAT_BIND_CONST}},
    {"ts_ms", LEAT_T_INT64, false, {.bind = LEAT_BIND_TS_MS}},
    {"snapshot", LEAT_T_STRING, true, {.bind = LEAT_BIND_SNAPSHOT}},
    {"db", LEAT_T_STRING, false, {.bind = LEAT_BIND_DB}},
    {"sequence", LEAT_T_STRING, true, {.bind = LEAT_BIND_SEQUENCE, .cell = SRC_COMMIT_LSN}},
    {"ts_us", LEAT_T_INT64, true, {.bind = LEAT_BIND_TS_US}},
    {"ts_ns", LEAT_T_INT64, true, {.bind = LEAT_BIND_TS_NS}},
    {"schema", LEAT_T_STRING, false, {.bind = LEAT_BIND_SCHEMA}},
    {"table", LEAT_T_STRING, false, {.bind = LEAT_BIND_TABLE}},
    {"txId", LEAT_T_INT64, true, {.bind = LEAT_BIND_CELL, .cell = SRC_TXID}},
    {"lsn", LEAT_T_INT64, true, {.bind = LEAT_BIND_CELL, .cell = SRC_LSN}},
    {"xmin", LEAT_T_INT64, true, {.bind = LEAT_BIND_CONST}},
    {"origin", LEAT_T_STRING, true, {.bind = LEAT_BIND_CONST}},
    {"origin_lsn", LEAT_T_INT64, true, {.bind = LEAT_BIND_CONST}},
};
enum { SOURCE_ROWS = sizeof(source_rows) / sizeof(source_rows[0]) };

leat_origin *sample_origin(void)
{
    leat_origin *o = leat_origin_new();
    leat_arena *a = &o->arena;
    static const leat_param headers[] = {{"__debezium.context.connectorLogicalName", "crud"},
                                         {"__debezium.context.taskId", "0"}};
    const char *constants[] = {"3.6.0.Final", "postgresql", "crud"};
    leat_schema *s =
        leat_schema_struct(a, false, "io.debezium.connector.postgresql.Source", 1, SOURCE_ROWS);
    leat_field *fields = LEAT_NEW(a, leat_field, SOURCE_ROWS);
    leat_origin_field *binds = LEAT_NEW(a, leat_origin_field, SOURCE_ROWS);
    for (unsigned i = 0; i < SOURCE_ROWS; i++) {
        leat_schema *f = leat_schema_new(a, source_rows[i].type, source_rows[i].optional);
        if (strcmp(source_rows[i].name, "snapshot") == 0) {
            f = leat_schema_named(a, LEAT_T_STRING, true, "io.debezium.data.Enum", 1);
            leat_schema_param(a, f, "allowed",
                              "true,first,first_in_data_collection,last_in_data_collection,last,"
                              "false,incremental");
            leat_value *def = LEAT_NEW(a, leat_value, 1);
            *def = leat_text(LEAT_STR("false"));
            f->def = def;
        }
        fields[i] = (leat_field){source_rows[i].name, f};
        binds[i] = source_rows[i].bind;
        if (i < 3) binds[i].value = leat_text(leat_str_of(constants[i]));
    }
    s->fields = fields;
    o->schema = s;
    o->fields = binds;
    o->ncells = SRC_CELLS;
    o->headers = headers;
    o->nheaders = 2;
    o->placeholder = LEAT_STR("__debezium_unavailable_value");
    o->tx_cells[0] = SRC_TXID;
    o->tx_cells[1] = SRC_LSN;
    o->ntx_cells = 2;
    return o;
}

static leat_table *table_new(leat_origin *o, uint16_t flags)
{
    leat_table *t = leat_table_new(o);
    leat_origin_unpin(o);
    t->flags = flags;
    t->db = "golden";
    return t;
}

leat_table *sample_customers(leat_origin *o, uint16_t flags)
{
    static const uint16_t key_cols[] = {0};
    static const leat_value zero = {.kind = LEAT_INT};
    static const leat_column cols[] = {{"serial", 23, 10, 0, 1, false, true},
                                       {"varchar(255)", 1043, 255, -1, 2, false, false},
                                       {"varchar(255)", 1043, 255, -1, 3, false, false},
                                       {"varchar(255)", 1043, 255, -1, 5, true, false}};
    leat_table *t = table_new(o, flags);
    leat_arena *a = &t->arena;
    t->topic = "crud.public.customers";
    t->schema = "public";
    t->name = "customers";
    leat_schema *id = leat_schema_new(a, LEAT_T_INT32, false);
    id->def = &zero;
    const leat_field fields[] = {{"id", id},
                                 {"first_name", leat_schema_new(a, LEAT_T_STRING, false)},
                                 {"last_name", leat_schema_new(a, LEAT_T_STRING, false)},
                                 {"email", leat_schema_new(a, LEAT_T_STRING, true)}};
    leat_schema *row = leat_schema_struct(a, true, "crud.public.customers.Value", 0, 4);
    row->fields = leat_arena_dup(a, fields, sizeof(fields));
    leat_schema *key = leat_schema_struct(a, false, "crud.public.customers.Key", 0, 1);
    key->fields = row->fields;
    t->row = row;
    t->key = key;
    t->key_cols = key_cols;
    t->nkey = 1;
    t->cols = cols;
    return t;
}

leat_table *sample_messages(leat_origin *o, uint16_t flags)
{
    static const uint16_t key_cols[] = {0};
    leat_table *t = table_new(o, (uint16_t)(flags | LEAT_TABLE_MESSAGE));
    leat_arena *a = &t->arena;
    t->topic = "crud.message";
    const leat_field fields[] = {{"prefix", leat_schema_new(a, LEAT_T_STRING, true)},
                                 {"content", leat_schema_new(a, LEAT_T_BYTES, true)}};
    leat_schema *row =
        leat_schema_struct(a, false, "io.debezium.connector.postgresql.Message", 1, 2);
    row->fields = leat_arena_dup(a, fields, sizeof(fields));
    leat_schema *key =
        leat_schema_struct(a, false, "io.debezium.connector.postgresql.MessageKey", 1, 1);
    key->fields = row->fields;
    t->row = row;
    t->key = key;
    t->key_cols = key_cols;
    t->nkey = 1;
    leat_table_seal(t);
    return t;
}

static leat_value text_or_null(const char *z)
{
    return z != NULL ? leat_text(leat_str_of(z)) : leat_null();
}

leat_value *sample_row(leat_batch *b, int64_t id, const char *first, const char *last,
                       const char *email)
{
    leat_value *cells = LEAT_NEW(&b->arena, leat_value, 4);
    cells[0] = leat_int(id);
    cells[1] = text_or_null(first);
    cells[2] = text_or_null(last);
    cells[3] = text_or_null(email);
    return cells;
}

leat_value *sample_src(leat_batch *b, int64_t commit_lsn, int64_t lsn, int64_t txid)
{
    leat_value *cells = LEAT_NEW(&b->arena, leat_value, SRC_CELLS);
    cells[SRC_COMMIT_LSN] = commit_lsn != 0 ? leat_int(commit_lsn) : leat_null();
    cells[SRC_LSN] = leat_int(lsn);
    cells[SRC_TXID] = leat_int(txid);
    return cells;
}

static void show_list(leat_buf *out, const leat_schema *s, const leat_value *v)
{
    size_t n = v->kind == LEAT_MAP ? (size_t)v->len * 2 : v->len;
    leat_buf_u8(out, v->kind == LEAT_LIST ? '[' : '{');
    for (size_t i = 0; i < n; i++) {
        if (i > 0) leat_buf_u8(out, v->kind == LEAT_MAP && i % 2 ? ':' : ',');
        const leat_schema *part = NULL;
        if (v->kind == LEAT_STRUCT && s != NULL) {
            leat_buf_printf(out, "%s:", s->fields[i].name);
            part = s->fields[i].schema;
        }
        sample_show(out, part, &v->u.list[i]);
    }
    leat_buf_u8(out, v->kind == LEAT_LIST ? ']' : '}');
}

void sample_show(leat_buf *out, const leat_schema *s, const leat_value *v)
{
    switch ((leat_kind)v->kind) {
    case LEAT_NULL: leat_buf_str_z(out, "null"); return;
    case LEAT_ABSENT: leat_buf_u8(out, '?'); return;
    case LEAT_BOOL: leat_buf_str_z(out, v->u.i ? "true" : "false"); return;
    case LEAT_FLOAT: leat_buf_printf(out, "%.17g", v->u.f); return;
    case LEAT_BYTES:
        leat_buf_str_z(out, "x'");
        leat_buf_hex(out, leat_value_str(v));
        leat_buf_u8(out, '\'');
        return;
    case LEAT_DECIMAL:
    case LEAT_TEXT: leat_buf_printf(out, "\"%.*s\"", (int)v->len, v->len > 0 ? v->u.s : ""); return;
    case LEAT_LIST:
    case LEAT_STRUCT:
    case LEAT_MAP: show_list(out, s, v); return;
    case LEAT_INTERVAL:
        leat_buf_printf(out, "%dmon %dd %lldus", v->u.interval->months, v->u.interval->days,
                        (long long)v->u.interval->us);
        return;
    default: leat_buf_i64(out, v->u.i); return;
    }
}

const char *sample_text(leat_arena *a, const leat_schema *s, const leat_value *v)
{
    leat_buf out = {0};
    sample_show(&out, s, v);
    const char *text = leat_arena_str(a, leat_buf_str(&out)).s;
    leat_buf_free(&out);
    return text;
}

static bool cells_eq(const leat_value *x, const leat_value *y, uint32_t n)
{
    if (x == NULL || y == NULL) return x == y;
    for (uint32_t i = 0; i < n; i++)
        if (!leat_value_eq(&x[i], &y[i])) return false;
    return true;
}

static bool schemas_eq(const leat_schema *x, const leat_schema *y)
{
    return x == NULL || y == NULL ? x == y : leat_schema_eq(x, y);
}

static bool record_eq(const leat_record *x, const leat_record *y)
{
    if (strcmp(x->topic, y->topic) != 0 || x->nheaders != y->nheaders) return false;
    for (uint32_t i = 0; i < x->nheaders; i++)
        if (strcmp(x->headers[i].name, y->headers[i].name) != 0 ||
            !schemas_eq(x->headers[i].schema, y->headers[i].schema) ||
            !leat_value_eq(&x->headers[i].value, &y->headers[i].value))
            return false;
    return schemas_eq(x->key_schema, y->key_schema) &&
           schemas_eq(x->value_schema, y->value_schema) && leat_value_eq(&x->key, &y->key) &&
           leat_value_eq(&x->value, &y->value);
}

bool sample_event_eq(const leat_event *x, const leat_event *y)
{
    if (x->op != y->op || x->ts_us != y->ts_us || x->seen_us != y->seen_us || x->tx != y->tx ||
        x->tx_seq != y->tx_seq || x->tx_table_seq != y->tx_table_seq ||
        x->partition != y->partition || x->snapshot != y->snapshot || x->flags != y->flags)
        return false;
    if (x->op == LEAT_OP_RECORD) return record_eq(x->record, y->record);
    const leat_table *t = x->table;
    return t == y->table && cells_eq(x->src, y->src, t->origin->ncells) &&
           cells_eq(x->before, y->before, t->row->nfields) &&
           cells_eq(x->after, y->after, t->row->nfields);
}

leat_event *sample_change(leat_batch *b, leat_table *t, leat_op op, const leat_value *before,
                          const leat_value *after)
{
    leat_event *ev = leat_batch_add(b, t);
    ev->op = (uint8_t)op;
    ev->before = before;
    ev->after = after;
    ev->src = sample_src(b, 1, 2, 3);
    return ev;
}

const leat_transforms *sample_transforms(const char *const *options, leat_arena *a, leat_report *r)
{
    static const leat_opt *const tables[] = {leat_connector_options, NULL};
    leat_props props;
    leat_connector_conf conf = {0};
    leat_props_init(&props, NULL);
    for (; *options; options += 2)
        leat_props_set(&props, a, leat_str_of(options[0]), leat_str_of(options[1]), 0);
    leat_opts_values(tables, &props, a, &conf, r);
    leat_report_init(r, a); /* what the other options lack is no matter */
    return leat_transforms_new(&conf, a, r);
}
