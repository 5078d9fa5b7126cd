/* Counters of all connectors, from their pages: for Prometheus (text format 0.0.4) and for the
 * page.
 *
 * Reading a page is reading memory: no connector is asked, none can hold this up. The names are
 * those that the usual rules of the JMX exporter make of Debezium's beans, with their labels
 * (plugin, name = topic.prefix, context) and "connector" beside them; what Debezium does not have
 * begins with leat_. Processes are read from /proc. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"
#include "hub/inside.h"
#include "stream/page.h"

/* What a page and /proc tell of one. */
typedef struct sample {
    const leat_hub_connector *k;
    const char *state, *prefix;
    unsigned tasks, deaths;
    int pid;
    bool page; /* there is one: what follows is known */
    uint64_t received, appended, filtered, dead, deduplicated, rows, commits, retries, delivered,
        rejected, stream_bytes, memory, resident;
    int64_t lag_bytes, retained_bytes, behind_ms, since_ms; /* -1: unknown */
    uint32_t snapshot, tables, tables_done; /* snapshot: 0 none, 1 running, 2 done */
    uint64_t table_rows;
    int64_t table_total, table_rate, table_left_ms; /* -1: unknown */
    double cpu;                                     /* seconds; < 0: unknown */
    int64_t descriptors;
} sample;

static void read_page(const leat_page *p, sample *s)
{
    s->page = true;
    s->received = atomic_load(&p->received);
    s->appended = atomic_load(&p->appended);
    s->filtered = atomic_load(&p->filtered);
    s->dead = atomic_load(&p->dead);
    s->deduplicated = atomic_load(&p->deduplicated);
    s->rows = atomic_load(&p->rows_appended);
    s->commits = atomic_load(&p->commits);
    s->retries = atomic_load(&p->retries);
    s->delivered = atomic_load(&p->delivered);
    s->rejected = atomic_load(&p->sink_rejected);
    s->stream_bytes = atomic_load(&p->stream_bytes);
    s->memory = atomic_load(&p->memory_bytes);
    s->resident = atomic_load(&p->resident_bytes);
    s->lag_bytes = atomic_load(&p->lag_bytes);
    s->retained_bytes = atomic_load(&p->retained_bytes);
    s->snapshot = atomic_load(&p->snapshot_state);
    s->tables = atomic_load(&p->snapshot_tables);
    s->tables_done = atomic_load(&p->snapshot_tables_done);
    s->table_rows = atomic_load(&p->snapshot_rows);
    s->table_total = atomic_load(&p->snapshot_total);
    s->table_rate = atomic_load(&p->snapshot_rate);
    s->table_left_ms = atomic_load(&p->snapshot_left_ms);
    int64_t last = atomic_load(&p->last_event_us), seen = atomic_load(&p->last_seen_us);
    s->behind_ms = last && seen ? (seen > last ? (seen - last) / 1000 : 0) : -1;
    s->since_ms = last ? (leat_now_us() - last) / 1000 : -1;
}

static bool count_one(void *arg, const char *name)
{
    (void)name;
    ++*(int64_t *)arg;
    return true;
}

/* Fields 14 and 15 of /proc/PID/stat, after the name in parentheses. */
static void read_process(sample *s)
{
    char path[64];
    leat_buf text = {0};
    uint64_t user = 0, system = 0;
    s->cpu = -1;
    s->descriptors = -1;
    if (s->pid == 0) return;
    snprintf(path, sizeof path, "/proc/%d/stat", s->pid);
    if (leat_os_load(path, &text, 4096) == 0) {
        leat_buf_u8(&text, 0);
        const char *at = strrchr(text.p, ')');
        if (at &&
            sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
                   &user, &system) == 2)
            s->cpu = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    }
    leat_buf_free(&text);
    int64_t n = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", s->pid);
    if (leat_os_now()->list(path, count_one, &n) == 0) s->descriptors = n;
}

static size_t take(leat_hub *h, leat_arena *a, sample **out)
{
    leat_hub_connector *all;
    size_t n = leat_hub_all(h, a, &all);
    *out = LEAT_NEW(a, sample, n + 1);
    for (size_t i = 0; i < n; i++) {
        sample *s = *out + i;
        leat_child_state cs = {0};
        leat_page *page = NULL;
        const char *trace;
        s->k = &all[i];
        s->state = leat_hub_state(h, s->k, a, &s->tasks, &trace);
        s->prefix = leat_props_get(&s->k->config->props, "topic.prefix");
        leat_supervisor_look(h->supervisor, s->k->name, &cs);
        s->pid = cs.pid;
        s->deaths = cs.deaths;
        char *path = leat_arena_printf(a, "%s/connectors/%s/counters", h->conf.data, s->k->name);
        if (leat_page_open(path, &page, NULL) == LEAT_OK) {
            read_page(page, s);
            leat_page_close(page);
        }
        read_process(s);
    }
    return n;
}

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

static void value(leat_buf *out, const char *name, const sample *s, const char *context, double v)
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
    const char *context;            /* of Debezium's beans; NULL: it has none */
    double (*get)(const sample *s); /* < 0: unknown, left out */
} metric;

static double behind(const sample *s)
{
    return (double)s->behind_ms;
}
static double since(const sample *s)
{
    return (double)s->since_ms;
}
static double seen(const sample *s)
{
    return (double)(s->received + s->rows);
}
static double filtered(const sample *s)
{
    return (double)s->filtered;
}
static double commits(const sample *s)
{
    return (double)s->commits;
}
static double connected(const sample *s)
{
    return strcmp(s->state, "RUNNING") == 0 || strcmp(s->state, "PAUSED") == 0;
}
static double appended(const sample *s)
{
    return (double)s->appended;
}
static double rows(const sample *s)
{
    return (double)s->rows;
}
static double dead(const sample *s)
{
    return (double)(s->k->sink ? s->rejected : s->dead);
}
static double deduplicated(const sample *s)
{
    return (double)s->deduplicated;
}
static double delivered(const sample *s)
{
    return (double)s->delivered;
}
static double lag(const sample *s)
{
    return (double)s->lag_bytes;
}
static double retained(const sample *s)
{
    return (double)s->retained_bytes;
}
static double stream_bytes(const sample *s)
{
    return (double)s->stream_bytes;
}
static double memory(const sample *s)
{
    return (double)s->memory;
}
static double resident(const sample *s)
{
    return s->pid ? (double)s->resident : -1;
}
static double cpu(const sample *s)
{
    return s->cpu;
}
static double descriptors(const sample *s)
{
    return (double)s->descriptors;
}
static double tasks(const sample *s)
{
    return (double)s->tasks;
}
static double deaths(const sample *s)
{
    return (double)s->deaths;
}
static double retries(const sample *s)
{
    return (double)s->retries;
}

static double tables_all(const sample *s)
{
    return s->snapshot ? (double)s->tables : -1;
}
static double tables_left(const sample *s)
{
    return s->snapshot ? (double)(s->tables - s->tables_done) : -1;
}
static double snapshot_runs(const sample *s)
{
    return s->page ? s->snapshot == 1 : -1;
}
static double snapshot_done(const sample *s)
{
    return s->page ? s->snapshot == 2 : -1;
}
static double table_rows(const sample *s)
{
    return s->snapshot ? (double)s->table_rows : -1;
}
static double table_total(const sample *s)
{
    return s->snapshot ? (double)s->table_total : -1;
}
static double table_rate(const sample *s)
{
    return s->snapshot == 1 ? (double)s->table_rate : -1;
}
static double table_left(const sample *s)
{
    return s->snapshot == 1 && s->table_left_ms >= 0 ? (double)s->table_left_ms / 1000 : -1;
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
    {"leat_stream_bytes", "gauge", "Bytes of the embedded stream.", SOURCES, NULL, stream_bytes},
    {"leat_event_memory_bytes", "gauge", "Held for events.", ALL, NULL, memory},
    {"leat_process_resident_memory_bytes", "gauge", "Resident memory of its process.", ALL, NULL,
     resident},
    {"leat_process_cpu_seconds_total", "counter", "Processor time of its process.", ALL, NULL, cpu},
    {"leat_process_open_fds", "gauge", "Open descriptors of its process.", ALL, NULL, descriptors},
};

static void write_metric(const metric *m, const sample *all, size_t n, leat_buf *out)
{
    family(out, m->name, m->type, m->help);
    for (size_t i = 0; i < n; i++) {
        bool of =
            m->of == ALL || (m->of == SINKS ? all[i].k->sink != NULL : all[i].k->source != NULL);
        double v = of ? m->get(&all[i]) : -1;
        if (of && v >= 0) value(out, m->name, &all[i], m->context, v);
    }
}

static void write_states(const sample *all, size_t n, leat_buf *out)
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
    sample *all, own = {.pid = getpid()};
    size_t n = take(h, &c->a, &all);
    c->type = "text/plain; version=0.0.4; charset=utf-8";
    family(&c->out, "leat_hub_connectors", "gauge", "Connectors of this hub.");
    leat_buf_printf(&c->out, "leat_hub_connectors %zu\n", n);
    write_states(all, n, &c->out);
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        write_metric(&metrics[i], all, n, &c->out);
    read_process(&own);
    family(&c->out, "process_resident_memory_bytes", "gauge", "Resident memory of the hub.");
    leat_buf_printf(&c->out, "process_resident_memory_bytes %zu\n", leat_os_resident());
    family(&c->out, "process_cpu_seconds_total", "counter", "Processor time of the hub.");
    leat_buf_printf(&c->out, "process_cpu_seconds_total %.17g\n", own.cpu);
    family(&c->out, "process_open_fds", "gauge", "Open descriptors of the hub.");
    leat_buf_printf(&c->out, "process_open_fds %" PRId64 "\n", own.descriptors);
    family(&c->out, "process_start_time_seconds", "gauge", "When the hub began, since 1970.");
    leat_buf_printf(&c->out, "process_start_time_seconds %" PRId64 "\n", h->begun_us / 1000000);
}

/* ---- for the page ---- */

void leat_hub_get_counters(void *hub, leat_http_call *c)
{
    sample *all;
    leat_jw w = {.out = &c->out};
    size_t n = take(hub, &c->a, &all);
    leat_jw_object(&w, NULL);
    for (size_t i = 0; i < n; i++) {
        const sample *s = &all[i];
        leat_jw_object(&w, s->k->name);
        leat_jw_z(&w, "type", leat_hub_type(s->k));
        leat_jw_z(&w, "class", s->k->klass);
        leat_jw_z(&w, "state", s->state);
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
