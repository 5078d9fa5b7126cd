/* How rows of a snapshot beside the stream go out: a chunk at a time, with Debezium's words for the
 * first and the last rows, and with what is told of a table before and behind its rows.
 *
 * Whether a row is the last of all is known only when no other table has rows. So the chunk that
 * ends a table waits until another table's rows have been read, or none is left. Run by the task's
 * thread. */
#include "engine/beside_state.h"

#include "base/clock.h"
#include "engine/run.h"

enum {
    TEXT_SHORT = 16 << 10, /* a ledger's text up to here goes with each chunk ... */
    TEXT_US = 500000,      /* ... another after so long */
};

/* Of one row that is several of them Debezium says the first of: last of all, first of all, last of
 * its table, first of it. The first of all is that of the first table: if that is empty, none. */
static void mark_rows(leat_run *r, const leat_ledger_table *t, bool first, bool last)
{
    leat_beside *bs = r->beside;
    leat_batch *b = &r->batch;
    if (b->n == 0 || b->ev[0].snapshot != LEAT_SNAPSHOT_TRUE) return;
    leat_event *end = &b->ev[b->n - 1];
    if (first) b->ev[0].snapshot = LEAT_SNAPSHOT_FIRST_IN_TABLE;
    if (last && t->done) end->snapshot = LEAT_SNAPSHOT_LAST_IN_TABLE;
    if (bs->first_row && t == bs->ledger.first) b->ev[0].snapshot = LEAT_SNAPSHOT_FIRST;
    if (last && bs->ledger.ndone == bs->ledger.n) end->snapshot = LEAT_SNAPSHOT_LAST;
    bs->first_row = bs->first_row && t != bs->ledger.first;
}

/* Its text goes with this batch. */
static bool text_due(const leat_beside *bs)
{
    return bs->text_len < TEXT_SHORT || bs->ledger.urgent || bs->ledger.ndone == bs->ledger.n ||
           leat_mono_us() - bs->text_us >= TEXT_US;
}

static leat_rc offer_rows(leat_run *r, leat_err *e)
{
    leat_position at = leat_beside_reached(r);
    bool progress = text_due(r->beside) || !at.offset.s;
    if (!progress && !r->batch.safe.offset.s) leat_batch_safe(&r->batch, at);
    LEAT_TRY(leat_run_offer(r, progress, e));
    r->bulk = true;
    return LEAT_OK;
}

/* Before the first rows of a table in this attempt: true if there is something to tell of it. */
static bool tell_table(leat_run *r, leat_ledger_table *t)
{
    if (t->told || t->ask) return false;
    t->told = true;
    leat_batch_reset(&r->batch);
    leat_beside_tell(r, LEAT_SNAP_TABLE, t);
    return r->batch.n > 0;
}

leat_rc leat_beside_out_put(leat_run *r, leat_err *e)
{
    leat_beside *bs = r->beside;
    leat_reading *g = bs->out;
    if (tell_table(r, g->job.t)) return offer_rows(r, e);
    bool view, over = leat_readers_look(bs->readers, g, &view) == LEAT_READING_OVER;
    leat_held *h = leat_readers_take(bs->readers, g);
    leat_batch_reset(&r->batch);
    if (h) {
        leat_batch_swap(&r->batch, &h->b);
        leat_readers_put_back(bs->readers, h);
        if (!g->still) LEAT_TRY(leat_window_yield(g->window, &r->batch, e));
    }
    leat_ledger_table *t = g->job.t;
    uint32_t n = r->batch.n;
    t->bytes += r->batch.row_bytes;
    bool last = over && g->held == NULL, first = t->rows == 0 && g->out_rows == 0;
    g->out_rows += n;
    if (last) {
        if (g->still) leat_window_keep_view(g->window);
        leat_job_done(&bs->ledger, &g->job, g->out_rows);
    }
    if (t->ask) LEAT_TRY(leat_ask_told(r, g, last, e));
    mark_rows(r, t, first, last);
    if (last && t->done && !t->ask) leat_beside_tell(r, LEAT_SNAP_TABLE_DONE, t);
    if (bs->main) r->snap_next.state = "running";
    if (!t->ask) r->snap_next.rows += n;
    if (last || g->still) bs->out = NULL; /* of several that stand still, each in turn */
    if (last) leat_beside_forget(bs, g);
    leat_beside_show(r, t->name);
    if (!h && !bs->ledger.urgent && !t->done && !t->ask) return LEAT_OK;
    return offer_rows(r, e);
}

/* Another table is not done, and there is no row of one yet. */
static bool may_be_last(const leat_beside *bs, const leat_reading *g)
{
    for (const leat_reading *x = bs->first; x; x = x->next)
        if (x->job.t != g->job.t && !x->job.t->ask &&
            leat_reading_has_rows(bs->readers, (leat_reading *)x))
            return false;
    return bs->ledger.ndone + 1 < bs->ledger.n;
}

/* The stream has passed its view, and its last row can be told as what it is. */
static bool ready(leat_run *r, leat_reading *g)
{
    leat_beside *bs = r->beside;
    if (!leat_window_ready(g->window, leat_beside_reached(r))) return false;
    bool rows = leat_reading_has_rows(bs->readers, g);
    return !rows || g->job.t->ask || !leat_job_ends_table(&g->job) || !may_be_last(bs, g);
}

/* A chunk whose rows may go out now, or one of a table that is read while the stream stands still
 * and has rows; NULL: none. */
static leat_reading *choose_out(leat_run *r)
{
    leat_beside *bs = r->beside;
    for (leat_reading *g = bs->first; g; g = g->next) {
        bool view;
        if (!g->window || !g->judged || g->behind || g->spoiled) continue;
        if (g->job.t->rests || g->job.t->gone) continue;
        bool over = leat_readers_look(bs->readers, g, &view) == LEAT_READING_OVER;
        if (g->still ? over || leat_reading_has_rows(bs->readers, g) : over && ready(r, g))
            return g;
    }
    return NULL;
}

/* The version of the rows that it read; NULL: there are none. It is over. */
static const leat_table *version_of(const leat_reading *g)
{
    for (const leat_held *h = g->held; h; h = h->next)
        if (h->b.n > 0) return h->b.ev[0].table;
    return NULL;
}

bool leat_beside_out_begin(leat_run *r)
{
    leat_beside *bs = r->beside;
    leat_reading *g = choose_out(r);
    if (!g) return false;
    /* Else there were notes without a key, or with one of another identity. */
    if (!g->still && !leat_window_decide(g->window, version_of(g))) {
        g->halve = true;
        leat_beside_result(r, g);
        leat_beside_forget(bs, g);
        return false;
    }
    bs->out = g;
    return true;
}
