/* Reading topics of Kafka from beginning to end, or as records come, without a consumer group.
 *
 * For `leat read`, and for the offset topic. Only committed records are given unless asked
 * otherwise. One thread; librdkafka has threads of its own. */
#ifndef LEAT_STREAM_KAFKA_FETCH_H
#define LEAT_STREAM_KAFKA_FETCH_H

#include "stream/kafka/options.h"

typedef struct leat_kafka_fetch leat_kafka_fetch;

typedef enum leat_kafka_from {
    LEAT_KAFKA_BEGINNING,
    LEAT_KAFKA_END,
    LEAT_KAFKA_OFFSET,
    LEAT_KAFKA_TIME,
    LEAT_KAFKA_HELD /* the offset; in each partition the oldest it holds, or its end, if that is
                       nearest */
} leat_kafka_from;

typedef struct leat_kafka_fetch_conf {
    const leat_kafka_clients *kafka; /* borrowed for the open */
    const char *name;                /* of the client, for the brokers' logs */
    bool uncommitted;                /* records of open and aborted transactions too */
    bool brief; /* topics are left and begun often: a broker that waits at an end holds that up */
    bool whole; /* transactions that are open now are waited for: their end is the end */
} leat_kafka_fetch_conf;

typedef struct leat_kafka_header {
    const char *name;
    leat_str value; /* absent: null */
} leat_kafka_header;

/* Valid until the next call. */
typedef struct leat_kafka_message {
    const char *topic;
    int32_t partition;
    int64_t offset, timestamp_ms; /* -1: the record has no time */
    leat_str key, value;          /* absent: null */
    const leat_kafka_header *headers;
    size_t nheaders;
} leat_kafka_message;

/* A topic as the cluster tells of it. */
typedef struct leat_kafka_topic_info {
    const char *name;
    int32_t partitions;
    int64_t first, next; /* sums of the partitions' lowest and next offsets */
    struct leat_kafka_topic_info *link;
} leat_kafka_topic_info;

/* No I/O. CONF as leat_kafka_conf_make; "kafka.not_built" in a build without librdkafka. */
leat_rc leat_kafka_fetch_open(const leat_kafka_fetch_conf *conf, leat_kafka_fetch **out,
                              leat_err *e);
void leat_kafka_fetch_close(leat_kafka_fetch *f);
/* Its topics are no longer read; the client and its connections stay, for others. */
void leat_kafka_fetch_leave(leat_kafka_fetch *f);

/* Begins to read a topic, all partitions (-1) or one; at: the offset, or the time in µs. What is
 * there now is noted as its end. CONF "topic.unknown", "kafka.partition", "kafka.denied"; RETRY
 * when no broker answers within ms. */
leat_rc leat_kafka_fetch_topic(leat_kafka_fetch *f, const char *topic, int32_t partition,
                               leat_kafka_from from, int64_t at, int ms, leat_err *e);
/* The next record of any partition; AGAIN: none within ms. Brokers that are away are waited for.
 * CONF "stream.gap": what is asked for was removed. */
leat_rc leat_kafka_fetch_next(leat_kafka_fetch *f, leat_kafka_message *out, int ms, leat_err *e);
/* Nothing more is wanted of the partition of the last record. */
void leat_kafka_fetch_skip(leat_kafka_fetch *f);
/* The noted ends of the first topic, in a, by the number of the partition; of *n. */
int64_t *leat_kafka_fetch_ends(const leat_kafka_fetch *f, leat_arena *a, size_t *n);
/* All that was there when the topics were begun has been returned. */
bool leat_kafka_fetch_at_end(const leat_kafka_fetch *f);
/* What is wrong just now, for a person; NULL: nothing is known. */
const char *leat_kafka_fetch_trouble(const leat_kafka_fetch *f);

/* All topics by name, in a; those of Kafka itself (__...) too. */
leat_rc leat_kafka_fetch_topics(leat_kafka_fetch *f, leat_arena *a, leat_kafka_topic_info **out,
                                int ms, leat_err *e);
/* Their names alone, in no order: one request, however many there are. */
leat_rc leat_kafka_fetch_names(leat_kafka_fetch *f, leat_arena *a, const char ***out, size_t *n,
                               int ms, leat_err *e);

#endif
