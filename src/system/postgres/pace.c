/* When a reader of the replication stream looks for more (system/postgres/pace.h).
 *
 * A walsender's kernel gathers message after message for one packet only while it may not send. So
 * over a near TCP connection the receive window is made narrow while the reader sleeps: a hundred
 * messages fill it, what follows gathers at the sender, and comes in a few packets when the reader
 * takes all. That costs the walsender half a message's time; a wide window costs it a packet a
 * message. The receiver's kernel tells of new room only when the window has doubled, and a sender
 * whose next packet is larger than what it knows of waits for a timer of 200 ms: so the server is
 * told something before each nap, which tells of the room too. A far connection keeps its window,
 * which is its rate. A Unix socket's buffer holds a few hundred messages, then it stops the
 * walsender: there naps are as long as 8 to 16 KiB take.
 */
#include "system/postgres/pace.h"

#include "base/clock.h"
#include "base/os.h"

enum {
    MUCH = 32 << 10,    /* bytes that, */
    MUCH_US = 16000,    /* when they come within this time, begin gulps: 2 MB/s */
    WINDOW = 128 << 10, /* a segment of the loopback is half of it */
    NEAR_US = 2000,     /* round trip: such a window lets 64 MB/s through */
    PIECE = 4 << 10,    /* a look that brought fewer bytes took all there was */
    /* A gulp, and the bytes of a millisecond, or of a gulp, that change its length. */
    MOST_US = 2000,
    NARROW_MOST_US = 16000,
    TCP_LEAST_US = 1000,
    TCP_FEW = 6 << 10,
    TCP_MANY = 12 << 10,
    UNIX_LEAST_US = 200,
    UNIX_FEW = 8 << 10,
    UNIX_MANY = 16 << 10,
};

void leat_pg_pace_end(leat_pg_pace *p, int fd)
{
    if (p->narrow) leat_os_receive_buffer(fd, 0);
    *p = (leat_pg_pace){0};
}

static void begin(leat_pg_pace *p, int fd)
{
    int64_t round_us = leat_os_round_trip_us(fd);
    p->gulping = true;
    p->gathered = false;
    p->looked = p->taken;
    p->tcp = round_us >= 0;
    p->narrow = p->tcp && round_us <= NEAR_US && leat_os_receive_buffer(fd, WINDOW) == 0;
    p->nap_us = p->tcp ? TCP_LEAST_US : UNIX_LEAST_US;
}

void leat_pg_pace_judge(leat_pg_pace *p, int fd, int64_t now_us)
{
    bool late = now_us - p->since_us > MUCH_US, much = p->taken - p->from >= MUCH;
    bool empty = p->gathered && p->taken == p->before;
    if (p->gulping && (empty || (late && !much))) leat_pg_pace_end(p, fd);
    if (!late && !much) return;
    if (!p->gulping && much && !late && !empty) begin(p, fd);
    p->since_us = now_us;
    p->from = p->taken;
}

/* From what the last gulp brought: over TCP the faster it comes the longer, since only a walsender
 * that is busy is spared by it. */
static void adapt(leat_pg_pace *p)
{
    size_t got = p->taken - p->before, in_ms = got * 1000 / (size_t)p->nap_us;
    bool longer = p->tcp ? in_ms > TCP_MANY : got < UNIX_FEW;
    bool shorter = p->tcp ? in_ms < TCP_FEW : got > UNIX_MANY;
    int64_t least = p->tcp ? TCP_LEAST_US : UNIX_LEAST_US;
    int64_t most = p->narrow ? NARROW_MOST_US : MOST_US;
    if (longer && p->nap_us < most)
        p->nap_us *= 2;
    else if (shorter && p->nap_us > least)
        p->nap_us /= 2;
}

bool leat_pg_pace_gather(leat_pg_pace *p)
{
    size_t got = p->taken - p->looked;
    p->looked = p->taken;
    if (p->tcp && p->gathered && got >= PIECE) {
        p->told = false;
        return true;
    }
    if (p->narrow && !p->told) {
        p->told = true;
        return false;
    }
    p->told = false;
    if (p->gathered) adapt(p);
    p->gathered = true;
    p->before = p->taken;
    leat_sleep_us(p->nap_us);
    return true;
}
