/* Watermarks in a PostgreSQL: how a row is written to the signal table, and how far the log is
 * then. */
#include "source/postgres/watermark.h"

#include "source/postgres/position.h"
#include "source/postgres/walframe.h"
#include "system/postgres/quote.h"

static const char doing[] = "write a watermark";

/* Whose rows are written, and the view that ends behind them; NULL: not known yet. */
typedef struct writer {
    leat_pg_source *s;
    leat_pg_view *view;
} writer;

static void put_signal_table(const leat_pg_source *s, leat_buf *sql)
{
    leat_str name = leat_str_of(s->conf->capture.signal_tables.v[0]);
    leat_str schema = leat_str_cut(&name, '.');
    leat_pg_quote_name(sql, name.s ? schema : LEAT_STR("public"));
    leat_buf_u8(sql, '.');
    leat_pg_quote_name(sql, name.s ? name : schema);
    leat_buf_u8(sql, 0);
}

/* A table that is not there is none that may come back: what waits for it would wait for ever. */
static leat_rc run(void *arg, const char *sql, leat_err *e)
{
    const leat_pg_source *s = ((writer *)arg)->s;
    leat_rc rc = leat_pg_exec(&((writer *)arg)->s->sql, doing, sql, e);
    if (rc != LEAT_RETRY || strcmp(e->code, "postgres.table_missing") != 0) return rc;
    return leat_fail(e, LEAT_CONF, "postgres.table_missing", s->conf->capture.signal_tables.v[0],
                     "the database has no table of this name (expected schema.table): correct "
                     "signal.data.collection, or make the table with the columns id varchar(42) "
                     "PRIMARY KEY, type varchar(32) and data varchar(2048)");
}

static leat_rc move_end(void *arg, leat_err *e)
{
    const writer *x = arg;
    PGresult *res;
    uint64_t end;
    LEAT_TRY(leat_pg_query(&x->s->sql, doing, "SELECT pg_catalog.pg_current_wal_insert_lsn()", 0,
                           NULL, &res, e));
    bool good = leat_lsn_parse(leat_pg_cell(res, 0, 0), &end);
    PQclear(res);
    if (!good)
        return leat_fail(e, LEAT_RETRY, "postgres.protocol", "",
                         "the server told no end of its log");
    x->view->end = leat_pg_record_end(end);
    return LEAT_OK;
}

static leat_watermark_way way_of(writer *x, const leat_range *range, const leat_buf *table)
{
    const leat_pg_snap *t = range->table->priv;
    return (leat_watermark_way){.conf = &x->s->conf->capture,
                                .table = table->p,
                                .run = run,
                                .moved = move_end,
                                .arg = x,
                                .no_writes = t->no_writes};
}

leat_rc leat_pg_window_open(leat_watermark *w, leat_pg_source *s, const leat_range *range,
                            leat_err *e)
{
    const leat_pg_snap *t = range->table->priv;
    leat_buf table = {0};
    writer x = {s, NULL};
    *w = (leat_watermark){0};
    if (!range->table->ask || !t->windows || atomic_load(t->no_writes)) return LEAT_OK;
    put_signal_table(s, &table);
    const leat_watermark_way way = way_of(&x, range, &table);
    leat_rc rc = leat_watermark_open(w, &way, range->last && t->ends, e);
    leat_buf_free(&table);
    return rc;
}

leat_rc leat_pg_window_close(leat_watermark *w, leat_pg_source *s, const leat_range *range,
                             leat_pg_view *view, leat_err *e)
{
    leat_buf table = {0};
    writer x = {s, view};
    bool written;
    if (!w->id[0]) return LEAT_OK;
    put_signal_table(s, &table);
    const leat_watermark_way way = way_of(&x, range, &table);
    leat_rc rc = leat_watermark_close(w, &way, &written, e);
    if (rc == LEAT_OK && !written) view->chunk[0] = '\0';
    leat_buf_free(&table);
    return rc;
}

void leat_pg_window_undo(leat_watermark *w, leat_pg_source *s, const leat_range *range)
{
    leat_buf table = {0};
    writer x = {s, NULL};
    if (!w->id[0]) return;
    put_signal_table(s, &table);
    const leat_watermark_way way = way_of(&x, range, &table);
    leat_watermark_undo(w, &way, s->sql.pg && PQstatus(s->sql.pg) == CONNECTION_OK);
    leat_buf_free(&table);
}
