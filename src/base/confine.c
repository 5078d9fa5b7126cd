/* RLIMIT_DATA, and a timer of the process's own processor time; see the header.
 *
 * Each time the process has used another slice, the kernel interrupts the thread that runs; its
 * handler moves the moment at which all is paid for, and sleeps until then. It calls nothing but
 * clock_gettime and nanosleep, so it may come anywhere. What was not used is saved up for a second,
 * no longer. */
#include "base/confine.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>

enum {
    STACK_BYTES = 2 << 20,
    SLICE_NS = 20000000, /* of processor time */
    BURST_US = 1000000,
    SLEEP_MOST_US = 200000
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

int leat_confine_memory(size_t bytes)
{
    if (SANITIZED) return -ENOTSUP;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    int err = pthread_attr_setstacksize(&attr, STACK_BYTES);
    if (err == 0) err = pthread_setattr_default_np(&attr);
    pthread_attr_destroy(&attr);
    struct rlimit bound;
    if (err == 0 && getrlimit(RLIMIT_DATA, &bound) < 0) err = errno;
    if (err != 0) return -err;
    bound.rlim_cur = bound.rlim_max < bytes ? bound.rlim_max : bytes;
    return setrlimit(RLIMIT_DATA, &bound) < 0 ? -errno : 0;
}

/* By the handler, in any thread. */
static _Atomic int64_t even_us, used_us;
static _Atomic int64_t us_per_ms; /* what a millisecond of processor time costs on the clock */

static int64_t now_of(clockid_t id)
{
    struct timespec ts = {0};
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void on_slice(int sig)
{
    (void)sig;
    int saved = errno;
    int64_t now = now_of(CLOCK_MONOTONIC), used = now_of(CLOCK_PROCESS_CPUTIME_ID);
    int64_t took = used - atomic_exchange(&used_us, used), even = atomic_load(&even_us);
    if (even < now - BURST_US) even = now - BURST_US;
    if (took > 0) even += took * atomic_load(&us_per_ms) / 1000;
    atomic_store(&even_us, even);
    int64_t left = even - now > SLEEP_MOST_US ? SLEEP_MOST_US : even - now;
    if (left > 0) {
        struct timespec ts = {left / 1000000, left % 1000000 * 1000};
        nanosleep(&ts, NULL);
    }
    errno = saved;
}

int leat_confine_cpu(int64_t percent)
{
    struct sigaction act = {.sa_handler = on_slice, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGPROF};
    struct itimerspec slice = {.it_value = {.tv_nsec = SLICE_NS},
                               .it_interval = {.tv_nsec = SLICE_NS}};
    timer_t timer;
    if (percent <= 0) return -EINVAL;
    atomic_store(&us_per_ms, 100000 / percent);
    atomic_store(&used_us, now_of(CLOCK_PROCESS_CPUTIME_ID));
    atomic_store(&even_us, now_of(CLOCK_MONOTONIC));
    if (sigaction(SIGPROF, &act, NULL) < 0) return -errno;
    if (timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) < 0) return -errno;
    return timer_settime(timer, 0, &slice, NULL) < 0 ? -errno : 0;
}
