/* What can be configured: /connector-plugins, its options, and the validation of a configuration.
 *
 * All comes from the option tables, in Kafka Connect's ConfigDef words. Options that are accepted
 * without effect are told; those of families (MANY) cannot be, having no name of their own. */
#include "config/connector.h"
#include "config/seal.h"
#include "hub/inside.h"
#include "stream/options.h"

static const leat_opt *const COMMON[] = {leat_connector_options, NULL};
static const leat_opt *const STREAM[] = {leat_stream_options, NULL};

/* A source or a sink. */
typedef struct plugin {
    const leat_source *source;
    const leat_sink *sink;
    const char *klass; /* the Java class it answers to, else its name */
    leat_opt_tables options;
} plugin;

static bool find(leat_str name, plugin *out)
{
    *out = (plugin){.source = leat_source_find(name)};
    if (!out->source) out->sink = leat_sink_find(name);
    if (!out->source && !out->sink) return false;
    const char *const *classes = out->source ? out->source->classes : out->sink->classes;
    out->klass = leat_hub_class(classes, out->source ? out->source->name : out->sink->name);
    out->options = out->source ? out->source->options : out->sink->options;
    return true;
}

/* ---- the list ---- */

static void write_plugin(const char *klass, const char *type, const char *version, leat_jw *w)
{
    leat_jw_object(w, NULL);
    leat_jw_z(w, "class", klass);
    leat_jw_z(w, "type", type);
    leat_jw_z(w, "version", version);
    leat_jw_end(w);
}

void leat_hub_get_plugins(void *hub, leat_http_call *c)
{
    leat_jw w = {.out = &c->out};
    plugin p;
    (void)hub;
    leat_jw_array(&w, NULL);
    for (const leat_sink *const *k = leat_sinks; *k; k++)
        if (find(leat_str_of((*k)->name), &p)) write_plugin(p.klass, "sink", LEAT_VERSION, &w);
    for (const leat_source *const *s = leat_sources; *s; s++)
        if (find(leat_str_of((*s)->name), &p))
            write_plugin(p.klass, "source", (*s)->version ? (*s)->version : LEAT_VERSION, &w);
    if (leat_str_is(leat_http_query(c, "connectorsOnly"), "false")) {
        write_plugin("org.apache.kafka.connect.json.JsonConverter", "converter",
                     LEAT_HUB_CONNECT_VERSION, &w);
        write_plugin("org.apache.kafka.connect.storage.SimpleHeaderConverter", "header_converter",
                     LEAT_HUB_CONNECT_VERSION, &w);
    }
    leat_jw_end(&w);
}

/* ---- options ---- */

static const char *type_of(const leat_opt *o)
{
    if (o->flags & LEAT_OPT_SECRET) return "PASSWORD";
    switch (o->type) {
    case LEAT_OPT_INT: return o->max > INT32_MAX ? "LONG" : "INT";
    case LEAT_OPT_BOOL: return "BOOLEAN";
    case LEAT_OPT_LIST: return "LIST";
    case LEAT_OPT_MS:
    case LEAT_OPT_BYTES: return "LONG";
    default: return "STRING";
    }
}

static const char *width_of(const leat_opt *o)
{
    if (o->type == LEAT_OPT_LIST || (o->flags & LEAT_OPT_REGEX)) return "LONG";
    return o->type == LEAT_OPT_STR || o->type == LEAT_OPT_ENUM ? "MEDIUM" : "SHORT";
}

static bool told(const leat_opt *o)
{
    return o->type != LEAT_OPT_MANY && !(o->flags & LEAT_OPT_MISSING);
}

static void write_definition(const leat_opt *o, unsigned order, const char *name, leat_jw *w)
{
    bool required = o->flags & LEAT_OPT_REQUIRED;
    leat_jw_object(w, name);
    leat_jw_z(w, "name", o->name);
    leat_jw_z(w, "type", type_of(o));
    leat_jw_bool(w, "required", required);
    leat_jw_z(w, "default_value", o->def);
    leat_jw_z(w, "importance", required ? "HIGH" : o->flags & LEAT_OPT_ADVANCED ? "LOW" : "MEDIUM");
    leat_jw_z(w, "documentation", o->help);
    leat_jw_z(w, "group", o->group);
    leat_jw_z(w, "width", width_of(o));
    leat_jw_z(w, "display_name", o->label);
    leat_jw_array(w, "dependents");
    leat_jw_end(w);
    leat_jw_i64(w, "order", order);
    leat_jw_end(w);
}

void leat_hub_get_plugin_config(void *hub, leat_http_call *c)
{
    leat_jw w = {.out = &c->out};
    plugin p;
    unsigned order = 0;
    (void)hub;
    if (!find(c->param[0], &p)) {
        leat_http_fail(c, 404, "Unknown plugin %.*s.", LEAT_STR_ARG(c->param[0]));
        return;
    }
    leat_jw_array(&w, NULL);
    for (leat_opt_tables t = p.options; *t; t++)
        for (const leat_opt *o = *t; o->name; o++)
            if (told(o)) write_definition(o, ++order, NULL, &w);
    leat_jw_end(&w);
}

/* ---- validation ---- */

typedef struct validation {
    const leat_config *config;
    const leat_report *report;
    leat_catalog catalog; /* of the real system; empty: it was not asked, or did not answer */
    leat_arena *a;
    leat_jw w;
    unsigned errors;
} validation;

/* Names of tables, schemas and databases that there are, for the options that choose among them. */
static void write_found(validation *v, const leat_opt *o)
{
    const char *part = strncmp(o->name, "table.", 6) == 0      ? "table"
                       : strncmp(o->name, "schema.", 7) == 0   ? "schema"
                       : strncmp(o->name, "database.", 9) == 0 ? "database"
                                                               : NULL;
    if (!part || !strstr(o->name, "clude.list")) return;
    const char *last = NULL;
    for (const leat_catalog_table *t = v->catalog.first; t; t = t->next) {
        const char *outer = t->schema ? t->schema : t->db;
        const char *name = *part == 't'   ? leat_arena_printf(v->a, "%s%s%s", outer ? outer : "",
                                                            outer ? "." : "", t->name)
                           : *part == 's' ? t->schema
                                          : t->db;
        if (!name || (last && strcmp(name, last) == 0)) continue;
        leat_jw_z(&v->w, NULL, name);
        last = name;
    }
}

/* A problem is told under its option; one without, or whose option is in no table, under the class
 * of the connector. */
static bool belongs(const validation *v, const leat_problem *p, const leat_opt *o,
                    leat_opt_tables own)
{
    (void)v;
    if (p->option && strcmp(p->option, o->name) == 0) return true;
    if (strcmp(o->name, "connector.class") != 0) return false;
    leat_str name = leat_str_of(p->option);
    const leat_opt *row = NULL;
    leat_opt_tables sets[] = {COMMON, STREAM, own};
    for (size_t i = 0; p->option && i < 3 && !row; i++) row = leat_opts_find(sets[i], name);
    return !row || !told(row) || strcmp(row->name, p->option) != 0;
}

static void write_value(validation *v, const leat_opt *o, leat_opt_tables own)
{
    leat_jw *w = &v->w;
    const char *value = leat_props_get(&v->config->props, o->name);
    if (!value) value = o->def;
    leat_jw_object(w, "value");
    leat_jw_z(w, "name", o->name);
    leat_jw_z(w, "value", value && leat_config_secret(own, o->name, value) ? LEAT_HUB_MASK : value);
    leat_jw_array(w, "recommended_values");
    for (const char *const *one = o->choices; one && *one; one++) leat_jw_z(w, NULL, *one);
    write_found(v, o);
    leat_jw_end(w);
    leat_jw_array(w, "errors");
    bool wrong = false;
    for (const leat_problem *p = v->report->first; p; p = p->next) {
        if (!belongs(v, p, o, own)) continue;
        leat_jw_z(w, NULL, leat_hub_problem(v->config, p, v->a));
        wrong = true;
    }
    v->errors += wrong;
    leat_jw_end(w);
    leat_jw_bool(w, "visible", true);
    leat_jw_end(w);
}

static void write_configs(validation *v, const plugin *p)
{
    leat_opt_tables sets[] = {COMMON, p->source ? STREAM : NULL, p->options};
    unsigned order = 0;
    leat_jw_array(&v->w, "configs");
    for (size_t i = 0; i < 3; i++) {
        for (leat_opt_tables t = sets[i]; t && *t; t++) {
            for (const leat_opt *o = *t; o->name; o++) {
                if (!told(o)) continue;
                leat_jw_object(&v->w, NULL);
                write_definition(o, ++order, "definition", &v->w);
                write_value(v, o, p->options);
                leat_jw_end(&v->w);
            }
        }
    }
    leat_jw_end(&v->w);
}

static void write_groups(validation *v, const plugin *p)
{
    leat_opt_tables sets[] = {COMMON, p->source ? STREAM : NULL, p->options};
    const char *seen[64];
    size_t n = 0;
    leat_jw_array(&v->w, "groups");
    for (size_t i = 0; i < 3; i++) {
        for (leat_opt_tables t = sets[i]; t && *t; t++) {
            for (const leat_opt *o = *t; o->name; o++) {
                size_t at = 0;
                while (at < n && strcmp(seen[at], o->group) != 0) at++;
                if (at < n || n == 64 || !told(o)) continue;
                seen[n++] = o->group;
                leat_jw_z(&v->w, NULL, o->group);
            }
        }
    }
    leat_jw_end(&v->w);
}

/* The number of errors is known when all is written. */
static void answer(leat_http_call *c, validation *v, const plugin *p)
{
    leat_buf rest = {0};
    v->w = (leat_jw){.out = &rest};
    leat_jw_object(&v->w, NULL);
    write_groups(v, p);
    write_configs(v, p);
    leat_jw_end(&v->w);
    leat_jw w = {.out = &c->out};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "name", leat_props_get(&v->config->props, "connector.class"));
    leat_jw_i64(&w, "error_count", v->errors);
    leat_buf_u8(&c->out, ',');
    leat_buf_put(&c->out, rest.p + 1, rest.len - 1); /* its opening brace is ours */
    leat_buf_free(&rest);
}

/* Takes out the name that reading gave it. */
static void unname(leat_config *config)
{
    leat_prop **at = &config->props.first;
    while (*at && strcmp((*at)->name, "name") != 0) at = &(*at)->next;
    if (*at) *at = (*at)->next;
}

void leat_hub_put_validate(void *hub, leat_http_call *c)
{
    leat_config *config = NULL;
    leat_err err;
    plugin p, named;
    leat_hub_connector was;
    leat_report report;
    leat_buf text = {0};
    const leat_source *source;
    const leat_sink *sink;
    if (c->json->type != LEAT_JSON_OBJECT) {
        leat_http_fail(c, 400, "expected an object of options");
        return;
    }
    bool unnamed = !leat_json_get_str(c->json, "name").s;
    leat_buf_str_z(&text, "{\"config\":");
    leat_json_write(c->json, &text);
    leat_buf_u8(&text, '}');
    leat_rc rc = leat_config_json(&c->a, leat_buf_str(&text), "unnamed", &config, &err);
    leat_buf_free(&text);
    if (rc != LEAT_OK) {
        leat_http_fail(c, 400, "%s", err.msg);
        return;
    }
    leat_hub_add_worker(hub, &c->a, config);
    if (!leat_hub_plugin_of(c, config, &source, &sink)) return;
    find(leat_str_of(leat_props_get(&config->props, "connector.class")), &p);
    if (!find(c->param[0], &named) || named.source != p.source || named.sink != p.sink) {
        leat_http_fail(c, 400, "Included connector type %s does not match request type %.*s",
                       leat_props_get(&config->props, "connector.class"),
                       LEAT_STR_ARG(c->param[0]));
        return;
    }
    if (leat_hub_find(hub, leat_str_of(config->name), &c->a, &was))
        leat_hub_unmask(&was, config, &c->a);
    if (unnamed) unname(config);
    validation v = {.config = config, .report = &report, .a = &c->a};
    leat_hub_validate(config, &c->a, &report);
    if (report.errors == 0) leat_hub_discover(config, &c->a, &v.catalog);
    answer(c, &v, &p);
}
