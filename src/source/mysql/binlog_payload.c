/* What is compressed in the binary log: MySQL's transactions, MariaDB's events and columns.
 *
 * TRANSACTION_PAYLOAD = { lenenc field, lenenc length, value }, lenenc 0, payload
 *     1 size of the payload, 2 how: 0 zstd, 255 as it is, 3 size of the events in it (all lenenc)
 *     payload: events with header and no checksum, one after the other
 *
 * MariaDB's record, at the place of a statement or of rows:
 *     u8: bit 7 set, bits 4-6: 0 zlib, bits 0-2: n, 1 to 4; n bytes size, the highest first; zlib
 *
 * MariaDB's compressed column:
 *     u8: 0 and the text; or bits 4-7: 8 zlib, bit 3: no zlib header (raw), bits 0-2: n; n bytes
 * size, the highest first; deflated text */
#include <zlib.h>
#include <zstd.h>

#include "source/mysql/binlog_part.h"

enum {
    FIELD_END = 0,
    FIELD_SIZE = 1,
    FIELD_HOW = 2,
    FIELD_EVENTS = 3,
    HOW_ZSTD = 0,
    HOW_NONE = 255,
    RECORD_MARK = 0x80,
    RECORD_HOW = 0x70,
    RECORD_BYTES = 0x07,
    COLUMN_ZLIB = 8,
    COLUMN_RAW = 0x08,
    ROOM = 64 << 10,
};

/* ---- MySQL's transactions ---- */

void leat_binlog_read_payload(leat_cur *c, leat_binlog_event *out)
{
    uint64_t size = 0, how = HOW_NONE;
    for (;;) {
        uint64_t field = leat_binlog_lenenc(c);
        if (field == FIELD_END || c->bad) break;
        leat_cur v = leat_cur_of(leat_cur_bytes(c, leat_binlog_lenenc(c)));
        if (c->bad) break;
        if (field == FIELD_SIZE) size = leat_binlog_lenenc(&v);
        if (field == FIELD_HOW) how = leat_binlog_lenenc(&v);
        if (field == FIELD_EVENTS) out->payload.size = leat_binlog_lenenc(&v);
        if (v.bad) c->bad = true;
    }
    out->payload.data = leat_cur_bytes(c, size);
    out->payload.compressed = how == HOW_ZSTD;
    if (how == HOW_NONE && out->payload.size == 0) out->payload.size = size;
    if (how != HOW_ZSTD && how != HOW_NONE) c->bad = true;
}

static leat_rc bad_payload(const char *how, leat_err *e)
{
    return leat_fail(e, LEAT_FATAL, "mysql.binlog", "",
                     "a compressed transaction of the binary log is malformed: %s; compare with "
                     "mysqlbinlog -v on the server",
                     how);
}

leat_rc leat_binlog_unpack_init(leat_binlog_unpack *u, const leat_binlog_format *f,
                                const leat_binlog_event *ev, size_t most, leat_err *e)
{
    memset(u, 0, sizeof *u);
    u->in = ev->payload.data;
    u->size = ev->payload.size;
    u->most = most ? most : LEAT_BINLOG_MOST;
    u->format = *f;
    u->format.checksum = LEAT_BINLOG_CHECKSUM_OFF;
    if (!ev->payload.compressed) return LEAT_OK;
    u->zstd = ZSTD_createDCtx();
    return u->zstd ? LEAT_OK : bad_payload("zstd has no memory", e);
}

void leat_binlog_unpack_fini(leat_binlog_unpack *u)
{
    ZSTD_freeDCtx(u->zstd);
    leat_buf_free(&u->buf);
    memset(u, 0, sizeof *u);
}

/* Makes room for need bytes not yet given, and fills what room there is. */
static leat_rc fill(leat_binlog_unpack *u, size_t need, leat_err *e)
{
    if (u->at > 0) {
        memmove(u->buf.p, u->buf.p + u->at, u->buf.len - u->at);
        u->buf.len -= u->at;
        u->at = 0;
    }
    leat_buf_room(&u->buf, need > ROOM ? need - u->buf.len : ROOM);
    while (u->buf.len < need && !u->ended) {
        ZSTD_outBuffer to = {u->buf.p, u->buf.cap, u->buf.len};
        ZSTD_inBuffer from = {u->in.s, u->in.len, 0};
        size_t rc = ZSTD_decompressStream(u->zstd, &to, &from);
        if (ZSTD_isError(rc)) return bad_payload(ZSTD_getErrorName(rc), e);
        if (from.pos == 0 && to.pos == u->buf.len)
            return bad_payload("the compressed bytes end too early", e);
        u->buf.len = to.pos;
        u->in.s += from.pos;
        u->in.len -= from.pos;
        u->ended = rc == 0 && u->in.len == 0;
    }
    return LEAT_OK;
}

/* At least need bytes, if there are as many; in the buffer, or in the payload itself. */
static leat_rc look(leat_binlog_unpack *u, size_t need, leat_str *out, leat_err *e)
{
    if (!u->zstd) {
        *out = u->in;
        return LEAT_OK;
    }
    if (u->buf.len - u->at < need && !u->ended) LEAT_TRY(fill(u, need, e));
    *out = (leat_str){u->buf.p + u->at, u->buf.len - u->at};
    return LEAT_OK;
}

leat_rc leat_binlog_unpack_next(leat_binlog_unpack *u, leat_str *bytes, leat_err *e)
{
    uint8_t type;
    uint32_t size;
    leat_str have;
    LEAT_TRY(look(u, LEAT_BINLOG_HEADER, &have, e));
    if (have.len == 0)
        return u->given == u->size ? LEAT_AGAIN
                                   : bad_payload("it has not the size that it says", e);
    LEAT_TRY(leat_binlog_peek(have, &type, &size, e));
    if (size > u->size - u->given || u->given > u->size)
        return bad_payload("it has not the size that it says", e);
    if (size > u->most) return bad_payload("an event in it is larger than an event may be", e);
    LEAT_TRY(look(u, size, &have, e));
    if (have.len < size) return bad_payload("its last event is cut off", e);
    *bytes = (leat_str){have.s, size};
    u->given += size;
    if (u->zstd) {
        u->at += size;
        return LEAT_OK;
    }
    u->in.s += size;
    u->in.len -= size;
    return LEAT_OK;
}

/* ---- MariaDB's ---- */

static uint32_t big_endian(leat_cur *c, unsigned n)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < n; i++) v = v << 8 | leat_cur_u8(c);
    return v;
}

/* bits: zlib's window, negative without zlib's header. */
static bool inflate_to(leat_cur *c, int bits, char *to, uint32_t size)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)c->p,
                  .avail_in = (uInt)leat_cur_left(c),
                  .next_out = (Bytef *)to,
                  .avail_out = size};
    if (inflateInit2(&z, bits) != Z_OK) return false;
    int rc = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return rc == Z_STREAM_END && z.avail_out == 0;
}

/* Deflate makes nothing smaller than to a thousandth: more is none of ours, and costs no memory. */
static bool believable(leat_cur *c, uint32_t size)
{
    return !c->bad && size / 1040 <= leat_cur_left(c);
}

leat_rc leat_binlog_inflate(leat_str record, size_t most, const char *what, leat_arena *a,
                            leat_str *out, leat_err *e)
{
    leat_cur c = leat_cur_of(record);
    unsigned head = leat_cur_u8(&c), n = head & RECORD_BYTES;
    uint32_t size = n >= 1 && n <= 4 ? big_endian(&c, n) : 0;
    bool ok = (head & RECORD_MARK) && !(head & RECORD_HOW) && n >= 1 && n <= 4;
    if (ok && !c.bad && size > most)
        return leat_fail(
            e, LEAT_FATAL, "mysql.event_size", "",
            "a compressed event of the binary log (%s) has %u bytes, more than the %zu that "
            "are allowed here; raise max.event.bytes",
            what, size, most);
    if (ok && believable(&c, size)) {
        char *to = leat_arena_alloc(a, size, 1);
        *out = (leat_str){to, size};
        if (inflate_to(&c, MAX_WBITS, to, size)) return LEAT_OK;
    }
    return leat_fail(e, LEAT_FATAL, "mysql.binlog", "",
                     "a compressed event of the binary log (%s, %zu bytes) cannot be decompressed; "
                     "compare with mariadb-binlog -v on the server",
                     what, record.len);
}

leat_rc leat_binlog_inflate_column(leat_str bytes, leat_arena *a, leat_str *out, leat_err *e)
{
    leat_cur c = leat_cur_of(bytes);
    if (bytes.len == 0) {
        *out = bytes;
        return LEAT_OK;
    }
    unsigned head = leat_cur_u8(&c), n = head & RECORD_BYTES;
    if (head == 0) {
        *out = leat_binlog_rest(&c);
        return LEAT_OK;
    }
    uint32_t size = n >= 1 && n <= 4 ? big_endian(&c, n) : 0;
    if (head >> 4 == COLUMN_ZLIB && n >= 1 && n <= 4 && believable(&c, size)) {
        char *to = leat_arena_alloc(a, size, 1);
        *out = (leat_str){to, size};
        if (inflate_to(&c, head & COLUMN_RAW ? -MAX_WBITS : MAX_WBITS, to, size)) return LEAT_OK;
    }
    return leat_fail(e, LEAT_DATA, "mysql.value", "",
                     "a compressed column's %zu bytes cannot be decompressed", bytes.len);
}
