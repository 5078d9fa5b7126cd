/* Walks over a file of the binary log. */
#include "vectors/mysqlbinlog.h"

static leat_rc walk_payload(const leat_binlog_format *f, const leat_binlog_event *payload,
                            leat_arena *a, leat_walk_event *each, void *ctx, leat_err *e)
{
    leat_binlog_unpack u;
    leat_binlog_event ev;
    leat_str bytes;
    leat_rc rc = leat_binlog_unpack_init(&u, f, payload, 0, e);
    while (rc == LEAT_OK && (rc = leat_binlog_unpack_next(&u, &bytes, e)) == LEAT_OK) {
        rc = leat_binlog_decode(&u.format, leat_arena_str(a, bytes), 0, a, &ev, e);
        if (rc == LEAT_OK) rc = each(ctx, &ev, true, e);
    }
    leat_binlog_unpack_fini(&u);
    return rc == LEAT_AGAIN ? LEAT_OK : rc;
}

leat_rc leat_walk_binlog(leat_str file, leat_binlog_format *f, leat_arena *a, leat_walk_event *each,
                         void *ctx, leat_err *e)
{
    *f = (leat_binlog_format){.checksum = LEAT_BINLOG_CHECKSUM_UNKNOWN};
    leat_binlog_event ev;
    uint8_t type;
    uint32_t size;
    for (size_t at = LEAT_BINLOG_MAGIC; at < file.len; at += size) {
        leat_str rest = {file.s + at, file.len - at};
        LEAT_TRY(leat_binlog_peek(rest, &type, &size, e));
        rest.len = size < rest.len ? size : rest.len;
        LEAT_TRY(leat_binlog_decode(f, rest, 0, a, &ev, e));
        LEAT_TRY(each(ctx, &ev, false, e));
        if (ev.type == LEAT_BINLOG_TRANSACTION_PAYLOAD)
            LEAT_TRY(walk_payload(f, &ev, a, each, ctx, e));
    }
    return LEAT_OK;
}
