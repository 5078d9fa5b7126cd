/* The plain initial snapshot of a task: one plan, one view, chunk after chunk, then the stream.
 *
 * The engine's progress, {"snapshot":{"state":...,"done":n,"of":m,"rows":r}}, travels in the
 * stream's frames; with several tasks it is their sum, and "tasks" has each task's own. A snapshot
 * found running at open was interrupted: the task reads all of its part again under a new view
 * (rows may repeat, changes may not: the source streams from its first consistent point and skips
 * nothing). Its end and the position where streaming starts become durable in one frame. Run by the
 * task's thread. */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/beside.h"
#include "engine/run.h"

static const char *const states[] = {"none", "running", "done"};

/* Of a stored progress, which of the three; others are "none". */
static const char *state_of(const leat_json *snapshot)
{
    leat_str state = leat_json_get_str(snapshot, "state");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (leat_str_is(state, states[i])) return states[i];
    return states[0];
}

/* The task's own snapshot in the stream; *whole: of all tasks. Where the tasks were others, only a
 * whole that is done counts: NULL. */
static const leat_json *stored_own(leat_run *r, const leat_json **whole)
{
    const leat_json *j = NULL;
    *whole = NULL;
    if (!r->stored.s || leat_json_parse(&r->arena, r->stored, &j, NULL) != LEAT_OK) return NULL;
    *whole = leat_json_get(j, "snapshot");
    const leat_json *tasks = leat_json_get(j, "tasks");
    unsigned n = 0;
    const leat_json *own = NULL;
    for (const leat_json *t = tasks ? tasks->child : NULL; t; t = t->next)
        if (n++ == r->task.id) own = t;
    if (n != r->g->n) own = NULL;
    if (own) return own;
    return r->g->n == 1 && n == 0 ? *whole : NULL;
}

static const char *stored_state(leat_run *r)
{
    const leat_json *whole, *own = stored_own(r, &whole);
    const char *all = state_of(whole);
    return strcmp(all, "done") == 0 ? all : state_of(own);
}

static void write_snap(const leat_run_snap *s, const leat_buf *tables, leat_jw *w)
{
    leat_jw_z(w, "state", s->state);
    leat_jw_i64(w, "done", s->done);
    leat_jw_i64(w, "of", s->of);
    leat_jw_i64(w, "rows", (int64_t)s->rows);
    if (tables && tables->len > 0) leat_jw_raw(w, "tables", leat_buf_str(tables));
}

/* Of all tasks; this one's as it is to be appended. */
static const leat_run_snap *snap_of(const leat_run *r, unsigned i)
{
    return i == r->task.id ? &r->snap_next : &r->g->runs[i].snap;
}

static leat_run_snap sum(const leat_run *r)
{
    leat_run_snap all = {.state = states[0]};
    unsigned done = 0, begun = 0;
    for (unsigned i = 0; i < r->g->n; i++) {
        const leat_run_snap *s = snap_of(r, i);
        all.done += s->done;
        all.of += s->of;
        all.rows += s->rows;
        done += strcmp(s->state, "done") == 0;
        begun += strcmp(s->state, "none") != 0;
    }
    if (begun > 0) all.state = done == r->g->n ? states[2] : states[1];
    return all;
}

leat_str leat_run_progress_text(leat_run *r)
{
    leat_run_snap all = sum(r);
    bool one = r->g->n == 1;
    leat_buf_clear(&r->progress);
    leat_buf_clear(&r->tables_next);
    if (r->beside && (strcmp(r->snap_next.state, states[2]) != 0 || leat_beside_ad_hoc(r)))
        leat_beside_write(r, &r->tables_next);
    leat_jw w = {.out = &r->progress};
    leat_jw_object(&w, NULL);
    leat_jw_object(&w, "snapshot");
    write_snap(&all, one ? &r->tables_next : NULL, &w);
    leat_jw_end(&w);
    if (!one) {
        leat_jw_array(&w, "tasks");
        for (unsigned i = 0; i < r->g->n; i++) {
            leat_jw_object(&w, NULL);
            write_snap(snap_of(r, i), i == r->task.id ? &r->tables_next : &r->g->runs[i].tables,
                       &w);
            leat_jw_end(&w);
        }
        leat_jw_end(&w);
    }
    leat_jw_end(&w);
    return leat_buf_str(&r->progress);
}

void leat_run_progress_appended(leat_run *r)
{
    leat_buf was = r->tables;
    r->snap = r->snap_next;
    r->tables = r->tables_next;
    r->tables_next = was;
}

/* ---- turns ---- */

static void note(leat_run *r, const char *state, const char *table)
{
    leat_run_snapshot_note(r, state, table, r->snap_next.done, r->snap_next.of);
}

static void stream_now(leat_run *r)
{
    r->phase = LEAT_PHASE_STREAM;
    leat_run_error(r, NULL);
    leat_run_state_set(r, LEAT_RUN_RUNNING);
}

void leat_run_recall(leat_run *r)
{
    const leat_json *whole, *own = stored_own(r, &whole);
    const leat_json *tables = leat_json_get(own, "tables");
    r->snap = r->snap_next = (leat_run_snap){.state = stored_state(r)};
    leat_buf_clear(&r->tables);
    if (tables) leat_json_write(tables, &r->tables);
}

void leat_run_recall_all(leat_engine *g)
{
    const leat_stream_state *st = g->conf.stream->ops->state(g->conf.stream);
    for (unsigned i = 0; i < g->n; i++) {
        leat_run *r = &g->runs[i];
        r->stored = leat_arena_str(&r->arena, st->progress);
        leat_run_recall(r);
    }
}

/* A snapshot was done; the source wants another one: at first it is as if there had been none. */
static void begin_again(leat_run *r)
{
    const leat_source *source = r->task.source;
    bool first = !r->planned;
    r->planned = true;
    if (strcmp(r->snap.state, "done") != 0 || !source->again || !source->again(&r->task, first))
        return;
    r->snap = r->snap_next = (leat_run_snap){.state = states[0]};
}

static leat_rc changed_way(const leat_run *r, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "snapshot.way_changed", r->g->conf.connector,
                     "a snapshot beside the stream was begun and is not done, and with this "
                     "configuration it would not go on: set snapshot.streaming and snapshot.mode "
                     "back until it is done, or begin again: leat offsets %s reset",
                     r->g->conf.connector);
}

leat_rc leat_run_plan(leat_run *r, leat_err *e)
{
    begin_again(r);
    const char *state = r->snap.state;
    if (!r->task.source->plan || strcmp(state, "done") == 0) {
        if (r->task.source->plan) note(r, "done", NULL);
        stream_now(r);
        return LEAT_OK;
    }
    const leat_json *whole, *tables = leat_json_get(stored_own(r, &whole), "tables");
    bool begun = strcmp(state, "running") == 0 && tables;
    r->plan = (leat_plan){.a = &r->arena, .tail = &r->plan.first, .begun = begun};
    r->plan.tables_tail = &r->plan.tables;
    LEAT_TRY(r->task.source->plan(&r->task, &r->plan, e));
    if (r->plan.beside) {
        stream_now(r);
        return leat_beside_begin(r, &r->plan, begun ? tables : NULL, e);
    }
    if (begun && r->plan.n == 0) return changed_way(r, e);
    r->chunk = r->plan.first;
    r->chunk_done = false;
    r->snap_next.of = r->plan.n;
    r->chunk_before = r->snap_next.rows;
    r->phase = LEAT_PHASE_SNAPSHOT;
    if (r->plan.n > 0) leat_run_state_set(r, LEAT_RUN_SNAPSHOT);
    return LEAT_OK;
}

/* What was read of the chunk is appended: on to the next, if it is done. It becomes durable with
 * what follows, with its progress: nothing depends on it before the end. */
static void advance(leat_run *r)
{
    if (!r->chunk_done) return;
    r->chunk_done = false;
    r->snap_next.done++;
    leat_log(LEAT_INFO, "snapshot.table_done", "table=\"%s\" done=%u of=%u rows=%llu",
             r->chunk->table, r->snap_next.done, r->plan.n,
             (unsigned long long)(r->snap_next.rows - r->chunk_before));
    r->chunk_before = r->snap_next.rows;
    r->chunk = r->chunk->next;
}

/* Of the i-th chunk of the plan, which is a table. */
static void say(leat_run *r, size_t i, leat_progress_say *out)
{
    const leat_chunk *c = i == 0 ? r->plan.first : r->said->next;
    bool reading = c == r->chunk, done = i < r->snap_next.done;
    r->said = c;
    *out = (leat_progress_say){
        .table = c->table,
        .done = done,
        .reading = reading || done,
        .rows = c->rows_read,
        .bytes = c->bytes_read,
        .total = c->rows,
    };
}

static leat_rc read_rows(leat_run *r, leat_err *e)
{
    note(r, "running", r->chunk->table);
    leat_run_tables_note(r, r->plan.n, r->chunk->rows_read == 0, say);
    leat_run_at(r, LEAT_STAGE_SOURCE);
    leat_rc rc = r->task.source->read_chunk(&r->task, r->chunk, &r->batch, e);
    LEAT_TRY(rc);
    r->chunk_done = rc == LEAT_OK;
    r->snap_next.state = "running";
    r->snap_next.rows += r->batch.counts.rows_read;
    r->chunk->rows_read += r->batch.counts.rows_read;
    r->chunk->bytes_read += r->batch.row_bytes;
    r->beat_us = leat_mono_us();
    return leat_run_offer(r, true, e);
}

/* All rows are appended: now that they are all, and where the stream begins. */
static leat_rc finish(leat_run *r, leat_err *e)
{
    if (strcmp(r->snap.state, "done") == 0) {
        note(r, "done", NULL);
        if (!r->plan.skip_stream) {
            stream_now(r);
            return LEAT_OK;
        }
        leat_rc rc = leat_run_wind_up(r, e);
        r->result = LEAT_PENDING;
        return rc == LEAT_OK ? LEAT_PENDING : rc;
    }
    if (r->plan.start.offset.s) leat_batch_safe(&r->batch, r->plan.start);
    if (r->plan.n > 0) leat_run_tables_note(r, r->plan.n, true, say);
    r->snap_next.state = "done";
    return leat_run_offer(r, true, e);
}

leat_rc leat_run_chunk(leat_run *r, leat_err *e)
{
    leat_rc rc = leat_run_flush(r, e);
    if (rc != LEAT_OK) return rc;
    advance(r);
    bool paused, rows_left = r->chunk != NULL;
    if (rows_left) {
        if (leat_run_leave(r->g)) {
            rc = leat_run_wind_up(r, e);
            r->result = LEAT_OK;
            return rc == LEAT_OK ? LEAT_PENDING : rc;
        }
        rc = leat_run_paused(r, &paused, e);
        if (rc != LEAT_OK || paused) return rc;
    }
    leat_run_gauge(r);
    int64_t left;
    if (rows_left && leat_run_held_back(r, &left)) return leat_run_idle(r, left, e);
    leat_batch_reset(&r->batch);
    return rows_left ? read_rows(r, e) : finish(r, e);
}
