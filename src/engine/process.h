/* A connector's process: everything around one source or sink task. */
#ifndef LEAT_ENGINE_PROCESS_H
#define LEAT_ENGINE_PROCESS_H

#include "config/load.h"

typedef struct leat_process_conf {
    const char *data;
    const leat_config *config;
    bool once, strict;
} leat_process_conf;

/* Runs the connector until it is stopped (SIGTERM, SIGINT, control socket), has ended (once) or
 * failed for good. Logs its one error. Returns how to exit: LEAT_CHILD_* of hub/supervisor.h. */
int leat_process_run(const leat_process_conf *conf);

#endif
