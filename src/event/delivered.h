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
    uint64_t episode;    /* of spooling, never one twice; what a spool of another holds is done */
    leat_str cursor;     /* of the spool: all before it is delivered; absent: nothing of it is */
    uint64_t drained;    /* in this episode: events of the spool that were delivered ... */
    leat_counts moved;   /* ... and what the spool's totals do not know yet */
    uint64_t skip;       /* so many of the spool's events behind the cursor are delivered too */
    uint64_t open_tx;    /* of the transaction behind pos, this one, ... */
    uint32_t open_seq;   /* ... all up to this change is delivered; 0: nothing is */
    uint64_t open_dead;  /* ... but so many that were refused */
    uint32_t part_seq;   /* the spool has only what begins here of that; 0: all, or nothing ... */
    uint64_t part_dead;  /* ... with so many that were refused */
    uint64_t mark;       /* of the transaction of Kafka's that ended with this; 0: none did */
    int64_t mark_us;     /* when that was prepared: one mark is written once */
    leat_str cluster;    /* that has it, by the id that its brokers tell; absent: not known */
    bool ahead;          /* pos is not what the offset topic has: a person's, or a spool's */
    const uint64_t *txs; /* load: the source transactions delivered last, at most 65,536; save:
                            those that came since the last save */
    size_t ntxs;
} leat_delivered;

typedef struct leat_delivered_store {
    /* What was saved last, in a; zeroed (episode 1) if nothing ever was. */
    leat_rc (*load)(struct leat_delivered_store *s, leat_arena *a, leat_delivered *out,
                    leat_err *e);
    /* Durable as a whole on return, or nothing of it: then the same call will do later (RETRY).
     * What was prepared is forgotten. */
    leat_rc (*save)(struct leat_delivered_store *s, const leat_delivered *d, leat_err *e);
    /* The same of two: was is in force (NULL: what was saved last), next is what will be once its
     * mark is known to be committed; it takes the place of what was prepared before. next->txs are
     * those that was does not have. */
    leat_rc (*prepare)(struct leat_delivered_store *s, const leat_delivered *was,
                       const leat_delivered *next, leat_err *e);
    /* What was prepared last and neither saved nor forgotten since, in a; serial 0: nothing. */
    leat_rc (*prepared)(struct leat_delivered_store *s, leat_arena *a, leat_delivered *out,
                        leat_err *e);
} leat_delivered_store;

#endif
