/* When a reader of the replication stream looks for more (system/postgres/pace.h).
 *
 * Over TCP the socket's low-water mark does it: neither the poll nor the walsender's send wakes
 * anybody until LOW_WATER bytes are there, or the poll's time is up. The mark does a second thing:
 * below it the kernel acknowledges at once what is received, else it would wait for the reader, and
 * the walsender for that. Unix sockets know no such mark, so there the reader sleeps without
 * looking, but shortly: their buffer takes a few hundred messages and then stops the walsender. */
#include "system/postgres/pace.h"

#include "base/clock.h"
#include "base/os.h"

enum {
    MUCH = 32 << 10,       /* bytes that, */
    MUCH_US = 16000,       /* when they come within this time, begin gulps: 2 MB/s */
    LOW_WATER = 128 << 10, /* bytes */
    GULP_MS = 2,
    NAP_US = 400, /* where there is no low-water mark */
};

void leat_pg_pace_end(leat_pg_pace *p, int fd)
{
    if (p->gulping && p->low_water) leat_os_low_water(fd, 1);
    *p = (leat_pg_pace){0};
}

void leat_pg_pace_judge(leat_pg_pace *p, int fd, int64_t now_us)
{
    bool late = now_us - p->since_us > MUCH_US, much = p->bytes >= MUCH;
    bool empty = p->gathered && p->bytes == p->before;
    if (p->gulping && (empty || (late && !much))) leat_pg_pace_end(p, fd);
    if (!late && !much) return;
    if (!p->gulping && much && !late) {
        p->gulping = true;
        p->low_water = leat_os_low_water(fd, LOW_WATER) == 0;
    }
    p->since_us = now_us;
    p->bytes = 0;
    p->gathered = false;
}

int leat_pg_pace_gather(leat_pg_pace *p, int fd)
{
    p->gathered = true;
    p->before = p->bytes;
    if (p->low_water) {
        int rc = leat_os_wait_fd(fd, false, GULP_MS);
        return rc < 0 ? rc : 0;
    }
    leat_sleep_us(NAP_US);
    return 0;
}
