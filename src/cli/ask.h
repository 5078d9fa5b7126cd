/* What commands about connectors share: requests in the user's name, and asking the user. */
#ifndef LEAT_CLI_ASK_H
#define LEAT_CLI_ASK_H

#include "cli/cli.h"
#include "engine/look.h"

enum { LEAT_ASK_MS = 3000, LEAT_NAMES_MAX = 256 };

/* {"verb":VERB,"by":USER}. In a. */
leat_str leat_cli_request(const char *verb, leat_arena *a);
/* Who runs the command. */
const char *leat_cli_user(void);
/* Asks on the terminal; true: yes. Without a terminal the answer is no, and that --yes is missing
 * is told (*exit_status). */
bool leat_cli_confirm(const char *command, const char *question, int *exit_status);

#endif
