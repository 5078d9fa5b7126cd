/* Rows of a snapshot's COPY become events.
 *
 * In text form a row has all columns of the table. In binary form it has those alone that have a
 * field, each in its type's binary form where that is exact and else as its text, which the server
 * makes by the type's own output function (a cast to text is another thing for some types: inet,
 * "char", bpchar). copyrow.c takes both apart. What cannot be an event becomes a dead letter with
 * the row's bytes. Run by the task's thread, or by that of a reader with a source of its own. */
#include <stdio.h>

#include "base/clock.h"
#include "capture/snapshots.h"
#include "source/postgres/pg.h"
#include "system/postgres/quote.h"

/* ---- columns ---- */

void leat_pg_row_columns(const leat_pg_rel *r, const leat_pg_table *t, bool binary, leat_buf *sql)
{
    const char *comma = "";
    for (uint16_t i = 0; i < t->ncols; i++) {
        bool left_out = binary && r->field[i] == LEAT_PG_NO_FIELD;
        if (left_out) continue;
        bool as_text = binary && !r->cols[r->field[i]].binary;
        leat_buf_str_z(sql, comma);
        if (as_text) leat_buf_printf(sql, "pg_catalog.textin(%s(", t->cols[i].output);
        leat_pg_quote_name(sql, leat_str_of(t->cols[i].name));
        if (as_text) leat_buf_str_z(sql, "))");
        comma = ", ";
    }
}

void leat_pg_row_source(const char *schema, const char *name, bool only, const char *override,
                        leat_buf *sql)
{
    if (!override) {
        if (only) leat_buf_str_z(sql, "ONLY ");
        leat_pg_quote_table(sql, schema, name);
        return;
    }
    leat_snapshot_put_statement(override, sql);
}

const char *leat_pg_row_doing(const char *schema, const char *name, const char *override,
                              leat_arena *a)
{
    const char *by = override ? " by snapshot.select.statement.overrides" : "";
    return leat_arena_printf(a, "read the rows of %s.%s%s", schema, name, by);
}

/* ---- events ---- */

leat_rc leat_pg_row_next(leat_pg_source *s, leat_pg *c, const char *doing, int64_t until_us,
                         char **row, size_t *len, leat_err *e)
{
    leat_rc rc = leat_pg_copy_row(c, doing, 0, row, len, e);
    if (rc != LEAT_AGAIN) return rc;
    int64_t left = (until_us - leat_mono_us()) / 1000;
    if (left <= 0) return LEAT_AGAIN;
    rc = leat_pg_copy_row(c, doing, (int)left, row, len, e);
    s->row_seen_us = leat_now_us();
    return rc;
}

static void bury(leat_batch *b, leat_tally *y, const leat_pg_source *s, const leat_table *t,
                 leat_str row, const leat_err *why)
{
    char place[96];
    snprintf(place, sizeof place, "{\"lsn\":%llu,\"snapshot\":true,\"row\":%llu}",
             (unsigned long long)s->at.lsn, (unsigned long long)s->row_n);
    leat_batch_dead_row(
        b, y,
        &(leat_dead){.why = *why,
                     .bytes = row,
                     .position = leat_str_of(place),
                     .table = leat_arena_printf(&b->arena, "%s.%s", t->schema, t->name),
                     .topic = t->topic,
                     .ts_us = s->row_ts_us});
}

leat_rc leat_pg_row_give(leat_pg_source *s, leat_str row, leat_snapshot marker, leat_batch *b,
                         leat_err *e)
{
    leat_value *cells = LEAT_NEW(&b->arena, leat_value, s->row_rel->table->row->nfields);
    leat_tally *y = leat_batch_tally(b, s->row_rel->table);
    LEAT_COUNT(b, y, rows_read, 1);
    b->row_bytes += row.len;
    s->row_n++;
    leat_rc rc =
        leat_event_size_check(row.len, s->task->max_event_bytes, s->row_rel->table->name, e);
    bool fits = rc == LEAT_OK;
    if (fits) rc = leat_pg_row_cells(s->row_rel, s->row_binary, row, &b->arena, cells, e);
    while (fits && rc == LEAT_DATA && (rc = leat_pg_rel_loosen(s, &s->row_rel, e)) == LEAT_OK)
        rc = leat_pg_row_cells(s->row_rel, s->row_binary, row, &b->arena, cells, e);
    const leat_pg_rel *r = s->row_rel;
    if (rc == LEAT_DATA) {
        bury(b, y, s, r->table, row, e);
        return LEAT_OK;
    }
    LEAT_TRY(rc);
    leat_rewrite_row(r->rewrite, cells, false, &b->arena);
    leat_event *ev = leat_batch_add(b, r->table);
    ev->op = LEAT_OP_READ;
    ev->after = cells;
    ev->snapshot = (uint8_t)marker;
    ev->ts_us = s->row_ts_us;
    ev->seen_us = s->row_seen_us;
    /* All rows under one view share it; other events may stand before them. */
    bool shared = b->n > 1 && ev[-1].op == LEAT_OP_READ && ev[-1].snapshot <= LEAT_SNAPSHOT_LAST;
    ev->src = shared ? ev[-1].src : leat_pg_src(s, &b->arena, s->at.lsn, s->row_tx);
    return LEAT_OK;
}
