/* The inside of the readers of chunks: shared by reader.c and reader_session.c, and by nobody else.
 */
#ifndef LEAT_SOURCE_POSTGRES_READER_PART_H
#define LEAT_SOURCE_POSTGRES_READER_PART_H

#include "source/postgres/reader.h"
#include "source/postgres/view.h"
#include "source/postgres/watermark.h"

enum { LEAT_PG_STAMP = 32 };

/* A table that was read, as the catalog had it then. Heap. */
typedef struct leat_pg_known {
    uint32_t oid;
    bool ad_hoc;      /* rows of ad hoc snapshots have an origin of their own ... */
    leat_pg_rel *rel; /* ... and therefore a version; else the session's relations have it */
    char stamp[LEAT_PG_STAMP + 1]; /* of the catalog's rows about it: another stamp, other rows */
    leat_arena a;
    const leat_pg_table *table;
    struct leat_pg_known *next;
} leat_pg_known;

typedef struct leat_pg_reader {
    leat_pg_source s; /* s.sql is the session */
    leat_chunk_reader *r;
    leat_pg_known *tables;
    leat_origin *origin, *row_origin; /* of the snapshot's rows, of ad hoc ones */
    bool standby;                     /* the session is on one, or was before it was promoted */
    bool begun;                       /* the COPY of a chunk runs */
    bool headed;                      /* and its head has been read */
    /* The chunk: */
    leat_pg_known *at; /* its table */
    const leat_range *range;
    const char *doing;  /* see leat_pg_snap */
    int64_t until_us;   /* it is to be read by then, monotonic; 0: whenever */
    leat_pg_view *view; /* changed by us alone, as long as it is read */
    leat_watermark window;
} leat_pg_reader;

/* Connects, if there is no connection. */
leat_rc leat_pg_reader_session(leat_pg_reader *x, leat_err *e);
/* arg: the leat_chunk_reader, which is to end. */
bool leat_pg_reader_leaves(void *arg);
/* As leat_source_chunks says. */
leat_rc leat_pg_reader_open(leat_chunk_reader *r, leat_err *e);
void leat_pg_reader_close(leat_chunk_reader *r);

#endif
