/* The heart of `leat shadow`: what leat made and what Debezium made, record by record.
 *
 * A record waits until the other side's comes. leat's come in the order of the log, Debezium's in
 * an order of their own in each partition; the two are compared when they meet, and their order in
 * the partition is checked. What does not come, though the other side has passed its place, is a
 * difference. Memory is bounded: a side that is full is not to be given more (leat_shadow_full).
 * No I/O; one thread. */
#ifndef LEAT_PROVE_SHADOW_PAIRS_H
#define LEAT_PROVE_SHADOW_PAIRS_H

#include "prove/shadow/deliberate.h"
#include "prove/shadow/record.h"

typedef enum leat_shadow_side { LEAT_SHADOW_LEAT, LEAT_SHADOW_DEBEZIUM } leat_shadow_side;

typedef enum leat_shadow_kind {
    LEAT_SHADOW_CONTENT,    /* they differ at a path */
    LEAT_SHADOW_ORDER,      /* Debezium's partition has them in another order than leat */
    LEAT_SHADOW_MISSING,    /* leat has it, Debezium has passed it */
    LEAT_SHADOW_EXTRA,      /* Debezium has it, leat has passed it */
    LEAT_SHADOW_UNREADABLE, /* it is no JSON of Debezium's */
    LEAT_SHADOW_KINDS,
} leat_shadow_kind;
extern const char *const leat_shadow_kind_names[LEAT_SHADOW_KINDS];

/* A difference; texts are borrowed for the call. */
typedef struct leat_shadow_difference {
    leat_shadow_kind kind;
    const char *topic;
    int32_t partition;                  /* of Debezium's record; -1: there is none */
    int64_t offset, leat_offset;        /* -1: there is none */
    leat_str key;                       /* absent: null */
    const char *path;                   /* CONTENT */
    const leat_shadow_purpose *purpose; /* it is as it should be; NULL: it is unexplained */
    leat_str leat, debezium; /* JSON texts of the place, or of the value; absent: not there */
} leat_shadow_difference;

enum { LEAT_SHADOW_RULES_MAX = 32 };

typedef struct leat_shadow_counts {
    uint64_t compared, equal;                /* pairs */
    uint64_t explained;                      /* pairs that differ on purpose, and not otherwise */
    uint64_t differences[LEAT_SHADOW_KINDS]; /* unexplained */
    uint64_t deliberate[LEAT_SHADOW_DELIBERATES]; /* places that differ on purpose */
    uint64_t skipped[LEAT_SHADOW_SKIPS];          /* records of Debezium not compared, by reason */
    uint64_t ruled[LEAT_SHADOW_RULES_MAX];        /* places passed over, by rule */
    uint64_t read[2], waiting[2], bytes[2];       /* by side; waiting for the other one */
    int64_t last_us[2];                           /* commit time of the last record read; 0: none */
} leat_shadow_counts;

typedef struct leat_shadow_pairs leat_shadow_pairs;

/* found hears of each unexplained difference, and of the first one of each purpose. scope is
 * borrowed; memory: bytes that may wait on each side. wait_us: how long a record of leat's
 * is waited for once Debezium has passed it elsewhere. */
leat_shadow_pairs *leat_shadow_pairs_new(const leat_shadow_scope *scope, size_t memory,
                                         int64_t wait_us,
                                         void (*found)(void *arg, const leat_shadow_difference *d),
                                         void *arg);
void leat_shadow_pairs_free(leat_shadow_pairs *p);

/* leat's records of the table's topic are its: what the columns are explains differences. */
void leat_shadow_describe(leat_shadow_pairs *p, const leat_table *table);
/* leat has a change in its dead letters: position is the letter's. topic: may be NULL. */
void leat_shadow_letter(leat_shadow_pairs *p, const char *topic, leat_str position);
/* The next record of a side; texts are copied if it has to wait. */
void leat_shadow_add(leat_shadow_pairs *p, leat_shadow_side side, const char *topic,
                     int32_t partition, int64_t offset, const leat_shadow_text *text);
/* This side's records wait for the other's and fill its memory. */
bool leat_shadow_full(const leat_shadow_pairs *p, leat_shadow_side s);
/* About once a second: tells what has not come. idle: all that Debezium has written was read. */
void leat_shadow_judge(leat_shadow_pairs *p, int64_t now_us, bool idle);
/* Nothing more comes: the same for all that waits. What Debezium has not reached yet stays waiting
 * and is counted. */
void leat_shadow_end(leat_shadow_pairs *p);
const leat_shadow_counts *leat_shadow_counted(const leat_shadow_pairs *p);

#endif
