/* From a task's batch into the stream: ledger, dead letters, append, commit, acknowledgement.
 *
 * A batch that was read waits here until the appender can be had; so does a commit. A commit is due
 * when nothing more is at hand (so an idle stream adds no delay), when COMMIT_BYTES wait, or
 * COMMIT_US after the first of them: under load many transactions share a sync, and those of other
 * tasks too. Where a commit only begins what others end (the acknowledgements of a broker), it is
 * called again and again, reading goes on meanwhile, and what became durable is acknowledged as it
 * does.
 *
 * When the stream has no room (a full disk, a bound that sinks hold) nothing is lost and nothing
 * needs to be read again: the task is STALLED, says why, keeps its source alive and tries the same
 * call again. Run by the task's thread. */
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/os.h"
#include "engine/run.h"

enum {
    COMMIT_BYTES = 1 << 20,
    COMMIT_US = 20000,
    STALL_MIN_US = 100000, /* pauses between tries, doubling */
    STALL_MAX_US = 5000000,
    WAIT_US = 50000,    /* longest sleep of a task that waits for another */
    ROOM_MIN_US = 1000, /* pauses until the stream may have room again, doubling */
    ROOM_MAX_US = 16000,
};

/* ---- the ledger ---- */

/* Of the events [from, to): changes and snapshot rows, as the ledger counts them. */
static void count_events(const leat_batch *b, uint32_t from, uint32_t to, leat_counts *c)
{
    for (uint32_t i = from; i < to; i++) {
        if (b->ev[i].op == LEAT_OP_RECORD) continue;
        if (b->ev[i].op == LEAT_OP_READ)
            c->rows_appended++;
        else
            c->appended++;
    }
}

/* The same table by table, before a transform makes other tables of them. */
static void count_tables(leat_batch *b, uint32_t nsafe)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const leat_event *ev = &b->ev[i];
        if (!ev->table) continue; /* it is no change */
        leat_tally *y = leat_batch_tally(b, ev->table);
        uint64_t row = ev->op == LEAT_OP_READ;
        y->counts.rows_appended += row;
        y->counts.appended += 1 - row;
        if (i >= nsafe) continue;
        y->safe.rows_appended += row;
        y->safe.appended += 1 - row;
    }
}

/* The first table whose books are not even; NULL: none. */
static const char *uneven(const leat_tallies *tables)
{
    for (uint32_t i = 0; i < tables->nused; i++) {
        const leat_tally *y = &tables->v[tables->used[i]];
        if (leat_counts_in_flight(&y->safe) != 0 || leat_counts_rows_in_flight(&y->safe) != 0)
            return y->table;
    }
    return NULL;
}

static leat_rc mismatch(const leat_run *r, const leat_counts *at, leat_err *e)
{
    const leat_batch *b = &r->batch;
    const char *table = uneven(&b->tables);
    return leat_fail(e, LEAT_FATAL, "ledger.mismatch", r->g->conf.connector,
                     "the ledger does not balance at %.*s, table %s: changes received %llu, "
                     "appended %llu, "
                     "filtered %llu, dead-lettered %llu, deduplicated %llu (%lld unaccounted for); "
                     "rows unaccounted for %lld. Nothing of it was acknowledged: keep the data "
                     "folder, report this, and restart the connector to read the range again",
                     (int)b->safe.offset.len, b->safe.offset.s ? b->safe.offset.s : "",
                     table ? table : "not known", (unsigned long long)at->received,
                     (unsigned long long)at->appended, (unsigned long long)at->filtered,
                     (unsigned long long)at->dead, (unsigned long long)at->deduplicated,
                     (long long)leat_counts_in_flight(at),
                     (long long)leat_counts_rows_in_flight(at));
}

/* What is counted of each table between the safe place before and the batch's, in `safe`; what is
 * behind it is carried over in r->tail_tables. */
static void carry_tables(leat_run *r, bool safe)
{
    leat_tallies *tables = &r->batch.tables, *tail = &r->tail_tables;
    if (safe) {
        for (uint32_t i = 0; i < tail->nused; i++) {
            const leat_tally *x = &tail->v[tail->used[i]];
            leat_tally *y = leat_tallies_get(tables, leat_str_of(x->table), NULL);
            leat_counts_add(&y->safe, &x->counts);
            leat_counts_add(&y->counts, &x->counts);
        }
        leat_tallies_clear(tail);
    }
    for (uint32_t i = 0; i < tables->nused; i++) {
        const leat_tally *y = &tables->v[tables->used[i]];
        leat_counts behind = y->counts;
        if (safe) leat_counts_sub(&behind, &y->safe);
        if (leat_counts_none(&behind)) continue;
        leat_counts_add(&leat_tallies_get(tail, leat_str_of(y->table), NULL)->counts, &behind);
    }
}

/* Compares what the source says it received with what became of it, at the batch's safe place. What
 * lies behind that place is carried over in r->tail. */
static leat_rc balance(leat_run *r, bool safe, leat_err *e)
{
    leat_batch *b = &r->batch;
    uint32_t nsafe = safe ? b->nsafe : 0;
    count_events(b, 0, nsafe, &b->safe_counts);
    b->counts.appended = safe ? b->safe_counts.appended : 0;
    b->counts.rows_appended = safe ? b->safe_counts.rows_appended : 0;
    count_events(b, nsafe, b->n, &b->counts);
    leat_counts_add(&r->tail, &b->counts);
    if (!safe) return LEAT_OK;

    leat_counts behind = b->counts, at = r->tail;
    leat_counts_sub(&behind, &b->safe_counts);
    leat_counts_sub(&at, &behind);
    r->tail = behind;
    r->reached_counts = at;
    bool even = leat_counts_in_flight(&at) == 0 && leat_counts_rows_in_flight(&at) == 0;
    return even ? LEAT_OK : mismatch(r, &at, e);
}

/* What waits of this task, for who watches. */
static void show_queue(leat_run *r, uint64_t events)
{
    leat_page *p = r->g->conf.page;
    if (p) atomic_fetch_add(&p->queue_events, events - r->queued);
    r->queued = events;
}

leat_rc leat_run_offer(leat_run *r, bool progress, leat_err *e)
{
    leat_batch *b = &r->batch;
    if (progress) {
        b->nsafe = b->n;
        b->safe_counts = b->counts;
        leat_tallies_safe(&b->tables);
    }
    bool safe = b->safe.offset.s != NULL || progress;
    count_tables(b, b->nsafe);
    if (r->transforms) LEAT_TRY(leat_run_reshape(r, e));
    carry_tables(r, safe);
    LEAT_TRY(balance(r, safe, e));
    if (b->safe.offset.s) leat_run_own(r, b->safe.partition);
    bool behind = b->n > (safe ? b->nsafe : 0) || !leat_counts_none(&r->tail);
    r->open_tail = behind || (!safe && r->open_tail);
    r->with_progress = r->bulk = progress;
    r->reaches = safe;
    leat_budget_take(&r->g->budget, b->n, leat_arena_used(&b->arena));
    atomic_store(&r->held, b->arena.held + b->cap * sizeof *b->ev + r->arena.held);
    r->lettered = b->dead == NULL;
    r->full = true;
    show_queue(r, b->n);
    return LEAT_OK;
}

/* ---- what becomes durable ---- */

void leat_run_own(leat_run *r, leat_str partition)
{
    for (unsigned i = 0; i < r->nparts; i++)
        if (leat_str_eq(leat_buf_str(&r->parts[i].partition), partition)) return;
    if (r->nparts == r->parts_cap) {
        r->parts_cap = r->parts_cap ? r->parts_cap * 2 : 1;
        r->parts = leat_realloc(r->parts, r->parts_cap * sizeof *r->parts);
    }
    leat_run_part *part = &r->parts[r->nparts++];
    *part = (leat_run_part){0};
    leat_buf_add(&part->partition, partition);
}

/* Which of the task's positions moved. The appender is taken. */
static void collect(leat_run *r)
{
    const leat_stream_state *st = r->g->conf.stream->ops->state(r->g->conf.stream);
    for (unsigned i = 0; i < r->nparts; i++) {
        leat_run_part *part = &r->parts[i];
        const leat_position *pos =
            leat_position_find(st->pos, st->npos, leat_buf_str(&part->partition));
        if (!pos || leat_str_eq(leat_buf_str(&part->offset), pos->offset)) continue;
        leat_buf_clear(&part->offset);
        leat_buf_add(&part->offset, pos->offset);
        part->due = true;
    }
    if (r->g->conf.tables)
        leat_tables_settle(r->g->conf.tables, atomic_load(&r->g->appender.durable));
    if (r->end.len > 0)
        r->past_end = r->task.source->passed(&r->task, leat_buf_str(&r->end), st->pos, st->npos);
}

/* Tells the source about each position of its own that a commit made durable. */
static leat_rc acknowledge(leat_run *r, leat_err *e)
{
    for (unsigned i = 0; i < r->nparts; i++) {
        leat_run_part *part = &r->parts[i];
        if (!part->due) continue;
        leat_run_at(r, LEAT_STAGE_SOURCE);
        int fault = LEAT_FAULT(engine_ack);
        if (fault) return leat_os_fail(e, fault, "acknowledge", r->g->conf.connector);
        leat_position pos = {leat_buf_str(&part->partition), leat_buf_str(&part->offset)};
        if (r->task.source->ack) LEAT_TRY(r->task.source->ack(&r->task, pos, e));
        part->due = false;
    }
    return LEAT_OK;
}

leat_rc leat_run_notice(leat_run *r, leat_err *e)
{
    leat_appender *ap = &r->g->appender;
    uint64_t durable = atomic_load(&ap->durable);
    if (durable == r->seen) return LEAT_OK;
    if (leat_appender_take(ap, r->task.id, LEAT_APPENDER_LOOK) != LEAT_OK) return LEAT_OK;
    collect(r);
    leat_appender_give(ap);
    r->seen = durable;
    if (durable >= r->appended && leat_run_pending(r)) {
        r->first_pending_us = 0;
        r->commit_due = r->under_way = false;
        r->progressed = true;
    }
    return acknowledge(r, e);
}

/* ---- append and commit, by whoever has the appender ---- */

/* Dead letters are durable before the position passes them. */
static leat_rc put_letters(leat_run *r, leat_err *e)
{
    const leat_batch *b = &r->batch;
    if (r->lettered) return LEAT_OK;
    leat_run_at(r, LEAT_STAGE_LETTERS);
    LEAT_TRY(r->g->conf.dead->put(r->g->conf.dead, b->dead, e));
    r->lettered = true;
    for (const leat_dead *l = b->dead; l; l = l->next)
        leat_log(LEAT_WARN, "engine.dead_letter", "code=%s table=\"%s\" position=%.*s", l->why.code,
                 l->table ? l->table : "", (int)l->position.len, l->position.s);
    return LEAT_OK;
}

/* A snapshot has more at hand until it is done. */
static bool worth_a_sync(const leat_run *r)
{
    bool more = r->bulk ? r->beside || strcmp(r->snap.state, "done") != 0
                        : r->read_rc == LEAT_OK && leat_batch_full(&r->batch);
    if (!more) return true;
    const leat_stream *stream = r->g->conf.stream;
    return stream->ops->pending(stream) >= COMMIT_BYTES ||
           leat_mono_us() - r->first_pending_us >= COMMIT_US;
}

/* The batch's safe place is appended. */
static void reach(leat_run *r)
{
    leat_buf_clear(&r->reached_partition);
    leat_buf_add(&r->reached_partition, r->batch.safe.partition);
    leat_buf_clear(&r->reached);
    leat_buf_add(&r->reached, r->batch.safe.offset);
}

static leat_rc append(leat_run *r, leat_err *e)
{
    leat_appender *ap = &r->g->appender;
    const leat_stream_state *st = ap->stream->ops->state(ap->stream);
    uint64_t frame = st->frame;
    leat_str progress = {0};
    LEAT_TRY(put_letters(r, e));
    if (r->with_progress) progress = leat_run_progress_text(r);
    leat_run_at_stream(r, LEAT_STAGE_APPENDER);
    leat_rc rc = leat_appender_append(ap, r->task.id, &r->batch, progress, r->open_tail, e);
    if (st->frame != frame) leat_run_progress(r->g);
    if (rc != LEAT_OK) return rc;
    if (r->with_progress) leat_run_progress_appended(r);
    if (r->batch.safe.offset.s) reach(r);
    r->full = false;
    show_queue(r, 0);
    leat_run_memory(r->g);
    r->appended = atomic_load(&ap->appended);
    if (r->g->conf.tables && r->reaches)
        leat_tables_add(r->g->conf.tables, &r->batch.tables, &r->reached_counts, r->appended);
    if (r->batch.safe.offset.s) leat_run_signals_placed(r);
    if (!leat_run_pending(r)) r->first_pending_us = leat_mono_us();
    r->commit_due = worth_a_sync(r);
    return LEAT_OK;
}

static leat_rc commit(leat_run *r, leat_err *e)
{
    leat_stream *stream = r->g->conf.stream;
    uint64_t frame = stream->ops->state(stream)->frame;
    leat_run_at_stream(r, LEAT_STAGE_DISK);
    leat_rc rc = leat_appender_commit(&r->g->appender, e);
    bool moved = stream->ops->state(stream)->frame != frame;
    if (moved || rc == LEAT_OK) leat_run_progress(r->g);
    LEAT_TRY(rc);
    r->seen = atomic_load(&r->g->appender.durable);
    r->under_way = rc == LEAT_AGAIN && r->seen < r->appended;
    if (!r->under_way) r->first_pending_us = 0;
    r->commit_due = false;
    if (moved) r->progressed = true;
    collect(r);
    return LEAT_OK;
}

/* ---- what may be in the way ---- */

/* What a task shows that holds what it cannot append: a person may have paused it meanwhile, and
 * then it reads nothing more, whatever becomes of that. */
static void show_stalled(leat_run *r)
{
    leat_run_state_set(r, atomic_load(&r->g->pause) ? LEAT_RUN_PAUSED : LEAT_RUN_STALLED);
}

/* There is no room: the same call will do when there is. */
static bool stalls(const leat_err *e)
{
    static const char *const codes[] = {"os.enospc",
                                        "os.edquot",
                                        "stream.retention_held",
                                        "stream.readers_locked",
                                        "stream.disk_low",
                                        "spool.full",
                                        "kafka.down"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(e->code, codes[i]) == 0) return true;
    return false;
}

static leat_rc stall(leat_run *r, leat_err *e)
{
    if (leat_run_leave(r->g)) return LEAT_RETRY; /* it comes again */
    if (r->stall_us == 0)
        leat_log(LEAT_WARN, e->code, "stalled task=%u where=\"%s\" %s", r->task.id, e->where,
                 e->msg);
    r->stall_us = r->stall_us == 0 ? STALL_MIN_US : r->stall_us * 2;
    if (r->stall_us > STALL_MAX_US) r->stall_us = STALL_MAX_US;
    r->retry_us = leat_mono_us() + r->stall_us;
    r->err = *e;
    leat_run_error(r, e);
    show_stalled(r);
    return leat_run_idle(r, WAIT_US, e);
}

/* Between two tries. */
static leat_rc stalled(leat_run *r, leat_err *e)
{
    if (leat_run_leave(r->g)) {
        *e = r->err;
        return LEAT_RETRY;
    }
    int64_t left = r->retry_us - leat_mono_us();
    if (left <= 0) return LEAT_OK;
    show_stalled(r);
    return leat_run_idle(r, left < WAIT_US ? left : WAIT_US, e);
}

static void unstall(leat_run *r)
{
    r->stall_us = 0;
    leat_log(LEAT_INFO, "engine.unstalled", "task=%u goes on after %s", r->task.id, r->err.code);
    leat_run_error(r, NULL);
    if (!atomic_load(&r->g->pause)) leat_run_going(r);
}

/* No task's try tells another one that there is room: each sleeps for itself. */
static leat_rc no_room(leat_run *r, leat_err *e)
{
    r->room_us = r->room_us == 0 ? ROOM_MIN_US : r->room_us * 2;
    if (r->room_us > ROOM_MAX_US) r->room_us = ROOM_MAX_US;
    return leat_run_idle(r, r->room_us, e);
}

/* Takes the appender for one of the two above. PENDING: the attempt should end, and another task's
 * open transaction keeps the batch out. It is let go: it was not acknowledged and comes again, even
 * where the source said that it was the last. */
static leat_rc with_appender(leat_run *r, leat_appender_use use,
                             leat_rc (*act)(leat_run *r, leat_err *e), leat_err *e)
{
    leat_appender *ap = &r->g->appender;
    leat_rc rc = leat_appender_take(ap, r->task.id, use);
    if (rc == LEAT_PENDING && leat_run_leave(r->g)) {
        r->full = false;
        show_queue(r, 0);
        r->result = LEAT_OK;
        return LEAT_PENDING;
    }
    if (rc != LEAT_OK) {
        r->room_us = 0;
        leat_run_waits(r, rc == LEAT_PENDING ? "the end of another task's transaction" : NULL);
        return leat_run_idle(r, WAIT_US, e);
    }
    rc = act(r, e);
    leat_appender_give(ap);
    if (rc == LEAT_AGAIN) return no_room(r, e);
    r->room_us = 0;
    if (rc == LEAT_RETRY && stalls(e)) return stall(r, e);
    if (rc == LEAT_OK) {
        leat_run_waits(r, NULL);
        if (r->stall_us > 0) unstall(r);
    }
    return rc;
}

leat_rc leat_run_flush(leat_run *r, leat_err *e)
{
    leat_rc rc = LEAT_OK;
    if (r->stall_us > 0) rc = stalled(r, e);
    if (rc == LEAT_OK && r->full) rc = with_appender(r, LEAT_APPENDER_APPEND, append, e);
    if (rc == LEAT_OK && r->commit_due) rc = with_appender(r, LEAT_APPENDER_LOOK, commit, e);
    if (rc != LEAT_OK) return rc;
    return acknowledge(r, e);
}
