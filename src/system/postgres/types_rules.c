/* The table of PostgreSQL's types that have a place in Debezium's events.
 *
 * Read when a column is planned, never for a value. What a row cannot say (schemas that depend on
 * modes and modifiers) is built in types_plan.c by the type's oid. Types that are not here have no
 * mapping. Sources: pg_type.dat for numbers and names; recorded events of Debezium 3.6 for the
 * rest. */
#include "system/postgres/types_oid.h"
#include "system/postgres/types_part.h"

#define ROW(o, arr, n, s, c, t, logical, p, z, rule)                                               \
    {                                                                                              \
        .oid = LEAT_PG_OID_##o, .array = (arr), .name = (n), .sql = (s), .category = (c),          \
        .type = LEAT_T_##t, .schema_name = (logical), .parse = (p), .zero = (z),                   \
        .array_rule = LEAT_PG_ARRAY_##rule                                                         \
    }
#define DATA(name) "io.debezium.data." name

static const char no_uuid[] = "00000000-0000-0000-0000-000000000000";

const leat_pg_rule leat_pg_rules[] = {
    ROW(BOOL, 1000, "bool", "boolean", 'B', BOOLEAN, NULL, leat_pg_parse_bool, "f", OPTIONAL),
    ROW(BYTEA, 1001, "bytea", NULL, 'U', BYTES, NULL, leat_pg_parse_bytea, NULL, OPTIONAL),
    ROW(CHAR, 1002, "char", "\"char\"", 'Z', STRING, NULL, leat_pg_parse_text, NULL, OPTIONAL),
    ROW(NAME, 1003, "name", NULL, 'S', STRING, NULL, leat_pg_parse_text, NULL, NONE),
    ROW(INT8, 1016, "int8", "bigint", 'N', INT64, NULL, leat_pg_parse_int8, "0", OPTIONAL),
    ROW(INT2, 1005, "int2", "smallint", 'N', INT16, NULL, leat_pg_parse_int2, "0", OPTIONAL),
    ROW(INT2VECTOR, 1006, "int2vector", NULL, 'A', INT16, NULL, leat_pg_parse_elements, NULL, NONE),
    ROW(INT4, 1007, "int4", "integer", 'N', INT32, NULL, leat_pg_parse_int4, "0", OPTIONAL),
    ROW(TEXT, 1009, "text", NULL, 'S', STRING, NULL, leat_pg_parse_text, "", OPTIONAL),
    ROW(OID, 1028, "oid", NULL, 'N', INT64, NULL, leat_pg_parse_oid, NULL, OPTIONAL),
    ROW(OIDVECTOR, 1013, "oidvector", NULL, 'A', INT64, NULL, leat_pg_parse_elements, NULL, NONE),
    ROW(JSON, 199, "json", NULL, 'U', STRING, DATA("Json"), leat_pg_parse_text, "{}", OPTIONAL),
    ROW(XML, 143, "xml", NULL, 'U', STRING, DATA("Xml"), leat_pg_parse_text, "", NONE),
    ROW(POINT, 1017, "point", NULL, 'G', STRUCT, NULL, leat_pg_parse_point, NULL, NONE),
    ROW(LSEG, 1018, "lseg", NULL, 'G', BYTES, NULL, leat_pg_parse_shape, NULL, REQUIRED),
    ROW(PATH, 1019, "path", NULL, 'G', BYTES, NULL, leat_pg_parse_shape, NULL, REQUIRED),
    ROW(BOX, 1020, "box", NULL, 'G', BYTES, NULL, leat_pg_parse_shape, NULL, REQUIRED),
    ROW(POLYGON, 1027, "polygon", NULL, 'G', BYTES, NULL, leat_pg_parse_shape, NULL, REQUIRED),
    ROW(LINE, 629, "line", NULL, 'G', BYTES, NULL, leat_pg_parse_shape, NULL, REQUIRED),
    ROW(CIRCLE, 719, "circle", NULL, 'G', BYTES, NULL, leat_pg_parse_shape, NULL, REQUIRED),
    ROW(CIDR, 651, "cidr", NULL, 'I', STRING, NULL, leat_pg_parse_text, NULL, OPTIONAL),
    ROW(FLOAT4, 1021, "float4", "real", 'N', FLOAT32, NULL, leat_pg_parse_float4, "0", OPTIONAL),
    ROW(FLOAT8, 1022, "float8", "double precision", 'N', FLOAT64, NULL, leat_pg_parse_float8, "0",
        OPTIONAL),
    ROW(MACADDR8, 775, "macaddr8", NULL, 'U', STRING, NULL, leat_pg_parse_text, NULL, OPTIONAL),
    ROW(MONEY, 791, "money", NULL, 'N', BYTES, NULL, leat_pg_parse_money, NULL, NONE),
    ROW(MACADDR, 1040, "macaddr", NULL, 'U', STRING, NULL, leat_pg_parse_text, NULL, OPTIONAL),
    ROW(INET, 1041, "inet", NULL, 'I', STRING, NULL, leat_pg_parse_text, NULL, OPTIONAL),
    ROW(BPCHAR, 1014, "bpchar", "character%", 'S', STRING, NULL, leat_pg_parse_text, "", OPTIONAL),
    ROW(VARCHAR, 1015, "varchar", "character varying%", 'S', STRING, NULL, leat_pg_parse_text, "",
        OPTIONAL),
    ROW(DATE, 1182, "date", NULL, 'D', INT32, NULL, leat_pg_parse_date, "1970-01-01", OPTIONAL),
    ROW(TIME, 1183, "time", "time% without time zone", 'D', INT64, NULL, leat_pg_parse_time,
        "00:00:00", OPTIONAL),
    ROW(TIMESTAMP, 1115, "timestamp", "timestamp% without time zone", 'D', INT64, NULL,
        leat_pg_parse_timestamp, "1970-01-01 00:00:00", OPTIONAL),
    ROW(TIMESTAMPTZ, 1185, "timestamptz", "timestamp% with time zone", 'D', STRING,
        "io.debezium.time.ZonedTimestamp", leat_pg_parse_timestamptz, "1970-01-01 00:00:00+00",
        OPTIONAL),
    ROW(INTERVAL, 1187, "interval", NULL, 'T', INT64, NULL, leat_pg_parse_interval, "00:00:00",
        NONE),
    ROW(TIMETZ, 1270, "timetz", "time% with time zone", 'D', STRING, "io.debezium.time.ZonedTime",
        leat_pg_parse_timetz, NULL, OPTIONAL),
    ROW(BIT, 1561, "bit", "bit%", 'V', BYTES, NULL, leat_pg_parse_bits, "0", OPTIONAL),
    ROW(VARBIT, 1563, "varbit", "bit varying%", 'V', BYTES, NULL, leat_pg_parse_bits, "0", NONE),
    ROW(NUMERIC, 1231, "numeric", "numeric%", 'N', BYTES, NULL, leat_pg_parse_numeric, "0",
        OPTIONAL),
    ROW(REFCURSOR, 2201, "refcursor", NULL, 'U', STRING, NULL, NULL, NULL, NONE),
    ROW(UUID, 2951, "uuid", NULL, 'U', STRING, DATA("Uuid"), leat_pg_parse_uuid, no_uuid, OPTIONAL),
    ROW(TSVECTOR, 3643, "tsvector", NULL, 'U', STRING, DATA("Tsvector"), leat_pg_parse_text, NULL,
        REQUIRED),
    ROW(JSONB, 3807, "jsonb", NULL, 'U', STRING, DATA("Json"), leat_pg_parse_text, "{}", OPTIONAL),
    ROW(INT4RANGE, 3905, "int4range", NULL, 'R', STRING, NULL, leat_pg_parse_text, NULL, OPTIONAL),
    ROW(NUMRANGE, 3907, "numrange", NULL, 'R', STRING, NULL, leat_pg_parse_text, NULL, OPTIONAL),
    ROW(TSRANGE, 3909, "tsrange", NULL, 'R', STRING, NULL, leat_pg_parse_text, NULL, OPTIONAL),
    ROW(TSTZRANGE, 3911, "tstzrange", NULL, 'R', STRING, NULL, leat_pg_parse_text, NULL, OPTIONAL),
    ROW(DATERANGE, 3913, "daterange", NULL, 'R', STRING, NULL, leat_pg_parse_text, NULL, OPTIONAL),
    ROW(INT8RANGE, 3927, "int8range", NULL, 'R', STRING, NULL, leat_pg_parse_text, NULL, OPTIONAL),
    ROW(NONE, 0, "citext", NULL, 'S', STRING, NULL, leat_pg_parse_text, NULL, OPTIONAL),
    ROW(NONE, 0, "hstore", NULL, 'U', STRING, DATA("Json"), leat_pg_parse_hstore_json, NULL,
        OPTIONAL),
    ROW(NONE, 0, "ltree", NULL, 'U', STRING, DATA("Ltree"), leat_pg_parse_text, NULL, OPTIONAL),
    ROW(NONE, 0, "isbn", NULL, 'U', STRING, NULL, leat_pg_parse_text, NULL, REQUIRED),
    ROW(NONE, 0, "geometry", NULL, 'U', STRUCT, "io.debezium.data.geometry.Geometry",
        leat_pg_parse_geometry, NULL, OPTIONAL),
    ROW(NONE, 0, "geography", NULL, 'U', STRUCT, "io.debezium.data.geometry.Geography",
        leat_pg_parse_geometry, NULL, OPTIONAL),
    ROW(NONE, 0, "vector", NULL, 'U', ARRAY, DATA("DoubleVector"), leat_pg_parse_vector, NULL,
        REQUIRED),
    ROW(NONE, 0, "halfvec", NULL, 'U', ARRAY, DATA("FloatVector"), leat_pg_parse_vector, NULL,
        REQUIRED),
    ROW(NONE, 0, "sparsevec", NULL, 'U', STRUCT, DATA("SparseDoubleVector"), leat_pg_parse_sparse,
        NULL, REQUIRED),
};
const size_t leat_pg_nrules = sizeof leat_pg_rules / sizeof *leat_pg_rules;

const leat_pg_rule *leat_pg_rule_find(uint32_t oid, const char *name)
{
    bool built_in = oid < LEAT_PG_FIRST_OWN_OID;
    for (const leat_pg_rule *r = leat_pg_rules; r < leat_pg_rules + leat_pg_nrules; r++)
        if (built_in ? r->oid == oid : r->oid == 0 && strcmp(r->name, name) == 0) return r;
    return NULL;
}
