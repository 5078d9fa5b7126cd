/* MySQL and MariaDB as a side of `leat verify` (capture/compare.h): the server computes the sums.
 */
#ifndef LEAT_SYSTEM_MYSQL_COMPARE_H
#define LEAT_SYSTEM_MYSQL_COMPARE_H

#include "capture/compare.h"
#include "system/mysql/conn.h"

/* Begins a transaction that reads, and says what it shows; in a. */
typedef leat_rc leat_my_compare_view(leat_my *c, leat_arena *a, leat_view *out, leat_err *e);

/* target is copied, its texts are borrowed; view NULL: none can be taken. */
leat_rc leat_my_compare_open(const leat_my_target *target, leat_my_compare_view *view,
                             leat_compare_side **out, leat_err *e);

/* ---- compare_text.c: pure ---- */

/* Appends the canonical text of the column as an expression. */
void leat_my_compare_put(leat_buf *out, const leat_compare_field *f);
/* Appends the hash of a row's columns (plan.sha); NULL where it is longer than the server can make
 * a text. */
void leat_my_compare_put_hash(leat_buf *out, const leat_compare_plan *p);
/* Appends " FROM table WHERE ..." of the range. */
void leat_my_compare_put_from(leat_buf *out, const leat_compare_plan *p,
                              const leat_compare_range *r);
/* Appends " AND ..." of the range. */
void leat_my_compare_put_where(leat_buf *out, const leat_compare_plan *p,
                               const leat_compare_range *r);
/* Appends what keys are sorted by: one column after the other. */
void leat_my_compare_put_keys(leat_buf *out, const leat_compare_plan *p);
/* Appends the constant of the column's type that has this canonical text. */
void leat_my_compare_put_value(leat_buf *out, const leat_compare_field *f, leat_str text);

#endif
