/* The files of a command line: connectors, a worker, Debezium Server's, told apart by what stands
 * in them. Any thread. */
#ifndef LEAT_CONFIG_OPEN_H
#define LEAT_CONFIG_OPEN_H

#include "config/load.h"

typedef struct leat_open {
    const char *kafka;      /* --kafka: brokers, instead of what the files say; NULL: none */
    const char *const *env; /* NAME=value, NULL-ended: for Debezium Server's files */
    bool strict;
    const char *worker_file; /* filled: the worker's file, once there was one */
    leat_props *worker;      /* ... its properties; NULL: none */
} leat_open;

/* One file: *out is the list of the connectors in it, empty for a worker's, which is kept in o.
 * CONF as leat_config_load, "config.worker": a second worker. */
leat_rc leat_open_file(leat_arena *a, leat_open *o, const char *path, leat_config **out,
                       leat_err *e);

/* Once all files were read: what a connector has from worker and --kafka. Not for one that brought
 * its worker along but --kafka. */
void leat_open_finish(leat_arena *a, const leat_open *o, leat_config *config);

#endif
