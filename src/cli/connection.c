/* leat connection: makes, tries, lists, alters and drops saved connections of a data folder
 * (engine/connection.h), whether a hub has it or not.
 *
 * Parameters are words NAME=VALUE, or lines of a file (--from). Secrets are not taken from the
 * command line, which others can see. create and alter try the connection before they save it,
 * unless --untested is said. */
#include "cli/connection.h"

#include <stdio.h>
#include <unistd.h>

#include "base/os.h"
#include "config/seal.h"
#include "stream/page.h"

enum { WORDS_MAX = 100, FROM_MOST = 1 << 20 };

/* ---- words ---- */

/* "name=value" and the lines of --from; those that are empty are taken out. */
static leat_rc read_words(leat_connecting *g, const char *const *words, int n, leat_err *e)
{
    leat_buf text = {0};
    leat_rc rc = LEAT_OK;
    leat_props_init(&g->given, g->from);
    if (g->from) {
        int err = leat_cli_load(g->from, &text, FROM_MOST);
        rc = err < 0
                 ? leat_os_fail(e, err, "read the parameters in", g->from)
                 : leat_props_read(&g->a, leat_arena_str(&g->a, leat_buf_str(&text)), &g->given, e);
        leat_buf_free(&text);
    }
    for (int i = 0; rc == LEAT_OK && i < n; i++) {
        leat_str value = leat_str_of(words[i]), name = leat_str_trim(leat_str_cut(&value, '='));
        if (!value.s || name.len == 0)
            return leat_fail(e, LEAT_CONF, "config.word", words[i],
                             "expected a parameter as NAME=VALUE; 'leat connection types' names "
                             "them");
        leat_props_set(&g->given, &g->a, name, value, -1);
    }
    return rc;
}

/* A secret on the command line. Its line is -1. */
static leat_rc no_secrets(const leat_connecting *g, leat_opt_tables tables, leat_err *e)
{
    for (const leat_prop *p = g->given.first; p; p = p->next)
        if (p->line < 0 && leat_config_secret(tables, p->name, p->value))
            return leat_fail(e, LEAT_CONF, "config.secret", p->name,
                             "a secret is not given on the command line, where others see it: put "
                             "the line %s=... into a file for --from ('-': standard input), or "
                             "say where it is, as in %s='${env:NAME}' or '${file:PATH:KEY}'",
                             p->name, p->name);
    return LEAT_OK;
}

static void warn(const leat_report *r, const char *name)
{
    for (const leat_problem *p = r->first; p; p = p->next)
        if (p->warning)
            fprintf(stderr, "leat: warning: %s: %s\n", p->option ? p->option : name, p->msg);
}

/* ---- trying ---- */

static leat_rc try_it(leat_connecting *g, const leat_connection *k, const leat_props *more,
                      leat_err *e)
{
    leat_report r;
    const leat_strategy *strategy = NULL;
    leat_report_init(&r, &g->a);
    if (g->strategy && !(strategy = leat_system_strategy(k->system, leat_str_of(g->strategy))))
        return leat_fail(e, LEAT_CONF, "config.strategy", "--strategy",
                         "%s has no strategy \"%s\"; 'leat connection types %s' names them",
                         k->system->label, g->strategy, k->system->name);
    g->steps.json = g->common.json;
    leat_checker c = {.step = leat_steps_step, .arg = &g->steps};
    leat_rc rc = leat_connection_test(&g->a, k, strategy, more, &c, &r, e);
    warn(&r, k->name);
    leat_steps_end(&g->steps, k->name);
    if (rc == LEAT_OK && r.errors > 0) rc = leat_report_err(&r, k->name, e);
    g->failed = c.failed;
    return rc;
}

/* False: it is not to be saved, which was told. */
static leat_rc fit(leat_connecting *g, const leat_connection *k, bool *good, leat_err *e)
{
    leat_report r;
    *good = true;
    leat_report_init(&r, &g->a);
    if (g->untested) {
        leat_connection_validate(&g->a, k, &r);
        warn(&r, k->name);
        return leat_report_err(&r, k->name, e);
    }
    LEAT_TRY(try_it(g, k, NULL, e));
    *good = g->failed == 0;
    if (!*good)
        fprintf(stderr,
                "leat: connection %s is not saved: %u step%s failed; --untested saves it all the "
                "same\n",
                k->name, g->failed, g->failed == 1 ? "" : "s");
    return LEAT_OK;
}

/* ---- verbs ---- */

static leat_rc create(leat_connecting *g, const char *name, leat_err *e)
{
    leat_connection k;
    leat_report r;
    leat_hubdb *h;
    bool good = false;
    leat_report_init(&r, &g->a);
    bool made = leat_connection_make(&g->a, name, &g->given, &k, &r);
    if (k.system) LEAT_TRY(no_secrets(g, k.system->parameters, e));
    warn(&r, name);
    if (!made) return leat_report_err(&r, name, e);
    LEAT_TRY(leat_hubdb_open(g->common.data, &h, e));
    leat_rc rc = leat_connection_new(h, name, e);
    if (rc == LEAT_OK) rc = fit(g, &k, &good, e);
    if (rc == LEAT_OK && good) rc = leat_connection_store(h, &k, false, e);
    leat_hubdb_close(h);
    if (rc == LEAT_OK && good) fprintf(stderr, "connection %s is saved\n", k.name);
    return rc;
}

/* The connector's process lives. */
static bool runs(const leat_connecting *g, const char *name, leat_arena *a)
{
    leat_page *page = NULL;
    const char *path = leat_arena_printf(a, "%s/connectors/%s/counters", g->common.data, name);
    if (leat_page_open(path, &page, NULL) != LEAT_OK) return false;
    bool lives = leat_page_alive(page);
    leat_page_close(page);
    return lives;
}

/* Those that use it and run go by what was until they are restarted. */
static leat_rc tell_users(leat_connecting *g, const leat_connection *k, leat_err *e)
{
    const char **users;
    size_t n;
    LEAT_TRY(leat_connection_users(g->common.data, k->name, &g->a, &users, &n, e));
    for (size_t i = 0; i < n; i++) {
        if (!runs(g, users[i], &g->a)) continue;
        char *argv[] = {(char *)"restart", (char *)users[i], (char *)"--data",
                        (char *)g->common.data, NULL};
        if (!g->restart)
            fprintf(stderr, "%s goes on as before until 'leat restart %s'\n", users[i], users[i]);
        else if (leat_cli_restart(4, argv) != LEAT_EXIT_OK)
            g->failed++;
    }
    return LEAT_OK;
}

static leat_rc alter(leat_connecting *g, const char *name, leat_err *e)
{
    leat_connection was, k;
    leat_report r;
    leat_hubdb *h;
    bool good = false;
    size_t n = 0, most = 1;
    leat_report_init(&r, &g->a);
    for (const leat_prop *p = g->given.first; p; p = p->next) most++;
    const char **taken = LEAT_NEW(&g->a, const char *, most);
    for (const leat_prop *p = g->given.first; p; p = p->next)
        if (*p->value == 0) taken[n++] = p->name;
    LEAT_TRY(leat_hubdb_open(g->common.data, &h, e));
    leat_rc rc = leat_connection_get(h, name, &g->a, &was, e);
    if (rc == LEAT_OK) rc = no_secrets(g, was.system->parameters, e);
    if (rc == LEAT_OK && !leat_connection_alter(&g->a, &was, &g->given, taken, &k, &r))
        rc = leat_report_err(&r, name, e);
    if (rc == LEAT_OK) rc = fit(g, &k, &good, e);
    if (rc == LEAT_OK && good) rc = leat_connection_store(h, &k, true, e);
    leat_hubdb_close(h);
    if (rc == LEAT_OK && good) {
        fprintf(stderr, "connection %s is altered\n", k.name);
        rc = tell_users(g, &k, e);
    }
    return rc;
}

static leat_rc drop(leat_connecting *g, const char *name, leat_err *e)
{
    leat_hubdb *h;
    LEAT_TRY(leat_hubdb_open(g->common.data, &h, e));
    leat_rc rc = leat_connection_drop(h, g->common.data, name, e);
    leat_hubdb_close(h);
    if (rc == LEAT_OK) fprintf(stderr, "connection %s is dropped\n", name);
    return rc;
}

leat_rc leat_connection_load(const char *data, const char *name, leat_arena *a,
                             leat_connection *out, leat_err *e)
{
    leat_hubdb *h = NULL;
    leat_rc rc = leat_hubdb_look(data, &h, e);
    if (rc == LEAT_PENDING)
        return leat_fail(e, LEAT_CONF, "connection.unknown", name,
                         "there is no connection \"%s\": none is saved in %s", name, data);
    LEAT_TRY(rc);
    rc = leat_connection_get(h, name, a, out, e);
    leat_hubdb_close(h);
    return rc;
}

/* name NULL: one that is not saved, as the words say. */
static leat_rc test(leat_connecting *g, const char *name, leat_err *e)
{
    leat_connection k;
    leat_report r;
    leat_report_init(&r, &g->a);
    if (name) {
        LEAT_TRY(leat_connection_load(g->common.data, name, &g->a, &k, e));
        LEAT_TRY(no_secrets(g, k.system->parameters, e));
        return try_it(g, &k, &g->given, e);
    }
    bool made = leat_connection_make(&g->a, "unnamed", &g->given, &k, &r);
    if (k.system) LEAT_TRY(no_secrets(g, k.system->parameters, e));
    warn(&r, "unnamed");
    return made ? try_it(g, &k, NULL, e) : leat_report_err(&r, "unnamed", e);
}

/* ---- the command ---- */

static int end(leat_connecting *g, leat_rc rc, const leat_err *e)
{
    leat_arena_free(&g->a);
    if (leat_rc_failed(rc)) return leat_cli_fail(e);
    return g->failed ? LEAT_EXIT_FOUND : LEAT_EXIT_OK;
}

static int usage(const char *command)
{
    return leat_cli_usage(command, "expected create NAME, list, show NAME, test NAME, alter NAME, "
                                   "drop NAME or types [TYPE]");
}

/* What is done with a name and perhaps parameters behind it. */
static int run(leat_connecting *g, const char *command, const char *const *words, int n)
{
    static const struct {
        const char *verb;
        leat_rc (*fn)(leat_connecting *g, const char *name, leat_err *e);
        bool values, unnamed; /* it takes parameters; and may go without a name */
    } verbs[] = {{"create", create, true, false},
                 {"alter", alter, true, false},
                 {"test", test, true, true},
                 {"drop", drop, false, false},
                 {"show", leat_connection_show, false, false}};
    size_t i = 0, all = sizeof verbs / sizeof *verbs;
    leat_err err = {0};
    while (i < all && strcmp(words[0], verbs[i].verb) != 0) i++;
    if (i == all) return usage(command);
    const char *name = n > 1 ? words[1] : NULL;
    bool unnamed = verbs[i].unnamed && (!name || strchr(name, '='));
    if (!name && !(verbs[i].unnamed && g->from)) return usage(command);
    if (n > 2 && !verbs[i].values)
        return leat_cli_usage(command, "%s takes one name; got \"%s\" too", words[0], words[2]);
    int from = unnamed ? 1 : 2;
    leat_rc rc = read_words(g, words + from, n - from, &err);
    if (rc == LEAT_OK) rc = verbs[i].fn(g, unnamed ? NULL : name, &err);
    return end(g, rc, &err);
}

int leat_cli_connection(int argc, char **argv)
{
    leat_connecting g = {.common = {.data = leat_cli_data()},
                         .steps.colour = isatty(STDOUT_FILENO)};
    const leat_arg args[] = {
        LEAT_ARG_DATA(g.common),
        {"from", LEAT_ARG_TEXT, &g.from, "FILE", "parameters, a line each; -: standard input"},
        {"strategy", LEAT_ARG_TEXT, &g.strategy, "NAME", "test for another strategy than its own"},
        {"untested", LEAT_ARG_FLAG, &g.untested, NULL, "save it without trying it"},
        {"restart", LEAT_ARG_FLAG, &g.restart, NULL, "restart the connectors that use it"},
        LEAT_ARGS_STEPS(g.steps),
        LEAT_ARG_JSON(g.common),
        {0},
    };
    const char *words[WORDS_MAX];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, WORDS_MAX, &nwords, &status)) return status;
    if (g.steps.sql && g.steps.undo) return leat_cli_usage(argv[0], "either --sql or --undo");
    if (nwords == 0) return usage(argv[0]);
    leat_err err = {0};
    if (nwords == 1 && strcmp(words[0], "list") == 0)
        return end(&g, leat_connection_print(&g, &err), &err);
    if (nwords <= 2 && strcmp(words[0], "types") == 0)
        return end(&g, leat_connection_types(&g, nwords > 1 ? words[1] : NULL, &err), &err);
    return run(&g, argv[0], words, nwords);
}
