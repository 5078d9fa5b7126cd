/* Texts and bytes of row images, ENUM, SET and JSON.
 *
 *     CHAR VARCHAR TEXT BINARY BLOB  the bytes; CHAR without the spaces at its end, BINARY without
 * the zeros ENUM                           u8 or u16: number of the label, from 1; 0: the value
 * that is none SET                            1 to 8 bytes, the lowest first: a bit a label JSON
 * jsonbin.c
 */
#include "source/mysql/binlog_part.h"
#include "source/mysql/cell.h"
#include "source/mysql/jsonbin.h"

/* True when all bytes are below 128; most texts are. */
static bool ascii(leat_str s)
{
    size_t i = 0;
    uint64_t all = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t v;
        memcpy(&v, s.s + i, sizeof v);
        all |= v;
    }
    for (; i < s.len; i++) all |= (uint8_t)s.s[i];
    return !(all & UINT64_C(0x8080808080808080));
}

leat_rc leat_cell_utf8(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                       leat_err *e)
{
    (void)a;
    if (!ascii(bytes) && !leat_str_utf8(bytes)) return leat_cell_fail(col, bytes, "no UTF-8", e);
    *out = leat_text(bytes);
    return LEAT_OK;
}

leat_rc leat_cell_text(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                       leat_err *e)
{
    leat_str text;
    leat_err why;
    if (leat_charset_utf8(col->charset, bytes, a, &text, &why) != LEAT_OK)
        return leat_cell_fail(col, bytes, why.msg, e);
    *out = leat_text(text);
    return LEAT_OK;
}

leat_rc leat_cell_bytes(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                        leat_err *e)
{
    (void)col;
    (void)a;
    (void)e;
    *out = leat_bytes(bytes);
    return LEAT_OK;
}

/* BINARY(n): its zeros again. */
leat_rc leat_cell_binary(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                         leat_err *e)
{
    (void)e;
    if (bytes.len < col->width) {
        char *full = leat_arena_alloc(a, col->width, 1);
        memcpy(full, bytes.s, bytes.len);
        memset(full + bytes.len, 0, col->width - bytes.len);
        bytes = (leat_str){full, col->width};
    }
    *out = leat_bytes(bytes);
    return LEAT_OK;
}

leat_rc leat_cell_text_compressed(const leat_mysql_col *col, leat_str bytes, leat_arena *a,
                                  leat_value *out, leat_err *e)
{
    leat_str text;
    if (leat_binlog_inflate_column(bytes, a, &text, NULL) != LEAT_OK)
        return leat_cell_fail(col, bytes, "cannot be decompressed", e);
    return col->charset ? leat_cell_text(col, text, a, out, e)
                        : leat_cell_utf8(col, text, a, out, e);
}

leat_rc leat_cell_bytes_compressed(const leat_mysql_col *col, leat_str bytes, leat_arena *a,
                                   leat_value *out, leat_err *e)
{
    leat_str text;
    if (leat_binlog_inflate_column(bytes, a, &text, NULL) != LEAT_OK)
        return leat_cell_fail(col, bytes, "cannot be decompressed", e);
    *out = leat_bytes(text);
    return LEAT_OK;
}

/* ---- labels ---- */

leat_rc leat_cell_enum(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                       leat_err *e)
{
    (void)a;
    uint64_t i = leat_cell_le(bytes.s, (unsigned)bytes.len);
    if (i > col->nlabels) return leat_cell_fail(col, bytes, "a label that the column has not", e);
    *out = leat_text(i ? col->labels[i - 1] : LEAT_STR(""));
    return LEAT_OK;
}

leat_rc leat_cell_set(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                      leat_err *e)
{
    uint64_t bits = leat_cell_le(bytes.s, (unsigned)bytes.len);
    if (col->nlabels < 64 && bits >> col->nlabels)
        return leat_cell_fail(col, bytes, "a label that the column has not", e);
    if (bits == 0 || (bits & (bits - 1)) == 0) {
        *out = leat_text(bits ? col->labels[__builtin_ctzll(bits)] : LEAT_STR(""));
        return LEAT_OK;
    }
    size_t len = 0;
    for (uint64_t left = bits; left; left &= left - 1)
        len += col->labels[__builtin_ctzll(left)].len + 1;
    char *text = leat_arena_alloc(a, len, 1), *p = text;
    for (uint64_t left = bits; left; left &= left - 1) {
        leat_str label = col->labels[__builtin_ctzll(left)];
        if (label.len) memcpy(p, label.s, label.len);
        p += label.len;
        *p++ = ',';
    }
    *out = leat_text((leat_str){text, len - 1});
    return LEAT_OK;
}

/* ---- JSON ---- */

leat_rc leat_cell_json(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                       leat_err *e)
{
    leat_str text;
    leat_err why;
    if (leat_jsonbin_text(bytes, a, &text, &why) != LEAT_OK)
        return leat_cell_fail(col, bytes, why.msg, e);
    *out = leat_text(text);
    return LEAT_OK;
}
