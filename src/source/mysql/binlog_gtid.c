/* GTID events of both servers.
 *
 * MySQL's, little-endian (u56: seven bytes; what stands in brackets may be missing):
 *
 *     u8 flags, 16 bytes uuid, u64 number, [u8 2, u64 last committed, u64 sequence,
 *     [u56 commit time, [u56 original commit time, if bit 55 of the first is set],
 *     [lenenc length of the transaction, [u32 server version, [u32 original one, if bit 31 of the
 *     first is set], [u64 ticket]]]]]
 *
 * The tagged one is a message of fields, each with its number; numbers grow, some may be missing:
 *
 *     varlen version (1), varlen size, varlen last field that may not be ignored,
 *     { varlen field, value }:
 *         0 flags u8, 1 uuid (16 x u8), 2 number i64, 3 tag (length, bytes), 4 last committed i64,
 *         5 sequence i64, 6 commit time u64, 7 original commit time u64, 8 length u64,
 *         9 server version u32, 10 original server version u32, 11 ticket u64
 *     varlen: the lowest bits of the first byte, as many as are 1, count the bytes that follow; the
 *     rest, lowest byte first, is the number. A u8 is a varlen too; i64: the lowest bit is the
 * sign.
 *
 * MariaDB's:
 *
 *     GTID        u64 sequence, u32 domain, u8 flags, [u64 group commit's id, if flag 2]
 *     GTID_LIST   u32 count (28 bits) and flags, { u32 domain, u32 server, u64 sequence }
 */
#include "source/mysql/binlog_part.h"

enum {
    LOGICAL_CLOCK = 2,
    TIME_BYTES = 7,
    LIST_COUNT_BITS = 28,
    LIST_ENTRY = 16,
    TAGGED_VERSION = 1,
};
#define TIME_TWICE (UINT64_C(1) << 55)
#define VERSION_TWICE (UINT32_C(1) << 31)

/* ---- MySQL's ---- */

static void read_uuid(leat_cur *c, uint8_t uuid[16])
{
    leat_str bytes = leat_cur_bytes(c, 16);
    if (!c->bad) memcpy(uuid, bytes.s, 16);
}

static void read_commit(leat_cur *c, leat_binlog_event *out)
{
    uint64_t us = leat_binlog_le(c, TIME_BYTES);
    out->gtid.commit_us = us & ~TIME_TWICE;
    out->gtid.original_commit_us =
        us & TIME_TWICE ? leat_binlog_le(c, TIME_BYTES) : out->gtid.commit_us;
    if (!leat_cur_left(c)) return;
    out->gtid.length = leat_binlog_lenenc(c);
    if (leat_cur_left(c) < 4) return;
    uint32_t version = leat_cur_le32(c);
    out->gtid.server_version = version & ~VERSION_TWICE;
}

void leat_binlog_read_gtid(leat_cur *c, leat_binlog_event *out)
{
    leat_cur_u8(c);
    read_uuid(c, out->gtid.id.uuid);
    out->gtid.id.gno = leat_cur_le64(c);
    out->gtid.anonymous = out->type == LEAT_BINLOG_ANONYMOUS_GTID;
    if (!out->gtid.anonymous && (out->gtid.id.gno == 0 || out->gtid.id.gno > INT64_MAX))
        c->bad = true;
    if (!leat_cur_left(c) || leat_cur_u8(c) != LOGICAL_CLOCK) return;
    out->gtid.last_committed = leat_cur_le64(c);
    out->gtid.sequence = leat_cur_le64(c);
    if (leat_cur_left(c) >= TIME_BYTES) read_commit(c, out);
}

static uint64_t varlen(leat_cur *c)
{
    uint8_t first = leat_cur_u8(c);
    unsigned more = (unsigned)__builtin_ctz(~(unsigned)first);
    if (more == 8) return leat_cur_le64(c);
    uint64_t rest = more ? leat_binlog_le(c, more) : 0;
    return rest << (7 - more) | (uint64_t)first >> (more + 1);
}

static uint64_t varlen_signed(leat_cur *c)
{
    uint64_t v = varlen(c);
    if (v & 1) c->bad = true; /* none of them can be negative */
    return v >> 1;
}

static void read_tag(leat_cur *c, leat_binlog_event *out)
{
    leat_str tag = leat_cur_bytes(c, varlen(c));
    if (tag.len > LEAT_GTID_TAG) c->bad = true;
    if (!c->bad) memcpy(out->gtid.id.tag, tag.s, tag.len);
}

static void read_field(leat_cur *c, uint64_t field, leat_binlog_event *out)
{
    switch (field) {
    case 0: varlen(c); return;
    case 1:
        for (unsigned i = 0; i < 16; i++) out->gtid.id.uuid[i] = (uint8_t)varlen(c);
        return;
    case 2: out->gtid.id.gno = varlen_signed(c); return;
    case 3: read_tag(c, out); return;
    case 4: out->gtid.last_committed = varlen_signed(c); return;
    case 5: out->gtid.sequence = varlen_signed(c); return;
    case 6: out->gtid.commit_us = varlen(c); return;
    case 7: out->gtid.original_commit_us = varlen(c); return;
    case 8: out->gtid.length = varlen(c); return;
    case 9: out->gtid.server_version = (uint32_t)varlen(c); return;
    case 10:
    case 11: varlen(c); return;
    default: c->bad = true;
    }
}

void leat_binlog_read_gtid_tagged(leat_cur *c, leat_binlog_event *out)
{
    uint64_t version = varlen(c);
    varlen(c); /* its size: that of the event */
    uint64_t last = varlen(c), before = 0;
    if (version != TAGGED_VERSION) c->bad = true;
    for (bool first = true; leat_cur_left(c) && !c->bad; first = false) {
        uint64_t field = varlen(c);
        if (!first && field <= before) c->bad = true;
        if (field > 11 && field > last) break; /* and all behind it */
        before = field;
        read_field(c, field, out);
    }
    if (!out->gtid.original_commit_us) out->gtid.original_commit_us = out->gtid.commit_us;
    if (out->gtid.id.gno == 0) c->bad = true;
}

/* ---- MariaDB's ---- */

void leat_binlog_read_mariadb_gtid(leat_cur *c, leat_binlog_event *out)
{
    out->mariadb_gtid.id.seq = leat_cur_le64(c);
    out->mariadb_gtid.id.domain = leat_cur_le32(c);
    out->mariadb_gtid.id.server = out->server_id;
    out->mariadb_gtid.flags = leat_cur_u8(c);
    if (out->mariadb_gtid.flags & LEAT_MARIADB_GTID_GROUP)
        out->mariadb_gtid.group = leat_cur_le64(c);
}

void leat_binlog_read_gtid_list(leat_cur *c, leat_arena *a, leat_binlog_event *out)
{
    uint32_t count = leat_cur_le32(c);
    uint32_t n = count & ((UINT32_C(1) << LIST_COUNT_BITS) - 1);
    out->gtid_list.flags = (uint8_t)(count >> LIST_COUNT_BITS);
    if (!leat_binlog_room(c, n, LIST_ENTRY)) return;
    leat_mariadb_gtid *ids = LEAT_NEW(a, leat_mariadb_gtid, n);
    for (uint32_t i = 0; i < n; i++) {
        ids[i].domain = leat_cur_le32(c);
        ids[i].server = leat_cur_le32(c);
        ids[i].seq = leat_cur_le64(c);
    }
    out->gtid_list.n = n;
    out->gtid_list.ids = ids;
}
