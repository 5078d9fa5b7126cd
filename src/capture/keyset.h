/* A set of keys (canonical bytes, chunk.h), each with a few marks. Equality of bytes, not of
 * hashes: two keys are never taken for one. Grows; there is no removing. One thread. */
#ifndef LEAT_CAPTURE_KEYSET_H
#define LEAT_CAPTURE_KEYSET_H

#include "base/buf.h"

typedef struct leat_keyset_entry {
    uint64_t hash;
    size_t at; /* in bytes */
    uint32_t len;
    uint32_t marks;
} leat_keyset_entry;

/* A zeroed one is empty. */
typedef struct leat_keyset {
    leat_buf bytes;
    leat_keyset_entry *entries; /* in the order in which they came */
    uint32_t n, cap;
    uint32_t *slots; /* number of an entry, plus 1 */
    uint32_t nslots; /* power of two, or 0 */
} leat_keyset;

#define LEAT_KEYSET_NONE UINT32_MAX

void leat_keyset_free(leat_keyset *k);
/* Empty again; memory is kept. */
void leat_keyset_clear(leat_keyset *k);
/* Its number; new ones have the next, no marks, and their bytes copied. */
uint32_t leat_keyset_put(leat_keyset *k, leat_str key);
uint32_t leat_keyset_find(const leat_keyset *k, leat_str key);
/* Borrowed until the next put. */
static inline leat_str leat_keyset_at(const leat_keyset *k, uint32_t i)
{
    return (leat_str){k->bytes.p + k->entries[i].at, k->entries[i].len};
}

#endif
