/* heartbeat.action.query: a statement that the connector runs on the database at each heartbeat.
 *
 * People use it to touch a table, so that something is written where little happens. It runs in a
 * session of its own and is never waited for: with synchronous replication its commit may wait for
 * what this very thread has yet to acknowledge. What fails is told once for each cause, and tried
 * again at the next heartbeat; what takes too long is cancelled. Run by the task's thread. */
#include "base/clock.h"
#include "base/log.h"
#include "source/postgres/pg.h"

enum {
    CONNECT_MS = 2000, /* the stream stands still meanwhile */
    GIVE_UP_MS = 60000,
};

static const char doing[] = "run heartbeat.action.query";

/* How long a statement may take. */
static int64_t give_up_ms(const leat_pg_conf *conf)
{
    int64_t ms = conf->target.query_ms;
    return ms > 0 && ms < GIVE_UP_MS ? ms : GIVE_UP_MS;
}

static void tell(leat_pg_action *x, const leat_err *e)
{
    if (x->failure.rc == e->rc && strcmp(x->failure.code, e->code) == 0 &&
        strcmp(x->failure.msg, e->msg) == 0)
        return;
    x->failure = *e;
    leat_log(LEAT_WARN, "postgres.heartbeat", "code=%s %s", e->code, e->msg);
}

static void begin(leat_pg_source *s, leat_pg_action *x, int64_t now)
{
    const leat_pg_conf *conf = s->conf;
    leat_err e = {0};
    leat_rc rc = LEAT_OK;
    x->due_us = now + conf->capture.heartbeat_ms * 1000;
    if (x->c.pg && PQstatus(x->c.pg) != CONNECTION_OK) leat_pg_close(&x->c);
    if (!x->c.pg) {
        x->target = conf->target;
        if (x->target.connect_ms > CONNECT_MS) x->target.connect_ms = CONNECT_MS;
        rc = leat_pg_connect(&x->c, &x->target, false, s->app, &e);
    }
    if (rc == LEAT_OK) rc = leat_pg_send(&x->c, doing, conf->capture.heartbeat_query, &e);
    if (rc != LEAT_OK) {
        tell(x, &e);
        return;
    }
    x->running = true;
    x->due_us = now + give_up_ms(conf) * 1000;
}

static void go_on(leat_pg_source *s, leat_pg_action *x, int64_t now)
{
    leat_err e = {0};
    PGresult *res;
    leat_rc rc = leat_pg_poll(&x->c, doing, 0, &res, &e);
    if (rc == LEAT_AGAIN && now < x->due_us) return;
    if (rc == LEAT_OK) {
        PQclear(res);
        x->failure = (leat_err){0};
    } else if (rc == LEAT_AGAIN) {
        leat_fail(&e, LEAT_RETRY, "postgres.timeout", "heartbeat.action.query",
                  "could not %s within %lld ms: does it wait for a lock?", doing,
                  (long long)give_up_ms(s->conf));
        tell(x, &e);
        leat_pg_cancel(&x->c); /* else it would wait on, and the next ones beside it */
    } else {
        tell(x, &e);
    }
    x->running = false;
    x->due_us = now + s->conf->capture.heartbeat_ms * 1000;
}

void leat_pg_action_turn(leat_pg_source *s, int64_t now)
{
    leat_pg_action *x = &s->action;
    if (!s->conf->capture.heartbeat_query || s->conf->capture.heartbeat_ms == 0) return;
    if (x->due_us == 0) x->due_us = now + s->conf->capture.heartbeat_ms * 1000;
    if (x->running)
        go_on(s, x, now);
    else if (now >= x->due_us)
        begin(s, x, now);
}

void leat_pg_action_end(leat_pg_source *s)
{
    if (s->action.running) leat_pg_cancel(&s->action.c);
    leat_pg_close(&s->action.c);
}
