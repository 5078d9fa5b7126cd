/* What an error of the server, or of the way there, means for us. Pure. */
#ifndef LEAT_SYSTEM_MYSQL_CLASSIFY_H
#define LEAT_SYSTEM_MYSQL_CLASSIFY_H

#include "base/err.h"
#include "base/str.h"

typedef struct leat_my_verdict {
    leat_rc rc;         /* RETRY, CONF or FATAL */
    const char *code;   /* "mysql.auth" */
    const char *advice; /* what to do about it; NULL: nothing beyond what the server says */
} leat_my_verdict;

/* Of an error by its number (1000 to 1999 and 3000 on: the server's; 2000 to 2999 and 5000 on: the
 * client library's); message tells apart what shares one. */
leat_my_verdict leat_my_classify(unsigned number, leat_str message);

#endif
