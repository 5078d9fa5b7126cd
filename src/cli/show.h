/* Numbers and snapshots as people read them. On a terminal numbers are rounded; elsewhere they are
 * whole. Pure. */
#ifndef LEAT_CLI_SHOW_H
#define LEAT_CLI_SHOW_H

#include "base/json.h"

enum { LEAT_SHOW_CELL = 24 };

/* 12345678 as "12.3 M", or 1024s as "11.8 MiB"; "-" of what is less than 0. In out, or static. */
const char *leat_show_number(bool human, int64_t v, bool bytes, char out[LEAT_SHOW_CELL]);
/* Milliseconds as "850 ms", "12.3 s", "4 min", "3.1 h". */
const char *leat_show_duration(bool human, int64_t ms, char out[LEAT_SHOW_CELL]);

/* A table that is read, or waits for somebody to resume that: a member of table_progress. */
bool leat_show_reads(const leat_json *table, bool runs);
/* Lines about a snapshot that runs and the tables that are read, those of signals too, `most` of
 * them: `snapshot` of a status. Each ends with a newline; nothing where nothing is read. */
void leat_show_snapshot(bool human, const leat_json *snapshot, unsigned most, leat_buf *out);

#endif
