/* What commands about connectors share: finding them, asking them, asking the user. */
#ifndef LEAT_CLI_ASK_H
#define LEAT_CLI_ASK_H

#include "base/json.h"
#include "cli/cli.h"

enum { LEAT_ASK_MS = 3000, LEAT_NAMES_MAX = 256 };

/* The names of all connectors of a data folder, sorted; in a. */
leat_rc leat_cli_connectors(const char *data, leat_arena *a, const char ***out, size_t *n,
                            leat_err *e);
/* A request of the control protocol: to the running connector, or under its lock when it does not
 * run (*running tells; may be NULL). */
leat_rc leat_cli_ask(const char *data, const char *name, leat_str request, int ms, leat_arena *a,
                     const leat_json **reply, bool *running, leat_err *e);
/* {"verb":VERB,"by":USER}. In a. */
leat_str leat_cli_request(const char *verb, leat_arena *a);
/* The status of a connector as a JSON object, running or not. One that cannot be asked is shown as
 * UNKNOWN with the error, which is returned too; one that does not exist leaves out empty. */
leat_rc leat_cli_status_of(const char *data, const char *name, leat_arena *a, leat_buf *out,
                           leat_err *e);
/* Who runs the command. */
const char *leat_cli_user(void);
/* Asks on the terminal; true: yes. Without a terminal the answer is no, and that --yes is missing
 * is told (*exit_status). */
bool leat_cli_confirm(const char *command, const char *question, int *exit_status);

#endif
