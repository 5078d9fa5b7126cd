/* The rows that stand around a chunk of an incremental snapshot in the signal table, as Debezium
 * writes them: its watermarks. Nothing here depends on them; who reads the signal table's changes
 * may. By the reader's thread. */
#ifndef LEAT_CAPTURE_WATERMARK_H
#define LEAT_CAPTURE_WATERMARK_H

#include <stdatomic.h>

#include "capture/conf.h"

/* Zeroed: none. */
typedef struct leat_watermark {
    char id[40];     /* "": none is open */
    char opened[40]; /* when, as text */
    bool last;       /* nothing follows it */
} leat_watermark;

/* How a source writes them. */
typedef struct leat_watermark_way {
    const leat_capture_conf *conf;
    const char *table; /* signal.data.collection, as SQL has it */
    leat_rc (*run)(void *arg, const char *sql,
                   leat_err *e); /* a statement that commits by itself */
    /* The last row is written: the view's end is to be behind it. Or NULL. */
    leat_rc (*moved)(void *arg, leat_err *e);
    void *arg;
    atomic_bool *no_writes; /* noted where the first row cannot be written */
} leat_watermark_way;

/* Before the chunk's view is taken: writes the first row. Where it cannot be written that is told,
 * and it goes on without. last: no chunk follows. */
leat_rc leat_watermark_open(leat_watermark *w, const leat_watermark_way *way, bool last,
                            leat_err *e);
/* All rows were read: writes the last row, or takes the first one away. *written: it was. */
leat_rc leat_watermark_close(leat_watermark *w, const leat_watermark_way *way, bool *written,
                             leat_err *e);
/* The chunk is given up; tries to close the window if the session is usable. */
void leat_watermark_undo(leat_watermark *w, const leat_watermark_way *way, bool usable);

#endif
