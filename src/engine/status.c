/* Status as JSON. The members' names are part of the control protocol and of `leat status --json`.
 */
#include "engine/status.h"

#include <unistd.h>

#include "base/clock.h"
#include "engine/why.h"
#include "stream/kafka/kafka.h"

void leat_status_error(const leat_err *err, leat_jw *w)
{
    if (!leat_rc_failed(err->rc)) {
        leat_jw_null(w, "error");
        return;
    }
    leat_jw_object(w, "error");
    leat_jw_z(w, "action", leat_rc_name(err->rc));
    leat_jw_z(w, "code", err->code);
    leat_jw_z(w, "where", err->where);
    leat_jw_z(w, "message", err->msg);
    leat_jw_end(w);
}

void leat_status_counts(const leat_counts *c, leat_jw *w)
{
    leat_jw_object(w, "counts");
    leat_jw_i64(w, "received", (int64_t)c->received);
    leat_jw_i64(w, "appended", (int64_t)c->appended);
    leat_jw_i64(w, "filtered", (int64_t)c->filtered);
    leat_jw_i64(w, "dead", (int64_t)(c->dead + c->rows_dead));
    leat_jw_i64(w, "deduplicated", (int64_t)c->deduplicated);
    leat_jw_i64(w, "in_flight", leat_counts_in_flight(c));
    leat_jw_i64(w, "rows_read", (int64_t)c->rows_read);
    leat_jw_i64(w, "rows_appended", (int64_t)c->rows_appended);
    leat_jw_i64(w, "rows_superseded", (int64_t)c->rows_superseded);
    leat_jw_i64(w, "rows_in_flight", leat_counts_rows_in_flight(c));
    leat_jw_end(w);
}

void leat_status_sink_counts(const leat_sink_counts *c, leat_jw *w)
{
    leat_jw_object(w, "counts");
    leat_jw_i64(w, "read", (int64_t)c->read);
    leat_jw_i64(w, "delivered", (int64_t)c->delivered);
    leat_jw_i64(w, "filtered", (int64_t)c->filtered);
    leat_jw_i64(w, "dead", (int64_t)c->dead);
    leat_jw_i64(w, "in_flight", (int64_t)(c->read - c->delivered - c->filtered - c->dead));
    leat_jw_end(w);
}

/* As JSON, or as a text when it was too long to be kept whole. */
static void write_position(leat_engine_status *st, leat_jw *w)
{
    size_t len = strlen(st->position);
    leat_str_mend(st->position);
    if (len == 0)
        leat_jw_null(w, "position");
    else if (len < sizeof st->position - 1)
        leat_jw_raw(w, "position", leat_str_of(st->position));
    else
        leat_jw_z(w, "position", st->position);
}

/* As people read it. */
static void write_position_text(const leat_source *source, leat_engine_status *st, leat_jw *w)
{
    leat_buf text = {0};
    size_t len = strlen(st->position);
    if (source->offset_text && len > 0 && len < sizeof st->position - 1)
        source->offset_text(leat_str_of(st->position), &text);
    leat_jw_str(w, "position_text", text.len > 0 ? leat_buf_str(&text) : (leat_str){0});
    leat_buf_free(&text);
}

/* Each task's, in Kafka Connect's way: a state of its own. */
static void write_tasks(leat_engine *g, unsigned n, leat_jw *w)
{
    char iso[LEAT_ISO_MAX];
    leat_jw_array(w, "tasks");
    for (unsigned i = 0; i < n; i++) {
        leat_task_status st;
        leat_engine_task_status(g, i, &st);
        leat_jw_object(w, NULL);
        leat_jw_i64(w, "id", i);
        leat_jw_z(w, "state", leat_run_state_name(st.state));
        leat_jw_z(w, "since", leat_iso_us(st.since_us, 3, iso));
        leat_jw_z(w, "waits_for", st.waits);
        leat_jw_z(w, "stage", leat_stage_name(st.stage));
        leat_status_error(&st.error, w);
        leat_jw_i64(w, "attempts", st.attempts);
        if (st.retry_at_us) leat_jw_z(w, "retry_at", leat_iso_us(st.retry_at_us, 3, iso));
        leat_jw_end(w);
    }
    leat_jw_end(w);
}

/* Why Kafka takes nothing. */
static void write_trouble(const leat_page *p, leat_jw *w)
{
    char iso[LEAT_ISO_MAX];
    leat_page_trouble t;
    if (!leat_page_get_trouble(p, &t)) {
        leat_jw_null(w, "error");
        return;
    }
    leat_status_error(&t.why, w);
    leat_jw_z(w, "error_since", leat_iso_us(t.since_us, 3, iso));
    leat_jw_z(w, "retry_at", t.again_us ? leat_iso_us(t.again_us, 3, iso) : NULL);
}

/* Of transactions of Kafka. */
static void write_once(const leat_page *p, leat_jw *w)
{
    char iso[LEAT_ISO_MAX];
    uint32_t state = atomic_load(&p->tx_state);
    if (state == 0) return;
    leat_jw_object(w, "once");
    leat_jw_z(w, "state", leat_kafka_once_name(state - 1));
    leat_jw_z(w, "since", leat_iso_us(atomic_load(&p->tx_us), 3, iso));
    leat_jw_bool(w, "in_doubt", atomic_load(&p->tx_doubt) != 0);
    leat_jw_i64(w, "commits", (int64_t)atomic_load(&p->tx_commits));
    leat_jw_i64(w, "aborts", (int64_t)atomic_load(&p->tx_aborts));
    leat_jw_end(w);
}

/* Of a stream that is Kafka. retry_ms: the longest pause between two attempts of its client. */
static void write_delivery(const leat_page *p, int64_t retry_ms, leat_jw *w)
{
    char iso[LEAT_ISO_MAX];
    uint32_t phase = atomic_load(&p->delivery);
    int64_t full = atomic_load(&p->spool_full_us), since = atomic_load(&p->delivery_since_us);
    if (phase == 0) return;
    leat_jw_object(w, "delivery");
    leat_jw_z(w, "state", leat_kafka_phase_name((leat_kafka_phase)(phase - 1)));
    leat_jw_z(w, "since", leat_iso_us(since, 3, iso));
    leat_jw_i64(w, "window_bytes", (int64_t)atomic_load(&p->window_bytes));
    leat_jw_i64(w, "spool_bytes", (int64_t)atomic_load(&p->spool_bytes));
    leat_jw_i64(w, "spool_events", (int64_t)atomic_load(&p->spool_events));
    leat_jw_i64(w, "spool_max_bytes", (int64_t)atomic_load(&p->spool_max_bytes));
    leat_jw_z(w, "spool_full_at", full ? leat_iso_us(full, 0, iso) : NULL);
    leat_jw_i64(w, "producers_lost", (int64_t)atomic_load(&p->producers));
    leat_jw_i64(w, "retry_ms", retry_ms);
    write_trouble(p, w);
    write_once(p, w);
    leat_jw_end(w);
}

void leat_status_log(int64_t until_us, int64_t expires_us, bool removed, leat_jw *w)
{
    int64_t left = until_us > 0 ? (until_us - leat_now_us()) / 1000 : -1;
    leat_jw_i64(w, "log_left_ms", until_us > 0 && left < 0 ? 0 : left);
    leat_jw_i64(w, "log_expires_ms", expires_us < 0 ? -1 : expires_us / 1000);
    leat_jw_bool(w, "log_removed", removed);
}

static void write_source(const leat_setup *setup, leat_engine *g, const leat_page *p, leat_jw *w)
{
    const leat_source *source = setup->source;
    leat_engine_status status;
    char iso[LEAT_ISO_MAX];
    leat_engine_status_get(g, &status);
    const leat_task_status st = status.all;
    leat_jw_z(w, "state", leat_run_state_name(st.state));
    leat_jw_z(w, "since", leat_iso_us(st.since_us, 3, iso));
    leat_jw_z(w, "stage", leat_stage_name(st.stage));
    leat_status_error(&st.error, w);
    leat_jw_i64(w, "attempts", st.attempts);
    if (st.retry_at_us) leat_jw_z(w, "retry_at", leat_iso_us(st.retry_at_us, 3, iso));
    write_position(&status, w);
    write_position_text(source, &status, w);
    leat_status_counts(&status.totals, w);
    write_tasks(g, status.tasks, w);
    leat_jw_object(w, "snapshot");
    leat_jw_z(w, "state", st.snapshot);
    leat_jw_i64(w, "tables_done", st.snapshot_done);
    leat_jw_i64(w, "tables", st.snapshot_of);
    leat_jw_z(w, "table", *st.snapshot_table ? st.snapshot_table : NULL);
    leat_engine_snapshot_write(g, w);
    leat_jw_end(w);
    leat_jw_i64(w, "lag_bytes", st.gauges.lag_bytes);
    leat_jw_i64(w, "retained_bytes", st.gauges.retained_bytes);
    leat_jw_i64(w, "retained_limit", st.gauges.retained_limit);
    leat_status_log(st.gauges.log_until_us, st.gauges.log_expires_us, st.gauges.log_removed, w);
    leat_jw_z(w, "received_position", *st.gauges.position ? st.gauges.position : NULL);
    leat_jw_z(w, "acknowledged_position", *st.gauges.acked ? st.gauges.acked : NULL);
    if (!p) return;
    write_delivery(p, setup->clients.client[LEAT_KAFKA_PRODUCER].reconnect_max_ms, w);
    leat_jw_i64(w, "commits", (int64_t)atomic_load(&p->commits));
    leat_jw_i64(w, "stream_bytes", (int64_t)atomic_load(&p->stream_bytes));
    leat_jw_i64(w, "memory_bytes", (int64_t)atomic_load(&p->memory_bytes));
    leat_jw_i64(w, "memory_peak_bytes", (int64_t)atomic_load(&p->memory_peak_bytes));
    leat_jw_i64(w, "resident_bytes", (int64_t)atomic_load(&p->resident_bytes));
    leat_jw_i64(w, "memory_bound_bytes", (int64_t)leat_engine_bound(g));
    int64_t last = atomic_load(&p->last_event_us);
    leat_jw_z(w, "last_event", last ? leat_iso_us(last, 6, iso) : NULL);
    int64_t seen = atomic_load(&p->last_seen_us);
    if (last && seen)
        leat_jw_i64(w, "milliseconds_behind_source", seen > last ? (seen - last) / 1000 : 0);
    else
        leat_jw_null(w, "milliseconds_behind_source");
}

static void write_sink(leat_sinkrun *k, leat_jw *w)
{
    leat_run_state state;
    leat_err err;
    leat_sink_counts c;
    leat_sinkrun_status(k, &state, &err, &c);
    leat_jw_z(w, "state", leat_run_state_name(state));
    leat_jw_z(w, "stage",
              state == LEAT_RUN_STALLED ? leat_stage_name(leat_why_stage_of(err.code)) : NULL);
    leat_status_error(&err, w);
    leat_status_sink_counts(&c, w);
}

void leat_status_write(const char *name, const leat_setup *setup, leat_engine *g, leat_sinkrun *k,
                       const leat_page *p, leat_jw *w)
{
    leat_jw_z(w, "name", name);
    leat_jw_z(w, "kind", setup->source ? "source" : "sink");
    leat_jw_z(w, "class", setup->source ? setup->source->name : setup->sink->name);
    leat_jw_i64(w, "pid", getpid());
    if (g)
        write_source(setup, g, p, w);
    else
        write_sink(k, w);
}

void leat_status_topics(const leat_wanted *wanted, const char *data, leat_jw *w)
{
    leat_arena a = {0};
    leat_opt_list topics = wanted->names;
    if (data && leat_wanted_list(wanted, data, &a, &topics, NULL) != LEAT_OK) topics.n = 0;
    leat_str regex = wanted->pattern ? leat_regex_text(wanted->pattern) : (leat_str){0};
    leat_jw_str(w, "topics_regex", regex);
    leat_jw_array(w, "topics");
    for (size_t i = 0; i < topics.n; i++) leat_jw_z(w, NULL, topics.v[i]);
    leat_jw_end(w);
    leat_arena_free(&a);
}

static void write_rate(const char *name, const leat_rate *r, bool source, leat_jw *w)
{
    leat_jw_object(w, name);
    leat_jw_i64(w, "seconds", (r->over_us + 500000) / 1000000); /* that it is known of */
    leat_jw_f64(w, "events_per_second", r->events);
    if (source) {
        leat_jw_f64(w, "bytes_per_second", r->bytes);
        if (r->known) leat_jw_f64(w, "retained_bytes_per_second", r->retained);
    }
    leat_jw_end(w);
}

void leat_status_rates(const leat_rates *r, bool source, leat_jw *w)
{
    leat_rate second = leat_rates_over(r, 1000000), minute = leat_rates_over(r, 60000000);
    leat_jw_object(w, "rates");
    write_rate("1s", &second, source, w);
    write_rate("60s", &minute, source, w);
    leat_jw_end(w);
}

void leat_status_desired(const leat_desired *d, leat_jw *w)
{
    char iso[LEAT_ISO_MAX];
    leat_jw_object(w, "desired");
    leat_jw_z(w, "state", d->paused ? "PAUSED" : "RUNNING");
    leat_jw_z(w, "by", *d->by ? d->by : NULL);
    leat_jw_z(w, "at", d->at_us ? leat_iso_us(d->at_us, 3, iso) : NULL);
    leat_jw_end(w);
}
