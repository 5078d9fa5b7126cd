/* Connections put to use: a connector's options from one, and one that is tried; see
 * engine/connection.h. */
#include "config/seal.h"
#include "engine/connection_part.h"
#include "engine/setup.h"

/* ---- from the folder of this process ---- */

/* A copy of the parameters with sealed values opened. */
static leat_rc opened(leat_arena *a, const leat_connection *k, leat_props *out, leat_err *e)
{
    leat_props_init(out, NULL);
    for (const leat_prop *p = k->parameters.first; p; p = p->next)
        leat_props_set(out, a, leat_str_of(p->name), leat_str_of(p->value), p->line);
    return leat_config_unseal(a, leat_connection_seal_name(a, k->name), out, e);
}

static leat_rc read_saved(leat_arena *a, const char *name, leat_connection *out, leat_err *e)
{
    const char *data = leat_seal_data(a);
    leat_hubdb *h = NULL;
    leat_rc rc = data ? leat_hubdb_look(data, &h, e) : LEAT_PENDING;
    if (rc == LEAT_PENDING)
        return leat_fail(e, LEAT_CONF, "connection.unknown", name,
                         "there is no connection \"%s\": none is saved in %s; 'leat connection "
                         "create' makes one, --data names another folder",
                         name, data ? data : "a data folder, since none was named");
    LEAT_TRY(rc);
    rc = leat_connection_get(h, name, a, out, e);
    leat_hubdb_close(h);
    return rc;
}

/* Its name in the list of connectors; the class as written when it is in none. */
static const char *connector_of(const leat_props *props)
{
    const char *klass = leat_props_get(props, "connector.class");
    leat_str word = leat_str_trim(leat_str_of(klass));
    const leat_source *source = leat_source_find(word);
    const leat_sink *sink = source ? NULL : leat_sink_find(word);
    return source ? source->name : sink ? sink->name : klass;
}

static bool wrong_system(const leat_connection *k, const char *connector, leat_report *r)
{
    leat_report_add(r, false, LEAT_CONNECTION_OPTION, 0,
                    "%s leads to %s, which is nothing for %s%s", k->name, k->system->label,
                    strcmp(connector, "worker") == 0 ? "a worker: it takes one to Kafka"
                                                     : "the connector ",
                    strcmp(connector, "worker") == 0 ? "" : connector);
    return false;
}

/* Those of its parameters that the connector cannot use. */
static bool refused(const leat_connection *k, const leat_system_face *face,
                    const leat_props *parameters, leat_report *r)
{
    unsigned before = r->errors;
    for (const char *const *p = face->lacks; p && *p; p++)
        if (leat_props_get(parameters, *p))
            leat_report_add(r, false, LEAT_CONNECTION_OPTION, 0,
                            "%s has %s, which the connector %s cannot use: give that one a "
                            "connection without it",
                            k->name, *p, face->connector);
    return r->errors > before;
}

bool leat_connection_expand(leat_arena *a, leat_props *props, bool worker, leat_report *r)
{
    const char *said = leat_props_get(props, LEAT_CONNECTION_OPTION);
    leat_str name = leat_str_trim(leat_str_of(said));
    const char *connector = worker ? "worker" : connector_of(props);
    leat_connection k;
    leat_props parameters, options;
    leat_err err = {0};
    if (name.len == 0 || !connector) return true;
    if (leat_rc_failed(read_saved(a, leat_arena_str(a, name).s, &k, &err)) ||
        leat_rc_failed(opened(a, &k, &parameters, &err))) {
        leat_report_add(r, false, LEAT_CONNECTION_OPTION, 0, "%s", err.msg);
        return false;
    }
    const leat_system_face *face = leat_system_face_of(k.system, connector);
    if (!face) return wrong_system(&k, connector, r);
    if (refused(&k, face, &parameters, r)) return false;
    leat_system_defaults(k.system, &parameters, a);
    leat_system_options(face, &parameters, a, &options);
    for (const leat_prop *p = options.first; p; p = p->next)
        if (!leat_props_get(props, p->name))
            leat_props_set(props, a, leat_str_of(p->name), leat_str_of(p->value), 0);
    return true;
}

/* ---- trying ---- */

const char *leat_connection_filled(leat_arena *a, const char *value, const char *name)
{
    const char *at = strstr(value, "${name}");
    if (!at) return value;
    char *word = leat_arena_strdup(a, name);
    for (char *p = word; *p; p++) {
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p - 'A' + 'a');
        bool good = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9');
        if (!good) *p = '_';
    }
    return leat_arena_printf(a, "%.*s%s%s", (int)(at - value), value, word, at + strlen("${name}"));
}

/* A configuration of the form's connector. Sets what is not set yet. */
static void add(leat_arena *a, leat_props *props, const char *option, const char *value)
{
    if (!leat_props_get(props, option))
        leat_props_set(props, a, leat_str_of(option), leat_str_of(value), 0);
}

static leat_rc form_config(leat_arena *a, const leat_connection *k, const leat_strategy *strategy,
                           const leat_props *more, leat_config **out, leat_err *e)
{
    leat_props parameters, options;
    leat_config *config = LEAT_NEW(a, leat_config, 1);
    LEAT_TRY(opened(a, k, &parameters, e));
    leat_system_defaults(k->system, &parameters, a);
    leat_system_options(leat_system_face_of(k->system, strategy->form), &parameters, a, &options);
    leat_props_init(&config->props, NULL);
    add(a, &config->props, "name", k->name);
    add(a, &config->props, "connector.class", strategy->form);
    for (const leat_prop *p = more ? more->first : NULL; p; p = p->next)
        add(a, &config->props, p->name, p->value);
    for (const leat_prop *p = options.first; p; p = p->next)
        add(a, &config->props, p->name, p->value);
    for (const leat_template_line *l = strategy->lines; l && l->option; l++)
        if (!l->choose && l->value)
            add(a, &config->props, l->option, leat_connection_filled(a, l->value, k->name));
    add(a, &config->props, "topic.prefix", leat_connection_filled(a, "${name}", k->name));
    config->name = leat_props_get(&config->props, "name");
    *out = config;
    return LEAT_OK;
}

/* Steps are told on with the parameters' names in place of the options'. */
typedef struct retelling {
    leat_checker *to;
    leat_arena *a;
    const leat_system_face *face; /* NULL: names are the same */
    const leat_report *found;     /* it knows what references stand for */
} retelling;

static const char *renamed(const retelling *t, const char *text)
{
    if (!text || !t->face) return text;
    for (const leat_system_map *m = t->face->map; m && m->parameter; m++) {
        size_t len = strlen(m->option);
        for (const char *at = text; (at = strstr(at, m->option)) != NULL;) {
            size_t before = (size_t)(at - text);
            text = leat_arena_printf(t->a, "%.*s%s%s", (int)before, text, m->parameter, at + len);
            at = text + before + strlen(m->parameter);
        }
    }
    return text;
}

static void on_step(leat_checker *c, const leat_step *s)
{
    const retelling *t = c->arg;
    leat_step told = *s;
    told.detail = leat_report_shown(t->found, renamed(t, s->detail));
    told.advice = leat_report_shown(t->found, renamed(t, s->advice));
    leat_check_step(t->to, &told);
}

static void tell_problems(const retelling *t, const leat_report *found, leat_report *r)
{
    for (const leat_problem *p = found->first; p; p = p->next)
        leat_report_add(r, p->warning, renamed(t, p->option), p->line, "%s", renamed(t, p->msg));
}

/* With the options of a connector; c NULL: it is only parsed. */
static leat_rc test_form(leat_arena *a, const leat_connection *k, const leat_strategy *strategy,
                         const leat_props *more, leat_checker *c, leat_report *r, leat_err *e)
{
    leat_setup setup;
    leat_config *config = NULL;
    leat_report found;
    retelling t = {c, a, leat_system_face_of(k->system, strategy->form), &found};
    leat_report_init(&found, a);
    LEAT_TRY(form_config(a, k, strategy, more, &config, e));
    bool good = leat_setup_parse(config, false, a, &setup, &found);
    tell_problems(&t, &found, r);
    if (!good || !c) return LEAT_OK;
    leat_checker through = {.step = on_step, .arg = &t};
    const leat_trial trial = {.parameters = &config->props, .conf = setup.conf, .a = a};
    if (strategy->check) return strategy->check(&trial, &through, e);
    return setup.source ? setup.source->check(setup.conf, &through, e)
                        : setup.sink->check(setup.conf, &through, e);
}

leat_rc leat_connection_test(leat_arena *a, const leat_connection *k, const leat_strategy *strategy,
                             const leat_props *more, leat_checker *c, leat_report *r, leat_err *e)
{
    leat_props parameters;
    if (!strategy) strategy = k->strategy;
    if (strategy->form) return test_form(a, k, strategy, more, c, r, e);
    LEAT_TRY(opened(a, k, &parameters, e));
    LEAT_TRY(leat_config_resolve(a, &parameters, e));
    leat_report_hide(r, &parameters);
    leat_system_defaults(k->system, &parameters, a);
    if (!c) return LEAT_OK;
    retelling t = {c, a, NULL, r};
    leat_checker through = {.step = on_step, .arg = &t};
    const leat_trial trial = {.parameters = &parameters, .a = a};
    return strategy->check(&trial, &through, e);
}

void leat_connection_validate(leat_arena *a, const leat_connection *k, leat_report *r)
{
    leat_err err = {0};
    if (leat_rc_failed(leat_connection_test(a, k, NULL, NULL, NULL, r, &err)))
        leat_report_add(r, false, NULL, 0, "%s", err.msg);
}
