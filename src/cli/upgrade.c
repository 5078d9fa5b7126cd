/* leat upgrade: a hub that runs becomes the program that lies in its place now, and its connectors
 * are started again one by one (hub/upgrade.h).
 *
 * The hub is told by a signal, its pid is in its lock file; how far it is stands in a file of the
 * data folder. So it needs no login: who may signal the hub may do this. */
#include "hub/upgrade.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/os.h"
#include "cli/cli.h"

enum { WAIT_S = 3600, WAIT_MOST = 86400, STEP_US = 100000, FILE_MOST = 4 << 20, LOCK_MOST = 64 };

typedef struct job {
    const char *data;
    bool json;
    int64_t asked_us;
    unsigned told; /* connectors */
} job;

/* The hub that holds the lock of the data folder. */
static leat_rc find_hub(const char *data, leat_arena *a, int *pid, leat_err *e)
{
    leat_buf text = {0};
    int64_t number = 0;
    char *path = leat_arena_printf(a, "%s/hub.lock", data);
    int fd = leat_os_now()->open(path, LEAT_O_WRITE | LEAT_O_LOCK, 0);
    bool held = fd == -EWOULDBLOCK;
    if (fd >= 0) leat_os_now()->close(fd);
    int err = held ? leat_os_load(path, &text, LOCK_MOST) : 0;
    bool good = held && err == 0 && leat_str_i64(leat_buf_str(&text), &number) && number > 1;
    leat_buf_free(&text);
    *pid = (int)number;
    if (good) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "upgrade.no_hub", data,
                     held
                         ? "its hub is of a version that cannot be upgraded while it runs: stop it "
                           "and start the new one, which takes its connectors over"
                         : "no hub runs there; a new program is simply started: 'leat serve'");
}

/* What the hub has come to since it was asked; NULL: nothing yet. */
static const leat_json *look(const job *j, leat_arena *a, leat_str *text)
{
    leat_buf raw = {0};
    const leat_json *at = NULL;
    char *path = leat_arena_printf(a, "%s/" LEAT_UPGRADE_FILE, j->data);
    if (leat_os_load(path, &raw, FILE_MOST) == 0) {
        *text = leat_arena_str(a, leat_buf_str(&raw));
        leat_json_parse(a, *text, &at, NULL);
    }
    leat_buf_free(&raw);
    return leat_json_get_i64(at, "begun_us", 0) >= j->asked_us ? at : NULL;
}

static void tell_news(job *j, const leat_json *at)
{
    unsigned n = 0;
    const leat_json *list = leat_json_get(at, "restarted");
    for (const leat_json *one = list ? list->child : NULL; one; one = one->next) {
        if (n++ < j->told) continue;
        fprintf(stderr, "%u/%" PRId64 " %.*s: back after %" PRId64 " ms\n", n,
                leat_json_get_i64(at, "connectors", 0),
                LEAT_STR_ARG(leat_json_get_str(one, "name")),
                leat_json_get_i64(one, "milliseconds", 0));
    }
    j->told = n;
}

static void tell_end(const job *j, const leat_json *at, leat_str text, bool failed)
{
    if (j->json) {
        printf("%.*s\n", LEAT_STR_ARG(text));
    } else if (failed) {
        fprintf(stderr, "leat upgrade: %.*s: %.*s [%.*s]\n",
                LEAT_STR_ARG(leat_json_get_str(at, "where")),
                LEAT_STR_ARG(leat_json_get_str(at, "message")),
                LEAT_STR_ARG(leat_json_get_str(at, "code")));
    } else {
        printf("the hub runs version %.*s; %u connectors were started again\n",
               LEAT_STR_ARG(leat_json_get_str(at, "version")), j->told);
    }
}

/* Until it is done or has failed. */
static int follow(job *j, int pid, int64_t wait_s)
{
    int64_t until = leat_mono_us() + wait_s * 1000000;
    leat_err err = {0};
    for (;; leat_sleep_us(STEP_US)) {
        leat_arena a = {0};
        leat_str text = {0};
        const leat_json *at = look(j, &a, &text);
        leat_str state = leat_json_get_str(at, "state");
        bool failed = leat_str_is(state, "FAILED"), ended = failed || leat_str_is(state, "DONE");
        if (at) tell_news(j, at);
        if (ended) tell_end(j, at, text, failed);
        leat_arena_free(&a);
        if (ended) return failed ? LEAT_EXIT_FAILED : LEAT_EXIT_OK;
        if (!leat_os_alive(pid, 0)) {
            leat_fail(&err, LEAT_RETRY, "upgrade.hub_gone", j->data,
                      "the hub's process %d has ended; its log says why. Its connectors go on, and "
                      "a hub that is started takes them over",
                      pid);
            return leat_cli_fail(&err);
        }
        if (leat_mono_us() < until) continue;
        leat_fail(&err, LEAT_RETRY, "upgrade.waiting", j->data,
                  "it is not done after %" PRId64 " s, and goes on: %s/" LEAT_UPGRADE_FILE, wait_s,
                  j->data);
        return leat_cli_fail(&err);
    }
}

int leat_cli_upgrade(int argc, char **argv)
{
    leat_common common = {.data = leat_cli_data()};
    int64_t wait_s = WAIT_S;
    const leat_arg args[] = {
        LEAT_ARG_DATA(common),
        LEAT_ARG_JSON(common),
        {"wait", LEAT_ARG_INT, &wait_s, "SECONDS",
         "for all connectors to be back (default: 3600); the hub goes on by itself after that"},
        {0},
    };
    const char *words[1];
    int nwords, status, pid = 0;
    if (!leat_cli_parse(argc, argv, args, words, 0, &nwords, &status)) return status;
    if (wait_s < 1 || wait_s > WAIT_MOST)
        return leat_cli_usage(argv[0], "--wait: 1 to %d seconds", WAIT_MOST);
    leat_arena a = {0};
    leat_err err = {0};
    job j = {.data = common.data, .json = common.json, .asked_us = leat_now_us()};
    leat_rc rc = find_hub(common.data, &a, &pid, &err);
    if (rc == LEAT_OK && kill(pid, SIGUSR2) < 0)
        rc = leat_os_fail(&err, errno, "signal", "the hub");
    status = rc == LEAT_OK ? follow(&j, pid, wait_s) : leat_cli_fail(&err);
    leat_arena_free(&a);
    return status;
}
