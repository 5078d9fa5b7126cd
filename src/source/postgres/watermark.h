/* The rows that stand around a chunk of an incremental snapshot in the signal table, as Debezium
 * writes them: its watermarks. Nothing here depends on them; who reads the signal table's changes
 * may. By the reader's thread. */
#ifndef LEAT_SOURCE_POSTGRES_WATERMARK_H
#define LEAT_SOURCE_POSTGRES_WATERMARK_H

#include "source/postgres/reader.h"
#include "source/postgres/view.h"

/* Zeroed: none. */
typedef struct leat_pg_window {
    char id[40];     /* "": none is open */
    char opened[40]; /* when, as text */
    bool last;       /* nothing follows it */
} leat_pg_window;

/* Before the chunk's view is taken: writes the first row, if the range's table wants them. Where it
 * cannot be written that is told, and it goes on without. */
leat_rc leat_pg_window_open(leat_pg_window *w, leat_pg_source *s, const leat_range *range,
                            leat_err *e);
/* All rows were read: writes the last row, or takes the first one away. The view's end is behind it
 * then. */
leat_rc leat_pg_window_close(leat_pg_window *w, leat_pg_source *s, leat_pg_view *view, leat_err *e);
/* The chunk is given up. */
void leat_pg_window_undo(leat_pg_window *w, leat_pg_source *s);

#endif
