/* leat offsets: where a connector stands, its history, and edits by a person.
 *
 * An edit is first planned by the connector (or under its lock, if it does not run), shown, and
 * confirmed; then done. --json speaks Kafka Connect's shape. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/os.h"
#include "cli/ask.h"
#include "engine/control.h"

enum { WAIT_S = 60, WAIT_MAX_S = 86400, FILE_MAX = 32 << 10 };

typedef struct offsets {
    leat_common common;
    bool yes;
    int64_t max;  /* entries of the history */
    int64_t wait; /* seconds, for an edit */
    const char *name;
    leat_arena a;
} offsets;

static leat_rc ask(offsets *o, leat_str request, int ms, const leat_json **reply, leat_err *e)
{
    return leat_look_ask(o->common.data, o->name, request, ms, &o->a, reply, NULL, e);
}

static bool timed_out(leat_rc rc, const leat_err *e)
{
    return rc == LEAT_RETRY && strcmp(e->code, "control.timeout") == 0;
}

/* An edit, or its plan, which waits for what the connector is at. A process that does not even tell
 * its status is not asked for it: what it was sent it would do when it goes on. */
static leat_rc ask_edit(offsets *o, leat_str request, bool dry, const leat_json **reply,
                        leat_err *e)
{
    char *folder = leat_arena_printf(&o->a, "%s/connectors/%s", o->common.data, o->name);
    leat_rc rc =
        leat_control_call(folder, LEAT_STR("{\"verb\":\"status\"}"), LEAT_ASK_MS, &o->a, reply, e);
    if (timed_out(rc, e))
        return leat_fail(e, LEAT_RETRY, "control.timeout", o->name,
                         "its process does not answer within %d ms, so nothing was changed; it may "
                         "be stuck or stopped (SIGSTOP): look at its log",
                         LEAT_ASK_MS);
    rc = ask(o, request, (int)o->wait * 1000, reply, e);
    if (!timed_out(rc, e)) return rc;
    if (dry)
        return leat_fail(e, LEAT_RETRY, "control.timeout", o->name,
                         "no answer within %" PRId64
                         " s (--wait) to what would be changed; nothing "
                         "was changed",
                         o->wait);
    return leat_fail(e, LEAT_RETRY, "control.timeout", o->name,
                     "no answer within %" PRId64 " s (--wait): the change may have been made, or "
                     "may still be carried out; 'leat offsets %s history' tells",
                     o->wait, o->name);
}

static void print_json(const leat_json *j)
{
    leat_buf text = {0};
    leat_json_write(j, &text);
    printf("%.*s", LEAT_STR_ARG(leat_buf_str(&text)));
    leat_buf_free(&text);
}

/* ---- looking ---- */

static void write_offsets(const leat_json *list, leat_buf *out)
{
    leat_jw w = {.out = out};
    leat_jw_object(&w, NULL);
    leat_jw_array(&w, "offsets");
    for (const leat_json *j = list ? list->child : NULL; j; j = j->next) {
        leat_buf part = {0}, offset = {0};
        leat_json_write(leat_json_get(j, "partition"), &part);
        leat_json_write(leat_json_get(j, "offset"), &offset);
        leat_jw_object(&w, NULL);
        leat_jw_raw(&w, "partition", leat_buf_str(&part));
        leat_jw_raw(&w, "offset", leat_buf_str(&offset));
        leat_jw_end(&w);
        leat_buf_free(&part);
        leat_buf_free(&offset);
    }
    leat_jw_end(&w);
    leat_jw_end(&w);
}

/* As a person reads it: the source's words, else the JSON. */
static void print_position(const leat_json *j)
{
    leat_str text = leat_json_get_str(j, "text");
    const leat_json *offset = leat_json_get(j, "offset");
    if (text.s)
        printf("%.*s", LEAT_STR_ARG(text));
    else if (!offset || offset->type == LEAT_JSON_NULL)
        printf("none");
    else
        print_json(offset);
}

static void print_topics(const leat_json *topics)
{
    printf("%-40s %14s %14s %14s %14s\n", "TOPIC", "OFFSET", "BEHIND", "FIRST", "NEXT");
    for (const leat_json *t = topics->child; t; t = t->next) {
        printf("%-40.*s %14" PRId64 " %14" PRId64 " %14" PRId64 " %14" PRId64 "%s\n",
               LEAT_STR_ARG(leat_json_get_str(t, "topic")), leat_json_get_i64(t, "offset", 0),
               leat_json_get_i64(t, "behind", 0), leat_json_get_i64(t, "first", 0),
               leat_json_get_i64(t, "next", 0),
               leat_json_get_str(t, "source").s ? "" : "  (not written yet)");
    }
}

static leat_rc look(offsets *o, leat_err *e)
{
    const leat_json *reply = NULL;
    LEAT_TRY(ask(o, LEAT_STR("{\"verb\":\"offsets\"}"), LEAT_ASK_MS, &reply, e));
    const leat_json *list = leat_json_get(reply, "offsets"),
                    *topics = leat_json_get(reply, "topics");
    if (o->common.json) {
        leat_buf text = {0};
        write_offsets(list, &text);
        printf("%.*s\n", LEAT_STR_ARG(leat_buf_str(&text)));
        leat_buf_free(&text);
    } else if (topics) {
        print_topics(topics);
    } else {
        if (!list || !list->child) printf("none: it has not reached a place yet\n");
        for (const leat_json *j = list ? list->child : NULL; j; j = j->next) {
            print_json(leat_json_get(j, "partition"));
            printf("  ");
            print_position(j);
            printf("\n  ");
            print_json(leat_json_get(j, "offset"));
            printf("\n");
        }
    }
    return LEAT_OK;
}

static void print_note(const leat_json *j)
{
    leat_str noted = leat_json_get_str(j, "noted"), by = leat_json_get_str(j, "by");
    printf("%6" PRId64 "  %.*s  %-6.*s  ", leat_json_get_i64(j, "id", 0),
           LEAT_STR_ARG(leat_json_get_str(j, "at")), LEAT_STR_ARG(noted));
    print_json(leat_json_get(j, "partition"));
    printf("  ");
    print_position(j);
    if (leat_str_is(noted, "edit")) printf("  edited by a person (%.*s)", LEAT_STR_ARG(by));
    printf("\n");
}

static leat_rc history(offsets *o, leat_err *e)
{
    const leat_json *reply = NULL;
    char *request =
        leat_arena_printf(&o->a, "{\"verb\":\"offsets-history\",\"max\":%" PRId64 "}", o->max);
    LEAT_TRY(ask(o, leat_str_of(request), LEAT_ASK_MS, &reply, e));
    const leat_json *list = leat_json_get(reply, "history");
    if (o->common.json) {
        print_json(list);
        printf("\n");
    }
    for (const leat_json *j = list ? list->child : NULL; j && !o->common.json; j = j->next)
        print_note(j);
    return LEAT_OK;
}

/* ---- editing ---- */

/* FILE, - or the JSON itself: its text. */
static leat_rc input(offsets *o, const char *from, leat_str *out, leat_err *e)
{
    leat_buf text = {0};
    *out = leat_str_of(from);
    if (*leat_str_trim(*out).s == '{') return LEAT_OK;
    int err = leat_cli_load(from, &text, FILE_MAX);
    *out = leat_arena_str(&o->a, leat_buf_str(&text));
    leat_buf_free(&text);
    if (err == -EFBIG)
        return leat_fail(e, LEAT_CONF, "config.offsets", from, "offsets take at most %d bytes",
                         (int)FILE_MAX);
    if (err < 0)
        return leat_fail(e, LEAT_CONF, "config.offsets", from,
                         "cannot read the offsets: %s; expected a file, - or "
                         "{\"offsets\":[{\"partition\":{...},\"offset\":{...}}]}",
                         leat_os_strerror(err));
    return LEAT_OK;
}

/* list: what to set; NULL: nothing. */
static leat_str make_request(offsets *o, const char *what, const leat_json *list, bool dry)
{
    leat_buf text = {0}, part = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "verb", leat_arena_printf(&o->a, "offsets-%s", what));
    leat_jw_z(&w, "by", leat_cli_user());
    leat_jw_bool(&w, "dry", dry);
    if (list) {
        leat_json_write(list, &part);
        leat_jw_raw(&w, "offsets", leat_buf_str(&part));
    }
    leat_jw_end(&w);
    leat_str out = leat_arena_str(&o->a, leat_buf_str(&text));
    leat_buf_free(&part);
    leat_buf_free(&text);
    return out;
}

static void print_text(FILE *f, const char *sign, const leat_json *j)
{
    leat_buf text = {0};
    leat_str said = leat_json_get_str(j, "text");
    leat_json_write(leat_json_get(j, "offset"), &text);
    fprintf(f, "  %s %.*s", sign, LEAT_STR_ARG(leat_buf_str(&text)));
    if (said.s) fprintf(f, "  (%.*s)", LEAT_STR_ARG(said));
    fprintf(f, "\n");
    leat_buf_free(&text);
}

static void print_plan(const offsets *o, const leat_json *reply)
{
    const leat_json *list = leat_json_get(reply, "changes");
    for (const leat_json *j = list ? list->child : NULL; j; j = j->next) {
        leat_buf text = {0};
        leat_str note = leat_json_get_str(j, "note");
        leat_json_write(leat_json_get(j, "partition"), &text);
        fprintf(stderr, "%.*s\n", LEAT_STR_ARG(leat_buf_str(&text)));
        print_text(stderr, "-", leat_json_get(j, "before"));
        print_text(stderr, "+", leat_json_get(j, "after"));
        if (note.s) fprintf(stderr, "  %.*s\n", LEAT_STR_ARG(note));
        leat_buf_free(&text);
    }
    if (leat_json_get_bool(reply, "first_start", false))
        fprintf(
            stderr,
            "%s begins like a first start: a snapshot if its configuration wants one (rows that "
            "are in the topics already come again as r), a finished or interrupted one is "
            "forgotten; what is in the topics stays\n",
            o->name);
}

static int edit(offsets *o, const char *what, const char *from)
{
    const leat_json *plan = NULL, *given = NULL;
    leat_str text;
    leat_err err = {0};
    int status;
    leat_rc rc = from ? input(o, from, &text, &err) : LEAT_OK;
    if (rc == LEAT_OK && from) rc = leat_json_parse(&o->a, text, &given, &err);
    const leat_json *list = leat_json_get(given, "offsets");
    if (rc == LEAT_OK) rc = ask_edit(o, make_request(o, what, list, true), true, &plan, &err);
    if (rc != LEAT_OK) return leat_cli_fail(&err);
    print_plan(o, plan);
    if (!o->yes && !leat_cli_confirm("offsets", "Change it?", &status)) return status;
    rc = ask_edit(o, make_request(o, what, list, false), false, &plan, &err);
    if (rc != LEAT_OK) return leat_cli_fail(&err);
    if (o->common.json) {
        print_json(leat_json_get(plan, "changes"));
        printf("\n");
    } else {
        fprintf(stderr, "%s: done; 'leat offsets %s undo' takes it back\n", o->name, o->name);
    }
    return LEAT_EXIT_OK;
}

static int run(offsets *o, const char *const *words, int n)
{
    const char *what = n > 1 ? words[1] : "";
    leat_err err = {0};
    leat_rc rc;
    if (n == 1)
        rc = look(o, &err);
    else if (strcmp(what, "history") == 0 && n == 2)
        rc = history(o, &err);
    else if (strcmp(what, "set") == 0 && n == 3)
        return edit(o, what, words[2]);
    else if ((strcmp(what, "reset") == 0 || strcmp(what, "undo") == 0) && n == 2)
        return edit(o, what, NULL);
    else
        return leat_cli_usage("offsets",
                              "after the name: nothing, history, set FILE|-|JSON, reset or "
                              "undo");
    return leat_rc_failed(rc) ? leat_cli_fail(&err) : LEAT_EXIT_OK;
}

int leat_cli_offsets(int argc, char **argv)
{
    offsets o = {.common = {.data = leat_cli_data()}, .max = 20, .wait = WAIT_S};
    const leat_arg args[] = {
        LEAT_ARG_DATA(o.common),
        LEAT_ARG_JSON(o.common),
        {"yes", LEAT_ARG_FLAG, &o.yes, NULL, "change it without asking"},
        {"max", LEAT_ARG_INT, &o.max, "N", "entries of the history, newest first (default: 20)"},
        {"wait", LEAT_ARG_INT, &o.wait, "SECONDS", "how long to wait for an edit (default: 60)"},
        {0},
    };
    const char *words[16];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, 16, &nwords, &status)) return status;
    if (nwords == 0) return leat_cli_usage(argv[0], "name a connector");
    if (o.wait < 1 || o.wait > WAIT_MAX_S)
        return leat_cli_usage(argv[0], "--wait: from 1 to %d seconds", WAIT_MAX_S);
    if (!leat_cli_names(argv[0], words, 1, &status)) return status;
    o.name = words[0];
    leat_arena_init(&o.a, 0);
    status = run(&o, words, nwords);
    leat_arena_free(&o.a);
    return status;
}
