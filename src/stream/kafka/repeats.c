/* Exactly once: transactions of the source that span several of Kafka's.
 *
 * The books say up to which change of the open one is delivered. What the source sends again of it
 * after a restart or a lost connection, from its beginning, is counted as ever and not sent: a
 * change is known by its transaction and its number in it. The same with the events of a spool that
 * were in a transaction of Kafka's in doubt: they are its first ones, so they are counted off. Run
 * by the stream's thread. */
#include "stream/kafka/part.h"

void leat_kafka_forget_open(leat_books *x)
{
    x->open_tx = x->open_dead = x->part_dead = 0;
    x->open_seq = x->part_seq = 0;
}

void leat_kafka_part_open(const leat_books *was, leat_books *next)
{
    bool same = was->open_seq > 0 && next->open_seq > 0 && was->open_tx == next->open_tx;
    next->part_seq = same ? was->open_seq + 1 : 0;
    next->part_dead = same ? next->open_dead - was->open_dead : 0;
}

void leat_kafka_take_open(leat_books *x, const leat_parcel *p)
{
    uint64_t dead = 0;
    bool over = p->spooled ? p->past_open : p->safe;
    if (over) leat_kafka_forget_open(x);
    if (p->whole) x->part_seq = 0;
    if (p->spooled) {
        x->skip -= p->skip < x->skip ? p->skip : x->skip;
        return;
    }
    bool sent = !p->cut || p->records > p->safe_records;
    if (!sent || p->n <= p->nsafe || p->end_seq == 0) return;
    if (x->open_tx == p->end_tx && p->end_seq <= x->open_seq) return; /* all of it was before */
    for (uint32_t i = 0; i < p->dead.n; i++) dead += p->dead.v[i] >= p->nsafe;
    if (x->open_tx != p->end_tx) x->open_dead = 0;
    x->open_tx = p->end_tx;
    x->open_seq = p->end_seq;
    x->open_dead += dead;
}

/* What was refused of the part that is not sent again: the source counts it as appended. What the
 * spool does not have of the transaction was counted before. */
static void count_refused(leat_kafka *k, leat_parcel *p, uint32_t index)
{
    bool part = k->books.part_seq > 0 && !k->drop_whole;
    uint64_t n = part ? k->books.part_dead : k->books.open_dead;
    if (n == 0 || k->drop_counted) return;
    k->drop_counted = true;
    if (p->spooled) {
        p->moved.appended -= n;
        p->moved.dead += n;
        return;
    }
    p->drop_dead = n;
    p->drop_safe = index < p->nsafe;
    p->counts.appended -= n;
    p->counts.dead += n;
    if (!p->drop_safe) return;
    p->safe_counts.appended -= n;
    p->safe_counts.dead += n;
}

void leat_kafka_drop_arm(leat_kafka *k)
{
    k->rearm = false;
    k->drop_counted = k->drop_whole = false;
    k->drop_seen = 0;
    k->drop_tx = k->books.open_tx;
    k->drop_seq = k->books.open_seq;
}

void leat_kafka_find_repeats(leat_kafka *k, leat_parcel *p, const leat_batch *b)
{
    p->skip = 0;
    if (!leat_kafka_once(k)) return;
    if (p->spooled && k->to_skip > 0) {
        p->skip = k->to_skip < b->n ? (uint32_t)k->to_skip : b->n;
        k->to_skip -= p->skip;
    }
    if (!p->spooled && k->rearm) leat_kafka_drop_arm(k);
    if (k->drop_seq == 0) return;
    uint32_t i = p->skip;
    for (; i < b->n; i++) {
        const leat_event *ev = &b->ev[i];
        if (ev->tx == 0) continue;
        if (ev->tx != k->drop_tx || ev->tx_seq > k->drop_seq) break;
        if (ev->tx_seq > k->drop_seen) k->drop_seen = ev->tx_seq;
        p->whole = p->whole || ev->tx_seq < k->books.part_seq;
        k->drop_whole = k->drop_whole || p->whole;
        p->drop_to = i + 1;
        if (k->drop_seen == k->drop_seq) count_refused(k, p, i);
    }
    if (p->drop_to > 0) p->drop_tx = k->drop_tx;
    if (i == b->n) return;
    p->past_open = true;
    k->drop_tx = 0;
    k->drop_seq = 0;
}

bool leat_kafka_dropped(const leat_parcel *p, uint32_t i, const leat_event *ev)
{
    return i < p->skip || (i < p->drop_to && ev->tx != 0 && ev->tx == p->drop_tx);
}
