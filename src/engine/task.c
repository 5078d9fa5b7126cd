/* The life of a task: attempts and back-off, as turns.
 *
 * An attempt is open, snapshot if needed, stream, close. One that ends with RETRY is followed by
 * another after a growing pause with jitter; the pause begins anew once something became durable.
 * When it has ended, what was appended of a transaction that the source did not finish is taken
 * back, since it will come again from its beginning; before the next, what is safe but was not yet
 * durable is made so, since the source goes on from the durable position and would bring it again.
 *
 * A turn never waits but in the source, so that one thread can run several tasks in any order. */
#include "base/clock.h"
#include "base/log.h"
#include "engine/beside.h"
#include "engine/run.h"

enum { STEP_US = 50000, SOON_US = 5000, SETTLE_US = 10000000 };

static leat_rc sleep_on(leat_run *r, int64_t until_us)
{
    int64_t soon = leat_mono_us() + STEP_US;
    r->wake_us = until_us < soon ? until_us : soon;
    return LEAT_AGAIN;
}

/* ---- from open to close ---- */

static void forget_attempt(leat_run *r)
{
    leat_arena_reset(&r->arena, 0);
    for (unsigned i = 0; i < r->nparts; i++) {
        leat_buf_free(&r->parts[i].partition);
        leat_buf_free(&r->parts[i].offset);
    }
    r->nparts = 0;
    leat_buf_clear(&r->reached_partition);
    leat_buf_clear(&r->reached);
    r->tail = (leat_counts){0};
    leat_tallies_clear(&r->tail_tables);
    r->full = r->open_tail = r->commit_due = r->progressed = r->past_end = r->under_way = false;
    r->first_pending_us = r->stall_us = r->room_us = r->winding_us = 0;
    r->read_rc = LEAT_OK;
}

/* The task's part of the stream is settled; pos: where it goes on. AGAIN: the appender is busy, or
 * the commit under way. */
static leat_rc settle(leat_run *r, leat_position **pos, size_t *n, leat_err *e)
{
    leat_appender *ap = &r->g->appender;
    bool owns = leat_appender_owns(ap, r->task.id);
    leat_rc rc =
        leat_appender_take(ap, r->task.id, owns ? LEAT_APPENDER_APPEND : LEAT_APPENDER_LOOK);
    if (rc != LEAT_OK) return sleep_on(r, INT64_MAX);
    const leat_stream_state *st = ap->stream->ops->state(ap->stream);
    leat_run_at_stream(r, LEAT_STAGE_DISK);
    rc = leat_appender_rollback(ap, r->task.id, e);
    if (rc == LEAT_OK) rc = leat_appender_commit(ap, e);
    bool known = leat_run_known(ap->stream);
    bool own = atomic_load(&ap->durable) < r->appended; /* else it is of others */
    if (rc == LEAT_AGAIN && known && !own) rc = LEAT_OK;
    leat_run_waits(r, known ? NULL : "Kafka, to tell what was committed");
    leat_run_progress(r->g); /* what failed may have moved it before */
    if (rc == LEAT_OK) {
        r->seen = atomic_load(&ap->durable);
        if (r->g->conf.tables) {
            leat_tables_settle(r->g->conf.tables, r->seen);
            leat_tables_begin(r->g->conf.tables, &st->totals);
        }
        leat_engine_positions(r->g, &r->arena, pos, n);
        r->stored = leat_arena_str(&r->arena, st->progress);
        leat_run_recall(r);
    }
    leat_appender_give(ap);
    return rc == LEAT_AGAIN ? sleep_on(r, leat_mono_us() + SOON_US) : rc;
}

/* Where `once` ends: what the source holds now. Kept over attempts, so that it does end. The
 * durable positions may be there already, and then nothing more need come. */
static leat_rc note_end(leat_run *r, const leat_position *pos, size_t n, leat_err *e)
{
    leat_str end = {0};
    const leat_source *source = r->task.source;
    if (!r->g->conf.once || !source->end) return LEAT_OK;
    if (r->end.len == 0) {
        LEAT_TRY(source->end(&r->task, &r->arena, &end, e));
        leat_buf_add(&r->end, end);
    }
    r->past_end = source->passed(&r->task, leat_buf_str(&r->end), pos, n);
    return LEAT_OK;
}

/* Nothing was ever appended: no position, no event, not even one that is not durable yet. */
static bool is_fresh(leat_engine *g)
{
    pthread_mutex_lock(&g->lock);
    const leat_counts *c = &g->status.totals;
    bool none = g->ndurable == 0 && g->status.events == 0 && c->received == 0 && c->rows_read == 0;
    pthread_mutex_unlock(&g->lock);
    return none && atomic_load(&g->appender.appended) == 0;
}

/* The source is closed: what comes next is told by rc and err. */
static void close_source(leat_run *r, leat_rc rc, const leat_err *err)
{
    leat_beside_end(r);
    leat_run_at(r, LEAT_STAGE_SOURCE);
    r->task.stopping = rc == LEAT_PENDING || (rc == LEAT_OK && atomic_load(&r->g->stop));
    r->task.failed = rc == LEAT_CONF || rc == LEAT_FATAL;
    r->task.fresh = is_fresh(r->g);
    r->task.source->close(&r->task);
    r->task.failed = false;
    r->result = rc;
    r->err = *err;
    r->phase = LEAT_PHASE_CLOSED;
}

static leat_rc open_source(leat_run *r, leat_err *e)
{
    leat_position *pos = NULL;
    size_t n = 0;
    forget_attempt(r);
    leat_rc rc = settle(r, &pos, &n, e);
    if (rc != LEAT_OK) return rc;
    leat_run_signals_again(r);
    leat_run_state_set(r, LEAT_RUN_STARTING);
    leat_run_at(r, LEAT_STAGE_SOURCE);
    r->task.fresh = is_fresh(r->g);
    LEAT_TRY(r->task.source->open(&r->task, pos, n, e));
    if (n == 1) { /* which of several is the task's own is not known yet */
        leat_buf_add(&r->reached_partition, pos->partition);
        leat_buf_add(&r->reached, pos->offset);
    }
    rc = note_end(r, pos, n, e);
    if (rc == LEAT_OK) rc = leat_run_plan(r, e);
    if (rc != LEAT_OK) {
        close_source(r, rc, e);
        return LEAT_OK;
    }
    r->beat_us = leat_mono_us();
    return LEAT_OK;
}

/* ---- between attempts ---- */

static void over(leat_run *r, leat_run_state state)
{
    leat_run_state_set(r, state);
    r->phase = LEAT_PHASE_OVER;
}

static void fail_for_good(leat_run *r, leat_rc rc, const leat_err *err)
{
    leat_engine *g = r->g;
    pthread_mutex_lock(&g->lock);
    if (!leat_rc_failed(g->error.rc)) g->error = *err;
    pthread_mutex_unlock(&g->lock);
    if (rc == LEAT_FATAL) atomic_store(&g->broken, true);
    if (g->n > 1)
        leat_log(LEAT_ERROR, err->code, "task=%u failed where=\"%s\" %s", r->task.id, err->where,
                 err->msg);
    over(r, LEAT_RUN_FAILED);
}

static void show_back_off(leat_run *r, int64_t us)
{
    leat_run_state_set(r, LEAT_RUN_RETRYING);
    pthread_mutex_lock(&r->g->lock);
    r->status.retry_at_us = leat_now_us() + us;
    pthread_mutex_unlock(&r->g->lock);
}

static void back_off(leat_run *r, int64_t us, const leat_err *why)
{
    leat_engine *g = r->g;
    show_back_off(r, us);
    leat_log(LEAT_WARN, why->code, "retry_in_ms=%lld where=\"%s\" %s", (long long)(us / 1000),
             why->where, why->msg);
    if (g->conf.page) atomic_fetch_add(&g->conf.page->retries, 1);
    r->retry_us = leat_mono_us() + us;
    r->phase = LEAT_PHASE_BACK_OFF;
}

void leat_run_after(leat_run *r, leat_rc rc, const leat_err *err)
{
    leat_engine *g = r->g;
    int64_t pause_us;
    bool stop = atomic_load(&g->stop) || atomic_load(&g->broken);
    if (rc == LEAT_PENDING || (rc == LEAT_OK && stop)) {
        over(r, LEAT_RUN_STOPPED);
    } else if (rc == LEAT_OK) {
        r->phase = LEAT_PHASE_PARKED;
    } else if (rc == LEAT_RETRY && leat_run_leave(g)) { /* what is not durable comes again */
        leat_run_error(r, err);
        leat_log(LEAT_WARN, err->code, "%s where=\"%s\" %s", stop ? "stopping" : "interrupted",
                 err->where, err->msg);
        if (stop)
            over(r, LEAT_RUN_STOPPED);
        else
            r->phase = LEAT_PHASE_PARKED;
    } else {
        leat_run_error(r, err);
        if (!leat_retry_next(&r->retry, rc, r->progressed, &pause_us)) {
            fail_for_good(r, rc, err);
        } else {
            back_off(r, pause_us, err);
        }
    }
}

/* What it left open is taken back at once: other tasks wait for that. If it cannot be, it is the
 * next attempt's first try. */
static leat_rc take_back(leat_run *r)
{
    leat_appender *ap = &r->g->appender;
    if (leat_appender_owns(ap, r->task.id)) {
        leat_err err = {0};
        if (leat_appender_take(ap, r->task.id, LEAT_APPENDER_APPEND) != LEAT_OK)
            return sleep_on(r, INT64_MAX);
        leat_rc rc = leat_appender_rollback(ap, r->task.id, &err);
        leat_appender_give(ap);
        if (leat_rc_failed(rc) && (rc == LEAT_FATAL || !leat_rc_failed(r->result))) {
            r->result = rc;
            r->err = err;
        }
    }
    leat_run_after(r, r->result, &r->err);
    return LEAT_OK;
}

/* No source is open: only the stream is looked after. */
static leat_rc rest(leat_run *r, int64_t until_us)
{
    leat_err err = {0};
    leat_rc rc = leat_run_tend_idle(r, &err);
    if (rc != LEAT_CONF && rc != LEAT_FATAL) return sleep_on(r, until_us);
    leat_run_error(r, &err);
    fail_for_good(r, rc, &err);
    return LEAT_OK;
}

/* A pause is shown at once, and nothing is tried in it; the time goes on. */
static leat_rc wait_for_retry(leat_run *r)
{
    leat_engine *g = r->g;
    int64_t left = r->retry_us - leat_mono_us();
    if (atomic_load(&g->stop) || atomic_load(&g->broken))
        over(r, LEAT_RUN_STOPPED);
    else if (atomic_load(&g->wanted))
        r->phase = LEAT_PHASE_PARKED;
    else if (!atomic_load(&g->pause) && left <= 0)
        r->phase = LEAT_PHASE_OPEN;
    if (r->phase != LEAT_PHASE_BACK_OFF) return LEAT_OK;
    if (atomic_load(&g->pause)) {
        leat_run_state_set(r, LEAT_RUN_PAUSED);
        return rest(r, INT64_MAX);
    }
    if (r->status.state == LEAT_RUN_PAUSED) show_back_off(r, left);
    return rest(r, r->retry_us);
}

/* ---- turns ---- */

leat_rc leat_run_turn(leat_run *r)
{
    leat_err err = {0};
    leat_rc rc;
    atomic_fetch_add_explicit(&r->turns, 1, memory_order_relaxed);
    leat_run_at(r, LEAT_STAGE_NONE);
    switch (atomic_load(&r->phase)) {
    case LEAT_PHASE_OPEN:
        if (leat_run_leave(r->g)) {
            leat_run_after(r, LEAT_OK, &err);
            return LEAT_OK;
        }
        if (atomic_load(&r->g->pause)) { /* nothing is opened until it is resumed */
            leat_run_state_set(r, LEAT_RUN_PAUSED);
            return rest(r, INT64_MAX);
        }
        rc = open_source(r, &err);
        if (leat_rc_failed(rc)) {
            r->result = rc;
            r->err = err;
            r->phase = LEAT_PHASE_CLOSED;
        }
        return rc == LEAT_AGAIN ? LEAT_AGAIN : LEAT_OK;
    case LEAT_PHASE_SNAPSHOT: rc = leat_run_chunk(r, &err); break;
    case LEAT_PHASE_STREAM: rc = leat_run_stream(r, &err); break;
    case LEAT_PHASE_CLOSED: return take_back(r);
    case LEAT_PHASE_BACK_OFF: return wait_for_retry(r);
    default: return LEAT_PENDING;
    }
    if (rc == LEAT_OK || rc == LEAT_AGAIN) return rc;
    close_source(r, rc == LEAT_PENDING ? r->result : rc, &err);
    return LEAT_OK;
}

leat_rc leat_run_settle(leat_engine *g, leat_err *e)
{
    int64_t until = leat_mono_us() + SETTLE_US;
    leat_rc rc;
    for (unsigned i = 0; i < g->n; i++) LEAT_TRY(leat_appender_rollback(&g->appender, i, e));
    while ((rc = leat_appender_commit(&g->appender, e)) == LEAT_AGAIN && leat_mono_us() < until)
        leat_sleep_us(SOON_US);
    if (rc == LEAT_AGAIN)
        rc = leat_fail(e, LEAT_RETRY, "stream.unfinished", g->conf.connector,
                       "the stream did not say within %d s that all events are durable",
                       SETTLE_US / 1000000);
    leat_run_progress(g);
    return rc;
}
