/* Watermarks (capture/watermark.h) in a PostgreSQL. By the reader's thread. */
#ifndef LEAT_SOURCE_POSTGRES_WATERMARK_H
#define LEAT_SOURCE_POSTGRES_WATERMARK_H

#include "capture/watermark.h"
#include "source/postgres/reader.h"
#include "source/postgres/view.h"

/* Before the chunk's view is taken: writes the first row, if the range's table wants them. */
leat_rc leat_pg_window_open(leat_watermark *w, leat_pg_source *s, const leat_range *range,
                            leat_err *e);
/* All rows were read: writes the last row. The view's end is behind it then. */
leat_rc leat_pg_window_close(leat_watermark *w, leat_pg_source *s, const leat_range *range,
                             leat_pg_view *view, leat_err *e);
/* The chunk is given up. */
void leat_pg_window_undo(leat_watermark *w, leat_pg_source *s, const leat_range *range);

#endif
