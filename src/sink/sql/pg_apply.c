/* Rows into PostgreSQL: prepared statements in libpq's pipeline, many on the way at once.
 *
 * What was sent is answered in order: a result and a NULL a statement, and one for each sync, which
 * ends a window. After an error the server skips to the sync, so the first error is the culprit's,
 * and all before it was done. The connection is non-blocking: while we wait, we read and write. */
#include <stdio.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/os.h"
#include "sink/sql/pg.h"

enum { WINDOW = 1024, WINDOW_BYTES = 1 << 20, SLICE_MS = 20 };

static const char doing[] = "write rows";

typedef struct state {
    leat_rdb_pg *c;
    const leat_rdb_row *rows;
    int64_t *affected;
    size_t bytes;    /* sent in this window */
    uint32_t failed; /* the row that did; UINT32_MAX: none */
    leat_rc rc;
    leat_err *e;
} state;

static void expect(leat_rdb_pg *c, int32_t what)
{
    if (c->nexpected == c->expected_cap) {
        c->expected_cap = c->expected_cap ? c->expected_cap * 2 : WINDOW * 2;
        c->expected = leat_realloc(c->expected, c->expected_cap * sizeof *c->expected);
    }
    c->expected[c->nexpected++] = what;
}

leat_rdb_pg_way *leat_rdb_pg_way_of(leat_rdb_pg *c, leat_rdb_shape *s)
{
    if (s->prepared) return s->prepared;
    leat_rdb_pg_way *w = leat_zalloc(1, sizeof *w);
    w->next = c->ways;
    c->ways = w;
    return s->prepared = w;
}

int64_t leat_rdb_pg_deadline(const leat_rdb_pg *c)
{
    int64_t ms = c->target.query_ms;
    return ms > 0 ? leat_mono_us() + ms * 1000 : INT64_MAX;
}

leat_rc leat_rdb_pg_await(leat_rdb_pg *c, const char *what, int64_t deadline, leat_err *e)
{
    PGconn *pg = c->pg.pg;
    for (;;) {
        int unsent = PQflush(pg);
        if (unsent < 0 || !PQconsumeInput(pg)) return leat_rdb_pg_fail(e, c, NULL, what);
        if (!PQisBusy(pg)) return LEAT_OK;
        if (leat_mono_us() > deadline)
            return leat_fail(e, LEAT_RETRY, "sql.timeout", c->target.host,
                             "could not %s: no answer within %lld ms (query.timeout.ms). The "
                             "server is overloaded, or a row is locked by another session",
                             what, (long long)c->target.query_ms);
        int rc = leat_os_wait_fd(PQsocket(pg), unsent > 0, SLICE_MS);
        if (rc < 0) return leat_os_fail(e, rc, what, "database connection");
    }
}

static void take_result(state *s, const PGresult *res, int32_t what)
{
    ExecStatusType got = PQresultStatus(res);
    bool good = got == PGRES_COMMAND_OK || got == PGRES_TUPLES_OK;
    if (!good && what < 0) /* skipped, or refused */
        leat_rdb_pg_way_of(s->c, s->rows[-what - 1].shape)->prepared = false;
    if (got == PGRES_PIPELINE_ABORTED) return;
    if (good) {
        if (what >= 0 &&
            !leat_str_i64(leat_str_of(PQcmdTuples((PGresult *)res)), &s->affected[what]))
            s->affected[what] = 0; /* of a TRUNCATE */
        return;
    }
    if (s->rc != LEAT_OK) return;
    s->failed = what >= 0 ? (uint32_t)what : (uint32_t)(-what - 1);
    s->rc = leat_rdb_pg_fail(s->e, s->c, res, doing);
}

/* Reads the answers to all that was sent. */
static leat_rc drain(state *s)
{
    leat_rdb_pg *c = s->c;
    int64_t deadline = leat_rdb_pg_deadline(c);
    if (c->nexpected == 0) return s->rc;
    if (!PQpipelineSync(c->pg.pg)) return s->rc = leat_rdb_pg_fail(s->e, c, NULL, doing);
    for (uint32_t i = 0; i < c->nexpected;) {
        leat_rc rc = leat_rdb_pg_await(c, doing, deadline, s->e);
        if (rc != LEAT_OK) return s->rc = rc;
        PGresult *res = PQgetResult(c->pg.pg);
        if (!res) {
            i++;
            continue;
        }
        take_result(s, res, c->expected[i]);
        PQclear(res);
    }
    leat_err late = {0};
    leat_rc rc = leat_rdb_pg_await(c, doing, deadline, &late);
    if (rc != LEAT_OK) {
        if (s->e) *s->e = late;
        return s->rc = rc;
    }
    PGresult *sync = PQgetResult(c->pg.pg);
    bool good = sync && PQresultStatus(sync) == PGRES_PIPELINE_SYNC;
    if (!good && s->rc == LEAT_OK) s->rc = leat_rdb_pg_fail(s->e, c, sync, doing);
    PQclear(sync);
    c->nexpected = 0;
    s->bytes = 0;
    return s->rc;
}

/* ---- sending ---- */

static void room_for(leat_rdb_pg *c, int n)
{
    if (n < c->cap) return;
    c->cap = n + 32;
    c->offsets = leat_realloc(c->offsets, (size_t)c->cap * sizeof *c->offsets);
    c->params = leat_realloc((void *)c->params, (size_t)c->cap * sizeof *c->params);
}

/* Writes the parameter; LEAT_DATA: its text cannot be sent. */
static leat_rc put_param(leat_rdb_pg *c, int i, const leat_rdb_field *f, const leat_value *cells,
                         leat_err *e)
{
    bool nul;
    size_t at = c->values.len;
    c->offsets[i] = leat_rdb_pg_put(&c->values, f, &cells[f->from], &nul) ? (int64_t)at : -1;
    leat_buf_u8(&c->values, 0);
    if (!nul) return LEAT_OK;
    return leat_fail(e, LEAT_DATA, "sql.text", f->to->name,
                     "the text for column %s has a NUL character, which PostgreSQL cannot hold",
                     f->to->name);
}

static leat_rc put_params(leat_rdb_pg *c, const leat_rdb_row *row, int *n, leat_err *e)
{
    const leat_rdb_shape *s = row->shape;
    *n = s->nset + s->nby;
    room_for(c, *n);
    leat_buf_clear(&c->values);
    for (int i = 0; i < s->nset; i++)
        LEAT_TRY(put_param(c, i, &s->fields[s->set[i]], row->cells, e));
    for (int i = 0; i < s->nby; i++)
        LEAT_TRY(put_param(c, s->nset + i, &s->fields[s->by[i]], row->old, e));
    for (int i = 0; i < *n; i++)
        c->params[i] = c->offsets[i] < 0 ? NULL : c->values.p + c->offsets[i];
    return LEAT_OK;
}

static leat_rc prepare(state *s, leat_rdb_shape *shape, uint32_t row, const char *name)
{
    leat_rdb_pg *c = s->c;
    leat_rdb_pg_way *way = leat_rdb_pg_way_of(c, shape);
    if (way->prepared) return LEAT_OK;
    if (!PQsendPrepare(c->pg.pg, name, shape->sql, 0, NULL))
        return s->rc = leat_rdb_pg_fail(s->e, c, NULL, doing);
    way->prepared = true;
    expect(c, -(int32_t)row - 1);
    return LEAT_OK;
}

static leat_rc send_row(state *s, uint32_t i)
{
    leat_rdb_pg *c = s->c;
    const leat_rdb_row *row = &s->rows[i];
    char name[32];
    int n;
    leat_err why;
    leat_rc rc = put_params(c, row, &n, &why);
    if (rc != LEAT_OK) { /* those before it come first: one of them may fail */
        drain(s);
        if (s->rc != LEAT_OK) return s->rc;
        s->failed = i;
        if (s->e) *s->e = why;
        return s->rc = rc;
    }
    snprintf(name, sizeof name, "leat_%u", row->shape->id);
    LEAT_TRY(prepare(s, row->shape, i, name));
    if (!PQsendQueryPrepared(c->pg.pg, name, n, c->params, NULL, NULL, 0))
        return s->rc = leat_rdb_pg_fail(s->e, c, NULL, doing);
    expect(c, (int32_t)i);
    s->bytes += c->values.len;
    return LEAT_OK;
}

/* Tables that are truncated one after the other go together: they may refer to each other. */
static leat_rc send_truncates(state *s, uint32_t from, uint32_t to)
{
    leat_rdb_pg *c = s->c;
    leat_buf sql = {0};
    for (uint32_t i = from; i < to; i++) {
        leat_buf_str_z(&sql, i == from ? "TRUNCATE TABLE " : ", ");
        leat_rdb_quote_table(c->base.dialect, &sql, s->rows[i].shape->table);
    }
    leat_buf_u8(&sql, 0);
    bool sent = PQsendQueryParams(c->pg.pg, sql.p, 0, NULL, NULL, NULL, NULL, 0);
    leat_buf_free(&sql);
    if (!sent) return s->rc = leat_rdb_pg_fail(s->e, c, NULL, doing);
    for (uint32_t i = from + 1; i < to; i++) s->affected[i] = 0; /* the first one has the answer */
    expect(c, (int32_t)from);
    return LEAT_OK;
}

static bool truncates(const leat_rdb_row *row)
{
    return row->shape->kind == LEAT_RDB_ROW_TRUNCATE;
}

static leat_rc send_all(state *s, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t last = i;
        if (truncates(&s->rows[i])) {
            while (last + 1 < n && truncates(&s->rows[last + 1])) last++;
            LEAT_TRY(send_truncates(s, i, last + 1));
            i = last;
        } else {
            LEAT_TRY(send_row(s, i));
        }
        if (s->c->nexpected >= WINDOW || s->bytes >= WINDOW_BYTES) LEAT_TRY(drain(s));
    }
    return drain(s);
}

/* Single statements, in a pipeline. *done: how many were good. */
static leat_rc apply_singly(leat_rdb_pg *c, const leat_rdb_row *rows, uint32_t n, int64_t *affected,
                            uint32_t *done, leat_err *e)
{
    state s = {.c = c, .rows = rows, .affected = affected, .failed = UINT32_MAX, .e = e};
    if (!PQenterPipelineMode(c->pg.pg)) return leat_rdb_pg_fail(e, c, NULL, doing);
    c->nexpected = 0;
    send_all(&s, n);
    *done = s.rc == LEAT_OK ? n : s.failed == UINT32_MAX ? 0 : s.failed;
    bool over = PQexitPipelineMode(c->pg.pg);
    if (s.rc == LEAT_OK && !over) return leat_rdb_pg_fail(e, c, NULL, doing);
    if (s.rc == LEAT_DATA && !over) return leat_rdb_pg_fail(e, c, NULL, doing);
    return s.rc;
}

/* How many rows stand before the next that can be copied with their neighbours. */
static uint32_t singles(leat_rdb_pg *c, const leat_rdb_row *rows, uint32_t n)
{
    uint32_t i = 0;
    while (i < n && leat_rdb_pg_copies(c, rows + i, n - i) == 0) {
        const leat_rdb_shape *s = rows[i].shape;
        while (i < n && rows[i].shape == s) i++;
    }
    return i;
}

leat_rc leat_rdb_pg_apply(leat_rdb_conn *conn, const leat_rdb_row *rows, uint32_t n,
                          int64_t *affected, uint32_t *done, leat_err *e)
{
    leat_rdb_pg *c = (leat_rdb_pg *)conn;
    int fault = LEAT_FAULT(sink_apply);
    if (fault) return leat_os_fail(e, fault, doing, c->target.host);
    for (uint32_t at = 0; at < n;) {
        uint32_t many = leat_rdb_pg_copies(c, rows + at, n - at), good = 0;
        leat_rc rc = LEAT_AGAIN;
        bool tried = many > 0;
        *done = at;
        if (tried)
            rc = leat_rdb_pg_copy(c, rows + at, many, e);
        else
            many = singles(c, rows + at, n - at);
        if (rc == LEAT_AGAIN) {
            rc = apply_singly(c, rows + at, many, affected + at, &good, e);
            *done = at + good;
            if (rc == LEAT_OK && tried) leat_rdb_pg_way_of(c, rows[at].shape)->single = true;
        }
        LEAT_TRY(rc);
        for (uint32_t i = at; tried && i < at + many; i++)
            if (affected[i] < 0) affected[i] = 1;
        at += many;
    }
    *done = n;
    return LEAT_OK;
}
