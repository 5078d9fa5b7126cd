/* CREATE, ALTER, DROP, DESCRIBE, SHOW of connectors, as ksqlDB's executors answer them. */
#include "sql/run_part.h"
#include "sql/template.h"

/* ---- create ---- */

/* found: there is one of that name, in any case. False: told. */
static bool look_for(leat_sql_turn *t, bool *found)
{
    leat_sql_answer r;
    *found = false;
    if (!leat_sql_need(t, "GET", "/connectors", (leat_str){0},
                       "Failed to check for existing connector", &r))
        return false;
    for (const leat_json *j = r.json ? r.json->child : NULL; j; j = j->next)
        if (leat_str_ieq(j->text, t->s->name)) *found = true;
    return true;
}

static leat_str options_of(leat_sql_turn *t, const leat_config *config)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    for (const leat_prop *p = config->props.first; p; p = p->next) leat_jw_z(&w, p->name, p->value);
    leat_jw_end(&w);
    return leat_sql_body(t, &text);
}

/* The errors that validation found, each "option - error". error */
static void add_errors(const leat_json *configs, leat_buf *out)
{
    for (const leat_json *c = configs ? configs->child : NULL; c; c = c->next) {
        const leat_json *value = leat_json_get(c, "value"),
                        *errors = leat_json_get(value, "errors");
        if (!errors || !errors->child) continue;
        leat_buf_printf(out, "%s%.*s - ", out->len ? "\n" : "",
                        LEAT_STR_ARG(leat_json_get_str(value, "name")));
        for (const leat_json *one = errors->child; one; one = one->next) {
            if (one != errors->child) leat_buf_str_z(out, ". ");
            leat_buf_add(out, one->text);
        }
    }
}

static bool valid_config(leat_sql_turn *t)
{
    const leat_config *config = leat_sql_template(t->s, t->a);
    leat_str klass = leat_str_of(leat_props_get(&config->props, "connector.class"));
    leat_sql_answer r;
    if (!klass.s)
        return leat_sql_fail(t, 400,
                             "Validation error: Connector config contains no connector type: "
                             "'connector.class' is missing");
    if (leat_str_trim(klass).len == 0)
        return leat_sql_fail(t, 400, "Validation error: Connector type cannot be empty");
    leat_buf path = {0};
    leat_buf_str_z(&path, "/connector-plugins/");
    leat_buf_url(&path, klass);
    leat_buf_str_z(&path, "/config/validate");
    if (!leat_sql_ask(t, "PUT", leat_sql_body(t, &path).s, options_of(t, config), &r)) return false;
    if (!leat_sql_good(&r)) {
        int status = r.status == 401 || r.status == 403 ? r.status : 400;
        return leat_sql_fail(t, status, "Validation error: %.*s", LEAT_STR_ARG(r.body));
    }
    leat_buf errors = {0};
    add_errors(leat_json_get(r.json, "configs"), &errors);
    bool good = errors.len == 0;
    if (!good) leat_sql_fail(t, 400, "Validation error: %.*s", LEAT_STR_ARG(leat_buf_str(&errors)));
    leat_buf_free(&errors);
    return good;
}

bool leat_sql_validate_create(leat_sql_turn *t)
{
    bool found = false;
    if (!t->s->exists && !look_for(t, &found)) return false;
    if (found)
        return leat_sql_fail(t, 409, "Connector %.*s already exists", LEAT_STR_ARG(t->s->name));
    return valid_config(t);
}

/* What the words of the statement and the class disagree about; NULL: nothing. */
static const char *other_side(const leat_sql_turn *t, const leat_json *info)
{
    leat_str type = leat_json_get_str(info, "type");
    const char *said = t->s->side == LEAT_SQL_SINK ? "sink" : "source";
    if (!type.s || leat_str_ieq(type, leat_str_of(said)) || leat_str_is(type, "unknown"))
        return NULL;
    return leat_arena_printf(t->a, "the statement says %s, but the connector.class is a %.*s", said,
                             LEAT_STR_ARG(type));
}

static bool tell_info(leat_sql_turn *t, const leat_json *info, const char *warning)
{
    leat_sql_entity(t, "connector_info");
    leat_sql_member(t, "info", info);
    leat_sql_entity_end(t, warning);
    return true;
}

bool leat_sql_create(leat_sql_turn *t)
{
    bool found = false;
    leat_sql_answer r;
    leat_buf text = {0};
    if (t->s->exists && !look_for(t, &found)) return false;
    if (found) return leat_sql_warn(t, "Connector %.*s already exists", LEAT_STR_ARG(t->s->name));
    leat_config_write(leat_sql_template(t->s, t->a), NULL, false, &text);
    if (!leat_sql_need(t, "POST", "/connectors", leat_sql_body(t, &text),
                       "Failed to create connector", &r))
        return false;
    return tell_info(t, r.json, other_side(t, r.json));
}

/* ---- alter ---- */

bool leat_sql_alter(leat_sql_turn *t)
{
    leat_sql_answer r;
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    for (const leat_sql_prop *p = t->s->props; p; p = p->next)
        leat_jw_str(&w, leat_arena_str(t->a, p->name).s, p->value);
    leat_jw_end(&w);
    if (!leat_sql_need(t, "PATCH", leat_sql_path(t, "/connectors/", "/config"),
                       leat_sql_body(t, &text), "Failed to alter connector", &r))
        return false;
    return tell_info(t, r.json, NULL);
}

/* ---- drop ---- */

/* What only a leat does: another server would do the rest and say nothing. */
static bool need_leat(leat_sql_turn *t, const char *what)
{
    leat_sql_answer r;
    if (!leat_sql_need(t, "GET", "/", (leat_str){0}, "Failed to ask for the version", &r))
        return false;
    if (leat_str_starts(leat_json_get_str(r.json, "commit"), "leat-")) return true;
    return leat_sql_fail(t, 400, "%s is leat's; what answers here is Kafka Connect %.*s", what,
                         LEAT_STR_ARG(leat_json_get_str(r.json, "version")));
}

static bool delete_offsets(leat_sql_turn *t)
{
    static const char failed[] = "Failed to delete the connector's offsets";
    leat_sql_answer r;
    if (!leat_sql_need(t, "PUT", leat_sql_path(t, "/connectors/", "/stop"), (leat_str){0}, failed,
                       &r))
        return false;
    return leat_sql_need(t, "DELETE", leat_sql_path(t, "/connectors/", "/offsets"), (leat_str){0},
                         failed, &r);
}

bool leat_sql_drop(leat_sql_turn *t)
{
    leat_sql_answer r;
    const char *path = leat_sql_path(t, "/connectors/", t->s->forget ? "?forget=true" : "");
    if (t->s->forget && !need_leat(t, "FORGET")) return false;
    if (!leat_sql_ask(t, "GET", leat_sql_path(t, "/connectors/", ""), (leat_str){0}, &r))
        return false;
    if (leat_sql_good(&r) && t->s->delete_offsets && !delete_offsets(t)) return false;
    if (leat_sql_good(&r) && !leat_sql_ask(t, "DELETE", path, (leat_str){0}, &r)) return false;
    if (r.status == 404 && t->s->exists)
        return leat_sql_warn(t, "Connector '%.*s' does not exist.", LEAT_STR_ARG(t->s->name));
    if (!leat_sql_good(&r))
        return leat_sql_fail(t, r.status, "Failed to drop connector: %.*s", LEAT_STR_ARG(r.body));
    leat_sql_entity(t, "drop_connector");
    leat_jw_str(t->w, "connectorName", t->s->name);
    leat_sql_entity_end(t, NULL);
    return true;
}

/* ---- describe ---- */

bool leat_sql_describe(leat_sql_turn *t)
{
    leat_sql_answer status, info, topics;
    if (!leat_sql_need(t, "GET", leat_sql_path(t, "/connectors/", "/status"), (leat_str){0},
                       "Failed to query connector status", &status) ||
        !leat_sql_need(t, "GET", leat_sql_path(t, "/connectors/", ""), (leat_str){0},
                       "Failed to describe connector", &info) ||
        !leat_sql_ask(t, "GET", leat_sql_path(t, "/connectors/", "/topics"), (leat_str){0},
                      &topics))
        return false;
    const char *warning = NULL;
    if (!leat_sql_good(&topics) && topics.status != 404)
        warning = leat_arena_printf(t->a, "Could not list related topics due to error: %.*s",
                                    LEAT_STR_ARG(topics.body));
    const leat_json *of = leat_sql_good(&topics) && topics.json ? topics.json->child : NULL;
    const leat_json *list = leat_json_get(of, "topics");
    leat_sql_entity(t, "connector_description");
    leat_jw_str(t->w, "connectorClass",
                leat_json_get_str(leat_json_get(info.json, "config"), "connector.class"));
    leat_sql_member(t, "status", status.json);
    leat_jw_array(t->w, "sources");
    leat_jw_end(t->w);
    leat_jw_raw(t->w, "topics", list ? leat_json_text(list, t->a) : LEAT_STR("[]"));
    leat_sql_entity_end(t, warning);
    return true;
}

/* ---- show ---- */

/* "RUNNING (1/1 tasks RUNNING)", "WARNING (0/1 tasks RUNNING)", or the state that is neither. */
static const char *summary(leat_sql_turn *t, const leat_json *status)
{
    leat_str state = leat_json_get_str(leat_json_get(status, "connector"), "state");
    const leat_json *tasks = leat_json_get(status, "tasks");
    unsigned n = 0, running = 0;
    if (!leat_str_is(state, "RUNNING")) return leat_arena_str(t->a, state).s;
    for (const leat_json *j = tasks ? tasks->child : NULL; j; j = j->next, n++)
        running += leat_str_is(leat_json_get_str(j, "state"), "RUNNING");
    return leat_arena_printf(t->a, "%s (%u/%u tasks RUNNING)",
                             n > 0 && running == 0 ? "WARNING" : "RUNNING", running, n);
}

static bool in_scope(const leat_sql_turn *t, leat_str type)
{
    if (t->s->side == LEAT_SQL_ANY) return true;
    return leat_str_is(type, t->s->side == LEAT_SQL_SINK ? "sink" : "source");
}

bool leat_sql_list(leat_sql_turn *t)
{
    leat_sql_answer r;
    if (!leat_sql_need(t, "GET", "/connectors?expand=info&expand=status", (leat_str){0},
                       "Failed to list connectors", &r))
        return false;
    leat_sql_entity(t, "connector_list");
    leat_jw_array(t->w, "connectors");
    for (const leat_json *j = r.json ? r.json->child : NULL; j; j = j->next) {
        const leat_json *info = leat_json_get(j, "info");
        leat_str type = leat_json_get_str(info, "type");
        if (!in_scope(t, type)) continue;
        leat_jw_object(t->w, NULL);
        leat_jw_str(t->w, "name", j->name);
        leat_jw_str(t->w, "type", type);
        leat_jw_str(t->w, "className",
                    leat_json_get_str(leat_json_get(info, "config"), "connector.class"));
        leat_jw_z(t->w, "state", summary(t, leat_json_get(j, "status")));
        leat_jw_end(t->w);
    }
    leat_jw_end(t->w);
    leat_sql_entity_end(t, NULL);
    return true;
}

bool leat_sql_plugins(leat_sql_turn *t)
{
    leat_sql_answer r;
    if (!leat_sql_need(t, "GET", "/connector-plugins", (leat_str){0},
                       "Failed to list connector plugins", &r))
        return false;
    leat_sql_entity(t, "connector_plugins_list");
    leat_sql_member(t, "connectorsPlugins", r.json);
    leat_sql_entity_end(t, NULL);
    return true;
}
