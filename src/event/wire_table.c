/* The binary form of schemas, tables and origins (event/wire.h).
 *
 *   name      varint length + 1, bytes; 0: NULL. No NUL inside.
 *   schema    u8 what: 0 NULL, else 1 | optional 2 | name 4 | doc 8 | default 16 | meaning 32
 *             u8 type, u8 digits, zigzag version, [name], [doc], [u8 meaning, where it is not the
 *             name's], varint n, n parameters (name, name)
 *             struct: varint n, n fields (name, schema); array: schema; map: schema, schema
 *             [value of the default]
 *   table     topic, db, schema, name (names), varint flags, schema of row, schema of key,
 *             varint n, n varint columns of the key,
 *             name of the key's last field's value, if that is of no column: flags + 32768
 *             u8 1 if columns follow, for each: name of type, varint oid, zigzag length, zigzag
 *             scale, varint position, u8 generated 1 | identity 2
 *             origin
 *   origin    schema, for each field: u8 bind, u8 cell, [value of a constant]
 *             varint cells, varint n, n headers (name, name), u8 n, n u8 cells of the transaction
 *             id, placeholder (as a name, but of any bytes)
 *
 * Numbers of types and meanings stand in files: their enums may only grow at the end. A version
 * byte is the frame's. Everything read is checked so that no index in a table points outside. */
#include "event/wire_part.h"

#include <assert.h>

_Static_assert(LEAT_T_STRUCT == 11, "numbers of types stand in files");
_Static_assert(LEAT_L_JSON_MAP == 27 && LEAT_L_HEX == 30, "numbers of meanings stand in files");
_Static_assert(LEAT_BIND_SEQUENCE == 9, "numbers of binds stand in files");

enum { S_IS = 1, S_OPTIONAL = 2, S_NAME = 4, S_DOC = 8, S_DEFAULT = 16, S_MEANING = 32 };

/* Of a table: beside its own flags. */
enum { T_KEY_TAG = 1 << 15 };

/* ---- writing ---- */

void leat_wire_put_name(leat_buf *out, const char *z)
{
    size_t n = z != NULL ? strlen(z) : 0;
    leat_buf_varint(out, z != NULL ? n + 1 : 0);
    leat_buf_put(out, z, n);
}

static void put_schema_parts(leat_buf *out, const leat_schema *s, unsigned depth)
{
    if (s->type == LEAT_T_STRUCT) {
        leat_buf_varint(out, s->nfields);
        for (uint32_t i = 0; i < s->nfields; i++) {
            leat_wire_put_name(out, s->fields[i].name);
            leat_wire_put_schema(out, s->fields[i].schema, depth + 1);
        }
    }
    if (s->type == LEAT_T_MAP) leat_wire_put_schema(out, s->key, depth + 1);
    if (s->type == LEAT_T_MAP || s->type == LEAT_T_ARRAY)
        leat_wire_put_schema(out, s->elem, depth + 1);
}

void leat_wire_put_schema(leat_buf *out, const leat_schema *s, unsigned depth)
{
    assert(depth < LEAT_WIRE_DEPTH);
    if (s == NULL) {
        leat_buf_u8(out, 0);
        return;
    }
    bool meaning = s->logical != leat_schema_logical(s->name);
    leat_buf_u8(out, S_IS | (s->optional ? S_OPTIONAL : 0u) | (s->name != NULL ? S_NAME : 0u) |
                         (s->doc != NULL ? S_DOC : 0u) | (s->def != NULL ? S_DEFAULT : 0u) |
                         (meaning ? S_MEANING : 0u));
    leat_buf_u8(out, s->type);
    leat_buf_u8(out, s->digits);
    leat_buf_zigzag(out, s->version);
    if (s->name != NULL) leat_wire_put_name(out, s->name);
    if (s->doc != NULL) leat_wire_put_name(out, s->doc);
    if (meaning) leat_buf_u8(out, s->logical);
    leat_buf_varint(out, s->nparams);
    for (uint32_t i = 0; i < s->nparams; i++) {
        leat_wire_put_name(out, s->params[i].key);
        leat_wire_put_name(out, s->params[i].value);
    }
    put_schema_parts(out, s, depth);
    if (s->def != NULL) leat_wire_put_value(out, s->def, 0);
}

static void put_origin(leat_buf *out, const leat_origin *o)
{
    uint32_t nfields = o->schema != NULL ? o->schema->nfields : 0;
    leat_wire_put_schema(out, o->schema, 0);
    for (uint32_t i = 0; i < nfields; i++) {
        leat_buf_u8(out, o->fields[i].bind);
        leat_buf_u8(out, o->fields[i].cell);
        if (o->fields[i].bind == LEAT_BIND_CONST) leat_wire_put_value(out, &o->fields[i].value, 0);
    }
    leat_buf_varint(out, o->ncells);
    leat_buf_varint(out, o->nheaders);
    for (uint32_t i = 0; i < o->nheaders; i++) {
        leat_wire_put_name(out, o->headers[i].key);
        leat_wire_put_name(out, o->headers[i].value);
    }
    leat_buf_u8(out, o->ntx_cells);
    for (unsigned i = 0; i < o->ntx_cells; i++) leat_buf_u8(out, o->tx_cells[i]);
    leat_buf_varint(out, o->placeholder.s != NULL ? o->placeholder.len + 1 : 0);
    leat_buf_add(out, o->placeholder);
}

static void put_column(leat_buf *out, const leat_column *col)
{
    leat_wire_put_name(out, col->type);
    leat_buf_varint(out, col->oid);
    leat_buf_zigzag(out, col->length);
    leat_buf_zigzag(out, col->scale);
    leat_buf_varint(out, col->position);
    leat_buf_u8(out, (col->generated ? 1u : 0u) | (col->identity ? 2u : 0u));
}

void leat_wire_put_table(leat_buf *out, const leat_table *t)
{
    leat_wire_put_name(out, t->topic);
    leat_wire_put_name(out, t->db);
    leat_wire_put_name(out, t->schema);
    leat_wire_put_name(out, t->name);
    leat_buf_varint(out, t->flags | (t->key_tag ? T_KEY_TAG : 0u));
    leat_wire_put_schema(out, t->row, 0);
    leat_wire_put_schema(out, t->key, 0);
    leat_buf_varint(out, t->nkey);
    for (uint16_t i = 0; i < t->nkey; i++) leat_buf_varint(out, t->key_cols[i]);
    if (t->key_tag) leat_wire_put_name(out, t->key_tag);
    leat_buf_u8(out, t->cols != NULL);
    for (uint32_t i = 0; t->cols != NULL && i < t->row->nfields; i++) put_column(out, &t->cols[i]);
    put_origin(out, t->origin);
}

/* ---- reading ---- */

/* A text of varint length + 1, 0 for an absent one; copied. */
static leat_str get_optional(leat_wire_in *in)
{
    uint64_t n = leat_cur_varint(&in->c);
    if (n == 0 || in->c.bad) return (leat_str){0};
    if (n - 1 > leat_cur_left(&in->c)) {
        leat_wire_bad(in, "a name is longer than the bytes that follow");
        return (leat_str){0};
    }
    return leat_arena_str(in->a, leat_cur_bytes(&in->c, (size_t)n - 1));
}

const char *leat_wire_get_name(leat_wire_in *in)
{
    leat_str s = get_optional(in);
    if (s.s != NULL && strlen(s.s) != s.len) leat_wire_bad(in, "a name has a NUL inside");
    return s.s;
}

static const char *get_name_needed(leat_wire_in *in)
{
    const char *name = leat_wire_get_name(in);
    if (name == NULL) leat_wire_bad(in, "a name is missing");
    return name;
}

/* Number of things that follow; 0 when bad. */
static uint32_t get_count(leat_wire_in *in)
{
    uint64_t n = leat_cur_varint(&in->c);
    if (n > UINT32_MAX || !leat_wire_take(in, n)) return 0;
    return (uint32_t)n;
}

static int32_t get_i32(leat_wire_in *in)
{
    int64_t i = leat_cur_zigzag(&in->c);
    if (i != (int32_t)i) leat_wire_bad(in, "a number is out of range");
    return (int32_t)i;
}

static uint32_t get_u32(leat_wire_in *in, uint32_t most)
{
    uint64_t u = leat_cur_varint(&in->c);
    if (u > most) leat_wire_bad(in, "a number is out of range");
    return (uint32_t)u;
}

static const leat_param *get_params(leat_wire_in *in, uint32_t *n)
{
    *n = get_count(in);
    leat_param *params = LEAT_NEW(in->a, leat_param, *n);
    for (uint32_t i = 0; i < *n && !in->c.bad; i++) {
        params[i].key = get_name_needed(in);
        params[i].value = get_name_needed(in);
    }
    return *n > 0 ? params : NULL;
}

static void get_schema_parts(leat_wire_in *in, leat_schema *s, unsigned depth)
{
    if (s->type == LEAT_T_STRUCT) {
        s->nfields = get_count(in);
        leat_field *fields = LEAT_NEW(in->a, leat_field, s->nfields);
        for (uint32_t i = 0; i < s->nfields && !in->c.bad; i++) {
            fields[i].name = get_name_needed(in);
            fields[i].schema = leat_wire_get_schema(in, depth + 1);
            if (fields[i].schema == NULL) leat_wire_bad(in, "a field has no schema");
        }
        s->fields = fields;
    }
    if (s->type == LEAT_T_MAP) s->key = leat_wire_get_schema(in, depth + 1);
    if (s->type == LEAT_T_MAP || s->type == LEAT_T_ARRAY)
        s->elem = leat_wire_get_schema(in, depth + 1);
}

const leat_schema *leat_wire_get_schema(leat_wire_in *in, unsigned depth)
{
    unsigned what = leat_cur_u8(&in->c);
    if (what == 0 || in->c.bad) return NULL;
    if (!(what & S_IS) || what >= 2 * S_MEANING) leat_wire_bad(in, "a schema's flags are unknown");
    if (depth >= LEAT_WIRE_DEPTH) leat_wire_bad(in, "schemas nest too deep");
    if (in->c.bad) return NULL;
    leat_schema *s = LEAT_NEW(in->a, leat_schema, 1);
    s->type = leat_cur_u8(&in->c);
    s->optional = (what & S_OPTIONAL) != 0;
    s->digits = leat_cur_u8(&in->c);
    s->version = get_i32(in);
    if (s->type > LEAT_T_STRUCT || s->digits > 9) leat_wire_bad(in, "a schema's type is unknown");
    if (what & S_NAME) s->name = get_name_needed(in);
    if (what & S_DOC) s->doc = get_name_needed(in);
    s->logical = what & S_MEANING ? leat_cur_u8(&in->c) : (uint8_t)leat_schema_logical(s->name);
    if (s->logical > LEAT_L_HEX) leat_wire_bad(in, "a schema's meaning is unknown");
    s->params = get_params(in, &s->nparams);
    get_schema_parts(in, s, depth);
    if (what & S_DEFAULT) {
        leat_value *def = LEAT_NEW(in->a, leat_value, 1);
        leat_wire_get_value(in, def, 0);
        s->def = def;
    }
    return s;
}

static void get_origin_fields(leat_wire_in *in, leat_origin *o)
{
    uint32_t n = o->schema->nfields;
    leat_origin_field *fields = LEAT_NEW(in->a, leat_origin_field, n);
    for (uint32_t i = 0; i < n && !in->c.bad; i++) {
        fields[i].bind = leat_cur_u8(&in->c);
        fields[i].cell = leat_cur_u8(&in->c);
        if (fields[i].bind > LEAT_BIND_SEQUENCE) leat_wire_bad(in, "a bind is unknown");
        if (fields[i].bind == LEAT_BIND_CONST) leat_wire_get_value(in, &fields[i].value, 0);
    }
    o->fields = fields;
    o->ncells = get_u32(in, UINT8_MAX + 1);
    for (uint32_t i = 0; i < n && !in->c.bad; i++) {
        unsigned cells = fields[i].bind == LEAT_BIND_CELL       ? 1
                         : fields[i].bind == LEAT_BIND_SEQUENCE ? 2
                                                                : 0;
        if (cells > 0 && fields[i].cell + cells > o->ncells)
            leat_wire_bad(in, "a field of the origin names a cell that is not there");
    }
}

static void get_origin(leat_wire_in *in, leat_origin *o)
{
    in->a = &o->arena;
    o->schema = leat_wire_get_schema(in, 0);
    if (o->schema == NULL || o->schema->type != LEAT_T_STRUCT) {
        leat_wire_bad(in, "the origin has no schema");
        return;
    }
    get_origin_fields(in, o);
    o->headers = get_params(in, &o->nheaders);
    o->ntx_cells = leat_cur_u8(&in->c);
    if (o->ntx_cells > sizeof(o->tx_cells)) {
        leat_wire_bad(in, "the transaction id has too many cells");
        return;
    }
    for (unsigned i = 0; i < o->ntx_cells; i++) {
        o->tx_cells[i] = leat_cur_u8(&in->c);
        if (o->tx_cells[i] >= o->ncells)
            leat_wire_bad(in, "the transaction id names a cell that is not there");
    }
    o->placeholder = get_optional(in);
}

static void get_key_cols(leat_wire_in *in, leat_table *t)
{
    uint32_t n = get_count(in), tag = (t->flags & T_KEY_TAG) != 0;
    if (n > UINT16_MAX || (t->key != NULL ? t->key->nfields : 0) != n + tag) {
        leat_wire_bad(in, "the key and its columns differ");
        return;
    }
    uint16_t *cols = LEAT_NEW(in->a, uint16_t, n);
    for (uint32_t i = 0; i < n; i++) {
        cols[i] = (uint16_t)get_u32(in, UINT16_MAX);
        if (cols[i] >= t->row->nfields)
            leat_wire_bad(in, "the key names a column that is not there");
    }
    t->key_cols = cols;
    t->nkey = (uint16_t)n;
    if (tag) t->key_tag = get_name_needed(in);
    t->flags &= (uint16_t)~T_KEY_TAG;
}

static void get_columns(leat_wire_in *in, leat_table *t)
{
    uint32_t n = leat_cur_u8(&in->c) ? t->row->nfields : 0;
    if (n == 0 || !leat_wire_take(in, n)) return;
    leat_column *cols = LEAT_NEW(in->a, leat_column, n);
    for (uint32_t i = 0; i < n && !in->c.bad; i++) {
        cols[i].type = leat_wire_get_name(in);
        cols[i].oid = get_u32(in, UINT32_MAX);
        cols[i].length = get_i32(in);
        cols[i].scale = get_i32(in);
        cols[i].position = (uint16_t)get_u32(in, UINT16_MAX);
        unsigned flags = leat_cur_u8(&in->c);
        cols[i].generated = (flags & 1) != 0;
        cols[i].identity = (flags & 2) != 0;
    }
    t->cols = cols;
}

/* The row of a table whose changes are records by themselves: parts of one, in their order. */
static bool parts_known(const leat_schema *row)
{
    static const char *const names[] = {LEAT_PART_HEADERS, LEAT_PART_KEY, LEAT_PART_VALUE};
    uint32_t at = 0;
    for (uint32_t i = 0; i < row->nfields; i++, at++) {
        while (at < 3 && strcmp(names[at], row->fields[i].name) != 0) at++;
        if (at == 3) return false;
        if (at == 0 && row->fields[i].schema->type != LEAT_T_STRUCT) return false;
    }
    return true;
}

static void get_table(leat_wire_in *in, leat_table *t, leat_origin *o)
{
    in->a = &t->arena;
    t->topic = get_name_needed(in);
    t->db = leat_wire_get_name(in);
    t->schema = leat_wire_get_name(in);
    t->name = leat_wire_get_name(in);
    t->flags = (uint16_t)get_u32(in, UINT16_MAX);
    t->row = leat_wire_get_schema(in, 0);
    if (t->row == NULL || t->row->type != LEAT_T_STRUCT) leat_wire_bad(in, "it has no row schema");
    t->key = leat_wire_get_schema(in, 0);
    if (t->key != NULL && t->key->type != LEAT_T_STRUCT) leat_wire_bad(in, "its key is no struct");
    if (in->c.bad) return;
    if ((t->flags & LEAT_TABLE_RECORD) && !parts_known(t->row))
        leat_wire_bad(in, "its rows are no parts of a record");
    get_key_cols(in, t);
    get_columns(in, t);
    get_origin(in, o);
    if (!in->c.bad && leat_cur_left(&in->c) > 0) leat_wire_bad(in, "bytes are left over");
}

leat_rc leat_wire_get_table(leat_str bytes, leat_table **out, leat_err *e)
{
    leat_origin *o = leat_origin_new();
    leat_table *t = leat_table_new(o);
    leat_origin_unpin(o);
    leat_wire_in in = {.c = leat_cur_of(bytes), .budget = bytes.len, .copy = true};
    get_table(&in, t, o);
    if (in.c.bad) {
        leat_table_unpin(t);
        return leat_fail(e, LEAT_DATA, "wire.bad", "",
                         "a table could not be read, %zu bytes before the end of %zu: %s",
                         leat_cur_left(&in.c), bytes.len,
                         in.why != NULL ? in.why : "bytes are missing");
    }
    leat_table_seal(t);
    *out = t;
    return LEAT_OK;
}
