/* system/mysql: constants in the statements of `leat verify`, of texts that the other side sent. */
#include "test.h"

#include "system/mysql/compare.h"

static void same_text(leat_buf *got, const char *wanted)
{
    leat_buf_u8(got, 0);
    assert_string_equal(got->p, wanted);
    leat_buf_free(got);
}

static void value(leat_compare_kind kind, leat_canon canon, const char *text, const char *wanted)
{
    const leat_compare_field f = {.name = "c", .canon = (uint8_t)canon, .kind = (uint8_t)kind};
    leat_buf out = {0};
    leat_my_compare_put_value(&out, &f, leat_str_of(text));
    same_text(&out, wanted);
}

static void range(const leat_compare_range *r, const char *before, const char *wanted,
                  const char *behind)
{
    const leat_compare_table table = {.name = "t"};
    const leat_compare_field id = {
        .name = "id", .canon = LEAT_CANON_TEXT, .kind = LEAT_COMPARE_INT, .native = true};
    const leat_compare_plan plan = {.table = &table, .fields = &id, .n = 1, .nkey = 1};
    leat_buf out = {0}, all = {0};
    leat_my_compare_put_from(&out, &plan, r);
    leat_buf_printf(&all, " FROM `t` WHERE TRUE AND (%s%s%s)", before, wanted, behind);
    leat_buf_u8(&all, 0);
    same_text(&out, all.p);
    leat_buf_free(&all);
}

static void key(const char *text, const char *wanted)
{
    const leat_str is = leat_str_of(text);
    range(&(leat_compare_range){.lo = &is}, "`id`>", wanted, "");
    range(&(leat_compare_range){.hi = &is}, "`id`<=", wanted, "");
    range(&(leat_compare_range){.keys = &is, .nkeys = 1}, "`id`) IN ((", wanted, ")");
}

/* A target of SQLite may hold a text in a column of whole numbers. */
static void keys_are_numbers_or_quoted(void **state)
{
    (void)state;
    key("7", "7");
    key("-7", "-7");
    key("", "''");
    key("-", "'-'");
    key("0) OR (1=1", "'0) OR (1=1'");
    key("it's", "'it''s'");
    key("1e3", "'1e3'");
}

static void constants_are_of_their_type_or_quoted(void **state)
{
    (void)state;
    value(LEAT_COMPARE_BYTES, LEAT_CANON_TEXT, "\\xc0ff", "X'c0ff'");
    value(LEAT_COMPARE_BYTES, LEAT_CANON_TEXT, "\\x", "X''");
    value(LEAT_COMPARE_BYTES, LEAT_CANON_TEXT, "\\xc0f", "_utf8mb4 X'5c78633066'");
    value(LEAT_COMPARE_BYTES, LEAT_CANON_TEXT, "ab') OR ('1", "'ab'') OR (''1'");
    value(LEAT_COMPARE_BYTES, LEAT_CANON_TEXT, "abcd", "'abcd'");
    value(LEAT_COMPARE_BITS, LEAT_CANON_BITS, "101", "b'101'");
    value(LEAT_COMPARE_BITS, LEAT_CANON_BITS, "", "''");
    value(LEAT_COMPARE_BITS, LEAT_CANON_BITS, "1') OR ('1", "'1'') OR (''1'");
    value(LEAT_COMPARE_INT, LEAT_CANON_TEXT, "7", "'7'");
}

/* What is 2^64 - 1 at the source is -1 in the target. */
static void keys_of_large_numbers_are_the_source_s(void **state)
{
    (void)state;
    value(LEAT_COMPARE_UINT, LEAT_CANON_SIGNED, "-1", "CAST(-1 AS UNSIGNED)");
    value(LEAT_COMPARE_UINT, LEAT_CANON_SIGNED, "7", "CAST(7 AS UNSIGNED)");
    value(LEAT_COMPARE_UINT, LEAT_CANON_SIGNED, "x'", "'x'''");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_numbers_or_quoted),
        cmocka_unit_test(constants_are_of_their_type_or_quoted),
        cmocka_unit_test(keys_of_large_numbers_are_the_source_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
