/* A connection to PostgreSQL that never waits beyond a deadline.
 *
 * Ordinary sessions and replication sessions ("walsenders") alike. All sessions speak UTF-8, but
 * for those that take the bytes of a SQL_ASCII database (leat_pg.raw), and the styles that types.h
 * parses. Errors carry the server's words with its detail and hint, a stable
 * code and advice (classify.h), and never a password. One thread at a time. */
#ifndef LEAT_SYSTEM_POSTGRES_CONN_H
#define LEAT_SYSTEM_POSTGRES_CONN_H

#include <libpq-fe.h>

#include "base/arena.h"
#include "base/err.h"
#include "system/postgres/pace.h"

#define LEAT_PG_SYSTEM_AUTHORITIES "system" /* of sslrootcert: those that this machine trusts */

/* How to get there; filled from the option table, read-only. Absent texts are NULL. */
typedef struct leat_pg_target {
    const char *host, *user, *password, *dbname;
    const char *password_command, *password_file; /* instead of password, at each connect */
    int64_t port;
    int64_t roles;   /* index into leat_pg_roles: which of several hosts is taken */
    int64_t sslmode; /* index into leat_pg_sslmodes */
    const char *sslcert, *sslkey, *sslpassword, *sslrootcert; /* sslrootcert: also "system" */
    bool keepalive;
    int64_t connect_ms;  /* for the whole of connecting and logging in */
    int64_t query_ms;    /* for one statement; 0: no limit */
    const char *initial; /* statements to run first, separated by ';' (";;" is a semicolon) */
    bool utf8; /* of a SQL_ASCII database too the server is to refuse what is no UTF-8; else raw */
} leat_pg_target;

/* libpq's target_session_attrs: "primary", "standby", "any"; NULL-ended. */
extern const char *const leat_pg_roles[];
enum { LEAT_PG_ROLE_PRIMARY, LEAT_PG_ROLE_STANDBY, LEAT_PG_ROLE_ANY };

/* "disable", "allow", "prefer", "require", "verify-ca", "verify-full", then "verify_ca" and
 * "verify_full", which mean the same; NULL-ended. */
extern const char *const leat_pg_sslmodes[];
enum {
    LEAT_PG_SSL_PREFER = 2,
    LEAT_PG_SSL_REQUIRE,
    LEAT_PG_SSL_VERIFY_CA,
    LEAT_PG_SSL_VERIFY_FULL
};
/* The index of the mode's first name, and that name, as libpq knows it. */
int leat_pg_sslmode_level(int64_t mode);
const char *leat_pg_sslmode(int64_t mode);

/* Zeroed before its first connect. */
typedef struct leat_pg {
    PGconn *pg;                   /* NULL: closed */
    const leat_pg_target *target; /* borrowed */
    /* Set by the user, kept by connect: once it says true, waits that last longer than a moment end
     * with RETRY "postgres.stopped"; NULL: never. */
    bool (*leaves)(void *arg);
    void *arg;   /* of leaves; borrowed */
    int version; /* server_version_num: 150020 */
    bool replication;
    bool raw; /* the database is SQL_ASCII, which knows no encoding: texts and names come as the
                 bytes that were stored, and the user looks whether they are UTF-8 */
    leat_pg_pace pace; /* of a replication stream */
} leat_pg;

/* Connects and sets the session up; replication: a walsender of the database. app:
 * application_name, shown in pg_stat_activity. c is closed on failure. */
leat_rc leat_pg_connect(leat_pg *c, const leat_pg_target *target, bool replication, const char *app,
                        leat_err *e);
/* May be called on a closed one. */
void leat_pg_close(leat_pg *c);

/* Runs one statement (or, without params, several) and gives the last result, to be freed with
 * PQclear; its state is PGRES_TUPLES_OK or PGRES_COMMAND_OK. n params in text form, NULL: null.
 * Waits query_ms at most. doing: "read the publication's tables", for the message. */
leat_rc leat_pg_query(leat_pg *c, const char *doing, const char *sql, int n,
                      const char *const *params, PGresult **out, leat_err *e);
/* The same without wanting its result. */
leat_rc leat_pg_exec(leat_pg *c, const char *doing, const char *sql, leat_err *e);
/* Has the server read one statement, and say what is wrong with it, without running it. */
leat_rc leat_pg_try(leat_pg *c, const char *doing, const char *sql, leat_err *e);
/* As leat_pg_query, but waits ms at most (then it has been cancelled, and the session is usable
 * unless c->pg is NULL): RETRY "postgres.timeout". */
leat_rc leat_pg_query_until(leat_pg *c, const char *doing, const char *sql, int n,
                            const char *const *params, int64_t ms, PGresult **out, leat_err *e);
/* For what takes long: sends sql, to be followed by leat_pg_poll until that is not AGAIN, or by
 * leat_pg_cancel. */
leat_rc leat_pg_send(leat_pg *c, const char *doing, const char *sql, leat_err *e);
/* The last result of what was sent, as leat_pg_query gives it; AGAIN: not within wait_ms. */
leat_rc leat_pg_poll(leat_pg *c, const char *doing, int wait_ms, PGresult **out, leat_err *e);
/* Has the server end what runs and waits for that, a few seconds at most (one when the user
 * leaves); closes the session if it does not answer. */
void leat_pg_cancel(leat_pg *c);
/* Has the server end what runs, a copy too, and closes the session without waiting for it. */
void leat_pg_abandon(leat_pg *c);
/* Sends sql, which starts a copy, and waits for the state wanted (PGRES_COPY_OUT, PGRES_COPY_BOTH),
 * ms at most (0: without a limit). The server tells that a copy out begins with its first rows. */
leat_rc leat_pg_copy(leat_pg *c, const char *doing, const char *sql, ExecStatusType wanted,
                     int64_t ms, leat_err *e);
/* Whether the copy out that was sent with leat_pg_send has begun; AGAIN: not within wait_ms. */
leat_rc leat_pg_copy_begun(leat_pg *c, const char *doing, int wait_ms, leat_err *e);
/* The next row of a copy, to be freed with PQfreemem: OK, AGAIN when wait_ms passed without one,
 * PENDING at the end (the statement is then over). A replication stream that c->pace.gulping says
 * is busy is given a moment more; there AGAIN with c->pace.told means that the server is to be sent
 * a status update now. */
leat_rc leat_pg_copy_row(leat_pg *c, const char *doing, int wait_ms, char **row, size_t *len,
                         leat_err *e);

/* Fails with what res says (or, if res is NULL or has no state, with what the connection says). */
leat_rc leat_pg_fail(leat_err *e, const leat_pg *c, const PGresult *res, const char *doing);

/* Cell as text; absent if it is NULL. Valid until PQclear. */
leat_str leat_pg_cell(const PGresult *res, int row, int col);
/* Cell as a number; def if it is NULL or none. */
int64_t leat_pg_cell_i64(const PGresult *res, int row, int col, int64_t def);
bool leat_pg_cell_bool(const PGresult *res, int row, int col);

#endif
