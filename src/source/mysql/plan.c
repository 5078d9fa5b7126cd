/* What a column of MySQL or MariaDB is to a consumer: schema and how its cell is read.
 *
 *   TINYINT             int16 (int8 by option)     UNSIGNED: int16
 *   SMALLINT            int16                      UNSIGNED: int32
 *   MEDIUMINT           int32
 *   INT                 int32                      UNSIGNED: int64
 *   BIGINT              int64                      UNSIGNED: int64, or Decimal of scale 0
 *   DECIMAL             by decimal.handling.mode
 *   FLOAT, FLOAT(m,d)   float, double              DOUBLE: double
 *   BIT(1), BIT(n)      boolean, Bits
 *   DATE, DATETIME, TIME by time.precision.mode     TIMESTAMP: ZonedTimestamp     YEAR: Year
 *   text, ENUM, SET     string, Enum, EnumSet      JSON: Json
 *   bytes               by binary.handling.mode
 *   GEOMETRY, POINT     Geometry, Point            VECTOR: FloatVector
 *   INET4, INET6        string                     UUID: Uuid
 *
 * Pure; any thread. */
#include "source/mysql/plan.h"

#include <ctype.h>

#define DAY_US (INT64_C(86400) * 1000000)
#define NANOS_MOST_US (INT64_MAX / 1000)

static bool is(const leat_my_column *c, const char *base)
{
    return strcmp(c->base, base) == 0;
}

static bool is_one_of(const leat_my_column *c, const char *const *names)
{
    for (; *names; names++)
        if (is(c, *names)) return true;
    return false;
}

static leat_schema *plain(const leat_my_column *c, leat_arena *a, leat_type type)
{
    return leat_schema_new(a, type, c->nullable);
}

static leat_schema *named(const leat_my_column *c, leat_arena *a, leat_type type, const char *name)
{
    return leat_schema_named(a, type, c->nullable, name, 1);
}

/* ---- numbers ---- */

static leat_schema *decimal_of(const leat_my_column *c, leat_arena *a, int32_t precision,
                               int32_t scale)
{
    leat_schema *s = named(c, a, LEAT_T_BYTES, "org.apache.kafka.connect.data.Decimal");
    leat_schema_param(a, s, "scale", leat_arena_printf(a, "%d", scale));
    leat_schema_param(a, s, "connect.decimal.precision", leat_arena_printf(a, "%d", precision));
    return s;
}

static leat_schema *plan_decimal(const leat_my_modes *m, const leat_my_column *c, leat_arena *a)
{
    if (m->decimal == LEAT_DECIMAL_DOUBLE) return plain(c, a, LEAT_T_FLOAT64);
    if (m->decimal == LEAT_DECIMAL_STRING) return plain(c, a, LEAT_T_STRING);
    return decimal_of(c, a, c->length < 0 ? 10 : c->length, c->scale < 0 ? 0 : c->scale);
}

static leat_schema *plan_bit(const leat_my_column *c, leat_arena *a)
{
    if (c->length <= 1) return plain(c, a, LEAT_T_BOOLEAN);
    leat_schema *s = named(c, a, LEAT_T_BYTES, "io.debezium.data.Bits");
    leat_schema_param(a, s, "length", leat_arena_printf(a, "%d", c->length));
    return s;
}

static leat_schema *plan_number(const leat_my_modes *m, const leat_my_column *c, leat_arena *a,
                                leat_my_col *out)
{
    bool positive = c->is_unsigned;
    if (is(c, "tinyint")) return plain(c, a, m->tinyint8 && !positive ? LEAT_T_INT8 : LEAT_T_INT16);
    if (is(c, "smallint")) return plain(c, a, positive ? LEAT_T_INT32 : LEAT_T_INT16);
    if (is(c, "mediumint")) return plain(c, a, LEAT_T_INT32);
    if (is(c, "int")) return plain(c, a, positive ? LEAT_T_INT64 : LEAT_T_INT32);
    if (is(c, "bigint")) {
        out->want.decimal_u64 = positive && m->bigint == LEAT_MY_BIGINT_PRECISE;
        return out->want.decimal_u64 ? decimal_of(c, a, 20, 0) : plain(c, a, LEAT_T_INT64);
    }
    if (is(c, "decimal")) return plan_decimal(m, c, a);
    if (is(c, "float")) return plain(c, a, c->scale >= 0 ? LEAT_T_FLOAT64 : LEAT_T_FLOAT32);
    if (is(c, "double")) return plain(c, a, LEAT_T_FLOAT64);
    if (is(c, "bit")) return plan_bit(c, a);
    if (is(c, "year")) return named(c, a, LEAT_T_INT32, "io.debezium.time.Year");
    return NULL;
}

/* ---- times ---- */

static leat_schema *plan_date(const leat_my_modes *m, const leat_my_column *c, leat_arena *a)
{
    if (m->time == LEAT_TIME_CONNECT)
        return named(c, a, LEAT_T_INT32, "org.apache.kafka.connect.data.Date");
    if (m->time == LEAT_TIME_ISOSTRING)
        return named(c, a, LEAT_T_STRING, "io.debezium.time.IsoDate");
    return named(c, a, LEAT_T_INT32, "io.debezium.time.Date");
}

static leat_schema *plan_time(const leat_my_modes *m, const leat_my_column *c, leat_arena *a,
                              leat_my_col *out)
{
    switch (m->time) {
    case LEAT_TIME_CONNECT:
        out->mend = LEAT_MY_MEND_DAY;
        return named(c, a, LEAT_T_INT32, "org.apache.kafka.connect.data.Time");
    case LEAT_TIME_ISOSTRING:
        out->mend = LEAT_MY_MEND_DAY;
        return named(c, a, LEAT_T_STRING, "io.debezium.time.IsoTime");
    case LEAT_TIME_NANOSECONDS: return named(c, a, LEAT_T_INT64, "io.debezium.time.NanoTime");
    default: return named(c, a, LEAT_T_INT64, "io.debezium.time.MicroTime");
    }
}

static leat_schema *plan_datetime(const leat_my_modes *m, const leat_my_column *c, leat_arena *a,
                                  leat_my_col *out)
{
    switch (m->time) {
    case LEAT_TIME_CONNECT:
        return named(c, a, LEAT_T_INT64, "org.apache.kafka.connect.data.Timestamp");
    case LEAT_TIME_ISOSTRING: return named(c, a, LEAT_T_STRING, "io.debezium.time.IsoTimestamp");
    case LEAT_TIME_NANOSECONDS:
        out->mend = LEAT_MY_MEND_NANOS;
        return named(c, a, LEAT_T_INT64, "io.debezium.time.NanoTimestamp");
    case LEAT_TIME_MICROSECONDS:
        return named(c, a, LEAT_T_INT64, "io.debezium.time.MicroTimestamp");
    default:
        return c->length > 3 ? named(c, a, LEAT_T_INT64, "io.debezium.time.MicroTimestamp")
                             : named(c, a, LEAT_T_INT64, "io.debezium.time.Timestamp");
    }
}

/* What a date that is none becomes: NULL, or the epoch where there is no room for a NULL. */
static const leat_value *zero_of(const leat_my_column *c, leat_kind kind, leat_arena *a)
{
    leat_value *v = LEAT_NEW(a, leat_value, 1);
    *v = c->nullable ? leat_null() : (leat_value){.kind = (uint8_t)kind, .unit = LEAT_US};
    return v;
}

static leat_schema *plan_temporal(const leat_my_modes *m, const leat_my_column *c, leat_arena *a,
                                  leat_my_col *out)
{
    if (is(c, "time")) return plan_time(m, c, a, out);
    if (is(c, "date")) {
        out->want.zero = zero_of(c, LEAT_DATE, a);
        return plan_date(m, c, a);
    }
    if (is(c, "datetime")) {
        out->want.zero = zero_of(c, LEAT_TIMESTAMP, a);
        return plan_datetime(m, c, a, out);
    }
    if (!is(c, "timestamp")) return NULL;
    out->want.zero = zero_of(c, LEAT_TIMESTAMPTZ, a);
    leat_schema *s = named(c, a, LEAT_T_STRING, "io.debezium.time.ZonedTimestamp");
    s->digits = c->length > 0 ? (uint8_t)c->length : 0;
    return s;
}

/* ---- text and bytes ---- */

/* The labels, joined by commas; commas in them get a backslash. */
static const char *allowed_of(const leat_my_column *c, leat_arena *a)
{
    leat_buf text = {0};
    for (uint32_t i = 0; i < c->nlabels; i++) {
        if (i) leat_buf_u8(&text, ',');
        for (size_t k = 0; k < c->labels[i].len; k++) {
            if (c->labels[i].s[k] == ',') leat_buf_u8(&text, '\\');
            leat_buf_u8(&text, (unsigned char)c->labels[i].s[k]);
        }
    }
    const char *out = leat_arena_str(a, leat_buf_str(&text)).s;
    leat_buf_free(&text);
    return out;
}

static leat_schema *plan_bytes(const leat_my_modes *m, const leat_my_column *c, leat_arena *a)
{
    static const uint8_t logical[] = {
        [LEAT_BINARY_BASE64] = LEAT_L_BASE64,
        [LEAT_BINARY_BASE64_URL_SAFE] = LEAT_L_BASE64_URL,
        [LEAT_BINARY_HEX] = LEAT_L_HEX,
    };
    if (m->binary == LEAT_BINARY_BYTES) return plain(c, a, LEAT_T_BYTES);
    leat_schema *s = plain(c, a, LEAT_T_STRING);
    s->logical = logical[m->binary];
    return s;
}

static leat_schema *plan_text(const leat_my_modes *m, const leat_my_column *c, leat_arena *a)
{
    static const char *const bytes[] = {"binary",     "varbinary", "tinyblob", "blob",
                                        "mediumblob", "longblob",  NULL};
    if (is_one_of(c, bytes)) return plan_bytes(m, c, a);
    if (is(c, "json")) return named(c, a, LEAT_T_STRING, "io.debezium.data.Json");
    if (is(c, "uuid")) return named(c, a, LEAT_T_STRING, "io.debezium.data.Uuid");
    if (is(c, "enum") || is(c, "set")) {
        leat_schema *s =
            named(c, a, LEAT_T_STRING,
                  is(c, "enum") ? "io.debezium.data.Enum" : "io.debezium.data.EnumSet");
        leat_schema_param(a, s, "allowed", allowed_of(c, a));
        return s;
    }
    if (c->charset && strcmp(c->charset, "binary") == 0) return plan_bytes(m, c, a);
    return plain(c, a, LEAT_T_STRING);
}

/* ---- shapes ---- */

static leat_schema *plan_geometry(const leat_my_column *c, leat_arena *a)
{
    bool point = is(c, "point");
    const leat_schema *number = leat_schema_new(a, LEAT_T_FLOAT64, false);
    leat_schema *s = leat_schema_struct(a, c->nullable,
                                        point ? "io.debezium.data.geometry.Point"
                                              : "io.debezium.data.geometry.Geometry",
                                        1, point ? 4 : 2);
    leat_field *f = LEAT_NEW(a, leat_field, 4);
    unsigned n = 0;
    if (point) f[n++] = (leat_field){"x", number};
    if (point) f[n++] = (leat_field){"y", number};
    f[n++] = (leat_field){"wkb", leat_schema_new(a, LEAT_T_BYTES, point)};
    f[n] = (leat_field){"srid", leat_schema_new(a, LEAT_T_INT32, true)};
    s->fields = f;
    s->doc = point ? "Geometry (POINT)" : "Geometry";
    return s;
}

static leat_schema *plan_shape(const leat_my_column *c, leat_arena *a)
{
    static const char *const shapes[] = {
        "geometry",        "point",        "linestring",         "polygon",        "multipoint",
        "multilinestring", "multipolygon", "geometrycollection", "geomcollection", NULL};
    if (is_one_of(c, shapes)) return plan_geometry(c, a);
    if (!is(c, "vector")) return NULL;
    leat_schema *s = leat_schema_array(a, c->nullable, leat_schema_new(a, LEAT_T_FLOAT32, false));
    s->name = "io.debezium.data.FloatVector";
    s->version = 1;
    return s;
}

/* ---- together ---- */

/* "int(6) unsigned zerofill" is "INT UNSIGNED ZEROFILL". */
static const char *name_of(const leat_my_column *c, leat_arena *a)
{
    char *name = leat_arena_printf(a, "%s%s%s", c->base, c->is_unsigned ? " unsigned" : "",
                                   c->zerofill ? " zerofill" : "");
    for (char *p = name; *p; p++) *p = (char)toupper((unsigned char)*p);
    return name;
}

/* Debezium's length: of a SET all of its labels and the commas between, of an ENUM 1. */
static void measure(const leat_my_column *c, leat_my_col *out)
{
    out->length = c->length;
    out->scale = c->scale;
    if (is(c, "enum")) out->length = 1;
    if (is(c, "set")) out->length = c->nlabels ? (int32_t)(2 * c->nlabels - 1) : 0;
    if (is(c, "decimal") && out->length < 0) out->length = 10;
    if (is(c, "decimal") && out->scale < 0) out->scale = 0;
    if (is(c, "bit") && out->length < 0) out->length = 1;
}

static uint8_t as_of(const leat_my_column *c)
{
    if (is(c, "inet4")) return LEAT_MYSQL_AS_INET4;
    if (is(c, "inet6")) return LEAT_MYSQL_AS_INET6;
    if (is(c, "uuid")) return LEAT_MYSQL_AS_UUID;
    if (is(c, "point")) return LEAT_MYSQL_AS_POINT;
    return LEAT_MYSQL_AS_WIRE;
}

static uint16_t collation_of(const leat_my_column *c, const leat_binlog_column *wire)
{
    if (wire && wire->collation) return wire->collation;
    if (c->collation_id) return c->collation_id;
    return c->charset && !is(c, "json") ? 0 : LEAT_COLLATION_BINARY;
}

void leat_my_plan(const leat_my_modes *m, const char *table, const leat_my_column *c,
                  const leat_binlog_column *wire, bool boolean, leat_arena *a, leat_my_col *out)
{
    *out = (leat_my_col){
        .name = c->name,
        .type = c->type,
        .type_name = name_of(c, a),
        .want = {.table = table,
                 .name = c->name,
                 .as = as_of(c),
                 .is_unsigned = c->is_unsigned,
                 .collation = collation_of(c, wire),
                 .nlabels = c->nlabels,
                 .labels = c->labels},
    };
    measure(c, out);
    leat_schema *s = NULL;
    if (boolean) {
        s = plain(c, a, LEAT_T_BOOLEAN);
        out->mend = LEAT_MY_MEND_BOOL;
    }
    if (!s) s = plan_number(m, c, a, out);
    if (!s) s = plan_temporal(m, c, a, out);
    if (!s) s = plan_shape(c, a);
    if (!s) s = plan_text(m, c, a);
    if (m->comments && c->comment[0]) s->doc = leat_arena_strdup(a, c->comment);
    leat_value *def = LEAT_NEW(a, leat_value, 1);
    if (leat_my_default(m, c, s, a, def) && (!out->mend || leat_my_mend_cell(out, def)))
        s->def = def;
    out->schema = s;
}

bool leat_my_mend_cell(const leat_my_col *c, leat_value *v)
{
    if (v->kind == LEAT_NULL || v->kind == LEAT_ABSENT) return true;
    if (c->mend == LEAT_MY_MEND_BOOL) {
        if (v->kind == LEAT_INT) *v = leat_bool(v->u.i > 0);
        return true;
    }
    bool fits = c->mend == LEAT_MY_MEND_DAY ? v->u.i >= 0 && v->u.i < DAY_US
                                            : v->u.i <= NANOS_MOST_US && v->u.i >= -NANOS_MOST_US;
    if (fits) return true;
    *v = leat_null();
    return c->schema && c->schema->optional;
}
