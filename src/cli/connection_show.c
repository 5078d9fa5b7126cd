/* Connections and systems for people and as JSON; see cli/connection.h. */
#include <stdio.h>

#include "cli/connection.h"
#include "config/seal.h"

/* ---- connections ---- */

static const char *joined(const char *const *users, size_t n, leat_arena *a)
{
    const char *out = "";
    for (size_t i = 0; i < n; i++)
        out = leat_arena_printf(a, "%s%s%s", out, i ? ", " : "", users[i]);
    return out;
}

static const char *shown(const leat_connection *k, const leat_opt *o)
{
    const char *value = leat_props_get(&k->parameters, o->name);
    if (value && leat_config_secret(k->system->parameters, o->name, value)) return "***";
    return value ? value : o->def;
}

static void print_line(const leat_connection *k, const char *users)
{
    printf("%-20s %-12s %-24s %s%s\n", k->name, k->system->label, k->strategy->label,
           *users ? "used by " : "", users);
}

static leat_rc print_all(leat_connecting *g, leat_hubdb *h, leat_jw *w, leat_err *e)
{
    const char *const *names;
    size_t n;
    LEAT_TRY(leat_connection_list(h, &g->a, &names, &n, e));
    for (size_t i = 0; i < n; i++) {
        leat_connection k;
        const char **users;
        size_t nusers;
        LEAT_TRY(leat_connection_get(h, names[i], &g->a, &k, e));
        LEAT_TRY(leat_connection_users(g->common.data, k.name, &g->a, &users, &nusers, e));
        if (g->common.json)
            leat_connection_write(&k, users, nusers, NULL, w);
        else
            print_line(&k, joined(users, nusers, &g->a));
    }
    return LEAT_OK;
}

leat_rc leat_connection_print(leat_connecting *g, leat_err *e)
{
    leat_hubdb *h = NULL;
    leat_buf out = {0};
    leat_jw w = {.out = &out};
    leat_rc rc = leat_hubdb_look(g->common.data, &h, e);
    leat_jw_array(&w, NULL);
    if (rc == LEAT_OK) rc = print_all(g, h, &w, e);
    leat_jw_end(&w);
    leat_hubdb_close(h);
    if (!leat_rc_failed(rc) && g->common.json) printf("%.*s\n", LEAT_STR_ARG(leat_buf_str(&out)));
    leat_buf_free(&out);
    return rc == LEAT_PENDING ? LEAT_OK : rc;
}

leat_rc leat_connection_show(leat_connecting *g, const char *name, leat_err *e)
{
    leat_connection k;
    const char **users;
    size_t n;
    LEAT_TRY(leat_connection_load(g->common.data, name, &g->a, &k, e));
    LEAT_TRY(leat_connection_users(g->common.data, k.name, &g->a, &users, &n, e));
    if (g->common.json) {
        leat_buf out = {0};
        leat_jw w = {.out = &out};
        leat_connection_write(&k, users, n, NULL, &w);
        printf("%.*s\n", LEAT_STR_ARG(leat_buf_str(&out)));
        leat_buf_free(&out);
        return LEAT_OK;
    }
    printf("%s (%s)\n", k.name, k.system->label);
    printf("  %-28s %s\n", "Data Processing Strategy", k.strategy->label);
    for (leat_opt_tables t = k.system->parameters; *t; t++)
        for (const leat_opt *o = *t; o->name; o++) {
            const char *value = shown(&k, o);
            if (value && leat_strategy_has(k.system, k.strategy, o->name))
                printf("  %-28s %s\n", o->label, value);
        }
    if (n) printf("  %-28s %s\n", "Used by", joined(users, n, &g->a));
    return LEAT_OK;
}

/* ---- systems ---- */

static void print_parameter(const leat_opt *o)
{
    printf("  %-22s %s (%s%s%s%s%s)\n", o->name, o->label, leat_opt_type_name(o->type),
           o->flags & LEAT_OPT_SECRET ? ", secret" : "",
           o->flags & LEAT_OPT_REQUIRED ? ", required" : "", o->def ? ", default " : "",
           o->def ? o->def : "");
}

static void print_system(const leat_system *s, bool whole)
{
    printf("%s: %s\n", s->name, s->label);
    for (const leat_strategy *one = s->strategies; one->name; one++)
        printf("  strategy=%-13s %s%s\n", one->name, one->label,
               strcmp(one->name, s->strategy) == 0 ? " (default)" : "");
    for (leat_opt_tables t = s->parameters; whole && *t; t++)
        for (const leat_opt *o = *t; o->name; o++) print_parameter(o);
}

leat_rc leat_connection_types(leat_connecting *g, const char *type, leat_err *e)
{
    const leat_system *only = type ? leat_system_find(leat_str_of(type)) : NULL;
    leat_buf out = {0};
    leat_jw w = {.out = &out};
    if (type && !only)
        return leat_fail(e, LEAT_CONF, "config.type", type,
                         "there is no such system in this build; 'leat connection types' names "
                         "them");
    leat_jw_array(&w, NULL);
    for (const leat_system *const *s = leat_systems; *s; s++) {
        if (only && *s != only) continue;
        if (g->common.json)
            leat_connection_write_system(*s, &w);
        else
            print_system(*s, only != NULL);
    }
    leat_jw_end(&w);
    if (g->common.json) printf("%.*s\n", LEAT_STR_ARG(leat_buf_str(&out)));
    leat_buf_free(&out);
    return LEAT_OK;
}
