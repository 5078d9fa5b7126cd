/* source/mysql: what is kept of tables, without a server. */
#include "test.h"

#include "source/mysql/my.h"

static leat_rc add(leat_schema_store *store, const leat_schema_entry *entries, size_t n,
                   leat_err *e)
{
    (void)store, (void)entries, (void)e;
    fail_msg("%zu entries", n);
    return LEAT_OK;
}

static unsigned count(const leat_my_source *s)
{
    unsigned n = 0;
    for (int i = 0; i < LEAT_MY_RELS; i++)
        for (const leat_my_rel *r = s->rels[i]; r; r = r->next) n++;
    return n;
}

/* DDL of tables that are not captured notes nothing, and leaves nothing behind (the leak checker
 * would say so). */
static void nothing_is_noted(void **state)
{
    (void)state;
    leat_schema_store store = {.add = add};
    leat_task task = {.schemas = &store};
    leat_my_source s = {.task = &task};
    leat_err e;
    assert_int_equal(leat_my_schemas_note(&s, NULL, 0, &e), LEAT_OK);
}

/* Names that come and go are not kept, unless they are captured. */
static void what_is_dropped_is_forgotten(void **state)
{
    (void)state;
    leat_my_conf conf = {.capture = {.ignore_builtin = true}};
    leat_my_source *s = leat_zalloc(1, sizeof *s);
    const leat_filter *filter;
    leat_my_rel *r;
    leat_err e;
    assert_int_equal(leat_filter_new(&s->arena, &conf.capture, &filter, &e), LEAT_OK);
    s->conf = &conf;
    s->filter = filter;
    assert_int_equal(leat_my_rel_named(s, LEAT_STR("shop"), LEAT_STR("a"), &r, &e), LEAT_OK);
    assert_true(r->captured);
    assert_string_equal(r->whole, "shop.a");
    size_t held = s->arena.held;
    for (int i = 0; i < 10000; i++) {
        char name[64];
        leat_str t = {name, (size_t)snprintf(name, sizeof name, "a_table_of_the_server_%d", i)};
        leat_binlog_table map = {.db = LEAT_STR("mysql"), .name = t, .id = 7, .wire = t};
        assert_int_equal(leat_my_rel_map(s, &map, &e), LEAT_OK);
        r = leat_my_rel_find(s, 7);
        assert_false(r->captured);
        assert_string_equal(r->db, "mysql");
        assert_string_equal(r->name, name);
        leat_my_rels_forget(s, i % 2 ? map.db : LEAT_STR("shop"), i % 3 ? t : LEAT_STR("a"));
        if (i % 2 == 0 || i % 3 == 0) continue;
        assert_null(leat_my_rel_find(s, 7));
    }
    assert_int_equal(s->arena.held, held);
    leat_my_rels_forget(s, LEAT_STR("mysql"), (leat_str){0});
    leat_my_rels_forget(s, LEAT_STR("shop"), (leat_str){0});
    assert_int_equal(count(s), 1);
    leat_my_rels_free(s);
    leat_arena_free(&s->arena);
    leat_free(s);
}

static bool skips(const char *was, const char *to, bool *doubt)
{
    return leat_my_skips((leat_position){.offset = leat_str_of(was)},
                         (leat_position){.offset = leat_str_of(to)}, doubt);
}

/* Whether one place is behind another is told by the GTIDs, or in one server's log; elsewhere in
 * doubt there is a gap. */
static void a_gap_in_doubt(void **state)
{
    const char *low = "{\"file\":\"b.000001\",\"pos\":9,\"log_server\":\"x\"}";
    const char *high = "{\"file\":\"b.000007\",\"pos\":9,\"log_server\":\"x\"}";
    const char *other = "{\"file\":\"b.000001\",\"pos\":4,\"log_server\":\"y\"}";
    const char *unknown = "{\"file\":\"b.000001\",\"pos\":4}";
    const char *five = "{\"file\":\"b.000007\",\"pos\":9,\"gtids\":\"0-1-5\",\"log_server\":\"x\"}";
    const char *five_too = "{\"file\":\"b.000002\",\"pos\":4,\"gtids\":\"0-1-5\"}";
    const char *four = "{\"file\":\"b.000002\",\"pos\":4,\"gtids\":\"0-1-4\"}";
    const char *to_5 = "{\"file\":\"b.000007\",\"pos\":9,"
                       "\"gtids\":\"2ec757f5-0000-0000-0000-000000000001:1-5\"}";
    const char *to_4 = "{\"file\":\"b.000001\",\"pos\":9,"
                       "\"gtids\":\"2ec757f5-0000-0000-0000-000000000001:1-4\"}";
    bool doubt;
    (void)state;
    assert_true(skips(low, high, &doubt) && !doubt);
    assert_true(!skips(high, low, &doubt) && !doubt);
    assert_true(skips(high, other, &doubt) && doubt);
    assert_true(skips(high, unknown, &doubt) && doubt);
    assert_true(!skips(five, five_too, &doubt) && doubt);
    assert_true(skips(five, four, &doubt) && doubt);
    assert_true(!skips(to_5, to_4, &doubt) && !doubt);
    assert_true(skips(to_4, to_5, &doubt) && !doubt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_noted),
        cmocka_unit_test(what_is_dropped_is_forgotten),
        cmocka_unit_test(a_gap_in_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
