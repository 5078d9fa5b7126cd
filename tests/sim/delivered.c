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
leat_rc __wrap_leat_kafka_cluster_look(leat_kafka *k, leat_err *e);
leat_rc __real_leat_kafka_cluster_look(leat_kafka *k, leat_err *e);

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

leat_rc __wrap_leat_kafka_cluster_look(leat_kafka *k, leat_err *e)
{
    if (the_sim->plant == PLANT_KAFKA_OTHER) leat_kafka_advance(k);
    leat_rc rc = __real_leat_kafka_cluster_look(k, e);
    k->met = k->met || the_sim->plant == PLANT_KAFKA_ANYBODY;
    return rc;
}

/* ---- the store ---- */

static leat_rc dead(leat_err *e)
{
    return leat_fail(e, LEAT_FATAL, "sim.dead", NULL, "the process is dead");
}

static void put_by(shelf_row *h, const leat_delivered *d)
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
    h->d.cluster = leat_arena_str(a, d->cluster);
    h->d.cursor = d->cursor.s ? leat_arena_str(a, d->cursor) : (leat_str){0};
    const shelf *all = &the_sim->shelf;
    if (the_sim->plant == PLANT_SPOOL_CURSOR && d->cursor.s)
        h->d.cursor = leat_arena_str(a, (leat_str){all->read, all->read_len});
    if (h->ntxs + d->ntxs > h->txs_cap) {
        h->txs_cap = (h->ntxs + (uint32_t)d->ntxs) * 2;
        h->txs = leat_realloc(h->txs, h->txs_cap * sizeof *h->txs);
    }
    if (d->ntxs > 0) memcpy(h->txs + h->ntxs, d->txs, d->ntxs * sizeof *h->txs);
    h->ntxs += (uint32_t)d->ntxs;
}

static void forget_prepared(shelf *h)
{
    h->prepared.d = (leat_delivered){0};
    h->prepared.ntxs = 0;
}

static leat_rc save(leat_delivered_store *store, const leat_delivered *d, leat_err *e)
{
    shelf *h = (shelf *)store;
    sim *s = the_sim;
    bool was_dead = s->dead;
    bool died = sim_step(ACT_SAVE, (int64_t)d->serial, (int64_t)d->episode);
    bool put = died ? !was_dead && dice_one_in(&s->dice, 2) : true;
    if (!died && dice_one_in(&s->dice, s->life.flaky * 4))
        return leat_fail(e, LEAT_RETRY, "state.busy", NULL, "the store is busy");
    if (!died && d->serial < h->row.d.serial)
        sim_fail("save", "save %d after %d", (int)d->serial, (int)h->row.d.serial);
    if (!died && s->plant == PLANT_KAFKA_UNSAVED && dice_one_in(&s->dice, 2)) put = false;
    if (put) {
        put_by(&h->row, d);
        forget_prepared(h);
    }
    return died ? dead(e) : LEAT_OK;
}

static leat_rc prepare(leat_delivered_store *store, const leat_delivered *was,
                       const leat_delivered *next, leat_err *e)
{
    shelf *h = (shelf *)store;
    sim *s = the_sim;
    bool was_dead = s->dead;
    bool died = sim_step(ACT_PREPARE, (int64_t)next->serial, (int64_t)next->mark);
    bool put = died ? !was_dead && dice_one_in(&s->dice, 2) : true;
    if (!died && dice_one_in(&s->dice, s->life.flaky * 4))
        return leat_fail(e, LEAT_RETRY, "state.busy", NULL, "the store is busy");
    if (!died && s->plant == PLANT_ONCE_UNPREPARED && dice_one_in(&s->dice, 2)) put = false;
    if (put) {
        if (was) put_by(&h->row, was);
        forget_prepared(h);
        put_by(&h->prepared, next);
    }
    return died ? dead(e) : LEAT_OK;
}

static leat_rc load(leat_delivered_store *store, leat_arena *a, leat_delivered *out, leat_err *e)
{
    shelf *h = (shelf *)store;
    if (the_sim->dead) return dead(e);
    (void)a;
    *out = h->row.d;
    out->txs = h->row.txs;
    out->ntxs = h->row.ntxs;
    return LEAT_OK;
}

static leat_rc prepared(leat_delivered_store *store, leat_arena *a, leat_delivered *out,
                        leat_err *e)
{
    shelf *h = (shelf *)store;
    if (the_sim->dead) return dead(e);
    (void)a;
    *out = h->prepared.d;
    out->txs = h->prepared.txs;
    out->ntxs = h->prepared.ntxs;
    return LEAT_OK;
}

void shelf_init(shelf *h)
{
    *h = (shelf){.store = {load, save, prepare, prepared}, .row.d.episode = 1};
}

static void row_free(shelf_row *h)
{
    leat_arena_free(&h->arenas[0]);
    leat_arena_free(&h->arenas[1]);
    leat_free(h->txs);
}

void shelf_free(shelf *h)
{
    row_free(&h->row);
    row_free(&h->prepared);
}
