/* Streaming: read, append, commit when it is worth a sync, acknowledge; and the pause.
 *
 * While paused the source is kept alive by beat. Run by the task's thread. */
#include "base/clock.h"
#include "base/fault.h"
#include "base/os.h"
#include "engine/beside.h"
#include "engine/run.h"

enum { WAIT_MS = 200, BESIDE_MS = 5, PAUSE_US = 50000, BEAT_US = 1000000 };

leat_rc leat_run_idle(leat_run *r, int64_t us, leat_err *e)
{
    int64_t now = leat_mono_us();
    if (r->task.source->beat && now - r->beat_us >= BEAT_US) {
        r->beat_us = now;
        LEAT_TRY(r->task.source->beat(&r->task, e));
    }
    leat_run_gauge(r);
    r->wake_us = now + us;
    return LEAT_AGAIN;
}

leat_rc leat_run_wind_up(leat_run *r, leat_err *e)
{
    if (leat_run_pending(r)) r->commit_due = true;
    return leat_run_flush(r, e);
}

leat_rc leat_run_paused(leat_run *r, bool *paused, leat_err *e)
{
    *paused = atomic_load(&r->g->pause);
    bool shown = r->status.state == LEAT_RUN_PAUSED;
    if (*paused) {
        leat_rc rc = leat_run_wind_up(r, e);
        if (rc != LEAT_OK) return rc;
        leat_run_state_set(r, LEAT_RUN_PAUSED);
        return leat_run_idle(r, PAUSE_US, e);
    }
    if (shown)
        leat_run_state_set(r,
                           r->phase == LEAT_PHASE_SNAPSHOT ? LEAT_RUN_SNAPSHOT : LEAT_RUN_RUNNING);
    return LEAT_OK;
}

static leat_rc read_batch(leat_run *r, leat_err *e)
{
    leat_batch *b = &r->batch;
    leat_batch_reset(b);
    int fault = LEAT_FAULT(source_read);
    if (fault) return leat_os_fail(e, fault, "read from", r->g->conf.connector);
    int wait_ms = leat_run_pending(r) ? 0 : r->beside ? BESIDE_MS : WAIT_MS;
    leat_rc rc = r->task.source->read(&r->task, b, wait_ms, e);
    LEAT_TRY(rc);
    r->read_rc = rc;
    r->beat_us = leat_mono_us();
    if (b->n == 0 && !b->safe.offset.s && !b->dead && b->counts.received == 0) {
        r->commit_due = leat_run_pending(r);
        return LEAT_OK;
    }
    if (r->beside) leat_beside_note(r);
    LEAT_TRY(leat_run_offer(r, false, e));
    if (r->beside && b->safe.offset.s) r->with_progress = leat_beside_urgent(r);
    return LEAT_OK;
}

/* The stream's housekeeping, when no other task is at it. */
static leat_rc tend(leat_run *r, leat_err *e)
{
    leat_appender *ap = &r->g->appender;
    leat_stream *stream = r->g->conf.stream;
    if (!stream->ops->tend) return LEAT_OK;
    if (leat_appender_take(ap, r->task.id, LEAT_APPENDER_LOOK) != LEAT_OK) return LEAT_OK;
    leat_rc rc = stream->ops->tend(stream, e);
    leat_appender_give(ap);
    return rc;
}

/* The end of the source or of `once`, or a wish to leave: everything read is durable before that;
 * an open transaction is left to the next start. */
leat_rc leat_run_stream(leat_run *r, leat_err *e)
{
    leat_rc rc = leat_run_flush(r, e);
    if (rc != LEAT_OK) return rc;
    LEAT_TRY(leat_run_notice(r, e));
    bool ended = (r->read_rc == LEAT_PENDING || r->past_end) && !r->beside;
    if (ended || leat_run_leave(r->g)) {
        rc = leat_run_wind_up(r, e);
        r->result = ended ? LEAT_PENDING : LEAT_OK;
        return rc == LEAT_OK ? LEAT_PENDING : rc;
    }
    bool paused;
    rc = leat_run_paused(r, &paused, e);
    if (rc != LEAT_OK || paused) return rc;
    if (r->beside) {
        bool took;
        rc = leat_beside_turn(r, &took, e);
        if (rc != LEAT_OK || took) return rc;
    }
    LEAT_TRY(read_batch(r, e));
    rc = leat_run_flush(r, e);
    leat_run_gauge(r);
    if (rc == LEAT_OK) rc = tend(r, e);
    return rc;
}
