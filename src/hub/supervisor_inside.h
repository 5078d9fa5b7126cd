/* The inside of the supervisor, shared by its files; nobody else includes this.
 *
 * Children belong to the thread of the loop, which holds the guard while it looks at them; other
 * threads change what is wanted of one under the guard, and wake the loop. */
#ifndef LEAT_HUB_SUPERVISOR_INSIDE_H
#define LEAT_HUB_SUPERVISOR_INSIDE_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "hub/child.h"

enum { LEAT_SUPERVISOR_NAMES = 256 };

struct leat_supervisor {
    leat_supervisor_conf conf;
    pthread_mutex_t guard;
    pthread_cond_t changed; /* a child ended, or is gone */
    leat_child *first;
    leat_child *named[LEAT_SUPERVISOR_NAMES]; /* the same, by their names' hash */
    int signals, wake;                        /* signalfd, eventfd */
    sigset_t old;
    atomic_bool stopping; /* written under the guard */
    bool leaving;
    int64_t kill_at_us;
};
typedef struct leat_supervisor supervisor;

/* The guard is taken for all of these. */

/* supervisor.c: a child that is new, behind the others. */
void leat_supervisor_append(supervisor *s, leat_child *c);
/* The place of the first child whose name has that hash. */
leat_child **leat_supervisor_named(supervisor *s, const char *name);
/* Out of the list of names. */
void leat_supervisor_unname(supervisor *s, leat_child *c);
/* A signal to all that have a process. */
void leat_supervisor_signal(supervisor *s, int sig);

/* supervisor_turn.c: notes which processes are gone, and what follows from that. */
void leat_supervisor_reap(supervisor *s);
/* Starts what is due; returns the milliseconds until something may be due again. */
int leat_supervisor_turn(supervisor *s);
/* It is not started again: tells so. */
void leat_supervisor_end(const supervisor *s, leat_child *c, int status);

#endif
