/* SQLite as a side of `leat verify`; see the header.
 *
 * The canonical texts are those that PostgreSQL's side makes of the same values (system/postgres/
 * compare.c): they are made here of what the sink has stored, by leat_canon(form, value), a
 * function of the session. Keys are ordered by these texts' bytes, whole numbers by themselves. By
 * the thread of its owner. */
#include "system/sqlite/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/double_text.h"
#include "system/sqlite/classify.h"

enum { STEPS = 100000 };

typedef struct side {
    leat_compare_side base;
    sqlite3 *db;
    bool borrowed; /* db is */
    char *path;
    leat_buf sql, text, row;
} side;

static leat_rc fail(leat_err *e, const side *s, const char *doing)
{
    return leat_sqlite_fail(e, s->db, s->path, doing);
}

/* ---- canonical texts ---- */

static void put_float(leat_buf *out, double v, bool zero)
{
    uint64_t bits;
    if (isnan(v)) {
        leat_buf_str_z(out, "NaN");
        return;
    }
    if (zero) v += 0;
    memcpy(&bits, &v, sizeof bits);
    leat_buf_printf(out, "%016llx", (unsigned long long)bits);
}

/* A decimal without zeros at the end of its fraction. */
static void put_number(leat_buf *out, leat_str text)
{
    if (memchr(text.s, '.', text.len)) {
        while (text.s[text.len - 1] == '0') text.len--;
        if (text.s[text.len - 1] == '.') text.len--;
    }
    leat_buf_add(out, text);
}

/* Years before 1 are negative here, and "BC" there; the zone of UTC is +00:00 here. */
static void put_stamp(leat_buf *out, leat_str text)
{
    bool zone = text.len > 6 && memcmp(text.s + text.len - 6, "+00:00", 6) == 0;
    if (zone) text.len -= 3;
    bool minus = text.len > 4 && text.s[0] == '-' && text.s[1] >= '0' && text.s[1] <= '9';
    bool zero = text.len > 4 && memcmp(text.s, "0000-", 5) == 0;
    if (!minus && !zero) {
        leat_buf_add(out, text);
        return;
    }
    char *end = NULL;
    long year = strtol(text.s + minus, &end, 10);
    leat_buf_printf(out, "%04ld", year + 1);
    leat_buf_add(out, (leat_str){end, (size_t)(text.s + text.len - end)});
    leat_buf_str_z(out, " BC");
}

static void put_moment(leat_buf *out, leat_str text)
{
    bool zone = text.len > 6 && memcmp(text.s + text.len - 6, "+00:00", 6) == 0;
    if (zone) text.len -= 6;
    put_stamp(out, text);
}

/* What a server makes of a double's text (system/mysql/compare_text.c). zero: 0 has no sign. */
static void put_real(leat_buf *out, double v, bool zero)
{
    char text[LEAT_DOUBLE_MAX], digits[LEAT_DOUBLE_MAX];
    size_t n = (size_t)snprintf(text, sizeof text, "%.0e", v), used = 0, end;
    if (strtod(text, NULL) != v) n = leat_double_text(v, text); /* which has two digits at least */
    int exponent = 0, behind = 0;
    bool point = false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '.') point = true;
        if (text[i] >= '0' && text[i] <= '9') {
            digits[used++] = text[i];
            behind += point;
        }
        if (text[i] != 'e' && text[i] != 'E') continue;
        leat_str rest = {text + i + 1, n - i - 1};
        int64_t e = 0;
        if (rest.s[0] == '+') rest.s++, rest.len--;
        leat_str_i64(rest, &e);
        exponent = (int)e;
        break;
    }
    for (end = used; end > 0 && digits[end - 1] == '0';) end--;
    size_t from = 0;
    while (from < end && digits[from] == '0') from++;
    if (v < 0 || (!zero && signbit(v))) leat_buf_u8(out, '-');
    leat_buf_put(out, digits + from, end - from);
    leat_buf_printf(out, "e%d", exponent - behind + (int)(used - end));
}

/* As MySQL shows it, and jsonb: its binary log is written without blanks. */
static void put_json(leat_buf *out, leat_str text)
{
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.s[i];
        bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        if (quoted || !blank) leat_buf_u8(out, (unsigned char)c);
        if (quoted && c == '\\' && i + 1 < text.len) leat_buf_u8(out, (unsigned char)text.s[++i]);
        if (c == '"') quoted = !quoted;
        if (!quoted && (c == ',' || c == ':')) leat_buf_u8(out, ' ');
    }
}

/* "14 mons 3 days 04:05:06.5" */
static void put_interval(leat_buf *out, leat_str text)
{
    int months = 0, days = 0, at = 0;
    long long hours = 0, minutes = 0, seconds = 0, part = 0, scale = 1000000;
    char *z = leat_zalloc(text.len + 1, 1);
    memcpy(z, text.s, text.len);
    if (sscanf(z, "%d mons %d days %n", &months, &days, &at) == 2 && at > 0) {
        const char *p = z + at;
        bool minus = *p == '-';
        int used = 0;
        if (sscanf(p + minus, "%lld:%lld:%lld%n", &hours, &minutes, &seconds, &used) == 3) {
            p += minus + used;
            if (*p == '.')
                for (p++; *p >= '0' && *p <= '9' && scale > 1; p++)
                    part += (*p - '0') * (scale /= 10);
            long long us = ((hours * 60 + minutes) * 60 + seconds) * 1000000 + part;
            leat_buf_printf(out, "%d %d %lld", months, days, minus ? -us : us);
        } else {
            leat_buf_add(out, text);
        }
    } else {
        leat_buf_add(out, text);
    }
    leat_free(z);
}

static leat_str text_of(sqlite3_value *v)
{
    const char *p = (const char *)sqlite3_value_text(v);
    return (leat_str){p ? p : "", (size_t)sqlite3_value_bytes(v)};
}

static void put_canon(leat_buf *out, leat_canon canon, sqlite3_value *v)
{
    int kind = sqlite3_value_type(v);
    if (kind == SQLITE_BLOB) {
        leat_buf_str_z(out, "\\x");
        leat_buf_hex(out, (leat_str){sqlite3_value_blob(v), (size_t)sqlite3_value_bytes(v)});
        return;
    }
    if (canon == LEAT_CANON_REAL || canon == LEAT_CANON_REAL0) {
        put_real(out, sqlite3_value_double(v), canon == LEAT_CANON_REAL0);
        return;
    }
    bool floats = canon == LEAT_CANON_FLOAT || canon == LEAT_CANON_FLOAT0;
    if (floats && kind != SQLITE_TEXT) {
        put_float(out, sqlite3_value_double(v), canon == LEAT_CANON_FLOAT0);
        return;
    }
    leat_str text = text_of(v);
    switch (canon) {
    case LEAT_CANON_BOOL: leat_buf_str_z(out, leat_str_is(text, "1") ? "true" : "false"); break;
    case LEAT_CANON_NUMBER: put_number(out, text); break;
    case LEAT_CANON_STAMP: put_stamp(out, text); break;
    case LEAT_CANON_MOMENT: put_moment(out, text); break;
    case LEAT_CANON_INTERVAL: put_interval(out, text); break;
    case LEAT_CANON_JSON: put_json(out, text); break;
    case LEAT_CANON_TRIMMED:
        while (text.len > 0 && text.s[text.len - 1] == ' ') text.len--;
        leat_buf_add(out, text);
        break;
    case LEAT_CANON_BITS:
        while (text.len > 0 && text.s[0] == '0') text.s++, text.len--;
        leat_buf_add(out, text);
        break;
    default: leat_buf_add(out, text); break;
    }
}

/* leat_canon(form, value): NULL for NULL. */
static void canon_function(sqlite3_context *c, int n, sqlite3_value **args)
{
    leat_buf text = {0};
    (void)n;
    if (sqlite3_value_type(args[1]) == SQLITE_NULL) return;
    put_canon(&text, (leat_canon)sqlite3_value_int(args[0]), args[1]);
    sqlite3_result_text64(c, text.len ? text.p : "", text.len, SQLITE_TRANSIENT, SQLITE_UTF8);
    leat_buf_free(&text);
}

/* leat_text(bytes): a text of UTF-8, where CAST takes them for the database's encoding. */
static void text_function(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n;
    leat_str text = {sqlite3_value_blob(args[0]), (size_t)sqlite3_value_bytes(args[0])};
    sqlite3_result_text64(c, text.s, text.len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

/* ---- statements ---- */

static void put_name(leat_buf *out, const char *name)
{
    leat_buf_quoted(out, leat_str_of(name), '"');
}

/* A NUL would end the statement. */
static void put_literal(leat_buf *out, leat_str text, bool native)
{
    if (native && leat_compare_is_number(text)) {
        leat_buf_add(out, text);
    } else if (text.len > 0 && memchr(text.s, 0, text.len)) {
        leat_buf_str_z(out, "leat_text(X'");
        leat_buf_hex(out, text);
        leat_buf_str_z(out, "')");
    } else {
        leat_buf_quoted(out, text, '\'');
    }
}

static void put_text(leat_buf *out, const leat_compare_field *f)
{
    leat_buf_printf(out, "leat_canon(%d,", f->canon);
    put_name(out, f->name);
    leat_buf_u8(out, ')');
}

static void put_key(leat_buf *out, const leat_compare_field *f)
{
    if (f->native)
        put_name(out, f->name);
    else
        put_text(out, f);
}

static void put_keys(leat_buf *out, const leat_compare_plan *p)
{
    for (uint16_t i = 0; i < p->nkey; i++) {
        if (i > 0) leat_buf_u8(out, ',');
        put_key(out, &p->fields[i]);
    }
}

static void put_literals(leat_buf *out, const leat_compare_plan *p, const leat_str *key)
{
    leat_buf_u8(out, '(');
    for (uint16_t i = 0; i < p->nkey; i++) {
        if (i > 0) leat_buf_u8(out, ',');
        put_literal(out, key[i], p->fields[i].native);
    }
    leat_buf_u8(out, ')');
}

static void put_where(leat_buf *out, const leat_compare_plan *p, const leat_compare_range *r)
{
    const leat_str *bounds[] = {r->lo, r->hi};
    for (int i = 0; i < 2; i++) {
        if (!bounds[i]) continue;
        leat_buf_str_z(out, " AND (");
        put_keys(out, p);
        leat_buf_str_z(out, i == 0 ? ")>" : ")<=");
        put_literals(out, p, bounds[i]);
    }
    if (r->nkeys == 0) return;
    leat_buf_str_z(out, " AND (");
    put_keys(out, p);
    leat_buf_str_z(out, p->nkey > 1 ? ") IN (VALUES " : ") IN (");
    for (uint32_t i = 0; i < r->nkeys; i++) {
        if (i > 0) leat_buf_u8(out, ',');
        put_literals(out, p, r->keys + (size_t)i * p->nkey);
    }
    leat_buf_u8(out, ')');
}

static void put_from(leat_buf *out, const leat_compare_plan *p, const leat_compare_range *r)
{
    leat_buf_str_z(out, " FROM ");
    if (p->table->schema) {
        put_name(out, p->table->schema);
        leat_buf_u8(out, '.');
    }
    put_name(out, p->table->name);
    leat_buf_str_z(out, " WHERE 1");
    put_where(out, p, r);
}

static leat_rc prepare(side *s, const char *doing, sqlite3_stmt **st, leat_err *e)
{
    int rc = sqlite3_prepare_v2(s->db, s->sql.p, (int)s->sql.len, st, NULL);
    return rc == SQLITE_OK ? LEAT_OK : fail(e, s, doing);
}

static leat_rc exec(side *s, const char *doing, const char *sql, leat_err *e)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? LEAT_OK : fail(e, s, doing);
}

static leat_str column(sqlite3_stmt *st, int i)
{
    const char *text = (const char *)sqlite3_column_text(st, i);
    return (leat_str){text ? text : "", (size_t)sqlite3_column_bytes(st, i)};
}

/* ---- the contract ---- */

static leat_compare_kind kind_of(const char *type)
{
    bool text = sqlite3_strlike("%TEXT%", type, 0) == 0 ||
                sqlite3_strlike("%CHAR%", type, 0) == 0 || sqlite3_strlike("%CLOB%", type, 0) == 0;
    if (text) return LEAT_COMPARE_TEXT;
    return sqlite3_strlike("%INT%", type, 0) == 0 ? LEAT_COMPARE_INT : LEAT_COMPARE_ANY;
}

static leat_rc describe(leat_compare_side *base, leat_compare_table *t, leat_arena *a, leat_err *e)
{
    enum { COLUMNS_MOST = 2000 }; /* SQLite's own bound */
    side *s = (side *)base;
    sqlite3_stmt *st = NULL;
    leat_buf_clear(&s->sql);
    /* A key that is the row's number has no index. */
    leat_buf_str_z(&s->sql, "SELECT name, type, pk, pk AND NOT EXISTS (SELECT 1 FROM"
                            " pragma_index_list(?1, ?2) WHERE origin = 'pk')"
                            " FROM pragma_table_xinfo(?1, ?2) ORDER BY cid");
    LEAT_TRY(prepare(s, "look a table up", &st, e));
    sqlite3_bind_text(st, 1, t->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 2, t->schema ? t->schema : "main", -1, SQLITE_STATIC);
    leat_compare_column *all = LEAT_NEW(a, leat_compare_column, COLUMNS_MOST);
    int rc;
    t->n = 0;
    t->rows = -1;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW && t->n < COLUMNS_MOST) {
        const char *type = (const char *)sqlite3_column_text(st, 1);
        all[t->n++] = (leat_compare_column){
            .name = leat_arena_strdup(a, (const char *)sqlite3_column_text(st, 0)),
            .type = leat_arena_strdup(a, type ? type : ""),
            .kind = (uint8_t)kind_of(type ? type : ""),
            .key = (uint16_t)sqlite3_column_int(st, 2),
            .rowid = sqlite3_column_int(st, 3) != 0};
    }
    t->columns = all;
    sqlite3_finalize(st);
    return rc == SQLITE_DONE ? LEAT_OK : fail(e, s, "look a table up");
}

static leat_rc begin(leat_compare_side *base, leat_arena *a, leat_view *view,
                     const uint64_t **running, size_t *nrunning, leat_err *e)
{
    (void)a;
    (void)running;
    (void)nrunning;
    if (view)
        return leat_fail(e, LEAT_CONF, "verify.view", NULL,
                         "no place in a log belongs to what SQLite shows");
    return exec((side *)base, "begin to read", "BEGIN", e);
}

static leat_rc end(leat_compare_side *base, leat_err *e)
{
    return exec((side *)base, "end reading", "COMMIT", e);
}

static leat_rc bound(leat_compare_side *base, const leat_compare_plan *p,
                     const leat_compare_range *r, uint64_t skip, leat_arena *a,
                     const leat_str **key, leat_err *e)
{
    side *s = (side *)base;
    sqlite3_stmt *st = NULL;
    int64_t from = leat_mono_us();
    *key = NULL;
    leat_buf_clear(&s->sql);
    leat_buf_str_z(&s->sql, "SELECT ");
    put_keys(&s->sql, p);
    put_from(&s->sql, p, r);
    leat_buf_str_z(&s->sql, " ORDER BY ");
    put_keys(&s->sql, p);
    leat_buf_printf(&s->sql, " LIMIT 1 OFFSET %llu", (unsigned long long)skip);
    LEAT_TRY(prepare(s, "find a bound", &st, e));
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        leat_str *out = LEAT_NEW(a, leat_str, p->nkey);
        for (int i = 0; i < p->nkey; i++) out[i] = leat_arena_str(a, column(st, i));
        *key = out;
    }
    sqlite3_finalize(st);
    base->spent_us += leat_mono_us() - from;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? LEAT_OK : fail(e, s, "find a bound");
}

/* The hash of the columns from the first on, as PostgreSQL's side makes it. */
static void hash_row(side *s, const leat_compare_plan *p, sqlite3_stmt *st, int first,
                     leat_compare_row *row)
{
    leat_buf_clear(&s->row);
    for (uint16_t i = 0; i < p->n; i++) {
        sqlite3_value *v = sqlite3_column_value(st, first + i);
        if (sqlite3_value_type(v) == SQLITE_NULL) {
            leat_buf_u8(&s->row, 'N');
            continue;
        }
        v = sqlite3_value_dup(v);
        leat_buf_clear(&s->text);
        put_canon(&s->text, (leat_canon)p->fields[i].canon, v);
        sqlite3_value_free(v);
        leat_buf_printf(&s->row, "%zu:", s->text.len);
        leat_buf_add(&s->row, leat_buf_str(&s->text));
    }
    leat_compare_hash(leat_buf_str(&s->row), p->sha, &row->first, &row->second);
}

static leat_rc rows(leat_compare_side *base, const leat_compare_plan *p,
                    const leat_compare_range *r, void (*fn)(void *arg, const leat_compare_row *row),
                    void *arg, leat_err *e)
{
    side *s = (side *)base;
    sqlite3_stmt *st = NULL;
    int64_t from = leat_mono_us();
    int rc;
    leat_buf_clear(&s->sql);
    leat_buf_str_z(&s->sql, "SELECT ");
    for (uint16_t i = 0; i < p->nkey; i++) {
        put_text(&s->sql, &p->fields[i]);
        leat_buf_u8(&s->sql, ',');
    }
    for (uint16_t i = 0; i < p->n; i++) {
        if (i > 0) leat_buf_u8(&s->sql, ',');
        put_name(&s->sql, p->fields[i].name);
    }
    put_from(&s->sql, p, r);
    LEAT_TRY(prepare(s, "read rows", &st, e));
    leat_str *key = leat_zalloc(p->nkey + 1u, sizeof *key);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        leat_compare_row row = {.key = key};
        for (int i = 0; i < p->nkey; i++) key[i] = column(st, i);
        hash_row(s, p, st, p->nkey, &row);
        fn(arg, &row);
    }
    leat_free(key);
    leat_rc out = rc == SQLITE_DONE ? LEAT_OK : fail(e, s, "read rows");
    sqlite3_finalize(st);
    base->spent_us += leat_mono_us() - from;
    return out;
}

static void add(void *arg, const leat_compare_row *row)
{
    leat_compare_sum *sum = arg;
    sum->rows++;
    sum->sum += row->first;
    sum->both = (int64_t)sum->both ^ row->second;
}

static void add_twice(void *arg, const leat_compare_row *row)
{
    leat_compare_sum *sum = arg;
    sum->rows++;
    sum->sum += row->first;
    sum->both += row->second;
}

static leat_rc sum(leat_compare_side *base, const leat_compare_plan *p, const leat_compare_range *r,
                   leat_compare_sum *out, leat_err *e)
{
    *out = (leat_compare_sum){0};
    return rows(base, p, r, p->xors ? add : add_twice, out, e);
}

/* The row's hash is looked at again while nobody else writes. */
typedef struct matching {
    const leat_compare_row *row;
    bool same;
} matching;

static void match(void *arg, const leat_compare_row *row)
{
    matching *m = arg;
    m->same = m->same || (row->first == m->row->first && row->second == m->row->second);
}

static leat_rc remove_row(leat_compare_side *base, const leat_compare_plan *p,
                          const leat_compare_row *row, bool *done, leat_err *e)
{
    side *s = (side *)base;
    leat_compare_range one = {.keys = row->key, .nkeys = 1};
    matching m = {.row = row};
    *done = false;
    LEAT_TRY(exec(s, "begin to remove a row", "BEGIN IMMEDIATE", e));
    leat_rc rc = rows(base, p, &one, match, &m, e);
    if (rc == LEAT_OK && m.same) {
        leat_buf_clear(&s->sql);
        leat_buf_str_z(&s->sql, "DELETE");
        put_from(&s->sql, p, &one);
        leat_buf_u8(&s->sql, 0);
        rc = exec(s, "remove a row", s->sql.p, e);
        *done = rc == LEAT_OK;
    }
    leat_err ignored;
    leat_rc back = exec(s, "end removing a row", rc == LEAT_OK ? "COMMIT" : "ROLLBACK",
                        rc == LEAT_OK ? e : &ignored);
    return rc == LEAT_OK ? back : rc;
}

static void close_side(leat_compare_side *base)
{
    side *s = (side *)base;
    if (!s->borrowed) sqlite3_close(s->db);
    leat_buf_free(&s->sql);
    leat_buf_free(&s->text);
    leat_buf_free(&s->row);
    leat_free(s->path);
    leat_free(s);
}

int leat_sqlite_compare_functions(sqlite3 *db)
{
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
    int rc = sqlite3_create_function_v2(db, "leat_text", 1, flags, NULL, text_function, NULL, NULL,
                                        NULL);
    if (rc != SQLITE_OK) return rc;
    return sqlite3_create_function_v2(db, "leat_canon", 2, flags, NULL, canon_function, NULL, NULL,
                                      NULL);
}

static int look_up(void *arg)
{
    const leat_compare_side *base = arg;
    return base->leaves && base->leaves(base->arg);
}

static side *new_side(const char *path)
{
    side *s = leat_zalloc(1, sizeof *s);
    size_t n = strlen(path) + 1;
    s->path = leat_zalloc(n, 1);
    memcpy(s->path, path, n);
    s->base = (leat_compare_side){.system = "sqlite",
                                  .quote = '"',
                                  .folds = true,
                                  .one_zero = true,
                                  .xors = true,
                                  .text = put_text,
                                  .where = put_where,
                                  .describe = describe,
                                  .begin = begin,
                                  .end = end,
                                  .bound = bound,
                                  .sum = sum,
                                  .rows = rows,
                                  .remove = remove_row,
                                  .close = close_side};
    return s;
}

static leat_rc set_up(side *s, leat_compare_side **out, leat_err *e)
{
    leat_rc rc = LEAT_OK;
    if (leat_sqlite_compare_functions(s->db) != SQLITE_OK) rc = fail(e, s, "set the session up");
    if (rc == LEAT_OK)
        *out = &s->base;
    else
        close_side(&s->base);
    return rc;
}

leat_rc leat_sqlite_compare_open(const char *path, int64_t wait_ms, leat_compare_side **out,
                                 leat_err *e)
{
    side *s = new_side(path);
    if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        leat_rc rc = fail(e, s, "open the database");
        close_side(&s->base);
        return rc;
    }
    sqlite3_progress_handler(s->db, STEPS, look_up, &s->base);
    sqlite3_busy_timeout(s->db, wait_ms > 0 && wait_ms < INT32_MAX ? (int)wait_ms : 30000);
    return set_up(s, out, e);
}

leat_rc leat_sqlite_compare_of(sqlite3 *db, const char *path, leat_compare_side **out, leat_err *e)
{
    side *s = new_side(path);
    s->db = db;
    s->borrowed = true;
    s->base.one_zero = false;
    s->base.remove = NULL;
    return set_up(s, out, e);
}
