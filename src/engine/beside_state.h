/* What the files of a snapshot beside the stream share: beside.c, beside_out.c, ask.c. By the
 * task's thread. */
#ifndef LEAT_ENGINE_BESIDE_STATE_H
#define LEAT_ENGINE_BESIDE_STATE_H

#include "engine/beside.h"
#include "engine/readers.h"

struct leat_beside {
    leat_arena arena; /* tables and texts of the plan */
    leat_ledger ledger;
    leat_view_ops ops;
    leat_windows *windows;
    leat_readers *readers;
    bool steps;                  /* readers have no threads */
    leat_reading *first, **tail; /* under way, the oldest first */
    unsigned n;
    leat_reading *out; /* whose rows go out now */
    size_t bound;      /* of a chunk, in memory */
    leat_position start;
    bool known;      /* the stream's transactions were taken over */
    bool begun;      /* that it was begun is appended */
    bool ending;     /* that it is done waits to be appended */
    bool read;       /* the stream was, since the last chunk */
    bool first_row;  /* none of the first table has gone out ever */
    size_t text_len; /* of the ledger as appended last ... */
    int64_t text_us; /* ... and when */
    int64_t hurry_us, retake_us;
    int64_t turn_us;               /* the last turn: rows were taken then, if there were any */
    int64_t hold_us;               /* how long a view may rest after that; 0: no bound */
    const leat_ledger_table *said; /* for people, last */
    /* The snapshot itself is not done; else all this is for ... */
    bool main;
    leat_ledger_table *ask; /* ... the table that a signal asked for; NULL: none */
    bool ask_gone;          /* it is not asked for any more */
    leat_err ask_err;       /* why it cannot be read; rc OK: it can */
    unsigned ask_restarts;  /* since a chunk of it went out */
    uint64_t ask_chunks;    /* that did, in this attempt */
};

/* With plan NULL: for ad hoc snapshots alone. */
leat_rc leat_beside_start(leat_run *r, const leat_plan *plan, const leat_json *stored, leat_err *e);
/* Says how far each table is, now and then, or now. */
void leat_beside_tables(leat_run *r, bool now_on);

/* The last safe place that was appended; offset absent: none. */
leat_position leat_beside_reached(const leat_run *r);
/* Shows in status what is read of which table. */
void leat_beside_show(leat_run *r, const char *table);
/* What a reading that is over and not to be appended comes to. */
void leat_beside_result(leat_run *r, leat_reading *g);
/* The reading is over and its job told so. */
void leat_beside_forget(leat_beside *bs, leat_reading *g);
/* Has the source tell of the snapshot, into the task's batch. */
void leat_beside_tell(leat_run *r, leat_snap_news news, const leat_ledger_table *t);

/* beside_out.c: takes up a chunk whose rows may go out now, if there is one. */
bool leat_beside_out_begin(leat_run *r);
/* One batch of the chunk that was taken up. */
leat_rc leat_beside_out_put(leat_run *r, leat_err *e);

/* ask.c: a reading of the table that was asked for has failed: true when that is dealt with. */
bool leat_ask_failed(leat_run *r, const leat_reading *g);
/* A batch with rows of it goes out: has the source finish it. */
leat_rc leat_ask_told(leat_run *r, const leat_reading *g, bool last, leat_err *e);
/* Ends what is over. took: that was the turn. */
leat_rc leat_ask_turn(leat_run *r, bool *took, leat_err *e);

#endif
