/* The keeper: the process that owns what a demo must not leave behind.
 *
 * A child of the command, in a process group of its own, so that a Ctrl-C reaches the command
 * alone. It starts PostgreSQL, makes the shop, then starts the capture (the supervisor of `leat
 * run`, which needs a process for itself) and the traffic, and waits. It ends when it is told to,
 * when one of them ends, or when the command is gone: traffic, capture and server are stopped in
 * this order, each with a deadline. As a subreaper it inherits whatever its children leave, and it
 * removes the scratch folder only when no process is left. Everything it starts dies with it, in
 * case somebody kills it; the command then does the rest.
 *
 * One thread; it waits in sigtimedwait only, for SIGCHLD and the signals that end it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "cli/demo.h"
#include "hub/supervisor.h"

enum {
    START_MS = 60000,
    NAP_MS = 20,
    TRAFFIC_MS = 2000,
    CAPTURE_MS = 5000,
    SERVER_MS = 8000,
    QUIT_MS = 3000,
    KILL_MS = 5000,
};

typedef enum role { INITDB, SERVER, CAPTURE, TRAFFIC, ROLES } role;

typedef struct child {
    pid_t pid; /* 0: not running */
    bool started;
    int status; /* of wait, once it ended */
} child;

typedef struct keeper {
    const leat_demo_lab *lab;
    child children[ROLES];
    sigset_t set;
    int news;       /* where messages go */
    unsigned stops; /* times it was told to end */
} keeper;

_Static_assert(sizeof(leat_demo_message) <= 4096, "a message goes through the pipe in one piece");

static void send(const keeper *k, const leat_demo_message *m)
{
    /* When the command is gone, nobody wants to know. */
    ssize_t n = write(k->news, m, sizeof *m);
    (void)n;
}

static void tell(const keeper *k, leat_demo_news news, const char *text)
{
    leat_demo_message m = {.news = news};
    snprintf(m.text, sizeof m.text, "%s", text);
    send(k, &m);
}

/* ---- waiting ---- */

static void reap(keeper *k)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int i = 0; i < ROLES; i++)
            if (k->children[i].pid == pid) {
                k->children[i].pid = 0;
                k->children[i].status = status;
            }
}

/* Until something happened, at most ms. */
static void wait_signal(keeper *k, int64_t ms)
{
    struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    int sig = sigtimedwait(&k->set, NULL, &wait);
    if (sig > 0 && sig != SIGCHLD) k->stops++;
    reap(k);
}

/* Until the child ended; at most ms, or less when there is no patience left. */
static bool wait_end(keeper *k, role r, int64_t ms)
{
    int64_t until = leat_mono_us() + ms * 1000, now;
    unsigned stops = k->stops;
    while (k->children[r].pid && k->stops == stops && (now = leat_mono_us()) < until)
        wait_signal(k, (until - now) / 1000 + 1);
    return k->children[r].pid == 0;
}

/* ---- starting ---- */

static leat_rc started(keeper *k, role r, pid_t pid, leat_err *e)
{
    if (pid < 0) return leat_os_fail(e, pid, "start", "a process");
    k->children[r] = (child){.pid = pid, .started = true};
    return LEAT_OK;
}

static leat_rc start_server(keeper *k, leat_err *e)
{
    tell(k, LEAT_DEMO_STEP, "making a database");
    LEAT_TRY(started(k, INITDB, leat_demo_initdb_start(k->lab), e));
    wait_end(k, INITDB, START_MS);
    if (k->stops) return LEAT_PENDING;
    if (k->children[INITDB].pid || k->children[INITDB].status != 0)
        return leat_fail(e, LEAT_CONF, "demo.initdb", k->lab->bin,
                         "initdb did not make a database in %s", k->lab->socket);

    tell(k, LEAT_DEMO_STEP, "starting PostgreSQL");
    LEAT_TRY(started(k, SERVER, leat_demo_server_start(k->lab), e));
    int64_t until = leat_mono_us() + (int64_t)START_MS * 1000;
    while (!leat_demo_server_ready(k->lab)) {
        wait_signal(k, NAP_MS);
        if (k->stops) return LEAT_PENDING;
        if (k->children[SERVER].pid == 0 || leat_mono_us() > until)
            return leat_fail(e, LEAT_CONF, "demo.server", k->lab->bin,
                             k->children[SERVER].pid ? "PostgreSQL does not answer in %s"
                                                     : "PostgreSQL did not start in %s",
                             k->lab->socket);
    }
    return LEAT_OK;
}

leat_rc leat_demo_source(const leat_demo_lab *lab, leat_arena *a, leat_config **out, leat_err *e)
{
    leat_buf text = {0};
    leat_buf_printf(&text,
                    "connector.class=postgres\n"
                    "database.hostname=%s\n"
                    "database.port=5432\n"
                    "database.user=" LEAT_DEMO_CONNECTOR "\n"
                    "database.password=unused\n"
                    "database.dbname=" LEAT_DEMO_CONNECTOR "\n"
                    "topic.prefix=" LEAT_DEMO_CONNECTOR "\n"
                    "plugin.name=pgoutput\n"
                    "slot.name=" LEAT_DEMO_SLOT "\n"
                    "publication.name=leat_demo\n"
                    "publication.autocreate.mode=filtered\n"
                    "schema.include.list=public\n"
                    "snapshot.mode=when_needed\n"
                    "tombstones.on.delete=false\n"
                    "value.converter.decimal.format=NUMERIC\n",
                    lab->socket);
    leat_rc rc = leat_config_properties(a, leat_buf_str(&text), LEAT_DEMO_CONNECTOR, out, e);
    leat_buf_free(&text);
    return rc;
}

/* What `leat run shop.properties` does. */
static int capture(const leat_demo_lab *lab)
{
    leat_arena a;
    leat_err err = {0};
    int status = 1;
    leat_config *config = NULL;
    leat_arena_init(&a, 0);
    leat_log_setup(LEAT_INFO, false, NULL, STDERR_FILENO);
    leat_rc rc = leat_demo_source(lab, &a, &config, &err);
    if (rc == LEAT_OK) {
        leat_supervisor_conf conf = {.data = lab->data, .stop_ms = CAPTURE_MS - 1000};
        leat_child_config one = {.config = config};
        rc = leat_supervisor_run(&conf, &one, 1, &status, &err);
    }
    if (leat_rc_failed(rc)) leat_log_err(LEAT_ERROR, &err);
    leat_arena_free(&a);
    return status;
}

/* Starts fn in a process that ends with ours. */
static pid_t start_own(const keeper *k, int (*fn)(const leat_demo_lab *lab))
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0) return pid < 0 ? -errno : pid;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent || !leat_demo_log_use(k->lab, "leat")) _exit(1);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &k->set, NULL);
    _exit(fn(k->lab));
}

static leat_rc start_all(keeper *k, leat_err *e)
{
    leat_rc rc = start_server(k, e);
    if (rc != LEAT_OK) return rc;
    tell(k, LEAT_DEMO_STEP, "opening the shop");
    LEAT_TRY(leat_demo_shop_make(k->lab, e));
    LEAT_TRY(started(k, CAPTURE, start_own(k, k->lab->listen ? leat_demo_hub : capture), e));
    LEAT_TRY(started(k, TRAFFIC, start_own(k, leat_demo_traffic), e));
    tell(k, LEAT_DEMO_READY, "");
    return LEAT_OK;
}

/* ---- watching ---- */

static bool ended(const keeper *k, role r)
{
    return k->children[r].started && k->children[r].pid == 0;
}

/* Until it is told to end, or one of them does. */
static leat_rc watch(keeper *k, leat_err *e)
{
    while (!k->stops) {
        if (ended(k, SERVER))
            return leat_fail(e, LEAT_RETRY, "demo.server", k->lab->bin,
                             "PostgreSQL has ended by itself");
        if (ended(k, CAPTURE) && k->children[CAPTURE].status == 0) {
            tell(k, LEAT_DEMO_ENDED, "");
            return LEAT_OK;
        }
        if (ended(k, CAPTURE))
            return leat_fail(e, LEAT_RETRY, "demo.capture", LEAT_DEMO_CONNECTOR,
                             "the connector has ended");
        if (ended(k, TRAFFIC))
            return leat_fail(e, LEAT_RETRY, "demo.traffic", LEAT_DEMO_CONNECTOR,
                             "the shop's traffic has ended");
        wait_signal(k, 1000);
    }
    return LEAT_OK;
}

/* With the end of the log that has to do with it. */
static void send_failure(const keeper *k, const leat_err *err)
{
    leat_demo_message m = {.news = LEAT_DEMO_FAILED, .err = *err};
    bool server = strcmp(err->code, "demo.initdb") == 0 || strcmp(err->code, "demo.server") == 0;
    leat_demo_log_tail(k->lab, server ? "postgres" : "leat", m.text, sizeof m.text);
    send(k, &m);
}

/* ---- ending ---- */

/* Asks with one signal after the other, each with its time. */
static void end(keeper *k, role r, int first, int64_t ms, int second)
{
    if (k->children[r].pid == 0) return;
    if (k->stops < 2) {
        kill(k->children[r].pid, first);
        if (wait_end(k, r, ms)) return;
    }
    kill(k->children[r].pid, second);
    if (wait_end(k, r, QUIT_MS)) return;
    kill(r == INITDB ? -k->children[r].pid : k->children[r].pid, SIGKILL);
    wait_end(k, r, KILL_MS);
}

/* Kills what children have left to us. */
static void kill_rest(void)
{
    char path[64];
    leat_buf text = {0};
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    if (leat_os_load(path, &text, 65536) == 0) {
        leat_str rest = leat_buf_str(&text);
        while (rest.s) {
            int64_t pid;
            if (leat_str_i64(leat_str_cut(&rest, ' '), &pid) && pid > 1) kill((pid_t)pid, SIGKILL);
        }
    }
    leat_buf_free(&text);
}

/* Until no process is left. True: none is. */
static bool wait_rest(int64_t ms)
{
    int64_t until = leat_mono_us() + ms * 1000;
    bool killed = false;
    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0 && errno == ECHILD) return true;
        if (pid > 0) continue;
        if (leat_mono_us() > until) {
            if (killed) return false;
            kill_rest();
            killed = true;
            until += (int64_t)KILL_MS * 1000;
        }
        leat_sleep_us(NAP_MS * 1000);
    }
}

static void end_all(keeper *k)
{
    end(k, TRAFFIC, SIGTERM, TRAFFIC_MS, SIGKILL);
    end(k, CAPTURE, SIGTERM, CAPTURE_MS, SIGKILL);
    end(k, INITDB, SIGTERM, NAP_MS, SIGKILL);
    end(k, SERVER, SIGINT, SERVER_MS, SIGQUIT);
    wait_rest(k->stops < 2 ? KILL_MS : QUIT_MS);
    if (!k->lab->keep) leat_demo_scratch_remove(k->lab);
}

/* PGHOST, PGOPTIONS and the like are about other servers than ours. */
static void drop_pg_variables(void)
{
    char name[64];
    for (size_t i = 0; environ[i];) {
        leat_str rest = leat_str_of(environ[i]), word = leat_str_cut(&rest, '=');
        if (leat_str_starts(word, "PG") && word.len < sizeof name) {
            memcpy(name, word.s, word.len);
            name[word.len] = 0;
            unsetenv(name);
        } else {
            i++;
        }
    }
}

static int keep(keeper *k, pid_t command)
{
    leat_err err = {0};
    setpgid(0, 0);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != command) k->stops = 1;
    drop_pg_variables();
    leat_rc rc = k->stops ? LEAT_PENDING : start_all(k, &err);
    if (rc == LEAT_OK) rc = watch(k, &err);
    if (leat_rc_failed(rc)) send_failure(k, &err);
    end_all(k);
    return 0;
}

leat_rc leat_demo_keeper_start(const leat_demo_lab *lab, leat_demo_keeper *out, leat_err *e)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return leat_os_fail(e, errno, "make a pipe for", "the demo");
    keeper k = {.lab = lab, .news = ends[1]};
    sigset_t old;
    sigemptyset(&k.set);
    sigaddset(&k.set, SIGTERM);
    sigaddset(&k.set, SIGINT);
    sigaddset(&k.set, SIGHUP);
    sigaddset(&k.set, SIGCHLD);
    /* Before the fork: what is sent to the keeper must wait until it asks for it. */
    sigprocmask(SIG_BLOCK, &k.set, &old);
    /* What a killed keeper leaves comes to us. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t command = getpid(), pid = fork();
    if (pid == 0) {
        close(ends[0]);
        _exit(keep(&k, command));
    }
    int err = errno;
    sigprocmask(SIG_SETMASK, &old, NULL);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return leat_os_fail(e, err, "start a process for", "the demo");
    }
    *out = (leat_demo_keeper){.pid = pid, .news = ends[0]};
    return LEAT_OK;
}

/* ---- the command's side ---- */

bool leat_demo_keeper_hear(const leat_demo_keeper *k, int ms, leat_demo_message *m, bool *gone)
{
    if (leat_os_wait_fd(k->news, false, ms) <= 0) return false;
    ssize_t n = read(k->news, m, sizeof *m);
    if (n == (ssize_t)sizeof *m) return true;
    if (n == 0 || (n < 0 && errno != EINTR)) *gone = true;
    return false;
}

void leat_demo_keeper_stop(const leat_demo_keeper *k)
{
    kill(k->pid, SIGTERM);
}

bool leat_demo_keeper_wait(const leat_demo_lab *lab, leat_demo_keeper *k,
                           const volatile sig_atomic_t *interrupts)
{
    int status = -1;
    sig_atomic_t passed = *interrupts;
    while (waitpid(k->pid, &status, WNOHANG) == 0) {
        if (*interrupts > passed) leat_demo_keeper_stop(k);
        passed = *interrupts;
        leat_sleep_us(NAP_MS * 1000);
    }
    close(k->news);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    wait_rest(KILL_MS);
    if (!lab->keep) leat_demo_scratch_remove(lab);
    return false;
}
