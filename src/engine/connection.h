/* Connections: addresses, log-ins and strategies that are saved apart from connectors (docs/
 * connections.md), in hub.db.
 *
 * A connector names one by `connection`; its options come from there when the connector's process
 * starts (leat_connection_expand) and are written nowhere. Secrets are sealed as those of a
 * connector "connection/NAME". Any thread; a handle of hub.db by one at a time. */
#ifndef LEAT_ENGINE_CONNECTION_H
#define LEAT_ENGINE_CONNECTION_H

#include "base/json.h"
#include "config/load.h"
#include "state/hub.h"
#include "system/system.h"

typedef struct leat_connection {
    const char *name;
    const leat_system *system;
    const leat_strategy *strategy;
    leat_props parameters; /* those that were set, by their names; secrets sealed or open */
} leat_connection;

/* From what a person says: "type", "strategy" and parameters, in any case, _ as good as a point.
 * Each problem is reported under its name; false when there was an error. */
bool leat_connection_make(leat_arena *a, const char *name, const leat_props *given,
                          leat_connection *out, leat_report *r);
/* The same laid over what there is: a value that is NULL in `out` (in taken, NULL-ended) takes a
 * parameter out; the type stays. */
bool leat_connection_alter(leat_arena *a, const leat_connection *was, const leat_props *given,
                           const char *const *taken, leat_connection *out, leat_report *r);

/* What is stored; CONF "connection.unknown". */
leat_rc leat_connection_get(leat_hubdb *h, const char *name, leat_arena *a, leat_connection *out,
                            leat_err *e);
/* CONF "connection.exists" if there is one of that name. */
leat_rc leat_connection_new(leat_hubdb *h, const char *name, leat_err *e);
/* The names of all, sorted, in a. */
leat_rc leat_connection_list(leat_hubdb *h, leat_arena *a, const char *const **names, size_t *n,
                             leat_err *e);
/* Stores it, secrets sealed. CONF "connection.exists" unless it may replace. */
leat_rc leat_connection_store(leat_hubdb *h, const leat_connection *k, bool replace, leat_err *e);
/* Seals it anew, with the first key. */
leat_rc leat_connection_seal_again(leat_hubdb *h, const char *name, leat_err *e);
/* CONF "connection.used" naming the connectors of this folder that use it, "connection.unknown". */
leat_rc leat_connection_drop(leat_hubdb *h, const char *data, const char *name, leat_err *e);
/* The configuration names it, itself or by its worker. */
bool leat_connection_uses(const leat_config *config, const char *name);
/* The connectors of the data folder that use it, by name. */
leat_rc leat_connection_users(const char *data, const char *name, leat_arena *a,
                              const char ***users, size_t *n, leat_err *e);

/* {"name","system","strategy","parameters"} and what a person reads: secrets as "***", all
 * parameters with what they are. users: n names of connectors. */
void leat_connection_write(const leat_connection *k, const char *const *users, size_t n,
                           const char *member, leat_jw *w);

/* What a form needs to know of a kind of connection: {"name","label","help","strategies",...}. */
void leat_connection_write_system(const leat_system *s, leat_jw *w);

/* The options of the connection that props names, put into props where these do not say otherwise;
 * secrets opened. worker: props are a worker's. Without `connection` nothing happens. False: the
 * problem is in r. */
bool leat_connection_expand(leat_arena *a, leat_props *props, bool worker, leat_report *r);

/* Tries it: steps are told to c, what is wrong with the values to r; names of options in the steps
 * are those of the parameters. strategy: another than its own, or NULL; more: options of the
 * form's connector (table.include.list), or NULL. */
leat_rc leat_connection_test(leat_arena *a, const leat_connection *k, const leat_strategy *strategy,
                             const leat_props *more, leat_checker *c, leat_report *r, leat_err *e);
/* Parses it as the test does, without asking anybody. */
void leat_connection_validate(leat_arena *a, const leat_connection *k, leat_report *r);

#endif
