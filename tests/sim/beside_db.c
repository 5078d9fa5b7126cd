/* The model database; see the header. */
#include "beside_db.h"

#include <stdbool.h>
#include <string.h>

/* ---- images ---- */

static void apply_op(const bdb_op *op, bdb_image *image)
{
    bdb_row *rows = image->row[op->table];
    if (op->op == 't') {
        memset(rows, 0, sizeof image->row[0]);
        return;
    }
    rows[op->key] = (bdb_row){0};
    if (op->op != 'd') rows[op->to] = op->is;
}

void bdb_apply(const bdb_tx *tx, bdb_image *image)
{
    for (unsigned i = 0; i < tx->n; i++) apply_op(&tx->ops[i], image);
}

void bdb_at(const bdb *d, unsigned n, bdb_image *image)
{
    *image = d->first;
    for (unsigned i = 0; i < n; i++) bdb_apply(&d->tx[d->order[i]], image);
}

void bdb_init(bdb *d, dicebox *dice)
{
    *d = (bdb){.dice = dice, .insert = 100, .flushed = 100};
    d->standby = dice_one_in(dice, 5);
    d->bare = !d->standby && dice_one_in(dice, 3); /* a standby's views are not exact */
    d->most = dice_range(dice, 10, BDB_TXS / 2);
    d->moves = dice_range(dice, 1, 6);
    d->truncates = dice_range(dice, 4, 40);
    unsigned sparse = dice_range(dice, 1, 4);
    for (unsigned t = 0; t < BDB_TABLES; t++)
        for (unsigned k = 0; k < BDB_KEYS; k++)
            if ((t != BDB_BARE || d->bare) && dice_below(dice, 4) < sparse)
                d->first.row[t][k] = (bdb_row){d->values + 1, d->values + 1}, d->values++;
    d->tip = d->now = d->first;
}

/* ---- locks ---- */

static void unlock(bdb *d, unsigned x)
{
    for (unsigned t = 0; t < BDB_TABLES; t++)
        for (unsigned k = 0; k < BDB_KEYS; k++)
            if (d->lock[t][k] == (int)x + 1) d->lock[t][k] = 0;
}

static bool take(bdb *d, unsigned x, unsigned t, unsigned k)
{
    if (d->lock[t][k] != 0 && d->lock[t][k] != (int)x + 1) return false;
    d->lock[t][k] = (int)x + 1;
    return true;
}

static bool table_free(const bdb *d, unsigned x, unsigned t)
{
    for (unsigned k = 0; k < BDB_KEYS; k++)
        if (d->lock[t][k] != 0 && d->lock[t][k] != (int)x + 1) return false;
    return d->readers[t] == 0;
}

/* ---- what happens ---- */

static void add_op(bdb *d, unsigned x, bdb_op op)
{
    bdb_tx *tx = &d->tx[x];
    if (op.is.v) {
        d->by[op.is.v].tx = x + 1;
        d->by[op.is.v].op = tx->n;
    }
    tx->ops[tx->n++] = op;
    apply_op(&op, &d->tip);
    d->insert += 1 + dice_below(d->dice, 3);
}

static void truncate(bdb *d, unsigned x, unsigned t)
{
    if (!table_free(d, x, t)) return;
    for (unsigned k = 0; k < BDB_KEYS; k++) take(d, x, t, k);
    add_op(d, x, (bdb_op){.op = 't', .table = (uint8_t)t});
}

static void write_op(bdb *d, unsigned x)
{
    dicebox *dice = d->dice;
    unsigned t = dice_below(dice, d->bare ? BDB_TABLES : BDB_TABLES - 1);
    unsigned k = dice_below(dice, BDB_KEYS), to = k;
    if (dice_one_in(dice, d->truncates) && t != BDB_BARE) {
        truncate(d, x, t);
        return;
    }
    if (!take(d, x, t, k)) return;
    bdb_row was = d->tip.row[t][k], is = {++d->values, d->values};
    if (was.v == 0) {
        add_op(d, x, (bdb_op){'c', (uint8_t)t, (uint8_t)k, (uint8_t)k, false, was, is});
        return;
    }
    if (dice_one_in(dice, 4)) {
        add_op(d, x, (bdb_op){'d', (uint8_t)t, (uint8_t)k, (uint8_t)k, false, was, {0}});
        return;
    }
    bool absent = t != BDB_BARE && !dice_one_in(dice, 3);
    if (absent) is.big = was.big;
    if (t != BDB_BARE && dice_one_in(dice, d->moves)) {
        unsigned other = dice_below(dice, BDB_KEYS);
        if (d->tip.row[t][other].v == 0 && take(d, x, t, other)) to = other;
    }
    add_op(d, x, (bdb_op){'u', (uint8_t)t, (uint8_t)k, (uint8_t)to, absent, was, is});
}

static void see(bdb *d, unsigned x)
{
    if (d->tx[x].seen) return;
    d->tx[x].seen = true;
    bdb_apply(&d->tx[x], &d->now);
    unlock(d, x);
}

static void commit(bdb *d, unsigned x)
{
    bdb_tx *tx = &d->tx[x];
    tx->state = BDB_COMMITTED;
    tx->end = d->insert += 1 + dice_below(d->dice, 3);
    tx->place = d->norder;
    d->order[d->norder++] = x;
    if (d->standby) return; /* it is replayed later */
    switch (dice_below(d->dice, 4)) {
    case 0: see(d, x); break;              /* asynchronous: seen before it is on disk */
    case 1: d->flushed = d->insert; break; /* waits for a replica: sent, not seen */
    default:
        d->flushed = d->insert;
        see(d, x);
        break;
    }
}

static void roll_back(bdb *d, unsigned x)
{
    bdb_tx *tx = &d->tx[x];
    tx->state = BDB_GONE;
    for (unsigned i = tx->n; i-- > 0;) {
        const bdb_op *op = &tx->ops[i];
        if (op->op == 't') /* nobody else could have touched it */
            memcpy(d->tip.row[op->table], d->now.row[op->table], sizeof d->tip.row[0]);
        else {
            d->tip.row[op->table][op->to] = (bdb_row){0};
            d->tip.row[op->table][op->key] = op->was;
        }
    }
    /* Of a truncated table: what it had written there before is gone, too. */
    for (unsigned t = 0; t < BDB_TABLES; t++)
        for (unsigned k = 0; k < BDB_KEYS; k++)
            if (d->lock[t][k] == (int)x + 1) d->tip.row[t][k] = d->now.row[t][k];
    unlock(d, x);
}

static void replay(bdb *d)
{
    if (d->shown > d->replayed)
        d->replay_at = d->tx[d->order[d->replayed++]].end;
    else if (d->shown < d->norder && d->tx[d->order[d->shown]].end <= d->flushed)
        see(d, d->order[d->shown++]);
    else
        d->replay_at = d->flushed;
}

/* A transaction in that state, by the dice; -1: none. */
static int pick(const bdb *d, bdb_state state, bool unseen)
{
    unsigned n = 0;
    for (unsigned i = 0; i < d->ntx; i++)
        n += d->tx[i].state == state && !(unseen && d->tx[i].seen);
    if (n == 0) return -1;
    unsigned nth = dice_below(d->dice, n);
    for (unsigned i = 0; i < d->ntx; i++)
        if (d->tx[i].state == state && !(unseen && d->tx[i].seen) && nth-- == 0) return (int)i;
    return -1;
}

static unsigned running(const bdb *d)
{
    unsigned n = 0;
    for (unsigned i = 0; i < d->ntx; i++) n += d->tx[i].state == BDB_RUNNING;
    return n;
}

void bdb_step(bdb *d)
{
    dicebox *dice = d->dice;
    int x;
    switch (dice_below(dice, 8)) {
    case 0:
        if (d->ntx < d->most && running(d) < 5) d->tx[d->ntx++] = (bdb_tx){0};
        return;
    case 1:
    case 2:
    case 3:
        x = pick(d, BDB_RUNNING, false);
        if (x >= 0 && d->tx[x].n < BDB_OPS) write_op(d, (unsigned)x);
        return;
    case 4:
        x = pick(d, BDB_RUNNING, false);
        if (x < 0) return;
        if (dice_one_in(dice, 8) || d->tx[x].n == 0)
            roll_back(d, (unsigned)x);
        else
            commit(d, (unsigned)x);
        return;
    case 5:
        x = pick(d, BDB_COMMITTED, true);
        if (x >= 0 && !d->standby && dice_one_in(dice, 2)) {
            d->flushed = d->insert;
            see(d, (unsigned)x);
        }
        return;
    case 6:
        if (dice_one_in(dice, 3)) d->flushed = d->insert;
        return;
    default:
        if (d->standby) replay(d);
        if (dice_one_in(dice, 4)) d->insert += dice_below(dice, 5);
        return;
    }
}

void bdb_flush(bdb *d)
{
    d->flushed = d->insert;
}

void bdb_see_all(bdb *d)
{
    bdb_flush(d);
    while (d->standby && d->replay_at < d->flushed) replay(d);
    for (unsigned i = 0; i < d->norder; i++) see(d, d->order[i]);
}

void bdb_settle(bdb *d)
{
    d->most = d->ntx;
    for (unsigned i = 0; i < d->ntx; i++) {
        if (d->tx[i].state != BDB_RUNNING) continue;
        if (d->tx[i].n > 0)
            commit(d, i);
        else
            roll_back(d, i);
    }
    bdb_see_all(d);
    if (!d->standby) d->insert += 8; /* written by nobody's transaction, and flushed by nobody */
}

void bdb_crash(bdb *d)
{
    for (unsigned i = 0; i < d->ntx; i++)
        if (d->tx[i].state == BDB_RUNNING) d->tx[i].state = BDB_GONE;
    while (d->norder > 0 && d->tx[d->order[d->norder - 1]].end > d->flushed)
        d->tx[d->order[--d->norder]].state = BDB_GONE;
    d->insert = d->flushed;
    bdb_at(d, d->norder, &d->now);
    for (unsigned i = 0; i < d->norder; i++) d->tx[d->order[i]].seen = true;
    d->starts++;
    d->tip = d->now;
    memset(d->lock, 0, sizeof d->lock);
    memset(d->readers, 0, sizeof d->readers);
}

void bdb_restart(bdb *d)
{
    unsigned again = dice_below(d->dice, 5);
    d->starts++;
    d->shown = d->replayed = again < d->replayed ? d->replayed - again : 0;
    d->replay_at = d->replayed > 0 ? d->tx[d->order[d->replayed - 1]].end : 0;
    memset(d->readers, 0, sizeof d->readers);
}

bool bdb_shows(const bdb *d, unsigned x)
{
    const bdb_tx *tx = &d->tx[x];
    if (tx->state != BDB_COMMITTED) return false;
    return d->standby ? tx->place < d->shown : tx->seen;
}

unsigned bdb_sendable(const bdb *d)
{
    if (d->standby) return d->replayed;
    unsigned n = 0;
    while (n < d->norder && d->tx[d->order[n]].end <= d->flushed) n++;
    return n;
}

static bool truncated(const bdb *d, unsigned table)
{
    for (unsigned i = 0; i < d->ntx; i++)
        for (unsigned o = 0; d->tx[i].state != BDB_GONE && !bdb_shows(d, i) && o < d->tx[i].n; o++)
            if (d->tx[i].ops[o].op == 't' && d->tx[i].ops[o].table == table) return true;
    return false;
}

void bdb_wait(bdb *d, unsigned table)
{
    while (truncated(d, table)) bdb_step(d);
}

void bdb_look(bdb *d, bdb_view *v)
{
    *v = (bdb_view){.n = d->ntx, .xmin = d->ntx, .image = d->now, .received = d->flushed};
    for (unsigned i = d->ntx; i-- > 0;) {
        v->in[i] = bdb_shows(d, i);
        if (!v->in[i] && d->tx[i].state != BDB_GONE) v->xmin = i;
    }
    v->end = d->standby ? d->replay_at : d->insert;
    if (d->standby) bdb_at(d, d->shown, &v->image);
}
