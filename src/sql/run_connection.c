/* CREATE, ALTER, DROP, DESCRIBE, SHOW and TEST of connections, by requests of /hub/v1. */
#include "sql/run_part.h"

static bool is(const leat_sql_prop *p, const char *name)
{
    return leat_str_ieq(p->name, leat_str_of(name));
}

static void put_values(leat_sql_turn *t, leat_jw *w, const char *member)
{
    leat_jw_object(w, member);
    for (const leat_sql_prop *p = t->s->props; p; p = p->next)
        if (!is(p, "type") && !is(p, "strategy"))
            leat_jw_str(w, leat_arena_str(t->a, p->name).s, p->value);
    leat_jw_end(w);
}

/* {"name","type","strategy","parameters"}; name: of a new one. */
static leat_str body_of(leat_sql_turn *t, bool name)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    if (name) leat_jw_str(&w, "name", t->s->name);
    for (const leat_sql_prop *p = t->s->props; p; p = p->next) {
        if (is(p, "type")) leat_jw_str(&w, "type", p->value);
        if (is(p, "strategy")) leat_jw_str(&w, "strategy", p->value);
    }
    put_values(t, &w, "parameters");
    leat_jw_end(&w);
    return leat_sql_body(t, &text);
}

bool leat_sql_connection_create(leat_sql_turn *t)
{
    leat_sql_answer r;
    const char *path = t->s->untested ? "/hub/v1/connections?test=false" : "/hub/v1/connections";
    if (t->s->exists) {
        if (!leat_sql_ask(t, "GET", leat_sql_path(t, "/hub/v1/connections/", ""), (leat_str){0},
                          &r))
            return false;
        if (leat_sql_good(&r))
            return leat_sql_warn(t, "Connection %.*s already exists", LEAT_STR_ARG(t->s->name));
    }
    if (!leat_sql_need(t, "POST", path, body_of(t, true), "Failed to create connection", &r))
        return false;
    leat_sql_entity(t, "connection_info");
    leat_sql_member(t, "connection", r.json);
    leat_sql_entity_end(t, NULL);
    return true;
}

bool leat_sql_connection_alter(leat_sql_turn *t)
{
    leat_sql_answer r;
    const char *query =
        leat_arena_printf(t->a, "%s%s", t->s->untested ? "?test=false" : "?test=true",
                          t->s->restart ? "&restart=true" : "");
    if (!leat_sql_need(t, "PATCH", leat_sql_path(t, "/hub/v1/connections/", query),
                       body_of(t, false), "Failed to alter connection", &r))
        return false;
    const leat_json *waiting = leat_json_get(r.json, "restart_needed");
    const char *warning = NULL;
    for (const leat_json *j = waiting ? waiting->child : NULL; j; j = j->next)
        warning = leat_arena_printf(t->a, "%s%.*s",
                                    warning ? leat_arena_printf(t->a, "%s, ", warning)
                                            : "These go on as before until they "
                                              "are restarted: ",
                                    LEAT_STR_ARG(j->text));
    leat_sql_entity(t, "connection_info");
    leat_sql_member(t, "connection", leat_json_get(r.json, "connection"));
    if (t->s->restart) leat_sql_member(t, "restarted", leat_json_get(r.json, "restarted"));
    leat_sql_entity_end(t, warning);
    return true;
}

bool leat_sql_connection_drop(leat_sql_turn *t)
{
    leat_sql_answer r;
    if (!leat_sql_ask(t, "DELETE", leat_sql_path(t, "/hub/v1/connections/", ""), (leat_str){0}, &r))
        return false;
    if (r.status == 404 && t->s->exists)
        return leat_sql_warn(t, "Connection '%.*s' does not exist.", LEAT_STR_ARG(t->s->name));
    if (!leat_sql_good(&r))
        return leat_sql_fail(t, r.status, "Failed to drop connection: %.*s", LEAT_STR_ARG(r.body));
    leat_sql_entity(t, "drop_connection");
    leat_jw_str(t->w, "connectionName", t->s->name);
    leat_sql_entity_end(t, NULL);
    return true;
}

bool leat_sql_connection_describe(leat_sql_turn *t)
{
    leat_sql_answer r;
    if (!leat_sql_need(t, "GET", leat_sql_path(t, "/hub/v1/connections/", ""), (leat_str){0},
                       "Failed to describe connection", &r))
        return false;
    leat_sql_entity(t, "connection_description");
    leat_sql_member(t, "connection", r.json);
    leat_sql_entity_end(t, NULL);
    return true;
}

bool leat_sql_connection_test(leat_sql_turn *t)
{
    leat_sql_answer r;
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    leat_jw_str(&w, "connection", t->s->name);
    if (t->s->value.s) leat_jw_str(&w, "strategy", t->s->value);
    put_values(t, &w, "config");
    leat_jw_end(&w);
    leat_str body = leat_sql_body(t, &text);
    if (!leat_sql_need(t, "POST", "/hub/v1/checks", body, "Failed to test connection", &r))
        return false;
    leat_sql_entity(t, "connection_test");
    leat_jw_str(t->w, "connectionName", t->s->name);
    leat_jw_bool(t->w, "ok", leat_json_get_bool(r.json, "ok", false));
    leat_sql_member(t, "steps", leat_json_get(r.json, "steps"));
    leat_sql_member(t, "problems", leat_json_get(r.json, "problems"));
    leat_sql_entity_end(t, NULL);
    return true;
}

bool leat_sql_connection_list(leat_sql_turn *t)
{
    leat_sql_answer r;
    if (!leat_sql_need(t, "GET", "/hub/v1/connections", (leat_str){0}, "Failed to list connections",
                       &r))
        return false;
    leat_sql_entity(t, "connection_list");
    leat_jw_array(t->w, "connections");
    for (const leat_json *j = r.json ? r.json->child : NULL; j; j = j->next)
        if (leat_json_get_str(j, "name").s) leat_jw_raw(t->w, NULL, leat_json_text(j, t->a));
    leat_jw_end(t->w);
    leat_sql_entity_end(t, NULL);
    return true;
}
