/* Lines that a person types: editing, history and completion by libedit, or plain where the build
 * has none. One thread. */
#ifndef LEAT_CLI_SQL_LINE_H
#define LEAT_CLI_SQL_LINE_H

#include "base/arena.h"
#include "base/buf.h"

typedef struct leat_sql_line leat_sql_line;

/* Words that may stand where `word` was begun, in a; their number. quoted: it was begun in quotes;
 * first: nothing stands before it in the statement. */
typedef size_t (*leat_sql_complete)(void *arg, leat_str word, bool quoted, bool first,
                                    leat_arena *a, const char ***out);

/* history: file it is kept in; NULL: none. */
leat_sql_line *leat_sql_line_open(const char *history, leat_sql_complete complete, void *arg);
/* Keeps the history. */
void leat_sql_line_close(leat_sql_line *l);

typedef enum leat_sql_read {
    LEAT_SQL_READ_LINE,
    LEAT_SQL_READ_CANCEL, /* Ctrl-C: what was typed is not wanted */
    LEAT_SQL_READ_END,    /* Ctrl-D */
} leat_sql_read;
/* The next line, with its newline. more: it goes on with a statement that is begun. */
leat_sql_read leat_sql_line_next(leat_sql_line *l, bool more, leat_buf *out);
/* A whole statement into the history; secret: not into the file. */
void leat_sql_line_note(leat_sql_line *l, leat_str statement, bool secret);

#endif
