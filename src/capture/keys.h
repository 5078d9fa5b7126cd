/* message.key.columns: other columns than the primary key as the key of a table's records.
 *
 *   rules  = rule { ";" rule }
 *   rule   = table ":" column { "," column }
 *
 * table and column are Java regular expressions; together, joined by ".", they are matched against
 * `schema.table.column` as in Debezium. The key's fields come in the order of the rules, and where
 * one fits several columns in the table's order. */
#ifndef LEAT_CAPTURE_KEYS_H
#define LEAT_CAPTURE_KEYS_H

#include "capture/conf.h"

typedef struct leat_keys leat_keys;

/* Reads the rules of c into a; *out is NULL when there are none. CONF "config.invalid" naming the
 * rule. Any number of threads may ask. */
leat_rc leat_keys_new(leat_arena *a, const leat_capture_conf *c, const leat_keys **out,
                      leat_err *e);

/* The patterns of its rules, `table.column` each, in a. CONF as leat_keys_new. */
leat_rc leat_keys_texts(leat_arena *a, const leat_capture_conf *c, leat_opt_list *out, leat_err *e);

/* The key columns of a table with these n columns (all of them, captured or not) as indices into
 * columns; out has room for n. *nout 0: no rule fits, the primary key is the key. */
leat_rc leat_keys_find(const leat_keys *k, const char *schema, const char *table,
                       const char *const *columns, uint16_t n, uint16_t *out, uint16_t *nout,
                       leat_err *e);

#endif
