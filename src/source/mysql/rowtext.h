/* Rows of SELECT: a value as the server writes it in text becomes a cell.
 *
 * The same cell that the value has in a row image (rowimage.h), so that rows of a snapshot and
 * changes of the log can be compared. The session speaks UTF-8 and UTC. Pure; any thread. */
#ifndef LEAT_SOURCE_MYSQL_ROWTEXT_H
#define LEAT_SOURCE_MYSQL_ROWTEXT_H

#include "base/buf.h"
#include "source/mysql/plan.h"

/* Plans a column: out->parse takes the text of a value that is not NULL. col: its plan, which lives
 * as long. */
void leat_my_text_plan(const leat_my_column *c, const leat_my_col *col, leat_mysql_col *out);
/* Appends what is to be selected for it. */
void leat_my_text_put(const leat_my_column *c, leat_buf *sql);

#endif
