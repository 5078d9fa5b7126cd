/* state.db: what tables looked like (event/schemas.h).
 *
 * A row an entry, never changed. Its checksum (CRC32C) covers all of it and the checksum of the
 * entry before, so that one that was changed, and one that is missing in the middle, are found. An
 * index finds a table's newest entry: neither a start nor a look-up depends on how many there are.
 * Run by the thread that has the handle. */
#include "base/buf.h"
#include "base/clock.h"
#include "state/db.h"

static const char DOING[] = "note what a table looks like", READING[] = "read the schema history";
#define COLUMNS "id, db, tab, place, what, sql, def, ts_us, at_us, before, sum"

/* ---- checksums ---- */

static void put_text(leat_buf *out, leat_str v)
{
    uint64_t n = v.s ? v.len : UINT64_MAX;
    leat_buf_put(out, (const char *)&n, sizeof n);
    leat_buf_add(out, v);
}

static uint32_t sum_of(const leat_schema_entry *en, uint32_t before)
{
    leat_buf all = {0};
    const int64_t numbers[] = {en->id, en->ts_us, en->at_us, before};
    leat_buf_put(&all, (const char *)numbers, sizeof numbers);
    put_text(&all, en->db);
    put_text(&all, en->table);
    put_text(&all, en->place);
    put_text(&all, en->what);
    put_text(&all, en->sql);
    put_text(&all, en->def);
    uint32_t sum = leat_crc32c(0, all.p, all.len);
    leat_buf_free(&all);
    return sum;
}

/* ---- adding ---- */

static leat_rc newest(leat_state *s, int64_t *id, uint32_t *sum, leat_err *e)
{
    sqlite3_stmt *st;
    *id = 0;
    *sum = 0;
    LEAT_TRY(leat_state_prepare(s, "SELECT id, sum FROM schemas ORDER BY id DESC LIMIT 1", &st, e));
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        *id = sqlite3_column_int64(st, 0);
        *sum = (uint32_t)sqlite3_column_int64(st, 1);
    }
    leat_rc out = rc == SQLITE_ROW || rc == SQLITE_DONE ? LEAT_OK : leat_state_fail(s, READING, e);
    sqlite3_finalize(st);
    return out;
}

static leat_rc add_one(leat_state *s, const leat_schema_entry *entry, int64_t id, uint32_t *sum,
                       leat_err *e)
{
    sqlite3_stmt *st;
    leat_schema_entry en = *entry;
    en.id = id;
    en.at_us = leat_now_us();
    if (!en.db.s) en.db = LEAT_STR("");
    if (!en.table.s) en.table = LEAT_STR("");
    LEAT_TRY(leat_state_prepare(
        s, "INSERT INTO schemas (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", &st, e));
    const leat_str texts[] = {en.db, en.table, en.place, en.what, en.sql, en.def};
    sqlite3_bind_int64(st, 1, en.id);
    for (int i = 0; i < 6; i++) leat_state_bind(st, 2 + i, texts[i]);
    sqlite3_bind_int64(st, 8, en.ts_us);
    sqlite3_bind_int64(st, 9, en.at_us);
    sqlite3_bind_int64(st, 10, *sum);
    *sum = sum_of(&en, *sum);
    sqlite3_bind_int64(st, 11, *sum);
    return leat_state_finish(s, st, DOING, e);
}

static leat_rc add(leat_schema_store *store, const leat_schema_entry *entries, size_t n,
                   leat_err *e)
{
    leat_state *s = LEAT_STATE_OF_SCHEMAS(store);
    int64_t id;
    uint32_t sum;
    LEAT_TRY(leat_state_run(s, "BEGIN IMMEDIATE", DOING, e));
    leat_rc rc = newest(s, &id, &sum, e);
    for (size_t i = 0; i < n && rc == LEAT_OK; i++)
        rc = add_one(s, &entries[i], id + 1 + (int64_t)i, &sum, e);
    if (rc == LEAT_OK) rc = leat_state_run(s, "COMMIT", DOING, e);
    if (rc != LEAT_OK) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

/* ---- reading ---- */

static leat_str text_at(sqlite3_stmt *st, int i)
{
    return sqlite3_column_type(st, i) == SQLITE_NULL ? (leat_str){0} : leat_state_column(st, i);
}

/* The row that was stepped to, and the checksums that it has and names. */
static leat_schema_entry entry_of(sqlite3_stmt *st, uint32_t *before, uint32_t *sum)
{
    leat_schema_entry en = {.id = sqlite3_column_int64(st, 0),
                            .db = text_at(st, 1),
                            .table = text_at(st, 2),
                            .place = text_at(st, 3),
                            .what = text_at(st, 4),
                            .sql = text_at(st, 5),
                            .def = text_at(st, 6),
                            .ts_us = sqlite3_column_int64(st, 7),
                            .at_us = sqlite3_column_int64(st, 8)};
    *before = (uint32_t)sqlite3_column_int64(st, 9);
    *sum = (uint32_t)sqlite3_column_int64(st, 10);
    en.broken = sum_of(&en, *before) != *sum;
    if (en.db.len == 0) en.db = (leat_str){0};
    if (en.table.len == 0) en.table = (leat_str){0};
    return en;
}

/* Tells what st gives until fn says false, and finalizes it. whole: all that there is, in order, so
 * that each has to continue the one before. */
static leat_rc walk(leat_state *s, sqlite3_stmt *st, bool whole,
                    bool (*fn)(void *arg, const leat_schema_entry *en), void *arg, leat_err *e)
{
    uint32_t before, sum, last = 0;
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        leat_schema_entry en = entry_of(st, &before, &sum);
        en.broken |= whole && before != last;
        last = sum;
        if (fn(arg, &en)) continue;
        rc = SQLITE_DONE;
        break;
    }
    leat_rc out = rc == SQLITE_DONE ? LEAT_OK : leat_state_fail(s, READING, e);
    sqlite3_finalize(st);
    return out;
}

static leat_rc each(leat_schema_store *store, leat_str db, leat_str table,
                    bool (*fn)(void *arg, const leat_schema_entry *entry), void *arg, leat_err *e)
{
    leat_state *s = LEAT_STATE_OF_SCHEMAS(store);
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(
        s,
        "SELECT " COLUMNS " FROM schemas WHERE db = ?1 AND tab = ?2 UNION ALL "
        "SELECT " COLUMNS " FROM schemas WHERE db = ?1 AND tab = '' UNION ALL "
        "SELECT " COLUMNS " FROM schemas WHERE db = '' AND tab = '' ORDER BY id DESC",
        &st, e));
    leat_state_bind(st, 1, db);
    leat_state_bind(st, 2, table);
    return walk(s, st, false, fn, arg, e);
}

static leat_rc empty(leat_schema_store *store, bool *none, leat_err *e)
{
    int64_t id;
    uint32_t sum;
    LEAT_TRY(newest(LEAT_STATE_OF_SCHEMAS(store), &id, &sum, e));
    *none = id == 0;
    return LEAT_OK;
}

const leat_schema_store leat_state_schemas_calls = {.add = add, .each = each, .empty = empty};

leat_schema_store *leat_state_schema_store(leat_state *s)
{
    return &s->schemas;
}

leat_rc leat_state_schemas_each(leat_state *s, bool (*fn)(void *arg, const leat_schema_entry *en),
                                void *arg, leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(leat_state_prepare(s, "SELECT " COLUMNS " FROM schemas ORDER BY id", &st, e));
    return walk(s, st, true, fn, arg, e);
}

leat_rc leat_state_schemas_after(leat_state *s, int64_t id,
                                 bool (*fn)(void *arg, const leat_schema_entry *en), void *arg,
                                 leat_err *e)
{
    sqlite3_stmt *st;
    LEAT_TRY(
        leat_state_prepare(s, "SELECT " COLUMNS " FROM schemas WHERE id > ? ORDER BY id", &st, e));
    sqlite3_bind_int64(st, 1, id);
    return walk(s, st, false, fn, arg, e);
}

leat_rc leat_state_schemas_clear(leat_state *s, leat_err *e)
{
    return leat_state_run(s, "DELETE FROM schemas", "empty the schema history", e);
}
