/* stream/frame: heads and metas come back as they went; every change of a byte is found. */
#include "../test.h"

#include <stdlib.h>

#include "stream/frame.h"

/* A DATA frame with all there can be in its meta. */
static leat_frame make(leat_buf *out, leat_arena *a, uint16_t flags, const char *body)
{
    static const leat_frame_table tables[] = {{1, 36}, {7, 100000}};
    static const uint64_t txs[] = {5, 1000000, 3, UINT64_MAX};
    static const leat_position pos[] = {{{"p", 1}, {"{\"lsn\":1}", 9}}, {{"", 0}, {"", 0}}};
    leat_frame_topic topics[] = {{LEAT_STR("a"), 0, 1, -5, 5},
                                 {LEAT_STR("b.c"), 1000, 0, INT64_MIN, INT64_MAX}};
    leat_frame f = {.type = LEAT_FRAME_DATA, .flags = flags, .number = 1000, .prev = 0xdeadbeef};
    leat_frame_data d = {
        .mark = 990,
        .open = 999,
        .events = 1,
        .raw_len = (uint32_t)strlen(body),
        .tables = tables,
        .ntables = 2,
        .topics = leat_arena_dup(a, topics, sizeof(topics)),
        .ntopics = 2,
        .txs = txs,
        .ntxs = 4,
        .reach = {pos, 2, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 77, LEAT_STR("{\"chunks\":[]}")},
    };
    leat_buf_room(out, LEAT_FRAME_HEAD);
    out->len += LEAT_FRAME_HEAD;
    leat_frame_put_data(out, &f, &d);
    f.meta_len = (uint32_t)out->len - LEAT_FRAME_HEAD;
    leat_buf_str_z(out, body);
    f.body_len = (uint32_t)strlen(body);
    leat_frame_seal(out->p, &f);
    return f;
}

static void test_data_comes_back(void **state)
{
    (void)state;
    leat_buf out = {0};
    leat_arena a = {0};
    leat_frame f, made = make(&out, &a, LEAT_FRAME_END | LEAT_FRAME_PROGRESS, "body");
    leat_frame_data d;
    size_t need;
    const char *why;
    assert_int_equal(leat_frame_read(leat_buf_str(&out), &f, &need, &why), LEAT_SEEN_FRAME);
    assert_true(f.number == made.number && f.crc == made.crc && f.body_crc == made.body_crc);
    assert_true(f.flags == made.flags && f.prev == 0xdeadbeef);
    assert_int_equal(leat_frame_size(&f), out.len);
    leat_str meta = {out.p + LEAT_FRAME_HEAD, f.meta_len};
    assert_int_equal(leat_frame_mark(meta, &f), 990);
    assert_true(leat_frame_get_data(meta, &f, true, &a, &d));
    assert_int_equal(d.mark, 990);
    assert_int_equal(d.open, 999);
    assert_int_equal(d.ntables, 2);
    assert_int_equal(d.tables[1].number, 7);
    assert_int_equal(d.tables[1].offset, 100000);
    assert_int_equal(d.ntopics, 2);
    assert_true(leat_str_is(d.topics[1].name, "b.c"));
    assert_int_equal(d.topics[1].first, 1000);
    assert_true(d.topics[1].min_us == INT64_MIN && d.topics[1].max_us == INT64_MAX);
    assert_int_equal(d.ntxs, 4);
    assert_true(d.txs[2] == 3 && d.txs[3] == UINT64_MAX);
    assert_int_equal(d.reach.npos, 2);
    assert_true(leat_str_is(d.reach.pos[0].offset, "{\"lsn\":1}"));
    assert_int_equal(d.reach.totals.rows_dead, 10);
    assert_int_equal(d.reach.visible, 77);
    assert_true(leat_str_is(d.reach.progress, "{\"chunks\":[]}"));
    leat_arena_free(&a);
    leat_buf_free(&out);
}

static void test_reader_part_alone(void **state)
{
    (void)state;
    leat_buf out = {0};
    leat_arena a = {0};
    leat_frame f = make(&out, &a, 0, "x");
    leat_frame_data d;
    leat_str meta = {out.p + LEAT_FRAME_HEAD, f.meta_len};
    assert_true(leat_frame_get_data(meta, &f, false, &a, &d));
    assert_int_equal(d.ntopics, 2);
    assert_int_equal(d.ntxs, 0);
    assert_null(d.reach.progress.s);
    leat_arena_free(&a);
    leat_buf_free(&out);
}

static void test_segment_comes_back(void **state)
{
    (void)state;
    leat_buf out = {0}, body = {0};
    leat_arena a = {0};
    uint64_t many[300];
    for (size_t i = 0; i < 300; i++) many[i] = i * i * 977;
    leat_frame_next topics[] = {{LEAT_STR("t1"), 12}, {LEAT_STR("t2"), 0}};
    leat_frame f = {.type = LEAT_FRAME_SEGMENT, .number = 1};
    leat_frame_segment back, s = {
                                 .segment = 3,
                                 .connector = LEAT_STR("orders"),
                                 .created_us = -1,
                                 .next_table = 9,
                                 .last_us = INT64_MIN,
                                 .topics = topics,
                                 .ntopics = 2,
                             };
    leat_frame_put_segment(&out, &f, &s);
    assert_true(leat_frame_get_segment(leat_buf_str(&out), &f, &a, &back));
    assert_int_equal(back.segment, 3);
    assert_true(leat_str_is(back.connector, "orders"));
    assert_int_equal(back.created_us, -1);
    assert_true(back.last_us == INT64_MIN);
    assert_int_equal(back.mark, 0);
    assert_int_equal(back.next_table, 9);
    assert_int_equal(back.ntopics, 2);
    assert_int_equal(back.topics[0].next, 12);
    assert_int_equal(leat_frame_mark(leat_buf_str(&out), &f), 0);

    const uint64_t *txs;
    uint32_t n;
    leat_frame_put_txs(&body, many, 300);
    assert_true(leat_frame_get_txs(leat_buf_str(&body), &a, &txs, &n));
    assert_int_equal(n, 300);
    assert_memory_equal(txs, many, sizeof(many));

    out.len = 0;
    uint32_t number;
    uint64_t fingerprint;
    leat_frame_put_table(&out, 5, 0x0123456789abcdef);
    assert_true(leat_frame_get_table(leat_buf_str(&out), &number, &fingerprint));
    assert_true(number == 5 && fingerprint == 0x0123456789abcdef);
    leat_arena_free(&a);
    leat_buf_free(&out);
    leat_buf_free(&body);
}

/* The frame in bytes is what was made, with its body. */
static bool intact(leat_str bytes, const leat_frame *made)
{
    leat_frame f;
    size_t need;
    const char *why;
    if (leat_frame_read(bytes, &f, &need, &why) != LEAT_SEEN_FRAME) return false;
    if (leat_frame_size(&f) != bytes.len) return false;
    const char *body = bytes.s + LEAT_FRAME_HEAD + f.meta_len;
    return leat_crc32c(0, body, f.body_len) == f.body_crc && f.crc == made->crc;
}

static void test_each_changed_bit_is_found(void **state)
{
    (void)state;
    leat_buf out = {0};
    leat_arena a = {0};
    leat_frame made = make(&out, &a, LEAT_FRAME_END | LEAT_FRAME_PROGRESS, "some body");
    assert_true(intact(leat_buf_str(&out), &made));
    for (size_t i = 0; i < out.len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            out.p[i] = (char)(out.p[i] ^ (1 << bit));
            assert_false(intact(leat_buf_str(&out), &made));
            out.p[i] = (char)(out.p[i] ^ (1 << bit));
        }
    leat_arena_free(&a);
    leat_buf_free(&out);
}

static void test_cut_frames_are_short_or_blank(void **state)
{
    (void)state;
    leat_buf out = {0};
    leat_arena a = {0};
    leat_frame f, made = make(&out, &a, 0, "body");
    size_t need, head = LEAT_FRAME_HEAD + made.meta_len;
    const char *why;
    for (size_t n = 0; n < head; n++) {
        char *exact = malloc(n + 1); /* so that a byte too many is seen by the sanitizer */
        memcpy(exact, out.p, n);
        leat_seen seen = leat_frame_read((leat_str){exact, n}, &f, &need, &why);
        assert_int_equal(seen, LEAT_SEEN_SHORT);
        assert_int_equal(need, n < LEAT_FRAME_HEAD ? LEAT_FRAME_HEAD : head);
        free(exact);
    }
    memset(out.p, 0, out.len);
    assert_int_equal(leat_frame_read(leat_buf_str(&out), &f, &need, &why), LEAT_SEEN_BLANK);
    out.p[20] = 1;
    assert_int_equal(leat_frame_read(leat_buf_str(&out), &f, &need, &why), LEAT_SEEN_BAD);
    leat_arena_free(&a);
    leat_buf_free(&out);
}

static void test_foreign_formats(void **state)
{
    (void)state;
    leat_buf out = {0};
    leat_arena a = {0};
    make(&out, &a, 0, "body");
    assert_false(leat_frame_foreign(leat_buf_str(&out)));
    out.p[3] = LEAT_FRAME_VERSION;
    assert_false(leat_frame_foreign(leat_buf_str(&out)));
    out.p[3]++;
    assert_true(leat_frame_foreign(leat_buf_str(&out)));
    out.p[3] = 1;
    out.p[5]++;
    assert_true(leat_frame_foreign(leat_buf_str(&out)));
    out.p[0]++;
    assert_false(leat_frame_foreign(leat_buf_str(&out)));
    leat_arena_free(&a);
    leat_buf_free(&out);
}

static void test_bad_metas_are_refused(void **state)
{
    (void)state;
    leat_buf out = {0};
    leat_arena a = {0};
    leat_frame f = make(&out, &a, LEAT_FRAME_END, "x");
    leat_frame_data d;
    leat_str meta = {out.p + LEAT_FRAME_HEAD, f.meta_len};
    for (size_t n = 0; n < meta.len; n++) /* cut anywhere */
        assert_false(leat_frame_get_data((leat_str){meta.s, n}, &f, true, &a, &d));
    leat_str longer = {meta.s, meta.len + 1};
    assert_false(leat_frame_get_data(longer, &f, true, &a, &d));
    leat_frame early = f;
    early.number = 5; /* its mark would stand before the first frame */
    assert_false(leat_frame_get_data(meta, &early, true, &a, &d));
    char huge[] = "\x01\x01\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f"; /* a count of tables */
    assert_false(leat_frame_get_data((leat_str){huge, sizeof(huge) - 1}, &f, true, &a, &d));
    leat_arena_free(&a);
    leat_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_comes_back),
        cmocka_unit_test(test_reader_part_alone),
        cmocka_unit_test(test_segment_comes_back),
        cmocka_unit_test(test_each_changed_bit_is_found),
        cmocka_unit_test(test_cut_frames_are_short_or_blank),
        cmocka_unit_test(test_foreign_formats),
        cmocka_unit_test(test_bad_metas_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
