/* Delivery to Kafka: a connector's stream that is topics of a cluster (stream/stream.h).
 *
 * Over a port to a producer (stream/kafka/broker.h) and a store of what was acknowledged
 * (event/delivered.h). While Kafka takes what it is given (DIRECT), records go to the producer at
 * once; a position is durable when all records up to it are reported delivered and that was saved.
 * When Kafka is away for too long, what is on its way and all that follows goes to a spool on this
 * machine's disk (SPOOL), where it is durable too; when Kafka is back the spool is sent (DRAIN)
 * until it is empty. Nothing is skipped, and the order of each key is kept; after a crash, or the
 * death of a producer, records may be there twice. */
#ifndef LEAT_STREAM_KAFKA_H
#define LEAT_STREAM_KAFKA_H

#include "convert/json.h"
#include "event/delivered.h"
#include "stream/kafka/broker.h"
#include "stream/stream.h"
#include "stream/tables.h"

/* Where Kafka's transactions end, with exactly once: Kafka Connect's transaction.boundary. */
typedef enum leat_boundary {
    LEAT_BOUNDARY_POLL,      /* as soon as nothing more is at hand; under load after some ms */
    LEAT_BOUNDARY_INTERVAL,  /* after interval_us */
    LEAT_BOUNDARY_CONNECTOR, /* where a transaction of the source ends, unless it is too large */
} leat_boundary;

typedef struct leat_kafka_conf {
    const char *data;           /* the data folder: the spool is data/connectors/NAME/spool */
    const char *connector;      /* name */
    leat_broker *broker;        /* the stream takes it, even if the open fails */
    leat_broker_events *events; /* what the port reports to: filled by the open */
    leat_broker *offsets; /* to write positions with, beside; the stream takes it; NULL: none */
    leat_broker_events *offsets_events; /* what that reports to: filled by the open */
    const char *offsets_topic;          /* of Kafka Connect (stream/kafka/offsets.h); borrowed */
    int64_t offsets_us;                 /* so often at most */
    leat_delivered_store *store;        /* outlives the stream, as does ... */
    leat_dead_store *dead;              /* ... where refused records go */
    struct leat_page *page;             /* to mirror what was delivered to; may be NULL */
    leat_tables *tables;                /* where what was refused is told; may be NULL */
    leat_json_conf key, value;          /* key.converter.*, value.converter.* */
    leat_json_conf header; /* header.converter.*, if json_headers; else they are plain text */
    bool json_headers;
    size_t window_bytes;          /* of what is on its way, most; 0: 8 MiB */
    int64_t away_us;              /* without a report for so long: Kafka is away; 0: 10 s */
    int64_t spool_bytes;          /* spool.max.bytes; 0: there is no spool */
    bool other_cluster;           /* a spool is sent to a cluster it was not meant for */
    int64_t segment_bytes;        /* of the spool; 0: an eighth of spool_bytes, at most 16 MiB */
    int64_t frame_bytes;          /* of the spool, as leat_embedded_conf; 0: as there */
    leat_compression compression; /* of the spool */
    bool once;                    /* exactly once: the port has transactions */
    leat_boundary boundary;
    int64_t interval_us;
    int64_t timeout_us; /* transaction.timeout.ms; 0: 60 s */
    bool tolerate;      /* errors.tolerance=all: records that are refused go to the dead letters */
} leat_kafka_conf;

typedef enum leat_kafka_phase {
    LEAT_KAFKA_DIRECT,
    LEAT_KAFKA_SPOOL,
    LEAT_KAFKA_DRAIN,
} leat_kafka_phase;
/* "DIRECT", "SPOOL", "DRAIN". */
const char *leat_kafka_phase_name(leat_kafka_phase phase);

/* What a producer with transactions is at: "fence", "idle", "open", "commit" ... */
const char *leat_kafka_once_name(uint32_t state);

/* For status and the counters page. */
typedef struct leat_kafka_status {
    leat_kafka_phase phase;
    int64_t since_us;    /* when it began */
    size_t window_bytes; /* on their way */
    uint64_t window_events;
    int64_t spool_bytes;   /* what it takes on the disk */
    uint64_t spool_events; /* not delivered yet */
    int64_t spool_max;     /* the budget; 0: there is no spool */
    int64_t full_at_us;    /* when the budget is used up at the pace so far; 0: not foreseen */
    uint64_t resets;       /* producers that died, since the open */
    bool once;             /* exactly once: the following are told */
    uint32_t tx_state;     /* as leat_kafka_once_name has it */
    int64_t tx_us;         /* since when */
    uint64_t commits, aborts;
    uint64_t tx_parcels; /* batches that wait for their commit */
    bool inside;         /* a transaction of the source is delivered in part */
    bool known;          /* what the offset topic had at the open was looked at */
    bool doubt;          /* whether the last one is committed is not known */
    leat_err last;       /* why Kafka is away, or what was refused last; rc OK: nothing */
    int64_t trouble_us;  /* since when nothing was acknowledged; 0: no reason to worry ... */
    int64_t again_us;    /* ... and when the next producer is tried; 0: the client tries always */
} leat_kafka_status;

/* Takes conf.broker. Goes on with what the store and a spool of before hold. CONF "stream.locked",
 * FATAL "stream.damaged": as leat_embedded_open, of the spool. conf is copied but for the page. */
leat_rc leat_kafka_open(const leat_kafka_conf *conf, leat_stream **out, leat_err *e);

/* With exactly once: waits until it is known what the offset topic holds of this connector, and
 * gives it if leat never wrote there: what a first start goes on from. Valid until the next call of
 * the stream. AGAIN after wait_us; then e says what it waits for, RETRY "kafka.down". */
leat_rc leat_kafka_found(leat_stream *s, const leat_position **pos, size_t *n, int64_t wait_us,
                         leat_err *e);

/* Of a stream that leat_kafka_open made; by the thread that has it. */
void leat_kafka_status_get(const leat_stream *s, leat_kafka_status *out);

#endif
