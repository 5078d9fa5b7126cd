/* A worker's configuration: what connect-standalone.properties and connect-distributed.properties
 * of Kafka Connect hold, and what stands in for one (--kafka, the sink of Debezium Server).
 *
 * A connector that has one streams into the Kafka that its bootstrap.servers name; one that has
 * none into the embedded stream. What is of Kafka's clients (security.protocol, producer.* ...) the
 * stream reads (stream/kafka/options.h). Pure; any thread. */
#ifndef LEAT_CONFIG_WORKER_H
#define LEAT_CONFIG_WORKER_H

#include "config/opt.h"

typedef enum leat_worker_eos {
    LEAT_EOS_DISABLED,
    LEAT_EOS_PREPARING,
    LEAT_EOS_ENABLED,
} leat_worker_eos;

typedef struct leat_worker_conf {
    const char *connection;    /* to Kafka; NULL: none */
    leat_opt_list brokers;     /* bootstrap.servers */
    const char *group;         /* group.id; NULL: a standalone worker's */
    const char *offsets_topic; /* offset.storage.topic; NULL: none */
    int64_t offsets_partitions, offsets_replication;
    int64_t offsets_ms;       /* offset.flush.interval.ms */
    int64_t eos;              /* exactly.once.source.support: leat_worker_eos */
    bool creation;            /* topic.creation.enable */
    const char *handed[4];    /* what connectors are handed: converters' classes, offsets' file; */
    leat_opt_many options[3]; /* options of these converters; leat_worker_inherit reads them */
    leat_opt_many clients[3]; /* what is of Kafka's clients; read elsewhere */
} leat_worker_conf;

/* Ends with a row whose name is NULL; offsets into leat_worker_conf. */
extern const leat_opt leat_worker_options[];

/* Whether a file with these properties is a worker's and no connector's. */
bool leat_worker_is(const leat_props *props);

/* What a connector has from its worker where it says nothing itself: converters as Kafka Connect
 * hands them on (with the class come its options), the file of offsets. A connector's option that
 * does not count because the worker's converter does is a warning. */
void leat_worker_inherit(const leat_props *worker, leat_props *connector, leat_arena *a,
                         leat_report *r);

#endif
