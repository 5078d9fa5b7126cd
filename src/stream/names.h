/* The topics of one stream: names to small numbers, with the offset of each one's next record.
 *
 * Heap of its own; names never go. One thread. */
#ifndef LEAT_STREAM_NAMES_H
#define LEAT_STREAM_NAMES_H

#include "base/arena.h"
#include "stream/map.h"

typedef struct leat_name {
    leat_str name; /* NUL-terminated */
    uint32_t link; /* of those with the same hash: the next, plus 1 */
    uint32_t slot; /* the user's: place in the frame that is being formed or read ... */
    uint64_t mark; /* ... valid if this is that frame's number */
    bool known;    /* the user's: claimed */
} leat_name;

typedef struct leat_names {
    leat_arena arena;
    leat_map map;
    leat_name *v;
    int64_t *next; /* one a name: offset of the next record */
    uint32_t n, cap;
} leat_names;

/* A zeroed one is empty. */
void leat_names_free(leat_names *s);
/* LEAT_MAP_NONE if it is not there. */
uint32_t leat_names_find(const leat_names *s, leat_str name);
/* The same, added with next = 0 if it is not there. */
uint32_t leat_names_put(leat_names *s, leat_str name);

#endif
