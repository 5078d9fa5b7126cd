/* What a stream reached at a place: positions, totals, progress. And the ring of the source
 * transactions that were appended last.
 *
 * The writer keeps two of the former: at the end of what was appended, and at the mark. Recovery
 * builds one from frames. Heap of their own. One thread. */
#ifndef LEAT_STREAM_REACH_H
#define LEAT_STREAM_REACH_H

#include "base/buf.h"
#include "stream/frame.h"

typedef struct leat_reach {
    leat_position *pos; /* one a partition; texts are in texts */
    size_t npos, cap;
    leat_buf *texts; /* two a position: partition, offset */
    bool *changed;   /* one a position: since leat_reach_settled */
    leat_counts totals;
    uint64_t visible; /* events */
    leat_buf progress;
    bool has_progress, progress_changed;
    int64_t last_us; /* newest commit time of an event, INT64_MIN: none */
    int64_t seen_us; /* when that event was read; 0 after recovery */
} leat_reach;

void leat_reach_init(leat_reach *r);
void leat_reach_free(leat_reach *r);
/* Copies the texts; the partition's former offset is replaced. An offset without text: the
 * partition is forgotten, at the next leat_reach_settled. */
void leat_reach_move(leat_reach *r, leat_position pos);
/* Absent: no change. */
void leat_reach_progress(leat_reach *r, leat_str progress);
/* Takes what a frame says: positions and progress it names, totals, visible. */
void leat_reach_take(leat_reach *r, const leat_frame_reach *from);
/* For a frame: everything, or only positions (those forgotten with an empty offset) and progress
 * that changed. Borrowed from r and a. */
leat_frame_reach leat_reach_give(const leat_reach *r, bool only_changed, leat_arena *a);
/* Nothing counts as changed any more; all counts as changed. */
void leat_reach_settled(leat_reach *r);
void leat_reach_unsettled(leat_reach *r);
/* to becomes equal to from, what changed included. */
void leat_reach_copy(leat_reach *to, const leat_reach *from);

/* ---- the last transactions ---- */

enum { LEAT_RING = 65536 };

/* Going back is setting n and at to what they were: what came since is added again, or stands where
 * the oldest would be. */
typedef struct leat_ring {
    uint64_t *tx; /* when full, at is the oldest */
    size_t n, cap;
    size_t at;
} leat_ring;

void leat_ring_free(leat_ring *r);
void leat_ring_add(leat_ring *r, uint64_t tx);
/* All but the newest drop of them, oldest first, in a. */
const uint64_t *leat_ring_list(const leat_ring *r, size_t drop, leat_arena *a, size_t *count);

#endif
