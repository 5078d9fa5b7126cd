/* SELECT over streams and state: topics, connectors, counters and dead letters as tables of SQLite.
 *
 *   events         all events of all topics; each topic is a table of its own, too
 *   kafka          the records of a topic in Kafka, where that is the stream
 *   minutes        how many records each topic got in which minute
 *   topics, connectors, counters, dead_letters
 *
 * The tables are virtual and read only; what a condition says of topic, time or offset is used
 * before frames are read. leat_select_run works in the caller's process and is meant for one that
 * does nothing else; leat_select_apart makes such a one (docs/decisions/212). */
#ifndef LEAT_SQL_SELECT_H
#define LEAT_SQL_SELECT_H

#include "base/buf.h"
#include "base/err.h"
#include "config/opt.h"

enum {
    LEAT_SELECT_ROWS = 10000,       /* rows of an answer at most, if nothing else is said */
    LEAT_SELECT_ROWS_MOST = 100000, /* ... and whatever is said */
    LEAT_SELECT_BYTES = 16 << 20,   /* of an answer, about */
    LEAT_SELECT_MS = 30000,         /* time, if nothing else is said */
    LEAT_SELECT_MS_MOST = 60000,
    LEAT_SELECT_TEXT = 64 << 10,    /* of a statement */
    LEAT_SELECT_MEMORY = 256 << 20, /* of SQLite, sorting included */
};

typedef struct leat_select_conf {
    const char *data;
    leat_str sql; /* one SELECT, without its semicolon */
    int64_t max_rows, ms;
    const leat_props *kafka;  /* a worker's properties, references resolved: its topics, too; NULL:
                                 the embedded streams alone */
    const leat_err *no_kafka; /* why there are none, told where one is asked for; NULL: no reason */
} leat_select_conf;

/* Appends {"columns":[name, ...],"rows":[[value, ...], ...],"more":...,"events":...,"ms":...}:
 * more: there were more rows than may be; events: how many were read. CONF "select.syntax",
 * "select.refused", "select.moment"; RETRY "select.time", "select.memory"; and those of streams. */
leat_rc leat_select_run(const leat_select_conf *conf, leat_buf *out, leat_err *e);

/* The same in a process of its own, with bounds on memory, time and files. Any thread. RETRY
 * "select.process": it ended without an answer. */
leat_rc leat_select_apart(const leat_select_conf *conf, leat_buf *out, leat_err *e);

/* What that process does: from standard input to standard output. Returns how to exit. */
int leat_select_child(const char *data);

#endif
