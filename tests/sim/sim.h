/* One run of the simulator: a world made from a seed, in which the real engine, the real stream and
 * the real reader live several lives of a process, one after the other.
 *
 * Everything that happens passes sim_step: there it is traced, and there the run's faults strike.
 * A process that died there goes on returning errors until it has unwound (so nothing leaks), but
 * nothing it does any more reaches disk, database or letters. No addresses, no real time, no
 * threads: a seed always gives the same trace. */
#ifndef LEAT_TESTS_SIM_SIM_H
#define LEAT_TESTS_SIM_SIM_H

#include "base/clock.h"
#include "cluster.h"
#include "cover.h"
#include "db.h"
#include "dice.h"
#include "disk.h"
#include "engine/engine.h"
#include "keep.h"
#include "plant.h"
#include "sink.h"
#include "stream/page.h"
#include "watch.h"

/* Which stream the runs are of. */
typedef enum sim_world { SIM_EMBEDDED, SIM_KAFKA, SIM_ONCE } sim_world;

/* What a step is. */
#define SIM_ACTS(X)                                                                                \
    X(OPEN, "open")                                                                                \
    X(CLOSE, "close")                                                                              \
    X(PREAD, "pread")                                                                              \
    X(PWRITE, "pwrite")                                                                            \
    X(DATASYNC, "datasync")                                                                        \
    X(TRUNCATE, "truncate")                                                                        \
    X(SIZE, "size")                                                                                \
    X(ALLOCATE, "allocate")                                                                        \
    X(UNLINK, "unlink")                                                                            \
    X(RENAME, "rename")                                                                            \
    X(LINK, "link")                                                                                \
    X(MKDIR, "mkdir")                                                                              \
    X(SYNC_DIR, "sync_dir")                                                                        \
    X(LIST, "list")                                                                                \
    X(ROOM, "room")                                                                                \
    X(CONNECT, "connect")                                                                          \
    X(PLAN, "plan")                                                                                \
    X(ROWS, "rows")                                                                                \
    X(READ, "read")                                                                                \
    X(ACK, "ack")                                                                                  \
    X(BEAT, "beat")                                                                                \
    X(LETTERS, "letters")                                                                          \
    X(APPEND, "append")                                                                            \
    X(COMMIT, "commit")                                                                            \
    X(COMMITTED, "committed")                                                                      \
    X(ROLLBACK, "rollback")                                                                        \
    X(EDIT, "edit")                                                                                \
    X(SLEEP, "sleep")                                                                              \
    X(LIFE, "life")                                                                                \
    X(FAULT, "fault")                                                                              \
    X(DEATH, "death")                                                                              \
    X(POWER, "power_cut")                                                                          \
    X(WATCH, "watch")                                                                              \
    X(SEEN, "seen")                                                                                \
    X(SINK_LIFE, "sink_life")                                                                      \
    X(SINK_OPEN, "sink_open")                                                                      \
    X(SINK_WRITE, "sink_write")                                                                    \
    X(SINK_FLUSH, "sink_flush")                                                                    \
    X(SINK_DEATH, "sink_death")                                                                    \
    X(MERGE, "merge")                                                                              \
    X(PRODUCE, "produce")                                                                          \
    X(POLL, "poll")                                                                                \
    X(REPORT, "report")                                                                            \
    X(LOGGED, "logged")                                                                            \
    X(RESET, "reset")                                                                              \
    X(SAVE, "save")                                                                                \
    X(PREPARE, "prepare")                                                                          \
    X(FENCE, "fence")                                                                              \
    X(OFFSETS, "offsets")                                                                          \
    X(BEGIN, "begin")                                                                              \
    X(POSITION, "position")                                                                        \
    X(COMMIT_TX, "commit_tx")                                                                      \
    X(ABORT_TX, "abort_tx")                                                                        \
    X(END, "end")
typedef enum sim_act {
/* clang-format off */
#define X(name, text) ACT_##name,
    SIM_ACTS(X)
#undef X
    ACT_COUNT
    /* clang-format on */
} sim_act;

/* What will happen in one life of the process. Countdowns; 0: not at all. */
typedef struct life {
    uint32_t crash_in; /* steps (of crash_act, if that is not ACT_COUNT) until the process dies */
    sim_act crash_act;
    bool crash_late;      /* counted from when the engine runs */
    bool power;           /* its death is a power cut */
    uint32_t stop_in;     /* steps until it is told to stop */
    uint32_t pause_in;    /* until it is paused ... */
    uint32_t paused_left; /* ... and sleeps until it goes on */
    uint32_t full_in;     /* until the disk is full ... */
    uint32_t full_for;    /* ... and steps until it no longer is */
    uint32_t eio_in;      /* writes until one fails */
    uint32_t any_eio_in;  /* calls until one fails, whatever it is */
    bool no_page;         /* there is no counters page */
    bool no_allocate;     /* the file system cannot reserve */
    uint32_t bad_sync_in; /* syncs until one fails */
    uint32_t short_in;    /* one write in so many is short */
    uint32_t flaky;       /* one call of the database in so many fails */
    uint32_t jump_in;     /* steps until the wall clock jumps */
    uint32_t watch_in;    /* the reader looks at one step in so many */
    bool once;            /* run --once */
    bool last;            /* nothing fails, and the end of the history is in sight */
    uint32_t batch_events;
    uint32_t batch_bytes;
    int64_t retry_limit;
    bool hurt; /* some fault has struck: the engine may give up */
} life;

enum { TRACE_STEPS = 96 };

typedef struct step {
    sim_act act;
    int64_t a, b;
} step;

/* The database's side of the connection, and what survives the connector there. */
typedef struct server {
    uint32_t head;   /* transactions committed so far */
    bool slot;       /* it exists ... */
    uint32_t from;   /* ... and begins with this transaction */
    int64_t forgot;  /* what is not behind this position was acknowledged, and is gone for good */
    bool rewinds;    /* a restart sends from there on, not from where it was asked to */
    bool no_start;   /* the snapshot's end carries no position */
    bool snapshot;   /* initial, else no_data */
    bool open;       /* connected */
    int64_t asked;   /* where the connection was asked to start */
    uint32_t tx, op; /* next to send */
    bool in_tx;
    int64_t told;          /* last position handed to the engine in this connection */
    uint64_t deduplicated; /* in this connection */
    unsigned schema;       /* which of the two is in use */
    unsigned planned;      /* snapshots begun */
    uint32_t row;          /* next to read of the chunk, DB_KEYS a table */
} server;

/* A view that a snapshot read. */
typedef struct sim_view {
    db_image image;
    uint32_t head;    /* transactions in it */
    uint8_t version;  /* of orders */
    uint32_t visible; /* rows of it that become events */
} sim_view;

/* The store of dead letters. It is a database of its own: a call is durable or did not happen. */
typedef struct letters {
    struct letter {
        char position[64];
        uint64_t hash;
        unsigned puts;
    } * at;
    unsigned n, cap;
    leat_dead_store store;
} letters;

/* A place the source called safe, and what had been counted as known by then, ever. */
typedef struct safe_place {
    int64_t lsn;
    uint64_t deduplicated;
} safe_place;

/* Edits of the position by a person. Each leaves its number in the offset's text, at the place that
 * the position had: so it is known which one is in force. */
typedef struct edits {
    unsigned tried;     /* number of the last one */
    unsigned confirmed; /* number of the last one that was told to be done; 0: none ... */
    int64_t lsn;        /* ... and its place */
    bool unseen;        /* the engine has not looked at the stream since the last one */
    bool lying;         /* planted: syncs of the edit under way are not done */
} edits;

/* What was durable, whatever happens. */
typedef struct ledger {
    int64_t lsn;                 /* -1: no position yet */
    uint64_t frame;              /* of the mark */
    uint64_t deduplicated;       /* when this connection began ... */
    uint64_t total_deduplicated; /* ... and now */
    safe_place *places;          /* of this connection, and those that are not durable */
    unsigned n, cap;
    uint32_t tx;     /* transactions before this one are durable: their letters were looked up */
    uint64_t events; /* visible */
    uint64_t rows;   /* of them, a snapshot's */
} ledger;

typedef struct sim {
    uint64_t seed;
    dicebox dice;
    sim_plant plant;
    bool verbose;
    /* the verdict */
    bool failed;
    char oracle[24];
    char why[600];
    /* the trace */
    uint64_t hash, steps;
    step trace[TRACE_STEPS];
    /* the clock */
    int64_t mono_us, wall_us; /* wall_us: what it is ahead */
    /* the world */
    disk *disk;
    db db;
    server server;
    letters letters;
    ledger ledger;
    edits edits;
    sim_view *views;
    unsigned nviews, views_cap;
    unsigned done_view; /* 1, 2...: the snapshot that was finished; 0: none was */
    watch watch;
    sink sink;
    /* the process */
    life life;
    unsigned lives;
    bool dead;
    leat_stream *stream;  /* NULL: not open */
    leat_engine *engine;  /* NULL: not running */
    leat_stream *bare;    /* the embedded one; NULL: not open */
    bool merges;          /* old segments are merged, between any two steps */
    leat_page *page;      /* the counters page, if page_there */
    leat_page *page_then; /* as it was when the process died ... */
    leat_page *page_old;  /* ... and at some time before */
    bool page_there, alive;
    int in_watch;
    int64_t segment_bytes, frame_bytes, reserve_bytes;
    leat_compression compression;
    bool kafka; /* the stream is Kafka: the cluster takes the place of the watch, and ... */
    bool once;  /* ... records and positions go in transactions */
    leat_stream *kafka_stream; /* NULL: not open */
    int64_t timeout_us, interval_us;
    leat_boundary boundary;
    cluster cluster;
    shelf shelf;
    size_t window_bytes;
    int64_t spool_bytes, away_us;
    keep keep;
    bool unlinked; /* a segment, and its folder not synced since */
} sim;

/* The run going on. */
extern sim *the_sim;

/* Runs a seed; true when no oracle complained. s is filled anew, and freed but for the verdict. */
bool sim_run(sim *s, uint64_t seed, sim_plant plant, sim_world world, bool verbose);
/* Frees what all runs share. */
void sim_end(void);

/* A step of the process. True: the process is dead, and what was to be done must not be. */
bool sim_step(sim_act act, int64_t a, int64_t b);
/* Only the trace. */
void sim_trace(sim_act act, int64_t a, int64_t b);
/* The process dies here. */
void sim_die(void);
/* An oracle complains; only the first complaint counts. The process dies. */
void sim_fail(const char *oracle, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *sim_act_name(sim_act act);

/* ---- parts of the world, one file each ---- */

extern const leat_os sim_os;         /* faults.c: the disk as the process sees it */
extern const leat_clock sim_clock;   /* world.c */
extern const leat_source sim_source; /* server.c */
/* life.c: some pieces of merging, as a thread of the process would do them now. */
void sim_merge(sim *s);
/* page.c: a process begins; the power is cut. */
void sim_page_begin(sim *s);
void sim_page_power_cut(sim *s);
/* letters.c */
void sim_letters_init(letters *l);
bool sim_letters_has(const letters *l, leat_str position);
/* server.c: the text of a position, a dead letter's place, the schema in use. */
leat_str sim_position(int64_t lsn, char out[64]);
int64_t sim_position_lsn(leat_str offset);
/* edits.c: perhaps an edit, while no source is open; the number of the edit that an offset tells,
 * 0: none; and the oracle (edit): what was confirmed is in force until the source has moved on. */
void sim_edit(leat_stream *s);
unsigned sim_edit_of(leat_str offset);
void sim_check_edit(leat_str offset);
leat_str sim_letter_position(int64_t lsn, char out[64]);
extern const leat_str sim_partition;
const db_schema *sim_schema(unsigned which);
typedef enum row_fate { ROW_KEPT, ROW_FILTERED, ROW_DEAD } row_fate;
row_fate sim_row_fate(db_row row);
/* Position of an operation: that of its transaction's begin and its number. */
int64_t sim_op_lsn(const db_tx *tx, uint32_t op);

/* ledger.c: what the stream says it reached, against what the model knows. Oracles: position (only
 * grows; is a place the source called safe), ledger (totals are the model's), letters (each is
 * stored before the position passes it, once). */
void sim_check_state(const leat_stream_state *st);
/* False: with exactly once a start may show what was before a commit that is in doubt. */
bool sim_known(const sim *s);
/* After a recovery: what was acknowledged, and what was committed, is visible (acked). */
void sim_check_promises(void);
/* At the end of the history: all of it is there (end), and the letters are those of the model. */
void sim_check_end(void);

#endif
