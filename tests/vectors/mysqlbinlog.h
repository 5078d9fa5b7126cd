/* Files of the binary log for tests and for the bench: their events, and the plan of their table.
 */
#ifndef LEAT_TESTS_VECTORS_MYSQLBINLOG_H
#define LEAT_TESTS_VECTORS_MYSQLBINLOG_H

#include "source/mysql/rowimage.h"

/* What a walk calls for each event; inside: of a TRANSACTION_PAYLOAD. Not LEAT_OK ends the walk. */
typedef leat_rc leat_walk_event(void *ctx, const leat_binlog_event *ev, bool inside, leat_err *e);

/* All events of a file, magic included. a is not reset. f is made anew. */
leat_rc leat_walk_binlog(leat_str file, leat_binlog_format *f, leat_arena *a, leat_walk_event *each,
                         void *ctx, leat_err *e);

#endif
