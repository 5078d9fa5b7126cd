/* The inside of MySQL's and MariaDB's dialect, shared by its parts: my.c (the session), my_text.c
 * (cells and types), my_apply.c (rows). Nobody else includes this. */
#ifndef LEAT_SINK_SQL_MY_H
#define LEAT_SINK_SQL_MY_H

#include "sink/sql/dialect.h"
#include "system/mysql/conn.h"

/* How cells are written for a column: leat_rdb_column.form. */
typedef enum leat_rdb_my_form {
    LEAT_RDB_MY_TEXT, /* text, enums, JSON */
    LEAT_RDB_MY_NUMBER,
    LEAT_RDB_MY_TIME, /* dates too */
    LEAT_RDB_MY_BINARY,
    LEAT_RDB_MY_BIT,
    LEAT_RDB_MY_GEOMETRY,
} leat_rdb_my_form;

typedef struct leat_rdb_my {
    leat_rdb_conn base;
    leat_my my;
    leat_my_target target;
    size_t packet;         /* max_allowed_packet: the longest statement */
    leat_buf script;       /* statements on their way */
    uint32_t *ends;        /* of each the index behind its last row */
    int64_t *counts;       /* of each the rows that it changed */
    uint32_t nends, cap;   /* of both */
    const char *table_end; /* of CREATE TABLE */
} leat_rdb_my;

/* DATA for what is wrong with a row, else as leat_my_fail; options are called as a sink's. rc: what
 * the call that failed returned, with e. */
leat_rc leat_rdb_my_fail(leat_rc rc, const leat_rdb_my *c, leat_err *e);

/* Appends the cell as a constant for this column. DATA: the column's type cannot hold it. Pure. */
leat_rc leat_rdb_my_put(leat_buf *out, const leat_rdb_field *f, const leat_value *v, leat_err *e);
/* dialect.type */
void leat_rdb_my_type(leat_buf *out, const leat_schema *schema, const leat_column *native,
                      bool key);
/* The form of a column by its type as the server writes it: "varchar(20)". Pure. */
leat_rdb_my_form leat_rdb_my_form_of(leat_str type);
/* Appends sql with its n places ("?") filled with these texts; quoted parts are left alone. Pure.
 */
void leat_rdb_my_fill(leat_buf *out, const char *sql, int n, const char *const *params);

/* dialect.apply */
leat_rc leat_rdb_my_apply(leat_rdb_conn *conn, const leat_rdb_row *rows, uint32_t n,
                          int64_t *affected, uint32_t *done, leat_err *e);

#endif
