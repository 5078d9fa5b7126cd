/* Transforms of sinks over embedded streams; see the header.
 *
 * Schemas that transforms make are known to the reader of changes by their addresses, so both
 * forget together. Letters hold the record as text, as those of Kafka that cannot be read: a change
 * that is tried again later would come behind newer ones of its row. */
#include "engine/shaper.h"

#include "base/json.h"
#include "convert/change.h"
#include "engine/record.h"

enum {
    SCHEMAS_MOST = 4096, /* about: of a key and a row for each table */
    SLOTS = 1024,        /* a power of two */
};

/* A schema of records that have their own, which do not live longer than their batch. */
typedef struct kept {
    const leat_schema *schema;
    struct kept *next;
} kept;

struct leat_shaper {
    leat_transform_run *run;
    leat_change_reader *reader; /* of what was touched */
    leat_arena arena;
    kept *schemas[SLOTS]; /* in the arena, by what they hash to; the one used last first */
    unsigned nschemas;
    bool transforms, tolerate;
};

leat_shaper *leat_shaper_new(const leat_transforms *chain, bool tolerate)
{
    const leat_json_read_conf none = {0}; /* nothing is read of texts */
    leat_shaper *s = leat_zalloc(1, sizeof *s);
    s->run = leat_transform_run_new(chain);
    s->reader = leat_change_reader_new(&none, &none);
    s->transforms = chain != NULL;
    s->tolerate = tolerate;
    return s;
}

void leat_shaper_free(leat_shaper *s)
{
    if (!s) return;
    leat_change_reader_free(s->reader);
    leat_transform_run_free(s->run);
    leat_arena_free(&s->arena);
    leat_free(s);
}

static bool same_value(const leat_value *x, const leat_value *y)
{
    bool many = x->kind == LEAT_STRUCT || x->kind == LEAT_MAP || x->kind == LEAT_LIST;
    if (!many) return leat_value_eq(x, y);
    return x->kind == y->kind && x->len == y->len && x->u.list == y->u.list;
}

/* Nothing that is pointed at is changed by a transform. */
static bool touched(const leat_record *was, const leat_record *is)
{
    return was->topic != is->topic || was->key_schema != is->key_schema ||
           was->value_schema != is->value_schema || !same_value(&was->key, &is->key) ||
           !same_value(&was->value, &is->value);
}

static bool is_record_table(const leat_event *ev)
{
    return ev->op != LEAT_OP_RECORD && (ev->table->flags & LEAT_TABLE_RECORD);
}

/* Behind a delete. */
static bool is_tombstone(const leat_event *ev)
{
    return ev->op == LEAT_OP_RECORD && ev->record->value.kind == LEAT_NULL;
}

/* A row or an envelope with schemas of its own: of an update of the key, made by a source's
 * transforms, all but the first are such. Heartbeats and transactions are none. */
static bool is_row(const leat_event *ev)
{
    return ev->op == LEAT_OP_RECORD && (ev->flags & LEAT_EV_OF_CHANGE) &&
           ev->record->value.kind == LEAT_STRUCT && ev->record->value_schema;
}

/* By its name, which is that of its table as a rule, and those of its fields. */
static uint32_t slot_of(const leat_schema *schema)
{
    uint64_t h = schema->name ? leat_str_hash(leat_str_of(schema->name)) : 0;
    for (uint32_t i = 0; i < schema->nfields; i++)
        h = h * 0x9e3779b97f4a7c15u + leat_str_hash(leat_str_of(schema->fields[i].name));
    return (uint32_t)(h >> 32) & (SLOTS - 1);
}

/* The schema that stands for all that are equal to it. */
static const leat_schema *keep(leat_shaper *s, const leat_schema *schema)
{
    kept **slot = &s->schemas[slot_of(schema)];
    for (kept **at = slot; *at; at = &(*at)->next) {
        kept *found = *at;
        if (!leat_schema_eq(found->schema, schema)) continue;
        *at = found->next;
        found->next = *slot;
        return (*slot = found)->schema;
    }
    kept *k = LEAT_NEW(&s->arena, kept, 1);
    *k = (kept){leat_schema_copy(&s->arena, schema), *slot};
    *slot = k;
    s->nschemas++;
    return k->schema;
}

/* The nth record of ev became made. */
static void place(const leat_event *ev, unsigned nth, leat_event *made)
{
    made->ts_us = ev->ts_us;
    made->seen_us = ev->seen_us;
    made->tx = ev->tx;
    made->tx_seq = ev->tx_seq;
    made->tx_table_seq = ev->tx_table_seq;
    made->partition = ev->partition;
    made->offset = ev->offset + nth;
    made->snapshot = ev->snapshot;
}

/* What the envelope has made up beside an old key is not there again. */
static void drop_made_up(const leat_event *ev, leat_arena *a, leat_event *made)
{
    bool partial = ev->op != LEAT_OP_RECORD && (ev->flags & LEAT_EV_OLD_KEY_ONLY) && ev->before;
    if (!partial || made->op == LEAT_OP_RECORD || !made->before) return;
    const leat_schema *row = made->table->row, *was = ev->table->row;
    leat_value *cells = LEAT_NEW(a, leat_value, row->nfields);
    for (uint32_t i = 0; i < row->nfields; i++) {
        const char *name = row->fields[i].name;
        bool same = i < was->nfields && strcmp(was->fields[i].name, name) == 0; /* as a rule */
        int at = same ? (int)i : leat_schema_field(was, leat_str_of(name));
        bool absent = at >= 0 && ev->before[at].kind == LEAT_ABSENT;
        cells[i] = absent ? leat_absent() : made->before[i];
    }
    made->before = cells;
}

/* A null behind the delete that the same change became says nothing more. */
static bool repeats(const leat_event *ev, uint32_t before, uint32_t n)
{
    return n > before + 1 && ev[n - 1].op == LEAT_OP_DELETE && ev[n - 2].op == LEAT_OP_DELETE;
}

/* Where it is counted if it does not stay in the batch. */
static leat_tally *of_topic(leat_batch *b, const leat_event *ev)
{
    return leat_tallies_get(&b->tables, leat_str_of(leat_event_topic(ev)), NULL);
}

/* A letter of the nth record of ev, as it was before transforms. */
static void bury(const leat_event *ev, unsigned nth, const leat_record *was, const leat_err *why,
                 leat_batch *b)
{
    leat_buf position = {0}, text = {0};
    leat_jw w = {.out = &position};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "topic", leat_event_topic(ev));
    leat_jw_i64(&w, "offset", ev->offset + nth);
    leat_jw_end(&w);
    leat_record_text(ev, was, &text);
    leat_dead letter = {.why = *why,
                        .bytes = leat_buf_str(&text),
                        .position = leat_buf_str(&position),
                        .topic = leat_event_topic(ev),
                        .ts_us = ev->ts_us};
    leat_batch_dead(b, of_topic(b, ev), &letter);
    leat_buf_free(&position);
    leat_buf_free(&text);
}

/* One record that cannot be taken: a letter, or the end of the sink. */
static leat_rc refuse(const leat_shaper *s, const leat_event *ev, unsigned nth,
                      const leat_record *was, const leat_err *why, leat_batch *b, leat_err *e)
{
    if (why->rc == LEAT_DATA && s->tolerate) {
        bury(ev, nth, was, why, b);
        return LEAT_OK;
    }
    return leat_fail(e, LEAT_CONF, why->code, leat_event_topic(ev),
                     "%s at offset %lld: %.420s. The sink stops here (errors.tolerance=none); with "
                     "errors.tolerance=all such records go to the dead letters",
                     leat_event_topic(ev), (long long)(ev->offset + nth), why->msg);
}

static leat_rc take(leat_shaper *s, const leat_event *ev, unsigned nth, const leat_record *was,
                    const leat_record *is, leat_batch *b, leat_err *e)
{
    leat_err why;
    leat_rc rc = leat_change_take(s->reader, is, b, &why);
    if (leat_rc_failed(rc)) return refuse(s, ev, nth, was, &why, b, e);
    if (rc == LEAT_AGAIN) return LEAT_OK;
    place(ev, nth, &b->ev[b->n - 1]);
    drop_made_up(ev, &b->arena, &b->ev[b->n - 1]);
    return LEAT_OK;
}

static leat_rc shape_row(leat_shaper *s, const leat_event *ev, leat_batch *b, leat_err *e)
{
    leat_err why;
    leat_record is = *ev->record;
    if (is.key_schema) is.key_schema = keep(s, is.key_schema);
    is.value_schema = keep(s, is.value_schema);
    leat_rc rc = leat_transform_one(s->run, &is, &b->arena, &why);
    if (rc != LEAT_OK) return refuse(s, ev, 0, ev->record, &why, b, e);
    return take(s, ev, 0, ev->record, &is, b, e);
}

/* Each record by itself, as over Kafka. */
static leat_rc shape_change(leat_shaper *s, const leat_event *ev, leat_batch *b, leat_err *e)
{
    leat_record was[LEAT_RECORDS_MAX], is[LEAT_RECORDS_MAX];
    bool bad[LEAT_RECORDS_MAX], other = is_record_table(ev);
    unsigned n = leat_envelope_records(ev, &b->arena, was);
    uint32_t before = b->n;
    memcpy(is, was, sizeof is);
    for (unsigned i = 0; i < n; i++) {
        leat_err why;
        leat_rc rc = leat_transform_records(s->run, ev, &is[i], 1, &b->arena, &why);
        bad[i] = rc != LEAT_OK;
        if (bad[i]) LEAT_TRY(refuse(s, ev, i, &was[i], &why, b, e));
        other = other || bad[i] || touched(&was[i], &is[i]);
    }
    if (!other) *leat_batch_add(b, ev->table) = *ev;
    for (unsigned i = 0; other && i < n; i++) {
        if (!bad[i]) LEAT_TRY(take(s, ev, i, &was[i], &is[i], b, e));
        if (repeats(b->ev, before, b->n)) b->n--;
    }
    if (b->n == before + 2 && leat_change_join(&b->ev[before], &b->ev[before + 1], &b->arena)) {
        b->ev[before] = b->ev[before + 1];
        b->n--;
    }
    return LEAT_OK;
}

static leat_rc shape_one(leat_shaper *s, const leat_event *ev, leat_batch *b, leat_err *e)
{
    uint64_t left = b->n + b->counts.dead;
    if (is_row(ev))
        LEAT_TRY(shape_row(s, ev, b, e));
    else if (ev->op != LEAT_OP_RECORD && (s->transforms || is_record_table(ev)))
        LEAT_TRY(shape_change(s, ev, b, e));
    else if (!is_tombstone(ev))
        *leat_batch_add(b, ev->table) = *ev;
    if (b->n + b->counts.dead == left) LEAT_COUNT(b, of_topic(b, ev), filtered, 1);
    return LEAT_OK;
}

static bool has_work(const leat_shaper *s, const leat_batch *b)
{
    if (s->transforms) return true;
    for (uint32_t i = 0; i < b->n; i++) {
        const leat_event *ev = &b->ev[i];
        if (is_record_table(ev) || is_tombstone(ev) || is_row(ev)) return true;
    }
    return false;
}

/* Behind these the addresses of schemas stand for others. */
static void tidy(leat_shaper *s)
{
    bool full = leat_transform_run_tidy(s->run);
    full = leat_change_reader_trim(s->reader) || full || s->nschemas > SCHEMAS_MOST;
    if (!full) return;
    leat_transform_run_forget(s->run);
    leat_change_reader_forget(s->reader);
    leat_arena_reset(&s->arena, 0);
    memset(s->schemas, 0, sizeof s->schemas);
    s->nschemas = 0;
}

leat_rc leat_shaper_batch(leat_shaper *s, leat_batch *b, leat_err *e)
{
    if (!has_work(s, b)) return LEAT_OK;
    leat_event *old = b->ev;
    uint32_t n = b->n, nsafe = b->nsafe;
    leat_rc rc = LEAT_OK;
    tidy(s);
    b->ev = NULL;
    b->n = b->cap = b->nsafe = 0;
    for (uint32_t i = 0; i < n && rc == LEAT_OK; i++) {
        if (i == nsafe) b->nsafe = b->n;
        rc = shape_one(s, &old[i], b, e);
    }
    if (nsafe >= n) b->nsafe = b->n;
    leat_free(old);
    return rc;
}
