/* Where a source was at a time, by what its stream recorded: frames carry the commit times of their
 * events and the positions behind them. */
#ifndef LEAT_STREAM_ASOF_H
#define LEAT_STREAM_ASOF_H

#include "base/arena.h"
#include "event/event.h"

/* The newest positions, n of them, in a, before which all events were committed at that time or
 * earlier, and behind which the first is that was committed later: a frame holds many transactions,
 * so some of those before the time may stand behind it. newest_us: of what is before. Of a stream
 * that nobody writes to. CONF "offsets.range": nothing that is held was committed by then. */
leat_rc leat_asof(const char *data, const char *connector, int64_t time_us, leat_arena *a,
                  leat_position **pos, size_t *n, int64_t *newest_us, leat_err *e);

#endif
