/* The driver of a snapshot beside the stream: a step of it in each turn of a task that streams.
 *
 * Readers read chunks under views of their own (readers.h) while the task reads the stream. The
 * ledger (capture/ledger.h) says which chunk is next; a window (capture/window.h) is opened before
 * a reader may take its view. The rows of a chunk go out at a place of the stream where no
 * transaction is open, once it has passed the view's end: all of them, less those that are
 * superseded, without a change of the stream in between; between two chunks the stream is read. At
 * most two chunks a reader are under way, each of them bounded: a chunk that is larger is read
 * again in halves.
 *
 * Tables without identity come first: as long as there are some, the stream stands still, and rows
 * are appended as they come.
 *
 * The ledger's text is appended with the rows that it speaks of; where it is long, not with each
 * chunk, so that a crash reads a few chunks again. What an attempt holds is dropped at its end: the
 * next one goes on from what is durable. Run by the task's thread. */
#include "engine/beside_state.h"

#include "base/clock.h"
#include "base/log.h"
#include "capture/conf.h"
#include "engine/run.h"

enum {
    CUT_MOST = 1024,      /* bounds of one cut ... */
    WALK_MOST = 16,       /* ... and where each costs the part before it */
    CHUNK_MOST = 8 << 20, /* bytes that a chunk holds at most */
    CHUNK_LEAST = 128 << 10,
    HURRY_US = 5000,
    HALVE_LEAST = 1000, /* rows */
    RETAKE_US = 20000,  /* after a view that was behind */
    STILL_US = 1000,    /* between looks at readers while the stream stands still */
    COMMIT_US = 20000,  /* rows appended then wait for a sync no longer */
};

/* ---- begin and end ---- */

static size_t chunk_bound(const leat_engine *g, unsigned readers)
{
    size_t bound = g->conf.memory / 8 / g->n / (2 * (size_t)readers);
    return bound > CHUNK_MOST ? CHUNK_MOST : bound < CHUNK_LEAST ? CHUNK_LEAST : bound;
}

static const leat_capture_conf *capture_of(const leat_run *r)
{
    const leat_source *source = r->task.source;
    return source->capture ? source->capture(r->task.conf) : NULL;
}

/* snapshot.max.threads, which the plan says, if there is one. */
static unsigned threads_of(const leat_run *r, const leat_plan *plan)
{
    const leat_capture_conf *c = capture_of(r);
    unsigned n = plan ? plan->readers : c ? (unsigned)c->snapshot_threads : 1;
    return n > 0 ? n : 1;
}

leat_rc leat_beside_start(leat_run *r, const leat_plan *plan, const leat_json *stored, leat_err *e)
{
    leat_engine *g = r->g;
    const leat_source_chunks *chunks = r->task.source->chunks;
    leat_beside *bs = leat_zalloc(1, sizeof *bs);
    unsigned readers = threads_of(r, plan);
    r->beside = bs;
    leat_arena_init(&bs->arena, 0);
    leat_ledger_init(&bs->ledger);
    bs->tail = &bs->first;
    bs->ops = (leat_view_ops){chunks->contains, chunks->covers, chunks->passed, chunks->view};
    bs->windows = leat_windows_new(&bs->ledger, &bs->ops, g->conf.memory / 16);
    const leat_capture_conf *c = capture_of(r);
    bs->bound = chunk_bound(g, readers);
    bs->hold_us = c ? c->snapshot_hold_ms * 1000 : 0;
    bs->turn_us = leat_mono_us();
    bs->steps = g->conf.pick != NULL;
    bs->readers =
        leat_readers_new(&r->task, readers, !bs->steps, g->conf.batch_events, g->conf.batch_bytes);
    bs->main = plan != NULL;
    bs->begun = !plan || plan->begun;
    LEAT_TRY(leat_ledger_load(&bs->ledger, stored, e));
    return LEAT_OK;
}

leat_rc leat_beside_begin(leat_run *r, const leat_plan *plan, const leat_json *stored, leat_err *e)
{
    LEAT_TRY(leat_beside_start(r, plan, stored, e));
    leat_beside *bs = r->beside;
    bs->start = plan->start;
    bs->first_row = stored == NULL || stored->child == NULL;
    for (leat_snap_table *t = plan->tables; t; t = t->next) leat_ledger_add(&bs->ledger, t);
    unsigned dropped = leat_ledger_drop_unknown(&bs->ledger, false);
    for (const leat_ledger_table *t = bs->ledger.first; t; t = t->next)
        r->snap_next.rows += t->ask ? 0 : t->rows;
    if (dropped > 0)
        leat_log(
            LEAT_WARN, "snapshot.tables_gone",
            "tables=%u of the snapshot are not captured any more: nothing more is read of them",
            dropped);
    leat_log(LEAT_INFO, "snapshot.beside", "tables=%u done=%u readers=%u resumed=%s", bs->ledger.n,
             bs->ledger.ndone, leat_readers_count(bs->readers), plan->begun ? "true" : "false");
    return LEAT_OK;
}

void leat_beside_end(leat_run *r)
{
    leat_beside *bs = r->beside;
    if (!bs) return;
    r->beside = NULL;
    atomic_store(&r->beside_held, 0);
    leat_readers *readers = bs->readers;
    leat_readers_stop(readers);
    leat_windows_free(bs->windows);
    for (leat_reading *g = bs->first, *next; g; g = next) {
        next = g->next;
        leat_reading_free(readers, g);
    }
    leat_readers_free(readers);
    leat_ledger_free(&bs->ledger);
    leat_arena_free(&bs->arena);
    leat_free(bs);
}

void leat_beside_write(leat_run *r, leat_buf *out)
{
    leat_beside *bs = r->beside;
    leat_jw w = {.out = out};
    leat_ledger_write(&bs->ledger, &w, NULL);
    bs->text_len = out->len;
    bs->text_us = leat_mono_us();
}

/* ---- for people ---- */

/* Of the i-th table of the ledger, all of them in a row. */
static void say(leat_run *r, size_t i, leat_progress_say *out)
{
    leat_beside *bs = r->beside;
    const leat_ledger_table *t = bs->said && i > 0 ? bs->said->next : bs->ledger.first;
    bs->said = t;
    *out = (leat_progress_say){.table = t->name,
                               .ad_hoc = t->ask != NULL,
                               .done = t->done,
                               .reading = t->begun || t->jobs > 0,
                               .rests = t->rests,
                               .rows = t->rows,
                               .bytes = t->bytes,
                               .total = t->table ? t->table->rows : -1};
}

void leat_beside_tables(leat_run *r, bool now_on)
{
    size_t n = 0;
    for (const leat_ledger_table *t = r->beside->ledger.first; t; t = t->next) n++;
    r->beside->said = NULL;
    leat_run_tables_note(r, n, now_on, say);
}

/* ---- what is under way ---- */

leat_position leat_beside_reached(const leat_run *r)
{
    if (r->reached.len == 0) return (leat_position){0};
    return (leat_position){leat_buf_str(&r->reached_partition), leat_buf_str(&r->reached)};
}

void leat_beside_tell(leat_run *r, leat_snap_news news, const leat_ledger_table *t)
{
    const leat_source_chunks *chunks = r->task.source->chunks;
    if (chunks->tell) chunks->tell(&r->task, &r->batch, news, t ? t->table : NULL, t ? t->rows : 0);
}

void leat_beside_show(leat_run *r, const char *table)
{
    const leat_beside *bs = r->beside;
    if (!bs->main) return;
    r->snap_next.done = bs->ledger.ndone;
    r->snap_next.of = bs->ledger.n;
    leat_run_snapshot_note(r, "running", table, bs->ledger.ndone, bs->ledger.n);
}

void leat_beside_forget(leat_beside *bs, leat_reading *g)
{
    leat_reading **at = &bs->first;
    while (*at != g) at = &(*at)->next;
    *at = g->next;
    if (!g->next) bs->tail = at;
    bs->n--;
    if (g->window) leat_window_close(g->window);
    leat_ledger_settle(&bs->ledger, g->job.t);
    leat_reading_free(bs->readers, g);
}

/* The piece is all of a table that is known to be small: nobody has to be asked where to cut it. An
 * old estimate does no harm: what turns out to be too large is read again in halves. */
static bool is_small(const leat_beside *bs, const leat_job *job)
{
    const leat_snap_table *t = job->t->table;
    if (job->kind != LEAT_JOB_CUT || job->piece->from || job->piece->to) return false;
    return job->piece->halvings == 0 && t->bytes >= 0 && (size_t)t->bytes <= bs->bound / 4;
}

static bool walks(const leat_run *r)
{
    return r->task.source->chunks->walks;
}

static leat_rc give(leat_run *r, const leat_job *job, leat_err *e)
{
    leat_beside *bs = r->beside;
    leat_reading *g = leat_reading_new(job);
    g->range = leat_job_range(job, &g->arena);
    if (job->kind == LEAT_JOB_CUT) {
        g->most = job->piece->halvings > 0 ? 1 : walks(r) ? WALK_MOST : CUT_MOST;
        g->bytes = bs->bound / 4;
        g->bounds = LEAT_NEW(&g->arena, leat_str, g->most);
    } else {
        g->window = leat_window_open(bs->windows, job, leat_beside_reached(r));
        g->still = !job->t->table->keyed;
        /* A row; but by a column that is not unique it may be any number of them. */
        bool least = job->piece ? job->piece->whole && !job->t->table->by : g->range.nkeys == 1;
        g->bound = least && !g->still ? 0 : bs->bound;
    }
    *bs->tail = g;
    bs->tail = &g->next;
    bs->n++;
    leat_beside_show(r, job->t->name);
    return leat_readers_give(bs->readers, g, e);
}

/* Work for the readers: two chunks each. */
static leat_rc hand_out(leat_run *r, leat_err *e)
{
    leat_beside *bs = r->beside;
    unsigned readers = leat_readers_count(bs->readers);
    bool still = leat_ledger_bare(&bs->ledger);
    leat_job job;
    if (bs->ending || leat_mono_us() < bs->retake_us) return LEAT_OK;
    while (bs->n < 2 * readers) {
        if (!leat_ledger_next(&bs->ledger, !still, readers > 1, &job)) return LEAT_OK;
        if (is_small(bs, &job))
            leat_job_small(&bs->ledger, &job);
        else
            LEAT_TRY(give(r, &job, e));
    }
    return LEAT_OK;
}

/* ---- what readers have done ---- */

void leat_beside_result(leat_run *r, leat_reading *g)
{
    leat_ledger *l = &r->beside->ledger;
    leat_ledger_table *t = g->job.t;
    bool uncut = g->job.kind == LEAT_JOB_CUT && g->drop;
    if (g->job.t->gone || g->rc == LEAT_RETRY || uncut) {
        leat_job_back(l, &g->job);
    } else if (g->rc == LEAT_PENDING) {
        leat_log(LEAT_WARN, "snapshot.table_gone",
                 "table=\"%s\" is not there any more: nothing more is read of it", t->name);
        t->gone = true;
        leat_job_back(l, &g->job);
    } else if (g->rc == LEAT_DATA) {
        leat_log(LEAT_WARN, "snapshot.table_again", "table=\"%s\" code=%s %s", t->name, g->err.code,
                 g->err.msg);
        t->restart = true;
        leat_job_back(l, &g->job);
    } else if (g->job.kind == LEAT_JOB_CUT) {
        leat_job_cut(l, &g->job, g->bounds, g->nbounds, g->most, walks(r));
    } else if (g->halve) {
        leat_job_halve(l, &g->job);
    } else {
        leat_job_back(l, &g->job);
    }
}

/* The view against what the stream has told before. */
static void judge(leat_run *r, leat_reading *g)
{
    leat_beside *bs = r->beside;
    if (leat_window_view(g->window, g->view)) {
        g->judged = true;
        return;
    }
    g->judged = g->behind = true;
    bs->retake_us = leat_mono_us() + RETAKE_US;
    leat_readers_drop(bs->readers, g);
}

/* Rows that share a value of the column that their table is read by hold too much: no bound divides
 * them. */
static void refuse_shared(leat_reading *g)
{
    const leat_snap_table *t = g->job.t->table;
    if (!g->halve || g->spoiled || !g->job.piece || !g->job.piece->whole) return;
    g->rc = leat_fail(&g->err, LEAT_CONF, "signal.surrogate_key", t->name,
                      "rows that share one value of %s hold more than the %zu KiB that "
                      "limits.memory lets a chunk have: name a surrogate-key with more different "
                      "values, raise limits.memory, or have it read by a blocking snapshot",
                      t->by, g->bound >> 10);
}

/* Looks at one reading; what is over and has no rows to give out goes. */
static leat_rc look(leat_run *r, leat_reading *g, leat_err *e)
{
    leat_beside *bs = r->beside;
    bool view;
    leat_reading_state state = leat_readers_look(bs->readers, g, &view);
    if (view && g->window && !g->judged) judge(r, g);
    if (g->window && leat_window_spoiled(g->window) && !g->spoiled) {
        g->spoiled = true;
        leat_readers_drop(bs->readers, g);
    }
    if (state != LEAT_READING_OVER) return LEAT_OK;
    refuse_shared(g);
    bool ad_hoc = g->job.t == bs->ask && leat_ask_failed(r, g);
    if (leat_rc_failed(g->rc) && g->rc != LEAT_DATA && !ad_hoc) {
        *e = g->err;
        return g->rc;
    }
    /* What is small already would not be read in less time for being smaller. */
    if (g->spoiled) g->halve = g->rows >= HALVE_LEAST;
    bool rows = g->window && g->rc == LEAT_OK && !g->behind && !g->halve && !g->drop;
    if (rows) return LEAT_OK;
    leat_beside_result(r, g);
    leat_beside_forget(bs, g);
    return LEAT_OK;
}

static leat_rc look_at_all(leat_run *r, leat_err *e)
{
    for (leat_reading *g = r->beside->first, *next; g; g = next) {
        next = g->next;
        LEAT_TRY(look(r, g, e));
    }
    return LEAT_OK;
}

/* ---- waiting ---- */

/* The stream is asked to pass the view of a chunk that waits for that. */
static leat_rc hurry(leat_run *r, leat_err *e)
{
    leat_beside *bs = r->beside;
    const leat_source_chunks *chunks = r->task.source->chunks;
    int64_t now = leat_mono_us();
    if (!chunks->hurry || now - bs->hurry_us < HURRY_US) return LEAT_OK;
    for (leat_reading *g = bs->first; g; g = g->next) {
        bool view;
        if (!g->window || g->still || !g->judged || g->behind) continue;
        if (leat_readers_look(bs->readers, g, &view) != LEAT_READING_OVER) continue;
        bs->hurry_us = now;
        return chunks->hurry(&r->task, leat_window_view_of(g->window), e);
    }
    return LEAT_OK;
}

leat_rc leat_beside_idle(const leat_run *r, leat_err *e)
{
    const leat_beside *bs = r->beside;
    int64_t rests = leat_mono_us() - bs->turn_us;
    if (bs->hold_us == 0 || rests < bs->hold_us) return LEAT_OK;
    for (leat_reading *g = bs->first; g; g = g->next) {
        bool view;
        if (!g->still || leat_readers_look(bs->readers, g, &view) == LEAT_READING_OVER) continue;
        return leat_fail(e, LEAT_RETRY, "snapshot.let_go", g->job.t->name,
                         "nothing was taken of its rows for %lld s (snapshot.hold.ms): its view is "
                         "let go, so that the server can clean up, and it is read again from its "
                         "beginning",
                         (long long)(rests / 1000000));
    }
    return LEAT_OK;
}

/* ---- a turn ---- */

/* Takes over what the stream knows. AGAIN: another task has the appender. */
static leat_rc know(leat_run *r)
{
    leat_beside *bs = r->beside;
    leat_appender *ap = &r->g->appender;
    if (bs->known) return LEAT_OK;
    if (leat_appender_take(ap, r->task.id, LEAT_APPENDER_LOOK) != LEAT_OK) return LEAT_AGAIN;
    const leat_stream_state *st = ap->stream->ops->state(ap->stream);
    leat_windows_known(bs->windows, st->txs, st->ntxs);
    leat_appender_give(ap);
    bs->known = true;
    return LEAT_OK;
}

/* An empty batch that says: begun here, or done. */
static leat_rc tell(leat_run *r, const char *state, leat_err *e)
{
    leat_beside *bs = r->beside;
    leat_batch_reset(&r->batch);
    leat_beside_tell(r, bs->begun ? LEAT_SNAP_DONE : LEAT_SNAP_BEGUN, NULL);
    if (!bs->begun && bs->start.offset.s) leat_batch_safe(&r->batch, bs->start);
    bs->begun = true;
    r->snap_next.state = state;
    r->snap_next.done = bs->ledger.ndone;
    r->snap_next.of = bs->ledger.n;
    return leat_run_offer(r, true, e);
}

static leat_rc finish(leat_run *r, bool *took, leat_err *e)
{
    leat_beside *bs = r->beside;
    *took = true;
    if (!bs->ending) {
        bs->ending = true;
        return tell(r, "done", e);
    }
    leat_log(LEAT_INFO, "snapshot.done", "tables=%u rows=%llu", bs->ledger.n,
             (unsigned long long)r->snap.rows);
    leat_run_snapshot_note(r, "done", NULL, bs->ledger.ndone, bs->ledger.n);
    leat_beside_tables(r, true);
    bs->main = bs->ending = false;
    for (leat_ledger_table *t = bs->ledger.first, *next; t; t = next) {
        next = t->next;
        if (!t->ask) leat_ledger_remove(&bs->ledger, t);
    }
    if (!bs->ask) leat_beside_end(r);
    return LEAT_OK;
}

/* Readers as steps: one of them, or none. */
static void step(leat_run *r)
{
    leat_beside *bs = r->beside;
    unsigned n = leat_readers_count(bs->readers), i = r->g->conf.pick(n + 1);
    if (i < n) leat_readers_step(bs->readers, i);
}

leat_rc leat_beside_turn(leat_run *r, bool *took, leat_err *e)
{
    leat_beside *bs = r->beside;
    *took = true;
    bs->turn_us = leat_mono_us();
    if (know(r) != LEAT_OK) return leat_run_idle(r, STILL_US, e);
    if (!bs->begun) return tell(r, "running", e);
    if (bs->steps) step(r);
    LEAT_TRY(leat_windows_reach(bs->windows, leat_beside_reached(r), e));
    LEAT_TRY(look_at_all(r, e));
    LEAT_TRY(leat_ask_turn(r, took, e));
    if (*took) return LEAT_OK;
    *took = true;
    LEAT_TRY(hand_out(r, e));
    leat_beside_tables(r, false);
    atomic_store(&r->beside_held, leat_readers_held(bs->readers) + leat_windows_held(bs->windows));
    bool still = leat_ledger_bare(&bs->ledger);
    if (!r->open_tail && !bs->out && (bs->read || still) && leat_beside_out_begin(r))
        bs->read = false;
    if (bs->out) return leat_beside_out_put(r, e);
    if (still) {
        if (leat_run_pending(r)) r->commit_due = leat_mono_us() - r->first_pending_us >= COMMIT_US;
        return leat_run_idle(r, STILL_US, e);
    }
    if (bs->main && !r->open_tail && leat_ledger_done(&bs->ledger)) return finish(r, took, e);
    bs->read = true;
    *took = false;
    return hurry(r, e);
}

void leat_beside_note(leat_run *r)
{
    leat_windows_note(r->beside->windows, &r->batch);
}

bool leat_beside_urgent(const leat_run *r)
{
    return r->beside->ledger.urgent;
}
