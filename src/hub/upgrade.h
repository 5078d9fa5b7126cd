/* Another program for a hub that runs: `leat upgrade`, SIGUSR2, POST /hub/v1/upgrade.
 *
 * The hub's process becomes the new program (exec), with its port, its children and its pid;
 * connectors go on meanwhile. Then those that run another program than the hub are started again,
 * one by one, each when the one before it is back; the first that does not come back ends it, and
 * the others stay as they are. Private to hub/. */
#ifndef LEAT_HUB_UPGRADE_H
#define LEAT_HUB_UPGRADE_H

#include <stdbool.h>

#include "base/err.h"

/* In the data folder: how far the last one is, as GET /hub/v1/upgrade answers. */
#define LEAT_UPGRADE_FILE "upgrade.json"

typedef struct leat_upgrade leat_upgrade;
struct leat_hub;

/* The hub's other parts are there until it is ended. Heap; never NULL. */
leat_upgrade *leat_upgrade_new(struct leat_hub *h);
void leat_upgrade_free(leat_upgrade *u);
/* Begins one, unless one is under way. Any thread, and the supervisor's event. */
void leat_upgrade_begin(leat_upgrade *u);
/* The program that the process has become goes on with the one that brought it here; else tells how
 * many connectors run another program. Connectors were started or adopted. */
void leat_upgrade_go_on(leat_upgrade *u);
/* Ends what is under way, and begins no more. True: the process is to become the new program, once
 * everything is let go. */
bool leat_upgrade_end(leat_upgrade *u);
/* Does it; fd: the listening socket. Returns only when that failed, and the program that ran until
 * now cannot be begun again, either. */
leat_rc leat_upgrade_become(leat_upgrade *u, int fd, leat_err *e);

#endif
