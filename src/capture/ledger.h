/* Which parts of which tables a snapshot beside the stream has read, and what comes next.
 *
 * A table is a list of pieces in the server's order, each to do, busy or done. A table begins as
 * one piece; it is cut by the source where it is read next, and pieces that are done become one
 * with those beside them: so what is stored is a few ranges, however large the table. Beside them
 * stand keys whose rows are to be read once more, since a change in the stream left columns of them
 * out.
 *
 * The stored form is JSON, an array of tables:
 *   [{"table":"public.t","rows":17,"done":[[null,"[4]"],["[9]","[12]"]],"keys":["4a"],
 *     "where":"x > 3"},
 *    {"table":"public.log","rows":3,"state":"done","view":{...}},
 *    {"table":"public.u","ask":"signal-1","rows":9,"end":"[7]","done":[[null,"[2]"]]}]
 * where a range is [from, to), null where it has no bound; keys are hex; "view" is that of a table
 * without identity, as long as the stream may hold changes that its rows show already. Tables that
 * were not begun are left out. One with "ask" is read since a signal asked for it: it is none of
 * the snapshot's tables, ends at "end", the last key that it had when it was cut first, and is
 * taken out when it is done.
 *
 * Pure: who reads, and when, is the caller's. One thread. */
#ifndef LEAT_CAPTURE_LEDGER_H
#define LEAT_CAPTURE_LEDGER_H

#include "base/json.h"
#include "capture/chunk.h"
#include "capture/keyset.h"

typedef enum leat_piece_state {
    LEAT_PIECE_TODO,
    LEAT_PIECE_BUSY,
    LEAT_PIECE_DONE
} leat_piece_state;

typedef struct leat_piece {
    char *from, *to; /* bounds; NULL: none */
    leat_piece_state state;
    bool cut;          /* it is to be read as it is */
    bool whole;        /* and cannot be halved, whatever its size */
    unsigned halvings; /* how often it, or what it was cut from, was too large */
    struct leat_piece *prev, *next;
} leat_piece;

typedef struct leat_ledger_table {
    const leat_snap_table *table; /* NULL: stored, and not named since */
    char *name, *where, *ask;     /* of it */
    char *end;                    /* ad hoc: bound behind which nothing is read; NULL: unknown */
    leat_piece *pieces;
    leat_keyset again; /* keys to be read again ... */
    leat_keyset busy;  /* ... and those of them that are */
    uint32_t keys;     /* of the next job, at most; 0: as many as there may be */
    leat_buf view;     /* a table without identity: JSON; empty: none */
    uint64_t rows;     /* appended ... */
    uint64_t bytes;    /* ... of about so many, in this attempt */
    uint64_t pieces_done;
    unsigned jobs; /* under way */
    uint64_t turn; /* when it was chosen last */
    bool begun, done;
    bool rests;   /* no more jobs for now */
    bool told;    /* the caller's: it has told of the table */
    bool gone;    /* no more jobs: it is not there any more ... */
    bool restart; /* ... or is read once more, once none is under way */
    struct leat_ledger_table *next;
} leat_ledger_table;

typedef struct leat_ledger {
    leat_ledger_table *first, **tail;
    unsigned n, ndone; /* tables, without those that were asked for */
    uint64_t turns;
    unsigned views; /* tables that have one */
    bool changed;   /* since the last write ... */
    bool urgent;    /* ... by what must be stored with the change that made it so */
} leat_ledger;

typedef enum leat_job_kind {
    LEAT_JOB_CUT,  /* the piece is to be cut */
    LEAT_JOB_READ, /* the piece is to be read */
    LEAT_JOB_KEYS, /* the busy keys are to be read */
} leat_job_kind;

typedef struct leat_job {
    leat_job_kind kind;
    leat_ledger_table *t;
    leat_piece *piece; /* CUT, READ */
} leat_job;

void leat_ledger_init(leat_ledger *l);
void leat_ledger_free(leat_ledger *l);

/* What a stored array says; tables come without `table`. CONF "snapshot.progress" where it says
 * what no ledger wrote. */
leat_rc leat_ledger_load(leat_ledger *l, const leat_json *tables, leat_err *e);
/* The table is to be read, or is the stored one of that name and condition. Its texts and the table
 * live as long as the ledger. */
leat_ledger_table *leat_ledger_add(leat_ledger *l, const leat_snap_table *table);
/* Forgets what was stored of tables that were not added (they are captured no more, or asked for no
 * more): of those that were asked for, or of the others. How many. */
unsigned leat_ledger_drop_unknown(leat_ledger *l, bool asked);
/* It is read no more, and none of its jobs is under way. */
void leat_ledger_remove(leat_ledger *l, leat_ledger_table *t);
/* Up to which bound all from its beginning is read; absent: not even its first piece. */
leat_str leat_ledger_upto(const leat_ledger_table *t);
/* By "schema.table"; the next of the same name after t (NULL: the first). NULL: there is none. */
leat_ledger_table *leat_ledger_find(leat_ledger *l, leat_str name, const leat_ledger_table *t);

/* A table without identity is to be read, or is: the stream stands still. */
bool leat_ledger_bare(const leat_ledger *l);
/* What a reader should do next: keys that are to be read again first; then of the tables of the
 * highest priority the first, or with turns the one that was chosen longest ago; keyed tables
 * alone, or those without identity alone. Marked busy. False: nothing now. */
bool leat_ledger_next(leat_ledger *l, bool keyed, bool turns, leat_job *job);
/* The same job's range; keys as cells, in a. Where they are of identities of several lengths, nid
 * is 0: no identity has that many. */
leat_range leat_job_range(const leat_job *job, leat_arena *a);

/* When it is done, so is all of its table. */
bool leat_job_ends_table(const leat_job *job);

/* How a job ended. Cut: n bounds of at most `most` came back; of an ad hoc table's end the last one
 * is where it ends, none: it has no rows. walked: they were found one behind the other, so that all
 * parts but the last are as small as they should be (those of ad hoc tables always are). Small: it
 * needs none. Back: nothing was done. Halve: its piece was too large, or changed too much
 * meanwhile. Done: its rows are appended or superseded. */
void leat_job_cut(leat_ledger *l, const leat_job *job, const leat_str *bounds, unsigned n,
                  unsigned most, bool walked);
void leat_job_small(leat_ledger *l, const leat_job *job);
void leat_job_back(leat_ledger *l, const leat_job *job);
void leat_job_halve(leat_ledger *l, const leat_job *job);
void leat_job_done(leat_ledger *l, const leat_job *job, uint64_t rows);

/* The row with this key is to be read again; of too many of them, all of the table. */
void leat_ledger_again(leat_ledger *l, leat_ledger_table *t, leat_str key);
/* Does what `gone` and `restart` say, if none of its jobs is under way. */
void leat_ledger_settle(leat_ledger *l, leat_ledger_table *t);
/* The table's view, JSON; empty: it is not needed any more. */
void leat_ledger_view(leat_ledger *l, leat_ledger_table *t, leat_str view);
/* All is read, but for what was asked for. */
bool leat_ledger_done(const leat_ledger *l);
/* Appends the array. */
void leat_ledger_write(leat_ledger *l, leat_jw *w, const char *name);

/* Of ledger_text.c and ledger.c: a table at the end, without pieces; a piece behind prev (NULL: at
 * the beginning), to do. */
leat_ledger_table *leat_ledger_table_new(leat_ledger *l, leat_str name, leat_str where,
                                         leat_str ask);
leat_piece *leat_piece_after(leat_ledger_table *t, leat_piece *prev, leat_str from, leat_str to);
/* Where an ad hoc table ends; absent: it is not known. */
void leat_ledger_end(leat_ledger_table *t, leat_str end);
/* p and what follows it become one: p. */
leat_piece *leat_piece_join(leat_piece *p);

#endif
