/* A place in PostgreSQL's log as a position that can be stored, and transaction ids. Pure.
 *
 * The offset is Debezium's, so that either can take over from the other:
 *
 *     lsn_proc, lsn_commit, lsn   the place: the end of the last transaction that is done with
 *     txId, ts_usec               that transaction's id, and its commit time (Unix microseconds)
 *     messageType                 "COMMIT" when the place is a transaction's end
 *     systemid, timeline          ours: of the server (IDENTIFY_SYSTEM), to notice another one
 *
 * Of an offset that Debezium wrote the place is lsn_commit, else lsn_proc, else lsn. Debezium
 * stores one with each change, so it mostly stands inside a transaction: messageType is not COMMIT,
 * lsn_proc is the last change that was delivered and txId its transaction, the next one behind
 * lsn_commit. Ours does so only until that transaction has been read. */
#ifndef LEAT_SOURCE_POSTGRES_POSITION_H
#define LEAT_SOURCE_POSTGRES_POSITION_H

#include "base/buf.h"
#include "event/event.h"

typedef struct leat_pg_position {
    uint64_t lsn;      /* streaming from here loses nothing; 0: none */
    uint64_t commit;   /* end of the last transaction, for source.sequence; 0: none */
    uint64_t tx;       /* 0: none */
    int64_t ts_us;     /* 0: none */
    uint64_t systemid; /* 0: unknown */
    uint32_t timeline; /* 0: unknown */
    uint64_t sent;     /* changes of transaction tx, the next behind the place, were delivered up to
                          the first one at this LSN; 0: none */
} leat_pg_position;

/* Appends the offset's JSON. */
void leat_pg_position_write(const leat_pg_position *p, leat_buf *out);

/* Finds the position of this server among n; *out is zero when there is none, or when it belongs to
 * a snapshot of Debezium's that had not ended. CONF "postgres.position" when it cannot be read,
 * "postgres.other_prefix" when all are of other servers. */
leat_rc leat_pg_position_find(const char *server, const leat_position *pos, size_t n,
                              leat_pg_position *out, leat_err *e);
/* The place alone; 0 if offset is none. */
uint64_t leat_pg_position_lsn(leat_str offset);

/* The 64-bit transaction id whose low half is xid and that is nearest to near (an id of the
 * present, as txid_current() counts them: the epoch in the high half). */
uint64_t leat_pg_xid_widen(uint32_t xid, uint64_t near);

#endif
