/* The source that listens: PostgreSQL's LISTEN/NOTIFY.
 *
 * One session listens to all channels. A notification becomes a record with the
 * channel, the payload, the pid of who sent it and, if asked for, the row that
 * it names. The server keeps none for who does not listen. So every
 * mark.interval.ms, and once all that came is in the stream, the position moves
 * to what the server's clock said, less SLACK_US: between a commit and its
 * signal is a moment. Whenever the source begins to listen, fetch.query bounds
 * what was missed since the position; without one, that it was missed is told.
 * What came behind the position may come twice.
 *
 * While nothing is read (paused, stalled) the session lives and the server goes
 * on sending. What came is kept up to QUEUED_MOST bytes; beyond that the
 * session is dropped and begun anew, which is a gap as any.
 *
 * Run by the task's thread. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/os.h"
#include "capture/naming.h"
#include "source/postgres/notify.h"

#define JSON "io.debezium.data.Json"

enum { SLACK_US = 1000000, PAGE = 500, ONCE_MS = 200, FIELDS = 4, QUEUED_MOST = 8 << 20 };

enum { ANSWER_US = 60000000, STEP_MS = 100 };

static const char doing[] = "read the server's clock";
static const char clock_sql[] =
    "SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::pg_catalog.int8";

/* A notification that came and was not taken yet. */
typedef struct heard {
    struct heard *next;
    PGnotify *n;
    size_t bytes;
} heard;

typedef struct notify {
    leat_task *task;
    const leat_notify_conf *conf;
    leat_arena arena;
    leat_pg_target target;
    leat_pg c;
    leat_origin *origin;
    leat_table **tables; /* of the channels, in their order */
    leat_str partition;
    const char *row_sql; /* NULL: rows are not fetched */
    int64_t heard_us;    /* the position */
    int64_t due_us;      /* monotonic: when the clock is read next */
    int64_t pending_us;  /* what it said, 0: the position is there ... */
    uint64_t pending_no; /* ... once so many were taken */
    bool fetching;       /* rows of fetch.query are left ... */
    PGresult *page;      /* ... these, from row `at` on; NULL: the next are to be asked
                            for */
    int at;
    uint64_t fetched;
    heard *first, **last; /* a queue */
    size_t queued;        /* bytes of it */
    uint64_t came, taken; /* how many, ever */
    bool asked;           /* the answer to clock_sql is to come */
    bool behind;          /* it was dropped, since it had too many */
    bool once;            /* its end was asked for */
    leat_buf offset;
} notify;

/* ---- positions ---- */

static void put_safe(notify *s, leat_batch *b)
{
    leat_buf_clear(&s->offset);
    leat_buf_printf(&s->offset, "{\"heard_usec\":%" PRId64 "}", s->heard_us);
    leat_batch_safe(b, (leat_position){s->partition, leat_buf_str(&s->offset)});
}

/* ---- what came ---- */

/* NULL: nothing is left. The caller frees it. */
static PGnotify *next_heard(notify *s)
{
    heard *h = s->first;
    if (!h) return NULL;
    PGnotify *n = h->n;
    s->first = h->next;
    if (!s->first) s->last = &s->first;
    s->queued -= h->bytes;
    s->taken++;
    leat_free(h);
    return n;
}

static void drop_heard(notify *s)
{
    for (PGnotify *n; (n = next_heard(s)) != NULL;) PQfreemem(n);
}

static void queue_one(notify *s, PGnotify *n)
{
    heard *h = leat_zalloc(1, sizeof *h);
    h->n = n;
    h->bytes = sizeof *h + sizeof *n + strlen(n->relname) + strlen(n->extra);
    *s->last = h;
    s->last = &h->next;
    s->queued += h->bytes;
    s->came++;
}

/* The clock, if it was asked for and is there. */
static leat_rc take_clock(notify *s, leat_err *e)
{
    while (s->asked && !PQisBusy(s->c.pg)) {
        PGresult *res = PQgetResult(s->c.pg);
        s->asked = res != NULL;
        if (!res) break;
        bool good = PQresultStatus(res) == PGRES_TUPLES_OK;
        if (good) s->pending_us = leat_pg_cell_i64(res, 0, 0, 0);
        leat_rc rc = good ? LEAT_OK : leat_pg_fail(e, &s->c, res, doing);
        PQclear(res);
        LEAT_TRY(rc);
        s->pending_no = s->came;
    }
    return LEAT_OK;
}

/* libpq keeps what came with any answer, however much that is: it is taken from there. */
static leat_rc queue_heard(notify *s, leat_err *e)
{
    bool asked = s->asked;
    for (PGnotify *n; s->queued <= QUEUED_MOST && (n = PQnotifies(s->c.pg)) != NULL;)
        queue_one(s, n);
    if (s->queued > QUEUED_MOST) {
        s->behind = true;
        s->asked = false;
        drop_heard(s);
        leat_pg_close(&s->c);
        return LEAT_OK;
    }
    LEAT_TRY(take_clock(s, e));
    return asked && !s->asked ? queue_heard(s, e) : LEAT_OK;
}

static leat_rc check_behind(const notify *s, leat_err *e)
{
    if (!s->behind) return LEAT_OK;
    return leat_fail(e, LEAT_RETRY, "notify.behind", "",
                     "more than %d MiB of notifications waited to be read: they "
                     "are dropped, and "
                     "the session begins anew",
                     QUEUED_MOST >> 20);
}

/* All that is at hand, as long as there is room. */
static leat_rc hear(notify *s, leat_err *e)
{
    do {
        if (!s->c.pg || !PQconsumeInput(s->c.pg)) return leat_pg_fail(e, &s->c, NULL, "listen");
        LEAT_TRY(queue_heard(s, e));
    } while (!s->behind && leat_os_wait_fd(PQsocket(s->c.pg), false, 0) > 0);
    return LEAT_OK;
}

/* One question at a time. */
static leat_rc await_clock(notify *s, leat_err *e)
{
    int64_t until = leat_mono_us() + ANSWER_US;
    while (s->asked) {
        LEAT_TRY(hear(s, e));
        if (s->asked && leat_mono_us() > until)
            return leat_fail(e, LEAT_RETRY, "notify.clock", "", "the server's clock did not come");
        if (s->asked) leat_os_wait_fd(PQsocket(s->c.pg), false, STEP_MS);
    }
    return LEAT_OK;
}

static leat_rc query(notify *s, const char *what, const char *sql, int n, const char **params,
                     PGresult **res, leat_err *e)
{
    LEAT_TRY(await_clock(s, e));
    LEAT_TRY(check_behind(s, e));
    LEAT_TRY(leat_pg_query(&s->c, what, sql, n, params, res, e));
    return queue_heard(s, e);
}

static leat_rc exec(notify *s, const char *what, const char *sql, leat_err *e)
{
    PGresult *res;
    LEAT_TRY(query(s, what, sql, 0, NULL, &res, e));
    PQclear(res);
    return LEAT_OK;
}

/* ---- open and close ---- */

static void close_source(leat_task *t)
{
    notify *s = t->priv;
    if (!s) return;
    drop_heard(s);
    PQclear(s->page);
    leat_pg_close(&s->c);
    for (size_t i = 0; s->tables && i < s->conf->channels.n; i++) leat_table_unpin(s->tables[i]);
    if (s->origin) leat_origin_unpin(s->origin);
    leat_buf_free(&s->offset);
    leat_arena_free(&s->arena);
    leat_free(s);
    t->priv = NULL;
}

static bool leaves(void *arg)
{
    leat_task *t = arg;
    return t->leaves && t->leaves(t);
}

static leat_table *make_table(notify *s, const char *channel)
{
    leat_table *table = leat_table_new(s->origin);
    leat_arena *a = &table->arena;
    bool json = s->conf->format == LEAT_NOTIFY_JSON;
    uint32_t n = s->row_sql ? FIELDS : FIELDS - 1;
    leat_schema *value = leat_schema_struct(a, false, "leat.postgres.Notification", 1, n);
    leat_schema *row = leat_schema_struct(a, false, NULL, 0, 1);
    leat_field *fields = LEAT_NEW(a, leat_field, FIELDS), *part = LEAT_NEW(a, leat_field, 1);
    fields[0] = (leat_field){"channel", leat_schema_new(a, LEAT_T_STRING, false)};
    fields[1] = (leat_field){"payload", json ? leat_schema_named(a, LEAT_T_STRING, false, JSON, 1)
                                             : leat_schema_new(a, LEAT_T_STRING, false)};
    fields[2] = (leat_field){"pid", leat_schema_new(a, LEAT_T_INT32, true)};
    fields[3] = (leat_field){"row", leat_schema_named(a, LEAT_T_STRING, true, JSON, 1)};
    value->fields = fields;
    part[0] = (leat_field){LEAT_PART_VALUE, value};
    row->fields = part;
    const char *topic = leat_arena_printf(a, "%s.%s", s->conf->prefix, channel);
    table->topic = leat_naming_sanitize(a, topic, false);
    table->name = leat_arena_strdup(a, channel);
    table->row = row;
    table->flags = LEAT_TABLE_RECORD;
    leat_table_seal(table);
    return table;
}

static void make_tables(notify *s)
{
    s->origin = leat_origin_new();
    s->origin->schema =
        leat_schema_struct(&s->origin->arena, false, "leat.connector.notify.Source", 1, 0);
    s->origin->placeholder = LEAT_STR("");
    s->tables = LEAT_NEW(&s->arena, leat_table *, s->conf->channels.n);
    for (size_t i = 0; i < s->conf->channels.n; i++)
        s->tables[i] = make_table(s, s->conf->channels.v[i]);
}

static leat_rc read_clock(notify *s, int64_t *us, leat_err *e)
{
    PGresult *res;
    LEAT_TRY(query(s, doing, clock_sql, 0, NULL, &res, e));
    *us = leat_pg_cell_i64(res, 0, 0, 0);
    PQclear(res);
    return LEAT_OK;
}

/* From here on nothing is missed; what was before is for fetch.query. */
static leat_rc begin(notify *s, bool begun, leat_err *e)
{
    char since[LEAT_ISO_MAX], now[LEAT_ISO_MAX];
    int64_t clock_us;
    LEAT_TRY(leat_notify_listen(&s->c, s->conf, e));
    if (s->row_sql) LEAT_TRY(leat_notify_try_row(&s->c, s->conf, s->row_sql, e));
    LEAT_TRY(read_clock(s, &clock_us, e));
    if (leat_notify_has_query(s->conf)) {
        LEAT_TRY(leat_notify_fetch(&s->c, s->conf, begun, s->heard_us, e));
        s->fetching = true;
        if (!begun) s->heard_us = 0;
        return LEAT_OK;
    }
    if (begun)
        leat_log(LEAT_WARN, "notify.gap",
                 "notifications that were sent from %s to %s are lost, since "
                 "nobody listened: "
                 "fetch.query can bound that",
                 leat_iso_us(s->heard_us, 3, since), leat_iso_us(clock_us, 3, now));
    s->heard_us = clock_us - SLACK_US;
    return LEAT_OK;
}

static leat_rc open_source(leat_task *t, const leat_position *pos, size_t n, leat_err *e)
{
    notify *s = leat_zalloc(1, sizeof *s);
    s->task = t;
    s->conf = t->conf;
    s->last = &s->first;
    t->priv = s;
    s->c.leaves = leaves;
    s->c.arg = t;
    s->partition = leat_notify_partition(s->conf, &s->arena);
    s->row_sql = leat_notify_conf_row(s->conf, &s->arena);
    make_tables(s);
    const char *app = leat_arena_printf(&s->arena, "leat %s", t->connector);
    const leat_position *own = leat_position_find(pos, n, s->partition);
    leat_rc rc = own ? leat_notify_offset_read(own->offset, &s->heard_us, e) : LEAT_OK;
    if (rc == LEAT_OK) rc = leat_notify_conf_target(s->conf, &s->arena, &s->target, e);
    if (rc == LEAT_OK) rc = leat_pg_connect(&s->c, &s->target, false, app, e);
    if (rc == LEAT_OK) rc = begin(s, own != NULL, e);
    if (rc == LEAT_OK)
        leat_log(LEAT_INFO, "notify.listening", "channels=%zu", s->conf->channels.n);
    else
        close_source(t);
    return rc;
}

/* ---- notifications ---- */

typedef struct news {
    leat_str channel, payload;
    int pid; /* 0: of fetch.query */
} news;

static leat_rc no_key(const char *column, leat_err *e)
{
    return leat_fail(e, LEAT_DATA, "notify.key", column,
                     "the payload has no such member, which row.key names, or "
                     "none with a value");
}

/* The values of row.key; a member that is no text is given as it stands. */
static leat_rc keys_of(const notify *s, const news *one, leat_arena *a, const char **params,
                       leat_err *e)
{
    const leat_json *j = NULL;
    if (s->conf->format == LEAT_NOTIFY_TEXT) {
        params[0] = leat_arena_str(a, one->payload).s;
        return LEAT_OK;
    }
    LEAT_TRY(leat_json_parse(a, one->payload, &j, e));
    for (size_t i = 0; i < s->conf->key.n; i++) {
        const leat_json *m =
            j->type == LEAT_JSON_OBJECT ? leat_json_get(j, s->conf->key.v[i]) : NULL;
        bool plain = m && m->type != LEAT_JSON_NULL && m->type != LEAT_JSON_OBJECT &&
                     m->type != LEAT_JSON_ARRAY;
        if (!plain || memchr(m->text.s, 0, m->text.len)) return no_key(s->conf->key.v[i], e);
        params[i] = m->type == LEAT_JSON_TRUE    ? "true"
                    : m->type == LEAT_JSON_FALSE ? "false"
                                                 : leat_arena_str(a, m->text).s;
    }
    return LEAT_OK;
}

/* What the server takes for no key of the table is the payload's fault. */
static leat_rc fetch_row(notify *s, const news *one, leat_arena *a, leat_value *out, leat_err *e)
{
    const char **params = LEAT_NEW(a, const char *, s->conf->key.n);
    PGresult *res;
    leat_err err;
    *out = leat_null();
    LEAT_TRY(keys_of(s, one, a, params, e));
    leat_rc rc = query(s, "fetch a row", s->row_sql, (int)s->conf->key.n, params, &res, &err);
    if (rc != LEAT_OK) {
        if (strcmp(err.code, "postgres.refused") == 0 || strcmp(err.code, "postgres.encoding") == 0)
            err.rc = rc = LEAT_DATA;
        if (e) *e = err;
        return rc;
    }
    leat_str row = PQntuples(res) > 0 ? leat_pg_cell(res, 0, 0) : (leat_str){0};
    rc = leat_event_size_check(row.len, s->task->max_event_bytes, s->conf->table, e);
    if (rc == LEAT_OK && row.s) *out = leat_text(leat_arena_str(a, row));
    PQclear(res);
    return rc;
}

static leat_rc make_value(notify *s, const news *one, leat_arena *a, leat_value *cells, leat_err *e)
{
    const leat_json *j;
    leat_arena scratch = {0};
    leat_err bad;
    leat_rc rc =
        leat_event_size_check(one->payload.len, s->task->max_event_bytes, "notification", e);
    if (rc == LEAT_OK && s->conf->format == LEAT_NOTIFY_JSON &&
        leat_json_parse(&scratch, one->payload, &j, &bad) != LEAT_OK)
        rc = leat_fail(e, LEAT_DATA, "notify.payload", "payload",
                       "is no JSON (%s): send some, or set payload.format=text", bad.msg);
    leat_arena_free(&scratch);
    LEAT_TRY(rc);
    cells[0] = leat_text(leat_arena_str(a, one->channel));
    cells[1] = leat_text(leat_arena_str(a, one->payload));
    cells[2] = one->pid ? leat_int(one->pid) : leat_null();
    return s->row_sql ? fetch_row(s, one, a, &cells[3], e) : LEAT_OK;
}

static void put_dead(const leat_table *table, const news *one, leat_batch *b, leat_tally *y,
                     const leat_err *why)
{
    int64_t now = leat_now_us();
    const char *place =
        leat_arena_printf(&b->arena, "{\"seen_usec\":%" PRId64 ",\"payload\":\"%016" PRIx64 "\"}",
                          now, leat_str_hash(one->payload));
    const leat_dead letter = {.why = *why,
                              .bytes = one->payload,
                              .position = leat_str_of(place),
                              .table = table->name,
                              .topic = table->topic,
                              .ts_us = now};
    leat_batch_dead(b, y, &letter);
}

static const leat_table *table_of(const notify *s, leat_str channel)
{
    for (size_t i = 0; i < s->conf->channels.n; i++)
        if (leat_str_is(channel, s->conf->channels.v[i])) return s->tables[i];
    return NULL;
}

static leat_rc take(notify *s, const news *one, leat_batch *b, leat_err *e)
{
    leat_err why;
    const leat_table *table = table_of(s, one->channel);
    if (!table) return LEAT_OK;
    leat_value *cells = LEAT_NEW(&b->arena, leat_value, FIELDS);
    leat_rc rc = make_value(s, one, &b->arena, cells, &why);
    if (rc != LEAT_OK && rc != LEAT_DATA) {
        if (e) *e = why;
        return rc;
    }
    leat_tally *y = leat_batch_tally(b, table);
    LEAT_COUNT(b, y, received, 1);
    if (rc == LEAT_DATA) {
        put_dead(table, one, b, y, &why);
        return LEAT_OK;
    }
    leat_value *row = LEAT_NEW(&b->arena, leat_value, 1);
    *row =
        (leat_value){.kind = LEAT_STRUCT, .len = s->row_sql ? FIELDS : FIELDS - 1, .u.list = cells};
    leat_event *ev = leat_batch_add(b, table);
    ev->op = LEAT_OP_CREATE;
    ev->after = row;
    ev->ts_us = ev->seen_us = leat_now_us();
    return LEAT_OK;
}

static bool is_due(const notify *s)
{
    return !s->asked && !s->pending_us && leat_mono_us() >= s->due_us;
}

static bool is_reached(const notify *s)
{
    return s->pending_us && s->taken >= s->pending_no;
}

/* Those that are at hand, up to where the position moves; no more is asked for as long as some are
 * left. */
static leat_rc take_heard(notify *s, leat_batch *b, leat_err *e)
{
    if (!s->first && !s->behind) {
        if (!s->c.pg || !PQconsumeInput(s->c.pg)) return leat_pg_fail(e, &s->c, NULL, "listen");
        LEAT_TRY(queue_heard(s, e));
    }
    LEAT_TRY(check_behind(s, e));
    while (!leat_batch_full(b) && !is_due(s) && !is_reached(s)) {
        PGnotify *n = next_heard(s);
        if (!n) break;
        const news one = {leat_str_of(n->relname), leat_str_of(n->extra), n->be_pid};
        leat_rc rc = take(s, &one, b, e);
        PQfreemem(n);
        if (rc != LEAT_OK) return rc;
    }
    return LEAT_OK;
}

/* ---- rows of fetch.query ---- */

static leat_rc fetched_row(notify *s, int row, news *one, leat_err *e)
{
    int n = PQnfields(s->page);
    bool named = n == 2;
    if (n < 1 || n > 2 || (!named && s->conf->channels.n > 1))
        return leat_fail(e, LEAT_CONF, "notify.query", "fetch.query",
                         "gives %d columns; expected the payload, or channel and payload, which "
                         "several channels need",
                         n);
    *one = (news){.channel =
                      named ? leat_pg_cell(s->page, row, 0) : leat_str_of(s->conf->channels.v[0]),
                  .payload = leat_pg_cell(s->page, row, n - 1)};
    if (one->payload.s && one->channel.s && table_of(s, one->channel)) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "notify.query", "fetch.query",
                     "gives a row whose payload is NULL, or whose channel is not "
                     "among channels");
}

static leat_rc end_fetch(notify *s, leat_err *e)
{
    s->fetching = false;
    leat_log(LEAT_INFO, "notify.fetched", "rows=%" PRIu64, s->fetched);
    return exec(s, "end fetch.query", "CLOSE leat_fetch", e);
}

static leat_rc take_fetched(notify *s, leat_batch *b, leat_err *e)
{
    while (s->fetching && !leat_batch_full(b)) {
        if (!s->page) {
            char sql[64];
            snprintf(sql, sizeof sql, "FETCH FORWARD %d FROM leat_fetch", PAGE);
            LEAT_TRY(query(s, "read rows of fetch.query", sql, 0, NULL, &s->page, e));
            s->at = 0;
            if (PQntuples(s->page) == 0) return end_fetch(s, e);
        }
        for (; s->at < PQntuples(s->page) && !leat_batch_full(b); s->at++) {
            news one;
            LEAT_TRY(fetched_row(s, s->at, &one, e));
            LEAT_TRY(take(s, &one, b, e));
            s->fetched++;
        }
        if (s->at < PQntuples(s->page)) break;
        PQclear(s->page);
        s->page = NULL;
    }
    return LEAT_OK;
}

/* ---- running ---- */

/* Up to the clock all has come, with its answer at the latest. That is not waited for: before it
 * comes all that the server has to send, for which there may be no room. */
static leat_rc mark(notify *s, leat_err *e)
{
    if (!s->c.pg || !PQsendQuery(s->c.pg, clock_sql)) return leat_pg_fail(e, &s->c, NULL, doing);
    s->asked = true;
    s->due_us = leat_mono_us() + (s->once ? ONCE_MS : s->conf->mark_ms) * 1000;
    return LEAT_OK;
}

static bool move(notify *s)
{
    if (!is_reached(s) || s->behind) return false;
    s->heard_us = s->pending_us - SLACK_US;
    s->pending_us = 0;
    return true;
}

static leat_rc read_source(leat_task *t, leat_batch *b, int wait_ms, leat_err *e)
{
    notify *s = t->priv;
    bool fetching = s->fetching;
    if (!fetching && !s->behind && is_due(s)) LEAT_TRY(mark(s, e));
    LEAT_TRY(fetching ? take_fetched(s, b, e) : take_heard(s, b, e));
    bool moved = move(s);
    if (b->n > 0 || b->dead || moved) {
        put_safe(s, b);
        return LEAT_OK;
    }
    if (fetching) return LEAT_AGAIN;
    int64_t left_ms = (s->due_us - leat_mono_us()) / 1000 + 1;
    if (left_ms < 0) return LEAT_AGAIN;
    int ready =
        leat_os_wait_fd(PQsocket(s->c.pg), false, left_ms < wait_ms ? (int)left_ms : wait_ms);
    if (ready < 0) return leat_os_fail(e, ready, "listen", "database connection");
    return LEAT_AGAIN;
}

static leat_rc ack_source(leat_task *t, leat_position pos, leat_err *e)
{
    (void)t, (void)pos, (void)e;
    return LEAT_OK;
}

static leat_rc beat_source(leat_task *t, leat_err *e)
{
    notify *s = t->priv;
    if (s->behind) return LEAT_OK; /* the next read tells it */
    LEAT_TRY(hear(s, e));
    return s->behind || s->asked ? LEAT_OK : exec(s, "stay connected", "SELECT 1", e);
}

static leat_rc end_source(leat_task *t, leat_arena *a, leat_str *end, leat_err *e)
{
    notify *s = t->priv;
    int64_t clock_us;
    LEAT_TRY(read_clock(s, &clock_us, e));
    s->once = true;
    s->due_us = 0;
    *end = leat_str_of(leat_arena_printf(a, "%" PRId64, clock_us));
    return LEAT_OK;
}

static bool passed_source(leat_task *t, leat_str end, const leat_position *pos, size_t n)
{
    notify *s = t->priv;
    const leat_position *own = leat_position_find(pos, n, s->partition);
    int64_t want, at;
    return own && leat_str_i64(end, &want) &&
           leat_notify_offset_read(own->offset, &at, NULL) == LEAT_OK && at >= want;
}

const leat_source leat_source_notify = {
    .abi = LEAT_SOURCE_ABI,
    .size = sizeof(leat_source),
    .name = "notify",
    .title = "PostgreSQL notifications",
    .help = "Listens to channels of PostgreSQL: each NOTIFY becomes a record, "
            "with the row that it "
            "names if that is asked for.",
    .version = "1",
    .options = leat_notify_option_tables,
    .conf_size = sizeof(leat_notify_conf),
    .validate = leat_notify_conf_validate,
    .check = leat_notify_check,
    .discover = leat_notify_discover,
    .open = open_source,
    .read = read_source,
    .ack = ack_source,
    .beat = beat_source,
    .end = end_source,
    .passed = passed_source,
    .close = close_source,
    .offset_check = leat_notify_offset_check,
    .offset_text = leat_notify_offset_text,
};
