/* Batches of events -> rows, and their way into the target. By the sink's thread. */
#ifndef LEAT_SINK_SQL_APPLY_H
#define LEAT_SINK_SQL_APPLY_H

#include "sink/sink.h"
#include "sink/sql/plan.h"

typedef struct leat_rdb_applier {
    leat_sink_task *task;
    leat_rdb_target *target;
    leat_rdb_row *rows;
    int64_t *affected;
    uint32_t n, cap;
    bool refused; /* some event of this batch */
    bool ordered; /* apply.mode=batch: reordering has failed where the stream's order has not */
    leat_arena scratch;
} leat_rdb_applier;

void leat_rdb_applier_free(leat_rdb_applier *p);
/* Applies b inside the target's open transaction. A row that the target never takes is rejected, or
 * (errors.tolerance=none) ends it all with CONF. */
leat_rc leat_rdb_apply(leat_rdb_applier *p, const leat_batch *b, leat_err *e);

#endif
