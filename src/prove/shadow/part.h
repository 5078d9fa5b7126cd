/* What the files of a shadow's run share; nobody else includes this. */
#ifndef LEAT_PROVE_SHADOW_PART_H
#define LEAT_PROVE_SHADOW_PART_H

#include <sys/types.h>

#include "convert/json.h"
#include "engine/setup.h"
#include "prove/shadow/shadow.h"
#include "stream/kafka/fetch.h"
#include "stream/page.h"
#include "stream/reader.h"

/* The connector beside Debezium: its configuration, its folder, its process. */
typedef struct leat_shadow_twin {
    leat_config config; /* Debezium's, changed */
    leat_setup setup;   /* of it; its parsed conf is what drops the slot */
    const char *slot;   /* NULL: of a binary log, which has none */
    const char *folder;
    int lock; /* of the folder; -1: not held */
    pid_t pid;
    int gate;     /* the process begins when a byte was written to it; -1: it has begun */
    bool slotted; /* the slot may exist, and is ours */
    bool begun;   /* the process was told to begin */
} leat_shadow_twin;

/* Debezium's configuration made that of a shadow, validated; in a. original: as Debezium has it.
 * CONF as setup says, "shadow.sink", "shadow.source". */
leat_rc leat_shadow_twin_config(const leat_shadow_conf *conf, const leat_setup *original,
                                leat_arena *a, leat_shadow_twin *t, leat_err *e);
/* The folder, locked and empty; what a killed run left, its slot too, is removed first. CONF
 * "shadow.slot_exists", "shadow.running". */
leat_rc leat_shadow_twin_prepare(const leat_shadow_conf *conf, leat_arena *a, leat_shadow_twin *t,
                                 leat_err *e);
/* Forks, before any thread is made; the connector starts with leat_shadow_twin_begin. */
leat_rc leat_shadow_twin_fork(const leat_shadow_conf *conf, leat_shadow_twin *t, leat_err *e);
void leat_shadow_twin_begin(leat_shadow_twin *t);
/* It has ended by itself: CONF "shadow.connector". */
leat_rc leat_shadow_twin_alive(leat_shadow_twin *t, leat_err *e);
/* Ends the process in order and waits for it. */
void leat_shadow_twin_end(leat_shadow_twin *t);
/* Drops the slot unless keep, removes the folder. */
leat_rc leat_shadow_twin_remove(leat_shadow_twin *t, bool keep, leat_err *e);

#endif
