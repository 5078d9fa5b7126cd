/* state.db: what a stream outside of this machine has acknowledged (event/delivered.h).
 *
 * One row and the positions, replaced by each save in one transaction (synchronous=FULL). The last
 * transactions are kept as one blob a save; blobs beyond the number wanted are dropped now and
 * then. Run by the thread that has the handle. */
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "state/db.h"

enum { TXS_KEPT = 65536, PRUNE_EVERY = 64, COUNTS = sizeof(leat_counts) / sizeof(uint64_t) };

/* ---- counts as text: they are 64 bits without a sign, SQLite's integers have one ---- */

static void put_counts(leat_buf *out, const leat_counts *c)
{
    uint64_t v[COUNTS];
    memcpy(v, c, sizeof v);
    leat_buf_clear(out);
    for (size_t i = 0; i < COUNTS; i++) leat_buf_printf(out, "%s%" PRIu64, i ? " " : "", v[i]);
}

static bool get_counts(leat_str text, leat_counts *c)
{
    uint64_t v[COUNTS];
    for (size_t i = 0; i < COUNTS; i++)
        if (!leat_str_u64(leat_str_cut(&text, ' '), &v[i])) return false;
    memcpy(c, v, sizeof v);
    return true;
}

/* ---- save ---- */

static leat_rc save_row(leat_state *s, const leat_delivered *d, leat_err *e)
{
    sqlite3_stmt *st;
    leat_buf totals = {0}, moved = {0};
    put_counts(&totals, &d->totals);
    put_counts(&moved, &d->moved);
    leat_rc rc = leat_state_prepare(
        s, "INSERT OR REPLACE INTO delivered VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)", &st, e);
    if (rc == LEAT_OK) {
        sqlite3_bind_int64(st, 1, (int64_t)d->serial);
        sqlite3_bind_int64(st, 2, (int64_t)d->events);
        sqlite3_bind_int64(st, 3, (int64_t)d->episode);
        sqlite3_bind_int64(st, 4, (int64_t)d->drained);
        leat_state_bind(st, 5, leat_buf_str(&totals));
        leat_state_bind(st, 6, leat_buf_str(&moved));
        leat_state_bind(st, 7, d->progress);
        leat_state_bind(st, 8, d->cursor);
        rc = leat_state_finish(s, st, "note what was delivered", e);
    }
    leat_buf_free(&totals);
    leat_buf_free(&moved);
    return rc;
}

static leat_rc save_positions(leat_state *s, const leat_delivered *d, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_run(s, "DELETE FROM delivered_positions", "note what was delivered", e));
    for (size_t i = 0; i < d->npos; i++) {
        LEAT_TRY(leat_state_prepare(s, "INSERT INTO delivered_positions VALUES (?, ?)", &st, e));
        leat_state_bind(st, 1, d->pos[i].partition);
        leat_state_bind(st, 2, d->pos[i].offset);
        LEAT_TRY(leat_state_finish(s, st, "note what was delivered", e));
    }
    return LEAT_OK;
}

static leat_rc save_txs(leat_state *s, const leat_delivered *d, leat_err *e)
{
    sqlite3_stmt *st;
    if (d->ntxs > 0) {
        LEAT_TRY(leat_state_prepare(s, "INSERT INTO delivered_txs (n, ids) VALUES (?, ?)", &st, e));
        sqlite3_bind_int64(st, 1, (int64_t)d->ntxs);
        sqlite3_bind_blob64(st, 2, d->txs, d->ntxs * sizeof *d->txs, SQLITE_STATIC);
        LEAT_TRY(leat_state_finish(s, st, "note what was delivered", e));
    }
    if (d->serial % PRUNE_EVERY != 0) return LEAT_OK;
    char sql[256];
    snprintf(sql, sizeof sql,
             "DELETE FROM delivered_txs WHERE id IN (SELECT id FROM (SELECT id, n, sum(n) OVER "
             "(ORDER BY id DESC) AS upto FROM delivered_txs) WHERE upto - n >= %d)",
             TXS_KEPT);
    return leat_state_run(s, sql, "forget old transactions", e);
}

static leat_rc save(leat_delivered_store *store, const leat_delivered *d, leat_err *e)
{
    leat_state *s = LEAT_STATE_OF_DELIVERED(store);
    LEAT_TRY(leat_state_run(s, "BEGIN IMMEDIATE", "note what was delivered", e));
    leat_rc rc = save_row(s, d, e);
    if (rc == LEAT_OK) rc = save_positions(s, d, e);
    if (rc == LEAT_OK) rc = save_txs(s, d, e);
    if (rc == LEAT_OK) rc = leat_state_run(s, "COMMIT", "note what was delivered", e);
    if (rc != LEAT_OK) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

/* ---- load ---- */

static leat_rc bad(const leat_state *s, leat_err *e)
{
    return leat_fail(e, LEAT_FATAL, "state.damaged", s->path,
                     "what was delivered cannot be read: its counts are no numbers; bring a copy "
                     "of the file back, or set the offset by hand in a new data folder");
}

static leat_str column(sqlite3_stmt *st, int i, leat_arena *a)
{
    if (sqlite3_column_type(st, i) == SQLITE_NULL) return (leat_str){0};
    return leat_arena_str(a, leat_state_column(st, i));
}

static leat_rc load_row(leat_state *s, leat_arena *a, leat_delivered *out, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(
        s,
        "SELECT serial, events, episode, drained, totals, moved, progress, cursor FROM delivered",
        &st, e));
    int rc = sqlite3_step(st);
    leat_rc end = LEAT_OK;
    if (rc == SQLITE_ROW) {
        out->serial = (uint64_t)sqlite3_column_int64(st, 0);
        out->events = (uint64_t)sqlite3_column_int64(st, 1);
        out->episode = (uint64_t)sqlite3_column_int64(st, 2);
        out->drained = (uint64_t)sqlite3_column_int64(st, 3);
        if (!get_counts(leat_state_column(st, 4), &out->totals) ||
            !get_counts(leat_state_column(st, 5), &out->moved))
            end = bad(s, e);
        out->progress = column(st, 6, a);
        out->cursor = column(st, 7, a);
    } else if (rc != SQLITE_DONE) {
        end = leat_state_fail(s, "read what was delivered", e);
    }
    sqlite3_finalize(st);
    return end;
}

static leat_rc load_positions(leat_state *s, leat_arena *a, leat_delivered *out, leat_err *e)
{
    sqlite3_stmt *st;
    int rc;
    size_t cap = 0;
    leat_position *pos = NULL;
    LEAT_TRY(leat_state_prepare(s, "SELECT part, offset FROM delivered_positions ORDER BY rowid",
                                &st, e));
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        if (out->npos == cap) {
            leat_position *more = LEAT_NEW(a, leat_position, cap ? cap * 2 : 4);
            if (cap > 0) memcpy(more, pos, cap * sizeof *pos);
            pos = more;
            cap = cap ? cap * 2 : 4;
        }
        pos[out->npos++] = (leat_position){column(st, 0, a), column(st, 1, a)};
    }
    out->pos = pos;
    leat_rc end = rc == SQLITE_DONE ? LEAT_OK : leat_state_fail(s, "read what was delivered", e);
    sqlite3_finalize(st);
    return end;
}

static leat_rc load_txs(leat_state *s, leat_arena *a, leat_delivered *out, leat_err *e)
{
    sqlite3_stmt *st;
    int rc;
    leat_buf all = {0};
    LEAT_TRY(leat_state_prepare(s, "SELECT ids FROM delivered_txs ORDER BY id", &st, e));
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) leat_buf_add(&all, leat_state_column(st, 0));
    leat_rc end = rc == SQLITE_DONE ? LEAT_OK : leat_state_fail(s, "read what was delivered", e);
    sqlite3_finalize(st);
    size_t n = all.len / sizeof(uint64_t), skip = n > TXS_KEPT ? n - TXS_KEPT : 0;
    uint64_t *txs = LEAT_NEW(a, uint64_t, n - skip);
    if (n > 0) memcpy(txs, all.p + skip * sizeof *txs, (n - skip) * sizeof *txs);
    out->txs = txs;
    out->ntxs = n - skip;
    leat_buf_free(&all);
    return end;
}

static leat_rc load(leat_delivered_store *store, leat_arena *a, leat_delivered *out, leat_err *e)
{
    leat_state *s = LEAT_STATE_OF_DELIVERED(store);
    *out = (leat_delivered){.episode = 1};
    LEAT_TRY(load_row(s, a, out, e));
    LEAT_TRY(load_positions(s, a, out, e));
    return load_txs(s, a, out, e);
}

const leat_delivered_store leat_state_delivered_calls = {.load = load, .save = save};

leat_delivered_store *leat_state_delivered_store(leat_state *s)
{
    return &s->delivered;
}
