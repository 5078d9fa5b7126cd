/* Variables of SQL: DEFINE, UNDEFINE, and what ${name} stands for. Pure.
 *
 * A list only grows at its head, so each statement keeps those that were defined before it. Names
 * are the same in any case. A value takes the place of a word or a literal, never of more than one:
 * no value can add to a statement what does not stand there. */
#ifndef LEAT_SQL_VARS_H
#define LEAT_SQL_VARS_H

#include "base/arena.h"
#include "base/buf.h"

typedef struct leat_sql_var {
    leat_str name, value; /* value absent: it was undefined again */
    const struct leat_sql_var *next;
} leat_sql_var;

/* The new head, in a. value absent: undefines it. */
const leat_sql_var *leat_sql_var_set(const leat_sql_var *vars, leat_arena *a, leat_str name,
                                     leat_str value);
/* Absent: it is not defined. */
leat_str leat_sql_var_get(const leat_sql_var *vars, leat_str name);
/* Each that is defined, by name; their number. In a. */
size_t leat_sql_var_list(const leat_sql_var *vars, leat_arena *a, const leat_sql_var ***out);
/* Appends text with each ${name} that is defined replaced, those in what came in by it not. */
void leat_sql_var_fill(const leat_sql_var *vars, leat_str text, leat_buf *out);

#endif
