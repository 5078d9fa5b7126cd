/* A target in this process alone, for what `leat verify` makes of a stream: SQLite's, bounded in
 * memory, on disk without a name, and gone with the process. No user can ask for it. */
#ifndef LEAT_SINK_SQL_SCRATCH_H
#define LEAT_SINK_SQL_SCRATCH_H

#include "sink/sql/dialect.h"

extern const leat_rdb_dialect leat_rdb_scratch;

/* What reads it: by the same connection, which has to outlive it. */
leat_rc leat_rdb_scratch_side(leat_rdb_conn *conn, leat_compare_side **out, leat_err *e);

#endif
