/* leat delete: a connector's configuration and state; its topics stay until `leat topics delete`.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/ask.h"
#include "engine/control.h"
#include "engine/process.h"

typedef struct deleting {
    leat_common common;
    leat_process_deleting how;
    bool yes;
    const char *name;
    leat_arena a;
} deleting;

static void explain(const deleting *d, const leat_process_leaves *l, bool running)
{
    fprintf(stderr, "%s: this removes its configuration and state", d->name);
    if (l->dead > 0) fprintf(stderr, ", with %" PRId64 " dead letters", l->dead);
    if (running) fprintf(stderr, "; it runs, and is stopped first");
    if (l->sink)
        fprintf(stderr, "; its cursors too, so the streams it reads need not keep anything for it");
    else
        fprintf(stderr, "; its topics stay, nothing is added to them");
    fprintf(stderr, "\n");
    if (l->sink) return;
    if (leat_rc_failed(l->unknown.rc))
        fprintf(stderr, "%s: what it leaves on the server could not be found out: %s [%s]\n",
                d->name, l->unknown.msg, l->unknown.code);
    if (d->how.forget)
        fprintf(stderr,
                "%s: what it made on the server is removed: changes that it has not read "
                "are not to be had any more\n",
                d->name);
    else if (l->server)
        fprintf(stderr, "%s: %s (--forget does that now)\n", d->name, l->server);
}

static int run(deleting *d)
{
    leat_process_leaves l;
    const leat_json *reply;
    leat_err err = {0};
    int status;
    char *folder = leat_arena_printf(&d->a, "%s/connectors/%s", d->common.data, d->name);
    leat_rc rc = leat_process_look(d->common.data, d->name, &d->a, &l, &err);
    if (rc == LEAT_OK && !d->how.drop_spool) rc = leat_process_empty(d->common.data, d->name, &err);
    if (rc != LEAT_OK) return leat_cli_fail(&err);
    bool running = leat_control_call(folder, LEAT_STR("{\"verb\":\"status\"}"), LEAT_ASK_MS, &d->a,
                                     &reply, NULL) == LEAT_OK;
    explain(d, &l, running);
    if (!d->yes && !leat_cli_confirm("delete", "Delete it?", &status)) return status;
    if (running) {
        const char *argv[] = {"stop", "--data", d->common.data, "--", d->name, NULL};
        status = leat_cli_stop(5, (char **)argv);
        if (status != LEAT_EXIT_OK) return status;
    }
    rc = leat_process_delete(d->common.data, d->name, d->how, &err);
    if (rc != LEAT_OK) return leat_cli_fail(&err);
    fprintf(stderr, "%s: deleted\n", d->name);
    return LEAT_EXIT_OK;
}

int leat_cli_delete(int argc, char **argv)
{
    deleting d = {.common = {.data = leat_cli_data()}};
    const leat_arg args[] = {
        LEAT_ARG_DATA(d.common),
        {"forget", LEAT_ARG_FLAG, &d.how.forget, NULL,
         "also remove what it made on the server (its slot)"},
        {"drop-spool", LEAT_ARG_FLAG, &d.how.drop_spool, NULL,
         "also where Kafka has not taken yet what is in the spool: that is lost"},
        {"yes", LEAT_ARG_FLAG, &d.yes, NULL, "delete it without asking"},
        {0},
    };
    const char *words[2];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, 2, &nwords, &status)) return status;
    if (nwords != 1) return leat_cli_usage(argv[0], "name one connector");
    if (!leat_cli_names(argv[0], words, nwords, &status)) return status;
    d.name = words[0];
    leat_arena_init(&d.a, 0);
    status = run(&d);
    leat_arena_free(&d.a);
    return status;
}
