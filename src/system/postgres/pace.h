/* When a reader of the replication stream looks for more: at once, or in gulps.
 *
 * A walsender sends message by message, and a reader that waits for the socket is woken by each:
 * over TCP that costs the walsender half its rate. So while much comes, the reader lets it gather
 * for GULP_MS, and while little comes it waits for the first byte: what gulps cost in latency is
 * paid only where thousands of changes a second keep it busy anyway. One thread. */
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
    size_t before;    /* so many before the last gulp */
    bool gathered;    /* there was one since gulping began */
    bool gulping;
    bool low_water; /* the socket wakes by a number of bytes; Unix sockets do not */
    bool full;      /* there were so many at the last gulp */
    int64_t nap_us; /* there: the length of a gulp */
} leat_pg_pace;

/* Called for each message taken: its bytes. */
static inline void leat_pg_pace_took(leat_pg_pace *p, size_t bytes)
{
    p->taken += bytes;
}

/* More is to be waited for before it is read, though some may be there. */
static inline bool leat_pg_pace_waits(const leat_pg_pace *p)
{
    return p->gulping && p->full;
}

/* Called when nothing is at hand: decides about gulping from what was taken lately. */
void leat_pg_pace_judge(leat_pg_pace *p, int fd, int64_t now_us);
/* Lets a gulp gather on fd; 0, or -errno. */
int leat_pg_pace_gather(leat_pg_pace *p, int fd);
/* Back to waiting for the first byte, as everybody else on this socket expects it. */
void leat_pg_pace_end(leat_pg_pace *p, int fd);

#endif
