/* The supervisor: one child process per connector, restarted when it dies, stopped in order.
 *
 * Used by `leat run`. Each child gets its configuration through an inherited memory file, never by
 * argv or environment, and dies with the supervisor. A connector that fails for good leaves the
 * others alone. One supervisor a process; it owns SIGTERM, SIGINT and SIGHUP (those that are not
 * ignored) and SIGCHLD while it runs. SIGPIPE is ignored from then on. */
#ifndef LEAT_HUB_SUPERVISOR_H
#define LEAT_HUB_SUPERVISOR_H

#include "config/load.h"

/* How a connector's process ends, as its exit status. */
enum {
    LEAT_CHILD_DONE = 0,
    LEAT_CHILD_FAILED = 70,  /* for good: a person must act */
    LEAT_CHILD_RESTART = 75, /* start me again, after a pause */
    LEAT_CHILD_AGAIN = 76,   /* start me again at once: somebody asked for it */
    LEAT_CHILD_CONFIG = 78,  /* the configuration is wrong */
};

/* A connector that does not run while its supervisor does is started again at once when this file
 * appears in its folder; the supervisor removes it. */
#define LEAT_CHILD_WISH "restart"
/* In its folder, too: the pid of the supervisor that started it last, noted by the connector's
 * process under its lock, and removed with the connector. Only that one takes the wish; one that
 * was noted and is no more knows that the connector was deleted, or is another's, and forgets it.
 */
#define LEAT_CHILD_NOTE "supervisor"

typedef struct leat_supervisor_conf {
    const char *data;
    bool once;   /* sources end at their end; then sinks, when they have read everything */
    int stop_ms; /* a child that has not stopped after these is killed; 0: 20 s */
    const char *log_level; /* passed on; NULL: default */
    bool log_json;
    /* Told when a connector is started, and when it ended for good. May be NULL. */
    void (*event)(void *arg, const char *connector, const char *what);
    void *arg;
} leat_supervisor_conf;

typedef struct leat_child_config {
    const leat_config *config;
    bool sink;
} leat_child_config;

/* Runs n connectors until all ended or a signal asks to stop. *exit_status: 0 all ended in order, 2
 * when one's configuration was refused, else 1 when one failed. */
leat_rc leat_supervisor_run(const leat_supervisor_conf *conf, const leat_child_config *children,
                            size_t n, int *exit_status, leat_err *e);

#endif
