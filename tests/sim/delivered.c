/* The model store of what was delivered: what state.db is to the stream. A save is durable as a
 * whole, or did not happen; of one that the process dies in, either. */
#include "cluster.h"
#include "sim.h"
#include "stream/kafka/part.h"

/* ---- planted: parts of the delivery that do nothing ---- */

leat_rc __wrap_leat_kafka_spool_find(leat_kafka *k, leat_err *e);
leat_rc __real_leat_kafka_spool_find(leat_kafka *k, leat_err *e);
void __wrap_leat_kafka_take_back(leat_kafka *k);
void __real_leat_kafka_take_back(leat_kafka *k);
leat_rc __wrap_leat_kafka_settle_refused(leat_kafka *k, leat_err *e);
leat_rc __real_leat_kafka_settle_refused(leat_kafka *k, leat_err *e);

leat_rc __wrap_leat_kafka_spool_find(leat_kafka *k, leat_err *e)
{
    if (the_sim->plant != PLANT_KAFKA_NO_FIND) return __real_leat_kafka_spool_find(k, e);
    return LEAT_OK;
}

void __wrap_leat_kafka_take_back(leat_kafka *k)
{
    if (the_sim->plant != PLANT_KAFKA_NO_BACK) __real_leat_kafka_take_back(k);
}

leat_rc __wrap_leat_kafka_settle_refused(leat_kafka *k, leat_err *e)
{
    if (the_sim->plant == PLANT_KAFKA_AGAIN)
        for (size_t i = 0; i < k->nparcels; i++) leat_kafka_parcel(k, i)->gone.n = 0;
    if (the_sim->plant != PLANT_KAFKA_REFUSED) return __real_leat_kafka_settle_refused(k, e);
    while (k->nrefused > 0) {
        leat_delivery_report report = {k->refused[--k->nrefused].tag, LEAT_DELIVERED, NULL, -1, -1};
        leat_kafka_report(k, &report);
    }
    return LEAT_OK;
}

/* ---- the store ---- */

static leat_rc dead(leat_err *e)
{
    return leat_fail(e, LEAT_FATAL, "sim.dead", NULL, "the process is dead");
}

static void put_by(shelf *h, const leat_delivered *d)
{
    leat_arena was = h->arenas[0];
    leat_arena_reset(&h->arenas[1], 0);
    h->arenas[0] = h->arenas[1];
    h->arenas[1] = was;
    leat_arena *a = &h->arenas[0];
    leat_position *pos = LEAT_NEW(a, leat_position, d->npos);
    for (size_t i = 0; i < d->npos; i++)
        pos[i] = (leat_position){leat_arena_str(a, d->pos[i].partition),
                                 leat_arena_str(a, d->pos[i].offset)};
    h->d = *d;
    h->d.pos = pos;
    h->d.progress = d->progress.s ? leat_arena_str(a, d->progress) : (leat_str){0};
    h->d.cursor = d->cursor.s ? leat_arena_str(a, d->cursor) : (leat_str){0};
    if (h->ntxs + d->ntxs > h->txs_cap) {
        h->txs_cap = (h->ntxs + (uint32_t)d->ntxs) * 2;
        h->txs = leat_realloc(h->txs, h->txs_cap * sizeof *h->txs);
    }
    if (d->ntxs > 0) memcpy(h->txs + h->ntxs, d->txs, d->ntxs * sizeof *h->txs);
    h->ntxs += (uint32_t)d->ntxs;
}

static leat_rc save(leat_delivered_store *store, const leat_delivered *d, leat_err *e)
{
    shelf *h = (shelf *)store;
    sim *s = the_sim;
    bool was_dead = s->dead;
    if (sim_step(ACT_SAVE, (int64_t)d->serial, (int64_t)d->episode)) {
        if (!was_dead && dice_one_in(&s->dice, 2)) put_by(h, d);
        return dead(e);
    }
    if (dice_one_in(&s->dice, s->life.flaky * 4))
        return leat_fail(e, LEAT_RETRY, "state.busy", NULL, "the store is busy");
    if (d->serial != h->d.serial + 1 && d->serial < h->d.serial)
        sim_fail("save", "save %d after %d", (int)d->serial, (int)h->d.serial);
    if (s->plant != PLANT_KAFKA_UNSAVED || !dice_one_in(&s->dice, 2)) put_by(h, d);
    return LEAT_OK;
}

static leat_rc load(leat_delivered_store *store, leat_arena *a, leat_delivered *out, leat_err *e)
{
    shelf *h = (shelf *)store;
    if (the_sim->dead) return dead(e);
    (void)a;
    *out = h->d;
    out->txs = h->txs;
    out->ntxs = h->ntxs;
    return LEAT_OK;
}

void shelf_init(shelf *h)
{
    *h = (shelf){.store = {.load = load, .save = save}, .d.episode = 1};
}

void shelf_free(shelf *h)
{
    leat_arena_free(&h->arenas[0]);
    leat_arena_free(&h->arenas[1]);
    leat_free(h->txs);
}
