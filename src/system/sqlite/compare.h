/* SQLite as a side of `leat verify` (capture/compare.h). It has no hash function, but runs in this
 * process: rows are hashed here as they come. */
#ifndef LEAT_SYSTEM_SQLITE_COMPARE_H
#define LEAT_SYSTEM_SQLITE_COMPARE_H

#include <sqlite3.h>

#include "capture/compare.h"

/* The file must be there. path is copied. */
leat_rc leat_sqlite_compare_open(const char *path, int64_t wait_ms, leat_compare_side **out,
                                 leat_err *e);
/* The same of a session that stays the caller's, of a database in which floats keep the sign of 0
 * and from which nothing is removed. path: its name in messages. */
leat_rc leat_sqlite_compare_of(sqlite3 *db, const char *path, leat_compare_side **out, leat_err *e);
/* The functions that statements with its texts need, in another session. SQLite's code. */
int leat_sqlite_compare_functions(sqlite3 *db);

#endif
