/* The inside of SELECT, shared by its files; nobody else includes this.
 *
 * One query a process and one thread. An error of a virtual table goes two ways: SQLite gets its
 * text, and leat_select.err keeps it whole. */
#ifndef LEAT_SQL_SELECT_PART_H
#define LEAT_SQL_SELECT_PART_H

#include <sqlite3.h>

#include "sql/select.h"
#include "stream/stream.h"

typedef struct leat_select {
    const leat_select_conf *conf;
    sqlite3 *db;
    leat_arena a;
    leat_topic *topics; /* as they were when the query began; looked at: those it names */
    int64_t until_us;   /* leat_mono_us at which it has to be done */
    uint64_t events;    /* read so far */
    leat_err err;       /* of a table; rc OK: none */
    bool declaring;     /* a virtual table says what columns it has */
    char refused[128];  /* what the statement asked for and may not; empty: nothing */
    struct leat_select_cluster *cluster; /* select_kafka.c's; NULL: there is no Kafka */
    leat_err no_kafka;                   /* why; rc OK: there is one, or none is meant */
} leat_select;

/* A virtual table of a query, by what its module was given. */
typedef struct leat_select_table {
    sqlite3_vtab base;
    const void *of;
} leat_select_table;

/* The end of xConnect: a table with these columns. */
int leat_select_table_new(leat_select *q, const char *declared, const void *of, sqlite3_vtab **out);
int leat_select_table_free(sqlite3_vtab *t); /* xDisconnect */
static inline const void *leat_select_of(const sqlite3_vtab *t)
{
    return ((const leat_select_table *)t)->of;
}
/* What a call of t answers: where rc is no OK, err becomes the query's, and the table's text. */
int leat_select_told(leat_select *q, sqlite3_vtab *t, leat_rc rc, const leat_err *err);
/* For xConnect of a table that tells what is held of a topic (NULL: of all): that is looked up now,
 * so that a query that names no such table opens no stream. *text: of an error. */
int leat_select_connect(leat_select *q, const char *topic, char **text);
/* RETRY "select.time" once its time is over: for what takes long between two looks of SQLite's. */
leat_rc leat_select_late(const leat_select *q, leat_err *e);
/* RETRY "select.time" of a query that had ms, and "select.memory". */
leat_rc leat_select_stopped(int64_t ms, leat_err *e);
leat_rc leat_select_full(leat_err *e);

/* ---- select_guard.c ---- */

/* Limits, what may be asked for, and the clock. */
void leat_select_guard(leat_select *q);
/* The columns of a virtual table, for its xConnect: SQLite asks whether that is allowed. */
int leat_select_declare(leat_select *q, const char *declared);

/* ---- select_bounds.c: what conditions say of topic, time and offset ---- */

typedef enum leat_select_kind {
    LEAT_SELECT_OTHER,
    LEAT_SELECT_TOPIC,
    LEAT_SELECT_CONNECTOR,
    LEAT_SELECT_TEXT_TIME, /* ISO 8601, compared by the collation "moment" */
    LEAT_SELECT_TIME_MS,
    LEAT_SELECT_TIME_US,
    LEAT_SELECT_OFFSET,
} leat_select_kind;

typedef struct leat_select_bounds {
    leat_str topic, connector; /* absent: any; they last as long as the arguments */
    int64_t least_us, most_us; /* both included */
    int64_t least, most;       /* offsets, both included */
    bool nothing;              /* no row can be right */
} leat_select_bounds;

/* Chooses the conditions that are used, for xBestIndex; kinds: of the table's columns. The
 * conditions are looked at again by SQLite, so a bound may be too wide but not too narrow. */
int leat_select_plan(sqlite3_index_info *info, const leat_select_kind *kinds, int ncolumns);
/* Of xFilter's arguments. CONF "select.moment": a time that cannot be read. */
leat_rc leat_select_bound(const char *plan, int argc, sqlite3_value **argv, leat_select_bounds *out,
                          leat_err *e);
static inline bool leat_select_timed(const leat_select_bounds *b)
{
    return b->least_us != INT64_MIN || b->most_us != INT64_MAX;
}
/* The collation "moment": times by what they mean, however they are written. */
int leat_select_moments(void *arg, int nx, const void *x, int ny, const void *y);

/* ---- the tables ---- */

/* events; without Kafka also one for each topic. */
int leat_select_events(leat_select *q);
/* One for the topic of that name, if the streams have it; *made. */
int leat_select_events_topic(leat_select *q, const char *name, bool *made);
/* kafka, if that is the stream; what is wrong with its options is no_kafka. */
int leat_select_kafka(leat_select *q);
/* Behind the last scan. */
void leat_select_kafka_end(leat_select *q);
/* One for the topic of that name, if the cluster has it; *made. RETRY: no broker answers. */
leat_rc leat_select_kafka_topic(leat_select *q, const char *name, bool *made, leat_err *e);
/* The small ones, and minutes. */
int leat_select_lists(leat_select *q);

typedef enum leat_select_type {
    LEAT_SELECT_NULL,
    LEAT_SELECT_INT,
    LEAT_SELECT_STR,
    LEAT_SELECT_BLOB,
} leat_select_type;

/* One cell of a small table. */
typedef struct leat_select_cell {
    leat_select_type type;
    int64_t i;
    leat_str s;
} leat_select_cell;

/* Rows that are made at once, in the arena of the cursor; what is not asked for is NULL. */
typedef struct leat_select_rows {
    leat_select *q;
    leat_arena a;
    leat_select_cell *v; /* heap */
    size_t n, cap;       /* cells */
    size_t bytes;        /* that these take */
    unsigned used;       /* a bit for each column that the query asks for */
    int width;           /* columns */
} leat_select_rows;

void leat_select_put_i64(leat_select_rows *r, int64_t i);
/* Absent: NULL; copied. */
void leat_select_put_str(leat_select_rows *r, leat_str s);
void leat_select_put_blob(leat_select_rows *r, leat_str s);
/* select_minutes.c */
leat_rc leat_select_fill_minutes(leat_select_rows *r, const leat_select_bounds *b, leat_err *e);
/* select_state.c */
leat_rc leat_select_fill_connectors(leat_select_rows *r, const leat_select_bounds *b, leat_err *e);
leat_rc leat_select_fill_counters(leat_select_rows *r, const leat_select_bounds *b, leat_err *e);
leat_rc leat_select_fill_letters(leat_select_rows *r, const leat_select_bounds *b, leat_err *e);

#endif
