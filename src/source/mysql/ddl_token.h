/* Tokens of SQL as the servers read them. Not for others than ddl.c. */
#ifndef LEAT_SOURCE_MYSQL_DDL_TOKEN_H
#define LEAT_SOURCE_MYSQL_DDL_TOKEN_H

#include "source/mysql/ddl.h"

typedef enum leat_ddl_token_kind {
    LEAT_DDL_END,
    LEAT_DDL_WORD,   /* a key word or a name without quotes; numbers too */
    LEAT_DDL_NAME,   /* a name in quotes; text is without */
    LEAT_DDL_STRING, /* text: as it stands, without quotes, escapes as they are */
    LEAT_DDL_PUNCT,  /* one character */
} leat_ddl_token_kind;

typedef struct leat_ddl_token {
    uint8_t kind; /* leat_ddl_token_kind */
    leat_str text;
} leat_ddl_token;

typedef struct leat_ddl_lexer {
    const char *p, *end;
    unsigned flags;   /* LEAT_DDL_* */
    uint32_t version; /* of the server */
    bool in_code;     /* inside of a comment that is code: its end is white space */
    leat_arena *a;
    leat_ddl_token now;
} leat_ddl_lexer;

/* The next one becomes now. What is not closed ends with the text. */
void leat_ddl_next(leat_ddl_lexer *x);
/* now is this word, in any case; if so the next one becomes now. */
bool leat_ddl_word(leat_ddl_lexer *x, const char *word);
bool leat_ddl_punct(leat_ddl_lexer *x, char c);
static inline bool leat_ddl_is_word(const leat_ddl_lexer *x, const char *word)
{
    return x->now.kind == LEAT_DDL_WORD && leat_str_ieq(x->now.text, leat_str_of(word));
}
static inline bool leat_ddl_is_end(const leat_ddl_lexer *x)
{
    return x->now.kind == LEAT_DDL_END;
}
static inline bool leat_ddl_is_punct(const leat_ddl_lexer *x, char c)
{
    return x->now.kind == LEAT_DDL_PUNCT && x->now.text.s[0] == c;
}

#endif
