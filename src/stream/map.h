/* A map from 64-bit keys to small numbers: fingerprints, hashes of names, table numbers.
 *
 * Open addressing, at most half full, doubled when it is; the heap belongs to the map. There is no
 * removing: who wants that clears it and puts the rest again. Keys should be spread (hashes) or
 * dense. One thread. */
#ifndef LEAT_STREAM_MAP_H
#define LEAT_STREAM_MAP_H

#include "base/str.h"

typedef struct leat_map_slot {
    uint64_t key;
    uint32_t value; /* what was put, plus 1; 0: the slot is free */
} leat_map_slot;

/* A zeroed one is empty. */
typedef struct leat_map {
    leat_map_slot *slots;
    uint32_t cap; /* power of two, or 0 */
    uint32_t n;
} leat_map;

#define LEAT_MAP_NONE UINT32_MAX

void leat_map_free(leat_map *m);
/* Empty again; memory is kept. */
void leat_map_clear(leat_map *m);
/* LEAT_MAP_NONE if the key is not there. */
uint32_t leat_map_get(const leat_map *m, uint64_t key);
/* Puts it in, or replaces what the key had. value < LEAT_MAP_NONE. */
void leat_map_put(leat_map *m, uint64_t key, uint32_t value);

#endif
