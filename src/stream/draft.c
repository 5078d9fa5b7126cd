/* The frame that is being formed (stream/draft.h). Arrays grow and stay; what belongs to the frame
 * in names and registry is told by the draft's id. Pure; one thread. */
#include "stream/draft.h"

void leat_draft_free(leat_draft *d)
{
    leat_buf_free(&d->raw);
    leat_free(d->topics);
    leat_free(d->rows);
    leat_free(d->txs);
    leat_free(d->saved.topics);
    *d = (leat_draft){0};
}

void leat_draft_clear(leat_draft *d)
{
    d->id++;
    leat_buf_clear_to(&d->raw, LEAT_DRAFT_KEEP);
    d->wire = (leat_wire_state){0};
    d->events = 0;
    d->ntopics = d->nrows = d->ntxs = 0;
}

static void *more(void *p, uint32_t *cap, uint32_t need, size_t size)
{
    if (need <= *cap) return p;
    uint32_t to = *cap > 0 ? *cap : 16;
    while (to < need) to *= 2;
    *cap = to;
    return leat_realloc(p, to * size);
}

void leat_draft_save(leat_draft *d)
{
    d->saved.raw = d->raw.len;
    d->saved.wire = d->wire;
    d->saved.events = d->events;
    d->saved.ntopics = d->ntopics;
    d->saved.nrows = d->nrows;
    d->saved.ntxs = d->ntxs;
    d->saved.topics =
        more(d->saved.topics, &d->saved.topics_cap, d->ntopics, sizeof(leat_frame_topic));
    if (d->ntopics > 0) memcpy(d->saved.topics, d->topics, d->ntopics * sizeof(leat_frame_topic));
}

void leat_draft_restore(leat_draft *d, leat_names *names, leat_registry *g)
{
    for (uint32_t i = d->saved.ntopics; i < d->ntopics; i++)
        names->v[leat_names_find(names, d->topics[i].name)].mark = 0;
    for (uint32_t i = d->saved.nrows; i < d->nrows; i++) g->rows[d->rows[i]].draft = 0;
    d->raw.len = d->saved.raw;
    d->wire = d->saved.wire;
    d->events = d->saved.events;
    d->ntopics = d->saved.ntopics;
    d->nrows = d->saved.nrows;
    d->ntxs = d->saved.ntxs;
    if (d->ntopics > 0) memcpy(d->topics, d->saved.topics, d->ntopics * sizeof(leat_frame_topic));
}

leat_frame_topic *leat_draft_new_topic(leat_draft *d, leat_names *names, uint32_t topic)
{
    d->topics = more(d->topics, &d->topics_cap, d->ntopics + 1, sizeof(leat_frame_topic));
    leat_name *name = &names->v[topic];
    name->mark = d->id;
    name->slot = d->ntopics++;
    leat_frame_topic *t = &d->topics[name->slot];
    *t = (leat_frame_topic){
        .name = name->name,
        .first = names->next[topic],
        .min_us = INT64_MAX,
        .max_us = INT64_MIN,
    };
    return t;
}

void leat_draft_new_row(leat_draft *d, leat_registry *g, uint32_t row)
{
    d->rows = more(d->rows, &d->rows_cap, d->nrows + 1, sizeof(uint32_t));
    g->rows[row].draft = d->id;
    d->rows[d->nrows++] = row;
}

void leat_draft_tx(leat_draft *d, uint64_t tx)
{
    d->txs = more(d->txs, &d->txs_cap, d->ntxs + 1, sizeof(uint64_t));
    d->txs[d->ntxs++] = tx;
}
