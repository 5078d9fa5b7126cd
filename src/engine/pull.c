/* Taking and reading records; see the header. */
#include "engine/pull.h"

enum {
    KEPT = 1 << 20,         /* of records, without their bytes */
    BATCHES_KEPT = 4 << 20, /* of events */
    BATCH_EVENTS = 8192,
    BATCH_BYTES = 4 << 20,
};

static void let_go(leat_pull *u)
{
    for (uint32_t i = 0; i < u->n; i++)
        for (leat_pulled *r = u->parts[i]->first; r; r = r->next) leat_kafka_member_let_go(r->kept);
    u->n = 0;
}

void leat_pull_free(leat_pull *u)
{
    let_go(u);
    for (uint32_t i = 0; i < u->cap; i++) {
        leat_batch_free(&u->parts[i]->batch);
        leat_free(u->parts[i]);
    }
    leat_free(u->parts);
    leat_arena_free(&u->arena);
    *u = (leat_pull){0};
}

void leat_pull_clear(leat_pull *u)
{
    size_t held = 0;
    for (uint32_t i = 0; i < u->cap; i++) {
        leat_batch *b = &u->parts[i]->batch;
        if (i < u->n) leat_batch_reset(b);
        held += leat_batch_held(b);
        if (held <= BATCHES_KEPT) continue;
        held -= leat_batch_held(b);
        leat_batch_free(b);
        leat_batch_init(b, BATCH_EVENTS, BATCH_BYTES);
    }
    let_go(u);
    leat_arena_reset(&u->arena, KEPT);
    u->bytes = 0;
    u->full = false;
}

/* ---- taking ---- */

leat_pull_part *leat_pull_part_new(leat_pull *u, void *lane, const char *topic, int32_t partition)
{
    if (u->n == u->cap) {
        u->parts = leat_realloc(u->parts, (u->cap + 1) * sizeof *u->parts);
        leat_pull_part *more = u->parts[u->cap++] = leat_zalloc(1, sizeof *more);
        leat_batch_init(&more->batch, BATCH_EVENTS, BATCH_BYTES);
    }
    leat_pull_part *part = u->parts[u->n++];
    part->lane = lane;
    part->topic = leat_arena_strdup(&u->arena, topic);
    part->partition = (uint32_t)partition;
    part->first = part->last = part->stop = NULL;
    part->tail = &part->first;
    return part;
}

void leat_pull_add(leat_pull *u, leat_pull_part *part, leat_kafka_member *member,
                   const leat_kafka_message *m)
{
    leat_pulled *r = LEAT_NEW(&u->arena, leat_pulled, 1);
    r->m = *m;
    r->m.topic = part->topic;
    r->m.headers = leat_arena_dup(&u->arena, m->headers, m->nheaders * sizeof *m->headers);
    r->kept = leat_kafka_member_keep(member);
    *part->tail = r;
    part->tail = &r->next;
    u->bytes += m->key.len + m->value.len;
    for (size_t i = 0; i < m->nheaders; i++)
        u->bytes += strlen(m->headers[i].name) + m->headers[i].value.len;
}

/* ---- reading ---- */

int64_t leat_pulled_us(const leat_kafka_message *m)
{
    int64_t us;
    return __builtin_mul_overflow(m->timestamp_ms, (int64_t)1000, &us) ? 0 : us;
}

/* Of headers the names alone: no transform looks at what they hold. */
static leat_rc through(void *arg, leat_record *record, leat_arena *a, leat_err *e)
{
    const leat_pull_reader *r = arg;
    leat_header *headers = LEAT_NEW(a, leat_header, r->now->nheaders);
    for (size_t i = 0; i < r->now->nheaders; i++) headers[i].name = r->now->headers[i].name;
    record->headers = headers;
    record->nheaders = (uint32_t)r->now->nheaders;
    return leat_transform_one(r->transforms, record, a, e);
}

void leat_pull_through(leat_pull_reader *r)
{
    leat_change_reader_through(r->changes, through, r);
}

static void take_fault(leat_pull_reader *r, leat_pull *u, leat_pulled *record, const leat_err *why)
{
    bool shaping = strcmp(why->code, "transform.failed") == 0;
    leat_pulled_fault *fault = LEAT_NEW(&u->arena, leat_pulled_fault, 1);
    *fault = (leat_pulled_fault){
        .code = leat_arena_strdup(&u->arena, why->code),
        .where = leat_arena_strdup(&u->arena, why->where),
        .msg = leat_arena_strdup(&u->arena, why->msg),
        .transform = shaping ? leat_transform_failed(r->transforms) : NULL,
    };
    record->why = fault;
}

/* False: it cannot be read. */
static bool read_one(leat_pull_reader *r, leat_pull *u, leat_pull_part *part, leat_pulled *record)
{
    leat_batch *b = &part->batch;
    const leat_kafka_message *m = r->now = &record->m;
    leat_err why = {0};
    leat_rc rc = leat_change_read(r->changes, part->topic, m->key, m->value, b, &why);
    if (rc == LEAT_OK) {
        leat_event *ev = &b->ev[b->n - 1];
        ev->partition = part->partition;
        ev->offset = m->offset;
        if (ev->ts_us == 0) ev->ts_us = leat_pulled_us(m);
    } else if (rc == LEAT_AGAIN) {
        LEAT_COUNT(b, leat_tallies_get(&b->tables, leat_str_of(part->topic), NULL), filtered, 1);
    } else {
        take_fault(r, u, record, &why);
        return false;
    }
    return true;
}

static void read_part(leat_pull_reader *r, leat_pull *u, leat_pull_part *part)
{
    for (leat_pulled *record = part->first; record; record = record->next) {
        if (!read_one(r, u, part, record) && !r->tolerate) {
            part->stop = record;
            return;
        }
        part->last = record;
    }
}

void leat_pull_read(leat_pull_reader *r, leat_pull *u)
{
    if (leat_change_reader_trim(r->changes)) leat_transform_run_forget(r->transforms);
    for (uint32_t i = 0; i < u->n; i++) read_part(r, u, u->parts[i]);
}
