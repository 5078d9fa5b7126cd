/* Deleted rows: keys that were told and are not in the table any more.
 *
 * A look goes through the table in parts, in the order of the primary key, and sums each part's
 * keys up on both sides, in the database and in the file of those that were told (keys.h), by what
 * `leat verify` compares rows with (capture/compare.h). Sums that are equal end it; others are
 * halved down to spans whose keys are compared one by one. Where the file has nothing yet, as at a
 * first look, all rows are noted as they come. A key is in the file from before its row
 * was told, and its row was committed before: so what a statement made later does not show was
 * deleted. It is asked for once more by its key alone, since sides may sort in other ways than is
 * thought. A key that the file does not know is of a row that is yet to be read, or of one that
 * came behind the position: inserted again, or with an older moment. Such rows are told, too, once
 * the file knows all others, which it does after a first look.
 *
 * No poll tells again what a look told. So a crash before that is durable leaves its keys to be
 * asked for, before anything else: by what is there then the row or its delete is told.
 *
 * Polls and looks take turns; a step is a statement or two, and then the database has peace for
 * three times as long. Run by the task's thread. */
#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "event/wire.h"
#include "source/query/query.h"

enum {
    PART = 5000, /* rows of a part, and of a span that is not halved ... */
    SPAN = 500,
    PART_SCANNED = 200000, /* ... where each statement reads all of the table, of a first look: */
    SPAN_SCANNED = 10000,  /* later ones begin with all of it */
    KEYS = 500,            /* that a statement names */
    REST = 3,              /* times a step's time */
    WAIT_MS = 200,
};

/* ---- the key ---- */

static leat_rc open_side(leat_query_source *s, leat_err *e)
{
    if (s->side) return LEAT_OK;
    leat_arena a = {0};
    const char *app = leat_arena_printf(&a, "leat %s deletes", s->task->connector);
    leat_rc rc = s->sql.dialect->compare(&s->sql, app, &s->side, e);
    leat_arena_free(&a);
    if (rc != LEAT_OK) return rc;
    s->side->leaves = s->sql.leaves;
    s->side->arg = s->sql.arg;
    return LEAT_OK;
}

static void close_side(leat_query_source *s)
{
    if (s->side) s->side->close(s->side);
    s->side = NULL;
}

static leat_rc no_key(const leat_query_table *t, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "query.no_key", t->label,
                     "%s has no primary key, by which deleted rows are found: give it one, leave "
                     "it out, or set deletes.interval.ms=0",
                     t->label);
}

/* The canonical text of a kind of keys; NONE: it has none that is the same in every session. */
static leat_canon canon_of(const leat_compare_side *side, const leat_compare_column *c)
{
    bool postgres = strcmp(side->system, "postgresql") == 0;
    switch (c->kind) {
    case LEAT_COMPARE_NUMBER: return LEAT_CANON_NUMBER;
    case LEAT_COMPARE_STAMPTZ: return postgres ? LEAT_CANON_MOMENT : LEAT_CANON_TEXT;
    case LEAT_COMPARE_INT:
    case LEAT_COMPARE_UINT:
    case LEAT_COMPARE_BOOL:
    case LEAT_COMPARE_TEXT:
    case LEAT_COMPARE_CHAR:
    case LEAT_COMPARE_BYTES:
    case LEAT_COMPARE_DATE:
    case LEAT_COMPARE_STAMP:
    case LEAT_COMPARE_ANY: return LEAT_CANON_TEXT;
    default: return LEAT_CANON_NONE;
    }
}

/* The database sorts the values as the file does: whole numbers, and what PostgreSQL's texts sort
 * as the values do. SQLite's columns hold anything unless they are the row's number. */
static bool sorted(const leat_compare_side *side, const leat_compare_column *c)
{
    if (strcmp(side->system, "postgresql") == 0 && strcmp(c->type, "uuid") == 0) return true;
    if (c->kind != LEAT_COMPARE_INT && c->kind != LEAT_COMPARE_UINT) return false;
    return strcmp(side->system, "sqlite") != 0 || c->rowid;
}

/* Why different keys may have one record key, by which a delete would be another row's. */
typedef struct inexact {
    const char *shown, *mend;
} inexact;

/* Moments cut at milliseconds, or of a clock that may skip an hour; decimals of more digits than a
 * double has; in SQLite what a column holds of other types than its own. NULL: they do not. */
static const inexact *inexact_of(const leat_query_source *s, const leat_query_field *f)
{
    enum { DOUBLE_DIGITS = 15 };
    static const inexact cut = {"in milliseconds alone",
                                ", or set timestamp.granularity to one of microseconds"},
                         skips = {"as instants, by a named zone, whose clock may skip an hour",
                                  ", or set db.timezone to UTC or an offset"},
                         rounded = {"as a double, which rounds it",
                                    ", or set numeric.mapping to another one"},
                         loose = {"alike where SQLite has different ones", ""};
    const leat_sql_column *c = f->column;
    bool moment = c->type == LEAT_SQL_TIMESTAMP, lite = strcmp(s->side->system, "sqlite") == 0;
    int64_t offset_us;
    if (lite &&
        (moment || c->type == LEAT_SQL_DATE || c->type == LEAT_SQL_TIME ||
         c->type == LEAT_SQL_BOOLEAN || c->type == LEAT_SQL_FLOAT32 || c->type == LEAT_SQL_BYTES))
        return &loose;
    if (moment && !c->zoned && !leat_dialect_offset(s->target.zone, &offset_us)) return &skips;
    if (moment && c->grain_us < 1000 && s->conf->granularity == LEAT_QUERY_CONNECT_LOGICAL)
        return &cut;
    if (f->schema->type == LEAT_T_FLOAT64 && (c->precision == 0 || c->precision > DOUBLE_DIGITS))
        return &rounded;
    return NULL;
}

static leat_rc check_exact(leat_query_source *s, leat_query_table *t, const leat_query_field *f,
                           leat_err *e)
{
    const inexact *why = inexact_of(s, f);
    if (!why) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "query.no_key", t->label,
                     "deleted rows of %s cannot be told by its primary key: column %s is of type "
                     "%s, and records show it %s. Leave the table out%s",
                     t->label, f->column->name, f->column->native, why->shown, why->mend);
}

static leat_rc take_column(leat_query_source *s, leat_query_table *t, const leat_compare_column *c,
                           size_t *place, leat_compare_field *field, leat_err *e)
{
    const leat_query_shape *shape = t->shape;
    leat_canon canon = canon_of(s->side, c);
    size_t i = 0;
    while (i < shape->n && strcmp(shape->cols[i]->name, c->name) != 0) i++;
    if (i == shape->n || canon == LEAT_CANON_NONE)
        return leat_fail(e, LEAT_CONF, "query.no_key", t->label,
                         "deleted rows of %s cannot be found by its primary key: column %s is of "
                         "type %s, which %s. Leave the table out, or set deletes.interval.ms=0",
                         t->label, c->name, c->type,
                         i == shape->n ? "is not read" : "has no exact text");
    LEAT_TRY(check_exact(s, t, &shape->fields[i], e));
    *place = i;
    bool native = sorted(s->side, c);
    uint8_t kind = c->kind;
    /* A column does not change its kind as its numbers grow (system/mysql/compare.c). */
    if (kind == LEAT_COMPARE_INT || kind == LEAT_COMPARE_UINT)
        kind = native ? LEAT_COMPARE_INT : LEAT_COMPARE_ANY;
    *field = (leat_compare_field){.name = leat_arena_strdup(&t->shape->arena, c->name),
                                  .canon = (uint8_t)canon,
                                  .kind = kind,
                                  .required = c->required,
                                  .native = native};
    return LEAT_OK;
}

/* The columns of the texts, as a statement gives them. */
static leat_rc describe_texts(leat_query_source *s, leat_query_table *t, leat_err *e)
{
    leat_query_shape *shape = t->shape;
    leat_arena *a = &shape->arena;
    leat_buf from = {0};
    leat_sql_column *texts;
    size_t n;
    leat_buf_str_z(&from, "(SELECT ");
    for (uint16_t i = 0; i < shape->key.n; i++) {
        if (i > 0) leat_buf_str_z(&from, ", ");
        s->side->text(&from, &shape->key.plan.fields[i]);
        leat_buf_printf(&from, " AS k%u", i + 1u);
    }
    leat_buf_printf(&from, " FROM %s)", t->from);
    leat_buf_u8(&from, 0);
    leat_rc rc = s->sql.dialect->describe(&s->sql, from.p, a, &texts, &n, e);
    leat_buf_free(&from);
    for (size_t i = 0; rc == LEAT_OK && i < n; i++) shape->cols[shape->nread++] = &texts[i];
    return rc;
}

/* Texts of whole numbers and of texts are the same whatever the column's width. */
static const char *signature_of(const leat_query_key *key, const leat_compare_table *table,
                                leat_arena *a)
{
    leat_buf out = {0};
    leat_buf_str_z(&out, "1");
    for (uint16_t i = 0; i < key->n; i++) {
        const leat_compare_field *f = &key->plan.fields[i];
        bool any = f->kind == LEAT_COMPARE_INT || f->kind == LEAT_COMPARE_TEXT;
        const char *type = "";
        for (uint32_t c = 0; c < table->n && !any; c++)
            if (strcmp(table->columns[c].name, f->name) == 0) type = table->columns[c].type;
        leat_buf_printf(&out, ";%s:%d:%s:%d:%d", f->name, f->kind, type, f->canon, f->native);
    }
    const char *text = leat_arena_str(a, leat_buf_str(&out)).s;
    leat_buf_free(&out);
    return text;
}

leat_rc leat_query_deletes_plan(leat_query_source *s, leat_query_table *t, leat_err *e)
{
    leat_query_shape *shape = t->shape;
    leat_query_key *key = &shape->key;
    leat_arena *a = &shape->arena;
    leat_compare_table *table = LEAT_NEW(a, leat_compare_table, 1);
    LEAT_TRY(open_side(s, e));
    table->schema = leat_sql_table_space(&t->id);
    table->name = t->id.name;
    LEAT_TRY(s->side->describe(s->side, table, a, e));
    size_t *places = LEAT_NEW(a, size_t, table->n + 1);
    leat_compare_field *fields = LEAT_NEW(a, leat_compare_field, table->n + 1);
    for (uint16_t place = 1;; place++) {
        uint32_t i = 0;
        while (i < table->n && table->columns[i].key != place) i++;
        if (i == table->n) break;
        LEAT_TRY(take_column(s, t, &table->columns[i], &places[key->n], &fields[key->n], e));
        key->n++;
    }
    if (key->n == 0) return no_key(t, e);
    bool sha = strcmp(s->side->system, "mysql") == 0 || strcmp(s->side->system, "mariadb") == 0 ||
               s->side->recodes;
    key->places = places;
    key->plan = (leat_compare_plan){table, fields, key->n, key->n, s->side->xors, sha};
    key->signature = signature_of(key, table, a);
    return describe_texts(s, t, e);
}

leat_value leat_query_deletes_key(const leat_query_source *s, const leat_query_shape *shape,
                                  leat_arena *a)
{
    leat_value *cells = LEAT_NEW(a, leat_value, shape->key.n);
    for (uint16_t i = 0; i < shape->key.n; i++) cells[i] = s->cells[shape->key.places[i]];
    return (leat_value){.kind = LEAT_STRUCT, .len = shape->key.n, .u.list = cells};
}

/* ---- the file ---- */

/* "DATA/connectors/NAME/keys/public.city-0123456789abcdef.db": the name's letters are for people.
 */
static const char *path_of(const leat_query_source *s, const leat_query_table *t, leat_arena *a)
{
    char name[64];
    size_t n = 0;
    for (const char *p = t->label; *p && n < sizeof name - 1; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9') || *p == '_' || (*p == '.' && n > 0);
        name[n++] = plain ? *p : '-';
    }
    name[n] = 0;
    return leat_arena_printf(a, "%s/keys/%s-%016llx.db", s->task->folder, name,
                             (unsigned long long)leat_str_hash(leat_str_of(t->label)));
}

static bool farther(const leat_query_offset *x, const leat_query_offset *y)
{
    if (x->has_moment != y->has_moment) return x->has_moment;
    if (x->has_moment && x->moment_us != y->moment_us) return x->moment_us > y->moment_us;
    return x->has_number && (!y->has_number || x->number > y->number);
}

/* Notes "whole", yes: all rows up to the position "at" are in the file, that are in the table. Not
 * so where somebody moved the position on since, or rows were read while deletes were not looked
 * for. */
static leat_rc read_notes(leat_query_table *t, leat_err *e)
{
    leat_query_look *l = &t->look;
    leat_arena a = {0};
    leat_str whole, at = {0};
    leat_rc rc = leat_query_keys_note(l->keys, "whole", &a, &whole, e);
    if (rc == LEAT_OK) rc = leat_query_keys_note(l->keys, "at", &a, &at, e);
    l->noted = (leat_query_offset){0};
    if (rc == LEAT_OK && at.s) rc = leat_query_offset_read(at, &l->noted, e);
    l->whole = rc == LEAT_OK && leat_str_is(whole, "yes");
    if (l->whole && farther(&t->at, &l->noted)) {
        /* Before "at" moves on with the next rows, and hides it from the next run. */
        l->whole = false;
        rc = leat_query_keys_note_set(l->keys, "whole", LEAT_STR("no"), e);
        if (rc == LEAT_OK) rc = leat_query_keys_commit(l->keys, e);
    }
    leat_arena_free(&a);
    return rc;
}

leat_rc leat_query_deletes_open(leat_query_source *s, leat_query_table *t, leat_err *e)
{
    leat_query_look *l = &t->look;
    const leat_query_key *key = &t->shape->key;
    leat_arena a = {0};
    if (key->n == 0) return LEAT_OK;
    bool before = l->keys || t->stored;
    if (l->keys && strcmp(l->signature, key->signature) == 0) return LEAT_OK;
    leat_query_deletes_close(t);
    if (!s->task->folder)
        return leat_fail(e, LEAT_CONF, "query.keys", "deletes.interval.ms",
                         "there is no folder to keep the keys in that were told");
    int err = leat_os_mkdirs(leat_arena_printf(&a, "%s/keys", s->task->folder), 0700);
    leat_rc rc = err < 0 ? leat_os_fail(e, err, "make the folder", "keys") : LEAT_OK;
    if (rc == LEAT_OK)
        rc = leat_query_keys_open(path_of(s, t, &a), &key->plan, key->signature, l->at.told,
                                  &l->keys, e);
    leat_arena_free(&a);
    if (rc != LEAT_OK) return rc;
    leat_query_keys_leaves(l->keys, s->sql.leaves, s->sql.arg);
    l->signature = leat_arena_strdup(&s->arena, key->signature);
    l->again = true;
    if (before && leat_query_keys_new(l->keys))
        leat_log(LEAT_WARN, "query.keys_new",
                 "table=\"%s\" the keys of rows that were told before are not known, or are of "
                 "another primary key: rows deleted before the next look has ended are not told",
                 t->label);
    return read_notes(t, e);
}

void leat_query_deletes_close(leat_query_table *t)
{
    leat_query_look *l = &t->look;
    leat_query_keys_close(l->keys);
    leat_arena_free(&l->arena);
    leat_arena_free(&l->kept);
    leat_keyset_free(&l->seen);
    leat_free(l->spans);
    *l = (leat_query_look){.partition = l->partition, .at = l->at, .ready = l->ready};
}

/* The texts behind the cells of the row; false: one is NULL (SQLite), and the row has no key. */
static bool texts_of(const leat_query_source *s, const leat_query_shape *shape, leat_str *out)
{
    for (uint16_t i = 0; i < shape->key.n; i++) {
        const leat_value *v = &s->cells[shape->n + i];
        if (v->kind == LEAT_NULL) return false;
        out[i] = leat_value_str(v);
    }
    return true;
}

leat_rc leat_query_deletes_keep(leat_query_source *s, leat_query_table *t, bool told, leat_err *e)
{
    const leat_query_shape *shape = t->shape;
    leat_str *key = leat_zalloc(shape->key.n, sizeof *key);
    leat_buf cells = {0};
    leat_rc rc = LEAT_OK;
    for (uint16_t i = 0; i < shape->key.n && told; i++)
        leat_wire_put_cell(&cells, &s->cells[shape->key.places[i]]);
    if (texts_of(s, shape, key))
        rc = leat_query_keys_put(t->look.keys, key, leat_buf_str(&cells), e);
    leat_buf_free(&cells);
    leat_free(key);
    return rc;
}

/* The position that the batch may make durable, the row's before the next. */
leat_rc leat_query_deletes_flush(leat_query_table *t, leat_err *e)
{
    leat_query_look *l = &t->look;
    if (!l->keys) return LEAT_OK;
    if (farther(&t->at, &l->noted)) {
        leat_buf at = {0};
        leat_query_offset_write(&t->at, &at);
        leat_rc rc = leat_query_keys_note_set(l->keys, "at", leat_buf_str(&at), e);
        leat_buf_free(&at);
        LEAT_TRY(rc);
        l->noted = t->at;
    }
    return leat_query_keys_commit(l->keys, e);
}

leat_rc leat_query_deletes_ack(leat_query_source *s, leat_position pos, leat_err *e)
{
    leat_query_looked looked;
    for (size_t i = 0; i < s->ntables; i++) {
        leat_query_look *l = &s->tables[i]->look;
        if (!l->keys || !leat_str_eq(l->partition, pos.partition)) continue;
        LEAT_TRY(leat_query_looked_read(pos.offset, &looked, e));
        LEAT_TRY(leat_query_keys_forget(l->keys, looked.told, e));
        return leat_query_keys_commit(l->keys, e);
    }
    return LEAT_OK;
}

/* ---- parts and spans ---- */

static bool scans(const leat_query_key *key)
{
    bool native = true;
    for (uint16_t i = 0; i < key->n; i++) native = native && key->plan.fields[i].native;
    return !native;
}

static uint64_t span_of(const leat_query_key *key)
{
    return scans(key) ? SPAN_SCANNED : SPAN;
}

/* How many keys a statement names: of several columns each is an OR, of one a list is searched, and
 * then fewer statements are better where each reads all of the table. */
static uint32_t keys_of(const leat_query_key *key)
{
    return key->n == 1 && scans(key) ? SPAN_SCANNED : KEYS;
}

static void push(leat_query_look *l, const leat_str *lo, const leat_str *hi)
{
    if (l->nspans == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 16;
        l->spans = leat_realloc(l->spans, l->cap * sizeof *l->spans);
    }
    l->spans[l->nspans++] = (leat_query_span){lo, hi};
}

/* In the order of both sides. */
static int compare_keys(const leat_query_key *key, const leat_str *x, const leat_str *y)
{
    for (uint16_t i = 0; i < key->n; i++) {
        int d = leat_str_cmp(x[i], y[i]);
        if (key->plan.fields[i].kind == LEAT_COMPARE_INT) {
            leat_int128 a = leat_compare_number(x[i]), b = leat_compare_number(y[i]);
            d = (a > b) - (a < b);
        }
        if (d != 0) return d;
    }
    return 0;
}

/* The next part: neither side has more than so many rows in it. */
static leat_rc next_part(leat_query_source *s, leat_query_table *t, leat_err *e)
{
    leat_query_look *l = &t->look;
    const leat_query_key *key = &t->shape->key;
    const leat_str *there = NULL, *told = NULL;
    leat_arena_reset(&l->arena, 1 << 20);
    const leat_compare_range r = {.lo = l->next};
    if (l->size > 0) {
        LEAT_TRY(s->side->bound(s->side, &key->plan, &r, l->size - 1, &l->arena, &there, e));
        LEAT_TRY(leat_query_keys_bound(l->keys, &r, l->size - 1, &l->arena, &told, e));
    }
    const leat_str *hi = there ? there : told;
    if (there && told && compare_keys(key, told, there) < 0) hi = told;
    leat_str *lo = NULL;
    if (l->next) lo = LEAT_NEW(&l->arena, leat_str, key->n);
    for (uint16_t i = 0; lo && i < key->n; i++) lo[i] = leat_arena_str(&l->arena, l->next[i]);
    push(l, lo, hi);
    l->last = hi == NULL;
    leat_arena_reset(&l->kept, 1 << 16);
    leat_str *next = hi ? LEAT_NEW(&l->kept, leat_str, key->n) : NULL;
    for (uint16_t i = 0; next && i < key->n; i++) next[i] = leat_arena_str(&l->kept, hi[i]);
    l->next = next;
    return LEAT_OK;
}

/* ---- keys of a span, one by one ---- */

/* A key of the file that the table's span does not have. */
typedef struct missing {
    const leat_str *key;
    leat_str cells;
    bool found; /* by its key alone */
} missing;

typedef struct span {
    const leat_query_key *key;
    leat_keyset *seen; /* of the table */
    bool *told;        /* of each of them: the file has it */
    missing *missing;
    size_t nmissing, cap;
    const leat_str *lo, *hi; /* where the news are; NULL: not known */
    leat_str *news;          /* keys of rows that are read: nnews */
    uint32_t nnews;
    leat_str *texts;       /* the key of one of them */
    bool tell;             /* these rows are told, not only noted */
    bool all;              /* all of the range are read: seen is not asked */
    bool unread;           /* one of them could not be read ... */
    const leat_str *alone; /* ... which is of this key, where it alone is asked for */
    bool some;             /* the batch has some of it ... */
    bool full;             /* ... and room for no more */
    leat_arena *cells;     /* of the rows that are read: the batch's, or row */
    leat_arena row;
    leat_arena *a;
    leat_buf bytes;
} span;

static leat_str key_bytes(span *x, const leat_str *key)
{
    leat_buf_clear(&x->bytes);
    for (uint16_t i = 0; i < x->key->n; i++) leat_buf_blob(&x->bytes, key[i]);
    return leat_buf_str(&x->bytes);
}

static void there(void *arg, const leat_compare_row *row)
{
    span *x = arg;
    leat_keyset_put(x->seen, key_bytes(x, row->key));
}

static void was_told(void *arg, const leat_str *key, leat_str cells)
{
    span *x = arg;
    uint32_t at = leat_keyset_find(x->seen, key_bytes(x, key));
    if (at != LEAT_KEYSET_NONE) {
        x->told[at] = true;
        return;
    }
    if (x->nmissing == x->cap) {
        x->cap = x->cap ? x->cap * 2 : 64;
        x->missing = leat_realloc(x->missing, x->cap * sizeof *x->missing);
    }
    leat_str *copy = LEAT_NEW(x->a, leat_str, x->key->n);
    for (uint16_t i = 0; i < x->key->n; i++) copy[i] = leat_arena_str(x->a, key[i]);
    x->missing[x->nmissing++] = (missing){copy, leat_arena_str(x->a, cells), false};
}

/* Those that are missing are asked for by their keys: what is there is not deleted. */
static leat_rc ask_again(leat_query_source *s, span *x, leat_err *e)
{
    uint16_t n = x->key->n;
    leat_str *keys = LEAT_NEW(x->a, leat_str, x->nmissing * n);
    if (x->nmissing == 0) return LEAT_OK;
    for (size_t i = 0; i < x->nmissing; i++)
        memcpy(keys + i * n, x->missing[i].key, n * sizeof *keys);
    leat_keyset_clear(x->seen);
    for (size_t i = 0, most = keys_of(x->key); i < x->nmissing; i += most) {
        size_t some = x->nmissing - i < most ? x->nmissing - i : most;
        const leat_compare_range r = {.keys = keys + i * n, .nkeys = (uint32_t)some};
        LEAT_TRY(s->side->rows(s->side, &x->key->plan, &r, there, x, e));
    }
    for (size_t i = 0; i < x->nmissing; i++)
        x->missing[i].found =
            leat_keyset_find(x->seen, key_bytes(x, x->missing[i].key)) != LEAT_KEYSET_NONE;
    return LEAT_OK;
}

static leat_rc put_delete(leat_query_table *t, const missing *m, leat_batch *b, leat_err *e)
{
    const leat_query_key *key = &t->shape->key;
    size_t n = 0;
    LEAT_TRY(leat_query_keys_leave(t->look.keys, m->key, t->look.at.told + 1, e));
    if (m->cells.len == 0) return LEAT_OK; /* it was a dead letter */
    const leat_value *cells = leat_wire_get_cells(m->cells, &b->arena, &n);
    if (!cells || n != key->n)
        return leat_fail(e, LEAT_CONF, "query.keys", t->label,
                         "the file of the keys of %s is damaged: stop the connector and remove it; "
                         "rows that are deleted until then are not told",
                         t->label);
    LEAT_COUNT(b, leat_batch_tally(b, key->gone), received, 1);
    leat_value *row = LEAT_NEW(&b->arena, leat_value, 1);
    *row = (leat_value){.kind = LEAT_STRUCT, .len = key->n, .u.list = cells};
    leat_event *ev = leat_batch_add(b, key->gone);
    ev->op = LEAT_OP_DELETE;
    ev->after = row;
    ev->ts_us = ev->seen_us = leat_now_us();
    return LEAT_OK;
}

/* ---- rows that the file does not know ---- */

/* One that came behind the position is told; where the file does not know all others, it is only
 * noted. So is one that cannot be read: else each look would tell it. */
static leat_rc take_news(leat_query_source *s, leat_query_table *t, span *x, leat_batch *b,
                         leat_rc rc, leat_str raw, leat_err *why, leat_err *e)
{
    const leat_query_offset group = t->group;
    leat_query_keys *keys = t->look.keys;
    const leat_str *key = x->alone;
    bool read = rc == LEAT_OK;
    if (read) {
        if (!texts_of(s, t->shape, x->texts)) return LEAT_OK;
        if (!x->all) leat_keyset_put(x->seen, key_bytes(x, x->texts));
        key = x->texts;
    }
    if (!key) {
        x->unread = true;
        return LEAT_OK;
    }
    if (!read) LEAT_TRY(leat_query_keys_put(keys, key, LEAT_STR(""), e));
    if (!x->tell) {
        if (!read) return LEAT_OK;
        rc = leat_query_fix_cells(t->shape, x->cells, s->cells, why);
        return leat_query_deletes_keep(s, t, rc == LEAT_OK, e);
    }
    if (read && !leat_query_place_of(t->shape, s->cells, &t->group)) return LEAT_OK;
    LEAT_COUNT(b, leat_batch_tally(b, t->shape->table), received, 1);
    rc = leat_query_tell(s, t, b, rc, raw, why, e);
    t->group = group;
    t->dead = false;
    x->some = true;
    return rc == LEAT_OK ? leat_query_keys_came(keys, key, t->look.at.told + 1, e) : rc;
}

/* Something is in it: with one that was noted each step comes on. */
static bool full(const leat_query_source *s, const span *x, const leat_batch *b)
{
    return x->tell && (b->n > 0 || b->dead) && leat_query_full(s, b);
}

static leat_rc read_news(leat_query_source *s, leat_query_table *t, span *x, leat_batch *b,
                         leat_err *e)
{
    leat_err why;
    leat_rc rc;
    while (!(x->full = full(s, x, b))) {
        leat_str raw = {0};
        if (s->sql.leaves && s->sql.leaves(s->sql.arg))
            return leat_fail(e, LEAT_RETRY, "query.stopped", t->label, "it was told to end");
        leat_arena_reset(&x->row, 1 << 16);
        rc = s->sql.dialect->row(&s->sql, WAIT_MS, x->cells, s->cells, &raw, &why);
        if (rc == LEAT_PENDING) break;
        if (rc == LEAT_AGAIN) continue;
        if (rc != LEAT_OK && rc != LEAT_DATA) {
            if (e) *e = why;
            return rc;
        }
        LEAT_TRY(take_news(s, t, x, b, rc, raw, &why, e));
    }
    return s->sql.dialect->end(&s->sql, e);
}

/* Keys of the table's span that the file does not have. */
static void find_news(span *x)
{
    uint16_t n = x->key->n;
    x->news = LEAT_NEW(x->a, leat_str, (size_t)x->seen->n * n);
    for (uint32_t i = 0; i < x->seen->n; i++) {
        leat_cur c = leat_cur_of(leat_keyset_at(x->seen, i));
        if (x->told[i]) continue;
        for (uint16_t k = 0; k < n; k++)
            x->news[(size_t)x->nnews * n + k] = leat_arena_str(x->a, leat_cur_blob(&c));
        x->nnews++;
    }
}

static leat_rc ask_rows(leat_query_source *s, leat_query_table *t, span *x, const leat_str *keys,
                        uint32_t n, leat_batch *b, leat_err *e)
{
    const leat_compare_range r = {.lo = x->lo, .hi = x->hi, .keys = keys, .nkeys = n};
    leat_buf sql = {0};
    leat_buf_printf(&sql, "%s %s AS q WHERE 1 = 1", t->shape->select, t->from);
    s->side->where(&sql, &x->key->plan, &r);
    if (x->tell) {
        leat_buf_str_z(&sql, " AND ");
        leat_query_put_behind(s, t, &sql);
    }
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_query_begin(s, t, sql.p, e);
    leat_buf_free(&sql);
    return rc == LEAT_OK ? read_news(s, t, x, b, e) : rc;
}

/* Where a row cannot be read, its key is not known: those that did not come are asked for one by
 * one. */
static leat_rc ask_some(leat_query_source *s, leat_query_table *t, span *x, const leat_str *keys,
                        uint32_t n, leat_batch *b, leat_err *e)
{
    leat_keyset_clear(x->seen);
    x->unread = false;
    x->alone = NULL;
    LEAT_TRY(ask_rows(s, t, x, keys, n, b, e));
    for (uint32_t i = 0; x->unread && !x->full && i < n; i++) {
        x->alone = keys + (size_t)i * x->key->n;
        if (leat_keyset_find(x->seen, key_bytes(x, x->alone)) == LEAT_KEYSET_NONE)
            LEAT_TRY(ask_rows(s, t, x, x->alone, 1, b, e));
    }
    return LEAT_OK;
}

/* Those that are told are behind the position: polls tell the others. */
static leat_rc ask_news(leat_query_source *s, leat_query_table *t, span *x, leat_batch *b,
                        leat_err *e)
{
    bool bulk = s->conf->mode == LEAT_QUERY_BULK;
    bool any = t->at.has_moment || t->at.has_number;
    if (x->nnews == 0 || (x->tell && (bulk || !any))) return LEAT_OK;
    x->cells = x->tell ? &b->arena : &x->row;
    x->full = full(s, x, b);
    for (uint32_t i = 0, most = keys_of(x->key); i < x->nnews && !x->full; i += most) {
        uint32_t some = x->nnews - i < most ? x->nnews - i : most;
        LEAT_TRY(ask_some(s, t, x, x->news + (size_t)i * x->key->n, some, b, e));
    }
    return LEAT_OK;
}

/* ---- steps ---- */

static void put_looked(leat_query_table *t, leat_batch *b)
{
    leat_buf offset = {0};
    leat_query_looked_write(&t->look.at, &offset);
    leat_batch_safe(b, (leat_position){t->look.partition, leat_buf_str(&offset)});
    leat_buf_free(&offset);
}

static leat_rc put_deletes(leat_query_table *t, span *x, leat_batch *b, leat_err *e)
{
    for (size_t i = 0; i < x->nmissing; i++) {
        if (x->missing[i].found) continue;
        LEAT_TRY(put_delete(t, &x->missing[i], b, e));
        x->some = true;
    }
    return LEAT_OK;
}

static leat_rc end_span(leat_query_table *t, const span *x, leat_batch *b, leat_err *e)
{
    LEAT_TRY(leat_query_keys_commit(t->look.keys, e));
    if (x->some) t->look.at.told++;
    if (b->n > 0 || b->dead) put_looked(t, b);
    return LEAT_OK;
}

static leat_rc compare_span(leat_query_source *s, leat_query_table *t, const leat_compare_range *r,
                            span *x, leat_batch *b, leat_err *e)
{
    LEAT_TRY(s->side->rows(s->side, &x->key->plan, r, there, x, e));
    x->told = LEAT_NEW(x->a, bool, x->seen->n + 1);
    LEAT_TRY(leat_query_keys_each(t->look.keys, r, was_told, x, e));
    find_news(x);
    x->lo = r->lo;
    x->hi = r->hi;
    x->tell = t->look.whole;
    LEAT_TRY(ask_again(s, x, e));
    /* Deletes first: a sink may take 'a' and 'A' for one key. */
    LEAT_TRY(put_deletes(t, x, b, e));
    LEAT_TRY(ask_news(s, t, x, b, e));
    if (x->full) push(&t->look, r->lo, r->hi);
    return end_span(t, x, b, e);
}

/* What the last run told and did not see durable. */
static leat_rc tell_again(leat_query_source *s, leat_query_table *t, span *x, leat_batch *b,
                          leat_err *e)
{
    leat_query_look *l = &t->look;
    uint16_t n = x->key->n;
    LEAT_TRY(leat_query_keys_again(l->keys, KEYS, was_told, x, e));
    LEAT_TRY(ask_again(s, x, e));
    LEAT_TRY(put_deletes(t, x, b, e));
    x->news = LEAT_NEW(x->a, leat_str, x->nmissing * n);
    for (size_t i = 0; i < x->nmissing; i++)
        if (x->missing[i].found)
            memcpy(x->news + (size_t)x->nnews++ * n, x->missing[i].key, n * sizeof *x->news);
    x->tell = true;
    LEAT_TRY(ask_news(s, t, x, b, e));
    l->again = x->full || x->nmissing == KEYS;
    for (uint32_t i = 0; i < x->nnews && !x->full; i++)
        LEAT_TRY(leat_query_keys_asked(l->keys, x->news + (size_t)i * n, e));
    return end_span(t, x, b, e);
}

/* The file has none of the range: its rows are noted as they come. unread: one of them could not be
 * read, so its key is not known. */
static leat_rc note_all(leat_query_source *s, leat_query_table *t, const leat_compare_range *r,
                        span *x, leat_batch *b, leat_err *e)
{
    x->lo = r->lo;
    x->hi = r->hi;
    x->all = true;
    x->cells = &x->row;
    LEAT_TRY(ask_rows(s, t, x, NULL, 0, b, e));
    return leat_query_keys_commit(t->look.keys, e);
}

typedef enum span_use {
    USE_COMPARE, /* its keys, one by one */
    USE_NOTE,    /* all its rows are new */
    USE_AGAIN,   /* of the last run; no range */
} span_use;

/* *whole, if not NULL: each row of the range could be read. */
static leat_rc by_key(leat_query_source *s, leat_query_table *t, span_use use,
                      const leat_compare_range *r, leat_batch *b, bool *whole, leat_err *e)
{
    leat_arena a = {0};
    span x = {.key = &t->shape->key, .seen = &t->look.seen, .a = &a};
    leat_rc rc = LEAT_OK;
    x.texts = LEAT_NEW(&a, leat_str, x.key->n);
    leat_keyset_clear(x.seen);
    switch (use) {
    case USE_COMPARE: rc = compare_span(s, t, r, &x, b, e); break;
    case USE_NOTE: rc = note_all(s, t, r, &x, b, e); break;
    case USE_AGAIN: rc = tell_again(s, t, &x, b, e); break;
    }
    if (whole) *whole = !x.unread;
    leat_buf_free(&x.bytes);
    leat_free(x.missing);
    leat_arena_free(&x.row);
    leat_arena_free(&a);
    return rc;
}

static leat_rc look_at(leat_query_source *s, leat_query_table *t, const leat_query_span *p,
                       leat_batch *b, leat_err *e)
{
    leat_query_look *l = &t->look;
    const leat_query_key *key = &t->shape->key;
    const leat_compare_range r = {.lo = p->lo, .hi = p->hi};
    leat_compare_sum x, y;
    const leat_str *mid = NULL;
    LEAT_TRY(leat_query_keys_sum(l->keys, &r, &y, e));
    if (y.rows == 0 && !l->whole) {
        bool whole;
        LEAT_TRY(by_key(s, t, USE_NOTE, &r, b, &whole, e));
        if (whole) return LEAT_OK;
        LEAT_TRY(leat_query_keys_sum(l->keys, &r, &y, e));
    }
    LEAT_TRY(s->side->sum(s->side, &key->plan, &r, &x, e));
    if (x.rows == y.rows && x.sum == y.sum && x.both == y.both) return LEAT_OK;
    uint64_t most = x.rows > y.rows ? x.rows : y.rows;
    if (most > span_of(key) && x.rows > y.rows)
        LEAT_TRY(s->side->bound(s->side, &key->plan, &r, most / 2 - 1, &l->arena, &mid, e));
    else if (most > span_of(key))
        LEAT_TRY(leat_query_keys_bound(l->keys, &r, most / 2 - 1, &l->arena, &mid, e));
    if (!mid || (r.hi && compare_keys(key, mid, r.hi) == 0))
        return by_key(s, t, USE_COMPARE, &r, b, NULL, e);
    push(l, mid, r.hi);
    push(l, r.lo, mid);
    return LEAT_OK;
}

static leat_rc end_look(leat_query_source *s, leat_query_table *t, leat_batch *b, leat_err *e)
{
    leat_query_look *l = &t->look;
    if (!l->whole) LEAT_TRY(leat_query_keys_note_set(l->keys, "whole", LEAT_STR("yes"), e));
    LEAT_TRY(leat_query_deletes_flush(t, e));
    l->whole = true;
    l->busy = false;
    l->next = NULL;
    l->at.looks++;
    put_looked(t, b);
    s->looking = NULL;
    close_side(s);
    return LEAT_OK;
}

static leat_rc one_step(leat_query_source *s, leat_query_table *t, leat_batch *b, leat_err *e)
{
    leat_query_look *l = &t->look;
    LEAT_TRY(open_side(s, e));
    LEAT_TRY(leat_query_deletes_open(s, t, e));
    if (l->again) {
        LEAT_TRY(by_key(s, t, USE_AGAIN, NULL, b, NULL, e));
        if (l->again || b->n > 0 || b->dead) return LEAT_OK;
    }
    if (!l->busy) {
        l->busy = true;
        l->last = false;
        l->next = NULL;
        l->nspans = 0;
        l->size = !scans(&t->shape->key) ? PART : l->whole ? 0 : PART_SCANNED;
        s->looking = t;
    } else if (l->nspans == 0 && l->last) {
        return end_look(s, t, b, e);
    }
    if (l->nspans == 0) LEAT_TRY(next_part(s, t, e));
    leat_query_span p = l->spans[--l->nspans];
    return look_at(s, t, &p, b, e);
}

leat_rc leat_query_deletes_step(leat_query_source *s, leat_query_table *t, leat_batch *b,
                                leat_err *e)
{
    int64_t from = leat_mono_us();
    LEAT_TRY(one_step(s, t, b, e));
    int64_t now = leat_mono_us();
    bool more = t->look.busy || t->look.again;
    t->look.due_us =
        more ? now + (s->once ? 0 : REST * (now - from)) : now + s->conf->deletes_ms * 1000;
    return b->n > 0 || b->dead || b->safe.offset.s ? LEAT_OK : LEAT_AGAIN;
}

/* One look at a time; of a table that is gone none. */
leat_query_table *leat_query_deletes_due(leat_query_source *s, int *wait_ms)
{
    if (s->conf->deletes_ms == 0) return NULL;
    int64_t now = leat_mono_us(), next = now + (int64_t)*wait_ms * 1000;
    if (s->looking && s->looking->gone) {
        s->looking->look.busy = false;
        s->looking = NULL;
    }
    for (size_t i = 0; i < s->ntables; i++) {
        leat_query_table *t = s->tables[i];
        if (t->gone || !t->look.ready || (s->looking && s->looking != t)) continue;
        if (t->look.due_us <= now) return t;
        if (t->look.due_us < next) next = t->look.due_us;
    }
    *wait_ms = (int)((next - now + 999) / 1000);
    return NULL;
}
