/* state.db: what a connector keeps beside its stream, in SQLite.
 *
 * One file a connector, data/connectors/NAME/state.db, one writer (the connector's process, or a
 * command while it is stopped); others may read meanwhile (WAL mode). synchronous=FULL: what a call
 * wrote is durable when it returns. Numbered migrations bring an older file forward; a newer one is
 * refused. A handle is used by one thread at a time. */
#ifndef LEAT_STATE_STATE_H
#define LEAT_STATE_STATE_H

#include "event/event.h"

typedef struct leat_state leat_state;

/* Opens, makes (mode 0600) or migrates data/connectors/NAME/state.db. reading: nothing is written;
 * CONF "connector.unknown" when there is none. CONF "config.name" for what cannot be a name. */
leat_rc leat_state_open(const char *data, const char *connector, bool reading, leat_state **out,
                        leat_err *e);
void leat_state_close(leat_state *s);

/* The configuration in force: {"name":...,"config":{...}} with ${providers} unresolved. */
leat_rc leat_state_config_set(leat_state *s, leat_str json, leat_err *e);
/* Absent *json: none stored. */
leat_rc leat_state_config_get(leat_state *s, leat_arena *a, leat_str *json, leat_err *e);

/* How the last run ended, for `status` of a stopped connector: its state's name ("STOPPED",
 * "FAILED"), and the error, rc OK: none. *state: absent when it never ended. */
leat_rc leat_state_end_set(leat_state *s, const char *state, const leat_err *err, leat_err *e);
leat_rc leat_state_end_get(leat_state *s, leat_arena *a, leat_str *state, int64_t *at_us,
                           leat_err *err, leat_err *e);

/* The history of durable positions; the last 1,000 are kept. by: "run", "user". */
leat_rc leat_state_position_add(leat_state *s, leat_position pos, const char *by, leat_err *e);

/* The store of dead letters behind the engine; lives as long as s. */
leat_dead_store *leat_state_dead_store(leat_state *s);

typedef struct leat_dead_letter {
    int64_t id, ts_us, at_us; /* commit time at the source; when it was stored */
    const char *code, *reason, *where, *table, *topic; /* table, topic: may be NULL */
    leat_str position, bytes;
} leat_dead_letter;

/* Those with id > after, oldest first, until fn returns false. id > 0: that one only. */
leat_rc leat_state_dead_each(leat_state *s, int64_t after, int64_t id,
                             bool (*fn)(void *arg, const leat_dead_letter *letter), void *arg,
                             leat_err *e);
leat_rc leat_state_dead_count(leat_state *s, int64_t *n, leat_err *e);

#endif
