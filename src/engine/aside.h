/* A thread that makes one call at a time for its owner, which does something else meanwhile.
 *
 * What the call touches is the thread's from run until wait has returned, and the owner's else. */
#ifndef LEAT_ENGINE_ASIDE_H
#define LEAT_ENGINE_ASIDE_H

#include "base/err.h"

typedef struct leat_aside leat_aside;

/* RETRY: the system gives no thread. */
leat_rc leat_aside_new(leat_aside **out, leat_err *e);
/* Waits for the call that runs. NULL is nothing. */
void leat_aside_free(leat_aside *x);
/* No call may be running. */
void leat_aside_run(leat_aside *x, void (*fn)(void *arg), void *arg);
/* Until no call runs. */
void leat_aside_wait(leat_aside *x);

#endif
