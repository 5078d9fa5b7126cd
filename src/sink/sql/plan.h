/* From a version of a source's table to statements over a table of the target.
 *
 * A plan is made once per version: it finds (or makes) the target's table and columns, and pairs
 * them with the source's. Shapes are its statements, one for each set of columns that is written.
 * All live until the connection is closed. By the sink's thread. */
#ifndef LEAT_SINK_SQL_PLAN_H
#define LEAT_SINK_SQL_PLAN_H

#include "sink/sql/dialect.h"

typedef struct leat_rdb_shapes leat_rdb_shapes;

typedef struct leat_rdb_plan {
    leat_table *source; /* pinned */
    leat_table *also;   /* pinned: another of the same content, found last; NULL: none */
    leat_rdb_table *table;
    leat_rdb_field *fields;
    uint16_t nfields, nkey; /* the key's fields stand first */
    leat_err bad;           /* DATA: no row of this version can be written; else LEAT_OK */
    bool refused;           /* ... because the target refused to make or change its table */
    int64_t looked_us;      /* ... when that was seen last */
    uint32_t seen;          /* the table's changes when it was paired */
    leat_rdb_shapes *shapes;
    leat_rdb_shape *last; /* found last */
    struct leat_rdb_plan *next;
} leat_rdb_plan;

typedef struct leat_rdb_target {
    leat_rdb_conn *conn;
    const leat_rdb_conf *conf;
    leat_arena arena;
    struct leat_rdb_found *tables;
    leat_rdb_plan *plans;
    unsigned shapes; /* made so far */
    bool held;       /* the open transaction has rows of earlier batches */
} leat_rdb_target;

/* t: zeroed, with conn and conf set. */
void leat_rdb_target_close(leat_rdb_target *t);

/* The plan of this version; a bad one's table is looked up again from time to time. Inside the open
 * transaction and before any row of the batch is applied; makes the table or adds columns where
 * that is allowed. CONF: the server refuses that, and held rows had to be taken back. RETRY
 * "sql.table_changed": it was done, but they had to be taken back. */
leat_rc leat_rdb_plan_of(leat_rdb_target *t, const leat_table *source, leat_rdb_plan **out,
                         leat_err *e);

/* A row was refused as if the table were another one than was looked up: RETRY
 * "sql.table_changed" if it is. Inside the open transaction. */
leat_rc leat_rdb_plan_holds(leat_rdb_target *t, const leat_rdb_plan *p, leat_err *e);

/* It is the plan of this version, or of one of the same content: who reads Kafka forgets versions
 * and makes them anew. */
bool leat_rdb_plan_is(leat_rdb_plan *p, const leat_table *source);

/* The statement of this kind for these cells: those that are not ABSENT are written, and key fields
 * where `keyed` says so. cells: NULL for DELETE and TRUNCATE. */
leat_rdb_shape *leat_rdb_plan_shape(leat_rdb_target *t, leat_rdb_plan *p, leat_rdb_kind kind,
                                    const leat_value *cells, bool keyed);

/* The name that a format gives to the table of a topic: schema (NULL: none) and name, in a. Pure.
 */
void leat_rdb_name(const leat_rdb_conf *conf, const leat_table *source, leat_arena *a,
                   const char **schema, const char **name);
/* What is wrong with a format, in a; NULL: nothing. Pure. */
const char *leat_rdb_name_wrong(const char *format, leat_arena *a);

#endif
