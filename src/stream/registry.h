/* The table versions a writer uses: fingerprint to the number by which events name it.
 *
 * A version gets a number when it is first used and keeps it while it is in use; numbers are never
 * given twice in a stream. It is defined again in each segment that uses it; what went unused for
 * a whole segment is forgotten and would get a new number. One thread. */
#ifndef LEAT_STREAM_REGISTRY_H
#define LEAT_STREAM_REGISTRY_H

#include "event/table.h"
#include "stream/map.h"

typedef struct leat_registry_row {
    uint64_t fingerprint;
    leat_table *table; /* pinned; NULL: known from frames only, not used since the start */
    uint32_t number;
    uint32_t topic;   /* index into the stream's names; valid if table is set */
    uint64_t segment; /* where it was last defined, 0: nowhere ... */
    int64_t offset;   /* ... and at which offset */
    uint64_t used;    /* last segment with events of it */
    uint64_t draft;   /* last frame formed with events of it: frame number */
} leat_registry_row;

typedef struct leat_registry {
    leat_registry_row *rows;
    uint32_t n, cap;
    uint32_t next; /* number to give; 0 is none, so it starts at 1 */
    leat_map map;  /* fingerprint to row */
} leat_registry;

void leat_registry_init(leat_registry *g);
void leat_registry_free(leat_registry *g);
/* LEAT_MAP_NONE if it is not there. */
uint32_t leat_registry_find(const leat_registry *g, uint64_t fingerprint);
/* A new row with the next number. */
uint32_t leat_registry_add(leat_registry *g, uint64_t fingerprint);
/* As a frame defined it. */
void leat_registry_defined(leat_registry *g, uint64_t fingerprint, uint32_t number,
                           uint64_t segment, int64_t offset);
/* Definitions at or behind this place are void: they were cut. */
void leat_registry_cut(leat_registry *g, uint64_t segment, int64_t offset);
/* Forgets rows last used before a segment. */
void leat_registry_purge(leat_registry *g, uint64_t segment);

#endif
