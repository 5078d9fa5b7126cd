/* A connector's process: everything around one source or sink task. */
#ifndef LEAT_ENGINE_PROCESS_H
#define LEAT_ENGINE_PROCESS_H

#include "base/json.h"
#include "config/load.h"

typedef struct leat_process_conf {
    const char *data, *name;
    const leat_config *config;
    bool once, strict;
} leat_process_conf;

/* Runs the connector until it is stopped (SIGTERM, SIGINT, control socket), has ended (once) or
 * failed for good. Logs its one error. Returns how to exit: LEAT_CHILD_* of hub/supervisor.h. */
int leat_process_run(const leat_process_conf *conf);

/* Answers a request of the control protocol for a connector that does not run, under its lock.
 * Whatever needs a running one is CONF "control.verb". CONF "connector.locked" when it runs after
 * all, "connector.unknown" when there is none. *reply is in a. */
leat_rc leat_process_stopped(const char *data, const char *name, leat_str request, leat_arena *a,
                             const leat_json **reply, leat_err *e);

#endif
