/* Inside of the doctor: what its files share. */
#ifndef LEAT_SOURCE_MYSQL_CHECK_H
#define LEAT_SOURCE_MYSQL_CHECK_H

#include "source/mysql/my.h"

/* One run of the check. */
typedef struct leat_my_exam {
    leat_checker *c;
    const leat_my_conf *conf;
    leat_my_target target;
    leat_my sql;
    leat_arena arena, *a;
    bool mariadb; /* which of the two connectors */
} leat_my_exam;

/* Tells a step; one that is good; one that failed with an error, whose message says what to do. */
void leat_my_step(leat_my_exam *x, const leat_step *s);
void leat_my_step_ok(leat_my_exam *x, const char *name, const char *detail);
void leat_my_step_err(leat_my_exam *x, const char *name, const leat_err *e);

/* resolve, connect, tls, log in: true with a session in x->sql. */
bool leat_my_reach(leat_my_exam *x);
/* 'name'@'host' as it stands in a GRANT, in x->a. */
const char *leat_my_exam_account(leat_my_exam *x);
/* A global variable's value, in x->a; NULL: the server has none of that name. */
const char *leat_my_variable(leat_my_exam *x, const char *name);
/* Tables on which rights are missing: one step names some of them and mends all. Zeroed at first.
 */
typedef struct leat_my_lacking {
    size_t n;
    leat_buf names, sql, undo;
} leat_my_lacking;
/* rights: "UPDATE, DELETE". */
void leat_my_lack(leat_my_exam *x, leat_my_lacking *l, const leat_my_relation *t,
                  const char *rights);
/* Tells the step, if there are any, which is what it returns; l is freed. */
bool leat_my_tell_lacking(leat_my_exam *x, leat_my_lacking *l, const char *step);
/* Whether the configuration captures the table. */
leat_rc leat_my_check_captured(const leat_my_conf *c, const leat_filter *f,
                               const leat_my_relation *t, bool *in, leat_err *e);
/* The steps about tables: which are captured, whether they can be read, which have no key. */
leat_rc leat_my_check_tables(leat_my_exam *x, leat_err *e);

/* Appends what the server says that the user may, a line a grant. */
leat_rc leat_my_grants(leat_my_exam *x, leat_buf *out, leat_err *e);
/* One of the lines of that scope (" ON *.* ") has one of the words. */
bool leat_my_granted(leat_str grants, const char *scope, const char *const *words);

/* check_snapshot.c: what a snapshot locks. */
void leat_my_check_snapshot(leat_my_exam *x);

/* check_signal.c: the table of signals, if the configuration names one. */
void leat_my_check_signals(leat_my_exam *x);

/* check_strategy.c: leat_strategy.check of what is not the log. */
struct leat_trial;
leat_rc leat_my_check_query(const struct leat_trial *t, leat_checker *c, leat_err *e);
leat_rc leat_my_check_custom(const struct leat_trial *t, leat_checker *c, leat_err *e);
leat_rc leat_my_check_write(const struct leat_trial *t, leat_checker *c, leat_err *e);

#endif
