/* The table of an incremental snapshot that is read now: looked up, asked for, told about.
 *
 * The engine asks for it (leat_source_chunks) and has its chunks read; what it tells of them goes
 * into the rows' source blocks, the notifications and the position. Run by the task's thread. */
#include "base/clock.h"
#include "base/log.h"
#include "source/postgres/incremental.h"
#include "source/postgres/ranges.h"
#include "source/postgres/view.h"
#include "system/postgres/quote.h"

enum {
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
};

/* ---- what is kept ---- */

static void free_ask(leat_pg_ask *x)
{
    leat_arena_free(&x->a);
    leat_free(x);
}

void leat_pg_ask_let_go(leat_pg_increment *inc)
{
    leat_arena_free(&inc->keys);
    inc->maximum = inc->sent = NULL;
    inc->nkeys = 0;
    if (!inc->ask) return;
    inc->ask->next = inc->left;
    inc->left = inc->ask;
    inc->ask = NULL;
}

void leat_pg_asks_free(leat_pg_increment *inc)
{
    leat_pg_ask_let_go(inc);
    for (leat_pg_ask *x = inc->left, *next; x; x = next) {
        next = x->next;
        free_ask(x);
    }
    inc->left = NULL;
}

/* How Debezium keeps a column of a key. */
static leat_java_type key_type(uint32_t type)
{
    switch (type) {
    case OID_INT8: return LEAT_JAVA_LONG;
    case OID_INT2:
    case OID_INT4: return LEAT_JAVA_INT;
    default: return LEAT_JAVA_TEXT;
    }
}

/* A bound's values as a key; NULL: it has none. */
static const leat_java_key *key_of(const leat_pg_ask *x, leat_str bound, leat_arena *a)
{
    const leat_str *values = bound.s ? leat_pg_range_values(x->by, bound, a) : NULL;
    if (!values) return NULL;
    leat_java_key *key = LEAT_NEW(a, leat_java_key, x->by->n);
    for (uint16_t i = 0; i < x->by->n; i++)
        key[i] = (leat_java_key){x->types[i], leat_arena_str(a, values[i])};
    return key;
}

static const leat_java_key *key_copy(const leat_java_key *key, uint16_t n, leat_arena *a)
{
    leat_java_key *copy = key ? LEAT_NEW(a, leat_java_key, n) : NULL;
    for (uint16_t i = 0; key && i < n; i++)
        copy[i] = (leat_java_key){key[i].type, leat_arena_str(a, key[i].text)};
    return copy;
}

/* How far it is, for the position. What a bound does not say stays as it was. */
static void keep_keys(leat_pg_increment *inc, const leat_chunk_told *told)
{
    const leat_pg_ask *x = inc->ask;
    leat_arena keys = {0};
    const leat_java_key *sent = key_of(x, told->upto, &keys);
    const leat_java_key *maximum = key_of(x, told->end, &keys);
    if (!sent) sent = key_copy(inc->sent, inc->nkeys, &keys);
    if (!maximum) maximum = key_copy(inc->maximum, inc->nkeys, &keys);
    leat_arena_free(&inc->keys);
    inc->keys = keys;
    inc->nkeys = x->by->n;
    inc->sent = sent;
    inc->maximum = maximum;
}

static const char *key_text(const leat_java_key *key, uint16_t n, leat_arena *a)
{
    const char *text = "";
    for (uint16_t i = 0; i < n; i++)
        text = leat_arena_printf(a, "%s%s" LEAT_STR_FMT, text, i ? "," : "",
                                 LEAT_STR_ARG(key[i].text));
    return text;
}

/* ---- the next table ---- */

/* The first table's turn is over. status: SUCCEEDED, EMPTY ... */
static void next(leat_pg_source *s, leat_batch *b, const char *status, uint64_t rows)
{
    leat_pg_increment *inc = s->inc;
    const leat_pg_wanted *w = inc->first;
    leat_log(strcmp(status, "SUCCEEDED") == 0 ? LEAT_INFO : LEAT_WARN, "signal.table_done",
             "id=\"%s\" table=\"%s\" status=%s rows=%llu", w->id, w->name, status,
             (unsigned long long)rows);
    leat_pg_increment_tell(s, b,
                           (leat_notice){.type = "TABLE_SCAN_COMPLETED",
                                         .scanned = w->name,
                                         .rows = (int64_t)rows,
                                         .status = status},
                           true);
    leat_pg_ask_let_go(inc);
    inc->first = w->next;
    if (!inc->first)
        leat_pg_increment_tell(s, b, (leat_notice){.type = "COMPLETED", .id = w->id}, false);
}

static int column_of(const leat_pg_table *t, const char *name)
{
    for (uint16_t i = 0; i < t->ncols; i++)
        if (strcmp(t->cols[i].name, name) == 0) return i;
    return -1;
}

/* The columns to read it by; NULL: it cannot be read so. */
static const char *const *choose_columns(const leat_pg_wanted *w, const leat_pg_table *t,
                                         const leat_pg_rel *rel, uint16_t *n, leat_arena *a)
{
    bool keyed = rel->table->nkey > 0 || rel->table->nid > 0;
    *n = w->surrogate ? 1 : t->nkey;
    const char **names = LEAT_NEW(a, const char *, *n);
    for (uint16_t i = 0; i < *n; i++) {
        names[i] = leat_arena_strdup(a, w->surrogate ? w->surrogate : t->key[i]);
        int at = column_of(t, names[i]);
        bool hidden = at >= 0 && !keyed && rel->field[at] == LEAT_PG_NO_FIELD;
        if (at < 0 || !t->cols[at].not_null || hidden) return NULL;
    }
    return *n > 0 && *n <= LEAT_PG_KEYS ? names : NULL;
}

/* What stands in the position as the range that is left. */
static void put_range(const leat_pg_increment *inc, leat_pg_ask *x)
{
    leat_str values[LEAT_PG_KEYS];
    if (inc->nkeys != x->by->n) return;
    for (uint16_t i = 0; inc->sent && i < inc->nkeys; i++) values[i] = inc->sent[i].text;
    if (inc->sent) x->table.from = leat_pg_range_behind(x->by, values, &x->a);
    for (uint16_t i = 0; inc->maximum && i < inc->nkeys; i++) values[i] = inc->maximum[i].text;
    if (inc->maximum) x->table.to = leat_pg_range_behind(x->by, values, &x->a);
}

/* Windows are Debezium's way; where they cannot be written it goes without. */
static bool with_windows(const leat_pg_source *s)
{
    const leat_capture_conf *c = &s->conf->capture;
    return c->signal_tables.n > 0 && !c->read_only && !s->server.standby &&
           !atomic_load(&s->inc->no_writes);
}

static void fill(leat_pg_source *s, leat_pg_ask *x, const leat_pg_table *t)
{
    const leat_pg_wanted *w = s->inc->first;
    leat_arena *a = &x->a;
    leat_buf quoted = {0};
    leat_pg_quote_table(&quoted, t->schema, t->name);
    x->snap.schema = leat_arena_strdup(a, t->schema);
    x->snap.name = leat_arena_strdup(a, t->name);
    x->snap.quoted = leat_arena_str(a, leat_buf_str(&quoted)).s;
    x->snap.only = !s->conf->faults && t->kind == 'r';
    x->snap.windows = with_windows(s);
    x->snap.no_writes = &s->inc->no_writes;
    x->snap.ends = w->next == NULL;
    leat_buf_free(&quoted);
    x->table = (leat_snap_table){
        .name = leat_arena_strdup(a, w->name),
        .where = w->filter ? leat_arena_strdup(a, w->filter) : NULL,
        .ask = leat_arena_printf(a, "%s %s", w->asked ? w->asked : "", w->id),
        .by = w->surrogate ? leat_arena_strdup(a, w->surrogate) : NULL,
        .most = (uint64_t)s->conf->capture.chunk_rows,
        .rows = t->rows < 0 || w->filter ? -1 : (int64_t)t->rows,
        .bytes = -1,
        .priority = -1,
        .keyed = true,
        .priv = &x->snap,
    };
    x->types = LEAT_NEW(a, leat_java_type, x->by->n);
    for (uint16_t i = 0; i < x->by->n; i++)
        x->types[i] = key_type(t->cols[column_of(t, x->by->names[i])].type);
    put_range(s->inc, x);
}

/* *fits: it can be read by these columns. */
static leat_rc look_at(leat_pg_source *s, uint32_t oid, leat_pg_ask *x, bool *fits, leat_err *e)
{
    leat_arena a = {0};
    const leat_pg_table *t;
    leat_pg_rel *rel = NULL;
    *fits = false;
    leat_rc rc = leat_pg_table_read(&s->sql, oid, &a, &t, e);
    if (rc == LEAT_OK && !t)
        rc = leat_fail(e, LEAT_CONF, "postgres.table_missing", s->inc->first->name,
                       "the table was dropped while it was looked up");
    if (rc == LEAT_OK) rc = leat_pg_rel_of_table(s, t, &rel, e);
    if (rc == LEAT_OK) x->snap.by = choose_columns(s->inc->first, t, rel, &x->snap.nby, &x->a);
    if (rc == LEAT_OK && x->snap.by)
        rc = leat_pg_identity_of(&s->sql, oid, x->snap.by, x->snap.nby, &x->a, &x->by, e);
    *fits = rc == LEAT_OK && x->by;
    if (*fits) fill(s, x, t);
    leat_pg_rel_free(rel);
    leat_arena_free(&a);
    return rc;
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

static void skip(leat_pg_source *s, leat_batch *b, uint32_t oid)
{
    const leat_pg_wanted *w = s->inc->first;
    if (oid == 0)
        leat_log(LEAT_WARN, "signal.table_missing",
                 "id=\"%s\" table=\"%s\" is not captured: there is none of this name, or "
                 "table.include.list and its like leave it out",
                 w->id, w->name);
    else
        leat_log(LEAT_WARN, "signal.no_key",
                 "id=\"%s\" table=\"%s\" %s: only a blocking snapshot can read it", w->id, w->name,
                 w->surrogate ? "its surrogate-key is no column that is NOT NULL"
                              : "it has no primary key or unique index on columns that "
                                "are NOT NULL, and the signal no surrogate-key");
    next(s, b, oid == 0 ? "UNKNOWN_SCHEMA" : "NO_PRIMARY_KEY", 0);
    leat_pg_safe_here(s, b);
}

static void give_up(leat_pg_source *s, leat_batch *b, const leat_err *why)
{
    leat_log_err(LEAT_WARN, why);
    next(s, b, "SQL_EXCEPTION", 0);
    leat_pg_safe_here(s, b);
}

leat_rc leat_pg_ask_first(leat_pg_source *s, leat_batch *b, leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    while (inc->first && !inc->ask) {
        bool waits = leat_pg_wanted_new(inc->first) && !inc->first->ready;
        if (waits && s->conf->capture.snapshot_new) return LEAT_OK;
        uint32_t oid;
        bool fits = false;
        leat_pg_ask *x = leat_zalloc(1, sizeof *x);
        leat_rc rc = find_table(s, &oid, e);
        if (rc == LEAT_OK && oid != 0) rc = look_at(s, oid, x, &fits, e);
        if (fits)
            inc->ask = x;
        else
            free_ask(x);
        if (fits || rc == LEAT_RETRY || rc == LEAT_FATAL || !b) return rc;
        if (rc == LEAT_OK)
            skip(s, b, oid);
        else
            give_up(s, b, e);
    }
    return LEAT_OK;
}

/* ---- what the engine asks and tells ---- */

const leat_snap_table *leat_pg_asked(leat_task *task, const leat_snap_table *held, bool *rests)
{
    leat_pg_source *s = task->priv;
    leat_pg_increment *inc = s->inc;
    for (leat_pg_ask **at = &inc->left; *at;) {
        leat_pg_ask *x = *at;
        if (&x->table == held) {
            at = &x->next;
            continue;
        }
        *at = x->next;
        free_ask(x);
    }
    *rests = inc->paused;
    return inc->ask ? &inc->ask->table : NULL;
}

/* They are of the place where they go out. */
static void finish_rows(const leat_pg_source *s, leat_batch *b)
{
    leat_value *src = LEAT_NEW(&b->arena, leat_value, LEAT_PG_SRC_N);
    int64_t now = leat_now_us();
    for (int i = 0; i < LEAT_PG_SRC_N; i++) src[i] = leat_null();
    src[LEAT_PG_SRC_COMMIT] = s->at.commit ? leat_int((int64_t)s->at.commit) : leat_null();
    src[LEAT_PG_SRC_LSN] = leat_int((int64_t)s->at.lsn);
    for (uint32_t i = 0; i < b->n; i++) {
        if (b->ev[i].op != LEAT_OP_READ) continue;
        b->ev[i].src = src;
        b->ev[i].ts_us = b->ev[i].seen_us = now;
    }
}

/* The row that closes a chunk's window should have come with the stream by now. */
static void look_for_close(leat_pg_source *s, const leat_pg_view *v)
{
    leat_pg_increment *inc = s->inc;
    if (!v->chunk[0] || s->conf->capture.watermarks != LEAT_WATERMARKS_INSERT) return;
    for (unsigned i = 0; i < LEAT_PG_CLOSED; i++)
        if (strcmp(inc->closed[i], v->chunk) == 0) return;
    if (atomic_exchange(&inc->no_writes, true)) return;
    leat_log(
        LEAT_WARN, "signal.table_not_sent",
        "what is written to the signal table %s does not come back with the stream: the "
        "publication lacks the table. This snapshot goes on without watermarks; signals in the "
        "table are not seen",
        s->conf->capture.signal_tables.v[0]);
}

static void tell_progress(leat_pg_source *s, leat_batch *b)
{
    const leat_pg_increment *inc = s->inc;
    if (!s->notify || !inc->maximum || !inc->sent) return;
    leat_pg_increment_tell(
        s, b,
        (leat_notice){.type = "IN_PROGRESS",
                      .current = inc->first->name,
                      .maximum_key = key_text(inc->maximum, inc->nkeys, &b->arena),
                      .last_key = key_text(inc->sent, inc->nkeys, &b->arena)},
        true);
}

static void safe(leat_pg_source *s, leat_batch *b)
{
    leat_buf text = {0};
    leat_batch_safe(b, leat_pg_stream_position(s, &text));
    leat_buf_free(&text);
}

leat_rc leat_pg_told(leat_task *task, leat_batch *b, const leat_chunk_told *told, leat_err *e)
{
    leat_pg_source *s = task->priv;
    leat_pg_increment *inc = s->inc;
    (void)e;
    finish_rows(s, b);
    if (told->last && told->view) look_for_close(s, told->view->priv);
    if (told->last && inc->ask && told->table == &inc->ask->table) {
        keep_keys(inc, told);
        tell_progress(s, b);
    }
    safe(s, b);
    return LEAT_OK;
}

leat_rc leat_pg_over(leat_task *task, leat_batch *b, const leat_chunk_told *told,
                     const leat_err *why, leat_err *e)
{
    leat_pg_source *s = task->priv;
    bool failed = leat_rc_failed(why->rc), empty = told->rows == 0 && told->chunks == 0;
    (void)e;
    if (failed) leat_log_err(LEAT_WARN, why);
    if (s->inc->ask && told->table == &s->inc->ask->table)
        next(s, b, failed ? "SQL_EXCEPTION" : empty ? "EMPTY" : "SUCCEEDED", told->rows);
    safe(s, b);
    return LEAT_OK;
}
