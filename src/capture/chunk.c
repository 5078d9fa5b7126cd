/* Names and keys by which a snapshot's rows and the stream's changes are compared; see the header.
 *
 * A key's bytes are its cells in the stream's own form, one behind the other: what a cell is made
 * of follows from the bytes alone, so that different cells never give the same ones. Pure. */
#include "capture/chunk.h"

#include "event/wire.h"

void leat_table_name(const leat_table *t, leat_buf *out)
{
    if (t->schema) {
        leat_buf_str_z(out, t->schema);
        leat_buf_u8(out, '.');
    }
    leat_buf_str_z(out, t->name);
}

static bool put_cells(const uint16_t *cols, uint16_t n, const leat_value *cells,
                      const leat_value *other, leat_buf *out)
{
    size_t was = out->len;
    for (uint16_t i = 0; i < n; i++) {
        const leat_value *v = &cells[cols[i]];
        if (v->kind == LEAT_ABSENT && other) v = &other[cols[i]];
        if (v->kind == LEAT_ABSENT) {
            out->len = was;
            return false;
        }
        leat_wire_put_cell(out, v);
    }
    return n > 0;
}

bool leat_row_key(const leat_table *t, const leat_value *cells, const leat_value *other,
                  leat_buf *out)
{
    return put_cells(t->id_cols, t->nid, cells, other, out);
}

bool leat_row_key_by(const leat_table *t, const char *by, const leat_value *cells,
                     const leat_value *other, leat_buf *out)
{
    if (t->nid > 0) return leat_row_key(t, cells, other, out);
    if (t->nkey > 0) return put_cells(t->key_cols, t->nkey, cells, other, out);
    for (uint16_t i = 0; by && i < t->row->nfields; i++)
        if (strcmp(t->row->fields[i].name, by) == 0) return put_cells(&i, 1, cells, other, out);
    return false;
}

leat_value *leat_row_key_cells(leat_str key, leat_arena *a, uint16_t *n)
{
    size_t count = 0;
    leat_value *cells = leat_wire_get_cells(key, a, &count);
    if (!cells || count == 0 || count > UINT16_MAX) return NULL;
    *n = (uint16_t)count;
    return cells;
}
