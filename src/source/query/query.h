/* Inside of query capture: the source's state, and what its files give each other. */
#ifndef LEAT_SOURCE_QUERY_QUERY_H
#define LEAT_SOURCE_QUERY_QUERY_H

#include "capture/dialect.h"
#include "capture/keyset.h"
#include "source/query/conf.h"
#include "source/query/keys.h"
#include "source/source.h"

/* Where reading stands: Kafka Connect's offset of the JDBC connector, and ours of bulk. */
typedef struct leat_query_offset {
    bool has_number, has_moment;
    int64_t number;    /* "incrementing" */
    int64_t moment_us; /* "timestamp", "timestamp_nanos" */
    uint64_t polls;    /* bulk: how often all of it was read */
} leat_query_offset;

/* From text as the JDBC connector or write writes it. CONF "query.position" says what is wrong. */
leat_rc leat_query_offset_read(leat_str text, leat_query_offset *out, leat_err *e);
void leat_query_offset_write(const leat_query_offset *o, leat_buf *out);
/* How far looks for deleted rows have come: {"looks":N,"told":N}. */
typedef struct leat_query_looked {
    uint64_t looks; /* that were done */
    uint64_t told;  /* batches of deletes */
} leat_query_looked;
leat_rc leat_query_looked_read(leat_str text, leat_query_looked *out, leat_err *e);
void leat_query_looked_write(const leat_query_looked *l, leat_buf *out);
/* {"deletes":"public.city"}, in a. */
leat_str leat_query_looked_partition(const char *table, leat_arena *a);
/* For leat_source. */
leat_rc leat_query_offset_check(const void *conf, leat_position now, leat_position to,
                                leat_arena *a, leat_position *out, const char **note, leat_err *e);
void leat_query_offset_text(leat_str offset, leat_buf *out);

/* {"protocol":"1","table":"public.city"}, or what else the mode has; table NULL: of the query. In
 * a. */
leat_str leat_query_partition(const leat_query_conf *c, const char *table, leat_arena *a);
/* The position of one of n that is of this partition, in whatever order its members stand; name:
 * also one of the bare table's, as older versions wrote it (NULL: not). NULL: none. */
const leat_position *leat_query_position(const leat_position *pos, size_t n, leat_str partition,
                                         const char *name);

/* How a column becomes a field. */
typedef struct leat_query_field leat_query_field;
struct leat_query_field {
    const leat_sql_column *column;
    const leat_schema *schema;
    /* Changes the dialect's cell to what the schema shows, in place; NULL: it is that already. DATA
     * "query.value" when it cannot be. Never called for NULL. */
    leat_rc (*fix)(const leat_query_field *f, leat_arena *a, leat_value *v, leat_err *e);
    bool legacy; /* days before October 1582 are Julian */
};
/* The field of a column, its schema in a; false: the column is left out. */
bool leat_query_field_make(const leat_query_conf *c, const leat_sql_column *column, leat_arena *a,
                           leat_query_field *out);
/* A timestamp's cell as us since 1970; false: NULL or infinite. */
bool leat_query_moment(const leat_value *v, int64_t *us);
/* A number's cell, before it is fixed; false: NULL, or none of 64 bits. */
bool leat_query_number(const leat_value *v, int64_t *number);

/* By what rows that are not there any more are found. */
typedef struct leat_query_key {
    uint16_t n;             /* columns; 0: they are not looked for */
    const size_t *places;   /* of them among the shape's */
    leat_compare_plan plan; /* of them alone */
    const char *signature;  /* what their texts depend on */
    leat_table *gone;       /* of the deletes: rows of a key alone */
} leat_query_key;

/* What the columns of a table are now. Replaced when they change. */
typedef struct leat_query_shape {
    leat_arena arena;
    leat_sql_column *all; /* as described: nall */
    size_t nall;
    const leat_sql_column **cols; /* those that are read: n, then the texts of the key */
    leat_query_field *fields;
    size_t n, nread;
    leat_query_key key;
    leat_table *table;    /* of the events */
    leat_sql_stamp stamp; /* n 0: no moments in this mode */
    size_t *stamps;       /* places of its columns among cols */
    size_t number;        /* place of the incrementing column; SIZE_MAX: none in this mode */
    const char *number_quoted;
    const char *select; /* "SELECT ... FROM" without conditions */
} leat_query_shape;

typedef struct leat_query_span {
    const leat_str *lo, *hi;
} leat_query_span;

/* The look for a table's deleted rows (deletes.c). */
typedef struct leat_query_look {
    leat_query_keys *keys; /* NULL: not opened */
    const char *signature; /* of the shape that it was opened for */
    leat_str partition;
    leat_query_looked at;
    bool ready;       /* the table was read to its end */
    bool busy;        /* it is under way ... */
    bool last;        /* ... in the last part of the table */
    bool again;       /* the file may have keys to ask for again */
    bool whole;       /* a look was done to its end before: rows that are not known are news */
    int64_t due_us;   /* monotonic: the next step, or look */
    uint64_t size;    /* rows of a part; 0: all of the table */
    leat_arena arena; /* of the part: its spans */
    leat_query_span *spans;
    size_t nspans, cap;
    const leat_str *next;    /* where the next part begins; NULL: at the beginning */
    leat_arena kept;         /* of next */
    leat_keyset seen;        /* keys of a span */
    leat_query_offset noted; /* the position as the file has it */
} leat_query_look;

/* A table, or the query. */
typedef struct leat_query_table {
    leat_sql_table id;
    const char *label;        /* "public.city", or "query" */
    const char *topic, *from; /* from: item of FROM, without its name */
    leat_str partition;
    leat_query_shape *shape; /* NULL: not described yet */
    leat_sql_settled settled;
    leat_query_offset at;    /* read up to here ... */
    leat_query_offset group; /* ... and the row before this, which may have others like it */
    bool grouped;            /* group counts */
    bool stored;             /* a position was there at the start */
    leat_query_offset end;   /* for --once: where it ended at the start ... */
    bool ends;               /* ... if there was anything */
    int64_t due_us;          /* monotonic: when it is asked next */
    int64_t held_us;         /* since when rows wait for a transaction; 0: they do not */
    bool gone;               /* it is not in the database any more */
    bool told;               /* columns that are left out were */
    uint64_t rows;           /* of this poll */
    int64_t page;            /* where it ends by query.suffix; INT64_MIN: nowhere */
    bool marked;             /* a safe place was, whose position is not told yet */
    bool dead;               /* the last row went to the dead letters */
    leat_query_look look;
} leat_query_table;

typedef struct leat_query_source {
    leat_task *task;
    const leat_query_conf *conf;
    leat_arena arena;
    leat_sql sql;
    leat_sql_target target;
    leat_origin *origin;
    leat_query_table **tables; /* in the order in which they were found */
    size_t ntables, tables_cap;
    leat_query_table *reading; /* its rows are coming; NULL: none */
    leat_value *cells;         /* of one row, as the dialect gives them */
    size_t ncells;
    leat_compare_side *side;   /* reads keys; NULL: closed */
    leat_query_table *looking; /* whose look is under way; NULL: none */
    bool polled;               /* the last turn was a poll's */
    size_t turn;               /* the table that is asked first when several are due */
    int64_t tables_us;         /* monotonic: when tables are looked for next */
    leat_position *start;      /* as given to open */
    size_t nstart;
    bool once;      /* its end was asked for */
    bool waits;     /* the task was told that it waits */
    bool told_none; /* that there are no tables */
    leat_buf offset;
} leat_query_source;

/* ---- tables.c ---- */

/* Finds the tables of this task, or the query; those that are gone are marked. */
leat_rc leat_query_tables_find(leat_query_source *s, leat_err *e);
/* A table of the database is captured by this configuration; *task: by which of `of` tasks. */
leat_rc leat_query_tables_wanted(const leat_query_conf *c, const leat_sql_table *t, unsigned of,
                                 bool *in, unsigned *task, leat_arena *a, leat_err *e);
/* "public.city", in a. */
const char *leat_query_tables_label(const leat_sql_table *t, leat_arena *a);
/* Describes its columns anew; keeps the shape where they are as they were. CONF when the columns of
 * the mode are not there or may be NULL. */
leat_rc leat_query_tables_describe(leat_query_source *s, leat_query_table *t, leat_err *e);
/* The same, and keeps it only if the primary key is as it was, too. */
leat_rc leat_query_tables_describe_key(leat_query_source *s, leat_query_table *t, leat_err *e);
void leat_query_tables_free(leat_query_source *s);

/* ---- source.c ---- */

/* Begins to read rows of the shape. */
leat_rc leat_query_begin(leat_query_source *s, leat_query_table *t, const char *sql, leat_err *e);
/* The row's place in the order: its moment, its number; false: it has none, and is not counted. */
bool leat_query_place_of(const leat_query_shape *shape, const leat_value *cells,
                         leat_query_offset *out);
/* Makes the dialect's cells what the schema shows. DATA: a value has no room there. */
leat_rc leat_query_fix_cells(const leat_query_shape *shape, leat_arena *a, leat_value *cells,
                             leat_err *e);
/* A row: an event, or a dead letter (t->dead). rc and why are what the dialect said of it. */
leat_rc leat_query_tell(leat_query_source *s, leat_query_table *t, leat_batch *b, leat_rc rc,
                        leat_str raw, leat_err *why, leat_err *e);

/* The batch takes no more rows. */
bool leat_query_full(const leat_query_source *s, const leat_batch *b);

/* ---- deletes.c ---- */

/* The key of the shape, and how its texts are read. CONF "query.no_key": there is none. */
leat_rc leat_query_deletes_plan(leat_query_source *s, leat_query_table *t, leat_err *e);
/* Opens the file of keys, before rows are read; nothing where deletes are not looked for. */
leat_rc leat_query_deletes_open(leat_query_source *s, leat_query_table *t, leat_err *e);
/* The key of the row that was read, in a. */
leat_value leat_query_deletes_key(const leat_query_source *s, const leat_query_shape *shape,
                                  leat_arena *a);
/* The row is about to be told; told: not as a dead letter. */
leat_rc leat_query_deletes_keep(leat_query_source *s, leat_query_table *t, bool told, leat_err *e);
/* All such rows of the batch are in the file, with the position behind them. */
leat_rc leat_query_deletes_flush(leat_query_table *t, leat_err *e);
/* The table whose next step is due; NULL: none, *wait_ms is cut to the next. */
leat_query_table *leat_query_deletes_due(leat_query_source *s, int *wait_ms);
/* A statement or two of a look. What was found goes to b, which is empty. */
leat_rc leat_query_deletes_step(leat_query_source *s, leat_query_table *t, leat_batch *b,
                                leat_err *e);
/* A position of deletes is durable. */
leat_rc leat_query_deletes_ack(leat_query_source *s, leat_position pos, leat_err *e);
void leat_query_deletes_close(leat_query_table *t);

/* ---- statement.c ---- */

/* The item of FROM for a table, or for the query, in a. */
const char *leat_query_from(const leat_query_conf *c, const leat_dialect *d,
                            const leat_sql_table *t, leat_arena *a);
/* The statement of the next poll, up to what is settled; page: moments up to that one, INT64_MIN:
 * no such bound. NUL-ended. */
void leat_query_statement(leat_query_source *s, const leat_query_table *t, int64_t page,
                          leat_buf *out);
/* Appends that a row is not behind the table's position, which there is. */
void leat_query_put_behind(leat_query_source *s, const leat_query_table *t, leat_buf *out);
/* Asks for the last moment or number of the page that query.suffix makes of it; *any: there is one.
 */
leat_rc leat_query_page(leat_query_source *s, const leat_query_table *t, bool *any, int64_t *last,
                        leat_err *e);
/* The greatest moment or number there is now; *any: there is one. */
leat_rc leat_query_latest(leat_query_source *s, const leat_query_table *t, bool *any,
                          leat_query_offset *out, leat_err *e);

/* ---- check.c: for leat_source ---- */

leat_rc leat_query_check(const void *conf, leat_checker *c, leat_err *e);
leat_rc leat_query_discover(const void *conf, leat_catalog *out, leat_err *e);
/* A session by this configuration. */
leat_rc leat_query_connect(const leat_query_conf *c, leat_sql *sql, leat_sql_target *target,
                           const char *app, leat_err *e);

#endif
