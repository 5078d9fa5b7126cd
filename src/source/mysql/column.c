/* The plan of a column: which parser reads its values, and how many bytes they have.
 *
 *     length of a value
 *         fixed          numbers, times; DECIMAL by precision and scale; BIT; ENUM and SET
 *         u8             CHAR, VARCHAR of up to 255 bytes
 *         u16            CHAR, VARCHAR of more
 *         u8 ... u32     BLOB and TEXT, JSON, GEOMETRY, VECTOR: the metadata says which
 */
#include "source/mysql/cell.h"

enum { SHORT_MOST = 255 };

static leat_rc fixed(leat_mysql_col *out, unsigned width, leat_mysql_parser *parse)
{
    out->width = width;
    out->parse = parse;
    return LEAT_OK;
}

static leat_rc bad_type(const leat_mysql_want *want, const leat_binlog_column *wire, leat_err *e)
{
    return leat_fail(
        e, LEAT_CONF, "mysql.type", want->table,
        "column %s has a type on the wire (%u, metadata %u) that is not known here; leave "
        "it out with column.exclude.list, or the table with table.exclude.list",
        want->name, wire->type, wire->meta);
}

/* ---- numbers and times ---- */

static leat_rc plan_int(const leat_mysql_want *want, unsigned width, leat_mysql_col *out)
{
    bool decimal = width == 8 && want->is_unsigned && want->decimal_u64;
    return fixed(out, width, decimal ? leat_cell_u64_decimal : leat_cell_int);
}

static leat_rc plan_decimal(const leat_mysql_want *want, const leat_binlog_column *wire,
                            leat_mysql_col *out, leat_err *e)
{
    out->digits = (uint8_t)(wire->meta >> 8);
    unsigned width = leat_cell_decimal_size(wire->meta & 0xff, out->digits);
    return width ? fixed(out, width, leat_cell_decimal) : bad_type(want, wire, e);
}

static leat_rc plan_bit(const leat_mysql_want *want, const leat_binlog_column *wire,
                        leat_mysql_col *out, leat_err *e)
{
    unsigned bits = (wire->meta >> 8) * 8U + (wire->meta & 0xffU);
    if (bits == 0 || bits > 64) return bad_type(want, wire, e);
    return fixed(out, (bits + 7) / 8, bits == 1 ? leat_cell_bit1 : leat_cell_bits);
}

/* whole: bytes before the fraction. */
static leat_rc plan_time(const leat_mysql_want *want, const leat_binlog_column *wire,
                         unsigned whole, leat_mysql_parser *parse, leat_mysql_col *out, leat_err *e)
{
    if (wire->meta > 6) return bad_type(want, wire, e);
    out->digits = (uint8_t)wire->meta;
    return fixed(out, whole + (wire->meta + 1U) / 2, parse);
}

/* ---- texts ---- */

static leat_rc plan_text(const leat_mysql_want *want, unsigned prefix, leat_mysql_parser *text,
                         leat_mysql_parser *bytes, leat_mysql_col *out, leat_err *e)
{
    out->prefix = (uint8_t)prefix;
    if (want->collation == LEAT_COLLATION_BINARY) {
        out->parse = bytes;
        return LEAT_OK;
    }
    const leat_charset *cs = want->collation ? leat_charset_of_collation(want->collation) : NULL;
    if (want->collation && !cs)
        return leat_fail(
            e, LEAT_CONF, "mysql.charset", want->table,
            "column %s has a collation (id %u) that is not known here; leave the column "
            "out with column.exclude.list, or report the server's version",
            want->name, want->collation);
    bool utf8 = !cs || leat_charset_is_utf8(cs);
    out->charset = utf8 ? NULL : cs;
    out->parse = utf8 && text == leat_cell_text ? leat_cell_utf8 : text;
    return LEAT_OK;
}

static leat_rc plan_string(const leat_mysql_want *want, const leat_binlog_column *wire,
                           leat_mysql_col *out, leat_err *e)
{
    unsigned prefix = wire->meta > SHORT_MOST ? 2 : 1;
    out->prefix = (uint8_t)prefix;
    switch (want->as) {
    case LEAT_MYSQL_AS_INET4: out->parse = leat_cell_inet4; return LEAT_OK;
    case LEAT_MYSQL_AS_INET6: out->parse = leat_cell_inet6; return LEAT_OK;
    case LEAT_MYSQL_AS_UUID: out->parse = leat_cell_uuid; return LEAT_OK;
    default: break;
    }
    if (wire->type == LEAT_MYSQL_STRING) out->width = wire->meta; /* of a BINARY */
    leat_mysql_parser *bytes = wire->type == LEAT_MYSQL_STRING ? leat_cell_binary : leat_cell_bytes;
    return plan_text(want, prefix, leat_cell_text, bytes, out, e);
}

static leat_rc plan_blob(const leat_mysql_want *want, const leat_binlog_column *wire,
                         leat_mysql_col *out, leat_err *e)
{
    if (wire->meta < 1 || wire->meta > 4) return bad_type(want, wire, e);
    out->prefix = (uint8_t)wire->meta;
    switch (wire->type) {
    case LEAT_MYSQL_JSON: out->parse = leat_cell_json; return LEAT_OK;
    case LEAT_MYSQL_VECTOR: out->parse = leat_cell_vector; return LEAT_OK;
    case LEAT_MYSQL_GEOMETRY:
        out->parse = want->as == LEAT_MYSQL_AS_POINT ? leat_cell_point : leat_cell_geometry;
        return LEAT_OK;
    case LEAT_MARIADB_BLOB_COMPRESSED:
        return plan_text(want, wire->meta, leat_cell_text_compressed, leat_cell_bytes_compressed,
                         out, e);
    default: return plan_text(want, wire->meta, leat_cell_text, leat_cell_bytes, out, e);
    }
}

static leat_rc plan_labels(const leat_mysql_want *want, const leat_binlog_column *wire,
                           leat_mysql_col *out, leat_err *e)
{
    bool set = wire->type == LEAT_MYSQL_SET;
    if (wire->meta < 1 || wire->meta > (set ? 8 : 2) || want->nlabels > (set ? 64 : 65535))
        return bad_type(want, wire, e);
    out->labels = want->labels;
    out->nlabels = want->nlabels;
    return fixed(out, wire->meta, set ? leat_cell_set : leat_cell_enum);
}

/* ---- all ---- */

static leat_rc plan_type(const leat_binlog_column *w, const leat_mysql_want *want,
                         leat_mysql_col *out, leat_err *e)
{
    switch ((leat_binlog_column_type)w->type) {
    case LEAT_MYSQL_TINY: return plan_int(want, 1, out);
    case LEAT_MYSQL_SHORT: return plan_int(want, 2, out);
    case LEAT_MYSQL_INT24: return plan_int(want, 3, out);
    case LEAT_MYSQL_LONG: return plan_int(want, 4, out);
    case LEAT_MYSQL_LONGLONG: return plan_int(want, 8, out);
    case LEAT_MYSQL_YEAR: return fixed(out, 1, leat_cell_year);
    case LEAT_MYSQL_FLOAT: return fixed(out, sizeof(float), leat_cell_float);
    case LEAT_MYSQL_DOUBLE: return fixed(out, sizeof(double), leat_cell_double);
    case LEAT_MYSQL_NEWDECIMAL: return plan_decimal(want, w, out, e);
    case LEAT_MYSQL_BIT: return plan_bit(want, w, out, e);
    case LEAT_MYSQL_DATE:
    case LEAT_MYSQL_NEWDATE: return fixed(out, 3, leat_cell_date);
    case LEAT_MYSQL_TIME: return fixed(out, 3, leat_cell_time_old);
    case LEAT_MYSQL_DATETIME: return fixed(out, 8, leat_cell_datetime_old);
    case LEAT_MYSQL_TIMESTAMP: return fixed(out, 4, leat_cell_timestamp_old);
    case LEAT_MYSQL_TIME2: return plan_time(want, w, 3, leat_cell_time, out, e);
    case LEAT_MYSQL_DATETIME2: return plan_time(want, w, 5, leat_cell_datetime, out, e);
    case LEAT_MYSQL_TIMESTAMP2: return plan_time(want, w, 4, leat_cell_timestamp, out, e);
    case LEAT_MYSQL_VARCHAR:
    case LEAT_MYSQL_VAR_STRING:
    case LEAT_MYSQL_STRING: return plan_string(want, w, out, e);
    case LEAT_MARIADB_VARCHAR_COMPRESSED:
        return plan_text(want, w->meta > SHORT_MOST ? 2 : 1, leat_cell_text_compressed,
                         leat_cell_bytes_compressed, out, e);
    case LEAT_MYSQL_TINY_BLOB:
    case LEAT_MYSQL_MEDIUM_BLOB:
    case LEAT_MYSQL_LONG_BLOB:
    case LEAT_MYSQL_BLOB:
    case LEAT_MARIADB_BLOB_COMPRESSED:
    case LEAT_MYSQL_JSON:
    case LEAT_MYSQL_VECTOR:
    case LEAT_MYSQL_GEOMETRY: return plan_blob(want, w, out, e);
    case LEAT_MYSQL_ENUM:
    case LEAT_MYSQL_SET: return plan_labels(want, w, out, e);
    case LEAT_MYSQL_DECIMAL:
    case LEAT_MYSQL_NULL: break;
    }
    return bad_type(want, w, e);
}

leat_rc leat_mysql_col_plan(const leat_binlog_column *wire, const leat_mysql_want *want,
                            leat_mysql_col *out, leat_err *e)
{
    *out = (leat_mysql_col){.type = wire->type,
                            .is_unsigned = want->is_unsigned,
                            .meta = wire->meta,
                            .zero = want->zero,
                            .table = want->table,
                            .name = want->name};
    LEAT_TRY(plan_type(wire, want, out, e));
    if (want->left_out) out->parse = NULL;
    return LEAT_OK;
}
