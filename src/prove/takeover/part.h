/* What the two directions of a takeover share; nobody else includes this. */
#ifndef LEAT_PROVE_TAKEOVER_PART_H
#define LEAT_PROVE_TAKEOVER_PART_H

#include "engine/setup.h"
#include "prove/takeover/rest.h"
#include "prove/takeover/takeover.h"

typedef struct leat_takeover_run {
    const leat_takeover_conf *conf;
    leat_rest *rest;
    leat_arena a;
    leat_config *config;
    leat_setup setup;
    leat_position *pos; /* n, as the source stores them */
    size_t n;
    bool stopped; /* over there, by us */
    bool made;    /* the connector did not exist here before */
} leat_takeover_run;

void leat_takeover_tell(leat_takeover_run *t, const char *name, leat_takeover_state state,
                        const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Opens rest and says who answers. */
leat_rc leat_takeover_reach(leat_takeover_run *t, leat_err *e);
/* {"connector":{"state"}, "tasks":[{"state"}]}: the connector's state; *tasks: how many it has,
 * *running: how many of them run; *trace: of the first that has failed, or absent. */
leat_rc leat_takeover_status(leat_takeover_run *t, leat_str *state, unsigned *tasks,
                             unsigned *running, leat_str *trace, leat_err *e);
/* Waits until it has no tasks any more (stopped), or all of them run. RETRY "takeover.waiting";
 * CONF "takeover.failed": it FAILED there. */
leat_rc leat_takeover_wait(leat_takeover_run *t, bool stopped, leat_err *e);

#endif
