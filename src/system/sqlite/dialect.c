/* SQLite as query capture sees it (capture/dialect.h).
 *
 * A value's type is its own in SQLite, not its column's: the declared type decides about the
 * schema, as in sqlite-jdbc, and a value that does not fit goes to the dead letters. Moments are
 * kept as text, as milliseconds or as days; they are compared, and told, in milliseconds. There is
 * one writer at a time and reads have a view of the whole, so numbers are settled when they can be
 * seen; moments are when their second is over, since CURRENT_TIMESTAMP has no more than seconds.
 * The file is opened for reading only. Run by the thread of its session. */
#include <stdlib.h>

#include "base/clock.h"
#include "capture/dialect.h"
#include "config/db_url.h"
#include "system/sqlite/compare.h"

enum { BUSY_MS = 5000, STEPS = 100000, SECOND_US = 1000000 };

typedef struct lite {
    sqlite3 *db;
    sqlite3_stmt *st; /* of the rows that are read; NULL: none */
    const leat_sql_column *const *cols;
    size_t ncols;
    int64_t offset_ms; /* db.timezone, east of UTC */
    leat_arena arena;
} lite;

static lite *session(leat_sql *s)
{
    return s->priv;
}

/* ---- getting there ---- */

static leat_rc read_path(const leat_sql_target *q, leat_arena *a, const char **path, leat_err *e)
{
    leat_db_url url;
    int64_t us;
    LEAT_TRY(leat_db_url_read(q->url, a, &url, e));
    *path = url.path;
    const char *wrong = leat_db_url_wrong(&url, true, a);
    if (wrong) return leat_fail(e, LEAT_CONF, "config.url", "connection.url", "%s", wrong);
    if (leat_dialect_offset(q->zone, &us)) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "query.zone", "db.timezone",
                     "must be UTC or an offset such as +02:00 with SQLite, which knows no zones by "
                     "name, got \"%s\"",
                     q->zone);
}

static void validate(const leat_sql_target *q, leat_report *r)
{
    const char *path;
    leat_err err;
    if (leat_rc_failed(read_path(q, r->a, &path, &err)))
        leat_report_add(r, false, leat_arena_strdup(r->a, err.where), 0, "%s", err.msg);
}

static leat_rc fail(leat_sql *s, leat_err *e, const char *doing)
{
    lite *x = session(s);
    int code = x->db ? sqlite3_errcode(x->db) & 0xff : SQLITE_CANTOPEN;
    bool passing = code == SQLITE_BUSY || code == SQLITE_LOCKED || code == SQLITE_INTERRUPT ||
                   code == SQLITE_IOERR || code == SQLITE_SCHEMA || code == SQLITE_NOMEM;
    const char *advice = code == SQLITE_CANTOPEN || code == SQLITE_PERM
                             ? ". Check that the file is there, and that it and its folder can be "
                               "read by leat's user"
                         : code == SQLITE_NOTADB ? ". The file is no SQLite database"
                                                 : "";
    return leat_fail(e, passing ? LEAT_RETRY : LEAT_CONF, passing ? "sqlite.busy" : "sqlite.failed",
                     "connection.url", "could not %s: %s%s", doing,
                     x->db ? sqlite3_errmsg(x->db) : "no memory", advice);
}

static void close_session(leat_sql *s)
{
    lite *x = session(s);
    if (!x) return;
    sqlite3_finalize(x->st);
    sqlite3_close(x->db);
    leat_arena_free(&x->arena);
    leat_free(x);
    s->priv = NULL;
}

static int look_up(void *arg)
{
    leat_sql *s = arg;
    return s->leaves && s->leaves(s->arg);
}

static leat_rc connect_session(leat_sql *s, const char *app, leat_err *e)
{
    const char *path;
    (void)app;
    lite *x = leat_zalloc(1, sizeof *x);
    s->priv = x;
    leat_rc rc = read_path(s->target, &x->arena, &path, e);
    int64_t offset_us;
    leat_dialect_offset(s->target->zone, &offset_us);
    x->offset_ms = offset_us / 1000;
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    if (rc == LEAT_OK && sqlite3_open_v2(path, &x->db, flags, NULL) != SQLITE_OK)
        rc = fail(s, e, "open the database");
    if (rc == LEAT_OK) {
        sqlite3_busy_timeout(x->db, BUSY_MS);
        sqlite3_progress_handler(x->db, STEPS, look_up, s);
        if (sqlite3_exec(x->db, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL) !=
                SQLITE_OK ||
            leat_sqlite_compare_functions(x->db) != SQLITE_OK)
            rc = fail(s, e, "read the database");
    }
    if (rc != LEAT_OK) close_session(s);
    return rc;
}

/* ---- what is there ---- */

static leat_rc prepare(leat_sql *s, const char *doing, const char *sql, sqlite3_stmt **st,
                       leat_err *e)
{
    const char *rest = NULL;
    if (sqlite3_prepare_v2(session(s)->db, sql, -1, st, &rest) == SQLITE_OK) return LEAT_OK;
    return fail(s, e, doing);
}

static leat_rc list_tables(leat_sql *s, const leat_sql_wanted *w, leat_arena *a,
                           leat_sql_table **out, size_t *n, leat_err *e)
{
    static const char sql[] = "SELECT name, upper(type) FROM sqlite_master WHERE type IN "
                              "('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
                              "ORDER BY name";
    sqlite3_stmt *st;
    size_t cap = 16;
    leat_sql_table *t = leat_alloc(cap * sizeof *t);
    *n = 0;
    leat_rc rc = prepare(s, "list the tables", sql, &st, e);
    while (rc == LEAT_OK && sqlite3_step(st) == SQLITE_ROW) {
        leat_str kind = leat_str_of((const char *)sqlite3_column_text(st, 1));
        bool typed = false;
        for (size_t k = 0; k < w->types.n; k++)
            typed = typed || leat_str_ieq(kind, leat_str_of(w->types.v[k]));
        if (!typed) continue;
        if (*n == cap) t = leat_realloc(t, (cap *= 2) * sizeof *t);
        t[(*n)++] =
            (leat_sql_table){.name = leat_arena_strdup(a, (const char *)sqlite3_column_text(st, 0)),
                             .kind = leat_arena_str(a, kind).s};
    }
    if (rc == LEAT_OK && sqlite3_finalize(st) != SQLITE_OK) rc = fail(s, e, "list the tables");
    *out = leat_arena_dup(a, t, *n * sizeof *t);
    leat_free(t);
    return rc;
}

/* Declared types as sqlite-jdbc reads them; those that it calls unsigned are wider there. */
static const struct {
    const char *name;
    leat_sql_type type;
} types[] = {
    {"BOOLEAN", LEAT_SQL_BOOLEAN},    {"TINYINT", LEAT_SQL_INT16},
    {"SMALLINT", LEAT_SQL_INT32},     {"INT2", LEAT_SQL_INT32},
    {"INTEGER", LEAT_SQL_INT32},      {"INT", LEAT_SQL_INT64},
    {"MEDIUMINT", LEAT_SQL_INT64},    {"BIGINT", LEAT_SQL_INT64},
    {"INT8", LEAT_SQL_INT64},         {"UNSIGNED BIG INT", LEAT_SQL_INT64},
    {"REAL", LEAT_SQL_FLOAT32},       {"FLOAT", LEAT_SQL_FLOAT64},
    {"DOUBLE", LEAT_SQL_FLOAT64},     {"DOUBLE PRECISION", LEAT_SQL_FLOAT64},
    {"NUMERIC", LEAT_SQL_NUMERIC},    {"DECIMAL", LEAT_SQL_DECIMAL},
    {"DATE", LEAT_SQL_DATE},          {"TIME", LEAT_SQL_TIME},
    {"DATETIME", LEAT_SQL_TIMESTAMP}, {"TIMESTAMP", LEAT_SQL_TIMESTAMP},
    {"BLOB", LEAT_SQL_BYTES},         {"BINARY", LEAT_SQL_BYTES},
    {"VARBINARY", LEAT_SQL_BYTES},
};

/* "decimal(10, 2)": the type, and what is in the brackets. */
static void type_of(leat_str declared, leat_sql_column *c)
{
    leat_str rest = declared, name = leat_str_trim(leat_str_cut(&rest, '('));
    uint64_t precision = 0, scale = 0;
    c->type = LEAT_SQL_STRING;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (leat_str_ieq(name, leat_str_of(types[i].name))) c->type = types[i].type;
    if (!rest.s) return;
    leat_str inside = leat_str_cut(&rest, ')'), tail = inside;
    leat_str first = leat_str_trim(leat_str_cut(&tail, ','));
    if (leat_str_u64(first, &precision) && precision < 1000) c->precision = (int32_t)precision;
    if (tail.s && leat_str_u64(leat_str_trim(tail), &scale) && scale < 1000)
        c->scale = (int32_t)scale;
}

/* Of a column that is of no table: by the first row's value. */
static leat_sql_type value_type(int storage)
{
    switch (storage) {
    case SQLITE_INTEGER: return LEAT_SQL_INT64;
    case SQLITE_FLOAT: return LEAT_SQL_FLOAT64;
    case SQLITE_BLOB: return LEAT_SQL_BYTES;
    default: return LEAT_SQL_STRING;
    }
}

static void read_column(sqlite3 *db, sqlite3_stmt *st, int i, bool row, leat_arena *a,
                        leat_sql_column *c)
{
    const char *declared = sqlite3_column_decltype(st, i);
    const char *table = sqlite3_column_table_name(st, i), *name = sqlite3_column_origin_name(st, i);
    int not_null = 0, key = 0, counts = 0;
    c->name = leat_arena_strdup(a, sqlite3_column_name(st, i));
    c->native = leat_arena_strdup(a, declared ? declared : "");
    c->grain_us = 1;
    if (declared && *declared)
        type_of(leat_str_of(declared), c);
    else
        c->type = value_type(row ? sqlite3_column_type(st, i) : SQLITE_NULL);
    if (table && name)
        sqlite3_table_column_metadata(db, sqlite3_column_database_name(st, i), table, name, NULL,
                                      NULL, &not_null, &key, &counts);
    bool rowid = key && declared && sqlite3_stricmp(declared, "INTEGER") == 0;
    c->optional = !not_null && !rowid;
    c->increments = counts || rowid;
}

static leat_rc describe(leat_sql *s, const char *from, leat_arena *a, leat_sql_column **out,
                        size_t *n, leat_err *e)
{
    static const char doing[] = "learn a query's columns";
    sqlite3_stmt *st;
    const char *sql = leat_arena_printf(a, "SELECT * FROM %s AS q LIMIT 1", from);
    LEAT_TRY(prepare(s, doing, sql, &st, e));
    int step = sqlite3_step(st);
    *n = (size_t)sqlite3_column_count(st);
    *out = LEAT_NEW(a, leat_sql_column, *n);
    for (size_t i = 0; i < *n; i++)
        read_column(session(s)->db, st, (int)i, step == SQLITE_ROW, a, &(*out)[i]);
    sqlite3_finalize(st);
    return step == SQLITE_ROW || step == SQLITE_DONE ? LEAT_OK : fail(s, e, doing);
}

static leat_rc ask(leat_sql *s, const char *doing, const char *sql, leat_arena *a, leat_str *out,
                   leat_err *e)
{
    sqlite3_stmt *st;
    *out = (leat_str){0};
    LEAT_TRY(prepare(s, doing, sql, &st, e));
    int step = sqlite3_step(st);
    const char *text = step == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
    if (text) *out = leat_arena_str(a, leat_str_of(text));
    sqlite3_finalize(st);
    return step == SQLITE_ROW || step == SQLITE_DONE ? LEAT_OK : fail(s, e, doing);
}

/* The file's writers are on this machine. */
static leat_rc ask_clock(leat_sql *s, int64_t *us, leat_err *e)
{
    (void)s;
    (void)e;
    *us = leat_now_us();
    return LEAT_OK;
}

/* ---- how things stand in a statement ---- */

static void put_column(leat_sql *s, const leat_sql_column *c, const char *quoted, leat_buf *out)
{
    (void)s;
    (void)c;
    leat_buf_str_z(out, quoted);
}

/* Milliseconds since 1970 in db.timezone. */
static void put_stamp(leat_sql *s, const leat_sql_stamp *stamp, leat_buf *out)
{
    (void)s;
    leat_buf_str_z(out, stamp->n > 1 ? "COALESCE(" : "(");
    for (size_t i = 0; i < stamp->n; i++) {
        const char *c = stamp->quoted[i];
        leat_buf_printf(out,
                        "%sCASE typeof(%s) WHEN 'integer' THEN %s WHEN 'real' THEN"
                        " CAST(round((%s - 2440587.5) * 86400000.0) AS INTEGER) ELSE"
                        " CAST(strftime('%%s', %s) AS INTEGER) * 1000 +"
                        " CAST(substr(strftime('%%f', %s), 4) AS INTEGER) END",
                        i ? ", " : "", c, c, c, c, c);
    }
    leat_buf_u8(out, ')');
}

static void put_moment(leat_sql *s, const leat_sql_stamp *stamp, int64_t us, leat_buf *out)
{
    (void)stamp;
    leat_buf_i64(out, us / 1000 - (us % 1000 < 0) + session(s)->offset_ms);
}

static void put_latest(leat_sql *s, const leat_sql_stamp *stamp, leat_buf *out)
{
    leat_buf_str_z(out, "(max(");
    put_stamp(s, stamp, out);
    leat_buf_printf(out, ") - (%lld)) * 1000", (long long)session(s)->offset_ms);
}

static leat_rc look(leat_sql *s, leat_sql_settled *w, leat_err *e)
{
    leat_arena a = {0};
    leat_str text = {0};
    w->held = false;
    if (w->stamp) {
        int64_t now = leat_now_us() - w->delay_us;
        w->upto = now - now % SECOND_US;
        w->any = !w->has_last || w->upto > w->last;
        return LEAT_OK;
    }
    const char *sql = leat_arena_printf(&a, "SELECT max(%s) FROM %s AS q", w->number, w->from);
    leat_rc rc = ask(s, "read the highest number", sql, &a, &text, e);
    if (rc == LEAT_OK && text.s && !leat_str_i64(text, &w->upto))
        rc = leat_fail(e, LEAT_CONF, "query.number", w->number_name,
                       "the incrementing column holds " LEAT_STR_FMT
                       ", which is no whole number of 64 bits",
                       LEAT_STR_ARG(text));
    w->any = text.s && (!w->has_last || w->upto > w->last);
    leat_arena_free(&a);
    return rc;
}

static void forget(leat_sql_settled *w)
{
    (void)w;
}

/* ---- reading ---- */

static leat_rc begin(leat_sql *s, const char *sql, const leat_sql_column *const *cols, size_t n,
                     leat_err *e)
{
    lite *x = session(s);
    LEAT_TRY(prepare(s, "read rows of a query", sql, &x->st, e));
    x->cols = cols;
    x->ncols = n;
    return LEAT_OK;
}

static leat_str text_at(sqlite3_stmt *st, int i, leat_arena *a)
{
    const char *p = (const char *)sqlite3_column_blob(st, i);
    return leat_arena_str(a, (leat_str){p ? p : "", (size_t)sqlite3_column_bytes(st, i)});
}

/* Its zeros too. */
static leat_str shown_at(sqlite3_stmt *st, int i, leat_arena *a)
{
    const char *p = (const char *)sqlite3_column_text(st, i);
    return leat_arena_str(a, (leat_str){p ? p : "", (size_t)sqlite3_column_bytes(st, i)});
}

static leat_rc misfit(const leat_sql_column *c, leat_str text, leat_err *e)
{
    return leat_fail(e, LEAT_DATA, "sqlite.value", c->name,
                     "a value of %zu bytes is none of the column's declared type %s: declare the "
                     "column otherwise, or cast it in `query`",
                     text.len, *c->native ? c->native : "(none)");
}

/* A moment or day in milliseconds of its own clock. */
static bool moment_of(sqlite3_stmt *st, int i, leat_str text, leat_arena *a, int64_t *ms)
{
    int64_t us;
    switch (sqlite3_column_type(st, i)) {
    case SQLITE_INTEGER: *ms = sqlite3_column_int64(st, i); return true;
    case SQLITE_FLOAT: {
        double day = (sqlite3_column_double(st, i) - 2440587.5) * 86400000.0;
        *ms = (int64_t)(day < 0 ? day - 0.5 : day + 0.5);
        return day > -1e17 && day < 1e17;
    }
    case SQLITE_TEXT: {
        bool clock = memchr(text.s, ':', text.len) != NULL;
        char last = text.len ? text.s[text.len - 1] : 0;
        bool zoned = last == 'Z' || last == 'z' ||
                     (text.len > 6 && (text.s[text.len - 6] == '+' || text.s[text.len - 6] == '-'));
        if (clock && !zoned)
            text = leat_str_of(leat_arena_printf(a, LEAT_STR_FMT "Z", LEAT_STR_ARG(text)));
        if (text.len < 8 || !memchr(text.s, '-', text.len) || !leat_iso_parse(text, &us))
            return false;
        *ms = us / 1000 - (us % 1000 < 0);
        return true;
    }
    default: return false;
    }
}

static bool whole_of(sqlite3_stmt *st, int i, const leat_sql_column *c, int64_t *v)
{
    static const int64_t most[] = {[LEAT_SQL_INT16] = INT16_MAX, [LEAT_SQL_INT32] = INT32_MAX};
    *v = sqlite3_column_int64(st, i);
    if (sqlite3_column_type(st, i) != SQLITE_INTEGER) return false;
    bool narrow = c->type == LEAT_SQL_INT16 || c->type == LEAT_SQL_INT32;
    return !narrow || (*v <= most[c->type] && *v >= -most[c->type] - 1);
}

static bool take_time(leat_str text, int64_t *ms)
{
    char *end;
    char copy[16] = {0};
    if (text.len < 5 || text.len >= sizeof copy) return false;
    memcpy(copy, text.s, text.len);
    long h = strtol(copy, &end, 10);
    if (*end != ':') return false;
    long m = strtol(end + 1, &end, 10);
    double s = *end == ':' ? strtod(end + 1, &end) : 0;
    if (*end || h < 0 || h > 24 || m < 0 || m > 59 || !(s >= 0 && s < 60)) return false;
    *ms = (h * 60 + m) * 60000 + (int64_t)(s * 1000 + 0.5);
    return true;
}

static leat_rc take_cell(lite *x, int i, const leat_sql_column *c, leat_arena *a, leat_value *v,
                         leat_err *e)
{
    int64_t n = 0;
    bool good = true;
    if (sqlite3_column_type(x->st, i) == SQLITE_NULL) {
        *v = leat_null();
        return LEAT_OK;
    }
    bool bytes = sqlite3_column_type(x->st, i) == SQLITE_BLOB;
    leat_str text = text_at(x->st, i, a);
    switch (c->type) {
    case LEAT_SQL_BOOLEAN:
        n = sqlite3_column_int64(x->st, i);
        *v = leat_bool(n != 0);
        break;
    case LEAT_SQL_INT8:
    case LEAT_SQL_INT16:
    case LEAT_SQL_INT32:
    case LEAT_SQL_INT64:
        good = whole_of(x->st, i, c, &n);
        *v = leat_int(n);
        break;
    case LEAT_SQL_FLOAT32:
    case LEAT_SQL_FLOAT64: {
        int type = sqlite3_column_type(x->st, i);
        double d = sqlite3_column_double(x->st, i);
        good = type == SQLITE_FLOAT || type == SQLITE_INTEGER;
        *v = leat_float(c->type == LEAT_SQL_FLOAT32 ? (double)(float)d : d);
        break;
    }
    case LEAT_SQL_NUMERIC:
    case LEAT_SQL_DECIMAL:
        good = !bytes;
        text = shown_at(x->st, i, a);
        *v = (leat_value){.kind = LEAT_DECIMAL, .len = (uint32_t)text.len, .u.s = text.s};
        break;
    case LEAT_SQL_DATE:
    case LEAT_SQL_TIMESTAMP:
        good = moment_of(x->st, i, text, a, &n);
        if (c->type == LEAT_SQL_TIMESTAMP)
            *v = (leat_value){.kind = LEAT_TIMESTAMP, .unit = LEAT_MS, .u.i = n - x->offset_ms};
        else
            *v = (leat_value){.kind = LEAT_DATE, .u.i = n / 86400000 - (n % 86400000 < 0)};
        break;
    case LEAT_SQL_TIME:
        good = take_time(text, &n);
        *v = (leat_value){.kind = LEAT_TIME, .unit = LEAT_MS, .u.i = n};
        break;
    case LEAT_SQL_BYTES: *v = leat_bytes(text); break;
    default:
        text = shown_at(x->st, i, a);
        good = !bytes && leat_str_utf8(text);
        *v = leat_text(text);
    }
    return good ? LEAT_OK : misfit(c, text, e);
}

static leat_rc read_row(leat_sql *s, int wait_ms, leat_arena *a, leat_value *cells, leat_str *raw,
                        leat_err *e)
{
    lite *x = session(s);
    (void)wait_ms;
    int step = sqlite3_step(x->st);
    if (step == SQLITE_DONE) return LEAT_PENDING;
    if (step != SQLITE_ROW) return fail(s, e, "read rows of a query");
    leat_rc rc = LEAT_OK;
    size_t len = 0;
    for (size_t i = 0; i < x->ncols; i++) {
        len += (size_t)sqlite3_column_bytes(x->st, (int)i) + 1;
        if (rc == LEAT_OK) rc = take_cell(x, (int)i, x->cols[i], a, &cells[i], e);
    }
    *raw = (leat_str){NULL, len};
    if (rc == LEAT_OK) return rc;
    /* For the dead letters: as texts, with tabs between. */
    leat_buf all = {0};
    for (size_t i = 0; i < x->ncols; i++) {
        if (i > 0) leat_buf_u8(&all, '\t');
        leat_buf_add(&all, text_at(x->st, (int)i, a));
    }
    *raw = leat_arena_str(a, leat_buf_str(&all));
    leat_buf_free(&all);
    return rc;
}

static leat_rc end_rows(leat_sql *s, leat_err *e)
{
    lite *x = session(s);
    (void)e;
    sqlite3_finalize(x->st);
    x->st = NULL;
    return LEAT_OK;
}

static leat_rc beat(leat_sql *s, leat_err *e)
{
    (void)s;
    (void)e;
    return LEAT_OK;
}

static leat_rc compare(leat_sql *s, const char *app, leat_compare_side **out, leat_err *e)
{
    (void)app;
    return leat_sqlite_compare_open(sqlite3_db_filename(session(s)->db, "main"), BUSY_MS, out, e);
}

static leat_rc about(leat_sql *s, leat_arena *a, const char **text, leat_err *e)
{
    (void)s;
    (void)e;
    *text = leat_arena_printf(a, "SQLite %s", sqlite3_libversion());
    return LEAT_OK;
}

static leat_rc doubts(leat_sql *s, bool moments, leat_arena *a, leat_sql_doubts *d, leat_err *e)
{
    (void)s;
    (void)moments;
    (void)a;
    (void)d;
    (void)e;
    return LEAT_OK;
}

static const char *const protocols[] = {"sqlite", NULL};

extern const leat_dialect leat_dialect_sqlite;
const leat_dialect leat_dialect_sqlite = {
    .protocols = protocols,
    .klass = "SqliteDatabaseDialect",
    .title = "SQLite",
    .open_quote = '"',
    .close_quote = '"',
    .validate = validate,
    .connect = connect_session,
    .close = close_session,
    .tables = list_tables,
    .describe = describe,
    .ask = ask,
    .clock = ask_clock,
    .put_column = put_column,
    .put_stamp = put_stamp,
    .put_moment = put_moment,
    .put_bound = put_moment,
    .put_latest = put_latest,
    .look = look,
    .forget = forget,
    .begin = begin,
    .row = read_row,
    .end = end_rows,
    .beat = beat,
    .compare = compare,
    .about = about,
    .doubts = doubts,
};
