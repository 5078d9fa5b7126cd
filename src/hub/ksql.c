/* SQL by HTTP, as ksqlDB's clients speak it: POST /ksql, and what they ask before, /info and
 * /healthcheck (docs/sql.md).
 *
 * Each statement becomes requests to the hub's own endpoints, in the name of who asked: their roles
 * count as ever, and the audit names what was done. */
#include "hub/inside.h"
#include "sql/parse.h"
#include "sql/run.h"

#define KSQL_TYPE "application/vnd.ksql.v1+json"
/* Of ksqlDB whose protocol this is; clients compare it. */
#define KSQL_VERSION "0.29.0"

/* ---- the hub's own endpoints ---- */

typedef struct asking {
    leat_hub *hub;
    leat_http_call *outer;
} asking;

static void add_pair(leat_http_call *c, leat_str text)
{
    leat_http_pair *p = LEAT_NEW(&c->a, leat_http_pair, 1), **at = &c->query;
    p->name = leat_str_cut(&text, '=');
    p->value = text.s ? text : LEAT_STR("");
    while (*at) at = &(*at)->next;
    *at = p;
}

static void handle(asking *g, leat_http_call *c, const leat_http_route *route, leat_str body)
{
    leat_role need = leat_http_route_role(route, c->method);
    leat_err err;
    if (c->who.role < need)
        leat_http_fail(c, 403, "this needs the role %s; %s has %s", leat_role_name(need),
                       c->who.name, leat_role_name(c->who.role));
    else if (route->body && leat_json_parse(&c->a, body, &c->json, &err) != LEAT_OK)
        leat_http_fail(c, 400, "%s", err.msg);
    else
        route->handler(g->hub, c);
}

static void tell(asking *g, const leat_http_call *c)
{
    leat_http_deed deed = {.who = c->who,
                           .method = c->method.s,
                           .path = leat_arena_str(&g->outer->a, c->path).s,
                           .status = c->status,
                           .changed = c->changed};
    bool refused = c->status == 401 || c->status == 403;
    if (refused || (leat_http_mutates(c->method) && !c->looked)) leat_hub_told(g->hub, &deed);
}

static leat_rc ask(void *arg, const char *method, const char *path, leat_str body, leat_arena *a,
                   int *status, leat_str *answer, leat_err *e)
{
    asking *g = arg;
    const leat_http_route *route = NULL;
    leat_str rest = leat_str_of(path);
    leat_http_call c = {.method = leat_str_of(method),
                        .who = g->outer->who,
                        .base = g->outer->base,
                        .status = 200,
                        .feeds = g->outer->feeds};
    (void)e;
    leat_arena_init(&c.a, 0);
    c.path = leat_str_cut(&rest, '?');
    while (rest.s) add_pair(&c, leat_str_cut(&rest, '&'));
    if (leat_http_route_find(leat_hub_routes, c.path, &c, &route) == LEAT_HTTP_FOUND)
        handle(g, &c, route, body);
    else
        leat_http_fail(&c, 404, "HTTP 404 Not Found");
    tell(g, &c);
    *status = c.status;
    *answer = leat_arena_str(a, leat_buf_str(&c.out));
    leat_buf_free(&c.out);
    leat_arena_free(&c.a);
    return LEAT_OK;
}

/* ---- POST /ksql ---- */

/* Clients that ask for ksqlDB's type get it. */
static void set_type(leat_http_call *c)
{
    leat_str accept = c->accept;
    if (accept.s && memmem(accept.s, accept.len, KSQL_TYPE, sizeof KSQL_TYPE - 1))
        c->type = KSQL_TYPE;
}

static void fail(leat_http_call *c, const leat_sql_failure *f)
{
    leat_buf_clear(&c->out);
    leat_sql_failure_write(f, &c->out);
    c->status = f->status;
}

static const leat_sql_var *variables(leat_http_call *c)
{
    const leat_json *list = leat_json_get(c->json, "sessionVariables");
    const leat_sql_var *vars = NULL;
    if (!list || list->type != LEAT_JSON_OBJECT) return NULL;
    for (const leat_json *j = list->child; j; j = j->next)
        if (j->type == LEAT_JSON_STRING || j->type == LEAT_JSON_NUMBER)
            vars = leat_sql_var_set(vars, &c->a, j->name, j->text);
    return vars;
}

void leat_hub_post_ksql(void *hub, leat_http_call *c)
{
    asking g = {.hub = hub, .outer = c};
    const leat_sql_host host = {.ask = ask, .arg = &g};
    leat_str text = leat_json_get_str(c->json, "ksql");
    leat_sql_statement *list = NULL;
    leat_sql_failure failure;
    leat_err err = {0};
    leat_jw w = {.out = &c->out};
    set_type(c);
    if (c->json->type != LEAT_JSON_OBJECT) {
        fail(c, &(leat_sql_failure){.status = 400,
                                    .code = 40000,
                                    .message = "expected an object {\"ksql\":\"...;\"}"});
        return;
    }
    const leat_sql_var *vars = variables(c);
    if (leat_sql_parse(&c->a, text.s ? text : LEAT_STR(""), &vars, &list, &err) != LEAT_OK) {
        leat_sql_failure_of(&err, text, &c->a, &failure);
        fail(c, &failure);
        return;
    }
    leat_jw_array(&w, NULL);
    if (leat_sql_run(&host, list, &c->a, &w, &failure))
        leat_jw_end(&w);
    else
        fail(c, &failure);
}

/* ---- what clients ask before ---- */

void leat_hub_get_ksql_info(void *hub, leat_http_call *c)
{
    const leat_hub *h = hub;
    leat_jw w = {.out = &c->out};
    set_type(c);
    leat_jw_object(&w, NULL);
    leat_jw_object(&w, "KsqlServerInfo");
    leat_jw_z(&w, "version", KSQL_VERSION);
    leat_jw_z(&w, "kafkaClusterId", h->id);
    leat_jw_z(&w, "ksqlServiceId", "leat_");
    leat_jw_z(&w, "serverStatus", "RUNNING");
    leat_jw_end(&w);
    leat_jw_end(&w);
}

void leat_hub_get_ksql_health(void *hub, leat_http_call *c)
{
    static const char *const parts[] = {"metastore", "kafka", "commandRunner"};
    const leat_hub *h = hub;
    leat_jw w = {.out = &c->out};
    bool stopping = leat_supervisor_stopping(h->supervisor);
    if (stopping) c->status = 503;
    set_type(c);
    leat_jw_object(&w, NULL);
    leat_jw_bool(&w, "isHealthy", !stopping);
    leat_jw_object(&w, "details");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        leat_jw_object(&w, parts[i]);
        leat_jw_bool(&w, "isHealthy", !stopping);
        leat_jw_end(&w);
    }
    leat_jw_end(&w);
    leat_jw_z(&w, "serverState", stopping ? "TERMINATING" : "READY");
    leat_jw_end(&w);
}
