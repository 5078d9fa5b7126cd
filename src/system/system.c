/* Looking things up in the tables of systems; see the header. */
#include "system/system.h"

#include "config/opt_value.h"

const leat_system_map leat_system_by_url[] = {
    {"username", "connection.user"},
    {"password", "connection.password"},
    {NULL, NULL},
};

const leat_system_map leat_system_of_sink[] = {
    {"username", "connection.username"},
    {"password", "connection.password"},
    {"connect.timeout.ms", "connect.timeout.ms"},
    {NULL, NULL},
};

const leat_system_map leat_system_of_confluent[] = {
    {"username", "connection.user"},
    {"password", "connection.password"},
    {"connect.timeout.ms", "connect.timeout.ms"},
    {NULL, NULL},
};

const leat_system *leat_system_find(leat_str name)
{
    for (const leat_system *const *s = leat_systems; *s; s++) {
        if (leat_str_ieq(name, leat_str_of((*s)->name)) ||
            leat_str_ieq(name, leat_str_of((*s)->label)))
            return *s;
        for (const char *const *other = (*s)->names; other && *other; other++)
            if (leat_str_ieq(name, leat_str_of(*other))) return *s;
    }
    return NULL;
}

const leat_strategy *leat_system_strategy(const leat_system *s, leat_str name)
{
    static const char by[] = "By ";
    if (!name.s) name = leat_str_of(s->strategy);
    for (const leat_strategy *one = s->strategies; one->name; one++) {
        const char *label = one->label;
        if (leat_str_ieq(name, leat_str_of(one->name)) || leat_str_ieq(name, leat_str_of(label)))
            return one;
        if (strncmp(label, by, sizeof by - 1) == 0 &&
            leat_str_ieq(name, leat_str_of(label + sizeof by - 1)))
            return one;
    }
    return NULL;
}

const leat_system_face *leat_system_face_of(const leat_system *s, const char *connector)
{
    for (const leat_system_face *f = s->faces; f && f->connector; f++)
        if (strcmp(f->connector, connector) == 0) return f;
    return NULL;
}

const leat_strategy *leat_system_carried(const leat_system *s, const char *connector)
{
    for (const leat_strategy *one = s->strategies; one->name; one++)
        if (one->connector && strcmp(one->connector, connector) == 0) return one;
    return NULL;
}

static bool among(const char *const *list, const char *word)
{
    for (; list && *list; list++)
        if (strcmp(*list, word) == 0) return true;
    return false;
}

bool leat_strategy_has(const leat_system *s, const leat_strategy *strategy, const char *parameter)
{
    if (among(strategy->only, parameter)) return true;
    for (const leat_strategy *other = s->strategies; other->name; other++)
        if (among(other->only, parameter)) return false;
    return true;
}

void leat_system_defaults(const leat_system *s, leat_props *parameters, leat_arena *a)
{
    for (leat_opt_tables t = s->parameters; *t; t++)
        for (const leat_opt *o = *t; o->name; o++)
            if (o->def && !leat_props_get(parameters, o->name))
                leat_props_set(parameters, a, leat_str_of(o->name), leat_str_of(o->def), 0);
}

void leat_system_options(const leat_system_face *face, const leat_props *parameters, leat_arena *a,
                         leat_props *options)
{
    leat_props_init(options, NULL);
    for (const leat_system_map *m = face->map; m && m->parameter; m++) {
        const char *value = leat_props_get(parameters, m->parameter);
        if (value && *value)
            leat_props_set(options, a, leat_str_of(m->option), leat_str_of(value), 0);
    }
    if (face->put) face->put(parameters, a, options);
}

int64_t leat_system_ms(leat_opt_tables tables, const leat_props *parameters, const char *name,
                       leat_arena *a)
{
    const leat_opt *o = leat_opts_find(tables, leat_str_of(name));
    const char *text = leat_props_get(parameters, name);
    leat_opt_value v;
    return o && text && !leat_opt_read(o, text, a, &v) ? v.i : 0;
}
