/* Snapshots by signal: the captured tables, what one of them is read by, and the place of its rows.
 * Run by the task's thread. */
#include "source/postgres/incremental.h"

#include "source/postgres/ranges.h"
#include "source/postgres/view.h"
#include "source/postgres/walframe.h"
#include "system/postgres/quote.h"

enum {
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
};

/* ---- which tables ---- */

static leat_rc captured(void *arg, leat_arena *a, const char ***names, size_t *n, leat_err *e)
{
    leat_pg_source *s = arg;
    leat_pg_tables t;
    LEAT_TRY(leat_pg_source_sql(s, e));
    LEAT_TRY(leat_pg_rules_tables(&s->rules, &s->sql, a, &t, e));
    *n = t.ncaptured;
    *names = LEAT_NEW(a, const char *, t.ncaptured);
    for (size_t i = 0; i < t.ncaptured; i++)
        (*names)[i] = leat_arena_printf(a, "%s.%s", t.captured[i]->schema, t.captured[i]->name);
    return LEAT_OK;
}

/* How Debezium keeps a column of a key. */
static leat_java_type key_type(uint32_t type)
{
    switch (type) {
    case OID_INT8: return LEAT_JAVA_LONG;
    case OID_INT2:
    case OID_INT4: return LEAT_JAVA_INT;
    default: return LEAT_JAVA_TEXT;
    }
}

static int column_of(const leat_pg_table *t, const char *name)
{
    for (uint16_t i = 0; i < t->ncols; i++)
        if (strcmp(t->cols[i].name, name) == 0) return i;
    return -1;
}

/* The columns to read it by; NULL: it cannot be read so. */
static const char *const *choose_columns(const leat_wanted *w, const leat_pg_table *t,
                                         const leat_pg_rel *rel, uint16_t *n, leat_arena *a)
{
    bool keyed = rel->table->nkey > 0 || rel->table->nid > 0;
    *n = w->surrogate ? 1 : t->nkey;
    const char **names = LEAT_NEW(a, const char *, *n);
    for (uint16_t i = 0; i < *n; i++) {
        names[i] = leat_arena_strdup(a, w->surrogate ? w->surrogate : t->key[i]);
        int at = column_of(t, names[i]);
        bool hidden = at >= 0 && !keyed && rel->field[at] == LEAT_PG_NO_FIELD;
        if (at < 0 || !t->cols[at].not_null || hidden) return NULL;
    }
    return *n > 0 && *n <= LEAT_INCREMENT_KEYS ? names : NULL;
}

/* Windows are Debezium's way; where they cannot be written it goes without. */
static bool with_windows(const leat_pg_source *s)
{
    return !s->server.standby && leat_increment_windows(s->inc);
}

static void fill(leat_pg_source *s, const leat_wanted *w, leat_asked *x, const leat_pg_table *t,
                 leat_pg_snap *p, const leat_pg_identity *by)
{
    leat_arena *a = &x->a;
    leat_buf quoted = {0};
    leat_pg_quote_table(&quoted, t->schema, t->name);
    p->schema = leat_arena_strdup(a, t->schema);
    p->name = leat_arena_strdup(a, t->name);
    p->quoted = leat_arena_str(a, leat_buf_str(&quoted)).s;
    p->doing = leat_pg_row_doing(t->schema, t->name, NULL, a);
    p->only = !s->conf->faults && t->kind == 'r';
    p->windows = with_windows(s);
    p->no_writes = &s->inc->no_writes;
    p->ends = w->next == NULL;
    p->condition = w->filter ? LEAT_NEW(a, leat_pg_condition, 1) : NULL;
    leat_buf_free(&quoted);
    x->table.rows = t->rows < 0 || w->filter ? -1 : (int64_t)t->rows;
    x->table.priv = p;
    x->order = by->order;
    x->n = by->n;
    x->types = LEAT_NEW(a, leat_java_type, by->n);
    for (uint16_t i = 0; i < by->n; i++)
        x->types[i] = key_type(t->cols[column_of(t, by->names[i])].type);
}

leat_rc leat_pg_condition_check(const char *table, const char *filter, leat_err *e)
{
    leat_str text = leat_str_trim(leat_str_of(filter));
    while (text.len && text.s[text.len - 1] == ';')
        text = leat_str_trim((leat_str){text.s, text.len - 1});
    if (leat_pg_is_whole(text)) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "signal.condition", table,
                     "the condition \"%s\" is no expression by itself: expected what can stand in "
                     "parentheses behind WHERE, with each parenthesis, quote and comment closed, "
                     "and no semicolon",
                     filter);
}

static leat_rc look_at(leat_pg_source *s, uint32_t oid, const leat_wanted *w, leat_asked *x,
                       leat_err *e)
{
    leat_arena a = {0};
    const leat_pg_table *t;
    leat_pg_rel *rel = NULL;
    leat_pg_snap *p = LEAT_NEW(&x->a, leat_pg_snap, 1);
    const leat_pg_identity *by = NULL;
    *p = (leat_pg_snap){0};
    leat_rc rc = leat_pg_condition_check(w->name, w->filter, e);
    if (rc == LEAT_OK) rc = leat_pg_table_read(&s->sql, oid, &a, &t, e);
    if (rc == LEAT_OK && !t)
        rc = leat_fail(e, LEAT_CONF, "postgres.table_missing", w->name,
                       "the table was dropped while it was looked up");
    if (rc == LEAT_OK) rc = leat_pg_rel_of_table(s, t, &rel, e);
    if (rc == LEAT_OK) p->by = choose_columns(w, t, rel, &p->nby, &x->a);
    if (rc == LEAT_OK && p->by)
        rc = leat_pg_identity_of(&s->sql, oid, p->by, p->nby, &x->a, &by, e);
    if (rc == LEAT_OK && by) fill(s, w, x, t, p, by);
    leat_pg_rel_free(rel);
    leat_arena_free(&a);
    return rc;
}

/* The table's number in the catalog, 0: it is not captured. */
static leat_rc find_table(leat_pg_source *s, const leat_wanted *w, uint32_t *oid, leat_err *e)
{
    leat_arena a = {0};
    leat_pg_tables t;
    *oid = 0;
    leat_rc rc = leat_pg_source_sql(s, e);
    if (rc == LEAT_OK) rc = leat_pg_rules_tables(&s->rules, &s->sql, &a, &t, e);
    for (size_t i = 0; rc == LEAT_OK && i < t.ncaptured; i++) {
        const leat_pg_relation *r = t.captured[i];
        const char *name = leat_arena_printf(&a, "%s.%s", r->schema, r->name);
        if (strcmp(name, w->name) != 0) continue;
        *oid = r->oid;
        leat_pg_tell_hidden(r);
    }
    leat_arena_free(&a);
    return rc;
}

/* Why the table is none that can be read. */
static const char *why_missing(leat_pg_source *s, const leat_wanted *w)
{
    static const char sql[] =
        "SELECT CASE WHEN c.relkind IN ('r', 'p') THEN c.relpersistence ELSE c.relkind END"
        " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname || '.' || c.relname = $1";
    PGresult *res;
    leat_err ignored;
    char kind = 0;
    if (leat_pg_query(&s->sql, "look for a table", sql, 1, &w->name, &res, &ignored) == LEAT_OK) {
        if (PQntuples(res) > 0) kind = PQgetvalue(res, 0, 0)[0];
        PQclear(res);
    }
    switch (kind) {
    case 'p': return "table.include.list or its like leave it out";
    case 'v':
    case 'm': return "it is a view: name the tables that it shows";
    case 'f': return "it is a foreign table, whose changes are in another server's log";
    case 'u': return "it is UNLOGGED: its changes are not in the log";
    case 't': return "it is a temporary table";
    default: return "there is no table of this name (expected schema.table)";
    }
}

static leat_rc look(void *arg, const leat_wanted *w, leat_asked *x, leat_err *e)
{
    leat_pg_source *s = arg;
    uint32_t oid;
    LEAT_TRY(find_table(s, w, &oid, e));
    if (oid != 0) return look_at(s, oid, w, x, e);
    x->missing = why_missing(s, w);
    return LEAT_OK;
}

/* ---- the stream's place ---- */

static leat_position position(void *arg, leat_buf *text)
{
    return leat_pg_stream_position(arg, text);
}

static void place(void *arg, leat_buf *out)
{
    const leat_pg_source *s = arg;
    char text[LEAT_LSN_TEXT];
    leat_buf_str_z(out, leat_lsn_print(s->at.lsn, text));
}

static void safe(void *arg, leat_batch *b)
{
    leat_pg_safe_here(arg, b);
}

static const leat_value *origin(void *arg, leat_arena *a)
{
    const leat_pg_source *s = arg;
    leat_value *src = LEAT_NEW(a, leat_value, LEAT_PG_SRC_N);
    for (int i = 0; i < LEAT_PG_SRC_N; i++) src[i] = leat_null();
    src[LEAT_PG_SRC_COMMIT] = s->at.commit ? leat_int((int64_t)s->at.commit) : leat_null();
    src[LEAT_PG_SRC_LSN] = leat_int((int64_t)s->at.lsn);
    return src;
}

static const char *window(const leat_view *view)
{
    return ((const leat_pg_view *)view->priv)->chunk;
}

/* ---- the signal table ---- */

static leat_str cell(const leat_pgoutput_tuple *row, uint16_t i)
{
    if (i >= row->n || row->cells[i].kind != LEAT_PGOUTPUT_TEXT) return (leat_str){0};
    return row->cells[i].data;
}

void leat_pg_increment_row(leat_pg_source *s, const leat_pgoutput_tuple *row)
{
    leat_increment_row(s->inc, cell(row, 0), cell(row, 1), cell(row, 2));
}

const leat_increment_calls leat_pg_increment_calls = {
    .captured = captured,
    .look = look,
    .position = position,
    .place = place,
    .safe = safe,
    .origin = origin,
    .block_read = leat_pg_block_read,
    .block_end = leat_pg_block_end,
    .window = window,
    .not_sent = "the publication lacks the table",
};
