/* Notifications, as Debezium writes them.
 *
 *   key    {id}
 *   value  {id, type, aggregate_type, additional_data: map of texts, timestamp (ms)}
 *
 * The members of additional_data come in the order of Java's HashMap, which is always the same for
 * the same names. No I/O; run by the thread that makes the batch. */
#include "capture/notify.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"

enum { PAIRS = 8 };

struct leat_notify {
    leat_arena arena;
    const char *connector; /* topic.prefix */
    const char *topic;     /* NULL: the channel sink is not enabled */
    bool log;
    const leat_schema *key, *value;
};

static bool has(const leat_opt_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->v[i], name) == 0) return true;
    return false;
}

static void make_schemas(leat_notify *n)
{
    leat_arena *a = &n->arena;
    const leat_schema *text = leat_schema_new(a, LEAT_T_STRING, false);
    leat_schema *map = leat_schema_new(a, LEAT_T_MAP, true);
    map->key = map->elem = text;
    const leat_field fields[] = {{"id", text},
                                 {"type", text},
                                 {"aggregate_type", text},
                                 {"additional_data", map},
                                 {"timestamp", leat_schema_new(a, LEAT_T_INT64, false)}};
    leat_schema *key =
        leat_schema_struct(a, false, "io.debezium.connector.common.NotificationKey", 1, 1);
    leat_schema *value =
        leat_schema_struct(a, false, "io.debezium.connector.common.Notification", 1, 5);
    key->fields = leat_arena_dup(a, fields, sizeof *fields);
    value->fields = leat_arena_dup(a, fields, sizeof fields);
    n->key = key;
    n->value = value;
}

leat_notify *leat_notify_new(const leat_capture_conf *c)
{
    bool sink = has(&c->notify_channels, "sink"), log = has(&c->notify_channels, "log");
    if (!sink && !log) return NULL;
    leat_notify *n = leat_zalloc(1, sizeof *n);
    n->connector = c->prefix;
    n->topic = sink ? c->notify_topic : NULL;
    n->log = log;
    make_schemas(n);
    return n;
}

void leat_notify_free(leat_notify *n)
{
    if (!n) return;
    leat_arena_free(&n->arena);
    leat_free(n);
}

/* ---- additional_data ---- */

static void pair(leat_arena *a, leat_value *pairs, uint32_t *n, const char *key, const char *value)
{
    if (!value) return;
    pairs[2 * *n] = leat_text(leat_str_of(key)); /* a literal */
    pairs[2 * *n + 1] = leat_text(leat_arena_str(a, leat_str_of(value)));
    ++*n;
}

static leat_value additional(const leat_notify *n, leat_arena *a, const leat_notice *t)
{
    leat_value *v = LEAT_NEW(a, leat_value, 2 * PAIRS);
    uint32_t len = 0;
    const char *rows = t->scanned ? leat_arena_printf(a, "%lld", (long long)t->rows) : NULL;
    pair(a, v, &len, "scanned_collection", t->scanned);
    pair(a, v, &len, "current_collection_in_progress", t->current);
    pair(a, v, &len, "connector_name", n->connector);
    pair(a, v, &len, "total_rows_scanned", rows);
    pair(a, v, &len, "maximum_key", t->maximum_key);
    pair(a, v, &len, "last_processed_key", t->last_key);
    pair(a, v, &len, "data_collections", t->tables);
    pair(a, v, &len, "status", t->status);
    return (leat_value){.kind = LEAT_MAP, .len = len, .u.list = v};
}

/* ---- telling ---- */

static void add(const leat_notify *n, leat_batch *b, const leat_notice *t, leat_str id)
{
    leat_arena *a = &b->arena;
    int64_t now = leat_now_us();
    leat_value cells[] = {leat_text(leat_arena_str(a, id)),
                          leat_text(leat_arena_str(a, leat_str_of(t->type))),
                          leat_text(leat_arena_str(a, leat_str_of(t->aggregate))),
                          additional(n, a, t), leat_int(now / 1000)};
    leat_record record = {.topic = n->topic,
                          .key_schema = n->key,
                          .value_schema = n->value,
                          .key = leat_value_struct(a, cells, 1),
                          .value = leat_value_struct(a, cells, 5)};
    leat_event *ev = leat_batch_add(b, NULL);
    ev->op = LEAT_OP_RECORD;
    ev->record = leat_arena_dup(a, &record, sizeof record);
    ev->ts_us = ev->seen_us = now;
}

static void tell(const leat_notice *t, leat_str id)
{
    const char *table = t->scanned ? t->scanned : t->current;
    leat_log(LEAT_INFO, "notification",
             "aggregate=\"%s\" type=%s id=\"" LEAT_STR_FMT "\"%s%s%s%s%s", t->aggregate, t->type,
             LEAT_STR_ARG(id), table ? " table=\"" : "", table ? table : "", table ? "\"" : "",
             t->status ? " status=" : "", t->status ? t->status : "");
}

void leat_notify_put(leat_notify *n, leat_batch *b, const leat_notice *notice)
{
    char made[LEAT_UUID_MAX];
    if (!n) return;
    leat_str id = leat_str_of(notice->id ? notice->id : leat_uuid4(made));
    if (n->topic) add(n, b, notice, id);
    if (n->log) tell(notice, id);
}

/* ---- tables ---- */

/* Where a HashMap of so many buckets has the text. */
static size_t bucket(const char *text, size_t buckets)
{
    uint32_t h = 0;
    for (const char *p = text; *p; p++) h = 31 * h + (unsigned char)*p;
    return (h ^ h >> 16) & (buckets - 1);
}

const char *leat_notify_tables(leat_arena *a, const char *const *names, size_t n, bool hashed)
{
    size_t buckets = 16, steps = 1;
    while (n * 4 > buckets * 3) buckets *= 2;
    if (hashed) steps = buckets;
    leat_buf out = {0};
    size_t put = 0;
    for (size_t at = 0; at < steps && put < LEAT_NOTIFY_TABLES; at++)
        for (size_t i = 0; i < n && put < LEAT_NOTIFY_TABLES; i++) {
            if (hashed && bucket(names[i], buckets) != at) continue;
            put++;
            leat_buf_str_z(&out, out.len ? "," : "");
            leat_buf_str_z(&out, names[i]);
        }
    if (put < n) leat_buf_printf(&out, ",... (%zu more)", n - put);
    leat_str text = leat_arena_str(a, leat_buf_str(&out));
    leat_buf_free(&out);
    return text.s;
}

void leat_notify_news(leat_notify *n, leat_batch *b, leat_snap_news news, const char *table,
                      uint64_t rows, const char *tables, const char *captured)
{
    leat_notice notice = {.aggregate = LEAT_NOTIFY_INITIAL};
    switch (news) {
    case LEAT_SNAP_BEGUN: notice.type = "STARTED"; break;
    case LEAT_SNAP_TABLE:
        notice.type = "IN_PROGRESS";
        notice.current = table;
        notice.tables = tables;
        break;
    case LEAT_SNAP_TABLE_DONE:
        notice.type = "TABLE_SCAN_COMPLETED";
        notice.scanned = table;
        notice.rows = (int64_t)rows;
        notice.tables = captured;
        notice.status = "SUCCEEDED";
        break;
    case LEAT_SNAP_DONE: notice.type = "COMPLETED"; break;
    }
    leat_notify_put(n, b, &notice);
}
