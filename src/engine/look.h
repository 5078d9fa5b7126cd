/* Connectors of a data folder from outside: which there are, what they do, and requests to them,
 * whether they run or not. For commands and the hub; any thread. */
#ifndef LEAT_ENGINE_LOOK_H
#define LEAT_ENGINE_LOOK_H

#include "base/json.h"
#include "stream/page.h"

/* The names of all connectors of a data folder, sorted; in a. */
leat_rc leat_look_names(const char *data, leat_arena *a, const char ***out, size_t *n, leat_err *e);
/* A request of the control protocol: to the running connector, or under its lock when it does not
 * run (*running tells; may be NULL). */
leat_rc leat_look_ask(const char *data, const char *name, leat_str request, int ms, leat_arena *a,
                      const leat_json **reply, bool *running, leat_err *e);
/* How the last run of a connector without a process ended: out->rc OK: in order, or it is not
 * known. By state.db and its counters page (NULL: none), which takes little. */
void leat_look_end(const char *data, const char *name, const leat_page *p, leat_arena *a,
                   leat_err *out);
/* The status of a connector as a JSON object, running or not. One that cannot be asked is shown as
 * UNKNOWN with the error, which is returned too; one that does not exist leaves out empty. */
leat_rc leat_look_status(const char *data, const char *name, leat_arena *a, leat_buf *out,
                         leat_err *e);
/* Its ledger table by table as a JSON object: "name", "kind", "tables", each of them with "table"
 * (of a sink "topic"; null: what has no row of its own) and "counts" as in its status. Running or
 * not; read from its file, and empty without one. */
leat_rc leat_look_tables(const char *data, const char *name, leat_arena *a, leat_buf *out,
                         leat_err *e);

#endif
