/* Heartbeats and transaction metadata, as Debezium writes them.
 *
 *   heartbeat    key {serverName}, value {ts_ms}
 *   transaction  key {id}, value {status BEGIN|END, id, event_count, data_collections
 *                [{data_collection, event_count}], ts_ms}
 *
 * Schemas are made once. Events per table are counted in a list that is searched from its last hit:
 * a transaction mostly stays with a few tables. The list is shown in the order of Debezium's, which
 * is that of a java.util.HashMap of the tables' names: by bucket, then by the time of arrival. No
 * I/O; run by the source's thread. */
#include "capture/records.h"

#include <stdlib.h>

#include "base/clock.h"
#include "capture/naming.h"

typedef struct table_count {
    const char *table;
    int64_t n;
    size_t bucket, place; /* in Debezium's map, and in the order of arrival */
} table_count;

struct leat_records {
    leat_arena arena;
    const leat_capture_conf *conf;
    const char *heartbeats, *transactions; /* topics */
    const leat_schema *heartbeat_key, *heartbeat_value, *tx_key, *tx_value;
    int64_t next_us; /* when the next heartbeat is due; 0: not known yet */
    bool open;       /* begin was told */
    int64_t total;
    size_t messages;
    table_count *v; /* heap; n of cap */
    size_t n, cap, last;
    size_t buckets; /* of Debezium's map; it never shrinks */
};

static void make_schemas(leat_records *r)
{
    leat_arena *a = &r->arena;
    const leat_field_spec server = {.name = "serverName", .type = LEAT_T_STRING};
    const leat_field_spec ts = {.name = "ts_ms", .type = LEAT_T_INT64};
    const leat_field_spec id = {.name = "id", .type = LEAT_T_STRING};
    const leat_field_spec count[] = {{.name = "data_collection", .type = LEAT_T_STRING},
                                     {.name = "event_count", .type = LEAT_T_INT64}};
    r->heartbeat_key =
        leat_schema_of(a, "io.debezium.connector.common.ServerNameKey", false, &server, 1);
    r->heartbeat_value = leat_schema_of(a, "io.debezium.connector.common.Heartbeat", false, &ts, 1);
    r->tx_key =
        leat_schema_of(a, "io.debezium.connector.common.TransactionMetadataKey", false, &id, 1);
    const leat_schema *counts =
        leat_schema_array(a, true, leat_schema_of(a, "event.collection", true, count, 2));
    const leat_field_spec value[] = {
        {.name = "status", .type = LEAT_T_STRING},
        id,
        {.name = "event_count", .type = LEAT_T_INT64, .optional = true},
        {.name = "data_collections", .schema = counts},
        ts};
    r->tx_value =
        leat_schema_of(a, "io.debezium.connector.common.TransactionMetadataValue", false, value, 5);
}

leat_records *leat_records_new(const leat_capture_conf *c)
{
    leat_records *r = leat_zalloc(1, sizeof *r);
    leat_arena_init(&r->arena, 0);
    r->conf = c;
    r->heartbeats = leat_naming_heartbeats(c, &r->arena);
    r->transactions = leat_naming_transactions(c, &r->arena);
    make_schemas(r);
    return r;
}

void leat_records_free(leat_records *r)
{
    if (r == NULL) return;
    leat_arena_free(&r->arena);
    leat_free(r->v);
    leat_free(r);
}

static void add(leat_batch *b, const leat_record *record, uint64_t tx, int64_t ts_us)
{
    leat_event *ev = leat_batch_add(b, NULL);
    ev->op = LEAT_OP_RECORD;
    ev->record = leat_arena_dup(&b->arena, record, sizeof *record);
    ev->ts_us = ts_us;
    ev->seen_us = leat_now_us();
    ev->tx = tx;
}

bool leat_records_heartbeat(leat_records *r, leat_batch *b, int64_t now_us)
{
    int64_t every = r->conf->heartbeat_ms * 1000;
    if (every <= 0) return false;
    if (r->next_us == 0) r->next_us = now_us + every;
    if (now_us < r->next_us) return false;
    r->next_us = now_us + every;
    leat_value server = leat_text(leat_str_of(r->conf->prefix)), ts = leat_int(now_us / 1000);
    leat_record record = {.topic = r->heartbeats,
                          .key_schema = r->heartbeat_key,
                          .value_schema = r->heartbeat_value,
                          .key = leat_value_struct(&b->arena, &server, 1),
                          .value = leat_value_struct(&b->arena, &ts, 1)};
    add(b, &record, 0, now_us);
    return true;
}

/* event_count and data_collections: both null at the begin. */
static void add_tx(const leat_records *r, leat_batch *b, const char *status, leat_str id,
                   const leat_value counts[2], uint64_t tx, int64_t ts_us)
{
    leat_value id_value = leat_text(leat_arena_str(&b->arena, id));
    const leat_value cells[] = {leat_text(leat_str_of(status)), id_value, counts[0], counts[1],
                                leat_int(ts_us / 1000)};
    leat_record record = {.topic = r->transactions,
                          .key_schema = r->tx_key,
                          .value_schema = r->tx_value,
                          .key = leat_value_struct(&b->arena, &id_value, 1),
                          .value = leat_value_struct(&b->arena, cells, 5)};
    add(b, &record, tx, ts_us);
}

void leat_records_resume(leat_records *r)
{
    r->total = 0;
    r->messages = 0;
    r->n = r->last = 0;
    r->open = r->conf->transactions;
}

void leat_records_begin(leat_records *r, leat_batch *b, leat_str id, uint64_t tx, int64_t ts_us)
{
    const leat_value none[2] = {leat_null(), leat_null()};
    leat_records_resume(r);
    if (r->open) add_tx(r, b, "BEGIN", id, none, tx, ts_us);
}

void leat_records_count(leat_records *r, const char *table, unsigned n)
{
    if (!r->open) return;
    r->total += n;
    for (size_t i = 0; i < r->n; i++) {
        size_t at = r->last + i < r->n ? r->last + i : r->last + i - r->n;
        if (r->v[at].table != table && strcmp(r->v[at].table, table) != 0) continue;
        r->v[at].n += n;
        r->last = at;
        return;
    }
    if (r->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 16;
        r->v = leat_realloc(r->v, r->cap * sizeof *r->v);
    }
    r->last = r->n;
    r->v[r->n++] = (table_count){.table = table, .n = n};
}

void leat_records_message(leat_records *r)
{
    leat_records_count(r, LEAT_RECORDS_MESSAGES, 1);
    r->messages += r->open;
}

/* String.hashCode(), spread as HashMap does. */
static uint32_t java_hash(const char *z)
{
    uint32_t h = 0, u[2];
    for (size_t at = 0; z[at];) {
        unsigned n = leat_naming_units(z, &at, u);
        for (unsigned i = 0; i < n; i++) h = h * 31 + u[i];
    }
    return h ^ h >> 16;
}

static int by_bucket(const void *x, const void *y)
{
    const table_count *p = x, *q = y;
    if (p->bucket != q->bucket) return p->bucket < q->bucket ? -1 : 1;
    return p->place < q->place ? -1 : 1;
}

/* Debezium's map has an entry for each message. */
static void sort_as_java(leat_records *r)
{
    size_t entries = r->n + r->messages - (r->messages > 0);
    if (r->buckets == 0) r->buckets = 16;
    while (entries * 4 > r->buckets * 3) r->buckets *= 2;
    for (size_t i = 0; i < r->n; i++) {
        r->v[i].bucket = java_hash(r->v[i].table) & (r->buckets - 1);
        r->v[i].place = i;
    }
    if (r->n > 1) qsort(r->v, r->n, sizeof *r->v, by_bucket);
}

void leat_records_end(leat_records *r, leat_batch *b, leat_str id, uint64_t tx, int64_t ts_us)
{
    if (!r->open) return;
    leat_arena *a = &b->arena;
    sort_as_java(r);
    leat_value *list = LEAT_NEW(a, leat_value, r->n);
    for (size_t i = 0; i < r->n; i++) {
        const leat_value cells[] = {leat_text(leat_arena_str(a, leat_str_of(r->v[i].table))),
                                    leat_int(r->v[i].n)};
        list[i] = leat_value_struct(a, cells, 2);
    }
    const leat_value counts[2] = {
        leat_int(r->total),
        {.kind = LEAT_LIST, .len = (uint32_t)r->n, .u.list = list},
    };
    add_tx(r, b, "END", id, counts, tx, ts_us);
    b->ev[b->n - 1].tx_seq = (uint32_t)r->total + 1; /* behind all changes: it is known again */
    r->open = false;
}
