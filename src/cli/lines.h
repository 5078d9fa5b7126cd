/* Machine output of commands that may print for long: buffered, ended by Ctrl-C or by a reader that
 * went away. */
#ifndef LEAT_CLI_LINES_H
#define LEAT_CLI_LINES_H

#include "base/buf.h"
#include "base/err.h"

enum { LEAT_LINES_FLUSH = 1 << 16 }; /* bytes after which to flush */

typedef struct leat_lines {
    leat_buf out;
    bool closed; /* nobody reads our output any more */
    int failed;  /* errno of a write of it, but EPIPE */
} leat_lines;

/* SIGINT and SIGTERM are noted from now on, not those before; SIGPIPE is ignored. */
void leat_lines_signals(void);
bool leat_lines_interrupted(void);
/* To standard output; out is empty then. */
void leat_lines_flush(leat_lines *l);
/* What went wrong with the output, if something did. */
leat_rc leat_lines_result(const leat_lines *l, leat_err *e);

#endif
