/* The model store of dead letters: what state.db is to the engine. A letter is durable when put
 * returns; a chain that fails may be stored in part. */
#include <stdio.h>

#include "sim.h"

static struct letter *find(const letters *l, leat_str position)
{
    for (unsigned i = 0; i < l->n; i++)
        if (leat_str_is(position, l->at[i].position)) return &l->at[i];
    return NULL;
}

bool sim_letters_has(const letters *l, leat_str position)
{
    return find(l, position) != NULL;
}

static void store(letters *l, const leat_dead *letter)
{
    uint64_t hash = leat_str_hash(letter->bytes);
    struct letter *there = find(l, letter->position);
    if (there) {
        there->puts++;
        if (there->hash != hash)
            sim_fail("letters", "%s came again with another content", there->position);
        return;
    }
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 16;
        l->at = leat_realloc(l->at, l->cap * sizeof *l->at);
    }
    struct letter *new = &l->at[l->n++];
    *new = (struct letter){.hash = hash, .puts = 1};
    snprintf(new->position, sizeof new->position, LEAT_STR_FMT, LEAT_STR_ARG(letter->position));
}

static leat_rc put(leat_dead_store *d, const leat_dead *chain, leat_err *e)
{
    sim *s = the_sim;
    (void)d;
    if (sim_step(ACT_LETTERS, s->letters.n, 0))
        return leat_fail(e, LEAT_FATAL, "sim.dead", NULL, "the process is dead");
    /* Planted: they reach the disk with the next ones, so a crash loses them. */
    bool late = s->plant == PLANT_LATE_LETTERS && dice_one_in(&s->dice, 2);
    bool fails = dice_one_in(&s->dice, s->life.flaky);
    for (; chain && !late; chain = chain->next) {
        if (fails && dice_one_in(&s->dice, 2)) break;
        store(&s->letters, chain);
    }
    if (fails) return leat_fail(e, LEAT_RETRY, "state.busy", NULL, "the store of letters is busy");
    return LEAT_OK;
}

void sim_letters_init(letters *l)
{
    l->store.put = put;
}
