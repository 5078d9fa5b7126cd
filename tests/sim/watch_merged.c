/* The model consumer: what merging must not change; see watch.h. The frames of all segments are
 * looked at as they lie on the disk, and remembered as they were first written. */
#include "sim.h"
#include "stream/segment.h"
#include "watch.h"

static watch_frame *frame_of(watch *w, uint64_t number)
{
    if (number >= w->frames_cap) {
        uint64_t cap = w->frames_cap ? w->frames_cap * 2 : 1024;
        while (cap <= number) cap *= 2;
        w->frames = leat_realloc(w->frames, cap * sizeof(watch_frame));
        memset(w->frames + w->frames_cap, 0, (cap - w->frames_cap) * sizeof(watch_frame));
        w->frames_cap = cap;
    }
    return &w->frames[number];
}

/* Frames that end at a safe place stand only where all behind them in the frame do too. */
static void check_merged(watch *w, const leat_frame *f)
{
    bool end = (f->flags & LEAT_FRAME_END) != 0, safe = false;
    for (uint64_t n = f->first; n <= f->number && !the_sim->failed; n++) {
        const watch_frame *was = frame_of(w, n);
        if (!was->known) continue;
        if (safe && !was->end)
            sim_fail("merged", "frame %llu ended at a safe place, in one up to %llu that is lost",
                     (unsigned long long)n - 1, (unsigned long long)f->number);
        safe = was->end;
        if (n == f->number && (was->end != end || was->crc != f->name))
            sim_fail("merged", "frame %llu is another one now", (unsigned long long)n);
    }
}

static void look_at(watch *w, uint64_t segment)
{
    leat_walk k;
    leat_frame f;
    leat_str meta;
    leat_seen seen;
    leat_walk_init(&k);
    if (leat_walk_open(&k, "/sim/connectors/shop/stream", segment, NULL) == LEAT_OK) {
        while (leat_walk_peek(&k, &f, &meta, &seen, NULL) == LEAT_OK && seen == LEAT_SEEN_FRAME &&
               f.number <= the_sim->ledger.frame && !the_sim->failed) {
            if (f.flags & LEAT_FRAME_MERGED)
                check_merged(w, &f);
            else
                *frame_of(w, f.number) =
                    (watch_frame){true, (f.flags & LEAT_FRAME_END) != 0, f.crc};
            leat_walk_pass(&k, &f);
        }
    }
    leat_walk_free(&k);
}

void watch_frames(watch *w)
{
    leat_arena a = {0};
    uint64_t *numbers = NULL;
    size_t n = 0;
    if (leat_segment_list("/sim/connectors/shop/stream", &a, &numbers, &n, NULL) == LEAT_OK)
        for (size_t i = 0; i < n && !the_sim->failed; i++) look_at(w, numbers[i]);
    leat_arena_free(&a);
}
