/* Answers of SQL for people: tables and sentences from entities. */
#ifndef LEAT_CLI_SQL_SHOW_H
#define LEAT_CLI_SQL_SHOW_H

#include "base/json.h"

/* Appends lines. One of a type that is not known is shown as it is. */
void leat_sql_show(const leat_json *entity, leat_buf *out);
/* A table of columns * (rows + 1) cells, row by row, its titles first. */
void leat_sql_show_cells(const leat_str *cells, size_t columns, size_t rows, leat_buf *out);
/* A record of a topic, as it is printed. */
void leat_sql_show_record(const leat_json *record, leat_arena *a, leat_buf *out);

#endif
