/* leat status: what each connector of a data folder does; leat stop: ends one in order.
 *
 * A running connector answers for itself by its control socket. Of a stopped one its counters page
 * and state.db tell how the last run ended. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/os.h"
#include "cli/cli.h"
#include "engine/control.h"
#include "state/state.h"
#include "stream/page.h"

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

/* Counts and state as the page mirrors them, for a connector that does not answer. */
static void page_json(const char *folder, leat_arena *a, leat_jw *w)
{
    leat_page *p = NULL;
    if (leat_page_open(leat_arena_printf(a, "%s/counters", folder), &p, NULL) != LEAT_OK) return;
    leat_jw_object(w, "counts");
    leat_jw_i64(w, "received", (int64_t)atomic_load(&p->received));
    leat_jw_i64(w, "appended", (int64_t)atomic_load(&p->appended));
    leat_jw_i64(w, "filtered", (int64_t)atomic_load(&p->filtered));
    leat_jw_i64(w, "dead", (int64_t)atomic_load(&p->dead));
    leat_jw_i64(w, "deduplicated", (int64_t)atomic_load(&p->deduplicated));
    leat_jw_i64(w, "rows_read", (int64_t)atomic_load(&p->rows_read));
    leat_jw_i64(w, "rows_appended", (int64_t)atomic_load(&p->rows_appended));
    leat_jw_i64(w, "delivered", (int64_t)atomic_load(&p->delivered));
    leat_jw_end(w);
    leat_page_close(p);
}

static leat_rc stopped_json(const char *data, const char *name, const char *folder, leat_arena *a,
                            leat_jw *w, leat_err *e)
{
    leat_state *s = NULL;
    leat_str state;
    leat_err err;
    int64_t at_us;
    char iso[LEAT_ISO_MAX];
    LEAT_TRY(leat_state_open(data, name, true, &s, e));
    leat_rc rc = leat_state_end_get(s, a, &state, &at_us, &err, e);
    leat_state_close(s);
    LEAT_TRY(rc);
    leat_jw_str(w, "state", state.s ? state : LEAT_STR("STOPPED"));
    if (at_us) leat_jw_z(w, "since", leat_iso_us(at_us, 3, iso));
    if (leat_rc_failed(err.rc)) {
        leat_jw_object(w, "error");
        leat_jw_z(w, "code", err.code);
        leat_jw_z(w, "where", err.where);
        leat_jw_z(w, "message", err.msg);
        leat_jw_end(w);
    }
    page_json(folder, a, w);
    return LEAT_OK;
}

/* The status of one connector as a JSON object, running or not. */
static leat_rc status_of(const char *data, const char *name, leat_arena *a, const leat_json **out,
                         leat_err *e)
{
    char *folder = leat_arena_printf(a, "%s/connectors/%s", data, name);
    leat_rc rc = leat_control_call(folder, LEAT_STR("{\"verb\":\"status\"}"), CALL_MS, a, out, e);
    if (rc != LEAT_RETRY || strcmp(e->code, "control.not_running") != 0) return rc;
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "name", name);
    rc = stopped_json(data, name, folder, a, &w, e);
    leat_jw_end(&w);
    if (rc == LEAT_OK) rc = leat_json_parse(a, leat_arena_str(a, leat_buf_str(&text)), out, e);
    leat_buf_free(&text);
    return rc;
}

static void print_line(const leat_json *j)
{
    const leat_json *counts = leat_json_get(j, "counts"), *err = leat_json_get(j, "error");
    leat_str name = leat_json_get_str(j, "name"), state = leat_json_get_str(j, "state");
    int64_t lag = leat_json_get_i64(j, "lag_bytes", -1);
    printf("%-20.*s %-9.*s %12" PRId64 " %10" PRId64 " %8" PRId64 " ", LEAT_STR_ARG(name),
           LEAT_STR_ARG(state),
           leat_json_get_i64(counts, "appended", 0) + leat_json_get_i64(counts, "rows_appended", 0),
           leat_json_get_i64(counts, "filtered", 0), leat_json_get_i64(counts, "dead", 0));
    if (lag >= 0)
        printf("%12" PRId64 "\n", lag);
    else
        printf("%12s\n", "-");
    leat_str msg = leat_json_get_str(err, "message"), code = leat_json_get_str(err, "code");
    if (msg.s) printf("    %.*s [%.*s]\n", LEAT_STR_ARG(msg), LEAT_STR_ARG(code));
}

static leat_rc show(const leat_common *common, const names *list, leat_arena *a, leat_err *e)
{
    leat_buf out = {0};
    leat_rc rc = LEAT_OK;
    if (!common->json)
        printf("%-20s %-9s %12s %10s %8s %12s\n", "CONNECTOR", "STATE", "APPENDED", "FILTERED",
               "DEAD", "LAG BYTES");
    for (size_t i = 0; i < list->n && rc == LEAT_OK; i++) {
        const leat_json *j = NULL;
        rc = status_of(common->data, list->v[i], a, &j, e);
        if (rc != LEAT_OK) break;
        if (common->json) {
            leat_json_write(j, &out);
            leat_buf_u8(&out, '\n');
        } else {
            print_line(j);
        }
    }
    fwrite(out.p, 1, out.len, stdout);
    leat_buf_free(&out);
    return rc;
}

int leat_cli_status(int argc, char **argv)
{
    leat_common common = {.data = leat_cli_data()};
    const leat_arg args[] = {LEAT_ARG_DATA(common), LEAT_ARG_JSON(common), {0}};
    const char *words[64];
    int nwords, status;
    if (argc > 64) return leat_cli_usage(argv[0], "too many words");
    if (!leat_cli_parse(argc, argv, args, words, &nwords, &status)) return status;
    leat_arena a;
    leat_arena_init(&a, 0);
    names list = {.a = &a};
    leat_err err = {0};
    char *folder = leat_arena_printf(&a, "%s/connectors", common.data);
    for (int i = 0; i < nwords; i++) add_name(&list, words[i]);
    leat_rc rc = LEAT_OK;
    int found = nwords ? 0 : leat_os_now()->list(folder, add_name, &list);
    if (found < 0 && found != -2) rc = leat_os_fail(&err, found, "list", folder); /* ENOENT: none */
    if (list.n > 0) qsort(list.v, list.n, sizeof *list.v, by_name);
    if (rc == LEAT_OK) rc = show(&common, &list, &a, &err);
    leat_arena_free(&a);
    return leat_rc_failed(rc) ? leat_cli_fail(&err) : LEAT_EXIT_OK;
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

int leat_cli_stop(int argc, char **argv)
{
    leat_common common = {.data = leat_cli_data()};
    const leat_arg args[] = {LEAT_ARG_DATA(common), {0}};
    const char *words[64];
    int nwords, status;
    if (argc > 64) return leat_cli_usage(argv[0], "too many words");
    if (!leat_cli_parse(argc, argv, args, words, &nwords, &status)) return status;
    if (nwords != 1) return leat_cli_usage(argv[0], "name one connector");
    leat_arena a;
    leat_arena_init(&a, 0);
    const leat_json *reply;
    leat_err err = {0};
    char *folder = leat_arena_printf(&a, "%s/connectors/%s", common.data, words[0]);
    leat_rc rc =
        leat_control_call(folder, LEAT_STR("{\"verb\":\"stop\"}"), CALL_MS, &a, &reply, &err);
    if (rc == LEAT_OK && !wait_stopped(folder, &a))
        rc = leat_fail(&err, LEAT_RETRY, "control.stopping", words[0],
                       "it was told to stop but has not ended within %d s; look at its log",
                       (int)(STOP_WAIT_US / 1000000));
    leat_arena_free(&a);
    return leat_rc_failed(rc) ? leat_cli_fail(&err) : LEAT_EXIT_OK;
}
