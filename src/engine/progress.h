/* How far a snapshot is, table by table, for people: rows, bytes, rate, time left. */
#ifndef LEAT_ENGINE_PROGRESS_H
#define LEAT_ENGINE_PROGRESS_H

#include "base/json.h"

/* What is said of one table. */
typedef struct leat_progress_say {
    const char *table; /* "schema.table" */
    bool ad_hoc;       /* a signal asked for it */
    bool done, reading, rests;
    uint64_t rows, bytes; /* read so far; bytes: by this process */
    int64_t total;        /* rows, estimated; -1: unknown */
} leat_progress_say;

/* Of one task's snapshot. A zeroed one is empty. Its owner locks. */
typedef struct leat_progress {
    struct leat_progress_table *v;
    size_t n, cap;
} leat_progress;

/* The i-th table, in the order of all; then how many there are. now: monotonic. */
void leat_progress_put(leat_progress *p, size_t i, const leat_progress_say *say, int64_t now);
void leat_progress_end(leat_progress *p, size_t n);
void leat_progress_free(leat_progress *p);

/* Adds members to an open object: rows, rows_total, bytes, rows_per_second, milliseconds_left, of
 * the snapshot's tables (those of signals are apart), and "table_progress", an array with the same
 * for each table: those that are read first, 1000 at most. What is not known is null. */
void leat_progress_write(const leat_progress *p, int64_t now, leat_jw *w);

/* The sums, for the counters page; -1: unknown. */
typedef struct leat_progress_sum {
    uint64_t rows;
    int64_t total, rate, left_ms;
} leat_progress_sum;
leat_progress_sum leat_progress_sum_up(const leat_progress *p, int64_t now);

#endif
