/* What differs between relational databases, as far as a sink is concerned.
 *
 * The sink (sql.c, apply.c) knows what is to be written: shapes of statements (insert, upsert,
 * update, delete) over a target table's columns, and rows for them. A dialect writes SQL, puts
 * cells into the forms its server reads, and runs it. One connection a sink; all calls by the
 * sink's thread.
 *
 * Errors of a call say by their rc what is to be done: DATA: the row can never be taken; RETRY: the
 * connection is closed, all is done again; CONF: a person must act. */
#ifndef LEAT_SINK_SQL_DIALECT_H
#define LEAT_SINK_SQL_DIALECT_H

#include "base/buf.h"
#include "capture/compare.h"
#include "config/db_url.h"
#include "event/event.h"
#include "sink/sql/conf.h"
#include "source/source.h"

/* A column of the target. */
typedef struct leat_rdb_column {
    const char *name;
    const char *type; /* as the server writes it: "numeric(10,2)" */
    uint8_t form;     /* the dialect's: how cells are written for it */
    bool key;         /* of the primary key */
    bool generated;   /* computed: never written */
    bool always;      /* an identity that is given by the server unless it is overridden */
    bool unique;      /* of the first unique index; where uniques counts them */
} leat_rdb_column;

/* A table of the target. */
typedef struct leat_rdb_table {
    const char *schema; /* NULL: the connection's */
    const char *name;
    const char *label; /* for messages */
    bool exists;
    leat_rdb_column *columns;
    uint32_t ncolumns;
    uint32_t uniques; /* unique indexes, where the dialect has to know them */
    bool merges; /* an upsert is no insert, even of rows that are not there: a trigger fires for
                    statements that update, or a unique index is deferrable; likewise */
    uint32_t changes; /* times that it was found another than before; the sink's */
} leat_rdb_table;

typedef enum leat_rdb_kind {
    LEAT_RDB_ROW_INSERT,
    LEAT_RDB_ROW_UPSERT,
    LEAT_RDB_ROW_UPDATE, /* by the key, which may change: the columns of set, then the old key */
    LEAT_RDB_ROW_DELETE,
    LEAT_RDB_ROW_TRUNCATE,
} leat_rdb_kind;

/* A place of a row's cells: where it comes from and where it goes. */
typedef struct leat_rdb_field {
    const leat_rdb_column *to;
    const leat_schema *schema; /* of the source's cell */
    uint16_t from;             /* index into the source's row */
    bool key;                  /* of what identifies rows in the target */
} leat_rdb_field;

/* A statement with places for one row. Lives as long as its plan. */
typedef struct leat_rdb_shape {
    leat_rdb_kind kind;
    const leat_rdb_table *table;
    const leat_rdb_field *fields; /* of the plan */
    const uint16_t *set;          /* written, indices into fields */
    const uint16_t *by;           /* of UPDATE and DELETE: the key, indices into fields */
    uint16_t nset, nby;
    const char *sql;
    void *prepared; /* the dialect's; of this connection */
    unsigned id;    /* grows; for names of prepared statements */
} leat_rdb_shape;

/* One row for a shape. */
typedef struct leat_rdb_row {
    leat_rdb_shape *shape;
    const leat_value *cells; /* of set, by field.from */
    const leat_value *old;   /* of by */
    uint32_t event;          /* index into the batch */
    bool made;               /* the source has it new: the target will hardly have it yet */
} leat_rdb_row;

typedef struct leat_rdb_dialect leat_rdb_dialect;

/* A connection; a dialect's own struct begins with it. */
typedef struct leat_rdb_conn {
    const leat_rdb_dialect *dialect;
    const leat_rdb_conf *conf;
    const char *app; /* the connector's name, for the server's lists */
} leat_rdb_conn;

struct leat_rdb_dialect {
    const char *name;           /* of dialect.name */
    const char *const *schemes; /* of URLs; NULL-ended */
    bool file;                  /* the database is a local file, the path of its URL */
    bool ddl_commits;           /* a CREATE or ALTER ends the transaction it stands in */
    bool folds;                 /* names of columns that differ by case alone are the same */
    uint32_t held_most;         /* events of several batches that one transaction takes, as long as
                                   more are there already; 0: a batch is a transaction */
    const char *long_text;      /* the type of text of any length */
    const char *truncate;       /* "TRUNCATE TABLE " or "DELETE FROM " */

    /* ---- pure ---- */
    void (*quote)(leat_buf *out, leat_str name);
    /* The type of a column that is made for cells of this schema; native: the source's column, from
     * a source of this same system, or NULL. key: it is of a primary key. */
    void (*type)(leat_buf *out, const leat_schema *schema, const leat_column *native, bool key);
    /* The place of a parameter, n from 1. */
    void (*place)(leat_buf *out, unsigned n);
    /* Completes "INSERT INTO t (...) VALUES (...)" to an upsert. */
    void (*upsert)(leat_buf *out, const leat_rdb_shape *shape);
    /* What stands behind the brackets of CREATE TABLE; NULL: nothing. */
    void (*table_end)(leat_buf *out, const leat_rdb_conn *c);

    /* ---- a connection ---- */
    /* trial: it is only tried whether that works; nothing is made by it, and no setting that stays.
     */
    leat_rc (*open)(const leat_rdb_conf *conf, const leat_db_url *url, const char *app, bool trial,
                    leat_arena *a, leat_rdb_conn **out, leat_err *e);
    void (*close)(leat_rdb_conn *c);
    /* Statements without parameters or result. doing: for the message. */
    leat_rc (*exec)(leat_rdb_conn *c, const char *doing, const char *sql, leat_err *e);
    /* One row of one column, in a; absent: no row, or NULL. n text parameters. affected: of a
     * statement that changes rows. Either may be NULL. */
    leat_rc (*ask)(leat_rdb_conn *c, const char *doing, const char *sql, int n,
                   const char *const *params, leat_arena *a, leat_str *text, int64_t *affected,
                   leat_err *e);
    /* Fills exists and columns, in a. */
    leat_rc (*describe)(leat_rdb_conn *c, leat_rdb_table *t, leat_arena *a, leat_err *e);
    /* Whether the target knows a type by that name; NULL: the dialect takes no native types. */
    leat_rc (*knows)(leat_rdb_conn *c, const char *type, bool *known, leat_err *e);
    /* Runs the rows in their order. On failure *done: how many of them are surely good, the one
     * behind them being the culprit; the transaction is broken until it is rolled back to the
     * savepoint. affected[i]: rows changed by rows[i]. */
    leat_rc (*apply)(leat_rdb_conn *c, const leat_rdb_row *rows, uint32_t n, int64_t *affected,
                     uint32_t *done, leat_err *e);
    /* Steps about the server: version, whether it takes writes. */
    leat_rc (*check)(leat_rdb_conn *c, leat_checker *k, leat_err *e);
    /* A session of its own for `leat verify`; url has user and password. NULL: there is none. */
    leat_rc (*compare)(const leat_rdb_conf *conf, const leat_db_url *url, const char *app,
                       leat_arena *a, leat_compare_side **out, leat_err *e);
};

/* NULL-ended; of this build. */
extern const leat_rdb_dialect *const leat_rdb_dialects[];
/* By name, or by the URL's scheme if that is NULL; NULL: there is none. */
const leat_rdb_dialect *leat_rdb_dialect_find(const char *name, const char *scheme);
/* "postgresql, sqlite": those of this build, in a. */
const char *leat_rdb_dialect_names(leat_arena *a);

/* Appends "schema"."table" or "table". */
void leat_rdb_quote_table(const leat_rdb_dialect *d, leat_buf *out, const leat_rdb_table *t);
/* Appends "INSERT INTO t (a, b)", of the columns that the shape sets. */
void leat_rdb_put_insert(const leat_rdb_dialect *d, leat_buf *out, const leat_rdb_shape *s);

/* dialect.upsert of PostgreSQL and SQLite: " ON CONFLICT (key) DO UPDATE SET ...". */
void leat_rdb_put_conflict(leat_buf *out, const leat_rdb_shape *shape);

/* For dialects. Options that the system's own errors name as a source's are called as a sink's;
 * gives rc back. */
leat_rc leat_rdb_rename_options(leat_rc rc, leat_err *e);
/* CONF "sql.no_unique": an upsert has nothing to find rows by. */
leat_rc leat_rdb_fail_no_unique(leat_err *e, const char *table, const char *doing);

#endif
