/* What flows: an event, its two shapes, and the batch that owns it.
 *
 * A CHANGE is a row that changed: operation, before and after as rows of cells by a table version.
 * A RECORD is a key and a value with schemas of their own or none (heartbeats, transaction
 * metadata, documents). A CHANGE is viewed as records only when a transform or converter asks
 * (envelope.h).
 *
 * A batch is the unit of hand-over, ownership and acknowledgement. Its arena holds every byte that
 * its events point at; it is reset, not freed. One thread at a time. */
#ifndef LEAT_EVENT_EVENT_H
#define LEAT_EVENT_EVENT_H

#include "base/err.h"
#include "event/table.h"
#include "event/tally.h"

/* Debezium's letters. */
typedef enum leat_op {
    LEAT_OP_READ = 'r',
    LEAT_OP_CREATE = 'c',
    LEAT_OP_UPDATE = 'u',
    LEAT_OP_DELETE = 'd',
    LEAT_OP_TRUNCATE = 't',
    LEAT_OP_MESSAGE = 'm',
    LEAT_OP_RECORD = 0, /* no change: the event has the RECORD shape */
} leat_op;

/* Values of source.snapshot, in Debezium's words; see leat_snapshot_name. */
typedef enum leat_snapshot {
    LEAT_SNAPSHOT_FALSE,
    LEAT_SNAPSHOT_TRUE,
    LEAT_SNAPSHOT_FIRST,
    LEAT_SNAPSHOT_FIRST_IN_TABLE,
    LEAT_SNAPSHOT_LAST_IN_TABLE,
    LEAT_SNAPSHOT_LAST,
    LEAT_SNAPSHOT_INCREMENTAL,
} leat_snapshot;
const char *leat_snapshot_name(leat_snapshot snapshot);

typedef struct leat_header {
    const char *name;
    const leat_schema *schema; /* NULL: schemaless */
    leat_value value;
} leat_header;

/* The RECORD shape. A schema of NULL: schemaless; a value of kind NULL with key/value: null. */
typedef struct leat_record {
    const char *topic;
    const leat_schema *key_schema, *value_schema;
    leat_value key, value;
    const leat_header *headers;
    uint32_t nheaders;
} leat_record;

enum {
    LEAT_EV_KEY_CHANGED = 1,  /* an update whose key differs: before holds the old key */
    LEAT_EV_OLD_KEY_ONLY = 2, /* before holds the key columns alone (REPLICA IDENTITY DEFAULT,
                                 INDEX); the others are ABSENT */
    LEAT_EV_OF_CHANGE = 4,    /* a RECORD that a transform made of a change. Not known of streams
                                 that were written before there was this flag */
};

typedef struct leat_event {
    const leat_table *table; /* CHANGE; pinned by the batch; NULL for a RECORD */
    union {
        struct {
            const leat_value *before, *after; /* row->nfields cells each, or NULL */
            const leat_value *src;            /* origin->ncells cells */
        };
        const leat_record *record;
    };
    int64_t ts_us;         /* when the source committed it (source.ts_*) */
    int64_t seen_us;       /* when it was read (ts_* of the envelope) */
    uint64_t tx;           /* source transaction, 0: none */
    uint32_t tx_seq;       /* 1, 2, 3... in it: with tx what a repeat is known by (total_order); a
                              change of key takes two numbers, this is the first; 0: no transaction */
    uint32_t tx_table_seq; /* the same among its table's changes (data_collection_order) */
    uint32_t partition;    /* of the topic; 0 in the embedded stream */
    int64_t offset;        /* of its first record in its topic; set by a stream's reader */
    uint8_t op;            /* leat_op */
    uint8_t snapshot;      /* leat_snapshot */
    uint8_t flags;         /* LEAT_EV_* */
    uint8_t reserved;
} leat_event;

/* How many records the event is to a consumer, and so how many offsets of its topic it takes: a
 * delete with its tombstone 2, a changed key up to 3, else 1. */
unsigned leat_event_records(const leat_event *ev);
/* The topic of either shape. */
const char *leat_event_topic(const leat_event *ev);
/* By what it is found again, as a dead letter's position, in a: its transaction and number, or its
 * time and content (bytes: of its record). */
leat_str leat_event_place(const leat_event *ev, leat_str bytes, leat_arena *a);

/* A position is a map partition -> offset in Kafka Connect's model; both are JSON objects as text,
 * in Debezium's field names where Debezium has them: {"server":"shop"} -> {"lsn":23478,...}. An
 * absent offset means: none yet. */
typedef struct leat_position {
    leat_str partition, offset;
} leat_position;
/* That of this partition, if it has an offset; else NULL. */
const leat_position *leat_position_find(const leat_position *pos, size_t n, leat_str partition);

/* A change that cannot be handled, for the dead letters. All in the batch's arena. */
typedef struct leat_dead {
    leat_err why;      /* rc DATA */
    leat_str bytes;    /* as the source sent it; of a sink: the event (engine/letters.h) */
    leat_str position; /* text that finds it again: {"lsn":...,"seq":...} */
    const char *table; /* "schema.table" or NULL */
    const char *topic; /* where it would have gone, or NULL */
    int64_t ts_us;
    leat_str key, old_key; /* of a sink: whose later changes wait for it, and the key that the row
                              had before; absent: none */
    bool superseded;       /* the table was emptied behind it */
    struct leat_dead *next;
} leat_dead;

/* What is kept of the bytes of an event that was too large. */
enum { LEAT_DEAD_BYTES = 64 << 10 };
/* DATA "event.too_large", with the size, when bytes is more than most (0: none). A source asks
 * before it copies the change, and gives the error to leat_batch_dead, which cuts the bytes. */
leat_rc leat_event_size_check(size_t bytes, size_t most, const char *table, leat_err *e);

/* Where dead letters go. */
typedef struct leat_dead_store {
    /* The chain of letters is durable on return; a letter with a position already stored replaces
     * it, so that a repeat after a crash doubles nothing. */
    leat_rc (*put)(struct leat_dead_store *d, const leat_dead *letters, leat_err *e);
} leat_dead_store;

typedef struct leat_batch {
    leat_arena arena;
    leat_event *ev;
    uint32_t n, cap;
    uint32_t max_events; /* the source stops adding at these; may pass them to end a step */
    size_t max_bytes;    /* of arena.held */
    uint32_t nsafe;      /* events [0, nsafe) end at a source transaction end ... */
    leat_position safe;  /* ... and restarting here loses none; offset absent: no new safe place */
    leat_counts safe_counts; /* what was counted up to that place */
    leat_counts counts;      /* of all read into this batch (appended is filled by the engine) */
    leat_tallies tables;     /* both, table by table (appended is filled by the engine) */
    uint64_t row_bytes;      /* of the snapshot rows among them, as they came from the source */
    leat_dead *dead, **dead_tail;
    leat_table **pins; /* each table used, once; released at reset */
    uint32_t npins, pins_cap;
    bool tx_open; /* events behind nsafe belong to a transaction that has not ended */
} leat_batch;

/* A limit of 0: none. */
void leat_batch_init(leat_batch *b, uint32_t max_events, size_t max_bytes);
void leat_batch_free(leat_batch *b);
/* Empty again: arena reset, pins released, counts zero; limits stay. */
void leat_batch_reset(leat_batch *b);
/* Each becomes what the other was, limits included. */
void leat_batch_swap(leat_batch *x, leat_batch *y);
/* Bytes that it holds. */
static inline size_t leat_batch_held(const leat_batch *b)
{
    return b->arena.held + b->cap * sizeof *b->ev;
}
/* A cleared event at the end; valid until the next add. Pins table (may be NULL) once a batch. */
leat_event *leat_batch_add(leat_batch *b, const leat_table *table);
/* Pins a table that events will be given later (add does it for its own). */
void leat_batch_pin(leat_batch *b, const leat_table *table);
bool leat_batch_full(const leat_batch *b);
/* Everything so far is a safe place: positions texts are copied. */
void leat_batch_safe(leat_batch *b, leat_position pos);
/* The same in two steps, for a source with a safe place every few events: where the last one is
 * now, and, before the batch is handed over, which position that was. */
void leat_batch_safe_mark(leat_batch *b);
void leat_batch_safe_position(leat_batch *b, leat_position pos);
/* The tally of a table: what is counted in b->counts is counted there too, by LEAT_COUNT. */
leat_tally *leat_batch_tally(leat_batch *b, const leat_table *table);
#define LEAT_COUNT(b, tally, what, n) ((b)->counts.what += (n), (tally)->counts.what += (n))
/* Counts the change as dead, of that table, and keeps the letter (bytes are copied); takes no
 * event. */
void leat_batch_dead(leat_batch *b, leat_tally *of, const leat_dead *letter);
/* The same for a row of a snapshot. */
void leat_batch_dead_row(leat_batch *b, leat_tally *of, const leat_dead *letter);

#endif
