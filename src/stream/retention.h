/* Retention: which of the oldest segments are removed, and when a stream is full.
 *
 * What is older than ms, or beyond bytes, or takes the room that must stay free on the disk is
 * removed by unlink, oldest first, each durably before the next. Never removed: the newest segment,
 * the one the mark stands in and those above it, and what a registered reader still needs, unless
 * forced. Where that leaves no room for another segment, the stream is full. One thread, the
 * writer's. */
#ifndef LEAT_STREAM_RETENTION_H
#define LEAT_STREAM_RETENTION_H

#include "stream/readers.h"
#include "stream/stream.h"

typedef struct leat_retention {
    leat_retention_conf conf;
    const char *dir;        /* borrowed; NULL: nothing is ever removed or refused */
    const char *data;       /* the data folder; borrowed */
    int64_t told_us;        /* leat_mono_us of the last look for readers that sleep; 0: none yet */
    uint64_t removed_bytes; /* since the open */
    bool unsynced;          /* the folder, after a removal or at the start */
    bool over;              /* beyond bytes because of a transaction, and told so */
    uint64_t known;         /* segment whose first frame the two below are of; 0: none */
    uint64_t known_number;  /* that frame's number */
    int64_t known_us;       /* when the segment was begun */
    uint64_t begun;         /* segment of which the next is known; 0: none */
    int64_t begun_us;       /* when it was begun */
} leat_retention;

/* Nothing is removed before this. data and dir are borrowed. */
void leat_retention_begin(leat_retention *k, const leat_retention_conf *conf, const char *data,
                          const char *dir);

/* Before a segment of need bytes follows the newest, of which used bytes are written. visible:
 * events up to the mark, for the message. RETRY "stream.retention_held" names who holds the oldest
 * segment; "stream.disk_low": the disk's. Nothing changed but what was removed. */
leat_rc leat_retention_room(leat_retention *k, const leat_place *mark, uint64_t newest,
                            int64_t used, int64_t need, uint64_t visible, leat_err *e);

/* Removes what is too old. An error is logged, and met again. */
void leat_retention_tend(leat_retention *k, const leat_place *mark, uint64_t newest);

/* Once an hour: logs readers that hold segments and do not move, or do not exist any more. */
void leat_retention_tell(leat_retention *k, uint64_t newest, uint64_t visible);

/* It is time to begin the next segment, by the age of the newest. */
bool leat_retention_roll_due(leat_retention *k, uint64_t newest);

#endif
