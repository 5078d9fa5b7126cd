/* Snapshots beside the stream, the task's side: which tables, and making the server flush.
 *
 * A row may be visible before its commit is flushed, and only what is flushed is streamed: a view's
 * end may therefore lie where the stream does not come to as long as nobody else commits. So when
 * it is waited for, the server is asked for its end again and again, and when that does not help, a
 * transaction of our own is committed, which flushes the log. Its session is not waited for. Run by
 * the task's thread. */
#include "base/clock.h"
#include "base/log.h"
#include "capture/snapshots.h"
#include "source/postgres/partition.h"
#include "source/postgres/reader.h"
#include "source/postgres/view.h"
#include "system/postgres/quote.h"

enum {
    NUDGE_US = 100000,  /* waited for before a transaction is committed, and between them */
    STREAK_US = 500000, /* a wait that was not told of for so long is over */
    REST_US = 10000000, /* and then its session is not kept any longer */
    CONNECT_MS = 2000,
};

/* ---- tables ---- */

static leat_snap_table *snap_of(const leat_pg_source *s, const leat_pg_relation *r, leat_arena *a)
{
    leat_pg_snap *p = LEAT_NEW(a, leat_pg_snap, 1);
    leat_buf quoted = {0};
    const char *override = leat_snapshot_override(&s->conf->capture, r->schema, r->name);
    leat_pg_quote_table(&quoted, r->schema, r->name);
    *p = (leat_pg_snap){.schema = leat_arena_strdup(a, r->schema),
                        .name = leat_arena_strdup(a, r->name),
                        .quoted = leat_arena_str(a, leat_buf_str(&quoted)).s,
                        .override = override,
                        .doing = leat_pg_row_doing(r->schema, r->name, override, a),
                        .only = !s->conf->faults && r->kind == 'r'};
    leat_buf_free(&quoted);
    leat_snap_table *t = LEAT_NEW(a, leat_snap_table, 1);
    *t = (leat_snap_table){.name = leat_arena_printf(a, "%s.%s", r->schema, r->name),
                           .rows = r->rows < 0 ? -1 : (int64_t)r->rows,
                           .bytes = -1,
                           .priv = p};
    return t;
}

/* Sets what the table's version says of it; t NULL: it is not there any more. */
static leat_rc describe(leat_pg_source *s, const leat_pg_table *t, leat_snap_table *out,
                        leat_err *e)
{
    const leat_pg_snap *snap = out->priv;
    leat_pg_rel *r = NULL;
    if (!t) return LEAT_OK;
    LEAT_TRY(leat_pg_rel_of_table(s, t, &r, e));
    out->keyed = r->table->nid > 0 && leat_snapshot_divides(snap->override);
    out->bytes = t->bytes;
    leat_pg_rel_free(r);
    return LEAT_OK;
}

/* The captured tables, each row under one name only. */
static leat_rc captured(leat_pg_source *s, leat_arena *a, leat_pg_tables *t, leat_err *e)
{
    LEAT_TRY(leat_pg_source_sql(s, e));
    LEAT_TRY(leat_pg_rules_tables(&s->rules, &s->sql, a, t, e));
    return leat_pg_partitions_once(&s->sql, s->conf, t, a, e);
}

/* A thousand tables are asked about by as many questions as one. */
static leat_rc put_tables(leat_pg_source *s, leat_arena *a, leat_plan *plan, leat_err *e)
{
    leat_pg_tables t;
    LEAT_TRY(captured(s, a, &t, e));
    LEAT_TRY(leat_pg_rules_snapshot(&s->rules, t.captured, &t.ncaptured, a, e));
    uint32_t *oids = LEAT_NEW(a, uint32_t, t.ncaptured);
    const leat_pg_table **known = LEAT_NEW(a, const leat_pg_table *, t.ncaptured);
    for (size_t i = 0; i < t.ncaptured; i++) oids[i] = t.captured[i]->oid;
    LEAT_TRY(leat_pg_tables_read(&s->sql, oids, t.ncaptured, a, known, e));
    for (size_t i = 0; i < t.ncaptured; i++) {
        const leat_pg_relation *r = t.captured[i];
        if (leat_capture_is_signal(&s->conf->capture, r->schema, r->name)) continue;
        leat_snap_table *one = snap_of(s, r, plan->a);
        LEAT_TRY(describe(s, known[i], one, e));
        *plan->tables_tail = one;
        plan->tables_tail = &one->next;
        plan->n++;
    }
    leat_pg_plan_names(s, plan, t.captured, t.ncaptured);
    return leat_pg_plan_tell(s, t.captured, t.ncaptured, e);
}

/* By its number a standby's view does not tell what it contains, and of a table without identity
 * the changes that its rows show already are known by that alone. */
static const leat_snap_table *unfit(const leat_pg_source *s, const leat_plan *plan)
{
    const leat_snap_table *t = s->server.standby ? plan->tables : NULL;
    while (t && t->keyed) t = t->next;
    return t;
}

/* The snapshot that the new slot exported is not taken over here, and goes when the stream begins:
 * where that waits for tables without identity it would hold vacuum back for as long. */
static void let_snapshot_go(leat_pg_source *s, const leat_plan *plan)
{
    const leat_snap_table *t = plan->tables;
    while (t && t->keyed) t = t->next;
    if (!t || !s->snapshot) return;
    leat_pg_close(&s->wal);
    s->snapshot = NULL;
}

leat_rc leat_pg_plan_beside(leat_pg_source *s, leat_plan *plan, leat_err *e)
{
    leat_arena a = {0};
    leat_rc rc = put_tables(s, &a, plan, e);
    leat_arena_free(&a);
    LEAT_TRY(rc);
    const leat_snap_table *t = unfit(s, plan);
    plan->beside = t == NULL;
    plan->readers = (unsigned)s->conf->capture.snapshot_threads;
    if (plan->beside) {
        let_snapshot_go(s, plan);
        return LEAT_OK;
    }
    leat_log(LEAT_WARN, "postgres.standby_keyless",
             "table=\"%s\" has no key that tells its rows apart, which a standby's snapshot beside "
             "the stream needs: all tables are read first, as with snapshot.streaming=after",
             t->name);
    plan->tables = NULL;
    plan->tables_tail = &plan->tables;
    plan->n = 0;
    return LEAT_OK;
}

void leat_pg_tell_beside(leat_task *task, leat_batch *b, leat_snap_news news,
                         const leat_snap_table *table, uint64_t rows)
{
    const leat_pg_source *s = task->priv;
    leat_notify_news(s->notify, b, news, table ? table->name : NULL, rows, s->row_tables,
                     s->row_captured);
}

/* ---- hurrying ---- */

/* A transaction with an id of its own, unless one is under way. */
static void nudge(leat_pg_source *s, int64_t now)
{
    leat_pg_hurry_state *h = &s->hurry;
    leat_err e = {0};
    PGresult *res;
    static const char what[] = "have the server flush its log";
    if (h->running) {
        leat_rc rc = leat_pg_poll(&h->c, what, 0, &res, &e);
        if (rc == LEAT_AGAIN) return;
        h->running = false;
        if (rc == LEAT_OK) PQclear(res);
        if (rc != LEAT_OK) leat_pg_close(&h->c);
    }
    if (now - h->nudged_us < NUDGE_US) return;
    h->nudged_us = now;
    leat_rc rc = LEAT_OK;
    if (!h->c.pg || PQstatus(h->c.pg) != CONNECTION_OK) {
        leat_pg_close(&h->c);
        h->target = s->conf->target;
        if (h->target.connect_ms > CONNECT_MS) h->target.connect_ms = CONNECT_MS;
        rc = leat_pg_connect(&h->c, &h->target, false, s->app, &e);
    }
    if (rc == LEAT_OK) rc = leat_pg_send(&h->c, what, "SELECT pg_catalog.txid_current()", &e);
    h->running = rc == LEAT_OK;
    /* The stream has a connection of its own, and its errors end the attempt. */
    if (rc != LEAT_OK) leat_log_err(LEAT_DEBUG, &e);
}

leat_rc leat_pg_hurry(leat_task *task, const leat_view *view, leat_err *e)
{
    leat_pg_source *s = task->priv;
    leat_pg_hurry_state *h = &s->hurry;
    const leat_pg_view *v = view->priv;
    int64_t now = leat_mono_us();
    (void)e;
    if (s->at.lsn >= v->end) return LEAT_OK;
    if (h->end <= s->at.lsn || v->end < h->end) h->end = v->end;
    if (now - h->asked_us > STREAK_US) h->nudged_us = now;
    h->asked_us = now;
    if (!v->standby && !s->server.standby) nudge(s, now);
    return LEAT_OK;
}

void leat_pg_hurry_rest(leat_pg_source *s, int64_t now)
{
    if (s->hurry.c.pg && now - s->hurry.asked_us > REST_US) leat_pg_hurry_end(s);
}

void leat_pg_hurry_end(leat_pg_source *s)
{
    leat_pg_abandon(&s->hurry.c);
    s->hurry.running = false;
}
