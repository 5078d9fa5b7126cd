/* The inside of the parser, shared by its files; nobody else includes this. */
#ifndef LEAT_SQL_PARSE_PART_H
#define LEAT_SQL_PARSE_PART_H

#include "sql/parse.h"
#include "sql/token.h"

enum { LEAT_SQL_PROPS_MOST = 10000 };

typedef struct leat_sql_parser {
    leat_arena *a;
    leat_sql_lexer lexer;
    leat_sql_token t;         /* the next word */
    size_t end;               /* bytes up to the end of the one before it */
    const leat_sql_var *vars; /* defined so far */
    unsigned nvars, nprops;
    size_t added; /* bytes by variables */
} leat_sql_parser;

void leat_sql_step(leat_sql_parser *p);
bool leat_sql_see(const leat_sql_parser *p, const char *what);
/* Steps over it if it is the next word. */
bool leat_sql_accept(leat_sql_parser *p, const char *what);
leat_rc leat_sql_expect(leat_sql_parser *p, const char *what, leat_err *e);
/* The next word is not what was expected. */
leat_rc leat_sql_wrong(leat_sql_parser *p, const char *expected, leat_err *e);
leat_rc leat_sql_at(leat_sql_parser *p, const leat_sql_token *t, const char *what, leat_err *e);

/* A name, as it counts. */
leat_rc leat_sql_name(leat_sql_parser *p, const char *expected, leat_str *out, leat_err *e);
/* What stands in single quotes, variables replaced. */
leat_rc leat_sql_string(leat_sql_parser *p, const char *expected, leat_str *out, leat_err *e);
/* (name = literal, ...) */
leat_rc leat_sql_props(leat_sql_parser *p, leat_sql_prop **out, leat_err *e);
/* Tables: their names only, separated by commas. */
leat_rc leat_sql_names(leat_sql_parser *p, leat_sql_prop **out, leat_err *e);

/* Up to the semicolon, variables replaced in words and in what stands in single quotes. */
leat_rc leat_sql_rest(leat_sql_parser *p, leat_str *out, leat_err *e);

/* parse_statement.c: one, up to its semicolon. */
leat_rc leat_sql_statement_parse(leat_sql_parser *p, leat_sql_statement *s, leat_err *e);

#endif
