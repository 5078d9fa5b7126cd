/* leat pause, resume, restart, stop: tell connectors, and wait until it is so.
 *
 * A pause is stored by the connector, or under its lock when it does not run, and holds until it is
 * resumed. A restart ends the process in order; who started it starts it again. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"
#include "cli/ask.h"
#include "engine/control.h"
#include "hub/supervisor.h"
#include "state/state.h"
#include "stream/page.h"

enum { LOOK_US = 20000, WISH_US = 3000000 };

typedef struct act {
    leat_common common;
    bool all;
    int64_t wait; /* seconds */
    leat_arena a; /* of one connector */
} act;

static char *folder_of(act *t, const char *name)
{
    return leat_arena_printf(&t->a, "%s/connectors/%s", t->common.data, name);
}

/* Its status' member, absent when it does not answer. */
static leat_str asked(act *t, const char *name, const char *member)
{
    const leat_json *j = NULL;
    if (leat_control_call(folder_of(t, name), LEAT_STR("{\"verb\":\"status\"}"), LEAT_ASK_MS, &t->a,
                          &j, NULL) != LEAT_OK)
        return (leat_str){0};
    return leat_json_get_str(j, member);
}

/* Not running: whether there is such a connector at all, then that. */
static leat_rc known(act *t, const char *name, leat_err *e)
{
    leat_state *s = NULL;
    leat_err err;
    if (leat_state_open(t->common.data, name, true, &s, &err) != LEAT_OK) *e = err;
    leat_state_close(s);
    return e->rc;
}

static leat_rc tell(act *t, const char *name, const char *verb, leat_err *e)
{
    const leat_json *reply;
    leat_rc rc = leat_control_call(folder_of(t, name), leat_cli_request(verb, &t->a), LEAT_ASK_MS,
                                   &t->a, &reply, e);
    bool away = rc == LEAT_RETRY && strcmp(e->code, "control.not_running") == 0;
    return away ? known(t, name, e) : rc;
}

static leat_rc too_late(const act *t, const char *name, const char *what, leat_str state,
                        leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "control.waiting", name,
                     "it was told to %s, but after %" PRId64 " s it is %.*s; it will when it can: "
                     "'leat status %s' shows what it does, 'leat log %s' what it said",
                     what, t->wait, LEAT_STR_ARG(state.s ? state : LEAT_STR("not answering")), name,
                     name);
}

/* ---- pause, resume ---- */

static leat_rc pause_or_resume(act *t, const char *name, const char *verb, leat_err *e)
{
    const leat_json *reply;
    bool running, pause = strcmp(verb, "pause") == 0;
    LEAT_TRY(leat_look_ask(t->common.data, name, leat_cli_request(verb, &t->a), LEAT_ASK_MS, &t->a,
                           &reply, &running, e));
    if (!running) {
        fprintf(stderr, "%s: not running; %s\n", name,
                pause ? "it will be paused when it is started"
                      : "it will not be paused when it is started");
        return LEAT_OK;
    }
    int64_t until = leat_mono_us() + t->wait * 1000000;
    leat_str state;
    for (;;) {
        state = asked(t, name, "state");
        if (state.s && leat_str_is(state, "PAUSED") == pause) break;
        if (leat_mono_us() >= until) return too_late(t, name, verb, state, e);
        leat_sleep_us(LOOK_US);
    }
    fprintf(stderr, "%s: %.*s\n", name, LEAT_STR_ARG(state));
    return LEAT_OK;
}

/* ---- stop, restart ---- */

/* Waits until the process that the page names is gone. */
static bool wait_stopped(act *t, const char *name)
{
    leat_page *p = NULL;
    char *path = leat_arena_printf(&t->a, "%s/counters", folder_of(t, name));
    if (leat_page_open(path, &p, NULL) != LEAT_OK) return true;
    int64_t until = leat_mono_us() + t->wait * 1000000;
    bool gone;
    while (!(gone = !leat_page_alive(p)) && leat_mono_us() < until) leat_sleep_us(LOOK_US);
    leat_page_close(p);
    return gone;
}

static leat_rc stop(act *t, const char *name, const char *verb, leat_err *e)
{
    LEAT_TRY(tell(t, name, verb, e));
    if (!wait_stopped(t, name)) return too_late(t, name, verb, asked(t, name, "state"), e);
    fprintf(stderr, "%s: STOPPED\n", name);
    return LEAT_OK;
}

/* It has ended, or died: its supervisor, if that still runs, is to start it again. One that was
 * just starting it anyway need not take the wish. */
static leat_rc wish(act *t, const char *name, leat_err *e)
{
    char *path = leat_arena_printf(&t->a, "%s/" LEAT_CHILD_WISH, folder_of(t, name));
    int err = leat_os_store(path, LEAT_STR(""), 0600);
    if (err < 0) return leat_os_fail(e, err, "make", path);
    int64_t until = leat_mono_us() + WISH_US;
    bool runs = false;
    while (access(path, F_OK) == 0 && !runs && leat_mono_us() < until) {
        leat_sleep_us(LOOK_US);
        runs = asked(t, name, "run").s != NULL;
    }
    if (leat_os_now()->unlink(path) != 0 || runs) return LEAT_OK;
    return leat_fail(e, LEAT_RETRY, "control.not_running", name,
                     "it does not run, and no 'leat run' that started it runs any more: start it "
                     "with its configuration");
}

/* The new process is one with another run's id. */
static leat_rc restart(act *t, const char *name, const char *verb, leat_err *e)
{
    leat_str run = asked(t, name, "run"), now = {0};
    leat_rc rc = tell(t, name, verb, e);
    if (!t->all && rc == LEAT_RETRY && strcmp(e->code, "control.not_running") == 0)
        rc = wish(t, name, e);
    LEAT_TRY(rc);
    int64_t until = leat_mono_us() + t->wait * 1000000;
    for (;;) {
        now = asked(t, name, "run");
        if (now.s && !leat_str_eq(now, run)) break;
        if (leat_mono_us() >= until) return too_late(t, name, verb, asked(t, name, "state"), e);
        leat_sleep_us(LOOK_US);
    }
    fprintf(stderr, "%s: restarted\n", name);
    return LEAT_OK;
}

/* ---- commands ---- */

typedef leat_rc (*action)(act *t, const char *name, const char *verb, leat_err *e);

/* With --all, those that do not run are no failure where only running ones are meant. */
static bool passed_over(const act *t, action fn, const leat_err *err)
{
    return t->all && fn != pause_or_resume && strcmp(err->code, "control.not_running") == 0;
}

static int each(act *t, const char *const *names, size_t n, const char *verb, action fn)
{
    int status = LEAT_EXIT_OK;
    for (size_t i = 0; i < n; i++) {
        leat_err err = {0};
        leat_arena_init(&t->a, 0);
        leat_rc rc = fn(t, names[i], verb, &err);
        if (leat_rc_failed(rc) && !passed_over(t, fn, &err)) status = leat_cli_fail(&err);
        leat_arena_free(&t->a);
    }
    return status;
}

static int run(int argc, char **argv, action fn)
{
    act t = {.common = {.data = leat_cli_data()}, .wait = 30};
    const leat_arg args[] = {
        LEAT_ARG_DATA(t.common),
        {"all", LEAT_ARG_FLAG, &t.all, NULL, "all connectors of the data folder"},
        {"wait", LEAT_ARG_INT, &t.wait, "SECONDS", "how long to wait until it is so (default: 30)"},
        {0},
    };
    const char *words[LEAT_NAMES_MAX];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, LEAT_NAMES_MAX, &nwords, &status)) return status;
    if ((nwords == 0) != t.all)
        return leat_cli_usage(argv[0],
                              t.all ? "either names or --all" : "name a connector, or --all");
    if (t.wait > INT32_MAX) return leat_cli_usage(argv[0], "--wait: at most %d seconds", INT32_MAX);
    if (!leat_cli_names(argv[0], words, nwords, &status)) return status;
    leat_arena a;
    leat_err err = {0};
    const char **names = words;
    size_t n = (size_t)nwords;
    leat_arena_init(&a, 0);
    leat_rc rc = t.all ? leat_look_names(t.common.data, &a, &names, &n, &err) : LEAT_OK;
    status = rc == LEAT_OK ? each(&t, names, n, argv[0], fn) : leat_cli_fail(&err);
    leat_arena_free(&a);
    return status;
}

int leat_cli_pause(int argc, char **argv)
{
    return run(argc, argv, pause_or_resume);
}

int leat_cli_resume(int argc, char **argv)
{
    return run(argc, argv, pause_or_resume);
}

int leat_cli_restart(int argc, char **argv)
{
    return run(argc, argv, restart);
}

int leat_cli_stop(int argc, char **argv)
{
    return run(argc, argv, stop);
}
