/* leat takeover: a connector of Kafka Connect goes on here, or back there. */
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/ask.h"
#include "cli/connect.h"
#include "config/open.h"
#include "prove/takeover/takeover.h"

typedef struct taking {
    leat_common common;
    leat_connect connect;
    const char *file;
    bool back, embedded, dry, run;
    int64_t wait; /* seconds */
    bool colour;
} taking;

static void print_json(const char *name, const char *state, const char *detail)
{
    leat_buf out = {0};
    leat_jw w = {.out = &out};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "step", name);
    leat_jw_z(&w, "state", state);
    leat_jw_z(&w, "detail", detail);
    leat_jw_end(&w);
    printf("%.*s\n", (int)out.len, out.p);
    leat_buf_free(&out);
}

static void on_step(void *arg, const char *name, leat_takeover_state state, const char *detail)
{
    static const char *const states[] = {"ok", "warn", "FAILED", "undone"};
    static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m", "\033[33m"};
    const taking *g = arg;
    if (g->common.json)
        print_json(name, states[state], detail);
    else
        printf("%s%-7s%s %-14s %s\n", g->colour ? colours[state] : "", states[state],
               g->colour ? "\033[0m" : "", name, detail);
    fflush(stdout);
}

/* What to do next, or that. */
static int start(const taking *g, const char *name, leat_arena *a)
{
    const char *file = g->file ? g->file : leat_arena_printf(a, "%s.json", name);
    const char *data = g->common.data;
    if (g->run) {
        char *argv[] = {"run", "--data", (char *)data, "--", (char *)file, NULL};
        return leat_cli_run(5, argv);
    }
    fprintf(stderr, "start it: leat run --data %s %s\n", data, file);
    return LEAT_EXIT_OK;
}

static leat_rc worker(leat_open *o, const char *path, leat_arena *a, leat_err *e)
{
    leat_config *list = NULL;
    LEAT_TRY(leat_open_file(a, o, path, &list, e));
    if (!list) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "config.worker", path,
                     "this is no worker's configuration: it names no bootstrap.servers, or a "
                     "connector");
}

static int run(taking *g, const char *const *words, int nwords)
{
    leat_arena a;
    leat_err err = {0};
    leat_open o = {.kafka = g->common.kafka, .env = (const char *const *)environ};
    leat_takeover_conf conf = {.url = g->connect.url,
                               .name = words[0],
                               .data = g->common.data,
                               .open = &o,
                               .file = g->file,
                               .embedded = g->embedded,
                               .dry = g->dry,
                               .wait_ms = g->wait * 1000,
                               .by = leat_cli_user(),
                               .step = on_step,
                               .arg = g};
    leat_arena_init(&a, 0);
    leat_rc rc = leat_connect_login(&g->connect, &a, &conf.login, &err);
    if (rc == LEAT_OK && nwords > 1) rc = worker(&o, words[1], &a, &err);
    if (rc == LEAT_OK) rc = g->back ? leat_takeover_back(&conf, &err) : leat_takeover(&conf, &err);
    int status = LEAT_EXIT_OK;
    if (rc != LEAT_OK)
        status = leat_cli_fail(&err);
    else if (g->dry)
        fprintf(stderr, "nothing was changed\n");
    else if (!g->back)
        status = start(g, words[0], &a);
    leat_arena_free(&a);
    return status;
}

int leat_cli_takeover(int argc, char **argv)
{
    taking g = {.common = {.data = leat_cli_data()}, .wait = 60, .colour = isatty(STDOUT_FILENO)};
    const leat_arg args[] = {
        LEAT_ARGS_CONNECT(g.connect),
        {"back", LEAT_ARG_FLAG, &g.back, NULL, "give it back to Kafka Connect"},
        LEAT_ARG_DATA(g.common),
        LEAT_ARG_KAFKA(g.common),
        {"embedded", LEAT_ARG_FLAG, &g.embedded, NULL, "into leat's own stream, not Kafka"},
        {"file", LEAT_ARG_TEXT, &g.file, "FILE",
         "where the configuration goes (default: NAME.json)"},
        {"run", LEAT_ARG_FLAG, &g.run, NULL, "run it then"},
        {"dry-run", LEAT_ARG_FLAG, &g.dry, NULL, "look and check, change nothing"},
        {"wait", LEAT_ARG_INT, &g.wait, "SECONDS",
         "how long to wait until it has stopped or runs (default: 60)"},
        LEAT_ARG_JSON(g.common),
        {0},
    };
    const char *words[2];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, 2, &nwords, &status)) return status;
    if (!g.connect.url) return leat_cli_usage(argv[0], "--connect URL says where Kafka Connect is");
    if (nwords != 1 && (nwords != 2 || g.back))
        return leat_cli_usage(argv[0], g.back ? "name one connector"
                                              : "name one connector, and behind it the file of its "
                                                "worker if you like");
    if (g.wait > INT32_MAX) return leat_cli_usage(argv[0], "--wait: at most %d seconds", INT32_MAX);
    if (g.back && (g.run || g.file || g.embedded || g.common.kafka))
        return leat_cli_usage(argv[0],
                              "--back goes with none of --run, --file, --embedded, --kafka");
    if (!leat_cli_names(argv[0], words, 1, &status)) return status;
    return run(&g, words, nwords);
}
