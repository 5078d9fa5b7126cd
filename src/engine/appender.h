/* Who may append to the stream: one task at a time, and while a transaction is open only its own.
 *
 * A task takes the appender for one append, commit or look at the stream's state and gives it back;
 * whoever cannot have it tries again later, nobody blocks. A task that appended behind its last
 * safe place keeps the right to append until it has ended or taken back what it began: the stream
 * has one tail. Commits and looks of others go on meanwhile, since what is safe is apart from it.
 * A commit is for all: what others appended before it is durable too. Any thread. */
#ifndef LEAT_ENGINE_APPENDER_H
#define LEAT_ENGINE_APPENDER_H

#include <pthread.h>
#include <stdatomic.h>

#include "stream/stream.h"

typedef enum leat_appender_use {
    LEAT_APPENDER_LOOK,  /* state, commit */
    LEAT_APPENDER_APPEND /* append, rollback */
} leat_appender_use;

typedef struct leat_appender {
    leat_stream *stream;
    pthread_mutex_t lock; /* guards busy */
    bool busy;
    _Atomic uint32_t given, waiters;    /* how often it was given back: the futex word of those */
    atomic_int owner;                   /* task whose transaction is open; -1: none */
    _Atomic uint64_t appended, durable; /* appends so far; of them, those that are durable */
} leat_appender;

void leat_appender_init(leat_appender *ap, leat_stream *stream);
void leat_appender_fini(leat_appender *ap);

/* OK: taken, give it back. AGAIN: another task is at it just now. PENDING (to append only): another
 * task's transaction is open. */
leat_rc leat_appender_take(leat_appender *ap, unsigned task, leat_appender_use use);
void leat_appender_give(leat_appender *ap);
/* Wakes all that sleep, as if it had been given back. */
void leat_appender_wake(leat_appender *ap);
/* Sleeps until it has been given back since given was read, at most us. Not on a virtual clock. */
void leat_appender_wait(leat_appender *ap, uint32_t given, int64_t us);
/* This task's transaction is open. */
bool leat_appender_owns(const leat_appender *ap, unsigned task);

/* The following by whoever has taken it; the stream's calls, with their errors. open: something of
 * the task stands behind its last safe place now. */
leat_rc leat_appender_append(leat_appender *ap, unsigned task, const leat_batch *b,
                             leat_str progress, bool open, leat_err *e);
leat_rc leat_appender_commit(leat_appender *ap, leat_err *e);
/* Of this task's open transaction; nothing if it has none. */
leat_rc leat_appender_rollback(leat_appender *ap, unsigned task, leat_err *e);

#endif
