/* state.db: what a connector keeps beside its stream, in SQLite.
 *
 * One file a connector, data/connectors/NAME/state.db, one writer (the connector's process, or a
 * command while it is stopped); others may read meanwhile (WAL mode). synchronous=FULL: what a call
 * wrote is durable when it returns. Numbered migrations bring an older file forward; a newer one is
 * refused. A handle is used by one thread at a time. */
#ifndef LEAT_STATE_STATE_H
#define LEAT_STATE_STATE_H

#include "event/delivered.h"

typedef struct leat_state leat_state;

/* Opens, makes (mode 0600) or migrates data/connectors/NAME/state.db. reading: nothing is written;
 * CONF "connector.unknown" when there is none. CONF "config.name" for what cannot be a name. */
leat_rc leat_state_open(const char *data, const char *connector, bool reading, leat_state **out,
                        leat_err *e);
void leat_state_close(leat_state *s);

/* The configuration in force: {"name":...,"config":{...}} with ${providers} unresolved and secrets
 * sealed (engine/kept.h). */
leat_rc leat_state_config_set(leat_state *s, leat_str json, leat_err *e);
/* Absent *json: none stored. */
leat_rc leat_state_config_get(leat_state *s, leat_arena *a, leat_str *json, leat_err *e);

/* Writes the file anew, without what was deleted or replaced, and empties its log: what must not be
 * found in it any more is gone. */
leat_rc leat_state_scrub(leat_state *s, leat_err *e);

/* How the last run ended, for `status` of a stopped connector: its state's name ("STOPPED",
 * "FAILED"), and the error, rc OK: none. *state: absent when it never ended. */
leat_rc leat_state_end_set(leat_state *s, const char *state, const leat_err *err, leat_err *e);
leat_rc leat_state_end_get(leat_state *s, leat_arena *a, leat_str *state, int64_t *at_us,
                           leat_err *err, leat_err *e);

/* Whether a person has paused the connector: holds for its next starts too, until it is resumed. */
typedef struct leat_desired {
    bool paused;
    char by[64];   /* the user who said so; empty: nobody ever did */
    int64_t at_us; /* when */
} leat_desired;
leat_rc leat_state_desired_set(leat_state *s, bool paused, const char *by, leat_err *e);
leat_rc leat_state_desired_get(leat_state *s, leat_desired *out, leat_err *e);

/* Why a position was noted. */
typedef enum leat_noted {
    LEAT_NOTED_START,  /* a run began with it */
    LEAT_NOTED_RUN,    /* reached, every few seconds */
    LEAT_NOTED_STOP,   /* a run ended with it */
    LEAT_NOTED_BEFORE, /* what a person's edit replaces ... */
    LEAT_NOTED_EDIT,   /* ... and what with: an absent offset says the partition was forgotten */
} leat_noted;
const char *leat_noted_name(leat_noted noted); /* "start" ... "edit" */

typedef struct leat_note {
    int64_t id, at_us;
    leat_noted noted;
    const char *by; /* of an edit: the user and what was asked for; else empty */
    leat_position pos;
} leat_note;

/* The history of durable positions: n of them noted at once, all or none, with one time, by which
 * they are known as one note. The last 1,000 are kept. by: NULL for none. */
leat_rc leat_state_positions_add(leat_state *s, const leat_position *pos, size_t n,
                                 leat_noted noted, const char *by, leat_err *e);
/* Newest first until fn returns false; texts are borrowed for the call. */
leat_rc leat_state_positions_each(leat_state *s, bool (*fn)(void *arg, const leat_note *note),
                                  void *arg, leat_err *e);

/* The store of dead letters behind the engine; lives as long as s. */
leat_dead_store *leat_state_dead_store(leat_state *s);

/* Where a stream outside of this machine notes what it has acknowledged; lives as long as s. */
leat_delivered_store *leat_state_delivered_store(leat_state *s);

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
