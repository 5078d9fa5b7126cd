/* The merger (stream/merger.h): a thread that sleeps on a word which each news changes.
 *
 * What the threads share are three words: how far may be merged, whether something is ready (what
 * that is was written before), and that it shall end. Errors are logged: the stream goes on with
 * the segments as they are. */
#include "stream/merger.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"

enum {
    REST = 3, /* times what the piece took */
    REST_MOST_US = 500000,
    RETRY_US = 600000000, /* after a full disk and the like */
};

struct leat_merger {
    leat_merge *m;      /* the thread's */
    leat_merged merged; /* written before ready is set, read after */
    _Atomic uint64_t below;
    atomic_bool ready, ending;
    _Atomic uint32_t news; /* counts; futex word of the thread */
    pthread_t thread;
    bool threaded;
};

static void tell(leat_merger *g)
{
    atomic_fetch_add(&g->news, 1);
    leat_os_futex_wake(&g->news);
}

int64_t leat_merger_step(leat_merger *g)
{
    leat_err why;
    if (atomic_load(&g->ready)) return -1;
    int64_t from = leat_mono_us();
    leat_rc rc = leat_merge_step(g->m, atomic_load(&g->below), &g->merged, &why);
    int64_t rest = (leat_mono_us() - from) * REST;
    if (rc == LEAT_AGAIN) return -1;
    if (rc == LEAT_PENDING) {
        atomic_store(&g->ready, true);
        return -1;
    }
    if (rc != LEAT_OK) leat_log_err(LEAT_WARN, &why);
    if (rc == LEAT_RETRY) return RETRY_US;
    return rest < REST_MOST_US ? rest : REST_MOST_US;
}

static void *run(void *arg)
{
    leat_merger *g = arg;
    leat_os_background();
    while (!atomic_load(&g->ending)) {
        uint32_t seen = atomic_load(&g->news);
        int64_t rest = leat_merger_step(g);
        int64_t until = leat_mono_us() + rest;
        while (rest != 0) {
            uint32_t now = atomic_load(&g->news);
            if (atomic_load(&g->ending) || (rest < 0 && now != seen)) break;
            leat_os_futex_wait(&g->news, now, rest);
            if (rest > 0) rest = leat_mono_us() < until ? until - leat_mono_us() : 0;
        }
    }
    return NULL;
}

/* Signals are for the threads that were there before. */
static leat_rc start_thread(leat_merger *g, leat_err *e)
{
    sigset_t all, was;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &was);
    int rc = pthread_create(&g->thread, NULL, run, g);
    pthread_sigmask(SIG_SETMASK, &was, NULL);
    g->threaded = rc == 0;
    return rc == 0 ? LEAT_OK : leat_os_fail(e, rc, "start the thread", "that merges segments");
}

leat_rc leat_merger_start(const leat_merge_conf *conf, bool thread, leat_merger **out, leat_err *e)
{
    leat_merger *g = leat_zalloc(1, sizeof(*g));
    g->m = leat_merge_new(conf);
    leat_rc rc = thread ? start_thread(g, e) : LEAT_OK;
    if (rc != LEAT_OK) {
        leat_merger_stop(g);
        return rc;
    }
    *out = g;
    return LEAT_OK;
}

void leat_merger_reach(leat_merger *g, uint64_t segment)
{
    if (atomic_load(&g->below) == segment) return;
    atomic_store(&g->below, segment);
    tell(g);
}

bool leat_merger_ready(leat_merger *g, leat_merged *out)
{
    if (!atomic_load(&g->ready)) return false;
    *out = g->merged;
    return true;
}

void leat_merger_taken(leat_merger *g)
{
    atomic_store(&g->ready, false);
    tell(g);
}

void leat_merger_rest(leat_merger *g)
{
    if (g == NULL || !g->threaded) return;
    atomic_store(&g->ending, true);
    tell(g);
    pthread_join(g->thread, NULL);
    g->threaded = false;
}

void leat_merger_stop(leat_merger *g)
{
    if (g == NULL) return;
    leat_merger_rest(g);
    leat_merge_free(g->m);
    leat_free(g);
}
