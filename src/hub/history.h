/* A day of every connector's counters: noted by a thread of the hub, now and then, in counts.db.
 * Private to hub/. */
#ifndef LEAT_HUB_HISTORY_H
#define LEAT_HUB_HISTORY_H

#include "state/counts.h"

typedef struct leat_history leat_history;
struct leat_hub;

/* Notes every so many seconds. The hub's other parts are there until it is stopped. */
leat_rc leat_history_start(struct leat_hub *h, int64_t every_s, leat_history **out, leat_err *e);
void leat_history_stop(leat_history *t);
/* Of one connector; any thread. */
leat_rc leat_history_each(leat_history *t, const char *connector, int64_t from_s,
                          void (*fn)(void *arg, const leat_counts_row *row), void *arg,
                          leat_err *e);

#endif
