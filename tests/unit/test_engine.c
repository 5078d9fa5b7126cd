/* engine: the order of things on which "nothing is lost" stands, told by what it calls.
 *
 * A scripted source, a stream and a store of letters that only remember; every call adds a word to
 * one line, and that line is what is compared. The simulator (tests/sim) runs the real stream. */
#include "../test.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/engine.h"

/* What one read (or read_chunk) does, in this order. */
typedef struct step {
    unsigned events, filtered, dead; /* received and ... */
    int64_t safe;                    /* a safe place; 0: none */
    unsigned after;                  /* events behind it */
    unsigned lost;                   /* received, and nothing became of it */
    unsigned rows;
    leat_rc rc;
    unsigned ms;      /* a chunk: how long it takes */
    bool fill;        /* as if the batch were full */
    bool stop, pause; /* somebody says so meanwhile */
    bool between;     /* somebody asks for the exclusive section meanwhile */
} step;

enum { STEPS = 16, PARTITION_LEN = 12 };

typedef struct world {
    leat_stream stream;
    leat_dead_store letters;
    leat_stream_state state;
    leat_position pos;
    char offset[32], progress[128];
    int64_t mark, appended; /* positions; 0: none */
    bool dirty;             /* something safe is not committed */
    char appended_progress[128];
    leat_counts counts, tail; /* appended up to the safe place; behind it */
    step reads[STEPS], rows[STEPS];
    unsigned nreads, nrows, chunks;
    bool skip_stream;
    leat_rc open_rc[STEPS], append_rc[STEPS], commit_rc[STEPS], ack_rc[STEPS], put_rc[STEPS];
    unsigned opens, appends, commits, acks, puts, beats;
    int64_t passes_at; /* `once` */
    int64_t now;
    unsigned sleeps, unpause_at;
    unsigned look_at;          /* after this sleep ... */
    leat_engine_status looked; /* ... it was so */
    bool begin_paused;
    char line[4000];
    leat_engine *g;
    leat_engine_status status; /* while it read for the second time */
    leat_engine_status beaten; /* at the first beat */
    unsigned read_calls;
    pthread_t asker;   /* of the exclusive section */
    bool asking;       /* there is one, not joined yet ... */
    atomic_bool heard; /* ... whose fn ran, or which was answered */
    unsigned ask_at;   /* it comes at this sleep; 0: never */
    leat_rc fn_rc, asked_rc;
    leat_err asked_err;
} world;

static world *w;

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
    size_t n = strlen(w->line);
    va_list args;
    va_start(args, fmt);
    if (n > 0 && n + 1 < sizeof w->line) w->line[n++] = ' ';
    vsnprintf(w->line + n, sizeof w->line - n, fmt, args);
    va_end(args);
}

/* PENDING stands for a disk that is full. */
static leat_rc answer(leat_rc rc, leat_err *e)
{
    if (rc == LEAT_PENDING) return leat_fail(e, LEAT_RETRY, "os.enospc", "here", "it is full");
    return leat_rc_failed(rc) ? leat_fail(e, rc, "test.failed", "here", "it failed") : rc;
}

/* ---- whoever asks for the exclusive section ---- */

static leat_rc in_between(void *arg, leat_stream *s, leat_err *e)
{
    assert_ptr_equal(arg, &w->asker);
    assert_ptr_equal(s, &w->stream);
    say("between");
    atomic_store(&w->heard, true);
    return answer(w->fn_rc, e);
}

static void *asker(void *arg)
{
    (void)arg;
    w->asked_rc = leat_engine_between(w->g, in_between, &w->asker, &w->asked_err);
    atomic_store(&w->heard, true);
    return NULL;
}

static void ask(void)
{
    assert_false(w->asking);
    w->asking = true;
    assert_int_equal(pthread_create(&w->asker, NULL, asker, NULL), 0);
}

/* The engine must not go on before it can have heard the request. */
static bool unheard(void)
{
    return w->asking && !atomic_load(&w->heard);
}

/* ---- clock ---- */

static int64_t clock_now(void)
{
    return w->now;
}

static void clock_sleep(int64_t us)
{
    if (unheard()) {
        usleep(500);
        return;
    }
    w->now += us;
    if (w->sleeps + 1 == w->ask_at) ask();
    if (++w->sleeps == w->look_at) leat_engine_status_get(w->g, &w->looked);
    if (w->sleeps != w->unpause_at) return;
    say("on");
    leat_engine_pause(w->g, false);
}

/* ---- stream ---- */

static leat_rc stream_append(leat_stream *s, const leat_batch *b, leat_str progress, leat_err *e)
{
    (void)s;
    leat_rc rc = w->append_rc[w->appends++ % STEPS];
    int64_t safe = 0;
    if (b->safe.offset.s) leat_str_i64(b->safe.offset, &safe);
    say("append(%u,%lld%s)", b->n, (long long)safe, progress.s ? ",p" : "");
    if (rc != LEAT_OK) return answer(rc, e);
    leat_counts behind = b->counts;
    if (safe || progress.s) {
        leat_counts_add(&w->counts, &w->tail);
        leat_counts_add(&w->counts, &b->safe_counts);
        leat_counts_sub(&behind, &b->safe_counts);
        w->tail = (leat_counts){0};
    }
    leat_counts_add(&w->tail, &behind);
    w->dirty |= safe || progress.s;
    if (safe) w->appended = safe;
    if (progress.s)
        snprintf(w->appended_progress, sizeof w->appended_progress, LEAT_STR_FMT,
                 LEAT_STR_ARG(progress));
    return LEAT_OK;
}

static leat_rc stream_commit(leat_stream *s, leat_err *e)
{
    (void)s;
    if (!w->dirty) return LEAT_OK;
    leat_rc rc = w->commit_rc[w->commits++ % STEPS];
    say("commit");
    if (rc != LEAT_OK) return answer(rc, e);
    w->dirty = false;
    w->mark = w->appended;
    memcpy(w->progress, w->appended_progress, sizeof w->progress);
    snprintf(w->offset, sizeof w->offset, "%lld", (long long)w->mark);
    w->pos = (leat_position){LEAT_STR("{}"), leat_str_of(w->offset)};
    w->state.pos = &w->pos;
    w->state.npos = w->mark != 0;
    w->state.progress = w->progress[0] ? leat_str_of(w->progress) : (leat_str){0};
    w->state.totals = w->counts;
    w->state.frame++;
    return LEAT_OK;
}

static leat_rc stream_rollback(leat_stream *s, leat_err *e)
{
    (void)s;
    (void)e;
    say("rollback");
    w->tail = (leat_counts){0};
    return LEAT_OK;
}

static size_t stream_pending(const leat_stream *s)
{
    (void)s;
    return 100;
}

static const leat_stream_state *stream_state(const leat_stream *s)
{
    (void)s;
    return &w->state;
}

static void stream_close(leat_stream *s)
{
    (void)s;
}

static leat_rc put_letters(leat_dead_store *d, const leat_dead *letters, leat_err *e)
{
    (void)d;
    unsigned n = 0;
    for (; letters; letters = letters->next) n++;
    say("letters(%u)", n);
    return answer(w->put_rc[w->puts++ % STEPS], e);
}

/* ---- source ---- */

static leat_rc source_open(leat_task *t, const leat_position *pos, size_t n, leat_err *e)
{
    (void)t;
    say("open(" LEAT_STR_FMT ")", LEAT_STR_ARG(n ? pos[0].offset : LEAT_STR("-")));
    return answer(w->open_rc[w->opens++ % STEPS], e);
}

static leat_rc source_plan(leat_task *t, leat_plan *plan, leat_err *e)
{
    (void)t;
    (void)e;
    say("plan");
    plan->start = (leat_position){LEAT_STR("{}"), LEAT_STR("5")};
    plan->skip_stream = w->skip_stream;
    for (unsigned i = 0; i < w->chunks; i++) {
        leat_chunk *chunk = LEAT_NEW(plan->a, leat_chunk, 1);
        chunk->table = "public.t";
        *plan->tail = chunk;
        plan->tail = &chunk->next;
        plan->n++;
    }
    return LEAT_OK;
}

static void add_events(leat_batch *b, unsigned n, leat_op op)
{
    for (unsigned i = 0; i < n; i++) leat_batch_add(b, NULL)->op = (uint8_t)op;
}

static void play(const step *st, leat_batch *b)
{
    char offset[32];
    b->counts.received += st->events + st->filtered + st->dead + st->lost;
    b->counts.filtered += st->filtered;
    b->counts.rows_read += st->rows;
    add_events(b, st->events, LEAT_OP_CREATE);
    add_events(b, st->rows, LEAT_OP_READ);
    for (unsigned i = 0; i < st->dead; i++)
        leat_batch_dead(b, &(leat_dead){.position = LEAT_STR("x")});
    snprintf(offset, sizeof offset, "%lld", (long long)st->safe);
    if (st->safe) leat_batch_safe(b, (leat_position){LEAT_STR("{}"), leat_str_of(offset)});
    b->counts.received += st->after;
    add_events(b, st->after, LEAT_OP_CREATE);
    if (st->fill) b->max_events = b->n;
    if (st->stop) leat_engine_stop(w->g);
    if (st->pause) leat_engine_pause(w->g, true);
    if (st->between) ask();
}

static leat_rc source_read_chunk(leat_task *t, leat_chunk *chunk, leat_batch *b, leat_err *e)
{
    (void)t;
    (void)chunk;
    assert_true(w->nrows < STEPS);
    const step *st = &w->rows[w->nrows++];
    say("rows");
    w->now += st->ms * 1000;
    play(st, b);
    return answer(st->rc, e);
}

static leat_rc source_read(leat_task *t, leat_batch *b, int wait_ms, leat_err *e)
{
    (void)t;
    b->max_events = 100;
    if (unheard()) {
        usleep(500);
        return LEAT_AGAIN;
    }
    if (++w->read_calls == 2) leat_engine_status_get(w->g, &w->status);
    if (w->nreads == STEPS || w->reads[w->nreads].rc == LEAT_PENDING) return LEAT_PENDING;
    const step *st = &w->reads[w->nreads++];
    say("read");
    play(st, b);
    if (st->rc == LEAT_AGAIN) w->now += (int64_t)wait_ms * 1000;
    return answer(st->rc, e);
}

static leat_rc source_ack(leat_task *t, leat_position pos, leat_err *e)
{
    (void)t;
    say("ack(" LEAT_STR_FMT ")", LEAT_STR_ARG(pos.offset));
    return answer(w->ack_rc[w->acks++ % STEPS], e);
}

static leat_rc source_beat(leat_task *t, leat_err *e)
{
    (void)t;
    (void)e;
    if (w->beats++ == 0) leat_engine_status_get(w->g, &w->beaten);
    return LEAT_OK;
}

static leat_rc source_end(leat_task *t, leat_arena *a, leat_str *end, leat_err *e)
{
    (void)t;
    (void)e;
    say("end");
    *end = leat_arena_str(a, LEAT_STR("20"));
    return LEAT_OK;
}

static bool source_passed(leat_task *t, leat_str end, const leat_position *pos, size_t n)
{
    int64_t want = 0, got = 0;
    (void)t;
    return n > 0 && leat_str_i64(end, &want) && leat_str_i64(pos[0].offset, &got) && got >= want;
}

static void source_close(leat_task *t)
{
    (void)t;
    say("close");
}

static const leat_source plain = {
    .name = "test",
    .open = source_open,
    .read = source_read,
    .ack = source_ack,
    .beat = source_beat,
    .end = source_end,
    .passed = source_passed,
    .close = source_close,
};

/* ---- the fixture ---- */

static int setup(void **state)
{
    static const leat_clock clock = {clock_now, clock_now, clock_sleep};
    static const leat_stream_ops ops = {.name = "test",
                                        .append = stream_append,
                                        .commit = stream_commit,
                                        .rollback = stream_rollback,
                                        .pending = stream_pending,
                                        .state = stream_state,
                                        .close = stream_close};
    w = test_calloc(1, sizeof *w);
    w->now = 1000000;
    w->stream.ops = &ops;
    w->letters.put = put_letters;
    for (unsigned i = 0; i < STEPS; i++) w->reads[i].rc = LEAT_PENDING;
    leat_clock_use(&clock);
    leat_log_setup(LEAT_ERROR, false, NULL, -1);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    leat_clock_use(NULL);
    test_free(*state);
    return 0;
}

/* Runs with the reads given; what it did stands in w->line. */
static leat_rc run(const leat_source *source, bool once, int64_t limit, leat_page *page,
                   leat_err *e)
{
    leat_engine_conf conf = {.source = source,
                             .connector = "shop",
                             .run_id = "1",
                             .stream = &w->stream,
                             .dead = &w->letters,
                             .page = page,
                             .once = once,
                             .retry = {.limit = limit}};
    w->g = leat_engine_new(&conf);
    if (w->begin_paused) leat_engine_pause(w->g, true);
    leat_rc rc = leat_engine_run(w->g, e);
    leat_engine_status st;
    leat_engine_status_get(w->g, &st);
    assert_int_equal(st.all.state, rc == LEAT_OK ? LEAT_RUN_STOPPED : LEAT_RUN_FAILED);
    if (w->asking) pthread_join(w->asker, NULL);
    leat_engine_free(w->g);
    w->g = NULL;
    return rc;
}

static void script(const step *steps, unsigned n)
{
    memcpy(w->reads, steps, n * sizeof *steps);
}

#define SCRIPT(...)                                                                                \
    do {                                                                                           \
        const step steps_[] = {__VA_ARGS__};                                                       \
        script(steps_, sizeof steps_ / sizeof steps_[0]);                                          \
    } while (0)

static leat_rc run_plain(leat_err *e)
{
    return run(&plain, false, -1, NULL, e);
}

/* ---- the order of things ---- */

static void test_order(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 2, .dead = 1, .safe = 10}, {.events = 1, .safe = 11});
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read letters(1) append(2,10) commit ack(10) "
                                 "read append(1,11) commit ack(11) close");
    assert_int_equal(w->state.totals.received, 4);
    assert_int_equal(w->state.totals.appended, 3);
    assert_int_equal(w->state.totals.dead, 1);
}

static void test_full_batches_share_a_commit(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 2, .safe = 10, .fill = true}, {.events = 2, .safe = 11, .fill = true},
           {.events = 1, .safe = 12});
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(2,10) read append(2,11) "
                                 "read append(1,12) commit ack(12) close");
}

static void test_idle_position(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.rc = LEAT_AGAIN}, {.safe = 30}, {.rc = LEAT_AGAIN}, {.rc = LEAT_AGAIN});
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read read append(0,30) commit ack(30) read read close");
}

static void test_commit_that_fails(void **state)
{
    (void)state;
    leat_err e = {0};
    w->commit_rc[1] = LEAT_RETRY;
    SCRIPT({.events = 1, .safe = 10}, {.events = 1, .safe = 11}, {.events = 1, .safe = 12});
    assert_int_equal(run_plain(&e), LEAT_OK);
    /* 11 is in the stream: it is made durable before the source goes on behind it. */
    assert_string_equal(w->line, "open(-) read append(1,10) commit ack(10) "
                                 "read append(1,11) commit close "
                                 "commit open(11) read append(1,12) commit ack(12) close");
}

static void test_append_that_fails(void **state)
{
    (void)state;
    leat_err e = {0};
    w->append_rc[1] = LEAT_RETRY;
    SCRIPT({.events = 1, .safe = 10}, {.events = 1, .safe = 11}, {.events = 1, .safe = 11});
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(1,10) commit ack(10) "
                                 "read append(1,11) close "
                                 "open(10) read append(1,11) commit ack(11) close");
}

static void test_letters_that_fail(void **state)
{
    (void)state;
    leat_err e = {0};
    w->put_rc[0] = LEAT_RETRY;
    SCRIPT({.dead = 2, .safe = 10}, {.dead = 2, .safe = 10});
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read letters(2) close "
                                 "open(-) read letters(2) append(0,10) commit ack(10) "
                                 "close");
    assert_int_equal(w->state.totals.dead, 2);
}

static void test_ack_that_fails(void **state)
{
    (void)state;
    leat_err e = {0};
    w->ack_rc[0] = LEAT_RETRY;
    SCRIPT({.events = 1, .safe = 10}, {.safe = 11});
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(1,10) commit ack(10) close "
                                 "open(10) read append(0,11) commit ack(11) close");
}

static void test_fatal_commit_ends(void **state)
{
    (void)state;
    leat_err e = {0};
    w->commit_rc[0] = LEAT_FATAL;
    SCRIPT({.events = 1, .safe = 10});
    assert_int_equal(run_plain(&e), LEAT_FATAL);
    assert_string_equal(e.code, "test.failed");
    assert_string_equal(w->line, "open(-) read append(1,10) commit close");
}

static void test_conf_ends(void **state)
{
    (void)state;
    leat_err e = {0};
    w->open_rc[0] = LEAT_CONF;
    assert_int_equal(run_plain(&e), LEAT_CONF);
    assert_string_equal(w->line, "open(-)");
    assert_int_equal(w->sleeps, 0);
}

/* ---- the ledger ---- */

static void test_mismatch_stops(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 1, .safe = 10}, {.events = 1, .lost = 1, .dead = 1, .safe = 11});
    assert_int_equal(run_plain(&e), LEAT_FATAL);
    assert_string_equal(e.code, "ledger.mismatch");
    assert_non_null(strstr(e.msg, "(1 unaccounted for)"));
    assert_string_equal(w->line, "open(-) read append(1,10) commit ack(10) read close");
}

static void test_open_transaction_balances_at_its_end(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 1, .filtered = 1, .safe = 10, .after = 2}, {.filtered = 3},
           {.events = 1, .dead = 1, .safe = 11});
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(3,10) commit ack(10) "
                                 "read append(0,0) read letters(1) append(1,11) commit ack(11) "
                                 "close");
    assert_int_equal(w->state.totals.received, 9);
    assert_int_equal(w->state.totals.appended, 4);
    assert_int_equal(w->state.totals.filtered, 4);
    assert_int_equal(leat_counts_in_flight(&w->state.totals), 0);
}

static void test_mismatch_behind_the_safe_place(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 1, .safe = 10}, {.lost = 2}, {.events = 1, .safe = 11});
    assert_int_equal(run_plain(&e), LEAT_FATAL);
    assert_string_equal(e.code, "ledger.mismatch");
    assert_string_equal(w->line, "open(-) read append(1,10) commit ack(10) "
                                 "read append(0,0) read close rollback");
}

static void test_broken_transaction_counts_once(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 1, .safe = 10, .after = 2}, {.lost = 1, .fill = true},
           {.filtered = 2, .rc = LEAT_RETRY}, {.events = 3, .filtered = 2, .safe = 11});
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(3,10) commit ack(10) "
                                 "read append(0,0) read close "
                                 "rollback open(10) read append(3,11) commit ack(11) close");
    assert_int_equal(w->state.totals.received, 6);
    assert_int_equal(w->state.totals.appended, 4);
}

static void test_rows_must_balance(void **state)
{
    (void)state;
    leat_err e = {0};
    leat_source source = plain;
    source.plan = source_plan;
    source.read_chunk = source_read_chunk;
    w->chunks = 1;
    w->rows[0] = (step){.rows = 2, .lost = 1};
    assert_int_equal(run(&source, false, -1, NULL, &e), LEAT_FATAL);
    assert_string_equal(e.code, "ledger.mismatch");
    assert_string_equal(w->line, "open(-) plan rows close");
}

/* ---- trying again ---- */

static void test_back_off(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.rc = LEAT_RETRY}, {.rc = LEAT_RETRY}, {.after = 1}, {.rc = LEAT_RETRY},
           {.events = 1, .safe = 10}, {.rc = LEAT_RETRY});
    int64_t begun = w->now;
    assert_int_equal(run_plain(&e), LEAT_OK);
    /* 200, 400 and 800 ms, since an open transaction is no progress; then 200 again; each from half
     * of it on. */
    int64_t took = w->now - begun;
    assert_in_range(took, 800000, 1600000);
    assert_int_equal(w->opens, 5);
}

static void test_limit(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.rc = LEAT_RETRY}, {.rc = LEAT_RETRY}, {.rc = LEAT_RETRY});
    assert_int_equal(run(&plain, false, 2, NULL, &e), LEAT_RETRY);
    assert_int_equal(w->opens, 3);
    assert_string_equal(e.code, "test.failed");
}

static void test_stop_while_waiting(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.rc = LEAT_RETRY, .stop = true});
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read close");
    assert_int_equal(w->sleeps, 0);
}

/* Paused at once, not at the end of the pause between attempts; nothing is tried meanwhile, and
 * that time goes on. */
static void test_pause_while_waiting(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.rc = LEAT_RETRY, .pause = true}, {.events = 1, .safe = 10});
    w->look_at = 2;
    w->unpause_at = 1;
    int64_t begun = w->now;
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_int_equal(w->looked.all.state, LEAT_RUN_RETRYING);
    assert_true(w->looked.all.retry_at_us > 0);
    assert_in_range(w->now - begun, 100000, 200000);
    assert_int_equal(w->opens, 2);
}

static void test_long_pause_while_waiting(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.rc = LEAT_RETRY, .pause = true}, {.events = 1, .safe = 10});
    w->look_at = 1;
    w->unpause_at = 40;
    int64_t begun = w->now;
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_int_equal(w->looked.all.state, LEAT_RUN_PAUSED);
    assert_string_equal(w->line, "open(-) read close on open(-) read append(1,10) commit ack(10) "
                                 "close");
    assert_int_equal(w->now - begun, 40 * 50000);
}

static void test_error_is_told_and_forgotten(void **state)
{
    (void)state;
    leat_err e = {0};
    leat_page page = {0};
    w->open_rc[0] = w->open_rc[1] = LEAT_RETRY;
    SCRIPT({.events = 1, .safe = 10}, {.events = 1, .safe = 11});
    assert_int_equal(run(&plain, false, -1, &page, &e), LEAT_OK);
    assert_int_equal(w->status.all.state, LEAT_RUN_RUNNING);
    assert_int_equal(w->status.all.error.rc, LEAT_OK);
    assert_int_equal(w->status.all.attempts, 0);
    assert_string_equal(w->status.position, "10");
    assert_int_equal(page.retries, 2);
    assert_int_equal(page.appended, 2);
    assert_int_equal(page.state, LEAT_RUN_STOPPED);
}

/* ---- stop, pause, once ---- */

static void test_stop_commits(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 1, .safe = 10, .after = 1, .fill = true, .stop = true}, {.events = 1});
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(2,10) commit ack(10) close rollback");
}

static void test_pause(void **state)
{
    (void)state;
    leat_err e = {0};
    w->unpause_at = 70;
    SCRIPT({.events = 1, .safe = 10, .fill = true, .pause = true}, {.events = 1, .safe = 11});
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(1,10) commit ack(10) on "
                                 "read append(1,11) commit ack(11) close");
    assert_in_range(w->beats, 3, 5); /* of 3.5 seconds */
}

static void test_once(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 1, .safe = 19}, {.rc = LEAT_RETRY}, {.events = 1, .after = 1, .fill = true},
           {.events = 1, .safe = 20}, {.events = 1, .safe = 21});
    assert_int_equal(run(&plain, true, -1, NULL, &e), LEAT_OK);
    assert_string_equal(w->line, "open(-) end read append(1,19) commit ack(19) read close "
                                 "open(19) read append(2,0) "
                                 "read append(1,20) commit ack(20) close");
}

/* ---- no room ---- */

static void test_full_disk(void **state)
{
    (void)state;
    leat_err e = {0};
    for (unsigned i = 0; i < 6; i++) w->append_rc[i] = LEAT_PENDING;
    w->commit_rc[0] = LEAT_PENDING;
    SCRIPT({.events = 1, .dead = 1, .safe = 10}, {.events = 1, .safe = 11});
    assert_int_equal(run_plain(&e), LEAT_OK);
    /* The source stays open, its letters are stored once. */
    assert_string_equal(w->line,
                        "open(-) read letters(1) append(1,10) append(1,10) append(1,10) "
                        "append(1,10) append(1,10) append(1,10) append(1,10) commit commit "
                        "ack(10) read append(1,11) commit ack(11) close");
    assert_in_range(w->beats, 5, 7); /* of 6.4 seconds */
    assert_int_equal(w->beaten.all.state, LEAT_RUN_STALLED);
    assert_string_equal(w->beaten.all.error.code, "os.enospc");
    assert_int_equal(w->status.all.state, LEAT_RUN_RUNNING);
    assert_int_equal(w->status.all.error.rc, LEAT_OK);
}

static void test_stop_on_a_full_disk(void **state)
{
    (void)state;
    leat_err e = {0};
    w->append_rc[0] = LEAT_PENDING;
    SCRIPT({.events = 1, .safe = 10, .stop = true});
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(1,10) close");
}

/* ---- the exclusive section ---- */

static void test_between(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 1, .safe = 10, .after = 1, .fill = true, .between = true},
           {.events = 2, .safe = 11});
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(2,10) commit ack(10) close "
                                 "rollback between open(10) "
                                 "read append(2,11) commit ack(11) close");
    assert_int_equal(w->asked_rc, LEAT_OK);
}

static void test_between_while_paused(void **state)
{
    (void)state;
    leat_err e = {0};
    w->ask_at = 3;
    w->unpause_at = 9;
    SCRIPT({.events = 1, .safe = 10, .fill = true, .pause = true}, {.events = 1, .safe = 11});
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(1,10) commit ack(10) close "
                                 "between on open(10) "
                                 "read append(1,11) commit ack(11) close");
    assert_int_equal(w->asked_rc, LEAT_OK);
    assert_true(w->sleeps >= 9);
}

/* Paused before it begins: nothing is opened until it is resumed. */
static void test_begins_paused(void **state)
{
    (void)state;
    leat_err e = {0};
    w->begin_paused = true;
    w->unpause_at = 5;
    SCRIPT({.events = 1, .safe = 10});
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "on open(-) read append(1,10) commit ack(10) close");
    assert_int_equal(w->sleeps, 5);
}

static void test_between_ends_the_back_off(void **state)
{
    (void)state;
    leat_err e = {0};
    w->ask_at = 1;
    SCRIPT({.events = 1, .safe = 10, .after = 1, .fill = true}, {.rc = LEAT_RETRY},
           {.events = 2, .safe = 11});
    int64_t begun = w->now;
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(2,10) read close "
                                 "rollback commit between open(10) "
                                 "read append(2,11) commit ack(11) close");
    assert_int_equal(w->asked_rc, LEAT_OK);
    assert_true(w->now - begun <= 100000);
}

static void test_between_in_a_snapshot(void **state)
{
    (void)state;
    leat_err e = {0};
    leat_source source = plain;
    source.plan = source_plan;
    source.read_chunk = source_read_chunk;
    w->chunks = 1;
    w->unpause_at = 8;
    w->ask_at = 2;
    w->rows[0] = (step){.rows = 3, .pause = true, .rc = LEAT_AGAIN};
    w->rows[1] = (step){.rows = 4};
    assert_int_equal(run(&source, false, -1, NULL, &e), LEAT_OK);
    assert_string_equal(w->line, "open(-) plan rows append(3,0,p) commit close "
                                 "between on open(-) plan rows append(4,0,p) "
                                 "append(0,5,p) commit ack(5) close");
    assert_int_equal(w->asked_rc, LEAT_OK);
}

static void test_between_what_fn_says(void **state)
{
    (void)state;
    leat_err e = {0};
    w->fn_rc = LEAT_CONF;
    SCRIPT({.events = 1, .safe = 10, .between = true}, {.events = 1, .safe = 11});
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_int_equal(w->asked_rc, LEAT_CONF);
    assert_string_equal(w->asked_err.code, "test.failed");
    assert_int_equal(w->mark, 11);
}

static void test_between_fatal_ends(void **state)
{
    (void)state;
    leat_err e = {0};
    w->fn_rc = LEAT_FATAL;
    SCRIPT({.events = 1, .safe = 10, .between = true}, {.events = 1, .safe = 11});
    assert_int_equal(run_plain(&e), LEAT_FATAL);
    assert_int_equal(w->asked_rc, LEAT_FATAL);
    assert_int_equal(w->opens, 1);
}

/* What was read cannot be made durable: fn is not called, the engine tries again. */
static void test_between_not_durable(void **state)
{
    (void)state;
    leat_err e = {0};
    w->ask_at = 1;
    w->commit_rc[0] = w->commit_rc[1] = LEAT_RETRY;
    SCRIPT({.events = 1, .safe = 10}, {.events = 1, .safe = 11});
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_int_equal(w->asked_rc, LEAT_RETRY);
    assert_string_equal(w->asked_err.code, "test.failed");
    assert_null(strstr(w->line, "between"));
    assert_int_equal(w->mark, 11);
}

static void test_between_when_it_ends(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 1, .safe = 10, .stop = true, .between = true});
    assert_int_equal(run_plain(&e), LEAT_OK);
    assert_int_equal(w->asked_rc, LEAT_RETRY);
    assert_string_equal(w->asked_err.code, "engine.ended");
    assert_string_equal(w->line, "open(-) read append(1,10) commit ack(10) close");
}

/* ---- snapshot ---- */

static leat_rc run_snapshot(leat_err *e)
{
    leat_source source = plain;
    source.plan = source_plan;
    source.read_chunk = source_read_chunk;
    return run(&source, false, -1, NULL, e);
}

static void test_snapshot(void **state)
{
    (void)state;
    leat_err e = {0};
    w->chunks = 2;
    w->rows[0] = (step){.rows = 3, .rc = LEAT_AGAIN};
    w->rows[1] = (step){.rows = 1};
    w->rows[2] = (step){.rows = 2};
    SCRIPT({.events = 1, .safe = 10});
    assert_int_equal(run_snapshot(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) plan rows append(3,0,p) "
                                 "rows append(1,0,p) rows append(2,0,p) "
                                 "append(0,5,p) commit ack(5) "
                                 "read append(1,10) commit ack(10) close");
    assert_non_null(strstr(w->progress, "\"state\":\"done\""));
    assert_non_null(strstr(w->progress, "\"rows\":6"));
    assert_int_equal(w->state.totals.rows_appended, 6);
}

static void test_snapshot_is_taken_again_whole(void **state)
{
    (void)state;
    leat_err e = {0};
    w->chunks = 2;
    w->rows[0] = (step){.rows = 3};
    w->rows[1] = (step){.rc = LEAT_RETRY};
    w->rows[2] = (step){.rows = 4};
    w->rows[3] = (step){.rows = 1};
    assert_int_equal(run_snapshot(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) plan rows append(3,0,p) rows close commit "
                                 "open(-) plan rows append(4,0,p) "
                                 "rows append(1,0,p) append(0,5,p) commit ack(5) close");
    assert_int_equal(w->state.totals.rows_appended, 8);
}

static void test_snapshot_done_is_not_repeated(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.rc = LEAT_RETRY}, {.events = 1, .safe = 10});
    assert_int_equal(run_snapshot(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) plan append(0,5,p) commit ack(5) read close "
                                 "open(5) read append(1,10) commit ack(10) close");
}

static void test_snapshot_stopped(void **state)
{
    (void)state;
    leat_err e = {0};
    w->chunks = 2;
    w->rows[0] = (step){.rows = 3, .stop = true};
    assert_int_equal(run_snapshot(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) plan rows append(3,0,p) commit close");
    assert_non_null(strstr(w->progress, "\"state\":\"running\""));
}

static void test_snapshot_paused(void **state)
{
    (void)state;
    leat_err e = {0};
    w->chunks = 1;
    w->unpause_at = 30;
    w->rows[0] = (step){.rows = 3, .pause = true, .rc = LEAT_AGAIN};
    w->rows[1] = (step){.rows = 1};
    assert_int_equal(run_snapshot(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) plan rows append(3,0,p) commit on "
                                 "rows append(1,0,p) append(0,5,p) commit ack(5) close");
    assert_true(w->beats > 0);
    assert_int_equal(w->state.totals.rows_appended, 4);
}

static void test_snapshot_only(void **state)
{
    (void)state;
    leat_err e = {0};
    w->chunks = 1;
    w->skip_stream = true;
    w->rows[0] = (step){.rows = 3};
    SCRIPT({.events = 1, .safe = 10});
    assert_int_equal(run_snapshot(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) plan rows append(3,0,p) "
                                 "append(0,5,p) commit ack(5) close");
}

/* Chunks that come fast share a sync; who comes 20 ms after the first of them makes it due. */
static void test_snapshot_is_committed_in_time(void **state)
{
    (void)state;
    leat_err e = {0};
    w->chunks = 5;
    w->rows[0] = w->rows[1] = w->rows[3] = w->rows[4] = (step){.rows = 1, .ms = 9};
    w->rows[2] = (step){.rows = 1, .ms = 11};
    assert_int_equal(run_snapshot(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) plan rows append(1,0,p) rows append(1,0,p) "
                                 "rows append(1,0,p) commit rows append(1,0,p) "
                                 "rows append(1,0,p) append(0,5,p) commit ack(5) close");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_order),
        TEST(test_full_batches_share_a_commit),
        TEST(test_idle_position),
        TEST(test_commit_that_fails),
        TEST(test_append_that_fails),
        TEST(test_letters_that_fail),
        TEST(test_ack_that_fails),
        TEST(test_fatal_commit_ends),
        TEST(test_conf_ends),
        TEST(test_mismatch_stops),
        TEST(test_open_transaction_balances_at_its_end),
        TEST(test_mismatch_behind_the_safe_place),
        TEST(test_broken_transaction_counts_once),
        TEST(test_rows_must_balance),
        TEST(test_back_off),
        TEST(test_limit),
        TEST(test_stop_while_waiting),
        TEST(test_pause_while_waiting),
        TEST(test_long_pause_while_waiting),
        TEST(test_error_is_told_and_forgotten),
        TEST(test_stop_commits),
        TEST(test_pause),
        TEST(test_once),
        TEST(test_full_disk),
        TEST(test_stop_on_a_full_disk),
        TEST(test_between),
        TEST(test_between_while_paused),
        TEST(test_begins_paused),
        TEST(test_between_ends_the_back_off),
        TEST(test_between_in_a_snapshot),
        TEST(test_between_what_fn_says),
        TEST(test_between_fatal_ends),
        TEST(test_between_not_durable),
        TEST(test_between_when_it_ends),
        TEST(test_snapshot),
        TEST(test_snapshot_is_taken_again_whole),
        TEST(test_snapshot_done_is_not_repeated),
        TEST(test_snapshot_stopped),
        TEST(test_snapshot_paused),
        TEST(test_snapshot_only),
        TEST(test_snapshot_is_committed_in_time),
    };
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
