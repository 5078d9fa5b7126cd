/* The plain initial snapshot: one plan, one view, one thread, chunk after chunk, then the stream.
 *
 * The engine's progress, {"snapshot":{"state":...,"done":n,"of":m,"rows":r}}, travels in the
 * stream's frames. A snapshot found running at open was interrupted: all is read again under a new
 * view (rows may repeat, changes may not: the source streams from its first consistent point and
 * skips nothing). Its end and the position where streaming starts become durable in one frame. Run
 * by the task's thread. */
#include "base/json.h"
#include "base/log.h"
#include "engine/run.h"

/* State of progress: "none", "running", "done". */
static leat_str progress_state(leat_engine *g)
{
    const leat_stream_state *st = g->conf.stream->ops->state(g->conf.stream);
    const leat_json *j = NULL;
    if (!st->progress.s || leat_json_parse(&g->arena, st->progress, &j, NULL) != LEAT_OK)
        return LEAT_STR("none");
    leat_str state = leat_json_get_str(leat_json_get(j, "snapshot"), "state");
    return state.s ? state : LEAT_STR("none");
}

static leat_str progress_text(leat_buf *buf, const char *state, unsigned done, unsigned of,
                              uint64_t rows)
{
    leat_buf_clear(buf);
    leat_jw w = {.out = buf};
    leat_jw_object(&w, NULL);
    leat_jw_object(&w, "snapshot");
    leat_jw_z(&w, "state", state);
    leat_jw_i64(&w, "done", done);
    leat_jw_i64(&w, "of", of);
    leat_jw_i64(&w, "rows", (int64_t)rows);
    leat_jw_end(&w);
    leat_jw_end(&w);
    return leat_buf_str(buf);
}

static void note(leat_engine *g, const char *state, const char *table, unsigned done, unsigned of)
{
    pthread_mutex_lock(&g->lock);
    leat_str s = leat_str_of(state), t = leat_str_of(table ? table : "");
    if (t.len >= sizeof g->status.snapshot_table) t.len = sizeof g->status.snapshot_table - 1;
    memcpy(g->status.snapshot, s.s, s.len + 1);
    memcpy(g->status.snapshot_table, t.s, t.len);
    g->status.snapshot_table[t.len] = 0;
    g->status.snapshot_done = done;
    g->status.snapshot_of = of;
    pthread_mutex_unlock(&g->lock);
}

/* All rows of one chunk. PENDING: left on the way. */
static leat_rc chunk_rows(leat_engine *g, leat_chunk *chunk, leat_str progress, uint64_t *rows,
                          leat_err *e)
{
    for (;;) {
        if (atomic_load(&g->pause)) LEAT_TRY(leat_run_paused(g, LEAT_RUN_SNAPSHOT, e));
        if (leat_run_leave(g)) return LEAT_PENDING;
        leat_batch_reset(&g->batch);
        leat_rc rc = g->conf.source->read_chunk(&g->task, chunk, &g->batch, e);
        LEAT_TRY(rc);
        *rows += g->batch.n;
        LEAT_TRY(leat_run_append(g, progress, e));
        LEAT_TRY(leat_run_commit(g, e));
        leat_run_gauge(g);
        if (rc == LEAT_OK) return LEAT_OK;
    }
}

static leat_rc all_chunks(leat_engine *g, leat_plan *plan, leat_buf *buf, leat_err *e)
{
    uint64_t rows = 0;
    unsigned done = 0;
    for (leat_chunk *chunk = plan->first; chunk; chunk = chunk->next) {
        note(g, "running", chunk->table, done, plan->n);
        leat_str progress = progress_text(buf, "running", done, plan->n, rows);
        leat_rc rc = chunk_rows(g, chunk, progress, &rows, e);
        if (rc != LEAT_OK) return rc;
        done++;
        leat_log(LEAT_INFO, "snapshot.table_done", "table=\"%s\" done=%u of=%u rows=%llu",
                 chunk->table, done, plan->n, (unsigned long long)rows);
    }
    leat_batch_reset(&g->batch);
    if (plan->start.offset.s) leat_batch_safe(&g->batch, plan->start);
    LEAT_TRY(leat_run_append(g, progress_text(buf, "done", done, plan->n, rows), e));
    LEAT_TRY(leat_run_commit(g, e));
    note(g, "done", NULL, done, plan->n);
    return LEAT_OK;
}

leat_rc leat_run_snapshot(leat_engine *g, bool *stream_after, leat_err *e)
{
    *stream_after = true;
    if (!g->conf.source->plan) return LEAT_OK;
    if (leat_str_is(progress_state(g), "done")) {
        note(g, "done", NULL, 0, 0);
        return LEAT_OK;
    }
    leat_plan plan = {.a = &g->arena, .tail = &plan.first};
    LEAT_TRY(g->conf.source->plan(&g->task, &plan, e));
    *stream_after = !plan.skip_stream;
    if (plan.n > 0) leat_run_state_set(g, LEAT_RUN_SNAPSHOT);
    leat_buf buf = {0};
    leat_rc rc = all_chunks(g, &plan, &buf, e);
    leat_buf_free(&buf);
    if (rc == LEAT_PENDING) *stream_after = false;
    return rc == LEAT_PENDING ? LEAT_OK : rc;
}
