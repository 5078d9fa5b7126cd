/* Where a sink's events come from: the port between the loop of a sink (sinkrun.c) and a stream.
 *
 * A feed is made of lanes, each a place in something that has an order of its own: a source's
 * embedded stream (engine/inputs.h), or a partition of a topic of Kafka (engine/intake.h). The loop
 * takes batches of one lane, gives them to the target and stores how far the lane is. All calls are
 * made by the sink's thread. */
#ifndef LEAT_ENGINE_FEED_H
#define LEAT_ENGINE_FEED_H

#include "base/buf.h"
#include "event/event.h"

/* The ledger of a sink: events in its topics since its cursor began. */
typedef struct leat_sink_counts {
    uint64_t read, delivered, filtered, dead;
} leat_sink_counts;

typedef struct leat_lane {
    const char *source;      /* what it is called where the target stores its cursor */
    leat_sink_counts counts; /* as stored */
    struct leat_lane *next;
} leat_lane;

/* A target that stores cursors itself, together with what it is given: what it holds of the lane
 * called source, in a; absent: nothing. */
typedef leat_rc leat_feed_reached(void *arg, const char *source, leat_arena *a, leat_str *text,
                                  leat_err *e);

typedef struct leat_feed leat_feed;

typedef struct leat_feed_ops {
    /* Opens and closes lanes as topics, and partitions, come and go; waits up to wait_us for
     * events where only this can. now: topics are looked for at once. What is missing is no error.
     */
    leat_rc (*look)(leat_feed *f, bool now, int64_t wait_us, leat_err *e);
    /* Resets b and fills it with the lane's next events, which stay valid until the next call.
     * AGAIN after wait_us without any. Beside events b can have dead letters (b->dead) and counts:
     * of records that were read and are no events, `filtered`; of the letters, `dead`. */
    leat_rc (*next)(leat_feed *f, leat_lane *l, leat_batch *b, int64_t wait_us, leat_err *e);
    /* Nothing more of the lane is at hand. */
    bool (*at_end)(leat_feed *f, leat_lane *l);
    /* All that there was when it was looked last, with now, was returned. */
    bool (*all_read)(leat_feed *f);
    /* The text that says how far the lane is, with the batches that next returned and these counts:
     * for a target that stores it itself before `store`. */
    void (*text)(leat_feed *f, leat_lane *l, const leat_sink_counts *counts, leat_buf *out);
    /* The same durable here, or where the feed keeps it. */
    leat_rc (*store)(leat_feed *f, leat_lane *l, const leat_sink_counts *counts, leat_err *e);
    /* Lanes that moved on without events for the sink are stored where somebody waits for that;
     * due: all that moved. Not held, whose events the target has not committed; NULL: there is
     * none. May be NULL. */
    leat_rc (*rest)(leat_feed *f, const leat_lane *held, bool due, leat_err *e);
    /* Closes all lanes; the next look opens them again. Also for good. */
    void (*close)(leat_feed *f);
    /* An event, or what a dead letter of b is of, was refused for good: to be reported where those
     * who read the stream look for it. May be NULL. offset: of the record. */
    void (*refused)(leat_feed *f, leat_lane *l, int64_t offset, const leat_err *why);
    /* Those since the last call are durable there; before the target commits. May be NULL. */
    leat_rc (*report)(leat_feed *f, leat_err *e);
    bool waits;      /* look waits, and next does not */
    bool partitions; /* a place is a topic, a partition and an offset */
} leat_feed_ops;

struct leat_feed {
    const leat_feed_ops *ops;
    leat_feed_reached *reached; /* set by the loop; NULL: the feed alone knows how far it is */
    void *reached_arg;
    /* Commits what the target holds in an open transaction, of whatever lane, and stores it; set by
     * the loop. For a feed that gives or takes lanes while batches are held. */
    leat_rc (*settle)(void *arg, leat_err *e);
    void *settle_arg;
    leat_lane *first;
};

static inline leat_sink_counts leat_feed_counts(const leat_feed *f)
{
    leat_sink_counts all = {0};
    for (const leat_lane *l = f->first; l; l = l->next) {
        all.read += l->counts.read;
        all.delivered += l->counts.delivered;
        all.filtered += l->counts.filtered;
        all.dead += l->counts.dead;
    }
    return all;
}

#endif
