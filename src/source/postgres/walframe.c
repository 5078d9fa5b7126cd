/* The frames of the replication stream (CopyData payloads) and log sequence numbers.
 *
 * Pure, no state, no allocation; the task's thread. Network byte order; time is microseconds since
 * 2000-01-01 UTC, int64. (PostgreSQL's documentation: Streaming Replication Protocol.)
 *
 *     w data       u64 start, u64 end of WAL, time, the rest: one pgoutput message
 *     k keepalive  u64 end of WAL, time, u8 1 = answer at once
 *     r status     u64 written, u64 flushed, u64 applied, time, u8 1 = answer at once   (ours) */
#include "source/postgres/walframe.h"

#include "base/buf.h"

static int64_t time_of(leat_cur *c)
{
    int64_t us = (int64_t)leat_cur_be64(c);
    if (__builtin_add_overflow(us, LEAT_PG_EPOCH_US, &us)) c->bad = true;
    return us;
}

leat_rc leat_walframe_decode(leat_str bytes, leat_walframe *out, leat_err *e)
{
    leat_cur c = leat_cur_of(bytes);
    *out = (leat_walframe){.type = (char)leat_cur_u8(&c)};
    switch (out->type) {
    case LEAT_WALFRAME_DATA:
        out->start = leat_cur_be64(&c);
        out->end = leat_cur_be64(&c);
        out->ts_us = time_of(&c);
        out->data = leat_cur_bytes(&c, leat_cur_left(&c));
        break;
    case LEAT_WALFRAME_KEEPALIVE:
        out->end = leat_cur_be64(&c);
        out->ts_us = time_of(&c);
        out->reply = leat_cur_u8(&c) != 0;
        if (leat_cur_left(&c)) c.bad = true;
        break;
    default: c.bad = true;
    }
    if (!c.bad) return LEAT_OK;
    return leat_fail(e, LEAT_FATAL, "postgres.protocol", "",
                     "the server sent a malformed frame in the replication stream: kind 0x%02x, "
                     "%zu bytes; expected 'w' (data) or 'k' (keepalive)",
                     (unsigned)(unsigned char)out->type, bytes.len);
}

static char *put64(char *p, uint64_t v)
{
    for (int shift = 56; shift >= 0; shift -= 8) *p++ = (char)(v >> shift);
    return p;
}

void leat_walframe_status(char out[LEAT_WALFRAME_STATUS_LEN], uint64_t written, uint64_t flushed,
                          uint64_t applied, int64_t now_us, bool reply)
{
    char *p = out;
    *p++ = 'r';
    p = put64(p, written);
    p = put64(p, flushed);
    p = put64(p, applied);
    p = put64(p, (uint64_t)now_us - (uint64_t)LEAT_PG_EPOCH_US);
    *p = reply;
}

static char *put_hex(char *p, uint32_t v)
{
    int shift = 28;
    while (shift > 0 && v >> shift == 0) shift -= 4;
    for (; shift >= 0; shift -= 4) *p++ = "0123456789ABCDEF"[v >> shift & 15];
    return p;
}

const char *leat_lsn_print(uint64_t lsn, char out[LEAT_LSN_TEXT])
{
    char *p = put_hex(out, (uint32_t)(lsn >> 32));
    *p++ = '/';
    *put_hex(p, (uint32_t)lsn) = '\0';
    return out;
}

static bool hex_of(leat_str text, uint32_t *out)
{
    if (text.s == NULL || text.len == 0 || text.len > 8) return false;
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.s[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 16;
        if (digit == 16) return false;
        *out = *out << 4 | digit;
    }
    return true;
}

bool leat_lsn_parse(leat_str text, uint64_t *out)
{
    leat_str low = text;
    leat_str high = leat_str_cut(&low, '/');
    uint32_t h, l;
    if (!hex_of(high, &h) || !hex_of(low, &l)) return false;
    *out = (uint64_t)h << 32 | l;
    return true;
}

uint64_t leat_pg_record_end(uint64_t lsn)
{
    enum { PAGE = 8192, PAGE_HEAD = 24, SEGMENT_HEAD = 40 };
    unsigned in_page = (unsigned)(lsn % PAGE);
    return in_page == PAGE_HEAD || in_page == SEGMENT_HEAD ? lsn - in_page : lsn;
}
