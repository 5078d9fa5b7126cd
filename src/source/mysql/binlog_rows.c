/* Rows events, up to their rows (rowimage.c reads those).
 *
 *     u48 table id, u16 flags, [version 2: u16 length of what follows with itself, extra data],
 *     lenenc columns, bits before (not in WRITE), bits after (not in DELETE), rows
 *     bits: one a column, set: present in such an image; bit 0 of the first byte is column 0
 *
 * The table id has four bytes where the format gives the kind a fixed part of six. Rows of
 * MariaDB's compressed kinds are as in binlog_payload.c. */
#include "source/mysql/binlog_part.h"

enum { OLD_FIXED = 6, COLUMNS_MOST = 4096 };

static leat_binlog_rows_kind kind_of(uint8_t type)
{
    switch (type) {
    case LEAT_BINLOG_WRITE_ROWS_V1:
    case LEAT_BINLOG_WRITE_ROWS:
    case LEAT_BINLOG_WRITE_ROWS_COMPRESSED_V1:
    case LEAT_BINLOG_WRITE_ROWS_COMPRESSED: return LEAT_BINLOG_ROWS_WRITE;
    case LEAT_BINLOG_DELETE_ROWS_V1:
    case LEAT_BINLOG_DELETE_ROWS:
    case LEAT_BINLOG_DELETE_ROWS_COMPRESSED_V1:
    case LEAT_BINLOG_DELETE_ROWS_COMPRESSED: return LEAT_BINLOG_ROWS_DELETE;
    default: return LEAT_BINLOG_ROWS_UPDATE;
    }
}

static bool version_2(uint8_t type)
{
    return (type >= LEAT_BINLOG_WRITE_ROWS && type <= LEAT_BINLOG_DELETE_ROWS) ||
           type == LEAT_BINLOG_PARTIAL_UPDATE_ROWS ||
           (type >= LEAT_BINLOG_WRITE_ROWS_COMPRESSED &&
            type <= LEAT_BINLOG_DELETE_ROWS_COMPRESSED);
}

void leat_binlog_read_rows(leat_cur *c, const leat_binlog_format *f, leat_binlog_event *out)
{
    bool old = f->known && out->type <= f->npost && f->post[out->type] == OLD_FIXED;
    out->rows.kind = (uint8_t)kind_of(out->type);
    out->rows.partial = out->type == LEAT_BINLOG_PARTIAL_UPDATE_ROWS;
    out->rows.table = leat_binlog_le(c, old ? 4 : 6);
    out->rows.flags = (uint16_t)leat_binlog_le16(c);
    if (version_2(out->type)) {
        unsigned extra = leat_binlog_le16(c);
        if (extra < 2) c->bad = true;
        if (!c->bad) leat_cur_bytes(c, extra - 2);
    }
    uint64_t n = leat_binlog_lenenc(c);
    if (n > COLUMNS_MOST) c->bad = true;
    if (c->bad) return;
    out->rows.ncols = (uint32_t)n;
    size_t bits = (n + 7) / 8;
    if (out->rows.kind != LEAT_BINLOG_ROWS_WRITE) out->rows.before = leat_cur_bytes(c, bits);
    if (out->rows.kind != LEAT_BINLOG_ROWS_DELETE) out->rows.after = leat_cur_bytes(c, bits);
    out->rows.rows = leat_binlog_rest(c);
}
