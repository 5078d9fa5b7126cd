/* Whether a task that should go on does: judged by its progress, once a second, from outside.
 *
 * Two things are seen: a call that does not return (turns stand still), and a source whose log goes
 * on while nothing of it arrives. Pure, so that it is tested without waiting. */
#ifndef LEAT_ENGINE_STALL_H
#define LEAT_ENGINE_STALL_H

#include "base/err.h"
#include "stream/page.h"

/* A task as it is now. */
typedef struct leat_stall_sample {
    int64_t now_us;   /* monotonic */
    bool watched;     /* it should go on: it does not rest, and has not told what it waits for */
    uint64_t turns;   /* taken so far */
    leat_stage stage; /* what it called last */
    uint64_t done;    /* changes with whatever arrives or becomes durable */
    int64_t lag;      /* bytes of the source's log beyond what was acknowledged; -1: unknown */
} leat_stall_sample;

/* What was seen of one. A zeroed one has seen nothing. */
typedef struct leat_stall {
    bool begun;
    uint64_t turns, done;
    int64_t turned_us, done_us; /* since when each stands still */
    int64_t lag;                /* then */
    leat_stage stage;           /* what holds it; NONE: it goes on */
    bool silent;                /* its calls return, but nothing comes */
    int64_t since_us;           /* monotonic */
} leat_stall;

/* True: whether it goes on, or what holds it, is another than at the last look. after_us: how long
 * is too long; 0: none is. */
bool leat_stall_look(leat_stall *w, const leat_stall_sample *s, int64_t after_us);
/* The same as an error: code, and what a person should know. now_us: monotonic. */
void leat_stall_err(const leat_stall *w, const char *where, int64_t now_us, leat_err *out);
/* Of a process that does nothing at all (leat_page_silent): of this pid, for so long. */
void leat_stall_silent(int pid, int64_t ms, const char *where, leat_err *out);

#endif
