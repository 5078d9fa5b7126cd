/* The parsers of single values, for column.c which picks among them. Each gets exactly the bytes of
 * one value and makes its cell (rowimage.h has the table). Pure; any thread. */
#ifndef LEAT_SOURCE_MYSQL_CELL_H
#define LEAT_SOURCE_MYSQL_CELL_H

#include "source/mysql/rowimage.h"

/* cell_number.c */
leat_mysql_parser leat_cell_int, leat_cell_u64_decimal, leat_cell_year, leat_cell_float,
    leat_cell_double, leat_cell_decimal, leat_cell_bit1, leat_cell_bits;
/* cell_time.c */
leat_mysql_parser leat_cell_date, leat_cell_time, leat_cell_time_old, leat_cell_datetime,
    leat_cell_datetime_old, leat_cell_timestamp, leat_cell_timestamp_old;
/* cell_text.c */
leat_mysql_parser leat_cell_text, leat_cell_utf8, leat_cell_bytes, leat_cell_binary, leat_cell_enum,
    leat_cell_set, leat_cell_json, leat_cell_text_compressed, leat_cell_bytes_compressed;
/* cell_more.c */
leat_mysql_parser leat_cell_geometry, leat_cell_point, leat_cell_vector, leat_cell_inet4,
    leat_cell_inet6, leat_cell_uuid;

/* DATA "mysql.value": what is wrong with the bytes; names table and column, never the value. */
leat_rc leat_cell_fail(const leat_mysql_col *col, leat_str bytes, const char *what, leat_err *e);

/* DECIMAL(precision, scale): the bytes of its binary form, 0 when there is no such type; its text
 * into out, returns the length, 0 when the bytes are none. */
enum { LEAT_CELL_DECIMAL_TEXT = 96 };
unsigned leat_cell_decimal_size(unsigned precision, unsigned scale);
unsigned leat_cell_decimal_text(leat_str bytes, unsigned precision, unsigned scale,
                                char out[LEAT_CELL_DECIMAL_TEXT]);

/* Cells of dates and times whose parts are known: of DATE, of TIME, of DATETIME (a TIMESTAMP cell,
 * whose kind is the caller's to change). A date that is none: as rowimage.h says. bytes: for the
 * message of DATA. */
typedef struct leat_cell_moment {
    int64_t year;
    unsigned month, day, hour, minute, second, us;
} leat_cell_moment;
leat_rc leat_cell_date_of(const leat_mysql_col *col, const leat_cell_moment *t, leat_arena *a,
                          leat_value *out);
leat_rc leat_cell_time_of(const leat_mysql_col *col, leat_str bytes, bool minus, int64_t seconds,
                          unsigned us, leat_value *out, leat_err *e);
leat_rc leat_cell_datetime_of(const leat_mysql_col *col, leat_str bytes, const leat_cell_moment *t,
                              leat_arena *a, leat_value *out, leat_err *e);

/* n bytes, 1 to 8, the highest first or the lowest first. */
static inline uint64_t leat_cell_be(const char *p, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++) v = v << 8 | (uint8_t)p[i];
    return v;
}
static inline uint64_t leat_cell_le(const char *p, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++) v |= (uint64_t)(uint8_t)p[i] << 8 * i;
    return v;
}

#endif
