/* The life of a running source: attempts, back-off, state, and the one way into the stream.
 *
 * An attempt is open, snapshot if needed, pump, close. An attempt that ends with RETRY is followed
 * by another after a growing pause with jitter; the pause begins anew once something became
 * durable. Before it the stream is settled: what was appended of a transaction that the source did
 * not finish is rolled back, since it will come again from its beginning; what is safe but was not
 * yet durable is made so, since the source goes on from the durable position and would bring it
 * again.
 *
 * Run by the task's thread; the status under its lock is for everybody. */
#include "engine/engine.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/os.h"
#include "engine/run.h"

enum {
    BATCH_EVENTS = 4096,
    BATCH_BYTES = 1 << 20,
    POSITIONS_KEEP = 64 << 10,
    PARK_STEP_US = 50000
};

/* The source waits for something: shown as the error, while the state stays as it is. */
static void note_wait(leat_task *t, const leat_err *why)
{
    leat_engine *g = t->host;
    pthread_mutex_lock(&g->lock);
    g->status.error = why ? *why : (leat_err){0};
    pthread_mutex_unlock(&g->lock);
}

leat_engine *leat_engine_new(const leat_engine_conf *conf)
{
    leat_engine *g = leat_zalloc(1, sizeof *g);
    g->conf = *conf;
    if (g->conf.batch_events == 0) g->conf.batch_events = BATCH_EVENTS;
    if (g->conf.batch_bytes == 0) g->conf.batch_bytes = BATCH_BYTES;
    g->task = (leat_task){.source = conf->source,
                          .conf = conf->conf,
                          .connector = conf->connector,
                          .run_id = conf->run_id,
                          .stop = &g->stop,
                          .waits = note_wait,
                          .host = g};
    leat_batch_init(&g->batch, g->conf.batch_events, g->conf.batch_bytes);
    leat_arena_init(&g->arena, 0);
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->answered, NULL);
    g->between_tail = &g->between;
    g->status.gauges = (leat_gauges){.lag_bytes = -1, .retained_bytes = -1};
    memcpy(g->status.snapshot, "none", sizeof "none");
    leat_run_state_set(g, LEAT_RUN_STARTING);
    return g;
}

void leat_engine_free(leat_engine *g)
{
    if (!g) return;
    leat_batch_free(&g->batch);
    leat_arena_free(&g->arena);
    leat_arena_free(&g->durable_arena);
    leat_buf_free(&g->acked);
    leat_buf_free(&g->end);
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

void leat_engine_status_get(leat_engine *g, leat_engine_status *out)
{
    pthread_mutex_lock(&g->lock);
    *out = g->status;
    pthread_mutex_unlock(&g->lock);
}

void leat_run_state_set(leat_engine *g, leat_run_state state)
{
    pthread_mutex_lock(&g->lock);
    if (g->status.state != state) g->status.since_us = leat_now_us();
    g->status.state = state;
    if (state != LEAT_RUN_RETRYING) g->status.retry_at_us = 0;
    pthread_mutex_unlock(&g->lock);
    if (g->conf.page) atomic_store(&g->conf.page->state, (uint32_t)state);
}

void leat_run_error(leat_engine *g, const leat_err *err)
{
    pthread_mutex_lock(&g->lock);
    g->status.error = *err;
    pthread_mutex_unlock(&g->lock);
}

void leat_run_healthy(leat_engine *g)
{
    pthread_mutex_lock(&g->lock);
    g->status.error = (leat_err){0};
    g->status.attempts = 0;
    pthread_mutex_unlock(&g->lock);
}

static void note_failure(leat_engine *g, const leat_err *err)
{
    leat_run_error(g, err);
    pthread_mutex_lock(&g->lock);
    g->status.attempts++;
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
    atomic_store(&p->memory_bytes, g->batch.arena.held + g->arena.held);
}

/* Of the events [from, to): changes and snapshot rows, as the ledger counts them. */
static void count_events(const leat_batch *b, uint32_t from, uint32_t to, leat_counts *c)
{
    for (uint32_t i = from; i < to; i++) {
        if (b->ev[i].op == LEAT_OP_RECORD) continue;
        if (b->ev[i].op == LEAT_OP_READ)
            c->rows_appended++;
        else
            c->appended++;
    }
}

/* Compares what the source says it received with what became of it, at the batch's safe place. What
 * lies behind that place is carried over in g->tail. */
static leat_rc balance(leat_engine *g, bool safe, leat_err *e)
{
    leat_batch *b = &g->batch;
    uint32_t nsafe = safe ? b->nsafe : 0;
    count_events(b, 0, nsafe, &b->safe_counts);
    b->counts.appended = safe ? b->safe_counts.appended : 0;
    b->counts.rows_appended = safe ? b->safe_counts.rows_appended : 0;
    count_events(b, nsafe, b->n, &b->counts);
    leat_counts_add(&g->tail, &b->counts);
    if (!safe) return LEAT_OK;

    leat_counts behind = b->counts, at = g->tail;
    leat_counts_sub(&behind, &b->safe_counts);
    leat_counts_sub(&at, &behind);
    g->tail = behind;
    int64_t changes = leat_counts_in_flight(&at), rows = leat_counts_rows_in_flight(&at);
    if (changes == 0 && rows == 0) return LEAT_OK;
    return leat_fail(e, LEAT_FATAL, "ledger.mismatch", g->conf.connector,
                     "the ledger does not balance at %.*s: changes received %llu, appended %llu, "
                     "filtered %llu, dead-lettered %llu, deduplicated %llu (%lld unaccounted for); "
                     "rows unaccounted for %lld. Nothing of it was acknowledged: keep the data "
                     "folder, report this, and restart the connector to read the range again",
                     (int)b->safe.offset.len, b->safe.offset.s ? b->safe.offset.s : "",
                     (unsigned long long)at.received, (unsigned long long)at.appended,
                     (unsigned long long)at.filtered, (unsigned long long)at.dead,
                     (unsigned long long)at.deduplicated, (long long)changes, (long long)rows);
}

static leat_rc put_letters(leat_engine *g, leat_str progress, leat_err *e)
{
    (void)progress;
    return g->conf.dead->put(g->conf.dead, g->batch.dead, e);
}

static leat_rc append_batch(leat_engine *g, leat_str progress, leat_err *e)
{
    return g->conf.stream->ops->append(g->conf.stream, &g->batch, progress, e);
}

static leat_rc commit_stream(leat_engine *g, leat_str progress, leat_err *e)
{
    (void)progress;
    return g->conf.stream->ops->commit(g->conf.stream, e);
}

leat_rc leat_run_append(leat_engine *g, leat_str progress, leat_err *e)
{
    leat_batch *b = &g->batch;
    bool safe = b->safe.offset.s != NULL || progress.s != NULL;
    if (progress.s != NULL) {
        b->nsafe = b->n;
        b->safe_counts = b->counts;
    }
    LEAT_TRY(balance(g, safe, e));
    if (b->dead) LEAT_TRY(leat_run_when_room(g, put_letters, progress, e));
    for (const leat_dead *l = b->dead; l; l = l->next)
        leat_log(LEAT_WARN, "engine.dead_letter", "code=%s table=\"%s\" position=%.*s", l->why.code,
                 l->table ? l->table : "", (int)l->position.len, l->position.s);
    LEAT_TRY(leat_run_when_room(g, append_batch, progress, e));
    if (g->first_pending_us == 0) g->first_pending_us = leat_mono_us();
    return LEAT_OK;
}

/* Tells the source about each position that the last commit made durable. */
static leat_rc acknowledge(leat_engine *g, leat_err *e)
{
    const leat_stream_state *st = g->conf.stream->ops->state(g->conf.stream);
    if (st->npos == 0 || !g->conf.source->ack) return LEAT_OK;
    const leat_position *pos = &st->pos[0];
    if (leat_str_eq(leat_buf_str(&g->acked), pos->offset)) return LEAT_OK;
    int fault = LEAT_FAULT(engine_ack);
    if (fault) return leat_os_fail(e, fault, "acknowledge", g->conf.connector);
    LEAT_TRY(g->conf.source->ack(&g->task, *pos, e));
    leat_buf_clear(&g->acked);
    leat_buf_add(&g->acked, pos->offset);
    return LEAT_OK;
}

static leat_rc make_durable(leat_engine *g, leat_err *e)
{
    const leat_stream_ops *ops = g->conf.stream->ops;
    uint64_t frame = ops->state(g->conf.stream)->frame;
    LEAT_TRY(leat_run_when_room(g, commit_stream, (leat_str){0}, e));
    g->first_pending_us = 0;
    if (ops->state(g->conf.stream)->frame != frame) g->progressed = true;
    leat_run_progress(g);
    return LEAT_OK;
}

leat_rc leat_run_settle(leat_engine *g, leat_err *e)
{
    LEAT_TRY(g->conf.stream->ops->rollback(g->conf.stream, e));
    return make_durable(g, e);
}

leat_rc leat_run_commit(leat_engine *g, leat_err *e)
{
    LEAT_TRY(make_durable(g, e));
    return acknowledge(g, e);
}

void leat_run_gauge(leat_engine *g)
{
    int64_t now = leat_mono_us();
    if (!g->conf.source->gauges || now - g->gauged_us < 1000000) return;
    g->gauged_us = now;
    leat_gauges gauges = {.lag_bytes = -1, .retained_bytes = -1};
    g->conf.source->gauges(&g->task, &gauges);
    pthread_mutex_lock(&g->lock);
    g->status.gauges = gauges;
    pthread_mutex_unlock(&g->lock);
    if (!g->conf.page) return;
    atomic_store(&g->conf.page->lag_bytes, gauges.lag_bytes);
    atomic_store(&g->conf.page->retained_bytes, gauges.retained_bytes);
}

/* Where `once` ends: what the source holds now. Kept over attempts, so that it does end. */
static leat_rc note_end(leat_engine *g, leat_err *e)
{
    leat_str end = {0};
    if (!g->conf.once || !g->conf.source->end || g->end.len > 0) return LEAT_OK;
    LEAT_TRY(g->conf.source->end(&g->task, &g->arena, &end, e));
    leat_buf_add(&g->end, end);
    return LEAT_OK;
}

/* open ... close, once. OK: it should end; PENDING: there is nothing more to do. */
static leat_rc attempt(leat_engine *g, leat_err *e)
{
    const leat_source *source = g->conf.source;
    leat_arena_reset(&g->arena, 0);
    leat_buf_clear(&g->acked);
    g->tail = (leat_counts){0};
    g->first_pending_us = 0;
    g->progressed = false;
    LEAT_TRY(leat_run_settle(g, e));

    const leat_stream_state *st = g->conf.stream->ops->state(g->conf.stream);
    leat_run_state_set(g, LEAT_RUN_STARTING);
    LEAT_TRY(source->open(&g->task, st->pos, st->npos, e));
    g->source_open = true;
    bool stream = true;
    leat_rc rc = note_end(g, e);
    if (rc == LEAT_OK) rc = leat_run_snapshot(g, &stream, e);
    if (rc == LEAT_OK && stream) {
        leat_run_state_set(g, LEAT_RUN_RUNNING);
        rc = leat_run_pump(g, e);
    } else if (rc == LEAT_OK && !leat_run_leave(g)) {
        rc = LEAT_PENDING;
    }
    g->source_open = false;
    g->task.stopping = rc == LEAT_PENDING || (rc == LEAT_OK && atomic_load(&g->stop));
    source->close(&g->task);
    return rc;
}

static bool back_off(leat_engine *g, int64_t us, const leat_err *why)
{
    leat_run_state_set(g, LEAT_RUN_RETRYING);
    pthread_mutex_lock(&g->lock);
    g->status.retry_at_us = leat_now_us() + us;
    pthread_mutex_unlock(&g->lock);
    leat_log(LEAT_WARN, why->code, "retry_in_ms=%lld where=\"%s\" %s", (long long)(us / 1000),
             why->where, why->msg);
    if (g->conf.page) atomic_fetch_add(&g->conf.page->retries, 1);
    return leat_retry_sleep(us, &g->stop, &g->wanted);
}

/* Paused before an attempt: nothing is opened until it is resumed. True: stopped. */
static bool parked(leat_engine *g)
{
    while (atomic_load(&g->pause) && !leat_run_leave(g)) {
        leat_run_state_set(g, LEAT_RUN_PAUSED);
        leat_sleep_us(PARK_STEP_US);
    }
    return atomic_load(&g->stop);
}

/* Attempts until it is over: OK, or the error for which it failed. */
static leat_rc attempts(leat_engine *g, leat_err *e)
{
    leat_retry retry = g->conf.retry;
    for (;;) {
        leat_err err = {0};
        int64_t pause_us;
        if (parked(g)) return LEAT_OK;
        leat_rc rc = leat_run_between(g, &err);
        if (rc == LEAT_OK && atomic_load(&g->pause)) continue;
        if (rc == LEAT_OK) rc = attempt(g, &err);
        if (rc == LEAT_PENDING || (rc == LEAT_OK && atomic_load(&g->stop))) return LEAT_OK;
        if (rc == LEAT_OK) continue;
        note_failure(g, &err);
        bool again = leat_retry_next(&retry, rc, g->progressed, &pause_us);
        if (rc == LEAT_RETRY && atomic_load(&g->stop)) { /* what is not durable comes again */
            leat_log(LEAT_WARN, err.code, "stopping where=\"%s\" %s", err.where, err.msg);
            return LEAT_OK;
        }
        if (!again) {
            if (e) *e = err;
            return rc;
        }
        if (back_off(g, pause_us, &err)) return LEAT_OK;
    }
}

leat_rc leat_engine_run(leat_engine *g, leat_err *e)
{
    leat_run_progress(g);
    leat_rc rc = attempts(g, e);
    leat_run_state_set(g, rc == LEAT_OK ? LEAT_RUN_STOPPED : LEAT_RUN_FAILED);
    leat_run_ended(g);
    return rc;
}
