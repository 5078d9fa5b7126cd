/* Cells as constants of MySQL's and MariaDB's SQL, and types of columns that are made. Pure: any
 * thread. The session is UTC, strict, and takes utf8mb4.
 *
 * What their types cannot hold exactly is not bent: a time out of the type's range, NaN and
 * infinities are refused, and columns that are made for what may be such have types of text. */
#include <math.h>

#include "base/clock.h"
#include "sink/sql/my.h"
#include "sink/sql/text.h"

enum {
    DIGITS_MOST = 65, /* of DECIMAL */
    SCALE_MOST = 30,
    BITS_MOST = 64,
    KEY_CHARS = 255, /* of a text or bytes in a key: an index takes 3,072 bytes */
};

/* ---- forms ---- */

leat_rdb_my_form leat_rdb_my_form_of(leat_str type)
{
    static const struct {
        const char *name;
        leat_rdb_my_form form;
    } forms[] = {
        {"tinyint", LEAT_RDB_MY_NUMBER},
        {"smallint", LEAT_RDB_MY_NUMBER},
        {"mediumint", LEAT_RDB_MY_NUMBER},
        {"int", LEAT_RDB_MY_NUMBER},
        {"bigint", LEAT_RDB_MY_NUMBER},
        {"decimal", LEAT_RDB_MY_NUMBER},
        {"float", LEAT_RDB_MY_NUMBER},
        {"double", LEAT_RDB_MY_NUMBER},
        {"year", LEAT_RDB_MY_NUMBER},
        {"bit", LEAT_RDB_MY_BIT},
        {"date", LEAT_RDB_MY_TIME},
        {"time", LEAT_RDB_MY_TIME},
        {"datetime", LEAT_RDB_MY_TIME},
        {"timestamp", LEAT_RDB_MY_TIME},
        {"binary", LEAT_RDB_MY_BINARY},
        {"varbinary", LEAT_RDB_MY_BINARY},
        {"tinyblob", LEAT_RDB_MY_BINARY},
        {"blob", LEAT_RDB_MY_BINARY},
        {"mediumblob", LEAT_RDB_MY_BINARY},
        {"longblob", LEAT_RDB_MY_BINARY},
        {"geometry", LEAT_RDB_MY_GEOMETRY},
        {"point", LEAT_RDB_MY_GEOMETRY},
        {"linestring", LEAT_RDB_MY_GEOMETRY},
        {"polygon", LEAT_RDB_MY_GEOMETRY},
        {"multipoint", LEAT_RDB_MY_GEOMETRY},
        {"multilinestring", LEAT_RDB_MY_GEOMETRY},
        {"multipolygon", LEAT_RDB_MY_GEOMETRY},
        {"geometrycollection", LEAT_RDB_MY_GEOMETRY},
        {"geomcollection", LEAT_RDB_MY_GEOMETRY},
    };
    size_t n = 0;
    while (n < type.len && type.s[n] != '(' && type.s[n] != ' ') n++;
    leat_str word = {type.s, n};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (leat_str_ieq(word, leat_str_of(forms[i].name))) return forms[i].form;
    return LEAT_RDB_MY_TEXT;
}

/* ---- cells ---- */

static leat_rc refuse(leat_err *e, const leat_rdb_field *f, const char *what)
{
    return leat_fail(e, LEAT_DATA, "sql.range", f->to->name,
                     "the value for column %s (%s) is %s, which MySQL has no place for in that "
                     "type; a column of text would take it",
                     f->to->name, f->to->type, what);
}

static leat_rc put_float(leat_buf *out, const leat_rdb_field *f, double v, leat_err *e)
{
    if (!isfinite(v)) return refuse(e, f, isnan(v) ? "NaN" : "infinite");
    size_t at = out->len;
    leat_rdb_text_float(out, v, false); /* with 9 digits the largest float would be out of range */
    if (!memchr(out->p + at, 'E', out->len - at)) leat_buf_str_z(out, "e0"); /* else a decimal */
    return LEAT_OK;
}

static leat_rc put_decimal(leat_buf *out, const leat_rdb_field *f, leat_str digits, leat_err *e)
{
    bool number =
        digits.len > 0 && strchr("-.0123456789", digits.s[0]) && !leat_str_is(digits, "-Infinity");
    if (!number) return refuse(e, f, "NaN or infinite");
    if (digits.len > DIGITS_MOST)
        leat_my_put_text(out, digits); /* the server tells that it is out of range */
    else
        leat_buf_add(out, digits);
    return LEAT_OK;
}

static leat_rc put_time(leat_buf *out, const leat_rdb_field *f, const leat_value *v, leat_err *e)
{
    static const int64_t day_of[] = {
        [LEAT_US] = 86400000000, [LEAT_MS] = 86400000, [LEAT_NS] = 86400000000000};
    leat_buf text = {0};
    bool clock = v->kind == LEAT_TIME || v->kind == LEAT_TIMETZ;
    if (!clock) {
        if (leat_rdb_text_infinite(&text, v->u.i)) {
            leat_buf_free(&text);
            return refuse(e, f, "infinite");
        }
        int64_t day = v->kind == LEAT_DATE ? 1 : day_of[v->unit], days = v->u.i / day, year;
        unsigned month, monthday;
        leat_days_to(days - (v->u.i % day < 0), &year, &month, &monthday);
        if (year < 1 || year > 9999) return refuse(e, f, "of a year beyond 1 to 9999");
    }
    if (v->kind == LEAT_TIMESTAMPTZ)
        leat_rdb_text_timestamp(&text, v->u.i, (leat_unit)v->unit, false, "");
    else
        leat_rdb_text_cell(&text, f->schema, v);
    leat_my_put_text(out, leat_buf_str(&text));
    leat_buf_free(&text);
    return LEAT_OK;
}

static void put_hex(leat_buf *out, leat_str bytes)
{
    leat_buf_str_z(out, "X'");
    leat_buf_hex(out, bytes);
    leat_buf_u8(out, '\'');
}

/* Debezium's geometry {wkb, srid} in the server's own form: four bytes of SRID, then the WKB. */
static bool put_geometry(leat_buf *out, const leat_schema *s, const leat_value *v)
{
    int wkb = s && v->kind == LEAT_STRUCT ? leat_schema_field(s, LEAT_STR("wkb")) : -1;
    int srid = wkb >= 0 ? leat_schema_field(s, LEAT_STR("srid")) : -1;
    if (wkb < 0 || v->u.list[wkb].kind != LEAT_BYTES) return false;
    uint32_t id = srid >= 0 && v->u.list[srid].kind == LEAT_INT ? (uint32_t)v->u.list[srid].u.i : 0;
    leat_buf bytes = {0};
    leat_buf_le32(&bytes, id);
    leat_buf_add(&bytes, leat_value_str(&v->u.list[wkb]));
    put_hex(out, leat_buf_str(&bytes));
    leat_buf_free(&bytes);
    return true;
}

static void put_bits(leat_buf *out, const leat_schema *s, leat_str bytes)
{
    leat_buf_str_z(out, "b'");
    leat_rdb_text_bits(out, s, bytes);
    leat_buf_u8(out, '\'');
}

/* As text that the server turns into the column's type. */
static leat_rc put_text(leat_buf *out, const leat_rdb_field *f, const leat_value *v)
{
    leat_buf text = {0};
    leat_rdb_text_cell(&text, f->schema, v);
    leat_my_put_text(out, leat_buf_str(&text));
    leat_buf_free(&text);
    return LEAT_OK;
}

leat_rc leat_rdb_my_put(leat_buf *out, const leat_rdb_field *f, const leat_value *v, leat_err *e)
{
    leat_rdb_my_form form = (leat_rdb_my_form)f->to->form;
    bool bits = f->schema && f->schema->logical == LEAT_L_BITS;
    switch ((leat_kind)v->kind) {
    case LEAT_NULL:
    case LEAT_ABSENT: leat_buf_str_z(out, "NULL"); return LEAT_OK;
    case LEAT_TEXT: leat_my_put_text(out, leat_value_str(v)); return LEAT_OK;
    case LEAT_BOOL:
        if (form == LEAT_RDB_MY_TEXT) return put_text(out, f, v);
        leat_buf_u8(out, v->u.i ? '1' : '0');
        return LEAT_OK;
    case LEAT_INT:
        if (form == LEAT_RDB_MY_TEXT) return put_text(out, f, v);
        leat_buf_i64(out, v->u.i);
        return LEAT_OK;
    case LEAT_FLOAT:
        return form == LEAT_RDB_MY_TEXT ? put_text(out, f, v) : put_float(out, f, v->u.f, e);
    case LEAT_DECIMAL:
        if (form == LEAT_RDB_MY_TEXT) return put_text(out, f, v);
        return put_decimal(out, f, leat_value_str(v), e);
    case LEAT_BYTES:
        if (form == LEAT_RDB_MY_TEXT) return put_text(out, f, v);
        if (bits && form != LEAT_RDB_MY_BINARY)
            put_bits(out, f->schema, leat_value_str(v));
        else
            put_hex(out, leat_value_str(v));
        return LEAT_OK;
    case LEAT_STRUCT:
        if (form == LEAT_RDB_MY_GEOMETRY && put_geometry(out, f->schema, v)) return LEAT_OK;
        return put_text(out, f, v);
    case LEAT_INTERVAL:
    case LEAT_LIST:
    case LEAT_MAP: return put_text(out, f, v);
    default: return form == LEAT_RDB_MY_TIME ? put_time(out, f, v, e) : put_text(out, f, v);
    }
}

void leat_rdb_my_fill(leat_buf *out, const char *sql, int n, const char *const *params)
{
    char quote = 0;
    int at = 0;
    for (; *sql; sql++) {
        if (quote) {
            if (*sql == quote) quote = 0;
        } else if (*sql == '\'' || *sql == '"' || *sql == '`') {
            quote = *sql;
        } else if (*sql == '?' && at < n) {
            leat_my_put_text(out, leat_str_of(params[at++]));
            continue;
        }
        leat_buf_u8(out, (unsigned char)*sql);
    }
}

/* ---- types ---- */

/* NULL: it goes by the type alone. */
static const char *by_logical(const leat_schema *s)
{
    switch ((leat_logical)s->logical) {
    case LEAT_L_CONNECT_DATE:
    case LEAT_L_DATE:
    case LEAT_L_ISO_DATE: return "DATE";
    case LEAT_L_CONNECT_TIME:
    case LEAT_L_TIME: return "TIME(3)";
    case LEAT_L_MICRO_TIME:
    case LEAT_L_NANO_TIME:
    case LEAT_L_ISO_TIME: return "TIME(6)";
    case LEAT_L_CONNECT_TIMESTAMP:
    case LEAT_L_TIMESTAMP: return "DATETIME(3)";
    case LEAT_L_MICRO_TIMESTAMP:
    case LEAT_L_NANO_TIMESTAMP:
    case LEAT_L_ISO_TIMESTAMP:
    case LEAT_L_ZONED_TIMESTAMP: return "DATETIME(6)";
    case LEAT_L_BASE64:
    case LEAT_L_BASE64_URL:
    case LEAT_L_HEX: return "LONGBLOB";
    case LEAT_L_UUID: return "CHAR(36)";
    case LEAT_L_NONE:
    case LEAT_L_OTHER:
    case LEAT_L_ENUM: return NULL;
    default: return "LONGTEXT";
    }
}

static const char *by_type(const leat_schema *s)
{
    switch ((leat_type)s->type) {
    case LEAT_T_INT8: return "TINYINT";
    case LEAT_T_INT16: return "SMALLINT";
    case LEAT_T_INT32: return "INT";
    case LEAT_T_INT64: return "BIGINT";
    case LEAT_T_FLOAT32: return "FLOAT";
    case LEAT_T_FLOAT64: return "DOUBLE";
    case LEAT_T_BOOLEAN: return "BOOLEAN";
    case LEAT_T_BYTES: return "LONGBLOB";
    default: return "LONGTEXT";
    }
}

void leat_rdb_my_type(leat_buf *out, const leat_schema *s, const leat_column *native, bool key)
{
    (void)native;
    int64_t bits = s->logical == LEAT_L_BITS ? leat_rdb_param(s, "length", 0) : 0;
    if (bits > 0 && bits <= BITS_MOST) {
        leat_buf_printf(out, "BIT(%d)", (int)bits);
        return;
    }
    const char *type = by_logical(s);
    if (s->logical == LEAT_L_DECIMAL) {
        int64_t scale = leat_rdb_param(s, "scale", 0);
        int64_t digits = leat_rdb_param(s, "connect.decimal.precision", DIGITS_MOST);
        if (scale >= 0 && scale <= SCALE_MOST && digits <= DIGITS_MOST && scale <= digits) {
            leat_buf_printf(out, "DECIMAL(%d,%d)", (int)digits, (int)scale);
            return;
        }
    }
    if (!type) type = by_type(s);
    if (key && strcmp(type, "LONGTEXT") == 0)
        leat_buf_printf(out, "VARCHAR(%d)", KEY_CHARS);
    else if (key && strcmp(type, "LONGBLOB") == 0)
        leat_buf_printf(out, "VARBINARY(%d)", KEY_CHARS);
    else
        leat_buf_str_z(out, type);
}
