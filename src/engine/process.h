/* A connector's process: everything around one source or sink task. */
#ifndef LEAT_ENGINE_PROCESS_H
#define LEAT_ENGINE_PROCESS_H

#include "base/json.h"
#include "config/load.h"
#include "event/event.h"

typedef struct leat_process_conf {
    const char *data, *name;
    const leat_config *config;
    bool once, strict;
    int supervisor; /* pid of who started it, which may be gone by now; 0: its parent */
} leat_process_conf;

/* Runs the connector until it is stopped (SIGTERM, SIGINT, control socket), has ended (once) or
 * failed for good. Logs its one error. Returns how to exit: LEAT_CHILD_* of hub/supervisor.h. */
int leat_process_run(const leat_process_conf *conf);

/* Answers a request of the control protocol for a connector that does not run, under its lock.
 * Whatever needs a running one is CONF "control.verb". CONF "connector.locked" when it runs after
 * all, "connector.unknown" when there is none. *reply is in a. */
leat_rc leat_process_stopped(const char *data, const char *name, leat_str request, leat_arena *a,
                             const leat_json **reply, leat_err *e);

/* Makes the source connector, if it is not there, with this configuration, and replaces what it
 * reached by pos, n positions as its source stores them; its next start goes on there, without a
 * snapshot and not paused. by: who, for the history. CONF "connector.locked" when it runs. */
leat_rc leat_process_place(const char *data, const leat_config *config, const leat_position *pos,
                           size_t n, const char *by, leat_err *e);

/* What deleting the connector means, for a person who decides; texts are in the arena given. */
typedef struct leat_process_leaves {
    bool sink;
    int64_t dead;       /* letters that go with it */
    const char *server; /* what stays on the server unless it is forgotten; NULL: nothing */
    leat_err unknown;   /* why that could not be found out; rc OK: it could */
} leat_process_leaves;
/* Needs no lock. CONF "connector.unknown". */
leat_rc leat_process_look(const char *data, const char *name, leat_arena *a,
                          leat_process_leaves *out, leat_err *e);
/* Whether it may be deleted without losing anything, running or not. CONF "delete.spool": its spool
 * holds what Kafka does not have. */
leat_rc leat_process_empty(const char *data, const char *name, leat_err *e);

/* How a connector is deleted. */
typedef struct leat_process_deleting {
    bool forget;     /* what its open made on the server goes, and the stream's position */
    bool drop_spool; /* what only the spool holds may be lost */
} leat_process_deleting;
/* Removes configuration and state of a connector that does not run. A source's claims and stream
 * stay. A sink's cursors go too, and so does the spool. A configuration that cannot be understood
 * any more is no hindrance, but to forget. What failed can be tried again. CONF
 * "delete.spool": the spool holds changes that Kafka does not have; nothing was removed. */
leat_rc leat_process_delete(const char *data, const char *name, leat_process_deleting how,
                            leat_err *e);

#endif
