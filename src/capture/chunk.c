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

bool leat_row_key(const leat_table *t, const leat_value *cells, const leat_value *other,
                  leat_buf *out)
{
    size_t was = out->len;
    for (uint16_t i = 0; i < t->nid; i++) {
        const leat_value *v = &cells[t->id_cols[i]];
        if (v->kind == LEAT_ABSENT && other) v = &other[t->id_cols[i]];
        if (v->kind == LEAT_ABSENT) {
            out->len = was;
            return false;
        }
        leat_wire_put_cell(out, v);
    }
    return t->nid > 0;
}

leat_value *leat_row_key_cells(leat_str key, leat_arena *a, uint16_t *n)
{
    size_t count = 0;
    leat_value *cells = leat_wire_get_cells(key, a, &count);
    if (!cells || count == 0 || count > UINT16_MAX) return NULL;
    *n = (uint16_t)count;
    return cells;
}
