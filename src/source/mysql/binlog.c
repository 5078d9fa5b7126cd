/* Decoder of the binary log's events: framing, and the small ones.
 *
 * Each event is read through a cursor whose error is sticky, and checked once, at the end. Counts
 * are compared with the bytes left before an array is allocated. Keeps no state but the format.
 *
 * Little-endian. An event is
 *
 *     u32 ts, u8 type, u32 server id, u32 size, u32 end position, u16 flags     the header, 19
 * bytes body u32 CRC32 of all before                               where the format has checksums
 *
 * A FORMAT_DESCRIPTION always has the last field; its checksum is that of flags without IN_USE.
 * Bodies (lenenc: see binlog_part.h; GTIDs, QUERY, TABLE_MAP, rows and payload have files of their
 * own):
 *
 *     ROTATE               u64 position, name of the next file
 *     FORMAT_DESCRIPTION   u16 4, 50 bytes version, u32 created, u8 19, n x u8 length of the fixed
 *                          part of kind 1, 2, 3...; u8 checksum
 *     XID                  u64 id
 *     HEARTBEAT            name of the file
 *     HEARTBEAT_V2         { lenenc kind, lenenc length, value }: 1 file name, 2 position (lenenc),
 *                          0 end
 *     PREVIOUS_GTIDS       a set: gtid_binary.c
 *     ROWS_QUERY           u8 (of no use), text
 *     ANNOTATE_ROWS        text
 *     XA_PREPARE           u8 one phase, u32 format, u32 gtrid length, u32 bqual length, both
 *     INCIDENT             u16 number, u8 length, message
 */
#include <stdio.h>
#include <zlib.h>

#include "source/mysql/binlog_part.h"

enum {
    CRC = 4,
    VERSION = 50,
    FLAGS_AT = 17,
    FIXED_PARTS = 2 + VERSION + 4 + 1, /* of a FORMAT_DESCRIPTION, before the lengths */
};

static leat_rc malformed(const leat_binlog_event *ev, const char *how, size_t at, leat_err *e)
{
    return leat_fail(
        e, LEAT_FATAL, "mysql.binlog", "",
        "a malformed event of the binary log: %s (%u), %u bytes, ends at %u: %s at byte "
        "%zu; if the server is newer than MySQL 9 or MariaDB 11, please report its version",
        leat_binlog_type_name(ev->type), ev->type, ev->size, ev->end_pos, how, at);
}

/* ---- header and checksum ---- */

static void read_header(leat_cur *c, leat_binlog_event *out)
{
    out->ts = leat_cur_le32(c);
    out->type = leat_cur_u8(c);
    out->server_id = leat_cur_le32(c);
    out->size = leat_cur_le32(c);
    out->end_pos = leat_cur_le32(c);
    out->flags = (uint16_t)leat_binlog_le16(c);
}

leat_rc leat_binlog_peek(leat_str bytes, uint8_t *type, uint32_t *size, leat_err *e)
{
    leat_cur c = leat_cur_of(bytes);
    leat_binlog_event ev = {0};
    read_header(&c, &ev);
    if (c.bad || ev.size < LEAT_BINLOG_HEADER)
        return malformed(&ev, "no header of an event", bytes.len - leat_cur_left(&c), e);
    *type = ev.type;
    *size = ev.size;
    return LEAT_OK;
}

static uint32_t crc_of(leat_str bytes, bool description)
{
    const Bytef *p = (const Bytef *)bytes.s;
    size_t n = bytes.len - CRC;
    if (!description) return (uint32_t)crc32_z(0, p, n);
    Bytef flags = (Bytef)(p[FLAGS_AT] & ~LEAT_BINLOG_F_IN_USE);
    uLong crc = crc32_z(0, p, FLAGS_AT);
    crc = crc32_z(crc, &flags, 1);
    return (uint32_t)crc32_z(crc, p + FLAGS_AT + 1, n - FLAGS_AT - 1);
}

static uint32_t crc_at_end(leat_str bytes)
{
    leat_cur c = leat_cur_of((leat_str){bytes.s + bytes.len - CRC, CRC});
    return leat_cur_le32(&c);
}

/* Cuts the checksum off, compared. A FORMAT_DESCRIPTION says about itself. */
static leat_rc cut_checksum(const leat_binlog_format *f, const leat_binlog_event *ev,
                            leat_str *bytes, leat_err *e)
{
    bool description = ev->type == LEAT_BINLOG_FORMAT_DESCRIPTION;
    uint8_t checksum = f->checksum;
    size_t least = (size_t)LEAT_BINLOG_HEADER + CRC + description;
    if (bytes->len < least)
        return checksum == LEAT_BINLOG_CHECKSUM_CRC32 || description
                   ? malformed(ev, "no room for a checksum", bytes->len, e)
                   : LEAT_OK;
    if (description) checksum = (uint8_t)bytes->s[bytes->len - CRC - 1];
    bool fits =
        checksum != LEAT_BINLOG_CHECKSUM_OFF && crc_of(*bytes, description) == crc_at_end(*bytes);
    if (checksum == LEAT_BINLOG_CHECKSUM_CRC32 && !fits)
        return f->encrypted
                   ? leat_fail(
                         e, LEAT_FATAL, "mysql.encrypted", "",
                         "the file is encrypted (encrypt_binlog); read it from the server, which "
                         "decrypts what it sends")
                   : leat_fail(
                         e, LEAT_FATAL, "mysql.checksum", "",
                         "the checksum of an event does not fit: %s, %u bytes, ends at %u, got "
                         "%08x, expected %08x; the binary log or the connection is damaged: "
                         "compare with mysqlbinlog --verify-binlog-checksum on the server",
                         leat_binlog_type_name(ev->type), ev->size, ev->end_pos, crc_at_end(*bytes),
                         crc_of(*bytes, description));
    if (fits || description) bytes->len -= CRC;
    return LEAT_OK;
}

/* ---- the small ones ---- */

static void read_format(leat_cur *c, leat_binlog_format *f)
{
    unsigned version = leat_binlog_le16(c);
    leat_str text = leat_cur_bytes(c, VERSION);
    leat_cur_le32(c);
    unsigned header = leat_cur_u8(c);
    if (version != 4 || header != LEAT_BINLOG_HEADER || leat_cur_left(c) < 1) c->bad = true;
    if (c->bad) return;
    size_t n = leat_cur_left(c) - 1;
    if (n > 255) n = 255;
    memset(f, 0, sizeof *f);
    f->known = true;
    snprintf(f->version, sizeof f->version, "%.*s", VERSION, text.s);
    f->mariadb = strstr(f->version, "MariaDB") != NULL;
    f->npost = (uint8_t)n;
    memcpy(f->post + 1, c->p, n);
    f->checksum = c->end[-1];
    c->p = c->end;
}

static void read_heartbeat(leat_cur *c, leat_binlog_event *out)
{
    out->rotate.pos = out->end_pos;
    if (out->type == LEAT_BINLOG_HEARTBEAT) {
        out->rotate.file = leat_binlog_rest(c);
        return;
    }
    for (;;) {
        uint64_t kind = leat_binlog_lenenc(c);
        if (kind == 0 || c->bad) return;
        leat_str value = leat_cur_bytes(c, leat_binlog_lenenc(c));
        leat_cur v = leat_cur_of(value);
        if (kind == 1) out->rotate.file = value;
        if (kind == 2) out->rotate.pos = leat_binlog_lenenc(&v);
        if (v.bad) c->bad = true;
    }
}

static void read_xa(leat_cur *c, leat_binlog_event *out)
{
    out->xa.one_phase = leat_cur_u8(c);
    out->xa.format_id = (int32_t)leat_cur_le32(c);
    uint32_t gtrid = leat_cur_le32(c), bqual = leat_cur_le32(c);
    out->xa.gtrid = leat_cur_bytes(c, gtrid);
    out->xa.bqual = leat_cur_bytes(c, bqual);
}

static void read_incident(leat_cur *c, leat_binlog_event *out)
{
    out->incident.number = (uint16_t)leat_binlog_le16(c);
    if (leat_cur_left(c)) out->incident.message = leat_cur_bytes(c, leat_cur_u8(c));
}

/* ---- one event ---- */

/* What a reader of rows has no use for. */
static bool passed_over(const leat_binlog_event *ev)
{
    switch (ev->type) {
    case LEAT_BINLOG_STOP:
    case LEAT_BINLOG_INTVAR:
    case LEAT_BINLOG_RAND:
    case LEAT_BINLOG_USER_VAR:
    case LEAT_BINLOG_BEGIN_LOAD_QUERY:
    case LEAT_BINLOG_TRANSACTION_CONTEXT:
    case LEAT_BINLOG_VIEW_CHANGE:
    case LEAT_BINLOG_CHECKPOINT:
    case LEAT_BINLOG_START_ENCRYPTION: return true;
    default: return ev->flags & LEAT_BINLOG_F_IGNORABLE;
    }
}

/* False: the kind is none of these. */
static bool read_small(leat_cur *c, leat_binlog_format *f, leat_binlog_event *out)
{
    switch (out->type) {
    case LEAT_BINLOG_FORMAT_DESCRIPTION: read_format(c, f); return true;
    case LEAT_BINLOG_ROTATE:
        out->rotate.pos = leat_cur_le64(c);
        out->rotate.file = leat_binlog_rest(c);
        return true;
    case LEAT_BINLOG_XID: out->xid = leat_cur_le64(c); return true;
    case LEAT_BINLOG_HEARTBEAT:
    case LEAT_BINLOG_HEARTBEAT_V2: read_heartbeat(c, out); return true;
    case LEAT_BINLOG_PREVIOUS_GTIDS: out->previous_gtids = leat_binlog_rest(c); return true;
    case LEAT_BINLOG_ROWS_QUERY: leat_cur_u8(c); /* fall through */
    case LEAT_BINLOG_ANNOTATE_ROWS: out->statement = leat_binlog_rest(c); return true;
    case LEAT_BINLOG_XA_PREPARE: read_xa(c, out); return true;
    case LEAT_BINLOG_INCIDENT: read_incident(c, out); return true;
    default: return false;
    }
}

static bool read_body(leat_cur *c, leat_binlog_format *f, leat_arena *a, leat_binlog_event *out)
{
    switch (out->type) {
    case LEAT_BINLOG_QUERY:
    case LEAT_BINLOG_QUERY_COMPRESSED:
    case LEAT_BINLOG_EXECUTE_LOAD_QUERY: leat_binlog_read_query(c, f, out); return true;
    case LEAT_BINLOG_GTID:
    case LEAT_BINLOG_ANONYMOUS_GTID: leat_binlog_read_gtid(c, out); return true;
    case LEAT_BINLOG_GTID_TAGGED: leat_binlog_read_gtid_tagged(c, out); return true;
    case LEAT_BINLOG_MARIADB_GTID: leat_binlog_read_mariadb_gtid(c, out); return true;
    case LEAT_BINLOG_MARIADB_GTID_LIST: leat_binlog_read_gtid_list(c, a, out); return true;
    case LEAT_BINLOG_TABLE_MAP: leat_binlog_read_table(c, f, a, out); return true;
    case LEAT_BINLOG_TRANSACTION_PAYLOAD: leat_binlog_read_payload(c, out); return true;
    case LEAT_BINLOG_WRITE_ROWS_V1:
    case LEAT_BINLOG_UPDATE_ROWS_V1:
    case LEAT_BINLOG_DELETE_ROWS_V1:
    case LEAT_BINLOG_WRITE_ROWS:
    case LEAT_BINLOG_UPDATE_ROWS:
    case LEAT_BINLOG_DELETE_ROWS:
    case LEAT_BINLOG_PARTIAL_UPDATE_ROWS:
    case LEAT_BINLOG_WRITE_ROWS_COMPRESSED_V1:
    case LEAT_BINLOG_UPDATE_ROWS_COMPRESSED_V1:
    case LEAT_BINLOG_DELETE_ROWS_COMPRESSED_V1:
    case LEAT_BINLOG_WRITE_ROWS_COMPRESSED:
    case LEAT_BINLOG_UPDATE_ROWS_COMPRESSED:
    case LEAT_BINLOG_DELETE_ROWS_COMPRESSED: leat_binlog_read_rows(c, f, out); return true;
    default: return read_small(c, f, out);
    }
}

/* MariaDB's compressed events become what they were. */
static leat_rc decompress(leat_binlog_event *out, size_t most, leat_arena *a, leat_err *e)
{
    if (out->type == LEAT_BINLOG_QUERY_COMPRESSED)
        return leat_binlog_inflate(out->query.sql, most, "query", a, &out->query.sql, e);
    if (out->type >= LEAT_BINLOG_WRITE_ROWS_COMPRESSED_V1 &&
        out->type <= LEAT_BINLOG_DELETE_ROWS_COMPRESSED)
        return leat_binlog_inflate(out->rows.rows, most, "rows", a, &out->rows.rows, e);
    return LEAT_OK;
}

leat_rc leat_binlog_decode(leat_binlog_format *f, leat_str bytes, size_t most, leat_arena *a,
                           leat_binlog_event *out, leat_err *e)
{
    leat_cur c = leat_cur_of(bytes);
    memset(out, 0, sizeof *out);
    read_header(&c, out);
    if (c.bad || out->size != bytes.len)
        return f->encrypted ? leat_fail(e, LEAT_FATAL, "mysql.encrypted", "",
                                        "the file is encrypted (encrypt_binlog); read it from the "
                                        "server, which decrypts what it sends")
                            : malformed(out, "its size is not that of its bytes", bytes.len, e);
    LEAT_TRY(cut_checksum(f, out, &bytes, e));
    c.end = (const uint8_t *)bytes.s + bytes.len;
    if (out->type == LEAT_BINLOG_START_ENCRYPTION) f->encrypted = true;
    if (!read_body(&c, f, a, out)) {
        out->skip = passed_over(out);
        if (out->skip) return LEAT_OK;
        return leat_fail(
            e, LEAT_FATAL, "mysql.event", "",
            "an event of a kind that is not known and not marked as one to pass over: "
            "%u, %u bytes, ends at %u, of server %s; a newer version of this program may "
            "know it",
            out->type, out->size, out->end_pos, f->known ? f->version : "unknown");
    }
    if (c.bad) return malformed(out, "not understood", bytes.len - leat_cur_left(&c), e);
    return decompress(out, most ? most : LEAT_BINLOG_MOST, a, e);
}
