/* A connector's process as its supervisor sees it: made, adopted, looked after. Private to hub/. */
#ifndef LEAT_HUB_CHILD_H
#define LEAT_HUB_CHILD_H

#include <sys/types.h>

#include "hub/nursery.h"
#include "hub/supervisor.h"

typedef struct leat_child {
    char *name, *config; /* owned; config: {"name":...,"config":{...}} */
    bool sink;
    bool ended; /* it is not to be started */
    bool told_finish;
    bool noted;         /* its process has noted us, in this or an earlier run */
    bool adopted;       /* its process is another supervisor's child, which is no more */
    bool again;         /* told to end, to be started again at once */
    bool removed;       /* forgotten when its process is gone */
    pid_t pid;          /* 0: not running */
    uint64_t pid_start; /* of an adopted one: field 22 of /proc/PID/stat */
    int status;         /* exit status once ended */
    unsigned deaths;    /* one after the other */
    int64_t started_us, start_at_us, pause_us;
    int64_t kill_at_us; /* it was told to stop; 0: it was not */
    struct leat_child *next;
    struct leat_child *named; /* the next one of the same hash */
} leat_child;

leat_child *leat_child_new(const leat_child_config *from);
/* Another configuration, for its next start. */
void leat_child_configure(leat_child *c, const leat_child_config *from);
void leat_child_free(leat_child *c);

/* Starts its process: pid is set then. The errors are logged. */
void leat_child_start(leat_child *c, const leat_supervisor_conf *conf);
/* Takes over a process that runs it already and has lost its supervisor; false: there is none. */
bool leat_child_adopt(leat_child *c, const char *data);
/* The process is gone: true, with its status as waitpid gives it. Of an adopted one its counters
 * page tells. */
bool leat_child_gone(leat_child *c, const char *data, int *status);
/* Notes on its counters page how its process ended, for those who ask it later. status: as of
 * waitpid. */
void leat_child_note_end(const leat_child *c, pid_t pid, const char *data, int status);
/* On its counters page, for who asks: it is started again at that time; 0: it is not. */
void leat_child_note_restart(const leat_child *c, const char *data, int64_t at_us);
/* Sends a signal, but not to a stranger that has got the pid of an adopted one. */
void leat_child_signal(const leat_child *c, int sig);
/* Who started it last by the note in its folder: its pid; 0: there is no note; -1: unknown. */
int64_t leat_child_noted_by(const leat_child *c, const char *data);
/* Whoever wants one that does not run to run again leaves a file (hub/supervisor.h); a start takes
 * it away. */
bool leat_child_take_wish(const leat_child *c, const char *data);
/* So does its supervisor that has told it to end and may not live until then. */
void leat_child_leave_wish(const leat_child *c, const char *data);

#endif
