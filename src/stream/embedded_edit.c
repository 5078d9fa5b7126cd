/* The embedded stream: positions that a person has set (stream/stream.h).
 *
 * An edit is a frame without events, synced like any other: so it is durable or did not happen, and
 * what is read of the stream does not change. Run by the thread that appends. */
#include "stream/embedded.h"

leat_rc leat_embedded_edit(leat_stream *stream, const leat_position *pos, size_t n,
                           leat_str progress, leat_err *e)
{
    leat_embedded *s = (leat_embedded *)stream;
    leat_reach *reach = &s->w.has.reach;
    LEAT_TRY(leat_embedded_rollback(s, e));
    LEAT_TRY(leat_embedded_commit(s, e));
    leat_reach_copy(&s->before, reach);
    for (size_t i = 0; i < n; i++) leat_reach_move(reach, pos[i]);
    leat_reach_progress(reach, progress);
    s->now.dirty = true;
    leat_rc rc = leat_embedded_commit(s, e);
    if (rc != LEAT_OK && !s->w.broken) {
        leat_reach_copy(reach, &s->before);
        s->now.dirty = false;
    }
    return rc;
}

leat_rc leat_embedded_restate(leat_stream *stream, const leat_stream_state *to,
                              const leat_counts *open, uint64_t open_events, leat_err *e)
{
    leat_embedded *s = (leat_embedded *)stream;
    leat_reach *reach = &s->w.has.reach;
    for (size_t i = 0; i < to->npos; i++) leat_reach_move(reach, to->pos[i]);
    leat_reach_progress(reach, to->progress);
    reach->totals = to->totals;
    reach->visible = to->events;
    s->now.counts = *open;
    s->now.events = open_events;
    s->now.dirty = true;
    return leat_embedded_commit(s, e);
}
