/* Which rows of a batch have to be written when only its end counts, and in which order. Pure. */
#ifndef LEAT_SINK_SQL_REDUCE_H
#define LEAT_SINK_SQL_REDUCE_H

#include "sink/sql/dialect.h"

/* Of rows with the same key of the same table the last one stays, if it says all (an upsert or a
 * delete); tables come one after the other, in each deletes first. A table with rows that depend on
 * earlier ones (updates by parts, changes of keys, truncates) keeps all of its rows and their
 * order. out: in a, at most n. */
void leat_rdb_reduce(const leat_rdb_row *rows, uint32_t n, leat_arena *a, leat_rdb_row **out,
                     uint32_t *nout);

/* Sets drop[i] (cleared before) where a later one of these upserts and deletes has the same key. */
void leat_rdb_reduce_mark(const leat_rdb_row *rows, uint32_t n, bool *drop, leat_arena *a);

#endif
