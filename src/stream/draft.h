/* The frame that is being formed in memory: events, and what its meta will say of them.
 *
 * Its content either ends at a safe place or belongs to an open transaction, never both; the caller
 * sees to that. A draft can be saved and brought back, so that a batch that fails leaves no trace.
 * Memory is kept from frame to frame. One thread. */
#ifndef LEAT_STREAM_DRAFT_H
#define LEAT_STREAM_DRAFT_H

#include "event/wire.h"
#include "stream/frame.h"
#include "stream/names.h"
#include "stream/registry.h"

/* Bytes of a buffer that are kept for the next frame; what a giant needed beyond is given back. */
enum { LEAT_DRAFT_KEEP = 4 << 20 };

typedef struct leat_draft {
    uint64_t id; /* differs from every draft before: stamps of rows and names */
    leat_buf raw;
    leat_wire_state wire;
    uint64_t events;
    leat_frame_topic *topics;
    uint32_t ntopics, topics_cap;
    uint32_t *rows; /* of the registry: tables used */
    uint32_t nrows, rows_cap;
    uint64_t *txs; /* whose end was seen */
    uint32_t ntxs, txs_cap;
    struct {
        size_t raw;
        leat_wire_state wire;
        uint64_t events;
        leat_frame_topic *topics; /* their counts as they were */
        uint32_t ntopics, topics_cap, nrows, ntxs;
    } saved;
} leat_draft;

/* A zeroed one is empty, but for its id. */
void leat_draft_free(leat_draft *d);
/* Empty, with a new id. */
void leat_draft_clear(leat_draft *d);
void leat_draft_save(leat_draft *d);
/* As at the last save; not valid across a clear. */
void leat_draft_restore(leat_draft *d, leat_names *names, leat_registry *g);

/* Slow paths of the two below. */
leat_frame_topic *leat_draft_new_topic(leat_draft *d, leat_names *names, uint32_t topic);
void leat_draft_new_row(leat_draft *d, leat_registry *g, uint32_t row);
void leat_draft_tx(leat_draft *d, uint64_t tx);

/* The topic's counts in this frame. */
static inline leat_frame_topic *leat_draft_topic(leat_draft *d, leat_names *names, uint32_t topic)
{
    leat_name *name = &names->v[topic];
    if (name->mark == d->id) return &d->topics[name->slot];
    return leat_draft_new_topic(d, names, topic);
}

/* The table is used in this frame. */
static inline void leat_draft_row(leat_draft *d, leat_registry *g, uint32_t row)
{
    if (g->rows[row].draft != d->id) leat_draft_new_row(d, g, row);
}

#endif
