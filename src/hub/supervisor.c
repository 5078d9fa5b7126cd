/* Start, wait, restart: a poll loop over a signalfd and an eventfd with one timer.
 *
 * A child that asks for a restart or dies by a signal is started again after a pause that doubles
 * from RESTART_MIN_US to RESTART_MAX_US and begins anew after a minute of running; with `once`,
 * where somebody waits for the end, it fails when it has died ONCE_TRIES times in a row. Stop:
 * SIGTERM to all, SIGKILL to those that outlast the deadline; a second signal kills at once.
 *
 * Children belong to the thread of the loop, which holds the guard while it looks at them; other
 * threads change what is wanted of one under the guard, and wake the loop. */
#include "hub/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "engine/control.h"
#include "hub/child.h"

enum {
    RESTART_MIN_US = 100000,
    RESTART_MAX_US = 30000000,
    GOOD_RUN_US = 60000000,
    STOP_MS = 20000,
    ONCE_TRIES = 6,
    ONCE_LOOK_US = 50000,
    LOOK_US = 500000,   /* for whatever changes by itself */
    ADOPTED_US = 50000, /* for the end of an adopted one that was told to end */
};

struct leat_supervisor {
    leat_supervisor_conf conf;
    pthread_mutex_t guard;
    pthread_cond_t changed; /* a child ended, or is gone */
    leat_child *first;
    int signals, wake; /* signalfd, eventfd */
    sigset_t old;
    atomic_bool stopping; /* written under the guard */
    int64_t kill_at_us;
};
typedef struct leat_supervisor supervisor;

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

static void restart_later(leat_child *c, int status)
{
    int64_t now = leat_mono_us();
    if (now - c->started_us > GOOD_RUN_US) c->pause_us = c->deaths = 0;
    if (c->pause_us == 0) c->pause_us = RESTART_MIN_US;
    c->deaths++;
    c->start_at_us = now + c->pause_us;
    if (WIFSIGNALED(status))
        leat_log(
            LEAT_ERROR, "supervisor.child_died",
            "connector=%s signal=%d restart_in_ms=%lld its process was killed; it goes on from "
            "its last durable position",
            c->name, WTERMSIG(status), (long long)(c->pause_us / 1000));
    else
        leat_log(LEAT_WARN, "supervisor.child_ended", "connector=%s status=%d restart_in_ms=%lld",
                 c->name, WEXITSTATUS(status), (long long)(c->pause_us / 1000));
    c->pause_us = c->pause_us * 2 > RESTART_MAX_US ? RESTART_MAX_US : c->pause_us * 2;
}

static void end(const supervisor *s, leat_child *c, int status)
{
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
    end(s, c, LEAT_CHILD_FAILED);
}

static void ended(supervisor *s, leat_child *c, int status)
{
    bool told = c->kill_at_us != 0, wanted = c->again;
    c->pid = 0;
    c->kill_at_us = 0;
    c->again = c->adopted = false;
    bool again = WIFEXITED(status) && WEXITSTATUS(status) == LEAT_CHILD_AGAIN;
    if (again && s->stopping) {
        end(s, c, LEAT_CHILD_DONE);
    } else if (again || (wanted && !s->stopping)) {
        restart_now(c);
    } else if (for_good(status)) {
        /* It may have failed since one of the last hub's has the lock after all. */
        bool failed = WEXITSTATUS(status) == LEAT_CHILD_FAILED && !s->stopping;
        if (!failed || !s->conf.outlive || !leat_child_adopt(c, s->conf.data))
            end(s, c, WEXITSTATUS(status));
    } else if (s->stopping || told) {
        not_in_order(s, c, status);
    } else {
        restart_later(c, status);
        if (!s->conf.once || c->deaths < ONCE_TRIES) return;
        leat_log(
            LEAT_ERROR, "supervisor.gave_up",
            "connector=%s it ended %u times one after the other; what it said before tells why",
            c->name, c->deaths);
        end(s, c, LEAT_CHILD_FAILED);
    }
}

static void reap(supervisor *s)
{
    for (leat_child **at = &s->first, *c; (c = *at);) {
        int status;
        if (c->pid > 0 && leat_child_gone(c, s->conf.data, &status)) {
            ended(s, c, status);
            pthread_cond_broadcast(&s->changed);
        }
        if (c->removed && c->pid == 0) {
            *at = c->next;
            leat_child_free(c);
            pthread_cond_broadcast(&s->changed);
        } else {
            at = &c->next;
        }
    }
}

static void kill_all(supervisor *s, int sig)
{
    for (leat_child *c = s->first; c; c = c->next)
        if (c->pid > 0) leat_child_signal(c, sig);
}

static void stop(supervisor *s)
{
    if (s->stopping) {
        kill_all(s, SIGKILL);
        return;
    }
    s->stopping = true;
    s->kill_at_us = leat_mono_us() + (int64_t)s->conf.stop_ms * 1000;
    for (leat_child *c = s->first; c; c = c->next) {
        if (c->pid == 0 && !c->ended) end(s, c, c->deaths ? LEAT_CHILD_FAILED : LEAT_CHILD_DONE);
    }
    kill_all(s, SIGTERM);
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
            end(s, c, LEAT_CHILD_DONE);
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

/* Starts what is due; returns the milliseconds until something may be due again. */
static int turn(supervisor *s)
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
    if (s->stopping && now >= s->kill_at_us) kill_all(s, SIGKILL);
    if (s->stopping && now < s->kill_at_us) sooner(&next, s->kill_at_us);
    return (int)((next - now) / 1000) + 1;
}

static bool any_left(const supervisor *s)
{
    for (leat_child *c = s->first; c; c = c->next)
        if (!c->ended) return true;
    return false;
}

static int exit_status_of(const supervisor *s)
{
    int out = 0;
    for (leat_child *c = s->first; c; c = c->next) {
        if (c->status == LEAT_CHILD_CONFIG) return 2;
        if (c->status != LEAT_CHILD_DONE) out = 1;
    }
    return out;
}

static void loop(supervisor *s, bool until_told)
{
    pthread_mutex_lock(&s->guard);
    while (any_left(s) || (until_told && !s->stopping)) {
        int ms = turn(s);
        pthread_mutex_unlock(&s->guard);
        struct pollfd p[] = {{.fd = s->signals, .events = POLLIN},
                             {.fd = s->wake, .events = POLLIN}};
        poll(p, 2, ms);
        struct signalfd_siginfo info;
        uint64_t woken;
        (void)!read(s->wake, &woken, sizeof woken);
        pthread_mutex_lock(&s->guard);
        while (read(s->signals, &info, sizeof info) == sizeof info)
            if (info.ssi_signo != SIGCHLD) stop(s);
        reap(s);
    }
    pthread_mutex_unlock(&s->guard);
}

/* The signals that stop, but those that who started us wants to be ignored (nohup), and SIGCHLD. */
static void own_signals(sigset_t *set, bool keep_hangup)
{
    static const int stopping[] = {SIGTERM, SIGINT, SIGHUP};
    sigemptyset(set);
    for (size_t i = 0; i < sizeof stopping / sizeof *stopping; i++) {
        struct sigaction now;
        sigaction(stopping[i], NULL, &now);
        bool kept = keep_hangup && stopping[i] == SIGHUP;
        if (now.sa_handler != SIG_IGN && !kept) sigaddset(set, stopping[i]);
    }
    sigaddset(set, SIGCHLD);
}

leat_rc leat_supervisor_new(const leat_supervisor_conf *conf, leat_supervisor **out, leat_err *e)
{
    sigset_t set;
    supervisor *s = leat_zalloc(1, sizeof *s);
    s->conf = *conf;
    if (s->conf.stop_ms == 0) s->conf.stop_ms = STOP_MS;
    pthread_mutex_init(&s->guard, NULL);
    pthread_cond_init(&s->changed, NULL);
    own_signals(&set, conf->keep_hangup);
    sigprocmask(SIG_BLOCK, &set, &s->old);
    signal(SIGCHLD, SIG_DFL); /* inherited as ignored, children would vanish unseen */
    signal(SIGPIPE, SIG_IGN); /* a log that nobody reads any more is no reason to die */
    s->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    s->signals = s->wake < 0 ? -1 : signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (s->signals < 0) {
        leat_os_fail(e, errno, "make a signalfd for", "the supervisor");
        leat_supervisor_free(s);
        return e ? e->rc : LEAT_RETRY;
    }
    *out = s;
    return LEAT_OK;
}

void leat_supervisor_free(leat_supervisor *s)
{
    if (!s) return;
    for (leat_child *c = s->first, *next; c; c = next) {
        next = c->next;
        leat_child_free(c);
    }
    if (s->signals >= 0) close(s->signals);
    if (s->wake >= 0) close(s->wake);
    sigprocmask(SIG_SETMASK, &s->old, NULL);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->guard);
    leat_free(s);
}

static void append(supervisor *s, leat_child *c)
{
    leat_child **at = &s->first;
    while (*at) at = &(*at)->next;
    *at = c;
}

leat_rc leat_supervisor_run(const leat_supervisor_conf *conf, const leat_child_config *children,
                            size_t n, int *exit_status, leat_err *e)
{
    supervisor *s;
    *exit_status = 1;
    LEAT_TRY(leat_supervisor_new(conf, &s, e));
    for (size_t i = 0; i < n; i++) append(s, leat_child_new(&children[i]));
    loop(s, false);
    *exit_status = exit_status_of(s);
    leat_supervisor_free(s);
    return LEAT_OK;
}

void leat_supervisor_serve(leat_supervisor *s)
{
    loop(s, true);
}

/* ---- by other threads ---- */

static leat_child *find(const supervisor *s, const char *name)
{
    for (leat_child *c = s->first; c; c = c->next)
        if (!c->removed && strcmp(c->name, name) == 0) return c;
    return NULL;
}

/* The guard is taken; the loop looks again. */
static void wake(supervisor *s)
{
    uint64_t one = 1;
    (void)!write(s->wake, &one, sizeof one);
}

static void tell_to_stop(supervisor *s, leat_child *c, bool again)
{
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
        append(s, c);
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

static bool has_process(const supervisor *s, const char *name)
{
    for (const leat_child *c = s->first; c; c = c->next)
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
