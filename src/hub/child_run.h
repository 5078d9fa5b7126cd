/* What a connector's process does, however it was made: by `leat connector`, or by the nursery. */
#ifndef LEAT_HUB_CHILD_RUN_H
#define LEAT_HUB_CHILD_RUN_H

#include "engine/process.h"

/* Runs the connector with the configuration in the file config, which is closed; conf->config is
 * set here. Returns how to exit: LEAT_CHILD_*. */
int leat_child_run(const leat_process_conf *conf, int config);

#endif
