/* What the delivery to Kafka needs of a producer: the port between delivery (stream/kafka/kafka.c)
 * and a client library. No type of a library stands here.
 *
 * A record that produce took is the port's until it is reported, once, by a call of
 * leat_broker_events.report inside poll: delivered, or refused with a reason. The port keeps trying
 * as long as that can help (no time-out of its own), is idempotent and waits for all in-sync
 * replicas (acks=all), and delivers the records of one partition in the order in which they were
 * produced. A record that is refused after it was taken leaves no hole that later records of its
 * partition pass by: the producer is dead then (fatal), but for TOO_LARGE and INVALID.
 *
 * Implementations: the client library's; a model in tests/sim. No call but those with a time-out
 * blocks. One thread makes all calls. */
#ifndef LEAT_STREAM_BROKER_H
#define LEAT_STREAM_BROKER_H

#include "event/event.h"

typedef struct leat_broker leat_broker;

/* What became of a record. */
typedef enum leat_delivery {
    LEAT_DELIVERED,         /* durable on all in-sync replicas; in a transaction: once it commits */
    LEAT_REFUSED_TOO_LARGE, /* max.message.bytes of the topic */
    LEAT_REFUSED_INVALID,   /* the broker checks records: a compacted topic and no key ... */
    LEAT_REFUSED_TOPIC,     /* the topic is not there (any more), or has no such partition */
    LEAT_REFUSED_AUTH,      /* no right to write to it */
    LEAT_REFUSED_TIMEOUT,   /* only if the configuration asks for one; it may be there or not */
    LEAT_REFUSED_LOST,      /* the producer died or its queue was purged; it may be there or not */
} leat_delivery;
/* "delivered", "too_large" ... */
const char *leat_delivery_name(leat_delivery delivery);

/* One record's fate. Texts are borrowed for the call. */
typedef struct leat_delivery_report {
    uint64_t tag; /* as produce was given */
    leat_delivery delivery;
    const char *why;   /* refused: the library's words; else NULL */
    int32_t partition; /* delivered: where; else -1 */
    int64_t offset;    /* delivered: its offset, -1 if not known */
} leat_delivery_report;

/* Given at the port's open; called inside poll, produce and the calls with a time-out. */
typedef struct leat_broker_events {
    void (*report)(void *arg, const leat_delivery_report *report);
    void *arg;
} leat_broker_events;

typedef struct leat_broker_header {
    const char *name;
    leat_str value; /* s NULL: null */
} leat_broker_header;

/* A record. All is borrowed for the call: the port copies. */
typedef struct leat_broker_record {
    uint32_t topic;      /* as leat_broker_ops.topic gave it */
    int32_t partition;   /* -1: by the key, as Java's producer does (murmur2) */
    leat_str key, value; /* s NULL: null */
    const leat_broker_header *headers;
    uint32_t nheaders;
    int64_t timestamp_ms; /* CreateTime */
    uint64_t tag;
} leat_broker_record;

typedef struct leat_broker_ops {
    const char *name;
    /* A number for a topic, the same for the same name as long as the port is open. No I/O. */
    uint32_t (*topic)(leat_broker *b, const char *name);
    /* Takes a record. AGAIN: not now (the queue's bound, a topic that is being created, a cluster
     * never reached yet): nothing happened, the same call will do later. DATA "kafka.too_large",
     * with sizes: nothing happened, the record can never be sent. CONF: nothing happened, a person
     * must act ("kafka.topic_unknown": it is not there and is not to be created; "kafka.denied").
     * RETRY "kafka.fatal": the producer is dead. */
    leat_rc (*produce)(leat_broker *b, const leat_broker_record *record, leat_err *e);
    /* Nothing more is at hand just now: what was produced need not linger. A hint. */
    void (*send)(leat_broker *b);
    /* Makes reports, waits up to wait_ms for the first. Returns how many there were. */
    unsigned (*poll)(leat_broker *b, int wait_ms);
    /* Bytes of the records taken and not reported yet, with the library's own memory for them. */
    size_t (*queued)(const leat_broker *b);
    /* True: no broker of the cluster can be reached just now, as far as is known; why: the last
     * error ("kafka.down"), for a person. */
    bool (*down)(const leat_broker *b, leat_err *why);
    /* Which cluster it is, by the id that its brokers tell. AGAIN: none was reached yet, or not for
     * long enough, or not since they were away. OK: *id is borrowed until the next reset or close;
     * NULL: they have none. */
    leat_rc (*cluster)(leat_broker *b, const char **id);
    /* True: the producer is dead, no call but reset and close helps; why: RETRY "kafka.fatal", or
     * CONF, what reset would not change ("kafka.denied", "kafka.too_old"), or must not
     * ("kafka.fenced": another producer with our transactional id took over). All its records are
     * reported (LOST) by the next polls. */
    bool (*fatal)(const leat_broker *b, leat_err *why);
    /* Ends the producer and begins another with the same configuration; what was not reported never
     * will be, and is not sent any more. RETRY, CONF as at the open. */
    leat_rc (*reset)(leat_broker *b, leat_err *e);
    /* Ends it within wait_ms; what is queued is not sent any more. */
    void (*close)(leat_broker *b, int wait_ms);

    /* ---- exactly once: only where a transactional id was configured ----
     * Each: AGAIN after wait_ms without an answer, the same call goes on with it. RETRY
     * "kafka.abort": the transaction cannot go on, abort it. RETRY "kafka.fatal", CONF
     * "kafka.fenced": see fatal. */

    /* Fences what used our transactional id before, and ends its open transaction. Once after open
     * and after reset, before anything else of this part. */
    leat_rc (*tx_init)(leat_broker *b, int wait_ms, leat_err *e);
    /* The source positions that are committed in the offset topic for this connector (read to its
     * end, read_committed; n can be 0), in a. After tx_init all that are; before it those in front
     * of the first transaction that is open. Among them what was put under a partition of leat's
     * own. */
    leat_rc (*tx_offsets)(leat_broker *b, leat_arena *a, leat_position **pos, size_t *n,
                          int wait_ms, leat_err *e);
    /* Records produced from now on belong to a transaction. Does not block. */
    leat_rc (*tx_begin)(leat_broker *b, leat_err *e);
    /* Adds a position to the open transaction, as a record of the offset topic in Kafka Connect's
     * format: key [connector, partition], value offset (absent: null, it is forgotten). Reported
     * like any record. AGAIN as produce. */
    leat_rc (*tx_offset)(leat_broker *b, leat_position pos, uint64_t tag, leat_err *e);
    /* All records of the transaction are delivered and it is committed. A record of it that is
     * refused: RETRY "kafka.abort". */
    leat_rc (*tx_commit)(leat_broker *b, int wait_ms, leat_err *e);
    /* It never happened; its queued records are reported LOST and not sent. */
    leat_rc (*tx_abort)(leat_broker *b, int wait_ms, leat_err *e);
} leat_broker_ops;

struct leat_broker {
    const leat_broker_ops *ops;
};

#endif
