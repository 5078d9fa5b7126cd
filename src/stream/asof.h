/* Where a source was at a time, by what its stream recorded: frames carry the commit times of their
 * events and the positions behind them. */
#ifndef LEAT_STREAM_ASOF_H
#define LEAT_STREAM_ASOF_H

#include "base/arena.h"
#include "event/event.h"

/* The newest positions, n of them, in a, behind which all stands that was committed at that time or
 * later, captured or not; and at least one transaction of a second before it, with all of its
 * frame. newest_us: of what is before; INT64_MIN: nothing. Of a stream that nobody writes to. CONF
 * "offsets.range": no such transaction is held. */
leat_rc leat_asof(const char *data, const char *connector, int64_t time_us, leat_arena *a,
                  leat_position **pos, size_t *n, int64_t *newest_us, leat_err *e);

#endif
