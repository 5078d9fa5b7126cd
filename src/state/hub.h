/* hub.db: which connectors `leat serve` has, in SQLite.
 *
 * One file a data folder, DATA/hub.db, mode 0600, one writer: the hub. What a call wrote is durable
 * when it returns. Whether a connector is paused is not here but in its own state.db. A handle is
 * used by one thread at a time. */
#ifndef LEAT_STATE_HUB_H
#define LEAT_STATE_HUB_H

#include "base/arena.h"
#include "base/err.h"

typedef struct leat_hubdb leat_hubdb;

typedef struct leat_hubdb_row {
    const char *name;
    leat_str config; /* {"name":...,"config":{...}}, ${providers} unresolved, secrets sealed */
    bool stopped;    /* a person stopped it; else it is to run */
} leat_hubdb_row;

/* Opens, makes or migrates it. */
leat_rc leat_hubdb_open(const char *data, leat_hubdb **out, leat_err *e);
void leat_hubdb_close(leat_hubdb *h);

/* The id by which clients know this hub, made once: 22 letters, digits, - and _, as Kafka's. */
leat_rc leat_hubdb_id(leat_hubdb *h, leat_arena *a, const char **id, leat_err *e);
/* Adds or replaces. */
leat_rc leat_hubdb_put(leat_hubdb *h, const leat_hubdb_row *row, leat_err *e);
leat_rc leat_hubdb_stopped_set(leat_hubdb *h, const char *name, bool stopped, leat_err *e);
leat_rc leat_hubdb_delete(leat_hubdb *h, const char *name, leat_err *e);
/* What somebody did, or tried to do: the last 10,000. */
typedef struct leat_hubdb_deed {
    int64_t id, at_us;
    const char *who, *how, *role, *address, *method, *path;
    int status;
} leat_hubdb_deed;
/* at_us and id are set here. */
leat_rc leat_hubdb_audit_add(leat_hubdb *h, const leat_hubdb_deed *deed, leat_err *e);
/* Those with id < before (0: all), newest first, until fn returns false; texts are borrowed for the
 * call. */
leat_rc leat_hubdb_audit_each(leat_hubdb *h, int64_t before,
                              bool (*fn)(void *arg, const leat_hubdb_deed *deed), void *arg,
                              leat_err *e);

/* leat_state_scrub of it. */
leat_rc leat_hubdb_scrub(leat_hubdb *h, leat_err *e);
/* All, by name; texts are borrowed for the call. */
leat_rc leat_hubdb_each(leat_hubdb *h, void (*fn)(void *arg, const leat_hubdb_row *row), void *arg,
                        leat_err *e);

#endif
