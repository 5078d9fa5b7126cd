/* Reducing a batch to what it comes to; see the header. Pure: any thread. */
#include "sink/sql/reduce.h"

/* A table met in the batch. */
typedef struct group {
    const leat_rdb_table *table;
    bool kept; /* all of it as it is */
    uint32_t n;
} group;

static const leat_value *key_cells(const leat_rdb_row *row)
{
    return row->old ? row->old : row->cells;
}

static uint64_t hash_value(const leat_value *v)
{
    uint64_t head = (uint64_t)v->kind << 32 | v->len;
    if (v->kind == LEAT_TEXT || v->kind == LEAT_BYTES || v->kind == LEAT_DECIMAL)
        return leat_str_hash(leat_value_str(v)) ^ head;
    if (v->kind >= LEAT_INTERVAL) return head;
    int64_t word[2] = {v->u.i, (int64_t)head};
    return leat_str_hash((leat_str){(const char *)word, sizeof word});
}

/* The key's fields stand first in a shape's. */
static uint64_t hash_of(const leat_rdb_row *row)
{
    uint64_t h = (uint64_t)(uintptr_t)row->shape->table;
    const leat_value *cells = key_cells(row);
    for (const leat_rdb_field *f = row->shape->fields; f->key; f++)
        h = h * 0x9e3779b97f4a7c15u + hash_value(&cells[f->from]);
    return h;
}

static bool same_key(const leat_rdb_row *x, const leat_rdb_row *y)
{
    if (x->shape->table != y->shape->table) return false;
    const leat_value *a = key_cells(x), *b = key_cells(y);
    const leat_rdb_field *f = x->shape->fields, *g = y->shape->fields;
    for (; f->key && g->key; f++, g++)
        if (f->to->name != g->to->name && strcmp(f->to->name, g->to->name) != 0)
            return false;
        else if (!leat_value_eq(&a[f->from], &b[g->from]))
            return false;
    return f->key == g->key;
}

static group *group_of(group *groups, uint32_t *n, const leat_rdb_table *table)
{
    for (uint32_t i = *n; i-- > 0;)
        if (groups[i].table == table) return &groups[i];
    groups[*n] = (group){.table = table};
    return &groups[(*n)++];
}

/* Says all about its key, whatever was before. */
static bool says_all(const leat_rdb_row *row)
{
    return row->shape->kind == LEAT_RDB_ROW_UPSERT || row->shape->kind == LEAT_RDB_ROW_DELETE;
}

void leat_rdb_reduce_mark(const leat_rdb_row *rows, uint32_t n, bool *drop, leat_arena *a)
{
    uint32_t size = 16;
    while (size < n * 2) size *= 2;
    uint32_t *slots = LEAT_NEW(a, uint32_t, size); /* index + 1 */
    for (uint32_t i = n; i-- > 0;) {
        if (drop[i] || !says_all(&rows[i])) continue;
        uint32_t at = (uint32_t)hash_of(&rows[i]) & (size - 1);
        while (slots[at] && !same_key(&rows[slots[at] - 1], &rows[i])) at = (at + 1) & (size - 1);
        if (slots[at])
            drop[i] = true;
        else
            slots[at] = i + 1;
    }
}

void leat_rdb_reduce(const leat_rdb_row *rows, uint32_t n, leat_arena *a, leat_rdb_row **out,
                     uint32_t *nout)
{
    group *groups = LEAT_NEW(a, group, n);
    bool *drop = LEAT_NEW(a, bool, n);
    uint32_t ngroups = 0, at = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!says_all(&rows[i])) group_of(groups, &ngroups, rows[i].shape->table)->kept = true;
    for (uint32_t i = 0; i < n; i++)
        drop[i] = group_of(groups, &ngroups, rows[i].shape->table)->kept;
    leat_rdb_reduce_mark(rows, n, drop, a);
    leat_rdb_row *to = LEAT_NEW(a, leat_rdb_row, n);
    for (uint32_t g = 0; g < ngroups; g++)
        for (int pass = 0; pass < 2; pass++)
            for (uint32_t i = 0; i < n; i++) {
                if (rows[i].shape->table != groups[g].table) continue;
                bool early = groups[g].kept || rows[i].shape->kind == LEAT_RDB_ROW_DELETE;
                if ((drop[i] && !groups[g].kept) || early != (pass == 0)) continue;
                to[at++] = rows[i];
            }
    *out = to;
    *nout = at;
}
