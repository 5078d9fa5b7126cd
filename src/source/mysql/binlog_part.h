/* What the decoders of the binary log share: its integers, and one function for each group of
 * events. Not for others. */
#ifndef LEAT_SOURCE_MYSQL_BINLOG_PART_H
#define LEAT_SOURCE_MYSQL_BINLOG_PART_H

#include "source/mysql/binlog.h"

static inline uint32_t leat_binlog_le16(leat_cur *c)
{
    uint32_t low = leat_cur_u8(c);
    return low | (uint32_t)leat_cur_u8(c) << 8;
}
/* n bytes, 1 to 8, the lowest first. */
static inline uint64_t leat_binlog_le(leat_cur *c, unsigned n)
{
    uint64_t v = 0;
    if (!leat_cur_need(c, n)) return 0;
    for (unsigned i = 0; i < n; i++) v |= (uint64_t)c->p[i] << 8 * i;
    c->p += n;
    return v;
}
/* A length-encoded integer: below 251 itself; 252, 253, 254: 2, 3, 8 bytes follow. 251 and 255 are
 * bad. */
static inline uint64_t leat_binlog_lenenc(leat_cur *c)
{
    uint8_t first = leat_cur_u8(c);
    if (first < 251) return first;
    if (first == 252) return leat_binlog_le(c, 2);
    if (first == 253) return leat_binlog_le(c, 3);
    if (first == 254) return leat_binlog_le(c, 8);
    c->bad = true;
    return 0;
}
/* n things of at least each bytes can stand in what is left; else bad. */
static inline bool leat_binlog_room(leat_cur *c, uint64_t n, size_t each)
{
    if (c->bad || n > leat_cur_left(c) / each) c->bad = true;
    return !c->bad;
}
static inline leat_str leat_binlog_rest(leat_cur *c)
{
    return leat_cur_bytes(c, leat_cur_left(c));
}

/* The bodies, header and checksum cut off. What they find wrong makes c bad, which the caller
 * tells; those that return a leat_rc have errors of their own. */
void leat_binlog_read_gtid(leat_cur *c, leat_binlog_event *out);
void leat_binlog_read_gtid_tagged(leat_cur *c, leat_binlog_event *out);
void leat_binlog_read_mariadb_gtid(leat_cur *c, leat_binlog_event *out);
void leat_binlog_read_gtid_list(leat_cur *c, leat_arena *a, leat_binlog_event *out);
void leat_binlog_read_query(leat_cur *c, const leat_binlog_format *f, leat_binlog_event *out);
void leat_binlog_read_table(leat_cur *c, const leat_binlog_format *f, leat_arena *a,
                            leat_binlog_event *out);
void leat_binlog_read_rows(leat_cur *c, const leat_binlog_format *f, leat_binlog_event *out);
void leat_binlog_read_payload(leat_cur *c, leat_binlog_event *out);

/* MariaDB's compressed record becomes what it was, in a. */
leat_rc leat_binlog_inflate(leat_str record, size_t most, const char *what, leat_arena *a,
                            leat_str *out, leat_err *e);
/* The bytes of a compressed column of MariaDB. DATA "mysql.value". */
leat_rc leat_binlog_inflate_column(leat_str bytes, leat_arena *a, leat_str *out, leat_err *e);

enum { LEAT_BINLOG_MOST = 1 << 30 }; /* bytes of an event, decompressed; the servers' own bound */

#endif
