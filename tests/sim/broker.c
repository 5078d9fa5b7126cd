/* The model producer: the port's other side (stream/kafka/broker.h).
 *
 * It behaves as an idempotent client does: records of a partition reach its log in their order,
 * once as long as the producer lives; acknowledgements come late, in no order across partitions,
 * and some never: those of a producer that dies, or whose process does. What it held then is in the
 * logs as far as the dice say. */
#include "cluster.h"
#include "sim.h"

typedef struct item {
    uint64_t tag, hash;
    size_t bytes;
    uint8_t topic, part;
    bool row, logged, refused;
    bool told;      /* planted: reported already */
    int64_t due_us; /* of its report, once logged */
    struct item *next;
} item;

typedef struct broker {
    leat_broker base;
    leat_broker_events *events;
    item *first[DB_TOPICS][CLUSTER_PARTS], **tail[DB_TOPICS][CLUSTER_PARTS];
    size_t queued;
    bool reached;     /* the cluster, once ... */
    bool unsure;      /* ... and it was away since ... */
    bool other;       /* ... or is another one, as it said */
    uint32_t outages; /* of those that are noticed */
    bool fatal, lost_told;
    uint32_t most; /* bytes it takes */

    /* ---- exactly once ---- */
    uint32_t epoch; /* 0: it has not begun */
    bool in_tx;
    bool spoiled; /* a record of it was refused: it can be aborted only */
    bool asked;   /* the commit is on its way, ... */
    bool applied; /* ... it is done, and its answer on its way */
} broker;

static broker *the_broker;

static broker *of(const leat_broker *b)
{
    return (broker *)(void *)(uintptr_t)b;
}

/* ---- the queue ---- */

static void drop(broker *b, unsigned t, unsigned p)
{
    item *it = b->first[t][p];
    b->first[t][p] = it->next;
    if (!it->next) b->tail[t][p] = &b->first[t][p];
    b->queued -= it->bytes;
    leat_free(it);
}

static void clear(broker *b)
{
    for (unsigned t = 0; t < DB_TOPICS; t++) {
        for (unsigned p = 0; p < CLUSTER_PARTS; p++) {
            while (b->first[t][p]) drop(b, t, p);
            b->tail[t][p] = &b->first[t][p];
        }
    }
}

/* Up to n records of a partition get into its log. */
static void log_some(broker *b, unsigned t, unsigned p, uint32_t n)
{
    sim *s = the_sim;
    cluster *c = &s->cluster;
    if (t == c->gone && s->mono_us < c->gone_us) return;
    if (c->once && (b->epoch != c->epoch || !c->open || c->other)) return;
    for (item *it = b->first[t][p]; it && n > 0 && !s->failed; it = it->next) {
        if (it->logged || it->refused) continue;
        if (s->plant == PLANT_KAFKA_ORDER && it->next && dice_one_in(&s->dice, 50)) continue;
        n--;
        it->due_us = s->mono_us + (dice_one_in(&s->dice, s->life.last ? 0 : 30) ? 5000 : 1) *
                                      (int64_t)dice_below(&s->dice, 100);
        if (c->max_bytes && it->bytes > c->max_bytes) {
            it->refused = b->spoiled = true;
            continue;
        }
        it->logged = true;
        if (c->other) continue;
        if (c->once)
            cluster_pend(c, t, p, it->hash, it->row);
        else
            cluster_append(c, t, p, it->hash, it->row);
    }
}

/* Whatever was on the wire. */
static void log_any(broker *b)
{
    if (b->fatal) return;
    for (unsigned t = 0; t < DB_TOPICS; t++)
        for (unsigned p = 0; p < CLUSTER_PARTS; p++)
            if (cluster_up(&the_sim->cluster) && dice_one_in(&the_sim->dice, 2))
                log_some(b, t, p, dice_below(&the_sim->dice, 20));
}

/* What was asked for and not answered may be done all the same. */
static void leave(broker *b)
{
    cluster *c = &the_sim->cluster;
    log_any(b);
    if (b->asked && !b->applied && b->epoch == c->epoch && c->open &&
        dice_one_in(&the_sim->dice, 2))
        cluster_commit(c);
    b->asked = b->applied = b->in_tx = false;
    b->epoch = 0;
}

void broker_kill(void)
{
    if (!the_broker) return;
    leave(the_broker);
    clear(the_broker);
}

/* ---- calls ---- */

static uint32_t topic(leat_broker *base, const char *name)
{
    (void)base;
    return cluster_topic(name);
}

/* Its reports come behind the news that the cluster was away. */
static void notice(broker *b)
{
    cluster *c = &the_sim->cluster;
    if (!cluster_up(c)) return;
    if (c->other) cover(MEET_OTHER);
    b->unsure = b->unsure || (b->reached && b->outages != c->outages);
    b->outages = c->outages;
}

static void reach(broker *b)
{
    const cluster *c = &the_sim->cluster;
    if (the_sim->dead || !cluster_up(c)) return;
    b->reached = true;
    b->unsure = false;
    b->other = c->other;
    b->outages = c->outages;
}

static bool is_row(const leat_broker_record *r)
{
    static const char row[] = "\"op\":\"r\"";
    return r->value.s && memmem(r->value.s, r->value.len, row, sizeof row - 1);
}

static leat_rc dead(leat_err *e)
{
    return leat_fail(e, LEAT_FATAL, "sim.dead", NULL, "the process is dead");
}

static leat_rc produce(leat_broker *base, const leat_broker_record *r, leat_err *e)
{
    broker *b = of(base);
    sim *s = the_sim;
    cluster *c = &s->cluster;
    if (sim_step(ACT_PRODUCE, (int64_t)r->tag, r->topic)) return dead(e);
    if (r->topic >= DB_TOPICS) sim_fail("log", "a record of an unknown topic");
    if (b->fatal) return leat_fail(e, LEAT_RETRY, "kafka.fatal", NULL, "the producer is dead");
    if (c->once && !b->in_tx) sim_fail("log", "a record outside of a transaction");
    if (b->asked) sim_fail("log", "a record while its transaction is committed");
    if (b->other || (b->unsure && c->told && !c->once))
        sim_fail("other", "a record for who may be another cluster");
    if (!b->reached) reach(b);
    size_t bytes = r->key.len + r->value.len;
    if (!b->reached || b->queued > b->most || dice_one_in(&s->dice, 200)) return LEAT_AGAIN;
    if (c->early && c->max_bytes && bytes > c->max_bytes) {
        cover(MEET_LARGE);
        return leat_fail(e, LEAT_DATA, "kafka.too_large", NULL, "%zu bytes", bytes);
    }
    item *it = leat_zalloc(1, sizeof *it);
    unsigned p = cluster_partition(c, r->key);
    *it = (item){.tag = r->tag,
                 .hash = cluster_hash(r->key, r->value, r->headers, r->nheaders),
                 .bytes = bytes,
                 .topic = (uint8_t)r->topic,
                 .part = (uint8_t)p,
                 .row = is_row(r)};
    *b->tail[r->topic][p] = it;
    b->tail[r->topic][p] = &it->next;
    b->queued += bytes;
    return s->dead ? dead(e) : LEAT_OK;
}

static void report(broker *b, uint64_t tag, leat_delivery delivery)
{
    leat_delivery_report out = {tag, delivery, NULL, -1, -1};
    b->events->report(b->events->arg, &out);
}

static void die(broker *b)
{
    cover(MEET_FATAL);
    sim_trace(ACT_FAULT, 12, 0); /* the producer dies */
    leave(b);
    b->fatal = true;
    b->lost_told = dice_one_in(&the_sim->dice, 2);
}

static unsigned report_part(broker *b, unsigned t, unsigned p)
{
    sim *s = the_sim;
    unsigned n = 0;
    item *head = b->first[t][p];
    if (s->plant == PLANT_KAFKA_EARLY && head && !head->logged && !head->told) {
        head->told = true;
        report(b, head->tag, LEAT_DELIVERED);
    }
    while (b->first[t][p] && !s->dead) {
        item *it = b->first[t][p];
        if (!it->logged && !it->refused) break;
        if (it->due_us > s->mono_us) break;
        if (sim_step(ACT_REPORT, (int64_t)it->tag, it->logged)) break;
        uint64_t tag = it->tag;
        bool logged = it->logged, told = it->told;
        drop(b, t, p);
        n++;
        cover(logged ? MEET_REPORT : MEET_LARGE);
        if (!logged && s->cluster.ends && !s->cluster.once) die(b); /* else the transaction */
        if (!told) report(b, tag, logged ? LEAT_DELIVERED : LEAT_REFUSED_TOO_LARGE);
        if (b->fatal) break;
    }
    return n;
}

/* The records of a topic that is not there: the first is refused, and that is the producer's end.
 */
static bool gone(broker *b)
{
    sim *s = the_sim;
    cluster *c = &s->cluster;
    if (s->mono_us >= c->gone_us) return false;
    for (unsigned p = 0; p < CLUSTER_PARTS; p++) {
        item *it = b->first[c->gone][p];
        if (!it || it->logged || it->refused) continue;
        uint64_t tag = it->tag;
        drop(b, c->gone, p);
        cover(MEET_TOPIC);
        die(b);
        report(b, tag, LEAT_REFUSED_TOPIC);
        return true;
    }
    return false;
}

static unsigned turn(broker *b)
{
    sim *s = the_sim;
    cluster *c = &s->cluster;
    unsigned n = 0;
    cluster_live(c, s->life.last);
    notice(b);
    if (b->fatal) return 0;
    if (!s->life.last && dice_one_in(&s->dice, c->deaths)) die(b);
    if (b->fatal || (cluster_up(c) && gone(b))) return 0;
    for (unsigned i = 0; i < DB_TOPICS * CLUSTER_PARTS; i++) {
        unsigned at = (i + dice_below(&s->dice, 2)) % (DB_TOPICS * CLUSTER_PARTS);
        unsigned t = at / CLUSTER_PARTS, p = at % CLUSTER_PARTS;
        if (cluster_up(c)) log_some(b, t, p, dice_below(&s->dice, 30));
        if (cluster_up(c)) n += report_part(b, t, p);
        if (b->fatal) break;
    }
    return n;
}

/* All records of a dead producer. */
static unsigned report_lost(broker *b)
{
    unsigned n = 0;
    bool planted = the_sim->plant == PLANT_KAFKA_LOST;
    b->lost_told = false;
    for (unsigned t = 0; t < DB_TOPICS; t++) {
        for (unsigned p = 0; p < CLUSTER_PARTS; p++) {
            for (; b->first[t][p]; n++) {
                uint64_t tag = b->first[t][p]->tag;
                drop(b, t, p);
                report(b, tag, planted ? LEAT_DELIVERED : LEAT_REFUSED_LOST);
            }
        }
    }
    return n;
}

static unsigned poll(leat_broker *base, int wait_ms)
{
    broker *b = of(base);
    if (sim_step(ACT_POLL, wait_ms, (int64_t)b->queued)) {
        the_sim->mono_us += wait_ms * 1000;
        return 0;
    }
    if (b->fatal && b->lost_told) return report_lost(b);
    unsigned n = turn(b);
    if (n > 0 || wait_ms == 0 || the_sim->dead) return n;
    leat_sleep_us(wait_ms * 1000);
    return the_sim->dead ? 0 : turn(b);
}

static void send(leat_broker *base)
{
    (void)base;
}

static size_t queued(const leat_broker *base)
{
    return of(base)->queued;
}

static bool down(const leat_broker *base, leat_err *why)
{
    (void)base;
    if (cluster_up(&the_sim->cluster)) return false;
    leat_fail(why, LEAT_RETRY, "kafka.down", NULL, "no broker answers");
    return true;
}

/* Another one has our id: the cluster itself, when a transaction timed out. */
static bool is_fenced(const broker *b)
{
    return the_sim->cluster.once && b->epoch != 0 && b->epoch != the_sim->cluster.epoch;
}

static bool fatal(const leat_broker *base, leat_err *why)
{
    const broker *b = of(base);
    if (is_fenced(b)) {
        leat_fail(why, LEAT_CONF, "kafka.fenced", NULL, "another one has our id");
        return true;
    }
    if (b->fatal) leat_fail(why, LEAT_RETRY, "kafka.fatal", NULL, "the producer died");
    return b->fatal;
}

static leat_rc reset(leat_broker *base, leat_err *e)
{
    broker *b = of(base);
    if (sim_step(ACT_RESET, (int64_t)b->queued, 0)) return dead(e);
    leave(b);
    clear(b);
    b->fatal = b->reached = b->lost_told = b->unsure = b->other = false;
    return LEAT_OK;
}

static void close_broker(leat_broker *base, int wait_ms)
{
    broker *b = of(base);
    (void)wait_ms;
    if (!the_sim->dead) leave(b);
    clear(b);
    leat_free(b);
    the_broker = NULL;
}

/* ---- transactions ---- */

static leat_rc ended(broker *b, leat_err *e)
{
    leat_err why = {0};
    fatal(&b->base, &why);
    return leat_fail(e, why.rc, why.code, NULL, "%s", why.msg);
}

static leat_rc tx_init(leat_broker *base, int wait_ms, leat_err *e)
{
    broker *b = of(base);
    sim *s = the_sim;
    cluster *c = &s->cluster;
    if (sim_step(ACT_FENCE, b->epoch, c->npending)) return dead(e);
    cluster_live(c, s->life.last);
    if (b->fatal) return ended(b, e);
    if (cluster_lost(c) || dice_one_in(&s->dice, 4)) {
        s->mono_us += wait_ms * 1000;
        return LEAT_AGAIN;
    }
    if (s->plant != PLANT_ONCE_NO_FENCE) cluster_abort(c);
    b->epoch = ++c->epoch;
    return LEAT_OK;
}

static leat_rc tx_offsets(leat_broker *base, leat_arena *a, leat_position **pos, size_t *n,
                          int wait_ms, leat_err *e)
{
    sim *s = the_sim;
    cluster *c = &s->cluster;
    (void)base;
    if (sim_step(ACT_OFFSETS, (int64_t)c->commits, c->epoch)) return dead(e);
    cluster_live(c, s->life.last);
    if (cluster_lost(c) && dice_one_in(&s->dice, 3))
        return leat_fail(e, LEAT_RETRY, "kafka.down", NULL, "no broker answers");
    if (cluster_lost(c) || dice_one_in(&s->dice, 4)) {
        s->mono_us += wait_ms * 1000;
        return LEAT_AGAIN;
    }
    cluster_offsets(c, s->plant == PLANT_ONCE_STALE && dice_one_in(&s->dice, 2), a, pos, n);
    return LEAT_OK;
}

static leat_rc tx_begin(leat_broker *base, leat_err *e)
{
    broker *b = of(base);
    sim *s = the_sim;
    cluster *c = &s->cluster;
    if (sim_step(ACT_BEGIN, b->epoch, (int64_t)c->commits)) return dead(e);
    if (b->fatal || is_fenced(b)) return ended(b, e);
    if (b->in_tx || b->epoch == 0) sim_fail("log", "a transaction is begun in another one");
    b->in_tx = c->open = true;
    b->spoiled = false;
    c->open_us = s->mono_us;
    return LEAT_OK;
}

static leat_rc tx_offset(leat_broker *base, leat_position pos, uint64_t tag, leat_err *e)
{
    broker *b = of(base);
    sim *s = the_sim;
    (void)tag;
    if (sim_step(ACT_POSITION, (int64_t)pos.offset.len, (int64_t)s->cluster.npending))
        return dead(e);
    if (b->fatal || is_fenced(b)) return ended(b, e);
    if (dice_one_in(&s->dice, 20)) return LEAT_AGAIN;
    if (!b->in_tx) sim_fail("log", "a position outside of a transaction");
    bool lost = s->plant == PLANT_ONCE_UNMARKED && dice_one_in(&s->dice, 4);
    if (!lost) cluster_pend_offset(&s->cluster, pos);
    return LEAT_OK;
}

/* All records are in the logs; false: not yet. */
static bool flushed(broker *b, int wait_ms)
{
    for (unsigned t = 0; t < DB_TOPICS; t++)
        for (unsigned p = 0; p < CLUSTER_PARTS; p++) log_some(b, t, p, UINT32_MAX);
    turn(b);
    the_sim->mono_us += wait_ms * 1000;
    return b->queued == 0;
}

static leat_rc abort_it(leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "kafka.abort", NULL, "the transaction is to be aborted");
}

static leat_rc tx_commit(leat_broker *base, int wait_ms, leat_err *e)
{
    broker *b = of(base);
    sim *s = the_sim;
    cluster *c = &s->cluster;
    if (sim_step(ACT_COMMIT_TX, b->asked, b->applied)) return dead(e);
    cluster_live(c, s->life.last);
    if (!s->life.last && dice_one_in(&s->dice, c->deaths)) die(b);
    if (b->fatal || is_fenced(b)) return ended(b, e);
    if (!b->in_tx) sim_fail("log", "a commit without a transaction");
    if (cluster_lost(c)) return LEAT_AGAIN;
    if (b->applied) {
        if (dice_one_in(&s->dice, 3)) return LEAT_AGAIN;
        b->asked = b->applied = b->in_tx = false;
        return LEAT_OK;
    }
    bool all = flushed(b, wait_ms);
    if (s->dead) return dead(e);
    if (b->fatal || is_fenced(b)) return ended(b, e);
    if (!all) return b->spoiled ? abort_it(e) : LEAT_AGAIN;
    if (b->spoiled || (!s->life.last && dice_one_in(&s->dice, 25))) return abort_it(e);
    b->asked = true;
    if (dice_one_in(&s->dice, 5)) return LEAT_AGAIN;
    cluster_commit(c);
    b->applied = true;
    if (s->dead) return dead(e);
    if (dice_one_in(&s->dice, 3)) return LEAT_AGAIN;
    b->asked = b->applied = b->in_tx = false;
    return LEAT_OK;
}

static leat_rc tx_abort(leat_broker *base, int wait_ms, leat_err *e)
{
    broker *b = of(base);
    sim *s = the_sim;
    cluster *c = &s->cluster;
    if (sim_step(ACT_ABORT_TX, b->asked, c->npending)) return dead(e);
    cluster_live(c, s->life.last);
    if (b->fatal || is_fenced(b)) return ended(b, e);
    if (!b->in_tx) sim_fail("log", "an abort without a transaction");
    if (b->applied) sim_fail("log", "an abort of what was committed");
    if (cluster_lost(c) || dice_one_in(&s->dice, 4)) {
        s->mono_us += wait_ms * 1000;
        return LEAT_AGAIN;
    }
    cluster_abort(c);
    report_lost(b);
    b->asked = b->in_tx = false;
    return s->dead ? dead(e) : LEAT_OK;
}

static leat_rc which_cluster(leat_broker *base, const char **id)
{
    broker *b = of(base);
    sim *s = the_sim;
    if (!b->reached || (b->unsure && dice_one_in(&s->dice, 2))) reach(b);
    *id = b->other ? "other" : "sim";
    if (!b->reached || b->unsure) return LEAT_AGAIN;
    s->cluster.told = true;
    return LEAT_OK;
}

leat_broker *broker_new(leat_broker_events *events)
{
    static const leat_broker_ops ops = {
        .name = "sim",
        .topic = topic,
        .produce = produce,
        .send = send,
        .poll = poll,
        .queued = queued,
        .down = down,
        .cluster = which_cluster,
        .fatal = fatal,
        .reset = reset,
        .close = close_broker,
        .tx_init = tx_init,
        .tx_offsets = tx_offsets,
        .tx_begin = tx_begin,
        .tx_offset = tx_offset,
        .tx_commit = tx_commit,
        .tx_abort = tx_abort,
    };
    broker *b = leat_zalloc(1, sizeof *b);
    b->base.ops = &ops;
    b->events = events;
    /* a piece of the spool must go through before its transaction times out */
    b->most = (the_sim->once ? 20000u : 200u) << dice_below(&the_sim->dice, 8);
    clear(b);
    the_broker = b;
    return &b->base;
}
