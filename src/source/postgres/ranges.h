/* Ranges of a table's rows: where they are cut, and their conditions in SQL.
 *
 * A bound is a value of the table's identity (catalog.h) with how the server ordered it then, as a
 * JSON array of texts: ["1 int","4711"], or with true at its end when it lies behind that value,
 * not before it. The server finds the bounds and compares with them: it alone knows its collations.
 * Bounds outlive connection and process; where the server's order is another one by then they mean
 * nothing, which is told. */
#ifndef LEAT_SOURCE_POSTGRES_RANGES_H
#define LEAT_SOURCE_POSTGRES_RANGES_H

#include "base/buf.h"
#include "capture/chunk.h"
#include "system/postgres/catalog.h"

/* A table that is cut. */
typedef struct leat_pg_cut {
    uint32_t oid;
    const char *schema, *name;
    bool only; /* without the rows of tables that inherit from it */
    const leat_pg_identity *identity;
    const char *where; /* of rows that count; NULL: all */
    uint64_t rows;     /* ad hoc: so many a part, at most; 0: as bytes say */
    int64_t ms;        /* longest time of a statement; 0: no limit */
} leat_pg_cut;

/* As leat_source_chunks.cut says: bounds inside the range (of which from and to count) between
 * which there are rows of about so many bytes. Of a whole table they come from a sample of a few
 * thousand pages, whatever its size; of a part, from walking the identity's index. With rows they
 * lie behind each so many, and at an open end behind the last row that there is. */
leat_rc leat_pg_range_cut(leat_pg *c, const leat_pg_cut *t, const leat_range *range, uint64_t bytes,
                          unsigned most, leat_arena *a, leat_str *bounds, unsigned *n, leat_err *e);

/* Appends the condition of a range: TRUE for all rows. DATA "postgres.identity_changed" when its
 * bounds or keys are of another identity than id. */
leat_rc leat_pg_range_put(leat_buf *sql, const leat_pg_identity *id, const leat_range *range,
                          leat_err *e);

/* Cells of the column can be written as literals and are the same from both forms of its values: it
 * may be part of an identity. */
bool leat_pg_range_fits(const leat_pg_col *col);

#endif
