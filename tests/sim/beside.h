/* What the simulator of snapshots beside the stream is made of: a model database, a stream in
 * memory that forgets at a crash, and the oracles between them. */
#ifndef LEAT_TESTS_SIM_BESIDE_H
#define LEAT_TESTS_SIM_BESIDE_H

#include "base/buf.h"
#include "beside_db.h"
#include "stream/stream.h"

/* An event as a consumer sees it. */
typedef struct seen {
    char op;
    uint8_t table, key, to;
    bool absent, carried; /* carried: its table had been read when it was appended */
    bdb_row row;
    uint64_t tx;
    int64_t begin; /* r: number of the view */
    unsigned asks; /* ad hoc snapshots that had begun ... */
    bool asked;    /* ... and all of the last one was read */
} seen;

enum { BESIDE_ASKS = 3 };

/* Ad hoc snapshots: each is of a table, and begins at a place of the log. */
typedef struct bask {
    unsigned table;
    int64_t from;
    bool dropped; /* it was stopped */
} bask;

/* What stands at a place of the stream. */
typedef struct books {
    size_t n;
    int64_t lsn;   /* -1: no position yet */
    unsigned over; /* ad hoc snapshots that are */
    leat_counts totals;
    leat_buf progress;
} books;

typedef struct bstream {
    leat_stream base;
    seen *at;
    size_t n, cap;
    books safe, durable;
    leat_counts tail_counts;
    bool tail;
    leat_stream_state state;
    leat_position pos;
    char offset[48];
    uint64_t *txs;
    size_t ntxs, txs_cap;
    /* the consumer, of what is durable */
    size_t folded;
    bdb_image fold;
    int64_t newest[BDB_TABLES][BDB_KEYS]; /* version of a key's last state */
    unsigned place, op;                   /* next change to come, in the order of commits */
    uint64_t skipped, rows;
    int64_t bare_begin;
    /* one that began with an ad hoc snapshot, of its table alone */
    bask ask[BESIDE_ASKS];
    unsigned nasks, asked; /* asked: the last one that began, plus 1 */
    bdb_row ask_fold[BDB_KEYS];
} bstream;

enum { BDB_UNKNOWN = UINT32_MAX }; /* of bdb_row.big: it was never told */

extern const leat_str bstream_partition;
leat_position bstream_position(int64_t lsn, unsigned over, char out[48]);
int64_t bstream_lsn(leat_str offset);
unsigned bstream_over(leat_str offset);
bool bstream_done(leat_str progress);

void bstream_init(bstream *s, const bdb *d, unsigned place);
void bstream_free(bstream *s);
leat_rc bstream_append(bstream *s, const leat_batch *b, leat_str progress, leat_err *e);
/* What is safe is durable: the oracles look at it. */
void bstream_commit(bstream *s, const bdb *d);
void bstream_rollback(bstream *s);
/* The process is gone: what was not durable is, or what is safe was written after all. */
void bstream_crash(bstream *s, const bdb *d, bool kept);

/* Of the test: an oracle complains. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* With VERBOSE=1: a line on stderr. */
void trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
