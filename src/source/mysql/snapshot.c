/* Snapshots, the task's side: which tables, and what is told of them. Rows are read beside the
 * stream (reader.c). Run by the task's thread. */
#include <strings.h>

#include "source/mysql/ranges.h"
#include "source/mysql/reader.h"

/* ---- tables ---- */

/* Its rows are seen when their transaction is committed, not before. */
bool leat_my_has_transactions(const char *engine)
{
    static const char *const engines[] = {"InnoDB", "ROCKSDB", "TokuDB", NULL};
    for (int i = 0; engines[i]; i++)
        if (strcasecmp(engine, engines[i]) == 0) return true;
    return false;
}

leat_my_snap *leat_my_snap_of(const leat_my_relation *r, const char *override, leat_arena *a)
{
    leat_my_snap *p = LEAT_NEW(a, leat_my_snap, 1);
    leat_buf quoted = {0};
    leat_my_put_table(&quoted, leat_str_of(r->db), leat_str_of(r->name));
    *p = (leat_my_snap){.db = leat_arena_strdup(a, r->db),
                        .name = leat_arena_strdup(a, r->name),
                        .quoted = leat_arena_str(a, leat_buf_str(&quoted)).s,
                        .override = override,
                        .doing = leat_arena_printf(a, "read the rows of %s.%s%s", r->db, r->name,
                                                   override ? " by a statement of its own" : ""),
                        .plain = !leat_my_has_transactions(r->engine)};
    leat_buf_free(&quoted);
    return p;
}

static leat_snap_table *snap_of(const leat_my_source *s, const leat_my_relation *r, leat_arena *a)
{
    const char *override = leat_snapshot_override(&s->conf->capture, r->db, r->name);
    leat_snap_table *t = LEAT_NEW(a, leat_snap_table, 1);
    *t = (leat_snap_table){.name = leat_arena_printf(a, "%s.%s", r->db, r->name),
                           .rows = r->rows,
                           .bytes = r->bytes,
                           .priv = leat_my_snap_of(r, override, a)};
    return t;
}

/* The captured tables, in the order in which they are to be read. */
leat_rc leat_my_captured(leat_my_source *s, leat_arena *a, leat_snapshot_table **out, size_t *n,
                         leat_err *e)
{
    leat_my_relation *all;
    size_t nall;
    LEAT_TRY(leat_my_source_sql(s, e));
    LEAT_TRY(leat_my_relations(&s->sql, a, &all, &nall, e));
    leat_snapshot_table *v = LEAT_NEW(a, leat_snapshot_table, nall);
    *n = 0;
    for (size_t i = 0; i < nall; i++) {
        bool in;
        LEAT_TRY(leat_filter_table(s->filter, all[i].db, all[i].name, &in, e));
        if (in)
            v[(*n)++] = (leat_snapshot_table){all[i].db, all[i].name, (double)all[i].rows, &all[i]};
    }
    *out = v;
    return LEAT_OK;
}

const char *leat_my_snap_names(const leat_my_source *s, const leat_snapshot_table *v, size_t n,
                               bool signals, bool hashed, leat_arena *a)
{
    const char **names = LEAT_NEW(a, const char *, n);
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (signals || !leat_capture_is_signal(&s->conf->capture, v[i].schema, v[i].name))
            names[k++] = leat_arena_printf(a, "%s.%s", v[i].schema, v[i].name);
    return leat_notify_tables(a, names, k, hashed);
}

/* What the table's version says of it; it may be gone. */
static leat_rc describe(leat_my_source *s, const leat_snapshot_table *t, leat_snap_table *out,
                        leat_err *e)
{
    const leat_my_snap *snap = out->priv;
    leat_my_rel *r;
    LEAT_TRY(leat_my_rel_named(s, leat_str_of(t->schema), leat_str_of(t->name), &r, e));
    LEAT_TRY(leat_my_rel_version(s, r, e));
    out->keyed = r->def && r->table && r->table->nid > 0 && leat_snapshot_divides(snap->override);
    return LEAT_OK;
}

static void tell_overrides(const leat_capture_conf *c, const leat_snapshot_table *v, size_t n,
                           leat_arena *a)
{
    const char **names = LEAT_NEW(a, const char *, n);
    for (size_t i = 0; i < n; i++) names[i] = leat_arena_printf(a, "%s.%s", v[i].schema, v[i].name);
    leat_snapshot_tell_overrides(c, names, n);
}

static leat_rc put_tables(leat_my_source *s, leat_plan *plan, bool beside, leat_arena *a,
                          leat_err *e)
{
    const leat_capture_conf *c = &s->conf->capture;
    leat_snapshot_table *v;
    size_t n;
    LEAT_TRY(leat_my_captured(s, a, &v, &n, e));
    s->row_captured = leat_my_snap_names(s, v, n, true, false, plan->a);
    LEAT_TRY(leat_snapshot_tables(c, s->filter, v, &n, e));
    s->row_tables = leat_my_snap_names(s, v, n, false, true, plan->a);
    tell_overrides(c, v, n, a);
    for (size_t i = 0; i < n; i++) {
        if (leat_capture_is_signal(c, v[i].schema, v[i].name)) continue;
        if (!beside) {
            leat_my_plain_put(plan, v[i].priv, leat_snapshot_override(c, v[i].schema, v[i].name));
            continue;
        }
        leat_snap_table *t = snap_of(s, v[i].priv, plan->a);
        LEAT_TRY(describe(s, &v[i], t, e));
        *plan->tables_tail = t;
        plan->tables_tail = &t->next;
        plan->n++;
    }
    return LEAT_OK;
}

static void put_start(leat_my_source *s, leat_plan *plan)
{
    leat_buf text = {0};
    leat_position start = leat_my_stream_position(s, &text);
    plan->start = (leat_position){leat_arena_str(plan->a, start.partition),
                                  leat_arena_str(plan->a, start.offset)};
    leat_buf_free(&text);
}

/* All rows first: the stream begins where they end, or goes on where it was. */
static leat_rc begin_plain(leat_my_source *s, leat_plan *plan, leat_err *e)
{
    plan->skip_stream = !leat_my_streams(s->conf);
    if (plan->n > 0) LEAT_TRY(leat_my_plain_begin(s, plan, !s->resumed, e));
    put_start(s, plan);
    return LEAT_OK;
}

leat_rc leat_my_plan_source(leat_task *task, leat_plan *plan, leat_err *e)
{
    leat_my_source *s = task->priv;
    leat_arena a = {0};
    put_start(s, plan);
    /* A position without a snapshot of ours: another reader (Debezium) has taken it. */
    if (s->resumed && !plan->begun && !leat_my_reads_always(s->conf)) return LEAT_OK;
    if (!leat_my_reads_rows(s->conf) && !s->needed) return LEAT_OK;
    LEAT_TRY(leat_source_delay(task, s->conf->capture.snapshot_delay_ms, e));
    bool beside = s->conf->capture.snapshot_streaming == LEAT_SNAPSHOT_BESIDE;
    leat_rc rc = put_tables(s, plan, beside, &a, e);
    leat_arena_free(&a);
    if (rc == LEAT_OK && !beside) return begin_plain(s, plan, e);
    plan->beside = s->beside = rc == LEAT_OK;
    plan->readers = (unsigned)s->conf->capture.snapshot_threads;
    return rc;
}

bool leat_my_again_source(leat_task *t, bool first)
{
    const leat_my_source *s = t->priv;
    return s->needed || (first && leat_my_reads_always(s->conf));
}

/* ---- what is told ---- */

void leat_my_tell(leat_task *task, leat_batch *b, leat_snap_news news, const leat_snap_table *table,
                  uint64_t rows)
{
    leat_my_source *s = task->priv;
    if (news == LEAT_SNAP_DONE) s->beside = false;
    leat_notify_news(s->notify, b, news, table ? table->name : NULL, rows, s->row_tables,
                     s->row_captured);
}

/* The log has what the view ends with, but where nothing of it is a transaction the position does
 * not move by itself. */
leat_rc leat_my_hurry(leat_task *task, const leat_view *view, leat_err *e)
{
    leat_my_source *s = task->priv;
    (void)view;
    (void)e;
    s->hurry = true;
    return LEAT_OK;
}
