/* Events of an embedded stream on their way to a sink: through the sink's transforms, between the
 * stream and the target, as Kafka Connect has it between converter and task.
 *
 * A change that a transform touches is read as the records that Kafka would have of it
 * (convert/change.h), as are changes that are records by themselves (LEAT_TABLE_RECORD) and RECORDs
 * that were made of one (LEAT_EV_OF_CHANGE), with transforms or without: a row is a row, a null
 * behind a key its delete. What no transform touches stays as it was captured. By the sink's
 * thread; what is read of Kafka passes engine/intake.h. */
#ifndef LEAT_ENGINE_SHAPER_H
#define LEAT_ENGINE_SHAPER_H

#include "transform/transform.h"

typedef struct leat_shaper leat_shaper;

/* chain: borrowed; NULL: there are none. tolerate: errors.tolerance=all. Heap; never NULL. */
leat_shaper *leat_shaper_new(const leat_transforms *chain, bool tolerate);
void leat_shaper_free(leat_shaper *s);
/* The batch's events, in place. Those that are nothing to a sink, as a tombstone behind its delete,
 * are counted in counts.filtered; records that a transform cannot take are dead letters, each by
 * itself. CONF "transform.failed", naming the record, where these are not tolerated. */
leat_rc leat_shaper_batch(leat_shaper *s, leat_batch *b, leat_err *e);

#endif
