/* Recovery: where the mark is, found from the frames themselves.
 *
 * The mark is the last frame that ends at a safe place and is intact with everything before it.
 * What stands above was never promised and may be cut; a bad frame that a later frame (or the
 * counters page) says had been promised is damage, which nobody may cut. Used by the writer when it
 * opens, and by readers and lists where no writer lives. */
#ifndef LEAT_STREAM_RECOVER_H
#define LEAT_STREAM_RECOVER_H

#include "stream/names.h"
#include "stream/reach.h"
#include "stream/registry.h"
#include "stream/segment.h"

typedef struct leat_found {
    uint64_t first, last; /* segments that are there; 0: none at all */
    leat_place mark;      /* behind the last safe frame; segment 0: nothing is visible */
    uint64_t promised;    /* number of the last frame that some evidence says had been promised */
    leat_place proven;    /* behind that frame, if it stands in mark.segment; else segment 0 */
    bool durable;         /* all up to the mark is known to be on the disk: nothing to prove */
    bool clean;           /* nothing stands behind the mark */
    uint64_t bytes;       /* of all segments up to the mark */
} leat_found;

/* Reads the newest segments. promised: evidence from elsewhere (the counters page), or 0. AGAIN:
 * there is no segment. FATAL "stream.damaged" names file, offset, frame and what is wrong. */
leat_rc leat_recover_find(const char *dir, uint64_t promised, leat_found *out, leat_err *e);

/* Makes what is between proven and mark durable for certain: a sync that failed once can have left
 * pages that look written and are not, and a second sync would succeed without writing them. So the
 * frames are written again, byte for byte, at their places, and then synced. Safe beside a writer
 * that starts meanwhile: it finds the same mark and changes nothing below it. */
leat_rc leat_recover_prove(const char *dir, const leat_found *found, leat_err *e);

/* Removes what stands above the mark, durably. For the one who holds the stream's lock, after
 * prove. */
leat_rc leat_recover_cut(const char *dir, const leat_found *found, leat_err *e);

/* What stands at a place behind a frame: all that a writer goes on with. */
typedef struct leat_restored {
    leat_reach reach;
    leat_names names;
    leat_ring ring;
    leat_registry registry;
    int64_t newest_us; /* newest commit time of any event, INT64_MIN: none */
    int64_t body;      /* of its segment: offset behind the first frame */
} leat_restored;

void leat_restored_init(leat_restored *r);
void leat_restored_free(leat_restored *r);
/* Reads the place's segment from its first frame. */
leat_rc leat_recover_state(const char *dir, const leat_place *mark, leat_restored *out,
                           leat_err *e);

/* The first frame of a segment, intact; texts and arrays are in a. AGAIN: no such segment. FATAL
 * "stream.damaged". place: behind it (may be NULL). */
leat_rc leat_recover_opening(const char *dir, uint64_t segment, leat_arena *a,
                             leat_frame_segment *out, leat_place *place, leat_err *e);

#endif
