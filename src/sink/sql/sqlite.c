/* SQLite's dialect: a file, prepared statements, one transaction at a time (sink/sql/dialect.h).
 *
 * A statement that fails takes back what it did and nothing else, so all rows before it are good.
 * Columns that are made have types whose affinity changes nothing: what SQLite has no type for
 * (decimals, dates, intervals, arrays) is kept as text, exactly. Writers wait for each other up to
 * query.timeout.ms. By the sink's thread.
 *
 * A scratch database has no file of its name: SQLite keeps it in one that is unlinked at once, and
 * has nothing to sync. There floats stand in columns without a type, since one of reals would make
 * 0 of -0. */
#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/os.h"
#include "sink/sql/dialects.h"
#include "sink/sql/scratch.h"
#include "sink/sql/text.h"
#include "system/sqlite/classify.h"
#include "system/sqlite/compare.h"

typedef struct sqlite {
    leat_rdb_conn base;
    sqlite3 *db;
    const char *path;
    bool absent;   /* a trial, and the file is not there: another one, in memory, is used */
    leat_buf text; /* of the cell being bound */
    sqlite3_stmt **prepared;
    unsigned nprepared, cap;
} sqlite;

static leat_rc fail(leat_err *e, const sqlite *c, const char *doing)
{
    return leat_sqlite_fail(e, c->db, c->path, doing);
}

/* Of a row. SQLite has no codes for what is not there. */
static leat_rc fail_row(leat_err *e, const sqlite *c, const char *doing)
{
    static const struct {
        const char *words, *code;
    } absent[] = {
        {"no such table", "sql.table_missing"},
        {"no such column", "sql.column_missing"},
        {"has no column named", "sql.column_missing"},
    };
    const char *text = sqlite3_errmsg(c->db);
    bool plain = sqlite3_extended_errcode(c->db) == SQLITE_ERROR;
    for (size_t i = 0; plain && i < sizeof absent / sizeof *absent; i++)
        if (strstr(text, absent[i].words))
            return leat_fail(e, LEAT_DATA, absent[i].code, c->path, "could not %s: %s", doing,
                             text);
    return fail(e, c, doing);
}

/* ---- the session ---- */

static void close_db(leat_rdb_conn *conn)
{
    sqlite *c = (sqlite *)conn;
    for (unsigned i = 0; i < c->nprepared; i++) sqlite3_finalize(c->prepared[i]);
    sqlite3_close(c->db);
    leat_free(c->prepared);
    leat_buf_free(&c->text);
    leat_free(c);
}

static leat_rc exec(leat_rdb_conn *conn, const char *doing, const char *sql, leat_err *e)
{
    sqlite *c = (sqlite *)conn;
    const char *text = strcmp(sql, "BEGIN") == 0 ? "BEGIN IMMEDIATE" : sql;
    return sqlite3_exec(c->db, text, NULL, NULL, NULL) == SQLITE_OK ? LEAT_OK : fail(e, c, doing);
}

/* The journal's mode is a property of the file. */
static leat_rc set_up(sqlite *c, int64_t wait_ms, bool trial, leat_err *e)
{
    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_busy_timeout(c->db, wait_ms > 0 && wait_ms < INT32_MAX ? (int)wait_ms : 30000);
    if (trial) return exec(&c->base, "set foreign keys up", "PRAGMA foreign_keys=ON", e);
    LEAT_TRY(exec(&c->base, "set the journal up", "PRAGMA journal_mode=WAL", e));
    LEAT_TRY(exec(&c->base, "set the journal up", "PRAGMA synchronous=FULL", e));
    return exec(&c->base, "set foreign keys up", "PRAGMA foreign_keys=ON", e);
}

/* A trial makes no file: where there is none, its folder has to take one. */
static leat_rc open_file(sqlite *c, bool trial, leat_arena *a, leat_err *e)
{
    const char *slash = strrchr(c->path, '/');
    const char *folder =
        slash ? leat_arena_str(a, (leat_str){c->path, (size_t)(slash - c->path) + 1}).s : ".";
    c->absent = trial && access(c->path, F_OK) != 0;
    if (c->absent && access(folder, W_OK | X_OK) != 0)
        return leat_fail(e, LEAT_CONF, "sql.open", c->path,
                         "could not open the database: the file is not there, and its folder takes "
                         "none: %s. Check that the folder is there and that leat may write to it",
                         strerror(errno));
    const char *path = c->absent ? ":memory:" : c->path;
    int flags = SQLITE_OPEN_READWRITE | (trial && !c->absent ? 0 : SQLITE_OPEN_CREATE);
    return sqlite3_open_v2(path, &c->db, flags, NULL) == SQLITE_OK
               ? LEAT_OK
               : fail(e, c, "open the database");
}

static leat_rc open_db(const leat_rdb_conf *conf, const leat_db_url *u, const char *app, bool trial,
                       leat_arena *a, leat_rdb_conn **out, leat_err *e)
{
    sqlite *c = leat_zalloc(1, sizeof *c);
    c->base = (leat_rdb_conn){&leat_rdb_sqlite, conf, app};
    c->path = leat_arena_strdup(a, u->path);
    int fault = LEAT_FAULT(source_connect);
    leat_rc rc = fault ? leat_os_fail(e, fault, "open", c->path) : open_file(c, trial, a, e);
    if (rc == LEAT_OK) rc = set_up(c, conf->query_ms, trial, e);
    if (rc != LEAT_OK) {
        close_db(&c->base);
        return rc;
    }
    *out = &c->base;
    return LEAT_OK;
}

static leat_rc open_scratch(const leat_rdb_conf *conf, const leat_db_url *u, const char *app,
                            bool trial, leat_arena *a, leat_rdb_conn **out, leat_err *e)
{
    sqlite *c = leat_zalloc(1, sizeof *c);
    (void)u;
    (void)trial;
    (void)a;
    c->base = (leat_rdb_conn){&leat_rdb_scratch, conf, app};
    c->path = "a scratch database";
    leat_rc rc = LEAT_OK;
    if (sqlite3_open_v2("", &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
        rc = fail(e, c, "open a database");
    if (rc == LEAT_OK)
        *out = &c->base;
    else
        close_db(&c->base);
    return rc;
}

static leat_rc ask(leat_rdb_conn *conn, const char *doing, const char *sql, int n,
                   const char *const *params, leat_arena *a, leat_str *text, int64_t *affected,
                   leat_err *e)
{
    sqlite *c = (sqlite *)conn;
    sqlite3_stmt *stmt = NULL;
    if (text) *text = (leat_str){0};
    if (sqlite3_prepare_v2(c->db, sql, -1, &stmt, NULL) != SQLITE_OK) return fail(e, c, doing);
    for (int i = 0; i < n; i++) sqlite3_bind_text(stmt, i + 1, params[i], -1, SQLITE_STATIC);
    int state = sqlite3_step(stmt);
    const char *cell = state == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (text && cell)
        *text = leat_arena_str(a, (leat_str){cell, (size_t)sqlite3_column_bytes(stmt, 0)});
    leat_rc rc = state == SQLITE_ROW || state == SQLITE_DONE ? LEAT_OK : fail(e, c, doing);
    if (affected) *affected = sqlite3_changes(c->db);
    sqlite3_finalize(stmt);
    return rc;
}

/* ---- the catalog ---- */

static void quote(leat_buf *out, leat_str name)
{
    leat_buf_quoted(out, name, '"');
}

/* A column: name, type, pk, hidden (2, 3: generated). */
static void take_column(sqlite3_stmt *stmt, leat_rdb_column *c, leat_arena *a)
{
    *c = (leat_rdb_column){
        .name = leat_arena_strdup(a, (const char *)sqlite3_column_text(stmt, 0)),
        .type = leat_arena_strdup(a, (const char *)sqlite3_column_text(stmt, 1)),
        .key = sqlite3_column_int(stmt, 2) != 0,
        .generated = sqlite3_column_int(stmt, 3) >= 2,
    };
}

/* A schema is an attached database; without one it is the file itself. */
static leat_rc describe(leat_rdb_conn *conn, leat_rdb_table *t, leat_arena *a, leat_err *e)
{
    static const char sql[] = "SELECT name, type, pk, hidden "
                              "FROM pragma_table_xinfo(?1, ?2) ORDER BY cid";
    sqlite *c = (sqlite *)conn;
    sqlite3_stmt *stmt = NULL;
    uint32_t cap = 16;
    int state;
    if (sqlite3_prepare_v2(c->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return fail(e, c, "look a table up");
    sqlite3_bind_text(stmt, 1, t->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, t->schema ? t->schema : "main", -1, SQLITE_STATIC);
    leat_rdb_column *all = LEAT_NEW(a, leat_rdb_column, cap);
    uint32_t n = 0;
    while ((state = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (n == cap) {
            leat_rdb_column *more = LEAT_NEW(a, leat_rdb_column, cap * 2);
            memcpy(more, all, cap * sizeof *all);
            all = more;
            cap *= 2;
        }
        take_column(stmt, &all[n++], a);
    }
    leat_rc rc = state == SQLITE_DONE ? LEAT_OK : fail(e, c, "look a table up");
    sqlite3_finalize(stmt);
    t->columns = all;
    t->ncolumns = n;
    t->exists = n > 0;
    return rc;
}

/* ---- SQL ---- */

static void place(leat_buf *out, unsigned n)
{
    leat_buf_printf(out, "?%u", n);
}

/* Whole numbers, real numbers and bytes are stored as such; all else as text. A key of whole
 * numbers is the table's rowid. */
static void type(leat_buf *out, const leat_schema *s, const leat_column *native, bool key)
{
    (void)native;
    (void)key;
    const char *name = "TEXT";
    switch ((leat_type)s->type) {
    case LEAT_T_INT8:
    case LEAT_T_INT16:
    case LEAT_T_INT32:
    case LEAT_T_INT64:
        if (s->logical == LEAT_L_NONE) name = "INTEGER";
        break;
    case LEAT_T_BOOLEAN: name = "BOOLEAN"; break;
    case LEAT_T_FLOAT32:
    case LEAT_T_FLOAT64:
        if (s->logical == LEAT_L_NONE) name = "REAL";
        break;
    case LEAT_T_BYTES:
        if (s->logical == LEAT_L_NONE || s->logical == LEAT_L_OTHER) name = "BLOB";
        break;
    default: break;
    }
    leat_buf_str_z(out, name);
}

static void scratch_type(leat_buf *out, const leat_schema *s, const leat_column *native, bool key)
{
    bool real = s->type == LEAT_T_FLOAT32 || s->type == LEAT_T_FLOAT64;
    if (!real) type(out, s, native, key);
}

/* ---- rows ---- */

static int bind(sqlite *c, sqlite3_stmt *stmt, int at, const leat_rdb_field *f, const leat_value *v)
{
    const leat_schema *s = f->schema;
    leat_kind kind = (leat_kind)v->kind;
    if (kind == LEAT_NULL || kind == LEAT_ABSENT) return sqlite3_bind_null(stmt, at);
    if (kind == LEAT_BOOL || kind == LEAT_INT) return sqlite3_bind_int64(stmt, at, v->u.i);
    if (kind == LEAT_FLOAT && !isnan(v->u.f)) return sqlite3_bind_double(stmt, at, v->u.f);
    if (kind == LEAT_BYTES && s->logical != LEAT_L_BITS)
        return sqlite3_bind_blob64(stmt, at, v->len ? v->u.s : "", v->len, SQLITE_STATIC);
    if (kind == LEAT_TEXT || kind == LEAT_DECIMAL)
        return sqlite3_bind_text64(stmt, at, v->len ? v->u.s : "", v->len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    leat_buf_clear(&c->text);
    leat_rdb_text_cell(&c->text, s, v);
    return sqlite3_bind_text64(stmt, at, c->text.p, c->text.len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static leat_rc prepare(sqlite *c, leat_rdb_shape *s, leat_err *e)
{
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v3(c->db, s->sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK)
        return fail_row(e, c, "prepare a statement");
    if (c->nprepared == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 16;
        c->prepared = leat_realloc(c->prepared, c->cap * sizeof *c->prepared);
    }
    c->prepared[c->nprepared++] = s->prepared = stmt;
    return LEAT_OK;
}

static leat_rc run(sqlite *c, const leat_rdb_row *row, int64_t *affected, leat_err *e)
{
    leat_rdb_shape *s = row->shape;
    int state = SQLITE_OK;
    if (!s->prepared) LEAT_TRY(prepare(c, s, e));
    sqlite3_stmt *stmt = s->prepared;
    for (int i = 0; i < s->nset && state == SQLITE_OK; i++) {
        const leat_rdb_field *f = &s->fields[s->set[i]];
        state = bind(c, stmt, i + 1, f, &row->cells[f->from]);
    }
    for (int i = 0; i < s->nby && state == SQLITE_OK; i++) {
        const leat_rdb_field *f = &s->fields[s->by[i]];
        state = bind(c, stmt, s->nset + i + 1, f, &row->old[f->from]);
    }
    if (state == SQLITE_OK) state = sqlite3_step(stmt);
    leat_rc rc =
        state == SQLITE_DONE || state == SQLITE_ROW ? LEAT_OK : fail_row(e, c, "write a row");
    *affected = sqlite3_changes(c->db);
    sqlite3_reset(stmt);
    return rc;
}

static leat_rc apply(leat_rdb_conn *conn, const leat_rdb_row *rows, uint32_t n, int64_t *affected,
                     uint32_t *done, leat_err *e)
{
    sqlite *c = (sqlite *)conn;
    int fault = LEAT_FAULT(sink_apply);
    if (fault) return leat_os_fail(e, fault, "write rows to", c->path);
    for (*done = 0; *done < n; ++*done) LEAT_TRY(run(c, &rows[*done], &affected[*done], e));
    return LEAT_OK;
}

static leat_rc check(leat_rdb_conn *conn, leat_checker *k, leat_err *e)
{
    sqlite *c = (sqlite *)conn;
    (void)e;
    leat_check_step(k, &(leat_step){.name = "server", .detail = "SQLite " SQLITE_VERSION});
    if (c->absent)
        leat_check_step(k, &(leat_step){.name = "file",
                                        .detail = "it is not there yet: the first start makes it"});
    if (sqlite3_db_readonly(c->db, "main") == 1)
        leat_check_step(k, &(leat_step){.name = "writable",
                                        .state = LEAT_STEP_FAILED,
                                        .code = "sql.read_only",
                                        .detail = "the file is read-only",
                                        .advice = "Let leat write to the file and its folder"});
    return LEAT_OK;
}

static leat_rc compare(const leat_rdb_conf *conf, const leat_db_url *u, const char *app,
                       leat_arena *a, leat_compare_side **out, leat_err *e)
{
    (void)app;
    (void)a;
    return leat_sqlite_compare_open(u->path, conf->query_ms, out, e);
}

static const char *const schemes[] = {"sqlite", NULL};

leat_rc leat_rdb_scratch_side(leat_rdb_conn *conn, leat_compare_side **out, leat_err *e)
{
    sqlite *c = (sqlite *)conn;
    return leat_sqlite_compare_of(c->db, c->path, out, e);
}

#define SQLITE(its_name, its_type, its_open, its_compare)                                          \
    {                                                                                              \
        .name = its_name, .schemes = schemes, .file = true, .folds = true, .long_text = "TEXT",    \
        .truncate = "DELETE FROM ", .quote = quote, .type = its_type, .place = place,              \
        .upsert = leat_rdb_put_conflict, .open = its_open, .close = close_db, .exec = exec,        \
        .ask = ask, .describe = describe, .apply = apply, .check = check, .compare = its_compare,  \
    }

const leat_rdb_dialect leat_rdb_sqlite = SQLITE("sqlite", type, open_db, compare);
const leat_rdb_dialect leat_rdb_scratch = SQLITE("scratch", scratch_type, open_scratch, NULL);
