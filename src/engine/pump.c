/* Streaming: read, append, commit when it is worth a sync, acknowledge; and the pause.
 *
 * While paused the source is kept alive by beat. Run by the task's thread. */
#include "base/clock.h"
#include "base/fault.h"
#include "base/os.h"
#include "engine/beside.h"
#include "engine/run.h"

enum {
    WAIT_MS = 200,
    IDLE_US = 5000000, /* without events: a source that is idle */
    LIMIT_US = 50000,  /* longest sleep of a task that its limits hold */
    SOON_MS = 5,       /* while a commit is under way */
    BESIDE_MS = 5,     /* while tables are read beside the stream */
    PAUSE_US = 50000,
    BEAT_US = 1000000,
    TEND_US = 20000,     /* between two looks after the stream while nothing is read */
    LEAVE_US = 10000000, /* longest wait of an attempt that should end for a commit under way */
};

leat_rc leat_run_tend(leat_run *r, leat_err *e)
{
    leat_appender *ap = &r->g->appender;
    leat_stream *stream = r->g->conf.stream;
    if (!stream->ops->tend) return LEAT_OK;
    if (leat_appender_take(ap, r->task.id, LEAT_APPENDER_LOOK) != LEAT_OK) return LEAT_OK;
    uint64_t frame = stream->ops->state(stream)->frame;
    bool was_known = leat_run_known(stream);
    leat_run_at_stream(r, LEAT_STAGE_DISK);
    leat_rc rc = stream->ops->tend(stream, e);
    bool news = stream->ops->state(stream)->frame != frame || leat_run_known(stream) != was_known;
    if (news) leat_run_progress(r->g);
    leat_appender_give(ap);
    return rc;
}

bool leat_run_known(const leat_stream *stream)
{
    return !stream->ops->known || stream->ops->known(stream);
}

leat_rc leat_run_tend_idle(leat_run *r, leat_err *e)
{
    int64_t now = leat_mono_us();
    if (now - r->tended_us < TEND_US) return LEAT_OK;
    r->tended_us = now;
    return leat_run_tend(r, e);
}

leat_rc leat_run_idle(leat_run *r, int64_t us, leat_err *e)
{
    int64_t now = leat_mono_us();
    if (r->task.source->beat && now - r->beat_us >= BEAT_US) {
        r->beat_us = now;
        leat_run_at(r, LEAT_STAGE_SOURCE);
        LEAT_TRY(r->task.source->beat(&r->task, e));
    }
    if (r->beside) LEAT_TRY(leat_beside_idle(r, e));
    leat_run_gauge(r);
    LEAT_TRY(leat_run_tend_idle(r, e));
    r->wake_us = now + us;
    return LEAT_AGAIN;
}

leat_rc leat_run_wind_up(leat_run *r, leat_err *e)
{
    if (leat_run_pending(r)) r->commit_due = true;
    leat_rc rc = leat_run_flush(r, e);
    if (rc != LEAT_OK || !r->under_way) {
        r->winding_us = 0;
        return rc;
    }
    int64_t now = leat_mono_us();
    if (r->winding_us == 0) r->winding_us = now;
    if (leat_run_leave(r->g) && now - r->winding_us >= LEAVE_US) {
        r->winding_us = 0;
        return leat_fail(e, LEAT_RETRY, "stream.unfinished", r->g->conf.connector,
                         "the stream did not say within %d s that all events are durable; those "
                         "that are not are read again at the next start",
                         LEAVE_US / 1000000);
    }
    return leat_run_idle(r, SOON_MS * 1000, e);
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
    if (shown) leat_run_going(r);
    return LEAT_OK;
}

bool leat_run_held_back(leat_run *r, int64_t *left_us)
{
    static const char *const texts[] = {"limits.rate.events", "limits.rate.bytes", "limits.cpu"};
    leat_limit which = LEAT_LIMIT_EVENTS;
    int64_t us = leat_budget_wait(&r->g->budget, &which);
    bool shown = r->status.waits && strncmp(r->status.waits, "limits.", 7) == 0;
    if (us > 0)
        leat_run_waits(r, texts[which]);
    else if (shown)
        leat_run_waits(r, NULL);
    *left_us = us < LIMIT_US ? us : LIMIT_US;
    return us > 0;
}

/* How long a read may wait: longer where nothing comes, since each look costs processor time. */
static int patience(const leat_run *r)
{
    int most = r->g->conf.idle_ms;
    return most > WAIT_MS && r->came_us > 0 && r->beat_us - r->came_us > IDLE_US ? most : WAIT_MS;
}

static leat_rc read_batch(leat_run *r, leat_err *e)
{
    leat_batch *b = &r->batch;
    leat_batch_reset(b);
    leat_run_at(r, LEAT_STAGE_SOURCE);
    int fault = LEAT_FAULT(source_read);
    if (fault) return leat_os_fail(e, fault, "read from", r->g->conf.connector);
    int wait_ms = r->under_way                         ? SOON_MS
                  : leat_run_pending(r)                ? 0
                  : r->beside && !leat_beside_rests(r) ? BESIDE_MS
                                                       : patience(r);
    leat_run_signals(r);
    leat_rc rc = r->task.source->read(&r->task, b, wait_ms, e);
    LEAT_TRY(rc);
    r->read_rc = rc;
    r->beat_us = leat_mono_us();
    if (b->n > 0 || r->came_us == 0) r->came_us = r->beat_us;
    if (b->n == 0 && !b->safe.offset.s && !b->dead && b->counts.received == 0) {
        r->commit_due = leat_run_pending(r);
        return LEAT_OK;
    }
    if (r->beside) leat_beside_note(r);
    LEAT_TRY(leat_run_offer(r, false, e));
    if (r->beside && b->safe.offset.s) r->with_progress = leat_beside_urgent(r);
    return LEAT_OK;
}

/* All that was read is durable, and the end was meant: it should also be where it is to go. */
static leat_rc arrive(leat_run *r, leat_err *e)
{
    const leat_stream *stream = r->g->conf.stream;
    bool there = !stream->ops->arrived || stream->ops->arrived(stream);
    leat_run_waits(r, there ? NULL : "Kafka, to take what is in the spool");
    if (there || leat_run_leave(r->g)) return LEAT_PENDING;
    return leat_run_idle(r, SOON_MS * 1000, e);
}

/* The end of the source or of `once`, or a wish to leave: everything read is durable before that;
 * an open transaction is left to the next start. */
leat_rc leat_run_stream(leat_run *r, leat_err *e)
{
    leat_rc rc = leat_run_flush(r, e);
    if (rc != LEAT_OK) return rc;
    LEAT_TRY(leat_run_notice(r, e));
    leat_run_signals_durable(r);
    bool beside = r->beside && !leat_beside_rests(r);
    bool ended = (r->read_rc == LEAT_PENDING || r->past_end) && !beside;
    if (ended || leat_run_leave(r->g)) {
        rc = leat_run_wind_up(r, e);
        r->result = ended ? LEAT_PENDING : LEAT_OK;
        if (rc != LEAT_OK) return rc;
        return ended ? arrive(r, e) : LEAT_PENDING;
    }
    bool paused;
    rc = leat_run_paused(r, &paused, e);
    if (rc != LEAT_OK || paused) return rc;
    LEAT_TRY(leat_beside_asked(r, e));
    if (r->beside) {
        bool took;
        rc = leat_beside_turn(r, &took, e);
        if (rc != LEAT_OK || took) return rc;
    }
    int64_t left;
    if (leat_run_held_back(r, &left)) return leat_run_idle(r, left, e);
    LEAT_TRY(read_batch(r, e));
    rc = leat_run_flush(r, e);
    leat_run_gauge(r);
    if (rc == LEAT_OK) rc = leat_run_tend(r, e);
    return rc;
}
