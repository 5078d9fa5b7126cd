/* Snapshots beside the stream, the task's side: which tables, and making the server flush.
 *
 * A row may be visible before its commit is flushed, and only what is flushed is streamed: a view's
 * end may therefore lie where the stream does not come to as long as nobody else commits. So when
 * it is waited for, the server is asked for its end again and again, and when that does not help, a
 * transaction of our own is committed, which flushes the log. Its session is not waited for. Run by
 * the task's thread. */
#include "base/clock.h"
#include "base/log.h"
#include "source/postgres/partition.h"
#include "source/postgres/reader.h"
#include "source/postgres/view.h"
#include "system/postgres/quote.h"

enum {
    NUDGE_US = 100000,  /* waited for before a transaction is committed, and between them */
    STREAK_US = 500000, /* a wait that was not told of for so long is over */
    CONNECT_MS = 2000,
};

/* ---- tables ---- */

static leat_snap_table *snap_of(const leat_pg_source *s, const leat_pg_relation *r, leat_arena *a)
{
    leat_pg_snap *p = LEAT_NEW(a, leat_pg_snap, 1);
    leat_buf quoted = {0};
    leat_pg_quote_table(&quoted, r->schema, r->name);
    *p = (leat_pg_snap){.schema = leat_arena_strdup(a, r->schema),
                        .name = leat_arena_strdup(a, r->name),
                        .quoted = leat_arena_str(a, leat_buf_str(&quoted)).s,
                        .override = leat_pg_conf_override(s->conf, r->schema, r->name),
                        .only = !s->conf->faults && r->kind == 'r'};
    leat_buf_free(&quoted);
    leat_snap_table *t = LEAT_NEW(a, leat_snap_table, 1);
    *t = (leat_snap_table){.name = leat_arena_printf(a, "%s.%s", r->schema, r->name),
                           .rows = r->rows < 0 ? -1 : (int64_t)r->rows,
                           .bytes = -1,
                           .priv = p};
    return t;
}

/* Sets what the table's version and the server say of it. */
static leat_rc describe(leat_pg_source *s, uint32_t oid, leat_snap_table *out, leat_err *e)
{
    leat_arena a = {0};
    const leat_pg_table *t;
    leat_pg_rel *r = NULL;
    leat_rc rc = leat_pg_table_read(&s->sql, oid, &a, &t, e);
    if (rc == LEAT_OK && t) rc = leat_pg_rel_of_table(s, t, &r, e);
    if (r) out->keyed = r->table->nid > 0;
    leat_pg_rel_free(r);
    leat_arena_free(&a);
    return rc;
}

/* The captured tables, each row under one name only. */
static leat_rc captured(leat_pg_source *s, leat_arena *a, leat_pg_tables *t, leat_err *e)
{
    LEAT_TRY(leat_pg_source_sql(s, e));
    LEAT_TRY(leat_pg_rules_tables(&s->rules, &s->sql, a, t, e));
    return leat_pg_partitions_once(&s->sql, s->conf, t, a, e);
}

static leat_rc put_tables(leat_pg_source *s, leat_arena *a, leat_plan *plan, leat_err *e)
{
    leat_pg_tables t;
    LEAT_TRY(captured(s, a, &t, e));
    LEAT_TRY(leat_pg_rules_snapshot(&s->rules, t.captured, &t.ncaptured, a, e));
    for (size_t i = 0; i < t.ncaptured; i++) {
        if (leat_capture_is_signal(&s->conf->capture, t.captured[i]->schema, t.captured[i]->name))
            continue;
        leat_snap_table *one = snap_of(s, t.captured[i], plan->a);
        LEAT_TRY(describe(s, t.captured[i]->oid, one, e));
        *plan->tables_tail = one;
        plan->tables_tail = &one->next;
        plan->n++;
    }
    return LEAT_OK;
}

/* Foreign tables that the filters let in: their changes are in another server's log. */
static leat_rc tell_foreign(leat_pg_source *s, leat_err *e)
{
    static const char sql[] =
        "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'f'"
        " ORDER BY 1, 2";
    PGresult *res;
    int n = 0, first = -1;
    LEAT_TRY(leat_pg_query(&s->sql, "look for foreign tables", sql, 0, NULL, &res, e));
    leat_rc rc = LEAT_OK;
    for (int i = 0; rc == LEAT_OK && i < PQntuples(res); i++) {
        bool in;
        rc = leat_filter_table(s->rules.filter, PQgetvalue(res, i, 0), PQgetvalue(res, i, 1), &in,
                               e);
        if (rc != LEAT_OK || !in) continue;
        if (n++ == 0) first = i;
    }
    if (first >= 0)
        leat_log(LEAT_WARN, "postgres.foreign_tables",
                 "tables=%d first=\"%s.%s\" are foreign tables, whose changes are in another "
                 "server's log: they are not captured",
                 n, PQgetvalue(res, first, 0), PQgetvalue(res, first, 1));
    PQclear(res);
    return rc;
}

leat_rc leat_pg_plan_beside(leat_pg_source *s, leat_plan *plan, leat_err *e)
{
    leat_arena a = {0};
    leat_rc rc = put_tables(s, &a, plan, e);
    leat_arena_free(&a);
    LEAT_TRY(rc);
    LEAT_TRY(tell_foreign(s, e));
    plan->beside = !s->server.standby;
    plan->readers = (unsigned)s->conf->capture.snapshot_threads;
    if (plan->beside) return LEAT_OK;
    leat_log(LEAT_WARN, "postgres.standby_snapshot",
             "a standby does not tell what its views contain, which a snapshot beside the stream "
             "needs: all tables are read first, as with snapshot.streaming=after");
    plan->tables = NULL;
    plan->tables_tail = &plan->tables;
    plan->n = 0;
    return LEAT_OK;
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

void leat_pg_hurry_end(leat_pg_source *s)
{
    leat_pg_abandon(&s->hurry.c);
}
