/* Connections in hub.db, and the connectors that use them (engine/connection.h).
 *
 * A row's JSON is that of a configuration: type, strategy and parameters, secrets sealed. Who uses
 * a connection is seen from the configurations in force, in state.db of each connector. */
#include <errno.h>

#include "base/os.h"
#include "config/seal.h"
#include "engine/connection_part.h"
#include "state/state.h"

/* ---- rows ---- */

/* A connection as a configuration, which is sealed under its own name. */
static void as_config(leat_arena *a, const leat_connection *k, leat_config *out)
{
    *out = (leat_config){.name = leat_connection_seal_name(a, k->name)};
    leat_props_init(&out->props, NULL);
    leat_props_set(&out->props, a, LEAT_STR("type"), leat_str_of(k->system->name), 0);
    leat_props_set(&out->props, a, LEAT_STR("strategy"), leat_str_of(k->strategy->name), 0);
    for (const leat_prop *p = k->parameters.first; p; p = p->next)
        leat_props_set(&out->props, a, leat_str_of(p->name), leat_str_of(p->value), 0);
}

static leat_rc read_row(leat_arena *a, const leat_hubdb_connection *row, leat_connection *out,
                        leat_err *e)
{
    leat_config *config = NULL;
    leat_report r;
    leat_report_init(&r, a);
    LEAT_TRY(leat_config_json(a, row->json, row->name, &config, e));
    if (leat_connection_make(a, row->name, &config->props, out, &r)) return LEAT_OK;
    return leat_report_err(&r, row->name, e);
}

static leat_rc unknown(const char *name, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "connection.unknown", name,
                     "there is no connection \"%s\"; 'leat connection list' and SHOW CONNECTIONS "
                     "list those there are",
                     name);
}

leat_rc leat_connection_get(leat_hubdb *h, const char *name, leat_arena *a, leat_connection *out,
                            leat_err *e)
{
    leat_hubdb_connection row = {0};
    LEAT_TRY(leat_hubdb_connection_get(h, name, a, &row, e));
    return row.name ? read_row(a, &row, out, e) : unknown(name, e);
}

typedef struct listing {
    leat_arena *a;
    leat_arena_list names;
} listing;

static void take_name(void *arg, const leat_hubdb_connection *row)
{
    listing *l = arg;
    leat_arena_list_add(&l->names, l->a, row->name);
}

leat_rc leat_connection_list(leat_hubdb *h, leat_arena *a, const char *const **out, size_t *n,
                             leat_err *e)
{
    listing l = {.a = a};
    LEAT_TRY(leat_hubdb_connection_each(h, take_name, &l, e));
    *out = l.names.v;
    *n = l.names.n;
    return LEAT_OK;
}

static leat_rc taken(const char *name, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "connection.exists", name,
                     "there is a connection \"%s\" already: alter it, or take another name", name);
}

leat_rc leat_connection_new(leat_hubdb *h, const char *name, leat_err *e)
{
    leat_arena a = {0};
    leat_connection was;
    bool found = leat_connection_get(h, name, &a, &was, NULL) == LEAT_OK;
    leat_arena_free(&a);
    return found ? taken(name, e) : LEAT_OK;
}

static leat_rc store(leat_hubdb *h, const leat_connection *k, bool replace, bool anew, leat_err *e)
{
    leat_arena a = {0};
    leat_buf json = {0};
    leat_config config;
    as_config(&a, k, &config);
    leat_rc rc = leat_config_keep(&config, k->system->parameters, anew, &json, e);
    const leat_hubdb_connection row = {k->name, leat_buf_str(&json)};
    bool put = false;
    if (rc == LEAT_OK) rc = leat_hubdb_connection_put(h, &row, replace, &put, e);
    leat_buf_free(&json);
    leat_arena_free(&a);
    if (rc == LEAT_OK && !put) rc = taken(k->name, e);
    return rc;
}

leat_rc leat_connection_store(leat_hubdb *h, const leat_connection *k, bool replace, leat_err *e)
{
    return store(h, k, replace, false, e);
}

leat_rc leat_connection_seal_again(leat_hubdb *h, const char *name, leat_err *e)
{
    leat_arena a = {0};
    leat_connection k;
    leat_rc rc = leat_connection_get(h, name, &a, &k, e);
    if (rc == LEAT_OK) rc = store(h, &k, true, true, e);
    leat_arena_free(&a);
    return rc;
}

/* ---- users ---- */

static bool names(const leat_props *props, const char *name)
{
    const char *said = props ? leat_props_get(props, LEAT_CONNECTION_OPTION) : NULL;
    return said && leat_str_ieq(leat_str_trim(leat_str_of(said)), leat_str_of(name));
}

bool leat_connection_uses(const leat_config *config, const char *name)
{
    return names(&config->props, name) || names(config->worker, name);
}

/* Whether the connector's configuration in force uses it; one that is just being made or deleted
 * does not. */
static leat_rc look(const char *data, const char *connector, const char *name, bool *out,
                    leat_err *e)
{
    leat_arena a = {0};
    leat_state *s = NULL;
    leat_str json = {0};
    leat_config *config = NULL;
    *out = false;
    leat_rc rc = leat_state_open(data, connector, true, &s, e);
    bool none = rc != LEAT_OK &&
                (strcmp(e->code, "connector.unknown") == 0 || strcmp(e->code, "config.name") == 0);
    if (none) rc = LEAT_OK;
    if (s && rc == LEAT_OK) rc = leat_state_config_get(s, &a, &json, e);
    if (rc == LEAT_OK && json.s && leat_config_json(&a, json, connector, &config, NULL) == LEAT_OK)
        *out = leat_connection_uses(config, name);
    leat_state_close(s);
    leat_arena_free(&a);
    return rc;
}

leat_rc leat_connection_users(const char *data, const char *name, leat_arena *a,
                              const char ***users, size_t *n, leat_err *e)
{
    const char **all = NULL;
    size_t nall = 0;
    char *folder = leat_arena_printf(a, "%s/connectors", data);
    int err = leat_os_names(folder, a, &all, &nall);
    *users = NULL;
    *n = 0;
    if (err == -ENOENT) return LEAT_OK;
    if (err < 0) return leat_os_fail(e, err, "list", folder);
    for (size_t i = 0; i < nall; i++) {
        bool used;
        LEAT_TRY(look(data, all[i], name, &used, e));
        if (used) all[(*n)++] = all[i];
    }
    *users = all;
    return LEAT_OK;
}

leat_rc leat_connection_drop(leat_hubdb *h, const char *data, const char *name, leat_err *e)
{
    leat_arena a = {0};
    leat_hubdb_connection row = {0};
    const char **users, *list = "";
    size_t n = 0;
    leat_rc rc = leat_hubdb_connection_get(h, name, &a, &row, e);
    if (rc == LEAT_OK && !row.name) rc = unknown(name, e);
    if (rc == LEAT_OK) rc = leat_connection_users(data, name, &a, &users, &n, e);
    for (size_t i = 0; rc == LEAT_OK && i < n; i++)
        list = leat_arena_printf(&a, "%s%s%s", list, i ? ", " : "", users[i]);
    if (rc == LEAT_OK && n > 0)
        rc = leat_fail(e, LEAT_CONF, "connection.used", row.name,
                       "%zu connector%s it: %s. Give %s another connection, or delete %s, first", n,
                       n == 1 ? " uses" : "s use", list, n == 1 ? "that one" : "those",
                       n == 1 ? "it" : "them");
    if (rc == LEAT_OK) rc = leat_hubdb_connection_delete(h, row.name, e);
    leat_arena_free(&a);
    return rc;
}
