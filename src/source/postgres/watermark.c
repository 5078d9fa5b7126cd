/* Watermarks of incremental snapshots; see the header.
 *
 *   INSERT INTO signals VALUES ('ID-open', 'snapshot-window-open', '{"openWindowTimestamp": ...}')
 *   ... the chunk is read ...
 *   INSERT INTO signals VALUES ('ID-close', 'snapshot-window-close', '{...}')
 *
 * or, with insert_delete, DELETE of the first row instead of the second. Behind the last chunk of
 * all stands a window without rows, since Debezium finds the end by reading once more. */
#include "source/postgres/watermark.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "capture/signal.h"
#include "source/postgres/position.h"
#include "source/postgres/walframe.h"
#include "system/postgres/quote.h"

static const char doing[] = "write a watermark";

static void put_signal_table(const leat_pg_source *s, leat_buf *sql)
{
    leat_str name = leat_str_of(s->conf->capture.signal_tables.v[0]);
    leat_str schema = leat_str_cut(&name, '.');
    leat_pg_quote_name(sql, name.s ? schema : LEAT_STR("public"));
    leat_buf_u8(sql, '.');
    leat_pg_quote_name(sql, name.s ? name : schema);
}

static void put_insert(const leat_pg_window *w, const leat_pg_source *s, const char *end,
                       leat_signal_type type, const char *data, leat_buf *sql)
{
    leat_buf_str_z(sql, "INSERT INTO ");
    put_signal_table(s, sql);
    leat_buf_printf(sql, " VALUES ('%s-%s', '%s', '%s')", w->id, end, leat_signal_type_name(type),
                    data);
}

static void put_open(leat_pg_window *w, const leat_pg_source *s, leat_buf *sql)
{
    char data[128];
    leat_uuid4(w->id);
    leat_iso_us(leat_now_us(), 6, w->opened);
    snprintf(data, sizeof data, "{\"openWindowTimestamp\": \"%s\"}", w->opened);
    put_insert(w, s, "open", LEAT_SIGNAL_WINDOW_OPEN, data, sql);
}

static void put_close(const leat_pg_window *w, const leat_pg_source *s, leat_buf *sql)
{
    char now[LEAT_ISO_MAX], data[160];
    if (s->conf->capture.watermarks == LEAT_WATERMARKS_DELETE) {
        leat_buf_str_z(sql, "DELETE FROM ");
        put_signal_table(s, sql);
        leat_buf_printf(sql, " WHERE id = '%s-open'", w->id);
        return;
    }
    snprintf(data, sizeof data,
             "{\"openWindowTimestamp\": \"%s\", \"closeWindowTimestamp\": \"%s\"}", w->opened,
             leat_iso_us(leat_now_us(), 6, now));
    put_insert(w, s, "close", LEAT_SIGNAL_WINDOW_CLOSE, data, sql);
}

static leat_rc write_row(leat_pg_source *s, leat_buf *sql, leat_err *e)
{
    leat_buf_u8(sql, 0);
    leat_rc rc = leat_pg_exec(&s->sql, doing, sql->p, e);
    leat_buf_clear(sql);
    return rc;
}

/* What waiting does not mend is done without from now on. */
static leat_rc without(leat_pg_window *w, leat_pg_source *s, const leat_pg_snap *t, leat_rc rc,
                       const leat_err *e)
{
    if (rc == LEAT_OK || rc == LEAT_RETRY) return rc;
    leat_log(LEAT_WARN, e->code,
             "the signal table %s cannot be written to, so this snapshot goes on without "
             "Debezium's watermarks: %s",
             s->conf->capture.signal_tables.v[0], e->msg);
    if (t) atomic_store(t->no_writes, true);
    w->id[0] = 0;
    return LEAT_OK;
}

leat_rc leat_pg_window_open(leat_pg_window *w, leat_pg_source *s, const leat_range *range,
                            leat_err *e)
{
    const leat_pg_snap *t = range->table->priv;
    leat_buf sql = {0};
    *w = (leat_pg_window){.last = range->last && t->ends};
    if (!range->table->ask || !t->windows || atomic_load(t->no_writes)) return LEAT_OK;
    put_open(w, s, &sql);
    leat_rc rc = without(w, s, t, write_row(s, &sql, e), e);
    leat_buf_free(&sql);
    if (rc != LEAT_OK) w->id[0] = 0;
    return rc;
}

/* The window that nothing was read in. */
static leat_rc put_empty(leat_pg_source *s, leat_buf *sql, leat_err *e)
{
    leat_pg_window w = {0};
    put_open(&w, s, sql);
    LEAT_TRY(write_row(s, sql, e));
    put_close(&w, s, sql);
    return write_row(s, sql, e);
}

static leat_rc move_end(leat_pg_source *s, leat_pg_view *view, leat_err *e)
{
    PGresult *res;
    uint64_t end;
    LEAT_TRY(leat_pg_query(&s->sql, doing, "SELECT pg_catalog.pg_current_wal_insert_lsn()", 0, NULL,
                           &res, e));
    bool good = leat_lsn_parse(leat_pg_cell(res, 0, 0), &end);
    PQclear(res);
    if (!good)
        return leat_fail(e, LEAT_RETRY, "postgres.protocol", "",
                         "the server told no end of its log");
    view->end = leat_pg_record_end(end);
    return LEAT_OK;
}

leat_rc leat_pg_window_close(leat_pg_window *w, leat_pg_source *s, leat_pg_view *view, leat_err *e)
{
    leat_buf sql = {0};
    if (!w->id[0]) return LEAT_OK;
    put_close(w, s, &sql);
    leat_rc rc = write_row(s, &sql, e);
    if (rc == LEAT_OK) rc = move_end(s, view, e);
    if (rc == LEAT_OK && w->last) rc = put_empty(s, &sql, e);
    leat_buf_free(&sql);
    rc = without(w, s, NULL, rc, e);
    if (rc == LEAT_OK && !w->id[0]) view->chunk[0] = 0;
    w->id[0] = 0;
    return rc;
}

void leat_pg_window_undo(leat_pg_window *w, leat_pg_source *s)
{
    leat_buf sql = {0};
    leat_err ignored;
    if (w->id[0] && s->sql.pg && PQstatus(s->sql.pg) == CONNECTION_OK) {
        put_close(w, s, &sql);
        write_row(s, &sql, &ignored);
    }
    leat_buf_free(&sql);
    w->id[0] = 0;
}
