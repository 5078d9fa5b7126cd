/* Watermarks of incremental snapshots; see the header.
 *
 *   INSERT INTO signals VALUES ('ID-open', 'snapshot-window-open', '{"openWindowTimestamp": ...}')
 *   ... the chunk is read ...
 *   INSERT INTO signals VALUES ('ID-close', 'snapshot-window-close', '{...}')
 *
 * or, with insert_delete, DELETE of the first row instead of the second. Behind the last chunk of
 * all stands a window without rows, since Debezium finds the end by reading once more. */
#include "capture/watermark.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "capture/signal.h"

static void put_insert(const leat_watermark *w, const leat_watermark_way *way, const char *end,
                       leat_signal_type type, const char *data, leat_buf *sql)
{
    leat_buf_printf(sql, "INSERT INTO %s VALUES ('%s-%s', '%s', '%s')", way->table, w->id, end,
                    leat_signal_type_name(type), data);
}

static void put_open(leat_watermark *w, const leat_watermark_way *way, leat_buf *sql)
{
    char data[128];
    leat_uuid4(w->id);
    leat_iso_us(leat_now_us(), 6, w->opened);
    snprintf(data, sizeof data, "{\"openWindowTimestamp\": \"%s\"}", w->opened);
    put_insert(w, way, "open", LEAT_SIGNAL_WINDOW_OPEN, data, sql);
}

static void put_close(const leat_watermark *w, const leat_watermark_way *way, leat_buf *sql)
{
    char now[LEAT_ISO_MAX], data[160];
    if (way->conf->watermarks == LEAT_WATERMARKS_DELETE) {
        leat_buf_printf(sql, "DELETE FROM %s WHERE id = '%s-open'", way->table, w->id);
        return;
    }
    snprintf(data, sizeof data,
             "{\"openWindowTimestamp\": \"%s\", \"closeWindowTimestamp\": \"%s\"}", w->opened,
             leat_iso_us(leat_now_us(), 6, now));
    put_insert(w, way, "close", LEAT_SIGNAL_WINDOW_CLOSE, data, sql);
}

static leat_rc write_row(const leat_watermark_way *way, leat_buf *sql, leat_err *e)
{
    leat_buf_u8(sql, 0);
    leat_rc rc = way->run(way->arg, sql->p, e);
    leat_buf_clear(sql);
    return rc;
}

/* What waiting does not mend is done without from now on. */
static leat_rc without(leat_watermark *w, const leat_watermark_way *way, leat_rc rc,
                       const leat_err *e)
{
    if (rc == LEAT_OK || rc == LEAT_RETRY) return rc;
    leat_log(
        LEAT_WARN, e->code,
        "signal.data.collection: the signal table %s cannot be written to, so this snapshot goes on without "
        "Debezium's watermarks: %s",
        way->conf->signal_tables.v[0], e->msg);
    atomic_store(way->no_writes, true);
    w->id[0] = '\0';
    return LEAT_OK;
}

leat_rc leat_watermark_open(leat_watermark *w, const leat_watermark_way *way, bool last,
                            leat_err *e)
{
    leat_buf sql = {0};
    *w = (leat_watermark){.last = last};
    put_open(w, way, &sql);
    leat_rc rc = without(w, way, write_row(way, &sql, e), e);
    leat_buf_free(&sql);
    if (rc != LEAT_OK) w->id[0] = '\0';
    return rc;
}

/* The window that nothing was read in. */
static leat_rc put_empty(const leat_watermark_way *way, leat_buf *sql, leat_err *e)
{
    leat_watermark w = {0};
    put_open(&w, way, sql);
    LEAT_TRY(write_row(way, sql, e));
    put_close(&w, way, sql);
    return write_row(way, sql, e);
}

leat_rc leat_watermark_close(leat_watermark *w, const leat_watermark_way *way, bool *written,
                             leat_err *e)
{
    leat_buf sql = {0};
    *written = false;
    put_close(w, way, &sql);
    leat_rc rc = write_row(way, &sql, e);
    if (rc == LEAT_OK && way->moved) rc = way->moved(way->arg, e);
    if (rc == LEAT_OK && w->last) rc = put_empty(way, &sql, e);
    leat_buf_free(&sql);
    rc = without(w, way, rc, e);
    *written = rc == LEAT_OK && w->id[0];
    w->id[0] = '\0';
    return rc;
}

void leat_watermark_undo(leat_watermark *w, const leat_watermark_way *way, bool usable)
{
    leat_buf sql = {0};
    leat_err ignored;
    if (w->id[0] && usable) {
        put_close(w, way, &sql);
        write_row(way, &sql, &ignored);
    }
    leat_buf_free(&sql);
    w->id[0] = '\0';
}
