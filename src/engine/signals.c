/* The queue of signals between whoever brings them and the task that does them.
 *
 *   QUEUED --given to the source--> TAKEN --a later read gave a safe place--> PLACED
 *     ^-----the attempt ended------------------------------------------------ /
 *   PLACED --that is durable--> DONE;  QUEUED --the source refuses--> REFUSED
 *
 * The list is under the engine's lock; only the first task is given signals. */
#include "engine/signals.h"

#include "base/log.h"
#include "capture/signal.h"
#include "engine/run.h"

typedef enum leat_job_state { QUEUED, TAKEN, PLACED, DONE, REFUSED } leat_job_state;

struct leat_signal_job {
    uint64_t ticket;
    char *json; /* heap */
    leat_job_state state;
    uint64_t appended; /* PLACED: the appender's count that must be durable */
    leat_err err;      /* REFUSED */
    leat_signal_job *next;
};

static leat_rc ended(const leat_engine *g, leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "engine.ended", g->conf.connector,
                     "the connector ended before the signal was done; send it again when it runs");
}

leat_rc leat_signals_put(leat_engine *g, leat_str json, uint64_t *ticket, leat_err *e)
{
    leat_arena a = {0};
    const leat_signal *signal;
    if (!g->conf.source->signal)
        return leat_fail(e, LEAT_CONF, "signal.source", g->conf.connector,
                         "a source of the class %s takes no signals", g->conf.source->name);
    leat_rc rc = leat_signal_parse_object(&a, json, &signal, e);
    leat_arena_free(&a);
    LEAT_TRY(rc);
    leat_signal_job *job = leat_zalloc(1, sizeof *job), **at;
    job->json = leat_alloc(json.len + 1);
    memcpy(job->json, json.s, json.len);
    job->json[json.len] = 0;
    pthread_mutex_lock(&g->lock);
    bool over = g->ended;
    *ticket = job->ticket = ++g->signal_tickets;
    for (at = &g->signals; *at; at = &(*at)->next) {}
    if (!over) *at = job;
    atomic_store(&g->signalled, true);
    pthread_mutex_unlock(&g->lock);
    if (!over) return LEAT_OK;
    leat_free(job->json);
    leat_free(job);
    return ended(g, e);
}

leat_rc leat_signals_look(leat_engine *g, uint64_t ticket, leat_err *e)
{
    leat_signal_job **at, *job;
    leat_rc rc = LEAT_PENDING;
    pthread_mutex_lock(&g->lock);
    for (at = &g->signals; *at && (*at)->ticket != ticket; at = &(*at)->next) {}
    job = *at;
    if (job && job->state == DONE) rc = LEAT_OK;
    if (job && job->state == REFUSED) {
        if (job->err.rc == LEAT_RETRY) job->err.rc = LEAT_CONF;
        rc = job->err.rc;
        if (e) *e = job->err;
    }
    bool over = rc == LEAT_PENDING && (!job || g->ended);
    if (job && (rc != LEAT_PENDING || over)) {
        *at = job->next;
        leat_free(job->json);
        leat_free(job);
    }
    pthread_mutex_unlock(&g->lock);
    return over ? ended(g, e) : rc;
}

void leat_signals_free(leat_engine *g)
{
    while (g->signals) {
        leat_signal_job *job = g->signals;
        g->signals = job->next;
        leat_free(job->json);
        leat_free(job);
    }
}

/* ---- by the task's thread ---- */

/* The first that waits; its text is the job's as long as nobody looks at a queued one as done. */
static leat_signal_job *first(leat_engine *g, leat_job_state state)
{
    leat_signal_job *job;
    pthread_mutex_lock(&g->lock);
    for (job = g->signals; job && job->state != state; job = job->next) {}
    pthread_mutex_unlock(&g->lock);
    return job;
}

static void set(leat_engine *g, leat_signal_job *job, leat_job_state state, const leat_err *err)
{
    pthread_mutex_lock(&g->lock);
    job->state = state;
    if (err) job->err = *err;
    pthread_mutex_unlock(&g->lock);
}

void leat_run_signals(leat_run *r)
{
    leat_engine *g = r->g;
    leat_signal_job *job;
    if (r->task.id != 0 || !atomic_load(&g->signalled)) return;
    while ((job = first(g, QUEUED)) != NULL) {
        leat_err err = {0};
        leat_rc rc = g->conf.source->signal(&r->task, leat_str_of(job->json), &err);
        if (leat_rc_failed(rc)) leat_log_err(LEAT_WARN, &err);
        set(g, job, leat_rc_failed(rc) ? REFUSED : TAKEN, &err);
    }
}

void leat_run_signals_placed(leat_run *r)
{
    leat_engine *g = r->g;
    leat_signal_job *job;
    if (r->task.id != 0 || !atomic_load(&g->signalled)) return;
    while ((job = first(g, TAKEN)) != NULL) {
        job->appended = r->appended;
        set(g, job, PLACED, NULL);
    }
}

void leat_run_signals_durable(leat_run *r)
{
    leat_engine *g = r->g;
    if (r->task.id != 0 || !atomic_load(&g->signalled)) return;
    bool left = false;
    pthread_mutex_lock(&g->lock);
    for (leat_signal_job *job = g->signals; job; job = job->next) {
        if (job->state == PLACED && r->seen >= job->appended) job->state = DONE;
        left = left || job->state < DONE;
    }
    atomic_store(&g->signalled, left);
    pthread_mutex_unlock(&g->lock);
}

void leat_run_signals_again(leat_run *r)
{
    leat_engine *g = r->g;
    if (r->task.id != 0) return;
    pthread_mutex_lock(&g->lock);
    for (leat_signal_job *job = g->signals; job; job = job->next)
        if (job->state == TAKEN || job->state == PLACED) job->state = QUEUED;
    pthread_mutex_unlock(&g->lock);
}
