/* The model database's history; see db.h. Pure: everything follows from the dice. */
#include "db.h"

enum { POOL = 1 << 17, MESSAGE_MAX = 200 };

leat_str db_text(db_row row)
{
    static char pool[POOL];
    if (pool[0] == 0) {
        dicebox d = {42};
        for (size_t i = 0; i < POOL; i++) { /* half of it can be compressed */
            bool dull = (i >> 9) & 1;
            pool[i] = (char)('a' + (dull ? (i >> 4) % 7 : dice_below(&d, 26)));
        }
    }
    uint32_t room = POOL - row.len;
    return (leat_str){pool + (uint64_t)row.stamp * 7919 % room, row.len};
}

leat_str db_item_name(unsigned key)
{
    static const char names[] = "bolt nail nut  saw  "; /* of five bytes each */
    return (leat_str){names + key % 4 * 5, 4};
}

static db_op *add_op(db *d)
{
    if (d->nops == d->ops_cap) {
        d->ops_cap = d->ops_cap ? d->ops_cap * 2 : 256;
        d->ops = leat_realloc(d->ops, d->ops_cap * sizeof(db_op));
    }
    d->ops[d->nops] = (db_op){0};
    return &d->ops[d->nops++];
}

static db_tx *add_tx(db *d)
{
    if (d->ntxs == d->txs_cap) {
        d->txs_cap = d->txs_cap ? d->txs_cap * 2 : 64;
        d->txs = leat_realloc(d->txs, d->txs_cap * sizeof(db_tx));
    }
    d->txs[d->ntxs] = (db_tx){0};
    return &d->txs[d->ntxs++];
}

/* What db_make knows on the way. */
typedef struct maker {
    db *d;
    const db_plan *plan;
    dicebox *dice;
    db_image now;
    int64_t stamp;
    uint8_t version; /* of orders */
} maker;

static db_row new_row(maker *m)
{
    uint32_t max = m->plan->text_max;
    if (dice_one_in(m->dice, 60)) max *= 16;
    return (db_row){++m->stamp, dice_below(m->dice, max + 1)};
}

static unsigned free_key(maker *m, unsigned table, unsigned key)
{
    for (unsigned i = 0; i < DB_KEYS; i++) {
        unsigned k = (key + i) % DB_KEYS;
        if (m->now.rows[table][k].stamp == 0) return k;
    }
    return DB_KEYS;
}

static void make_insert(maker *m, db_op *op, unsigned key)
{
    op->op = LEAT_OP_CREATE;
    op->key = op->old_key = (uint8_t)key;
    op->after = new_row(m);
}

/* Of a row that is there: change it, change its key, delete it. */
static void make_change(maker *m, db_op *op, unsigned key)
{
    op->before = m->now.rows[op->table][key];
    op->key = op->old_key = (uint8_t)key;
    if (dice_one_in(m->dice, 4)) {
        op->op = LEAT_OP_DELETE;
        return;
    }
    op->op = LEAT_OP_UPDATE;
    op->after = new_row(m);
    unsigned other = free_key(m, op->table, dice_below(m->dice, DB_KEYS));
    if (dice_one_in(m->dice, 6) && other < DB_KEYS) op->key = (uint8_t)other;
    op->toast = op->table == DB_ITEMS && dice_one_in(m->dice, 4);
}

static unsigned pick_table(maker *m)
{
    static const uint8_t often[] = {DB_ORDERS, DB_ORDERS, DB_ORDERS, DB_ITEMS,
                                    DB_ITEMS,  DB_AUDIT,  DB_HIDDEN};
    return often[dice_below(m->dice, sizeof often)];
}

static void make_op(maker *m, bool first)
{
    db_op *op = add_op(m->d);
    op->table = (uint8_t)pick_table(m);
    if (first && dice_one_in(m->dice, 12) && m->version < DB_VERSIONS - 1) m->version++;
    op->version = op->table == DB_ORDERS ? m->version : 0;
    unsigned key = dice_below(m->dice, DB_KEYS);
    if (dice_one_in(m->dice, 20)) {
        op->op = LEAT_OP_MESSAGE;
        op->after = (db_row){++m->stamp, dice_below(m->dice, MESSAGE_MAX)};
        op->fate = dice_one_in(m->dice, 4) ? DB_FILTERED : DB_KEPT;
        return;
    }
    if (dice_one_in(m->dice, 50))
        op->op = LEAT_OP_TRUNCATE;
    else if (op->table != DB_AUDIT && m->now.rows[op->table][key].stamp != 0)
        make_change(m, op, key);
    else if ((key = free_key(m, op->table, key)) < DB_KEYS)
        make_insert(m, op, key);
    else
        op->op = LEAT_OP_TRUNCATE;
    if (op->table == DB_HIDDEN) op->fate = DB_FILTERED;
    if (m->plan->dead && op->fate == DB_KEPT && op->op != LEAT_OP_TRUNCATE &&
        dice_one_in(m->dice, 25)) {
        op->fate = DB_DEAD;
        m->d->tainted[op->table][op->key] = m->d->tainted[op->table][op->old_key] = true;
    }
    db_apply(&m->now, op);
}

static uint32_t tx_size(maker *m)
{
    if (dice_one_in(m->dice, 12)) return dice_range(m->dice, 10, m->plan->giant);
    return dice_one_in(m->dice, 8) ? 0 : dice_steep(m->dice, 4);
}

static void make_tx(maker *m, int64_t *lsn, int64_t *us)
{
    uint32_t first = m->d->nops, n = tx_size(m);
    db_tx *tx = add_tx(m->d);
    tx->id = 700 + m->d->ntxs;
    tx->rolled_back = dice_one_in(m->dice, 9);
    tx->meta = dice_one_in(m->dice, 5);
    tx->first = first;
    tx->begin = *lsn;
    tx->end = tx->begin + 16 + (int64_t)n * 8;
    tx->after = tx->end + (int64_t)dice_below(m->dice, 3) * 100;
    *lsn = tx->after;
    tx->commit_us = *us += 1 + dice_below(m->dice, 1000000);
    if (tx->rolled_back) return;
    for (uint32_t i = 0; i < n; i++) make_op(m, i == 0);
    tx->n = n;
    for (uint32_t i = first; i < first + n; i++) {
        tx->kept += m->d->ops[i].fate == DB_KEPT;
        tx->filtered += m->d->ops[i].fate == DB_FILTERED;
        tx->dead += m->d->ops[i].fate == DB_DEAD;
    }
}

void db_make(db *d, const db_plan *plan, dicebox *dice)
{
    maker m = {.d = d, .plan = plan, .dice = dice};
    int64_t lsn = 1000, us = 1700000000000000;
    *d = (db){0};
    for (unsigned t = 0; t < DB_TABLES; t++) {
        uint32_t fill = dice_below(dice, DB_KEYS);
        for (uint32_t k = 0; k < fill; k++) m.now.rows[t][k] = new_row(&m);
    }
    d->first = m.now;
    for (uint32_t i = 0; i < plan->txs; i++) make_tx(&m, &lsn, &us);
}

void db_free(db *d)
{
    leat_free(d->txs);
    leat_free(d->ops);
    *d = (db){0};
}

void db_apply(db_image *image, const db_op *op)
{
    db_row *rows = image->rows[op->table];
    switch (op->op) {
    case LEAT_OP_MESSAGE: break;
    case LEAT_OP_TRUNCATE: memset(rows, 0, sizeof image->rows[0]); break;
    case LEAT_OP_DELETE: rows[op->old_key] = (db_row){0}; break;
    default:
        rows[op->old_key] = (db_row){0};
        rows[op->key] = op->after;
        break;
    }
}

void db_view(const db *d, uint32_t n, db_image *out)
{
    *out = d->first;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < d->txs[i].n; k++) db_apply(out, &d->ops[d->txs[i].first + k]);
}

int64_t db_before(const db *d, uint32_t i)
{
    return i == 0 ? d->txs[0].begin : d->txs[i - 1].end;
}
