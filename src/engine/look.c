/* Questions to a connector, running or not; see look.h.
 *
 * A running connector answers for itself by its control socket. Of a stopped one state.db tells
 * what it is and how the last run ended, and the frames of its stream how far it came. */
#include "engine/look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"
#include "engine/control.h"
#include "engine/process.h"
#include "engine/setup.h"
#include "engine/stall.h"
#include "engine/status.h"
#include "state/state.h"
#include "stream/follow.h"
#include "stream/kafka/left.h"

enum { CALL_MS = 3000, STARTING_TRIES = 3 /* each waits some seconds for one just starting */ };

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Folders without state.db are streams that a connector left. */
leat_rc leat_look_names(const char *data, leat_arena *a, const char ***out, size_t *n, leat_err *e)
{
    const char **v;
    size_t all;
    char *folder = leat_arena_printf(a, "%s/connectors", data);
    int err = leat_os_names(folder, a, &v, &all);
    *out = v;
    *n = 0;
    for (size_t i = 0; i < all; i++)
        if (access(leat_arena_printf(a, "%s/%s/state.db", folder, v[i]), F_OK) == 0)
            v[(*n)++] = v[i];
    if (*n > 0) qsort(v, *n, sizeof *v, by_name);
    return err < 0 && err != -ENOENT ? leat_os_fail(e, err, "list", folder) : LEAT_OK;
}

leat_rc leat_look_ask(const char *data, const char *name, leat_str request, int ms, leat_arena *a,
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

/* A connector that does not run. */
typedef struct stopped {
    const char *data, *name;
    leat_state *state;
    const leat_source *source; /* NULL: not known, or a sink */
    bool sink, kafka;
} stopped;

/* Counts as the page mirrors them, of a connector that does not answer. */
static void write_mirrored(const leat_page *p, bool sink, leat_jw *w)
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

static void write_place(const leat_source *source, const leat_reach *r, leat_jw *w)
{
    leat_buf text = {0};
    if (r->npos > 0) {
        leat_jw_raw(w, "position", r->pos[0].offset);
        if (source && source->offset_text) source->offset_text(r->pos[0].offset, &text);
        leat_jw_str(w, "position_text", text.len > 0 ? leat_buf_str(&text) : (leat_str){0});
    }
    leat_status_counts(&r->totals, w);
    leat_buf_free(&text);
}

/* On Kafka: what the brokers acknowledged, and what the spool holds. */
static leat_rc write_left(const stopped *st, leat_jw *w)
{
    leat_kafka_left left;
    leat_delivered_store *store = leat_state_delivered_store(st->state);
    leat_rc rc = leat_kafka_left_look(st->data, st->name, store, &left, NULL);
    if (rc == LEAT_OK) {
        write_place(st->source, &left.reach, w);
        leat_jw_object(w, "delivery");
        leat_jw_z(w, "state", left.spooled > 0 ? "SPOOL" : "DIRECT");
        leat_jw_i64(w, "spool_events", (int64_t)left.spooled);
        leat_jw_end(w);
    }
    leat_kafka_left_free(&left);
    return rc;
}

/* A source that does not run: its frames tell, since what its process had appended last may be
 * visible without having been mirrored. Where they cannot be read, the page is what there is. */
static void write_reached(const stopped *st, const leat_page *p, leat_jw *w)
{
    leat_restored at;
    leat_restored_init(&at);
    if (st->kafka && write_left(st, w) == LEAT_OK)
        ;
    else if (!st->kafka && leat_follow_state(st->data, st->name, &at, NULL) == LEAT_OK)
        write_place(st->source, &at.reach, w);
    else
        write_mirrored(p, false, w);
    leat_restored_free(&at);
}

/* What it is, by its stored configuration. */
static void write_kind(stopped *st, leat_arena *a, leat_jw *w)
{
    leat_state *s = st->state;
    const char *name = st->name;
    leat_str json;
    leat_config *config;
    leat_connector_conf common;
    leat_report r;
    leat_report_init(&r, a);
    if (leat_state_config_get(s, a, &json, NULL) != LEAT_OK || !json.s ||
        leat_config_json(a, json, name, &config, NULL) != LEAT_OK ||
        !leat_setup_common(config, a, &common, &r) || !common.klass)
        return;
    leat_str klass = leat_str_of(common.klass);
    const leat_source *source = leat_source_find(klass);
    const leat_sink *sink = source ? NULL : leat_sink_find(klass);
    leat_jw_z(w, "kind", sink ? "sink" : "source");
    leat_jw_z(w, "class", source ? source->name : sink ? sink->name : common.klass);
    st->source = source;
    st->sink = sink != NULL;
    st->kafka = config->worker != NULL;
}

/* A process that lives and cannot be asked is just starting, or ending. */
static void write_between(const leat_page *p, leat_jw *w)
{
    leat_run_state state = (leat_run_state)atomic_load(&p->state);
    leat_jw_i64(w, "pid", atomic_load(&p->pid));
    leat_jw_z(w, "state", leat_run_state_name(state ? state : LEAT_RUN_STARTING));
}

/* As its supervisor noted it. */
static void say_fatal(const leat_page *p, int pid, const char *name, leat_err *err)
{
    static const char goes_on[] = "started again it goes on from its last durable position";
    uint32_t fatal = atomic_load(&p->fatal);
    if (fatal == LEAT_PAGE_MEMORY)
        leat_fail(err, LEAT_RETRY, "limits.process.memory", name,
                  "its process %d wanted more memory than limits.process.memory allows, and was "
                  "ended; %s. If that comes again and again, something leaks, or the bound is too "
                  "low",
                  pid, goes_on);
    else if (fatal != 0)
        leat_fail(err, LEAT_RETRY, "process.died", name,
                  "its process %d was ended by signal %u (%s); %s", pid, fatal,
                  sigabbrev_np((int)fatal) ? sigabbrev_np((int)fatal) : "?", goes_on);
    else
        leat_fail(err, LEAT_RETRY, "process.died", name, "its process %d was killed or crashed; %s",
                  pid, goes_on);
}

/* The process that has ended without a word: its page has it still; 0: none. */
static int died(const leat_page *p)
{
    int pid = p ? atomic_load(&p->pid) : 0; /* < 0: somebody else's, who looks after its stream */
    return pid > 0 && !leat_page_alive(p) ? pid : 0;
}

void leat_look_end(const char *data, const char *name, const leat_page *p, leat_arena *a,
                   leat_err *out)
{
    leat_state *s = NULL;
    leat_str state;
    int64_t at_us;
    leat_err err = {0};
    *out = (leat_err){0};
    leat_rc rc = leat_state_open(data, name, true, &s, &err);
    if (rc == LEAT_OK) rc = leat_state_end_get(s, a, &state, &at_us, out, &err);
    leat_state_close(s);
    if (rc != LEAT_OK && strcmp(err.code, "connector.unknown") != 0) *out = err;
    if (died(p)) say_fatal(p, died(p), name, out);
}

/* Its process has ended by itself, and its supervisor starts it again after a pause. */
static bool restarts(const leat_page *p)
{
    return p && atomic_load(&p->deaths) > 0 && leat_os_alive(atomic_load(&p->restart_by), 0);
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
    int pid = died(p);
    if (p && leat_page_alive(p)) {
        write_between(p, w);
        return LEAT_OK;
    }
    if (pid) {
        say_fatal(p, pid, name, &err);
        at_us = 0;
    }
    if (restarts(p)) {
        leat_jw_z(w, "state", "RESTARTING");
        leat_jw_i64(w, "deaths", atomic_load(&p->deaths));
        leat_jw_z(w, "restart_at", leat_iso_us(atomic_load(&p->restart_us), 3, iso));
    } else {
        leat_jw_str(w, "state", state.s && !pid ? state : LEAT_STR("STOPPED"));
    }
    if (at_us) leat_jw_z(w, "since", leat_iso_us(at_us, 3, iso));
    if (leat_rc_failed(err.rc)) leat_status_error(&err, w);
    return LEAT_OK;
}

static leat_rc write_stopped(const char *data, const char *name, const char *folder, leat_arena *a,
                             leat_jw *w, leat_err *e)
{
    stopped st = {.data = data, .name = name};
    leat_page *p = NULL;
    LEAT_TRY(leat_state_open(data, name, true, &st.state, e));
    leat_state *s = st.state;
    if (leat_page_open(leat_arena_printf(a, "%s/counters", folder), &p, NULL) != LEAT_OK) p = NULL;
    write_kind(&st, a, w);
    leat_desired desired;
    if (leat_state_desired_get(s, &desired, NULL) == LEAT_OK) leat_status_desired(&desired, w);
    leat_rc rc = write_ending(s, name, p, a, w, e);
    if (p && !st.sink && !leat_page_alive(p))
        write_reached(&st, p, w);
    else if (p)
        write_mirrored(p, st.sink, w);
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

/* It does not answer since its process does nothing: that is the error then. *pid: of its process,
 * if it has one. */
static bool hangs(const char *data, const char *name, leat_arena *a, int *pid, leat_err *e)
{
    leat_page *p = NULL;
    char *path = leat_arena_printf(a, "%s/connectors/%s/counters", data, name);
    if (leat_page_open(path, &p, NULL) != LEAT_OK) return false;
    int64_t ms = leat_page_alive(p) ? leat_page_silent(p) : 0;
    if (leat_page_alive(p)) *pid = atomic_load(&p->pid);
    if (ms > 0) leat_stall_silent(*pid, ms, name, e);
    leat_page_close(p);
    return ms > 0;
}

leat_rc leat_look_status(const char *data, const char *name, leat_arena *a, leat_buf *out,
                         leat_err *e)
{
    leat_rc rc = ask(data, name, a, out, e);
    if (rc == LEAT_OK) return LEAT_OK;
    leat_buf_clear(out);
    if (strcmp(e->code, "connector.unknown") == 0) return rc;
    leat_jw w = {.out = out};
    int pid = 0;
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "name", name);
    leat_jw_z(&w, "state", hangs(data, name, a, &pid, e) ? "STALLED" : "UNKNOWN");
    if (pid > 0) leat_jw_i64(&w, "pid", pid);
    leat_status_error(e, &w);
    leat_jw_end(&w);
    return rc;
}
