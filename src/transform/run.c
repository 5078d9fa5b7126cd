/* Events through the chain of transforms: what is kept for each table, and the events that are made
 * (transform/transform.h).
 *
 * A change becomes its records, these go through the chain, and each becomes an event again: of a
 * table with LEAT_TABLE_RECORD, which is made once for each pair of schemas, so that a schema
 * stands once in a segment. Everything kept for a table, plans and made schemas, lives in its
 * place, which pins it: so an address stands for one schema. Run by the thread that owns the run.
 */
#include "transform/part.h"

enum { PLACES_MOST = 1024 };

typedef struct memo {
    unsigned step;
    const leat_schema *schema;
    void *plan;
    struct memo *next;
} memo;

/* A table of made events. */
typedef struct made {
    const leat_schema *key, *value;
    const char *topic;
    const leat_schema *headers; /* of the record's own, each name and schema; NULL: it has none */
    leat_table *table;
    struct made *next;
} made;

struct leat_transform_place {
    const leat_table *in; /* pinned; NULL: of records that are of no table */
    leat_arena arena;
    leat_arena *keep; /* arena, or the batch's */
    memo *memos;
    made *tables;
};

struct leat_transform_run {
    const leat_transforms *chain;
    leat_transform_place **places;
    size_t n, cap;
    leat_transform_place *last; /* the one that was used last */
    const char *failed;         /* class of the transform that did so last */
};

leat_transform_run *leat_transform_run_new(const leat_transforms *chain)
{
    leat_transform_run *run = leat_zalloc(1, sizeof *run);
    run->chain = chain;
    return run;
}

static void drop_all(leat_transform_run *run)
{
    for (size_t i = 0; i < run->n; i++) {
        leat_transform_place *place = run->places[i];
        for (made *m = place->tables; m; m = m->next) leat_table_unpin(m->table);
        if (place->in) leat_table_unpin((leat_table *)(uintptr_t)place->in);
        leat_arena_free(&place->arena);
        leat_free(place);
    }
    run->n = 0;
    run->last = NULL;
}

void leat_transform_run_free(leat_transform_run *run)
{
    if (!run) return;
    drop_all(run);
    leat_free(run->places);
    leat_free(run);
}

bool leat_transform_run_tidy(leat_transform_run *run)
{
    if (run->n <= PLACES_MOST) return false;
    drop_all(run);
    return true;
}

void leat_transform_run_forget(leat_transform_run *run)
{
    drop_all(run);
}

const char *leat_transform_failed(const leat_transform_run *run)
{
    return run->failed;
}

void *leat_transform_plan(leat_transform_record *t, const leat_schema *schema, size_t size,
                          bool *is_new, leat_arena **keep)
{
    leat_transform_place *place = t->place;
    *keep = place->keep;
    *is_new = false;
    for (memo **at = &place->memos; *at; at = &(*at)->next) {
        memo *m = *at;
        if (m->step != t->step || m->schema != schema) continue;
        *at = m->next; /* the one used last comes first */
        m->next = place->memos;
        place->memos = m;
        return m->plan;
    }
    memo *m = LEAT_NEW(place->keep, memo, 1);
    *m = (memo){t->step, schema, leat_arena_zalloc(place->keep, 1, size, _Alignof(max_align_t)),
                place->memos};
    place->memos = m;
    *is_new = true;
    return m->plan;
}

static leat_transform_place *place_of(leat_transform_run *run, const leat_table *in)
{
    if (run->last && run->last->in == in) return run->last;
    for (size_t i = 0; i < run->n; i++)
        if (run->places[i]->in == in) return run->last = run->places[i];
    if (run->n == run->cap) {
        run->cap = run->cap ? run->cap * 2 : 16;
        run->places = leat_realloc(run->places, run->cap * sizeof *run->places);
    }
    leat_transform_place *place = leat_zalloc(1, sizeof *place);
    if (in) place->in = leat_table_pin(in);
    place->keep = &place->arena;
    run->places[run->n++] = place;
    return run->last = place;
}

/* ---- made tables ---- */

/* How many of a record's headers are its own: those of the origin come behind them. */
static uint32_t own_headers(const leat_origin *o, const leat_record *r)
{
    return r->nheaders > o->nheaders ? r->nheaders - o->nheaders : 0;
}

static bool same_headers(const leat_schema *s, const leat_record *r, uint32_t own)
{
    if ((s ? s->nfields : 0) != own) return false;
    for (uint32_t i = 0; i < own; i++)
        if (strcmp(s->fields[i].name, r->headers[i].name) != 0 ||
            s->fields[i].schema != r->headers[i].schema)
            return false;
    return true;
}

static const leat_schema *header_schema(leat_arena *a, const leat_record *r, uint32_t own)
{
    leat_schema *s = leat_schema_struct(a, false, NULL, 0, own);
    leat_field *fields = LEAT_NEW(a, leat_field, own);
    for (uint32_t i = 0; i < own; i++)
        fields[i] = (leat_field){leat_arena_strdup(a, r->headers[i].name), r->headers[i].schema};
    s->fields = fields;
    return s;
}

/* The origin of records that have no headers where the table's others have some. */
static leat_origin *bare_origin(const leat_origin *o)
{
    leat_origin *bare = leat_origin_new();
    bare->schema = leat_schema_struct(&bare->arena, false, o->schema->name, o->schema->version, 0);
    if (o->placeholder.s) bare->placeholder = leat_arena_str(&bare->arena, o->placeholder);
    return bare;
}

static leat_table *make_table(const leat_table *in, const leat_record *r,
                              const leat_schema *headers)
{
    bool bare = r->nheaders < in->origin->nheaders;
    leat_origin *o = bare ? bare_origin(in->origin) : leat_origin_pin(in->origin);
    leat_table *t = leat_table_new(o);
    leat_arena *a = &t->arena;
    leat_field *parts = LEAT_NEW(a, leat_field, 3);
    leat_schema *row = leat_schema_struct(a, false, NULL, 0, 0);
    leat_origin_unpin(o);
    if (headers)
        parts[row->nfields++] = (leat_field){LEAT_PART_HEADERS, leat_schema_copy(a, headers)};
    if (r->key_schema)
        parts[row->nfields++] = (leat_field){LEAT_PART_KEY, leat_schema_copy(a, r->key_schema)};
    if (r->value_schema)
        parts[row->nfields++] = (leat_field){LEAT_PART_VALUE, leat_schema_copy(a, r->value_schema)};
    row->fields = parts;
    t->topic = leat_arena_strdup(a, r->topic);
    t->db = in->db ? leat_arena_strdup(a, in->db) : NULL;
    t->schema = in->schema ? leat_arena_strdup(a, in->schema) : NULL;
    t->name = leat_arena_strdup(a, in->name);
    t->row = row;
    t->flags = LEAT_TABLE_RECORD;
    leat_table_seal(t);
    return t;
}

static made *made_for(leat_transform_place *place, const leat_record *r)
{
    uint32_t own = own_headers(place->in->origin, r);
    for (made *m = place->tables; m; m = m->next)
        if (m->key == r->key_schema && m->value == r->value_schema &&
            strcmp(m->topic, r->topic) == 0 && same_headers(m->headers, r, own))
            return m;
    made *m = LEAT_NEW(&place->arena, made, 1);
    m->headers = own ? header_schema(&place->arena, r, own) : NULL;
    m->key = r->key_schema;
    m->value = r->value_schema;
    m->topic = leat_arena_strdup(&place->arena, r->topic);
    m->table = make_table(place->in, r, m->headers);
    m->next = place->tables;
    return place->tables = m;
}

/* ---- events ---- */

/* The first record of a change: it takes the change's place. */
static void put_change(leat_transform_place *place, const leat_event *ev, const leat_record *r,
                       leat_arena *a, leat_event *out)
{
    const made *m = made_for(place, r);
    leat_value *cells = LEAT_NEW(a, leat_value, 3);
    uint32_t n = 0;
    if (m->headers) {
        leat_value *own = LEAT_NEW(a, leat_value, m->headers->nfields);
        for (uint32_t i = 0; i < m->headers->nfields; i++) own[i] = r->headers[i].value;
        cells[n++] = (leat_value){.kind = LEAT_STRUCT, .len = m->headers->nfields, .u.list = own};
    }
    if (r->key_schema) cells[n++] = r->key;
    if (r->value_schema) cells[n] = r->value;
    *out = *ev;
    out->table = m->table;
    out->before = out->src = NULL;
    out->after = cells;
    out->flags = 0;
}

/* Its schemas may be of a place, which need not live as long as the batch. */
static void put_record(const leat_event *ev, const leat_record *r, leat_arena *a, leat_event *out)
{
    leat_record *copy = leat_arena_dup(a, r, sizeof *r);
    leat_header *headers = LEAT_NEW(a, leat_header, r->nheaders);
    if (r->key_schema) copy->key_schema = leat_schema_copy(a, r->key_schema);
    if (r->value_schema) copy->value_schema = leat_schema_copy(a, r->value_schema);
    for (uint32_t i = 0; i < r->nheaders; i++) {
        headers[i] = r->headers[i];
        if (headers[i].schema) headers[i].schema = leat_schema_copy(a, headers[i].schema);
    }
    copy->headers = headers;
    *out = (leat_event){.ts_us = ev->ts_us, .seen_us = ev->seen_us, .op = LEAT_OP_RECORD};
    out->flags = ev->op != LEAT_OP_RECORD ? LEAT_EV_OF_CHANGE : ev->flags;
    out->record = copy;
}

static leat_rc through(leat_transform_run *run, leat_transform_place *place, leat_record *r,
                       leat_arena *a, leat_err *e)
{
    leat_transform_record t = {.r = r, .a = a, .place = place};
    if (!run->chain) return LEAT_OK;
    leat_rc rc = leat_transforms_record(run->chain, &t, e);
    if (leat_rc_failed(rc)) run->failed = run->chain->steps[t.step].type->klass;
    return rc;
}

leat_rc leat_transform_one(leat_transform_run *run, leat_record *r, leat_arena *a, leat_err *e)
{
    return through(run, place_of(run, NULL), r, a, e);
}

leat_rc leat_transform_records(leat_transform_run *run, const leat_event *ev, leat_record *records,
                               unsigned n, leat_arena *a, leat_err *e)
{
    leat_transform_place alone = {.keep = a};
    leat_transform_place *place = ev->op != LEAT_OP_RECORD ? place_of(run, ev->table) : &alone;
    for (unsigned i = 0; i < n; i++) LEAT_TRY(through(run, place, &records[i], a, e));
    return LEAT_OK;
}

leat_rc leat_transform_event(leat_transform_run *run, const leat_event *ev, leat_arena *a,
                             leat_event out[LEAT_RECORDS_MAX], unsigned *n, leat_err *e)
{
    leat_record view[LEAT_RECORDS_MAX];
    bool change = ev->op != LEAT_OP_RECORD;
    unsigned records = leat_envelope_records(ev, a, view);
    LEAT_TRY(leat_transform_records(run, ev, view, records, a, e));
    for (unsigned i = 0; i < records; i++) {
        if (change && i == 0)
            put_change(place_of(run, ev->table), ev, &view[i], a, &out[i]);
        else
            put_record(ev, &view[i], a, &out[i]);
    }
    *n = records;
    return LEAT_OK;
}
