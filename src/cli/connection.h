/* What the files of `leat connection` share. */
#ifndef LEAT_CLI_CONNECTION_H
#define LEAT_CLI_CONNECTION_H

#include "cli/steps.h"
#include "engine/connection.h"

typedef struct leat_connecting {
    leat_common common;
    leat_steps steps;
    const char *from, *strategy; /* --from, --strategy; NULL: not given */
    bool untested, restart;
    leat_arena a;
    leat_props given; /* parameters of the command line and of --from */
    unsigned failed;  /* steps of a test */
} leat_connecting;

/* A saved one. CONF "connection.unknown". */
leat_rc leat_connection_load(const char *data, const char *name, leat_arena *a,
                             leat_connection *out, leat_err *e);

/* connection_show.c: all of them, one, and the systems there are (type NULL: all). */
leat_rc leat_connection_print(leat_connecting *g, leat_err *e);
leat_rc leat_connection_show(leat_connecting *g, const char *name, leat_err *e);
leat_rc leat_connection_types(leat_connecting *g, const char *type, leat_err *e);

#endif
