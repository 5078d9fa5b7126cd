/* Names and keys by which a snapshot's rows and the stream's changes are compared; see the header.
 *
 * A key's bytes are its cells in the stream's own form, one behind the other: what a cell is made
 * of follows from the bytes alone, so that different cells never give the same ones. Pure. */
#include "capture/chunk.h"

#include "base/json.h"
#include "event/wire.h"

leat_str leat_bound_write(const char *order, uint16_t n, const leat_str *values, bool behind,
                          leat_arena *a)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_array(&w, NULL);
    leat_jw_z(&w, NULL, order);
    for (uint16_t i = 0; i < n; i++) leat_jw_str(&w, NULL, values[i]);
    if (behind) leat_jw_bool(&w, NULL, true);
    leat_jw_end(&w);
    leat_str bound = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    return bound;
}

const leat_str *leat_bound_read(const char *order, uint16_t n, leat_str bound, leat_arena *a,
                                bool *behind)
{
    const leat_json *j = NULL, *one = NULL;
    leat_str *values = LEAT_NEW(a, leat_str, n);
    *behind = false;
    leat_rc rc = leat_json_parse(a, bound, &j, NULL);
    if (rc == LEAT_OK && j->type == LEAT_JSON_ARRAY) one = j->child;
    if (!one || !leat_str_is(one->text, order)) return NULL;
    one = one->next;
    for (uint16_t i = 0; i < n; i++, one = one->next) {
        if (!one || one->type != LEAT_JSON_STRING) return NULL;
        values[i] = one->text;
    }
    *behind = one && one->type == LEAT_JSON_TRUE;
    return !one || (*behind && !one->next) ? values : NULL;
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

bool leat_row_whole(const leat_table *t, const leat_value *cells, leat_buf *out)
{
    size_t was = out->len;
    for (uint32_t i = 0; i < t->row->nfields; i++) {
        if (cells[i].kind == LEAT_ABSENT) {
            out->len = was;
            return false;
        }
        leat_wire_put_cell(out, &cells[i]);
    }
    return true;
}

leat_value *leat_row_key_cells(leat_str key, leat_arena *a, uint16_t *n)
{
    size_t count = 0;
    leat_value *cells = leat_wire_get_cells(key, a, &count);
    if (!cells || count == 0 || count > UINT16_MAX) return NULL;
    *n = (uint16_t)count;
    return cells;
}
