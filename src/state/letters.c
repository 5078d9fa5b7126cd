/* state.db: dead letters, and how they end.
 *
 * A letter is known by where its change stands (position and table), so that what is read again
 * after a crash replaces itself and keeps its id. Ids grow in the order of the changes of a key: by
 * them it is known which letter waits for which. Run by the thread that has the handle. */
#include "base/clock.h"
#include "base/fault.h"
#include "base/os.h"
#include "state/db.h"

leat_dead_store *leat_state_dead_store(leat_state *s)
{
    return &s->dead;
}

/* ---- storing ---- */

static void bind_blob(sqlite3_stmt *st, int i, leat_str v)
{
    if (v.s) sqlite3_bind_blob64(st, i, v.s, v.len, SQLITE_STATIC);
}

static leat_rc dead_one(leat_state *s, const leat_dead *letter, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(
        s,
        "INSERT INTO dead_letters (position, tab, topic, code, place, reason, bytes, ts_us, at_us,"
        " key, old_key, superseded) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (position, tab) DO UPDATE SET topic = excluded.topic, code = excluded.code,"
        " place = excluded.place, reason = excluded.reason, bytes = excluded.bytes,"
        " key = excluded.key, old_key = excluded.old_key",
        &st, e));
    leat_state_bind(st, 1, letter->position);
    leat_state_bind_z(st, 2, letter->table ? letter->table : "");
    leat_state_bind_z(st, 3, letter->topic);
    leat_state_bind_z(st, 4, letter->why.code);
    leat_state_bind_z(st, 5, letter->why.where);
    leat_state_bind_z(st, 6, letter->why.msg);
    bind_blob(st, 7, letter->bytes.s ? letter->bytes : LEAT_STR(""));
    sqlite3_bind_int64(st, 8, letter->ts_us);
    sqlite3_bind_int64(st, 9, leat_now_us());
    bind_blob(st, 10, letter->key);
    bind_blob(st, 11, letter->old_key);
    sqlite3_bind_int(st, 12, letter->superseded);
    return leat_state_finish(s, st, "store a dead letter", e);
}

static leat_rc dead_put(leat_dead_store *d, const leat_dead *letters, leat_err *e)
{
    leat_state *s = (leat_state *)d;
    int fault = LEAT_FAULT(dead_letter);
    if (fault) return leat_os_fail(e, fault, "store dead letters in", s->path);
    LEAT_TRY(leat_state_run(s, "BEGIN IMMEDIATE", "store dead letters", e));
    leat_rc rc = LEAT_OK;
    for (const leat_dead *l = letters; l && !leat_rc_failed(rc); l = l->next)
        rc = dead_one(s, l, e);
    if (!leat_rc_failed(rc)) rc = leat_state_run(s, "COMMIT", "store dead letters", e);
    if (leat_rc_failed(rc)) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

const leat_dead_store leat_state_letters_calls = {.put = dead_put};

/* ---- looking ---- */

static leat_str blob(sqlite3_stmt *st, int i)
{
    if (sqlite3_column_type(st, i) == SQLITE_NULL) return (leat_str){0};
    return leat_state_column(st, i);
}

leat_rc leat_state_dead_each(leat_state *s, int64_t after, int64_t id,
                             bool (*fn)(void *arg, const leat_dead_letter *letter), void *arg,
                             leat_err *e)
{
    /* A file that was not opened for writing since older versions wrote it has less columns. */
    static const char now[] =
        "SELECT id, ts_us, at_us, code, reason, place, nullif(tab, ''), topic, position,"
        " bytes, key, old_key, edit, tries, tried_us, superseded FROM dead_letters"
        " WHERE id > ?1 AND (?2 <= 0 OR id = ?2) ORDER BY id";
    static const char once[] =
        "SELECT id, ts_us, at_us, code, reason, place, nullif(tab, ''), topic, position,"
        " bytes, NULL, NULL, NULL, 0, 0, 0 FROM dead_letters"
        " WHERE id > ?1 AND (?2 <= 0 OR id = ?2) ORDER BY id";
    sqlite3_stmt *st;
    if (sqlite3_prepare_v2(s->db, now, -1, &st, NULL) != SQLITE_OK)
        LEAT_TRY(leat_state_prepare(s, once, &st, e));
    sqlite3_bind_int64(st, 1, after);
    sqlite3_bind_int64(st, 2, id);
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        leat_dead_letter letter = {.id = sqlite3_column_int64(st, 0),
                                   .ts_us = sqlite3_column_int64(st, 1),
                                   .at_us = sqlite3_column_int64(st, 2),
                                   .code = (const char *)sqlite3_column_text(st, 3),
                                   .reason = (const char *)sqlite3_column_text(st, 4),
                                   .where = (const char *)sqlite3_column_text(st, 5),
                                   .table = (const char *)sqlite3_column_text(st, 6),
                                   .topic = (const char *)sqlite3_column_text(st, 7),
                                   .position = leat_state_column(st, 8),
                                   .bytes = leat_state_column(st, 9),
                                   .key = blob(st, 10),
                                   .old_key = blob(st, 11),
                                   .edit = (const char *)sqlite3_column_text(st, 12),
                                   .tries = sqlite3_column_int64(st, 13),
                                   .tried_us = sqlite3_column_int64(st, 14),
                                   .superseded = sqlite3_column_int(st, 15) != 0};
        if (!fn(arg, &letter)) {
            rc = SQLITE_DONE;
            break;
        }
    }
    leat_rc out = rc == SQLITE_DONE ? LEAT_OK : leat_state_fail(s, "read dead letters", e);
    sqlite3_finalize(st);
    return out;
}

/* One row of up to two numbers; none: zeros. */
static leat_rc numbers(leat_state *s, sqlite3_stmt *st, int64_t *x, int64_t *y, leat_err *e)
{
    int rc = sqlite3_step(st);
    leat_rc out = rc == SQLITE_ROW || rc == SQLITE_DONE ? LEAT_OK : leat_state_fail(s, "read", e);
    *x = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
    if (y) *y = rc == SQLITE_ROW ? sqlite3_column_int64(st, 1) : 0;
    sqlite3_finalize(st);
    return out;
}

leat_rc leat_state_dead_count(leat_state *s, int64_t *n, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(s, "SELECT count(*) FROM dead_letters", &st, e));
    return numbers(s, st, n, NULL, e);
}

leat_rc leat_state_dead_gone(leat_state *s, int64_t *retried, int64_t *dropped, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(s, "SELECT retried, dropped FROM letters_gone", &st, e));
    return numbers(s, st, retried, dropped, e);
}

leat_rc leat_state_dead_keys(leat_state *s, void (*fn)(void *arg, leat_str key), void *arg,
                             leat_err *e)
{
    sqlite3_stmt *st;
    int rc;
    LEAT_TRY(leat_state_prepare(
        s, "SELECT key, old_key FROM dead_letters WHERE key IS NOT NULL AND NOT superseded", &st,
        e));
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        fn(arg, blob(st, 0));
        if (sqlite3_column_type(st, 1) != SQLITE_NULL) fn(arg, blob(st, 1));
    }
    leat_rc out = rc == SQLITE_DONE ? LEAT_OK : leat_state_fail(s, "read dead letters", e);
    sqlite3_finalize(st);
    return out;
}

leat_rc leat_state_dead_before(leat_state *s, const leat_dead_letter *letter, int64_t *id,
                               leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(s,
                                "SELECT min(id) FROM dead_letters WHERE id < ?1 AND NOT superseded"
                                " AND (key IN (?2, ?3) OR old_key IN (?2, ?3))",
                                &st, e));
    sqlite3_bind_int64(st, 1, letter->id);
    bind_blob(st, 2, letter->key);
    bind_blob(st, 3, letter->old_key);
    return numbers(s, st, id, NULL, e);
}

/* ---- how they end ---- */

/* PENDING: no row was changed. */
static leat_rc changed(leat_state *s, sqlite3_stmt *st, const char *doing, leat_err *e)
{
    LEAT_TRY(leat_state_finish(s, st, doing, e));
    return sqlite3_changes(s->db) > 0 ? LEAT_OK : LEAT_PENDING;
}

leat_rc leat_state_dead_edit(leat_state *s, int64_t id, const char *edit, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(s, "UPDATE dead_letters SET edit = ?1 WHERE id = ?2", &st, e));
    leat_state_bind_z(st, 1, edit);
    sqlite3_bind_int64(st, 2, id);
    return changed(s, st, "edit a dead letter", e);
}

leat_rc leat_state_dead_failed(leat_state *s, int64_t id, const leat_err *why, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(s,
                                "UPDATE dead_letters SET code = ?1, place = ?2, reason = ?3,"
                                " tries = tries + 1, tried_us = ?4 WHERE id = ?5",
                                &st, e));
    leat_state_bind_z(st, 1, why->code);
    leat_state_bind_z(st, 2, why->where);
    leat_state_bind_z(st, 3, why->msg);
    sqlite3_bind_int64(st, 4, leat_now_us());
    sqlite3_bind_int64(st, 5, id);
    return changed(s, st, "note that a dead letter was tried", e);
}

leat_rc leat_state_dead_end(leat_state *s, int64_t id, bool written, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_run(s, "BEGIN IMMEDIATE", "remove a dead letter", e));
    leat_rc rc = leat_state_prepare(s, "DELETE FROM dead_letters WHERE id = ?1", &st, e);
    if (rc == LEAT_OK) {
        sqlite3_bind_int64(st, 1, id);
        rc = changed(s, st, "remove a dead letter", e);
    }
    if (rc == LEAT_OK)
        rc = leat_state_run(s,
                            written ? "UPDATE letters_gone SET retried = retried + 1"
                                    : "UPDATE letters_gone SET dropped = dropped + 1",
                            "count a dead letter", e);
    if (rc == LEAT_OK) rc = leat_state_run(s, "COMMIT", "remove a dead letter", e);
    if (rc != LEAT_OK) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

leat_rc leat_state_dead_supersede(leat_state *s, const char *topic, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(
        s, "UPDATE dead_letters SET superseded = 1 WHERE topic = ?1 AND key IS NOT NULL", &st, e));
    leat_state_bind_z(st, 1, topic);
    return leat_state_finish(s, st, "note that a table was emptied", e);
}
