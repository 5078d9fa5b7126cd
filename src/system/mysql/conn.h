/* A connection to MySQL or MariaDB that never waits beyond a deadline.
 *
 * Ordinary sessions and dumps of the binary log alike, by libmariadb. Ordinary sessions speak
 * UTF-8 and UTC. Errors carry the server's words, a stable code and advice (classify.h), and never
 * a password. One thread at a time. */
#ifndef LEAT_SYSTEM_MYSQL_CONN_H
#define LEAT_SYSTEM_MYSQL_CONN_H

#include <mysql.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* database.ssl.mode, in the order of leat_my_sslmodes. */
typedef enum leat_my_sslmode {
    LEAT_MY_SSL_PREFERRED,
    LEAT_MY_SSL_DISABLED,
    LEAT_MY_SSL_REQUIRED,
    LEAT_MY_SSL_VERIFY_CA,
    LEAT_MY_SSL_VERIFY_IDENTITY,
} leat_my_sslmode;
extern const char *const leat_my_sslmodes[]; /* NULL-ended */

/* How to get there; filled from the option table, read-only. Absent texts are NULL. */
typedef struct leat_my_target {
    const char *host, *user, *password;
    const char *dbname; /* NULL: none */
    int64_t port;
    int64_t sslmode;                      /* leat_my_sslmode */
    const char *sslca, *sslcert, *sslkey; /* PEM files */
    bool keepalive;                       /* connect.keep.alive */
    int64_t connect_ms;                   /* for connecting and logging in */
    int64_t query_ms;                     /* for one statement; 0: no limit */
    const char *initial; /* statements to run first, separated by ';' (";;" is a semicolon) */
    bool writes; /* for leat_my_script; an UPDATE's count is of the rows that it finds, changed or
                    not */
} leat_my_target;

/* The server's certificate is to be checked, and there is nothing to check it by. */
static inline bool leat_my_lacks_ca(const leat_my_target *t)
{
    return t->sslmode >= LEAT_MY_SSL_VERIFY_CA && !t->sslca;
}

/* Zeroed before its first connect. */
typedef struct leat_my {
    MYSQL *my;                    /* NULL: closed */
    const leat_my_target *target; /* borrowed */
    /* Set by the user, kept by connect: once it says true, waits that last longer than a moment end
     * with RETRY "mysql.stopped"; NULL: never. */
    bool (*leaves)(void *arg);
    void *arg;          /* of leaves; borrowed */
    bool up;            /* logged in: what goes wrong now is no matter of the configuration */
    bool mariadb;       /* the server is one, else a MySQL */
    unsigned version;   /* 80036, 101119 */
    char told[64];      /* the version as the server says it: "10.11.19-MariaDB-log" */
    const char *cipher; /* of TLS, borrowed from the connection; NULL: none */
} leat_my;

/* Connects and sets an ordinary session up. c is closed on failure. */
leat_rc leat_my_connect(leat_my *c, const leat_my_target *target, leat_err *e);
/* May be called on a closed one. */
void leat_my_close(leat_my *c);
/* The session is there, as far as is known without asking. */
static inline bool leat_my_is_open(const leat_my *c)
{
    return c->my != NULL;
}

/* A result that was stored whole; zeroed: none. */
typedef struct leat_my_result {
    MYSQL_RES *res;
    MYSQL_ROW row; /* of the last leat_my_next */
    unsigned long *lengths;
    unsigned n; /* columns */
} leat_my_result;

/* Runs one statement and stores its rows, if it has any; to be freed. Waits query_ms at most, and
 * closes the session when that has passed. doing: "read the tables", for the message. */
leat_rc leat_my_query(leat_my *c, const char *doing, const char *sql, leat_my_result *out,
                      leat_err *e);
/* The same, but its rows come one by one by leat_my_fetch. Until they are all fetched, or
 * leat_my_drop has been called, the session can do nothing else. */
leat_rc leat_my_select(leat_my *c, const char *doing, const char *sql, leat_my_result *out,
                       leat_err *e);
/* The next row, its cells valid until the next call. AGAIN: none within wait_ms; PENDING: no more.
 * Waits longer only for the rest of a row that has begun. */
leat_rc leat_my_fetch(leat_my *c, const char *doing, leat_my_result *r, int wait_ms, leat_err *e);
/* Rows that are left are not wanted: takes what comes within a moment, else closes the session. */
void leat_my_drop(leat_my *c, leat_my_result *r);
/* Packets are at hand, or come within wait_ms: 1, 0 or a negative errno. */
int leat_my_at_hand(leat_my *c, int wait_ms);
/* The same without wanting its rows. */
leat_rc leat_my_exec(leat_my *c, const char *doing, const char *sql, leat_err *e);
/* Runs n statements without rows, with ';' between, that go to the server together. affected: of
 * each. On failure *done: how many were run before the one that failed; those behind it were not.
 */
leat_rc leat_my_script(leat_my *c, const char *doing, leat_str sql, uint32_t n, int64_t *affected,
                       uint32_t *done, leat_err *e);
/* The number of the error that a call on c just failed with; 0: it was none of the server's. */
unsigned leat_my_errno(const leat_my *c);
/* The next row; false: no more. */
bool leat_my_next(leat_my_result *r);
/* Cells of the row: absent if NULL, valid until free. */
leat_str leat_my_cell(const leat_my_result *r, unsigned col);
int64_t leat_my_cell_i64(const leat_my_result *r, unsigned col, int64_t def);
/* The cell of a column by its name, in any case, for SHOW statements whose columns differ from
 * version to version; absent too if there is no such column. */
leat_str leat_my_cell_named(const leat_my_result *r, const char *name);
void leat_my_result_free(leat_my_result *r);

/* Fails with what the connection says. */
leat_rc leat_my_fail(leat_err *e, const leat_my *c, const char *doing);
/* Fails with an error of the server's: number and message. */
leat_rc leat_my_fail_as(leat_err *e, const leat_my *c, const char *doing, unsigned number,
                        leat_str message);

/* Appends name as an identifier in backticks; text as a constant in single quotes, for any
 * sql_mode that has backslash escapes or has not (quotes are doubled; a backslash makes it hex). */
void leat_my_put_name(leat_buf *out, leat_str name);
void leat_my_put_text(leat_buf *out, leat_str text);
/* `db`.`name`; name absent: `db`. */
void leat_my_put_table(leat_buf *out, leat_str db, leat_str name);

#endif
