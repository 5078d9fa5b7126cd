/* The oracles about positions, totals and letters; see sim.h. */
#include <inttypes.h>
#include <stdio.h>

#include "sim.h"

/* Transactions that end at or before lsn; -1 if it is no place a source may call safe. */
static int64_t reached(const sim *s, int64_t lsn)
{
    const db *d = &s->db;
    uint32_t i = s->server.from;
    while (i < d->ntxs && d->txs[i].end <= lsn) i++;
    bool fits =
        i == 0 ? lsn == d->txs[0].begin : lsn == d->txs[i - 1].end || lsn == d->txs[i - 1].after;
    return fits ? (int64_t)i : -1;
}

/* Whether that many can have been known and dropped when lsn was reached. A place that an earlier
 * connection reached may be the one that a crash left: what follows the mark was never promised. */
static bool known_by(const ledger *l, int64_t lsn, uint64_t deduplicated)
{
    bool any = false;
    for (unsigned i = 0; i < l->n; i++) {
        if (l->places[i].lsn != lsn) continue;
        if (l->places[i].deduplicated == deduplicated) return true;
        any = true;
    }
    return !any && deduplicated == l->deduplicated;
}

static void check_letters(sim *s, uint32_t upto)
{
    char text[64];
    for (; s->ledger.tx < upto; s->ledger.tx++) {
        const db_tx *tx = &s->db.txs[s->ledger.tx];
        for (uint32_t i = 0; i < tx->n; i++) {
            if (s->db.ops[tx->first + i].fate != DB_DEAD) continue;
            leat_str position = sim_letter_position(sim_op_lsn(tx, i), text);
            if (!sim_letters_has(&s->letters, position))
                sim_fail("letters", "the position passed dead letter %s, which is not stored",
                         text);
        }
    }
}

/* spool: what stands there may be refused later. */
static void check_totals(sim *s, const leat_counts *c, uint32_t upto, bool known, bool spool)
{
    uint64_t kept = 0, filtered = 0, dead = 0;
    for (uint32_t i = s->server.from; i < upto; i++) {
        kept += s->db.txs[i].kept;
        filtered += s->db.txs[i].filtered;
        dead += s->db.txs[i].dead;
    }
    if (s->kafka) {
        uint64_t refused = cluster_refused(&s->cluster, s->server.from, upto);
        uint64_t told = c->dead - dead;
        if (spool && told < refused) refused = told;
        kept -= refused;
        dead += refused;
    }
    if (c->appended != kept || c->filtered != filtered || c->dead != dead || !known ||
        leat_counts_in_flight(c) != 0)
        sim_fail("ledger",
                 "received %" PRIu64 ", appended %" PRIu64 " (%" PRIu64 "), filtered %" PRIu64
                 " (%" PRIu64 "), dead %" PRIu64 " (%" PRIu64 "), deduplicated %" PRIu64 " (%s)",
                 c->received, c->appended, kept, c->filtered, filtered, c->dead, dead,
                 c->deduplicated, known ? "right" : "wrong");
    if (leat_counts_rows_in_flight(c) != 0)
        sim_fail("ledger", "rows do not balance: read %" PRIu64 ", appended %" PRIu64, c->rows_read,
                 c->rows_appended);
}

static bool snapshot_done(const leat_stream_state *st)
{
    static const char done[] = "\"state\":\"done\"";
    return st->progress.s && memmem(st->progress.s, st->progress.len, done, sizeof done - 1);
}

bool sim_known(const sim *s)
{
    leat_kafka_status st;
    if (!s->once || !s->kafka_stream) return true;
    leat_kafka_status_get(s->kafka_stream, &st);
    return st.known;
}

void sim_check_state(const leat_stream_state *st)
{
    sim *s = the_sim;
    ledger *l = &s->ledger;
    if (s->failed || !sim_known(s)) return;
    if (snapshot_done(st)) s->done_view = s->nviews;
    int64_t lsn = st->npos > 0 ? sim_position_lsn(st->pos[0].offset) : -1;
    int64_t upto = lsn < 0 ? (int64_t)s->server.from : reached(s, lsn);
    if (st->npos > 1 || (st->npos == 1 && !leat_str_eq(st->pos[0].partition, sim_partition)))
        sim_fail("position", "%zu positions", st->npos);
    else if (lsn < l->lsn)
        sim_fail("position", "%" PRId64 " after %" PRId64 " was durable", lsn, l->lsn);
    else if (upto < 0)
        sim_fail("position", "%" PRId64 " is no place where nothing is open", lsn);
    else if (st->frame < l->frame || st->events < l->events)
        sim_fail("position", "frame %" PRIu64 ", %" PRIu64 " events, after %" PRIu64 ", %" PRIu64,
                 st->frame, st->events, l->frame, l->events);
    if (s->failed) return;
    if (lsn >= 0) sim_check_edit(st->pos[0].offset);
    l->lsn = lsn;
    l->frame = st->frame;
    l->events = st->events;
    l->rows = st->totals.rows_appended;
    l->total_deduplicated = st->totals.deduplicated;
    check_totals(s, &st->totals, (uint32_t)upto, known_by(l, lsn, l->total_deduplicated),
                 st->bytes > 0);
    if (l->tx < s->server.from) l->tx = s->server.from;
    check_letters(s, (uint32_t)upto);
}

void sim_check_promises(void)
{
    sim *s = the_sim;
    int64_t promised = s->server.forgot > s->ledger.lsn ? s->server.forgot : s->ledger.lsn;
    if (!s->server.slot || s->failed) return;
    uint32_t tx = s->server.from;
    while (tx < s->db.ntxs && s->db.txs[tx].end <= promised) tx++;
    if (!watch_passed(&s->watch, tx))
        sim_fail("acked",
                 "%" PRId64 " was durable or acknowledged, but transaction %u is not visible",
                 promised, s->watch.tx);
    if (s->watch.n < s->ledger.events)
        sim_fail("acked", "%" PRIu64 " events were durable, %u are visible", s->ledger.events,
                 s->watch.n);
}

void sim_check_end(void)
{
    sim *s = the_sim;
    watch *w = &s->watch;
    if (!s->failed && !watch_passed(w, s->db.ntxs))
        sim_fail("end", "all is read, but transaction %u is not visible", w->tx);
    if (!s->failed && (w->n != s->ledger.events || w->rows != s->ledger.rows))
        sim_fail("ledger",
                 "%u events and %" PRIu64 " rows are visible, counted are %" PRIu64 " and %" PRIu64,
                 w->n, w->rows, s->ledger.events, s->ledger.rows);
    unsigned want = 0, got = 0;
    char text[64];
    for (uint32_t i = s->server.from; i < s->db.ntxs; i++) want += s->db.txs[i].dead;
    for (unsigned i = 0; i < s->letters.n; i++)
        got += strncmp(s->letters.at[i].position, "{\"lsn\":-", 8) != 0;
    if (want != got) sim_fail("letters", "%u are stored, %u changes are dead", got, want);
    for (unsigned v = 0; v < s->nviews && s->done_view == v + 1; v++)
        for (unsigned k = 0; k < 3 * DB_KEYS; k++) {
            db_row row = s->views[v].image.rows[k / DB_KEYS][k % DB_KEYS];
            if (row.stamp != 0 && sim_row_fate(row) == ROW_DEAD &&
                !sim_letters_has(&s->letters, sim_letter_position(-row.stamp, text)))
                sim_fail("letters", "row %s is dead and not stored", text);
        }
}
