/* Shadow: a leat beside a Debezium that runs, on a slot of its own, whose records are compared with
 * those that Debezium writes to Kafka, one by one.
 *
 * The connector runs in a process of its own, as `leat run` has it, in a data folder of the run;
 * its embedded stream is read here, and so are Debezium's topics. Nothing is written to Kafka. On
 * the database only the slot is made, and dropped at the end. */
#ifndef LEAT_PROVE_SHADOW_SHADOW_H
#define LEAT_PROVE_SHADOW_SHADOW_H

#include "config/load.h"
#include "prove/shadow/pairs.h"

/* How far a side is behind the other. */
typedef struct leat_shadow_lag {
    uint64_t records; /* of the other side that wait for this one's */
    int64_t us;       /* between the commits that the two have read last */
} leat_shadow_lag;

typedef struct leat_shadow_status {
    const leat_shadow_counts *counts;
    leat_shadow_lag lag[2]; /* by leat_shadow_side */
    int64_t retained_bytes; /* log that the shadow's slot holds; -1: unknown */
    int64_t seconds;        /* since the start */
    const char *trouble;    /* of Kafka or the connector just now; NULL: none is known */
} leat_shadow_status;

/* Asked or told by leat_shadow_run, on its thread. */
typedef struct leat_shadow_watch {
    void (*step)(void *arg, const char *step, const char *text); /* "slot", "topics", "ready" ... */
    void (*difference)(void *arg, const leat_shadow_difference *d);
    void (*progress)(void *arg, const leat_shadow_status *s); /* once a second */
    bool (*stop)(void *arg); /* true: end in order, and compare what is there */
    void *arg;
} leat_shadow_watch;

typedef struct leat_shadow_conf {
    leat_config *config;   /* Debezium's, with the worker that says where Kafka is */
    const char *data;      /* the run's folder is made in it: DATA/shadow/NAME */
    const char *slot;      /* NULL: Debezium's with _shadow behind */
    const char *log_level; /* of the connector's process; NULL: warn */
    bool keep;             /* slot and folder stay at the end */
    bool snapshot;         /* rows of the snapshots too, and topics from their beginning */
    int64_t seconds;       /* end after so long; 0: when asked */
    uint64_t records;      /* end after so many were compared; 0: when asked */
    int64_t wait_us;       /* for what the other side has passed, and at the end */
    size_t memory;         /* bytes of records that may wait on each side */
    leat_shadow_watch watch;
} leat_shadow_conf;

/* Compares until asked to stop. *counts: what was found; the caller judges. Whatever happens, the
 * slot that it made is dropped, unless keep. CONF "shadow.*", what setup and Kafka say. RETRY
 * "shadow.unfinished": records of leat's still waited for Debezium's when the wait was over. */
leat_rc leat_shadow_run(const leat_shadow_conf *conf, leat_shadow_counts *counts, leat_err *e);

#endif
