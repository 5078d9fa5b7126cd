/* Steps, trace, clock, death and verdict of a run; see sim.h. */
#include <stdarg.h>
#include <stdio.h>

#include "engine/sinkrun.h"
#include "sim.h"

enum { STEPS_MOST = 400000, NAPS_MOST = 5000 };

sim *the_sim;

const char *sim_act_name(sim_act act)
{
    static const char *const names[] = {
#define X(name, text) text,
        SIM_ACTS(X)
#undef X
    };
    return names[act];
}

void sim_trace(sim_act act, int64_t a, int64_t b)
{
    sim *s = the_sim;
    s->trace[s->steps++ % TRACE_STEPS] = (step){act, a, b};
    uint64_t h = s->hash ^ ((uint64_t)act << 56) ^ (uint64_t)a ^ ((uint64_t)b << 24);
    s->hash = (h ^ (h >> 31)) * 0x9e3779b97f4a7c15u;
    if (s->verbose)
        printf("%6llu %s %-10s %lld %lld\n", (unsigned long long)s->steps,
               s->dead ? "dead" : "    ", sim_act_name(act), (long long)a, (long long)b);
}

void sim_die(void)
{
    sim *s = the_sim;
    if (s->dead) return;
    cover(s->life.power ? MEET_POWER : MEET_KILL);
    sim_trace(ACT_DEATH, s->lives, s->life.power);
    s->dead = true;
    *s->page_then = *s->page;
    if (s->engine) leat_engine_stop(s->engine);
}

void sim_fail(const char *oracle, const char *fmt, ...)
{
    sim *s = the_sim;
    if (!s->failed) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(s->why, sizeof s->why, fmt, args);
        va_end(args);
        snprintf(s->oracle, sizeof s->oracle, "%s", oracle);
        s->failed = true;
    }
    sim_die();
}

/* True when the countdown ends with this step. */
static bool due(uint32_t *countdown)
{
    return *countdown > 0 && --*countdown == 0;
}

static void happen(life *l)
{
    sim *s = the_sim;
    if (due(&l->jump_in)) {
        s->wall_us += (int64_t)dice_below(&s->dice, 7200) * 1000000 - 3600000000;
        l->jump_in = dice_range(&s->dice, 20, 200);
    }
    if (s->engine && due(&l->stop_in)) {
        cover(MEET_STOP);
        sim_trace(ACT_FAULT, 1, 0); /* stop */
        leat_engine_stop(s->engine);
    }
    if (s->engine && due(&l->pause_in)) {
        sim_trace(ACT_FAULT, 2, 0); /* pause */
        leat_engine_pause(s->engine, true);
        l->paused_left = dice_range(&s->dice, 1, 60);
    }
    if (due(&l->full_in)) {
        cover(MEET_DISK);
        sim_trace(ACT_FAULT, 3, 0); /* full */
        l->hurt = true;
        disk_room(s->disk, dice_below(&s->dice, 3000));
        l->full_for = dice_range(&s->dice, 5, 80);
    } else if (due(&l->full_for)) {
        sim_trace(ACT_FAULT, 4, 0); /* room */
        disk_room(s->disk, -1);
    }
}

bool sim_step(sim_act act, int64_t a, int64_t b)
{
    sim *s = the_sim;
    sim_trace(act, a, b);
    if (s->dead) return true;
    if (s->steps > STEPS_MOST) {
        sim_fail("end", "no end after %u steps", STEPS_MOST);
        return true;
    }
    s->mono_us += 1 + dice_below(&s->dice, 40);
    happen(&s->life);
    if (dice_one_in(&s->dice, s->life.watch_in)) watch_look(&s->watch, false);
    bool counts = (s->life.crash_act == ACT_COUNT || s->life.crash_act == act) &&
                  (s->engine || !s->life.crash_late);
    if (counts && due(&s->life.crash_in)) sim_die();
    return s->dead;
}

/* ---- the clock ---- */

static int64_t now_us(void)
{
    return 1763700000000000 + the_sim->mono_us + the_sim->wall_us;
}

static int64_t mono_us(void)
{
    return the_sim->mono_us += 1 + dice_below(&the_sim->dice, 20);
}

static void sleep_us(int64_t us)
{
    sim *s = the_sim;
    s->mono_us += us;
    if (s->sink.run && ++s->sink.naps > NAPS_MOST) sim_fail("sink", "it waits for ever");
    if (s->failed && s->sink.run) leat_sinkrun_stop(s->sink.run);
    if (s->in_watch) return;
    sim_step(ACT_SLEEP, us, 0);
    keep_sleep();
    if (due(&s->life.paused_left) && s->engine) leat_engine_pause(s->engine, false);
}

const leat_clock sim_clock = {now_us, mono_us, sleep_us};
