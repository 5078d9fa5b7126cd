/* From a result's column to a record's field: schemas and values as the JDBC connector has them.
 *
 *     type             schema                                    value
 *     BOOLEAN..BYTES   boolean int8 int16 int32 int64 float double string bytes
 *     NUMERIC          by numeric.mapping int8 to int64, double; else as DECIMAL
 *     DECIMAL          connect.data.Decimal, parameters scale and connect.decimal.precision
 *     DATE TIME        connect.data.Date, connect.data.Time
 *     TIMESTAMP        by timestamp.granularity connect.data.Timestamp, int64 or string
 *
 * A value that its schema has no room for (1.5 in a numeric without a scale, whose Decimal has
 * scale 0) is an error of that row. Pure; any thread. */
#include <stdlib.h>

#include "base/clock.h"
#include "source/query/query.h"

#define CONNECT "org.apache.kafka.connect.data."

enum { WHOLE_DIGITS = 18, SCALE_LOW = -84, SCALE_MOST = 1000 };
static const int64_t day_us = INT64_C(86400000000);
static const int64_t gregorian_day = -141427; /* 15 October 1582 */

static leat_rc misfit(const leat_query_field *f, const char *why, leat_err *e)
{
    return leat_fail(e, LEAT_DATA, "query.value", f->column->name,
                     "a value of the column, whose type is %s, %s", f->column->native, why);
}

/* ---- numbers ---- */

/* The digits of a decimal cut at its point; exact: nothing but zeros is behind scale digits. */
typedef struct digits {
    leat_str whole, fraction;
} digits;

static bool digits_of(const leat_value *v, digits *d)
{
    leat_str rest = leat_value_str(v);
    d->whole = leat_str_cut(&rest, '.');
    d->fraction = rest.s ? rest : LEAT_STR("");
    leat_str w = d->whole;
    if (w.len && (*w.s == '-' || *w.s == '+')) w = (leat_str){w.s + 1, w.len - 1};
    if (w.len + d->fraction.len == 0) return false;
    for (size_t i = 0; i < w.len; i++)
        if (w.s[i] < '0' || w.s[i] > '9') return false;
    for (size_t i = 0; i < d->fraction.len; i++)
        if (d->fraction.s[i] < '0' || d->fraction.s[i] > '9') return false;
    return true;
}

static bool zeros(leat_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.s[i] != '0') return false;
    return true;
}

bool leat_query_number(const leat_value *v, int64_t *number)
{
    digits d;
    if (v->kind == LEAT_INT) {
        *number = v->u.i;
        return true;
    }
    return v->kind == LEAT_DECIMAL && digits_of(v, &d) && zeros(d.fraction) &&
           leat_str_i64(d.whole, number);
}

static leat_rc fix_whole(const leat_query_field *f, leat_arena *a, leat_value *v, leat_err *e)
{
    static const int64_t most[] = {INT8_MAX, INT16_MAX, INT32_MAX, INT64_MAX};
    int64_t n, limit = most[f->schema->type];
    (void)a;
    if (!leat_query_number(v, &n)) return misfit(f, "is no whole number", e);
    if (n > limit || n < -limit - 1)
        return misfit(f, "is larger than its field can hold; choose another numeric.mapping", e);
    *v = leat_int(n);
    return LEAT_OK;
}

static leat_rc fix_double(const leat_query_field *f, leat_arena *a, leat_value *v, leat_err *e)
{
    char *end;
    if (v->kind != LEAT_DECIMAL) return LEAT_OK;
    const char *text = leat_arena_str(a, leat_value_str(v)).s;
    double d = strtod(text, &end);
    if (*end || end == text) return misfit(f, "is no number", e);
    *v = leat_float(d);
    return LEAT_OK;
}

/* Exactly as many digits behind the point as the schema says. */
static leat_rc fix_decimal(const leat_query_field *f, leat_arena *a, leat_value *v, leat_err *e)
{
    digits d;
    size_t scale = f->column->scale > 0 ? (size_t)f->column->scale : 0;
    if (v->kind != LEAT_DECIMAL || !digits_of(v, &d))
        return misfit(f, "is no number that a Decimal can hold", e);
    if (d.fraction.len == scale) {
        v->scale = (uint16_t)scale;
        return LEAT_OK;
    }
    size_t keep = d.fraction.len < scale ? d.fraction.len : scale;
    if (!zeros((leat_str){d.fraction.s + keep, d.fraction.len - keep}))
        return misfit(f,
                      "has more digits behind the point than its Decimal, whose scale is that of "
                      "the column (0 where that has none): cast it in `query`, for example "
                      "price::numeric(20,4)",
                      e);
    char *out = leat_arena_alloc(a, d.whole.len + scale + 3, 1), *p = out;
    memcpy(p, d.whole.s, d.whole.len);
    p += d.whole.len;
    if (scale > 0) *p++ = '.';
    memcpy(p, d.fraction.s, keep);
    memset(p + keep, '0', scale - keep);
    p += scale;
    *v = (leat_value){
        .kind = LEAT_DECIMAL, .scale = (uint16_t)scale, .len = (uint32_t)(p - out), .u.s = out};
    return LEAT_OK;
}

/* ---- days and moments ---- */

/* The number that Java's older classes give a day: before 1582 by the Julian calendar. */
static int64_t legacy_day(int64_t day)
{
    int64_t year;
    unsigned month, d;
    if (day >= gregorian_day) return day;
    leat_days_to(day, &year, &month, &d);
    int64_t back = (14 - (int64_t)month) / 12, y = year + 4800 - back;
    int64_t m = (int64_t)month + 12 * back - 3;
    int64_t julian = (int64_t)d + (153 * m + 2) / 5 + 365 * y + (y >= 0 ? y / 4 : (y - 3) / 4);
    return julian - 32083 - 2440588;
}

static bool infinite(const leat_value *v)
{
    return v->u.i == LEAT_TIME_INFINITY || v->u.i == LEAT_TIME_MINUS_INFINITY;
}

static leat_rc fix_date(const leat_query_field *f, leat_arena *a, leat_value *v, leat_err *e)
{
    (void)a;
    (void)e;
    if (f->legacy && !infinite(v)) v->u.i = legacy_day(v->u.i);
    return LEAT_OK;
}

static leat_rc fix_time(const leat_query_field *f, leat_arena *a, leat_value *v, leat_err *e)
{
    (void)f;
    (void)a;
    (void)e;
    if (v->kind != LEAT_TIMETZ) return LEAT_OK;
    int64_t us = (v->u.i - (int64_t)v->zone * 1000000) % day_us;
    *v = (leat_value){.kind = LEAT_TIME, .unit = LEAT_US, .u.i = us < 0 ? us + day_us : us};
    return LEAT_OK;
}

bool leat_query_moment(const leat_value *v, int64_t *us)
{
    if ((v->kind != LEAT_TIMESTAMP && v->kind != LEAT_TIMESTAMPTZ) || infinite(v)) return false;
    *us = v->u.i;
    return v->unit == LEAT_US || !__builtin_mul_overflow(v->u.i, (int64_t)1000, us);
}

static leat_rc moment_us(const leat_query_field *f, const leat_value *v, int64_t *us, leat_err *e)
{
    if (!leat_query_moment(v, us)) return misfit(f, "is infinite, or far away from 1970", e);
    int64_t day = *us / day_us - (*us % day_us < 0);
    if (f->legacy && day < gregorian_day) *us += (legacy_day(day) - day) * day_us;
    return LEAT_OK;
}

static leat_rc fix_moment(const leat_query_field *f, leat_arena *a, leat_value *v, leat_err *e)
{
    int64_t us;
    (void)a;
    if (infinite(v)) return LEAT_OK;
    LEAT_TRY(moment_us(f, v, &us, e));
    *v = (leat_value){.kind = LEAT_TIMESTAMP, .unit = LEAT_US, .u.i = us};
    return LEAT_OK;
}

static leat_rc fix_micros(const leat_query_field *f, leat_arena *a, leat_value *v, leat_err *e)
{
    int64_t us;
    LEAT_TRY(moment_us(f, v, &us, e));
    *v = leat_int(us);
    if (f->schema->type == LEAT_T_STRING)
        *v = leat_text(leat_str_of(leat_arena_printf(a, "%lld", (long long)us)));
    return LEAT_OK;
}

static leat_rc fix_nanos(const leat_query_field *f, leat_arena *a, leat_value *v, leat_err *e)
{
    int64_t us, ns;
    LEAT_TRY(moment_us(f, v, &us, e));
    if (__builtin_mul_overflow(us, (int64_t)1000, &ns))
        return misfit(f, "is too far away from 1970 to be told in nanoseconds", e);
    *v = leat_int(ns);
    if (f->schema->type == LEAT_T_STRING)
        *v = leat_text(leat_str_of(leat_arena_printf(a, "%lld", (long long)ns)));
    return LEAT_OK;
}

/* 2026-11-21T10:15:00.123456, and 000 more of nanoseconds. */
static leat_rc iso_of(const leat_query_field *f, leat_arena *a, leat_value *v, const char *more,
                      leat_err *e)
{
    char text[LEAT_ISO_MAX];
    int64_t us;
    LEAT_TRY(moment_us(f, v, &us, e));
    leat_iso_us(us, 6, text);
    *v = leat_text(leat_str_of(leat_arena_printf(a, "%.*s%s", (int)strlen(text) - 1, text, more)));
    return LEAT_OK;
}

static leat_rc fix_micros_iso(const leat_query_field *f, leat_arena *a, leat_value *v, leat_err *e)
{
    return iso_of(f, a, v, "", e);
}

static leat_rc fix_nanos_iso(const leat_query_field *f, leat_arena *a, leat_value *v, leat_err *e)
{
    return iso_of(f, a, v, "000", e);
}

/* ---- schemas ---- */

static leat_schema *decimal_schema(const leat_sql_column *c, leat_arena *a)
{
    int32_t scale = c->scale > 0 && c->scale < SCALE_MOST ? c->scale : 0;
    leat_schema *s = leat_schema_named(a, LEAT_T_BYTES, c->optional, CONNECT "Decimal", 1);
    leat_schema_param(a, s, "scale", leat_arena_printf(a, "%d", scale));
    leat_schema_param(a, s, "connect.decimal.precision", leat_arena_printf(a, "%d", c->precision));
    return s;
}

static leat_type whole_type(int32_t precision)
{
    return precision > 9   ? LEAT_T_INT64
           : precision > 4 ? LEAT_T_INT32
           : precision > 2 ? LEAT_T_INT16
                           : LEAT_T_INT8;
}

/* What numeric.mapping makes of it; false: a Decimal. A numeric without limits has precision 0. */
static bool mapped(leat_query_numeric how, const leat_sql_column *c, leat_type *type)
{
    bool whole =
        how == LEAT_QUERY_PRECISION_ONLY ? c->scale == 0 : c->scale < 1 && c->scale >= SCALE_LOW;
    bool fits = c->precision <= WHOLE_DIGITS;
    if (how == LEAT_QUERY_NONE) return false;
    if (c->precision == 0) return false;
    if (whole && fits) {
        *type = whole_type(c->precision);
        return true;
    }
    *type = LEAT_T_FLOAT64;
    return (how == LEAT_QUERY_BEST_FIT && fits && c->scale > 0) ||
           (how == LEAT_QUERY_BEST_FIT_EAGER_DOUBLE && c->scale > 0);
}

static void make_number(const leat_query_conf *c, leat_arena *a, leat_query_field *out)
{
    leat_type type;
    leat_query_numeric how = (leat_query_numeric)c->numeric;
    if (how == LEAT_QUERY_NONE && c->precision_mapping) how = LEAT_QUERY_PRECISION_ONLY;
    if (out->column->type == LEAT_SQL_NUMERIC && mapped(how, out->column, &type)) {
        out->schema = leat_schema_new(a, type, out->column->optional);
        out->fix = type == LEAT_T_FLOAT64 ? fix_double : fix_whole;
        return;
    }
    out->schema = decimal_schema(out->column, a);
    out->fix = fix_decimal;
}

static void make_moment(const leat_query_conf *c, leat_arena *a, leat_query_field *out)
{
    static const struct {
        leat_type type;
        leat_rc (*fix)(const leat_query_field *f, leat_arena *a, leat_value *v, leat_err *e);
    } forms[] = {
        [LEAT_QUERY_MICROS_LONG] = {LEAT_T_INT64, fix_micros},
        [LEAT_QUERY_MICROS_STRING] = {LEAT_T_STRING, fix_micros},
        [LEAT_QUERY_MICROS_ISO] = {LEAT_T_STRING, fix_micros_iso},
        [LEAT_QUERY_NANOS_LONG] = {LEAT_T_INT64, fix_nanos},
        [LEAT_QUERY_NANOS_STRING] = {LEAT_T_STRING, fix_nanos},
        [LEAT_QUERY_NANOS_ISO] = {LEAT_T_STRING, fix_nanos_iso},
    };
    bool optional = out->column->optional;
    if (c->granularity == LEAT_QUERY_CONNECT_LOGICAL) {
        out->schema = leat_schema_named(a, LEAT_T_INT64, optional, CONNECT "Timestamp", 1);
        out->fix = fix_moment;
        return;
    }
    out->schema = leat_schema_new(a, forms[c->granularity].type, optional);
    out->fix = forms[c->granularity].fix;
}

bool leat_query_field_make(const leat_query_conf *c, const leat_sql_column *column, leat_arena *a,
                           leat_query_field *out)
{
    static const leat_type plain[] = {
        [LEAT_SQL_BOOLEAN] = LEAT_T_BOOLEAN, [LEAT_SQL_INT8] = LEAT_T_INT8,
        [LEAT_SQL_INT16] = LEAT_T_INT16,     [LEAT_SQL_INT32] = LEAT_T_INT32,
        [LEAT_SQL_INT64] = LEAT_T_INT64,     [LEAT_SQL_FLOAT32] = LEAT_T_FLOAT32,
        [LEAT_SQL_FLOAT64] = LEAT_T_FLOAT64, [LEAT_SQL_STRING] = LEAT_T_STRING,
        [LEAT_SQL_BYTES] = LEAT_T_BYTES,
    };
    *out = (leat_query_field){.column = column, .legacy = c->calendar == 0};
    switch (column->type) {
    case LEAT_SQL_NONE: return false;
    case LEAT_SQL_NUMERIC:
    case LEAT_SQL_DECIMAL: make_number(c, a, out); return true;
    case LEAT_SQL_DATE:
        out->schema = leat_schema_named(a, LEAT_T_INT32, column->optional, CONNECT "Date", 1);
        out->fix = fix_date;
        return true;
    case LEAT_SQL_TIME:
        out->schema = leat_schema_named(a, LEAT_T_INT32, column->optional, CONNECT "Time", 1);
        out->fix = fix_time;
        return true;
    case LEAT_SQL_TIMESTAMP: make_moment(c, a, out); return true;
    default: break;
    }
    out->schema = leat_schema_new(a, plain[column->type], column->optional);
    if (column->type == LEAT_SQL_FLOAT64) out->fix = fix_double;
    return true;
}
