/* Words of SQL, cut as ksqlDB's lexer cuts them (SqlBase.g4). Pure; any thread.
 *
 *   WORD      letter or _, then letters, digits, _ and @
 *   DIGITS    the same, but it begins with a digit
 *   QUOTED    "..." with "" for a quote; BACKQUOTED the same with `
 *   STRING    '...' with '' for a quote
 *   NUMBER    digits with a point or an exponent, or neither
 *   VARIABLE  ${WORD}
 *   SYMBOL    any other single character
 *
 * Comments, which are `-- to the end of the line` and `slash-star ... star-slash`, and white space
 * stand between them. */
#ifndef LEAT_SQL_TOKEN_H
#define LEAT_SQL_TOKEN_H

#include "base/str.h"

typedef enum leat_sql_token_kind {
    LEAT_SQL_END,
    LEAT_SQL_WORD,
    LEAT_SQL_DIGITS,
    LEAT_SQL_QUOTED,
    LEAT_SQL_BACKQUOTED,
    LEAT_SQL_STRING,
    LEAT_SQL_NUMBER,
    LEAT_SQL_VARIABLE,
    LEAT_SQL_SYMBOL,
    LEAT_SQL_OPEN, /* a quote or a comment without its end, which reaches to the end of the text */
} leat_sql_token_kind;

typedef struct leat_sql_token {
    leat_sql_token_kind kind;
    leat_str text;         /* as written, with its quotes */
    unsigned line, column; /* from 1; columns are characters */
    size_t at;             /* bytes before it in the text */
} leat_sql_token;

typedef struct leat_sql_lexer {
    leat_str text;
    size_t at;             /* of the next one */
    unsigned line, column; /* of at */
} leat_sql_lexer;

void leat_sql_lexer_init(leat_sql_lexer *l, leat_str text);
/* The next one; END again and again at the end. */
leat_sql_token leat_sql_next(leat_sql_lexer *l);
/* It is this word (in capitals), in any case; or this symbol. */
bool leat_sql_token_is(const leat_sql_token *t, const char *what);

/* What stands up to the first ; of the text, with it; *rest is what follows. Absent: there is no
 * whole statement in it. */
leat_str leat_sql_cut(leat_str *rest);
/* Nothing but white space and comments. */
bool leat_sql_blank(leat_str text);

#endif
