/* Lines as the terminal gives them, in a build without libedit (cli/sql_line.h). */
#include "cli/sql_line.h"

#include <stdio.h>

struct leat_sql_line {
    bool unused;
};

leat_sql_line *leat_sql_line_open(const char *history, leat_sql_complete complete, void *arg)
{
    (void)history;
    (void)complete;
    (void)arg;
    return leat_zalloc(1, sizeof(leat_sql_line));
}

void leat_sql_line_close(leat_sql_line *l)
{
    leat_free(l);
}

leat_sql_read leat_sql_line_next(leat_sql_line *l, bool more, leat_buf *out)
{
    char text[4096];
    (void)l;
    fputs(more ? "> " : "leat> ", stdout);
    fflush(stdout);
    while (fgets(text, sizeof text, stdin)) {
        leat_buf_str_z(out, text);
        if (strchr(text, '\n')) return LEAT_SQL_READ_LINE;
    }
    return LEAT_SQL_READ_END;
}

void leat_sql_line_note(leat_sql_line *l, leat_str statement, bool secret)
{
    (void)l;
    (void)statement;
    (void)secret;
}
