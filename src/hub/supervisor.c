/* Fork, exec, wait, restart: a poll loop over a signalfd with one timer.
 *
 * A child that asks for a restart or dies by a signal is started again after a pause that doubles
 * from RESTART_MIN_US to RESTART_MAX_US and begins anew after a minute of running; with `once`,
 * where somebody waits for the end, it fails when it has died ONCE_TRIES times in a row. Stop:
 * SIGTERM to all, SIGKILL to those that outlast the deadline; a second signal kills at once. */
#include "hub/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "engine/control.h"

enum {
    RESTART_MIN_US = 100000,
    RESTART_MAX_US = 30000000,
    GOOD_RUN_US = 60000000,
    STOP_MS = 20000,
    ONCE_TRIES = 6,
    ONCE_LOOK_US = 50000,
    LOOK_US = 500000, /* for whatever changes by itself */
    NOTE_MAX = 64,    /* bytes */
    CONFIG_FD = 3
};

typedef struct child {
    const leat_config *config;
    bool sink, ended, told_finish;
    bool noted;      /* its process has noted us, in this or an earlier run */
    pid_t pid;       /* 0: not running */
    int status;      /* exit status once ended */
    unsigned deaths; /* one after the other */
    int64_t started_us, start_at_us, pause_us;
} child;

typedef struct supervisor {
    leat_supervisor_conf conf;
    child *children;
    size_t n;
    int signals;
    bool stopping;
    int64_t kill_at_us;
} supervisor;

static void tell(const supervisor *s, const child *c, const char *what)
{
    if (s->conf.event) s->conf.event(s->conf.arg, c->config->name, what);
}

/* A memory file with the configuration, for the child. */
static int config_file(const leat_config *config)
{
    leat_buf buf = {0};
    leat_config_write(config, NULL, false, &buf);
    int fd = memfd_create("leat-config", MFD_CLOEXEC);
    int err = fd < 0 ? -errno : leat_os_write_all(fd, buf.p, buf.len, 0);
    leat_buf_free(&buf);
    if (err < 0 && fd >= 0) close(fd);
    return err < 0 ? err : fd;
}

static _Noreturn void not_started(const child *c, const char *doing)
{
    leat_log(LEAT_ERROR, "supervisor.exec", "connector=%s cannot %s: %s", c->config->name, doing,
             leat_os_strerror(errno));
    _exit(LEAT_CHILD_RESTART);
}

/* In the child, between fork and exec. The signals that stop it stay blocked until it can handle
 * them: one that comes meanwhile is not lost and kills nothing. */
static _Noreturn void become(const supervisor *s, const child *c, int config, pid_t parent)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(LEAT_CHILD_DONE);
    if (config == CONFIG_FD ? fcntl(config, F_SETFD, 0) < 0 : dup2(config, CONFIG_FD) < 0)
        not_started(c, "hand over the configuration");
    const char *argv[12] = {"leat", "connector", c->config->name, "--data", s->conf.data};
    int n = 5;
    if (s->conf.once && !c->sink) argv[n++] = "--once";
    if (s->conf.log_level) {
        argv[n++] = "--log-level";
        argv[n++] = s->conf.log_level;
    }
    if (s->conf.log_json) argv[n++] = "--log-json";
    execv("/proc/self/exe", (char *const *)argv);
    not_started(c, "start /proc/self/exe");
}

static void start(supervisor *s, child *c)
{
    int config = config_file(c->config);
    pid_t parent = getpid();
    pid_t pid = config < 0 ? -1 : fork();
    if (pid == 0) become(s, c, config, parent);
    c->started_us = leat_mono_us();
    if (pid < 0) {
        leat_log(LEAT_ERROR, "supervisor.fork", "connector=%s cannot start a process: %s",
                 c->config->name, leat_os_strerror(config < 0 ? config : errno));
        c->start_at_us = c->started_us + RESTART_MAX_US;
    } else {
        c->pid = pid;
        tell(s, c, "started");
    }
    if (config >= 0) close(config);
}

static bool for_good(int status)
{
    if (!WIFEXITED(status)) return false;
    int code = WEXITSTATUS(status);
    return code == LEAT_CHILD_DONE || code == LEAT_CHILD_FAILED || code == LEAT_CHILD_CONFIG;
}

static void restart_later(child *c, int status)
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
            c->config->name, WTERMSIG(status), (long long)(c->pause_us / 1000));
    else
        leat_log(LEAT_WARN, "supervisor.child_ended", "connector=%s status=%d restart_in_ms=%lld",
                 c->config->name, WEXITSTATUS(status), (long long)(c->pause_us / 1000));
    c->pause_us = c->pause_us * 2 > RESTART_MAX_US ? RESTART_MAX_US : c->pause_us * 2;
}

static void end(const supervisor *s, child *c, int status)
{
    c->ended = true;
    c->status = status;
    tell(s, c, status == LEAT_CHILD_DONE ? "ended" : "failed");
}

/* Told to restart: no crash, and no reason to wait. */
static void restart_now(child *c)
{
    leat_log(LEAT_INFO, "supervisor.restart", "connector=%s", c->config->name);
    c->deaths = 0;
    c->pause_us = c->start_at_us = 0;
}

static void ended(supervisor *s, child *c, int status)
{
    c->pid = 0;
    bool again = WIFEXITED(status) && WEXITSTATUS(status) == LEAT_CHILD_AGAIN;
    if (again && s->stopping) {
        end(s, c, LEAT_CHILD_DONE);
    } else if (again) {
        restart_now(c);
    } else if (for_good(status)) {
        end(s, c, WEXITSTATUS(status));
    } else if (s->stopping) {
        leat_log(LEAT_WARN, "supervisor.not_in_order",
                 "connector=%s signal=%d status=%d it did not stop in order; nothing is lost, it "
                 "goes on from its last durable position",
                 c->config->name, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                 WIFEXITED(status) ? WEXITSTATUS(status) : 0);
        end(s, c, LEAT_CHILD_FAILED);
    } else {
        restart_later(c, status);
        if (!s->conf.once || c->deaths < ONCE_TRIES) return;
        leat_log(
            LEAT_ERROR, "supervisor.gave_up",
            "connector=%s it ended %u times one after the other; what it said before tells why",
            c->config->name, c->deaths);
        end(s, c, LEAT_CHILD_FAILED);
    }
}

static void reap(supervisor *s)
{
    for (size_t i = 0; i < s->n; i++) {
        child *c = &s->children[i];
        int status;
        if (c->pid > 0 && waitpid(c->pid, &status, WNOHANG) == c->pid) ended(s, c, status);
    }
}

static void kill_all(supervisor *s, int sig)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->children[i].pid > 0) kill(s->children[i].pid, sig);
}

static void stop(supervisor *s)
{
    if (s->stopping) {
        kill_all(s, SIGKILL);
        return;
    }
    s->stopping = true;
    s->kill_at_us = leat_mono_us() + (int64_t)s->conf.stop_ms * 1000;
    for (size_t i = 0; i < s->n; i++) {
        child *c = &s->children[i];
        if (c->pid == 0 && !c->ended) end(s, c, c->deaths ? LEAT_CHILD_FAILED : LEAT_CHILD_DONE);
    }
    kill_all(s, SIGTERM);
}

/* once: when every source has ended, sinks are to end after what is there. */
static void finish_sinks(supervisor *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (!s->children[i].sink && !s->children[i].ended) return;
    for (size_t i = 0; i < s->n; i++) {
        child *c = &s->children[i];
        if (!c->sink || c->pid == 0 || c->told_finish) continue;
        leat_arena a;
        leat_arena_init(&a, 0);
        const leat_json *reply;
        char *folder = leat_arena_printf(&a, "%s/connectors/%s", s->conf.data, c->config->name);
        c->told_finish = leat_control_call(folder, LEAT_STR("{\"verb\":\"finish\"}"), 1000, &a,
                                           &reply, NULL) == LEAT_OK;
        leat_arena_free(&a);
    }
}

/* Who started it last by the note in its folder: its pid; 0: there is no note; -1: unknown. */
static int64_t noted_by(const char *folder)
{
    leat_buf text = {0};
    char path[4096];
    int64_t pid = -1;
    int n = snprintf(path, sizeof path, "%s/" LEAT_CHILD_NOTE, folder);
    int err = n >= (int)sizeof path ? -ENAMETOOLONG : leat_os_load(path, &text, NOTE_MAX);
    if (err == -ENOENT)
        pid = 0;
    else if (err < 0 || !leat_str_i64(leat_buf_str(&text), &pid))
        pid = -1;
    leat_buf_free(&text);
    return pid;
}

/* Whoever wants one that does not run to run again leaves a file (hub/supervisor.h). */
static bool take_wish(const char *folder)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/" LEAT_CHILD_WISH, folder);
    return n < (int)sizeof path && leat_os_now()->unlink(path) == 0;
}

/* What others did to the folders: connectors that were deleted are forgotten, wishes granted. */
static void look_at_folders(supervisor *s)
{
    for (size_t i = 0; i < s->n; i++) {
        child *c = &s->children[i];
        char folder[4096];
        if (c->pid != 0 && c->noted) continue;
        int n = snprintf(folder, sizeof folder, "%s/connectors/%s", s->conf.data, c->config->name);
        int64_t by = n < (int)sizeof folder ? noted_by(folder) : -1;
        if (by == getpid()) c->noted = true;
        if (c->pid != 0) continue;
        if (by >= 0 && by != getpid() && c->noted && !c->ended) {
            leat_log(LEAT_INFO, "supervisor.forgotten", "connector=%s it is not started again: %s",
                     c->config->name, by == 0 ? "it was deleted" : "another 'leat run' started it");
            end(s, c, LEAT_CHILD_DONE);
        } else if (by == getpid() && take_wish(folder)) {
            c->ended = false;
            c->status = 0;
            restart_now(c);
        }
    }
}

/* Starts what is due; returns the milliseconds until something may be due again. */
static int turn(supervisor *s)
{
    int64_t now = leat_mono_us(), next = now + LOOK_US;
    if (!s->stopping && !s->conf.once) look_at_folders(s);
    for (size_t i = 0; i < s->n && !s->stopping; i++) {
        child *c = &s->children[i];
        if (c->pid != 0 || c->ended) continue;
        if (c->start_at_us <= now) {
            c->told_finish = false;
            start(s, c);
        }
        if (c->pid == 0 && c->start_at_us < next) next = c->start_at_us;
    }
    if (s->conf.once && !s->stopping) {
        finish_sinks(s);
        if (next > now + ONCE_LOOK_US) next = now + ONCE_LOOK_US;
    }
    if (s->stopping && now >= s->kill_at_us) kill_all(s, SIGKILL);
    if (s->stopping && now < s->kill_at_us && s->kill_at_us < next) next = s->kill_at_us;
    return (int)((next - now) / 1000) + 1;
}

static bool any_left(const supervisor *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (!s->children[i].ended) return true;
    return false;
}

static int exit_status_of(const supervisor *s)
{
    int out = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->children[i].status == LEAT_CHILD_CONFIG) return 2;
        if (s->children[i].status != LEAT_CHILD_DONE) out = 1;
    }
    return out;
}

static void loop(supervisor *s)
{
    while (any_left(s)) {
        int ms = turn(s);
        struct pollfd p = {.fd = s->signals, .events = POLLIN};
        if (poll(&p, 1, ms) <= 0) continue;
        struct signalfd_siginfo info;
        while (read(s->signals, &info, sizeof info) == sizeof info) {
            if (info.ssi_signo == SIGCHLD) continue;
            stop(s);
        }
        reap(s);
    }
}

/* The signals that stop, but those that who started us wants to be ignored (nohup), and SIGCHLD. */
static void own_signals(sigset_t *set)
{
    static const int stopping[] = {SIGTERM, SIGINT, SIGHUP};
    sigemptyset(set);
    for (size_t i = 0; i < sizeof stopping / sizeof *stopping; i++) {
        struct sigaction now;
        sigaction(stopping[i], NULL, &now);
        if (now.sa_handler != SIG_IGN) sigaddset(set, stopping[i]);
    }
    sigaddset(set, SIGCHLD);
}

leat_rc leat_supervisor_run(const leat_supervisor_conf *conf, const leat_child_config *children,
                            size_t n, int *exit_status, leat_err *e)
{
    sigset_t set, old;
    own_signals(&set);
    sigprocmask(SIG_BLOCK, &set, &old);
    signal(SIGCHLD, SIG_DFL); /* inherited as ignored, children would vanish unseen */
    signal(SIGPIPE, SIG_IGN); /* a log that nobody reads any more is no reason to die */
    supervisor s = {.conf = *conf, .n = n, .children = leat_zalloc(n, sizeof(child))};
    if (s.conf.stop_ms == 0) s.conf.stop_ms = STOP_MS;
    for (size_t i = 0; i < n; i++)
        s.children[i] = (child){.config = children[i].config, .sink = children[i].sink};
    s.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    leat_rc rc = LEAT_OK;
    if (s.signals < 0)
        rc = leat_os_fail(e, errno, "make a signalfd for", "the supervisor");
    else
        loop(&s);
    *exit_status = exit_status_of(&s);
    if (s.signals >= 0) close(s.signals);
    leat_free(s.children);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return rc;
}
