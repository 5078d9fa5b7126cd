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
    bool log, writes;           /* what is tried reads the log; writes to tables */
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

/* check_login.c: the step of a log-in that failed, with what mends it. */
void leat_pg_login_refused(leat_pg_exam *x, const char *name, const leat_err *e);
/* The statement that sets a setting back to what it is now: by its place in the server's files, as
 * far as the user may see it. In the exam's arena. */
const char *leat_pg_setting_undo(leat_pg_exam *x, const char *setting);
/* resolve, connect, tls, log in, version: true with a session in x->sql. */
bool leat_pg_reach(leat_pg_exam *x);

/* What a step finds wrong with some tables: their names, and statements. */
typedef struct leat_pg_findings {
    leat_buf names, sql, undo;
    size_t n;
} leat_pg_findings;
void leat_pg_find(leat_pg_findings *f, const leat_pg_relation *t);
/* The step; frees what f holds. */
void leat_pg_tell_findings(leat_pg_exam *x, const char *name, leat_step_state state,
                           const char *code, const char *what, const char *advice,
                           leat_pg_findings *f);
/* The statement that gives or takes what ("SELECT"; empty: nothing) on a table; schema: USAGE on
 * its schema, too. */
void leat_pg_put_right(leat_pg_exam *x, leat_buf *out, bool give, const char *what,
                       const leat_pg_relation *t, bool schema);

/* The statement that makes a table logged, or unlogged. */
void leat_pg_put_logged(leat_buf *out, const leat_pg_relation *t, bool logged);

/* standby.c: a step if the server is a standby, else none. */
void leat_pg_standby_check(leat_pg_exam *x);
/* The steps about tables and publication. */
void leat_pg_check_tables(leat_pg_exam *x);
/* Of these: which tables there are (false: none is captured), and whether they can be read. */
bool leat_pg_check_captured(leat_pg_exam *x);
void leat_pg_check_select(leat_pg_exam *x);

/* check_names.c: what options name and the database has not; unlogged tables; statements. */
void leat_pg_check_names(leat_pg_exam *x);

/* check_strategy.c: leat_strategy.check of what is not the log. */
struct leat_trial;
leat_rc leat_pg_check_query(const struct leat_trial *t, leat_checker *c, leat_err *e);
leat_rc leat_pg_check_notify(const struct leat_trial *t, leat_checker *c, leat_err *e);
leat_rc leat_pg_check_custom(const struct leat_trial *t, leat_checker *c, leat_err *e);
leat_rc leat_pg_check_write(const struct leat_trial *t, leat_checker *c, leat_err *e);

#endif
