/* Making, changing and removing connectors: POST, PUT, PATCH and DELETE of configurations.
 *
 * A configuration is validated before anything is stored. state.db of a new connector is made
 * first, then it stands in hub.db, then it is started; removed in the opposite order. One change of
 * a name at a time. */
#include "base/log.h"
#include "config/connector.h"
#include "engine/kept.h"
#include "engine/process.h"
#include "hub/inside.h"
#include "hub/verifying.h"
#include "state/state.h"

#define MISMATCH "Connector name configuration (%s) doesn't match connector name in the URL (%s)"

/* ---- configurations from bodies ---- */

/* A name that was sent as a number or a boolean counts as its text, as there. */
static leat_str name_of(const leat_json *body)
{
    const leat_json *j = leat_json_get(body, "name");
    if (j && j->type == LEAT_JSON_TRUE) return LEAT_STR("true");
    if (j && j->type == LEAT_JSON_FALSE) return LEAT_STR("false");
    return j && j->type == LEAT_JSON_NUMBER ? j->text : leat_json_get_str(body, "name");
}

leat_config *leat_hub_config_of(const leat_hub *h, leat_http_call *c, leat_arena *a,
                                const leat_json *options, const char *name)
{
    leat_buf text = {0};
    leat_config *config = NULL;
    leat_err err;
    leat_str inner = leat_str_trim(name_of(options));
    if (!options || options->type != LEAT_JSON_OBJECT) {
        leat_http_fail(c, 400, "expected an object of options, each a text, a number or a boolean");
        return NULL;
    }
    if (inner.s && !leat_str_is(inner, name)) {
        leat_http_fail(c, 400, MISMATCH, leat_arena_str(&c->a, inner).s, name);
        return NULL;
    }
    leat_buf_str_z(&text, "{\"name\":");
    leat_json_quote(&text, leat_str_of(name));
    leat_buf_str_z(&text, ",\"config\":");
    leat_json_write(options, &text);
    leat_buf_u8(&text, '}');
    if (leat_config_json(a, leat_buf_str(&text), name, &config, &err) != LEAT_OK) {
        leat_http_fail(c, 400, "%s", err.msg);
        config = NULL;
    }
    if (config) leat_hub_add_worker(h, a, config);
    leat_buf_free(&text);
    return config;
}

static void invalid(leat_http_call *c, const leat_config *config, const leat_report *r)
{
    leat_buf list = {0};
    for (const leat_problem *p = r->first; p; p = p->next)
        leat_buf_printf(&list, "%s\n", leat_hub_problem(config, p, &c->a));
    leat_http_fail(c, 400,
                   "Connector configuration is invalid and contains the following %u error(s):\n"
                   "%.*sYou can also find the above list of errors at the endpoint "
                   "`/connector-plugins/{connectorType}/config/validate`",
                   r->errors, LEAT_STR_ARG(leat_buf_str(&list)));
    leat_buf_free(&list);
}

/* was: NULL for a new one. False: answered. */
static bool valid(leat_http_call *c, const leat_config *config, const leat_hub_connector *was)
{
    const leat_source *source;
    const leat_sink *sink;
    leat_report r;
    if (!leat_hub_plugin_of(c, config, &source, &sink)) return false;
    if (was && (was->source != source || was->sink != sink)) {
        leat_http_fail(c, 400,
                       "connector.class: connector %s is a %s and its folder holds what belongs to "
                       "that; delete it, or give the other one another name",
                       was->name, was->klass);
        return false;
    }
    leat_hub_validate(config, &c->a, &r);
    if (r.errors == 0) return true;
    invalid(c, config, &r);
    return false;
}

/* ---- storing ---- */

/* What a connector has before its first start, so that its verbs work while it is stopped. paused:
 * less than 0: as it was. */
static leat_rc store_state(leat_hub *h, const leat_config *config, int paused, leat_err *e)
{
    leat_state *s = NULL;
    leat_rc rc = leat_state_open(h->conf.data, config->name, false, &s, e);
    if (rc == LEAT_OK) rc = leat_kept_store(s, config, e);
    if (rc == LEAT_OK && paused >= 0) rc = leat_state_desired_set(s, paused != 0, "REST", e);
    leat_state_close(s);
    return rc;
}

leat_rc leat_hub_add(leat_hub *h, const leat_config *config, bool stopped, bool paused,
                     const char *who, leat_err *e)
{
    LEAT_TRY(store_state(h, config, paused, e));
    return leat_hub_store(h, config, stopped, who, e);
}

static leat_hub_side side(const leat_hub_connector *k)
{
    return k ? (leat_hub_side){&k->config->props, k->shown} : (leat_hub_side){0};
}

static void answer_created(leat_http_call *c, const leat_hub_connector *k)
{
    leat_buf path = {0};
    leat_jw w = {.out = &c->out};
    leat_buf_url(&path, leat_str_of(k->name));
    c->status = 201;
    c->location =
        leat_arena_printf(&c->a, "%s/connectors/%.*s", c->base, LEAT_STR_ARG(leat_buf_str(&path)));
    leat_buf_free(&path);
    leat_hub_write_info(k, 0, NULL, &w);
}

/* A new one, its name claimed and its configuration valid. state: RUNNING, PAUSED or STOPPED. */
static void make(leat_hub *h, leat_http_call *c, const leat_config *config, leat_str state)
{
    leat_err err = {0};
    leat_hub_connector k;
    bool stopped = leat_str_is(state, "STOPPED"), paused = leat_str_is(state, "PAUSED");
    leat_rc rc = leat_hub_add(h, config, stopped, paused, c->who.name, &err);
    if (rc != LEAT_OK || !leat_hub_find(h, leat_str_of(config->name), &c->a, &k)) {
        leat_hub_fail(c, &err);
        return;
    }
    leat_child_config child = {.config = k.config, .sink = k.sink != NULL};
    leat_supervisor_put(h->supervisor, &child, !stopped);
    leat_hub_changed(c, side(NULL), side(&k));
    answer_created(c, &k);
}

/* Another configuration of one that is there; one that runs is started again with it. */
static void replace(leat_hub *h, leat_http_call *c, const leat_config *config,
                    const leat_hub_connector *was)
{
    leat_err err = {0};
    leat_hub_connector k;
    leat_jw w = {.out = &c->out};
    unsigned tasks;
    const char *trace;
    leat_rc rc = leat_hub_store(h, config, was->stopped, c->who.name, &err);
    if (rc == LEAT_OK) rc = store_state(h, config, -1, &err);
    if (rc != LEAT_OK || !leat_hub_find(h, leat_str_of(config->name), &c->a, &k)) {
        leat_hub_fail(c, &err);
        return;
    }
    leat_child_config child = {.config = k.config, .sink = k.sink != NULL};
    leat_hub_state(h, was, &c->a, &tasks, &trace);
    leat_supervisor_put(h->supervisor, &child, !was->stopped);
    leat_hub_changed(c, side(was), side(&k));
    leat_hub_write_info(&k, tasks, NULL, &w);
}

/* ---- endpoints ---- */

/* False: answered. */
static bool known_fields(leat_http_call *c)
{
    static const char *const known[] = {"name", "config", "initial_state"};
    for (const leat_json *j = c->json->child; j; j = j->next) {
        size_t i = 0;
        while (i < 3 && !leat_str_is(j->name, known[i])) i++;
        if (i < 3) continue;
        leat_http_fail(c, 400,
                       "Unrecognized field \"%.*s\" (class "
                       "org.apache.kafka.connect.runtime.rest.entities.CreateConnectorRequest), "
                       "not marked as ignorable (3 known properties: \"config\", \"name\", "
                       "\"initial_state\"])",
                       LEAT_STR_ARG(j->name));
        return false;
    }
    return true;
}

/* The name of a new connector; NULL: answered. */
static const char *new_name(leat_http_call *c, leat_str given)
{
    leat_str name = leat_str_trim(given);
    leat_err err = {0};
    const char *wrong = NULL, *out = leat_arena_str(&c->a, name).s;
    if (name.len == 0)
        wrong = "Invalid value  for configuration name: String may not be empty";
    else if (memchr(name.s, 0, name.len))
        wrong = "Invalid value for configuration name: it holds a NUL";
    else if (leat_connector_name_check(out, &err) != LEAT_OK)
        wrong =
            leat_arena_printf(&c->a, "Invalid value %s for configuration name: %s", out, err.msg);
    if (!wrong) return out;
    leat_http_fail(c, 400,
                   "Connector configuration is invalid and contains the following 1 error(s):\n%s\n"
                   "You can also find the above list of errors at the endpoint "
                   "`/connector-plugins/{connectorType}/config/validate`",
                   wrong);
    return NULL;
}

/* Its connection, if it has one, is not dropped or altered until the connector stands. */
static void claim_connection(leat_hub *h, leat_http_call *c, const leat_config *config,
                             leat_hub_claim *claim)
{
    leat_str name = leat_str_trim(leat_str_of(leat_props_get(&config->props, "connection")));
    *claim = (leat_hub_claim){0};
    if (name.len) leat_hub_claim_name(h, claim, leat_hub_connection_claim(&c->a, name));
}

static void give_connection_back(leat_hub *h, leat_hub_claim *claim)
{
    if (claim->name) leat_hub_give_back(h, claim);
}

static void create(leat_hub *h, leat_http_call *c, const leat_config *config, leat_str state)
{
    leat_hub_connector was;
    leat_hub_claim claim, connection;
    leat_hub_claim_name(h, &claim, config->name);
    claim_connection(h, c, config, &connection);
    if (leat_hub_find(h, leat_str_of(config->name), &c->a, &was))
        leat_http_fail(c, 409, "Connector %s already exists", config->name);
    else if (valid(c, config, NULL))
        make(h, c, config, state);
    give_connection_back(h, &connection);
    leat_hub_give_back(h, &claim);
}

void leat_hub_post_connector(void *hub, leat_http_call *c)
{
    if (c->json->type != LEAT_JSON_OBJECT) {
        leat_http_fail(c, 400, "expected an object {\"name\":...,\"config\":{...}}");
        return;
    }
    if (!known_fields(c)) return;
    const leat_json *options = leat_json_get(c->json, "config"),
                    *initial = leat_json_get(c->json, "initial_state");
    leat_str name = name_of(c->json), state = LEAT_STR("RUNNING");
    if (!options || options->type != LEAT_JSON_OBJECT) {
        leat_http_fail(c, 400, "\"config\" is missing: an object of options");
        return;
    }
    if (!name.s) name = name_of(options);
    if (initial && initial->type != LEAT_JSON_NULL)
        state = leat_json_get_str(c->json, "initial_state");
    if (!leat_str_ieq(state, LEAT_STR("RUNNING")) && !leat_str_ieq(state, LEAT_STR("PAUSED")) &&
        !leat_str_ieq(state, LEAT_STR("STOPPED"))) {
        leat_http_fail(c, 400, "initial_state: expected RUNNING, PAUSED or STOPPED, got \"%.*s\"",
                       LEAT_STR_ARG(state.s ? state : LEAT_STR("")));
        return;
    }
    const char *z = new_name(c, name);
    leat_config *config = z ? leat_hub_config_of(hub, c, &c->a, options, z) : NULL;
    char *upper = leat_arena_strdup(&c->a, leat_arena_str(&c->a, state).s);
    for (char *p = upper; *p; p++)
        if (*p >= 'a' && *p <= 'z') *p = (char)(*p - 'a' + 'A');
    if (config) create(hub, c, config, leat_str_of(upper));
}

void leat_hub_put_config(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_connector was;
    leat_hub_claim claim, connection;
    const char *name = new_name(c, c->param[0]);
    leat_config *config = name ? leat_hub_config_of(h, c, &c->a, c->json, name) : NULL;
    if (!config) return;
    leat_hub_claim_name(h, &claim, name);
    claim_connection(h, c, config, &connection);
    if (leat_hub_find(h, c->param[0], &c->a, &was)) {
        leat_hub_unmask(&was, config, &c->a);
        if (valid(c, config, &was)) replace(h, c, config, &was);
    } else if (valid(c, config, NULL)) {
        make(h, c, config, LEAT_STR("RUNNING"));
    }
    give_connection_back(h, &connection);
    leat_hub_give_back(h, &claim);
}

/* What is stored, with what the body sets, without what it names null. */
static leat_config *patched(const leat_hub *h, leat_http_call *c, const leat_hub_connector *was)
{
    leat_config *patch = leat_hub_config_of(h, c, &c->a, c->json, was->name);
    if (!patch) return NULL;
    leat_config *out = LEAT_NEW(&c->a, leat_config, 1);
    out->name = was->name;
    leat_props_init(&out->props, NULL);
    for (const leat_prop *p = was->config->props.first; p; p = p->next) {
        const leat_json *j = leat_json_get(c->json, p->name);
        if (j && j->type == LEAT_JSON_NULL) continue;
        leat_props_set(&out->props, &c->a, leat_str_of(p->name), leat_str_of(p->value), 0);
    }
    leat_hub_unmask(was, patch, &c->a);
    for (const leat_prop *p = patch->props.first; p; p = p->next)
        leat_props_set(&out->props, &c->a, leat_str_of(p->name), leat_str_of(p->value), 0);
    leat_hub_add_worker(h, &c->a, out);
    return out;
}

void leat_hub_patch_config(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_connector was;
    leat_hub_claim claim;
    leat_hub_claim_name(h, &claim, leat_arena_str(&c->a, c->param[0]).s);
    if (!leat_hub_find(h, c->param[0], &c->a, &was)) {
        leat_hub_missing(c, "Connector ", " not found");
    } else {
        leat_hub_claim connection = {0};
        leat_config *config = patched(h, c, &was);
        if (config) claim_connection(h, c, config, &connection);
        if (config && valid(c, config, &was)) replace(h, c, config, &was);
        give_connection_back(h, &connection);
    }
    leat_hub_give_back(h, &claim);
}

/* It could not be deleted, and is stopped for that: it goes on. */
static void go_on(leat_hub *h, const char *name)
{
    leat_err err = {0};
    if (leat_rc_failed(leat_hub_stopped_set(h, name, false, &err))) leat_log_err(LEAT_WARN, &err);
    leat_supervisor_start(h->supervisor, name);
}

/* Stream and what stands on the server stay, as with Kafka Connect; ?forget=true: what its open
 * made on the server goes. What only a spool holds is not dropped without a word: ?drop_spool=true.
 */
static void remove_one(leat_hub *h, leat_http_call *c, const leat_hub_connector *k)
{
    const char *name = k->name;
    const leat_process_deleting how = {.drop_spool = leat_http_query_true(c, "drop_spool"),
                                       .forget = leat_http_query_true(c, "forget")};
    leat_err err = {0};
    if (!how.drop_spool && leat_process_empty(h->conf.data, name, &err) != LEAT_OK &&
        strcmp(err.code, "connector.unknown") != 0) {
        leat_hub_fail(c, &err);
        return;
    }
    err = (leat_err){0};
    leat_child_state child;
    bool runs = leat_supervisor_look(h->supervisor, name, &child) && !child.ended;
    if (runs) leat_supervisor_stop(h->supervisor, name);
    if (!leat_supervisor_wait(h->supervisor, name, LEAT_HUB_STOP_MS + 5000))
        leat_fail(&err, LEAT_RETRY, "control.waiting", name,
                  "its process was told to stop and has not ended, so it stays; ask again");
    else if (leat_process_delete(h->conf.data, name, how, &err) == LEAT_OK ||
             strcmp(err.code, "connector.unknown") == 0)
        err.rc = leat_hub_forget(h, name, &err);
    c->status = 204;
    if (!leat_rc_failed(err.rc)) {
        leat_supervisor_remove(h->supervisor, name);
        leat_verifying_forget(h->verifying, name);
        leat_hub_changed(c, side(k), side(NULL));
        return;
    }
    leat_hub_fail(c, &err);
    if (runs) go_on(h, name);
}

void leat_hub_delete_connector(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_connector k;
    leat_hub_claim claim;
    leat_hub_claim_name(h, &claim, leat_arena_str(&c->a, c->param[0]).s);
    if (leat_hub_find(h, c->param[0], &c->a, &k))
        remove_one(h, c, &k);
    else
        leat_hub_missing(c, "Connector ", " not found");
    leat_hub_give_back(h, &claim);
}
