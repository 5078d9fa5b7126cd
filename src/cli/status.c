/* leat status: what each connector of a data folder does; leat stop: ends one in order.
 *
 * A running connector answers for itself by its control socket. Of a stopped one its counters page
 * and state.db tell what it is and how the last run ended. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/os.h"
#include "cli/cli.h"
#include "engine/control.h"
#include "engine/setup.h"
#include "state/state.h"
#include "stream/page.h"

#define DAY_US INT64_C(86400000000)

enum { CALL_MS = 3000, STOP_WAIT_US = 30000000 };

typedef struct names {
    leat_arena *a;
    const char **v;
    size_t n, cap;
} names;

static bool add_name(void *arg, const char *name)
{
    names *list = arg;
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 16;
        const char **v = LEAT_NEW(list->a, const char *, cap);
        if (list->n > 0) memcpy(v, list->v, list->n * sizeof *v);
        list->v = v;
        list->cap = cap;
    }
    list->v[list->n++] = leat_arena_strdup(list->a, name);
    return true;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Counts as the page mirrors them, for a connector that does not answer. */
static void write_counts(const leat_page *p, bool sink, leat_jw *w)
{
    leat_jw_object(w, "counts");
    if (sink) {
        leat_jw_i64(w, "delivered", (int64_t)atomic_load(&p->delivered));
        leat_jw_i64(w, "dead", (int64_t)atomic_load(&p->sink_rejected));
    } else {
        leat_jw_i64(w, "received", (int64_t)atomic_load(&p->received));
        leat_jw_i64(w, "appended", (int64_t)atomic_load(&p->appended));
        leat_jw_i64(w, "filtered", (int64_t)atomic_load(&p->filtered));
        leat_jw_i64(w, "dead", (int64_t)atomic_load(&p->dead));
        leat_jw_i64(w, "deduplicated", (int64_t)atomic_load(&p->deduplicated));
        leat_jw_i64(w, "rows_read", (int64_t)atomic_load(&p->rows_read));
        leat_jw_i64(w, "rows_appended", (int64_t)atomic_load(&p->rows_appended));
    }
    leat_jw_end(w);
}

static void write_error(const leat_err *err, leat_jw *w)
{
    leat_jw_object(w, "error");
    leat_jw_z(w, "action", leat_rc_name(err->rc));
    leat_jw_z(w, "code", err->code);
    leat_jw_z(w, "where", err->where);
    leat_jw_z(w, "message", err->msg);
    leat_jw_end(w);
}

/* What it is, by its stored configuration; true: a sink. */
static bool write_kind(leat_state *s, const char *name, leat_arena *a, leat_jw *w)
{
    leat_str json;
    leat_config *config;
    leat_connector_conf common;
    leat_report r;
    leat_report_init(&r, a);
    if (leat_state_config_get(s, a, &json, NULL) != LEAT_OK || !json.s ||
        leat_config_json(a, json, name, &config, NULL) != LEAT_OK ||
        !leat_setup_common(config, a, &common, &r) || !common.klass)
        return false;
    leat_str klass = leat_str_of(common.klass);
    const leat_source *source = leat_source_find(klass);
    const leat_sink *sink = source ? NULL : leat_sink_find(klass);
    leat_jw_z(w, "kind", sink ? "sink" : "source");
    leat_jw_z(w, "class", source ? source->name : sink ? sink->name : common.klass);
    return sink != NULL;
}

/* A process that lives and cannot be asked is just starting, or ending. */
static void write_between(const leat_page *p, leat_jw *w)
{
    leat_run_state state = (leat_run_state)atomic_load(&p->state);
    leat_jw_i64(w, "pid", atomic_load(&p->pid));
    leat_jw_z(w, "state", leat_run_state_name(state ? state : LEAT_RUN_STARTING));
}

/* How the last run ended: by what it stored, unless its page says that it had no time to. */
static leat_rc write_ending(leat_state *s, const char *name, const leat_page *p, leat_arena *a,
                            leat_jw *w, leat_err *e)
{
    leat_str state;
    leat_err err;
    int64_t at_us;
    char iso[LEAT_ISO_MAX];
    LEAT_TRY(leat_state_end_get(s, a, &state, &at_us, &err, e));
    int pid = p ? atomic_load(&p->pid) : 0;
    if (pid && leat_page_alive(p)) {
        write_between(p, w);
        return LEAT_OK;
    }
    if (pid) {
        leat_fail(&err, LEAT_RETRY, "process.died", name,
                  "its process %d was killed or crashed; started again it goes on from its last "
                  "durable position",
                  pid);
        at_us = 0;
    }
    leat_jw_str(w, "state", state.s && !pid ? state : LEAT_STR("STOPPED"));
    if (at_us) leat_jw_z(w, "since", leat_iso_us(at_us, 3, iso));
    if (leat_rc_failed(err.rc)) write_error(&err, w);
    return LEAT_OK;
}

static leat_rc write_stopped(const char *data, const char *name, const char *folder, leat_arena *a,
                             leat_jw *w, leat_err *e)
{
    leat_state *s = NULL;
    leat_page *p = NULL;
    LEAT_TRY(leat_state_open(data, name, true, &s, e));
    if (leat_page_open(leat_arena_printf(a, "%s/counters", folder), &p, NULL) != LEAT_OK) p = NULL;
    bool sink = write_kind(s, name, a, w);
    leat_rc rc = write_ending(s, name, p, a, w, e);
    if (p) write_counts(p, sink, w);
    leat_page_close(p);
    leat_state_close(s);
    return rc;
}

/* A running connector answers for itself. */
static leat_rc ask(const char *data, const char *name, leat_arena *a, leat_buf *out, leat_err *e)
{
    const leat_json *answer;
    char *folder = leat_arena_printf(a, "%s/connectors/%s", data, name);
    leat_rc rc =
        leat_control_call(folder, LEAT_STR("{\"verb\":\"status\"}"), CALL_MS, a, &answer, e);
    if (rc == LEAT_OK) {
        leat_json_write(answer, out);
        return LEAT_OK;
    }
    if (rc != LEAT_RETRY || strcmp(e->code, "control.not_running") != 0) return rc;
    leat_jw w = {.out = out};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "name", name);
    rc = write_stopped(data, name, folder, a, &w, e);
    leat_jw_end(&w);
    return rc;
}

/* The status of one connector as a JSON object. One that cannot be asked is shown as such, so that
 * it does not hide the others; one that does not exist leaves out empty. */
static leat_rc status_of(const char *data, const char *name, leat_arena *a, leat_buf *out,
                         leat_err *e)
{
    leat_rc rc = ask(data, name, a, out, e);
    if (rc == LEAT_OK) return LEAT_OK;
    leat_buf_clear(out);
    if (strcmp(e->code, "connector.unknown") == 0) return rc;
    leat_jw w = {.out = out};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "name", name);
    leat_jw_z(&w, "state", "UNKNOWN");
    write_error(e, &w);
    leat_jw_end(&w);
    return rc;
}

/* Registered readers that a person should know of: they keep the stream from shrinking. */
static void print_readers(const leat_json *readers)
{
    for (const leat_json *r = readers ? readers->child : NULL; r; r = r->next) {
        int64_t oldest_us = INT64_MAX;
        leat_str sink = leat_json_get_str(r, "sink"),
                 oldest = leat_json_get_str(r, "oldest_unread");
        if (oldest.s && !leat_iso_parse(oldest, &oldest_us)) oldest_us = INT64_MAX;
        if (!leat_json_get_bool(r, "exists", true))
            printf(
                "    the stream is kept for %.*s, which is no connector any more; remove it: leat "
                "delete %.*s\n",
                LEAT_STR_ARG(sink), LEAT_STR_ARG(sink));
        else if (oldest_us < leat_now_us() - DAY_US)
            printf("    the stream is kept for %.*s, which has %" PRId64
                   " events to read, the oldest of %.*s\n",
                   LEAT_STR_ARG(sink), leat_json_get_i64(r, "events_behind", 0),
                   LEAT_STR_ARG(oldest));
    }
}

static void print_line(const leat_json *j)
{
    const leat_json *counts = leat_json_get(j, "counts"), *err = leat_json_get(j, "error");
    leat_str name = leat_json_get_str(j, "name"), state = leat_json_get_str(j, "state");
    int64_t lag = leat_json_get_i64(j, "lag_bytes", -1);
    int64_t events = leat_json_get_i64(counts, "appended", 0) +
                     leat_json_get_i64(counts, "rows_appended", 0) +
                     leat_json_get_i64(counts, "delivered", 0);
    printf("%-20.*s %-9.*s %12" PRId64 " %10" PRId64 " %8" PRId64 " ", LEAT_STR_ARG(name),
           LEAT_STR_ARG(state), events, leat_json_get_i64(counts, "filtered", 0),
           leat_json_get_i64(counts, "dead", 0));
    if (lag >= 0)
        printf("%12" PRId64 "\n", lag);
    else
        printf("%12s\n", "-");
    leat_str msg = leat_json_get_str(err, "message"), code = leat_json_get_str(err, "code");
    if (msg.s) printf("    %.*s [%.*s]\n", LEAT_STR_ARG(msg), LEAT_STR_ARG(code));
    print_readers(leat_json_get(j, "readers"));
}

/* Shows all of list; named: a person asked for these, and all must exist. JSON is an array, of one
 * that was asked for its object alone. Returns the exit status. */
static int show(const leat_common *common, const names *list, bool named, leat_arena *a)
{
    leat_buf out = {0}, one = {0};
    bool array = common->json && !(named && list->n == 1);
    int status = LEAT_EXIT_OK;
    if (!common->json)
        printf("%-20s %-9s %12s %10s %8s %12s\n", "CONNECTOR", "STATE", "EVENTS", "FILTERED",
               "DEAD", "LAG BYTES");
    for (size_t i = 0; i < list->n; i++) {
        leat_err err;
        const leat_json *j = NULL;
        leat_buf_clear(&one);
        leat_rc rc = status_of(common->data, list->v[i], a, &one, &err);
        if (one.len == 0) {
            if (named) status = leat_cli_fail(&err);
            continue;
        }
        if (rc != LEAT_OK) status = LEAT_EXIT_FAILED;
        if (common->json) {
            if (out.len > 0) leat_buf_u8(&out, ',');
            leat_buf_add(&out, leat_buf_str(&one));
        } else if (leat_json_parse(a, leat_buf_str(&one), &j, NULL) == LEAT_OK) {
            print_line(j);
        }
    }
    if (array || out.len > 0)
        printf("%s%.*s%s\n", array ? "[" : "", LEAT_STR_ARG(leat_buf_str(&out)), array ? "]" : "");
    leat_buf_free(&out);
    leat_buf_free(&one);
    return status;
}

int leat_cli_status(int argc, char **argv)
{
    leat_common common = {.data = leat_cli_data()};
    const leat_arg args[] = {LEAT_ARG_DATA(common), LEAT_ARG_JSON(common), {0}};
    const char *words[64];
    int nwords, status;
    if (argc > 64) return leat_cli_usage(argv[0], "too many words");
    if (!leat_cli_parse(argc, argv, args, words, &nwords, &status)) return status;
    if (!leat_cli_names(argv[0], words, nwords, &status)) return status;
    leat_arena a;
    leat_arena_init(&a, 0);
    names list = {.a = &a};
    leat_err err = {0};
    char *folder = leat_arena_printf(&a, "%s/connectors", common.data);
    for (int i = 0; i < nwords; i++) add_name(&list, words[i]);
    int found = nwords ? 0 : leat_os_now()->list(folder, add_name, &list);
    if (list.n > 0) qsort(list.v, list.n, sizeof *list.v, by_name);
    if (found < 0 && found != -ENOENT) {
        leat_os_fail(&err, found, "list", folder);
        status = leat_cli_fail(&err);
    } else {
        if (list.n == 0) fprintf(stderr, "leat: there are no connectors in %s\n", common.data);
        status = show(&common, &list, nwords > 0, &a);
    }
    leat_arena_free(&a);
    return status;
}

/* Waits until the process that the page names is gone. */
static bool wait_stopped(const char *folder, leat_arena *a)
{
    leat_page *p = NULL;
    if (leat_page_open(leat_arena_printf(a, "%s/counters", folder), &p, NULL) != LEAT_OK)
        return true;
    int64_t until = leat_mono_us() + STOP_WAIT_US;
    bool gone;
    while (!(gone = !leat_page_alive(p)) && leat_mono_us() < until) leat_sleep_us(20000);
    leat_page_close(p);
    return gone;
}

static leat_rc tell_stop(const char *data, const char *name, const char *folder, leat_arena *a,
                         leat_err *e)
{
    const leat_json *reply;
    leat_state *s = NULL;
    leat_rc rc = leat_control_call(folder, LEAT_STR("{\"verb\":\"stop\"}"), CALL_MS, a, &reply, e);
    if (rc != LEAT_RETRY || strcmp(e->code, "control.not_running") != 0) return rc;
    leat_err err;
    if (leat_state_open(data, name, true, &s, &err) != LEAT_OK) *e = err;
    leat_state_close(s);
    return rc;
}

int leat_cli_stop(int argc, char **argv)
{
    leat_common common = {.data = leat_cli_data()};
    const leat_arg args[] = {LEAT_ARG_DATA(common), {0}};
    const char *words[64];
    int nwords, status;
    if (argc > 64) return leat_cli_usage(argv[0], "too many words");
    if (!leat_cli_parse(argc, argv, args, words, &nwords, &status)) return status;
    if (nwords != 1) return leat_cli_usage(argv[0], "name one connector");
    if (!leat_cli_names(argv[0], words, nwords, &status)) return status;
    leat_arena a;
    leat_arena_init(&a, 0);
    leat_err err = {0};
    char *folder = leat_arena_printf(&a, "%s/connectors/%s", common.data, words[0]);
    leat_rc rc = tell_stop(common.data, words[0], folder, &a, &err);
    if (rc == LEAT_OK && !wait_stopped(folder, &a))
        rc = leat_fail(&err, LEAT_RETRY, "control.stopping", words[0],
                       "it was told to stop but has not ended within %d s; look at its log",
                       (int)(STOP_WAIT_US / 1000000));
    leat_arena_free(&a);
    return leat_rc_failed(rc) ? leat_cli_fail(&err) : LEAT_EXIT_OK;
}
