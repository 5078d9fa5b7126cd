/* What SQLite's errors mean for a sink and for `leat verify`: RETRY, DATA, CONF or FATAL. */
#ifndef LEAT_SYSTEM_SQLITE_CLASSIFY_H
#define LEAT_SYSTEM_SQLITE_CLASSIFY_H

#include <sqlite3.h>

#include "base/err.h"

/* The last error of db (NULL: there was no memory for one) on the file; "sql.*". */
leat_rc leat_sqlite_fail(leat_err *e, sqlite3 *db, const char *path, const char *doing);

#endif
