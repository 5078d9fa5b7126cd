/* The plain snapshot: all rows of the captured tables under one view.
 *
 * The view is one REPEATABLE READ transaction of a session of its own. When the slot was just made
 * it takes over the snapshot that this exported, so that rows and stream meet exactly; when the
 * slot was there before (an interrupted snapshot), it is a new view and the stream then repeats
 * changes that the rows show already: rows may repeat, changes may not be missing. The same goes
 * for a table that ALTER TABLE wrote anew in between: the old view would see it empty. A chunk is a
 * table, read by COPY: the server pushes rows as fast as they are taken, and no more of them are in
 * memory than the batch and the socket hold.
 *
 * Each table is read in a savepoint, and going back to that gives up its lock but not the view: so
 * any number of tables is read with the server's default of locks, and DDL waits for one table
 * only.
 *
 * Markers are Debezium's: first and last row of all, first and last of a table. To know the last
 * row each row is held until the next one has come; to know the last of all, the tables to come are
 * asked whether they have any. Run by the task's thread. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "capture/snapshots.h"
#include "source/postgres/partition.h"
#include "source/postgres/pg.h"
#include "source/postgres/reader.h"
#include "source/postgres/walframe.h"
#include "system/postgres/quote.h"

enum { WAIT_MS = 200 };
/* Around locks on a table that the view may give up again. */
#define HOLD "SAVEPOINT leat_table"
#define LET_GO "ROLLBACK TO SAVEPOINT leat_table; RELEASE SAVEPOINT leat_table"
#define BEGIN_VIEW "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

typedef struct table {
    uint32_t oid;
    const char *schema, *name;
    const char *override; /* NULL: the whole table */
    const char *doing;    /* for errors */
    bool only;            /* without the rows of tables that inherit from it */
    bool first;           /* of all tables */
    bool started;         /* its COPY was sent ... */
    bool begun;           /* ... and gives rows */
    bool any;             /* a row has been given out */
} table;

/* ---- the plan ---- */

leat_rc leat_pg_plan_view(leat_pg_source *s, leat_err *e)
{
    LEAT_TRY(leat_pg_connect(&s->view, &s->conf->target, false, s->app, e));
    LEAT_TRY(leat_pg_exec(&s->view, "begin the snapshot", BEGIN_VIEW, e));
    s->view_us = leat_mono_us();
    if (!s->snapshot) return LEAT_OK;
    leat_buf sql = {0};
    leat_buf_str_z(&sql, "SET TRANSACTION SNAPSHOT ");
    leat_pg_quote_text(&sql, leat_str_of(s->snapshot));
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_pg_exec(&s->view, "take the slot's snapshot over", sql.p, e);
    leat_buf_free(&sql);
    /* It goes with the session that exported it; the slot is there, so the next try takes a view.
     */
    if (rc == LEAT_CONF) rc = e->rc = LEAT_RETRY;
    /* The view has it now; the session that exported it is not needed until the stream starts. */
    leat_pg_close(&s->wal);
    s->snapshot = NULL;
    return rc;
}

leat_rc leat_pg_view_rest(leat_pg_source *s, leat_err *e)
{
    int64_t rests = leat_mono_us() - s->view_us, most = s->conf->capture.snapshot_hold_ms * 1000;
    if (s->snapshot) {
        leat_pg_close(&s->wal);
        s->snapshot = NULL;
    }
    if (!s->view.pg || most == 0 || rests < most) return LEAT_OK;
    leat_pg_abandon(&s->view);
    return leat_fail(e, LEAT_RETRY, "snapshot.let_go", s->conf->slot,
                     "nothing was taken of the snapshot's rows for %lld s (snapshot.hold.ms): its "
                     "view is let go, so that the server can clean up, and it begins again",
                     (long long)(rests / 1000000));
}

leat_rc leat_pg_row_xid(leat_pg_source *s, leat_err *e)
{
    PGresult *res;
    LEAT_TRY(leat_pg_source_sql(s, e));
    LEAT_TRY(leat_pg_query(&s->sql, "take a transaction id",
                           "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN 0"
                           " ELSE pg_catalog.txid_current() END",
                           0, NULL, &res, e));
    s->row_tx = (uint64_t)leat_pg_cell_i64(res, 0, 0, 0);
    PQclear(res);
    return LEAT_OK;
}

void leat_pg_plan_put(leat_pg_source *s, leat_plan *plan, const leat_pg_relation *r,
                      const char *override)
{
    table *t = LEAT_NEW(plan->a, table, 1);
    *t = (table){.oid = r->oid,
                 .schema = leat_arena_strdup(plan->a, r->schema),
                 .name = leat_arena_strdup(plan->a, r->name),
                 .override = override,
                 .doing = leat_pg_row_doing(r->schema, r->name, override, plan->a),
                 .only = !s->conf->faults && r->kind == 'r',
                 .first = plan->n == 0};
    leat_chunk *c = LEAT_NEW(plan->a, leat_chunk, 1);
    c->table = leat_arena_printf(plan->a, "%s.%s", r->schema, r->name);
    c->rows = r->rows < 0 ? -1 : (int64_t)r->rows;
    c->priv = t;
    *plan->tail = c;
    plan->tail = &c->next;
    plan->n++;
}

/* For the notifications: the tables of the plan as Debezium's hash has them, and all captured ones,
 * the signal table too. */
void leat_pg_plan_names(leat_pg_source *s, const leat_plan *plan,
                        const leat_pg_relation *const *captured, size_t n)
{
    const char **names = LEAT_NEW(plan->a, const char *, n);
    size_t k = 0;
    if (!s->notify) return;
    for (const leat_chunk *c = plan->first; c; c = c->next) names[k++] = c->table;
    for (const leat_snap_table *t = plan->tables; t; t = t->next) names[k++] = t->name;
    s->row_tables = leat_notify_tables(plan->a, names, k, true);
    for (size_t i = 0; i < n; i++)
        names[i] = leat_arena_printf(plan->a, "%s.%s", captured[i]->schema, captured[i]->name);
    s->row_captured = leat_notify_tables(plan->a, names, n, false);
}

static leat_rc put_chunks(leat_pg_source *s, leat_plan *plan, leat_err *e)
{
    leat_arena a;
    leat_pg_tables t;
    leat_arena_init(&a, 0);
    leat_rc rc = leat_pg_rules_tables(&s->rules, &s->view, &a, &t, e);
    if (rc == LEAT_OK) rc = leat_pg_partitions_once(&s->view, s->conf, &t, &a, e);
    if (rc == LEAT_OK) rc = leat_pg_rules_snapshot(&s->rules, t.captured, &t.ncaptured, &a, e);
    for (size_t i = 0; rc == LEAT_OK && i < t.ncaptured; i++) {
        const leat_pg_relation *r = t.captured[i];
        if (leat_capture_is_signal(&s->conf->capture, r->schema, r->name)) continue;
        leat_pg_plan_put(s, plan, r, leat_snapshot_override(&s->conf->capture, r->schema, r->name));
    }
    if (rc == LEAT_OK) leat_pg_plan_names(s, plan, t.captured, t.ncaptured);
    if (rc == LEAT_OK) rc = leat_pg_plan_tell(s, t.captured, t.ncaptured, e);
    leat_arena_free(&a);
    return rc;
}

leat_rc leat_pg_plan_tables(leat_task *task, leat_plan *plan, leat_err *e)
{
    leat_pg_source *s = task->priv;
    leat_buf text = {0};
    leat_position start = leat_pg_stream_position(s, &text);
    plan->start = (leat_position){leat_arena_str(plan->a, start.partition),
                                  leat_arena_str(plan->a, start.offset)};
    leat_buf_free(&text);
    /* A position without a snapshot of ours: another reader (Debezium) has taken it. */
    plan->skip_stream = !leat_pg_streams(s->conf);
    if (s->resumed && !plan->begun && !leat_pg_reads_always(s->conf)) return LEAT_OK;
    s->row_none = true;
    if (!leat_pg_reads_rows(s->conf) && !s->needed) return LEAT_OK;
    LEAT_TRY(leat_source_delay(task, s->conf->capture.snapshot_delay_ms, e));
    if (!plan->skip_stream && s->conf->capture.snapshot_streaming == LEAT_SNAPSHOT_BESIDE)
        LEAT_TRY(leat_pg_plan_beside(s, plan, e));
    if (plan->beside) s->row_told = true; /* the engine knows when they are done, not we */
    if (plan->beside) return LEAT_OK;
    LEAT_TRY(leat_pg_plan_view(s, e));
    LEAT_TRY(leat_pg_row_xid(s, e));
    s->row_ts_us = leat_now_us();
    return put_chunks(s, plan, e);
}

/* ---- notifications ---- */

static void tell(leat_pg_source *s, leat_batch *b, leat_notice notice)
{
    notice.aggregate = LEAT_NOTIFY_INITIAL;
    leat_notify_put(s->notify, b, &notice);
}

static void tell_begin(leat_pg_source *s, leat_batch *b, const leat_chunk *chunk)
{
    const table *t = chunk->priv;
    s->row_told = true;
    s->row_first = s->row_n;
    if (t->first) tell(s, b, (leat_notice){.type = "STARTED"});
    tell(s, b,
         (leat_notice){.type = "IN_PROGRESS", .current = chunk->table, .tables = s->row_tables});
}

static void tell_end(leat_pg_source *s, leat_batch *b, const leat_chunk *chunk)
{
    tell(s, b,
         (leat_notice){.type = "TABLE_SCAN_COMPLETED",
                       .scanned = chunk->table,
                       .rows = (int64_t)(s->row_n - s->row_first),
                       .tables = s->row_captured,
                       .status = "SUCCEEDED"});
    if (!chunk->next) tell(s, b, (leat_notice){.type = "COMPLETED"});
}

void leat_pg_snapshot_notice(leat_pg_source *s, leat_batch *b)
{
    if (s->row_told) return;
    s->row_told = true;
    if (!s->notify) return;
    tell(s, b, (leat_notice){.type = s->row_none ? "STARTED" : "SKIPPED"});
    if (s->row_none) tell(s, b, (leat_notice){.type = "COMPLETED"});
    leat_pg_safe_here(s, b);
}

/* ---- a table ---- */

static void put_source(const table *t, leat_buf *sql)
{
    leat_pg_row_source(t->schema, t->name, t->only, t->override, sql);
}

static leat_rc start_copy(leat_pg_source *s, const leat_pg_table *t, const table *chunk,
                          leat_err *e)
{
    leat_buf sql = {0};
    leat_buf_str_z(&sql, "COPY (SELECT ");
    leat_pg_row_columns(s->row_rel, t, false, &sql);
    leat_buf_str_z(&sql, " FROM ");
    put_source(chunk, &sql);
    leat_buf_str_z(&sql, ") TO STDOUT");
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_pg_send(&s->view, chunk->doing, sql.p, e);
    leat_buf_free(&sql);
    return rc;
}

/* The server says that it begins when it has the first rows, which may take long. */
static leat_rc await_copy(leat_pg_source *s, const table *chunk, leat_err *e)
{
    leat_rc rc = leat_pg_copy_begun(&s->view, chunk->doing, WAIT_MS, e);
    /* A person's statement: what is missing there will not come by waiting. */
    if (rc == LEAT_RETRY && chunk->override && strcmp(e->code, "postgres.table_missing") == 0)
        rc = e->rc = LEAT_CONF;
    return rc;
}

/* Whether one of the first rows is there, in a savepoint of its own. One statement and no more, as
 * the server has it where there are parameters: a condition may have come with a signal. */
static leat_rc select_rows(leat_pg_source *s, const table *chunk, const char *most, PGresult **res,
                           leat_err *e)
{
    leat_buf sql = {0};
    LEAT_TRY(leat_pg_exec(&s->view, chunk->doing, HOLD, e));
    leat_buf_str_z(&sql, "SELECT EXISTS (SELECT FROM ");
    put_source(chunk, &sql);
    leat_buf_str_z(&sql, " LIMIT $1::pg_catalog.int8)");
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_pg_query(&s->view, chunk->doing, sql.p, 1, &most, res, e);
    leat_buf_free(&sql);
    return rc;
}

/* Takes the lock that the rows will be read under. */
static leat_rc lock_table(leat_pg_source *s, const table *chunk, leat_err *e)
{
    PGresult *res;
    LEAT_TRY(select_rows(s, chunk, "0", &res, e));
    PQclear(res);
    return LEAT_OK;
}

/* Whether the files of the table, or of a table below it, are others than in the view: ALTER TABLE
 * wrote it anew (or somebody emptied or replaced it), and to the view its rows are not there. */
static leat_rc rewritten(leat_pg_source *s, const table *chunk, bool *yes, leat_err *e)
{
    static const char sql[] =
        "WITH RECURSIVE tree(oid) AS (SELECT $1::pg_catalog.oid UNION"
        " SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid)"
        " SELECT EXISTS (SELECT FROM tree JOIN pg_catalog.pg_class c USING (oid)"
        " WHERE c.relfilenode <> 0"
        " AND c.relfilenode IS DISTINCT FROM pg_catalog.pg_relation_filenode(c.oid))";
    char oid[16];
    const char *param = oid;
    PGresult *res;
    snprintf(oid, sizeof oid, "%u", chunk->oid);
    LEAT_TRY(leat_pg_query(&s->view, "see whether a table was rewritten", sql, 1, &param, &res, e));
    *yes = leat_pg_cell_bool(res, 0, 0);
    PQclear(res);
    return LEAT_OK;
}

/* Holds the table as it is, under a view that sees its rows: if need be a later one. The stream
 * then repeats changes that its rows show already. */
static leat_rc hold_table(leat_pg_source *s, const table *chunk, leat_err *e)
{
    bool gone;
    for (;;) {
        LEAT_TRY(lock_table(s, chunk, e));
        LEAT_TRY(rewritten(s, chunk, &gone, e));
        if (!gone) return LEAT_OK;
        leat_log(LEAT_INFO, "postgres.table_rewritten",
                 "table=\"%s.%s\" since the snapshot began: it goes on under a later view",
                 chunk->schema, chunk->name);
        LEAT_TRY(leat_pg_exec(&s->view, "end the view", "COMMIT", e));
        LEAT_TRY(leat_pg_exec(&s->view, "begin a later view", BEGIN_VIEW, e));
    }
}

/* The columns are asked for outside of the view: COPY sees them as they are now. The server wants a
 * lock for their defaults. *waits: somebody stands between, who wants the table for himself and
 * waits for the view's lock: the server cannot see that we would wait for him. */
static leat_rc read_table(leat_pg_source *s, const table *chunk, leat_arena *a,
                          const leat_pg_table **t, bool *waits, leat_err *e)
{
    leat_err why;
    *waits = false;
    LEAT_TRY(leat_pg_source_sql(s, e));
    LEAT_TRY(leat_pg_exec(&s->sql, "bound the wait for a table", "SET lock_timeout = 300", e));
    leat_rc rc = leat_pg_table_read(&s->sql, chunk->oid, a, t, &why);
    *waits = leat_rc_failed(rc) && strcmp(why.code, "postgres.locked") == 0;
    if (leat_rc_failed(rc) && !*waits) {
        if (e) *e = why;
        return rc;
    }
    return leat_pg_exec(&s->sql, "end the bound", "SET lock_timeout = 0", e);
}

/* Lets him pass. */
static leat_rc let_go(leat_pg_source *s, const table *chunk, leat_err *e)
{
    leat_log(LEAT_INFO, "postgres.table_wanted",
             "table=\"%s.%s\" a statement that wants it for itself goes first", chunk->schema,
             chunk->name);
    return leat_pg_exec(&s->view, "let a table go", LET_GO, e);
}

static leat_rc begin_table(leat_pg_source *s, table *chunk, leat_err *e)
{
    leat_arena a;
    const leat_pg_table *t;
    leat_arena_init(&a, 0);
    leat_rc rc;
    bool waits = false;
    do {
        rc = hold_table(s, chunk, e);
        if (rc == LEAT_OK) rc = read_table(s, chunk, &a, &t, &waits, e);
        if (rc == LEAT_OK && waits) rc = let_go(s, chunk, e);
    } while (rc == LEAT_OK && waits);
    if (rc == LEAT_OK && !t)
        rc = leat_fail(e, LEAT_RETRY, "postgres.table_missing", chunk->name,
                       "the table %s.%s was dropped while the snapshot was taken; it begins again",
                       chunk->schema, chunk->name);
    if (rc == LEAT_OK) rc = leat_pg_rel_of_table(s, t, &s->row_rel, e);
    if (rc == LEAT_OK) rc = start_copy(s, t, chunk, e);
    leat_arena_free(&a);
    chunk->started = rc == LEAT_OK;
    return rc;
}

/* Whether a row of the table is in the view. Its lock is given up again: else many tables would
 * need more locks than the server has, and none could be let go when its turn comes. */
static leat_rc has_rows(leat_pg_source *s, const table *chunk, bool *yes, leat_err *e)
{
    PGresult *res;
    LEAT_TRY(select_rows(s, chunk, "1", &res, e));
    *yes = leat_pg_cell_bool(res, 0, 0);
    PQclear(res);
    return leat_pg_exec(&s->view, "let another table go", LET_GO, e);
}

/* Whether a table behind this one has a row that the snapshot will read. */
static leat_rc more_rows(leat_pg_source *s, const leat_chunk *chunk, bool *more, leat_err *e)
{
    *more = false;
    for (const leat_chunk *c = chunk->next; c && !*more; c = c->next)
        LEAT_TRY(has_rows(s, c->priv, more, e));
    return LEAT_OK;
}

/* ---- rows ---- */

static leat_snapshot marker_of(const table *t, bool last, bool last_of_all)
{
    if (last_of_all) return LEAT_SNAPSHOT_LAST;
    if (!t->any && t->first) return LEAT_SNAPSHOT_FIRST;
    if (last) return LEAT_SNAPSHOT_LAST_IN_TABLE;
    return t->any ? LEAT_SNAPSHOT_TRUE : LEAT_SNAPSHOT_FIRST_IN_TABLE;
}

/* Gives the held row out, knowing whether one follows. */
static leat_rc release(leat_pg_source *s, leat_chunk *chunk, bool last, leat_batch *b, leat_err *e)
{
    table *t = chunk->priv;
    bool more = true;
    if (!s->row_held) return LEAT_OK;
    if (last) LEAT_TRY(more_rows(s, chunk, &more, e));
    leat_str row = {s->row_held, s->row_len};
    if (row.len && row.s[row.len - 1] == '\n') row.len--;
    leat_rc rc = leat_pg_row_give(s, row, marker_of(t, last, last && !more), b, e);
    PQfreemem(s->row_held);
    s->row_held = NULL;
    t->any = true;
    return rc;
}

static leat_rc end_table(leat_pg_source *s, leat_chunk *chunk, leat_err *e)
{
    leat_pg_rel_free(s->row_rel);
    s->row_rel = NULL;
    if (chunk->next) return leat_pg_exec(&s->view, "end a table's snapshot", LET_GO, e);
    leat_rc rc = leat_pg_exec(&s->view, "end the snapshot", "COMMIT", e);
    leat_pg_close(&s->view);
    return rc;
}

leat_rc leat_pg_read_chunk(leat_task *task, leat_chunk *chunk, leat_batch *b, leat_err *e)
{
    leat_pg_source *s = task->priv;
    table *t = chunk->priv;
    s->view_us = leat_mono_us();
    if (!t->started) LEAT_TRY(begin_table(s, t, e));
    if (!t->begun) {
        leat_rc rc = await_copy(s, t, e);
        if (rc != LEAT_OK) return rc;
        t->begun = true;
        tell_begin(s, b, chunk);
    }
    /* A batch costs its reader a sync, so it is worth waiting for a full one. */
    int64_t until = leat_mono_us() + WAIT_MS * 1000;
    s->row_seen_us = leat_now_us();
    while (!leat_batch_full(b)) {
        char *row;
        size_t len;
        leat_rc rc = leat_pg_row_next(s, &s->view, t->doing, until, &row, &len, e);
        if (rc == LEAT_AGAIN) return LEAT_AGAIN;
        if (rc == LEAT_PENDING) {
            LEAT_TRY(release(s, chunk, true, b, e));
            tell_end(s, b, chunk);
            return end_table(s, chunk, e);
        }
        LEAT_TRY(rc);
        rc = release(s, chunk, false, b, e);
        s->row_held = row;
        s->row_len = len;
        LEAT_TRY(rc);
    }
    return LEAT_AGAIN;
}
