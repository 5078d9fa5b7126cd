/* leat run: connectors in the foreground, a process each; leat connector: such a process.
 *
 * All files are read and all configurations validated before anything is started, and all problems
 * are told at once. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "config/open.h"
#include "engine/setup.h"
#include "hub/child_run.h"
#include "hub/supervisor.h"
#include "sql/file.h"

enum { FILES_MAX = 256, CONFIG_FD = 3 };

typedef struct running {
    leat_common common;
    bool once, log_json, quiet;
    const char *log_level;
    leat_arena arena;
    leat_child_config children[FILES_MAX];
    size_t n;
    leat_open open;
} running;

static bool known(const running *g, const char *name)
{
    for (size_t i = 0; i < g->n; i++)
        if (strcmp(g->children[i].config->name, name) == 0) return true;
    return false;
}

/* As the user wrote it, where it became another name. */
static const char *said(const leat_config *config, const char *option)
{
    const leat_props *both[] = {&config->props, config->worker};
    for (size_t i = 0; option && i < 2; i++)
        for (const leat_prop *p = both[i] ? both[i]->first : NULL; p; p = p->next)
            if (p->said && strcmp(p->name, option) == 0) return p->said;
    return option;
}

/* It is about a line of the worker's file and of no other. */
static bool of_worker(const leat_config *config, const leat_problem *problem)
{
    for (const leat_prop *p = config->props.first; p && problem->option; p = p->next)
        if (strcmp(p->name, problem->option) == 0 && p->line == problem->line) return false;
    for (const leat_prop *p = config->worker ? config->worker->first : NULL; p; p = p->next)
        if (problem->option && strcmp(p->name, problem->option) == 0 && p->line == problem->line)
            return true;
    return false;
}

/* A worker's warnings are told with its first connector. */
static void print(const running *g, const leat_config *config, const leat_report *r,
                  const char *file, bool named)
{
    const char *connectors = file;
    for (const leat_problem *p = r->first; p; p = p->next) {
        char line[16] = "";
        const char *option = said(config, p->option);
        bool workers = g->open.worker && of_worker(config, p);
        if (workers && p->warning && g->n > 0) continue;
        file = workers && config->worker->file ? config->worker->file : connectors;
        if (p->line > 0) snprintf(line, sizeof line, ":%d", p->line);
        fprintf(stderr, "leat: %s%s: %s%s%s%s%s%s\n", file, line,
                named && !workers ? config->name : "", named && !workers ? ": " : "",
                p->warning ? "warning: " : "", option ? option : "", option ? ": " : "", p->msg);
    }
}

/* Prints the problems of one configuration; true when it can be run. */
static bool validate(running *g, leat_config *config, const char *file)
{
    leat_report r;
    leat_setup setup;
    leat_open_finish(&g->arena, &g->open, config);
    leat_report_init(&r, &g->arena);
    bool good = leat_connector_name_check(config->name, NULL) == LEAT_OK;
    if (known(g, config->name))
        leat_report_add(&r, false, "name", 0, "two connectors are called \"%s\"", config->name);
    leat_setup_parse(config, g->common.strict, &g->arena, &setup, &r);
    if (config->told) print(g, config, config->told, file, good);
    print(g, config, &r, file, good);
    if (r.errors > 0 || (config->told && config->told->errors > 0)) return false;
    g->children[g->n++] = (leat_child_config){.config = config, .sink = setup.sink != NULL};
    return true;
}

/* Reads all files, then looks at what they say: a worker's file may stand behind its connectors. */
static int load(running *g, const char *const *files, int n)
{
    int status = LEAT_EXIT_OK;
    leat_config **lists = LEAT_NEW(&g->arena, leat_config *, (size_t)n);
    for (int i = 0; i < n; i++) {
        leat_err err = {0};
        if (!leat_rc_failed(leat_sql_open_file(&g->arena, &g->open, files[i], &lists[i], &err)))
            continue;
        leat_cli_fail(&err);
        status = LEAT_EXIT_USAGE;
    }
    for (int i = 0; i < n; i++) {
        for (leat_config *config = lists[i]; config; config = config->next) {
            if (g->n == FILES_MAX) return leat_cli_usage("run", "at most %d connectors", FILES_MAX);
            if (!validate(g, config, files[i])) status = LEAT_EXIT_USAGE;
        }
    }
    if (status == LEAT_EXIT_OK && g->n == 0)
        return leat_cli_usage("run",
                              "%s is a worker's configuration and names no connector: name the "
                              "files of its connectors too (those that were created by REST: 'leat "
                              "takeover')",
                              files[0]);
    return status;
}

/* Without it nothing is missing but the progress: what goes wrong is told. */
static leat_cli_progress *show_progress(running *g)
{
    leat_cli_progress *p = NULL;
    leat_err err;
    const char **names = LEAT_NEW(&g->arena, const char *, g->n);
    size_t n = 0;
    for (size_t i = 0; i < g->n; i++)
        if (!g->children[i].sink) names[n++] = g->children[i].config->name;
    leat_cli_progress_conf conf = {
        .data = g->common.data, .names = names, .n = n, .bars = !g->log_json};
    if (g->quiet || n == 0) return NULL;
    if (leat_cli_progress_start(&conf, &p, &err) != LEAT_OK) leat_log_err(LEAT_WARN, &err);
    return p;
}

int leat_cli_run(int argc, char **argv)
{
    running g = {.common = {.data = leat_cli_data()}};
    const leat_arg args[] = {
        LEAT_ARG_DATA(g.common),
        LEAT_ARG_KAFKA(g.common),
        {"once", LEAT_ARG_FLAG, &g.once, NULL,
         "end when the sources passed their ends noted at the start, and the sinks these"},
        {"log-level", LEAT_ARG_TEXT, &g.log_level, "LEVEL", "trace, debug, info, warn or error"},
        {"log-json", LEAT_ARG_FLAG, &g.log_json, NULL, "log lines as JSON objects"},
        {"quiet", LEAT_ARG_FLAG, &g.quiet, NULL, "do not show how far snapshots are"},
        LEAT_ARG_STRICT(g.common),
        {0},
    };
    const char *words[FILES_MAX];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, FILES_MAX, &nwords, &status)) return status;
    if (nwords == 0) return leat_cli_usage(argv[0], "name a configuration file");
    leat_level level = LEAT_INFO;
    if (g.log_level && !leat_log_level_parse(leat_str_of(g.log_level), &level))
        return leat_cli_usage(argv[0], "--log-level: trace, debug, info, warn or error, got \"%s\"",
                              g.log_level);
    leat_log_setup(level, g.log_json, NULL, STDERR_FILENO);
    leat_arena_init(&g.arena, 0);
    g.open = (leat_open){
        .kafka = g.common.kafka, .env = (const char *const *)environ, .strict = g.common.strict};
    status = load(&g, words, nwords);
    leat_err err = {0};
    if (status == LEAT_EXIT_OK) {
        leat_supervisor_conf conf = {.data = g.common.data,
                                     .once = g.once,
                                     .log_level = g.log_level,
                                     .log_json = g.log_json};
        leat_cli_progress *progress = show_progress(&g);
        leat_rc rc = leat_supervisor_run(&conf, g.children, g.n, &status, &err);
        leat_cli_progress_end(progress);
        if (leat_rc_failed(rc)) status = leat_cli_fail(&err);
    }
    leat_arena_free(&g.arena);
    return status;
}

int leat_cli_connector(int argc, char **argv)
{
    leat_common common = {.data = leat_cli_data()};
    leat_process_conf conf = {0};
    const char *log_level = NULL;
    bool log_json = false;
    const leat_arg args[] = {
        LEAT_ARG_DATA(common),
        {"once", LEAT_ARG_FLAG, &conf.once, NULL, "end at the source's end"},
        {"log-level", LEAT_ARG_TEXT, &log_level, "LEVEL", "least level to log"},
        {"log-json", LEAT_ARG_FLAG, &log_json, NULL, "log lines as JSON objects"},
        LEAT_ARG_STRICT(common),
        {0},
    };
    const char *words[2];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, 2, &nwords, &status)) return status;
    if (nwords != 1) return leat_cli_usage(argv[0], "name one connector");
    leat_level level = LEAT_INFO;
    if (log_level && !leat_log_level_parse(leat_str_of(log_level), &level)) level = LEAT_INFO;
    leat_log_setup(level, log_json, words[0], STDERR_FILENO);
    conf.data = common.data;
    conf.name = words[0];
    conf.strict = common.strict;
    return leat_child_run(&conf, CONFIG_FD);
}
