/* Which schemas, tables and columns are captured: Debezium's include and exclude lists.
 *
 * Java regular expressions, matched in any case against the whole name: a schema's, `schema.table`,
 * `schema.table.column`. An empty include list takes all. Where a system has databases and no
 * schemas, the database stands for the schema; where it has neither, schema is NULL.
 *
 * A name that cannot be compared (no UTF-8, a pattern beyond the limits of its work) is an error,
 * never a "no". Ask once a table or column and keep the answer: a question costs microseconds. */
#ifndef LEAT_CAPTURE_FILTER_H
#define LEAT_CAPTURE_FILTER_H

#include "capture/conf.h"

typedef struct leat_filter leat_filter;

/* Compiles the lists of c into a. CONF "config.invalid" naming option and place. Any number of
 * threads may ask. */
leat_rc leat_filter_new(leat_arena *a, const leat_capture_conf *c, const leat_filter **out,
                        leat_err *e);

/* The schema's name passes; tables in it may still not. */
leat_rc leat_filter_schema(const leat_filter *f, const char *schema, bool *in, leat_err *e);
/* Schema and table pass. (Whether it is one of the system's own is for the source to say:
 * table.ignore.builtin.) */
leat_rc leat_filter_table(const leat_filter *f, const char *schema, const char *table, bool *in,
                          leat_err *e);
/* A column of a table that passes. */
leat_rc leat_filter_column(const leat_filter *f, const char *schema, const char *table,
                           const char *column, bool *in, leat_err *e);
/* A table that passes is part of snapshots. */
leat_rc leat_filter_snapshot(const leat_filter *f, const char *schema, const char *table, bool *in,
                             leat_err *e);

#endif
