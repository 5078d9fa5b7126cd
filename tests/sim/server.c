/* The model database as a source connector (source/source.h), and its server.
 *
 * It behaves like a logical replication slot: what was acknowledged is gone for good, transactions
 * come whole and in commit order, one that was cut off comes again from its beginning; some servers
 * go on where they are asked to, some at what was acknowledged, and then what is known already is
 * dropped and counted. Connections break anywhere. Nothing that a dead process says is heard. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "event.h"
#include "sim.h"

const leat_str sim_partition = {"{\"server\":\"shop\"}", 17};

leat_str sim_position(int64_t lsn, char out[64])
{
    snprintf(out, 64, "{\"lsn\":%" PRId64 "}", lsn);
    return leat_str_of(out);
}

int64_t sim_position_lsn(leat_str offset)
{
    int64_t lsn = -1;
    if (offset.len < 9 || !leat_str_starts(offset, "{\"lsn\":")) return -1;
    leat_str rest = {offset.s + 7, offset.len - 8};
    return leat_str_i64(leat_str_cut(&rest, ','), &lsn) ? lsn : -1;
}

leat_str sim_letter_position(int64_t lsn, char out[64])
{
    snprintf(out, 64, "{\"lsn\":%" PRId64 ",\"dead\":true}", lsn);
    return leat_str_of(out);
}

int64_t sim_op_lsn(const db_tx *tx, uint32_t op)
{
    return tx->begin + op;
}

/* Two of each, so that a connection has table objects of its own. Made once for all runs. */
static db_schema schemas[2];

const db_schema *sim_schema(unsigned which)
{
    if (!schemas[which].origin) db_schema_make(&schemas[which]);
    return &schemas[which];
}

void sim_end(void)
{
    for (unsigned i = 0; i < 2; i++)
        if (schemas[i].origin) db_schema_free(&schemas[i]);
}

static leat_rc dead(leat_err *e)
{
    return leat_fail(e, LEAT_FATAL, "sim.dead", NULL, "the process is dead");
}

static leat_rc broken(leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "sim.connection", NULL, "the connection broke");
}

/* Transactions go on being committed. */
static void live(server *v)
{
    sim *s = the_sim;
    uint32_t left = s->db.ntxs - v->head;
    if (s->life.last)
        v->head = s->db.ntxs;
    else if (left > 0 && dice_one_in(&s->dice, 3))
        v->head += 1 + dice_below(&s->dice, left < 6 ? left : 6);
}

/* ---- connecting ---- */

static uint32_t tx_behind(const db *d, int64_t lsn)
{
    uint32_t i = 0;
    while (i < d->ntxs && d->txs[i].end <= lsn) i++;
    return i;
}

/* Places that were not reached durably may still turn out to be. */
static void forget_reached(ledger *l)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < l->n; i++)
        if (l->places[i].lsn > l->lsn) l->places[kept++] = l->places[i];
    l->n = kept;
}

static void start_at(server *v, int64_t asked)
{
    sim *s = the_sim;
    v->asked = asked;
    v->tx = tx_behind(&s->db, v->rewinds ? v->forgot : asked);
    v->op = 0;
    v->in_tx = false;
    v->told = asked;
    v->deduplicated = 0;
    v->open = true;
    v->schema ^= 1;
    forget_reached(&s->ledger);
}

static leat_rc source_open(leat_task *t, const leat_position *pos, size_t n, leat_err *e)
{
    sim *s = the_sim;
    server *v = &s->server;
    (void)t;
    if (sim_step(ACT_CONNECT, (int64_t)n, v->forgot)) return dead(e);
    if (dice_one_in(&s->dice, s->life.flaky)) return broken(e);
    if (!v->slot) {
        v->slot = true;
        v->from = v->head;
        v->forgot = db_before(&s->db, v->head);
    }
    int64_t asked = n == 0 ? v->forgot : sim_position_lsn(pos[0].offset);
    if (n == 0 && s->ledger.lsn >= 0)
        sim_fail("position", "asked for no position after %lld was durable",
                 (long long)s->ledger.lsn);
    else if (n > 1 || asked < 0)
        sim_fail("position", "%zu positions, the first %" PRId64, n, asked);
    else if (asked < v->forgot)
        sim_fail("acked", "asked to start at %" PRId64 ", but %" PRId64 " was acknowledged", asked,
                 v->forgot);
    s->ledger.deduplicated = s->ledger.total_deduplicated;
    start_at(v, asked);
    return s->dead ? dead(e) : LEAT_OK;
}

static void source_close(leat_task *t)
{
    (void)t;
    the_sim->server.open = false;
    if (dice_one_in(&the_sim->dice, 3)) sim_edit(the_sim->stream);
}

/* ---- snapshot ---- */

row_fate sim_row_fate(db_row row)
{
    if (row.stamp % 41 == 7) return ROW_DEAD;
    return row.stamp % 37 == 5 ? ROW_FILTERED : ROW_KEPT;
}

static void open_view(sim *s)
{
    if (s->nviews == s->views_cap) {
        s->views_cap = s->views_cap ? s->views_cap * 2 : 4;
        s->views = leat_realloc(s->views, s->views_cap * sizeof(sim_view));
    }
    sim_view *v = &s->views[s->nviews++];
    *v = (sim_view){.head = s->server.head};
    db_view(&s->db, v->head, &v->image);
    for (uint32_t i = 0; i < v->head; i++)
        for (uint32_t k = 0; k < s->db.txs[i].n; k++)
            if (s->db.ops[s->db.txs[i].first + k].version > v->version)
                v->version = s->db.ops[s->db.txs[i].first + k].version;
    for (unsigned t = 0; t < 3; t++) {
        for (unsigned k = 0; k < DB_KEYS; k++) {
            db_row row = v->image.rows[t][k];
            if (row.stamp == 0) continue;
            if (sim_row_fate(row) == ROW_KEPT)
                v->visible++;
            else
                s->db.tainted[t][k] = true;
        }
    }
}

static leat_rc source_plan(leat_task *t, leat_plan *plan, leat_err *e)
{
    static const char *const names[] = {"public.orders", "public.items", "public.audit"};
    sim *s = the_sim;
    (void)t;
    if (sim_step(ACT_PLAN, s->server.snapshot, s->nviews)) return dead(e);
    if (dice_one_in(&s->dice, s->life.flaky)) return broken(e);
    if (!s->server.no_start) {
        char text[64];
        plan->start = (leat_position){sim_partition,
                                      leat_arena_str(plan->a, sim_position(s->server.asked, text))};
    }
    if (!s->server.snapshot) return LEAT_OK;
    live(&s->server);
    bool resumes = s->plant == PLANT_RESUMED && s->nviews > 0;
    unsigned from = resumes ? s->server.row / DB_KEYS : 0;
    open_view(s);
    for (unsigned i = from; i < 3; i++) {
        leat_chunk *chunk = LEAT_NEW(plan->a, leat_chunk, 1);
        *chunk = (leat_chunk){.table = names[i], .rows = -1};
        *plan->tail = chunk;
        plan->tail = &chunk->next;
        plan->n++;
    }
    s->server.row = from * DB_KEYS;
    return LEAT_OK;
}

static void add_row(sim *s, leat_batch *b, unsigned table, unsigned key)
{
    sim_view *v = &s->views[s->nviews - 1];
    db_row row = v->image.rows[table][key];
    if (row.stamp == 0) return;
    b->counts.rows_read++;
    switch (sim_row_fate(row)) {
    case ROW_FILTERED: b->counts.rows_filtered++; return;
    case ROW_DEAD: {
        char text[64];
        leat_dead letter = {.bytes = db_text(row),
                            .position = sim_letter_position(-row.stamp, text)};
        leat_batch_dead_row(b, &(leat_tally){0}, &letter);
        return;
    }
    case ROW_KEPT: break;
    }
    event_add_row(b, sim_schema(s->server.schema), table, table == DB_ORDERS ? v->version : 0, key,
                  row, s->nviews, db_before(&s->db, v->head));
}

static leat_rc source_read_chunk(leat_task *t, leat_chunk *chunk, leat_batch *b, leat_err *e)
{
    sim *s = the_sim;
    (void)t;
    (void)chunk;
    if (sim_step(ACT_ROWS, s->server.row, 0)) return dead(e);
    if (dice_one_in(&s->dice, s->life.flaky)) return broken(e);
    live(&s->server);
    unsigned table = s->server.row / DB_KEYS;
    while (s->server.row < (table + 1) * DB_KEYS) {
        if (leat_batch_full(b)) return LEAT_AGAIN;
        add_row(s, b, table, s->server.row % DB_KEYS);
        s->server.row++;
    }
    return LEAT_OK;
}

/* ---- streaming ---- */

static void safe(sim *s, leat_batch *b, int64_t lsn)
{
    char text[64];
    server *v = &s->server;
    ledger *l = &s->ledger;
    if (lsn <= v->told) return;
    leat_batch_safe(b, (leat_position){sim_partition, sim_position(lsn, text)});
    v->told = lsn;
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 64;
        l->places = leat_realloc(l->places, l->cap * sizeof(safe_place));
    }
    l->places[l->n++] = (safe_place){lsn, l->deduplicated + v->deduplicated};
}

static void dead_letter(leat_batch *b, const db_tx *tx, uint32_t n, const db_op *op)
{
    char text[64];
    leat_dead letter = {.why = {.rc = LEAT_DATA, .code = "sim.undecodable"},
                        .bytes = db_text(op->op == LEAT_OP_DELETE ? op->before : op->after),
                        .position = sim_letter_position(sim_op_lsn(tx, n), text),
                        .table = "public.orders",
                        .ts_us = tx->commit_us};
    leat_batch_dead(b, &(leat_tally){0}, &letter);
}

static void receive(sim *s, leat_batch *b, const db_tx *tx)
{
    server *v = &s->server;
    uint32_t n = v->op++;
    const db_op *op = &s->db.ops[tx->first + n];
    b->tx_open = true;
    bool forgets = s->plant == PLANT_LOST_COUNT && op->fate == DB_FILTERED;
    if (!forgets || !dice_one_in(&s->dice, 4)) b->counts.received++;
    if (tx->end <= v->asked) {
        b->counts.deduplicated++;
        v->deduplicated++;
    } else if (op->fate == DB_FILTERED) {
        b->counts.filtered++;
    } else if (op->fate == DB_DEAD) {
        dead_letter(b, tx, n, op);
    } else {
        event_add(b, sim_schema(v->schema), &s->db, tx, n);
    }
}

/* The next message of the server; false: there is none now. */
static bool message(sim *s, leat_batch *b)
{
    server *v = &s->server;
    while (!v->in_tx && v->tx < v->head && s->db.txs[v->tx].rolled_back) v->tx++;
    if (v->tx >= v->head) return false;
    const db_tx *tx = &s->db.txs[v->tx];
    v->in_tx = true;
    if (v->op < tx->n) {
        receive(s, b, tx);
        if (s->plant == PLANT_KEEPALIVE && dice_one_in(&s->dice, 40)) safe(s, b, tx->end);
        return true;
    }
    if (tx->meta && tx->end > v->asked) event_add(b, sim_schema(v->schema), &s->db, tx, tx->n);
    b->tx_open = false;
    v->in_tx = false;
    v->op = 0;
    v->tx++;
    safe(s, b, tx->end);
    return true;
}

/* Nothing is in flight: the position may follow the log. */
static void keepalive(sim *s, leat_batch *b)
{
    server *v = &s->server;
    if (v->in_tx || v->tx == 0 || v->tx < v->head || !dice_one_in(&s->dice, 2)) return;
    safe(s, b, s->db.txs[v->tx - 1].after);
}

static leat_rc source_read(leat_task *t, leat_batch *b, int wait_ms, leat_err *e)
{
    sim *s = the_sim;
    server *v = &s->server;
    (void)t;
    if (sim_step(ACT_READ, v->tx, v->op)) return dead(e);
    if (dice_one_in(&s->dice, 8)) watch_look(&s->watch, true);
    if (dice_one_in(&s->dice, 8)) sim_merge(s);
    if (!s->kafka && dice_one_in(&s->dice, 30)) sink_live(&s->sink, false);
    if (s->failed) return dead(e);
    live(v);
    bool some = false;
    while (!leat_batch_full(b) && message(s, b)) {
        some = true;
        if (s->life.flaky && dice_one_in(&s->dice, s->life.flaky * 16)) return broken(e);
        if (dice_one_in(&s->dice, 30)) return LEAT_OK;
    }
    keepalive(s, b);
    if (some || b->safe.offset.s) return LEAT_OK;
    if (s->life.last && !v->in_tx && v->tx == s->db.ntxs) return LEAT_PENDING;
    leat_sleep_us((int64_t)wait_ms * 1000);
    return LEAT_AGAIN;
}

static leat_rc source_ack(leat_task *t, leat_position pos, leat_err *e)
{
    sim *s = the_sim;
    (void)t;
    int64_t lsn = sim_position_lsn(pos.offset);
    if (sim_step(ACT_ACK, lsn, s->server.forgot)) return dead(e);
    if (dice_one_in(&s->dice, s->life.flaky)) return broken(e);
    if (lsn > s->ledger.lsn)
        sim_fail("acked", "%" PRId64 " is acknowledged, but only %" PRId64 " is durable", lsn,
                 s->ledger.lsn);
    else if (lsn < s->server.forgot)
        sim_fail("position", "%" PRId64 " is acknowledged after %" PRId64, lsn, s->server.forgot);
    else
        s->server.forgot = lsn;
    return s->dead ? dead(e) : LEAT_OK;
}

static leat_rc source_beat(leat_task *t, leat_err *e)
{
    (void)t;
    if (sim_step(ACT_BEAT, 0, 0)) return dead(e);
    return dice_one_in(&the_sim->dice, the_sim->life.flaky) ? broken(e) : LEAT_OK;
}

static leat_rc source_end(leat_task *t, leat_arena *a, leat_str *end, leat_err *e)
{
    sim *s = the_sim;
    char text[64];
    (void)t;
    (void)e;
    live(&s->server);
    uint32_t head = s->server.head;
    *end = leat_arena_str(a, sim_position(head ? s->db.txs[head - 1].after : 0, text));
    return LEAT_OK;
}

static bool source_passed(leat_task *t, leat_str end, const leat_position *pos, size_t n)
{
    const leat_position *own = leat_position_find(pos, n, sim_partition);
    (void)t;
    return own && sim_position_lsn(own->offset) >= sim_position_lsn(end);
}

const leat_source sim_source = {
    .abi = LEAT_SOURCE_ABI,
    .size = sizeof(leat_source),
    .name = "sim",
    .title = "Model database",
    .help = "Of the simulator.",
    .open = source_open,
    .plan = source_plan,
    .read_chunk = source_read_chunk,
    .read = source_read,
    .ack = source_ack,
    .beat = source_beat,
    .end = source_end,
    .passed = source_passed,
    .close = source_close,
};
