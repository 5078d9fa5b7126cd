/* What is wrong with a configuration, as Kafka Connect tells it.
 *
 * The option tables come first; only a configuration that they are content with is tried on the
 * real system, by the connector's own check, which changes nothing there. Its failed steps are
 * errors of the option that says where the system is, as Debezium has it. */
#include "base/log.h"
#include "config/seal.h"
#include "engine/setup.h"
#include "hub/inside.h"

typedef struct trial {
    leat_report *r;
    const char *option; /* that a failed step is told under */
} trial;

static void on_step(leat_checker *c, const leat_step *s)
{
    const trial *t = c->arg;
    if (s->state != LEAT_STEP_FAILED) return;
    leat_report_add(
        t->r, false, t->option, 0, "Error while validating connector config: %s: %s%s%s", s->name,
        s->detail ? s->detail : "failed", s->advice ? "; " : "", s->advice ? s->advice : "");
}

static void try_system(const leat_setup *setup, leat_report *r)
{
    leat_opt_tables tables = setup->source ? setup->source->options : setup->sink->options;
    const leat_opt *host = leat_opts_find(tables, LEAT_STR("database.hostname"));
    trial t = {.r = r, .option = host ? host->name : "connector.class"};
    leat_checker c = {.step = on_step, .arg = &t};
    leat_err err = {0};
    unsigned before = r->errors;
    leat_rc rc = setup->source ? setup->source->check(setup->conf, &c, &err)
                               : setup->sink->check(setup->conf, &c, &err);
    if (leat_rc_failed(rc) && r->errors == before)
        leat_report_add(r, false, t.option, 0, "Error while validating connector config: %s",
                        err.msg);
}

void leat_hub_discover(const leat_config *config, leat_arena *a, leat_catalog *out)
{
    leat_report r;
    leat_setup setup;
    leat_err err;
    leat_report_init(&r, a);
    *out = (leat_catalog){.a = a};
    out->tail = &out->first;
    if (leat_setup_parse(config, false, a, &setup, &r) && setup.source && setup.source->discover &&
        leat_rc_failed(setup.source->discover(setup.conf, out, &err)))
        leat_log_err(LEAT_WARN, &err);
}

void leat_hub_unmask(const leat_hub_connector *was, leat_config *config, leat_arena *a)
{
    leat_opt_tables tables = leat_hub_tables(was);
    for (leat_prop *p = config->props.first; p; p = p->next) {
        const char *stored = leat_props_get(&was->config->props, p->name);
        if (stored && strcmp(p->value, LEAT_HUB_MASK) == 0 &&
            leat_config_secret(tables, p->name, stored))
            p->value = leat_arena_strdup(a, stored);
    }
}

void leat_hub_refuse_masks(const leat_config *config, leat_report *r)
{
    leat_str klass = leat_str_of(leat_props_get(&config->props, "connector.class"));
    leat_hub_connector k = {.source = leat_source_find(klass), .sink = leat_sink_find(klass)};
    for (const leat_prop *p = config->props.first; p; p = p->next)
        if (strcmp(p->value, LEAT_HUB_MASK) == 0 &&
            leat_config_secret(leat_hub_tables(&k), p->name, p->value))
            leat_report_add(r, false, p->name, 0,
                            LEAT_HUB_MASK " is the mask that answers show instead of a secret, and "
                                          "nothing is stored here that it could stand for: give "
                                          "the secret itself");
}

void leat_hub_validate(const leat_config *config, leat_arena *a, leat_report *r)
{
    leat_report all;
    leat_setup setup;
    leat_report_init(&all, a);
    leat_report_init(r, a);
    leat_hub_refuse_masks(config, &all);
    bool good = leat_setup_parse(config, false, a, &setup, &all) && all.errors == 0;
    if (good) try_system(&setup, &all);
    for (const leat_problem *p = all.first; p; p = p->next)
        if (!p->warning) leat_report_add(r, false, p->option, 0, "%s", p->msg);
}

const char *leat_hub_problem(const leat_config *config, const leat_problem *p, leat_arena *a)
{
    static const char required[] = "is required";
    if (!p->option || strncmp(p->msg, "Error while", 11) == 0) return p->msg;
    if (strncmp(p->msg, required, sizeof required - 1) == 0)
        return leat_arena_printf(
            a, "Missing required configuration \"%s\" which has no default value.", p->option);
    const char *value = leat_props_get(&config->props, p->option);
    leat_str klass = leat_str_of(leat_props_get(&config->props, "connector.class"));
    leat_hub_connector k = {.source = leat_source_find(klass), .sink = leat_sink_find(klass)};
    if (value && leat_config_secret(leat_hub_tables(&k), p->option, value)) value = "[hidden]";
    return leat_arena_printf(a, "Invalid value %s for configuration %s: %s", value ? value : "null",
                             p->option, p->msg);
}

static void add_plugin(leat_buf *out, const char *name, const char *version, const char *type)
{
    leat_buf_printf(out,
                    "%sPluginDesc{klass=class %s, name='%s', version='%s', encodedVersion=%s, "
                    "type=%s, typeName='%s', location='classpath'}",
                    out->len ? ", " : "", name, name, version, version, type, type);
}

const char *leat_hub_class(const char *const *classes, const char *name)
{
    for (const char *const *c = classes; c && *c; c++)
        if (strchr(*c, '.')) return *c;
    return name;
}

static void unknown_class(leat_http_call *c, const char *klass)
{
    leat_buf list = {0};
    for (const leat_source *const *s = leat_sources; *s; s++)
        add_plugin(&list, leat_hub_class((*s)->classes, (*s)->name),
                   (*s)->version ? (*s)->version : LEAT_VERSION, "source");
    for (const leat_sink *const *k = leat_sinks; *k; k++)
        add_plugin(&list, leat_hub_class((*k)->classes, (*k)->name), LEAT_VERSION, "sink");
    leat_http_fail(c, 400,
                   "Failed to find any class that implements Connector and which name matches %s, "
                   "available connectors are: %.*s",
                   klass, LEAT_STR_ARG(leat_buf_str(&list)));
    leat_buf_free(&list);
}

/* The names alone: values may be secret. */
static void no_class(leat_http_call *c, const leat_config *config)
{
    leat_buf list = {0};
    for (const leat_prop *p = config->props.first; p; p = p->next)
        leat_buf_printf(&list, "%s%s=...", list.len ? ", " : "", p->name);
    leat_http_fail(c, 400, "Connector config {%.*s} contains no connector type",
                   LEAT_STR_ARG(leat_buf_str(&list)));
    leat_buf_free(&list);
}

bool leat_hub_plugin_of(leat_http_call *c, const leat_config *config, const leat_source **source,
                        const leat_sink **sink)
{
    const char *klass = leat_props_get(&config->props, "connector.class");
    leat_str name = leat_str_trim(leat_str_of(klass));
    *source = leat_source_find(name);
    *sink = *source ? NULL : leat_sink_find(name);
    if (*source || *sink) return true;
    if (name.len == 0)
        no_class(c, config);
    else
        unknown_class(c, klass);
    return false;
}
