/* Signals: what Debezium's users write to a table, a file or a topic to have a running connector do
 * something. Pure.
 *
 *   log               {"message":"..."}         the first {} stands for the position
 *   execute-snapshot  {"data-collections":["schema.table",...], "type":"incremental"|"blocking",
 *                      "additional-conditions":[{"data-collection":...,"filter":...}],
 *                      "surrogate-key":"column"}
 *   stop-snapshot     {"data-collections":[...]}       none: the whole snapshot
 *   pause-snapshot, resume-snapshot
 *   snapshot-window-open, -close                a connector's own, in the signal table
 *
 * Tables are named as they are, or by Java regular expressions for the whole of schema.table. A
 * signal that cannot be read is told, and stops nothing: whoever reads it logs the error. */
#ifndef LEAT_CAPTURE_SIGNAL_H
#define LEAT_CAPTURE_SIGNAL_H

#include "base/json.h"
#include "config/regex.h"

typedef enum leat_signal_type {
    LEAT_SIGNAL_LOG,
    LEAT_SIGNAL_EXECUTE,
    LEAT_SIGNAL_STOP,
    LEAT_SIGNAL_PAUSE,
    LEAT_SIGNAL_RESUME,
    LEAT_SIGNAL_WINDOW_OPEN,
    LEAT_SIGNAL_WINDOW_CLOSE,
} leat_signal_type;

enum { LEAT_SIGNAL_NAMES = 10000 }; /* that a signal may name, and conditions that it may have */

/* One or more tables, as they were named. */
typedef struct leat_signal_table {
    const char *text;
    const leat_regex *pattern;
    bool plain; /* no other characters than letters, digits, _ and . are in it */
} leat_signal_table;

typedef struct leat_signal_condition {
    leat_signal_table table;
    const char *filter; /* what stands behind WHERE; of a blocking snapshot the whole SELECT, too */
} leat_signal_condition;

/* All in the arena it was read into. */
typedef struct leat_signal {
    leat_signal_type type;
    const char *id;
    const char *message; /* LOG */
    bool blocking;       /* EXECUTE, STOP: a snapshot that the stream waits for */
    const leat_signal_table *tables;
    size_t ntables; /* EXECUTE: at least one; STOP: 0 is all */
    const leat_signal_condition *conditions;
    size_t nconditions;    /* EXECUTE; a table's is the first that names it */
    const char *surrogate; /* EXECUTE: column to read tables by instead of their keys; NULL: none */
} leat_signal;

/* Of its three parts; data is JSON, and may be empty where nothing is needed. CONF "signal.json",
 * "signal.type", "signal.data", "signal.unsupported", with the id as where. */
leat_rc leat_signal_parse(leat_arena *a, leat_str id, leat_str type, leat_str data,
                          const leat_signal **out, leat_err *e);
/* Of an object {"id":...,"type":...,"data":...}, in which data is an object, or a text that holds
 * one. An id that is missing is made. */
leat_rc leat_signal_parse_object(leat_arena *a, leat_str json, const leat_signal **out,
                                 leat_err *e);

/* "execute-snapshot" and so on. */
const char *leat_signal_type_name(leat_signal_type type);

/* *hit: name ("schema.table") is the table's text itself, or fits it as a pattern. */
leat_rc leat_signal_table_hit(const leat_signal_table *t, leat_str name, bool *hit, leat_err *e);
/* The condition for a table, NULL if there is none. */
leat_rc leat_signal_filter(const leat_signal *s, leat_str name, const char **filter, leat_err *e);

/* Does what a log signal asks for; position stands for its {}. */
void leat_signal_log(const leat_signal *s, leat_str position);

#endif
