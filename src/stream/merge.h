/* Merging: a closed segment of many small frames is written anew as one of few large frames.
 *
 * The new file stands beside the segment, as NUMBER.merge, until it is complete and synced; putting
 * it in place is one rename, so a crash leaves the old segment or the new one, and perhaps a file
 * NUMBER.merge that the next start removes. Events, offsets, order, safe places, numbers of frames
 * and the chain of checksums stay (stream/frame.h says how). Work is done in pieces of some
 * milliseconds, in at most 8 MiB of memory. One thread steps; leat_merge_install belongs to the
 * thread that appends, as all that changes names in the folder. */
#ifndef LEAT_STREAM_MERGE_H
#define LEAT_STREAM_MERGE_H

#include "stream/segment.h"

typedef struct leat_merge leat_merge;

typedef struct leat_merge_conf {
    const char *dir;    /* the stream's folder; borrowed */
    size_t frame_bytes; /* of the events in a merged frame, about; 0: 1 MiB */
    int64_t small;      /* merged are segments whose frames have on average at most so many bytes;
                         * 0: 32 KiB */
    int gain;           /* percent of the bytes that it must save at least; 0: 20, < 0: whatever */
} leat_merge_conf;

/* A segment that was merged, or one that is ready for it. */
typedef struct leat_merged {
    uint64_t segment;
    uint64_t frames_before, frames_after;
    int64_t bytes_before, bytes_after;
} leat_merged;

leat_merge *leat_merge_new(const leat_merge_conf *conf);
/* Removes the file that was begun, not one that is ready. */
void leat_merge_free(leat_merge *m);
/* A piece of work on the segments before below, in which the mark stands, durably. OK: call again.
 * AGAIN: there is nothing to do. PENDING: out is ready to be put in place; call again after that.
 * Else what was begun is removed: RETRY "os.enospc" and the like: it is begun anew by the next
 * call; others (FATAL "stream.damaged"): the segment is left as it is, the next call goes on behind
 * it. */
leat_rc leat_merge_step(leat_merge *m, uint64_t below, leat_merged *out, leat_err *e);

/* dir/NUMBER.merge. */
void leat_merge_path(const char *dir, uint64_t segment, char out[LEAT_PATH_MAX]);
/* Puts what is ready in place. AGAIN: the segment was removed meanwhile, and so is the new file. */
leat_rc leat_merge_install(const char *dir, const leat_merged *merged, leat_err *e);
/* Removes the files of merges that were not finished. For who holds the stream's lock. */
leat_rc leat_merge_clean(const char *dir, leat_err *e);

#endif
