/* The table of topics in Kafka, and one for each topic: virtual tables over a consumer without a
 * group.
 *
 * A scan reads one topic, all partitions side by side, from where conditions on time or offset let
 * it begin up to where each partition ended when the query first looked at the topic: a second scan
 * of the same query ends there too. Keys and values are bytes there; what is JSON is JSON, and what
 * looks like Debezium's envelope has its parts as columns. Brokers are asked for nothing until a
 * statement names a topic of theirs. */
#include "base/clock.h"
#include "base/json.h"
#include "engine/record.h"
#include "sql/select_part.h"
#include "stream/kafka/fetch.h"

enum { WAIT_MS = 100, ANSWER_MS = 10000, KEEP = 1 << 20 };

typedef enum column {
    TOPIC,
    PARTITION,
    OFFSET,
    OP,
    TS,
    TS_MS,
    TS_US,
    KEY,
    BEFORE,
    AFTER,
    VALUE,
    SOURCE,
    HEADERS,
    COLUMNS
} column;

/* The key says which rows of two scans are one: OR may be a scan for each side. */
#define DECLARED                                                                                   \
    "CREATE TABLE x(topic TEXT, partition INTEGER, \"offset\" INTEGER, op TEXT, "                  \
    "ts TEXT COLLATE moment, ts_ms INTEGER, ts_us INTEGER, \"key\" JSON, \"before\" JSON, "        \
    "\"after\" JSON, value JSON, source JSON, headers JSON, "                                      \
    "PRIMARY KEY(topic, partition, \"offset\")) WITHOUT ROWID"

static const leat_select_kind kinds[COLUMNS] = {
    [TOPIC] = LEAT_SELECT_TOPIC,   [OFFSET] = LEAT_SELECT_OFFSET, [TS] = LEAT_SELECT_TEXT_TIME,
    [TS_MS] = LEAT_SELECT_TIME_MS, [TS_US] = LEAT_SELECT_TIME_US,
};

/* Where a topic ended when it was first looked at. */
typedef struct ending {
    const char *topic;
    int64_t *ends; /* by partition */
    size_t n;
    struct ending *link;
} ending;

typedef struct leat_select_cluster {
    leat_kafka_clients clients;
    const char **names; /* of its topics; NULL: not asked for yet */
    size_t n;
    ending *endings;
    leat_kafka_fetch **idle; /* clients that no scan uses: the next one takes one of them */
    size_t nidle;
} cluster;

/* What a module stands for. */
typedef struct records_of {
    leat_select *q;
    const char *topic; /* NULL: the condition says */
} records_of;

typedef struct records_cursor {
    sqlite3_vtab_cursor base;
    leat_select *q;
    leat_select_bounds bounds;
    leat_arena a; /* of the row */
    leat_kafka_fetch *fetch;
    const ending *ending;
    leat_kafka_message m;
    bool ended;
    bool parsed;            /* value is of this row */
    const leat_json *value; /* as it is shown; NULL: it is no JSON */
    leat_buf text;
} records_cursor;

/* ---- the table ---- */

static int connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out,
                   char **err)
{
    (void)db, (void)argc, (void)argv, (void)err;
    const records_of *of = aux;
    return leat_select_table_new(of->q, DECLARED, of, out);
}

static int best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    (void)base;
    return leat_select_plan(info, kinds, COLUMNS);
}

/* ---- scans ---- */

static int open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
    records_cursor *c = leat_zalloc(1, sizeof *c);
    c->q = ((const records_of *)leat_select_of(base))->q;
    *out = &c->base;
    return SQLITE_OK;
}

static leat_rc take_client(cluster *cl, leat_kafka_fetch **out, leat_err *e)
{
    const leat_kafka_fetch_conf conf = {
        .kafka = &cl->clients, .name = "leat-select", .brief = true};
    if (cl->nidle == 0) return leat_kafka_fetch_open(&conf, out, e);
    *out = cl->idle[--cl->nidle];
    return LEAT_OK;
}

/* A join begins a scan for each row of the other side: connections are kept. */
static void give_back(cluster *cl, leat_kafka_fetch *f)
{
    if (!f) return;
    leat_kafka_fetch_leave(f);
    cl->idle = leat_realloc(cl->idle, (cl->nidle + 1) * sizeof(*cl->idle));
    cl->idle[cl->nidle++] = f;
}

static void leave(records_cursor *c)
{
    give_back(c->q->cluster, c->fetch);
    c->fetch = NULL;
    c->ended = true;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    records_cursor *c = (records_cursor *)base;
    leave(c);
    leat_buf_free(&c->text);
    leat_arena_free(&c->a);
    leat_free(c);
    return SQLITE_OK;
}

static const ending *note_end(leat_select *q, const leat_kafka_fetch *f, const char *topic)
{
    ending *one = q->cluster->endings;
    while (one && strcmp(one->topic, topic) != 0) one = one->link;
    if (one) return one;
    one = LEAT_NEW(&q->a, ending, 1);
    *one = (ending){.topic = leat_arena_strdup(&q->a, topic), .link = q->cluster->endings};
    one->ends = leat_kafka_fetch_ends(f, &q->a, &one->n);
    q->cluster->endings = one;
    return one;
}

static int left_ms(const leat_select *q)
{
    int64_t ms = (q->until_us - leat_mono_us()) / 1000;
    return ms < 1 ? 1 : ms < ANSWER_MS ? (int)ms : ANSWER_MS;
}

/* Kafka Connect keeps connectors with their passwords in a topic, and a hub's viewers may ask. */
static leat_rc allow(const leat_select *q, const char *topic, leat_err *e)
{
    const char *configs = leat_props_get(q->conf->kafka, "config.storage.topic");
    bool kept_secret = configs && strcmp(topic, configs) == 0;
    if (!kept_secret && strncmp(topic, "__", 2) != 0) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "select.refused", topic, "%s is refused to queries",
                     kept_secret ? "config.storage.topic of the worker, which has passwords,"
                                 : "a topic of Kafka itself (__...)");
}

static leat_rc open_topic(records_cursor *c, const char *topic, leat_err *e)
{
    bool placed = c->bounds.least > 0, timed = c->bounds.least_us > 0;
    leat_kafka_from from = placed  ? LEAT_KAFKA_HELD
                           : timed ? LEAT_KAFKA_TIME
                                   : LEAT_KAFKA_BEGINNING;
    LEAT_TRY(allow(c->q, topic, e));
    LEAT_TRY(take_client(c->q->cluster, &c->fetch, e));
    LEAT_TRY(leat_kafka_fetch_topic(c->fetch, topic, -1, from,
                                    placed ? c->bounds.least : c->bounds.least_us, left_ms(c->q),
                                    e));
    c->ending = note_end(c->q, c->fetch, topic);
    c->ended = false;
    return LEAT_OK;
}

/* Behind the end, or behind all that is wanted of its partition. */
static bool beyond(const records_cursor *c, const leat_kafka_message *m)
{
    size_t number = (size_t)m->partition;
    return number >= c->ending->n || m->offset >= c->ending->ends[number] ||
           m->offset > c->bounds.most;
}

static leat_rc late(records_cursor *c, leat_err *e)
{
    const char *trouble = leat_kafka_fetch_trouble(c->fetch);
    leat_rc rc = leat_select_late(c->q, e);
    if (rc == LEAT_OK || !trouble) return rc;
    return leat_fail(e, LEAT_RETRY, "select.time", c->ending->topic,
                     "the query waited in vain for Kafka: %s", trouble);
}

/* The next record; or none: at the end. */
static leat_rc fill(records_cursor *c, leat_err *e)
{
    c->parsed = false;
    leat_arena_reset(&c->a, KEEP);
    while (!leat_kafka_fetch_at_end(c->fetch)) {
        leat_rc rc = leat_kafka_fetch_next(c->fetch, &c->m, WAIT_MS, e);
        if (leat_rc_failed(rc)) return rc;
        LEAT_TRY(late(c, e));
        if (rc == LEAT_AGAIN) continue;
        c->q->events++;
        if (!beyond(c, &c->m)) return LEAT_OK;
        leat_kafka_fetch_skip(c->fetch);
    }
    leave(c);
    return LEAT_OK;
}

static int told(records_cursor *c, leat_rc rc, const leat_err *err)
{
    return leat_select_told(c->q, c->base.pVtab, rc, err);
}

static int filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int argc,
                  sqlite3_value **argv)
{
    records_cursor *c = (records_cursor *)base;
    const char *topic = ((const records_of *)leat_select_of(base->pVtab))->topic;
    leat_err err = {0};
    (void)plan;
    leave(c);
    leat_rc rc = leat_select_bound(plan_text, argc, argv, &c->bounds, &err);
    if (rc != LEAT_OK || c->bounds.nothing) return told(c, rc, &err);
    if (topic && c->bounds.topic.s && !leat_str_is(c->bounds.topic, topic)) return SQLITE_OK;
    if (!topic && c->bounds.topic.s) topic = leat_arena_str(&c->a, c->bounds.topic).s;
    rc = topic ? open_topic(c, topic, &err)
               : leat_fail(&err, LEAT_CONF, "select.topic", "kafka",
                           "the table kafka is read by topic: WHERE topic = '...'");
    if (rc == LEAT_OK) rc = fill(c, &err);
    return told(c, rc, &err);
}

static int next(sqlite3_vtab_cursor *base)
{
    records_cursor *c = (records_cursor *)base;
    leat_err err = {0};
    return told(c, fill(c, &err), &err);
}

static int at_end(sqlite3_vtab_cursor *base)
{
    return ((const records_cursor *)base)->ended;
}

/* ---- columns ---- */

static void put_text(records_cursor *c, sqlite3_context *x)
{
    sqlite3_result_text64(x, c->text.p, c->text.len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

/* NULL: it is no JSON. */
static const leat_json *read_json(records_cursor *c, leat_str bytes)
{
    const leat_json *j = NULL;
    bool is_json = bytes.len && leat_json_parse(&c->a, bytes, &j, NULL) == LEAT_OK;
    return is_json ? leat_record_payload(j) : NULL;
}

static const leat_json *value(records_cursor *c)
{
    if (!c->parsed) c->value = read_json(c, c->m.value);
    c->parsed = true;
    return c->value;
}

/* Text that is no JSON is itself, so that it compares as it is written. */
static void put_bytes(records_cursor *c, sqlite3_context *x, leat_str bytes, const leat_json *j)
{
    leat_jw w = {.out = &c->text};
    if (!bytes.s) return;
    if (!j && leat_str_utf8(bytes)) {
        sqlite3_result_text64(x, bytes.s, bytes.len, SQLITE_TRANSIENT, SQLITE_UTF8);
        return;
    }
    leat_buf_clear(&c->text);
    if (j)
        leat_json_write(j, &c->text);
    else
        leat_record_bytes(&w, &c->a, NULL, bytes, false);
    put_text(c, x);
}

/* A member of what looks like Debezium's envelope; NULL: it does not, or has none. */
static const leat_json *member(records_cursor *c, const char *name)
{
    const leat_json *all = value(c);
    bool envelope = leat_json_get_str(all, "op").s && leat_json_get(all, "source");
    const leat_json *found = envelope ? leat_json_get(all, name) : NULL;
    return found && found->type != LEAT_JSON_NULL ? found : NULL;
}

static void put_member(records_cursor *c, sqlite3_context *x, const char *name)
{
    const leat_json *j = member(c, name);
    if (!j) return;
    leat_buf_clear(&c->text);
    leat_json_write(j, &c->text);
    put_text(c, x);
}

static void put_op(records_cursor *c, sqlite3_context *x)
{
    const leat_json *j = member(c, "op");
    if (j) sqlite3_result_text64(x, j->text.s, j->text.len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static void put_headers(records_cursor *c, sqlite3_context *x)
{
    leat_jw w = {.out = &c->text};
    leat_buf_clear(&c->text);
    leat_record_headers(&w, &c->a, NULL, &c->m);
    put_text(c, x);
}

static void put_time(const records_cursor *c, sqlite3_context *x, column i)
{
    char iso[LEAT_ISO_MAX];
    int64_t ms = c->m.timestamp_ms, us;
    if (ms < 0 || __builtin_mul_overflow(ms, (int64_t)1000, &us)) return; /* it has none */
    if (i == TS)
        sqlite3_result_text(x, leat_iso_us(us, 6, iso), -1, SQLITE_TRANSIENT);
    else
        sqlite3_result_int64(x, i == TS_MS ? ms : us);
}

static int get_column(sqlite3_vtab_cursor *base, sqlite3_context *x, int i)
{
    records_cursor *c = (records_cursor *)base;
    switch ((column)i) {
    case TOPIC: sqlite3_result_text(x, c->ending->topic, -1, SQLITE_STATIC); break;
    case PARTITION: sqlite3_result_int(x, c->m.partition); break;
    case OFFSET: sqlite3_result_int64(x, c->m.offset); break;
    case OP: put_op(c, x); break;
    case TS:
    case TS_MS:
    case TS_US: put_time(c, x, (column)i); break;
    case KEY: put_bytes(c, x, c->m.key, read_json(c, c->m.key)); break;
    case BEFORE: put_member(c, x, "before"); break;
    case AFTER: put_member(c, x, "after"); break;
    case VALUE: put_bytes(c, x, c->m.value, value(c)); break;
    case SOURCE: put_member(c, x, "source"); break;
    case HEADERS: put_headers(c, x); break;
    case COLUMNS: break;
    }
    return SQLITE_OK;
}

static const sqlite3_module module = {
    .iVersion = 1,
    .xConnect = connect,
    .xBestIndex = best_index,
    .xDisconnect = leat_select_table_free,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = at_end,
    .xColumn = get_column,
};

/* ---- which there are ---- */

static int make(leat_select *q, const char *name, const char *topic)
{
    records_of *of = LEAT_NEW(&q->a, records_of, 1);
    *of = (records_of){q, topic};
    return sqlite3_create_module(q->db, name, &module, of);
}

int leat_select_kafka(leat_select *q)
{
    leat_report r;
    if (!q->conf->kafka) return SQLITE_OK;
    leat_report_init(&r, &q->a);
    cluster *c = LEAT_NEW(&q->a, cluster, 1);
    if (!leat_kafka_options_read(q->conf->kafka, NULL, false, &q->a, &c->clients, &r)) {
        leat_report_err(&r, "kafka", &q->no_kafka);
        return SQLITE_OK;
    }
    q->cluster = c;
    return make(q, "kafka", NULL);
}

void leat_select_kafka_end(leat_select *q)
{
    cluster *cl = q->cluster;
    for (size_t i = 0; cl && i < cl->nidle; i++) leat_kafka_fetch_close(cl->idle[i]);
    if (cl) leat_free(cl->idle);
}

static leat_rc look_up(leat_select *q, leat_err *e)
{
    leat_kafka_fetch *f = NULL;
    if (q->cluster->names) return LEAT_OK;
    LEAT_TRY(take_client(q->cluster, &f, e));
    leat_rc rc =
        leat_kafka_fetch_names(f, &q->a, &q->cluster->names, &q->cluster->n, left_ms(q), e);
    give_back(q->cluster, f);
    return rc;
}

leat_rc leat_select_kafka_topic(leat_select *q, const char *name, bool *made, leat_err *e)
{
    const char *topic = NULL;
    LEAT_TRY(look_up(q, e));
    for (size_t i = 0; i < q->cluster->n; i++) {
        if (!leat_str_ieq(leat_str_of(q->cluster->names[i]), leat_str_of(name))) continue;
        if (topic)
            return leat_fail(e, LEAT_CONF, "select.syntax", "",
                             "there are topics that differ from \"%s\" in case only: SELECT ... "
                             "FROM kafka WHERE topic = '%s'",
                             name, name);
        topic = q->cluster->names[i];
    }
    *made = topic != NULL;
    if (!topic || make(q, name, topic) == SQLITE_OK) return LEAT_OK;
    return leat_fail(e, LEAT_FATAL, "select.syntax", name, "%s", sqlite3_errmsg(q->db));
}
