/* Values of connections: what a person says made good, and what is stored read; see the header. */
#include "config/connector.h"
#include "config/seal.h"
#include "engine/connection_part.h"
#include "sink/sink.h"

/* ---- names ---- */

/* A parameter's name as its row has it: small letters, points. */
static const char *plain(leat_arena *a, const char *name)
{
    char *out = leat_arena_strdup(a, name);
    for (char *p = out; *p; p++) {
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p - 'A' + 'a');
        if (*p == '_') *p = '.';
    }
    return out;
}

const char *leat_connection_seal_name(leat_arena *a, const char *name)
{
    return leat_arena_printf(a, "connection/%s", name);
}

static const char *known_systems(leat_arena *a)
{
    const char *list = "";
    for (const leat_system *const *s = leat_systems; *s; s++)
        list = leat_arena_printf(a, "%s%s%s", list, *list ? ", " : "", (*s)->name);
    return list;
}

static const char *known_strategies(const leat_system *s, leat_arena *a)
{
    const char *list = "";
    for (const leat_strategy *one = s->strategies; one->name; one++)
        list = leat_arena_printf(a, "%s%s%s (%s)", list, *list ? ", " : "", one->name, one->label);
    return list;
}

static const char *known_parameters(const leat_system *s, leat_arena *a)
{
    const char *list = "";
    for (leat_opt_tables t = s->parameters; *t; t++)
        for (const leat_opt *o = *t; o->name; o++)
            list = leat_arena_printf(a, "%s%s%s", list, *list ? ", " : "", o->name);
    return list;
}

/* ---- making ---- */

static bool find_system(leat_arena *a, const char *type, leat_connection *out, leat_report *r)
{
    out->system = type ? leat_system_find(leat_str_trim(leat_str_of(type))) : NULL;
    if (out->system) return true;
    leat_report_add(r, false, "type", 0,
                    type ? "there is no system \"%s\" in this build; expected one of: %s"
                         : "is required%s: one of: %s",
                    type ? type : "", known_systems(a));
    return false;
}

static bool find_strategy(leat_arena *a, const char *name, leat_connection *out, leat_report *r)
{
    leat_str word = leat_str_trim(leat_str_of(name));
    out->strategy = leat_system_strategy(out->system, word.len ? word : (leat_str){0});
    if (out->strategy) return true;
    leat_report_add(r, false, "strategy", 0, "%s has no strategy \"%s\"; expected one of: %s",
                    out->system->label, name, known_strategies(out->system, a));
    return false;
}

/* A value that is a reference to a provider is looked at when it is used. */
static bool checked_later(const char *value)
{
    return strstr(value, "${") != NULL;
}

static void take(leat_arena *a, const leat_opt *o, const char *value, int line,
                 leat_connection *out, leat_report *r)
{
    leat_str text =
        o->flags & LEAT_OPT_SECRET ? leat_str_of(value) : leat_str_trim(leat_str_of(value));
    if (text.len == 0) return;
    const char *wrong =
        checked_later(value) ? NULL : leat_opt_check(o, leat_arena_str(a, text).s, a);
    if (wrong) leat_report_add(r, false, o->name, line, "%s", wrong);
    if (!leat_strategy_has(out->system, out->strategy, o->name))
        leat_report_add(r, true, o->name, line, "has no effect with the strategy %s (%s)",
                        out->strategy->name, out->strategy->label);
    leat_props_set(&out->parameters, a, leat_str_of(o->name), text, line);
}

static void require(const leat_connection *k, leat_report *r)
{
    for (leat_opt_tables t = k->system->parameters; *t; t++)
        for (const leat_opt *o = *t; o->name; o++)
            if (o->flags & LEAT_OPT_REQUIRED && !leat_props_get(&k->parameters, o->name))
                leat_report_add(r, false, o->name, 0, "is required: %s", o->help);
}

static const char *given_of(leat_arena *a, const leat_props *given, const char *name)
{
    for (const leat_prop *p = given->first; p; p = p->next)
        if (strcmp(plain(a, p->name), name) == 0) return p->value;
    return NULL;
}

static bool is_own(const char *name)
{
    return strcmp(name, "type") == 0 || strcmp(name, "strategy") == 0 || strcmp(name, "name") == 0;
}

bool leat_connection_make(leat_arena *a, const char *name, const leat_props *given,
                          leat_connection *out, leat_report *r)
{
    leat_err err = {0};
    unsigned before = r->errors;
    *out = (leat_connection){.name = leat_arena_strdup(a, name)};
    leat_props_init(&out->parameters, NULL);
    if (leat_connector_name_check(name, &err) != LEAT_OK)
        leat_report_add(r, false, "name", 0, "%s", err.msg);
    if (!find_system(a, given_of(a, given, "type"), out, r) ||
        !find_strategy(a, given_of(a, given, "strategy"), out, r))
        return false;
    for (const leat_prop *p = given->first; p; p = p->next) {
        const char *word = plain(a, p->name);
        if (is_own(word)) continue;
        const leat_opt *o = leat_opts_find(out->system->parameters, leat_str_of(word));
        if (o)
            take(a, o, p->value, p->line, out, r);
        else
            leat_report_add(r, false, p->name, p->line,
                            "is no parameter of %s; expected one of: type, strategy, %s",
                            out->system->label, known_parameters(out->system, a));
    }
    require(out, r);
    return r->errors == before;
}

static bool among(leat_arena *a, const char *const *list, const char *name)
{
    for (; list && *list; list++)
        if (strcmp(plain(a, *list), name) == 0) return true;
    return false;
}

bool leat_connection_alter(leat_arena *a, const leat_connection *was, const leat_props *given,
                           const char *const *taken, leat_connection *out, leat_report *r)
{
    leat_props all;
    const char *type = given_of(a, given, "type");
    if (type && leat_system_find(leat_str_trim(leat_str_of(type))) != was->system) {
        leat_report_add(r, false, "type", 0, "is %s and cannot change: make another connection",
                        was->system->name);
        return false;
    }
    leat_props_init(&all, NULL);
    leat_props_set(&all, a, LEAT_STR("type"), leat_str_of(was->system->name), 0);
    if (!among(a, taken, "strategy"))
        leat_props_set(&all, a, LEAT_STR("strategy"), leat_str_of(was->strategy->name), 0);
    for (const leat_prop *p = was->parameters.first; p; p = p->next)
        if (!among(a, taken, p->name))
            leat_props_set(&all, a, leat_str_of(p->name), leat_str_of(p->value), 0);
    for (const leat_prop *p = given->first; p; p = p->next) {
        const char *word = plain(a, p->name), *stored = leat_props_get(&was->parameters, word);
        bool kept = stored && strcmp(p->value, "***") == 0 &&
                    leat_config_secret(was->system->parameters, word, stored);
        if (!kept) leat_props_set(&all, a, leat_str_of(word), leat_str_of(p->value), p->line);
    }
    return leat_connection_make(a, was->name, &all, out, r);
}

/* ---- showing ---- */

static void write_values(const leat_connection *k, leat_jw *w)
{
    leat_opt_tables tables = k->system->parameters;
    leat_jw_object(w, "parameters");
    for (leat_opt_tables t = tables; *t; t++)
        for (const leat_opt *o = *t; o->name; o++) {
            const char *value = leat_props_get(&k->parameters, o->name);
            if (!leat_strategy_has(k->system, k->strategy, o->name)) continue;
            bool hide = value && leat_config_secret(tables, o->name, value);
            leat_jw_z(w, o->name, hide ? "***" : value ? value : o->def);
        }
    leat_jw_end(w);
}

void leat_connection_write(const leat_connection *k, const char *const *users, size_t n,
                           const char *member, leat_jw *w)
{
    leat_jw_object(w, member);
    leat_jw_z(w, "name", k->name);
    leat_jw_z(w, "system", k->system->name);
    leat_jw_z(w, "label", k->system->label);
    leat_jw_z(w, "strategy", k->strategy->name);
    leat_jw_z(w, "strategy_label", k->strategy->label);
    write_values(k, w);
    leat_jw_array(w, "used_by");
    for (size_t i = 0; i < n; i++) leat_jw_z(w, NULL, users[i]);
    leat_jw_end(w);
    leat_jw_end(w);
}

void leat_connection_write_system(const leat_system *s, leat_jw *w)
{
    leat_buf options = {0};
    leat_jw_object(w, NULL);
    leat_jw_z(w, "name", s->name);
    leat_jw_z(w, "label", s->label);
    leat_jw_z(w, "help", s->help);
    leat_jw_z(w, "default_strategy", s->strategy);
    leat_jw_array(w, "strategies");
    for (const leat_strategy *one = s->strategies; one->name; one++) {
        const char *by = one->connector;
        bool built = by && (leat_source_find(leat_str_of(by)) || leat_sink_find(leat_str_of(by)));
        leat_jw_object(w, NULL);
        leat_jw_z(w, "name", one->name);
        leat_jw_z(w, "label", one->label);
        leat_jw_z(w, "help", one->help);
        leat_jw_z(w, "type", one->sink ? "sink" : "source");
        leat_jw_z(w, "connector", built ? by : NULL);
        leat_jw_array(w, "only");
        for (const char *const *p = one->only; p && *p; p++) leat_jw_z(w, NULL, *p);
        leat_jw_end(w);
        leat_jw_end(w);
    }
    leat_jw_end(w);
    leat_opts_json(s->parameters, &options);
    leat_jw_raw(w, "parameters", leat_buf_str(&options));
    leat_buf_free(&options);
    leat_jw_end(w);
}
