/* Handling connectors: pause, resume, stop, restart, and offsets.
 *
 * Whether one is paused is its own affair (state.db, asked through its control socket or, when it
 * does not run, under its lock); whether it is stopped is the hub's. The answers are Kafka
 * Connect's: accepted, and `status` tells when it is so; but a stop is waited for, since offsets
 * may be altered after it. */
#include "engine/look.h"
#include "hub/inside.h"

/* Takes the name; true: it is there, *k is its copy. False: answered, and the name is free. */
static bool begin(leat_hub *h, leat_http_call *c, leat_hub_claim *claim, const char *before,
                  const char *after, leat_hub_connector *k)
{
    leat_hub_claim_name(h, claim, leat_arena_str(&c->a, c->param[0]).s);
    if (leat_hub_find(h, c->param[0], &c->a, k)) return true;
    leat_hub_give_back(h, claim);
    leat_hub_missing(c, before, after);
    return false;
}

/* A process that is just starting may have no socket yet: what it reads then is stored under its
 * lock, or it is asked again. */
static leat_rc tell(leat_hub *h, leat_http_call *c, const char *name, const char *verb, leat_err *e)
{
    const leat_json *reply;
    return leat_look_ask(h->conf.data, name, leat_hub_request(verb, &c->a), LEAT_HUB_ASK_MS, &c->a,
                         &reply, NULL, e);
}

static void pause_or_resume(leat_hub *h, leat_http_call *c, const char *verb)
{
    leat_hub_connector k;
    leat_hub_claim claim;
    leat_err err = {0};
    if (!begin(h, c, &claim, "Unknown connector ", "", &k)) return;
    c->status = 202;
    leat_rc rc = tell(h, c, k.name, verb, &err);
    if (rc == LEAT_OK && k.stopped) rc = leat_hub_stopped_set(h, k.name, false, &err);
    if (rc == LEAT_OK) leat_supervisor_start(h->supervisor, k.name);
    if (rc != LEAT_OK) leat_hub_fail(c, &err);
    leat_hub_give_back(h, &claim);
}

void leat_hub_put_pause(void *hub, leat_http_call *c)
{
    pause_or_resume(hub, c, "pause");
}

void leat_hub_put_resume(void *hub, leat_http_call *c)
{
    pause_or_resume(hub, c, "resume");
}

/* What Kafka Connect calls stopped is not paused when it is resumed. */
void leat_hub_put_stop(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_connector k;
    leat_hub_claim claim;
    leat_err err = {0};
    if (!begin(h, c, &claim, "Unknown connector ", "", &k)) return;
    leat_rc rc = leat_hub_stopped_set(h, k.name, true, &err);
    if (rc == LEAT_OK) {
        leat_supervisor_stop(h->supervisor, k.name);
        leat_supervisor_wait(h->supervisor, k.name, LEAT_HUB_STOP_MS + 5000);
        rc = leat_hub_stopped_set(h, k.name, true, &err); /* it may have been just starting */
    }
    c->status = 204;
    if (rc != LEAT_OK) leat_hub_fail(c, &err);
    leat_hub_give_back(h, &claim);
}

/* ---- restart ---- */

/* A connector and its tasks are one process here: it is started again whole. */
void leat_hub_post_restart(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_connector k;
    leat_hub_claim claim;
    leat_jw w = {.out = &c->out};
    unsigned tasks;
    const char *trace;
    bool with_tasks = leat_http_query_true(c, "includeTasks"),
         only_failed = leat_http_query_true(c, "onlyFailed");
    if (!begin(h, c, &claim, "Unknown connector: ", "", &k)) return;
    const char *state = leat_hub_state(h, &k, &c->a, &tasks, &trace);
    bool failed = strcmp(state, "FAILED") == 0, restarts = !k.stopped && (failed || !only_failed);
    if (restarts) leat_supervisor_restart(h->supervisor, k.name);
    if (with_tasks || only_failed) {
        c->status = 202;
        leat_hub_write_status(h, &k, restarts ? "RESTARTING" : NULL, NULL, &w);
    } else {
        c->status = 204;
    }
    leat_hub_give_back(h, &claim);
}

void leat_hub_post_task_restart(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_connector k;
    leat_hub_claim claim;
    unsigned tasks;
    const char *trace;
    int64_t id = -1;
    if (!begin(h, c, &claim, "Unknown connector: ", "", &k)) return;
    leat_hub_state(h, &k, &c->a, &tasks, &trace);
    if (!leat_str_i64(c->param[1], &id) || id < 0 || id >= tasks) {
        leat_http_fail(c, 404, "Unknown task: %s-%.*s", k.name, LEAT_STR_ARG(c->param[1]));
    } else {
        leat_supervisor_restart(h->supervisor, k.name);
        c->status = 204;
    }
    leat_hub_give_back(h, &claim);
}

/* ---- offsets ---- */

static void write_offsets(const leat_json *list, leat_buf *out)
{
    leat_jw w = {.out = out};
    leat_jw_object(&w, NULL);
    leat_jw_array(&w, "offsets");
    for (const leat_json *j = list ? list->child : NULL; j; j = j->next) {
        leat_jw_object(&w, NULL);
        leat_jw_name(&w, "partition");
        leat_json_write(leat_json_get(j, "partition"), out);
        leat_jw_name(&w, "offset");
        leat_json_write(leat_json_get(j, "offset"), out);
        leat_jw_end(&w);
    }
    leat_jw_end(&w);
    leat_jw_end(&w);
}

void leat_hub_get_offsets(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_connector k;
    leat_err err = {0};
    const leat_json *reply = NULL;
    if (!leat_hub_find(h, c->param[0], &c->a, &k))
        leat_hub_missing(c, "Connector ", " not found");
    else if (leat_look_ask(h->conf.data, k.name, LEAT_STR("{\"verb\":\"offsets\"}"),
                           LEAT_HUB_ASK_MS, &c->a, &reply, NULL, &err) != LEAT_OK)
        leat_hub_fail(c, &err);
    else
        write_offsets(leat_json_get(reply, "offsets"), &c->out);
}

/* request: of the control protocol; done: "altered", "reset"; NULL: it was a plan, which is
 * answered. */
static void edit(leat_hub *h, leat_http_call *c, leat_str request, const char *done)
{
    leat_hub_connector k;
    leat_hub_claim claim;
    leat_err err = {0};
    leat_jw w = {.out = &c->out};
    const leat_json *reply;
    if (!begin(h, c, &claim, "Connector ", " not found", &k)) return;
    if (!k.stopped) {
        leat_http_fail(c, 400,
                       "Connectors must be in the STOPPED state before their offsets can be "
                       "modified. This can be done for the specified connector by issuing a 'PUT' "
                       "request to the '/connectors/%s/stop' endpoint",
                       k.name);
    } else if (leat_look_ask(h->conf.data, k.name, request, LEAT_HUB_EDIT_MS, &c->a, &reply, NULL,
                             &err) != LEAT_OK) {
        leat_hub_fail(c, &err);
    } else if (!done) {
        leat_json_write(reply, &c->out);
    } else {
        leat_jw_object(&w, NULL);
        leat_jw_z(&w, "message",
                  leat_arena_printf(
                      &c->a, "The offsets for this connector have been %s successfully", done));
        leat_jw_end(&w);
    }
    leat_hub_give_back(h, &claim);
}

/* {"verb":"offsets-set",...} with the offsets of the body, in its arena; absent: answered. */
static leat_str setting(leat_http_call *c, bool dry)
{
    const leat_json *list = leat_json_get(c->json, "offsets");
    if (!list || list->type != LEAT_JSON_ARRAY || !list->child) {
        leat_http_fail(c, 400,
                       "Partitions / offsets need to be provided for an alter offsets request");
        return (leat_str){0};
    }
    leat_buf text = {0};
    leat_buf_printf(&text, "{\"verb\":\"offsets-set\",\"by\":\"REST\",\"dry\":%s,\"offsets\":",
                    dry ? "true" : "false");
    leat_json_write(list, &text);
    leat_buf_u8(&text, '}');
    leat_str request = leat_arena_str(&c->a, leat_buf_str(&text));
    leat_buf_free(&text);
    return request;
}

void leat_hub_patch_offsets(void *hub, leat_http_call *c)
{
    leat_str request = setting(c, false);
    if (request.s) edit(hub, c, request, "altered");
}

void leat_hub_delete_offsets(void *hub, leat_http_call *c)
{
    edit(hub, c, leat_hub_request("offsets-reset", &c->a), "reset");
}

/* {"offsets":[...]} or {"reset":true}: what a PATCH or a DELETE would bring about. */
void leat_hub_v1_offsets_preview(void *hub, leat_http_call *c)
{
    bool reset = leat_json_get_bool(c->json, "reset", false);
    leat_str request = reset ? LEAT_STR("{\"verb\":\"offsets-reset\",\"by\":\"REST\",\"dry\":true}")
                             : setting(c, true);
    if (request.s) edit(hub, c, request, NULL);
}
