/* The panel of a demo: what its buttons break, when that was noticed, and how it ended. Private to
 * hub/ and cli/demo*.c.
 *
 * A thread watches source and sink as anybody could, by their counters pages, and has what was
 * delivered verified again and again. An incident is over when it was proven that the target holds
 * what the source does. */
#ifndef LEAT_HUB_PANEL_H
#define LEAT_HUB_PANEL_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "config/load.h"

/* What a demo is made of. Good until the hub ends. */
typedef struct leat_panel_conf {
    const leat_config *source, *sink; /* made when the hub has none of their names */
    atomic_int *rate;                 /* transactions a second */
    int rate_most;
    leat_rc (*drop_slot)(const void *arg, leat_err *e);
    /* A row that the target refuses comes; or the target refuses none any more. */
    leat_rc (*poison)(const void *arg, bool on, leat_err *e);
    const void *arg;
} leat_panel_conf;

typedef struct leat_panel leat_panel;
struct leat_hub;

/* Before connectors are started. */
leat_rc leat_panel_connectors(struct leat_hub *h, const leat_panel_conf *conf, leat_err *e);
/* NULL: there is no thread for it, which was logged. */
leat_panel *leat_panel_start(struct leat_hub *h, const leat_panel_conf *conf);
void leat_panel_stop(leat_panel *p);

#endif
