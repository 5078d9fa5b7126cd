/* Columns and values of query capture: what Connector/J makes of them (dialect.h).
 *
 *     TINYINT SMALLINT MEDIUMINT INT BIGINT   INT8 INT16 INT32 INT32 INT64; UNSIGNED one wider,
 *                                             of 64 bits none
 *     BIT                                     INT8; its bytes are a number, the highest first
 *     YEAR                                    DATE, its first day
 *     FLOAT DOUBLE DECIMAL                    FLOAT32 FLOAT64 DECIMAL
 *     DATE TIME DATETIME TIMESTAMP            DATE TIME TIMESTAMP, of a clock; as an instant
 *     CHAR TEXT ENUM SET JSON UUID INET6      STRING, UTF-8
 *     BINARY BLOB GEOMETRY VECTOR             BYTES
 *
 * Pure; any thread. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "system/mysql/dialect.h"

enum { CHARSET_BINARY = 63, TYPE_VECTOR = 242, NO_DIGITS = 31, TEXT_MOST = 40 };
static const int64_t day_us = INT64_C(86400000000);

/* ---- columns ---- */

static const struct {
    int type;
    leat_sql_type plain, is_unsigned;
    const char *name;
} types[] = {
    {MYSQL_TYPE_TINY, LEAT_SQL_INT8, LEAT_SQL_INT16, "tinyint"},
    {MYSQL_TYPE_SHORT, LEAT_SQL_INT16, LEAT_SQL_INT32, "smallint"},
    {MYSQL_TYPE_INT24, LEAT_SQL_INT32, LEAT_SQL_INT64, "mediumint"},
    {MYSQL_TYPE_LONG, LEAT_SQL_INT32, LEAT_SQL_INT64, "int"},
    {MYSQL_TYPE_LONGLONG, LEAT_SQL_INT64, LEAT_SQL_INT64, "bigint"},
    {MYSQL_TYPE_BIT, LEAT_SQL_INT8, LEAT_SQL_INT8, "bit"},
    {MYSQL_TYPE_YEAR, LEAT_SQL_DATE, LEAT_SQL_DATE, "year"},
    {MYSQL_TYPE_FLOAT, LEAT_SQL_FLOAT32, LEAT_SQL_FLOAT32, "float"},
    {MYSQL_TYPE_DOUBLE, LEAT_SQL_FLOAT64, LEAT_SQL_FLOAT64, "double"},
    {MYSQL_TYPE_DECIMAL, LEAT_SQL_DECIMAL, LEAT_SQL_DECIMAL, "decimal"},
    {MYSQL_TYPE_NEWDECIMAL, LEAT_SQL_DECIMAL, LEAT_SQL_DECIMAL, "decimal"},
    {MYSQL_TYPE_DATE, LEAT_SQL_DATE, LEAT_SQL_DATE, "date"},
    {MYSQL_TYPE_NEWDATE, LEAT_SQL_DATE, LEAT_SQL_DATE, "date"},
    {MYSQL_TYPE_TIME, LEAT_SQL_TIME, LEAT_SQL_TIME, "time"},
    {MYSQL_TYPE_DATETIME, LEAT_SQL_TIMESTAMP, LEAT_SQL_TIMESTAMP, "datetime"},
    {MYSQL_TYPE_TIMESTAMP, LEAT_SQL_TIMESTAMP, LEAT_SQL_TIMESTAMP, "timestamp"},
    {MYSQL_TYPE_JSON, LEAT_SQL_STRING, LEAT_SQL_STRING, "json"},
    {MYSQL_TYPE_VARCHAR, LEAT_SQL_STRING, LEAT_SQL_STRING, "varchar"},
    {MYSQL_TYPE_VAR_STRING, LEAT_SQL_STRING, LEAT_SQL_STRING, "varchar"},
    {MYSQL_TYPE_STRING, LEAT_SQL_STRING, LEAT_SQL_STRING, "char"},
    {MYSQL_TYPE_ENUM, LEAT_SQL_STRING, LEAT_SQL_STRING, "enum"},
    {MYSQL_TYPE_SET, LEAT_SQL_STRING, LEAT_SQL_STRING, "set"},
    {MYSQL_TYPE_TINY_BLOB, LEAT_SQL_STRING, LEAT_SQL_STRING, "text"},
    {MYSQL_TYPE_BLOB, LEAT_SQL_STRING, LEAT_SQL_STRING, "text"},
    {MYSQL_TYPE_MEDIUM_BLOB, LEAT_SQL_STRING, LEAT_SQL_STRING, "text"},
    {MYSQL_TYPE_LONG_BLOB, LEAT_SQL_STRING, LEAT_SQL_STRING, "text"},
    {MYSQL_TYPE_GEOMETRY, LEAT_SQL_BYTES, LEAT_SQL_BYTES, "geometry"},
    {TYPE_VECTOR, LEAT_SQL_BYTES, LEAT_SQL_BYTES, "vector"},
};

static bool is_text(const leat_sql_column *c, const MYSQL_FIELD *f)
{
    return c->type == LEAT_SQL_STRING && f->type != MYSQL_TYPE_JSON &&
           !(f->flags & (ENUM_FLAG | SET_FLAG));
}

void leat_my_sql_column(const MYSQL_FIELD *field, bool all, leat_arena *a, leat_sql_column *out)
{
    static const int64_t grains[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    bool is_unsigned = field->flags & UNSIGNED_FLAG;
    *out = (leat_sql_column){.name = leat_arena_strdup(a, field->name),
                             .native = leat_arena_printf(a, "type %d", (int)field->type),
                             .type = all ? LEAT_SQL_STRING : LEAT_SQL_NONE,
                             .optional = !(field->flags & NOT_NULL_FLAG),
                             .increments = field->flags & AUTO_INCREMENT_FLAG,
                             .zoned = field->type == MYSQL_TYPE_TIMESTAMP,
                             .grain_us = 1};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].type != (int)field->type) continue;
        out->type = is_unsigned ? types[i].is_unsigned : types[i].plain;
        out->native = types[i].name;
    }
    if (is_text(out, field) && field->charsetnr == CHARSET_BINARY) {
        out->type = LEAT_SQL_BYTES;
        out->native = "binary";
    }
    bool whole = out->type >= LEAT_SQL_INT8 && out->type <= LEAT_SQL_INT64;
    if (whole && is_unsigned) out->native = leat_arena_printf(a, "%s unsigned", out->native);
    if (out->type == LEAT_SQL_TIMESTAMP) {
        unsigned digits = field->decimals <= 6 ? field->decimals : 6;
        out->grain_us = grains[digits];
        if (digits) out->native = leat_arena_printf(a, "%s(%u)", out->native, digits);
    }
    if (out->type != LEAT_SQL_DECIMAL) return;
    out->scale = field->decimals < NO_DIGITS ? (int32_t)field->decimals : 0;
    out->precision = (int32_t)field->length - (out->scale > 0) - !is_unsigned;
    out->native = leat_arena_printf(a, "decimal(%d,%d)", out->precision, out->scale);
}

/* ---- values ---- */

static leat_rc misfit(const leat_sql_column *c, leat_str text, const char *why, leat_err *e)
{
    if (text.len > TEXT_MOST) text.len = TEXT_MOST;
    return leat_fail(e, LEAT_DATA, "query.value", c->name,
                     "a value of the column, whose type is %s, %s: " LEAT_STR_FMT, c->native, why,
                     LEAT_STR_ARG(text));
}

static leat_rc take_whole(const leat_sql_column *c, leat_str text, leat_value *v, leat_err *e)
{
    int64_t n = 0;
    uint64_t bits = 0;
    if (strcmp(c->native, "bit") == 0 || strcmp(c->native, "bit unsigned") == 0) {
        for (size_t i = 0; i < text.len; i++) bits = bits << 8 | (unsigned char)text.s[i];
        if (bits > INT8_MAX)
            return leat_fail(e, LEAT_DATA, "query.value", c->name,
                             "a value of the column, whose type is bit, is larger than an INT8, "
                             "which JDBC makes of it: cast it in `query` (CAST(%s AS UNSIGNED))",
                             c->name);
        n = (int64_t)bits;
    } else if (!leat_str_i64(text, &n)) {
        return misfit(c, text, "is larger than an INT64", e);
    }
    *v = leat_int(n);
    return LEAT_OK;
}

static leat_rc take_double(const leat_sql_column *c, leat_str text, leat_arena *a, leat_value *v,
                           leat_err *e)
{
    char *end;
    const char *copy = leat_arena_str(a, text).s;
    double d = strtod(copy, &end);
    if (*end || end == copy) return misfit(c, text, "is no number", e);
    *v = leat_float(c->type == LEAT_SQL_FLOAT32 ? (double)(float)d : d);
    return LEAT_OK;
}

static bool all_zeros(leat_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.s[i] >= '1' && text.s[i] <= '9') return false;
    return true;
}

/* "2026-11-21", "2026-11-21 10:15:00.123", "2026" and "10:15:00" of the first day of 1970. */
static leat_rc take_moment(const leat_sql_column *c, leat_str text, bool zero_null, leat_value *v,
                           leat_err *e)
{
    char copy[TEXT_MOST + 16];
    int64_t us;
    bool time = c->type == LEAT_SQL_TIME, year = strcmp(c->native, "year") == 0;
    const char *end = year ? "-01-01" : c->type == LEAT_SQL_DATE ? "" : "Z";
    if (zero_null && !time && all_zeros(text)) {
        *v = leat_null();
        return LEAT_OK;
    }
    if (text.len > TEXT_MOST) return misfit(c, text, "is none", e);
    snprintf(copy, sizeof copy, "%s" LEAT_STR_FMT "%s", time ? "1970-01-01 " : "",
             LEAT_STR_ARG(text), end);
    if (!leat_iso_parse(leat_str_of(copy), &us) || (year && text.len != 4))
        return misfit(c, text,
                      time           ? "is no time of a day"
                      : !c->optional ? "is no day"
                                     : "is no day (of zeros: zeroDateTimeBehavior=CONVERT_TO_NULL "
                                       "in the URL makes them NULL)",
                      e);
    if (c->type == LEAT_SQL_TIMESTAMP)
        *v = (leat_value){.kind = LEAT_TIMESTAMP, .unit = LEAT_US, .u.i = us};
    else if (time)
        *v = (leat_value){.kind = LEAT_TIME, .unit = LEAT_US, .u.i = us};
    else
        *v = (leat_value){.kind = LEAT_DATE, .u.i = us / day_us - (us % day_us < 0)};
    return LEAT_OK;
}

leat_rc leat_my_sql_cell(const leat_sql_column *c, leat_str text, bool zero_null, leat_arena *a,
                         leat_value *v, leat_err *e)
{
    *v = leat_null();
    if (!text.s) return LEAT_OK;
    switch (c->type) {
    case LEAT_SQL_INT8:
    case LEAT_SQL_INT16:
    case LEAT_SQL_INT32:
    case LEAT_SQL_INT64: return take_whole(c, text, v, e);
    case LEAT_SQL_FLOAT32:
    case LEAT_SQL_FLOAT64: return take_double(c, text, a, v, e);
    case LEAT_SQL_DATE:
    case LEAT_SQL_TIME:
    case LEAT_SQL_TIMESTAMP: return take_moment(c, text, zero_null, v, e);
    case LEAT_SQL_BYTES: *v = leat_bytes(leat_arena_str(a, text)); return LEAT_OK;
    case LEAT_SQL_DECIMAL:
        text = leat_arena_str(a, text);
        *v = (leat_value){.kind = LEAT_DECIMAL, .len = (uint32_t)text.len, .u.s = text.s};
        return LEAT_OK;
    default: *v = leat_text(leat_arena_str(a, text)); return LEAT_OK;
    }
}
