/* What needs the kernel itself: waiting for descriptors, processes, futexes; declared in base/os.h.
 *
 * Not virtual, and timed by the kernel's monotonic clock whatever clock the thread uses. Any
 * thread. */
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/ioprio.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { RECEIVE_BUFFER = 1 << 20 }; /* as far as net.core.rmem_max lets it */

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72 /* Linux 5.14 */
#endif

static int64_t kernel_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t leat_os_cpu_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int leat_os_wait_fd(int fd, bool writing, int ms)
{
    struct pollfd p = {.fd = fd, .events = writing ? POLLOUT : POLLIN};
    int64_t until = ms > 0 ? kernel_ms() + ms : 0;
    for (;;) {
        int n = poll(&p, 1, ms);
        if (n > 0) return p.revents & POLLNVAL ? -EBADF : 1;
        if (n == 0) return 0;
        if (errno != EINTR) return -errno;
        if (ms > 0) {
            int64_t left = until - kernel_ms();
            ms = left > 0 ? (int)left : 0;
        }
    }
}

int64_t leat_os_round_trip_us(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0) return -errno;
    return len >= offsetof(struct tcp_info, tcpi_min_rtt) + sizeof(info.tcpi_min_rtt)
               ? (int64_t)info.tcpi_min_rtt
               : -EOPNOTSUPP;
}

/* The kernel's size is the buffer's default; who asked for a size has to give the lock back. */
int leat_os_receive_buffer(int fd, int bytes)
{
    int lock = 0, size = bytes > 0 ? bytes : RECEIVE_BUFFER;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) != 0) return -errno;
    if (bytes > 0) return 0;
    return setsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, &lock, sizeof(lock)) == 0 ? 0 : -errno;
}

/* Fields 3 (state) and 22 (start) of /proc/PID/stat. The name before them is in parentheses and may
 * hold anything, parentheses too. */
static bool look_up(int pid, char *state, uint64_t *start)
{
    char path[40], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n;
    while ((n = read(fd, text, sizeof(text) - 1)) < 0 && errno == EINTR) continue;
    close(fd);
    if (n <= 0) return false;
    text[n] = '\0';
    const char *p = strrchr(text, ')');
    if (!p || p[1] != ' ') return false;
    *state = p[2];
    for (unsigned field = 2; field < 22; field++) {
        p = strchr(p, ' ');
        if (!p) return false;
        p++;
    }
    *start = strtoull(p, NULL, 10);
    return true;
}

bool leat_os_alive(int pid, uint64_t start)
{
    char state;
    uint64_t began;
    if (pid <= 0 || !look_up(pid, &state, &began)) return false;
    return state != 'Z' && state != 'X' && (start == 0 || start == began);
}

uint64_t leat_os_start_of(int pid)
{
    char state;
    uint64_t began;
    return pid > 0 && look_up(pid, &state, &began) ? began : 0;
}

void leat_os_futex_wait(const _Atomic uint32_t *word, uint32_t seen, int64_t us)
{
    struct timespec ts = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    syscall(SYS_futex, word, FUTEX_WAIT, seen, us < 0 ? NULL : &ts, NULL, 0);
}

void leat_os_futex_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void leat_os_background(void)
{
    enum { NICEST = 19, LAST = 7 };
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICEST);
    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, LAST));
}
