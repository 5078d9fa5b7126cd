/* The ledger's counts: what became of source changes, and of the rows of snapshots. Pure. */
#ifndef LEAT_EVENT_COUNTS_H
#define LEAT_EVENT_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

/* Of source changes, not records (DESIGN.md section 3). */
typedef struct leat_counts {
    uint64_t received;     /* counted where bytes come in, before anything is decided about them */
    uint64_t appended;     /* went into the stream */
    uint64_t filtered;     /* by rule: tables, operations, conditions not captured */
    uint64_t dead;         /* to the dead letters */
    uint64_t deduplicated; /* known to have been appended before */
    uint64_t rows_read, rows_appended, rows_superseded, rows_filtered, rows_dead; /* snapshots */
} leat_counts;
/* received - (the rest): what is in flight. Negative: the books are wrong. */
int64_t leat_counts_in_flight(const leat_counts *c);
int64_t leat_counts_rows_in_flight(const leat_counts *c);
/* All are zero. */
bool leat_counts_none(const leat_counts *c);
void leat_counts_add(leat_counts *to, const leat_counts *c);
void leat_counts_sub(leat_counts *from, const leat_counts *c);

#endif
