/* leat shadow: a leat beside a Debezium that runs, whose records are compared one by one. */
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/connect.h"
#include "cli/lines.h"
#include "cli/shadow_show.h"
#include "config/open.h"
#include "prove/takeover/rest.h"

enum { FILES_MAX = 3, LEAST_MIB = 1, MOST_MIB = 1 << 20 };

typedef struct shadowing {
    leat_common common;
    leat_connect connect;
    const char *slot, *log_level;
    bool keep, snapshot, rules;
    int64_t seconds, records, wait, most, memory;
    leat_arena a;
    leat_open open;
    leat_config *config;
    leat_shadow_show show;
} shadowing;

static bool stop(void *arg)
{
    (void)arg;
    return leat_lines_interrupted();
}

/* The files: one connector, and what says where Kafka is. */
static leat_rc from_files(shadowing *g, const char *const *files, int n, leat_err *e)
{
    for (int i = 0; i < n; i++) {
        leat_config *list = NULL;
        LEAT_TRY(leat_open_file(&g->a, &g->open, files[i], &list, e));
        if (!list) continue;
        if (g->config || list->next || g->connect.url)
            return leat_fail(e, LEAT_CONF, "config.connector", files[i],
                             "one connector is shadowed at a time, and here is another one");
        g->config = list;
    }
    if (g->config) leat_open_finish(&g->a, &g->open, g->config);
    return LEAT_OK;
}

static leat_rc from_rest(shadowing *g, const char *name, leat_err *e)
{
    leat_rest *rest = NULL;
    leat_rest_login login;
    LEAT_TRY(leat_connect_login(&g->connect, &g->a, &login, e));
    LEAT_TRY(leat_rest_open(g->connect.url, &login, &rest, e));
    leat_rc rc = leat_rest_config(rest, name, &g->open, &g->a, &g->config, e);
    leat_rest_close(rest);
    return rc;
}

static leat_rc configure(shadowing *g, const char *const *words, int nwords, leat_err *e)
{
    g->open = (leat_open){
        .kafka = g->common.kafka, .env = (const char *const *)environ, .strict = g->common.strict};
    if (g->connect.url) {
        LEAT_TRY(from_files(g, words + 1, nwords - 1, e));
        return from_rest(g, words[0], e);
    }
    LEAT_TRY(from_files(g, words, nwords, e));
    if (g->config) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "config.connector", words[0],
                     "this is a worker's configuration and names no connector: name the file of "
                     "the connector too, or its name with --connect URL");
}

static int run(shadowing *g, const char *const *words, int nwords)
{
    leat_err err = {0};
    leat_shadow_counts counts = {0};
    leat_rc rc = configure(g, words, nwords, &err);
    if (rc != LEAT_OK) return leat_cli_fail(&err);
    const leat_shadow_conf conf = {
        .config = g->config,
        .data = g->common.data,
        .slot = g->slot,
        .log_level = g->log_level,
        .keep = g->keep,
        .snapshot = g->snapshot,
        .seconds = g->seconds,
        .records = (uint64_t)g->records,
        .wait_us = g->wait * 1000000,
        .memory = (size_t)g->memory << 20,
        .watch = {leat_shadow_show_step, leat_shadow_show_difference, leat_shadow_show_progress,
                  stop, &g->show},
    };
    leat_lines_signals();
    leat_log_setup(LEAT_ERROR, false, NULL, STDERR_FILENO); /* what is wrong is told once, by us */
    rc = leat_shadow_run(&conf, &counts, &err);
    bool finished = rc == LEAT_OK, began = counts.read[0] + counts.read[1] > 0;
    if (finished || began) leat_shadow_show_result(&g->show, &counts, finished);
    uint64_t found = leat_shadow_differences(&counts);
    if (!finished) {
        int status = leat_cli_fail(&err);
        return found && status == LEAT_EXIT_FAILED ? LEAT_EXIT_FOUND : status;
    }
    return found ? LEAT_EXIT_FOUND : LEAT_EXIT_OK;
}

static const char *wrong(const shadowing *g, int nwords)
{
    if (nwords == 0)
        return "name the file of Debezium's configuration, or --connect URL and a name";
    if (g->memory < LEAST_MIB || g->memory > MOST_MIB) return "--memory: 1 to 1048576 MiB";
    if (g->wait < 1 || g->wait > INT32_MAX || g->seconds > INT32_MAX)
        return "--wait and --for: seconds, at least 1";
    return NULL;
}

int leat_cli_shadow(int argc, char **argv)
{
    shadowing g = {.common = {.data = leat_cli_data()}, .wait = 60, .most = 100, .memory = 64};
    const leat_arg args[] = {
        LEAT_ARGS_CONNECT(g.connect),
        LEAT_ARG_KAFKA(g.common),
        LEAT_ARG_DATA(g.common),
        {"slot", LEAT_ARG_TEXT, &g.slot, "NAME", "the second slot (default: Debezium's + _shadow)"},
        {"keep-slot", LEAT_ARG_FLAG, &g.keep, NULL, "leave the slot at the end"},
        {"snapshot", LEAT_ARG_FLAG, &g.snapshot, NULL,
         "compare the rows of the snapshots too: topics from their beginning, of a database at "
         "rest"},
        {"for", LEAT_ARG_INT, &g.seconds, "SECONDS", "end after so long (default: Ctrl-C)"},
        {"records", LEAT_ARG_INT, &g.records, "N", "end after so many were compared"},
        {"wait", LEAT_ARG_INT, &g.wait, "SECONDS",
         "for records that should have come, and at the end (default: 60)"},
        {"max-differences", LEAT_ARG_INT, &g.most, "N", "print so many (default: 100)"},
        {"memory", LEAT_ARG_INT, &g.memory, "MIB",
         "for records that wait for the other side, on each side (default: 64)"},
        {"log-level", LEAT_ARG_TEXT, &g.log_level, "LEVEL", "of leat's connector (default: warn)"},
        {"rules", LEAT_ARG_FLAG, &g.rules, NULL, "print what may differ, and why"},
        LEAT_ARG_JSON(g.common),
        {0},
    };
    const char *words[FILES_MAX];
    int nwords, status;
    leat_level level;
    if (!leat_cli_parse(argc, argv, args, words, FILES_MAX, &nwords, &status)) return status;
    if (g.rules) {
        leat_shadow_show_rules(g.common.json);
        return LEAT_EXIT_OK;
    }
    if (wrong(&g, nwords)) return leat_cli_usage(argv[0], "%s", wrong(&g, nwords));
    if (g.connect.url && !leat_cli_names(argv[0], words, 1, &status)) return status;
    if (g.log_level && !leat_log_level_parse(leat_str_of(g.log_level), &level))
        return leat_cli_usage(argv[0], "--log-level: trace, debug, info, warn or error, got \"%s\"",
                              g.log_level);
    g.show = (leat_shadow_show){
        .json = g.common.json, .tty = isatty(STDERR_FILENO), .most = (uint64_t)g.most};
    leat_arena_init(&g.a, 0);
    status = run(&g, words, nwords);
    leat_arena_free(&g.a);
    return status;
}
