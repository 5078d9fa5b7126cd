/* The model target, and the real sink task (engine/sinkrun.h) that writes to it.
 *
 * The sink is a process of its own: it runs now and then until it has delivered what is visible,
 * and may die at any step of that. The target keeps what it said to be durable, and of the rest a
 * part. Oracles: sink (in each topic nothing is skipped, what comes again is the same; at the end
 * all is there; its ledger counts each event once; what it rejected is among its dead letters). */
#ifndef LEAT_TESTS_SIM_SINK_H
#define LEAT_TESTS_SIM_SINK_H

#include "db.h"

typedef struct target_event {
    uint64_t hash;
    int64_t offset;
    uint32_t records;
    bool rejected;
} target_event;

typedef struct target_topic {
    target_event *at;
    uint32_t n, cap;
    uint32_t durable; /* of them */
    int64_t from;     /* it is registered from this offset on; -1: not known */
} target_topic;

typedef struct sink {
    target_topic topics[DB_TOPICS];
    struct sink_letter {
        char position[80];
    } * letters;
    uint32_t nletters, letters_cap;
    leat_dead_store store;
    uint32_t ntopics; /* wanted: the first so many; 0: there is no sink in this run */
    bool dead;
    bool anew;                /* its last life met a gap: it begins again from what is held */
    uint32_t crash_in;        /* steps; 0: not */
    uint32_t fails_in;        /* calls until one fails; 0: none */
    uint32_t flaky;           /* one call of the target in so many fails */
    bool hurt;                /* one did: it may give up */
    uint32_t naps;            /* of this life */
    struct leat_sinkrun *run; /* NULL: it does not run */
} sink;

void sink_init(sink *k);
void sink_free(sink *k);
/* One life of the sink's process. last: nothing fails, and all must be there in the end. */
void sink_live(sink *k, bool last);

#endif
