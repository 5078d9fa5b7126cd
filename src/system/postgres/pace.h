/* When a reader of the replication stream looks for more: at once, or in gulps.
 *
 * A walsender sends message by message, and a reader that waits for the socket is woken by each:
 * over TCP that costs the walsender half its rate. So while much comes, the reader sleeps without
 * looking and takes all that has gathered, and while little comes it waits for the first byte: what
 * gulps cost in latency is paid only where thousands of changes a second keep it busy anyway. One
 * thread. */
#ifndef LEAT_SYSTEM_POSTGRES_PACE_H
#define LEAT_SYSTEM_POSTGRES_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: little comes. */
typedef struct leat_pg_pace {
    int64_t since_us; /* begin of the time that is looked at, monotonic */
    size_t taken;     /* bytes, ever */
    size_t from;      /* so many when that time began */
    size_t before;    /* so many before the last gulp ... */
    size_t looked;    /* ... and at the last look for more of it */
    bool gathered;    /* there was one since gulping began */
    bool gulping;
    bool tcp;
    bool narrow;    /* the receive window is ... */
    bool told;      /* ... and the server was told something since it is empty */
    int64_t nap_us; /* the length of a gulp */
} leat_pg_pace;

/* Called for each message taken: its bytes. */
static inline void leat_pg_pace_took(leat_pg_pace *p, size_t bytes)
{
    p->taken += bytes;
}

/* Called when nothing is at hand: decides about gulping from what was taken lately. */
void leat_pg_pace_judge(leat_pg_pace *p, int fd, int64_t now_us);
/* Lets a gulp gather, or not yet, when the last look brought so much that more is there. False: the
 * server has to be told something first, so that it learns of the room there is. */
bool leat_pg_pace_gather(leat_pg_pace *p);
/* Back to waiting for the first byte, as everybody else on this socket expects it. */
void leat_pg_pace_end(leat_pg_pace *p, int fd);

#endif
