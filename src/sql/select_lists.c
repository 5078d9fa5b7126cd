/* The small tables: rows that are made at once, when a scan begins.
 *
 * Each is a row of `lists`: its columns, what conditions may narrow, and the function that fills
 * it. Rows live as long as their scan; the key says which of two scans are one (OR may be a scan
 * for each side). */
#include "base/clock.h"
#include "sql/select_part.h"

typedef leat_rc (*fill)(leat_select_rows *r, const leat_select_bounds *b, leat_err *e);

enum {
    WIDTH = 12,
    KEYS = 3, /* the first two columns, as bits: text of a key is made whoever asks */
};

typedef struct list {
    const char *name, *declared;
    int width; /* columns */
    fill fill;
    leat_select_kind kinds[WIDTH];
} list;

/* ---- rows ---- */

static leat_select_cell *add(leat_select_rows *r)
{
    if (r->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 64;
        r->v = leat_realloc(r->v, r->cap * sizeof *r->v);
    }
    r->bytes += sizeof *r->v;
    r->v[r->n] = (leat_select_cell){.type = LEAT_SELECT_NULL};
    return &r->v[r->n++];
}

void leat_select_put_i64(leat_select_rows *r, int64_t i)
{
    *add(r) = (leat_select_cell){.type = LEAT_SELECT_INT, .i = i};
}

static void put_bytes(leat_select_rows *r, leat_str s, leat_select_type type)
{
    bool used = r->used >> r->n % (size_t)r->width & 1;
    leat_select_cell *c = add(r);
    if (!s.s || !used) return;
    c->type = type;
    r->bytes += s.len;
    c->s = leat_arena_str(&r->a, s);
}

void leat_select_put_str(leat_select_rows *r, leat_str s)
{
    put_bytes(r, s, LEAT_SELECT_STR);
}

void leat_select_put_blob(leat_select_rows *r, leat_str s)
{
    put_bytes(r, s, LEAT_SELECT_BLOB);
}

/* ---- topics ---- */

static leat_rc fill_topics(leat_select_rows *r, const leat_select_bounds *b, leat_err *e)
{
    (void)e;
    for (const leat_topic *t = r->q->topics; t; t = t->link) {
        if (b->topic.s && !leat_str_is(b->topic, t->name)) continue;
        leat_select_put_str(r, leat_str_of(t->name));
        leat_select_put_str(r, leat_str_of(t->connector));
        leat_select_put_i64(r, t->first);
        leat_select_put_i64(r, t->next);
        leat_select_put_i64(r, t->bytes);
        leat_select_put_i64(r, t->exists);
    }
    return LEAT_OK;
}

static const list lists[] = {
    {"topics",
     "CREATE TABLE x(topic TEXT, connector TEXT, first_offset INTEGER, next_offset INTEGER, "
     "bytes INTEGER, connector_exists INTEGER, PRIMARY KEY(topic, connector)) WITHOUT ROWID",
     6,
     fill_topics,
     {LEAT_SELECT_TOPIC, LEAT_SELECT_CONNECTOR}},
    {"minutes",
     "CREATE TABLE x(topic TEXT, connector TEXT, minute TEXT COLLATE moment, minute_ms INTEGER, "
     "records INTEGER, PRIMARY KEY(topic, connector, minute_ms)) WITHOUT ROWID",
     5,
     leat_select_fill_minutes,
     {LEAT_SELECT_TOPIC, LEAT_SELECT_CONNECTOR, LEAT_SELECT_TEXT_TIME, LEAT_SELECT_TIME_MS}},
    {"connectors",
     "CREATE TABLE x(connector TEXT, side TEXT, class TEXT, state TEXT, pid INTEGER, "
     "started TEXT COLLATE moment, error_code TEXT, error TEXT, "
     "PRIMARY KEY(connector)) WITHOUT ROWID",
     8,
     leat_select_fill_connectors,
     {LEAT_SELECT_CONNECTOR}},
    {"counters",
     "CREATE TABLE x(connector TEXT, counter TEXT, value INTEGER, "
     "PRIMARY KEY(connector, counter)) WITHOUT ROWID",
     3,
     leat_select_fill_counters,
     {LEAT_SELECT_CONNECTOR}},
    {"dead_letters",
     "CREATE TABLE x(connector TEXT, id INTEGER, stored TEXT COLLATE moment, "
     "ts TEXT COLLATE moment, topic TEXT, \"table\" TEXT, code TEXT, reason TEXT, "
     "\"where\" TEXT, position JSON, size INTEGER, bytes BLOB, "
     "PRIMARY KEY(connector, id)) WITHOUT ROWID",
     12,
     leat_select_fill_letters,
     {LEAT_SELECT_CONNECTOR}},
};

/* ---- the module ---- */

typedef struct list_of {
    leat_select *q;
    const list *list;
} list_of;

typedef struct list_cursor {
    sqlite3_vtab_cursor base;
    leat_select_rows rows;
    size_t at; /* row */
} list_cursor;

static const list *list_under(const list_cursor *c)
{
    return ((const list_of *)leat_select_of(c->base.pVtab))->list;
}

static int connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out,
                   char **err)
{
    (void)db, (void)argc, (void)argv;
    const list_of *of = aux;
    int rc = of->list->fill == fill_topics ? leat_select_connect(of->q, NULL, err) : SQLITE_OK;
    return rc == SQLITE_OK ? leat_select_table_new(of->q, of->list->declared, of, out) : rc;
}

static int best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    const list *l = ((const list_of *)leat_select_of(base))->list;
    int rc = leat_select_plan(info, l->kinds, l->width);
    info->estimatedCost /= 1000; /* against events */
    info->estimatedRows = 100;   /* few: the outer loop of a join, as each scan makes them anew */
    info->idxNum = (int)(info->colUsed & ((1u << WIDTH) - 1)) | KEYS;
    return rc;
}

static int open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
    list_cursor *c = leat_zalloc(1, sizeof *c);
    c->rows.q = ((const list_of *)leat_select_of(base))->q;
    *out = &c->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    list_cursor *c = (list_cursor *)base;
    leat_arena_free(&c->rows.a);
    leat_free(c->rows.v);
    leat_free(c);
    return SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *base, int used, const char *plan, int argc,
                  sqlite3_value **argv)
{
    list_cursor *c = (list_cursor *)base;
    leat_select_bounds b;
    leat_err err = {0};
    leat_arena_reset(&c->rows.a, 1 << 20);
    c->rows.used = (unsigned)used;
    c->rows.n = c->rows.bytes = c->at = 0;
    c->rows.width = list_under(c)->width;
    leat_rc rc = leat_select_bound(plan, argc, argv, &b, &err);
    if (rc == LEAT_OK && !b.nothing) rc = list_under(c)->fill(&c->rows, &b, &err);
    return leat_select_told(c->rows.q, base->pVtab, rc, &err);
}

static int next(sqlite3_vtab_cursor *base)
{
    ((list_cursor *)base)->at++;
    return SQLITE_OK;
}

static int at_end(sqlite3_vtab_cursor *base)
{
    const list_cursor *c = (const list_cursor *)base;
    return (c->at + 1) * (size_t)list_under(c)->width > c->rows.n;
}

static int get_column(sqlite3_vtab_cursor *base, sqlite3_context *x, int i)
{
    const list_cursor *c = (const list_cursor *)base;
    const leat_select_cell *v = &c->rows.v[c->at * (size_t)list_under(c)->width + (size_t)i];
    switch (v->type) {
    case LEAT_SELECT_NULL: sqlite3_result_null(x); break;
    case LEAT_SELECT_INT: sqlite3_result_int64(x, v->i); break;
    case LEAT_SELECT_STR:
        sqlite3_result_text64(x, v->s.s, v->s.len, SQLITE_TRANSIENT, SQLITE_UTF8);
        break;
    case LEAT_SELECT_BLOB: sqlite3_result_blob64(x, v->s.s, v->s.len, SQLITE_TRANSIENT); break;
    }
    return SQLITE_OK;
}

static const sqlite3_module module = {
    .iVersion = 1,
    .xConnect = connect,
    .xBestIndex = best_index,
    .xDisconnect = leat_select_table_free,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = at_end,
    .xColumn = get_column,
};

int leat_select_lists(leat_select *q)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < sizeof lists / sizeof *lists && rc == SQLITE_OK; i++) {
        list_of *of = LEAT_NEW(&q->a, list_of, 1);
        *of = (list_of){q, &lists[i]};
        rc = sqlite3_create_module(q->db, lists[i].name, &module, of);
    }
    return rc;
}
