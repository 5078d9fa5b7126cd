/* The loop of a sink: batches in each stream's order, dead letters, cursor last.
 *
 * A sink never meets a source: it knows streams by their topics' claims only. Several streams are
 * read in turn; a topic that does not exist yet is looked for once a second. What a sink rejects is
 * kept until the batch is durable in the target, and stored before the cursor moves. Errors: RETRY
 * closes the sink, backs off and goes on from the stored cursors. Run by the task's thread. */
#include "engine/sinkrun.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/log.h"
#include "base/os.h"
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

struct leat_sinkrun {
    leat_sinkrun_conf conf;
    leat_sink_task task;
    leat_inputs inputs;
    leat_batch batch;
    leat_arena letters_arena; /* of the dead letters of the batch being written */
    leat_dead *letters, **letters_tail;
    uint64_t rejected; /* how many those are */
    bool progressed;   /* something was delivered since the last open */
    int64_t rested_us; /* when idle inputs were stored last */
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
                               .engine = k};
    k->inputs = (leat_inputs){.data = conf->data, .sink = conf->connector, .topics = conf->topics};
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
    leat_arena_free(&k->letters_arena);
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
    leat_jw_i64(&w, "offset", ev->offset);
    leat_jw_end(&w);
    leat_str out = leat_arena_str(&k->letters_arena, leat_buf_str(&text));
    leat_buf_free(&text);
    return out;
}

static void reject(leat_sink_task *t, const leat_batch *b, uint32_t i, const leat_err *why)
{
    leat_sinkrun *k = t->engine;
    const leat_event *ev = &b->ev[i];
    leat_dead *letter = LEAT_NEW(&k->letters_arena, leat_dead, 1);
    *letter = (leat_dead){.why = *why,
                          .position = place_of(k, ev),
                          .bytes = LEAT_STR(""),
                          .topic = leat_event_topic(ev),
                          .ts_us = ev->ts_us};
    *k->letters_tail = letter;
    k->letters_tail = &letter->next;
    k->rejected++;
}

static void account(leat_sinkrun *k)
{
    leat_sink_counts all = leat_inputs_counts(&k->inputs);
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
                     "the target has not said within %d s that %u events are durable there; they "
                     "are written again",
                     FLUSH_US / 1000000, k->batch.n);
}

static leat_rc deliver(leat_sinkrun *k, leat_input *in, leat_err *e)
{
    leat_sink_counts counts = in->counts;
    leat_arena_reset(&k->letters_arena, 1 << 16);
    k->letters = NULL;
    k->letters_tail = &k->letters;
    k->rejected = 0;
    at(k, LEAT_STAGE_TARGET);
    int fault = LEAT_FAULT(sink_write);
    if (fault) return leat_os_fail(e, fault, "write to", k->conf.connector);
    leat_rc rc = k->conf.sink->write(&k->task, &k->batch, e);
    LEAT_TRY(rc);
    LEAT_TRY(settle(k, rc, e));
    if (k->rejected > k->batch.n)
        return leat_fail(e, LEAT_FATAL, "ledger.mismatch", k->conf.connector,
                         "the sink rejected %llu events of a batch of %u; the batch is not counted "
                         "as delivered: report this",
                         (unsigned long long)k->rejected, k->batch.n);
    at(k, LEAT_STAGE_LETTERS);
    if (k->letters) LEAT_TRY(k->conf.dead->put(k->conf.dead, k->letters, e));
    counts.read += k->batch.n;
    counts.dead += k->rejected;
    counts.delivered += k->batch.n - k->rejected;
    at(k, LEAT_STAGE_DISK);
    LEAT_TRY(leat_inputs_store(&k->inputs, in, &counts, e));
    k->progressed = true;
    account(k);
    return LEAT_OK;
}

/* One round over the streams. AGAIN: nothing new in any. */
static leat_rc turn(leat_sinkrun *k, bool finishing, leat_err *e)
{
    at(k, LEAT_STAGE_STREAM);
    LEAT_TRY(leat_inputs_look(&k->inputs, finishing, e));
    if (k->inputs.first) account(k);
    bool one = k->inputs.first && !k->inputs.first->next, any = false;
    for (leat_input *in = k->inputs.first; in && !atomic_load(&k->leave); in = in->next) {
        leat_err why = {0};
        leat_rc rc = leat_reader_next(in->reader, &k->batch, one && !finishing ? WAIT_US : 0, &why);
        if (leat_rc_failed(rc) && strcmp(why.code, "stream.gap") == 0)
            return leat_inputs_gap(&k->inputs, in, e);
        if (leat_rc_failed(rc) && e) *e = why;
        LEAT_TRY(rc);
        if (rc == LEAT_AGAIN) continue;
        any = true;
        LEAT_TRY(deliver(k, in, e));
    }
    return any ? LEAT_OK : LEAT_AGAIN;
}

/* Nothing is left in any of the streams. */
static bool all_read(leat_sinkrun *k)
{
    for (leat_input *in = k->inputs.first; in; in = in->next)
        if (!leat_reader_at_end(in->reader)) return false;
    return true;
}

/* The segment that a cursor begins with. */
static leat_str segment_of(leat_str cursor)
{
    return leat_str_cut(&cursor, ':');
}

/* Readers that passed over others' frames: the stream need not keep those for us. At once where a
 * whole segment was left: the source may be waiting for that. */
static leat_rc rest(leat_sinkrun *k, bool now, leat_err *e)
{
    bool due = now || leat_mono_us() - k->rested_us >= REST_US;
    if (due) k->rested_us = leat_mono_us();
    for (leat_input *in = k->inputs.first; in; in = in->next) {
        leat_str at = leat_reader_cursor(in->reader), was = leat_buf_str(&in->cursor);
        bool left = !leat_str_eq(segment_of(at), segment_of(was));
        if (left || (due && !leat_str_eq(at, was)))
            LEAT_TRY(leat_inputs_store(&k->inputs, in, &in->counts, e));
    }
    return LEAT_OK;
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
        done = finishing && all_read(k);
        if (done) break;
        LEAT_TRY(rest(k, false, e));
        if (!k->inputs.first || k->inputs.first->next) leat_sleep_us(TURNS_US);
    }
    LEAT_TRY(rest(k, true, e));
    return done ? LEAT_PENDING : LEAT_OK;
}

/* It runs once its inputs are open; after a failure once a round went well, so that one which fails
 * each time at the same place stays RETRYING, with its error. */
static leat_rc attempt(leat_sinkrun *k, leat_err *e)
{
    k->progressed = false;
    at(k, LEAT_STAGE_TARGET);
    LEAT_TRY(k->conf.sink->open(&k->task, e));
    leat_rc rc = leat_inputs_look(&k->inputs, true, e);
    if (rc == LEAT_OK && k->state != LEAT_RUN_RETRYING) set_state(k, LEAT_RUN_RUNNING, NULL);
    if (rc == LEAT_OK) rc = rounds(k, e);
    leat_inputs_close(&k->inputs);
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
