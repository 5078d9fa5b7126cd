/* Inside of the driver of snapshots beside the stream: beside.c and ask.c share it. By the task's
 * thread. */
#ifndef LEAT_ENGINE_BESIDE_PART_H
#define LEAT_ENGINE_BESIDE_PART_H

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
    bool first_row;  /* none has gone out ever */
    size_t text_len; /* of the ledger as appended last ... */
    int64_t text_us; /* ... and when */
    int64_t hurry_us, retake_us;
    const leat_ledger_table *said; /* for people, last */
    /* The snapshot itself is not done; else all this is for ... */
    bool main;
    leat_ledger_table *ask; /* ... the table that a signal asked for; NULL: none */
    bool ask_gone;          /* it is not asked for any more */
    leat_err ask_err;       /* why it cannot be read; rc OK: it can */
    unsigned ask_restarts;  /* since a chunk of it went out */
    uint64_t ask_chunks;    /* that did, in this attempt */
};

/* ---- beside.c ---- */

/* With plan NULL: for ad hoc snapshots alone. */
leat_rc leat_beside_start(leat_run *r, const leat_plan *plan, const leat_json *stored, leat_err *e);

/* Says how far each table is, now and then, or now. */
void leat_beside_show(leat_run *r, bool now_on);

/* ---- ask.c ---- */

/* A reading of the table that was asked for has failed: true when that is dealt with. */
bool leat_ask_failed(leat_run *r, const leat_reading *g);
/* A batch with rows of it goes out: has the source finish it. */
leat_rc leat_ask_told(leat_run *r, const leat_reading *g, bool last, leat_err *e);
/* Ends what is over. took: that was the turn. */
leat_rc leat_ask_turn(leat_run *r, bool *took, leat_err *e);

#endif
