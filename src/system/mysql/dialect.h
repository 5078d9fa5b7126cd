/* Inside of the dialect of MySQL and MariaDB (capture/dialect.h): its session, shared by dialect.c,
 * dialect_time.c, dialect_cell.c and dialect_late.c. */
#ifndef LEAT_SYSTEM_MYSQL_DIALECT_H
#define LEAT_SYSTEM_MYSQL_DIALECT_H

#include "capture/dialect.h"
#include "system/mysql/conn.h"

/* db.timezone, whose clock DATETIME columns show. */
typedef struct leat_my_zone {
    bool named;       /* by the server's tables, from 1970 to 2037 ... */
    int64_t offset_s; /* ... else this far east of UTC */
    int64_t before_s; /* named: before those years ... */
    int64_t after_s;  /* ... and behind them */
    const char *sql;  /* named: its name as a constant */
} leat_my_zone;

/* A transaction that has written, or holds locks. */
typedef struct leat_my_trx {
    char key[64];
    uint64_t thread; /* 0: prepared, its session gone */
    bool known;      /* its rows' moments are not before since_us; else that is not known */
    int64_t since_us;
    int64_t seen_us; /* the server's clock when it was first seen */
} leat_my_trx;

/* A session that executes a statement. */
typedef struct leat_my_running {
    uint64_t thread;
    int64_t since_us; /* not after the statement's start, which is what its NOW() says */
} leat_my_running;

/* Who may still commit rows: as it was at a time. */
typedef struct leat_my_list {
    uint64_t n;       /* how many were read; 0: none yet */
    int64_t begun_us; /* monotonic: when reading it began */
    int64_t clock_us; /* the server's clock then */
    leat_my_trx *trx; /* ntrx */
    size_t ntrx, trx_cap;
    leat_my_running *running; /* nrunning */
    size_t nrunning, running_cap;
} leat_my_list;

typedef struct leat_my_query_session {
    leat_my c;
    leat_my_target target;
    leat_arena arena; /* what target and zone point at */
    leat_my_zone zone;
    bool zero_null; /* zeroDateTimeBehavior=CONVERT_TO_NULL */
    leat_my_result rows;
    const leat_sql_column *const *cols; /* of the rows that are read ... */
    size_t ncols;
    bool reading; /* ... between begin and end */
    leat_my_list list;
    bool locked_out; /* the last look: others looked all the time */
} leat_my_query_session;

/* ---- dialect_time.c: moments in statements ---- */

/* Learns the offsets of db.timezone. CONF "query.zone". */
leat_rc leat_my_zone_read(leat_sql *s, leat_err *e);
void leat_my_put_utc(const leat_my_zone *z, const char *expr, leat_buf *out);
/* Its values have to be told in UTC, which they are not. */
bool leat_my_local(const leat_sql *s, const leat_sql_column *c);
/* The dialect's calls. */
void leat_my_put_stamp(leat_sql *s, const leat_sql_stamp *stamp, leat_buf *out);
void leat_my_put_moment(leat_sql *s, const leat_sql_stamp *stamp, int64_t us, leat_buf *out);
void leat_my_put_bound(leat_sql *s, const leat_sql_stamp *stamp, int64_t us, leat_buf *out);
void leat_my_put_latest(leat_sql *s, const leat_sql_stamp *stamp, leat_buf *out);

/* ---- dialect_cell.c: columns and their values ---- */

/* What Connector/J tells of a column of a result, in a. */
void leat_my_sql_column(const MYSQL_FIELD *field, bool all, leat_arena *a, leat_sql_column *out);
/* A value's text; zero_null: days and moments of zeros are NULL. Pure. */
leat_rc leat_my_sql_cell(const leat_sql_column *c, leat_str text, bool zero_null, leat_arena *a,
                         leat_value *v, leat_err *e);

/* ---- dialect_late.c: the two calls that say up to where rows are settled ---- */

/* CONF "query.standby": the server applies what others have written. */
leat_rc leat_my_dialect_standby(leat_sql *s, leat_err *e);
leat_rc leat_my_dialect_look(leat_sql *s, leat_sql_settled *w, leat_err *e);
void leat_my_dialect_forget(leat_sql_settled *w);
void leat_my_list_free(leat_my_list *list);

#endif
