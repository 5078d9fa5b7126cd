/* Of /hub/v1: connections that are saved (engine/connection.h), and the systems they lead to.
 *
 * A new or altered one is tried before it is stored, unless ?test=false says otherwise. Changes of
 * one connection follow each other: its name is claimed as that of a connector
 * "connection/NAME", which none can have. */
#include "engine/connection.h"
#include "engine/template.h"
#include "hub/inside.h"

/* ---- what was sent ---- */

/* An object of parameters; those that are null go to taken (NULL-ended). False: answered. */
static bool read_values(leat_http_call *c, const leat_json *object, leat_props *out,
                        const char *const **taken)
{
    size_t n = 0, most = 1;
    for (const leat_json *j = object ? object->child : NULL; j; j = j->next) most++;
    const char **list = LEAT_NEW(&c->a, const char *, most);
    *taken = list;
    if (object && object->type != LEAT_JSON_OBJECT) {
        leat_http_fail(c, 400, "\"parameters\": expected an object of texts, numbers or booleans");
        return false;
    }
    for (const leat_json *j = object ? object->child : NULL; j; j = j->next) {
        leat_str text = j->text;
        if (j->type == LEAT_JSON_TRUE) text = LEAT_STR("true");
        if (j->type == LEAT_JSON_FALSE) text = LEAT_STR("false");
        bool good = j->type != LEAT_JSON_ARRAY && j->type != LEAT_JSON_OBJECT && j->name.len > 0 &&
                    !memchr(j->name.s, 0, j->name.len) &&
                    !(text.len && memchr(text.s, 0, text.len));
        if (!good) {
            leat_http_fail(c, 400, "\"%.*s\": expected a text without a NUL, a number or a boolean",
                           LEAT_STR_ARG(j->name));
            return false;
        }
        if (j->type == LEAT_JSON_NULL)
            list[n++] = leat_arena_str(&c->a, j->name).s;
        else
            leat_props_set(out, &c->a, j->name, text, 0);
    }
    return true;
}

/* {"type","strategy","parameters":{...}} in one list. False: answered. */
static bool read_body(leat_http_call *c, const leat_json *body, leat_props *out,
                      const char *const **taken)
{
    static const char *const own[] = {"type", "strategy"};
    leat_props_init(out, NULL);
    for (const leat_json *j = body->child; j; j = j->next) {
        bool known = leat_str_is(j->name, "parameters") || leat_str_is(j->name, "name") ||
                     leat_str_is(j->name, own[0]) || leat_str_is(j->name, own[1]);
        if (known) continue;
        leat_http_fail(c, 400, "unknown field \"%.*s\"; expected name, type, strategy, parameters",
                       LEAT_STR_ARG(j->name));
        return false;
    }
    if (!read_values(c, leat_json_get(body, "parameters"), out, taken)) return false;
    for (size_t i = 0; i < 2; i++) {
        const leat_json *j = leat_json_get(body, own[i]);
        if (!j || j->type == LEAT_JSON_NULL) continue;
        if (j->type != LEAT_JSON_STRING || memchr(j->text.s, 0, j->text.len)) {
            leat_http_fail(c, 400, "\"%s\": expected a text", own[i]);
            return false;
        }
        leat_props_set(out, &c->a, leat_str_of(own[i]), j->text, 0);
    }
    return true;
}

/* Answers with what is wrong; false: nothing is. */
static bool refused(leat_http_call *c, const char *name, const leat_report *r)
{
    leat_err err = {0};
    if (r->errors == 0) return false;
    leat_report_err(r, name, &err);
    leat_http_fail(c, 400, "%s", err.msg);
    return true;
}

/* The answer for an error of connections. */
static void fail(leat_http_call *c, const leat_err *err)
{
    int status = strcmp(err->code, "connection.unknown") == 0  ? 404
                 : strcmp(err->code, "connection.exists") == 0 ? 409
                 : strcmp(err->code, "connection.used") == 0   ? 409
                                                               : 0;
    if (status)
        leat_http_fail(c, status, "%s", err->msg);
    else
        leat_hub_fail(c, err);
}

/* False: answered. */
static bool find(leat_hub *h, leat_http_call *c, leat_str name, leat_arena *a, leat_connection *out)
{
    leat_err err = {0};
    pthread_mutex_lock(&h->guard);
    leat_rc rc = leat_connection_get(h->db, leat_arena_str(a, name).s, a, out, &err);
    pthread_mutex_unlock(&h->guard);
    if (leat_rc_failed(rc)) fail(c, &err);
    return !leat_rc_failed(rc);
}

bool leat_hub_connection_given(leat_hub *h, leat_http_call *c, leat_arena *a,
                               leat_hub_trial_connection *out)
{
    const leat_json *what = leat_json_get(c->json, "connection"),
                    *strategy = leat_json_get(c->json, "strategy");
    const char *const *taken;
    leat_props given;
    leat_report r;
    leat_report_init(&r, a);
    *out = (leat_hub_trial_connection){0};
    leat_props_init(&out->more, NULL);
    if (what->type == LEAT_JSON_STRING) {
        if (!find(h, c, what->text, a, &out->k)) return false;
    } else if (what->type == LEAT_JSON_OBJECT) {
        leat_str name = leat_json_get_str(what, "name");
        if (!read_body(c, what, &given, &taken)) return false;
        const char *z =
            name.len && !memchr(name.s, 0, name.len) ? leat_arena_str(a, name).s : "unnamed";
        leat_connection was;
        pthread_mutex_lock(&h->guard);
        bool stored = leat_connection_get(h->db, z, a, &was, NULL) == LEAT_OK;
        pthread_mutex_unlock(&h->guard);
        if (stored)
            leat_connection_alter(a, &was, &given, taken, &out->k, &r);
        else
            leat_connection_make(a, z, &given, &out->k, &r);
        if (refused(c, z, &r)) return false;
    } else {
        leat_http_fail(c, 400,
                       "\"connection\": expected the name of a saved one, or "
                       "{\"type\":...,\"strategy\":...,\"parameters\":{...}}");
        return false;
    }
    if (strategy && strategy->type == LEAT_JSON_STRING) {
        out->strategy = leat_system_strategy(out->k.system, strategy->text);
        if (!out->strategy) {
            leat_http_fail(c, 400, "%s has no strategy \"%.*s\"", out->k.system->label,
                           LEAT_STR_ARG(strategy->text));
            return false;
        }
    }
    return read_values(c, leat_json_get(c->json, "config"), &out->more, &taken);
}

/* ---- storing ---- */

static void on_step(leat_checker *c, const leat_step *s)
{
    leat_buf *failures = c->arg;
    if (s->state != LEAT_STEP_FAILED) return;
    leat_buf_printf(failures, "\n%s: %s%s%s", s->name, s->detail ? s->detail : "failed",
                    s->advice ? "; " : "", s->advice ? s->advice : "");
}

/* The connection may be stored: its values are good, and it passes its test, or need not. False:
 * answered. */
static bool fit(leat_http_call *c, const leat_connection *k, leat_report *r)
{
    leat_str test = leat_http_query(c, "test");
    leat_buf failures = {0};
    leat_err err = {0};
    leat_checker checker = {.step = on_step, .arg = &failures};
    if (leat_str_is(test, "false")) {
        leat_connection_validate(&c->a, k, r);
        return !refused(c, k->name, r);
    }
    leat_rc rc = leat_connection_test(&c->a, k, NULL, NULL, &checker, r, &err);
    if (leat_rc_failed(rc)) {
        const char *text = leat_arena_printf(&c->a, "\n%s: %s", err.where, err.msg);
        leat_buf_str_z(&failures, leat_report_shown(r, text));
    }
    bool good = !refused(c, k->name, r) && failures.len == 0;
    if (failures.len > 0 && r->errors == 0)
        leat_http_fail(c, 422,
                       "connection %s was tried for the strategy %s and is not saved "
                       "(?test=false saves it all the same):%.*s",
                       k->name, k->strategy->label, LEAT_STR_ARG(leat_buf_str(&failures)));
    leat_buf_free(&failures);
    return good;
}

static bool store(leat_hub *h, leat_http_call *c, const leat_connection *k, bool replace)
{
    leat_err err = {0};
    pthread_mutex_lock(&h->guard);
    leat_rc rc = leat_connection_store(h->db, k, replace, &err);
    pthread_mutex_unlock(&h->guard);
    if (leat_rc_failed(rc)) fail(c, &err);
    return !leat_rc_failed(rc);
}

const char *leat_hub_connection_claim(leat_arena *a, leat_str name)
{
    char *out = leat_arena_printf(a, "connection/%.*s", LEAT_STR_ARG(name));
    for (char *p = out; *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p - 'A' + 'a'); /* one name, in any case */
    return out;
}

/* The hub's connectors that use it; their number. */
static size_t users_of(const leat_hub_connector *all, size_t n, const char *name, leat_arena *a,
                       const char ***out)
{
    size_t found = 0;
    const char **list = LEAT_NEW(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        if (leat_connection_uses(all[i].config, name)) list[found++] = all[i].name;
    *out = list;
    return found;
}

static void answer(leat_hub *h, leat_http_call *c, const leat_connection *k)
{
    leat_hub_connector *all;
    leat_jw w = {.out = &c->out};
    const char **users;
    size_t n = leat_hub_all(h, &c->a, &all);
    n = users_of(all, n, k->name, &c->a, &users);
    leat_connection_write(k, users, n, NULL, &w);
}

/* ---- endpoints ---- */

void leat_hub_v1_connection(void *hub, leat_http_call *c)
{
    leat_connection k;
    if (find(hub, c, c->param[0], &c->a, &k)) answer(hub, c, &k);
}

/* A connection as the audit tells it: parameters and strategy. */
static leat_hub_side side(const leat_connection *k, leat_props *props, leat_arena *a)
{
    const leat_json *j = NULL;
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_connection_write(k, NULL, 0, NULL, &w);
    leat_json_parse(a, leat_buf_str(&text), &j, NULL);
    leat_str values = leat_json_text(leat_json_get(j, "parameters"), a);
    leat_buf_clear(&text);
    leat_buf_str_z(&text, "{\"strategy\":");
    leat_json_quote(&text, leat_str_of(k->strategy->name));
    if (values.len > 2) leat_buf_u8(&text, ',');
    leat_buf_put(&text, values.s + 1, values.len - 1);
    leat_props_init(props, NULL);
    leat_props_set(props, a, LEAT_STR("strategy"), leat_str_of(k->strategy->name), 0);
    for (const leat_prop *p = k->parameters.first; p; p = p->next)
        leat_props_set(props, a, leat_str_of(p->name), leat_str_of(p->value), 0);
    leat_hub_side out = {props, leat_arena_str(a, leat_buf_str(&text))};
    leat_buf_free(&text);
    return out;
}

/* was: NULL for a new one. */
static void note_change(leat_http_call *c, const leat_connection *was, const leat_connection *now)
{
    leat_props before, after;
    leat_hub_side from = was ? side(was, &before, &c->a) : (leat_hub_side){0};
    leat_hub_changed(c, from, now ? side(now, &after, &c->a) : (leat_hub_side){0});
}

void leat_hub_v1_connection_post(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_claim claim;
    leat_connection k;
    leat_props given;
    leat_report r;
    const char *const *taken;
    leat_str name = leat_str_trim(leat_json_get_str(c->json, "name"));
    leat_report_init(&r, &c->a);
    if (c->json->type != LEAT_JSON_OBJECT || name.len == 0 || memchr(name.s, 0, name.len)) {
        leat_http_fail(c, 400,
                       "expected an object {\"name\":...,\"type\":...,\"strategy\":...,"
                       "\"parameters\":{...}}");
        return;
    }
    if (!read_body(c, c->json, &given, &taken)) return;
    const char *z = leat_arena_str(&c->a, name).s;
    leat_hub_claim_name(h, &claim, leat_hub_connection_claim(&c->a, name));
    leat_err err = {0};
    pthread_mutex_lock(&h->guard);
    leat_rc rc = leat_connection_new(h->db, z, &err);
    pthread_mutex_unlock(&h->guard);
    leat_connection_make(&c->a, z, &given, &k, &r);
    if (leat_rc_failed(rc))
        fail(c, &err);
    else if (!refused(c, z, &r) && fit(c, &k, &r) && store(h, c, &k, false)) {
        c->status = 201;
        note_change(c, NULL, &k);
        answer(h, c, &k);
    }
    leat_hub_give_back(h, &claim);
}

/* It is restarted if it runs and still uses the connection, which may be known only once nobody
 * else changes it. */
static bool restart_user(leat_hub *h, leat_http_call *c, const char *name, const leat_connection *k)
{
    leat_hub_claim claim;
    leat_hub_connector now;
    const char **one;
    leat_hub_claim_name(h, &claim, name);
    bool does = leat_hub_find(h, leat_str_of(name), &c->a, &now) && !now.stopped &&
                users_of(&now, 1, k->name, &c->a, &one) == 1;
    if (does) leat_supervisor_restart(h->supervisor, name);
    leat_hub_give_back(h, &claim);
    return does;
}

/* Restarts those that run, if asked; names those that still go by what was. The connection is not
 * claimed any more: who changes a connector claims that before its connection. */
static void tell_users(leat_hub *h, leat_http_call *c, const leat_connection *k)
{
    leat_hub_connector *all;
    leat_jw w = {.out = &c->out};
    const char **users;
    bool restart = leat_http_query_true(c, "restart");
    size_t nall = leat_hub_all(h, &c->a, &all), n = users_of(all, nall, k->name, &c->a, &users);
    leat_jw_object(&w, NULL);
    leat_connection_write(k, users, n, "connection", &w);
    leat_jw_array(&w, restart ? "restarted" : "restart_needed");
    for (size_t i = 0; i < nall; i++) {
        const char **one;
        if (all[i].stopped || users_of(&all[i], 1, k->name, &c->a, &one) == 0) continue;
        if (restart && !restart_user(h, c, all[i].name, k)) continue;
        leat_jw_z(&w, NULL, all[i].name);
    }
    leat_jw_end(&w);
    leat_jw_end(&w);
}

void leat_hub_v1_connection_patch(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_claim claim;
    leat_connection was, k;
    leat_props given;
    leat_report r;
    const char *const *taken;
    leat_report_init(&r, &c->a);
    if (c->json->type != LEAT_JSON_OBJECT) {
        leat_http_fail(c, 400, "expected an object {\"strategy\":...,\"parameters\":{...}}");
        return;
    }
    if (!read_body(c, c->json, &given, &taken)) return;
    leat_hub_claim_name(h, &claim, leat_hub_connection_claim(&c->a, c->param[0]));
    bool done = find(h, c, c->param[0], &c->a, &was);
    if (done) {
        leat_connection_alter(&c->a, &was, &given, taken, &k, &r);
        done = !refused(c, was.name, &r) && fit(c, &k, &r) && store(h, c, &k, true);
        if (done) note_change(c, &was, &k);
    }
    leat_hub_give_back(h, &claim);
    if (done) tell_users(h, c, &k);
}

void leat_hub_v1_connection_delete(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_claim claim;
    leat_connection was;
    leat_err err = {0};
    const char *name = leat_arena_str(&c->a, c->param[0]).s;
    leat_hub_claim_name(h, &claim, leat_hub_connection_claim(&c->a, c->param[0]));
    pthread_mutex_lock(&h->guard);
    bool known = leat_connection_get(h->db, name, &c->a, &was, NULL) == LEAT_OK;
    leat_rc rc = leat_connection_drop(h->db, h->conf.data, name, &err);
    pthread_mutex_unlock(&h->guard);
    c->status = 204;
    if (leat_rc_failed(rc))
        fail(c, &err);
    else if (known)
        note_change(c, &was, NULL);
    leat_hub_give_back(h, &claim);
}

void leat_hub_write_saved(leat_hub *h, leat_http_call *c, const leat_hub_connector *all, size_t n,
                          leat_jw *w)
{
    const char *const *list = NULL;
    size_t nlist = 0;
    leat_err err = {0};
    pthread_mutex_lock(&h->guard);
    leat_connection_list(h->db, &c->a, &list, &nlist, &err);
    leat_connection *saved = LEAT_NEW(&c->a, leat_connection, nlist + 1);
    size_t good = 0;
    for (size_t i = 0; i < nlist; i++)
        if (leat_connection_get(h->db, list[i], &c->a, &saved[good], &err) == LEAT_OK) good++;
    pthread_mutex_unlock(&h->guard);
    for (size_t i = 0; i < good; i++) {
        const char **users;
        size_t nusers = users_of(all, n, saved[i].name, &c->a, &users);
        leat_connection_write(&saved[i], users, nusers, NULL, w);
    }
}

/* ---- systems ---- */

void leat_hub_v1_systems(void *hub, leat_http_call *c)
{
    leat_jw w = {.out = &c->out};
    (void)hub;
    leat_jw_array(&w, NULL);
    for (const leat_system *const *s = leat_systems; *s; s++) leat_connection_write_system(*s, &w);
    leat_jw_end(&w);
}

void leat_hub_v1_system(void *hub, leat_http_call *c)
{
    leat_jw w = {.out = &c->out};
    const leat_system *s = leat_system_find(c->param[0]);
    (void)hub;
    if (s)
        leat_connection_write_system(s, &w);
    else
        leat_hub_missing(c, "there is no system ",
                         " in this build; GET /hub/v1/systems lists them");
}

void leat_hub_v1_template(void *hub, leat_http_call *c)
{
    leat_template_format format = LEAT_TEMPLATE_PROPERTIES;
    leat_connection k;
    leat_err err = {0};
    leat_str word = leat_http_query(c, "format"), name = leat_http_query(c, "connection");
    const leat_source *source = leat_source_find(c->param[0]);
    const leat_sink *sink = source ? NULL : leat_sink_find(c->param[0]);
    if (!source && !sink) {
        leat_hub_missing(c, "there is no connector plugin ", "; GET /hub/v1/plugins lists them");
        return;
    }
    if (word.s && !leat_template_format_of(word, &format)) {
        leat_http_fail(c, 400, "format: expected properties, json or sql");
        return;
    }
    if (name.s && !find(hub, c, name, &c->a, &k)) return;
    c->type = "text/plain; charset=utf-8";
    if (leat_template_write(source ? source->name : sink->name, name.s ? &k : NULL, format, &c->out,
                            &err) != LEAT_OK)
        fail(c, &err);
}
