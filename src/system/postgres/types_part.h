/* What the files of types share: the parsers that plans are made of. Not for others; each is a
 * leat_pg_parser as types.h describes them. */
#ifndef LEAT_SYSTEM_POSTGRES_TYPES_PART_H
#define LEAT_SYSTEM_POSTGRES_TYPES_PART_H

#include "system/postgres/types.h"

/* DATA "postgres.value": text is no value of the column's type. why: a short phrase. */
leat_rc leat_pg_value_fail(const leat_pg_col *col, leat_str text, const char *why, leat_err *e);
/* DATA "postgres.value": a value of the type that events have no room for. why: "a ..., which ...".
 */
leat_rc leat_pg_range_fail(const leat_pg_col *col, const char *why, leat_err *e);
/* The same of a timestamp behind the last that 64 bits can count to, and of infinite intervals. */
leat_rc leat_pg_late_fail(const leat_pg_col *col, leat_err *e);
leat_rc leat_pg_infinite_fail(const leat_pg_col *col, leat_err *e);

/* What is known of a type beforehand: how it is mapped. */
typedef struct leat_pg_rule {
    uint32_t oid;            /* 0: of an extension, known by its name */
    uint32_t array;          /* oid of its array type; 0: by the catalog */
    const char *name;        /* typname */
    const char *sql;         /* as SQL spells it, where that differs; %: where the modifier goes */
    leat_pg_parser *parse;   /* NULL: not mapped */
    const char *zero;        /* see leat_pg_col.zero */
    const char *schema_name; /* of the schema, NULL: none; the more involved ones are built */
    char category;           /* typcategory */
    uint8_t type;            /* leat_type of the schema */
    uint8_t array_rule;      /* leat_pg_array_rule */
} leat_pg_rule;
/* What Debezium makes of arrays of a type. */
typedef enum leat_pg_array_rule {
    LEAT_PG_ARRAY_OPTIONAL, /* elements are optional */
    LEAT_PG_ARRAY_REQUIRED, /* elements are not */
    LEAT_PG_ARRAY_NONE,     /* left out */
} leat_pg_array_rule;
/* By oid, or by name if it is an extension's (oids from 16384 on); NULL: none. */
const leat_pg_rule *leat_pg_rule_find(uint32_t oid, const char *name);
extern const leat_pg_rule leat_pg_rules[];
extern const size_t leat_pg_nrules;
enum { LEAT_PG_FIRST_OWN_OID = 16384 }; /* FirstNormalObjectId: below are the built-in types */

/* types_value.c */
leat_pg_parser leat_pg_parse_bool; /* t, f */
leat_pg_parser leat_pg_parse_bit;  /* 0, 1: BOOL */
leat_pg_parser leat_pg_parse_bits; /* 0110: BYTES, little-endian */
leat_pg_parser leat_pg_parse_text, leat_pg_parse_uuid;
leat_pg_parser leat_pg_parse_bytea;   /* hex and escape form */
leat_pg_parser leat_pg_parse_unknown; /* the text itself, as bytea */
/* hex.len / 2 bytes to out; false if something is no hex digit, or their number odd. */
bool leat_pg_unhex(leat_str hex, char *out);

/* types_number.c */
leat_pg_parser leat_pg_parse_int2, leat_pg_parse_int4, leat_pg_parse_int8, leat_pg_parse_oid;
leat_pg_parser leat_pg_parse_float4, leat_pg_parse_float8;
leat_pg_parser leat_pg_parse_numeric, leat_pg_parse_money;

/* Exact, whatever the locale: digits, a point, an exponent, NaN, Infinity. */
bool leat_pg_float8(leat_str text, double *out);
bool leat_pg_float4(leat_str text, float *out);

/* types_time.c */
leat_pg_parser leat_pg_parse_date, leat_pg_parse_time, leat_pg_parse_timetz;
leat_pg_parser leat_pg_parse_timestamp, leat_pg_parse_timestamptz, leat_pg_parse_interval;

/* types_binary.c: what parses a type's binary form, where a column's texts are parsed by of; NULL:
 * it has none that is exact. t: with domains resolved, no array. */
leat_pg_parser *leat_pg_binary_parser(const leat_pg_type *t, leat_pg_parser *of);

/* types_list.c */
leat_pg_parser leat_pg_parse_array;    /* {1,NULL,"a b"} */
leat_pg_parser leat_pg_parse_elements; /* 1 2 3: oidvector, int2vector */
leat_pg_parser leat_pg_parse_vector;   /* [1,2.5] */
leat_pg_parser leat_pg_parse_sparse;   /* {1:0.5,3:2}/5: STRUCT */

/* types_hstore.c */
leat_pg_parser leat_pg_parse_hstore_map, leat_pg_parse_hstore_json;

/* types_geo.c */
leat_pg_parser leat_pg_parse_point;    /* (1,2): STRUCT */
leat_pg_parser leat_pg_parse_geometry; /* EWKB as hex: STRUCT */
/* What Debezium shows for a NOT NULL struct of these types that is not known: a point at 0 0, an
 * empty collection of geometries, a vector of no dimensions. In a. */
leat_value leat_pg_no_struct(leat_pg_parser *parse, leat_arena *a);
leat_pg_parser leat_pg_parse_shape; /* ((1,2),(3,4)): BYTES of ((1.0,2.0),(3.0,4.0)) */

#endif
