/* What other threads want of the supervisor: each call changes what is wanted of a child under the
 * guard, and wakes the loop, which does it. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "hub/supervisor_inside.h"

static leat_child *find(supervisor *s, const char *name)
{
    for (leat_child *c = *leat_supervisor_named(s, name); c; c = c->named)
        if (!c->removed && strcmp(c->name, name) == 0) return c;
    return NULL;
}

/* The loop looks again. */
static void wake(supervisor *s)
{
    uint64_t one = 1;
    (void)!write(s->wake, &one, sizeof one);
}

static void tell_to_stop(supervisor *s, leat_child *c, bool again)
{
    if (again)
        leat_child_leave_wish(c, s->conf.data);
    else if (c->again)
        leat_child_take_wish(c, s->conf.data);
    c->again = again;
    if (c->kill_at_us == 0) c->kill_at_us = leat_mono_us() + (int64_t)s->conf.stop_ms * 1000;
    leat_child_signal(c, SIGTERM);
}

static void start_now(leat_child *c)
{
    if (c->pid != 0) {
        if (c->kill_at_us != 0) c->again = true;
        return;
    }
    c->ended = false;
    c->status = 0;
    c->deaths = 0;
    c->pause_us = c->start_at_us = 0;
}

void leat_supervisor_put(leat_supervisor *s, const leat_child_config *child, bool start)
{
    pthread_mutex_lock(&s->guard);
    leat_child *c = find(s, child->config->name);
    if (c) {
        leat_child_configure(c, child);
        if (start && c->pid != 0) tell_to_stop(s, c, true);
    } else {
        c = leat_child_new(child);
        c->ended = true;
        leat_supervisor_append(s, c);
        leat_child_adopt(c, s->conf.data);
        if (c->pid != 0) c->ended = false;
    }
    if (start && c->pid == 0) start_now(c);
    if (!start && c->pid != 0 && c->adopted) tell_to_stop(s, c, false);
    wake(s);
    pthread_mutex_unlock(&s->guard);
}

/* What is wanted of one, by its name. */
static void change(supervisor *s, const char *name, void (*fn)(supervisor *s, leat_child *c))
{
    pthread_mutex_lock(&s->guard);
    leat_child *c = find(s, name);
    if (c) fn(s, c);
    wake(s);
    pthread_mutex_unlock(&s->guard);
}

static void do_start(supervisor *s, leat_child *c)
{
    (void)s;
    start_now(c);
}

static void do_stop(supervisor *s, leat_child *c)
{
    if (c->pid != 0) {
        tell_to_stop(s, c, false);
        return;
    }
    if (c->deaths > 0) leat_child_note_restart(c, s->conf.data, 0);
    c->ended = true;
    c->status = LEAT_CHILD_DONE;
}

static void do_restart(supervisor *s, leat_child *c)
{
    if (c->pid != 0)
        tell_to_stop(s, c, true);
    else
        start_now(c);
}

static void do_remove(supervisor *s, leat_child *c)
{
    do_stop(s, c);
    c->removed = true;
}

void leat_supervisor_start(leat_supervisor *s, const char *name)
{
    change(s, name, do_start);
}

void leat_supervisor_stop(leat_supervisor *s, const char *name)
{
    change(s, name, do_stop);
}

void leat_supervisor_restart(leat_supervisor *s, const char *name)
{
    change(s, name, do_restart);
}

void leat_supervisor_remove(leat_supervisor *s, const char *name)
{
    change(s, name, do_remove);
}

void leat_supervisor_leave(leat_supervisor *s)
{
    pthread_mutex_lock(&s->guard);
    s->leaving = !s->stopping;
    wake(s);
    pthread_mutex_unlock(&s->guard);
}

bool leat_supervisor_look(leat_supervisor *s, const char *name, leat_child_state *out)
{
    pthread_mutex_lock(&s->guard);
    const leat_child *c = find(s, name);
    *out = (leat_child_state){0};
    if (c) {
        int64_t left = c->start_at_us - leat_mono_us();
        *out = (leat_child_state){.pid = c->pid,
                                  .ended = c->ended,
                                  .stopping = c->pid != 0 && c->kill_at_us != 0,
                                  .status = c->status,
                                  .deaths = c->deaths,
                                  .restart_ms = left > 0 ? left / 1000 : 0};
    }
    pthread_mutex_unlock(&s->guard);
    return c != NULL;
}

static bool has_process(supervisor *s, const char *name)
{
    for (const leat_child *c = *leat_supervisor_named(s, name); c; c = c->named)
        if (c->pid != 0 && strcmp(c->name, name) == 0) return true;
    return false;
}

bool leat_supervisor_wait(leat_supervisor *s, const char *name, int ms)
{
    struct timespec until;
    int64_t at = leat_now_us() + (int64_t)ms * 1000;
    until.tv_sec = at / 1000000;
    until.tv_nsec = at % 1000000 * 1000;
    pthread_mutex_lock(&s->guard);
    while (has_process(s, name) && pthread_cond_timedwait(&s->changed, &s->guard, &until) == 0)
        ;
    bool gone = !has_process(s, name);
    pthread_mutex_unlock(&s->guard);
    return gone;
}

bool leat_supervisor_stopping(const leat_supervisor *s)
{
    return s->stopping;
}
