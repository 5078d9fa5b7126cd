/* Keys of a sink whose changes wait for a dead letter, and when too much goes there.
 *
 * What is refused would be overtaken by the later changes of its row; so these wait, until the
 * letter before them is written or dropped (engine/letters.h). Only that row waits. By the sink's
 * thread. */
#ifndef LEAT_ENGINE_PARKING_H
#define LEAT_ENGINE_PARKING_H

#include "capture/keyset.h"
#include "event/event.h"
#include "state/state.h"

typedef struct leat_parking_conf {
    leat_state *state;       /* where letters are; NULL: nothing waits */
    int64_t keys_most;       /* errors.parked.keys; 0: nothing waits */
    int64_t percent, window; /* errors.breaker.percent (0: none), errors.breaker.window */
} leat_parking_conf;

typedef struct leat_parking {
    leat_parking_conf conf;
    leat_keyset keys;   /* marks: 1 for one that waits no more */
    uint32_t waiting;   /* of keys */
    leat_buf key, old;  /* of the event that is looked at */
    uint64_t seen, bad; /* events of the window of the breaker, and refused ones */
} leat_parking;

void leat_parking_free(leat_parking *p);
/* What is stored: before each attempt, since what was not stored is delivered again. */
leat_rc leat_parking_load(leat_parking *p, leat_err *e);
/* It was refused: what follows of its row waits. The keys stay in p->key and p->old. */
void leat_parking_add(leat_parking *p, const leat_event *ev);
/* It has to wait. The keys as above. */
bool leat_parking_holds(leat_parking *p, const leat_event *ev);
/* The table of this topic is emptied: nothing of it waits any more. */
leat_rc leat_parking_emptied(leat_parking *p, const char *topic, leat_err *e);
/* Whether the sink has to pause for a person; *why is a sentence, in a. */
bool leat_parking_full(leat_parking *p, uint64_t events, uint64_t refused, leat_arena *a,
                       const char **why);

#endif
