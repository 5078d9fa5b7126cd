/* The dump of a server's binary log: what a replica gets, packet by packet.
 *
 *   COM_BINLOG_DUMP (18)         u32 pos | u16 flags | u32 server id | name of the file
 *   COM_BINLOG_DUMP_GTID (30)    u16 flags | u32 server id | u32 length, name of the file |
 *                                u64 pos | u32 length, set of GTIDs in binary form
 *   a packet                     00 and an event | FE, short: the end | FF: an error, which the
 *                                library reads
 *
 * libmariadb sends the command and reads packets; its own calls for replication stop at events that
 * they do not know. MariaDB is told where to begin by @slave_connect_state, and that
 * we know GTIDs by @mariadb_slave_capability. Run by the task's thread. */
#include "system/mysql/dump.h"

#include <stdio.h>

#include "base/fault.h"
#include "base/os.h"

enum {
    COM_DUMP = 18,
    COM_DUMP_GTID = 30,
    FLAG_NON_BLOCK = 1,
    FLAG_ANNOTATE = 2,   /* MariaDB: the statements of rows too */
    FLAG_WIDE_PLACE = 2, /* MySQL, from 8.0.26 on: heartbeats of version 2 */
    FLAG_THROUGH_GTID = 4,
    SHORT_EOF = 8,
    KNOWS_GTID = 4, /* MARIA_SLAVE_CAPABILITY_GTID */
};

/* What a replica sets before it asks. Names that a server does not know are only variables. */
static leat_rc set_variables(leat_my *c, const leat_my_start *from, leat_err *e)
{
    leat_buf sql = {0};
    leat_buf_printf(&sql,
                    "SET @master_heartbeat_period=%lld, @source_heartbeat_period=%lld, "
                    "@master_binlog_checksum=@@global.binlog_checksum, "
                    "@source_binlog_checksum=@@global.binlog_checksum",
                    (long long)from->heartbeat_ms * 1000000,
                    (long long)from->heartbeat_ms * 1000000);
    if (from->uuid)
        leat_buf_printf(&sql, ", @slave_uuid='%s', @replica_uuid='%s'", from->uuid, from->uuid);
    if (c->mariadb) leat_buf_printf(&sql, ", @mariadb_slave_capability=%d", KNOWS_GTID);
    if (from->state.s) {
        leat_buf_str_z(&sql, ", @slave_connect_state=");
        leat_my_put_text(&sql, from->state);
        leat_buf_str_z(&sql, ", @slave_gtid_strict_mode=0, @slave_gtid_ignore_duplicates=0");
    }
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_my_exec(c, "prepare reading the binary log", sql.p, e);
    leat_buf_free(&sql);
    return rc;
}

/* Two bytes, of which we need the first. */
static void put_flags(leat_buf *out, unsigned flags)
{
    leat_buf_u8(out, flags);
    leat_buf_u8(out, 0);
}

static unsigned flags_of(bool mariadb, const leat_my_start *from)
{
    if (from->ends) return FLAG_NON_BLOCK;
    if (!mariadb) return FLAG_WIDE_PLACE;
    return from->statements ? FLAG_ANNOTATE : 0;
}

static void put_command(bool mariadb, const leat_my_start *from, leat_buf *out)
{
    size_t name = strlen(from->file);
    if (!from->gtids.s) {
        leat_buf_le32(out, (uint32_t)from->pos);
        put_flags(out, flags_of(mariadb, from));
        leat_buf_le32(out, from->server_id);
        leat_buf_put(out, from->file, name);
        return;
    }
    put_flags(out, FLAG_THROUGH_GTID);
    leat_buf_le32(out, from->server_id);
    leat_buf_le32(out, (uint32_t)name);
    leat_buf_put(out, from->file, name);
    leat_buf_le64(out, from->pos);
    leat_buf_le32(out, (uint32_t)from->gtids.len);
    leat_buf_add(out, from->gtids);
}

leat_rc leat_my_dump(leat_my *c, const leat_my_start *from, leat_err *e)
{
    LEAT_TRY(set_variables(c, from, e));
    leat_buf command = {0};
    put_command(c->mariadb, from, &command);
    enum enum_server_command what = from->gtids.s ? (enum enum_server_command)COM_DUMP_GTID
                                                  : (enum enum_server_command)COM_DUMP;
    int failed = c->my->methods->db_command(c->my, what, command.p, command.len, 1, NULL);
    leat_buf_free(&command);
    return failed ? leat_my_fail(e, c, "ask for the binary log") : LEAT_OK;
}

leat_rc leat_my_dump_next(leat_my *c, int wait_ms, leat_str *event, leat_err *e)
{
    int fault = LEAT_FAULT(source_receive);
    if (fault) return leat_os_fail(e, fault, "read the binary log", "database connection");
    if (!c->my || !c->my->net.pvio) return leat_my_fail(e, c, "read the binary log");
    int ready = leat_my_at_hand(c, wait_ms);
    if (ready < 0) return leat_os_fail(e, ready, "read the binary log", "database connection");
    if (ready == 0) return LEAT_AGAIN;
    unsigned long n = mysql_net_read_packet(c->my);
    if (n == packet_error || n == 0) return leat_my_fail(e, c, "read the binary log");
    leat_str packet = {(const char *)c->my->net.read_pos, n};
    unsigned char status = (unsigned char)packet.s[0];
    if (status == 0xfe && n < SHORT_EOF) return LEAT_PENDING;
    *event = (leat_str){packet.s + 1, n - 1};
    return LEAT_OK;
}
