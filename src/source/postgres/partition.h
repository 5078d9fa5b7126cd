/* Partitions: under which table's name a row comes, so that it is read once and none is missed. */
#ifndef LEAT_SOURCE_POSTGRES_PARTITION_H
#define LEAT_SOURCE_POSTGRES_PARTITION_H

#include "source/postgres/rules.h"

/* Takes those out of t->captured whose rows a snapshot reads by others of them. With
 * debezium.faults only where the publication sends changes by the root: else Debezium reads a
 * partitioned table and its partitions. */
leat_rc leat_pg_partitions_once(leat_pg *c, const leat_pg_conf *conf, leat_pg_tables *t,
                                leat_arena *a, leat_err *e);

/* Captured tables of which changes are missed. */
typedef struct leat_pg_missed {
    const leat_pg_relation **tables; /* in the arena given */
    size_t n;
    const char *why, *advice;
} leat_pg_missed;

/* Those whose changes come under the name of a table that is not captured: partitions without their
 * root where the publication sends by the root, else partitioned tables without all of their
 * partitions. */
leat_rc leat_pg_partitions_missed(leat_pg *c, const leat_pg_conf *conf, const leat_pg_tables *t,
                                  leat_arena *a, leat_pg_missed *out, leat_err *e);

#endif
