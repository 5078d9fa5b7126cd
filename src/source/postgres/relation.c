/* Tables: what the server describes and what the catalog adds become table versions.
 *
 * The stream describes a table (a relation message) before its first change in a session and again
 * whenever it may have changed. The message says which columns there were, their types and the
 * replica identity, as of the change; what it does not say (defaults, NOT NULL, the key, the labels
 * of an enum) is asked from the catalog, which may be ahead: columns are matched by name, and a key
 * column that the message lacks is left out. A table that is gone from the catalog meanwhile keeps
 * the key of the version before, else what the message marks as the replica identity. A version
 * that turns out equal to the current one is dropped, so that readers see no change where there is
 * none.
 *
 * Where the catalog is ahead, a column may be NOT NULL there and NULL in a change that is older,
 * and an array of enums has no room for NULLs in Debezium's mapping: such a version is made again
 * with that column loosened when the first NULL comes.
 *
 * Snapshots make their versions from the catalog alone, generated columns included, which the log
 * lacks. Run by the task's thread. */
#include "base/clock.h"
#include "base/log.h"
#include "source/postgres/pg.h"
#include "source/postgres/ranges.h"
#include "system/postgres/quote.h"
#include "system/postgres/types_oid.h"

enum { VISIBLE_US = 1000000, VISIBLE_STEP_US = 500 };

/* One column on its way from the server to a field. */
typedef struct column {
    leat_str name;
    uint32_t type;
    int32_t typmod;
    bool identity;
    const leat_pg_column *known; /* the catalog's; NULL: it has none of this name */
} column;

typedef struct draft {
    uint32_t id;
    const char *schema, *name;
    column *cols;
    uint16_t ncols;
    const char *const *key; /* names */
    uint16_t nkey;
    const leat_pg_identity *identity; /* NULL: none, or not known */
    bool catalog;                     /* made from the catalog alone */
    const bool *loose;                /* see leat_pg_rel; NULL: none */
    leat_str wire;                    /* the relation message; absent: there is none */
} draft;

/* Where the relation of that id stands, or is to stand. */
static leat_pg_rel **place_of(leat_pg_source *s, uint32_t id)
{
    leat_pg_rel **at = &s->rels[id % LEAT_PG_RELS];
    while (*at && (*at)->id != id) at = &(*at)->next;
    return at;
}

leat_pg_rel *leat_pg_rel_find(leat_pg_source *s, uint32_t id)
{
    return *place_of(s, id);
}

leat_rc leat_pg_rel_cell(leat_pg_rel *r, uint16_t col, bool binary, leat_str bytes, leat_arena *a,
                         leat_value *out, leat_err *e)
{
    uint16_t field = r->field[col];
    const leat_field *f = &r->table->row->fields[field];
    const leat_pg_col *c = &r->cols[field];
    r->tight = col;
    if (bytes.s && binary && c->binary) {
        LEAT_TRY(c->binary(c, bytes, a, out, e));
        bool text = r->raw && out->kind == LEAT_TEXT;
        return text ? leat_pg_text_check(c, leat_value_str(out), e) : LEAT_OK;
    }
    if (bytes.s) {
        bool text = r->raw && c->schema->type != LEAT_T_BYTES;
        if (text) LEAT_TRY(leat_pg_text_check(c, bytes, e));
        return leat_pg_parse(c, bytes, a, out, e);
    }
    *out = leat_null();
    if (f->schema->optional || f->schema->def != NULL) return LEAT_OK;
    return leat_pg_null_fail(c, e);
}

void leat_pg_rel_free(leat_pg_rel *r)
{
    if (!r) return;
    if (r->table) leat_table_unpin(r->table);
    if (r->twin) leat_table_unpin(r->twin);
    leat_free(r);
}

void leat_pg_rels_free(leat_pg_source *s)
{
    for (int i = 0; i < LEAT_PG_RELS; i++) {
        leat_pg_rel *r = s->rels[i];
        while (r) {
            leat_pg_rel *next = r->next;
            leat_pg_rel_free(r);
            r = next;
        }
        s->rels[i] = NULL;
    }
}

static bool is_key(const draft *d, leat_str name)
{
    for (uint16_t i = 0; i < d->nkey; i++)
        if (leat_str_is(name, d->key[i])) return true;
    return false;
}

/* Plans a column; types made since the last look are read once. The log may tell of a type that is
 * gone: waiting would not bring it back, and text is what the server sends. */
static leat_rc plan_column(leat_pg_source *s, const leat_pg_attr *attr, leat_arena *a,
                           leat_pg_col *out, leat_err *e)
{
    leat_rc rc = leat_pg_plan(s->types, &s->modes, attr, a, out, e);
    if (rc != LEAT_CONF) return rc;
    LEAT_TRY(leat_pg_source_types(s, e));
    rc = leat_pg_plan(s->types, &s->modes, attr, a, out, e);
    if (rc != LEAT_CONF) return rc;
    leat_log(LEAT_WARN, "postgres.type_gone",
             "table=\"%s\" column=\"%s\" its type (oid %u) was dropped since: its values are shown "
             "as text",
             attr->table, attr->name, attr->type);
    leat_pg_attr text = *attr;
    text.type = LEAT_PG_OID_TEXT;
    text.typmod = -1;
    text.ndims = 0;
    text.def = (leat_str){0};
    return leat_pg_plan(s->types, &s->modes, &text, a, out, e);
}

static leat_rc plan_one(leat_pg_source *s, const draft *d, uint16_t i, leat_arena *a,
                        leat_pg_col *out, leat_err *e)
{
    const column *c = &d->cols[i];
    const leat_pg_column *known = c->known;
    leat_pg_attr attr = {
        .table = leat_arena_printf(a, "%s.%s", d->schema, d->name),
        .name = leat_arena_str(a, c->name).s,
        .type = c->type,
        .typmod = c->typmod,
        .ndims = known ? known->ndims : 0,
        .not_null = (known && known->not_null) || (!known && is_key(d, c->name)),
        .generated = known && known->generated,
        .loose = d->loose && d->loose[i],
        .def = known ? known->def : (leat_str){0},
    };
    if (attr.def.s && !leat_str_utf8(attr.def)) attr.def = (leat_str){0};
    return plan_column(s, &attr, a, out, e);
}

static leat_column column_of(const column *c, const leat_pg_col *p, uint16_t place)
{
    return (leat_column){
        .type = p->type,
        .oid = p->oid,
        .length = p->length,
        .scale = p->scale,
        .position = c->known ? c->known->number : (uint16_t)(place + 1),
        .generated = c->known && c->known->generated,
        .identity = c->known && c->known->identity,
    };
}

/* The columns of message.key.columns, if a rule fits, in the place of the table's key. */
static leat_rc chosen_key(leat_pg_source *s, draft *d, leat_arena *a, leat_err *e)
{
    if (!s->rules.keys) return LEAT_OK;
    const char **names = LEAT_NEW(a, const char *, d->ncols);
    uint16_t *found = LEAT_NEW(a, uint16_t, d->ncols), n = 0;
    for (uint16_t i = 0; i < d->ncols; i++) names[i] = leat_arena_str(a, d->cols[i].name).s;
    LEAT_TRY(leat_keys_find(s->rules.keys, d->schema, d->name, names, d->ncols, found, &n, e));
    if (n == 0) return LEAT_OK;
    const char **key = LEAT_NEW(a, const char *, n);
    for (uint16_t i = 0; i < n; i++) key[i] = names[found[i]];
    d->key = key;
    d->nkey = n;
    return LEAT_OK;
}

/* A table version being built. */
typedef struct build {
    leat_pg_rel *r;
    leat_arena *a; /* of the version */
    leat_pg_col *cols;
    leat_column *natives;
    leat_field *fields;
    const char **names; /* of the columns, as the database has them */
    const char **types; /* names of their types, as Debezium tells them */
    uint16_t *field;
    bool *identity;
    uint16_t n;
    leat_buf unmapped; /* columns whose types have no mapping, and these, for the log */
} build;

/* The type's own name; what JDBC calls serial only where Debezium asks the catalog by it. */
static const char *type_name(const leat_pg_source *s, const draft *d, const column *c,
                             const leat_pg_col *p, leat_arena *a)
{
    static const char *const serials[][2] = {
        {"int2", "smallserial"}, {"int4", "serial"}, {"int8", "bigserial"}};
    const leat_pg_type *t = leat_pg_types_get(s->types, c->type);
    const char *name = t ? t->name : p->type;
    leat_str def = c->known ? c->known->def : (leat_str){0};
    bool serial = d->catalog && def.len && memmem(def.s, def.len, "nextval(", 8);
    for (size_t i = 0; serial && i < sizeof serials / sizeof *serials; i++)
        if (strcmp(name, serials[i][0]) == 0) return serials[i][1];
    return leat_arena_strdup(a, name);
}

static leat_rc put_column(leat_pg_source *s, const draft *d, uint16_t i, build *w, leat_err *e)
{
    const column *c = &d->cols[i];
    const char *name = leat_arena_str(w->a, c->name).s;
    bool in;
    w->field[i] = LEAT_PG_NO_FIELD;
    w->identity[i] = c->identity;
    LEAT_TRY(leat_pg_name_check(c->name, "column", d->name, e));
    LEAT_TRY(leat_filter_column(s->rules.filter, d->schema, d->name, name, &in, e));
    if (!in && !is_key(d, c->name)) return LEAT_OK;
    LEAT_TRY(plan_one(s, d, i, w->a, &w->cols[w->n], e));
    if (!w->cols[w->n].schema) {
        leat_buf_printf(&w->unmapped, "%s%s %s", w->unmapped.len ? ", " : "", name,
                        w->cols[w->n].type);
        return LEAT_OK;
    }
    w->natives[w->n] = column_of(c, &w->cols[w->n], i);
    w->names[w->n] = name;
    w->types[w->n] = type_name(s, d, c, &w->cols[w->n], w->a);
    w->fields[w->n] =
        (leat_field){leat_naming_field(&s->conf->capture, w->a, name), w->cols[w->n].schema};
    w->field[i] = w->n++;
    return LEAT_OK;
}

/* The key's columns that are in the row, in the key's order, and the field that tells the table
 * where tables share a topic. */
static void put_key(leat_pg_source *s, const draft *d, leat_table *t, const build *w,
                    const leat_naming_place *place)
{
    uint16_t *cols = LEAT_NEW(w->a, uint16_t, d->nkey);
    leat_field *fields = LEAT_NEW(w->a, leat_field, d->nkey + 1);
    uint16_t n = 0;
    for (uint16_t i = 0; i < d->nkey; i++)
        for (uint16_t k = 0; k < w->n; k++) {
            if (strcmp(w->names[k], d->key[i]) != 0) continue;
            fields[n] = w->fields[k];
            cols[n++] = k;
        }
    leat_naming_key(&s->conf->capture, w->a, place, fields, cols, n, t);
}

/* The columns as Debezium tells of them where it tells of source types: length and scale of a
 * numeric without them depend on whether it asked the catalog or the stream. */
static const leat_column *told_columns(const leat_pg_source *s, const draft *d, const build *w)
{
    enum { DIGITS_MOST = 131089 }; /* that a numeric can have before its point, and then some */
    const leat_capture_conf *c = &s->conf->capture;
    if (c->propagate_columns.n == 0 && c->propagate_types.n == 0) return w->natives;
    leat_column *cols = leat_arena_dup(w->a, w->natives, w->n * sizeof *cols);
    for (uint16_t i = 0; i < w->n; i++) {
        if (cols[i].oid != LEAT_PG_OID_NUMERIC || cols[i].length != 0) continue;
        cols[i].length = d->catalog ? 0 : DIGITS_MOST;
        cols[i].scale = d->catalog ? -1 : 0;
    }
    return cols;
}

/* The columns of the identity, if all of them are in the row as they are. */
static void put_identity(const draft *d, leat_table *t, const build *w)
{
    const leat_pg_identity *id = d->identity;
    uint16_t *cols = LEAT_NEW(w->a, uint16_t, id ? id->n : 0), n = 0;
    for (uint16_t i = 0; id && i < id->n; i++)
        for (uint16_t k = 0; k < w->n; k++) {
            if (strcmp(w->names[k], id->names[i]) != 0) continue;
            if (!leat_rewrite_touches(w->r->rewrite, k) && leat_pg_range_fits(&w->cols[k]))
                cols[n++] = k;
        }
    t->id_cols = cols;
    t->nid = id && n == id->n ? n : 0;
}

/* The relation's name, once as long as it has that. */
static const char *whole_of(leat_pg_source *s, const leat_pg_rel *before, const char *schema,
                            const char *name)
{
    size_t n = strlen(schema);
    bool same = before && strncmp(before->whole, schema, n) == 0 && before->whole[n] == '.' &&
                strcmp(before->whole + n + 1, name) == 0;
    return same ? before->whole : leat_arena_printf(&s->arena, "%s.%s", schema, name);
}

/* Two tables must not come to one topic but on purpose. */
static leat_rc claim_topic(leat_pg_source *s, const draft *d, leat_pg_rel *r, bool shared,
                           leat_err *e)
{
    const leat_pg_rel *before = leat_pg_rel_find(s, d->id);
    if (before && before->table && strcmp(before->table->topic, r->table->topic) == 0 &&
        strcmp(before->table->schema, d->schema) == 0 && strcmp(before->table->name, d->name) == 0)
        return LEAT_OK;
    if (shared) return LEAT_OK;
    return leat_topic_names_claim(&s->topics, leat_arena_strdup(&s->arena, r->table->topic),
                                  leat_pg_table_label(&s->arena, d->schema, d->name), e);
}

/* Names, key, schemas and rewriting of a version whose columns are there; seals it. */
static leat_rc finish(leat_pg_source *s, const draft *d, build *w, leat_err *e)
{
    const leat_capture_conf *c = &s->conf->capture;
    leat_table *t = w->r->table;
    leat_naming_place place;
    LEAT_TRY(leat_naming_table(c, w->a, NULL, d->schema, d->name, &place, e));
    t->topic = place.topic;
    t->db = leat_arena_strdup(w->a, s->conf->target.dbname);
    t->schema = leat_arena_strdup(w->a, d->schema);
    t->name = leat_arena_strdup(w->a, d->name);
    t->cols = w->natives;
    t->flags = (uint16_t)((c->tombstones ? LEAT_TABLE_TOMBSTONES : 0) |
                          (c->transactions ? LEAT_TABLE_TX_BLOCK : 0));
    LEAT_TRY(claim_topic(s, d, w->r, place.shared, e));
    put_key(s, d, t, w, &place);
    leat_columns_table columns = {.schema = t->schema,
                                  .name = t->name,
                                  .fields = w->fields,
                                  .cols = told_columns(s, d, w),
                                  .names = w->names,
                                  .type_names = w->types,
                                  .n = w->n,
                                  .key_cols = t->key_cols,
                                  .nkey = t->nkey};
    if (s->rules.columns)
        LEAT_TRY(leat_columns_prepare(s->rules.columns, &columns, w->a, &w->r->rewrite, e));
    put_identity(d, t, w);
    const char *name = leat_naming_schema(c, w->a, t->topic, ".Value");
    leat_schema *row = leat_schema_struct(w->a, true, name, 0, w->n);
    row->fields = w->fields;
    t->row = row;
    leat_table_seal(t);
    return LEAT_OK;
}

/* All columns of w; one line tells which of them have no mapping. */
static leat_rc put_columns(leat_pg_source *s, const draft *d, build *w, leat_err *e)
{
    leat_rc rc = LEAT_OK;
    for (uint16_t i = 0; rc == LEAT_OK && i < d->ncols; i++) rc = put_column(s, d, i, w, e);
    if (w->unmapped.len)
        leat_log(LEAT_WARN, "postgres.column_left_out",
                 "table=\"%s.%s\" columns=\"" LEAT_STR_FMT
                 "\" their types have no mapping: they are left out of events "
                 "(include.unknown.datatypes=true shows them as bytes)",
                 d->schema, d->name, LEAT_STR_ARG(leat_buf_str(&w->unmapped)));
    leat_buf_free(&w->unmapped);
    return rc;
}

/* The version of a draft, sealed, and how rows of the server become its. */
static leat_rc build_table(leat_pg_source *s, const draft *d, leat_pg_rel *r, leat_err *e)
{
    r->table = leat_table_new(s->origin);
    leat_arena *a = &r->table->arena;
    build w = {.r = r,
               .a = a,
               .cols = LEAT_NEW(a, leat_pg_col, d->ncols),
               .natives = LEAT_NEW(a, leat_column, d->ncols),
               .fields = LEAT_NEW(a, leat_field, d->ncols),
               .names = LEAT_NEW(a, const char *, d->ncols),
               .types = LEAT_NEW(a, const char *, d->ncols),
               .field = LEAT_NEW(a, uint16_t, d->ncols),
               .identity = LEAT_NEW(a, bool, d->ncols)};
    LEAT_TRY(put_columns(s, d, &w, e));
    LEAT_TRY(finish(s, d, &w, e));
    r->id = d->id;
    r->whole = whole_of(s, leat_pg_rel_find(s, d->id), d->schema, d->name);
    r->captured = true;
    r->raw = s->sql.raw;
    r->cols = w.cols;
    r->field = w.field;
    r->identity = w.identity;
    r->loose = d->loose ? leat_arena_dup(a, d->loose, d->ncols * sizeof *d->loose) : NULL;
    if (d->wire.s) r->wire = leat_arena_str(a, d->wire);
    r->nwire = d->ncols;
    return LEAT_OK;
}

/* ---- from a relation message ---- */

static const leat_pg_column *find_column(const leat_pg_table *t, leat_str name)
{
    for (uint16_t i = 0; t && i < t->ncols; i++)
        if (leat_str_is(name, t->cols[i].name)) return &t->cols[i];
    return NULL;
}

/* The key of a table that the catalog does not have any more. */
static void key_of_gone(const leat_pg_source *s, const leat_pg_rel *before,
                        const leat_pgoutput_msg *m, draft *d, leat_arena *a)
{
    const char **key = LEAT_NEW(a, const char *, m->relation.n);
    uint16_t n = 0;
    if (before && before->table && before->table->key) {
        for (uint16_t i = 0; i < before->table->nkey && n < m->relation.n; i++)
            key[n++] = before->cols[before->table->key_cols[i]].name;
    } else if (m->relation.replica_identity != 'f' && !s->conf->faults) {
        for (uint16_t i = 0; i < m->relation.n; i++)
            if (m->relation.cols[i].key) key[n++] = leat_arena_str(a, m->relation.cols[i].name).s;
    }
    d->key = key;
    d->nkey = n;
}

static leat_rc draft_of(leat_pg_source *s, const leat_pgoutput_msg *m, const leat_pg_rel *before,
                        leat_arena *a, draft *d, leat_err *e)
{
    const leat_pg_table *t;
    LEAT_TRY(leat_pg_source_sql(s, e));
    LEAT_TRY(leat_pg_table_read(&s->sql, m->relation.id, a, &t, e));
    *d = (draft){
        .id = m->relation.id,
        .schema = leat_arena_str(a, m->relation.schema).s,
        .name = leat_arena_str(a, m->relation.name).s,
        .cols = LEAT_NEW(a, column, m->relation.n),
        .ncols = m->relation.n,
    };
    for (uint16_t i = 0; i < m->relation.n; i++) {
        const leat_pgoutput_column *c = &m->relation.cols[i];
        d->cols[i] = (column){c->name, c->type, c->typmod, c->key, find_column(t, c->name)};
    }
    if (t) {
        d->key = t->key;
        d->nkey = t->nkey;
        d->identity = t->identity;
    } else {
        key_of_gone(s, before, m, d, a);
        leat_log(LEAT_INFO, "postgres.table_gone",
                 "table=\"%s.%s\" was dropped since: its columns' defaults are not known",
                 d->schema, d->name);
    }
    return LEAT_OK;
}

static bool same_identity(const leat_table *x, const leat_table *y)
{
    return x->nid == y->nid && memcmp(x->id_cols, y->id_cols, x->nid * sizeof *x->id_cols) == 0;
}

/* Puts the new description in the place of the old one. */
static void replace(leat_pg_rel **at, leat_pg_rel *r)
{
    leat_pg_rel *old = *at;
    if (old) {
        r->next = old->next;
        r->tx = old->tx;
        r->tx_seq = old->tx_seq;
        bool same = old->table && r->table && old->table->fingerprint == r->table->fingerprint;
        if (same && same_identity(old->table, r->table)) {
            /* The same version: its number in the stream stays. What reads its rows is new. */
            r->twin = r->table;
            r->table = old->table;
            old->table = NULL;
        } else if (r->table && !same) {
            leat_log(LEAT_INFO, "postgres.table_changed", "table=\"%s.%s\" columns=%u",
                     r->table->schema, r->table->name, r->table->row->nfields);
        }
        leat_pg_rel_free(old);
    }
    *at = r;
}

/* The catalog shows what the open transaction did: the server sends a commit some moments before
 * others see it, with synchronous replication long before. Then the catalog is older than the
 * change; it is waited for, but not for ever: a commit may wait for our own acknowledgement. */
static leat_rc await_visible(leat_pg_source *s, leat_err *e)
{
    char xid[24];
    const char *params[] = {xid};
    if (!s->tx.open || s->tx.xid == s->tx_visible) return LEAT_OK;
    LEAT_TRY(leat_pg_source_sql(s, e));
    snprintf(xid, sizeof xid, "%llu", (unsigned long long)s->tx.xid);
    int64_t until = leat_mono_us() + VISIBLE_US;
    for (bool seen = false; !seen;) {
        PGresult *res;
        LEAT_TRY(leat_pg_query(&s->sql, "look whether the transaction is visible",
                               "SELECT pg_catalog.txid_visible_in_snapshot($1::pg_catalog.int8,"
                               " pg_catalog.txid_current_snapshot())",
                               1, params, &res, e));
        seen = leat_pg_cell_bool(res, 0, 0);
        PQclear(res);
        if (!seen && leat_mono_us() >= until) {
            leat_log(LEAT_WARN, "postgres.not_visible",
                     "xid=%s is sent but not visible yet: its tables are taken as they were before",
                     xid);
            return LEAT_OK;
        }
        if (!seen) leat_sleep_us(VISIBLE_STEP_US);
    }
    s->tx_visible = s->tx.xid;
    return LEAT_OK;
}

/* loose: see leat_pg_rel. *out: what stands for the relation then. */
static leat_rc update(leat_pg_source *s, const leat_pgoutput_msg *m, leat_str bytes,
                      const bool *loose, leat_pg_rel **out, leat_err *e)
{
    leat_pg_rel **at = place_of(s, m->relation.id);
    leat_pg_rel *r = leat_zalloc(1, sizeof *r);
    leat_arena a;
    draft d;
    leat_arena_init(&a, 0);
    r->id = m->relation.id;
    leat_rc rc;
    bool in = false;
    const char *schema = leat_arena_str(&a, m->relation.schema).s;
    const char *name = leat_arena_str(&a, m->relation.name).s;
    r->signals = leat_capture_is_signal(&s->conf->capture, schema, name);
    rc = leat_pg_name_check(m->relation.schema, "schema", "", e);
    if (rc == LEAT_OK) rc = leat_pg_name_check(m->relation.name, "table", schema, e);
    if (rc == LEAT_OK) rc = leat_pg_rules_table(&s->rules, schema, name, &in, e);
    if (rc == LEAT_OK && in) rc = await_visible(s, e);
    if (rc == LEAT_OK && in && s->types_old) rc = leat_pg_source_types(s, e);
    if (rc == LEAT_OK && in) rc = draft_of(s, m, *at, &a, &d, e);
    d.wire = bytes;
    d.loose = loose;
    if (rc == LEAT_OK && in) rc = chosen_key(s, &d, &a, e);
    if (rc == LEAT_OK && in) rc = build_table(s, &d, r, e);
    if (rc == LEAT_OK && !in) r->whole = whole_of(s, *at, schema, name);
    leat_arena_free(&a);
    if (rc != LEAT_OK) {
        leat_pg_rel_free(r);
        return rc;
    }
    replace(at, r);
    *out = r;
    return LEAT_OK;
}

leat_rc leat_pg_rel_update(leat_pg_source *s, const leat_pgoutput_msg *m, leat_str bytes,
                           leat_err *e)
{
    leat_pg_rel *r;
    return update(s, m, bytes, NULL, &r, e);
}

/* ---- from the catalog ---- */

static leat_rc from_catalog(leat_pg_source *s, const leat_pg_table *t, const bool *loose,
                            leat_pg_rel **out, leat_err *e)
{
    leat_arena a;
    leat_arena_init(&a, 0);
    draft d = {.id = t->oid,
               .schema = t->schema,
               .name = t->name,
               .cols = LEAT_NEW(&a, column, t->ncols),
               .ncols = t->ncols,
               .key = t->key,
               .nkey = t->nkey,
               .identity = t->identity,
               .catalog = true,
               .loose = loose};
    for (uint16_t i = 0; i < t->ncols; i++) {
        const leat_pg_column *c = &t->cols[i];
        d.cols[i] = (column){leat_str_of(c->name), c->type, c->typmod, false, c};
    }
    leat_pg_rel *r = leat_zalloc(1, sizeof *r);
    leat_rc rc = chosen_key(s, &d, &a, e);
    if (rc == LEAT_OK) rc = build_table(s, &d, r, e);
    leat_arena_free(&a);
    if (rc != LEAT_OK)
        leat_pg_rel_free(r);
    else
        *out = r;
    return rc;
}

leat_rc leat_pg_rel_of_table(leat_pg_source *s, const leat_pg_table *t, leat_pg_rel **out,
                             leat_err *e)
{
    return from_catalog(s, t, NULL, out, e);
}

leat_rc leat_pg_rel_keep(leat_pg_source *s, const leat_pg_table *t, leat_pg_rel **out, leat_err *e)
{
    leat_pg_rel **at = place_of(s, t->oid);
    bool same = *at && (*at)->nwire == t->ncols;
    LEAT_TRY(from_catalog(s, t, same ? (*at)->loose : NULL, out, e));
    replace(at, *out);
    return LEAT_OK;
}

/* ---- loosening ---- */

/* The table of *r as the catalog has it, whose columns cannot have changed: rows are being read. */
static leat_rc loosen_read(leat_pg_source *s, leat_pg_rel **r, const bool *loose, leat_arena *a,
                           leat_err *e)
{
    const leat_pg_table *t = s->row_table;
    leat_pg_rel *new, **at = place_of(s, (*r)->id);
    if (!t) LEAT_TRY(leat_pg_source_sql(s, e));
    if (!t) LEAT_TRY(leat_pg_table_read(&s->sql, (*r)->id, a, &t, e));
    if (!t || t->ncols != (*r)->nwire)
        return leat_fail(e, LEAT_RETRY, "postgres.table_missing", (*r)->table->topic,
                         "the table %s.%s changed while its rows were read; the snapshot begins "
                         "again",
                         (*r)->table->schema, (*r)->table->name);
    LEAT_TRY(from_catalog(s, t, loose, &new, e));
    if (*at == *r)
        replace(at, new);
    else
        leat_pg_rel_free(*r);
    *r = new;
    return LEAT_OK;
}

leat_rc leat_pg_rel_loosen(leat_pg_source *s, leat_pg_rel **r, leat_err *e)
{
    const leat_pg_rel *was = *r;
    uint16_t col = was->tight;
    if (strcmp(e->code, LEAT_PG_NULL) != 0 || (was->loose && was->loose[col])) return e->rc;
    leat_log(LEAT_INFO, "postgres.null_let_in",
             "table=\"%s.%s\" column=\"%s\" has a NULL that its schema forbids (it became NOT NULL "
             "since, or it is an array of an enum): its schema is optional from here on",
             was->table->schema, was->table->name, was->cols[was->field[col]].name);
    leat_arena a;
    leat_arena_init(&a, 0);
    bool *loose = leat_arena_zalloc(&a, was->nwire, sizeof *loose, _Alignof(bool));
    if (was->loose) memcpy(loose, was->loose, was->nwire * sizeof *loose);
    loose[col] = true;
    leat_rc rc;
    if (was->wire.s) {
        leat_pgoutput_msg m;
        leat_str bytes = leat_arena_str(&a, was->wire);
        rc = leat_pgoutput_decode(bytes, &a, &m, e);
        if (rc == LEAT_OK) rc = update(s, &m, bytes, loose, r, e);
    } else {
        rc = loosen_read(s, r, loose, &a, e);
    }
    leat_arena_free(&a);
    return rc;
}
