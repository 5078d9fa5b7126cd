/* The verbs of dead letters, and the pause that too many of them bring about.
 *
 * Of a sink that runs they are done by its thread while sink and inputs are closed: rows that
 * waited are read anew when it opens again. Of a source, and where nothing runs, by who asks. */
#include "base/clock.h"
#include "base/log.h"
#include "engine/letters.h"
#include "engine/running.h"

typedef struct asked {
    leat_process *p;
    leat_state *state; /* of the thread that does it */
    leat_str verb;
    const leat_json *request;
    leat_jw *reply;
} asked;

static leat_rc retry(const asked *q, const int64_t *ids, size_t n, leat_err *e)
{
    const leat_setup *setup = &q->p->setup;
    const leat_letters_retry r = {.sink = setup->sink,
                                  .conf = setup->conf,
                                  .connector = q->p->conf.name,
                                  .data = q->p->conf.data,
                                  .state = q->state,
                                  .kafka = setup->kafka};
    if (setup->sink) return leat_letters_try(&r, ids, n, q->reply, e);
    return leat_fail(e, LEAT_CONF, "dead_letter.source", q->p->conf.name,
                     "letters of a source are bytes that it could not handle: they cannot be tried "
                     "again. Mend the cause, and have the rows read again: leat signal %s "
                     "execute-snapshot",
                     q->p->conf.name);
}

static leat_rc act(void *arg, leat_err *e)
{
    const asked *q = arg;
    leat_arena a = {0};
    int64_t *ids = NULL, done = 0;
    size_t n = 0;
    leat_rc rc;
    if (leat_str_is(q->verb, "letters-edit"))
        return leat_letters_edit(q->state, q->p->conf.name, q->request, q->reply, e);
    rc = leat_letters_chosen(q->state, q->p->conf.name, q->request, &a, &ids, &n, e);
    if (rc == LEAT_OK && leat_str_is(q->verb, "letters-retry")) {
        rc = retry(q, ids, n, e);
    } else if (rc == LEAT_OK) {
        rc = leat_letters_drop(q->state, ids, n, &done, e);
        leat_jw_i64(q->reply, "dropped", done);
    }
    leat_arena_free(&a);
    return rc;
}

leat_rc leat_process_letters(leat_process *p, leat_str verb, const leat_json *request,
                             leat_jw *reply, leat_err *e)
{
    asked q = {.p = p, .verb = verb, .request = request, .reply = reply};
    leat_str by = leat_json_get_str(request, "by");
    leat_log(LEAT_INFO, "connector.letters", "verb=%.*s by=\"%.*s\"", LEAT_STR_ARG(verb),
             LEAT_STR_ARG(by.s ? by : LEAT_STR("")));
    q.state = p->sinkrun ? p->state : p->notes;
    return p->sinkrun ? leat_sinkrun_between(p->sinkrun, act, &q, e) : act(&q, e);
}

void leat_process_broke(void *arg, const char *why)
{
    leat_process *p = arg;
    leat_err err;
    leat_desired now = {.paused = true, .at_us = leat_now_us()};
    size_t n = leat_str_fit(leat_str_of(why), sizeof now.by - 1);
    memcpy(now.by, why, n);
    if (leat_rc_failed(leat_state_desired_set(p->state, true, now.by, &err)))
        leat_log_err(LEAT_WARN, &err);
    pthread_mutex_lock(&p->guard);
    p->desired = now;
    pthread_mutex_unlock(&p->guard);
    leat_sinkrun_pause(p->sinkrun, true);
}
