/* TLS of connections to PostgreSQL: what libpq does not do or say. */
#ifndef LEAT_SYSTEM_POSTGRES_TLS_H
#define LEAT_SYSTEM_POSTGRES_TLS_H

#include "system/postgres/classify.h"
#include "system/postgres/conn.h"

enum { LEAT_PG_TLS_WHY = 320 }; /* bytes */

/* Before a connect: a key with a password never makes OpenSSL ask for it on the terminal. */
void leat_pg_tls_setup(void);

/* The file of authorities of database.sslrootcert; of "system" the one of this machine
 * (SSL_CERT_FILE in the environment, else where OpenSSL or a distribution has it). NULL: the option
 * is not set. */
const char *leat_pg_tls_authorities(const leat_pg_target *t);

/* "TLSv1.3, TLS_AES_256_GCM_SHA384", in a; NULL: the session goes without TLS. */
const char *leat_pg_tls_text(const leat_pg *c, leat_arena *a);

/* A session that will read much in small messages: each is a TLS record, and OpenSSL takes as many
 * off the socket at once as its buffer holds, instead of one by two calls. From then on waiting for
 * the socket is right only after leat_pg_tls_drained. Without TLS: nothing. */
void leat_pg_tls_read_ahead(const leat_pg *c);
/* Nothing that PQconsumeInput could still give has been taken off the socket: call it again until
 * this is so, then wait. */
bool leat_pg_tls_drained(const leat_pg *c);

/* When message, libpq's, only says that the server's certificate was not accepted: asks the server
 * for it, until deadline (monotonic, microseconds), and says why that is in why; *v: what to do.
 * false: it is another failure, or nothing could be found out. */
bool leat_pg_tls_why(const leat_pg_target *target, leat_str message, int64_t deadline,
                     char why[LEAT_PG_TLS_WHY], leat_pg_verdict *v);

#endif
