/* PAUSE and its like, offsets, snapshots, tests; topics and variables. */
#include "sql/run_part.h"

/* What is of leat alone answers 404 elsewhere, with the path and no name in it. */
static const char *failed(leat_sql_turn *t, const char *what)
{
    return leat_arena_printf(t->a, "Failed to %s", what);
}

bool leat_sql_act(leat_sql_turn *t)
{
    static const struct {
        leat_sql_kind kind;
        const char *method, *path, *word, *done;
    } acts[] = {
        {LEAT_SQL_PAUSE, "PUT", "/pause", "pause", "PAUSE"},
        {LEAT_SQL_RESUME, "PUT", "/resume", "resume", "RESUME"},
        {LEAT_SQL_STOP, "PUT", "/stop", "stop", "STOP"},
        {LEAT_SQL_RESTART, "POST", "/restart?includeTasks=true", "restart", "RESTART"},
    };
    size_t i = 0;
    leat_sql_answer r;
    while (acts[i].kind != t->s->kind) i++;
    const char *what = leat_arena_printf(t->a, "%s connector", acts[i].word);
    if (!leat_sql_need(t, acts[i].method, leat_sql_path(t, "/connectors/", acts[i].path),
                       (leat_str){0}, failed(t, what), &r))
        return false;
    return leat_sql_acted(t, acts[i].done, (leat_str){0});
}

bool leat_sql_test(leat_sql_turn *t)
{
    leat_sql_answer r;
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    leat_jw_str(&w, "name", t->s->name);
    leat_jw_end(&w);
    if (!leat_sql_need(t, "POST", "/hub/v1/checks", leat_sql_body(t, &text),
                       "Failed to test connector", &r))
        return false;
    leat_sql_entity(t, "connector_test");
    leat_jw_str(t->w, "connectorName", t->s->name);
    leat_jw_bool(t->w, "ok", leat_json_get_bool(r.json, "ok", false));
    leat_sql_member(t, "steps", leat_json_get(r.json, "steps"));
    leat_sql_member(t, "problems", leat_json_get(r.json, "problems"));
    leat_sql_entity_end(t, NULL);
    return true;
}

/* A signal as Debezium's. */
static leat_str signal_of(leat_sql_turn *t)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "type", "execute-snapshot");
    leat_jw_object(&w, "data");
    leat_jw_z(&w, "type", t->s->blocking ? "blocking" : "incremental");
    leat_jw_array(&w, "data-collections");
    for (const leat_sql_prop *p = t->s->tables; p; p = p->next) leat_jw_str(&w, NULL, p->name);
    leat_jw_end(&w);
    if (t->s->value.s) {
        leat_jw_array(&w, "additional-conditions");
        for (const leat_sql_prop *p = t->s->tables; p; p = p->next) {
            leat_jw_object(&w, NULL);
            leat_jw_str(&w, "data-collection", p->name);
            leat_jw_str(&w, "filter", t->s->value);
            leat_jw_end(&w);
        }
        leat_jw_end(&w);
    }
    leat_jw_end(&w);
    leat_jw_end(&w);
    return leat_sql_body(t, &text);
}

bool leat_sql_snapshot(leat_sql_turn *t)
{
    leat_sql_answer r;
    if (!leat_sql_need(t, "POST", leat_sql_path(t, "/hub/v1/connectors/", "/signals"), signal_of(t),
                       "Failed to begin a snapshot", &r))
        return false;
    return leat_sql_acted(t, "SNAPSHOT", leat_json_get_str(r.json, "id"));
}

/* ---- offsets ---- */

/* The list alone, or the object that REST has: what REST takes. NULL: told. */
static const char *given(leat_sql_turn *t)
{
    const leat_json *j = NULL;
    leat_err err = {0};
    if (leat_json_parse(t->a, t->s->value, &j, &err) != LEAT_OK) {
        leat_sql_fail(t, 400, "The offsets are no JSON: %s", err.msg);
        return NULL;
    }
    leat_str text = leat_json_text(j, t->a);
    return j->type == LEAT_JSON_ARRAY
               ? leat_arena_printf(t->a, "{\"offsets\":%.*s}", LEAT_STR_ARG(text))
               : text.s;
}

bool leat_sql_offsets(leat_sql_turn *t)
{
    static const struct {
        leat_sql_kind kind;
        const char *method, *what, *done;
    } acts[] = {
        {LEAT_SQL_LIST_OFFSETS, "GET", "list offsets", NULL},
        {LEAT_SQL_ALTER_OFFSETS, "PATCH", "alter offsets", "ALTER OFFSETS"},
        {LEAT_SQL_RESET_OFFSETS, "DELETE", "reset offsets", "RESET OFFSETS"},
    };
    const char *path = leat_sql_path(t, "/connectors/", "/offsets"), *body = NULL;
    size_t i = 0;
    leat_sql_answer r;
    while (acts[i].kind != t->s->kind) i++;
    if (t->s->kind == LEAT_SQL_ALTER_OFFSETS && !(body = given(t))) return false;
    if (!leat_sql_need(t, acts[i].method, path, leat_str_of(body), failed(t, acts[i].what), &r))
        return false;
    if (acts[i].done) return leat_sql_acted(t, acts[i].done, (leat_str){0});
    leat_sql_entity(t, "connector_offsets");
    leat_jw_str(t->w, "connectorName", t->s->name);
    leat_sql_member(t, "offsets", leat_json_get(r.json, "offsets"));
    leat_sql_entity_end(t, NULL);
    return true;
}

/* ---- topics, variables ---- */

bool leat_sql_topics(leat_sql_turn *t)
{
    leat_sql_answer r;
    if (!leat_sql_need(t, "GET", "/hub/v1/topics", (leat_str){0}, "Failed to list topics", &r))
        return false;
    leat_sql_entity(t, "kafka_topics");
    leat_jw_array(t->w, "topics");
    for (const leat_json *j = r.json ? r.json->child : NULL; j; j = j->next) {
        leat_jw_object(t->w, NULL);
        leat_jw_str(t->w, "name", leat_json_get_str(j, "topic"));
        leat_jw_raw(t->w, "replicaInfo", LEAT_STR("[1]"));
        leat_jw_str(t->w, "connector", leat_json_get_str(j, "connector"));
        leat_jw_i64(t->w, "firstOffset", leat_json_get_i64(j, "first_offset", 0));
        leat_jw_i64(t->w, "nextOffset", leat_json_get_i64(j, "next_offset", 0));
        leat_jw_end(t->w);
    }
    leat_jw_end(t->w);
    leat_sql_entity_end(t, NULL);
    return true;
}

bool leat_sql_variables(leat_sql_turn *t)
{
    const leat_sql_var **all;
    size_t n = leat_sql_var_list(t->s->vars, t->a, &all);
    leat_sql_entity(t, "variables");
    leat_jw_array(t->w, "variables");
    for (size_t i = 0; i < n; i++) {
        leat_jw_object(t->w, NULL);
        leat_jw_str(t->w, "name", all[i]->name);
        leat_jw_str(t->w, "value", all[i]->value);
        leat_jw_end(t->w);
    }
    leat_jw_end(t->w);
    leat_sql_entity_end(t, NULL);
    return true;
}

/* Of ksqlDB's streams: there are none here, and clients ask all the same. */
bool leat_sql_properties(leat_sql_turn *t)
{
    static const char *const lists[] = {"properties", "overwrittenProperties", "defaultProperties"};
    leat_sql_entity(t, "properties");
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        leat_jw_array(t->w, lists[i]);
        leat_jw_end(t->w);
    }
    leat_sql_entity_end(t, NULL);
    return true;
}
