/* Chunks of tables, read beside the stream by a thread and sessions of their own.
 *
 * A reader has a source of its own, without log: the session that it reads on, and the versions of
 * the tables it has read. Of the task it uses the configuration, the origin and the server's name,
 * which never change.
 *
 * A chunk is one transaction: the table is held and its view taken (reader_view.c), the catalogue
 * is asked, and the range is selected, the server pushing rows as fast as they are taken. Of a
 * chunk that is given up the little that is left is thrown away, or else the session is closed. Run
 * by the reader's thread. */
#include "base/clock.h"
#include "base/json.h"
#include "capture/snapshots.h"
#include "source/mysql/reader_part.h"

enum { WAIT_US = 100000 /* one read that gets nothing */ };

/* ---- tables ---- */

static leat_my_known *known_of(leat_my_reader *x, const leat_my_snap *t)
{
    leat_my_known *k = x->tables;
    while (k && (strcmp(k->db, t->db) != 0 || strcmp(k->name, t->name) != 0)) k = k->next;
    if (k) return k;
    k = leat_zalloc(1, sizeof *k);
    k->db = leat_arena_strdup(&x->s.arena, t->db);
    k->name = leat_arena_strdup(&x->s.arena, t->name);
    k->next = x->tables;
    return x->tables = k;
}

/* Up to the number that each insert changes. */
static bool same_table(const char *x, const char *y)
{
    static const char number[] = " AUTO_INCREMENT=";
    const char *p = strstr(x, number), *q = strstr(y, number);
    if (!p || !q) return !p && !q && strcmp(x, y) == 0;
    if (p - x != q - y || memcmp(x, y, (size_t)(p - x)) != 0) return false;
    p += sizeof number - 1;
    q += sizeof number - 1;
    return strcmp(p + strspn(p, "0123456789"), q + strspn(q, "0123456789")) == 0;
}

static const leat_my_column *column_named(const leat_my_table *t, const char *name)
{
    for (uint16_t i = 0; i < t->ncols; i++)
        if (strcmp(t->cols[i].name, name) == 0) return &t->cols[i];
    return NULL;
}

/* What is selected for the version's fields, and how it is read. */
static void plan_fields(leat_my_known *k)
{
    uint32_t n = k->rel->table->row->nfields;
    leat_mysql_col *cols = LEAT_NEW(&k->a, leat_mysql_col, n);
    k->def = LEAT_NEW(&k->a, const leat_my_column *, n);
    k->cols = cols;
    for (uint32_t i = 0; i < n; i++) {
        k->def[i] = column_named(k->rel->def, k->rel->cols[i].name);
        leat_my_text_plan(k->def[i], &k->rel->cols[i], &cols[i]);
    }
}

/* The table as the catalogue has it now. PENDING: it is gone. */
leat_rc leat_my_reader_know(leat_my_reader *x, const leat_my_snap *t, leat_err *e)
{
    leat_my_known *k = known_of(x, t);
    leat_arena fresh = {0};
    const char *create;
    leat_rc rc = leat_my_table_create(&x->s.sql, t->db, t->name, &fresh, &create, e);
    bool same = rc == LEAT_OK && k->create && create && same_table(k->create, create);
    x->at = k;
    if (rc != LEAT_OK || same || !create) {
        leat_arena_free(&fresh);
        return rc != LEAT_OK || same ? rc : LEAT_PENDING;
    }
    leat_arena_free(&k->a);
    k->a = fresh;
    k->create = NULL;
    LEAT_TRY(leat_my_rel_named(&x->s, leat_str_of(t->db), leat_str_of(t->name), &k->rel, e));
    LEAT_TRY(leat_my_rel_version(&x->s, k->rel, e));
    if (!k->rel->def || !k->rel->table) return LEAT_PENDING;
    k->id = leat_my_identity_of(k->rel->def, NULL, 0, &k->a);
    plan_fields(k);
    k->create = create;
    return LEAT_OK;
}

/* What the range is one of. */
static const leat_my_identity *identity_of(const leat_my_reader *x, const leat_range *range,
                                           leat_arena *a)
{
    const leat_my_snap *t = range->table->priv;
    if (!t->by || range->nkeys > 0) return x->at->id;
    return leat_my_identity_of(x->at->rel->def, t->by, t->nby, a);
}

/* ---- cutting ---- */

static bool leaves(void *arg)
{
    const leat_chunk_reader *r = arg;
    return r->leaves && r->leaves(r);
}

static leat_rc cut(leat_chunk_reader *r, const leat_range *range, uint64_t bytes, unsigned most,
                   leat_arena *a, leat_str *bounds, unsigned *n, leat_err *e)
{
    leat_my_reader *x = r->priv;
    const leat_my_snap *t = range->table->priv;
    leat_my_cut c = {.db = t->db,
                     .name = t->name,
                     .where = range->table->where,
                     .rows = range->table->ask ? range->table->most : 0,
                     .leaves = leaves,
                     .arg = r};
    *n = 0;
    LEAT_TRY(leat_my_reader_session(x, e));
    LEAT_TRY(leat_my_reader_know(x, t, e));
    c.identity = identity_of(x, range, a);
    if (!c.identity) return LEAT_OK;
    return leat_my_range_cut(&x->s.sql, &c, range, bytes, most, a, bounds, n, e);
}

/* ---- beginning ---- */

static void put_columns(const leat_my_known *k, leat_buf *sql)
{
    for (uint32_t i = 0; i < k->rel->table->row->nfields; i++) {
        if (i) leat_buf_str_z(sql, ", ");
        leat_my_text_put(k->def[i], sql);
    }
}

/* What stands behind FROM. */
static void put_from(const leat_my_known *k, const leat_my_snap *t, bool part, leat_buf *sql)
{
    if (!t->override) {
        leat_buf_str_z(sql, t->quoted);
        if (part && k->id && k->id->primary && !t->by)
            leat_buf_str_z(sql, " FORCE INDEX (PRIMARY)");
        return;
    }
    leat_snapshot_put_statement(t->override, sql);
}

leat_rc leat_my_reader_start(leat_my_reader *x, const leat_range *range, leat_arena *a, leat_err *e)
{
    const leat_my_snap *t = range->table->priv;
    const leat_my_identity *id = identity_of(x, range, a);
    bool part = range->from.s || range->to.s || range->nkeys > 0;
    leat_buf sql = {0};
    leat_buf_str_z(&sql, "SELECT ");
    put_columns(x->at, &sql);
    leat_buf_str_z(&sql, " FROM ");
    put_from(x->at, t, part, &sql);
    leat_buf_str_z(&sql, " WHERE ");
    leat_rc rc = leat_my_range_put(&sql, id, range, e);
    if (range->table->where) leat_buf_printf(&sql, " AND (%s\n)", range->table->where);
    if (range->table->ask && id) leat_my_range_order(&sql, id, false);
    leat_buf_u8(&sql, 0);
    /* Outside of the transaction that has the view it would be read under another. */
    if (rc == LEAT_OK && mysql_thread_id(x->s.sql.my) != x->session)
        rc = leat_fail(e, LEAT_RETRY, "mysql.closed", range->table->name,
                       "the session was lost between the view and the rows");
    if (rc == LEAT_OK) rc = leat_my_select(&x->s.sql, t->doing, sql.p, &x->rows, e);
    leat_buf_free(&sql);
    return rc;
}

/* ALTER TABLE took it away: the next plan has it as a table without one. */
static leat_rc look_for_identity(const leat_my_reader *x, const leat_range *range, leat_err *e)
{
    if (!range->table->keyed || range->table->ask || x->at->rel->table->nid > 0) return LEAT_OK;
    return leat_fail(e, LEAT_RETRY, "mysql.identity_lost", range->table->name,
                     "%s has no key that tells its rows apart any more: what was read of it is "
                     "read again, as of a table without one, while the stream waits",
                     range->table->name);
}

static leat_rc begin_range(leat_my_reader *x, const leat_range *range, leat_arena *a,
                           leat_view *view, leat_err *e)
{
    const leat_my_snap *t = range->table->priv;
    LEAT_TRY(leat_my_view_take(x, range, a, view, e));
    x->view = leat_arena_dup(a, view, sizeof *view);
    leat_my_view_set_window(view, x->window.id);
    LEAT_TRY(leat_my_reader_know(x, t, e));
    LEAT_TRY(look_for_identity(x, range, e));
    x->doing = t->doing;
    x->ts_us = leat_now_us() / 1000000 * 1000000; /* Debezium shows whole seconds */
    return leat_my_reader_start(x, range, a, e);
}

/* What was begun is given up. */
static void let_go(leat_my_reader *x)
{
    leat_err ignored;
    if (leat_my_view_let_go(x, &ignored) != LEAT_OK) {
        leat_my_close(&x->s.sql);
        leat_my_close(&x->guard);
    }
    leat_my_window_undo(x);
}

static leat_rc begin(leat_chunk_reader *r, const leat_range *range, leat_arena *a, leat_view *view,
                     leat_err *e)
{
    leat_my_reader *x = r->priv;
    const leat_my_snap *t = range->table->priv;
    x->range = range;
    LEAT_TRY(leat_my_reader_session(x, e));
    LEAT_TRY(leat_my_window_open(x, e));
    leat_rc rc = begin_range(x, range, a, view, e);
    x->begun = rc == LEAT_OK;
    if (rc == LEAT_OK) return rc;
    *view = (leat_view){0};
    let_go(x);
    /* A person's statement may be what names a table that is not there. */
    bool missing = rc == LEAT_CONF && strcmp(e->code, "mysql.table_missing") == 0;
    return missing && !t->override ? LEAT_PENDING : rc;
}

/* ---- rows ---- */

static const leat_value *source_cells(const leat_my_reader *x, leat_arena *a)
{
    leat_value *v = LEAT_NEW(a, leat_value, LEAT_MY_SRC_N);
    for (int i = 0; i < LEAT_MY_SRC_N; i++) v[i] = leat_null();
    v[LEAT_MY_SRC_SERVER] = leat_int(0);
    v[LEAT_MY_SRC_FILE] = leat_text(leat_arena_str(a, leat_str_of(x->file)));
    v[LEAT_MY_SRC_POS] = leat_int((int64_t)x->pos);
    v[LEAT_MY_SRC_ROW] = leat_int(0);
    return v;
}

static size_t row_bytes(const leat_my_result *r)
{
    size_t n = 0;
    for (unsigned i = 0; i < r->n; i++) n += r->lengths[i];
    return n;
}

static leat_rc read_cells(leat_my_reader *x, leat_arena *a, leat_value *cells, leat_err *e)
{
    const leat_my_known *k = x->at;
    for (unsigned i = 0; i < x->rows.n; i++) {
        leat_str text = leat_my_cell(&x->rows, i);
        cells[i] = leat_null();
        if (!text.s) continue;
        LEAT_TRY(k->cols[i].parse(&k->cols[i], text, a, &cells[i], e));
        if (k->rel->cols[i].mend && !leat_my_mend_cell(&k->rel->cols[i], &cells[i]))
            return leat_fail(e, LEAT_DATA, "mysql.value", k->rel->whole,
                             "the value of column \"%s\" has no place in what time.precision.mode "
                             "makes of it, and the column may not be NULL: take another mode",
                             k->rel->cols[i].name);
    }
    return LEAT_OK;
}

/* The row's texts with tabs between. */
static void bury(leat_my_reader *x, leat_batch *b, const leat_err *why)
{
    const leat_my_rel *rel = x->at->rel;
    leat_buf place = {0}, bytes = {0};
    leat_jw w = {.out = &place};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "file", x->file);
    leat_jw_i64(&w, "pos", (int64_t)x->pos);
    leat_jw_bool(&w, "snapshot", true);
    leat_jw_i64(&w, "row", (int64_t)x->n);
    leat_jw_end(&w);
    for (unsigned i = 0; i < x->rows.n; i++) {
        if (i) leat_buf_u8(&bytes, '\t');
        leat_buf_add(&bytes, leat_my_cell(&x->rows, i));
    }
    leat_batch_dead_row(b, leat_batch_tally(b, rel->table),
                        &(leat_dead){.why = *why,
                                     .bytes = leat_buf_str(&bytes),
                                     .position = leat_buf_str(&place),
                                     .table = rel->whole,
                                     .topic = rel->table->topic,
                                     .ts_us = x->ts_us});
    leat_buf_free(&place);
    leat_buf_free(&bytes);
}

leat_rc leat_my_reader_give(leat_my_reader *x, leat_snapshot marker, const leat_value **src,
                            leat_batch *b, leat_err *e)
{
    const leat_my_rel *rel = x->at->rel;
    leat_value *cells = LEAT_NEW(&b->arena, leat_value, rel->table->row->nfields);
    size_t bytes = row_bytes(&x->rows);
    LEAT_COUNT(b, leat_batch_tally(b, rel->table), rows_read, 1);
    b->row_bytes += bytes;
    x->n++;
    leat_rc rc = leat_event_size_check(bytes, x->s.task->max_event_bytes, rel->whole, e);
    if (rc == LEAT_OK) rc = read_cells(x, &b->arena, cells, e);
    if (rc == LEAT_DATA) {
        bury(x, b, e);
        return LEAT_OK;
    }
    LEAT_TRY(rc);
    leat_rewrite_row(rel->rewrite, cells, false, &b->arena);
    if (!*src) *src = source_cells(x, &b->arena);
    leat_event *ev = leat_batch_add(b, rel->table);
    ev->op = LEAT_OP_READ;
    ev->after = cells;
    ev->snapshot = (uint8_t)marker;
    ev->ts_us = x->ts_us;
    ev->seen_us = leat_now_us();
    ev->src = *src;
    return LEAT_OK;
}

static leat_rc end_range(leat_my_reader *x, leat_err *e)
{
    x->begun = false;
    leat_my_result_free(&x->rows);
    LEAT_TRY(leat_my_view_let_go(x, e));
    return leat_my_window_close(x, e);
}

static leat_rc read_rows(leat_chunk_reader *r, leat_batch *b, leat_err *e)
{
    leat_my_reader *x = r->priv;
    const leat_value *src = NULL;
    leat_snapshot marker = x->range->table->ask ? LEAT_SNAPSHOT_INCREMENTAL : LEAT_SNAPSHOT_TRUE;
    int64_t until = leat_mono_us() + WAIT_US;
    while (!leat_batch_full(b)) {
        int64_t left = (until - leat_mono_us()) / 1000;
        leat_rc rc = leat_my_fetch(&x->s.sql, x->doing, &x->rows, left > 0 ? (int)left : 0, e);
        if (rc == LEAT_PENDING) return end_range(x, e);
        if (rc != LEAT_OK) return rc;
        LEAT_TRY(leat_my_reader_give(x, marker, &src, b, e));
    }
    return LEAT_AGAIN;
}

static leat_rc drop(leat_chunk_reader *r, leat_err *e)
{
    leat_my_reader *x = r->priv;
    (void)e;
    if (!x->begun) return LEAT_OK;
    x->begun = false;
    leat_my_drop(&x->s.sql, &x->rows);
    let_go(x);
    return LEAT_OK;
}

/* ---- the reader ---- */

void leat_my_reader_close(leat_chunk_reader *r)
{
    leat_my_reader *x = r->priv;
    if (!x) return;
    r->priv = NULL;
    if (x->rows.res) leat_my_drop(&x->s.sql, &x->rows);
    leat_my_close(&x->s.sql);
    leat_my_close(&x->guard);
    leat_my_rels_free(&x->s);
    leat_topic_names_free(&x->s.topics);
    if (x->s.origin) leat_origin_unpin(x->s.origin);
    for (leat_my_known *k = x->tables, *next; k; k = next) {
        next = k->next;
        leat_arena_free(&k->a);
        leat_free(k);
    }
    leat_arena_free(&x->s.scratch);
    leat_arena_free(&x->s.arena);
    leat_free(x);
}

leat_rc leat_my_reader_open(leat_chunk_reader *r, leat_err *e)
{
    const leat_my_source *of = r->task->priv;
    leat_my_reader *x = leat_zalloc(1, sizeof *x);
    leat_my_source *s = &x->s;
    const leat_capture_conf *c = &of->conf->capture;
    r->priv = x;
    x->r = r;
    s->task = r->task;
    s->now = true;
    s->conf = of->conf;
    s->target = of->target;
    s->mariadb = of->mariadb;
    s->modes = of->modes;
    s->comments = of->comments;
    s->gtid = of->gtid;
    s->server = leat_arena_str(&s->arena, of->server);
    s->origin = leat_origin_pin(of->origin);
    leat_rc rc = leat_filter_new(&s->arena, c, &s->filter, e);
    if (rc == LEAT_OK) rc = leat_keys_new(&s->arena, c, &s->keys, e);
    if (rc == LEAT_OK) rc = leat_columns_new(&s->arena, c, &s->columns, e);
    if (rc == LEAT_OK) rc = leat_my_reader_session(x, e);
    if (rc != LEAT_OK) leat_my_reader_close(r);
    return rc;
}

/* ---- ad hoc snapshots, on the task's thread ---- */

static const leat_snap_table *asked(leat_task *t, const leat_snap_table *held, bool *rests)
{
    return leat_increment_asked(((leat_my_source *)t->priv)->inc, held, rests);
}

static leat_rc told(leat_task *t, leat_batch *b, const leat_chunk_told *what, leat_err *e)
{
    return leat_increment_told(((leat_my_source *)t->priv)->inc, b, what, e);
}

static leat_rc over(leat_task *t, leat_batch *b, const leat_chunk_told *what, const leat_err *why,
                    leat_err *e)
{
    return leat_increment_over(((leat_my_source *)t->priv)->inc, b, what, why, e);
}

const leat_source_chunks leat_my_chunks = {
    .walks = true,
    .open = leat_my_reader_open,
    .cut = cut,
    .begin = begin,
    .read = read_rows,
    .drop = drop,
    .close = leat_my_reader_close,
    .contains = leat_my_view_contains,
    .covers = leat_my_view_covers,
    .passed = leat_my_view_passed,
    .view = leat_my_view_read,
    .hurry = leat_my_hurry,
    .asked = asked,
    .told = told,
    .over = over,
    .tell = leat_my_tell,
};
