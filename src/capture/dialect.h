/* A relational database as query capture sees it: one small dialect each.
 *
 * The source asks in SQL that it puts together itself; a dialect says where the databases differ:
 * how to get there, which tables there are, what a result's columns are (in JDBC's types, as its
 * driver would tell them), how names, moments and columns stand in a statement, how a result's rows
 * become cells, and up to where rows are settled, that is no transaction still open can commit more
 * of them.
 *
 * A statement's rows are those of an item of FROM, a table or a query in brackets, called q. All
 * calls of one session are made by one thread; none blocks much longer than its wait_ms or the
 * target's time for a statement. Errors as a source's. */
#ifndef LEAT_CAPTURE_DIALECT_H
#define LEAT_CAPTURE_DIALECT_H

#include "base/buf.h"
#include "base/err.h"
#include "capture/compare.h"
#include "config/opt.h"
#include "event/value.h"

/* java.sql.Types, as far as the JDBC connector maps them. */
typedef enum leat_sql_type {
    LEAT_SQL_NONE, /* not mapped: the column is left out */
    LEAT_SQL_BOOLEAN,
    LEAT_SQL_INT8,
    LEAT_SQL_INT16,
    LEAT_SQL_INT32,
    LEAT_SQL_INT64,
    LEAT_SQL_FLOAT32,
    LEAT_SQL_FLOAT64,
    LEAT_SQL_NUMERIC, /* what numeric.mapping is about ... */
    LEAT_SQL_DECIMAL, /* ... and what it is not */
    LEAT_SQL_STRING,
    LEAT_SQL_BYTES,
    LEAT_SQL_DATE,
    LEAT_SQL_TIME,
    LEAT_SQL_TIMESTAMP,
} leat_sql_type;

/* A column of a result. */
typedef struct leat_sql_column {
    const char *name;
    const char *native; /* its type in the database's words: "numeric(10,2)" */
    leat_sql_type type;
    int32_t precision, scale; /* NUMERIC, DECIMAL: as the driver tells them; 0: not limited */
    bool optional;            /* may be NULL, as far as the database knows */
    bool increments;          /* the database numbers rows by it */
    bool zoned;               /* TIMESTAMP: stored as instants; else in db.timezone */
    int64_t grain_us;         /* TIMESTAMP: to what values are rounded; 1: not at all */
    const void *plan;         /* the dialect's: how its values are read */
} leat_sql_column;

/* How to get there; texts are borrowed from the configuration. */
typedef struct leat_sql_target {
    const char *url;             /* jdbc:... */
    const char *user, *password; /* beside those of the URL; NULL: none */
    const char *zone;            /* db.timezone */
    int64_t isolation;           /* index into leat_sql_isolations */
    int64_t connect_ms, query_ms;
    bool all_types;   /* columns of types that JDBC does not map are told as STRING */
    bool ignore_late; /* what can be seen is settled */
    int64_t late_ms;  /* how old a transaction that has not written yet may be to be waited for */
} leat_sql_target;

/* Values of transaction.isolation.mode, NULL-ended; 0: the database's own. */
extern const char *const leat_sql_isolations[];

/* A table, or what stands for one. */
typedef struct leat_sql_table {
    const char *db, *schema, *name; /* NULL: the database has none */
    const char *kind;               /* in JDBC's words: "TABLE", "VIEW" */
    uint64_t id;                    /* the dialect's own number; 0: none */
} leat_sql_table;

/* What its name is qualified by: its schema, where there are none its database; NULL: nothing. */
static inline const char *leat_sql_table_space(const leat_sql_table *t)
{
    return t->schema ? t->schema : t->db;
}

/* Which tables are looked for: JDBC's patterns with % and _, "" for those without, NULL: all. */
typedef struct leat_sql_wanted {
    const char *catalog, *schema;
    leat_opt_list types;
} leat_sql_wanted;

/* What rows are told apart by, in time: the first of these columns that is not NULL. */
typedef struct leat_sql_stamp {
    const leat_sql_column *const *cols;
    const char *const *quoted; /* their names as they stand in a statement: q."ts" */
    size_t n;                  /* 0: there is none */
} leat_sql_stamp;

typedef struct leat_sql leat_sql;

/* Up to where rows are settled: filled anew by each look. Zeroed at first, then kept between looks,
 * since what an open transaction may still write follows from when it was first seen. */
typedef struct leat_sql_settled {
    /* Given: */
    const leat_sql_table *table; /* NULL: a query, of whatever tables */
    const leat_sql_stamp *stamp; /* the rows' moments; NULL: the numbers of `number` */
    const char *from;            /* item of FROM, without its name */
    const char *number;          /* quoted; NULL without numbers */
    const char *number_name;     /* ... as it is */
    int64_t delay_us;            /* of moments: how far behind the clock */
    bool has_last;               /* last is where the source stands: all up to there was read */
    int64_t last;                /* number, or moment in us */
    /* Filled: */
    bool any;        /* there is something to read; upto is set */
    int64_t upto;    /* number: rows up to it; moment in us: rows before it */
    bool held;       /* more can be seen than is settled */
    char holder[96]; /* ... because of this: "transaction of pid 4711, open for 12 s" */
    void *priv;      /* the dialect's; freed by forget */
} leat_sql_settled;

/* What a user lacks to see which rows are settled. */
typedef struct leat_sql_doubts {
    const char *text;        /* NULL: nothing */
    const char *mend, *undo; /* the SQL that mends it, and takes it back; NULL: none */
    bool stops;              /* nothing is read without it */
} leat_sql_doubts;

typedef struct leat_dialect {
    const char *const *protocols; /* of JDBC URLs: "postgresql"; NULL-ended */
    const char *klass;            /* dialect.name: "PostgreSqlDatabaseDialect" */
    const char *title;            /* "PostgreSQL" */
    char open_quote, close_quote;
    /* Whether URL and options can be used: problems go to r. No I/O. */
    void (*validate)(const leat_sql_target *target, leat_report *r);
    /* app: how the session calls itself. On failure all is closed again. */
    leat_rc (*connect)(leat_sql *s, const char *app, leat_err *e);
    void (*close)(leat_sql *s);
    /* Sorted by schema and name; the system's own are not among them. In a. */
    leat_rc (*tables)(leat_sql *s, const leat_sql_wanted *w, leat_arena *a, leat_sql_table **out,
                      size_t *n, leat_err *e);
    /* The columns of an item of FROM, with what their table says where they come from one. In a. */
    leat_rc (*describe)(leat_sql *s, const char *from, leat_arena *a, leat_sql_column **out,
                        size_t *n, leat_err *e);
    /* The first cell of the first row as text, absent if there is none or it is NULL. In a. */
    leat_rc (*ask)(leat_sql *s, const char *doing, const char *sql, leat_arena *a, leat_str *out,
                   leat_err *e);
    /* The server's clock, us since 1970 UTC. */
    leat_rc (*clock)(leat_sql *s, int64_t *us, leat_err *e);
    /* Appends how a column stands in a SELECT, so that its values can be read. */
    void (*put_column)(leat_sql *s, const leat_sql_column *c, const char *quoted, leat_buf *out);
    /* Appends the moment of a row; a moment to compare it with; one that no row that is yet to come
     * will be before, though clocks be put back in the autumn; and the greatest of all rows, in us.
     */
    void (*put_stamp)(leat_sql *s, const leat_sql_stamp *stamp, leat_buf *out);
    void (*put_moment)(leat_sql *s, const leat_sql_stamp *stamp, int64_t us, leat_buf *out);
    void (*put_bound)(leat_sql *s, const leat_sql_stamp *stamp, int64_t us, leat_buf *out);
    void (*put_latest)(leat_sql *s, const leat_sql_stamp *stamp, leat_buf *out);
    /* Looks up to where rows are settled, before the statement that reads them. */
    leat_rc (*look)(leat_sql *s, leat_sql_settled *w, leat_err *e);
    void (*forget)(leat_sql_settled *w);
    /* Begins to read the rows of a SELECT of these columns under one view. */
    leat_rc (*begin)(leat_sql *s, const char *sql, const leat_sql_column *const *cols, size_t n,
                     leat_err *e);
    /* The next row: a cell each column, in a. OK; AGAIN: not within wait_ms; PENDING: that was all.
     * DATA: the row cannot be read, and is passed. *raw: its bytes as they came, in a, or absent
     * with their number as its length. */
    leat_rc (*row)(leat_sql *s, int wait_ms, leat_arena *a, leat_value *cells, leat_str *raw,
                   leat_err *e);
    /* After the last row, or instead of the rest. */
    leat_rc (*end)(leat_sql *s, leat_err *e);
    /* Does something harmless, so that the session is not cut off. */
    leat_rc (*beat)(leat_sql *s, leat_err *e);
    /* A session of its own to the same database, that reads tables by ranges of keys: closed before
     * this one. */
    leat_rc (*compare)(leat_sql *s, const char *app, leat_compare_side **out, leat_err *e);
    /* For a check: the server in a few words; and what this user lacks, d zeroed before. In a. */
    leat_rc (*about)(leat_sql *s, leat_arena *a, const char **text, leat_err *e);
    leat_rc (*doubts)(leat_sql *s, bool moments, leat_arena *a, leat_sql_doubts *d, leat_err *e);
} leat_dialect;

/* A session. Zeroed before its first connect, but for target, dialect, leaves and arg. */
struct leat_sql {
    const leat_dialect *dialect;
    const leat_sql_target *target;
    bool (*leaves)(void *arg); /* once true, long waits end with RETRY; NULL: never */
    void *arg;
    void *priv; /* the dialect's; NULL: closed */
};

/* Built in, NULL-ended; written by the build. */
extern const leat_dialect *const leat_dialects[];
/* That of a JDBC URL, or of a name of dialect.name that is not empty. CONF names what there is. */
leat_rc leat_dialect_find(const char *url, const char *name, const leat_dialect **out, leat_err *e);

/* Appends name in the dialect's quotes, or as it is. */
void leat_dialect_quote(const leat_dialect *d, bool quote, leat_str name, leat_buf *out);
/* How far a zone without changes is east of UTC: "UTC", "+02:00", "UTC+2", "Etc/GMT-2". False: it
 * has a name. */
bool leat_dialect_offset(const char *zone, int64_t *us);
/* To what a row's moment is rounded, in us: what the coarsest of its columns is. */
int64_t leat_dialect_grain(const leat_sql_stamp *stamp);
/* SQL's LIKE: % any text, _ one character, \ before either of them. */
bool leat_dialect_like(leat_str text, const char *pattern);

#endif
