/* leat check: tests a connector's configuration against the real system, step by step.
 *
 * Each step is told as it happens: what was looked at, what was found, and for what fails what to
 * do, with the SQL that mends it (--sql prints only that, --undo what takes it back). Nothing is
 * changed on the server. Exit status 3 when a step failed. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/check_kafka.h"
#include "cli/steps.h"
#include "config/open.h"
#include "engine/setup.h"
#include "sql/file.h"
#include "state/state.h"

enum { WORDS_MAX = 8 };

typedef struct checking {
    leat_common common;
    leat_open open;
    leat_steps steps;
} checking;

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* word is a file, or the name of a connector whose configuration state.db holds. */
static leat_rc find(checking *g, const char *word, leat_arena *a, leat_config **out, leat_err *e)
{
    *out = NULL;
    if (is_file(word)) return leat_sql_open_file(a, &g->open, word, out, e);
    leat_state *s = NULL;
    leat_str json = {0};
    leat_rc rc = leat_state_open(g->common.data, word, true, &s, e);
    if (rc == LEAT_OK) rc = leat_state_config_get(s, a, &json, e);
    leat_state_close(s);
    if (rc == LEAT_OK && json.s) return leat_config_json(a, json, word, out, e);
    if (rc == LEAT_OK || strcmp(e->code, "connector.unknown") == 0 ||
        strcmp(e->code, "config.name") == 0)
        rc =
            leat_fail(e, LEAT_CONF, "config.missing", word,
                      "there is neither a file nor a connector of this name in %s", g->common.data);
    return rc;
}

static leat_rc check_one(checking *g, leat_config *config, leat_arena *a, unsigned *failed,
                         leat_err *e)
{
    leat_report r;
    leat_setup setup;
    leat_open_finish(a, &g->open, config);
    leat_report_init(&r, a);
    bool good = leat_setup_parse(config, g->common.strict, a, &setup, &r);
    for (const leat_problem *p = r.first; p; p = p->next)
        if (p->warning)
            fprintf(stderr, "leat: warning: %s: %s\n", p->option ? p->option : config->name,
                    p->msg);
    if (!good) return leat_report_err(&r, config->name, e);
    leat_checker c = {.step = leat_steps_step, .arg = &g->steps};
    leat_rc rc = setup.source ? setup.source->check(setup.conf, &c, e)
                              : setup.sink->check(setup.conf, &c, e);
    if (rc == LEAT_OK && setup.sink && setup.kafka && !leat_steps_script(&g->steps))
        leat_check_intake(&setup, &c);
    else if (rc == LEAT_OK && setup.sink && !leat_steps_script(&g->steps))
        leat_wanted_check(&setup.wanted, g->common.data, &c);
    if (rc == LEAT_OK && setup.kafka && setup.source && !leat_steps_script(&g->steps))
        rc = leat_check_kafka(&setup, &c, e);
    if (rc == LEAT_OK && !leat_steps_script(&g->steps)) leat_check_signals(&setup, &c);
    *failed += c.failed;
    leat_steps_end(&g->steps, config->name);
    return rc;
}

int leat_cli_check(int argc, char **argv)
{
    checking g = {.common = {.data = leat_cli_data()}, .steps.colour = isatty(STDOUT_FILENO)};
    const leat_arg args[] = {
        LEAT_ARG_DATA(g.common),   LEAT_ARG_KAFKA(g.common), LEAT_ARG_JSON(g.common),
        LEAT_ARG_STRICT(g.common), LEAT_ARGS_STEPS(g.steps), {0},
    };
    const char *words[WORDS_MAX];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, WORDS_MAX, &nwords, &status)) return status;
    if (nwords == 0) return leat_cli_usage(argv[0], "name a configuration file or a connector");
    if (g.steps.sql && g.steps.undo) return leat_cli_usage(argv[0], "either --sql or --undo");
    g.steps.json = g.common.json;
    g.open = (leat_open){
        .kafka = g.common.kafka, .env = (const char *const *)environ, .strict = g.common.strict};
    leat_arena a;
    leat_arena_init(&a, 0);
    leat_config *lists[WORDS_MAX] = {NULL};
    leat_err err = {0};
    unsigned failed = 0;
    leat_rc rc = LEAT_OK;
    for (int i = 0; i < nwords && rc == LEAT_OK; i++) rc = find(&g, words[i], &a, &lists[i], &err);
    for (int i = 0; i < nwords; i++)
        for (leat_config *config = lists[i]; config && rc == LEAT_OK; config = config->next)
            rc = check_one(&g, config, &a, &failed, &err);
    leat_arena_free(&a);
    if (leat_rc_failed(rc)) return leat_cli_fail(&err);
    return failed ? LEAT_EXIT_FOUND : LEAT_EXIT_OK;
}
