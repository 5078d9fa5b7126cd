/* The inside of the run, shared by its files; nobody else includes this. */
#ifndef LEAT_SQL_RUN_PART_H
#define LEAT_SQL_RUN_PART_H

#include "sql/parse.h"
#include "sql/run.h"

/* One statement at its turn. */
typedef struct leat_sql_turn {
    const leat_sql_host *host;
    const leat_sql_statement *s;
    leat_arena *a;
    leat_jw *w;
    leat_sql_failure *out;
} leat_sql_turn;

/* What was answered. */
typedef struct leat_sql_answer {
    int status;
    leat_str body;
    const leat_json *json; /* of body; NULL: it is none */
} leat_sql_answer;

/* An error of that status of HTTP, whose code is a hundred times as much. Always false. */
bool leat_sql_fail(leat_sql_turn *t, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The request; false: there was no answer, which is told. */
bool leat_sql_ask(leat_sql_turn *t, const char *method, const char *path, leat_str body,
                  leat_sql_answer *out);
/* The same, and what is no success is told as "FAILED: the answer". */
bool leat_sql_need(leat_sql_turn *t, const char *method, const char *path, leat_str body,
                   const char *failed, leat_sql_answer *out);
static inline bool leat_sql_good(const leat_sql_answer *r)
{
    return r->status >= 200 && r->status < 300;
}
/* "/connectors/NAME" and what follows it, the statement's name escaped; in a. */
const char *leat_sql_path(leat_sql_turn *t, const char *before, const char *after);

/* What was written, a path or a request's body, in a; text is freed. */
leat_str leat_sql_body(leat_sql_turn *t, leat_buf *text);

/* Begins the entity and writes its type and statement; ended by the caller, behind its warnings. */
void leat_sql_entity(leat_sql_turn *t, const char *type);
/* {"@type":"connector_action"...} of the statement's connector; id NULL bytes: it has none. True.
 */
bool leat_sql_acted(leat_sql_turn *t, const char *action, leat_str id);
/* "warnings":[...], and the end of the entity. text NULL: there is none. */
void leat_sql_entity_end(leat_sql_turn *t, const char *text);
/* The answer's JSON as a member, null when it is none. */
void leat_sql_member(leat_sql_turn *t, const char *name, const leat_json *j);
/* {"@type":"warning_entity", ...}. True. */
bool leat_sql_warn(leat_sql_turn *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* run_connector.c: statements about connectors. */
bool leat_sql_validate_create(leat_sql_turn *t);
bool leat_sql_create(leat_sql_turn *t);
bool leat_sql_alter(leat_sql_turn *t);
bool leat_sql_drop(leat_sql_turn *t);
bool leat_sql_describe(leat_sql_turn *t);
bool leat_sql_list(leat_sql_turn *t);
bool leat_sql_plugins(leat_sql_turn *t);

/* run_connection.c: statements about connections. */
bool leat_sql_connection_create(leat_sql_turn *t);
bool leat_sql_connection_alter(leat_sql_turn *t);
bool leat_sql_connection_drop(leat_sql_turn *t);
bool leat_sql_connection_describe(leat_sql_turn *t);
bool leat_sql_connection_test(leat_sql_turn *t);
bool leat_sql_connection_list(leat_sql_turn *t);

/* run_act.c: what is done with those that are there, and topics. */
bool leat_sql_act(leat_sql_turn *t);
bool leat_sql_test(leat_sql_turn *t);
bool leat_sql_snapshot(leat_sql_turn *t);
bool leat_sql_offsets(leat_sql_turn *t);
bool leat_sql_topics(leat_sql_turn *t);
bool leat_sql_variables(leat_sql_turn *t);
bool leat_sql_properties(leat_sql_turn *t);

/* run_letters.c: dead letters. */
bool leat_sql_letters(leat_sql_turn *t);

#endif
