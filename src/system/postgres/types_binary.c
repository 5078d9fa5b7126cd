/* PostgreSQL's binary forms (COPY ... FORMAT binary) -> the cells that its texts give.
 *
 * Only for types whose binary form says exactly what their text says, and as quickly: for others
 * the server is asked for the text. A cell from here equals the cell from the text bit for bit,
 * which vectors of the server prove. Numbers are in network byte order. Pure; any thread.
 *
 *     bool                          u8: 0, 1
 *     int2 int4 int8 oid            i16 i32 i64 u32
 *     float4 float8                 IEEE 754
 *     numeric                       u16 n, i16 weight, u16 sign, u16 scale, n x u16 group: groups
 * of four digits, the first times 10000^weight; sign: NUMERIC_* text varchar bpchar name      the
 * text citext json enums jsonb                         u8 1, the text uuid 16 bytes bytea the bytes
 *     date                          i32 days since 2000-01-01; the least and greatest: infinity
 *     time                          i64 us
 *     timetz                        i64 us, i32 seconds west of UTC
 *     timestamp timestamptz         i64 us since 2000-01-01; the least and greatest: infinity
 *     interval                      i64 us, i32 days, i32 months; all three the least or the
 *                                   greatest: infinity */
#include <math.h>

#include "system/postgres/types_oid.h"
#include "system/postgres/types_part.h"

enum {
    EPOCH_DAYS = 10957, /* 1970-01-01 to 2000-01-01 */
    NUMERIC_HEAD = 8,
    NUMERIC_NEGATIVE = 0x4000,
    NUMERIC_NAN = 0xC000,
    NUMERIC_INFINITY = 0xD000,
    NUMERIC_MINUS_INFINITY = 0xF000,
    SCALE_MAX = 16383,
    GROUP = 4, /* digits */
    UUID = 16,
    UUID_TEXT = 36,
};
#define EPOCH_US INT64_C(946684800000000)
#define DAY_US INT64_C(86400000000)

static uint16_t be16(const char *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap16(v);
}

static uint32_t be32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}

static uint64_t be64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}

static leat_rc bad(const leat_pg_col *col, leat_str bytes, leat_err *e)
{
    return leat_pg_value_fail(col, bytes, "its binary form has another length or content", e);
}

/* ---- numbers ---- */

static leat_rc bool_of(const leat_pg_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                       leat_err *e)
{
    (void)a;
    if (bytes.len != 1 || (unsigned char)bytes.s[0] > 1) return bad(col, bytes, e);
    *out = leat_bool(bytes.s[0]);
    return LEAT_OK;
}

static leat_rc int2_of(const leat_pg_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                       leat_err *e)
{
    (void)a;
    if (bytes.len != 2) return bad(col, bytes, e);
    *out = leat_int((int16_t)be16(bytes.s));
    return LEAT_OK;
}

static leat_rc int4_of(const leat_pg_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                       leat_err *e)
{
    (void)a;
    if (bytes.len != 4) return bad(col, bytes, e);
    *out = leat_int((int32_t)be32(bytes.s));
    return LEAT_OK;
}

static leat_rc int8_of(const leat_pg_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                       leat_err *e)
{
    (void)a;
    if (bytes.len != 8) return bad(col, bytes, e);
    *out = leat_int((int64_t)be64(bytes.s));
    return LEAT_OK;
}

static leat_rc oid_of(const leat_pg_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                      leat_err *e)
{
    (void)a;
    if (bytes.len != 4) return bad(col, bytes, e);
    *out = leat_int(be32(bytes.s));
    return LEAT_OK;
}

/* There are many NaNs, and one text for them. */
static leat_value real(double v)
{
    return leat_float(isnan(v) ? (double)NAN : v);
}

static leat_rc float4_of(const leat_pg_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                         leat_err *e)
{
    (void)a;
    if (bytes.len != 4) return bad(col, bytes, e);
    uint32_t bits = be32(bytes.s);
    float v;
    memcpy(&v, &bits, sizeof v);
    *out = real((double)v);
    return LEAT_OK;
}

static leat_rc float8_of(const leat_pg_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                         leat_err *e)
{
    (void)a;
    if (bytes.len != 8) return bad(col, bytes, e);
    uint64_t bits = be64(bytes.s);
    double v;
    memcpy(&v, &bits, sizeof v);
    *out = real(v);
    return LEAT_OK;
}

/* A numeric, its head read. */
typedef struct numeric {
    const char *groups;
    int n, weight;
    unsigned sign, scale;
} numeric;

static bool take_numeric(leat_str bytes, numeric *v)
{
    if (bytes.len < NUMERIC_HEAD) return false;
    *v = (numeric){bytes.s + NUMERIC_HEAD, be16(bytes.s), (int16_t)be16(bytes.s + 2),
                   be16(bytes.s + 4), be16(bytes.s + 6)};
    if (bytes.len != NUMERIC_HEAD + 2 * (size_t)v->n || v->scale > SCALE_MAX) return false;
    for (int i = 0; i < v->n; i++)
        if (be16(v->groups + 2 * (size_t)i) > 9999) return false;
    return true;
}

static unsigned group(const numeric *v, int i)
{
    return i >= 0 && i < v->n ? be16(v->groups + 2 * (size_t)i) : 0;
}

static void put_group(char *to, unsigned g)
{
    to[0] = (char)('0' + g / 1000);
    to[1] = (char)('0' + g / 100 % 10);
    to[2] = (char)('0' + g / 10 % 10);
    to[3] = (char)('0' + g % 10);
}

/* As numeric_out writes it. */
static leat_str numeric_text(const numeric *v, leat_arena *a)
{
    size_t whole = v->weight >= 0 ? ((size_t)v->weight + 1) * GROUP : 1;
    char *s = leat_arena_alloc(a, whole + v->scale + 2 * GROUP, 1), *to = s;
    if (v->sign == NUMERIC_NEGATIVE) *to++ = '-';
    int i = 0;
    if (v->weight < 0) {
        *to++ = '0';
        i = v->weight + 1;
    }
    for (; i <= v->weight; i++) {
        char digits[GROUP];
        put_group(digits, group(v, i));
        size_t zeros = 0;
        while (i == 0 && zeros < GROUP - 1 && digits[zeros] == '0') zeros++;
        memcpy(to, digits + zeros, GROUP - zeros);
        to += GROUP - zeros;
    }
    if (v->scale == 0) return (leat_str){s, (size_t)(to - s)};
    *to++ = '.';
    for (unsigned done = 0; done < v->scale; done += GROUP, i++) put_group(to + done, group(v, i));
    return (leat_str){s, (size_t)(to - s) + v->scale};
}

static leat_rc numeric_of(const leat_pg_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                          leat_err *e)
{
    numeric v;
    if (!take_numeric(bytes, &v)) return bad(col, bytes, e);
    switch (v.sign) {
    case 0:
    case NUMERIC_NEGATIVE: return leat_pg_parse_numeric(col, numeric_text(&v, a), a, out, e);
    case NUMERIC_NAN: return leat_pg_parse_numeric(col, LEAT_STR("NaN"), a, out, e);
    case NUMERIC_INFINITY: return leat_pg_parse_numeric(col, LEAT_STR("Infinity"), a, out, e);
    case NUMERIC_MINUS_INFINITY:
        return leat_pg_parse_numeric(col, LEAT_STR("-Infinity"), a, out, e);
    default: return bad(col, bytes, e);
    }
}

/* ---- text and bytes ---- */

static leat_rc jsonb_of(const leat_pg_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                        leat_err *e)
{
    (void)a;
    if (bytes.len < 1 || bytes.s[0] != 1) return bad(col, bytes, e);
    *out = leat_text((leat_str){bytes.s + 1, bytes.len - 1});
    return LEAT_OK;
}

static leat_rc bytea_of(const leat_pg_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                        leat_err *e)
{
    (void)col, (void)a, (void)e;
    *out = leat_bytes(bytes);
    return LEAT_OK;
}

static leat_rc uuid_of(const leat_pg_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                       leat_err *e)
{
    static const char hex[] = "0123456789abcdef";
    if (bytes.len != UUID) return bad(col, bytes, e);
    char *s = leat_arena_alloc(a, UUID_TEXT, 1), *to = s;
    for (int i = 0; i < UUID; i++) {
        unsigned c = (unsigned char)bytes.s[i];
        if (i == 4 || i == 6 || i == 8 || i == 10) *to++ = '-';
        *to++ = hex[c >> 4];
        *to++ = hex[c & 15];
    }
    *out = leat_text((leat_str){s, UUID_TEXT});
    return LEAT_OK;
}

/* ---- times ---- */

static leat_rc date_of(const leat_pg_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                       leat_err *e)
{
    (void)a;
    if (bytes.len != 4) return bad(col, bytes, e);
    int32_t days = (int32_t)be32(bytes.s);
    int64_t v = days == INT32_MAX   ? LEAT_TIME_INFINITY
                : days == INT32_MIN ? LEAT_TIME_MINUS_INFINITY
                                    : (int64_t)days + EPOCH_DAYS;
    *out = (leat_value){.kind = LEAT_DATE, .u.i = v};
    return LEAT_OK;
}

static bool take_time(leat_str bytes, size_t len, int64_t *us)
{
    if (bytes.len != len) return false;
    *us = (int64_t)be64(bytes.s);
    return *us >= 0 && *us <= DAY_US;
}

static leat_rc time_of(const leat_pg_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                       leat_err *e)
{
    (void)a;
    int64_t us;
    if (!take_time(bytes, 8, &us)) return bad(col, bytes, e);
    *out = (leat_value){.kind = LEAT_TIME, .unit = LEAT_US, .u.i = us};
    return LEAT_OK;
}

static leat_rc timetz_of(const leat_pg_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                         leat_err *e)
{
    (void)a;
    int64_t us;
    if (!take_time(bytes, 12, &us)) return bad(col, bytes, e);
    int32_t west = (int32_t)be32(bytes.s + 8);
    if (west <= -86400 || west >= 86400) return bad(col, bytes, e);
    *out = (leat_value){.kind = LEAT_TIMETZ, .unit = LEAT_US, .zone = -west, .u.i = us};
    return LEAT_OK;
}

static leat_rc timestamp_as(leat_kind kind, const leat_pg_col *col, leat_str bytes, leat_value *out,
                            leat_err *e)
{
    if (bytes.len != 8) return bad(col, bytes, e);
    int64_t us = (int64_t)be64(bytes.s);
    bool infinite = us == INT64_MAX || us == INT64_MIN;
    if (!infinite && (__builtin_add_overflow(us, EPOCH_US, &us) || us == LEAT_TIME_INFINITY))
        return leat_pg_late_fail(col, e);
    *out = (leat_value){.kind = (uint8_t)kind, .unit = LEAT_US, .u.i = us};
    return LEAT_OK;
}

static leat_rc timestamp_of(const leat_pg_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                            leat_err *e)
{
    (void)a;
    return timestamp_as(LEAT_TIMESTAMP, col, bytes, out, e);
}

static leat_rc timestamptz_of(const leat_pg_col *col, leat_str bytes, leat_arena *a,
                              leat_value *out, leat_err *e)
{
    (void)a;
    return timestamp_as(LEAT_TIMESTAMPTZ, col, bytes, out, e);
}

static leat_rc interval_of(const leat_pg_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                           leat_err *e)
{
    if (bytes.len != 16) return bad(col, bytes, e);
    leat_interval *v = leat_arena_alloc(a, sizeof *v, _Alignof(leat_interval));
    *v = (leat_interval){.us = (int64_t)be64(bytes.s),
                         .days = (int32_t)be32(bytes.s + 8),
                         .months = (int32_t)be32(bytes.s + 12)};
    bool most = v->us == INT64_MAX && v->days == INT32_MAX && v->months == INT32_MAX;
    bool least = v->us == INT64_MIN && v->days == INT32_MIN && v->months == INT32_MIN;
    if (most || least) return leat_pg_infinite_fail(col, e);
    *out = (leat_value){.kind = LEAT_INTERVAL, .unit = LEAT_US, .u.interval = v};
    return LEAT_OK;
}

/* ---- which is for what ---- */

static leat_pg_parser *of_text(const leat_pg_type *t)
{
    switch (t->oid) {
    case LEAT_PG_OID_TEXT:
    case LEAT_PG_OID_VARCHAR:
    case LEAT_PG_OID_BPCHAR:
    case LEAT_PG_OID_NAME:
    case LEAT_PG_OID_JSON: return leat_pg_parse_text;
    case LEAT_PG_OID_JSONB: return jsonb_of;
    default: break;
    }
    bool own = t->oid >= LEAT_PG_FIRST_OWN_OID;
    bool citext = own && t->kind == 'b' && strcmp(t->name, "citext") == 0;
    return t->kind == 'e' || citext ? leat_pg_parse_text : NULL;
}

leat_pg_parser *leat_pg_binary_parser(const leat_pg_type *t, leat_pg_parser *of)
{
    static const struct {
        leat_pg_parser *text, *binary;
    } pairs[] = {
        {leat_pg_parse_bool, bool_of},         {leat_pg_parse_int2, int2_of},
        {leat_pg_parse_int4, int4_of},         {leat_pg_parse_int8, int8_of},
        {leat_pg_parse_oid, oid_of},           {leat_pg_parse_float4, float4_of},
        {leat_pg_parse_float8, float8_of},     {leat_pg_parse_numeric, numeric_of},
        {leat_pg_parse_uuid, uuid_of},         {leat_pg_parse_bytea, bytea_of},
        {leat_pg_parse_date, date_of},         {leat_pg_parse_time, time_of},
        {leat_pg_parse_timetz, timetz_of},     {leat_pg_parse_timestamp, timestamp_of},
        {leat_pg_parse_interval, interval_of}, {leat_pg_parse_timestamptz, timestamptz_of},
    };
    if (of == leat_pg_parse_text) return of_text(t);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i].text == of) return pairs[i].binary;
    return NULL;
}
