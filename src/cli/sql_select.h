/* SELECT of `leat sql`: asked of a hub or of a data folder, shown as a table or as lines of JSON.
 * One thread. */
#ifndef LEAT_CLI_SQL_SELECT_H
#define LEAT_CLI_SQL_SELECT_H

#include "prove/takeover/rest.h"
#include "sql/run.h"
#include "sql/select.h"

typedef struct leat_sql_asking {
    leat_rest *rest;
    leat_select_conf query; /* data NULL: rest is asked */
} leat_sql_asking;

/* The answer (sql/select.h), in a; false: *out says why there is none. */
bool leat_sql_select_ask(const leat_sql_asking *asking, leat_arena *a, const leat_json **answer,
                         leat_sql_failure *out);
/* What such a query says of an error; in a. */
void leat_sql_select_failure(const leat_err *err, leat_arena *a, leat_sql_failure *out);
/* An object a row, one a line. */
void leat_sql_select_write(const leat_json *answer, leat_buf *out);
/* A table; narrow: long cells are cut. */
void leat_sql_select_show(const leat_json *answer, bool narrow, leat_buf *out);

#endif
