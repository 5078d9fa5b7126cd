/* The table versions a writer uses (stream/registry.h). Rows are few; what is forgotten is closed
 * up and the map built anew. Pure; one thread. */
#include "stream/registry.h"

void leat_registry_init(leat_registry *g)
{
    *g = (leat_registry){.next = 1};
}

static void drop(leat_registry_row *row)
{
    if (row->table != NULL) leat_table_unpin(row->table);
}

void leat_registry_free(leat_registry *g)
{
    for (uint32_t i = 0; i < g->n; i++) drop(&g->rows[i]);
    leat_free(g->rows);
    leat_map_free(&g->map);
    leat_registry_init(g);
}

uint32_t leat_registry_find(const leat_registry *g, uint64_t fingerprint)
{
    return leat_map_get(&g->map, fingerprint);
}

static uint32_t add(leat_registry *g, uint64_t fingerprint, uint32_t number)
{
    if (g->n == g->cap) {
        g->cap = g->cap > 0 ? g->cap * 2 : 16;
        g->rows = leat_realloc(g->rows, g->cap * sizeof(leat_registry_row));
    }
    g->rows[g->n] = (leat_registry_row){.fingerprint = fingerprint, .number = number};
    leat_map_put(&g->map, fingerprint, g->n);
    return g->n++;
}

uint32_t leat_registry_add(leat_registry *g, uint64_t fingerprint)
{
    return add(g, fingerprint, g->next++);
}

void leat_registry_defined(leat_registry *g, uint64_t fingerprint, uint32_t number,
                           uint64_t segment, int64_t offset)
{
    uint32_t i = leat_registry_find(g, fingerprint);
    if (i == LEAT_MAP_NONE) i = add(g, fingerprint, number);
    g->rows[i].number = number;
    g->rows[i].segment = g->rows[i].used = segment;
    g->rows[i].offset = offset;
    if (g->next <= number) g->next = number + 1;
}

void leat_registry_cut(leat_registry *g, uint64_t segment, int64_t offset)
{
    for (uint32_t i = 0; i < g->n; i++) {
        leat_registry_row *row = &g->rows[i];
        if (row->segment > segment || (row->segment == segment && row->offset >= offset))
            row->segment = 0;
    }
}

void leat_registry_purge(leat_registry *g, uint64_t segment)
{
    uint32_t kept = 0;
    leat_map_clear(&g->map);
    for (uint32_t i = 0; i < g->n; i++) {
        if (g->rows[i].used < segment) {
            drop(&g->rows[i]);
            continue;
        }
        g->rows[kept] = g->rows[i];
        leat_map_put(&g->map, g->rows[kept].fingerprint, kept);
        kept++;
    }
    g->n = kept;
}
