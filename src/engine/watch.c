/* Whether the tasks go on, seen by another thread: their own may hang in a driver.
 *
 * Of a task that waits for something it has told (an error, a limit, another task) nothing is said
 * here. What is found is shown instead of the task's own state, for as long as it is so. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/run.h"
#include "engine/why.h"

/* Changes with whatever the engine or this task has got done. */
static uint64_t done_of(const leat_engine *g, const leat_run *r)
{
    const leat_counts *c = &g->status.totals;
    const leat_gauges *now = &r->status.gauges;
    uint32_t text = leat_crc32c(0, g->status.position, strlen(g->status.position));
    text = leat_crc32c(text, now->position, strlen(now->position));
    text = leat_crc32c(text, now->acked, strlen(now->acked));
    return (c->received + c->rows_read) << 32 | text;
}

/* It is on its way, and nothing that it has told of holds it. */
static bool watched(const leat_run *r)
{
    leat_run_state state = r->status.state;
    leat_run_phase phase = atomic_load(&r->phase);
    bool told = leat_rc_failed(r->status.error.rc) || r->status.waits;
    bool goes = state == LEAT_RUN_STARTING || state == LEAT_RUN_SNAPSHOT ||
                state == LEAT_RUN_RUNNING || state == LEAT_RUN_STALLED;
    return goes && !told && phase != LEAT_PHASE_PARKED && phase != LEAT_PHASE_OVER;
}

void leat_run_shown(const leat_run *r, leat_task_status *out)
{
    int64_t now = leat_mono_us();
    *out = r->status;
    if (r->stall.stage == LEAT_STAGE_NONE) {
        leat_stage stage = leat_why_stage_of(out->error.code);
        out->stage = out->state != LEAT_RUN_STALLED ? LEAT_STAGE_NONE
                     : stage == LEAT_STAGE_NONE     ? LEAT_STAGE_SOURCE
                                                    : stage;
        return;
    }
    out->state = LEAT_RUN_STALLED;
    out->stage = r->stall.stage;
    out->since_us = leat_now_us() - (now - r->stall.since_us);
    leat_stall_err(&r->stall, r->g->conf.connector, now, &out->error);
}

static void tell(const leat_run *r, int64_t now)
{
    leat_err err;
    leat_stall_err(&r->stall, r->g->conf.connector, now, &err);
    if (r->stall.stage == LEAT_STAGE_NONE)
        leat_log(LEAT_INFO, "engine.unstalled", "task=%u it goes on", r->task.id);
    else
        leat_log(LEAT_WARN, err.code, "stalled task=%u stage=%s %s", r->task.id,
                 leat_stage_name(r->stall.stage), err.msg);
}

void leat_engine_watch(leat_engine *g)
{
    int64_t now = leat_mono_us();
    bool news = false;
    pthread_mutex_lock(&g->lock);
    for (unsigned i = 0; i < g->n; i++) {
        leat_run *r = &g->runs[i];
        leat_stall_sample s = {
            .now_us = now,
            .watched = watched(r),
            .turns = atomic_load(&r->turns),
            .stage = atomic_load(&r->stage),
            .done = done_of(g, r),
            .lag = r->status.state == LEAT_RUN_RUNNING ? r->status.gauges.lag_bytes : -1};
        if (!leat_stall_look(&r->stall, &s, g->conf.stalled_us)) continue;
        tell(r, now);
        news = true;
    }
    if (news) leat_run_show(g);
    pthread_mutex_unlock(&g->lock);
}
