/* stream/embedded: what is appended and committed is read back whole, in order, with its offsets;
 * open transactions are not seen; what fails leaves no trace. */
#include "../test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/os.h"
#include "sample.h"
#include "stream/frame.h"
#include "stream_world.h"

/* ---- what goes in comes out ---- */

static void test_round_trips(void **state)
{
    world *w = *state;
    static const uint32_t batches[] = {1, 2, 3, 7, 50, 1000};
    uint64_t tx = 0;
    for (unsigned i = 0; i < 6; i++) {
        w->conf.compression = i % 3;
        w->conf.frame_bytes = i % 3 == 0 ? 300 : 0;
        world_open(w);
        model_check_state(&w->m, w->s->ops->state(w->s), tx);
        world_write(w, tx += 30, batches[i]);
        world_expect(w, tx);
        world_close(w);
        world_expect(w, tx);
    }
    assert_int_equal(world_segments(w), 1);
}

static void test_many_transactions_share_a_frame(void **state)
{
    world *w = *state;
    world_open(w);
    while (w->at.tx <= 200) assert_int_equal(world_append(w, 5), LEAT_OK);
    assert_true(w->s->ops->pending(w->s) > 0);
    assert_int_equal(w->s->ops->state(w->s)->events, 0);
    assert_int_equal(w->s->ops->rollback(w->s, &w->e), LEAT_OK);
    world_commit(w);
    assert_int_equal(w->s->ops->pending(w->s), 0);
    const leat_stream_state *st = w->s->ops->state(w->s);
    uint64_t frame = st->frame;
    world_expect(w, model_reached(st));
    world_commit(w); /* nothing to do: nothing is written */
    assert_int_equal(st->frame, frame);
}

static void test_positions_move_without_events(void **state)
{
    world *w = *state;
    world_open(w);
    for (int i = 1; i <= 3; i++) {
        char offset[32];
        snprintf(offset, sizeof(offset), "{\"n\":%d}", i);
        leat_batch_reset(&w->b);
        w->b.counts.received = w->b.counts.filtered = 10;
        leat_batch_safe(&w->b, (leat_position){LEAT_STR("{}"), leat_str_of(offset)});
        assert_int_equal(w->s->ops->append(w->s, &w->b, (leat_str){0}, &w->e), LEAT_OK);
        world_commit(w);
    }
    world_close(w);
    world_open(w);
    const leat_stream_state *st = w->s->ops->state(w->s);
    assert_int_equal(st->npos, 1);
    assert_string_equal(st->pos[0].offset.s, "{\"n\":3}");
    assert_int_equal(st->totals.filtered, 30);
    assert_int_equal(st->events, 0);
    world_expect(w, 0);
}

static void test_several_partitions(void **state)
{
    world *w = *state;
    world_open(w);
    for (int i = 0; i < 5; i++) {
        char offset[32];
        snprintf(offset, sizeof(offset), "%d", i);
        leat_batch_reset(&w->b);
        leat_str partition = i % 2 ? LEAT_STR("odd") : LEAT_STR("even");
        leat_batch_safe(&w->b, (leat_position){partition, leat_str_of(offset)});
        assert_int_equal(w->s->ops->append(w->s, &w->b, (leat_str){0}, &w->e), LEAT_OK);
        if (i % 3 == 2) world_commit(w);
    }
    world_commit(w);
    world_close(w);
    world_open(w);
    const leat_stream_state *st = w->s->ops->state(w->s);
    assert_int_equal(st->npos, 2);
    assert_true(leat_str_is(st->pos[0].partition, "even") && leat_str_is(st->pos[0].offset, "4"));
    assert_true(leat_str_is(st->pos[1].partition, "odd") && leat_str_is(st->pos[1].offset, "3"));
}

static leat_position position_of(const leat_stream_state *st, const char *partition)
{
    for (size_t i = 0; i < st->npos; i++)
        if (leat_str_is(st->pos[i].partition, partition)) return st->pos[i];
    return (leat_position){0};
}

static void move_to(world *w, const char *partition, const char *offset)
{
    leat_batch_reset(&w->b);
    leat_batch_safe(&w->b, (leat_position){leat_str_of(partition), leat_str_of(offset)});
    assert_int_equal(w->s->ops->append(w->s, &w->b, (leat_str){0}, &w->e), LEAT_OK);
}

/* Whole transactions, as world_write, whatever other partitions there are. */
static void write_more(world *w, uint64_t txs)
{
    for (uint64_t to = w->at.tx + txs; w->at.tx < to || w->at.k > 0;)
        assert_int_equal(world_append(w, 1), LEAT_OK);
    world_commit(w);
}

/* What a person has set holds at once and after a restart; totals and events stay. */
static void test_positions_are_edited(void **state)
{
    world *w = *state;
    world_open(w);
    world_write(w, 20, 7);
    move_to(w, "a", "1");
    move_to(w, "b", "2");
    move_to(w, "c", "3"); /* not committed yet */
    const leat_stream_state *st = w->s->ops->state(w->s);
    leat_position edit[] = {{LEAT_STR("a"), LEAT_STR("0")},
                            {LEAT_STR("b"), {0}},
                            {LEAT_STR("new"), LEAT_STR("7")},
                            {LEAT_STR("none"), {0}}};
    size_t n = st->npos;
    uint64_t events = st->events;
    leat_counts totals = st->totals;
    assert_int_equal(w->s->ops->edit(w->s, edit, 4, LEAT_STR("{\"x\":1}"), &w->e), LEAT_OK);
    for (int life = 0; life < 3; life++) {
        assert_int_equal(st->npos, n + 3); /* a, c, new */
        assert_true(leat_str_is(position_of(st, "a").offset, "0"));
        assert_null(position_of(st, "b").partition.s);
        assert_true(leat_str_is(position_of(st, "c").offset, "3"));
        assert_true(leat_str_is(position_of(st, "new").offset, "7"));
        assert_true(leat_str_is(st->progress, "{\"x\":1}"));
        assert_int_equal(st->events, events);
        assert_memory_equal(&st->totals, &totals, sizeof totals);
        world_close(w);
        if (life == 1) w->conf.segment_bytes = 1; /* the next frame begins a segment */
        world_open(w);
        st = w->s->ops->state(w->s);
        if (life == 1) write_more(w, 3);
        events = st->events;
        totals = st->totals;
    }
    world_expect(w, w->at.tx - 1);
    move_to(w, "b", "9"); /* a forgotten one can come again */
    world_commit(w);
    assert_true(leat_str_is(position_of(st, "b").offset, "9"));
}

/* An edit takes back the open transaction, and one that fails changes nothing. */
static void test_an_edit_that_fails(void **state)
{
    world *w = *state;
    world_open(w);
    world_write(w, 10, 7);
    move_to(w, "a", "1");
    world_commit(w);
    const leat_stream_state *st = w->s->ops->state(w->s);
    model_place before = w->at;
    while (w->at.k == 0) assert_int_equal(world_append(w, 1), LEAT_OK);
    leat_position edit[] = {{LEAT_STR("a"), LEAT_STR("0")}};
    assert_true(leat_fault_set("stream_append:1:ENOSPC"));
    assert_int_equal(w->s->ops->edit(w->s, edit, 1, (leat_str){0}, &w->e), LEAT_RETRY);
    leat_fault_set(NULL);
    world_commit(w);
    assert_true(leat_str_is(position_of(st, "a").offset, "1"));
    assert_int_equal(w->s->ops->edit(w->s, edit, 1, (leat_str){0}, &w->e), LEAT_OK);
    assert_true(leat_str_is(position_of(st, "a").offset, "0"));
    w->at = (model_place){w->at.tx, 0};
    assert_true(w->at.tx >= before.tx);
    write_more(w, 5);
    world_close(w);
    world_open(w);
    assert_true(leat_str_is(position_of(w->s->ops->state(w->s), "a").offset, "0"));
    world_expect(w, w->at.tx - 1);
}

static void test_progress_makes_a_batch_safe(void **state)
{
    world *w = *state;
    world_open(w);
    leat_batch_reset(&w->b);
    model_read(&w->m, &w->at, 500, &w->b);
    leat_batch_reset(&w->b);
    w->at = (model_place){1, 0};
    while (w->at.tx <= 20) model_read(&w->m, &w->at, 1, &w->b);
    uint32_t n = w->b.n;
    w->b.safe = (leat_position){0};
    w->b.nsafe = 0;
    assert_int_equal(w->s->ops->append(w->s, &w->b, LEAT_STR("{\"chunk\":1}"), &w->e), LEAT_OK);
    world_commit(w);
    const leat_stream_state *st = w->s->ops->state(w->s);
    assert_int_equal(st->events, n);
    assert_int_equal(st->npos, 0);
    assert_true(leat_str_is(st->progress, "{\"chunk\":1}"));
    leat_batch_reset(&w->b); /* without events; the one before stays */
    leat_batch_safe(&w->b, (leat_position){LEAT_STR("{}"), LEAT_STR("1")});
    assert_int_equal(w->s->ops->append(w->s, &w->b, (leat_str){0}, &w->e), LEAT_OK);
    world_commit(w);
    world_close(w);
    world_open(w);
    st = w->s->ops->state(w->s);
    assert_true(leat_str_is(st->progress, "{\"chunk\":1}"));
    assert_int_equal(st->npos, 1);
    assert_int_equal(st->totals.appended, model_totals(&w->m, w->at.tx - 1).appended);
}

/* ---- open transactions ---- */

/* The number of a transaction with at least so many events. */
static uint64_t large_tx(const model *m, uint32_t size)
{
    uint64_t tx = 1;
    while (model_size(m, tx) < size) tx++;
    return tx;
}

static void test_open_transactions_are_not_seen(void **state)
{
    world *w = *state;
    uint64_t tx = large_tx(&w->m, 20);
    world_open(w);
    world_write(w, tx - 1, 10);
    for (uint32_t k = 0; k < model_size(&w->m, tx) - 1; k++) {
        assert_int_equal(world_append(w, 1), LEAT_OK);
        world_commit(w);
        world_expect(w, tx - 1);
        model_check_state(&w->m, w->s->ops->state(w->s), tx - 1);
    }
    assert_int_equal(world_append(w, 1), LEAT_OK);
    world_expect(w, tx - 1);
    world_commit(w);
    world_expect(w, tx);
    model_check_state(&w->m, w->s->ops->state(w->s), tx);
}

static void test_giant_transaction_over_segments(void **state)
{
    world *w = *state;
    w->conf.segment_bytes = 4096;
    w->conf.frame_bytes = 512;
    model_free(&w->m);
    model_init(&w->m, 7, 400, 60);
    uint64_t tx = large_tx(&w->m, 2000);
    world_open(w);
    world_write(w, tx - 1, 1000);
    uint64_t before = world_segments(w);
    while (w->at.k + 100 < model_size(&w->m, tx)) {
        assert_int_equal(world_append(w, 100), LEAT_OK);
        world_commit(w);
    }
    assert_true(world_segments(w) > before + 3);
    world_expect(w, tx - 1);
    world_close(w); /* it never ends: all of it is cut */
    world_expect(w, tx - 1);
    world_open(w);
    assert_true(world_segments(w) <= before + 1);
    w->at = (model_place){tx, 0};
    world_write(w, tx, 100);
    world_expect(w, tx);
    world_close(w);
    world_open(w);
    world_write(w, tx + 3, 100);
    world_expect(w, tx + 3);
}

static void test_rollback_forgets_the_open_transaction(void **state)
{
    world *w = *state;
    static const int64_t frame_bytes[] = {0, 200, 200};
    static const int64_t segment_bytes[] = {0, 0, 2048};
    uint64_t tx = 0;
    for (unsigned i = 0; i < 3; i++) {
        w->conf.frame_bytes = frame_bytes[i];
        w->conf.segment_bytes = segment_bytes[i];
        world_open(w);
        for (unsigned round = 0; round < 20; round++) {
            world_write(w, tx += 3, 4);
            for (tx++; model_size(&w->m, tx) < 3; tx++) world_write(w, tx, 1);
            assert_int_equal(world_append(w, model_size(&w->m, tx) - 1), LEAT_OK);
            if (round % 3 == 0) world_commit(w);
            assert_int_equal(w->s->ops->rollback(w->s, &w->e), LEAT_OK);
            if (round % 4 == 0) world_commit(w);
            w->at = (model_place){tx, 0};
            if (round % 5 == 0) world_expect(w, tx - 1);
        }
        world_write(w, tx, 100);
        world_expect(w, tx);
        world_close(w);
    }
}

/* ---- several topics ---- */

static void test_one_topic_of_many(void **state)
{
    world *w = *state;
    w->conf.segment_bytes = 8192;
    w->conf.frame_bytes = 400;
    world_open(w);
    world_write(w, 300, 20);
    for (int t = 0; t < MODEL_TOPICS; t++) {
        const char *names[] = {model_topic((unsigned)t), NULL};
        leat_reader *r = world_reader(w, (leat_reader_conf){.topics = names});
        model_consumer c;
        model_consumer_init(&c, &w->m, t);
        assert_int_equal(model_drain(&c, r, &w->e), LEAT_AGAIN);
        assert_true(c.events > 100);
        leat_reader_close(r);

        model_consumer all;
        model_consumer_init(&all, &w->m, -1);
        r = world_reader(w, (leat_reader_conf){0});
        assert_int_equal(model_drain(&all, r, &w->e), LEAT_AGAIN);
        assert_int_equal(all.next[t], c.next[t]);
        leat_reader_close(r);
    }
}

static void test_list_of_topics(void **state)
{
    world *w = *state;
    leat_arena a = {0};
    leat_topic *list = NULL;
    assert_int_equal(leat_topics_list(w->data, &a, &list, &w->e), LEAT_OK);
    assert_null(list);
    world_open(w);
    world_write(w, 100, 20);
    model_consumer c;
    model_consumer_init(&c, &w->m, -1);
    leat_reader *r = world_reader(w, (leat_reader_conf){0});
    model_drain(&c, r, &w->e);
    leat_reader_close(r);
    for (int closed = 0; closed < 2; closed++) {
        assert_int_equal(leat_topics_list(w->data, &a, &list, &w->e), LEAT_OK);
        static const unsigned by_name[] = {3, 1, 2, 0}; /* bär, changing, ..: see stream_model.c */
        unsigned n = 0;
        const char *before = "";
        for (leat_topic *t = list; t != NULL; t = t->link, n++) {
            assert_true(strcmp(before, t->name) < 0);
            before = t->name;
            assert_string_equal(t->connector, "shop");
            assert_int_equal(t->first, 0);
            for (unsigned i = 0; i < MODEL_TOPICS; i++)
                if (strcmp(model_topic(by_name[i]), t->name) == 0)
                    assert_int_equal(t->next, c.next[by_name[i]]);
        }
        assert_int_equal(n, MODEL_TOPICS);
        if (closed == 0) world_close(w);
    }
    leat_arena_free(&a);
}

static void test_topics_have_one_writer(void **state)
{
    world *w = *state;
    leat_arena a = {0};
    const char *owner = NULL;
    world_open(w);
    world_write(w, 30, 20);
    world_close(w);
    w->conf.connector = "thief";
    w->at = (model_place){1, 0};
    world_open(w);
    assert_int_equal(world_append(w, 50), LEAT_CONF);
    assert_string_equal(w->e.code, "topic.claimed");
    assert_non_null(strstr(w->e.msg, "\"shop\""));
    world_commit(w);
    assert_int_equal(w->s->ops->state(w->s)->events, 0);

    assert_int_equal(leat_topics_owner(w->data, model_topic(1), &a, &owner, &w->e), LEAT_OK);
    assert_string_equal(owner, "shop");
    assert_int_equal(leat_topics_owner(w->data, "shop.public.order", &a, &owner, &w->e), LEAT_CONF);
    assert_string_equal(w->e.code, "topic.unknown");
    assert_non_null(strstr(w->e.msg, "near to it: shop.public.orders"));
    assert_null(strstr(w->e.msg, "heartbeat"));
    leat_arena_free(&a);
}

/* ---- where to begin ---- */

/* The first event with its number in the model; *n: how many there are. */
static model_place first_of(world *w, leat_reader_conf conf, uint64_t *n)
{
    leat_reader *r = world_reader(w, conf);
    leat_batch b;
    model_place at = {0, 0};
    leat_batch_init(&b, 10, 1 << 20);
    *n = 0;
    while (leat_reader_next(r, &b, 0, &w->e) == LEAT_OK) {
        if (*n == 0) at = (model_place){b.ev[0].tx, b.ev[0].tx_seq - 1};
        *n += b.n;
    }
    leat_batch_free(&b);
    leat_reader_close(r);
    return at;
}

static void test_begin_at_offset_time_end(void **state)
{
    world *w = *state;
    w->conf.segment_bytes = 4096;
    w->conf.frame_bytes = 300;
    world_open(w);
    world_write(w, 400, 10);
    assert_true(world_segments(w) > 5);
    const char *names[] = {model_topic(0), NULL};
    int64_t offset = 0;
    uint64_t n;
    for (uint64_t tx = 1; tx <= 400; tx++)
        for (uint32_t k = 0; k < model_size(&w->m, tx); k++) {
            if (model_topic_of(&w->m, tx, k) != 0) continue;
            unsigned records = model_records_of(&w->m, tx, k);
            for (unsigned r = 0; r < records && tx % 7 == 0; r++) {
                model_place at =
                    first_of(w,
                             (leat_reader_conf){
                                 .topics = names, .from = LEAT_FROM_OFFSET, .offset = offset + r},
                             &n);
                assert_true(at.tx == tx && at.k == k);
            }
            offset += records;
        }
    first_of(w, (leat_reader_conf){.topics = names, .from = LEAT_FROM_OFFSET, .offset = offset},
             &n);
    assert_int_equal(n, 0);
    for (uint64_t tx = 1; tx <= 400; tx += 13) {
        uint64_t first = tx;
        while (model_size(&w->m, first) == 0) first++;
        model_place at = first_of(
            w, (leat_reader_conf){.from = LEAT_FROM_TIME, .time_us = model_ts(tx) - 1}, &n);
        assert_true(at.tx == first && at.k == 0);
        assert_int_equal(n, model_events(&w->m, 400) - model_events(&w->m, tx - 1));
    }
    first_of(w, (leat_reader_conf){.from = LEAT_FROM_END}, &n);
    assert_int_equal(n, 0);
    leat_reader *r = world_reader(w, (leat_reader_conf){.from = LEAT_FROM_END});
    assert_true(leat_reader_at_end(r));
    world_write(w, 410, 10);
    assert_false(leat_reader_at_end(r));
    model_consumer c;
    model_consumer_init(&c, &w->m, -1);
    leat_batch_reset(&w->b);
    assert_int_equal(leat_reader_next(r, &w->b, 0, &w->e), LEAT_OK);
    assert_true(w->b.ev[0].tx > 400);
    leat_reader_close(r);
    leat_reader_conf two = {.data = w->data, .connector = "shop", .from = LEAT_FROM_OFFSET};
    assert_int_equal(leat_reader_open(&two, &r, &w->e), LEAT_CONF);
}

static void test_cursors_go_on_where_they_were(void **state)
{
    world *w = *state;
    char cursor[100] = "";
    w->conf.segment_bytes = 4096;
    w->conf.frame_bytes = 300;
    model_consumer c;
    model_consumer_init(&c, &w->m, -1);
    leat_batch b;
    leat_batch_init(&b, 20, 1 << 20);
    world_open(w);
    for (uint64_t tx = 1; tx <= 200; tx++) {
        world_write(w, tx, 7);
        leat_reader_conf conf = {0};
        if (tx > 1)
            conf = (leat_reader_conf){.from = LEAT_FROM_CURSOR, .cursor = leat_str_of(cursor)};
        leat_reader *r = world_reader(w, conf);
        if (leat_reader_next(r, &b, 0, &w->e) == LEAT_OK && tx % 3 != 0) model_consume(&c, &b);
        leat_str now = leat_reader_cursor(r);
        if (tx % 3 != 0) snprintf(cursor, sizeof(cursor), "%.*s", (int)now.len, now.s);
        if (tx == 1) snprintf(cursor, sizeof(cursor), "%.*s", (int)now.len, now.s);
        leat_reader_close(r);
    }
    leat_reader *r = world_reader(
        w, (leat_reader_conf){.from = LEAT_FROM_CURSOR, .cursor = leat_str_of(cursor)});
    assert_int_equal(model_drain(&c, r, &w->e), LEAT_AGAIN);
    assert_int_equal(c.events, model_events(&w->m, 200));
    leat_reader_close(r);
    leat_batch_free(&b);
}

static void expect_open(world *w, leat_reader_conf conf, leat_rc want, const char *code)
{
    leat_reader *r = NULL;
    conf.data = w->data;
    conf.connector = "shop";
    leat_rc rc = leat_reader_open(&conf, &r, &w->e);
    if (rc == LEAT_OK) {
        rc = leat_reader_next(r, &w->b, 0, &w->e);
        leat_reader_close(r);
    }
    if (rc != want) print_message("%s: %s\n", w->e.code, w->e.msg);
    assert_int_equal(rc, want);
    if (leat_rc_failed(rc)) assert_string_equal(w->e.code, code);
}

static void test_cursors_of_other_streams(void **state)
{
    world *w = *state;
    static const char *const bad[] = {"",
                                      "1",
                                      "1:2:3",
                                      "a:b:c:d",
                                      "1:2:3:4",
                                      "1:-5:3:00000000",
                                      "1:2:3:00000000:5",
                                      "1:2:3:0000000g"};
    leat_reader_conf conf = {.from = LEAT_FROM_CURSOR};
    expect_open(w, conf, LEAT_RETRY, "stream.missing");
    world_open(w);
    world_write(w, 50, 10);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        conf.cursor = leat_str_of(bad[i]);
        expect_open(w, conf, LEAT_CONF, "stream.cursor");
    }
    conf.cursor = LEAT_STR("9:100:99999:12345678"); /* behind the end */
    expect_open(w, conf, LEAT_CONF, "stream.cursor");
    conf.cursor = LEAT_STR("0:0:0:00000000"); /* of a stream in which nothing was yet */
    expect_open(w, conf, LEAT_OK, "");
    leat_reader *r = world_reader(w, (leat_reader_conf){.from = LEAT_FROM_END});
    char cursor[100];
    snprintf(cursor, sizeof(cursor), "%s", leat_reader_cursor(r).s);
    leat_reader_close(r);
    conf.cursor = leat_str_of(cursor);
    expect_open(w, conf, LEAT_AGAIN, "");
}

/* The place where a segment begins, as a reader that has just moved there stores it. */
static void cursor_at_opening(world *w, uint64_t segment, uint32_t spoil, char cursor[100])
{
    char path[256];
    leat_buf bytes = {0};
    leat_frame f;
    size_t need;
    const char *why;
    world_path(w, segment, path);
    assert_int_equal(leat_os_load(path, &bytes, 1 << 20), 0);
    assert_int_equal(leat_frame_read(leat_buf_str(&bytes), &f, &need, &why), LEAT_SEEN_FRAME);
    snprintf(cursor, 100, "%d:0:%d:%08x", (int)segment, (int)f.number - 1, f.prev ^ spoil);
    leat_buf_free(&bytes);
}

/* Right after a segment was begun, a reader that must do without a counters page knows the mark too
 * low: a cursor at that segment's beginning lies behind it, and is of this stream all the same. */
static void test_cursor_at_a_new_segment(void **state)
{
    world *w = *state;
    char cursor[100];
    leat_reader_conf conf = {.from = LEAT_FROM_CURSOR};
    w->conf.segment_bytes = 4096;
    w->conf.frame_bytes = 300;
    w->no_page = true;
    world_open(w);
    uint64_t segment = 1, tx = 1;
    for (; segment < 4; tx++) {
        world_write(w, tx, 7);
        if (world_segments(w) == segment) continue;
        segment = world_segments(w);
        cursor_at_opening(w, segment, 0, cursor);
        conf.cursor = leat_str_of(cursor);
        expect_open(w, conf, LEAT_AGAIN, "");
        cursor_at_opening(w, segment, 1, cursor);
        expect_open(w, conf, LEAT_CONF, "stream.cursor");
    }
}

/* ---- what is gone ---- */

static void test_removed_segments_are_a_gap(void **state)
{
    world *w = *state;
    char path[256];
    const char *names[] = {model_topic(0), NULL};
    leat_arena a = {0};
    leat_topic *list;
    uint64_t n;
    w->conf.segment_bytes = 4096;
    w->conf.frame_bytes = 300;
    leat_batch_free(&w->b);
    leat_batch_init(&w->b, 10, 1 << 20);
    world_open(w);
    world_write(w, 50, 10);
    leat_reader *slow = world_reader(w, (leat_reader_conf){0});
    assert_int_equal(leat_reader_next(slow, &w->b, 0, &w->e), LEAT_OK);
    char cursor[100];
    snprintf(cursor, sizeof(cursor), "%s", leat_reader_cursor(slow).s);
    world_write(w, 300, 10);
    for (uint64_t i = 1; i <= 4; i++) {
        world_path(w, i, path);
        unlink(path);
    }
    model_place at = first_of(w, (leat_reader_conf){0}, &n);
    assert_true(at.tx > 1 && n < model_events(&w->m, 300));
    assert_int_equal(leat_topics_list(w->data, &a, &list, &w->e), LEAT_OK);
    int64_t first = 0;
    for (; list != NULL; list = list->link)
        if (strcmp(list->name, names[0]) == 0) first = list->first;
    assert_true(first > 0);
    leat_reader_conf conf = {.topics = names, .from = LEAT_FROM_OFFSET, .offset = first - 1};
    expect_open(w, conf, LEAT_CONF, "stream.gap");
    conf.offset = first;
    expect_open(w, conf, LEAT_OK, "");
    conf = (leat_reader_conf){.from = LEAT_FROM_CURSOR, .cursor = leat_str_of(cursor)};
    expect_open(w, conf, LEAT_CONF, "stream.gap");
    leat_rc rc;
    while ((rc = leat_reader_next(slow, &w->b, 0, &w->e)) == LEAT_OK) continue;
    assert_int_equal(rc, LEAT_CONF);
    assert_string_equal(w->e.code, "stream.gap");
    leat_reader_close(slow);
    world_close(w);
    world_open(w); /* the writer does not mind */
    model_check_state(&w->m, w->s->ops->state(w->s), 300);
    leat_arena_free(&a);
}

static void test_cursor_at_the_end_of_a_removed_segment(void **state)
{
    world *w = *state;
    char path[256], cursor[100] = "";
    w->conf.segment_bytes = 4096;
    w->conf.frame_bytes = 300;
    world_open(w);
    world_write(w, 100, 10);
    leat_reader *r = world_reader(w, (leat_reader_conf){0});
    leat_batch_free(&w->b);
    leat_batch_init(&w->b, 1, 1 << 20);
    uint64_t seen = 0;
    while (leat_reader_next(r, &w->b, 0, &w->e) == LEAT_OK) { /* to the last frame of segment 1 */
        leat_str rest = leat_reader_cursor(r), segment = leat_str_cut(&rest, ':');
        if (!leat_str_is(segment, "1")) break;
        snprintf(cursor, sizeof(cursor), "%s", leat_reader_cursor(r).s);
        seen = w->b.ev[w->b.n - 1].tx;
    }
    leat_reader_close(r);
    world_path(w, 1, path);
    unlink(path);
    leat_reader_conf conf = {.from = LEAT_FROM_CURSOR, .cursor = leat_str_of(cursor)};
    expect_open(w, conf, LEAT_OK, "");
    assert_true(w->b.ev[0].tx >= seen && w->b.ev[0].tx <= seen + 2);
}

/* ---- locks ---- */

static void test_one_writer(void **state)
{
    world *w = *state;
    leat_stream *second = NULL;
    char pid[32];
    world_open(w);
    assert_int_equal(leat_embedded_open(&w->conf, &second, &w->e), LEAT_CONF);
    assert_string_equal(w->e.code, "stream.locked");
    snprintf(pid, sizeof(pid), "pid %d", (int)getpid());
    assert_non_null(strstr(w->e.msg, pid));
    world_close(w);
    world_open(w);
}

static void test_names_that_are_no_folders(void **state)
{
    world *w = *state;
    static const char *const names[] = {"", ".", "..", "a/b", "a\nb"};
    for (unsigned i = 0; i < 5; i++) {
        w->conf.connector = names[i];
        assert_int_equal(leat_embedded_open(&w->conf, &w->s, &w->e), LEAT_CONF);
        assert_string_equal(w->e.code, "stream.name");
    }
}

/* ---- what fails ---- */

static void test_failed_writes_leave_no_trace(void **state)
{
    world *w = *state;
    char spec[64];
    w->conf.frame_bytes = 200;
    w->conf.segment_bytes = 3000;
    world_open(w);
    uint64_t tx = 0;
    for (unsigned i = 0; i < 60; i++) {
        snprintf(spec, sizeof(spec), "stream_%s:%u:ENOSPC", i % 5 == 4 ? "segment" : "append",
                 1 + i % 7);
        assert_true(leat_fault_set(spec));
        for (unsigned k = 0; k < 10; k++) {
            leat_rc rc = world_append(w, 9);
            if (rc == LEAT_OK) rc = w->s->ops->commit(w->s, &w->e);
            if (rc != LEAT_OK) assert_string_equal(w->e.code, "os.enospc");
        }
        leat_fault_set(NULL);
        world_commit(w);
        uint64_t reached = model_reached(w->s->ops->state(w->s));
        assert_true(reached >= tx);
        tx = reached;
        model_check_state(&w->m, w->s->ops->state(w->s), tx);
        world_expect(w, tx);
    }
    assert_true(tx > 300);
    world_close(w);
    world_expect(w, tx);
}

/* That a transaction has ended is told by the batch with the first events of the next one: what was
 * drafted of it stays as it is, whichever write of that batch fails. */
static void test_a_failed_batch_leaves_the_tail_before_it(void **state)
{
    world *w = *state;
    char spec[64], offset[48];
    unsigned failed = 0;
    w->conf.frame_bytes = 400;
    w->conf.segment_bytes = 30000;
    world_open(w);
    for (unsigned i = 0; i < 100; i++) {
        uint64_t tx = w->at.tx;
        while (model_size(&w->m, tx) != 1 || model_size(&w->m, tx + 1) < 10) tx++;
        world_write(w, tx - 1, 10);
        leat_batch_reset(&w->b);
        model_read(&w->m, &w->at, 1, &w->b);
        w->b.nsafe = 0;
        w->b.safe = (leat_position){0};
        w->b.safe_counts = (leat_counts){0};
        assert_int_equal(w->s->ops->append(w->s, &w->b, (leat_str){0}, &w->e), LEAT_OK);
        leat_batch_reset(&w->b);
        snprintf(offset, sizeof(offset), "{\"n\":%" PRIu64 "}", tx);
        leat_batch_safe(&w->b,
                        (leat_position){LEAT_STR("{\"server\":\"shop\"}"), leat_str_of(offset)});
        model_read(&w->m, &w->at, 2 + i % 7, &w->b);
        assert_int_equal(w->b.nsafe, 0);
        snprintf(spec, sizeof(spec), "stream_append:%u:ENOSPC", 1 + i % 3);
        assert_true(leat_fault_set(spec));
        leat_rc rc = w->s->ops->append(w->s, &w->b, (leat_str){0}, &w->e);
        leat_fault_set(NULL);
        failed += rc != LEAT_OK;
        if (rc != LEAT_OK) rc = w->s->ops->append(w->s, &w->b, (leat_str){0}, &w->e);
        assert_int_equal(rc, LEAT_OK);
        world_commit(w);
        model_check_state(&w->m, w->s->ops->state(w->s), tx);
        world_expect(w, tx);
    }
    assert_true(failed > 10);
}

static void test_a_failed_sync_is_final(void **state)
{
    world *w = *state;
    world_open(w);
    world_write(w, 10, 5);
    assert_int_equal(world_append(w, 20), LEAT_OK);
    assert_true(leat_fault_set("stream_sync:1:EIO"));
    assert_int_equal(w->s->ops->commit(w->s, &w->e), LEAT_FATAL);
    assert_string_equal(w->e.code, "stream.sync_failed");
    leat_fault_set(NULL);
    assert_int_equal(w->s->ops->commit(w->s, &w->e), LEAT_FATAL);
    assert_int_equal(world_append(w, 5), LEAT_FATAL);
    assert_int_equal(w->s->ops->rollback(w->s, &w->e), LEAT_FATAL);
    model_check_state(&w->m, w->s->ops->state(w->s), 10);
    world_close(w);
    world_open(w);
    uint64_t tx = model_reached(w->s->ops->state(w->s));
    assert_true(tx >= 10);
    world_expect(w, tx);
}

static void test_the_reserve_is_freed_first(void **state)
{
    world *w = *state;
    char path[256];
    w->conf.reserve_bytes = 65536;
    world_open(w);
    snprintf(path, sizeof(path), "%s/connectors/shop/stream/reserve", w->data);
    assert_int_equal(access(path, F_OK), 0);
    world_write(w, 5, 5);
    world_close(w);
    assert_int_equal(access(path, F_OK), 0);
    world_expect(w, 5);
}

/* ---- table versions ---- */

/* Versions come and go over many segments; each segment can be read alone. */
static void test_each_segment_defines_its_tables(void **state)
{
    world *w = *state;
    char path[256];
    w->conf.segment_bytes = 4096;
    w->conf.frame_bytes = 300;
    world_open(w);
    for (uint64_t tx = 100; tx <= 600; tx += 100) {
        world_write(w, tx, 9);
        world_close(w);
        world_open(w);
    }
    uint64_t n = world_segments(w);
    assert_true(n > 20);
    for (uint64_t i = 1; i < n; i++) {
        world_path(w, i, path);
        unlink(path);
        leat_reader *r = world_reader(w, (leat_reader_conf){.verify = true});
        leat_rc rc;
        while ((rc = leat_reader_next(r, &w->b, 0, &w->e)) == LEAT_OK)
            for (uint32_t k = 0; k < w->b.n; k++) {
                const leat_event *ev = &w->b.ev[k];
                model_consumer c = {.m = &w->m, .only = -1, .at = {ev->tx, ev->tx_seq - 1}};
                leat_batch one = {.ev = &w->b.ev[k], .n = 1};
                c.next[model_topic_of(&w->m, ev->tx, ev->tx_seq - 1)] = ev->offset;
                model_consume(&c, &one);
            }
        if (rc != LEAT_AGAIN) fail_msg("%s: %s", w->e.code, w->e.msg);
        leat_reader_close(r);
    }
}

/* ---- the last transactions ---- */

static void test_last_transactions_are_known(void **state)
{
    world *w = *state;
    w->conf.segment_bytes = 4096;
    w->conf.frame_bytes = 300;
    world_open(w);
    for (uint64_t tx = 50; tx <= 250; tx += 50) {
        world_write(w, tx, 9);
        const leat_stream_state *st = w->s->ops->state(w->s);
        bool seen[251] = {0};
        for (size_t i = 0; i < st->ntxs; i++) {
            assert_true(st->txs[i] <= tx);
            seen[st->txs[i]] = true;
        }
        for (uint64_t t = 1; t <= tx; t++) assert_int_equal(seen[t], model_size(&w->m, t) > 0);
        world_close(w);
        world_open(w);
        const leat_stream_state *again = w->s->ops->state(w->s);
        size_t n = 0;
        for (uint64_t t = 1; t <= tx; t++) n += seen[t];
        assert_int_equal(again->ntxs, n);
        for (size_t i = 0; i < again->ntxs; i++) assert_true(seen[again->txs[i]]);
    }
}

/* ---- what the disk still has of another stream ---- */

/* A stream that was made anew, up to transaction tx (0: only begun), and behind its last frame what
 * an earlier one had in its only segment. */
static leat_rc open_before_old_frames(world *w, leat_str old, uint64_t first, uint64_t tx)
{
    char path[256];
    w->conf.first = first;
    w->at = (model_place){1, 0};
    world_path(w, first > 0 ? first : 1, path);
    if (tx > 0) {
        world_open(w);
        world_write(w, tx, 10);
        world_close(w);
    }
    int fd = leat_os_now()->open(path, LEAT_O_READ | LEAT_O_WRITE | LEAT_O_CREATE, 0600);
    assert_int_equal(leat_os_write_all(fd, old.s, old.len, leat_os_now()->size(fd)), 0);
    leat_os_now()->close(fd);
    leat_rc rc = leat_embedded_open(&w->conf, &w->s, &w->e);
    if (rc == LEAT_OK) {
        model_check_state(&w->m, w->s->ops->state(w->s), tx);
        world_close(w);
    }
    uint64_t n = world_segments(w);
    do world_path(w, n--, path);
    while (unlink(path) == 0);
    return rc;
}

/* Frames name the last one that had been promised. If those of another stream count, one whose
 * numbers begin anew is called damaged; one that goes on behind them is not. */
static void test_frames_of_an_earlier_stream(void **state)
{
    world *w = *state;
    char path[256];
    leat_buf old = {0};
    w->no_page = true;
    world_open(w);
    world_write(w, 200, 10);
    uint64_t frame = w->s->ops->state(w->s)->frame;
    world_close(w);
    world_path(w, 1, path);
    assert_int_equal(leat_os_load(path, &old, 16 << 20), 0);
    unlink(path);
    assert_int_equal(open_before_old_frames(w, leat_buf_str(&old), 0, 20), LEAT_FATAL);
    assert_string_equal(w->e.code, "stream.damaged");
    assert_int_equal(open_before_old_frames(w, leat_buf_str(&old), frame + 1, 20), LEAT_OK);
    leat_str behind = {old.p + 1, old.len - 1}; /* not its first frame: there is none of ours */
    assert_int_equal(open_before_old_frames(w, behind, 0, 0), LEAT_FATAL);
    assert_int_equal(open_before_old_frames(w, behind, frame + 1, 0), LEAT_OK);
    leat_buf_free(&old);
}

/* Its own frames do count, and what is missing of its segments is missing. */
static void test_a_stream_that_begins_elsewhere(void **state)
{
    world *w = *state;
    char path[256];
    w->no_page = true;
    w->conf.first = 1000000;
    w->conf.segment_bytes = 4096;
    w->conf.frame_bytes = 300;
    world_open(w);
    world_write(w, 100, 10);
    assert_true(w->s->ops->state(w->s)->frame > 1000000);
    world_close(w);
    world_open(w);
    model_check_state(&w->m, w->s->ops->state(w->s), 100);
    world_write(w, 110, 10);
    world_close(w);
    world_expect(w, 110);
    uint64_t last = world_segments(w);
    assert_true(last > 1000002);
    world_flip(w, last, 60);
    assert_int_equal(leat_embedded_open(&w->conf, &w->s, &w->e), LEAT_FATAL);
    assert_string_equal(w->e.code, "stream.damaged");
    world_flip(w, last, 60);
    world_path(w, last - 1, path);
    unlink(path);
    assert_int_equal(leat_embedded_open(&w->conf, &w->s, &w->e), LEAT_FATAL);
    assert_string_equal(w->e.code, "stream.damaged");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(round_trips),
        TEST(many_transactions_share_a_frame),
        TEST(positions_move_without_events),
        TEST(positions_are_edited),
        TEST(an_edit_that_fails),
        TEST(several_partitions),
        TEST(progress_makes_a_batch_safe),
        TEST(open_transactions_are_not_seen),
        TEST(giant_transaction_over_segments),
        TEST(rollback_forgets_the_open_transaction),
        TEST(one_topic_of_many),
        TEST(list_of_topics),
        TEST(topics_have_one_writer),
        TEST(begin_at_offset_time_end),
        TEST(cursors_go_on_where_they_were),
        TEST(cursors_of_other_streams),
        TEST(removed_segments_are_a_gap),
        TEST(cursor_at_the_end_of_a_removed_segment),
        TEST(cursor_at_a_new_segment),
        TEST(one_writer),
        TEST(names_that_are_no_folders),
        TEST(failed_writes_leave_no_trace),
        TEST(a_failed_batch_leaves_the_tail_before_it),
        TEST(a_failed_sync_is_final),
        TEST(the_reserve_is_freed_first),
        TEST(each_segment_defines_its_tables),
        TEST(last_transactions_are_known),
        TEST(frames_of_an_earlier_stream),
        TEST(a_stream_that_begins_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
