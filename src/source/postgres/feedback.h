/* What is told to the server, and when: status updates of a replication connection. */
#ifndef LEAT_SOURCE_POSTGRES_FEEDBACK_H
#define LEAT_SOURCE_POSTGRES_FEEDBACK_H

#include "system/postgres/conn.h"

/* Zero it, but for interval_us and manual, when streaming starts. */
typedef struct leat_pg_feedback {
    int64_t interval_us; /* longest silence: status.update.interval.ms */
    bool manual;         /* somebody else moves the slot: what is durable is not told */
    uint64_t received;   /* end of what was read from the wire */
    uint64_t acked;      /* durable with us: the server may forget what is before */
    uint64_t server_end; /* end of the server's log as it told last */
    bool wanted;         /* the server asked for an answer */
    uint64_t sent_acked;
    int64_t sent_us; /* monotonic; 0: never */
    bool unflushed;  /* part of the last update is still in libpq's buffer */
} leat_pg_feedback;

/* Sends an update if one is due: the server asked, acked has moved (then at most every 20 ms), or
 * the interval has passed. ask: also have the server tell its end now. RETRY when the connection is
 * gone. */
leat_rc leat_pg_feedback_send(leat_pg_feedback *f, leat_pg *wal, bool ask, leat_err *e);
/* How long a read may wait, at most wait_ms, so that the next update is not late. */
int leat_pg_feedback_wait(const leat_pg_feedback *f, int wait_ms);

#endif
