/* The thread that notes counters, and GET /hub/v1/connectors/NAME/history.
 *
 * The thread samples the pages, as /metrics does, and holds the guard only while it writes; who
 * reads uses the same handle under it. */
#include <errno.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "hub/history.h"
#include "hub/sample.h"

enum { DAY_S = 86400 };

struct leat_history {
    leat_hub *h;
    int64_t every_s;
    pthread_t thread;
    bool running;
    pthread_mutex_t guard; /* of all below */
    pthread_cond_t end;
    leat_countsdb *db;
    bool stopping;
};

static void row_of(const leat_sample *s, int64_t at_s, leat_counts_row *row)
{
    bool sink = s->k->sink != NULL;
    *row = (leat_counts_row){.connector = s->k->name,
                             .at_s = at_s,
                             .events = (int64_t)(sink ? s->delivered : s->appended + s->rows),
                             .dead = (int64_t)(sink ? s->rejected : s->dead),
                             .stream_bytes = (int64_t)s->stream_bytes,
                             .resident_bytes = s->pid ? (int64_t)s->resident : 0,
                             .lag_bytes = s->lag_bytes,
                             .behind_ms = s->behind_ms,
                             .retained_bytes = s->pid ? s->retained_bytes : -1,
                             .retained_limit = s->pid ? s->retained_limit : -1};
}

static void note(leat_history *t)
{
    leat_arena a = {0};
    leat_sample *all;
    leat_err err;
    int64_t now = leat_now_us() / 1000000;
    size_t n = leat_sample_take(t->h, false, &a, &all), kept = 0;
    leat_counts_row *rows = LEAT_NEW(&a, leat_counts_row, n + 1);
    for (size_t i = 0; i < n; i++)
        if (all[i].page) row_of(&all[i], now, &rows[kept++]);
    pthread_mutex_lock(&t->guard);
    if (leat_rc_failed(leat_countsdb_add(t->db, rows, kept, now - DAY_S, &err)))
        leat_log_err(LEAT_WARN, &err);
    pthread_mutex_unlock(&t->guard);
    leat_arena_free(&a);
}

/* False: it is to end. */
static bool rest(leat_history *t)
{
    struct timespec until = {.tv_sec = leat_now_us() / 1000000 + t->every_s};
    pthread_mutex_lock(&t->guard);
    while (!t->stopping && pthread_cond_timedwait(&t->end, &t->guard, &until) != ETIMEDOUT)
        ;
    bool on = !t->stopping;
    pthread_mutex_unlock(&t->guard);
    return on;
}

static void *keep(void *arg)
{
    leat_history *t = arg;
    while (rest(t)) note(t);
    return NULL;
}

leat_rc leat_history_start(leat_hub *h, int64_t every_s, leat_history **out, leat_err *e)
{
    leat_history *t = leat_zalloc(1, sizeof *t);
    t->h = h;
    t->every_s = every_s;
    pthread_mutex_init(&t->guard, NULL);
    pthread_cond_init(&t->end, NULL);
    leat_rc rc = leat_countsdb_open(h->conf.data, &t->db, e);
    t->running = rc == LEAT_OK && pthread_create(&t->thread, NULL, keep, t) == 0;
    if (rc == LEAT_OK && !t->running)
        rc = leat_fail(e, LEAT_RETRY, "hub.thread", h->conf.data,
                       "cannot start the thread that notes counters");
    if (leat_rc_failed(rc)) {
        leat_history_stop(t);
        return rc;
    }
    *out = t;
    return LEAT_OK;
}

void leat_history_stop(leat_history *t)
{
    if (!t) return;
    pthread_mutex_lock(&t->guard);
    t->stopping = true;
    pthread_cond_signal(&t->end);
    pthread_mutex_unlock(&t->guard);
    if (t->running) pthread_join(t->thread, NULL);
    leat_countsdb_close(t->db);
    pthread_cond_destroy(&t->end);
    pthread_mutex_destroy(&t->guard);
    leat_free(t);
}

leat_rc leat_history_each(leat_history *t, const char *connector, int64_t from_s,
                          void (*fn)(void *arg, const leat_counts_row *row), void *arg, leat_err *e)
{
    pthread_mutex_lock(&t->guard);
    leat_rc rc = leat_countsdb_each(t->db, connector, from_s, fn, arg, e);
    pthread_mutex_unlock(&t->guard);
    return rc;
}

/* ---- the endpoint ---- */

typedef struct points {
    leat_jw w;
    int64_t step_s, last_s; /* one point in a step */
} points;

static void write_point(void *arg, const leat_counts_row *row)
{
    points *p = arg;
    const int64_t values[] = {row->at_s,         row->events,         row->dead,
                              row->stream_bytes, row->resident_bytes, row->lag_bytes,
                              row->behind_ms,    row->retained_bytes, row->retained_limit};
    if (p->last_s > 0 && row->at_s < p->last_s + p->step_s) return;
    p->last_s = row->at_s;
    leat_jw_array(&p->w, NULL);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) leat_jw_i64(&p->w, NULL, values[i]);
    leat_jw_end(&p->w);
}

/* A number of seconds from 1 to a day; false: answered. */
static bool seconds(leat_http_call *c, const char *name, int64_t *out)
{
    leat_str v = leat_http_query(c, name);
    if (!v.s || (leat_str_i64(v, out) && *out >= 1 && *out <= DAY_S)) return true;
    leat_http_fail(c, 400, "%s: expected seconds from 1 to %d, got \"%.*s\"", name, DAY_S,
                   LEAT_STR_ARG(v));
    return false;
}

void leat_hub_v1_history(void *hub, leat_http_call *c)
{
    static const char *const columns[] = {"at",           "events",         "dead",
                                          "stream_bytes", "resident_bytes", "lag_bytes",
                                          "behind_ms",    "retained_bytes", "retained_limit"};
    leat_hub *h = hub;
    leat_hub_connector k;
    leat_err err = {0};
    points p = {.w = {.out = &c->out}, .step_s = 1};
    int64_t back = DAY_S;
    if (!leat_hub_find(h, c->param[0], &c->a, &k)) {
        leat_hub_missing(c, "there is no connector ", "");
        return;
    }
    if (!seconds(c, "seconds", &back) || !seconds(c, "step", &p.step_s)) return;
    leat_jw_object(&p.w, NULL);
    leat_jw_z(&p.w, "name", k.name);
    leat_jw_i64(&p.w, "every_seconds", h->history ? h->conf.history_s : 0);
    leat_jw_array(&p.w, "columns");
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) leat_jw_z(&p.w, NULL, columns[i]);
    leat_jw_end(&p.w);
    leat_jw_array(&p.w, "points");
    leat_rc rc = h->history ? leat_history_each(h->history, k.name, leat_now_us() / 1000000 - back,
                                                write_point, &p, &err)
                            : LEAT_OK;
    leat_jw_end(&p.w);
    leat_jw_end(&p.w);
    if (leat_rc_failed(rc)) leat_hub_fail(c, &err);
}
