/* The dump of a server's binary log: what a replica gets, packet by packet.
 *
 * A session of its own. Events come whole, as they are in the log's files (with their checksums
 * where the server has binlog_checksum); heartbeats come while there is nothing. What they mean is
 * for others. One thread. */
#ifndef LEAT_SYSTEM_MYSQL_DUMP_H
#define LEAT_SYSTEM_MYSQL_DUMP_H

#include "base/buf.h"
#include "system/mysql/conn.h"

/* Where a dump begins: at a place in a file; on MySQL behind a set of transactions (gtids); on
 * MariaDB behind a position (state). */
typedef struct leat_my_start {
    const char *file; /* name of a log; "": the oldest there is */
    uint64_t pos;     /* in it; at least 4 */
    leat_str gtids;   /* MySQL: the set in its binary form; absent: by file and pos */
    leat_str state;   /* MariaDB: "0-1-100,1-2-7"; absent: by file and pos */
    uint32_t server_id;
    int64_t heartbeat_ms; /* silence after which the server sends a heartbeat */
    bool statements;      /* MariaDB: the statements that changed rows come too, an event each */
    const char *uuid;     /* that the server knows this replica by; NULL: it is none */
    bool ends;            /* the dump ends where the log does, and no other reader minds it
                             (server_id 0) */
} leat_my_start;

/* Asks an open session for a dump; it can do nothing else from then on. Whether the server has the
 * place is told by the first packet. */
leat_rc leat_my_dump(leat_my *c, const leat_my_start *from, leat_err *e);
/* The next event, without the packet's status byte; valid until the next call. AGAIN: none within
 * wait_ms. PENDING: the server ended the dump. Waits longer only for the rest of a packet that has
 * begun. */
leat_rc leat_my_dump_next(leat_my *c, int wait_ms, leat_str *event, leat_err *e);

#endif
