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

/* Lines being appended, in their order. The topic is made if it is missing, with one partition and
 * nothing removed. */
typedef struct leat_kafka_lines leat_kafka_lines;
/* Begins with n of them; waits for nothing. All that is given is borrowed until it is closed. ms:
 * how long it may take. RETRY, CONF as a producer's open. */
leat_rc leat_kafka_lines_open(const leat_kafka_clients *kafka, const char *connector,
                              const char *topic, const leat_str *lines, size_t n, int ms,
                              leat_kafka_lines **out, leat_err *e);
/* OK: all replicas in sync have all of them. AGAIN: not within wait_ms, the same call goes on.
 * RETRY "kafka.down", "kafka.timeout", "kafka.error": some may be written. CONF as when a record is
 * produced. */
leat_rc leat_kafka_lines_turn(leat_kafka_lines *w, int wait_ms, leat_err *e);
/* What is not written by now never will be. NULL: nothing to do. */
void leat_kafka_lines_close(leat_kafka_lines *w);

#endif
