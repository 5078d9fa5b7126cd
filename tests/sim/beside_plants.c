/* What is left out on purpose: each takes the place of a function of the product (`beside_wrap` in
 * tests/meson.build), and does as it does unless its plant is chosen. Rules that the source keeps
 * are left out by the model of one, in test_beside.c. */
#include "beside_world.h"

const char *const beside_plants[PLANTS] = {
    "none",      "no-yield",  "early-rows",  "late-notes", "behind",    "running-in",
    "end",       "no-again",  "no-moved",    "not-stored", "truncate",  "new-key",
    "no-view",   "not-still", "not-spoiled", "late-lock",  "unflushed", "done-early",
    "replayed",  "covers",    "dropped",     "order",      "end-first", "torn",
    "uncounted", "late-ask",  "forgotten",   "old-key",    "discarded", "bare-done"};

bool __real_leat_ledger_next(leat_ledger *l, bool keyed, bool turns, leat_job *job);

/* Of what is handed out, in place of what is done. */
void __real_leat_ledger_write(leat_ledger *l, leat_jw *j, const char *name);
void __wrap_leat_ledger_write(leat_ledger *l, leat_jw *j, const char *name);
void __wrap_leat_ledger_write(leat_ledger *l, leat_jw *j, const char *name)
{
    leat_piece *early[64];
    unsigned n = 0;
    for (leat_ledger_table *t = l->first; w->plant == DONE_EARLY && t; t = t->next)
        for (leat_piece *p = t->pieces; p && n < 64; p = p->next)
            if (p->state == LEAT_PIECE_BUSY && p->cut) (early[n++] = p)->state = LEAT_PIECE_DONE;
    __real_leat_ledger_write(l, j, name);
    while (n > 0) early[--n]->state = LEAT_PIECE_BUSY;
}

leat_ledger_table *__real_leat_ledger_add(leat_ledger *l, const leat_snap_table *table);
leat_ledger_table *__wrap_leat_ledger_add(leat_ledger *l, const leat_snap_table *table);
leat_ledger_table *__wrap_leat_ledger_add(leat_ledger *l, const leat_snap_table *table)
{
    leat_ledger_table *t = __real_leat_ledger_add(l, table);
    leat_job job;
    bool begun = w->stream.durable.progress.len > 0;
    while (w->plant == BARE_DONE && begun && !table->keyed &&
           __real_leat_ledger_next(l, false, false, &job)) {
        if (job.kind == LEAT_JOB_CUT)
            leat_job_cut(l, &job, NULL, 0, 1, false);
        else
            leat_job_done(l, &job, 0);
    }
    return t;
}

leat_rc __real_leat_window_yield(leat_window *x, leat_batch *b, leat_err *e);
leat_rc __wrap_leat_window_yield(leat_window *x, leat_batch *b, leat_err *e);
leat_rc __wrap_leat_window_yield(leat_window *x, leat_batch *b, leat_err *e)
{
    if (w->plant == NO_YIELD) return LEAT_OK;
    w->yielding = true;
    leat_rc rc = __real_leat_window_yield(x, b, e);
    w->yielding = false;
    if (w->plant == UNCOUNTED) b->counts.rows_superseded = 0;
    return rc;
}

leat_rc __real_leat_beside_turn(leat_run *r, bool *took, leat_err *e);
leat_rc __wrap_leat_beside_turn(leat_run *r, bool *took, leat_err *e);
leat_rc __wrap_leat_beside_turn(leat_run *r, bool *took, leat_err *e)
{
    *took = false;
    if (w->plant == TORN && r->beside->out && dice_one_in(&w->dice, 2)) return LEAT_OK;
    return __real_leat_beside_turn(r, took, e);
}

bool __real_leat_window_view(leat_window *x, leat_view view);
bool __wrap_leat_window_view(leat_window *x, leat_view view);
bool __wrap_leat_window_view(leat_window *x, leat_view view)
{
    w->judging = true;
    bool in = __real_leat_window_view(x, view);
    w->judging = false;
    return in;
}

bool __real_leat_window_decide(leat_window *x, const leat_table *rows);
bool __wrap_leat_window_decide(leat_window *x, const leat_table *rows);
bool __wrap_leat_window_decide(leat_window *x, const leat_table *rows)
{
    w->deciding = true;
    bool good = __real_leat_window_decide(x, rows);
    w->deciding = false;
    return good || w->plant == NOT_SPOILED;
}

bool __real_leat_window_spoiled(const leat_window *x);
bool __wrap_leat_window_spoiled(const leat_window *x);
bool __wrap_leat_window_spoiled(const leat_window *x)
{
    return w->plant != NOT_SPOILED && __real_leat_window_spoiled(x);
}

void __real_leat_window_keep_view(leat_window *x);
void __wrap_leat_window_keep_view(leat_window *x);
void __wrap_leat_window_keep_view(leat_window *x)
{
    if (w->plant != NO_VIEW) __real_leat_window_keep_view(x);
}

void __real_leat_ledger_again(leat_ledger *l, leat_ledger_table *t, leat_str key);
void __wrap_leat_ledger_again(leat_ledger *l, leat_ledger_table *t, leat_str key);
void __wrap_leat_ledger_again(leat_ledger *l, leat_ledger_table *t, leat_str key)
{
    if (w->plant == (w->yielding ? NO_AGAIN : NO_MOVED)) return;
    __real_leat_ledger_again(l, t, key);
}

bool __real_leat_beside_urgent(const leat_run *r);
bool __wrap_leat_beside_urgent(const leat_run *r);
bool __wrap_leat_beside_urgent(const leat_run *r)
{
    return w->plant != NOT_STORED && __real_leat_beside_urgent(r);
}

bool __wrap_leat_ledger_next(leat_ledger *l, bool keyed, bool turns, leat_job *job);
bool __wrap_leat_ledger_next(leat_ledger *l, bool keyed, bool turns, leat_job *job)
{
    bool late = w->plant == NOT_STILL && !keyed && w->stream.safe.n < 20;
    return !late && __real_leat_ledger_next(l, keyed, turns, job);
}

bool __real_leat_ledger_bare(const leat_ledger *l);
bool __wrap_leat_ledger_bare(const leat_ledger *l);
bool __wrap_leat_ledger_bare(const leat_ledger *l)
{
    bool late = w->plant == NOT_STILL && w->stream.safe.n < 20;
    return !late && __real_leat_ledger_bare(l);
}

/* As if rows told what the last view contains. */
static void drop_shown(leat_batch *b)
{
    uint32_t kept = 0, safe = b->nsafe, dropped = 0;
    const struct view *v = w->nviews > 0 ? &w->views[w->nviews - 1] : NULL;
    for (uint32_t i = 0; i < b->n; i++) {
        uint64_t tx = b->ev[i].tx - BDB_FIRST;
        if (i == safe) b->safe_counts.deduplicated += dropped;
        if (!v || b->ev[i].op == 't' || tx >= v->v.n || !v->v.in[tx]) {
            b->ev[kept++] = b->ev[i];
            continue;
        }
        dropped++;
        b->nsafe -= i < safe;
    }
    if (safe >= b->n) b->safe_counts.deduplicated += dropped;
    b->n = kept;
    b->counts.deduplicated += dropped;
}

void __real_leat_windows_note(leat_windows *ws, leat_batch *b);
void __wrap_leat_windows_note(leat_windows *ws, leat_batch *b);
void __wrap_leat_windows_note(leat_windows *ws, leat_batch *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        leat_event *ev = &b->ev[i];
        if (w->plant == NO_TRUNCATE && ev->op == 't') ev->op = LEAT_OP_MESSAGE;
        if (w->plant == NEW_KEY && ev->before && ev->after) ev->src = ev->before, ev->before = NULL;
        if (w->plant == OLD_KEY && ev->before && ev->after && ev->table->nid > 0) {
            leat_value *other = leat_arena_dup(&b->arena, ev->after, 4 * sizeof *other);
            other[0] = ev->before[0];
            ev->src = ev->after;
            ev->after = other;
        }
    }
    __real_leat_windows_note(ws, b);
    if (w->plant == DROPPED) drop_shown(b);
    for (uint32_t i = 0; i < b->n; i++) {
        leat_event *ev = &b->ev[i];
        if (ev->op == LEAT_OP_MESSAGE) ev->op = 't';
        if (ev->src && w->plant == NEW_KEY) ev->before = ev->src;
        if (ev->src && w->plant == OLD_KEY) ev->after = ev->src;
    }
}

void __real_leat_windows_known(leat_windows *ws, const uint64_t *txs, size_t n);
void __wrap_leat_windows_known(leat_windows *ws, const uint64_t *txs, size_t n);
void __wrap_leat_windows_known(leat_windows *ws, const uint64_t *txs, size_t n)
{
    if (w->plant != FORGOTTEN) __real_leat_windows_known(ws, txs, n);
}

void __real_leat_job_halve(leat_ledger *l, const leat_job *job);
void __wrap_leat_job_halve(leat_ledger *l, const leat_job *job);
void __wrap_leat_job_halve(leat_ledger *l, const leat_job *job)
{
    if (w->plant == DISCARDED)
        leat_job_done(l, job, 0);
    else
        __real_leat_job_halve(l, job);
}
