/* What a stream outside of this machine has acknowledged: where it stands, and the store of that.
 *
 * The embedded stream keeps such things in its own frames. Where the events are elsewhere, this is
 * the truth about them: what a restart goes on with, and what the source is acknowledged from. */
#ifndef LEAT_EVENT_DELIVERED_H
#define LEAT_EVENT_DELIVERED_H

#include "event/event.h"

typedef struct leat_delivered {
    const leat_position *pos; /* one a partition */
    size_t npos;
    leat_counts totals;  /* ledger, since the connector's first start */
    uint64_t events;     /* delivered up to here */
    uint64_t serial;     /* counts saves */
    leat_str progress;   /* the engine's JSON about snapshots; absent: none yet */
    uint64_t episode;    /* of spooling: 1, 2...; what a spool of an earlier one holds is done */
    leat_str cursor;     /* of the spool: all before it is delivered; absent: nothing of it is */
    uint64_t drained;    /* in this episode: events of the spool that were delivered ... */
    leat_counts moved;   /* ... and what the spool's totals do not know yet */
    const uint64_t *txs; /* load: the source transactions delivered last, at most 65,536; save:
                            those that came since the last save */
    size_t ntxs;
} leat_delivered;

typedef struct leat_delivered_store {
    /* What was saved last, in a; zeroed (episode 1) if nothing ever was. */
    leat_rc (*load)(struct leat_delivered_store *s, leat_arena *a, leat_delivered *out,
                    leat_err *e);
    /* Durable as a whole on return, or nothing of it: then the same call will do later (RETRY). */
    leat_rc (*save)(struct leat_delivered_store *s, const leat_delivered *d, leat_err *e);
} leat_delivered_store;

#endif
