/* All rows of tables under one view, read by the task's thread while nothing is streamed: with
 * snapshot.streaming=after, and for blocking snapshots.
 *
 * With `after` the stream begins where the view was taken, so the place must be the view's own:
 *
 *   MariaDB   its consistent snapshot tells it, without a lock
 *
 *   MySQL     FLUSH TABLES WITH READ LOCK for the moment in which the view is made and the log's
 *             end is read; without the privilege for it LOCK TABLES of those that are read
 *
 * A blocking snapshot needs no place: what was changed since the stream's comes again behind the
 * rows. A row is held until it is known whether another follows, since the last one is marked.
 * Interrupted, all begins again. */
#include "base/clock.h"
#include "base/log.h"
#include "source/mysql/reader_part.h"

enum { WAIT_US = 100000 /* a read that gets nothing */ };

/* leat_chunk.priv */
typedef struct table {
    leat_snap_table snap; /* all of its rows */
    leat_range range;
    bool first;    /* of the plan */
    bool started;  /* its rows are asked for */
    bool any;      /* one was given out */
    uint64_t rows; /* so many were */
} table;

struct leat_my_plain {
    leat_chunk_reader r;
    leat_my_reader *x; /* r.priv */
    leat_arena a;      /* of the view */
    int64_t read_us;   /* when rows were asked for last; monotonic */
    leat_arena held;   /* the next row's texts: */
    char **row;        /* NULL: none is held */
    unsigned n;
    unsigned long *lengths;
};

/* ---- the plan ---- */

void leat_my_plain_put(leat_plan *plan, const leat_my_relation *r, const char *override)
{
    leat_arena *a = plan->a;
    table *t = LEAT_NEW(a, table, 1);
    leat_chunk *c = LEAT_NEW(a, leat_chunk, 1);
    *t = (table){.first = plan->n == 0};
    t->snap = (leat_snap_table){.name = leat_arena_printf(a, "%s.%s", r->db, r->name),
                                .rows = r->rows,
                                .bytes = r->bytes,
                                .priv = leat_my_snap_of(r, override, a)};
    t->range = (leat_range){.table = &t->snap};
    *c = (leat_chunk){.table = t->snap.name, .rows = r->rows, .priv = t};
    *plan->tail = c;
    plan->tail = &c->next;
    plan->n++;
}

/* ---- the view ---- */

static leat_rc run(leat_my *c, const char *sql, leat_err *e)
{
    return leat_my_exec(c, "take a view", sql, e);
}

/* Holds all of the plan's tables against writers. */
static leat_rc lock_tables(leat_my *c, const leat_plan *plan, leat_err *e)
{
    leat_buf sql = {0};
    leat_err why;
    for (const leat_chunk *k = plan->first; k; k = k->next) {
        const leat_my_snap *t = ((const table *)k->priv)->snap.priv;
        leat_buf_printf(&sql, "%s%s READ", k == plan->first ? "LOCK TABLES " : ", ", t->quoted);
    }
    leat_buf_u8(&sql, 0);
    leat_rc rc = run(c, sql.p, &why);
    leat_buf_free(&sql);
    if (!leat_rc_failed(rc)) return rc;
    *e = why;
    if (strcmp(why.code, "mysql.privilege") != 0) return rc;
    return leat_fail(e, LEAT_CONF, "mysql.lock_privilege", "snapshot.streaming",
                     "with snapshot.streaming=after writers must be held for a moment, so that the "
                     "stream begins where the rows end, and database.user may not: GRANT RELOAD ON "
                     "*.*, or LOCK TABLES and SELECT on the databases; or take "
                     "snapshot.streaming=beside, which needs neither");
}

static leat_rc lock_all(leat_my *c, const leat_plan *plan, leat_err *e)
{
    leat_err why;
    leat_rc rc = run(c, "FLUSH TABLES WITH READ LOCK", &why);
    if (!leat_rc_failed(rc)) return rc;
    *e = why;
    return strcmp(why.code, "mysql.privilege") == 0 ? lock_tables(c, plan, e) : rc;
}

/* The view with its place. */
static leat_rc view_at_place(leat_my_reader *x, const leat_plan *plan, leat_arena *a,
                             leat_my_viewed *v, leat_err *e)
{
    leat_my *c = &x->s.sql;
    bool lock = !c->mariadb && plan->n > 0;
    if (lock) LEAT_TRY(leat_my_reader_connect(x, &x->guard, e));
    if (lock) LEAT_TRY(lock_all(&x->guard, plan, e));
    leat_rc rc = run(c, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", e);
    if (rc == LEAT_OK)
        rc = c->mariadb ? leat_my_view_place(c, a, v, e) : leat_my_view_log_end(c, a, v, e);
    if (rc == LEAT_OK && !c->mariadb) rc = leat_my_view_gtids(c, a, v, e);
    if (rc == LEAT_OK && lock) rc = run(&x->guard, "UNLOCK TABLES", e);
    leat_my_close(&x->guard);
    return rc;
}

/* The stream is to begin there. */
static leat_rc begin_at(leat_my_source *s, leat_my_reader *x, leat_my_viewed *v, leat_err *e)
{
    if (s->gtid && s->mariadb)
        LEAT_TRY(leat_my_server_gtids_at(&x->s.sql, v->file, v->pos, &s->arena, &v->gtids, e));
    return leat_my_begin_at(s, v, e);
}

static bool leaves(const leat_chunk_reader *r)
{
    return r->task->leaves && r->task->leaves(r->task);
}

leat_rc leat_my_plain_begin(leat_my_source *s, const leat_plan *plan, bool place, leat_err *e)
{
    leat_my_viewed v = {0};
    leat_my_plain_end(s);
    struct leat_my_plain *p = s->plain = leat_zalloc(1, sizeof *p);
    p->r = (leat_chunk_reader){.task = s->task, .leaves = leaves};
    LEAT_TRY(leat_my_reader_open(&p->r, e));
    p->x = p->r.priv;
    if (place) {
        LEAT_TRY(view_at_place(p->x, plan, &p->a, &v, e));
        LEAT_TRY(begin_at(s, p->x, &v, e));
    } else {
        LEAT_TRY(run(&p->x->s.sql, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", e));
    }
    p->read_us = leat_mono_us();
    p->x->session = mysql_thread_id(p->x->s.sql.my);
    p->x->file = leat_arena_strdup(&p->a, leat_my_file_now(s));
    p->x->pos = leat_my_pos_now(s);
    return LEAT_OK;
}

void leat_my_plain_end(leat_my_source *s)
{
    struct leat_my_plain *p = s->plain;
    if (!p) return;
    s->plain = NULL;
    leat_my_reader_close(&p->r);
    leat_arena_free(&p->held);
    leat_arena_free(&p->a);
    leat_free(p);
}

leat_rc leat_my_beat_source(leat_task *task, leat_err *e)
{
    leat_my_source *s = task->priv;
    int64_t most = s->conf->capture.snapshot_hold_ms * 1000;
    int64_t rests = s->plain ? leat_mono_us() - s->plain->read_us : 0;
    if (!s->plain) leat_my_retained_look(s);
    if (most == 0 || rests < most) return LEAT_OK;
    leat_my_plain_end(s);
    return leat_fail(e, LEAT_RETRY, "snapshot.let_go", "snapshot.hold.ms",
                     "nothing was taken of the snapshot's rows for %lld s: its view is let go, so "
                     "that the server can clean up, and it begins again",
                     (long long)(rests / 1000000));
}

/* ---- rows ---- */

static leat_rc start_table(leat_my_source *s, leat_chunk *chunk, leat_batch *b, leat_err *e)
{
    struct leat_my_plain *p = s->plain;
    table *t = chunk->priv;
    const leat_my_snap *snap = t->snap.priv;
    leat_rc rc = leat_my_reader_know(p->x, snap, e);
    if (rc == LEAT_PENDING)
        return leat_fail(e, LEAT_RETRY, "mysql.table_missing", chunk->table,
                         "the table was dropped while the snapshot was taken; it begins again");
    LEAT_TRY(rc);
    p->x->range = &t->range;
    p->x->doing = snap->doing;
    p->x->ts_us = leat_now_us() / 1000000 * 1000000; /* Debezium shows whole seconds */
    LEAT_TRY(leat_my_reader_start(p->x, &t->range, &p->a, e));
    t->started = true;
    if (t->first) leat_my_tell(s->task, b, LEAT_SNAP_BEGUN, NULL, 0);
    leat_my_tell(s->task, b, LEAT_SNAP_TABLE, &t->snap, 0);
    return LEAT_OK;
}

/* Whether a table behind this one has a row. */
static leat_rc more_rows(struct leat_my_plain *p, const leat_chunk *chunk, bool *more, leat_err *e)
{
    *more = false;
    for (const leat_chunk *c = chunk->next; c && !*more; c = c->next) {
        const leat_my_snap *t = ((const table *)c->priv)->snap.priv;
        leat_buf sql = {0};
        leat_my_result r;
        leat_buf_str_z(&sql, "SELECT 1 FROM ");
        if (t->override)
            leat_snapshot_put_statement(t->override, &sql);
        else
            leat_buf_str_z(&sql, t->quoted);
        leat_buf_str_z(&sql, " LIMIT 1");
        leat_buf_u8(&sql, 0);
        leat_rc rc = leat_my_query(&p->x->s.sql, t->doing, sql.p, &r, e);
        leat_buf_free(&sql);
        LEAT_TRY(rc);
        *more = leat_my_next(&r);
        leat_my_result_free(&r);
    }
    return LEAT_OK;
}

/* The row at hand is kept for later. */
static void hold(struct leat_my_plain *p)
{
    const leat_my_result *r = &p->x->rows;
    leat_arena_reset(&p->held, 1 << 20);
    p->n = r->n;
    p->row = LEAT_NEW(&p->held, char *, r->n);
    p->lengths = LEAT_NEW(&p->held, unsigned long, r->n);
    for (unsigned i = 0; i < r->n; i++) {
        leat_str text = leat_my_cell(r, i);
        p->row[i] = text.s ? (char *)(uintptr_t)leat_arena_str(&p->held, text).s : NULL;
        p->lengths[i] = text.len;
    }
}

static leat_snapshot marker_of(const table *t, bool last, bool last_of_all)
{
    if (last_of_all) return LEAT_SNAPSHOT_LAST;
    if (!t->any && t->first) return LEAT_SNAPSHOT_FIRST;
    if (last) return LEAT_SNAPSHOT_LAST_IN_TABLE;
    return t->any ? LEAT_SNAPSHOT_TRUE : LEAT_SNAPSHOT_FIRST_IN_TABLE;
}

/* Gives the held row out, knowing whether one follows. */
static leat_rc release(struct leat_my_plain *p, leat_chunk *chunk, bool last,
                       const leat_value **src, leat_batch *b, leat_err *e)
{
    table *t = chunk->priv;
    leat_my_result now = p->x->rows;
    bool more = true;
    if (!p->row) return LEAT_OK;
    if (last) LEAT_TRY(more_rows(p, chunk, &more, e));
    p->x->rows.row = p->row;
    p->x->rows.lengths = p->lengths;
    p->x->rows.n = p->n;
    leat_rc rc = leat_my_reader_give(p->x, marker_of(t, last, last && !more), src, b, e);
    p->x->rows = now;
    p->row = NULL;
    t->any = true;
    t->rows++;
    return rc;
}

static leat_rc end_table(leat_my_source *s, leat_chunk *chunk, const leat_value **src,
                         leat_batch *b, leat_err *e)
{
    struct leat_my_plain *p = s->plain;
    const table *t = chunk->priv;
    LEAT_TRY(release(p, chunk, true, src, b, e));
    leat_my_result_free(&p->x->rows);
    leat_my_tell(s->task, b, LEAT_SNAP_TABLE_DONE, &t->snap, t->rows);
    if (chunk->next) return LEAT_OK;
    leat_my_tell(s->task, b, LEAT_SNAP_DONE, NULL, 0);
    leat_my_plain_end(s);
    return LEAT_OK;
}

static leat_rc plain_read(leat_my_source *s, leat_chunk *chunk, leat_batch *b, leat_err *e)
{
    struct leat_my_plain *p = s->plain;
    table *t = chunk->priv;
    const leat_value *src = NULL;
    int64_t until = leat_mono_us() + WAIT_US;
    p->read_us = leat_mono_us();
    if (!t->started) LEAT_TRY(start_table(s, chunk, b, e));
    while (!leat_batch_full(b)) {
        int64_t left = (until - leat_mono_us()) / 1000;
        leat_rc rc =
            leat_my_fetch(&p->x->s.sql, p->x->doing, &p->x->rows, left > 0 ? (int)left : 0, e);
        if (rc == LEAT_PENDING) return end_table(s, chunk, &src, b, e);
        if (rc != LEAT_OK) return rc;
        LEAT_TRY(release(p, chunk, false, &src, b, e));
        hold(p);
    }
    return LEAT_AGAIN;
}

/* What all tables look like comes before the first row. */
leat_rc leat_my_read_chunk(leat_task *task, leat_chunk *chunk, leat_batch *b, leat_err *e)
{
    leat_my_source *s = task->priv;
    if (s->begins) {
        leat_rc rc = leat_my_begin(s, b, true, e);
        if (rc != LEAT_OK) return rc;
        s->begins = false;
        if (leat_batch_full(b)) return LEAT_AGAIN;
    }
    return plain_read(s, chunk, b, e);
}

/* ---- blocking snapshots ---- */

static leat_rc put_tables(leat_my_source *s, const leat_signal *signal, leat_arena *a, leat_err *e)
{
    const leat_capture_conf *c = &s->conf->capture;
    leat_plan *plan = &s->block_plan;
    leat_snapshot_table *v;
    size_t n, wanted = 0;
    LEAT_TRY(leat_my_captured(s, a, &v, &n, e));
    s->row_captured = leat_my_snap_names(s, v, n, true, false, plan->a);
    LEAT_TRY(leat_snapshot_tables(c, s->filter, v, &n, e));
    for (size_t i = 0; i < n; i++) {
        const char *name = leat_arena_printf(a, "%s.%s", v[i].schema, v[i].name), *filter;
        leat_buf quoted = {0};
        bool in;
        LEAT_TRY(leat_increment_block_wants(signal, name, &in, &filter, e));
        if (!in || leat_capture_is_signal(c, v[i].schema, v[i].name)) continue;
        LEAT_TRY(leat_my_condition_check(name, filter, e));
        leat_my_put_table(&quoted, leat_str_of(v[i].schema), leat_str_of(v[i].name));
        const char *named = leat_arena_str(plan->a, leat_buf_str(&quoted)).s;
        leat_buf_free(&quoted);
        leat_my_plain_put(plan, v[i].priv, leat_increment_block_statement(named, filter, plan->a));
        v[wanted++] = v[i];
    }
    s->row_tables = leat_my_snap_names(s, v, wanted, false, true, plan->a);
    if (wanted > 0) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "signal.table_missing", signal->id,
                     "the blocking snapshot names no table that is captured");
}

static leat_rc make_plan(leat_my_source *s, const leat_signal *signal, leat_err *e)
{
    leat_arena a = {0};
    leat_arena_reset(&s->block_arena, 1 << 12);
    s->block_plan = (leat_plan){.a = &s->block_arena, .tail = &s->block_plan.first};
    leat_rc rc = put_tables(s, signal, &a, e);
    leat_arena_free(&a);
    if (rc == LEAT_OK) rc = leat_my_plain_begin(s, &s->block_plan, false, e);
    if (rc == LEAT_OK) s->block_chunk = s->block_plan.first;
    return rc;
}

leat_rc leat_my_block_read(void *arg, const leat_signal *signal, leat_batch *b, leat_err *e)
{
    leat_my_source *s = arg;
    if (!s->block_chunk) LEAT_TRY(make_plan(s, signal, e));
    while (s->block_chunk) {
        if (leat_batch_full(b)) return LEAT_AGAIN;
        leat_rc rc = plain_read(s, s->block_chunk, b, e);
        if (rc != LEAT_OK) return rc;
        s->block_chunk = s->block_chunk->next;
    }
    return LEAT_OK;
}

void leat_my_block_end(void *arg)
{
    leat_my_source *s = arg;
    leat_my_plain_end(s);
    s->block_chunk = NULL;
    leat_arena_reset(&s->block_arena, 1 << 12);
}
