/* hub.db: the same way of opening and migrating as state.db, other tables. */
#include "state/hub.h"

#include <sys/random.h>

#include "base/buf.h"
#include "base/clock.h"
#include "config/seal.h"
#include "state/db.h"

/* Each brings the file from its index to the next; never changed once released. */
static const char *const MIGRATIONS[] = {
    "CREATE TABLE hub (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL);"
    "CREATE TABLE connectors (name TEXT PRIMARY KEY, config TEXT NOT NULL,"
    "  stopped INTEGER NOT NULL, at_us INTEGER NOT NULL);",
    "CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, at_us INTEGER NOT NULL,"
    "  who TEXT NOT NULL, how TEXT NOT NULL, role TEXT NOT NULL, address TEXT NOT NULL,"
    "  method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL);",
    ("CREATE TABLE connections (name TEXT PRIMARY KEY COLLATE NOCASE, json TEXT NOT NULL,"
     "  at_us INTEGER NOT NULL);"),
    "CREATE TABLE versions (connector TEXT NOT NULL, version INTEGER NOT NULL,"
    "  at_us INTEGER NOT NULL, who TEXT NOT NULL, config TEXT NOT NULL,"
    "  PRIMARY KEY (connector, version)) WITHOUT ROWID;",
    "ALTER TABLE audit ADD COLUMN changed TEXT;",
};

enum { ID_BYTES = 16, ID_TEXT = 22, DEEDS = 10000, DEEDS_SPARE = 100, VERSIONS = 100 };

struct leat_hubdb {
    leat_state s;
};

static leat_hubdb *make(const char *data)
{
    leat_seal_folder(data);
    leat_hubdb *h = leat_zalloc(1, sizeof *h);
    leat_arena a = {0};
    h->s.advice = "nothing else holds the hub's connectors, connections and tokens: restore "
                  "hub.db (with its -wal, if it was saved) from a backup of the data folder. "
                  "Without one the connectors' configurations are in connectors/*/state.db, and "
                  "their streams and positions are untouched";
    h->s.migrations = MIGRATIONS;
    h->s.nmigrations = sizeof MIGRATIONS / sizeof *MIGRATIONS;
    h->s.path = leat_strdup(leat_arena_printf(&a, "%s/hub.db", data));
    leat_arena_free(&a);
    return h;
}

leat_rc leat_hubdb_open(const char *data, leat_hubdb **out, leat_err *e)
{
    leat_hubdb *h = make(data);
    leat_rc rc = leat_state_setup(&h->s, data, e);
    if (leat_rc_failed(rc)) {
        leat_hubdb_close(h);
        return rc;
    }
    *out = h;
    return LEAT_OK;
}

leat_rc leat_hubdb_look(const char *data, leat_hubdb **out, leat_err *e)
{
    leat_hubdb *h = make(data);
    int version = 0;
    leat_rc rc = leat_state_look(&h->s, &version, e);
    if (rc == LEAT_OK && version < h->s.nmigrations) rc = LEAT_PENDING;
    if (rc != LEAT_OK) {
        leat_hubdb_close(h);
        return rc;
    }
    *out = h;
    return LEAT_OK;
}

void leat_hubdb_close(leat_hubdb *h)
{
    if (!h) return;
    sqlite3_close(h->s.db);
    leat_free(h->s.path);
    leat_free(h);
}

leat_rc leat_hubdb_scrub(leat_hubdb *h, leat_err *e)
{
    return leat_state_scrub(&h->s, e);
}

static leat_rc read_id(leat_hubdb *h, leat_arena *a, const char **id, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(&h->s, "SELECT id FROM hub", &st, e));
    int rc = sqlite3_step(st);
    *id = rc == SQLITE_ROW ? leat_arena_str(a, leat_state_column(st, 0)).s : NULL;
    leat_rc out =
        rc == SQLITE_ROW || rc == SQLITE_DONE ? LEAT_OK : leat_state_fail(&h->s, "read", e);
    sqlite3_finalize(st);
    return out;
}

static leat_rc make_id(leat_hubdb *h, leat_err *e)
{
    uint8_t bytes[ID_BYTES];
    int64_t now = leat_now_us();
    sqlite3_stmt *st;
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, &now, sizeof now);
    }
    LEAT_TRY(leat_state_prepare(&h->s, "INSERT INTO hub VALUES (1, ?)", &st, e));
    leat_buf text = {0};
    leat_buf_base64(&text, (leat_str){(char *)bytes, sizeof bytes}, true);
    leat_state_bind(st, 1, (leat_str){text.p, ID_TEXT});
    leat_rc rc = leat_state_finish(&h->s, st, "write", e);
    leat_buf_free(&text);
    return rc;
}

leat_rc leat_hubdb_id(leat_hubdb *h, leat_arena *a, const char **id, leat_err *e)
{
    LEAT_TRY(read_id(h, a, id, e));
    if (*id) return LEAT_OK;
    LEAT_TRY(make_id(h, e));
    return read_id(h, a, id, e);
}

/* ---- versions of configurations ---- */

/* The newest one; 0: there is none. *same: it is this configuration. */
static leat_rc newest(leat_hubdb *h, const char *name, leat_str config, int64_t *version,
                      bool *same, leat_err *e)
{
    sqlite3_stmt *st;
    *version = 0;
    *same = false;
    LEAT_TRY(leat_state_prepare(&h->s,
                                "SELECT version, config FROM versions WHERE connector = ?"
                                " ORDER BY version DESC LIMIT 1",
                                &st, e));
    leat_state_bind(st, 1, leat_str_of(name));
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        *version = sqlite3_column_int64(st, 0);
        *same = leat_str_eq(leat_state_column(st, 1), config);
    }
    leat_rc out =
        rc == SQLITE_ROW || rc == SQLITE_DONE ? LEAT_OK : leat_state_fail(&h->s, "read", e);
    sqlite3_finalize(st);
    return out;
}

static leat_rc add_version(leat_hubdb *h, const char *name, const leat_hubdb_version *v,
                           leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(&h->s, "INSERT INTO versions VALUES (?, ?, ?, ?, ?)", &st, e));
    leat_state_bind(st, 1, leat_str_of(name));
    sqlite3_bind_int64(st, 2, v->version);
    sqlite3_bind_int64(st, 3, v->at_us);
    leat_state_bind(st, 4, leat_str_of(v->who));
    leat_state_bind(st, 5, v->config);
    return leat_state_finish(&h->s, st, "write", e);
}

/* What it was goes first when nothing was noted of it yet; one that changes nothing is none. */
static leat_rc note_version(leat_hubdb *h, const leat_hubdb_row *row, leat_err *e)
{
    leat_hubdb_version v = {.who = "", .config = row->before, .at_us = leat_now_us()};
    sqlite3_stmt *st;
    bool same;
    if (!row->shown.s) return LEAT_OK;
    LEAT_TRY(newest(h, row->name, row->shown, &v.version, &same, e));
    if (same) return LEAT_OK;
    if (v.version == 0 && row->before.s) {
        v.version = 1;
        LEAT_TRY(add_version(h, row->name, &v, e));
    }
    v.version++;
    v.who = row->who;
    v.config = row->shown;
    LEAT_TRY(add_version(h, row->name, &v, e));
    LEAT_TRY(leat_state_prepare(&h->s, "DELETE FROM versions WHERE connector = ? AND version <= ?",
                                &st, e));
    leat_state_bind(st, 1, leat_str_of(row->name));
    sqlite3_bind_int64(st, 2, v.version - VERSIONS);
    return leat_state_finish(&h->s, st, "write", e);
}

leat_rc leat_hubdb_versions_each(leat_hubdb *h, const char *name,
                                 void (*fn)(void *arg, const leat_hubdb_version *version),
                                 void *arg, leat_err *e)
{
    sqlite3_stmt *st;
    int rc;
    LEAT_TRY(leat_state_prepare(&h->s,
                                "SELECT version, at_us, who, config FROM versions"
                                " WHERE connector = ? ORDER BY version DESC",
                                &st, e));
    leat_state_bind(st, 1, leat_str_of(name));
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        leat_hubdb_version v = {.version = sqlite3_column_int64(st, 0),
                                .at_us = sqlite3_column_int64(st, 1),
                                .who = (const char *)sqlite3_column_text(st, 2),
                                .config = leat_state_column(st, 3)};
        fn(arg, &v);
    }
    leat_rc out = rc == SQLITE_DONE ? LEAT_OK : leat_state_fail(&h->s, "read", e);
    sqlite3_finalize(st);
    return out;
}

/* ---- connectors ---- */

static leat_rc put(leat_hubdb *h, const leat_hubdb_row *row, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(
        leat_state_prepare(&h->s, "INSERT OR REPLACE INTO connectors VALUES (?, ?, ?, ?)", &st, e));
    leat_state_bind(st, 1, leat_str_of(row->name));
    leat_state_bind(st, 2, row->config);
    sqlite3_bind_int(st, 3, row->stopped);
    sqlite3_bind_int64(st, 4, leat_now_us());
    LEAT_TRY(leat_state_finish(&h->s, st, "write", e));
    return note_version(h, row, e);
}

/* All that fn writes, or nothing. */
static leat_rc at_once(leat_hubdb *h,
                       leat_rc (*fn)(leat_hubdb *, const leat_hubdb_row *, leat_err *),
                       const leat_hubdb_row *row, leat_err *e)
{
    LEAT_TRY(leat_state_run(&h->s, "BEGIN IMMEDIATE", "write", e));
    leat_rc rc = fn(h, row, e);
    if (rc == LEAT_OK) rc = leat_state_run(&h->s, "COMMIT", "write", e);
    if (rc != LEAT_OK) leat_state_run(&h->s, "ROLLBACK", "write", NULL);
    return rc;
}

leat_rc leat_hubdb_put(leat_hubdb *h, const leat_hubdb_row *row, leat_err *e)
{
    return at_once(h, put, row, e);
}

leat_rc leat_hubdb_stopped_set(leat_hubdb *h, const char *name, bool stopped, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(
        &h->s, "UPDATE connectors SET stopped = ?1, at_us = ?2 WHERE name = ?3 AND stopped <> ?1",
        &st, e));
    sqlite3_bind_int(st, 1, stopped);
    sqlite3_bind_int64(st, 2, leat_now_us());
    leat_state_bind(st, 3, leat_str_of(name));
    return leat_state_finish(&h->s, st, "write", e);
}

static leat_rc delete_from(leat_hubdb *h, const char *sql, const char *name, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(&h->s, sql, &st, e));
    leat_state_bind(st, 1, leat_str_of(name));
    return leat_state_finish(&h->s, st, "write", e);
}

static leat_rc delete_row(leat_hubdb *h, const leat_hubdb_row *row, leat_err *e)
{
    LEAT_TRY(delete_from(h, "DELETE FROM versions WHERE connector = ?", row->name, e));
    return delete_from(h, "DELETE FROM connectors WHERE name = ?", row->name, e);
}

leat_rc leat_hubdb_delete(leat_hubdb *h, const char *name, leat_err *e)
{
    return at_once(h, delete_row, &(leat_hubdb_row){.name = name}, e);
}

leat_rc leat_hubdb_each(leat_hubdb *h, void (*fn)(void *arg, const leat_hubdb_row *row), void *arg,
                        leat_err *e)
{
    sqlite3_stmt *st;
    int rc;
    LEAT_TRY(leat_state_prepare(&h->s, "SELECT name, config, stopped FROM connectors ORDER BY name",
                                &st, e));
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        leat_hubdb_row row = {.name = (const char *)sqlite3_column_text(st, 0),
                              .config = leat_state_column(st, 1),
                              .stopped = sqlite3_column_int(st, 2) != 0};
        fn(arg, &row);
    }
    leat_rc out = rc == SQLITE_DONE ? LEAT_OK : leat_state_fail(&h->s, "read", e);
    sqlite3_finalize(st);
    return out;
}

/* ---- audit ---- */

/* Now and then, so that not each costs a second change of the file. */
static leat_rc forget_deeds(leat_hubdb *h, leat_err *e)
{
    int64_t last = sqlite3_last_insert_rowid(h->s.db);
    sqlite3_stmt *st;
    if (last % DEEDS_SPARE != 0) return LEAT_OK;
    LEAT_TRY(leat_state_prepare(&h->s, "DELETE FROM audit WHERE id <= ?", &st, e));
    sqlite3_bind_int64(st, 1, last - DEEDS);
    return leat_state_finish(&h->s, st, "write", e);
}

leat_rc leat_hubdb_audit_add(leat_hubdb *h, const leat_hubdb_deed *deed, leat_err *e)
{
    const char *texts[] = {deed->who,     deed->how,    deed->role,
                           deed->address, deed->method, deed->path};
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(&h->s,
                                "INSERT INTO audit (at_us, who, how, role, address, method, path,"
                                " status, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                &st, e));
    sqlite3_bind_int64(st, 1, leat_now_us());
    for (int i = 0; i < 6; i++) leat_state_bind(st, i + 2, leat_str_of(texts[i]));
    sqlite3_bind_int(st, 8, deed->status);
    if (deed->changed.s) leat_state_bind(st, 9, deed->changed);
    LEAT_TRY(leat_state_finish(&h->s, st, "write", e));
    return forget_deeds(h, e);
}

static const char *text_of(sqlite3_stmt *st, int i)
{
    return (const char *)sqlite3_column_text(st, i);
}

leat_rc leat_hubdb_audit_each(leat_hubdb *h, int64_t before,
                              bool (*fn)(void *arg, const leat_hubdb_deed *deed), void *arg,
                              leat_err *e)
{
    sqlite3_stmt *st;
    int rc;
    LEAT_TRY(leat_state_prepare(&h->s,
                                "SELECT id, at_us, who, how, role, address, method, path, status,"
                                " changed FROM audit WHERE ?1 = 0 OR id < ?1 ORDER BY id DESC",
                                &st, e));
    sqlite3_bind_int64(st, 1, before);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        leat_hubdb_deed deed = {.id = sqlite3_column_int64(st, 0),
                                .at_us = sqlite3_column_int64(st, 1),
                                .who = text_of(st, 2),
                                .how = text_of(st, 3),
                                .role = text_of(st, 4),
                                .address = text_of(st, 5),
                                .method = text_of(st, 6),
                                .path = text_of(st, 7),
                                .status = sqlite3_column_int(st, 8),
                                .changed = leat_str_of(text_of(st, 9))};
        if (!fn(arg, &deed)) break;
    }
    leat_rc out =
        rc == SQLITE_DONE || rc == SQLITE_ROW ? LEAT_OK : leat_state_fail(&h->s, "read", e);
    sqlite3_finalize(st);
    return out;
}

/* ---- connections ---- */

leat_rc leat_hubdb_connection_get(leat_hubdb *h, const char *name, leat_arena *a,
                                  leat_hubdb_connection *out, leat_err *e)
{
    sqlite3_stmt *st;
    *out = (leat_hubdb_connection){0};
    LEAT_TRY(
        leat_state_prepare(&h->s, "SELECT name, json FROM connections WHERE name = ?", &st, e));
    leat_state_bind(st, 1, leat_str_of(name));
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        out->name = leat_arena_str(a, leat_state_column(st, 0)).s;
        out->json = leat_arena_str(a, leat_state_column(st, 1));
    }
    leat_rc got =
        rc == SQLITE_ROW || rc == SQLITE_DONE ? LEAT_OK : leat_state_fail(&h->s, "read", e);
    sqlite3_finalize(st);
    return got;
}

leat_rc leat_hubdb_connection_put(leat_hubdb *h, const leat_hubdb_connection *row, bool replace,
                                  bool *put, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(&h->s,
                                replace ? "INSERT OR REPLACE INTO connections VALUES (?, ?, ?)"
                                        : "INSERT OR IGNORE INTO connections VALUES (?, ?, ?)",
                                &st, e));
    leat_state_bind(st, 1, leat_str_of(row->name));
    leat_state_bind(st, 2, row->json);
    sqlite3_bind_int64(st, 3, leat_now_us());
    LEAT_TRY(leat_state_finish(&h->s, st, "write", e));
    *put = sqlite3_changes(h->s.db) > 0;
    return LEAT_OK;
}

leat_rc leat_hubdb_connection_delete(leat_hubdb *h, const char *name, leat_err *e)
{
    return delete_from(h, "DELETE FROM connections WHERE name = ?", name, e);
}

leat_rc leat_hubdb_connection_each(leat_hubdb *h,
                                   void (*fn)(void *arg, const leat_hubdb_connection *row),
                                   void *arg, leat_err *e)
{
    sqlite3_stmt *st;
    int rc;
    LEAT_TRY(leat_state_prepare(&h->s, "SELECT name, json FROM connections ORDER BY name", &st, e));
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        const leat_hubdb_connection row = {text_of(st, 0), leat_state_column(st, 1)};
        fn(arg, &row);
    }
    leat_rc out = rc == SQLITE_DONE ? LEAT_OK : leat_state_fail(&h->s, "read", e);
    sqlite3_finalize(st);
    return out;
}
