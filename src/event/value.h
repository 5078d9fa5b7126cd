/* A value: one tagged cell of 16 bytes, as the source knows it.
 *
 * Cells keep what the source said, exactly: decimals as text with a scale, times as integers with a
 * unit, NULL and ABSENT apart. What a consumer sees (an int64 of microseconds, an ISO string,
 * base64 of an unscaled integer) is decided by the schema beside it and made at the edge, by a
 * converter. Text, lists and the rest point into the arena of the batch or table that owns the
 * cell. */
#ifndef LEAT_EVENT_VALUE_H
#define LEAT_EVENT_VALUE_H

#include "base/arena.h"

typedef enum leat_kind {
    LEAT_NULL,      /* the value is NULL */
    LEAT_ABSENT,    /* the source did not send it: unchanged TOAST, a column left out of an image */
    LEAT_BOOL,      /* u.i: 0 or 1 */
    LEAT_INT,       /* u.i: any width up to 64 bits; the schema says which */
    LEAT_FLOAT,     /* u.f: for a float32 schema the nearest double of the float */
    LEAT_DECIMAL,   /* u.s: "-12.50", or "NaN", "Infinity", "-Infinity" (then scale is 0) */
    LEAT_TEXT,      /* u.s: UTF-8; JSON, XML, enums, uuids too: the schema says so */
    LEAT_BYTES,     /* u.s */
    LEAT_DATE,      /* u.i: days since 1970-01-01 */
    LEAT_TIME,      /* u.i: since midnight, in unit; 24:00 is possible */
    LEAT_TIMETZ,    /* u.i: since local midnight, in unit; zone: seconds east of UTC */
    LEAT_TIMESTAMP, /* u.i: since 1970-01-01 00:00 of an unnamed zone, in unit */
    LEAT_TIMESTAMPTZ, /* u.i: since 1970-01-01 00:00 UTC, in unit */
    LEAT_INTERVAL,    /* u.interval */
    LEAT_LIST,        /* u.list: len values, of the schema's element */
    LEAT_STRUCT,      /* u.list: len values, one for each field of the schema */
    LEAT_MAP,         /* u.list: len pairs, key then value */
} leat_kind;

typedef enum leat_unit { LEAT_US, LEAT_MS, LEAT_NS } leat_unit;

/* DATE, TIMESTAMP, TIMESTAMPTZ: these stand for infinity and -infinity. */
#define LEAT_TIME_INFINITY INT64_MAX
#define LEAT_TIME_MINUS_INFINITY INT64_MIN

typedef struct leat_interval {
    int32_t months, days;
    int64_t us;
} leat_interval;

typedef struct leat_value {
    uint8_t kind;   /* leat_kind */
    uint8_t unit;   /* leat_unit of the time kinds */
    uint16_t scale; /* DECIMAL: digits after the point */
    union {
        uint32_t len; /* of s (bytes), or of list (values; MAP: pairs) */
        int32_t zone; /* TIMETZ */
    };
    union {
        int64_t i;
        double f;
        const char *s;
        const struct leat_value *list;
        const leat_interval *interval;
    } u;
} leat_value;
_Static_assert(sizeof(leat_value) == 16, "cells are read by the million");

static inline leat_value leat_null(void)
{
    return (leat_value){.kind = LEAT_NULL};
}
static inline leat_value leat_absent(void)
{
    return (leat_value){.kind = LEAT_ABSENT};
}
static inline leat_value leat_int(int64_t i)
{
    return (leat_value){.kind = LEAT_INT, .u.i = i};
}
static inline leat_value leat_bool(bool b)
{
    return (leat_value){.kind = LEAT_BOOL, .u.i = b};
}
static inline leat_value leat_float(double f)
{
    return (leat_value){.kind = LEAT_FLOAT, .u.f = f};
}
/* Borrows s. */
static inline leat_value leat_text(leat_str s)
{
    return (leat_value){.kind = LEAT_TEXT, .len = (uint32_t)s.len, .u.s = s.s};
}
static inline leat_value leat_bytes(leat_str s)
{
    return (leat_value){.kind = LEAT_BYTES, .len = (uint32_t)s.len, .u.s = s.s};
}
/* The text of TEXT, BYTES and DECIMAL. */
static inline leat_str leat_value_str(const leat_value *v)
{
    return (leat_str){v->u.s, v->len};
}

/* Same kind and same content, bit for bit (floats: NaN equals NaN), lists and maps in order. This
 * is the equality by which keys are compared; it makes no difference between schemas. */
bool leat_value_eq(const leat_value *x, const leat_value *y);

/* A structure of n cells, copied into a; what they point at stays theirs. */
leat_value leat_value_struct(leat_arena *a, const leat_value *cells, uint32_t n);
/* A copy with everything it points at, in a. */
leat_value leat_value_copy(leat_arena *a, const leat_value *v);

/* "null", "int" and so on; for messages. */
const char *leat_kind_name(leat_kind kind);

#endif
