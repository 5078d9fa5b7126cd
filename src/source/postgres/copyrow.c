/* A row of COPY, in text or binary form, becomes cells. Pure.
 *
 *     text   = column, { tab, column }               copytext.h; without the newline
 *     binary = i16 n, n x (i32 len, len bytes)       len -1: NULL; of the columns with a field
 *
 * In binary form a column is in its type's binary form where that is exact, and else its text. */
#include "source/postgres/copytext.h"
#include "source/postgres/pg.h"

static leat_rc bad_row(const leat_pg_rel *r, unsigned n, leat_err *e)
{
    return leat_fail(e, LEAT_FATAL, "postgres.protocol", r->table->topic,
                     "a row of a COPY has %u columns or a broken one, expected %u", n, r->nwire);
}

static leat_rc text_row(leat_pg_rel *r, leat_str row, leat_arena *a, leat_value *cells, leat_err *e)
{
    char *copy = (char *)(uintptr_t)leat_arena_str(a, row).s, *end = copy + row.len, *rest = copy;
    for (uint16_t i = 0; i < r->nwire; i++) {
        leat_str text;
        uint16_t f = r->field[i];
        if (!rest || !leat_pg_copy_column(&rest, end, &text)) return bad_row(r, i, e);
        if (f == LEAT_PG_NO_FIELD) continue;
        LEAT_TRY(leat_pg_rel_cell(r, i, false, text, a, &cells[f], e));
    }
    return LEAT_OK;
}

static leat_rc binary_row(leat_pg_rel *r, leat_str row, leat_arena *a, leat_value *cells,
                          leat_err *e)
{
    leat_cur c = leat_cur_of(leat_arena_str(a, row));
    unsigned n = leat_cur_be16(&c);
    if (n != r->table->row->nfields) return bad_row(r, n, e);
    for (uint16_t i = 0; i < r->nwire; i++) {
        uint16_t f = r->field[i];
        if (f == LEAT_PG_NO_FIELD) continue;
        uint32_t len = leat_cur_be32(&c);
        leat_str bytes = {0};
        if (len != UINT32_MAX) bytes = leat_cur_bytes(&c, len);
        if (c.bad) return bad_row(r, i, e);
        LEAT_TRY(leat_pg_rel_cell(r, i, true, bytes, a, &cells[f], e));
    }
    return leat_cur_left(&c) == 0 ? LEAT_OK : bad_row(r, r->nwire, e);
}

leat_rc leat_pg_row_cells(leat_pg_rel *r, bool binary, leat_str row, leat_arena *a,
                          leat_value *cells, leat_err *e)
{
    for (uint32_t i = 0; i < r->table->row->nfields; i++) cells[i] = leat_absent();
    return binary ? binary_row(r, row, a, cells, e) : text_row(r, row, a, cells, e);
}
