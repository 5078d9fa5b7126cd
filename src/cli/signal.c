/* leat signal: has a running connector read tables again, or stop, pause and go on with that.
 *
 * A signal as Debezium's, given over the control socket: no table and no file is needed. It is done
 * with when the connector has it in its position; what follows from it is seen in its status, its
 * log and its notifications. */
#include <stdio.h>
#include <strings.h>

#include "cli/ask.h"
#include "engine/look.h"

enum { ASK_MS = 15000, WORDS = 1024 };

typedef struct signal_args {
    leat_common common;
    bool blocking;
    const char *id, *surrogate;
    const char *name;         /* the connector */
    const char *const *words; /* n: what stands behind the verb */
    int n;
} signal_args;

typedef struct verb {
    const char *name, *type;
    int least, most; /* words behind it */
} verb;

static const verb verbs[] = {
    {"snapshot", "execute-snapshot", 1, WORDS},
    {"stop", "stop-snapshot", 0, WORDS},
    {"pause", "pause-snapshot", 0, 0},
    {"resume", "resume-snapshot", 0, 0},
    {"log", "log", 1, WORDS},
};

/* The words from the i-th on, with blanks between them. */
static void join(const signal_args *s, int i, leat_buf *out)
{
    for (int first = i; i < s->n; i++) {
        leat_buf_str_z(out, i > first ? " " : "");
        leat_buf_str_z(out, s->words[i]);
    }
}

/* Where WHERE stands; n: nowhere. */
static int where_at(const signal_args *s)
{
    int i = 0;
    while (i < s->n && strcasecmp(s->words[i], "where") != 0) i++;
    return i;
}

static void put_kind(const signal_args *s, leat_jw *w)
{
    leat_jw_z(w, "type", s->blocking ? "blocking" : "incremental");
}

static void put_tables(const signal_args *s, int n, leat_jw *w)
{
    leat_jw_array(w, "data-collections");
    for (int i = 0; i < n; i++) leat_jw_z(w, NULL, s->words[i]);
    leat_jw_end(w);
}

static void put_snapshot(const signal_args *s, leat_jw *w)
{
    int tables = where_at(s);
    leat_buf filter = {0};
    join(s, tables + 1, &filter);
    put_tables(s, tables, w);
    put_kind(s, w);
    if (s->surrogate) leat_jw_z(w, "surrogate-key", s->surrogate);
    if (tables < s->n) {
        leat_jw_array(w, "additional-conditions");
        for (int i = 0; i < tables; i++) {
            leat_jw_object(w, NULL);
            leat_jw_z(w, "data-collection", s->words[i]);
            leat_jw_str(w, "filter", leat_buf_str(&filter));
            leat_jw_end(w);
        }
        leat_jw_end(w);
    }
    leat_buf_free(&filter);
}

static void make_request(const signal_args *s, const verb *v, leat_buf *out)
{
    leat_jw w = {.out = out};
    leat_buf message = {0};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "verb", "signal");
    if (s->id) leat_jw_z(&w, "id", s->id);
    leat_jw_z(&w, "type", v->type);
    leat_jw_object(&w, "data");
    if (v == &verbs[0]) put_snapshot(s, &w);
    if (v == &verbs[1]) put_kind(s, &w);
    if (v == &verbs[1]) put_tables(s, s->n, &w);
    if (v == &verbs[4]) {
        join(s, 0, &message);
        leat_jw_str(&w, "message", leat_buf_str(&message));
    }
    leat_jw_end(&w);
    leat_jw_end(&w);
    leat_buf_free(&message);
}

static int send(const signal_args *s, const verb *v)
{
    leat_arena a = {0};
    leat_buf request = {0};
    const leat_json *reply;
    bool running;
    leat_err err = {0};
    make_request(s, v, &request);
    leat_rc rc = leat_look_ask(s->common.data, s->name, leat_buf_str(&request), ASK_MS, &a, &reply,
                               &running, &err);
    if (leat_rc_failed(rc) && !running && strcmp(err.code, "control.verb") == 0)
        leat_fail(&err, LEAT_RETRY, "control.not_running", s->name,
                  "it does not run: a signal is for a running connector");
    int status = leat_rc_failed(rc) ? leat_cli_fail(&err) : LEAT_EXIT_OK;
    leat_str id = rc == LEAT_OK ? leat_json_get_str(reply, "id") : (leat_str){0};
    if (rc == LEAT_OK && s->common.json) {
        leat_buf_clear(&request);
        leat_json_write(reply, &request);
        printf(LEAT_STR_FMT "\n", LEAT_STR_ARG(leat_buf_str(&request)));
    } else if (rc == LEAT_OK) {
        fprintf(stderr,
                "%s: signal %s " LEAT_STR_FMT " is taken; what becomes of it stands in the log "
                "and in 'leat status %s'\n",
                s->name, v->name, LEAT_STR_ARG(id), s->name);
    }
    leat_buf_free(&request);
    leat_arena_free(&a);
    return status;
}

static int check(signal_args *s, const verb *v, const char *command)
{
    bool snapshot = v == &verbs[0], stop = v == &verbs[1];
    if (s->n < v->least || s->n > v->most)
        return leat_cli_usage(command, s->n < v->least ? "%s: what?" : "%s takes nothing more",
                              v->name);
    if (!snapshot && s->surrogate) return leat_cli_usage(command, "--surrogate-key is of snapshot");
    if (!snapshot && s->blocking && (!stop || s->n > 0))
        return leat_cli_usage(command, "--blocking is of snapshot TABLE..., and of stop alone");
    int tables = snapshot ? where_at(s) : 1;
    if (tables == 0 || (snapshot && tables == s->n - 1))
        return leat_cli_usage(command, "expected snapshot TABLE... [WHERE CONDITION]");
    return LEAT_EXIT_OK;
}

int leat_cli_signal(int argc, char **argv)
{
    signal_args s = {.common = {.data = leat_cli_data()}};
    const leat_arg args[] = {
        LEAT_ARG_DATA(s.common),
        LEAT_ARG_JSON(s.common),
        {"blocking", LEAT_ARG_FLAG, &s.blocking, NULL,
         "snapshot, stop: one that the stream waits for; it reads a table's own rows, whatever "
         "snapshot.select.statement.overrides says"},
        {"surrogate-key", LEAT_ARG_TEXT, &s.surrogate, "COLUMN",
         "snapshot: read by this column instead of the key"},
        {"id", LEAT_ARG_TEXT, &s.id, "ID", "the signal's id (default: one is made)"},
        {0},
    };
    const char *words[WORDS];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, WORDS, &nwords, &status)) return status;
    if (nwords < 2)
        return leat_cli_usage(argv[0], "name a connector, and one of snapshot, stop, pause, "
                                       "resume, log");
    if (!leat_cli_names(argv[0], words, 1, &status)) return status;
    s.name = words[0];
    s.words = words + 2;
    s.n = nwords - 2;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(words[1], verbs[i].name) != 0) continue;
        status = check(&s, &verbs[i], argv[0]);
        return status == LEAT_EXIT_OK ? send(&s, &verbs[i]) : status;
    }
    return leat_cli_usage(argv[0], "after the name: snapshot, stop, pause, resume or log, got %s",
                          words[1]);
}
