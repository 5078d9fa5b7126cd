/* Tables: what the log and the catalogue say of them becomes table versions.
 *
 * The log describes a table (TABLE_MAP) before the rows of each statement: types, and with
 * binlog_row_metadata=FULL names, signs, labels and the primary key. What it does not say
 * (defaults, exact types, without FULL the names) is looked up in the schema history, else asked
 * from the catalogue, which may be ahead: a description is used only if it fits the TABLE_MAP and,
 * where that has no names, if no statement up to the log's end concerns the table. If the
 * catalogue's does not do, the log's own metadata is enough where it is full; else nobody knows
 * what the columns are called, and the connector stops rather than guess. The primary key is the
 * log's where it tells it.
 *
 * A description is kept until a statement of DDL names the table or a TABLE_MAP no longer fits. Run
 * by the task's thread. */
#include <stdio.h>

#include "base/log.h"
#include "source/mysql/my.h"
#include "source/mysql/ranges.h"

enum { LOOK_US = 2000000 }; /* ahead, for what a statement made of a table */

/* ---- finding ---- */

static uint64_t hash_of(leat_str db, leat_str name)
{
    return leat_str_hash(db) * 31 + leat_str_hash(name);
}

static leat_rc is_captured(const leat_my_source *s, const leat_my_rel *r, bool *in, leat_err *e)
{
    *in = !leat_my_is_builtin(r->db) || !s->conf->capture.ignore_builtin;
    return *in ? leat_filter_table(s->filter, r->db, r->name, in, e) : LEAT_OK;
}

/* Its names stand behind it: "db.name", "db". */
static leat_my_rel *rel_new(leat_str db, leat_str name)
{
    size_t whole = db.len + 1 + name.len + 1;
    leat_my_rel *r = leat_zalloc(1, sizeof *r + whole + db.len + 1);
    char *text = (char *)(r + 1);
    snprintf(text, whole, LEAT_STR_FMT "." LEAT_STR_FMT, LEAT_STR_ARG(db), LEAT_STR_ARG(name));
    memcpy(text + whole, text, db.len);
    r->whole = text;
    r->name = text + db.len + 1;
    r->db = text + whole;
    return r;
}

leat_rc leat_my_rel_named(leat_my_source *s, leat_str db, leat_str name, leat_my_rel **out,
                          leat_err *e)
{
    leat_my_rel **at = &s->rels[hash_of(db, name) % LEAT_MY_RELS];
    for (; *at; at = &(*at)->next)
        if (leat_str_is(db, (*at)->db) && leat_str_is(name, (*at)->name)) break;
    *out = *at;
    if (*at) return LEAT_OK;
    leat_my_rel *r = rel_new(db, name);
    r->signals = leat_capture_is_signal(&s->conf->capture, r->db, r->name);
    leat_rc rc = is_captured(s, r, &r->captured, e);
    if (rc != LEAT_OK) {
        leat_free(r);
        return rc;
    }
    *at = *out = r;
    return LEAT_OK;
}

leat_my_rel *leat_my_rel_find(const leat_my_source *s, uint64_t id)
{
    const leat_my_id *at = s->ids[id % LEAT_MY_IDS];
    while (at && at->id != id) at = at->next;
    return at ? at->rel : NULL;
}

static void remember(leat_my_source *s, uint64_t id, leat_my_rel *r)
{
    leat_my_id **at = &s->ids[id % LEAT_MY_IDS];
    while (*at && (*at)->id != id) at = &(*at)->next;
    if (!*at) {
        *at = leat_zalloc(1, sizeof **at);
        (*at)->id = id;
        s->nids++;
    }
    (*at)->rel = r;
}

void leat_my_ids_clear(leat_my_source *s)
{
    for (int i = 0; s->nids > 0; i++) {
        while (s->ids[i]) {
            leat_my_id *next = s->ids[i]->next;
            leat_free(s->ids[i]);
            s->ids[i] = next;
            s->nids--;
        }
    }
}

void leat_my_rel_stale(leat_my_source *s, leat_str db, leat_str name)
{
    for (int i = 0; i < LEAT_MY_RELS; i++)
        for (leat_my_rel *r = s->rels[i]; r; r = r->next)
            if (!db.s || (leat_str_is(db, r->db) && (!name.s || leat_str_is(name, r->name))))
                r->stale = true;
}

static void drop_version(leat_my_rel *r)
{
    if (r->table) leat_table_unpin(r->table);
    r->table = NULL;
}

static void rel_free(leat_my_rel *r)
{
    drop_version(r);
    leat_buf_free(&r->wire);
    leat_arena_free(&r->arena);
    leat_arena_free(&r->image_arena);
    leat_free(r);
}

void leat_my_rels_forget(leat_my_source *s, leat_str db, leat_str name)
{
    leat_my_ids_clear(s);
    for (int i = 0; i < LEAT_MY_RELS; i++) {
        for (leat_my_rel **at = &s->rels[i]; *at;) {
            leat_my_rel *r = *at;
            bool named = leat_str_is(db, r->db) && (!name.s || leat_str_is(name, r->name));
            if (r->captured || !named) {
                at = &r->next;
                continue;
            }
            *at = r->next;
            rel_free(r);
        }
    }
}

void leat_my_rels_free(leat_my_source *s)
{
    leat_my_ids_clear(s);
    for (int i = 0; i < LEAT_MY_RELS; i++) {
        while (s->rels[i]) {
            leat_my_rel *r = s->rels[i];
            s->rels[i] = r->next;
            rel_free(r);
        }
    }
}

/* ---- describing ---- */

/* What is in that arena is the description from now on: the version has to be made anew. */
static void take_def(leat_my_rel *r, leat_arena *a, const leat_my_table *def)
{
    leat_arena_free(&r->arena);
    r->arena = *a;
    r->def = def;
    r->stale = false;
    leat_buf_clear(&r->wire);
}

leat_rc leat_my_rel_describe(leat_my_source *s, leat_my_rel *r, leat_err *e)
{
    leat_arena fresh = {0};
    const leat_my_table *def;
    LEAT_TRY(leat_my_source_sql(s, e));
    leat_rc rc = leat_my_table_read(&s->sql, r->db, r->name, &fresh, &def, e);
    if (rc != LEAT_OK) {
        leat_arena_free(&fresh);
        return rc;
    }
    take_def(r, &fresh, def);
    return LEAT_OK;
}

/* By the history, if it has a description in force (that of this place alone, if so wanted). */
static leat_rc by_history(leat_my_source *s, leat_my_rel *r, bool here_only,
                          const leat_binlog_table *map, bool *found, leat_err *e)
{
    leat_arena a = {0};
    leat_my_entry en;
    leat_rc rc =
        here_only ? leat_my_schemas_here(s, r, &a, &en, e) : leat_my_schemas_find(s, r, &a, &en, e);
    *found = rc == LEAT_OK && en.def && (!map || leat_my_described(en.def, map));
    if (*found)
        take_def(r, &a, en.def);
    else
        leat_arena_free(&a);
    return rc;
}

/* The catalogue's description was that of the present place, too. most_us: as leat_my_ahead_look.
 */
static leat_rc is_of_here(leat_my_source *s, const leat_my_rel *r, int64_t most_us, bool *yes,
                          leat_err *e)
{
    leat_rc rc = leat_my_ahead_look(s, most_us, e);
    *yes = rc == LEAT_OK && !leat_my_ahead_has(s, r, &s->scratch);
    return rc;
}

leat_rc leat_my_rel_exact(leat_my_source *s, leat_my_rel *r, leat_err *e)
{
    bool found;
    r->stale = true;
    LEAT_TRY(by_history(s, r, true, NULL, &found, e));
    if (found || leat_my_ahead_has(s, r, &s->scratch)) return LEAT_OK;
    LEAT_TRY(leat_my_rel_describe(s, r, e));
    if (r->def) LEAT_TRY(is_of_here(s, r, LOOK_US, &found, e));
    r->stale = !found;
    return LEAT_OK;
}

static leat_rc note_seen(leat_my_source *s, const leat_my_rel *r, leat_err *e)
{
    const leat_my_noted noted = {
        .what = "seen", .db = leat_str_of(r->db), .table = leat_str_of(r->name), .def = r->def};
    return leat_my_schemas_note(s, &noted, 1, e);
}

static leat_rc unknown(leat_my_source *s, const leat_my_rel *r, const leat_binlog_table *map,
                       leat_err *e)
{
    const char *why = leat_my_ahead_has(s, r, &s->scratch);
    return leat_fail(
        e, LEAT_CONF, "mysql.schema_unknown", r->whole,
        "at %s:%llu the log has rows of the table as it was before it was altered (%s), does not "
        "tell what its %u columns were called then, and the schema history does not know. Ways "
        "out: tell it ('leat schema %s set %s FILE'); or leave the table out (table.exclude.list) "
        "until this is passed; or set the position behind it ('leat offsets'). So that it does not "
        "happen again set binlog_row_metadata=FULL on the server",
        s->file, (unsigned long long)s->event_pos,
        why      ? why
        : r->def ? "what it looks like now does not fit"
                 : "it is gone",
        map->ncols, s->task->connector, r->whole);
}

/* By the catalogue, or else by the log alone. */
static leat_rc by_catalogue(leat_my_source *s, leat_my_rel *r, const leat_binlog_table *map,
                            leat_err *e)
{
    LEAT_TRY(leat_my_rel_describe(s, r, e));
    bool fits = r->def && leat_my_described(r->def, map);
    bool named = (map->has & LEAT_BINLOG_HAS_NAMES) != 0, sure = fits && named;
    if (!named) LEAT_TRY(is_of_here(s, r, 0, &sure, e));
    if (fits && sure) return note_seen(s, r, e);
    r->stale = true;
    const leat_my_table *def = leat_my_describe_wire(map, &r->arena);
    if (!def) return unknown(s, r, map, e);
    leat_log(LEAT_INFO, "mysql.schema_of_log",
             "table=\"%s\" it was %s since: its columns are taken from the log, their defaults are "
             "not known",
             r->whole, r->def ? "altered" : "dropped");
    r->def = def;
    r->stale = false;
    return note_seen(s, r, e);
}

/* rel->def is what the rows of that map are, or the failure. */
static leat_rc described(leat_my_source *s, leat_my_rel *r, const leat_binlog_table *map,
                         leat_err *e)
{
    bool found;
    if (r->def && !r->stale && leat_my_described(r->def, map)) return LEAT_OK;
    LEAT_TRY(by_history(s, r, false, map, &found, e));
    return found ? LEAT_OK : by_catalogue(s, r, map, e);
}

/* ---- versions ---- */

/* A table version being built. */
typedef struct build {
    leat_my_rel *r;
    leat_table *t;
    leat_arena *a;                /* of the version */
    const leat_binlog_table *map; /* NULL: rows of it have not come */
    leat_my_col *cols;            /* of fields */
    leat_column *natives;
    leat_field *fields;
    const char **names, **types;
    uint16_t *key; /* columns of the table */
    uint16_t nkey, n;
    uint16_t *field; /* of each column; UINT16_MAX: none */
    const leat_rewrite *rewrite;
    leat_mysql_col *image;
} build;

/* The key: of message.key.columns, else the log's primary key, else the description's. */
static leat_rc find_key(leat_my_source *s, build *w, leat_err *e)
{
    const leat_my_table *def = w->r->def;
    w->key = LEAT_NEW(w->a, uint16_t, def->ncols);
    if (s->keys) {
        const char **names = LEAT_NEW(w->a, const char *, def->ncols);
        for (uint16_t i = 0; i < def->ncols; i++) names[i] = def->cols[i].name;
        LEAT_TRY(
            leat_keys_find(s->keys, def->db, def->name, names, def->ncols, w->key, &w->nkey, e));
        if (w->nkey) return LEAT_OK;
    }
    bool log = w->map && (w->map->has & LEAT_BINLOG_HAS_KEY) && w->map->nkey;
    const uint16_t *key = log ? w->map->key : def->key;
    w->nkey = log ? (uint16_t)w->map->nkey : def->nkey;
    for (uint16_t i = 0; i < w->nkey; i++) w->key[i] = key[i];
    return LEAT_OK;
}

static bool is_key(const build *w, uint16_t col)
{
    for (uint16_t i = 0; i < w->nkey; i++)
        if (w->key[i] == col) return true;
    return false;
}

/* Cells point at labels, schemas at defaults: they live as long as the version, which batches pin.
 */
static void keep_texts(leat_my_column *c, leat_arena *a)
{
    leat_str *labels = LEAT_NEW(a, leat_str, c->nlabels);
    for (uint32_t i = 0; i < c->nlabels; i++) labels[i] = leat_arena_str(a, c->labels[i]);
    c->labels = labels;
    if (c->def.s) c->def = leat_arena_str(a, c->def);
}

static leat_rc put_column(leat_my_source *s, build *w, uint16_t i, leat_err *e)
{
    const leat_my_table *def = w->r->def;
    leat_my_column *c = leat_arena_dup(w->a, &def->cols[i], sizeof *c);
    leat_mysql_want none = {.table = w->r->whole, .name = c->name, .left_out = true};
    bool in, boolean;
    c->name = leat_arena_strdup(w->a, c->name);
    c->type = leat_arena_strdup(w->a, c->type);
    keep_texts(c, w->a);
    w->field[i] = UINT16_MAX;
    LEAT_TRY(leat_filter_column(s->filter, def->db, def->name, c->name, &in, e));
    const leat_binlog_column *wire = w->map ? &w->map->cols[i] : NULL;
    if (!in && !is_key(w, i))
        return wire ? leat_mysql_col_plan(wire, &none, &w->image[i], e) : LEAT_OK;
    LEAT_TRY(leat_my_conf_boolean(s->conf, w->r->whole, c, &boolean, e));
    leat_my_col *col = &w->cols[w->n];
    leat_my_plan(&s->modes, w->r->whole, c, wire, boolean, w->a, col);
    if (wire) LEAT_TRY(leat_mysql_col_plan(wire, &col->want, &w->image[i], e));
    w->natives[w->n] = (leat_column){.type = c->type,
                                     .length = col->length,
                                     .scale = col->scale,
                                     .position = (uint16_t)(i + 1),
                                     .generated = c->generated,
                                     .identity = c->auto_increment};
    w->names[w->n] = c->name;
    w->types[w->n] = col->type_name;
    w->fields[w->n] =
        (leat_field){leat_naming_field(&s->conf->capture, w->a, c->name), col->schema};
    w->field[i] = w->n++;
    return LEAT_OK;
}

/* The key's schema and columns; a field that tells the table where tables share a topic. */
static void put_key(leat_my_source *s, build *w, const leat_naming_place *place)
{
    uint16_t *cols = LEAT_NEW(w->a, uint16_t, w->nkey), n = 0;
    leat_field *fields = LEAT_NEW(w->a, leat_field, w->nkey + 1);
    for (uint16_t i = 0; i < w->nkey; i++) {
        uint16_t f = w->field[w->key[i]];
        if (f == UINT16_MAX) continue;
        fields[n] = w->fields[f];
        cols[n++] = f;
    }
    leat_naming_key(&s->conf->capture, w->a, place, fields, cols, n, w->t);
}

/* The table's own key, if all of its columns are in the row as they are: a row is known by it,
 * whatever message.key.columns says. */
static void put_identity(const build *w)
{
    const leat_my_table *def = w->r->def;
    bool log = w->map && (w->map->has & LEAT_BINLOG_HAS_KEY) && w->map->nkey;
    uint16_t n = log ? (uint16_t)w->map->nkey : def->nkey;
    uint16_t *cols = LEAT_NEW(w->a, uint16_t, n);
    for (uint16_t i = 0; i < n; i++) {
        uint16_t col = log ? w->map->key[i] : def->key[i], f = w->field[col];
        if (f == UINT16_MAX || w->cols[f].mend || !leat_my_range_fits(&def->cols[col])) return;
        if (leat_rewrite_touches(w->rewrite, f)) return;
        cols[i] = f;
    }
    w->t->id_cols = cols;
    w->t->nid = n;
}

static leat_rc claim_topic(leat_my_source *s, const build *w, bool shared, leat_err *e)
{
    if (shared || (w->r->table && strcmp(w->r->table->topic, w->t->topic) == 0)) return LEAT_OK;
    return leat_topic_names_claim(&s->topics, leat_arena_strdup(&s->arena, w->t->topic),
                                  w->r->whole, e);
}

/* Names, key, schemas and rewriting of a version whose columns are there; seals it. */
static leat_rc finish(leat_my_source *s, build *w, leat_err *e)
{
    const leat_capture_conf *c = &s->conf->capture;
    const leat_my_rel *r = w->r;
    leat_table *t = w->t;
    leat_naming_place place;
    LEAT_TRY(leat_naming_table(c, w->a, r->db, r->db, r->name, &place, e));
    t->topic = place.topic;
    t->db = leat_arena_strdup(w->a, r->db);
    t->name = leat_arena_strdup(w->a, r->name);
    t->cols = w->natives;
    t->flags = (uint16_t)((c->tombstones ? LEAT_TABLE_TOMBSTONES : 0) |
                          (c->transactions ? LEAT_TABLE_TX_BLOCK : 0));
    LEAT_TRY(claim_topic(s, w, place.shared, e));
    put_key(s, w, &place);
    leat_columns_table columns = {.schema = t->db,
                                  .name = t->name,
                                  .fields = w->fields,
                                  .cols = w->natives,
                                  .names = w->names,
                                  .type_names = w->types,
                                  .n = w->n,
                                  .key_cols = t->key_cols,
                                  .nkey = t->nkey};
    if (s->columns) LEAT_TRY(leat_columns_prepare(s->columns, &columns, w->a, &w->rewrite, e));
    put_identity(w);
    leat_schema *row =
        leat_schema_struct(w->a, true, leat_naming_schema(c, w->a, t->topic, ".Value"), 0, w->n);
    row->fields = w->fields;
    t->row = row;
    leat_table_seal(t);
    return LEAT_OK;
}

static leat_rc build_columns(leat_my_source *s, build *w, leat_err *e)
{
    uint16_t n = w->r->def->ncols;
    w->cols = LEAT_NEW(w->a, leat_my_col, n);
    w->natives = LEAT_NEW(w->a, leat_column, n);
    w->fields = LEAT_NEW(w->a, leat_field, n);
    w->names = LEAT_NEW(w->a, const char *, n);
    w->types = LEAT_NEW(w->a, const char *, n);
    w->field = LEAT_NEW(w->a, uint16_t, n);
    w->image = LEAT_NEW(&w->r->image_arena, leat_mysql_col, n);
    LEAT_TRY(find_key(s, w, e));
    for (uint16_t i = 0; i < n; i++) LEAT_TRY(put_column(s, w, i, e));
    return finish(s, w, e);
}

/* The version of rel->def for rows of that map, in the place of what was. The image's labels and
 * names live in the version's arena, which this relation pins. */
static leat_rc build_version(leat_my_source *s, leat_my_rel *r, const leat_binlog_table *map,
                             leat_err *e)
{
    leat_table *t = leat_table_new(s->origin);
    build w = {.r = r, .t = t, .a = &t->arena, .map = map};
    leat_arena_free(&r->image_arena);
    leat_rc rc = build_columns(s, &w, e);
    if (rc != LEAT_OK) {
        leat_table_unpin(t);
        leat_buf_clear(&r->wire);
        return rc;
    }
    r->image = (leat_mysql_image){.cols = w.image, .ncols = r->def->ncols, .ncells = w.n};
    r->cols = w.cols;
    r->rewrite = w.rewrite;
    r->mends = false;
    for (uint16_t i = 0; i < w.n; i++) r->mends |= w.cols[i].mend != LEAT_MY_MEND_NONE;
    drop_version(r);
    r->table = t;
    return LEAT_OK;
}

leat_rc leat_my_rel_version(leat_my_source *s, leat_my_rel *r, leat_err *e)
{
    bool found;
    LEAT_TRY(by_history(s, r, false, NULL, &found, e));
    if (!found) LEAT_TRY(leat_my_rel_describe(s, r, e));
    leat_buf_clear(&r->wire);
    r->stale = !found; /* its rows will show */
    return r->def ? build_version(s, r, NULL, e) : LEAT_OK;
}

/* Rows that are only counted. */
static leat_rc build_counter(leat_my_rel *r, const leat_binlog_table *map, leat_err *e)
{
    leat_arena_free(&r->image_arena);
    leat_mysql_col *cols = LEAT_NEW(&r->image_arena, leat_mysql_col, map->ncols);
    leat_mysql_want none = {.table = r->whole, .name = "", .left_out = true};
    for (uint32_t i = 0; i < map->ncols; i++)
        LEAT_TRY(leat_mysql_col_plan(&map->cols[i], &none, &cols[i], e));
    r->image = (leat_mysql_image){.cols = cols, .ncols = map->ncols};
    return LEAT_OK;
}

/* The signal table's first three columns as texts, whatever is captured of it. */
static leat_rc plan_signal(leat_my_rel *r, const leat_binlog_table *map, leat_err *e)
{
    enum { COLUMNS = 3 }; /* id, type, data */
    leat_mysql_col *cols = LEAT_NEW(&r->image_arena, leat_mysql_col, map->ncols);
    for (uint32_t i = 0; i < map->ncols; i++) {
        uint16_t known = r->captured ? r->def->cols[i].collation_id : map->cols[i].collation;
        const leat_mysql_want want = {
            .table = r->whole,
            .name = "",
            .left_out = i >= COLUMNS,
            .collation = known == LEAT_COLLATION_BINARY ? 0 : known,
        };
        LEAT_TRY(leat_mysql_col_plan(&map->cols[i], &want, &cols[i], e));
    }
    r->signal = (leat_mysql_image){
        .cols = cols, .ncols = map->ncols, .ncells = map->ncols < COLUMNS ? map->ncols : COLUMNS};
    return LEAT_OK;
}

leat_rc leat_my_rel_map(leat_my_source *s, const leat_binlog_table *map, leat_err *e)
{
    leat_my_rel *r;
    LEAT_TRY(leat_my_rel_named(s, map->db, map->name, &r, e));
    bool same = r->wire.len && leat_str_eq(leat_buf_str(&r->wire), map->wire) && !r->stale;
    if (!same) {
        if (r->captured) {
            LEAT_TRY(described(s, r, map, e));
            LEAT_TRY(build_version(s, r, map, e));
        } else {
            LEAT_TRY(build_counter(r, map, e));
            r->stale = false;
        }
        if (r->signals) LEAT_TRY(plan_signal(r, map, e));
        leat_buf_clear(&r->wire);
        leat_buf_add(&r->wire, map->wire);
    }
    remember(s, map->id, r);
    return LEAT_OK;
}
