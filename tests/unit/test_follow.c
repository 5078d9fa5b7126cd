/* stream/follow, stream/page: a reader follows a writer in another process, while it rotates, is
 * killed, and starts again. */
#include "../test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"
#include "stream/stream.h"
#include "stream_world.h"

enum { SECOND = 1000000 };

static void page_path(const world *w, char out[256])
{
    snprintf(out, 256, "%s/connectors/shop/counters", w->data);
}

/* ---- the page ---- */

static void test_pages(void **state)
{
    world *w = *state;
    char path[256];
    leat_page *p = NULL, *q = NULL;
    uint64_t segment, offset, frame;
    page_path(w, path);
    assert_int_equal(leat_page_open(path, &p, &w->e), LEAT_RETRY);
    assert_string_equal(w->e.code, "page.missing");
    snprintf(path, sizeof(path), "%s/connectors/shop", w->data);
    assert_int_equal(leat_os_mkdirs(path, 0700), 0);
    page_path(w, path);
    assert_int_equal(leat_page_create(path, &p, &w->e), LEAT_OK);
    assert_int_equal(leat_page_open(path, &q, &w->e), LEAT_OK);
    assert_true(leat_page_alive(q));
    assert_int_equal(q->pid, getpid());
    assert_int_equal(q->lag_bytes, -1);
    assert_false(leat_page_mark(q, &segment, &offset, &frame));
    leat_page_set_mark(p, 3, 500, 77);
    p->received = 9;
    assert_true(leat_page_mark(q, &segment, &offset, &frame));
    assert_true(segment == 3 && offset == 500 && frame == 77);
    leat_page_close(p);
    assert_int_equal(leat_page_create(path, &p, &w->e), LEAT_OK); /* the next run */
    assert_false(leat_page_mark(q, &segment, &offset, &frame));   /* until the stream is open */
    assert_true(q->mark_frame == 77 && q->received == 0);
    atomic_store(&p->pid_start, q->pid_start + 1); /* the number of a process that is gone */
    assert_false(leat_page_alive(q));
    atomic_store(&p->pid, 0);
    assert_false(leat_page_alive(q));
    leat_page_close(p);
    assert_int_equal(leat_page_visit(path, &p, &w->e), LEAT_OK); /* by a command */
    assert_true(q->pid == -getpid() && q->mark_frame == 77);
    assert_false(leat_page_alive(q));
    p->version++;
    leat_page_close(q);
    assert_int_equal(leat_page_open(path, &q, &w->e), LEAT_RETRY);
    assert_null(q); /* not what was unmapped again */
    leat_page copy;
    leat_page_copy(p, &copy);
    assert_true(copy.version == p->version && copy.mark_frame == 77);
    leat_page_close(p);
    assert_int_equal(leat_page_create(path, &p, &w->e), LEAT_OK); /* of another version: anew */
    assert_false(leat_page_mark(p, &segment, &offset, &frame));
    leat_page_close(p);
    assert_string_equal(leat_run_state_name(LEAT_RUN_STALLED), "STALLED");
}

static void test_a_new_mark_wakes(void **state)
{
    world *w = *state;
    char path[256];
    leat_page *p;
    snprintf(path, sizeof(path), "%s/connectors/shop", w->data);
    assert_int_equal(leat_os_mkdirs(path, 0700), 0);
    page_path(w, path);
    assert_int_equal(leat_page_create(path, &p, &w->e), LEAT_OK);
    pid_t child = fork();
    if (child == 0) {
        leat_page *q;
        if (leat_page_open(path, &q, NULL) != LEAT_OK) _exit(1);
        while (atomic_load(&q->waiters) == 0) leat_sleep_us(1000);
        leat_sleep_us(20000); /* asleep by now */
        leat_page_set_mark(q, 1, 1, 1);
        _exit(0);
    }
    int64_t began = leat_mono_us();
    for (int i = 0; i < 3 && atomic_load(&p->mark_frame) == 0; i++)
        leat_page_wait(p, 0, 20 * SECOND);
    assert_int_equal(p->mark_frame, 1);
    assert_true(leat_mono_us() - began < 10 * SECOND);
    assert_int_equal(p->waiters, 0);
    began = leat_mono_us();
    leat_page_wait(p, 0, 20 * SECOND); /* the mark is not 0 any more: no sleep */
    assert_true(leat_mono_us() - began < 10 * SECOND);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    leat_page_close(p);
}

/* ---- a writer in another process ---- */

/* What the writers say of themselves; shared. */
typedef struct board {
    _Atomic uint64_t committed;         /* transaction */
    _Atomic int64_t committed_us[4096]; /* when, by transaction */
    _Atomic bool stop;
} board;

static void write_for_ever(world *w, board *s, bool slowly)
{
    char path[256];
    page_path(w, path);
    leat_os_mkdirs(w->data, 0700);
    if (leat_page_create(path, &w->conf.page, &w->e) != LEAT_OK) _exit(2);
    if (leat_embedded_open(&w->conf, &w->s, &w->e) != LEAT_OK) {
        fprintf(stderr, "writer: %s: %s\n", w->e.code, w->e.msg);
        _exit(3);
    }
    w->at = (model_place){model_reached(w->s->ops->state(w->s)) + 1, 0};
    while (!atomic_load(&s->stop) && w->at.tx < 4000) {
        if (world_append(w, 1 + (uint32_t)(w->at.tx % 17)) != LEAT_OK) _exit(4);
        if (w->at.tx % 3 == 0 && slowly) leat_sleep_us(2000);
        int64_t us = leat_mono_us();
        if (w->s->ops->commit(w->s, &w->e) != LEAT_OK) _exit(5);
        uint64_t tx = model_reached(w->s->ops->state(w->s));
        for (uint64_t t = atomic_load(&s->committed) + 1; t <= tx; t++)
            atomic_store(&s->committed_us[t], us);
        if (tx > atomic_load(&s->committed)) atomic_store(&s->committed, tx);
    }
    world_close(w);
    _exit(0);
}

static pid_t start_writer(world *w, board *s, bool slowly)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) write_for_ever(w, s, slowly);
    return child;
}

static board *new_board(void)
{
    board *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(s != MAP_FAILED);
    return s;
}

static leat_reader *open_when_there(world *w)
{
    leat_reader *r = NULL;
    leat_reader_conf conf = {.data = w->data, .connector = "shop"};
    for (int i = 0; i < 2000 && r == NULL; i++) {
        leat_rc rc = leat_reader_open(&conf, &r, &w->e);
        if (rc == LEAT_RETRY) leat_sleep_us(10000);
        if (rc != LEAT_OK && rc != LEAT_RETRY) fail_msg("%s: %s", w->e.code, w->e.msg);
    }
    assert_non_null(r);
    return r;
}

static int by_size(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

static void test_follows_a_live_writer(void **state)
{
    world *w = *state;
    static int64_t delays[4096];
    size_t n = 0;
    board *s = new_board();
    char path[256];
    snprintf(path, sizeof(path), "%s/connectors/shop", w->data);
    assert_int_equal(leat_os_mkdirs(path, 0700), 0);
    w->conf.segment_bytes = 16384;
    pid_t child = start_writer(w, s, true);
    leat_reader *r = open_when_there(w);
    model_consumer c;
    model_consumer_init(&c, &w->m, -1);
    while (c.at.tx < 700) {
        leat_rc rc = leat_reader_next(r, &w->b, SECOND, &w->e);
        if (rc != LEAT_OK && rc != LEAT_AGAIN) fail_msg("%s: %s", w->e.code, w->e.msg);
        int64_t us = leat_mono_us();
        uint64_t before = c.at.tx;
        model_consume(&c, &w->b);
        if (c.at.tx > before && c.at.tx > 20) {
            int64_t at = atomic_load(&s->committed_us[c.at.tx - 1]);
            if (at != 0) delays[n++] = us - at;
        }
    }
    atomic_store(&s->stop, true);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(model_drain(&c, r, &w->e), LEAT_AGAIN);
    assert_int_equal(c.events, model_events(&w->m, s->committed));
    assert_true(world_segments(w) > 2);
    qsort(delays, n, sizeof(delays[0]), by_size);
    if (n > 0)
        print_message("# from the call of commit to the reader: half of %zu within %lld us\n", n,
                      (long long)delays[n / 2]);
    leat_reader_close(r);
    munmap(s, sizeof(*s));
}

static void test_follows_writers_that_are_killed(void **state)
{
    world *w = *state;
    board *s = new_board();
    char path[256];
    snprintf(path, sizeof(path), "%s/connectors/shop", w->data);
    assert_int_equal(leat_os_mkdirs(path, 0700), 0);
    w->conf.segment_bytes = 8192;
    w->conf.frame_bytes = 400;
    leat_reader *r = NULL;
    model_consumer c;
    model_consumer_init(&c, &w->m, -1);
    for (unsigned life = 0; life < 12; life++) {
        pid_t child = start_writer(w, s, life % 2 == 0);
        if (r == NULL) r = open_when_there(w);
        uint64_t until = c.at.tx + 20 + life;
        while (c.at.tx < until) {
            leat_rc rc = leat_reader_next(r, &w->b, SECOND, &w->e);
            if (rc != LEAT_OK && rc != LEAT_AGAIN) fail_msg("%s: %s", w->e.code, w->e.msg);
            model_consume(&c, &w->b);
        }
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));
        if (life % 3 == 0) { /* what it committed last is there without it */
            uint64_t tx;
            assert_int_equal(model_drain(&c, r, &w->e), LEAT_AGAIN);
            assert_true(model_whole(&w->m, c.events, &tx));
            assert_true(c.events >= model_events(&w->m, s->committed));
        }
    }
    leat_reader_close(r);
    munmap(s, sizeof(*s));
}

/* Beside a writer without a page, what its frames say was visible once is seen; not more. */
static void test_a_writer_without_a_page(void **state)
{
    world *w = *state;
    w->no_page = true;
    world_open(w);
    world_write(w, 10, 100);
    assert_int_equal(world_append(w, 40), LEAT_OK);
    leat_reader *r = world_reader(w, (leat_reader_conf){0});
    model_consumer c;
    model_consumer_init(&c, &w->m, -1);
    assert_int_equal(model_drain(&c, r, &w->e), LEAT_AGAIN);
    assert_true(c.events <= model_events(&w->m, 10));
    world_commit(w);
    uint64_t tx = model_reached(w->s->ops->state(w->s));
    assert_int_equal(model_drain(&c, r, &w->e), LEAT_AGAIN);
    assert_true(c.events >= model_events(&w->m, 10) && c.events <= model_events(&w->m, tx));
    world_close(w);
    assert_int_equal(model_drain(&c, r, &w->e), LEAT_AGAIN);
    assert_int_equal(c.events, model_events(&w->m, tx));
    leat_reader_close(r);
}

/* A writer that has begun looks for its mark first, and has none on its page for a moment whenever
 * it moves it: who opens the stream then sees what the frames say, not nothing. */
static void test_a_page_without_a_mark(void **state)
{
    world *w = *state;
    char path[256];
    world_open(w);
    world_write(w, 10, 100);
    world_close(w);
    page_path(w, path);
    w->no_page = true;
    assert_int_equal(leat_page_create(path, &w->conf.page, &w->e), LEAT_OK);
    leat_reader *r = world_reader(w, (leat_reader_conf){0});
    model_consumer c;
    model_consumer_init(&c, &w->m, -1);
    assert_int_equal(model_drain(&c, r, &w->e), LEAT_AGAIN);
    assert_int_equal(c.events, model_events(&w->m, 10));
    leat_reader_close(r);
    leat_page_close(w->conf.page);
    w->conf.page = NULL;
}

static leat_rc last_of(leat_reader *r, world *w)
{
    leat_rc rc;
    do rc = leat_reader_next(r, &w->b, 0, &w->e);
    while (rc == LEAT_OK);
    return rc;
}

/* A stream that is deleted and made anew between two looks is no damaged one, however far the new
 * one has come, with its writer alive or gone. Nor is one whose reader had not read all. */
static void test_a_stream_made_anew(void **state)
{
    world *w = *state;
    w->conf.segment_bytes = 8192;
    for (unsigned i = 0; i < 8; i++) {
        world_open(w);
        world_write(w, 300, 100);
        leat_reader *r = world_reader(w, (leat_reader_conf){0});
        if (i < 4)
            assert_int_equal(last_of(r, w), LEAT_AGAIN);
        else
            assert_int_equal(leat_reader_next(r, &w->b, 0, &w->e), LEAT_OK);
        world_close(w);
        assert_int_equal(leat_stream_remove(w->data, "shop", &w->e), LEAT_OK);
        assert_int_equal(leat_reader_still(r, &w->e), LEAT_RETRY);
        assert_string_equal(w->e.code, "stream.missing");
        w->at = (model_place){1, 0};
        world_open(w);
        world_write(w, i % 2 ? 400 : 30, 100);
        if (i & 2) world_close(w);
        assert_int_equal(last_of(r, w), LEAT_RETRY);
        assert_string_equal(w->e.code, "stream.anew");
        assert_int_equal(last_of(r, w), LEAT_RETRY); /* and so it stays */
        assert_string_equal(w->e.code, "stream.anew");
        leat_reader_close(r);
        world_expect(w, i % 2 ? 400 : 30);
        if (!(i & 2)) world_close(w);
        assert_int_equal(leat_stream_remove(w->data, "shop", &w->e), LEAT_OK);
        w->at = (model_place){1, 0};
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(pages),
        TEST(a_new_mark_wakes),
        TEST(follows_a_live_writer),
        TEST(follows_writers_that_are_killed),
        TEST(a_writer_without_a_page),
        TEST(a_page_without_a_mark),
        TEST(a_stream_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
