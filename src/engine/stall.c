/* Stalled: the stream, or the disk under it, has no room now.
 *
 * What was to be done is tried again until it can be, with the batch as it is: the source is
 * neither closed nor read, so nothing comes again and nothing is lost, and its connection is kept
 * alive by beats. The state is STALLED, the error says what holds it and what can be done. That a
 * try costs little is the stream's part: it looks for room before it writes. Run by the task's
 * thread. */
#include "base/clock.h"
#include "base/log.h"
#include "engine/run.h"

enum { TRY_US = 250000, NAP_US = 50000, BEAT_US = 1000000, TELL_US = 600000000 };

/* Waiting mends it. */
static bool is_full(leat_rc rc, const leat_err *e)
{
    static const char *const codes[] = {"os.enospc", "os.edquot", "stream.retention_held",
                                        "stream.disk_low"};
    for (size_t i = 0; rc == LEAT_RETRY && i < sizeof codes / sizeof *codes; i++)
        if (strcmp(e->code, codes[i]) == 0) return true;
    return false;
}

static void tell(const leat_err *err)
{
    leat_log(LEAT_WARN, err->code, "stalled where=\"%s\" %s", err->where, err->msg);
}

/* Until the next try is due. PENDING: the attempt should end. */
static leat_rc nap(leat_engine *g, int64_t *beat_us, leat_err *e)
{
    for (int64_t us = 0; us < TRY_US; us += NAP_US) {
        if (leat_run_leave(g)) return LEAT_PENDING;
        int64_t now = leat_mono_us();
        if (g->source_open && g->conf.source->beat && now - *beat_us >= BEAT_US) {
            LEAT_TRY(g->conf.source->beat(&g->task, e));
            *beat_us = now;
        }
        leat_sleep_us(NAP_US);
    }
    return LEAT_OK;
}

leat_rc leat_run_when_room(leat_engine *g, leat_run_call *call, leat_str progress, leat_err *e)
{
    leat_err err = {0}, beat = {0};
    leat_rc rc = call(g, progress, &err), rest = LEAT_OK;
    int64_t began_us = leat_mono_us(), told_us = began_us, beat_us = 0;
    leat_run_state was = g->status.state; /* only this thread changes it */
    bool stalled = is_full(rc, &err);
    if (stalled) tell(&err);
    while (is_full(rc, &err) && rest == LEAT_OK) {
        leat_run_error(g, &err);
        leat_run_state_set(g, LEAT_RUN_STALLED);
        rest = nap(g, &beat_us, &beat);
        if (rest != LEAT_OK) break;
        rc = call(g, progress, &err);
        if (!is_full(rc, &err) || leat_mono_us() - told_us < TELL_US) continue;
        told_us = leat_mono_us();
        tell(&err);
    }
    if (stalled && rc == LEAT_OK) {
        leat_log(LEAT_INFO, "engine.goes_on", "after_s=%lld",
                 (long long)((leat_mono_us() - began_us) / 1000000));
        leat_run_healthy(g);
        leat_run_state_set(g, was);
    }
    if (leat_rc_failed(rest)) err = beat;
    if (leat_rc_failed(rc) && e) *e = err;
    return leat_rc_failed(rest) ? rest : rc;
}
