/* Streaming: read, append, commit when it is worth a sync, acknowledge.
 *
 * A commit is due when nothing more is at hand (so an idle stream adds no delay), when COMMIT_BYTES
 * wait, or COMMIT_US after the first of them: under load many transactions share a sync. While
 * paused the source is kept alive by beat. Run by the task's thread. */
#include "base/clock.h"
#include "base/fault.h"
#include "base/os.h"
#include "engine/run.h"

enum { WAIT_MS = 200, COMMIT_BYTES = 1 << 20, COMMIT_US = 20000, BEAT_US = 1000000 };

static bool pending(const leat_engine *g)
{
    return g->first_pending_us != 0;
}

static bool commit_due(const leat_engine *g, leat_rc rc)
{
    if (!pending(g)) return false;
    if (rc == LEAT_AGAIN || rc == LEAT_PENDING || !leat_batch_full(&g->batch)) return true;
    return g->conf.stream->ops->pending(g->conf.stream) >= COMMIT_BYTES ||
           leat_mono_us() - g->first_pending_us >= COMMIT_US;
}

/* Everything read is durable before a stop; an open transaction is left to the next start. */
static leat_rc wind_up(leat_engine *g, leat_err *e)
{
    return pending(g) ? leat_run_commit(g, e) : LEAT_OK;
}

static bool once_done(leat_engine *g)
{
    const leat_stream_state *st = g->conf.stream->ops->state(g->conf.stream);
    return g->end.len > 0 && st->npos > 0 &&
           g->conf.source->passed(&g->task, leat_buf_str(&g->end), st->pos[0]);
}

leat_rc leat_run_paused(leat_engine *g, leat_run_state state, leat_err *e)
{
    LEAT_TRY(wind_up(g, e));
    leat_run_state_set(g, LEAT_RUN_PAUSED);
    int64_t beat_us = 0;
    while (atomic_load(&g->pause) && !leat_run_leave(g)) {
        int64_t now = leat_mono_us();
        if (g->conf.source->beat && now - beat_us >= BEAT_US) {
            LEAT_TRY(g->conf.source->beat(&g->task, e));
            beat_us = now;
        }
        leat_sleep_us(50000);
    }
    if (!atomic_load(&g->pause)) leat_run_state_set(g, state);
    return LEAT_OK;
}

/* One turn. PENDING: the source has ended, or `once` has what it wanted. */
static leat_rc turn(leat_engine *g, leat_err *e)
{
    leat_batch *b = &g->batch;
    const leat_stream_ops *ops = g->conf.stream->ops;
    leat_batch_reset(b);
    int fault = LEAT_FAULT(source_read);
    if (fault) return leat_os_fail(e, fault, "read from", g->conf.connector);
    leat_rc rc = g->conf.source->read(&g->task, b, pending(g) ? 0 : WAIT_MS, e);
    LEAT_TRY(rc);
    if (b->n > 0 || b->safe.offset.s || b->dead || b->counts.received > 0)
        LEAT_TRY(leat_run_append(g, (leat_str){0}, e));
    if (commit_due(g, rc)) LEAT_TRY(leat_run_commit(g, e));
    if (ops->tend) LEAT_TRY(ops->tend(g->conf.stream, e));
    leat_run_gauge(g);
    return rc == LEAT_PENDING || once_done(g) ? LEAT_PENDING : LEAT_OK;
}

leat_rc leat_run_pump(leat_engine *g, leat_err *e)
{
    leat_run_healthy(g);
    leat_rc rc = LEAT_OK;
    while (rc == LEAT_OK && !leat_run_leave(g)) {
        if (atomic_load(&g->pause)) {
            LEAT_TRY(leat_run_paused(g, LEAT_RUN_RUNNING, e));
            continue;
        }
        rc = turn(g, e);
        LEAT_TRY(rc);
    }
    LEAT_TRY(wind_up(g, e));
    return rc;
}
