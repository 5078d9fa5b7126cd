/* Watermarks (capture/watermark.h) in a MySQL or MariaDB: how a row is written to the signal table,
 * and how far the log is then. The rows of a chunk wait until the stream has passed that place, so
 * that the window's last row has come before them. Run by the reader's thread. */
#include "source/mysql/reader_part.h"

static leat_rc run(void *arg, const char *sql, leat_err *e)
{
    return leat_my_exec(&((leat_my_reader *)arg)->s.sql, "write a watermark", sql, e);
}

static leat_rc moved(void *arg, leat_err *e)
{
    leat_my_reader *x = arg;
    leat_arena a = {0};
    leat_my_viewed v = {0};
    leat_rc rc = leat_my_view_log_end(&x->s.sql, &a, &v, e);
    if (rc == LEAT_OK) leat_my_view_await(x->view, v.file, v.pos);
    leat_arena_free(&a);
    return rc;
}

/* The signal table as SQL has it: in backticks. */
static void put_table(const leat_my_reader *x, leat_buf *out)
{
    leat_str name = leat_str_of(x->s.conf->capture.signal_tables.v[0]);
    leat_str db = leat_str_cut(&name, '.');
    leat_my_put_table(out, db, name);
    leat_buf_u8(out, 0);
}

static leat_watermark_way way_of(leat_my_reader *x, const leat_buf *table)
{
    const leat_my_snap *t = x->range->table->priv;
    return (leat_watermark_way){.conf = &x->s.conf->capture,
                                .table = table->p,
                                .run = run,
                                .moved = moved,
                                .arg = x,
                                .no_writes = t->no_writes};
}

leat_rc leat_my_window_open(leat_my_reader *x, leat_err *e)
{
    const leat_my_snap *t = x->range->table->priv;
    leat_buf table = {0};
    x->window = (leat_watermark){0};
    if (!x->range->table->ask || !t->windows || atomic_load(t->no_writes)) return LEAT_OK;
    put_table(x, &table);
    const leat_watermark_way way = way_of(x, &table);
    leat_rc rc = leat_watermark_open(&x->window, &way, x->range->last && t->ends, e);
    leat_buf_free(&table);
    return rc;
}

leat_rc leat_my_window_close(leat_my_reader *x, leat_err *e)
{
    leat_buf table = {0};
    bool written;
    if (!x->window.id[0]) return LEAT_OK;
    put_table(x, &table);
    const leat_watermark_way way = way_of(x, &table);
    leat_rc rc = leat_watermark_close(&x->window, &way, &written, e);
    if (rc == LEAT_OK && !written) leat_my_view_set_window(x->view, "");
    leat_buf_free(&table);
    return rc;
}

void leat_my_window_undo(leat_my_reader *x)
{
    leat_buf table = {0};
    if (!x->window.id[0]) return;
    put_table(x, &table);
    const leat_watermark_way way = way_of(x, &table);
    leat_watermark_undo(&x->window, &way, leat_my_is_open(&x->s.sql));
    leat_buf_free(&table);
}
