/* Ranges of a table's rows: bounds that cut it, and conditions in SQL. By the reader's thread.
 *
 *     bound = ["ORDER","VALUE", ...] or ["ORDER","VALUE", ...,true]
 *
 * where ORDER stands for the columns, their types and collations: by another one the bound means
 * nothing. Values of bytes are in hex. With `true` the bound is behind its values, else before. */
#ifndef LEAT_SOURCE_MYSQL_RANGES_H
#define LEAT_SOURCE_MYSQL_RANGES_H

#include "capture/chunk.h"
#include "system/mysql/catalog.h"

/* The columns by which a table is cut. In an arena. */
typedef struct leat_my_identity {
    const leat_my_column *const *cols;
    uint16_t n;
    bool primary; /* they are the primary key */
    const char *order;
} leat_my_identity;

/* Values of the column can be written as constants, and are compared as they are sorted. */
bool leat_my_range_fits(const leat_my_column *c);
/* Of a table's own key, or of these columns (nby of them; NULL: the key). NULL: it has none, or
 * they do not fit. */
const leat_my_identity *leat_my_identity_of(const leat_my_table *t, const char *const *by,
                                            uint16_t nby, leat_arena *a);

/* A table that is cut. */
typedef struct leat_my_cut {
    const char *db, *name;
    const leat_my_identity *identity;
    const char *where;         /* of rows that count; NULL: all */
    uint64_t rows;             /* ad hoc: so many a part, at most; 0: as bytes say */
    bool (*leaves)(void *arg); /* gives up with RETRY once it says true; or NULL */
    void *arg;                 /* of leaves */
} leat_my_cut;

/* As leat_source_chunks.cut says of one that walks: along the identity's index, bound after bound.
 * With rows they lie behind each so many, and at an open end behind the last row. With most 1: the
 * middle of the range. */
leat_rc leat_my_range_cut(leat_my *c, const leat_my_cut *t, const leat_range *range, uint64_t bytes,
                          unsigned most, leat_arena *a, leat_str *bounds, unsigned *n, leat_err *e);

/* Appends the condition of a range: TRUE for all rows. DATA "mysql.identity_changed" when its
 * bounds or keys are of another identity than id. */
leat_rc leat_my_range_put(leat_buf *sql, const leat_my_identity *id, const leat_range *range,
                          leat_err *e);
/* Appends " ORDER BY" the columns. */
void leat_my_range_order(leat_buf *sql, const leat_my_identity *id, bool last_first);

#endif
