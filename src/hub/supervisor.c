/* Start, wait, stop: a poll loop over a signalfd and an eventfd with one timer.
 *
 * Stop: SIGTERM to all, SIGKILL to those that outlast the deadline; a second signal kills at once.
 * What a turn does: supervisor_turn.c; what others ask for: supervisor_ask.c. */
#include "hub/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"
#include "hub/supervisor_inside.h"

enum { STOP_MS = 20000 };

void leat_supervisor_signal(supervisor *s, int sig)
{
    for (leat_child *c = s->first; c; c = c->next)
        if (c->pid > 0) leat_child_signal(c, sig);
}

static void stop(supervisor *s)
{
    if (s->stopping) {
        leat_supervisor_signal(s, SIGKILL);
        return;
    }
    s->stopping = true;
    s->kill_at_us = leat_mono_us() + (int64_t)s->conf.stop_ms * 1000;
    for (leat_child *c = s->first; c; c = c->next) {
        if (c->pid == 0 && !c->ended)
            leat_supervisor_end(s, c, c->deaths ? LEAT_CHILD_FAILED : LEAT_CHILD_DONE);
    }
    leat_supervisor_signal(s, SIGTERM);
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
    while (!s->leaving && (any_left(s) || (until_told && !s->stopping))) {
        int ms = leat_supervisor_turn(s);
        pthread_mutex_unlock(&s->guard);
        struct pollfd p[] = {{.fd = s->signals, .events = POLLIN},
                             {.fd = s->wake, .events = POLLIN}};
        poll(p, 2, ms);
        struct signalfd_siginfo info;
        uint64_t woken;
        (void)!read(s->wake, &woken, sizeof woken);
        pthread_mutex_lock(&s->guard);
        while (read(s->signals, &info, sizeof info) == sizeof info)
            if (info.ssi_signo == SIGUSR2)
                s->conf.event(s->conf.arg, NULL, "upgrade");
            else if (info.ssi_signo != SIGCHLD)
                stop(s);
        leat_supervisor_reap(s);
    }
    pthread_mutex_unlock(&s->guard);
}

/* The signals that stop, but those that who started us wants to be ignored (nohup), and SIGCHLD. */
static void own_signals(sigset_t *set, const leat_supervisor_conf *conf)
{
    static const int stopping[] = {SIGTERM, SIGINT, SIGHUP};
    sigemptyset(set);
    for (size_t i = 0; i < sizeof stopping / sizeof *stopping; i++) {
        struct sigaction now;
        sigaction(stopping[i], NULL, &now);
        bool kept = conf->keep_hangup && stopping[i] == SIGHUP;
        if (now.sa_handler != SIG_IGN && !kept) sigaddset(set, stopping[i]);
    }
    sigaddset(set, SIGCHLD);
    if (conf->upgrades) sigaddset(set, SIGUSR2);
}

leat_rc leat_supervisor_new(const leat_supervisor_conf *conf, leat_supervisor **out, leat_err *e)
{
    sigset_t set;
    supervisor *s = leat_zalloc(1, sizeof *s);
    s->conf = *conf;
    if (s->conf.stop_ms == 0) s->conf.stop_ms = STOP_MS;
    pthread_mutex_init(&s->guard, NULL);
    pthread_cond_init(&s->changed, NULL);
    own_signals(&set, conf);
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

leat_child **leat_supervisor_named(supervisor *s, const char *name)
{
    return &s->named[leat_str_hash(leat_str_of(name)) % LEAT_SUPERVISOR_NAMES];
}

void leat_supervisor_append(supervisor *s, leat_child *c)
{
    leat_child **at = &s->first, **name = leat_supervisor_named(s, c->name);
    while (*at) at = &(*at)->next;
    *at = c;
    c->named = *name;
    *name = c;
}

void leat_supervisor_unname(supervisor *s, leat_child *c)
{
    leat_child **at = leat_supervisor_named(s, c->name);
    while (*at != c) at = &(*at)->named;
    *at = c->named;
}

leat_rc leat_supervisor_run(const leat_supervisor_conf *conf, const leat_child_config *children,
                            size_t n, int *exit_status, leat_err *e)
{
    supervisor *s;
    *exit_status = 1;
    LEAT_TRY(leat_supervisor_new(conf, &s, e));
    for (size_t i = 0; i < n; i++) leat_supervisor_append(s, leat_child_new(&children[i]));
    loop(s, false);
    *exit_status = exit_status_of(s);
    leat_supervisor_free(s);
    return LEAT_OK;
}

void leat_supervisor_serve(leat_supervisor *s)
{
    loop(s, true);
}
