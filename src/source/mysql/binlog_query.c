/* QUERY events: statements, and what of their session they depend on.
 *
 *     u32 thread, u32 seconds, u8 length of the database, u16 error, u16 length of the variables,
 *     [what the format's fixed part has more], variables, database, NUL, statement
 *     variables = { u8 code, value }; which of them have which length stands in read_variables. The
 *     first code that is not known ends them: their lengths are not on the wire.
 *
 * EXECUTE_LOAD_QUERY has u32 file, u32, u32, u8 between the lengths and the variables. A compressed
 * statement (MariaDB) is as in binlog_payload.c. */
#include "source/mysql/binlog_part.h"

enum {
    FIXED = 13,
    FLAGS2 = 0,
    SQL_MODE = 1,
    CATALOG = 2,
    AUTO_INCREMENT = 3,
    CHARSET = 4,
    TIME_ZONE = 5,
    CATALOG_NZ = 6,
    LC_TIME_NAMES = 7,
    CHARSET_DATABASE = 8,
    TABLE_MAP_FOR_UPDATE = 9,
    DATA_WRITTEN = 10,
    INVOKER = 11,
    UPDATED_DB_NAMES = 12,
    MICROSECONDS = 13,
    EXPLICIT_DEFAULTS = 16,
    DDL_XID = 17,
    DEFAULT_UTF8MB4 = 18,
    REQUIRE_PRIMARY_KEY = 19,
    TABLE_ENCRYPTION = 20,
    MARIADB_HRNOW = 128,
    MARIADB_XID = 129,
    MARIADB_GTID_FLAGS3 = 130,
    DBS_TOO_MANY = 254,
};

static void skip_text(leat_cur *c, unsigned more)
{
    leat_cur_bytes(c, (size_t)leat_cur_u8(c) + more);
}

static void skip_dbs(leat_cur *c)
{
    unsigned n = leat_cur_u8(c);
    for (unsigned i = 0; n != DBS_TOO_MANY && i < n && !c->bad; i++) leat_cur_cstr(c);
}

static void read_charset(leat_cur *c, leat_binlog_event *out)
{
    out->query.client_charset = (uint16_t)leat_binlog_le16(c);
    leat_binlog_le16(c); /* of the connection */
    out->query.server_charset = (uint16_t)leat_binlog_le16(c);
}

/* False at a code that is not known. */
static bool read_variable(leat_cur *c, unsigned code, leat_binlog_event *out)
{
    switch (code) {
    case FLAGS2:
    case AUTO_INCREMENT:
    case DATA_WRITTEN: leat_cur_bytes(c, 4); return true;
    case SQL_MODE:
        out->query.sql_mode = leat_cur_le64(c);
        out->query.has_sql_mode = true;
        return true;
    case CATALOG: skip_text(c, 1); return true;
    case TIME_ZONE:
    case CATALOG_NZ: skip_text(c, 0); return true;
    case CHARSET: read_charset(c, out); return true;
    case LC_TIME_NAMES:
    case CHARSET_DATABASE:
    case DEFAULT_UTF8MB4:
    case MARIADB_GTID_FLAGS3: leat_cur_bytes(c, 2); return true;
    case TABLE_MAP_FOR_UPDATE: leat_cur_bytes(c, 8); return true;
    case INVOKER:
        skip_text(c, 0);
        skip_text(c, 0);
        return true;
    case UPDATED_DB_NAMES: skip_dbs(c); return true;
    case MICROSECONDS:
    case MARIADB_HRNOW: out->query.microseconds = (int32_t)leat_binlog_le(c, 3); return true;
    case EXPLICIT_DEFAULTS:
    case REQUIRE_PRIMARY_KEY:
    case TABLE_ENCRYPTION: leat_cur_bytes(c, 1); return true;
    case DDL_XID:
    case MARIADB_XID: out->query.xid = leat_cur_le64(c); return true;
    default: return false;
    }
}

static void read_variables(leat_str bytes, leat_binlog_event *out, leat_cur *outer)
{
    leat_cur c = leat_cur_of(bytes);
    while (leat_cur_left(&c) && !c.bad)
        if (!read_variable(&c, leat_cur_u8(&c), out)) return;
    if (c.bad) outer->bad = true;
}

void leat_binlog_read_query(leat_cur *c, const leat_binlog_format *f, leat_binlog_event *out)
{
    out->query.microseconds = -1;
    out->query.thread = leat_cur_le32(c);
    out->query.seconds = leat_cur_le32(c);
    unsigned db = leat_cur_u8(c);
    out->query.error = (uint16_t)leat_binlog_le16(c);
    unsigned variables = leat_binlog_le16(c);
    unsigned fixed = f->known && out->type <= f->npost ? f->post[out->type] : FIXED;
    if (fixed < FIXED) c->bad = true;
    if (c->bad) return;
    leat_cur_bytes(c, fixed - FIXED);
    read_variables(leat_cur_bytes(c, variables), out, c);
    out->query.db = leat_cur_bytes(c, db);
    leat_cur_u8(c);
    out->query.sql = leat_binlog_rest(c);
}
