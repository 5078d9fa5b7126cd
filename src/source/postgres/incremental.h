/* Snapshots by signal (capture/increment.h): what PostgreSQL adds to them. By the task's thread. */
#ifndef LEAT_SOURCE_POSTGRES_INCREMENTAL_H
#define LEAT_SOURCE_POSTGRES_INCREMENTAL_H

#include "capture/increment.h"
#include "source/postgres/pg.h"
#include "source/postgres/reader.h"

extern const leat_increment_calls leat_pg_increment_calls;

/* A row was put into the signal table. */
void leat_pg_increment_row(leat_pg_source *s, const leat_pgoutput_tuple *row);
/* CONF "signal.condition": what stands behind WHERE is no expression by itself. filter: or NULL. */
leat_rc leat_pg_condition_check(const char *table, const char *filter, leat_err *e);

/* ---- blocking.c: as leat_increment_calls says ---- */
leat_rc leat_pg_block_read(void *arg, const leat_signal *signal, leat_batch *b, leat_err *e);
void leat_pg_block_end(void *arg);

#endif
