/* A process from the nursery, or by fork and exec; or the take-over of one whose supervisor died.
 *
 * The configuration goes through a memory file; without a nursery the program is /proc/self/exe.
 * Run by the supervisor's thread: a child may be bound to the life of the thread that made it. */
#include "hub/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/group.h"
#include "base/log.h"
#include "base/os.h"
#include "config/seal.h"
#include "stream/page.h"

enum {
    FORK_PAUSE_US = 30000000,
    NOTE_MAX = 64, /* bytes */
    PATH_MAX_BYTES = 4096,
    CONFIG_FD = 3
};

leat_child *leat_child_new(const leat_child_config *from)
{
    leat_child *c = leat_zalloc(1, sizeof *c);
    c->name = leat_strdup(from->config->name);
    leat_child_configure(c, from);
    return c;
}

void leat_child_configure(leat_child *c, const leat_child_config *from)
{
    leat_buf buf = {0};
    leat_config_write(from->config, NULL, false, &buf);
    leat_buf_u8(&buf, 0);
    leat_free(c->config);
    c->config = leat_strdup(buf.p);
    c->sink = from->sink;
    leat_buf_free(&buf);
}

void leat_child_free(leat_child *c)
{
    if (!c) return;
    leat_free(c->name);
    leat_free(c->config);
    leat_free(c);
}

/* A memory file for the child, three texts with a NUL between: the configuration; the keys of
 * sealed values if they came from the environment; our pid, since we may be gone before it looks
 * who its parent is. */
static int config_file(const leat_child *c)
{
    leat_arena a = {0};
    const leat_str text[] = {{c->config, strlen(c->config) + 1},
                             leat_str_of(leat_seal_handed(&a)),
                             {"", 1},
                             leat_str_of(leat_arena_printf(&a, "%d", (int)getpid()))};
    int fd = memfd_create("leat-config", MFD_CLOEXEC), err = fd < 0 ? -errno : 0;
    int64_t at = 0;
    for (size_t i = 0; i < sizeof text / sizeof *text && err >= 0; i++) {
        if (text[i].len > 0) err = leat_os_write_all(fd, text[i].s, text[i].len, at);
        at += (int64_t)text[i].len;
    }
    leat_arena_free(&a);
    if (err < 0 && fd >= 0) close(fd);
    return err < 0 ? err : fd;
}

static _Noreturn void not_started(const leat_child *c, const char *doing)
{
    leat_log(LEAT_ERROR, "supervisor.exec", "connector=%s cannot %s: %s", c->name, doing,
             leat_os_strerror(errno));
    _exit(LEAT_CHILD_RESTART);
}

/* In the child, between fork and exec. The signals that stop it stay blocked until it can handle
 * them: one that comes meanwhile is not lost and kills nothing. */
static _Noreturn void become(const leat_child *c, const leat_supervisor_conf *conf, int config,
                             pid_t parent)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    if (!conf->outlive) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent) _exit(LEAT_CHILD_DONE);
    }
    if (config == CONFIG_FD ? fcntl(config, F_SETFD, 0) < 0 : dup2(config, CONFIG_FD) < 0)
        not_started(c, "hand over the configuration");
    const char *argv[12] = {"leat", "connector", c->name, "--data", conf->data};
    int n = 5;
    if (conf->once && !c->sink) argv[n++] = "--once";
    if (conf->log_level) {
        argv[n++] = "--log-level";
        argv[n++] = conf->log_level;
    }
    if (conf->log_json) argv[n++] = "--log-json";
    execv("/proc/self/exe", (char *const *)argv);
    not_started(c, "start /proc/self/exe");
}

/* Its pid or -errno; -EPIPE: there is no nursery. */
static pid_t from_nursery(const leat_child *c, const leat_supervisor_conf *conf, int config)
{
    leat_nursery_order order = {.connector = c->name,
                                .data = conf->data,
                                .log_level = conf->log_level,
                                .log_json = conf->log_json,
                                .outlive = conf->outlive};
    return conf->nursery ? leat_nursery_fork(conf->nursery, &order, config) : -EPIPE;
}

static pid_t by_exec(const leat_child *c, const leat_supervisor_conf *conf, int config)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) become(c, conf, config, parent);
    return pid < 0 ? -errno : pid;
}

void leat_child_start(leat_child *c, const leat_supervisor_conf *conf)
{
    leat_child_take_wish(c, conf->data);
    int config = config_file(c);
    pid_t pid = config < 0 ? config : from_nursery(c, conf, config);
    if (pid == -EPIPE) pid = by_exec(c, conf, config);
    c->started_us = leat_mono_us();
    if (pid < 0) {
        leat_log(LEAT_ERROR, "supervisor.fork", "connector=%s cannot start a process: %s", c->name,
                 leat_os_strerror(pid));
        c->start_at_us = c->started_us + FORK_PAUSE_US;
    } else {
        c->pid = pid;
        c->adopted = false;
    }
    if (config >= 0) close(config);
}

static bool path_of(const leat_child *c, const char *data, const char *file,
                    char out[PATH_MAX_BYTES])
{
    int n = snprintf(out, PATH_MAX_BYTES, "%s/connectors/%s/%s", data, c->name, file);
    return n > 0 && n < PATH_MAX_BYTES;
}

/* It is our own child: this process ran another program before. */
static bool is_child(pid_t pid)
{
    siginfo_t info;
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

bool leat_child_adopt(leat_child *c, const char *data)
{
    char path[PATH_MAX_BYTES], text[16];
    leat_page *page = NULL;
    if (!path_of(c, data, "counters", path) || leat_page_open(path, &page, NULL) != LEAT_OK)
        return false;
    bool lives = leat_page_alive(page);
    int64_t by = leat_child_noted_by(c, data);
    bool supervised = by > 0 && by != getpid() && leat_os_alive((int)by, 0);
    if (supervised) lives = false;
    if (lives) {
        c->pid = atomic_load(&page->pid);
        c->pid_start = atomic_load(&page->pid_start);
        c->noted = true;
        c->adopted = !is_child(c->pid);
        c->started_us = leat_mono_us();
        snprintf(text, sizeof text, "%010d", (int)getpid());
        int fd = path_of(c, data, LEAT_CHILD_NOTE, path)
                     ? leat_os_now()->open(path, LEAT_O_WRITE | LEAT_O_CREATE, 0600)
                     : -ENAMETOOLONG;
        int err = fd < 0 ? fd : leat_os_write_all(fd, text, strlen(text), 0);
        if (fd >= 0) leat_os_now()->close(fd);
        leat_log(err < 0 ? LEAT_WARN : LEAT_INFO, "supervisor.adopted",
                 "connector=%s pid=%d it went on while its supervisor was gone%s%s", c->name,
                 (int)c->pid, err < 0 ? "; it could not be noted: " : "",
                 err < 0 ? leat_os_strerror(err) : "");
    }
    leat_page_close(page);
    return lives;
}

/* How an adopted one ended, as if waitpid had told. */
static int told_by_page(const leat_child *c, const char *data)
{
    char path[PATH_MAX_BYTES];
    leat_page *page = NULL;
    if (!path_of(c, data, "counters", path) || leat_page_open(path, &page, NULL) != LEAT_OK)
        return LEAT_CHILD_DONE;
    int status = LEAT_CHILD_DONE << 8;
    uint32_t state = atomic_load(&page->state);
    if (atomic_load(&page->pid) > 0)
        status = SIGKILL;
    else if (state == LEAT_RUN_FAILED)
        status = LEAT_CHILD_FAILED << 8;
    else if (state == LEAT_RUN_RETRYING)
        status = LEAT_CHILD_RESTART << 8;
    leat_page_close(page);
    return status;
}

void leat_child_note_end(const leat_child *c, pid_t pid, const char *data, int status)
{
    char path[PATH_MAX_BYTES];
    leat_page *page = NULL;
    bool used_up = WIFEXITED(status) && WEXITSTATUS(status) == LEAT_CHILD_MEMORY;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        used_up = leat_group_killed(c->name) > 0;
    leat_group_remove(c->name);
    if (!used_up && !WIFSIGNALED(status)) return;
    if (!path_of(c, data, "counters", path) || leat_page_open(path, &page, NULL) != LEAT_OK) return;
    if (atomic_load(&page->pid) == pid)
        atomic_store(&page->fatal, used_up ? LEAT_PAGE_MEMORY : (uint32_t)WTERMSIG(status));
    leat_page_close(page);
}

void leat_child_note_restart(const leat_child *c, const char *data, int64_t at_us)
{
    char path[PATH_MAX_BYTES];
    leat_page *page = NULL;
    if (!path_of(c, data, "counters", path) || leat_page_open(path, &page, NULL) != LEAT_OK) return;
    atomic_store(&page->restart_us, at_us);
    atomic_store(&page->restart_by, at_us ? (int32_t)getpid() : 0);
    atomic_store(&page->deaths, at_us ? c->deaths : 0);
    leat_page_close(page);
}

bool leat_child_gone(leat_child *c, const char *data, int *status)
{
    if (!c->adopted) return waitpid(c->pid, status, WNOHANG) == c->pid;
    if (leat_os_alive(c->pid, c->pid_start)) return false;
    *status = told_by_page(c, data);
    return true;
}

void leat_child_signal(const leat_child *c, int sig)
{
    if (c->adopted && !leat_os_alive(c->pid, c->pid_start)) return;
    kill(c->pid, sig);
}

int64_t leat_child_noted_by(const leat_child *c, const char *data)
{
    leat_buf text = {0};
    char path[PATH_MAX_BYTES];
    int64_t pid = -1;
    int err = path_of(c, data, LEAT_CHILD_NOTE, path) ? leat_os_load(path, &text, NOTE_MAX)
                                                      : -ENAMETOOLONG;
    if (err == -ENOENT)
        pid = 0;
    else if (err < 0 || !leat_str_i64(leat_buf_str(&text), &pid))
        pid = -1;
    leat_buf_free(&text);
    return pid;
}

void leat_child_leave_wish(const leat_child *c, const char *data)
{
    char path[PATH_MAX_BYTES];
    int fd = path_of(c, data, LEAT_CHILD_WISH, path)
                 ? leat_os_now()->open(path, LEAT_O_WRITE | LEAT_O_CREATE, 0600)
                 : -ENAMETOOLONG;
    if (fd >= 0) leat_os_now()->close(fd);
    if (fd < 0)
        leat_log(LEAT_WARN, "supervisor.wish", "connector=%s cannot make %s: %s", c->name, path,
                 leat_os_strerror(fd));
}

bool leat_child_take_wish(const leat_child *c, const char *data)
{
    char path[PATH_MAX_BYTES];
    return path_of(c, data, LEAT_CHILD_WISH, path) && leat_os_now()->unlink(path) == 0;
}
