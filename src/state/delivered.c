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

/* ---- the two sets of tables: what is in force, and what was prepared ---- */

static const char IN_FORCE[] = "delivered", PREPARED[] = "prepared";
static const char DOING[] = "note what was delivered";

/* A statement with one %s, which becomes the set's name. */
static leat_rc prepare_of(leat_state *s, const char *set, const char *format, sqlite3_stmt **st,
                          leat_err *e)
{
    leat_buf sql = {0};
    for (const char *p = format; *p; p++) {
        if (p[0] == '%' && p[1] == 's') {
            leat_buf_str_z(&sql, set);
            p++;
        } else {
            leat_buf_u8(&sql, (unsigned char)*p);
        }
    }
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_state_prepare(s, sql.p, st, e);
    leat_buf_free(&sql);
    return rc;
}

static leat_rc run_of(leat_state *s, const char *set, const char *format, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(prepare_of(s, set, format, &st, e));
    return leat_state_finish(s, st, DOING, e);
}

/* ---- save ---- */

static leat_rc save_row(leat_state *s, const char *set, const leat_delivered *d, leat_err *e)
{
    sqlite3_stmt *st;
    leat_buf totals = {0}, moved = {0};
    put_counts(&totals, &d->totals);
    put_counts(&moved, &d->moved);
    leat_rc rc = run_of(s, set, "DELETE FROM %s", e);
    if (rc == LEAT_OK)
        rc = prepare_of(s, set,
                        "INSERT INTO %s (one, serial, events, episode, drained, totals, moved,"
                        " progress, cursor, skip, open_tx, open_seq, open_dead, mark, mark_us,"
                        " ahead, part_seq, part_dead, cluster)"
                        " VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        &st, e);
    if (rc == LEAT_OK) {
        const int64_t tail[] = {(int64_t)d->skip,
                                (int64_t)d->open_tx,
                                (int64_t)d->open_seq,
                                (int64_t)d->open_dead,
                                (int64_t)d->mark,
                                d->mark_us,
                                d->ahead,
                                (int64_t)d->part_seq,
                                (int64_t)d->part_dead};
        sqlite3_bind_int64(st, 1, (int64_t)d->serial);
        sqlite3_bind_int64(st, 2, (int64_t)d->events);
        sqlite3_bind_int64(st, 3, (int64_t)d->episode);
        sqlite3_bind_int64(st, 4, (int64_t)d->drained);
        leat_state_bind(st, 5, leat_buf_str(&totals));
        leat_state_bind(st, 6, leat_buf_str(&moved));
        leat_state_bind(st, 7, d->progress);
        leat_state_bind(st, 8, d->cursor);
        for (int i = 0; i < (int)(sizeof tail / sizeof *tail); i++)
            sqlite3_bind_int64(st, 9 + i, tail[i]);
        leat_state_bind(st, 18, d->cluster);
        rc = leat_state_finish(s, st, DOING, e);
    }
    leat_buf_free(&totals);
    leat_buf_free(&moved);
    return rc;
}

static leat_rc save_positions(leat_state *s, const char *set, const leat_delivered *d, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(run_of(s, set, "DELETE FROM %s_positions", e));
    for (size_t i = 0; i < d->npos; i++) {
        LEAT_TRY(prepare_of(s, set, "INSERT INTO %s_positions VALUES (?, ?)", &st, e));
        leat_state_bind(st, 1, d->pos[i].partition);
        leat_state_bind(st, 2, d->pos[i].offset);
        LEAT_TRY(leat_state_finish(s, st, DOING, e));
    }
    return LEAT_OK;
}

static leat_rc add_txs(leat_state *s, const char *set, const leat_delivered *d, leat_err *e)
{
    sqlite3_stmt *st;
    if (d->ntxs == 0) return LEAT_OK;
    LEAT_TRY(prepare_of(s, set, "INSERT INTO %s_txs (n, ids) VALUES (?, ?)", &st, e));
    sqlite3_bind_int64(st, 1, (int64_t)d->ntxs);
    sqlite3_bind_blob64(st, 2, d->txs, d->ntxs * sizeof *d->txs, SQLITE_STATIC);
    return leat_state_finish(s, st, DOING, e);
}

static leat_rc save_txs(leat_state *s, const leat_delivered *d, leat_err *e)
{
    LEAT_TRY(add_txs(s, IN_FORCE, d, e));
    if (d->serial % PRUNE_EVERY != 0) return LEAT_OK;
    char sql[256];
    snprintf(sql, sizeof sql,
             "DELETE FROM delivered_txs WHERE id IN (SELECT id FROM (SELECT id, n, sum(n) OVER "
             "(ORDER BY id DESC) AS upto FROM delivered_txs) WHERE upto - n >= %d)",
             TXS_KEPT);
    return leat_state_run(s, sql, "forget old transactions", e);
}

static leat_rc save_in_force(leat_state *s, const leat_delivered *d, leat_err *e)
{
    LEAT_TRY(save_row(s, IN_FORCE, d, e));
    LEAT_TRY(save_positions(s, IN_FORCE, d, e));
    return save_txs(s, d, e);
}

static leat_rc forget_prepared(leat_state *s, leat_err *e)
{
    return leat_state_run(s,
                          "DELETE FROM prepared; DELETE FROM prepared_positions;"
                          "DELETE FROM prepared_txs",
                          DOING, e);
}

static leat_rc save_prepared(leat_state *s, const leat_delivered *d, leat_err *e)
{
    LEAT_TRY(save_row(s, PREPARED, d, e));
    LEAT_TRY(save_positions(s, PREPARED, d, e));
    return add_txs(s, PREPARED, d, e);
}

/* The end of a transaction that was begun. */
static leat_rc end_of(leat_state *s, leat_rc rc, leat_err *e)
{
    if (rc == LEAT_OK) rc = leat_state_run(s, "COMMIT", DOING, e);
    if (rc != LEAT_OK) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

static leat_rc save(leat_delivered_store *store, const leat_delivered *d, leat_err *e)
{
    leat_state *s = LEAT_STATE_OF_DELIVERED(store);
    LEAT_TRY(leat_state_run(s, "BEGIN IMMEDIATE", DOING, e));
    leat_rc rc = save_in_force(s, d, e);
    if (rc == LEAT_OK) rc = forget_prepared(s, e);
    return end_of(s, rc, e);
}

static leat_rc prepare(leat_delivered_store *store, const leat_delivered *was,
                       const leat_delivered *next, leat_err *e)
{
    leat_state *s = LEAT_STATE_OF_DELIVERED(store);
    LEAT_TRY(leat_state_run(s, "BEGIN IMMEDIATE", DOING, e));
    leat_rc rc = was ? save_in_force(s, was, e) : LEAT_OK;
    if (rc == LEAT_OK) rc = forget_prepared(s, e);
    if (rc == LEAT_OK) rc = save_prepared(s, next, e);
    return end_of(s, rc, e);
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

static leat_rc load_row(leat_state *s, const char *set, leat_arena *a, leat_delivered *out,
                        leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(prepare_of(s, set,
                        "SELECT serial, events, episode, drained, totals, moved, progress, cursor,"
                        " skip, open_tx, open_seq, open_dead, mark, mark_us, ahead, part_seq,"
                        " part_dead, cluster FROM %s",
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
        out->skip = (uint64_t)sqlite3_column_int64(st, 8);
        out->open_tx = (uint64_t)sqlite3_column_int64(st, 9);
        out->open_seq = (uint32_t)sqlite3_column_int64(st, 10);
        out->open_dead = (uint64_t)sqlite3_column_int64(st, 11);
        out->mark = (uint64_t)sqlite3_column_int64(st, 12);
        out->mark_us = sqlite3_column_int64(st, 13);
        out->ahead = sqlite3_column_int(st, 14) != 0;
        out->part_seq = (uint32_t)sqlite3_column_int64(st, 15);
        out->part_dead = (uint64_t)sqlite3_column_int64(st, 16);
        out->cluster = column(st, 17, a);
    } else if (rc != SQLITE_DONE) {
        end = leat_state_fail(s, "read what was delivered", e);
    }
    sqlite3_finalize(st);
    return end;
}

static leat_rc load_positions(leat_state *s, const char *set, leat_arena *a, leat_delivered *out,
                              leat_err *e)
{
    sqlite3_stmt *st;
    int rc;
    size_t cap = 0;
    leat_position *pos = NULL;
    LEAT_TRY(prepare_of(s, set, "SELECT part, offset FROM %s_positions ORDER BY rowid", &st, e));
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

static leat_rc load_txs(leat_state *s, const char *set, leat_arena *a, leat_delivered *out,
                        leat_err *e)
{
    sqlite3_stmt *st;
    int rc;
    leat_buf all = {0};
    LEAT_TRY(prepare_of(s, set, "SELECT ids FROM %s_txs ORDER BY id", &st, e));
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

static leat_rc load_set(leat_state *s, const char *set, leat_arena *a, leat_delivered *out,
                        leat_err *e)
{
    LEAT_TRY(load_row(s, set, a, out, e));
    LEAT_TRY(load_positions(s, set, a, out, e));
    return load_txs(s, set, a, out, e);
}

static leat_rc load(leat_delivered_store *store, leat_arena *a, leat_delivered *out, leat_err *e)
{
    *out = (leat_delivered){.episode = 1};
    return load_set(LEAT_STATE_OF_DELIVERED(store), IN_FORCE, a, out, e);
}

static leat_rc prepared(leat_delivered_store *store, leat_arena *a, leat_delivered *out,
                        leat_err *e)
{
    *out = (leat_delivered){0};
    return load_set(LEAT_STATE_OF_DELIVERED(store), PREPARED, a, out, e);
}

const leat_delivered_store leat_state_delivered_calls = {
    .load = load, .save = save, .prepare = prepare, .prepared = prepared};

leat_delivered_store *leat_state_delivered_store(leat_state *s)
{
    return &s->delivered;
}
