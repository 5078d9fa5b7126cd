/* What the verbs of `leat schema` share. */
#ifndef LEAT_CLI_SCHEMA_H
#define LEAT_CLI_SCHEMA_H

#include "cli/cli.h"
#include "engine/setup.h"
#include "state/state.h"

/* One call of the command. */
typedef struct leat_schema_call {
    leat_common common;
    bool yes;
    const char *name; /* of the connector */
    leat_arena a;
    leat_state *state; /* once it was opened */
    leat_setup setup;  /* once it was wanted */
    const leat_source_history *history;
} leat_schema_call;

/* Opens its state.db, and its configuration. CONF "schema.none": it has no history. */
leat_rc leat_schema_open(leat_schema_call *x, bool reading, leat_err *e);
leat_rc leat_schema_setup(leat_schema_call *x, leat_err *e);
/* "db.table" in its two parts; CONF "schema.unknown": it has no dot. */
leat_rc leat_schema_split(const leat_schema_call *x, const char *whole, leat_str *db,
                          leat_str *name, leat_err *e);
/* An entry as a line of JSON on standard output; entries: of its table, 0: not told. */
void leat_schema_print(const leat_schema_entry *en, uint64_t entries);
/* How many entries there are. */
leat_rc leat_schema_count(leat_schema_call *x, uint64_t *n, leat_err *e);

leat_rc leat_schema_show(leat_schema_call *x, const char *table, leat_err *e);
leat_rc leat_schema_verify(leat_schema_call *x, int *status, leat_err *e);

#endif
