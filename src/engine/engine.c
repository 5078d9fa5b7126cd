/* The engine: its tasks, who takes their turns, and what everybody may see of them.
 *
 * One task is run by the caller's thread, turn after turn. Several have a thread each; the caller's
 * then waits for them and runs the exclusive sections once all are parked. The status is under the
 * engine's lock. */
#include "engine/engine.h"

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "engine/run.h"

enum {
    BATCH_EVENTS = 4096,
    BATCH_FEW = 16,
    BATCH_BYTES = 1 << 20,
    BATCH_LEAST = 64 << 10,
    MEMORY = 64 << 20,
    NAP_US = 20000,
    IDLE_US = 5000000, /* without events */
    POSITIONS_KEEP = 64 << 10
};

static const leat_gauges unknown_gauges = {.lag_bytes = -1,
                                           .retained_bytes = -1,
                                           .retained_limit = -1,
                                           .log_until_us = -1,
                                           .log_expires_us = -1};

static bool leaves(const leat_task *t)
{
    const leat_run *r = t->host;
    return leat_run_leave(r->g);
}

/* The source waits for something: shown as the error, while the state stays as it is. */
static void note_wait(leat_task *t, const leat_err *why)
{
    leat_run *r = t->host;
    pthread_mutex_lock(&r->g->lock);
    r->status.error = why ? *why : (leat_err){0};
    pthread_mutex_unlock(&r->g->lock);
}

/* A sixteenth of the budget, shared by the tasks. */
static size_t batch_bytes(const leat_engine *g)
{
    size_t part = g->conf.memory / 16 / g->n;
    return part > BATCH_BYTES ? BATCH_BYTES : part < BATCH_LEAST ? BATCH_LEAST : part;
}

/* A batch is read whole: with a limit it holds about a quarter of a second's. */
static uint32_t batch_events(const leat_engine_conf *conf)
{
    uint32_t most = conf->batch_events ? conf->batch_events : BATCH_EVENTS;
    int64_t quarter = conf->rate_events / 4 > BATCH_FEW ? conf->rate_events / 4 : BATCH_FEW;
    return conf->rate_events > 0 && quarter < most ? (uint32_t)quarter : most;
}

size_t leat_engine_bound(const leat_engine *g)
{
    size_t giant = g->conf.max_event_bytes;
    if (giant == 0) return 0;
    size_t away = g->conf.stream_bytes ? g->conf.stream_bytes + 3 * giant : 0;
    return g->n * 2 * (g->conf.batch_bytes + giant) + 3 * (size_t)BATCH_BYTES + 2 * giant + away;
}

static void init_run(leat_engine *g, unsigned i)
{
    leat_run *r = &g->runs[i];
    r->g = g;
    r->task = (leat_task){.source = g->conf.source,
                          .conf = g->conf.conf,
                          .connector = g->conf.connector,
                          .folder = g->conf.folder,
                          .id = i,
                          .of = g->n,
                          .run_id = g->conf.run_id,
                          .max_event_bytes = g->conf.max_event_bytes,
                          .leaves = leaves,
                          .waits = note_wait,
                          .schemas = g->conf.schemas,
                          .host = r};
    r->retry = g->conf.retry;
    r->snap = r->snap_next = (leat_run_snap){.state = "none"};
    leat_batch_init(&r->batch, g->conf.batch_events, g->conf.batch_bytes);
    leat_arena_init(&r->arena, 0);
    if (g->conf.transforms) r->transforms = leat_transform_run_new(g->conf.transforms);
    r->status.gauges = unknown_gauges;
    memcpy(r->status.snapshot, "none", sizeof "none");
    leat_run_state_set(r, LEAT_RUN_STARTING);
}

leat_engine *leat_engine_new(const leat_engine_conf *conf)
{
    leat_engine *g = leat_zalloc(1, sizeof *g);
    g->conf = *conf;
    if (g->conf.memory == 0) g->conf.memory = MEMORY;
    g->conf.batch_events = batch_events(&g->conf);
    g->n = conf->tasks ? conf->tasks : 1;
    if (g->conf.batch_bytes == 0) g->conf.batch_bytes = batch_bytes(g);
    leat_budget_conf budget = {conf->rate_events, conf->rate_bytes, conf->cpu_percent, conf->page};
    leat_budget_init(&g->budget, &budget);
    g->runs = leat_zalloc(g->n, sizeof *g->runs);
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->answered, NULL);
    g->between_tail = &g->between;
    leat_appender_init(&g->appender, conf->stream);
    for (unsigned i = 0; i < g->n; i++) init_run(g, i);
    if (conf->page) atomic_store(&conf->page->queue_most, (uint64_t)g->n * g->conf.batch_events);
    return g;
}

static void free_run(leat_run *r)
{
    for (unsigned i = 0; i < r->nparts; i++) {
        leat_buf_free(&r->parts[i].partition);
        leat_buf_free(&r->parts[i].offset);
    }
    leat_free(r->parts);
    leat_transform_run_free(r->transforms);
    leat_batch_free(&r->batch);
    leat_tallies_free(&r->tail_tables);
    leat_arena_free(&r->arena);
    leat_buf_free(&r->end);
    leat_buf_free(&r->progress);
    leat_buf_free(&r->tables);
    leat_progress_free(&r->tables_shown);
    leat_buf_free(&r->tables_next);
    leat_buf_free(&r->reached_partition);
    leat_buf_free(&r->reached);
}

void leat_engine_free(leat_engine *g)
{
    if (!g) return;
    for (unsigned i = 0; i < g->n; i++) free_run(&g->runs[i]);
    leat_free(g->runs);
    leat_arena_free(&g->durable_arena);
    leat_appender_fini(&g->appender);
    leat_budget_fini(&g->budget);
    leat_signals_free(g);
    pthread_cond_destroy(&g->answered);
    pthread_mutex_destroy(&g->lock);
    leat_free(g);
}

void leat_engine_stop(leat_engine *g)
{
    atomic_store(&g->stop, true);
}

void leat_engine_pause(leat_engine *g, bool paused)
{
    atomic_store(&g->pause, paused);
}

/* ---- status ---- */

/* Which state of a task matters most for its connector. */
static unsigned weight(leat_run_state state)
{
    static const leat_run_state order[] = {LEAT_RUN_STOPPED,  LEAT_RUN_RUNNING,  LEAT_RUN_PAUSED,
                                           LEAT_RUN_STARTING, LEAT_RUN_SNAPSHOT, LEAT_RUN_STALLED,
                                           LEAT_RUN_RETRYING, LEAT_RUN_FAILED};
    unsigned i = 0;
    while (i < sizeof order / sizeof *order - 1 && order[i] != state) i++;
    return i;
}

static void add_gauge(int64_t *to, int64_t v)
{
    if (v >= 0) *to = (*to > 0 ? *to : 0) + v;
}

/* All tasks' into one. The lock is held. */
static void sum_up(leat_engine *g, leat_task_status *all)
{
    leat_task_status first;
    leat_run_shown(&g->runs[0], &first);
    leat_gauges gauges = first.gauges;
    const leat_task_status *reading = NULL;
    unsigned done = 0, of = 0;
    *all = first;
    gauges.held_bytes = 0;
    for (unsigned i = 0; i < g->n; i++) {
        const leat_task_status *s = &g->runs[i].status;
        leat_task_status shown;
        leat_run_shown(&g->runs[i], &shown);
        if (weight(shown.state) > weight(all->state)) *all = shown;
        if (strcmp(s->snapshot, "running") == 0) reading = s;
        done += s->snapshot_done;
        of += s->snapshot_of;
        gauges.held_bytes += s->gauges.held_bytes;
        if (i == 0) continue;
        add_gauge(&gauges.lag_bytes, s->gauges.lag_bytes);
        add_gauge(&gauges.retained_bytes, s->gauges.retained_bytes);
    }
    if (reading) {
        memcpy(all->snapshot, reading->snapshot, sizeof all->snapshot);
        memcpy(all->snapshot_table, reading->snapshot_table, sizeof all->snapshot_table);
    }
    all->snapshot_done = done;
    all->snapshot_of = of;
    all->gauges = gauges;
}

void leat_engine_status_get(leat_engine *g, leat_engine_status *out)
{
    pthread_mutex_lock(&g->lock);
    *out = g->status;
    out->tasks = g->n;
    sum_up(g, &out->all);
    pthread_mutex_unlock(&g->lock);
}

void leat_engine_task_status(leat_engine *g, unsigned task, leat_task_status *out)
{
    pthread_mutex_lock(&g->lock);
    leat_run_shown(&g->runs[task], out);
    pthread_mutex_unlock(&g->lock);
}

void leat_run_state_set(leat_run *r, leat_run_state state)
{
    leat_engine *g = r->g;
    pthread_mutex_lock(&g->lock);
    if (r->status.state != state) r->status.since_us = leat_now_us();
    r->status.state = state;
    if (state != LEAT_RUN_RETRYING) r->status.retry_at_us = 0;
    leat_run_show(g);
    pthread_mutex_unlock(&g->lock);
}

void leat_run_going(leat_run *r)
{
    leat_run_state_set(r, r->phase == LEAT_PHASE_SNAPSHOT ? LEAT_RUN_SNAPSHOT : LEAT_RUN_RUNNING);
}

void leat_run_show(leat_engine *g)
{
    leat_task_status all;
    if (!g->conf.page) return;
    sum_up(g, &all);
    atomic_store(&g->conf.page->stage, (uint32_t)all.stage);
    atomic_store(&g->conf.page->state, (uint32_t)all.state);
}

void leat_run_error(leat_run *r, const leat_err *err)
{
    pthread_mutex_lock(&r->g->lock);
    r->status.error = err ? *err : (leat_err){0};
    r->status.attempts = err ? r->status.attempts + 1 : 0;
    pthread_mutex_unlock(&r->g->lock);
}

void leat_run_waits(leat_run *r, const char *what)
{
    if (r->status.waits == what) return;
    pthread_mutex_lock(&r->g->lock);
    r->status.waits = what;
    pthread_mutex_unlock(&r->g->lock);
}

void leat_run_snapshot_note(leat_run *r, const char *state, const char *table, unsigned done,
                            unsigned of)
{
    leat_task_status *s = &r->status;
    leat_str name = leat_str_of(state), t = leat_str_of(table ? table : "");
    if (t.len >= sizeof s->snapshot_table) t.len = sizeof s->snapshot_table - 1;
    pthread_mutex_lock(&r->g->lock);
    memcpy(s->snapshot, name.s, name.len + 1);
    memcpy(s->snapshot_table, t.s, t.len);
    s->snapshot_table[t.len] = 0;
    s->snapshot_done = done;
    s->snapshot_of = of;
    pthread_mutex_unlock(&r->g->lock);
    leat_page *page = r->g->conf.page;
    if (!page || r->g->n > 1) return;
    atomic_store(&page->snapshot_state, strcmp(state, "running") == 0 ? 1
                                        : strcmp(state, "done") == 0  ? 2
                                                                      : 0);
    atomic_store(&page->snapshot_tables, of);
    atomic_store(&page->snapshot_tables_done, done);
}

enum { SHOW_US = 250000 };

void leat_run_tables_note(leat_run *r, size_t n, bool now_on,
                          void (*say)(leat_run *r, size_t i, leat_progress_say *out))
{
    leat_engine *g = r->g;
    int64_t now = leat_mono_us();
    if (!now_on && now - r->shown_us < SHOW_US) return;
    r->shown_us = now;
    pthread_mutex_lock(&g->lock);
    for (size_t i = 0; i < n; i++) {
        leat_progress_say x = {0};
        say(r, i, &x);
        leat_progress_put(&r->tables_shown, i, &x, now);
    }
    leat_progress_end(&r->tables_shown, n);
    leat_progress_sum s = leat_progress_sum_up(&r->tables_shown, now);
    pthread_mutex_unlock(&g->lock);
    if (!g->conf.page || g->n > 1) return;
    atomic_store(&g->conf.page->snapshot_rows, s.rows);
    atomic_store(&g->conf.page->snapshot_total, s.total);
    atomic_store(&g->conf.page->snapshot_rate, s.rate);
    atomic_store(&g->conf.page->snapshot_left_ms, s.left_ms);
}

void leat_engine_snapshot_write(leat_engine *g, leat_jw *w)
{
    /* Of several tasks the first that reads one; each has tables of its own. */
    pthread_mutex_lock(&g->lock);
    const leat_run *shown = &g->runs[0];
    for (unsigned i = 0; i < g->n; i++)
        if (strcmp(g->runs[i].status.snapshot, "running") == 0) {
            shown = &g->runs[i];
            break;
        }
    leat_progress_write(&shown->tables_shown, leat_mono_us(), w);
    pthread_mutex_unlock(&g->lock);
}

static leat_position *copy_positions(const leat_position *pos, size_t n, leat_arena *a)
{
    leat_position *out = LEAT_NEW(a, leat_position, n);
    for (size_t i = 0; i < n; i++)
        out[i] =
            (leat_position){leat_arena_str(a, pos[i].partition), leat_arena_str(a, pos[i].offset)};
    return out;
}

void leat_engine_positions(leat_engine *g, leat_arena *a, leat_position **pos, size_t *n)
{
    pthread_mutex_lock(&g->lock);
    *n = g->ndurable;
    *pos = copy_positions(g->durable, g->ndurable, a);
    pthread_mutex_unlock(&g->lock);
}

void leat_run_progress(leat_engine *g)
{
    const leat_stream_state *st = g->conf.stream->ops->state(g->conf.stream);
    leat_page *p = g->conf.page;
    pthread_mutex_lock(&g->lock);
    g->status.totals = st->totals;
    g->status.events = st->events;
    leat_arena_reset(&g->durable_arena, POSITIONS_KEEP);
    g->durable = copy_positions(st->pos, st->npos, &g->durable_arena);
    g->ndurable = st->npos;
    g->status.position[0] = 0;
    if (st->npos > 0) {
        size_t n = st->pos[0].offset.len;
        if (n >= sizeof g->status.position) n = sizeof g->status.position - 1;
        memcpy(g->status.position, st->pos[0].offset.s, n);
        g->status.position[n] = 0;
    }
    pthread_mutex_unlock(&g->lock);
    if (!p) return;
    atomic_store(&p->received, st->totals.received);
    atomic_store(&p->appended, st->totals.appended);
    atomic_store(&p->filtered, st->totals.filtered);
    atomic_store(&p->dead, st->totals.dead + st->totals.rows_dead);
    atomic_store(&p->deduplicated, st->totals.deduplicated);
    atomic_store(&p->rows_read, st->totals.rows_read);
    atomic_store(&p->rows_appended, st->totals.rows_appended);
    atomic_store(&p->stream_bytes, st->bytes);
}

void leat_run_memory(leat_engine *g)
{
    const leat_stream *stream = g->conf.stream;
    leat_page *p = g->conf.page;
    if (!p) return;
    size_t held = stream->ops->memory ? stream->ops->memory(stream) : 0;
    for (unsigned i = 0; i < g->n; i++)
        held += atomic_load(&g->runs[i].held) + atomic_load(&g->runs[i].beside_held);
    held += atomic_load(&g->driver_held);
    atomic_store(&p->memory_bytes, held);
    if (held > atomic_load(&p->memory_peak_bytes)) atomic_store(&p->memory_peak_bytes, held);
}

/* Asking the kernel is what an idle connector costs most by. */
static void look_at_process(leat_run *r, leat_page *p, int64_t now)
{
    bool idle = r->came_us > 0 && now - r->came_us > IDLE_US;
    if (idle && now - r->looked_us < IDLE_US) return;
    r->looked_us = now;
    atomic_store(&p->resident_bytes, leat_os_resident());
    atomic_store(&p->descriptors, leat_os_descriptors());
}

void leat_run_gauge(leat_run *r)
{
    leat_engine *g = r->g;
    leat_page *p = g->conf.page;
    int64_t now = leat_mono_us();
    if (now - r->gauged_us < 1000000) return;
    r->gauged_us = now;
    leat_gauges gauges = unknown_gauges;
    if (r->task.source->gauges) r->task.source->gauges(&r->task, &gauges);
    leat_task_status all;
    pthread_mutex_lock(&g->lock);
    r->status.gauges = gauges;
    sum_up(g, &all);
    pthread_mutex_unlock(&g->lock);
    atomic_store(&g->driver_held, all.gauges.held_bytes);
    if (!p) return;
    look_at_process(r, p, now);
    atomic_store(&p->lag_bytes, all.gauges.lag_bytes);
    atomic_store(&p->retained_bytes, all.gauges.retained_bytes);
    atomic_store(&p->retained_limit, all.gauges.retained_limit + 1);
    atomic_store(&p->log_until_us, all.gauges.log_until_us + 1);
    atomic_store(&p->log_expires_us, all.gauges.log_expires_us + 1);
    atomic_store(&p->log_removed, all.gauges.log_removed);
}

/* ---- turns ---- */

/* Parked tasks go on, or fail with what kept the exclusive section from being left in order. */
static void unpark(leat_engine *g)
{
    leat_err err = {0};
    leat_rc rc = leat_run_between(g, &err);
    leat_run_recall_all(g);
    for (unsigned i = 0; i < g->n; i++) {
        leat_run *r = &g->runs[i];
        if (r->phase != LEAT_PHASE_PARKED) continue;
        if (rc == LEAT_OK)
            r->phase = LEAT_PHASE_OPEN;
        else
            leat_run_after(r, rc, &err);
    }
    leat_appender_wake(&g->appender);
}

/* How many tasks are not over; all_parked: and those are parked. */
static unsigned count_live(leat_engine *g, bool *all_parked)
{
    unsigned live = 0, parked = 0;
    for (unsigned i = 0; i < g->n; i++) {
        leat_run_phase phase = g->runs[i].phase;
        live += phase != LEAT_PHASE_OVER;
        parked += phase == LEAT_PHASE_PARKED;
    }
    *all_parked = live > 0 && parked == live;
    return live;
}

/* One of those that could go on, by the dice of the test if there are several; NULL: all wait, the
 * first of them until *wake_us. */
static leat_run *choose(leat_engine *g, const bool *waits, int64_t *wake_us)
{
    unsigned ready = 0;
    *wake_us = INT64_MAX;
    for (unsigned i = 0; i < g->n; i++) {
        leat_run *r = &g->runs[i];
        if (r->phase == LEAT_PHASE_OVER || r->phase == LEAT_PHASE_PARKED) continue;
        if (!waits[i])
            ready++;
        else if (r->wake_us < *wake_us)
            *wake_us = r->wake_us;
    }
    if (ready == 0) return NULL;
    unsigned nth = ready > 1 ? g->conf.pick(ready) % ready : 0;
    for (unsigned i = 0; i < g->n; i++) {
        leat_run *r = &g->runs[i];
        bool could = r->phase != LEAT_PHASE_OVER && r->phase != LEAT_PHASE_PARKED && !waits[i];
        if (could && nth-- == 0) return r;
    }
    return NULL;
}

/* All turns on this thread. */
static void run_here(leat_engine *g)
{
    bool parked, *waits = leat_zalloc(g->n, sizeof *waits);
    while (count_live(g, &parked) > 0) {
        if (parked) {
            unpark(g);
            continue;
        }
        int64_t wake_us;
        leat_run *r = choose(g, waits, &wake_us);
        if (r && leat_run_turn(r) == LEAT_AGAIN) {
            waits[r->task.id] = true;
            continue;
        }
        int64_t left = r ? 0 : wake_us - leat_mono_us();
        if (left > 0) leat_sleep_us(left);
        memset(waits, 0, g->n * sizeof *waits);
    }
    leat_free(waits);
}

static void *task_thread(void *arg)
{
    leat_run *r = arg;
    leat_appender *ap = &r->g->appender;
    while (r->phase != LEAT_PHASE_OVER) {
        uint32_t given = atomic_load(&ap->given);
        leat_rc rc = leat_run_turn(r);
        if (rc == LEAT_OK) continue;
        int64_t left = rc == LEAT_AGAIN ? r->wake_us - leat_mono_us() : NAP_US;
        if (left > 0 && r->room_us > 0)
            leat_sleep_us(left);
        else if (left > 0)
            leat_appender_wait(ap, given, left);
    }
    return NULL;
}

/* A thread for each task; if a task gets none, all end. */
static void run_threads(leat_engine *g)
{
    bool parked, *started = leat_zalloc(g->n, sizeof *started);
    for (unsigned i = 0; i < g->n; i++) {
        leat_run *r = &g->runs[i];
        int rc = pthread_create(&r->thread, NULL, task_thread, r);
        started[i] = rc == 0;
        if (started[i]) continue;
        leat_err err;
        leat_os_fail(&err, rc, "start a thread for a task of", g->conf.connector);
        err.rc = LEAT_FATAL; /* the others would go on without its part */
        leat_run_after(r, LEAT_FATAL, &err);
    }
    while (count_live(g, &parked) > 0) {
        if (parked) unpark(g);
        leat_sleep_us(NAP_US);
    }
    for (unsigned i = 0; i < g->n; i++)
        if (started[i]) pthread_join(g->runs[i].thread, NULL);
    leat_free(started);
}

leat_rc leat_engine_run(leat_engine *g, leat_err *e)
{
    leat_run_progress(g);
    leat_run_recall_all(g);
    if (g->n == 1 || g->conf.pick)
        run_here(g);
    else
        run_threads(g);
    leat_run_ended(g);
    if (!leat_rc_failed(g->error.rc)) return LEAT_OK;
    if (e) *e = g->error;
    return g->error.rc;
}
