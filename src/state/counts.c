/* counts.db: opened and migrated as state.db is. What a power cut takes of it is no loss, so it is
 * not synced with each transaction. */
#include "state/counts.h"

#include "state/db.h"

/* Each brings the file from its index to the next; never changed once released. */
static const char *const MIGRATIONS[] = {
    "CREATE TABLE counts (connector TEXT NOT NULL, at_s INTEGER NOT NULL, events INTEGER NOT NULL,"
    "  dead INTEGER NOT NULL, stream_bytes INTEGER NOT NULL, resident_bytes INTEGER NOT NULL,"
    "  lag_bytes INTEGER NOT NULL, behind_ms INTEGER NOT NULL, PRIMARY KEY (connector, at_s))"
    "  WITHOUT ROWID;",
    "ALTER TABLE counts ADD COLUMN retained_bytes INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE counts ADD COLUMN retained_limit INTEGER NOT NULL DEFAULT -1;",
};

struct leat_countsdb {
    leat_state s;
};

leat_rc leat_countsdb_open(const char *data, leat_countsdb **out, leat_err *e)
{
    leat_countsdb *c = leat_zalloc(1, sizeof *c);
    leat_arena a = {0};
    c->s.migrations = MIGRATIONS;
    c->s.nmigrations = sizeof MIGRATIONS / sizeof *MIGRATIONS;
    c->s.path = leat_strdup(leat_arena_printf(&a, "%s/counts.db", data));
    leat_arena_free(&a);
    leat_rc rc = leat_state_setup(&c->s, data, e);
    if (rc == LEAT_OK) rc = leat_state_run(&c->s, "PRAGMA synchronous = NORMAL", "set up", e);
    if (leat_rc_failed(rc)) {
        leat_countsdb_close(c);
        return rc;
    }
    *out = c;
    return LEAT_OK;
}

void leat_countsdb_close(leat_countsdb *c)
{
    if (!c) return;
    sqlite3_close(c->s.db);
    leat_free(c->s.path);
    leat_free(c);
}

static leat_rc add_one(leat_countsdb *c, const leat_counts_row *row, leat_err *e)
{
    sqlite3_stmt *st;
    const int64_t values[] = {row->at_s,         row->events,         row->dead,
                              row->stream_bytes, row->resident_bytes, row->lag_bytes,
                              row->behind_ms,    row->retained_bytes, row->retained_limit};
    LEAT_TRY(leat_state_prepare(
        &c->s, "INSERT OR REPLACE INTO counts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", &st, e));
    leat_state_bind(st, 1, leat_str_of(row->connector));
    for (int i = 0; i < (int)(sizeof values / sizeof *values); i++)
        sqlite3_bind_int64(st, i + 2, values[i]);
    return leat_state_finish(&c->s, st, "write", e);
}

static leat_rc remove_old(leat_countsdb *c, int64_t oldest_s, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(&c->s, "DELETE FROM counts WHERE at_s < ?", &st, e));
    sqlite3_bind_int64(st, 1, oldest_s);
    return leat_state_finish(&c->s, st, "remove what is old", e);
}

leat_rc leat_countsdb_add(leat_countsdb *c, const leat_counts_row *rows, size_t n, int64_t oldest_s,
                          leat_err *e)
{
    LEAT_TRY(leat_state_run(&c->s, "BEGIN IMMEDIATE", "write", e));
    leat_rc rc = LEAT_OK;
    for (size_t i = 0; i < n && rc == LEAT_OK; i++) rc = add_one(c, &rows[i], e);
    if (rc == LEAT_OK) rc = remove_old(c, oldest_s, e);
    if (rc == LEAT_OK) rc = leat_state_run(&c->s, "COMMIT", "write", e);
    if (leat_rc_failed(rc)) sqlite3_exec(c->s.db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

leat_rc leat_countsdb_each(leat_countsdb *c, const char *connector, int64_t from_s,
                           void (*fn)(void *arg, const leat_counts_row *row), void *arg,
                           leat_err *e)
{
    sqlite3_stmt *st;
    int rc;
    LEAT_TRY(leat_state_prepare(&c->s,
                                "SELECT at_s, events, dead, stream_bytes, resident_bytes,"
                                " lag_bytes, behind_ms, retained_bytes, retained_limit FROM counts"
                                " WHERE connector = ? AND at_s >= ? ORDER BY at_s",
                                &st, e));
    leat_state_bind(st, 1, leat_str_of(connector));
    sqlite3_bind_int64(st, 2, from_s);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        leat_counts_row row = {.connector = connector,
                               .at_s = sqlite3_column_int64(st, 0),
                               .events = sqlite3_column_int64(st, 1),
                               .dead = sqlite3_column_int64(st, 2),
                               .stream_bytes = sqlite3_column_int64(st, 3),
                               .resident_bytes = sqlite3_column_int64(st, 4),
                               .lag_bytes = sqlite3_column_int64(st, 5),
                               .behind_ms = sqlite3_column_int64(st, 6),
                               .retained_bytes = sqlite3_column_int64(st, 7),
                               .retained_limit = sqlite3_column_int64(st, 8)};
        fn(arg, &row);
    }
    leat_rc out = rc == SQLITE_DONE ? LEAT_OK : leat_state_fail(&c->s, "read", e);
    sqlite3_finalize(st);
    return out;
}
