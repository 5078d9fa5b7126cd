/* The exclusive section: what others want done while no source is open (leat_engine_between).
 *
 * A request lies in its caller's frame, in a list under the engine's lock, and its caller sleeps
 * until it is answered. `wanted` tells the engine's loops, which look at it as they look at stop:
 * the attempt ends in order, what is safe becomes durable, the requests are run in the order they
 * came. Posted by any thread, run by the engine's. */
#include "engine/run.h"

struct leat_between {
    leat_rc (*fn)(void *arg, leat_stream *s, leat_err *e);
    void *arg;
    leat_rc rc;
    leat_err err;
    bool done;
    leat_between *next;
};

static leat_rc refuse(const leat_engine *g, leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "engine.ended", g->conf.connector,
                     "the connector ended before this was done; try again, it is then done to a "
                     "stopped connector");
}

leat_rc leat_engine_between(leat_engine *g, leat_rc (*fn)(void *arg, leat_stream *s, leat_err *e),
                            void *arg, leat_err *e)
{
    leat_between r = {.fn = fn, .arg = arg};
    pthread_mutex_lock(&g->lock);
    if (g->ended) {
        pthread_mutex_unlock(&g->lock);
        return refuse(g, e);
    }
    *g->between_tail = &r;
    g->between_tail = &r.next;
    atomic_store(&g->wanted, true);
    while (!r.done) pthread_cond_wait(&g->answered, &g->lock);
    pthread_mutex_unlock(&g->lock);
    if (e && leat_rc_failed(r.rc)) *e = r.err;
    return r.rc;
}

/* The request that waits longest; NULL: there is none. */
static leat_between *next(leat_engine *g)
{
    pthread_mutex_lock(&g->lock);
    leat_between *r = g->between;
    if (!r) atomic_store(&g->wanted, false);
    pthread_mutex_unlock(&g->lock);
    return r;
}

/* r must not be used afterwards: its caller may have gone. */
static void answer(leat_engine *g, leat_between *r, leat_rc rc, const leat_err *err)
{
    pthread_mutex_lock(&g->lock);
    g->between = r->next;
    if (!g->between) g->between_tail = &g->between;
    r->rc = rc;
    if (leat_rc_failed(rc)) r->err = *err;
    r->done = true;
    pthread_cond_broadcast(&g->answered);
    pthread_mutex_unlock(&g->lock);
}

leat_rc leat_run_between(leat_engine *g, leat_err *e)
{
    for (leat_between *q; (q = next(g)) != NULL;) {
        leat_err err = {0};
        leat_rc settled = leat_run_settle(g, &err);
        leat_rc rc = settled == LEAT_OK ? q->fn(q->arg, g->conf.stream, &err) : settled;
        leat_run_progress(g);
        answer(g, q, rc, &err);
        if (rc != LEAT_FATAL && !leat_rc_failed(settled)) continue;
        if (e) *e = err;
        return rc;
    }
    return LEAT_OK;
}

void leat_run_ended(leat_engine *g)
{
    leat_err err;
    refuse(g, &err);
    pthread_mutex_lock(&g->lock);
    g->ended = true;
    pthread_mutex_unlock(&g->lock);
    for (leat_between *q; (q = next(g)) != NULL;) answer(g, q, LEAT_RETRY, &err);
}
