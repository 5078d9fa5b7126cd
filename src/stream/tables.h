/* The ledger table by table: a file that a connector (its one writer) maps, and anyone reads.
 *
 * It holds what has become of the changes of each table (of a sink: of the events of each topic) up
 * to what is durable, since the connector's first start, and nothing else: as with the counters
 * page, watching costs nothing. It mirrors; the totals that travel with the stream are the truth.
 * What they have and no row of it has stands in the first row, which has no name: tables beyond the
 * bound, and what a process that was killed had not written here yet. So the sum of all rows is the
 * total; where it cannot be (another stream, a file of another version) all begins anew.
 *
 * Of a sink a row's `received` is what was read, `appended` what was delivered. */
#ifndef LEAT_STREAM_TABLES_H
#define LEAT_STREAM_TABLES_H

#include "base/err.h"
#include "event/table.h"
#include "event/tally.h"

enum {
    LEAT_TABLES_MOST = 1000, /* rows with a name ... */
    LEAT_TABLES_FEW = 500,   /* ... up to which one is given to tables that are only left out */
    LEAT_TABLES_NAME = 400,  /* bytes of one, with the 0 behind it; a longer one has no row */
};
#define LEAT_TABLES_FILE "tables"

typedef struct leat_tables leat_tables;

/* Maps the file, made if missing, for its writer. RETRY where the disk is full. */
leat_rc leat_tables_create(const char *path, bool sink, leat_tables **out, leat_err *e);
void leat_tables_close(leat_tables *t);

/* What is durable now, in sum; nothing is done while something is not shown yet. Of a source rows
 * that are more than that are of something else, and forgotten; a sink of Kafka reads partitions
 * that another worker had counts of. */
void leat_tables_begin(leat_tables *t, const leat_counts *totals);
/* Appended, as number `serial`: what stands before the safe place (`safe`) of each table that is
 * used, all of which is `sum` (NULL: not known). It is shown once it is durable. One thread at a
 * time. */
void leat_tables_add(leat_tables *t, const leat_tallies *from, const leat_counts *sum,
                     uint64_t serial);
/* All appends up to this one are durable. */
void leat_tables_settle(leat_tables *t, uint64_t durable);
/* A change, or a row of a snapshot, of the table that was appended was refused since and is dead.
 */
void leat_tables_refused(leat_tables *t, const leat_table *table, bool of_row);

typedef struct leat_tables_row {
    const char *table; /* "": the first, of what has no row of its own */
    leat_counts counts;
} leat_tables_row;

typedef struct leat_tables_view {
    bool sink;
    leat_tables_row *rows; /* the first first, the others by name */
    size_t n;              /* 0: there is no such file */
} leat_tables_view;

/* All of it, in a. Any process. */
leat_rc leat_tables_read(const char *path, leat_arena *a, leat_tables_view *out, leat_err *e);

#endif
