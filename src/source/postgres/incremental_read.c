/* How a chunk is read: statements on a session of its own, one at a time, none of them waited for.
 *
 *   [INSERT the window's first row]
 *   BEGIN REPEATABLE READ; the view and where the log ends
 *   SELECT the table's last key                          once a table
 *   SELECT the rows behind the last chunk's
 *   COMMIT; [INSERT its last row, or DELETE its first]
 *   [where the log ends now]
 *
 * A view that lacks a transaction which was read already (with synchronous replication the server
 * sends a commit before others see it) is taken again. Run by the task's thread. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "source/postgres/incremental.h"
#include "source/postgres/walframe.h"
#include "system/postgres/quote.h"

enum {
    BUDGET = 8 << 20,   /* bytes of a chunk, about */
    RETRY_US = 2000000, /* after a failure */
    FLUSH_US = 100000,  /* the log does not come so far by itself */
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
};

#define LOG_END                                                                                    \
    "CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"            \
    " ELSE pg_catalog.pg_current_wal_insert_lsn() END"

leat_java_type leat_pg_increment_key_type(const leat_pg_increment *inc, uint16_t i)
{
    switch (inc->table->cols[inc->by[i]].type) {
    case OID_INT8: return LEAT_JAVA_LONG;
    case OID_INT2:
    case OID_INT4: return LEAT_JAVA_INT;
    default: return LEAT_JAVA_TEXT;
    }
}

/* ---- statements ---- */

static leat_rc send(leat_pg_source *s, leat_pg_step step, leat_buf *sql, leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    leat_buf_u8(sql, 0);
    leat_rc rc = leat_pg_send(&inc->sql, "read a chunk", sql->p, e);
    leat_buf_free(sql);
    LEAT_TRY(rc);
    inc->asking = true;
    inc->step = step;
    return LEAT_OK;
}

static leat_rc send_z(leat_pg_source *s, leat_pg_step step, const char *text, leat_err *e)
{
    leat_buf sql = {0};
    leat_buf_str_z(&sql, text);
    return send(s, step, &sql, e);
}

/* The answer; AGAIN: not yet. */
static leat_rc answer(leat_pg_source *s, PGresult **res, leat_err *e)
{
    leat_rc rc = leat_pg_poll(&s->inc->sql, "read a chunk", 0, res, e);
    if (rc != LEAT_AGAIN) s->inc->asking = false;
    return rc;
}

static void put_table(const leat_pg_source *s, leat_buf *sql)
{
    const leat_pg_table *t = s->inc->table;
    if (!s->conf->faults && t->kind == 'r') leat_buf_str_z(sql, "ONLY ");
    leat_pg_quote_table(sql, t->schema, t->name);
}

static void put_by(const leat_pg_increment *inc, leat_buf *sql, const char *after)
{
    for (uint16_t i = 0; i < inc->nby; i++) {
        leat_buf_str_z(sql, i ? ", " : "");
        leat_pg_quote_name(sql, leat_str_of(inc->table->cols[inc->by[i]].name));
        leat_buf_str_z(sql, after);
    }
}

static void put_bound(const leat_pg_increment *inc, const leat_java_key *key, const char *op,
                      leat_buf *sql)
{
    leat_buf_str_z(sql, " AND (");
    put_by(inc, sql, "");
    leat_buf_printf(sql, ") %s (", op);
    for (uint16_t i = 0; i < inc->nby; i++) {
        leat_buf_str_z(sql, i ? ", " : "");
        leat_pg_quote_text(sql, key[i].text);
    }
    leat_buf_u8(sql, ')');
}

static void put_where(const leat_pg_source *s, leat_buf *sql)
{
    leat_buf_str_z(sql, " FROM ");
    put_table(s, sql);
    leat_buf_str_z(sql, " WHERE (");
    leat_buf_str_z(sql, s->inc->first->filter ? s->inc->first->filter : "true");
    leat_buf_str_z(sql, "\n)"); /* behind a comment, too */
}

static leat_rc ask_maximum(leat_pg_source *s, leat_err *e)
{
    leat_buf sql = {0};
    leat_buf_str_z(&sql, "SELECT ");
    put_by(s->inc, &sql, "");
    leat_buf_printf(&sql,
                    ", (SELECT CASE WHEN reltuples > 0 THEN (pg_catalog.pg_table_size(oid)"
                    " / reltuples)::pg_catalog.int8 ELSE 8192 END FROM pg_catalog.pg_class"
                    " WHERE oid = %u)",
                    s->inc->table->oid);
    put_where(s, &sql);
    leat_buf_str_z(&sql, " ORDER BY ");
    put_by(s->inc, &sql, " DESC");
    leat_buf_str_z(&sql, " LIMIT 1");
    return send(s, LEAT_PG_STEP_MAXIMUM, &sql, e);
}

static leat_rc ask_rows(leat_pg_source *s, leat_err *e)
{
    leat_buf sql = {0};
    leat_pg_increment *inc = s->inc;
    uint64_t most = (uint64_t)s->conf->capture.chunk_rows;
    if (inc->limit == 0 || inc->limit > most) inc->limit = most;
    leat_buf_str_z(&sql, "SELECT ");
    for (uint16_t i = 0; i < inc->table->ncols; i++) {
        leat_buf_str_z(&sql, i ? ", " : "");
        leat_pg_quote_name(&sql, leat_str_of(inc->table->cols[i].name));
    }
    put_where(s, &sql);
    if (inc->sent) put_bound(inc, inc->sent, ">", &sql);
    put_bound(inc, inc->maximum, "<=", &sql);
    leat_buf_str_z(&sql, " ORDER BY ");
    put_by(inc, &sql, "");
    leat_buf_printf(&sql, " LIMIT %llu", (unsigned long long)inc->limit);
    return send(s, LEAT_PG_STEP_ROWS, &sql, e);
}

/* ---- the window's rows ---- */

static void put_signal_table(const leat_pg_source *s, leat_buf *sql)
{
    leat_str name = leat_str_of(s->conf->capture.signal_tables.v[0]);
    leat_str schema = leat_str_cut(&name, '.');
    leat_pg_quote_name(sql, name.s ? schema : LEAT_STR("public"));
    leat_buf_u8(sql, '.');
    leat_pg_quote_name(sql, name.s ? name : schema);
}

static void put_insert(const leat_pg_source *s, const char *end, const char *type, const char *data,
                       leat_buf *sql)
{
    leat_buf id = {0};
    leat_buf_printf(&id, "%s-%s", s->inc->chunk, end);
    leat_buf_str_z(sql, "INSERT INTO ");
    put_signal_table(s, sql);
    leat_buf_str_z(sql, " VALUES (");
    leat_pg_quote_text(sql, leat_buf_str(&id));
    leat_buf_printf(sql, ", '%s', '%s')", type, data);
    leat_buf_free(&id);
}

static leat_rc open_window(leat_pg_source *s, leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    leat_buf sql = {0};
    char data[128];
    leat_iso_us(leat_now_us(), 6, inc->opened);
    snprintf(data, sizeof data, "{\"openWindowTimestamp\": \"%s\"}", inc->opened);
    put_insert(s, "open", leat_signal_type_name(LEAT_SIGNAL_WINDOW_OPEN), data, &sql);
    return send(s, LEAT_PG_STEP_OPEN, &sql, e);
}

static leat_rc close_window(leat_pg_source *s, leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    leat_buf sql = {0};
    char now[LEAT_ISO_MAX], data[160];
    leat_buf_str_z(&sql, "COMMIT; ");
    if (inc->windowed && s->conf->capture.watermarks == LEAT_WATERMARKS_DELETE) {
        leat_buf_str_z(&sql, "DELETE FROM ");
        put_signal_table(s, &sql);
        leat_buf_printf(&sql, " WHERE id = '%s-open'", inc->chunk);
    } else if (inc->windowed) {
        snprintf(data, sizeof data,
                 "{\"openWindowTimestamp\": \"%s\", \"closeWindowTimestamp\": \"%s\"}", inc->opened,
                 leat_iso_us(leat_now_us(), 6, now));
        put_insert(s, "close", leat_signal_type_name(LEAT_SIGNAL_WINDOW_CLOSE), data, &sql);
    }
    return send(s, LEAT_PG_STEP_CLOSE, &sql, e);
}

/* ---- a table ---- */

static void forget_table(leat_pg_increment *inc)
{
    leat_pg_rel_free(inc->rel);
    inc->rel = NULL;
    inc->table = NULL;
    inc->maximum = inc->sent = NULL;
    leat_arena_free(&inc->keys);
    leat_arena_free(&inc->described);
    inc->rows = inc->limit = 0;
    inc->changed = false;
}

void leat_pg_increment_next(leat_pg_source *s, leat_batch *b, const char *status)
{
    leat_pg_increment *inc = s->inc;
    const leat_pg_wanted *w = inc->first;
    leat_log(strcmp(status, "SUCCEEDED") == 0 ? LEAT_INFO : LEAT_WARN, "signal.table_done",
             "id=\"%s\" table=\"%s\" status=%s rows=%llu", w->id, w->name, status,
             (unsigned long long)inc->rows);
    leat_pg_increment_tell(s, b,
                           (leat_notice){.type = "TABLE_SCAN_COMPLETED",
                                         .scanned = w->name,
                                         .rows = (int64_t)inc->rows,
                                         .status = status},
                           true);
    forget_table(inc);
    inc->first = w->next;
    if (!inc->first)
        leat_pg_increment_tell(s, b, (leat_notice){.type = "COMPLETED", .id = w->id}, false);
    leat_pg_safe_here(s, b);
}

/* The table's number in the catalog, 0: it is not captured. */
static leat_rc find_table(leat_pg_source *s, uint32_t *oid, leat_err *e)
{
    leat_arena a = {0};
    leat_pg_tables t;
    *oid = 0;
    leat_rc rc = leat_pg_source_sql(s, e);
    if (rc == LEAT_OK) rc = leat_pg_rules_tables(&s->rules, &s->sql, &a, &t, e);
    for (size_t i = 0; rc == LEAT_OK && i < t.ncaptured; i++) {
        const leat_pg_relation *r = t.captured[i];
        const char *name = leat_arena_printf(&a, "%s.%s", r->schema, r->name);
        if (strcmp(name, s->inc->first->name) == 0) *oid = r->oid;
    }
    leat_arena_free(&a);
    return rc;
}

static int column_of(const leat_pg_table *t, const char *name)
{
    for (uint16_t i = 0; i < t->ncols; i++)
        if (strcmp(t->cols[i].name, name) == 0) return i;
    return -1;
}

/* The columns to read it by; none: it cannot be read so. */
static void choose_columns(leat_pg_increment *inc)
{
    const leat_pg_table *t = inc->table;
    const char *surrogate = inc->first->surrogate;
    inc->nby = 0;
    inc->keyed = inc->rel->table->nkey > 0;
    for (uint16_t i = 0; i < (surrogate ? 1 : t->nkey) && i < LEAT_PG_KEYS; i++) {
        int at = column_of(t, surrogate ? surrogate : t->key[i]);
        bool hidden = at >= 0 && !inc->keyed && inc->rel->field[at] == LEAT_PG_NO_FIELD;
        if (at < 0 || !t->cols[at].not_null || hidden) {
            inc->nby = 0;
            return;
        }
        inc->by[inc->nby++] = (uint16_t)at;
    }
}

/* Reads what the catalog has of it now. */
static leat_rc read_table(leat_pg_source *s, uint32_t oid, leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    leat_origin *usual = s->origin;
    const leat_pg_table *t;
    leat_pg_rel *rel;
    LEAT_TRY(leat_pg_source_sql(s, e));
    leat_arena described = {0};
    leat_rc rc = leat_pg_table_read(&s->sql, oid, &described, &t, e);
    if (rc == LEAT_OK && !t)
        rc = leat_fail(e, LEAT_CONF, "postgres.table_missing", inc->first->name,
                       "the table was dropped while it was read");
    s->origin = s->row_origin;
    if (rc == LEAT_OK) rc = leat_pg_rel_of_table(s, t, &rel, e);
    s->origin = usual;
    if (rc != LEAT_OK) {
        leat_arena_free(&described);
        return rc;
    }
    leat_arena_free(&inc->described);
    inc->described = described;
    leat_pg_rel_free(inc->rel);
    inc->rel = rel;
    inc->table = t;
    inc->changed = false;
    uint16_t n = inc->nby;
    choose_columns(inc);
    if (n != inc->nby && (inc->sent || inc->maximum)) inc->sent = inc->maximum = NULL;
    return LEAT_OK;
}

/* inc->rel is there when it gives OK with a first table left. */
static leat_rc begin_table(leat_pg_source *s, leat_batch *b, leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    while (inc->first && (!inc->rel || inc->changed)) {
        uint32_t oid;
        LEAT_TRY(find_table(s, &oid, e));
        if (oid == 0) {
            leat_log(LEAT_WARN, "signal.table_missing",
                     "id=\"%s\" table=\"%s\" is not captured: there is none of this name, or "
                     "table.include.list and its like leave it out",
                     inc->first->id, inc->first->name);
            leat_pg_increment_next(s, b, "UNKNOWN_SCHEMA");
            continue;
        }
        LEAT_TRY(read_table(s, oid, e));
        if (inc->nby) continue;
        leat_log(LEAT_WARN, "signal.no_key",
                 "id=\"%s\" table=\"%s\" %s: only a blocking snapshot can read it", inc->first->id,
                 inc->first->name,
                 inc->first->surrogate ? "its surrogate-key is no column that is NOT NULL"
                                       : "it has no primary key or unique index on columns that "
                                         "are NOT NULL, and the signal no surrogate-key");
        leat_pg_increment_next(s, b, "NO_PRIMARY_KEY");
    }
    return LEAT_OK;
}

/* ---- the view ---- */

static leat_rc take_view(leat_pg_source *s, const char *before, leat_err *e)
{
    leat_buf sql = {0};
    s->inc->seen = s->inc->nrecent;
    leat_buf_str_z(&sql, before);
    leat_buf_str_z(&sql, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                         " SELECT pg_catalog.txid_current_snapshot(), " LOG_END);
    return send(s, LEAT_PG_STEP_VIEW, &sql, e);
}

/* "xmin:xmax:xip,xip..." */
static bool read_view(leat_pg_increment *inc, leat_str text)
{
    uint64_t v;
    size_t n = 0;
    if (!leat_str_u64(leat_str_cut(&text, ':'), &inc->xmin)) return false;
    if (!text.s || !leat_str_u64(leat_str_cut(&text, ':'), &inc->xmax)) return false;
    for (size_t i = 0; i < text.len; i++) n += text.s[i] == ',';
    inc->running = LEAT_NEW(&inc->arena, uint64_t, n + 1);
    inc->nrunning = 0;
    while (text.s && text.len) {
        if (!leat_str_u64(leat_str_cut(&text, ','), &v)) return false;
        inc->running[inc->nrunning++] = v;
    }
    return true;
}

/* A transaction that was read before the view was asked for is not in it. */
static bool lacks(const leat_pg_source *s)
{
    const leat_pg_increment *inc = s->inc;
    uint64_t n = inc->seen < LEAT_PG_RECENT ? inc->seen : LEAT_PG_RECENT;
    if (s->server.standby) return false; /* see below: all that is not before xmin is noted */
    for (uint64_t i = inc->seen - n; i < inc->seen; i++)
        if (!leat_pg_increment_sees(s, inc->recent[i & (LEAT_PG_RECENT - 1)])) return true;
    return false;
}

static leat_rc look_at_view(leat_pg_source *s, leat_err *e)
{
    PGresult *res;
    leat_pg_increment *inc = s->inc;
    leat_rc rc = answer(s, &res, e);
    if (rc != LEAT_OK) return rc;
    bool good = read_view(inc, leat_pg_cell(res, 0, 0)) &&
                leat_lsn_parse(leat_pg_cell(res, 0, 1), &inc->end_lsn);
    PQclear(res);
    if (!good) return leat_fail(e, LEAT_RETRY, "postgres.protocol", "", "the server told no view");
    if (lacks(s)) return take_view(s, "COMMIT; ", e);
    return inc->maximum ? ask_rows(s, e) : ask_maximum(s, e);
}

/* ---- answers ---- */

/* No more rows of this table: the next one under the same view, or the end. */
static leat_rc table_done(leat_pg_source *s, leat_batch *b, const char *status, leat_err *e)
{
    leat_pg_increment_next(s, b, status);
    LEAT_TRY(begin_table(s, b, e));
    return s->inc->first ? ask_maximum(s, e) : close_window(s, e);
}

static leat_rc look_at_maximum(leat_pg_source *s, leat_batch *b, leat_err *e)
{
    PGresult *res;
    leat_pg_increment *inc = s->inc;
    leat_rc rc = answer(s, &res, e);
    if (rc != LEAT_OK) return rc;
    if (PQntuples(res) == 0) {
        PQclear(res);
        return table_done(s, b, "EMPTY", e);
    }
    leat_java_key *v = LEAT_NEW(&inc->keys, leat_java_key, inc->nby);
    for (uint16_t i = 0; i < inc->nby; i++)
        v[i] = (leat_java_key){leat_pg_increment_key_type(inc, i),
                               leat_arena_str(&inc->keys, leat_pg_cell(res, 0, i))};
    int64_t width = leat_pg_cell_i64(res, 0, inc->nby, 8192);
    inc->limit = BUDGET / (uint64_t)(width > 0 ? width : 1) + 1;
    inc->maximum = v;
    PQclear(res);
    return ask_rows(s, e);
}

static const char *key_text(const leat_pg_increment *inc, const leat_java_key *key, leat_arena *a)
{
    leat_buf b = {0};
    for (uint16_t i = 0; i < inc->nby; i++) {
        leat_buf_str_z(&b, i ? "," : "");
        leat_buf_add(&b, key[i].text);
    }
    leat_str text = leat_arena_str(a, leat_buf_str(&b));
    leat_buf_free(&b);
    return text.s;
}

static leat_rc look_at_rows(leat_pg_source *s, leat_batch *b, leat_err *e)
{
    PGresult *res;
    leat_pg_increment *inc = s->inc;
    leat_rc rc = answer(s, &res, e);
    if (rc != LEAT_OK) return rc;
    rc = leat_pg_increment_hold(s, res, e);
    PQclear(res);
    LEAT_TRY(rc);
    if (inc->nheld == 0) return table_done(s, b, "SUCCEEDED", e);
    if (s->notify) {
        leat_pg_increment_tell(s, b,
                               (leat_notice){.type = "IN_PROGRESS",
                                             .current = inc->first->name,
                                             .maximum_key = key_text(inc, inc->maximum, &b->arena),
                                             .last_key = key_text(inc, inc->end, &b->arena)},
                               true);
        leat_pg_safe_here(s, b);
    }
    inc->step = LEAT_PG_STEP_CLOSE; /* rows are there: changes look at them from now on */
    return close_window(s, e);
}

static leat_rc look_at_close(leat_pg_source *s, leat_err *e)
{
    PGresult *res;
    leat_pg_increment *inc = s->inc;
    leat_rc rc = answer(s, &res, e);
    if (rc != LEAT_OK) return rc;
    PQclear(res);
    inc->since_us = leat_mono_us();
    if (inc->windowed) return send_z(s, LEAT_PG_STEP_END, "SELECT " LOG_END, e);
    inc->step = LEAT_PG_STEP_HELD;
    return LEAT_OK;
}

static leat_rc look_at_end(leat_pg_source *s, leat_err *e)
{
    PGresult *res;
    leat_rc rc = answer(s, &res, e);
    if (rc != LEAT_OK) return rc;
    bool good = leat_lsn_parse(leat_pg_cell(res, 0, 0), &s->inc->end_lsn);
    PQclear(res);
    if (!good)
        return leat_fail(e, LEAT_RETRY, "postgres.protocol", "",
                         "the server told no end of its log");
    s->inc->step = LEAT_PG_STEP_HELD;
    return LEAT_OK;
}

/* ---- the chunk as a whole ---- */

/* Windows are Debezium's way; where they cannot be written it goes without. */
static bool with_windows(const leat_pg_source *s)
{
    const leat_capture_conf *c = &s->conf->capture;
    return c->signal_tables.n > 0 && !c->read_only && !s->server.standby && !s->inc->no_writes;
}

static leat_rc begin_chunk(leat_pg_source *s, leat_batch *b, leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    PGresult *res;
    if (inc->paused) return LEAT_AGAIN;
    if (inc->asking) { /* of the chunk before */
        leat_rc rc = answer(s, &res, e);
        if (rc != LEAT_OK) return rc;
        PQclear(res);
    }
    LEAT_TRY(begin_table(s, b, e));
    if (!inc->first) return LEAT_AGAIN;
    if (!inc->sql.pg) LEAT_TRY(leat_pg_connect(&inc->sql, &s->conf->target, false, s->app, e));
    leat_pg_increment_drop(inc);
    leat_uuid4(inc->chunk);
    inc->windowed = with_windows(s);
    return inc->windowed ? open_window(s, e) : take_view(s, "", e);
}

static leat_rc look_at_open(leat_pg_source *s, leat_err *e)
{
    PGresult *res;
    leat_pg_increment *inc = s->inc;
    leat_rc rc = answer(s, &res, e);
    if (rc == LEAT_AGAIN || rc == LEAT_RETRY) return rc;
    if (rc == LEAT_OK) {
        PQclear(res);
    } else {
        leat_log(LEAT_WARN, e->code,
                 "the signal table %s cannot be written to, so this snapshot goes on without "
                 "Debezium's watermarks: %s",
                 s->conf->capture.signal_tables.v[0], e->msg);
        inc->no_writes = true;
        inc->windowed = false;
    }
    return take_view(s, "", e);
}

/* The stream is behind all that the view shows. */
static bool passed(const leat_pg_source *s)
{
    return s->at.lsn >= s->inc->end_lsn || s->idle_end >= s->inc->end_lsn;
}

static leat_rc held(leat_pg_source *s, leat_batch *b, leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    int64_t now = leat_mono_us();
    if (inc->nheld == 0) {
        leat_pg_increment_drop(inc);
        return inc->first ? LEAT_OK : LEAT_AGAIN;
    }
    if (passed(s)) {
        bool missed = inc->windowed && s->conf->capture.watermarks == LEAT_WATERMARKS_INSERT;
        if (missed)
            leat_log(LEAT_WARN, "signal.table_not_sent",
                     "what is written to the signal table %s does not come back with the stream: "
                     "the publication lacks the table. This snapshot goes on without watermarks; "
                     "signals in the table are not seen",
                     s->conf->capture.signal_tables.v[0]);
        if (missed) inc->no_writes = true;
        leat_pg_increment_release(s, b, s->at.lsn);
        leat_pg_safe_here(s, b);
        return LEAT_OK;
    }
    if (s->server.standby || now - inc->since_us < FLUSH_US) return LEAT_AGAIN;
    return send_z(s, LEAT_PG_STEP_FLUSH, "SELECT pg_catalog.txid_current()", e);
}

static leat_rc look_at_flush(leat_pg_source *s, leat_err *e)
{
    PGresult *res;
    leat_rc rc = answer(s, &res, e);
    if (rc != LEAT_OK) return rc;
    PQclear(res);
    s->inc->since_us = leat_mono_us();
    s->inc->step = LEAT_PG_STEP_HELD;
    return LEAT_OK;
}

static leat_rc one(leat_pg_source *s, leat_batch *b, leat_err *e)
{
    switch (s->inc->step) {
    case LEAT_PG_STEP_NONE: return begin_chunk(s, b, e);
    case LEAT_PG_STEP_OPEN: return look_at_open(s, e);
    case LEAT_PG_STEP_VIEW: return look_at_view(s, e);
    case LEAT_PG_STEP_MAXIMUM: return look_at_maximum(s, b, e);
    case LEAT_PG_STEP_ROWS: return look_at_rows(s, b, e);
    case LEAT_PG_STEP_CLOSE: return look_at_close(s, e);
    case LEAT_PG_STEP_END: return look_at_end(s, e);
    case LEAT_PG_STEP_FLUSH: return look_at_flush(s, e);
    case LEAT_PG_STEP_HELD: return held(s, b, e);
    }
    return LEAT_AGAIN;
}

void leat_pg_increment_abandon(leat_pg_increment *inc)
{
    leat_pg_close(&inc->sql);
    inc->asking = false;
    leat_pg_increment_drop(inc);
}

/* The stream described the table anew, as it does before its first change, too. If it is another
 * one now, what was read of the chunk is read again. */
static leat_rc look_again(leat_pg_source *s, leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    uint64_t was = inc->rel->table->fingerprint;
    leat_rc rc = read_table(s, inc->rel->id, e);
    if (rc == LEAT_OK && inc->rel->table->fingerprint != was) {
        inc->rows -= inc->nheld;
        leat_pg_increment_abandon(inc);
    }
    return rc;
}

leat_rc leat_pg_increment_step(leat_pg_source *s, leat_batch *b, leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    leat_err why;
    leat_rc rc = LEAT_OK;
    if (inc->changed && inc->step != LEAT_PG_STEP_NONE) rc = look_again(s, &why);
    while (rc == LEAT_OK && !leat_batch_full(b)) rc = one(s, b, &why);
    if (rc == LEAT_FATAL) {
        *e = why;
        return rc;
    }
    if (!leat_rc_failed(rc)) return LEAT_OK;
    leat_log_err(LEAT_WARN, &why);
    leat_pg_increment_abandon(inc);
    if (rc == LEAT_RETRY)
        inc->retry_us = leat_mono_us() + RETRY_US;
    else if (inc->first)
        leat_pg_increment_next(s, b, "SQL_EXCEPTION");
    return LEAT_OK;
}
