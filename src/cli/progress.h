/* How far snapshots are while `leat run` runs: on a terminal as bars below the log's lines, once a
 * second; elsewhere as log lines, after five seconds, and then less and less often, up to each
 * minute.
 *
 * On a terminal standard error becomes a pipe, for this process and those it starts from then on:
 * what they write is shown above the bars, which are drawn anew behind it. A thread of its own does
 * all of that; it takes no signals. It asks connectors by their control sockets, and only those
 * whose counters page shows that there is something to tell. */
#ifndef LEAT_CLI_PROGRESS_H
#define LEAT_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

typedef struct leat_cli_progress leat_cli_progress;

typedef struct leat_cli_progress_conf {
    const char *data;         /* the data folder */
    const char *const *names; /* n connectors */
    size_t n;
    bool bars; /* where standard error is a terminal */
} leat_cli_progress_conf;

/* conf is copied, what it points at outlives it. Before the first process is started. */
leat_rc leat_cli_progress_start(const leat_cli_progress_conf *conf, leat_cli_progress **out,
                                leat_err *e);
/* The connectors have ended: standard error is what it was. NULL: nothing. */
void leat_cli_progress_end(leat_cli_progress *p);

#endif
