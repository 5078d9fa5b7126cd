/* Who asks, and what they may do: names, roles, and how they are known.
 *
 * A role holds all that those before it hold. Each route names the least role it needs; one that
 * names none needs a viewer to look and an admin to change. */
#ifndef LEAT_HUB_ACCESS_H
#define LEAT_HUB_ACCESS_H

#include "base/str.h"

typedef enum leat_role {
    LEAT_ROLE_DEFAULT, /* of a route: viewer for GET, else admin; of who asks: nothing is allowed */
    LEAT_ROLE_ANYONE,  /* of a route: it needs no login */
    /* looks: states, configurations with their secrets masked, counters, and all data: events, dead
     * letters, SELECT */
    LEAT_ROLE_VIEWER,
    /* keeps what is there going: pause, resume, stop, restart, log levels, dead letters (which
     * writes to targets), signals (which carry SQL to sources) */
    LEAT_ROLE_OPERATOR,
    LEAT_ROLE_ADMIN, /* makes, changes and deletes connectors and positions, reads the audit */
} leat_role;

/* Who sent a request. Texts live as long as the request. */
typedef struct leat_who {
    const char *name;    /* of the user, token or certificate; "anonymous" without a login */
    const char *how;     /* "none", "password", "token", "certificate", "peer" */
    const char *address; /* of the client: "127.0.0.1", "unix" */
    leat_role role;
} leat_who;

/* "viewer", "operator", "admin"; "none" for the others. */
const char *leat_role_name(leat_role role);
/* False: no such role. */
bool leat_role_parse(leat_str text, leat_role *out);

#endif
