/* What a sink reads of Kafka: topics, as a member of a consumer group; a feed (engine/feed.h).
 *
 * A lane is a partition, called TOPIC/PARTITION. How far it is stands in the target, where that
 * keeps cursors, in the transaction of its events: then nothing is lost or doubled, whoever reads
 * the partition next. The group is told after that, for those who look at it, and for a target that
 * keeps none; such a one may be given records again after a crash. */
#ifndef LEAT_ENGINE_INTAKE_H
#define LEAT_ENGINE_INTAKE_H

#include "convert/change.h"
#include "engine/errant.h"
#include "engine/feed.h"
#include "stream/kafka/options.h"
#include "transform/transform.h"

/* All is borrowed until free. */
typedef struct leat_intake_conf {
    const char *connector;
    const leat_kafka_sink_conf *kafka;
    const char *const *topics; /* NULL-ended */
    const leat_regex *pattern; /* instead of them: all topics that fit; NULL: the names */
    leat_json_read_conf key, value;
    const leat_transforms *transforms; /* of each record, before it is a change; NULL: none */
    bool tolerate;   /* errors.tolerance=all: what cannot be read goes to the dead letters */
    leat_errant *to; /* where refused records are reported; NULL: nowhere */
} leat_intake_conf;

/* Heap; never NULL. No I/O: that begins with the first look. */
leat_feed *leat_intake_new(const leat_intake_conf *conf);
void leat_intake_free(leat_feed *f);

#endif
