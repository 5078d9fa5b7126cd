/* Of /hub/v1: connectors of this build with their forms, and a configuration tried on the real
 * system: checks, whose steps are told as they happen, and what could be captured.
 *
 * A form is the option table, as it stands: groups, types, defaults, choices. */
#include "base/clock.h"
#include "config/connector.h"
#include "engine/doctor.h"
#include "engine/setup.h"
#include "hub/inside.h"
#include "stream/options.h"

/* ---- plugins ---- */

static void write_options(leat_opt_tables tables, leat_buf *out)
{
    leat_buf one = {0};
    leat_opts_json(tables, &one);
    if (one.len > 2) {
        if (out->len > 1) leat_buf_u8(out, ',');
        leat_buf_put(out, one.p + 1, one.len - 2); /* the elements alone */
    }
    leat_buf_free(&one);
}

static void write_form(const leat_source *source, const leat_sink *sink, leat_jw *w)
{
    static const leat_opt *const common[] = {leat_connector_options, NULL};
    static const leat_opt *const stream[] = {leat_stream_options, NULL};
    leat_buf list = {0};
    leat_buf_u8(&list, '[');
    write_options(source ? source->options : sink->options, &list);
    write_options(common, &list);
    if (source) write_options(stream, &list);
    leat_buf_u8(&list, ']');
    leat_jw_raw(w, "options", leat_buf_str(&list));
    leat_buf_free(&list);
}

static void write_plugin(const leat_source *source, const leat_sink *sink, bool form, leat_jw *w)
{
    const char *const *classes = source ? source->classes : sink->classes;
    leat_jw_object(w, NULL);
    leat_jw_z(w, "name", source ? source->name : sink->name);
    leat_jw_z(w, "type", source ? "source" : "sink");
    leat_jw_z(w, "title", source ? source->title : sink->title);
    leat_jw_z(w, "help", source ? source->help : sink->help);
    leat_jw_z(w, "version", source && source->version ? source->version : LEAT_VERSION);
    leat_jw_array(w, "classes");
    for (; classes && *classes; classes++) leat_jw_z(w, NULL, *classes);
    leat_jw_end(w);
    leat_jw_bool(w, "discovers", source && source->discover);
    leat_jw_bool(w, "splits", source && source->tasks);
    if (form) write_form(source, sink, w);
    leat_jw_end(w);
}

/* One that this build has not, and why. */
static void write_absent(const leat_not_built *m, leat_jw *w)
{
    leat_jw_object(w, NULL);
    leat_jw_z(w, "name", m->name);
    leat_jw_z(w, "type", m->kind);
    leat_jw_z(w, "title", m->name);
    leat_jw_z(w, "help", NULL);
    leat_jw_array(w, "classes");
    leat_jw_end(w);
    leat_jw_z(w, "absent", m->reason);
    leat_jw_end(w);
}

void leat_hub_v1_plugins(void *hub, leat_http_call *c)
{
    leat_jw w = {.out = &c->out};
    (void)hub;
    leat_jw_array(&w, NULL);
    for (const leat_source *const *s = leat_sources; *s; s++) write_plugin(*s, NULL, false, &w);
    for (const leat_sink *const *k = leat_sinks; *k; k++) write_plugin(NULL, *k, false, &w);
    const leat_not_built *m = leat_connectors_missing;
    for (; leat_http_query_true(c, "absent") && m->name; m++) write_absent(m, &w);
    leat_jw_end(&w);
}

void leat_hub_v1_plugin(void *hub, leat_http_call *c)
{
    leat_jw w = {.out = &c->out};
    const leat_source *source = leat_source_find(c->param[0]);
    const leat_sink *sink = source ? NULL : leat_sink_find(c->param[0]);
    (void)hub;
    if (source || sink)
        write_plugin(source, sink, true, &w);
    else
        leat_hub_missing(c, "there is no connector plugin ", "; GET /hub/v1/plugins lists them");
}

/* ---- versions ---- */

static void write_version(void *arg, const leat_hubdb_version *v)
{
    char at[LEAT_ISO_MAX];
    leat_jw *w = arg;
    leat_jw_object(w, NULL);
    leat_jw_i64(w, "version", v->version);
    leat_jw_z(w, "at", leat_iso_us(v->at_us, 3, at));
    leat_jw_z(w, "who", *v->who ? v->who : NULL);
    leat_jw_raw(w, "config", v->config);
    leat_jw_end(w);
}

void leat_hub_v1_versions(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_connector k;
    leat_err err = {0};
    leat_jw w = {.out = &c->out};
    if (!leat_hub_find(h, c->param[0], &c->a, &k)) {
        leat_hub_missing(c, "there is no connector ", "");
        return;
    }
    leat_jw_array(&w, NULL);
    pthread_mutex_lock(&h->guard);
    leat_rc rc = leat_hubdb_versions_each(h->db, k.name, write_version, &w, &err);
    pthread_mutex_unlock(&h->guard);
    leat_jw_end(&w);
    if (rc != LEAT_OK) leat_hub_fail(c, &err);
}

/* ---- a configuration to try: {"name":...,"config":{...}} ---- */

/* A copy in a, masks replaced by what is stored; NULL: answered. Without "config" it is the stored
 * one of "name". */
static const leat_config *given(leat_hub *h, leat_http_call *c, leat_arena *a)
{
    leat_hub_connector was;
    const leat_json *options = leat_json_get(c->json, "config");
    leat_str name = leat_json_get_str(c->json, "name");
    if (!name.s) name = leat_json_get_str(options, "name");
    name = leat_str_trim(name);
    bool stored = name.s && leat_hub_find(h, name, a, &was);
    if (!options && stored) return was.config;
    if (!options || options->type != LEAT_JSON_OBJECT) {
        leat_http_fail(c, name.s && !options ? 404 : 400,
                       name.s && !options
                           ? "there is no connector of that name: send its \"config\""
                           : "expected {\"config\":{...}}, or {\"name\":...} of a connector that "
                             "is there");
        return NULL;
    }
    const char *named = name.len ? leat_arena_str(a, name).s : "unnamed";
    leat_config *config = leat_hub_config_of(h, c, a, options, named);
    if (config && stored) leat_hub_unmask(&was, config, a);
    return config;
}

typedef struct trial {
    leat_arena a;
    const char *data;
    const leat_config *config;            /* NULL: it is a connection */
    leat_hub_trial_connection connection; /* without a configuration */
    leat_feed *f;                         /* NULL: all is told at the end */
    leat_buf problems, steps;             /* elements of arrays */
    leat_doctor doctor;
    leat_report report; /* in a */
    unsigned failed, warned;
    bool left; /* nobody listens any more */
} trial;

static void free_trial(void *arg)
{
    trial *t = arg;
    leat_buf_free(&t->problems);
    leat_buf_free(&t->steps);
    leat_doctor_free(&t->doctor);
    leat_arena_free(&t->a);
    leat_free(t);
}

static void tell(trial *t, const char *event, leat_buf *list, leat_str json)
{
    if (t->f) {
        if (!leat_feed_event(t->f, event, NULL, json)) t->left = true;
        return;
    }
    if (list->len > 0) leat_buf_u8(list, ',');
    leat_buf_add(list, json);
}

static void tell_problem(trial *t, const leat_problem *p)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "option", p->option);
    leat_jw_bool(&w, "warning", p->warning);
    leat_jw_z(&w, "message", p->msg);
    leat_jw_end(&w);
    tell(t, "problem", &t->problems, leat_buf_str(&text));
    leat_buf_free(&text);
}

/* What the system says may name what a reference stands for. */
static leat_step shown(const trial *t, const leat_step *s)
{
    leat_step out = *s;
    out.detail = leat_report_shown(&t->report, s->detail);
    out.advice = leat_report_shown(&t->report, s->advice);
    out.sql = leat_report_shown(&t->report, s->sql);
    out.undo = leat_report_shown(&t->report, s->undo);
    return out;
}

static void on_step(leat_checker *c, const leat_step *told)
{
    static const char *const states[] = {"ok", "failed", "warn", "skipped"};
    trial *t = c->arg;
    leat_buf text = {0};
    const leat_step step = shown(t, told), *s = &step;
    leat_doctor_add(&t->doctor, s);
    leat_step_write(s, states[s->state], &text);
    tell(t, "step", &t->steps, leat_buf_str(&text));
    leat_buf_free(&text);
}

static leat_rc try_config(trial *t, leat_checker *c, leat_report *r, leat_err *e)
{
    leat_setup setup;
    leat_hub_refuse_masks(t->config, r);
    if (r->errors > 0 || !leat_setup_parse(t->config, false, &t->a, &setup, r)) return LEAT_OK;
    if (setup.source) return setup.source->check(setup.conf, c, e);
    LEAT_TRY(setup.sink->check(setup.conf, c, e));
    if (!setup.kafka) leat_wanted_check(&setup.wanted, t->data, c);
    return LEAT_OK;
}

static void try_it(trial *t)
{
    leat_report *r = &t->report;
    leat_err err = {0};
    leat_report_init(r, &t->a);
    leat_checker c = {.step = on_step, .arg = t};
    leat_rc rc = t->config ? try_config(t, &c, r, &err)
                           : leat_connection_test(&t->a, &t->connection.k, t->connection.strategy,
                                                  &t->connection.more, &c, r, &err);
    if (leat_rc_failed(rc))
        leat_report_add(r, false, NULL, 0, "%s: %s [%s]", err.where, err.msg, err.code);
    for (const leat_problem *p = r->first; p; p = p->next) tell_problem(t, p);
    t->failed = c.failed + r->errors;
    t->warned = c.warned + r->warnings;
}

/* null when there is nothing to do. */
static void write_script(const trial *t, const char *member,
                         void (*put)(const leat_doctor *d, const char *of, leat_buf *out),
                         leat_jw *w)
{
    leat_buf text = {0};
    put(&t->doctor, t->config ? t->config->name : t->connection.k.name, &text);
    if (text.len)
        leat_jw_str(w, member, leat_buf_str(&text));
    else
        leat_jw_z(w, member, NULL);
    leat_buf_free(&text);
}

static void write_end(const trial *t, leat_jw *w)
{
    leat_jw_bool(w, "ok", t->failed == 0);
    leat_jw_i64(w, "failed", t->failed);
    leat_jw_i64(w, "warned", t->warned);
    write_script(t, "sql", leat_doctor_script, w);
    write_script(t, "undo", leat_doctor_undo, w);
}

static void feed_trial(void *arg, leat_feed *f)
{
    trial *t = arg;
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    t->f = f;
    try_it(t);
    leat_jw_object(&w, NULL);
    write_end(t, &w);
    leat_jw_end(&w);
    leat_feed_event(f, "done", NULL, leat_buf_str(&text));
    leat_buf_free(&text);
}

static void raw_list(leat_jw *w, const char *name, const leat_buf *elements)
{
    leat_buf list = {0};
    leat_buf_u8(&list, '[');
    leat_buf_add(&list, leat_buf_str(elements));
    leat_buf_u8(&list, ']');
    leat_jw_raw(w, name, leat_buf_str(&list));
    leat_buf_free(&list);
}

void leat_hub_v1_check(void *hub, leat_http_call *c)
{
    const leat_hub *h = hub;
    trial *t = leat_zalloc(1, sizeof *t);
    t->data = h->conf.data;
    leat_jw w = {.out = &c->out};
    bool connection = leat_json_get(c->json, "connection") != NULL;
    if (!connection) t->config = given(hub, c, &t->a);
    if (connection ? !leat_hub_connection_given(hub, c, &t->a, &t->connection) : !t->config) {
        free_trial(t);
        return;
    }
    if (leat_hub_wants_events(c)) {
        leat_feed_begin(c, feed_trial, free_trial, t);
        return;
    }
    try_it(t);
    leat_jw_object(&w, NULL);
    write_end(t, &w);
    raw_list(&w, "problems", &t->problems);
    raw_list(&w, "steps", &t->steps);
    leat_jw_end(&w);
    free_trial(t);
}

/* ---- discover ---- */

static void write_catalog(const leat_catalog *catalog, leat_jw *w)
{
    leat_jw_object(w, NULL);
    leat_jw_array(w, "tables");
    for (const leat_catalog_table *t = catalog->first; t; t = t->next) {
        leat_jw_object(w, NULL);
        leat_jw_z(w, "database", t->db);
        leat_jw_z(w, "schema", t->schema);
        leat_jw_z(w, "name", t->name);
        leat_jw_z(w, "kind", t->kind);
        leat_jw_i64(w, "rows", t->rows);
        leat_jw_bool(w, "captured", t->captured);
        leat_jw_z(w, "topic", t->topic);
        leat_jw_end(w);
    }
    leat_jw_end(w);
    leat_jw_end(w);
}

void leat_hub_v1_discover(void *hub, leat_http_call *c)
{
    leat_report r;
    leat_setup setup;
    leat_err err = {0};
    leat_jw w = {.out = &c->out};
    leat_catalog catalog = {.a = &c->a};
    const leat_config *config = given(hub, c, &c->a);
    if (!config) return;
    catalog.tail = &catalog.first;
    leat_report_init(&r, &c->a);
    if (!leat_setup_parse(config, false, &c->a, &setup, &r)) {
        leat_report_err(&r, config->name, &err);
        leat_http_fail(c, 400, "%s", err.msg);
    } else if (!setup.source || !setup.source->discover) {
        leat_http_fail(c, 400, "a %s tells no tables: there is nothing to discover",
                       setup.source ? setup.source->name : setup.sink->name);
    } else if (leat_rc_failed(setup.source->discover(setup.conf, &catalog, &err))) {
        const char *text = leat_arena_printf(&c->a, "%s: %s", err.where, err.msg);
        leat_http_fail(c, 422, "%s [%s]", leat_report_shown(&r, text), err.code);
    } else {
        write_catalog(&catalog, &w);
    }
}
