/* Cells as PostgreSQL's input functions read them, and types of columns that are made. Pure: any
 * thread. The session has DateStyle=ISO, IntervalStyle=postgres and TimeZone=UTC
 * (system/postgres/types.h). */
#include <stdio.h>

#include "base/json.h"
#include "sink/sql/pg.h"
#include "sink/sql/text.h"
#include "system/postgres/types.h"

enum { DIGITS_MOST = 1000 }; /* that a numeric can be declared with */

static bool put(leat_buf *out, int form, const leat_schema *s, const leat_value *v, bool *nul);

int leat_rdb_pg_form_of(leat_str typname, char category)
{
    static const struct {
        const char *name;
        leat_rdb_pg_form form;
    } forms[] = {
        {"bit", LEAT_RDB_PG_BIT},          {"varbit", LEAT_RDB_PG_BIT},
        {"bytea", LEAT_RDB_PG_BYTEA},      {"hstore", LEAT_RDB_PG_HSTORE},
        {"json", LEAT_RDB_PG_JSON},        {"jsonb", LEAT_RDB_PG_JSON},
        {"vector", LEAT_RDB_PG_VECTOR},    {"halfvec", LEAT_RDB_PG_VECTOR},
        {"sparsevec", LEAT_RDB_PG_VECTOR}, {"int2vector", LEAT_RDB_PG_VECTOR},
        {"oidvector", LEAT_RDB_PG_VECTOR},
    };
    int array = category == 'A' && typname.len > 1 && typname.s[0] == '_' ? LEAT_RDB_PG_ARRAY : 0;
    if (array) typname = (leat_str){typname.s + 1, typname.len - 1};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (leat_str_is(typname, forms[i].name)) return array + (int)forms[i].form;
    if (category == 'A') return LEAT_RDB_PG_ARRAY;
    return category == 'S' ? LEAT_RDB_PG_TEXT : LEAT_RDB_PG_PLAIN;
}

/* ---- lists ---- */

static void put_quoted(leat_buf *out, leat_str s)
{
    leat_buf_u8(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.s[i] == '"' || s.s[i] == '\\') leat_buf_u8(out, '\\');
        leat_buf_u8(out, (unsigned char)s.s[i]);
    }
    leat_buf_u8(out, '"');
}

/* {1,NULL,"x"}; all that is no list stands in quotes. */
static bool put_array(leat_buf *out, int form, const leat_schema *s, const leat_value *v, bool *nul)
{
    leat_buf one = {0};
    bool good = true;
    leat_buf_u8(out, '{');
    for (uint32_t i = 0; i < v->len && good; i++) {
        const leat_value *at = &v->u.list[i];
        if (i > 0) leat_buf_u8(out, ',');
        if (at->kind == LEAT_LIST) {
            good = put_array(out, form, s ? s->elem : NULL, at, nul);
            continue;
        }
        leat_buf_clear(&one);
        if (put(&one, form, s ? s->elem : NULL, at, nul))
            put_quoted(out, leat_buf_str(&one));
        else
            leat_buf_str_z(out, "NULL");
        good = !*nul;
    }
    leat_buf_u8(out, '}');
    leat_buf_free(&one);
    return good;
}

static bool is_number(const leat_value *v)
{
    return v->kind == LEAT_INT || v->kind == LEAT_FLOAT;
}

/* A list of numbers, or a struct of dimensions and a map. What a record of Kafka has for a column
 * of vectors is what its writer put there. */
static bool is_vector(const leat_value *v)
{
    bool sparse = v->kind == LEAT_STRUCT;
    if (sparse && (v->len != 2 || v->u.list[0].kind != LEAT_INT || v->u.list[1].kind != LEAT_MAP))
        return false;
    const leat_value *list = sparse ? &v->u.list[1] : v;
    for (uint32_t i = 0; i < list->len; i++) {
        const leat_value *one = &list->u.list[sparse ? i * 2 + 1 : i];
        if (!is_number(one) || (sparse && list->u.list[i * 2].kind != LEAT_INT)) return false;
    }
    return true;
}

/* [1,2,3]; {1:0.5}/3 of a sparse one, which is a struct of dimensions and a map. */
static void put_vector(leat_buf *out, const leat_schema *s, const leat_value *v)
{
    bool sparse = v->kind == LEAT_STRUCT;
    const leat_value *list = sparse ? &v->u.list[1] : v;
    leat_buf_u8(out, sparse ? '{' : '[');
    for (uint32_t i = 0; i < list->len; i++) {
        const leat_value *one = &list->u.list[sparse ? i * 2 + 1 : i];
        if (i > 0) leat_buf_u8(out, ',');
        if (sparse) {
            leat_buf_i64(out, list->u.list[i * 2].u.i);
            leat_buf_u8(out, ':');
        }
        if (one->kind == LEAT_INT)
            leat_buf_i64(out, one->u.i);
        else
            leat_rdb_text_float(out, one->u.f, s && s->elem && s->elem->type == LEAT_T_FLOAT32);
    }
    leat_buf_u8(out, sparse ? '}' : ']');
    if (!sparse) return;
    leat_buf_u8(out, '/');
    leat_buf_i64(out, v->u.list[0].u.i);
}

/* int2vector and oidvector: numbers with spaces between. */
static void put_numbers(leat_buf *out, const leat_value *v)
{
    for (uint32_t i = 0; i < v->len; i++) {
        if (i > 0) leat_buf_u8(out, ' ');
        leat_buf_i64(out, v->u.list[i].u.i);
    }
}

static void put_hstore_pair(leat_buf *out, bool first, leat_str key, leat_str value)
{
    if (!first) leat_buf_u8(out, ',');
    put_quoted(out, key);
    leat_buf_str_z(out, "=>");
    if (value.s)
        put_quoted(out, value);
    else
        leat_buf_str_z(out, "NULL");
}

/* Of a map, or of the JSON text that stands for one; false: it is neither. */
static bool put_hstore(leat_buf *out, const leat_value *v)
{
    if (v->kind == LEAT_MAP) {
        for (uint32_t i = 0; i < 2 * v->len; i++)
            if (v->u.list[i].kind != LEAT_TEXT && (i % 2 == 0 || v->u.list[i].kind != LEAT_NULL))
                return false;
        for (uint32_t i = 0; i < v->len; i++) {
            const leat_value *pair = &v->u.list[i * 2];
            put_hstore_pair(out, i == 0, leat_value_str(&pair[0]),
                            pair[1].kind == LEAT_NULL ? (leat_str){0} : leat_value_str(&pair[1]));
        }
        return true;
    }
    leat_arena a = {0};
    const leat_json *j = NULL;
    leat_err ignored;
    bool good = v->kind == LEAT_TEXT &&
                leat_json_parse(&a, leat_value_str(v), &j, &ignored) == LEAT_OK &&
                j->type == LEAT_JSON_OBJECT;
    for (const leat_json *m = good ? j->child : NULL; m; m = m->next)
        put_hstore_pair(out, m == j->child, m->name,
                        m->type == LEAT_JSON_STRING ? m->text : (leat_str){0});
    leat_arena_free(&a);
    return good;
}

/* The field, if it is of this kind; else NULL. */
static const leat_value *field(const leat_schema *s, const leat_value *v, const char *name,
                               leat_kind kind)
{
    int i = s ? leat_schema_field(s, leat_str_of(name)) : -1;
    return i >= 0 && v->u.list[i].kind == kind ? &v->u.list[i] : NULL;
}

/* A point is (x,y); PostGIS's types are their EWKB in hex. */
static void put_struct(leat_buf *out, const leat_schema *s, const leat_value *v)
{
    const leat_value *wkb = field(s, v, "wkb", LEAT_BYTES);
    const leat_value *x = field(s, v, "x", LEAT_FLOAT), *y = field(s, v, "y", LEAT_FLOAT);
    bool point = s && s->name && strcmp(s->name, "io.debezium.data.geometry.Point") == 0;
    if (point && x && y) {
        leat_buf_u8(out, '(');
        leat_rdb_text_float(out, x->u.f, false);
        leat_buf_u8(out, ',');
        leat_rdb_text_float(out, y->u.f, false);
        leat_buf_u8(out, ')');
    } else if (wkb) {
        leat_buf_hex(out, leat_value_str(wkb));
    } else {
        leat_rdb_text_json(out, s, v);
    }
}

/* ---- scalars ---- */

static void put_interval(leat_buf *out, const leat_interval *i)
{
    uint64_t us = i->us < 0 ? 0 - (uint64_t)i->us : (uint64_t)i->us;
    leat_buf_printf(out, "%d mons %d days %s%llu:%02llu:%02llu.%06llu", i->months, i->days,
                    i->us < 0 ? "-" : "", (unsigned long long)(us / 3600000000u),
                    (unsigned long long)(us / 60000000u % 60),
                    (unsigned long long)(us / 1000000u % 60), (unsigned long long)(us % 1000000u));
}

static void put_time(leat_buf *out, const leat_value *v)
{
    leat_unit unit = (leat_unit)v->unit;
    switch ((leat_kind)v->kind) {
    case LEAT_DATE:
        if (leat_rdb_text_infinite(out, v->u.i)) return;
        leat_rdb_text_date(out, v->u.i, true);
        leat_rdb_text_era(out, v->u.i);
        break;
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        if (leat_rdb_text_infinite(out, v->u.i)) return;
        leat_rdb_text_timestamp(out, v->u.i, unit, true, v->kind == LEAT_TIMESTAMP ? "" : "+00");
        break;
    default:
        leat_rdb_text_clock(out, v->u.i, unit);
        if (v->kind == LEAT_TIMETZ) leat_rdb_text_zone(out, v->zone);
        break;
    }
}

static void put_bytes(leat_buf *out, int form, const leat_schema *s, leat_str bytes)
{
    leat_logical logical = s ? (leat_logical)s->logical : LEAT_L_NONE;
    if (logical == LEAT_L_BITS) {
        leat_rdb_text_bits(out, s, bytes);
    } else if (form != LEAT_RDB_PG_BYTEA && logical == LEAT_L_HEX) {
        leat_buf_hex(out, bytes);
    } else if (form != LEAT_RDB_PG_BYTEA &&
               (logical == LEAT_L_BASE64 || logical == LEAT_L_BASE64_URL)) {
        leat_buf_base64(out, bytes, logical == LEAT_L_BASE64_URL);
    } else {
        leat_buf_str_z(out, "\\x");
        leat_buf_hex(out, bytes);
    }
}

/* The bits of a bit string that may be of any length up to one are as many as were sent: of
 * varbit the zeros in front are lost already in Debezium's form of it. */
static bool put(leat_buf *out, int form, const leat_schema *s, const leat_value *v, bool *nul)
{
    switch ((leat_kind)v->kind) {
    case LEAT_NULL:
    case LEAT_ABSENT: return false;
    case LEAT_BOOL:
        if (form == LEAT_RDB_PG_BIT)
            leat_buf_u8(out, v->u.i ? '1' : '0');
        else
            leat_buf_str_z(out, v->u.i ? "true" : "false");
        return true;
    case LEAT_INT: leat_buf_i64(out, v->u.i); return true;
    case LEAT_FLOAT: leat_rdb_text_float(out, v->u.f, s && s->type == LEAT_T_FLOAT32); return true;
    case LEAT_TEXT:
        if (form == LEAT_RDB_PG_HSTORE && put_hstore(out, v)) return true;
        if (memchr(v->u.s, 0, v->len)) return !(*nul = true);
        leat_buf_add(out, leat_value_str(v));
        return true;
    case LEAT_DECIMAL: leat_buf_add(out, leat_value_str(v)); return true;
    case LEAT_BYTES: put_bytes(out, form, s, leat_value_str(v)); return true;
    case LEAT_INTERVAL: put_interval(out, v->u.interval); return true;
    case LEAT_LIST:
        if (form == LEAT_RDB_PG_JSON || (form == LEAT_RDB_PG_VECTOR && !is_vector(v)))
            leat_rdb_text_json(out, s, v);
        else if (form == LEAT_RDB_PG_VECTOR && s && s->name)
            put_vector(out, s, v);
        else if (form == LEAT_RDB_PG_VECTOR)
            put_numbers(out, v);
        else
            return put_array(out,
                             form < LEAT_RDB_PG_ARRAY ? LEAT_RDB_PG_TEXT : form - LEAT_RDB_PG_ARRAY,
                             s, v, nul);
        return true;
    case LEAT_STRUCT:
        if (form == LEAT_RDB_PG_JSON)
            leat_rdb_text_json(out, s, v);
        else if (form == LEAT_RDB_PG_VECTOR && is_vector(v))
            put_vector(out, s, v);
        else
            put_struct(out, s, v);
        return true;
    case LEAT_MAP:
        if (form != LEAT_RDB_PG_HSTORE || !put_hstore(out, v)) leat_rdb_text_json(out, s, v);
        return true;
    default: put_time(out, v); return true;
    }
}

bool leat_rdb_pg_put(leat_buf *out, const leat_rdb_field *f, const leat_value *v, bool *nul)
{
    *nul = false;
    return put(out, f->to->form, f->schema, v, nul);
}

/* ---- types ---- */

static const char *by_logical(const leat_schema *s)
{
    switch ((leat_logical)s->logical) {
    case LEAT_L_CONNECT_DATE:
    case LEAT_L_DATE:
    case LEAT_L_ISO_DATE: return "date";
    case LEAT_L_CONNECT_TIME:
    case LEAT_L_TIME:
    case LEAT_L_MICRO_TIME:
    case LEAT_L_NANO_TIME:
    case LEAT_L_ISO_TIME: return "time";
    case LEAT_L_CONNECT_TIMESTAMP:
    case LEAT_L_TIMESTAMP:
    case LEAT_L_MICRO_TIMESTAMP:
    case LEAT_L_NANO_TIMESTAMP:
    case LEAT_L_ISO_TIMESTAMP: return "timestamp";
    case LEAT_L_ZONED_TIME: return "timetz";
    case LEAT_L_ZONED_TIMESTAMP: return "timestamptz";
    case LEAT_L_MICRO_DURATION:
    case LEAT_L_NANO_DURATION:
    case LEAT_L_INTERVAL: return "interval";
    case LEAT_L_VARIABLE_SCALE_DECIMAL: return "numeric";
    case LEAT_L_JSON:
    case LEAT_L_JSON_MAP: return "jsonb";
    case LEAT_L_UUID: return "uuid";
    case LEAT_L_XML: return "xml";
    case LEAT_L_BITS: return "varbit";
    case LEAT_L_BASE64:
    case LEAT_L_BASE64_URL:
    case LEAT_L_HEX: return "bytea";
    default: return NULL;
    }
}

static const char *by_type(const leat_schema *s)
{
    switch ((leat_type)s->type) {
    case LEAT_T_INT8:
    case LEAT_T_INT16: return "smallint";
    case LEAT_T_INT32: return "integer";
    case LEAT_T_INT64: return "bigint";
    case LEAT_T_FLOAT32: return "real";
    case LEAT_T_FLOAT64: return "double precision";
    case LEAT_T_BOOLEAN: return "boolean";
    case LEAT_T_BYTES: return "bytea";
    case LEAT_T_MAP:
    case LEAT_T_STRUCT: return "jsonb";
    default: return "text";
    }
}

void leat_rdb_pg_type(leat_buf *out, const leat_schema *schema, const leat_column *native, bool key)
{
    (void)key;
    if (native) {
        leat_buf_str_z(out, native->type);
        return;
    }
    if (schema->logical == LEAT_L_DECIMAL) {
        int64_t scale = leat_rdb_param(schema, "scale", -1);
        int64_t digits = leat_rdb_param(schema, "connect.decimal.precision", 0);
        leat_buf_str_z(out, "numeric");
        if (scale >= 0 && scale <= digits && digits > 0 && digits <= DIGITS_MOST)
            leat_buf_printf(out, "(%d,%d)", (int)digits, (int)scale);
        return;
    }
    if (schema->type == LEAT_T_ARRAY && schema->elem && !schema->name) {
        leat_rdb_pg_type(out, schema->elem, NULL, false);
        if (schema->elem->type != LEAT_T_ARRAY) leat_buf_str_z(out, "[]");
        return;
    }
    const char *type = by_logical(schema);
    leat_buf_str_z(out, type ? type : by_type(schema));
}
