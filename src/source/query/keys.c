/* The keys of the rows that were told; see the header.
 *
 *     told(k1, k2, ..., cells)          in the order of the database's plan: whole numbers by
 *                                       themselves, texts by their bytes
 *     gone(batch, k1, k2, ..., cells)   set aside
 *     came(batch, k1, k2, ...)          of those told: told behind the position
 *     again(k1, k2, ...)                of those told: the last run may not have told them
 *     note(name, text)                  "signature" and those of the owner
 */
#include "source/query/keys.h"

#include <errno.h>
#include <sqlite3.h>

#include "base/os.h"

enum {
    DIGITS = 20,   /* of 2^64 - 1 */
    STEPS = 10000, /* of SQLite's between two looks whether to go on, or rows */
};

struct leat_query_keys {
    sqlite3 *db;
    char *path;
    uint16_t n;
    bool *whole;         /* the column holds whole numbers */
    bool sha, xors;      /* of the database's sums */
    char *names, *marks; /* "k1,k2" and "?1,?2" */
    sqlite3_stmt *put, *aside, *drop, *came, *asked;
    leat_buf sql, row;
    bool (*leaves)(void *arg);
    void *arg;
    bool open; /* a transaction */
    bool made; /* its tables were */
};

static leat_rc fail(leat_query_keys *k, const char *doing, leat_err *e)
{
    int code = k->db ? sqlite3_errcode(k->db) & 0xff : SQLITE_NOMEM;
    bool broken = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    return leat_fail(e, broken ? LEAT_CONF : LEAT_RETRY, "query.keys", k->path,
                     "could not %s: %s%s", doing, k->db ? sqlite3_errmsg(k->db) : "no memory",
                     broken ? ". The file is damaged: stop the connector and remove it; rows that "
                              "are deleted until then are not told"
                            : "");
}

static leat_rc run(leat_query_keys *k, const char *sql, const char *doing, leat_err *e)
{
    return sqlite3_exec(k->db, sql, NULL, NULL, NULL) == SQLITE_OK ? LEAT_OK : fail(k, doing, e);
}

/* Of k->sql. */
static leat_rc run_built(leat_query_keys *k, const char *doing, leat_err *e)
{
    leat_buf_u8(&k->sql, 0);
    return run(k, k->sql.p, doing, e);
}

static leat_rc prepare(leat_query_keys *k, sqlite3_stmt **st, leat_err *e)
{
    int rc = sqlite3_prepare_v2(k->db, k->sql.p, (int)k->sql.len, st, NULL);
    return rc == SQLITE_OK ? LEAT_OK : fail(k, "read the keys that were told", e);
}

static void bind_text(sqlite3_stmt *st, int i, leat_str v)
{
    sqlite3_bind_text64(st, i, v.s ? v.s : "", v.len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

/* SQLite's numbers end at 2^63, an unsigned one at 2^64: those between are texts, behind all
 * numbers, and of one length, so that they are ordered among each other. */
static void bind_whole(sqlite3_stmt *st, int i, leat_str v)
{
    char text[DIGITS];
    int64_t number;
    if (leat_str_i64(v, &number)) {
        sqlite3_bind_int64(st, i, number);
        return;
    }
    size_t zeros = v.len < DIGITS ? DIGITS - v.len : 0;
    memset(text, '0', zeros);
    memcpy(text + zeros, v.s, DIGITS - zeros);
    bind_text(st, i, (leat_str){text, DIGITS});
}

/* Parameters from + 1 and so on. */
static void bind_key(const leat_query_keys *k, sqlite3_stmt *st, int from, const leat_str *key)
{
    for (int i = 0; i < k->n; i++) (k->whole[i] ? bind_whole : bind_text)(st, from + i + 1, key[i]);
}

static leat_str column(sqlite3_stmt *st, int i)
{
    const char *text = (const char *)sqlite3_column_text(st, i);
    return (leat_str){text ? text : "", (size_t)sqlite3_column_bytes(st, i)};
}

/* A column of the key, as it was given. */
static leat_str key_column(const leat_query_keys *k, sqlite3_stmt *st, int i)
{
    bool large = k->whole[i] && sqlite3_column_type(st, i) == SQLITE_TEXT;
    leat_str text = column(st, i);
    if (large)
        while (text.len > 0 && *text.s == '0') text.s++, text.len--;
    return text;
}

static leat_rc begin(leat_query_keys *k, leat_err *e)
{
    if (k->open) return LEAT_OK;
    LEAT_TRY(run(k, "BEGIN IMMEDIATE", "write keys", e));
    k->open = true;
    return LEAT_OK;
}

/* A statement that returns no row, to be used again. */
static leat_rc step(leat_query_keys *k, sqlite3_stmt *st, leat_err *e)
{
    int rc = sqlite3_step(st);
    sqlite3_reset(st);
    return rc == SQLITE_DONE ? LEAT_OK : fail(k, "write keys", e);
}

/* ---- the file ---- */

static void make_names(leat_query_keys *k)
{
    leat_buf names = {0}, marks = {0};
    for (int i = 1; i <= k->n; i++) {
        leat_buf_printf(&names, "%sk%d", i > 1 ? "," : "", i);
        leat_buf_printf(&marks, "%s?%d", i > 1 ? "," : "", i);
    }
    leat_buf_u8(&names, 0);
    leat_buf_u8(&marks, 0);
    k->names = leat_strdup(names.p);
    k->marks = leat_strdup(marks.p);
    leat_buf_free(&names);
    leat_buf_free(&marks);
}

static leat_rc make_tables(leat_query_keys *k, const char *signature, leat_err *e)
{
    leat_buf *q = &k->sql, cols = {0};
    for (int i = 0; i < k->n; i++)
        leat_buf_printf(&cols, "k%d NOT NULL,", i + 1); /* of no type, which changes no value */
    leat_buf_u8(&cols, 0);
    leat_buf_clear(q);
    leat_buf_printf(q,
                    "BEGIN IMMEDIATE; DROP TABLE IF EXISTS told; DROP TABLE IF EXISTS gone;"
                    "DROP TABLE IF EXISTS came; DROP TABLE IF EXISTS again; DELETE FROM note;"
                    "CREATE TABLE told (%s cells BLOB NOT NULL, PRIMARY KEY (%s)) WITHOUT ROWID;"
                    "CREATE TABLE gone (batch INTEGER NOT NULL, %s cells BLOB NOT NULL,"
                    " PRIMARY KEY (batch,%s)) WITHOUT ROWID;"
                    "CREATE TABLE came (batch INTEGER NOT NULL, %s PRIMARY KEY (%s)) WITHOUT ROWID;"
                    "CREATE TABLE again (%s PRIMARY KEY (%s)) WITHOUT ROWID;",
                    cols.p, k->names, cols.p, k->names, cols.p, k->names, cols.p, k->names);
    leat_buf_free(&cols);
    LEAT_TRY(run_built(k, "make its tables", e));
    k->open = k->made = true;
    LEAT_TRY(leat_query_keys_note_set(k, "signature", leat_str_of(signature), e));
    return leat_query_keys_commit(k, e);
}

static leat_rc make_file(leat_query_keys *k, leat_err *e)
{
    const leat_os *os = leat_os_now();
    int fd = os->open(k->path, LEAT_O_WRITE | LEAT_O_CREATE | LEAT_O_EXCL, 0600);
    os->close(fd);
    if (fd < 0 && fd != -EEXIST) return leat_os_fail(e, fd, "make", k->path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(k->path, &k->db, flags, NULL) != SQLITE_OK)
        return fail(k, "open the file of keys", e);
    return run(k,
               "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -1024;"
               "CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, text TEXT NOT NULL)"
               " WITHOUT ROWID",
               "set the file of keys up", e);
}

/* What a look told and is not durable is told again, a delete or a row by what is there then: sums
 * may have become equal since, while the stream has something else. */
static leat_rc take_back(leat_query_keys *k, uint64_t told, leat_err *e)
{
    LEAT_TRY(leat_query_keys_forget(k, told, e));
    leat_buf_clear(&k->sql);
    leat_buf_printf(&k->sql,
                    "INSERT OR IGNORE INTO told SELECT %s, cells FROM gone;"
                    "INSERT OR IGNORE INTO again SELECT %s FROM gone;"
                    "INSERT OR IGNORE INTO again SELECT %s FROM came;"
                    "DELETE FROM gone; DELETE FROM came",
                    k->names, k->names, k->names);
    LEAT_TRY(run_built(k, "take back what was told", e));
    return leat_query_keys_commit(k, e);
}

static leat_rc prepare_all(leat_query_keys *k, leat_err *e)
{
    leat_buf_clear(&k->sql);
    leat_buf_printf(&k->sql,
                    "INSERT INTO told VALUES (%s,?%d) ON CONFLICT DO UPDATE SET cells ="
                    " excluded.cells WHERE cells <> excluded.cells AND length(excluded.cells) > 0",
                    k->marks, k->n + 1);
    LEAT_TRY(prepare(k, &k->put, e));
    leat_buf_clear(&k->sql);
    leat_buf_printf(&k->sql,
                    "INSERT OR IGNORE INTO gone SELECT ?%d,%s,cells FROM told WHERE (%s)=(%s)",
                    k->n + 1, k->names, k->names, k->marks);
    LEAT_TRY(prepare(k, &k->aside, e));
    leat_buf_clear(&k->sql);
    leat_buf_printf(&k->sql, "DELETE FROM told WHERE (%s)=(%s)", k->names, k->marks);
    LEAT_TRY(prepare(k, &k->drop, e));
    leat_buf_clear(&k->sql);
    leat_buf_printf(&k->sql, "INSERT OR REPLACE INTO came VALUES (?%d,%s)", k->n + 1, k->marks);
    LEAT_TRY(prepare(k, &k->came, e));
    leat_buf_clear(&k->sql);
    leat_buf_printf(&k->sql, "DELETE FROM again WHERE (%s)=(%s)", k->names, k->marks);
    return prepare(k, &k->asked, e);
}

leat_rc leat_query_keys_open(const char *path, const leat_compare_plan *plan, const char *signature,
                             uint64_t told, leat_query_keys **out, leat_err *e)
{
    leat_query_keys *k = leat_zalloc(1, sizeof *k);
    leat_arena a = {0};
    leat_str was = {0};
    k->path = leat_strdup(path);
    k->n = plan->nkey;
    k->sha = plan->sha;
    k->xors = plan->xors;
    k->whole = leat_zalloc(k->n, sizeof *k->whole);
    for (int i = 0; i < k->n; i++) k->whole[i] = plan->fields[i].kind == LEAT_COMPARE_INT;
    make_names(k);
    leat_rc rc = make_file(k, e);
    if (rc == LEAT_OK) rc = leat_query_keys_note(k, "signature", &a, &was, e);
    if (rc == LEAT_OK && !leat_str_is(was, signature)) rc = make_tables(k, signature, e);
    if (rc == LEAT_OK) rc = take_back(k, told, e);
    if (rc == LEAT_OK) rc = prepare_all(k, e);
    leat_arena_free(&a);
    if (rc == LEAT_OK)
        *out = k;
    else
        leat_query_keys_close(k);
    return rc;
}

void leat_query_keys_leaves(leat_query_keys *k, bool (*leaves)(void *arg), void *arg)
{
    k->leaves = leaves;
    k->arg = arg;
}

bool leat_query_keys_new(const leat_query_keys *k)
{
    return k->made;
}

void leat_query_keys_close(leat_query_keys *k)
{
    if (!k) return;
    sqlite3_finalize(k->put);
    sqlite3_finalize(k->aside);
    sqlite3_finalize(k->drop);
    sqlite3_finalize(k->came);
    sqlite3_finalize(k->asked);
    sqlite3_close(k->db);
    leat_buf_free(&k->sql);
    leat_buf_free(&k->row);
    leat_free(k->names);
    leat_free(k->marks);
    leat_free(k->whole);
    leat_free(k->path);
    leat_free(k);
}

/* ---- writing ---- */

leat_rc leat_query_keys_note(leat_query_keys *k, const char *name, leat_arena *a, leat_str *out,
                             leat_err *e)
{
    sqlite3_stmt *st = NULL;
    *out = (leat_str){0};
    leat_buf_clear(&k->sql);
    leat_buf_str_z(&k->sql, "SELECT text FROM note WHERE name = ?1");
    LEAT_TRY(prepare(k, &st, e));
    bind_text(st, 1, leat_str_of(name));
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) *out = leat_arena_str(a, column(st, 0));
    sqlite3_finalize(st);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? LEAT_OK : fail(k, "read a note", e);
}

leat_rc leat_query_keys_note_set(leat_query_keys *k, const char *name, leat_str text, leat_err *e)
{
    sqlite3_stmt *st = NULL;
    LEAT_TRY(begin(k, e));
    leat_buf_clear(&k->sql);
    leat_buf_str_z(&k->sql, "INSERT OR REPLACE INTO note VALUES (?1, ?2)");
    LEAT_TRY(prepare(k, &st, e));
    bind_text(st, 1, leat_str_of(name));
    bind_text(st, 2, text);
    leat_rc rc = step(k, st, e);
    sqlite3_finalize(st);
    return rc;
}

leat_rc leat_query_keys_put(leat_query_keys *k, const leat_str *key, leat_str cells, leat_err *e)
{
    LEAT_TRY(begin(k, e));
    bind_key(k, k->put, 0, key);
    sqlite3_bind_blob64(k->put, k->n + 1, cells.s, cells.len, SQLITE_STATIC);
    return step(k, k->put, e);
}

leat_rc leat_query_keys_leave(leat_query_keys *k, const leat_str *key, uint64_t batch, leat_err *e)
{
    LEAT_TRY(begin(k, e));
    bind_key(k, k->aside, 0, key);
    sqlite3_bind_int64(k->aside, k->n + 1, (int64_t)batch);
    LEAT_TRY(step(k, k->aside, e));
    bind_key(k, k->drop, 0, key);
    LEAT_TRY(step(k, k->drop, e));
    return leat_query_keys_asked(k, key, e);
}

leat_rc leat_query_keys_came(leat_query_keys *k, const leat_str *key, uint64_t batch, leat_err *e)
{
    LEAT_TRY(begin(k, e));
    bind_key(k, k->came, 0, key);
    sqlite3_bind_int64(k->came, k->n + 1, (int64_t)batch);
    LEAT_TRY(step(k, k->came, e));
    return leat_query_keys_asked(k, key, e);
}

leat_rc leat_query_keys_asked(leat_query_keys *k, const leat_str *key, leat_err *e)
{
    LEAT_TRY(begin(k, e));
    bind_key(k, k->asked, 0, key);
    return step(k, k->asked, e);
}

leat_rc leat_query_keys_forget(leat_query_keys *k, uint64_t told, leat_err *e)
{
    LEAT_TRY(begin(k, e));
    leat_buf_clear(&k->sql);
    leat_buf_printf(&k->sql,
                    "DELETE FROM gone WHERE batch <= %lld; DELETE FROM came WHERE batch <= %lld",
                    (long long)told, (long long)told);
    return run_built(k, "forget what was told", e);
}

leat_rc leat_query_keys_commit(leat_query_keys *k, leat_err *e)
{
    if (!k->open) return LEAT_OK;
    LEAT_TRY(run(k, "COMMIT", "write keys", e));
    k->open = false;
    return LEAT_OK;
}

/* ---- ranges ---- */

/* "SELECT what FROM told WHERE ... ORDER BY": of its bounds. */
static leat_rc select(leat_query_keys *k, const char *what, const leat_compare_range *r,
                      sqlite3_stmt **st, leat_err *e)
{
    leat_buf_clear(&k->sql);
    leat_buf_printf(&k->sql, "SELECT %s%s FROM told WHERE 1", k->names, what);
    for (int i = 0; i < 2; i++) {
        if (!(i ? r->hi : r->lo)) continue;
        leat_buf_printf(&k->sql, " AND (%s)%s(", k->names, i ? "<=" : ">");
        for (int c = 0; c < k->n; c++)
            leat_buf_printf(&k->sql, "%s?%d", c ? "," : "", i * k->n + c + 1);
        leat_buf_u8(&k->sql, ')');
    }
    leat_buf_printf(&k->sql, " ORDER BY %s LIMIT ?%d OFFSET ?%d", k->names, 2 * k->n + 1,
                    2 * k->n + 2);
    LEAT_TRY(prepare(k, st, e));
    if (r->lo) bind_key(k, *st, 0, r->lo);
    if (r->hi) bind_key(k, *st, k->n, r->hi);
    sqlite3_bind_int(*st, 2 * k->n + 1, -1);
    sqlite3_bind_int(*st, 2 * k->n + 2, 0);
    return LEAT_OK;
}

static int look_up(void *arg)
{
    const leat_query_keys *k = arg;
    return k->leaves && k->leaves(k->arg);
}

static leat_rc stopped(const leat_query_keys *k, leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "query.stopped", k->path, "it was told to end");
}

leat_rc leat_query_keys_bound(leat_query_keys *k, const leat_compare_range *r, uint64_t skip,
                              leat_arena *a, const leat_str **key, leat_err *e)
{
    sqlite3_stmt *st = NULL;
    *key = NULL;
    LEAT_TRY(select(k, "", r, &st, e));
    sqlite3_bind_int(st, 2 * k->n + 1, 1);
    sqlite3_bind_int64(st, 2 * k->n + 2, (int64_t)skip);
    /* For this alone: a write that is broken off takes its transaction with it. */
    sqlite3_progress_handler(k->db, STEPS, look_up, k);
    int rc = sqlite3_step(st);
    sqlite3_progress_handler(k->db, 0, NULL, NULL);
    if (rc == SQLITE_ROW) {
        leat_str *out = LEAT_NEW(a, leat_str, k->n);
        for (int i = 0; i < k->n; i++) out[i] = leat_arena_str(a, key_column(k, st, i));
        *key = out;
    }
    sqlite3_finalize(st);
    if (rc == SQLITE_INTERRUPT) return stopped(k, e);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? LEAT_OK : fail(k, "find a bound", e);
}

leat_rc leat_query_keys_sum(leat_query_keys *k, const leat_compare_range *r, leat_compare_sum *out,
                            leat_err *e)
{
    sqlite3_stmt *st = NULL;
    int rc;
    bool leaves = false;
    *out = (leat_compare_sum){0};
    LEAT_TRY(select(k, "", r, &st, e));
    while ((rc = sqlite3_step(st)) == SQLITE_ROW && !leaves) {
        int64_t first, second;
        leat_buf_clear(&k->row);
        for (int i = 0; i < k->n; i++) {
            leat_str text = key_column(k, st, i);
            leat_buf_printf(&k->row, "%zu:", text.len);
            leat_buf_add(&k->row, text);
        }
        leat_compare_hash(leat_buf_str(&k->row), k->sha, &first, &second);
        out->rows++;
        out->sum += first;
        out->both = k->xors ? (int64_t)out->both ^ second : out->both + second;
        leaves = out->rows % STEPS == 0 && look_up(k);
    }
    sqlite3_finalize(st);
    if (leaves) return stopped(k, e);
    return rc == SQLITE_DONE ? LEAT_OK : fail(k, "sum keys up", e);
}

/* Calls fn with the keys and cells of the statement, which it ends. */
static leat_rc each(leat_query_keys *k, sqlite3_stmt *st, leat_query_keys_fn *fn, void *arg,
                    leat_err *e)
{
    int rc;
    leat_str *key = leat_zalloc(k->n, sizeof *key);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        for (int i = 0; i < k->n; i++) key[i] = key_column(k, st, i);
        leat_str cells = {sqlite3_column_blob(st, k->n), (size_t)sqlite3_column_bytes(st, k->n)};
        fn(arg, key, cells);
    }
    leat_free(key);
    sqlite3_finalize(st);
    return rc == SQLITE_DONE ? LEAT_OK : fail(k, "read keys", e);
}

leat_rc leat_query_keys_each(leat_query_keys *k, const leat_compare_range *r,
                             leat_query_keys_fn *fn, void *arg, leat_err *e)
{
    sqlite3_stmt *st = NULL;
    LEAT_TRY(select(k, ",cells", r, &st, e));
    return each(k, st, fn, arg, e);
}

leat_rc leat_query_keys_again(leat_query_keys *k, uint32_t most, leat_query_keys_fn *fn, void *arg,
                              leat_err *e)
{
    sqlite3_stmt *st = NULL;
    leat_buf_clear(&k->sql);
    leat_buf_printf(&k->sql, "SELECT %s,cells FROM again JOIN told USING (%s) LIMIT %u", k->names,
                    k->names, most);
    LEAT_TRY(prepare(k, &st, e));
    return each(k, st, fn, arg, e);
}
