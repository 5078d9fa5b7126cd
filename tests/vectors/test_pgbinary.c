/* Binary forms of a real server's values against its texts of the same values: both give the same
 * cell, and a binary form that is cut short or too long is refused or another value, never a crash.
 * pgbinary.json is written by record_pgbinary.py. */
#include "test.h"

#include "base/json.h"
#include "base/os.h"
#include "system/postgres/types.h"

typedef struct world {
    leat_arena a;
    leat_buf text;
    leat_pg_types *types;
    const leat_json *all;
} world;

static void open_world(world *w)
{
    leat_err e = {0};
    *w = (world){.types = leat_pg_types_new()};
    if (leat_os_load(TESTS_DIR "/vectors/pgbinary.json", &w->text, 1 << 24) != 0)
        fail_msg("cannot read pgbinary.json");
    if (leat_json_parse(&w->a, leat_buf_str(&w->text), &w->all, &e) != LEAT_OK)
        fail_msg("%s", e.msg);
}

static void close_world(world *w)
{
    leat_pg_types_free(w->types);
    leat_buf_free(&w->text);
    leat_arena_free(&w->a);
}

static leat_pg_col plan(world *w, const leat_json *type)
{
    leat_err e = {0};
    leat_pg_col col;
    leat_pg_modes modes = {.money_digits = 2};
    int64_t oid, typmod;
    assert_true(leat_str_i64(leat_json_get_str(type, "oid"), &oid));
    assert_true(leat_str_i64(leat_json_get_str(type, "typmod"), &typmod));
    leat_pg_attr attr = {
        .table = "public.t", .name = "c", .type = (uint32_t)oid, .typmod = (int32_t)typmod};
    if (leat_pg_plan(w->types, &modes, &attr, &w->a, &col, &e) != LEAT_OK) fail_msg("%s", e.msg);
    return col;
}

/* In memory of its own size, so that a byte read behind it is noticed. */
static leat_str bytes_of(leat_str hex)
{
    leat_buf b = {0};
    assert_true(leat_buf_unhex(&b, hex));
    char *exact = leat_alloc(b.len + 1);
    memcpy(exact, leat_buf_str(&b).s, b.len);
    leat_str out = {exact, b.len};
    leat_buf_free(&b);
    return out;
}

static bool same_cell(const leat_value *x, const leat_value *y)
{
    bool text = x->kind == LEAT_TEXT || x->kind == LEAT_DECIMAL || x->kind == LEAT_BYTES;
    return x->kind == y->kind && x->unit == y->unit && x->scale == y->scale &&
           (text || x->len == y->len) && leat_value_eq(x, y);
}

static void compare(world *w, const char *type, const leat_pg_col *col, leat_str text, leat_str hex)
{
    leat_value x, y;
    leat_err ex = {0}, ey = {0};
    leat_str bytes = bytes_of(hex);
    leat_rc rx = leat_pg_parse(col, text, &w->a, &x, &ex);
    leat_rc ry = col->binary(col, bytes, &w->a, &y, &ey);
    if (rx != ry || (rx == LEAT_OK && !same_cell(&x, &y)) ||
        (rx != LEAT_OK && strcmp(ex.msg, ey.msg) != 0))
        fail_msg("%s: " LEAT_STR_FMT " and " LEAT_STR_FMT " differ (%d, %d, %s, %s)", type,
                 LEAT_STR_ARG(text), LEAT_STR_ARG(hex), rx, ry, ex.msg, ey.msg);
    leat_free((char *)(uintptr_t)bytes.s);
}

static void both_forms_give_one_cell(void **state)
{
    (void)state;
    world w;
    unsigned n = 0;
    open_world(&w);
    for (const leat_json *t = w.all->child; t; t = t->next) {
        leat_pg_col col = plan(&w, t);
        const char *type = leat_json_get_str(t, "type").s;
        if (!col.binary) fail_msg("%s has no binary form", type);
        for (const leat_json *v = leat_json_get(t, "values")->child; v; v = v->next, n++)
            compare(&w, type, &col, v->child->text, v->child->next->text);
    }
    assert_true(n > 300);
    close_world(&w);
}

static void what_is_cut_or_longer_is_no_crash(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    for (const leat_json *t = w.all->child; t; t = t->next) {
        leat_pg_col col = plan(&w, t);
        bool fixed = col.parse != NULL && !leat_str_starts(leat_str_of(col.type), "character") &&
                     !leat_str_is(leat_str_of(col.type), "text") &&
                     !leat_str_is(leat_str_of(col.type), "name") &&
                     !leat_str_is(leat_str_of(col.type), "json") &&
                     !leat_str_is(leat_str_of(col.type), "jsonb") &&
                     !leat_str_is(leat_str_of(col.type), "bytea");
        for (const leat_json *v = leat_json_get(t, "values")->child; v; v = v->next) {
            leat_str hex = v->child->next->text;
            for (size_t len = 0; len < hex.len; len += 2) {
                leat_value out;
                leat_err e = {0};
                leat_str bytes = bytes_of((leat_str){hex.s, len});
                leat_rc rc = col.binary(&col, bytes, &w.a, &out, &e);
                if (fixed && rc != LEAT_DATA)
                    fail_msg("%s: %zu bytes are taken", col.type, len / 2);
                leat_free((char *)(uintptr_t)bytes.s);
            }
        }
    }
    close_world(&w);
}

static void types_without_an_exact_form_have_none(void **state)
{
    (void)state;
    static const uint32_t oids[] = {18 /* "char" */,   142 /* xml */,        600 /* point */,
                                    790 /* money */,   869 /* inet */,       1007 /* integer[] */,
                                    1562 /* varbit */, 3904 /* int4range */, 3614 /* tsvector */};
    world w;
    open_world(&w);
    for (size_t i = 0; i < sizeof oids / sizeof *oids; i++) {
        leat_pg_col col;
        leat_pg_modes modes = {.money_digits = 2};
        leat_pg_attr attr = {.table = "public.t", .name = "c", .type = oids[i], .typmod = -1};
        assert_int_equal(leat_pg_plan(w.types, &modes, &attr, &w.a, &col, NULL), LEAT_OK);
        if (col.binary) fail_msg("oid %u has a binary form", oids[i]);
    }
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_give_one_cell),
        cmocka_unit_test(what_is_cut_or_longer_is_no_crash),
        cmocka_unit_test(types_without_an_exact_form_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
