/* A column's type and the modes -> its schema and its parser: Debezium 3.6's mapping.
 *
 * A domain is taken for its base type, with the modifier that the domain gives it. Then the rule of
 * the type (types_rules.c) says parser and schema; a few types whose schema depends on the modes or
 * the modifier are built here. An array is its element's plan inside a list. What Debezium has no
 * mapping for gets no schema: arrays of domains, composites, multiranges and others.
 *
 * Where it is at fault, leat is right and says so in docs/compatibility (leat_pg_modes has a switch
 * for those that change a schema): arrays of arrays, numeric with a negative scale, arrays of bit.
 * Pure; called when a table version is made, never for a value. */
#include <stdio.h>

#include "system/postgres/types_oid.h"
#include "system/postgres/types_part.h"

typedef struct planner {
    const leat_pg_types *types;
    const leat_pg_modes *modes;
    const leat_pg_attr *attr;
    leat_arena *a;
} planner;

/* A type with its domains resolved. */
typedef struct resolved {
    const leat_pg_type *type;
    const leat_pg_rule *rule; /* NULL: none */
    int32_t typmod;           /* -1: none */
    int32_t ndims;
    bool domain;
} resolved;

enum {
    VARHDRSZ = 4,    /* what PostgreSQL adds to the modifiers of numeric, varchar and bpchar */
    MAX_DIMS = 6,    /* MAXDIM */
    TIME_DIGITS = 6, /* of a time without a modifier */
    NO_LENGTH = INT32_MAX,
    FAULTY_SCALE = 2047, /* Debezium reads the 11 bits of a negative scale as a positive number */
};

static int precision_of(int32_t typmod)
{
    return (typmod - VARHDRSZ) >> 16 & 0xffff;
}

static int scale_of(int32_t typmod)
{
    int bits = (typmod - VARHDRSZ) & 0x7ff;
    return bits < 1024 ? bits : bits - 2048;
}

static unsigned time_digits(int32_t typmod)
{
    return typmod >= 0 && typmod < TIME_DIGITS ? (unsigned)typmod : TIME_DIGITS;
}

static leat_rc unknown_type(const planner *p, uint32_t oid, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "postgres.type", p->attr->table,
                     "the type of column %s (oid %u) is not in the catalog as it was read; was the "
                     "type made a moment ago, or dropped? Restart the connector",
                     p->attr->name, (unsigned)oid);
}

/* Names of extensions' types are taken by base types only: a domain may be called citext. */
static const leat_pg_rule *rule_of(const leat_pg_type *t)
{
    if (t->oid >= LEAT_PG_FIRST_OWN_OID && t->kind != 'b') return NULL;
    return leat_pg_rule_find(t->oid, t->name);
}

static leat_rc resolve(const planner *p, resolved *out, leat_err *e)
{
    const leat_pg_attr *attr = p->attr;
    *out = (resolved){.typmod = attr->typmod, .ndims = attr->ndims};
    uint32_t oid = attr->type;
    /* Domains cannot contain themselves, but bytes from outside can say so. */
    for (unsigned depth = 0; depth < 64; depth++) {
        out->type = leat_pg_types_get(p->types, oid);
        if (out->type == NULL) return unknown_type(p, oid, e);
        if (out->type->kind != 'd') {
            out->rule = rule_of(out->type);
            return LEAT_OK;
        }
        out->domain = true;
        out->typmod = out->type->typmod;
        if (out->type->ndims > 0) out->ndims = out->type->ndims;
        oid = out->type->base;
    }
    return unknown_type(p, attr->type, e);
}

static leat_schema *decimal_schema(const planner *p, bool optional, int precision, int scale)
{
    switch ((leat_pg_decimal)p->modes->decimal) {
    case LEAT_PG_PRECISE: break;
    case LEAT_PG_DOUBLE: return leat_schema_new(p->a, LEAT_T_FLOAT64, optional);
    case LEAT_PG_STRING: return leat_schema_new(p->a, LEAT_T_STRING, optional);
    }
    leat_schema *s =
        leat_schema_named(p->a, LEAT_T_BYTES, optional, "org.apache.kafka.connect.data.Decimal", 1);
    leat_schema_param(p->a, s, "scale", leat_arena_printf(p->a, "%d", scale));
    if (precision)
        leat_schema_param(p->a, s, "connect.decimal.precision",
                          leat_arena_printf(p->a, "%d", precision));
    return s;
}

static leat_schema *struct_schema(leat_arena *a, bool optional, const char *name, const char *doc,
                                  uint32_t n, const leat_field *fields)
{
    leat_schema *s = leat_schema_struct(a, optional, name, 1, n);
    memcpy((leat_field *)s->fields, fields, n * sizeof *fields);
    s->doc = doc;
    return s;
}

static leat_schema *numeric_schema(const planner *p, leat_pg_col *col, int32_t typmod,
                                   bool optional)
{
    leat_arena *a = p->a;
    if (typmod < VARHDRSZ) {
        col->digits = LEAT_PG_ANY_DIGITS;
        col->zero = "0.0";
        if (p->modes->decimal != LEAT_PG_PRECISE) return decimal_schema(p, optional, 0, 0);
        const leat_field fields[] = {{"scale", leat_schema_new(a, LEAT_T_INT32, false)},
                                     {"value", leat_schema_new(a, LEAT_T_BYTES, false)}};
        return struct_schema(a, optional, "io.debezium.data.VariableScaleDecimal",
                             "Variable scaled decimal", 2, fields);
    }
    int precision = precision_of(typmod), scale = scale_of(typmod);
    if (scale < 0 && col->faults) {
        scale &= FAULTY_SCALE;
    } else if (scale < 0) {
        precision -= scale;
        scale = 0;
    }
    col->digits = (uint16_t)scale;
    return decimal_schema(p, optional, precision, scale);
}

static leat_schema *money_schema(const planner *p, leat_pg_col *col, bool optional)
{
    bool precise = p->modes->decimal == LEAT_PG_PRECISE;
    col->digits = precise ? p->modes->money_digits : LEAT_PG_ANY_DIGITS;
    return decimal_schema(p, optional, 0, col->digits);
}

static leat_schema *binary_schema(const planner *p, bool optional)
{
    static const uint8_t logical[] = {
        [LEAT_PG_BYTES] = LEAT_L_NONE,
        [LEAT_PG_BASE64] = LEAT_L_BASE64,
        [LEAT_PG_BASE64_URL_SAFE] = LEAT_L_BASE64_URL,
        [LEAT_PG_HEX] = LEAT_L_HEX,
    };
    bool bytes = p->modes->binary == LEAT_PG_BYTES;
    leat_schema *s = leat_schema_new(p->a, bytes ? LEAT_T_BYTES : LEAT_T_STRING, optional);
    s->logical = logical[p->modes->binary];
    return s;
}

static leat_schema *bits_schema(const planner *p, leat_pg_col *col, int32_t typmod, bool optional)
{
    if (typmod == 1) {
        col->parse = leat_pg_parse_bit;
        return leat_schema_new(p->a, LEAT_T_BOOLEAN, optional);
    }
    leat_schema *s = leat_schema_named(p->a, LEAT_T_BYTES, optional, "io.debezium.data.Bits", 1);
    leat_schema_param(p->a, s, "length",
                      leat_arena_printf(p->a, "%d", typmod > 0 ? typmod : NO_LENGTH));
    return s;
}

typedef struct time_schema {
    leat_type type;
    const char *name;
} time_schema;

#define CONNECT(name) "org.apache.kafka.connect.data." name
#define DEBEZIUM(name) "io.debezium.time." name

static time_schema date_schema(leat_pg_time mode)
{
    if (mode == LEAT_PG_CONNECT) return (time_schema){LEAT_T_INT32, CONNECT("Date")};
    if (mode == LEAT_PG_ISOSTRING) return (time_schema){LEAT_T_STRING, DEBEZIUM("IsoDate")};
    return (time_schema){LEAT_T_INT32, DEBEZIUM("Date")};
}

static time_schema time_schema_of(leat_pg_time mode, unsigned digits)
{
    switch (mode) {
    case LEAT_PG_CONNECT: return (time_schema){LEAT_T_INT32, CONNECT("Time")};
    case LEAT_PG_ISOSTRING: return (time_schema){LEAT_T_STRING, DEBEZIUM("IsoTime")};
    case LEAT_PG_NANOSECONDS: return (time_schema){LEAT_T_INT64, DEBEZIUM("NanoTime")};
    case LEAT_PG_ADAPTIVE:
        if (digits <= 3) return (time_schema){LEAT_T_INT32, DEBEZIUM("Time")};
        break;
    case LEAT_PG_ADAPTIVE_TIME_US:
    case LEAT_PG_MICROSECONDS: break;
    }
    return (time_schema){LEAT_T_INT64, DEBEZIUM("MicroTime")};
}

static time_schema timestamp_schema(leat_pg_time mode, unsigned digits)
{
    switch (mode) {
    case LEAT_PG_CONNECT: return (time_schema){LEAT_T_INT64, CONNECT("Timestamp")};
    case LEAT_PG_ISOSTRING: return (time_schema){LEAT_T_STRING, DEBEZIUM("IsoTimestamp")};
    case LEAT_PG_NANOSECONDS: return (time_schema){LEAT_T_INT64, DEBEZIUM("NanoTimestamp")};
    case LEAT_PG_ADAPTIVE:
    case LEAT_PG_ADAPTIVE_TIME_US:
        if (digits <= 3) return (time_schema){LEAT_T_INT64, DEBEZIUM("Timestamp")};
        break;
    case LEAT_PG_MICROSECONDS: break;
    }
    return (time_schema){LEAT_T_INT64, DEBEZIUM("MicroTimestamp")};
}

/* Schemas of the types that tell time; t is of one of them. */
static leat_schema *temporal_schema(const planner *p, const resolved *t, bool optional)
{
    leat_pg_time mode = (leat_pg_time)p->modes->time;
    unsigned digits = time_digits(t->typmod);
    time_schema s = {(leat_type)t->rule->type, t->rule->schema_name};
    if (t->rule->oid == LEAT_PG_OID_DATE) s = date_schema(mode);
    if (t->rule->oid == LEAT_PG_OID_TIME) s = time_schema_of(mode, digits);
    if (t->rule->oid == LEAT_PG_OID_TIMESTAMP) s = timestamp_schema(mode, digits);
    leat_schema *schema = leat_schema_named(p->a, s.type, optional, s.name, 1);
    if (t->rule->oid != LEAT_PG_OID_DATE) schema->digits = (uint8_t)digits;
    return schema;
}

static leat_schema *interval_schema(const planner *p, bool optional)
{
    if (p->modes->interval_string)
        return leat_schema_named(p->a, LEAT_T_STRING, optional, DEBEZIUM("Interval"), 1);
    return leat_schema_named(p->a, LEAT_T_INT64, optional, DEBEZIUM("MicroDuration"), 1);
}

static leat_schema *hstore_schema(const planner *p, leat_pg_col *col, bool optional)
{
    leat_arena *a = p->a;
    leat_schema *s;
    if (!p->modes->hstore_map) {
        s = leat_schema_named(a, LEAT_T_STRING, optional, "io.debezium.data.Json", 1);
        s->logical = LEAT_L_JSON_MAP;
        return s;
    }
    col->parse = leat_pg_parse_hstore_map;
    s = leat_schema_new(a, LEAT_T_MAP, optional);
    s->key = leat_schema_new(a, LEAT_T_STRING, false);
    s->elem = leat_schema_new(a, LEAT_T_STRING, true);
    return s;
}

static leat_schema *point_schema(leat_arena *a, bool optional)
{
    const leat_field fields[] = {{"x", leat_schema_new(a, LEAT_T_FLOAT64, false)},
                                 {"y", leat_schema_new(a, LEAT_T_FLOAT64, false)},
                                 {"wkb", leat_schema_new(a, LEAT_T_BYTES, true)},
                                 {"srid", leat_schema_new(a, LEAT_T_INT32, true)}};
    return struct_schema(a, optional, "io.debezium.data.geometry.Point", "Geometry (POINT)", 4,
                         fields);
}

static leat_schema *geometry_schema(leat_arena *a, const char *name, bool optional)
{
    const leat_field fields[] = {{"wkb", leat_schema_new(a, LEAT_T_BYTES, false)},
                                 {"srid", leat_schema_new(a, LEAT_T_INT32, true)}};
    return struct_schema(a, optional, name, strrchr(name, '.') + 1, 2, fields);
}

static leat_schema *sparse_schema(leat_arena *a, const char *name, bool optional)
{
    leat_schema *map = leat_schema_new(a, LEAT_T_MAP, false);
    map->key = leat_schema_new(a, LEAT_T_INT16, false);
    map->elem = leat_schema_new(a, LEAT_T_FLOAT64, false);
    const leat_field fields[] = {{"dimensions", leat_schema_new(a, LEAT_T_INT16, false)},
                                 {"vector", map}};
    return struct_schema(a, optional, name, "Sparse double vector", 2, fields);
}

/* A plan for the elements of col, as far as their parser needs it. */
static leat_pg_col *element_of(leat_arena *a, const leat_pg_col *col, leat_pg_parser *parse,
                               const leat_schema *schema, const char *type)
{
    leat_pg_col *elem = leat_arena_dup(a, col, sizeof *col);
    elem->parse = parse;
    elem->schema = schema;
    elem->type = type;
    elem->elem = NULL;
    elem->zero = NULL;
    return elem;
}

/* Lists that PostgreSQL does not call arrays: pgvector's, and two of the catalog's own. */
static leat_schema *vector_schema(leat_arena *a, leat_pg_col *col, const leat_pg_rule *r,
                                  bool optional)
{
    leat_type type = LEAT_T_FLOAT64;
    leat_pg_parser *parse = leat_pg_parse_float8;
    col->delim = ',';
    if (r->parse == leat_pg_parse_elements) {
        type = (leat_type)r->type;
        parse = type == LEAT_T_INT16 ? leat_pg_parse_int2 : leat_pg_parse_oid;
        col->delim = ' ';
    } else if (strcmp(r->name, "halfvec") == 0) {
        type = LEAT_T_FLOAT32;
        parse = leat_pg_parse_float4;
    }
    leat_schema *elem = leat_schema_new(a, type, false);
    col->elem = element_of(a, col, parse, elem, "number");
    leat_schema *s = leat_schema_array(a, optional, elem);
    if (r->schema_name) {
        leat_schema *named = leat_schema_named(a, LEAT_T_ARRAY, optional, r->schema_name, 1);
        named->elem = elem;
        s = named;
    }
    return s;
}

static leat_schema *enum_schema(const planner *p, const leat_pg_type *t, bool optional)
{
    size_t len = 1;
    for (uint32_t i = 0; i < t->nlabels; i++) len += strlen(t->labels[i]) + 1;
    char *allowed = leat_arena_alloc(p->a, len, 1), *to = allowed;
    for (uint32_t i = 0; i < t->nlabels; i++) {
        if (i) *to++ = ',';
        to = stpcpy(to, t->labels[i]);
    }
    *to = '\0';
    leat_schema *s = leat_schema_named(p->a, LEAT_T_STRING, optional, "io.debezium.data.Enum", 1);
    leat_schema_param(p->a, s, "allowed", allowed);
    return s;
}

/* The schema of a type that has a rule; col->parse is set, and changed where a mode wants it. */
static leat_schema *rule_schema(const planner *p, const resolved *t, leat_pg_col *col,
                                bool optional)
{
    const leat_pg_rule *r = t->rule;
    switch (r->oid) {
    case LEAT_PG_OID_BYTEA: return binary_schema(p, optional);
    case LEAT_PG_OID_NUMERIC: return numeric_schema(p, col, t->typmod, optional);
    case LEAT_PG_OID_MONEY: return money_schema(p, col, optional);
    case LEAT_PG_OID_BIT:
    case LEAT_PG_OID_VARBIT: return bits_schema(p, col, t->typmod, optional);
    case LEAT_PG_OID_DATE:
    case LEAT_PG_OID_TIME:
    case LEAT_PG_OID_TIMETZ:
    case LEAT_PG_OID_TIMESTAMP:
    case LEAT_PG_OID_TIMESTAMPTZ: return temporal_schema(p, t, optional);
    case LEAT_PG_OID_INTERVAL: return interval_schema(p, optional);
    case LEAT_PG_OID_POINT: return point_schema(p->a, optional);
    default: break;
    }
    if (r->parse == leat_pg_parse_hstore_json) return hstore_schema(p, col, optional);
    /* Debezium's schema of a geometry is optional whatever the column is. */
    if (r->parse == leat_pg_parse_geometry)
        return geometry_schema(p->a, r->schema_name, optional || strcmp(r->name, "geometry") == 0);
    if (r->parse == leat_pg_parse_sparse) return sparse_schema(p->a, r->schema_name, optional);
    if (r->parse == leat_pg_parse_vector || r->parse == leat_pg_parse_elements)
        return vector_schema(p->a, col, r, optional);
    if (r->schema_name)
        return leat_schema_named(p->a, (leat_type)r->type, optional, r->schema_name, 1);
    return leat_schema_new(p->a, (leat_type)r->type, optional);
}

/* The type as SQL spells it. */
static const char *sql_name(leat_arena *a, const resolved *t)
{
    const char *name = t->rule && t->rule->sql ? t->rule->sql : t->type->name;
    const char *at = strchr(name, '%');
    /* A table's version may outlive the session that knows its types. */
    if (t->rule == NULL || at == NULL) return leat_arena_strdup(a, name);
    char modifier[32] = "";
    int32_t m = t->typmod;
    if (t->rule->oid == LEAT_PG_OID_NUMERIC && m >= VARHDRSZ)
        snprintf(modifier, sizeof modifier, "(%d,%d)", precision_of(m), scale_of(m));
    else if ((t->rule->oid == LEAT_PG_OID_VARCHAR || t->rule->oid == LEAT_PG_OID_BPCHAR) &&
             m >= VARHDRSZ)
        snprintf(modifier, sizeof modifier, "(%d)", (int)m - VARHDRSZ);
    else if (t->rule->category != 'S' && t->rule->category != 'N' && m >= 0)
        snprintf(modifier, sizeof modifier, "(%d)", (int)m);
    return leat_arena_printf(a, "%.*s%s%s", (int)(at - name), name, modifier, at + 1);
}

/* Length and scale as the JDBC driver, and so Debezium, reports them. */
static void set_sizes(leat_pg_col *col, uint32_t oid, int32_t typmod)
{
    int digits = (int)time_digits(typmod);
    int fraction = digits == 0 ? 0 : digits == 1 ? 3 : digits + 1; /* the driver shows .1 as .10 */
    col->length = NO_LENGTH;
    col->scale = 0;
    switch (oid) {
    case LEAT_PG_OID_INT2: col->length = 5; break;
    case LEAT_PG_OID_OID:
    case LEAT_PG_OID_INT4: col->length = 10; break;
    case LEAT_PG_OID_INT8: col->length = 19; break;
    case LEAT_PG_OID_FLOAT4: col->length = col->scale = 8; break;
    case LEAT_PG_OID_FLOAT8: col->length = col->scale = 17; break;
    case LEAT_PG_OID_BOOL:
    case LEAT_PG_OID_CHAR: col->length = 1; break;
    case LEAT_PG_OID_NUMERIC:
        col->length = typmod < VARHDRSZ ? 0 : precision_of(typmod);
        col->scale = typmod < VARHDRSZ ? 0 : scale_of(typmod);
        break;
    case LEAT_PG_OID_VARCHAR:
    case LEAT_PG_OID_BPCHAR:
        if (typmod >= VARHDRSZ) col->length = typmod - VARHDRSZ;
        break;
    case LEAT_PG_OID_BIT:
    case LEAT_PG_OID_VARBIT:
        if (typmod > 0) col->length = typmod;
        break;
    case LEAT_PG_OID_DATE: col->length = 13; break;
    case LEAT_PG_OID_TIME: col->length = 8 + fraction, col->scale = digits; break;
    case LEAT_PG_OID_TIMETZ: col->length = 14 + fraction, col->scale = digits; break;
    case LEAT_PG_OID_TIMESTAMP: col->length = 22 + fraction, col->scale = digits; break;
    case LEAT_PG_OID_TIMESTAMPTZ: col->length = 28 + fraction, col->scale = digits; break;
    case LEAT_PG_OID_INTERVAL:
        col->length = 49, col->scale = typmod < 0 ? 6 : typmod & 0xffff;
        break;
    default: break;
    }
}

/* Everything but arrays. NULL: not mapped. */
static leat_schema *scalar(const planner *p, const resolved *t, leat_pg_col *col, bool optional)
{
    col->oid = t->type->oid;
    col->type = sql_name(p->a, t);
    set_sizes(col, t->type->oid, t->typmod);
    leat_schema *s = NULL;
    bool shape = t->rule && t->rule->parse == leat_pg_parse_shape;
    if (t->rule && t->rule->parse && !shape) {
        col->parse = t->rule->parse;
        col->zero = t->rule->zero;
        s = rule_schema(p, t, col, optional);
    } else if (t->type->kind == 'e') {
        col->parse = leat_pg_parse_text;
        col->zero = "";
        s = enum_schema(p, t->type, optional);
    } else if (p->modes->include_unknown) {
        col->parse = shape ? leat_pg_parse_shape : leat_pg_parse_unknown;
        s = binary_schema(p, optional);
    }
    if (t->domain || (s && s->type == LEAT_T_STRUCT)) col->zero = NULL;
    col->schema = s;
    return s;
}

/* col as a list of elem. */
static leat_schema *list_of(const planner *p, leat_pg_col *col, const leat_pg_col *elem, char delim,
                            bool optional)
{
    col->parse = leat_pg_parse_array;
    col->elem = elem;
    col->delim = delim;
    col->zero = NULL;
    leat_schema *s = leat_schema_array(p->a, optional, elem->schema);
    col->schema = s;
    return s;
}

/* t is an array type. NULL: not mapped. */
static leat_schema *array(const planner *p, const resolved *t, leat_pg_col *col, bool optional)
{
    col->oid = t->type->oid;
    col->type = leat_arena_strdup(p->a, t->type->name);
    col->length = NO_LENGTH;
    const leat_pg_type row = {.oid = t->type->elem, .name = "record", .kind = 'c'};
    resolved of = {.type = leat_pg_types_get(p->types, t->type->elem), .typmod = t->typmod};
    if (of.type == NULL) of.type = &row; /* of a table: leat_pg_types_sql leaves it out */
    of.rule = rule_of(of.type);
    uint8_t rule = of.rule ? of.rule->array_rule : LEAT_PG_ARRAY_REQUIRED;
    leat_pg_col *elem = leat_arena_dup(p->a, col, sizeof *col);
    if (rule == LEAT_PG_ARRAY_NONE) return NULL;
    bool optional_elem = rule == LEAT_PG_ARRAY_OPTIONAL || p->attr->loose;
    if (scalar(p, &of, elem, optional_elem) == NULL) return NULL;
    elem->zero = NULL;
    col->length = elem->length;
    col->scale = elem->scale;
    const char *type = col->type = leat_arena_printf(p->a, "%s[]", elem->type);
    int32_t dims = col->faults ? 1 : t->ndims;
    for (; dims > 1 && dims <= MAX_DIMS; dims--) {
        leat_pg_col *inner = leat_arena_dup(p->a, col, sizeof *col);
        list_of(p, inner, elem, of.type->delim, true);
        elem = inner;
        type = leat_arena_printf(p->a, "%s[]", type);
    }
    col->type = type;
    return list_of(p, col, elem, of.type->delim, optional);
}

/* See leat_pg_col.old: what the schema does not say. */
static const leat_value *old_of(const planner *p, const leat_pg_col *col)
{
    const leat_schema *s = col->schema;
    leat_value v;
    if (!p->attr->not_null || p->attr->loose || s->def) return NULL;
    bool number = col->parse == leat_pg_parse_numeric || col->parse == leat_pg_parse_money;
    if (number && s->type == LEAT_T_STRING) {
        int digits = col->parse == leat_pg_parse_money   ? p->modes->money_digits
                     : col->digits == LEAT_PG_ANY_DIGITS ? 0
                                                         : col->digits;
        v = leat_text(leat_str_of(leat_arena_printf(p->a, "0%s%.*s", digits ? "." : "", digits,
                                                    "000000000000000000000000000000000000000000")));
    } else if (s->type == LEAT_T_STRUCT && !number) {
        v = leat_pg_no_struct(col->parse, p->a);
    } else {
        return NULL;
    }
    return leat_arena_dup(p->a, &v, sizeof v);
}

leat_rc leat_pg_plan(const leat_pg_types *types, const leat_pg_modes *modes,
                     const leat_pg_attr *attr, leat_arena *a, leat_pg_col *out, leat_err *e)
{
    planner p = {types, modes, attr, a};
    resolved t;
    *out = (leat_pg_col){.table = leat_arena_strdup(a, attr->table),
                         .name = leat_arena_strdup(a, attr->name),
                         .delim = ',',
                         .faults = modes->debezium_faults};
    LEAT_TRY(resolve(&p, &t, e));
    bool is_array = t.type->category == 'A' && t.type->elem && t.rule == NULL;
    bool optional = !attr->not_null || attr->loose;
    leat_schema *s = is_array ? array(&p, &t, out, optional) : scalar(&p, &t, out, optional);
    leat_value def;
    if (s && !is_array) out->binary = leat_pg_binary_parser(t.type, out->parse);
    if (s && !attr->generated && leat_pg_default(out, attr->def, a, &def))
        s->def = leat_arena_dup(a, &def, sizeof def);
    if (s) out->old = old_of(&p, out);
    return LEAT_OK;
}
