/* The loop of a sink: batches in each stream's order, dead letters, cursor last.
 *
 * A sink never meets a source: it knows streams by their topics' claims only. Several streams are
 * read in turn; a topic that does not exist yet is looked for once a second. What a sink rejects is
 * kept until the batch is durable in the target, and stored before the cursor moves; where the
 * target stores the cursor itself (sink.h, `reached`), before it commits. Errors: RETRY closes the
 * sink, backs off and goes on from the stored cursors. Run by the task's thread. */
#include "engine/sinkrun.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/log.h"
#include "base/os.h"
#include "engine/letters.h"
#include "engine/stall.h"

enum {
    WAIT_US = 200000,
    TURNS_US = 20000, /* between rounds over several streams */
    FLUSH_US = 30000000,
    POLL_MS = 200,
    PAUSE_STEP_US = 50000,
    REST_US = 5000000, /* an idle sink's cursor is stored so often */
    BATCH_EVENTS = 8192,
    BATCH_BYTES = 4 << 20
};

/* In the order of the events: by it, ids tell which letter waits for which. */
typedef struct letter {
    leat_dead dead;
    uint64_t order;
} letter;

struct leat_sinkrun {
    leat_sinkrun_conf conf;
    leat_sink_task task;
    leat_inputs inputs; /* of embedded streams, if that is what is read */
    leat_feed *feed;
    leat_batch batch;
    leat_arena letters_arena; /* of the dead letters of the batch being written */
    leat_parking parking;
    struct letter *letters, *last_letter;
    uint64_t batches;  /* written since the cursor was stored last */
    uint64_t rejected; /* how many letters those are ... */
    uint64_t refused;  /* ... and how many of them were refused, not put behind others */
    uint64_t taken;    /* events written since the cursor was stored last */
    leat_lane *held;   /* whose events the target holds in an open transaction; NULL: none */
    leat_lane *lane;   /* whose batch is being written */
    uint8_t *fates;    /* leat_fate of each event of the batch ... */
    uint32_t fates_cap;
    uint64_t filtered; /* of those written since the cursor was stored last, but the batch's own */
    leat_tallies topics; /* what became of all of them, by topic */
    bool progressed;     /* something was delivered since the last open */
    int64_t rested_us;   /* when idle inputs were stored last */
    atomic_bool stop, finish, pause;
    atomic_bool leave;    /* the attempt should end: pause or stop was said, or somebody waits */
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t answered;
    leat_rc (*between)(void *arg, leat_err *e); /* waits to be run; NULL: nothing */
    void *between_arg;
    leat_err between_err;
    bool ended;
    leat_run_state state;
    leat_err error;
    leat_sink_counts totals;
    leat_stall stall;
    /* Not guarded: for who watches it. */
    _Atomic uint64_t turns;   /* rounds, and batches delivered */
    _Atomic leat_stage stage; /* what it called last */
};

static void reject(leat_sink_task *t, const leat_batch *b, uint32_t i, const leat_err *why);
static bool waits(leat_sink_task *t, const leat_batch *b, uint32_t i);
static void tell(leat_sink_task *t, const leat_batch *b, uint32_t i, leat_fate fate);
static leat_rc reach(leat_sink_task *t, leat_buf *text, leat_err *e);
static leat_rc reached(void *arg, const char *source, leat_arena *a, leat_str *text, leat_err *e);
static leat_rc settle_held(void *arg, leat_err *e);
static void set_state(leat_sinkrun *k, leat_run_state state, const leat_err *err);

static void at(leat_sinkrun *k, leat_stage stage)
{
    atomic_store_explicit(&k->stage, stage, memory_order_relaxed);
    atomic_fetch_add_explicit(&k->turns, 1, memory_order_relaxed);
}

leat_sinkrun *leat_sinkrun_new(const leat_sinkrun_conf *conf)
{
    leat_sinkrun *k = leat_zalloc(1, sizeof *k);
    k->conf = *conf;
    k->task = (leat_sink_task){.sink = conf->sink,
                               .conf = conf->conf,
                               .connector = conf->connector,
                               .reject = reject,
                               .waits = waits,
                               .tell = tell,
                               .reach = reach,
                               .tolerate = conf->tolerate,
                               .engine = k};
    k->inputs = (leat_inputs){.feed = {.ops = &leat_inputs_ops},
                              .data = conf->data,
                              .sink = conf->connector,
                              .topics = conf->topics,
                              .pattern = conf->pattern,
                              .shaper = leat_shaper_new(conf->transforms, conf->tolerate)};
    k->feed = conf->feed ? conf->feed : &k->inputs.feed;
    k->feed->reached = conf->sink->reached ? reached : NULL;
    k->feed->reached_arg = k;
    k->feed->settle = settle_held;
    k->feed->settle_arg = k;
    k->parking.conf = conf->parking;
    leat_batch_init(&k->batch, BATCH_EVENTS, BATCH_BYTES);
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->answered, NULL);
    set_state(k, LEAT_RUN_STARTING, NULL);
    return k;
}

void leat_sinkrun_free(leat_sinkrun *k)
{
    if (!k) return;
    leat_batch_free(&k->batch);
    leat_tallies_free(&k->topics);
    leat_shaper_free(k->inputs.shaper);
    leat_arena_free(&k->letters_arena);
    leat_free(k->fates);
    leat_parking_free(&k->parking);
    pthread_cond_destroy(&k->answered);
    pthread_mutex_destroy(&k->lock);
    leat_free(k);
}

void leat_sinkrun_stop(leat_sinkrun *k)
{
    atomic_store(&k->stop, true);
    atomic_store(&k->leave, true);
}

void leat_sinkrun_pause(leat_sinkrun *k, bool paused)
{
    atomic_store(&k->pause, paused);
    if (paused) atomic_store(&k->leave, true);
}

leat_rc leat_sinkrun_between(leat_sinkrun *k, leat_rc (*fn)(void *arg, leat_err *e), void *arg,
                             leat_err *e)
{
    pthread_mutex_lock(&k->lock);
    k->between = fn;
    k->between_arg = arg;
    atomic_store(&k->leave, true);
    while (k->between && !k->ended) pthread_cond_wait(&k->answered, &k->lock);
    if (k->between)
        leat_fail(&k->between_err, LEAT_RETRY, "engine.ended", k->conf.connector,
                  "the sink ended before it came to this; nothing was changed");
    k->between = NULL;
    leat_err err = k->between_err;
    pthread_mutex_unlock(&k->lock);
    if (e && leat_rc_failed(err.rc)) *e = err;
    return err.rc;
}

void leat_sinkrun_finish(leat_sinkrun *k)
{
    atomic_store(&k->finish, true);
}

void leat_sinkrun_status(leat_sinkrun *k, leat_run_state *state, leat_err *err,
                         leat_sink_counts *counts)
{
    pthread_mutex_lock(&k->lock);
    bool hangs = k->stall.stage != LEAT_STAGE_NONE;
    *state = hangs ? LEAT_RUN_STALLED : k->state;
    *err = k->error;
    *counts = k->totals;
    if (hangs) leat_stall_err(&k->stall, k->conf.connector, leat_mono_us(), err);
    pthread_mutex_unlock(&k->lock);
}

/* To the page. The lock is held. */
static void show(leat_sinkrun *k)
{
    leat_page *page = k->conf.page;
    if (!page) return;
    atomic_store(&page->stage, (uint32_t)k->stall.stage);
    atomic_store(&page->state,
                 (uint32_t)(k->stall.stage == LEAT_STAGE_NONE ? k->state : LEAT_RUN_STALLED));
}

static void set_state(leat_sinkrun *k, leat_run_state state, const leat_err *err)
{
    pthread_mutex_lock(&k->lock);
    k->state = state;
    k->error = err ? *err : (leat_err){0};
    show(k);
    pthread_mutex_unlock(&k->lock);
}

void leat_sinkrun_watch(leat_sinkrun *k)
{
    leat_err err;
    int64_t now = leat_mono_us();
    pthread_mutex_lock(&k->lock);
    bool goes = k->state == LEAT_RUN_STARTING || k->state == LEAT_RUN_RUNNING;
    leat_stall_sample s = {.now_us = now,
                           .watched = goes && !leat_rc_failed(k->error.rc),
                           .turns = atomic_load(&k->turns),
                           .stage = atomic_load(&k->stage),
                           .lag = -1};
    bool news = leat_stall_look(&k->stall, &s, k->conf.stalled_us);
    bool hangs = k->stall.stage != LEAT_STAGE_NONE;
    if (news) show(k);
    leat_stall_err(&k->stall, k->conf.connector, now, &err);
    pthread_mutex_unlock(&k->lock);
    if (news && hangs)
        leat_log(LEAT_WARN, err.code, "stalled stage=%s %s", leat_stage_name(s.stage), err.msg);
    else if (news)
        leat_log(LEAT_INFO, "engine.unstalled", "it goes on");
}

/* Where the event stands is what finds it again: the stream has its bytes. */
static leat_str place_of(leat_sinkrun *k, const leat_event *ev)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "topic", leat_event_topic(ev));
    if (k->feed->ops->partitions) leat_jw_i64(&w, "partition", ev->partition);
    leat_jw_i64(&w, "offset", ev->offset);
    leat_jw_end(&w);
    leat_str out = leat_arena_str(&k->letters_arena, leat_buf_str(&text));
    leat_buf_free(&text);
    return out;
}

static void keep(leat_sinkrun *k, letter *l)
{
    letter *before = k->last_letter;
    k->rejected++;
    if (before && before->order > l->order) {
        before = NULL;
        for (letter *at = k->letters; at->order < l->order; at = (letter *)at->dead.next)
            before = at;
    }
    l->dead.next = before ? before->dead.next : k->letters ? &k->letters->dead : NULL;
    if (before)
        before->dead.next = &l->dead;
    else
        k->letters = l;
    if (!l->dead.next) k->last_letter = l;
}

/* The table is emptied behind it, in the same batch. */
static bool emptied(const leat_batch *b, uint32_t i)
{
    const char *topic = leat_event_topic(&b->ev[i]);
    for (uint32_t at = i + 1; at < b->n; at++)
        if (b->ev[at].op == LEAT_OP_TRUNCATE && strcmp(leat_event_topic(&b->ev[at]), topic) == 0)
            return true;
    return false;
}

/* The keys are those that the parking looked at last. */
static void put_letter(leat_sinkrun *k, const leat_batch *b, uint32_t i, const leat_err *why)
{
    const leat_event *ev = &b->ev[i];
    leat_buf bytes = {0};
    leat_str key = leat_buf_str(&k->parking.key), old = leat_buf_str(&k->parking.old);
    letter *l = LEAT_NEW(&k->letters_arena, letter, 1);
    leat_letters_pack(ev, &bytes);
    l->order = k->batches << 32 | i;
    l->dead = (leat_dead){.why = *why,
                          .position = place_of(k, ev),
                          .bytes = leat_arena_str(&k->letters_arena, leat_buf_str(&bytes)),
                          .topic = leat_event_topic(ev),
                          .ts_us = ev->ts_us,
                          .superseded = emptied(b, i)};
    l->dead.topic = leat_arena_strdup(&k->letters_arena, l->dead.topic);
    if (key.len > 0) l->dead.key = leat_arena_str(&k->letters_arena, key);
    if (old.len > 0) l->dead.old_key = leat_arena_str(&k->letters_arena, old);
    leat_buf_free(&bytes);
    keep(k, l);
}

static void tell(leat_sink_task *t, const leat_batch *b, uint32_t i, leat_fate fate)
{
    leat_sinkrun *k = t->engine;
    (void)b;
    k->fates[i] = (uint8_t)fate;
}

static void forget_fates(leat_sinkrun *k)
{
    if (k->batch.n > k->fates_cap) {
        k->fates_cap = k->batch.n;
        k->fates = leat_realloc(k->fates, k->fates_cap);
    }
    if (k->batch.n > 0) memset(k->fates, LEAT_FATE_NONE, k->batch.n);
}

/* How many events of the batch are left out on purpose; none of one that was counted already. */
static uint64_t left_out(const leat_sinkrun *k)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < k->batch.n; i++) n += k->fates[i] == LEAT_FATE_FILTERED;
    return n;
}

/* The ledger of one batch: of each event that the sink was given it has said what became of it. */
static leat_rc balance(const leat_sinkrun *k, leat_err *e)
{
    const leat_batch *b = &k->batch;
    uint32_t lost = 0, first = 0, last = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        if (k->fates[i] != LEAT_FATE_NONE) continue;
        if (lost++ == 0) first = i;
        last = i;
    }
    if (lost == 0 || !k->conf.sink->tells) return LEAT_OK;
    return leat_fail(
        e, LEAT_FATAL, "ledger.mismatch", leat_event_topic(&b->ev[first]),
        "the sink was given %u events and does not say what became of %u of them, from "
        "%s offset %lld to %s offset %lld: they would be lost. Nothing of the batch "
        "counts as delivered; report this",
        b->n, lost, leat_event_topic(&b->ev[first]), (long long)b->ev[first].offset,
        leat_event_topic(&b->ev[last]), (long long)b->ev[last].offset);
}

static void reject(leat_sink_task *t, const leat_batch *b, uint32_t i, const leat_err *why)
{
    leat_sinkrun *k = t->engine;
    tell(t, b, i, LEAT_FATE_DEAD);
    leat_parking_add(&k->parking, &b->ev[i]);
    put_letter(k, b, i, why);
    k->refused++;
    if (k->feed->ops->refused) k->feed->ops->refused(k->feed, k->lane, b->ev[i].offset, why);
}

/* What the feed could not make an event of. */
static void take_dead(leat_sinkrun *k, const leat_batch *b)
{
    for (const leat_dead *d = b->dead; d; d = d->next) {
        letter *l = LEAT_NEW(&k->letters_arena, letter, 1);
        l->order = k->batches << 32;
        l->dead = *d;
        l->dead.next = NULL;
        l->dead.position = leat_arena_str(&k->letters_arena, d->position);
        l->dead.bytes = leat_arena_str(&k->letters_arena, d->bytes);
        l->dead.topic = leat_arena_strdup(&k->letters_arena, d->topic);
        keep(k, l);
        k->refused++;
    }
}

static bool waits(leat_sink_task *t, const leat_batch *b, uint32_t i)
{
    leat_sinkrun *k = t->engine;
    leat_err why;
    if (!leat_parking_holds(&k->parking, &b->ev[i])) return false;
    tell(t, b, i, LEAT_FATE_DEAD);
    leat_parking_add(&k->parking, &b->ev[i]);
    leat_fail(&why, LEAT_DATA, LEAT_LETTER_WAITS, leat_event_topic(&b->ev[i]),
              "an earlier change of the same row is in the dead letters: this one waits for it");
    put_letter(k, b, i, &why);
    return true;
}

/* Letters of this batch that a TRUNCATE makes void, and those that are stored. */
static leat_rc empty(leat_sinkrun *k, const char *topic, leat_err *e)
{
    for (letter *l = k->letters; l; l = (letter *)l->dead.next)
        if (strcmp(l->dead.topic, topic) == 0) l->dead.superseded = true;
    return leat_parking_emptied(&k->parking, topic, e);
}

/* Of the ledger by topic; as in the header of stream/tables.h. */
static leat_counts *of_topic(leat_sinkrun *k, const char *topic)
{
    leat_tally *y = leat_tallies_known(&k->topics, topic);
    if (!y) y = leat_tallies_get(&k->topics, leat_str_of(topic), NULL);
    y->of = topic;
    return &y->counts;
}

/* Takes what has to wait out of the batch. */
static leat_rc park(leat_sinkrun *k, leat_err *e)
{
    leat_batch *b = &k->batch;
    uint32_t n = 0, safe = b->nsafe;
    if (k->parking.waiting == 0) return LEAT_OK;
    for (uint32_t i = 0; i < b->n; i++) {
        if (b->ev[i].op == LEAT_OP_TRUNCATE) LEAT_TRY(empty(k, leat_event_topic(&b->ev[i]), e));
        if (waits(&k->task, b, i)) {
            leat_counts *c = of_topic(k, leat_event_topic(&b->ev[i]));
            c->received++;
            c->dead++;
            b->nsafe -= i < safe;
            continue;
        }
        if (n != i) b->ev[n] = b->ev[i];
        n++;
    }
    b->n = n;
    return LEAT_OK;
}

/* A batch that was written, and what the feed could not make events of. What had to wait is counted
 * already. */
static void count_topics(leat_sinkrun *k)
{
    const leat_batch *b = &k->batch;
    for (uint32_t i = 0; i < b->n; i++) {
        leat_counts *c = of_topic(k, leat_event_topic(&b->ev[i]));
        c->received++;
        if (k->fates[i] == LEAT_FATE_FILTERED)
            c->filtered++;
        else if (k->fates[i] == LEAT_FATE_DEAD)
            c->dead++;
        else
            c->appended++;
    }
    for (uint32_t i = 0; i < b->tables.nused; i++) {
        const leat_tally *y = &b->tables.v[b->tables.used[i]];
        leat_counts *c = of_topic(k, y->table);
        c->received += y->counts.filtered + y->counts.dead;
        c->filtered += y->counts.filtered;
        c->dead += y->counts.dead;
    }
    for (uint32_t i = 0; i < k->topics.nused; i++) k->topics.v[k->topics.used[i]].of = NULL;
}

static void show_topics(leat_sinkrun *k)
{
    if (!k->conf.tables) return;
    leat_tallies_safe(&k->topics);
    leat_tables_add(k->conf.tables, &k->topics, NULL, 1);
    leat_tables_settle(k->conf.tables, 1);
}

/* Behind each batch that is durable. */
static void look_for_breaks(leat_sinkrun *k)
{
    const char *why;
    if (!leat_parking_full(&k->parking, k->taken, k->refused, &k->letters_arena, &why) ||
        !k->conf.paused)
        return;
    leat_log(LEAT_ERROR, "sink.paused",
             "%s. Nothing is lost: mend the cause, then 'leat dead-letters %s retry --all' and "
             "'leat resume %s'",
             why, k->conf.connector, k->conf.connector);
    k->conf.paused(k->conf.paused_arg, why);
}

static void account(leat_sinkrun *k)
{
    leat_sink_counts all = leat_feed_counts(k->feed);
    const leat_counts sum = {.received = all.read,
                             .appended = all.delivered,
                             .filtered = all.filtered,
                             .dead = all.dead};
    if (k->conf.tables) leat_tables_begin(k->conf.tables, &sum);
    pthread_mutex_lock(&k->lock);
    k->totals = all;
    pthread_mutex_unlock(&k->lock);
    if (!k->conf.page) return;
    atomic_store(&k->conf.page->delivered, all.delivered);
    atomic_store(&k->conf.page->sink_rejected, all.dead);
}

/* Returns OK only once all that was written is durable in the target. */
static leat_rc settle(leat_sinkrun *k, leat_rc rc, leat_err *e)
{
    const leat_sink *sink = k->conf.sink;
    int64_t deadline = leat_mono_us() + FLUSH_US;
    int fault = LEAT_FAULT(sink_flush);
    if (fault) return leat_os_fail(e, fault, "flush", k->conf.connector);
    if (sink->flush) rc = sink->flush(&k->task, deadline, e);
    while (!sink->flush && sink->poll && rc == LEAT_PENDING && leat_mono_us() < deadline)
        rc = sink->poll(&k->task, POLL_MS, e);
    if (rc == LEAT_OK || leat_rc_failed(rc)) return rc;
    return leat_fail(e, LEAT_RETRY, "sink.not_durable", k->conf.connector,
                     "the target has not said within %d s that %llu events are durable there; they "
                     "are written again",
                     FLUSH_US / 1000000, (unsigned long long)k->taken);
}

/* What the ledger says once all that was written is durable. */
static leat_sink_counts counts_of(const leat_sinkrun *k, const leat_lane *lane)
{
    leat_sink_counts counts = lane->counts;
    counts.read += k->taken;
    counts.dead += k->rejected;
    counts.filtered += k->filtered + left_out(k);
    counts.delivered += k->taken - k->rejected - k->filtered - left_out(k);
    return counts;
}

static leat_rc put_letters(leat_sinkrun *k, leat_err *e)
{
    if (k->rejected > k->taken)
        return leat_fail(
            e, LEAT_FATAL, "ledger.mismatch", k->conf.connector,
            "the sink rejected %llu of %llu events; they are not counted as delivered: "
            "report this",
            (unsigned long long)k->rejected, (unsigned long long)k->taken);
    at(k, LEAT_STAGE_LETTERS);
    if (k->letters) LEAT_TRY(k->conf.dead->put(k->conf.dead, &k->letters->dead, e));
    return k->feed->ops->report ? k->feed->ops->report(k->feed, e) : LEAT_OK;
}

/* Called by the sink, before it commits. A letter that is put again replaces itself. */
static leat_rc reach(leat_sink_task *t, leat_buf *text, leat_err *e)
{
    leat_sinkrun *k = t->engine;
    leat_sink_counts counts = counts_of(k, k->lane);
    LEAT_TRY(balance(k, e));
    LEAT_TRY(put_letters(k, e));
    at(k, LEAT_STAGE_TARGET);
    k->feed->ops->text(k->feed, k->lane, &counts, text);
    return LEAT_OK;
}

static leat_rc reached(void *arg, const char *source, leat_arena *a, leat_str *text, leat_err *e)
{
    leat_sinkrun *k = arg;
    return k->conf.sink->reached(&k->task, source, a, text, e);
}

/* All that was written is durable: so are the letters, then the cursor. */
static leat_rc store(leat_sinkrun *k, leat_lane *lane, leat_err *e)
{
    leat_sink_counts counts = counts_of(k, lane);
    if (!k->conf.sink->reached) LEAT_TRY(put_letters(k, e));
    at(k, LEAT_STAGE_DISK);
    LEAT_TRY(k->feed->ops->store(k->feed, lane, &counts, e));
    k->held = NULL;
    k->progressed = true;
    show_topics(k);
    account(k);
    look_for_breaks(k);
    return LEAT_OK;
}

static leat_rc settle_held(void *arg, leat_err *e)
{
    leat_sinkrun *k = arg;
    if (!k->held) return LEAT_OK;
    LEAT_TRY(settle(k, LEAT_PENDING, e));
    return store(k, k->held, e);
}

static void begin_letters(leat_sinkrun *k)
{
    leat_arena_reset(&k->letters_arena, 1 << 16);
    k->letters = k->last_letter = NULL;
    k->batches = k->rejected = k->refused = k->taken = k->filtered = 0;
    leat_tallies_clear(&k->topics);
}

/* PENDING: the target holds it, and more of the same lane must follow. */
static leat_rc deliver(leat_sinkrun *k, leat_lane *lane, leat_err *e)
{
    if (!k->held) begin_letters(k);
    k->lane = lane;
    k->task.source = lane->source;
    k->taken += k->batch.n + k->batch.counts.dead + k->batch.counts.filtered;
    k->filtered += k->batch.counts.filtered;
    take_dead(k, &k->batch);
    forget_fates(k);
    LEAT_TRY(park(k, e));
    forget_fates(k);
    at(k, LEAT_STAGE_TARGET);
    int fault = LEAT_FAULT(sink_write);
    if (fault) return leat_os_fail(e, fault, "write to", k->conf.connector);
    leat_rc rc = k->conf.sink->write(&k->task, &k->batch, e);
    LEAT_TRY(rc);
    LEAT_TRY(balance(k, e));
    k->batches++;
    count_topics(k);
    if (rc == LEAT_PENDING && k->conf.sink->reached && !k->feed->ops->at_end(k->feed, lane)) {
        k->held = lane;
        k->filtered += left_out(k);
        memset(k->fates, LEAT_FATE_WRITTEN, k->batch.n);
        return LEAT_PENDING;
    }
    LEAT_TRY(settle(k, rc, e));
    return store(k, lane, e);
}

/* What is in one lane now: a batch, and as many more as the target holds back for. AGAIN: nothing
 * new. */
static leat_rc drain(leat_sinkrun *k, leat_lane *lane, int64_t wait_us, leat_err *e)
{
    const leat_feed_ops *feed = k->feed->ops;
    leat_rc out = LEAT_AGAIN;
    do {
        leat_rc rc = feed->next(k->feed, lane, &k->batch, k->held ? WAIT_US : wait_us, e);
        LEAT_TRY(rc);
        if (rc == LEAT_AGAIN && k->held && feed->at_end(k->feed, lane)) return settle_held(k, e);
        if (rc == LEAT_AGAIN) continue;
        out = LEAT_OK;
        LEAT_TRY(deliver(k, lane, e));
    } while (k->held && !atomic_load(&k->leave));
    return out;
}

/* One round over the lanes. AGAIN: nothing new in any. */
static leat_rc turn(leat_sinkrun *k, bool finishing, leat_err *e)
{
    at(k, LEAT_STAGE_STREAM);
    LEAT_TRY(k->feed->ops->look(k->feed, finishing, WAIT_US, e));
    if (k->feed->first) account(k);
    bool one = k->feed->first && !k->feed->first->next, any = false;
    for (leat_lane *l = k->feed->first; l && !atomic_load(&k->leave); l = l->next) {
        leat_rc rc = drain(k, l, one && !finishing ? WAIT_US : 0, e);
        LEAT_TRY(rc);
        any = any || rc != LEAT_AGAIN;
    }
    return any ? LEAT_OK : LEAT_AGAIN;
}

/* Lanes that passed over what is not ours are stored, now and then. */
static leat_rc rest(leat_sinkrun *k, bool now, leat_err *e)
{
    bool due = now || leat_mono_us() - k->rested_us >= REST_US;
    if (due) k->rested_us = leat_mono_us();
    return k->feed->ops->rest ? k->feed->ops->rest(k->feed, k->held, due, e) : LEAT_OK;
}

/* PENDING: all was delivered that was to be. */
static leat_rc rounds(leat_sinkrun *k, leat_err *e)
{
    bool done = false;
    k->rested_us = leat_mono_us();
    while (!atomic_load(&k->leave)) {
        bool finishing = atomic_load(&k->finish);
        leat_rc rc = turn(k, finishing, e);
        LEAT_TRY(rc);
        if (k->state != LEAT_RUN_RUNNING) set_state(k, LEAT_RUN_RUNNING, NULL);
        if (rc != LEAT_AGAIN) continue;
        done = finishing && k->feed->ops->all_read(k->feed);
        if (done) break;
        LEAT_TRY(rest(k, false, e));
        bool one = k->feed->first && !k->feed->first->next;
        if (!one && !k->feed->ops->waits) leat_sleep_us(TURNS_US);
    }
    LEAT_TRY(rest(k, true, e));
    return done ? LEAT_PENDING : LEAT_OK;
}

/* It runs once its inputs are open; after a failure once a round went well, so that one which fails
 * each time at the same place stays RETRYING, with its error. */
static leat_rc attempt(leat_sinkrun *k, leat_err *e)
{
    k->progressed = false;
    k->held = NULL;
    LEAT_TRY(leat_parking_load(&k->parking, e));
    at(k, LEAT_STAGE_TARGET);
    LEAT_TRY(k->conf.sink->open(&k->task, e));
    leat_rc rc = k->feed->ops->look(k->feed, true, 0, e);
    if (rc == LEAT_OK && k->state != LEAT_RUN_RETRYING) set_state(k, LEAT_RUN_RUNNING, NULL);
    if (rc == LEAT_OK) rc = rounds(k, e);
    k->feed->ops->close(k->feed);
    k->conf.sink->close(&k->task);
    return rc;
}

/* Runs what waits for the inputs to be closed. */
static void answer(leat_sinkrun *k)
{
    pthread_mutex_lock(&k->lock);
    leat_rc (*fn)(void *, leat_err *) = k->between;
    void *arg = k->between_arg;
    pthread_mutex_unlock(&k->lock);
    if (!fn) return;
    leat_err err = {0};
    leat_rc rc = fn(arg, &err);
    pthread_mutex_lock(&k->lock);
    k->between_err = err;
    k->between_err.rc = rc;
    k->between = NULL;
    pthread_cond_signal(&k->answered);
    pthread_mutex_unlock(&k->lock);
}

/* Between attempts, with sink and inputs closed: what others wait for, and the pause. True: stop.
 */
static bool apart(leat_sinkrun *k)
{
    for (;;) {
        atomic_store(&k->leave, false);
        answer(k);
        if (atomic_load(&k->stop)) return true;
        if (!atomic_load(&k->pause)) return false;
        set_state(k, LEAT_RUN_PAUSED, NULL);
        while (atomic_load(&k->pause) && !atomic_load(&k->leave)) leat_sleep_us(PAUSE_STEP_US);
        if (!atomic_load(&k->pause)) set_state(k, LEAT_RUN_STARTING, NULL);
    }
}

static leat_rc attempts(leat_sinkrun *k, leat_err *e)
{
    leat_retry retry = k->conf.retry;
    while (!apart(k)) {
        leat_err err = {0};
        int64_t pause_us;
        leat_rc rc = attempt(k, &err);
        if (rc == LEAT_PENDING) break;
        if (rc == LEAT_OK) continue;
        if (!leat_retry_next(&retry, rc, k->progressed, &pause_us)) {
            set_state(k, LEAT_RUN_FAILED, &err);
            if (e) *e = err;
            return rc;
        }
        set_state(k, LEAT_RUN_RETRYING, &err);
        leat_log(LEAT_WARN, err.code, "retry_in_ms=%lld where=\"%s\" %s",
                 (long long)(pause_us / 1000), err.where, err.msg);
        if (leat_retry_sleep(pause_us, &k->stop, &k->leave)) break;
    }
    set_state(k, LEAT_RUN_STOPPED, NULL);
    return LEAT_OK;
}

leat_rc leat_sinkrun_run(leat_sinkrun *k, leat_err *e)
{
    leat_rc rc = attempts(k, e);
    pthread_mutex_lock(&k->lock);
    k->ended = true;
    pthread_cond_signal(&k->answered);
    pthread_mutex_unlock(&k->lock);
    return rc;
}
