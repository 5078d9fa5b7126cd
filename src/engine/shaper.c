/* Transforms of sinks over embedded streams; see the header.
 *
 * Schemas that transforms make are known to the reader of changes by their addresses, so both
 * forget together. Letters hold the record as text, as those of Kafka that cannot be read: a change
 * that is tried again later would come behind newer ones of its row. */
#include "engine/shaper.h"

#include "base/json.h"
#include "convert/change.h"
#include "engine/record.h"

enum { SCHEMAS_MOST = 1024 };

/* A schema of records that have their own, which do not live longer than their batch. */
typedef struct kept {
    const leat_schema *schema;
    struct kept *next;
} kept;

struct leat_shaper {
    leat_transform_run *run;
    leat_change_reader *reader; /* of what was touched */
    leat_arena arena;
    kept *schemas; /* in the arena; the one used last first */
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

/* The schema that stands for all that are equal to it. */
static const leat_schema *keep(leat_shaper *s, const leat_schema *schema)
{
    for (kept **at = &s->schemas; *at; at = &(*at)->next) {
        kept *found = *at;
        if (!leat_schema_eq(found->schema, schema)) continue;
        *at = found->next;
        found->next = s->schemas;
        return (s->schemas = found)->schema;
    }
    kept *k = LEAT_NEW(&s->arena, kept, 1);
    *k = (kept){leat_schema_copy(&s->arena, schema), s->schemas};
    s->schemas = k;
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

/* DATA: none of its records is in b. */
static leat_rc take(leat_shaper *s, const leat_event *ev, const leat_record *records, unsigned n,
                    leat_batch *b, leat_err *e)
{
    uint32_t before = b->n;
    for (unsigned i = 0; i < n; i++) {
        leat_rc rc = leat_change_take(s->reader, &records[i], b, e);
        if (leat_rc_failed(rc)) b->n = before;
        LEAT_TRY(rc);
        if (rc == LEAT_AGAIN) continue;
        place(ev, i, &b->ev[b->n - 1]);
        if (repeats(b->ev, before, b->n)) b->n--;
    }
    if (b->n == before) LEAT_COUNT(b, of_topic(b, ev), filtered, 1);
    return LEAT_OK;
}

static leat_rc shape_row(leat_shaper *s, const leat_event *ev, leat_batch *b, leat_err *e)
{
    leat_record is = *ev->record;
    if (is.key_schema) is.key_schema = keep(s, is.key_schema);
    is.value_schema = keep(s, is.value_schema);
    LEAT_TRY(leat_transform_one(s->run, &is, &b->arena, e));
    return take(s, ev, &is, 1, b, e);
}

static leat_rc shape_one(leat_shaper *s, const leat_event *ev, leat_batch *b, leat_err *e)
{
    leat_record was[LEAT_RECORDS_MAX], is[LEAT_RECORDS_MAX];
    bool other = is_record_table(ev);
    if (is_tombstone(ev)) {
        LEAT_COUNT(b, of_topic(b, ev), filtered, 1);
        return LEAT_OK;
    }
    if (is_row(ev)) return shape_row(s, ev, b, e);
    if (ev->op != LEAT_OP_RECORD && (s->transforms || other)) {
        unsigned n = leat_envelope_records(ev, &b->arena, was);
        memcpy(is, was, sizeof is);
        LEAT_TRY(leat_transform_records(s->run, ev, is, n, &b->arena, e));
        for (unsigned i = 0; i < n; i++) other = other || touched(&was[i], &is[i]);
        if (other) return take(s, ev, is, n, b, e);
    }
    *leat_batch_add(b, ev->table) = *ev;
    return LEAT_OK;
}

static void bury(const leat_event *ev, const leat_err *why, leat_batch *b)
{
    leat_buf position = {0}, text = {0};
    leat_jw w = {.out = &position};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "topic", leat_event_topic(ev));
    leat_jw_i64(&w, "offset", ev->offset);
    leat_jw_end(&w);
    leat_record_text(ev, &b->arena, &text);
    leat_dead letter = {.why = *why,
                        .bytes = leat_buf_str(&text),
                        .position = leat_buf_str(&position),
                        .topic = leat_event_topic(ev),
                        .ts_us = ev->ts_us};
    leat_batch_dead(b, of_topic(b, ev), &letter);
    leat_buf_free(&position);
    leat_buf_free(&text);
}

static leat_rc stop(const leat_event *ev, const leat_err *why, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, why->code, leat_event_topic(ev),
                     "%s at offset %lld: %.420s. The sink stops here (errors.tolerance=none); with "
                     "errors.tolerance=all such changes go to the dead letters",
                     leat_event_topic(ev), (long long)ev->offset, why->msg);
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
    s->schemas = NULL;
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
        leat_err why;
        if (i == nsafe) b->nsafe = b->n;
        rc = shape_one(s, &old[i], b, &why);
        if (rc == LEAT_DATA && s->tolerate) {
            bury(&old[i], &why, b);
            rc = LEAT_OK;
        } else if (rc != LEAT_OK) {
            rc = stop(&old[i], &why, e);
        }
    }
    if (nsafe >= n) b->nsafe = b->n;
    leat_free(old);
    return rc;
}
