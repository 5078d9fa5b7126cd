/* The merger: when merging (stream/merge.h) is done, and by whom.
 *
 * A thread behind all others does it piece by piece and rests three times as long as it worked. The
 * stream's thread tells it how far the mark is, and puts in place what is ready; nobody waits for
 * the other but at the end. Without a thread the owner calls the pieces. */
#ifndef LEAT_STREAM_MERGER_H
#define LEAT_STREAM_MERGER_H

#include "stream/merge.h"

typedef struct leat_merger leat_merger;

/* conf's texts stay the caller's. */
leat_rc leat_merger_start(const leat_merge_conf *conf, bool thread, leat_merger **out, leat_err *e);
/* The mark stands in this segment, durably: those before it may be merged. */
void leat_merger_reach(leat_merger *g, uint64_t segment);
/* A file waits to be put in place. Then taken must be called, whatever became of it. */
bool leat_merger_ready(leat_merger *g, leat_merged *out);
void leat_merger_taken(leat_merger *g);
/* Ends the thread; what is ready may still be taken. g may be NULL. */
void leat_merger_rest(leat_merger *g);
/* rest, then frees it. What was not finished is removed, what was not taken by the next start. */
void leat_merger_stop(leat_merger *g);

/* One piece. Returns after how many µs the next is due at the earliest; -1: when more is reached,
 * or what is ready was taken. */
int64_t leat_merger_step(leat_merger *g);

#endif
