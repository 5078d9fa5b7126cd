/* What is done to columns on their way: truncated, masked, hashed, and told where they come from.
 *
 * Debezium's column.truncate.to.N.chars, column.mask.with.N.chars, column.mask.hash.ALGORITHM.with
 * .salt.SALT (and hash.v2), column.propagate.source.type, datatype.propagate.source.type. Prepared
 * once a table version: the fields' schemas get their parameters, and if any cell is to be
 * rewritten there is a leat_rewrite to run over each row.
 *
 * Only text is masked and hashed, only text and bytes are truncated; other columns that a rule fits
 * stay as they are (as in Debezium, whose parameter "masked" they get all the same). */
#ifndef LEAT_CAPTURE_COLUMNS_H
#define LEAT_CAPTURE_COLUMNS_H

#include "capture/conf.h"

typedef struct leat_columns leat_columns;
typedef struct leat_rewrite leat_rewrite;

/* Compiles the rules of c into a; *out is NULL when there are none. CONF "config.invalid". */
leat_rc leat_columns_new(leat_arena *a, const leat_capture_conf *c, const leat_columns **out,
                         leat_err *e);

/* Whether a rule truncates, masks or hashes the column, if its type lets it; c may be NULL. */
leat_rc leat_columns_changes(const leat_columns *c, const char *schema, const char *table,
                             const char *column, bool *out, leat_err *e);

/* A table version being built, before it is sealed. */
typedef struct leat_columns_table {
    const char *schema, *name;
    leat_field *fields;            /* of the row schema: their schemas are replaced by copies where
                                      parameters are added. Build the key's schema before: its
                                      fields have no parameters. */
    const leat_column *cols;       /* beside fields */
    const char *const *names;      /* of the columns, as the database has them, beside fields */
    const char *const *type_names; /* without modifiers, for propagation ("varchar"), beside fields;
                                      NULL: cols[i].type up to its first parenthesis */
    uint32_t n;
    const uint16_t *key_cols; /* of the table */
    uint16_t nkey;
} leat_columns_table;

/* Applies the rules to t; what is made goes to a, the arena of the table. *out: what each row
 * needs, NULL if nothing. CONF "capture.masked_key" when a truncated or masked column is part of
 * the key: rows that differ would get the same one. */
leat_rc leat_columns_prepare(const leat_columns *c, leat_columns_table *t, leat_arena *a,
                             const leat_rewrite **out, leat_err *e);

/* Rewrites one row in place; new texts go to a, the batch's arena. old_key_only: the row is a
 * before image that holds the key alone (LEAT_EV_OLD_KEY_ONLY). One thread at a time. w may be
 * NULL. */
void leat_rewrite_row(const leat_rewrite *w, leat_value *cells, bool old_key_only, leat_arena *a);

/* Cells of that field may be rewritten. w may be NULL. */
bool leat_rewrite_touches(const leat_rewrite *w, uint32_t field);

/* No captured column differs: an update to be skipped by skip.messages.without.change. ABSENT cells
 * after are the same as before; a cell that is ABSENT before only is a difference. */
bool leat_rows_same(const leat_value *before, const leat_value *after, uint32_t n);

#endif
