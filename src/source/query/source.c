/* The source that reads tables and queries again and again: Confluent's JDBC source connector,
 * native.
 *
 * A poll of a table is: describe its columns, look up to where its rows are settled, ask for those
 * behind its position up to there in order, hand them over as they come. A place is safe where the
 * next row's number or moment is another one, for only there the position, which is that number or
 * moment, tells what was read from what was not; so rows that share one are a transaction. Of
 * mode=bulk all rows of a poll are one: nobody sees half of a table. Tables take turns; each has a
 * position of its own, and several tasks share the tables out. Run by the task's thread. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "source/query/query.h"

enum {
    HELD_MS = 250,     /* between looks while rows wait for a transaction */
    ONCE_MS = 100,     /* the same while an end is waited for */
    TELL_US = 5000000, /* how long rows wait before it is told */
};

/* ---- open and close ---- */

static void close_source(leat_task *t)
{
    leat_query_source *s = t->priv;
    if (!s) return;
    leat_query_tables_free(s);
    if (s->side) s->side->close(s->side);
    if (s->sql.priv) s->sql.dialect->close(&s->sql);
    if (s->origin) leat_origin_unpin(s->origin);
    leat_free(s->cells);
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

/* Records have no source block and no headers. */
static leat_origin *make_origin(void)
{
    leat_origin *o = leat_origin_new();
    o->schema = leat_schema_struct(&o->arena, false, "leat.connector.query.Source", 1, 0);
    o->placeholder = LEAT_STR("");
    return o;
}

leat_rc leat_query_connect(const leat_query_conf *c, leat_sql *sql, leat_sql_target *target,
                           const char *app, leat_err *e)
{
    *target = leat_query_conf_target(c);
    LEAT_TRY(leat_dialect_find(c->url, c->dialect, &sql->dialect, e));
    sql->target = target;
    return sql->dialect->connect(sql, app, e);
}

static void keep_start(leat_query_source *s, const leat_position *pos, size_t n)
{
    s->start = LEAT_NEW(&s->arena, leat_position, n);
    for (size_t i = 0; i < n; i++)
        s->start[s->nstart++] = (leat_position){leat_arena_str(&s->arena, pos[i].partition),
                                                leat_arena_str(&s->arena, pos[i].offset)};
}

static leat_rc open_source(leat_task *t, const leat_position *pos, size_t n, leat_err *e)
{
    leat_query_source *s = leat_zalloc(1, sizeof *s);
    s->task = t;
    s->conf = t->conf;
    s->origin = make_origin();
    s->sql.leaves = leaves;
    s->sql.arg = t;
    t->priv = s;
    keep_start(s, pos, n);
    const char *app = leat_arena_printf(&s->arena, "leat %s", t->connector);
    leat_rc rc = leat_query_connect(s->conf, &s->sql, &s->target, app, e);
    if (rc == LEAT_OK) rc = leat_query_tables_find(s, e);
    /* What is wrong with a table is told at the start. */
    for (size_t i = 0; rc == LEAT_OK && i < s->ntables; i++)
        rc = leat_query_tables_describe(s, s->tables[i], e);
    if (rc != LEAT_OK) close_source(t);
    return rc;
}

/* ---- the beginning of a poll ---- */

static void later(leat_query_source *s, leat_query_table *t)
{
    int64_t ms = s->conf->poll_ms;
    bool waits = t->settled.held && s->conf->mode != LEAT_QUERY_BULK;
    if (waits && ms > HELD_MS) ms = HELD_MS;
    if (s->once && t->ends && ms > ONCE_MS) ms = ONCE_MS;
    t->due_us = leat_mono_us() + ms * 1000;
}

/* Rows that wait for a transaction are no fault, but a person has to be able to see it. */
static void tell_waiting(leat_query_source *s, leat_query_table *t)
{
    int64_t now = leat_mono_us();
    if (!t->settled.held) {
        t->held_us = 0;
        if (s->waits && s->task->waits) s->task->waits(s->task, NULL);
        s->waits = false;
        return;
    }
    if (t->held_us == 0) t->held_us = now;
    if (now - t->held_us < TELL_US || s->waits) return;
    leat_err why;
    leat_fail(&why, LEAT_AGAIN, "query.late_commits", t->label,
              "rows wait until no earlier one can be committed any more: for %s. End it, or see "
              "late.commits",
              *t->settled.holder ? t->settled.holder : "an open transaction");
    leat_log(LEAT_INFO, why.code, "table=\"%s\" %s", t->label, why.msg);
    if (s->task->waits) s->task->waits(s->task, &why);
    s->waits = true;
}

/* Up to where this poll reads; false: there is nothing. */
static leat_rc settle(leat_query_source *s, leat_query_table *t, bool *any, leat_err *e)
{
    leat_sql_settled *w = &t->settled;
    const leat_query_shape *shape = t->shape;
    bool moments = shape->stamp.n > 0;
    *any = true;
    if (s->conf->mode == LEAT_QUERY_BULK) return LEAT_OK;
    w->table = t->id.name ? &t->id : NULL;
    w->stamp = moments ? &shape->stamp : NULL;
    w->from = t->from;
    w->number = moments ? NULL : shape->number_quoted;
    w->number_name = moments ? NULL : shape->cols[shape->number]->name;
    w->delay_us = s->conf->delay_ms * 1000;
    w->has_last = moments ? t->at.has_moment : t->at.has_number;
    w->last = moments ? t->at.moment_us : t->at.number;
    LEAT_TRY(s->sql.dialect->look(&s->sql, w, e));
    tell_waiting(s, t);
    *any = w->any;
    return LEAT_OK;
}

leat_rc leat_query_begin(leat_query_source *s, leat_query_table *t, const char *sql, leat_err *e)
{
    const leat_query_shape *shape = t->shape;
    LEAT_TRY(s->sql.dialect->begin(&s->sql, sql, shape->cols, shape->nread, e));
    if (shape->nread > s->ncells) {
        s->ncells = shape->nread;
        s->cells = leat_realloc(s->cells, s->ncells * sizeof *s->cells);
    }
    return LEAT_OK;
}

static leat_rc begin_poll(leat_query_source *s, leat_query_table *t, leat_err *e)
{
    bool any = false;
    const char *suffix = s->conf->suffix;
    t->page = INT64_MIN;
    LEAT_TRY(leat_query_tables_describe(s, t, e));
    LEAT_TRY(settle(s, t, &any, e));
    if (any && s->conf->mode != LEAT_QUERY_BULK && suffix && *suffix)
        LEAT_TRY(leat_query_page(s, t, &any, &t->page, e));
    if (!any) {
        t->look.ready = true;
        later(s, t);
        return LEAT_OK;
    }
    leat_buf sql = {0};
    leat_query_statement(s, t, t->page, &sql);
    leat_rc rc = leat_query_deletes_open(s, t, e);
    if (rc == LEAT_OK) rc = leat_query_begin(s, t, sql.p, e);
    leat_buf_free(&sql);
    if (rc != LEAT_OK) return rc;
    s->reading = t;
    t->group = t->at;
    t->grouped = t->dead = t->marked = false;
    t->rows = 0;
    return LEAT_OK;
}

/* The table whose poll is due, the others taking turns; NULL: none, *wait_ms is cut to the next. */
static leat_query_table *due(leat_query_source *s, int *wait_ms)
{
    int64_t now = leat_mono_us(), next = now + (int64_t)*wait_ms * 1000;
    for (size_t k = 0; k < s->ntables; k++) {
        size_t i = (s->turn + k) % s->ntables;
        leat_query_table *t = s->tables[i];
        if (t->gone) continue;
        if (t->due_us <= now) {
            s->turn = i + 1;
            return t;
        }
        if (t->due_us < next) next = t->due_us;
    }
    *wait_ms = (int)((next - now + 999) / 1000);
    return NULL;
}

/* ---- rows ---- */

bool leat_query_place_of(const leat_query_shape *shape, const leat_value *cells,
                         leat_query_offset *out)
{
    *out = (leat_query_offset){0};
    for (size_t i = 0; i < shape->stamp.n && !out->has_moment; i++)
        out->has_moment = leat_query_moment(&cells[shape->stamps[i]], &out->moment_us);
    if (shape->number != SIZE_MAX)
        out->has_number = leat_query_number(&cells[shape->number], &out->number);
    return out->has_moment == (shape->stamp.n > 0) &&
           out->has_number == (shape->number != SIZE_MAX);
}

static bool same_place(const leat_query_offset *x, const leat_query_offset *y)
{
    return x->moment_us == y->moment_us && x->number == y->number;
}

leat_rc leat_query_fix_cells(const leat_query_shape *shape, leat_arena *a, leat_value *cells,
                             leat_err *e)
{
    for (size_t i = 0; i < shape->n; i++) {
        const leat_query_field *f = &shape->fields[i];
        if (cells[i].kind == LEAT_NULL) {
            if (f->schema->optional) continue;
            return leat_fail(e, LEAT_DATA, "query.null", f->column->name,
                             "the column holds a NULL, which the database said it does not");
        }
        if (f->fix) LEAT_TRY(f->fix(f, a, &cells[i], e));
    }
    return LEAT_OK;
}

/* By what it is found again when it is read again: the place before it, and its bytes. */
static void put_dead(leat_query_source *s, leat_query_table *t, leat_batch *b, leat_str raw,
                     const leat_err *why)
{
    leat_jw w = {.out = &s->offset};
    leat_buf_clear(&s->offset);
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "table", t->label);
    if (t->group.has_moment) leat_jw_i64(&w, "moment_us", t->group.moment_us);
    if (t->group.has_number) leat_jw_i64(&w, "number", t->group.number);
    if (!t->group.has_moment && !t->group.has_number)
        leat_jw_i64(&w, "poll", (int64_t)t->at.polls + 1);
    if (raw.s)
        leat_jw_z(&w, "row", leat_arena_printf(&b->arena, "%016" PRIx64, leat_str_hash(raw)));
    else
        leat_jw_i64(&w, "nth", (int64_t)t->rows);
    leat_jw_end(&w);
    const leat_dead letter = {.why = *why,
                              .bytes = raw.s ? raw : (leat_str){"", 0},
                              .position = leat_buf_str(&s->offset),
                              .table = t->label,
                              .topic = t->topic,
                              .ts_us = leat_now_us()};
    if (s->conf->mode == LEAT_QUERY_BULK)
        leat_batch_dead_row(b, leat_batch_tally(b, t->shape->table), &letter);
    else
        leat_batch_dead(b, leat_batch_tally(b, t->shape->table), &letter);
}

static void put_event(leat_query_source *s, const leat_query_table *t, leat_batch *b)
{
    static const char ops[] = {LEAT_OP_READ, LEAT_OP_CREATE, LEAT_OP_UPDATE, LEAT_OP_UPDATE};
    const leat_query_shape *shape = t->shape;
    leat_value *row = LEAT_NEW(&b->arena, leat_value, 2), *part = row;
    if (shape->key.n) *part++ = leat_query_deletes_key(s, shape, &b->arena);
    *part =
        (leat_value){.kind = LEAT_STRUCT,
                     .len = (uint32_t)shape->n,
                     .u.list = leat_arena_dup(&b->arena, s->cells, shape->n * sizeof *s->cells)};
    leat_event *ev = leat_batch_add(b, shape->table);
    ev->op = (uint8_t)ops[s->conf->mode];
    ev->snapshot = s->conf->mode == LEAT_QUERY_BULK ? LEAT_SNAPSHOT_TRUE : LEAT_SNAPSHOT_FALSE;
    ev->after = row;
    ev->seen_us = leat_now_us();
    ev->ts_us = t->group.has_moment ? t->group.moment_us : ev->seen_us;
    b->tx_open = true;
}

/* All rows so far are before the next. */
static void mark(leat_query_table *t, leat_batch *b)
{
    t->at = t->group;
    t->marked = true;
    leat_batch_safe_mark(b);
}

/* The position of the last mark, once a batch. */
static void put_position(leat_query_source *s, leat_query_table *t, leat_batch *b)
{
    if (!t->marked) return;
    t->marked = false;
    leat_buf_clear(&s->offset);
    leat_query_offset_write(&t->at, &s->offset);
    leat_batch_safe_position(b, (leat_position){t->partition, leat_buf_str(&s->offset)});
}

static leat_rc no_place(const leat_query_table *t, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "query.number", t->label,
                     "a row's number or moment cannot be told: the incrementing column must hold "
                     "whole numbers of 64 bits, the timestamp one that is not infinite");
}

leat_rc leat_query_tell(leat_query_source *s, leat_query_table *t, leat_batch *b, leat_rc rc,
                        leat_str raw, leat_err *why, leat_err *e)
{
    const leat_query_shape *shape = t->shape;
    bool came = rc == LEAT_OK;
    if (rc == LEAT_OK) rc = leat_event_size_check(raw.len, s->task->max_event_bytes, t->label, why);
    if (rc == LEAT_OK) rc = leat_query_fix_cells(shape, &b->arena, s->cells, why);
    t->dead = rc != LEAT_OK;
    if (shape->key.n && came) LEAT_TRY(leat_query_deletes_keep(s, t, !t->dead, e));
    if (t->dead)
        put_dead(s, t, b, raw, why);
    else
        put_event(s, t, b);
    return LEAT_OK;
}

/* One row: rc and why are what the dialect said of it. */
static leat_rc take_row(leat_query_source *s, leat_query_table *t, leat_batch *b, leat_rc rc,
                        leat_str raw, leat_err *why, leat_err *e)
{
    const leat_query_shape *shape = t->shape;
    bool bulk = s->conf->mode == LEAT_QUERY_BULK;
    leat_query_offset place;
    if (bulk) LEAT_COUNT(b, leat_batch_tally(b, shape->table), rows_read, 1);
    t->rows++;
    b->row_bytes += raw.len;
    if (rc == LEAT_OK && !bulk) {
        if (!leat_query_place_of(shape, s->cells, &place)) return no_place(t, e);
        if (t->grouped && !same_place(&place, &t->group)) mark(t, b);
        t->group = place;
        t->grouped = true;
    }
    /* Behind the mark of what was before it. */
    if (!bulk) LEAT_COUNT(b, leat_batch_tally(b, shape->table), received, 1);
    return leat_query_tell(s, t, b, rc, raw, why, e);
}

/* All rows of the poll have come. Behind ones that could not be read the position is that of the
 * statement's end, since their own is not known. */
static leat_rc end_poll(leat_query_source *s, leat_query_table *t, leat_batch *b, leat_err *e)
{
    LEAT_TRY(s->sql.dialect->end(&s->sql, e));
    s->reading = NULL;
    t->look.ready = true;
    later(s, t);
    if (s->conf->mode == LEAT_QUERY_BULK) {
        t->group = (leat_query_offset){.polls = t->at.polls + 1};
        mark(t, b);
        return LEAT_OK;
    }
    if (t->dead) {
        bool moments = t->shape->stamp.n > 0;
        int64_t upto = t->page != INT64_MIN ? t->page : t->settled.upto - moments;
        if (moments)
            t->group.moment_us = upto;
        else
            t->group.number = upto;
        t->group.has_moment = moments;
        t->group.has_number = t->shape->number != SIZE_MAX;
        t->grouped = true;
    }
    if (t->grouped) mark(t, b);
    t->dead = false;
    return LEAT_OK;
}

bool leat_query_full(const leat_query_source *s, const leat_batch *b)
{
    return leat_batch_full(b) || b->n >= s->conf->batch_rows;
}

static leat_rc read_rows(leat_query_source *s, leat_batch *b, int wait_ms, leat_err *e)
{
    leat_query_table *t = s->reading;
    leat_err why;
    while (!leat_query_full(s, b)) {
        leat_str raw = {0};
        bool first = b->n == 0 && !b->dead;
        leat_rc rc =
            s->sql.dialect->row(&s->sql, first ? wait_ms : 0, &b->arena, s->cells, &raw, &why);
        if (rc == LEAT_AGAIN) break;
        if (rc == LEAT_PENDING) {
            LEAT_TRY(end_poll(s, t, b, e));
            break;
        }
        if (rc != LEAT_OK && rc != LEAT_DATA) {
            if (e) *e = why;
            return rc;
        }
        LEAT_TRY(take_row(s, t, b, rc, raw, &why, e));
    }
    LEAT_TRY(leat_query_deletes_flush(t, e));
    put_position(s, t, b);
    return b->n > 0 || b->dead || b->safe.offset.s ? LEAT_OK : LEAT_AGAIN;
}

/* ---- running ---- */

static leat_rc read_source(leat_task *task, leat_batch *b, int wait_ms, leat_err *e)
{
    leat_query_source *s = task->priv;
    if (s->reading) return read_rows(s, b, wait_ms, e);
    if (leat_mono_us() >= s->tables_us) LEAT_TRY(leat_query_tables_find(s, e));
    leat_query_table *t = NULL, *look = NULL;
    if (s->polled) look = leat_query_deletes_due(s, &wait_ms);
    if (!look) t = due(s, &wait_ms);
    if (!t && !look) look = leat_query_deletes_due(s, &wait_ms);
    s->polled = t != NULL;
    if (look) {
        if (!look->look.busy) LEAT_TRY(leat_query_tables_describe_key(s, look, e));
        return leat_query_deletes_step(s, look, b, e);
    }
    if (!t) {
        leat_sleep_us((int64_t)wait_ms * 1000);
        return LEAT_AGAIN;
    }
    LEAT_TRY(begin_poll(s, t, e));
    return s->reading ? read_rows(s, b, wait_ms, e) : LEAT_AGAIN;
}

static leat_rc ack_source(leat_task *t, leat_position pos, leat_err *e)
{
    return leat_query_deletes_ack(t->priv, pos, e);
}

static leat_rc beat_source(leat_task *t, leat_err *e)
{
    leat_query_source *s = t->priv;
    return s->reading ? LEAT_OK : s->sql.dialect->beat(&s->sql, e);
}

static void gauges_source(leat_task *t, leat_gauges *g)
{
    const leat_query_source *s = t->priv;
    g->held_bytes = s->arena.held + s->ncells * sizeof *s->cells;
}

static void write_end(leat_jw *w, const leat_query_table *t)
{
    leat_jw_object(w, NULL);
    leat_jw_str(w, "partition", t->partition);
    if (t->end.has_moment) leat_jw_i64(w, "moment", t->end.moment_us);
    if (t->end.has_number) leat_jw_i64(w, "number", t->end.number);
    leat_jw_i64(w, "polls", (int64_t)t->end.polls);
    leat_jw_end(w);
}

static void write_look_end(leat_jw *w, const leat_query_table *t)
{
    leat_jw_object(w, NULL);
    leat_jw_str(w, "partition", t->look.partition);
    leat_jw_i64(w, "looks", (int64_t)t->look.at.looks + 1);
    leat_jw_end(w);
}

/* Of each table what the greatest moment or number is now; of bulk one poll more; and a look for
 * deleted rows. */
static leat_rc end_source(leat_task *task, leat_arena *a, leat_str *end, leat_err *e)
{
    leat_query_source *s = task->priv;
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_rc rc = LEAT_OK;
    s->once = true;
    leat_jw_array(&w, NULL);
    for (size_t i = 0; rc == LEAT_OK && i < s->ntables; i++) {
        leat_query_table *t = s->tables[i];
        t->ends = true;
        t->end = (leat_query_offset){.polls = t->at.polls + 1};
        if (s->conf->mode != LEAT_QUERY_BULK) rc = leat_query_latest(s, t, &t->ends, &t->end, e);
        if (rc == LEAT_OK && t->ends) write_end(&w, t);
        if (rc == LEAT_OK && s->conf->deletes_ms) write_look_end(&w, t);
    }
    leat_jw_end(&w);
    *end = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    return rc;
}

static bool one_passed(const leat_json *want, const leat_position *pos, size_t n)
{
    leat_query_offset at;
    leat_query_looked looked;
    const leat_position *own =
        leat_query_position(pos, n, leat_json_get_str(want, "partition"), NULL);
    int64_t looks = leat_json_get_i64(want, "looks", 0);
    if (looks)
        return own && leat_query_looked_read(own->offset, &looked, NULL) == LEAT_OK &&
               looked.looks >= (uint64_t)looks;
    if (!own || leat_rc_failed(leat_query_offset_read(own->offset, &at, NULL))) return false;
    int64_t moment = leat_json_get_i64(want, "moment", 0);
    bool moments = leat_json_get(want, "moment") != NULL;
    if (moments && (!at.has_moment || at.moment_us < moment)) return false;
    if (moments && at.moment_us > moment) return true;
    if (leat_json_get(want, "number"))
        return at.has_number && at.number >= leat_json_get_i64(want, "number", 0);
    if (moments) return true;
    return (int64_t)at.polls >= leat_json_get_i64(want, "polls", 0);
}

static bool passed_source(leat_task *t, leat_str end, const leat_position *pos, size_t n)
{
    leat_arena a = {0};
    const leat_json *j = NULL;
    (void)t;
    bool all = leat_json_parse(&a, end, &j, NULL) == LEAT_OK;
    for (const leat_json *one = all ? j->child : NULL; one && all; one = one->next)
        all = one_passed(one, pos, n);
    leat_arena_free(&a);
    return all;
}

/* A query is one; of tables that are named no more tasks than these have work. */
static unsigned split(const void *conf, unsigned max)
{
    const leat_query_conf *c = conf;
    if (leat_query_has_query(c)) return 1;
    return c->whitelist.n && c->whitelist.n < max ? (unsigned)c->whitelist.n : max;
}

static const char *const classes[] = {"io.confluent.connect.jdbc.JdbcSourceConnector", NULL};

const leat_source leat_source_query = {
    .abi = LEAT_SOURCE_ABI,
    .size = sizeof(leat_source),
    .name = "jdbc",
    .title = "Query capture",
    .help = "Reads tables, or the rows of a query, again and again: all of them, or those that are "
            "new by a number or a moment. Confluent's JDBC source connector, without JDBC.",
    .classes = classes,
    .version = "10.9.7",
    .options = leat_query_option_tables,
    .conf_size = sizeof(leat_query_conf),
    .validate = leat_query_conf_validate,
    .tasks = split,
    .check = leat_query_check,
    .discover = leat_query_discover,
    .open = open_source,
    .read = read_source,
    .ack = ack_source,
    .beat = beat_source,
    .end = end_source,
    .passed = passed_source,
    .gauges = gauges_source,
    .close = close_source,
    .offset_check = leat_query_offset_check,
    .offset_text = leat_query_offset_text,
};
