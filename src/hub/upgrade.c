/* Checking, becoming and rolling; see the header.
 *
 * The new program is tried first: it has to take the hub's own arguments (`--try`). What the
 * process leaves itself across exec is the environment: LEAT_UPGRADE, when it began; the key of
 * secrets where that came from there; and the listening socket as a service manager leaves it. One
 * thread at a time does the work; what it has come to is under the guard, and stored. */
#include "hub/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "config/seal.h"
#include "engine/look.h"
#include "hub/inside.h"

enum {
    TRY_MS = 20000,
    BACK_US = 60000000,  /* for a connector to be back */
    SETTLE_US = 1000000, /* ... and to stay so */
    STEP_US = 20000,
    ARGUMENTS_MOST = 256,
    LINE_MOST = 1 << 20,
    SAID_MOST = 300,
    PATH_MOST = 4096,
    NAME_MOST = 256
};

static const char BEGUN_AT[] = "LEAT_UPGRADE";

/* A connector that was started again. */
typedef struct back {
    char *name;
    int64_t ms; /* without a process that runs */
    struct back *next;
} back;

struct leat_upgrade {
    leat_hub *h;
    char path[PATH_MOST]; /* where the program lies; empty: unknown */
    uint64_t program;     /* that this process runs */
    atomic_bool ending;   /* the hub stops */
    pthread_mutex_t guard;
    bool busy, started; /* a thread is at it, and has to be joined */
    pthread_t thread;
    bool leaves;
    const char *state; /* "NONE", "TRYING", "ROLLING", "DONE", "FAILED" */
    int64_t begun_us, ended_us;
    unsigned of;
    back *first, **tail;
    char current[NAME_MOST];
    leat_err why; /* FAILED; where: the connector, or the program */
};

/* ---- what is told ---- */

/* The guard is taken. */
static void write_members(const leat_upgrade *u, leat_jw *w)
{
    char iso[LEAT_ISO_MAX];
    leat_jw_z(w, "state", u->state);
    leat_jw_z(w, "version", LEAT_VERSION);
    leat_jw_z(w, "begun", u->begun_us ? leat_iso_us(u->begun_us, 3, iso) : NULL);
    leat_jw_i64(w, "begun_us", u->begun_us);
    leat_jw_z(w, "ended", u->ended_us ? leat_iso_us(u->ended_us, 3, iso) : NULL);
    leat_jw_i64(w, "connectors", u->of);
    leat_jw_z(w, "current", *u->current ? u->current : NULL);
    leat_jw_array(w, "restarted");
    for (const back *b = u->first; b; b = b->next) {
        leat_jw_object(w, NULL);
        leat_jw_z(w, "name", b->name);
        leat_jw_i64(w, "milliseconds", b->ms);
        leat_jw_end(w);
    }
    leat_jw_end(w);
    bool failed = leat_rc_failed(u->why.rc);
    leat_jw_z(w, "code", failed ? u->why.code : NULL);
    leat_jw_z(w, "where", failed ? u->why.where : NULL);
    leat_jw_z(w, "message", failed ? u->why.msg : NULL);
}

static void store(leat_upgrade *u)
{
    leat_buf text = {0}, path = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    pthread_mutex_lock(&u->guard);
    write_members(u, &w);
    pthread_mutex_unlock(&u->guard);
    leat_jw_end(&w);
    leat_buf_printf(&path, "%s/" LEAT_UPGRADE_FILE, u->h->conf.data);
    leat_buf_u8(&path, 0);
    int err = leat_os_store(path.p, leat_buf_str(&text), 0600);
    if (err < 0) leat_log(LEAT_WARN, "upgrade.store", "path=%s %s", path.p, leat_os_strerror(err));
    leat_buf_free(&text);
    leat_buf_free(&path);
}

static void set_state(leat_upgrade *u, const char *state, const leat_err *why)
{
    bool ends = strcmp(state, "DONE") == 0 || strcmp(state, "FAILED") == 0;
    pthread_mutex_lock(&u->guard);
    u->state = state;
    u->why = why ? *why : (leat_err){0};
    u->ended_us = ends ? leat_now_us() : 0;
    if (ends) u->current[0] = 0;
    pthread_mutex_unlock(&u->guard);
    if (why) leat_log_err(LEAT_ERROR, why);
    store(u);
}

static void begin(leat_upgrade *u, int64_t begun_us)
{
    pthread_mutex_lock(&u->guard);
    for (back *b = u->first, *next; b; b = next) {
        next = b->next;
        leat_free(b->name);
        leat_free(b);
    }
    u->first = NULL;
    u->tail = &u->first;
    u->of = 0;
    u->begun_us = begun_us;
    pthread_mutex_unlock(&u->guard);
}

/* ---- one after the other ---- */

/* A connector whose process runs another program than this one. */
static bool differs(const leat_upgrade *u, const leat_hub_connector *k, leat_child_state *cs)
{
    return leat_supervisor_look(u->h->supervisor, k->name, cs) && cs->pid != 0 && k->page &&
           atomic_load(&k->page->pid) == cs->pid && atomic_load(&k->page->program) != u->program;
}

static bool is_back(const leat_upgrade *u, const leat_hub_connector *k, const leat_child_state *cs,
                    leat_run_state was)
{
    if (cs->pid == 0 || cs->stopping || !k->page || atomic_load(&k->page->pid) != cs->pid ||
        atomic_load(&k->page->program) != u->program)
        return false;
    leat_run_state now = (leat_run_state)atomic_load(&k->page->state);
    return now == LEAT_RUN_RUNNING || now == LEAT_RUN_SNAPSHOT || now == LEAT_RUN_PAUSED ||
           (now == was && (was == LEAT_RUN_RETRYING || was == LEAT_RUN_STALLED));
}

/* What it says of itself. */
static leat_rc not_back(const leat_upgrade *u, const char *name, const char *what, leat_err *e)
{
    leat_arena a = {0};
    leat_buf text = {0};
    leat_err ignored;
    const leat_json *j = NULL;
    leat_look_status(u->h->conf.data, name, &a, &text, &ignored);
    leat_json_parse(&a, leat_buf_str(&text), &j, &ignored);
    leat_str state = leat_json_get_str(j, "state"),
             said = leat_json_get_str(leat_json_get(j, "error"), "message");
    leat_rc rc = leat_fail(e, LEAT_CONF, "upgrade.connector", name,
                           "%s with the new program: it is " LEAT_STR_FMT "%s" LEAT_STR_FMT
                           ". The others were left as they are; 'leat upgrade' goes on when it is "
                           "mended",
                           what, LEAT_STR_ARG(state), said.len ? ": " : "", LEAT_STR_ARG(said));
    leat_buf_free(&text);
    leat_arena_free(&a);
    return rc;
}

/* Until it is back and stays so, or is not wanted any more. PENDING: the hub stops. */
static leat_rc wait_for(const leat_upgrade *u, const char *name, int pid, leat_run_state was,
                        int64_t *back_us, leat_err *e)
{
    int64_t begun = leat_mono_us();
    for (*back_us = 0;; leat_sleep_us(STEP_US)) {
        leat_arena a = {0};
        leat_hub_connector k;
        leat_child_state cs = {0};
        int64_t now = leat_mono_us();
        bool found = leat_hub_find(u->h, leat_str_of(name), &a, &k);
        bool wanted = found && !k.stopped && leat_supervisor_look(u->h->supervisor, name, &cs);
        bool good = wanted && cs.pid != pid && is_back(u, &k, &cs, was);
        leat_arena_free(&a);
        if (atomic_load(&u->ending)) return LEAT_PENDING;
        if (!wanted || (cs.ended && cs.status == LEAT_CHILD_DONE)) return LEAT_OK;
        if (cs.ended) return not_back(u, name, "it did not start", e);
        if (cs.deaths > 0) return not_back(u, name, "its process died", e);
        if (!good) *back_us = 0;
        if (good && *back_us == 0) *back_us = now;
        if (good && now - *back_us >= SETTLE_US) return LEAT_OK;
        if (!good && now - begun >= BACK_US) return not_back(u, name, "it was not back in time", e);
    }
}

static leat_rc start_again(leat_upgrade *u, const leat_hub_connector *k, leat_err *e)
{
    leat_child_state cs;
    if (!differs(u, k, &cs)) return LEAT_OK;
    leat_run_state was = (leat_run_state)atomic_load(&k->page->state);
    int64_t begun = leat_mono_us(), at = 0;
    pthread_mutex_lock(&u->guard);
    snprintf(u->current, sizeof u->current, "%s", k->name);
    pthread_mutex_unlock(&u->guard);
    leat_supervisor_restart(u->h->supervisor, k->name);
    leat_rc rc = wait_for(u, k->name, cs.pid, was, &at, e);
    if (rc != LEAT_OK) return rc;
    back *b = leat_zalloc(1, sizeof *b);
    b->name = leat_strdup(k->name);
    b->ms = at ? (at - begun) / 1000 : 0;
    pthread_mutex_lock(&u->guard);
    *u->tail = b;
    u->tail = &b->next;
    pthread_mutex_unlock(&u->guard);
    leat_log(LEAT_INFO, "upgrade.connector",
             "connector=%s milliseconds=%lld it runs the new program", k->name, (long long)b->ms);
    store(u);
    return LEAT_OK;
}

static void roll(leat_upgrade *u)
{
    leat_arena a = {0};
    leat_hub_connector *all;
    leat_child_state cs;
    leat_err err = {0};
    leat_rc rc = LEAT_OK;
    unsigned of = 0;
    size_t n = leat_hub_all(u->h, &a, &all);
    for (size_t i = 0; i < n; i++) of += differs(u, &all[i], &cs);
    pthread_mutex_lock(&u->guard);
    u->of = of;
    pthread_mutex_unlock(&u->guard);
    set_state(u, "ROLLING", NULL);
    for (size_t i = 0; i < n && rc == LEAT_OK; i++) rc = start_again(u, &all[i], &err);
    leat_arena_free(&a);
    if (rc == LEAT_PENDING) return; /* the next hub tells how many are left */
    set_state(u, rc == LEAT_OK ? "DONE" : "FAILED", rc == LEAT_OK ? NULL : &err);
    if (rc == LEAT_OK)
        leat_log(LEAT_INFO, "upgrade.done", "connectors=%u all run version " LEAT_VERSION, of);
}

/* ---- the new program ---- */

/* This process's own arguments, NULL-ended, in a. */
static char **arguments(leat_arena *a, leat_err *e)
{
    leat_buf text = {0};
    char **argv = LEAT_NEW(a, char *, ARGUMENTS_MOST + 2);
    int err = leat_os_load("/proc/self/cmdline", &text, LINE_MOST);
    leat_str rest = leat_arena_str(a, leat_buf_str(&text));
    size_t n = 0;
    leat_buf_free(&text);
    while (err == 0 && rest.s && rest.len > 0 && n < ARGUMENTS_MOST)
        argv[n++] = leat_arena_strdup(a, leat_arena_str(a, leat_str_cut(&rest, 0)).s);
    if (err < 0) leat_os_fail(e, err, "read", "/proc/self/cmdline");
    return err < 0 ? NULL : argv;
}

/* In a process in the middle, which waits for it: whoever is orphaned or forked below the hub is
 * reaped by the supervisor, and its status is lost. */
static _Noreturn void try_in_middle(const char *path, char **argv, int out)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
        execv(path, argv);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    bool good = pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    (void)!write(out, good ? "\0+" : "\0-", 2);
    _exit(0);
}

/* What it said, and behind a NUL how it ended. */
static void listen_to(int fd, leat_buf *said)
{
    int64_t until = leat_mono_us() + (int64_t)TRY_MS * 1000;
    char text[1024];
    for (ssize_t n = 1; n > 0 && leat_mono_us() < until && said->len < LINE_MOST;) {
        if (leat_os_wait_fd(fd, false, 100) <= 0) continue;
        n = read(fd, text, sizeof text);
        if (n > 0) leat_buf_put(said, text, (size_t)n);
    }
}

/* Nothing was changed yet. */
static leat_rc does_not_take_over(const leat_upgrade *u, leat_str said, leat_err *e)
{
    leat_str text = leat_str_trim(leat_str_cut(&said, 0));
    if (text.len > SAID_MOST) text = (leat_str){text.s + text.len - SAID_MOST, SAID_MOST};
    return leat_fail(e, LEAT_CONF, "upgrade.program", u->path,
                     "it does not take over with this hub's arguments: " LEAT_STR_FMT
                     ". Nothing was changed; put a program there that does",
                     LEAT_STR_ARG(text.len ? text : LEAT_STR("it said nothing")));
}

/* It begins, and takes this hub's arguments. */
static leat_rc try_program(const leat_upgrade *u, leat_err *e)
{
    leat_arena a = {0};
    leat_buf said = {0};
    int fds[2];
    size_t n = 0;
    char **argv = arguments(&a, e);
    leat_rc rc = argv ? LEAT_OK : LEAT_CONF;
    if (rc == LEAT_OK && pipe2(fds, O_CLOEXEC) < 0)
        rc = leat_os_fail(e, errno, "make a pipe to try", u->path);
    if (rc == LEAT_OK) {
        while (argv[n]) n++;
        argv[n] = leat_arena_strdup(&a, "--try");
        pid_t pid = fork();
        if (pid == 0) try_in_middle(u->path, argv, fds[1]);
        close(fds[1]);
        if (pid > 0) listen_to(fds[0], &said);
        close(fds[0]);
        bool good = said.len >= 2 && memcmp(said.p + said.len - 2, "\0+", 2) == 0;
        if (!good) rc = does_not_take_over(u, leat_buf_str(&said), e);
    }
    leat_buf_free(&said);
    leat_arena_free(&a);
    return rc;
}

static void *upgrade_thread(void *arg)
{
    leat_upgrade *u = arg;
    leat_err err = {0};
    uint64_t lies = *u->path ? leat_os_program(u->path) : 0;
    if (lies == u->program) {
        roll(u);
    } else if (lies == 0) {
        leat_fail(&err, LEAT_CONF, "upgrade.program", u->path,
                  "there is no program any more; put the new one there");
        set_state(u, "FAILED", &err);
    } else {
        set_state(u, "TRYING", NULL);
        if (leat_rc_failed(try_program(u, &err))) {
            set_state(u, "FAILED", &err);
        } else {
            pthread_mutex_lock(&u->guard);
            u->leaves = true;
            pthread_mutex_unlock(&u->guard);
            leat_log(LEAT_INFO, "upgrade.leaving", "program=%s connectors go on meanwhile",
                     u->path);
            leat_supervisor_leave(u->h->supervisor);
        }
    }
    pthread_mutex_lock(&u->guard);
    u->busy = false;
    pthread_mutex_unlock(&u->guard);
    return NULL;
}

static void *roll_thread(void *arg)
{
    leat_upgrade *u = arg;
    roll(u);
    pthread_mutex_lock(&u->guard);
    u->busy = false;
    pthread_mutex_unlock(&u->guard);
    return NULL;
}

static void start_thread(leat_upgrade *u, void *(*fn)(void *), int64_t begun_us)
{
    pthread_mutex_lock(&u->guard);
    bool idle = !u->busy && !u->leaves;
    pthread_t old = u->thread;
    bool join = idle && u->started;
    if (idle) u->busy = true;
    pthread_mutex_unlock(&u->guard);
    if (!idle) return;
    if (join) pthread_join(old, NULL);
    begin(u, begun_us);
    bool made = pthread_create(&u->thread, NULL, fn, u) == 0;
    pthread_mutex_lock(&u->guard);
    u->started = made;
    if (!made) u->busy = false;
    pthread_mutex_unlock(&u->guard);
}

void leat_upgrade_begin(leat_upgrade *u)
{
    start_thread(u, upgrade_thread, leat_now_us());
}

void leat_upgrade_go_on(leat_upgrade *u)
{
    const char *text = getenv(BEGUN_AT);
    int64_t begun = 0;
    bool came = text && leat_str_i64(leat_str_of(text), &begun) && begun > 0;
    unsetenv(BEGUN_AT);
    if (came) {
        start_thread(u, roll_thread, begun);
        return;
    }
    leat_arena a = {0};
    leat_hub_connector *all;
    leat_child_state cs;
    unsigned others = 0;
    size_t n = leat_hub_all(u->h, &a, &all);
    for (size_t i = 0; i < n; i++) others += differs(u, &all[i], &cs);
    leat_arena_free(&a);
    if (others > 0)
        leat_log(LEAT_WARN, "upgrade.waiting",
                 "connectors=%u they run another program than this hub; 'leat upgrade' starts them "
                 "again one by one",
                 others);
}

bool leat_upgrade_end(leat_upgrade *u)
{
    atomic_store(&u->ending, true);
    pthread_mutex_lock(&u->guard);
    bool join = u->started;
    u->started = false;
    pthread_mutex_unlock(&u->guard);
    if (join) pthread_join(u->thread, NULL);
    pthread_mutex_lock(&u->guard);
    u->busy = true;
    bool leaves = u->leaves;
    pthread_mutex_unlock(&u->guard);
    return leaves;
}

leat_rc leat_upgrade_become(leat_upgrade *u, int fd, leat_err *e)
{
    char begun[24];
    leat_arena a = {0};
    char **argv = arguments(&a, e);
    const char *keys = leat_seal_handed(&a);
    snprintf(begun, sizeof begun, "%lld", (long long)u->begun_us);
    if (!argv) return e->rc;
    if (keys && *keys) setenv("LEAT_KEY", keys, 1);
    setenv(BEGUN_AT, begun, 1);
    int err = leat_os_service_leave(fd);
    if (err < 0) return leat_os_fail(e, err, "leave the socket to", u->path);
    execv(u->path, argv);
    leat_os_fail(e, errno, "become", u->path);
    leat_log_err(LEAT_ERROR, e);
    unsetenv(BEGUN_AT);
    execv("/proc/self/exe", argv);
    return leat_os_fail(e, errno, "become again", "/proc/self/exe");
}

leat_upgrade *leat_upgrade_new(leat_hub *h)
{
    static const char gone[] = " (deleted)";
    leat_upgrade *u = leat_zalloc(1, sizeof *u);
    *u = (leat_upgrade){.h = h, .program = leat_os_program(NULL), .state = "NONE"};
    u->tail = &u->first;
    pthread_mutex_init(&u->guard, NULL);
    ssize_t n = readlink("/proc/self/exe", u->path, sizeof u->path - 1);
    size_t len = n > 0 ? (size_t)n : 0, cut = sizeof gone - 1;
    if (len > cut && memcmp(u->path + len - cut, gone, cut) == 0) len -= cut;
    u->path[len] = 0;
    return u;
}

void leat_upgrade_free(leat_upgrade *u)
{
    if (!u) return;
    begin(u, 0);
    pthread_mutex_destroy(&u->guard);
    leat_free(u);
}

/* ---- the endpoints ---- */

static void answer(leat_upgrade *u, leat_http_call *c)
{
    leat_jw w = {.out = &c->out};
    leat_jw_object(&w, NULL);
    pthread_mutex_lock(&u->guard);
    write_members(u, &w);
    pthread_mutex_unlock(&u->guard);
    leat_jw_end(&w);
}

void leat_hub_v1_upgrade(void *hub, leat_http_call *c)
{
    const leat_hub *h = hub;
    answer(h->upgrade, c);
}

void leat_hub_v1_upgrade_begin(void *hub, leat_http_call *c)
{
    const leat_hub *h = hub;
    leat_upgrade_begin(h->upgrade);
    c->status = 202;
    answer(h->upgrade, c);
}
