/* engine: several tasks with threads of their own, over a real stream; the order of their turns and
 * what may fail is the simulator's (tests/sim/test_turns.c). */
#include "../test.h"

#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/engine.h"

enum { TASKS = 4 };

typedef struct world {
    char data[64];
    leat_stream *stream;
    leat_engine *g;
    leat_err e;
    pthread_t main;
    atomic_uint open, most_open, betweens;
    atomic_bool bad;      /* a source was open, or another thread ran it, in a section */
    unsigned fails;       /* + 1: the task that cannot be opened; 0: none */
    uint64_t most[TASKS]; /* changes of each task */
    bool open_tail;       /* the rowed: task 1 has a transaction open ... */
    unsigned given;       /* chunks that were read to their end */
    unsigned since;       /* ... so many reads of task 1 ago */
    bool resets;          /* the snapshot is done and then forgotten, instead */
    pthread_t asker;
} world;

static world *w;

typedef struct line {
    uint64_t n;
    leat_buf partition;
} line;

static leat_rc s_open(leat_task *t, const leat_position *pos, size_t n, leat_err *e)
{
    if (w->fails == t->id + 1)
        return leat_fail(e, LEAT_CONF, "test.wrong", "here", "it cannot be opened");
    line *l = leat_zalloc(1, sizeof *l);
    leat_buf_printf(&l->partition, "{\"task\":\"%u\"}", t->id);
    const leat_position *own = leat_position_find(pos, n, leat_buf_str(&l->partition));
    if (own) l->n = strtoull(own->offset.s + 5, NULL, 10);
    t->priv = l;
    unsigned is = atomic_fetch_add(&w->open, 1) + 1, most = atomic_load(&w->most_open);
    while (is > most && !atomic_compare_exchange_weak(&w->most_open, &most, is)) continue;
    return LEAT_OK;
}

static leat_rc s_read(leat_task *t, leat_batch *b, int wait_ms, leat_err *e)
{
    line *l = t->priv;
    char text[40];
    (void)wait_ms;
    (void)e;
    if (l->n == w->most[t->id]) return LEAT_PENDING;
    b->counts.received++;
    b->counts.filtered++;
    snprintf(text, sizeof text, "{\"n\":%llu}", ++l->n + 0ull);
    leat_batch_safe(b, (leat_position){leat_buf_str(&l->partition), leat_str_of(text)});
    if (l->n % 16 == 0) leat_sleep_us(200);
    return LEAT_OK;
}

static void s_close(leat_task *t)
{
    line *l = t->priv;
    leat_buf_free(&l->partition);
    leat_free(l);
    atomic_fetch_sub(&w->open, 1);
}

static const leat_source lines = {
    .name = "lines", .open = s_open, .read = s_read, .close = s_close};

/* ---- the rowed: a source of rows that knows no positions, each task's turns on one thread ---- */

static leat_rc r_open(leat_task *t, const leat_position *pos, size_t n, leat_err *e)
{
    (void)t;
    (void)pos;
    (void)n;
    (void)e;
    return LEAT_OK;
}

static void r_close(leat_task *t)
{
    (void)t;
}

/* A chunk for task 0 alone. */
static leat_rc r_plan(leat_task *t, leat_plan *plan, leat_err *e)
{
    (void)e;
    if (t->id > 0) return LEAT_OK;
    leat_chunk *chunk = LEAT_NEW(plan->a, leat_chunk, 1);
    *chunk = (leat_chunk){.table = "public.t", .rows = 5};
    *plan->tail = chunk;
    plan->tail = &chunk->next;
    plan->n++;
    return LEAT_OK;
}

static leat_rc r_chunk(leat_task *t, leat_chunk *chunk, leat_batch *b, leat_err *e)
{
    (void)t;
    (void)chunk;
    (void)e;
    b->counts.rows_read = b->counts.rows_filtered = 5;
    w->given++;
    return LEAT_OK;
}

static leat_rc forget(void *arg, leat_stream *s, leat_err *e)
{
    (void)arg;
    atomic_fetch_add(&w->betweens, 1);
    return s->ops->edit(s, NULL, 0, LEAT_STR("{}"), e);
}

static void *forgetter(void *arg)
{
    (void)arg;
    leat_engine_between(w->g, forget, NULL, NULL);
    return NULL;
}

/* Once both read, the snapshot is forgotten; task 0 ends it all when it has read its rows again. */
static leat_rc r_reset(leat_task *t)
{
    bool forgotten = atomic_load(&w->betweens) > 0;
    if (forgotten && t->id == 0) leat_engine_stop(w->g);
    if (!forgotten && t->id == 1 && w->since++ == 0)
        assert_int_equal(pthread_create(&w->asker, NULL, forgetter, NULL), 0);
    leat_sleep_us(1000);
    return LEAT_AGAIN;
}

/* Of task 1: a change of a transaction that does not end; the engine is stopped after some turns.
 */
static leat_rc r_read(leat_task *t, leat_batch *b, int wait_ms, leat_err *e)
{
    (void)wait_ms;
    (void)e;
    if (w->resets) return r_reset(t);
    if (t->id == 0) return LEAT_AGAIN;
    if (!w->open_tail) b->counts.received = b->counts.filtered = 1;
    w->open_tail = true;
    if (w->given > 0 && ++w->since == 20) leat_engine_stop(w->g);
    return LEAT_AGAIN;
}

static const leat_source rowed = {.name = "rowed",
                                  .open = r_open,
                                  .plan = r_plan,
                                  .read_chunk = r_chunk,
                                  .read = r_read,
                                  .close = r_close};

static leat_rc no_letters(leat_dead_store *d, const leat_dead *letters, leat_err *e)
{
    (void)d;
    (void)letters;
    (void)e;
    return LEAT_OK;
}

static int setup(void **state)
{
    w = test_calloc(1, sizeof *w);
    snprintf(w->data, sizeof w->data, "/tmp/leat-tasks-XXXXXX");
    assert_non_null(mkdtemp(w->data));
    leat_log_setup(LEAT_ERROR, false, NULL, -1);
    *state = w;
    leat_embedded_conf conf = {.data = w->data, .connector = "c"};
    assert_int_equal(leat_embedded_open(&conf, &w->stream, &w->e), LEAT_OK);
    for (unsigned i = 0; i < TASKS; i++) w->most[i] = 300;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static int teardown(void **state)
{
    w->stream->ops->close(w->stream);
    assert_int_equal(nftw(w->data, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    test_free(*state);
    return 0;
}

static void make_of(const leat_source *source, unsigned tasks, unsigned (*pick)(unsigned n))
{
    static leat_dead_store letters = {no_letters};
    leat_engine_conf conf = {.source = source,
                             .connector = "c",
                             .run_id = "r",
                             .stream = w->stream,
                             .dead = &letters,
                             .tasks = tasks,
                             .pick = pick,
                             .retry = {.limit = -1}};
    w->g = leat_engine_new(&conf);
    w->main = pthread_self();
}

static void make(void)
{
    make_of(&lines, TASKS, NULL);
}

/* Each task's position in the stream. */
static void expect(unsigned without)
{
    const leat_stream_state *st = w->stream->ops->state(w->stream);
    uint64_t sum = 0;
    for (unsigned i = 0; i < TASKS; i++) {
        char partition[32], offset[32];
        snprintf(partition, sizeof partition, "{\"task\":\"%u\"}", i);
        snprintf(offset, sizeof offset, "{\"n\":%llu}", w->most[i] + 0ull);
        const leat_position *pos = leat_position_find(st->pos, st->npos, leat_str_of(partition));
        if (i + 1 == without) {
            assert_null(pos);
            continue;
        }
        assert_non_null(pos);
        assert_true(leat_str_is(pos->offset, offset));
        sum += w->most[i];
    }
    assert_int_equal(st->totals.received, sum);
    assert_int_equal(st->totals.filtered, sum);
}

static void test_all_end(void **state)
{
    (void)state;
    make();
    assert_int_equal(leat_engine_run(w->g, &w->e), LEAT_OK);
    leat_engine_status st;
    leat_engine_status_get(w->g, &st);
    assert_int_equal(st.all.state, LEAT_RUN_STOPPED);
    assert_int_equal(st.tasks, TASKS);
    leat_engine_free(w->g);
    expect(0);
    assert_int_equal(atomic_load(&w->open), 0);
}

/* One fails for good: the others go on to their end, the connector has failed. */
static void test_one_fails(void **state)
{
    (void)state;
    w->fails = 3;
    make();
    assert_int_equal(leat_engine_run(w->g, &w->e), LEAT_CONF);
    assert_string_equal(w->e.code, "test.wrong");
    leat_engine_status st;
    leat_engine_status_get(w->g, &st);
    assert_int_equal(st.all.state, LEAT_RUN_FAILED);
    for (unsigned i = 0; i < TASKS; i++) {
        leat_task_status ts;
        leat_engine_task_status(w->g, i, &ts);
        assert_int_equal(ts.state, i == 2 ? LEAT_RUN_FAILED : LEAT_RUN_STOPPED);
        assert_string_equal(ts.error.code, i == 2 ? "test.wrong" : "");
    }
    leat_engine_free(w->g);
    expect(3);
}

static leat_rc section(void *arg, leat_stream *s, leat_err *e)
{
    (void)arg;
    (void)e;
    if (atomic_load(&w->open) != 0 || s != w->stream || !pthread_equal(pthread_self(), w->main))
        atomic_store(&w->bad, true);
    atomic_fetch_add(&w->betweens, 1);
    return LEAT_OK;
}

static void *asker(void *arg)
{
    leat_err e;
    (void)arg;
    for (unsigned i = 0; i < 10; i++) {
        leat_rc rc = leat_engine_between(w->g, section, NULL, &e);
        if (rc != LEAT_OK) assert_string_equal(e.code, "engine.ended");
        leat_sleep_us(3000);
    }
    return NULL;
}

static void test_between(void **state)
{
    (void)state;
    pthread_t thread;
    make();
    assert_int_equal(pthread_create(&thread, NULL, asker, NULL), 0);
    assert_int_equal(leat_engine_run(w->g, &w->e), LEAT_OK);
    pthread_join(thread, NULL);
    leat_engine_free(w->g);
    assert_true(atomic_load(&w->betweens) > 0);
    assert_false(atomic_load(&w->bad));
    expect(0);
}

/* Task 1, until its transaction is open; then one after the other. */
static unsigned second_first(unsigned n)
{
    static unsigned turn;
    return w->open_tail ? turn++ % n : n - 1;
}

/* One after the other, until the snapshot is forgotten; then task 0 alone. */
static unsigned first_then(unsigned n)
{
    static unsigned turn;
    return atomic_load(&w->betweens) > 0 ? 0 : turn++ % n;
}

static bool has(leat_str text, const char *part)
{
    char copy[1024];
    snprintf(copy, sizeof copy, "%.*s", LEAT_STR_ARG(text));
    return strstr(copy, part) != NULL;
}

/* The last rows wait for another task's transaction when the engine is stopped: they are let go,
 * and so the snapshot has not ended. */
static void test_rows_let_go(void **state)
{
    (void)state;
    make_of(&rowed, 2, second_first);
    assert_int_equal(leat_engine_run(w->g, &w->e), LEAT_OK);
    leat_engine_free(w->g);
    const leat_stream_state *st = w->stream->ops->state(w->stream);
    assert_int_equal(w->given, 1);
    assert_int_equal(st->totals.rows_read, 0);
    assert_false(has(st->progress, "{\"snapshot\":{\"state\":\"done\""));
}

/* A task that has not opened again since the snapshot was forgotten is not told as done. */
static void test_forgotten_by_all(void **state)
{
    (void)state;
    w->resets = true;
    make_of(&rowed, 2, first_then);
    assert_int_equal(leat_engine_run(w->g, &w->e), LEAT_OK);
    pthread_join(w->asker, NULL);
    leat_engine_free(w->g);
    const leat_stream_state *st = w->stream->ops->state(w->stream);
    assert_int_equal(w->given, 2);
    assert_true(has(st->progress, "{\"snapshot\":{\"state\":\"running\""));
}

/* ---- a stream that takes nothing for a while ---- */

enum { FULL_CALLS = 200 };

static atomic_uint full_calls;
static leat_rc (*real_append)(leat_stream *s, const leat_batch *b, leat_str progress, leat_err *e);

static leat_rc append_when_there_is_room(leat_stream *s, const leat_batch *b, leat_str progress,
                                         leat_err *e)
{
    if (atomic_fetch_add(&full_calls, 1) < FULL_CALLS) return LEAT_AGAIN;
    return real_append(s, b, progress, e);
}

/* Several tasks that wait for room do not wake each other: each sleeps longer and longer. */
static void test_no_room(void **state)
{
    (void)state;
    leat_stream_ops ops = *w->stream->ops;
    const leat_stream_ops *real = w->stream->ops;
    real_append = ops.append;
    ops.append = append_when_there_is_room;
    w->stream->ops = &ops;
    make();
    int64_t begun = leat_mono_us();
    assert_int_equal(leat_engine_run(w->g, &w->e), LEAT_OK);
    int64_t took = leat_mono_us() - begun;
    leat_engine_free(w->g);
    w->stream->ops = real;
    expect(0);
    /* 50 calls each, 16 ms apart but for the first: a spin would need none of it */
    assert_true(took > (int64_t)FULL_CALLS / TASKS / 2 * 16000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_all_end),     TEST(test_one_fails),        TEST(test_between),
        TEST(test_rows_let_go), TEST(test_forgotten_by_all), TEST(test_no_room),
    };
    return cmocka_run_group_tests_name("tasks", tests, NULL, NULL);
}
