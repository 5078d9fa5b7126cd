/* A set of keys; see the header. Open addressing, at most half full. */
#include "capture/keyset.h"

#include "base/arena.h"

enum { SLOTS_LEAST = 64 };

void leat_keyset_free(leat_keyset *k)
{
    leat_buf_free(&k->bytes);
    leat_free(k->entries);
    leat_free(k->slots);
    *k = (leat_keyset){0};
}

void leat_keyset_clear(leat_keyset *k)
{
    leat_buf_clear(&k->bytes);
    if (k->n > 0) memset(k->slots, 0, k->nslots * sizeof *k->slots);
    k->n = 0;
}

/* Where the key is, or where it would go. */
static uint32_t *slot_of(const leat_keyset *k, leat_str key, uint64_t hash)
{
    uint32_t i = (uint32_t)hash & (k->nslots - 1);
    for (;; i = (i + 1) & (k->nslots - 1)) {
        if (k->slots[i] == 0) return &k->slots[i];
        const leat_keyset_entry *entry = &k->entries[k->slots[i] - 1];
        if (entry->hash == hash && leat_str_eq(leat_keyset_at(k, k->slots[i] - 1), key))
            return &k->slots[i];
    }
}

static void grow(leat_keyset *k)
{
    if (k->n == k->cap) {
        k->cap = k->cap > 0 ? k->cap * 2 : SLOTS_LEAST / 2;
        k->entries = leat_realloc(k->entries, k->cap * sizeof *k->entries);
    }
    if (2 * (k->n + 1) <= k->nslots) return;
    leat_free(k->slots);
    k->nslots = k->nslots > 0 ? k->nslots * 2 : SLOTS_LEAST;
    k->slots = leat_zalloc(k->nslots, sizeof *k->slots);
    for (uint32_t i = 0; i < k->n; i++)
        *slot_of(k, leat_keyset_at(k, i), k->entries[i].hash) = i + 1;
}

uint32_t leat_keyset_find(const leat_keyset *k, leat_str key)
{
    if (k->n == 0) return LEAT_KEYSET_NONE;
    uint32_t found = *slot_of(k, key, leat_str_hash(key));
    return found > 0 ? found - 1 : LEAT_KEYSET_NONE;
}

uint32_t leat_keyset_put(leat_keyset *k, leat_str key)
{
    grow(k);
    uint64_t hash = leat_str_hash(key);
    uint32_t *slot = slot_of(k, key, hash);
    if (*slot > 0) return *slot - 1;
    k->entries[k->n] = (leat_keyset_entry){hash, k->bytes.len, (uint32_t)key.len, 0};
    leat_buf_put(&k->bytes, key.s, key.len);
    *slot = ++k->n;
    return k->n - 1;
}
