/* Kafka Connect's offset topic: which position of its source a connector has reached.
 *
 * A record a partition of the source: key ["CONNECTOR",PARTITION], value the offset, both JSON as
 * Connect's JsonConverter writes them without schemas; a null value forgets. The topic is
 * compacted; the last record of a key counts. The position texts are those of leat_position. One
 * thread. */
#ifndef LEAT_STREAM_KAFKA_OFFSETS_H
#define LEAT_STREAM_KAFKA_OFFSETS_H

#include "event/event.h"
#include "stream/kafka/options.h"

typedef struct leat_kafka_offsets leat_kafka_offsets;

/* The key of a record of the topic, appended. */
void leat_kafka_offsets_key(const char *connector, leat_str partition, leat_buf *out);
/* Back: *mine if it is one of this connector's; partition then, without white space, in a. A key
 * that is not Connect's is none of anybody's. */
void leat_kafka_offsets_key_read(leat_str key, const char *connector, leat_arena *a, bool *mine,
                                 leat_str *partition);

typedef enum leat_kafka_offsets_view {
    LEAT_KAFKA_OFFSETS_COMMITTED, /* up to the first transaction that is open, anybody's */
    LEAT_KAFKA_OFFSETS_SETTLED,   /* transactions that are open are waited for: nothing is missed
                                     that is committed now */
} leat_kafka_offsets_view;

/* Begins to read the topic. No I/O. CONF as leat_kafka_fetch_open. */
leat_rc leat_kafka_offsets_open(const leat_kafka_clients *kafka, const char *topic,
                                const char *connector, leat_kafka_offsets_view view,
                                leat_kafka_offsets **out, leat_err *e);
/* Up to what was the end when it began; AGAIN after ms: call again. A topic that is not there has
 * no offsets. */
leat_rc leat_kafka_offsets_read(leat_kafka_offsets *o, int ms, leat_err *e);
/* What was found, in a: one position a partition, in the order in which they were met first. */
void leat_kafka_offsets_take(leat_kafka_offsets *o, leat_arena *a, leat_position **pos, size_t *n);
void leat_kafka_offsets_close(leat_kafka_offsets *o);

/* How the topic is made where it is missing: as Connect's workers make theirs. */
typedef struct leat_kafka_offsets_conf {
    const char *topic;
    int64_t partitions, replication; /* offset.storage.*: 25 and 3 in Connect; -1: the broker's */
} leat_kafka_offsets_conf;

#endif
