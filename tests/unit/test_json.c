/* base/json: what is read, what is refused and where, writing as Jackson does, the writer. */
#include "test.h"

#include "base/json.h"

#include <math.h>

static leat_arena arena;

static int reset(void **state)
{
    (void)state;
    leat_arena_free(&arena);
    return 0;
}

static const leat_json *parse(const char *text)
{
    const leat_json *j = NULL;
    leat_err e = {0};
    leat_rc rc = leat_json_parse(&arena, leat_str_of(text), &j, &e);
    if (rc != LEAT_OK) print_message("%s: %s\n", text, e.msg);
    assert_int_equal(rc, LEAT_OK);
    return j;
}

static void test_read(void **state)
{
    (void)state;
    const leat_json *j = parse(" {\"name\":\"orders\",\"n\":-12,\"big\":1e400,\"yes\":true,"
                               "\"no\":false,\"none\":null,\"list\":[1,\"two\",{}],\"\":0}\r\n\t");
    assert_int_equal(j->type, LEAT_JSON_OBJECT);
    assert_null(j->name.s);
    assert_true(leat_str_is(leat_json_get_str(j, "name"), "orders"));
    assert_null(leat_json_get_str(j, "n").s);
    assert_null(leat_json_get_str(j, "missing").s);
    assert_int_equal(leat_json_get_i64(j, "n", 5), -12);
    assert_int_equal(leat_json_get_i64(j, "big", 5), 5);
    assert_int_equal(leat_json_get_i64(j, "name", 5), 5);
    assert_true(leat_json_get_bool(j, "yes", false));
    assert_false(leat_json_get_bool(j, "no", true));
    assert_true(leat_json_get_bool(j, "none", true));
    assert_true(leat_str_is(leat_json_get(j, "big")->text, "1e400"));
    assert_int_equal(leat_json_get(j, "none")->type, LEAT_JSON_NULL);
    assert_int_equal(leat_json_get_i64(j, "", 5), 0);
    const leat_json *list = leat_json_get(j, "list");
    assert_int_equal(list->type, LEAT_JSON_ARRAY);
    assert_null(leat_json_get(list, "list"));
    assert_null(leat_json_get(NULL, "list"));
    assert_true(leat_str_is(list->child->next->text, "two"));
    assert_null(list->child->next->next->child);
    assert_null(list->child->next->next->next);
}

static void test_strings(void **state)
{
    (void)state;
    const leat_json *j =
        parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\u20AC\\ud83d\\uDE00 \xc3\xa4\"");
    assert_string_equal(j->text.s, "\"\\/\b\f\n\r\t\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 \xc3\xa4");
    j = parse("\"a\\u0000b\"");
    assert_int_equal(j->text.len, 3);
    assert_memory_equal(j->text.s, "a\0b", 4);
    assert_string_equal(parse("\"\"")->text.s, "");
    assert_string_equal(parse("\"\x7f\"")->text.s, "\x7f");
}

static void test_numbers(void **state)
{
    (void)state;
    static const char *const good[] = {"0",
                                       "-0",
                                       "1",
                                       "10",
                                       "-1.5",
                                       "0.001",
                                       "1e5",
                                       "1E+5",
                                       "1e-5",
                                       "1.5e10",
                                       "-0e0",
                                       "0.0",
                                       "12345678901234567890123456789.000"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const leat_json *j = parse(good[i]);
        assert_int_equal(j->type, LEAT_JSON_NUMBER);
        assert_string_equal(j->text.s, good[i]);
    }
}

static void test_refuse(void **state)
{
    (void)state;
    static const struct {
        const char *text, *where;
    } cases[] = {
        {"", "line 1, column 1"},
        {"  ", "line 1, column 3"},
        {"nul", "line 1, column 1"},
        {"truex", "line 1, column 5"},
        {"True", "line 1, column 1"},
        {"{", "line 1, column 2"},
        {"[1,]", "line 1, column 4"},
        {"[1 2]", "line 1, column 4"},
        {"{\"a\":1,}", "line 1, column 8"},
        {"{\"a\" 1}", "line 1, column 6"},
        {"{a:1}", "line 1, column 2"},
        {"{'a':1}", "line 1, column 2"},
        {"[1]]", "line 1, column 4"},
        {"[1}", "line 1, column 3"},
        {"{} {}", "line 1, column 4"},
        {"// comment\n1", "line 1, column 1"},
        {"\xef\xbb\xbf{}", "line 1, column 1"},
        {"01", "line 1, column 1"},
        {"-", "line 1, column 2"},
        {"+1", "line 1, column 1"},
        {".5", "line 1, column 1"},
        {"1.", "line 1, column 3"},
        {"1.e5", "line 1, column 3"},
        {"1e", "line 1, column 3"},
        {"1e+", "line 1, column 4"},
        {"NaN", "line 1, column 1"},
        {"-Infinity", "line 1, column 2"},
        {"0x10", "line 1, column 2"},
        {"\"abc", "line 1, column 1"},
        {"\"abc\\", "line 1, column 1"},
        {"\"abc\\\"", "line 1, column 1"},
        {"\"a\nb\"", "line 1, column 3"},
        {"\"a\tb\"", "line 1, column 3"},
        {"\"\\x\"", "line 1, column 2"},
        {"\"\\u12\"", "line 1, column 2"},
        {"\"\\u12g4\"", "line 1, column 2"},
        {"\"\\ud800\"", "line 1, column 2"},
        {"\"\\ud800x\"", "line 1, column 2"},
        {"\"\\ud800\\u0041\"", "line 1, column 2"},
        {"\"\\ud800\\ud800\"", "line 1, column 2"},
        {"\"x\\udc00\"", "line 1, column 3"},
        {"\"\xff\"", "line 1, column 1"},
        {"\"\xed\xa0\x80\"", "line 1, column 1"},
        {"{\"a\":1,\n \"b\":2,\n \"a\":3}", "line 3, column 2"},
        {"{\"a\":1,\"\\u0061\":3}", "line 1, column 8"},
        {"[\"\xc3\xa4\xf0\x9f\x98\x80\",\r\n\"\xc3\xa4\" x]", "line 2, column 5"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const leat_json *j = NULL;
        leat_err e = {0};
        leat_rc rc = leat_json_parse(&arena, leat_str_of(cases[i].text), &j, &e);
        if (rc == LEAT_OK) print_message("taken: %s\n", cases[i].text);
        assert_int_equal(rc, LEAT_CONF);
        assert_string_equal(e.code, "json.syntax");
        assert_string_equal(e.where, cases[i].where);
        assert_null(j);
        assert_int_equal(leat_json_parse(&arena, leat_str_of(cases[i].text), &j, NULL), LEAT_CONF);
    }
    leat_err e;
    const leat_json *j;
    assert_int_equal(leat_json_parse(&arena, (leat_str){"1\0", 2}, &j, &e), LEAT_CONF);
    assert_int_equal(leat_json_parse(&arena, (leat_str){NULL, 0}, &j, &e), LEAT_CONF);
}

static void test_depth(void **state)
{
    (void)state;
    char text[400];
    for (size_t depth = 63; depth < 200; depth++) {
        const leat_json *j = NULL;
        leat_err e = {0};
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        leat_rc rc = leat_json_parse(&arena, (leat_str){text, depth * 2}, &j, &e);
        assert_int_equal(rc, depth <= LEAT_JSON_DEPTH ? LEAT_OK : LEAT_CONF);
    }
    memset(text, '[', sizeof(text));
    leat_err e;
    const leat_json *j;
    assert_int_equal(leat_json_parse(&arena, (leat_str){text, sizeof(text)}, &j, &e), LEAT_CONF);
    assert_string_equal(e.where, "line 1, column 65");
}

/* Many names cost n log n, and one twice among them is found. */
static void test_many_names(void **state)
{
    (void)state;
    leat_buf b = {0};
    leat_buf_u8(&b, '{');
    for (int i = 0; i < 50000; i++) leat_buf_printf(&b, "\"%d\":{\"a\":1,\"b\":2},", i);
    size_t len = b.len;
    leat_buf_str_z(&b, "\"x\":0}");
    const leat_json *j;
    assert_int_equal(leat_json_parse(&arena, leat_buf_str(&b), &j, NULL), LEAT_OK);
    b.len = len;
    leat_buf_str_z(&b, "\"77\":0}");
    assert_int_equal(leat_json_parse(&arena, leat_buf_str(&b), &j, NULL), LEAT_CONF);
    leat_buf_free(&b);
}

static void test_write(void **state)
{
    (void)state;
    leat_buf b = {0};
    leat_json_write(parse("{ \"b\" : [ 1.50 , -0 , { } , [ ] ] , \"a\\n\" : \"\\u00e4\\/\" ,"
                          " \"c\" : [ true , false , null ] }"),
                    &b);
    assert_true(leat_str_is(leat_buf_str(&b), "{\"b\":[1.50,-0,{},[]],\"a\\n\":\"\xc3\xa4/\","
                                              "\"c\":[true,false,null]}"));
    leat_buf_free(&b);
}

static void test_quote(void **state)
{
    (void)state;
    leat_buf b = {0};
    leat_json_quote(&b, (leat_str){"a\"b\\c/\b\t\n\f\r\0\x1f\x0b\x7f\xc3\xa4<'", 19});
    assert_true(leat_str_is(leat_buf_str(&b), "\"a\\\"b\\\\c/\\b\\t\\n\\f\\r\\u0000\\u001F\\u000B"
                                              "\x7f\xc3\xa4<'\""));
    leat_buf_clear(&b);
    leat_json_quote(&b, (leat_str){NULL, 0});
    leat_json_quote(&b, LEAT_STR("x"));
    leat_json_quote(&b, LEAT_STR("\n"));
    assert_true(leat_str_is(leat_buf_str(&b), "\"\"\"x\"\"\\n\""));
    leat_buf_free(&b);
}

static void test_writer(void **state)
{
    (void)state;
    leat_buf b = {0};
    leat_jw w = {.out = &b};
    leat_jw_object(&w, NULL);
    leat_jw_str(&w, "s", LEAT_STR("x\"y"));
    leat_jw_str(&w, "absent", (leat_str){NULL, 0});
    leat_jw_z(&w, "z", "text");
    leat_jw_i64(&w, "i", INT64_MIN);
    leat_jw_array(&w, "list");
    leat_jw_bool(&w, NULL, true);
    leat_jw_object(&w, NULL);
    leat_jw_end(&w);
    leat_jw_array(&w, NULL);
    leat_jw_null(&w, NULL);
    leat_jw_end(&w);
    leat_jw_end(&w);
    leat_jw_raw(&w, "raw", LEAT_STR("{\"a\":1}"));
    leat_jw_bool(&w, "last", false);
    leat_jw_end(&w);
    assert_int_equal(w.depth, 0);
    assert_true(leat_str_is(leat_buf_str(&b),
                            "{\"s\":\"x\\\"y\",\"absent\":null,\"z\":\"text\","
                            "\"i\":-9223372036854775808,\"list\":[true,{},[null]],"
                            "\"raw\":{\"a\":1},\"last\":false}"));
    parse("null");
    const leat_json *j;
    assert_int_equal(leat_json_parse(&arena, leat_buf_str(&b), &j, NULL), LEAT_OK);
    leat_buf_clear(&b);
    w = (leat_jw){.out = &b};
    for (unsigned i = 0; i < LEAT_JSON_DEPTH; i++)
        i % 2 ? leat_jw_array(&w, "a") : leat_jw_object(&w, NULL);
    for (unsigned i = 0; i < LEAT_JSON_DEPTH; i++) leat_jw_end(&w);
    assert_int_equal(leat_json_parse(&arena, leat_buf_str(&b), &j, NULL), LEAT_OK);
    leat_buf_free(&b);
}

static void test_doubles(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *want;
    } cases[] = {
        {0, "0.000"},
        {1, "1.000"},
        {-1.5, "-1.500"},
        {0.0004, "0.000"},
        {-0.0004, "0.000"},
        {0.0005, "0.001"},
        {2.9996, "3.000"},
        {123456789.012, "123456789.012"},
        {1e16, "10000000000000000"},
        {NAN, "null"},
        {INFINITY, "null"},
        {-INFINITY, "null"},
    };
    leat_buf b = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        leat_jw w = {.out = &b};
        leat_buf_clear(&b);
        leat_jw_f64(&w, NULL, cases[i].v);
        assert_true(leat_str_is(leat_buf_str(&b), cases[i].want));
    }
    leat_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_read, reset),
        cmocka_unit_test_teardown(test_strings, reset),
        cmocka_unit_test_teardown(test_numbers, reset),
        cmocka_unit_test_teardown(test_refuse, reset),
        cmocka_unit_test_teardown(test_depth, reset),
        cmocka_unit_test_teardown(test_many_names, reset),
        cmocka_unit_test_teardown(test_write, reset),
        cmocka_unit_test_teardown(test_quote, reset),
        cmocka_unit_test_teardown(test_writer, reset),
        cmocka_unit_test_teardown(test_doubles, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
