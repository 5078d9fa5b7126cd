/* Ad hoc snapshots: the table that a signal asked for, read by the driver beside the stream.
 *
 * The source says which table that is, one after the other, and keeps it in its position; the
 * ledger says how far it was read. Both become durable in the same frames, so a kill costs the
 * chunks under way. What goes wrong with such a table stops nothing: what passes is tried again,
 * the rest is told to the source, which goes on to the next table. Run by the task's thread. */
#include "base/clock.h"
#include "base/log.h"
#include "engine/beside_state.h"

enum {
    RETRY_US = 2000000, /* after a failure that passes */
    RESTARTS_MOST = 3,  /* of a table, without a chunk of it */
};

/* ---- which one ---- */

/* Its readings are not wanted any more, but for the one whose rows go out. */
static void drop_readings(leat_beside *bs)
{
    for (leat_reading *g = bs->first; g; g = g->next)
        if (g->job.t == bs->ask && g != bs->out) leat_readers_drop(bs->readers, g);
}

static leat_rc start(leat_run *r, leat_err *e)
{
    const leat_json *stored = NULL;
    if (r->tables.len > 0)
        LEAT_TRY(leat_json_parse(&r->arena, leat_buf_str(&r->tables), &stored, e));
    LEAT_TRY(leat_beside_start(r, NULL, stored, e));
    leat_ledger_drop_unknown(&r->beside->ledger, false);
    return LEAT_OK;
}

static void take(leat_beside *bs, const leat_snap_table *table)
{
    bs->ask = leat_ledger_add(&bs->ledger, table);
    bs->ask_gone = false;
    bs->ask_err = (leat_err){0};
    bs->ask_restarts = 0;
    bs->ask_chunks = 0;
    leat_ledger_drop_unknown(&bs->ledger, true);
}

leat_rc leat_beside_asked(leat_run *r, leat_err *e)
{
    const leat_source_chunks *chunks = r->task.source->chunks;
    leat_beside *bs = r->beside;
    bool rests = false;
    if (!chunks || !chunks->asked) return LEAT_OK;
    const leat_snap_table *held = bs && bs->ask ? bs->ask->table : NULL;
    const leat_snap_table *table = chunks->asked(&r->task, held, &rests);
    if (!bs && !table) return LEAT_OK;
    if (!bs) LEAT_TRY(start(r, e));
    bs = r->beside;
    if (bs->ask && table != held && !bs->ask_gone) {
        bs->ask_gone = bs->ask->gone = true;
        drop_readings(bs);
    }
    if (!bs->ask && table) take(bs, table);
    if (bs->ask && rests && !bs->ask->rests) drop_readings(bs);
    if (bs->ask) bs->ask->rests = rests;
    if (!bs->main && !bs->ask) leat_beside_end(r);
    return LEAT_OK;
}

bool leat_beside_rests(const leat_run *r)
{
    const leat_beside *bs = r->beside;
    return bs && !bs->main && bs->n == 0 && bs->ask && bs->ask->rests;
}

bool leat_beside_ad_hoc(const leat_run *r)
{
    return r->beside && r->beside->ask;
}

/* ---- what comes of it ---- */

static void give_up(leat_beside *bs, const leat_err *why)
{
    bs->ask_err = *why;
    bs->ask->gone = true;
    drop_readings(bs);
}

bool leat_ask_failed(leat_run *r, const leat_reading *g)
{
    leat_beside *bs = r->beside;
    leat_err why = g->err;
    bool restart = g->rc == LEAT_DATA && ++bs->ask_restarts <= RESTARTS_MOST;
    if (bs->ask->gone) return true;
    if (g->rc == LEAT_OK || restart) return false;
    if (g->rc == LEAT_RETRY) {
        leat_log_err(LEAT_WARN, &why);
        bs->retake_us = leat_mono_us() + RETRY_US;
        return true;
    }
    if (g->rc == LEAT_PENDING)
        leat_fail(&why, LEAT_CONF, "signal.table_missing", bs->ask->name,
                  "the table is not there any more");
    give_up(bs, &why);
    return true;
}

static leat_chunk_told told_of(const leat_beside *bs)
{
    const leat_ledger_table *t = bs->ask;
    return (leat_chunk_told){.table = t->table,
                             .upto = leat_ledger_upto(t),
                             .end = leat_str_of(t->end),
                             .rows = t->rows,
                             .chunks = bs->ask_chunks};
}

leat_rc leat_ask_told(leat_run *r, const leat_reading *g, bool last, leat_err *e)
{
    leat_beside *bs = r->beside;
    bs->ask_restarts = 0;
    bs->ask_chunks += last;
    leat_chunk_told told = told_of(bs);
    if (!last) told.rows += g->out_rows;
    told.view = leat_window_view_of(g->window);
    told.last = last;
    return r->task.source->chunks->told(&r->task, &r->batch, &told, e);
}

leat_rc leat_ask_turn(leat_run *r, bool *took, leat_err *e)
{
    leat_beside *bs = r->beside;
    leat_ledger_table *t = bs->ask;
    *took = false;
    if (!t || r->open_tail || t->jobs > 0 || (bs->out && bs->out->job.t == t)) return LEAT_OK;
    bool over = t->done || leat_rc_failed(bs->ask_err.rc);
    if (!over && !bs->ask_gone) return LEAT_OK;
    leat_batch_reset(&r->batch);
    leat_chunk_told told = told_of(bs);
    bool tell = !bs->ask_gone;
    if (tell) LEAT_TRY(r->task.source->chunks->over(&r->task, &r->batch, &told, &bs->ask_err, e));
    leat_beside_tables(r, true);
    bs->ask = NULL;
    leat_ledger_remove(&bs->ledger, t);
    if (!tell) return LEAT_OK;
    *took = true;
    LEAT_TRY(leat_run_offer(r, true, e));
    r->bulk = true;
    return LEAT_OK;
}
