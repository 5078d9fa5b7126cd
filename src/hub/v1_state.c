/* Of /hub/v1: what a connector does and why, and the systems it is connected to. */
#include <inttypes.h>

#include "config/seal.h"
#include "engine/control.h"
#include "engine/look.h"
#include "engine/stall.h"
#include "engine/why.h"
#include "hub/inside.h"

bool leat_hub_wants_events(const leat_http_call *c)
{
    leat_str accept = c->accept;
    return accept.s && memmem(accept.s, accept.len, "text/event-stream", 17);
}

/* As it tells itself; false: answered. */
static bool status_of(leat_hub *h, leat_http_call *c, const leat_hub_connector *k, leat_buf *text)
{
    leat_err err = {0};
    leat_look_status(h->conf.data, k->name, &c->a, text, &err);
    if (text->len > 0) return true;
    leat_hub_fail(c, &err);
    return false;
}

void leat_hub_v1_status(void *hub, leat_http_call *c)
{
    leat_hub_connector k;
    if (leat_hub_need(hub, c, &k)) status_of(hub, c, &k, &c->out);
}

void leat_hub_v1_why(void *hub, leat_http_call *c)
{
    leat_hub_connector k;
    leat_buf text = {0}, said = {0};
    leat_err err = {0};
    const leat_json *j = NULL;
    leat_jw w = {.out = &c->out};
    if (!leat_hub_need(hub, c, &k) || !status_of(hub, c, &k, &text)) return;
    if (leat_json_parse(&c->a, leat_buf_str(&text), &j, &err) == LEAT_OK) {
        leat_why_write(k.name, j, &said);
        leat_jw_object(&w, NULL);
        leat_jw_z(&w, "name", k.name);
        leat_jw_str(&w, "state", leat_json_get_str(j, "state"));
        leat_jw_z(&w, "stage", leat_why_stage(j));
        leat_jw_str(&w, "why", leat_buf_str(&said));
        leat_jw_end(&w);
    } else {
        leat_hub_fail(c, &err);
    }
    leat_buf_free(&text);
    leat_buf_free(&said);
}

void leat_hub_v1_tables(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_connector k;
    leat_err err = {0};
    if (!leat_hub_need(hub, c, &k)) return;
    if (leat_look_tables(h->conf.data, k.name, &c->a, &c->out, &err) != LEAT_OK)
        leat_hub_fail(c, &err);
}

/* ---- its log ---- */

void leat_hub_v1_log(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_connector k;
    const leat_json *reply = NULL;
    leat_err err = {0};
    int64_t since = 0;
    leat_jw w = {.out = &c->out};
    if (!leat_hub_need(h, c, &k) || !leat_hub_number(c, "since", 0, INT64_MAX, &since)) return;
    if (k.page && leat_page_silent(k.page) > 0) {
        leat_stall_silent(atomic_load(&k.page->pid), leat_page_silent(k.page), k.name, &err);
        leat_hub_fail(c, &err);
        return;
    }
    char *folder = leat_arena_printf(&c->a, "%s/connectors/%s", h->conf.data, k.name);
    char *request = leat_arena_printf(&c->a, "{\"verb\":\"log\",\"since\":%" PRId64 "}", since);
    leat_rc rc =
        leat_control_call(folder, leat_str_of(request), LEAT_HUB_ASK_MS, &c->a, &reply, &err);
    if (rc != LEAT_OK && strcmp(err.code, "control.not_running") == 0) {
        leat_http_fail(c, 409, "connector %s does not run: its last lines went with its process",
                       k.name);
        return;
    }
    if (rc != LEAT_OK) {
        leat_hub_fail(c, &err);
        return;
    }
    leat_jw_object(&w, NULL);
    leat_str lines = leat_json_get_str(reply, "lines");
    leat_jw_str(&w, "lines", lines.s ? lines : LEAT_STR(""));
    leat_jw_i64(&w, "next", leat_json_get_i64(reply, "next", since));
    leat_jw_end(&w);
}

/* ---- signals ---- */

/* {"type":...,"data":{...}} as Debezium's signals; "id" if it is to have one. */
void leat_hub_v1_signal(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_connector k;
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    const leat_json *reply = NULL, *data = leat_json_get(c->json, "data");
    leat_str id = leat_json_get_str(c->json, "id"), type = leat_json_get_str(c->json, "type");
    leat_err err = {0};
    bool running = true;
    if (!leat_hub_need(h, c, &k)) return;
    if (!type.s || !data || data->type != LEAT_JSON_OBJECT) {
        leat_http_fail(c, 400, "expected {\"type\":\"execute-snapshot\",\"data\":{...}}");
        return;
    }
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "verb", "signal");
    if (id.s) leat_jw_str(&w, "id", id);
    leat_jw_str(&w, "type", type);
    leat_jw_raw(&w, "data", leat_json_text(data, &c->a));
    leat_jw_end(&w);
    leat_rc rc = leat_look_ask(h->conf.data, k.name, leat_buf_str(&text), LEAT_HUB_ASK_MS, &c->a,
                               &reply, &running, &err);
    leat_buf_free(&text);
    if (rc != LEAT_OK && !running && strcmp(err.code, "control.verb") == 0)
        leat_http_fail(c, 409, "connector %s does not run: a signal is for a running connector",
                       k.name);
    else if (rc != LEAT_OK)
        leat_hub_fail(c, &err);
    else
        leat_json_write(reply, &c->out);
}

/* ---- connections ---- */

/* A system that connectors of the same kind, host, port, database and user share. */
typedef struct connection {
    const char *system, *host, *port, *database, *user;
} connection;

static const char *first_of(const leat_hub_connector *k, const char *const names[])
{
    for (; *names; names++) {
        const char *v = leat_props_get(&k->config->props, *names);
        if (v) return leat_config_secret(leat_hub_tables(k), *names, v) ? LEAT_HUB_MASK : v;
    }
    return NULL;
}

static connection connection_of(const leat_hub_connector *k)
{
    static const char *const hosts[] = {"database.hostname", "connection.url", "bootstrap.servers",
                                        NULL};
    static const char *const ports[] = {"database.port", NULL};
    static const char *const databases[] = {"database.dbname", "database.names", NULL};
    static const char *const users[] = {"database.user", "connection.user", NULL};
    return (connection){.system = k->source ? k->source->name
                                  : k->sink ? k->sink->name
                                            : k->klass,
                        .host = first_of(k, hosts),
                        .port = first_of(k, ports),
                        .database = first_of(k, databases),
                        .user = first_of(k, users)};
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same(const connection *a, const connection *b)
{
    return same_text(a->system, b->system) && same_text(a->host, b->host) &&
           same_text(a->port, b->port) && same_text(a->database, b->database) &&
           same_text(a->user, b->user);
}

static void write_connection(leat_hub *h, const leat_hub_connector *all, size_t n, size_t first,
                             leat_jw *w)
{
    const connection at = connection_of(&all[first]);
    leat_arena a = {0};
    leat_jw_object(w, NULL);
    leat_jw_z(w, "name", NULL);
    leat_jw_z(w, "system", at.system);
    leat_jw_z(w, "host", at.host);
    leat_jw_z(w, "port", at.port);
    leat_jw_z(w, "database", at.database);
    leat_jw_z(w, "user", at.user);
    leat_jw_array(w, "connectors");
    for (size_t i = first; i < n; i++) {
        const connection other = connection_of(&all[i]);
        unsigned tasks;
        const char *trace;
        if (!same(&at, &other) || leat_props_get(&all[i].config->props, "connection")) continue;
        leat_jw_object(w, NULL);
        leat_jw_z(w, "name", all[i].name);
        leat_jw_z(w, "type", leat_hub_type(&all[i]));
        leat_jw_z(w, "state", leat_hub_state(h, &all[i], &a, &tasks, &trace));
        leat_jw_end(w);
    }
    leat_jw_end(w);
    leat_jw_end(w);
    leat_arena_free(&a);
}

void leat_hub_v1_connections(void *hub, leat_http_call *c)
{
    leat_hub_connector *all;
    leat_jw w = {.out = &c->out};
    size_t n = leat_hub_all(hub, &c->a, &all);
    leat_jw_array(&w, NULL);
    leat_hub_write_saved(hub, c, all, n, &w);
    for (size_t i = 0; i < n; i++) {
        const connection at = connection_of(&all[i]);
        size_t before = 0;
        if (leat_props_get(&all[i].config->props, "connection")) continue;
        while (before < i) {
            const connection other = connection_of(&all[before]);
            bool saved = leat_props_get(&all[before].config->props, "connection") != NULL;
            if (!saved && same(&at, &other)) break;
            before++;
        }
        if (before == i) write_connection(hub, all, n, i, &w);
    }
    leat_jw_end(&w);
}
