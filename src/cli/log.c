/* leat log: the last lines of a running connector, those that follow, and how much it says. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/ask.h"
#include "engine/control.h"

enum { FOLLOW_US = 250000 };

typedef struct logging {
    leat_common common;
    bool follow;
    const char *level;
    const char *folder;
    leat_arena a;
} logging;

/* The lines from *next on. */
static leat_rc lines(logging *g, int64_t *next, leat_err *e)
{
    const leat_json *reply = NULL;
    leat_arena_reset(&g->a, 1 << 20);
    char *request = leat_arena_printf(&g->a, "{\"verb\":\"log\",\"since\":%" PRId64 "}", *next);
    LEAT_TRY(leat_control_call(g->folder, leat_str_of(request), LEAT_ASK_MS, &g->a, &reply, e));
    leat_str text = leat_json_get_str(reply, "lines");
    fwrite(text.s ? text.s : "", 1, text.len, stdout);
    *next = leat_json_get_i64(reply, "next", *next);
    return LEAT_OK;
}

static leat_rc set_level(logging *g, leat_err *e)
{
    const leat_json *reply = NULL;
    char *request = leat_arena_printf(&g->a, "{\"verb\":\"log-level\",\"level\":\"%s\"}", g->level);
    return leat_control_call(g->folder, leat_str_of(request), LEAT_ASK_MS, &g->a, &reply, e);
}

static leat_rc run(logging *g, leat_err *e)
{
    int64_t next = 0;
    if (g->level) LEAT_TRY(set_level(g, e));
    if (g->level && !g->follow) return LEAT_OK;
    LEAT_TRY(lines(g, &next, e));
    while (g->follow && fflush(stdout) == 0) {
        leat_sleep_us(FOLLOW_US);
        LEAT_TRY(lines(g, &next, e));
    }
    return LEAT_OK;
}

int leat_cli_log(int argc, char **argv)
{
    logging g = {.common = {.data = leat_cli_data()}};
    const leat_arg args[] = {
        LEAT_ARG_DATA(g.common),
        {"follow", LEAT_ARG_FLAG, &g.follow, NULL, "go on with the lines that come"},
        {"level", LEAT_ARG_TEXT, &g.level, "LEVEL",
         "from now on say as much as trace, debug, info, warn or error"},
        {0},
    };
    const char *words[2];
    int nwords, status;
    leat_level level;
    if (!leat_cli_parse(argc, argv, args, words, 2, &nwords, &status)) return status;
    if (nwords != 1) return leat_cli_usage(argv[0], "name one connector");
    if (!leat_cli_names(argv[0], words, nwords, &status)) return status;
    if (g.level && !leat_log_level_parse(leat_str_of(g.level), &level))
        return leat_cli_usage(argv[0], "--level: trace, debug, info, warn or error, got \"%s\"",
                              g.level);
    leat_arena a;
    leat_err err = {0};
    leat_arena_init(&a, 0);
    leat_arena_init(&g.a, 0);
    g.folder = leat_arena_printf(&a, "%s/connectors/%s", g.common.data, words[0]);
    leat_rc rc = run(&g, &err);
    leat_arena_free(&g.a);
    leat_arena_free(&a);
    return leat_rc_failed(rc) ? leat_cli_fail(&err) : LEAT_EXIT_OK;
}
