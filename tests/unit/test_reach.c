/* The small parts of the stream: maps, names, rings, positions, table numbers. */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>

#include "sample.h"
#include "stream/draft.h"
#include "stream/names.h"
#include "stream/reach.h"
#include "stream/registry.h"

static void test_maps(void **state)
{
    (void)state;
    leat_map m = {0};
    assert_int_equal(leat_map_get(&m, 7), LEAT_MAP_NONE);
    for (uint32_t i = 0; i < 5000; i++) leat_map_put(&m, (uint64_t)i << 32, i);
    for (uint32_t i = 0; i < 5000; i += 2) leat_map_put(&m, (uint64_t)i << 32, i + 1);
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(leat_map_get(&m, (uint64_t)i << 32), i % 2 ? i : i + 1);
    assert_int_equal(m.n, 5000);
    assert_int_equal(leat_map_get(&m, 5), LEAT_MAP_NONE);
    leat_map_clear(&m);
    assert_int_equal(leat_map_get(&m, 0), LEAT_MAP_NONE);
    leat_map_free(&m);
}

static void test_names(void **state)
{
    (void)state;
    leat_names s = {0};
    char name[32];
    for (uint32_t i = 0; i < 1000; i++) {
        int n = snprintf(name, sizeof(name), "topic-%u", i);
        assert_int_equal(leat_names_put(&s, (leat_str){name, (size_t)n}), i);
        assert_int_equal(leat_names_put(&s, (leat_str){name, (size_t)n}), i);
    }
    assert_int_equal(leat_names_find(&s, LEAT_STR("topic-77")), 77);
    assert_int_equal(leat_names_find(&s, LEAT_STR("topic-")), LEAT_MAP_NONE);
    assert_string_equal(s.v[999].name.s, "topic-999");
    /* two names of one hash: the second is found by its link */
    leat_map_put(&s.map, leat_str_hash(LEAT_STR("other")), 5);
    uint32_t other = leat_names_put(&s, LEAT_STR("other"));
    assert_int_equal(other, 1000);
    assert_int_equal(s.v[other].link, 5 + 1);
    assert_int_equal(leat_names_find(&s, LEAT_STR("other")), 1000);
    leat_names_free(&s);
}

static void test_rings(void **state)
{
    (void)state;
    leat_ring r = {0};
    leat_arena a = {0};
    size_t n;
    for (uint64_t tx = 1; tx <= 1000; tx++) leat_ring_add(&r, tx);
    const uint64_t *list = leat_ring_list(&r, 10, &a, &n);
    assert_int_equal(n, 990);
    assert_true(list[0] == 1 && list[989] == 990);
    for (uint64_t tx = 1001; tx <= LEAT_RING + 500; tx++) leat_ring_add(&r, tx);
    assert_int_equal(r.n, LEAT_RING);
    list = leat_ring_list(&r, 0, &a, &n);
    assert_int_equal(n, LEAT_RING);
    for (size_t i = 0; i < n; i++) assert_true(list[i] == 501 + i);
    size_t at = r.at;
    for (uint64_t tx = 0; tx < 100; tx++) leat_ring_add(&r, 900000 + tx);
    r.at = at; /* back */
    for (uint64_t tx = 0; tx < 100; tx++) leat_ring_add(&r, LEAT_RING + 501 + tx);
    list = leat_ring_list(&r, 0, &a, &n);
    for (size_t i = 0; i < n; i++) assert_true(list[i] == 601 + i);
    leat_ring_list(&r, LEAT_RING + 1, &a, &n);
    assert_int_equal(n, 0);
    leat_ring_free(&r);
    leat_arena_free(&a);
}

static leat_position pos(const char *partition, const char *offset)
{
    return (leat_position){leat_str_of(partition), leat_str_of(offset)};
}

static void test_reaches(void **state)
{
    (void)state;
    leat_reach r, copy;
    leat_arena a = {0};
    leat_reach_init(&r);
    leat_reach_init(&copy);
    leat_reach_move(&r, pos("a", "1"));
    leat_reach_move(&r, pos("b", "10"));
    leat_reach_settled(&r);
    assert_int_equal(leat_reach_give(&r, true, &a).npos, 0);
    leat_reach_move(&r, pos("b", "11"));
    leat_frame_reach some = leat_reach_give(&r, true, &a);
    assert_int_equal(some.npos, 1);
    assert_true(leat_str_is(some.pos[0].offset, "11"));
    assert_null(some.progress.s);
    leat_reach_progress(&r, LEAT_STR(""));
    assert_non_null(leat_reach_give(&r, true, &a).progress.s); /* empty is not absent */
    leat_reach_copy(&copy, &r);
    leat_reach_move(&r, pos("c", "x"));
    leat_reach_move(&r, pos("a", "2"));
    assert_int_equal(r.npos, 3);
    leat_reach_copy(&r, &copy);
    assert_int_equal(r.npos, 2);
    assert_true(leat_str_is(r.pos[0].offset, "1"));
    leat_reach_settled(&r);
    leat_reach_unsettled(&r);
    assert_int_equal(leat_reach_give(&r, true, &a).npos, 2);
    leat_reach_free(&r);
    leat_reach_free(&copy);
    leat_arena_free(&a);
}

static void test_registries(void **state)
{
    (void)state;
    leat_registry g;
    leat_registry_init(&g);
    for (uint64_t f = 100; f < 110; f++) {
        uint32_t row = leat_registry_add(&g, f);
        assert_int_equal(g.rows[row].number, f - 99);
        g.rows[row].segment = g.rows[row].used = 1 + f % 2;
        g.rows[row].offset = (int64_t)f;
    }
    leat_table *t = sample_customers(sample_origin(), 0);
    leat_table_seal(t);
    g.rows[0].table = leat_table_pin(t);
    leat_registry_cut(&g, 2, 105);
    assert_int_equal(g.rows[leat_registry_find(&g, 103)].segment, 2);
    assert_int_equal(g.rows[leat_registry_find(&g, 105)].segment, 0);
    assert_int_equal(g.rows[leat_registry_find(&g, 108)].segment, 1);
    leat_registry_purge(&g, 2);
    assert_int_equal(g.n, 5);
    assert_int_equal(leat_registry_find(&g, 100), LEAT_MAP_NONE);
    assert_int_equal(g.rows[leat_registry_find(&g, 109)].number, 10);
    leat_registry_defined(&g, 500, 40, 3, 7); /* as recovery finds it */
    assert_int_equal(g.rows[leat_registry_add(&g, 501)].number, 41);
    assert_int_equal(t->refs, 1);
    leat_registry_free(&g);
    leat_table_unpin(t);
}

static void test_drafts(void **state)
{
    (void)state;
    leat_draft d = {0};
    leat_names names = {0};
    leat_registry g;
    leat_registry_init(&g);
    leat_draft_clear(&d);
    uint32_t x = leat_names_put(&names, LEAT_STR("x")), y = leat_names_put(&names, LEAT_STR("y"));
    uint32_t row = leat_registry_add(&g, 1);
    leat_draft_topic(&d, &names, x)->records = 5;
    leat_draft_save(&d);
    leat_draft_topic(&d, &names, x)->records = 9;
    leat_draft_topic(&d, &names, y)->records = 2;
    leat_draft_row(&d, &g, row);
    leat_draft_row(&d, &g, row);
    leat_draft_tx(&d, 77);
    leat_buf_str_z(&d.raw, "bytes");
    assert_true(d.ntopics == 2 && d.nrows == 1 && d.ntxs == 1);
    leat_draft_restore(&d, &names, &g);
    assert_true(d.ntopics == 1 && d.nrows == 0 && d.ntxs == 0 && d.raw.len == 0);
    assert_int_equal(leat_draft_topic(&d, &names, x)->records, 5);
    assert_int_equal(leat_draft_topic(&d, &names, y)->records, 0);
    assert_int_equal(d.ntopics, 2);
    leat_draft_free(&d);
    leat_names_free(&names);
    leat_registry_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_maps),       cmocka_unit_test(test_names),
        cmocka_unit_test(test_rings),      cmocka_unit_test(test_reaches),
        cmocka_unit_test(test_registries), cmocka_unit_test(test_drafts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
