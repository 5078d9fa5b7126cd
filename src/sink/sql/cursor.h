/* The table of the target that says how far sinks have come: a row a sink and stream, written in
 * the transaction that holds the events. By the sink's thread. */
#ifndef LEAT_SINK_SQL_CURSOR_H
#define LEAT_SINK_SQL_CURSOR_H

#include "base/uuid.h"
#include "sink/sql/dialect.h"

typedef struct leat_rdb_cursor {
    leat_rdb_conn *conn;
    const char *sink;
    leat_rdb_table table;
    char owner[LEAT_UUID_MAX]; /* of this session: who opens last owns the rows */
} leat_rdb_cursor;

/* Looks the table up; its texts are in a. */
leat_rc leat_rdb_cursor_find(leat_rdb_cursor *k, leat_rdb_conn *c, const char *sink, leat_arena *a,
                             leat_err *e);
/* Makes it, by the name that k->table has. */
leat_rc leat_rdb_cursor_make(leat_rdb_cursor *k, leat_err *e);
/* The first, and the second if it is missing. */
leat_rc leat_rdb_cursor_open(leat_rdb_cursor *k, leat_rdb_conn *c, const char *sink, leat_arena *a,
                             leat_err *e);
/* Takes the row of this source over, and says what it holds; absent: nothing. */
leat_rc leat_rdb_cursor_take(leat_rdb_cursor *k, const char *source, leat_arena *a, leat_str *text,
                             leat_err *e);
/* Inside the open transaction. RETRY "sql.taken_over" when another process has the row now. */
leat_rc leat_rdb_cursor_put(leat_rdb_cursor *k, const char *source, const char *text, leat_err *e);

#endif
