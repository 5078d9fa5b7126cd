/* The password of a connection, where it is one that expires: a token of a cloud's.
 *
 * Asked for anew at each connect. Any thread. */
#ifndef LEAT_SYSTEM_POSTGRES_PASSWORD_H
#define LEAT_SYSTEM_POSTGRES_PASSWORD_H

#include "base/buf.h"
#include "system/postgres/conn.h"

/* Whether it is asked for: database.password.command or .file is set. */
bool leat_pg_password_asked(const leat_pg_target *t);
/* What the command or the file gives, its line's end left off, into out (zero-ended). RETRY
 * "postgres.password" when the command fails, gives nothing or takes longer than connect_ms; the
 * file's own errors, CONF when it is empty. What they gave is never told. */
leat_rc leat_pg_password_ask(const leat_pg_target *t, leat_buf *out, leat_err *e);

#endif
