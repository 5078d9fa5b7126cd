/* Snapshots beside the stream: the engine's driver, windows and ledger over a model database, whose
 * transactions run on between any two steps.
 *
 * Each seed makes a database (beside_db.h), a stream (beside_stream.c, with the oracles) and
 * several lives of an engine, whose readers are steps on the same thread, in the dice's order.
 * SEED=n runs one seed, SEEDS=n as many. The plants leave out one rule each, by taking the place of
 * a function of the product or by a source that is not careful: some seed must find it. */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "beside_world.h"
#include "capture/conf.h"

enum { LIVES = 5, PLANT_SEEDS = 10000, STEPS_MOST = 60000 };

world *w;

void complain(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (!*w->why) vsnprintf(w->why, sizeof w->why, fmt, args);
    va_end(args);
    w->dead = true;
    if (w->engine) leat_engine_stop(w->engine);
}

void trace(const char *fmt, ...)
{
    static int wanted = -1;
    if (wanted < 0) wanted = getenv("VERBOSE") != NULL;
    if (!wanted) return;
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "%8llu ", w->steps + 0ull);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
}

static bool due(uint32_t *countdown)
{
    return *countdown > 0 && --*countdown == 0;
}

/* Where the stream is when all was sent. */
static int64_t idle_at(void)
{
    const bdb *d = &w->db;
    if (!d->standby) return d->flushed;
    return d->replay_at > 0 ? d->replay_at : w->at;
}

/* An ad hoc snapshot has begun, or will. */
static bool asks_left(void)
{
    unsigned over = w->stream.durable.over;
    return over < w->stream.nasks && w->stream.ask[over].from <= idle_at();
}

/* All that there is was read. */
static bool at_end(void)
{
    return w->last && w->settled && bstream_done(w->stream.state.progress) &&
           w->stream.durable.lsn >= idle_at() && !asks_left();
}

/* True: the process is dead. */
static bool step(void)
{
    if (w->dead) return true;
    w->now += 1 + dice_below(&w->dice, 200);
    for (unsigned n = dice_below(&w->dice, 3); n > 0; n--) bdb_step(&w->db);
    if (due(&w->restart_in) && w->db.standby) bdb_restart(&w->db);
    if (due(&w->settle_in)) {
        bdb_settle(&w->db);
        w->settled = true;
    }
    if (at_end() && w->engine) leat_engine_stop(w->engine);
    if (w->stream.nasks > 0 && dice_one_in(&w->dice, 200)) w->rests = !w->rests && !w->settled;
    if (w->settled) w->rests = false;
    if (++w->steps > STEPS_MOST) complain("no end");
    if (due(&w->stop_in) && w->engine) leat_engine_stop(w->engine);
    if (due(&w->pause_in) && w->engine) {
        leat_engine_pause(w->engine, true);
        w->paused_left = dice_range(&w->dice, 1, 10);
    }
    if (due(&w->crash_in)) {
        w->dead = true;
        if (w->engine) leat_engine_stop(w->engine);
    }
    return w->dead;
}

static leat_rc dead(leat_err *e)
{
    return leat_fail(e, LEAT_FATAL, "sim.dead", NULL, "the process is dead");
}

static bool flaky(void)
{
    if (w->failures == 0 || !dice_one_in(&w->dice, w->flaky)) return false;
    w->failures--;
    return true;
}

static leat_rc broken(leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "sim.broken", NULL, "the connection broke");
}

/* ---- clock ---- */

static int64_t clock_now(void)
{
    return w->now += 1;
}

static void clock_sleep(int64_t us)
{
    w->now += us;
    step();
    if (due(&w->paused_left) && w->engine) leat_engine_pause(w->engine, false);
}

static unsigned pick(unsigned n)
{
    return dice_below(&w->dice, n);
}

/* ---- tables ---- */

static leat_table *make_table(unsigned i)
{
    static const uint16_t id[] = {0};
    static const char *const names[] = {"id", "v", "big", "pad"};
    static leat_column cols[4];
    leat_table *t = leat_table_new(w->origin);
    leat_arena *a = &t->arena;
    leat_field *fields = LEAT_NEW(a, leat_field, 4);
    for (unsigned c = 0; c < 4; c++)
        fields[c] = (leat_field){names[c], leat_schema_new(a, LEAT_T_INT64, c > 0)};
    leat_schema *row = leat_schema_struct(a, true, "sim.Value", 0, 4);
    leat_schema *key = leat_schema_struct(a, false, "sim.Key", 0, 1);
    row->fields = key->fields = fields;
    t->name = leat_arena_printf(a, "t%u", i + 1);
    t->topic = t->name;
    t->row = row;
    t->key = key;
    t->cols = cols;
    t->key_cols = t->id_cols = id;
    t->nkey = 1;
    t->nid = i == BDB_BARE ? 0 : 1;
    leat_table_seal(t);
    return t;
}

static leat_value *cells(leat_arena *a, unsigned key, bdb_row row, bool absent, bool only_key)
{
    leat_value *v = LEAT_NEW(a, leat_value, 4);
    v[0] = leat_int(key);
    v[1] = only_key ? leat_absent() : leat_int(row.v);
    v[2] = only_key || absent ? leat_absent() : leat_int(row.big);
    v[3] = leat_null();
    return v;
}

/* ---- the source's stream ---- */

static leat_rc s_open(leat_task *t, const leat_position *pos, size_t n, leat_err *e)
{
    bdb *d = &w->db;
    if (step()) return dead(e);
    if (flaky()) return broken(e);
    if (!w->slot) {
        bdb_see_all(d);
        w->slot = true;
        w->slot_at = d->flushed;
        w->stream.place = bdb_sendable(d);
    }
    w->at = n > 0 ? bstream_lsn(pos->offset) : w->slot_at;
    w->over = n > 0 ? bstream_over(pos->offset) : 0;
    w->reads = 0;
    w->starts = d->starts;
    if (w->at > idle_at()) { /* it has to replay its log first */
        bdb_step(d);
        return broken(e);
    }
    w->next = w->op = 0;
    while (w->next < d->norder && d->tx[d->order[w->next]].end <= w->at) w->next++;
    w->hurried = false;
    t->priv = w;
    return LEAT_OK;
}

static void add_change(leat_batch *b, const bdb_op *op, unsigned x, unsigned seq)
{
    leat_event *ev = leat_batch_add(b, w->table[op->table]);
    bool moved = op->to != op->key, bare = op->table == BDB_BARE;
    ev->op = (uint8_t)op->op;
    ev->tx = x + BDB_FIRST;
    ev->tx_seq = seq + 1;
    if (op->op == 'd' || (op->op == 'u' && (moved || bare)))
        ev->before = cells(&b->arena, op->key, op->was, false, !bare);
    if (op->op == 'c' || op->op == 'u')
        ev->after = cells(&b->arena, op->to, op->is, op->absent, false);
    b->counts.received++;
}

static void safe(leat_batch *b, int64_t lsn)
{
    char text[48];
    w->at = lsn;
    leat_batch_safe(b, bstream_position(lsn, w->over, text));
}

static bool asks(void)
{
    unsigned late = w->plant == LATE_ASK ? 6 : 0;
    return w->over < w->stream.nasks && w->at >= w->stream.ask[w->over].from && w->reads >= late;
}

/* An ad hoc snapshot is stopped, now and then. */
static void drop_ask(leat_batch *b)
{
    if (!asks() || !b->safe.offset.s || !dice_one_in(&w->dice, 100)) return;
    w->stream.ask[w->over].dropped = true;
    w->over++;
    safe(b, w->at);
}

static leat_rc s_read(leat_task *t, leat_batch *b, int wait_ms, leat_err *e)
{
    bdb *d = &w->db;
    (void)t;
    if (step()) return dead(e);
    if (flaky() || d->starts != w->starts) return broken(e);
    w->reads++;
    if (due(&w->db_crash_in) && !d->standby) {
        bdb_crash(d);
        return broken(e);
    }
    b->tx_open = w->op > 0;
    unsigned most = dice_range(&w->dice, 1, 8), sendable = bdb_sendable(d);
    for (; most > 0 && w->next < sendable; most--) {
        unsigned x = d->order[w->next];
        const bdb_tx *tx = &d->tx[x];
        if (w->op < tx->n) add_change(b, &tx->ops[w->op], x, w->op);
        b->tx_open = true;
        if (w->op < tx->n && ++w->op < tx->n) continue;
        w->op = 0;
        w->next++;
        safe(b, tx->end);
    }
    if (w->op == 0) drop_ask(b);
    if (b->n > 0 || b->safe.offset.s) return LEAT_OK;
    w->now += wait_ms * 1000;
    if (w->next < sendable || w->op > 0 || idle_at() <= w->at) return LEAT_AGAIN;
    if (!w->hurried && !dice_one_in(&w->dice, 4)) return LEAT_AGAIN;
    w->hurried = false;
    safe(b, idle_at() > w->at ? idle_at() : w->at);
    return LEAT_OK;
}

static leat_rc s_ack(leat_task *t, leat_position pos, leat_err *e)
{
    (void)t;
    if (step()) return dead(e);
    if (bstream_lsn(pos.offset) > w->stream.durable.lsn)
        complain("acknowledged is " LEAT_STR_FMT ", which is not durable",
                 LEAT_STR_ARG(pos.offset));
    return flaky() ? broken(e) : LEAT_OK;
}

static void s_close(leat_task *t)
{
    t->priv = NULL;
}

/* ---- the source's chunks ---- */

typedef struct chunk_reader {
    unsigned view;   /* number */
    unsigned starts; /* of the server, when the session began */
    leat_range range;
    unsigned key;
    bool begun, locked;
} chunk_reader;

static leat_rc s_plan(leat_task *t, leat_plan *plan, leat_err *e)
{
    char text[48];
    (void)t;
    if (step()) return dead(e);
    plan->beside = true;
    plan->readers = w->readers;
    leat_position start = bstream_position(w->at, w->over, text);
    plan->start = (leat_position){start.partition, leat_arena_str(plan->a, start.offset)};
    for (unsigned i = 0; i < BDB_TABLES; i++) {
        if (i == BDB_BARE && !w->db.bare) continue;
        leat_snap_table *table = LEAT_NEW(plan->a, leat_snap_table, 1);
        *table = (leat_snap_table){.name = w->table[i]->name,
                                   .keyed = i != BDB_BARE,
                                   .priority = (int)i % 2,
                                   .priv = (const void *)(uintptr_t)i};
        *plan->tables_tail = table;
        plan->tables_tail = &table->next;
    }
    return LEAT_OK;
}

static leat_rc c_open(leat_chunk_reader *r, leat_err *e)
{
    if (step()) return dead(e);
    if (flaky()) return broken(e);
    chunk_reader *x = leat_zalloc(1, sizeof *x);
    x->starts = w->db.starts;
    r->priv = x;
    return LEAT_OK;
}

static int bound(leat_str s, int otherwise)
{
    int n = 0;
    if (!s.s) return otherwise;
    for (size_t i = 1; i < s.len && s.s[i] >= '0' && s.s[i] <= '9'; i++) n = n * 10 + s.s[i] - '0';
    return n;
}

static leat_rc c_cut(leat_chunk_reader *r, const leat_range *range, uint64_t bytes, unsigned most,
                     leat_arena *a, leat_str *bounds, unsigned *n, leat_err *e)
{
    (void)r;
    (void)bytes;
    if (step()) return dead(e);
    if (flaky()) return broken(e);
    int from = bound(range->from, 0), to = bound(range->to, BDB_KEYS);
    bool end = range->table->ask && !range->to.s;
    for (int k = from + 1; k < to && *n + end < most; k++)
        if (most == 1 ? 2 * k >= from + to : dice_one_in(&w->dice, 3))
            bounds[(*n)++] = leat_str_of(leat_arena_printf(a, "[%d]", k));
    if (end) bounds[(*n)++] = leat_str_of(leat_arena_printf(a, "[%d]", BDB_KEYS));
    return LEAT_OK;
}

static leat_rc c_begin(leat_chunk_reader *r, const leat_range *range, leat_arena *a,
                       leat_view *view, leat_err *e)
{
    chunk_reader *x = r->priv;
    if (step()) return dead(e);
    bool lost = x->starts != w->db.starts && dice_one_in(&w->dice, 2);
    if (flaky() || lost) return broken(e);
    if (w->nviews == w->views_cap) {
        w->views_cap = w->views_cap ? w->views_cap * 2 : 16;
        w->views = leat_realloc(w->views, w->views_cap * sizeof *w->views);
    }
    struct view *v = &w->views[w->nviews];
    unsigned t = (unsigned)(uintptr_t)range->table->priv;
    memset(v, 0, sizeof *v);
    v->start = w->db.replay_at;
    int64_t before = w->db.insert;
    if (w->plant != LATE_LOCK) {
        bdb_wait(&w->db, t);
        w->db.readers[t]++;
    }
    bdb_look(&w->db, &v->v);
    if (t == BDB_BARE && w->plant != UNFLUSHED) bdb_flush(&w->db);
    for (size_t i = 0; i < w->stream.ntxs; i++) v->noted[w->stream.txs[i] - BDB_FIRST] = true;
    for (unsigned n = dice_below(&w->dice, 4); n > 0; n--) bdb_step(&w->db);
    v->end = w->plant == FLUSHED_END ? w->db.flushed : w->db.insert;
    if (w->plant == END_FIRST) v->end = before;
    if (w->db.standby) v->end = v->v.end + (v->v.received != v->v.end && w->plant != REPLAYED);
    *x =
        (chunk_reader){.view = w->nviews++, .starts = w->db.starts, .range = *range, .begun = true};
    x->locked = w->plant != LATE_LOCK;
    trace("reader %u begins view %u of %s from " LEAT_STR_FMT " to " LEAT_STR_FMT
          " (%u keys), its end %lld",
          r->id, x->view, range->table->name, LEAT_STR_ARG(range->from), LEAT_STR_ARG(range->to),
          range->nkeys, v->end + 0ll);
    view->text = leat_str_of(leat_arena_printf(a, "{\"view\":%u}", x->view));
    view->priv = (void *)(uintptr_t)x->view;
    return LEAT_OK;
}

static void let_go(chunk_reader *x)
{
    unsigned t = (unsigned)(uintptr_t)x->range.table->priv;
    if (x->locked && x->starts == w->db.starts) w->db.readers[t]--;
    x->locked = x->begun = false;
}

/* LATE_LOCK: what was truncated since the view was taken is not there any more. */
static void lock_table(chunk_reader *x, unsigned t)
{
    bdb *d = &w->db;
    struct view *v = &w->views[x->view];
    for (unsigned i = 0; i < d->ntx; i++)
        for (unsigned o = 0; bdb_shows(d, i) && !v->v.in[i] && o < d->tx[i].n; o++)
            if (d->tx[i].ops[o].op == 't' && d->tx[i].ops[o].table == t)
                memset(v->v.image.row[t], 0, sizeof v->v.image.row[0]);
    d->readers[t]++;
    x->locked = true;
}

static bool wanted(const leat_range *range, unsigned key)
{
    int from = bound(range->from, 0), to = bound(range->to, BDB_KEYS), k = (int)key;
    if (range->nkeys == 0 && w->plant == ORDER && w->lives % 2 == 1)
        return (!range->from.s || k <= from) && (!range->to.s || k > to);
    if (range->nkeys == 0) return k >= from && k < to;
    for (uint32_t i = 0; i < range->nkeys; i++)
        if (range->keys[i].u.i == (int64_t)key) return true;
    return false;
}

static leat_rc c_read(leat_chunk_reader *r, leat_batch *b, leat_err *e)
{
    chunk_reader *x = r->priv;
    unsigned t = (unsigned)(uintptr_t)x->range.table->priv;
    if (step()) return dead(e);
    if (flaky() || x->starts != w->db.starts) return broken(e);
    if (!x->locked) lock_table(x, t);
    for (unsigned most = dice_range(&w->dice, 1, 6); x->key < BDB_KEYS; x->key++) {
        bdb_row row = w->views[x->view].v.image.row[t][x->key];
        if (row.v == 0 || !wanted(&x->range, x->key)) continue;
        if (most-- == 0) return LEAT_AGAIN;
        leat_event *ev = leat_batch_add(b, w->table[t]);
        leat_value *v = cells(&b->arena, x->key, row, false, false);
        if (w->wide > x->key) /* only its size matters */
            v[3] = leat_text(leat_arena_str(&b->arena, (leat_str){w->pad, PAD}));
        ev->op = LEAT_OP_READ;
        ev->snapshot = LEAT_SNAPSHOT_TRUE;
        ev->after = v;
        ev->seen_us = x->view;
        b->counts.rows_read++;
    }
    let_go(x);
    return LEAT_OK;
}

static leat_rc c_drop(leat_chunk_reader *r, leat_err *e)
{
    if (step()) return dead(e);
    let_go(r->priv);
    return LEAT_OK;
}

static void c_close(leat_chunk_reader *r)
{
    chunk_reader *x = r->priv;
    if (x->begun) let_go(x);
    leat_free(x);
}

static bool c_contains(const leat_view *view, uint64_t number)
{
    const struct view *v = &w->views[(uintptr_t)view->priv];
    uint64_t tx = number - BDB_FIRST;
    if (w->plant == BEHIND && w->judging) return true;
    if (w->plant == LATE_NOTES && w->deciding && v->noted[tx]) return true;
    if (w->db.standby) return w->plant == RUNNING_IN ? tx < v->v.n : tx < v->v.xmin;
    return tx < v->v.n && v->v.in[tx];
}

static leat_cover c_covers(const leat_view *view, leat_position pos)
{
    const struct view *v = &w->views[(uintptr_t)view->priv];
    if (!w->db.standby) return LEAT_COVER_UNKNOWN;
    bool all = w->plant == COVERS || v->start >= bstream_lsn(pos.offset);
    return all ? LEAT_COVER_ALL : LEAT_COVER_LACKS;
}

static bool c_passed(const leat_view *view, leat_position pos)
{
    return w->plant == EARLY_ROWS || bstream_lsn(pos.offset) >= w->views[(uintptr_t)view->priv].end;
}

static leat_rc c_view(leat_str text, leat_arena *a, leat_view *out, leat_err *e)
{
    (void)a;
    (void)e;
    *out = (leat_view){text, (void *)(uintptr_t)strtoul(text.s + 8, NULL, 10)};
    return LEAT_OK;
}

static leat_rc c_hurry(leat_task *t, const leat_view *view, leat_err *e)
{
    (void)t;
    (void)view;
    if (step()) return dead(e);
    if (!w->db.standby) bdb_flush(&w->db);
    w->hurried = true;
    return LEAT_OK;
}

static const leat_snap_table *c_asked(leat_task *t, const leat_snap_table *held, bool *rests)
{
    (void)t;
    (void)held;
    *rests = w->rests;
    if (!asks()) return NULL;
    static const char *const names[BESIDE_ASKS] = {"ask-0", "ask-1", "ask-2"};
    unsigned table = w->stream.ask[w->over].table;
    w->ask[w->over] = (leat_snap_table){.name = w->table[table]->name,
                                        .ask = names[w->over],
                                        .keyed = true,
                                        .priority = -1,
                                        .most = 3,
                                        .priv = (const void *)(uintptr_t)table};
    return &w->ask[w->over];
}

static leat_rc c_told(leat_task *t, leat_batch *b, const leat_chunk_told *told, leat_err *e)
{
    (void)t;
    (void)told;
    if (step()) return dead(e);
    if (w->op > 0) complain("rows of an ad hoc snapshot go out inside of a transaction");
    safe(b, w->at);
    return LEAT_OK;
}

static leat_rc c_over(leat_task *t, leat_batch *b, const leat_chunk_told *told, const leat_err *why,
                      leat_err *e)
{
    (void)t;
    if (step()) return dead(e);
    if (leat_rc_failed(why->rc)) complain("an ad hoc snapshot failed: %s", why->msg);
    if (asks() && told->table == &w->ask[w->over]) w->over++;
    safe(b, w->at);
    return LEAT_OK;
}

static const leat_capture_conf *s_capture(const void *conf)
{
    static leat_capture_conf c;
    (void)conf;
    c.snapshot_threads = w->readers;
    return &c;
}

/* ---- the stream ---- */

static leat_rc st_append(leat_stream *s, const leat_batch *b, leat_str progress, leat_err *e)
{
    (void)s;
    if (step()) return dead(e);
    if (due(&w->full_in)) return leat_fail(e, LEAT_RETRY, "os.enospc", NULL, "the disk is full");
    return bstream_append(&w->stream, b, progress, e);
}

static leat_rc st_commit(leat_stream *s, leat_err *e)
{
    (void)s;
    if (step()) return dead(e);
    bstream_commit(&w->stream, &w->db);
    return w->dead ? dead(e) : LEAT_OK;
}

static leat_rc st_rollback(leat_stream *s, leat_err *e)
{
    (void)s;
    if (step()) return dead(e);
    bstream_rollback(&w->stream);
    return LEAT_OK;
}

static size_t st_pending(const leat_stream *s)
{
    (void)s;
    return (w->stream.n - w->stream.durable.n) * 100;
}

static const leat_stream_state *st_state(const leat_stream *s)
{
    (void)s;
    return &w->stream.state;
}

static leat_rc no_letters(leat_dead_store *d, const leat_dead *letters, leat_err *e)
{
    (void)d;
    (void)letters;
    (void)e;
    return LEAT_OK;
}

/* ---- lives ---- */

static const leat_source *make_source(void)
{
    static const leat_source_chunks chunks = {.open = c_open,
                                              .cut = c_cut,
                                              .begin = c_begin,
                                              .read = c_read,
                                              .drop = c_drop,
                                              .close = c_close,
                                              .contains = c_contains,
                                              .covers = c_covers,
                                              .passed = c_passed,
                                              .view = c_view,
                                              .hurry = c_hurry,
                                              .asked = c_asked,
                                              .told = c_told,
                                              .over = c_over};
    static const leat_source source = {.abi = LEAT_SOURCE_ABI,
                                       .size = sizeof(leat_source),
                                       .name = "sim",
                                       .open = s_open,
                                       .plan = s_plan,
                                       .read = s_read,
                                       .ack = s_ack,
                                       .close = s_close,
                                       .capture = s_capture,
                                       .chunks = &chunks};
    return &source;
}

static void live(void)
{
    static const leat_stream_ops ops = {.name = "sim",
                                        .append = st_append,
                                        .commit = st_commit,
                                        .rollback = st_rollback,
                                        .pending = st_pending,
                                        .state = st_state};
    leat_dead_store letters = {no_letters};
    leat_err e = {0};
    w->stream.base.ops = &ops;
    leat_engine_conf conf = {.source = make_source(),
                             .connector = "sim",
                             .run_id = "r",
                             .stream = &w->stream.base,
                             .dead = &letters,
                             .pick = pick,
                             .batch_events = dice_steep(&w->dice, 5),
                             .memory = w->memory,
                             .retry = {.max_us = 1000000, .limit = -1}};
    w->engine = leat_engine_new(&conf);
    leat_rc rc = leat_engine_run(w->engine, &e);
    if (!w->dead && rc != LEAT_OK) complain("run: %s: %s", e.code, e.msg);
    leat_engine_free(w->engine);
    w->engine = NULL;
}

static void draw_asks(void)
{
    dicebox *d = &w->dice;
    w->stream.nasks = dice_one_in(d, 2) ? dice_range(d, 1, BESIDE_ASKS) : 0;
    int64_t from = 0;
    for (unsigned i = 0; i < w->stream.nasks; i++) {
        from += dice_below(d, 300);
        w->stream.ask[i] = (bask){.table = dice_below(d, BDB_BARE), .from = from};
    }
}

static void draw_life(bool last)
{
    dicebox *d = &w->dice;
    w->dead = false;
    w->last = last;
    w->crash_in = w->stop_in = w->pause_in = w->full_in = w->flaky = w->settle_in = w->db_crash_in =
        w->restart_in = 0;
    w->failures = 12;
    w->paused_left = 0;
    w->readers = dice_range(d, 1, 4);
    w->wide = dice_one_in(d, 3) ? dice_range(d, 1, BDB_KEYS) : 0;
    w->memory = dice_one_in(d, 3) ? dice_range(d, 1 << 9, 8 << 10) : 1 << 20;
    if (dice_one_in(d, 3)) w->pause_in = dice_steep(d, 8);
    if (dice_one_in(d, 3)) w->flaky = dice_range(d, 5, 60);
    if (dice_one_in(d, 3)) w->full_in = dice_steep(d, 5);
    if (dice_one_in(d, 4)) w->db_crash_in = dice_steep(d, dice_range(d, 1, 8));
    if (dice_one_in(d, 3)) w->restart_in = dice_steep(d, dice_range(d, 1, 10));
    w->settle_in = last ? dice_steep(d, 10) : 0;
    if (last) return;
    if (dice_one_in(d, 4))
        w->stop_in = dice_steep(d, 10);
    else
        w->crash_in = dice_steep(d, 10);
}

static void free_world(void)
{
    for (unsigned i = 0; i < BDB_TABLES; i++) leat_table_unpin(w->table[i]);
    leat_origin_unpin(w->origin);
    bstream_free(&w->stream);
    leat_free(w->views);
}

static bool run_seed(uint64_t seed, plant p)
{
    static const leat_clock clock = {clock_now, clock_now, clock_sleep};
    *w = (world){.dice = {seed * 0x2545f4914f6cdd1du}, .plant = p, .now = 1000000};
    leat_clock_use(&clock);
    bdb_init(&w->db, &w->dice);
    bstream_init(&w->stream, &w->db, 0);
    w->origin = leat_origin_new();
    w->origin->schema = leat_schema_struct(&w->origin->arena, false, "sim.Source", 1, 0);
    for (unsigned i = 0; i < BDB_TABLES; i++) w->table[i] = make_table(i);
    for (unsigned n = dice_below(&w->dice, 60); n > 0; n--) bdb_step(&w->db);
    draw_asks();
    unsigned lives = dice_below(&w->dice, LIVES);
    for (unsigned i = 0; i <= lives && !*w->why; i++) {
        draw_life(i == lives);
        w->lives = i;
        live();
        if (!*w->why) bstream_crash(&w->stream, &w->db, dice_one_in(&w->dice, 2));
    }
    if (!*w->why && !bstream_done(leat_buf_str(&w->stream.durable.progress)))
        complain("end: the snapshot is not done");
    leat_clock_use(NULL);
    free_world();
    return !*w->why;
}

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void test_seeds(void **state)
{
    (void)state;
    uint64_t one = number("SEED", 0), from = number("FROM", 1), most = number("SEEDS", 10000);
    for (uint64_t seed = one ? one : from; seed <= (one ? one : most); seed++)
        if (!run_seed(seed, NONE)) fail_msg("SEED=%llu: %s", seed + 0ull, w->why);
}

static void test_plants(void **state)
{
    (void)state;
    unsigned missed = 0;
    for (plant p = NONE + 1; p < PLANTS; p++) {
        uint64_t seed = 1;
        while (seed <= PLANT_SEEDS && run_seed(seed, p)) seed++;
        if (!run_seed(seed, NONE)) fail_msg("SEED=%llu: %s", seed + 0ull, w->why);
        if (seed <= PLANT_SEEDS) run_seed(seed, p);
        if (seed > PLANT_SEEDS)
            print_message("%s is not found in %d seeds\n", beside_plants[p], PLANT_SEEDS);
        else
            print_message("%s is found: seed %llu, %s\n", beside_plants[p], seed + 0ull, w->why);
        missed += seed > PLANT_SEEDS;
    }
    assert_int_equal(missed, 0);
}

static void test_replay(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        run_seed(seed, NONE);
        uint64_t steps = w->steps;
        int64_t now = w->now;
        run_seed(seed, NONE);
        assert_int_equal(steps, w->steps);
        assert_int_equal(now, w->now);
    }
}

int main(void)
{
    static world the_world;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_plants),
        cmocka_unit_test(test_replay),
    };
    w = &the_world;
    leat_log_setup(LEAT_ERROR, false, NULL, -1);
    return cmocka_run_group_tests_name("beside", tests, NULL, NULL);
}
