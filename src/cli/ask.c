/* Finding connectors, asking them, asking the user; see the header. */
#include "cli/ask.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/os.h"
#include "engine/control.h"
#include "engine/process.h"

enum { STARTING_TRIES = 3 }; /* each waits some seconds for a process that is just starting */

typedef struct list {
    leat_arena *a;
    const char *data, **v;
    size_t n, cap;
} list;

/* Folders without state.db are streams that a connector left. */
static bool add(void *arg, const char *name)
{
    list *l = arg;
    if (access(leat_arena_printf(l->a, "%s/connectors/%s/state.db", l->data, name), F_OK) != 0)
        return true;
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        const char **v = LEAT_NEW(l->a, const char *, cap);
        if (l->n > 0) memcpy(v, l->v, l->n * sizeof *v);
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n++] = leat_arena_strdup(l->a, name);
    return true;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

leat_rc leat_cli_connectors(const char *data, leat_arena *a, const char ***out, size_t *n,
                            leat_err *e)
{
    list l = {.a = a, .data = data};
    char *folder = leat_arena_printf(a, "%s/connectors", data);
    int err = leat_os_now()->list(folder, add, &l);
    if (l.n > 0) qsort(l.v, l.n, sizeof *l.v, by_name);
    *out = l.v;
    *n = l.n;
    return err < 0 && err != -ENOENT ? leat_os_fail(e, err, "list", folder) : LEAT_OK;
}

leat_rc leat_cli_ask(const char *data, const char *name, leat_str request, int ms, leat_arena *a,
                     const leat_json **reply, bool *running, leat_err *e)
{
    char *folder = leat_arena_printf(a, "%s/connectors/%s", data, name);
    for (int i = 0;; i++) {
        leat_rc rc = leat_control_call(folder, request, ms, a, reply, e);
        bool runs = rc != LEAT_RETRY || strcmp(e->code, "control.not_running") != 0;
        if (running) *running = runs;
        if (runs) return rc;
        rc = leat_process_stopped(data, name, request, a, reply, e);
        bool starting = rc == LEAT_CONF && strcmp(e->code, "connector.locked") == 0;
        if (!starting || i == STARTING_TRIES) return rc;
    }
}

const char *leat_cli_user(void)
{
    const struct passwd *pw = getpwuid(getuid());
    return pw && pw->pw_name ? pw->pw_name : "unknown";
}

leat_str leat_cli_request(const char *verb, leat_arena *a)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "verb", verb);
    leat_jw_z(&w, "by", leat_cli_user());
    leat_jw_end(&w);
    leat_str out = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    return out;
}

bool leat_cli_confirm(const char *command, const char *question, int *exit_status)
{
    char line[16];
    *exit_status = LEAT_EXIT_FAILED;
    if (!isatty(STDIN_FILENO)) {
        *exit_status = leat_cli_usage(command, "there is no terminal to ask on: --yes says yes");
        return false;
    }
    fprintf(stderr, "%s [y/N] ", question);
    if (fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y')) return true;
    fprintf(stderr, "leat %s: nothing was changed\n", command);
    return false;
}
