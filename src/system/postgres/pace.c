/* When a reader of the replication stream looks for more (system/postgres/pace.h).
 *
 * Over TCP the socket's low-water mark does it: neither the poll nor the walsender's send wakes
 * anybody until LOW_WATER bytes are there, or the poll's time is up. The mark does a second thing:
 * below it the kernel acknowledges at once what is received, else it would wait for the reader, and
 * the walsender for that. And a third, when the reader is the faster one: it takes a piece only
 * while the mark is reached, so the receive window stays nearly full, the walsender's kernel
 * gathers message after message for one packet, and a message costs it half. A reader that drains
 * the socket gets a packet a message. Where the mark is not reached in time, all is taken. Unix
 * sockets know no such mark, so there the reader sleeps without looking, for about as long as 8 to
 * 16 KiB take: their buffer holds a few hundred messages, then it stops the walsender. */
#include "system/postgres/pace.h"

#include "base/clock.h"
#include "base/os.h"

enum {
    MUCH = 32 << 10,       /* bytes that, */
    MUCH_US = 16000,       /* when they come within this time, begin gulps: 2 MB/s */
    LOW_WATER = 128 << 10, /* bytes */
    GULP_MS = 2,
    NAP_LEAST_US = 200, /* where there is no low-water mark: doubled when it brings */
    NAP_MOST_US = 2000,
    NAP_FEW = 8 << 10,   /* fewer bytes, */
    NAP_MANY = 16 << 10, /* and halved when it brings more */
};

void leat_pg_pace_end(leat_pg_pace *p, int fd)
{
    if (p->gulping && p->low_water) leat_os_low_water(fd, 1);
    *p = (leat_pg_pace){0};
}

void leat_pg_pace_judge(leat_pg_pace *p, int fd, int64_t now_us)
{
    bool late = now_us - p->since_us > MUCH_US, much = p->taken - p->from >= MUCH;
    bool empty = p->gathered && p->taken == p->before;
    if (p->gulping && (empty || (late && !much))) leat_pg_pace_end(p, fd);
    if (!late && !much) return;
    if (!p->gulping && much && !late && !empty) {
        p->gulping = true;
        p->gathered = false;
        p->low_water = leat_os_low_water(fd, LOW_WATER) == 0;
        p->nap_us = NAP_LEAST_US;
    }
    p->since_us = now_us;
    p->from = p->taken;
}

static void adapt(leat_pg_pace *p)
{
    size_t got = p->taken - p->before;
    if (got < NAP_FEW && p->nap_us < NAP_MOST_US)
        p->nap_us *= 2;
    else if (got > NAP_MANY && p->nap_us > NAP_LEAST_US)
        p->nap_us /= 2;
}

int leat_pg_pace_gather(leat_pg_pace *p, int fd)
{
    if (p->gathered) adapt(p);
    p->gathered = true;
    p->before = p->taken;
    if (p->low_water) {
        int rc = leat_os_wait_fd(fd, false, GULP_MS);
        p->full = rc > 0;
        return rc < 0 ? rc : 0;
    }
    leat_sleep_us(p->nap_us);
    return 0;
}
