/* Tables of records that are read back (convert/change_part.h): made once for each pair of schemas
 * and each table that the source block names, found again by these.
 *
 * Without schemas the columns are those of the first record with these names in this order, their
 * types what its values look like: a column that is null there is a string. */
#include "base/buf.h"
#include "convert/change_part.h"
#include "convert/json.h"
#include "convert/json_read_part.h"

#define PLACEHOLDER "__debezium_unavailable_value"

/* What the source block says the table is; texts of the record. */
typedef struct names {
    leat_str db, schema, name;
} names;

static leat_str part_text(const leat_change_record *c, const char *name)
{
    const leat_schema *s = NULL;
    if (c->value_schema)
        s = c->value_schema->fields[leat_schema_field(c->value_schema, LEAT_STR("source"))].schema;
    const leat_value *v = leat_change_part(s, c->source, name);
    return v && v->kind == LEAT_TEXT ? leat_value_str(v) : (leat_str){0};
}

/* A row that stands alone is of the table that its topic is called after. */
static names names_of(const leat_change_record *c)
{
    leat_str topic = leat_str_of(c->topic), part = {0}, before = {0};
    if (c->source) {
        leat_str table = part_text(c, "table");
        if (!table.s) table = part_text(c, "collection");
        if (table.s) return (names){part_text(c, "db"), part_text(c, "schema"), table};
    }
    while (topic.s) {
        before = part;
        part = leat_str_cut(&topic, '.');
    }
    return (names){.schema = before.len > 0 ? before : (leat_str){0}, .name = part};
}

/* ---- rows ---- */

/* The row, of a delete the old one; a map without schemas. */
static const leat_value *row_of(const leat_change_record *c)
{
    if (c->kind == LEAT_CHANGE_ROW) return &c->value;
    if (c->kind == LEAT_CHANGE_MESSAGE)
        return leat_change_part(c->value_schema, &c->value, "message");
    const leat_value *after = leat_change_part(c->value_schema, &c->value, "after");
    if (after->kind != LEAT_NULL) return after;
    return leat_change_part(c->value_schema, &c->value, "before");
}

static const leat_schema *row_schema(const leat_change_record *c)
{
    const char *part = c->kind == LEAT_CHANGE_MESSAGE ? "message" : "after";
    if (!c->value_schema) return NULL;
    if (c->kind == LEAT_CHANGE_ROW) return c->value_schema;
    const leat_schema *s =
        c->value_schema->fields[leat_schema_field(c->value_schema, leat_str_of(part))].schema;
    return s->type == LEAT_T_STRUCT ? s : NULL;
}

/* What a value without a schema looks like. */
static const leat_schema *guess(leat_arena *a, const leat_value *v)
{
    leat_schema *s;
    switch ((leat_kind)v->kind) {
    case LEAT_BOOL: return leat_schema_new(a, LEAT_T_BOOLEAN, true);
    case LEAT_INT: return leat_schema_new(a, LEAT_T_INT64, true);
    case LEAT_FLOAT: return leat_schema_new(a, LEAT_T_FLOAT64, true);
    case LEAT_DECIMAL:
        return leat_schema_named(a, LEAT_T_BYTES, true, "org.apache.kafka.connect.data.Decimal", 1);
    case LEAT_LIST:
        s = leat_schema_new(a, LEAT_T_ARRAY, true);
        s->elem = v->len > 0 ? guess(a, &v->u.list[0]) : leat_schema_new(a, LEAT_T_STRING, true);
        return s;
    case LEAT_MAP: return leat_schema_named(a, LEAT_T_STRING, true, "io.debezium.data.Json", 1);
    default: return leat_schema_new(a, LEAT_T_STRING, true);
    }
}

static leat_schema *guess_row(leat_arena *a, const leat_value *row, const char *name)
{
    uint32_t n = row->kind == LEAT_MAP ? row->len : 0;
    leat_field *fields = LEAT_NEW(a, leat_field, n + 1);
    for (uint32_t i = 0; i < n; i++)
        fields[i] = (leat_field){leat_arena_str(a, leat_value_str(&row->u.list[2 * i])).s,
                                 guess(a, &row->u.list[2 * i + 1])};
    leat_schema *s = leat_schema_struct(a, true, name, 0, n);
    s->fields = fields;
    return s;
}

static bool same_columns(const leat_table *t, const leat_value *row)
{
    if (row->kind != LEAT_MAP) return true; /* a truncate has no row */
    if (row->len != t->row->nfields) return false;
    for (uint32_t i = 0; i < row->len; i++)
        if (!leat_str_is(leat_value_str(&row->u.list[2 * i]), t->row->fields[i].name)) return false;
    return true;
}

/* ---- keys ---- */

/* The name of the key's nth column; NULL: there are no more, or it is no struct. */
static const char *key_name(const leat_change_record *c, uint32_t n, leat_arena *a)
{
    const leat_value *v = &c->key;
    if (v->kind == LEAT_STRUCT && c->key_schema)
        return n < v->len ? c->key_schema->fields[n].name : NULL;
    if (v->kind != LEAT_MAP || c->key_schema || n >= v->len) return NULL;
    return leat_arena_str(a, leat_value_str(&v->u.list[2 * n])).s;
}

/* The columns of the key, in its order; what is of no column (topic.key.field.name) is left out. */
static void take_key(leat_table *t, const leat_change_record *c)
{
    leat_arena *a = &t->arena;
    uint32_t most = c->key.kind == LEAT_STRUCT || c->key.kind == LEAT_MAP ? c->key.len : 0;
    uint16_t *cols = LEAT_NEW(a, uint16_t, most + 1);
    leat_field *fields = LEAT_NEW(a, leat_field, most + 1);
    for (uint32_t i = 0; i < most; i++) {
        const char *name = key_name(c, i, a);
        int at = name ? leat_schema_field(t->row, leat_str_of(name)) : -1;
        if (at < 0 || t->nkey == UINT16_MAX) continue;
        cols[t->nkey] = (uint16_t)at;
        fields[t->nkey++] = t->row->fields[at];
    }
    if (t->nkey == 0) return;
    leat_schema *key =
        leat_schema_struct(a, false, leat_arena_printf(a, "%s.Key", c->topic), 0, t->nkey);
    key->fields = fields;
    t->key = key;
    t->key_cols = cols;
}

/* ---- the source block ---- */

static leat_bind bind_of(const char *name)
{
    static const struct {
        const char *name;
        leat_bind bind;
    } binds[] = {
        {"ts_ms", LEAT_BIND_TS_MS}, {"ts_us", LEAT_BIND_TS_US},       {"ts_ns", LEAT_BIND_TS_NS},
        {"db", LEAT_BIND_DB},       {"snapshot", LEAT_BIND_SNAPSHOT}, {"schema", LEAT_BIND_SCHEMA},
        {"table", LEAT_BIND_TABLE},
    };
    for (size_t i = 0; i < sizeof binds / sizeof *binds; i++)
        if (strcmp(name, binds[i].name) == 0) return binds[i].bind;
    return LEAT_BIND_CELL;
}

/* Without a schema, or without a source block, there is nothing in it. */
static leat_origin *origin_of(const leat_change_record *c)
{
    leat_origin *o = leat_origin_new();
    const leat_schema *s = NULL;
    if (c->source && c->value_schema)
        s = c->value_schema->fields[leat_schema_field(c->value_schema, LEAT_STR("source"))].schema;
    o->schema =
        s ? leat_schema_copy(&o->arena, s) : leat_schema_struct(&o->arena, false, NULL, 0, 0);
    leat_origin_field *fields = LEAT_NEW(&o->arena, leat_origin_field, o->schema->nfields + 1);
    for (uint32_t i = 0; i < o->schema->nfields; i++) {
        leat_bind bind = bind_of(o->schema->fields[i].name);
        if (bind == LEAT_BIND_CELL && o->ncells > UINT8_MAX) bind = LEAT_BIND_CONST;
        fields[i].bind = (uint8_t)bind;
        if (bind == LEAT_BIND_CELL) fields[i].cell = (uint8_t)o->ncells++;
    }
    o->fields = fields;
    o->placeholder = LEAT_STR(PLACEHOLDER);
    return o;
}

/* ---- the placeholder ---- */

/* What the converter shows for a cell of this schema that was not sent, read back. */
static leat_value shown_absent(leat_json_converter *json, const leat_schema *s, leat_arena *a)
{
    leat_buf text = {0};
    const leat_json *j = NULL;
    leat_value absent = leat_absent(), out = leat_null();
    bool is_null = true;
    if (leat_json_convert(json, s, &absent, LEAT_STR(PLACEHOLDER), &text, &is_null, NULL) ==
            LEAT_OK &&
        !is_null && leat_json_parse(a, leat_buf_str(&text), &j, NULL) == LEAT_OK &&
        j->type != LEAT_JSON_NULL && leat_json_read_value(a, s, j, false, &out, NULL) != LEAT_OK)
        out = leat_null();
    leat_buf_free(&text);
    return out;
}

/* A default that is shown in its place is no placeholder. */
static bool can_be_absent(const leat_schema *s)
{
    return s->type == LEAT_T_STRING || s->type == LEAT_T_ARRAY || s->type == LEAT_T_MAP ||
           (s->type == LEAT_T_BYTES && s->logical != LEAT_L_DECIMAL);
}

/* Without a schema: the text, bytes and documents look all alike. */
static void find_absent(leat_change_table *at, bool schemas)
{
    static const char map[] = "{\"" PLACEHOLDER "\":\"" PLACEHOLDER "\"}";
    const leat_schema *row = at->table->row;
    const leat_json_conf conf = {0};
    leat_json_converter *json = leat_json_converter_new(&conf);
    leat_buf base64 = {0};
    leat_value *v = LEAT_NEW(&at->arena, leat_value, LEAT_CHANGE_SHAPES * (size_t)row->nfields);
    leat_buf_base64(&base64, LEAT_STR(PLACEHOLDER), false);
    leat_str text = leat_arena_str(&at->arena, leat_buf_str(&base64));
    at->absent = v;
    for (uint32_t i = 0; i < row->nfields; i++, v += LEAT_CHANGE_SHAPES) {
        const leat_schema *s = row->fields[i].schema;
        if (!schemas || s->logical == LEAT_L_JSON) v[1] = leat_text(leat_str_of(map));
        if (!schemas) v[2] = leat_text(text);
        if (schemas && can_be_absent(s)) v[0] = shown_absent(json, s, &at->arena);
        if (!schemas) v[0] = leat_text(LEAT_STR(PLACEHOLDER));
    }
    leat_buf_free(&base64);
    leat_json_converter_free(json);
}

bool leat_change_absent(const leat_change_table *at, uint32_t field, const leat_value *cell)
{
    const leat_value *v = at->absent + LEAT_CHANGE_SHAPES * (size_t)field;
    for (unsigned i = 0; i < LEAT_CHANGE_SHAPES; i++)
        if (v[i].kind != LEAT_NULL && leat_value_eq(&v[i], cell)) return true;
    return false;
}

/* ---- making and finding ---- */

/* Columns are counted in 16 bits. */
static bool too_wide(const leat_change_record *c, const leat_schema *row)
{
    if (row) return row->nfields >= UINT16_MAX;
    const leat_value *bare = row_of(c);
    return bare->kind == LEAT_MAP && bare->len >= UINT16_MAX;
}

static bool both_alike(const leat_schema *x, const leat_schema *y)
{
    return x == y || (x && y && leat_change_alike(x, y));
}

bool leat_change_alike(const leat_schema *x, const leat_schema *y)
{
    if (x->type != y->type || x->logical != y->logical || x->nfields != y->nfields) return false;
    if (!both_alike(x->elem, y->elem) || !both_alike(x->key, y->key)) return false;
    for (uint32_t i = 0; i < x->nfields; i++)
        if (strcmp(x->fields[i].name, y->fields[i].name) != 0 ||
            !leat_change_alike(x->fields[i].schema, y->fields[i].schema))
            return false;
    return true;
}

/* A key or a row alone has no old row beside it. */
static bool old_alike(const leat_change_record *c)
{
    if (c->kind != LEAT_CHANGE_ENVELOPE || !c->value_schema) return true;
    const leat_field *fields = c->value_schema->fields;
    int before = leat_schema_field(c->value_schema, LEAT_STR("before"));
    int after = leat_schema_field(c->value_schema, LEAT_STR("after"));
    return leat_change_alike(fields[before].schema, fields[after].schema);
}

static const char *name_in(leat_arena *a, leat_str name)
{
    return name.s ? leat_arena_str(a, name).s : NULL;
}

/* row: of its arena. */
static leat_table *make(const leat_change_record *c, const names *n, const leat_schema *row)
{
    leat_origin *o = origin_of(c);
    leat_table *t = leat_table_new(o);
    leat_arena *a = &t->arena;
    leat_origin_unpin(o);
    t->topic = leat_arena_strdup(a, c->topic);
    t->db = name_in(a, n->db);
    t->schema = name_in(a, n->schema);
    t->name = name_in(a, n->name);
    if (c->kind == LEAT_CHANGE_MESSAGE) t->flags = LEAT_TABLE_MESSAGE;
    if (c->kind == LEAT_CHANGE_TOMBSTONE) t->flags = LEAT_TABLE_KEYS;
    t->row = row ? leat_schema_copy(a, row)
                 : guess_row(a, c->kind == LEAT_CHANGE_TOMBSTONE ? &c->key : row_of(c),
                             leat_arena_printf(a, "%s.Value", c->topic));
    if (c->kind != LEAT_CHANGE_MESSAGE) take_key(t, c);
    leat_table_seal(t);
    return t;
}

static bool is_name(const char *name, leat_str text)
{
    return name ? leat_str_is(text, name) : !text.s;
}

static bool fits(const leat_change_table *at, const leat_change_record *c, const names *n)
{
    const leat_table *t = at->table;
    if (at->kind != c->kind || at->key_schema != c->key_schema ||
        at->value_schema != c->value_schema || strcmp(t->topic, c->topic) != 0)
        return false;
    if (!is_name(t->name, n->name) || !is_name(t->schema, n->schema) || !is_name(t->db, n->db))
        return false;
    if (!c->value_schema && c->kind != LEAT_CHANGE_TOMBSTONE) return same_columns(t, row_of(c));
    return c->key_schema || c->kind != LEAT_CHANGE_TOMBSTONE || same_columns(t, &c->key);
}

/* What the records of the topic are, as far as they were read; OTHER: nothing is known. */
static leat_change_kind kind_of_topic(const leat_change_reader *r, const char *topic)
{
    for (const leat_change_table *at = r->tables; at; at = at->next)
        if (at->kind != LEAT_CHANGE_TOMBSTONE && strcmp(at->table->topic, topic) == 0)
            return at->kind;
    return LEAT_CHANGE_OTHER;
}

leat_rc leat_change_table_of(leat_change_reader *r, const leat_change_record *c,
                             const leat_change_table **out, leat_err *e)
{
    bool tombstone = c->kind == LEAT_CHANGE_TOMBSTONE;
    const leat_schema *row = tombstone ? c->key_schema : row_schema(c);
    names n = names_of(c);
    *out = NULL;
    if (tombstone && c->key.kind != LEAT_STRUCT) return LEAT_OK;
    if (tombstone && kind_of_topic(r, c->topic) != LEAT_CHANGE_ROW &&
        kind_of_topic(r, c->topic) != LEAT_CHANGE_OTHER)
        return LEAT_OK;
    for (leat_change_table **at = &r->tables; *at; at = &(*at)->next) {
        leat_change_table *found = *at;
        if (!fits(found, c, &n)) continue;
        *at = found->next;
        found->next = r->tables;
        *out = r->tables = found;
        return LEAT_OK;
    }
    if (c->value_schema && !row)
        return leat_fail(e, LEAT_DATA, "convert.value", "",
                         "the rows of its envelope have no columns");
    if (too_wide(c, row))
        return leat_fail(e, LEAT_DATA, "convert.value", "", "it has too many columns");
    leat_change_table *made = leat_zalloc(1, sizeof *made);
    *made = (leat_change_table){.table = make(c, &n, row),
                                .kind = c->kind,
                                .key_schema = c->key_schema,
                                .value_schema = c->value_schema,
                                .old_alike = old_alike(c),
                                .next = r->tables};
    find_absent(made, row != NULL);
    *out = r->tables = made;
    r->ntables++;
    return LEAT_OK;
}

void leat_change_tables_forget(leat_change_reader *r)
{
    while (r->tables) {
        leat_change_table *next = r->tables->next;
        leat_table_unpin(r->tables->table);
        leat_arena_free(&r->tables->arena);
        leat_free(r->tables);
        r->tables = next;
    }
    r->ntables = 0;
}
