/* One turn of the supervisor: what ended, what is due, what outlasted its time.
 *
 * A child that asks for a restart or dies by a signal is started again after a pause that doubles
 * from RESTART_MIN_US to RESTART_MAX_US and begins anew after a minute of running; with `once`,
 * where somebody waits for the end, it fails when it has died ONCE_TRIES times in a row. Run by the
 * thread of the loop, which holds the guard. */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/control.h"
#include "hub/supervisor_inside.h"

enum {
    RESTART_MIN_US = 100000,
    RESTART_MAX_US = 30000000,
    GOOD_RUN_US = 60000000,
    ONCE_TRIES = 6,
    ONCE_LOOK_US = 50000,
    LOOK_US = 500000,   /* for whatever changes by itself */
    ADOPTED_US = 50000, /* for the end of an adopted one that was told to end */
};

static void tell(const supervisor *s, const leat_child *c, const char *what)
{
    if (s->conf.event) s->conf.event(s->conf.arg, c->name, what);
}

static bool for_good(int status)
{
    if (!WIFEXITED(status)) return false;
    int code = WEXITSTATUS(status);
    return code == LEAT_CHILD_DONE || code == LEAT_CHILD_FAILED || code == LEAT_CHILD_CONFIG;
}

static void restart_later(const supervisor *s, leat_child *c, int status)
{
    int64_t now = leat_mono_us();
    if (now - c->started_us > GOOD_RUN_US) c->pause_us = c->deaths = 0;
    if (c->pause_us == 0) c->pause_us = RESTART_MIN_US;
    c->deaths++;
    c->start_at_us = now + c->pause_us;
    leat_child_note_restart(c, s->conf.data, leat_now_us() + c->pause_us);
    if (WIFSIGNALED(status))
        leat_log(
            LEAT_ERROR, "supervisor.child_died",
            "connector=%s signal=%d restart_in_ms=%lld its process was killed; it goes on from "
            "its last durable position",
            c->name, WTERMSIG(status), (long long)(c->pause_us / 1000));
    else if (WEXITSTATUS(status) == LEAT_CHILD_MEMORY)
        leat_log(LEAT_ERROR, "limits.process.memory",
                 "connector=%s restart_in_ms=%lld its process wanted more memory than it may have",
                 c->name, (long long)(c->pause_us / 1000));
    else
        leat_log(LEAT_WARN, "supervisor.child_ended", "connector=%s status=%d restart_in_ms=%lld",
                 c->name, WEXITSTATUS(status), (long long)(c->pause_us / 1000));
    c->pause_us = c->pause_us * 2 > RESTART_MAX_US ? RESTART_MAX_US : c->pause_us * 2;
}

void leat_supervisor_end(const supervisor *s, leat_child *c, int status)
{
    if (c->deaths > 0) leat_child_note_restart(c, s->conf.data, 0);
    c->ended = true;
    c->status = status;
    tell(s, c, status == LEAT_CHILD_DONE ? "ended" : "failed");
}

/* Told to restart: no crash, and no reason to wait. */
static void restart_now(leat_child *c)
{
    leat_log(LEAT_INFO, "supervisor.restart", "connector=%s", c->name);
    c->deaths = 0;
    c->pause_us = c->start_at_us = 0;
}

/* Told to stop, but not by itself and in time. */
static void not_in_order(const supervisor *s, leat_child *c, int status)
{
    leat_log(LEAT_WARN, "supervisor.not_in_order",
             "connector=%s signal=%d status=%d it did not stop in order; nothing is lost, it "
             "goes on from its last durable position",
             c->name, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
             WIFEXITED(status) ? WEXITSTATUS(status) : 0);
    leat_supervisor_end(s, c, LEAT_CHILD_FAILED);
}

static void ended(supervisor *s, leat_child *c, int status)
{
    bool told = c->kill_at_us != 0, wanted = c->again;
    if (!c->adopted) leat_child_note_end(c, c->pid, s->conf.data, status);
    c->pid = 0;
    c->kill_at_us = 0;
    c->again = c->adopted = false;
    bool again = WIFEXITED(status) && WEXITSTATUS(status) == LEAT_CHILD_AGAIN;
    if (again && s->stopping) {
        leat_supervisor_end(s, c, LEAT_CHILD_DONE);
    } else if (again || (wanted && !s->stopping)) {
        restart_now(c);
    } else if (for_good(status)) {
        /* It may have failed since one of the last hub's has the lock after all. */
        bool failed = WEXITSTATUS(status) == LEAT_CHILD_FAILED && !s->stopping;
        if (!failed || !s->conf.outlive || !leat_child_adopt(c, s->conf.data))
            leat_supervisor_end(s, c, WEXITSTATUS(status));
    } else if (s->stopping || told) {
        not_in_order(s, c, status);
    } else {
        restart_later(s, c, status);
        if (!s->conf.once || c->deaths < ONCE_TRIES) return;
        leat_log(
            LEAT_ERROR, "supervisor.gave_up",
            "connector=%s it ended %u times one after the other; what it said before tells why",
            c->name, c->deaths);
        leat_supervisor_end(s, c, LEAT_CHILD_FAILED);
    }
}

/* The hub is the reaper of its descendants: the nursery, and whatever connectors left. */
static void reap_others(const supervisor *s)
{
    siginfo_t info = {0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
        for (const leat_child *c = s->first; c; c = c->next)
            if (c->pid == info.si_pid) return; /* the next look is its own */
        waitpid(info.si_pid, NULL, WNOHANG);
        info.si_pid = 0;
    }
}

void leat_supervisor_reap(supervisor *s)
{
    for (leat_child **at = &s->first, *c; (c = *at);) {
        int status;
        if (c->pid > 0 && leat_child_gone(c, s->conf.data, &status)) {
            ended(s, c, status);
            pthread_cond_broadcast(&s->changed);
        }
        if (c->removed && c->pid == 0) {
            *at = c->next;
            leat_supervisor_unname(s, c);
            leat_child_free(c);
            pthread_cond_broadcast(&s->changed);
        } else {
            at = &c->next;
        }
    }
    if (s->conf.nursery) reap_others(s);
}

/* once: when every source has ended, sinks are to end after what is there. */
static void finish_sinks(supervisor *s)
{
    for (leat_child *c = s->first; c; c = c->next)
        if (!c->sink && !c->ended) return;
    for (leat_child *c = s->first; c; c = c->next) {
        if (!c->sink || c->pid == 0 || c->told_finish) continue;
        leat_arena a;
        leat_arena_init(&a, 0);
        const leat_json *reply;
        char *folder = leat_arena_printf(&a, "%s/connectors/%s", s->conf.data, c->name);
        c->told_finish = leat_control_call(folder, LEAT_STR("{\"verb\":\"finish\"}"), 1000, &a,
                                           &reply, NULL) == LEAT_OK;
        leat_arena_free(&a);
    }
}

/* What others did to the folders: connectors that were deleted are forgotten, wishes granted. */
static void look_at_folders(supervisor *s)
{
    for (leat_child *c = s->first; c; c = c->next) {
        if (c->pid != 0 && c->noted) continue;
        int64_t by = leat_child_noted_by(c, s->conf.data);
        if (by == getpid()) c->noted = true;
        if (c->pid != 0 || c->removed) continue;
        if (by >= 0 && by != getpid() && c->noted && !c->ended) {
            leat_log(LEAT_INFO, "supervisor.forgotten", "connector=%s it is not started again: %s",
                     c->name, by == 0 ? "it was deleted" : "another 'leat run' started it");
            leat_supervisor_end(s, c, LEAT_CHILD_DONE);
        } else if (by == getpid() && leat_child_take_wish(c, s->conf.data)) {
            c->ended = false;
            c->status = 0;
            restart_now(c);
        }
    }
}

static void sooner(int64_t *next, int64_t at_us)
{
    if (at_us < *next) *next = at_us;
}

/* Those that were told to stop: killed when they outlast their time. */
static void enforce(supervisor *s, int64_t now, int64_t *next)
{
    for (leat_child *c = s->first; c; c = c->next) {
        if (c->pid == 0 || (c->kill_at_us == 0 && !s->stopping)) continue;
        if (c->adopted) sooner(next, now + ADOPTED_US);
        if (c->kill_at_us == 0) continue;
        if (now >= c->kill_at_us)
            leat_child_signal(c, SIGKILL);
        else
            sooner(next, c->kill_at_us);
    }
}

int leat_supervisor_turn(supervisor *s)
{
    int64_t now = leat_mono_us(), next = now + LOOK_US;
    if (!s->stopping && !s->conf.once) look_at_folders(s);
    for (leat_child *c = s->first; c && !s->stopping; c = c->next) {
        if (c->pid != 0 || c->ended || c->removed) continue;
        if (c->start_at_us <= now) {
            c->told_finish = false;
            if (s->conf.outlive && leat_child_adopt(c, s->conf.data)) continue;
            leat_child_start(c, &s->conf);
            if (c->pid != 0) tell(s, c, "started");
        }
        if (c->pid == 0) sooner(&next, c->start_at_us);
    }
    if (s->conf.once && !s->stopping) {
        finish_sinks(s);
        sooner(&next, now + ONCE_LOOK_US);
    }
    enforce(s, now, &next);
    if (s->stopping && now >= s->kill_at_us) leat_supervisor_signal(s, SIGKILL);
    if (s->stopping && now < s->kill_at_us) sooner(&next, s->kill_at_us);
    return (int)((next - now) / 1000) + 1;
}
