/* The replication slot: what the server says of it, whether we may go on from it, making it. */
#ifndef LEAT_SOURCE_POSTGRES_SLOT_H
#define LEAT_SOURCE_POSTGRES_SLOT_H

#include "source/postgres/position.h"
#include "source/source.h"
#include "system/postgres/conn.h"

/* The server, as a replication connection introduces it. */
typedef struct leat_pg_server {
    uint64_t systemid;
    uint32_t timeline;
    bool standby;     /* in recovery */
    uint64_t written; /* end of the log written so far (on a standby: replayed) */
    uint64_t left;    /* where its log left the timeline of the stored position; 0: it never was on
                       * it. Only looked at when the two timelines differ */
} leat_pg_server;

/* A row of pg_replication_slots. Texts are in the arena it was read into. */
typedef struct leat_pg_slot {
    bool exists;
    bool logical, temporary, active;
    int64_t active_pid; /* 0: none */
    const char *reader; /* application_name of that process; NULL: unknown */
    const char *plugin, *database;
    uint64_t restart;       /* the server keeps the log from here on; 0: none */
    uint64_t confirmed;     /* it sends transactions that end behind this; 0: none */
    uint32_t xmin;          /* catalog_xmin; 0: none */
    int64_t keep;           /* bytes that a slot may keep; 0: no limit is set, -1: unknown */
    uint64_t log_end;       /* of the server's log now: written, of a standby replayed */
    const char *wal_status; /* "reserved", "extended", "unreserved", "lost"; NULL: unknown */
    const char *invalid;    /* why the server invalidated it; NULL: it did not */
} leat_pg_slot;

leat_rc leat_pg_server_identify(leat_pg *wal, leat_pg_server *out, leat_err *e);
/* Sets left: from the history of the server's timeline, where the timeline was came to its end. */
leat_rc leat_pg_server_history(leat_pg *wal, uint32_t was, leat_pg_server *out, leat_err *e);
/* The same, from the text of a history file: "timeline<tab>LSN<tab>reason" a line; 0: not there. */
uint64_t leat_pg_history_end(leat_str history, uint32_t timeline);
/* ms: longest time for it; 0: as for other statements. */
leat_rc leat_pg_slot_read(leat_pg *c, const char *name, int64_t ms, leat_arena *a,
                          leat_pg_slot *out, leat_err *e);

/* Whether streaming from at (zero: no position, all that the slot has) through this slot loses
 * nothing. Pure. CONF with what is wrong: "postgres.gap", "postgres.slot_missing",
 * "postgres.wal_removed", "postgres.other_server", "postgres.server_behind", "postgres.diverged",
 * "postgres.slot_other";
 * RETRY "postgres.slot_in_use", "postgres.standby_behind". A slot that does not exist is no error
 * if at is zero. */
leat_rc leat_pg_slot_judge(const char *name, const char *dbname, const leat_pg_slot *slot,
                           const leat_pg_server *server, const leat_pg_position *at, leat_err *e);

/* Creates the slot on wal, a replication connection, and exports its snapshot: good until wal runs
 * its next command. *at: the place from which it sends everything that the snapshot does not show.
 * The server waits for all transactions that run; while it does, t is told which they are, asked of
 * sql, an ordinary session. RETRY "postgres.stopped" when the task is to stop; CONF
 * "postgres.prepared_transaction" when a prepared one is in the way. */
leat_rc leat_pg_slot_create(leat_task *t, leat_pg *wal, leat_pg *sql, const char *name,
                            bool failover, leat_arena *a, uint64_t *at, const char **snapshot,
                            leat_err *e);
/* Drops it; a slot that is not there is no error. One whose reader is just going away is waited
 * for.
 */
leat_rc leat_pg_slot_drop(leat_pg *c, const char *name, leat_err *e);

#endif
