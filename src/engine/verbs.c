/* The verbs of a connector: docs/control.md lists them with requests and answers.
 *
 * Of a connector that runs they are answered by its control socket: the quick ones by the control
 * thread, which only looks at memory or sets flags, the slow ones by its worker, which alone uses
 * p->notes. Of one that does not run a command answers the same verbs under its lock. */
#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "engine/running.h"
#include "engine/status.h"

enum { NOTE_US = 5000000, SIGNAL_US = 10000000, SIGNAL_STEP_US = 5000, SIGNAL_LOOK_US = 1000000 };

static const char *const slow_verbs[] = {
    "pause",           "resume", "offsets",      "offsets-set",  "offsets-reset", "offsets-undo",
    "offsets-history", "signal", "letters-drop", "letters-edit", "letters-retry"};

bool leat_process_slow(leat_str verb)
{
    for (size_t i = 0; i < sizeof slow_verbs / sizeof *slow_verbs; i++)
        if (leat_str_is(verb, slow_verbs[i])) return true;
    return false;
}

/* ---- every second ---- */

void leat_process_tick(void *arg)
{
    leat_process *p = arg;
    const leat_page *page = p->page;
    uint64_t bytes = atomic_load(&page->stream_bytes);
    atomic_store(&p->page->beat_us, leat_mono_us());
    if (p->engine) leat_engine_watch(p->engine);
    if (p->sinkrun) leat_sinkrun_watch(p->sinkrun);
    if (bytes > p->sampled_bytes)
        p->bytes += bytes - p->sampled_bytes; /* segments may be removed */
    p->sampled_bytes = bytes;
    leat_rates_add(&p->rates, (leat_rates_sample){.mono_us = leat_mono_us(),
                                                  .events = atomic_load(&page->appended) +
                                                            atomic_load(&page->rows_appended) +
                                                            atomic_load(&page->delivered),
                                                  .bytes = p->bytes,
                                                  .retained = atomic_load(&page->retained_bytes)});
}

static void positions_text(const leat_position *pos, size_t n, leat_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        leat_buf_blob(out, pos[i].partition);
        leat_buf_blob(out, pos[i].offset);
    }
}

void leat_process_note(leat_process *p, leat_noted noted)
{
    leat_arena a = {0};
    leat_buf text = {0};
    leat_position *pos = NULL;
    size_t n = 0;
    leat_err err;
    leat_rc rc = p->setup.source ? leat_process_positions(p, &a, &pos, &n, &err) : LEAT_OK;
    if (rc == LEAT_OK) positions_text(pos, n, &text);
    bool moved = !leat_str_eq(leat_buf_str(&text), leat_buf_str(&p->noted));
    if (rc == LEAT_OK && n > 0 && (moved || noted != LEAT_NOTED_RUN))
        rc = leat_state_positions_add(p->notes, pos, n, noted, NULL, &err);
    if (leat_rc_failed(rc)) leat_log_err(LEAT_WARN, &err);
    if (rc == LEAT_OK && moved) {
        leat_buf_clear(&p->noted);
        leat_buf_add(&p->noted, leat_buf_str(&text));
    }
    p->noted_us = leat_mono_us();
    leat_buf_free(&text);
    leat_arena_free(&a);
}

int64_t leat_process_idle(void *arg)
{
    leat_process *p = arg;
    if (leat_mono_us() - p->noted_us >= NOTE_US) leat_process_note(p, LEAT_NOTED_RUN);
    leat_signal_file_turn(p->file, p->engine);
    leat_signal_kafka_turn(p->topic, p->engine);
    leat_exchange_turn(p->mirror, p->notes);
    return p->file || p->topic || p->mirror ? SIGNAL_LOOK_US : NOTE_US;
}

/* ---- pause, resume ---- */

void leat_process_obey(leat_process *p)
{
    pthread_mutex_lock(&p->guard);
    bool paused = p->desired.paused;
    pthread_mutex_unlock(&p->guard);
    if (p->engine) leat_engine_pause(p->engine, paused);
    if (p->sinkrun) leat_sinkrun_pause(p->sinkrun, paused);
}

/* Stored first: who was told that it is paused finds it so after a crash, too. */
static leat_rc pause_or_resume(leat_process *p, bool paused, const leat_json *request, leat_err *e)
{
    leat_str by = leat_json_get_str(request, "by");
    leat_desired now = {.paused = paused, .at_us = leat_now_us()};
    size_t n = leat_str_fit(by, sizeof now.by - 1);
    if (n > 0) memcpy(now.by, by.s, n);
    LEAT_TRY(leat_state_desired_set(p->notes, paused, now.by, e));
    pthread_mutex_lock(&p->guard);
    p->desired = now;
    pthread_mutex_unlock(&p->guard);
    leat_log(LEAT_INFO, paused ? "connector.pause" : "connector.resume", "by=\"%s\"", now.by);
    leat_process_obey(p);
    return LEAT_OK;
}

/* ---- signals ---- */

static leat_rc unknown(const leat_process *p, leat_str verb, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "control.verb", "verb",
                     "\"%.*s\" is not understood by a %s; there are status, stop, restart, pause, "
                     "resume, offsets, offsets-set, offsets-reset, offsets-undo, offsets-history, "
                     "letters-drop, letters-edit, letters-retry, log, log-level, %s",
                     LEAT_STR_ARG(verb), p->setup.source ? "source" : "sink",
                     p->setup.source ? "signal" : "finish");
}

/* The request as a signal's text; its id in *id, in a. */
static leat_rc signal_text(const leat_json *request, leat_arena *a, leat_buf *out, leat_str *id,
                           leat_err *e)
{
    char made[LEAT_UUID_MAX];
    const leat_json *data = leat_json_get(request, "data");
    leat_jw w = {.out = out};
    leat_str type = leat_json_get_str(request, "type");
    if (!type.s)
        return leat_fail(e, LEAT_CONF, "control.request", "type",
                         "a signal needs a type: log, execute-snapshot, stop-snapshot, "
                         "pause-snapshot or resume-snapshot");
    *id = leat_json_get_str(request, "id");
    if (!id->s) *id = leat_str_of(leat_uuid4(made));
    *id = leat_arena_str(a, *id);
    leat_jw_object(&w, NULL);
    leat_jw_str(&w, "id", *id);
    leat_jw_str(&w, "type", type);
    if (data) {
        leat_buf text = {0};
        leat_json_write(data, &text);
        leat_jw_raw(&w, "data", leat_buf_str(&text));
        leat_buf_free(&text);
    }
    leat_jw_end(&w);
    return LEAT_OK;
}

/* Waits until it is durable, some seconds at most. */
static leat_rc signal_engine(leat_process *p, const leat_json *request, leat_jw *reply, leat_err *e)
{
    leat_arena a = {0};
    leat_buf text = {0};
    leat_str id;
    uint64_t ticket = 0;
    leat_rc rc =
        p->engine ? signal_text(request, &a, &text, &id, e) : unknown(p, LEAT_STR("signal"), e);
    if (rc == LEAT_OK) rc = leat_signals_put(p->engine, leat_buf_str(&text), &ticket, e);
    int64_t until = leat_mono_us() + SIGNAL_US;
    while (rc == LEAT_OK && (rc = leat_signals_look(p->engine, ticket, e)) == LEAT_PENDING) {
        if (leat_mono_us() >= until) break;
        rc = LEAT_OK;
        leat_sleep_us(SIGNAL_STEP_US);
    }
    if (rc == LEAT_PENDING)
        rc = leat_fail(e, LEAT_RETRY, "control.waiting", p->conf.name,
                       "the signal " LEAT_STR_FMT " waits: it is done when the connector streams "
                       "and is between two transactions; 'leat status %s' shows what it does",
                       LEAT_STR_ARG(id), p->conf.name);
    if (rc == LEAT_OK) leat_jw_str(reply, "id", id);
    leat_buf_free(&text);
    leat_arena_free(&a);
    return rc;
}

/* ---- the rest ---- */

static leat_rc log_level(const leat_json *request, leat_err *e)
{
    leat_level level;
    leat_str name = leat_json_get_str(request, "level");
    if (!leat_log_level_parse(name, &level))
        return leat_fail(e, LEAT_CONF, "control.request", "level",
                         "expected trace, debug, info, warn or error, got \"%.*s\"",
                         LEAT_STR_ARG(name));
    leat_log_level(level);
    return LEAT_OK;
}

static void log_lines(const leat_json *request, leat_jw *reply)
{
    leat_buf lines = {0};
    uint64_t next = leat_log_since((uint64_t)leat_json_get_i64(request, "since", 0), &lines);
    leat_jw_str(reply, "lines", leat_buf_str(&lines));
    leat_jw_i64(reply, "next", (int64_t)next);
    leat_buf_free(&lines);
}

static void write_readers(leat_process *p, leat_jw *reply)
{
    leat_engine_status st;
    leat_engine_status_get(p->engine, &st);
    leat_status_readers(p->conf.data, p->conf.name, st.events, reply);
}

static void status(leat_process *p, leat_jw *reply)
{
    pthread_mutex_lock(&p->guard);
    leat_desired desired = p->desired;
    pthread_mutex_unlock(&p->guard);
    leat_status_write(p->conf.name, &p->setup, p->engine, p->sinkrun, p->page, reply);
    if (p->engine)
        write_readers(p, reply);
    else
        leat_status_topics(&p->setup.wanted, p->setup.kafka ? NULL : p->conf.data, reply);
    leat_jw_z(reply, "run", p->run_id);
    leat_status_rates(&p->rates, p->setup.source != NULL, reply);
    leat_status_desired(&desired, reply);
}

leat_rc leat_process_verb(void *arg, leat_str verb, const leat_json *request, leat_jw *reply,
                          leat_err *e)
{
    leat_process *p = arg;
    bool runs = p->engine || p->sinkrun;
    if (leat_str_is(verb, "pause") || leat_str_is(verb, "resume"))
        return pause_or_resume(p, leat_str_is(verb, "pause"), request, e);
    if (leat_str_starts(verb, "offsets") && leat_process_slow(verb))
        return leat_process_offsets(p, verb, request, reply, e);
    if (leat_str_starts(verb, "letters") && leat_process_slow(verb))
        return leat_process_letters(p, verb, request, reply, e);
    if (!runs) return unknown(p, verb, e);
    if (leat_str_is(verb, "signal")) return signal_engine(p, request, reply, e);
    if (leat_str_is(verb, "log-level")) return log_level(request, e);
    if (leat_str_is(verb, "status")) {
        status(p, reply);
    } else if (leat_str_is(verb, "stop")) {
        leat_process_stop(p);
    } else if (leat_str_is(verb, "restart")) {
        atomic_store(&p->restart, true);
        leat_process_stop(p);
    } else if (leat_str_is(verb, "finish") && p->sinkrun) {
        leat_sinkrun_finish(p->sinkrun);
    } else if (leat_str_is(verb, "log")) {
        log_lines(request, reply);
    } else {
        return unknown(p, verb, e);
    }
    return LEAT_OK;
}
