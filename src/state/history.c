/* state.db: what people asked of a connector, and the history of its positions (state/state.h).
 *
 * The history is for people, and for taking an edit back; the stream is what a connector goes on
 * from. Run by the thread that has the handle. */
#include <stdio.h>

#include "base/clock.h"
#include "state/db.h"

leat_rc leat_state_desired_set(leat_state *s, bool paused, const char *by, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(s, "INSERT OR REPLACE INTO desired VALUES (1, ?, ?, ?)", &st, e));
    sqlite3_bind_int(st, 1, paused);
    leat_state_bind(st, 2, leat_str_of(by));
    sqlite3_bind_int64(st, 3, leat_now_us());
    return leat_state_finish(s, st, "write", e);
}

leat_rc leat_state_desired_get(leat_state *s, leat_desired *out, leat_err *e)
{
    sqlite3_stmt *st;
    *out = (leat_desired){0};
    LEAT_TRY(leat_state_prepare(s, "SELECT paused, by, at_us FROM desired", &st, e));
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        out->paused = sqlite3_column_int(st, 0) != 0;
        snprintf(out->by, sizeof out->by, "%s", (const char *)sqlite3_column_text(st, 1));
        out->at_us = sqlite3_column_int64(st, 2);
    }
    leat_rc end = rc == SQLITE_ROW || rc == SQLITE_DONE ? LEAT_OK : leat_state_fail(s, "read", e);
    sqlite3_finalize(st);
    return end;
}

const char *leat_noted_name(leat_noted noted)
{
    static const char *const names[] = {"start", "run", "stop", "before", "edit"};
    return (unsigned)noted < sizeof names / sizeof *names ? names[noted] : "unknown";
}

static leat_rc add_one(leat_state *s, const leat_position *pos, leat_noted noted, const char *by,
                       int64_t at_us, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(
        s, "INSERT INTO positions (part, offset, noted, by, at_us) VALUES (?, ?, ?, ?, ?)", &st,
        e));
    leat_state_bind(st, 1, pos->partition);
    leat_state_bind(st, 2, pos->offset);
    sqlite3_bind_int(st, 3, (int)noted);
    leat_state_bind(st, 4, leat_str_of(by ? by : ""));
    sqlite3_bind_int64(st, 5, at_us);
    return leat_state_finish(s, st, "write", e);
}

leat_rc leat_state_positions_add(leat_state *s, const leat_position *pos, size_t n,
                                 leat_noted noted, const char *by, leat_err *e)
{
    LEAT_TRY(leat_state_run(s, "BEGIN IMMEDIATE", "note a position", e));
    leat_rc rc = LEAT_OK;
    int64_t at_us = leat_now_us();
    for (size_t i = 0; i < n && rc == LEAT_OK; i++) rc = add_one(s, &pos[i], noted, by, at_us, e);
    if (rc == LEAT_OK)
        rc = leat_state_run(
            s, "DELETE FROM positions WHERE id <= (SELECT max(id) FROM positions) - 1000",
            "note a position", e);
    if (rc == LEAT_OK) rc = leat_state_run(s, "COMMIT", "note a position", e);
    if (rc != LEAT_OK) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

leat_rc leat_state_positions_each(leat_state *s, bool (*fn)(void *arg, const leat_note *note),
                                  void *arg, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(
        s, "SELECT id, at_us, noted, by, part, offset FROM positions ORDER BY id DESC", &st, e));
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        leat_note note = {.id = sqlite3_column_int64(st, 0),
                          .at_us = sqlite3_column_int64(st, 1),
                          .noted = (leat_noted)sqlite3_column_int(st, 2),
                          .by = (const char *)sqlite3_column_text(st, 3),
                          .pos.partition = leat_state_column(st, 4)};
        if (sqlite3_column_type(st, 5) != SQLITE_NULL) note.pos.offset = leat_state_column(st, 5);
        if (!fn(arg, &note)) {
            rc = SQLITE_DONE;
            break;
        }
    }
    leat_rc end = rc == SQLITE_DONE ? LEAT_OK : leat_state_fail(s, "read", e);
    sqlite3_finalize(st);
    return end;
}
