/* What `leat token` and `leat user` share. */
#ifndef LEAT_CLI_GRANT_H
#define LEAT_CLI_GRANT_H

#include "cli/cli.h"
#include "hub/grants.h"

/* Those of the kinds in the mask (1 << kind), as text or as JSON; the exit status. */
int leat_grant_list(const leat_common *common, unsigned kinds);
/* "90d", "12h", "30m": that long from now; NULL text: 0. False: usage was printed. */
bool leat_grant_until(const char *command, const char *text, int64_t *until_us);
/* False: usage was printed. */
bool leat_grant_role(const char *command, const char *text, leat_role *out);

#endif
