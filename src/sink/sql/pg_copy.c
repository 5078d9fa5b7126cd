/* Many rows of one shape into PostgreSQL: COPY, in its text form.
 *
 * Inserts go straight into the table. Upserts go into a temporary table, which has the shape's
 * columns and is emptied by each commit, and from there by one INSERT ... SELECT ... ON CONFLICT;
 * of several rows with one key the last is sent. That costs the server each row twice, so rows that
 * the source has new go straight, too, as long as the table has none of them. All of it stands
 * behind a savepoint: what the server refuses is taken back, for COPY does not say which row it
 * was, and single statements will (pg_apply.c). A table that took those but no COPY (a view, row
 * security) gets no COPY any more.
 *
 * The connection is non-blocking; what is not sent yet is bounded by a piece. By the sink's thread.
 */
#include "base/clock.h"
#include "base/os.h"
#include "sink/sql/pg.h"
#include "sink/sql/reduce.h"
#include "system/postgres/quote.h"

enum {
    FEWEST = 64,       /* rows for which COPY is worth its round trips */
    PIECE = 256 << 10, /* bytes that are sent at once */
    SLICE_MS = 20,
    MISSED_MOST = 1024, /* runs between two that are tried without the temporary table */
};

static const char doing[] = "copy rows";

uint32_t leat_rdb_pg_copies(leat_rdb_pg *c, const leat_rdb_row *rows, uint32_t n)
{
    leat_rdb_shape *s = n > 0 ? rows[0].shape : NULL;
    uint32_t i = 0;
    if (!s || (s->kind != LEAT_RDB_ROW_INSERT && s->kind != LEAT_RDB_ROW_UPSERT)) return 0;
    if (s->nset == 0 || leat_rdb_pg_way_of(c, s)->single) return 0;
    while (i < n && rows[i].shape == s) i++;
    return i >= FEWEST ? i : 0;
}

void leat_rdb_pg_copy_ended(leat_rdb_pg *c, bool committed)
{
    for (leat_rdb_pg_way *w = c->ways; w; w = w->next) {
        if (committed) w->filled = false;
        if (w->temp == LEAT_RDB_PG_NEW_TEMP)
            w->temp = committed ? LEAT_RDB_PG_OLD_TEMP : LEAT_RDB_PG_NO_TEMP;
    }
}

/* ---- SQL ---- */

static void put_columns(leat_buf *out, const leat_rdb_shape *s)
{
    for (uint16_t i = 0; i < s->nset; i++) {
        if (i > 0) leat_buf_u8(out, ',');
        leat_pg_quote_name(out, leat_str_of(s->fields[s->set[i]].to->name));
    }
}

static void put_temp(leat_buf *out, const leat_rdb_shape *s)
{
    leat_buf_printf(out, "pg_temp.leat_rows_%u", s->id);
}

static leat_rc exec(leat_rdb_pg *c, leat_buf *sql, leat_err *e)
{
    leat_buf_u8(sql, 0);
    leat_rc rc = c->base.dialect->exec(&c->base, doing, sql->p, e);
    leat_buf_clear(sql);
    return rc;
}

/* The shape's temporary table, empty. */
static leat_rc ready_temp(leat_rdb_pg *c, leat_rdb_shape *s, leat_err *e)
{
    leat_rdb_pg_way *w = leat_rdb_pg_way_of(c, s);
    leat_buf sql = {0};
    leat_rc rc = LEAT_OK;
    if (w->temp == LEAT_RDB_PG_NO_TEMP) {
        /* One that an older savepoint made outlives a rollback to a newer one. */
        leat_buf_str_z(&sql, "CREATE TEMPORARY TABLE IF NOT EXISTS ");
        put_temp(&sql, s);
        leat_buf_str_z(&sql, " ON COMMIT DELETE ROWS AS SELECT ");
        put_columns(&sql, s);
        leat_buf_str_z(&sql, " FROM ");
        leat_rdb_quote_table(c->base.dialect, &sql, s->table);
        leat_buf_str_z(&sql, " WITH NO DATA");
        rc = exec(c, &sql, e);
        if (rc == LEAT_OK) w->temp = LEAT_RDB_PG_NEW_TEMP;
    }
    if (rc == LEAT_OK && w->filled) {
        leat_buf_str_z(&sql, "TRUNCATE ");
        put_temp(&sql, s);
        rc = exec(c, &sql, e);
    }
    w->filled = true;
    leat_buf_free(&sql);
    return rc;
}

static leat_rc merge(leat_rdb_pg *c, const leat_rdb_shape *s, leat_err *e)
{
    leat_buf sql = {0};
    leat_rdb_put_insert(c->base.dialect, &sql, s);
    leat_buf_str_z(&sql, " SELECT ");
    put_columns(&sql, s);
    leat_buf_str_z(&sql, " FROM ");
    put_temp(&sql, s);
    c->base.dialect->upsert(&sql, s);
    leat_rc rc = exec(c, &sql, e);
    leat_buf_free(&sql);
    return rc;
}

/* Fails where the merge would, for want of an index that makes the key unique or of a right to
 * update, and keeps it as it is until the transaction ends. Nothing is run. */
static void put_trial(leat_rdb_pg *c, leat_buf *out, const leat_rdb_shape *s)
{
    leat_buf_str_z(out, "EXPLAIN ");
    leat_rdb_put_insert(c->base.dialect, out, s);
    for (uint16_t i = 0; i < s->nset; i++) leat_buf_str_z(out, i == 0 ? " VALUES (NULL" : ",NULL");
    leat_buf_u8(out, ')');
    c->base.dialect->upsert(out, s);
    leat_buf_u8(out, ';');
}

/* ---- rows ---- */

/* What of the text behind `at` means something to COPY gets a backslash before it. */
static void escape(leat_buf *out, size_t at)
{
    size_t n = 0;
    for (size_t i = at; i < out->len; i++) {
        char ch = out->p[i];
        n += ch == '\\' || ch == '\n' || ch == '\r' || ch == '\t';
    }
    if (n == 0) return;
    leat_buf_room(out, n);
    char *to = out->p + out->len + n;
    for (size_t i = out->len; i-- > at;) {
        char ch = out->p[i];
        bool special = ch == '\\' || ch == '\n' || ch == '\r' || ch == '\t';
        *--to = ch == '\n' ? 'n' : ch == '\r' ? 'r' : ch == '\t' ? 't' : ch;
        if (special) *--to = '\\';
    }
    out->len += n;
}

/* A line; false: a text of it cannot be sent. */
static bool put_line(leat_buf *out, const leat_rdb_row *row)
{
    const leat_rdb_shape *s = row->shape;
    for (uint16_t i = 0; i < s->nset; i++) {
        const leat_rdb_field *f = &s->fields[s->set[i]];
        bool nul;
        if (i > 0) leat_buf_u8(out, '\t');
        size_t at = out->len;
        if (leat_rdb_pg_put(out, f, &row->cells[f->from], &nul))
            escape(out, at);
        else
            leat_buf_str_z(out, "\\N");
        if (nul) return false;
    }
    leat_buf_u8(out, '\n');
    return true;
}

/* Until all is with the system. */
static leat_rc send_piece(leat_rdb_pg *c, int64_t deadline, leat_err *e)
{
    PGconn *pg = c->pg.pg;
    if (PQputCopyData(pg, c->values.p, (int)c->values.len) != 1) /* 0: it took nothing */
        return leat_rdb_pg_fail(e, c, NULL, doing);
    leat_buf_clear(&c->values);
    for (int unsent; (unsent = PQflush(pg)) != 0;) {
        if (unsent < 0 || !PQconsumeInput(pg)) return leat_rdb_pg_fail(e, c, NULL, doing);
        if (leat_mono_us() > deadline)
            return leat_fail(e, LEAT_RETRY, "sql.timeout", c->target.host,
                             "could not %s within %lld ms (query.timeout.ms)", doing,
                             (long long)c->target.query_ms);
        int rc = leat_os_wait_fd(PQsocket(pg), true, SLICE_MS);
        if (rc < 0) return leat_os_fail(e, rc, doing, "database connection");
    }
    return LEAT_OK;
}

/* The answers up to the end, of which the first that is bad counts. */
static leat_rc answers(leat_rdb_pg *c, int64_t deadline, leat_err *e)
{
    leat_rc rc = LEAT_OK;
    for (;;) {
        LEAT_TRY(leat_rdb_pg_await(c, doing, deadline, e));
        PGresult *res = PQgetResult(c->pg.pg);
        if (!res) return rc;
        if (PQresultStatus(res) == PGRES_COPY_IN) {
            PQclear(res);
            return rc;
        }
        bool good = PQresultStatus(res) == PGRES_COMMAND_OK ||
                    PQresultStatus(res) == PGRES_TUPLES_OK; /* of EXPLAIN */
        if (!good && rc == LEAT_OK) rc = leat_rdb_pg_fail(e, c, res, doing);
        PQclear(res);
    }
}

static leat_rc send_lines(leat_rdb_pg *c, const leat_rdb_row *rows, uint32_t n, const bool *drop,
                          leat_err *e)
{
    int64_t deadline = leat_rdb_pg_deadline(c);
    leat_rc rc = LEAT_OK;
    leat_buf_clear(&c->values);
    for (uint32_t i = 0; i < n && rc == LEAT_OK; i++) {
        if (drop && drop[i]) continue;
        if (!put_line(&c->values, &rows[i]))
            rc = leat_fail(e, LEAT_DATA, "sql.text", NULL, "a text has a NUL character");
        else if (c->values.len >= PIECE || i + 1 == n)
            rc = send_piece(c, deadline, e);
    }
    if (rc != LEAT_OK && rc != LEAT_DATA) return rc;
    if (rc == LEAT_OK && c->values.len > 0) LEAT_TRY(send_piece(c, deadline, e));
    if (PQputCopyEnd(c->pg.pg, rc == LEAT_OK ? NULL : "a row cannot be sent") != 1)
        return leat_rdb_pg_fail(e, c, NULL, doing);
    if (rc == LEAT_OK) return answers(c, deadline, e);
    leat_err end = {0};
    answers(c, deadline, &end);
    /* The server says then that the copy was cancelled, as if to be tried again. */
    if (PQtransactionStatus(c->pg.pg) == PQTRANS_INERROR) return rc;
    if (e) *e = end;
    return end.rc;
}

/* drop: of upserts those that a later one stands for; else NULL. merges: by the temporary table. */
static leat_rc copy(leat_rdb_pg *c, const leat_rdb_row *rows, uint32_t n, const bool *drop,
                    bool merges, leat_err *e)
{
    leat_rdb_shape *s = rows[0].shape;
    leat_buf sql = {0};
    if (merges)
        LEAT_TRY(ready_temp(c, s, e));
    else if (drop)
        put_trial(c, &sql, s);
    leat_buf_str_z(&sql, "COPY ");
    if (merges)
        put_temp(&sql, s);
    else
        leat_rdb_quote_table(c->base.dialect, &sql, s->table);
    leat_buf_str_z(&sql, " (");
    put_columns(&sql, s);
    leat_buf_str_z(&sql, ") FROM STDIN");
    leat_buf_u8(&sql, 0);
    bool sent = PQsendQuery(c->pg.pg, sql.p);
    leat_buf_free(&sql);
    if (!sent) return leat_rdb_pg_fail(e, c, NULL, doing);
    LEAT_TRY(answers(c, leat_rdb_pg_deadline(c), e));
    LEAT_TRY(send_lines(c, rows, n, drop, e));
    return merges ? merge(c, s, e) : LEAT_OK;
}

/* A failure that single statements would not get over. One that names a table that is not there
 * is none: they tell whether it is the rows' own or one that a trigger looks for. */
static bool ends(const leat_err *why)
{
    return why->rc == LEAT_FATAL ||
           (why->rc == LEAT_RETRY && strcmp(why->code, "postgres.table_missing") != 0);
}

/* AGAIN: it was refused, and taken back. */
static leat_rc try_copy(leat_rdb_pg *c, const leat_rdb_row *rows, uint32_t n, const bool *drop,
                        bool merges, leat_err *e)
{
    const leat_rdb_dialect *d = c->base.dialect;
    leat_err why = {0};
    LEAT_TRY(d->exec(&c->base, doing, "SAVEPOINT leat_copy", e));
    leat_rc rc = copy(c, rows, n, drop, merges, &why);
    if (rc != LEAT_OK && ends(&why)) {
        if (e) *e = why;
        return rc;
    }
    if (rc != LEAT_OK) LEAT_TRY(d->exec(&c->base, doing, "ROLLBACK TO SAVEPOINT leat_copy", e));
    LEAT_TRY(d->exec(&c->base, doing, "RELEASE SAVEPOINT leat_copy", e));
    return rc == LEAT_OK ? rc : LEAT_AGAIN;
}

/* Upserts of rows that the target has not, as far as is known. */
static bool goes_straight(leat_rdb_pg_way *w, const leat_rdb_row *rows, uint32_t n,
                          const bool *drop)
{
    if (rows[0].shape->table->merges) return false;
    for (uint32_t i = 0; i < n; i++)
        if (!drop[i] && !rows[i].made) return false;
    if (w->left == 0) return true;
    w->left--;
    return false;
}

static leat_rc upsert(leat_rdb_pg *c, const leat_rdb_row *rows, uint32_t n, leat_err *e)
{
    leat_rdb_pg_way *w = leat_rdb_pg_way_of(c, rows[0].shape);
    leat_arena_reset(&c->scratch, 1 << 20);
    bool *drop = LEAT_NEW(&c->scratch, bool, n);
    leat_rdb_reduce_mark(rows, n, drop, &c->scratch);
    if (!goes_straight(w, rows, n, drop)) return try_copy(c, rows, n, drop, true, e);
    leat_rc rc = try_copy(c, rows, n, drop, false, e);
    if (rc == LEAT_OK) w->missed = 0;
    if (rc != LEAT_AGAIN) return rc;
    w->missed = w->missed == 0 ? 1 : w->missed < MISSED_MOST ? w->missed * 2 : MISSED_MOST;
    w->left = w->missed;
    return try_copy(c, rows, n, drop, true, e);
}

leat_rc leat_rdb_pg_copy(leat_rdb_pg *c, const leat_rdb_row *rows, uint32_t n, leat_err *e)
{
    if (rows[0].shape->kind == LEAT_RDB_ROW_UPSERT) return upsert(c, rows, n, e);
    return try_copy(c, rows, n, NULL, false, e);
}
