/* Rows of SELECT: texts of values become cells; see the header.
 *
 *   numbers             digits; ZEROFILL has zeros in front; FLOAT is selected as a DOUBLE, since
 *                       its text has six digits only
 *   BIT                 its bytes, the highest first
 *   dates and times     YYYY-MM-DD, hh:mm:ss[.f], a blank between them; hours up to 838, a sign
 *   text, JSON, labels  as they are, in UTF-8; INET4, INET6, UUID too
 *   bytes, shapes       as they are in row images
 */
#include "source/mysql/rowtext.h"

#include <stdlib.h>

#include "source/mysql/cell.h"

static bool one_of(const char *base, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(base, *names) == 0) return true;
    return false;
}

/* ---- numbers ---- */

static leat_rc text_int(const leat_mysql_col *col, leat_str text, leat_arena *a, leat_value *out,
                        leat_err *e)
{
    int64_t v;
    uint64_t u;
    (void)a;
    if (leat_str_i64(text, &v)) {
        *out = leat_int(v);
        return LEAT_OK;
    }
    if (!leat_str_u64(text, &u)) return leat_cell_fail(col, text, "no whole number", e);
    *out = leat_int((int64_t)u); /* of 64 bits without a sign: modulo 2^64, as in row images */
    return LEAT_OK;
}

static leat_rc text_double(const leat_mysql_col *col, leat_str text, leat_arena *a, leat_value *out,
                           leat_err *e)
{
    char buf[512], *end;
    (void)a;
    if (text.len == 0 || text.len >= sizeof buf) return leat_cell_fail(col, text, "no number", e);
    memcpy(buf, text.s, text.len);
    buf[text.len] = 0;
    *out = leat_float(strtod(buf, &end));
    return *end ? leat_cell_fail(col, text, "no number", e) : LEAT_OK;
}

/* Without the zeros that ZEROFILL puts in front. */
static leat_rc text_decimal(const leat_mysql_col *col, leat_str text, leat_arena *a,
                            leat_value *out, leat_err *e)
{
    size_t at = text.len && text.s[0] == '-', sign = at;
    while (at + 1 < text.len && text.s[at] == '0' && text.s[at + 1] != '.') at++;
    if (at >= text.len) return leat_cell_fail(col, text, "no decimal number", e);
    char *digits = leat_arena_alloc(a, sign + text.len - at, 1);
    if (sign) digits[0] = '-';
    memcpy(digits + sign, text.s + at, text.len - at);
    *out = (leat_value){.kind = LEAT_DECIMAL,
                        .scale = col->digits,
                        .len = (uint32_t)(sign + text.len - at),
                        .u.s = digits};
    return LEAT_OK;
}

/* ---- dates and times ---- */

/* Digits up to sep (0: the end), behind which *text goes on. */
static bool take(leat_str *text, char sep, unsigned *out)
{
    size_t n = 0;
    unsigned v = 0;
    while (n < text->len && text->s[n] >= '0' && text->s[n] <= '9' && n < 9)
        v = v * 10 + (unsigned)(text->s[n++] - '0');
    bool ends = n == text->len, at_sep = !ends && text->s[n] == sep;
    if (n == 0 || !(sep ? at_sep : ends)) return false;
    *out = v;
    *text = (leat_str){text->s + n + at_sep, text->len - n - at_sep};
    return true;
}

static bool take_date(leat_str *text, char sep, leat_cell_moment *t)
{
    unsigned year;
    bool good = take(text, '-', &year) && take(text, '-', &t->month) && take(text, sep, &t->day);
    if (good) t->year = year;
    return good;
}

/* hh:mm:ss[.f] to the end. */
static bool take_clock(leat_str *text, leat_cell_moment *t)
{
    unsigned us = 0;
    if (!take(text, ':', &t->hour) || !take(text, ':', &t->minute)) return false;
    if (take(text, 0, &t->second)) return true;
    if (!take(text, '.', &t->second)) return false;
    size_t digits = text->len;
    if (digits > 6 || !take(text, 0, &us)) return false;
    for (size_t i = digits; i < 6; i++) us *= 10;
    t->us = us;
    return true;
}

static leat_rc text_date(const leat_mysql_col *col, leat_str text, leat_arena *a, leat_value *out,
                         leat_err *e)
{
    leat_cell_moment t = {0};
    leat_str rest = text;
    if (!take_date(&rest, 0, &t)) return leat_cell_fail(col, text, "no date", e);
    return leat_cell_date_of(col, &t, a, out);
}

static leat_rc text_time(const leat_mysql_col *col, leat_str text, leat_arena *a, leat_value *out,
                         leat_err *e)
{
    leat_cell_moment t = {0};
    leat_str rest = text;
    bool minus = text.len && text.s[0] == '-';
    (void)a;
    if (minus) rest = (leat_str){text.s + 1, text.len - 1};
    if (!take_clock(&rest, &t)) return leat_cell_fail(col, text, "no time", e);
    return leat_cell_time_of(col, text, minus, (int64_t)t.hour * 3600 + t.minute * 60 + t.second,
                             t.us, out, e);
}

static leat_rc text_datetime(const leat_mysql_col *col, leat_str text, leat_arena *a,
                             leat_value *out, leat_err *e)
{
    leat_cell_moment t = {0};
    leat_str rest = text;
    if (!take_date(&rest, ' ', &t) || !take_clock(&rest, &t))
        return leat_cell_fail(col, text, "no date and time", e);
    return leat_cell_datetime_of(col, text, &t, a, out, e);
}

static leat_rc text_timestamp(const leat_mysql_col *col, leat_str text, leat_arena *a,
                              leat_value *out, leat_err *e)
{
    LEAT_TRY(text_datetime(col, text, a, out, e));
    if (out->kind == LEAT_TIMESTAMP) out->kind = LEAT_TIMESTAMPTZ;
    return LEAT_OK;
}

/* ---- text and bytes: they borrow nothing, since the driver's row is gone with the next ---- */

static leat_rc text_text(const leat_mysql_col *col, leat_str text, leat_arena *a, leat_value *out,
                         leat_err *e)
{
    (void)col;
    (void)e;
    *out = leat_text(leat_arena_str(a, text));
    return LEAT_OK;
}

static leat_rc text_bytes(const leat_mysql_col *col, leat_str text, leat_arena *a, leat_value *out,
                          leat_err *e)
{
    (void)col;
    (void)e;
    *out = leat_bytes(leat_arena_str(a, text));
    return LEAT_OK;
}

#define COPIED(name, parser)                                                                       \
    static leat_rc name(const leat_mysql_col *col, leat_str text, leat_arena *a, leat_value *out,  \
                        leat_err *e)                                                               \
    {                                                                                              \
        return parser(col, leat_arena_str(a, text), a, out, e);                                    \
    }
COPIED(text_geometry, leat_cell_geometry)
COPIED(text_point, leat_cell_point)
#undef COPIED

/* ---- columns ---- */

static const char *const whole[] = {"tinyint", "smallint", "mediumint", "int",
                                    "bigint",  "year",     NULL};
static const char *const bytes[] = {"binary",     "varbinary", "tinyblob", "blob",
                                    "mediumblob", "longblob",  NULL};
static const char *const shapes[] = {"geometry",           "linestring",      "polygon",
                                     "multipoint",         "multilinestring", "multipolygon",
                                     "geometrycollection", "geomcollection",  NULL};

static leat_mysql_parser *parser_of(const leat_my_column *c, const leat_my_col *col)
{
    const char *base = c->base;
    if (one_of(base, whole)) return col->want.decimal_u64 ? text_decimal : text_int;
    if (strcmp(base, "float") == 0 || strcmp(base, "double") == 0) return text_double;
    if (strcmp(base, "decimal") == 0) return text_decimal;
    if (strcmp(base, "bit") == 0) return c->length <= 1 ? leat_cell_bit1 : leat_cell_bits;
    if (strcmp(base, "date") == 0) return text_date;
    if (strcmp(base, "time") == 0) return text_time;
    if (strcmp(base, "datetime") == 0) return text_datetime;
    if (strcmp(base, "timestamp") == 0) return text_timestamp;
    if (strcmp(base, "point") == 0) return text_point;
    if (one_of(base, shapes)) return text_geometry;
    if (strcmp(base, "vector") == 0) return leat_cell_vector;
    bool binary = one_of(base, bytes) || (c->charset && strcmp(c->charset, "binary") == 0);
    return binary ? text_bytes : text_text;
}

void leat_my_text_plan(const leat_my_column *c, const leat_my_col *col, leat_mysql_col *out)
{
    bool decimal = strcmp(c->base, "decimal") == 0;
    int32_t digits = decimal ? c->scale : c->length;
    *out = (leat_mysql_col){.parse = parser_of(c, col),
                            .digits = digits > 0 ? (uint8_t)digits : 0,
                            .zero = col->want.zero,
                            .table = col->want.table,
                            .name = col->name};
    if (!decimal && one_of(c->base, whole)) out->digits = 0;
}

void leat_my_text_put(const leat_my_column *c, leat_buf *sql)
{
    leat_my_put_name(sql, leat_str_of(c->name));
    if (strcmp(c->base, "float") == 0) leat_buf_str_z(sql, "+0e0");
}
