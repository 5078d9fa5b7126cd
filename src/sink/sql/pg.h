/* The inside of PostgreSQL's dialect, shared by its parts: pg.c (the session), pg_text.c (cells and
 * types), pg_apply.c (rows), pg_copy.c (many rows). Nobody else includes this. */
#ifndef LEAT_SINK_SQL_PG_H
#define LEAT_SINK_SQL_PG_H

#include "sink/sql/dialect.h"
#include "system/postgres/conn.h"

/* How cells are written for a column: leat_rdb_column.form. */
typedef enum leat_rdb_pg_form {
    LEAT_RDB_PG_PLAIN,
    LEAT_RDB_PG_TEXT, /* text and its like: what is no text is shown as it is */
    LEAT_RDB_PG_BIT,
    LEAT_RDB_PG_BYTEA,
    LEAT_RDB_PG_HSTORE,
    LEAT_RDB_PG_JSON,
    LEAT_RDB_PG_VECTOR,     /* [1,2]: pgvector's; int2vector and oidvector have no brackets */
    LEAT_RDB_PG_ARRAY = 16, /* and the form of its elements added */
} leat_rdb_pg_form;

/* Whether a shape's temporary table is there. */
typedef enum leat_rdb_pg_temp {
    LEAT_RDB_PG_NO_TEMP,
    LEAT_RDB_PG_NEW_TEMP, /* made in the open transaction */
    LEAT_RDB_PG_OLD_TEMP,
} leat_rdb_pg_temp;

/* What is known of a shape in this session: leat_rdb_shape.prepared. */
typedef struct leat_rdb_pg_way {
    struct leat_rdb_pg_way *next;
    leat_rdb_pg_temp temp;
    unsigned missed; /* runs that go by the temporary table, since one was refused without it ... */
    unsigned left;   /* ... and how many of them are still to come */
    bool prepared;   /* a statement, for single rows */
    bool filled;     /* the temporary table has rows */
    bool single;     /* the table takes no COPY */
} leat_rdb_pg_way;

typedef struct leat_rdb_pg {
    leat_rdb_conn base;
    leat_pg pg;
    leat_pg_target target;
    leat_buf values;     /* texts of one row's parameters, each NUL-ended */
    int64_t *offsets;    /* into values; -1: NULL */
    const char **params; /* the same as pointers */
    int cap;             /* of these two */
    int32_t *expected;   /* what was sent and not answered: index of a row, -1: a preparation */
    uint32_t nexpected, expected_cap;
    leat_rdb_pg_way *ways;
    leat_arena scratch; /* of one call of apply */
} leat_rdb_pg;

leat_rdb_pg_way *leat_rdb_pg_way_of(leat_rdb_pg *c, leat_rdb_shape *s);
/* Waits until a result can be had without waiting; for pg_apply.c and pg_copy.c. */
leat_rc leat_rdb_pg_await(leat_rdb_pg *c, const char *doing, int64_t deadline, leat_err *e);
/* Now and query.timeout.ms, for leat_mono_us. */
int64_t leat_rdb_pg_deadline(const leat_rdb_pg *c);

/* How many rows from here on can go by COPY together; 0: too few, or this table's cannot. */
uint32_t leat_rdb_pg_copies(leat_rdb_pg *c, const leat_rdb_row *rows, uint32_t n);
/* Writes them. AGAIN: the server refuses something of it; it is as it was before the call, and
 * single statements will tell what. */
leat_rc leat_rdb_pg_copy(leat_rdb_pg *c, const leat_rdb_row *rows, uint32_t n, leat_err *e);
/* The transaction ended, or went back to a savepoint. */
void leat_rdb_pg_copy_ended(leat_rdb_pg *c, bool committed);

/* DATA for what is wrong with a row, else as leat_pg_fail; options are called as a sink's. */
leat_rc leat_rdb_pg_fail(leat_err *e, leat_rdb_pg *c, const PGresult *res, const char *doing);

/* Appends the cell's text for this column; a NULL cell appends nothing and gives false, as does one
 * that PostgreSQL's text cannot hold, and then *nul is set. Pure. */
bool leat_rdb_pg_put(leat_buf *out, const leat_rdb_field *f, const leat_value *v, bool *nul);
/* dialect.type */
void leat_rdb_pg_type(leat_buf *out, const leat_schema *schema, const leat_column *native,
                      bool key);
/* The form of a column by pg_type's typname and typcategory. Pure. */
int leat_rdb_pg_form_of(leat_str typname, char category);

/* dialect.apply */
leat_rc leat_rdb_pg_apply(leat_rdb_conn *conn, const leat_rdb_row *rows, uint32_t n,
                          int64_t *affected, uint32_t *done, leat_err *e);

#endif
