/* Chunks of tables, read beside the stream by a thread and a session of their own.
 *
 * A reader has a source of its own, without log and slot: the session that it reads on, the types,
 * and the versions of the tables it has read. Of the task it uses the configuration and the origin,
 * which never change.
 *
 * A chunk is one REPEATABLE READ transaction. It takes the table's lock first (that of reading) and
 * its view then, so that an ALTER TABLE which writes the table anew is seen whole or waits; asks
 * the catalog inside, so that columns and rows are of one time; and reads the range by COPY, the
 * server pushing rows as fast as they are taken. Of a chunk that is given up the little that is
 * left is thrown away, or else the session is closed.
 *
 *     COPY ... (FORMAT binary) = "PGCOPY\n\377\r\n\0" u32 flags u32 len, len bytes
 *                                { row } i16 -1
 *
 * where the head stands before the first row in one message. Run by the reader's thread. */
#include "source/postgres/reader_part.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "source/postgres/ranges.h"
#include "source/postgres/walframe.h"
#include "system/postgres/quote.h"

enum {
    WAIT_US = 100000, /* one read that gets nothing */
    DRAIN_US = 50000, /* of a chunk that is given up */
    FLUSH_US = 20000, /* between looks at what is flushed */
    HEAD = 19,
    TRAILER = 2,
    CUT_MS = 5000, /* for looking for bounds by a condition */
    LATE_MOST = 3,
};

/* ---- conditions of ad hoc snapshots ---- */

static bool timed_out(leat_rc rc, const leat_err *e)
{
    return rc == LEAT_RETRY && strcmp(e->code, "postgres.timeout") == 0;
}

/* rc and e of a part: one whose condition takes too long is tried again a few times. */
static leat_rc late(const leat_pg_reader *x, const leat_snap_table *table, leat_rc rc, leat_err *e)
{
    const leat_pg_snap *t = table->priv;
    if (!t->condition || !timed_out(rc, e)) return rc;
    if (atomic_fetch_add(&t->condition->late, 1) + 1 < LATE_MOST) return rc;
    return leat_fail(e, LEAT_CONF, "signal.condition_slow", table->name,
                     "a part of it could not be read by this condition within the %lld ms of "
                     "database.query.timeout.ms, %d times: make an index for the condition, write "
                     "a simpler one, or raise the limit, and give the signal again",
                     (long long)x->s.conf->target.query_ms, LATE_MOST);
}

/* ---- cutting ---- */

/* *oid: 0 when there is no such table (any more). */
static leat_rc find_table(leat_pg_reader *x, const leat_pg_snap *t, uint32_t *oid, leat_err *e)
{
    PGresult *res;
    const char *params[] = {t->quoted};
    LEAT_TRY(leat_pg_query(&x->s.sql, "look for a table",
                           "SELECT pg_catalog.to_regclass($1)::pg_catalog.oid", 1, params, &res,
                           e));
    *oid = (uint32_t)leat_pg_cell_i64(res, 0, 0, 0);
    PQclear(res);
    return LEAT_OK;
}

/* The columns that an ad hoc snapshot reads the table by, as it has them now. */
static leat_rc read_by(leat_pg_reader *x, const leat_snap_table *table, uint32_t oid, leat_arena *a,
                       const leat_pg_identity **out, leat_err *e)
{
    const leat_pg_snap *t = table->priv;
    LEAT_TRY(leat_pg_identity_of(&x->s.sql, oid, t->by, t->nby, a, out, e));
    if (*out) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "signal.no_key", table->name,
                     "it does not have the column %s any more, by which it was read", t->by[0]);
}

/* Without an index for the condition looking for the rows that it leaves may take as long as
 * reading the table: then bounds are those of all its rows. */
static leat_rc cut_where(leat_pg_reader *x, leat_pg_cut *c, const leat_range *range, uint64_t bytes,
                         unsigned most, leat_arena *a, leat_str *bounds, unsigned *n, leat_err *e)
{
    const leat_pg_snap *t = range->table->priv;
    int64_t ms = c->ms;
    if (!atomic_load(&t->condition->by_key)) {
        c->where = range->table->where;
        c->ms = ms > 0 && ms < CUT_MS ? ms : CUT_MS;
        leat_rc rc = leat_pg_range_cut(&x->s.sql, c, range, bytes, most, a, bounds, n, e);
        if (!timed_out(rc, e)) return rc;
        if (!atomic_exchange(&t->condition->by_key, true))
            leat_log(LEAT_WARN, "signal.condition_slow",
                     "table=\"%s\" no index helps to find the rows of its condition: all of its "
                     "rows are looked at, %llu a part",
                     range->table->name, (unsigned long long)c->rows);
        LEAT_TRY(leat_pg_reader_session(x, e));
    }
    c->where = NULL;
    c->ms = ms;
    return leat_pg_range_cut(&x->s.sql, c, range, bytes, most, a, bounds, n, e);
}

static leat_rc cut(leat_chunk_reader *r, const leat_range *range, uint64_t bytes, unsigned most,
                   leat_arena *a, leat_str *bounds, unsigned *n, leat_err *e)
{
    leat_pg_reader *x = r->priv;
    const leat_pg_snap *t = range->table->priv;
    leat_pg_cut c = {
        .schema = t->schema, .name = t->name, .only = t->only, .ms = x->s.conf->target.query_ms};
    *n = 0;
    LEAT_TRY(leat_pg_reader_session(x, e));
    LEAT_TRY(find_table(x, t, &c.oid, e));
    if (c.oid == 0) return LEAT_PENDING;
    if (range->table->ask) {
        c.rows = range->table->most;
        LEAT_TRY(read_by(x, range->table, c.oid, a, &c.identity, e));
        if (t->condition) return cut_where(x, &c, range, bytes, most, a, bounds, n, e);
    } else {
        LEAT_TRY(leat_pg_identity_read(&x->s.sql, c.oid, a, &c.identity, e));
        if (!c.identity) return LEAT_OK;
    }
    return leat_pg_range_cut(&x->s.sql, &c, range, bytes, most, a, bounds, n, e);
}

/* ---- beginning ---- */

static leat_rc roll_back(leat_pg_reader *x)
{
    leat_err ignored;
    return leat_pg_exec(&x->s.sql, "end a chunk", "ROLLBACK", &ignored);
}

/* Which table it is, and its stamp. */
typedef struct found {
    uint32_t oid;
    char stamp[LEAT_PG_STAMP + 1];
} found;

/* How far a standby has replayed the log. A statement of its own, since any takes a view first. */
static leat_rc replayed(leat_pg_reader *x, uint64_t *out, leat_err *e)
{
    PGresult *res;
    *out = 0;
    if (!x->standby) return LEAT_OK;
    LEAT_TRY(leat_pg_query(&x->s.sql, "see what is replayed",
                           "SELECT pg_catalog.pg_last_wal_replay_lsn()", 0, NULL, &res, e));
    leat_lsn_parse(leat_pg_cell(res, 0, 0), out);
    PQclear(res);
    return LEAT_OK;
}

/* The lock, the view, and what was found. */
static leat_rc take_view(leat_pg_reader *x, const leat_range *range, leat_arena *a, leat_view *view,
                         found *f, leat_err *e)
{
    const leat_pg_snap *t = range->table->priv;
    bool part = range->from.s || range->to.s || range->nkeys > 0;
    leat_buf sql = {0};
    PGresult *res;
    uint64_t start;
    LEAT_TRY(replayed(x, &start, e));
    leat_buf_printf(&sql,
                    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; %s LOCK TABLE %s%s IN ACCESS"
                    " SHARE MODE; EXECUTE leat_view (",
                    part ? "SET LOCAL enable_seqscan = off;" : "", t->only ? "ONLY " : "",
                    t->quoted);
    leat_pg_quote_text(&sql, leat_str_of(t->quoted));
    leat_buf_str_z(&sql, ")");
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_pg_query(&x->s.sql, "begin a chunk", sql.p, 0, NULL, &res, e);
    leat_buf_free(&sql);
    LEAT_TRY(rc);
    leat_str cols[LEAT_PG_VIEW_COLS];
    for (int i = 0; i < LEAT_PG_VIEW_COLS; i++) cols[i] = leat_pg_cell(res, 0, i);
    rc = leat_pg_view_new(cols, start, a, view, e);
    f->oid = (uint32_t)leat_pg_cell_i64(res, 0, LEAT_PG_VIEW_COLS, 0);
    snprintf(f->stamp, sizeof f->stamp, "%s", PQgetvalue(res, 0, LEAT_PG_VIEW_COLS + 1));
    PQclear(res);
    return rc;
}

/* Makes its version. */
static leat_rc make_version(leat_pg_reader *x, leat_pg_known *k, leat_err *e)
{
    leat_pg_source *s = &x->s;
    if (!k->ad_hoc) return leat_pg_rel_keep(s, k->table, &s->row_rel, e);
    leat_pg_rel_free(k->rel);
    k->rel = NULL;
    LEAT_TRY(leat_pg_rel_of_table(s, k->table, &k->rel, e));
    s->row_rel = k->rel;
    return LEAT_OK;
}

/* The table's version: the one known, or as the catalog has it now. PENDING: it has none. */
static leat_rc know_table(leat_pg_reader *x, const found *f, bool ad_hoc, leat_err *e)
{
    leat_pg_source *s = &x->s;
    leat_pg_known *k = x->tables;
    while (k && (k->oid != f->oid || k->ad_hoc != ad_hoc)) k = k->next;
    x->at = k;
    if (k && strcmp(k->stamp, f->stamp) == 0) {
        s->row_table = k->table;
        s->row_rel = ad_hoc ? k->rel : leat_pg_rel_find(s, f->oid);
        return LEAT_OK;
    }
    if (!k) {
        k = leat_zalloc(1, sizeof *k);
        k->next = x->tables;
        x->tables = x->at = k;
    }
    k->oid = f->oid;
    k->ad_hoc = ad_hoc;
    k->stamp[0] = '\0';
    leat_arena_reset(&k->a, 0);
    if (s->row_n) LEAT_TRY(leat_pg_types_read(&s->sql, s->types, e)); /* a label may be new */
    LEAT_TRY(leat_pg_table_read(&s->sql, f->oid, &k->a, &k->table, e));
    if (!k->table) return LEAT_PENDING;
    s->row_table = k->table;
    LEAT_TRY(make_version(x, k, e));
    memcpy(k->stamp, f->stamp, sizeof k->stamp);
    return LEAT_OK;
}

static void put_order(const leat_pg_identity *id, leat_buf *sql)
{
    leat_buf_str_z(sql, " ORDER BY ");
    for (uint16_t i = 0; i < id->n; i++) {
        if (i) leat_buf_str_z(sql, ", ");
        leat_pg_quote_name(sql, leat_str_of(id->names[i]));
    }
}

/* id: what the range is one of. */
static leat_rc start_copy(leat_pg_reader *x, const leat_range *range, const leat_pg_identity *id,
                          leat_err *e)
{
    leat_pg_source *s = &x->s;
    const leat_pg_snap *t = range->table->priv;
    leat_buf sql = {0};
    x->doing = t->doing;
    leat_buf_str_z(&sql, "COPY (SELECT ");
    leat_pg_row_columns(s->row_rel, s->row_table, true, &sql);
    leat_buf_str_z(&sql, " FROM ");
    leat_pg_row_source(t->schema, t->name, t->only, t->override, &sql);
    leat_buf_str_z(&sql, " WHERE ");
    leat_rc rc = leat_pg_range_put(&sql, id, range, e);
    if (range->table->where) leat_buf_printf(&sql, " AND (%s\n)", range->table->where);
    if (range->table->ask && id) put_order(id, &sql);
    leat_buf_str_z(&sql, ") TO STDOUT (FORMAT binary)");
    leat_buf_u8(&sql, 0);
    /* Outside of the transaction that has the view it would be read under another. */
    if (rc == LEAT_OK && PQtransactionStatus(s->sql.pg) != PQTRANS_INTRANS)
        rc = leat_fail(e, LEAT_RETRY, "postgres.closed", range->table->name,
                       "the session was lost between the view and the rows");
    int64_t ms = t->condition ? s->conf->target.query_ms : 0;
    x->until_us = ms > 0 ? leat_mono_us() + ms * 1000 : 0;
    if (rc == LEAT_OK) rc = leat_pg_copy(&s->sql, x->doing, sql.p, PGRES_COPY_OUT, ms, e);
    leat_buf_free(&sql);
    return late(x, range->table, rc, e);
}

/* Whether the server's log is on disk up to end. */
static leat_rc flushed(leat_pg *c, uint64_t end, bool *yes, leat_err *e)
{
    char lsn[LEAT_LSN_TEXT];
    const char *params[] = {leat_lsn_print(end, lsn)};
    PGresult *res;
    LEAT_TRY(leat_pg_query(c, "see what is flushed",
                           "SELECT pg_catalog.pg_current_wal_flush_lsn() >= $1::pg_catalog.pg_lsn",
                           1, params, &res, e));
    *yes = leat_pg_cell_bool(res, 0, 0);
    PQclear(res);
    return LEAT_OK;
}

static leat_rc await_flush(leat_pg_reader *x, leat_pg *c, uint64_t end, leat_err *e)
{
    bool yes = false;
    for (;;) {
        LEAT_TRY(flushed(c, end, &yes, e));
        if (yes) return LEAT_OK;
        if (leat_pg_reader_leaves(x->r))
            return leat_fail(e, LEAT_RETRY, "postgres.leaves", "", "the reader ends");
        leat_sleep_us(FLUSH_US);
    }
}

/* Rows that are appended as they come must not be of transactions that a crash of the server takes
 * back: waits until its log is on disk up to the view's end. A commit with an id makes the server
 * flush it soon. */
static leat_rc flush_log(leat_pg_reader *x, uint64_t end, leat_err *e)
{
    leat_pg *c = &x->s.view;
    LEAT_TRY(leat_pg_connect(c, &x->s.conf->target, false, x->s.app, e));
    leat_rc rc =
        leat_pg_exec(c, "have the server flush its log", "SELECT pg_catalog.txid_current()", e);
    if (rc == LEAT_OK) rc = await_flush(x, c, end, e);
    leat_pg_close(c);
    return rc;
}

/* ALTER TABLE took it away: the next plan has it as a table without one. */
static leat_rc look_for_identity(const leat_pg_reader *x, const leat_range *range, leat_err *e)
{
    if (!range->table->keyed || range->table->ask || x->s.row_rel->table->nid > 0) return LEAT_OK;
    return leat_fail(e, LEAT_RETRY, "postgres.identity_lost", range->table->name,
                     "%s has no key that tells its rows apart any more: what was read of it is "
                     "read again, as of a table without one, while the stream waits",
                     range->table->name);
}

static leat_rc begin_range(leat_pg_reader *x, const leat_range *range, leat_arena *a,
                           leat_view *view, leat_err *e)
{
    leat_pg_source *s = &x->s;
    bool ad_hoc = range->table->ask != NULL;
    found f;
    LEAT_TRY(take_view(x, range, a, view, &f, e));
    LEAT_TRY(know_table(x, &f, ad_hoc, e));
    LEAT_TRY(look_for_identity(x, range, e));
    const leat_pg_identity *id = s->row_table->identity;
    if (ad_hoc && range->nkeys == 0) LEAT_TRY(read_by(x, range->table, f.oid, a, &id, e));
    x->view = view->priv;
    snprintf(x->view->chunk, sizeof x->view->chunk, "%s", x->window.id);
    s->at.lsn = x->view->end;
    if (!range->table->keyed) LEAT_TRY(flush_log(x, s->at.lsn, e));
    s->row_ts_us = leat_now_us();
    return start_copy(x, range, id, e);
}

/* Whether an error came of there being no such table. */
static leat_rc gone_or(leat_pg_reader *x, const leat_range *range, leat_err *e)
{
    uint32_t oid;
    leat_err why;
    if (e->rc != LEAT_RETRY || strcmp(e->code, "postgres.table_missing") != 0) return e->rc;
    const leat_pg_snap *t = range->table->priv;
    if (find_table(x, t, &oid, &why) == LEAT_OK && oid == 0) return LEAT_PENDING;
    /* A person's statement: what is missing there will not come by waiting. */
    return t->override ? (e->rc = LEAT_CONF) : e->rc;
}

static leat_rc begin(leat_chunk_reader *r, const leat_range *range, leat_arena *a, leat_view *view,
                     leat_err *e)
{
    leat_pg_reader *x = r->priv;
    x->s.row_table = NULL;
    x->s.row_rel = NULL;
    x->s.origin = range->table->ask ? x->row_origin : x->origin;
    x->range = range;
    x->headed = false;
    x->view = NULL;
    LEAT_TRY(leat_pg_reader_session(x, e));
    LEAT_TRY(leat_pg_window_open(&x->window, &x->s, range, e));
    leat_rc rc = begin_range(x, range, a, view, e);
    x->begun = rc == LEAT_OK;
    if (rc == LEAT_OK) return rc;
    if (roll_back(x) != LEAT_OK) leat_pg_abandon(&x->s.sql);
    leat_pg_window_undo(&x->window, &x->s, x->range);
    return rc == LEAT_PENDING || !x->s.sql.pg ? rc : gone_or(x, range, e);
}

/* ---- reading ---- */

/* Takes the head off the first message. */
static leat_rc take_head(leat_pg_reader *x, leat_str *row, leat_err *e)
{
    static const char signature[11] = "PGCOPY\n\377\r\n";
    bool good = row->len >= HEAD && memcmp(row->s, signature, sizeof signature) == 0;
    leat_cur c = leat_cur_of(*row);
    leat_cur_bytes(&c, HEAD - 4);
    uint32_t more = leat_cur_be32(&c);
    leat_cur_bytes(&c, more);
    if (!good || c.bad)
        return leat_fail(e, LEAT_FATAL, "postgres.protocol", x->s.row_rel->table->topic,
                         "a COPY in binary form begins with %zu bytes that are no head of one",
                         row->len);
    *row = (leat_str){(const char *)c.p, leat_cur_left(&c)};
    x->headed = true;
    return LEAT_OK;
}

static bool is_trailer(leat_str row)
{
    return row.len == TRAILER && memcmp(row.s, "\377\377", TRAILER) == 0;
}

static leat_rc end_range(leat_pg_reader *x, leat_err *e)
{
    const leat_pg_snap *t = x->range->table->priv;
    x->begun = false;
    if (t->condition) atomic_store(&t->condition->late, 0);
    LEAT_TRY(leat_pg_exec(&x->s.sql, "end a chunk", "COMMIT", e));
    return leat_pg_window_close(&x->window, &x->s, x->range, x->view, e);
}

static leat_rc too_long(const leat_pg_reader *x, leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "postgres.timeout", x->range->table->name,
                     "could not %s: its part was not there within %lld ms", x->doing,
                     (long long)x->s.conf->target.query_ms);
}

static leat_rc read_rows(leat_chunk_reader *r, leat_batch *b, leat_err *e)
{
    leat_pg_reader *x = r->priv;
    bool ad_hoc = x->at->ad_hoc;
    int64_t now = leat_mono_us(), until = now + WAIT_US;
    if (x->until_us > 0 && now >= x->until_us) return late(x, x->range->table, too_long(x, e), e);
    x->s.row_seen_us = leat_now_us();
    while (!leat_batch_full(b)) {
        char *bytes;
        size_t len;
        leat_rc rc = leat_pg_row_next(&x->s, &x->s.sql, x->doing, until, &bytes, &len, e);
        if (rc == LEAT_PENDING) return end_range(x, e);
        if (rc != LEAT_OK) return rc;
        leat_str row = {bytes, len};
        if (!x->headed) rc = take_head(x, &row, e);
        if (rc == LEAT_OK && !is_trailer(row))
            rc = leat_pg_row_give(&x->s, row,
                                  ad_hoc ? LEAT_SNAPSHOT_INCREMENTAL : LEAT_SNAPSHOT_TRUE, b, e);
        if (ad_hoc) x->at->rel = x->s.row_rel; /* it may have been loosened */
        PQfreemem(bytes);
        LEAT_TRY(rc);
    }
    return LEAT_AGAIN;
}

/* Takes what is left of the rows, as long as that is quicker than another session. */
static leat_rc drain(leat_pg_reader *x, leat_err *e)
{
    int64_t until = leat_mono_us() + DRAIN_US;
    for (;;) {
        char *bytes;
        size_t len;
        int64_t left = (until - leat_mono_us()) / 1000;
        if (left <= 0) return LEAT_AGAIN;
        leat_rc rc = leat_pg_copy_row(&x->s.sql, x->doing, (int)left, &bytes, &len, e);
        if (rc != LEAT_OK) return rc;
        PQfreemem(bytes);
    }
}

static leat_rc drop(leat_chunk_reader *r, leat_err *e)
{
    leat_pg_reader *x = r->priv;
    if (!x->begun) return LEAT_OK;
    x->begun = false;
    if (drain(x, e) != LEAT_PENDING || roll_back(x) != LEAT_OK) leat_pg_abandon(&x->s.sql);
    leat_pg_window_undo(&x->window, &x->s, x->range);
    return LEAT_OK;
}

/* ---- ad hoc snapshots, on the task's thread ---- */

static const leat_snap_table *asked(leat_task *t, const leat_snap_table *held, bool *rests)
{
    return leat_increment_asked(((leat_pg_source *)t->priv)->inc, held, rests);
}

static leat_rc told(leat_task *t, leat_batch *b, const leat_chunk_told *what, leat_err *e)
{
    return leat_increment_told(((leat_pg_source *)t->priv)->inc, b, what, e);
}

static leat_rc over(leat_task *t, leat_batch *b, const leat_chunk_told *what, const leat_err *why,
                    leat_err *e)
{
    return leat_increment_over(((leat_pg_source *)t->priv)->inc, b, what, why, e);
}

const leat_source_chunks leat_pg_chunks = {
    .open = leat_pg_reader_open,
    .cut = cut,
    .begin = begin,
    .read = read_rows,
    .drop = drop,
    .close = leat_pg_reader_close,
    .contains = leat_pg_view_contains,
    .covers = leat_pg_view_covers,
    .passed = leat_pg_view_passed,
    .view = leat_pg_view_read,
    .hurry = leat_pg_hurry,
    .asked = asked,
    .told = told,
    .over = over,
    .tell = leat_pg_tell_beside,
};
