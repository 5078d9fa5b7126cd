/* The table of events, and one for each topic: virtual tables over the embedded streams.
 *
 * A scan reads the streams of the connectors that are asked for, one after the other, each up to
 * where it stood when the query began. Frames that hold no event of the topic and time are passed
 * over unread; what an event holds becomes JSON only where a column is asked for. The rows of one
 * topic come in the order of their offsets. */
#include "base/clock.h"
#include "base/json.h"
#include "engine/record.h"
#include "sql/select_part.h"
#include "stream/reader.h"

enum { BATCH_EVENTS = 8192, BATCH_BYTES = 4 << 20, KEEP_TEXT = 1 << 20 };

typedef enum column {
    TOPIC,
    CONNECTOR,
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
    SNAPSHOT,
    TX,
    TX_SEQ,
    COLUMNS
} column;

/* The key says which rows of two scans are one: OR may be a scan for each side. */
#define DECLARED                                                                                   \
    "CREATE TABLE x(topic TEXT, connector TEXT, \"offset\" INTEGER, op TEXT, "                     \
    "ts TEXT COLLATE moment, ts_ms INTEGER, ts_us INTEGER, \"key\" JSON, \"before\" JSON, "        \
    "\"after\" JSON, value JSON, source JSON, snapshot TEXT, tx INTEGER, tx_seq INTEGER, "         \
    "PRIMARY KEY(topic, connector, \"offset\")) WITHOUT ROWID"

static const leat_select_kind kinds[COLUMNS] = {
    [TOPIC] = LEAT_SELECT_TOPIC,   [CONNECTOR] = LEAT_SELECT_CONNECTOR,
    [OFFSET] = LEAT_SELECT_OFFSET, [TS] = LEAT_SELECT_TEXT_TIME,
    [TS_MS] = LEAT_SELECT_TIME_MS, [TS_US] = LEAT_SELECT_TIME_US,
};

/* What a module stands for. */
typedef struct events_of {
    leat_select *q;
    const char *topic; /* NULL: all */
} events_of;

/* JSON of a column of the row `row`, however often the statement refers to it; row -1: of none. */
typedef struct json_text {
    leat_buf text;
    sqlite3_int64 row;
    bool is_null;
} json_text;

enum { TEXTS = SOURCE - KEY + 1 };

typedef struct events_cursor {
    sqlite3_vtab_cursor base;
    leat_select *q;
    leat_select_bounds bounds;
    leat_arena a;           /* of the scan */
    const leat_topic *next; /* whose connector is to be read next; NULL: none */
    const char *connector;  /* that is read */
    const char *only[2];    /* the topic, if it is one */
    leat_reader *reader;    /* NULL: none is open */
    leat_record_form form;
    bool formed; /* form is of `connector` */
    leat_batch b;
    uint32_t at;
    bool last; /* behind the batch nothing is wanted of the connector */
    sqlite3_int64 row;
    json_text texts[TEXTS]; /* from KEY on */
    const char *seen_topic; /* for which seen_end holds */
    int64_t seen_end;
} events_cursor;

/* ---- the table ---- */

static int connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out,
                   char **err)
{
    (void)db, (void)argc, (void)argv;
    const events_of *of = aux;
    if (!of->q) { /* two topics whose names differ in case only */
        *err = sqlite3_mprintf("there are topics that differ from \"%s\" in case only: SELECT ... "
                               "FROM events WHERE topic = '%s'",
                               of->topic, of->topic);
        return SQLITE_ERROR;
    }
    int rc = leat_select_connect(of->q, of->topic, err);
    return rc == SQLITE_OK ? leat_select_table_new(of->q, DECLARED, of, out) : rc;
}

/* One topic's rows come by offset: nothing is to be sorted then. */
static bool by_offset(const sqlite3_index_info *info, bool one)
{
    for (int i = 0; i < info->nConstraint && !one; i++)
        one = info->aConstraintUsage[i].argvIndex > 0 && info->aConstraint[i].iColumn == TOPIC;
    return one && info->nOrderBy == 1 && info->aOrderBy[0].iColumn == OFFSET &&
           !info->aOrderBy[0].desc;
}

static int best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    bool one = ((const events_of *)leat_select_of(base))->topic;
    int rc = leat_select_plan(info, kinds, COLUMNS);
    info->orderByConsumed = by_offset(info, one);
    if (one) info->estimatedCost /= 10;
    return rc;
}

/* ---- scans ---- */

static int open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
    events_cursor *c = leat_zalloc(1, sizeof *c);
    c->q = ((const events_of *)leat_select_of(base))->q;
    leat_batch_init(&c->b, BATCH_EVENTS, BATCH_BYTES);
    *out = &c->base;
    return SQLITE_OK;
}

static void leave_stream(events_cursor *c)
{
    leat_reader_close(c->reader);
    c->reader = NULL;
    if (c->formed) leat_record_form_fini(&c->form);
    c->formed = false;
    c->seen_topic = NULL;
    c->last = false;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    events_cursor *c = (events_cursor *)base;
    leave_stream(c);
    leat_batch_free(&c->b);
    for (int i = 0; i < TEXTS; i++) leat_buf_free(&c->texts[i].text);
    leat_arena_free(&c->a);
    leat_free(c);
    return SQLITE_OK;
}

/* Where its topic stood when the query began. */
static int64_t end_of(events_cursor *c, const char *topic)
{
    if (c->seen_topic == topic) return c->seen_end;
    const leat_topic *t = c->q->topics;
    while (t && strcmp(t->name, topic) != 0) t = t->link;
    c->seen_topic = topic;
    c->seen_end = t ? t->next : 0;
    return c->seen_end;
}

static bool beyond(events_cursor *c, const leat_event *ev)
{
    int64_t end = end_of(c, leat_event_topic(ev));
    return ev->offset >= end || (c->only[0] && ev->offset > c->bounds.most);
}

static leat_rc open_stream(events_cursor *c, const leat_topic *t, leat_err *e)
{
    bool timed = c->bounds.least_us != INT64_MIN;
    bool placed = c->only[0] && c->bounds.least > t->first;
    leat_reader_conf conf = {
        .data = c->q->conf->data,
        .connector = t->connector,
        .topics = c->only[0] ? c->only : NULL,
        .from = placed  ? LEAT_FROM_OFFSET
                : timed ? LEAT_FROM_TIME
                        : LEAT_FROM_BEGINNING,
        .offset = placed ? c->bounds.least : 0,
        .time_us = c->bounds.least_us,
        .within = leat_select_timed(&c->bounds),
        .least_us = c->bounds.least_us,
        .most_us = c->bounds.most_us,
    };
    c->connector = t->connector;
    leat_rc rc = leat_reader_open(&conf, &c->reader, e);
    bool gone = rc == LEAT_CONF && strcmp(e->code, "stream.gap") == 0;
    if (gone && placed) { /* retention was quicker: from what is held now */
        conf.from = LEAT_FROM_BEGINNING;
        rc = leat_reader_open(&conf, &c->reader, e);
    }
    return rc;
}

/* The next connector that has what is wanted; reader NULL: there is none. */
static leat_rc next_stream(events_cursor *c, leat_err *e)
{
    leave_stream(c);
    while (c->next && !c->reader) {
        const leat_topic *t = c->next, *before = c->q->topics;
        c->next = c->only[0] ? NULL : t->link;
        while (strcmp(before->connector, t->connector) != 0) before = before->link;
        bool again = before != t && !c->only[0]; /* its stream was read for another topic */
        bool other = c->bounds.connector.s && !leat_str_is(c->bounds.connector, t->connector);
        if (again || other) continue;
        leat_rc rc = open_stream(c, t, e);
        bool none = rc == LEAT_RETRY && strcmp(e->code, "stream.missing") == 0;
        if (leat_rc_failed(rc) && !none) return rc;
    }
    return LEAT_OK;
}

/* Cuts off the batch what came after the query began. */
static void cut(events_cursor *c)
{
    if (c->b.n == 0 || !beyond(c, &c->b.ev[c->b.n - 1])) return;
    uint32_t n = 0;
    while (!beyond(c, &c->b.ev[n])) n++;
    c->b.n = n;
    c->last = true;
}

/* Events, or none: at the end. */
static leat_rc fill(events_cursor *c, leat_err *e)
{
    c->at = 0;
    c->b.n = 0;
    while (c->reader && c->b.n == 0) {
        if (c->formed) leat_record_form_forget(&c->form);
        c->seen_topic = NULL;
        leat_rc rc = c->last ? LEAT_AGAIN : leat_reader_next(c->reader, &c->b, 0, e);
        if (leat_rc_failed(rc)) return rc;
        if (rc == LEAT_OK) cut(c);
        c->q->events += c->b.n;
        LEAT_TRY(leat_select_late(c->q, e));
        if (rc == LEAT_AGAIN || (c->last && c->b.n == 0)) {
            c->b.n = 0;
            LEAT_TRY(next_stream(c, e));
        }
    }
    return LEAT_OK;
}

static int told(events_cursor *c, leat_rc rc, const leat_err *err)
{
    return leat_select_told(c->q, c->base.pVtab, rc, err);
}

static int filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int argc,
                  sqlite3_value **argv)
{
    events_cursor *c = (events_cursor *)base;
    const char *topic = ((const events_of *)leat_select_of(base->pVtab))->topic;
    leat_err err = {0};
    (void)plan;
    leave_stream(c);
    leat_arena_reset(&c->a, 0);
    c->b.n = c->at = 0;
    c->row = 0;
    for (int i = 0; i < TEXTS; i++) c->texts[i].row = -1;
    c->only[0] = NULL;
    c->next = NULL;
    leat_rc rc = leat_select_bound(plan_text, argc, argv, &c->bounds, &err);
    if (rc != LEAT_OK) return told(c, rc, &err);
    if (c->bounds.topic.s) {
        if (topic && !leat_str_is(c->bounds.topic, topic)) c->bounds.nothing = true;
        topic = leat_arena_str(&c->a, c->bounds.topic).s;
    }
    if (c->bounds.connector.s) c->bounds.connector = leat_arena_str(&c->a, c->bounds.connector);
    if (c->bounds.nothing) return SQLITE_OK;
    c->next = c->q->topics;
    while (topic && c->next && strcmp(c->next->name, topic) != 0) c->next = c->next->link;
    c->only[0] = topic;
    rc = next_stream(c, &err);
    if (rc == LEAT_OK) rc = fill(c, &err);
    return told(c, rc, &err);
}

static int next(sqlite3_vtab_cursor *base)
{
    events_cursor *c = (events_cursor *)base;
    leat_err err = {0};
    c->row++;
    if (++c->at < c->b.n) return SQLITE_OK;
    return told(c, fill(c, &err), &err);
}

static int at_end(sqlite3_vtab_cursor *base)
{
    const events_cursor *c = (events_cursor *)base;
    return c->at >= c->b.n;
}

/* ---- columns ---- */

static leat_json_converter *converter(events_cursor *c, bool key)
{
    if (!c->formed) leat_record_form_init(&c->form, c->q->conf->data, c->connector, false);
    c->formed = true;
    return key ? c->form.keys : c->form.values;
}

/* A part of the event's records as JSON; SOURCE is a field of the value. */
static leat_rc record_part(events_cursor *c, const leat_event *ev, column part, json_text *out,
                           leat_err *e)
{
    leat_record records[LEAT_RECORDS_MAX];
    bool key = part == KEY;
    leat_envelope_records(ev, &c->b.arena, records);
    const leat_schema *schema = key ? records[0].key_schema : records[0].value_schema;
    const leat_value *value = key ? &records[0].key : &records[0].value;
    if (part == SOURCE) {
        int field = schema && value->kind == LEAT_STRUCT
                        ? leat_schema_field(schema, LEAT_STR("source"))
                        : -1;
        out->is_null = field < 0;
        if (out->is_null) return LEAT_OK;
        value = &value->u.list[field];
        schema = schema->fields[field].schema;
    }
    leat_str placeholder = ev->op ? ev->table->origin->placeholder : (leat_str){0};
    return leat_json_convert(converter(c, key), schema, value, placeholder, &out->text,
                             &out->is_null, e);
}

static leat_rc row_part(events_cursor *c, const leat_event *ev, column part, json_text *out,
                        leat_err *e)
{
    const leat_value *cells = NULL;
    leat_jw w = {.out = &out->text};
    if (ev->op != LEAT_OP_RECORD) cells = part == BEFORE ? ev->before : ev->after;
    out->is_null = !cells;
    if (!cells) return LEAT_OK;
    if (ev->table->flags & LEAT_TABLE_RECORD) return record_part(c, ev, VALUE, out, e);
    return leat_record_row(converter(c, false), &w, NULL, ev->table->row, cells, e);
}

static leat_rc make_text(events_cursor *c, const leat_event *ev, column part, json_text *out,
                         leat_err *e)
{
    bool row = part == BEFORE || part == AFTER;
    if (out->row == c->row) return LEAT_OK;
    if (out->text.cap > KEEP_TEXT) leat_buf_free(&out->text);
    leat_buf_clear(&out->text);
    out->row = -1;
    out->is_null = false;
    LEAT_TRY(row ? row_part(c, ev, part, out, e) : record_part(c, ev, part, out, e));
    out->row = c->row;
    return LEAT_OK;
}

static int put_json(events_cursor *c, sqlite3_context *x, const leat_event *ev, column part)
{
    leat_err err = {0};
    json_text *text = &c->texts[part - KEY];
    leat_rc rc = make_text(c, ev, part, text, &err);
    if (rc != LEAT_OK) {
        leat_fail(&err, rc, err.code, leat_event_topic(ev), "offset %lld: %s: %s",
                  (long long)ev->offset, err.where, err.msg);
        c->q->err = err;
        sqlite3_result_error(x, err.msg, -1);
        return SQLITE_ERROR;
    }
    if (text->is_null)
        sqlite3_result_null(x);
    else
        sqlite3_result_text64(x, text->text.p, text->text.len, SQLITE_TRANSIENT, SQLITE_UTF8);
    return SQLITE_OK;
}

static int64_t floor_ms(int64_t us)
{
    return us / 1000 - (us % 1000 < 0);
}

static int get_column(sqlite3_vtab_cursor *base, sqlite3_context *x, int i)
{
    events_cursor *c = (events_cursor *)base;
    const leat_event *ev = &c->b.ev[c->at];
    char op[2] = {(char)ev->op, 0}, iso[LEAT_ISO_MAX];
    switch ((column)i) {
    case TOPIC: sqlite3_result_text(x, leat_event_topic(ev), -1, SQLITE_TRANSIENT); break;
    case CONNECTOR: sqlite3_result_text(x, c->connector, -1, SQLITE_STATIC); break;
    case OFFSET: sqlite3_result_int64(x, ev->offset); break;
    case OP:
        if (ev->op) sqlite3_result_text(x, op, 1, SQLITE_TRANSIENT);
        break;
    case TS: sqlite3_result_text(x, leat_iso_us(ev->ts_us, 6, iso), -1, SQLITE_TRANSIENT); break;
    case TS_MS: sqlite3_result_int64(x, floor_ms(ev->ts_us)); break;
    case TS_US: sqlite3_result_int64(x, ev->ts_us); break;
    case KEY:
    case BEFORE:
    case AFTER:
    case VALUE:
    case SOURCE: return put_json(c, x, ev, (column)i);
    case SNAPSHOT:
        sqlite3_result_text(x, leat_snapshot_name((leat_snapshot)ev->snapshot), -1, SQLITE_STATIC);
        break;
    case TX:
        if (ev->tx) sqlite3_result_int64(x, (sqlite3_int64)ev->tx);
        break;
    case TX_SEQ:
        if (ev->tx_seq) sqlite3_result_int64(x, ev->tx_seq);
        break;
    case COLUMNS: break;
    }
    return SQLITE_OK;
}

/* Of itself: no CREATE VIRTUAL TABLE makes or needs it. */
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

/* Another topic has this name but for its case. */
static bool ambiguous(const leat_select *q, const leat_topic *t)
{
    for (const leat_topic *o = q->topics; o; o = o->link)
        if (o != t && leat_str_ieq(leat_str_of(o->name), leat_str_of(t->name))) return true;
    return false;
}

static int make(leat_select *q, const leat_topic *t)
{
    events_of *of = LEAT_NEW(&q->a, events_of, 1);
    of->topic = t->name;
    if (!ambiguous(q, t)) of->q = q;
    return sqlite3_create_module(q->db, t->name, &module, of);
}

int leat_select_events_topic(leat_select *q, const char *name, bool *made)
{
    const leat_topic *t = q->topics;
    while (t && !leat_str_ieq(leat_str_of(t->name), leat_str_of(name))) t = t->link;
    *made = t != NULL;
    return t ? make(q, t) : SQLITE_OK;
}

/* With Kafka a name may be a topic of both: leat_select_kafka_topic is asked first. */
int leat_select_events(leat_select *q)
{
    events_of *all = LEAT_NEW(&q->a, events_of, 1);
    all->q = q;
    int rc = sqlite3_create_module(q->db, "events", &module, all);
    for (const leat_topic *t = q->topics; t && !q->conf->kafka && rc == SQLITE_OK; t = t->link)
        rc = make(q, t);
    return rc;
}
