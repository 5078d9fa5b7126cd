/* A map from 64-bit keys to small numbers (stream/map.h): linear probing from the key's spread
 * place. Pure; run by whoever owns the map. */
#include "stream/map.h"

#include "base/arena.h"

enum { CAP_FIRST = 16 };

static uint32_t place(const leat_map *m, uint64_t key)
{
    return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (m->cap - 1);
}

/* The key's slot, or the free one where it would go. */
static leat_map_slot *find(const leat_map *m, uint64_t key)
{
    for (uint32_t i = place(m, key);; i = (i + 1) & (m->cap - 1)) {
        leat_map_slot *slot = &m->slots[i];
        if (slot->value == 0 || slot->key == key) return slot;
    }
}

void leat_map_free(leat_map *m)
{
    leat_free(m->slots);
    *m = (leat_map){0};
}

void leat_map_clear(leat_map *m)
{
    if (m->cap > 0) memset(m->slots, 0, m->cap * sizeof(leat_map_slot));
    m->n = 0;
}

uint32_t leat_map_get(const leat_map *m, uint64_t key)
{
    if (m->cap == 0) return LEAT_MAP_NONE;
    return find(m, key)->value - 1; /* 0 - 1 is LEAT_MAP_NONE */
}

static void grow(leat_map *m)
{
    leat_map old = *m;
    m->cap = old.cap > 0 ? old.cap * 2 : CAP_FIRST;
    m->slots = leat_zalloc(m->cap, sizeof(leat_map_slot));
    for (uint32_t i = 0; i < old.cap; i++)
        if (old.slots[i].value != 0) *find(m, old.slots[i].key) = old.slots[i];
    leat_free(old.slots);
}

void leat_map_put(leat_map *m, uint64_t key, uint32_t value)
{
    if (m->n >= m->cap / 2) grow(m);
    leat_map_slot *slot = find(m, key);
    if (slot->value == 0) m->n++;
    *slot = (leat_map_slot){.key = key, .value = value + 1};
}
