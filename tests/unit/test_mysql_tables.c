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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_noted),
        cmocka_unit_test(what_is_dropped_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
