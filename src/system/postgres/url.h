/* From a URL, as JDBC's drivers and libpq write it, to a target of a connection. Pure; any thread.
 */
#ifndef LEAT_SYSTEM_POSTGRES_URL_H
#define LEAT_SYSTEM_POSTGRES_URL_H

#include "config/db_url.h"
#include "system/postgres/conn.h"

/* Of the parameters: ssl, sslmode, sslcert, sslkey, sslpassword, sslrootcert, targetServerType,
 * currentSchema, connectTimeout (seconds); others are passed over. What is not given keeps what *t
 * has, but host, port and database have libpq's defaults. Texts are u's or in a. CONF "config.url"
 * at connection.url. */
leat_rc leat_pg_url_target(const leat_db_url *u, leat_arena *a, leat_pg_target *t, leat_err *e);

#endif
