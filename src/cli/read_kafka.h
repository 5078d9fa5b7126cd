/* leat read and leat topics on Kafka. */
#ifndef LEAT_CLI_READ_KAFKA_H
#define LEAT_CLI_READ_KAFKA_H

#include "cli/cli.h"
#include "cli/lines.h"
#include "stream/kafka/fetch.h"

typedef struct leat_read_kafka {
    const char *kafka;         /* brokers, or a worker's file */
    const char *const *topics; /* NULL-ended */
    int32_t partition;         /* -1: all */
    leat_kafka_from from;
    int64_t at;       /* the offset, or the time in µs */
    bool follow;      /* go on as records come; wait for topics that are not there yet */
    bool count;       /* only count */
    bool uncommitted; /* records of open and aborted transactions too */
    bool schemas;     /* {"schema":...,"payload":...} as it is, instead of the payload alone */
    uint64_t max;     /* records; 0: all */
} leat_read_kafka;

/* The records as lines of JSON; *printed: how many there were. */
leat_rc leat_read_kafka_run(const leat_read_kafka *conf, leat_lines *lines, uint64_t *printed,
                            leat_err *e);

/* --kafka as a worker's properties, in a: of the brokers, or of the file that it names, references
 * resolved. */
leat_rc leat_read_kafka_worker(const char *kafka, leat_arena *a, leat_props *out, leat_err *e);

/* The topics of a cluster, as a table or as JSON; the exit status. */
int leat_topics_kafka(const leat_common *common);

#endif
