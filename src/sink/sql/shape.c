/* Statements of a plan: one for each kind and each set of columns that is written. By the sink's
 * thread. */
#include "sink/sql/plan.h"

struct leat_rdb_shapes {
    leat_rdb_shape shape;
    struct leat_rdb_shapes *next;
};

/* ---- their SQL ---- */

static void put_places(const leat_rdb_dialect *d, leat_buf *out, unsigned n)
{
    for (unsigned i = 1; i <= n; i++) {
        if (i > 1) leat_buf_u8(out, ',');
        d->place(out, i);
    }
}

void leat_rdb_put_insert(const leat_rdb_dialect *d, leat_buf *out, const leat_rdb_shape *s)
{
    bool always = false;
    leat_buf_str_z(out, "INSERT INTO ");
    leat_rdb_quote_table(d, out, s->table);
    leat_buf_str_z(out, " (");
    for (uint16_t i = 0; i < s->nset; i++) {
        const leat_rdb_column *to = s->fields[s->set[i]].to;
        if (i > 0) leat_buf_u8(out, ',');
        d->quote(out, leat_str_of(to->name));
        always = always || to->always;
    }
    leat_buf_str_z(out, always ? ") OVERRIDING SYSTEM VALUE" : ")");
}

static void put_insert(const leat_rdb_dialect *d, leat_buf *out, const leat_rdb_shape *s)
{
    leat_rdb_put_insert(d, out, s);
    leat_buf_str_z(out, " VALUES (");
    put_places(d, out, s->nset);
    leat_buf_u8(out, ')');
    if (s->kind == LEAT_RDB_ROW_UPSERT) d->upsert(out, s);
}

static void put_pair(const leat_rdb_dialect *d, leat_buf *out, const leat_rdb_field *f, unsigned n)
{
    d->quote(out, leat_str_of(f->to->name));
    leat_buf_u8(out, '=');
    d->place(out, n);
}

static void put_by(const leat_rdb_dialect *d, leat_buf *out, const leat_rdb_shape *s)
{
    for (uint16_t i = 0; i < s->nby; i++) {
        leat_buf_str_z(out, i == 0 ? " WHERE " : " AND ");
        put_pair(d, out, &s->fields[s->by[i]], s->nset + i + 1u);
    }
}

static void put_update(const leat_rdb_dialect *d, leat_buf *out, const leat_rdb_shape *s)
{
    leat_buf_str_z(out, "UPDATE ");
    leat_rdb_quote_table(d, out, s->table);
    for (uint16_t i = 0; i < s->nset; i++) {
        leat_buf_str_z(out, i == 0 ? " SET " : ", ");
        put_pair(d, out, &s->fields[s->set[i]], i + 1u);
    }
    put_by(d, out, s);
}

static const char *sql_of(const leat_rdb_dialect *d, const leat_rdb_shape *s, leat_arena *a)
{
    leat_buf out = {0};
    switch (s->kind) {
    case LEAT_RDB_ROW_INSERT:
    case LEAT_RDB_ROW_UPSERT: put_insert(d, &out, s); break;
    case LEAT_RDB_ROW_UPDATE: put_update(d, &out, s); break;
    case LEAT_RDB_ROW_DELETE:
        leat_buf_str_z(&out, "DELETE FROM ");
        leat_rdb_quote_table(d, &out, s->table);
        put_by(d, &out, s);
        break;
    case LEAT_RDB_ROW_TRUNCATE:
        leat_buf_str_z(&out, d->truncate);
        leat_rdb_quote_table(d, &out, s->table);
        break;
    }
    const char *sql = leat_arena_str(a, leat_buf_str(&out)).s;
    leat_buf_free(&out);
    return sql;
}

/* ---- finding them ---- */

/* A field is written if it is there; in an UPDATE the key only where it changes. */
static bool writes(const leat_rdb_field *f, leat_rdb_kind kind, const leat_value *cells, bool keyed)
{
    if (kind == LEAT_RDB_ROW_DELETE || kind == LEAT_RDB_ROW_TRUNCATE) return false;
    if (kind == LEAT_RDB_ROW_UPDATE && ((f->key && !keyed) || f->to->always)) return false;
    return cells[f->from].kind != LEAT_ABSENT;
}

static bool fits(const leat_rdb_shape *s, const leat_rdb_plan *p, leat_rdb_kind kind,
                 const leat_value *cells, bool keyed)
{
    uint16_t at = 0;
    if (s->kind != kind) return false;
    for (uint16_t i = 0; i < p->nfields; i++) {
        if (!writes(&p->fields[i], kind, cells, keyed)) continue;
        if (at >= s->nset || s->set[at++] != i) return false;
    }
    return at == s->nset;
}

static leat_rdb_shape *make(leat_rdb_target *t, leat_rdb_plan *p, leat_rdb_kind kind,
                            const leat_value *cells, bool keyed)
{
    leat_rdb_shapes *one = LEAT_NEW(&t->arena, leat_rdb_shapes, 1);
    leat_rdb_shape *s = &one->shape;
    uint16_t *set = LEAT_NEW(&t->arena, uint16_t, p->nfields + 1);
    uint16_t *by = LEAT_NEW(&t->arena, uint16_t, p->nkey + 1);
    *s = (leat_rdb_shape){.kind = kind,
                          .table = p->table,
                          .fields = p->fields,
                          .set = set,
                          .by = by,
                          .id = ++t->shapes};
    for (uint16_t i = 0; i < p->nfields; i++)
        if (writes(&p->fields[i], kind, cells, keyed)) set[s->nset++] = i;
    if (kind == LEAT_RDB_ROW_UPDATE || kind == LEAT_RDB_ROW_DELETE)
        while (s->nby < p->nkey) by[s->nby] = s->nby, s->nby++;
    s->sql = sql_of(t->conn->dialect, s, &t->arena);
    one->next = p->shapes;
    p->shapes = one;
    return s;
}

leat_rdb_shape *leat_rdb_plan_shape(leat_rdb_target *t, leat_rdb_plan *p, leat_rdb_kind kind,
                                    const leat_value *cells, bool keyed)
{
    if (p->last && fits(p->last, p, kind, cells, keyed)) return p->last;
    for (leat_rdb_shapes *s = p->shapes; s; s = s->next)
        if (fits(&s->shape, p, kind, cells, keyed)) return p->last = &s->shape;
    return p->last = make(t, p, kind, cells, keyed);
}
