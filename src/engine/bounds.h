/* Hard bounds of a connector's process (limits.process.memory, limits.cpu): they hold a driver that
 * leaks or spins, which knows nothing of leat's own counts. */
#ifndef LEAT_ENGINE_BOUNDS_H
#define LEAT_ENGINE_BOUNDS_H

#include "config/connector.h"

/* By the process itself, before it has threads: a control group where the hub prepared one, else
 * bounds of its own. What cannot be set is logged, and it runs without. A process that is refused
 * memory exits with LEAT_CHILD_MEMORY. */
void leat_bounds_set(const leat_connector_conf *conf);

#endif
