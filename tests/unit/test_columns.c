/* Truncated, masked and hashed columns, and parameters that tell types: as recorded from Debezium.
 */
#include "../test.h"

#include "capture/columns.h"
#include "config/load.h"

static const leat_opt *const tables[] = {leat_capture_options, NULL};

enum { ID, FIRST, LAST, EMAIL, PHOTO, N };
static const char *const names[] = {"id", "first_name", "last_name", "email", "photo"};
static const leat_column cols[] = {
    {.type = "serial", .length = 10, .scale = 0},
    {.type = "varchar(255)", .length = 255, .scale = 0},
    {.type = "varchar(255)", .length = 255, .scale = 0},
    {.type = "varchar(255)", .length = 255, .scale = 0},
    {.type = "bytea", .length = -1, .scale = -1},
};

typedef struct fixture {
    leat_arena a;
    leat_capture_conf c;
    leat_err e;
    leat_field fields[N];
    leat_value cells[N];
    leat_column cols[N];
    leat_columns_table t;
    const leat_rewrite *w;
    leat_rc rc;
} fixture;

static fixture f;
static const uint16_t key[] = {ID};

/* The table customers of the recordings, with a column of bytes more. */
static void setup(const char *text)
{
    leat_props props;
    leat_report r;
    const leat_columns *c;
    memset(&f, 0, sizeof f);
    leat_arena_init(&f.a, 0);
    leat_props_init(&props, NULL);
    assert_int_equal(leat_props_read(&f.a, leat_str_of(text), &props, &f.e), LEAT_OK);
    leat_props_set(&props, &f.a, LEAT_STR("topic.prefix"), LEAT_STR("x"), 0);
    leat_report_init(&r, &f.a);
    if (!leat_opts_parse(tables, &props, true, &f.a, &f.c, &r)) fail_msg("%s", r.first->msg);
    for (unsigned i = 0; i < N; i++) {
        leat_type type = i == ID ? LEAT_T_INT32 : i == PHOTO ? LEAT_T_BYTES : LEAT_T_STRING;
        f.fields[i] = (leat_field){names[i], leat_schema_new(&f.a, type, i == EMAIL)};
        f.cells[i] = leat_null();
    }
    memcpy(f.cols, cols, sizeof cols);
    f.t = (leat_columns_table){.schema = "public",
                               .name = "customers",
                               .fields = f.fields,
                               .cols = f.cols,
                               .names = names,
                               .n = N,
                               .key_cols = key,
                               .nkey = 1};
    if (leat_columns_new(&f.a, &f.c, &c, &f.e) != LEAT_OK) fail_msg("%s", f.e.msg);
    f.rc = leat_columns_prepare(c, &f.t, &f.a, &f.w, &f.e);
}

static int teardown(void **state)
{
    (void)state;
    leat_arena_free(&f.a);
    return 0;
}

static void cell_is(unsigned i, const char *text)
{
    leat_str s = leat_value_str(&f.cells[i]);
    assert_int_equal(f.cells[i].kind, LEAT_TEXT);
    if (!leat_str_is(s, text)) fail_msg("%.*s, not %s", (int)s.len, s.s, text);
}

static const char *param(unsigned i, const char *name)
{
    const char *v = leat_schema_param_get(f.fields[i].schema, name);
    return v ? v : "";
}

static const char recorded[] =
    "column.mask.with.5.chars=public.customers.last_name\n"
    "column.truncate.to.2.chars=public.customers.first_name\n"
    "column.mask.hash.SHA-256.with.salt.CzQMA0cB5K=public.customers.email";

static void test_recorded(void **state)
{
    (void)state;
    setup(recorded);
    assert_int_equal(f.rc, LEAT_OK);
    f.cells[FIRST] = leat_text(LEAT_STR("Sally"));
    f.cells[LAST] = leat_text(LEAT_STR("Thomas"));
    f.cells[EMAIL] = leat_text(LEAT_STR("sally@acme.com"));
    leat_rewrite_row(f.w, f.cells, false, &f.a);
    cell_is(FIRST, "Sa");
    cell_is(LAST, "*****");
    cell_is(EMAIL, "aafb457e5910b05385a3e70e6106efaf470eaeea06945b670c44174526edf049");
    assert_string_equal(param(FIRST, "truncateLength"), "2");
    assert_string_equal(param(LAST, "masked"), "true");
    assert_string_equal(param(EMAIL, "masked"), "true");
    assert_int_equal(f.fields[ID].schema->nparams, 0);
}

static void test_old_key(void **state)
{
    (void)state;
    setup(recorded);
    for (unsigned i = FIRST; i < N; i++) f.cells[i] = leat_absent();
    leat_rewrite_row(f.w, f.cells, true, &f.a);
    assert_int_equal(f.cells[FIRST].kind, LEAT_ABSENT);
    cell_is(LAST, "*****");
    assert_int_equal(f.cells[EMAIL].kind, LEAT_ABSENT);
    teardown(NULL);
    /* A column that is NOT NULL shows the hash of its zero. */
    setup("column.mask.hash.v2.MD5.with.salt.x=public.customers.first_name");
    f.cells[FIRST] = leat_absent();
    leat_rewrite_row(f.w, f.cells, true, &f.a);
    cell_is(FIRST, "9dd4e461268c8034f5c8564e155c67a6"); /* md5 of "x" */
    f.cells[FIRST] = leat_absent();
    leat_rewrite_row(f.w, f.cells, false, &f.a);
    assert_int_equal(f.cells[FIRST].kind, LEAT_ABSENT);
}

static void test_null(void **state)
{
    (void)state;
    setup(recorded);
    leat_rewrite_row(f.w, f.cells, false, &f.a);
    assert_int_equal(f.cells[FIRST].kind, LEAT_NULL);
    cell_is(LAST, "*****"); /* a mask hides NULL too */
    assert_int_equal(f.cells[EMAIL].kind, LEAT_NULL);
}

static void test_truncate(void **state)
{
    (void)state;
    setup("column.truncate.to.3.chars=public.customers.(first_name|photo)\n"
          "column.truncate.to.300.chars=.*last_name");
    static const struct {
        const char *text, *cut;
    } cases[] = {{"", ""},
                 {"abc", "abc"},
                 {"abcd", "abc"},
                 {"a\xC3\xA9\xE2\x82\xACz", "a\xC3\xA9\xE2\x82\xAC"},
                 {"a\xF0\x9F\x98\x80z", "a\xF0\x9F\x98\x80"}, /* two units */
                 {"ab\xF0\x9F\x98\x80z", "ab"}};              /* a pair is not cut */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        f.cells[FIRST] = leat_text(leat_str_of(cases[i].text));
        leat_rewrite_row(f.w, f.cells, false, &f.a);
        cell_is(FIRST, cases[i].cut);
    }
    f.cells[PHOTO] = leat_bytes((leat_str){"\x00\x01\x02\x03", 4});
    leat_rewrite_row(f.w, f.cells, false, &f.a);
    assert_int_equal(f.cells[PHOTO].len, 3);
    assert_string_equal(param(PHOTO, "truncateLength"), "3");
    /* Nothing to cut off: the column is shorter. */
    assert_int_equal(f.fields[LAST].schema->nparams, 0);
}

static void test_hash(void **state)
{
    (void)state;
    setup(
        "column.mask.hash.SHA-256.with.salt.s.t=.*first_name\n"
        "column.mask.hash.v2.SHA-512.with.salt.s=.*last_name\ncolumn.mask.hash.MD5.with.salt.s=.*id");
    f.cols[LAST].length = 10;
    const leat_columns *c;
    leat_columns_new(&f.a, &f.c, &c, &f.e);
    assert_int_equal(leat_columns_prepare(c, &f.t, &f.a, &f.w, &f.e), LEAT_OK);
    f.cells[ID] = leat_int(7);
    f.cells[FIRST] = leat_text((leat_str){"a\xF0\x9F\x98\x80\0z", 7});
    f.cells[LAST] = leat_text(LEAT_STR("Thomas"));
    leat_rewrite_row(f.w, f.cells, false, &f.a);
    /* As Java hashes "s.t" and the serialized "a\uD83D\uDE00\u0000z". */
    cell_is(FIRST, "f9346f33028345a28e7217a1d4cf96779631b8e48a58aaa1326a1126b30bd66f");
    cell_is(LAST, "999d7a9418");          /* cut to the column's length */
    assert_int_equal(f.cells[ID].u.i, 7); /* no text: stays */
    assert_string_equal(param(ID, "masked"), "true");
    char *big = leat_alloc(70000);
    memset(big, 'x', 70000);
    f.cells[FIRST] = leat_text((leat_str){big, 70000});
    leat_rewrite_row(f.w, f.cells, false, &f.a);
    cell_is(FIRST, "e9a5c467ba0673243864730f09c05001b3b5f619cb532dfde130ca84c118c807");
    leat_free(big);
}

static void test_first_rule_wins(void **state)
{
    (void)state;
    setup(
        "column.mask.with.3.chars=.*\\\\.(first|last)_name\ncolumn.truncate.to.1.chars=.*first_name\n"
        "column.propagate.source.type=.*first_name");
    f.cells[FIRST] = leat_text(LEAT_STR("Sally"));
    f.cells[LAST] = leat_text(LEAT_STR("Thomas"));
    leat_rewrite_row(f.w, f.cells, false, &f.a);
    cell_is(FIRST, "S");
    cell_is(LAST, "***");
    assert_string_equal(param(FIRST, "truncateLength"), "1");
    assert_string_equal(param(FIRST, "__debezium.source.column.type"), "VARCHAR");
}

static void test_key_columns(void **state)
{
    (void)state;
    setup("column.mask.with.3.chars=.*id");
    assert_int_equal(f.rc, LEAT_OK); /* not text: nothing is masked */
    teardown(NULL);
    static const uint16_t email[] = {EMAIL};
    static const char *const texts[] = {"column.mask.with.3.chars=.*email",
                                        "column.truncate.to.3.chars=.*email",
                                        "column.mask.hash.MD5.with.salt.x=.*email"};
    for (size_t i = 0; i < 3; i++) {
        setup(texts[i]);
        const leat_columns *c;
        leat_columns_new(&f.a, &f.c, &c, &f.e);
        f.t.key_cols = email;
        f.rc = leat_columns_prepare(c, &f.t, &f.a, &f.w, &f.e);
        assert_int_equal(f.rc, i == 2 ? LEAT_OK : LEAT_CONF);
        if (i < 2) {
            assert_string_equal(f.e.code, "capture.masked_key");
            assert_non_null(strstr(f.e.msg, "\"email\" of public.customers"));
            teardown(NULL);
        }
    }
}

/* As recorded: crud_propagate_type. */
static void test_propagate(void **state)
{
    (void)state;
    setup("column.propagate.source.type=.*");
    assert_null(f.w);
    const leat_schema *s = f.fields[ID].schema;
    static const char *const want[][2] = {{"__debezium.source.column.type", "SERIAL"},
                                          {"__debezium.source.column.length", "10"},
                                          {"__debezium.source.column.scale", "0"},
                                          {"__debezium.source.column.name", "id"}};
    assert_int_equal(s->nparams, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_string_equal(s->params[i].key, want[i][0]);
        assert_string_equal(s->params[i].value, want[i][1]);
    }
    assert_string_equal(param(EMAIL, "__debezium.source.column.length"), "255");
    assert_int_equal(f.fields[PHOTO].schema->nparams, 2); /* no length, no scale */
    teardown(NULL);
    setup("datatype.propagate.source.type=public\\\\.customers\\\\.varchar");
    assert_int_equal(f.fields[ID].schema->nparams, 0);
    assert_int_equal(f.fields[FIRST].schema->nparams, 4);
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    setup("");
    assert_null(f.w);
    leat_rewrite_row(f.w, f.cells, false, &f.a);
    teardown(NULL);
    setup("column.mask.with.3.chars=other.table.column");
    assert_null(f.w);
}

static void test_rows_same(void **state)
{
    (void)state;
    setup("");
    leat_value before[3] = {leat_int(1), leat_text(LEAT_STR("a")), leat_null()};
    leat_value after[3] = {leat_int(1), leat_text(LEAT_STR("a")), leat_null()};
    assert_true(leat_rows_same(before, after, 3));
    after[1] = leat_absent();
    assert_true(leat_rows_same(before, after, 3));
    after[2] = leat_int(0);
    assert_false(leat_rows_same(before, after, 3));
    before[2] = leat_absent();
    assert_false(leat_rows_same(before, after, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_recorded, teardown),
        cmocka_unit_test_teardown(test_old_key, teardown),
        cmocka_unit_test_teardown(test_null, teardown),
        cmocka_unit_test_teardown(test_truncate, teardown),
        cmocka_unit_test_teardown(test_hash, teardown),
        cmocka_unit_test_teardown(test_first_rule_wins, teardown),
        cmocka_unit_test_teardown(test_key_columns, teardown),
        cmocka_unit_test_teardown(test_propagate, teardown),
        cmocka_unit_test_teardown(test_nothing_to_do, teardown),
        cmocka_unit_test_teardown(test_rows_same, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
