/* What an error of the server, or of the way there, means for us. Pure. */
#ifndef LEAT_SYSTEM_POSTGRES_CLASSIFY_H
#define LEAT_SYSTEM_POSTGRES_CLASSIFY_H

#include "base/err.h"
#include "base/str.h"

typedef struct leat_pg_verdict {
    leat_rc rc;         /* RETRY, CONF or FATAL */
    const char *code;   /* "postgres.auth" */
    const char *advice; /* what to do about it; NULL: nothing beyond what the server says */
} leat_pg_verdict;

/* Of an error with an SQLSTATE (five characters); message tells apart what shares one. */
leat_pg_verdict leat_pg_classify(leat_str sqlstate, leat_str message);
/* Of a failure without an SQLSTATE: the network, TLS, libpq itself. message: libpq's words. */
leat_pg_verdict leat_pg_classify_network(leat_str message);

#endif
