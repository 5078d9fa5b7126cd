/* Decoder of pgoutput's messages, protocol version 1: bytes in, structs out.
 *
 * One function a message, each reading its row of the table below through a cursor whose error is
 * sticky; what was read is checked once, at the end: all bytes used, none missing. Counts are
 * compared with the bytes left before an array is allocated, so a wrong count costs nothing.
 * Nothing is looked up here: relations are known by number only, values stay text. Runs on the
 * task's thread; keeps no state.
 *
 * Network byte order; text ends with a NUL; time is microseconds since 2000-01-01 UTC, int64.
 * (PostgreSQL's documentation: Logical Replication Message Formats.)
 *
 *     B begin     u64 final lsn, time, u32 xid
 *     C commit    u8 flags (0), u64 lsn, u64 end lsn, time
 *     O origin    u64 lsn, text name
 *     R relation  u32 id, text schema, text name, u8 replica identity, u16 n,
 *                 n x (u8 flags: 1 = key, text name, u32 type, i32 typmod)
 *     Y type      u32 id, text schema, text name
 *     I insert    u32 relation, 'N' tuple
 *     U update    u32 relation, ['K' tuple | 'O' tuple], 'N' tuple
 *     D delete    u32 relation, 'K' tuple | 'O' tuple
 *     T truncate  u32 n, u8 options: 1 = cascade, 2 = restart identity, n x u32 relation
 *     M message   u8 flags: 1 = transactional, u64 lsn, text prefix, u32 len, len bytes
 *     tuple       u16 n, n x ('n' | 'u' | ('t' | 'b') u32 len, len bytes)
 *
 * An empty schema name stands for pg_catalog. Later protocol versions put the xid of a streamed
 * transaction behind the first byte of R, Y, I, U, D, T and M, and have S E c A b P K r p: they are
 * never asked for, and here they are errors. */
#include "source/postgres/pgoutput.h"

#include "base/buf.h"
#include "source/postgres/walframe.h"

enum {
    TRUNCATE_CASCADE = 1,
    TRUNCATE_RESTART = 2,
    COLUMN_KEY = 1,
    MESSAGE_TRANSACTIONAL = 1,
    COLUMN_MIN = 10, /* bytes of a relation's column with an empty name */
};

static leat_str schema_of(leat_cur *c)
{
    leat_str s = leat_cur_cstr(c);
    return s.len ? s : LEAT_STR("pg_catalog");
}

static int64_t time_of(leat_cur *c)
{
    int64_t us = (int64_t)leat_cur_be64(c);
    if (__builtin_add_overflow(us, LEAT_PG_EPOCH_US, &us)) c->bad = true;
    return us;
}

/* A byte of flags in which only those of known may be set. */
static unsigned flags_of(leat_cur *c, unsigned known)
{
    unsigned flags = leat_cur_u8(c);
    if (flags & ~known) c->bad = true;
    return flags;
}

static bool room(leat_cur *c, size_t n, size_t each)
{
    if (c->bad || n > leat_cur_left(c) / each) c->bad = true;
    return !c->bad;
}

static void tuple_of(leat_cur *c, leat_arena *a, leat_pgoutput_tuple *out)
{
    uint16_t n = leat_cur_be16(c);
    if (!room(c, n, 1)) return;
    leat_pgoutput_cell *cells =
        leat_arena_alloc(a, n * sizeof *cells, _Alignof(leat_pgoutput_cell));
    for (uint16_t i = 0; i < n; i++) {
        char kind = (char)leat_cur_u8(c);
        cells[i] = (leat_pgoutput_cell){.kind = kind};
        if (kind == LEAT_PGOUTPUT_TEXT || kind == LEAT_PGOUTPUT_BINARY)
            cells[i].data = leat_cur_bytes(c, leat_cur_be32(c));
        else if (kind != LEAT_PGOUTPUT_NULL && kind != LEAT_PGOUTPUT_UNCHANGED)
            c->bad = true;
        if (c->bad) return;
    }
    *out = (leat_pgoutput_tuple){.n = n, .cells = cells};
}

static void relation_of(leat_cur *c, leat_arena *a, leat_pgoutput_msg *m)
{
    m->relation.id = leat_cur_be32(c);
    m->relation.schema = schema_of(c);
    m->relation.name = leat_cur_cstr(c);
    char identity = (char)leat_cur_u8(c);
    if (identity == '\0' || strchr("dnfi", identity) == NULL) c->bad = true;
    m->relation.replica_identity = identity;
    uint16_t n = leat_cur_be16(c);
    if (!room(c, n, COLUMN_MIN)) return;
    leat_pgoutput_column *cols = LEAT_NEW(a, leat_pgoutput_column, n);
    for (uint16_t i = 0; i < n; i++) {
        cols[i].key = flags_of(c, COLUMN_KEY) & COLUMN_KEY;
        cols[i].name = leat_cur_cstr(c);
        cols[i].type = leat_cur_be32(c);
        cols[i].typmod = (int32_t)leat_cur_be32(c);
    }
    m->relation.n = n;
    m->relation.cols = cols;
}

static void change_of(leat_cur *c, leat_arena *a, leat_pgoutput_msg *m)
{
    m->change.relation = leat_cur_be32(c);
    char kind = (char)leat_cur_u8(c);
    if (m->type != LEAT_PGOUTPUT_INSERT && (kind == 'K' || kind == 'O')) {
        m->change.old_kind = kind;
        tuple_of(c, a, &m->change.old);
        if (m->type == LEAT_PGOUTPUT_DELETE) return;
        kind = (char)leat_cur_u8(c);
    }
    if (kind != 'N' || m->type == LEAT_PGOUTPUT_DELETE) c->bad = true;
    if (!c->bad) tuple_of(c, a, &m->change.now);
}

static void truncate_of(leat_cur *c, leat_arena *a, leat_pgoutput_msg *m)
{
    uint32_t n = leat_cur_be32(c);
    unsigned flags = flags_of(c, TRUNCATE_CASCADE | TRUNCATE_RESTART);
    if (!room(c, n, sizeof(uint32_t))) return;
    uint32_t *relations = LEAT_NEW(a, uint32_t, n);
    for (uint32_t i = 0; i < n; i++) relations[i] = leat_cur_be32(c);
    m->truncate.n = n;
    m->truncate.relations = relations;
    m->truncate.cascade = flags & TRUNCATE_CASCADE;
    m->truncate.restart_identity = flags & TRUNCATE_RESTART;
}

static void message_of(leat_cur *c, leat_pgoutput_msg *m)
{
    m->message.transactional = flags_of(c, MESSAGE_TRANSACTIONAL) & MESSAGE_TRANSACTIONAL;
    m->message.lsn = leat_cur_be64(c);
    m->message.prefix = leat_cur_cstr(c);
    m->message.content = leat_cur_bytes(c, leat_cur_be32(c));
}

/* False for a kind of message that protocol 1 does not have. */
static bool body_of(leat_cur *c, leat_arena *a, leat_pgoutput_msg *m)
{
    switch ((leat_pgoutput_type)m->type) {
    case LEAT_PGOUTPUT_BEGIN:
        m->begin.final_lsn = leat_cur_be64(c);
        m->begin.ts_us = time_of(c);
        m->begin.xid = leat_cur_be32(c);
        return true;
    case LEAT_PGOUTPUT_COMMIT:
        flags_of(c, 0);
        m->commit.lsn = leat_cur_be64(c);
        m->commit.end_lsn = leat_cur_be64(c);
        m->commit.ts_us = time_of(c);
        return true;
    case LEAT_PGOUTPUT_ORIGIN:
        m->origin.lsn = leat_cur_be64(c);
        m->origin.name = leat_cur_cstr(c);
        return true;
    case LEAT_PGOUTPUT_RELATION: relation_of(c, a, m); return true;
    case LEAT_PGOUTPUT_TYPE:
        m->type_of.id = leat_cur_be32(c);
        m->type_of.schema = schema_of(c);
        m->type_of.name = leat_cur_cstr(c);
        return true;
    case LEAT_PGOUTPUT_INSERT:
    case LEAT_PGOUTPUT_UPDATE:
    case LEAT_PGOUTPUT_DELETE: change_of(c, a, m); return true;
    case LEAT_PGOUTPUT_TRUNCATE: truncate_of(c, a, m); return true;
    case LEAT_PGOUTPUT_MESSAGE: message_of(c, m); return true;
    }
    return false;
}

leat_rc leat_pgoutput_decode(leat_str bytes, leat_arena *a, leat_pgoutput_msg *out, leat_err *e)
{
    leat_cur c = leat_cur_of(bytes);
    *out = (leat_pgoutput_msg){.type = (char)leat_cur_u8(&c)};
    if (c.bad || !body_of(&c, a, out))
        return leat_fail(e, LEAT_FATAL, "postgres.protocol", "",
                         "the server sent a pgoutput message of kind 0x%02x (%zu bytes), which "
                         "protocol version 1 does not have; is something between this connector "
                         "and the server that changes what is asked for?",
                         (unsigned)(unsigned char)out->type, bytes.len);
    if (c.bad || leat_cur_left(&c))
        return leat_fail(e, LEAT_FATAL, "postgres.protocol", "",
                         "the server sent a malformed pgoutput message: kind '%c' (%s), %zu bytes, "
                         "%s at byte %zu; if the server speaks a newer protocol, please report its "
                         "version",
                         out->type, leat_pgoutput_type_name(out->type), bytes.len,
                         c.bad ? "not understood" : "bytes left over",
                         bytes.len - leat_cur_left(&c));
    return LEAT_OK;
}

const char *leat_pgoutput_type_name(char type)
{
    switch ((leat_pgoutput_type)type) {
    case LEAT_PGOUTPUT_BEGIN: return "begin";
    case LEAT_PGOUTPUT_COMMIT: return "commit";
    case LEAT_PGOUTPUT_ORIGIN: return "origin";
    case LEAT_PGOUTPUT_RELATION: return "relation";
    case LEAT_PGOUTPUT_TYPE: return "type";
    case LEAT_PGOUTPUT_INSERT: return "insert";
    case LEAT_PGOUTPUT_UPDATE: return "update";
    case LEAT_PGOUTPUT_DELETE: return "delete";
    case LEAT_PGOUTPUT_TRUNCATE: return "truncate";
    case LEAT_PGOUTPUT_MESSAGE: return "message";
    }
    return "unknown";
}
