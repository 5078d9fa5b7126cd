/* Which tables a snapshot reads, in which order, and by which statements: what the options of
 * capture/options_snapshot.c mean; and what Debezium's offsets say of one. Pure; any thread. */
#ifndef LEAT_CAPTURE_SNAPSHOTS_H
#define LEAT_CAPTURE_SNAPSHOTS_H

#include "base/json.h"
#include "capture/filter.h"

/* snapshot.tables.order.by.row.count, in the order of its choices. */
typedef enum leat_snapshot_order {
    LEAT_SNAPSHOT_ORDER_LIST, /* as in table.include.list, else as they come */
    LEAT_SNAPSHOT_ORDER_FEW,  /* by the server's estimate of their rows */
    LEAT_SNAPSHOT_ORDER_MANY,
} leat_snapshot_order;

/* A captured table that may be read. */
typedef struct leat_snapshot_table {
    const char *schema, *name;
    double rows;      /* estimate */
    const void *priv; /* the caller's */
} leat_snapshot_table;

/* Takes out those that snapshot.include.collection.list leaves out and puts the others in order.
 * CONF "config.invalid" for a pattern that is none. */
leat_rc leat_snapshot_tables(const leat_capture_conf *c, const leat_filter *f,
                             leat_snapshot_table *tables, size_t *n, leat_err *e);

/* The statement that reads this table in snapshots; NULL: all of its rows. */
const char *leat_snapshot_override(const leat_capture_conf *c, const char *schema,
                                   const char *table);
/* Warns of each select that no table is read by. names ("schema.table"): of those that are read. */
void leat_snapshot_tell_overrides(const leat_capture_conf *c, const char *const *names, size_t n);
/* Whether a table that is read by this statement can be read in parts: not where a word of it
 * (LIMIT, GROUP BY, DISTINCT ...) says that which rows it gives depends on other rows, since each
 * part would be taken of what the statement gives by then. NULL: yes. */
bool leat_snapshot_divides(const char *statement);
/* Appends the rows of a statement as what stands behind FROM. */
void leat_snapshot_put_statement(const char *statement, leat_buf *sql);

/* An offset of Debezium's that stands inside a snapshot, so that nothing can go on from it. */
bool leat_snapshot_unfinished(const leat_json *offset);

#endif
