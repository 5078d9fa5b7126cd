/* The table of an incremental snapshot that is read now: looked up, asked for, told about.
 *
 * The engine asks for it (leat_source_chunks) and has its chunks read; what it tells of them goes
 * into the rows' source blocks, the notifications and the position. Run by the task's thread. */
#include "base/clock.h"
#include "base/log.h"
#include "capture/increment.h"

/* Of tables that cannot be read, until the stream goes on. What was told of them is in a safe
 * place then. */
enum { TURN_TABLES = 100, TURN_US = 200000 };

/* ---- what is kept ---- */

static void free_ask(leat_asked *x)
{
    leat_arena_free(&x->a);
    leat_free(x);
}

void leat_increment_let_go(leat_increment *inc)
{
    leat_arena_free(&inc->keys);
    inc->maximum = inc->sent = NULL;
    inc->nkeys = 0;
    if (!inc->ask) return;
    inc->ask->next = inc->left;
    inc->left = inc->ask;
    inc->ask = NULL;
}

void leat_increment_asks_free(leat_increment *inc)
{
    leat_increment_let_go(inc);
    for (leat_asked *x = inc->left, *next; x; x = next) {
        next = x->next;
        free_ask(x);
    }
    inc->left = NULL;
}

/* A bound's values as a key; NULL: it has none. */
static const leat_java_key *key_of(const leat_asked *x, leat_str bound, leat_arena *a)
{
    bool behind = false;
    const leat_str *values = bound.s ? leat_bound_read(x->order, x->n, bound, a, &behind) : NULL;
    if (!values || !behind) return NULL;
    leat_java_key *key = LEAT_NEW(a, leat_java_key, x->n);
    for (uint16_t i = 0; i < x->n; i++)
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
static void keep_keys(leat_increment *inc, const leat_chunk_told *told)
{
    const leat_asked *x = inc->ask;
    leat_arena keys = {0};
    const leat_java_key *sent = key_of(x, told->upto, &keys);
    const leat_java_key *maximum = key_of(x, told->end, &keys);
    if (!sent) sent = key_copy(inc->sent, inc->nkeys, &keys);
    if (!maximum) maximum = key_copy(inc->maximum, inc->nkeys, &keys);
    leat_arena_free(&inc->keys);
    inc->keys = keys;
    inc->nkeys = x->n;
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
static void next(leat_increment *inc, leat_batch *b, const char *status, uint64_t rows)
{
    const leat_wanted *w = inc->first;
    leat_log(strcmp(status, "SUCCEEDED") == 0 ? LEAT_INFO : LEAT_WARN, "signal.table_done",
             "id=\"%s\" table=\"%s\" status=%s rows=%llu", w->id, w->name, status,
             (unsigned long long)rows);
    leat_increment_tell(inc, b,
                        (leat_notice){.type = "TABLE_SCAN_COMPLETED",
                                      .scanned = w->name,
                                      .rows = (int64_t)rows,
                                      .status = status},
                        true);
    leat_increment_let_go(inc);
    inc->first = w->next;
    if (inc->first) return;
    inc->tail = &inc->first;
    leat_increment_tell(inc, b, (leat_notice){.type = "COMPLETED", .id = w->id}, false);
}

/* What stands in the position as the range that is left. */
static void put_range(const leat_increment *inc, leat_asked *x)
{
    leat_str values[LEAT_INCREMENT_KEYS];
    if (inc->nkeys != x->n) return;
    for (uint16_t i = 0; inc->sent && i < inc->nkeys; i++) values[i] = inc->sent[i].text;
    if (inc->sent) x->table.from = leat_bound_write(x->order, x->n, values, true, &x->a);
    for (uint16_t i = 0; inc->maximum && i < inc->nkeys; i++) values[i] = inc->maximum[i].text;
    if (inc->maximum) x->table.to = leat_bound_write(x->order, x->n, values, true, &x->a);
}

/* *fits: it can be read. */
static leat_rc look_up(leat_increment *inc, leat_asked *x, bool *fits, leat_err *e)
{
    const leat_wanted *w = inc->first;
    leat_arena *a = &x->a;
    x->table = (leat_snap_table){
        .name = leat_arena_strdup(a, w->name),
        .where = w->filter ? leat_arena_strdup(a, w->filter) : NULL,
        .ask = leat_arena_printf(a, "%s %s", w->asked ? w->asked : "", w->id),
        .by = w->surrogate ? leat_arena_strdup(a, w->surrogate) : NULL,
        .most = (uint64_t)inc->conf->chunk_rows,
        .rows = -1,
        .bytes = -1,
        .priority = -1,
        .keyed = true,
    };
    LEAT_TRY(inc->calls->look(inc->arg, w, x, e));
    *fits = !x->missing && x->order && x->n > 0 && x->n <= LEAT_INCREMENT_KEYS;
    if (*fits) put_range(inc, x);
    return LEAT_OK;
}

static void skip(leat_increment *inc, leat_batch *b, const char *missing)
{
    const leat_wanted *w = inc->first;
    if (missing)
        leat_log(LEAT_WARN, "signal.table_missing", "id=\"%s\" table=\"%s\" is not captured: %s",
                 w->id, w->name, missing);
    else
        leat_log(
            LEAT_WARN, "signal.no_key",
            "id=\"%s\" table=\"%s\" %s%s: only a blocking snapshot can read it: leat signal NAME "
            "snapshot %s --blocking",
            w->id, w->name,
            w->surrogate ? "its surrogate-key is no column that is NOT NULL"
                         : "it has no primary key or unique index on columns that are NOT NULL",
            w->surrogate || leat_wanted_new(w) ? "" : ", and the signal no surrogate-key", w->name);
    next(inc, b, missing ? "UNKNOWN_SCHEMA" : "NO_PRIMARY_KEY", 0);
    inc->calls->safe(inc->arg, b);
}

static void give_up(leat_increment *inc, leat_batch *b, const leat_err *why)
{
    leat_log_err(LEAT_WARN, why);
    next(inc, b, "SQL_EXCEPTION", 0);
    inc->calls->safe(inc->arg, b);
}

leat_rc leat_increment_ask(leat_increment *inc, leat_batch *b, leat_err *e)
{
    unsigned left_out = 0;
    int64_t begun = leat_mono_us();
    while (inc->first && !inc->ask) {
        bool waits = leat_wanted_new(inc->first) && !inc->first->ready;
        if (waits && inc->conf->snapshot_new) return LEAT_OK;
        bool fits = false;
        leat_asked *x = leat_zalloc(1, sizeof *x);
        leat_rc rc = look_up(inc, x, &fits, e);
        bool over = fits || !b || rc == LEAT_RETRY || rc == LEAT_FATAL;
        if (fits)
            inc->ask = x;
        else if (!over && rc == LEAT_OK)
            skip(inc, b, x->missing);
        else if (!over)
            give_up(inc, b, e);
        if (!fits) free_ask(x);
        if (over) return rc;
        if (++left_out == TURN_TABLES || leat_mono_us() - begun > TURN_US || leat_batch_full(b))
            return LEAT_OK;
    }
    return LEAT_OK;
}

/* ---- what the engine asks and tells ---- */

const leat_snap_table *leat_increment_asked(leat_increment *inc, const leat_snap_table *held,
                                            bool *rests)
{
    for (leat_asked **at = &inc->left; *at;) {
        leat_asked *x = *at;
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
static void finish_rows(const leat_increment *inc, leat_batch *b)
{
    const leat_value *src = inc->calls->origin(inc->arg, &b->arena);
    int64_t now = leat_now_us();
    for (uint32_t i = 0; i < b->n; i++) {
        if (b->ev[i].op != LEAT_OP_READ) continue;
        b->ev[i].src = src;
        b->ev[i].ts_us = b->ev[i].seen_us = now;
    }
}

/* The row that closes a chunk's window should have come with the stream by now. */
static void look_for_close(leat_increment *inc, const leat_view *v)
{
    const char *id = inc->calls->window(v);
    if (!id || !id[0] || inc->conf->watermarks != LEAT_WATERMARKS_INSERT) return;
    for (unsigned i = 0; i < LEAT_INCREMENT_CLOSED; i++)
        if (strcmp(inc->closed[i], id) == 0) return;
    if (atomic_exchange(&inc->no_writes, true)) return;
    leat_log(LEAT_WARN, "signal.table_not_sent",
             "what is written to the signal table %s does not come back with the stream: %s. This "
             "snapshot goes on without watermarks; signals in the table are not seen",
             inc->conf->signal_tables.v[0], inc->calls->not_sent);
}

static void tell_progress(leat_increment *inc, leat_batch *b)
{
    if (!inc->notify || !inc->maximum || !inc->sent) return;
    leat_increment_tell(inc, b,
                        (leat_notice){.type = "IN_PROGRESS",
                                      .current = inc->first->name,
                                      .maximum_key = key_text(inc->maximum, inc->nkeys, &b->arena),
                                      .last_key = key_text(inc->sent, inc->nkeys, &b->arena)},
                        true);
}

static void safe(leat_increment *inc, leat_batch *b)
{
    leat_buf text = {0};
    leat_batch_safe(b, inc->calls->position(inc->arg, &text));
    leat_buf_free(&text);
}

leat_rc leat_increment_told(leat_increment *inc, leat_batch *b, const leat_chunk_told *told,
                            leat_err *e)
{
    (void)e;
    finish_rows(inc, b);
    if (told->last && told->view) look_for_close(inc, told->view);
    if (told->last && inc->ask && told->table == &inc->ask->table) {
        keep_keys(inc, told);
        tell_progress(inc, b);
    }
    safe(inc, b);
    return LEAT_OK;
}

leat_rc leat_increment_over(leat_increment *inc, leat_batch *b, const leat_chunk_told *told,
                            const leat_err *why, leat_err *e)
{
    bool failed = leat_rc_failed(why->rc), empty = told->rows == 0 && told->chunks == 0;
    (void)e;
    if (failed) leat_log_err(LEAT_WARN, why);
    if (inc->ask && told->table == &inc->ask->table)
        next(inc, b, failed ? "SQL_EXCEPTION" : empty ? "EMPTY" : "SUCCEEDED", told->rows);
    safe(inc, b);
    return LEAT_OK;
}
