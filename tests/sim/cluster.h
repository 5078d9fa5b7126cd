/* The model cluster: topics with partitions and their logs, which outlive every process; the model
 * producer (stream/kafka/broker.h) that a life of the process sends with; and the store of what was
 * delivered.
 *
 * What must stand in each partition follows from the database's history, through the converters
 * that the product uses. Oracles, at each record that reaches a log: log (it is one of the history,
 * and nothing of its partition is skipped before it: repeats are possible, gaps never), and at the
 * end: lost (each record is there; each row of the snapshot that was finished), refused (each
 * change that the cluster never takes is a dead letter, and nothing else). And at the producer:
 * other (after brokers were away nothing is given to them before they have said who they are). What
 * another cluster has taken at its address is in no log. */
#ifndef LEAT_TESTS_SIM_CLUSTER_H
#define LEAT_TESTS_SIM_CLUSTER_H

#include "convert/json.h"
#include "db.h"
#include "stream/kafka/kafka.h"
#include "stream/segment.h"

struct sim;

enum { CLUSTER_PARTS = 3 };

/* A record that must come. */
typedef struct cluster_want {
    uint64_t hash;
    uint32_t tx; /* of the history */
} cluster_want;

typedef struct cluster_part {
    cluster_want *want;
    uint32_t nwant, want_cap;
    int64_t at, best; /* of want: the last that came; the furthest that did. -1: none */
    bool begun;
    uint64_t records;
} cluster_part;

/* A record, or a position, of the transaction that is open. */
typedef struct cluster_pending {
    uint64_t hash;
    uint8_t topic, part;
    bool row;
    char *partition, *offset; /* a position; offset NULL: none */
} cluster_pending;

enum { CLUSTER_OFFSETS = 4 };

typedef struct cluster {
    cluster_part parts[DB_TOPICS][CLUSTER_PARTS];
    unsigned nparts;     /* of each topic */
    size_t max_bytes;    /* of a record; 0: any */
    bool early;          /* the client knows max_bytes ... */
    bool ends;           /* ... or not, and a record that is larger ends the producer */
    leat_json_conf conf; /* of the converters */
    int64_t up_us;       /* it is away until then */
    int64_t gone_us;     /* one topic is not there until then ... */
    unsigned gone;       /* ... this one */
    uint32_t outage;     /* a poll in so many begins one; 0: never */
    uint32_t outages;    /* so many began */
    uint32_t strange;    /* behind one of so many another cluster answers; 0: never ... */
    bool other;          /* ... which it does, to the end of the process's life ... */
    bool told;           /* ... that was told before which cluster it had */
    uint32_t deaths;     /* a poll in so many kills the producer */
    uint32_t *refused;   /* by transaction: changes that are never taken */
    uint64_t rows[4096]; /* hashes of rows that came, as a set of bits */
    uint64_t sent;       /* records in all logs */
    uint64_t repeats;

    /* ---- exactly once ---- */
    bool once;
    uint32_t epoch; /* of the producer that fenced last */
    bool open;      /* its transaction */
    int64_t open_us;
    cluster_pending *pending; /* what is in it */
    uint32_t npending, pending_cap;
    char *partitions[CLUSTER_OFFSETS], *offsets[CLUSTER_OFFSETS]; /* the offset topic ... */
    char *before[CLUSTER_OFFSETS]; /* ... and as it was before the last commit */
    uint64_t commits, aborts;
} cluster;

/* The history is made; the world's dice say the rest. */
void cluster_init(cluster *c, struct sim *s);
void cluster_free(cluster *c);
bool cluster_up(const cluster *c);
/* Another one has its address, and knows nothing of its transactions. */
bool cluster_lost(const cluster *c);
/* What may happen to it, between two calls. last: all will be well. */
void cluster_live(cluster *c, bool last);
/* A record's topic by name; DB_TOPICS: none. */
unsigned cluster_topic(const char *name);
unsigned cluster_partition(const cluster *c, leat_str key);
uint64_t cluster_hash(leat_str key, leat_str value, const leat_broker_header *h, uint32_t n);
/* It is durable. */
void cluster_append(cluster *c, unsigned topic, unsigned part, uint64_t hash, bool row);
/* transactions.c: of the one that is open. Oracles, at its commit: twice (a change is there once),
 * offset (what the position says is delivered is). */
void cluster_pend(cluster *c, unsigned topic, unsigned part, uint64_t hash, bool row);
void cluster_pend_offset(cluster *c, leat_position pos);
void cluster_commit(cluster *c);
void cluster_abort(cluster *c);
/* What the offset topic has; stale: had before the last commit. */
void cluster_offsets(const cluster *c, bool stale, leat_arena *a, leat_position **pos, size_t *n);
/* Changes of transactions [from, to) that are never taken. */
uint32_t cluster_refused(const cluster *c, uint32_t from, uint32_t to);
/* At the end of the history. */
void cluster_check_end(cluster *c);

/* spooled.c: whether the file belongs to a spool. */
bool spooled_is_on(const char *path);

/* broker.c: a producer of the process's life; and its end with the process. */
leat_broker *broker_new(leat_broker_events *events);
void broker_kill(void);

/* delivered.c: what was saved survives every death. */
typedef struct shelf_row {
    leat_arena arenas[2]; /* of d, and of the one before */
    leat_delivered d;
    uint64_t *txs;
    uint32_t ntxs, txs_cap;
} shelf_row;
typedef struct shelf {
    leat_delivered_store store;
    shelf_row row, prepared;
    char read[LEAT_PLACE_TEXT]; /* planted: the cursor behind what was read of the spool last */
    size_t read_len;
} shelf;
void shelf_init(shelf *h);
void shelf_free(shelf *h);

#endif
