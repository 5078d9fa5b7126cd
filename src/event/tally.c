/* Tallies (event/tally.h): a list that only grows, an index over its names, and lists of those
 * that have counts, so that clearing and marking cost what was counted and not what is known. */
#include "event/tally.h"

#include <string.h>

#include "base/arena.h"

enum { FIRST = 16, KEPT = 4096 };
#define SPREAD 0x9e3779b97f4a7c15ull /* pointers differ in few bits, and not the last ones */

void leat_tallies_free(leat_tallies *s)
{
    for (uint32_t i = 0; i < s->n; i++) leat_free(s->v[i].table);
    leat_free(s->v);
    leat_free(s->slots);
    leat_free(s->used);
    leat_free(s->behind);
    *s = (leat_tallies){0};
}

void leat_tallies_clear(leat_tallies *s)
{
    for (uint32_t i = 0; i < s->nused; i++) {
        leat_tally *y = &s->v[s->used[i]];
        *y = (leat_tally){.table = y->table};
    }
    s->nused = s->nbehind = 0;
    if (s->n > KEPT) leat_tallies_free(s);
}

static uint32_t *slot_of(leat_tallies *s, leat_str table)
{
    uint32_t at = (uint32_t)leat_str_hash(table) & (s->nslots - 1);
    while (s->slots[at] && !leat_str_is(table, s->v[s->slots[at] - 1].table))
        at = (at + 1) & (s->nslots - 1);
    return &s->slots[at];
}

static void grow(leat_tallies *s)
{
    s->cap = s->cap ? s->cap * 2 : FIRST;
    s->nslots = s->cap * 2;
    s->v = leat_realloc(s->v, s->cap * sizeof *s->v);
    s->used = leat_realloc(s->used, s->cap * sizeof *s->used);
    s->behind = leat_realloc(s->behind, s->cap * sizeof *s->behind);
    leat_free(s->slots);
    s->slots = leat_zalloc(s->nslots, sizeof *s->slots);
    for (uint32_t i = 0; i < s->n; i++) *slot_of(s, leat_str_of(s->v[i].table)) = i + 1;
}

leat_tally *leat_tallies_find(leat_tallies *s, leat_str table)
{
    uint32_t at = s->nslots ? *slot_of(s, table) : 0;
    return at ? &s->v[at - 1] : NULL;
}

static leat_tally *add(leat_tallies *s, leat_str table)
{
    if (s->n == s->cap) grow(s);
    *slot_of(s, table) = s->n + 1;
    leat_tally *y = &s->v[s->n++];
    *y = (leat_tally){.table = leat_alloc(table.len + 1)};
    memcpy(y->table, table.s, table.len);
    y->table[table.len] = '\0';
    return y;
}

leat_tally *leat_tallies_get(leat_tallies *s, leat_str table, uint32_t *hint)
{
    bool there = hint && *hint < s->n && leat_str_is(table, s->v[*hint].table);
    leat_tally *y = there ? &s->v[*hint] : leat_tallies_find(s, table);
    if (!y) y = add(s, table);
    uint32_t at = (uint32_t)(y - s->v);
    if (hint) *hint = at;
    if (!y->used) s->used[s->nused++] = at;
    if (!y->behind) s->behind[s->nbehind++] = at;
    y->used = y->behind = true;
    return y;
}

leat_tally *leat_tallies_known(leat_tallies *s, const void *of)
{
    uint32_t *near = &s->near[((uintptr_t)of * SPREAD >> 32) & (LEAT_TALLIES_NEAR - 1)];
    uint32_t at = *near;
    if (at >= s->n || s->v[at].of != of) {
        uint32_t i = s->nused;
        while (i > 0 && s->v[s->used[i - 1]].of != of) i--;
        if (i == 0) return NULL;
        at = *near = s->used[i - 1];
    }
    leat_tally *y = &s->v[at];
    if (!y->behind) s->behind[s->nbehind++] = at;
    y->behind = true;
    return y;
}

void leat_tallies_safe(leat_tallies *s)
{
    for (uint32_t i = 0; i < s->nbehind; i++) {
        leat_tally *y = &s->v[s->behind[i]];
        y->safe = y->counts;
        y->behind = false;
    }
    s->nbehind = 0;
}
