/* Cells as the text that SQL databases read. Pure; all append to out. */
#ifndef LEAT_SINK_SQL_TEXT_H
#define LEAT_SINK_SQL_TEXT_H

#include "base/buf.h"
#include "event/schema.h"

/* "2024-02-29" of days since 1970-01-01. Years before 1: "0044-03-15 BC" with bc, which is then put
 * by the caller behind the time (leat_rdb_text_era), else "-0043-03-15". */
void leat_rdb_text_date(leat_buf *out, int64_t days, bool bc);
/* " BC" where the date above wants it. */
void leat_rdb_text_era(leat_buf *out, int64_t days);
/* "13:14:15.12" since midnight; 24:00:00 is possible. As many digits as are needed. */
void leat_rdb_text_clock(leat_buf *out, int64_t t, leat_unit unit);
/* "2024-02-29 13:14:15.12" since 1970. */
void leat_rdb_text_timestamp(leat_buf *out, int64_t t, leat_unit unit, bool bc, const char *zone);
/* "+02", "-03:30" of seconds east of UTC. */
void leat_rdb_text_zone(leat_buf *out, int32_t zone);
/* The shortest digits that give the number back, "0.1", "1.0E-7"; whole numbers as such, "100", as
 * columns of integers read them; "NaN", "Infinity". f32: of a float. */
void leat_rdb_text_float(leat_buf *out, double v, bool f32);
/* JSON of any cell; bytes are base64, times ISO texts. */
void leat_rdb_text_json(leat_buf *out, const leat_schema *schema, const leat_value *v);
/* "infinity", "-infinity" where t is one of the two. */
bool leat_rdb_text_infinite(leat_buf *out, int64_t t);
/* Any cell as a column of text holds it: numbers as digits, times as ISO has them, bits as 0 and 1,
 * lists and structs as JSON. NULL is nothing. */
void leat_rdb_text_cell(leat_buf *out, const leat_schema *schema, const leat_value *v);
/* The bits of a cell of BITS, most significant first: as many as its schema says, else as few as
 * there are. */
void leat_rdb_text_bits(leat_buf *out, const leat_schema *s, leat_str bytes);

/* The number that a parameter of the schema is; none: there is no such, or it is no number. */
int64_t leat_rdb_param(const leat_schema *s, const char *name, int64_t none);

#endif
