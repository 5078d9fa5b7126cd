/* The stream of the snapshots' simulator, and the oracles: order (every committed change once, in
 * the order of commits), forward (a key's state never goes back), phantom (no row of a transaction
 * that was lost), fold (after the snapshot, at each place that is durable, the tables), ledger. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "beside.h"

const leat_str bstream_partition = {"{\"server\":\"sim\"}", 16};

leat_position bstream_position(int64_t lsn, unsigned over, char out[48])
{
    snprintf(out, 48, "{\"lsn\":%" PRId64 ",\"over\":%u}", lsn, over);
    return (leat_position){bstream_partition, leat_str_of(out)};
}

int64_t bstream_lsn(leat_str offset)
{
    leat_str rest = {offset.s + 7, offset.len - 7};
    int64_t lsn = -1;
    bool is = leat_str_i64(leat_str_cut(&rest, ','), &lsn);
    assert(is);
    return lsn;
}

unsigned bstream_over(leat_str offset)
{
    return (unsigned)(offset.s[offset.len - 2] - '0');
}

bool bstream_done(leat_str progress)
{
    static const char done[] = "{\"snapshot\":{\"state\":\"done\"";
    return progress.s && leat_str_starts(progress, done);
}

void bstream_init(bstream *s, const bdb *d, unsigned place)
{
    *s = (bstream){.safe.lsn = -1, .durable.lsn = -1, .place = place, .bare_begin = -1};
    for (unsigned t = 0; t < BDB_TABLES; t++)
        for (unsigned k = 0; k < BDB_KEYS; k++) s->newest[t][k] = -1;
    (void)d;
}

void bstream_free(bstream *s)
{
    leat_buf_free(&s->safe.progress);
    leat_buf_free(&s->durable.progress);
    leat_free(s->at);
    leat_free(s->txs);
}

static void copy_books(books *to, const books *from)
{
    leat_buf progress = to->progress;
    *to = *from;
    to->progress = progress;
    leat_buf_clear(&to->progress);
    leat_buf_add(&to->progress, leat_buf_str(&from->progress));
}

/* ---- writing ---- */

static void know_tx(bstream *s, uint64_t tx)
{
    for (size_t i = 0; i < s->ntxs; i++)
        if (s->txs[i] == tx) return;
    if (s->ntxs == s->txs_cap) {
        s->txs_cap = s->txs_cap ? s->txs_cap * 2 : 64;
        s->txs = leat_realloc(s->txs, s->txs_cap * sizeof *s->txs);
    }
    s->txs[s->ntxs++] = tx;
}

static unsigned table_of(const leat_table *t)
{
    return (unsigned)(t->name[1] - '1');
}

/* The progress says that all of what begins with this text was read. */
static bool part_read(leat_str progress, const char *text, size_t n)
{
    const char *at = memmem(progress.s, progress.len, text, n);
    const char *end = at ? memmem(at, (size_t)(progress.s + progress.len - at), "}", 1) : NULL;
    return end && memmem(at, (size_t)(end - at), "\"state\":\"done\"", 14);
}

static bool table_read(leat_str progress, unsigned table)
{
    char text[40];
    if (!progress.s || bstream_done(progress)) return progress.s != NULL;
    int n = snprintf(text, sizeof text, "{\"table\":\"t%u\",\"rows\"", table + 1);
    return part_read(progress, text, (size_t)n);
}

static bool ask_read(leat_str progress, unsigned table, unsigned ask)
{
    char text[40];
    int n = snprintf(text, sizeof text, "{\"table\":\"t%u\",\"ask\":\"ask-%u\"", table + 1, ask);
    return progress.s && part_read(progress, text, (size_t)n);
}

static void put(bstream *s, const leat_event *ev, leat_str progress)
{
    const leat_value *row = ev->after ? ev->after : ev->before;
    seen x = {.op = (char)ev->op, .table = (uint8_t)table_of(ev->table), .tx = ev->tx};
    x.begin = ev->seen_us;
    x.asks = s->safe.over;
    x.asked = true;
    if (x.asks < s->nasks && s->safe.lsn >= s->ask[x.asks].from) {
        x.asked = ask_read(progress, s->ask[x.asks].table, x.asks);
        x.asks++;
    }
    x.carried = table_read(progress, x.table);
    if (row) x.key = x.to = (uint8_t)row[0].u.i;
    if (ev->after && ev->before) x.key = (uint8_t)ev->before[0].u.i;
    if (ev->after) {
        x.absent = ev->after[2].kind == LEAT_ABSENT;
        x.row = (bdb_row){(uint32_t)ev->after[1].u.i, x.absent ? 0 : (uint32_t)ev->after[2].u.i};
    }
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 256;
        s->at = leat_realloc(s->at, s->cap * sizeof *s->at);
    }
    s->at[s->n++] = x;
    trace("%c t%u key %u to %u v %u big %u%s tx %" PRIu64 " view %" PRId64, x.op, x.table + 1,
          x.key, x.to, x.row.v, x.row.big, x.absent ? " absent" : "", x.tx, x.begin);
    if (x.tx) know_tx(s, x.tx);
    if (x.op == 'r' && s->tail) complain("a row is appended inside of an open transaction");
}

leat_rc bstream_append(bstream *s, const leat_batch *b, leat_str progress, leat_err *e)
{
    (void)e;
    bool placed = b->safe.offset.s != NULL, safe = placed || progress.s;
    uint32_t nsafe = placed ? b->nsafe : safe ? b->n : 0;
    leat_counts counts = placed ? b->safe_counts : b->counts, none = {0};
    if (!safe) counts = none;
    trace("append n %u nsafe %u %s" LEAT_STR_FMT " " LEAT_STR_FMT, b->n, nsafe, placed ? "at " : "",
          LEAT_STR_ARG(b->safe.offset), LEAT_STR_ARG(progress));
    leat_str says = progress.s ? progress : leat_buf_str(&s->safe.progress);
    for (uint32_t i = 0; i < nsafe; i++) put(s, &b->ev[i], says);
    if (safe) {
        leat_counts_add(&s->safe.totals, &s->tail_counts);
        leat_counts_add(&s->safe.totals, &counts);
        s->tail_counts = none;
        s->safe.n = s->n;
        if (placed) s->safe.lsn = bstream_lsn(b->safe.offset);
        if (placed) s->safe.over = bstream_over(b->safe.offset);
        if (progress.s) {
            leat_buf_clear(&s->safe.progress);
            leat_buf_add(&s->safe.progress, progress);
        }
        s->tail = false;
    }
    if (nsafe < b->n) s->tail = true;
    for (uint32_t i = nsafe; i < b->n; i++) put(s, &b->ev[i], says);
    leat_counts_add(&s->tail_counts, &b->counts);
    leat_counts_sub(&s->tail_counts, &counts);
    s->state.txs = s->txs;
    s->state.ntxs = s->ntxs;
    return LEAT_OK;
}

void bstream_rollback(bstream *s)
{
    s->n = s->safe.n;
    s->tail = false;
    s->tail_counts = (leat_counts){0};
}

/* ---- reading ---- */

/* The change that comes next; NULL: none was committed. */
static const bdb_op *next_change(bstream *s, const bdb *d, unsigned *version)
{
    for (; s->place < d->norder; s->place++, s->op = 0) {
        const bdb_tx *tx = &d->tx[d->order[s->place]];
        if (s->op == tx->n) continue;
        *version = (s->place + 1) * 16 + s->op;
        return &tx->ops[s->op];
    }
    return NULL;
}

static bool is_change(const seen *x, const bdb_op *op, uint64_t tx)
{
    if (x->op != op->op || x->table != op->table || x->tx != tx) return false;
    if (op->op == 't') return true;
    if (x->key != op->key) return false;
    if (op->op == 'd') return true;
    return x->to == op->to && x->row.v == op->is.v && x->absent == op->absent;
}

/* Finds the change; those of the table without identity may have been left out. */
static int64_t expect(bstream *s, const bdb *d, const seen *x)
{
    unsigned version = 0;
    const bdb_op *op;
    while ((op = next_change(s, d, &version))) {
        s->op++;
        if (is_change(x, op, d->order[s->place] + BDB_FIRST)) return version;
        if (op->table != BDB_BARE) break;
        s->skipped++;
    }
    complain("order: %c of table %u, key %u, of transaction %" PRIu64 " is not what comes next",
             x->op, x->table + 1, x->key, x->tx);
    return -1;
}

/* Of the write that made the row. */
static int64_t version_of(const bdb *d, const seen *x)
{
    if (d->by[x->row.v].tx == 0) return 0;
    const bdb_tx *tx = &d->tx[d->by[x->row.v].tx - 1];
    if (tx->state != BDB_COMMITTED || d->order[tx->place] != d->by[x->row.v].tx - 1) {
        complain("phantom: a row of table %u, key %u was never committed", x->table + 1, x->key);
        return -1;
    }
    return (int64_t)(tx->place + 1) * 16 + d->by[x->row.v].op;
}

static void move_key(bstream *s, const seen *x, unsigned key, int64_t version)
{
    if (version < s->newest[x->table][key])
        complain("forward: %c of table %u, key %u goes back from version %" PRId64 " to %" PRId64,
                 x->op, x->table + 1, key, s->newest[x->table][key], version);
    s->newest[x->table][key] = version;
}

static void fold_row(bstream *s, const bdb *d, const seen *x)
{
    bdb_row *row = &s->fold.row[x->table][x->to];
    if (x->table == BDB_BARE && x->begin != s->bare_begin) { /* it begins again */
        memset(s->fold.row[BDB_BARE], 0, sizeof s->fold.row[0]);
        for (unsigned k = 0; k < BDB_KEYS; k++) s->newest[BDB_BARE][k] = -1;
        s->bare_begin = x->begin;
    }
    if (x->table == BDB_BARE && row->v != 0)
        complain("fold: a row without identity, at %u, is there twice", x->key);
    int64_t version = version_of(d, x);
    if (version >= 0) move_key(s, x, x->to, version);
    *row = x->row;
    s->rows++;
}

static void fold_change(bstream *s, const bdb *d, const seen *x)
{
    int64_t version = expect(s, d, x);
    bdb_row *rows = s->fold.row[x->table], was = rows[x->key], is = x->row;
    if (version < 0) return;
    if (x->op == 't') {
        memset(rows, 0, sizeof s->fold.row[0]);
        for (unsigned k = 0; k < BDB_KEYS; k++) s->newest[x->table][k] = version;
        return;
    }
    if (x->table == BDB_BARE && (x->op == 'c') != (was.v == 0))
        complain("fold: %c of a row without identity, at %u, that is %sthere", x->op, x->key,
                 was.v ? "" : "not ");
    move_key(s, x, x->key, version);
    rows[x->key] = (bdb_row){0};
    if (x->op == 'd') return;
    if (x->to != x->key) move_key(s, x, x->to, version);
    bool knows = was.v != 0 && (x->to == x->key || x->carried);
    if (x->absent) is.big = knows ? was.big : BDB_UNKNOWN;
    rows[x->to] = is;
}

static unsigned commits_until(const bdb *d, int64_t lsn)
{
    unsigned n = 0;
    while (n < d->norder && d->tx[d->order[n]].end <= lsn) n++;
    return n;
}

static void compare(const bstream *s, const bdb *d)
{
    bdb_image image;
    bdb_at(d, commits_until(d, s->durable.lsn), &image);
    for (unsigned t = 0; t < BDB_TABLES; t++)
        for (unsigned k = 0; k < BDB_KEYS; k++) {
            bdb_row x = s->fold.row[t][k], y = image.row[t][k];
            if (x.v != y.v || x.big != y.big)
                complain("fold: table %u, key %u is %u/%u at %" PRId64
                         ", and in the database %u/%u",
                         t + 1, k, x.v, x.big, s->durable.lsn, y.v, y.big);
        }
}

/* What somebody knows who began with the last ad hoc snapshot. */
static void fold_ask(bstream *s, const seen *x)
{
    if (x->asks > s->asked) {
        s->asked = x->asks;
        memset(s->ask_fold, 0, sizeof s->ask_fold);
    }
    if (s->asked == 0 || x->table != s->ask[s->asked - 1].table) return;
    bdb_row was = s->ask_fold[x->key], is = x->row;
    if (x->op == 't') memset(s->ask_fold, 0, sizeof s->ask_fold);
    if (x->op == 't') return;
    s->ask_fold[x->key] = (bdb_row){0};
    if (x->op == 'd') return;
    if (x->absent) is.big = was.v != 0 && (x->to == x->key || x->asked) ? was.big : BDB_UNKNOWN;
    s->ask_fold[x->to] = is;
}

static void compare_ask(const bstream *s, const bdb *d)
{
    bdb_image image;
    if (s->asked == 0 || s->durable.over < s->asked) return;
    const bask *ask = &s->ask[s->asked - 1];
    if (ask->dropped) return;
    bdb_at(d, commits_until(d, s->durable.lsn), &image);
    for (unsigned k = 0; k < BDB_KEYS; k++) {
        bdb_row x = s->ask_fold[k], y = image.row[ask->table][k];
        if (x.v != y.v || x.big != y.big)
            complain("ask: after ad hoc snapshot %u table %u, key %u is %u/%u at %" PRId64
                     ", and in the database %u/%u",
                     s->asked, ask->table + 1, k, x.v, x.big, s->durable.lsn, y.v, y.big);
    }
}

static void look(bstream *s, const bdb *d)
{
    const leat_counts *c = &s->durable.totals;
    for (; s->folded < s->durable.n; s->folded++) {
        const seen *x = &s->at[s->folded];
        fold_ask(s, x);
        if (x->op == 'r')
            fold_row(s, d, x);
        else
            fold_change(s, d, x);
    }
    if (leat_counts_in_flight(c) != 0 || leat_counts_rows_in_flight(c) != 0 ||
        c->rows_appended != s->rows || c->appended + c->rows_appended != s->folded)
        complain(
            "ledger: %" PRId64 " changes, %" PRId64 " rows in flight; %" PRIu64 " rows of %" PRIu64,
            leat_counts_in_flight(c), leat_counts_rows_in_flight(c), c->rows_appended, s->rows);
    unsigned version;
    while (s->place < commits_until(d, s->durable.lsn)) { /* left out at the end */
        const bdb_op *op = next_change(s, d, &version);
        if (!op || s->place >= commits_until(d, s->durable.lsn)) break;
        if (op->table != BDB_BARE)
            complain("order: a change of transaction %u is behind the position and not there",
                     d->order[s->place] + BDB_FIRST);
        s->op++;
        s->skipped++;
    }
    if (c->deduplicated != s->skipped)
        complain("ledger: %" PRIu64 " changes were left out, %" PRIu64 " counted", s->skipped,
                 c->deduplicated);
    if (bstream_done(leat_buf_str(&s->durable.progress))) compare(s, d);
    compare_ask(s, d);
}

static void show(bstream *s)
{
    s->state.npos = s->durable.lsn >= 0;
    s->pos = bstream_position(s->durable.lsn, s->durable.over, s->offset);
    s->state.pos = &s->pos;
    s->state.totals = s->durable.totals;
    s->state.progress = (leat_str){0};
    if (s->durable.progress.len > 0) s->state.progress = leat_buf_str(&s->durable.progress);
    s->state.events = s->durable.n;
    s->state.txs = s->txs;
    s->state.ntxs = s->ntxs;
}

void bstream_commit(bstream *s, const bdb *d)
{
    if (s->safe.n != s->durable.n || s->safe.lsn != s->durable.lsn) s->state.frame++;
    copy_books(&s->durable, &s->safe);
    look(s, d);
    show(s);
}

void bstream_crash(bstream *s, const bdb *d, bool kept)
{
    trace("crash, %s", kept ? "kept" : "lost");
    if (kept)
        bstream_commit(s, d);
    else
        copy_books(&s->safe, &s->durable);
    bstream_rollback(s);
    s->ntxs = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->at[i].tx) know_tx(s, s->at[i].tx);
    show(s);
}
