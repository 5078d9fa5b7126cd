/* hub.db: which connectors `leat serve` has, in SQLite.
 *
 * One file a data folder, DATA/hub.db, mode 0600, one writer: the hub; connections are written by
 * the command line, too, where SQLite lets one after the other. What a call wrote is durable
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
    /* What is noted of it as a version; shown absent: nothing. */
    leat_str shown;  /* its options as an object of JSON, secrets masked */
    leat_str before; /* the same as they were; absent: it is new */
    const char *who; /* who changed it */
} leat_hubdb_row;

/* Opens, makes or migrates it. */
leat_rc leat_hubdb_open(const char *data, leat_hubdb **out, leat_err *e);
void leat_hubdb_close(leat_hubdb *h);

/* The id by which clients know this hub, made once: 22 letters, digits, - and _, as Kafka's. */
leat_rc leat_hubdb_id(leat_hubdb *h, leat_arena *a, const char **id, leat_err *e);
/* Adds or replaces, and notes the version in the same transaction. */
leat_rc leat_hubdb_put(leat_hubdb *h, const leat_hubdb_row *row, leat_err *e);
leat_rc leat_hubdb_stopped_set(leat_hubdb *h, const char *name, bool stopped, leat_err *e);
/* With its versions. */
leat_rc leat_hubdb_delete(leat_hubdb *h, const char *name, leat_err *e);

/* A configuration that a connector has, or had: the last 100 of each. */
typedef struct leat_hubdb_version {
    int64_t version, at_us; /* version: from 1 */
    const char *who;        /* empty: it was there before versions were noted */
    leat_str config;        /* an object of JSON, secrets masked */
} leat_hubdb_version;
/* Newest first; texts are borrowed for the call. */
leat_rc leat_hubdb_versions_each(leat_hubdb *h, const char *name,
                                 void (*fn)(void *arg, const leat_hubdb_version *version),
                                 void *arg, leat_err *e);

/* What somebody did, or tried to do: the last 10,000. */
typedef struct leat_hubdb_deed {
    int64_t id, at_us;
    const char *who, *how, *role, *address, *method, *path;
    int status;
    leat_str changed; /* {"option":[before,after]}, secrets masked; absent: nothing is told */
} leat_hubdb_deed;
/* at_us and id are set here. */
leat_rc leat_hubdb_audit_add(leat_hubdb *h, const leat_hubdb_deed *deed, leat_err *e);
/* Those with id < before (0: all), newest first, until fn returns false; texts are borrowed for the
 * call. */
leat_rc leat_hubdb_audit_each(leat_hubdb *h, int64_t before,
                              bool (*fn)(void *arg, const leat_hubdb_deed *deed), void *arg,
                              leat_err *e);

/* A connection (engine/connection.h); json has its secrets sealed. */
typedef struct leat_hubdb_connection {
    const char *name;
    leat_str json;
} leat_hubdb_connection;
/* Only to be read, by a process that is not the hub: its connections alone. PENDING: there is no
 * file, or one that knows of no connections. */
leat_rc leat_hubdb_look(const char *data, leat_hubdb **out, leat_err *e);
/* By its name in any case; out->name NULL: there is none. Texts in a. */
leat_rc leat_hubdb_connection_get(leat_hubdb *h, const char *name, leat_arena *a,
                                  leat_hubdb_connection *out, leat_err *e);
/* *put: false when it was there already and may not be replaced. */
leat_rc leat_hubdb_connection_put(leat_hubdb *h, const leat_hubdb_connection *row, bool replace,
                                  bool *put, leat_err *e);
leat_rc leat_hubdb_connection_delete(leat_hubdb *h, const char *name, leat_err *e);
/* All, by name; texts are borrowed for the call. */
leat_rc leat_hubdb_connection_each(leat_hubdb *h,
                                   void (*fn)(void *arg, const leat_hubdb_connection *row),
                                   void *arg, leat_err *e);

/* leat_state_scrub of it. */
leat_rc leat_hubdb_scrub(leat_hubdb *h, leat_err *e);
/* All, by name; texts are borrowed for the call. */
leat_rc leat_hubdb_each(leat_hubdb *h, void (*fn)(void *arg, const leat_hubdb_row *row), void *arg,
                        leat_err *e);

#endif
