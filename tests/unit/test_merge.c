/* stream/merge, stream/merger: a merged segment gives the same events, at the same offsets, behind
 * the same cursors; whatever fails or is cut short leaves the segment as it was. */
#include "../test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/os.h"
#include "stream/recover.h"
#include "stream_world.h"

enum { CURSORS_MOST = 4000, SEGMENT = 8192, SECOND = 1000000 };

/* ---- helpers ---- */

static void folder(const world *w, char out[256])
{
    snprintf(out, 256, "%s/connectors/shop/stream", w->data);
}

static void merge_path(const world *w, uint64_t segment, char out[256])
{
    char dir[200];
    snprintf(dir, sizeof(dir), "%s/connectors/shop/stream", w->data);
    snprintf(out, 256, "%s/%020llu.merge", dir, (unsigned long long)segment);
}

/* Frames of a segment; merged: whether the first says so. */
static unsigned frames_of(const world *w, uint64_t segment, bool *merged, leat_place *end)
{
    char dir[256];
    leat_walk k;
    leat_frame f;
    leat_str meta, body;
    leat_seen seen;
    unsigned n = 0;
    folder(w, dir);
    leat_walk_init(&k);
    assert_int_equal(leat_walk_open(&k, dir, segment, NULL), LEAT_OK);
    for (;; n++) {
        assert_int_equal(leat_walk_peek(&k, &f, &meta, &seen, NULL), LEAT_OK);
        if (seen != LEAT_SEEN_FRAME) break;
        assert_int_equal(leat_walk_load(&k, &f, &meta, &body, &seen, NULL), LEAT_OK);
        assert_int_equal(seen, LEAT_SEEN_FRAME);
        if (n == 0) *merged = (f.flags & LEAT_FRAME_MERGED) != 0;
        assert_int_equal((f.flags & LEAT_FRAME_MERGED) != 0, *merged);
        leat_walk_pass(&k, &f);
    }
    assert_int_equal(seen, LEAT_SEEN_BLANK);
    if (end != NULL) *end = k.at;
    leat_walk_free(&k);
    return n;
}

static bool is_merged(const world *w, uint64_t segment)
{
    bool merged = false;
    frames_of(w, segment, &merged, NULL);
    return merged;
}

static void by_hand(world *w)
{
    w->conf.merge = LEAT_MERGING_STEPS;
    w->conf.merge_gain = -1;
    w->conf.segment_bytes = SEGMENT;
}

/* All that can be merged is. */
static void merge_all(world *w)
{
    bool some;
    do {
        some = false;
        while (leat_embedded_merge(w->s)) some = true;
        world_commit(w);
    } while (some);
}

typedef struct mark {
    char cursor[96];
    model_consumer consumer;
} mark;

/* Reads what there is, batch by batch, and notes each place. */
static unsigned note_cursors(world *w, uint32_t batch, mark *out)
{
    leat_reader *r = world_reader(w, (leat_reader_conf){0});
    leat_batch b;
    leat_rc rc;
    unsigned n = 1;
    leat_batch_init(&b, batch, 1 << 20);
    model_consumer c;
    model_consumer_init(&c, &w->m, -1);
    out[0].consumer = c;
    snprintf(out[0].cursor, sizeof(out[0].cursor), "%s", leat_reader_cursor(r).s);
    while ((rc = leat_reader_next(r, &b, 0, &w->e)) == LEAT_OK) {
        assert_true(n < CURSORS_MOST);
        model_consume(&c, &b);
        out[n].consumer = c;
        snprintf(out[n++].cursor, sizeof(out[0].cursor), "%s", leat_reader_cursor(r).s);
    }
    assert_int_equal(rc, LEAT_AGAIN);
    leat_batch_free(&b);
    leat_reader_close(r);
    return n;
}

/* Behind each cursor stands what stood there when it was noted. */
static void follow_cursors(world *w, const mark *marks, unsigned n, uint64_t tx)
{
    for (unsigned i = 0; i < n; i += 1 + n / 60) {
        leat_reader *r =
            world_reader(w, (leat_reader_conf){.from = LEAT_FROM_CURSOR,
                                               .cursor = leat_str_of(marks[i].cursor)});
        assert_string_equal(leat_reader_cursor(r).s, marks[i].cursor);
        model_consumer c = marks[i].consumer;
        leat_rc rc = model_drain(&c, r, &w->e);
        if (rc != LEAT_AGAIN) fail_msg("%s: %s: %s", marks[i].cursor, w->e.code, w->e.msg);
        assert_int_equal(c.events, model_events(&w->m, tx));
        leat_reader_close(r);
    }
}

/* ---- what stays ---- */

static void test_the_same_is_read(void **state)
{
    world *w = *state;
    static mark marks[CURSORS_MOST];
    leat_place ends[50] = {0}, end;
    bool merged;
    by_hand(w);
    world_open(w);
    world_write(w, 400, 3);
    uint64_t last = world_segments(w);
    assert_true(last > 4 && last < 50);
    unsigned before = 0, after = 0;
    int64_t bytes = 0;
    for (uint64_t s = 1; s < last; s++) {
        before += frames_of(w, s, &merged, &ends[s]);
        assert_false(merged);
        bytes += world_size(w, s);
    }
    unsigned n = note_cursors(w, 1, marks);
    uint64_t stated = w->s->ops->state(w->s)->bytes;
    merge_all(w);
    for (uint64_t s = 1; s < last; s++) {
        after += frames_of(w, s, &merged, &end);
        assert_true(merged);
        assert_int_equal(end.number, ends[s].number);
        assert_int_equal(end.crc, ends[s].crc);
        bytes -= world_size(w, s);
    }
    assert_false(is_merged(w, last));
    if (after >= before * 2 / 3 || bytes <= 0)
        fail_msg("%u frames became %u, %lld bytes saved", before, after, (long long)bytes);
    assert_int_equal(w->s->ops->state(w->s)->bytes, stated - (uint64_t)bytes);
    world_expect(w, 400);
    follow_cursors(w, marks, n, 400);
    n = note_cursors(w, 1, marks); /* places in merged segments */
    follow_cursors(w, marks, n, 400);
    world_write(w, 500, 3);
    world_expect(w, 500);
    world_close(w);
    world_open(w);
    model_check_state(&w->m, w->s->ops->state(w->s), 500);
    assert_int_equal(w->s->ops->state(w->s)->bytes > 0, 1);
    merge_all(w);
    world_expect(w, 500);
    follow_cursors(w, marks, n, 500);
}

static void test_parts_are_found(void **state)
{
    world *w = *state;
    by_hand(w);
    world_open(w);
    world_write(w, 300, 2);
    merge_all(w);
    assert_true(is_merged(w, 1) && is_merged(w, 2));
    for (int topic = 0; topic < MODEL_TOPICS; topic++) {
        const char *topics[] = {model_topic((unsigned)topic), NULL};
        leat_reader *r = world_reader(w, (leat_reader_conf){.topics = topics});
        model_consumer c;
        model_consumer_init(&c, &w->m, topic);
        assert_int_equal(model_drain(&c, r, &w->e), LEAT_AGAIN);
        leat_reader_close(r);
        int64_t next = c.next[topic];
        for (int64_t offset = 0; offset < next; offset += 7) {
            r = world_reader(w, (leat_reader_conf){
                                    .topics = topics, .from = LEAT_FROM_OFFSET, .offset = offset});
            assert_int_equal(leat_reader_next(r, &w->b, 0, &w->e), LEAT_OK);
            int64_t first = w->b.ev[0].offset;
            assert_true(first <= offset && first + leat_event_records(&w->b.ev[0]) > offset);
            leat_reader_close(r);
        }
    }
    for (uint64_t tx = 1; tx <= 300; tx += 11) {
        leat_reader *r =
            world_reader(w, (leat_reader_conf){.from = LEAT_FROM_TIME, .time_us = model_ts(tx)});
        leat_rc rc = leat_reader_next(r, &w->b, 0, &w->e);
        uint64_t next = tx;
        while (next <= 300 && model_size(&w->m, next) == 0) next++;
        assert_int_equal(rc, next <= 300 ? LEAT_OK : LEAT_AGAIN);
        if (rc == LEAT_OK) assert_int_equal(w->b.ev[0].ts_us, model_ts(next));
        leat_reader_close(r);
    }
}

/* A reader that has a segment open goes on with the file it has, and finds the next. */
static void test_readers_that_are_there_already(void **state)
{
    world *w = *state;
    by_hand(w);
    world_open(w);
    world_write(w, 60, 2);
    leat_reader *readers[20];
    model_consumer consumers[20];
    leat_batch b;
    leat_batch_init(&b, 1, 1 << 20);
    for (unsigned i = 0; i < 20; i++) { /* the mark they know is in the first segments */
        readers[i] = world_reader(w, (leat_reader_conf){.verify = i % 2});
        model_consumer_init(&consumers[i], &w->m, -1);
        for (unsigned k = 0; k < i * 3; k++) {
            assert_int_equal(leat_reader_next(readers[i], &b, 0, &w->e), LEAT_OK);
            model_consume(&consumers[i], &b);
        }
    }
    world_write(w, 200, 2);
    merge_all(w);
    assert_true(is_merged(w, 1) && is_merged(w, world_segments(w) - 1));
    for (unsigned i = 0; i < 20; i++) {
        leat_rc rc = model_drain(&consumers[i], readers[i], &w->e);
        if (rc != LEAT_AGAIN) fail_msg("reader %u: %s: %s", i, w->e.code, w->e.msg);
        assert_int_equal(consumers[i].events, model_events(&w->m, 200));
        leat_reader_close(readers[i]);
    }
    leat_batch_free(&b);
}

/* A transaction of many frames, one of them large; and the progress of a snapshot. */
static void test_large_frames_and_open_transactions(void **state)
{
    world *w = *state;
    static mark marks[CURSORS_MOST];
    by_hand(w);
    w->conf.segment_bytes = 4 << 20;
    w->conf.merge_small = 1 << 30;
    model_free(&w->m);
    model_init(&w->m, 11, 300, 3000);
    world_open(w);
    world_write(w, 40, 7);
    leat_batch_reset(&w->b);
    assert_int_equal(w->s->ops->append(w->s, &w->b, LEAT_STR("{\"chunk\":7}"), &w->e), LEAT_OK);
    world_commit(w);
    w->conf.frame_bytes = 0;
    world_write(w, 60, 1000);
    while (world_segments(w) < 3) world_write(w, w->at.tx + 20, 1000);
    uint64_t tx = w->at.tx - 1;
    unsigned n = note_cursors(w, 1, marks);
    merge_all(w);
    assert_true(is_merged(w, 1) && is_merged(w, 2));
    world_expect(w, tx);
    follow_cursors(w, marks, n, tx);
}

static void write_to_segment(world *w, uint64_t segment)
{
    while (world_segments(w) < segment) {
        assert_int_equal(world_append(w, 3), LEAT_OK);
        world_commit(w);
    }
}

/* What a frame says of positions and progress is said by the one that stands for it. */
static void test_positions_and_progress(void **state)
{
    world *w = *state;
    static const char *const partitions[] = {"{\"p\":1}", "{\"p\":2}", "{\"p\":3}"};
    char path[256];
    by_hand(w);
    world_open(w);
    for (unsigned i = 0; i < 3; i++) {
        leat_batch_reset(&w->b);
        leat_batch_safe(&w->b, (leat_position){leat_str_of(partitions[i]), LEAT_STR("{\"n\":1}")});
        assert_int_equal(w->s->ops->append(w->s, &w->b, (leat_str){0}, &w->e), LEAT_OK);
        world_commit(w);
    }
    write_to_segment(w, 2);
    leat_batch_reset(&w->b); /* a partition that only the checkpoint of segment 2 knows */
    leat_batch_safe(&w->b, (leat_position){leat_str_of(partitions[1]), LEAT_STR("")});
    leat_rc rc = w->s->ops->append(w->s, &w->b, LEAT_STR("{\"chunk\":7}"), &w->e);
    assert_int_equal(rc, LEAT_OK);
    world_commit(w);
    write_to_segment(w, 3);
    merge_all(w);
    assert_true(is_merged(w, 1) && is_merged(w, 2));
    world_close(w);
    world_path(w, 3, path);
    unlink(path);
    snprintf(path, sizeof(path), "%s/connectors/shop/counters", w->data);
    unlink(path);
    world_open(w); /* what the merged frames of segment 2 tell */
    const leat_stream_state *st = w->s->ops->state(w->s);
    assert_true(leat_str_is(st->progress, "{\"chunk\":7}"));
    for (size_t i = 0; i < st->npos; i++)
        assert_false(leat_str_is(st->pos[i].partition, partitions[1]));
    assert_true(st->npos >= 2);
}

/* The newer segments were taken away, and with them what tells of them. Cursors that were noted
 * before the merging are found in what is now the mark's own segment. */
static void test_a_merged_segment_can_be_the_newest(void **state)
{
    world *w = *state;
    static mark marks[CURSORS_MOST];
    char path[256];
    by_hand(w);
    world_open(w);
    world_write(w, 200, 3);
    unsigned n = note_cursors(w, 1, marks);
    merge_all(w);
    world_close(w);
    uint64_t last = world_segments(w);
    assert_true(last > 3);
    for (uint64_t s = last; s > 2; s--) {
        world_path(w, s, path);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/connectors/shop/counters", w->data);
    unlink(path);
    world_open(w);
    const leat_stream_state *st = w->s->ops->state(w->s);
    uint64_t tx = model_reached(st);
    assert_true(tx > 10 && tx < 200);
    model_check_state(&w->m, st, tx);
    world_expect(w, tx);
    while (n > 0 && marks[n - 1].consumer.events > model_events(&w->m, tx)) n--;
    follow_cursors(w, marks, n, tx);
    w->at = (model_place){tx + 1, 0};
    world_write(w, tx + 100, 3); /* behind it, and in segments of its own */
    world_expect(w, tx + 100);
    merge_all(w);
    world_close(w);
    world_open(w);
    world_expect(w, tx + 100);
}

/* A copy from before brought back: what was noted in the merged file is found there too. */
static void test_copies_from_before(void **state)
{
    world *w = *state;
    static mark marks[CURSORS_MOST];
    char path[256];
    leat_buf copies[30] = {0};
    by_hand(w);
    world_open(w);
    world_write(w, 200, 2);
    uint64_t last = world_segments(w);
    assert_true(last < 30);
    for (uint64_t s = 1; s < last; s++) {
        world_path(w, s, path);
        assert_int_equal(leat_os_load(path, &copies[s], 1 << 20), 0);
    }
    merge_all(w);
    unsigned n = note_cursors(w, 1, marks);
    for (uint64_t s = 1; s < last; s++) {
        world_path(w, s, path);
        assert_int_equal(leat_os_store(path, leat_buf_str(&copies[s]), 0600), 0);
        leat_buf_free(&copies[s]);
    }
    world_expect(w, 200);
    follow_cursors(w, marks, n, 200);
}

static void test_cursors_of_another_stream(void **state)
{
    world *w = *state;
    static mark marks[CURSORS_MOST];
    by_hand(w);
    world_open(w);
    world_write(w, 100, 2);
    unsigned n = note_cursors(w, 1, marks), refused = 0;
    merge_all(w);
    for (unsigned i = 1; i < n; i++) {
        size_t len = strlen(marks[i].cursor);
        char *last = &marks[i].cursor[len - 1];
        *last = *last == '0' ? '1' : '0';
        leat_reader *r = NULL;
        leat_reader_conf conf = {.data = w->data,
                                 .connector = "shop",
                                 .from = LEAT_FROM_CURSOR,
                                 .cursor = leat_str_of(marks[i].cursor)};
        leat_rc rc = leat_reader_open(&conf, &r, &w->e);
        if (rc == LEAT_OK) rc = leat_reader_next(r, &w->b, 0, &w->e);
        if (strncmp(marks[i].cursor, "1:", 2) == 0) {
            assert_true(rc == LEAT_CONF || rc == LEAT_FATAL);
            refused += strcmp(w->e.code, "stream.cursor") == 0;
        }
        leat_reader_close(r);
    }
    assert_true(refused > 10);
}

/* ---- what fails ---- */

static void test_damage_is_told(void **state)
{
    world *w = *state;
    char path[256];
    leat_log_setup(LEAT_ERROR, false, NULL, -1);
    by_hand(w);
    world_open(w);
    world_write(w, 200, 3);
    int64_t size = world_size(w, 2);
    world_flip(w, 2, size / 2); /* before: it stays, the others are merged */
    merge_all(w);
    assert_true(is_merged(w, 1) && is_merged(w, 3));
    assert_int_equal(world_size(w, 2), size);
    world_flip(w, 2, size / 2);
    world_expect(w, 200);
    merge_path(w, 2, path);
    assert_int_not_equal(access(path, F_OK), 0);
    size = world_size(w, 3);
    for (int64_t at = 0; at < size; at += 1 + size / 150) { /* after: readers say so */
        world_flip(w, 3, at);
        leat_reader *r = world_reader(w, (leat_reader_conf){.verify = true});
        model_consumer c;
        model_consumer_init(&c, &w->m, -1);
        leat_rc rc = model_drain(&c, r, &w->e);
        assert_true(rc == LEAT_FATAL || (rc == LEAT_CONF && at < 6)); /* 3, 5: versions */
        assert_non_null(strstr(w->e.where, "00000000000000000003.seg"));
        leat_reader_close(r);
        world_flip(w, 3, at);
    }
    world_expect(w, 200);
}

static void test_failures_leave_the_segment(void **state)
{
    world *w = *state;
    static const char *const specs[] = {"merge_create:1:ENOSPC", "merge_write:1:ENOSPC",
                                        "merge_write:1:EIO", "merge_sync:1:EIO",
                                        "merge_rename:1:EIO"};
    char path[256];
    leat_log_setup(LEAT_ERROR, false, NULL, -1);
    by_hand(w);
    world_open(w);
    world_write(w, 60, 3);
    for (unsigned i = 0; i < 5; i++) {
        leat_fault_set(specs[i]);
        while (leat_embedded_merge(w->s) && !is_merged(w, 1)) {
            merge_path(w, 1, path);
            if (access(path, F_OK) != 0 && i < 4) break; /* it was given up */
        }
        if (i == 4) world_commit(w);
        leat_fault_set(NULL);
        merge_path(w, 1, path);
        assert_int_not_equal(access(path, F_OK), 0);
        assert_false(is_merged(w, 1));
        world_expect(w, 60);
    }
    world_close(w); /* after a failed rename it is not tried again by the same process */
    world_open(w);
    merge_all(w);
    assert_true(is_merged(w, 1));
    world_expect(w, 60);
}

static void test_what_was_not_finished_is_removed(void **state)
{
    world *w = *state;
    char path[256];
    by_hand(w);
    world_open(w);
    world_write(w, 60, 3);
    assert_true(leat_embedded_merge(w->s)); /* begun */
    merge_path(w, 1, path);
    assert_int_equal(access(path, F_OK), 0);
    world_close(w);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(leat_os_store(path, LEAT_STR("half a file"), 0600), 0);
    world_expect(w, 60); /* readers do not look at it */
    world_open(w);
    assert_int_not_equal(access(path, F_OK), 0);
    world_expect(w, 60);
}

static void test_a_segment_that_was_removed_stays_so(void **state)
{
    world *w = *state;
    char path[256];
    by_hand(w);
    world_open(w);
    world_write(w, 100, 3);
    while (leat_embedded_merge(w->s)) {}
    world_path(w, 1, path);
    unlink(path); /* retention, between ready and in place */
    world_commit(w);
    assert_int_equal(world_size(w, 1), -1);
    merge_path(w, 1, path);
    assert_int_not_equal(access(path, F_OK), 0);
    merge_all(w);
    assert_true(is_merged(w, 2));
}

static void test_what_is_not_worth_it_stays(void **state)
{
    world *w = *state;
    by_hand(w);
    w->conf.merge_small = 10; /* no frame is so small */
    world_open(w);
    world_write(w, 100, 3);
    merge_all(w);
    assert_false(is_merged(w, 1));
    world_close(w);
    w->conf.merge_small = 0;
    w->conf.merge_gain = 99;
    world_open(w);
    merge_all(w);
    assert_false(is_merged(w, 1));
    world_close(w);
    w->conf.merge = LEAT_MERGING_OFF;
    world_open(w);
    assert_false(leat_embedded_merge(w->s));
}

/* ---- by a thread ---- */

static void test_a_thread_does_it(void **state)
{
    world *w = *state;
    by_hand(w);
    w->conf.merge = LEAT_MERGING_ON;
    world_open(w);
    world_write(w, 200, 3);
    int64_t until = leat_mono_us() + 20 * SECOND;
    uint64_t last = world_segments(w);
    for (uint64_t s = 1; s < last; s++) {
        while (!is_merged(w, s) && leat_mono_us() < until) {
            world_commit(w);
            leat_sleep_us(1000);
        }
        assert_true(is_merged(w, s));
    }
    world_expect(w, 200);
    for (unsigned i = 0; i < 20; i++) { /* it ends whatever it is doing */
        world_write(w, 220 + i * 20, 3);
        world_close(w);
        world_open(w);
    }
    world_expect(w, 600);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(test_the_same_is_read),
        T(test_parts_are_found),
        T(test_readers_that_are_there_already),
        T(test_large_frames_and_open_transactions),
        T(test_positions_and_progress),
        T(test_a_merged_segment_can_be_the_newest),
        T(test_copies_from_before),
        T(test_cursors_of_another_stream),
        T(test_damage_is_told),
        T(test_failures_leave_the_segment),
        T(test_what_was_not_finished_is_removed),
        T(test_a_segment_that_was_removed_stays_so),
        T(test_what_is_not_worth_it_stays),
        T(test_a_thread_does_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
