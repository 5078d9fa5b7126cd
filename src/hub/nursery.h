/* The nursery: a process that forks connectors' processes, which then need no exec.
 *
 * It is forked from the hub while that has one thread, no secret and no lock, and waits for orders.
 * A connector's process is a copy of it: nothing is linked or set up again, and what does not
 * change stays one copy in memory for all of them. They are children of the hub all the same: the
 * nursery forks twice, and the hub is made the reaper of its descendants. The nursery ends with its
 * hub; connectors do not. Calls by one thread. */
#ifndef LEAT_HUB_NURSERY_H
#define LEAT_HUB_NURSERY_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

typedef struct leat_nursery leat_nursery;

/* What a new process is told, beside its configuration. */
typedef struct leat_nursery_order {
    const char *connector, *data;
    const char *log_level; /* NULL: default */
    bool log_json;
    bool outlive; /* it goes on when the hub is killed */
} leat_nursery_order;

leat_rc leat_nursery_start(leat_nursery **out, leat_err *e);
/* A process that runs the connector; config: a file with its configuration, which stays the
 * caller's. Its pid, a child of the caller; or -errno. -EPIPE: the nursery is no more. */
pid_t leat_nursery_fork(leat_nursery *n, const leat_nursery_order *order, int config);
void leat_nursery_free(leat_nursery *n);

#endif
