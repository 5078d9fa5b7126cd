/* state.db in SQLite: open, migrate, and small statements prepared where they are used.
 *
 * Nothing here is on the path of events but dead letters, which are rare. SQLite's own locking
 * (busy time-out 5 s) lets commands read while the connector writes. */
#include "state/db.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/os.h"
#include "config/connector.h"
#include "config/seal.h"

/* Each brings the file from its index to the next; never changed once released. */
static const char *const MIGRATIONS[] = {
    "CREATE TABLE config (one INTEGER PRIMARY KEY CHECK (one = 1), json TEXT NOT NULL,"
    "  at_us INTEGER NOT NULL);"
    "CREATE TABLE ending (one INTEGER PRIMARY KEY CHECK (one = 1), state TEXT NOT NULL,"
    "  rc INTEGER NOT NULL, code TEXT NOT NULL, place TEXT NOT NULL, msg TEXT NOT NULL,"
    "  at_us INTEGER NOT NULL);"
    "CREATE TABLE positions (id INTEGER PRIMARY KEY, part TEXT NOT NULL, offset TEXT NOT NULL,"
    "  by TEXT NOT NULL, at_us INTEGER NOT NULL);"
    "CREATE TABLE dead_letters (id INTEGER PRIMARY KEY AUTOINCREMENT, position TEXT NOT NULL,"
    "  tab TEXT, topic TEXT, code TEXT NOT NULL, place TEXT NOT NULL, reason TEXT NOT NULL,"
    "  bytes BLOB NOT NULL, ts_us INTEGER NOT NULL, at_us INTEGER NOT NULL,"
    "  UNIQUE (position, tab));",
    "CREATE TABLE desired (one INTEGER PRIMARY KEY CHECK (one = 1), paused INTEGER NOT NULL,"
    "  by TEXT NOT NULL, at_us INTEGER NOT NULL);"
    "DROP TABLE positions;"
    "CREATE TABLE positions (id INTEGER PRIMARY KEY AUTOINCREMENT, part TEXT NOT NULL,"
    "  offset TEXT, noted INTEGER NOT NULL, by TEXT NOT NULL, at_us INTEGER NOT NULL);",
    "CREATE TABLE delivered (one INTEGER PRIMARY KEY CHECK (one = 1), serial INTEGER NOT NULL,"
    "  events INTEGER NOT NULL, episode INTEGER NOT NULL, drained INTEGER NOT NULL,"
    "  totals TEXT NOT NULL, moved TEXT NOT NULL, progress TEXT, cursor TEXT);"
    "CREATE TABLE delivered_positions (part TEXT PRIMARY KEY, offset TEXT NOT NULL);"
    "CREATE TABLE delivered_txs (id INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER NOT NULL,"
    "  ids BLOB NOT NULL);",
    "ALTER TABLE delivered ADD COLUMN skip INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE delivered ADD COLUMN open_tx INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE delivered ADD COLUMN open_seq INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE delivered ADD COLUMN open_dead INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE delivered ADD COLUMN part_seq INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE delivered ADD COLUMN part_dead INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE delivered ADD COLUMN mark INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE delivered ADD COLUMN mark_us INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE delivered ADD COLUMN ahead INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE prepared AS SELECT * FROM delivered WHERE 0;"
    "CREATE TABLE prepared_positions (part TEXT PRIMARY KEY, offset TEXT NOT NULL);"
    "CREATE TABLE prepared_txs (id INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER NOT NULL,"
    "  ids BLOB NOT NULL);",
    "CREATE TABLE schemas (id INTEGER PRIMARY KEY, db TEXT NOT NULL, tab TEXT NOT NULL,"
    "  place TEXT NOT NULL, what TEXT NOT NULL, sql TEXT, def TEXT, ts_us INTEGER NOT NULL,"
    "  at_us INTEGER NOT NULL, before INTEGER NOT NULL, sum INTEGER NOT NULL);"
    "CREATE INDEX schemas_of ON schemas (db, tab, id);",
    "ALTER TABLE delivered ADD COLUMN cluster TEXT;"
    "ALTER TABLE prepared ADD COLUMN cluster TEXT;",
    "ALTER TABLE dead_letters ADD COLUMN key BLOB;"
    "ALTER TABLE dead_letters ADD COLUMN old_key BLOB;"
    "ALTER TABLE dead_letters ADD COLUMN edit TEXT;"
    "ALTER TABLE dead_letters ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE dead_letters ADD COLUMN tried_us INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE dead_letters ADD COLUMN superseded INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX dead_letters_key ON dead_letters (key);"
    "CREATE INDEX dead_letters_old ON dead_letters (old_key);"
    "CREATE TABLE letters_gone (one INTEGER PRIMARY KEY CHECK (one = 1),"
    "  retried INTEGER NOT NULL, dropped INTEGER NOT NULL);"
    "INSERT INTO letters_gone VALUES (1, 0, 0);",
};
enum { MIGRATION_COUNT = sizeof MIGRATIONS / sizeof *MIGRATIONS };

leat_rc leat_state_fail(const leat_state *s, const char *doing, leat_err *e)
{
    static const char advice[] =
        "the stream holds the positions: move the file away and start the connector again (its "
        "dead letters stay in the moved file)";
    int code = s->db ? sqlite3_errcode(s->db) : SQLITE_CANTOPEN;
    if (code == SQLITE_FULL)
        return leat_fail(e, LEAT_RETRY, "os.enospc", s->path,
                         "cannot %s: the disk is full; make room on it", doing);
    bool later = code == SQLITE_BUSY || code == SQLITE_IOERR;
    bool broken = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    return leat_fail(e,
                     later    ? LEAT_RETRY
                     : broken ? LEAT_FATAL
                              : LEAT_CONF,
                     broken ? "state.damaged" : "state.sqlite", s->path, "cannot %s: %s%s%s", doing,
                     s->db ? sqlite3_errmsg(s->db) : "out of memory", broken ? "; " : "",
                     !broken     ? ""
                     : s->advice ? s->advice
                                 : advice);
}

leat_rc leat_state_run(leat_state *s, const char *sql, const char *doing, leat_err *e)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? LEAT_OK
                                                                   : leat_state_fail(s, doing, e);
}

leat_rc leat_state_prepare(leat_state *s, const char *sql, sqlite3_stmt **st, leat_err *e)
{
    return sqlite3_prepare_v2(s->db, sql, -1, st, NULL) == SQLITE_OK
               ? LEAT_OK
               : leat_state_fail(s, "prepare", e);
}

void leat_state_bind(sqlite3_stmt *st, int i, leat_str v)
{
    sqlite3_bind_text(st, i, v.s, (int)v.len, SQLITE_STATIC);
}

void leat_state_bind_z(sqlite3_stmt *st, int i, const char *z)
{
    sqlite3_bind_text(st, i, z, -1, SQLITE_STATIC);
}

/* Valid until the next step. */
leat_str leat_state_column(sqlite3_stmt *st, int i)
{
    const char *p = sqlite3_column_blob(st, i);
    return (leat_str){p ? p : "", (size_t)sqlite3_column_bytes(st, i)};
}

/* Steps a statement that returns no row and finalizes it. */
leat_rc leat_state_finish(leat_state *s, sqlite3_stmt *st, const char *doing, leat_err *e)
{
    int fault = LEAT_FAULT(state_write);
    int rc = fault ? SQLITE_IOERR : sqlite3_step(st);
    leat_rc out = LEAT_OK;
    if (fault)
        out = leat_os_fail(e, fault, doing, s->path);
    else if (rc != SQLITE_DONE)
        out = leat_state_fail(s, doing, e);
    sqlite3_finalize(st);
    return out;
}

static leat_rc version_get(leat_state *s, int *version, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(s, "PRAGMA user_version", &st, e));
    leat_rc rc = sqlite3_step(st) == SQLITE_ROW ? LEAT_OK : leat_state_fail(s, "read", e);
    *version = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    return rc;
}

static leat_rc version_known(leat_state *s, int *version, leat_err *e)
{
    LEAT_TRY(version_get(s, version, e));
    if (*version <= s->nmigrations) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "state.newer", s->path,
                     "the file has version %d, this leat knows %d: it was written by a newer "
                     "leat; use that one, or another data folder",
                     *version, s->nmigrations);
}

static leat_rc migrate(leat_state *s, leat_err *e)
{
    int version = 0;
    char pragma[48];
    LEAT_TRY(version_known(s, &version, e));
    if (version == s->nmigrations) return LEAT_OK;
    LEAT_TRY(leat_state_run(s, "BEGIN IMMEDIATE", "migrate", e));
    LEAT_TRY(version_known(s, &version, e)); /* another may have been faster */
    for (; version < s->nmigrations; version++)
        LEAT_TRY(leat_state_run(s, s->migrations[version], "migrate", e));
    snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d; COMMIT", s->nmigrations);
    return leat_state_run(s, pragma, "migrate", e);
}

static leat_rc open_db(leat_state *s, int flags, leat_err *e)
{
    if (sqlite3_open_v2(s->path, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return leat_state_fail(s, "open", e);
    sqlite3_busy_timeout(s->db, 5000);
    return LEAT_OK;
}

static leat_rc unknown(const char *data, const char *connector, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "connector.unknown", connector,
                     "there is no connector \"%s\" in %s; 'leat status' lists those there are, "
                     "--data names another folder",
                     connector, data);
}

leat_rc leat_state_look(leat_state *s, int *version, leat_err *e)
{
    leat_rc rc = open_db(s, SQLITE_OPEN_READONLY, e);
    int err = rc != LEAT_OK && s->db ? sqlite3_system_errno(s->db) : 0;
    if (err == ENOENT || err == ENOTDIR) return LEAT_PENDING;
    LEAT_TRY(rc);
    return version_known(s, version, e);
}

static leat_rc setup_reading(leat_state *s, const char *data, const char *connector, leat_err *e)
{
    int version = 0;
    leat_rc rc = leat_state_look(s, &version, e);
    if (rc != LEAT_OK && rc != LEAT_PENDING) return rc;
    return version > 0 ? LEAT_OK : unknown(data, connector, e); /* it is just being made */
}

/* The file is made here and not by SQLite, whose mode would let others read what is in it. A
 * file that is there is not opened: closing it would drop the locks of SQLite in this process. */
leat_rc leat_state_setup(leat_state *s, const char *folder, leat_err *e)
{
    int err = leat_os_mkdirs(folder, 0700);
    if (err < 0) return leat_os_fail(e, err, "make the folder", folder);
    int fault = LEAT_FAULT(state_open);
    if (fault) return leat_os_fail(e, fault, "open", s->path);
    int fd = leat_os_now()->open(s->path, LEAT_O_WRITE | LEAT_O_CREATE | LEAT_O_EXCL, 0600);
    leat_os_now()->close(fd);
    if (fd < 0 && fd != -EEXIST) return leat_os_fail(e, fd, "make", s->path);
    LEAT_TRY(open_db(s, SQLITE_OPEN_READWRITE, e));
    LEAT_TRY(
        leat_state_run(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", "set up", e));
    return migrate(s, e);
}

leat_rc leat_state_open(const char *data, const char *connector, bool reading, leat_state **out,
                        leat_err *e)
{
    LEAT_TRY(leat_connector_name_check(connector, e));
    leat_seal_folder(data);
    leat_arena a;
    leat_arena_init(&a, 0);
    char *folder = leat_arena_printf(&a, "%s/connectors/%s", data, connector);
    leat_state *s = leat_zalloc(1, sizeof *s);
    s->dead = leat_state_letters_calls;
    s->delivered = leat_state_delivered_calls;
    s->schemas = leat_state_schemas_calls;
    s->migrations = MIGRATIONS;
    s->nmigrations = MIGRATION_COUNT;
    s->path = leat_strdup(leat_arena_printf(&a, "%s/state.db", folder));
    leat_rc rc = reading ? setup_reading(s, data, connector, e) : leat_state_setup(s, folder, e);
    leat_arena_free(&a);
    if (leat_rc_failed(rc)) {
        leat_state_close(s);
        return rc;
    }
    *out = s;
    return LEAT_OK;
}

void leat_state_close(leat_state *s)
{
    if (!s) return;
    sqlite3_close(s->db);
    leat_free(s->path);
    leat_free(s);
}

/* The same as stored: at most starts, and not writing it saves their syncs. */
leat_rc leat_state_config_set(leat_state *s, leat_str json, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(s,
                                "INSERT INTO config VALUES (1, ?, ?) ON CONFLICT DO UPDATE"
                                " SET json = excluded.json, at_us = excluded.at_us"
                                " WHERE json <> excluded.json",
                                &st, e));
    leat_state_bind(st, 1, json);
    sqlite3_bind_int64(st, 2, leat_now_us());
    return leat_state_finish(s, st, "write", e);
}

leat_rc leat_state_config_get(leat_state *s, leat_arena *a, leat_str *json, leat_err *e)
{
    sqlite3_stmt *st;
    *json = (leat_str){0};
    LEAT_TRY(leat_state_prepare(s, "SELECT json FROM config", &st, e));
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) *json = leat_arena_str(a, leat_state_column(st, 0));
    leat_rc out = rc == SQLITE_ROW || rc == SQLITE_DONE ? LEAT_OK : leat_state_fail(s, "read", e);
    sqlite3_finalize(st);
    return out;
}

leat_rc leat_state_scrub(leat_state *s, leat_err *e)
{
    LEAT_TRY(leat_state_run(s, "VACUUM", "write anew", e));
    return leat_state_run(s, "PRAGMA wal_checkpoint(TRUNCATE)", "write anew", e);
}

leat_rc leat_state_end_set(leat_state *s, const char *state, const leat_err *err, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(s, "INSERT OR REPLACE INTO ending VALUES (1, ?, ?, ?, ?, ?, ?)",
                                &st, e));
    leat_state_bind_z(st, 1, state);
    sqlite3_bind_int(st, 2, (int)err->rc);
    leat_state_bind_z(st, 3, err->code);
    leat_state_bind_z(st, 4, err->where);
    leat_state_bind_z(st, 5, err->msg);
    sqlite3_bind_int64(st, 6, leat_now_us());
    return leat_state_finish(s, st, "write", e);
}

static void copy_text(char *to, size_t size, sqlite3_stmt *st, int i)
{
    snprintf(to, size, "%s", (const char *)sqlite3_column_text(st, i));
}

leat_rc leat_state_end_get(leat_state *s, leat_arena *a, leat_str *state, int64_t *at_us,
                           leat_err *err, leat_err *e)
{
    sqlite3_stmt *st;
    *state = (leat_str){0};
    *err = (leat_err){0};
    *at_us = 0;
    LEAT_TRY(
        leat_state_prepare(s, "SELECT state, rc, code, place, msg, at_us FROM ending", &st, e));
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        *state = leat_arena_str(a, leat_state_column(st, 0));
        err->rc = (leat_rc)sqlite3_column_int(st, 1);
        copy_text(err->code, sizeof err->code, st, 2);
        copy_text(err->where, sizeof err->where, st, 3);
        copy_text(err->msg, sizeof err->msg, st, 4);
        *at_us = sqlite3_column_int64(st, 5);
    }
    leat_rc out = rc == SQLITE_ROW || rc == SQLITE_DONE ? LEAT_OK : leat_state_fail(s, "read", e);
    sqlite3_finalize(st);
    return out;
}
