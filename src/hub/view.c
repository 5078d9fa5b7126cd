/* What is told about connectors: GET of /connectors and below.
 *
 * The state of one comes from the supervisor (whether it has a process) and from its counters page,
 * which costs nothing to read; its control socket is asked only where that is not enough: several
 * tasks, or an error to show. */
#include <inttypes.h>
#include <stdio.h>

#include "config/seal.h"
#include "engine/control.h"
#include "engine/look.h"
#include "engine/setup.h"
#include "engine/stall.h"
#include "hub/inside.h"
#include "stream/page.h"
#include "stream/stream.h"

static bool need(leat_hub *h, leat_http_call *c, const char *before, const char *after,
                 leat_hub_connector *out)
{
    if (leat_hub_find(h, c->param[0], &c->a, out)) return true;
    leat_hub_missing(c, before, after);
    return false;
}

/* ---- for all endpoints ---- */

const char *leat_hub_type(const leat_hub_connector *k)
{
    return k->source ? "source" : k->sink ? "sink" : "unknown";
}

leat_str leat_hub_request(const char *verb, leat_arena *a)
{
    return leat_str_of(leat_arena_printf(a, "{\"verb\":\"%s\",\"by\":\"REST\"}", verb));
}

void leat_hub_missing(leat_http_call *c, const char *before, const char *after)
{
    leat_http_fail(c, 404, "%s%.*s%s", before, LEAT_STR_ARG(c->param[0]), after);
}

void leat_hub_fail(leat_http_call *c, const leat_err *err)
{
    int status = err->rc == LEAT_CONF ? 400 : err->rc == LEAT_RETRY ? 503 : 500;
    leat_http_fail(c, status, "%s%s%s [%s]", err->where, *err->where ? ": " : "", err->msg,
                   err->code);
}

bool leat_hub_need(leat_hub *h, leat_http_call *c, leat_hub_connector *k)
{
    if (leat_hub_find(h, c->param[0], &c->a, k)) return true;
    leat_hub_missing(c, "there is no connector ", "");
    return false;
}

bool leat_hub_number(leat_http_call *c, const char *name, int64_t least, int64_t most, int64_t *out)
{
    leat_str v = leat_http_query(c, name);
    if (!v.s || (leat_str_i64(v, out) && *out >= least && *out <= most)) return true;
    leat_http_fail(c, 400, "%s: expected a number from %" PRId64 " to %" PRId64 ", got \"%.*s\"",
                   name, least, most, LEAT_STR_ARG(v));
    return false;
}

/* ---- configuration ---- */

leat_opt_tables leat_hub_tables(const leat_hub_connector *k)
{
    return k->source ? k->source->options : k->sink ? k->sink->options : NULL;
}

void leat_hub_write_members(const leat_hub_connector *k, leat_jw *w)
{
    leat_opt_tables tables = leat_hub_tables(k);
    for (const leat_prop *p = k->config->props.first; p; p = p->next)
        leat_jw_z(w, p->name,
                  leat_config_secret(tables, p->name, p->value) ? LEAT_HUB_MASK : p->value);
}

void leat_hub_write_info(const leat_hub_connector *k, unsigned tasks, const char *name, leat_jw *w)
{
    leat_jw_object(w, name);
    leat_jw_z(w, "name", k->name);
    leat_jw_raw(w, "config", k->shown);
    leat_jw_array(w, "tasks");
    for (unsigned i = 0; i < tasks; i++) {
        leat_jw_object(w, NULL);
        leat_jw_z(w, "connector", k->name);
        leat_jw_i64(w, "task", i);
        leat_jw_end(w);
    }
    leat_jw_end(w);
    leat_jw_z(w, "type", leat_hub_type(k));
    leat_jw_end(w);
}

/* ---- state ---- */

/* The state that the process shows on its page. */
static leat_run_state shown(const leat_hub_connector *k, int pid)
{
    const leat_page *page = k->page;
    if (!page || atomic_load(&page->pid) != pid || atomic_load(&page->state) == LEAT_RUN_NONE)
        return LEAT_RUN_STARTING;
    return (leat_run_state)atomic_load(&page->state);
}

/* The error of a status, else that of its stream, and how many tasks it tells of (none: left as it
 * is). */
static const char *detail(const leat_hub *h, const char *name, leat_arena *a, unsigned *tasks)
{
    leat_buf text = {0};
    leat_err err;
    const leat_json *j = NULL;
    leat_look_status(h->conf.data, name, a, &text, &err);
    leat_json_parse(a, leat_arena_str(a, leat_buf_str(&text)), &j, &err);
    leat_buf_free(&text);
    const leat_json *error = leat_json_get(j, "error"), *list = leat_json_get(j, "tasks");
    unsigned n = 0;
    for (const leat_json *t = list ? list->child : NULL; t; t = t->next) n++;
    if (n > 0) *tasks = n;
    if (!error || error->type != LEAT_JSON_OBJECT)
        error = leat_json_get(leat_json_get(j, "delivery"), "error");
    if (!error || error->type != LEAT_JSON_OBJECT) return NULL;
    leat_str where = leat_json_get_str(error, "where");
    return leat_arena_printf(a, "%.*s: %.*s%s%.*s", LEAT_STR_ARG(leat_json_get_str(error, "code")),
                             LEAT_STR_ARG(where), where.len ? ": " : "",
                             LEAT_STR_ARG(leat_json_get_str(error, "message")));
}

static const char *said(const leat_err *err, leat_arena *a)
{
    return leat_arena_printf(a, "%s: %s%s%s", err->code, err->where, *err->where ? ": " : "",
                             err->msg);
}

/* Its process answers nobody; it is not asked, which would take long. */
static const char *silent(const leat_hub_connector *k, leat_arena *a)
{
    leat_err err;
    leat_stall_silent(atomic_load(&k->page->pid), leat_page_silent(k->page), k->name, &err);
    return said(&err, a);
}

/* Of one without a process. */
static const char *state_of_ended(leat_hub *h, const leat_hub_connector *k,
                                  const leat_child_state *cs, leat_arena *a, unsigned *tasks,
                                  const char **trace)
{
    if (cs->ended && cs->status == LEAT_CHILD_DONE) {
        *tasks = 0;
        return "STOPPED";
    }
    leat_err err;
    leat_look_end(h->conf.data, k->name, k->page, a, &err);
    if (leat_rc_failed(err.rc)) *trace = said(&err, a);
    if (cs->ended) return "FAILED";
    if (cs->deaths > 0)
        *trace = leat_arena_printf(a,
                                   "%s; its process has ended %u times in a row and is started "
                                   "again in %lld ms",
                                   *trace ? *trace : "process.died", cs->deaths,
                                   (long long)cs->restart_ms);
    return cs->deaths > 0 ? "RESTARTING" : "UNASSIGNED";
}

const char *leat_hub_state(leat_hub *h, const leat_hub_connector *k, leat_arena *a, unsigned *tasks,
                           const char **trace)
{
    leat_child_state cs;
    *trace = NULL;
    *tasks = 1;
    bool known = leat_supervisor_look(h->supervisor, k->name, &cs);
    if (k->stopped) {
        *tasks = 0;
        return "STOPPED";
    }
    if (!known) return "UNASSIGNED";
    if (cs.pid == 0) return state_of_ended(h, k, &cs, a, tasks, trace);
    leat_run_state state = shown(k, cs.pid);
    bool away =
        k->page && atomic_load(&k->page->pid) == cs.pid && atomic_load(&k->page->trouble_us) != 0;
    bool troubled = away || state == LEAT_RUN_RETRYING || state == LEAT_RUN_STALLED;
    if (k->page && leat_page_silent(k->page) > 0)
        *trace = silent(k, a);
    else if (k->splits || troubled)
        *trace = detail(h, k->name, a, tasks);
    if (cs.stopping) return "RESTARTING";
    switch (state) {
    case LEAT_RUN_SNAPSHOT:
    case LEAT_RUN_RUNNING:
    case LEAT_RUN_RETRYING:
    case LEAT_RUN_STALLED: return "RUNNING";
    case LEAT_RUN_PAUSED: return "PAUSED";
    default: return "UNASSIGNED";
    }
}

static void write_state(const leat_hub *h, const leat_hub_connector *k, const char *state,
                        const char *trace, leat_jw *w)
{
    leat_jw_z(w, "state", state);
    leat_jw_z(w, "worker_id", h->worker);
    if (trace) leat_jw_z(w, "trace", trace);
    leat_jw_z(w, "version", k->source && k->source->version ? k->source->version : LEAT_VERSION);
}

static void write_task_state(const leat_hub *h, const leat_hub_connector *k, unsigned id,
                             const char *state, const char *trace, const char *name, leat_jw *w)
{
    leat_jw_object(w, name);
    leat_jw_i64(w, "id", id);
    write_state(h, k, state, trace, w);
    leat_jw_end(w);
}

unsigned leat_hub_write_status(leat_hub *h, const leat_hub_connector *k, const char *restarting,
                               const char *name, leat_jw *w)
{
    leat_arena a = {0};
    unsigned tasks;
    const char *trace, *state = leat_hub_state(h, k, &a, &tasks, &trace);
    if (restarting) state = restarting;
    leat_jw_object(w, name);
    leat_jw_z(w, "name", k->name);
    leat_jw_object(w, "connector");
    write_state(h, k, state, trace, w);
    leat_jw_end(w);
    leat_jw_array(w, "tasks");
    for (unsigned i = 0; i < tasks; i++) write_task_state(h, k, i, state, trace, NULL, w);
    leat_jw_end(w);
    leat_jw_z(w, "type", leat_hub_type(k));
    leat_jw_end(w);
    leat_arena_free(&a);
    return tasks;
}

static unsigned count_tasks(leat_hub *h, const leat_hub_connector *k, leat_arena *a)
{
    unsigned tasks;
    const char *trace;
    leat_hub_state(h, k, a, &tasks, &trace);
    return tasks;
}

/* ---- endpoints ---- */

static bool expands(const leat_http_call *c, const char *what)
{
    for (const leat_http_pair *p = c->query; p; p = p->next)
        if (leat_str_is(p->name, "expand") && leat_str_is(p->value, what)) return true;
    return false;
}

void leat_hub_get_connectors(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_connector *all;
    leat_jw w = {.out = &c->out};
    bool status = expands(c, "status"), info = expands(c, "info");
    bool list =
        !leat_http_query(c, "expand").s; /* an unknown word adds nothing to each, as there */
    size_t n = leat_hub_all(h, &c->a, &all);
    if (list)
        leat_jw_array(&w, NULL);
    else
        leat_jw_object(&w, NULL);
    for (size_t i = 0; i < n; i++) {
        if (list) {
            leat_jw_z(&w, NULL, all[i].name);
            continue;
        }
        leat_jw_object(&w, all[i].name);
        unsigned tasks = status ? leat_hub_write_status(h, &all[i], NULL, "status", &w)
                                : count_tasks(h, &all[i], &c->a);
        if (info) leat_hub_write_info(&all[i], tasks, "info", &w);
        leat_jw_end(&w);
    }
    leat_jw_end(&w);
}

void leat_hub_get_connector(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_connector k;
    leat_jw w = {.out = &c->out};
    if (need(h, c, "Connector ", " not found", &k))
        leat_hub_write_info(&k, count_tasks(h, &k, &c->a), NULL, &w);
}

void leat_hub_get_config(void *hub, leat_http_call *c)
{
    leat_hub_connector k;
    leat_jw w = {.out = &c->out};
    if (need(hub, c, "Connector ", " not found", &k)) leat_jw_raw(&w, NULL, k.shown);
}

void leat_hub_get_status(void *hub, leat_http_call *c)
{
    leat_hub_connector k;
    leat_jw w = {.out = &c->out};
    if (need(hub, c, "No status found for connector ", "", &k))
        leat_hub_write_status(hub, &k, NULL, NULL, &w);
}

void leat_hub_get_tasks(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_connector k;
    leat_jw w = {.out = &c->out};
    if (!need(h, c, "Connector ", " not found", &k)) return;
    unsigned tasks = count_tasks(h, &k, &c->a);
    leat_jw_array(&w, NULL);
    for (unsigned i = 0; i < tasks; i++) {
        leat_jw_object(&w, NULL);
        leat_jw_object(&w, "id");
        leat_jw_z(&w, "connector", k.name);
        leat_jw_i64(&w, "task", i);
        leat_jw_end(&w);
        leat_jw_object(&w, "config");
        leat_hub_write_members(&k, &w);
        leat_jw_z(&w, "task.class", leat_arena_printf(&c->a, "%sTask", k.klass));
        leat_jw_end(&w);
        leat_jw_end(&w);
    }
    leat_jw_end(&w);
}

void leat_hub_get_task_status(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_connector k;
    leat_jw w = {.out = &c->out};
    unsigned tasks = 0;
    const char *trace = NULL, *state = NULL;
    int64_t id = -1;
    bool found = leat_hub_find(h, c->param[0], &c->a, &k);
    if (found) state = leat_hub_state(h, &k, &c->a, &tasks, &trace);
    if (!found || !leat_str_i64(c->param[1], &id) || id < 0 || id >= tasks)
        leat_http_fail(c, 404, "No status found for task %.*s-%.*s", LEAT_STR_ARG(c->param[0]),
                       LEAT_STR_ARG(c->param[1]));
    else
        write_task_state(h, &k, (unsigned)id, state, trace, NULL, &w);
}

/* What a source has claimed, what a sink is to read. */
static void write_topics(leat_hub *h, leat_http_call *c, const leat_hub_connector *k, leat_jw *w)
{
    leat_topic *topics = NULL;
    leat_err err;
    leat_connector_conf common;
    leat_wanted wanted;
    leat_opt_list names;
    leat_report r;
    leat_report_init(&r, &c->a);
    if (k->sink && leat_setup_common(k->config, &c->a, &common, &r) &&
        leat_wanted_of(&common, &c->a, &wanted, &err) == LEAT_OK &&
        leat_wanted_list(&wanted, h->conf.data, &c->a, &names, &err) == LEAT_OK)
        for (size_t i = 0; i < names.n; i++) leat_jw_z(w, NULL, names.v[i]);
    if (!k->source || leat_topics_owners(h->conf.data, &c->a, &topics, &err) != LEAT_OK) return;
    for (const leat_topic *t = topics; t; t = t->link)
        if (strcmp(t->connector, k->name) == 0) leat_jw_z(w, NULL, t->name);
}

void leat_hub_get_topics(void *hub, leat_http_call *c)
{
    leat_hub_connector k;
    leat_jw w = {.out = &c->out};
    bool found = leat_hub_find(hub, c->param[0], &c->a, &k);
    leat_jw_object(&w, NULL);
    leat_jw_object(&w, leat_arena_str(&c->a, c->param[0]).s);
    leat_jw_array(&w, "topics");
    if (found) write_topics(hub, c, &k, &w);
    leat_jw_end(&w);
    leat_jw_end(&w);
    leat_jw_end(&w);
}

/* The claims of topics are no statistics: nothing is forgotten. */
void leat_hub_reset_topics(void *hub, leat_http_call *c)
{
    (void)hub;
    c->status = 202;
}
