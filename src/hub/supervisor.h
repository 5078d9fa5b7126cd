/* The supervisor: one child process per connector, restarted when it dies, stopped in order.
 *
 * Used by `leat run`, with connectors that are given, and by the hub, where they come and go. Each
 * child gets its configuration through an inherited memory file, never by argv or environment. Of
 * `leat run` it dies with the supervisor; of the hub it goes on, and the next hub adopts it. A
 * connector that fails for good leaves the others alone. One supervisor a process; it owns SIGTERM,
 * SIGINT and SIGHUP (those that are not ignored) and SIGCHLD while it runs. SIGPIPE is ignored from
 * then on. */
#ifndef LEAT_HUB_SUPERVISOR_H
#define LEAT_HUB_SUPERVISOR_H

#include "config/load.h"

/* How a connector's process ends, as its exit status. */
enum {
    LEAT_CHILD_DONE = 0,
    LEAT_CHILD_FAILED = 70,  /* for good: a person must act */
    LEAT_CHILD_MEMORY = 73,  /* limits.process.memory is used up: start me again */
    LEAT_CHILD_RESTART = 75, /* start me again, after a pause */
    LEAT_CHILD_AGAIN = 76,   /* start me again at once: somebody asked for it */
    LEAT_CHILD_CONFIG = 78,  /* the configuration is wrong */
};

/* A connector that does not run while its supervisor does is started again at once when this file
 * appears in its folder; the supervisor removes it. */
#define LEAT_CHILD_WISH "restart"
/* In its folder, too: the pid of the supervisor that started it last, noted by the connector's
 * process under its lock, or by the supervisor that adopted it, and removed with the connector.
 * Only that one takes the wish; one that was noted and is no more knows that the connector was
 * deleted, or is another's, and forgets it. */
#define LEAT_CHILD_NOTE "supervisor"

typedef struct leat_supervisor_conf {
    const char *data;
    bool once;        /* sources end at their end; then sinks, when they have read everything */
    bool outlive;     /* children go on when the supervisor is killed; else they end with it */
    bool keep_hangup; /* SIGHUP is handled by who calls, and does not stop */
    bool upgrades;    /* SIGUSR2 is told as an event: no connector, "upgrade" */
    int stop_ms;      /* a child that has not stopped after these is killed; 0: 20 s */
    const char *log_level; /* passed on; NULL: default */
    bool log_json;
    struct leat_nursery *nursery; /* processes come from there; NULL: by exec */
    /* Told, by the supervisor's thread, when a connector is started, and when it ended for good:
     * what is "started", "ended", "failed". Must not call the supervisor. May be NULL, but with
     * upgrades. */
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

/* ---- connectors that come and go ---- */

typedef struct leat_supervisor leat_supervisor;

/* Takes the signals over; threads are started after this, so that they inherit their mask. */
leat_rc leat_supervisor_new(const leat_supervisor_conf *conf, leat_supervisor **out, leat_err *e);
void leat_supervisor_free(leat_supervisor *s);
/* By the thread that called new: until a signal asks to stop, and all children have ended; or until
 * somebody says leave. */
void leat_supervisor_serve(leat_supervisor *s);

/* What follows may be called by any thread, and returns before it is so. */

/* Adds a connector (adopting its process where it already has one), or gives it another
 * configuration, with which it is started again if it runs. */
void leat_supervisor_put(leat_supervisor *s, const leat_child_config *child, bool start);
void leat_supervisor_start(leat_supervisor *s, const char *name);
void leat_supervisor_stop(leat_supervisor *s, const char *name);
/* One that does not run is started. */
void leat_supervisor_restart(leat_supervisor *s, const char *name);
/* serve returns, and the children go on: for another program that takes this process over. Not
 * while it stops. */
void leat_supervisor_leave(leat_supervisor *s);
/* Stops it, and forgets it. */
void leat_supervisor_remove(leat_supervisor *s, const char *name);

typedef struct leat_child_state {
    int pid;            /* 0: it has no process */
    bool ended;         /* and gets none by itself */
    bool stopping;      /* its process was told to end */
    int status;         /* LEAT_CHILD_* of one that ended */
    unsigned deaths;    /* one after the other */
    int64_t restart_ms; /* until it is started again */
} leat_child_state;

/* False: there is no such connector. */
bool leat_supervisor_look(leat_supervisor *s, const char *name, leat_child_state *out);
/* Waits until it has no process, at most ms; true: it has none. */
bool leat_supervisor_wait(leat_supervisor *s, const char *name, int ms);
/* A signal has asked to stop. */
bool leat_supervisor_stopping(const leat_supervisor *s);

#endif
