/* The engine's world in tests (engine_world.h). One at a time, in one thread but for the asker. */
#include "../test.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine_world.h"

world *w;

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

leat_rc world_plan(leat_task *t, leat_plan *plan, leat_err *e)
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
        leat_batch_dead(b, &(leat_tally){0}, &(leat_dead){.position = LEAT_STR("x")});
    snprintf(offset, sizeof offset, "%lld", (long long)st->safe);
    if (st->safe) leat_batch_safe(b, (leat_position){LEAT_STR("{}"), leat_str_of(offset)});
    b->counts.received += st->after;
    add_events(b, st->after, LEAT_OP_CREATE);
    if (st->fill) b->max_events = b->n;
    if (st->stop) leat_engine_stop(w->g);
    if (st->pause) leat_engine_pause(w->g, true);
    if (st->between) ask();
}

leat_rc world_read_chunk(leat_task *t, leat_chunk *chunk, leat_batch *b, leat_err *e)
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

const leat_source world_plain = {
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

int world_setup(void **state)
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

int world_teardown(void **state)
{
    leat_clock_use(NULL);
    test_free(*state);
    return 0;
}

/* Runs with the reads given; what it did stands in w->line. */
leat_rc world_run(const leat_source *source, bool once, int64_t limit, leat_page *page, leat_err *e)
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

void world_script(const step *steps, unsigned n)
{
    memcpy(w->reads, steps, n * sizeof *steps);
}

leat_rc world_run_plain(leat_err *e)
{
    return world_run(&world_plain, false, -1, NULL, e);
}
