/* counts.db: a day of every connector's counters, for `leat serve`, in SQLite.
 *
 * Beside hub.db, and of no other use: it may be removed while no hub runs. One writer, the hub. A
 * handle is used by one thread at a time; any number may read. */
#ifndef LEAT_STATE_COUNTS_H
#define LEAT_STATE_COUNTS_H

#include "base/arena.h"
#include "base/err.h"

typedef struct leat_countsdb leat_countsdb;

/* One connector at one moment; counters grow, -1 is unknown. retained_limit: 0: none is set. */
typedef struct leat_counts_row {
    const char *connector;
    int64_t at_s; /* since 1970 */
    int64_t events, dead, stream_bytes, resident_bytes, lag_bytes, behind_ms, retained_bytes,
        retained_limit;
} leat_counts_row;

leat_rc leat_countsdb_open(const char *data, leat_countsdb **out, leat_err *e);
void leat_countsdb_close(leat_countsdb *c);
/* Adds n rows and removes those before `oldest_s`, in one transaction. */
leat_rc leat_countsdb_add(leat_countsdb *c, const leat_counts_row *rows, size_t n, int64_t oldest_s,
                          leat_err *e);
/* Of one connector from a moment on, oldest first; the row is borrowed for the call. */
leat_rc leat_countsdb_each(leat_countsdb *c, const char *connector, int64_t from_s,
                           void (*fn)(void *arg, const leat_counts_row *row), void *arg,
                           leat_err *e);

#endif
