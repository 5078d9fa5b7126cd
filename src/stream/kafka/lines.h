/* A topic of one partition as a list of lines: read from its beginning to its end, and appended to.
 * What Debezium's schema history is. One thread; librdkafka has threads of its own. */
#ifndef LEAT_STREAM_KAFKA_LINES_H
#define LEAT_STREAM_KAFKA_LINES_H

#include "event/event.h"
#include "stream/kafka/options.h"

/* Gives each value that is there now to fn, borrowed for the call, until it says something else
 * than OK, which is the result then; values that are null are passed over. Waits ms at most while
 * nothing comes. CONF "topic.unknown" and as leat_kafka_fetch_open; RETRY "kafka.timeout". */
leat_rc leat_kafka_lines_read(const leat_kafka_clients *kafka, const char *name, const char *topic,
                              leat_rc (*fn)(void *arg, leat_str line, int64_t offset, leat_err *e),
                              void *arg, int ms, leat_err *e);

/* Appends n lines in their order, and waits up to ms until all replicas in sync have them; makes
 * the topic if it is missing, with one partition and nothing removed. RETRY: some may be written.
 */
leat_rc leat_kafka_lines_write(const leat_kafka_clients *kafka, const char *connector,
                               const char *topic, const leat_str *lines, size_t n, int ms,
                               leat_err *e);

#endif
