/* Samples of all connectors: counters pages, the supervisor, /proc. Any thread. */
#include "hub/sample.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"
#include "stream/kafka/kafka.h"
#include "stream/page.h"

static void read_page(const leat_page *p, leat_sample *s)
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
    s->descriptors = atomic_load(&p->descriptors);
    s->lag_bytes = atomic_load(&p->lag_bytes);
    s->retained_bytes = atomic_load(&p->retained_bytes);
    s->retained_limit = atomic_load(&p->retained_limit) - 1;
    s->log_until_us = atomic_load(&p->log_until_us) - 1;
    s->log_expires_us = atomic_load(&p->log_expires_us) - 1;
    s->log_removed = atomic_load(&p->log_removed) != 0;
    int64_t last = atomic_load(&p->last_event_us), seen = atomic_load(&p->last_seen_us);
    s->behind_ms = last && seen ? (seen > last ? (seen - last) / 1000 : 0) : -1;
    s->since_ms = last ? (leat_now_us() - last) / 1000 : -1;
}

/* Of one that Kafka Connect calls RUNNING. */
static const char *condition_of(const leat_sample *s)
{
    const leat_page *p = s->k->page;
    if (strcmp(s->state, "RUNNING") != 0 || !p) return s->state;
    uint32_t state = atomic_load(&p->state), delivery = atomic_load(&p->delivery);
    if (state == LEAT_RUN_STALLED || leat_page_silent(p) > 0) return "STALLED";
    if (state == LEAT_RUN_RETRYING) return "RESTARTING";
    if (delivery == LEAT_KAFKA_SPOOL + 1 || delivery == LEAT_KAFKA_DRAIN + 1) return "SPOOLING";
    if (atomic_load(&p->throttled_by) != 0) return "THROTTLED";
    return state == LEAT_RUN_SNAPSHOT ? "SNAPSHOTTING" : s->state;
}

/* Fields 14 and 15 of /proc/PID/stat, after the name in parentheses. */
void leat_sample_process(leat_sample *s)
{
    char path[64];
    leat_buf text = {0};
    uint64_t user = 0, system = 0;
    s->cpu = -1;
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
}

leat_stage leat_sample_stage(const leat_sample *s)
{
    const leat_page *p = s->k->page;
    if (strcmp(s->condition, "STALLED") != 0) return LEAT_STAGE_NONE;
    return leat_page_silent(p) > 0 ? LEAT_STAGE_PROCESS : (leat_stage)atomic_load(&p->stage);
}

size_t leat_sample_take(leat_hub *h, bool processes, leat_arena *a, leat_sample **out)
{
    leat_hub_connector *all;
    size_t n = leat_hub_all(h, a, &all);
    *out = LEAT_NEW(a, leat_sample, n + 1);
    for (size_t i = 0; i < n; i++) {
        leat_sample *s = *out + i;
        leat_child_state cs = {0};
        s->k = &all[i];
        s->state = leat_hub_state(h, s->k, a, &s->tasks, &s->trace);
        s->prefix = leat_props_get(&s->k->config->props, "topic.prefix");
        leat_supervisor_look(h->supervisor, s->k->name, &cs);
        s->pid = cs.pid;
        s->deaths = cs.deaths;
        if (s->k->page) read_page(s->k->page, s);
        s->condition = condition_of(s);
        if (processes) leat_sample_process(s);
    }
    return n;
}
