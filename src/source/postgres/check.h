/* Inside of the doctor: what its two files share. */
#ifndef LEAT_SOURCE_POSTGRES_CHECK_H
#define LEAT_SOURCE_POSTGRES_CHECK_H

#include "source/postgres/cloud.h"
#include "source/postgres/pg.h"

/* One run of the check. */
typedef struct leat_pg_exam {
    const leat_pg_conf *conf;
    leat_checker *c;
    leat_arena *a; /* of the run */
    leat_pg sql;
    leat_pg_rules rules;
    leat_pg_tables tables;
    bool standby;               /* the server is one */
    const leat_pg_cloud *cloud; /* NULL: a server of one's own */
} leat_pg_exam;

/* Tells a step without SQL. advice, code: may be NULL. */
void leat_pg_tell(leat_pg_exam *x, const char *name, leat_step_state state, const char *code,
                  const char *detail, const char *advice);
/* A step that failed with an error, whose message says what to do. */
void leat_pg_tell_err(leat_pg_exam *x, const char *name, const leat_err *e);
/* What stands in text, in the exam's arena; frees text. */
const char *leat_pg_taken(leat_pg_exam *x, leat_buf *text);
/* name in double quotes, in the exam's arena. */
const char *leat_pg_quoted(leat_pg_exam *x, const char *name);
/* Runs a statement; NULL when it failed, which has been told as the step. */
PGresult *leat_pg_ask(leat_pg_exam *x, const char *step, const char *sql, int n,
                      const char *const *params);

/* standby.c: a step if the server is a standby, else none. */
void leat_pg_standby_check(leat_pg_exam *x);
/* The steps about tables and publication. */
void leat_pg_check_tables(leat_pg_exam *x);

#endif
