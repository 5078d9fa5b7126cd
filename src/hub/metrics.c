/* Counters of all connectors, from their pages: for Prometheus (text format 0.0.4) and for the
 * page.
 *
 * Reading a page is reading memory: no connector is asked, none can hold this up. The names are
 * those that the usual rules of the JMX exporter make of Debezium's beans, with their labels
 * (plugin, name = topic.prefix, context) and "connector" beside them; what Debezium does not have
 * begins with leat_. Processes are read from /proc. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"
#include "hub/sample.h"
#include "stream/tables.h"

/* ---- Prometheus ---- */

static void label(leat_buf *out, const char *name, const char *value)
{
    leat_buf_printf(out, "%s%s=\"", out->p[out->len - 1] == '{' ? "" : ",", name);
    for (const char *p = value ? value : ""; *p; p++) {
        if (*p == '\\' || *p == '"') leat_buf_u8(out, '\\');
        if (*p == '\n')
            leat_buf_str_z(out, "\\n");
        else
            leat_buf_u8(out, (unsigned char)*p);
    }
    leat_buf_u8(out, '"');
}

static void family(leat_buf *out, const char *name, const char *type, const char *help)
{
    leat_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void value(leat_buf *out, const char *name, const leat_sample *s, const char *context,
                  double v)
{
    leat_buf_printf(out, "%s{", name);
    if (context) {
        label(out, "plugin", s->k->source ? s->k->source->name : "");
        label(out, "name", s->prefix);
        label(out, "context", context);
    }
    label(out, "connector", s->k->name);
    leat_buf_printf(out, "} %.17g\n", v);
}

typedef struct metric {
    const char *name, *type, *help;
    enum { SOURCES, SINKS, ALL } of;
    const char *context;                 /* of Debezium's beans; NULL: it has none */
    double (*get)(const leat_sample *s); /* < 0: unknown, left out */
} metric;

static double behind(const leat_sample *s)
{
    return (double)s->behind_ms;
}
static double since(const leat_sample *s)
{
    return (double)s->since_ms;
}
static double seen(const leat_sample *s)
{
    return (double)(s->received + s->rows);
}
static double filtered(const leat_sample *s)
{
    return (double)s->filtered;
}
static double commits(const leat_sample *s)
{
    return (double)s->commits;
}
static double connected(const leat_sample *s)
{
    return strcmp(s->state, "RUNNING") == 0 || strcmp(s->state, "PAUSED") == 0;
}
static double appended(const leat_sample *s)
{
    return (double)s->appended;
}
static double rows(const leat_sample *s)
{
    return (double)s->rows;
}
static double dead(const leat_sample *s)
{
    return (double)(s->k->sink ? s->rejected : s->dead);
}
static double deduplicated(const leat_sample *s)
{
    return (double)s->deduplicated;
}
static double delivered(const leat_sample *s)
{
    return (double)s->delivered;
}
static double lag(const leat_sample *s)
{
    return (double)s->lag_bytes;
}
static double retained(const leat_sample *s)
{
    return (double)s->retained_bytes;
}
static double retained_limit(const leat_sample *s)
{
    return s->retained_limit > 0 ? (double)s->retained_limit : -1;
}
static double log_left(const leat_sample *s)
{
    if (!s->page || s->log_until_us <= 0) return -1;
    int64_t left = s->log_until_us - leat_now_us();
    return left > 0 ? (double)left / 1e6 : 0;
}
static double stream_bytes(const leat_sample *s)
{
    return (double)s->stream_bytes;
}
static double memory(const leat_sample *s)
{
    return (double)s->memory;
}
static double resident(const leat_sample *s)
{
    return s->pid ? (double)s->resident : -1;
}
static double cpu(const leat_sample *s)
{
    return s->cpu;
}
static double descriptors(const leat_sample *s)
{
    return (double)s->descriptors;
}
static double tasks(const leat_sample *s)
{
    return (double)s->tasks;
}
static double deaths(const leat_sample *s)
{
    return (double)s->deaths;
}
static double retries(const leat_sample *s)
{
    return (double)s->retries;
}

/* 0: none, 1: it runs, 2: it is done; -1: unknown. */
static int snapshot_of(const leat_sample *s)
{
    return s->page && s->k->page ? (int)atomic_load(&s->k->page->snapshot_state) : -1;
}
static double tables_all(const leat_sample *s)
{
    return snapshot_of(s) > 0 ? (double)atomic_load(&s->k->page->snapshot_tables) : -1;
}
static double tables_left(const leat_sample *s)
{
    if (snapshot_of(s) <= 0) return -1;
    return tables_all(s) - (double)atomic_load(&s->k->page->snapshot_tables_done);
}
static double snapshot_runs(const leat_sample *s)
{
    return snapshot_of(s) < 0 ? -1 : snapshot_of(s) == 1;
}
static double snapshot_done(const leat_sample *s)
{
    return snapshot_of(s) < 0 ? -1 : snapshot_of(s) == 2;
}
static double table_rows(const leat_sample *s)
{
    return snapshot_of(s) > 0 ? (double)atomic_load(&s->k->page->snapshot_rows) : -1;
}
static double table_total(const leat_sample *s)
{
    return snapshot_of(s) > 0 ? (double)atomic_load(&s->k->page->snapshot_total) : -1;
}
static double table_rate(const leat_sample *s)
{
    return snapshot_of(s) == 1 ? (double)atomic_load(&s->k->page->snapshot_rate) : -1;
}
static double table_left(const leat_sample *s)
{
    int64_t ms = snapshot_of(s) == 1 ? atomic_load(&s->k->page->snapshot_left_ms) : -1;
    return ms < 0 ? -1 : (double)ms / 1000;
}

#define STREAMING "streaming"
#define SNAPSHOT "snapshot"

static const metric metrics[] = {
    {"debezium_metrics_TotalTableCount", "gauge", "Tables of the snapshot.", SOURCES, SNAPSHOT,
     tables_all},
    {"debezium_metrics_RemainingTableCount", "gauge", "Tables of it that are not done.", SOURCES,
     SNAPSHOT, tables_left},
    {"debezium_metrics_SnapshotRunning", "gauge", "1: a snapshot runs.", SOURCES, SNAPSHOT,
     snapshot_runs},
    {"debezium_metrics_SnapshotCompleted", "gauge", "1: it is done.", SOURCES, SNAPSHOT,
     snapshot_done},
    {"leat_snapshot_rows", "gauge", "Rows that the snapshot has read of its tables.", SOURCES, NULL,
     table_rows},
    {"leat_snapshot_rows_expected", "gauge", "Rows that they have, as the server estimates.",
     SOURCES, NULL, table_total},
    {"leat_snapshot_rows_per_second", "gauge", "Rows a second.", SOURCES, NULL, table_rate},
    {"leat_snapshot_left_seconds", "gauge", "Until it is done, if it goes on so.", SOURCES, NULL,
     table_left},
    {"debezium_metrics_MilliSecondsBehindSource", "gauge",
     "From the commit of the newest event to when it was read.", SOURCES, STREAMING, behind},
    {"debezium_metrics_MilliSecondsSinceLastEvent", "gauge",
     "Since the commit of the newest event.", SOURCES, STREAMING, since},
    {"debezium_metrics_TotalNumberOfEventsSeen", "counter",
     "Changes received and snapshot rows appended since the process began.", SOURCES, STREAMING,
     seen},
    {"debezium_metrics_NumberOfEventsFiltered", "counter", "Changes that filters left out.",
     SOURCES, STREAMING, filtered},
    {"debezium_metrics_Connected", "gauge", "1: it runs or is paused.", SOURCES, STREAMING,
     connected},
    {"leat_connector_tasks", "gauge", "Tasks it has.", ALL, NULL, tasks},
    {"leat_connector_deaths", "gauge", "Ends of its process one after the other.", ALL, NULL,
     deaths},
    {"leat_events_appended_total", "counter", "Changes in the stream.", SOURCES, NULL, appended},
    {"leat_rows_appended_total", "counter", "Snapshot rows in the stream.", SOURCES, NULL, rows},
    {"leat_events_deduplicated_total", "counter", "Changes that were in the stream already.",
     SOURCES, NULL, deduplicated},
    {"leat_events_delivered_total", "counter", "Changes that a sink has delivered.", SINKS, NULL,
     delivered},
    {"leat_dead_letters_total", "counter", "Changes that could not be handled.", ALL, NULL, dead},
    {"leat_stream_syncs_total", "counter", "Syncs of the stream.", SOURCES, NULL, commits},
    {"leat_retries_total", "counter", "Attempts after a failure.", ALL, NULL, retries},
    {"leat_source_lag_bytes", "gauge", "Log beyond the acknowledged position.", SOURCES, NULL, lag},
    {"leat_source_retained_bytes", "gauge", "Log that the server keeps for it.", SOURCES, NULL,
     retained},
    {"leat_source_retained_limit_bytes", "gauge", "Of those, above which it gives up on it.",
     SOURCES, NULL, retained_limit},
    {"leat_source_log_left_seconds", "gauge",
     "Until the server may remove log that was not read, for its age.", SOURCES, NULL, log_left},
    {"leat_stream_bytes", "gauge", "Bytes of the embedded stream.", SOURCES, NULL, stream_bytes},
    {"leat_event_memory_bytes", "gauge", "Held for events.", ALL, NULL, memory},
    {"leat_process_resident_memory_bytes", "gauge", "Resident memory of its process.", ALL, NULL,
     resident},
    {"leat_process_cpu_seconds_total", "counter", "Processor time of its process.", ALL, NULL, cpu},
    {"leat_process_open_fds", "gauge", "Open descriptors of its process.", ALL, NULL, descriptors},
};

static void write_metric(const metric *m, const leat_sample *all, size_t n, leat_buf *out)
{
    family(out, m->name, m->type, m->help);
    for (size_t i = 0; i < n; i++) {
        bool of =
            m->of == ALL || (m->of == SINKS ? all[i].k->sink != NULL : all[i].k->source != NULL);
        double v = of ? m->get(&all[i]) : -1;
        if (of && v >= 0) value(out, m->name, &all[i], m->context, v);
    }
}

static double of_page(const leat_sample *s, const _Atomic uint64_t *word)
{
    return s->page && s->pid ? (double)atomic_load(word) : -1;
}
static double queue_most(const leat_sample *s)
{
    return s->page ? of_page(s, &s->k->page->queue_most) : -1;
}
static double queue_left(const leat_sample *s)
{
    return s->page ? queue_most(s) - of_page(s, &s->k->page->queue_events) : -1;
}
static double queue_bytes(const leat_sample *s)
{
    return s->page ? of_page(s, &s->k->page->memory_bytes) : -1;
}
static double queue_most_bytes(const leat_sample *s)
{
    return s->page && s->pid ? (double)atomic_load(&s->k->page->limits[3]) : -1;
}
static const metric more_metrics[] = {
    {"debezium_metrics_NumberOfErroneousEvents", "counter", "Changes that could not be handled.",
     SOURCES, STREAMING, dead},
    {"debezium_metrics_QueueTotalCapacity", "gauge", "Events that batches have room for.", SOURCES,
     STREAMING, queue_most},
    {"debezium_metrics_QueueRemainingCapacity", "gauge",
     "Events that there is room for beside those that wait for the stream.", SOURCES, STREAMING,
     queue_left},
    {"debezium_metrics_CurrentQueueSizeInBytes", "gauge", "Held for events.", SOURCES, STREAMING,
     queue_bytes},
    {"debezium_metrics_MaxQueueSizeInBytes", "gauge", "limits.memory.", SOURCES, STREAMING,
     queue_most_bytes},
};

/* Limits, and how long each has held its connector. */
static void write_limits(const leat_sample *all, size_t n, leat_buf *out)
{
    static const char *const names[LEAT_LIMITS] = {"limits.rate.events",  "limits.rate.bytes",
                                                   "limits.cpu",          "limits.memory",
                                                   "limits.stream.bytes", "limits.spool.bytes"};
    for (int waited = 0; waited < 2; waited++) {
        const char *family_name = waited ? "leat_throttled_seconds_total" : "leat_limit";
        family(out, family_name, waited ? "counter" : "gauge",
               waited ? "How long a limit has held it, since its process began."
                      : "What it may take at most: events and bytes a second, percent of a core, "
                        "bytes.");
        for (size_t i = 0; i < n; i++) {
            for (unsigned k = 0; k < (waited ? LEAT_LIMIT_RATES : LEAT_LIMITS); k++) {
                const leat_page *p = all[i].k->page;
                int64_t limit = p && all[i].pid ? atomic_load(&p->limits[k]) : 0;
                if (limit == 0) continue;
                leat_buf_printf(out, "%s{", family_name);
                label(out, "connector", all[i].k->name);
                label(out, "type", leat_hub_type(all[i].k));
                label(out, "limit", names[k]);
                leat_buf_printf(out, "} %.17g\n",
                                waited ? (double)atomic_load(&p->throttled_us[k]) / 1e6
                                       : (double)limit);
            }
        }
    }
}

/* The ledger table by table: of a source what became of the changes of each table, and of the rows
 * that snapshots read of it, of a sink of the events of each topic. Bounded by the files' rows. */
typedef struct outcome {
    const char *name;
    size_t word; /* of leat_counts */
} outcome;
#define OUTCOME(name, member)                                                                      \
    {                                                                                              \
        name, offsetof(leat_counts, member) / sizeof(uint64_t)                                     \
    }

static const outcome of_tables[] = {
    OUTCOME("received", received),           OUTCOME("appended", appended),
    OUTCOME("filtered", filtered),           OUTCOME("dead", dead),
    OUTCOME("deduplicated", deduplicated),   OUTCOME("rows_read", rows_read),
    OUTCOME("rows_appended", rows_appended), OUTCOME("rows_superseded", rows_superseded),
    OUTCOME("rows_dead", rows_dead),         {0}};
static const outcome of_topics[] = {OUTCOME("read", received),
                                    OUTCOME("delivered", appended),
                                    OUTCOME("filtered", filtered),
                                    OUTCOME("dead", dead),
                                    {0}};

static void write_row(const char *called, const char *connector, const char *by,
                      const leat_tables_row *row, const outcome *outcomes, leat_buf *out)
{
    for (const outcome *o = outcomes; o->name; o++) {
        uint64_t n = ((const uint64_t *)&row->counts)[o->word];
        if (n == 0) continue;
        leat_buf_printf(out, "%s{", called);
        label(out, "connector", connector);
        label(out, by, row->table);
        label(out, "outcome", o->name);
        leat_buf_printf(out, "} %" PRIu64 "\n", n);
    }
}

static void write_ledger(const leat_hub *h, const leat_sample *all, size_t n, bool sinks,
                         leat_buf *out)
{
    const char *called = sinks ? "leat_topic_events_total" : "leat_table_changes_total";
    family(out, called, "counter",
           sinks ? "What became of the events of each topic; without a name: of the others."
                 : "What became of the changes of each table; without a name: of the others.");
    for (size_t i = 0; i < n; i++) {
        leat_arena a = {0};
        leat_tables_view v;
        const char *name = all[i].k->name;
        char *path =
            leat_arena_printf(&a, "%s/connectors/%s/" LEAT_TABLES_FILE, h->conf.data, name);
        bool read = (all[i].k->sink != NULL) == sinks &&
                    leat_tables_read(path, &a, &v, NULL) == LEAT_OK && v.sink == sinks;
        for (size_t k = 0; read && k < v.n; k++)
            write_row(called, name, sinks ? "topic" : "table", &v.rows[k],
                      sinks ? of_topics : of_tables, out);
        leat_arena_free(&a);
    }
}

/* With the stage that blocks, if there is one. */
static void write_stalled(const leat_sample *all, size_t n, leat_buf *out)
{
    family(out, "leat_connector_stalled", "gauge",
           "1: it should go on and does not; the label stage says what blocks, `leat why` more.");
    for (size_t i = 0; i < n; i++) {
        const char *stage = leat_stage_name(leat_sample_stage(&all[i]));
        leat_buf_str_z(out, "leat_connector_stalled{");
        label(out, "connector", all[i].k->name);
        label(out, "type", leat_hub_type(all[i].k));
        label(out, "stage", stage ? stage : "");
        leat_buf_printf(out, "} %d\n", stage != NULL);
    }
}

static void write_states(const leat_sample *all, size_t n, leat_buf *out)
{
    static const char *const states[] = {"RUNNING",    "PAUSED",  "FAILED",
                                         "RESTARTING", "STOPPED", "UNASSIGNED"};
    family(out, "leat_connector_state", "gauge", "1 for the state that it is in.");
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < sizeof states / sizeof *states; k++) {
            leat_buf_str_z(out, "leat_connector_state{");
            label(out, "connector", all[i].k->name);
            label(out, "type", leat_hub_type(all[i].k));
            label(out, "state", states[k]);
            leat_buf_printf(out, "} %d\n", strcmp(all[i].state, states[k]) == 0);
        }
    }
}

void leat_hub_get_metrics(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_sample *all, own = {.pid = getpid()};
    size_t n = leat_sample_take(h, true, &c->a, &all);
    c->type = "text/plain; version=0.0.4; charset=utf-8";
    family(&c->out, "leat_hub_connectors", "gauge", "Connectors of this hub.");
    leat_buf_printf(&c->out, "leat_hub_connectors %zu\n", n);
    write_states(all, n, &c->out);
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        write_metric(&metrics[i], all, n, &c->out);
    for (size_t i = 0; i < sizeof more_metrics / sizeof *more_metrics; i++)
        write_metric(&more_metrics[i], all, n, &c->out);
    write_stalled(all, n, &c->out);
    write_limits(all, n, &c->out);
    write_ledger(h, all, n, false, &c->out);
    write_ledger(h, all, n, true, &c->out);
    leat_sample_process(&own);
    family(&c->out, "process_resident_memory_bytes", "gauge", "Resident memory of the hub.");
    leat_buf_printf(&c->out, "process_resident_memory_bytes %zu\n", leat_os_resident());
    family(&c->out, "process_cpu_seconds_total", "counter", "Processor time of the hub.");
    leat_buf_printf(&c->out, "process_cpu_seconds_total %.17g\n", own.cpu);
    family(&c->out, "process_open_fds", "gauge", "Open descriptors of the hub.");
    leat_buf_printf(&c->out, "process_open_fds %" PRId64 "\n", leat_os_descriptors());
    family(&c->out, "process_start_time_seconds", "gauge", "When the hub began, since 1970.");
    leat_buf_printf(&c->out, "process_start_time_seconds %" PRId64 "\n", h->begun_us / 1000000);
}

/* ---- for the page ---- */

void leat_hub_get_counters(void *hub, leat_http_call *c)
{
    leat_sample *all;
    leat_jw w = {.out = &c->out};
    size_t n = leat_sample_take(hub, false, &c->a, &all);
    leat_jw_object(&w, NULL);
    for (size_t i = 0; i < n; i++) {
        const leat_sample *s = &all[i];
        leat_jw_object(&w, s->k->name);
        leat_jw_z(&w, "type", leat_hub_type(s->k));
        leat_jw_z(&w, "class", s->k->klass);
        leat_jw_z(&w, "state", s->state);
        leat_jw_z(&w, "condition", s->condition);
        leat_jw_z(&w, "stage", leat_stage_name(leat_sample_stage(s)));
        leat_jw_i64(&w, "tasks", s->tasks);
        leat_jw_i64(&w, "pid", s->pid);
        leat_jw_i64(&w, "received", (int64_t)s->received);
        leat_jw_i64(&w, "appended", (int64_t)(s->appended + s->rows));
        leat_jw_i64(&w, "delivered", (int64_t)s->delivered);
        leat_jw_i64(&w, "dead", (int64_t)dead(s));
        leat_jw_i64(&w, "lag_bytes", s->page ? s->lag_bytes : -1);
        leat_jw_i64(&w, "milliseconds_behind_source", s->page ? s->behind_ms : -1);
        leat_jw_i64(&w, "resident_bytes", s->pid ? (int64_t)s->resident : 0);
        leat_jw_end(&w);
    }
    leat_jw_end(&w);
}
