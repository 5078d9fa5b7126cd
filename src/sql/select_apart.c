/* A query in a process of its own (docs/decisions/212): whatever it does to memory, time or the
 * process that runs it, the hub stays as it is.
 *
 * The process is this program again, as `leat select`, without environment and descriptors; it gets
 * {"sql","max_rows","ms","kafka","no_kafka"} and answers with one line, {"columns"...} or
 * {"error":{...}}. It bounds itself before it looks at the statement: memory, descriptors and
 * processor time end. Who started it kills it when it is too late all the same. (Files are not
 * bounded: reading a stream that has no writer makes its end durable first, stream/follow.h.) */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/json.h"
#include "base/os.h"
#include "sql/select_part.h"

enum {
    ASKED_MOST = 1 << 20,
    GRACE_MS = 3000,  /* for what the process itself does not end */
    FILES = 256,      /* descriptors */
    SPACE_MIB = 2048, /* of addresses; of which SQLite gets LEAT_SELECT_MEMORY */
    ANSWER_MORE = 1 << 20,
    NICE = 5,
};

/* An error on its way to the other process. */
static void put_error(leat_jw *w, const char *name, const leat_err *err)
{
    leat_jw_object(w, name);
    leat_jw_z(w, "code", err->code);
    leat_jw_z(w, "where", err->where);
    leat_jw_z(w, "message", err->msg);
    leat_jw_bool(w, "conf", err->rc == LEAT_CONF);
    leat_jw_end(w);
}

static leat_rc take_error(const leat_json *why, leat_arena *a, leat_err *e)
{
    return leat_fail(e, leat_json_get_bool(why, "conf", false) ? LEAT_CONF : LEAT_RETRY,
                     leat_arena_str(a, leat_json_get_str(why, "code")).s,
                     leat_arena_str(a, leat_json_get_str(why, "where")).s, "%.*s",
                     LEAT_STR_ARG(leat_json_get_str(why, "message")));
}

/* ---- who asks ---- */

static leat_rc refused(leat_str answer, leat_err *e)
{
    leat_arena a = {0};
    const leat_json *j = NULL;
    leat_rc rc = leat_json_parse(&a, answer, &j, e);
    if (rc == LEAT_OK) rc = take_error(leat_json_get(j, "error"), &a, e);
    leat_arena_free(&a);
    return rc;
}

static leat_rc died(int status, leat_str told, int64_t ms, leat_err *e)
{
    if (status == -ETIMEDOUT || status == 128 + SIGXCPU) return leat_select_stopped(ms, e);
    return leat_fail(e, LEAT_RETRY, "select.process", "",
                     "the query's process ended without an answer (%s %d): %.*s",
                     status < 0 ? "error" : "exit status", status < 0 ? -status : status,
                     LEAT_STR_ARG(leat_str_trim(told)));
}

leat_rc leat_select_apart(const leat_select_conf *conf, leat_buf *out, leat_err *e)
{
    char *const argv[] = {(char[]){"leat"}, (char[]){"select"}, (char[]){"--data"},
                          (char *)conf->data, NULL};
    leat_buf asked = {0}, told = {0};
    leat_jw w = {.out = &asked};
    size_t before = out->len;
    leat_jw_object(&w, NULL);
    leat_jw_str(&w, "sql", conf->sql);
    leat_jw_i64(&w, "max_rows", conf->max_rows);
    leat_jw_i64(&w, "ms", conf->ms);
    if (conf->kafka) {
        leat_jw_object(&w, "kafka");
        for (const leat_prop *p = conf->kafka->first; p; p = p->next)
            leat_jw_z(&w, p->name, p->value);
        leat_jw_end(&w);
    }
    if (conf->no_kafka) put_error(&w, "no_kafka", conf->no_kafka);
    leat_jw_end(&w);
    const leat_os_program_call call = {
        .path = "/proc/self/exe", .argv = argv, .input = leat_buf_str(&asked), .bare = true};
    int status = leat_os_run_program(&call, conf->ms + GRACE_MS,
                                     2 * LEAT_SELECT_BYTES + ANSWER_MORE, out, &told);
    leat_str answer = {out->p + before, out->len - before};
    bool whole = status >= 0 && answer.len > 0 && answer.s[answer.len - 1] == '\n';
    leat_rc rc = !whole ? died(status, leat_buf_str(&told), conf->ms, e)
                 : leat_str_starts(answer, "{\"error") ? refused(answer, e)
                                                       : LEAT_OK;
    if (rc == LEAT_OK)
        out->len--; /* the newline */
    else
        out->len = before;
    leat_buf_free(&asked);
    leat_buf_free(&told);
    return rc;
}

/* ---- the process ---- */

static void bound(unsigned what, rlim_t most)
{
    const struct rlimit limit = {most, most};
    setrlimit(what, &limit);
}

/* Sanitizers take terabytes of addresses for themselves. */
static void bound_process(int64_t ms)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    bound(RLIMIT_CORE, 0);
    bound(RLIMIT_NOFILE, FILES);
    bound(RLIMIT_CPU, (rlim_t)(ms / 1000 + 2));
#ifndef LEAT_ARENA_ASAN
    bound(RLIMIT_AS, (rlim_t)SPACE_MIB << 20);
#endif
    setpriority(PRIO_PROCESS, 0, NICE); /* behind connectors and hub */
}

/* A worker's properties; NULL: none. */
static const leat_props *worker_of(const leat_json *kafka, leat_arena *a)
{
    leat_props *out = kafka ? LEAT_NEW(a, leat_props, 1) : NULL;
    if (out) leat_props_init(out, NULL);
    for (const leat_json *j = kafka ? kafka->child : NULL; j; j = j->next)
        leat_props_set(out, a, j->name, j->text, 0);
    return out;
}

int leat_select_child(const char *data)
{
    leat_buf asked = {0}, out = {0};
    leat_jw w = {.out = &out};
    leat_arena a = {0};
    const leat_json *j = NULL;
    leat_err err = {0}, no_kafka = {0};
    char part[4096];
    ssize_t n;
    while (asked.len < ASKED_MOST && (n = read(STDIN_FILENO, part, sizeof part)) > 0)
        leat_buf_put(&asked, part, (size_t)n);
    leat_rc rc = leat_json_parse(&a, leat_buf_str(&asked), &j, &err);
    const leat_json *why = leat_json_get(j, "no_kafka");
    if (why) take_error(why, &a, &no_kafka);
    const leat_select_conf conf = {.data = data,
                                   .no_kafka = why ? &no_kafka : NULL,
                                   .sql = leat_json_get_str(j, "sql"),
                                   .max_rows = leat_json_get_i64(j, "max_rows", LEAT_SELECT_ROWS),
                                   .ms = leat_json_get_i64(j, "ms", LEAT_SELECT_MS),
                                   .kafka = worker_of(leat_json_get(j, "kafka"), &a)};
    bound_process(conf.ms);
    if (rc == LEAT_OK && !conf.sql.s)
        rc = leat_fail(&err, LEAT_CONF, "select.syntax", "", "there is no statement");
    if (rc == LEAT_OK) rc = leat_select_run(&conf, &out, &err);
    if (rc != LEAT_OK) {
        leat_jw_object(&w, NULL);
        put_error(&w, "error", &err);
        leat_jw_end(&w);
    }
    leat_buf_u8(&out, '\n');
    for (size_t at = 0; at < out.len; at += (size_t)n) {
        n = write(STDOUT_FILENO, out.p + at, out.len - at);
        if (n <= 0) break;
    }
    leat_buf_free(&asked);
    leat_buf_free(&out);
    leat_arena_free(&a);
    return rc == LEAT_OK ? 0 : 1;
}
