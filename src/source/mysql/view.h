/* What a chunk's rows show, by places in the binary log and by GTIDs; and the numbers that stand
 * for transactions (leat_event.tx), so that it can be said of each whether a view contains it.
 *
 * A view has an end: what is behind it in the log is in no row. Two kinds:
 *
 *   exact   it shows what stands before its end, no more and no less: MariaDB's consistent
 *           snapshots, and views of a table that was locked while they were taken (then it is so of
 *           this table)
 *   other   MySQL's without a lock: it contains the GTIDs that were executed before it was taken
 *           (a transaction is visible before its GTID is among them, never after), and more or less
 *           of what stands between these and its end
 *
 * Places are compared on one server only: each position names the server whose log it is of. Pure;
 * any thread. */
#ifndef LEAT_SOURCE_MYSQL_VIEW_H
#define LEAT_SOURCE_MYSQL_VIEW_H

#include "capture/chunk.h"
#include "source/mysql/gtid.h"

/* Numbers of transactions, never 0, the same on each server and at each reading. One without a GTID
 * is numbered by its first byte in the log. */
uint64_t leat_my_tx_gtid(const leat_gtid *id);
uint64_t leat_my_tx_mariadb(const leat_mariadb_gtid *id);
uint64_t leat_my_tx_place(const char *file, uint64_t pos);

/* What a reader found out while it took a view. */
typedef struct leat_my_viewed {
    leat_str server; /* whose log it is */
    leat_str file;   /* the end ... */
    uint64_t pos;
    leat_str gtids; /* that it surely contains, as text (MariaDB: as gtid_binlog_state has them);
                       absent: not known */
    bool mariadb, exact;
} leat_my_viewed;

/* Makes the view, in a. CONF "mysql.gtid" when gtids are none. */
leat_rc leat_my_view_new(const leat_my_viewed *v, leat_arena *a, leat_view *out, leat_err *e);
/* Where it ends: file in the view's arena. */
void leat_my_view_end(const leat_view *view, const char **file, uint64_t *pos);
/* The window of watermarks around its rows: its id ("": none), by the reader before the view is
 * given out; and a place that the stream must have passed too, before the rows are appended. */
const char *leat_my_view_window(const leat_view *view);
void leat_my_view_set_window(const leat_view *view, const char *id);
void leat_my_view_await(const leat_view *view, leat_str file, uint64_t pos);

/* As leat_source_chunks says. */
leat_rc leat_my_view_read(leat_str text, leat_arena *a, leat_view *out, leat_err *e);
bool leat_my_view_contains(const leat_view *view, uint64_t tx);
leat_cover leat_my_view_covers(const leat_view *view, leat_position pos);
bool leat_my_view_passed(const leat_view *view, leat_position pos);

#endif
