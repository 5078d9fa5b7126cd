/* The inside of the port to librdkafka, shared by its parts: client.c (records and their fate),
 * topic.c (topics before their first record), tx.c (transactions). Nobody else includes this. One
 * thread; librdkafka's callbacks run in it too, but that of its log. */
#ifndef LEAT_STREAM_KAFKA_CLIENT_PART_H
#define LEAT_STREAM_KAFKA_CLIENT_PART_H

#include "stream/kafka/client.h"
#include "stream/kafka/conf.h"

typedef enum leat_kafka_topic_state {
    LEAT_KAFKA_TOPIC_NEW,     /* nothing is known */
    LEAT_KAFKA_TOPIC_MAKING,  /* the request to make it is on its way */
    LEAT_KAFKA_TOPIC_LOOKING, /* it should be there: its partitions are asked for */
    LEAT_KAFKA_TOPIC_READY,
    LEAT_KAFKA_TOPIC_REFUSED, /* why says it; tried anew after a while */
} leat_kafka_topic_state;

/* What the producer's life has written to a partition. A broker takes any sequence number of a
 * producer that it has not met in the partition; librdkafka then takes what came before for
 * delivered, though it may have been refused (a leader that had just begun). So the first record of
 * a partition goes alone: what is behind it waits until it is delivered. */
enum { LEAT_KAFKA_UNMET, LEAT_KAFKA_MEETING, LEAT_KAFKA_MET };

typedef struct leat_kafka_partition {
    size_t bytes; /* of records taken and not reported yet */
    uint8_t met;  /* LEAT_KAFKA_UNMET ... */
} leat_kafka_partition;

typedef struct leat_kafka_topic {
    char *name;
    rd_kafka_topic_t *rkt; /* of the producer's life; NULL: not asked for yet */
    leat_kafka_topic_state state;
    int64_t since_us; /* monotonic: when the state began ... */
    int64_t again_us; /* ... and when to look again */
    int look_ms;      /* how long an answer is waited for */
    leat_kafka_partition *parts;
    int32_t nparts;
    int32_t sticky;    /* partition of records without a key ... */
    int64_t sticky_us; /* ... until then */
    leat_err why;
} leat_kafka_topic;

/* The refused batch that ended a producer's life. */
typedef struct leat_kafka_culprit {
    char topic[256];
    int32_t partition;
    unsigned records, left;  /* of the batch; not reported yet */
    rd_kafka_resp_err_t err; /* NO_ERROR: some other */
    bool looked;
} leat_kafka_culprit;

typedef struct leat_kafka_client_port {
    leat_broker broker;
    leat_kafka_client_conf conf;
    rd_kafka_t *rk;
    leat_kafka_topic *topics;
    uint32_t ntopics;
    rd_kafka_t *admin;         /* makes topics; NULL: none is being made */
    rd_kafka_queue_t *answers; /* of admin */
    unsigned making;           /* topics in state MAKING */
    size_t queued, nqueued;    /* bytes of keys and values, and records, not reported yet */
    size_t header_bytes;       /* moving average of a record's headers */
    unsigned reports;          /* since the count was last asked for */
    size_t small;              /* partitions with some bytes taken, but less than a batch ... */
    bool fresh;          /* ... and there is something new about them since the last flush ... */
    int64_t flushed_us;  /* ... which was then */
    int64_t batch_bytes; /* of this life: less once a whole batch was refused for one record */
    bool shrunk;         /* ... and it was so in this life */
    leat_kafka_culprit culprit;
    unsigned too_old;  /* lives that ended since no broker numbers batches */
    char *cluster;     /* librdkafka's; NULL: not known ... */
    unsigned up_times; /* ... though brokers were seen to be up so often in this life */
    bool unsure;       /* they were away since, or say another id: asked again from ask_us on */
    int64_t ask_us;
    bool down, fatal;
    leat_err down_why, fatal_why;
    bool in_tx;        /* between begin and the end of commit or abort */
    size_t left;       /* nqueued before this transaction's commit, as it was seen last ... */
    int64_t left_us;   /* ... and when that was another number */
    int64_t commit_us; /* a commit that had no answer is asked for again then; 0: none */
    bool fenced;       /* tx_init: no open transaction of our own hides offsets */
    leat_kafka_offsets *reading; /* tx_offsets that has not ended */
    leat_err refused;            /* RETRY: a record of the open transaction was */
} leat_kafka_client_port;

/* The producer is of no use any more; the first reason counts. What is queued is thrown away and
 * reported as lost. err _FATAL: nothing is known but the text. */
void leat_kafka_client_die(leat_kafka_client_port *p, rd_kafka_resp_err_t err, const char *where,
                           const char *why);
/* librdkafka says so. */
void leat_kafka_client_look(leat_kafka_client_port *p);
/* RETRY "kafka.fatal", or CONF: "kafka.fenced", and what no other producer would change. */
leat_rc leat_kafka_client_dead(const leat_kafka_client_port *p, leat_err *e);

/* OK: records may be produced to topics[i]. AGAIN, CONF as leat_broker_ops.produce. */
leat_rc leat_kafka_topic_ready(leat_kafka_client_port *p, uint32_t i, leat_err *e);
/* The partition that the record goes to; AGAIN: not now, its first record is on its way. */
leat_rc leat_kafka_topic_partition(leat_kafka_topic *t, const leat_broker_record *r, int32_t *out);
/* A record of so many bytes for it was taken; one was reported. */
void leat_kafka_topic_sent(leat_kafka_client_port *p, leat_kafka_topic *t, int32_t partition,
                           size_t bytes);
void leat_kafka_topic_met(leat_kafka_client_port *p, leat_kafka_topic *t, int32_t partition,
                          size_t bytes, bool delivered);
/* The topic has gone, or moved: it is looked for again. */
void leat_kafka_topic_forget(leat_kafka_topic *t);
/* Ends what belongs to a producer's life. */
void leat_kafka_topics_end(leat_kafka_client_port *p);

extern const leat_broker_ops leat_kafka_client_ops;

leat_rc leat_kafka_tx_init(leat_broker *b, int wait_ms, leat_err *e);
leat_rc leat_kafka_tx_offsets(leat_broker *b, leat_arena *a, leat_position **pos, size_t *n,
                              int wait_ms, leat_err *e);
leat_rc leat_kafka_tx_begin(leat_broker *b, leat_err *e);
leat_rc leat_kafka_tx_offset(leat_broker *b, leat_position pos, uint64_t tag, leat_err *e);
leat_rc leat_kafka_tx_commit(leat_broker *b, int wait_ms, leat_err *e);
leat_rc leat_kafka_tx_abort(leat_broker *b, int wait_ms, leat_err *e);
/* Ends a reading of offsets that was begun. */
void leat_kafka_tx_end(leat_kafka_client_port *p);

#endif
