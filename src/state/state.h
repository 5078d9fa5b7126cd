/* state.db: what a connector keeps beside its stream, in SQLite.
 *
 * One file a connector, data/connectors/NAME/state.db, one writer (the connector's process, or a
 * command while it is stopped); others may read meanwhile (WAL mode). synchronous=FULL: what a call
 * wrote is durable when it returns. Numbered migrations bring an older file forward; a newer one is
 * refused. A handle is used by one thread at a time. */
#ifndef LEAT_STATE_STATE_H
#define LEAT_STATE_STATE_H

#include "event/delivered.h"
#include "event/schemas.h"

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

/* What tables looked like; lives as long as s. */
leat_schema_store *leat_state_schema_store(leat_state *s);
/* All entries, oldest first, until fn returns false; broken too is one that does not follow the one
 * before it. Texts are borrowed for the call. */
leat_rc leat_state_schemas_each(leat_state *s, bool (*fn)(void *arg, const leat_schema_entry *en),
                                void *arg, leat_err *e);
/* Those whose number is above, the same. */
leat_rc leat_state_schemas_after(leat_state *s, int64_t id,
                                 bool (*fn)(void *arg, const leat_schema_entry *en), void *arg,
                                 leat_err *e);
leat_rc leat_state_schemas_clear(leat_state *s, leat_err *e);

/* ---- dead letters: letters.c ---- */

typedef struct leat_dead_letter {
    int64_t id, ts_us, at_us; /* commit time at the source; when it was stored */
    const char *code, *reason, *where, *table, *topic; /* table, topic: may be NULL */
    leat_str position, bytes;
    leat_str key, old_key;   /* as of leat_dead; absent: none */
    const char *edit;        /* cells that a person wants otherwise, a JSON object; NULL: none */
    int64_t tries, tried_us; /* how often it was tried again, and when last; 0: never */
    bool superseded; /* the table was emptied behind it: trying it again would bring back a row */
} leat_dead_letter;

/* Those with id > after, oldest first, until fn returns false. id > 0: that one only. */
leat_rc leat_state_dead_each(leat_state *s, int64_t after, int64_t id,
                             bool (*fn)(void *arg, const leat_dead_letter *letter), void *arg,
                             leat_err *e);
leat_rc leat_state_dead_count(leat_state *s, int64_t *n, leat_err *e);
/* How many ended in another way: written after all, given up. */
leat_rc leat_state_dead_gone(leat_state *s, int64_t *retried, int64_t *dropped, leat_err *e);
/* Keys and old keys of those that others have to wait for, each once or more. */
leat_rc leat_state_dead_keys(leat_state *s, void (*fn)(void *arg, leat_str key), void *arg,
                             leat_err *e);
/* The oldest with a smaller id that shares a key with this one and is not superseded; 0: none. */
leat_rc leat_state_dead_before(leat_state *s, const leat_dead_letter *letter, int64_t *id,
                               leat_err *e);
/* Sets what is to be otherwise; NULL: nothing. PENDING: there is no such letter. */
leat_rc leat_state_dead_edit(leat_state *s, int64_t id, const char *edit, leat_err *e);
/* It was tried again in vain. */
leat_rc leat_state_dead_failed(leat_state *s, int64_t id, const leat_err *why, leat_err *e);
/* Removes it, and counts it as written or as given up. PENDING: there is no such letter. */
leat_rc leat_state_dead_end(leat_state *s, int64_t id, bool written, leat_err *e);
/* The table of this topic was emptied: nothing waits for what is stored of it any more. */
leat_rc leat_state_dead_supersede(leat_state *s, const char *topic, leat_err *e);

#endif
