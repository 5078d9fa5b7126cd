/* The inside of the readers of chunks: shared by reader.c and reader_view.c, and by nobody else. */
#ifndef LEAT_SOURCE_MYSQL_READER_PART_H
#define LEAT_SOURCE_MYSQL_READER_PART_H

#include "capture/watermark.h"
#include "source/mysql/ranges.h"
#include "source/mysql/reader.h"
#include "source/mysql/rowtext.h"

/* A table that was read, as the catalogue had it then. Heap. */
typedef struct leat_my_known {
    const char *db, *name; /* in the reader's arena */
    leat_my_rel *rel;
    leat_arena a;               /* of what follows */
    const char *create;         /* that it was made of; NULL: it must be read */
    const leat_my_identity *id; /* NULL: none that rows could be told apart by */
    const leat_mysql_col *cols; /* of the row's fields */
    const leat_my_column **def; /* of the same */
    struct leat_my_known *next;
} leat_my_known;

typedef struct leat_my_reader {
    leat_my_source s; /* s.sql is the session of the views */
    leat_chunk_reader *r;
    leat_my_known *tables;
    leat_my guard;         /* holds a table while its view is taken */
    bool guards;           /* it does so now */
    bool begun;            /* rows come */
    leat_watermark window; /* around the chunk */
    const leat_range *range;
    const leat_view *view; /* the chunk's */
    unsigned long session; /* the view is this one's */
    /* The chunk: */
    leat_my_known *at;
    const char *doing;
    leat_my_result rows;
    const char *file; /* where its view ends */
    uint64_t pos;
    int64_t ts_us;
    uint64_t n; /* rows read by this reader: finds a dead letter again */
} leat_my_reader;

/* ---- reader.c ---- */
leat_rc leat_my_reader_open(leat_chunk_reader *r, leat_err *e);
void leat_my_reader_close(leat_chunk_reader *r);
/* The table as the catalogue has it now, into x->at. PENDING: it is gone. */
leat_rc leat_my_reader_know(leat_my_reader *x, const leat_my_snap *t, leat_err *e);
/* Selects the range of the table that is known, under the session's view. */
leat_rc leat_my_reader_start(leat_my_reader *x, const leat_range *range, leat_arena *a,
                             leat_err *e);
/* The row at hand becomes an event or a dead letter. *src: of the batch, made at the first. */
leat_rc leat_my_reader_give(leat_my_reader *x, leat_snapshot marker, const leat_value **src,
                            leat_batch *b, leat_err *e);

/* ---- reader_window.c: watermarks ---- */
/* Before the view is taken: writes the first row, if the range's table wants them. */
leat_rc leat_my_window_open(leat_my_reader *x, leat_err *e);
/* All rows were read: writes the last row. */
leat_rc leat_my_window_close(leat_my_reader *x, leat_err *e);
/* The chunk is given up. */
void leat_my_window_undo(leat_my_reader *x);

/* ---- reader_view.c ---- */
/* A session set up for reading rows, on the stream's server, if c is none. */
leat_rc leat_my_reader_connect(leat_my_reader *x, leat_my *c, leat_err *e);
/* The log's end; where a consistent snapshot was taken, on MariaDB; what was executed. In a. */
leat_rc leat_my_view_log_end(leat_my *c, leat_arena *a, leat_my_viewed *v, leat_err *e);
leat_rc leat_my_view_place(leat_my *c, leat_arena *a, leat_my_viewed *v, leat_err *e);
leat_rc leat_my_view_gtids(leat_my *c, leat_arena *a, leat_my_viewed *v, leat_err *e);
/* Connects, if there is no connection. */
leat_rc leat_my_reader_session(leat_my_reader *x, leat_err *e);
/* Begins the transaction that the table is read in, and says what it shows; in a. The table is held
 * against DDL from before. RETRY, CONF "mysql.table_missing" and others; then leat_my_view_end. */
leat_rc leat_my_view_take(leat_my_reader *x, const leat_range *range, leat_arena *a,
                          leat_view *view, leat_err *e);
/* Lets go of both sessions' holds. */
leat_rc leat_my_view_let_go(leat_my_reader *x, leat_err *e);

#endif
