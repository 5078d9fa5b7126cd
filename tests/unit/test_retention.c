/* retention: what is removed and what is not, where a stream is full, and readers of what is gone.
 */
#include "../test.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "stream/readers.h"
#include "stream/recover.h"
#include "stream_world.h"

enum { SEGMENT = 4096 };

/* ---- a clock that a test moves ---- */

static int64_t ahead_us;

static int64_t clock_now(void)
{
    return INT64_C(1763700000000000) + ahead_us;
}

static int64_t clock_mono(void)
{
    return 1000000 + ahead_us;
}

static void clock_sleep(int64_t us)
{
    (void)us;
}

static const leat_clock clock = {clock_now, clock_mono, clock_sleep};

static int setup(void **state)
{
    int rc = world_setup(state);
    world *w = *state;
    leat_log_setup(LEAT_ERROR, false, NULL, -1);
    w->conf.segment_bytes = SEGMENT;
    w->conf.frame_bytes = 500;
    ahead_us = 0;
    leat_clock_use(&clock);
    return rc;
}

static int teardown(void **state)
{
    leat_clock_use(NULL);
    return world_teardown(state);
}

static void stream_dir(const world *w, char out[256])
{
    snprintf(out, 256, "%s/connectors/%s/stream", w->data, w->conf.connector);
}

static uint64_t oldest(const world *w)
{
    leat_arena a = {0};
    uint64_t *numbers, first;
    size_t n;
    char dir[256];
    stream_dir(w, dir);
    assert_int_equal(leat_segment_list(dir, &a, &numbers, &n, NULL), LEAT_OK);
    first = numbers[0];
    leat_arena_free(&a);
    return first;
}

/* A sink's file with one cursor. */
static void enrol(const world *w, const char *sink, const char *cursor)
{
    char path[512], text[256];
    snprintf(path, sizeof(path), "%s/connectors/%s/stream/readers", w->data, w->conf.connector);
    assert_int_equal(leat_os_mkdirs(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/connectors/%s/stream/readers/%s", w->data, w->conf.connector,
             sink);
    snprintf(text, sizeof(text), "{\"inputs\":[{\"cursor\":\"%s\"}]}", cursor);
    assert_int_equal(leat_os_store(path, leat_str_of(text), 0600), 0);
}

/* Whole transactions, until one does not go in: its error stands in w->e. */
static void write_until_full(world *w)
{
    for (unsigned i = 0; i < 5000; i++) {
        if (world_append(w, 50) != LEAT_OK) return;
        if (w->s->ops->commit(w->s, &w->e) != LEAT_OK) return;
    }
    fail_msg("it is never full");
}

/* The cursor behind everything visible. */
static void end_cursor(world *w, char out[LEAT_PLACE_TEXT])
{
    leat_reader *r = world_reader(w, (leat_reader_conf){.from = LEAT_FROM_BEGINNING});
    while (leat_reader_next(r, &w->b, 0, &w->e) == LEAT_OK) continue;
    snprintf(out, LEAT_PLACE_TEXT, LEAT_STR_FMT, LEAT_STR_ARG(leat_reader_cursor(r)));
    leat_reader_close(r);
}

/* ---- the bound ---- */

static void test_bound(void **state)
{
    world *w = *state;
    leat_arena a = {0};
    leat_topic *topics = NULL;
    w->conf.retention.bytes = 5 * SEGMENT;
    for (uint64_t tx = 200; tx <= 1000; tx += 200) {
        world_open(w);
        world_write(w, tx, 20);
        assert_in_range(w->s->ops->state(w->s)->bytes, SEGMENT, 5 * SEGMENT);
        world_close(w);
    }
    assert_true(oldest(w) > 5);
    assert_true(world_segments(w) - oldest(w) < 6);
    /* what is held begins where the list says */
    assert_int_equal(leat_topics_list(w->data, &a, &topics, &w->e), LEAT_OK);
    for (const leat_topic *t = topics; t; t = t->link) {
        const char *names[] = {t->name, NULL};
        leat_reader *r = world_reader(w, (leat_reader_conf){.topics = names});
        if (leat_reader_next(r, &w->b, 0, &w->e) == LEAT_OK)
            assert_int_equal(w->b.ev[0].offset, t->first);
        else
            assert_int_equal(t->first, t->next);
        leat_reader_close(r);
        assert_true(t->first > 0 && t->exists == false);
    }
    leat_arena_free(&a);
}

static void test_held(void **state)
{
    world *w = *state;
    char cursor[LEAT_PLACE_TEXT];
    w->conf.retention.bytes = 4 * SEGMENT;
    world_open(w);
    enrol(w, "slow", "");
    enrol(w, "broken", "nonsense");
    write_until_full(w);
    assert_int_equal(w->e.rc, LEAT_RETRY);
    assert_string_equal(w->e.code, "stream.retention_held");
    assert_non_null(
        strstr(w->e.msg, "sink broken (its cursor: one of its cursors cannot be read)"));
    assert_non_null(strstr(w->e.msg, "slow ("));
    assert_int_equal(oldest(w), 1);
    enrol(w, "broken", "");
    assert_int_not_equal(world_append(w, 500), LEAT_OK); /* the other one is enough */
    end_cursor(w, cursor);
    enrol(w, "slow", cursor);
    assert_int_not_equal(world_append(w, 500), LEAT_OK);
    enrol(w, "broken", cursor);
    for (unsigned i = 0; i < 5; i++) assert_int_equal(world_append(w, 50), LEAT_OK);
    world_commit(w);
    assert_true(oldest(w) > 1);
}

static void test_forced(void **state)
{
    world *w = *state;
    w->conf.retention = (leat_retention_conf){.bytes = 4 * SEGMENT, .force = true};
    world_open(w);
    enrol(w, "slow", "");
    world_write(w, 400, 20);
    assert_true(oldest(w) > 1);
    leat_reader *r = world_reader(
        w, (leat_reader_conf){.from = LEAT_FROM_CURSOR, .cursor = LEAT_STR("0:0:0:00000000")});
    assert_int_equal(leat_reader_next(r, &w->b, 0, &w->e), LEAT_CONF);
    assert_string_equal(w->e.code, "stream.gap");
    leat_reader_close(r);
}

/* ---- time ---- */

static void tend_after(world *w, int64_t us)
{
    ahead_us += us;
    assert_int_equal(w->s->ops->tend(w->s, &w->e), LEAT_OK);
}

static void test_age(void **state)
{
    world *w = *state;
    w->conf.segment_bytes = 1 << 20;
    w->conf.retention = (leat_retention_conf){.ms = 3600000, .segment_ms = 600000};
    world_open(w);
    world_write(w, 20, 20);
    tend_after(w, 300000000);
    assert_int_equal(world_segments(w), 1);
    tend_after(w, 310000000); /* its age closes it */
    assert_int_equal(world_segments(w), 2);
    tend_after(w, 700000000); /* nothing is in the new one */
    assert_int_equal(world_segments(w), 2);
    tend_after(w, 2800000000);
    assert_int_equal(oldest(w), 1);
    tend_after(w, 200000000); /* an hour since it was closed */
    assert_int_equal(oldest(w), 2);
    tend_after(w, INT64_C(86400000000) * 30); /* the newest stays */
    assert_int_equal(oldest(w), 2);
    world_write(w, 40, 20);
    enrol(w, "slow", "2:0:0:00000000");
    tend_after(w, 700000000);
    tend_after(w, INT64_C(86400000000)); /* and what a sink needs */
    assert_int_equal(oldest(w), 2);
    char cursor[LEAT_PLACE_TEXT];
    end_cursor(w, cursor);
    enrol(w, "slow", cursor);
    tend_after(w, 6000000);
    assert_true(oldest(w) > 2);
}

/* Events of one topic with these commit times, one a transaction and a commit. */
static void write_times(world *w, const int64_t *ts, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        leat_batch_reset(&w->b);
        do model_read(&w->m, &w->at, 1, &w->b);
        while (w->b.n == 0);
        for (uint32_t k = 0; k < w->b.n; k++) w->b.ev[k].ts_us = ts[i];
        assert_int_equal(w->s->ops->append(w->s, &w->b, (leat_str){0}, &w->e), LEAT_OK);
        world_commit(w);
    }
}

/* Commit time of the first event from a time on; -1: there is none. */
static int64_t first_from(world *w, int64_t time_us)
{
    leat_reader *r =
        world_reader(w, (leat_reader_conf){.from = LEAT_FROM_TIME, .time_us = time_us});
    leat_rc rc = leat_reader_next(r, &w->b, 0, &w->e);
    if (leat_rc_failed(rc)) fail_msg("%s: %s", w->e.code, w->e.msg);
    int64_t ts = rc == LEAT_OK ? w->b.ev[0].ts_us : -1;
    leat_reader_close(r);
    return ts;
}

/* The first event, in the stream's order, that was committed then or later; whatever the clock of
 * the source did before and after. */
static void test_time_jumps(void **state)
{
    world *w = *state;
    enum { N = 600 };
    int64_t ts[N];
    for (int i = 0; i < N; i++) ts[i] = 1000 + i * 10;
    for (int i = 200; i < 300; i++) ts[i] -= 900;   /* an hour back */
    for (int i = 400; i < 410; i++) ts[i] += 50000; /* and for a moment far ahead */
    w->conf.segment_bytes = 2048;
    world_open(w);
    write_times(w, ts, N);
    while (w->at.k != 0) write_times(w, &(int64_t){1}, 1); /* to a transaction's end */
    for (unsigned removed = 0; removed < 3; removed++) {
        assert_true(world_segments(w) > 20);
        int64_t held = -1;
        for (int64_t t = 0; t < 60000; t += 35) {
            int64_t got = first_from(w, t), want = -1;
            if (held < 0) held = got;
            for (int i = 0, seen = 0; i < N && want < 0; i++) {
                seen |= ts[i] == held;
                if (seen && ts[i] >= t) want = ts[i];
            }
            if (got != want)
                fail_msg("removed %u, from %d: %d, not %d (held from %d)", removed, (int)t,
                         (int)got, (int)want, (int)held);
        }
        for (uint64_t i = oldest(w), to = i + world_segments(w) / 3; i < to; i++) {
            char path[256];
            world_path(w, i, path);
            assert_int_equal(leat_os_now()->unlink(path), 0);
        }
    }
}

/* ---- readers of what is gone ---- */

static void test_open_segment_goes_on(void **state)
{
    world *w = *state;
    w->conf.segment_bytes = 3 * SEGMENT;
    world_open(w);
    world_write(w, 500, 20);
    leat_batch few;
    leat_batch_init(&few, 8, 256);
    leat_reader *r = world_reader(w, (leat_reader_conf){.from = LEAT_FROM_BEGINNING});
    assert_int_equal(leat_reader_next(r, &few, 0, &w->e), LEAT_OK);
    uint64_t seen = few.n, all = 0;
    for (uint64_t i = 1; i <= 2; i++) { /* the one it is in, and the next */
        char path[256];
        world_path(w, i, path);
        assert_int_equal(leat_os_now()->unlink(path), 0);
    }
    leat_rc rc;
    while ((rc = leat_reader_next(r, &few, 0, &w->e)) == LEAT_OK) seen += few.n;
    assert_int_equal(rc, LEAT_CONF);
    assert_string_equal(w->e.code, "stream.gap");
    assert_non_null(strstr(w->e.msg, "segment 2 was removed"));
    leat_reader_close(r);
    leat_batch_free(&few);
    char dir[256];
    leat_arena a = {0};
    leat_frame_segment s;
    stream_dir(w, dir);
    assert_int_equal(leat_recover_opening(dir, 3, &a, &s, NULL, &w->e), LEAT_OK);
    all = s.reach.visible;
    leat_arena_free(&a);
    assert_true(seen > 20 && seen < all);
    r = world_reader(w, (leat_reader_conf){.from = LEAT_FROM_BEGINNING}); /* of what is held */
    assert_int_equal(leat_reader_next(r, &w->b, 0, &w->e), LEAT_OK);
    leat_reader_close(r);
}

static unsigned long reads;
static int64_t (*real_pread)(int fd, void *p, size_t n, int64_t at);

static int64_t count_pread(int fd, void *p, size_t n, int64_t at)
{
    reads++;
    return real_pread(fd, p, n, at);
}

/* How far a reader is behind is told at each of its places, and without a look at what it has read:
 * as by a walk through the whole segment, which is what a place without its offset takes. */
static void test_behind(void **state)
{
    world *w = *state;
    char dir[256];
    world_open(w);
    stream_dir(w, dir);
    world_write(w, 60, 20);
    uint64_t visible = w->s->ops->state(w->s)->events, most = 0, last = visible, seen = 0;
    leat_os os = *leat_os_now();
    const leat_os *was = leat_os_now();
    leat_batch few;
    leat_batch_init(&few, 1, 1);
    real_pread = os.pread;
    os.pread = count_pread;
    leat_reader *r = world_reader(w, (leat_reader_conf){.from = LEAT_FROM_BEGINNING});
    leat_rc rc;
    do {
        rc = leat_reader_next(r, &few, 0, &w->e);
        leat_place at;
        leat_behind behind, whole;
        if (!leat_place_parse(leat_reader_cursor(r), &at) || at.number == seen) continue;
        leat_stream_reader one = {.at = &at, .n = 1};
        seen = at.number;
        reads = 0;
        leat_os_use(&os);
        leat_rc asked = leat_readers_behind(dir, &one, visible, &behind, &w->e);
        leat_os_use(was);
        assert_int_equal(asked, LEAT_OK);
        if (reads > most) most = reads;
        at.offset = 0;
        assert_int_equal(leat_readers_behind(dir, &one, visible, &whole, &w->e), LEAT_OK);
        assert_true(behind.events <= whole.events); /* which lacks what a transaction left before */
        if (whole.oldest_us != INT64_MIN) assert_int_equal(behind.oldest_us, whole.oldest_us);
        assert_true(behind.events <= last);
        last = behind.events;
    } while (rc == LEAT_OK);
    assert_int_equal(last, 0);
    assert_in_range(most, 1, 16);
    leat_reader_close(r);
    leat_batch_free(&few);
}

/* A sink that had read a segment to its end, and comes while the writer just starts. */
static void test_cursor_at_a_removed_end(void **state)
{
    world *w = *state;
    char cursor[LEAT_PLACE_TEXT], path[256];
    world_open(w);
    uint64_t tx = 0;
    while (world_segments(w) < 4) world_write(w, tx += 5, 20);
    leat_reader *r = world_reader(w, (leat_reader_conf){.from = LEAT_FROM_BEGINNING});
    leat_place at = {0};
    leat_batch few;
    leat_batch_init(&few, 1, 1);
    while (leat_reader_next(r, &few, 0, &w->e) == LEAT_OK) {
        leat_place now;
        assert_true(leat_place_parse(leat_reader_cursor(r), &now));
        if (now.segment == 2) at = now;
    }
    leat_reader_close(r);
    leat_batch_free(&few);
    cursor[leat_place_write(&at, cursor)] = 0;
    for (uint64_t i = 1; i <= 2; i++) {
        world_path(w, i, path);
        assert_int_equal(leat_os_now()->unlink(path), 0);
    }
    leat_stream_reader one = {.at = &at, .n = 1};
    assert_true(leat_readers_need(&one, 2, 0));
    assert_true(leat_readers_need(&one, 2, at.number + 1));
    assert_false(leat_readers_need(&one, 2, at.number));
    assert_true(leat_readers_need(&one, 3, at.number + 9));
    atomic_store(&w->conf.page->mark_segment, 0); /* not known for a moment */
    r = world_reader(w,
                     (leat_reader_conf){.from = LEAT_FROM_CURSOR, .cursor = leat_str_of(cursor)});
    leat_reader_close(r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bound),      TEST(test_held),
        TEST(test_forced),     TEST(test_age),
        TEST(test_time_jumps), TEST(test_open_segment_goes_on),
        TEST(test_behind),     TEST(test_cursor_at_a_removed_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
