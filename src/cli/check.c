/* leat check: tests a connector's configuration against the real system, step by step.
 *
 * Each step is told as it happens: what was looked at, what was found, and for what fails what to
 * do, with the SQL that mends it (--sql prints only that, --undo what takes it back). Nothing is
 * changed on the server. Exit status 3 when a step failed. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/check_kafka.h"
#include "cli/cli.h"
#include "config/open.h"
#include "engine/setup.h"
#include "sql/file.h"
#include "state/state.h"

enum { WORDS_MAX = 8 };

typedef struct checking {
    leat_common common;
    leat_open open;
    bool sql, undo;
    bool colour;
} checking;

static void print_json(const leat_step *s, const char *state)
{
    leat_buf out = {0};
    leat_jw w = {.out = &out};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "step", s->name);
    leat_jw_z(&w, "state", state);
    leat_jw_z(&w, "code", s->code);
    leat_jw_z(&w, "detail", s->detail);
    leat_jw_z(&w, "advice", s->advice);
    leat_jw_z(&w, "sql", s->sql);
    leat_jw_z(&w, "undo", s->undo);
    leat_jw_end(&w);
    printf("%.*s\n", (int)out.len, out.p);
    fflush(stdout);
    leat_buf_free(&out);
}

static void print_text(const checking *g, const leat_step *s, const char *state)
{
    static const char *const colours[] = {"\033[32m", "\033[31m", "\033[33m", "\033[2m"};
    printf("%s%-7s%s %-22s %s%s%s%s\n", g->colour ? colours[s->state] : "", state,
           g->colour ? "\033[0m" : "", s->name, s->detail ? s->detail : "", s->code ? " [" : "",
           s->code ? s->code : "", s->code ? "]" : "");
    if (s->advice) printf("        -> %s\n", s->advice);
    if (s->sql) printf("        SQL: %s\n", s->sql);
    fflush(stdout);
}

static void on_step(leat_checker *c, const leat_step *s)
{
    static const char *const states[] = {"ok", "FAILED", "warn", "skipped"};
    const checking *g = c->arg;
    if (g->sql || g->undo) {
        const char *text = g->sql ? s->sql : s->undo;
        if (text) printf("-- %s\n%s\n", s->name, text);
    } else if (g->common.json) {
        print_json(s, states[s->state]);
    } else {
        print_text(g, s, states[s->state]);
    }
}

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
    leat_checker c = {.step = on_step, .arg = g};
    leat_rc rc = setup.source ? setup.source->check(setup.conf, &c, e)
                              : setup.sink->check(setup.conf, &c, e);
    if (rc == LEAT_OK && setup.kafka && setup.source && !g->sql && !g->undo)
        rc = leat_check_kafka(&setup, &c, e);
    if (rc == LEAT_OK && !g->sql && !g->undo) leat_check_signals(&setup, &c);
    *failed += c.failed;
    return rc;
}

int leat_cli_check(int argc, char **argv)
{
    checking g = {.common = {.data = leat_cli_data()}, .colour = isatty(STDOUT_FILENO)};
    const leat_arg args[] = {
        LEAT_ARG_DATA(g.common),
        LEAT_ARG_KAFKA(g.common),
        LEAT_ARG_JSON(g.common),
        LEAT_ARG_STRICT(g.common),
        {"sql", LEAT_ARG_FLAG, &g.sql, NULL, "print only the SQL that mends what fails"},
        {"undo", LEAT_ARG_FLAG, &g.undo, NULL, "print only the SQL that takes it back"},
        {0},
    };
    const char *words[WORDS_MAX];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, WORDS_MAX, &nwords, &status)) return status;
    if (nwords == 0) return leat_cli_usage(argv[0], "name a configuration file or a connector");
    if (g.sql && g.undo) return leat_cli_usage(argv[0], "either --sql or --undo");
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
