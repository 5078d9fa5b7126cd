/* The model consumer: the real reader, and the oracles about what can be seen.
 *
 * It reads along all the time, from a process of its own that only a power cut ends, and knows what
 * must come next. Oracles: order (every committed change once, in order, with its content), half
 * (never part of a transaction), stable (what was seen is there again, the same), offsets (of each
 * topic: no gap, by numbers of records), snapshot (rows of one view, whole before the first
 * change), fold (tables made of the events equal the database's), claims (each topic with events
 * belongs to the connector), reader (it never fails), cursors (behind a place noted long ago stands
 * what stood there), merged (frames that stand for others end where those did, and name the last).
 */
#ifndef LEAT_TESTS_SIM_WATCH_H
#define LEAT_TESTS_SIM_WATCH_H

#include "db.h"
#include "stream/reader.h"

struct sim;

typedef struct watch_seen {
    uint64_t hash;
    int64_t offset, ts_us;
    uint32_t records;
    uint8_t topic;
} watch_seen;

/* A place noted, behind so many events. */
typedef struct watch_place {
    char cursor[96];
    uint32_t n;
} watch_place;

enum { WATCH_PLACES = 64 };

/* A visible frame as it was written. */
typedef struct watch_frame {
    bool known, end;
    uint32_t crc;
} watch_frame;

typedef struct watch {
    leat_reader *reader; /* NULL: closed */
    leat_batch batch;
    leat_buf cursor; /* where it goes on */
    bool has_cursor;
    /* what must come next */
    bool begun;           /* tx is set: the slot exists */
    uint32_t tx, op;      /* op = the transaction's n: its RECORD */
    bool mid;             /* part of tx was seen */
    bool changes;         /* a change was seen: no more rows */
    unsigned view;        /* of the last row, 1, 2...; 0: none yet */
    uint32_t at, in_view; /* next row of it, and how many were seen */
    uint64_t rows;
    int64_t next[DB_TOPICS];
    watch_seen *seen;
    uint32_t n, cap;
    /* tables made of events */
    db_image fold;
    int64_t *audit;
    uint32_t naudit, audit_cap;
    leat_batch scratch;
    watch_place places[WATCH_PLACES];
    uint32_t nplaces;
    watch_frame *frames; /* by number */
    uint64_t frames_cap;
} watch;

void watch_init(watch *w);
void watch_free(watch *w);
/* The consumer's process ends; its cursor stays. */
void watch_close(watch *w);
/* Reads what is visible. settled: no write is under way, so all that is promised must be there. */
void watch_look(watch *w, bool settled);
/* All transactions before this one were seen. */
bool watch_passed(const watch *w, uint32_t tx);
/* Everything again from the beginning: equal to what was seen. */
void watch_again(watch *w, bool verify);
/* Parts of it: by topic, offset and time. */
void watch_parts(watch *w);
/* From some of the places noted since the beginning. */
void watch_cursors(watch *w);
/* The frames in the files: a merged one stands for what was there, and ends as that did. */
void watch_frames(watch *w);
/* Topics with events are claimed. */
void watch_claims(const watch *w);
/* At the end of the history: the tables. */
void watch_fold(watch *w);

#endif
