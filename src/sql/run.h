/* Statements carried out, by requests of Kafka Connect's REST API and of /hub/v1, so that SQL is
 * one more face of these: whoever they are sent to (the hub itself, a hub or Kafka Connect far
 * away) decides what is right and who may do it.
 *
 * Answers are ksqlDB's entities, JSON objects told apart by "@type". */
#ifndef LEAT_SQL_RUN_H
#define LEAT_SQL_RUN_H

#include "base/json.h"
#include "sql/statement.h"

typedef struct leat_sql_host {
    /* One request: path with its query, escaped; body absent: none. The answer's status and body
     * (in a) come back; an error only when there was no answer. */
    leat_rc (*ask)(void *arg, const char *method, const char *path, leat_str body, leat_arena *a,
                   int *status, leat_str *answer, leat_err *e);
    void *arg;
} leat_sql_host;

/* Why a statement was not carried out; texts in the arena of the run. */
typedef struct leat_sql_failure {
    int status;            /* of HTTP */
    int code;              /* of ksqlDB: 40001 ... */
    const char *message;   /* may be several lines */
    const char *statement; /* as it may be shown; NULL: it is about no one statement */
} leat_sql_failure;

/* Looks at all of them first (connectors that exist, configurations that are wrong), then carries
 * them out one after the other. An entity each is appended to w, an array; DEFINE and its like have
 * none. False: *out says why the first that failed did; those before it are done. */
bool leat_sql_run(const leat_sql_host *host, const leat_sql_statement *list, leat_arena *a,
                  leat_jw *w, leat_sql_failure *out);
/* Of a text that cannot be parsed. */
void leat_sql_failure_of(const leat_err *err, leat_str text, leat_arena *a, leat_sql_failure *out);
/* {"@type":"statement_error", ...} or "generic_error". */
void leat_sql_failure_write(const leat_sql_failure *f, leat_buf *out);

#endif
