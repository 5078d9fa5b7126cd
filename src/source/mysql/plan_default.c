/* A column's default as a cell, as Debezium shows it in the schema.
 *
 * Constants are parsed by the column's type; "the time of the insert" is the epoch; an expression,
 * and a constant that is none of the type, are no default. Pure; any thread. */
#include <ctype.h>
#include <stdlib.h>

#include "base/clock.h"
#include "source/mysql/plan.h"

/* Up to n digits at *p. */
static bool digits(const char **p, unsigned n, int64_t *out)
{
    unsigned i = 0;
    for (*out = 0; i < n && isdigit((unsigned char)**p); i++, (*p)++)
        *out = *out * 10 + (**p - '0');
    return i > 0;
}

static bool skip(const char **p, char c)
{
    if (**p != c) return false;
    (*p)++;
    return true;
}

/* Behind a point, as microseconds; none: 0. */
static int64_t fraction(const char **p)
{
    int64_t us = 0, scale = 100000;
    if (!skip(p, '.')) return 0;
    for (; isdigit((unsigned char)**p); (*p)++, scale /= 10) us += (**p - '0') * scale;
    return us;
}

/* "HH:MM:SS.ffffff" behind *p, in microseconds. */
static bool clock_of(const char **p, int64_t *us)
{
    int64_t h, m, s;
    if (!digits(p, 3, &h) || !skip(p, ':') || !digits(p, 2, &m) || !skip(p, ':') ||
        !digits(p, 2, &s))
        return false;
    *us = ((h * 60 + m) * 60 + s) * 1000000;
    *us += fraction(p);
    return true;
}

/* A day; *real: it is one. */
static bool date_of(const char **p, int64_t *days, bool *real)
{
    int64_t y, m, d;
    if (!digits(p, 4, &y) || !skip(p, '-') || !digits(p, 2, &m) || !skip(p, '-') ||
        !digits(p, 2, &d))
        return false;
    *real = m >= 1 && m <= 12 && d >= 1 && d <= 31;
    *days = *real ? leat_days_of(y, (unsigned)m, (unsigned)d) : 0;
    return true;
}

static bool temporal(const leat_my_column *c, leat_value *out)
{
    const char *p = c->def.s;
    int64_t days = 0, us = 0;
    bool real, zoned = strcmp(c->base, "timestamp") == 0;
    if (strcmp(c->base, "time") == 0) {
        bool minus = skip(&p, '-');
        if (!clock_of(&p, &us)) return false;
        *out = (leat_value){.kind = LEAT_TIME, .unit = LEAT_US, .u.i = minus ? -us : us};
        return true;
    }
    if (!date_of(&p, &days, &real)) return false;
    if (!real && c->nullable) return false;
    if (strcmp(c->base, "date") == 0) {
        *out = (leat_value){.kind = LEAT_DATE, .u.i = days};
        return true;
    }
    if (*p && (skip(&p, ' ') || skip(&p, 'T'))) clock_of(&p, &us);
    *out = (leat_value){.kind = zoned ? LEAT_TIMESTAMPTZ : LEAT_TIMESTAMP,
                        .unit = LEAT_US,
                        .u.i = days * INT64_C(86400000000) + us};
    return true;
}

/* The time of the insert: what Debezium's parser makes of CURRENT_TIMESTAMP. */
static bool now_default(const leat_my_column *c, leat_value *out)
{
    if (strcmp(c->base, "timestamp") == 0) {
        *out = (leat_value){.kind = LEAT_TIMESTAMPTZ, .unit = LEAT_US};
        return !c->nullable;
    }
    *out = (leat_value){.kind = LEAT_TIMESTAMP, .unit = LEAT_US};
    return strcmp(c->base, "datetime") == 0;
}

/* b'1010': the bits as bytes, the lowest first. */
static bool bits(const leat_my_column *c, leat_arena *a, leat_value *out)
{
    uint64_t v = 0;
    size_t n = c->length > 1 ? ((size_t)c->length + 7) / 8 : 1;
    const char *p = c->def.s;
    if ((*p == 'b' || *p == 'B') && p[1] == '\'') p += 2;
    for (; *p == '0' || *p == '1'; p++) v = v << 1 | (uint64_t)(*p - '0');
    if (c->length <= 1) {
        *out = leat_bool(v != 0);
        return true;
    }
    char *bytes = leat_arena_alloc(a, n, 1);
    for (size_t i = 0; i < n; i++) bytes[i] = (char)(v >> (8 * i));
    *out = leat_bytes((leat_str){bytes, n});
    return true;
}

static bool integer(const leat_my_column *c, leat_value *out)
{
    uint64_t big;
    int64_t v;
    if (c->is_unsigned && leat_str_u64(c->def, &big)) {
        *out = leat_int(big > INT64_MAX ? INT64_MAX : (int64_t)big);
        return true;
    }
    if (!leat_str_i64(c->def, &v)) return false;
    *out = leat_int(v);
    return true;
}

/* Text, as it stands in CREATE TABLE: its quotes are doubled there, and Debezium leaves them so. */
static leat_str text_of(const leat_my_modes *m, const leat_my_column *c, leat_arena *a)
{
    leat_buf text = {0};
    if (!m->faults || !memchr(c->def.s, '\'', c->def.len)) return c->def;
    for (size_t i = 0; i < c->def.len; i++) {
        if (c->def.s[i] == '\'') leat_buf_u8(&text, '\'');
        leat_buf_u8(&text, (unsigned char)c->def.s[i]);
    }
    leat_str out = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    return out;
}

static bool number(const leat_my_column *c, const leat_schema *schema, leat_arena *a,
                   leat_value *out)
{
    bool exact = strcmp(c->base, "decimal") == 0;
    if (exact || schema->logical == LEAT_L_DECIMAL) {
        *out = (leat_value){.kind = LEAT_DECIMAL,
                            .scale = exact && c->scale > 0 ? (uint16_t)c->scale : 0,
                            .len = (uint32_t)c->def.len,
                            .u.s = leat_arena_str(a, c->def).s};
        return c->def.len > 0;
    }
    if (strcmp(c->base, "float") != 0 && strcmp(c->base, "double") != 0) return integer(c, out);
    char *end;
    double v = strtod(c->def.s, &end);
    *out = leat_float(schema->type == LEAT_T_FLOAT32 ? (double)(float)v : v);
    return end != c->def.s;
}

bool leat_my_default(const leat_my_modes *m, const leat_my_column *c, const leat_schema *schema,
                     leat_arena *a, leat_value *out)
{
    static const char *const numbers[] = {"tinyint", "smallint", "mediumint", "int", "bigint",
                                          "decimal", "float",    "double",    "year"};
    static const char *const times[] = {"date", "time", "datetime", "timestamp"};
    if (c->def_now) return now_default(c, out);
    if (!c->def.s) return false;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(c->base, numbers[i]) == 0) return number(c, schema, a, out);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (strcmp(c->base, times[i]) == 0) return temporal(c, out);
    if (strcmp(c->base, "bit") == 0) return bits(c, a, out);
    if (schema->type == LEAT_T_STRUCT || schema->type == LEAT_T_ARRAY ||
        schema->logical == LEAT_L_JSON)
        return false;
    bool binary = schema->type == LEAT_T_BYTES || schema->logical >= LEAT_L_BASE64;
    *out = binary ? leat_bytes(c->def) : leat_text(text_of(m, c, a));
    return true;
}
