/* The contract of a source connector: how the engine reads any system.
 *
 * A connector exports one symbol, `const leat_source leat_source_NAME`. All calls but check,
 * discover and forget are made by the one thread that runs the task: no locks in a connector. No
 * call blocks much longer than its wait_ms. Errors say what the engine does (base/err.h): RETRY =
 * close, back off, open again from the last durable position; CONF and FATAL = stop, tell a person;
 * a single change that cannot be handled goes to leat_batch_dead and is no error.
 *
 * Calls in order: open; if the engine has no finished snapshot: plan, then read_chunk..., each
 * until OK; then read and ack as long as it runs, beat while the engine takes nothing; close. A
 * plan that says `beside` is followed by read at once, and readers read the tables meanwhile
 * (leat_source_chunks). */
#ifndef LEAT_SOURCE_SOURCE_H
#define LEAT_SOURCE_SOURCE_H

#include "capture/chunk.h"
#include "capture/compare.h"
#include "capture/conf.h"
#include "config/opt.h"
#include "event/event.h"
#include "event/schemas.h"

enum { LEAT_SOURCE_ABI = 1 };

typedef enum leat_step_state {
    LEAT_STEP_OK,
    LEAT_STEP_FAILED,
    LEAT_STEP_WARN,
    LEAT_STEP_SKIPPED
} leat_step_state;

/* One step of a check, told as it happens. All texts are borrowed for the call. */
typedef struct leat_step {
    const char *name; /* "resolve", "connect", "log in", "wal_level" ... */
    leat_step_state state;
    const char *code;   /* of what failed: "postgres.wal_level"; NULL when ok */
    const char *detail; /* what was found */
    const char *advice; /* what to do, for a person; NULL: nothing */
    const char *sql;    /* statements that mend it; NULL: none */
    const char *undo;   /* statements that take those back; NULL: none */
} leat_step;

typedef struct leat_checker {
    void (*step)(struct leat_checker *c, const leat_step *s);
    void *arg;
    unsigned failed, warned; /* counted by leat_check_step */
} leat_checker;
void leat_check_step(leat_checker *c, const leat_step *s);

/* What could be captured. */
#define LEAT_KIND_PARTITION "partition"
#define LEAT_KIND_UNLOGGED "unlogged table" /* not in the log: never captured */
typedef struct leat_catalog_table {
    const char *db, *schema, *name, *kind; /* "table", "partitioned table", "view" ... */
    int64_t rows;                          /* estimate, -1: unknown */
    bool captured;                         /* by the filters of this configuration */
    const char *topic;                     /* of its changes; NULL: not captured */
    struct leat_catalog_table *next;
} leat_catalog_table;
typedef struct leat_catalog {
    leat_arena *a;
    leat_catalog_table *first, **tail;
} leat_catalog;

/* A task: one running instance; made by the engine, priv is the connector's. */
typedef struct leat_task {
    const struct leat_source *source;
    const void *conf;       /* parsed by source->options; read-only, outlives the task */
    const char *connector;  /* the connector's name */
    const char *folder;     /* its folder, for files of the source's own; NULL: none are kept */
    unsigned id, of;        /* 0, 1, 2 ... of so many */
    const char *run_id;     /* UUID (version 7) of this run of the connector */
    size_t max_event_bytes; /* a change of more goes to the dead letters, as leat_event_size_check
                               says; 0: none */
    bool stopping;          /* close ends a run on purpose: it is not followed by another open */
    bool failed;            /* close ends a run for good: a person must act ... */
    bool fresh;             /* ... at open and close: nothing of it is in the stream or ever was, so
                               that what this open made on the server may go again */
    /* The run is to end, or the engine needs the source closed: what waits for long gives up with
     * RETRY; or NULL. */
    bool (*leaves)(const struct leat_task *t);
    /* Tells why a call takes long, for status, and with NULL that it no longer does; or NULL. */
    void (*waits)(struct leat_task *t, const leat_err *why);
    leat_schema_store *schemas; /* what tables looked like; of the task's thread; NULL: none */
    void *host;                 /* the engine's */
    void *priv;
} leat_task;

/* What a snapshot will read, in order. Filled by plan, in the arena given there. */
typedef struct leat_chunk {
    const char *table;              /* "schema.table", for progress and messages */
    int64_t rows;                   /* estimate, -1: unknown */
    void *priv;                     /* the connector's */
    uint64_t rows_read, bytes_read; /* the engine's: so far */
    struct leat_chunk *next;
} leat_chunk;
typedef struct leat_plan {
    leat_arena *a;
    leat_chunk *first, **tail;
    unsigned n;
    leat_position start; /* where streaming begins, once the rows are durable or beside them */
    bool skip_stream;    /* snapshot.mode=initial_only */
    /* Beside the stream, where the source has `chunks`. Given: */
    bool begun; /* a snapshot of the engine's was begun and is not done: there is a position, and
                   all tables that are to be read are named all the same, those that are done too */
    /* Filled instead of chunks: */
    bool beside; /* the tables below are read beside the stream, which begins at once */
    leat_snap_table *tables, **tables_tail; /* in the order of reading, those of equal priority */
    unsigned readers;                       /* snapshot.max.threads; 0: 1 */
} leat_plan;

/* Reads chunks on a connection of its own, in a thread of its own. Made by the engine; priv is the
 * source's. All calls of leat_source_chunks that have one are made by one thread at a time, which
 * is not the task's, while the task is open: of the task they use only what never changes after
 * open. */
typedef struct leat_chunk_reader {
    leat_task *task;
    unsigned id;     /* 0, 1, 2 ... among the task's readers */
    uint64_t memory; /* bytes of rows that its driver may hold, about */
    /* The reader is to end: what waits for long gives up with RETRY. */
    bool (*leaves)(const struct leat_chunk_reader *r);
    void *host; /* the engine's */
    void *priv;
} leat_chunk_reader;

/* How a source reads tables beside its stream (docs/decisions/090-snapshots-beside-the-stream.md).
 * Events that it gives have leat_event.tx of the transaction that made the change (not 0), and the
 * table's id_cols. A reader's call of an error ends the attempt as an error of read does. */
typedef struct leat_source_chunks {
    /* cut finds one bound behind the other, each costs what the part before it does: a few of them
     * are asked for, all parts but the last are as large as they should be, and the last one is cut
     * again when its turn comes. */
    bool walks;
    /* Connects. On failure what it opened is closed again. */
    leat_rc (*open)(leat_chunk_reader *r, leat_err *e);
    /* Bounds that cut the range into chunks of about so many bytes of rows: at most `most` of them,
     * strictly inside, sorted and sampled by the server; texts in a. Fewer than most: they are all
     * it takes. most of them: the pieces may be larger, and are cut again when their turn comes, so
     * that no call costs much, however large the table. 0: it is a chunk. Quick (a second), under
     * no view. LEAT_PENDING: the table is gone. DATA: the range's bounds mean nothing any more (the
     * identity is another one, or sorted in another way): the table is read anew. */
    leat_rc (*cut)(leat_chunk_reader *r, const leat_range *range, uint64_t bytes, unsigned most,
                   leat_arena *a, leat_str *bounds, unsigned *n, leat_err *e);
    /* Takes a view and begins to read the range under it: the table is locked against TRUNCATE and
     * ALTER TABLE before the view is taken, not after, since those show in older views too.
     * Of a table that is not keyed the rows are appended as they come: begin returns once the
     * server has the log up to the view's end on disk, so that no row is of a transaction that a
     * crash of the server takes back. LEAT_PENDING: the table is gone. */
    leat_rc (*begin)(leat_chunk_reader *r, const leat_range *range, leat_arena *a, leat_view *view,
                     leat_err *e);
    /* Appends rows (op r, tx 0) until b is full: AGAIN = more to come, OK = the range is done and
     * the view let go. Counts rows_read, rows_filtered and rows_dead. */
    leat_rc (*read)(leat_chunk_reader *r, leat_batch *b, leat_err *e);
    /* What was begun is not wanted any more: the next call is begin, cut or close. */
    leat_rc (*drop)(leat_chunk_reader *r, leat_err *e);
    void (*close)(leat_chunk_reader *r);

    /* The following are pure. The view surely contains the transaction (leat_event.tx): in doubt
     * false. There must be no doubt in a view of a table that is not keyed: its changes are told
     * from its rows by this alone. A source whose views are not exact (PostgreSQL's standbys) plans
     * no such table beside the stream. */
    bool (*contains)(const leat_view *view, uint64_t tx);
    /* By its place: whether the view contains all that ended up to pos, a position of this task's
     * stream, whatever `contains` says of it. A view that lacks some of it is taken again. A source
     * that never takes a view of less than the stream may know by numbers alone says UNKNOWN.
     * Optional. */
    leat_cover (*covers)(const leat_view *view, leat_position pos);
    /* pos, a position of this task's stream, is at or behind the view's end: what comes later is in
     * no row. */
    bool (*passed)(const leat_view *view, leat_position pos);
    /* A view from its text, in a. */
    leat_rc (*view)(leat_str text, leat_arena *a, leat_view *out, leat_err *e);

    /* On the task's thread, again and again while the engine waits for the stream to pass this view
     * and read has nothing: makes that read gives a safe place behind it soon. Never blocks.
     * Optional. */
    leat_rc (*hurry)(leat_task *t, const leat_view *view, leat_err *e);

    /* Ad hoc snapshots, those of signals: the source says which table is to be read now, and keeps
     * that in its position; how far it was read stands in the ledger. Its rows go out as
     * incremental ones, one table after the other. All of it on the task's thread, between
     * transactions, and optional; a source that has `asked` has all. */

    /* The table to be read now, with `ask`; NULL: none. It lives until `asked` is called with
     * another one as held: that which the engine reads or has read, NULL: none. *rests: nothing is
     * read of it for now. Quick, no I/O; called again and again. */
    const leat_snap_table *(*asked)(leat_task *t, const leat_snap_table *held, bool *rests);
    /* b has rows of a chunk, less those that are superseded, and is appended next: finishes them
     * (the source block, times), may add records, and calls leat_batch_safe with its position. */
    leat_rc (*told)(leat_task *t, leat_batch *b, const leat_chunk_told *told, leat_err *e);
    /* The table is done with, or cannot be read (why: an error; its rc OK: it is done): the next
     * one is asked for from now on. b is empty; as told. */
    leat_rc (*over)(leat_task *t, leat_batch *b, const leat_chunk_told *told, const leat_err *why,
                    leat_err *e);

    /* On the task's thread: tells of the snapshot in Debezium's words, by RECORDs that are added to
     * b. table, rows: of the news of one. Optional. */
    void (*tell)(leat_task *t, leat_batch *b, leat_snap_news news, const leat_snap_table *table,
                 uint64_t rows);
} leat_source_chunks;

/* Counters of its own that a source shows in status; see leat_source.gauges. */
typedef struct leat_gauges {
    int64_t
        lag_bytes; /* how much log the server holds beyond our acknowledged position, -1: unknown */
    int64_t retained_bytes; /* log kept by the server on our behalf (slot), -1: unknown */
    int64_t
        retained_limit; /* of those, above which it gives up on us; 0: none is set, -1: unknown */
    /* The server may remove log that we need from this moment on, for its age, as it keeps log for
     * so long; 0: it never does for that, -1: unknown. It has removed some. */
    int64_t log_until_us, log_expires_us;
    bool log_removed;
    size_t held_bytes; /* what the source and its driver hold in memory, about */
    char position[64]; /* last received, for a person: "0/16B3748" */
    char acked[64];    /* last acknowledged to the server */
} leat_gauges;

/* The schema history of a source (event/schemas.h), for commands, and for exchange with Debezium.
 */
typedef struct leat_source_history {
    /* Whether def is a description of the table that the source could use. CONF says what it lacks.
     * Pure. */
    leat_rc (*check)(leat_str db, leat_str table, leat_str def, leat_err *e);
    /* What the server's catalogue says now of each table that is captured, sorted by name, until fn
     * returns false. Texts are borrowed for the call. Connects. */
    leat_rc (*now)(const void *conf,
                   bool (*fn)(void *arg, leat_str db, leat_str table, leat_str def), void *arg,
                   leat_err *e);
    /* Appends the entry as Debezium keeps it in its history: a line of JSON, without its end. Pure.
     */
    void (*write)(const void *conf, const leat_schema_entry *entry, leat_buf *out);
    /* The entries of such a line, n of them, in a; none where it is of another connector, or of no
     * table. CONF "schema.record" for what is no such line. Pure. */
    leat_rc (*read)(const void *conf, leat_str line, leat_arena *a, leat_schema_entry **entries,
                    size_t *n, leat_err *e);
    /* Whether one that was read up to `was` (an absent offset: nobody knows how far) and is set to
     * `to` passes over a part of the log, of which nothing is noted; *doubt: it may, and what was
     * noted up to `was` has no place in the log of `to`. Pure. */
    bool (*skips)(leat_position was, leat_position to, bool *doubt);
} leat_source_history;

/* What forget has to know of those beside it: what they use too stays. */
typedef struct leat_source_beside {
    const void *const *confs; /* of the folder's other connectors of this source, running or not */
    const char *const *names; /* theirs */
    size_t n;
    bool placed; /* the connector has had a position; else nothing on the server is known as its own
                  */
} leat_source_beside;

typedef struct leat_source {
    uint32_t abi, size; /* LEAT_SOURCE_ABI, sizeof(leat_source): new members at the end only */
    const char *name;   /* "postgres": connector.class, --help, docs */
    const char *title, *help;
    const char *const *classes; /* other values of connector.class it answers to; NULL-ended */
    const char *version;        /* source.version shown where the user sees a version */
    leat_opt_tables options;    /* offsets into its conf struct */
    size_t conf_size;

    /* Further checks of a parsed configuration that no row can say (options that exclude each
     * other). No I/O. Optional. */
    void (*validate)(const void *conf, leat_report *r);
    /* How many tasks this configuration splits into, at most max; each then is opened with its id
     * and reads its own part, as events of partitions that no other task has. Optional: 1. */
    unsigned (*tasks)(const void *conf, unsigned max);
    /* Tries the configuration on the real server, step by step; changes nothing there. LEAT_OK when
     * it went through, whatever the steps say. */
    leat_rc (*check)(const void *conf, leat_checker *c, leat_err *e);
    leat_rc (*discover)(const void *conf, leat_catalog *out, leat_err *e);

    /* Connects, creates what is missing on the server (slot, publication) and compares the server
     * with pos, n positions that were durable (none: the first start ever). A gap is CONF or FATAL,
     * never skipped. On failure everything it opened is closed again. */
    leat_rc (*open)(leat_task *t, const leat_position *pos, size_t n, leat_err *e);
    /* Names what the snapshot will read under one view, opened now; an empty plan: no snapshot is
     * wanted. Optional with read_chunk. */
    leat_rc (*plan)(leat_task *t, leat_plan *plan, leat_err *e);
    /* Appends rows (op r) of chunk until b is full: AGAIN = more to come, OK = the chunk is done.
     */
    leat_rc (*read_chunk)(leat_task *t, leat_chunk *chunk, leat_batch *b, leat_err *e);
    /* Appends events until b is full, or nothing more is at hand and something was read, or wait_ms
     * has passed. All safe places of a batch are of one partition. Counts what it receives in
     * b->counts, calls leat_batch_safe at each transaction end (and, with nothing in flight, when
     * the server's position moved). AGAIN: nothing. END of a finite source: LEAT_PENDING, and again
     * at each later call. */
    leat_rc (*read)(leat_task *t, leat_batch *b, int wait_ms, leat_err *e);
    /* pos, of a partition that this task's batches carried since open, is durable in the stream:
     * the server may forget what is before it. */
    leat_rc (*ack)(leat_task *t, leat_position pos, leat_err *e);
    /* Every second while the engine takes nothing (slow disk, pause): stay connected. Optional. */
    leat_rc (*beat)(leat_task *t, leat_err *e);
    /* The source's end now, for `run --once`: text comparable by passed. Optional: both or none. */
    leat_rc (*end)(leat_task *t, leat_arena *a, leat_str *end, leat_err *e);
    /* pos: all durable positions, n of them, as at open. No I/O. */
    bool (*passed)(leat_task *t, leat_str end, const leat_position *pos, size_t n);
    /* Cheap: values it knows without asking the server; called about once a second. Optional. */
    void (*gauges)(leat_task *t, leat_gauges *g);
    void (*close)(leat_task *t);
    /* The connector is deleted and the user asked for it: removes what open made on the server, and
     * logs what stays because it is another's. Optional: it leaves nothing there. */
    leat_rc (*forget)(const void *conf, const leat_source_beside *beside, leat_err *e);

    /* A person wants it to go on at `to` (an absent offset: its partition is forgotten) instead of
     * at `now` (an absent offset: there is none). *out: what is to be stored, as open reads it;
     * *note: a sentence on what follows from it, for who decides (NULL: nothing). All in a. CONF
     * says what was expected, with where "partition" when it is not one of this connector; PENDING,
     * with the error too, when it stands inside a snapshot, from where nobody can go on. No I/O.
     * Optional: any object is taken as it is. */
    leat_rc (*offset_check)(const void *conf, leat_position now, leat_position to, leat_arena *a,
                            leat_position *out, const char **note, leat_err *e);
    /* Asks the server whether it can go on at `to`, as offset_check gave it: CONF if not; *note (in
     * a; NULL: nothing) as there. Another failure: it could not be asked. Optional. */
    leat_rc (*offset_ask)(const void *conf, leat_position to, leat_arena *a, const char **note,
                          leat_err *e);
    /* Appends the offset as people read it: "0/16B3748, committed 2026-11-21T10:15:00.123Z".
     * Optional. */
    void (*offset_text)(leat_str offset, leat_buf *out);
    /* What forget would remove, and what it costs the server as long as it stays: a sentence in a.
     * Asks the server. Optional. */
    leat_rc (*leaves)(const void *conf, leat_arena *a, const char **text, leat_err *e);
    /* Snapshots beside the stream; NULL: it has none. */
    const leat_source_chunks *chunks;
    /* A snapshot was done before; true: another one is wanted. first: at the first open of this
     * run. Asked between open and plan. Optional. */
    bool (*again)(leat_task *t, bool first);
    /* What its conf says about capturing tables (channels of signals). Optional. */
    const leat_capture_conf *(*capture)(const void *conf);
    /* A signal (capture/signal.h) of another channel than the source's own, while the stream is
     * read: CONF if it cannot be understood. It is done at the next end of a transaction; what came
     * of it is durable with the first safe place that a read called after this gives. Optional. */
    leat_rc (*signal)(leat_task *t, leat_str json, leat_err *e);
    /* It notes what tables look like in task->schemas; NULL: it does not. */
    const leat_source_history *history;
    /* A session of its own that reads the tables for `leat verify`, with views that `chunks` knows.
     * Optional. */
    leat_rc (*compare)(const void *conf, const char *app, leat_compare_side **out, leat_err *e);
} leat_source;

/* Built in, NULL-ended; written by the build. And those that are not: name and reason. */
extern const leat_source *const leat_sources[];
typedef struct leat_not_built {
    const char *name, *kind, *reason; /* "postgres", "source", "libpq missing" */
} leat_not_built;
extern const leat_not_built leat_connectors_missing[]; /* ends with name NULL */

/* Waits so long (snapshot.delay.ms), and says so in status. RETRY once the run is to end. */
leat_rc leat_source_delay(leat_task *t, int64_t ms, leat_err *e);

/* By name or class; NULL if there is none. */
const leat_source *leat_source_find(leat_str klass);
/* Whether klass is one of these Java classes, or short for one as Kafka Connect has it: without the
 * package, and without "Connector" at its end. */
bool leat_class_is(const char *const *classes, leat_str klass);

#endif
