/* From text to statements. Pure; any thread. */
#ifndef LEAT_SQL_PARSE_H
#define LEAT_SQL_PARSE_H

#include "base/err.h"
#include "sql/statement.h"

enum {
    LEAT_SQL_VARS_MOST = 1000,      /* definitions in a text */
    LEAT_SQL_FILLED_MOST = 1 << 20, /* bytes that variables may add to a text */
};

/* All statements of a text, each with its semicolon, in order; *out NULL: there is none. *vars:
 * those that are defined before it, then behind it. All is in a, but what the statements show of
 * the text. CONF "sql.syntax": where is empty, the message begins with "line L:C: "; no value of
 * an option is in it. */
leat_rc leat_sql_parse(leat_arena *a, leat_str text, const leat_sql_var **vars,
                       leat_sql_statement **out, leat_err *e);

/* The words that statements begin with, in capitals; NULL behind the last. */
const char *leat_sql_first_word(size_t i);

/* Appends the statement as it may be shown: of CREATE and ALTER no value but that of
 * connector.class. */
void leat_sql_mask(const leat_sql_statement *s, leat_buf *out);
/* Appends a text that is no statement as it may be shown: without what stands in single quotes. */
void leat_sql_mask_text(leat_str text, leat_buf *out);

#endif
