/* The world of test_beside.c, and the plants of beside_plants.c: nobody else includes this. */
#ifndef LEAT_TESTS_SIM_BESIDE_WORLD_H
#define LEAT_TESTS_SIM_BESIDE_WORLD_H

#include "beside.h"
#include "capture/window.h"
#include "engine/beside_state.h"
#include "engine/run.h"

enum { PAD = 24 << 10 };

/* Each leaves one rule out of docs/decisions/090-snapshots-beside-the-stream.md. */
typedef enum plant {
    NONE,
    NO_YIELD,    /* rows are appended whatever changed meanwhile */
    EARLY_ROWS,  /* rows do not wait for the stream to pass their view */
    LATE_NOTES,  /* notes begin with the view, not before it */
    BEHIND,      /* a view that lacks what was appended before is taken */
    RUNNING_IN,  /* a standby's running transactions count as seen */
    FLUSHED_END, /* a view's end is what is on disk, not what is written */
    NO_AGAIN,    /* rows whose change left a column out are not read again ... */
    NO_MOVED,    /* ... nor those that moved */
    NOT_STORED,  /* that they are is not stored with the change */
    NO_TRUNCATE, /* rows stay after a TRUNCATE */
    NEW_KEY,     /* only the new key of a change is noted */
    NO_VIEW,     /* of a table without identity changes come that its rows show */
    NOT_STILL,   /* such a table is read while the stream goes on */
    NOT_SPOILED, /* notes that were given up are not missed */
    LATE_LOCK,   /* a table is locked after the view was taken, not before */
    UNFLUSHED,   /* rows of a table without identity go out before the log is on disk */
    DONE_EARLY,  /* a chunk is stored as done before its rows are appended */
    REPLAYED,    /* a standby's view ends at what it counts as replayed */
    COVERS,      /* a standby's view is thought to have all that it once replayed */
    DROPPED,     /* streamed changes that a row may show already are dropped */
    ORDER,       /* keys sort in another way than before the last start, and it is not told */
    END_FIRST,   /* a view's end is looked up before it is taken */
    TORN,        /* the stream goes on between two batches of a chunk's rows */
    UNCOUNTED,   /* rows that yielded are not counted */
    LATE_ASK,    /* an ad hoc snapshot goes on only some time after the stream does */
    FORGOTTEN,   /* what was appended before a start is not known to views after it */
    OLD_KEY,     /* only the old key of a change is noted */
    DISCARDED,   /* a chunk that holds too much is let go, and not read again */
    BARE_DONE,   /* a table without identity that was interrupted is not read again */
    NO_HURRY,    /* nobody makes the server flush what a view waits for */
    PLANTS
} plant;

extern const char *const beside_plants[PLANTS];

typedef struct world {
    dicebox dice;
    plant plant;
    int64_t now;
    uint64_t steps;
    leat_engine *engine;
    bdb db;
    bstream stream;
    leat_origin *origin;
    leat_table *table[BDB_TABLES];
    char pad[PAD];
    bool slot;
    int64_t slot_at;
    /* the connection */
    unsigned next, op; /* commit to be sent, and how much of it was */
    int64_t at;        /* read up to here */
    bool hurried;
    unsigned starts; /* of the server, then */
    /* views, of all lives */
    struct view {
        bdb_view v;
        bool noted[BDB_TXS]; /* appended before it was taken: LATE_NOTES */
        int64_t start, end;
    } * views;
    unsigned nviews, views_cap;
    bool deciding, judging, yielding;
    /* ad hoc snapshots */
    unsigned over, reads; /* reads: since the source was opened */
    bool rests;
    leat_snap_table ask[BESIDE_ASKS];
    /* this life */
    unsigned lives; /* before it */
    bool dead, last, settled;
    uint32_t crash_in, stop_in, pause_in, paused_left, full_in, flaky, failures, settle_in,
        db_crash_in, restart_in;
    unsigned readers, wide;
    size_t memory;
    char why[400];
} world;

extern world *w;

#endif
