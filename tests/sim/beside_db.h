/* The model database of the snapshots' simulator: a log, transactions that run beside each other,
 * and views, as PostgreSQL has them.
 *
 * Transactions have numbers in the order of their beginning, commit in another, and are seen by
 * views later than that: at once (asynchronous commit: before their record is on disk), or only
 * after the stream could have sent them (synchronous replication). A key that a transaction touched
 * is locked until it is seen or gone. Keys move, tables are truncated, updates leave a large column
 * out. A crash loses what was not flushed. A standby shows transactions in the order of the log,
 * each a moment before it counts it as replayed, and its views do not know which are running; when
 * it is started again it replays some of the log again. Everything follows from the dice. */
#ifndef LEAT_TESTS_SIM_BESIDE_DB_H
#define LEAT_TESTS_SIM_BESIDE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dice.h"

enum {
    BDB_TABLES = 3,
    BDB_KEYS = 12,
    BDB_OPS = 6,
    BDB_TXS = 400,
    BDB_VALUES = BDB_TABLES * BDB_KEYS + BDB_OPS * BDB_TXS + 1
};
/* The last table has no identity: rows come and go by their content, and a key is a place. */
enum { BDB_BARE = BDB_TABLES - 1 };

typedef struct bdb_row {
    uint32_t v;   /* unique of each write; 0: there is no row */
    uint32_t big; /* the large column */
} bdb_row;

typedef struct bdb_op {
    char op; /* c u d t */
    uint8_t table;
    uint8_t key, to; /* u: to is the key afterwards */
    bool absent;     /* u: big was left as it was */
    bdb_row was, is;
} bdb_op;

typedef enum bdb_state { BDB_RUNNING, BDB_COMMITTED, BDB_GONE } bdb_state;

typedef struct bdb_tx {
    bdb_op ops[BDB_OPS];
    unsigned n;
    bdb_state state;
    bool seen;      /* by views */
    int64_t end;    /* of its commit record */
    unsigned place; /* in the order of commits */
} bdb_tx;

typedef struct bdb_image {
    bdb_row row[BDB_TABLES][BDB_KEYS];
} bdb_image;

/* Number of a transaction: its place here + BDB_FIRST. */
enum { BDB_FIRST = 1000 };

typedef struct bdb {
    dicebox *dice;
    bool standby, bare; /* bare: the table without identity is used */
    unsigned most;      /* transactions in all */
    unsigned moves;     /* one update in so many changes the key */
    unsigned truncates; /* one write in so many is a TRUNCATE */
    bdb_tx tx[BDB_TXS];
    unsigned ntx;
    unsigned order[BDB_TXS], norder; /* commits, in the log's order */
    int64_t insert, flushed;         /* ends of the log */
    unsigned replayed;               /* standby: of order */
    unsigned shown;                  /* standby: of order, by views: one more at most */
    int64_t replay_at;               /* standby: the place up to which it has replayed */
    unsigned starts;                 /* how often the server was started */
    bdb_image first, tip, now;       /* at the beginning; with what runs; as views see it */
    int lock[BDB_TABLES][BDB_KEYS];  /* transaction + 1; 0: none */
    unsigned readers[BDB_TABLES];    /* that keep TRUNCATE out */
    uint32_t values;
    struct {
        unsigned tx, op; /* tx: place + 1; 0: of the beginning */
    } by[BDB_VALUES];    /* who wrote a value */
} bdb;

typedef struct bdb_view {
    bool in[BDB_TXS];
    unsigned n, xmin; /* transactions of then; the oldest that was not seen nor gone */
    int64_t end;
    int64_t received; /* standby: how far it has the log */
    bdb_image image;
} bdb_view;

void bdb_init(bdb *d, dicebox *dice);
/* Something happens, or nothing. */
void bdb_step(bdb *d);
/* Nothing begins any more, all that runs ends and is seen; the log is on disk but for a little at
 * its end, which nobody's transaction has written. */
void bdb_settle(bdb *d);
/* What has committed is seen, as when a slot is made. */
void bdb_see_all(bdb *d);
void bdb_crash(bdb *d);
/* The standby is started again: all sessions end, and it has some of its log to replay again. */
void bdb_restart(bdb *d);
/* Views show the transaction. */
bool bdb_shows(const bdb *d, unsigned x);
/* All of the log is on disk. */
void bdb_flush(bdb *d);
/* Commits that the stream may send, of order. */
unsigned bdb_sendable(const bdb *d);
/* As long as a transaction that is not seen has truncated the table, things happen. */
void bdb_wait(bdb *d, unsigned table);
void bdb_look(bdb *d, bdb_view *v);
/* The tables after the first n commits of the log. */
void bdb_at(const bdb *d, unsigned n, bdb_image *image);
/* The changes of tx to rows become those of image. */
void bdb_apply(const bdb_tx *tx, bdb_image *image);

#endif
