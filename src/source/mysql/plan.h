/* What a column of MySQL or MariaDB is to a consumer: schema, default, and how its cell is read.
 *
 * Debezium's mapping, by the options that decide about it. Pure; any thread. */
#ifndef LEAT_SOURCE_MYSQL_PLAN_H
#define LEAT_SOURCE_MYSQL_PLAN_H

#include "capture/conf.h"
#include "event/schema.h"
#include "source/mysql/rowimage.h"
#include "system/mysql/catalog.h"

/* bigint.unsigned.handling.mode, in the order of its choices. */
typedef enum leat_my_bigint { LEAT_MY_BIGINT_LONG, LEAT_MY_BIGINT_PRECISE } leat_my_bigint;

/* The options that decide about schemas. */
typedef struct leat_my_modes {
    uint8_t decimal; /* leat_decimal_mode */
    uint8_t time;    /* leat_time_mode */
    uint8_t binary;  /* leat_binary_mode */
    uint8_t bigint;  /* leat_my_bigint */
    bool tinyint8;   /* TINYINT is int8, as in Debezium from 3.7 on; else int16 */
    bool comments;   /* a column's comment is its schema's doc */
    bool faults;     /* also where Debezium's mapping is wrong: quotes in defaults stay doubled */
} leat_my_modes;

/* What is done to a cell after it was read. */
typedef enum leat_my_mend {
    LEAT_MY_MEND_NONE,
    LEAT_MY_MEND_BOOL,  /* a number becomes whether it is more than 0 */
    LEAT_MY_MEND_DAY,   /* a TIME that is no time of day has no value */
    LEAT_MY_MEND_NANOS, /* nor has a time that is beyond 64 bits of nanoseconds */
} leat_my_mend;

typedef struct leat_my_col {
    const leat_schema *schema;
    leat_mysql_want want;
    uint8_t mend;          /* leat_my_mend */
    const char *name;      /* of the column */
    const char *type;      /* as the database has it */
    const char *type_name; /* as Debezium tells it: "INT UNSIGNED" */
    int32_t length, scale; /* as Debezium tells them, -1: none */
} leat_my_col;

/* Plans a column of table ("db.table"), what is made is in a. wire: the column of the TABLE_MAP, or
 * NULL: not known. boolean: it is one by a converter (tinyint(1)). A type without a mapping is
 * shown as text or bytes, as it comes. */
void leat_my_plan(const leat_my_modes *modes, const char *table, const leat_my_column *c,
                  const leat_binlog_column *wire, bool boolean, leat_arena *a, leat_my_col *out);

/* The column's default as a cell, in a; false: it has none that a schema shows. Called by
 * leat_my_plan; here for tests. */
bool leat_my_default(const leat_my_modes *modes, const leat_my_column *c, const leat_schema *schema,
                     leat_arena *a, leat_value *out);

/* Mends a cell that was read. False: it has no value that its schema could hold. */
bool leat_my_mend_cell(const leat_my_col *c, leat_value *v);

#endif
