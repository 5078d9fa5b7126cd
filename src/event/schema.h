/* Schemas in Kafka Connect's model: what a record's key or value looks like to a consumer.
 *
 * Immutable once built; they live in the arena of their owner (a table, an origin, a record's
 * batch). `logical` is derived from the name once, so that a converter switches on a number. */
#ifndef LEAT_EVENT_SCHEMA_H
#define LEAT_EVENT_SCHEMA_H

#include "event/value.h"

/* Kafka Connect's types; ConnectSchema.Type */
typedef enum leat_type {
    LEAT_T_INT8,
    LEAT_T_INT16,
    LEAT_T_INT32,
    LEAT_T_INT64,
    LEAT_T_FLOAT32,
    LEAT_T_FLOAT64,
    LEAT_T_BOOLEAN,
    LEAT_T_STRING,
    LEAT_T_BYTES,
    LEAT_T_ARRAY,
    LEAT_T_MAP,
    LEAT_T_STRUCT,
} leat_type;

/* What the schema's name means for its values; NONE: nothing special. */
typedef enum leat_logical {
    LEAT_L_NONE,
    LEAT_L_DECIMAL,           /* org.apache.kafka.connect.data.Decimal; parameter scale */
    LEAT_L_CONNECT_DATE,      /* org.apache.kafka.connect.data.Date: int32 days */
    LEAT_L_CONNECT_TIME,      /* ...Time: int32 ms of day */
    LEAT_L_CONNECT_TIMESTAMP, /* ...Timestamp: int64 ms */
    LEAT_L_DATE,              /* io.debezium.time.Date: int32 days */
    LEAT_L_TIME,              /* ...Time: int32 ms */
    LEAT_L_MICRO_TIME,        /* int64 us */
    LEAT_L_NANO_TIME,         /* int64 ns */
    LEAT_L_TIMESTAMP,         /* int64 ms */
    LEAT_L_MICRO_TIMESTAMP,   /* int64 us */
    LEAT_L_NANO_TIMESTAMP,    /* int64 ns */
    LEAT_L_ZONED_TIME,        /* string "11:14:15.123456Z" */
    LEAT_L_ZONED_TIMESTAMP,   /* string "2024-02-29T11:14:15.123456Z" */
    LEAT_L_MICRO_DURATION,    /* int64 us; a month is 30.4375 days */
    LEAT_L_NANO_DURATION,
    LEAT_L_INTERVAL, /* string "P1Y2M3DT4H5M6.78S" */
    LEAT_L_ISO_DATE,
    LEAT_L_ISO_TIME,
    LEAT_L_ISO_TIMESTAMP,          /* strings */
    LEAT_L_VARIABLE_SCALE_DECIMAL, /* io.debezium.data.VariableScaleDecimal {scale, value} */
    LEAT_L_JSON,
    LEAT_L_UUID,
    LEAT_L_XML,
    LEAT_L_ENUM,
    LEAT_L_BITS,
    LEAT_L_OTHER,
    /* No name gives these; who makes the schema sets them. */
    LEAT_L_JSON_MAP,   /* io.debezium.data.Json of an hstore, where ABSENT shows otherwise than in a
                          JSON column */
    LEAT_L_BASE64,     /* STRING that shows BYTES cells (binary.handling.mode=base64) */
    LEAT_L_BASE64_URL, /* base64-url-safe */
    LEAT_L_HEX,        /* hex */
} leat_logical;

typedef struct leat_schema leat_schema;

typedef struct leat_field {
    const char *name;
    const leat_schema *schema;
} leat_field;

typedef struct leat_param {
    const char *key, *value;
} leat_param;

struct leat_schema {
    uint8_t type;    /* leat_type */
    uint8_t logical; /* leat_logical, from name */
    uint8_t digits;  /* fraction digits shown by ZONED_TIMESTAMP, ZONED_TIME and the ISO strings */
    bool optional;
    int32_t version;  /* 0: none */
    const char *name; /* NULL: none; so with doc */
    const char *doc;
    const leat_param *params;
    uint32_t nparams;
    uint32_t nfields;         /* STRUCT */
    const leat_field *fields; /* STRUCT */
    const leat_schema *key;   /* MAP */
    const leat_schema *elem;  /* ARRAY; MAP: its values */
    const leat_value *def;    /* default, NULL: none */
};

/* A plain one: type and optional. The result may be changed until it is shared. */
leat_schema *leat_schema_new(leat_arena *a, leat_type type, bool optional);
/* The same with a name (copied) and version; logical is looked up. */
leat_schema *leat_schema_named(leat_arena *a, leat_type type, bool optional, const char *name,
                               int32_t version);
/* A STRUCT with room for n fields, to be filled by the caller; name may be NULL. */
leat_schema *leat_schema_struct(leat_arena *a, bool optional, const char *name, int32_t version,
                                uint32_t n);
/* A STRUCT of these; named ones have version 1. */
typedef struct leat_field_spec {
    const char *name;
    leat_type type;
    bool optional;
    const leat_schema *schema; /* instead of type */
} leat_field_spec;
leat_schema *leat_schema_of(leat_arena *a, const char *name, bool optional,
                            const leat_field_spec *fields, uint32_t n);
leat_schema *leat_schema_array(leat_arena *a, bool optional, const leat_schema *elem);
void leat_schema_param(leat_arena *a, leat_schema *s, const char *key, const char *value);
const char *leat_schema_param_get(const leat_schema *s, const char *key); /* NULL: none */
leat_logical leat_schema_logical(const char *name);

/* Index of a field of a STRUCT by name, -1 if there is none. */
int leat_schema_field(const leat_schema *s, leat_str name);

/* Deep copy into a; deep equality. */
leat_schema *leat_schema_copy(leat_arena *a, const leat_schema *s);
bool leat_schema_eq(const leat_schema *x, const leat_schema *y);

/* "int8" ... "float", "double", "string" ...: the names of Kafka Connect's JSON converter. */
const char *leat_type_name(leat_type type);

#endif
