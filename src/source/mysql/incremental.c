/* Snapshots by signal: the captured tables, what one of them is read by, the place of its rows, and
 * the rows of the signal table. Run by the task's thread. */
#include "base/log.h"
#include "source/mysql/ranges.h"
#include "source/mysql/reader.h"

enum { SIGNAL_COLUMNS = 3 };

/* ---- conditions ---- */

/* Behind the quoted text that begins at p; NULL: it does not end. */
static const char *behind_quote(const char *p, const char *end, bool escapes)
{
    char quote = *p++;
    for (; p < end; p++) {
        if (escapes && quote != '`' && *p == '\\') {
            p++;
        } else if (*p == quote) {
            if (p + 1 == end || p[1] != quote) return p + 1;
            p++;
        }
    }
    return NULL;
}

/* Behind the comment that begins at p, p: none does; NULL: it does not end, or is code. */
static const char *behind_comment(const char *p, const char *end)
{
    size_t left = (size_t)(end - p);
    const char *q = p;
    if (*p == '#' || (left > 2 && memcmp(p, "--", 2) == 0 && (unsigned char)p[2] <= ' ')) {
        q = memchr(p, '\n', left);
        return q ? q + 1 : end;
    }
    if (left < 2 || memcmp(p, "/*", 2) != 0) return p;
    if (left > 2 && (p[2] == '!' || p[2] == 'M')) return NULL;
    q = memmem(p + 2, left - 2, "*/", 2);
    return q ? q + 2 : NULL;
}

/* It can stand in parentheses: what is opened is closed. escapes: the server reads backslashes. */
static bool is_whole(leat_str text, bool escapes)
{
    const char *p = text.s, *end = text.s + text.len;
    unsigned depth = 0;
    while (p && p < end) {
        const char *next = behind_comment(p, end);
        if (next != p) {
            p = next;
        } else if (*p == '\'' || *p == '"' || *p == '`') {
            p = behind_quote(p, end, escapes);
        } else {
            if (*p == ';' || (*p == ')' && depth == 0)) return false;
            if (*p == '(') depth++;
            if (*p == ')') depth--;
            p++;
        }
    }
    return p && depth == 0;
}

leat_rc leat_my_condition_check(const char *table, const char *filter, leat_err *e)
{
    if (!filter) return LEAT_OK;
    leat_str text = leat_str_of(filter);
    if (is_whole(text, true) && is_whole(text, false)) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "signal.condition", table,
                     "the condition \"%s\" is no expression by itself: expected what can stand in "
                     "parentheses behind WHERE, with each parenthesis, quote and comment closed "
                     "(whether the server reads backslashes or not), and no semicolon",
                     filter);
}

/* ---- which tables ---- */

static leat_rc captured(void *arg, leat_arena *a, const char ***names, size_t *n, leat_err *e)
{
    leat_snapshot_table *v;
    LEAT_TRY(leat_my_captured(arg, a, &v, n, e));
    *names = LEAT_NEW(a, const char *, *n);
    for (size_t i = 0; i < *n; i++)
        (*names)[i] = leat_arena_printf(a, "%s.%s", v[i].schema, v[i].name);
    return LEAT_OK;
}

/* How Debezium keeps a column of a key. */
static leat_java_type key_type(const leat_my_column *c)
{
    static const char *const small[] = {"tinyint", "smallint", "mediumint", NULL};
    for (int i = 0; small[i]; i++)
        if (strcmp(c->base, small[i]) == 0) return LEAT_JAVA_INT;
    if (strcmp(c->base, "int") == 0) return c->is_unsigned ? LEAT_JAVA_LONG : LEAT_JAVA_INT;
    return strcmp(c->base, "bigint") == 0 && !c->is_unsigned ? LEAT_JAVA_LONG : LEAT_JAVA_TEXT;
}

static bool has_field(const leat_my_rel *rel, const char *name)
{
    for (uint32_t i = 0; i < rel->table->row->nfields; i++)
        if (strcmp(rel->cols[i].name, name) == 0) return true;
    return false;
}

/* The columns to read it by; NULL: it cannot be read so. Rows are told apart by the table's key, or
 * else by the surrogate, which the row must have then. */
static const leat_my_identity *choose(const leat_wanted *w, const leat_my_table *def,
                                      const leat_my_rel *rel, leat_my_snap *p, leat_arena *a)
{
    if (!w->surrogate) return leat_my_identity_of(def, NULL, 0, a);
    const char **by = LEAT_NEW(a, const char *, 1);
    by[0] = leat_arena_strdup(a, w->surrogate);
    const leat_my_identity *id = leat_my_identity_of(def, by, 1, a);
    bool keyed = rel->table->nkey > 0 || rel->table->nid > 0;
    if (!id || id->cols[0]->nullable || (!keyed && !has_field(rel, by[0]))) return NULL;
    p->by = by;
    p->nby = 1;
    return id;
}

static leat_rc look_at(leat_my_source *s, const leat_my_relation *r, const leat_wanted *w,
                       leat_asked *x, leat_err *e)
{
    leat_arena *a = &x->a;
    const leat_my_table *def;
    leat_my_rel *rel;
    LEAT_TRY(leat_my_table_read(&s->sql, r->db, r->name, a, &def, e));
    LEAT_TRY(leat_my_rel_named(s, leat_str_of(r->db), leat_str_of(r->name), &rel, e));
    LEAT_TRY(leat_my_rel_version(s, rel, e));
    if (!def || !rel->table) {
        x->missing = "it was dropped just now";
        return LEAT_OK;
    }
    leat_my_snap *p = leat_my_snap_of(r, NULL, a);
    const leat_my_identity *id = choose(w, def, rel, p, a);
    if (!id) return LEAT_OK;
    p->windows = leat_increment_windows(s->inc);
    p->no_writes = &s->inc->no_writes;
    p->ends = w->next == NULL;
    x->table.rows = w->filter ? -1 : r->rows;
    x->table.priv = p;
    x->order = id->order;
    x->n = id->n;
    x->types = LEAT_NEW(a, leat_java_type, id->n);
    for (uint16_t i = 0; i < id->n; i++) x->types[i] = key_type(id->cols[i]);
    return LEAT_OK;
}

/* Why the table is none that can be read. */
static leat_rc why_missing(leat_my_source *s, const leat_wanted *w, const char **why, leat_err *e)
{
    leat_buf sql = {0};
    leat_my_result r;
    leat_buf_str_z(&sql, "SELECT TABLE_TYPE FROM information_schema.TABLES WHERE "
                         "CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) = ");
    leat_my_put_text(&sql, leat_str_of(w->name));
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_my_query(&s->sql, "look for a table", sql.p, &r, e);
    leat_buf_free(&sql);
    LEAT_TRY(rc);
    bool row = leat_my_next(&r);
    *why = !row ? "there is no table of this name (expected database.table)"
           : leat_str_ieq(leat_my_cell(&r, 0), LEAT_STR("VIEW"))
               ? "it is a view: name the tables that it shows"
               : "table.include.list or its like leave it out";
    leat_my_result_free(&r);
    return LEAT_OK;
}

static leat_rc look(void *arg, const leat_wanted *w, leat_asked *x, leat_err *e)
{
    leat_my_source *s = arg;
    leat_arena a = {0};
    leat_snapshot_table *v;
    size_t n, i = 0;
    LEAT_TRY(leat_my_condition_check(w->name, w->filter, e));
    leat_rc rc = leat_my_captured(s, &a, &v, &n, e);
    while (rc == LEAT_OK && i < n &&
           strcmp(leat_arena_printf(&a, "%s.%s", v[i].schema, v[i].name), w->name) != 0)
        i++;
    if (rc == LEAT_OK)
        rc = i < n ? look_at(s, v[i].priv, w, x, e) : why_missing(s, w, &x->missing, e);
    leat_arena_free(&a);
    return rc;
}

/* ---- the stream's place ---- */

static leat_position position(void *arg, leat_buf *text)
{
    return leat_my_stream_position(arg, text);
}

static void place(void *arg, leat_buf *out)
{
    const leat_my_source *s = arg;
    leat_buf_printf(out, "%s:%llu", leat_my_file_now(s), (unsigned long long)leat_my_pos_now(s));
}

static void safe(void *arg, leat_batch *b)
{
    leat_my_safe_here(arg, b);
}

/* As Debezium's: of the last transaction that was read. */
static const leat_value *origin(void *arg, leat_arena *a)
{
    const leat_my_source *s = arg;
    leat_value *v = leat_my_src(s, a);
    const char *file = leat_my_file_now(s);
    v[LEAT_MY_SRC_GTID] = s->gtid ? v[LEAT_MY_SRC_TX] : leat_null();
    v[LEAT_MY_SRC_FILE] = leat_text(leat_arena_str(a, leat_str_of(file)));
    v[LEAT_MY_SRC_TX] = v[LEAT_MY_SRC_QUERY] = leat_null();
    return v;
}

/* ---- the signal table ---- */

static void tell_unread(const leat_my_source *s, const leat_my_rel *r, uint64_t row)
{
    leat_log(LEAT_WARN, "signal.unread",
             "table=\"%s\" file=%s pos=%llu row=%llu a signal is not done: its id, type or data is "
             "no text of the column's character set",
             r->whole, s->file, (unsigned long long)s->event_pos, (unsigned long long)row);
}

leat_rc leat_my_signal_rows(leat_my_source *s, const leat_my_rel *r, const leat_binlog_rows *rows,
                            uint64_t skip, leat_err *e)
{
    leat_mysql_rows it;
    const leat_value *before, *after;
    if (r->signal.ncells < SIGNAL_COLUMNS) return LEAT_OK;
    LEAT_TRY(leat_mysql_rows_open(&it, &r->signal, rows, e));
    for (uint64_t n = 0;; n++) {
        leat_str cell[SIGNAL_COLUMNS] = {{0}};
        leat_rc rc = leat_mysql_rows_next(&it, &s->scratch, &before, &after, NULL, e);
        if (rc == LEAT_AGAIN) return LEAT_OK;
        if (rc == LEAT_DATA && n >= skip) tell_unread(s, r, n);
        if (rc == LEAT_DATA || n < skip) continue;
        LEAT_TRY(rc);
        for (int i = 0; i < SIGNAL_COLUMNS; i++)
            if (after[i].kind == LEAT_TEXT || after[i].kind == LEAT_BYTES)
                cell[i] = leat_value_str(&after[i]);
        leat_increment_row(s->inc, cell[0], cell[1], cell[2]);
    }
}

const leat_increment_calls leat_my_increment_calls = {
    .captured = captured,
    .look = look,
    .position = position,
    .place = place,
    .safe = safe,
    .origin = origin,
    .block_read = leat_my_block_read,
    .block_end = leat_my_block_end,
    .window = leat_my_view_window,
    .not_sent = "it is not in this server's binary log (binlog_ignore_db, or a session that does "
                "not log)",
};
