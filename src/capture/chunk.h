/* What a snapshot beside the stream is made of: tables, chunks of them, views, and the keys by
 * which rows and changes are compared.
 *
 * A table is cut where its identity (the columns that tell a row from all others and that every
 * change names: leat_table.id_cols) has certain values. The order of those values is the server's
 * alone: a bound is a text (UTF-8) that the source wrote and that only the source reads; here they
 * are compared for equality, never for order. Pure; any thread. */
#ifndef LEAT_CAPTURE_CHUNK_H
#define LEAT_CAPTURE_CHUNK_H

#include "base/buf.h"
#include "event/event.h"

/* A table that is read. Immutable; readers share it. */
typedef struct leat_snap_table {
    const char *name;  /* "schema.table", as leat_table_name makes it of its rows and changes */
    const char *where; /* condition on its rows, of an ad hoc snapshot; NULL: all */
    const char *ask; /* id of the signal that asked for an ad hoc snapshot; NULL: it is none ... */
    const char *by;  /* ... which reads the table by this column; NULL: by its key ... */
    uint64_t most;   /* ... so many rows at a time at most ... */
    leat_str from, to; /* ... in this range: what another process had left of it; absent: all */
    int64_t rows;      /* estimates, -1: unknown */
    int64_t bytes;
    int priority;     /* higher first; equal ones take turns */
    bool keyed;       /* it has an identity that is captured as it is, so that it can be cut. Else
                         it is one chunk, read while the stream stands still */
    const void *priv; /* the source's */
    struct leat_snap_table *next;
} leat_snap_table;

/* Rows of a table with from <= identity < to in the server's order; an absent bound is none. Or, if
 * nkeys > 0, the rows with these identities, as many of them as there are. */
typedef struct leat_range {
    const leat_snap_table *table;
    leat_str from, to;
    const leat_value *keys; /* nkeys * nid cells, as the changes had them */
    uint32_t nkeys;
    uint16_t nid;
    bool last; /* nothing of the table follows */
} leat_range;

/* What a chunk's rows show: they surely contain some transactions, and nothing that ends behind
 * their end. */
typedef struct leat_view {
    leat_str text; /* JSON object as text that brings it back in another process */
    void *priv;    /* the source's; both live in the arena given where it was made */
} leat_view;

/* Whether a view has all that ended up to a place of the stream. */
typedef enum leat_cover { LEAT_COVER_UNKNOWN, LEAT_COVER_LACKS, LEAT_COVER_ALL } leat_cover;

/* What can be told of a snapshot beside the stream. */
typedef enum leat_snap_news {
    LEAT_SNAP_BEGUN,
    LEAT_SNAP_TABLE,      /* its rows come next */
    LEAT_SNAP_TABLE_DONE, /* so many of them came */
    LEAT_SNAP_DONE
} leat_snap_news;

/* What an ad hoc snapshot has come to. */
typedef struct leat_chunk_told {
    const leat_snap_table *table;
    const leat_view *view; /* of the chunk; NULL: none */
    bool last;             /* the chunk's last rows */
    leat_str upto;         /* bound up to which all is read then; absent: none */
    leat_str end;          /* bound where the table ends; absent: not known */
    uint64_t rows;         /* appended of the table, those of this batch included */
    uint64_t chunks;       /* read of the table in this attempt */
} leat_chunk_told;

/* Where a range of a table ends, as the ledger stores it: a JSON array of the order that rows stand
 * in, the n values of an identity's columns, and true where it stands behind that row. In a. */
leat_str leat_bound_write(const char *order, uint16_t n, const leat_str *values, bool behind,
                          leat_arena *a);
/* Its n values, in a; NULL: it is none, or of another order. */
const leat_str *leat_bound_read(const char *order, uint16_t n, leat_str bound, leat_arena *a,
                                bool *behind);

/* Appends the canonical bytes of a row's identity: equal bytes, equal identity. cells: of a row by
 * t; other: where a cell of it that is ABSENT stands (the row's other image), or NULL. False: t has
 * no identity, or a cell of it is absent in both; out is as it was. */
bool leat_row_key(const leat_table *t, const leat_value *cells, const leat_value *other,
                  leat_buf *out);
/* The same of a table without an identity, by its key, or else by the column `by` (NULL: none): for
 * ad hoc snapshots, which tables are read by then. Rows may share it. */
bool leat_row_key_by(const leat_table *t, const char *by, const leat_value *cells,
                     const leat_value *other, leat_buf *out);
/* Appends the bytes of all cells of a row. False: one is ABSENT; out is as it was. */
bool leat_row_whole(const leat_table *t, const leat_value *cells, leat_buf *out);
/* The cells that such bytes were made of, in a; NULL: they are none. *n: how many. */
leat_value *leat_row_key_cells(leat_str key, leat_arena *a, uint16_t *n);

#endif
