/* PostgreSQL's types: what a column looks like to a consumer (Debezium's mapping), and how the text
 * that the server sends for it becomes a cell.
 *
 * Pure. A column is planned once per table version (leat_pg_plan): its schema, and the function
 * that parses its values. Parsing then looks nothing up and allocates only in the arena given.
 *
 * The session that sends the texts must have LEAT_PG_SESSION in force: the parsers know no other
 * styles. Cells keep what the server said (event/value.h); modes choose the schema beside them, and
 * the converter makes of both what the consumer gets:
 *
 *     types                          schema by mode                        cell
 *     bool; bit(1), bit              boolean                               BOOL
 *     int2 int4 int8; oid            int16 int32 int64; int64              INT
 *     float4 float8                  float32 float64                       FLOAT
 *     numeric(p,s)                   Decimal, float64, string              DECIMAL, scale s
 *     numeric                        VariableScaleDecimal, float64, string DECIMAL, scale as sent
 *     money                          Decimal, float64, string              DECIMAL, money_digits
 *     text varchar bpchar name citext "char" inet cidr macaddr macaddr8
 *       ranges, isn                  string                                TEXT
 *     json jsonb uuid xml enum ltree tsvector   string with a name         TEXT
 *     bytea                          bytes, or string (base64, hex)        BYTES
 *     bit(n) varbit                  Bits                                  BYTES, little-endian, no
 *                                                                          zero bytes at the end
 *     date                           Date, IsoDate                         DATE
 *     time(p) timestamp(p)           by time mode and p                    TIME TIMESTAMP, unit US
 *     timetz timestamptz             ZonedTime ZonedTimestamp              TIMETZ TIMESTAMPTZ
 *     interval                       MicroDuration, Interval               INTERVAL
 *     hstore                         Json, or map string -> string         TEXT (JSON), MAP
 *     point                          geometry.Point                        STRUCT
 *     geometry geography             geometry.Geometry, .Geography         STRUCT
 *     vector halfvec sparsevec       DoubleVector FloatVector SparseDouble LIST, LIST, STRUCT
 *     arrays of these                array of theirs                       LIST
 *     domains                        as their base type
 *     others                         none (left out), or with include_unknown bytes of their text
 */
#ifndef LEAT_SYSTEM_POSTGRES_TYPES_H
#define LEAT_SYSTEM_POSTGRES_TYPES_H

#include "base/err.h"
#include "event/schema.h"

/* Settings (libpq `options`, or SET) of every session whose texts are parsed here. */
#define LEAT_PG_SESSION                                                                            \
    "-c DateStyle=ISO -c IntervalStyle=postgres -c TimeZone=UTC -c extra_float_digits=3 "          \
    "-c bytea_output=hex -c lc_monetary=C -c xmloption=content"

typedef enum leat_pg_decimal { LEAT_PG_PRECISE, LEAT_PG_DOUBLE, LEAT_PG_STRING } leat_pg_decimal;
typedef enum leat_pg_time {
    LEAT_PG_ADAPTIVE,
    LEAT_PG_ADAPTIVE_TIME_US,
    LEAT_PG_CONNECT,
    LEAT_PG_ISOSTRING,
    LEAT_PG_MICROSECONDS,
    LEAT_PG_NANOSECONDS,
} leat_pg_time;
typedef enum leat_pg_binary {
    LEAT_PG_BYTES,
    LEAT_PG_BASE64,
    LEAT_PG_BASE64_URL_SAFE,
    LEAT_PG_HEX,
} leat_pg_binary;

/* The options that decide about schemas; zeroed but for money_digits = 2: Debezium's defaults. The
 * enums' order is that of the option's choices. */
typedef struct leat_pg_modes {
    uint8_t decimal;      /* decimal.handling.mode: leat_pg_decimal */
    uint8_t time;         /* time.precision.mode: leat_pg_time */
    uint8_t binary;       /* binary.handling.mode: leat_pg_binary */
    bool hstore_map;      /* hstore.handling.mode: json, map */
    bool interval_string; /* interval.handling.mode: numeric, string */
    bool include_unknown; /* include.unknown.datatypes */
    bool debezium_faults; /* also where Debezium's mapping is wrong: arrays of arrays lose their
                             content, numeric(5,-2) has scale 2046, defaults are misread. Off:
                             nested arrays have nested schemas, numeric(5,-2) has scale 0 */
    uint8_t money_digits; /* money.fraction.digits, 0 to 18 */
} leat_pg_modes;

/* What the catalog says of a type: a row of LEAT_PG_TYPES_SQL. */
typedef struct leat_pg_type {
    uint32_t oid;
    const char *name; /* typname */
    char kind;        /* typtype: b base, c composite, d domain, e enum, p pseudo, r range, m
                         multirange */
    char category;    /* typcategory: 'A' array... */
    char delim;       /* typdelim: between the elements of its arrays; ',' but for box */
    uint32_t elem;    /* of an array: its elements' type; else 0 */
    uint32_t base;    /* of a domain: the type below, which may be a domain again; else 0 */
    int32_t typmod;   /* of a domain: of the type below; -1: none */
    int32_t ndims;    /* of a domain over an array: its dimensions */
    uint32_t nlabels; /* of an enum */
    const char *const *labels; /* in enumsortorder */
} leat_pg_type;

/* All types but composites of tables (never mapped), one row each, in the order of leat_pg_type's
 * members: oid, name, kind, category, delim, elem, base, typmod, ndims, labels (an array text, see
 * leat_pg_types_row). Works from version 9.6 on. */
extern const char leat_pg_types_sql[];
enum { LEAT_PG_TYPES_COLS = 10 };

/* The types known of one database: the built-in ones always, others as they are added. One thread;
 * entries are never changed or moved once read, a repeated oid replaces (an enum that grew). */
typedef struct leat_pg_types leat_pg_types;
leat_pg_types *leat_pg_types_new(void); /* heap */
void leat_pg_types_free(leat_pg_types *types);
/* Adds or replaces one; everything is copied. */
void leat_pg_types_put(leat_pg_types *types, const leat_pg_type *type);
/* The same from a row of leat_pg_types_sql in text form; absent strings are NULLs. FATAL
 * "postgres.catalog" when it is no such row. */
leat_rc leat_pg_types_row(leat_pg_types *types, const leat_str cols[LEAT_PG_TYPES_COLS],
                          leat_err *e);
/* NULL: not known; read the catalog again. */
const leat_pg_type *leat_pg_types_get(const leat_pg_types *types, uint32_t oid);

/* A column as the catalog (or a relation message) has it. Borrowed for the call. */
typedef struct leat_pg_attr {
    const char *table; /* "schema.table", for messages */
    const char *name;
    uint32_t type;  /* atttypid */
    int32_t typmod; /* atttypmod */
    int32_t ndims;  /* attndims: as declared, 0 or 1: one */
    bool not_null;  /* attnotnull, of a domain that is NOT NULL, or part of the key */
    bool loose;     /* NULLs were seen all the same: it and an array's elements are optional */
    bool generated; /* attgenerated: its expression is no default */
    leat_str def;   /* pg_get_expr(adbin, adrelid) of pg_attrdef; absent: no default */
} leat_pg_attr;

typedef struct leat_pg_col leat_pg_col;
typedef leat_rc leat_pg_parser(const leat_pg_col *col, leat_str text, leat_arena *a,
                               leat_value *out, leat_err *e);

/* How one column's values are parsed. In the arena of its table; immutable. */
struct leat_pg_col {
    leat_pg_parser *parse;
    leat_pg_parser *binary; /* the same cell of the value's binary form; NULL: none that is exact */
    const leat_schema *schema; /* NULL: Debezium has no mapping, the column is left out of events */
    const leat_pg_col *elem;   /* arrays: of the elements (of the inner array, where nested) */
    const char *table, *name;  /* for messages */
    const char *type;          /* as SQL has it: "numeric(10,2)", "mood", "integer[]" */
    uint32_t oid;              /* of the type with domains resolved */
    int32_t length, scale;     /* Debezium's column length and scale; -1: none */
    uint16_t digits;           /* numeric(p,s), money: digits after the point of every cell;
                                  LEAT_PG_ANY_DIGITS: as sent */
    char delim;                /* arrays: between elements */
    bool faults;               /* leat_pg_modes.debezium_faults */
    const leat_value *old; /* of a NOT NULL column: what stands for it in an old row that has the
                              key alone; NULL: the zero of its schema (event/envelope.h) */
    const char *zero;      /* text of the default that stands for a function's result; NULL: no
                              defaults */
};
enum { LEAT_PG_ANY_DIGITS = UINT16_MAX };
#define LEAT_PG_NULL "postgres.null" /* code: a NULL where the schema has no room for one */

/* Plans a column: fills out, with schema (its default included) and all else in a. A type that
 * Debezium has no mapping for and include_unknown does not let in: OK with out->schema NULL (parse
 * must not be called); the caller leaves the column out and says so once. CONF "postgres.type" when
 * the type, or one below it, is not in types. */
leat_rc leat_pg_plan(const leat_pg_types *types, const leat_pg_modes *modes,
                     const leat_pg_attr *attr, leat_arena *a, leat_pg_col *out, leat_err *e);

/* One value in text form (not NULL: the caller sees that on the wire). The cell borrows text where
 * it can, so text must live as long as a. DATA "postgres.value" when text is none of its type or
 * more than a cell can hold, LEAT_PG_NULL when an element is NULL and its schema is not optional;
 * the message names column, type and length, never the value. text may be any bytes. */
static inline leat_rc leat_pg_parse(const leat_pg_col *col, leat_str text, leat_arena *a,
                                    leat_value *out, leat_err *e)
{
    return col->parse(col, text, a, out, e);
}

/* DATA "postgres.encoding": a text of the column, of a database that knows no encoding, is no
 * UTF-8.
 */
leat_rc leat_pg_text_check(const leat_pg_col *col, leat_str text, leat_err *e);

/* DATA LEAT_PG_NULL: a NULL for the column, or in it, where its schema has no room for one. */
leat_rc leat_pg_null_fail(const leat_pg_col *col, leat_err *e);

/* What a default expression evaluates to, by Debezium's rules: constants are parsed; a function's
 * result (nextval(...), now(), CURRENT_DATE...) is the zero of its type; what else there is has no
 * default. True: *out was made, in a. Called by leat_pg_plan; here for tests. */
bool leat_pg_default(const leat_pg_col *col, leat_str expr, leat_arena *a, leat_value *out);

#endif
